//! Several tabs of one visitor: faults.md row 29, as one of them sees it. (Several at once: `tests/simulation`.)

use crate::common::{CrashPoint, Line, World};
use guestwire::core::machine::{Page as Signal, Role};
use guestwire::core::state::State;
use guestwire::guest::event::{Event, Status};
use serde_json::json;

const HOUR: u64 = 3_600_000;
pub const FENCE: &str = "gw1:world:e";

/// Another tab holds the conversation.
fn second_tab(seed: u64) -> World {
    let mut world = World::new(seed);
    world.lead_taken = true;
    world.start();
    world.run(1_000);
    world
}

#[test]
fn a_second_tab_neither_connects_nor_sends_and_says_so() {
    let mut world = second_tab(1);
    let id = world.send("typed in the second tab");
    world.run(120_000);
    assert_eq!((world.opens.len(), world.sent.len(), world.page.leader), (0, 0, Some(false)));
    assert_eq!(world.status(&id), Status::Queued);
    assert!(world.session.as_ref().unwrap().is_durable(&id), "accepted is persisted, by any tab");
}

#[test]
fn a_second_tab_takes_over() {
    let mut world = second_tab(2);
    world.send("typed in the second tab");
    world.with(|session, now| session.take_over(now));
    world.run_until_ready();
    world.wait_sent(5_000);
    assert_eq!(world.page.leader, Some(true));
    assert_eq!(world.stored(), ["typed in the second tab"]);
}

#[test]
fn a_tab_that_lost_the_lead_closes_its_socket_and_sends_nothing() {
    let mut world = World::ready(3);
    world.lose_lead();
    world.run(1_000);
    assert_eq!((world.network.open_lines(), world.page.leader), (0, Some(false)));
    let sent = world.sent.len();
    world.send("typed after");
    world.signal(Signal::Visible);
    world.with(|session, now| session.reconnect(now));
    world.run(120_000);
    assert_eq!((world.sent.len(), world.opens.len()), (sent, 1));
}

#[test]
fn one_in_flight_when_the_lead_was_lost_is_proved_after_it_is_back() {
    for arrives in [true, false] {
        let mut world = World::settled(4);
        if !arrives {
            world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "lose"}));
        }
        world.fault(json!({"on": "frame-out", "match": {"action": "onMessage", "type": "Text"}, "do": "lose"}));
        world.send("in flight");
        world.run(500);
        world.lose_lead();
        world.run(5_000);
        world.with(|session, now| session.take_over(now));
        world.wait_sent(60_000);
        assert_eq!(world.times_stored("in flight"), 1, "arrives {arrives}");
    }
}

guest_only! {
    #[test]
    fn what_the_other_tab_has_settled_is_not_sent_again() {
        let mut world = World::new(5);
        world.network.line = Line::Offline;
        world.start();
        let id = world.send("sent by the other tab");
        world.lose_lead();
        // The other tab sends it and takes it out of storage.
        world.storage.retain(|key, _| !key.ends_with(id.as_str()));
        world.heal();
        world.with(|session, now| session.take_over(now));
        world.run_until_ready();
        world.run(20_000);
        assert_eq!(world.sent_texts().len(), 0);
        assert_eq!(world.message_keys().len(), 0);
    }
}

#[test]
fn only_the_leader_changes_or_removes_records() {
    let mut world = World::new(6);
    world.network.line = Line::Offline;
    world.start();
    let ids = ["one", "two"].map(|text| world.send(text));
    world.lose_lead();
    // The leader has sent the first one meanwhile.
    world.storage.retain(|key, _| !key.ends_with(ids[0].as_str()));
    let kept = world.storage.clone();
    world.run(HOUR + 60_000);
    assert_eq!(world.storage, kept, "a follower that lets a message expire would bring it back");
}

#[test]
fn a_follower_is_told_once() {
    let world = second_tab(7);
    assert_eq!(world.events(|event| matches!(event, Event::Tab { .. })), 1);
}

// What may be sent after the page may have stood still.

/// A leader that has stood still for so long, and does not know yet whether it leads still.
fn thawed(seed: u64, still_ms: u64) -> World {
    let mut world = World::settled(seed);
    world.signal(Signal::Focused);
    world.holds_proof = true;
    world.frozen = true;
    world.run(still_ms);
    world
}

#[test]
fn row29_a_leader_that_stood_still_sends_nothing_before_it_knows_that_it_leads() {
    let mut world = thawed(20, 2_500);
    let sent = world.sent.len();
    world.thaw();
    let id = world.send("typed after the thaw");
    world.run(20_000);
    assert_eq!((world.sent.len(), world.status(&id)), (sent, Status::Queued), "not even a probe");
    world.prove(Role::Leader);
    world.wait_sent(5_000);
    assert_eq!(world.stored(), ["typed after the thaw"]);
}

#[test]
fn row29_a_leader_that_lost_the_lead_while_it_stood_still_sends_nothing_at_all() {
    let mut world = thawed(21, 6_000);
    world.lead_taken = true;
    let sent = world.sent.len();
    world.thaw();
    let id = world.send("typed after the thaw");
    world.prove(Role::Follower);
    world.run(HOUR / 2);
    assert_eq!((world.sent.len(), world.page.leader, world.network.open_lines()), (sent, Some(false), 0));
    assert!(world.message_keys().iter().any(|key| key.ends_with(&id)), "the next leader finds it");
}

#[test]
fn row29_a_moment_of_less_than_two_seconds_needs_no_proof() {
    let mut world = thawed(22, 1_000);
    world.thaw();
    world.send("at once");
    world.wait_sent(1_500);
}

#[test]
fn row29_what_is_judged_by_time_waits_for_the_proof() {
    let mut world = thawed(23, 100);
    world.network.line = Line::Offline;
    world.thaw();
    world.break_line();
    let id = world.send("old");
    world.frozen = true;
    world.run(HOUR + 60_000);
    world.thaw();
    world.run(1_000);
    assert_eq!(world.status(&id), Status::Queued, "another tab may have sent it");
    world.prove(Role::Leader);
    assert_eq!(world.status(&id), Status::Expired);
}

#[test]
fn row29_another_fence_in_storage_ends_the_lead_whatever_the_lock_says() {
    let mut world = World::ready(24);
    world.run(15_000);
    assert!(world.storage.contains_key(FENCE));
    world.storage.insert(FENCE.into(), "of another tab".into());
    world.lead_taken = true;
    let sent = world.sent.len();
    let id = world.send("typed");
    world.run(5_000);
    assert_eq!((world.sent.len(), world.page.leader), (sent, Some(false)));
    assert!(world.message_keys().iter().any(|key| key.ends_with(&id)));
}

#[test]
fn every_leader_writes_a_fence_of_its_own() {
    let mut world = World::ready(25);
    let first = world.storage[FENCE].clone();
    world.reload();
    world.run_until_ready();
    assert_ne!(world.storage[FENCE], first);
}

// What a leader takes over.

guest_only! {
    #[test]
    fn what_another_tab_has_accepted_is_taken_up_and_sent_in_its_place() {
        let mut world = World::settled(26);
        world.network.line = Line::Offline;
        world.break_line();
        world.send("first");
        let (name, value) = ("7:4c0f1a7e-0000-4000-8000-000000000001", accepted("4c0f1a7e-0000-4000-8000-000000000001", "second"));
        let key = format!("gw1:world:m:{name}");
        world.storage.insert(key.clone(), value.clone());
        world.with(|session, now| session.added(now));
        world.with(|session, now| session.added(now));
        world.send("third");
        assert_eq!(world.page.texts(), ["first", "second", "third"]);
        world.heal();
        world.run_until_ready();
        world.wait_sent(20_000);
        assert_eq!(world.stored(), ["first", "second", "third"]);
        assert_eq!(world.message_keys().len(), 0);
        // Its removal did not come to pass.
        world.storage.insert(key, value);
        world.with(|session, now| session.added(now));
        world.run(20_000);
        assert_eq!((world.times_stored("second"), world.message_keys().len()), (1, 0), "it is known to have been sent");
    }
}

guest_only! {
    #[test]
    fn what_another_tab_has_accepted_is_too_old_an_hour_later() {
        let mut world = World::settled(27);
        world.network.line = Line::Offline;
        world.break_line();
        let id = "4c0f1a7e-0000-4000-8000-000000000002";
        world.storage.insert(format!("gw1:world:m:1:{id}"), accepted(id, "of another tab"));
        world.with(|session, now| session.added(now));
        assert_eq!(world.status(id), Status::Queued);
        world.run(HOUR + 60_000);
        assert_eq!(world.status(id), Status::Expired);
    }
}

#[test]
fn what_is_not_in_storage_any_more_when_another_tab_adds_something_is_stored_again() {
    let mut world = World::ready(33);
    world.network.line = Line::Offline;
    world.break_line();
    let mine = world.send("mine");
    world.storage.retain(|key, _| !key.contains(":m:"));
    let id = "4c0f1a7e-0000-4000-8000-000000000004";
    world.storage.insert(format!("gw1:world:m:7:{id}"), accepted(id, "of another tab"));
    world.with(|session, now| session.added(now));
    assert!(world.message_keys().iter().any(|key| key.ends_with(&mine)), "the leader removes what is settled, and nobody else");
    world.heal();
    world.run_until_ready();
    world.wait("both are stored", 20_000, |world| world.message_keys().is_empty());
    assert_eq!(world.stored().len(), 2);
}

#[test]
fn what_another_tab_says_is_not_taken_for_more_than_a_message() {
    let mut world = World::ready(28);
    for (name, value) in
        [("", ""), ("1:x", "{}"), ("x", "[]"), (":", "null"), ("1:y", r#"{"v":1,"id":"z","at":1,"text":"t"}"#), ("1:y", r#"{"v":2}"#)]
    {
        world.storage.insert(format!("gw1:world:m:{name}"), value.into());
        world.with(|session, now| session.added(now));
    }
    for page in ["", "{}", "[]", r#"{"entities":7}"#, r#"{"entities":[null,7],"items":"x"}"#] {
        world.with(|session, now| session.adopt(now, page));
    }
    world.run(20_000);
    assert_eq!((world.page.texts().len(), world.outbox_len(), world.state()), (0, 0, State::Ready));
}

#[test]
fn a_follower_takes_nothing_up() {
    let mut world = second_tab(29);
    let id = "4c0f1a7e-0000-4000-8000-000000000003";
    world.storage.insert(format!("gw1:world:m:1:{id}"), accepted(id, "of a third tab"));
    world.with(|session, now| session.added(now));
    assert_eq!((world.outbox_len(), world.page.rows.len()), (0, 0));
}

guest_only! {
    #[test]
    fn who_takes_over_goes_on_with_the_list_of_the_one_before_and_reads_what_it_missed() {
        let mut world = World::settled(30);
        for text in ["one", "two"] {
            world.agent(text);
            world.run(1_000);
        }
        let bodies: Vec<serde_json::Value> = world.page.rows.iter().map(|row| serde_json::from_str(&world.page.bodies[&row.id]).unwrap()).collect();
        world.lose_lead();
        assert_eq!(world.page.texts().len(), 0);
        world.agent("three");
        world.run(5_000);
        world.network.line = Line::Offline;
        world.with(|session, now| session.take_over(now));
        world.with(|session, now| session.adopt(now, &json!({ "entities": bodies }).to_string()));
        assert_eq!(world.page.texts(), ["one", "two"], "before anything was read");
        world.heal();
        world.run_until_ready();
        world.run(10_000);
        assert_eq!(world.page.texts(), ["one", "two", "three"]);
        assert_eq!(world.events(|event| matches!(event, Event::Removed { .. })), 0);
    }
}

// Asleep while others go on.

#[test]
fn row29_a_frozen_page_gives_up_its_socket_and_the_lead_and_is_back_after_the_thaw() {
    for (sleep, wake) in [(Signal::Frozen, Signal::Resumed), (Signal::Left, Signal::Shown), (Signal::Frozen, Signal::Shown)] {
        let mut world = World::ready(31);
        world.signal(sleep);
        world.run(1_000);
        assert_eq!((world.network.open_lines(), world.in_line), (0, false), "{sleep:?}");
        world.agent("while it slept");
        world.run(60_000);
        world.signal(wake);
        world.wait("resynced", 5_000, |world| world.state() == State::Ready && world.page.texts() == ["while it slept"]);
    }
}

#[test]
fn what_another_tab_has_forgotten_does_not_come_back_with_one_that_was_asleep() {
    let mut world = World::ready(32);
    world.network.line = Line::Offline;
    world.break_line();
    world.send("unsent");
    world.signal(Signal::Left);
    world.storage.retain(|key, _| !key.starts_with("gw1:world:"));
    world.storage.insert(FENCE.into(), "of the tab that has forgotten".into());
    world.heal();
    world.signal(Signal::Shown);
    world.run_until_ready();
    world.run(60_000);
    assert_eq!((world.page.texts().len(), world.times_stored("unsent")), (0, 0));
}

/// A message as a page stores it that has no module yet, or does not lead (`www/client/early.ts`).
fn accepted(id: &str, text: &str) -> String {
    json!({"v": 1, "id": id, "at": crate::common::EPOCH, "text": text}).to_string()
}

#[test]
fn row29_a_page_that_comes_back_behind_another_that_leads_connects_nowhere() {
    for (sleep, wake) in [(Signal::Frozen, Signal::Resumed), (Signal::Left, Signal::Shown)] {
        let mut world = World::ready(33);
        world.signal(sleep);
        world.lead_taken = true;
        world.run(60_000);
        let opens = world.opens.len();
        world.signal(wake);
        for signal in [Signal::Visible, Signal::Focused, Signal::Online] {
            world.signal(signal);
        }
        world.run(120_000);
        assert_eq!((world.opens.len(), world.network.open_lines(), world.page.leader), (opens, 0, Some(false)), "{wake:?}");
    }
}

#[test]
fn row29_what_is_stored_is_not_changed_before_a_tab_that_stood_still_knows_that_it_leads() {
    let mut world = thawed(34, 100);
    world.thaw();
    world.network.line = Line::Offline;
    world.break_line();
    let id = world.send("taken back too late");
    world.frozen = true;
    world.run(6_000);
    world.lead_taken = true;
    world.storage.insert(FENCE.into(), "of another tab".into());
    let kept = world.storage.clone();
    world.thaw();
    assert!(!world.with(|session, now| session.cancel(now, &id)), "the tab that leads may have sent it");
    world.with(|session, now| session.mark_read(now));
    assert_eq!(world.storage, kept);
}

#[test]
fn row29_a_frame_that_lay_waiting_brings_no_record_back_that_the_next_leader_has_removed() {
    let mut world = World::settled(37);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "lose"}));
    world.send("sent by another tab");
    world.holds_proof = true;
    world.frozen = true;
    // It tells the time of the service, by which the record's own is put right.
    world.agent("an answer");
    world.run(6_000);
    world.lead_taken = true;
    world.storage.retain(|key, _| !key.contains(":m:"));
    let kept = world.storage.clone();
    world.thaw();
    world.run(1_000);
    assert_eq!(world.page.texts(), ["an answer", "sent by another tab"], "it came");
    assert_eq!(world.storage, kept);
    // Nor is anything written over what the next leader remembers of the conversation, before it is known that there is none.
    world.with(|session, now| session.mark_read(now));
    assert_eq!(world.storage, kept);
    world.prove(Role::Leader);
    assert_ne!(world.storage.get(&world.session_key()), kept.get(&world.session_key()), "what was read is remembered");
}

#[test]
fn row29_what_is_acknowledged_to_a_tab_that_stood_still_leaves_storage_when_it_knows_that_it_leads_and_after_the_anchor() {
    let mut world = World::settled(39);
    world.holds_proof = true;
    let id = world.send("yes");
    world.frozen = true;
    world.run(6_000);
    let kept = world.storage.clone();
    world.thaw();
    world.run(1_000);
    assert_eq!(world.status(&id), Status::Sent);
    // Without its record the next of these words would be taken for it, as long as the anchor of what is sent is as old as this.
    assert_eq!(world.storage, kept);
    world.crash_at = Some(CrashPoint::AfterAckPersisted);
    world.prove(Role::Leader);
    assert_eq!(world.crashed, Some(CrashPoint::AfterAckPersisted));
    assert_eq!(world.message_keys().len(), 0);
    assert_ne!(world.storage.get(&world.session_key()), kept.get(&world.session_key()), "the anchor was there before");
}

#[test]
fn row29_an_answer_from_before_the_page_stood_still_proves_nothing() {
    let mut world = thawed(35, 100);
    world.thaw();
    world.run(12_000);
    let id = world.send("asked before");
    world.frozen = true;
    world.run(6_000);
    world.lead_taken = true;
    world.frozen = false;
    let sent = world.sent.len();
    // The answer lay in the page's queue, in front of the news that the lock was stolen.
    world.holds_proof = true;
    world.tell(Role::Leader);
    world.run(1_000);
    assert_eq!((world.sent.len(), world.status(&id)), (sent, Status::Queued));
    world.prove(Role::Follower);
    world.run(60_000);
    assert_eq!(world.sent.len(), sent);
}

#[test]
fn row29_what_is_sent_with_a_list_that_was_taken_over_is_looked_for_behind_what_was_acknowledged_last() {
    let mut world = World::settled(40);
    world.set(json!({"echoMetadata": false, "echoTracingId": "none"}));
    world.agent("older");
    world.run(1_000);
    let row = world.page.rows.last().unwrap();
    let body: serde_json::Value = serde_json::from_str(&world.page.bodies[&row.id]).unwrap();
    let page = json!({"entities": [body], "items": [body]}).to_string();
    world.send("yes");
    world.wait_sent(5_000);
    world.kill();
    // The next life has the list as it was before that message. The next of the same words is lost on its way.
    world.load_page();
    world.start();
    world.with(|session, now| session.adopt(now, &page));
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "lose"}));
    let id = world.send("yes");
    world.run(60_000);
    assert_eq!(world.status(&id), Status::Sent);
    assert_eq!(world.times_stored("yes"), 2);
}

#[test]
fn who_takes_over_reads_what_was_never_read_also_when_its_first_line_is_lost() {
    let mut world = World::settled(36);
    for text in ["older", "newer"] {
        world.agent(text);
        world.run(1_000);
    }
    // The tab before has shown the newer one only, and was gone before it had read the history.
    let row = world.page.rows.last().unwrap();
    let body: serde_json::Value = serde_json::from_str(&world.page.bodies[&row.id]).unwrap();
    let page = json!({"entities": [body], "items": [body]}).to_string();
    world.lose_lead();
    world.network.line = Line::BlackHole;
    world.with(|session, now| session.take_over(now));
    world.with(|session, now| session.adopt(now, &page));
    world.run(11_000);
    world.heal();
    world.run_until_ready();
    world.run(40_000);
    assert_eq!(world.page.texts(), ["older", "newer"]);
}

#[test]
fn who_takes_over_and_finds_the_conversation_gone_from_storage_does_not_go_on_with_its_list() {
    let mut world = World::settled(37);
    world.agent("of the old one");
    world.run(1_000);
    let body: serde_json::Value = serde_json::from_str(&world.page.bodies[&world.page.rows.last().unwrap().id]).unwrap();
    let page = json!({"entities": [body], "items": [body]}).to_string();
    world.kill();
    world.storage.remove(&world.session_key());
    world.load_page();
    world.start();
    world.with(|session, now| session.adopt(now, &page));
    let id = world.send("of the new one");
    assert_eq!(world.page.texts(), ["of the new one"]);
    world.run(120_000);
    assert_eq!((world.status(&id), world.page.texts().len()), (Status::Sent, 1));
}
