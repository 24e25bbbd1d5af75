//! `core::json` against serde_json: what is JSON, and what it says. The differences are documented ones, and each is
//! asserted as what it is:
//!
//! - a lone surrogate is read as U+FFFD, where serde_json refuses the text;
//! - nesting beyond sixty-four is refused, where serde_json goes on to a hundred and twenty-seven;
//! - a number beyond a double is read (numbers stay text), where serde_json refuses the text.
//!
//! Of members with one name the last counts, in both.

use guestwire::core::json::{Document, MAX_DEPTH, Value};
use std::collections::BTreeSet;

/// More digits in a row are cut to so many: beyond every whole number that is read, and within a double's range.
const MOST_DIGITS: usize = 30;

/// The text as serde_json is to read it: lone surrogates as what they stand for, numbers within a double's range. None of it
/// makes JSON of what is none, nor the other way round.
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
            (b'0'..=b'9', _) if !inside => {
                let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                out.extend_from_slice(&bytes[at..at + digits.min(MOST_DIGITS)]);
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
pub fn agree(text: &str, note: &mut dyn FnMut(&'static str)) -> bool {
    let tame = tamed(text);
    let theirs = serde_json::from_str::<serde_json::Value>(&tame);
    let ours = Document::parse(text);
    match (&theirs, &ours) {
        (Err(_), None) => {
            note("refused");
            false
        }
        (Ok(value), None) => {
            assert!(depth(value) > MAX_DEPTH, "refused, though it is JSON: {text:?}");
            note("too deep");
            false
        }
        (Err(error), Some(_)) => panic!("read, though it is no JSON ({error}): {text:?}"),
        (Ok(value), Some(document)) => {
            assert!(depth(value) <= MAX_DEPTH, "read, though it is too deep: {text:?}");
            same(document.root(), value, note, text);
            note("read");
            true
        }
    }
}

fn same(ours: Value<'_>, theirs: &serde_json::Value, note: &mut dyn FnMut(&'static str), text: &str) {
    let raw: serde_json::Value = serde_json::from_str(&tamed(ours.raw())).unwrap_or_else(|error| panic!("raw ({error}): {} in {text:?}", ours.raw()));
    assert_eq!(raw, *theirs, "the raw slice: {text:?}");
    assert_eq!(ours.is_object(), theirs.is_object());
    assert_eq!(ours.is_array(), theirs.is_array());
    assert_eq!(ours.as_bool(), theirs.as_bool());
    assert_eq!(ours.as_str(), theirs.as_str(), "{text:?}");
    match theirs {
        serde_json::Value::Null => note("null"),
        serde_json::Value::Bool(_) => note("truth"),
        serde_json::Value::String(_) => note("string"),
        serde_json::Value::Number(number) => {
            let written = ours.raw();
            if written.contains(['e', 'E']) {
                note("exponent");
                assert_eq!(ours.as_int(), None, "{written}");
            } else if written.contains('.') {
                let float = number.as_f64().expect("a double");
                // Where the double is exact enough to tell.
                if written.len() < 15 {
                    note("float");
                    assert_eq!(ours.as_int(), Some(float.trunc() as i64), "{written}");
                }
            } else if written != "-0" {
                note("whole");
                assert_eq!(ours.as_int(), number.as_i64(), "{written}");
            } else {
                assert_eq!(ours.as_int(), Some(0));
            }
        }
        serde_json::Value::Array(items) => {
            note("array");
            assert_eq!(ours.items().count(), items.len(), "{text:?}");
            for (ours, theirs) in ours.items().zip(items) {
                same(ours, theirs, note, text);
            }
        }
        serde_json::Value::Object(members) => {
            note("object");
            let keys: BTreeSet<String> = ours.members().map(|(key, _)| key.to_owned()).collect();
            assert_eq!(keys, members.keys().cloned().collect(), "{text:?}");
            for (key, theirs) in members {
                match ours.get(key) {
                    Some(ours) => same(ours, theirs, note, text),
                    None => assert!(theirs.is_null(), "{key:?} in {text:?}"),
                }
            }
            let stranger = "no such member";
            assert!(keys.contains(stranger) || ours.get(stranger).is_none());
        }
    }
}
