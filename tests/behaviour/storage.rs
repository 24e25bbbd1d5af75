//! Storage that is missing, full, or cleared under way: faults.md row 23. What is corrupt, torn or of another version is in `damage`.

use crate::common::{Disk, Line, World, refusal, utf16};
use guestwire::core::error::Code;
use guestwire::core::machine::Page as Signal;
use guestwire::guest::event::Status;
use serde_json::{Value, json};

const TOKEN: &str = "00000000-0000-4000-8000-000000000000";

pub fn all(storage: &std::collections::BTreeMap<String, String>) -> usize {
    storage.iter().map(|(key, value)| utf16(key) + utf16(value)).sum()
}

/// A world whose storage holds three messages that were typed offline, not loaded yet.
pub fn three_waiting(seed: u64) -> (World, [String; 3]) {
    let mut world = World::new(seed);
    world.network.line = Line::Offline;
    world.start();
    let ids = ["one", "two", "three"].map(|text| world.send(text));
    world.kill();
    (world, ids)
}

pub fn come_back(world: &mut World) {
    world.load_page();
    world.heal();
    world.start();
    world.run_until_ready();
    world.run(10_000);
}

pub fn key_of(world: &World, id: &str) -> String {
    world.storage.keys().find(|key| key.ends_with(id)).unwrap().clone()
}

/// What the messages take in storage.
pub fn messages(world: &World) -> usize {
    world.storage.iter().filter(|(key, _)| key.contains(":m:")).map(|(key, value)| utf16(key) + utf16(value)).sum()
}

fn durable(world: &World, id: &str) -> bool {
    world.session.as_ref().unwrap().is_durable(id)
}

#[test]
fn row23_without_storage_memory_takes_over_and_says_so() {
    let mut world = World::new(1);
    world.disk = Disk::Unavailable;
    world.start();
    let id = world.send("in memory");
    assert!(!durable(&world, &id));
    world.run_until_ready();
    world.wait_sent(5_000);
    assert_eq!(world.stored(), ["in memory"]);
    assert!(world.page.warned(Code::STORAGE_UNAVAILABLE));
}

#[test]
fn row23_with_storage_a_message_is_durable() {
    let mut world = World::new(1);
    let id = world.send("kept");
    assert!(durable(&world, &id));
    assert_eq!(world.message_keys().len(), 1);
}

#[test]
fn row23_storage_full_at_any_byte_loses_and_doubles_nothing() {
    for quota in (0..2_400).chain((2_400..4_000).step_by(80)) {
        let mut world = World::new(quota as u64);
        world.disk = Disk::Quota(quota);
        world.network.line = Line::Offline;
        world.start();
        let ids = ["one", "two", "three", "four"].map(|text| world.send(text));
        for id in &ids {
            let stored = world.storage.keys().any(|key| key.ends_with(id.as_str()));
            assert_eq!(durable(&world, id), stored, "quota {quota}: durable is told as it is");
        }
        world.heal();
        world.run_until_ready();
        world.run(10_000);
        assert_eq!(world.stored(), ["one", "two", "three", "four"], "quota {quota}");
        assert!(ids.iter().all(|id| world.status(id) == Status::Sent), "quota {quota}");
    }
}

#[test]
fn row23_a_reload_with_full_storage_keeps_what_was_durable() {
    for quota in (400..4_000).step_by(200) {
        let mut world = World::new(quota as u64);
        world.disk = Disk::Quota(quota);
        world.network.line = Line::Offline;
        world.start();
        let kept: Vec<&str> = ["one", "two", "three", "four"]
            .into_iter()
            .filter(|text| {
                let id = world.send(text);
                durable(&world, &id)
            })
            .collect();
        world.kill();
        come_back(&mut world);
        world.run(20_000);
        assert_eq!(world.stored(), kept, "quota {quota}");
        world.reload();
        world.run_until_ready();
        world.run(20_000);
        assert_eq!(world.stored(), kept, "quota {quota}: and not again");
    }
}

#[test]
fn row23_storage_that_fills_up_under_way_is_told_and_harms_nothing() {
    let mut world = World::ready(2);
    let used = all(&world.storage);
    world.disk = Disk::Quota(used);
    let id = world.send("no room");
    assert!(!durable(&world, &id));
    assert!(world.page.warned(Code::STORAGE_FULL));
    world.wait_sent(5_000);
    assert_eq!(world.times_stored("no room"), 1);
}

#[test]
fn row23_cleared_under_way_what_waits_is_still_sent() {
    let mut world = World::ready(3);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(100);
    for text in ["one", "two"] {
        world.send(text);
    }
    world.storage.clear();
    world.heal();
    world.run_until_ready();
    world.wait_sent(10_000);
    assert_eq!(world.stored(), ["one", "two"]);
}

#[test]
fn row23_cleared_while_one_is_in_flight_it_is_not_doubled() {
    let mut world = World::settled(4);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "drop", "after": true}));
    world.send("one");
    world.run(10);
    world.storage.clear();
    world.wait_sent(40_000);
    assert_eq!(world.times_stored("one"), 1);
}

#[test]
fn row23_cleared_under_way_and_read_again_what_waits_is_still_sent() {
    let mut world = World::ready(5);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(100);
    for text in ["one", "two"] {
        world.send(text);
    }
    world.storage.clear();
    // The page goes into the back/forward cache and comes back, and storage is read again.
    world.signal(Signal::Left);
    world.heal();
    world.signal(Signal::Shown);
    world.run_until_ready();
    world.run(10_000);
    assert_eq!(world.stored(), ["one", "two"], "memory takes over");
}

guest_only! {
    #[test]
    fn row23_a_newer_session_is_used_and_never_written_over() {
        let mut world = World::new(12);
        world.kill();
        let newer = json!({"v": 2, "token": TOKEN, "known": true, "hologram": {"depth": 3}}).to_string();
        world.storage.insert(world.session_key(), newer.clone());
        world.load_page();
        world.start();
        world.run_until_ready();
        world.send("hello");
        world.wait_sent(5_000);
        world.agent("hi");
        world.run(1_000);
        world.with(|session, now| session.mark_read(now));
        assert_eq!(world.requests("configureSession")[0]["token"], TOKEN);
        assert_eq!(world.storage.get(&world.session_key()), Some(&newer));
        assert!(world.page.warned(Code::STORAGE_NEWER));
    }
}

#[test]
fn row23_all_our_keys_stay_within_256_kib_and_the_quarantine_within_32() {
    let (mut world, _) = three_waiting(13);
    for n in 100..160 {
        world.storage.insert(format!("gw1:world:m:{n}:bad-{n}"), "x".repeat(4_000));
    }
    world.load_page();
    world.network.line = Line::Offline;
    world.start();
    while world.try_send(&"y".repeat(4_000)).is_ok() {}
    let aside: usize = world.storage.iter().filter(|(key, _)| key.contains(":q:")).map(|(k, v)| 2 * (k.len() + v.len())).sum();
    assert!(aside > 0 && aside <= 32 * 1024, "{aside}");
    assert!(all(&world.storage) <= 256 * 1024, "{}", all(&world.storage));
    // Another life does not add to it.
    for n in 200..260 {
        world.storage.insert(format!("gw1:world:m:{n}:bad-{n}"), "x".repeat(4_000));
    }
    world.kill();
    world.load_page();
    let aside: usize = world.storage.iter().filter(|(key, _)| key.contains(":q:")).map(|(k, v)| 2 * (k.len() + v.len())).sum();
    assert!(aside <= 32 * 1024, "{aside}");
    assert!(all(&world.storage) <= 256 * 1024, "{}", all(&world.storage));
}

#[test]
fn row23_what_becomes_of_the_messages_keeps_them_within_192_kib() {
    let mut world = World::new(41);
    world.start();
    while world.try_send(&"y".repeat(600)).is_ok() {}
    // Whose they are, where they were when they were sent, why they failed: each adds to its record.
    for _ in 0..200 {
        world.run(1_000);
        assert!(messages(&world) <= 192 * 1024, "{}", messages(&world));
    }
    world.control("/_sim/expire", json!({"what": "session"}));
    world.break_line();
    for _ in 0..60 {
        world.run(1_000);
        assert!(messages(&world) <= 192 * 1024, "{}", messages(&world));
    }
}

#[test]
fn row23_what_storage_does_not_let_go_of_counts_against_the_192_kib() {
    let mut world = World::ready(53);
    world.disk = Disk::Keeps;
    let mut refusal = None;
    for n in 0..40 {
        match world.try_send(&format!("{n:04000}")) {
            Ok(_) => world.wait_sent(20_000),
            Err(error) => refusal = Some(error.code),
        }
        assert!(messages(&world) <= 192 * 1024, "{}", messages(&world));
    }
    assert!(messages(&world) > 176 * 1024, "the records of what was sent stand there still: {}", messages(&world));
    assert_eq!(refusal, Some(Code::OUTBOX_FULL), "and there is no room for another");
    // Nor is there in the next life of the page, as long as they stay.
    world.reload();
    world.run_until_ready();
    world.run(20_000);
    assert_eq!(world.try_send(&"y".repeat(4_000)).map_err(|error| error.code), Err(Code::OUTBOX_FULL));
    world.disk = Disk::Works;
    world.reload();
    world.run_until_ready();
    world.run(360_000);
    assert_eq!(world.message_keys().len(), 0, "what was sent goes when it can");
    assert_eq!(world.stored().len(), 23, "and none of it is sent again");
    world.send("room again");
    world.wait_sent(20_000);
}

#[test]
fn row23_where_storage_throws_what_was_sent_takes_no_room() {
    let mut world = World::ready(55);
    world.disk = Disk::Unavailable;
    for n in 0..60 {
        world.send(&format!("{n:04000}"));
        world.wait_sent(20_000);
    }
    assert_eq!(world.stored().len(), 60);
}

guest_only! {
    #[test]
    fn row23_a_message_asked_for_again_while_storage_is_full_leaves_nothing_behind() {
        for taken_back in [false, true] {
            let mut world = World::settled(56);
            world.answer_message(refusal(4011, "message too long"));
            let id = world.send("again");
            world.run(2_000);
            assert_eq!(world.status(&id), Status::Failed);
            if taken_back {
                world.network.line = Line::Offline;
                world.break_line();
                world.run(1_000);
            }
            world.disk = Disk::Quota(0);
            world.with(|session, now| session.retry(now, &id)).unwrap();
            world.disk = Disk::Works;
            if taken_back {
                assert!(world.with(|session, now| session.cancel(now, &id)));
            } else {
                world.wait_sent(10_000);
            }
            assert_eq!(world.message_keys().len(), 0, "taken back: {taken_back}");
        }
    }
}

#[test]
fn row23_what_could_be_stored_only_when_it_was_sent_counts_too_while_it_stays() {
    let mut world = World::ready(55);
    for _ in 0..3 {
        world.disk = Disk::Unavailable;
        world.network.line = Line::BlackHole;
        world.send(&"z".repeat(4_000));
        world.heal();
        world.disk = Disk::Keeps;
        world.wait_sent(60_000);
    }
    let kept = messages(&world);
    assert!(kept > 8_000, "one at least stands there still: {kept}");
    let mut accepted = 0;
    while world.try_send(&"y".repeat(4_000)).is_ok() {
        accepted += 1;
    }
    assert!(accepted > 0 && messages(&world) <= 192 * 1024, "{}", messages(&world));
}

#[test]
fn row23_what_is_damaged_and_cannot_be_taken_out_counts_against_the_192_kib() {
    let mut world = World::new(54);
    world.kill();
    for n in 100..120 {
        world.storage.insert(format!("gw1:world:m:{n}:bad-{n}"), "x".repeat(4_000));
    }
    world.disk = Disk::Keeps;
    world.load_page();
    world.network.line = Line::Offline;
    world.start();
    while world.try_send(&"y".repeat(4_000)).is_ok() {}
    let records = |key: &str| key.starts_with("gw1:world:m:");
    let waiting = world.storage.keys().filter(|key| records(key) && !key.contains("bad")).count();
    let bytes: usize = world.storage.iter().filter(|(key, _)| records(key)).map(|(key, value)| 2 * (key.len() + value.len())).sum();
    assert!(waiting > 0 && bytes <= 192 * 1024, "{waiting} wait among {bytes} bytes");
}

#[test]
fn row23_storage_that_refuses_some_writes_loses_and_doubles_nothing() {
    for writes in 0..256_u64 {
        let mut world = World::new(writes);
        // Each of the first eight writes, in every combination.
        world.disk = Disk::Fails(writes << 1);
        world.start();
        let ids = ["one", "two"].map(|text| world.send(text));
        world.run_until_ready();
        world.run(10_000);
        assert_eq!(world.stored(), ["one", "two"], "{writes:08b}");
        assert!(ids.iter().all(|id| world.status(id) == Status::Sent), "{writes:08b}");
    }
}

#[test]
fn row23_only_the_conversation_cleared_what_waits_is_still_sent_by_this_page() {
    let mut world = World::ready(47);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(100);
    for text in ["one", "two"] {
        world.send(text);
    }
    let key = world.session_key();
    world.storage.remove(&key);
    world.signal(Signal::Left);
    world.heal();
    world.signal(Signal::Shown);
    world.run_until_ready();
    world.run(10_000);
    assert_eq!(world.stored(), ["one", "two"]);
    assert!(world.storage.contains_key(&world.session_key()), "and what is remembered is written again");
}

#[test]
fn row23_only_messages_cleared_what_waits_is_still_sent_by_this_page() {
    let mut world = World::ready(48);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(100);
    for text in ["one", "two"] {
        world.send(text);
    }
    world.storage.retain(|key, _| !key.contains(":m:"));
    world.heal();
    world.run_until_ready();
    world.run(10_000);
    assert_eq!(world.stored(), ["one", "two"]);
}

#[test]
fn row23_without_storage_to_read_nothing_is_thrown_and_the_next_page_finds_what_was_kept() {
    let (mut world, _) = three_waiting(49);
    world.disk = Disk::Missing;
    come_back(&mut world);
    assert_eq!(world.stored(), Vec::<String>::new(), "it cannot be seen");
    let id = world.send("blind");
    assert!(!durable(&world, &id));
    world.wait_sent(10_000);
    world.disk = Disk::Works;
    world.reload();
    world.run_until_ready();
    world.run(20_000);
    for text in ["blind", "one", "two", "three"] {
        assert_eq!(world.times_stored(text), 1, "{text}");
    }
}

#[test]
fn row23_keys_of_others_are_never_touched() {
    let mut world = World::new(14);
    for (key, value) in [("gw1:other:session", "{"), ("gw1:worldwide:m:1:x", "{"), ("cart", "{")] {
        world.storage.insert(key.into(), value.into());
    }
    let before = world.storage.clone();
    world.load_page();
    world.start();
    world.run_until_ready();
    world.command(|session, now, ticket| session.forget(now, false, ticket));
    world.run(1_000);
    for (key, value) in before.iter().filter(|(key, _)| !key.starts_with("gw1:world:")) {
        assert_eq!(world.storage.get(key), Some(value));
    }
}

guest_only! {
    #[test]
    fn a_failed_message_survives_the_reload_with_its_reason() {
        let mut world = World::ready(16);
        world.answer_message(refusal(4011, "too long"));
        let id = world.send("poison");
        world.run(1_000);
        world.kill();
        let kept: Value = serde_json::from_str(&world.storage[&key_of(&world, &id)]).unwrap();
        assert_eq!(kept["text"], "poison");
        world.load_page();
        assert_eq!((world.status(&id), world.code(&id)), (Status::Failed, Some(4011)));
    }
}

guest_only! {
    #[test]
    fn row23_a_message_asked_for_again_while_storage_refuses_is_not_lost_to_the_old_record() {
        let mut world = World::settled(40);
        world.answer_message(refusal(4011, "message too long"));
        let id = world.send("again");
        world.run(2_000);
        assert_eq!(world.status(&id), Status::Failed);
        world.network.line = Line::Offline;
        world.break_line();
        world.run(1_000);
        world.disk = Disk::Unavailable;
        world.with(|session, now| session.retry(now, &id)).unwrap();
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
        world.wait("sent", 60_000, |world| world.page.row(&id).is_some_and(|row| row.status == Status::Sent));
        assert_eq!(world.stored(), ["again"]);
    }
}

guest_only! {
    #[test]
    fn row23_storage_that_lost_the_last_words_of_a_message_does_not_double_it() {
        let mut world = World::settled(9);
        world.network.line = Line::Offline;
        world.break_line();
        let id = world.send("said while away");
        let (key, accepted) = (key_of(&world, &id), world.storage[&key_of(&world, &id)].clone());
        world.heal();
        world.wait_sent(60_000);
        // The power failed: what the disk has is that it was accepted, and not that it was sent.
        world.kill();
        world.storage.insert(key, accepted);
        world.load_page();
        world.start();
        world.run(60_000);
        assert_eq!((world.times_stored("said while away"), world.outbox_len()), (1, 0));
    }
}
