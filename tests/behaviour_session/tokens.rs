//! Access tokens (faults.md row 9; row 7 for their renewal): where they come from, what is wrong with them, and how one
//! takes the place of another without anybody noticing.

use crate::common::*;
use guestwire::core::error::Code;
use guestwire::core::machine::Page as PageSignal;
use guestwire::core::state::{Reason, State};
use guestwire::guest::event::Status;
use serde_json::json;

const MINUTE: u64 = 60_000;

/// A visitor whose page is asked for tokens.
fn asked(seed: u64, giver: Giver) -> World {
    let mut world = World::with_options(seed, CALLBACK);
    world.giver = giver;
    world
}

#[test]
fn row09_a_page_that_gives_no_good_token_is_asked_three_times_and_then_the_visitor_has_to_sign_in() {
    let gives = |text: &str| Giver::Gives(text.into());
    let expired = r#"{"access_token":"t","expires_in":0}"#;
    for giver in [Giver::Rejects, gives("null"), gives("{}"), gives(r#"{"access_token":"","expires_in":60}"#), gives(expired)] {
        let mut world = asked(1, giver.clone());
        let started = world.start();
        world.wait("sign in", MINUTE, |world| world.state() == State::AuthRequired);
        assert_eq!(world.token_asks.len(), 3, "{giver:?}");
        assert!(world.token_asks.windows(2).all(|pair| pair[1] - pair[0] >= 1_000), "{:?}", world.token_asks);
        assert_eq!(world.outcome(started), Some(Some(Code::AUTH_REQUIRED.0)));
        world.run(10 * MINUTE);
        assert_eq!((world.token_asks.len(), world.opens.len()), (3, 0), "and not again unasked");
    }
}

#[test]
fn row09_a_page_that_hangs_is_given_up_after_ten_seconds() {
    let mut world = asked(2, Giver::Hangs);
    world.start();
    world.run(9_999);
    assert_eq!((world.state(), world.token_asks.len()), (State::Connecting { attempt: 1 }, 1));
    world.wait("given up", 10, |world| matches!(world.state(), State::Waiting { reason: Reason::Timeout, .. }));
    world.wait("sign in", MINUTE, |world| world.state() == State::AuthRequired);
    assert_eq!(world.token_asks.len(), 3);
}

#[test]
fn row09_signed_in_it_goes_on_when_the_page_or_the_visitor_comes_back() {
    for signal in [None, Some(PageSignal::Online), Some(PageSignal::Visible)] {
        let mut world = asked(3, Giver::Rejects);
        world.start();
        let id = world.send("kept meanwhile");
        world.wait("sign in", MINUTE, |world| world.state() == State::AuthRequired);
        assert_eq!(world.status(&id), Status::Queued);
        world.giver = Giver::Backend;
        world.run(5_000);
        match signal {
            Some(signal) => world.signal(signal),
            None => world.with(|session, now| session.reconnect(now)),
        }
        world.wait_sent(5_000);
        assert_eq!(world.stored(), ["kept meanwhile"]);
    }
}

#[test]
fn row09_a_token_that_the_service_refuses_for_ever_is_replaced_three_times_at_most() {
    let mut world = asked(4, Giver::Backend);
    world.fault(json!({"on": "http", "match": {"path": "/config.json"}, "count": 0, "do": "status", "status": 401}));
    world.start();
    world.wait("sign in", MINUTE, |world| world.state() == State::AuthRequired);
    assert_eq!(world.token_asks.len(), 3);
    world.run(10 * MINUTE);
    assert_eq!(world.token_asks.len(), 3);
}

#[test]
fn row09_an_upgrade_that_is_refused_for_ever_ends_in_signing_in_too() {
    let mut world = asked(5, Giver::Gives(r#"{"access_token":"nobody's","expires_in":3600}"#.into()));
    world.start();
    world.wait("sign in", MINUTE, |world| world.state() == State::AuthRequired);
    assert_eq!(world.token_asks.len(), 3, "one token after each refusal");
}

#[test]
fn row09_ten_callers_share_one_request() {
    let mut world = asked(6, Giver::Hangs);
    world.start();
    for _ in 0..10 {
        world.start();
        world.with(|session, now| session.reconnect(now));
        world.signal(PageSignal::Online);
        world.run(500);
    }
    assert_eq!(world.token_asks.len(), 1);
}

#[test]
fn row09_a_visitors_clock_that_is_wrong_by_ten_minutes_changes_nothing() {
    for skew in [-600_000, 600_000] {
        let mut world = asked(7, Giver::Backend);
        world.skew = skew;
        world.start();
        world.run_until_ready();
        world.break_line();
        world.run_until_ready();
        assert_eq!(world.token_asks.len(), 1, "{skew}");
    }
}

#[test]
fn row09_a_clock_that_is_set_forward_costs_one_token_and_no_more() {
    let mut world = asked(8, Giver::Backend);
    world.set(json!({"accessTokenSeconds": 300}));
    world.start();
    world.run_until_ready();
    world.run(1_000);
    world.skew = 600_000;
    world.break_line();
    world.run_until_ready();
    world.run(30_000);
    assert_eq!(world.token_asks.len(), 2);
}

#[test]
fn row12_after_a_sleep_the_token_is_replaced_before_it_is_used() {
    let mut world = asked(9, Giver::Backend);
    world.set(json!({"accessTokenSeconds": 3600}));
    world.start();
    world.run_until_ready();
    world.run(1_000);
    world.frozen = true;
    world.network.strand();
    world.run(8 * 3_600_000);
    world.slept = 8 * 3_600_000;
    world.thaw();
    world.signal(PageSignal::Visible);
    world.wait("back", 5_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
    world.send("good morning");
    world.wait_sent(1_000);
    assert_eq!(world.token_asks.len(), 2);
    let refusals = world.log("http").into_iter().filter(|record| record["status"] == 401).count();
    assert_eq!(refusals, 0, "the old one was not even tried");
}

#[test]
fn a_backend_that_is_down_for_a_minute_is_waited_for() {
    let mut world = World::new(10);
    world.fault(json!({"on": "http", "match": {"path": "/demo-backend/token"}, "count": 0, "do": "status", "status": 503}));
    world.start();
    let id = world.send("typed meanwhile");
    world.run(MINUTE);
    assert!(matches!(world.state(), State::Waiting { reason: Reason::Service { code: 503 }, .. }), "{:?}", world.state());
    assert_eq!(world.status(&id), Status::Queued);
    world.heal();
    world.wait_sent(35_000);
    assert!(!world.was(|state| *state == State::AuthRequired));
}

#[test]
fn a_backend_that_says_when_is_asked_then() {
    let mut world = World::new(11);
    world.set(json!({"exposeHeaders": true}));
    world.fault(json!({"on": "http", "match": {"path": "/demo-backend/token"}, "do": "status", "status": 429, "retryAfter": 20}));
    world.start();
    world.run(19_000);
    assert_eq!((world.token_requests(), world.opens.len()), (1, 0));
    world.wait("ready", 10_000, |world| world.state() == State::Ready);
}

#[test]
fn a_network_that_is_away_is_no_fault_of_the_token() {
    let mut world = World::new(12);
    world.network.line = Line::Offline;
    world.start();
    world.run(10 * MINUTE);
    assert!(!world.was(|state| *state == State::AuthRequired));
    assert_eq!(world.state(), State::Offline);
    world.heal();
    world.wait("ready", 35_000, |world| world.state() == State::Ready);
}

#[test]
fn the_grant_itself_gives_a_token_and_a_wrong_secret_none() {
    let grant = |secret: &str| format!(r#","token":{{"clientId":"kiosk","clientSecret":"{secret}"}}"#);
    let mut world = World::with_options(13, &grant("s&=%"));
    world.start();
    world.run_until_ready();
    world.send("from a kiosk");
    world.wait_sent(5_000);
    let mut wrong = World::with_options(14, &grant("wrong"));
    wrong.start();
    wrong.wait("sign in", MINUTE, |world| world.state() == State::AuthRequired);
}

/// A visitor whose tokens live for two minutes: they are replaced after one.
fn short_lived(seed: u64) -> World {
    let mut world = World::new(seed);
    world.set(json!({"accessTokenSeconds": 120}));
    world.start();
    world.run_until_ready();
    world
}

#[test]
fn row07_a_token_is_renewed_and_the_new_socket_is_ready_before_the_old_one_goes() {
    let mut world = short_lived(15);
    world.run(10 * MINUTE);
    assert!(!world.was(|state| !matches!(state, State::Connecting { attempt: 1 } | State::Ready)), "nobody notices: {:?}", world.page.states);
    assert_eq!(world.opens.len(), 11, "one a minute");
    assert_eq!(world.network.most_sockets, 2);
    assert_eq!(world.network.open_lines(), 1);
    let opened: Vec<u64> = world.opens[1..].to_vec();
    assert!(world.shuts.iter().zip(&opened).all(|((shut, _), opened)| shut > opened && shut - opened < 1_000), "{:?} {opened:?}", world.shuts);
    let closes = world.log("close");
    assert!(closes.iter().all(|record| record["code"] != 1008), "no socket outlived its token");
}

#[test]
fn row07_what_is_in_flight_settles_on_the_old_socket_and_sending_goes_on_over_the_new() {
    let mut world = short_lived(16);
    let old = world.last_socket();
    world.run(59_000);
    // The echo takes longer than the change of sockets.
    world.fault(json!({"on": "frame-out", "match": {"action": "onMessage"}, "count": 0, "do": "delay", "ms": 2_500}));
    world.wait("about to renew", 5_000, |world| world.opens.len() == 2);
    let ids = [world.send("in flight"), world.send("behind it")];
    world.wait_sent(15_000);
    world.run(5_000);
    assert_eq!(world.stored(), ["in flight", "behind it"]);
    let texts: Vec<_> = world.sent.iter().filter(|(_, text)| text.contains("\"text\"")).map(|(socket, _)| *socket).collect();
    assert_eq!(texts, [old, world.last_socket()]);
    assert!(ids.iter().all(|id| world.status(id) == Status::Sent));
    assert_eq!((world.metric("resends"), world.metric("foundAtFirstLook")), (0, 0));
    assert!(world.shuts.iter().any(|(_, socket)| *socket == old));
}

#[test]
fn row07_the_old_socket_is_let_go_of_after_15_s_and_what_it_took_along_is_proved() {
    let mut world = short_lived(17);
    world.wait("renewing", 2 * MINUTE, |world| world.opens.len() == 2);
    let began = world.now;
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage"}, "do": "lose"}));
    let id = world.send("lost on the old one");
    world.wait("sent", 40_000, |world| world.page.row(&id).is_some_and(|row| row.status == Status::Sent));
    assert_eq!(world.stored(), ["lost on the old one"]);
    let shut = world.shuts.first().map(|(at, _)| *at).or(world.forgotten.first().map(|(at, _)| *at)).unwrap();
    assert!(shut - began <= 15_000, "{}", shut - began);
    assert_eq!(world.network.most_sockets, 2);
}

#[test]
fn row07_what_the_old_socket_still_held_when_it_was_let_go_of_is_read() {
    let mut world = short_lived(21);
    world.wait("renewing", 2 * MINUTE, |world| world.opens.len() == 2);
    world.fault(json!({"on": "frame-out", "do": "delay", "ms": 5_000}));
    // The service has one line still, and the message comes over it when nobody listens there any more.
    world.agent("said in between");
    world.run(5_000);
    assert_eq!((world.shuts.len(), world.page.texts()), (1, vec!["said in between".into()]));
}

#[test]
fn row07_a_second_socket_that_is_refused_leaves_the_first_alone_and_is_tried_again() {
    let mut world = short_lived(18);
    world.fault(json!({"on": "connect", "count": 2, "do": "refuse", "status": 503}));
    world.run(110_000);
    assert!(!world.was(|state| matches!(state, State::Waiting { .. } | State::Paused { .. } | State::Offline)), "{:?}", world.page.states);
    assert_eq!(world.opens.len(), 4);
}

#[test]
fn row07_a_second_socket_that_never_opens_is_given_up_after_ten_seconds() {
    let mut world = short_lived(19);
    world.fault(json!({"on": "connect", "do": "blackhole"}));
    world.wait("renewing", 2 * MINUTE, |world| world.opens.len() == 2);
    world.run(10_100);
    assert_eq!((world.state(), world.network.open_lines()), (State::Ready, 1));
    world.run(10 * MINUTE);
    assert!(!world.was(|state| matches!(state, State::Waiting { .. } | State::Paused { .. } | State::Offline)), "{:?}", world.page.states);
}

#[test]
fn row07_where_the_line_breaks_while_the_second_socket_opens_that_one_takes_over() {
    let mut world = short_lived(20);
    world.wait("renewing", 2 * MINUTE, |world| world.opens.len() == 2);
    let old = guestwire::core::machine::SocketId(1);
    world.inject(Arrival::Closed(old, 1006, false));
    world.wait("ready", 1_000, |world| world.state() == State::Ready);
    assert_eq!(world.opens.len(), 2);
    world.send("over the second");
    world.wait_sent(5_000);
}

#[test]
fn a_backend_that_is_away_at_renewal_is_asked_again_while_the_old_token_lasts() {
    let mut world = short_lived(21);
    world.fault(json!({"on": "http", "match": {"path": "/demo-backend/token"}, "count": 2, "do": "status", "status": 503}));
    world.run(115_000);
    assert!(!world.was(|state| matches!(state, State::Waiting { .. } | State::Offline)), "{:?}", world.page.states);
    assert_eq!(world.token_requests(), 4, "one, two that failed, and the one that did not");
}

#[test]
fn forgotten_the_next_visitor_gets_a_token_and_a_session_of_their_own() {
    let mut world = World::new(22);
    world.start();
    world.run_until_ready();
    world.send("mine");
    world.wait_sent(5_000);
    let first = world.session_id.clone();
    let forgotten = world.command(|session, now, ticket| session.forget(now, false, ticket));
    assert_eq!(world.outcome(forgotten), Some(None));
    assert_eq!(world.storage.keys().collect::<Vec<_>>(), ["gw1:world:e"], "but for the mark by which other tabs notice");
    world.start();
    world.run_until_ready();
    assert_ne!(world.session_id, first);
    assert_eq!(world.token_requests(), 2);
    assert_eq!(world.page.texts().len(), 0);
}

#[test]
fn row07_a_dead_socket_that_is_replaced_hides_nothing_of_what_was_sent_over_it() {
    let mut world = short_lived(23);
    world.run(52_000);
    world.network.strand();
    world.agent("into the dead socket");
    world.wait("renewed", 20_000, |world| world.opens.len() == 2);
    world.agent("over the new one");
    world.run(90_000);
    assert_eq!(world.page.texts(), ["into the dead socket", "over the new one"]);
    assert!(!world.was(|state| matches!(state, State::Waiting { .. })), "the line was replaced before anybody noticed: {:?}", world.page.states);
}

/// Row 31 over a change of sockets: the uplink of the old one stalls, and lets go after we resent over the new one. That double
/// cannot be known, so it is counted.
#[test]
fn row31_what_stalled_on_the_replaced_socket_is_no_proof_and_a_double_is_counted() {
    let mut world = asked(22, Giver::Backend);
    world.set(json!({"accessTokenSeconds": 120}));
    world.start();
    world.run_until_ready();
    world.wait("about to renew", 2 * MINUTE, |world| world.token_asks.len() == 2);
    let until = world.now + 25_000;
    world.network.stall_up(until);
    world.send("stalled");
    world.run(50_000);
    let stored = world.times_stored("stalled") as u64;
    assert!(stored <= 1 + world.metric("unprovedResends"), "{stored} copies, {} unproved", world.metric("unprovedResends"));
}

/// Row 9: 401 for ever, for the history alone.
#[test]
fn row09_a_history_that_is_refused_for_ever_ends_in_signing_in_too() {
    let mut world = World::new(23);
    world.fault(json!({"on": "http", "match": {"path": "/messages"}, "count": 0, "do": "status", "status": 401}));
    world.start();
    world.run(10 * MINUTE);
    assert_eq!((world.state(), world.token_requests()), (State::AuthRequired, 3));
}

/// What is written is read back, however short the service's ids are.
#[test]
fn a_session_with_a_short_id_is_kept_over_a_reload() {
    use guestwire::guest::stored::Remembered;
    let written = Remembered::new("s-1".into());
    assert_eq!(Remembered::read(&written.write()), Some((written, false)));
}
