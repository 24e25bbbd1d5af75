//! Records in storage that are corrupt, torn or of another version: faults.md row 23.

use super::storage::{all, come_back, key_of, messages, three_waiting};
use crate::common::{CrashPoint, Line, World};
use guestwire::core::error::Code;
use guestwire::core::machine::Page as Signal;
use guestwire::guest::event::Status;

#[test]
fn row23_a_corrupt_record_is_put_aside_and_the_good_ones_are_kept() {
    for damage in
        ["", "{", "null", "[]", "\u{0}\u{1}", "{\"v\":1}", "{\"v\":\"1\"}", "{\"v\":1,\"id\":7,\"at\":\"x\",\"text\":[]}", "\u{fffd}\u{fffd}"]
    {
        let (mut world, ids) = three_waiting(6);
        let key = key_of(&world, &ids[1]);
        world.storage.insert(key.clone(), damage.into());
        come_back(&mut world);
        assert_eq!(world.stored(), ["one", "three"], "{damage:?}");
        assert!(world.page.warned(Code::STORAGE_QUARANTINED), "{damage:?}");
        assert_eq!(world.metric("quarantined"), 1, "{damage:?}");
        assert!(!world.storage.contains_key(&key), "{damage:?}");
        let aside: Vec<&String> = world.storage.iter().filter(|(key, _)| key.contains(":q:")).map(|(_, value)| value).collect();
        assert_eq!(aside, [damage], "kept as it was");
    }
}

#[test]
fn row23_a_key_that_is_none_of_ours_is_put_aside() {
    let (mut world, _) = three_waiting(7);
    world.storage.insert("gw1:world:m:not-a-number:x".into(), "{}".into());
    come_back(&mut world);
    assert_eq!(world.stored(), ["one", "two", "three"]);
    assert_eq!(world.metric("quarantined"), 1);
}

#[test]
fn row23_a_corrupt_session_costs_the_conversation_and_nothing_else() {
    let mut world = World::ready(8);
    world.kill();
    world.storage.insert(world.session_key(), "{\"v\":1,\"tok".into());
    world.load_page();
    world.start();
    world.run_until_ready();
    let id = world.send("under a new token");
    world.wait_sent(5_000);
    assert_eq!(world.status(&id), Status::Sent);
    assert!(world.page.warned(Code::STORAGE_QUARANTINED));
    assert!(world.stored_token().is_some());
}

#[test]
fn row23_a_session_that_is_damaged_under_the_page_that_uses_it_is_written_anew() {
    let mut world = World::settled(15);
    let token = world.stored_token();
    world.storage.insert(world.session_key(), "{\"v\":1,\"tok".into());
    world.with(|session, now| session.added(now));
    assert_eq!(world.stored_token(), token);
    assert_eq!(world.metric("quarantined"), 1);
}

#[test]
fn row23_a_record_torn_at_any_byte_is_put_aside() {
    let (template, ids) = three_waiting(9);
    let key = key_of(&template, &ids[1]);
    let whole = template.storage[&key].clone();
    for cut in 0..whole.len() {
        let (mut world, _) = three_waiting(9);
        world.storage.insert(key.clone(), whole[..cut].to_string());
        come_back(&mut world);
        assert_eq!(world.stored(), ["one", "three"], "cut at {cut}: {}", &whole[..cut]);
    }
}

#[test]
fn row23_an_older_schema_is_put_aside() {
    let (mut world, ids) = three_waiting(10);
    let key = key_of(&world, &ids[1]);
    let older = world.storage[&key].replace("\"v\":1", "\"v\":0");
    world.storage.insert(key, older.clone());
    come_back(&mut world);
    assert_eq!(world.stored(), ["one", "three"]);
    assert!(world.storage.iter().any(|(key, value)| key.contains(":q:") && *value == older));
}

#[test]
fn row23_a_newer_schema_is_left_as_it_is() {
    let (mut world, ids) = three_waiting(11);
    let key = key_of(&world, &ids[1]);
    let newer = world.storage[&key].replace("\"v\":1", "\"v\":2");
    world.storage.insert(key.clone(), newer.clone());
    come_back(&mut world);
    assert_eq!(world.stored(), ["one", "three"]);
    assert_eq!(world.storage.get(&key), Some(&newer), "the newer client finds its own again");
    assert!(world.page.warned(Code::STORAGE_NEWER));
    assert_eq!(world.metric("quarantined"), 0);
}

#[test]
fn row23_a_record_damaged_under_a_living_page_is_written_anew_from_memory() {
    for damage in ["", "{", "\u{0}\u{1}", "{\"v\":0}"] {
        let mut world = World::ready(42);
        world.network.line = Line::Offline;
        world.break_line();
        world.run(100);
        let ids = ["one", "two", "three"].map(|text| world.send(text));
        let key = key_of(&world, &ids[1]);
        let whole = world.storage.insert(key.clone(), damage.into());
        world.signal(Signal::Left);
        world.signal(Signal::Shown);
        assert_eq!(world.storage.get(&key), whole.as_ref(), "{damage:?}");
        assert_eq!(world.metric("quarantined"), 0, "{damage:?}: the page has the good one");
        world.heal();
        world.run_until_ready();
        world.run(10_000);
        assert_eq!(world.stored(), ["one", "two", "three"], "{damage:?}");
    }
}

#[test]
fn row23_what_a_newer_client_keeps_counts_for_our_256_kib() {
    let (mut world, ids) = three_waiting(43);
    let newer = world.storage[&key_of(&world, &ids[1])].replace("\"v\":1", "\"v\":2");
    for n in 100..200 {
        world.storage.insert(format!("gw1:world:m:{n}:{}", ids[1]), newer.replace("two", &"z".repeat(700)));
    }
    world.load_page();
    world.network.line = Line::Offline;
    world.start();
    while world.try_send(&"y".repeat(4_000)).is_ok() {}
    assert!(messages(&world) <= 192 * 1024, "{}", messages(&world));
    assert!(all(&world.storage) <= 256 * 1024, "{}", all(&world.storage));
}

/// Storage is whole again, and so is the page, if it was torn with it.
fn come_back_from_tear(world: &mut World) {
    world.tears_after = None;
    if world.crashed.take().is_some() {
        world.load_page();
        world.start();
    }
    world.run_until_ready();
    world.run(30_000);
}

#[test]
fn row23_torn_behind_any_write_nothing_is_lost_or_doubled() {
    for writes in 1..25 {
        let mut world = World::new(44);
        world.tears_after = Some(writes);
        world.start();
        let mut accepted = Vec::new();
        for text in ["one", "two", "three"] {
            if world.session.is_some() && world.try_send(text).is_ok() {
                accepted.push(text);
            }
            world.run(2_000);
        }
        come_back_from_tear(&mut world);
        assert_eq!(world.stored(), accepted, "torn behind write {writes}");
        world.reload();
        world.run_until_ready();
        world.run(30_000);
        assert_eq!(world.stored(), accepted, "torn behind write {writes}, and loaded once more");
        assert_eq!(world.message_keys().len(), 0, "torn behind write {writes}: nothing is left behind");
    }
}

#[test]
fn row23_a_message_asked_for_again_is_one_message_wherever_that_is_torn() {
    for writes in 1..8 {
        let mut world = World::new(45);
        world.network.line = Line::Offline;
        world.start();
        let id = world.send("again");
        world.run(3_700_000);
        assert_eq!(world.status(&id), Status::Expired);
        world.tears_after = Some(writes);
        let _ = world.with(|session, now| session.retry(now, &id));
        world.heal();
        world.run(60_000);
        come_back_from_tear(&mut world);
        if world.page.row(&id).is_some_and(|row| row.status == Status::Expired) {
            // The click was lost with its tab.
            world.with(|session, now| session.retry(now, &id)).unwrap();
            world.run(30_000);
        }
        assert_eq!(world.times_stored("again"), 1, "torn behind write {writes}");
        assert_eq!(world.message_keys().len(), 0, "torn behind write {writes}");
    }
}

/// Every way in which one character of a value becomes another.
fn changed(whole: &str) -> impl Iterator<Item = String> + '_ {
    let with = |at: usize| ["0", "}", "\"", "\\", "\u{0}", "\u{fffd}"].map(|other| [&whole[..at], other, &whole[at + 1..]].concat());
    (0..whole.len()).flat_map(with)
}

#[test]
fn row23_any_character_changed_in_a_record_harms_no_other() {
    let (template, ids) = three_waiting(46);
    let key = key_of(&template, &ids[1]);
    for damaged in changed(&template.storage[&key]) {
        let (mut world, _) = three_waiting(46);
        world.storage.insert(key.clone(), damaged.clone());
        come_back(&mut world);
        let stored = world.stored();
        assert_eq!((stored.first().map(String::as_str), stored.last().map(String::as_str)), (Some("one"), Some("three")), "{damaged}");
        assert!(stored.len() <= 3, "{damaged}: {stored:?}");
    }
}

#[test]
fn row23_any_character_changed_in_the_conversation_throws_nothing_and_doubles_nothing() {
    let mut template = World::ready(46);
    template.run(1_000);
    let (key, storage) = (template.session_key(), template.storage.clone());
    for damaged in changed(&storage[&key]) {
        let mut world = World::new(46);
        world.storage.insert(key.clone(), damaged.clone());
        world.load_page();
        world.start();
        let id = world.send("one");
        world.run(60_000);
        assert!(world.times_stored("one") <= 1, "{damaged}");
        assert!(matches!(world.status(&id), Status::Sent | Status::Failed | Status::Queued), "{damaged}");
    }
}

#[test]
fn row23_a_record_under_two_keys_is_one_message() {
    // A crash in the middle of a retry leaves it so.
    let mut world = World::new(15);
    world.network.line = Line::Offline;
    world.start();
    let id = world.send("once");
    world.run(3_700_000);
    assert_eq!(world.status(&id), Status::Expired);
    world.crash_at = Some(CrashPoint::AfterPersist);
    world.with(|session, now| session.retry(now, &id)).unwrap();
    assert_eq!(world.crashed, Some(CrashPoint::AfterPersist));
    assert_eq!(world.message_keys().len(), 2);
    come_back(&mut world);
    for _ in 0..2 {
        if let Some(row) = world.page.row(&id).filter(|row| matches!(row.status, Status::Expired | Status::Failed)) {
            let id = row.id.clone();
            world.with(|session, now| session.retry(now, &id)).unwrap();
        }
        world.run(20_000);
        world.reload();
        world.run_until_ready();
        world.run(20_000);
    }
    assert_eq!(world.times_stored("once"), 1);
    assert_eq!(world.message_keys().len(), 0, "neither key is left to be sent by a later life");
}
