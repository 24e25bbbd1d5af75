//! Every code of guest-api.md §4.1 and §4.2 as the column "what a better client should do" has it, and the weak points of
//! the official client in §9 that are ours to avoid.

use crate::common::{Arrival, Line, World, loose_refusal, refusal, too_many};
use guestwire::core::error::Code;
use guestwire::core::machine::SocketId;
use guestwire::core::state::{End, Pause, Reason, State};
use guestwire::guest::event::{Event, Status};
use serde_json::{Value, json};

/// A message answered by this frame, and one behind it; after half a minute.
fn answered(frame: Value) -> (World, String, String) {
    let mut world = World::settled(1);
    world.answer_message(frame);
    let (first, second) = (world.send("answered"), world.send("behind"));
    world.run(30_000);
    (world, first, second)
}

/// The structured form of an error (§3.2), under the name of the model or of the documentation.
fn structured(class: &str, code: u16) -> Value {
    json!({"type": "response", "class": class, "code": 400, "tracingId": "$tracingId", "body": {"errorCode": code, "errorMessage": "no", "name": "x", "message": "y"}})
}

// What fails the message whose tracingId matches, and nothing else.

#[test]
fn codes_that_fail_the_matching_request() {
    for code in [4000, 4001, 4002, 4003, 4004, 4005, 4008, 4009, 4010, 4011, 4013, 4020, 4102, 5000, 4999, 400, 401, 403, 404, 300, 399, 499] {
        let (mut world, first, second) = answered(refusal(code, "no"));
        assert_eq!((world.status(&first), world.code(&first)), (Status::Failed, Some(code)), "{code}");
        assert_eq!(world.status(&second), Status::Sent, "{code}");
        assert_eq!((world.opens.len(), world.state()), (1, State::Ready), "{code}: the connection is untouched");
        assert_eq!(world.sent_texts(), ["answered", "behind"], "{code}: it is not sent again");
        assert_eq!(world.stored(), ["behind"]);
    }
}

#[test]
fn codes_in_the_structured_classes_do_the_same() {
    for class in ["Error", "ErrorMessage"] {
        let (world, first, second) = answered(structured(class, 4011));
        assert_eq!((world.status(&first), world.code(&first)), (Status::Failed, Some(4011)), "{class}");
        assert_eq!(world.status(&second), Status::Sent, "{class}");
    }
}

#[test]
fn codes_408_and_5xx_are_tried_again_after_the_service_was_asked() {
    for code in [408, 500, 502, 503, 504] {
        let (mut world, first, second) = answered(refusal(code, "try later"));
        assert_eq!([world.status(&first), world.status(&second)], [Status::Sent; 2], "{code}");
        assert_eq!(world.stored(), ["answered", "behind"], "{code}");
        assert_eq!(world.opens.len(), 1, "{code}");
    }
}

#[test]
fn codes_5xx_after_it_was_stored_all_the_same_are_no_double() {
    let mut world = World::settled(2);
    // Stored, its echo lost, and an error in its place.
    world.fault(json!({"on": "frame-out", "match": {"action": "onMessage", "type": "Text"}, "do": "reply", "frame": refusal(500, "oops")}));
    let id = world.send("stored");
    world.run(30_000);
    assert_eq!((world.status(&id), world.times_stored("stored")), (Status::Sent, 1));
}

#[test]
fn codes_408_and_5xx_after_it_was_stored_and_before_the_history_shows_it_are_no_double() {
    for code in [408, 500, 503, 504] {
        let mut world = World::settled(2);
        world.fault(json!({"on": "http", "match": {"path": "/webmessaging/messages"}, "count": 0, "do": "history-lag", "ms": 5_000}));
        world.fault(json!({"on": "frame-out", "match": {"action": "onMessage", "type": "Text"}, "do": "reply", "frame": refusal(code, "oops")}));
        let id = world.send("stored");
        world.run(60_000);
        assert_eq!((world.status(&id), world.times_stored("stored")), (Status::Sent, 1), "{code}");
        assert_eq!(world.metric("resends"), 0, "{code}");
    }
}

#[test]
fn codes_5xx_for_ever_fail_the_message_and_the_queue_goes_on() {
    let mut world = World::settled(3);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "count": 0, "do": "reply", "frame": refusal(503, "no")}));
    let first = world.send("refused for ever");
    world.wait("given up", 600_000, |world| world.status(&first) == Status::Failed);
    assert_eq!(world.code(&first), Some(503));
    world.heal();
    let second = world.send("later");
    world.wait("sent", 60_000, |world| world.status(&second) == Status::Sent);
}

#[test]
fn codes_4006_and_4007_end_the_session_and_close_the_socket() {
    for code in [4006, 4007] {
        let (world, first, second) = answered(refusal(code, "gone"));
        assert_eq!(world.state(), State::Ended { reason: End::SessionExpired }, "{code}");
        assert_eq!(world.network.open_lines(), 0, "{code}");
        assert_eq!([world.status(&first), world.status(&second)], [Status::Failed; 2]);
        assert_eq!(world.code(&second), Some(Code::SESSION_ENDED.0));
    }
}

#[test]
fn codes_4006_and_4007_answering_configure_end_the_session() {
    for code in [4006, 4007] {
        let mut world = World::settled(4);
        world.answer("configureSession", refusal(code, "gone"));
        world.break_line();
        world.run(10_000);
        assert_eq!(world.state(), State::Ended { reason: End::SessionExpired }, "{code}");
        assert_eq!(world.network.open_lines(), 0);
        let ticket = world.command(|session, now, ticket| session.restart(now, true, ticket));
        world.run_until_ready();
        assert_eq!(world.outcome(ticket), Some(None), "a new session is offered");
    }
}

#[test]
fn code_4017_takes_a_new_token_and_the_next_session_is_a_guests() {
    let mut world = World::settled(5);
    let token = world.stored_token().unwrap();
    world.answer_message(refusal(4017, "no way back"));
    world.send("answered");
    world.run(5_000);
    assert!(matches!(world.state(), State::Ended { .. }));
    world.command(|session, now, ticket| session.restart(now, false, ticket));
    world.run_until_ready();
    assert_ne!(world.stored_token().unwrap(), token);
}

#[test]
fn code_429_in_all_its_forms_queues_waits_and_sends_again() {
    let forms = [
        ("the class of its own", too_many(3), 3_000),
        ("a string with 429", refusal(429, "Too many requests"), 60_000),
        ("a string with 4029", refusal(4029, "Message rate too high"), 60_000),
        (
            "without correlation",
            json!({"type": "response", "class": "TooManyRequestsErrorMessage", "code": 429, "body": {"retryAfter": 3, "errorCode": 4029}}),
            3_000,
        ),
    ];
    for (name, frame, wait) in forms {
        let mut world = World::settled(6);
        world.answer_message(frame);
        let id = world.send("limited");
        let sent_at = world.now;
        world.run(1_000);
        assert_eq!(world.opens.len(), 1, "{name}");
        assert_eq!(world.receipts(&id, Status::Failed), 0, "{name}");
        world.run(wait - 1_100);
        assert_eq!(world.sent_texts().len(), 1, "{name}: not before it was over");
        world.wait("sent", 15_000, |world| world.status(&id) == Status::Sent);
        assert!(world.now - sent_at >= wait, "{name}");
        assert_eq!((world.times_stored("limited"), world.opens.len()), (1, 1), "{name}");
    }
}

#[test]
fn code_1001_in_a_string_is_a_socket_failure() {
    let mut world = World::settled(7);
    world.answer_message(refusal(1001, "socket error"));
    world.send("answered");
    world.wait("reconnecting", 1_000, |world| matches!(world.state(), State::Waiting { reason: Reason::Service { code: 1001 }, .. }));
    world.wait_sent(60_000);
    assert_eq!(world.times_stored("answered"), 1);
}

#[test]
fn code_1002_answering_configure_is_not_allowed_and_not_tried_again() {
    let mut world = World::new(8);
    world.fault(
        json!({"on": "frame-in", "match": {"action": "configureSession"}, "count": 0, "do": "reply", "frame": refusal(1002, "access denied")}),
    );
    world.start();
    world.run(300_000);
    assert_eq!(world.state(), State::Ended { reason: End::NotAllowed });
    assert_eq!(world.opens.len(), 1);
}

#[test]
fn a_403_that_asks_to_authenticate_asks_the_visitor_to_sign_in() {
    for body in
        ["Session authentication failed", "SESSION AUTHENTICATION FAILED: again", "Try to authenticate again", "try to authenticate again please"]
    {
        let mut world = World::settled(9);
        world.answer("configureSession", refusal(403, body));
        world.break_line();
        world.run(10_000);
        assert_eq!(world.state(), State::AuthRequired, "{body}");
        let opens = world.opens.len();
        world.run(300_000);
        assert_eq!(world.opens.len(), opens, "{body}");
    }
}

#[test]
fn a_403_that_asks_to_authenticate_keeps_what_waits() {
    let mut world = World::settled(10);
    world.answer_message(refusal(403, "Session authentication failed"));
    let ids = ["answered", "behind"].map(|text| world.send(text));
    world.run(5_000);
    assert_eq!(world.state(), State::AuthRequired);
    assert_eq!(ids.map(|id| world.status(&id)), [Status::Queued; 2]);
    assert_eq!(world.message_keys().len(), 2);
}

#[test]
fn an_error_of_one_message_is_told_with_its_code_in_the_receipt() {
    let (world, first, _) = answered(refusal(4011, "message too long"));
    let told = world
        .page
        .events
        .iter()
        .any(|event| matches!(event, Event::Receipt { id, status: Status::Failed, code: Some(Code(4011)), .. } if *id == first));
    assert!(told);
}

// §4.2: configure refused.

#[test]
fn a_5xx_408_or_429_answering_configure_is_tried_again() {
    for code in [408, 429, 500, 502, 503, 504] {
        let mut world = World::new(code.into());
        world.fault(json!({"on": "frame-in", "match": {"action": "configureSession"}, "count": 2, "do": "reply", "frame": refusal(code, "later")}));
        world.start();
        world.wait("ready", 200_000, |world| world.state() == State::Ready);
        assert_eq!(world.opens.len(), 3, "{code}");
    }
}

#[test]
fn a_429_answering_configure_waits_as_long_as_it_says() {
    let mut world = World::new(11);
    world.answer("configureSession", too_many(20));
    world.start();
    world.run(1_000);
    assert!(matches!(world.state(), State::Paused { reason: Pause::RateLimited, .. }), "{:?}", world.state());
    world.run(19_000);
    assert_eq!(world.opens.len(), 1);
    world.wait("ready", 5_000, |world| world.state() == State::Ready);
}

#[test]
fn a_400_or_404_answering_configure_is_not_tried_for_ever() {
    for code in [400, 404, 4020] {
        let mut world = World::new(code.into());
        world.fault(json!({"on": "frame-in", "match": {"action": "configureSession"}, "count": 0, "do": "reply", "frame": refusal(code, "no")}));
        let ticket = world.start();
        world.run(120_000);
        assert!(matches!(world.state(), State::Ended { .. }), "{code}: {:?}", world.state());
        assert!(matches!(world.outcome(ticket), Some(Some(_))), "{code}");
    }
}

// §9, by its numbers.

#[test]
fn weak01_what_is_typed_before_the_session_stands_is_queued_and_flushed() {
    let mut world = World::new(1);
    world.send("before start");
    world.start();
    world.send("while loading");
    world.run(60);
    world.send("while connecting");
    world.run_until_ready();
    world.wait_sent(5_000);
    assert_eq!(world.stored(), ["before start", "while loading", "while connecting"]);
}

#[test]
fn weak02_in_flight_messages_stay_on_the_list_over_a_drop() {
    let mut world = World::settled(2);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "drop"}));
    let id = world.send("in flight");
    world.wait("dropped", 1_000, |world| world.state() != State::Ready);
    assert_eq!(world.status(&id), Status::Sending);
    assert_eq!(world.page.texts(), ["in flight"]);
    assert_eq!(world.events(|event| matches!(event, Event::Emptied)), 0);
}

#[test]
fn weak03_what_the_agent_said_while_away_shows_after_the_reconnect() {
    let mut world = World::settled(3);
    world.agent("before");
    world.run(500);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(1_000);
    world.agent("while away");
    world.heal();
    world.run_until_ready();
    world.run(2_000);
    assert_eq!(world.page.texts(), ["before", "while away"]);
}

#[test]
fn weak04_online_brings_an_attempt_within_500_ms() {
    for seed in 0..20 {
        let mut world = World::settled(seed);
        world.network.line = Line::Offline;
        world.break_line();
        world.run(120_000);
        // In the middle of a wait, well after the last attempt.
        while world.opens.last().is_some_and(|at| world.now - at < 3_000) {
            world.run(250);
        }
        world.network.line = Line::Works;
        let (opens, came) = (world.opens.len(), world.now);
        world.signal(guestwire::core::machine::Page::Online);
        world.wait("an attempt", 510, |world| world.opens.len() > opens);
        assert!(world.now - came <= 500, "seed {seed}");
    }
}

#[test]
fn weak05_being_offline_is_never_terminal() {
    let mut world = World::settled(5);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(24 * 3_600_000);
    world.heal();
    world.wait("back", 301_000, |world| world.state() == State::Ready);
}

#[test]
fn weak06_a_clean_close_by_the_service_is_reconnected() {
    for code in [1000, 1001, 1011, 1012] {
        let mut world = World::settled(6);
        world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "close", "code": code}));
        world.send("kept");
        world.wait_sent(60_000);
        assert_eq!(world.stored(), ["kept"], "{code}");
    }
}

#[test]
fn weak09_a_message_without_an_answer_is_not_stuck_for_ever() {
    let mut world = World::settled(9);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "lose"}));
    let id = world.send("swallowed");
    world.wait("verified and sent again", 30_000, |world| world.status(&id) == Status::Sent);
}

#[test]
fn weak10_a_burst_stays_within_five_a_second_and_sixty_a_minute() {
    let mut world = World::settled(10);
    for n in 0..80 {
        world.send(&format!("burst {n}"));
    }
    world.wait_sent(180_000);
    assert_eq!(world.log("limited").len(), 0);
}

#[test]
fn weak14_an_outbound_message_delivered_again_later_shows_once() {
    let mut world = World::settled(14);
    let frame = json!({"id": "o1", "type": "Text", "text": "once", "direction": "Outbound", "channel": {"time": "2026-01-01T00:00:12.000Z"}});
    for _ in 0..3 {
        world.raw_body(frame.clone());
        world.run(5_000);
    }
    assert_eq!(world.page.texts(), ["once"]);
}

#[test]
fn weak15_a_page_of_unknown_and_unsent_entries_does_not_stop_the_paging() {
    let mut world = World::new(15);
    world.set(json!({"maxPageSize": 10, "autoStart": false}));
    world.start();
    world.run_until_ready();
    for n in 0..30 {
        if (10..20).contains(&n) {
            // A whole page that shows nothing.
            let body = json!({"id": format!("r{n}"), "type": "Receipt", "direction": "Outbound", "channel": {"time": "2026-01-01T00:00:01.000Z"}});
            world.control(
                "/_sim/agent",
                json!({"do": "raw", "store": true, "frame": {"type": "message", "class": "StructuredMessage", "code": 200, "body": body}}),
            );
        } else {
            world.agent(&format!("line {n}"));
        }
        world.run(10);
    }
    world.run(70_000);
    world.reload();
    world.run_until_ready();
    world.run(1_000);
    let mut calls = 0;
    loop {
        let ticket = world.command(|session, now, ticket| session.history(now, ticket));
        world.wait("a page", 60_000, |world| world.outcome(ticket).is_some());
        calls += 1;
        if world.loaded(ticket).unwrap().1 {
            break;
        }
        assert!(calls < 10);
    }
    assert_eq!(world.page.texts().len(), 20);
}

#[test]
fn weak17_a_history_token_that_never_comes_blocks_nothing() {
    let mut world = World::settled(17);
    world.agent("there");
    world.run(500);
    world.fault(json!({"on": "frame-in", "match": {"action": "getJwt"}, "count": 2, "do": "lose"}));
    world.break_line();
    world.run_until_ready();
    world.agent("live");
    world.run(100);
    assert!(world.page.texts().contains(&"live".to_string()));
    world.run(90_000);
    assert_eq!(world.history_reads().last().unwrap().0, 200, "asked again");
    assert!(world.history_reads().last().unwrap().1 > 12_000);
}

#[test]
fn weak17_a_late_history_token_is_not_used_for_another_request() {
    let mut world = World::settled(17);
    world.fault(json!({"on": "frame-in", "match": {"action": "getJwt"}, "do": "delay", "ms": 70_000}));
    world.break_line();
    world.run(180_000);
    assert!(world.history_reads().iter().all(|(status, _)| *status == 200), "{:?}", world.history_reads());
}

#[test]
fn weak18_a_probe_without_an_answer_replaces_the_connection() {
    let mut world = World::settled(18);
    world.fault(json!({"on": "frame-in", "match": {"action": "echo"}, "do": "lose"}));
    world.wait("replaced", 60_000, |world| world.opens.len() == 2);
}

#[test]
fn weak19_a_probe_in_read_only_is_no_error() {
    let mut world = World::settled(19);
    world.control("/_sim/agent", json!({"do": "disconnect", "readOnly": true}));
    world.run(300_000);
    assert_eq!((world.opens.len(), world.state()), (1, State::Ready));
    assert!(world.requests("echo").len() >= 5);
}

#[test]
fn weak20_frames_of_an_old_socket_do_not_reach_the_new_session() {
    let mut world = World::settled(20);
    world.break_line();
    world.run_until_ready();
    world.run(1_000);
    let response = json!({"type": "response", "class": "SessionResponse", "code": 200, "body": {"connected": true, "readOnly": true}});
    world.inject(Arrival::Frame(SocketId(1), response.to_string()));
    world.inject(Arrival::Frame(SocketId(1), loose_refusal(4006, "expired").to_string()));
    assert_eq!((world.state(), world.page.read_only), (State::Ready, false));
}

#[test]
fn weak20_a_second_start_after_an_end_opens_one_socket() {
    let mut world = World::settled(20);
    world.control("/_sim/expire", json!({"what": "session"}));
    world.run(1_000);
    assert_eq!(world.network.open_lines(), 0);
    world.command(|session, now, ticket| session.restart(now, true, ticket));
    world.run_until_ready();
    assert_eq!(world.network.open_lines(), 1);
}

#[test]
fn weak28_frames_of_the_model_that_no_one_asked_for_change_nothing() {
    let mut world = World::settled(28);
    world.raw(json!({"type": "response", "class": "GetConfigurationResponse", "code": 200, "body": {"maxCustomDataBytes": 1}}));
    world.raw(json!({"type": "response", "class": "ResumeTokenResponse", "code": 200, "body": {"resumeToken": "x", "exp": 1}}));
    world.raw(json!({"type": "response", "class": "Unknown", "code": 200, "body": {}}));
    world.run(1_000);
    assert_eq!((world.opens.len(), world.state()), (1, State::Ready));
    world.send("goes on");
    world.wait_sent(5_000);
}

#[test]
fn weak28_a_structured_error_without_a_request_is_told() {
    for class in ["Error", "ErrorMessage"] {
        let mut world = World::settled(28);
        world.raw(json!({"type": "response", "class": class, "code": 500, "body": {"errorCode": 5000, "errorMessage": "oops"}}));
        world.run(500);
        assert_eq!(world.events(|event| matches!(event, Event::Error { code: Code(5000) })), 1, "{class}");
    }
}
