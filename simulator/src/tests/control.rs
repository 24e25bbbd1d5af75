//! The control's answers (simulator.md "Control").

use super::*;

#[test]
fn the_log_tells_what_crossed_the_edge_and_what_was_done_with_it() {
    let mut world = World::new();
    let id = world.guest("t");
    world.send(id, text("t", "hello", "m1"));
    world.close(id);
    let log = world.get("/_sim/log?since=0");
    let kinds: Vec<&str> = log["records"].as_array().unwrap().iter().filter_map(|record| record["kind"].as_str()).collect();
    assert_eq!(kinds, ["open", "frame-in", "frame-out", "frame-in", "stored", "frame-out", "close"]);
    let record = &log["records"][3];
    assert_eq!(
        *record,
        json!({
            "seq": 4, "at": START, "kind": "frame-in", "connection": id.0, "deploymentId": "demo", "token": "t",
            "action": "onMessage", "tracingId": "m1", "text": "hello",
        })
    );
    let echo = &log["records"][5];
    assert_eq!((&echo["class"], &echo["code"], &echo["tracingId"]), (&json!("StructuredMessage"), &json!(200), &json!("m1")));
    assert_eq!(echo["serverId"], log["records"][4]["serverId"]);
    assert_eq!(log["records"][6]["code"], 1000);
    let next = log["next"].as_u64().unwrap();
    assert_eq!(next, 8);
    assert_eq!(world.get("/_sim/log?since=8")["records"], json!([]));
    assert_eq!(world.get("/_sim/log?since=7")["records"][0]["kind"], "close");
}

#[test]
fn http_is_logged_with_its_status_and_whose_it_was() {
    let mut world = World::new();
    let id = world.guest("t");
    world.history(id, "t", "?pageNumber=1&pageSize=100");
    let record = &world.log("http")[0];
    assert_eq!((&record["path"], &record["status"]), (&json!("/api/v2/webmessaging/messages"), &json!(200)));
    assert_eq!((&record["token"], &record["method"]), (&json!("t"), &json!("GET")));
    assert_eq!(record["query"], "pageNumber=1&pageSize=100");
}

#[test]
fn sessions_list_what_was_said() {
    let mut world = World::new();
    let id = world.guest("t");
    world.send(id, presence("t", "Join", "j"));
    world.send(id, text("t", "hello", "m1"));
    let said = world.post("/_sim/agent", json!({ "token": "t", "do": "text", "text": "Hi" }));
    let sessions = world.get("/_sim/sessions");
    assert_eq!(sessions.as_array().unwrap().len(), 1);
    let session = &sessions[0];
    assert_eq!((&session["token"], &session["connections"], &session["readOnly"]), (&json!("t"), &json!(1), &json!(false)));
    assert_eq!(session["deploymentId"], "demo");
    let messages = session["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!((&messages[0]["direction"], &messages[0]["text"], &messages[0]["tracingId"]), (&json!("Inbound"), &json!("hello"), &json!("m1")));
    assert_eq!((&messages[1]["direction"], &messages[1]["text"]), (&json!("Outbound"), &json!("Hi")));
    assert_eq!(messages[1]["serverId"], said["serverId"]);
    assert!(messages[1].get("tracingId").is_none());
}

#[test]
fn the_agent_speaks_to_the_newest_guest_unless_told_to_whom() {
    let mut world = World::new();
    let old = world.guest("old");
    let new = world.guest("new");
    world.post("/_sim/agent", json!({ "do": "text", "text": "to the newest" }));
    world.post("/_sim/agent", json!({ "token": "old", "do": "text", "text": "to the older" }));
    assert_eq!(texts(&world.frames(new)), ["to the newest"]);
    assert_eq!(texts(&world.frames(old)), ["to the older"]);
    let nobody = json!({ "token": "nobody", "do": "text", "text": "?" }).to_string();
    assert_eq!(world.control("POST", "/_sim/agent", &nobody).0, 404);
}

#[test]
fn the_agent_sends_content_events_and_raw_frames() {
    let mut world = World::new();
    let id = world.guest("t");
    let quick = json!([{ "contentType": "QuickReply", "quickReply": { "text": "Yes", "payload": "y" } }]);
    world.post("/_sim/agent", json!({ "do": "structured", "text": "Well?", "content": quick }));
    let frame = world.frame(id);
    assert_eq!((&frame["body"]["type"], &frame["body"]["text"], &frame["body"]["content"]), (&json!("Structured"), &json!("Well?"), &quick));
    let events = json!([{ "eventType": "Presence", "presence": { "type": "SessionExpired" } }]);
    world.post("/_sim/agent", json!({ "do": "event", "content": events }));
    assert_eq!(world.frame(id)["body"]["events"], events);
    world.post("/_sim/agent", json!({ "do": "raw", "frame": { "type": "message", "class": "Novel", "code": 200, "body": {} } }));
    assert_eq!(world.frame(id), json!({ "type": "message", "class": "Novel", "code": 200, "body": {} }));
    world.post("/_sim/agent", json!({ "do": "raw", "frame": "not {json" }));
    assert_eq!(world.inboxes.remove(&id).unwrap(), ["not {json"]);
    assert_eq!(world.history(id, "t", "")["total"], 2);
    world.post(
        "/_sim/agent",
        json!({ "do": "raw", "store": true, "frame": { "class": "StructuredMessage", "body": { "id": "odd", "type": "Receipt" } } }),
    );
    world.frames(id);
    assert_eq!(world.history(id, "t", "")["entities"][0]["id"], "odd");
}

#[test]
fn the_agent_can_kick_the_oldest_connection() {
    let mut world = World::new();
    let oldest = world.guest("t");
    let other = world.guest("t");
    world.post("/_sim/agent", json!({ "token": "t", "do": "kick" }));
    assert_eq!(world.frame(oldest)["class"], "ConnectionClosedEvent");
    assert_eq!(world.states[&oldest], State::Closed(1000, String::new()));
    assert_eq!(world.states[&other], State::Open);
}

#[test]
fn a_reset_of_one_deployment_leaves_the_others_alone() {
    let mut world = World::new();
    let mine = world.guest("t");
    let theirs = world.connect_to("/v1?deploymentId=other", None);
    let mut frame = configure("t");
    frame["deploymentId"] = "other".into();
    world.ask(theirs, frame);
    world.post("/_sim/set", json!({ "deploymentId": "demo", "clear": false }));
    world.post("/_sim/faults", json!({ "on": "frame-in", "match": { "deploymentId": "demo" }, "do": "lose" }));
    world.post("/_sim/faults", json!({ "on": "frame-in", "match": { "deploymentId": "other" }, "nth": 9, "do": "lose" }));
    world.post("/_sim/reset", json!({ "deploymentId": "demo" }));
    assert_eq!(world.get("/_sim/faults").as_array().unwrap().len(), 1);
    assert!(world.log("open").iter().all(|record| record["deploymentId"] == "other"));
    assert_eq!(world.ask(mine, text("t", "hello?", "m"))["code"], 4007);
    assert_eq!(world.ask(theirs, text("t", "hello", "m"))["class"], "StructuredMessage");
    assert_eq!(world.ask(mine, configure("t"))["body"]["newSession"], true);
    world.send(mine, presence("t", "Clear", "c"));
    assert_eq!(world.frames(mine).len(), 3);
}

#[test]
fn a_full_reset_goes_back_to_the_defaults_it_was_started_with() {
    let mut world = World::new();
    world.service.set_defaults(r#"{"bot":"echo"}"#).unwrap();
    world.guest("t");
    world.post("/_sim/set", json!({ "bot": "silent" }));
    world.post("/_sim/faults", json!({ "on": "http", "count": 0, "do": "lose" }));
    world.post("/_sim/reset", json!({}));
    assert_eq!(world.get("/_sim/sessions"), json!([]));
    assert_eq!(world.get("/_sim/faults"), json!([]));
    assert_eq!(world.get("/_sim/log")["records"], json!([]));
    let id = world.guest("t");
    world.send(id, text("t", "hi", "m"));
    world.pass(300);
    assert_eq!(texts(&world.frames(id)), ["hi", "You said: hi"]);
    assert!(world.service.set_defaults(r#"{"bot":"loud"}"#).is_err());
}

#[test]
fn what_the_control_does_not_understand_it_refuses_by_name() {
    let mut world = World::new();
    for (method, path, body, status) in [
        ("GET", "/_sim/nothing", "", 404),
        ("PUT", "/_sim/log", "", 405),
        ("GET", "/_sim/log?since=x", "", 400),
        ("POST", "/_sim/set", "{", 400),
        ("POST", "/_sim/set", r#"{"nosuch":1}"#, 400),
        ("POST", "/_sim/agent", r#"{"do":"text","text":"?"}"#, 404),
        ("POST", "/_sim/expire", r#"{"what":"patience"}"#, 400),
        ("POST", "/_sim/faults", r#"{"on":"frame-in","do":"explode"}"#, 400),
        ("DELETE", "/_sim/faults?id=x", "", 400),
    ] {
        let (answered, answer) = world.control(method, path, body);
        assert_eq!(answered, status, "{method} {path} {body}");
        assert!(answer["error"].is_string());
    }
}

#[test]
fn the_control_is_reached_over_http_too_and_does_not_log_itself() {
    let mut world = World::new();
    let response = world.http("POST", "/_sim/set", &[], br#"{"latencyMs":5}"#);
    assert_eq!(response.status, 200);
    assert!(response.headers.contains(&("access-control-allow-origin".into(), "*".into())));
    assert_eq!(world.http("GET", "/_sim/set", &[], b"").body, br#"{"all":{"latencyMs":5},"deployments":{}}"#);
    assert_eq!(world.log("http"), Vec::<Value>::new());
}

#[test]
fn latency_is_on_everything_that_goes_out_and_keeps_its_order() {
    let mut world = World::with(json!({ "latencyMs": 100 }));
    let id = world.connect();
    assert_eq!(world.states[&id], State::Asking);
    world.pass(100);
    assert_eq!(world.states[&id], State::Open);
    world.send(id, configure("t"));
    world.pass(50);
    world.post("/_sim/set", json!({ "latencyMs": 0 }));
    world.send(id, text("t", "hi", "m"));
    assert_eq!(world.frames(id), Vec::<Value>::new());
    world.pass(49);
    assert_eq!(world.frames(id), Vec::<Value>::new());
    world.pass(1);
    assert_eq!(classes(&world.frames(id)), ["SessionResponse", "StructuredMessage"]);
    world.post("/_sim/set", json!({ "latencyMs": 100 }));
    let asked = world.http_later("GET", "/webdeployments/v1/deployments/demo/config.json", &[], b"");
    assert!(!world.responses.contains_key(&asked));
    world.pass(100);
    assert_eq!(world.responses[&asked].status, 200);
}
