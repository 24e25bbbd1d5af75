//! What the session protocol does in its own way (systems.md, system G).

use crate::common::*;
use guestwire::core::error::Code;
use guestwire::core::machine::Page as PageSignal;
use guestwire::core::state::{End, Pause, State};
use guestwire::guest::event::Status;
use serde_json::{Value, json};

fn ready() -> World {
    World::ready(1)
}

/// The targets of the history reads, in order.
fn targets(world: &World) -> Vec<String> {
    world.fetched.iter().filter(|target| target.contains("/messages")).cloned().collect()
}

#[test]
fn g2_g3_a_token_a_session_and_a_socket_and_text_goes_both_ways() {
    let mut world = World::new(1);
    let started = world.start();
    world.run_until_ready();
    assert_eq!(world.outcome(started), Some(None));
    let id = world.send("Hello");
    world.wait_sent(5_000);
    world.agent("Hi");
    world.run(1_000);
    assert_eq!(world.page.texts(), ["Hello", "Hi"]);
    assert_eq!(world.status(&id), Status::Sent);
    assert_eq!(world.stored(), ["Hello"]);
    assert_eq!(world.sent_json().into_iter().filter(|frame| frame["type"] == "text").collect::<Vec<_>>(), [json!({"text": "Hello", "type": "text"})]);
}

#[test]
fn g2_the_session_is_kept_over_a_reload() {
    let mut world = ready();
    world.send("before");
    world.wait_sent(5_000);
    world.run(31_000);
    world.reload();
    world.run_until_ready();
    world.run(1_000);
    assert!(!world.page.new_session);
    assert_eq!(world.page.texts(), ["before"]);
    assert_eq!(world.get("/_sim/sessions").as_array().unwrap().len(), 1);
}

#[test]
fn g2_what_is_accepted_before_the_session_could_be_stored_goes_in_the_next_one() {
    let mut world = World::new(61);
    world.holds_proof = true;
    world.start();
    world.wait("a session is asked for", 5_000, |world| world.fetched.iter().any(|target| target.ends_with("/sessions")));
    // The page stands still while the answer comes, and does not know then whether it leads still: the session is not stored yet.
    world.frozen = true;
    world.run(6_000);
    world.thaw();
    assert!(!world.storage.contains_key(&world.session_key()));
    let id = world.send("in between");
    assert!(world.with(|session, _| session.is_durable(&id)));
    world.kill();
    world.holds_proof = false;
    world.load_page();
    world.start();
    world.run_until_ready();
    world.run(10_000);
    assert_eq!((world.status(&id), world.stored()), (Status::Sent, vec!["in between".into()]));
}

#[test]
fn row34_what_waits_for_an_ended_session_is_kept_for_the_new_one_that_is_asked_for() {
    let mut world = World::settled(62);
    world.fault(json!({"on": "connect", "count": 3, "do": "accept-then-close", "code": 1008}));
    world.break_line();
    let ids = ["first", "second"].map(|text| world.send(text));
    world.wait("the end", 60_000, |world| world.state() == State::Ended { reason: End::Policy });
    world.command(|session, now, ticket| session.restart(now, true, ticket));
    world.run_until_ready();
    world.run(10_000);
    assert_eq!((ids.map(|id| world.status(&id)), world.stored()), ([Status::Sent; 2], vec!["first".into(), "second".into()]));
}

#[test]
fn row34_where_pings_are_never_answered_the_proof_is_given_up_as_well() {
    let mut world = World::new(63);
    world.fault(json!({"on": "frame-out", "match": {"class": "pong"}, "count": 0, "do": "lose"}));
    world.start();
    world.run_until_ready();
    world.run(1_000);
    world.fault(json!({"on": "http", "match": {"path": "/messages"}, "count": 0, "do": "status", "status": 500}));
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage"}, "do": "lose"}));
    let first = world.send("unprovable");
    let second = world.send("behind it");
    world.wait("the queue goes on", 300_000, |world| world.status(&second) == Status::Sent);
    assert_eq!((world.status(&first), world.code(&first)), (Status::Failed, Some(Code::DELIVERY_UNKNOWN.0)));
}

#[test]
fn g4_a_silent_line_is_probed_after_25_s_and_dead_after_30() {
    let mut world = ready();
    world.run(1_000);
    let since = world.now;
    world.network.strand();
    world.wait("a probe", 40_000, |world| !world.requests("echo").is_empty());
    assert!((23_000..=26_000).contains(&(world.now - since)), "{}", world.now - since);
    world.wait("noticed", 10_000, |world| !world.shuts.is_empty());
    assert!(world.now - since <= 30_000, "{}", world.now - since);
}

#[test]
fn g4_where_pings_are_not_answered_the_history_serves_at_most_every_30_s() {
    let mut world = World::new(2);
    world.fault(json!({"on": "frame-in", "match": {"action": "ping"}, "count": 0, "do": "lose"}));
    world.start();
    world.run_until_ready();
    world.run(600_000);
    assert_eq!(world.opens.len(), 1, "the line is left alone");
    let reads = world.history_reads();
    assert!((15..=22).contains(&reads.len()), "{reads:?}");
    assert!(reads.windows(2).all(|pair| pair[1].1 - pair[0].1 >= 30_000), "{reads:?}");
    // Sent into a dead line: nothing tells but that no echo comes.
    world.network.strand();
    world.send("into the dark");
    world.wait_sent(40_000);
    assert_eq!(world.stored(), ["into the dark"]);
}

#[test]
fn g6_history_is_read_from_the_last_id_on() {
    let mut world = ready();
    world.agent("known");
    world.run(65_000);
    let known = world.held_messages().pop().unwrap().2;
    world.break_line();
    world.run(100);
    world.agent("missed");
    world.run_until_ready();
    world.run(1_000);
    assert_eq!(world.page.texts(), ["known", "missed"]);
    let reads = targets(&world);
    assert!(!reads[0].contains("after="), "nothing is known at first: {reads:?}");
    assert!(reads.last().unwrap().ends_with(&format!("/messages?after={known}")), "{reads:?}");
}

#[test]
fn g6_what_was_overtaken_and_lost_with_the_line_is_read_however_long_the_line_was_dead() {
    for sleeps in [false, true] {
        let mut world = ready();
        world.run(65_000);
        world.fault(json!({"on": "frame-out", "do": "delay", "ms": 4_000}));
        world.agent("overtaken");
        world.run(100);
        world.send("overtakes it");
        world.wait_sent(2_000);
        world.network.strand();
        if sleeps {
            // Also where the monotonic clock stands still, so that the service's time is not known any more.
            world.sleep();
            world.run(60_000);
            world.wake(60_000);
        }
        world.run(120_000);
        assert_eq!((world.state(), world.opens.len()), (State::Ready, 2));
        assert_eq!(world.page.texts(), ["overtaken", "overtakes it"], "asleep: {sleeps}");
    }
}

#[test]
fn g6_history_over_three_pages_with_a_429_in_the_middle_is_read_to_its_end() {
    let mut world = ready();
    world.set(json!({"sessionPageSize": 10, "exposeHeaders": true}));
    world.run(65_000);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(1_000);
    let texts: Vec<String> = (0..25).map(|n| format!("missed {n}")).collect();
    for text in &texts {
        world.agent(text);
        world.run(1);
    }
    world.fault(json!({"on": "http", "match": {"path": "/messages"}, "nth": 2, "do": "status", "status": 429, "retryAfter": 7}));
    world.heal_line();
    world.run_until_ready();
    let began = world.now;
    world.run(30_000);
    assert_eq!(world.page.texts(), texts);
    let reads: Vec<(u16, u64)> = world.history_reads().into_iter().filter(|(_, at)| *at > began).collect();
    let statuses: Vec<u16> = reads.iter().take(4).map(|(status, _)| *status).collect();
    assert_eq!(statuses, [200, 429, 200, 200], "page by page, the second one twice: {reads:?}");
    assert!(reads[2].1 - reads[1].1 >= 7_000, "{reads:?}");
    assert_eq!(world.events(|event| matches!(event, guestwire::guest::event::Event::Gap { .. })), 0);
}

#[test]
fn g6_in_rapid_reconnect_cycles_history_is_read_every_30_s_at_most() {
    let mut world = ready();
    world.run(2_000);
    for _ in 0..40 {
        world.break_line();
        world.run(5_000);
    }
    let reads = world.history_reads();
    assert!(world.opens.len() > 10, "{} connections", world.opens.len());
    assert!((4..=8).contains(&reads.len()), "{reads:?}");
    assert!(reads.windows(2).all(|pair| pair[1].1 - pair[0].1 >= 30_000), "{reads:?}");
}

#[test]
fn g6_unless_the_outbox_needs_it() {
    let mut world = ready();
    world.agent("known");
    world.run(2_000);
    world.fault(json!({"on": "frame-in", "match": {"action": "message"}, "do": "drop", "after": true}));
    let id = world.send("stored, and the echo lost");
    world.wait("found", 15_000, |world| world.page.row(&id).is_some_and(|row| row.status == Status::Sent));
    assert_eq!(world.stored(), ["stored, and the echo lost"]);
    assert_eq!(world.sent_texts().len(), 1);
    assert_eq!(world.metric("foundAtFirstLook"), 1);
}

#[test]
fn g6_an_after_that_the_service_does_not_know_costs_a_full_read_and_nothing_else() {
    let mut world = ready();
    world.agent("one");
    world.run(65_000);
    world.fault(json!({"on": "http", "match": {"path": "/messages"}, "do": "status", "status": 400}));
    world.break_line();
    world.run(10);
    world.agent("two");
    world.run_until_ready();
    world.run(5_000);
    assert_eq!(world.page.texts(), ["one", "two"]);
    assert!(!targets(&world).last().unwrap().contains("after="));
}

#[test]
fn g10_a_stop_waits_for_the_outbox_and_no_longer_than_asked() {
    let mut world = ready();
    world.run(1_000);
    world.send("on its way");
    let stopped = world.command(|session, now, ticket| session.stop(now, 5_000, ticket));
    world.wait("stopped", 5_000, |world| world.outcome(stopped).is_some());
    assert_eq!(world.state(), State::Stopped);
    assert_eq!(world.stored(), ["on its way"]);
    // The socket's own end.
    world.run(16_000);
    let waits = world.session.as_deref().and_then(guestwire::core::machine::Machine::poll_timeout);
    assert_eq!(waits, None, "nothing is left running");
    world.run(600_000);
    assert_eq!((world.opens.len(), world.network.open_lines()), (1, 0));
}

#[test]
fn g11_a_refused_token_is_replaced_once_and_then_it_connects() {
    let mut world = ready();
    world.send("before");
    world.wait_sent(5_000);
    world.control("/_sim/expire", json!({"what": "token", "deploymentId": DEPLOYMENT}));
    world.run(100);
    world.send("after");
    world.wait_sent(20_000);
    assert_eq!(world.stored(), ["before", "after"]);
    assert_eq!(world.token_requests(), 2);
}

#[test]
fn a_401_for_the_history_replaces_the_token_and_the_line_that_stands_on_it() {
    let mut world = ready();
    world.run(65_000);
    world.fault(json!({"on": "http", "match": {"path": "/messages"}, "do": "status", "status": 401}));
    world.break_line();
    world.run(20);
    world.agent("missed");
    world.run_until_ready();
    world.run(10_000);
    assert_eq!(world.page.texts(), ["missed"]);
    assert_eq!(world.token_requests(), 2);
    assert_eq!((world.opens.len(), world.network.open_lines()), (3, 1));
}

#[test]
fn an_expired_session_ends_and_what_was_unsent_is_offered_for_the_next() {
    let mut world = ready();
    world.send("said");
    world.wait_sent(5_000);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(1_000);
    let id = world.send("unsent");
    world.control("/_sim/expire", json!({"what": "session"}));
    world.heal();
    world.wait("the end", 60_000, |world| world.state() == State::Ended { reason: End::SessionExpired });
    assert_eq!(world.code(&id), Some(Code::SESSION_ENDED.0));
    let restarted = world.command(|session, now, ticket| session.restart(now, true, ticket));
    world.run_until_ready();
    world.wait("sent", 10_000, |world| world.page.row(&id).is_some_and(|row| row.status == Status::Sent));
    assert_eq!(world.outcome(restarted), Some(None));
    assert_eq!(world.page.texts(), ["unsent"], "of the new conversation alone");
    let mut sessions = world.get("/_sim/sessions").as_array().unwrap().clone();
    sessions.sort_by_key(|session| !session["ended"].as_bool().unwrap());
    let texts = |session: &Value| session["messages"].as_array().unwrap().iter().map(|message| message["text"].clone()).collect::<Vec<_>>();
    assert_eq!(sessions.iter().map(texts).collect::<Vec<_>>(), [vec![json!("said")], vec![json!("unsent")]]);
}

#[test]
fn what_the_protocol_does_not_know_is_refused_by_name() {
    let mut world = ready();
    let mut refused = |draft: Value| {
        let refusal = world.with(|session, now| session.send(now, &draft.to_string())).unwrap_err();
        (refusal.code, refusal.field)
    };
    assert_eq!(refused(json!({"text": "a", "attributes": {"a": "b"}})), (Code::UNSUPPORTED, Some("attributes")));
    assert_eq!(refused(json!({"text": "a", "content": []})), (Code::UNSUPPORTED, Some("content")));
    assert_eq!(world.with(|session, now| session.typing(now)).unwrap_err().code, Code::UNSUPPORTED);
    assert_eq!(world.with(|session, now| session.set_attributes(now, "{}")).unwrap_err().code, Code::UNSUPPORTED);
    let cleared = world.command(|session, now, ticket| session.clear(now, ticket));
    assert_eq!(world.outcome(cleared), Some(Some(Code::UNSUPPORTED.0)));
    assert_eq!(world.outbox_len(), 0, "and nothing was accepted");
}

#[test]
fn a_refused_upgrade_is_looked_into_by_way_of_the_history() {
    let mut world = World::new(5);
    world.fault(json!({"on": "connect", "count": 0, "do": "refuse", "status": 403}));
    world.start();
    world.wait("paused", 10_000, |world| matches!(world.state(), State::Paused { reason: Pause::Refused, .. }));
    assert!(world.page.warned(Code::NOT_ALLOWED), "the hint at the allowed domains");
    world.run(300_000);
    // The refused upgrades are in the log beside them, under the same address.
    let reads: Vec<_> = world.history_reads().into_iter().filter(|(status, _)| *status == 200).collect();
    assert!(reads.len() >= 3 && reads.windows(2).all(|pair| pair[1].1 - pair[0].1 >= 60_000), "at most once a minute: {reads:?}");
    world.heal();
    world.wait("ready", 300_000, |world| world.state() == State::Ready);
}

#[test]
fn a_page_in_place_of_a_session_means_offline() {
    let mut world = World::new(6);
    world.fault(json!({"on": "http", "match": {"path": "/config.json"}, "do": "status", "status": 200, "body": "<html>Please log in</html>"}));
    world.start();
    world.wait("offline", 5_000, |world| world.state() == State::Offline);
    assert!(world.page.warned(Code::CONFIG_MALFORMED));
    world.run_until_ready();
}

#[test]
fn a_deployment_that_is_not_there_ends_it() {
    let mut world = World::new(7);
    world.fault(json!({"on": "http", "match": {"path": "/config.json"}, "count": 0, "do": "status", "status": 404}));
    let started = world.start();
    world.wait("the end", 5_000, |world| world.state() == State::Ended { reason: End::Inactive });
    assert_eq!(world.outcome(started), Some(Some(Code::DEPLOYMENT_NOT_FOUND.0)));
}

#[test]
fn a_page_that_comes_back_reads_at_once_what_it_missed() {
    let mut world = ready();
    world.run(2_000);
    world.signal(PageSignal::Left);
    world.run(3_000);
    world.agent("missed");
    world.signal(PageSignal::Shown);
    world.wait("resynced", 1_000, |world| world.page.texts() == ["missed"]);
}

#[test]
fn row31_an_answer_to_an_earlier_ping_vouches_for_nothing_that_was_sent_since() {
    let mut world = World::new(31);
    world.fault(json!({"on": "frame-out", "match": {"class": "pong"}, "do": "delay", "ms": 5_800}));
    world.start();
    world.run_until_ready();
    // The line holds the message, and all behind it; meanwhile the first ping of all is answered.
    world.fault(json!({"on": "frame-in", "match": {"action": "message"}, "do": "stall", "direction": "up", "ms": 14_000}));
    world.send("held up");
    world.run(60_000);
    let (stored, unproved) = (world.times_stored("held up") as u64, world.metric("unprovedResends"));
    assert!(stored <= 1 + unproved, "{stored} copies, {unproved} unproved");
}
