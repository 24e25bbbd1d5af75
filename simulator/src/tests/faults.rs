//! Every fault but the stall, where it applies (simulator.md "faults").

use super::*;

fn rule(world: &mut World, rule: Value) {
    world.post("/_sim/faults", rule);
}

const CONFIG: &str = "/webdeployments/v1/deployments/demo/config.json";

#[test]
fn refuse_answers_the_upgrade_with_its_status() {
    let mut world = World::new();
    rule(&mut world, json!({ "on": "connect", "do": "refuse", "status": 503, "retryAfter": 7 }));
    let id = world.connect();
    assert_eq!(world.states[&id], State::Refused(503, vec![("retry-after".into(), "7".into())]));
    assert_eq!(world.log("fault")[0]["do"], "refuse");
    let id = world.connect();
    assert_eq!(world.states[&id], State::Open);
}

#[test]
fn a_black_hole_answers_nothing_until_it_is_lifted() {
    let mut world = World::new();
    rule(&mut world, json!({ "on": "connect", "count": 2, "do": "blackhole" }));
    let waiting = world.connect();
    let given_up = world.connect();
    world.pass(60_000);
    world.close(given_up);
    world.control("DELETE", "/_sim/faults", "");
    assert_eq!(world.states[&waiting], State::Open);
    assert_eq!(world.states[&given_up], State::Asking);
    assert_eq!(world.ask(waiting, configure("t"))["class"], "SessionResponse");
}

#[test]
fn a_black_hole_can_have_an_end() {
    let mut world = World::new();
    rule(&mut world, json!({ "on": "connect", "do": "blackhole", "ms": 11_000 }));
    let id = world.connect();
    world.pass(10_999);
    assert_eq!(world.states[&id], State::Asking);
    world.pass(1);
    assert_eq!(world.states[&id], State::Open);
}

#[test]
fn accept_then_close_does_both() {
    let mut world = World::new();
    rule(&mut world, json!({ "on": "connect", "count": 0, "do": "accept-then-close", "code": 1011 }));
    let id = world.connect();
    assert_eq!(world.states[&id], State::Closed(1011, String::new()));
    assert_eq!(world.log("open").len(), 1);
    assert_eq!(world.log("close")[0]["code"], 1011);
    world.send(id, configure("t"));
    assert_eq!(world.get("/_sim/sessions"), json!([]));
}

#[test]
fn drop_comes_before_the_message_is_stored_or_after() {
    for (after, stored) in [(false, 0), (true, 1)] {
        let mut world = World::new();
        let id = world.guest("t");
        rule(&mut world, json!({ "on": "frame-in", "match": { "action": "onMessage" }, "do": "drop", "after": after }));
        world.send(id, text("t", "hi", "m1"));
        assert_eq!(world.states[&id], State::Dropped);
        assert_eq!(world.frames(id), Vec::<Value>::new());
        assert_eq!(world.stored("t").len(), stored);
        assert_eq!(world.get("/_sim/sessions")[0]["connections"], 0);
        assert!(world.log("close")[0].get("code").is_none());
    }
}

#[test]
fn drop_on_the_way_out_has_stored_already() {
    let mut world = World::new();
    let id = world.guest("t");
    let other = world.guest("t");
    rule(&mut world, json!({ "on": "frame-out", "match": { "class": "StructuredMessage" }, "do": "drop" }));
    world.send(id, text("t", "hi", "m1"));
    assert_eq!(world.states[&id], State::Dropped);
    assert_eq!(world.frames(id), Vec::<Value>::new());
    assert_eq!(texts(&world.frames(other)), ["hi"]);
    assert_eq!(world.stored("t"), ["hi"]);
}

#[test]
fn close_has_its_code_and_reason() {
    let mut world = World::new();
    let id = world.guest("t");
    rule(&mut world, json!({ "on": "frame-in", "do": "close", "code": 1012, "reason": "restart" }));
    world.send(id, text("t", "hi", "m1"));
    assert_eq!(world.states[&id], State::Closed(1012, "restart".into()));
    assert_eq!(world.stored("t"), Vec::<String>::new());
}

#[test]
fn a_code_that_no_frame_may_carry_is_a_dropped_line() {
    let mut world = World::new();
    let id = world.guest("t");
    rule(&mut world, json!({ "on": "frame-in", "do": "close", "code": 1006 }));
    world.send(id, text("t", "hi", "m1"));
    assert_eq!(world.states[&id], State::Dropped);
}

#[test]
fn a_late_frame_is_overtaken() {
    let mut world = World::new();
    let id = world.guest("t");
    rule(&mut world, json!({ "on": "frame-out", "match": { "class": "StructuredMessage" }, "do": "delay", "ms": 500 }));
    world.send(id, text("t", "slow", "m1"));
    world.send(id, text("t", "quick", "m2"));
    assert_eq!(texts(&world.frames(id)), ["quick"]);
    world.pass(499);
    assert_eq!(world.frames(id), Vec::<Value>::new());
    world.pass(1);
    assert_eq!(texts(&world.frames(id)), ["slow"]);
}

#[test]
fn a_late_store_holds_nobody_up_and_outlives_its_connection() {
    let mut world = World::new();
    let id = world.guest("t");
    rule(&mut world, json!({ "on": "frame-in", "match": { "action": "onMessage" }, "do": "late-store", "ms": 5_000 }));
    world.send(id, text("t", "late", "m1"));
    world.send(id, text("t", "first", "m2"));
    assert_eq!(world.stored("t"), ["first"]);
    world.close(id);
    let id = world.guest("t");
    world.pass(4_999);
    assert_eq!(world.stored("t"), ["first"]);
    world.pass(1);
    assert_eq!(world.stored("t"), ["first", "late"]);
    let echo = world.frame(id);
    assert_eq!(echo["body"]["text"], "late");
    assert!(echo.get("tracingId").is_none(), "the sender is another connection");
}

#[test]
fn a_late_message_does_not_cross_into_a_new_session() {
    let mut world = World::new();
    let id = world.guest("t");
    rule(&mut world, json!({ "on": "frame-in", "match": { "action": "onMessage" }, "do": "late-store", "ms": 5_000 }));
    world.send(id, text("t", "for the old one", "m1"));
    world.close(id);
    world.post("/_sim/expire", json!({ "what": "session", "token": "t" }));
    let id = world.connect();
    let mut frame = configure("t");
    frame["startNew"] = true.into();
    world.ask(id, frame);
    world.pass(10_000);
    assert_eq!(world.stored("t"), Vec::<String>::new());
    assert_eq!(world.frames(id), Vec::<Value>::new());
}

#[test]
fn reordered_frames_come_newest_first() {
    let mut world = World::new();
    let id = world.guest("t");
    rule(&mut world, json!({ "on": "frame-out", "match": { "type": "Text" }, "do": "reorder", "window": 3 }));
    for word in ["1", "2"] {
        world.post("/_sim/agent", json!({ "do": "text", "text": word }));
    }
    world.post("/_sim/agent", json!({ "do": "typing" }));
    assert_eq!(world.frames(id).len(), 1, "what the rule does not ask for passes");
    world.post("/_sim/agent", json!({ "do": "text", "text": "3" }));
    world.post("/_sim/agent", json!({ "do": "text", "text": "4" }));
    assert_eq!(texts(&world.frames(id)), ["3", "2", "1", "4"]);
}

#[test]
fn a_gathering_that_does_not_fill_ends_by_itself() {
    let mut world = World::new();
    let id = world.guest("t");
    rule(&mut world, json!({ "on": "frame-in", "match": { "action": "onMessage" }, "do": "reorder", "window": 3 }));
    world.send(id, text("t", "1", "m1"));
    world.send(id, text("t", "2", "m2"));
    world.pass(249);
    assert_eq!(world.stored("t"), Vec::<String>::new());
    world.pass(1);
    assert_eq!(world.stored("t"), ["2", "1"]);
}

#[test]
fn a_duplicate_is_stored_twice_on_the_way_in_and_seen_twice_on_the_way_out() {
    let mut world = World::new();
    let id = world.guest("t");
    rule(&mut world, json!({ "on": "frame-in", "match": { "action": "onMessage" }, "do": "duplicate" }));
    world.send(id, text("t", "twice", "m1"));
    assert_eq!(world.stored("t"), ["twice", "twice"]);
    world.frames(id);
    rule(&mut world, json!({ "on": "frame-out", "do": "duplicate" }));
    world.post("/_sim/agent", json!({ "do": "text", "text": "again" }));
    let frames = world.frames(id);
    assert_eq!(texts(&frames), ["again", "again"]);
    assert_eq!(frames[0], frames[1]);
}

#[test]
fn a_lost_frame_leaves_the_connection_as_it_is() {
    let mut world = World::new();
    let id = world.guest("t");
    rule(&mut world, json!({ "on": "frame-in", "match": { "action": "onMessage" }, "do": "lose" }));
    world.send(id, text("t", "lost", "m1"));
    assert_eq!(world.stored("t"), Vec::<String>::new());
    let lost = world.log("fault")[0].clone();
    assert_eq!((&lost["do"], &lost["tracingId"]), (&json!("lose"), &json!("m1")));
    rule(&mut world, json!({ "on": "frame-out", "match": { "action": "onMessage" }, "do": "lose" }));
    world.post("/_sim/agent", json!({ "do": "text", "text": "an agent answers no action" }));
    assert_eq!(world.frames(id).len(), 1);
    world.send(id, text("t", "stored", "m2"));
    assert_eq!(world.frames(id), Vec::<Value>::new());
    assert_eq!(world.stored("t").last().unwrap(), "stored");
    world.ask(id, text("t", "fine again", "m3"));
}

#[test]
fn a_rule_can_ask_for_the_kind_of_message() {
    let mut world = World::new();
    let id = world.guest("t");
    rule(&mut world, json!({ "on": "frame-in", "match": { "type": "Text" }, "do": "lose" }));
    world.ask(id, presence("t", "Join", "j"));
    world.send(id, text("t", "lost", "m1"));
    assert_eq!(world.frames(id), Vec::<Value>::new());
}

#[test]
fn history_lags_for_one_message_or_for_one_read() {
    let mut world = World::new();
    let id = world.guest("t");
    rule(&mut world, json!({ "on": "frame-in", "match": { "action": "onMessage" }, "do": "history-lag", "ms": 5_000 }));
    assert_eq!(world.ask(id, text("t", "hidden", "m1"))["body"]["text"], "hidden");
    world.pass(4_999);
    assert_eq!(world.history(id, "t", "")["total"], 0);
    world.pass(1);
    assert_eq!(world.history(id, "t", "")["total"], 1);
    rule(&mut world, json!({ "on": "http", "match": { "path": "messages", "token": "t" }, "do": "history-lag", "ms": 5_001 }));
    assert_eq!(world.history(id, "t", "")["total"], 0);
    assert_eq!(world.history(id, "t", "")["total"], 1);
    rule(&mut world, json!({ "on": "frame-out", "match": { "type": "Text" }, "do": "history-lag", "ms": 1_000 }));
    world.post("/_sim/agent", json!({ "do": "text", "text": "agent" }));
    assert_eq!(texts(&world.frames(id)), ["agent"]);
    assert_eq!(world.history(id, "t", "")["total"], 1);
    world.pass(1_000);
    assert_eq!(world.history(id, "t", "")["total"], 2);
}

#[test]
fn history_lag_goes_together_with_another_fault() {
    let mut world = World::new();
    let id = world.guest("t");
    rule(
        &mut world,
        json!([
            { "on": "frame-in", "match": { "action": "onMessage" }, "do": "history-lag", "ms": 3_000 },
            { "on": "frame-in", "match": { "action": "onMessage" }, "do": "drop", "after": true },
        ]),
    );
    world.send(id, text("t", "hi", "m1"));
    assert_eq!(world.states[&id], State::Dropped);
    assert_eq!(world.stored("t"), ["hi"]);
    let id = world.guest("t");
    assert_eq!(world.history(id, "t", "")["total"], 0);
    world.pass(3_000);
    assert_eq!(world.history(id, "t", "")["total"], 1);
}

#[test]
fn garbage_comes_in_front_of_the_frame_it_matched() {
    for (kind, size) in [("text", 1), ("deep", 40_000), ("huge", 1_048_576)] {
        let mut world = World::new();
        let id = world.guest("t");
        rule(&mut world, json!({ "on": "frame-out", "do": "garbage", "as": kind }));
        world.send(id, text("t", "hi", "m1"));
        let got = world.inboxes.remove(&id).unwrap();
        assert_eq!(got.len(), 2);
        assert!(got[0].len() >= size, "{kind}");
        assert_eq!(serde_json::from_str::<Value>(&got[0]).is_ok(), kind == "huge");
        assert!(got[1].contains("\"hi\""));
    }
    let mut world = World::new();
    let id = world.guest("t");
    rule(&mut world, json!({ "on": "frame-out", "do": "garbage", "as": "binary" }));
    world.ask(id, text("t", "hi", "m1"));
    assert_eq!(world.binaries[&id].len(), 1);
}

#[test]
fn a_reply_stands_in_for_the_platform_s() {
    let mut world = World::new();
    let id = world.guest("t");
    let frame = json!({ "type": "response", "class": "string", "code": 503, "body": "busy", "tracingId": "$tracingId" });
    rule(&mut world, json!({ "on": "frame-in", "match": { "action": "onMessage" }, "do": "reply", "frame": frame }));
    let answer = world.ask(id, text("t", "hi", "m1"));
    assert_eq!(answer, json!({ "type": "response", "class": "string", "code": 503, "body": "busy", "tracingId": "m1" }));
    assert_eq!(world.stored("t"), Vec::<String>::new());
    rule(&mut world, json!({ "on": "frame-in", "do": "reply", "frame": "{\"id\":\"$tracingId\"}" }));
    assert_eq!(world.ask(id, text("t", "hi", "m2")), json!({ "id": "m2" }));
}

#[test]
fn http_is_answered_with_a_status_late_or_never() {
    let mut world = World::new();
    rule(&mut world, json!({ "on": "http", "match": { "path": "config.json" }, "do": "status", "status": 429, "retryAfter": 3 }));
    let response = world.http("GET", CONFIG, &[], b"");
    assert_eq!(response.status, 429);
    assert!(response.headers.contains(&("retry-after".into(), "3".into())));
    assert!(response.headers.contains(&("access-control-allow-origin".into(), "*".into())));
    rule(&mut world, json!({ "on": "http", "do": "status", "status": 500, "body": { "odd": true } }));
    assert_eq!(world.http("GET", CONFIG, &[], b"").body, br#"{"odd":true}"#);
    rule(&mut world, json!({ "on": "http", "do": "delay", "ms": 2_000 }));
    let late = world.http_later("GET", CONFIG, &[], b"");
    world.pass(1_999);
    assert!(!world.responses.contains_key(&late));
    world.pass(1);
    assert_eq!(world.responses[&late].status, 200);
    rule(&mut world, json!({ "on": "http", "do": "lose" }));
    let never = world.http_later("GET", CONFIG, &[], b"");
    world.control("DELETE", "/_sim/faults", "");
    world.pass(100_000);
    assert!(!world.responses.contains_key(&never));
    rule(&mut world, json!({ "on": "http", "do": "blackhole" }));
    let held = world.http_later("GET", CONFIG, &[], b"");
    assert!(!world.responses.contains_key(&held));
    world.control("DELETE", "/_sim/faults", "");
    assert_eq!(world.responses[&held].status, 200);
    rule(&mut world, json!({ "on": "http", "do": "drop" }));
    assert_eq!(world.http("GET", CONFIG, &[], b"").status, 0);
    rule(&mut world, json!({ "on": "http", "do": "garbage", "as": "text" }));
    let garbage = world.http("GET", CONFIG, &[], b"");
    assert_eq!(garbage.status, 200);
    assert!(serde_json::from_slice::<Value>(&garbage.body).is_err());
}

#[test]
fn a_preflight_uses_up_no_rule() {
    let mut world = World::new();
    rule(&mut world, json!({ "on": "http", "do": "status", "status": 503 }));
    assert_eq!(world.http("OPTIONS", CONFIG, &[], b"").status, 204);
    assert_eq!(world.http("GET", CONFIG, &[], b"").status, 503);
}

#[test]
fn rules_match_by_token_deployment_and_path() {
    let mut world = World::new();
    let id = world.guest("t");
    let other = world.guest("u");
    rule(&mut world, json!({ "on": "frame-in", "match": { "token": "u", "deploymentId": "demo" }, "count": 0, "do": "lose" }));
    assert_eq!(world.ask(id, text("t", "hi", "m1"))["class"], "StructuredMessage");
    world.send(other, text("u", "hi", "m1"));
    assert_eq!(world.frames(other), Vec::<Value>::new());
    rule(&mut world, json!({ "on": "http", "match": { "deploymentId": "elsewhere" }, "do": "status", "status": 500 }));
    assert_eq!(world.http("GET", CONFIG, &[], b"").status, 200);
    let rules = world.get("/_sim/faults");
    assert_eq!((&rules[0]["hits"], &rules[1]["hits"]), (&json!(1), &json!(0)));
    assert_eq!(rules[0]["do"], "lose");
}

#[test]
fn rules_go_one_by_one_by_deployment_or_all() {
    let mut world = World::new();
    let lose = |deployment: &str| json!({ "on": "http", "match": { "deploymentId": deployment }, "do": "lose" });
    let made = world.post("/_sim/faults", json!([lose("a"), lose("a"), lose("b"), lose("b"), lose("c")]));
    assert_eq!(made, json!({ "ids": [1, 2, 3, 4, 5] }));
    assert_eq!(world.control("DELETE", "/_sim/faults?id=1&id=4", "").1, json!({ "removed": [1, 4] }));
    assert_eq!(world.control("DELETE", "/_sim/faults?deploymentId=b", "").1, json!({ "removed": [3] }));
    assert_eq!(world.control("DELETE", "/_sim/faults", "").1, json!({ "removed": [2, 5] }));
}
