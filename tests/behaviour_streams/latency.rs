//! L: the latency monitor. The APM callback's and the marks' own half (L6), and the plot (L9), are JavaScript's and tested there.

mod probes;

use crate::world::{DEPLOYMENT, World};
use guestwire::core::error::Code;
use guestwire::core::machine::{Input, Page, Payload};
use guestwire::core::state::{End, Pause, State};
use guestwire::streams::Kind;
use guestwire::streams::class::Command;
use guestwire::streams::event::Event;
use serde_json::{Value, json};

const PATH: &str = "/v2/analytics/events/realtime";

fn options(more: Value) -> Value {
    let mut all = json!({"connectionId": "monitor-001"});
    for (name, value) in more.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    all
}

fn ready(more: Value) -> World {
    World::ready(Kind::Latency, options(more))
}

fn started(more: Value) -> World {
    let mut world = World::new(Kind::Latency, options(more));
    world.start();
    world
}

fn lose_pings(nth: u64, count: u64) -> Value {
    json!({"on": "frame-in", "match": {"path": PATH, "action": "ping"}, "nth": nth, "count": count, "do": "lose"})
}

/// What answers the subscription in the service's place.
fn answer_to_subscribe(frame: Value) -> Value {
    json!({"on": "frame-out", "match": {"path": PATH, "class": "subscribed"}, "do": "reply", "frame": frame})
}

fn frames(world: &World, kind: &str) -> Vec<(u64, Value)> {
    let read = world.sent.iter().map(|(at, _, text)| (*at, serde_json::from_str::<Value>(text).expect("JSON")));
    read.filter(|(_, frame)| frame["type"] == kind).collect()
}

/// Round trips that were measured.
fn round_trips(world: &World) -> Vec<u64> {
    world.samples().iter().filter_map(|(_, sample)| sample.latency).collect()
}

fn timeouts(world: &World) -> usize {
    world.samples().iter().filter(|(_, sample)| sample.latency.is_none()).count()
}

fn errors(world: &World) -> Vec<(Code, String)> {
    let found = world.find(|event| if let Event::Error(code, detail) = event { Some((*code, detail.clone())) } else { None });
    found.into_iter().map(|(_, error)| error).collect()
}

fn thresholds(world: &World) -> Vec<(bool, u64, u64, bool)> {
    let found = world.find(|event| match event {
        Event::Threshold { latency, value, limit, over } => Some((*latency, *value, *limit, *over)),
        _ => None,
    });
    found.into_iter().map(|(_, threshold)| threshold).collect()
}

fn refused_field(options: Value) -> Option<&'static str> {
    let refusal = World::try_new(Kind::Latency, options).err()?;
    assert_eq!(refusal.code, Code::INVALID_OPTION);
    Some(refusal.field.expect("the field is named"))
}

// ---- L1

#[test]
fn l1_the_first_frame_subscribes_with_the_token_and_the_settings() {
    let world = ready(json!({"pingIntervalMs": 1500, "driftCompensation": {"enabled": true, "maxDriftMs": 10, "adjustFactor": 0.95}}));
    assert!(world.opens[0].2.ends_with("/v2/analytics/events/realtime"));
    let first: Value = serde_json::from_str(&world.sent[0].2).unwrap();
    assert_eq!(first["type"], "subscribe");
    assert_eq!(first["connectionId"], "monitor-001");
    assert_eq!(first["settings"], json!({"pingInterval": "1.5s", "driftCompensation": {"enabled": true, "maxDriftMs": 10, "adjustFactor": 0.95}}));
    assert!(first["token"].as_str().is_some_and(|token| token.len() > 16));
}

#[test]
fn l1_the_token_stands_in_no_address_and_no_probe_goes_before_the_answer() {
    let mut world = started(json!({}));
    world.fault(json!({"on": "frame-out", "match": {"path": PATH, "class": "subscribed"}, "do": "delay", "ms": 4_000}));
    world.pass(4_000);
    assert_eq!((frames(&world, "subscribe").len(), frames(&world, "ping").len()), (1, 0));
    world.wait_for(State::Ready, 1_000);
    assert_eq!(frames(&world, "ping").len(), 1);
    assert!(world.opens.iter().all(|(_, _, url)| !url.contains('?')));
}

#[test]
fn l1_a_first_frame_over_65536_bytes_is_not_sent() {
    let mut world = World::new(Kind::Latency, options(json!({})));
    let token = "t".repeat(65_536);
    world.fault(json!({"on": "http", "match": {"path": "/demo-backend/token"}, "do": "reply", "frame": {"access_token": token, "expires_in": 3600}}));
    let ticket = world.start();
    world.wait_for(State::Ended { reason: End::NotAllowed }, 5_000);
    assert_eq!(world.sent, []);
    assert_eq!(world.done(ticket), Some(Some(Code::REJECTED)));
    assert_eq!(world.network.open_lines(), 0);
}

#[test]
fn l1_an_answer_that_does_not_come_within_ten_seconds_is_not_waited_for() {
    let mut world = started(json!({}));
    world.fault(json!({"on": "frame-out", "match": {"path": PATH, "class": "subscribed"}, "do": "lose"}));
    world.wait("opened", 1_000, |world| world.opens.len() == 1);
    let opened = world.opens[0].0;
    world.pass(9_999);
    assert_eq!(world.state(), State::Connecting { attempt: 1 });
    world.wait("tried again", 1_002, |world| world.opens.len() == 2);
    assert!((opened + 10_250..=opened + 11_001).contains(&world.opens[1].0), "{:?}", world.opens);
    world.wait_for(State::Ready, 1_000);
}

#[test]
fn l1_what_the_service_finds_wrong_with_the_subscription_is_told_and_ends_it() {
    let mut world = started(json!({}));
    world.fault(answer_to_subscribe(json!({"type": "error", "status": 400, "message": "no such connection", "field": "connectionId"})));
    world.wait_for(State::Ended { reason: End::NotAllowed }, 5_000);
    assert_eq!(errors(&world), [(Code::REJECTED, "no such connection (connectionId)".to_string())]);
    world.pass(600_000);
    assert_eq!(world.opens.len(), 1);
}

#[test]
fn l1_a_token_that_the_service_does_not_know_is_replaced_once_and_tried_again() {
    let mut world = started(json!({}));
    world.pass(50);
    world.control("POST", "/_sim/expire", json!({"what": "token", "deploymentId": DEPLOYMENT}));
    world.wait_for(State::Ready, 5_000);
    let tokens: Vec<_> = frames(&world, "subscribe").iter().map(|(_, frame)| frame["token"].clone()).collect();
    assert_eq!(tokens.len(), 2);
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!(world.asked.len(), 2, "no third token");
}

#[test]
fn l1_a_client_that_may_not_listen_is_told_so_and_does_not_come_back() {
    let mut world = started(json!({"token": {"url": "http://service/demo-backend/token?deploymentId=refused-1"}}));
    world.wait_for(State::Ended { reason: End::NotAllowed }, 5_000);
    world.pass(600_000);
    assert_eq!(world.opens.len(), 1);
    assert_eq!(errors(&world).len(), 1);
}

#[test]
fn l1_a_service_that_is_busy_is_left_alone_for_as_long_as_it_says() {
    let mut world = started(json!({}));
    world.fault(answer_to_subscribe(json!({"type": "error", "status": 429, "message": "busy", "retryAfter": 7})));
    world.wait("paused", 5_000, |world| matches!(world.state(), State::Paused { reason: Pause::RateLimited, .. }));
    let paused = world.now;
    world.wait("tried again", 9_000, |world| world.opens.len() == 2);
    assert!((paused + 7_000..=paused + 8_001).contains(&world.opens[1].0), "{} {:?}", paused, world.opens);
    world.wait_for(State::Ready, 5_000);
}

#[test]
fn l1_a_service_that_has_failed_is_tried_again_by_the_policy() {
    let mut world = started(json!({}));
    world.fault(answer_to_subscribe(json!({"type": "error", "status": 503, "message": "down"})));
    // Full jitter from 1 s: the second attempt comes within a second.
    world.wait("tried again", 1_200, |world| world.opens.len() == 2);
    world.wait_for(State::Ready, 1_000);
}

#[test]
fn l1_what_a_socket_of_before_still_says_does_not_touch_the_next_attempt() {
    let mut world = ready(json!({}));
    let old = world.opens[0].1;
    world.network.strand();
    world.wait("given up", 30_000, |world| matches!(world.state(), State::Waiting { .. } | State::Connecting { .. }));
    for status in [400, 401, 403, 429, 500] {
        let frame = json!({"type": "error", "status": status, "message": "late"}).to_string();
        world.input(Input::Frame(old, Payload::Text(&frame)));
    }
    world.wait_for(State::Ready, 5_000);
    assert_eq!(world.opens.len(), 2);
}

// ---- L2

#[test]
fn l2_what_is_wrong_with_the_options_is_named() {
    let with = |name: &str, value: Value| options(json!({name: value}));
    let long = "x".repeat(37);
    for bad in [json!("short77"), json!(long), json!("with space"), json!("öööööööö"), json!(12_345_678), json!("monitor.001"), Value::Null] {
        assert_eq!(refused_field(with("connectionId", bad.clone())), Some("connectionId"), "{bad}");
    }
    for (name, bad) in [
        ("pingIntervalMs", vec![json!(99), json!(0), json!(-2_000), json!("2000"), json!(true)]),
        ("probeFrequencyLimitMs", vec![json!(5_001), json!(-1), json!("1s")]),
        ("maxLatencyMs", vec![json!(0), json!(-1), json!("300")]),
        ("maxJitterMs", vec![json!(0), json!(-1), json!([])]),
        ("window", vec![json!(0), json!(1_000_000)]),
        ("timeoutMs", vec![json!(0)]),
        (
            "driftCompensation",
            vec![
                json!({"maxDriftMs": -1}),
                json!({"adjustFactor": 1.5}),
                json!({"adjustFactor": -0.5}),
                json!({"enabled": "yes"}),
                json!("yes"),
                json!(true),
                json!([10]),
            ],
        ),
    ] {
        for value in bad {
            assert_eq!(refused_field(with(name, value.clone())), Some(name), "{name}: {value}");
        }
    }
}

#[test]
fn l2_what_is_just_right_is_taken() {
    let longest = "Z_9-".repeat(9);
    for good in [
        json!({"connectionId": "12345678"}),
        json!({"connectionId": longest}),
        json!({"pingIntervalMs": 100}),
        json!({"probeFrequencyLimitMs": 5_000}),
        json!({"maxLatencyMs": 1, "maxJitterMs": 1}),
        json!({"driftCompensation": {"enabled": false, "maxDriftMs": 0, "adjustFactor": 0}}),
        json!({"driftCompensation": {"adjustFactor": 1.0}}),
        json!({"driftCompensation": null}),
    ] {
        assert_eq!(refused_field(options(good.clone())), None, "{good}");
    }
}

#[test]
fn l2_probes_go_as_often_as_is_asked_and_the_service_takes_them() {
    let mut world = ready(json!({"pingIntervalMs": 100}));
    let ready_at = world.now;
    world.pass(10_000);
    let probes: Vec<_> = frames(&world, "ping").iter().map(|(at, _)| at - ready_at).collect();
    assert_eq!(probes, (0..=100).map(|turn| turn * 100).collect::<Vec<_>>());
    assert_eq!(frames(&world, "subscribe")[0].1["settings"]["pingInterval"], "100ms");
    assert_eq!(world.opens.len(), 1);
}

#[test]
fn l2_nothing_makes_probes_go_more_often_than_their_limit() {
    let mut world = ready(json!({"pingIntervalMs": 3_000, "probeFrequencyLimitMs": 2_000}));
    for _ in 0..40 {
        world.pass(700);
        for signal in [Page::Offline, Page::Online, Page::Focused, Page::Visible, Page::Resumed] {
            world.page(signal);
        }
    }
    // The visitor's clock jumps, which looks like a sleep.
    world.ahead += 3_600_000;
    world.page(Page::Focused);
    world.pass(10_000);
    // A machine that stood still for a while, on which several timers are late at once.
    world.frozen = true;
    world.pass(90_000);
    world.thaw();
    world.pass(10_000);
    let at: Vec<_> = frames(&world, "ping").iter().map(|(at, _)| *at).collect();
    assert!(at.windows(2).all(|two| two[1] - two[0] >= 2_000), "{at:?}");
    assert_eq!(world.opens.len(), 1);
    assert_eq!(world.state(), State::Ready);
}

// ---- L7

#[test]
fn l7_a_token_older_than_fifty_minutes_is_replaced_and_the_connection_with_it_make_before_break() {
    let mut world = ready(json!({}));
    world.wait("a second socket", 3_000_000, |world| world.opens.len() == 2);
    // The token's age counts from the request for it, at 0.
    assert_eq!(world.asked.len(), 2);
    assert_eq!(world.asked[1].0, 3_000_000);
    let tokens: Vec<_> = {
        world.pass(10_000);
        frames(&world, "subscribe").iter().map(|(_, frame)| frame["token"].clone()).collect()
    };
    assert_eq!(tokens.len(), 2);
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!(world.network.most_sockets, 2, "the second was open before the first was closed");
    assert_eq!(world.network.open_lines(), 1);
    assert_eq!(world.states().len(), 2, "connecting and ready, and nothing since: {:?}", world.states());
    let sequences: Vec<_> = world.samples().iter().filter_map(|(_, sample)| sample.sequence).collect();
    assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>(), "no answer was lost");
    assert_eq!((timeouts(&world), world.figure("losses")), (0, 0.0));
    world.wait("a third", 3_000_000, |world| world.opens.len() == 3);
}

#[test]
fn l7_a_token_that_lives_for_less_is_replaced_before_it_runs_out() {
    let mut world = World::new(Kind::Latency, options(json!({})));
    world.set(json!({"accessTokenSeconds": 600}));
    world.start();
    world.wait_for(State::Ready, 5_000);
    world.pass(3_600_000);
    assert_eq!((world.figure("losses"), world.states().len()), (0.0, 2));
    assert!((6..=8).contains(&world.opens.len()), "{}", world.opens.len());
}

#[test]
fn l7_a_source_that_is_away_costs_no_connection() {
    let mut world = ready(json!({}));
    world.pass(2_990_000);
    world.fault(json!({"on": "http", "match": {"path": "/demo-backend/token"}, "count": 0, "do": "status", "status": 503}));
    world.pass(600_000);
    assert_eq!((world.opens.len(), world.state()), (1, State::Ready));
    assert!(world.asked.len() <= 2 + 600 / 15, "{}", world.asked.len());
    world.lift_faults();
    world.wait("a second socket", 60_000, |world| world.opens.len() == 2);
    world.pass(10_000);
    assert_eq!((world.figure("losses"), world.state()), (0.0, State::Ready));
}

#[test]
fn l7_a_second_socket_that_does_not_come_costs_nothing() {
    let mut world = ready(json!({}));
    world.pass(2_990_000);
    world.fault(json!({"on": "connect", "match": {"path": PATH}, "count": 2, "do": "blackhole"}));
    world.wait("a fourth socket", 200_000, |world| world.opens.len() == 4);
    world.pass(10_000);
    assert_eq!((world.figure("losses"), world.state(), world.network.open_lines()), (0.0, State::Ready, 1));
    assert_eq!(world.states().len(), 2);
    assert_eq!(timeouts(&world), 0);
}

#[test]
fn l7_the_end_of_the_old_tokens_socket_does_not_cost_the_new_token() {
    let mut world = ready(json!({}));
    // The second socket is on its way, with the new token, when the service ends the first for the sake of the old one.
    world.fault(json!({"on": "connect", "match": {"path": PATH}, "do": "delay", "ms": 3_000}));
    world.wait("a second socket", 3_100_000, |world| world.opens.len() == 2);
    world.pass(1_000);
    let old = world.opens[0].1;
    let close = guestwire::core::machine::Close { code: 1008, reason: "token expired", clean: true };
    world.input(Input::Closed(old, close));
    world.wait_for(State::Ready, 5_000);
    assert_eq!((world.asked.len(), world.opens.len()), (2, 2));
    assert_eq!(errors(&world), []);
}

#[test]
fn l7_a_token_that_comes_of_age_while_a_socket_opens_is_sent_all_the_same() {
    let mut world = ready(json!({}));
    world.pass(2_995_000);
    world.fault(json!({"on": "connect", "match": {"path": PATH}, "do": "delay", "ms": 8_000}));
    let now = world.now;
    world.network.reset(now);
    world.wait("open again", 20_000, |world| frames(world, "subscribe").len() == 2);
    assert!(world.now > 3_000_000);
    world.wait("replaced", 5_000, |world| frames(world, "subscribe").len() == 3);
    world.pass(10_000);
    assert_eq!((errors(&world), world.asked.len(), world.state()), (vec![], 2, State::Ready));
}

// ---- L8

#[test]
fn l8_a_monitor_measures_the_round_trips_of_any_other_connection() {
    let mut world = World::new(Kind::Latency, json!({"attached": true, "maxLatencyMs": 100, "maxJitterMs": 30}));
    let ticket = world.start();
    assert_eq!(world.done(ticket), Some(None));
    for rtt in [Some(40), Some(90), None, Some(140)] {
        world.pass(1_000);
        world.command(Command::Sample(rtt)).expect("taken");
    }
    let samples: Vec<_> = world.samples().into_iter().map(|(_, sample)| sample).collect();
    assert_eq!(samples.iter().map(|sample| sample.latency).collect::<Vec<_>>(), [Some(40), Some(90), None, Some(140)]);
    assert_eq!(samples.iter().map(|sample| sample.jitter).collect::<Vec<_>>(), [0, 50, 50, 50]);
    assert_eq!(samples.last().unwrap().stability, 0.5);
    assert_eq!(["timeouts", "answered", "p50Ms", "p99Ms"].map(|name| world.figure(name)), [1.0, 3.0, 90.0, 140.0]);
    assert!(samples.iter().all(|sample| sample.sequence.is_none()));
    world.pass(60_000);
    assert_eq!((world.opens.len(), world.asked.len(), world.sent.len()), (0, 0, 0), "it has no connection of its own");
    let metrics = world.find(|event| matches!(event, Event::Metrics(_)).then_some(()));
    assert_eq!(metrics.len(), 6);
}

#[test]
fn l8_figures_out_of_all_bounds_do_no_harm() {
    let mut world = World::new(Kind::Latency, json!({"attached": true}));
    world.start();
    for rtt in [u64::MAX, 0, u64::MAX / 2, 1, u64::MAX, u64::MAX, 0] {
        world.command(Command::Sample(Some(rtt))).expect("taken");
    }
    for _ in 0..1_000 {
        world.command(Command::Sample(Some(40))).expect("taken");
    }
    assert_eq!(["p50Ms", "p99Ms", "jitterMs", "smoothedJitterMs", "stability"].map(|name| world.figure(name)), [40.0, 40.0, 0.0, 0.0, 1.0]);
}

#[test]
fn l8_a_stream_tells_its_round_trips_for_a_monitor_to_listen_to() {
    let mut world = World::ready(Kind::Conversations, json!({}));
    world.pass(120_000);
    let rtts = world.find(|event| if let Event::Metric("rtt", ms) = event { Some(*ms) } else { None });
    assert!(rtts.len() >= 3, "{rtts:?}");
    assert!(rtts.iter().all(|(_, rtt)| *rtt == 40));
}

// ---- L9

#[test]
fn l9_crossing_a_limit_is_told_once_each_way() {
    let mut world = ready(json!({"maxLatencyMs": 300, "maxJitterMs": 50}));
    world.pass(5_000);
    assert_eq!(thresholds(&world), []);
    world.network.latency = 160;
    world.pass(6_000);
    // 40 to 320 ms, a jump of 280, and then steady.
    assert_eq!(thresholds(&world), [(true, 320, 300, true), (false, 280, 50, true), (false, 0, 50, false)]);
    world.network.latency = 150;
    world.pass(6_000);
    assert_eq!(thresholds(&world)[3..], [(true, 300, 300, false)], "300 is within 300");
}

// ---- whatever comes

#[test]
fn frames_of_any_kind_do_no_harm() {
    let mut world = ready(json!({}));
    let types = ["subscribed", "pong", "subscribe", "ping", "\u{0}", "constructor"];
    let values = ["null", "true", "0", "-1", "1e999", "9223372036854775808", "\"\"", "\"7\"", "[]", "{}", "[[[[]]]]"];
    for name in types {
        for value in values {
            let text = format!(r#"{{"type":{},"sequence":{value},"timestamp":{value},"connectionId":{value}}}"#, json!(name));
            world.emit("realtime", json!({"frame": text}));
        }
    }
    for text in values.iter().chain(&["", "{", "nonsense", "{\"type\":5}", "{\"type\":null}", "{\"type\":[\"pong\"]}"]) {
        world.emit("realtime", json!({"frame": text}));
    }
    for kind in ["text", "binary", "deep", "huge"] {
        world.fault(json!({"on": "frame-out", "match": {"path": PATH, "class": "pong"}, "do": "garbage", "as": kind}));
        world.pass(3_000);
    }
    world.pass(10_000);
    assert_eq!((timeouts(&world), world.opens.len(), world.state()), (0, 1, State::Ready));
    // "", "{", "nonsense", what is no JSON, no text or too deep; a megabyte of JSON can be read.
    assert_eq!(world.figure("unreadable"), 6.0);
}

#[test]
fn errors_of_any_kind_on_a_line_in_use_do_no_harm() {
    let mut world = ready(json!({}));
    for status in ["400", "403", "404", "429", "500", "null", "\"401\"", "-1", "1e999", "9223372036854775807", "-9223372036854775808", "{}", "[]"] {
        for message in ["null", "5", "\"\"", "[]"] {
            let text = format!(r#"{{"type":"error","status":{status},"message":{message},"field":{message},"retryAfter":{status}}}"#);
            world.emit("realtime", json!({"frame": text}));
            world.pass(100);
        }
    }
    world.pass(60_000);
    assert_eq!((timeouts(&world), world.state()), (0, State::Ready));
    assert_eq!(world.figure("losses"), 0.0);
}
