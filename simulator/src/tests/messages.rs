//! Words: stored, echoed to everyone, refused when they are too long (§2.4, §2.5, §3.4.2).

use super::*;

#[test]
fn a_message_is_stored_and_comes_back_as_its_own_acknowledgement() {
    let mut world = World::new();
    let id = world.guest("t");
    let mut request = text("t", "Hello world", "m1");
    request["message"]["metadata"] = json!({ "id": "m1" });
    let frame = world.ask(id, request);
    assert_eq!(frame["type"], "message");
    assert_eq!(frame["class"], "StructuredMessage");
    assert_eq!(frame["code"], 200);
    assert_eq!(frame["tracingId"], "m1");
    let body = &frame["body"];
    assert_eq!(body["type"], "Text");
    assert_eq!(body["text"], "Hello world");
    assert_eq!(body["direction"], "Inbound");
    assert_eq!(body["channel"]["time"], "2026-01-01T00:00:00.000Z");
    let server_id = body["id"].as_str().unwrap();
    assert_eq!(server_id.len(), 32);
    assert!(server_id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(body["channel"]["messageId"].as_str().unwrap().len(), 36);
    assert_eq!(body["metadata"]["id"], "m1");
    assert_eq!(body["metadata"]["correlationId"].as_str().unwrap().len(), 36);
    let stored = &world.log("stored")[0];
    assert_eq!((&stored["text"], &stored["tracingId"]), (&json!("Hello world"), &json!("m1")));
    assert_eq!(stored["serverId"], body["id"]);
}

#[test]
fn every_connection_hears_it_and_the_switch_says_who_sees_the_tracing_id() {
    for (mode, own, others) in [("sender", true, false), ("all", true, true), ("none", false, false)] {
        let mut world = World::with(json!({ "echoTracingId": mode }));
        let id = world.guest("t");
        let other = world.guest("t");
        world.send(id, text("t", "hi", "m1"));
        let (mine, theirs) = (world.frame(id), world.frame(other));
        assert_eq!(mine["body"], theirs["body"]);
        assert_eq!(mine.get("tracingId").is_some(), own, "{mode}");
        assert_eq!(theirs.get("tracingId").is_some(), others, "{mode}");
    }
}

#[test]
fn metadata_is_echoed_unless_switched_off() {
    let mut world = World::with(json!({ "echoMetadata": false }));
    let id = world.guest("t");
    let mut request = text("t", "hi", "m1");
    request["message"]["metadata"] = json!({ "id": "m1" });
    let frame = world.ask(id, request);
    assert!(frame["body"]["metadata"].get("id").is_none());
    assert!(frame["body"]["metadata"]["correlationId"].is_string());
}

#[test]
fn four_thousand_and_ninety_six_bytes_pass_and_one_more_does_not() {
    let mut world = World::new();
    let id = world.guest("t");
    let fits = "ä".repeat(2048);
    assert_eq!(world.ask(id, text("t", &fits, "m1"))["class"], "StructuredMessage");
    let answer = world.ask(id, text("t", &format!("{fits}x"), "m2"));
    assert_eq!((&answer["class"], &answer["code"]), (&json!("string"), &json!(4011)));
    assert_eq!(answer["body"], "Message length 4097 is larger than 4096");
    assert_eq!(answer["tracingId"], "m2");
    assert_eq!(world.stored("t").len(), 1);
}

#[test]
fn custom_attributes_are_counted_in_both_places() {
    for inside in [true, false] {
        let mut world = World::new();
        let id = world.guest("t");
        let with = |size: usize, tracing: &str| {
            let mut request = text("t", "hi", tracing);
            let channel = json!({ "metadata": { "customAttributes": { "key": "v".repeat(size) } } });
            if inside {
                request["message"]["channel"] = channel;
            } else {
                request["channel"] = channel;
            }
            request
        };
        assert_eq!(world.ask(id, with(2045, "m1"))["class"], "StructuredMessage");
        let answer = world.ask(id, with(2046, "m2"));
        assert_eq!((&answer["class"], &answer["code"]), (&json!("string"), &json!(4013)));
        assert_eq!(answer["body"], "Custom Attributes in channel metadata is larger than 2048 bytes");
        let sessions = world.get("/_sim/sessions");
        assert_eq!(sessions[0]["messages"][0]["customAttributes"]["key"].as_str().unwrap().len(), 2045);
    }
}

#[test]
fn a_read_only_conversation_refuses_words() {
    let mut world = World::new();
    let id = world.guest("t");
    world.post("/_sim/agent", json!({ "do": "disconnect", "readOnly": true }));
    world.frames(id);
    let answer = world.ask(id, text("t", "wait", "m1"));
    assert_eq!((&answer["class"], &answer["code"], &answer["tracingId"]), (&json!("string"), &json!(409), &json!("m1")));
}

#[test]
fn button_answers_are_taken_as_text_and_as_structured() {
    let mut world = World::new();
    let id = world.guest("t");
    let button = json!([{ "contentType": "ButtonResponse", "buttonResponse": { "text": "Yes", "payload": "y", "type": "QuickReply" } }]);
    for message in [json!({ "type": "Text", "text": "", "content": button }), json!({ "type": "Structured", "text": "Yes", "content": button })] {
        let frame = world.ask(id, json!({ "token": "t", "action": "onMessage", "tracingId": "b", "message": message }));
        assert_eq!(frame["body"]["type"], message["type"]);
        assert_eq!(frame["body"]["content"], button);
        assert_eq!(frame["tracingId"], "b");
    }
}

#[test]
fn nonsense_is_a_bad_request() {
    let mut world = World::new();
    let id = world.guest("t");
    for nonsense in [
        "{",
        "[]",
        "7",
        "",
        r#"{"action":"onMessage"}"#,
        r#"{"token":"t"}"#,
        r#"{"token":"t","action":"dance"}"#,
        r#"{"token":"t","action":"onMessage"}"#,
        r#"{"token":"t","action":"onMessage","message":{"type":"Text"}}"#,
        r#"{"token":"t","action":"onMessage","message":{"type":"Event","events":[]}}"#,
        r#"{"token":"t","action":"onMessage","message":{"type":"Receipt","text":"x"}}"#,
    ] {
        world.send_text(id, nonsense);
        let answer = world.frame(id);
        assert_eq!((&answer["class"], &answer["code"]), (&json!("string"), &json!(400)), "{nonsense}");
        assert_eq!(answer["body"], "Request failed.");
    }
    assert_eq!(world.states[&id], State::Open);
}

#[test]
fn the_health_check_answers_with_the_session_s_duration_in_text() {
    let mut world = World::new();
    let id = world.guest("t");
    let frame = world.ask(id, echo("t", "SGVhbHRoQ2hlY2tNZXNzYWdlSWQ="));
    assert_eq!(frame["type"], "response");
    assert_eq!(frame["class"], "StructuredMessage");
    assert_eq!(frame["tracingId"], "SGVhbHRoQ2hlY2tNZXNzYWdlSWQ=");
    assert_eq!(frame["body"]["text"], "ping");
    assert_eq!(frame["body"]["direction"], "Inbound");
    assert_eq!(frame["body"]["metadata"]["durationSeconds"], "259200");
    assert_eq!(frame["body"]["metadata"]["expirationDate"], (START / 1000 + 259_200).to_string());
    assert_eq!(world.log("stored"), Vec::<Value>::new());
}

#[test]
fn an_echo_does_not_prolong_the_session_but_words_do() {
    let mut world = World::new();
    let id = world.guest("t");
    world.pass(10_000);
    let frame = world.ask(id, echo("t", "e1"));
    assert_eq!(frame["body"]["metadata"]["expirationDate"], (START / 1000 + 259_200).to_string());
    world.ask(id, text("t", "hi", "m1"));
    let frame = world.ask(id, echo("t", "e2"));
    assert_eq!(frame["body"]["metadata"]["expirationDate"], (START / 1000 + 259_210).to_string());
}

#[test]
fn the_echo_bot_types_and_then_repeats() {
    let mut world = World::with(json!({ "bot": "echo" }));
    let id = world.guest("t");
    world.send(id, text("t", "hello", "m1"));
    let frames = world.frames(id);
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[1]["body"]["events"][0]["typing"], json!({ "type": "On", "duration": 5000 }));
    world.pass(299);
    assert_eq!(world.frames(id), Vec::<Value>::new());
    world.pass(1);
    let said = world.frame(id);
    assert_eq!(said["body"]["text"], "You said: hello");
    assert_eq!(said["body"]["direction"], "Outbound");
    assert_eq!(said["body"]["originatingEntity"], "Bot");
    assert!(said["body"]["channel"].get("messageId").is_none());
    assert!(said.get("tracingId").is_none());
}

#[test]
fn the_script_bot_shows_every_kind_of_content() {
    let mut world = World::with(json!({ "bot": "script", "limits": false }));
    let id = world.guest("t");
    world.send(id, presence("t", "Join", "j"));
    world.pass(300);
    assert!(texts(&world.frames(id))[0].starts_with("Hello!"));
    for (word, kind) in [
        ("card", "Card"),
        ("carousel", "Carousel"),
        ("quick", "QuickReply"),
        ("date", "DatePicker"),
        ("list", "ListPicker"),
        ("form", "Form"),
        ("Image", "Attachment"),
        ("unknown", "Hologram"),
    ] {
        world.send(id, text("t", word, word));
        world.pass(300);
        let frames = world.frames(id);
        assert_eq!(frames.last().unwrap()["body"]["content"][0]["contentType"], kind);
    }
    world.send(id, text("t", "typing", "m"));
    world.pass(300);
    assert_eq!(world.frames(id).last().unwrap()["body"]["events"][0]["typing"]["type"], "Off");
    world.send(id, text("t", "bye", "m"));
    world.pass(300);
    let end = world.frames(id).pop().unwrap();
    assert_eq!(end["body"]["events"][0]["presence"]["type"], "Disconnect");
    assert!(end["body"]["metadata"].get("readOnly").is_none());
    world.send(id, text("t", "readonly", "m"));
    world.pass(300);
    assert_eq!(world.frames(id).pop().unwrap()["body"]["metadata"]["readOnly"], "true");
    assert_eq!(world.ask(id, text("t", "more", "m"))["code"], 409);
}
