//! What is told of a stream to those who watch over it: the audit log, figures, webhooks.

use super::*;

// ---- audit and metrics

#[test]
fn the_audit_log_holds_no_token_even_where_the_service_says_it() {
    let mut world = made(Kind::Latency, json!({}));
    world.start();
    world.wait("subscribed", 1_000, |world| world.sent.len() == 1);
    let token = serde_json::from_str::<Value>(&world.sent[0].2).unwrap()["token"].as_str().unwrap().to_string();
    let frame = json!({"type": "error", "status": 401, "message": format!("the token {token} is unknown; {token}")});
    world.fault(json!({"on": "frame-out", "match": {"class": "subscribed"}, "do": "reply", "frame": frame}));
    world.wait_for(State::Ready, 5_000);
    let lines: Vec<String> = world.audit().iter().map(Value::to_string).collect();
    assert!(lines.iter().any(|line| line.contains("REJECTED")), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains(&token)), "{lines:?}");
}

#[test]
fn audit_lines_are_posted_in_order_where_that_is_asked_for() {
    let mut world = ready(Kind::Latency, json!({"audit": {"url": "http://hooks/audit"}}));
    world.pass(20_000);
    break_line(&mut world);
    world.pass(10_000);
    world.stop();
    world.pass(1_000);
    let told = world.find(|event| if let Event::Audit(line) = event { Some(line.clone()) } else { None });
    let posted: Vec<_> = world.posted.iter().map(|(_, url, body)| (url.as_str(), body.clone())).collect();
    assert!(told.len() > 8);
    assert_eq!(posted, told.into_iter().map(|(_, line)| ("http://hooks/audit", line)).collect::<Vec<_>>());
    assert_nothing_is_left(&mut world, "stopped");
}

#[test]
fn figures_are_told_every_ten_seconds_as_long_as_it_is_wanted() {
    for kind in KINDS {
        for (options, every) in [(json!({}), 10_000), (json!({"metricsEveryMs": 500}), 500)] {
            let mut world = made(kind, options);
            world.pass(5_000);
            world.start();
            world.pass(60_000);
            let told: Vec<u64> = world.find(|event| matches!(event, Event::Metrics(_)).then_some(())).iter().map(|(at, ())| *at).collect();
            assert_eq!(told, (1..=60_000 / every).map(|turn| 5_000 + turn * every).collect::<Vec<_>>(), "{kind:?}");
            world.stop();
            world.pass(60_000);
            assert_eq!(world.find(|event| matches!(event, Event::Metrics(_)).then_some(())).len(), told.len());
        }
    }
}

#[test]
fn figures_tell_of_the_round_trip_and_of_losses() {
    for kind in KINDS {
        let mut world = ready(kind, json!({}));
        world.pass(70_000);
        assert_eq!((world.figure("rttMs"), world.figure("losses"), world.figure("reconnects")), (40.0, 0.0, 0.0));
        assert!(world.figure("answeredMsAgo") <= 30_040.0);
        let lost = world.now;
        break_line(&mut world);
        world.pass(10);
        world.wait_for(State::Ready, 5_000);
        let gap = (world.now - lost) as f64;
        assert_eq!((world.figure("losses"), world.figure("reconnects"), world.figure("reconnectMs")), (1.0, 1.0, gap), "{kind:?}");
    }
}

// ---- webhooks

#[test]
fn a_target_that_hangs_delays_neither_frames_nor_another_target() {
    let (health, audit) = ("http://hooks/health", "http://hooks/audit");
    let mut world = made(Kind::Conversations, json!({"health": {"url": health}, "audit": {"url": audit}, "holdMs": 0}));
    world.hooks.insert(health.into(), Hook::Hangs);
    world.start();
    world.wait_for(State::Ready, 5_000);
    for turn in 0..200 {
        let (came, at) = (world.taken.len(), world.now as i64);
        world.emit("conversations", json!({"events": [event(&turn.to_string(), at)]}));
        world.pass(20);
        assert_eq!(world.taken.len(), came + 1);
        if turn % 40 == 20 {
            break_line(&mut world);
            world.pass(1_500);
        }
        world.pass(300);
    }
    world.pass(1_000);
    let of = |url: &str| world.posted.iter().filter(|(_, known, _)| known == url).collect::<Vec<_>>();
    let told: Vec<_> = world.find(|event| if let Event::Audit(line) = event { Some(line.clone()) } else { None });
    assert_eq!(of(audit).len(), told.len());
    // One at a time, which takes 5 ms each.
    for ((posted, _, body), (at, line)) in of(audit).iter().zip(&told) {
        assert_eq!(body, line);
        assert!(posted - at <= 50, "{posted} {at}");
    }
    assert!(of(health).len() >= 5);
    assert!(of(health).windows(2).all(|two| two[1].0 - two[0].0 >= 5_000), "one at a time, five seconds each");
}

#[test]
fn a_slow_target_gets_everything_one_after_another() {
    let url = "http://hooks/health";
    let mut world = made(Kind::Conversations, json!({"health": {"url": url}}));
    world.hooks.insert(url.into(), Hook::Answers(200, 4_000));
    world.start();
    world.wait_for(State::Ready, 5_000);
    for _ in 0..5 {
        world.pass(100);
        break_line(&mut world);
        world.pass(20_000);
    }
    world.pass(120_000);
    let told = world.find(|event| if let Event::Health(body) = event { Some(body.clone()) } else { None });
    assert_eq!(world.posted.iter().map(|(_, _, body)| body).collect::<Vec<_>>(), told.iter().map(|(_, body)| body).collect::<Vec<_>>());
    assert!(world.posted.windows(2).all(|two| two[1].0 - two[0].0 >= 4_000));
}

#[test]
fn what_a_target_will_never_take_is_given_up_at_once() {
    for status in [300, 400, 401, 404, 413, 422] {
        let mut world = made(Kind::Conversations, json!({"health": {"url": "http://hooks/health"}}));
        world.hooks.insert("http://hooks/health".into(), Hook::Answers(status, 5));
        world.start();
        world.pass(60_000);
        assert_eq!((world.posted.len(), world.figure("webhooksLost"), world.figure("webhooksDelivered")), (1, 1.0, 0.0), "{status}");
    }
}
