//! P: the presence multiplexer. Two things are the JavaScript half's: the `Authorization` header in Node (P1), which the host makes of the
//! query's `access_token`, and the index and the value in the message of a validation error (P2); here a wrong one is refused by its field.

use crate::network::Line;
use crate::world::{DEPLOYMENT, Hook, World};
use guestwire::core::error::{Code, Refusal};
use guestwire::core::http::Authorization;
use guestwire::core::machine::{Close, Input, Machine, Page, Payload, Role};
use guestwire::core::state::{End, Pause, Reason, State};
use guestwire::streams::Kind;
use guestwire::streams::class::{Answer, Command};
use guestwire::streams::event::Event;
use serde_json::{Value, json};

const SOCKET: &str = "/api/v2/user/websocket";

/// Channels `c0`, `c1`, … of presences.
fn channels(count: usize) -> Value {
    (0..count).map(|n| json!({"id": format!("c{n}"), "type": "presence"})).collect()
}

fn options(count: usize, more: Value) -> Value {
    let mut all = more;
    all["channels"] = channels(count);
    all
}

fn ready(options: Value) -> World {
    World::ready(Kind::Presence, options)
}

/// An update of a channel, so many milliseconds after the beginning.
fn update(channel: &str, ms: i64, presence: &str) -> Value {
    json!({"channelId": channel, "timestamp": World::at(ms), "eventType": "presence.changed", "payload": {"userId": "u1", "presence": presence}})
}

fn emit(world: &mut World, updates: &[Value]) {
    world.emit("presence", json!({ "updates": updates }));
}

/// What the service makes of an update on its way out.
fn framed(update: &Value) -> Value {
    let mut framed = update.clone();
    framed["type"] = "presence".into();
    framed
}

fn in_order(update: &Value) -> Value {
    json!({"update": framed(update), "outOfOrder": false})
}

/// A frame straight from the line, on the socket that was opened last.
fn frame(world: &mut World, text: &str) {
    let socket = world.opens.last().expect("a socket").1;
    world.input(Input::Frame(socket, Payload::Text(text)));
}

fn reads(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The presences in what was taken.
fn presences(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["update"]["payload"]["presence"].as_str().unwrap_or_default()).collect()
}

/// Subscribes that were sent: when, and the channels' ids.
fn subscribes(world: &World) -> Vec<(u64, Vec<String>)> {
    let sent = world.sent.iter().map(|(at, _, text)| (*at, reads(text)));
    let subscribes = sent.filter(|(_, frame)| frame["type"] == "subscribe");
    subscribes
        .map(|(at, frame)| (at, frame["channels"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_string()).collect()))
        .collect()
}

fn subscribe(world: &mut World, channels: &Value) -> Result<Answer, Refusal> {
    world.command(Command::Subscribe(&channels.to_string()))
}

fn register(world: &mut World, group: Value) -> Result<Answer, Refusal> {
    world.command(Command::Register(&group.to_string()))
}

fn errors(world: &World) -> Vec<(Code, String)> {
    world
        .find(|event| if let Event::Error(code, detail) = event { Some((*code, detail.clone())) } else { None })
        .into_iter()
        .map(|(_, it)| it)
        .collect()
}

fn warnings(world: &World, code: Code) -> Vec<String> {
    let found = world.find(|event| if let Event::Warning(known, detail) = event { (*known == code).then(|| detail.clone()) } else { None });
    found.into_iter().map(|(_, detail)| detail).collect()
}

/// The ids of the channels that the service holds for each open socket, sorted.
fn held(world: &mut World) -> Vec<Vec<String>> {
    let sockets = world.subscriptions();
    let ids = |socket: &Value| socket["channels"].as_array().unwrap().iter().map(|channel| channel["id"].as_str().unwrap().to_string()).collect();
    let mut held: Vec<Vec<String>> = sockets.iter().map(ids).collect();
    held.sort();
    held
}

/// How often a token was asked for.
fn token_requests(world: &World) -> usize {
    world.asked.iter().filter(|(_, request)| request.url.contains("/demo-backend/token")).count()
}

/// The page's call, and an input that means nothing, after which everything is drained.
fn reconnect(world: &mut World) {
    let now = world.clock();
    world.stream.reconnect(now);
    world.input(Input::Role(Role::Follower));
}

fn token_of(world: &World) -> String {
    world.opens.last().unwrap().2.split("access_token=").nth(1).expect("a token").to_string()
}

// ---- P1

#[test]
fn p1_the_token_is_in_the_query_and_nowhere_else() {
    let mut world = ready(options(1, json!({})));
    let token = token_of(&world);
    assert_eq!(world.opens[0].2, format!("ws://service{SOCKET}?access_token={token}"));
    assert!(token.len() > 16);
    world.network.reset(world.now);
    world.pass(5_000);
    assert!(world.sent.iter().all(|(_, _, text)| !text.contains(&token)));
    let audit = world.audit();
    assert!(!audit.is_empty() && audit.iter().all(|line| !line.to_string().contains(&token) && !line.to_string().contains("access_token")));
}

#[test]
fn p1_a_refused_upgrade_is_looked_into_and_a_token_that_has_run_out_replaced() {
    let mut world = ready(options(1, json!({})));
    let first = token_of(&world);
    world.control("POST", "/_sim/expire", json!({"what": "token", "deploymentId": DEPLOYMENT}));
    world.wait("a second socket", 10_000, |world| world.opens.len() >= 2);
    world.wait_for(State::Ready, 10_000);
    assert_ne!(token_of(&world), first);

    // The same without a close that says so.
    world.network.line = Line::BlackHole;
    world.control("POST", "/_sim/expire", json!({"what": "token", "deploymentId": DEPLOYMENT}));
    world.pass(40_000);
    world.network.line = Line::Works;
    let second = token_of(&world);
    world.wait_for(State::Ready, 60_000);
    assert_ne!(token_of(&world), second);
    let looks: Vec<_> = world.asked.iter().filter(|(_, request)| request.url.ends_with(SOCKET)).collect();
    assert!(!looks.is_empty(), "the same address was asked without an upgrade");
    assert!(looks.iter().all(|(_, request)| matches!(request.authorization, Some(Authorization::Bearer(_)))));
}

#[test]
fn p1_a_client_that_may_not_listen_is_told_so() {
    let token = json!({"url": "http://service/demo-backend/token?deploymentId=refused-1"});
    let mut world = World::new(Kind::Presence, options(1, json!({"token": token})));
    let ticket = world.start();
    world.wait_for(State::Ended { reason: End::NotAllowed }, 5_000);
    assert_eq!(errors(&world)[0].0, Code::REJECTED);
    assert_eq!(world.done(ticket), Some(Some(Code::REJECTED)));
}

// ---- P2

#[test]
fn p2_all_channels_are_subscribed_to_in_one_frame() {
    let wanted = json!([
        {"id": "main", "type": "presence", "config": {"presenceTypes": ["online", "do-not-disturb"]}},
        {"id": "mine", "type": "routing", "config": {"userId": "u1"}},
        {"id": "plain", "type": "message"},
    ]);
    let world = ready(json!({"channels": wanted}));
    assert_eq!(world.sent.len(), 1);
    let mut expected = wanted;
    expected[2]["config"] = json!({});
    assert_eq!(reads(&world.sent[0].2), json!({"type": "subscribe", "channels": expected}));
    assert_eq!(world.states().last().unwrap().0, world.sent[0].0 + 40, "ready with the answer, not before");
}

#[test]
fn p2_what_is_wrong_is_refused_before_anything_is_sent() {
    let good = json!([{"id": "c0", "type": "presence"}]);
    let wrong = [
        json!(null),
        json!([]),
        json!("c0"),
        json!([7]),
        json!([{"type": "presence"}]),
        json!([{"id": "", "type": "presence"}]),
        json!([{"id": 7, "type": "presence"}]),
        json!([{"id": "c0"}]),
        json!([{"id": "c0", "type": "fax"}]),
        json!([{"id": "c0", "type": "presence"}, {"id": "c0", "type": "routing"}]),
        json!([{"id": "c0", "type": "presence", "config": "all"}]),
        json!([{"id": "c0", "type": "presence", "config": {"presenceTypes": "busy"}}]),
        json!([{"id": "c0", "type": "presence", "config": {"presenceTypes": ["busy", "asleep"]}}]),
        json!([{"id": "c0", "type": "presence", "config": {"userId": 7}}]),
    ];
    let mut world = ready(json!({"channels": good}));
    for channels in &wrong {
        let refusal = World::try_new(Kind::Presence, json!({"channels": channels})).err().unwrap_or_else(|| panic!("taken: {channels}"));
        assert_eq!((refusal.code, refusal.field), (Code::INVALID_OPTION, Some("channels")), "{channels}");
        assert!(subscribe(&mut world, channels).is_err(), "{channels}");
    }
    world.pass(5_000);
    assert_eq!(subscribes(&world).len(), 1);
    for types in ["online", "offline", "busy", "away", "meeting", "lunch", "training", "other", "do-not-disturb"] {
        let channels = json!([{"id": "c0", "type": "presence", "config": {"presenceTypes": [types]}}]);
        assert!(World::try_new(Kind::Presence, json!({"channels": channels})).is_ok(), "{types}");
    }
}

#[test]
fn p2_a_refusal_of_the_service_is_told_with_its_words() {
    let mut world = World::new(Kind::Presence, options(2, json!({})));
    let refusal = json!({"status": "error", "code": 400, "message": "channels[1] is odd"});
    world.fault(json!({"on": "frame-in", "match": {"action": "subscribe"}, "do": "reply", "frame": refusal}));
    world.start();
    world.wait_for(State::Ended { reason: End::NotAllowed }, 2_000);
    assert_eq!(errors(&world), [(Code::SUBSCRIPTION_REFUSED, "channels[1] is odd".to_string())]);
}

#[test]
fn p2_an_answer_that_is_lost_or_comes_twice() {
    let mut world = World::new(Kind::Presence, options(1, json!({})));
    world.fault(json!({"on": "frame-out", "match": {"class": "success"}, "do": "lose"}));
    world.start();
    world.pass(15_100);
    assert!(matches!(world.state(), State::Waiting { reason: Reason::Timeout, .. }), "{:?}", world.state());
    world.wait_for(State::Ready, 5_000);
    for on in ["frame-in", "frame-out"] {
        let mut world = World::new(Kind::Presence, options(1, json!({})));
        world.fault(json!({"on": on, "match": {"path": SOCKET}, "do": "duplicate"}));
        world.start();
        world.pass(5_000);
        assert_eq!((world.state(), world.opens.len()), (State::Ready, 1), "{on}");
        assert!(errors(&world).is_empty(), "{on}");
        assert_eq!(held(&mut world), [["c0"]], "{on}");
    }
}

// ---- P3

#[test]
fn p3_ten_channels_are_one_connection_eleven_two_and_fifty_five() {
    for (count, connections) in [(1, 1), (10, 1), (11, 2), (20, 2), (21, 3), (50, 5)] {
        let mut world = ready(options(count, json!({})));
        assert_eq!(world.opens.len(), connections, "{count}");
        let subscribes = subscribes(&world);
        assert!(subscribes.iter().all(|(_, ids)| ids.len() <= 10), "{count}");
        let all: Vec<_> = subscribes.into_iter().flat_map(|(_, ids)| ids).collect();
        assert_eq!(all, (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>());
        let updates: Vec<_> = (0..count).map(|n| update(&format!("c{n}"), n as i64, "busy")).collect();
        emit(&mut world, &updates);
        world.pass(1_000);
        assert_eq!(world.taken, updates.iter().map(in_order).collect::<Vec<_>>(), "{count}");
    }
}

#[test]
fn p3_one_channel_too_many_is_a_typed_error() {
    for (options, most) in [(json!({}), 50), (json!({"maxConnections": 2}), 20)] {
        let refusal = World::try_new(Kind::Presence, self::options(most + 1, options.clone())).err().expect("refused");
        assert_eq!((refusal.code, refusal.field), (Code::TOO_MANY_CHANNELS, Some("channels")));
        let mut world = ready(self::options(most, options));
        let refusal = subscribe(&mut world, &channels(most + 1)).unwrap_err();
        assert_eq!(refusal.code, Code::TOO_MANY_CHANNELS);
    }
    for wrong in [0, 6] {
        let refusal = World::try_new(Kind::Presence, options(1, json!({"maxConnections": wrong}))).err().expect("refused");
        assert_eq!(refusal.field, Some("maxConnections"));
    }
}

#[test]
fn p3_one_lost_connection_leaves_the_others_alone() {
    let mut world = ready(options(25, json!({})));
    world.fault(json!({"on": "frame-out", "match": {"path": SOCKET, "class": "presence"}, "do": "drop"}));
    emit(&mut world, &[update("c12", 0, "lost")]);
    world.wait("the loss", 1_000, |world| world.state() != State::Ready);
    emit(&mut world, &[update("c0", 10, "first"), update("c24", 11, "third")]);
    world.pass(700);
    assert_eq!(presences(&world.taken), ["first", "third"]);
    world.wait_for(State::Ready, 5_000);
    world.pass(1_000);
    assert_eq!(world.opens.len(), 4);
    assert_eq!(presences(&world.taken), ["first", "third", "lost"], "the newest of a channel comes again");
}

#[test]
fn p3_a_token_that_is_refused_to_all_connections_is_one_refused_token() {
    // As the upgrade is refused, and over the sockets.
    let answer = json!({"status": "error", "code": 401, "message": "no"});
    for over in [None, Some(json!({"on": "frame-in", "match": {"action": "subscribe"}, "count": 5, "do": "reply", "frame": answer}))] {
        let mut world = World::new(Kind::Presence, options(50, json!({})));
        match over {
            Some(rule) => world.fault(rule),
            None => {
                world.start();
                world.wait("the sockets opened", 1_000, |world| world.opens.len() == 5);
                world.control("POST", "/_sim/expire", json!({"what": "token", "deploymentId": DEPLOYMENT}));
            }
        }
        world.start();
        world.wait_for(State::Ready, 30_000);
        assert!(world.states().iter().all(|(_, state)| *state != State::AuthRequired));
        assert_eq!((token_requests(&world), world.opens.len()), (2, 10));
    }
}

#[test]
fn p3_three_refused_tokens_end_all_connections_and_signing_in_brings_all_back() {
    let mut world = World::new(Kind::Presence, options(50, json!({})));
    let answer = json!({"status": "error", "code": 401, "message": "no"});
    world.fault(json!({"on": "frame-in", "match": {"action": "subscribe"}, "count": 0, "do": "reply", "frame": answer}));
    world.start();
    world.wait_for(State::AuthRequired, 60_000);
    assert_eq!((token_requests(&world), world.network.open_lines()), (3, 0));
    let opens = world.opens.len();
    // What is asked for meanwhile is asked for when it goes on.
    subscribe(&mut world, &channels(12)).unwrap();
    subscribe(&mut world, &channels(42)).unwrap();
    world.pass(600_000);
    assert_eq!((world.state(), world.opens.len(), world.stream.poll_timeout()), (State::AuthRequired, opens, None));
    world.lift_faults();
    reconnect(&mut world);
    world.wait_for(State::Ready, 10_000);
    assert_eq!(held(&mut world).iter().map(Vec::len).sum::<usize>(), 42);
}

#[test]
fn p3_what_ends_one_connection_ends_them_all() {
    let mut world = ready(options(25, json!({})));
    world.fault(json!({"on": "connect", "match": {"path": SOCKET}, "count": 0, "do": "accept-then-close", "code": 1008}));
    world.fault(json!({"on": "frame-out", "match": {"path": SOCKET, "class": "presence"}, "do": "drop"}));
    emit(&mut world, &[update("c12", 0, "lost")]);
    world.wait_for(State::Ended { reason: End::Policy }, 60_000);
    world.pass(100);
    assert_eq!((held(&mut world).len(), world.network.open_lines(), world.stream.poll_timeout()), (0, 0, None));
}

// ---- P4

#[test]
fn p4_an_older_update_is_counted_held_and_let_go_in_order() {
    let mut world = ready(options(1, json!({})));
    let begun = world.now;
    emit(&mut world, &[update("c0", 200, "second"), update("c0", 100, "first"), update("c0", 300, "third")]);
    world.pass(519);
    assert!(world.taken.is_empty(), "held for 500 ms from its arrival");
    world.pass(2);
    assert_eq!(presences(&world.taken), ["first", "second", "third"]);
    assert!(world.taken.iter().all(|item| item["outOfOrder"] == false));
    assert_eq!((world.figure("outOfOrder"), world.figure("total")), (1.0, 3.0));
    assert_eq!(world.now, begun + 521);
}

#[test]
fn p4_one_that_comes_too_late_for_the_window_is_flagged_and_not_lost() {
    let mut world = ready(options(1, json!({})));
    emit(&mut world, &[update("c0", 200, "second")]);
    world.pass(600);
    emit(&mut world, &[update("c0", 100, "first")]);
    world.pass(30);
    assert_eq!(world.taken, [in_order(&update("c0", 200, "second")), json!({"update": framed(&update("c0", 100, "first")), "outOfOrder": true})]);
    assert_eq!(world.figure("outOfOrder"), 1.0);
}

#[test]
fn p4_the_order_is_that_of_each_channel() {
    let mut world = ready(options(2, json!({})));
    // A channel whose clock is ahead says nothing about another.
    emit(&mut world, &[update("c0", 9_000_000, "ahead"), update("c1", 100, "one"), update("c1", 101, "two")]);
    world.pass(600);
    assert_eq!((presences(&world.taken).len(), world.figure("outOfOrder")), (3, 0.0));

    // Nor does one that is let go take the other's along before their time.
    let mut world = ready(options(2, json!({})));
    emit(&mut world, &[update("c0", 9_000, "ahead")]);
    world.pass(400);
    emit(&mut world, &[update("c1", 200, "second")]);
    world.pass(300);
    assert_eq!(presences(&world.taken), ["ahead"], "c1 has 220 ms left");
    emit(&mut world, &[update("c1", 100, "first")]);
    world.pass(1_000);
    assert_eq!(presences(&world.taken), ["ahead", "first", "second"]);
    assert!(world.taken.iter().all(|item| item["outOfOrder"] == false));
}

#[test]
fn p4_of_one_time_the_first_comes_first_and_the_window_can_be_set() {
    let mut world = ready(options(1, json!({"reorderMs": 0})));
    emit(&mut world, &[update("c0", 100, "a"), update("c0", 100, "b"), update("c0", 50, "c")]);
    world.pass(21);
    assert_eq!(presences(&world.taken), ["a", "b", "c"]);
    assert_eq!(world.figure("outOfOrder"), 1.0);
    let mut world = ready(options(1, json!({"reorderMs": 2_000})));
    emit(&mut world, &[update("c0", 100, "a"), update("c0", 100, "b")]);
    world.pass(2_019);
    assert!(world.taken.is_empty());
    world.pass(2);
    assert_eq!(presences(&world.taken), ["a", "b"]);
}

#[test]
fn p4_what_comes_up_to_400_ms_out_of_order_leaves_in_order_and_once() {
    let mut world = ready(options(3, json!({})));
    let mut expected = vec![Vec::new(); 3];
    let mut sent: Vec<(u64, usize, i64)> = Vec::new();
    for number in 0..300u64 {
        let (channel, time) = ((number % 3) as usize, 1_000 + number as i64 * 20);
        expected[channel].push(World::at(time));
        // 0 to 400 ms late, by a step that spreads over the range.
        sent.push((1_000 + number * 20 + number * 157 % 401, channel, time));
    }
    sent.sort();
    for (at, channel, time) in sent {
        world.pass(at.saturating_sub(world.now));
        emit(&mut world, &[update(&format!("c{channel}"), time, "busy")]);
    }
    world.pass(1_000);
    assert!(world.figure("outOfOrder") > 50.0);
    for (channel, expected) in expected.iter().enumerate() {
        let id = format!("c{channel}");
        let of_it: Vec<_> = world.taken.iter().filter(|item| item["update"]["channelId"] == *id).collect();
        assert!(of_it.iter().all(|item| item["outOfOrder"] == false));
        assert_eq!(&of_it.iter().map(|item| item["update"]["timestamp"].as_str().unwrap().to_string()).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn p4_the_same_update_twice_is_one() {
    let mut world = ready(options(1, json!({})));
    world.fault(json!({"on": "frame-out", "match": {"class": "presence"}, "count": 0, "do": "duplicate"}));
    emit(&mut world, &[update("c0", 1, "busy"), update("c0", 2, "away")]);
    world.pass(1_000);
    assert_eq!(presences(&world.taken), ["busy", "away"]);
    assert_eq!(world.figure("duplicates"), 2.0);
}

#[test]
fn p4_a_timestamp_that_cannot_be_read_is_reported_and_stands_where_it_came() {
    let mut world = World::new(Kind::Presence, options(1, json!({})));
    // Whatever the visitor's clock says.
    world.ahead = 7_200_000;
    world.start();
    world.wait_for(State::Ready, 5_000);
    let mut odd = update("c0", 0, "odd");
    odd["timestamp"] = "just now".into();
    emit(&mut world, &[update("c0", 100, "a"), odd, update("c0", 200, "b")]);
    world.pass(1_000);
    assert_eq!(presences(&world.taken), ["a", "odd", "b"]);
    assert_eq!(warnings(&world, Code::TIMESTAMP_UNREADABLE), ["c0"]);
    assert_eq!(world.figure("outOfOrder"), 0.0);
}

#[test]
fn p4_other_channels_do_not_forget_the_order_of_those_that_stay() {
    let mut world = ready(options(2, json!({})));
    world.set(json!({"deploymentId": DEPLOYMENT, "streamReplay": false}));
    emit(&mut world, &[update("c1", 200, "second")]);
    world.pass(3_000);
    subscribe(&mut world, &json!([{"id": "new", "type": "presence"}, {"id": "c1", "type": "presence"}])).unwrap();
    world.pass(3_000);
    emit(&mut world, &[update("c1", 100, "first")]);
    world.pass(1_000);
    assert_eq!(presences(&world.taken), ["second", "first"]);
    assert_eq!((world.taken[1]["outOfOrder"].clone(), world.figure("outOfOrder")), (json!(true), 1.0));
}

// ---- P5

#[test]
fn p5_each_update_goes_to_every_group_that_wants_its_channel() {
    let mut world = ready(options(3, json!({})));
    register(&mut world, json!({"id": "all"})).unwrap();
    register(&mut world, json!({"id": "some", "channels": ["c0", "c2"]})).unwrap();
    register(&mut world, json!({"id": "none", "channels": []})).unwrap();
    register(&mut world, json!({"id": "desk", "url": "http://desk/hook", "channels": ["c1"]})).unwrap();
    let updates = [update("c0", 0, "a"), update("c1", 1, "b"), update("c2", 2, "c")];
    emit(&mut world, &updates);
    world.pass(1_000);
    assert_eq!(presences(&world.groups["all"]), ["a", "b", "c"]);
    assert_eq!(presences(&world.groups["some"]), ["a", "c"]);
    assert!(!world.groups.contains_key("none"));
    assert_eq!(presences(&world.taken), ["a", "b", "c"], "and to the page itself");
    assert_eq!(
        world.posted.iter().map(|(_, url, body)| (url.as_str(), reads(body))).collect::<Vec<_>>(),
        [("http://desk/hook", framed(&updates[1]))]
    );
    assert_eq!(world.figure("groups"), 4.0);
}

#[test]
fn p5_a_group_is_registered_and_unregistered_by_its_id() {
    let mut world = ready(options(2, json!({})));
    for (group, field) in [
        (json!({}), "id"),
        (json!({"id": ""}), "id"),
        (json!({"id": 7}), "id"),
        (json!({"id": "g", "url": 7}), "url"),
        (json!({"id": "g", "url": ""}), "url"),
        (json!({"id": "g", "channels": "c0"}), "channels"),
        (json!({"id": "g", "channels": [7]}), "channels"),
    ] {
        let refusal = register(&mut world, group.clone()).expect_err(&group.to_string());
        assert_eq!(refusal.field, Some(field), "{group}");
    }
    register(&mut world, json!({"id": "g"})).unwrap();
    register(&mut world, json!({"id": "g", "channels": ["c1"]})).unwrap();
    emit(&mut world, &[update("c0", 0, "a"), update("c1", 1, "b")]);
    world.pass(1_000);
    assert_eq!(presences(&world.groups["g"]), ["b"], "the second registration replaced the first");
    assert_eq!(world.command(Command::Unregister("g")), Ok(Answer::Truth(true)));
    assert_eq!(world.command(Command::Unregister("g")), Ok(Answer::Truth(false)));
    assert_eq!(world.command(Command::Unregister("")), Ok(Answer::Truth(false)), "the page itself is no group");
    emit(&mut world, &[update("c1", 2, "c")]);
    world.pass(1_000);
    assert_eq!((world.groups["g"].len(), world.taken.len()), (1, 3));
    let actions: Vec<_> =
        world.audit().iter().filter_map(|line| Some((line["action"].as_str()?.to_string(), line["group"].as_str()?.to_string()))).collect();
    assert_eq!(actions.last().unwrap(), &("GROUP_UNREGISTERED".to_string(), "g".to_string()));
}

#[test]
fn p5_one_slow_webhook_delays_neither_another_nor_the_socket() {
    let mut world = ready(options(1, json!({})));
    for (id, hook) in [("slow", Hook::Hangs), ("away", Hook::Away), ("quick", Hook::Answers(200, 5)), ("other", Hook::Answers(204, 100))] {
        let url = format!("http://{id}/hook");
        world.hooks.insert(url.clone(), hook);
        register(&mut world, json!({"id": id, "url": url})).unwrap();
    }
    let mut arrivals = Vec::new();
    for number in 0..40 {
        let now = world.now;
        emit(&mut world, &[update("c0", now as i64, &number.to_string())]);
        arrivals.push(now + 20 + 500);
        world.pass(1_000);
    }
    world.pass(1_000);
    let times = |world: &World, url: &str| world.posted.iter().filter(|(_, to, _)| to == url).map(|(at, ..)| *at).collect::<Vec<_>>();
    assert_eq!(times(&world, "http://quick/hook"), arrivals);
    assert_eq!(times(&world, "http://other/hook"), arrivals);
    assert_eq!(world.taken.len(), 40);
    assert_eq!((world.state(), world.opens.len()), (State::Ready, 1));
    let slow: Vec<_> = times(&world, "http://slow/hook").into_iter().take(5).collect();
    assert!(slow.len() == 5 && slow.windows(2).all(|pair| pair[1] - pair[0] >= 5_000 + 250), "five seconds, then a wait: {slow:?}");
}

#[test]
fn p5_a_webhook_that_fails_is_tried_again_with_longer_waits_and_then_given_up() {
    let mut world = ready(options(1, json!({})));
    world.hooks.insert("http://hook/".into(), Hook::Answers(503, 5));
    register(&mut world, json!({"id": "desk", "url": "http://hook/"})).unwrap();
    emit(&mut world, &[update("c0", 0, "a")]);
    world.pass(120_000);
    assert_eq!(world.posted.len(), 5);
    assert_eq!(warnings(&world, Code::WEBHOOK_FAILED), ["desk"]);
    assert_eq!(world.figure("webhooksLost"), 1.0);
    // What comes when it is well again is delivered, and in order.
    emit(&mut world, &[update("c0", 1, "b"), update("c0", 2, "c")]);
    world.pass(700);
    world.hooks.insert("http://hook/".into(), Hook::Answers(200, 5));
    world.pass(60_000);
    let bodies: Vec<_> = world.posted.iter().skip(5).map(|(_, _, body)| reads(body)["payload"]["presence"].as_str().unwrap().to_string()).collect();
    assert_eq!(bodies, ["b", "b", "c"]);
    assert_eq!(world.figure("webhooksDelivered"), 2.0);
    // What a target refuses it refuses again.
    world.hooks.insert("http://hook/".into(), Hook::Answers(400, 5));
    emit(&mut world, &[update("c0", 3, "d")]);
    world.pass(60_000);
    assert_eq!(world.posted.len(), 9);
}

#[test]
fn p5_an_unregistered_webhook_gets_no_more() {
    let mut world = ready(options(1, json!({})));
    world.hooks.insert("http://hook/".into(), Hook::Hangs);
    register(&mut world, json!({"id": "desk", "url": "http://hook/"})).unwrap();
    emit(&mut world, &[update("c0", 0, "a"), update("c0", 1, "b")]);
    world.pass(700);
    assert_eq!(world.posted.len(), 1);
    world.command(Command::Unregister("desk")).unwrap();
    world.pass(60_000);
    assert_eq!(world.posted.len(), 1);
}

#[test]
fn p5_a_group_may_have_any_name_beside_the_audit_log() {
    let mut world = ready(options(1, json!({"audit": {"url": "http://audit/log"}})));
    register(&mut world, json!({"id": "audit", "url": "http://hook/"})).unwrap();
    emit(&mut world, &[update("c0", 0, "a")]);
    world.pass(1_000);
    let to_hook: Vec<_> = world.posted.iter().filter(|(_, url, _)| url == "http://hook/").map(|(_, _, body)| reads(body)).collect();
    assert_eq!(to_hook, [framed(&update("c0", 0, "a"))]);
    assert!(world.posted.iter().filter(|(_, url, _)| url == "http://audit/log").all(|(_, _, body)| reads(body)["action"].is_string()));
}

#[test]
fn p5_a_group_that_takes_nothing_fills_only_its_own_queue() {
    let mut world = ready(options(1, json!({"queue": {"size": 10}, "reorderMs": 0})));
    world.takes = false;
    register(&mut world, json!({"id": "slow"})).unwrap();
    register(&mut world, json!({"id": "quick"})).unwrap();
    let mut quick = 0;
    for number in 0..30 {
        emit(&mut world, &[update("c0", number, "busy")]);
        world.pass(30);
        quick += world.take("quick", 100).len();
        world.take("", 100);
    }
    assert_eq!((quick, world.figure("dropped")), (30, 20.0));
    assert_eq!(world.take("slow", 100).len(), 10);
    // What a group has lost stays counted when it goes, and what is lost later is told.
    world.command(Command::Unregister("slow")).unwrap();
    assert_eq!(world.figure("dropped"), 20.0);
    let told = |world: &World| world.find(|event| if let Event::Dropped(count, total) = event { Some((*count, *total)) } else { None });
    let before = told(&world).len();
    for number in 30..45 {
        emit(&mut world, &[update("c0", number, "busy")]);
        world.pass(30);
        world.take("quick", 100);
    }
    assert_eq!(told(&world)[before..].iter().map(|(_, it)| *it).collect::<Vec<_>>(), [(1, 21), (1, 22), (1, 23), (1, 24), (1, 25)]);
}

// ---- P6

#[test]
fn p6_figures_count_what_came_and_how_long_it_took() {
    let mut world = ready(options(1, json!({})));
    world.takes = false;
    emit(&mut world, &[update("c0", 10, "a"), update("c0", 5, "b")]);
    world.pass(20 + 500);
    world.take("", 10);
    emit(&mut world, &[update("c0", 20, "c"), update("c0", 21, "d")]);
    world.pass(20 + 700);
    world.take("", 10);
    // 500, 500, 700 and 700 ms from the socket to the consumer.
    assert_eq!(world.figure("averageDispatchMs"), 600.0);
    assert_eq!((world.figure("total"), world.figure("outOfOrder"), world.figure("stability"), world.figure("connections")), (4.0, 1.0, 1.0, 1.0));
}

fn lose(world: &mut World) {
    let opens = world.opens.len();
    world.network.reset(world.now);
    world.pass(1);
    world.wait("back", 10_000, |world| world.opens.len() > opens && world.state() == State::Ready);
}

#[test]
fn p6_a_hard_drop_costs_a_twentieth_of_the_stability_and_stable_time_gives_it_back() {
    let mut world = ready(options(1, json!({})));
    world.pass(15_000);
    lose(&mut world);
    assert!((world.figure("stability") - 0.95).abs() < 1e-9, "{}", world.figure("stability"));
    lose(&mut world);
    assert!((world.figure("stability") - 0.9025).abs() < 1e-9, "{}", world.figure("stability"));
    let mut before = world.figure("stability");
    for _ in 0..5 {
        world.pass(60_000);
        let now = world.figure("stability");
        assert!(now > before && now <= 1.0, "{now} after {before}");
        before = now;
    }
    world.pass(3_600_000);
    assert!(world.figure("stability") > 0.999);
}

#[test]
fn p6_nothing_is_given_back_while_there_is_no_connection() {
    let mut world = ready(options(1, json!({})));
    world.network.line = Line::Offline;
    world.network.reset(world.now);
    world.pass(600_000);
    assert!((world.figure("stability") - 0.95).abs() < 1e-9, "{}", world.figure("stability"));
}

#[test]
fn p6_an_end_that_the_service_announces_is_no_hard_drop() {
    for code in [1000, 1001] {
        let mut world = ready(options(1, json!({})));
        world.fault(json!({"on": "frame-out", "match": {"class": "presence"}, "do": "close", "code": code}));
        emit(&mut world, &[update("c0", 0, "a")]);
        world.wait("back", 10_000, |world| world.opens.len() == 2 && world.state() == State::Ready);
        assert_eq!(world.figure("stability"), 1.0, "{code}");
        assert_eq!(world.figure("losses"), 1.0, "{code}");
    }
}

#[test]
fn p6_every_state_change_is_a_line_in_the_audit_log() {
    let mut world = ready(options(1, json!({"audit": {"url": "http://audit/log"}})));
    world.network.reset(world.now);
    world.pass(1);
    world.wait_for(State::Ready, 5_000);
    world.stop();
    world.pass(1_000);
    let audit = world.audit();
    let actions: Vec<_> = audit.iter().map(|line| line["action"].as_str().unwrap()).collect();
    let states: Vec<_> = actions.iter().copied().filter(|action| !matches!(*action, "TOKEN_REFRESHED" | "CONNECTING")).collect();
    assert_eq!(states, ["RECONNECTING", "CONNECTED", "SCHEDULING_RECONNECT", "RECONNECTING", "CONNECTED", "STOPPED"]);
    assert_eq!(actions.len(), states.len() + 3, "a token and two sockets: {actions:?}");
    for line in &audit {
        assert_eq!(line["stream"], "presence");
        let at = line["timestamp"].as_str().unwrap();
        assert!(at.starts_with("2026-01-06T13:00:0") && at.ends_with('Z'), "{at}");
    }
    assert_eq!(audit.iter().find(|line| line["action"] == "CONNECTING").unwrap()["url"], format!("ws://service{SOCKET}"));
    let posted: Vec<_> = world.posted.iter().map(|(_, _, body)| reads(body)).collect();
    assert_eq!(posted, audit, "all of it reaches the sink, in order");
}

#[test]
fn p6_what_the_service_says_never_brings_a_token_into_the_audit_log() {
    let mut world = ready(options(1, json!({})));
    let token = token_of(&world);
    let refusal = json!({"status": "error", "code": 400, "message": format!("the client of {token} is odd")});
    frame(&mut world, &refusal.to_string());
    assert!(world.audit().iter().any(|line| line["action"] == "REJECTED"));
    assert!(world.audit().iter().all(|line| !line.to_string().contains(&token)));
}

#[test]
fn p6_neither_errors_nor_warnings_hold_the_token_whatever_the_service_says() {
    let mut world = ready(options(1, json!({})));
    let token = token_of(&world);
    for code in [400, 429] {
        world.pass(100_000);
        subscribe(&mut world, &channels(2)).unwrap();
        frame(&mut world, &json!({"status": "error", "code": code, "message": format!("a client of {token}")}).to_string());
    }
    assert_eq!(errors(&world), [(Code::SUBSCRIPTION_REFUSED, "(token)".to_string())]);
    assert_eq!(warnings(&world, Code::SUBSCRIPTION_REFUSED), ["(token)"]);
    assert!(!format!("{:?}", world.told).contains(&token));
}

// ---- P7

fn apart(world: &World) -> Vec<u64> {
    let times: Vec<_> = subscribes(world).iter().map(|(at, _)| *at).collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn p7_a_429_is_waited_out_as_told_and_tried_once() {
    for (told, wait) in [(json!(7), 7_000), (json!(0), 2_000), (json!(null), 2_000), (json!("soon"), 2_000), (json!(-5), 2_000)] {
        let mut world = World::new(Kind::Presence, options(1, json!({})));
        let refusal = json!({"status": "error", "code": 429, "message": "slow down", "retryAfter": told});
        world.fault(json!({"on": "frame-in", "match": {"action": "subscribe"}, "do": "reply", "frame": refusal}));
        world.start();
        world.wait_for(State::Ready, 60_000);
        let apart = apart(&world);
        assert_eq!(apart.len(), 1, "{told}");
        assert!((wait + 40..wait + 2_000).contains(&apart[0]), "{told}: {apart:?}");
        assert_eq!(errors(&world), [(Code::SUBSCRIPTION_REFUSED, "slow down".to_string())]);
    }
}

#[test]
fn p7_two_subscribes_are_never_within_two_seconds() {
    let mut world = ready(options(1, json!({})));
    for number in 0..20 {
        subscribe(&mut world, &json!([{"id": format!("n{number}"), "type": "presence"}])).unwrap();
        world.pass(150);
    }
    world.pass(5_000);
    assert!(apart(&world).iter().all(|gap| *gap >= 2_000), "{:?}", subscribes(&world));
    assert!(subscribes(&world).len() <= 4);
    assert_eq!(held(&mut world), [["n19"]], "the last wish counts");
    // Nor where the line breaks as soon as it stands.
    for _ in 0..6 {
        world.network.reset(world.now);
        world.pass(1);
        world.wait_for(State::Ready, 60_000);
    }
    assert!(apart(&world).iter().all(|gap| *gap >= 2_000), "{:?}", subscribes(&world));
    assert!(errors(&world).is_empty(), "and the service never had to say so");
}

#[test]
fn p7_a_429_to_other_channels_leaves_the_connection_and_is_tried_again_as_told() {
    let mut world = ready(options(1, json!({})));
    world.pass(3_000);
    let refusal = json!({"status": "error", "code": 429, "message": "slow down", "retryAfter": 30});
    world.fault(json!({"on": "frame-in", "match": {"action": "subscribe"}, "do": "reply", "frame": refusal}));
    subscribe(&mut world, &json!([{"id": "a", "type": "presence"}])).unwrap();
    world.pass(5_000);
    // Impatience does not help.
    subscribe(&mut world, &json!([{"id": "b", "type": "presence"}])).unwrap();
    world.pass(60_000);
    assert_eq!((world.state(), world.opens.len()), (State::Ready, 1));
    let apart = apart(&world);
    assert_eq!(apart.len(), 2, "{apart:?}");
    assert!((30_040..31_000).contains(&apart[1]), "{apart:?}");
    assert_eq!(held(&mut world), [["b"]]);
}

#[test]
fn p7_a_403_names_the_channel() {
    let mut world = World::new(Kind::Presence, options(3, json!({})));
    world.set(json!({"deploymentId": DEPLOYMENT, "forbiddenChannels": ["c1"]}));
    let ticket = world.start();
    world.wait_for(State::Ended { reason: End::NotAllowed }, 5_000);
    assert_eq!(errors(&world), [(Code::CHANNEL_FORBIDDEN, "c1".to_string())]);
    assert_eq!(world.done(ticket), Some(Some(Code::REJECTED)));
}

#[test]
fn p7_a_403_to_other_channels_leaves_those_that_are_there() {
    for count in [2, 12] {
        let mut world = ready(options(count, json!({})));
        let before = held(&mut world);
        world.set(json!({"deploymentId": DEPLOYMENT, "forbiddenChannels": ["secret"]}));
        world.pass(3_000);
        let mut wanted = channels(count);
        wanted.as_array_mut().unwrap()[count - 1] = json!({"id": "secret", "type": "presence"});
        wanted.as_array_mut().unwrap()[0] = json!({"id": "new", "type": "presence"});
        subscribe(&mut world, &wanted).unwrap();
        world.pass(10_000);
        assert_eq!(errors(&world), [(Code::CHANNEL_FORBIDDEN, "secret".to_string())], "{count}");
        assert_eq!(world.state(), State::Ready);
        assert_eq!(held(&mut world), before, "{count}");
        emit(&mut world, &[update("c0", 0, "a"), update(&format!("c{}", count - 1), 1, "b")]);
        world.pass(1_000);
        assert_eq!(presences(&world.taken), ["a", "b"], "{count}");
        lose(&mut world);
        assert_eq!(held(&mut world), before, "{count}: and after a loss");
    }
}

#[test]
fn p7_other_channels_that_could_not_be_granted_are_asked_for_again() {
    for code in [401, 500, 503] {
        let mut world = ready(options(1, json!({})));
        world.pass(3_000);
        let refusal = json!({"status": "error", "code": code, "message": "not now"});
        world.fault(json!({"on": "frame-in", "match": {"action": "subscribe"}, "count": 3, "do": "reply", "frame": refusal}));
        subscribe(&mut world, &json!([{"id": "a", "type": "presence"}])).unwrap();
        world.pass(60_000);
        assert_eq!((world.state(), held(&mut world)), (State::Ready, vec![vec!["a".to_string()]]), "{code}");
        assert!(apart(&world).iter().all(|gap| *gap >= 2_000), "{code}: {:?}", subscribes(&world));
    }
}

#[test]
fn p7_a_403_to_other_channels_leaves_those_that_are_there_though_a_line_was_lost_meanwhile() {
    let mut world = ready(options(12, json!({})));
    let before = held(&mut world);
    world.set(json!({"deploymentId": DEPLOYMENT, "forbiddenChannels": ["secret"]}));
    world.pass(3_000);
    let mut wanted = channels(12);
    wanted.as_array_mut().unwrap()[0] = json!({"id": "secret", "type": "presence"});
    subscribe(&mut world, &wanted).unwrap();
    // The first line is gone before its answer comes, the second gets what it asked for.
    world.input(Input::Closed(world.opens[0].1, Close { code: 1006, reason: "", clean: false }));
    world.network.forget(world.opens[0].1);
    world.pass(20_000);
    assert_eq!(errors(&world), [(Code::CHANNEL_FORBIDDEN, "secret".to_string())]);
    assert_eq!(world.state(), State::Ready);
    world.bury();
    let mut held = held(&mut world);
    held.dedup();
    assert_eq!(held, before);
}

#[test]
fn p7_a_line_that_is_lost_while_a_429_is_waited_out_comes_back_when_it_may_ask() {
    let mut world = ready(options(1, json!({})));
    world.pass(3_000);
    let refusal = json!({"status": "error", "code": 429, "message": "slow down", "retryAfter": 90});
    world.fault(json!({"on": "frame-in", "match": {"action": "subscribe"}, "do": "reply", "frame": refusal}));
    subscribe(&mut world, &json!([{"id": "a", "type": "presence"}])).unwrap();
    world.pass(5_000);
    world.network.reset(world.now);
    world.pass(60_000);
    assert!(matches!(world.state(), State::Paused { reason: Pause::RateLimited, .. }), "{:?}", world.state());
    assert_eq!(world.opens.len(), 1, "no socket stands there and says nothing");
    world.wait_for(State::Ready, 40_000);
    assert_eq!((world.opens.len(), held(&mut world)), (2, vec![vec!["a".to_string()]]));
    assert!(apart(&world).last().is_some_and(|gap| (90_000..93_000).contains(gap)), "{:?}", apart(&world));
}

#[test]
fn p7_what_is_asked_for_after_an_end_waits_for_the_next_start() {
    let mut world = World::new(Kind::Presence, options(3, json!({})));
    world.set(json!({"deploymentId": DEPLOYMENT, "forbiddenChannels": ["c1"]}));
    world.start();
    world.wait_for(State::Ended { reason: End::NotAllowed }, 5_000);
    subscribe(&mut world, &json!([{"id": "a", "type": "presence"}])).unwrap();
    world.pass(60_000);
    assert_eq!((world.state(), world.opens.len()), (State::Ended { reason: End::NotAllowed }, 1));
    world.start();
    world.wait_for(State::Ready, 5_000);
    assert_eq!(held(&mut world), [["a"]]);
}

#[test]
fn p7_a_refusal_that_comes_after_the_page_has_stopped_it_ends_nothing() {
    let mut world = World::new(Kind::Presence, options(3, json!({})));
    world.set(json!({"deploymentId": DEPLOYMENT, "forbiddenChannels": ["c1"]}));
    world.start();
    world.wait("the subscribe", 1_000, |world| subscribes(world).len() == 1);
    world.pass(10);
    world.stop();
    world.pass(5_000);
    assert!(world.frames.iter().any(|(_, text)| text.contains("403")), "it came");
    assert_eq!((world.state(), errors(&world)), (State::Stopped, vec![]));
}

// ---- P8

/// Lays each fault over updates of two channels: whatever happens, in the end all channels are subscribed to again at once, the
/// newest update of each has come, and none came twice or behind a newer one without saying so.
#[test]
fn p8_after_every_fault_all_channels_are_subscribed_to_again() {
    let updates = json!({"path": SOCKET, "class": "presence"});
    let drop = json!({"on": "frame-out", "match": updates, "nth": 20, "do": "drop"});
    let faults = [
        drop.clone(),
        json!({"on": "frame-out", "match": updates, "nth": 20, "do": "drop", "after": true}),
        json!({"on": "frame-out", "match": updates, "nth": 20, "do": "close", "code": 1001}),
        json!({"on": "frame-out", "match": updates, "nth": 20, "do": "close", "code": 1008, "after": true}),
        json!({"on": "frame-out", "match": updates, "nth": 20, "do": "close", "code": 1011}),
        json!({"on": "frame-out", "match": updates, "nth": 20, "do": "stall", "ms": 60_000}),
        json!({"on": "frame-out", "match": updates, "nth": 20, "do": "stall", "direction": "down", "ms": 5_000}),
        json!({"on": "frame-in", "match": {"path": SOCKET, "action": "ping"}, "do": "stall", "direction": "up", "ms": 60_000}),
        json!({"on": "frame-out", "match": updates, "nth": 20, "count": 10, "do": "duplicate"}),
        json!({"on": "frame-out", "match": updates, "nth": 20, "do": "reorder", "window": 4}),
        json!({"on": "frame-out", "match": updates, "nth": 20, "count": 5, "do": "delay", "ms": 3_000}),
        json!({"on": "frame-out", "match": updates, "nth": 20, "count": 5, "do": "lose"}),
        json!({"on": "frame-out", "match": updates, "nth": 20, "count": 3, "do": "garbage", "as": "text"}),
        json!({"on": "frame-out", "match": updates, "nth": 20, "count": 3, "do": "garbage", "as": "binary"}),
        json!({"on": "frame-out", "match": updates, "nth": 20, "count": 1, "do": "garbage", "as": "huge"}),
        json!({"on": "frame-out", "match": {"path": SOCKET, "class": "pong"}, "do": "lose"}),
        json!([drop, {"on": "connect", "match": {"path": SOCKET}, "count": 3, "do": "refuse", "status": 503, "retryAfter": 1}]),
        json!([drop, {"on": "connect", "match": {"path": SOCKET}, "do": "refuse", "status": 429}]),
        json!([drop, {"on": "connect", "match": {"path": SOCKET}, "do": "blackhole"}]),
        json!([drop, {"on": "connect", "match": {"path": SOCKET}, "do": "accept-then-close", "code": 1013}]),
        json!([drop, {"on": "frame-in", "match": {"path": SOCKET, "action": "subscribe"}, "do": "lose"}]),
        json!([drop, {"on": "frame-in", "match": {"path": SOCKET, "action": "subscribe"}, "do": "drop"}]),
        json!([drop, {"on": "frame-in", "match": {"path": SOCKET, "action": "subscribe"}, "do": "delay", "ms": 4_000}]),
        json!([drop, {"on": "frame-out", "match": {"path": SOCKET, "class": "success"}, "do": "lose"}]),
        json!([drop, {"on": "frame-in", "match": {"path": SOCKET, "action": "subscribe"}, "do": "reply", "frame": {"status": "error", "code": 429, "retryAfter": 5}}]),
        json!([{"on": "frame-out", "match": updates, "nth": 20, "do": "close", "code": 1008}, {"on": "http", "match": {"path": "/demo-backend/token"}, "do": "status", "status": 503}]),
    ];
    for fault in faults {
        let mut world = ready(options(3, json!({})));
        world.fault(fault.clone());
        for number in 0..90 {
            let now = world.now as i64;
            emit(&mut world, &[update("c0", now, &format!("a{number}")), update("c2", now, &format!("b{number}"))]);
            world.pass(500);
        }
        world.lift_faults();
        world.wait("at rest", 90_000, |world| world.state() == State::Ready);
        let now = world.now as i64;
        emit(&mut world, &[update("c0", now, "last a"), update("c2", now, "last b")]);
        world.pass(10_000);
        assert_eq!(held(&mut world), [["c0", "c1", "c2"]], "{fault}");
        assert!(subscribes(&world).iter().all(|(_, ids)| ids.len() == 3), "{fault}: all at once");
        assert!(apart(&world).iter().all(|gap| *gap >= 2_000), "{fault}: {:?}", apart(&world));
        for (channel, last) in [("c0", "last a"), ("c2", "last b")] {
            let of_it: Vec<_> = world.taken.iter().filter(|item| item["update"]["channelId"] == channel).cloned().collect();
            let mut unique = presences(&of_it);
            assert_eq!(unique.last(), Some(&last), "{fault}");
            unique.sort();
            unique.dedup();
            assert_eq!(unique.len(), of_it.len(), "{fault}: none twice");
            let mut newest = String::new();
            for item in &of_it {
                let time = item["update"]["timestamp"].as_str().unwrap();
                assert_eq!(item["outOfOrder"].as_bool(), Some(*time < *newest), "{fault}");
                newest = newest.max(time.to_string());
            }
        }
    }
}

// ---- other channels at run time

#[test]
fn other_channels_bring_connections_or_let_them_go() {
    let mut world = ready(options(5, json!({})));
    world.pass(3_000);
    subscribe(&mut world, &channels(25)).unwrap();
    world.wait("three", 5_000, |world| world.opens.len() == 3 && world.state() == State::Ready);
    world.pass(3_000);
    assert_eq!(held(&mut world).iter().map(Vec::len).sum::<usize>(), 25);
    subscribe(&mut world, &channels(3)).unwrap();
    world.pass(5_000);
    assert_eq!(held(&mut world), [["c0", "c1", "c2"]]);
    assert_eq!((world.state(), world.figure("connections")), (State::Ready, 1.0));
    assert_eq!((world.figure("stability"), world.figure("losses")), (1.0, 0.0), "nobody lost what was let go");
    // What is not needed is not opened again.
    let opens = world.opens.len();
    world.stop();
    world.pass(1_000);
    world.start();
    world.wait_for(State::Ready, 5_000);
    world.pass(5_000);
    assert_eq!((world.opens.len(), world.figure("reconnects")), (opens + 1, 0.0));
    assert_eq!(held(&mut world), [["c0", "c1", "c2"]]);
    subscribe(&mut world, &channels(15)).unwrap();
    world.pass(10_000);
    assert_eq!(held(&mut world).iter().map(Vec::len).sum::<usize>(), 15);
}

#[test]
fn other_channels_that_come_while_the_first_are_being_asked_for_are_not_forgotten() {
    for step in [10, 50, 70, 110, 130] {
        let mut world = World::new(Kind::Presence, options(2, json!({})));
        world.start();
        world.pass(step);
        subscribe(&mut world, &json!([{"id": "new", "type": "presence"}])).unwrap();
        world.pass(10_000);
        assert_eq!((held(&mut world), world.state()), (vec![vec!["new".to_string()]], State::Ready), "after {step} ms");
        assert_eq!(world.opens.len(), 1);
    }
}

#[test]
fn other_channels_before_the_beginning_are_those_that_are_asked_for() {
    let mut world = World::new(Kind::Presence, options(45, json!({})));
    subscribe(&mut world, &channels(12)).unwrap();
    world.start();
    world.wait_for(State::Ready, 5_000);
    world.pass(3_000);
    assert_eq!(world.opens.len(), 2);
    assert_eq!(held(&mut world).iter().map(Vec::len).sum::<usize>(), 12);
}

#[test]
fn updates_of_channels_that_are_not_asked_for_any_more_are_left_out() {
    let mut world = ready(options(2, json!({})));
    world.pass(3_000);
    emit(&mut world, &[update("c1", 0, "in time")]);
    world.pass(30);
    subscribe(&mut world, &channels(1)).unwrap();
    frame(&mut world, &framed(&update("c1", 10, "too late")).to_string());
    frame(&mut world, &framed(&update("never heard of", 10, "strange")).to_string());
    world.pass(3_000);
    assert_eq!(presences(&world.taken), ["in time"], "what was held is let go, not lost");
    assert_eq!((world.figure("unknownChannel"), world.figure("duplicates"), world.figure("unreadable")), (2.0, 0.0, 0.0));
}

#[test]
fn a_token_is_replaced_without_a_gap_where_there_is_room_for_a_second_socket() {
    let mut world = World::new(Kind::Presence, options(1, json!({})));
    world.set(json!({"deploymentId": DEPLOYMENT, "accessTokenSeconds": 3600}));
    world.start();
    world.wait_for(State::Ready, 5_000);
    world.pass(3_530_000);
    for number in 0..200 {
        let now = world.now as i64;
        emit(&mut world, &[update("c0", now, &number.to_string())]);
        world.pass(300);
    }
    world.pass(1_000);
    assert_eq!(world.opens.len(), 2);
    assert_eq!(presences(&world.taken), (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(world.states().iter().filter(|(_, state)| *state == State::Ready).count(), 1);
}

#[test]
fn a_token_of_five_connections_is_replaced_though_there_is_no_room_for_a_sixth() {
    let mut world = World::new(Kind::Presence, options(50, json!({})));
    world.set(json!({"deploymentId": DEPLOYMENT, "accessTokenSeconds": 3600}));
    world.start();
    world.wait_for(State::Ready, 5_000);
    for number in 0..730 {
        emit(&mut world, &[update("c7", number * 10_000, &format!("a{number}")), update("c47", number * 10_000, &format!("b{number}"))]);
        world.pass(10_000);
    }
    world.pass(5_000);
    assert_eq!(world.state(), State::Ready);
    assert_eq!(held(&mut world).iter().map(Vec::len).sum::<usize>(), 50);
    // The service closes the five when their token runs out; all are back within two seconds, with the newest of each channel.
    let states = world.states();
    let readies: Vec<_> = states.iter().filter(|(_, state)| *state == State::Ready).map(|(at, _)| *at).collect();
    assert_eq!(readies.len(), 3, "{readies:?}");
    // The second token was asked for a minute before the first ran out, and lives for an hour as well.
    assert!(readies[1..].iter().zip([3_600_000, 7_140_000]).all(|(at, end)| (end..end + 3_000).contains(at)), "{readies:?}");
    assert_eq!(world.taken.len(), 1_460);
    assert!(errors(&world).is_empty());
}

// ---- the page's life

#[test]
fn a_page_that_stood_still_does_not_take_its_line_for_dead() {
    let mut world = ready(options(1, json!({})));
    world.pass(20_000);
    world.frozen = true;
    for number in 0..10 {
        emit(&mut world, &[update("c0", number, &number.to_string())]);
        world.pass(6_000);
    }
    world.thaw();
    world.pass(10_000);
    assert_eq!((world.state(), world.opens.len()), (State::Ready, 1));
    assert_eq!(presences(&world.taken), (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(world.figure("stability"), 1.0);
}

#[test]
fn a_page_that_was_put_away_is_back_with_its_channels_when_it_is_shown() {
    let mut world = ready(options(12, json!({})));
    world.pass(5_000);
    world.page(Page::Left);
    world.pass(30_000);
    assert!(world.subscriptions().len() <= 2);
    emit(&mut world, &[update("c0", 5, "missed")]);
    world.page(Page::Shown);
    world.wait_for(State::Ready, 3_000);
    world.pass(1_000);
    assert_eq!(held(&mut world).iter().map(Vec::len).sum::<usize>(), 12);
    assert_eq!(presences(&world.taken), ["missed"]);
    assert_eq!((world.figure("stability"), world.figure("losses")), (1.0, 0.0), "the page gave it up itself");
}

// ---- what is hostile

#[test]
fn hostile_frames_harm_nothing() {
    let mut world = ready(options(1, json!({})));
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
        &deep,
        r#"{"type":"presence"}"#,
        r#"{"type":"presence","channelId":7,"timestamp":7,"eventType":7,"payload":7}"#,
        r#"{"type":"presence","channelId":null,"timestamp":null,"eventType":null,"payload":null}"#,
        r#"{"type":"presence","channelId":"c0"}"#,
        r#"{"type":"presence","channelId":"c0","timestamp":-1}"#,
        r#"{"type":"presence","channelId":"c0","timestamp":99999999999999999999999,"payload":[]}"#,
        r#"{"type":"presence","channelId":"c0","timestamp":"9999-12-31T23:59:59.999Z"}"#,
        r#"{"type":"presence","channelId":"c0","timestamp":"0000-01-01T00:00:00Z"}"#,
        r#"{"type":"presence","channelId":{},"payload":{"presence":[]}}"#,
        r#"{"status":7}"#,
        r#"{"status":"success"}"#,
        r#"{"status":"success","code":429}"#,
        r#"{"status":"odd"}"#,
        r#"{"status":"error"}"#,
        r#"{"status":"error","code":"x"}"#,
        r#"{"status":"error","code":-9223372036854775808}"#,
        r#"{"status":"error","code":99999999999}"#,
        r#"{"status":"error","code":403}"#,
        r#"{"status":"error","code":403,"channelId":7}"#,
        r#"{"type":"pong"}"#,
        r#"{"type":"pong","sequence":{}}"#,
        r#"{"type":"ping"}"#,
        "\u{0}",
        "\u{fffd}\u{1f600}",
        &format!(r#"{{"type":"presence","channelId":"c0","timestamp":"{long}"}}"#),
    ] {
        frame(&mut world, text);
    }
    world.pass(5_000);
    assert_eq!(world.state(), State::Ready);
    let taken = world.taken.len();
    emit(&mut world, &[update("c0", 9_000, "still there")]);
    world.pass(1_000);
    assert_eq!(presences(&world.taken[taken..]), ["still there"]);
}

#[test]
fn hostile_multitudes_are_bounded_and_nothing_is_lost_beyond_the_policy() {
    let mut world = ready(options(10, json!({"queue": {"size": 100}})));
    world.takes = false;
    register(&mut world, json!({"id": "g"})).unwrap();
    register(&mut world, json!({"id": "hook", "url": "http://hook/"})).unwrap();
    world.hooks.insert("http://hook/".into(), Hook::Hangs);
    for round in 0..5 {
        let updates: Vec<_> = (0..3_000).map(|n| update(&format!("c{}", n % 10), round * 10_000 + n, "busy")).collect();
        emit(&mut world, &updates);
        world.pass(1_000);
    }
    assert_eq!(world.figure("total"), 15_000.0);
    assert_eq!((world.figure("queued"), world.figure("dropped")), (200.0, 2.0 * 14_900.0));
    let newest = world.take("g", 1_000);
    assert_eq!(newest.len(), 100);
    assert_eq!(newest[99]["update"]["timestamp"], World::at(42_999));
    // A webhook holds a thousand (and the one under way is among them).
    assert_eq!(world.figure("webhooksLost"), 14_000.0);
}
