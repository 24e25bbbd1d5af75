//! What is remembered, and whose messages they are, where the lead changes hands or is in doubt: faults.md row 29, as one tab sees it.

use crate::common::{Disk, Line, World};
use crate::tabs::FENCE;
use guestwire::core::error::Code;
use guestwire::core::machine::{Page as Signal, Role};
use guestwire::core::state::State;
use guestwire::guest::event::Status;
use serde_json::json;

/// The identity was used up, and this page stood still when it was told.
fn signed_in_elsewhere_while_frozen(seed: u64) -> World {
    let mut world = World::settled(seed);
    world.holds_proof = true;
    world.frozen = true;
    world.raw(json!({"type": "message", "class": "ConnectionClosedEvent", "code": 200, "body": {"reason": "signedIn"}}));
    world.run(6_000);
    world.thaw();
    world.run(1_000);
    world
}

guest_only! {
    #[test]
    fn row29_a_conversation_that_ended_before_a_page_that_stood_still_leaves_storage_when_it_knows_that_it_leads() {
        let mut world = signed_in_elsewhere_while_frozen(1);
        assert!(world.stored_token().is_some(), "another tab may lead, with a conversation of its own");
        world.prove(Role::Leader);
        assert!(matches!(world.state(), State::Ended { .. }), "{:?}", world.state());
        assert_eq!(world.stored_token(), None);
    }

    #[test]
    fn row29_what_another_tab_accepts_meanwhile_does_not_bring_it_back() {
        let mut world = signed_in_elsewhere_while_frozen(2);
        world.with(|session, now| session.added(now));
        world.prove(Role::Leader);
        assert_eq!(world.stored_token(), None);
    }

    #[test]
    fn row29_nor_does_a_page_that_was_put_away_and_comes_back_before_it_knows() {
        let mut world = signed_in_elsewhere_while_frozen(3);
        let token = world.stored_token();
        world.signal(Signal::Left);
        world.holds_proof = false;
        world.signal(Signal::Shown);
        world.run(10_000);
        assert_ne!(world.stored_token(), token);
        assert!(matches!(world.state(), State::Ended { .. }), "{:?}", world.state());
        world.command(|session, now, ticket| session.restart(now, true, ticket));
        world.run_until_ready();
        assert_ne!(world.configured_token(), token.unwrap());
    }

    #[test]
    fn row29_a_guest_that_was_logged_out_in_one_tab_does_not_come_back_in_another() {
        let mut world = World::new(4);
        world.kill();
        let token = "11111111-1111-4111-8111-111111111111";
        world.storage.insert(world.session_key(), json!({"v": 1, "token": token, "known": true}).to_string());
        world.lead_taken = true;
        world.load_page();
        world.start();
        world.run(1_000);
        // The tab that leads is told, and forgets the guest; then it is closed.
        world.storage.remove(&world.session_key());
        world.lead_taken = false;
        world.tell(Role::Leader);
        world.run_until_ready();
        assert_ne!(world.stored_token().as_deref(), Some(token));
        assert_ne!(world.configured_token(), token);
    }
}

#[test]
fn row29_what_another_tab_has_accepted_for_another_guest_goes_nowhere_unasked() {
    let mut world = World::settled(5);
    let id = "4c0f1a7e-0000-4000-8000-000000000003";
    let record = json!({"v": 1, "id": id, "at": crate::common::EPOCH, "text": "for another guest", "owner": 7});
    world.storage.insert(format!("gw1:world:m:1:{id}"), record.to_string());
    world.with(|session, now| session.added(now));
    world.run(20_000);
    assert_eq!((world.status(id), world.code(id)), (Status::Failed, Some(Code::SESSION_ENDED.0)));
    assert_eq!(world.stored().len(), 0);
}

#[test]
fn row29_a_fence_that_storage_had_refused_stands_there_when_this_tab_leads_again() {
    let mut world = World::new(6);
    world.disk = Disk::Quota(1);
    world.start();
    world.run_until_ready();
    assert!(!world.storage.contains_key(FENCE));
    world.lose_lead();
    world.disk = Disk::Works;
    // Another tab led before, and stands still: it would take its own fence for a sign that it leads.
    world.storage.insert(FENCE.into(), "of another tab".into());
    world.run(1_000);
    world.with(|session, now| session.take_over(now));
    world.run(1_000);
    assert_ne!(world.storage[FENCE], "of another tab");
}

/// The guest that another tab, one that does not lead any more, writes late over what the leader stored.
fn overwrite_guest(world: &mut World) {
    let other = json!({"v": 1, "token": "22222222-2222-4222-8222-222222222222", "known": true});
    world.storage.insert(world.session_key(), other.to_string());
}

#[test]
fn row29_a_guest_that_another_tab_writes_late_is_not_the_guest_of_a_line_that_is_there() {
    let mut world = World::settled(7);
    world.send("before");
    world.wait_sent(5_000);
    overwrite_guest(&mut world);
    world.with(|session, now| session.added(now));
    let id = world.send("after");
    world.run(60_000);
    assert_eq!((world.status(&id), world.code(&id)), (Status::Sent, None));
    assert_eq!(world.stored(), ["before", "after"]);
    assert_ne!(world.stored_token().as_deref(), Some("22222222-2222-4222-8222-222222222222"), "and what is remembered next is written over it");
}

#[test]
fn row29_a_tab_that_was_stopped_does_not_write_over_what_the_tab_that_leads_has_stored() {
    let mut world = World::settled(8);
    world.agent("unread");
    world.run(1_000);
    world.command(|session, now, ticket| session.stop(now, 0, ticket));
    overwrite_guest(&mut world);
    world.with(|session, now| session.mark_read(now));
    assert_eq!(world.stored_token().as_deref(), Some("22222222-2222-4222-8222-222222222222"));
    assert_eq!(world.page.unread, 0);
}

#[test]
fn row29_an_attempt_that_was_due_when_the_lead_was_lost_makes_no_guest_of_its_own() {
    let mut world = World::settled(9);
    let token = world.stored_token();
    world.holds_proof = true;
    world.frozen = true;
    world.break_line();
    world.run(6_000);
    world.thaw();
    world.with(|session, now| session.reconnect(now));
    let id = world.send("typed meanwhile");
    world.lose_lead();
    world.run(60_000);
    assert_eq!((world.stored_token(), world.network.open_lines()), (token, 0));
    assert!(world.message_keys().iter().any(|key| key.ends_with(&id)));
    assert!(world.storage.values().all(|value| !value.contains("failed")), "it waits for the tab that leads");
}

/// What another tab has stored of the conversation that was begun after everything was forgotten.
fn begun_elsewhere(world: &mut World) -> String {
    overwrite_guest(world);
    world.storage.insert(FENCE.into(), "of another tab".into());
    let key = "gw1:world:m:1:4c0f1a7e-0000-4000-8000-000000000009".to_string();
    world.storage.insert(key.clone(), r#"{"v":1,"id":"4c0f1a7e-0000-4000-8000-000000000009","at":1,"text":"hi"}"#.into());
    key
}

#[test]
fn row29_a_tab_that_hears_late_that_everything_was_forgotten_leaves_alone_what_was_begun_since() {
    let mut world = World::settled(11);
    world.send("of the old conversation");
    world.wait_sent(5_000);
    world.lead_taken = true;
    world.lose_lead();
    begun_elsewhere(&mut world);
    let kept = world.storage.clone();
    let ticket = world.command(|session, now, ticket| session.forget(now, true, ticket));
    assert_eq!((world.outcome(ticket), &world.storage), (Some(None), &kept));
    assert_eq!((world.page.rows.len(), world.page.outbox.0), (0, 0));
}

#[test]
fn row29_the_tab_that_leads_removes_what_it_wrote_before_it_heard_and_nothing_else() {
    let mut world = World::settled(12);
    world.network.line = Line::BlackHole;
    let id = world.send("unsent");
    world.run(1_000);
    let token = world.stored_token();
    // Accepted in the other tab, which waits for the lead.
    let key = begun_elsewhere(&mut world);
    world.storage.remove(FENCE);
    let ticket = world.command(|session, now, ticket| session.forget(now, true, ticket));
    assert_eq!(world.outcome(ticket), Some(None));
    assert_eq!((world.message_keys(), world.stored_token()), (vec![key], None));
    assert!(world.page.row(&id).is_none());
    world.heal();
    world.run(60_000);
    assert_eq!((world.network.open_lines(), world.in_line), (0, false));
    world.start();
    world.run_until_ready();
    assert_ne!(world.stored_token(), token);
}

#[test]
fn forget_settles_what_was_being_waited_for() {
    let mut world = World::new(13);
    world.network.line = Line::Offline;
    let started = world.start();
    world.run(1_000);
    world.command(|session, now, ticket| session.forget(now, false, ticket));
    assert_eq!(world.outcome(started), Some(Some(Code::STOPPED.0)));
}

#[test]
fn row29_a_tab_in_doubt_takes_nothing_up_and_stores_nothing_again() {
    let mut world = World::new(15);
    // Its fence is in memory alone.
    world.disk = Disk::Quota(1);
    world.network.line = Line::Offline;
    world.start();
    world.run(1_000);
    world.disk = Disk::Works;
    world.send("sent by the tab that leads now");
    assert_eq!(world.message_keys().len(), 1);
    world.holds_proof = true;
    world.frozen = true;
    world.run(6_000);
    world.storage.retain(|key, _| !key.contains(":m:"));
    world.storage.insert(FENCE.into(), "of another tab".into());
    world.thaw();
    world.with(|session, now| session.added(now));
    world.lead_taken = true;
    world.prove(Role::Follower);
    assert_eq!(world.message_keys().len(), 0);
}

guest_only! {
    #[test]
    fn row29_a_restart_that_the_loss_of_the_lead_cut_short_is_told_and_not_done_when_the_lead_is_back() {
        let mut world = World::settled(14);
        world.control("/_sim/agent", json!({"do": "disconnect", "readOnly": true}));
        world.run(500);
        world.network.line = Line::BlackHole;
        let ticket = world.command(|session, now, ticket| session.restart(now, true, ticket));
        world.lose_lead();
        assert_eq!(world.outcome(ticket), Some(Some(Code::NOT_CONNECTED.0)));
        world.heal();
        world.run(1_000);
        let from = world.sent.len();
        world.with(|session, now| session.take_over(now));
        world.run_until_ready();
        assert!(world.sent[from..].iter().all(|(_, frame)| !frame.contains(r#""startNew":true"#)));
    }

    #[test]
    fn row29_a_restart_in_a_page_that_slept_and_does_not_know_its_part_brings_nothing_back() {
        let mut world = World::settled(15);
        world.control("/_sim/expire", json!({"what": "session"}));
        world.run(1_000);
        let id = "4c0f1a7e-0000-4000-8000-000000000004";
        let key = format!("gw1:world:m:1:{id}");
        world.storage.insert(key.clone(), json!({"v": 1, "id": id, "at": crate::common::EPOCH, "text": "of another tab"}).to_string());
        world.with(|session, now| session.added(now));
        world.run(1_000);
        assert_eq!(world.status(id), Status::Queued);
        world.signal(Signal::Frozen);
        // Another tab leads, where the message is taken back.
        world.lead_taken = true;
        world.storage.remove(&key);
        world.signal(Signal::Resumed);
        let ticket = world.command(|session, now, ticket| session.restart(now, true, ticket));
        assert_eq!(world.outcome(ticket), Some(Some(Code::OTHER_TAB.0)));
        world.run(1_000);
        assert!(!world.storage.contains_key(&key));
    }
}
