//! Which wire a suite is run over, and the words of one in those of the other.

use guestwire::guest::wire::Wire;

/// More options, for a page that gives its tokens itself.
pub const CALLBACK: &str = " ";

/// What this suite speaks: it is run for each wire (see `tests/behaviour_session.rs`).
pub const WIRE: Wire = if cfg!(feature = "session") && is_session(env!("CARGO_CRATE_NAME")) { Wire::Session } else { Wire::Guest };

const fn is_session(name: &str) -> bool {
    let (name, ending) = (name.as_bytes(), b"_session");
    let mut at = 0;
    while at < ending.len() {
        if name.len() < ending.len() || name[name.len() - ending.len() + at] != ending[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// A fault rule of the guest API in the words of the session protocol.
pub(super) fn of_session(mut rule: serde_json::Value) -> serde_json::Value {
    if let Some(matched) = rule.get_mut("match").and_then(serde_json::Value::as_object_mut) {
        for (member, guest, session) in [
            ("action", "onMessage", "message"),
            ("action", "echo", "ping"),
            ("class", "StructuredMessage", "message"),
            ("type", "Text", "text"),
            ("path", "/api/v2/webmessaging/messages", "/messages"),
            ("path", "/webmessaging/messages", "/messages"),
            ("path", "/config.json", "/webmessaging/sessions"),
        ] {
            if matched.get(member).is_some_and(|word| word == guest) {
                matched.insert(member.into(), session.into());
            }
        }
    }
    rule
}
