//! `core::json` against serde_json: what is JSON, and what it says. The differences are documented ones, and each is
//! asserted as what it is:
//!
//! - a lone surrogate is read as U+FFFD, where serde_json refuses the text;
//! - nesting beyond sixty-four is refused, where serde_json goes on to a hundred and twenty-seven;
//! - a number beyond a double is read (numbers stay text), where serde_json refuses the text.
//!
//! Of members with one name the last counts, in both.

use crate::frames::all;
use crate::texts::{Chance, Made, mutate, text};
use guestwire::core::json::{Document, MAX_DEPTH, MAX_LENGTH, Value, push_string};
use guestwire::guest::wire::guest_api;
use std::collections::{BTreeMap, BTreeSet};

const CASES: usize = 20_000;
const SEED: u64 = 0x67_75_65_73_74;

#[derive(Default)]
struct Tally(BTreeMap<&'static str, u32>);

impl Tally {
    fn note(&mut self, name: &'static str) {
        *self.0.entry(name).or_default() += 1;
    }

    /// Prints what was covered; what never came up is a failure.
    fn report(&self, expected: &[&'static str]) {
        println!("{:?}", self.0);
        let missing: Vec<_> = expected.iter().filter(|name| !self.0.contains_key(**name)).collect();
        assert!(missing.is_empty(), "never came up: {missing:?}");
    }
}

/// The text as serde_json is to read it: lone surrogates as what they stand for, exponents within a double's range.
/// Neither makes JSON of what is none, nor the other way round.
pub fn tamed(text: &str) -> String {
    let bytes = text.as_bytes();
    let unit = |at: usize| -> Option<u32> {
        let escape = bytes.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u") && escape[2..].iter().all(u8::is_ascii_hexdigit))?;
        u32::from_str_radix(std::str::from_utf8(&escape[2..]).expect("hexadecimal digits"), 16).ok()
    };
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    let mut inside = false;
    while at < bytes.len() {
        let from = at;
        at += match (bytes[at], unit(at)) {
            (b'\\', Some(0xd800..0xdc00)) if matches!(unit(at + 6), Some(0xdc00..0xe000)) => 12,
            (b'\\', Some(0xd800..0xe000)) => {
                out.extend_from_slice(b"\\ufffd");
                at += 6;
                continue;
            }
            (b'\\', _) => 2.min(bytes.len() - at),
            (b'"', _) => {
                inside = !inside;
                1
            }
            (b'e' | b'E', _) if !inside => {
                let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
                out.extend_from_slice(&bytes[at..at + 1 + sign]);
                at += 1 + sign;
                let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                out.extend_from_slice(if digits > 2 { b"1" } else { &bytes[at..at + digits] });
                at += digits;
                continue;
            }
            _ => 1,
        };
        out.extend_from_slice(&bytes[from..at]);
    }
    String::from_utf8(out).expect("only ASCII was changed")
}

fn depth(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        serde_json::Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Asserts that both read the same; says whether it was JSON.
fn agree(text: &str, tally: &mut Tally) -> bool {
    let tame = tamed(text);
    let theirs = serde_json::from_str::<serde_json::Value>(&tame);
    let ours = Document::parse(text);
    match (&theirs, &ours) {
        (Err(_), None) => {
            tally.note("refused");
            false
        }
        (Ok(value), None) => {
            assert!(depth(value) > MAX_DEPTH, "refused, though it is JSON: {text:?}");
            tally.note("too deep");
            false
        }
        (Err(error), Some(_)) => panic!("read, though it is no JSON ({error}): {text:?}"),
        (Ok(value), Some(document)) => {
            assert!(depth(value) <= MAX_DEPTH, "read, though it is too deep: {text:?}");
            same(document.root(), value, tally, text);
            tally.note("read");
            true
        }
    }
}

fn same(ours: Value<'_>, theirs: &serde_json::Value, tally: &mut Tally, text: &str) {
    let raw: serde_json::Value = serde_json::from_str(&tamed(ours.raw())).unwrap_or_else(|error| panic!("raw ({error}): {} in {text:?}", ours.raw()));
    assert_eq!(raw, *theirs, "the raw slice: {text:?}");
    assert_eq!(ours.is_object(), theirs.is_object());
    assert_eq!(ours.is_array(), theirs.is_array());
    assert_eq!(ours.as_bool(), theirs.as_bool());
    assert_eq!(ours.as_str(), theirs.as_str(), "{text:?}");
    match theirs {
        serde_json::Value::Null => tally.note("null"),
        serde_json::Value::Bool(_) => tally.note("truth"),
        serde_json::Value::String(_) => tally.note("string"),
        serde_json::Value::Number(number) => {
            let written = ours.raw();
            if written.contains(['e', 'E']) {
                tally.note("exponent");
                assert_eq!(ours.as_int(), None, "{written}");
            } else if written.contains('.') {
                let float = number.as_f64().expect("a double");
                // Where the double is exact enough to tell.
                if written.len() < 15 {
                    tally.note("float");
                    assert_eq!(ours.as_int(), Some(float.trunc() as i64), "{written}");
                }
            } else if written != "-0" {
                tally.note("whole");
                assert_eq!(ours.as_int(), number.as_i64(), "{written}");
            } else {
                assert_eq!(ours.as_int(), Some(0));
            }
        }
        serde_json::Value::Array(items) => {
            tally.note("array");
            assert_eq!(ours.items().count(), items.len(), "{text:?}");
            for (ours, theirs) in ours.items().zip(items) {
                same(ours, theirs, tally, text);
            }
        }
        serde_json::Value::Object(members) => {
            tally.note("object");
            let keys: BTreeSet<String> = ours.members().map(|(key, _)| key.to_owned()).collect();
            assert_eq!(keys, members.keys().cloned().collect(), "{text:?}");
            for (key, theirs) in members {
                match ours.get(key) {
                    Some(ours) => same(ours, theirs, tally, text),
                    None => assert!(theirs.is_null(), "{key:?} in {text:?}"),
                }
            }
            assert!(ours.get("no such member").is_none());
        }
    }
}

#[test]
fn random_texts_read_as_serde_json_reads_them() {
    let mut tally = Tally::default();
    let mut chance = Chance::new(SEED);
    for _ in 0..CASES / 2 {
        let mut made = Made::default();
        let text = text(&mut chance, &mut made);
        for name in made.names {
            tally.note(name);
        }
        if !agree(&text, &mut tally) {
            tally.note("made too deep");
        }
        if agree(&mutate(&mut chance, &text), &mut tally) {
            tally.note("mutated and JSON");
        } else {
            tally.note("mutated and none");
        }
    }
    tally.report(&[
        "read",
        "refused",
        "too deep",
        "made too deep",
        "mutated and JSON",
        "mutated and none",
        "duplicate key",
        "lone surrogate",
        "huge number",
        "fraction",
        "escape",
        "nested around the limit",
        "null",
        "truth",
        "string",
        "whole",
        "float",
        "exponent",
        "array",
        "object",
    ]);
}

#[test]
fn mutated_frames_read_as_serde_json_reads_them_and_never_panic() {
    let frames = all();
    let mut tally = Tally::default();
    let mut chance = Chance::new(SEED + 1);
    for _ in 0..3_000 {
        let (_, frame) = &frames[chance.below(frames.len())];
        let text = mutate(&mut chance, frame);
        agree(&text, &mut tally);
        let Some(document) = Document::parse(&text) else { continue };
        match guest_api::decode(&document) {
            Some(_) => tally.note("frame"),
            None => tally.note("no frame"),
        }
        match guest_api::page(&document) {
            Some(_) => tally.note("page"),
            None => tally.note("no page"),
        }
        match guest_api::entry(document.root()) {
            Some(_) => tally.note("entry"),
            None => tally.note("no entry"),
        }
    }
    tally.report(&["read", "refused", "frame", "no frame", "page", "no page", "entry", "no entry"]);
}

#[test]
fn what_is_written_reads_back_in_serde_json() {
    let mut chance = Chance::new(SEED + 2);
    for _ in 0..5_000 {
        let text: String = (0..chance.below(20)).filter_map(|_| char::from_u32((chance.bits() >> (32 + chance.below(25))) as u32)).collect();
        let mut written = String::new();
        push_string(&mut written, &text);
        assert_eq!(serde_json::from_str::<String>(&written).expect("JSON"), text);
        assert_eq!(Document::parse(&written).and_then(|document| document.root().as_str().map(|text| text.to_owned())), Some(text));
    }
}

#[test]
fn the_length_is_limited() {
    let fits = format!("\"{}\"", "x".repeat(MAX_LENGTH - 2));
    assert!(Document::parse(&fits).is_some());
    assert!(Document::parse(&format!("{fits} ")).is_none());
}

#[test]
fn the_taming_keeps_what_is_sound() {
    for (text, tame) in [
        (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
        (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
        (r#""\\ud83d""#, r#""\\ud83d""#),
        (r#"[1e999,"1e999",1e99]"#, r#"[1e1,"1e999",1e99]"#),
        (r#""\ude00e""#, r#""\ufffde""#),
        (r#""\u1e90000""#, r#""\u1e90000""#),
        (r#"[1E+400,-2e-5000]"#, r#"[1E+1,-2e-1]"#),
    ] {
        assert_eq!(tamed(text), tame);
    }
}
