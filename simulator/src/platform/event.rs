//! `onMessage` of type Event: typing, Join, Clear (guest-api.md §2.6).

use serde_json::{Map, Value, json};

use super::frame::{self, presence};
use super::limits::{TYPING_PER_WINDOW, TYPING_WINDOW};
use super::session::{Entry, Key};
use super::{Platform, Refusal, Request};

impl Platform {
    pub(super) fn on_events(&mut self, key: &Key, request: &Request, message: &Map<String, Value>) -> Result<(), Refusal> {
        let events: &[Value] = message.get("events").and_then(Value::as_array).map_or(&[], Vec::as_slice);
        if events.is_empty() {
            return Err(Refusal::failed());
        }
        for event in events {
            let presence = event["presence"]["type"].as_str();
            match (event["eventType"].as_str(), presence) {
                (Some("Typing"), _) => self.on_typing(key, request)?,
                (Some("Presence"), Some("Join")) => self.on_join(key, request, message)?,
                (Some("Presence"), Some("Clear")) => self.on_clear(key, request)?,
                _ => return Err(Refusal::failed()),
            }
        }
        Ok(())
    }

    /// Typing is not stored and not echoed; agents see it.
    fn on_typing(&mut self, key: &Key, request: &Request) -> Result<(), Refusal> {
        if !self.settings.of(&key.0).typing {
            return Err(Refusal::new(403, "Turn on the Feature Toggle or fix the configuration."));
        }
        self.refuse_read_only(key)?;
        let now = self.now;
        let limited = self.settings.of(&key.0).limits;
        let Some(session) = self.session_mut(key) else {
            return Err(Refusal::failed());
        };
        if limited && let Err(seconds) = session.typing.admit(now, TYPING_PER_WINDOW, TYPING_WINDOW) {
            return Err(self.too_many(request, "typing per five seconds", seconds));
        }
        session.typing_at = Some(now);
        Ok(())
    }

    fn on_join(&mut self, key: &Key, request: &Request, message: &Map<String, Value>) -> Result<(), Refusal> {
        self.refuse_read_only(key)?;
        let attributes = self.attributes(key, request, message)?;
        let joined = self.session(key).is_some_and(|session| session.joined);
        if joined && !self.settings.of(&key.0).join_again_stores {
            return Ok(());
        }
        let metadata = message.get("metadata");
        self.store_join(key, request, metadata, attributes);
        if !joined {
            self.bot_greets(key);
        }
        Ok(())
    }

    /// The guest is here: stored, echoed, and the bot begins.
    pub(super) fn join(&mut self, key: &Key, request: &Request) {
        self.store_join(key, request, None, Map::new());
        self.bot_greets(key);
    }

    fn store_join(&mut self, key: &Key, request: &Request, metadata: Option<&Value>, attributes: Map<String, Value>) {
        let mut body = self.inbound(key, "Event", metadata);
        body["events"] = presence("Join");
        let entry =
            Entry { at: self.now, body: body.clone(), tracing: request.tracing.clone(), attributes, visible_from: self.now + self.storing_lag };
        self.store(key, entry, Some(request.connection), Some("onMessage"));
        if let Some(session) = self.session_mut(key) {
            session.joined = true;
        }
        self.broadcast_echo(key, &body, request);
    }

    /// The clear sequence of §5.2: the echo, `SessionClearedEvent`, `ConnectionClosedEvent`, and the session is gone.
    fn on_clear(&mut self, key: &Key, request: &Request) -> Result<(), Refusal> {
        if !self.settings.of(&key.0).clear {
            return Err(Refusal::new(403, "Presence events Conversation Clear are not supported"));
        }
        let mut body = self.inbound(key, "Event", None);
        body["events"] = presence("Clear");
        self.broadcast_echo(key, &body, request);
        self.broadcast(key, &frame::message("SessionClearedEvent", json!({}), None));
        let all = self.connections_of(key);
        self.send_off(key, &all, None);
        if let Some(guest) = self.guests.get_mut(key) {
            guest.past = guest.session.take();
        }
        Ok(())
    }
}
