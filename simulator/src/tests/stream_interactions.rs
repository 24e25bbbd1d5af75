//! I, the interaction events' socket: the token first, then a filter; what is sent, and what comes again.

use super::session_api::token_for;
use super::*;

pub(super) const PATH: &str = "/api/v2/analytics/conversations/stream";

/// A socket whose token was taken.
pub(super) fn connected(world: &mut World, token: &str) -> ConnectionId {
    let socket = world.connect_to(PATH, None);
    assert_eq!(world.ask(socket, json!({ "token": token })), json!({ "status": "connected" }));
    socket
}

pub(super) fn subscribe(world: &mut World, socket: ConnectionId, filter: Value) {
    assert_eq!(world.ask(socket, json!({ "filter": filter })), json!({ "status": "subscribed" }));
}

fn event(participant: &str, interaction: &str, channel: &str, timestamp: &str) -> Value {
    json!({ "timestamp": timestamp, "type": "ParticipantJoined", "participant": participant, "interaction": interaction, "channel": channel })
}

/// An event at so many seconds after the start.
fn at(second: u64) -> Value {
    event(&format!("p{second}"), "i1", "voice", &format!("2026-01-01T00:{:02}:{:02}.000Z", second / 60, second % 60))
}

pub(super) fn emit(world: &mut World, events: Value) {
    world.post("/_sim/stream", json!({ "to": "interactions", "events": events }));
}

/// The participants in frames, text and binary ones, in the order in which they came within each kind.
fn participants(frames: &[Value]) -> Vec<Vec<&str>> {
    let of = |frame: &Value| frame["events"].as_array().map(Vec::len).unwrap_or_default();
    frames.iter().map(|frame| (0..of(frame)).filter_map(|at| frame["events"][at]["participant"].as_str()).collect()).collect()
}

#[test]
fn the_first_frame_is_a_good_token() {
    let mut world = World::new();
    let refused = token_for(&mut world, "refused-1");
    for frame in [
        json!({ "token": "nonsense" }),
        json!({ "token": 7 }),
        json!({ "token": refused }),
        json!({ "type": "ping" }),
        json!({ "filter": {} }),
        json!([]),
    ] {
        let socket = world.connect_to(PATH, None);
        let answer = world.ask(socket, frame.clone());
        assert_eq!(answer["status"], "error", "{frame}");
        assert!(answer["message"].is_string());
        assert!(matches!(world.states[&socket], State::Closed(1008, _)), "{frame}");
    }
}

#[test]
fn the_token_comes_within_fifteen_seconds() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let silent = world.connect_to(PATH, None);
    let slow = world.connect_to(PATH, None);
    world.pass(14_999);
    world.ask(slow, json!({ "token": token }));
    assert_eq!(world.states[&silent], State::Open);
    world.pass(1);
    assert_eq!(world.frame(silent)["status"], "error");
    assert!(matches!(world.states[&silent], State::Closed(1008, _)));
    assert_eq!(world.states[&slow], State::Open);
}

#[test]
fn events_come_through_the_filter_which_may_be_replaced() {
    let mut world = World::with(json!({ "binaryEvery": 0 }));
    let token = token_for(&mut world, "demo");
    let socket = connected(&mut world, &token);
    let events = json!([event("a", "i1", "voice", "t"), event("b", "i2", "chat", "t"), event("c", "i1", "chat", "t")]);
    emit(&mut world, events.clone());
    assert_eq!(world.frames(socket), Vec::<Value>::new(), "nothing before a subscription");
    for (filter, expected) in [
        (json!({}), vec!["a", "b", "c"]),
        (json!({ "id": "i1" }), vec!["a", "c"]),
        (json!({ "channels": ["chat", "sms"] }), vec!["b", "c"]),
        (json!({ "id": "i1", "channels": ["chat"] }), vec!["c"]),
    ] {
        subscribe(&mut world, socket, filter);
        emit(&mut world, events.clone());
        assert_eq!(participants(&world.frames(socket)).concat(), expected);
    }
    let answer = world.ask(socket, json!({ "filter": { "channels": ["fax"] } }));
    assert_eq!(answer["status"], "error");
    assert!(answer["message"].as_str().unwrap().contains("fax"));
    emit(&mut world, events.clone());
    assert_eq!(participants(&world.frames(socket)), [["c"]], "the old filter holds");
    subscribe(&mut world, socket, json!({ "id": "i1" }));
    world.post("/_sim/stream", json!({ "to": "interactions", "events": events, "batch": true }));
    assert_eq!(participants(&world.frames(socket)), [["a", "c"]]);
    assert_eq!(world.get("/_sim/streams")[0]["filter"], json!({ "id": "i1" }));
    assert_eq!(world.ask(socket, json!({ "type": "ping" })), json!({ "type": "pong" }));
}

#[test]
fn every_third_frame_with_events_is_binary() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let socket = connected(&mut world, &token);
    subscribe(&mut world, socket, json!({}));
    emit(&mut world, (0..7).map(at).collect());
    assert_eq!(participants(&world.frames(socket)).concat(), ["p0", "p1", "p3", "p4", "p6"]);
    let binary: Vec<Value> = world.binaries.remove(&socket).unwrap().iter().map(|bytes| serde_json::from_slice(bytes).unwrap()).collect();
    assert_eq!(participants(&binary).concat(), ["p2", "p5"]);
    let binary_out: Vec<Value> = world.log("frame-out").into_iter().filter(|record| record.get("bytes").is_some()).collect();
    assert_eq!((binary_out.len(), &binary_out[0]["class"], &binary_out[0]["path"]), (2, &json!("events"), &json!(PATH)));
    world.post("/_sim/set", json!({ "binaryEvery": 1 }));
    emit(&mut world, json!([at(8)]));
    assert_eq!(world.frames(socket), Vec::<Value>::new());
    assert_eq!(world.binaries[&socket].len(), 1);
}

#[test]
fn since_brings_back_what_bears_that_time_or_a_later_one() {
    let mut world = World::with(json!({ "binaryEvery": 0 }));
    let token = token_for(&mut world, "demo");
    // In another order than their times, and one whose time cannot be read: it has the time at which it was sent.
    emit(&mut world, json!([at(3), at(1), at(2), event("odd", "i1", "voice", "soon"), event("chat", "i1", "chat", "2026-01-01T00:00:09Z")]));
    let socket = connected(&mut world, &token);
    subscribe(&mut world, socket, json!({}));
    assert_eq!(world.frames(socket), Vec::<Value>::new());
    world.send(socket, json!({ "filter": { "since": "2026-01-01T00:00:02.000Z", "channels": ["voice"] } }));
    let frames = world.frames(socket);
    assert_eq!(frames[0], json!({ "status": "subscribed" }));
    assert_eq!(participants(&frames[1..]), [["p3", "p2"]]);
    world.send(socket, json!({ "filter": { "since": "2026-01-01T00:00:00.000Z", "channels": ["voice"] } }));
    assert_eq!(participants(&world.frames(socket)[1..]), [["p3", "p1", "p2", "odd"]]);
    world.post("/_sim/set", json!({ "streamReplay": false }));
    subscribe(&mut world, socket, json!({ "since": "2026-01-01T00:00:00.000Z" }));
}

#[test]
fn the_past_reaches_back_ten_minutes_a_hundred_events_a_frame() {
    let mut world = World::with(json!({ "binaryEvery": 0, "accessTokenSeconds": 86400 }));
    let token = token_for(&mut world, "demo");
    emit(&mut world, json!([event("early", "i1", "voice", "2026-01-01T00:00:00.000Z")]));
    world.pass(1);
    emit(&mut world, (0..250).map(|_| event("late", "i1", "voice", "2026-01-01T00:00:00.001Z")).collect());
    world.pass(600_000);
    let socket = connected(&mut world, &token);
    world.send(socket, json!({ "filter": { "since": "2026-01-01T00:00:00.000Z" } }));
    let sizes: Vec<usize> = participants(&world.frames(socket)[1..]).iter().map(|frame| frame.len()).collect();
    assert_eq!(sizes, [100, 100, 50], "the early one is older than ten minutes");
    world.pass(1);
    subscribe(&mut world, socket, json!({ "since": "2026-01-01T00:00:00.000Z" }));
}

#[test]
fn ten_thousand_events_are_kept() {
    let mut world = World::with(json!({ "binaryEvery": 0 }));
    let token = token_for(&mut world, "demo");
    let events: Value = (0..10_000).map(|_| at(1)).collect();
    emit(&mut world, json!([at(0)]));
    emit(&mut world, events);
    let socket = connected(&mut world, &token);
    world.send(socket, json!({ "filter": { "since": "2026-01-01T00:00:00.000Z" } }));
    let come = world.frames(socket);
    assert_eq!(participants(&come[1..]).concat().len(), 10_000);
    assert!(participants(&come[1..]).concat().iter().all(|participant| *participant == "p1"));
    let (status, answer) = world.control("POST", "/_sim/stream", &json!({ "to": "interactions", "events": vec![json!({}); 10_001] }).to_string());
    assert_eq!((status, &answer["error"]), (400, &json!("events are 10000 at most")));
}

#[test]
fn a_new_token_keeps_the_socket_and_an_old_one_ends_it() {
    let mut world = World::with(json!({ "accessTokenSeconds": 60 }));
    let token = token_for(&mut world, "demo");
    let (kept, lost) = (connected(&mut world, &token), connected(&mut world, &token));
    subscribe(&mut world, kept, json!({ "id": "i1" }));
    world.pass(30_000);
    let fresh = token_for(&mut world, "demo");
    assert_eq!(world.ask(kept, json!({ "token": fresh })), json!({ "status": "connected" }));
    world.pass(30_000);
    assert_eq!((&world.states[&kept], &world.states[&lost]), (&State::Open, &State::Closed(1008, "token expired".into())));
    emit(&mut world, json!([at(1)]));
    assert_eq!(world.frames(kept).len(), 1, "its filter holds");
}
