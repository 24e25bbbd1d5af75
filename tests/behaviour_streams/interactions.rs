//! I: the interaction event stream. I11, the drawing, is the JavaScript half's; here is what it draws from.

use crate::network::Line;
use crate::world::{DEPLOYMENT, World};
use guestwire::core::error::Code;
use guestwire::core::http::{Authorization, Method};
use guestwire::core::machine::{Input, Payload};
use guestwire::core::state::{End, Reason, State};
use guestwire::streams::Kind;
use guestwire::streams::class::Command;
use guestwire::streams::event::Event;
use serde_json::{Value, json};

const SOCKET: &str = "/api/v2/analytics/conversations/stream";

fn ready(options: Value) -> World {
    World::ready(Kind::Interactions, options)
}

/// An event of the interaction `i1` on the phone, so many milliseconds after the beginning.
fn event(ms: i64, kind: &str, participant: &str) -> Value {
    json!({"timestamp": World::at(ms), "type": kind, "participant": participant, "interaction": "i1", "channel": "voice"})
}

fn joined(ms: i64, participant: &str) -> Value {
    event(ms, "ParticipantJoined", participant)
}

fn left(ms: i64, participant: &str) -> Value {
    event(ms, "ParticipantLeft", participant)
}

fn emit(world: &mut World, events: &[Value]) {
    world.emit("interactions", json!({ "events": events }));
}

/// A frame straight from the line, on the socket that was opened last.
fn frame(world: &mut World, text: &str) {
    let socket = world.opens.last().expect("a socket").1;
    world.input(Input::Frame(socket, Payload::Text(text)));
}

fn reads(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The filters that were sent, in order.
fn filters(world: &World) -> Vec<Value> {
    world.sent.iter().filter_map(|(_, _, text)| reads(text).get("filter").cloned()).collect()
}

fn participants(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["participant"].as_str().unwrap_or_default()).collect()
}

fn errors(world: &World) -> Vec<(Code, String)> {
    world
        .find(|event| if let Event::Error(code, detail) = event { Some((*code, detail.clone())) } else { None })
        .into_iter()
        .map(|(_, it)| it)
        .collect()
}

fn warnings(world: &World, code: Code) -> usize {
    world.find(|event| matches!(event, Event::Warning(known, _) if *known == code).then_some(())).len()
}

fn lags(world: &World) -> Vec<u64> {
    world.find(|event| if let Event::Lag(ms) = event { Some(*ms) } else { None }).into_iter().map(|(_, ms)| ms).collect()
}

fn pings(world: &World) -> Vec<u64> {
    world.sent.iter().filter(|(_, _, text)| reads(text)["type"] == "ping").map(|(at, ..)| *at).collect()
}

fn token_requests(world: &World) -> Vec<u64> {
    world.asked.iter().filter(|(_, request)| request.url.contains("/demo-backend/token")).map(|(at, _)| *at).collect()
}

// ---- I1

#[test]
fn i1_the_grant_says_who_the_client_is_by_http_basic() {
    let mut world = World::new(Kind::Interactions, json!({"token": {"clientId": "streams", "clientSecret": "s3cret"}}));
    world.start();
    world.wait_for(State::Ready, 1_000);
    let (_, request) = &world.asked[0];
    assert_eq!((request.method, request.url.as_str()), (Method::Post, "http://service/oauth/token"));
    // "streams:s3cret" in Base64 (RFC 4648).
    assert!(matches!(&request.authorization, Some(Authorization::Basic(it)) if it.expose() == "c3RyZWFtczpzM2NyZXQ="));
    let body = request.body.as_ref().unwrap();
    assert_eq!((body.kind, body.text.as_str()), ("application/x-www-form-urlencoded", "grant_type=client_credentials"));
}

#[test]
fn i1_a_token_is_replaced_300_seconds_before_its_end_without_a_gap() {
    let mut world = World::new(Kind::Interactions, json!({}));
    world.set(json!({"deploymentId": DEPLOYMENT, "accessTokenSeconds": 3600}));
    world.start();
    world.wait_for(State::Ready, 1_000);
    world.pass(3_299_000 - world.now);
    assert_eq!((token_requests(&world).len(), world.opens.len()), (1, 1));
    world.pass(2_000);
    assert_eq!(token_requests(&world), [0, 3_300_000]);
    emit(&mut world, &[joined(0, "during")]);
    world.pass(10 * 60_000);
    assert_eq!(world.opens.len(), 2, "a second socket took the first one's place");
    assert_eq!(world.states().iter().filter(|(_, state)| *state == State::Ready).count(), 1, "{:?}", world.states());
    assert_eq!(world.state(), State::Ready);
    assert_eq!(participants(&world.taken), ["during"]);
}

#[test]
fn i1_what_is_under_way_over_the_socket_that_is_replaced_is_waited_for() {
    let mut world = World::new(Kind::Interactions, json!({}));
    world.set(json!({"deploymentId": DEPLOYMENT, "accessTokenSeconds": 3600}));
    world.start();
    world.wait_for(State::Ready, 1_000);
    world.wait("a second socket", 3_400_000, |world| world.opens.len() == 2);
    world.pass(1_000);
    // A browser hands over no frame of a socket that the page has closed.
    assert_eq!((world.network.open_lines(), world.subscriptions().len()), (2, 2));
    world.pass(3_000);
    assert_eq!((world.network.open_lines(), world.subscriptions().len()), (1, 1));
}

#[test]
fn i1_a_429_of_the_token_endpoint_is_told_and_waited_out() {
    let mut world = World::new(Kind::Interactions, json!({}));
    world.fault(json!({"on": "http", "match": {"path": "/demo-backend/token"}, "do": "status", "status": 429, "retryAfter": 7}));
    world.start();
    world.wait_for(State::Ready, 60_000);
    assert_eq!(errors(&world)[0].0, Code::TOKEN_RATE_LIMITED);
    let asked = token_requests(&world);
    assert_eq!(asked.len(), 2);
    assert!(asked[1] >= asked[0] + 40 + 7_000, "{asked:?}");
}

// ---- I2

#[test]
fn i2_the_token_is_the_first_frame_and_the_filter_follows_the_status() {
    let world = ready(json!({}));
    assert_eq!(world.opens[0].2, format!("ws://service{SOCKET}"), "no token in the address");
    let (first, second) = (reads(&world.sent[0].2), reads(&world.sent[1].2));
    assert_eq!(first.as_object().unwrap().len(), 1);
    assert!(first["token"].as_str().is_some_and(|token| token.len() > 16));
    assert_eq!(second, json!({"filter": {}}));
    // Upgrade 20 + 20 ms, token 20 + 20 ms, and only then the filter.
    assert_eq!(world.sent[0].0, world.opens[0].0 + 40);
    assert_eq!(world.sent[1].0, world.sent[0].0 + 40);
}

#[test]
fn i2_a_rejection_is_told_with_what_the_service_says() {
    let mut world = World::new(Kind::Interactions, json!({}));
    world.fault(json!({"on": "frame-in", "match": {"action": "token"}, "do": "reply", "frame": {"status": "error", "message": "no such client"}}));
    world.start();
    world.wait_for(State::Ready, 60_000);
    assert_eq!(errors(&world), [(Code::REJECTED, "no such client".to_string())]);
    assert_eq!(token_requests(&world).len(), 2, "the token that was refused is not used again");
    let tokens: Vec<_> = world.sent.iter().filter_map(|(_, _, text)| reads(text)["token"].as_str().map(str::to_string)).collect();
    assert_eq!(tokens.len(), 2);
    assert_ne!(tokens[0], tokens[1]);
}

#[test]
fn i2_three_refused_tokens_ask_for_the_page() {
    let mut world = World::new(Kind::Interactions, json!({}));
    world.fault(json!({"on": "frame-in", "match": {"action": "token"}, "count": 0, "do": "reply", "frame": {"status": "error", "message": "no"}}));
    let ticket = world.start();
    world.wait_for(State::AuthRequired, 60_000);
    assert_eq!(world.done(ticket), Some(Some(Code::AUTH_REQUIRED)));
    assert_eq!(errors(&world).len(), 3);
}

#[test]
fn i2_a_first_frame_that_is_no_status_is_a_rejection() {
    for first in [json!({"events": [joined(0, "stranger")]}), json!({"hello": "world"}), json!([1, 2])] {
        let mut world = World::new(Kind::Interactions, json!({}));
        world.fault(json!({"on": "frame-in", "match": {"action": "token"}, "do": "reply", "frame": first}));
        world.start();
        world.pass(200);
        assert_eq!(errors(&world).iter().map(|(code, _)| *code).collect::<Vec<_>>(), [Code::REJECTED], "{first}");
        assert!(world.taken.is_empty(), "nothing counts before the status: {first}");
        world.wait_for(State::Ready, 10_000);
    }
}

#[test]
fn i2_the_status_has_15_seconds() {
    let mut world = World::new(Kind::Interactions, json!({}));
    world.fault(json!({"on": "frame-out", "match": {"class": "connected"}, "do": "lose"}));
    world.start();
    let opened = 40;
    world.pass(opened + 14_990);
    assert_eq!(world.state(), State::Connecting { attempt: 1 });
    world.pass(20);
    assert!(matches!(world.state(), State::Waiting { reason: Reason::Timeout, .. }), "{:?}", world.state());
    world.wait_for(State::Ready, 3_000);
}

#[test]
fn i2_an_answer_that_comes_twice_is_no_refusal() {
    for class in ["connected", "subscribed"] {
        let mut world = World::new(Kind::Interactions, json!({}));
        world.fault(json!({"on": "frame-out", "match": {"class": class}, "do": "duplicate"}));
        world.start();
        world.wait_for(State::Ready, 2_000);
        world.pass(2_000);
        assert!(errors(&world).is_empty(), "{class}: {:?}", errors(&world));
        assert_eq!(world.opens.len(), 1, "{class}");
    }
    for action in ["token", "filter"] {
        let mut world = World::new(Kind::Interactions, json!({}));
        world.fault(json!({"on": "frame-in", "match": {"action": action}, "do": "duplicate"}));
        world.start();
        world.wait_for(State::Ready, 2_000);
        world.pass(2_000);
        assert_eq!((errors(&world), world.state()), (vec![], State::Ready), "{action}");
    }
}

// ---- I3

#[test]
fn i3_the_filter_names_interaction_and_channels() {
    let mut world = ready(json!({"interaction": "i1", "channels": ["voice", "chat"]}));
    assert_eq!(filters(&world), [json!({"id": "i1", "channels": ["voice", "chat"]})]);
    assert_eq!(world.subscriptions()[0]["filter"], json!({"id": "i1", "channels": ["voice", "chat"]}));
    let mut other = joined(1, "of i2");
    other["interaction"] = "i2".into();
    let mut video = joined(2, "on video");
    video["channel"] = "video".into();
    emit(&mut world, &[joined(0, "meant"), other, video]);
    world.pass(100);
    assert_eq!(participants(&world.taken), ["meant"]);
}

#[test]
fn i3_a_wrong_filter_is_refused_before_anything_is_sent() {
    for (options, field) in [
        (json!({"channels": ["voice", "fax"]}), "channels"),
        (json!({"channels": "voice"}), "channels"),
        (json!({"channels": [7]}), "channels"),
        (json!({"interaction": ""}), "interaction"),
        (json!({"interaction": 7}), "interaction"),
        (json!({"lagMs": 0}), "lagMs"),
        (json!({"dropWarning": 2}), "dropWarning"),
        (json!({"dialect": "smoke"}), "dialect"),
    ] {
        let refusal = World::try_new(Kind::Interactions, options.clone()).err().unwrap_or_else(|| panic!("taken: {options}"));
        assert_eq!((refusal.code, refusal.field), (Code::INVALID_OPTION, Some(field)), "{options}");
    }
    let mut world = ready(json!({"interaction": "i1"}));
    for text in ["", "{", "[]", r#"{"channels":["fax"]}"#, r#"{"interaction":{}}"#] {
        assert!(world.command(Command::Subscribe(text)).is_err(), "{text}");
    }
    assert_eq!(filters(&world).len(), 1, "and nothing was changed");
}

#[test]
fn i3_a_refused_filter_ends_it_with_what_the_service_says() {
    let mut world = World::new(Kind::Interactions, json!({}));
    world.fault(json!({"on": "frame-in", "match": {"action": "filter"}, "do": "reply", "frame": {"status": "error", "message": "too wide"}}));
    world.start();
    world.wait_for(State::Ended { reason: End::NotAllowed }, 2_000);
    assert_eq!(errors(&world), [(Code::SUBSCRIPTION_REFUSED, "too wide".to_string())]);
}

#[test]
fn i3_another_filter_takes_the_place_of_the_first_while_connected() {
    let mut world = ready(json!({"interaction": "i1"}));
    world.command(Command::Subscribe(r#"{"interaction":"i2","channels":["chat"]}"#)).unwrap();
    world.pass(100);
    assert_eq!(world.subscriptions()[0]["filter"]["id"], "i2");
    assert_eq!(world.subscriptions()[0]["filter"]["channels"], json!(["chat"]));
    world.network.reset(world.now);
    world.wait("back", 5_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
    assert_eq!(world.subscriptions()[0]["filter"]["id"], "i2", "and is what is asked for after a loss");
}

#[test]
fn i3_another_filter_that_comes_while_the_first_is_being_asked_for_is_not_forgotten() {
    let mut world = World::new(Kind::Interactions, json!({"interaction": "i1"}));
    world.start();
    world.wait("the filter sent", 1_000, |world| filters(world).len() == 1);
    world.command(Command::Subscribe(r#"{"interaction":"i2"}"#)).unwrap();
    world.wait_for(State::Ready, 1_000);
    world.pass(200);
    assert_eq!(world.subscriptions()[0]["filter"]["id"], "i2");
}

#[test]
fn i3_another_filter_that_the_service_refuses_leaves_the_first_in_force() {
    let mut world = ready(json!({"interaction": "i1"}));
    world.fault(json!({"on": "frame-in", "match": {"action": "filter"}, "do": "reply", "frame": {"status": "error", "message": "not yours"}}));
    world.command(Command::Subscribe(r#"{"interaction":"i2"}"#)).unwrap();
    world.pass(100);
    assert_eq!(errors(&world), [(Code::SUBSCRIPTION_REFUSED, "not yours".to_string())]);
    assert_eq!(world.state(), State::Ready);
    world.network.reset(world.now);
    world.wait("back", 5_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
    assert_eq!(world.subscriptions()[0]["filter"]["id"], "i1");
}

#[test]
fn i3_a_refusal_that_comes_after_the_page_has_stopped_it_changes_nothing() {
    let mut world = World::new(Kind::Interactions, json!({"interaction": "i1"}));
    world.fault(json!({"on": "frame-in", "match": {"action": "filter"}, "do": "reply", "frame": {"status": "error", "message": "too wide"}}));
    world.start();
    world.wait("the filter", 1_000, |world| filters(world).len() == 1);
    world.pass(10);
    world.stop();
    world.pass(5_000);
    assert!(world.frames.iter().any(|(_, text)| text.contains("too wide")), "it came");
    assert_eq!((world.state(), errors(&world)), (State::Stopped, vec![]));
    world.start();
    world.wait_for(State::Ready, 5_000);
    assert_eq!(world.subscriptions()[0]["filter"]["id"], "i1");
}

// ---- I4

#[test]
fn i4_text_and_binary_frames_are_read_alike() {
    for every in [0, 1, 3] {
        let mut world = ready(json!({}));
        world.set(json!({"deploymentId": DEPLOYMENT, "binaryEvery": every}));
        let events: Vec<_> = (0..7).map(|n| joined(n, &format!("p{n}"))).collect();
        emit(&mut world, &events);
        world.pass(100);
        assert_eq!(world.taken, events, "every {every}");
    }
}

#[test]
fn i4_several_events_in_a_frame_are_as_many_events() {
    let mut world = ready(json!({}));
    let events: Vec<_> = (0..5).map(|n| joined(n, &format!("p{n}"))).collect();
    world.emit("interactions", json!({"events": events, "batch": true}));
    world.pass(100);
    assert_eq!(world.taken, events);
    assert_eq!((world.figure("events"), world.figure("frames")), (5.0, 3.0), "connected, subscribed, events");
}

#[test]
fn i4_a_frame_that_is_no_event_frame_is_counted_and_skipped() {
    let mut world = ready(json!({}));
    for kind in ["text", "binary", "deep", "huge"] {
        world.fault(json!({"on": "frame-out", "match": {"class": "events"}, "do": "garbage", "as": kind}));
    }
    emit(&mut world, &[joined(0, "ann")]);
    world.pass(100);
    assert_eq!(participants(&world.taken), ["ann"]);
    assert_eq!((world.figure("unreadable"), world.state()), (4.0, State::Ready));
    let shown = world.find(|event| if let Event::Warning(Code::FRAME_UNREADABLE, detail) = event { Some(detail.clone()) } else { None });
    assert_eq!(shown.len(), 1, "once a minute");
    assert!(!shown[0].1.contains("frame"), "what it says is blackened: {shown:?}");
}

// ---- I5

#[test]
fn i5_joins_and_leaves_make_the_timeline_and_everything_reaches_the_listener() {
    let mut world = ready(json!({}));
    let events = [joined(0, "ann"), event(10, "ParticipantMuted", "ann"), json!({"type": "QueueDepth", "value": 3}), left(20, "ann")];
    emit(&mut world, &events);
    world.pass(100);
    assert_eq!(world.taken, events);
    let timeline = world.timeline("i1");
    let kinds: Vec<_> = timeline["entries"].as_array().unwrap().iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ParticipantJoined", "ParticipantLeft"]);
    let changed = world.find(|event| if let Event::Timeline(id) = event { Some(id.clone()) } else { None });
    assert_eq!(changed.len(), 2, "told of a join and of a leave only: {changed:?}");
}

#[test]
fn i5_other_events_without_a_timestamp_are_told_apart_by_all_that_they_say() {
    let mut world = ready(json!({}));
    let events: Vec<_> = (0..4).map(|depth| json!({"type": "QueueDepth", "interaction": "i1", "value": depth})).collect();
    emit(&mut world, &events);
    world.pass(100);
    assert_eq!(world.taken, events);
    assert_eq!(world.figure("duplicates"), 0.0);
}

// ---- I6

#[test]
fn i6_a_heartbeat_every_30_seconds() {
    let mut world = ready(json!({}));
    let ready = world.now;
    world.pass(95_000);
    let pings = pings(&world);
    // Each 30 s after the answer (40 ms) to the one before.
    assert_eq!(pings, [ready + 30_000, ready + 60_040, ready + 90_080]);
    assert_eq!(world.figure("rttMs"), 40.0);
}

#[test]
fn i6_an_answer_has_10_seconds() {
    let mut world = ready(json!({}));
    let ready = world.now;
    world.network.strand();
    world.pass(ready + 39_990 - world.now);
    assert_eq!(world.state(), State::Ready, "the answer still has 10 ms");
    world.pass(20);
    assert_ne!(world.state(), State::Ready);
    assert_eq!(world.find(|event| matches!(event, Event::Metric("detect", 40_000)).then_some(())).len(), 1, "30 s and 10 s");
    world.wait_for(State::Ready, 3_000);
    assert_eq!(world.opens.len(), 2);
}

#[test]
fn i6_a_slow_answer_within_10_seconds_is_one() {
    let mut world = ready(json!({}));
    world.fault(json!({"on": "frame-out", "match": {"class": "pong"}, "do": "delay", "ms": 9_000}));
    world.pass(60_000);
    assert_eq!((world.state(), world.opens.len()), (State::Ready, 1));
    assert!(world.find(|event| matches!(event, Event::Metric("rtt", 9_040)).then_some(())).len() == 1);
}

#[test]
fn i6_a_lost_answer_on_a_line_that_answered_before_replaces_it() {
    let mut world = ready(json!({}));
    world.pass(31_000);
    world.fault(json!({"on": "frame-out", "match": {"class": "pong"}, "do": "lose"}));
    world.wait("a second socket", 45_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
}

// ---- I7

/// The events that a consumer finds who takes only after five have come into a queue of three.
fn kept(policy: &str, events: &[Value]) -> (Vec<Value>, Vec<(u64, u64)>, World) {
    let mut world = ready(json!({"queue": {"size": 3, "policy": policy}}));
    world.takes = false;
    emit(&mut world, events);
    world.pass(100);
    let told = world.find(|event| if let Event::Dropped(count, total) = event { Some((*count, *total)) } else { None });
    let kept = world.take("", 100);
    (kept, told.into_iter().map(|(_, it)| it).collect(), world)
}

#[test]
fn i7_drop_oldest_keeps_the_newest() {
    let events: Vec<_> = (0..5).map(|n| joined(n, &format!("p{n}"))).collect();
    let (kept, told, world) = kept("drop-oldest", &events);
    assert_eq!(participants(&kept), ["p2", "p3", "p4"]);
    assert_eq!(told, [(1, 1), (1, 2)]);
    assert_eq!(world.figure("dropped"), 2.0);
}

#[test]
fn i7_drop_newest_keeps_the_oldest() {
    let events: Vec<_> = (0..5).map(|n| joined(n, &format!("p{n}"))).collect();
    let (kept, told, world) = kept("drop-newest", &events);
    assert_eq!(participants(&kept), ["p0", "p1", "p2"]);
    assert_eq!(told, [(1, 1), (1, 2)]);
    assert_eq!(world.figure("dropped"), 2.0);
}

#[test]
fn i7_coalesce_lets_go_what_the_newcomer_makes_out_of_date() {
    let events = [joined(0, "ann"), joined(1, "bob"), joined(2, "cid"), left(3, "bob"), joined(4, "dan")];
    let (kept, told, world) = kept("coalesce", &events);
    // bob's leave takes the place of his join; for dan nobody is out of date, so the oldest goes.
    assert_eq!(kept, [joined(2, "cid"), left(3, "bob"), joined(4, "dan")]);
    assert_eq!(told, [(1, 1)]);
    assert_eq!((world.figure("dropped"), world.figure("coalesced")), (1.0, 1.0));
}

#[test]
fn i7_what_was_dropped_is_still_in_the_timeline() {
    let events: Vec<_> = (0..5).map(|n| joined(n, &format!("p{n}"))).collect();
    let (_, _, mut world) = kept("drop-oldest", &events);
    assert_eq!(world.timeline("i1")["participants"].as_array().unwrap().len(), 5);
}

#[test]
fn i7_the_queue_holds_1024_unless_told() {
    let mut world = ready(json!({}));
    world.takes = false;
    let events: Vec<_> = (0..1_100).map(|n| joined(n, &format!("p{n}"))).collect();
    emit(&mut world, &events);
    world.pass(100);
    assert_eq!((world.figure("queued"), world.figure("dropped")), (1024.0, 76.0));
    assert_eq!(world.take("", 5_000), events[76..]);
}

/// Whether a share of dropped events raises the warning: of `came` events `dropped` are.
fn warns(options: Value, came: usize, dropped: usize) -> bool {
    let mut all = options;
    all["queue"] = json!({"size": came - dropped});
    let mut world = ready(all);
    world.takes = false;
    let events: Vec<_> = (0..came).map(|n| joined(n as i64, &format!("p{n}"))).collect();
    emit(&mut world, &events);
    world.pass(10_500);
    assert_eq!(world.figure("dropped"), dropped as f64);
    warnings(&world, Code::EVENTS_DROPPED) > 0
}

#[test]
fn i7_more_than_5_percent_dropped_raises_a_warning() {
    assert!(!warns(json!({}), 100, 5));
    assert!(warns(json!({}), 100, 6));
    assert!(!warns(json!({"dropWarning": 0.2}), 100, 20));
    assert!(warns(json!({"dropWarning": 0.2}), 100, 21));
}

#[test]
fn i7_a_slow_trickle_that_is_dropped_raises_the_warning_too() {
    let mut world = ready(json!({"queue": {"size": 1}}));
    world.takes = false;
    for round in 0..6 {
        let events: Vec<_> = (0..5).map(|n| joined(round * 10 + n, &format!("p{n}"))).collect();
        emit(&mut world, &events);
        world.pass(10_000);
    }
    assert_eq!(world.figure("dropped"), 29.0);
    assert!(warnings(&world, Code::EVENTS_DROPPED) > 0, "29 of 30 were dropped");
}

#[test]
fn i7_a_consumer_that_is_more_than_500_ms_behind_raises_a_lag_event() {
    for (waits, told) in [(500, vec![]), (501, vec![501])] {
        let mut world = ready(json!({}));
        world.takes = false;
        emit(&mut world, &[joined(0, "ann")]);
        world.pass(20 + waits);
        assert_eq!(world.take("", 10).len(), 1);
        assert_eq!(lags(&world), told);
    }
    let mut world = ready(json!({"lagMs": 2_000}));
    world.takes = false;
    emit(&mut world, &[joined(0, "ann")]);
    world.pass(2_000);
    world.take("", 10);
    assert!(lags(&world).is_empty());
}

#[test]
fn i7_a_consumer_that_never_takes_is_bounded_and_told_of() {
    let mut world = ready(json!({"queue": {"size": 10}}));
    world.takes = false;
    for round in 0..30 {
        let events: Vec<_> = (0..40).map(|n| joined(round * 1_000 + n, &format!("p{n}"))).collect();
        emit(&mut world, &events);
        world.pass(1_000);
    }
    assert_eq!((world.figure("queued"), world.figure("dropped")), (10.0, 1_190.0));
    assert!(!lags(&world).is_empty());
    assert!(warnings(&world, Code::EVENTS_DROPPED) >= 2);
    let available = world.find(|event| matches!(event, Event::Available(_)).then_some(()));
    assert_eq!(available.len(), 1, "told once until it has taken all");
}

// ---- I8

/// When sockets were opened after the loss, from it on.
fn attempts(world: &World, lost: u64) -> Vec<u64> {
    world.opens.iter().filter(|(at, ..)| *at >= lost).map(|(at, ..)| *at - lost).collect()
}

/// Every new socket is refused from here on, and the present one breaks.
fn refuse_from_now(world: &mut World) -> u64 {
    world.fault(json!({"on": "connect", "match": {"path": SOCKET}, "count": 0, "do": "refuse", "status": 503}));
    // Long enough for the connection to count as a good one.
    world.pass(11_000);
    world.network.reset(world.now);
    world.now
}

#[test]
fn i8_it_waits_1_2_4_8_16_seconds_and_gives_up_after_five_attempts() {
    let mut world = ready(json!({}));
    let lost = refuse_from_now(&mut world);
    world.wait_for(State::Ended { reason: End::GaveUp }, 120_000);
    let attempts = attempts(&world, lost);
    assert_eq!(attempts.len(), 5, "{attempts:?}");
    let mut before = 0;
    for (attempt, wait) in attempts.iter().zip([1_000, 2_000, 4_000, 8_000, 16_000]) {
        // Up to a tenth of jitter, and the attempt itself with the look at what refused it.
        let gap = attempt - before;
        assert!((wait..=wait + wait / 10 + 100).contains(&gap), "{gap} for {wait}: {attempts:?}");
        before = *attempt;
    }
    assert!(errors(&world).iter().any(|(code, _)| *code == Code::GAVE_UP));
}

#[test]
fn i8_the_number_of_attempts_can_be_set_or_without_end() {
    let mut world = ready(json!({"attempts": 2}));
    let lost = refuse_from_now(&mut world);
    world.wait_for(State::Ended { reason: End::GaveUp }, 120_000);
    assert_eq!(attempts(&world, lost).len(), 2);
    world.lift_faults();
    world.start();
    world.wait_for(State::Ready, 1_000);

    let mut world = ready(json!({"attempts": 0}));
    world.pass(11_000);
    world.network.reset(world.now);
    world.network.line = Line::Offline;
    let lost = world.now;
    world.pass(10 * 60_000);
    let attempts = attempts(&world, lost);
    assert!(attempts.len() >= 20, "{attempts:?}");
    for pair in attempts[5..].windows(2) {
        assert!((30_000..=33_100).contains(&(pair[1] - pair[0])), "{attempts:?}");
    }
}

#[test]
fn i8_what_was_missed_comes_after_a_loss_and_nothing_twice() {
    let mut world = ready(json!({"interaction": "i1", "channels": ["voice"]}));
    emit(&mut world, &[joined(1_000, "before")]);
    world.pass(2_000);
    world.network.reset(world.now);
    emit(&mut world, &[joined(2_500, "missed"), joined(2_600, "missed too")]);
    world.wait("back", 5_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
    emit(&mut world, &[joined(9_000, "after")]);
    world.pass(500);
    let sent = filters(&world).pop().unwrap();
    assert_eq!((&sent["id"], &sent["channels"]), (&json!("i1"), &json!(["voice"])));
    let since = sent["since"].as_str().expect("from when");
    assert!(since <= World::at(1_000).as_str(), "not behind what was processed last: {since}");
    assert_eq!(participants(&world.taken), ["before", "missed", "missed too", "after"]);
    assert_eq!(world.timeline("i1")["entries"].as_array().unwrap().len(), 4);
    assert_eq!(world.figure("reconnects"), 1.0);
}

#[test]
fn i8_what_is_missed_by_a_line_that_had_brought_nothing_comes_too() {
    let mut world = ready(json!({}));
    world.pass(20_000);
    world.network.reset(world.now);
    let at = world.now as i64;
    emit(&mut world, &[joined(at, "missed")]);
    world.wait("back", 5_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
    world.pass(500);
    assert_eq!(participants(&world.taken), ["missed"]);
}

#[test]
fn i8_no_timestamp_however_odd_turns_the_recovery_off() {
    for odd in ["9999-12-31T23:59:59.999Z", "0000-01-01T00:00:00.000Z", "1969-12-31T23:59:59Z", "yesterday", ""] {
        let mut world = ready(json!({}));
        let mut strange = joined(0, "strange");
        strange["timestamp"] = odd.into();
        emit(&mut world, &[strange]);
        world.pass(2_000);
        world.network.reset(world.now);
        let at = world.now as i64;
        emit(&mut world, &[joined(at, "missed")]);
        world.wait("back", 5_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
        world.pass(500);
        assert_eq!(participants(&world.taken), ["strange", "missed"], "{odd}");
    }
}

#[test]
fn i8_a_visitors_clock_that_is_wrong_does_not_turn_the_recovery_off() {
    for ahead in [-86_400_000, -60_000, 60_000, 86_400_000] {
        let mut world = World::new(Kind::Interactions, json!({}));
        world.ahead = ahead;
        world.start();
        world.wait_for(State::Ready, 5_000);
        emit(&mut world, &[joined(100, "before")]);
        world.pass(2_000);
        world.network.reset(world.now);
        let at = world.now as i64;
        emit(&mut world, &[joined(at, "missed")]);
        world.wait("back", 5_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
        world.pass(500);
        assert_eq!(participants(&world.taken), ["before", "missed"], "{ahead}");
    }
}

#[test]
fn i8_a_token_that_has_run_out_is_replaced_before_the_line_is_made_anew() {
    let mut world = ready(json!({}));
    emit(&mut world, &[joined(100, "before")]);
    world.pass(1_000);
    world.control("POST", "/_sim/expire", json!({"what": "token", "deploymentId": DEPLOYMENT}));
    world.wait("the loss", 1_000, |world| world.state() != State::Ready);
    let at = world.now as i64;
    emit(&mut world, &[joined(at, "missed")]);
    world.wait_for(State::Ready, 5_000);
    world.pass(500);
    assert_eq!(token_requests(&world).len(), 2);
    assert_eq!(participants(&world.taken), ["before", "missed"]);
}

/// Lays each fault over a stream that brings an event every half second for a minute and a half: in the end each has come
/// once, in the order of its time in the timeline.
#[test]
fn i8_no_fault_loses_or_doubles_an_event() {
    let frames_out = json!({"path": SOCKET, "class": "events"});
    let faults = [
        json!({"on": "frame-out", "match": frames_out, "nth": 20, "do": "drop"}),
        json!({"on": "frame-out", "match": frames_out, "nth": 20, "do": "drop", "after": true}),
        json!({"on": "frame-out", "match": frames_out, "nth": 20, "do": "close", "code": 1001}),
        json!({"on": "frame-out", "match": frames_out, "nth": 20, "do": "close", "code": 1011, "after": true}),
        json!({"on": "frame-out", "match": frames_out, "nth": 20, "do": "close", "code": 1008}),
        json!({"on": "frame-out", "match": frames_out, "nth": 20, "do": "stall", "ms": 8_000}),
        json!({"on": "frame-out", "match": frames_out, "nth": 20, "do": "stall", "ms": 60_000}),
        json!({"on": "frame-out", "match": frames_out, "nth": 20, "do": "stall", "direction": "down", "ms": 60_000}),
        json!({"on": "frame-in", "match": {"path": SOCKET, "action": "ping"}, "do": "stall", "direction": "up", "ms": 60_000}),
        json!({"on": "frame-out", "match": frames_out, "nth": 20, "count": 10, "do": "duplicate"}),
        json!({"on": "frame-out", "match": frames_out, "nth": 20, "do": "reorder", "window": 5}),
        json!({"on": "frame-out", "match": frames_out, "nth": 20, "count": 5, "do": "delay", "ms": 3_000}),
        json!({"on": "frame-out", "match": frames_out, "nth": 20, "count": 5, "do": "garbage", "as": "text"}),
        json!({"on": "frame-out", "match": frames_out, "nth": 20, "count": 2, "do": "garbage", "as": "deep"}),
        json!([{"on": "frame-out", "match": frames_out, "nth": 20, "do": "drop"}, {"on": "connect", "match": {"path": SOCKET}, "count": 2, "do": "refuse", "status": 503}]),
        json!([{"on": "frame-out", "match": frames_out, "nth": 20, "do": "drop"}, {"on": "connect", "match": {"path": SOCKET}, "do": "blackhole"}]),
        json!([{"on": "frame-out", "match": frames_out, "nth": 20, "do": "drop"}, {"on": "connect", "match": {"path": SOCKET}, "do": "accept-then-close", "code": 1013}]),
        json!([{"on": "frame-out", "match": frames_out, "nth": 20, "do": "close", "code": 1008}, {"on": "http", "match": {"path": "/demo-backend/token"}, "do": "status", "status": 503}]),
        json!([{"on": "frame-out", "match": frames_out, "nth": 20, "do": "close", "code": 1008}, {"on": "http", "match": {"path": "/demo-backend/token"}, "do": "blackhole"}]),
        json!([{"on": "frame-out", "match": frames_out, "nth": 20, "do": "drop"}, {"on": "frame-out", "match": {"path": SOCKET, "class": "connected"}, "do": "lose"}]),
        json!([{"on": "frame-out", "match": frames_out, "nth": 20, "do": "drop"}, {"on": "frame-out", "match": {"path": SOCKET, "class": "subscribed"}, "do": "lose"}]),
        // Gone with the line that lost them, two seconds later: the replay reaches back as far.
        json!([{"on": "frame-out", "match": frames_out, "nth": 20, "count": 3, "do": "lose"}, {"on": "frame-out", "match": frames_out, "nth": 25, "do": "drop"}]),
        json!({"on": "frame-out", "match": {"path": SOCKET, "class": "pong"}, "nth": 1, "do": "lose"}),
    ];
    for fault in faults {
        let mut world = ready(json!({}));
        world.fault(fault.clone());
        let mut all = Vec::new();
        for number in 0..180 {
            let name = format!("p{number:03}");
            let now = world.now as i64;
            emit(&mut world, &[joined(now, &name)]);
            all.push(name);
            world.pass(500);
        }
        world.wait_for(State::Ready, 60_000);
        world.pass(5_000);
        let mut came: Vec<String> = participants(&world.taken).into_iter().map(str::to_string).collect();
        came.sort();
        assert_eq!(came, all, "{fault}");
        let timeline = world.timeline("i1");
        let order: Vec<_> = timeline["entries"].as_array().unwrap().iter().map(|entry| entry["participant"].as_str().unwrap().to_string()).collect();
        assert_eq!(order, all, "{fault}");
    }
}

// ---- I9

#[test]
fn i9_entries_stand_in_the_order_of_their_time_whatever_order_they_came_in() {
    let mut world = ready(json!({}));
    emit(&mut world, &[joined(300, "c"), joined(100, "a"), left(400, "a"), joined(200, "b")]);
    world.pass(100);
    assert_eq!(participants(&world.taken), ["c", "a", "a", "b"], "the listener gets them as they come");
    let timeline = world.timeline("i1");
    let entry = |ms: i64, kind: &str, participant: &str| json!({"timestamp": World::at(ms), "type": kind, "participant": participant, "channel": "voice", "parsed": true});
    let expected = [
        entry(100, "ParticipantJoined", "a"),
        entry(200, "ParticipantJoined", "b"),
        entry(300, "ParticipantJoined", "c"),
        entry(400, "ParticipantLeft", "a"),
    ];
    assert_eq!(timeline["entries"], json!(expected));
    assert_eq!(timeline["interaction"], "i1");
}

#[test]
fn i9_of_one_time_the_first_comes_first_also_across_time_zones() {
    let mut world = ready(json!({}));
    let mut zone = joined(0, "b");
    // The beginning, 13:00 in UTC.
    zone["timestamp"] = "2026-01-06T14:00:00+01:00".into();
    emit(&mut world, &[joined(0, "a"), zone, joined(0, "c"), joined(-1, "first")]);
    world.pass(100);
    let timeline = world.timeline("i1");
    let order: Vec<_> = timeline["entries"].as_array().unwrap().iter().map(|entry| entry["participant"].as_str().unwrap()).collect();
    assert_eq!(order, ["first", "a", "b", "c"]);
}

#[test]
fn i9_a_timestamp_that_cannot_be_read_is_reported_and_stands_where_it_came() {
    let mut world = ready(json!({}));
    let mut odd = joined(0, "odd");
    odd["timestamp"] = "quarter past".into();
    emit(&mut world, &[joined(100, "a"), odd, joined(200, "b")]);
    world.pass(100);
    let timeline = world.timeline("i1");
    let order: Vec<_> = timeline["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["participant"].as_str().unwrap(), entry["parsed"].as_bool().unwrap()))
        .collect();
    assert_eq!(order, [("a", true), ("odd", false), ("b", true)]);
    assert_eq!(warnings(&world, Code::TIMESTAMP_UNREADABLE), 1);
    assert_eq!(participants(&world.taken), ["a", "odd", "b"]);
}

#[test]
fn i9_each_participants_intervals_are_told() {
    let mut world = ready(json!({}));
    let mut transfer = left(2_000, "ann");
    transfer["reason"] = "transfer".into();
    emit(&mut world, &[joined(5_000, "ann"), transfer, left(1_500, "cid"), joined(1_000, "ann"), joined(3_000, "bob")]);
    world.pass(100);
    let expected = json!([
        {"participant": "ann", "present": true, "intervals": [
            {"joined": World::at(1_000), "left": World::at(2_000), "reason": "transfer"},
            {"joined": World::at(5_000)},
        ]},
        {"participant": "cid", "present": false, "intervals": [{"left": World::at(1_500)}]},
        {"participant": "bob", "present": true, "intervals": [{"joined": World::at(3_000)}]},
    ]);
    assert_eq!(world.timeline("i1")["participants"], expected);
}

#[test]
fn i9_who_leaves_one_of_two_channels_is_still_there() {
    let mut world = ready(json!({}));
    let on = |mut event: Value, channel: &str| {
        event["channel"] = channel.into();
        event
    };
    emit(&mut world, &[on(joined(0, "ann"), "voice"), on(joined(1_000, "ann"), "chat"), on(left(2_000, "ann"), "chat")]);
    world.pass(100);
    assert_eq!(world.timeline("i1")["participants"], json!([{"participant": "ann", "present": true, "intervals": [{"joined": World::at(0)}]}]));
    emit(&mut world, &[on(left(3_000, "ann"), "voice")]);
    world.pass(100);
    let expected = json!([{"participant": "ann", "present": false, "intervals": [{"joined": World::at(0), "left": World::at(3_000)}]}]);
    assert_eq!(world.timeline("i1")["participants"], expected);
}

#[test]
fn i9_no_events_are_an_empty_timeline() {
    let mut world = ready(json!({}));
    assert_eq!(world.timeline("i1"), json!({"interaction": "i1", "entries": [], "participants": []}));
    frame(&mut world, r#"{"events":[]}"#);
    assert_eq!(world.timeline("i1"), json!({"interaction": "i1", "entries": [], "participants": []}));
    assert_eq!((world.figure("unreadable"), world.figure("interactions")), (0.0, 0.0));
}

#[test]
fn i9_each_interaction_has_a_timeline_of_its_own() {
    let mut world = ready(json!({}));
    let mut other = joined(50, "bob");
    other["interaction"] = "a \"quoted\" one".into();
    emit(&mut world, &[joined(0, "ann"), other]);
    world.pass(100);
    assert_eq!(world.timeline("i1")["participants"].as_array().unwrap().len(), 1);
    assert_eq!(world.timeline("a \"quoted\" one")["participants"][0]["participant"], "bob");
    let Ok(guestwire::streams::class::Answer::Text(ids)) = world.command(Command::Timelines) else { panic!("no list") };
    assert_eq!(reads(&ids), json!(["a \"quoted\" one", "i1"]));
}

// ---- I10

#[test]
fn i10_figures_are_told_every_10_seconds() {
    let mut world = ready(json!({}));
    world.pass(60_500 - world.now);
    let told = world.find(|event| if let Event::Metrics(figures) = event { Some(figures.clone()) } else { None });
    let times: Vec<_> = told.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
    let names: Vec<_> = told.last().unwrap().1.iter().map(|(name, _)| *name).collect();
    for wanted in ["rttMs", "answeredMsAgo", "dropped", "reconnects"] {
        assert!(names.contains(&wanted), "{wanted}: {names:?}");
    }
    let mut often = ready(json!({"metricsEveryMs": 500}));
    often.pass(5_000);
    assert!(often.find(|event| matches!(event, Event::Metrics(_)).then_some(())).len() >= 10);
}

#[test]
fn i10_figures_are_of_the_moment_at_which_they_are_asked_for() {
    let mut world = ready(json!({"metricsEveryMs": 3_600_000}));
    world.pass(30_500);
    let asked = |world: &mut World| {
        let now = world.clock();
        let figures = world.stream.figures_at(now);
        figures.iter().find(|(name, _)| *name == "answeredMsAgo").unwrap().1
    };
    let before = asked(&mut world);
    world.pass(7_000);
    assert_eq!(asked(&mut world) - before, 7_000.0);
}

#[test]
fn i10_losses_and_reconnects_are_counted() {
    let mut world = ready(json!({}));
    for round in 1..=3 {
        world.pass(15_000);
        world.network.reset(world.now);
        world.wait("back", 5_000, |world| world.opens.len() == 1 + round && world.state() == State::Ready);
    }
    assert_eq!((world.figure("losses"), world.figure("reconnects")), (3.0, 3.0));
    // A wait of 1 to 1.1 s and three round trips of 40 ms.
    assert!((1_120.0..=1_220.0).contains(&world.figure("reconnectMs")), "{}", world.figure("reconnectMs"));
}

// ---- what is hostile

#[test]
fn hostile_frames_harm_nothing() {
    let mut world = ready(json!({}));
    let deep = ["[".repeat(200), "]".repeat(200)].concat();
    let long = "x".repeat(200_000);
    for text in [
        "null",
        "true",
        "7",
        "\"text\"",
        "[]",
        "{}",
        "",
        "{",
        "[[]]",
        &deep,
        r#"{"events":null}"#,
        r#"{"events":{}}"#,
        r#"{"events":"x"}"#,
        r#"{"events":[null,7,"x",[],{}]}"#,
        r#"{"events":[{"timestamp":7,"type":7,"participant":7,"interaction":7,"channel":7,"reason":7}]}"#,
        r#"{"events":[{"timestamp":null,"type":null,"participant":null,"interaction":null}]}"#,
        r#"{"events":[{"timestamp":{},"type":"ParticipantJoined","participant":[],"interaction":"i1"}]}"#,
        r#"{"events":[{"timestamp":"-9999999999999999-01-01T00:00:00Z","type":"ParticipantJoined","interaction":"i1"}]}"#,
        r#"{"events":[{"timestamp":99999999999999999999999999,"type":"ParticipantLeft","interaction":"i1"}]}"#,
        r#"{"events":[{"type":"ParticipantLeft"}]}"#,
        r#"{"status":7}"#,
        r#"{"status":null}"#,
        r#"{"status":"weird"}"#,
        r#"{"type":"pong"}"#,
        r#"{"type":"pong","sequence":-9223372036854775808}"#,
        r#"{"type":"pong","sequence":"x"}"#,
        r#"{"type":"pong","sequence":1e999}"#,
        "\u{0}",
        "\u{fffd}\u{1f600}",
        &format!(r#"{{"events":[{{"timestamp":"{long}","type":"ParticipantJoined","participant":"{long}","interaction":"i1"}}]}}"#),
    ] {
        frame(&mut world, text);
    }
    world.pass(1_000);
    assert_eq!(world.state(), State::Ready);
    emit(&mut world, &[joined(9_000, "ann")]);
    world.pass(200);
    assert_eq!(world.taken.last().unwrap()["participant"], "ann");
    assert_eq!(world.timeline("i1")["participants"].as_array().unwrap().last().unwrap()["participant"], "ann");
}

#[test]
fn hostile_multitudes_of_participants_and_interactions_are_bounded() {
    let mut world = ready(json!({}));
    for round in 0..6 {
        let events: Vec<_> = (0..2_000).map(|n| joined(n, &format!("p{round}-{n}"))).collect();
        world.emit("interactions", json!({"events": events, "batch": true}));
        world.pass(100);
    }
    assert_eq!(world.taken.len(), 6 * 1_024, "each frame of 2000 meets a queue of 1024");
    let timeline = world.timeline("i1");
    assert_eq!(timeline["entries"].as_array().unwrap().len(), 5_000, "the newest are kept");
    for round in 0..5 {
        let events: Vec<_> = (0..1_000)
            .map(|n| {
                let mut event = joined(n, "ann");
                event["interaction"] = format!("i-{round}-{n}").into();
                event
            })
            .collect();
        world.emit("interactions", json!({"events": events, "batch": true}));
        world.pass(100);
    }
    assert_eq!(world.figure("interactions"), 2_000.0);
    assert_eq!(world.timeline("i-4-999")["participants"].as_array().unwrap().len(), 1, "the newest are known");
}

#[test]
fn stopped_it_is_quiet_and_keeps_what_was_taken_in() {
    let mut world = ready(json!({}));
    world.takes = false;
    emit(&mut world, &[joined(0, "ann")]);
    world.pass(100);
    let ticket = world.stop();
    assert_eq!((world.done(ticket), world.state()), (Some(None), State::Stopped));
    let (opens, asked) = (world.opens.len(), world.asked.len());
    world.pass(600_000);
    assert_eq!((world.opens.len(), world.asked.len()), (opens, asked));
    assert!(world.subscriptions().is_empty());
    assert_eq!(participants(&world.take("", 10)), ["ann"]);
}
