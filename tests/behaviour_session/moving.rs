//! A deployment that changes its protocol with unsent messages: what is unknown is settled on the protocol that it was sent
//! over, and what was never sent moves.

use crate::common::*;
use guestwire::core::error::Code;
use guestwire::core::state::State;
use guestwire::guest::event::Status;
use guestwire::guest::wire::Wire;
use serde_json::{Value, json};

/// The next life of the page speaks another protocol.
fn switch(world: &mut World, wire: Wire, more: &str) {
    world.kill();
    world.options = World::of_wire(wire, 0, more).options;
    world.wire = wire;
    world.load_page();
}

/// What each protocol's conversations hold of the guest, in order.
fn stored_by(world: &mut World, protocol: &str) -> Vec<String> {
    let sessions = world.get("/_sim/sessions").as_array().unwrap().clone();
    let of_protocol = sessions.iter().filter(|session| session["protocol"] == protocol);
    let messages = of_protocol.flat_map(|session| session["messages"].as_array().unwrap().clone());
    messages.filter(|message| message["direction"] == "Inbound").filter_map(|message| message["text"].as_str().map(str::to_string)).collect()
}

fn message(deed: Value) -> Value {
    let mut rule = json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}});
    rule.as_object_mut().unwrap().extend(deed.as_object().unwrap().clone());
    rule
}

/// A visitor with one message in flight, of which the line took the echo or the message itself, and two behind it.
fn in_flight(wire: Wire, seed: u64, is_stored: bool) -> (World, [String; 3]) {
    let mut world = World::of_wire(wire, seed, "");
    world.start();
    world.run_until_ready();
    world.send("before");
    world.wait_sent(5_000);
    world.fault(message(json!({"do": "drop", "after": is_stored})));
    let ids = ["in flight", "second", "third"].map(|text| world.send(text));
    world.wait("lost", 5_000, |world| world.state() != State::Ready);
    world.network.line = Line::Offline;
    world.run(100);
    (world, ids)
}

fn all_sent(world: &World, ids: &[String]) -> bool {
    ids.iter().all(|id| world.page.row(id).is_none_or(|row| row.status == Status::Sent))
}

#[test]
fn what_was_never_sent_moves() {
    for (from, to) in [(Wire::Guest, Wire::Session), (Wire::Session, Wire::Guest)] {
        let mut world = World::of_wire(from, 1, "");
        world.start();
        world.run_until_ready();
        world.send("before");
        world.wait_sent(5_000);
        world.network.line = Line::Offline;
        world.break_line();
        world.run(1_000);
        let ids = ["one", "two"].map(|text| world.send(text));
        switch(&mut world, to, "");
        world.heal();
        world.start();
        world.wait("sent", 60_000, |world| all_sent(world, &ids) && world.page.texts().len() == 2);
        let name = |wire| if wire == Wire::Session { "session" } else { "guest" };
        assert_eq!(stored_by(&mut world, name(to)), ["one", "two"]);
        assert_eq!(stored_by(&mut world, name(from)), ["before"]);
        assert_eq!(world.page.texts(), ["one", "two"], "the other conversation is not this one's");
    }
}

#[test]
fn what_had_arrived_is_found_on_its_own_protocol_and_the_rest_moves() {
    let (mut world, ids) = in_flight(Wire::Guest, 2, true);
    switch(&mut world, Wire::Session, "");
    world.heal();
    let started = world.start();
    world.wait("settled", 60_000, |world| {
        world.events(|event| matches!(event, guestwire::guest::event::Event::Receipt { id, status: Status::Sent, .. } if *id == ids[0])) == 1
    });
    assert_eq!(world.outcome(started), None, "the page waits for the protocol that it asked for");
    world.wait("sent", 60_000, |world| all_sent(world, &ids) && world.page.texts().len() == 2);
    assert_eq!(world.outcome(started), Some(None));
    assert_eq!(stored_by(&mut world, "guest"), ["before", "in flight"]);
    assert_eq!(stored_by(&mut world, "session"), ["second", "third"]);
    assert_eq!(world.page.texts(), ["second", "third"]);
}

#[test]
fn what_had_not_arrived_is_proved_absent_and_moves_with_the_rest_in_its_order() {
    let (mut world, ids) = in_flight(Wire::Guest, 3, false);
    // Both sides closed the line: nothing of it is under way any more.
    switch(&mut world, Wire::Session, "");
    world.heal();
    world.start();
    world.wait("done", 120_000, |world| world.outbox_len() == 0 || world.code(&ids[0]).is_some());
    world.run(5_000);
    assert_eq!(stored_by(&mut world, "guest"), ["before"]);
    let moved = stored_by(&mut world, "session");
    // Inherited from an earlier life of the page: absence leaves a doubt, and text does not cross in doubt.
    assert_eq!(moved, ["second", "third"]);
    assert_eq!((world.status(&ids[0]), world.code(&ids[0])), (Status::Failed, Some(Code::DELIVERY_UNKNOWN.0)));
}

#[test]
fn the_other_way_needs_the_tokens_for_as_long() {
    for (more, settles) in [(r#","token":{"url":"http://service/demo-backend/token"}"#, true), ("", false)] {
        let (mut world, ids) = in_flight(Wire::Session, 4, true);
        switch(&mut world, Wire::Guest, more);
        world.heal();
        world.start();
        world.run_until_ready();
        world.run(60_000);
        assert_eq!(stored_by(&mut world, "session"), ["before", "in flight"]);
        assert_eq!(stored_by(&mut world, "guest"), ["second", "third"]);
        let told = world.page.row(&ids[0]).map(|row| (row.status, row.code));
        assert_eq!(told, if settles { None } else { Some((Status::Failed, Some(Code::DELIVERY_UNKNOWN))) }, "settled: {settles}");
    }
}

#[test]
fn where_the_old_conversation_is_over_what_was_in_flight_is_unknown_and_the_rest_moves() {
    let (mut world, ids) = in_flight(Wire::Guest, 5, true);
    world.control("/_sim/expire", json!({"what": "session"}));
    switch(&mut world, Wire::Session, "");
    world.heal();
    let started = world.start();
    world.wait("sent", 60_000, |world| all_sent(world, &ids[1..]) && world.state() == State::Ready);
    world.run(5_000);
    assert_eq!(world.outcome(started), Some(None));
    assert!(!world.was(|state| matches!(state, State::Ended { .. })), "what ended is not what the page asked for");
    assert_eq!((world.status(&ids[0]), world.code(&ids[0])), (Status::Failed, Some(Code::DELIVERY_UNKNOWN.0)));
    assert_eq!(stored_by(&mut world, "session"), ["second", "third"]);
}

#[test]
fn where_the_old_protocol_does_not_admit_any_more_it_is_not_waited_for() {
    let (mut world, ids) = in_flight(Wire::Guest, 6, true);
    switch(&mut world, Wire::Session, "");
    world.heal_line();
    world.control("/_sim/faults", json!({"on": "connect", "match": {"path": "/v1"}, "count": 0, "do": "refuse", "status": 403}));
    world.start();
    world.wait("sent", 60_000, |world| all_sent(world, &ids[1..]) && world.state() == State::Ready);
    assert_eq!(world.code(&ids[0]), Some(Code::DELIVERY_UNKNOWN.0));
}

#[test]
fn killed_at_any_moment_on_the_way_nothing_is_lost_or_doubled() {
    for ms in (0..4_000).step_by(37) {
        let (mut world, _) = in_flight(Wire::Guest, 7 + ms, true);
        switch(&mut world, Wire::Session, "");
        world.heal();
        world.start();
        world.run(ms);
        world.reload();
        world.run(120_000);
        assert_eq!(world.outbox_len(), 0, "after {ms} ms");
        assert_eq!(stored_by(&mut world, "guest"), ["before", "in flight"], "after {ms} ms");
        assert_eq!(stored_by(&mut world, "session"), ["second", "third"], "after {ms} ms");
    }
}

#[test]
fn while_the_old_protocol_is_spoken_what_the_asked_for_one_lacks_is_refused_all_the_same() {
    let (mut world, _) = in_flight(Wire::Guest, 8, true);
    switch(&mut world, Wire::Session, "");
    world.start();
    let draft = json!({"text": "a", "attributes": {"a": "b"}}).to_string();
    let refusal = world.with(|session, now| session.send(now, &draft)).unwrap_err();
    assert_eq!((refusal.code, refusal.field), (Code::UNSUPPORTED, Some("attributes")));
    let cleared = world.command(|session, now, ticket| session.clear(now, ticket));
    assert_eq!(world.outcome(cleared), Some(Some(Code::UNSUPPORTED.0)));
}
