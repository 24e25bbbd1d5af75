//! The long run: faults.md row 30 in virtual time. Its other half is `npm run soak`.

use crate::common::{Line, WIRE, World};
use guestwire::core::machine::Page as Signal;
use guestwire::core::state::State;
use guestwire::guest::event::Event;
use guestwire::guest::wire::Wire;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
/// Of each side: 20 000 in all. Over the session protocol, which reads everything again after every reload, that takes some
/// minutes; so many go in seconds.
const MESSAGES: u64 = if matches!(WIRE, Wire::Session) { 2_000 } else { 10_000 };
/// One trouble in so many rounds.
const EVERY: u64 = if matches!(WIRE, Wire::Session) { 5 } else { 15 };
/// As `trouble` counts them: a network that is away is away in four ways.
const KINDS: u64 = 21;
const NAMES: usize = 18;

fn trouble(world: &mut World, kind: u64) -> &'static str {
    let text = json!({"action": "onMessage", "type": "Text"});
    let echo = json!({"class": "StructuredMessage"});
    match kind {
        0 => {
            world.network.reset(world.now);
            "reset"
        }
        1 => {
            world.network.strand();
            "dead line"
        }
        2..=5 => {
            world.network.line = [Line::Offline, Line::BlackHole, Line::DeafClient, Line::MuteClient][kind as usize - 2];
            "network away"
        }
        6 => {
            world.reload();
            "reload"
        }
        7 => {
            world.kill();
            world.load_page();
            world.start();
            "killed"
        }
        8 => {
            world.fault(json!({"on": "frame-in", "match": text, "do": "drop", "after": true}));
            "answer lost"
        }
        9 => {
            world.fault(json!({"on": "frame-in", "match": text, "do": "drop"}));
            "message lost"
        }
        10 => {
            world.frozen = true;
            world.run(60 * SECOND);
            world.thaw();
            world.signal(Signal::Resumed);
            "frozen"
        }
        11 => {
            world.signal(Signal::Hidden);
            world.throttled = true;
            "hidden"
        }
        12 => {
            world.fault(json!({"on": "http", "match": {"path": "/messages"}, "do": "status", "status": 500, "count": 2}));
            "history refused"
        }
        13 => {
            world.fault(json!({"on": "frame-out", "match": echo, "do": "duplicate", "count": 3}));
            "doubles"
        }
        14 => {
            world.fault(json!({"on": "frame-out", "match": echo, "do": "reorder", "window": 2, "count": 2}));
            "another order"
        }
        15 => {
            world.fault(json!({"on": "frame-in", "match": text, "do": "late-store", "ms": 2_000}));
            "stored late"
        }
        16 => {
            world.fault(json!({"on": "frame-out", "do": "garbage", "as": "deep", "count": 2}));
            "garbage"
        }
        17 => {
            world.fault(json!({"on": "connect", "do": "refuse", "status": 503, "count": 2}));
            world.network.reset(world.now);
            "refused"
        }
        18 => {
            world.signal(Signal::Left);
            world.run(60 * SECOND);
            world.signal(Signal::Shown);
            "put away"
        }
        19 => {
            world.frozen = true;
            world.network.strand();
            world.run(600 * SECOND);
            world.slept += 600 * SECOND;
            world.thaw();
            "asleep"
        }
        _ => {
            world.skew = if world.skew == 0 { -2 * HOUR as i64 } else { 0 };
            "clock set"
        }
    }
}

/// Takes down what was measured.
fn measure(world: &mut World, figures: &mut BTreeMap<&'static str, Vec<u64>>) {
    for event in std::mem::take(&mut world.page.events) {
        if let Event::Metric { kind, ms } = event {
            figures.entry(kind).or_default().push(ms);
        }
    }
}

fn mend(world: &mut World) {
    world.network.line = Line::Works;
    if std::mem::take(&mut world.throttled) {
        world.signal(Signal::Visible);
    }
}

#[test]
fn row30_a_day_of_troubles_and_thousands_of_messages_loses_doubles_and_reorders_nothing() {
    let mut world = World::ready(60);
    // The session protocol reads from the beginning of the conversation, ten pages a minute, after every reload: with the 25
    // entries that a page has otherwise the end of this day would wait for hours.
    world.set(json!({"sessionPageSize": 1_000}));
    let mut met: BTreeMap<&str, u32> = BTreeMap::new();
    let mut random = 88_172_645_463_325_252u64;
    let mut figures = BTreeMap::new();
    let began = world.now;
    let pace = 24 * HOUR / MESSAGES;
    for n in 0..MESSAGES {
        // Xorshift: the same day each time.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        mend(&mut world);
        if random.is_multiple_of(EVERY) {
            *met.entry(trouble(&mut world, random / EVERY % KINDS)).or_default() += 1;
        }
        world.send(&format!("guest {n}"));
        world.agent(&format!("agent {n}"));
        let next = began + (n + 1) * pace;
        world.run(next.saturating_sub(world.now).max(500));
        measure(&mut world, &mut figures);
    }
    mend(&mut world);
    world.heal();
    world.run(10 * 60 * SECOND);
    measure(&mut world, &mut figures);
    println!("{met:?}");
    assert!(met.len() == NAMES && met.values().all(|count| *count > 2), "{met:?}");
    assert!(world.now - began >= 24 * HOUR);

    let unproved = world.unproved_before + world.metric("unprovedResends");
    let stored = world.stored();
    let mut seen = BTreeSet::new();
    let first: Vec<&String> = stored.iter().filter(|text| seen.insert(*text)).collect();
    assert_eq!(first.len() as u64, MESSAGES, "nothing is lost");
    assert!(first.iter().enumerate().all(|(n, text)| **text == format!("guest {n}")), "nothing is reordered");
    assert!((stored.len() - first.len()) as u64 <= unproved, "{} doubled, {unproved} of them said", stored.len() - first.len());

    // The list of the last life of the page, without doubles, and nothing that grew.
    let rows: BTreeSet<&String> = world.page.rows.iter().map(|row| &row.id).collect();
    assert_eq!(rows.len(), world.page.rows.len());
    // Of the guest API a fresh page reads the newest page of the history, of a hundred entries.
    let held = world.held_messages();
    let newest = if matches!(WIRE, Wire::Session) { 0 } else { held.len() - 100 };
    let shown: BTreeSet<&String> = world.page.rows.iter().filter_map(|row| row.server_id.as_ref()).collect();
    let missing = held[newest..].iter().filter(|(_, _, id)| !shown.contains(id)).count();
    assert!(missing as u64 <= unproved, "{missing} of the history are not shown");
    let places: BTreeMap<&String, usize> = held.iter().enumerate().map(|(at, (_, _, id))| (id, at)).collect();
    let order: Vec<usize> = world.page.rows.iter().filter_map(|row| places.get(row.server_id.as_ref()?).copied()).collect();
    assert!(order.len() >= 100 && order.is_sorted(), "the list is in the order of the history");
    assert_eq!((world.state(), world.outbox_len(), world.network.open_lines()), (State::Ready, 0, 1));
    assert_eq!(world.message_keys(), Vec::<String>::new());
    let kept: usize = world.storage.values().map(String::len).sum();
    assert!(kept < 1_000, "{kept} characters in storage");
    for (kind, times) in &mut figures {
        times.sort_unstable();
        let at = |part: usize| times[(times.len() - 1) * part / 100];
        println!("{kind}: {} times, p50 {} ms, p99 {} ms, most {} ms", times.len(), at(50), at(99), at(100));
    }
}
