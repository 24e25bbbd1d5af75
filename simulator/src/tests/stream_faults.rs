//! Faults on the streams: every rule of the other wires, matched by deployment, path, action and class.

use super::session_api::token_for;
use super::stream_conversations::{self, SESSION, ids, listen};
use super::stream_interactions::{self, connected, emit, subscribe};
use super::*;

fn rule(world: &mut World, rule: Value) {
    world.post("/_sim/faults", rule);
}

/// A world with a socket of I that gets everything.
fn reading() -> (World, ConnectionId) {
    let mut world = World::with(json!({ "binaryEvery": 2 }));
    let token = token_for(&mut world, "demo");
    let socket = connected(&mut world, &token);
    subscribe(&mut world, socket, json!({}));
    (world, socket)
}

fn joined(number: usize) -> Value {
    json!({ "timestamp": "2026-01-01T00:00:00.000Z", "type": "ParticipantJoined", "participant": format!("p{number}"), "interaction": "i", "channel": "voice" })
}

/// The participants that came in text frames and in binary ones.
fn got(world: &mut World, socket: ConnectionId) -> (Vec<String>, Vec<String>) {
    let participant = |frame: &Value| frame["events"][0]["participant"].as_str().unwrap_or("?").to_owned();
    let text = world.frames(socket).iter().map(participant).collect();
    let binary = world.binaries.remove(&socket).unwrap_or_default();
    (text, binary.iter().map(|bytes| participant(&serde_json::from_slice(bytes).unwrap_or_default())).collect())
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn binary_frames_are_lost_doubled_and_delayed_like_others() {
    for (deed, soon, late) in [
        (json!({ "do": "lose" }), vec![], vec![]),
        (json!({ "do": "duplicate" }), vec!["p2", "p2"], vec![]),
        (json!({ "do": "delay", "ms": 700 }), vec![], vec!["p2"]),
    ] {
        let (mut world, socket) = reading();
        let mut laid =
            json!({ "on": "frame-out", "match": { "class": "events", "path": stream_interactions::PATH, "deploymentId": "demo" }, "nth": 2 });
        laid.as_object_mut().unwrap().extend(deed.as_object().unwrap().clone());
        rule(&mut world, laid);
        emit(&mut world, json!([joined(1), joined(2), joined(3)]));
        assert_eq!(got(&mut world, socket), (owned(&["p1", "p3"]), owned(&soon)), "{deed}");
        world.pass(700);
        assert_eq!(got(&mut world, socket), (vec![], owned(&late)), "{deed}");
    }
}

#[test]
fn reorder_turns_the_frames_round() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let socket = listen(&mut world, &token, SESSION, "");
    rule(
        &mut world,
        json!({ "on": "frame-out", "match": { "path": stream_conversations::PATH, "class": "CallStarted" }, "do": "reorder", "window": 3 }),
    );
    stream_conversations::emit(&mut world, 1..=4);
    assert_eq!(ids(&world.frames(socket)), json!(["e3", "e2", "e1", "e4"]));
}

#[test]
fn a_stall_holds_both_kinds_of_frames_in_their_order() {
    let (mut world, socket) = reading();
    rule(&mut world, json!({ "on": "frame-out", "do": "stall", "direction": "down", "ms": 5_000 }));
    emit(&mut world, json!([joined(1), joined(2), joined(3)]));
    assert_eq!(got(&mut world, socket), (vec![], vec![]));
    world.pass(5_000);
    assert_eq!(got(&mut world, socket), (owned(&["p1", "p3"]), owned(&["p2"])));
}

#[test]
fn drop_and_close_end_the_socket_and_its_place_is_free() {
    for (deed, state) in [
        (json!({ "do": "drop" }), State::Dropped),
        (json!({ "do": "close", "code": 1012, "reason": "restart" }), State::Closed(1012, "restart".into())),
    ] {
        for on in ["frame-in", "frame-out"] {
            let (mut world, socket) = reading();
            let mut laid = json!({ "on": on });
            laid.as_object_mut().unwrap().extend(deed.as_object().unwrap().clone());
            rule(&mut world, laid);
            world.send(socket, json!({ "type": "ping" }));
            assert_eq!(world.states[&socket], state, "{on} {deed}");
            assert_eq!(world.get("/_sim/streams"), json!([]));
        }
    }
}

#[test]
fn a_session_cut_off_by_a_rule_gets_what_it_missed() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let socket = listen(&mut world, &token, SESSION, "");
    rule(&mut world, json!({ "on": "frame-out", "match": { "token": SESSION }, "nth": 3, "do": "drop", "after": true }));
    stream_conversations::emit(&mut world, 1..=3);
    assert_eq!(ids(&world.frames(socket)), json!(["e1", "e2", "e3"]));
    assert_eq!(world.states[&socket], State::Dropped);
    stream_conversations::emit(&mut world, [4]);
    let next = listen(&mut world, &token, SESSION, "");
    assert_eq!(ids(&world.frames(next)), json!([["e2", "e3", "e4"]]));
}

#[test]
fn the_upgrade_is_refused_black_holed_or_accepted_and_closed() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    rule(
        &mut world,
        json!({ "on": "connect", "match": { "deploymentId": "demo", "path": "/conversations/events" }, "do": "refuse", "status": 503, "retryAfter": 9 }),
    );
    let refused = listen(&mut world, &token, SESSION, "");
    assert_eq!(world.states[&refused], State::Refused(503, vec![("retry-after".into(), "9".into())]));
    rule(&mut world, json!({ "on": "connect", "match": { "deploymentId": "demo" }, "do": "blackhole", "ms": 3_000 }));
    let waiting = listen(&mut world, &token, SESSION, "");
    assert_eq!(world.states[&waiting], State::Asking);
    world.pass(3_000);
    assert_eq!(world.states[&waiting], State::Open);
    rule(&mut world, json!({ "on": "connect", "do": "accept-then-close", "code": 1013 }));
    let brief = world.connect_to(stream_interactions::PATH, None);
    assert_eq!(world.states[&brief], State::Closed(1013, String::new()));
    rule(&mut world, json!({ "on": "connect", "match": { "deploymentId": "named" }, "do": "refuse", "status": 503 }));
    let named = world.connect_to(&format!("{}?deploymentId=named", stream_interactions::PATH), None);
    assert_eq!(world.states[&named], State::Refused(503, vec![]), "where the token comes later, the query may tell whose it is");
}

#[test]
fn the_first_frame_already_belongs_to_its_tokens_deployment() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    rule(
        &mut world,
        json!({ "on": "frame-in", "match": { "deploymentId": "demo", "action": "token" }, "do": "reply", "frame": { "status": "error", "message": "busy" } }),
    );
    let socket = world.connect_to(stream_interactions::PATH, None);
    assert_eq!(world.ask(socket, json!({ "token": token })), json!({ "status": "error", "message": "busy" }));
    assert_eq!(world.ask(socket, json!({ "token": token })), json!({ "status": "connected" }));
    rule(&mut world, json!({ "on": "frame-in", "match": { "action": "filter" }, "do": "lose" }));
    world.send(socket, json!({ "filter": {} }));
    assert_eq!(world.frames(socket), Vec::<Value>::new());
    subscribe(&mut world, socket, json!({}));
}

#[test]
fn garbage_comes_in_front_and_a_status_in_place_of_the_answer() {
    let (mut world, socket) = reading();
    rule(&mut world, json!({ "on": "frame-out", "match": { "class": "events" }, "do": "garbage", "as": "text" }));
    emit(&mut world, json!([joined(1)]));
    let raw: Vec<String> = world.inboxes.remove(&socket).unwrap().into();
    assert_eq!((raw.len(), raw[0].as_str()), (2, "this is {not a frame"));
    rule(&mut world, json!({ "on": "http", "match": { "path": "/user/websocket", "deploymentId": "demo" }, "do": "status", "status": 503 }));
    let token = token_for(&mut world, "demo");
    let authorization = format!("Bearer {token}");
    let probe = |world: &mut World| world.http("GET", "/api/v2/user/websocket", &[("Authorization", &authorization)], b"").status;
    assert_eq!((probe(&mut world), probe(&mut world)), (503, 426));
}
