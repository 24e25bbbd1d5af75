//! Join, clear, typing, and the agent's ways to end a conversation (§2.6, §3.4.5, §5.2).

use super::*;

fn disconnects(world: &mut World, id: ConnectionId) -> Vec<Value> {
    let frames = world.frames(id);
    frames.into_iter().filter(|frame| frame["body"]["events"][0]["presence"]["type"] == "Disconnect").collect()
}

#[test]
fn a_join_is_stored_and_comes_back_with_its_tracing_id() {
    let mut world = World::new();
    let id = world.guest("t");
    let other = world.guest("t");
    let frame = world.ask(id, presence("t", "Join", "auto"));
    assert_eq!(frame["type"], "message");
    assert_eq!(frame["tracingId"], "auto");
    assert_eq!(frame["body"]["type"], "Event");
    assert_eq!(frame["body"]["direction"], "Inbound");
    assert_eq!(frame["body"]["events"], json!([{ "eventType": "Presence", "presence": { "type": "Join" } }]));
    assert!(frame["body"]["metadata"]["correlationId"].is_string());
    assert_eq!(world.frame(other)["body"], frame["body"]);
    assert_eq!(world.history(id, "t", "")["total"], 1);
    assert_eq!(world.get("/_sim/sessions")[0]["joined"], true);
}

#[test]
fn a_second_join_does_nothing_or_is_stored_again_as_the_switch_says() {
    let mut world = World::new();
    let id = world.guest("t");
    world.ask(id, presence("t", "Join", "j1"));
    world.send(id, presence("t", "Join", "j2"));
    assert_eq!(world.frames(id), Vec::<Value>::new());
    world.post("/_sim/set", json!({ "joinAgain": "store" }));
    assert_eq!(world.ask(id, presence("t", "Join", "j3"))["tracingId"], "j3");
    assert_eq!(world.history(id, "t", "")["total"], 2);
}

#[test]
fn a_join_may_carry_custom_attributes_of_the_usual_size() {
    let mut world = World::new();
    let id = world.guest("t");
    let mut join = presence("t", "Join", "j");
    join["message"]["channel"] = json!({ "metadata": { "customAttributes": { "k": "v".repeat(2048) } } });
    assert_eq!(world.ask(id, join.clone())["code"], 4013);
    join["message"]["channel"] = json!({ "metadata": { "customAttributes": { "k": "v" } } });
    assert_eq!(world.ask(id, join)["class"], "StructuredMessage");
    assert_eq!(world.get("/_sim/sessions")[0]["events"][0]["customAttributes"], json!({ "k": "v" }));
}

#[test]
fn the_script_bot_greets_whoever_joins_once() {
    let mut world = World::with(json!({ "bot": "script", "joinAgain": "store" }));
    let id = world.guest("t");
    world.send(id, presence("t", "Join", "j1"));
    world.pass(1_000);
    assert_eq!(texts(&world.frames(id)).len(), 1);
    world.send(id, presence("t", "Join", "j2"));
    world.pass(1_000);
    assert_eq!(texts(&world.frames(id)), Vec::<&str>::new());
}

#[test]
fn a_clear_runs_its_sequence_and_the_next_configure_is_a_new_session() {
    let mut world = World::new();
    let id = world.guest("t");
    let other = world.guest("t");
    world.send(id, text("t", "forget me", "m1"));
    world.frames(id);
    world.frames(other);
    world.send(id, presence("t", "Clear", "c1"));
    let frames = world.frames(id);
    assert_eq!(classes(&frames), ["StructuredMessage", "SessionClearedEvent", "ConnectionClosedEvent"]);
    assert_eq!(frames[0]["tracingId"], "c1");
    assert_eq!(frames[0]["body"]["direction"], "Inbound");
    assert_eq!(frames[0]["body"]["events"][0]["presence"]["type"], "Clear");
    assert_eq!(frames[1], json!({ "type": "message", "class": "SessionClearedEvent", "code": 200, "body": {} }));
    assert_eq!(frames[2]["body"], json!({}));
    assert_eq!(classes(&world.frames(other)), ["StructuredMessage", "SessionClearedEvent", "ConnectionClosedEvent"]);
    let shown = world.get("/_sim/sessions");
    assert_eq!(shown[0]["ended"], true);
    assert_eq!(shown[0]["connections"], 0);
    world.close(id);
    let id = world.connect();
    assert_eq!(world.ask(id, configure("t"))["body"]["newSession"], true);
    assert_eq!(world.history(id, "t", "")["entities"], json!([]));
    assert_eq!(world.get("/_sim/sessions")[0]["ended"], false);
}

#[test]
fn a_clear_that_is_switched_off_is_refused_in_the_service_s_words() {
    let mut world = World::with(json!({ "clear": false }));
    let id = world.guest("t");
    let answer = world.ask(id, presence("t", "Clear", "c1"));
    assert_eq!((&answer["class"], &answer["code"]), (&json!("string"), &json!(403)));
    assert_eq!(answer["body"], "Presence events Conversation Clear are not supported");
}

#[test]
fn a_guest_s_typing_is_neither_echoed_nor_stored() {
    let mut world = World::new();
    let id = world.guest("t");
    let other = world.guest("t");
    world.send(id, typing("t"));
    assert_eq!(world.frames(id), Vec::<Value>::new());
    assert_eq!(world.frames(other), Vec::<Value>::new());
    assert_eq!(world.log("stored"), Vec::<Value>::new());
    assert_eq!(world.get("/_sim/sessions")[0]["typingAt"], START);
}

#[test]
fn typing_that_is_switched_off_is_refused_in_the_service_s_words() {
    let mut world = World::with(json!({ "typing": false }));
    let id = world.guest("t");
    let answer = world.ask(id, typing("t"));
    assert_eq!(answer["code"], 403);
    assert_eq!(answer["body"], "Turn on the Feature Toggle or fix the configuration.");
}

#[test]
fn an_agent_types_on_and_off() {
    let mut world = World::new();
    let id = world.guest("t");
    world.post("/_sim/agent", json!({ "do": "typing" }));
    let frame = world.frame(id);
    assert_eq!(frame["body"]["direction"], "Outbound");
    assert_eq!(frame["body"]["events"][0]["typing"], json!({ "type": "On", "duration": 5000 }));
    assert!(frame.get("tracingId").is_none());
    world.post("/_sim/agent", json!({ "do": "typing", "text": "Off" }));
    assert_eq!(world.frame(id)["body"]["events"][0]["typing"]["type"], "Off");
    assert_eq!(world.history(id, "t", "")["total"], 0);
}

#[test]
fn a_disconnect_is_read_only_or_not_or_silent_as_the_deployment_is_set_up() {
    for (kind, events, writable) in [("ReadOnly", 1, false), ("Send", 1, true), ("off", 0, true)] {
        let mut world = World::with(json!({ "conversationDisconnect": kind }));
        let id = world.guest("t");
        world.post("/_sim/agent", json!({ "do": "disconnect" }));
        let seen = disconnects(&mut world, id);
        assert_eq!(seen.len(), events, "{kind}");
        if events == 1 {
            assert_eq!(seen[0]["body"]["direction"], "Outbound");
            assert_eq!(seen[0]["body"]["metadata"].get("readOnly").is_some(), !writable);
        }
        let answer = world.ask(id, text("t", "more", "m1"));
        assert_eq!(answer["class"] == "StructuredMessage", writable, "{kind}");
    }
}

#[test]
fn read_only_refuses_a_join_but_lets_history_and_clear_through() {
    let mut world = World::new();
    let id = world.guest("t");
    world.post("/_sim/agent", json!({ "do": "disconnect", "readOnly": true }));
    world.frames(id);
    assert_eq!(world.ask(id, presence("t", "Join", "j"))["code"], 409);
    assert_eq!(world.history(id, "t", "")["total"], 1);
    world.send(id, presence("t", "Clear", "c"));
    assert_eq!(world.frames(id).len(), 3);
}

#[test]
fn an_unknown_event_is_a_bad_request() {
    let mut world = World::new();
    let id = world.guest("t");
    assert_eq!(world.ask(id, presence("t", "Disconnect", "d"))["code"], 400);
}
