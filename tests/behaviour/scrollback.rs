//! Older pages on request, and what counts as unread.

use crate::common::{Line, World, agent_body};
use guestwire::core::error::Code;
use guestwire::guest::event::{Direction, Kind};
use serde_json::json;

// History.

/// A conversation of so many lines, read by a fresh page; pages hold twenty.
fn long(seed: u64, lines: usize) -> World {
    let mut world = World::new(seed);
    world.set(json!({"maxPageSize": 20, "autoStart": false}));
    world.start();
    world.run_until_ready();
    for n in 0..lines {
        world.agent(&format!("line {n}"));
        world.run(10);
    }
    world.run(70_000);
    world.reload();
    world.run_until_ready();
    world.run(2_000);
    world
}

fn older(world: &mut World) -> (u32, bool) {
    let ticket = world.command(|session, now, ticket| session.history(now, ticket));
    world.wait("a page", 90_000, |world| world.outcome(ticket).is_some());
    assert_eq!(world.outcome(ticket), Some(None));
    world.loaded(ticket).unwrap()
}

fn lines(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|n| format!("line {n}")).collect()
}

#[test]
fn a_fresh_page_reads_the_newest_page_and_older_ones_on_request() {
    let mut world = long(1, 50);
    assert_eq!(world.page.texts(), lines(30, 50));
    assert_eq!(older(&mut world), (20, false));
    assert_eq!(world.page.texts(), lines(10, 50));
    assert_eq!(older(&mut world), (10, true));
    assert_eq!(world.page.texts(), lines(0, 50));
    let reads = world.history_reads().len();
    assert_eq!(older(&mut world), (0, true));
    assert_eq!(world.history_reads().len(), reads, "nothing is asked once all is there");
}

#[test]
fn older_pages_that_live_messages_have_shifted_have_no_hole() {
    let mut world = long(2, 50);
    for n in 50..65 {
        world.agent(&format!("line {n}"));
        world.run(10);
    }
    world.run(500);
    let mut guard = 0;
    while !older(&mut world).1 {
        guard += 1;
        assert!(guard < 10);
    }
    assert_eq!(world.page.texts(), lines(0, 65));
}

#[test]
fn history_without_a_connection_says_so() {
    let mut world = World::settled(3);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(100);
    let ticket = world.command(|session, now, ticket| session.history(now, ticket));
    assert_eq!(world.outcome(ticket), Some(Some(Code::NOT_CONNECTED.0)));
}

#[test]
fn history_that_cannot_be_read_says_so() {
    let mut world = long(4, 30);
    world.fault(json!({"on": "http", "match": {"path": "/webmessaging/messages"}, "count": 0, "do": "status", "status": 500}));
    let ticket = world.command(|session, now, ticket| session.history(now, ticket));
    world.run(60_000);
    assert_eq!(world.outcome(ticket), Some(Some(Code::HISTORY_UNAVAILABLE.0)));
    world.heal();
    assert_eq!(older(&mut world), (10, true), "and works when it is asked again");
}

#[test]
fn history_that_is_lost_with_the_line_is_settled() {
    let mut world = long(5, 30);
    world.fault(json!({"on": "http", "match": {"path": "/webmessaging/messages"}, "do": "blackhole"}));
    let ticket = world.command(|session, now, ticket| session.history(now, ticket));
    world.run(500);
    world.break_line();
    world.run(100);
    assert_eq!(world.outcome(ticket), Some(Some(Code::NOT_CONNECTED.0)));
}

// Unread.

#[test]
fn messages_of_the_other_side_count_as_unread_until_they_are_read() {
    let mut world = World::settled(1);
    world.agent("one");
    world.agent("two");
    world.send("mine");
    world.run(1_000);
    assert_eq!(world.page.unread, 2);
    world.with(|session, now| session.mark_read(now));
    assert_eq!(world.page.unread, 0);
    world.agent("three");
    world.run(500);
    assert_eq!(world.page.unread, 1);
}

#[test]
fn unread_survives_a_reload() {
    let mut world = World::settled(2);
    world.agent("read");
    world.run(500);
    world.with(|session, now| session.mark_read(now));
    world.agent("not read");
    world.run(500);
    world.reload();
    world.run_until_ready();
    world.run(2_000);
    assert_eq!(world.page.unread, 1);
}

#[test]
fn what_was_said_while_away_is_unread() {
    let mut world = World::settled(3);
    world.agent("read");
    world.run(500);
    world.with(|session, now| session.mark_read(now));
    world.kill();
    world.agent("while you were away");
    world.run(60_000);
    world.load_page();
    world.start();
    world.run_until_ready();
    world.run(2_000);
    assert_eq!(world.page.unread, 1);
}

#[test]
fn events_and_the_guests_own_messages_are_never_unread() {
    let mut world = World::settled(4);
    world.send("mine");
    world.control("/_sim/agent", json!({"do": "event", "text": "Join"}));
    world.raw_body(
        json!({"id": "tab", "type": "Text", "text": "from my other tab", "direction": "Inbound", "channel": {"time": "2026-01-01T00:00:14.000Z"}}),
    );
    world.run(1_000);
    assert_eq!(world.page.unread, 0);
}

#[test]
fn a_message_read_in_order_of_time_counts_even_if_it_came_late() {
    let mut world = World::settled(5);
    world.raw_body(agent_body("b", "second", 13_000));
    world.run(100);
    world.raw_body(agent_body("a", "first", 12_500));
    world.run(100);
    assert_eq!(world.page.unread, 2);
    assert!(world.page.rows.iter().all(|row| row.direction == Direction::Outbound || row.kind == Kind::Event));
}
