//! The platform's Notifications service as the second wire of I and P (the last paragraph of systems.md).

use crate::network::Line;
use crate::world::{EPOCH, World};
use guestwire::core::error::Code;
use guestwire::core::http::{Authorization, Method};
use guestwire::core::machine::{Input, Payload};
use guestwire::core::state::{End, State};
use guestwire::streams::Kind;
use guestwire::streams::class::Command;
use guestwire::streams::event::Event;
use serde_json::{Value, json};
use simulator::{HttpId, HttpRequest};

const CHANNELS: &str = "/api/v2/notifications/channels";

fn merged(mut base: Value, more: Value) -> Value {
    for (name, value) in more.as_object().into_iter().flatten() {
        base[name] = value.clone();
    }
    base
}

/// Interactions of the user `u1`.
fn interactions(more: Value) -> Value {
    merged(json!({"dialect": "notifications", "users": ["u1"]}), more)
}

/// The presence of the user `u1`, on the channel `c0`.
fn presence(more: Value) -> Value {
    merged(json!({"dialect": "notifications", "channels": [channel("c0", "presence", "u1")]}), more)
}

fn channel(id: &str, kind: &str, user: &str) -> Value {
    json!({"id": id, "type": kind, "config": {"userId": user}})
}

/// Both kinds, each with its options.
fn both() -> [(Kind, Value); 2] {
    [(Kind::Interactions, interactions(json!({}))), (Kind::Presence, presence(json!({})))]
}

fn emit(world: &mut World, topic: &str, body: Value) {
    world.emit("notifications", json!({"topic": topic, "body": body}));
}

/// A presence of `u1`, so many milliseconds after the beginning.
fn present(world: &mut World, ms: i64, system: &str) {
    let body =
        json!({"source": "PURECLOUD", "presenceDefinition": {"id": "p", "systemPresence": system}, "message": "", "modifiedDate": World::at(ms)});
    emit(world, "v2.users.u1.presence", body);
}

/// The conversation `i1` as it stands, where these have joined the call so many milliseconds after the beginning.
fn conversation(joined: &[(String, i64)]) -> Value {
    let participants: Vec<_> = joined
        .iter()
        .map(|(id, ms)| json!({"id": id, "purpose": "agent", "calls": [{"id": "leg", "state": "connected", "connectedTime": World::at(*ms)}]}))
        .collect();
    json!({"id": "i1", "participants": participants})
}

fn talk(world: &mut World, body: Value) {
    emit(world, "v2.users.u1.conversations", body);
}

/// A frame straight from the line, on the socket that was opened last.
fn frame(world: &mut World, text: &str) {
    let socket = world.opens.last().expect("a socket").1;
    world.input(Input::Frame(socket, Payload::Text(text)));
}

fn reads(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// Requests to the service's own addresses: when, the method and the path.
fn requests(world: &World) -> Vec<(u64, &'static str, String)> {
    let path = |url: &str| url.strip_prefix("http://service").unwrap_or(url).to_string();
    let ours = world.asked.iter().filter(|(_, request)| request.url.contains(CHANNELS));
    ours.map(|(at, request)| (*at, request.method.name(), path(&request.url))).collect()
}

fn methods(world: &World) -> Vec<&'static str> {
    requests(world).into_iter().map(|(_, method, _)| method).collect()
}

/// When channels were made.
fn made(world: &World) -> Vec<u64> {
    requests(world).into_iter().filter(|(_, method, _)| *method == "POST").map(|(at, ..)| at).collect()
}

/// When topics were set.
fn set(world: &World) -> Vec<u64> {
    requests(world).into_iter().filter(|(_, method, _)| *method == "PUT").map(|(at, ..)| at).collect()
}

/// The topics of each socket that the service holds, sorted.
fn held(world: &mut World) -> Vec<Vec<String>> {
    let sockets = world.subscriptions();
    let topics = |socket: &Value| socket["topics"].as_array().unwrap().iter().map(|topic| topic.as_str().unwrap().to_string()).collect();
    let mut held: Vec<Vec<String>> = sockets.iter().map(topics).collect();
    held.sort();
    held
}

fn errors(world: &World) -> Vec<(Code, String)> {
    world
        .find(|event| if let Event::Error(code, detail) = event { Some((*code, detail.clone())) } else { None })
        .into_iter()
        .map(|(_, it)| it)
        .collect()
}

fn readies(world: &World) -> usize {
    world.states().iter().filter(|(_, state)| *state == State::Ready).count()
}

fn presences(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["update"]["payload"]["presence"].as_str().unwrap_or_default()).collect()
}

fn participants(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["participant"].as_str().unwrap_or_default()).collect()
}

/// So many other clients of the same deployment make a channel each: the oldest of more than twenty is closed.
fn crowd(world: &mut World, others: u64) {
    let bearer = world.asked.iter().rev().find_map(|(_, request)| match &request.authorization {
        Some(Authorization::Bearer(token)) => Some(format!("Bearer {}", token.expose())),
        _ => None,
    });
    for number in 0..others {
        let headers = vec![("authorization".to_string(), bearer.clone().expect("a token"))];
        let request = HttpRequest { method: "POST".into(), target: CHANNELS.into(), headers, body: b"{}".to_vec() };
        world.service.handle_http(EPOCH + world.now, HttpId(1_000_000 + number), request);
    }
    // What comes of it is carried on.
    world.subscriptions();
}

// ---- the channel

#[test]
fn a_channel_is_made_its_topics_are_set_and_then_its_socket_is_opened() {
    for (kind, options) in both() {
        let mut world = World::ready(kind, options);
        let requests = requests(&world);
        assert_eq!(requests.len(), 2);
        assert_eq!((requests[0].1, requests[0].2.as_str()), ("POST", CHANNELS));
        let url = world.opens[0].2.clone();
        let id = url.strip_prefix("ws://service/channels/").expect("the address that the service gave").to_string();
        assert_eq!((requests[1].1, requests[1].2.clone()), ("PUT", format!("{CHANNELS}/{id}/subscriptions")));
        let ours: Vec<_> = world.asked.iter().filter(|(_, request)| request.url.contains(CHANNELS)).collect();
        assert!(ours.iter().all(|(_, request)| matches!(request.authorization, Some(Authorization::Bearer(_)))));
        assert!(ours.iter().all(|(_, request)| request.body.as_ref().is_some_and(|body| body.kind == "application/json")));
        assert_eq!(ours[0].1.method, Method::Post);
        // One after another, 40 ms each.
        assert_eq!((requests[1].0 - requests[0].0, world.opens[0].0 - requests[1].0), (40, 40));
        assert!(world.sent.is_empty(), "nothing is said over the socket");
        assert_eq!(world.subscriptions().len(), 1);
    }
}

#[test]
fn interactions_are_the_conversations_of_users_and_queues() {
    let mut world = World::ready(Kind::Interactions, interactions(json!({"users": ["u1", "u2", "u1"], "queues": ["q-1"]})));
    assert_eq!(held(&mut world), [["v2.routing.queues.q-1.conversations", "v2.users.u1.conversations", "v2.users.u2.conversations"]]);
}

#[test]
fn presence_channels_are_topics_of_their_users() {
    let channels =
        json!([channel("a", "presence", "u1"), channel("b", "routing", "u1"), channel("c", "message", "u2"), channel("d", "presence", "u1")]);
    let mut world = World::ready(Kind::Presence, presence(json!({"channels": channels})));
    assert_eq!(held(&mut world), [["v2.users.u1.presence", "v2.users.u1.routingStatus", "v2.users.u2.conversations"]]);
}

#[test]
fn what_has_no_topic_is_refused() {
    for (kind, options, field) in [
        (Kind::Interactions, json!({"dialect": "notifications"}), "users"),
        (Kind::Interactions, json!({"dialect": "notifications", "users": []}), "users"),
        (Kind::Interactions, interactions(json!({"users": "u1"})), "users"),
        (Kind::Interactions, interactions(json!({"users": ["a/b"]})), "users"),
        (Kind::Interactions, interactions(json!({"queues": [7]})), "queues"),
        (Kind::Presence, presence(json!({"channels": [{"id": "all", "type": "presence"}]})), "channels"),
        (Kind::Presence, presence(json!({"channels": [channel("c", "presence", "a b")]})), "channels"),
    ] {
        let refusal = World::try_new(kind, options.clone()).err().unwrap_or_else(|| panic!("taken: {options}"));
        assert_eq!((refusal.code, refusal.field), (Code::INVALID_OPTION, Some(field)), "{options}");
    }
}

#[test]
fn a_channel_has_a_thousand_topics_and_more_take_more_channels() {
    let users = |count: usize| -> Value { (0..count).map(|n| format!("u{n}")).collect() };
    for (count, channels) in [(1_000, 1), (1_001, 2), (2_500, 3)] {
        let mut world = World::ready(Kind::Interactions, interactions(json!({"users": users(count)})));
        assert_eq!((made(&world).len(), world.opens.len()), (channels, channels), "{count}");
        let held = held(&mut world);
        assert_eq!(held.iter().map(Vec::len).sum::<usize>(), count);
        assert!(held.iter().all(|topics| topics.len() <= 1_000));
    }
    let refusal = World::try_new(Kind::Interactions, interactions(json!({"users": users(5_001)}))).err().expect("refused");
    assert_eq!(refusal.code, Code::TOO_MANY_CHANNELS);
    let many: Value = (0..1_200).map(|n| channel(&format!("c{n}"), "presence", &format!("u{n}"))).collect();
    let mut world = World::ready(Kind::Presence, presence(json!({"channels": many})));
    assert_eq!(world.opens.len(), 2);
    for user in ["u0", "u1199"] {
        let body = json!({"presenceDefinition": {"systemPresence": "BUSY"}, "modifiedDate": World::at(0)});
        emit(&mut world, &format!("v2.users.{user}.presence"), body);
    }
    world.pass(1_000);
    assert_eq!(presences(&world.taken), ["busy", "busy"]);
    let refusal = World::try_new(Kind::Presence, presence(json!({"maxConnections": 1, "channels": many}))).err().expect("refused");
    assert_eq!(refusal.code, Code::TOO_MANY_CHANNELS);
}

// ---- what comes

#[test]
fn a_conversation_tells_who_joined_and_left_and_each_once() {
    let mut world = World::ready(Kind::Interactions, interactions(json!({})));
    let leg = |from: i64| json!({"id": "l", "state": "connected", "connectedTime": World::at(from)});
    let mut first = json!({"id": "i1", "participants": [{"id": "ann", "purpose": "customer", "calls": [leg(0)]}]});
    talk(&mut world, first.clone());
    first["participants"][0]["calls"][0] =
        json!({"id": "l", "state": "disconnected", "connectedTime": World::at(0), "disconnectedTime": World::at(9_000), "disconnectType": "client"});
    let bob = json!({"id": "bob", "purpose": "agent", "chats": [leg(1_000)], "videos": [leg(2_000)], "messages": [leg(3_000)]});
    first["participants"].as_array_mut().unwrap().push(bob);
    talk(&mut world, first);
    world.pass(100);
    let event = |ms: i64, kind: &str, participant: &str, channel: &str| json!({"timestamp": World::at(ms), "type": kind, "participant": participant, "interaction": "i1", "channel": channel});
    let mut left = event(9_000, "ParticipantLeft", "ann", "voice");
    left["reason"] = "client".into();
    let expected = [
        event(0, "ParticipantJoined", "ann", "voice"),
        left,
        event(1_000, "ParticipantJoined", "bob", "chat"),
        event(2_000, "ParticipantJoined", "bob", "video"),
        event(3_000, "ParticipantJoined", "bob", "sms"),
    ];
    assert_eq!(world.taken, expected);
    let timeline = world.timeline("i1");
    assert_eq!(timeline["participants"][0]["intervals"], json!([{"joined": World::at(0), "left": World::at(9_000), "reason": "client"}]));
    assert_eq!(timeline["participants"][1]["present"], true);
}

#[test]
fn a_filter_holds_on_this_wire_too() {
    let mut world = World::ready(Kind::Interactions, interactions(json!({"interaction": "i1", "channels": ["voice", "chat"]})));
    let participants = |id: &str| json!([{"id": id, "calls": [{"connectedTime": World::at(0)}], "videos": [{"connectedTime": World::at(1)}]}]);
    talk(&mut world, json!({"id": "i1", "participants": participants("meant")}));
    talk(&mut world, json!({"id": "i2", "participants": participants("other")}));
    world.pass(100);
    assert_eq!(
        world.taken.iter().map(|event| (event["participant"].as_str().unwrap(), event["channel"].as_str().unwrap())).collect::<Vec<_>>(),
        [("meant", "voice")]
    );
    // Another filter, of the same users.
    world.command(Command::Subscribe(r#"{"interaction":"i2","channels":[]}"#)).unwrap();
    talk(&mut world, json!({"id": "i2", "participants": participants("other")}));
    world.pass(100);
    assert_eq!(self::participants(&world.taken[1..]), ["other", "other"]);
    assert_eq!(set(&world).len(), 1, "the topics are the same");
}

#[test]
fn presences_are_named_as_on_the_other_wire() {
    let mut world = World::ready(Kind::Presence, presence(json!({})));
    let pairs = [
        ("AVAILABLE", "online"),
        ("ON_QUEUE", "online"),
        ("OFFLINE", "offline"),
        ("BUSY", "busy"),
        ("AWAY", "away"),
        ("IDLE", "away"),
        ("BREAK", "away"),
        ("MEETING", "meeting"),
        ("MEAL", "lunch"),
        ("TRAINING", "training"),
        ("SOMETHING_NEW", "other"),
    ];
    for (number, (system, _)) in pairs.iter().enumerate() {
        present(&mut world, number as i64, system);
    }
    world.pass(1_000);
    assert_eq!(presences(&world.taken), pairs.map(|(_, name)| name));
    let first = &world.taken[0]["update"];
    assert_eq!((&first["type"], &first["channelId"], &first["timestamp"]), (&json!("presence"), &json!("c0"), &json!(World::at(0))));
    assert_eq!(first["payload"]["userId"], "u1");
    assert_eq!(first["payload"]["body"]["presenceDefinition"]["systemPresence"], "AVAILABLE");
}

#[test]
fn each_channel_gets_the_presences_that_it_is_for() {
    let of = |id: &str, types: Value| json!({"id": id, "type": "presence", "config": {"userId": "u1", "presenceTypes": types}});
    let channels = json!([of("busy", json!(["busy", "meeting"])), of("all", json!([])), channel("other", "presence", "u2")]);
    let mut world = World::ready(Kind::Presence, presence(json!({"channels": channels})));
    present(&mut world, 0, "BUSY");
    present(&mut world, 1, "AVAILABLE");
    world.pass(1_000);
    let came: Vec<_> = world
        .taken
        .iter()
        .map(|item| (item["update"]["channelId"].as_str().unwrap(), item["update"]["payload"]["presence"].as_str().unwrap()))
        .collect();
    assert_eq!(came, [("busy", "busy"), ("all", "busy"), ("all", "online")]);
}

#[test]
fn routing_and_messages_come_with_their_bodies() {
    let channels = json!([channel("r", "routing", "u1"), channel("m", "message", "u1")]);
    let mut world = World::ready(Kind::Presence, presence(json!({"channels": channels})));
    let status = json!({"routingStatus": {"userId": "u1", "status": "INTERACTING", "startTime": World::at(50)}});
    emit(&mut world, "v2.users.u1.routingStatus", status.clone());
    let chat = conversation(&[("ann".into(), 0)]);
    talk(&mut world, chat.clone());
    world.pass(1_000);
    assert_eq!(world.taken.len(), 2);
    let update = |channel: &str| world.taken.iter().map(|item| &item["update"]).find(|update| update["channelId"] == channel).unwrap();
    assert_eq!((&update("r")["timestamp"], &update("r")["payload"]["body"]), (&json!(World::at(50)), &status));
    assert_eq!((&update("m")["type"], &update("m")["payload"]["body"]), (&json!("message"), &chat));
}

#[test]
fn the_same_state_again_without_a_time_of_its_own_is_told_again() {
    let mut world = World::ready(Kind::Presence, presence(json!({"channels": [channel("r", "routing", "u1")]})));
    for status in ["IDLE", "INTERACTING", "IDLE"] {
        emit(&mut world, "v2.users.u1.routingStatus", json!({"routingStatus": {"userId": "u1", "status": status}}));
        world.pass(1_000);
    }
    let came: Vec<_> = world.taken.iter().map(|item| item["update"]["payload"]["body"]["routingStatus"]["status"].as_str().unwrap()).collect();
    assert_eq!(came, ["IDLE", "INTERACTING", "IDLE"]);
}

// ---- liveness

#[test]
fn a_ping_is_answered_and_heartbeats_are_no_events() {
    for (kind, options) in both() {
        let mut world = World::ready(kind, options);
        world.pass(125_000);
        let pings: Vec<_> = world.sent.iter().map(|(_, _, text)| reads(text)).collect();
        assert_eq!(pings, vec![json!({"message": "ping"}); 4], "every 30 s");
        assert_eq!((world.figure("rttMs"), world.figure("unreadable"), world.figure("events")), (40.0, 0.0, 0.0));
        assert_eq!(world.figure("frames"), 8.0, "four answers and four heartbeats");
        assert!(world.taken.is_empty());
        assert_eq!((world.state(), world.opens.len()), (State::Ready, 1));
    }
}

#[test]
fn a_line_that_does_not_answer_is_replaced_on_the_same_channel() {
    for (kind, options) in both() {
        let mut world = World::ready(kind, options);
        world.pass(31_000);
        world.network.strand();
        world.wait("the loss", 45_000, |world| world.state() != State::Ready);
        world.wait_for(State::Ready, 3_000);
        assert_eq!((made(&world).len(), world.opens.len()), (1, 2));
        assert_eq!(world.opens[0].2, world.opens[1].2);
    }
}

// ---- a drain

#[test]
fn a_drain_is_no_gap() {
    for (kind, options) in both() {
        for wait in [json!(60_000), json!(2_000)] {
            let mut world = World::ready(kind, options.clone());
            world.pass(5_000);
            let mut joined = Vec::new();
            for number in 0..700 {
                if number == 20 {
                    world.emit("notifications", json!({"do": "drain", "inMs": wait}));
                }
                let now = world.now as i64;
                if kind == Kind::Interactions {
                    joined.push((format!("p{number}"), now));
                    let from = joined.len().saturating_sub(3);
                    talk(&mut world, conversation(&joined[from..]));
                } else {
                    present(&mut world, now, "BUSY");
                }
                world.pass(100);
            }
            world.pass(1_000);
            assert_eq!(world.taken.len(), 700, "{wait}");
            assert_eq!((readies(&world), world.opens.len(), made(&world).len()), (1, 2, 1), "{wait}: {:?}", world.states());
            assert_eq!(world.opens[0].2, world.opens[1].2, "the second socket stands on the same channel");
            assert_eq!(world.subscriptions().len(), 1, "and the first is closed");
            assert_eq!(world.figure("losses"), 0.0);
        }
    }
}

#[test]
fn a_second_socket_that_does_not_come_up_before_a_drain_is_tried_again() {
    for fault in [json!({"do": "refuse", "status": 503}), json!({"do": "blackhole"}), json!({"do": "drop"})] {
        let mut world = World::ready(Kind::Presence, presence(json!({})));
        world.fault(merged(json!({"on": "connect", "match": {"path": "/channels/"}, "count": 2}), fault.clone()));
        world.emit("notifications", json!({"do": "drain"}));
        for number in 0..80 {
            present(&mut world, number * 1_000, "BUSY");
            world.pass(1_000);
        }
        world.pass(1_000);
        assert_eq!(world.taken.len(), 80, "{fault}");
        assert_eq!((readies(&world), world.opens.len()), (1, 4), "{fault}");
    }
}

#[test]
fn what_bears_no_time_comes_once_though_two_sockets_bring_it() {
    let mut world = World::ready(Kind::Presence, presence(json!({"channels": [channel("m", "message", "u1")], "reorderMs": 0})));
    // Both sockets stand from 40 to 80 ms after the notice. One copy of the first body that goes over both is 5 ms late.
    world.fault(json!({"on": "frame-out", "match": {"class": "v2.users.u1.conversations"}, "nth": 6, "do": "delay", "ms": 5}));
    world.emit("notifications", json!({"do": "drain"}));
    let mut expected = Vec::new();
    for number in 0..40 {
        let body = conversation(&[(format!("p{number}"), 0)]);
        talk(&mut world, body.clone());
        expected.push(body);
        world.pass(10);
    }
    world.pass(1_000);
    let bodies: Vec<_> = world.taken.iter().map(|item| item["update"]["payload"]["body"].clone()).collect();
    assert_eq!(bodies, expected);
    assert!(world.figure("duplicates") > 0.0, "both brought some");
}

// ---- a channel that is gone

#[test]
fn a_channel_that_is_gone_is_made_anew() {
    for (kind, options) in both() {
        let mut world = World::ready(kind, options);
        world.pass(15_000);
        crowd(&mut world, 20);
        world.wait("the loss", 1_000, |world| world.state() != State::Ready);
        let lost = world.now;
        world.wait_for(State::Ready, 10_000);
        assert_eq!(methods(&world), ["POST", "PUT", "PUT", "POST", "PUT"], "the old one is asked for, then another made");
        assert_ne!(world.opens.last().unwrap().2, world.opens[0].2);
        assert!(world.now - lost < 1_500, "at once: {}", world.now - lost);
        let held = held(&mut world);
        assert_eq!((held.len(), held[0].len()), (1, 1));
        if kind == Kind::Presence {
            present(&mut world, 0, "BUSY");
            world.pass(1_000);
            assert_eq!(presences(&world.taken), ["busy"]);
        }
    }
}

#[test]
fn a_channel_lives_for_a_day_and_the_next_takes_its_place() {
    let mut world = World::ready(Kind::Presence, presence(json!({"metricsEveryMs": 3_600_000})));
    world.pass(86_400_000 + 10_000);
    assert_eq!((world.state(), made(&world).len()), (State::Ready, 2));
    present(&mut world, 0, "BUSY");
    world.pass(1_000);
    assert_eq!(presences(&world.taken), ["busy"]);
}

#[test]
fn a_channel_that_is_never_known_is_not_made_over_and_over_at_once() {
    let mut world = World::new(Kind::Presence, presence(json!({})));
    world.fault(json!({"on": "http", "match": {"path": "/subscriptions"}, "count": 0, "do": "status", "status": 404}));
    world.start();
    world.pass(60_000);
    let made = made(&world);
    assert!((3..=8).contains(&made.len()), "{made:?}");
    assert!(made.windows(2).all(|pair| pair[1] - pair[0] >= 1_000), "{made:?}");
    world.lift_faults();
    world.wait_for(State::Ready, 60_000);
}

#[test]
fn sockets_that_do_not_open_use_up_no_channels() {
    let mut world = World::new(Kind::Presence, presence(json!({})));
    world.fault(json!({"on": "connect", "match": {"path": "/channels/"}, "count": 6, "do": "refuse", "status": 503}));
    world.start();
    world.wait_for(State::Ready, 300_000);
    assert_eq!((made(&world).len(), world.opens.len()), (1, 7));
}

// ---- refusals

#[test]
fn a_401_replaces_the_token() {
    for path in [CHANNELS, "/subscriptions"] {
        for (kind, options) in both() {
            let mut world = World::new(kind, options);
            world.fault(json!({"on": "http", "match": {"path": path}, "do": "status", "status": 401}));
            world.start();
            world.wait_for(State::Ready, 30_000);
            let tokens = world.asked.iter().filter(|(_, request)| request.url.contains("/demo-backend/token")).count();
            assert_eq!((tokens, made(&world).len() + set(&world).len()), (2, 3), "{path}");
        }
    }
    let mut world = World::new(Kind::Presence, presence(json!({})));
    world.fault(json!({"on": "http", "match": {"path": CHANNELS}, "count": 0, "do": "status", "status": 401}));
    let ticket = world.start();
    world.wait_for(State::AuthRequired, 60_000);
    assert_eq!((world.done(ticket), made(&world).len()), (Some(Some(Code::AUTH_REQUIRED)), 3));
}

#[test]
fn a_token_that_is_refused_to_all_channels_is_one_refused_token() {
    let users: Vec<_> = (0..4_001).map(|n| format!("u{n}")).collect();
    let mut world = World::new(Kind::Interactions, interactions(json!({ "users": users })));
    world.fault(json!({"on": "http", "match": {"path": CHANNELS}, "count": 5, "do": "status", "status": 401}));
    world.start();
    world.wait_for(State::Ready, 30_000);
    let tokens = world.asked.iter().filter(|(_, request)| request.url.contains("/demo-backend/token")).count();
    assert_eq!((tokens, made(&world).len()), (2, 10));
    assert!(world.states().iter().all(|(_, state)| *state != State::AuthRequired));
}

#[test]
fn the_audit_log_names_no_channel() {
    for (kind, options) in both() {
        let world = World::ready(kind, options);
        let id = world.opens[0].2.rsplit('/').next().expect("an id").to_string();
        assert_eq!(world.audit().iter().find(|line| line["action"] == "CONNECTING").unwrap()["url"], "ws://service/");
        assert!(world.audit().iter().all(|line| !line.to_string().contains(&id)));
    }
}

#[test]
fn a_429_is_waited_out_as_told() {
    for (path, what) in [(CHANNELS, made as fn(&World) -> Vec<u64>), ("/subscriptions", set)] {
        let mut world = World::new(Kind::Interactions, interactions(json!({})));
        world.fault(json!({"on": "http", "match": {"path": path}, "do": "status", "status": 429, "retryAfter": 7}));
        world.start();
        world.wait_for(State::Ready, 60_000);
        let times = what(&world);
        assert_eq!(times.len(), 2, "{path}");
        assert!(times[1] - times[0] >= 7_040, "{path}: {times:?}");
        assert_eq!(made(&world).len() + set(&world).len(), 3, "what was done is not done again: {path}");
    }
}

#[test]
fn a_403_ends_it() {
    for (kind, options) in both() {
        let token = json!({"url": "http://service/demo-backend/token?deploymentId=refused-1"});
        let mut world = World::new(kind, merged(options, json!({ "token": token })));
        world.start();
        world.wait_for(State::Ended { reason: End::NotAllowed }, 5_000);
        assert_eq!(errors(&world)[0].0, Code::SUBSCRIPTION_REFUSED);
    }
}

#[test]
fn an_answer_that_is_none_is_asked_for_again() {
    for fault in [
        json!({"do": "reply", "frame": {}}),
        json!({"do": "reply", "frame": {"id": "x", "connectUri": "javascript:alert(1)"}}),
        json!({"do": "reply", "frame": {"id": 7, "connectUri": 7}}),
        json!({"do": "reply", "frame": "hello"}),
        json!({"do": "garbage", "as": "deep"}),
        json!({"do": "status", "status": 500}),
        json!({"do": "lose"}),
        json!({"do": "drop"}),
        json!({"do": "blackhole"}),
    ] {
        let mut world = World::new(Kind::Presence, presence(json!({})));
        world.fault(merged(json!({"on": "http", "match": {"path": CHANNELS}}), fault.clone()));
        world.start();
        world.wait("ready", 60_000, |world| world.state() == State::Ready);
        assert_eq!(world.opens.len(), 1, "{fault}");
        assert!(world.opens[0].2.starts_with("ws://service/channels/"));
    }
}

// ---- other topics at run time

#[test]
fn other_topics_are_set_while_the_socket_stands() {
    let mut world = World::ready(Kind::Interactions, interactions(json!({})));
    world.command(Command::Subscribe(r#"{"users":["u2","u3"]}"#)).unwrap();
    world.pass(100);
    assert_eq!(held(&mut world), [["v2.users.u2.conversations", "v2.users.u3.conversations"]]);
    assert_eq!((world.opens.len(), readies(&world)), (1, 1));
    let many: Vec<_> = (0..1_001).map(|n| format!("u{n}")).collect();
    world.command(Command::Subscribe(&json!({ "users": many }).to_string())).unwrap();
    world.pass(5_000);
    assert_eq!((world.state(), held(&mut world).len()), (State::Ready, 2));
    world.command(Command::Subscribe(r#"{"queues":["q1"]}"#)).unwrap();
    world.pass(5_000);
    assert_eq!(held(&mut world), [["v2.routing.queues.q1.conversations"]]);
    assert_eq!(world.figure("losses"), 0.0);

    let mut world = World::ready(Kind::Presence, presence(json!({})));
    world.command(Command::Subscribe(&json!([channel("n", "presence", "u2")]).to_string())).unwrap();
    world.pass(100);
    assert_eq!(held(&mut world), [["v2.users.u2.presence"]]);
}

#[test]
fn other_topics_are_not_forgotten_whatever_is_under_way() {
    for step in [10, 50, 70, 90, 110, 130, 150, 170] {
        let mut world = World::new(Kind::Interactions, interactions(json!({})));
        world.start();
        world.pass(step);
        world.command(Command::Subscribe(r#"{"users":["u2"]}"#)).unwrap();
        world.pass(5_000);
        assert_eq!((held(&mut world), world.state()), (vec![vec!["v2.users.u2.conversations".to_string()]], State::Ready), "after {step} ms");
        assert_eq!((made(&world).len(), world.opens.len()), (1, 1), "after {step} ms");
    }
}

#[test]
fn topics_that_could_not_be_set_are_set_again_and_the_socket_goes_on() {
    for (fault, least) in [
        (json!({"do": "status", "status": 429, "retryAfter": 7}), 7_000),
        (json!({"do": "status", "status": 503}), 1_000),
        (json!({"do": "status", "status": 401}), 0),
        (json!({"do": "drop"}), 1_000),
        (json!({"do": "blackhole"}), 10_000),
    ] {
        for (kind, options) in both() {
            let mut world = World::ready(kind, options);
            world.fault(merged(json!({"on": "http", "match": {"path": "/subscriptions"}}), fault.clone()));
            let other = if kind == Kind::Interactions { json!({"users": ["u2"]}) } else { json!([channel("c0", "presence", "u2")]) };
            world.command(Command::Subscribe(&other.to_string())).unwrap();
            world.pass(30_000);
            let set = set(&world);
            assert_eq!(set.len(), 3, "{fault}");
            assert!(set[2] - set[1] >= least, "{fault}: {set:?}");
            assert!(held(&mut world)[0][0].contains("u2"), "{fault}");
            // A socket stands on the token that it was opened with, so that another token brings a second one, without a gap.
            let sockets = if fault["status"] == 401 { 2 } else { 1 };
            assert_eq!((world.opens.len(), readies(&world)), (sockets, 1), "{fault}");
        }
    }
}

/// Others are asked for, and refused: those before are in force again, for the service and for the page.
fn assert_those_before_stay(kind: Kind, world: &mut World, before: &[Vec<String>], of: &str) {
    assert_eq!(errors(world).iter().map(|(code, _)| *code).collect::<Vec<_>>(), [Code::SUBSCRIPTION_REFUSED], "{of}");
    assert_eq!((world.state(), &*held(world)), (State::Ready, before), "{of}");
    world.network.reset(world.now);
    world.pass(1);
    world.wait_for(State::Ready, 10_000);
    assert_eq!(held(world), before, "{of}: and after a loss");
    if kind == Kind::Interactions {
        talk(world, conversation(&[("p1".into(), 0)]));
    } else {
        present(world, 0, "AVAILABLE");
    }
    world.pass(1_000);
    assert_eq!(world.taken.len(), 1, "{of}");
    assert_eq!(errors(world).len(), 1, "{of}");
}

/// Others than `u1`, of another kind of channel.
fn others(kind: Kind, count: usize) -> String {
    let users = (1..=count).map(|n| format!("other{n}"));
    if kind == Kind::Interactions {
        json!({"channels": ["chat"], "users": users.collect::<Vec<_>>()}).to_string()
    } else {
        users.map(|user| channel(&user, "presence", &user)).collect::<Value>().to_string()
    }
}

#[test]
fn other_topics_that_the_service_refuses_leave_those_before() {
    for (kind, options) in both() {
        for (status, count) in [(400, 1), (403, 1), (403, 1_500)] {
            let mut world = World::ready(kind, options.clone());
            let before = held(&mut world);
            let of = format!("{kind:?} {status} {count}");
            world.fault(json!({"on": "http", "match": {"path": "/subscriptions"}, "do": "status", "status": status}));
            world.command(Command::Subscribe(&others(kind, count))).unwrap();
            world.pass(5_000);
            assert_those_before_stay(kind, &mut world, &before, &of);
            // What is granted stays, whatever is refused after it.
            world.command(Command::Subscribe(&others(kind, 2))).unwrap();
            world.pass(5_000);
            let granted = held(&mut world);
            assert_ne!(granted, before);
            world.fault(json!({"on": "http", "match": {"path": "/subscriptions"}, "do": "status", "status": status}));
            world.command(Command::Subscribe(&others(kind, 1))).unwrap();
            world.pass(5_000);
            assert_eq!((world.state(), held(&mut world)), (State::Ready, granted), "{of}");
        }
    }
}

#[test]
fn other_topics_that_the_service_refuses_after_a_loss_leave_those_before() {
    for (kind, options) in both() {
        let mut world = World::ready(kind, options);
        let before = held(&mut world);
        world.fault(json!({"on": "http", "match": {"path": "/subscriptions"}, "do": "blackhole"}));
        world.command(Command::Subscribe(&others(kind, 1))).unwrap();
        world.pass(100);
        world.network.reset(world.now);
        world.fault(json!({"on": "http", "match": {"path": "/subscriptions"}, "do": "status", "status": 403}));
        world.pass(30_000);
        assert_those_before_stay(kind, &mut world, &before, &format!("{kind:?}"));
    }
}

#[test]
fn topics_of_a_channel_that_is_gone_make_another() {
    let mut world = World::ready(Kind::Presence, presence(json!({})));
    world.fault(json!({"on": "http", "match": {"path": "/subscriptions"}, "do": "status", "status": 404}));
    world.command(Command::Subscribe(&json!([channel("c0", "presence", "u2")]).to_string())).unwrap();
    world.wait("another channel", 5_000, |world| made(world).len() == 2 && world.state() == State::Ready);
    assert_eq!(held(&mut world), [["v2.users.u2.presence"]]);
}

// ---- stopping

#[test]
fn stopped_nothing_is_asked_for_any_more() {
    for (kind, options) in both() {
        for step in [10, 50, 90, 130] {
            let mut world = World::new(kind, options.clone());
            world.start();
            world.pass(step);
            world.stop();
            let asked = world.asked.len();
            world.pass(120_000);
            assert_eq!((world.asked.len(), world.opens.len() <= 1), (asked, true), "after {step} ms");
            assert!(world.subscriptions().is_empty());
            world.start();
            world.wait_for(State::Ready, 5_000);
        }
    }
}

// ---- every fault

#[test]
fn no_fault_loses_what_a_conversation_tells_and_none_doubles_it() {
    let events = json!({"path": "/channels/", "class": "v2.users.u1.conversations"});
    let drop = json!({"on": "frame-out", "match": events, "nth": 20, "do": "drop"});
    let faults = [
        drop.clone(),
        json!({"on": "frame-out", "match": events, "nth": 20, "do": "drop", "after": true}),
        json!({"on": "frame-out", "match": events, "nth": 20, "do": "close", "code": 1001}),
        json!({"on": "frame-out", "match": events, "nth": 20, "do": "close", "code": 1000}),
        json!({"on": "frame-out", "match": events, "nth": 20, "do": "close", "code": 1011, "after": true}),
        json!({"on": "frame-out", "match": events, "nth": 20, "do": "stall", "ms": 60_000}),
        json!({"on": "frame-out", "match": events, "nth": 20, "do": "stall", "ms": 5_000}),
        json!({"on": "frame-in", "match": {"path": "/channels/", "action": "ping"}, "do": "stall", "direction": "up", "ms": 60_000}),
        json!({"on": "frame-out", "match": events, "nth": 20, "count": 5, "do": "duplicate"}),
        json!({"on": "frame-out", "match": events, "nth": 20, "do": "reorder", "window": 4}),
        json!({"on": "frame-out", "match": events, "nth": 20, "count": 5, "do": "delay", "ms": 3_000}),
        json!({"on": "frame-out", "match": events, "nth": 20, "count": 5, "do": "lose"}),
        json!({"on": "frame-out", "match": events, "nth": 20, "count": 3, "do": "garbage", "as": "text"}),
        json!({"on": "frame-out", "match": events, "nth": 20, "count": 3, "do": "garbage", "as": "binary"}),
        json!({"on": "frame-out", "match": {"path": "/channels/", "class": "channel.metadata"}, "nth": 3, "count": 2, "do": "lose"}),
        json!([drop, {"on": "connect", "match": {"path": "/channels/"}, "count": 2, "do": "refuse", "status": 503}]),
        json!([drop, {"on": "connect", "match": {"path": "/channels/"}, "do": "blackhole"}]),
        json!([drop, {"on": "connect", "match": {"path": "/channels/"}, "do": "accept-then-close", "code": 1013}]),
        json!([drop, {"on": "http", "match": {"path": "/subscriptions"}, "count": 2, "do": "status", "status": 503}]),
        json!([drop, {"on": "http", "match": {"path": "/subscriptions"}, "do": "blackhole"}]),
        json!([drop, {"on": "http", "match": {"path": "/subscriptions"}, "do": "status", "status": 404}]),
    ];
    for fault in faults {
        let mut world = World::ready(Kind::Interactions, interactions(json!({})));
        world.fault(fault.clone());
        let mut joined = Vec::new();
        for number in 0..120 {
            joined.push((format!("p{number:03}"), world.now as i64));
            talk(&mut world, conversation(&joined));
            world.pass(500);
        }
        world.lift_faults();
        world.wait("at rest", 90_000, |world| world.state() == State::Ready);
        joined.push(("last".to_string(), world.now as i64));
        talk(&mut world, conversation(&joined));
        world.pass(5_000);
        let mut came = participants(&world.taken);
        came.sort();
        let mut all: Vec<_> = joined.iter().map(|(id, _)| id.as_str()).collect();
        all.sort();
        assert_eq!(came, all, "{fault}");
        let timeline = world.timeline("i1");
        let order: Vec<_> = timeline["entries"].as_array().unwrap().iter().map(|entry| entry["participant"].as_str().unwrap()).collect();
        assert_eq!(order, joined.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), "{fault}");
        assert_eq!(held(&mut world), [["v2.users.u1.conversations"]], "{fault}");
    }
}

#[test]
fn a_network_that_is_away_for_a_while_is_waited_out() {
    for (kind, options) in both() {
        let options = merged(options, json!({"attempts": 0}));
        let mut world = World::ready(kind, options);
        world.network.line = Line::Offline;
        world.network.reset(world.now);
        world.pass(300_000);
        world.network.line = Line::Works;
        world.wait_for(State::Ready, 40_000);
        assert_eq!(made(&world).len(), 1, "the channel is there still");
    }
}

// ---- what is hostile

#[test]
fn hostile_frames_harm_nothing() {
    for (kind, options) in both() {
        let mut world = World::ready(kind, options);
        for text in [
            "null",
            "7",
            "[]",
            "{}",
            "{",
            "",
            r#"{"topicName":7,"eventBody":7}"#,
            r#"{"topicName":"v2.users.u1.presence"}"#,
            r#"{"topicName":"v2.users.u1.presence","eventBody":null}"#,
            r#"{"topicName":"v2.users.u1.presence","eventBody":7}"#,
            r#"{"topicName":"v2.users.u1.presence","eventBody":{"presenceDefinition":7,"modifiedDate":7}}"#,
            r#"{"topicName":"v2.users.u1.presence","eventBody":{"presenceDefinition":{"systemPresence":{}},"modifiedDate":"soon"}}"#,
            r#"{"topicName":"v2.users.u1.presence","eventBody":{"presenceDefinition":{"systemPresence":"BUSY"},"modifiedDate":"0000-01-01T00:00:00Z"}}"#,
            r#"{"topicName":"v2.users.u1.conversations","eventBody":[]}"#,
            r#"{"topicName":"v2.users.u1.conversations","eventBody":{"id":7,"participants":7}}"#,
            r#"{"topicName":"v2.users.u1.conversations","eventBody":{"participants":[null,7,"x",[],{}]}}"#,
            r#"{"topicName":"v2.users.u1.conversations","eventBody":{"id":"i","participants":[{"id":{},"calls":{},"chats":[7,null,{}],"videos":[{"connectedTime":7}]}]}}"#,
            r#"{"topicName":"v2.users.u1.conversations","eventBody":{"id":"i","participants":[{"calls":[{"connectedTime":"later","disconnectedTime":"","disconnectType":7}]}]}}"#,
            r#"{"topicName":"","eventBody":{}}"#,
            r#"{"topicName":"v2.","eventBody":{}}"#,
            r#"{"topicName":"....","eventBody":{}}"#,
            r#"{"topicName":"v2.users.someone-else.presence","eventBody":{"presenceDefinition":{"systemPresence":"BUSY"}}}"#,
            r#"{"topicName":"channel.metadata","eventBody":7}"#,
            r#"{"topicName":"channel.metadata","eventBody":{"message":"pong"}}"#,
            r#"{"topicName":"v2.system.socket_closing","eventBody":{}}"#,
            r#"{"topicName":"v2.system.socket_closing","eventBody":{}}"#,
        ] {
            frame(&mut world, text);
        }
        // null, 7, [], {} and the three without a topic or a body are no frames of this service; "{" and "" are no JSON.
        assert_eq!(world.figure("unreadable"), 9.0);
        world.pass(5_000);
        assert_eq!((world.state(), readies(&world)), (State::Ready, 1));
        let taken = world.taken.len();
        if kind == Kind::Interactions {
            talk(&mut world, conversation(&[("ann".into(), 0)]));
        } else {
            present(&mut world, 1_000_000, "BUSY");
        }
        world.pass(1_000);
        assert_eq!(world.taken.len(), taken + 1);
    }
}

#[test]
fn hostile_a_conversation_of_thousands_is_read_to_its_end() {
    let mut world = World::ready(Kind::Interactions, interactions(json!({"queue": {"size": 100_000}, "seenEvents": 100_000})));
    let participants: Vec<_> = (0..20_000)
        .map(|n| json!({"id": format!("p{n}"), "calls": [{"connectedTime": World::at(n), "disconnectedTime": World::at(n + 50_000)}]}))
        .collect();
    let text = json!({"topicName": "v2.users.u1.conversations", "eventBody": {"id": "i1", "participants": participants}}).to_string();
    assert!(text.len() < 4 << 20, "within what is read at all");
    frame(&mut world, &text);
    assert_eq!((world.figure("events"), world.taken.len()), (40_000.0, 40_000));
    assert_eq!(world.timeline("i1")["entries"].as_array().unwrap().len(), 5_000);
}
