//! Stalls: bytes that are held on the line, and what becomes of them.

use super::*;

fn stall(world: &mut World, direction: &str) {
    world.post("/_sim/faults", json!({ "on": "frame-in", "match": { "action": "onMessage" }, "do": "stall", "direction": direction }));
}

fn lift(world: &mut World) {
    world.control("DELETE", "/_sim/faults", "");
}

#[test]
fn an_upward_stall_holds_what_is_sent_and_lets_answers_through() {
    let mut world = World::new();
    let id = world.guest("t");
    stall(&mut world, "up");
    world.send(id, text("t", "1", "m1"));
    world.send(id, text("t", "2", "m2"));
    world.post("/_sim/agent", json!({ "do": "text", "text": "hello" }));
    assert_eq!(texts(&world.frames(id)), ["hello"]);
    assert_eq!(world.log("stored").len(), 1);
    lift(&mut world);
    assert_eq!(texts(&world.frames(id)), ["1", "2"]);
}

#[test]
fn a_downward_stall_stores_at_once_and_answers_later() {
    let mut world = World::new();
    let id = world.guest("t");
    stall(&mut world, "down");
    world.send(id, text("t", "1", "m1"));
    world.send(id, text("t", "2", "m2"));
    assert_eq!(world.stored("t"), ["1", "2"]);
    assert_eq!(world.frames(id), Vec::<Value>::new());
    lift(&mut world);
    assert_eq!(texts(&world.frames(id)), ["1", "2"]);
}

#[test]
fn a_stall_with_a_time_ends_by_itself() {
    let mut world = World::new();
    let id = world.guest("t");
    world.post("/_sim/faults", json!({ "on": "frame-in", "do": "stall", "direction": "both", "ms": 3_000 }));
    world.send(id, text("t", "1", "m1"));
    world.send(id, text("t", "2", "m2"));
    world.pass(2_999);
    assert_eq!(world.stored("t"), Vec::<String>::new());
    world.pass(1);
    assert_eq!(world.stored("t"), ["1", "2"]);
    assert_eq!(texts(&world.frames(id)), ["1", "2"]);
}

#[test]
fn held_bytes_are_processed_even_if_the_client_has_closed_meanwhile() {
    let mut world = World::new();
    let id = world.guest("t");
    stall(&mut world, "both");
    world.send(id, text("t", "still under way", "m1"));
    world.close(id);
    let next = world.guest("t");
    assert_eq!(world.history(next, "t", "")["total"], 0);
    assert_eq!(world.get("/_sim/sessions")[0]["connections"], 2, "the end of the old line is held too");
    assert!(world.service.holds(id));
    lift(&mut world);
    assert_eq!(world.stored("t"), ["still under way"]);
    assert_eq!(world.get("/_sim/sessions")[0]["connections"], 1);
    assert!(!world.service.holds(id));
    assert_eq!(world.frames(id), Vec::<Value>::new(), "nothing reaches a client that has gone");
    assert_eq!(texts(&world.frames(next)), ["still under way"]);
}

#[test]
fn a_zombie_line_counts_among_the_three_connections() {
    let mut world = World::new();
    let zombie = world.guest("t");
    stall(&mut world, "up");
    world.send(zombie, text("t", "held", "m1"));
    world.service.handle_close(world.now, zombie, None);
    world.drain();
    for _ in 0..3 {
        world.guest("t");
    }
    assert_eq!(world.log("evicted")[0]["connection"], zombie.0);
    lift(&mut world);
    assert_eq!(world.stored("t"), Vec::<String>::new(), "it was pushed out before its bytes came");
}

#[test]
fn a_stall_from_the_connect_on_opens_and_then_holds() {
    let mut world = World::new();
    world.post("/_sim/faults", json!({ "on": "connect", "do": "stall", "direction": "both" }));
    let id = world.connect();
    assert_eq!(world.states[&id], State::Open);
    world.send(id, configure("t"));
    world.pass(60_000);
    assert_eq!(world.frames(id), Vec::<Value>::new());
    lift(&mut world);
    assert_eq!(world.frame(id)["class"], "SessionResponse");
}

#[test]
fn a_stall_that_an_answer_begins_holds_that_answer() {
    let mut world = World::new();
    let id = world.guest("t");
    world.post("/_sim/faults", json!({ "on": "frame-out", "match": { "class": "StructuredMessage" }, "do": "stall", "direction": "both" }));
    world.send(id, text("t", "1", "m1"));
    world.send(id, text("t", "2", "m2"));
    assert_eq!(world.frames(id), Vec::<Value>::new());
    assert_eq!(world.stored("t"), ["1"]);
    lift(&mut world);
    assert_eq!(texts(&world.frames(id)), ["2", "1"].iter().rev().copied().collect::<Vec<_>>());
}

#[test]
fn a_service_s_close_waits_behind_held_frames() {
    let mut world = World::new();
    let oldest = world.guest("t");
    stall(&mut world, "down");
    world.send(oldest, text("t", "hi", "m1"));
    for _ in 0..3 {
        world.guest("t");
    }
    assert_eq!(world.states[&oldest], State::Open);
    lift(&mut world);
    assert_eq!(classes(&world.frames(oldest)), ["StructuredMessage", "ConnectionClosedEvent"]);
    assert_eq!(world.states[&oldest], State::Closed(1000, String::new()));
}

#[test]
fn an_always_rule_stalls_each_time_again_without_losing_the_frame() {
    let mut world = World::new();
    let id = world.guest("t");
    world.post("/_sim/faults", json!({ "on": "frame-in", "count": 0, "do": "stall", "direction": "up", "ms": 1_000 }));
    world.send(id, text("t", "1", "m1"));
    world.send(id, text("t", "2", "m2"));
    world.pass(1_000);
    assert_eq!(world.stored("t"), ["1"]);
    world.pass(1_000);
    assert_eq!(world.stored("t"), ["1", "2"]);
}

#[test]
fn a_dropped_line_loses_what_was_held_on_it() {
    let mut world = World::new();
    let id = world.guest("t");
    stall(&mut world, "down");
    world.send(id, text("t", "1", "m1"));
    world.post("/_sim/faults", json!({ "on": "frame-in", "do": "drop" }));
    world.send(id, text("t", "2", "m2"));
    assert_eq!(world.states[&id], State::Dropped);
    lift(&mut world);
    assert_eq!(world.frames(id), Vec::<Value>::new());
    assert_eq!(world.stored("t"), ["1"]);
}

#[test]
fn an_answer_over_http_can_be_held() {
    let mut world = World::new();
    world.post("/_sim/faults", json!({ "on": "http", "do": "stall", "direction": "both" }));
    let asked = world.http_later("GET", "/webdeployments/v1/deployments/demo/config.json", &[], b"");
    assert!(!world.responses.contains_key(&asked));
    lift(&mut world);
    assert_eq!(world.responses[&asked].status, 200);
}

#[test]
fn a_reset_of_a_deployment_lifts_what_its_rules_hold() {
    let mut world = World::new();
    let id = world.guest("t");
    world.post("/_sim/faults", json!({ "on": "frame-in", "match": { "deploymentId": "demo" }, "do": "stall", "direction": "up" }));
    world.send(id, text("t", "hi", "m1"));
    world.post("/_sim/reset", json!({ "deploymentId": "demo" }));
    assert_eq!(texts(&world.frames(id)), ["hi"]);
}

#[test]
fn a_fault_on_what_was_held_tells_nothing_to_a_client_that_has_closed() {
    let mut world = World::new();
    let id = world.guest("t");
    stall(&mut world, "up");
    world.send(id, text("t", "1", "m1"));
    world.send(id, text("t", "2", "m2"));
    world.close(id);
    world.post("/_sim/faults", json!({ "on": "frame-in", "match": { "action": "onMessage" }, "do": "drop" }));
    world.control("DELETE", "/_sim/faults?id=1", "");
    assert_eq!(world.stored("t"), ["1"]);
    assert_eq!(world.states[&id], State::Open, "no effect is for a line that has ended");
    assert_eq!(world.log("close").len(), 1);
    assert_eq!(world.get("/_sim/sessions")[0]["connections"], 0);
    assert!(!world.service.holds(id));
}
