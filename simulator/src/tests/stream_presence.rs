//! P, the presence socket: its token, channels as a whole, updates and the newest of them.

use super::session_api::token_for;
use super::*;

pub(super) const PATH: &str = "/api/v2/user/websocket";

fn bearer(world: &mut World, token: &str) -> ConnectionId {
    world.upgrade(Upgrade { target: PATH.into(), origin: None, authorization: Some(format!("Bearer {token}")) })
}

fn open(world: &mut World) -> ConnectionId {
    let token = token_for(world, "demo");
    world.connect_to(&format!("{PATH}?access_token={token}"), None)
}

fn channel(id: &str, config: Value) -> Value {
    json!({ "id": id, "type": "presence", "config": config })
}

fn subscribe(world: &mut World, socket: ConnectionId, channels: Value) -> Vec<Value> {
    world.send(socket, json!({ "type": "subscribe", "channels": channels }));
    world.frames(socket)
}

fn success(world: &mut World, socket: ConnectionId, channels: Value) {
    assert_eq!(subscribe(world, socket, channels), [json!({ "status": "success" })]);
}

fn emit(world: &mut World, updates: Value) {
    world.post("/_sim/stream", json!({ "to": "presence", "updates": updates }));
}

fn of_user(user: &str, presence: &str, second: u64) -> Value {
    json!({
        "timestamp": format!("2026-01-01T00:00:{second:02}.000Z"),
        "eventType": "presence.changed",
        "payload": { "userId": user, "presence": presence },
    })
}

/// Channel and presence of updates.
fn told(frames: &[Value]) -> Vec<(&str, &str)> {
    frames.iter().map(|frame| (frame["channelId"].as_str().unwrap_or("?"), frame["payload"]["presence"].as_str().unwrap_or("?"))).collect()
}

#[test]
fn the_token_comes_in_the_header_or_in_the_query() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let refused = token_for(&mut world, "refused-1");
    let by_header = bearer(&mut world, &token);
    let by_query = open(&mut world);
    for socket in [by_header, by_query] {
        assert_eq!(world.states[&socket], State::Open);
        assert_eq!(world.ask(socket, json!({ "type": "ping", "sequence": 3 })), json!({ "type": "pong", "sequence": 3 }));
    }
    assert_eq!(world.log("open")[0]["deploymentId"], "demo");
    for (token, status) in [("nonsense", 401), (refused.as_str(), 403)] {
        let socket = bearer(&mut world, token);
        assert_eq!(world.states[&socket], State::Refused(status, vec![]));
    }
    let without = world.connect_to(PATH, None);
    assert_eq!(world.states[&without], State::Refused(401, vec![]));
}

#[test]
fn a_deployment_has_five_sockets() {
    let mut world = World::new();
    let sockets: Vec<ConnectionId> = (0..5).map(|_| open(&mut world)).collect();
    let sixth = open(&mut world);
    assert_eq!(world.states[&sixth], State::Refused(429, vec![("retry-after".into(), "5".into())]));
    let token = token_for(&mut world, "demo");
    assert_eq!(world.http("GET", &format!("{PATH}?access_token={token}"), &[], b"").status, 429);
    world.close(sockets[2]);
    let next = open(&mut world);
    assert_eq!(world.states[&next], State::Open);
}

#[test]
fn a_subscription_is_taken_as_a_whole_or_not_at_all() {
    let mut world = World::with(json!({ "forbiddenChannels": ["secret"] }));
    let socket = open(&mut world);
    success(&mut world, socket, json!([channel("old", json!({}))]));
    let eleven: Value = (0..11).map(|at| channel(&format!("c{at}"), json!({}))).collect();
    for (channels, code) in [
        (eleven, 400),
        (json!([channel("c", json!({})), { "id": "d", "type": "fax" }]), 400),
        (json!([channel("c", json!({ "presenceTypes": ["busy", "asleep"] }))]), 400),
        (json!([{ "type": "presence" }]), 400),
        (json!("c"), 400),
        (json!([channel("c", json!({})), channel("secret", json!({}))]), 403),
    ] {
        world.pass(2_000);
        let answers = subscribe(&mut world, socket, channels.clone());
        assert_eq!(answers.len(), 1);
        assert_eq!((&answers[0]["status"], &answers[0]["code"]), (&json!("error"), &json!(code)), "{channels}");
        assert!(answers[0]["message"].is_string());
        assert_eq!(answers[0].get("channelId"), (code == 403).then(|| json!("secret")).as_ref());
    }
    assert_eq!(world.get("/_sim/streams")[0]["channels"], json!([channel("old", json!({}))]), "what was there still is");
    world.pass(2_000);
    success(&mut world, socket, (0..10).map(|at| channel(&format!("c{at}"), json!({}))).collect());
    world.pass(2_000);
    success(&mut world, socket, json!([]));
    emit(&mut world, json!([of_user("u1", "busy", 1)]));
    assert_eq!(world.frames(socket), Vec::<Value>::new());
}

#[test]
fn a_second_subscribe_within_two_seconds_is_too_early() {
    let mut world = World::new();
    let socket = open(&mut world);
    success(&mut world, socket, json!([channel("one", json!({}))]));
    world.pass(1_999);
    let answers = subscribe(&mut world, socket, json!([channel("two", json!({}))]));
    assert_eq!((&answers[0]["status"], &answers[0]["code"], &answers[0]["retryAfter"]), (&json!("error"), &json!(429), &json!(2)));
    assert_eq!(world.get("/_sim/streams")[0]["channels"][0]["id"], "one");
    world.pass(1);
    success(&mut world, socket, json!([channel("two", json!({}))]));
    world.post("/_sim/set", json!({ "limits": false }));
    success(&mut world, socket, json!([channel("three", json!({}))]));
}

#[test]
fn updates_go_where_they_belong() {
    let mut world = World::new();
    let socket = open(&mut world);
    let other = open(&mut world);
    let channels = json!([
        channel("all", json!({})),
        channel("u1", json!({ "userId": "u1" })),
        channel("busy", json!({ "presenceTypes": ["busy"] })),
        { "id": "routing", "type": "routing", "config": { "userId": "u1" } },
        { "id": "message", "type": "message" },
    ]);
    success(&mut world, socket, channels);
    success(&mut world, other, json!([channel("u2", json!({ "userId": "u2" }))]));
    emit(&mut world, json!([of_user("u1", "away", 1), of_user("u2", "busy", 2)]));
    assert_eq!(told(&world.frames(socket)), [("all", "away"), ("u1", "away"), ("all", "busy"), ("busy", "busy")]);
    let frame = world.frame(other);
    assert_eq!(
        frame,
        json!({
            "type": "presence",
            "channelId": "u2",
            "timestamp": "2026-01-01T00:00:02.000Z",
            "eventType": "presence.changed",
            "payload": { "userId": "u2", "presence": "busy" },
        })
    );
    let mut routing = of_user("u1", "", 3);
    routing["type"] = json!("routing");
    let mut message = of_user("u9", "", 3);
    message["type"] = json!("message");
    let mut named = of_user("u9", "offline", 3);
    named["channelId"] = json!("busy");
    emit(&mut world, json!([routing, message, named]));
    let frames = world.frames(socket);
    let seen: Vec<(&Value, &Value)> = frames.iter().map(|frame| (&frame["type"], &frame["channelId"])).collect();
    let expected = [("routing", "routing"), ("message", "message"), ("presence", "busy")].map(|(kind, id)| (json!(kind), json!(id)));
    assert_eq!(seen, expected.iter().map(|(kind, id)| (kind, id)).collect::<Vec<_>>());
}

#[test]
fn the_newest_update_of_each_channel_comes_again() {
    let mut world = World::new();
    let socket = open(&mut world);
    let mut named = of_user("u3", "meeting", 5);
    named["channelId"] = json!("all");
    // The one of second 7 was overtaken by that of second 9.
    emit(&mut world, json!([of_user("u1", "busy", 9), of_user("u1", "away", 7), of_user("u2", "busy", 3), named]));
    let frames = subscribe(
        &mut world,
        socket,
        json!([
            channel("all", json!({})),
            channel("u1", json!({ "userId": "u1" })),
            channel("away", json!({ "presenceTypes": ["away"] })),
            channel("u2", json!({ "userId": "u2" })),
            channel("nobody", json!({ "userId": "u7" })),
            { "id": "routing", "type": "routing" },
        ]),
    );
    assert_eq!(frames[0], json!({ "status": "success" }));
    assert_eq!(told(&frames[1..]), [("all", "busy"), ("u1", "busy"), ("away", "away"), ("u2", "busy")]);
    assert_eq!(frames[3]["timestamp"], "2026-01-01T00:00:07.000Z");
    world.post("/_sim/set", json!({ "streamReplay": false }));
    world.pass(2_000);
    success(&mut world, socket, json!([channel("all", json!({}))]));
}

#[test]
fn what_is_no_update_is_refused() {
    let mut world = World::new();
    for (body, reason) in [
        (json!({ "to": "presence" }), "updates is a list"),
        (json!({ "to": "presence", "updates": [{}] }), "an update has a timestamp"),
        (json!({ "to": "presence", "updates": [7] }), "updates[0] is not an object"),
        (json!({ "to": "conversations", "events": {} }), "events is a list"),
        (json!({ "to": "realtime" }), "frame is missing: there are no events on that stream"),
        (json!({ "to": "nowhere" }), "to is conversations, interactions, presence, notifications or realtime"),
    ] {
        let (status, answer) = world.control("POST", "/_sim/stream", &body.to_string());
        assert_eq!((status, &answer["error"]), (400, &json!(reason)));
    }
    assert_eq!(world.control("DELETE", "/_sim/streams", "").0, 405);
}
