//! What a test looks at and brings about beyond the plain course: frames sent, what the service logged, raw frames.

use super::{Arrival, EPOCH, World};
use guestwire::core::machine::SocketId;
use guestwire::core::state::State;
use guestwire::guest::event::{Event, Status, Ticket};
use guestwire::guest::wire::Wire;
use serde_json::{Value, json};

impl World {
    /// Every frame that the client sent with this action, in order.
    pub fn requests(&self, action: &str) -> Vec<Value> {
        if self.wire == Wire::Session {
            return self.session_requests(action);
        }
        self.sent_json().into_iter().filter(|frame| frame["action"] == action).collect()
    }

    /// The same in the words of the session protocol. The first ping of a socket is no probe: it finds out whether the
    /// service answers pings.
    fn session_requests(&self, action: &str) -> Vec<Value> {
        let kind = match action {
            "onMessage" => "text",
            "echo" => "ping",
            _ => return Vec::new(),
        };
        let mut greeted = Vec::new();
        let of_kind = |(socket, text): &(SocketId, String)| {
            let frame: Value = serde_json::from_str(text).expect("the client sends JSON");
            let first = kind == "ping" && frame["type"] == "ping" && !greeted.contains(socket);
            greeted.extend(first.then_some(*socket));
            (frame["type"] == kind && !first).then_some(frame)
        };
        self.sent.iter().filter_map(of_kind).collect()
    }

    /// Every frame that the client sent, in order.
    pub fn sent_json(&self) -> Vec<Value> {
        self.sent.iter().map(|(_, text)| serde_json::from_str(text).expect("the client sends JSON")).collect()
    }

    /// The messages (not the events) that the client sent, in order.
    pub fn sent_messages(&self) -> Vec<Value> {
        self.requests("onMessage").into_iter().filter(|frame| frame["message"]["type"] != "Event").collect()
    }

    /// The texts that went out, in order.
    pub fn sent_texts(&self) -> Vec<String> {
        self.sent_messages().iter().map(|frame| self.text_of(frame)).collect()
    }

    fn text_of(&self, frame: &Value) -> String {
        let message = if self.wire == Wire::Session { frame } else { &frame["message"] };
        message["text"].as_str().unwrap_or_default().to_string()
    }

    /// The events that the client sent: `Typing`, or the presence type.
    pub fn sent_events(&self) -> Vec<String> {
        let events = self.requests("onMessage").into_iter().filter(|frame| frame["message"]["type"] == "Event");
        events
            .map(|frame| {
                let event = &frame["message"]["events"][0];
                event["presence"]["type"].as_str().or(event["eventType"].as_str()).unwrap_or_default().to_string()
            })
            .collect()
    }

    /// Records of the service's log of one kind, in order.
    pub fn log(&mut self, kind: &str) -> Vec<Value> {
        let log = self.control("/_sim/log", Value::Null);
        log["records"].as_array().cloned().unwrap_or_default().into_iter().filter(|record| record["kind"] == kind).collect()
    }

    /// How often the service stored a guest's text, over all sessions.
    pub fn times_stored(&mut self, text: &str) -> usize {
        self.log("stored")
            .iter()
            .filter(|record| record["text"] == text && (record["action"] == "onMessage" || record["action"] == "message"))
            .count()
    }

    /// History reads that the service answered: status and time since the world began.
    pub fn history_reads(&mut self) -> Vec<(u16, u64)> {
        let reads = self.log("http");
        reads
            .iter()
            .filter(|record| record["path"].as_str().is_some_and(|path| path.ends_with("/messages")))
            .map(|record| (record["status"].as_u64().unwrap_or(0) as u16, record["at"].as_u64().unwrap_or(0) - EPOCH))
            .collect()
    }

    /// How often the deployment's configuration was asked for.
    pub fn config_reads(&mut self) -> usize {
        self.log("http").iter().filter(|record| record["path"].as_str().is_some_and(|path| path.contains("/config.json"))).count()
    }

    /// How often the site's own backend was asked for an access token.
    pub fn token_requests(&self) -> usize {
        self.fetched.iter().filter(|target| target.starts_with("/demo-backend/token")).count()
    }

    /// How many messages wait.
    pub fn outbox_len(&self) -> usize {
        self.page.outbox.0 as usize
    }

    /// Switches of the simulator.
    pub fn set(&mut self, switches: Value) {
        self.control("/_sim/set", switches);
    }

    /// A frame as it stands from the service to every connection of the session.
    pub fn raw(&mut self, frame: Value) {
        self.control("/_sim/agent", json!({"do": "raw", "frame": frame}));
    }

    /// A `StructuredMessage` frame around a body.
    pub fn raw_body(&mut self, body: Value) {
        self.raw(json!({"type": "message", "class": "StructuredMessage", "code": 200, "body": body}));
    }

    /// The next request with this action is answered by this frame instead of being processed; `$tracingId` in it
    /// stands for the request's.
    pub fn answer(&mut self, action: &str, frame: Value) {
        self.fault(json!({"on": "frame-in", "match": {"action": action}, "do": "reply", "frame": frame}));
    }

    /// The same for the next text message.
    pub fn answer_message(&mut self, frame: Value) {
        self.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "reply", "frame": frame}));
    }

    /// Every open line breaks, and the client has noticed.
    pub fn break_line(&mut self) {
        self.network.reset(self.now);
        self.run(1);
    }

    /// Something reaches the client that the network did not bring.
    pub fn inject(&mut self, arrival: Arrival) {
        self.arrive(arrival);
    }

    /// The socket opened last.
    pub fn last_socket(&self) -> SocketId {
        SocketId(self.opens.len() as u32)
    }

    /// How a call ended: `None` while it has not.
    pub fn outcome(&self, ticket: Ticket) -> Option<Option<u16>> {
        self.page.done.get(&ticket).map(|code| code.map(|code| code.0))
    }

    /// What `history()` told in the end: rows that were new, and whether there is nothing older.
    pub fn loaded(&self, ticket: Ticket) -> Option<(u32, bool)> {
        self.page.events.iter().find_map(|event| match event {
            Event::Done { ticket: told, loaded: Some(loaded), complete: Some(complete), .. } if *told == ticket => Some((*loaded, *complete)),
            _ => None,
        })
    }

    /// How often a message was told to have come so far.
    pub fn receipts(&self, id: &str, status: Status) -> usize {
        self.events(|event| matches!(event, Event::Receipt { id: told, status: so_far, .. } if told == id && *so_far == status))
    }

    /// When the state was last told as something, if ever.
    pub fn was(&self, so: impl Fn(&State) -> bool) -> bool {
        self.page.states.iter().any(so)
    }

    /// The key in storage of what is remembered of the conversation.
    pub fn session_key(&self) -> String {
        format!("gw1:world:{}", self.wire.key())
    }

    /// The keys in storage that hold messages.
    pub fn message_keys(&self) -> Vec<String> {
        self.storage.keys().filter(|key| key.contains(":m:")).cloned().collect()
    }

    /// The guest that the service was last told of, on the guest API.
    pub fn configured_token(&self) -> String {
        let configure = self.sent.iter().rev().find(|(_, text)| text.contains(r#""action":"configureSession""#));
        let frame: Value = configure.and_then(|(_, text)| serde_json::from_str(text).ok()).unwrap_or_default();
        frame["token"].as_str().unwrap_or_default().to_string()
    }

    /// The visitor's token as stored.
    pub fn stored_token(&self) -> Option<String> {
        let value: Value = serde_json::from_str(self.storage.get(&self.session_key())?).ok()?;
        value["token"].as_str().map(str::to_string)
    }
}

/// A string frame (guest-api.md §3.8) that answers the request it meets.
pub fn refusal(code: u16, body: &str) -> Value {
    json!({"type": "response", "class": "string", "code": code, "body": body, "tracingId": "$tracingId"})
}

/// The same without saying which request it answers.
pub fn loose_refusal(code: u16, body: &str) -> Value {
    json!({"type": "response", "class": "string", "code": code, "body": body})
}

/// `TooManyRequestsErrorMessage` (§3.7) that answers the request it meets.
pub fn too_many(retry_after: u64) -> Value {
    json!({"type": "response", "class": "TooManyRequestsErrorMessage", "code": 429, "tracingId": "$tracingId",
        "body": {"retryAfter": retry_after, "errorCode": 4029, "errorMessage": "Message rate too high for this session"}})
}

/// The body of an agent's text at so many milliseconds after the beginning of the world.
pub fn agent_body(id: &str, text: &str, at: u64) -> Value {
    json!({"id": id, "type": "Text", "text": text, "direction": "Outbound", "channel": {"time": iso(at), "type": "Private"},
        "originatingEntity": "Human"})
}

/// A moment of the world's first day as the service writes it (guest-api.md §3.4.1).
pub fn iso(at: u64) -> String {
    let (seconds, ms) = (at / 1000, at % 1000);
    format!("2026-01-01T{:02}:{:02}:{:02}.{ms:03}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
