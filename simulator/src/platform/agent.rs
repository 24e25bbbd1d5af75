//! The other side of the conversation: what agents and bots say and do to a guest's session.

use serde_json::{Map, Value, json};

use super::Platform;
use super::frame::{self, presence};
use super::limits::AGENT_TEXT_CHARACTERS;
use super::session::{Entry, Key};
use super::settings::Disconnect;
use crate::protocol::Protocol;

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Speaker {
    Human,
    Bot,
}

/// What an agent does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AgentAct {
    Text(String),
    /// `On` or `Off`.
    Typing(String),
    Structured {
        text: Option<String>,
        content: Value,
    },
    /// The content of `events`.
    Event(Value),
    /// Read-only or not; `None`: as the deployment is set up.
    Disconnect(Option<bool>),
    /// Any frame, to all connections; stored too when it is a message and this is asked for.
    Raw {
        frame: Value,
        store: bool,
    },
}

impl Platform {
    /// Does it, and gives the service's id of what was said, if anything was.
    pub(crate) fn agent(&mut self, now: u64, key: &Key, act: AgentAct) -> Result<Option<String>, String> {
        self.advance(now);
        if self.session(key).is_none() {
            return Err("there is no such session".into());
        }
        match act {
            AgentAct::Text(text) => {
                if text.chars().count() > AGENT_TEXT_CHARACTERS {
                    return Err(format!("an agent's text has at most {AGENT_TEXT_CHARACTERS} characters"));
                }
                Ok(self.say(key, Speaker::Human, json!({ "type": "Text", "text": text })))
            }
            AgentAct::Structured { text, content } => {
                let mut said = json!({ "type": "Structured", "content": content });
                if let Some(text) = text {
                    said["text"] = text.into();
                }
                Ok(self.say(key, Speaker::Human, said))
            }
            AgentAct::Typing(kind) => {
                self.type_on(key, Speaker::Human, &kind);
                Ok(None)
            }
            AgentAct::Event(events) => Ok(self.say(key, Speaker::Human, json!({ "type": "Event", "events": events }))),
            AgentAct::Disconnect(read_only) => Ok(self.disconnect(key, Speaker::Human, read_only)),
            AgentAct::Raw { frame, store } => {
                let body = match self.protocol_of(key) {
                    Protocol::Guest => &frame["body"],
                    Protocol::Session | Protocol::Stream => &frame,
                };
                let id = body["id"].as_str().map(str::to_owned);
                if store {
                    self.keep(key, body.clone());
                }
                self.broadcast(key, &frame);
                Ok(id)
            }
        }
    }

    /// Stores something outbound and sends it to all connections. Typing alone is not stored.
    pub(super) fn say(&mut self, key: &Key, speaker: Speaker, said: Value) -> Option<String> {
        if self.protocol_of(key) == Protocol::Session {
            return self.say_in_session(key, speaker, &said);
        }
        let mut body = self.outbound(key, speaker);
        let id = body["id"].as_str().map(str::to_owned);
        if let (Some(body), Value::Object(said)) = (body.as_object_mut(), said) {
            body.extend(said);
        }
        self.keep(key, body.clone());
        self.broadcast(key, &frame::message("StructuredMessage", body, None));
        id
    }

    /// A typing event; not stored.
    pub(super) fn type_on(&mut self, key: &Key, speaker: Speaker, kind: &str) {
        let mut body = self.outbound(key, speaker);
        body["type"] = "Event".into();
        body["events"] = match kind {
            "Off" => json!([{ "eventType": "Typing", "typing": { "type": "Off" } }]),
            _ => json!([{ "eventType": "Typing", "typing": { "type": "On", "duration": 5000 } }]),
        };
        self.broadcast(key, &frame::message("StructuredMessage", body, None));
    }

    /// The agent's end of the conversation (§3.4.5): nothing at all, an event, or an event and read-only from now on.
    pub(super) fn disconnect(&mut self, key: &Key, speaker: Speaker, read_only: Option<bool>) -> Option<String> {
        let read_only = match (read_only, self.settings.of(&key.0).disconnect) {
            (None, Disconnect::Off) => return None,
            (Some(read_only), _) => read_only,
            (None, kind) => kind == Disconnect::ReadOnly,
        };
        let mut said = json!({ "type": "Event", "events": presence("Disconnect") });
        if read_only {
            said["metadata"] = json!({ "correlationId": self.seed.uuid(), "readOnly": "true" });
        }
        let id = self.say(key, speaker, said);
        if read_only && let Some(session) = self.session_mut(key) {
            session.read_only = true;
        }
        id
    }

    /// Stores something outbound, unless it is fleeting.
    pub(super) fn keep(&mut self, key: &Key, body: Value) {
        let fleeting = |event: &Value| event["eventType"] == "Typing";
        if body["events"].as_array().is_some_and(|events| events.iter().all(fleeting)) {
            return;
        }
        let entry = Entry { at: self.now, body, tracing: None, attributes: Map::new(), visible_from: self.now + self.storing_lag };
        self.store(key, entry, None, None);
    }

    /// The body of something outbound, without its type and content. Bots carry no `messageId` (§3.4.1).
    fn outbound(&mut self, key: &Key, speaker: Speaker) -> Value {
        let humanize = self.settings.of(&key.0).humanize;
        let (entity, name) = match speaker {
            Speaker::Human => ("Human", "Agent"),
            Speaker::Bot => ("Bot", "Bot"),
        };
        let from = if humanize { json!({ "nickname": name }) } else { json!({}) };
        let mut body = json!({
            "id": self.seed.hex32(),
            "direction": "Outbound",
            "channel": { "time": self.message_time(&key.0), "type": "Private", "from": from, "to": {} },
            "metadata": { "correlationId": self.seed.uuid() },
            "originatingEntity": entity,
        });
        if speaker == Speaker::Human {
            body["channel"]["messageId"] = self.seed.uuid().into();
        }
        body
    }
}
