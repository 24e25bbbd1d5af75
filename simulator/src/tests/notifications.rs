//! The Notifications service: channels, their topics, and what comes on their sockets.

use super::session_api::{body, token_for};
use super::*;

const CHANNELS: &str = "/api/v2/notifications/channels";

fn call(world: &mut World, method: &str, target: &str, token: &str, sent: &Value) -> HttpResponse {
    let headers = [("Authorization", format!("Bearer {token}")), ("Host", "example.test:8787".into())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.http(method, target, &headers, sent.to_string().as_bytes())
}

/// A channel of the token's deployment: its id.
fn create(world: &mut World, token: &str) -> String {
    let answer = call(world, "POST", CHANNELS, token, &json!({}));
    assert_eq!(answer.status, 200);
    body(&answer)["id"].as_str().expect("an id").to_owned()
}

fn topics(world: &mut World, method: &str, token: &str, channel: &str, named: &[&str]) -> Vec<String> {
    let sent: Value = named.iter().map(|topic| json!({ "id": topic })).collect();
    let answer = call(world, method, &format!("{CHANNELS}/{channel}/subscriptions"), token, &sent);
    assert_eq!(answer.status, 200);
    let entities = body(&answer)["entities"].as_array().expect("a list").clone();
    entities.iter().map(|entity| entity["id"].as_str().expect("an id").to_owned()).collect()
}

fn open(world: &mut World, channel: &str) -> ConnectionId {
    world.connect_to(&format!("/channels/{channel}"), None)
}

/// A world with a channel that has one topic, and a socket on it.
fn subscribed() -> (World, String, ConnectionId) {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let channel = create(&mut world, &token);
    topics(&mut world, "POST", &token, &channel, &["v2.users.agent-01.presence"]);
    let socket = open(&mut world, &channel);
    assert_eq!(world.states[&socket], State::Open);
    (world, channel, socket)
}

fn heartbeat() -> Value {
    json!({ "topicName": "channel.metadata", "eventBody": { "message": "WebSocket Heartbeat" } })
}

#[test]
fn a_channel_says_where_its_socket_is_and_how_long() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let answer = body(&call(&mut world, "POST", CHANNELS, &token, &json!({})));
    let id = answer["id"].as_str().unwrap();
    assert_eq!(answer, json!({ "id": id, "connectUri": format!("ws://example.test:8787/channels/{id}"), "expires": "2026-01-02T00:00:00.000Z" }));
    let headers = [("Authorization", format!("Bearer {token}")), ("Host", "example.test".into()), ("X-Forwarded-Proto", "https".into())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let secure = body(&world.http("POST", CHANNELS, &headers, b""));
    assert!(secure["connectUri"].as_str().unwrap().starts_with("wss://example.test/channels/"));
    let refused = token_for(&mut world, "refused-1");
    for (token, status) in [("nonsense", 401), (refused.as_str(), 403)] {
        assert_eq!(call(&mut world, "POST", CHANNELS, token, &json!({})).status, status);
        assert_eq!(call(&mut world, "GET", &format!("{CHANNELS}/{id}/subscriptions"), token, &json!([])).status, status);
    }
    assert_eq!(call(&mut world, "GET", CHANNELS, &token, &json!({})).status, 405);
    let last = world.log("http").pop().unwrap();
    assert_eq!((&last["path"], &last["deploymentId"]), (&json!(CHANNELS), &json!("demo")));
}

#[test]
fn topics_are_added_replaced_read_and_removed() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let other = token_for(&mut world, "other");
    let channel = create(&mut world, &token);
    assert_eq!(topics(&mut world, "POST", &token, &channel, &["b", "a"]), ["a", "b"]);
    assert_eq!(topics(&mut world, "POST", &token, &channel, &["c", "a"]), ["a", "b", "c"]);
    assert_eq!(topics(&mut world, "PUT", &token, &channel, &["d"]), ["d"]);
    assert_eq!(topics(&mut world, "GET", &token, &channel, &[]), ["d"]);
    assert_eq!(topics(&mut world, "DELETE", &token, &channel, &[]), Vec::<String>::new());
    let path = format!("{CHANNELS}/{channel}/subscriptions");
    assert_eq!(call(&mut world, "POST", &path, &token, &json!(["a"])).status, 400);
    assert_eq!(call(&mut world, "PATCH", &path, &token, &json!([])).status, 405);
    assert_eq!(call(&mut world, "GET", &path, &other, &json!([])).status, 404, "of another deployment");
    assert_eq!(call(&mut world, "GET", &format!("{CHANNELS}/nobodys/subscriptions"), &token, &json!([])).status, 404);
}

#[test]
fn a_channel_has_a_thousand_topics() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let channel = create(&mut world, &token);
    let path = format!("{CHANNELS}/{channel}/subscriptions");
    let many = |from: usize, to: usize| -> Value { (from..to).map(|at| json!({ "id": format!("v2.users.u{at}.presence") })).collect() };
    assert_eq!(call(&mut world, "PUT", &path, &token, &many(0, 1_000)).status, 200);
    for (method, sent) in [("POST", many(1_000, 1_001)), ("PUT", many(0, 1_001))] {
        let answer = call(&mut world, method, &path, &token, &sent);
        let error = body(&answer);
        assert_eq!((answer.status, &error["status"], &error["code"]), (400, &json!(400), &json!("too.many.topics")));
        assert!(error["message"].is_string());
    }
    assert_eq!(topics(&mut world, "GET", &token, &channel, &[]).len(), 1_000, "nothing was changed");
    assert_eq!(call(&mut world, "POST", &path, &token, &many(0, 1_000)).status, 200, "none is new");
}

#[test]
fn the_twenty_first_channel_closes_the_oldest() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let channels: Vec<String> = (0..20).map(|_| create(&mut world, &token)).collect();
    let sockets: Vec<ConnectionId> = channels.iter().take(2).map(|channel| open(&mut world, channel)).collect();
    let other = token_for(&mut world, "other");
    create(&mut world, &other);
    assert_eq!(world.states[&sockets[0]], State::Open);
    create(&mut world, &token);
    assert_eq!((&world.states[&sockets[0]], &world.states[&sockets[1]]), (&State::Closed(1000, "the channel is closed".into()), &State::Open));
    let again = open(&mut world, &channels[0]);
    assert_eq!(world.states[&again], State::Refused(404, vec![]));
    assert_eq!(world.http("GET", &format!("/channels/{}", channels[0]), &[], b"").status, 404);
    assert_eq!(world.http("GET", &format!("/channels/{}", channels[1]), &[], b"").status, 426);
}

#[test]
fn an_event_comes_to_the_sockets_of_its_topic() {
    let (mut world, channel, socket) = subscribed();
    let second = open(&mut world, &channel);
    let event = json!({ "source": "PURECLOUD", "presenceDefinition": { "id": "p", "systemPresence": "AWAY" } });
    let answer = world.post("/_sim/stream", json!({ "to": "notifications", "topic": "v2.users.agent-01.presence", "body": event }));
    assert_eq!(answer["frames"], 2);
    world.post("/_sim/stream", json!({ "to": "notifications", "topic": "v2.users.agent-02.presence", "body": event }));
    for socket in [socket, second] {
        let frame = world.frame(socket);
        assert_eq!((&frame["topicName"], &frame["version"], &frame["eventBody"]), (&json!("v2.users.agent-01.presence"), &json!("2"), &event));
        assert_eq!(frame["metadata"]["CorrelationId"].as_str().map(str::len), Some(36));
    }
    let listed = world.get("/_sim/streams");
    assert_eq!(
        listed[0],
        json!({ "connection": socket.0, "path": format!("/channels/{channel}"), "deploymentId": "demo", "topics": ["v2.users.agent-01.presence"] })
    );
    world.post("/_sim/stream", json!({ "to": "notifications", "frame": { "topicName": "x" } }));
    assert_eq!(world.frame(socket), json!({ "topicName": "x" }));
    let out = world.log("frame-out");
    let first = out.iter().find(|record| record["class"] == "v2.users.agent-01.presence").unwrap();
    assert_eq!((&first["deploymentId"], &first["token"]), (&json!("demo"), &json!(channel)));
}

#[test]
fn a_heartbeat_comes_every_thirty_seconds_and_a_ping_is_answered() {
    let (mut world, _, socket) = subscribed();
    assert_eq!(world.ask(socket, json!({ "message": "ping" })), json!({ "topicName": "channel.metadata", "eventBody": { "message": "pong" } }));
    assert_eq!(world.log("frame-in")[0]["action"], "ping");
    world.send(socket, json!({ "type": "ping" }));
    world.pass(29_999);
    assert_eq!(world.frames(socket), Vec::<Value>::new());
    world.pass(1);
    assert_eq!(world.frame(socket), heartbeat());
    world.pass(90_000);
    assert_eq!(world.frames(socket), [heartbeat(), heartbeat(), heartbeat()]);
}

#[test]
fn a_drain_is_told_a_minute_before_and_a_second_socket_stands_beside_it() {
    let (mut world, channel, old) = subscribed();
    assert_eq!(world.post("/_sim/stream", json!({ "to": "notifications", "do": "drain" }))["frames"], 1);
    let notice = world.frame(old);
    assert_eq!(notice["topicName"], "v2.system.socket_closing");
    assert!(notice["eventBody"]["message"].is_string());
    let new = open(&mut world, &channel);
    world.pass(59_999);
    for socket in [old, new] {
        assert_eq!(world.frames(socket), [heartbeat()]);
    }
    world.post("/_sim/stream", json!({ "to": "notifications", "topic": "v2.users.agent-01.presence", "body": {} }));
    for socket in [old, new] {
        assert_eq!(world.frame(socket)["topicName"], "v2.users.agent-01.presence");
    }
    world.pass(1);
    assert_eq!((&world.states[&old], &world.states[&new]), (&State::Closed(1001, "the socket is drained".into()), &State::Open));
    world.post("/_sim/stream", json!({ "to": "notifications", "do": "drain", "inMs": 100 }));
    world.pass(100);
    assert_eq!(world.states[&new], State::Closed(1001, "the socket is drained".into()));
    assert_eq!(world.control("POST", "/_sim/stream", r#"{"to":"notifications","do":"dance"}"#).0, 400);
    assert_eq!(world.control("POST", "/_sim/stream", r#"{"to":"notifications","topic":"t"}"#).0, 400);
}

#[test]
fn a_channel_ends_after_a_day_or_with_a_reset_but_not_with_its_token() {
    let (mut world, channel, socket) = subscribed();
    world.post("/_sim/expire", json!({ "what": "token", "deploymentId": "demo" }));
    world.pass(86_399_999);
    assert_eq!(world.states[&socket], State::Open);
    world.pass(1);
    assert_eq!(world.states[&socket], State::Closed(1000, "the channel is closed".into()));
    let again = open(&mut world, &channel);
    assert_eq!(world.states[&again], State::Refused(404, vec![]));
    let (mut world, channel, socket) = subscribed();
    world.post("/_sim/reset", json!({ "deploymentId": "demo" }));
    assert_eq!(world.states[&socket], State::Closed(1000, String::new()));
    let again = open(&mut world, &channel);
    assert_eq!(world.states[&again], State::Refused(404, vec![]));
}

#[test]
fn rules_find_a_channel_by_its_id_and_its_frames_by_topic() {
    let (mut world, channel, socket) = subscribed();
    world.post("/_sim/faults", json!({ "on": "frame-out", "match": { "token": channel, "class": "v2.users.agent-01.presence" }, "do": "lose" }));
    world.post("/_sim/faults", json!({ "on": "connect", "match": { "deploymentId": "demo", "path": "/channels/" }, "do": "refuse", "status": 503 }));
    world.post(
        "/_sim/faults",
        json!({ "on": "http", "match": { "deploymentId": "demo", "path": CHANNELS }, "do": "status", "status": 429, "retryAfter": 3 }),
    );
    for _ in 0..2 {
        world.post("/_sim/stream", json!({ "to": "notifications", "topic": "v2.users.agent-01.presence", "body": {} }));
    }
    assert_eq!(world.frames(socket).len(), 1);
    let refused = open(&mut world, &channel);
    assert_eq!(world.states[&refused], State::Refused(503, vec![]));
    let token = token_for(&mut world, "demo");
    let answer = call(&mut world, "POST", CHANNELS, &token, &json!({}));
    assert_eq!(answer.status, 429);
    assert!(answer.headers.contains(&("retry-after".into(), "3".into())));
}
