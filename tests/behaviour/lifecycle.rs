//! The page's commands and life: faults.md row 8, stop, dispose, consent, forget, the tab guard.

use crate::common::{Disk, Line, World};
use guestwire::core::error::Code;
use guestwire::core::machine::{Machine, Page as Signal};
use guestwire::core::state::State;
use serde_json::json;

const HOUR: u64 = 3_600_000;

// Row 8: lifecycle races.

/// A small generator of choices, so that a seed replays a schedule.
struct Choice(u64);

impl Choice {
    fn of(&mut self, many: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % many
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Asked {
    Running,
    Stopped,
    Disposed,
}

fn stop(world: &mut World, flush_ms: u32) -> u32 {
    world.command(|session, now, ticket| session.stop(now, flush_ms, ticket))
}

/// One random schedule of commands, signals and faults, and the state it has to settle in.
fn interleaving(seed: u64) {
    let mut choice = Choice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut world = World::new(seed);
    world.set(json!({"limits": false}));
    let mut tickets = Vec::new();
    for _ in 0..6 + choice.of(12) {
        match choice.of(16) {
            0..=2 => tickets.push(world.start()),
            3 => tickets.push(stop(&mut world, 0)),
            4 => tickets.push(stop(&mut world, 3_000)),
            5 => world.with(|session, now| session.reconnect(now)),
            6 => drop(world.try_send("typed")),
            7 => world.network.reset(world.now),
            8 => world.network.line = [Line::Works, Line::BlackHole, Line::Offline, Line::DeafClient, Line::MuteClient][choice.of(5) as usize],
            9 => world.heal(),
            10 => {
                let deed = ["blackhole", "drop"][choice.of(2) as usize];
                world.fault(json!({"on": "connect", "do": deed}));
            }
            11 => world.fault(json!({"on": "connect", "do": "refuse", "status": 503})),
            12 => world.fault(json!({"on": "frame-in", "match": {"action": "configureSession"}, "do": "lose"})),
            13 => {
                world.signal(Signal::Left);
                world.run(choice.of(500));
                world.signal(Signal::Shown);
            }
            14 => world.signal([Signal::Hidden, Signal::Visible, Signal::Online, Signal::Offline, Signal::Focused][choice.of(5) as usize]),
            _ => {}
        }
        world.run([0, 1, 30, 300, 2_000, 11_000][choice.of(6) as usize]);
    }
    let asked = [Asked::Running, Asked::Stopped, Asked::Stopped, Asked::Disposed][choice.of(4) as usize];
    match asked {
        Asked::Running => tickets.push(world.start()),
        Asked::Stopped => tickets.push(stop(&mut world, [0, 3_000][choice.of(2) as usize])),
        Asked::Disposed => world.with(|session, now| session.dispose(now)),
    }
    world.heal();
    world.signal(Signal::Visible);
    world.run(180_000);
    let (state, lines, lock) = (world.state(), world.network.open_lines(), world.in_line);
    match asked {
        Asked::Running => assert_eq!((state, lines, lock), (State::Ready, 1, true), "seed {seed}"),
        Asked::Stopped => assert_eq!((state, lines, lock), (State::Stopped, 0, false), "seed {seed}"),
        Asked::Disposed => {
            assert_eq!((lines, lock), (0, false), "seed {seed}");
            assert_eq!(world.session.as_deref().and_then(Machine::poll_timeout), None, "seed {seed}: a timer is left");
        }
    }
    assert!(world.network.most_sockets <= 2, "seed {seed}: {} sockets", world.network.most_sockets);
    for ticket in tickets {
        assert!(world.outcome(ticket).is_some(), "seed {seed}: call {ticket} was never settled");
    }
}

/// Says which schedule it was, and goes on to the next.
fn interleavings(seeds: std::ops::Range<u64>) {
    let failed: Vec<u64> = seeds.filter(|seed| std::panic::catch_unwind(|| interleaving(*seed)).is_err()).collect();
    assert!(failed.is_empty(), "{} schedules did not settle; seeds {:?}", failed.len(), &failed[..failed.len().min(20)]);
}

#[test]
fn row08_any_interleaving_settles_in_the_last_state_asked_for_0() {
    interleavings(0..1_000);
}

/// The long run: `GUESTWIRE_SEEDS=100000 cargo test --release --test behaviour --test behaviour_session row08`.
#[test]
fn row08_any_interleaving_settles_in_the_last_state_asked_for_1() {
    let last = std::env::var("GUESTWIRE_SEEDS").map_or(2_000, |seeds| seeds.parse().expect("GUESTWIRE_SEEDS is a number"));
    interleavings(1_000..last);
}

#[test]
fn row08_a_start_during_a_flush_is_the_last_state_asked_for() {
    let mut world = World::ready(1);
    world.network.line = Line::BlackHole;
    world.send("waits");
    let stopped = stop(&mut world, 3_000);
    world.run(500);
    let started = world.start();
    world.heal();
    world.run(60_000);
    assert_eq!(world.state(), State::Ready);
    assert!(world.outcome(stopped).is_some() && world.outcome(started).is_some());
    world.send("and goes on");
    world.wait_sent(60_000);
}

#[test]
fn row08_a_stop_during_connecting_leaves_no_socket() {
    for ms in [0, 5, 25, 45, 65, 85] {
        let mut world = World::new(2);
        let started = world.start();
        world.run(ms);
        stop(&mut world, 0);
        world.run(60_000);
        assert_eq!((world.state(), world.network.open_lines()), (State::Stopped, 0), "after {ms} ms");
        assert!(world.outcome(started).is_some(), "after {ms} ms");
    }
}

#[test]
fn row08_start_twice_is_one_connection() {
    let mut world = World::new(3);
    let tickets = [world.start(), world.start()];
    world.run_until_ready();
    let third = world.start();
    world.run(1_000);
    assert_eq!(world.opens.len(), 1);
    assert!(tickets.iter().chain([&third]).all(|ticket| world.outcome(*ticket) == Some(None)));
}

// Stop.

#[test]
fn stop_lets_what_waits_go_out_first() {
    let mut world = World::ready(1);
    for text in ["one", "two", "three"] {
        world.send(text);
    }
    let ticket = stop(&mut world, 5_000);
    world.run(5_000);
    assert_eq!(world.outcome(ticket), Some(None));
    assert_eq!(world.state(), State::Stopped);
    assert_eq!(world.stored(), ["one", "two", "three"]);
    assert_eq!(world.network.open_lines(), 0);
}

#[test]
fn stop_ends_as_soon_as_nothing_waits() {
    let mut world = World::ready(2);
    world.send("one");
    stop(&mut world, 60_000);
    world.wait("stopped", 1_000, |world| world.state() == State::Stopped);
}

#[test]
fn stop_waits_no_longer_than_asked_and_keeps_what_is_left() {
    let mut world = World::ready(3);
    world.network.line = Line::BlackHole;
    world.send("kept");
    let asked_at = world.now;
    let ticket = stop(&mut world, 2_000);
    world.wait("stopped", 10_000, |world| world.state() == State::Stopped);
    assert_eq!(world.now - asked_at, 2_000);
    assert_eq!(world.outcome(ticket), Some(None));
    assert_eq!(world.message_keys().len(), 1);
    world.heal();
    world.reload();
    world.run_until_ready();
    world.run(20_000);
    assert_eq!(world.stored(), ["kept"]);
}

#[test]
fn stop_without_a_flush_is_at_once() {
    let mut world = World::ready(4);
    world.send("kept");
    let ticket = stop(&mut world, 0);
    assert_eq!((world.state(), world.outcome(ticket)), (State::Stopped, Some(None)));
    world.run(120_000);
    assert!(world.opens.len() == 1 && world.network.open_lines() == 0);
}

#[test]
fn a_stopped_client_refuses_to_send_and_stays_stopped_whatever_the_page_does() {
    let mut world = World::ready(5);
    stop(&mut world, 0);
    assert_eq!(world.try_send("no").unwrap_err().code, Code::STOPPED);
    for signal in [Signal::Hidden, Signal::Visible, Signal::Left, Signal::Shown, Signal::Resumed, Signal::Online, Signal::Focused, Signal::Input] {
        world.signal(signal);
        world.run(5_000);
    }
    assert_eq!((world.state(), world.opens.len()), (State::Stopped, 1));
}

#[test]
fn a_stop_rejects_the_start_that_waits() {
    let mut world = World::new(6);
    world.network.line = Line::Offline;
    let ticket = world.start();
    world.run(1_000);
    stop(&mut world, 0);
    assert_eq!(world.outcome(ticket), Some(Some(Code::STOPPED.0)));
}

// Dispose.

#[test]
fn dispose_leaves_nothing_and_is_inert() {
    for ms in [0, 30, 50, 70, 90, 200, 20_000] {
        let mut world = World::new(1);
        let ticket = world.start();
        world.send("typed");
        world.run(ms);
        world.with(|session, now| session.dispose(now));
        assert!(world.outcome(ticket).is_some(), "after {ms} ms");
        assert!(!world.in_line, "after {ms} ms: the lock");
        assert_eq!(world.session.as_deref().and_then(Machine::poll_timeout), None, "after {ms} ms: a timer");
        let (sent, opens) = (world.sent.len(), world.opens.len());
        world.run(60_000);
        assert_eq!(world.network.open_lines(), 0, "after {ms} ms: a socket");
        world.signal(Signal::Visible);
        assert!(world.try_send("no").is_err());
        world.start();
        world.run(60_000);
        assert_eq!((world.sent.len(), world.opens.len()), (sent, opens), "after {ms} ms");
    }
}

// Page hide and show.

#[test]
fn a_page_that_is_put_away_gives_up_socket_and_lock_at_once_and_comes_back() {
    let mut world = World::ready(1);
    world.signal(Signal::Left);
    assert_eq!((world.shuts.len(), world.in_line), (1, false));
    world.agent("while you were away");
    world.run(10_000);
    assert_eq!(world.opens.len(), 1, "nothing is tried meanwhile");
    world.signal(Signal::Shown);
    world.wait("resynced", 1_000, |world| world.state() == State::Ready && world.page.texts() == ["while you were away"]);
}

// Consent.

fn without_consent(seed: u64) -> World {
    World::with_options(seed, r#","consent":"required""#)
}

#[test]
fn before_consent_nothing_is_stored_and_nothing_connects() {
    let mut world = without_consent(1);
    world.start();
    world.send("typed before consent");
    world.with(|session, now| session.reconnect(now));
    world.with(|session, now| session.take_over(now));
    world.signal(Signal::Visible);
    world.run(HOUR / 2);
    assert_eq!((world.storage.len(), world.opens.len(), world.config_reads(), world.in_line), (0, 0, 0, false));
    assert_eq!(world.page.texts(), ["typed before consent"]);
}

#[test]
fn with_consent_what_waited_is_stored_and_sent() {
    let mut world = without_consent(2);
    world.start();
    let id = world.send("typed before consent");
    world.run(1_000);
    world.network.line = Line::Offline;
    world.with(|session, now| session.grant_consent(now));
    assert_eq!(world.message_keys().len(), 1);
    assert!(world.session.as_ref().unwrap().is_durable(&id));
    world.heal();
    world.run_until_ready();
    world.wait_sent(5_000);
    assert_eq!(world.stored(), ["typed before consent"]);
}

#[test]
fn consent_alone_does_not_start_anything() {
    let mut world = without_consent(3);
    world.with(|session, now| session.grant_consent(now));
    world.run(60_000);
    assert_eq!((world.opens.len(), world.in_line), (0, false));
}

// Forget.

/// What is kept of the conversation: all but the mark by which other tabs notice.
fn ours(world: &World) -> usize {
    world.storage.keys().filter(|key| key.starts_with("gw1:world:") && *key != "gw1:world:e").count()
}

#[test]
fn forget_removes_conversation_token_and_outbox() {
    let mut world = World::ready(1);
    world.send("said");
    world.wait_sent(5_000);
    world.network.line = Line::BlackHole;
    world.send("unsent");
    world.run(1_000);
    let token = world.stored_token().unwrap();
    let ticket = world.command(|session, now, ticket| session.forget(now, false, ticket));
    assert_eq!(world.outcome(ticket), Some(None));
    assert_eq!((ours(&world), world.page.rows.len(), world.page.outbox.0), (0, 0, 0));
    world.heal();
    world.run(120_000);
    assert_eq!((ours(&world), world.network.open_lines()), (0, 0), "and nothing comes back by itself");
    world.start();
    world.run_until_ready();
    world.run(5_000);
    assert_ne!(world.stored_token().unwrap(), token);
    assert_eq!(world.page.texts().len(), 0);
    assert_eq!(world.times_stored("unsent"), 0);
}

#[test]
fn forget_removes_what_was_put_aside_and_what_a_newer_version_left() {
    let mut world = World::ready(2);
    world.storage.insert("gw1:world:q:m:7:x".into(), "{".into());
    world.storage.insert("gw1:world:m:9:y".into(), r#"{"v":2}"#.into());
    world.command(|session, now, ticket| session.forget(now, false, ticket));
    assert_eq!(ours(&world), 0);
}

#[test]
fn forget_works_without_storage() {
    let mut world = World::new(3);
    world.disk = Disk::Unavailable;
    world.start();
    world.run_until_ready();
    world.send("said");
    world.wait_sent(5_000);
    let ticket = world.command(|session, now, ticket| session.forget(now, false, ticket));
    assert_eq!((world.outcome(ticket), world.page.rows.len()), (Some(None), 0));
}
