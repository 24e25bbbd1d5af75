//! Clocks that jump, inputs that nobody asked for, and random troubles of everything at once.

use super::*;

// ---- clocks and strange inputs

#[test]
fn jumps_of_the_visitors_clock_cost_no_connection() {
    for kind in KINDS {
        let mut world = ready(kind, json!({}));
        for jump in
            [3_600_000, -3_600_000, 86_400_000 * 400, -86_400_000 * 400, -1_767_704_400_000, 1_767_704_400_000, 50, -50, i64::MAX / 4, -i64::MAX / 4]
        {
            world.ahead += jump;
            world.pass(45_000);
        }
        assert_eq!((world.opens.iter().filter(|(at, ..)| *at > 400_000).count(), world.state()), (0, State::Ready), "{kind:?}");
        assert_eq!(world.figure("losses"), 0.0, "{:?}", world.states());
    }
}

#[test]
fn a_clock_that_stands_still_or_goes_back_does_no_harm() {
    for kind in KINDS {
        let mut world = ready(kind, json!({}));
        let socket = world.opens[0].1;
        let text = event("a", 0).to_string();
        for mono in [5_000, 5_000, 5_000, 0, 1, u64::MAX / 4, 0, 5_000] {
            for unix in [EPOCH, 0, u64::MAX / 4, EPOCH] {
                let now = Now { mono, unix };
                for input in [
                    Input::Timeout,
                    Input::Frame(socket, Payload::Text(&text)),
                    Input::Frame(socket, Payload::Text(r#"{"type":"pong","sequence":1,"timestamp":"2026-01-06T13:00:00Z"}"#)),
                    Input::Page(Page::Resumed),
                ] {
                    world.stream.handle_input(now, input);
                }
            }
        }
        let _ = world.stream.figures();
    }
}

#[test]
fn news_of_what_was_never_asked_for_is_ignored() {
    for kind in KINDS {
        let mut world = ready(kind, json!({}));
        let told = world.told.len();
        for id in [0, 2, 65_535, 65_536, 1 << 24, u32::MAX] {
            world.input(Input::Opened(SocketId(id)));
            world.input(Input::Frame(SocketId(id), Payload::Text("{}")));
            world.input(Input::Frame(SocketId(id), Payload::Binary(usize::MAX)));
            world.input(Input::Closed(SocketId(id), Close { code: u16::MAX, reason: "", clean: true }));
            for reply in [Err(Unreachable::Network), Err(Unreachable::Timeout), Ok(Reply { status: 401, retry_after: Some("-1"), body: "{}" })] {
                world.input(Input::Reply(RequestId(id.wrapping_add(1_000)), reply));
            }
        }
        world.input(Input::Loaded(&[("a", "b")]));
        world.input(Input::Stored(WriteId(1), Ok(())));
        world.input(Input::Role(Role::Follower));
        assert_eq!((world.told.len(), world.state()), (told, State::Ready), "{kind:?}");
        assert!(world.take("nobody", 10).is_empty());
    }
}

#[test]
fn what_a_stream_does_not_know_is_refused() {
    for kind in KINDS {
        let mut world = ready(kind, json!({}));
        for command in [Command::Subscribe("{}"), Command::Timeline("i"), Command::Timelines, Command::Register("{}"), Command::Unregister("g")] {
            assert_eq!(world.command(command).map_err(|refusal| refusal.code), Err(Code::UNSUPPORTED), "{kind:?} {command:?}");
        }
    }
    let mut world = ready(Kind::Conversations, json!({}));
    assert_eq!(world.command(Command::Sample(Some(5))).map_err(|refusal| refusal.code), Err(Code::UNSUPPORTED));
}

#[test]
fn it_still_connects_after_a_very_long_time_without_a_network() {
    let mut world = made(Kind::Conversations, json!({"backoff": {"baseMs": 1, "maxMs": 1}, "audit": null, "metricsEveryMs": 3_600_000}));
    world.start();
    world.pass(100);
    world.network.line = Line::Offline;
    break_line(&mut world);
    while world.opens.len() < 66_000 {
        world.pass(1_000_000);
        world.told.truncate(1);
    }
    let now = world.now;
    world.network.heal(now);
    world.wait_for(State::Ready, 5_000);
    world.emit("conversations", json!({"events": [event("a", 0)]}));
    world.pass(1_000);
    assert_eq!(world.taken.len(), 1);
}

// ---- everything together

/// Half a minute to two of whatever can happen to a page, a line and a service; then all is well again.
fn troubled(kind: Kind, seed: u64, mut between: impl FnMut(&mut World)) -> World {
    let mut random = Random::new([seed, 1, 2, 3]);
    let mut world = made(kind, json!({"health": {"url": "http://hooks/health"}, "audit": {"url": "http://hooks/audit"}}));
    world.set(json!({"streamConnections": 1_000}));
    world.start();
    world.wait_for(State::Ready, 5_000);
    let (mut expired, mut stranded) = (0, false);
    for _ in 0..random.between(10, 60) {
        between(&mut world);
        world.pass(random.between(50, 3_000));
        // What is under way on a line that has just opened is the service's answer to what was missed: it is not sent twice.
        world.wait("open or not", 15_000, |world| !matches!(world.state(), State::Connecting { .. }));
        match random.between(0, 15) {
            0 | 1 => break_line(&mut world),
            2 => {
                // A dead line that the service ends before the client has found out costs what was sent over it, by the protocol.
                let opens = world.opens.len();
                stranded = true;
                world.network.strand();
                for _ in 0..random.between(0, 4) {
                    between(&mut world);
                    world.pass(random.between(50, 5_000));
                }
                world.wait("another line", 90_000, |world| world.opens.len() > opens && !matches!(world.state(), State::Connecting { .. }));
            }
            3 => {
                world.network.line = Line::Offline;
                break_line(&mut world);
                for _ in 0..random.between(0, 4) {
                    between(&mut world);
                    world.pass(random.between(50, 5_000));
                }
                let now = world.now;
                world.network.heal(now);
                world.page(Page::Online);
            }
            4 => {
                world.frozen = true;
                world.pass(random.between(10, 40_000));
                world.thaw();
                world.page(Page::Resumed);
            }
            5 => {
                world.page(Page::Left);
                world.pass(random.between(10, 20_000));
                world.page(Page::Shown);
            }
            6 => {
                world.page(Page::Hidden);
                world.pass(random.between(10, 5_000));
                world.page(Page::Visible);
            }
            7 => world.ahead = random.between(0, 200_000_000) as i64 - 100_000_000,
            8 if world.now - expired > 60_000 && !stranded => {
                // Three closes as a matter of policy within a minute would end it.
                expired = world.now;
                world.control("POST", "/_sim/expire", json!({"what": "token", "deploymentId": DEPLOYMENT}));
            }
            9 => world.fault(json!({"on": "frame-out", "match": {"path": path(kind)}, "do": "duplicate", "count": 3})),
            10 => world.fault(json!({"on": "frame-out", "match": {"path": path(kind)}, "do": "garbage", "as": "binary"})),
            11 => {
                let signals = [Page::Offline, Page::Online, Page::Focused, Page::Input, Page::Resumed];
                world.page(signals[random.between(0, 4) as usize]);
            }
            12 => {
                let hook = [Hook::Hangs, Hook::Away, Hook::Answers(503, 100), Hook::Answers(200, 5)][random.between(0, 3) as usize];
                world.hooks.insert("http://hooks/health".into(), hook);
            }
            13 => {
                reconnect(&mut world);
            }
            // What a service sends over a line that it closes at once is lost too, by the protocol.
            14 if kind == Kind::Latency => {
                world.fault(json!({"on": "connect", "match": {"path": path(kind)}, "do": "accept-then-close", "code": 1011}))
            }
            _ => {}
        }
    }
    world.lift_faults();
    world.hooks.clear();
    world.page(Page::Online);
    world.pass(45_000);
    assert_eq!(world.state(), State::Ready, "{kind:?}, seed {seed}: {:?}", world.states().iter().rev().take(5).collect::<Vec<_>>());
    assert_eq!(world.network.open_lines(), 1, "{kind:?}, seed {seed}");
    world
}

#[test]
fn whatever_happens_each_conversation_event_comes_once() {
    for seed in 1..=300 {
        let mut emitted: usize = 0;
        let mut world = troubled(Kind::Conversations, seed, |world| {
            let at = world.now as i64;
            world.emit("conversations", json!({"events": [event(&emitted.to_string(), at)]}));
            emitted += 1;
        });
        let mut came: Vec<usize> = world.taken.iter().map(|item| item["event"]["id"].as_str().unwrap().parse().unwrap()).collect();
        let in_order =
            world.taken.iter().filter(|item| item["late"] == false).map(|item| item["event"]["id"].as_str().unwrap().parse::<usize>().unwrap());
        assert!(in_order.collect::<Vec<_>>().is_sorted(), "seed {seed}: {came:?}");
        came.sort_unstable();
        assert_eq!(came, (0..emitted).collect::<Vec<_>>(), "seed {seed}");
        world.stop();
        world.pass(60_000);
        assert_nothing_is_left(&mut world, &format!("seed {seed}"));
    }
}

#[test]
fn whatever_happens_each_probe_is_told_at_most_once_and_none_goes_too_early() {
    for seed in 1..=300 {
        let mut world = troubled(Kind::Latency, seed, |_| {});
        let mut sequences: Vec<_> = world.samples().iter().map(|(_, sample)| sample.sequence.expect("its number")).collect();
        let told = sequences.len();
        sequences.sort_unstable();
        sequences.dedup();
        assert_eq!(sequences.len(), told, "seed {seed}");
        let probes: Vec<_> = world.sent.iter().filter(|(_, _, text)| text.contains("\"ping\"")).collect();
        assert!(probes.len() >= told);
        for two in probes.windows(2).filter(|two| two[0].1 == two[1].1) {
            assert!(two[1].0 - two[0].0 >= 1_000, "seed {seed}: {two:?}");
        }
        let stability = world.figure("stability");
        assert!((0.0..=1.0).contains(&stability));
        world.stop();
        world.pass(60_000);
        assert_nothing_is_left(&mut world, &format!("seed {seed}"));
    }
}
