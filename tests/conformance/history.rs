//! History pages (guest-api.md §5.7): one odd entry never costs the page.

use crate::frames::{Said, frame, said};
use guestwire::core::json::Document;
use guestwire::guest::event::{Direction, Kind};
use guestwire::guest::wire::Happening;
use guestwire::guest::wire::guest_api::page;

/// What a page says: its entries and how many pages there are; `None` where it is no page.
fn read(text: &str) -> Option<(Vec<Said>, Option<i64>)> {
    let document = Document::parse(text)?;
    let page = page(&document)?;
    Some((page.entries.iter().map(|entry| said(false, entry)).collect(), page.page_count))
}

/// 2014-04-30T21:09:51.411Z
const APRIL: Option<i64> = Some(1_398_892_191_411);

#[test]
fn the_example_is_read() {
    let entry = Said { id: Some("5befde6373a23f32f20b59b4e1cba0e6"), text: Some("hi"), time: APRIL, ..Said::default() };
    assert_eq!(read(frame!("page")), Some((vec![entry], Some(1))));
}

#[test]
fn a_page_beyond_the_end_is_empty() {
    assert_eq!(read(frame!("page_empty")), Some((vec![], Some(1))));
}

#[test]
fn counts_may_be_floats_or_missing() {
    let entry = Said { id: Some("h1"), text: Some("hi"), time: APRIL, ..Said::default() };
    assert_eq!(read(frame!("page_floats")), Some((vec![entry.clone()], Some(1))));
    assert_eq!(read(frame!("page_without_counts")), Some((vec![entry], None)));
}

#[test]
fn odd_entries_cost_only_themselves() {
    // 2026-01-01T00:00:08.000Z
    let start = 1_767_225_608_000;
    let entry = |id, text, tenths: i64| Said { id: Some(id), text: Some(text), time: Some(start + tenths * 100), ..Said::default() };
    let event =
        |id, tenths| Said { kind: None, text: None, direction: Direction::Inbound, happenings: vec![Happening::Other], ..entry(id, "", tenths) };
    let structured = |said| Said { kind: Some(Kind::Structured), ..said };
    let expected = vec![
        entry("p01", "newest", 20),
        Said { kind: None, text: None, ..entry("p02", "", 19) },
        entry("p03", "of the model", 18),
        event("p04", 17),
        event("p05", 16),
        entry("p06", "no url", 15),
        structured(entry("p07", "no description", 14)),
        entry("p08", "nulls", 13),
        structured(entry("p09", "unknown type", 12)),
        structured(entry("p10", "unknown part", 11)),
        entry("p11", "float", 10),
        Said { direction: Direction::Inbound, message_id: Some("7b1c0000-0000-4000-8000-000000000012"), ..entry("p12", "oldest", 0) },
    ];
    let (entries, pages) = read(frame!("page_odd")).expect("a page");
    assert_eq!(entries, expected);
    assert_eq!(pages, Some(1));
}

#[test]
fn what_is_no_page_is_none() {
    assert_eq!(read(frame!("page_entities_null")), None);
    assert_eq!(read(frame!("page_error_body")), None);
    assert_eq!(read("<html>"), None);
    assert_eq!(read("[]"), None);
}
