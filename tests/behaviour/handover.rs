//! What is remembered, and whose messages they are, where the lead changes hands or is in doubt: faults.md row 29, as one tab sees it.

use crate::common::{Disk, World};
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
