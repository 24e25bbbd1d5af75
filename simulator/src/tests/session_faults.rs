//! Faults on the session protocol's wire: every rule of the guest API's, matched by session, deployment and form.

use super::session_api::{SESSIONS, body, create, join, read, say, session, token_for, words};
use super::*;

/// A session with a socket, and a rule.
fn under(rule: Value) -> (World, String, String, ConnectionId) {
    let mut world = World::new();
    let (id, token) = session(&mut world);
    let socket = join(&mut world, &id, &token);
    world.post("/_sim/faults", rule);
    (world, id, token, socket)
}

fn lift(world: &mut World) {
    world.control("DELETE", "/_sim/faults", "");
}

#[test]
fn lose_takes_the_message_or_its_echo() {
    for (on, stored) in [("frame-in", 0), ("frame-out", 1)] {
        let (mut world, id, _, socket) =
            under(json!({ "on": on, "match": { "deploymentId": "demo", "action": "message", "type": "text" }, "do": "lose" }));
        world.send(socket, json!({ "type": "ping" }));
        say(&mut world, socket, "lost");
        say(&mut world, socket, "there");
        assert_eq!(words(&world.frames(socket)), ["there"]);
        assert_eq!(world.stored(&id).len(), stored + 1, "{on}");
    }
}

#[test]
fn frames_out_are_matched_by_class() {
    let (mut world, _, _, socket) = under(json!({ "on": "frame-out", "match": { "class": "pong" }, "do": "lose" }));
    world.send(socket, json!({ "type": "ping" }));
    say(&mut world, socket, "hi");
    assert_eq!(words(&world.frames(socket)), ["hi"]);
    lift(&mut world);
    world.post("/_sim/faults", json!({ "on": "frame-out", "match": { "class": "message", "action": "message" }, "do": "lose" }));
    world.post("/_sim/agent", json!({ "do": "text", "text": "answers nothing" }));
    say(&mut world, socket, "lost");
    assert_eq!(words(&world.frames(socket)), ["answers nothing"]);
}

#[test]
fn drop_comes_before_the_message_is_stored_or_after() {
    for (after, stored) in [(false, 0), (true, 1)] {
        let (mut world, id, token, socket) = under(json!({ "on": "frame-in", "match": { "action": "message" }, "do": "drop", "after": after }));
        say(&mut world, socket, "hi");
        assert_eq!(world.states[&socket], State::Dropped);
        assert_eq!(world.frames(socket), Vec::<Value>::new());
        assert_eq!(world.stored(&id).len(), stored);
        assert_eq!(body(&read(&mut world, &id, &token, ""))["items"].as_array().unwrap().len(), stored);
        assert_eq!(world.get("/_sim/sessions")[0]["connections"], 0);
    }
}

#[test]
fn a_stall_holds_what_is_sent_even_if_the_client_has_closed_meanwhile() {
    let (mut world, id, _, socket) = under(json!({ "on": "frame-in", "do": "stall", "direction": "up" }));
    say(&mut world, socket, "held");
    world.post("/_sim/agent", json!({ "do": "text", "text": "downward" }));
    assert_eq!(words(&world.frames(socket)), ["downward"]);
    world.close(socket);
    assert_eq!(world.stored(&id), ["downward"]);
    lift(&mut world);
    assert_eq!(world.stored(&id), ["downward", "held"]);
    assert_eq!(world.get("/_sim/sessions")[0]["connections"], 0);
}

#[test]
fn late_store_stores_although_the_socket_is_gone() {
    for kicked in [false, true] {
        let mut world = World::new();
        let (id, token) = session(&mut world);
        let socket = join(&mut world, &id, &token);
        world.post("/_sim/faults", json!({ "on": "frame-in", "match": { "token": id }, "do": "late-store", "ms": 3_000 }));
        say(&mut world, socket, "late");
        if kicked {
            world.post("/_sim/agent", json!({ "do": "kick" }));
        } else {
            world.close(socket);
        }
        let next = join(&mut world, &id, &token);
        world.pass(2_999);
        assert_eq!(body(&read(&mut world, &id, &token, ""))["items"], json!([]));
        world.pass(1);
        assert_eq!(world.stored(&id), ["late"]);
        assert_eq!(words(&world.frames(next)), ["late"]);
        assert_eq!(world.log("frame-out").last().unwrap()["action"], "message");
    }
}

#[test]
fn what_is_late_for_an_ended_session_is_lost() {
    let (mut world, id, _, socket) = under(json!({ "on": "frame-in", "do": "late-store", "ms": 3_000 }));
    say(&mut world, socket, "too late");
    world.post("/_sim/expire", json!({ "what": "session", "token": id }));
    world.pass(3_000);
    assert_eq!(world.stored(&id), Vec::<String>::new());
}

#[test]
fn history_lag_keeps_a_message_out_of_the_pages_for_a_while() {
    for on in ["frame-in", "frame-out"] {
        let (mut world, id, token, socket) = under(json!({ "on": on, "match": { "action": "message" }, "do": "history-lag", "ms": 5_000 }));
        say(&mut world, socket, "young");
        let young = world.frame(socket)["id"].as_str().unwrap().to_owned();
        say(&mut world, socket, "younger");
        let page = body(&read(&mut world, &id, &token, ""));
        assert_eq!(words(page["items"].as_array().unwrap()), ["younger"], "{on}");
        let page = body(&read(&mut world, &id, &token, &format!("?after={young}")));
        assert_eq!(words(page["items"].as_array().unwrap()), ["younger"], "its id is known all the same");
        world.pass(5_000);
        let page = body(&read(&mut world, &id, &token, ""));
        assert_eq!(words(page["items"].as_array().unwrap()), ["young", "younger"]);
    }
}

#[test]
fn history_lag_on_http_misses_what_is_younger() {
    let (mut world, id, token, socket) = under(json!({ "on": "http", "match": { "path": SESSIONS }, "do": "history-lag", "ms": 5_000 }));
    say(&mut world, socket, "young");
    world.pass(4_999);
    assert_eq!(body(&read(&mut world, &id, &token, ""))["items"], json!([]));
    assert_eq!(body(&read(&mut world, &id, &token, ""))["items"].as_array().unwrap().len(), 1);
}

#[test]
fn duplicate_reorder_and_delay_do_what_they_say() {
    let (mut world, id, _, socket) = under(json!({ "on": "frame-in", "match": { "action": "message" }, "do": "duplicate" }));
    say(&mut world, socket, "twice");
    let frames = world.frames(socket);
    assert_eq!(words(&frames), ["twice", "twice"]);
    assert_ne!(frames[0]["id"], frames[1]["id"]);
    assert_eq!(world.stored(&id), ["twice", "twice"]);

    let (mut world, id, _, socket) = under(json!({ "on": "frame-in", "do": "reorder" }));
    say(&mut world, socket, "1");
    say(&mut world, socket, "2");
    assert_eq!(world.stored(&id), ["2", "1"]);

    let (mut world, _, _, socket) = under(json!({ "on": "frame-out", "match": { "class": "message" }, "do": "delay", "ms": 100 }));
    say(&mut world, socket, "late");
    say(&mut world, socket, "overtakes");
    world.pass(100);
    assert_eq!(words(&world.frames(socket)), ["overtakes", "late"]);
}

#[test]
fn garbage_comes_before_the_frame_and_a_reply_in_its_place() {
    let (mut world, _, _, socket) = under(json!({ "on": "frame-out", "match": { "class": "message" }, "do": "garbage" }));
    say(&mut world, socket, "hi");
    let raw = world.inboxes.remove(&socket).unwrap();
    assert_eq!(raw.len(), 2);
    assert!(serde_json::from_str::<Value>(&raw[0]).is_err() && raw[1].contains("hi"));

    let (mut world, id, _, socket) = under(json!({ "on": "frame-in", "do": "reply", "frame": { "type": "pong", "id": 1 } }));
    say(&mut world, socket, "hi");
    assert_eq!(world.frames(socket), [json!({ "type": "pong", "id": 1 })]);
    assert_eq!(world.stored(&id), Vec::<String>::new());
    assert_eq!(world.log("frame-out")[0]["class"], "pong");
}

#[test]
fn connect_rules_know_the_session_and_its_deployment() {
    for by in ["token", "deploymentId", "path"] {
        let mut world = World::new();
        let (id, token) = session(&mut world);
        let elsewhere = token_for(&mut world, "other");
        let other = body(&create(&mut world, &elsewhere, "other"))["id"].as_str().unwrap().to_owned();
        let wanted = match by {
            "token" => id.as_str(),
            "deploymentId" => "demo",
            _ => &id,
        };
        world.post("/_sim/faults", json!({ "on": "connect", "match": { by: wanted }, "do": "refuse", "status": 503, "retryAfter": 7 }));
        let line = world.connect_to("/v1?deploymentId=other", None);
        assert_eq!(world.states[&line], State::Open);
        let fine = join(&mut world, &other, &elsewhere);
        assert_eq!(world.states[&fine], State::Open, "{by}");
        let refused = join(&mut world, &id, &token);
        assert_eq!(world.states[&refused], State::Refused(503, vec![("retry-after".into(), "7".into())]), "{by}");
        let next = join(&mut world, &id, &token);
        assert_eq!(world.states[&next], State::Open);
    }
}

#[test]
fn a_black_hole_swallows_the_upgrade_until_it_is_lifted() {
    let mut world = World::new();
    let (id, token) = session(&mut world);
    world.post("/_sim/faults", json!({ "on": "connect", "match": { "deploymentId": "demo" }, "do": "blackhole" }));
    let waiting = join(&mut world, &id, &token);
    world.pass(60_000);
    assert_eq!(world.states[&waiting], State::Asking);
    lift(&mut world);
    assert_eq!(world.states[&waiting], State::Open);
    say(&mut world, waiting, "hi");
    assert_eq!(world.frame(waiting)["text"], "hi");
}

#[test]
fn status_covers_the_token_endpoints_and_the_sessions() {
    for (method, target, by) in [
        ("POST", "/oauth/token", json!({ "path": "/oauth/token" })),
        ("POST", "/demo-backend/token?deploymentId=demo", json!({ "deploymentId": "demo" })),
        ("POST", SESSIONS, json!({ "deploymentId": "demo", "path": SESSIONS })),
    ] {
        let mut world = World::new();
        world.post("/_sim/faults", json!({ "on": "http", "match": by, "do": "status", "status": 503, "retryAfter": 2 }));
        let answer = |world: &mut World| world.http(method, target, &[], br#"{"deploymentId":"demo"}"#);
        let refused = answer(&mut world);
        assert_eq!(refused.status, 503, "{target}");
        assert!(refused.headers.contains(&("retry-after".into(), "2".into())));
        assert_ne!(answer(&mut world).status, 503);
    }
}

#[test]
fn where_no_session_is_known_the_token_s_deployment_is() {
    for on in ["connect", "http"] {
        let mut world = World::new();
        let (token, other) = (token_for(&mut world, "demo"), token_for(&mut world, "other"));
        world.post("/_sim/faults", json!({ "on": on, "match": { "deploymentId": "demo" }, "count": 0, "do": "refuse", "status": 503 }));
        let mut status = |token: &str| match on {
            "http" => read(&mut world, "nobody", token, "").status,
            _ => {
                let socket = join(&mut world, "nobody", token);
                let State::Refused(status, _) = world.states[&socket] else { panic!("it was accepted") };
                status
            }
        };
        assert_eq!((status(&token), status(&other), status("nonsense")), (503, 404, 401), "{on}");
    }
}
