//! What happens in the centre, as it looks on each stream: one story, told five ways.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::streams::Update;
use super::centre::{Centre, Happening, Number, Who};
use crate::calendar;
use crate::seed::Seed;

const FIRST: [&str; 12] = ["Ada", "Ben", "Chloe", "Dev", "Elif", "Finn", "Grace", "Hugo", "Ines", "Jonas", "Kim", "Lena"];
const LAST: [&str; 11] = ["Park", "Okafor", "Meyer", "Silva", "Novak", "Khan", "Rossi", "Dubois", "Larsen", "Tanaka", "Moreau"];

/// Something to be sent.
#[derive(Clone)]
pub(super) enum Emission {
    Conversation(Value),
    Interaction(Value),
    Update(Update),
    /// An event of a topic of the Notifications service.
    Topic(String, Value),
}

impl Emission {
    /// Has its turn later than it was told.
    pub(super) fn stamp(&mut self, at: u64) {
        match self {
            Self::Conversation(event) | Self::Interaction(event) => event["timestamp"] = calendar::iso(at).into(),
            Self::Update(update) => update.timestamp = calendar::iso(at),
            Self::Topic(..) => {}
        }
    }

    /// Whether it counts as an event of a stream. What the Notifications service says comes on top.
    pub(super) fn counts(&self) -> bool {
        !matches!(self, Self::Topic(..))
    }
}

/// `agent-01` and so on.
fn user(agent: usize) -> String {
    format!("agent-{:02}", agent + 1)
}

fn name(agent: usize) -> String {
    // Two numbers without a common divisor: a hundred and more names before one comes again.
    format!("{} {}", FIRST[agent % FIRST.len()], LAST[agent % LAST.len()])
}

/// Under which name someone takes part.
fn label(who: Who) -> String {
    match who {
        Who::Customer => "customer".into(),
        Who::Agent(agent) => format!("{} (agent)", name(agent)),
    }
}

/// The Notifications service's word for a presence.
fn system_presence(presence: &str) -> &'static str {
    match presence {
        "online" => "AVAILABLE",
        "busy" => "BUSY",
        "offline" => "OFFLINE",
        "meeting" => "MEETING",
        "lunch" => "MEAL",
        "training" => "TRAINING",
        "other" => "BREAK",
        _ => "AWAY",
    }
}

/// Gives names to what happens.
pub(super) struct Teller {
    ids: Seed,
    /// The ids of the conversations that go on.
    conversations: BTreeMap<Number, String>,
    /// Of what is being told.
    at: u64,
    told: Vec<Emission>,
}

impl Teller {
    pub(super) fn new(seed: u64) -> Self {
        Self { ids: Seed::new(seed), conversations: BTreeMap::new(), at: 0, told: Vec::new() }
    }

    /// One step of the centre on all streams.
    pub(super) fn tell(&mut self, centre: &mut Centre, happened: &[Happening], at: u64) -> Vec<Emission> {
        self.at = at;
        let mut changed: Vec<Number> = Vec::new();
        for happening in happened {
            match *happening {
                Happening::Presence(agent, presence) => self.tell_presence(agent, presence),
                Happening::Routing(agent, status) => self.tell_routing(agent, status),
                Happening::Started(number) => {
                    let id = self.ids.uuid();
                    self.conversations.insert(number, id);
                    self.tell_event(centre, number, "ConversationStarted", &json!({ "direction": "inbound" }));
                }
                Happening::Queued(number) => self.tell_event(centre, number, "QueueJoined", &json!({})),
                Happening::Joined(number, who) => self.tell_part(centre, number, "ParticipantJoined", who, None),
                Happening::HoldStarted(number, agent) => self.tell_part(centre, number, "HoldStarted", Who::Agent(agent), None),
                Happening::HoldEnded(number, agent) => self.tell_part(centre, number, "HoldEnded", Who::Agent(agent), None),
                Happening::Left(number, who, reason) => self.tell_part(centre, number, "ParticipantLeft", who, Some(reason)),
                Happening::Message(number, agent) => self.tell_message(centre, number, agent),
                Happening::Ended(number, reason) => {
                    self.tell_event(centre, number, "ConversationEnded", &json!({ "reason": reason }));
                }
            }
            if let Happening::Joined(number, _) | Happening::Left(number, ..) = happening
                && !changed.contains(number)
            {
                changed.push(*number);
            }
        }
        for number in changed {
            self.tell_whole(centre, number);
            if centre.conversation(number).is_some_and(|conversation| conversation.is_over) {
                centre.forget(number);
                self.conversations.remove(&number);
            }
        }
        std::mem::take(&mut self.told)
    }

    /// Something small that fits in anywhere, on each stream in turn.
    pub(super) fn fill(&mut self, centre: &mut Centre, turn: u64, at: u64) -> Emission {
        let running = if turn % 3 == 1 { centre.any_running() } else { None };
        match (turn % 3, running.and_then(|number| Some((centre.conversation(number)?, self.conversations.get(&number)?)))) {
            (1, Some((conversation, id))) => {
                let who = conversation.stays.iter().rfind(|stay| stay.left.is_none()).map_or(Who::Customer, |stay| stay.who);
                Emission::Interaction(json!({
                    "timestamp": calendar::iso(at), "type": "MediaMeasured", "participant": label(who), "interaction": id, "channel": conversation.channel,
                }))
            }
            (2, _) => {
                let agent = centre.any_agent();
                Emission::Update(update("message", "message.unread", agent, json!({ "unread": turn % 10 }), at))
            }
            _ => {
                let (waiting, running) = centre.load();
                let data = json!({ "queue": centre.any_queue(), "waiting": waiting, "running": running });
                Emission::Conversation(self.event("QueueMeasured", data, at))
            }
        }
    }

    fn event(&mut self, kind: &str, data: Value, at: u64) -> Value {
        json!({ "id": self.ids.uuid(), "timestamp": calendar::iso(at), "type": kind, "data": data })
    }

    fn tell_event(&mut self, centre: &Centre, number: Number, kind: &str, more: &Value) {
        let (Some(conversation), Some(id)) = (centre.conversation(number), self.conversations.get(&number)) else {
            return;
        };
        let mut data = json!({ "conversationId": id, "channel": conversation.channel, "queue": conversation.queue });
        if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
            data.extend(more.clone());
        }
        let event = self.event(kind, data, self.at);
        self.told.push(Emission::Conversation(event));
    }

    /// Something about a participant: on the conversation events and on the interaction events.
    fn tell_part(&mut self, centre: &Centre, number: Number, kind: &str, who: Who, reason: Option<&str>) {
        let mut more = json!({ "participant": label(who) });
        if let Who::Agent(agent) = who {
            more["userId"] = user(agent).into();
        }
        if let Some(reason) = reason {
            more["reason"] = reason.into();
        }
        self.tell_event(centre, number, kind, &more);
        let (Some(conversation), Some(id)) = (centre.conversation(number), self.conversations.get(&number)) else {
            return;
        };
        let mut event = json!({
            "timestamp": calendar::iso(self.at), "type": kind, "participant": label(who), "interaction": id, "channel": conversation.channel,
        });
        if let Some(reason) = reason {
            event["reason"] = reason.into();
        }
        self.told.push(Emission::Interaction(event));
    }

    fn tell_message(&mut self, centre: &Centre, number: Number, agent: usize) {
        self.tell_event(centre, number, "MessageReceived", &json!({ "participant": "customer", "userId": user(agent) }));
        if let Some(id) = self.conversations.get(&number) {
            self.told.push(Emission::Update(update(
                "message",
                "message.received",
                agent,
                json!({ "conversationId": id, "from": "customer" }),
                self.at,
            )));
        }
    }

    fn tell_presence(&mut self, agent: usize, presence: &str) {
        self.told.push(Emission::Update(update("presence", "presence.changed", agent, json!({ "presence": presence }), self.at)));
        let body = json!({
            "source": "PURECLOUD",
            "presenceDefinition": { "id": presence, "systemPresence": system_presence(presence) },
            "message": "",
            "modifiedDate": calendar::iso(self.at),
        });
        self.told.push(Emission::Topic(format!("v2.users.{}.presence", user(agent)), body));
    }

    fn tell_routing(&mut self, agent: usize, status: &str) {
        self.told.push(Emission::Update(update("routing", "routing.changed", agent, json!({ "routingStatus": status }), self.at)));
        let body = json!({ "routingStatus": { "userId": user(agent), "status": status, "startTime": calendar::iso(self.at) } });
        self.told.push(Emission::Topic(format!("v2.users.{}.routingStatus", user(agent)), body));
    }

    /// The whole conversation as it stands, for everyone who was in it and for its queue.
    fn tell_whole(&mut self, centre: &Centre, number: Number) {
        let (Some(conversation), Some(id)) = (centre.conversation(number), self.conversations.get(&number)) else {
            return;
        };
        let media = match conversation.channel {
            "voice" => "calls",
            "chat" => "chats",
            "sms" => "messages",
            _ => "videos",
        };
        let mut participants: Vec<(Who, Map<String, Value>, Vec<Value>)> = Vec::new();
        for (at, stay) in conversation.stays.iter().enumerate() {
            let mut part = json!({ "id": format!("{id}-{at}"), "state": "connected", "connectedTime": calendar::iso(stay.joined) });
            if let Some((left, reason)) = stay.left {
                part["state"] = "disconnected".into();
                part["disconnectedTime"] = calendar::iso(left).into();
                part["disconnectType"] = reason.into();
            }
            match participants.iter_mut().find(|(who, ..)| *who == stay.who) {
                Some((_, _, parts)) => parts.push(part),
                None => {
                    let mut participant = Map::from_iter([("id".to_owned(), Value::from(label(stay.who)))]);
                    match stay.who {
                        Who::Customer => participant.insert("purpose".into(), "customer".into()),
                        Who::Agent(agent) => {
                            participant.insert("userId".into(), user(agent).into());
                            participant.insert("purpose".into(), "agent".into())
                        }
                    };
                    participants.push((stay.who, participant, vec![part]));
                }
            }
        }
        let agents: Vec<String> = participants
            .iter()
            .filter_map(|(who, ..)| match who {
                Who::Agent(agent) => Some(format!("v2.users.{}.conversations", user(*agent))),
                Who::Customer => None,
            })
            .collect();
        let participants: Vec<Value> = participants
            .into_iter()
            .map(|(_, mut participant, parts)| {
                participant.insert(media.into(), Value::Array(parts));
                Value::Object(participant)
            })
            .collect();
        let body = json!({ "id": id, "participants": participants });
        let topics = agents.into_iter().chain([format!("v2.routing.queues.{}.conversations", conversation.queue)]);
        self.told.extend(topics.map(|topic| Emission::Topic(topic, body.clone())));
    }
}

fn update(kind: &str, event: &str, agent: usize, payload: Value, at: u64) -> Update {
    let mut whole = json!({ "userId": user(agent), "name": name(agent) });
    if let (Value::Object(whole), Value::Object(payload)) = (&mut whole, payload) {
        whole.extend(payload);
    }
    Update { channel: None, kind: Some(kind.to_owned()), timestamp: calendar::iso(at), event: event.into(), payload: whole }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn agents_have_names_of_their_own() {
        assert_eq!((user(0).as_str(), label(Who::Agent(0)).as_str()), ("agent-01", "Ada Park (agent)"));
        assert_eq!(label(Who::Customer), "customer");
        let names: BTreeSet<String> = (0..FIRST.len() * LAST.len()).map(name).collect();
        assert_eq!(names.len(), FIRST.len() * LAST.len());
    }
}
