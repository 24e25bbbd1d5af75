//! What only a planted bug of this wire would break: see `tests/mutants`. Each of these goes red where the bug that it names is
//! planted.

use crate::common::*;
use guestwire::core::error::Code;
use guestwire::core::machine::Page as PageSignal;
use guestwire::core::state::{End, State};
use guestwire::guest::event::Status;
use serde_json::json;

const MINUTE: u64 = 60_000;

/// A visitor whose page is asked for tokens, which live for so many seconds.
fn asked(seed: u64, seconds: u64) -> World {
    let mut world = World::with_options(seed, CALLBACK);
    world.set(json!({"accessTokenSeconds": seconds}));
    world
}

/// How often the service refused a token.
fn refusals(world: &mut World) -> usize {
    world.log("http").into_iter().filter(|record| record["status"] == 401).count()
}

/// What the guest says in another tab, as the service tells it to this one.
fn of_another_tab(world: &World, id: &str, text: &str) -> serde_json::Value {
    json!({"id": id, "senderId": world.stored_token(), "text": text, "timestamp": iso(world.now), "type": "text"})
}

/// G1: a token is refreshed when less than 60 s are left, whatever it took to get it. `token-life-counted-from-the-answer`.
#[test]
fn row09_a_token_s_life_counts_from_the_request() {
    let mut world = asked(1, 120);
    world.network.latency = 4_000;
    world.start();
    world.run(8_001);
    world.network.latency = 20;
    world.wait("renewed", 2 * MINUTE, |world| world.token_asks.len() == 2);
    let apart = world.token_asks[1] - world.token_asks[0];
    assert!((50_000..=60_000).contains(&apart), "{apart}");
}

/// Row 9: the clock of the visitor cannot make an old token good again. `token-life-by-the-visitors-clock-alone`.
#[test]
fn row09_a_clock_that_is_set_back_does_not_make_an_old_token_good() {
    let mut world = World::new(2);
    world.set(json!({"accessTokenSeconds": 300}));
    world.start();
    world.run_until_ready();
    world.run(1_000);
    world.network.line = Line::Offline;
    world.break_line();
    world.skew = -3_600_000;
    world.run(5 * MINUTE);
    world.heal();
    world.run_until_ready();
    assert_eq!(refusals(&mut world), 0, "the old one was not even tried");
}

/// Row 9: ten callers share one request. `two-token-requests-at-once`.
#[test]
fn row09_whatever_happens_meanwhile_one_token_is_asked_for_at_a_time() {
    let mut world = asked(9, 3_600);
    world.start();
    world.run_until_ready();
    world.run(70_000);
    world.giver = Giver::Hangs;
    world.fault(json!({"on": "http", "match": {"path": "/messages"}, "do": "status", "status": 401}));
    world.break_line();
    world.wait("a token is asked for", 30_000, |world| world.token_asks.len() == 2);
    for n in 0..10 {
        world.agent(&format!("meanwhile {n}"));
        world.run(200);
    }
    assert_eq!((world.state(), world.page.rows.len(), world.token_asks.len()), (State::Ready, 10, 2));
}

/// A line that is closed by policy has a token that is not good any more: that one is not tried again.
/// `token-kept-after-a-policy-close`.
#[test]
fn g11_after_a_close_by_policy_the_token_is_replaced_before_it_is_refused() {
    let mut world = World::ready(10);
    world.run(1_000);
    world.control("/_sim/expire", json!({"what": "token", "deploymentId": DEPLOYMENT}));
    world.run(100);
    world.run_until_ready();
    assert_eq!((world.token_requests(), refusals(&mut world)), (2, 0));
}

/// `session-id-kept-when-it-expired`.
#[test]
fn a_session_that_expired_is_not_taken_up_by_the_next_page() {
    let mut world = World::ready(3);
    world.send("said");
    world.wait_sent(5_000);
    world.control("/_sim/expire", json!({"what": "session"}));
    world.wait("the end", MINUTE, |world| world.state() == State::Ended { reason: End::SessionExpired });
    world.reload();
    world.run_until_ready();
    world.send("anew");
    world.wait_sent(5_000);
    assert_eq!(world.page.texts(), ["anew"]);
    assert_eq!(world.get("/_sim/sessions").as_array().map(Vec::len), Some(2));
}

/// `text-crosses-to-a-new-token`.
#[test]
fn what_waited_for_a_session_that_this_browser_forgot_is_not_sent_unasked() {
    let mut world = World::ready(4);
    world.run(1_000);
    world.network.line = Line::Offline;
    world.break_line();
    let id = world.send("for that session alone");
    world.kill();
    let key = world.session_key();
    assert!(world.storage.remove(&key).is_some(), "there was a session");
    world.load_page();
    world.heal();
    world.start();
    world.run_until_ready();
    world.run(MINUTE);
    assert_eq!(world.status(&id), Status::Failed);
    assert!(world.stored().is_empty());
}

/// Row 32: where all of the history has to be read, the same words from before the page was loaded prove nothing of what is
/// said now. `joined-by-text-before-the-anchor`.
#[test]
fn row32_the_same_words_of_an_earlier_life_of_the_page_prove_nothing() {
    let mut world = World::ready(5);
    world.send("same");
    world.wait_sent(5_000);
    world.agent("and what else?");
    world.run(20_000);
    world.reload();
    world.run_until_ready();
    world.run(70_000);
    // The service does not know where the reading is to begin.
    world.fault(json!({"on": "http", "match": {"path": "/messages"}, "do": "status", "status": 400}));
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage"}, "do": "drop"}));
    let id = world.send("same");
    world.run(MINUTE);
    assert_eq!((world.times_stored("same"), world.status(&id)), (2, Status::Sent));
    assert_eq!(world.page.texts(), ["same", "and what else?", "same"]);
}

/// Row 26: the same words out of another tab are another message, and ours still waits. `joined-by-text-in-the-list`.
#[test]
fn row26_the_same_words_of_another_tab_do_not_settle_what_waits_here() {
    let mut world = World::ready(6);
    world.run(1_000);
    world.fault(json!({"on": "frame-out", "match": {"action": "onMessage"}, "do": "delay", "ms": 2_000}));
    let first = world.send("first");
    let id = world.send("same");
    world.run(500);
    assert_eq!((world.status(&first), world.status(&id)), (Status::Sending, Status::Queued));
    let other = of_another_tab(&world, "another-tabs", "same");
    world.raw(other);
    world.run(500);
    assert_eq!(world.status(&id), Status::Queued);
    assert_eq!(world.page.texts().iter().filter(|text| *text == "same").count(), 2);
    world.wait_sent(10_000);
    assert_eq!(world.times_stored("same"), 1);
}

/// A page that names itself as the next one is the last. `page-that-names-itself-read-for-ever`.
#[test]
fn g6_a_page_that_names_itself_is_not_read_for_ever() {
    let mut world = World::new(7);
    let page = json!({"items": [{"id": "m9", "senderId": "agent", "text": "again"}], "page": {"after": "m9"}});
    world.fault(json!({"on": "http", "match": {"path": "/messages"}, "count": 0, "do": "status", "status": 200, "body": page}));
    world.start();
    world.run_until_ready();
    world.run(MINUTE);
    let reads = world.history_reads();
    // Each time the page and, once, the one that it names.
    assert!((2..=4).contains(&reads.len()), "{reads:?}");
    assert_eq!(world.page.texts(), ["again"]);
}

/// G4: where pings were answered, only a ping's answer tells that the line is alive. `history-taken-for-an-answered-ping`.
#[test]
fn row14_a_hidden_page_notices_a_dead_line_though_the_history_answers() {
    let mut world = World::ready(8);
    world.run(MINUTE);
    world.signal(PageSignal::Hidden);
    world.network.strand();
    let since = world.now;
    world.wait("noticed", 2 * MINUTE, |world| !world.shuts.is_empty());
    assert!(world.now - since <= 50_000, "two probes, and a browser's throttled timers: {}", world.now - since);
    world.run_until_ready();
}

/// Row 7: what is in flight settles on the old socket, also where its echo comes over that one alone.
/// `what-a-replaced-socket-delivers-is-dropped`.
#[test]
fn row07_an_echo_that_comes_over_the_replaced_socket_alone_is_heard() {
    let mut world = asked(11, 120);
    world.start();
    world.run_until_ready();
    let old = world.last_socket();
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage"}, "do": "lose"}));
    world.wait("about to renew", 2 * MINUTE, |world| world.opens.len() == 2);
    let id = world.send("over the old one");
    world.run(500);
    assert_eq!(
        (world.state(), world.status(&id), world.sent.last().map(|(_, text)| text.contains("ping"))),
        (State::Ready, Status::Sending, Some(true))
    );
    let echo = of_another_tab(&world, "its-echo", "over the old one");
    world.inject(Arrival::Frame(old, echo.to_string()));
    assert_eq!(world.status(&id), Status::Sent);
    assert_eq!(world.page.texts(), ["over the old one"]);
}

/// Row 26: of two messages of the same words, and of one time, the entry of the first proves nothing of the second.
/// `one-entry-proves-two-messages`.
#[test]
fn row26_an_entry_that_acknowledged_one_message_does_not_acknowledge_another() {
    let mut world = World::ready(12);
    world.set(json!({"sameMillisecond": true}));
    world.send("same");
    world.send("other");
    world.wait_sent(5_000);
    world.run(70_000);
    // All of the history is read.
    world.fault(json!({"on": "http", "match": {"path": "/messages"}, "do": "status", "status": 400}));
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage"}, "do": "drop"}));
    let id = world.send("same");
    world.run(MINUTE);
    assert_eq!((world.times_stored("same"), world.status(&id)), (2, Status::Sent));
    assert_eq!(world.page.texts(), ["same", "other", "same"]);
}

/// An agent who repeats what was said acknowledges nothing. `another-participants-words-prove`.
#[test]
fn row19_the_agent_s_same_words_are_no_echo() {
    let mut world = World::ready(13);
    world.run(1_000);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage"}, "do": "lose"}));
    let id = world.send("yes");
    world.run(500);
    world.agent("yes");
    world.run(500);
    assert_eq!(world.status(&id), Status::Sending);
    world.wait_sent(40_000);
    assert_eq!((world.stored(), world.page.texts()), (vec!["yes".to_string()], vec!["yes".to_string(); 2]));
}

/// Weak point 20 (guest-api.md §9): what an old socket says is no sign of life of the one in use.
/// `no-socket-id-check-on-frames`.
#[test]
fn weak20_a_pong_of_an_old_socket_does_not_keep_a_dead_one() {
    let mut world = World::ready(14);
    world.run(1_000);
    let old = world.last_socket();
    world.break_line();
    world.run_until_ready();
    world.run(MINUTE);
    world.network.strand();
    let before = world.requests("echo").len();
    world.wait("a probe", 30_000, |world| world.requests("echo").len() > before);
    world.inject(Arrival::Frame(old, json!({"type": "pong"}).to_string()));
    world.wait("noticed", 4_000, |world| !world.shuts.is_empty());
}

/// Row 23: a message that is asked for again while storage refuses is not lost to its old record. `retry-counted-as-stored`.
#[test]
fn row23_a_message_asked_for_again_while_storage_refuses_is_not_lost_to_the_old_record() {
    let mut world = World::ready(15);
    world.run(1_000);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage"}, "do": "close", "code": 1009}));
    let id = world.send("again");
    world.run(10_000);
    assert_eq!(world.status(&id), Status::Failed);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(1_000);
    world.disk = Disk::Unavailable;
    world.with(|session, now| session.retry(now, &id)).expect("it can be asked for again");
    world.run(1_000);
    // Storage still holds the record of before, which the tab reads whenever it becomes the leader.
    for disk in [Disk::Quota(1), Disk::Works, Disk::Works] {
        world.disk = disk;
        world.lose_lead();
        world.run(1_000);
        world.with(|session, now| session.take_over(now));
        world.run(1_000);
        assert_eq!(world.message_keys().len(), 1, "one record, of one message");
    }
    world.reload();
    world.heal();
    world.wait("sent", MINUTE, |world| world.page.row(&id).is_some_and(|row| row.status == Status::Sent));
    assert_eq!(world.stored(), ["again"]);
}

/// Row 34: asked for again in the next session, a message is not taken for its like there.
/// `the-last-conversation-is-searched-in-the-next`.
#[test]
fn row34_asked_for_again_in_the_next_session_its_like_there_is_not_taken_for_it() {
    let mut world = World::ready(16);
    world.agent("said before");
    world.run(12_000);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage"}, "do": "drop"}));
    let unknown = world.send("yes");
    world.run(100);
    world.control("/_sim/expire", json!({"what": "session"}));
    world.wait("the end", MINUTE, |world| world.state() == State::Ended { reason: End::SessionExpired });
    assert_eq!(world.code(&unknown), Some(Code::DELIVERY_UNKNOWN.0));
    world.command(|session, now, ticket| session.restart(now, true, ticket));
    world.run_until_ready();
    // The same word in the next conversation, and a page that does not know any more which row was whose.
    let second = world.send("yes");
    world.wait("sent", 30_000, |world| world.page.row(&second).is_some_and(|row| row.status == Status::Sent));
    world.reload();
    world.run_until_ready();
    world.run(70_000);
    assert_eq!(world.stored(), ["yes"]);
    world.with(|session, now| session.retry(now, &unknown)).expect("it can be asked for again");
    world.wait("sent", MINUTE, |world| world.page.row(&unknown).is_some_and(|row| row.status == Status::Sent));
    assert_eq!(world.stored(), ["yes", "yes"], "they are two messages");
}
