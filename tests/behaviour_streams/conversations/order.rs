//! E5: each event once, in the order of its time, late ones marked, and none lost with a line.

use super::*;

// ---- E5

#[test]
fn e5_events_come_in_the_order_of_their_time_after_a_hold() {
    let mut world = ready(json!({"holdMs": 250}));
    emit(&mut world, vec![event("c", 30)]);
    world.pass(100);
    emit(&mut world, vec![event("a", 10)]);
    world.pass(100);
    emit(&mut world, vec![event("b", 20)]);
    // The first of them arrived 20 ms after it was sent and is held until 250 ms after that.
    world.pass(69);
    assert_eq!(ids(&world), [""; 0]);
    world.pass(1);
    assert_eq!(ids(&world), ["a", "b", "c"]);
    assert_eq!(late(&world), [""; 0]);
    assert_eq!((world.figure("outOfOrder"), world.figure("late")), (2.0, 0.0));
}

#[test]
fn e5_of_one_time_the_first_comes_first() {
    let mut world = ready(json!({}));
    emit(&mut world, ["1", "2", "3", "4"].map(|id| event(id, 10)).to_vec());
    world.pass(1_000);
    assert_eq!(ids(&world), ["1", "2", "3", "4"]);
    assert_eq!(world.figure("outOfOrder"), 0.0);
}

#[test]
fn e5_without_a_hold_events_come_as_they_arrive() {
    let mut world = ready(json!({"holdMs": 0}));
    emit(&mut world, vec![event("b", 20), event("a", 10)]);
    world.pass(20);
    assert_eq!((ids(&world), late(&world)), (vec!["b".to_string(), "a".into()], vec!["a".to_string()]));
}

#[test]
fn e5_one_that_is_too_late_for_its_place_comes_all_the_same_and_says_so() {
    let mut world = ready(json!({}));
    world.fault(json!({"on": "frame-out", "match": {"path": PATH, "class": "CallStarted"}, "do": "delay", "ms": 2_000}));
    emit(&mut world, vec![event("1", 10), event("2", 20), event("3", 30)]);
    world.pass(1_000);
    assert_eq!(ids(&world), ["2", "3"]);
    world.pass(1_020);
    assert_eq!((ids(&world).last().map(String::as_str), late(&world)), (Some("1"), vec!["1".to_string()]));
    assert_eq!((world.figure("late"), world.figure("outOfOrder")), (1.0, 1.0));
}

#[test]
fn e5_what_comes_twice_or_in_another_order_is_put_right() {
    let mut world = ready(json!({}));
    world.fault(json!({"on": "frame-out", "match": {"path": PATH, "class": "CallStarted"}, "count": 0, "do": "duplicate"}));
    world.fault(json!({"on": "frame-out", "match": {"path": PATH, "class": "CallStarted"}, "count": 0, "do": "reorder", "window": 3}));
    for turn in 0..20 {
        emit(&mut world, (0..3).map(|at| event(&(turn * 3 + at).to_string(), i64::from(turn * 3 + at))).collect());
        world.pass(20);
    }
    world.pass(2_000);
    assert_eq!(ids(&world), (0..60).map(|id| id.to_string()).collect::<Vec<_>>());
    assert_eq!(late(&world), [""; 0]);
}

#[test]
fn e5_doubles_are_counted_and_come_once() {
    let mut world = ready(json!({}));
    world.fault(json!({"on": "frame-out", "match": {"path": PATH, "class": "CallStarted"}, "count": 0, "do": "duplicate"}));
    emit(&mut world, (0..10).map(|id| event(&id.to_string(), id)).collect());
    world.pass(1_000);
    assert_eq!((ids(&world).len(), world.figure("duplicates"), world.figure("events")), (10, 10.0, 10.0));
}

#[test]
fn e5_as_many_ids_are_known_as_was_asked_for_also_when_the_memory_turns_over() {
    let mut world = ready(json!({"seenIds": 5, "holdMs": 0}));
    // Each comes again behind the four that follow it.
    for number in 0..40 {
        emit(&mut world, vec![event(&number.to_string(), number)]);
        if number >= 4 {
            emit(&mut world, vec![event(&(number - 4).to_string(), number - 4)]);
        }
        world.pass(50);
    }
    let expected: Vec<_> = (0..40).map(|number| number.to_string()).collect();
    assert_eq!(ids(&world), expected);
    assert_eq!(world.figure("duplicates"), 36.0);
}

#[test]
fn e5_the_memory_of_seen_ids_is_bounded_and_knows_the_last() {
    let mut world = ready(json!({"seenIds": 100}));
    for turn in 0..50 {
        emit(&mut world, (0..50).map(|at| event(&(turn * 50 + at).to_string(), turn * 50 + at)).collect());
        world.pass(10);
        assert!(world.figure("seenIds") <= 200.0);
    }
    emit(&mut world, (2_400..2_500).map(|id| event(&id.to_string(), id)).collect());
    world.pass(1_000);
    assert_eq!((ids(&world).len(), world.figure("duplicates")), (2_500, 100.0));
}

#[test]
fn e5_what_was_missed_while_the_line_was_broken_comes_once_and_in_order() {
    let mut world = ready(json!({}));
    for turn in 0..60 {
        emit(&mut world, vec![event(&turn.to_string(), turn * 1_000)]);
        if turn % 13 == 5 {
            break_line(&mut world);
        }
        world.pass(1_000);
    }
    world.pass(10_000);
    assert!(world.opens.len() >= 5);
    assert_eq!(ids(&world), (0..60).map(|turn| turn.to_string()).collect::<Vec<_>>());
    assert_eq!(late(&world), [""; 0]);
    assert!(world.figure("duplicates") >= 2.0, "the service repeats the last two");
}

#[test]
fn e5_events_that_die_with_their_line_come_over_the_next() {
    for (number, fault) in [json!({"do": "drop"}), json!({"do": "drop", "after": true}), json!({"do": "close", "code": 1011})].into_iter().enumerate()
    {
        let mut world = ready(json!({}));
        let mut rule = json!({"on": "frame-out", "match": {"path": PATH, "class": "CallStarted"}, "nth": 3});
        rule.as_object_mut().unwrap().extend(fault.as_object().unwrap().clone());
        world.fault(rule);
        for id in 0..5 {
            emit(&mut world, vec![event(&id.to_string(), id)]);
            world.pass(100);
        }
        world.pass(10_000);
        assert_eq!(ids(&world), ["0", "1", "2", "3", "4"], "{number}");
        assert_eq!(world.opens.len(), 2);
    }
}

#[test]
fn e5_a_line_that_stalls_is_found_out_and_costs_no_event() {
    let mut world = ready(json!({}));
    emit(&mut world, vec![event("0", 0)]);
    world.pass(1_000);
    world.fault(json!({"on": "frame-out", "match": {"path": PATH, "class": "CallStarted"}, "do": "stall"}));
    for turn in 1..10 {
        emit(&mut world, vec![event(&turn.to_string(), turn * 1_000)]);
        world.pass(1_000);
    }
    assert_eq!(ids(&world).len(), 1);
    // After 30 s without an answer it is probed, for 3 s.
    world.wait("another line", 35_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
    world.pass(1_000);
    assert_eq!(ids(&world), (0..10).map(|turn| turn.to_string()).collect::<Vec<_>>());
}

#[test]
fn e5_a_line_on_which_events_come_and_nothing_goes_up_is_replaced() {
    let mut world = ready(json!({}));
    world.network.line = crate::network::Line::MuteClient;
    let mut sent = 0;
    while world.figure("losses") == 0.0 {
        assert!(sent < 40, "hearing frames is no answer");
        emit(&mut world, vec![event(&sent.to_string(), sent * 1_000)]);
        world.pass(1_000);
        sent += 1;
    }
    assert!(ids(&world).len() > 25, "events were heard all the time");
    world.network.line = crate::network::Line::Works;
    world.wait("another line", 35_000, |world| world.opens.len() >= 2 && world.state() == State::Ready);
    world.pass(1_000);
    assert_eq!(ids(&world), (0..sent).map(|turn| turn.to_string()).collect::<Vec<_>>());
}

#[test]
fn e5_an_unanswered_probe_replaces_the_line_and_an_answered_one_does_not() {
    let mut world = ready(json!({}));
    world.pass(300_000);
    assert_eq!(world.opens.len(), 1);
    world.fault(json!({"on": "frame-in", "match": {"path": PATH, "action": "ping"}, "do": "lose"}));
    world.wait("another line", 40_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
    assert_eq!(world.figure("losses"), 1.0);
}

#[test]
fn e5_what_a_page_that_stood_still_missed_comes_in_order_and_not_as_late() {
    let mut world = ready(json!({}));
    world.frozen = true;
    for turn in [2, 1, 0, 5, 4, 3] {
        emit(&mut world, vec![event(&turn.to_string(), turn)]);
        world.pass(2_000);
    }
    world.thaw();
    world.pass(1_000);
    assert_eq!((ids(&world).concat(), late(&world)), ("012345".to_string(), vec![]));
}

#[test]
fn e5_a_thousand_that_were_missed_come_all() {
    let mut world = ready(json!({}));
    world.network.line = crate::network::Line::Offline;
    break_line(&mut world);
    world.pass(1_000);
    for turn in 0..10 {
        emit(&mut world, (0..100).map(|at| event(&(turn * 100 + at).to_string(), turn * 100 + at)).collect());
        world.pass(1_000);
    }
    let now = world.now;
    world.network.heal(now);
    world.page(Page::Online);
    world.wait_for(State::Ready, 10_000);
    world.pass(1_000);
    assert_eq!(ids(&world), (0..1_000).map(|id| id.to_string()).collect::<Vec<_>>());
    assert_eq!(world.figure("dropped"), 0.0);
}

#[test]
fn e5_a_consumer_that_takes_nothing_loses_the_oldest_and_is_told_how_many() {
    let mut world = ready(json!({"queue": {"size": 10}}));
    world.takes = false;
    emit(&mut world, (0..25).map(|id| event(&id.to_string(), id)).collect());
    world.pass(20_000);
    let left: Vec<_> = world.take("", 100).iter().map(|item| item["event"]["id"].as_str().unwrap().to_string()).collect();
    assert_eq!(left, (15..25).map(|id| id.to_string()).collect::<Vec<_>>());
    assert_eq!(world.figure("dropped"), 15.0);
    let told: u64 = world.find(|event| if let Event::Dropped(count, _) = event { Some(*count) } else { None }).iter().map(|(_, count)| count).sum();
    assert_eq!(told, 15);
    assert_eq!(warnings(&world, Code::EVENTS_DROPPED).len(), 1);
}

#[test]
fn e5_stopping_lets_go_what_is_held() {
    let mut world = ready(json!({"holdMs": 60_000}));
    emit(&mut world, vec![event("b", 20), event("a", 10)]);
    world.pass(1_000);
    assert_eq!(ids(&world), [""; 0]);
    world.stop();
    assert_eq!(ids(&world), ["a", "b"]);
}

#[test]
fn e5_a_time_that_cannot_be_read_is_reported_and_the_event_stands_where_it_arrived() {
    let mut world = ready(json!({}));
    let mut strange = Vec::new();
    for (at, timestamp) in [json!(null), json!(5), json!(""), json!("yesterday"), json!("2026-13-45T99:99:99Z"), json!([]), json!({}), json!(true)]
        .into_iter()
        .enumerate()
    {
        strange.push(json!({"id": format!("x{at}"), "timestamp": timestamp, "type": "CallStarted", "data": {}}));
    }
    strange.push(json!({"id": "x8", "type": "CallStarted"}));
    let count = strange.len();
    emit(&mut world, [vec![event("before", 10)], strange, vec![event("after", 20)]].concat());
    world.pass(1_000);
    let expected: Vec<_> = std::iter::once("before".to_string()).chain((0..count).map(|at| format!("x{at}"))).chain(["after".into()]).collect();
    assert_eq!((ids(&world), late(&world)), (expected, vec![]));
    assert_eq!(warnings(&world, Code::TIMESTAMP_UNREADABLE).len(), count);
    assert!(world.taken[1].get("latencyMs").is_none());
}

#[test]
fn e5_events_without_an_id_are_told_apart_by_what_they_say() {
    let mut world = ready(json!({}));
    for id in [json!(null), json!(""), json!(7), json!([]), json!({"a": 1})] {
        for kind in ["one", "two"] {
            let frame = json!({"id": id, "timestamp": World::at(10), "type": kind}).to_string();
            emit_raw(&mut world, &frame);
            emit_raw(&mut world, &frame);
        }
    }
    emit_raw(&mut world, r#"{"type":"three"}"#);
    emit_raw(&mut world, "{}");
    world.pass(1_000);
    assert_eq!((world.taken.len(), world.figure("duplicates")), (12, 10.0));
}

#[test]
fn e5_times_out_of_all_bounds_lose_nothing() {
    let mut world = ready(json!({}));
    let times = [
        "9999-12-31T23:59:59.999Z",
        "0000-01-01T00:00:00Z",
        "0000-01-01T00:00:00+99:99",
        "1969-12-31T23:59:59.999Z",
        "9999-12-31T23:59:59.999-99:99",
        "+275760-09-13T00:00:00.000Z",
        "-271821-04-20T00:00:00.000Z",
        "9223372036854775807",
        "-9223372036854775808",
    ];
    for (at, time) in times.iter().enumerate() {
        emit(&mut world, vec![json!({"id": format!("t{at}"), "timestamp": time, "type": "X", "data": null})]);
        world.pass(1_000);
    }
    for number in ["9223372036854775807", "-9223372036854775808", "18446744073709551616", "1.7e12", "-0"] {
        emit_raw(&mut world, &format!(r#"{{"id":"n{number}","timestamp":{number},"type":"X","data":{{"conversationId":{number}}}}}"#));
        world.pass(1_000);
    }
    assert_eq!(world.taken.len(), 14);
    assert!(world.taken.iter().all(|item| item.get("latencyMs").is_none_or(|latency| latency.as_u64().is_some())), "{:?}", world.taken);
    assert_eq!(world.state(), State::Ready);
}

#[test]
fn e5_numbers_that_no_double_holds_pass_as_they_are() {
    let mut world = ready(json!({}));
    // The reader of these tests takes none.
    world.takes = false;
    emit_raw(&mut world, r#"{"id":"a","timestamp":1e999,"type":"X","data":{"conversationId":-1e999}}"#);
    emit_raw(&mut world, r#"{"id":1e999,"timestamp":"2026-01-06T13:00:00Z","type":1e999,"data":1e999}"#);
    world.pass(1_000);
    let text = world.stream.take(world.clock(), "", 10).expect("two");
    assert!(text.contains(r#""conversationId":-1e999"#) && text.contains(r#""data":1e999"#), "{text}");
    assert_eq!((world.figure("events"), world.state()), (2.0, State::Ready));
}

#[test]
fn e5_one_event_from_the_far_future_does_not_take_the_order_from_all_that_follow() {
    let mut world = ready(json!({}));
    let mut wrong = event("wrong", 0);
    wrong["timestamp"] = "9999-12-31T23:59:59.999Z".into();
    emit(&mut world, vec![wrong]);
    world.pass(1_000);
    // It cannot be known yet that the other was wrong.
    emit(&mut world, vec![event("0", 100)]);
    world.pass(1_000);
    emit(&mut world, vec![event("2", 300), event("1", 200)]);
    world.pass(1_000);
    assert_eq!(ids(&world), ["wrong", "0", "1", "2"]);
    assert_eq!(late(&world), ["0"]);
    emit(&mut world, vec![event("one of before", 150)]);
    world.pass(1_000);
    assert_eq!(late(&world), ["0", "one of before"]);
}

#[test]
fn e5_the_visitors_clock_has_no_say_in_the_order() {
    for ahead in [-1_700_000_000_000, -86_400_000, 86_400_000, 250_000_000_000_000] {
        let mut world = ready(json!({}));
        world.ahead = ahead;
        emit(&mut world, vec![event("b", 20), event("a", 10)]);
        world.pass(1_000);
        world.ahead = 0;
        emit(&mut world, vec![event("d", 40), event("c", 30)]);
        world.pass(1_000);
        assert_eq!((ids(&world).concat(), late(&world)), ("abcd".to_string(), vec![]), "{ahead}");
    }
}
