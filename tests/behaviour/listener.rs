//! Hostile listeners: faults.md row 28. What a listener throws is the shim's to catch; what it calls back into is here.

use crate::common::World;
use guestwire::core::machine::Now;
use guestwire::core::state::State;
use guestwire::guest::Session;
use guestwire::guest::event::Event;
use serde_json::json;

fn lines(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|n| format!("line {n}")).collect()
}

fn quiet(seed: u64) -> World {
    let mut world = World::ready(seed);
    world.run(1_000);
    world
}

fn sends_when_ready(event: &Event, session: &mut Session, now: Now) {
    if matches!(event, Event::State { state: State::Ready }) {
        session.send(now, r#"{"text":"from a listener"}"#).unwrap();
    }
}

#[test]
fn row28_a_listener_may_call_send() {
    let mut world = World::new(1);
    world.listener = Some(sends_when_ready);
    world.start();
    world.run(5_000);
    assert_eq!(world.stored(), ["from a listener"]);
    assert_eq!(world.page.texts(), ["from a listener"]);
}

fn stops_at_a_message(event: &Event, session: &mut Session, now: Now) {
    if matches!(event, Event::Message { .. }) {
        session.stop(now, 0, 900_000 + event_index(event));
    }
}

fn event_index(event: &Event) -> u32 {
    if let Event::Message { index, .. } = event { *index } else { 0 }
}

#[test]
fn row28_a_listener_may_call_stop() {
    let mut world = World::new(2);
    world.start();
    world.run_until_ready();
    world.run(1_000);
    world.listener = Some(stops_at_a_message);
    world.agent("stop now");
    world.run(60_000);
    assert_eq!(world.state(), State::Stopped);
    assert_eq!(world.page.texts(), ["stop now"]);
}

/// Calls everything there is at every event.
fn calls_everything(event: &Event, session: &mut Session, now: Now) {
    // What a wire does not have is refused, and harms nothing either.
    let _ = session.typing(now);
    session.mark_read(now);
    if let Event::Updated { message, .. } = event {
        session.cancel(now, &message.id);
        let _ = session.retry(now, &message.id);
        let _ = session.set_attributes(now, r#"{"seen":"yes"}"#);
    }
    let _ = session.diagnostics();
}

#[test]
fn row28_a_listener_that_calls_back_at_every_event_harms_no_message() {
    let mut world = World::new(3);
    world.listener = Some(calls_everything);
    world.start();
    world.run(2_000);
    for text in ["one", "two", "three"] {
        world.send(text);
    }
    world.agent("hello");
    world.run(20_000);
    assert_eq!(world.stored(), ["one", "two", "three"]);
    assert_eq!(world.page.texts().len(), 4);
}

#[test]
fn row28_a_listener_that_runs_500_ms_costs_no_later_frame() {
    let mut world = quiet(4);
    for text in lines(0, 30) {
        world.agent(&text);
        world.frozen = true;
        world.run(500);
        world.thaw();
    }
    world.run(1_000);
    assert_eq!(world.page.texts(), lines(0, 30));
    assert_eq!(world.opens.len(), 1);
}

#[test]
fn row28_after_a_panic_the_client_restarts_from_what_is_persisted() {
    let mut world = quiet(5);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "stall", "direction": "up", "ms": 5_000}));
    let ids = ["one", "two"].map(|text| world.send(text));
    world.run(10);
    // The module is poisoned; the shim brings up a new one over the same page.
    world.reload();
    assert_eq!(ids.each_ref().map(|id| world.page.row(id).is_some()), [true; 2]);
    world.run(60_000);
    assert_eq!(world.stored(), ["one", "two"]);
}
