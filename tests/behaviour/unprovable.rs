//! Proof that is impossible: faults.md row 34.

use crate::common::{Line, WIRE, World};
use guestwire::core::error::Code;
use guestwire::core::machine::Page;
use guestwire::core::state::{End, State};
use guestwire::guest::event::{Direction, Status};
use guestwire::guest::wire::Wire;
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

/// One message in flight without an answer, two behind it.
fn three(seed: u64) -> (World, [String; 3]) {
    let mut world = World::ready(seed);
    world.run(1_000);
    world.fault(text_in(json!({"do": "lose"})));
    let ids = ["in flight", "second", "third"].map(|text| world.send(text));
    world.run(500);
    assert_eq!(world.sent_texts(), ["in flight"]);
    (world, ids)
}

fn assert_given_up(world: &World, ids: &[String; 3]) {
    let codes = ids.each_ref().map(|id| (world.status(id), world.code(id)));
    let ended = (Status::Failed, Some(Code::SESSION_ENDED.0));
    assert_eq!(codes, [(Status::Failed, Some(Code::DELIVERY_UNKNOWN.0)), ended, ended]);
}

guest_only! {
    #[test]
    fn row34_expired_the_one_in_flight_is_unknown_and_the_rest_belong_to_an_ended_session() {
        let (mut world, ids) = three(1);
        world.control("/_sim/expire", json!({"what": "session"}));
        world.run(1_000);
        assert_eq!(world.state(), State::Ended { reason: End::SessionExpired });
        assert_given_up(&world, &ids);
    }
}

guest_only! {
    #[test]
    fn row34_cleared_the_one_in_flight_is_unknown_and_the_rest_belong_to_an_ended_session() {
        let (mut world, ids) = three(2);
        world.raw(json!({"type": "message", "class": "SessionClearedEvent", "code": 200, "body": {}}));
        world.run(1_000);
        assert_eq!(world.state(), State::Ended { reason: End::SessionCleared });
        assert_given_up(&world, &ids);
    }
}

guest_only! {
    #[test]
    fn row34_rotated_the_one_in_flight_is_unknown_and_the_rest_belong_to_an_ended_session() {
        let (mut world, ids) = three(3);
        world.raw(json!({"type": "message", "class": "ConnectionClosedEvent", "code": 200, "body": {"reason": "signedIn"}}));
        world.run(1_000);
        assert!(matches!(world.state(), State::Ended { .. }));
        assert_given_up(&world, &ids);
    }
}

#[test]
fn row34_expired_while_away_the_one_in_flight_is_unknown() {
    let (mut world, ids) = three(4);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(1_000);
    world.control("/_sim/expire", json!({"what": "session"}));
    world.heal();
    world.wait("ended", 30_000, |world| world.state() == State::Ended { reason: End::SessionExpired });
    assert_given_up(&world, &ids);
}

guest_only! {
    #[test]
    fn row34_expired_and_silently_new_the_one_in_flight_is_unknown() {
        let (mut world, ids) = three(5);
        world.set(json!({"expiredConfigure": "new"}));
        world.network.line = Line::Offline;
        world.break_line();
        world.run(1_000);
        world.control("/_sim/expire", json!({"what": "session"}));
        world.heal();
        world.run_until_ready();
        world.run(30_000);
        assert_eq!((world.status(&ids[0]), world.code(&ids[0])), (Status::Failed, Some(Code::DELIVERY_UNKNOWN.0)));
        assert!(!world.stored().contains(&"in flight".to_string()), "never sent again unasked");
    }
}

#[test]
fn row34_what_was_not_sent_is_offered_to_a_new_start() {
    let (mut world, ids) = three(6);
    world.control("/_sim/expire", json!({"what": "session"}));
    world.run(1_000);
    world.command(|session, now, ticket| session.restart(now, true, ticket));
    world.run_until_ready();
    world.run(10_000);
    assert_eq!(world.stored(), ["second", "third"]);
    assert_eq!(world.status(&ids[0]), Status::Failed, "the one in flight is never sent again unasked");
    assert_eq!([world.status(&ids[1]), world.status(&ids[2])], [Status::Sent; 2]);
}

guest_only! {
    #[test]
    fn row34_a_new_start_may_throw_away_what_was_not_sent() {
        let (mut world, ids) = three(7);
        world.control("/_sim/expire", json!({"what": "session"}));
        world.run(1_000);
        world.command(|session, now, ticket| session.restart(now, false, ticket));
        world.run_until_ready();
        world.run(10_000);
        assert_eq!(world.stored().len(), 0);
        assert!(ids[1..].iter().all(|id| world.page.row(id).is_none()));
    }
}

guest_only! {
    #[test]
    fn row34_text_never_crosses_to_another_token() {
        let (mut world, _) = three(8);
        let token = world.stored_token().unwrap();
        world.raw(json!({"type": "message", "class": "ConnectionClosedEvent", "code": 200, "body": {"reason": "signedIn"}}));
        world.run(1_000);
        world.reload();
        world.run_until_ready();
        world.run(120_000);
        let other = world.stored_token().unwrap();
        assert_ne!(other, token);
        assert!(world.sent_messages().iter().all(|frame| frame["token"] == token.as_str()), "only under the token it was written for");
    }
}

#[test]
fn row34_text_never_crosses_to_a_token_made_because_the_old_one_is_gone() {
    let mut world = World::ready(9);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(1_000);
    let id = world.send("meant for the first token");
    world.kill();
    world.storage.remove(&world.session_key());
    world.heal();
    world.load_page();
    world.start();
    world.run_until_ready();
    world.run(60_000);
    assert_eq!(world.sent_texts().len(), 0);
    assert_eq!((world.status(&id), world.code(&id)), (Status::Failed, Some(Code::SESSION_ENDED.0)));
}

/// History refuses for good from here on.
fn no_history(world: &mut World, status: u16) {
    world.fault(json!({"on": "http", "match": {"path": "/messages"}, "count": 0, "do": "status", "status": status}));
}

#[test]
fn row34_history_refused_for_good_it_is_unknown_after_three_reads_and_a_minute() {
    // The session protocol's 404 is a session that is over.
    for status in if WIRE == Wire::Guest { vec![403, 404, 500] } else { vec![403, 500] } {
        let mut world = World::settled(status.into());
        no_history(&mut world, status);
        lose_the_ack(&mut world);
        let id = world.send("unprovable");
        let sent_at = world.now;
        world.wait("given up", 240_000, |world| world.status(&id) == Status::Failed);
        assert_eq!(world.code(&id), Some(Code::DELIVERY_UNKNOWN.0), "{status}");
        let reads = world.history_reads().iter().filter(|(_, at)| *at > sent_at).count();
        assert!(reads >= 3 && world.now - sent_at >= 60_000, "{status}: {reads} reads in {} ms", world.now - sent_at);
    }
}

guest_only! {
    #[test]
    fn row34_while_the_line_answers_nothing_either_nothing_shows_that_the_history_cannot_be_asked() {
        let mut world = World::ready(19);
        // Behind other tabs; looked for once, the network dies without a word, and the line is not known to be dead yet.
        world.signal(Page::Hidden);
        world.throttled = true;
        world.fault(text_in(json!({"do": "reply", "frame": {"type": "response", "class": "string", "code": 429, "body": "Too many requests"}})));
        let id = world.send("on my way");
        world.run(3_200);
        world.network.line = Line::DeafClient;
        world.send("and behind it");
        world.run(220_000);
        world.heal();
        world.throttled = false;
        world.signal(Page::Visible);
        world.wait("both are sent", 60_000, |world| world.outbox_len() == 0);
        assert_eq!((world.status(&id), world.stored()), (Status::Sent, vec!["on my way".into(), "and behind it".into()]));
    }
}

guest_only! {
    #[test]
    fn row34_a_read_that_found_the_line_silent_is_none_that_the_history_refused() {
        let mut world = World::ready(20);
        world.fault(text_in(json!({"do": "lose"})));
        let id = world.send("on my way");
        world.run(7_000);
        assert_eq!(world.state(), State::Ready, "the line answers, and nothing says that the message arrived");
        // The network dies under a page that stands still; it looks for the message before it knows, and the line is given up.
        world.network.line = Line::MuteClient;
        world.freeze();
        world.run(10_000);
        world.thaw();
        world.wait("given up", 60_000, |world| !matches!(world.state(), State::Ready | State::Suspect));
        world.freeze();
        world.heal();
        world.run(60_000);
        world.fault(json!({"on": "http", "match": {"path": "/messages"}, "count": 2, "do": "status", "status": 503}));
        world.thaw();
        world.wait("it is sent", 60_000, |world| world.outbox_len() == 0);
        assert_eq!((world.status(&id), world.stored()), (Status::Sent, vec!["on my way".into()]));
    }
}

#[test]
fn row34_the_queue_never_blocks_for_ever() {
    let mut world = World::settled(10);
    no_history(&mut world, 500);
    lose_the_ack(&mut world);
    let first = world.send("unprovable");
    let second = world.send("behind it");
    world.wait("the queue goes on", 300_000, is_sent(&second));
    assert_eq!(world.status(&first), Status::Failed);
    assert_eq!(world.stored(), ["unprovable", "behind it"]);
}

#[test]
fn row34_accepted_before_there_was_a_conversation_it_is_looked_for_in_the_one_that_it_was_sent_in() {
    let mut world = World::new(21);
    lose_the_ack(&mut world);
    let id = world.send("before everything");
    world.start();
    world.wait("it was sent", 20_000, |world| world.sent_texts() == ["before everything"]);
    no_history(&mut world, 500);
    world.wait("given up", 240_000, |world| world.status(&id) == Status::Failed);
    world.heal();
    world.run(120_000);
    // The history shows it by now, or the visitor asks for it again, and then it is looked for.
    if world.status(&id) == Status::Failed {
        world.with(|session, now| session.retry(now, &id)).unwrap();
    }
    world.wait("it is found", 60_000, |world| world.status(&id) == Status::Sent);
    assert_eq!(world.stored(), ["before everything"]);
}

#[test]
fn row34_an_unknown_delivery_is_never_sent_again_unasked() {
    let mut world = World::settled(11);
    no_history(&mut world, 500);
    lose_the_message(&mut world);
    let id = world.send("unprovable");
    world.wait("given up", 240_000, |world| world.status(&id) == Status::Failed);
    world.heal();
    world.run(120_000);
    world.reload();
    world.run_until_ready();
    world.run(120_000);
    assert_eq!(world.sent_texts(), ["unprovable"]);
    world.with(|session, now| session.retry(now, &id)).unwrap();
    world.run(60_000);
    assert_eq!((world.status(&id), world.times_stored("unprovable")), (Status::Sent, 1), "asked, it goes");
}

#[test]
fn row34_asked_for_once_it_goes_once() {
    let mut world = World::settled(25);
    no_history(&mut world, 500);
    lose_the_ack(&mut world);
    let id = world.send("unprovable");
    world.wait("given up", 240_000, |world| world.status(&id) == Status::Failed);
    world.with(|session, now| session.retry(now, &id)).unwrap();
    for _ in 0..6 {
        lose_the_ack(&mut world);
    }
    world.run(1_200_000);
    assert_eq!(world.sent_texts().len(), 2);
    assert_eq!((world.status(&id), world.code(&id)), (Status::Failed, Some(Code::DELIVERY_UNKNOWN.0)));
}

guest_only! {
    #[test]
    fn row34_an_unknown_delivery_that_shows_in_history_after_all_is_sent() {
        let mut world = World::settled(12);
        no_history(&mut world, 500);
        lose_the_ack(&mut world);
        let id = world.send("it was there");
        world.wait("given up", 240_000, |world| world.status(&id) == Status::Failed);
        world.heal();
        world.break_line();
        world.run(60_000);
        assert_eq!(world.status(&id), Status::Sent);
        assert_eq!(world.page.texts(), ["it was there"]);
        assert_eq!(world.page.rows.iter().filter(|row| row.direction == Direction::Inbound && row.text.is_some()).count(), 1);
    }
}

guest_only! {
    #[test]
    fn row34_asked_for_again_in_the_next_conversation_its_like_there_is_not_taken_for_it() {
        for while_connecting in [false, true] {
            let mut world = World::ready(16);
            world.set(json!({"expiredConfigure": "new", "echoMetadata": false, "echoTracingId": "none"}));
            world.run(12_000);
            lose_the_ack(&mut world);
            let unknown = world.send("yes");
            world.wait("lost", 5_000, |world| world.was(|state| matches!(state, State::Waiting { .. })));
            // Another guest, or the same one in another conversation.
            if while_connecting {
                world.kill();
                world.storage.remove(&world.session_key());
                world.load_page();
                world.start();
            } else {
                world.control("/_sim/expire", json!({"what": "session"}));
            }
            world.run_until_ready();
            world.run(30_000);
            assert_eq!(world.code(&unknown), Some(Code::DELIVERY_UNKNOWN.0));
            let stored = world.stored();
            // The same word in the next conversation, from a page that knows nothing of the first.
            let key = world.storage.keys().find(|key| key.contains(&unknown)).unwrap().clone();
            let record = world.storage.remove(&key).unwrap();
            world.reload();
            world.run_until_ready();
            let second = world.send("yes");
            world.wait("sent", 30_000, is_sent(&second));
            assert_eq!(world.stored(), [&stored[..], &["yes".into()]].concat());
            world.storage.insert(key, record);
            world.reload();
            if !while_connecting {
                world.run_until_ready();
                world.run(30_000);
            }
            world.with(|session, now| session.retry(now, &unknown)).unwrap();
            world.wait("sent", 60_000, is_sent(&unknown));
            assert_eq!(world.stored(), [&stored[..], &["yes".into(), "yes".into()]].concat(), "they are two messages");
            assert_eq!(world.metric("unprovedResends"), 1, "it may have come to the old one: that is told");
        }
    }
}

guest_only! {
    #[test]
    fn row34_asked_for_again_by_a_page_that_forgot_what_it_showed_its_like_is_not_taken_for_it() {
        let mut world = World::ready(26);
        world.set(json!({"echoMetadata": false, "echoTracingId": "none"}));
        world.run(12_000);
        no_history(&mut world, 500);
        lose_the_message(&mut world);
        let unknown = world.send("yes");
        world.wait("given up", 240_000, |world| world.status(&unknown) == Status::Failed);
        assert_eq!(world.code(&unknown), Some(Code::DELIVERY_UNKNOWN.0));
        let second = world.send("yes");
        world.wait("sent", 30_000, is_sent(&second));
        assert_eq!(world.stored(), ["yes"]);
        world.heal();
        world.reload();
        world.run_until_ready();
        world.run(30_000);
        world.with(|session, now| session.retry(now, &unknown)).unwrap();
        world.wait("sent", 60_000, is_sent(&unknown));
        assert_eq!(world.stored(), ["yes", "yes"], "they are two messages");
    }
}

guest_only! {
    #[test]
    fn row34_a_session_that_was_replaced_unseen_is_no_proof_that_nothing_arrived() {
        let mut world = World::ready(17);
        world.set(json!({"expiredConfigure": "new"}));
        world.run(12_000);
        world.send("first");
        world.wait_sent(5_000);
        // Stored, and the line closed by both sides before the echo: no proof could be cleaner, in that session.
        world.fault(text_in(json!({"do": "close", "code": 1001, "after": true})));
        world.fault(json!({"on": "frame-out", "match": {"class": "StructuredMessage"}, "do": "lose"}));
        let id = world.send("in flight");
        world.wait("lost", 5_000, |world| world.was(|state| matches!(state, State::Waiting { .. })));
        world.network.line = Line::Offline;
        world.run(60_000);
        world.control("/_sim/expire", json!({"what": "session"}));
        world.fault(json!({"on": "frame-out", "match": {"class": "SessionResponse"}, "do": "lose"}));
        world.network.line = Line::Works;
        world.run(120_000);
        assert_eq!((world.state(), world.page.new_session), (State::Ready, false));
        assert_eq!((world.status(&id), world.code(&id)), (Status::Failed, Some(Code::DELIVERY_UNKNOWN.0)));
        assert_eq!(world.sent_texts(), ["first", "in flight"], "never sent again unasked");
        let remembered: Value = serde_json::from_str(&world.storage[&world.session_key()]).unwrap();
        assert_eq!(remembered["known"], true, "what is sent from here on is this guest's");
    }
}

guest_only! {
    #[test]
    fn row32_what_came_live_of_a_session_that_was_replaced_unseen_stays_though_the_history_lags() {
        let mut world = World::ready(18);
        world.set(json!({"expiredConfigure": "new"}));
        world.send("first");
        world.wait_sent(5_000);
        world.network.line = Line::Offline;
        world.run(60_000);
        world.control("/_sim/expire", json!({"what": "session"}));
        world.fault(json!({"on": "frame-out", "match": {"class": "SessionResponse"}, "do": "lose"}));
        world.fault(text_in(json!({"count": 0, "do": "history-lag", "ms": 5_000})));
        world.network.line = Line::Works;
        world.run_until_ready();
        // Shortly before the history is read the second time, which shows that the conversation is another.
        world.run(4_000);
        world.send("second");
        world.run(30_000);
        assert_eq!(world.page.texts(), ["second"]);
    }
}
