//! Rows of faults.md in this wire's own form: its frames and entries have other members than the guest API's.

use crate::common::*;
use guestwire::core::state::State;
use guestwire::guest::event::Event;
use serde_json::{Value, json};

/// Somebody else's message, without what the test leaves out.
fn untimed(id: &str, text: &str) -> Value {
    json!({"type": "text", "id": id, "senderId": "agent", "text": text})
}

fn timed(id: &str, text: &str, at: u64) -> Value {
    let mut frame = untimed(id, text);
    frame["timestamp"] = json!(iso(at));
    frame
}

#[test]
fn row26_messages_without_a_time_stand_where_they_arrived() {
    let mut world = World::settled(82);
    let now = world.now;
    for frame in [timed("a", "first", now - 300), untimed("b", "second"), untimed("c", "third"), timed("d", "fourth", now)] {
        world.raw(frame);
    }
    world.run(1_000);
    assert_eq!(world.page.texts(), ["first", "second", "third", "fourth"]);
}

#[test]
fn row26_a_time_that_cannot_be_read_costs_nothing_but_the_time() {
    let mut world = World::settled(83);
    for (id, time) in [("a", json!("yesterday at noon")), ("b", json!(1_767_225_600_000_u64)), ("c", json!(null)), ("d", json!({}))] {
        let mut frame = untimed(id, id);
        frame["timestamp"] = time;
        world.raw(frame);
    }
    world.run(1_000);
    assert_eq!(world.page.texts(), ["a", "b", "c", "d"]);
}

/// What is no message in this wire's form, each with an id.
fn odd() -> Vec<Value> {
    vec![
        json!({"type": "typing", "id": "odd-1"}),
        json!({"type": "text", "id": "odd-2", "text": 7}),
        json!({"type": "text", "id": "odd-3", "text": null, "senderId": null}),
        json!({"type": "text", "id": "odd-4", "text": ["a"], "timestamp": []}),
        json!({"type": "hologram", "id": "odd-5", "hologram": {"depth": 3.5}}),
    ]
}

#[test]
fn row27_what_is_no_message_is_skipped_and_the_socket_stays() {
    let mut world = World::settled(84);
    let nameless = [
        json!({}),
        json!({"type": "text"}),
        json!({"type": "text", "text": "nobody's"}),
        json!({"id": "", "text": "x"}),
        json!({"id": 7, "text": "x"}),
    ];
    for frame in odd().into_iter().chain(nameless) {
        world.raw(frame);
    }
    world.run(100);
    world.agent("after it");
    world.send("mine");
    world.run(5_000);
    assert_eq!((world.opens.len(), world.state()), (1, State::Ready));
    assert_eq!(world.page.texts(), ["after it", "mine"]);
}

#[test]
fn row27_odd_entries_of_a_history_page_cost_only_themselves() {
    let mut world = World::settled(85);
    world.agent("good");
    for frame in odd() {
        world.control("/_sim/agent", json!({"do": "raw", "store": true, "frame": frame}));
    }
    world.agent("good as well");
    world.run(500);
    world.reload();
    world.run_until_ready();
    world.run(2_000);
    assert_eq!(world.page.texts(), ["good", "good as well"]);
    assert!(world.history_reads().iter().all(|(status, _)| *status == 200));
    assert!(!world.page.events.iter().any(|event| matches!(event, Event::Gap { .. })), "nothing is missing");
}
