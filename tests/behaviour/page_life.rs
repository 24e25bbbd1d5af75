//! What the browser does to a page and says about the network: faults.md rows 14 to 17. Rows 12 and 13 are in `liveness`; all of them
//! in a real browser in `tests/e2e/page-life.test.mjs`.

use crate::common::{Line, World};
use guestwire::core::machine::Page as Signal;
use guestwire::core::state::{Pause, State};
use serde_json::json;
use std::collections::BTreeSet;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;

/// In a tab behind others for so long that its timers fire once a minute.
fn hidden(seed: u64) -> World {
    let mut world = World::settled(seed);
    world.signal(Signal::Hidden);
    world.throttled = true;
    world
}

// Row 14: hidden tab, timers at one a minute.

#[test]
fn row14_half_an_hour_hidden_disconnects_nothing() {
    for seed in 0..20 {
        let mut world = hidden(seed);
        world.run(seed * 3 * SECOND);
        for n in 0..30 {
            world.agent(&format!("line {n}"));
            world.run(MINUTE);
        }
        assert_eq!((world.opens.len(), world.shuts.len(), world.state()), (1, 0, State::Ready), "seed {seed}");
        assert_eq!(world.page.texts().len(), 30);
    }
}

#[test]
fn row14_a_line_that_dies_behind_other_tabs_is_noticed_all_the_same() {
    let mut world = hidden(1);
    world.network.strand();
    let broke = world.now;
    world.wait("noticed", 10 * MINUTE, |world| !world.shuts.is_empty());
    assert!(world.shuts[0].0 - broke <= 5 * MINUTE, "two missed probes, each a minute late: {}", world.shuts[0].0 - broke);
}

#[test]
fn row14_behind_other_tabs_one_missed_probe_is_not_enough() {
    for seed in 0..5 {
        let mut world = hidden(seed);
        let asked = world.requests("echo").len();
        world.fault(json!({"on": "frame-in", "match": {"action": "echo"}, "do": "lose"}));
        world.wait("a probe", 5 * MINUTE, |world| world.requests("echo").len() > asked);
        world.run(10 * MINUTE);
        assert_eq!((world.opens.len(), world.shuts.len(), world.state()), (1, 0, State::Ready), "seed {seed}");
    }
}

/// What was asked for in this moment is given up in its time, and another attempt succeeds.
fn given_up_and_back(world: &mut World) {
    let asked = world.now;
    world.wait("given up", 3 * MINUTE, |world| world.shuts.iter().any(|(at, _)| *at > asked));
    let waited = world.shuts.last().unwrap().0 - asked;
    assert!((10 * SECOND..=2 * MINUTE).contains(&waited), "ten seconds, each timer up to a minute late: {waited}");
    world.wait("back", 3 * MINUTE, |world| world.state() == State::Ready);
}

#[test]
fn row14_behind_other_tabs_an_upgrade_without_an_answer_is_given_up() {
    let mut world = hidden(3);
    world.fault(json!({"on": "connect", "do": "blackhole"}));
    world.break_line();
    world.wait("an attempt", 3 * MINUTE, |world| world.opens.len() == 2);
    given_up_and_back(&mut world);
}

guest_only! {
    #[test]
    fn row14_behind_other_tabs_a_session_without_an_answer_is_given_up() {
        let mut world = hidden(4);
        world.fault(json!({"on": "frame-in", "match": {"action": "configureSession"}, "do": "lose"}));
        world.break_line();
        world.wait("asked", 3 * MINUTE, |world| world.requests("configureSession").len() == 2);
        given_up_and_back(&mut world);
    }
}

#[test]
fn row14_behind_other_tabs_a_message_without_an_answer_is_looked_for_and_sent_again() {
    let mut world = hidden(5);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "lose"}));
    world.send("lost on the way");
    world.wait("sent again", 5 * MINUTE, |world| world.sent_texts().len() == 2);
    world.wait_sent(MINUTE);
    assert_eq!(world.stored(), ["lost on the way"]);
}

#[test]
fn row14_hidden_it_tries_once_a_minute_at_most_and_at_once_on_show() {
    // At first a hidden tab's timers fire nearly as they should.
    for throttled in [false, true] {
        for seed in 0..10 {
            let mut world = hidden(seed);
            world.throttled = throttled;
            world.network.line = Line::Offline;
            world.network.reset(world.now);
            let before = world.opens.len();
            world.run(30 * MINUTE);
            let tries = world.opens.len() - before;
            assert!((5..=31).contains(&tries), "seed {seed}: {tries}");
            assert!(world.opens[before..].windows(2).all(|two| two[1] - two[0] >= MINUTE), "seed {seed}: {:?}", world.opens);
            // Wherever it stands in its minute, but not in the moment after an attempt.
            let tried = world.opens.len();
            world.wait("an attempt", 3 * MINUTE, |world| world.opens.len() > tried);
            world.run(2_500 + seed * 5 * SECOND);
            world.network.heal(world.now);
            world.throttled = false;
            world.signal(Signal::Visible);
            world.wait("back", SECOND, |world| world.state() == State::Ready);
        }
    }
}

#[test]
fn row14_a_line_that_was_refused_is_tried_at_once_on_show_as_well() {
    for seed in 0..10 {
        let mut world = hidden(seed);
        world.fault(json!({"on": "connect", "do": "refuse", "status": 503, "count": 0}));
        world.network.reset(world.now);
        // Until the next attempt is far.
        let is_far = |world: &World| match world.state() {
            State::Paused { reason: Pause::Refused, until: Some(until) } => until > world.clock().unix + 20 * SECOND,
            _ => false,
        };
        world.wait("refused", 30 * MINUTE, is_far);
        world.heal();
        world.throttled = false;
        world.run(2_500);
        assert!(!matches!(world.state(), State::Ready), "seed {seed}");
        world.signal(Signal::Visible);
        world.wait("back", SECOND, |world| world.state() == State::Ready);
    }
}

// Row 15: frozen and resumed.

#[test]
fn row15_any_sign_of_a_thaw_brings_it_back_within_5_s() {
    let signs =
        [None, Some(Signal::Resumed), Some(Signal::Focused), Some(Signal::Shown), Some(Signal::Input), Some(Signal::Visible), Some(Signal::Online)];
    for (seed, sign) in (40..).zip(signs) {
        let mut world = World::settled(seed);
        world.frozen = true;
        world.network.strand();
        world.run(10 * MINUTE);
        world.agent("said meanwhile");
        let thawed = world.now;
        // Without a sign the timer that comes late is one.
        world.thaw();
        if let Some(sign) = sign {
            world.signal(sign);
        }
        world.wait("back", 5 * SECOND, |world| world.page.texts() == ["said meanwhile"] && world.state() == State::Ready);
        assert!(world.now - thawed <= 5 * SECOND, "{sign:?}: {}", world.now - thawed);
    }
}

#[test]
fn row15_any_sign_of_a_thaw_brings_it_back_from_a_freeze_that_was_announced() {
    let signs = [Signal::Resumed, Signal::Focused, Signal::Shown, Signal::Input, Signal::Visible, Signal::Online];
    for (seed, sign) in (60..).zip(signs) {
        let mut world = World::settled(seed);
        world.signal(Signal::Hidden);
        world.signal(Signal::Frozen);
        assert_eq!(world.network.open_lines(), 0, "everything is given up");
        world.frozen = true;
        world.run(10 * MINUTE);
        world.agent("said meanwhile");
        world.thaw();
        world.signal(sign);
        world.wait("back", 5 * SECOND, |world| world.page.texts() == ["said meanwhile"] && world.state() == State::Ready);
    }
}

#[test]
fn row15_a_page_that_is_put_away_is_not_brought_back_by_what_is_said_on_the_way() {
    let mut world = World::settled(66);
    world.signal(Signal::Left);
    for last in [Signal::Hidden, Signal::Offline] {
        world.signal(last);
        world.run(SECOND);
        assert_eq!((world.network.open_lines(), world.opens.len()), (0, 1), "{last:?}");
    }
}

#[test]
fn row15_a_client_that_was_stopped_stays_stopped() {
    let mut world = World::settled(50);
    world.command(|session, now, ticket| session.stop(now, 0, ticket));
    world.run(SECOND);
    world.frozen = true;
    world.run(10 * MINUTE);
    world.thaw();
    let opens = world.opens.len();
    for sign in [Signal::Resumed, Signal::Focused, Signal::Shown, Signal::Input, Signal::Visible, Signal::Online] {
        world.signal(sign);
        world.run(MINUTE);
    }
    assert_eq!((world.opens.len(), world.state()), (opens, State::Stopped));
}

// Row 16: put away and shown again.

#[test]
fn row16_a_page_that_leaves_gives_up_line_requests_and_lock_in_the_same_moment() {
    // From the configuration on to where all is read: some of these have a request under way, some an upgrade, some a line.
    let mut given_up = (BTreeSet::new(), 0);
    for wait in (0..400).step_by(5) {
        let mut world = World::new(16);
        world.start();
        world.run(wait);
        given_up.0.insert(world.network.open_requests());
        given_up.1 += world.network.open_lines();
        world.signal(Signal::Left);
        assert_eq!((world.network.open_requests(), world.network.open_lines(), world.in_line), (0, 0, false), "after {wait} ms");
        let (opens, fetched) = (world.opens.len(), world.fetched.len());
        world.run(10 * MINUTE);
        assert_eq!((world.opens.len(), world.fetched.len()), (opens, fetched), "put away, nothing is asked: after {wait} ms");
    }
    assert!(given_up.0.contains(&1) && given_up.1 > 0, "there was something to give up: {given_up:?}");
}

#[test]
fn row16_shown_again_the_page_is_ready_and_misses_nothing_within_a_second() {
    let mut world = World::settled(17);
    for n in 0..5 {
        world.signal(Signal::Left);
        world.run(MINUTE);
        world.agent(&format!("meanwhile {n}"));
        world.signal(Signal::Shown);
        let all: Vec<String> = (0..=n).map(|n| format!("meanwhile {n}")).collect();
        world.wait("resynced", SECOND, |world| world.state() == State::Ready && world.page.texts() == all);
    }
}

#[test]
fn row16_what_another_tab_kept_meanwhile_is_found_in_storage() {
    let mut world = World::settled(1);
    world.signal(Signal::Left);
    world.run(MINUTE);
    let id = "5f0c2f7e-6c1d-4f6a-9f0e-000000000001";
    let record = json!({"v": 1, "id": id, "at": world.clock().unix, "text": "typed in another tab"});
    world.storage.insert(format!("gw1:world:m:7:{id}"), record.to_string());
    world.signal(Signal::Shown);
    world.wait("resynced", SECOND, |world| world.state() == State::Ready);
    world.run(5 * SECOND);
    assert_eq!(world.stored(), ["typed in another tab"]);
    assert_eq!(world.page.texts(), ["typed in another tab"]);
}

// Row 17: what is said about the network.

#[test]
fn row17_a_false_offline_on_a_socket_that_answers_changes_nothing() {
    let mut world = World::settled(1);
    world.signal(Signal::Offline);
    world.run(5 * MINUTE);
    world.send("said while offline");
    world.wait_sent(5 * SECOND);
    assert_eq!((world.opens.len(), world.shuts.len(), world.state()), (1, 0, State::Ready));
}

#[test]
fn row17_a_true_offline_whose_close_never_comes_is_believed_after_one_probe() {
    let mut world = World::settled(2);
    world.network.strand();
    world.network.line = Line::Offline;
    let said = world.now;
    world.signal(Signal::Offline);
    world.wait("given up", 5 * SECOND, |world| !world.shuts.is_empty());
    assert!(world.shuts[0].0 - said <= 3_100, "{}", world.shuts[0].0 - said);
    world.wait("offline", 5 * SECOND, |world| world.state() == State::Offline);
}

#[test]
fn row17_twenty_flips_in_five_seconds_open_two_sockets_at_most() {
    for (line, most) in [(Line::Works, 0), (Line::BlackHole, 1), (Line::Offline, 3)] {
        for seed in 0..20 {
            let mut world = World::settled(seed);
            if line != Line::Works {
                world.network.line = line;
                world.network.reset(world.now);
            }
            let before = world.opens.len();
            for n in 0..20 {
                world.signal(if n % 2 == 0 { Signal::Offline } else { Signal::Online });
                world.run(250);
            }
            let opened = world.opens.len() - before;
            assert!(opened <= most, "seed {seed}, {line:?}: {opened} attempts");
            assert!(world.network.most_sockets <= 2, "seed {seed}, {line:?}: {} sockets", world.network.most_sockets);
            world.heal();
            world.signal(Signal::Online);
            world.wait("back", 15 * SECOND, |world| world.state() == State::Ready);
        }
    }
}

#[test]
fn row17_online_is_followed_by_an_attempt_within_half_a_second_each_at_another_moment() {
    let mut delays = BTreeSet::new();
    for seed in 0..50 {
        let mut world = World::settled(seed);
        world.network.line = Line::Offline;
        world.network.reset(world.now);
        // Tried so often that, just after one attempt, the next is seconds away.
        world.run(5 * MINUTE);
        let tried = world.opens.len();
        world.wait("an attempt", MINUTE, |world| world.opens.len() > tried);
        world.run(2_500);
        let (online, tried) = (world.now, world.opens.len());
        world.heal();
        world.signal(Signal::Online);
        world.wait("an attempt", 600, |world| world.opens.len() > tried);
        delays.insert(world.now - online);
    }
    assert!(delays.iter().all(|delay| *delay <= 500), "{delays:?}");
    assert!(delays.len() > 20, "jittered: {delays:?}");
}

guest_only! {
    #[test]
    fn row15_what_has_ended_does_not_begin_anew_because_the_page_was_asleep() {
        for (asleep, awake) in [(Signal::Frozen, Signal::Resumed), (Signal::Left, Signal::Shown)] {
            let mut world = World::settled(7);
            world.control("/_sim/expire", json!({"what": "session"}));
            world.run(1_000);
            let ended = world.state();
            assert!(matches!(ended, State::Ended { .. }), "{ended:?}");
            let opened = world.opens.len();
            world.signal(asleep);
            world.run(MINUTE);
            world.signal(awake);
            world.run(MINUTE);
            assert_eq!((world.state(), world.opens.len()), (ended, opened), "{asleep:?}: nobody asked for a new one");
            let ticket = world.command(|session, now, ticket| session.restart(now, true, ticket));
            world.run_until_ready();
            assert_eq!(world.outcome(ticket), Some(None), "{asleep:?}");
        }
    }
}
