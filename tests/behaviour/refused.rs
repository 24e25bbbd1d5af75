//! A refusal is an answer: what the service refused by name it does not have. guest-api.md §4.1, §5.2; design "Sending".

use crate::common::{Line, World, refusal};
use guestwire::core::error::Code;
use guestwire::core::state::{End, State};
use guestwire::guest::event::Status;
use serde_json::json;

fn disconnect(world: &mut World) {
    world.control("/_sim/agent", json!({"do": "disconnect", "readOnly": true}));
    world.run(500);
}

fn restart(world: &mut World) -> u32 {
    world.command(|session, now, ticket| session.restart(now, true, ticket))
}

#[test]
fn what_was_refused_as_read_only_goes_into_the_new_conversation_also_after_a_reload() {
    let mut world = World::settled(1);
    world.answer_message(refusal(409, "The conversation is read-only"));
    let id = world.send("refused");
    world.run(1_000);
    assert_eq!((world.status(&id), world.sent_texts().len()), (Status::Queued, 1));
    disconnect(&mut world);
    world.reload();
    world.run_until_ready();
    world.run(20_000);
    restart(&mut world);
    world.run(10_000);
    assert_eq!((world.status(&id), world.code(&id)), (Status::Sent, None));
    assert_eq!((world.stored(), world.metric("unprovedResends")), (vec!["refused".to_string()], 0));
}

#[test]
fn the_message_that_shows_that_the_session_is_over_is_not_in_doubt() {
    for code in [4006, 4007] {
        let mut world = World::settled(2);
        world.answer_message(refusal(code, "Session is expired"));
        let id = world.send("too late");
        world.run(1_000);
        assert_eq!(world.state(), State::Ended { reason: End::SessionExpired });
        assert_eq!((world.status(&id), world.code(&id)), (Status::Failed, Some(Code::SESSION_ENDED.0)), "{code}");
        restart(&mut world);
        world.run(20_000);
        assert_eq!((world.status(&id), world.times_stored("too late")), (Status::Sent, 1), "{code}");
    }
}

#[test]
fn a_restart_that_ends_in_an_end_is_settled() {
    let mut world = World::settled(3);
    world.control("/_sim/expire", json!({"what": "session"}));
    world.run(1_000);
    world.answer("configureSession", refusal(4007, "Session not found"));
    let ticket = restart(&mut world);
    world.run(5_000);
    assert!(matches!(world.state(), State::Ended { .. }), "{:?}", world.state());
    assert_eq!(world.outcome(ticket), Some(Some(Code::SESSION_ENDED.0)));
}

#[test]
fn a_stop_settles_a_restart_that_waits() {
    let mut world = World::settled(4);
    disconnect(&mut world);
    world.network.line = Line::BlackHole;
    let ticket = restart(&mut world);
    world.command(|session, now, ticket| session.stop(now, 0, ticket));
    assert_eq!(world.outcome(ticket), Some(Some(Code::STOPPED.0)));
    world.heal();
    let from = world.sent.len();
    world.start();
    world.run_until_ready();
    assert!(world.sent[from..].iter().all(|(_, frame)| !frame.contains(r#""startNew":true"#)), "and is not done later");
}

#[test]
fn what_is_being_read_of_the_conversation_that_was_left_does_not_come_into_the_new_one() {
    let mut world = World::settled(5);
    world.agent("of the old conversation");
    world.run(1_000);
    disconnect(&mut world);
    world.fault(json!({"on": "http", "match": {"path": "/messages"}, "do": "delay", "ms": 3_000}));
    world.break_line();
    world.run_until_ready();
    world.run(200);
    let ticket = restart(&mut world);
    world.run(10_000);
    assert_eq!(world.outcome(ticket), Some(None));
    assert_eq!(world.page.texts(), [] as [&str; 0]);
}

#[test]
fn what_came_over_a_line_whose_answer_was_lost_is_no_sign_that_the_conversation_goes_on() {
    let mut world = World::settled(7);
    world.set(json!({"expiredConfigure": "new"}));
    world.send("of the old conversation");
    world.wait_sent(5_000);
    world.run(10_000);
    world.control("/_sim/expire", json!({"what": "session"}));
    world.fault(json!({"on": "frame-out", "match": {"class": "SessionResponse"}, "do": "lose"}));
    world.break_line();
    world.wait("connected", 20_000, |world| world.opens.len() == 2);
    world.run(1_000);
    world.agent("of the new one");
    world.run(1_000);
    world.break_line();
    world.run_until_ready();
    // Before the guest writes there is no history to be read.
    world.send("mine");
    world.run(150_000);
    assert_eq!(world.page.texts(), ["of the new one", "mine"]);
}

guest_only! {
    #[test]
    fn a_restart_whose_second_step_is_never_answered_is_taken_up_by_the_next_connection() {
        for answer in [json!(null), json!({"message": "Internal server error", "requestId": "r", "connectionId": "c"})] {
            let mut world = World::settled(4);
            disconnect(&mut world);
            world.send("held");
            world.fault(if answer.is_null() {
                json!({"on": "frame-in", "match": {"action": "configureSession"}, "do": "lose"})
            } else {
                json!({"on": "frame-in", "match": {"action": "configureSession"}, "do": "reply", "frame": answer})
            });
            let ticket = restart(&mut world);
            world.run(9_000);
            assert_eq!(world.outcome(ticket), None, "still waited for");
            world.run(21_000);
            assert_eq!((world.outcome(ticket), world.page.read_only), (Some(None), false), "{answer}");
            assert_eq!(world.stored(), ["held"], "{answer}");
        }
    }

    #[test]
    fn a_closed_session_is_told_with_or_without_a_tracing_id() {
        let mut world = World::settled(5);
        disconnect(&mut world);
        world.send("held");
        let closed = json!({"type": "response", "class": "SessionResponse", "code": 200, "body": {"connected": false, "readOnly": true}});
        world.answer("closeSession", closed);
        let ticket = restart(&mut world);
        world.run(5_000);
        assert_eq!((world.outcome(ticket), world.stored()), (Some(None), vec!["held".to_string()]));

        // With that answer the request is settled: its ten seconds do not end the next restart.
        disconnect(&mut world);
        world.fault(json!({"on": "frame-in", "match": {"action": "closeSession"}, "do": "lose"}));
        let next = restart(&mut world);
        world.run(9_000);
        assert_eq!(world.outcome(next), None, "fourteen seconds after the first");
        world.run(2_000);
        assert_eq!(world.outcome(next), Some(Some(Code::NO_ANSWER.0)));
    }
}
