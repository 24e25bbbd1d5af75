//! E, the conversation events' socket: who is let in, the filter, and what a session that comes back gets.

use super::session_api::{body, token_for};
use super::*;

pub(super) const PATH: &str = "/api/v2/analytics/conversations/events";
pub(super) const SESSION: &str = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff";

pub(super) fn listen(world: &mut World, token: &str, session: &str, filter: &str) -> ConnectionId {
    world.connect_to(&format!("{PATH}?access_token={token}&session_id={session}&filter={filter}"), None)
}

pub(super) fn event(id: usize, kind: &str, data: Value) -> Value {
    json!({ "id": format!("e{id}"), "timestamp": "2026-01-01T00:00:00.000Z", "type": kind, "data": data })
}

pub(super) fn emit(world: &mut World, numbers: impl IntoIterator<Item = usize>) {
    let events: Vec<Value> = numbers.into_iter().map(|number| event(number, "CallStarted", json!({}))).collect();
    world.post("/_sim/stream", json!({ "to": "conversations", "events": events }));
}

/// The ids of the events in frames, a list for each that is a list.
pub(super) fn ids(frames: &[Value]) -> Value {
    let id = |event: &Value| event["id"].clone();
    frames.iter().map(|frame| frame.as_array().map_or(id(frame), |events| events.iter().map(id).collect())).collect()
}

#[test]
fn an_upgrade_is_refused_with_the_status_of_the_reason() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let refused = token_for(&mut world, "refused-1");
    for (query, status) in [
        (format!("session_id={SESSION}"), 401),
        (format!("access_token=nonsense&session_id={SESSION}"), 401),
        ("access_token=nonsense".into(), 401),
        (format!("access_token={refused}&session_id={SESSION}"), 403),
        (format!("access_token={token}"), 400),
        (format!("access_token={token}&session_id=6f9619ff-8b86-1d01-b42d-00cf4fc964ff"), 400),
        (format!("access_token={token}&session_id={SESSION}&filter=sales"), 400),
    ] {
        let socket = world.connect_to(&format!("{PATH}?{query}"), None);
        assert_eq!(world.states[&socket], State::Refused(status, vec![]), "{query}");
    }
    let last = world.log("http").pop().unwrap();
    assert_eq!((&last["status"], &last["path"], &last["deploymentId"], &last["token"]), (&json!(400), &json!(PATH), &json!("demo"), &json!(SESSION)));
    assert!(!world.get("/_sim/log?since=0").to_string().contains(&token));
}

#[test]
fn more_sockets_than_the_deployment_may_have_are_refused() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let sockets: Vec<ConnectionId> = (0..10).map(|_| listen(&mut world, &token, SESSION, "")).collect();
    let probe = |world: &mut World| world.http("GET", PATH, &[("authorization", &format!("Bearer {token}"))], b"");
    let retry = vec![("retry-after".to_owned(), "5".to_owned())];
    let eleventh = listen(&mut world, &token, SESSION, "");
    assert_eq!(world.states[&eleventh], State::Refused(429, retry.clone()));
    let answer = probe(&mut world);
    assert_eq!(answer.status, 429);
    assert!(answer.headers.contains(&retry[0]));
    world.close(sockets[0]);
    assert_eq!(probe(&mut world).status, 426);
    let next = listen(&mut world, &token, SESSION, "");
    assert_eq!(world.states[&next], State::Open);
    let other = token_for(&mut world, "other");
    world.post("/_sim/set", json!({ "deploymentId": "other", "streamConnections": 1 }));
    let one = listen(&mut world, &other, SESSION, "");
    let two = listen(&mut world, &other, SESSION, "");
    assert_eq!((&world.states[&one], &world.states[&two]), (&State::Open, &State::Refused(429, retry)));
}

#[test]
fn a_request_without_an_upgrade_is_told_the_reason() {
    let mut world = World::new();
    let refused = token_for(&mut world, "refused-1");
    let token = token_for(&mut world, "demo");
    for path in [PATH, "/v2/analytics/events/realtime", "/api/v2/analytics/conversations/stream", "/api/v2/user/websocket"] {
        for (authorization, status) in [("", 401), ("Bearer nonsense", 401), (&format!("Bearer {refused}"), 403), (&format!("Bearer {token}"), 426)] {
            let answer = world.http("GET", path, &[("Authorization", authorization)], b"");
            assert_eq!(answer.status, status, "{path}");
            assert!(answer.headers.contains(&("access-control-allow-origin".into(), "*".into())));
            assert_eq!(body(&answer)["status"], status);
        }
        assert_eq!(world.http("GET", &format!("{path}?access_token={token}"), &[], b"").status, 426);
        assert_eq!(world.http("POST", path, &[("Authorization", &format!("Bearer {token}"))], b"").status, 405);
        assert_eq!(world.http("OPTIONS", path, &[], b"").status, 204);
    }
    assert_eq!(world.log("http").last().map(|record| record["deploymentId"].clone()), Some(json!("demo")));
}

#[test]
fn events_come_one_a_frame_through_the_filter() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let elsewhere = token_for(&mut world, "other");
    let all = listen(&mut world, &token, SESSION, "");
    let sales = listen(&mut world, &token, SESSION, "type%3DCallStarted%2Cqueue%3Dsales");
    let other = listen(&mut world, &elsewhere, SESSION, "");
    let events = [
        event(1, "CallStarted", json!({ "queue": "sales" })),
        event(2, "CallStarted", json!({ "queue": "support" })),
        event(3, "CallEnded", json!({ "queue": "sales" })),
        event(4, "CallStarted", json!({ "queue": "sales", "vip": true })),
    ];
    let answer = world.post("/_sim/stream", json!({ "deploymentId": "demo", "to": "conversations", "events": events }));
    assert_eq!(answer, json!({ "deploymentId": "demo", "frames": 6 }));
    assert_eq!(world.frames(all), events);
    assert_eq!(ids(&world.frames(sales)), json!(["e1", "e4"]));
    world.post("/_sim/stream", json!({ "deploymentId": "demo", "to": "conversations", "events": events, "batch": true }));
    assert_eq!(ids(&world.frames(all)), json!([["e1", "e2", "e3", "e4"]]));
    assert_eq!(ids(&world.frames(sales)), json!([["e1", "e4"]]));
    assert_eq!(world.frames(other), Vec::<Value>::new());
    world.post("/_sim/stream", json!({ "deploymentId": "demo", "to": "conversations", "frame": { "type": "strange" } }));
    world.post("/_sim/stream", json!({ "deploymentId": "demo", "to": "conversations", "frame": "no JSON" }));
    for socket in [all, sales] {
        let raw: Vec<String> = world.inboxes.remove(&socket).unwrap().into();
        assert_eq!(raw, [r#"{"type":"strange"}"#, "no JSON"]);
    }
    assert_eq!(world.get("/_sim/streams?deploymentId=demo")[1]["filter"], "type=CallStarted,queue=sales");
}

#[test]
fn without_a_deployment_the_newest_tokens_is_meant() {
    let mut world = World::new();
    let older = token_for(&mut world, "older");
    let token = token_for(&mut world, "newer");
    let (old, new) = (listen(&mut world, &older, SESSION, ""), listen(&mut world, &token, SESSION, ""));
    emit(&mut world, [1]);
    assert_eq!((world.frames(old).len(), world.frames(new).len()), (0, 1));
    let nobodys = body(&world.http("POST", "/demo-backend/token", &[], b""))["access_token"].as_str().unwrap().to_owned();
    let socket = listen(&mut world, &nobodys, SESSION, "");
    emit(&mut world, [2]);
    assert_eq!((world.frames(new).len(), world.frames(socket).len()), (0, 1));
}

#[test]
fn a_session_that_comes_back_gets_two_that_it_had_and_what_it_missed() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let first = listen(&mut world, &token, SESSION, "");
    emit(&mut world, 1..=5);
    world.frames(first);
    world.close(first);
    emit(&mut world, 6..=8);
    world.pass(60_000);
    let second = listen(&mut world, &token, SESSION, "");
    assert_eq!(ids(&world.frames(second)), json!([["e4", "e5", "e6", "e7", "e8"]]));
    emit(&mut world, [9]);
    assert_eq!(ids(&world.frames(second)), json!(["e9"]));
    world.close(second);
    let third = listen(&mut world, &token, SESSION, "");
    assert_eq!(ids(&world.frames(third)), json!([["e8", "e9"]]), "nothing was missed");
    let stranger = listen(&mut world, &token, "11111111-1111-4111-8111-111111111111", "");
    assert_eq!(world.frames(stranger), Vec::<Value>::new());
}

#[test]
fn a_session_is_forgotten_after_a_minute_or_when_replay_is_off() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    for replay in [true, false] {
        world.post("/_sim/set", json!({ "streamReplay": replay }));
        let first = listen(&mut world, &token, SESSION, "");
        emit(&mut world, [1]);
        world.close(first);
        emit(&mut world, [2]);
        world.pass(if replay { 60_001 } else { 1 });
        let second = listen(&mut world, &token, SESSION, "");
        assert_eq!(world.frames(second), Vec::<Value>::new(), "{replay}");
        world.close(second);
        world.pass(60_001);
    }
}

#[test]
fn at_most_a_thousand_come_again_fifty_at_a_time_the_newest() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let first = listen(&mut world, &token, SESSION, "");
    emit(&mut world, 1..=3);
    world.close(first);
    emit(&mut world, 4..=1_103);
    let second = listen(&mut world, &token, SESSION, "");
    let frames = world.frames(second);
    let sizes: Vec<usize> = frames.iter().map(|frame| frame.as_array().unwrap().len()).collect();
    assert_eq!(sizes, [vec![50; 20], vec![2]].concat());
    assert_eq!(ids(&[frames[0][0].clone(), frames[0][1].clone(), frames[0][2].clone()]), json!(["e2", "e3", "e104"]));
    assert_eq!(frames[20][1]["id"], "e1103");
}

#[test]
fn the_new_sockets_filter_holds_for_what_was_missed() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let first = listen(&mut world, &token, SESSION, "queue%3Dsales");
    let say = |world: &mut World, id: usize, queue: &str| {
        let event = event(id, "CallStarted", json!({ "queue": queue }));
        world.post("/_sim/stream", json!({ "to": "conversations", "events": [event] }));
    };
    for (id, queue) in [(1, "sales"), (2, "support"), (3, "sales"), (4, "support")] {
        say(&mut world, id, queue);
    }
    assert_eq!(ids(&world.frames(first)), json!(["e1", "e3"]));
    world.close(first);
    for (id, queue) in [(5, "sales"), (6, "support")] {
        say(&mut world, id, queue);
    }
    let second = listen(&mut world, &token, SESSION, "queue%3Dsales");
    assert_eq!(ids(&world.frames(second)), json!([["e1", "e3", "e5"]]));
}

#[test]
fn what_came_since_the_last_sign_of_life_comes_again_while_an_old_socket_still_stands() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let dead = listen(&mut world, &token, SESSION, "");
    emit(&mut world, 1..=3);
    world.frames(dead);
    assert_eq!(world.ask(dead, json!({ "type": "ping", "sequence": "a" })), json!({ "type": "pong", "sequence": "a" }));
    emit(&mut world, 4..=6);
    let next = listen(&mut world, &token, SESSION, "");
    assert_eq!(ids(&world.frames(next)), json!([["e4", "e5", "e6"]]));
    assert_eq!(ids(&world.frames(dead)), json!(["e4", "e5", "e6"]));
    emit(&mut world, [7]);
    assert_eq!((ids(&world.frames(dead)), ids(&world.frames(next))), (json!(["e7"]), json!(["e7"])));
}
