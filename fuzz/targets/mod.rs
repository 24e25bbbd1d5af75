//! What is fuzzed, as functions of bytes: the fuzzer's binaries call them, and so does the ordinary test that replays
//! every find (`tests/conformance/regressions.rs`). No input may panic, and the list that the events describe must hold.
#![allow(dead_code, unused_imports, reason = "every binary calls one of the targets")]

pub mod agreement;
mod client;
mod program;

use client::{Client, ME};
use guestwire::core::http::Reply;
use guestwire::core::json::{Document, Value};
use guestwire::core::machine::{Input, Now, RequestId, Role};
use guestwire::core::time;
use guestwire::core::token::{Asked, Source, Tokens};
use guestwire::guest::options::Options;
use guestwire::guest::wire::{Frame, Wire, guest_api, session_api};
use guestwire::guest::{config, outbox, stored};

pub use program::program;

const WIRES: [Wire; 2] = [Wire::Guest, Wire::Session];

/// Anything that comes over the socket, as the deployment's configuration, as a session that was made or as a token.
pub fn frame(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    agreement::agree(text, &mut |_| ());
    let _ = config::read(Ok(Reply { status: 200, retry_after: Some(text), body: text }));
    let _ = Options::parse(text);
    let _ = time::parse(text);
    assert!(session_api::created(text).is_none_or(|id| !id.is_empty()), "a session has an id");
    token(text);
    if let Some(document) = Document::parse(text) {
        walk(document.root());
        for wire in WIRES {
            let body = wire.decode(&document, ME).and_then(|incoming| match incoming.frame {
                Frame::Message { entry, .. } => Some(entry.body),
                _ => None,
            });
            assert!(body.is_none_or(|body| Document::parse(body).is_some()), "a body that leaves is JSON");
        }
        let _ = guest_api::entry(document.root());
    }
    for wire in WIRES {
        let mut client = Client::ready(wire);
        client.send("hello");
        client.frame(text);
        client.run(130_000);
    }
    // The same as the answer to configuring, where a text names the request by `$tracingId`.
    let mut client = Client::configuring();
    let tracing = client.asked.last().map(|asked| asked.tracing.clone()).unwrap_or_default();
    client.frame(&text.replace("$tracingId", &tracing));
    client.mute = false;
    client.run(130_000);
    // And as what whoever is asked gives for a token, and for a session.
    for is_token in [true, false] {
        let mut client = Client::idle(Wire::Session, true, false);
        *(if is_token { &mut client.gives } else { &mut client.makes }) = Some(text.to_string());
        client.connect();
        client.send("hello");
        client.run(130_000);
    }
}

/// A token response: what is taken from it is a token that is not empty and lives for a while, for a week at most.
fn token(text: &str) {
    let now = Now { mono: 5, unix: 5 };
    let mut tokens = Tokens::new(Source::Callback);
    assert!(tokens.ask(now, RequestId(1)).is_some(), "nothing hinders it");
    let got = tokens.reply(now, RequestId(1), Ok(Reply { status: 200, retry_after: None, body: text }));
    let is_good = tokens.good(now).is_some_and(|token| !token.expose().is_empty());
    let is_timely = tokens.renew_at().is_some_and(|at| (5..5 + 604_800_000).contains(&at));
    assert!(got == Some(Asked::Failed) || (got == Some(Asked::Got) && is_good && is_timely), "{got:?}");
}

/// A page of the history: read as such, and taken in by a session, twice.
pub fn history_page(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for wire in WIRES {
        let entries = Document::parse(text).as_ref().and_then(|document| wire.page(document, ME)).map_or(0, |page| page.entries.len());
        let mut client = Client::ready(wire);
        client.page = Some(text.to_string());
        client.history();
        // The session protocol's is read again after half a minute.
        client.run(if wire == Wire::Session { 31_000 } else { 1_000 });
        let rows = client.rows();
        assert!(rows <= entries, "{rows} rows of {entries} entries");
        client.drop_line();
        client.run(130_000);
    }
}

/// What storage holds as the page loads: lines of `name=value`, of which each is a key of the deployment.
pub fn stored_state(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
        if let outbox::Stored::Record(record) = outbox::read(name.trim_start_matches("m:"), value) {
            let key = record.key("");
            let again = outbox::read(key.trim_start_matches("m:"), &record.write());
            assert!(matches!(again, outbox::Stored::Record(again) if again == record), "what was read is what is written");
        }
        if let Some((remembered, _)) = stored::Remembered::read(value) {
            assert_eq!(stored::Remembered::read(&remembered.write()).map(|(again, _)| again), Some(remembered));
        }
    }
    for wire in WIRES {
        let mut client = Client::with_storage(wire, text);
        client.send("a new one");
        client.connect();
        client.run(130_000);
        client.send("and another");
        client.run(4_000_000);
    }
}

/// What another tab of the visitor says: on the first line what the one that led has on its list, as a page of the history, then
/// what was put into storage, in lines `name=value`. To tabs that lead, that are about to, and that follow.
pub fn tab_message(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (page, records) = text.split_once('\n').unwrap_or((text, ""));
    for wire in WIRES {
        let entries = Document::parse(page).as_ref().and_then(|document| wire.page(document, ME)).map_or(0, |page| page.entries.len());
        let mut leading = Client::ready(wire);
        leading.adopt(page);
        assert!(leading.rows() <= entries, "{} rows of {entries} entries", leading.rows());
        leading.added(records);
        leading.run(1_000);
        leading.adopt(page);

        // One that has a message under way, for which nothing has answered yet.
        let mut waiting = Client::ready(wire);
        waiting.mute = true;
        waiting.send("hello");
        waiting.added(records);
        waiting.adopt(page);
        waiting.mute = false;

        // One that follows, and then leads.
        let mut following = Client::ready(wire);
        following.send("hello");
        following.input(Input::Role(Role::Follower));
        following.added(records);
        following.adopt(page);
        following.input(Input::Role(Role::Leader));
        following.adopt(page);

        for mut client in [leading, waiting, following] {
            client.drop_line();
            client.send("and after it");
            client.run(31_000);
            client.dispose();
        }
    }
}

/// Every value of a document, asked everything it can be asked.
fn walk(value: Value<'_>) {
    let _ = (value.as_int(), value.as_bool(), value.as_str(), value.get("id"), value.flag("id"));
    assert!(Document::parse(value.raw()).is_some(), "a raw slice is JSON");
    // The slices of nested values are slices of their own: one level of checking is enough for each.
    value.items().for_each(shallow);
    value.members().for_each(|(_, value)| shallow(value));
}

fn shallow(value: Value<'_>) {
    let _ = (value.as_int(), value.as_bool(), value.as_str());
    value.items().for_each(shallow);
    value.members().for_each(|(_, value)| shallow(value));
}
