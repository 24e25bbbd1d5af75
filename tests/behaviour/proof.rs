//! Whether a message arrived: faults.md rows 19, 20, 31 to 33.

use crate::common::{CrashPoint, EPOCH, World};
use guestwire::core::state::State;
use guestwire::guest::event::Status;
use serde_json::{Value, json};

fn text_in(deed: Value) -> Value {
    let mut rule = json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}});
    rule.as_object_mut().unwrap().extend(deed.as_object().unwrap().clone());
    rule
}

/// Stored, but the line breaks before the echo gets through.
fn lose_the_ack(world: &mut World) {
    world.fault(text_in(json!({"do": "drop", "after": true})));
}

/// The line breaks before the message is stored.
fn lose_the_message(world: &mut World) {
    world.fault(text_in(json!({"do": "drop"})));
}

fn is_sent(id: &str) -> impl Fn(&World) -> bool + use<'_> {
    move |world| world.page.row(id).is_some_and(|row| row.status == Status::Sent)
}

/// What the service met of messages and history reads, in order: `m` and `h`.
fn order_of_events(world: &mut World, text: &str) -> String {
    let log = world.control("/_sim/log", Value::Null);
    let records = log["records"].as_array().unwrap();
    records
        .iter()
        .filter_map(|record| {
            let path = record["path"].as_str().unwrap_or_default();
            match record["kind"].as_str()? {
                "frame-in" if record["text"] == text => Some('m'),
                "http" if path.ends_with("/messages") => Some('h'),
                _ => None,
            }
        })
        .collect()
}

// Row 19: ack lost, socket reset.

#[test]
fn row19_a_message_whose_ack_was_lost_is_found_and_not_sent_again() {
    let mut world = World::ready(1);
    world.run(1_000);
    lose_the_ack(&mut world);
    let id = world.send("arrived");
    world.wait("found", 20_000, is_sent(&id));
    world.run(30_000);
    assert_eq!(world.sent_texts(), ["arrived"]);
    assert_eq!(world.times_stored("arrived"), 1);
    assert!(world.page.row(&id).unwrap().server_id.is_some());
}

guest_only! {
    #[test]
    fn row19_a_message_that_is_absent_goes_again_under_the_same_id() {
        let mut world = World::ready(2);
        lose_the_message(&mut world);
        let id = world.send("lost");
        world.wait("sent", 40_000, is_sent(&id));
        let ids: Vec<_> = world.sent_messages().iter().map(|f| (f["tracingId"].clone(), f["message"]["metadata"]["id"].clone())).collect();
        assert_eq!(ids, vec![(json!(id), json!(id)); 2]);
        assert_eq!(world.times_stored("lost"), 1);
        assert_eq!(world.page.texts(), ["lost"]);
    }
}

#[test]
fn row19_history_is_read_before_anything_is_sent_again() {
    let mut world = World::ready(3);
    world.run(1_000);
    lose_the_message(&mut world);
    let id = world.send("lost");
    world.wait("sent", 40_000, is_sent(&id));
    let order = order_of_events(&mut world, "lost");
    let between = order.split('m').nth(1).unwrap();
    // Two looks: at once, and after the old socket's end.
    assert!(order.matches('m').count() == 2 && between.len() >= 2, "{order}");
}

#[test]
fn row19_the_second_look_comes_3_s_after_the_old_socket_closed() {
    let mut world = World::ready(4);
    world.run(1_000);
    lose_the_message(&mut world);
    let id = world.send("lost");
    world.wait("lost", 1_000, |world| world.state() != State::Ready);
    let closed = world.now;
    world.wait("sent", 40_000, is_sent(&id));
    let again = world
        .log("frame-in")
        .iter()
        .filter(|record| record["text"] == "lost")
        .map(|record| record["at"].as_u64().unwrap() - EPOCH)
        .next_back()
        .unwrap();
    assert!((closed + 3_000..=closed + 13_000).contains(&again), "{closed} {again}");
}

#[test]
fn row19_nothing_is_sent_again_while_history_cannot_be_read() {
    let mut world = World::ready(5);
    world.run(1_000);
    world.fault(json!({"on": "http", "match": {"path": "/webmessaging/messages"}, "count": 0, "do": "status", "status": 500}));
    lose_the_message(&mut world);
    let id = world.send("unproved");
    world.run(40_000);
    assert_eq!(world.sent_texts(), ["unproved"]);
    world.heal();
    world.wait("sent", 90_000, |world| world.page.row(&id).is_some_and(|row| matches!(row.status, Status::Sent | Status::Failed)));
    assert!(world.times_stored("unproved") <= 1);
}

#[test]
fn row19_an_earlier_message_with_the_same_text_is_no_proof() {
    let mut world = World::ready(6);
    world.send("same");
    world.wait_sent(5_000);
    world.run(1_000);
    lose_the_message(&mut world);
    world.send("same");
    world.wait_sent(40_000);
    assert_eq!(world.times_stored("same"), 2);
    assert_eq!(world.page.texts(), ["same", "same"]);
}

#[test]
fn row19_what_waits_behind_keeps_its_order() {
    let mut world = World::ready(7);
    lose_the_message(&mut world);
    for text in ["one", "two", "three"] {
        world.send(text);
    }
    world.wait_sent(60_000);
    assert_eq!(world.stored(), ["one", "two", "three"]);
}

#[test]
fn row19_the_line_breaks_again_during_the_proof() {
    let mut world = World::settled(8);
    lose_the_ack(&mut world);
    let id = world.send("arrived");
    world.wait("lost", 1_000, |world| world.state() != State::Ready);
    for _ in 0..3 {
        world.wait("reconnected", 60_000, |world| world.state() == State::Ready);
        world.break_line();
        world.run(1);
    }
    world.wait("found", 60_000, is_sent(&id));
    assert_eq!(world.times_stored("arrived"), 1);
    assert_eq!(world.sent_texts(), ["arrived"]);
}

// Row 20: the tab is killed.

fn killed_at(point: CrashPoint, arrives: bool) -> (World, String) {
    let mut world = World::ready(point as u64 + 1);
    world.send("before");
    world.wait_sent(5_000);
    if !arrives {
        world.fault(text_in(json!({"do": "lose"})));
    }
    world.crash_at = Some(point);
    let id = world.try_send("typed").unwrap();
    world.run(200);
    assert_eq!(world.crashed, Some(point));
    world.load_page();
    world.start();
    world.run(60_000);
    (world, id)
}

#[test]
fn row20_killed_before_it_was_persisted_it_was_never_accepted() {
    let (mut world, _) = killed_at(CrashPoint::BeforePersist, true);
    assert_eq!(world.stored(), ["before"]);
    assert_eq!(world.page.texts(), ["before"]);
}

#[test]
fn row20_killed_after_it_was_persisted_it_arrives_once() {
    let (mut world, id) = killed_at(CrashPoint::AfterPersist, true);
    assert_eq!(world.stored(), ["before", "typed"]);
    assert_eq!(world.status(&id), Status::Sent);
    assert_eq!(world.page.texts(), ["before", "typed"]);
}

#[test]
fn row20_killed_after_it_was_sent_and_it_arrived_it_is_found() {
    let (mut world, id) = killed_at(CrashPoint::AfterSend, true);
    assert_eq!(world.stored(), ["before", "typed"]);
    assert_eq!(world.status(&id), Status::Sent);
    assert_eq!(world.sent_texts(), ["before", "typed"]);
}

#[test]
fn row20_killed_after_it_was_sent_and_it_did_not_arrive_it_goes_again() {
    let (mut world, id) = killed_at(CrashPoint::AfterSend, false);
    assert_eq!(world.stored(), ["before", "typed"]);
    assert_eq!(world.status(&id), Status::Sent);
    assert_eq!(world.sent_texts(), ["before", "typed", "typed"]);
}

#[test]
fn row20_killed_after_the_ack_and_before_it_was_persisted_it_is_found() {
    let (mut world, id) = killed_at(CrashPoint::BeforeAckPersisted, true);
    assert_eq!(world.times_stored("typed"), 1);
    assert_eq!(world.sent_texts(), ["before", "typed"]);
    assert_eq!(world.status(&id), Status::Sent);
    assert_eq!(world.message_keys().len(), 0);
}

#[test]
fn row20_killed_after_the_ack_was_persisted_nothing_is_left_to_do() {
    let (mut world, _) = killed_at(CrashPoint::AfterAckPersisted, true);
    assert_eq!(world.times_stored("typed"), 1);
    assert_eq!(world.sent_texts(), ["before", "typed"]);
    assert_eq!(world.page.texts(), ["before", "typed"]);
}

// Row 31: bytes delivered late.

/// A message whose bytes, and the close behind them, reach the service only after so long.
fn late(seed: u64, after: u64) -> (World, String) {
    let mut world = World::ready(seed);
    world.send("before");
    world.wait_sent(5_000);
    world.network.stall_up(world.now + after);
    let id = world.send("late");
    (world, id)
}

#[test]
fn row31_the_second_look_finds_what_was_stored_after_the_first() {
    let (mut world, id) = late(1, 10_000);
    // Whatever the new line hears of it is held back, so that only history can tell.
    world.fault(json!({"on": "frame-out", "match": {"class": "StructuredMessage", "type": "Text", "action": "onMessage"}, "count": 0, "do": "lose"}));
    world.wait("found", 30_000, is_sent(&id));
    world.run(60_000);
    assert_eq!(world.times_stored("late"), 1);
    assert_eq!((world.metric("foundAtSecondLook"), world.metric("resends")), (1, 0));
}

#[test]
fn row31_the_echo_is_listened_for_on_the_new_socket_meanwhile() {
    let (mut world, id) = late(2, 9_000);
    world.wait("heard", 9_100, is_sent(&id));
    assert_eq!(world.opens.len(), 2, "over the new socket, before the second look");
    world.run(60_000);
    assert_eq!(world.times_stored("late"), 1);
}

guest_only! {
    #[test]
    fn row31_beyond_its_bounds_a_double_is_one_row_and_is_counted() {
        let (mut world, id) = late(3, 27_000);
        world.run(90_000);
        assert_eq!(world.times_stored("late"), 2, "this stall is beyond what can be known");
        assert_eq!(world.metric("unprovedResends"), 1);
        assert_eq!(world.page.texts(), ["before", "late"], "one row on the screen");
        assert_eq!(world.metric("doubles"), 1);
        assert_eq!(world.status(&id), Status::Sent);
    }
}

#[test]
fn row31_a_resend_after_a_clean_close_is_no_unproved_one() {
    let mut world = World::ready(4);
    world.run(1_000);
    world.fault(text_in(json!({"do": "close", "code": 1001})));
    world.send("closed upon");
    world.wait_sent(40_000);
    assert_eq!((world.metric("resends"), world.metric("unprovedResends")), (1, 0));
}

// Row 32: what the service does not offer.

struct Offer {
    lag: bool,
    metadata: bool,
    tracing: bool,
}

/// Every combination of a lagging history and ids that are not carried back.
fn offers() -> impl Iterator<Item = Offer> {
    (0..8).map(|bits| Offer { lag: bits & 1 != 0, metadata: bits & 2 != 0, tracing: bits & 4 != 0 })
}

fn offering(offer: &Offer) -> World {
    let mut world = World::new(32);
    world.set(json!({"echoMetadata": offer.metadata, "echoTracingId": if offer.tracing { "sender" } else { "none" }}));
    if offer.lag {
        world.fault(json!({"on": "http", "match": {"path": "/webmessaging/messages"}, "count": 0, "do": "history-lag", "ms": 5_000}));
    }
    world.start();
    world.run_until_ready();
    world.run(12_000);
    world
}

fn name(offer: &Offer) -> String {
    format!("lag {}, metadata {}, tracing {}", offer.lag, offer.metadata, offer.tracing)
}

#[test]
fn row32_a_message_whose_ack_was_lost_is_one() {
    for offer in offers() {
        let mut world = offering(&offer);
        lose_the_ack(&mut world);
        let id = world.send("once");
        world.run(60_000);
        assert_eq!((world.times_stored("once"), world.status(&id)), (1, Status::Sent), "{}", name(&offer));
        assert_eq!(world.page.texts(), ["once"], "{}", name(&offer));
    }
}

#[test]
fn row32_a_message_that_was_lost_is_sent_again() {
    for offer in offers() {
        let mut world = offering(&offer);
        lose_the_message(&mut world);
        let id = world.send("once");
        world.run(60_000);
        assert_eq!((world.times_stored("once"), world.status(&id)), (1, Status::Sent), "{}", name(&offer));
        assert_eq!(world.page.texts(), ["once"], "{}", name(&offer));
    }
}

#[test]
fn row32_the_same_text_sent_twice_is_two_messages() {
    for offer in offers() {
        let mut world = offering(&offer);
        for _ in 0..2 {
            world.send("same");
        }
        world.run(60_000);
        assert_eq!(world.times_stored("same"), 2, "{}", name(&offer));
        assert_eq!(world.page.texts(), ["same", "same"], "{}", name(&offer));
        assert!(world.page.rows.iter().all(|row| row.status == Status::Sent), "{}", name(&offer));
    }
}

#[test]
fn row32_the_same_text_twice_where_the_second_ack_was_lost_is_two_messages() {
    for offer in offers() {
        let mut world = offering(&offer);
        world.send("same");
        world.run(5_000);
        lose_the_ack(&mut world);
        world.send("same");
        world.run(60_000);
        assert_eq!(world.times_stored("same"), 2, "{}", name(&offer));
        assert_eq!(world.page.texts(), ["same", "same"], "{}", name(&offer));
        assert!(world.page.rows.iter().all(|row| row.status == Status::Sent), "{}", name(&offer));
    }
}

#[test]
fn row32_the_same_text_twice_where_the_second_was_lost_is_two_messages() {
    for offer in offers() {
        let mut world = offering(&offer);
        world.send("same");
        world.run(10_000);
        lose_the_message(&mut world);
        world.send("same");
        world.run(60_000);
        assert_eq!(world.times_stored("same"), 2, "{}", name(&offer));
        assert_eq!(world.page.texts(), ["same", "same"], "{}", name(&offer));
    }
}

#[test]
fn row32_after_a_reload_in_flight_nothing_is_lost_or_doubled() {
    for offer in offers() {
        for arrives in [true, false] {
            let mut world = offering(&offer);
            world.send("before");
            world.run(10_000);
            if !arrives {
                world.fault(text_in(json!({"do": "lose"})));
            }
            world.crash_at = Some(CrashPoint::AfterSend);
            world.try_send("typed").unwrap();
            world.run(500);
            world.load_page();
            world.start();
            world.run(90_000);
            assert_eq!(world.times_stored("typed"), 1, "{}, arrives {arrives}", name(&offer));
            assert_eq!(world.page.texts(), ["before", "typed"], "{}, arrives {arrives}", name(&offer));
        }
    }
}

// Row 33: echo lost on a healthy link.

fn echo_lost(seed: u64) -> (World, String) {
    let mut world = World::settled(seed);
    world.fault(json!({"on": "frame-out", "match": {"class": "StructuredMessage", "type": "Text", "action": "onMessage"}, "do": "lose"}));
    let id = world.send("unechoed");
    (world, id)
}

#[test]
fn row33_without_an_echo_it_is_read_back_10_s_after_sending() {
    let (mut world, id) = echo_lost(1);
    let (sent_at, reads) = (world.now, world.history_reads().len());
    world.run(9_900);
    assert_eq!(world.history_reads().len(), reads, "not before");
    assert_eq!(world.status(&id), Status::Sending);
    world.wait("read back", 1_000, is_sent(&id));
    assert!(world.now - sent_at >= 10_000);
    assert_eq!(world.times_stored("unechoed"), 1);
}

#[test]
fn row33_the_connection_is_kept() {
    let (mut world, _) = echo_lost(2);
    world.run(30_000);
    assert_eq!((world.opens.len(), world.shuts.len(), world.state()), (1, 0, State::Ready));
}

#[test]
fn row33_one_that_was_not_stored_goes_again_on_the_same_connection() {
    let mut world = World::settled(3);
    world.fault(text_in(json!({"do": "lose"})));
    let id = world.send("swallowed");
    world.wait("sent", 25_000, is_sent(&id));
    assert_eq!((world.opens.len(), world.times_stored("swallowed")), (1, 1));
    assert_eq!(world.metric("unprovedResends"), 0, "the line is the same, so nothing is under way");
}

guest_only! {
    #[test]
    fn row20_a_limit_that_may_have_met_another_request_does_not_hurry_the_proof() {
        let mut world = World::settled(61);
        world.set(json!({"echoMetadata": false, "echoTracingId": "none"}));
        let until = world.now + 4_300;
        world.network.stall_up(until);
        let id = world.send("on its way");
        world.raw(json!({"type": "response", "class": "string", "code": 429, "body": "Too many requests"}));
        world.run(90_000);
        assert_eq!((world.status(&id), world.stored()), (Status::Sent, vec!["on its way".into()]));
    }
}
