//! Every request the client writes, member by member against guest-api.md §2: no member that is not there, none that is
//! `null`, and nothing else than what a request of its kind may hold.

use crate::common::{Line, World};
use guestwire::core::state::State;
use guestwire::guest::wire::{Outgoing, guest_api};
use serde_json::{Value, json};

const TOKEN: &str = "11111111-1111-4111-8111-111111111111";
const TRACING: &str = "22222222-2222-4222-8222-222222222222";

fn parse(frame: &str) -> Value {
    serde_json::from_str(frame).expect("a request is JSON")
}

#[test]
fn configure_session() {
    let expected = |start_new: bool| {
        json!({
            "token": TOKEN,
            "deploymentId": "d-1",
            "startNew": start_new,
            "journeyContext": {"customer": {"id": TOKEN, "idType": "cookie"}, "customerSession": {"id": "", "type": "web"}},
            "tracingId": TRACING,
            "action": "configureSession",
        })
    };
    assert_eq!(parse(&guest_api::configure(TOKEN, TRACING, "d-1", false)), expected(false));
    assert_eq!(parse(&guest_api::configure(TOKEN, TRACING, "d-1", true)), expected(true));
}

#[test]
fn echo() {
    let expected = json!({"token": TOKEN, "tracingId": TRACING, "action": "echo", "message": {"text": "ping", "type": "Text"}});
    assert_eq!(parse(&guest_api::echo(TOKEN, TRACING)), expected);
}

#[test]
fn get_jwt() {
    assert_eq!(parse(&guest_api::get_jwt(TOKEN, TRACING)), json!({"token": TOKEN, "tracingId": TRACING, "action": "getJwt"}));
}

#[test]
fn close_session() {
    let expected = json!({"token": TOKEN, "closeAllConnections": true, "tracingId": TRACING, "action": "closeSession"});
    assert_eq!(parse(&guest_api::close_session(TOKEN, TRACING)), expected);
}

#[test]
fn a_text() {
    let outgoing = Outgoing { text: "Hello world", structured: false, content: None, attributes: None };
    // The id goes out twice: as the legacy-free `tracingId` and as the web Messenger's `metadata.id` (§2.0).
    let expected = json!({
        "token": TOKEN,
        "message": {"type": "Text", "text": "Hello world", "metadata": {"id": TRACING}},
        "tracingId": TRACING,
        "action": "onMessage",
    });
    assert_eq!(parse(&guest_api::message(TOKEN, TRACING, &outgoing)), expected);
}

#[test]
fn a_text_of_any_characters_arrives_as_it_was_written() {
    let text = "a\"b\\c/d\u{0}\u{1}\u{1f}\u{7f}\u{8}\u{c}\n\r\t é \u{2028}\u{2029} 😀 \u{ffff}";
    let outgoing = Outgoing { text, structured: false, content: None, attributes: None };
    assert_eq!(parse(&guest_api::message(TOKEN, TRACING, &outgoing))["message"]["text"], text);
}

#[test]
fn a_text_with_an_attachment_and_custom_attributes() {
    let outgoing = Outgoing {
        text: "Hello world",
        structured: false,
        content: Some(r#"[{"contentType":"Attachment","attachment":{"id":"a-1"}}]"#),
        attributes: Some(r#"{"A":"B"}"#),
    };
    let expected = json!({
        "token": TOKEN,
        "message": {
            "text": "Hello world",
            "content": [{"contentType": "Attachment", "attachment": {"id": "a-1"}}],
            "channel": {"metadata": {"customAttributes": {"A": "B"}}},
            "type": "Text",
            "metadata": {"id": TRACING},
        },
        "tracingId": TRACING,
        "action": "onMessage",
    });
    assert_eq!(parse(&guest_api::message(TOKEN, TRACING, &outgoing)), expected);
}

#[test]
fn a_quick_reply_is_structured_with_its_label() {
    let content = r#"[{"contentType":"ButtonResponse","buttonResponse":{"type":"QuickReply","text":"Yes","payload":"cookie1"}}]"#;
    let outgoing = Outgoing { text: "Yes", structured: true, content: Some(content), attributes: None };
    let expected = json!({
        "token": TOKEN,
        "message": {
            "type": "Structured",
            "text": "Yes",
            "content": [{"contentType": "ButtonResponse", "buttonResponse": {"type": "QuickReply", "text": "Yes", "payload": "cookie1"}}],
            "metadata": {"id": TRACING},
        },
        "tracingId": TRACING,
        "action": "onMessage",
    });
    assert_eq!(parse(&guest_api::message(TOKEN, TRACING, &outgoing)), expected);
}

#[test]
fn typing_has_neither_an_off_nor_attributes() {
    let expected = json!({
        "token": TOKEN,
        "tracingId": TRACING,
        "action": "onMessage",
        "message": {"events": [{"eventType": "Typing", "typing": {"type": "On"}}], "type": "Event"},
    });
    assert_eq!(parse(&guest_api::typing(TOKEN, TRACING)), expected);
}

#[test]
fn join_with_and_without_attributes() {
    let mut expected = json!({
        "token": TOKEN,
        "tracingId": TRACING,
        "action": "onMessage",
        "message": {"events": [{"eventType": "Presence", "presence": {"type": "Join"}}], "type": "Event"},
    });
    assert_eq!(parse(&guest_api::join(TOKEN, TRACING, None)), expected);
    expected["message"]["channel"] = json!({"metadata": {"customAttributes": {"A": "B"}}});
    assert_eq!(parse(&guest_api::join(TOKEN, TRACING, Some(r#"{"A":"B"}"#))), expected);
}

#[test]
fn clear() {
    let expected = json!({
        "token": TOKEN,
        "tracingId": TRACING,
        "action": "onMessage",
        "message": {"events": [{"eventType": "Presence", "presence": {"type": "Clear"}}], "type": "Event"},
    });
    assert_eq!(parse(&guest_api::clear(TOKEN, TRACING)), expected);
}

#[test]
fn the_addresses_of_the_platform() {
    assert_eq!(
        guest_api::socket_url("wss://webmessaging.mypurecloud.de", "d-1"),
        format!("wss://webmessaging.mypurecloud.de/v1?deploymentId=d-1&application=guestwire-{}", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(
        guest_api::history_url("https://api.mypurecloud.de", 3),
        "https://api.mypurecloud.de/api/v2/webmessaging/messages?pageNumber=3&pageSize=100"
    );
}

/// The members that §2 allows beside `action`, `token` and `tracingId`.
fn allowed(action: &str) -> &'static [&'static str] {
    match action {
        "configureSession" => &["deploymentId", "startNew", "journeyContext"],
        "echo" | "onMessage" => &["message"],
        "closeSession" => &["closeAllConnections"],
        "getJwt" => &[],
        other => panic!("no request of the client: {other}"),
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

fn is_uuid(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.len() == 36
        && text.char_indices().all(|(at, c)| if [8, 13, 18, 23].contains(&at) { c == '-' } else { matches!(c, '0'..='9' | 'a'..='f') })
        && &text[14..15] == "4"
}

/// A whole conversation, every request of which is what §2 allows.
#[test]
fn a_conversation_writes_nothing_else() {
    let mut world = World::with_options(11, r#","attributes":{"page":"home"}"#);
    world.start();
    world.run_until_ready();
    world.typing();
    world.run(1_000);
    world.send("plain \"text\" 😀");
    world.wait_sent(5_000);
    let draft = json!({"text": "Yes", "type": "Structured", "attributes": {"a": "b"},
        "content": [{"contentType": "ButtonResponse", "buttonResponse": {"type": "QuickReply", "text": "Yes", "payload": "y"}}]});
    world.with(|session, now| session.send(now, &draft.to_string())).expect("accepted");
    world.run(70_000);
    world.network.line = Line::Offline;
    world.run(5_000);
    world.heal();
    world.run(10_000);
    world.run_until_ready();
    world.control("/_sim/agent", json!({"do": "disconnect", "readOnly": true}));
    world.run(1_000);
    world.command(|session, now, ticket| session.restart(now, false, ticket));
    world.run(5_000);
    world.command(|session, now, ticket| session.clear(now, ticket));
    world.run(5_000);
    assert!(matches!(world.state(), State::Ended { .. }), "{:?}", world.state());

    let frames: Vec<Value> = world.sent.iter().map(|(_, text)| parse(text)).collect();
    let mut tracing_ids: Vec<&str> = Vec::new();
    let tokens: Vec<&Value> = frames.iter().map(|frame| &frame["token"]).collect();
    assert!(tokens.iter().all(|token| is_uuid(token) && *token == tokens[0]), "one token, a UUID of version 4: {tokens:?}");
    for frame in &frames {
        let action = frame["action"].as_str().expect("an action");
        let members = frame.as_object().expect("a flat object");
        for name in members.keys().filter(|name| !["action", "token", "tracingId"].contains(&name.as_str())) {
            assert!(allowed(action).contains(&name.as_str()), "{action} with {name}: {frame}");
        }
        assert!(!has_null(frame), "{frame}");
        assert!(is_uuid(&frame["tracingId"]), "{frame}");
        tracing_ids.push(frame["tracingId"].as_str().expect("a string"));
        if let Some(message) = members.get("message") {
            for name in message.as_object().expect("an object").keys() {
                assert!(["type", "text", "content", "events", "metadata", "channel"].contains(&name.as_str()), "{frame}");
            }
        }
    }
    let count = tracing_ids.len();
    tracing_ids.sort_unstable();
    tracing_ids.dedup();
    assert_eq!(tracing_ids.len(), count, "no message was resent, so every tracing id is another");
    let did = |wanted: &str| frames.iter().filter(|frame| frame.to_string().contains(wanted)).count();
    for wanted in [
        r#""action":"configureSession""#,
        r#""startNew":true"#,
        r#""startNew":false"#,
        r#""action":"echo""#,
        r#""action":"getJwt""#,
        r#""action":"closeSession""#,
        r#""type":"Text""#,
        r#""type":"Structured""#,
        r#""eventType":"Typing""#,
        r#""type":"Join""#,
        r#""type":"Clear""#,
        r#""customAttributes":{"page":"home"}"#,
    ] {
        assert!(did(wanted) > 0, "the conversation did not come to write {wanted}: {frames:#?}");
    }
}

/// §2.0: "Optional members are omitted, never sent as null." An event carries no `metadata.id`: history of events is
/// not proof of anything.
#[test]
fn text_alone_omits_content_and_channel() {
    let mut world = World::ready(12);
    world.send("alone");
    world.wait_sent(5_000);
    let message = world.sent.iter().map(|(_, text)| parse(text)).find(|frame| frame["message"]["text"] == "alone").expect("it went out");
    let mut names: Vec<_> = message["message"].as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["metadata", "text", "type"]);
    assert_eq!(message["message"]["metadata"], json!({"id": message["tracingId"]}));
}
