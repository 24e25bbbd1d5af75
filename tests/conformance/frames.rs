//! The frames of `frames/`, and what reading one gives in a form that can be compared.

use crate::regressions::targets::agreement::tamed;
use guestwire::core::json::Document;
use guestwire::guest::event::{Direction, Kind};
use guestwire::guest::wire::{Entry, Fault, Frame, Happening, SessionResponse, guest_api};
use std::collections::BTreeSet;
use std::path::Path;

/// The text of a frame by its name.
macro_rules! frame {
    ($name:literal) => {
        include_str!(concat!("frames/", $name, ".json"))
    };
}
pub(crate) use frame;

/// What a frame says, as far as the client acts on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Read {
    Session(SessionResponse),
    Message(Said),
    Jwt(&'static str),
    Error(Fault),
    Expired,
    Cleared,
    Closed { signed_in: bool },
    LoggedOut,
    Other,
    Unknown,
}

/// A message or event. What a test does not name is what an outbound text without anything has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    pub response: bool,
    pub id: Option<&'static str>,
    pub message_id: Option<&'static str>,
    pub own_id: Option<&'static str>,
    pub time: Option<i64>,
    pub direction: Direction,
    pub kind: Option<Kind>,
    pub text: Option<&'static str>,
    pub happenings: Vec<Happening>,
    pub read_only: bool,
    pub expires_at: Option<i64>,
}

impl Default for Said {
    fn default() -> Said {
        Said {
            response: false,
            id: None,
            message_id: None,
            own_id: None,
            time: None,
            direction: Direction::Outbound,
            kind: Some(Kind::Text),
            text: None,
            happenings: Vec::new(),
            read_only: false,
            expires_at: None,
        }
    }
}

/// Reads a frame: its tracing id and what it says; `None` where it is no frame. The body of a message must leave as
/// it came.
pub fn read(text: &str) -> Option<(Option<&'static str>, Read)> {
    let document = Document::parse(text)?;
    let incoming = guest_api::decode(&document)?;
    let read = match incoming.frame {
        Frame::Session(response) => Read::Session(response),
        Frame::Message { response, entry } => {
            let frame: serde_json::Value = serde_json::from_str(&tamed(text)).expect("a frame that was read is JSON");
            let body: serde_json::Value = serde_json::from_str(&tamed(entry.body)).expect("the body as it came is JSON");
            assert_eq!(body, frame["body"]);
            assert!(text.contains(entry.body), "the body is a slice of the frame");
            Read::Message(said(response, &entry))
        }
        Frame::Jwt(token, _) => Read::Jwt(keep(token)),
        Frame::Error(fault) => Read::Error(fault),
        Frame::Expired => Read::Expired,
        Frame::Cleared => Read::Cleared,
        Frame::Closed { signed_in } => Read::Closed { signed_in },
        Frame::LoggedOut => Read::LoggedOut,
        Frame::Pong => panic!("the guest API has no ping"),
        Frame::Other => Read::Other,
        Frame::Unknown => Read::Unknown,
    };
    Some((incoming.tracing.map(keep), read))
}

/// A message or event in the form of the expectations.
pub fn said(response: bool, entry: &Entry<'_>) -> Said {
    Said {
        response,
        id: entry.id.map(keep),
        message_id: entry.message_id.map(keep),
        own_id: entry.own_id.map(keep),
        time: entry.time,
        direction: entry.direction,
        kind: entry.kind,
        text: entry.text.map(keep),
        happenings: entry.happenings().collect(),
        read_only: entry.read_only,
        expires_at: entry.expires_at,
    }
}

/// A few strings for the life of the test, so that expectations are plain literals.
fn keep(text: &str) -> &'static str {
    text.to_string().leak()
}

/// Asserts what a frame says.
#[track_caller]
pub fn expect(text: &str, tracing: Option<&str>, expected: Read) {
    let (found, read) = read(text).unwrap_or_else(|| panic!("not read: {text}"));
    assert_eq!(found, tracing, "the tracing id of {text}");
    assert_eq!(read, expected, "{text}");
}

/// Asserts what a frame without a tracing id says, where that is a message.
#[track_caller]
pub fn expect_message(text: &str, expected: Said) {
    expect(text, None, Read::Message(expected));
}

/// The texts of all frames by file name.
pub fn all() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/frames");
    let mut frames: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of frames")
        .map(|file| file.expect("a file").path())
        .map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), std::fs::read_to_string(&path).expect("text")))
        .collect();
    frames.sort();
    frames
}

#[test]
fn every_frame_has_an_expectation() {
    let sources = [
        include_str!("configuration.rs"),
        include_str!("conversation.rs"),
        include_str!("errors.rs"),
        include_str!("events.rs"),
        include_str!("ends.rs"),
        include_str!("history.rs"),
        include_str!("messages.rs"),
        include_str!("odd.rs"),
        include_str!("other.rs"),
        include_str!("session.rs"),
    ];
    let named: BTreeSet<&str> =
        sources.iter().flat_map(|source| source.split("frame!(\"").skip(1)).filter_map(|rest| rest.split('"').next()).collect();
    let frames = all();
    assert!(frames.len() > 100, "{} frames", frames.len());
    let missing: Vec<_> = frames.iter().map(|(name, _)| name.as_str()).filter(|name| !named.contains(name)).collect();
    assert!(missing.is_empty(), "without an expectation: {missing:?}");
}
