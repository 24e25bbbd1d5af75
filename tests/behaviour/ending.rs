//! How a conversation ends and how a new one begins: guest-api.md §3.9, §5.2, §3.4.5; design "Sending", Ends.

use crate::common::{Line, World, loose_refusal, refusal};
use guestwire::core::error::Code;
use guestwire::core::machine::Page as Signal;
use guestwire::core::state::{End, Pause, State};
use guestwire::guest::event::{Event, Kind, Status};
use serde_json::{Value, json};

fn disconnect(world: &mut World, read_only: bool) {
    world.control("/_sim/agent", json!({"do": "disconnect", "readOnly": read_only}));
    world.run(500);
}

fn restart(world: &mut World, keep: bool) -> u32 {
    world.command(|session, now, ticket| session.restart(now, keep, ticket))
}

fn push(world: &mut World, class: &str, body: Value) {
    world.raw(json!({"type": "message", "class": class, "code": 200, "body": body}));
    world.run(500);
}

// The other side leaves.

#[test]
fn a_disconnect_without_read_only_is_shown_and_the_guest_may_go_on() {
    let mut world = World::settled(1);
    disconnect(&mut world, false);
    assert!(!world.page.read_only);
    assert_eq!(world.page.rows.last().unwrap().kind, Kind::Event);
    world.send("one more thing");
    world.wait_sent(5_000);
    assert_eq!(world.stored(), ["one more thing"]);
}

#[test]
fn a_disconnect_with_read_only_holds_what_is_written_after_it() {
    let mut world = World::settled(2);
    disconnect(&mut world, true);
    assert!(world.page.read_only);
    assert_eq!(world.state(), State::Ready, "it can still be read");
    let id = world.send("too late");
    world.run(60_000);
    assert_eq!((world.status(&id), world.sent_texts().len()), (Status::Queued, 0));
    assert_eq!(world.message_keys().len(), 1);
}

#[test]
fn a_409_means_read_only_and_the_message_is_held() {
    for frame in [refusal(409, "The conversation is read-only"), loose_refusal(409, "The conversation is read-only")] {
        let mut world = World::settled(3);
        world.answer_message(frame);
        let ids = ["refused", "behind it"].map(|text| world.send(text));
        world.run(60_000);
        assert!(world.page.read_only);
        assert_eq!(ids.map(|id| world.status(&id)), [Status::Queued; 2]);
        assert_eq!(world.sent_texts(), ["refused"]);
    }
}

#[test]
fn a_session_that_is_read_only_from_the_beginning_holds_what_is_written() {
    let mut world = World::settled(4);
    disconnect(&mut world, true);
    world.reload();
    world.run_until_ready();
    assert!(world.page.read_only);
    let id = world.send("too late");
    world.run(30_000);
    assert_eq!((world.status(&id), world.sent_texts().len()), (Status::Queued, 0));
}

#[test]
fn one_in_flight_when_it_becomes_read_only_is_still_proved() {
    let mut world = World::settled(5);
    world.fault(json!({"on": "frame-out", "match": {"action": "onMessage", "type": "Text"}, "do": "lose"}));
    let id = world.send("just in time");
    world.run(500);
    disconnect(&mut world, true);
    world.wait("proved", 20_000, |world| world.status(&id) == Status::Sent);
    assert_eq!(world.times_stored("just in time"), 1);
}

#[test]
fn one_in_flight_that_did_not_arrive_before_read_only_is_held() {
    let mut world = World::settled(6);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "lose"}));
    let id = world.send("lost");
    world.run(500);
    disconnect(&mut world, true);
    world.run(60_000);
    assert_eq!((world.status(&id), world.sent_texts().len()), (Status::Queued, 1));
    restart(&mut world, true);
    world.run(20_000);
    assert_eq!(world.stored(), ["lost"], "sendable after a new start");
}

#[test]
fn while_read_only_neither_typing_nor_join_is_sent() {
    let mut world = World::settled(7);
    disconnect(&mut world, true);
    let events = world.sent_events().len();
    world.typing();
    world.break_line();
    world.run_until_ready();
    world.run(10_000);
    assert_eq!(world.sent_events().len(), events);
}

// A new start (§5.2).

/// Actions and what tells them apart, from the `from`th frame on, without what only reads or probes.
fn conversation_frames(world: &World, from: usize) -> Vec<String> {
    world.sent_json()[from..]
        .iter()
        .filter(|frame| !matches!(frame["action"].as_str(), Some("getJwt" | "echo")))
        .map(|frame| match frame["action"].as_str().unwrap() {
            "configureSession" => format!("configureSession startNew {}", frame["startNew"]),
            "closeSession" => format!("closeSession all {}", frame["closeAllConnections"]),
            "onMessage" if frame["message"]["type"] == "Event" => {
                format!("event {}", frame["message"]["events"][0]["presence"]["type"].as_str().unwrap_or("?"))
            }
            "onMessage" => format!("text {}", frame["message"]["text"].as_str().unwrap()),
            other => other.to_string(),
        })
        .collect()
}

#[test]
fn start_new_follows_the_sequence_of_5_2_frame_by_frame() {
    let mut world = World::settled(1);
    world.send("of the old conversation");
    world.wait_sent(5_000);
    disconnect(&mut world, true);
    world.send("held");
    let token = world.stored_token().unwrap();
    let from = world.sent.len();
    let ticket = restart(&mut world, true);
    assert_eq!(conversation_frames(&world, from), ["closeSession all true"], "nothing else before it is answered");
    world.run(30);
    assert_eq!(conversation_frames(&world, from).len(), 1);
    world.run(5_000);
    assert_eq!(conversation_frames(&world, from), ["closeSession all true", "configureSession startNew true", "event Join", "text held"]);
    assert_eq!(world.outcome(ticket), Some(None));
    assert!(world.page.new_session && !world.page.read_only);
    assert!(world.sent_json()[from..].iter().all(|frame| frame["token"] == token.as_str()), "the same guest");
    assert_eq!(world.stored(), ["held"]);
    assert_eq!((world.opens.len(), world.page.texts()), (1, vec!["held".to_string()]));
}

#[test]
fn start_new_without_auto_start_sends_no_join() {
    let mut world = World::new(2);
    world.set(json!({"autoStart": false}));
    world.start();
    world.run_until_ready();
    world.run(1_000);
    disconnect(&mut world, true);
    let from = world.sent.len();
    restart(&mut world, false);
    world.run(5_000);
    assert_eq!(conversation_frames(&world, from), ["closeSession all true", "configureSession startNew true"]);
}

#[test]
fn start_new_may_throw_away_what_was_held() {
    let mut world = World::settled(3);
    disconnect(&mut world, true);
    let id = world.send("held");
    restart(&mut world, false);
    world.run(10_000);
    assert!(world.page.row(&id).is_none());
    assert_eq!((world.stored().len(), world.message_keys().len()), (0, 0));
}

#[test]
fn there_is_nothing_to_restart_before_an_end() {
    let mut world = World::settled(4);
    let from = world.sent.len();
    let ticket = restart(&mut world, true);
    world.run(1_000);
    assert_eq!(world.outcome(ticket), Some(Some(Code::NOT_ENDED.0)));
    assert_eq!(conversation_frames(&world, from), [] as [&str; 0]);
}

#[test]
fn start_new_survives_a_drop_between_its_two_steps() {
    for after in [true, false] {
        let mut world = World::settled(5);
        disconnect(&mut world, true);
        world.send("held");
        world.fault(json!({"on": "frame-in", "match": {"action": "closeSession"}, "do": "drop", "after": after}));
        let ticket = restart(&mut world, true);
        world.run(30_000);
        assert!(!world.page.read_only, "the call resolves with a conversation that can be written to (closed: {after})");
        assert_eq!(world.outcome(ticket), Some(None));
        assert_eq!(world.stored(), ["held"]);
    }
}

#[test]
fn start_new_that_is_refused_says_so_and_stays_read_only() {
    let mut world = World::settled(6);
    disconnect(&mut world, true);
    let id = world.send("held");
    world.answer("closeSession", refusal(400, "Request failed."));
    let ticket = restart(&mut world, true);
    world.run(5_000);
    assert_eq!(world.outcome(ticket), Some(Some(400)));
    assert!(world.page.read_only);
    assert_eq!(world.status(&id), Status::Queued);
}

#[test]
fn start_new_answered_by_connected_and_read_only_stays_read_only() {
    let mut world = World::settled(7);
    disconnect(&mut world, true);
    let id = world.send("held");
    world.answer(
        "closeSession",
        json!({"type": "response", "class": "SessionResponse", "code": 200, "tracingId": "$tracingId", "body": {"connected": true, "readOnly": true}}),
    );
    let ticket = restart(&mut world, true);
    world.run(30_000);
    assert!(world.page.read_only);
    assert_eq!(world.status(&id), Status::Queued);
    assert!(!matches!(world.outcome(ticket), Some(None)), "no new conversation was begun");
}

// Expired.

#[test]
fn an_expired_session_ends_and_its_socket_is_closed() {
    let mut world = World::settled(1);
    world.control("/_sim/expire", json!({"what": "session"}));
    world.run(1_000);
    assert_eq!(world.state(), State::Ended { reason: End::SessionExpired });
    assert_eq!(world.network.open_lines(), 0);
    let ticket = world.start();
    assert_eq!(world.outcome(ticket), Some(Some(Code::SESSION_ENDED.0)));
    world.run(600_000);
    assert_eq!(world.opens.len(), 1, "a new session is begun when it is asked for");
}

#[test]
fn after_an_expiry_a_new_session_can_be_started() {
    let mut world = World::settled(2);
    world.control("/_sim/expire", json!({"what": "session"}));
    world.run(1_000);
    let ticket = restart(&mut world, true);
    world.run_until_ready();
    assert_eq!(world.outcome(ticket), Some(None));
    assert!(world.page.new_session);
    world.run(1_000);
    assert_eq!(world.sent_events(), ["Join", "Join"], "the new conversation is joined too");
}

#[test]
fn an_expired_token_on_configure_is_read_both_ways() {
    for (switch, ended) in [("4006", true), ("new", false)] {
        let mut world = World::settled(3);
        world.set(json!({"expiredConfigure": switch}));
        world.send("old");
        world.wait_sent(5_000);
        world.kill();
        world.control("/_sim/expire", json!({"what": "session"}));
        world.load_page();
        world.start();
        world.run(5_000);
        if ended {
            assert_eq!(world.state(), State::Ended { reason: End::SessionExpired });
        } else {
            assert_eq!((world.state(), world.page.new_session), (State::Ready, true));
            assert_eq!(world.page.texts().len(), 0);
        }
    }
}

#[test]
fn a_new_session_whose_answer_was_lost_is_noticed_from_the_history() {
    // The line is lost after the history was read once, and after it was read the second time.
    for (seed, stood) in [(7, 2_000), (8, 20_000)] {
        let mut world = World::settled(seed);
        world.set(json!({"expiredConfigure": "new"}));
        world.send("old");
        world.wait_sent(5_000);
        world.reload();
        world.run_until_ready();
        world.run(stood);
        assert_eq!(world.page.texts(), ["old"]);
        world.control("/_sim/expire", json!({"what": "session"}));
        world.fault(json!({"on": "frame-out", "match": {"class": "SessionResponse"}, "do": "lose"}));
        world.break_line();
        world.run(90_000);
        assert_eq!((world.state(), world.page.new_session), (State::Ready, false), "the second answer came, and says nothing");
        assert_eq!(world.page.texts().len(), 0, "{stood}: what was said belongs to the session that is over");
        world.agent("new");
        world.run(1_000);
        assert_eq!(world.page.texts(), ["new"]);
    }
}

#[test]
fn what_comes_before_the_answer_that_a_new_session_began_is_shown_though_history_lags() {
    let mut world = World::settled(9);
    world.set(json!({"expiredConfigure": "new"}));
    world.send("old");
    world.wait_sent(5_000);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(1_000);
    world.control("/_sim/expire", json!({"what": "session"}));
    world.fault(json!({"on": "frame-out", "match": {"class": "SessionResponse"}, "do": "delay", "ms": 1_000}));
    world.fault(json!({"on": "http", "match": {"path": "/webmessaging/messages"}, "count": 0, "do": "history-lag", "ms": 5_000}));
    world.network.line = Line::Works;
    world.wait("configuring", 60_000, |world| world.requests("configureSession").len() > 1);
    world.run(300);
    world.agent("welcome back");
    world.run_until_ready();
    world.run(20_000);
    assert!(world.page.new_session);
    assert_eq!(world.page.texts(), ["welcome back"]);
}

#[test]
fn what_the_old_socket_still_delivers_of_a_cleared_conversation_stays_away() {
    let mut world = World::settled(10);
    world.send("asked");
    world.wait_sent(5_000);
    world.raw(json!({"type": "message", "class": "SessionClearedEvent", "code": 200, "body": {}}));
    // On its way before our close frame arrives.
    world.run(1);
    world.raw_body(json!({"id": "late", "type": "Text", "direction": "Outbound", "text": "late", "channel": {"time": "2026-01-01T00:00:00.000Z"}}));
    world.run(5_000);
    assert_eq!(world.state(), State::Ended { reason: End::SessionCleared });
    assert_eq!(world.page.texts().len(), 0);
}

#[test]
fn a_token_the_service_does_not_know_any_more_ends_the_session() {
    let mut world = World::settled(4);
    world.control("/_sim/expire", json!({"what": "token"}));
    world.break_line();
    world.run(20_000);
    assert_eq!(world.state(), State::Ended { reason: End::SessionExpired });
    restart(&mut world, true);
    world.run_until_ready();
}

// Cleared.

#[test]
fn a_clear_ends_the_conversation_and_empties_the_list() {
    let mut world = World::settled(1);
    world.send("said");
    world.wait_sent(5_000);
    let ticket = world.command(|session, now, ticket| session.clear(now, ticket));
    world.run(2_000);
    assert_eq!(world.outcome(ticket), Some(None));
    assert_eq!(world.state(), State::Ended { reason: End::SessionCleared });
    assert_eq!(world.page.rows.len(), 0);
    assert_eq!(world.network.open_lines(), 0);
    assert!(!world.was(|state| matches!(state, State::Paused { .. })), "the ConnectionClosedEvent after a clear is no eviction");
}

#[test]
fn a_clear_in_another_tab_ends_it_here_too() {
    let mut world = World::settled(2);
    world.agent("seen");
    world.run(500);
    push(&mut world, "SessionClearedEvent", json!({}));
    push(&mut world, "ConnectionClosedEvent", json!({}));
    assert_eq!(world.state(), State::Ended { reason: End::SessionCleared });
    assert_eq!(world.page.rows.len(), 0);
}

#[test]
fn after_a_clear_a_new_conversation_begins_under_the_same_token() {
    let mut world = World::settled(3);
    let token = world.stored_token();
    world.command(|session, now, ticket| session.clear(now, ticket));
    world.run(2_000);
    restart(&mut world, true);
    world.run_until_ready();
    world.run(1_000);
    assert_eq!(world.stored_token(), token);
    assert!(world.page.new_session);
    assert_eq!(world.sent_events().last().unwrap(), "Join");
}

#[test]
fn a_clear_the_deployment_does_not_allow_is_refused_without_asking() {
    let mut world = World::new(4);
    world.set(json!({"clear": false}));
    world.start();
    world.run_until_ready();
    let ticket = world.command(|session, now, ticket| session.clear(now, ticket));
    world.run(1_000);
    assert_eq!(world.outcome(ticket), Some(Some(Code::CLEAR_NOT_ALLOWED.0)));
    assert!(!world.sent_events().contains(&"Clear".to_string()));
}

#[test]
fn a_clear_that_the_service_refuses_says_so_and_the_conversation_goes_on() {
    let mut world = World::settled(5);
    world.agent("still here");
    world.run(500);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Event"}, "do": "reply",
        "frame": refusal(403, "Presence events Conversation Clear are not supported")}));
    let ticket = world.command(|session, now, ticket| session.clear(now, ticket));
    world.run(1_000);
    assert_eq!(world.outcome(ticket), Some(Some(Code::CLEAR_NOT_ALLOWED.0)));
    assert_eq!((world.state(), world.page.texts()), (State::Ready, vec!["still here".to_string()]));
}

#[test]
fn a_clear_without_a_connection_or_an_answer_is_settled() {
    let mut world = World::settled(6);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Event"}, "do": "lose"}));
    let unanswered = world.command(|session, now, ticket| session.clear(now, ticket));
    world.run(15_000);
    assert_eq!(world.outcome(unanswered), Some(Some(Code::NO_ANSWER.0)));
    world.network.line = Line::Offline;
    world.break_line();
    world.run(100);
    let ticket = world.command(|session, now, ticket| session.clear(now, ticket));
    assert_eq!(world.outcome(ticket), Some(Some(Code::NOT_CONNECTED.0)));
}

// Evicted.

fn evict(world: &mut World) {
    world.control("/_sim/agent", json!({"do": "kick"}));
    world.run(100);
}

fn paused_for(world: &World) -> u64 {
    let State::Paused { until: Some(until), reason: Pause::Evicted } = world.state() else { panic!("{:?}", world.state()) };
    until - world.clock().unix
}

#[test]
fn an_evicted_connection_pauses_and_comes_back_after_a_minute() {
    let mut world = World::settled(1);
    evict(&mut world);
    assert!((59_000..=60_000).contains(&paused_for(&world)), "{}", paused_for(&world));
    world.run(59_000);
    assert_eq!(world.opens.len(), 1);
    world.wait("back", 2_000, |world| world.state() == State::Ready);
}

#[test]
fn evictions_double_the_wait_up_to_ten_minutes() {
    let mut world = World::settled(2);
    let mut waits = Vec::new();
    for _ in 0..6 {
        evict(&mut world);
        waits.push(paused_for(&world).div_ceil(1_000));
        world.wait("back", 601_000, |world| world.state() == State::Ready);
    }
    assert_eq!(waits, [60, 120, 240, 480, 600, 600]);
}

#[test]
fn an_evicted_connection_comes_back_at_once_when_the_visitor_does() {
    for by_hand in [true, false] {
        let mut world = World::settled(3);
        world.signal(Signal::Hidden);
        evict(&mut world);
        world.run(5_000);
        if by_hand {
            world.with(|session, now| session.reconnect(now));
        } else {
            world.signal(Signal::Visible);
        }
        world.wait("back", 2_600, |world| world.state() == State::Ready);
    }
}

#[test]
fn an_eviction_loses_nothing() {
    let mut world = World::settled(4);
    world.fault(json!({"on": "frame-out", "match": {"action": "onMessage", "type": "Text"}, "do": "lose"}));
    world.send("in flight");
    world.run(50);
    evict(&mut world);
    world.send("typed meanwhile");
    world.wait_sent(120_000);
    assert_eq!(world.stored(), ["in flight", "typed meanwhile"]);
}

#[test]
fn what_an_evicted_line_still_brought_of_a_conversation_that_was_cleared_meanwhile_goes() {
    let mut world = World::ready(4);
    // Its echo is told while the line is being left, and before the history was read through.
    world.raw(json!({"type": "message", "class": "ConnectionClosedEvent", "code": 200, "body": {}}));
    let id = world.send("first");
    world.run(200);
    assert_eq!(world.status(&id), Status::Sent);
    world.clear_elsewhere();
    // The next one is begun elsewhere as well, so that none begins here that would say so.
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage"}, "do": "lose"}));
    world.clear_elsewhere();
    world.wait("back", 120_000, |world| world.state() == State::Ready);
    world.run(20_000);
    assert_eq!((world.page.new_session, world.page.texts().len()), (false, 0));
}

#[test]
fn an_eviction_of_an_abandoned_socket_is_ignored() {
    let mut world = World::settled(5);
    world.network.stall_up(world.now + 20_000);
    world.send("x");
    world.wait("replaced", 12_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
    // The oldest connection at the service is the one given up here.
    world.control("/_sim/agent", json!({"do": "kick"}));
    world.run(1_000);
    assert_eq!(world.state(), State::Ready);
}

// Signed in elsewhere, logged out, no way back to a guest.

#[test]
fn signed_in_elsewhere_takes_a_new_token() {
    for member in ["reason", "reasonCode"] {
        let mut world = World::settled(1);
        let token = world.stored_token().unwrap();
        push(&mut world, "ConnectionClosedEvent", json!({member: "signedIn"}));
        assert!(matches!(world.state(), State::Ended { .. }), "{:?}", world.state());
        assert_eq!((world.stored_token(), world.network.open_lines()), (None, 0));
        restart(&mut world, false);
        world.run_until_ready();
        assert_ne!(world.stored_token().unwrap(), token);
    }
}

#[test]
fn logged_out_everything_is_wiped() {
    let mut world = World::settled(2);
    world.send("said");
    world.wait_sent(5_000);
    let token = world.stored_token().unwrap();
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "lose"}));
    let id = world.send("in flight");
    world.run(200);
    push(&mut world, "LogoutEvent", json!({}));
    assert_eq!(world.state(), State::Ended { reason: End::LoggedOut });
    assert_eq!((world.page.rows.len(), world.message_keys().len(), world.page.outbox.0), (0, 0, 0));
    assert!(world.page.row(&id).is_none());
    assert!(world.storage.values().all(|value| !value.contains(&token)), "no token stays in this browser");
    world.run(600_000);
    assert_eq!(world.opens.len(), 1);
}

#[test]
fn a_guest_configure_with_a_signed_in_token_takes_a_new_one_and_says_so() {
    let mut world = World::settled(3);
    let token = world.stored_token().unwrap();
    world.answer("configureSession", refusal(4017, "Cannot downgrade to an unauthenticated session"));
    world.break_line();
    world.run(10_000);
    assert!(matches!(world.state(), State::Ended { .. }), "{:?}", world.state());
    assert!(world.page.warned(Code(4017)));
    restart(&mut world, true);
    world.run_until_ready();
    assert_ne!(world.stored_token().unwrap(), token);
}

#[test]
fn what_a_service_session_frame_says_on_an_old_socket_does_not_end_the_new_one() {
    let mut world = World::settled(4);
    world.network.stall_up(world.now + 20_000);
    world.send("x");
    world.wait("replaced", 12_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
    let old = guestwire::core::machine::SocketId(1);
    for class in ["SessionExpiredEvent", "SessionClearedEvent", "ConnectionClosedEvent", "LogoutEvent"] {
        let frame = json!({"type": "message", "class": class, "code": 200, "body": {}}).to_string();
        world.inject(crate::common::Arrival::Frame(old, frame));
    }
    assert_eq!(world.state(), State::Ready);
    assert_eq!(world.events(|event| matches!(event, Event::Emptied)), 0);
}
