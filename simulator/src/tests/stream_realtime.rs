//! L, the latency monitor's socket: the subscription, probes, and what ends it.

use super::session_api::token_for;
use super::*;

const PATH: &str = "/v2/analytics/events/realtime";

fn subscribe(token: &str) -> Value {
    json!({
        "type": "subscribe",
        "token": token,
        "connectionId": "monitor-1",
        "settings": { "pingInterval": "2s", "driftCompensation": { "enabled": true, "maxDriftMs": 500, "adjustFactor": 0.1 } },
    })
}

/// A world with a socket that has subscribed for deployment `demo`.
fn monitored() -> (World, ConnectionId) {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let socket = world.connect_to(PATH, None);
    assert_eq!(world.ask(socket, subscribe(&token)), json!({ "type": "subscribed", "connectionId": "monitor-1" }));
    (world, socket)
}

#[test]
fn a_probe_is_answered_with_its_number_and_the_services_clock() {
    let (mut world, socket) = monitored();
    world.pass(704);
    let answer = world.ask(socket, json!({ "type": "ping", "sequence": 7 }));
    assert_eq!(answer, json!({ "type": "pong", "sequence": 7, "timestamp": "2026-01-01T00:00:00.704Z" }));
    for (offset, time) in [(1_500, "2026-01-01T00:00:02.204Z"), (-1_704, "2025-12-31T23:59:59.000Z")] {
        world.post("/_sim/set", json!({ "clockOffsetMs": offset }));
        assert_eq!(world.ask(socket, json!({ "type": "ping", "sequence": 8 }))["timestamp"], time);
    }
}

#[test]
fn the_subscription_comes_within_ten_seconds() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let (slow, late) = (world.connect_to(PATH, None), world.connect_to(PATH, None));
    world.pass(9_999);
    world.ask(slow, subscribe(&token));
    assert_eq!(world.states[&late], State::Open);
    world.pass(1);
    assert_eq!(world.states[&late], State::Closed(1008, "no subscription came in time".into()));
    assert_eq!(world.states[&slow], State::Open);
}

#[test]
fn what_is_wrong_with_a_subscription_is_named_and_closed_with_1002() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let with = |field: &str, value: Value| {
        let mut frame = subscribe(&token);
        frame[field] = value;
        frame
    };
    for (frame, field) in [
        (with("connectionId", json!("short")), json!("connectionId")),
        (with("connectionId", json!("a".repeat(37))), json!("connectionId")),
        (with("connectionId", json!("with space")), json!("connectionId")),
        (with("connectionId", Value::Null), json!("connectionId")),
        (with("settings", json!({ "pingInterval": "99ms" })), json!("settings.pingInterval")),
        (with("settings", json!({ "pingInterval": 2_000 })), json!("settings.pingInterval")),
        (with("settings", json!({})), json!("settings.pingInterval")),
        (with("type", json!("ping")), json!("type")),
        (json!([]), Value::Null),
    ] {
        let socket = world.connect_to(PATH, None);
        let answer = world.ask(socket, frame.clone());
        assert_eq!((&answer["type"], &answer["status"], &answer["field"]), (&json!("error"), &json!(400), &field), "{frame}");
        assert!(answer["message"].is_string());
        assert!(matches!(world.states[&socket], State::Closed(1002, _)), "{frame}");
    }
}

#[test]
fn a_token_that_is_not_good_is_told_and_closed_with_1008() {
    let mut world = World::new();
    let refused = token_for(&mut world, "refused-1");
    for (token, status) in [("nonsense", 401), ("", 401), (refused.as_str(), 403)] {
        let socket = world.connect_to(PATH, None);
        let answer = world.ask(socket, subscribe(token));
        assert_eq!((&answer["type"], &answer["status"]), (&json!("error"), &json!(status)));
        assert!(matches!(world.states[&socket], State::Closed(1008, _)));
    }
}

#[test]
fn a_frame_beyond_65536_bytes_is_too_much() {
    let (mut world, socket) = monitored();
    world.send_text(socket, &format!("\"{}\"", "x".repeat(65_534)));
    assert_eq!(world.states[&socket], State::Open);
    world.send_text(socket, &format!("\"{}\"", "x".repeat(65_535)));
    assert!(matches!(world.states[&socket], State::Closed(1009, _)));
}

#[test]
fn more_than_twenty_pings_in_a_second_are_too_many() {
    let (mut world, socket) = monitored();
    for sequence in 0..20 {
        world.ask(socket, json!({ "type": "ping", "sequence": sequence }));
    }
    world.pass(1_000);
    world.ask(socket, json!({ "type": "ping" }));
    world.pass(999);
    for _ in 0..19 {
        world.ask(socket, json!({ "type": "ping" }));
    }
    world.send(socket, json!({ "type": "ping" }));
    assert_eq!(world.states[&socket], State::Closed(1002, "too many pings".into()));
    assert_eq!(world.frames(socket), Vec::<Value>::new());
}

#[test]
fn a_token_that_runs_out_ends_the_socket() {
    let mut world = World::with(json!({ "accessTokenSeconds": 60 }));
    let token = token_for(&mut world, "demo");
    let socket = world.connect_to(PATH, None);
    world.ask(socket, subscribe(&token));
    world.pass(59_999);
    assert_eq!(world.states[&socket], State::Open);
    world.pass(1);
    assert_eq!(world.states[&socket], State::Closed(1008, "token expired".into()));
    let (mut world, socket) = monitored();
    world.post("/_sim/expire", json!({ "what": "token", "deploymentId": "demo" }));
    assert_eq!(world.states[&socket], State::Closed(1008, "token expired".into()));
}

#[test]
fn a_socket_is_listed_and_its_token_is_written_nowhere() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let socket = world.connect_to(PATH, None);
    world.send_text(socket, &subscribe(&token).to_string());
    world.frames(socket);
    let broken = world.connect_to(PATH, None);
    world.send_text(broken, &format!("{{\"token\":\"{token}\""));
    let listed = world.get("/_sim/streams");
    assert_eq!(listed, json!([{ "connection": socket.0, "path": PATH, "deploymentId": "demo", "connectionId": "monitor-1" }]));
    let log = world.get("/_sim/log?since=0");
    assert!(!log.to_string().contains(&token));
    let first = &world.log("frame-in")[0];
    assert_eq!((&first["action"], &first["deploymentId"], &first["path"]), (&json!("subscribe"), &json!("demo"), &json!(PATH)));
    world.post("/_sim/reset", json!({ "deploymentId": "demo" }));
    assert_eq!(world.states[&socket], State::Closed(1000, String::new()));
    assert_eq!(world.get("/_sim/streams"), json!([]));
}
