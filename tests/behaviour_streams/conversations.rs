//! E: conversation events. E2, the limit of live connections, is kept in the JavaScript half for all streams of a page or process
//! (one module may serve several) and tested there; here is only what the service itself says when there are too many.

mod order;

use crate::world::{DEPLOYMENT, EPOCH, Hook, World};
use guestwire::core::error::Code;
use guestwire::core::machine::{Input, Page, Payload};
use guestwire::core::state::{Pause, State};
use guestwire::streams::Kind;
use guestwire::streams::event::Event;
use serde_json::{Value, json};

const PATH: &str = "/api/v2/analytics/conversations/events";
const HEALTH: &str = "http://hooks/health";

fn ready(options: Value) -> World {
    World::ready(Kind::Conversations, options)
}

/// An event that bears a time so many milliseconds after the beginning.
fn event(id: &str, ms: i64) -> Value {
    json!({"id": id, "timestamp": World::at(ms), "type": "CallStarted", "data": {"conversationId": format!("c-{id}")}})
}

fn emit(world: &mut World, events: Vec<Value>) {
    world.emit("conversations", json!({ "events": events }));
}

fn emit_raw(world: &mut World, frame: &str) {
    world.emit("conversations", json!({ "frame": frame }));
}

fn ids(world: &World) -> Vec<String> {
    world.taken.iter().map(|item| item["event"]["id"].as_str().unwrap_or("?").to_string()).collect()
}

fn late(world: &World) -> Vec<String> {
    let late = world.taken.iter().filter(|item| item["late"] == true);
    late.map(|item| item["event"]["id"].as_str().unwrap_or("?").to_string()).collect()
}

fn parameter(url: &str, name: &str) -> String {
    let query = url.split_once('?').expect("a query").1;
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').expect("a value"));
    pairs.find(|(known, _)| *known == name).expect(name).1.to_string()
}

fn tokens(world: &World) -> Vec<String> {
    world.opens.iter().map(|(_, _, url)| parameter(url, "access_token")).collect()
}

fn warnings(world: &World, wanted: Code) -> Vec<(u64, String)> {
    world.find(|event| match event {
        Event::Warning(code, detail) if *code == wanted => Some(detail.clone()),
        _ => None,
    })
}

fn health(world: &World) -> Vec<Value> {
    let told = world.find(|event| if let Event::Health(body) = event { Some(body.clone()) } else { None });
    told.into_iter().map(|(_, body)| serde_json::from_str(&body).expect("JSON")).collect()
}

/// Breaks the line and keeps the network away for so long.
fn go_offline(world: &mut World, until: u64) {
    world.network.line = crate::network::Line::Offline;
    let now = world.now;
    world.network.reset(now);
    world.pass(until - world.now);
    let now = world.now;
    world.network.heal(now);
    world.page(Page::Online);
}

fn break_line(world: &mut World) {
    let now = world.now;
    world.network.reset(now);
}

// ---- E1

#[test]
fn e1_a_token_is_asked_for_once_and_kept_for_further_connections() {
    let mut world = ready(json!({}));
    for _ in 0..5 {
        world.pass(20_000);
        break_line(&mut world);
        world.pass(5_000);
    }
    assert_eq!((world.opens.len(), world.asked.len(), world.state()), (6, 1, State::Ready));
    let tokens = tokens(&world);
    assert!(tokens.iter().all(|token| *token == tokens[0]));
}

#[test]
fn e1_it_is_refreshed_before_a_reconnect_once_it_expires_soon() {
    // 300 s, less the margin of 30 s; the last 60 s of the rest are soon: from 210 s on.
    let reconnected_at = |until: u64| {
        let mut world = World::new(Kind::Conversations, json!({}));
        world.set(json!({"accessTokenSeconds": 300}));
        world.start();
        world.wait_for(State::Ready, 5_000);
        world.pass(100_000);
        go_offline(&mut world, until);
        world.wait_for(State::Ready, 5_000);
        world
    };
    let early = reconnected_at(205_000);
    assert_eq!(early.asked.iter().filter(|(_, request)| request.url.contains("token")).count(), 1);
    let late = reconnected_at(211_000);
    let asked: Vec<_> = late.asked.iter().filter(|(_, request)| request.url.contains("token")).map(|(at, _)| *at).collect();
    assert_eq!(asked.len(), 2);
    let (opened, _, url) = late.opens.last().unwrap();
    assert!(asked[1] + 40 == *opened, "asked at {}, opened at {opened}", asked[1]);
    assert_ne!(parameter(url, "access_token"), tokens(&late)[0]);
}

#[test]
fn e1_no_connection_is_ever_lost_to_a_token_that_ran_out() {
    let mut world = World::new(Kind::Conversations, json!({}));
    world.set(json!({"accessTokenSeconds": 300}));
    world.start();
    world.wait_for(State::Ready, 5_000);
    for turn in 0..360 {
        emit(&mut world, vec![event(&turn.to_string(), turn * 10_000)]);
        world.pass(10_000);
    }
    assert_eq!(world.figure("losses"), 0.0);
    assert_eq!(world.states().len(), 2, "{:?}", world.states());
    assert!(world.opens.len() >= 3_600 / 300, "{}", world.opens.len());
    assert_eq!(ids(&world), (0..360).map(|turn| turn.to_string()).collect::<Vec<_>>());
}

// ---- E2

#[test]
fn e2_where_the_service_has_too_many_connections_it_is_left_alone_for_as_long_as_it_says() {
    let mut world = World::new(Kind::Conversations, json!({}));
    world.set(json!({"streamConnections": 0}));
    world.start();
    world.wait("paused", 5_000, |world| matches!(world.state(), State::Paused { reason: Pause::RateLimited, .. }));
    let (paused, opens) = (world.now, world.opens.len());
    // It says 5 s, and no sign of the page hurries that.
    world.pass(2_000);
    for signal in [Page::Online, Page::Visible, Page::Focused, Page::Input] {
        world.page(signal);
    }
    world.pass(2_900);
    assert_eq!(world.opens.len(), opens);
    world.set(json!({"streamConnections": 10}));
    world.wait_for(State::Ready, 2_500);
    assert!(world.now >= paused + 5_000);
}

// ---- E3

#[test]
fn e3_token_session_and_filter_stand_in_the_address_encoded() {
    let filter = "type=CallStarted,queue=Sales & more/100%, vip=true";
    let mut world = ready(json!({ "filter": filter }));
    let url = world.opens[0].2.clone();
    let (address, query) = url.split_once('?').unwrap();
    assert_eq!(address, "ws://service/api/v2/analytics/conversations/events");
    let names: Vec<_> = query.split('&').map(|pair| pair.split('=').next().unwrap()).collect();
    assert_eq!(names, ["access_token", "session_id", "filter"]);
    assert_eq!(parameter(&url, "filter"), "type%3DCallStarted%2Cqueue%3DSales%20%26%20more%2F100%25%2C%20vip%3Dtrue");
    assert_eq!(world.subscriptions()[0]["filter"], filter);
    assert!(parameter(&url, "access_token").len() > 16);
}

#[test]
fn e3_the_session_is_a_uuid_of_version_four_and_outlives_its_connections() {
    let mut world = ready(json!({}));
    let session = parameter(&world.opens[0].2, "session_id");
    assert_eq!(session.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert!(session.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()));
    assert_eq!((session.as_bytes()[14], b"89ab".contains(&session.as_bytes()[19])), (b'4', true));
    break_line(&mut world);
    world.wait("back", 5_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
    assert_eq!(parameter(&world.opens[1].2, "session_id"), session);
    assert_eq!(parameter(&world.opens[0].2, "filter"), "");
}

#[test]
fn e3_only_what_the_filter_admits_comes() {
    let mut world = ready(json!({"filter": "type=CallEnded"}));
    let mut ended = event("2", 20);
    ended["type"] = "CallEnded".into();
    emit(&mut world, vec![event("1", 10), ended]);
    world.pass(1_000);
    assert_eq!(ids(&world), ["2"]);
}

#[test]
fn e3_a_filter_that_cannot_stand_in_an_address_is_refused() {
    let long = "x".repeat(4_097);
    for bad in [json!(5), json!([]), json!(long)] {
        let refusal = World::try_new(Kind::Conversations, json!({ "filter": bad })).err().expect("refused");
        assert_eq!((refusal.code, refusal.field), (Code::INVALID_OPTION, Some("filter")));
    }
}

#[test]
fn e3_other_wrong_options_are_named() {
    for (options, field) in [
        (json!({"holdMs": -1}), "holdMs"),
        (json!({"holdMs": "250"}), "holdMs"),
        (json!({"seenIds": 0}), "seenIds"),
        (json!({"health": "http://hooks/health"}), "health"),
        (json!({"health": {}}), "health"),
        (json!({"health": {"url": ""}}), "health"),
        (json!({"health": {"url": 5}}), "health"),
    ] {
        let refusal = World::try_new(Kind::Conversations, options.clone()).err();
        assert_eq!(refusal.and_then(|refusal| refusal.field), Some(field), "{options}");
    }
}

// ---- E4

/// The waits that were told, in milliseconds, with the attempt that follows.
fn waits(world: &World) -> Vec<(u32, u64)> {
    let states = world.states().into_iter();
    states
        .filter_map(|(at, state)| if let State::Waiting { attempt, retry_at, .. } = state { Some((attempt, retry_at - EPOCH - at)) } else { None })
        .collect()
}

#[test]
fn e4_a_socket_that_opens_and_breaks_at_once_does_not_reset_the_waits() {
    let mut world = World::new(Kind::Conversations, json!({}));
    world.fault(json!({"on": "connect", "match": {"path": PATH}, "count": 0, "do": "accept-then-close", "code": 1011}));
    world.start();
    world.pass(3_600_000);
    let waits = waits(&world);
    assert!(waits.len() > 150, "{}", waits.len());
    for (place, (attempt, wait)) in waits.iter().enumerate() {
        assert_eq!(*attempt as usize, place + 2);
        // 1 s doubling to 30 s, and somewhere below that; never less than a quarter of a second.
        let cap = 1_000u64.checked_shl(place.min(20) as u32).unwrap_or(u64::MAX).min(30_000);
        assert!((250..=cap).contains(wait), "{place}: {wait}");
    }
    // Full jitter: from nearly nothing to nearly all.
    let late: Vec<u64> = waits.iter().skip(5).map(|(_, wait)| *wait).collect();
    let below = late.iter().filter(|wait| **wait < 15_000).count();
    assert!((late.len() / 3..=late.len() * 2 / 3).contains(&below), "{below} of {}", late.len());
    assert!(late.iter().any(|wait| *wait < 3_000) && late.iter().any(|wait| *wait > 27_000));
}

#[test]
fn e4_only_a_stable_connection_resets_the_waits() {
    let mut world = ready(json!({}));
    for expected in [2, 3, 4] {
        world.pass(5_000);
        break_line(&mut world);
        world.wait("back", 60_000, |world| world.state() == State::Ready && world.opens.len() == expected);
    }
    assert_eq!(waits(&world).iter().map(|(attempt, _)| *attempt).collect::<Vec<_>>(), [2, 3, 4]);
    world.pass(10_100);
    break_line(&mut world);
    world.pass(1_100);
    let last = *waits(&world).last().unwrap();
    assert_eq!(last.0, 2);
    assert!(last.1 <= 1_000);
}

// ---- E6

#[test]
fn e6_health_is_posted_and_told_with_each_change() {
    let mut world = ready(json!({"health": {"url": HEALTH}}));
    emit(&mut world, (0..9).map(|id| event(&id.to_string(), id)).collect());
    world.pass(20_000);
    break_line(&mut world);
    world.pass(10);
    let lost = world.now - 10;
    world.wait_for(State::Ready, 5_000);
    let gap = world.now - lost;
    world.pass(1_000);
    world.stop();
    world.pass(1_000);
    let told = health(&world);
    let posted: Vec<Value> = world
        .posted
        .iter()
        .map(|(_, url, body)| {
            assert_eq!(url, HEALTH);
            serde_json::from_str(body).expect("JSON")
        })
        .collect();
    assert_eq!(posted, told);
    assert_eq!(
        told.iter().map(|health| health["status"].as_str().unwrap()).collect::<Vec<_>>(),
        ["connected", "reconnecting", "connected", "disconnected"]
    );
    let session = parameter(&world.opens[0].2, "session_id");
    assert!(told.iter().all(|health| health["sessionId"] == session.as_str() && health["timestamp"].as_str().is_some_and(|at| at.ends_with('Z'))));
    // Nine events came, and with the line one is thought to have gone.
    assert_eq!(told.iter().map(|health| health["packetLossRate"].as_f64().unwrap()).collect::<Vec<_>>(), [0.0, 0.1, 0.1, 0.1]);
    assert_eq!(told.iter().map(|health| health["reconnectionLatencyMs"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 0, gap, gap]);
}

#[test]
fn e6_the_latency_of_events_is_from_their_time_to_their_arrival() {
    let mut world = ready(json!({"health": {"url": HEALTH}}));
    world.pass(10_000);
    let stamp = world.now as i64 - 480;
    emit(&mut world, vec![event("a", stamp)]);
    world.pass(1_000);
    assert_eq!((world.taken[0]["latencyMs"].as_u64(), world.figure("eventLatencyMs")), (Some(500), 500.0));
    world.stop();
    assert_eq!(health(&world).last().unwrap()["eventLatencyMs"], 500);
}

#[test]
fn e6_a_pause_by_the_page_is_no_reconnection() {
    let mut world = ready(json!({"health": {"url": HEALTH}}));
    world.pass(20_000);
    world.stop();
    world.pass(3_600_000);
    world.start();
    world.wait_for(State::Ready, 5_000);
    assert_eq!((world.figure("losses"), world.figure("reconnects"), world.figure("reconnectMs")), (0.0, 0.0, 0.0));
    assert_eq!(health(&world).last().unwrap()["reconnectionLatencyMs"], 0);
}

#[test]
fn e6_a_webhook_that_fails_is_tried_again_and_disturbs_nothing() {
    for hook in [Hook::Answers(503, 5), Hook::Answers(429, 5), Hook::Hangs, Hook::Away] {
        let mut world = World::new(Kind::Conversations, json!({"health": {"url": HEALTH}}));
        world.hooks.insert(HEALTH.into(), hook);
        world.start();
        world.wait_for(State::Ready, 5_000);
        let begun = world.now;
        for turn in 0..80 {
            let came = world.taken.len();
            let at = world.now as i64;
            emit(&mut world, vec![event(&turn.to_string(), at)]);
            world.pass(270);
            assert_eq!(world.taken.len(), came + 1, "{hook:?} delays events");
            world.pass(730);
        }
        // Five times, after waits of up to 1, 2, 4 and 8 s, and if need be 5 s each.
        let tries: Vec<_> = world.posted.iter().map(|(at, _, _)| *at).collect();
        assert_eq!(tries.len(), 5, "{hook:?}");
        assert_eq!(tries[0], begun);
        let spent = if hook == Hook::Hangs { 5_000 } else { 5 };
        for (place, two) in tries.windows(2).enumerate() {
            assert!((250..=1_000 << place).contains(&(two[1] - two[0] - spent)), "{hook:?}: {tries:?}");
        }
        assert_eq!(warnings(&world, Code::WEBHOOK_FAILED).iter().map(|(_, target)| target.as_str()).collect::<Vec<_>>(), ["health"]);
        assert_eq!((world.opens.len(), world.figure("webhooksLost")), (1, 1.0));
    }
}

#[test]
fn e6_a_webhook_that_is_back_gets_what_waited_in_order() {
    let mut world = World::new(Kind::Conversations, json!({"health": {"url": HEALTH}}));
    world.hooks.insert(HEALTH.into(), Hook::Away);
    world.start();
    world.wait_for(State::Ready, 5_000);
    world.pass(100);
    break_line(&mut world);
    world.pass(1_200);
    world.hooks.insert(HEALTH.into(), Hook::Answers(204, 5));
    let before = world.posted.len();
    world.pass(30_000);
    let statuses: Vec<_> = world.posted[before..].iter().map(|(_, _, body)| serde_json::from_str::<Value>(body).unwrap()["status"].clone()).collect();
    assert_eq!(statuses, ["connected", "reconnecting", "connected"]);
    assert_eq!((world.figure("webhooksDelivered"), world.figure("webhooksLost")), (3.0, 0.0));
}

// ---- E7

#[test]
fn e7_every_change_is_a_line_of_json_without_token_and_without_query() {
    let mut world = World::new(Kind::Conversations, json!({"filter": "queue=secret-queue"}));
    world.set(json!({"accessTokenSeconds": 300}));
    world.start();
    world.wait_for(State::Ready, 5_000);
    world.pass(300_000);
    break_line(&mut world);
    world.pass(10_000);
    world.control("POST", "/_sim/expire", json!({"what": "token", "deploymentId": DEPLOYMENT}));
    world.pass(10_000);
    world.stop();
    let lines = world.find(|event| if let Event::Audit(line) = event { Some(line.clone()) } else { None });
    assert!(lines.len() > 10);
    for (at, line) in &lines {
        let read: Value = serde_json::from_str(line).expect("JSON");
        assert!(!line.contains('\n'));
        assert_eq!((read["timestamp"].as_str(), read["stream"].as_str()), (Some(&*World::at(*at as i64)), Some("conversations")));
        assert!(read["action"].as_str().is_some_and(|action| !action.is_empty()));
        assert!(!line.contains("secret-queue") && !line.contains("session_id") && !line.contains('?'), "{line}");
        for token in tokens(&world) {
            assert!(!line.contains(&token), "{line}");
        }
    }
    let actions: Vec<String> = world.audit().iter().map(|line| line["action"].as_str().unwrap().to_string()).collect();
    let changes = actions.iter().filter(|action| ["CONNECTED", "RECONNECTING", "SCHEDULING_RECONNECT", "STOPPED"].contains(&action.as_str())).count();
    assert_eq!(changes, world.states().len(), "a line for each change of state: {actions:?}");
    for wanted in ["CONNECTING", "CONNECTED", "SCHEDULING_RECONNECT", "TOKEN_REFRESHED", "TOKEN_EXPIRING", "STOPPED"] {
        assert!(actions.iter().any(|action| action == wanted), "{wanted}: {actions:?}");
    }
    let urls: Vec<_> = world.audit().iter().filter_map(|line| line["url"].as_str().map(str::to_string)).collect();
    assert!(urls.len() >= 3 && urls.iter().all(|url| url == "ws://service/api/v2/analytics/conversations/events"), "{urls:?}");
}

#[test]
fn e7_nothing_is_written_where_nobody_wants_it() {
    let mut world = ready(json!({"audit": null}));
    world.pass(10_000);
    world.stop();
    assert_eq!(world.audit(), Vec::<Value>::new());
}

// ---- E8

#[test]
fn e8_a_frame_that_is_none_is_counted_and_skipped() {
    let mut world = ready(json!({}));
    for (at, kind) in ["text", "binary", "deep"].into_iter().enumerate() {
        world.fault(json!({"on": "frame-out", "match": {"path": PATH, "class": "CallStarted"}, "do": "garbage", "as": kind}));
        emit(&mut world, vec![event(&at.to_string(), at as i64)]);
        world.pass(1_000);
    }
    assert_eq!((ids(&world).concat().as_str(), world.figure("unreadable"), world.opens.len()), ("012", 3.0, 1));
    for frame in ["", "{", "5", "null", "true", "\"text\"", "[1]", "[null,[]]"] {
        emit_raw(&mut world, frame);
    }
    emit_raw(&mut world, &json!([event("3", 3), 7, event("4", 4)]).to_string());
    emit_raw(&mut world, "[]");
    world.pass(1_000);
    // Of a list each member that is no event counts.
    assert_eq!((ids(&world).concat().as_str(), world.figure("unreadable")), ("01234", 13.0));
}

#[test]
fn e8_one_is_shown_now_and_then_with_nothing_left_of_what_it_says() {
    let mut world = ready(json!({}));
    let secret = "{\"name\":\"Ada Lovelace\", \"mail\":\"ada@example.org\" 4711 äöü";
    for _ in 0..130 {
        emit_raw(&mut world, secret);
        world.pass(1_000);
    }
    let shown = warnings(&world, Code::FRAME_UNREADABLE);
    assert_eq!(shown.len(), 3, "at most once a minute: {shown:?}");
    assert!(shown.windows(2).all(|two| two[1].0 - two[0].0 >= 60_000));
    for (_, sample) in shown {
        assert!(sample.chars().all(|letter| letter == 'x' || letter == ' ' || letter.is_ascii_punctuation()), "{sample}");
        assert!(sample.len() <= 80);
    }
    assert_eq!(world.figure("unreadable"), 130.0);
}

#[test]
fn e8_frames_of_any_kind_do_no_harm() {
    let mut world = ready(json!({}));
    let values = ["null", "true", "0", "-1", "1e30", "9223372036854775808", "\"\"", "\"7\"", "[]", "{}", "[[[[]]]]"];
    let mut sent = 0;
    for name in ["id", "timestamp", "type", "data", "sequence", "__proto__", ""] {
        for value in values {
            sent += 1;
            emit_raw(&mut world, &format!(r#"{{"{name}":{value},"number":{sent}}}"#));
            emit_raw(&mut world, &format!(r#"{{"type":"pong","{name}":{value}}}"#));
        }
    }
    world.pass(60_000);
    emit(&mut world, vec![event("sound", 60_000)]);
    world.pass(1_000);
    assert_eq!((world.state(), world.opens.len(), world.figure("unreadable")), (State::Ready, 1, 0.0));
    assert_eq!(ids(&world).last().map(String::as_str), Some("sound"));
    // What has an empty id or none is an event of its own; the one id "7" came once.
    let numbers = world.taken.iter().filter(|item| item["event"]["number"].is_number()).count();
    assert_eq!(numbers, sent);
}

#[test]
fn e8_frames_of_a_socket_that_is_not_in_use_count_for_nothing() {
    let mut world = ready(json!({}));
    let socket = world.opens[0].1;
    world.stop();
    world.pass(60_000);
    let text = event("late", 0).to_string();
    world.input(Input::Frame(socket, Payload::Text(&text)));
    world.input(Input::Frame(socket, Payload::Binary(7)));
    world.pass(1_000);
    assert_eq!((world.taken.len(), world.figure("unreadable")), (0, 0.0));
}
