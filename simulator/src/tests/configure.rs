//! Sessions: configure, resume, close, start new, expire, the three connections (§2.1, §3.3, §5.2, §10).

use super::*;

fn start_new(token: &str) -> Value {
    let mut frame = configure(token);
    frame["startNew"] = true.into();
    frame
}

#[test]
fn a_first_configure_makes_a_session_and_says_everything_about_it() {
    let mut world = World::new();
    let id = world.connect();
    let answer = world.ask(id, configure("t"));
    assert_eq!(answer["type"], "response");
    assert_eq!(answer["class"], "SessionResponse");
    assert_eq!(answer["code"], 200);
    assert_eq!(answer["tracingId"], "conf");
    let body = &answer["body"];
    assert_eq!(body["connected"], true);
    assert_eq!(body["newSession"], true);
    assert_eq!(body["readOnly"], false);
    assert_eq!(body["clearedExistingSession"], false);
    assert_eq!(body["maxCustomDataBytes"], 2048);
    assert_eq!(body["allowedMedia"]["inbound"]["fileTypes"][0], json!({ "type": "*/*" }));
    assert_eq!(body["allowedMedia"]["inbound"]["maxFileSizeKB"], 10240);
    assert!(body["blockedExtensions"].as_array().unwrap().contains(&json!(".exe")));
    assert_eq!(body["durationSeconds"], 259_200);
    assert_eq!(body["expirationDate"], START / 1000 + 259_200);
    assert_eq!(body["autoStarted"], false);
}

#[test]
fn the_minimal_configure_is_enough() {
    let mut world = World::new();
    let id = world.connect();
    let answer = world.ask(id, json!({ "action": "configureSession", "deploymentId": "demo", "token": "t" }));
    assert_eq!(answer["body"]["newSession"], true);
    assert!(answer.get("tracingId").is_none());
}

#[test]
fn a_second_configure_resumes_the_session() {
    let mut world = World::new();
    let first = world.guest("t");
    world.close(first);
    let id = world.connect();
    assert_eq!(world.ask(id, configure("t"))["body"]["newSession"], false);
    let other = world.connect();
    assert_eq!(world.ask(other, configure("u"))["body"]["newSession"], true);
}

#[test]
fn the_same_token_on_another_deployment_is_another_guest() {
    let mut world = World::new();
    world.guest("t");
    let id = world.connect_to("/v1?deploymentId=other", None);
    let mut frame = configure("t");
    frame["deploymentId"] = "other".into();
    assert_eq!(world.ask(id, frame)["body"]["newSession"], true);
}

#[test]
fn a_fourth_connection_pushes_out_the_oldest() {
    let mut world = World::new();
    let oldest = world.guest("t");
    let second = world.guest("t");
    let third = world.guest("t");
    assert_eq!(world.states[&oldest], State::Open);
    world.guest("t");
    let frame = world.frame(oldest);
    assert_eq!(frame, json!({ "type": "message", "class": "ConnectionClosedEvent", "code": 200, "body": {} }));
    assert_eq!(world.states[&oldest], State::Closed(1000, String::new()));
    assert_eq!(world.states[&second], State::Open);
    assert_eq!(world.states[&third], State::Open);
    assert_eq!(world.log("evicted")[0]["connection"], oldest.0);
    assert_eq!(world.get("/_sim/sessions")[0]["connections"], 3);
}

#[test]
fn a_connection_that_was_pushed_out_can_send_nothing_more() {
    let mut world = World::new();
    let oldest = world.guest("t");
    for _ in 0..3 {
        world.guest("t");
    }
    world.frames(oldest);
    world.send(oldest, text("t", "too late", "m1"));
    assert_eq!(world.stored("t"), Vec::<String>::new());
}

#[test]
fn a_read_only_session_stays_so_until_a_new_start() {
    let mut world = World::new();
    let id = world.guest("t");
    world.post("/_sim/agent", json!({ "token": "t", "do": "disconnect" }));
    world.frames(id);
    let answer = world.ask(id, configure("t"));
    assert_eq!(answer["body"]["readOnly"], true);
    assert_eq!(answer["body"]["connected"], true);
    assert_eq!(answer["body"]["newSession"], false);
    let answer = world.ask(id, start_new("t"));
    assert_eq!(answer["body"]["readOnly"], false);
    assert_eq!(answer["body"]["newSession"], true);
}

#[test]
fn start_new_on_a_live_session_changes_nothing() {
    let mut world = World::new();
    let id = world.guest("t");
    let answer = world.ask(id, start_new("t"));
    assert_eq!(answer["body"]["newSession"], false);
}

#[test]
fn close_session_tells_the_asker_and_the_others() {
    let mut world = World::new();
    let id = world.guest("t");
    let other = world.guest("t");
    let answer = world.ask(id, json!({ "token": "t", "closeAllConnections": true, "tracingId": "bye", "action": "closeSession" }));
    assert_eq!(answer["class"], "SessionResponse");
    assert_eq!(answer["tracingId"], "bye");
    assert_eq!(answer["body"]["connected"], false);
    assert_eq!(answer["body"]["readOnly"], true);
    let closed = world.frame(other);
    assert_eq!(closed["class"], "ConnectionClosedEvent");
    assert_eq!(closed["body"], json!({}));
    assert_eq!(world.ask(id, start_new("t"))["body"]["newSession"], true);
    world.send(id, text("t", "fresh", "m1"));
    assert_eq!(texts(&world.frames(id)), ["fresh"]);
}

#[test]
fn a_session_runs_out_after_its_duration_without_activity() {
    let mut world = World::with(json!({ "sessionDurationSeconds": 900 }));
    let id = world.guest("t");
    world.pass(600_000);
    world.send(id, text("t", "still here", "m1"));
    world.frames(id);
    world.pass(899_999);
    assert_eq!(world.frames(id), Vec::<Value>::new());
    world.pass(1);
    let frame = world.frame(id);
    assert_eq!(frame["class"], "SessionExpiredEvent");
    assert_eq!(frame["type"], "response");
    assert_eq!(frame["body"], json!({}));
    for request in [echo("t", "e"), text("t", "late", "m2"), json!({ "token": "t", "action": "getJwt" })] {
        let answer = world.ask(id, request);
        assert_eq!((&answer["class"], &answer["code"]), (&json!("string"), &json!(4006)));
    }
}

#[test]
fn an_expired_session_is_refused_or_renewed_as_the_switch_says() {
    let mut world = World::new();
    let id = world.guest("t");
    world.post("/_sim/expire", json!({ "what": "session", "token": "t" }));
    assert_eq!(world.frame(id)["class"], "SessionExpiredEvent");
    let refused = world.ask(id, configure("t"));
    assert_eq!((&refused["class"], &refused["code"]), (&json!("string"), &json!(4006)));
    assert_eq!(refused["tracingId"], "conf");
    world.post("/_sim/set", json!({ "expiredConfigure": "new" }));
    assert_eq!(world.ask(id, configure("t"))["body"]["newSession"], true);
    world.post("/_sim/set", json!({ "expiredConfigure": "4006" }));
    world.post("/_sim/expire", json!({ "what": "session", "token": "t" }));
    world.frames(id);
    assert_eq!(world.ask(id, start_new("t"))["body"]["newSession"], true);
}

#[test]
fn a_forgotten_token_is_not_found_until_a_new_start() {
    let mut world = World::new();
    let id = world.guest("t");
    world.post("/_sim/expire", json!({ "what": "token", "token": "t" }));
    assert_eq!(world.ask(id, text("t", "hello?", "m1"))["code"], 4007);
    assert_eq!(world.ask(id, configure("t"))["code"], 4007);
    assert_eq!(world.ask(id, start_new("t"))["body"]["newSession"], true);
}

#[test]
fn a_request_before_configure_is_refused_by_either_reading() {
    let mut world = World::new();
    let id = world.connect();
    for request in [echo("t", "x"), text("t", "hi", "x"), json!({ "token": "t", "tracingId": "x", "action": "getJwt" })] {
        let answer = world.ask(id, request);
        assert_eq!((&answer["class"], &answer["code"]), (&json!("string"), &json!(4007)));
        assert_eq!(answer["tracingId"], "x");
    }
    world.post("/_sim/set", json!({ "unconfigured": "403" }));
    assert_eq!(world.ask(id, echo("t", "x"))["code"], 403);
}

#[test]
fn a_request_with_another_token_is_not_this_session_s() {
    let mut world = World::new();
    let id = world.guest("t");
    assert_eq!(world.ask(id, text("u", "hi", "m1"))["code"], 4007);
}

#[test]
fn get_configuration_needs_no_session() {
    let mut world = World::new();
    let id = world.connect();
    let answer = world.ask(id, json!({ "action": "getConfiguration", "token": "t", "deploymentId": "demo", "tracingId": "g" }));
    assert_eq!(answer["class"], "GetConfigurationResponse");
    assert_eq!(answer["body"]["maxCustomDataBytes"], 2048);
    assert_eq!(answer["body"]["messageRoutingEnabled"], true);
    assert_eq!(answer["body"]["sessionDurationSeconds"], 259_200);
    assert!(answer["body"]["blockedExtensions"].is_array());
    assert!(answer["body"]["allowedMedia"]["inbound"].is_object());
}

#[test]
fn an_auto_started_session_says_so_and_has_joined() {
    let mut world = World::with(json!({ "autoStarted": true }));
    let id = world.connect();
    world.send(id, configure("t"));
    let frames = world.frames(id);
    assert_eq!(classes(&frames), ["SessionResponse", "StructuredMessage"]);
    assert_eq!(frames[0]["body"]["autoStarted"], true);
    assert_eq!(frames[1]["body"]["events"][0]["presence"]["type"], "Join");
    assert!(frames[1].get("tracingId").is_none());
    world.post("/_sim/set", json!({ "autoStarted": "absent" }));
    assert!(world.ask(id, configure("t"))["body"].get("autoStarted").is_none());
}
