//! Getting a connection and losing it: faults.md rows 2 to 6.

use crate::common::{Arrival, EPOCH, World, too_many};
use guestwire::core::error::Code;
use guestwire::core::machine::SocketId;
use guestwire::core::state::{End, Pause, Reason, State};
use guestwire::guest::event::{Event, Status};
use serde_json::json;

fn is_ready(world: &World) -> bool {
    world.state() == State::Ready
}

fn refuse(world: &mut World, status: u16) {
    world.fault(json!({"on": "connect", "count": 0, "do": "refuse", "status": status}));
}

/// When the service received a text, milliseconds since the world began.
fn arrivals(world: &mut World, text: &str) -> Vec<u64> {
    world.log("frame-in").iter().filter(|record| record["text"] == text).map(|record| record["at"].as_u64().unwrap() - EPOCH).collect()
}

// Row 2: accept, then close.

#[test]
fn row02_a_service_that_accepts_and_closes_is_tried_at_most_six_times_in_20_s() {
    for seed in 0..50 {
        let mut world = World::new(seed);
        world.fault(json!({"on": "connect", "count": 0, "do": "accept-then-close", "code": 1011}));
        world.start();
        world.run(20_000);
        assert!((4..=6).contains(&world.opens.len()), "seed {seed}: {:?}", world.opens);
    }
}

/// The attempts shown after the first and after the second loss, each after so long an uptime.
fn attempts_after_losses(uptime: u64) -> Vec<u32> {
    let mut world = World::new(7);
    world.start();
    let mut attempts = Vec::new();
    for _ in 0..2 {
        world.run_until_ready();
        world.run(uptime);
        world.break_line();
        world.run(1);
        let State::Waiting { attempt, .. } = world.state() else { panic!("{:?}", world.state()) };
        attempts.push(attempt);
    }
    attempts
}

#[test]
fn row02_the_counter_does_not_reset_before_the_session_was_up_10_s() {
    let attempts = attempts_after_losses(9_000);
    assert!(attempts[1] > attempts[0], "{attempts:?}");
}

#[test]
fn row02_the_counter_resets_once_the_session_was_up_10_s() {
    let attempts = attempts_after_losses(10_500);
    assert_eq!(attempts[1], attempts[0]);
}

guest_only! {
    #[test]
    fn row02_the_counter_does_not_reset_on_open_without_a_session() {
        let mut world = World::new(8);
        // Opened, but the session is never configured: the connection lasts until its deadline.
        world.fault(json!({"on": "frame-in", "match": {"action": "configureSession"}, "count": 0, "do": "lose"}));
        world.start();
        world.run(120_000);
        let attempts: Vec<u32> =
            world.page.states.iter().filter_map(|state| if let State::Waiting { attempt, .. } = state { Some(*attempt) } else { None }).collect();
        assert!(attempts.len() >= 4, "{attempts:?}");
        assert!(attempts.windows(2).all(|pair| pair[1] == pair[0] + 1), "{attempts:?}");
    }
}

// Row 3: connect black hole and late open.

guest_only! {
    #[test]
    fn row03_ten_seconds_cover_open_and_session_response_together() {
        let mut world = World::new(1);
        world.fault(json!([
            {"on": "connect", "do": "delay", "ms": 6_000},
            {"on": "frame-in", "match": {"action": "configureSession"}, "do": "lose"},
        ]));
        world.start();
        world.wait("the attempt", 1_000, |world| !world.opens.is_empty());
        let opened = world.opens[0];
        world.run(9_900);
        assert_eq!(world.requests("configureSession").len(), 1);
        assert_eq!(world.state(), State::Connecting { attempt: 1 });
        world.wait("given up", 200, |world| !world.shuts.is_empty());
        assert_eq!(world.shuts, [(opened + 10_000, SocketId(1))]);
        assert!(matches!(world.state(), State::Waiting { reason: Reason::Timeout, .. }), "{:?}", world.state());
        world.run_until_ready();
    }
}

#[test]
fn row03_an_upgrade_without_an_answer_is_given_up_after_10_s_and_its_socket_closed() {
    let mut world = World::new(2);
    world.fault(json!({"on": "connect", "do": "blackhole"}));
    world.start();
    world.wait("given up", 11_000, |world| !world.shuts.is_empty());
    assert_eq!(world.shuts, [(world.opens[0] + 10_000, SocketId(1))]);
    world.run_until_ready();
    assert_eq!(world.opens.len(), 2);
}

#[test]
fn row03_an_abandoned_socket_that_opens_late_is_ignored_by_id() {
    let mut world = World::new(3);
    world.fault(json!({"on": "connect", "do": "blackhole"}));
    world.start();
    world.wait("given up", 11_000, |world| !world.shuts.is_empty());
    world.run_until_ready();
    world.run(1_000);
    let before = (world.state(), world.sent.len(), world.opens.len(), world.page.rows.len());
    world.inject(Arrival::Opened(SocketId(1)));
    world.inject(Arrival::Frame(
        SocketId(1),
        json!({"type": "message", "class": "StructuredMessage", "code": 200,
            "body": {"id": "ghost", "type": "Text", "text": "from a dead socket", "direction": "Outbound"}})
        .to_string(),
    ));
    world.inject(Arrival::Frame(SocketId(1), json!({"type": "response", "class": "SessionExpiredEvent", "code": 200, "body": {}}).to_string()));
    world.inject(Arrival::Closed(SocketId(1), 1006, false));
    world.run(5_000);
    assert_eq!((world.state(), world.opens.len(), world.page.rows.len()), (before.0, before.2, before.3));
    assert!(world.sent[before.1..].iter().all(|(socket, _)| *socket == SocketId(2)));
}

#[test]
fn row03_at_most_two_sockets_exist_while_connects_hang() {
    let mut world = World::new(4);
    world.fault(json!({"on": "connect", "count": 0, "do": "blackhole"}));
    world.start();
    world.run(300_000);
    assert!(world.opens.len() > 5);
    assert!(world.network.most_sockets <= 2, "{}", world.network.most_sockets);
}

// Row 4: refused upgrade.

#[test]
fn row04_a_refusal_of_any_status_pauses_as_refused_while_the_deployment_is_well() {
    for status in [401, 403, 429, 503] {
        let mut world = World::new(status.into());
        refuse(&mut world, status);
        world.start();
        world.wait("paused", 2_000, |world| matches!(world.state(), State::Paused { reason: Pause::Refused, until: Some(_) }));
        assert!(world.page.warned(Code::NOT_ALLOWED), "{status}: the hint at the allowed domains");
        world.heal();
        world.run_until_ready();
    }
}

#[test]
fn row04_a_config_that_cannot_be_reached_means_offline() {
    let mut world = World::new(1);
    world.network.line = crate::common::Line::Offline;
    world.start();
    world.run(1_000);
    assert_eq!(world.state(), State::Offline);
    world.heal();
    world.run_until_ready();
}

#[test]
fn row04_a_captive_portal_means_offline() {
    let mut world = World::new(2);
    refuse(&mut world, 403);
    world.fault(
        json!({"on": "http", "match": {"path": "/config.json"}, "count": 0, "do": "status", "status": 200, "body": "<html>Please log in</html>"}),
    );
    world.start();
    world.run(1_000);
    assert_eq!(world.state(), State::Offline);
    world.heal();
    world.run_until_ready();
}

guest_only! {
    #[test]
    fn row04_a_captive_portal_that_comes_later_means_offline() {
        let mut world = World::ready(2);
        world.run(15_000);
        refuse(&mut world, 403);
        world.fault(
            json!({"on": "http", "match": {"path": "/config.json"}, "count": 0, "do": "status", "status": 200, "body": "<html>Please log in</html>"}),
        );
        world.break_line();
        world.wait("offline", 5_000, |world| world.state() == State::Offline);
        world.heal();
        world.run_until_ready();
    }
}

#[test]
fn row04_a_deployment_that_is_not_there_ends_it() {
    let mut world = World::new(3);
    world.fault(json!({"on": "http", "match": {"path": "/config.json"}, "count": 0, "do": "status", "status": 404}));
    let ticket = world.start();
    world.run(1_000);
    assert_eq!(world.state(), State::Ended { reason: End::Inactive });
    assert_eq!(world.outcome(ticket), Some(Some(Code::DEPLOYMENT_NOT_FOUND.0)));
    world.run(600_000);
    assert_eq!(world.opens.len(), 0, "an ended deployment is not tried");
}

guest_only! {
    #[test]
    fn row04_an_inactive_deployment_ends_it() {
        let mut world = World::new(4);
        world.set(json!({"status": "Inactive"}));
        let ticket = world.start();
        world.run(1_000);
        assert_eq!(world.state(), State::Ended { reason: End::Inactive });
        assert_eq!(world.outcome(ticket), Some(Some(Code::DEPLOYMENT_INACTIVE.0)));
    }
}

guest_only! {
    #[test]
    fn row04_a_deployment_that_went_away_later_ends_it() {
        for gone in [json!({"status": 404}), json!({"status": 200, "body": {"status": "Inactive"}})] {
            let mut world = World::ready(5);
            world.run(15_000);
            refuse(&mut world, 403);
            let mut rule = json!({"on": "http", "match": {"path": "/config.json"}, "count": 0, "do": "status"});
            rule.as_object_mut().unwrap().extend(gone.as_object().unwrap().clone());
            world.fault(rule);
            world.break_line();
            world.wait("ended", 5_000, |world| world.state() == State::Ended { reason: End::Inactive });
            let opens = world.opens.len();
            world.run(600_000);
            assert_eq!(world.opens.len(), opens);
        }
    }
}

guest_only! {
    #[test]
    fn row04_refusals_are_looked_into_at_most_once_a_minute() {
        let mut world = World::new(6);
        refuse(&mut world, 403);
        world.start();
        world.run(600_000);
        let reads: Vec<u64> = world
            .log("http")
            .iter()
            .filter(|r| r["path"].as_str().is_some_and(|path| path.contains("config.json")))
            .map(|r| r["at"].as_u64().unwrap())
            .collect();
        // The first is the one before connecting at all.
        assert!(reads.len() >= 4, "{reads:?}");
        assert!(reads[1..].windows(2).all(|pair| pair[1] - pair[0] >= 60_000), "{reads:?}");
    }
}

#[test]
fn row04_refusals_slow_down_to_five_minutes() {
    let mut world = World::new(7);
    refuse(&mut world, 403);
    world.start();
    world.run(3_600_000);
    let gaps: Vec<u64> = world.opens.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[..3].iter().all(|gap| *gap < 10_000), "{gaps:?}");
    let last = gaps.last().unwrap();
    assert!((60_000..=301_000).contains(last), "{gaps:?}");
    assert!(gaps.iter().all(|gap| *gap <= 301_000), "{gaps:?}");
}

guest_only! {
    #[test]
    fn row04_retry_after_of_the_config_is_used_where_it_can_be_read() {
        let mut world = World::new(8);
        world.set(json!({"exposeHeaders": true}));
        world.fault(json!({"on": "http", "match": {"path": "/config.json"}, "do": "status", "status": 429, "retryAfter": 90}));
        world.start();
        world.run(90_000);
        assert_eq!((world.config_reads(), world.opens.len()), (1, 0));
        assert!(matches!(world.state(), State::Waiting { reason: Reason::Service { code: 429 }, .. }), "{:?}", world.state());
        world.wait("ready", 31_000, is_ready);
    }
}

guest_only! {
    #[test]
    fn row04_an_unreadable_retry_after_means_the_minute_of_the_limits() {
        let mut world = World::new(9);
        world.fault(json!({"on": "http", "match": {"path": "/config.json"}, "do": "status", "status": 429, "retryAfter": 90}));
        world.start();
        world.run(60_000);
        assert_eq!((world.config_reads(), world.opens.len()), (1, 0));
        world.wait("ready", 31_000, is_ready);
    }
}

#[test]
fn row04_retry_after_of_the_probe_into_a_refusal_is_used_where_it_can_be_read() {
    let mut world = World::ready(10);
    world.run(15_000);
    world.set(json!({"exposeHeaders": true}));
    world.fault(json!({"on": "connect", "do": "refuse", "status": 429}));
    world.fault(json!({"on": "http", "match": {"path": "/config.json"}, "do": "status", "status": 429, "retryAfter": 120}));
    world.break_line();
    world.wait("refused", 5_000, |world| world.opens.len() == 2);
    world.run(1_000);
    let asked = world.opens[1];
    world.run(118_000);
    assert_eq!(world.opens.len(), 2, "tried again {} ms after being asked to wait 120 s", world.opens.last().unwrap() - asked);
    world.wait("ready", 60_000, is_ready);
}

// Row 5: in-band 429.

guest_only! {
    #[test]
    fn row05_in_band_429_pauses_the_outbox_and_touches_nothing_else() {
        let mut world = World::ready(1);
        world.answer_message(too_many(3));
        let id = world.send("slow down");
        world.run(1_000);
        assert_eq!(world.status(&id), Status::Queued);
        assert_eq!((world.state(), world.opens.len(), world.shuts.len()), (State::Ready, 1, 0));
        world.wait_sent(10_000);
        let at = arrivals(&mut world, "slow down");
        // 20 ms each way; then 3 s, plus a jitter, from when the client read it.
        assert_eq!(at.len(), 2, "{at:?}");
        assert!((3_040..=6_000).contains(&(at[1] - at[0])), "{at:?}");
        assert_eq!(world.times_stored("slow down"), 1);
        assert_eq!((world.state(), world.opens.len(), world.shuts.len()), (State::Ready, 1, 0));
        assert_eq!(world.receipts(&id, Status::Failed), 0);
        assert_eq!(world.events(|event| matches!(event, Event::Error { .. })), 0);
    }
}

guest_only! {
    #[test]
    fn row05_the_pause_is_jittered() {
        let waits: std::collections::BTreeSet<u64> = (0..10)
            .map(|seed| {
                let mut world = World::ready(seed);
                world.answer_message(too_many(3));
                world.send("x");
                world.wait_sent(10_000);
                let at = arrivals(&mut world, "x");
                at[1] - at[0]
            })
            .collect();
        assert!(waits.len() > 5, "{waits:?}");
    }
}

guest_only! {
    #[test]
    fn row05_what_is_queued_behind_a_limited_message_waits_in_its_order() {
        let mut world = World::ready(2);
        world.answer_message(too_many(3));
        for text in ["one", "two", "three"] {
            world.send(text);
        }
        world.run(3_000);
        assert_eq!(world.sent_texts(), ["one"], "nothing goes out during the pause");
        world.wait_sent(10_000);
        assert_eq!(world.stored(), ["one", "two", "three"]);
    }
}

guest_only! {
    #[test]
    fn row05_a_limited_message_goes_again_under_the_same_id() {
        let mut world = World::ready(3);
        world.answer_message(too_many(1));
        let id = world.send("again");
        world.wait_sent(10_000);
        let ids: Vec<_> = world.sent_messages().iter().map(|frame| frame["tracingId"].as_str().unwrap().to_string()).collect();
        assert_eq!(ids, [id.clone(), id]);
    }
}

// Row 6: close codes.

#[test]
fn row06_every_other_close_code_is_retried_and_none_discards_the_outbox() {
    // 1009 and 4006, 4007, 4017 have their own meaning; they are below.
    let codes = (1000_u16..=1015).filter(|code| *code != 1009).chain([3000, 3500, 3999, 4000, 4001, 4029, 4500, 4999]);
    for code in codes {
        let mut world = World::ready(code.into());
        world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "close", "code": code}));
        let ids = [world.send("in flight"), world.send("behind it")];
        world.wait("noticed", 1_000, |world| world.state() != State::Ready);
        assert!(matches!(world.state(), State::Waiting { .. } | State::Paused { .. }), "{code}: {:?}", world.state());
        world.wait("ready again", 90_000, is_ready);
        world.wait_sent(60_000);
        assert_eq!(world.stored(), ["in flight", "behind it"], "{code}");
        assert!(ids.iter().all(|id| world.receipts(id, Status::Failed) == 0), "{code}");
    }
}

#[test]
fn row06_a_close_without_a_frame_is_retried() {
    let mut world = World::ready(1);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "drop"}));
    world.send("dropped");
    world.wait_sent(60_000);
    assert_eq!(world.stored(), ["dropped"]);
    assert!(world.was(|state| matches!(state, State::Waiting { reason: Reason::Closed { code: 1006 }, .. })));
}

#[test]
fn row06_1008_three_times_within_a_minute_ends_it() {
    let mut world = World::new(2);
    world.fault(json!({"on": "connect", "count": 0, "do": "accept-then-close", "code": 1008}));
    world.start();
    world.send("kept");
    world.run(60_000);
    assert_eq!(world.state(), State::Ended { reason: End::Policy });
    assert_eq!(world.opens.len(), 3);
    assert_eq!(world.message_keys().len(), 1, "no close discards the outbox");
}

#[test]
fn row06_1008_twice_within_a_minute_is_retried() {
    let mut world = World::new(3);
    world.fault(json!({"on": "connect", "count": 2, "do": "accept-then-close", "code": 1008}));
    world.start();
    world.run_until_ready();
    assert_eq!(world.opens.len(), 3);
}

#[test]
fn row06_1008_three_times_over_more_than_a_minute_is_retried() {
    let mut world = World::ready(4);
    for _ in 0..3 {
        world.run(40_000);
        world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "close", "code": 1008}));
        world.send("x");
        world.wait("closed", 1_000, |world| world.state() != State::Ready);
        world.run_until_ready();
    }
    world.run(30_000);
    assert_eq!(world.state(), State::Ready);
}

#[test]
fn row06_1009_right_after_a_send_fails_that_message_and_no_other() {
    let mut world = World::ready(5);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "close", "code": 1009}));
    let big = world.send("too big");
    let next = world.send("small");
    world.wait("the next one sent", 60_000, |world| world.page.row(&next).is_some_and(|row| row.status == Status::Sent));
    assert_eq!((world.status(&big), world.code(&big)), (Status::Failed, Some(Code::MESSAGE_TOO_BIG.0)));
    assert_eq!(world.stored(), ["small"]);
    assert_eq!(world.sent_texts(), ["too big", "small"], "it is not sent again");
}

#[test]
fn row06_1009_with_nothing_in_flight_fails_nothing() {
    let mut world = World::ready(6);
    world.run(15_000);
    world.fault(json!({"on": "frame-in", "match": {"action": "echo"}, "do": "close", "code": 1009}));
    world.wait("closed", 60_000, |world| world.state() != State::Ready);
    let id = world.send("after");
    world.wait_sent(60_000);
    assert_eq!(world.receipts(&id, Status::Failed), 0);
}

#[test]
fn row06_a_close_with_4006_or_4007_ends_the_session_as_the_frame_does() {
    for code in [4006_u16, 4007] {
        let mut world = World::ready(code.into());
        world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "close", "code": code}));
        let ids = [world.send("in flight"), world.send("queued")];
        world.run(30_000);
        assert_eq!(world.state(), State::Ended { reason: End::SessionExpired }, "{code}");
        assert_eq!(ids.each_ref().map(|id| world.code(id)), [Some(Code::DELIVERY_UNKNOWN.0), Some(Code::SESSION_ENDED.0)], "{code}");
        assert_eq!(world.message_keys().len(), 2, "no close discards the outbox");
    }
}

#[test]
fn row06_a_close_with_4017_takes_a_new_token() {
    let mut world = World::ready(7);
    let token = world.stored_token().unwrap();
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "close", "code": 4017}));
    world.send("in flight");
    world.run(30_000);
    assert!(matches!(world.state(), State::Ended { .. }), "{:?}", world.state());
    world.command(|session, now, ticket| session.restart(now, false, ticket));
    world.run_until_ready();
    assert_ne!(world.stored_token().unwrap(), token);
}

#[test]
fn row06_the_user_overrides_any_wait() {
    let mut world = World::new(8);
    refuse(&mut world, 503);
    world.start();
    world.run(300_000);
    let opens = world.opens.len();
    world.heal();
    world.with(|session, now| session.reconnect(now));
    world.wait("ready", 1_000, is_ready);
    assert_eq!(world.opens.len(), opens + 1);
}

guest_only! {
    #[test]
    fn row06_the_user_overrides_an_end_by_policy() {
        let mut world = World::new(9);
        world.fault(json!({"on": "connect", "count": 3, "do": "accept-then-close", "code": 1008}));
        world.start();
        world.send("kept");
        world.wait("the end", 60_000, |world| world.state() == State::Ended { reason: End::Policy });
        world.command(|session, now, ticket| session.restart(now, true, ticket));
        world.run_until_ready();
        world.wait_sent(10_000);
        assert_eq!(world.stored(), ["kept"]);
    }
}
