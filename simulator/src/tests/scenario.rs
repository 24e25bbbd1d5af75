//! A contact centre's day on all streams: the same for the same seed, one story everywhere, as fast as is wanted.

use std::collections::{BTreeMap, BTreeSet};

use super::session_api::{body, token_for};
use super::stream_conversations::{SESSION, listen};
use super::stream_interactions::{connected, subscribe};
use super::*;

/// One socket on each stream of deployment `demo`, all of them with everything.
struct Audience {
    world: World,
    conversations: ConnectionId,
    interactions: ConnectionId,
    presence: ConnectionId,
}

impl Audience {
    fn new() -> Self {
        Self::at(START)
    }

    fn at(now: u64) -> Self {
        let mut world = World::with(json!({ "binaryEvery": 0 }));
        world.now = now;
        let token = token_for(&mut world, "demo");
        let conversations = listen(&mut world, &token, SESSION, "");
        let interactions = connected(&mut world, &token);
        subscribe(&mut world, interactions, json!({}));
        let presence = world.connect_to(&format!("/api/v2/user/websocket?access_token={token}"), None);
        let channels: Value = ["presence", "routing", "message"].iter().map(|kind| json!({ "id": kind, "type": kind })).collect();
        world.ask(presence, json!({ "type": "subscribe", "channels": channels }));
        Self { world, conversations, interactions, presence }
    }

    fn play(&mut self, more: Value) -> Value {
        let mut asked = json!({ "do": "play", "outOfOrder": 0, "duplicate": 0 });
        asked.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.world.post("/_sim/scenario", asked)
    }

    fn told(&mut self) -> Told {
        let interactions = self.world.frames(self.interactions).iter().map(|frame| frame["events"][0].clone()).collect();
        Told { conversations: self.world.frames(self.conversations), interactions, presence: self.world.frames(self.presence) }
    }

    fn state(&mut self) -> Value {
        self.world.get("/_sim/scenario")
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Told {
    conversations: Vec<Value>,
    interactions: Vec<Value>,
    presence: Vec<Value>,
}

impl Told {
    fn len(&self) -> usize {
        self.conversations.len() + self.interactions.len() + self.presence.len()
    }

    fn streams(&self) -> [&[Value]; 3] {
        [&self.conversations, &self.interactions, &self.presence]
    }

    /// What happens, without the ids and times that tell two days apart.
    fn story(&self) -> Vec<String> {
        let conversation =
            |event: &Value| format!("{} {} {} {}", event["type"], event["data"]["participant"], event["data"]["queue"], event["data"]["reason"]);
        let interaction = |event: &Value| format!("{} {} {} {}", event["type"], event["participant"], event["channel"], event["reason"]);
        let presence =
            |event: &Value| format!("{} {} {}", event["payload"]["userId"], event["payload"]["presence"], event["payload"]["routingStatus"]);
        let told = self.conversations.iter().map(conversation).chain(self.interactions.iter().map(interaction));
        told.chain(self.presence.iter().map(presence)).collect()
    }
}

fn texts_of<'a>(events: &'a [Value], member: &str) -> Vec<&'a str> {
    events.iter().map(|event| event[member].as_str().unwrap_or_default()).collect()
}

#[test]
fn the_same_seed_tells_the_same_story_and_another_seed_another() {
    let story = |seed: u64, start: u64| {
        let mut audience = Audience::at(start);
        audience.play(json!({ "seed": seed }));
        audience.world.pass(20_000);
        audience.told()
    };
    let first = story(1, START);
    assert!(first.len() > 500, "{}", first.len());
    assert_eq!(first, story(1, START));
    assert_ne!(first.story(), story(2, START).story());
    let later = story(1, START + 86_400_000);
    assert_eq!(first.story(), later.story());
    let ids: BTreeSet<&str> = texts_of(&first.conversations, "id").into_iter().collect();
    assert!(texts_of(&later.conversations, "id").iter().all(|id| !ids.contains(id)), "what is told again is new");
}

#[test]
fn every_conversation_event_has_an_id_of_its_own_and_the_time_at_which_it_came() {
    let mut audience = Audience::new();
    audience.play(json!({}));
    let mut seen = BTreeSet::new();
    for ms in 0..20_000 {
        audience.world.pass(ms.min(1));
        let now = crate::calendar::iso(audience.world.now);
        let told = audience.told();
        for stream in told.streams() {
            assert!(stream.iter().all(|event| event["timestamp"] == now.as_str()));
        }
        assert!(told.conversations.iter().all(|event| seen.insert(event["id"].as_str().unwrap().to_owned())));
    }
    assert!(seen.len() > 100);
}

#[test]
fn the_streams_tell_one_story() {
    let mut audience = Audience::new();
    audience.play(json!({}));
    audience.world.pass(60_000);
    let told = audience.told();
    let kinds: BTreeSet<&str> = texts_of(&told.interactions, "type").into_iter().collect();
    assert_eq!(kinds, BTreeSet::from(["HoldEnded", "HoldStarted", "ParticipantJoined", "ParticipantLeft"]));
    // What the interactions say of participants, the conversations say too, in the same order.
    let of = |event: &Value, id: &Value, participant: &Value, reason: &Value| format!("{} {id} {participant} {reason}", event["type"]);
    let interactions: Vec<String> =
        told.interactions.iter().map(|event| of(event, &event["interaction"], &event["participant"], &event["reason"])).collect();
    let conversations: Vec<String> = told
        .conversations
        .iter()
        .filter(|event| kinds.contains(event["type"].as_str().unwrap()))
        .map(|event| of(event, &event["data"]["conversationId"], &event["data"]["participant"], &event["data"]["reason"]))
        .collect();
    assert_eq!(interactions, conversations);
    // Whoever is with a customer is busy, and nobody is with two.
    let mut presence: BTreeMap<&str, &str> = BTreeMap::new();
    let mut at = told.presence.iter().filter(|update| update["type"] == "presence").peekable();
    let mut with = BTreeMap::new();
    for event in told.conversations.iter().filter(|event| event["data"]["userId"].is_string() && event["type"] != "MessageReceived") {
        while let Some(update) = at.next_if(|update| update["timestamp"].as_str() <= event["timestamp"].as_str()) {
            presence.insert(update["payload"]["userId"].as_str().unwrap(), update["payload"]["presence"].as_str().unwrap());
        }
        let user = event["data"]["userId"].as_str().unwrap();
        match event["type"].as_str().unwrap() {
            "ParticipantJoined" => {
                assert_eq!(presence[user], "busy");
                assert_eq!(with.insert(user, &event["data"]["conversationId"]), None);
            }
            "ParticipantLeft" => assert_eq!(with.remove(user), Some(&event["data"]["conversationId"])),
            _ => {}
        }
    }
    assert!(!with.is_empty());
    let agents = texts_of(&told.interactions, "participant");
    assert!(agents.contains(&"customer") && agents.contains(&"Ada Park (agent)"));
    let users: BTreeSet<&str> = presence.keys().copied().collect();
    assert!(users.contains("agent-01") && users.contains("agent-24") && users.len() == 24);
}

#[test]
fn the_notifications_tell_it_too() {
    let mut audience = Audience::new();
    let token = token_for(&mut audience.world, "demo");
    let bearer = format!("Bearer {token}");
    let channel =
        body(&audience.world.http("POST", "/api/v2/notifications/channels", &[("Authorization", &bearer)], b""))["id"].as_str().unwrap().to_owned();
    let users = (1..=24).flat_map(|at| ["presence", "routingStatus", "conversations"].map(|topic| format!("v2.users.agent-{at:02}.{topic}")));
    let queues = ["sales", "support", "billing"].map(|queue| format!("v2.routing.queues.{queue}.conversations"));
    let topics: Value = users.chain(queues).map(|topic| json!({ "id": topic })).collect();
    let path = format!("/api/v2/notifications/channels/{channel}/subscriptions");
    audience.world.http("PUT", &path, &[("Authorization", &bearer)], topics.to_string().as_bytes());
    let socket = audience.world.connect_to(&format!("/channels/{channel}"), None);
    audience.play(json!({}));
    audience.world.pass(25_000);
    let told = audience.told();
    let frames = audience.world.frames(socket);
    let of = |ending: &str| -> Vec<&Value> { frames.iter().filter(|frame| frame["topicName"].as_str().unwrap().ends_with(ending)).collect() };
    let presences: Vec<String> = of(".presence")
        .iter()
        .map(|frame| format!("{} {}", frame["topicName"], frame["eventBody"]["presenceDefinition"]["systemPresence"]))
        .collect();
    let word = |presence: &Value| match presence.as_str().unwrap() {
        "online" => "AVAILABLE",
        "busy" => "BUSY",
        "away" => "AWAY",
        "offline" => "OFFLINE",
        "meeting" => "MEETING",
        "lunch" => "MEAL",
        "training" => "TRAINING",
        "other" => "BREAK",
        other => panic!("{other}"),
    };
    let updates: Vec<String> = told
        .presence
        .iter()
        .filter(|update| update["type"] == "presence")
        .map(|update| format!("\"v2.users.{}.presence\" \"{}\"", update["payload"]["userId"].as_str().unwrap(), word(&update["payload"]["presence"])))
        .collect();
    assert_eq!(presences, updates);
    let routing: Vec<&Value> = of(".routingStatus").iter().map(|frame| &frame["eventBody"]["routingStatus"]["status"]).collect();
    let expected: Vec<&Value> =
        told.presence.iter().filter(|update| update["type"] == "routing").map(|update| &update["payload"]["routingStatus"]).collect();
    assert_eq!(routing, expected);
    // The last state of a conversation that ended: everyone has left, at the times that the interactions tell.
    let ended = told.conversations.iter().find(|event| event["type"] == "ConversationEnded" && event["data"]["reason"] == "completed").unwrap();
    let id = &ended["data"]["conversationId"];
    let whole = of(".conversations").into_iter().rfind(|frame| frame["eventBody"]["id"] == *id).unwrap();
    let mut left = BTreeSet::new();
    for participant in whole["eventBody"]["participants"].as_array().unwrap() {
        let parts = ["calls", "chats", "messages", "videos"].iter().find_map(|media| participant[*media].as_array()).unwrap();
        for part in parts {
            assert_eq!(part["state"], "disconnected");
            left.insert(format!("{} {} {}", participant["id"], part["disconnectedTime"], part["disconnectType"]));
        }
    }
    let expected: BTreeSet<String> = told
        .interactions
        .iter()
        .filter(|event| event["interaction"] == *id && event["type"] == "ParticipantLeft")
        .map(|event| format!("{} {} {}", event["participant"], event["timestamp"], event["reason"]))
        .collect();
    assert_eq!(left, expected);
    assert!(left.len() >= 2);
}

#[test]
fn some_come_late_and_some_come_twice() {
    let mut audience = Audience::new();
    audience.play(json!({ "outOfOrder": 0.2, "duplicate": 0.1 }));
    let (mut late, mut all) = (0, 0);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for ms in 0..20_000 {
        audience.world.pass(ms.min(1));
        let now = audience.world.now;
        let told = audience.told();
        for event in told.streams().concat() {
            let wait = now - crate::calendar::parse(event["timestamp"].as_str().unwrap()).unwrap();
            assert!(wait == 0 || (50..=400).contains(&wait), "{wait}");
            all += 1;
            late += usize::from(wait > 0);
        }
        for event in told.conversations {
            *seen.entry(event["id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    let share = |part: usize, of: usize| part as f64 / of as f64;
    assert!((0.15..0.25).contains(&share(late, all)), "{late} of {all}");
    let twice = seen.values().filter(|times| **times == 2).count();
    assert!((0.05..0.15).contains(&share(twice, seen.len())), "{twice} of {}", seen.len());
    assert!(seen.values().all(|times| *times <= 2));
}

#[test]
fn a_rate_is_kept_to_the_event() {
    for rate in [5_000, 1_000, 7] {
        let mut audience = Audience::new();
        audience.play(json!({ "ratePerSecond": rate }));
        for second in 1..=2 {
            audience.world.pass(1_000);
            let told = audience.told();
            assert_eq!(told.len(), rate, "second {second}");
            assert_eq!(audience.state()["events"], rate * second);
            if rate >= 1_000 {
                assert!(told.streams().iter().all(|stream| stream.len() > rate / 5), "all streams have their share");
            }
            let newest = told.streams().concat().iter().filter_map(|event| crate::calendar::parse(event["timestamp"].as_str()?)).max();
            assert_eq!(newest, Some(audience.world.now));
        }
    }
}

#[test]
fn a_low_rate_slows_the_story_and_leaves_nothing_out() {
    let parts = |more: Value| {
        let mut audience = Audience::new();
        audience.play(more);
        audience.world.pass(60_000);
        let told = Told { interactions: Vec::new(), presence: Vec::new(), ..audience.told() };
        let parts: Vec<String> = told.story().into_iter().filter(|line| line.contains("Participant")).collect();
        (parts, audience.state()["at"].as_u64().unwrap())
    };
    let ((whole, at), (slow, slow_at)) = (parts(json!({})), parts(json!({ "ratePerSecond": 20 })));
    assert_eq!(at, 3_600_000, "an hour in a minute");
    assert!(slow_at < at && slow.len() > 100 && slow.len() < whole.len(), "{slow_at} {} {}", slow.len(), whole.len());
    assert_eq!(slow, whole[..slow.len()]);
}

#[test]
fn it_is_stopped_begun_anew_and_reset() {
    let mut audience = Audience::new();
    assert_eq!(audience.state(), json!({ "playing": false, "events": 0, "at": 0 }));
    assert_eq!(audience.play(json!({ "outOfOrder": 1.0 }))["playing"], true);
    audience.world.pass(10_000);
    let came = audience.told().len();
    let state = audience.world.post("/_sim/scenario", json!({ "do": "stop" }));
    let rest = audience.told().len();
    assert_eq!((&state["playing"], &state["at"]), (&json!(false), &json!(600_000)));
    assert_eq!(state["events"], came + rest, "what was held back comes with the end");
    assert!(rest > 0);
    audience.world.pass(60_000);
    assert_eq!(audience.told().len(), 0);
    assert_eq!(audience.state(), state);
    audience.play(json!({ "seed": 2, "speed": 1 }));
    audience.world.pass(2_000);
    assert!(audience.told().len() > 0);
    assert_eq!(audience.state()["at"], 2_000);
    assert_eq!(audience.world.get("/_sim/scenario?deploymentId=other")["playing"], false);
    audience.world.post("/_sim/reset", json!({ "deploymentId": "demo" }));
    assert_eq!(audience.world.get("/_sim/scenario?deploymentId=demo"), json!({ "playing": false, "events": 0, "at": 0 }));
}

#[test]
fn what_cannot_be_played_is_refused() {
    let mut world = World::new();
    for (body, reason) in [
        (json!({}), "do is play or stop"),
        (json!({ "do": "play", "ratePerSecond": 5_001 }), "ratePerSecond is a whole number from 1 to 5000"),
        (json!({ "do": "play", "agents": 0 }), "agents is a whole number from 1 to 132"),
        (json!({ "do": "play", "speed": 0 }), "speed is a number from 0.01 to 10000"),
        (json!({ "do": "play", "duplicate": 2 }), "duplicate is a number from 0 to 1"),
        (json!({ "do": "play", "seed": "x" }), "seed is a whole number from 0 to 18446744073709551615"),
    ] {
        let (status, answer) = world.control("POST", "/_sim/scenario", &body.to_string());
        assert_eq!((status, &answer["error"]), (400, &json!(reason)));
    }
}
