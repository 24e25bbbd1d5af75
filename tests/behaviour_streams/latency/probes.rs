//! L3 to L6: what a probe and its answer, or their absence, lead to.

use super::*;

// ---- L3

#[test]
fn l3_each_answer_gives_a_round_trip_time() {
    let mut world = ready(json!({}));
    world.pass(10_000);
    let samples = world.samples();
    assert!(samples.len() >= 5, "{samples:?}");
    assert!(samples.iter().all(|(_, sample)| sample.latency == Some(40)));
    let sequences: Vec<_> = samples.iter().filter_map(|(_, sample)| sample.sequence).collect();
    assert_eq!(sequences, (1..=samples.len() as u64).collect::<Vec<_>>());
}

#[test]
fn l3_jitter_is_the_difference_to_the_previous_and_is_smoothed_as_rfc_3550_does() {
    let mut world = ready(json!({"maxLatencyMs": 60}));
    for one_way in [20, 50, 20, 10] {
        world.network.latency = one_way;
        let before = world.samples().len();
        world.wait("answered", 3_000, |world| world.samples().len() > before);
    }
    let samples: Vec<_> = world.samples().into_iter().map(|(_, sample)| sample).collect();
    assert_eq!(samples.iter().map(|sample| sample.latency).collect::<Vec<_>>(), [Some(40), Some(100), Some(40), Some(20)]);
    assert_eq!(samples.iter().map(|sample| sample.jitter).collect::<Vec<_>>(), [0, 60, 60, 20]);
    // J += (|D| - J) / 16 from 0: 0, 3.75, 7.27, 8.06; whole milliseconds are told.
    assert_eq!(samples.iter().map(|sample| sample.smoothed).collect::<Vec<_>>(), [0, 3, 7, 8]);
    // Within 60 ms: 1/1, 1/2, 2/3, 3/4.
    let stability: Vec<_> = samples.iter().map(|sample| (sample.stability * 1000.0).round()).collect();
    assert_eq!(stability, [1000.0, 500.0, 667.0, 750.0]);
    // Nearest rank of 20, 40, 40, 100: the second, and twice the fourth.
    assert_eq!(["p50Ms", "p95Ms", "p99Ms"].map(|name| world.figure(name)), [40.0, 100.0, 100.0]);
    assert_eq!(["latencyMs", "jitterMs", "smoothedJitterMs", "answered"].map(|name| world.figure(name)), [20.0, 20.0, 8.0, 4.0]);
}

#[test]
fn l3_only_the_window_counts() {
    let mut world = ready(json!({"pingIntervalMs": 1_000, "window": 4, "maxLatencyMs": 300}));
    world.network.latency = 200;
    world.wait("slow ones", 20_000, |world| round_trips(world).iter().filter(|rtt| **rtt == 400).count() == 6);
    assert_eq!(["stability", "p50Ms", "p99Ms"].map(|name| world.figure(name)), [0.0, 400.0, 400.0]);
    world.network.latency = 20;
    world.wait("a fast one", 3_000, |world| round_trips(world).last() == Some(&40));
    assert_eq!(["stability", "p50Ms", "p99Ms"].map(|name| world.figure(name)), [0.25, 400.0, 400.0]);
    let before = round_trips(&world).len();
    world.wait("three more", 5_000, |world| round_trips(world).len() == before + 3);
    assert_eq!(["stability", "p50Ms", "p99Ms"].map(|name| world.figure(name)), [1.0, 40.0, 40.0]);
}

#[test]
fn l3_answers_that_come_twice_count_once() {
    let mut world = ready(json!({}));
    world.fault(json!({"on": "frame-out", "match": {"path": PATH, "class": "pong"}, "count": 0, "do": "duplicate"}));
    world.pass(10_000);
    let sequences: Vec<_> = world.samples().iter().map(|(_, sample)| sample.sequence.expect("its number")).collect();
    assert_eq!(sequences, [1, 2, 3, 4, 5]);
    assert_eq!(world.figure("answered"), 5.0);
}

#[test]
fn l3_answers_out_of_order_go_each_to_its_own_probe() {
    let mut world = ready(json!({"pingIntervalMs": 100}));
    world.fault(json!({"on": "frame-out", "match": {"path": PATH, "class": "pong"}, "do": "reorder", "window": 2}));
    world.pass(300);
    let first: Vec<_> = world.samples().iter().take(3).map(|(_, sample)| (sample.sequence, sample.latency)).collect();
    // The first answer waits for the second, which is asked for 100 ms later.
    assert_eq!(first, [(Some(2), Some(40)), (Some(1), Some(140)), (Some(3), Some(40))]);
}

#[test]
fn l3_an_answer_to_nothing_is_no_round_trip() {
    let mut world = ready(json!({}));
    world.pass(1_000);
    let before = world.samples().len();
    for sequence in [json!(1), json!(0), json!(-1), json!(99), json!("one"), json!(null), json!([2]), json!({"sequence": 2}), json!(2.5e3)] {
        world.emit("realtime", json!({"frame": json!({"type": "pong", "sequence": sequence}).to_string()}));
    }
    world.emit("realtime", json!({"frame": r#"{"type":"pong"}"#}));
    world.emit("realtime", json!({"frame": r#"{"type":"pong","sequence":1e999}"#}));
    world.emit("realtime", json!({"frame": r#"{"type":"pong","sequence":9223372036854775808}"#}));
    world.pass(100);
    assert_eq!(world.samples().len(), before);
    world.pass(5_000);
    assert!(round_trips(&world).iter().all(|rtt| *rtt == 40));
    assert_eq!(timeouts(&world), 0);
}

#[test]
fn l3_memory_is_constant() {
    let mut world = ready(json!({"pingIntervalMs": 100, "timeoutMs": 60_000}));
    // For as long as nothing is answered, no more probes are waited for than fit into the time-out.
    world.fault(json!({"on": "frame-out", "match": {"path": PATH, "class": "pong"}, "count": 0, "do": "delay", "ms": 50_000}));
    world.pass(600_000);
    assert_eq!(timeouts(&world), 0);
    assert_eq!(round_trips(&world).last(), Some(&50_040));
    assert_eq!(world.figure("p50Ms"), 50_040.0);
}

// ---- L4

/// The server's clock is ahead by `server`, the visitor's by `visitor`: what is found out and what is applied.
fn drift(server: i64, visitor: i64, compensation: Value) -> (Option<i64>, Option<f64>) {
    let mut world = World::new(Kind::Latency, options(json!({"driftCompensation": compensation})));
    world.set(json!({"clockOffsetMs": server}));
    world.ahead = visitor;
    world.start();
    world.wait_for(State::Ready, 5_000);
    world.pass(5_000);
    let offset = world.samples().last().expect("a probe").1.offset;
    let correction = world.stream.figures().into_iter().find(|(name, _)| *name == "correctionMs").map(|(_, figure)| figure);
    (offset, correction)
}

#[test]
fn l4_the_offset_is_that_at_the_middle_of_the_probe_and_is_applied_with_the_factor() {
    let half = json!({"enabled": true, "maxDriftMs": 100, "adjustFactor": 0.5});
    assert_eq!(drift(0, 0, half.clone()), (Some(0), Some(0.0)));
    assert_eq!(drift(80, 0, half.clone()), (Some(80), Some(40.0)));
    assert_eq!(drift(-80, 0, half.clone()), (Some(-80), Some(-40.0)));
    assert_eq!(drift(0, 80, half.clone()), (Some(-80), Some(-40.0)), "the visitor's clock is the one that is ahead");
    assert_eq!(drift(80, 80, half), (Some(0), Some(0.0)));
}

#[test]
fn l4_no_more_is_applied_than_is_allowed() {
    let narrow = json!({"enabled": true, "maxDriftMs": 10, "adjustFactor": 0.95});
    assert_eq!(drift(5_000, 0, narrow.clone()), (Some(5_000), Some(10.0)));
    assert_eq!(drift(-5_000, 0, narrow.clone()), (Some(-5_000), Some(-10.0)));
    // Years apart, as a visitor's clock may be.
    assert_eq!(drift(0, -1_700_000_000_000, narrow).1, Some(10.0));
    assert_eq!(drift(5_000, 0, json!({"maxDriftMs": 0})).1, Some(0.0));
}

#[test]
fn l4_nothing_is_applied_where_that_is_not_wanted() {
    assert_eq!(drift(50, 0, json!({"enabled": false})).1, None);
}

#[test]
fn l4_the_clocks_are_compared_on_each_probe() {
    let mut world = ready(json!({}));
    world.pass(1_000);
    assert_eq!(world.samples().last().unwrap().1.offset, Some(0));
    world.set(json!({"clockOffsetMs": 700}));
    world.pass(2_000);
    assert_eq!(world.samples().last().unwrap().1.offset, Some(700));
}

#[test]
fn l4_a_clock_that_is_set_during_a_probe_tells_nothing() {
    for jump in [3_600_000, -3_600_000, 90, -90] {
        let mut world = ready(json!({}));
        world.pass(1_000);
        let answered = world.samples().len();
        world.wait("a probe is out", 3_000, |world| frames(world, "ping").len() > answered);
        world.ahead += jump;
        world.wait("answered", 1_000, |world| world.samples().len() > answered);
        let (_, sample) = world.samples()[answered];
        assert_eq!((sample.latency, sample.offset), (Some(40), Some(0)), "{jump}");
        world.pass(10_000);
        assert_eq!(world.samples().last().unwrap().1.offset, Some(-jump), "the next one tells");
        assert_eq!(world.opens.len(), 1);
    }
}

#[test]
fn l4_times_that_are_none_or_out_of_all_bounds_change_nothing_else() {
    let mut world = ready(json!({}));
    world.pass(1_000);
    let path = json!({"path": PATH, "class": "pong"});
    for timestamp in [
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\"yesterday\"",
        "1e999",
        "-1e999",
        "0.5",
        "9223372036854775807",
        "-9223372036854775808",
        "\"9223372036854775807\"",
        "\"-9223372036854775808\"",
        "\"9999-12-31T23:59:59.999Z\"",
        "\"0000-01-01T00:00:00.000Z\"",
        "\"-0001-01-01T00:00:00Z\"",
        "\"2026-01-06T13:00:00+99:99\"",
    ] {
        world.lift_faults();
        let sequence = frames(&world, "ping").len() + 1;
        let frame = format!(r#"{{"type":"pong","sequence":{sequence},"timestamp":{timestamp}}}"#);
        world.fault(json!({"on": "frame-out", "match": path, "do": "reply", "frame": frame}));
        let before = world.samples().len();
        world.wait("answered", 3_000, |world| world.samples().len() > before);
        assert_eq!(world.samples().last().unwrap().1.latency, Some(40), "{timestamp}");
        let correction = world.figure("correctionMs");
        assert!((-10.0..=10.0).contains(&correction), "{timestamp}: {correction}");
    }
    world.lift_faults();
    world.pass(3_000);
    assert_eq!((world.samples().last().unwrap().1.offset, world.opens.len()), (Some(0), 1));
}

// ---- L5

#[test]
fn l5_three_probes_without_an_answer_replace_the_connection() {
    let mut world = ready(json!({}));
    world.network.strand();
    world.wait("three timeouts", 20_000, |world| timeouts(world) == 3);
    assert_ne!(world.state(), State::Ready);
    world.wait_for(State::Ready, 5_000);
    assert_eq!(world.opens.len(), 2);
}

#[test]
fn l5_two_without_an_answer_and_one_with_do_not() {
    let mut world = ready(json!({"pingIntervalMs": 1_000, "timeoutMs": 500}));
    world.fault(lose_pings(1, 2));
    world.pass(60_000);
    assert_eq!((timeouts(&world), world.opens.len()), (2, 1));
    world.fault(lose_pings(1, 2));
    world.pass(60_000);
    assert_eq!((timeouts(&world), world.opens.len()), (4, 1));
    world.fault(lose_pings(1, 3));
    world.pass(60_000);
    assert_eq!((timeouts(&world), world.opens.len()), (7, 2));
    assert_eq!(world.figure("timeouts"), 7.0);
    assert_eq!(world.figure("losses"), 1.0);
}

#[test]
fn l5_a_timeout_is_counted_at_its_deadline_and_once() {
    let mut world = ready(json!({"pingIntervalMs": 10_000, "timeoutMs": 2_000}));
    world.pass(1_000);
    world.fault(json!({"on": "frame-out", "match": {"path": PATH, "class": "pong"}, "do": "delay", "ms": 6_000}));
    world.wait("a second probe", 10_000, |world| frames(world, "ping").len() == 2);
    let sent = world.now;
    world.wait("timed out", 3_000, |world| timeouts(world) == 1);
    assert_eq!(world.now, sent + 2_000);
    let (_, sample) = *world.samples().last().unwrap();
    assert_eq!((sample.sequence, sample.latency), (Some(2), None));
    world.pass(30_000);
    assert_eq!((timeouts(&world), world.figure("timeouts"), world.figure("answered")), (1, 1.0, 4.0));
    assert!(!world.samples().iter().any(|(_, sample)| sample.sequence == Some(2) && sample.latency.is_some()), "it comes too late");
}

#[test]
fn l5_a_timeout_weighs_on_the_stability() {
    let mut world = ready(json!({"pingIntervalMs": 1_000, "timeoutMs": 500}));
    world.pass(500);
    world.fault(lose_pings(1, 1));
    world.wait("timed out", 3_000, |world| timeouts(world) == 1);
    assert_eq!(world.samples().last().unwrap().1.stability, 0.5);
    world.pass(2_000);
    assert_eq!(world.figure("stability"), 0.75);
}

#[test]
fn l5_also_where_probes_are_far_apart_it_takes_three() {
    let mut world = ready(json!({"pingIntervalMs": 30_000}));
    world.pass(1_000);
    world.fault(lose_pings(1, 2));
    world.pass(200_000);
    assert_eq!((timeouts(&world), world.opens.len()), (2, 1));
    let at: Vec<_> = frames(&world, "ping").iter().map(|(at, _)| *at).collect();
    assert!(at.windows(2).all(|two| two[1] - two[0] == 30_000), "no probe but those that were asked for: {at:?}");
    world.network.strand();
    world.wait("replaced", 200_000, |world| world.opens.len() == 2);
    assert_eq!(timeouts(&world), 5);
}

#[test]
fn l5_a_page_whose_timers_are_throttled_finds_a_dead_line_too() {
    let mut world = ready(json!({}));
    world.page(Page::Hidden);
    world.pass(10_000);
    world.network.strand();
    // A hidden page's timers run once a minute.
    for _ in 0..12 {
        world.frozen = true;
        world.pass(60_000);
        world.thaw();
    }
    assert!(world.opens.len() >= 2, "{:?}", world.states());
    assert!(timeouts(&world) >= 1, "a probe without an answer is counted there too");
    world.page(Page::Visible);
    world.wait_for(State::Ready, 10_000);
}

#[test]
fn l5_a_page_that_stood_still_times_nothing_out_that_was_answered() {
    let mut world = ready(json!({}));
    world.wait("a probe is out", 3_000, |world| frames(world, "ping").len() == 2);
    world.frozen = true;
    world.pass(50_000);
    world.thaw();
    world.pass(10_000);
    assert_eq!((timeouts(&world), world.opens.len()), (0, 1));
}

#[test]
fn l5_what_was_asked_over_a_lost_line_is_no_timeout() {
    let mut world = ready(json!({}));
    world.wait("a probe is out", 3_000, |world| frames(world, "ping").len() == 2);
    let now = world.now;
    world.network.reset(now);
    world.pass(10_000);
    assert_eq!((timeouts(&world), world.opens.len()), (0, 2));
    let sequences: Vec<_> = world.samples().iter().filter_map(|(_, sample)| sample.sequence).collect();
    assert_eq!(sequences[..2], [1, 3]);
}

#[test]
fn l5_a_line_that_stalls_is_given_up_after_three_probes_and_one_that_breaks_at_once() {
    let mut world = ready(json!({"pingIntervalMs": 1_000, "timeoutMs": 500}));
    world.pass(500);
    world.fault(json!({"on": "frame-out", "match": {"path": PATH, "class": "pong"}, "do": "stall"}));
    world.wait("another line", 5_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
    assert_eq!(timeouts(&world), 3);
    for fault in [json!({"do": "drop"}), json!({"do": "drop", "after": true}), json!({"do": "close", "code": 1011})] {
        let mut world = ready(json!({"pingIntervalMs": 1_000, "timeoutMs": 500}));
        world.pass(500);
        for on in ["frame-in", "frame-out"] {
            let mut rule = json!({"on": on, "match": {"path": PATH, if on == "frame-in" { "action" } else { "class" }: if on == "frame-in" { "ping" } else { "pong" }}});
            rule.as_object_mut().unwrap().extend(fault.as_object().unwrap().clone());
            world.fault(rule);
            world.pass(11_000);
        }
        assert_eq!((timeouts(&world), world.opens.len(), world.state()), (0, 3, State::Ready), "{fault}");
    }
}

// ---- L6

#[test]
fn l6_each_probe_is_told_with_latency_jitter_stability_and_whether_it_timed_out() {
    let mut world = ready(json!({"pingIntervalMs": 1_000, "timeoutMs": 500}));
    world.fault(lose_pings(2, 1));
    world.pass(5_300);
    let samples: Vec<_> = world.samples().into_iter().map(|(_, sample)| sample).collect();
    assert_eq!(samples.iter().map(|sample| sample.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6].map(Some));
    assert_eq!(samples.iter().filter(|sample| sample.latency.is_none()).count(), 1);
    let told: Vec<Value> = world.told.iter().filter(|(_, event)| matches!(event, Event::Probe(_))).map(|(_, event)| json!(event)).collect();
    assert_eq!(told.len(), 6);
    for probe in &told {
        for member in ["jitterMs", "smoothedJitterMs", "stability", "at", "sequence"] {
            assert!(probe[member].is_number(), "{probe}");
        }
        assert_eq!(probe["timedOut"].as_bool(), Some(probe.get("latencyMs").is_none()));
    }
}
