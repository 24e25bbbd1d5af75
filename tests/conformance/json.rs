//! `core::json` against serde_json on random texts and mutated frames. What agreeing means, and where the two differ, stands
//! beside the fuzz targets, which ask the same of every input.

use crate::frames::all;
use crate::regressions::targets::agreement::{agree, tamed};
use crate::texts::{Chance, Made, mutate, text};
use guestwire::core::json::{Document, MAX_LENGTH, push_string};
use guestwire::guest::wire::guest_api;
use std::collections::BTreeMap;

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
        if !agree(&text, &mut |name| tally.note(name)) {
            tally.note("made too deep");
        }
        if agree(&mutate(&mut chance, &text), &mut |name| tally.note(name)) {
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
        agree(&text, &mut |name| tally.note(name));
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
        (
            r#"[1234567890123456789012345678901,"1234567890123456789012345678901"]"#,
            r#"[123456789012345678901234567890,"1234567890123456789012345678901"]"#,
        ),
    ] {
        assert_eq!(tamed(text), tame);
    }
}
