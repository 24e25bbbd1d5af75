//! Noticing that a line is dead, and not being wrong about it: faults.md rows 10 to 13.

use crate::common::{Line, World};
use guestwire::core::error::Code;
use guestwire::core::machine::Page as Signal;
use guestwire::core::state::State;
use guestwire::guest::event::Status;
use serde_json::json;

const HOUR: u64 = 3_600_000;

/// The same in the moment after a probe was answered: the longest that a dead line can go unnoticed from here.
fn just_answered(seed: u64) -> World {
    let mut world = World::settled(seed);
    let probes = world.requests("echo").len();
    world.wait("a probe", 60_000, |world| world.requests("echo").len() > probes);
    world.run(100);
    world
}

/// How long after the line broke the client gave its socket up.
fn noticed(world: &mut World, most: u64) -> u64 {
    let broke = world.now;
    world.wait("noticed", most, |world| !world.shuts.is_empty());
    world.shuts[0].0 - broke
}

// Row 10: zombie.

#[test]
fn row10_an_idle_zombie_is_noticed_within_40_s() {
    for offset in [0, 5_000, 17_000, 29_900] {
        let mut world = just_answered(1);
        world.run(offset);
        world.network.strand();
        assert!(noticed(&mut world, 60_000) <= 40_000, "after {offset} ms idle");
        world.run_until_ready();
    }
}

guest_only! {
    #[test]
    fn row10_a_working_idle_line_is_left_alone_for_an_hour_within_the_echo_limit() {
        let mut world = World::settled(2);
        world.run(HOUR);
        assert_eq!((world.opens.len(), world.state()), (1, State::Ready));
        assert_eq!(world.log("limited").len(), 0);
        let echoes: Vec<u64> = world.log("frame-in").iter().filter(|r| r["action"] == "echo").map(|r| r["at"].as_u64().unwrap()).collect();
        assert!(echoes.len() > 30, "{}", echoes.len());
        assert!(echoes.windows(3).all(|three| three[2] - three[0] >= 60_000), "two echoes a minute");
    }
}

#[test]
fn row10_with_a_send_outstanding_it_is_suspect_after_3_to_5_s() {
    for latency in [20, 300, 700, 2_000] {
        let mut world = World::new(3);
        world.network.latency = latency;
        world.start();
        world.run_until_ready();
        for _ in 0..12 {
            world.send("warm");
            world.run(4_500);
        }
        world.wait_sent(120_000);
        world.network.strand();
        world.send("into the void");
        let sent_at = world.now;
        world.wait("suspect", 10_000, |world| world.state() == State::Suspect);
        assert!((3_000..=5_000).contains(&(world.now - sent_at)), "latency {latency}: {}", world.now - sent_at);
    }
}

#[test]
fn row10_with_a_send_outstanding_it_is_replaced_by_8_s() {
    for seed in 0..20 {
        let mut world = World::settled(seed);
        world.network.strand();
        let sent_at = world.now;
        world.send("into the void");
        world.wait("replaced", 30_000, |world| world.opens.len() == 2);
        assert!(world.now - sent_at <= 8_000, "seed {seed}: {}", world.now - sent_at);
    }
}

#[test]
fn row10_on_a_slow_line_too_it_is_replaced_by_8_s() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        world.network.latency = 700;
        world.start();
        world.run_until_ready();
        for _ in 0..12 {
            world.send("warm");
            world.run(4_500);
        }
        world.wait_sent(120_000);
        world.run(2_000);
        world.network.strand();
        let sent_at = world.now;
        world.send("into the void");
        world.wait("replaced", 30_000, |world| world.opens.len() == 2);
        assert!(world.now - sent_at <= 8_000, "seed {seed}: {}", world.now - sent_at);
    }
}

#[test]
fn row10_the_message_sent_into_a_zombie_is_delivered_once() {
    let mut world = World::settled(4);
    world.network.strand();
    world.send("into the void");
    world.wait_sent(30_000);
    world.run(60_000);
    assert_eq!(world.times_stored("into the void"), 1);
    assert_eq!(world.page.texts(), ["into the void"]);
}

#[test]
fn row10_a_suspect_line_that_answers_after_all_is_kept() {
    let mut world = World::settled(5);
    // The echo of the message is lost; the probe is answered.
    world.fault(json!({"on": "frame-out", "match": {"action": "onMessage", "type": "Text"}, "do": "lose"}));
    let id = world.send("unheard");
    world.wait("suspect", 6_000, |world| world.state() == State::Suspect);
    world.wait("trusted again", 1_000, |world| world.state() == State::Ready);
    world.run(20_000);
    assert_eq!((world.opens.len(), world.status(&id)), (1, Status::Sent));
}

#[test]
fn row10_while_suspect_nothing_more_is_sent() {
    let mut world = World::settled(6);
    world.network.strand();
    world.send("one");
    world.wait("suspect", 6_000, |world| world.state() == State::Suspect);
    world.send("two");
    world.run(1_000);
    assert_eq!(world.sent_texts(), ["one"]);
}

// Row 11: half-open.

#[test]
fn row11_only_down_dead_is_noticed_within_40_s() {
    let mut world = just_answered(1);
    world.network.line = Line::DeafClient;
    assert!(noticed(&mut world, 60_000) <= 40_000);
}

#[test]
fn row11_only_up_dead_is_noticed_within_40_s() {
    let mut world = just_answered(2);
    world.network.line = Line::MuteClient;
    assert!(noticed(&mut world, 60_000) <= 40_000);
}

#[test]
fn row11_only_up_dead_is_noticed_although_frames_keep_coming() {
    let mut world = just_answered(3);
    world.network.line = Line::MuteClient;
    let broke = world.now;
    while world.shuts.is_empty() {
        assert!(world.now - broke <= 40_000, "heard is not answered");
        world.agent("still here");
        world.run(1_000);
    }
}

#[test]
fn row11_only_up_dead_with_a_send_is_noticed_although_frames_keep_coming() {
    let mut world = World::settled(4);
    world.network.line = Line::MuteClient;
    let broke = world.now;
    world.send("unheard");
    while world.shuts.is_empty() {
        assert!(world.now - broke <= 8_000);
        world.agent("still here");
        world.run(500);
    }
    world.heal();
    world.wait_sent(60_000);
    assert_eq!(world.times_stored("unheard"), 1);
}

#[test]
fn row11_only_down_dead_with_a_send_delivers_it_once() {
    let mut world = World::settled(5);
    world.network.line = Line::DeafClient;
    world.send("heard but not answered");
    world.wait("noticed", 8_000, |world| !world.shuts.is_empty());
    world.heal();
    world.wait_sent(60_000);
    world.run(60_000);
    assert_eq!(world.times_stored("heard but not answered"), 1);
}

// Row 12: laptop sleep.

/// Asleep for eight hours with the socket open; the service has long forgotten it. `ticking`: the monotonic clock went
/// on meanwhile.
fn slept(seed: u64, ticking: bool) -> World {
    let mut world = World::settled(seed);
    world.frozen = true;
    world.network.strand();
    let from = world.now;
    world.run(8 * HOUR);
    if !ticking {
        world.slept = world.now - from;
    }
    world
}

fn probes(world: &World) -> usize {
    world.requests("echo").len() + world.requests("getJwt").len()
}

#[test]
fn row12_the_first_signal_after_a_sleep_probes_within_100_ms() {
    for ticking in [true, false] {
        for signal in [Signal::Visible, Signal::Resumed, Signal::Shown, Signal::Focused, Signal::Online, Signal::Input] {
            let mut world = slept(1, ticking);
            let before = probes(&world);
            world.frozen = false;
            world.signal(signal);
            world.run(100);
            assert!(probes(&world) > before, "{signal:?}, ticking {ticking}");
        }
    }
}

#[test]
fn row12_a_sleep_that_began_right_after_an_answer_is_noticed_too() {
    let mut world = World::ready(6);
    world.send("a moment before");
    world.wait_sent(5_000);
    world.frozen = true;
    world.network.strand();
    world.run(8 * HOUR);
    world.slept = 8 * HOUR;
    let before = probes(&world);
    world.frozen = false;
    world.signal(Signal::Visible);
    world.run(100);
    assert!(probes(&world) > before);
}

guest_only! {
    #[test]
    fn row24_what_waited_while_the_machine_slept_is_as_old_as_the_service_says() {
        let mut world = World::settled(7);
        world.network.line = Line::Offline;
        world.break_line();
        let id = world.send("from this morning");
        world.frozen = true;
        world.run(8 * HOUR);
        world.slept = 8 * HOUR;
        world.heal();
        world.thaw();
        world.run(60_000);
        assert_eq!((world.status(&id), world.code(&id)), (Status::Expired, Some(Code::MESSAGE_EXPIRED.0)));
        assert_eq!(world.sent_texts().len(), 0);
    }
}

#[test]
fn row12_a_timer_that_fires_late_is_a_signal_too() {
    for ticking in [true, false] {
        let mut world = slept(2, ticking);
        let before = probes(&world);
        world.thaw();
        // Without a tick during the sleep the timer is due when it was due before: half a minute at most.
        world.run(if ticking { 100 } else { 31_000 });
        assert!(probes(&world) > before, "ticking {ticking}");
    }
}

#[test]
fn row12_the_probe_after_a_sleep_has_2_s() {
    let mut world = slept(3, true);
    world.frozen = false;
    world.signal(Signal::Visible);
    let woke = world.now;
    world.wait("given up", 2_100, |world| !world.shuts.is_empty());
    assert!((2_000..=2_100).contains(&(world.now - woke)), "{}", world.now - woke);
}

#[test]
fn row12_it_is_back_and_resynced_within_5_s() {
    for ticking in [true, false] {
        for seed in 0..20 {
            let mut world = slept(seed, ticking);
            world.agent("while you slept");
            world.frozen = false;
            world.signal(Signal::Visible);
            world.wait("back and resynced", 5_000, |world| world.state() == State::Ready && world.page.texts() == ["while you slept"]);
        }
    }
}

#[test]
fn row12_the_history_token_is_renewed_before_it_is_used() {
    for ticking in [true, false] {
        let mut world = slept(4, ticking);
        let woke = world.now;
        world.thaw();
        world.signal(Signal::Visible);
        world.run(60_000);
        let after: Vec<u16> = world.history_reads().iter().filter(|(_, at)| *at >= woke).map(|(status, _)| *status).collect();
        assert!(!after.is_empty() && after.iter().all(|status| *status == 200), "ticking {ticking}: {after:?}");
    }
}

#[test]
fn row12_several_signals_at_once_are_one_probe() {
    let mut world = slept(5, true);
    let before = probes(&world);
    world.thaw();
    for signal in [Signal::Resumed, Signal::Visible, Signal::Focused, Signal::Online, Signal::Input] {
        world.signal(signal);
    }
    world.run(500);
    assert_eq!(probes(&world), before + 1);
}

#[test]
fn row12_a_socket_that_survived_the_sleep_is_kept() {
    let mut world = World::settled(6);
    world.frozen = true;
    world.run(20_000);
    world.thaw();
    world.signal(Signal::Visible);
    world.run(30_000);
    assert_eq!((world.opens.len(), world.state()), (1, State::Ready));
}

#[test]
fn row12_what_waited_over_the_sleep_is_sent_once() {
    let mut world = World::settled(7);
    world.network.strand();
    world.send("good night");
    world.frozen = true;
    world.run(30 * 60_000);
    world.frozen = false;
    world.thaw();
    world.signal(Signal::Visible);
    world.wait_sent(30_000);
    world.run(30_000);
    assert_eq!(world.times_stored("good night"), 1);
}

// Row 13: late timer, healthy socket.

/// The page stalls for 40 s while the agent goes on.
fn stall_page(world: &mut World) {
    world.frozen = true;
    for n in 0..40 {
        world.agent(&format!("line {n}"));
        world.run(1_000);
    }
    world.thaw();
}

fn assert_undisturbed(world: &mut World) {
    world.run(60_000);
    assert_eq!((world.opens.len(), world.shuts.len(), world.state()), (1, 0, State::Ready));
    assert!(!world.was(|state| matches!(state, State::Waiting { .. })));
}

#[test]
fn row13_a_page_that_stalled_while_idle_does_not_disconnect() {
    for offset in [0, 10_000, 29_000] {
        let mut world = World::settled(1);
        world.run(offset);
        stall_page(&mut world);
        assert_undisturbed(&mut world);
        assert_eq!(world.page.texts().len(), 40);
    }
}

#[test]
fn row13_a_page_that_stalled_with_a_probe_outstanding_does_not_disconnect() {
    let mut world = World::settled(2);
    let probed = world.requests("echo").len();
    world.wait("the probe", 60_000, |world| world.requests("echo").len() > probed);
    stall_page(&mut world);
    assert_undisturbed(&mut world);
}

#[test]
fn row13_a_page_that_stalled_with_a_send_outstanding_does_not_disconnect() {
    let mut world = World::settled(3);
    world.send("unread echo");
    stall_page(&mut world);
    assert_undisturbed(&mut world);
    assert_eq!((world.sent_texts().len(), world.times_stored("unread echo")), (1, 1));
}

guest_only! {
    #[test]
    fn row13_a_page_that_stalled_while_connecting_does_not_start_over() {
        let mut world = World::new(4);
        world.start();
        world.wait("configuring", 1_000, |world| world.requests("configureSession").len() == 1);
        world.frozen = true;
        world.run(40_000);
        world.thaw();
        assert_undisturbed(&mut world);
    }
}

#[test]
fn row13_a_timer_that_fires_late_on_a_dead_line_has_a_second_more_and_no_longer() {
    let mut world = World::settled(5);
    world.network.strand();
    world.wait("the probe", 60_000, |world| world.requests("echo").len() == 1);
    world.frozen = true;
    world.run(10_000);
    world.thaw();
    let thawed = world.now;
    world.wait("given up", 1_500, |world| !world.shuts.is_empty());
    assert!((1_000..=1_500).contains(&(world.now - thawed)));
}

#[test]
fn row12_signals_that_keep_coming_stay_within_the_service_limits() {
    let mut world = World::settled(8);
    for _ in 0..60 {
        world.signal(Signal::Focused);
        world.run(2_000);
    }
    assert_eq!(world.log("limited").len(), 0);
    assert_eq!((world.opens.len(), world.state()), (1, State::Ready));
}

#[test]
fn row12_a_button_that_is_clicked_madly_stays_within_the_service_limits() {
    let mut world = World::settled(9);
    for _ in 0..600 {
        world.with(|session, now| session.reconnect(now));
        world.run(100);
    }
    assert_eq!(world.log("limited").len(), 0);
    let id = world.send("still works");
    world.run(10_000);
    assert_eq!(world.status(&id), Status::Sent);
}
