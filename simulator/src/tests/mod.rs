//! The service from outside, in virtual time: one file per room, one test per rule.
//!
//! Expected values are written by hand from the protocol reference; section numbers are its.

mod attachments;
mod auth;
mod configure;
mod control;
mod events;
mod faults;
mod history;
mod limits;
mod messages;
mod notifications;
mod oauth;
mod scenario;
mod session_api;
mod session_faults;
mod session_socket;
mod stalls;
mod storm;
mod stream_conversations;
mod stream_faults;
mod stream_interactions;
mod stream_presence;
mod stream_realtime;
mod surface;

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use crate::{ConnectionId, Effect, HttpId, HttpRequest, HttpResponse, Service, Upgrade};

/// 2026-01-01T00:00:00.000Z
const START: u64 = 1_767_225_600_000;

/// What became of a connection, from the client's side.
#[derive(Clone, Debug, PartialEq)]
enum State {
    Asking,
    Open,
    Refused(u16, Vec<(String, String)>),
    Closed(u16, String),
    Dropped,
}

/// A service with a clock and clients that remember what they got.
struct World {
    service: Service,
    now: u64,
    made: u64,
    states: BTreeMap<ConnectionId, State>,
    inboxes: BTreeMap<ConnectionId, VecDeque<String>>,
    binaries: BTreeMap<ConnectionId, Vec<Vec<u8>>>,
    responses: BTreeMap<HttpId, HttpResponse>,
}

impl World {
    fn new() -> Self {
        Self {
            service: Service::new(1),
            now: START,
            made: 0,
            states: BTreeMap::new(),
            inboxes: BTreeMap::new(),
            binaries: BTreeMap::new(),
            responses: BTreeMap::new(),
        }
    }

    /// A world whose bot, limits or deployments are set up differently.
    fn with(switches: Value) -> Self {
        let mut world = Self::new();
        world.post("/_sim/set", switches);
        world
    }

    fn drain(&mut self) {
        while let Some(effect) = self.service.poll_effect() {
            match effect {
                Effect::Accept(id) => self.become_(id, State::Open),
                Effect::Refuse(id, status, headers) => self.become_(id, State::Refused(status, headers)),
                Effect::Text(id, text) => self.inboxes.entry(id).or_default().push_back(text),
                Effect::Binary(id, bytes) => self.binaries.entry(id).or_default().push(bytes),
                Effect::Close(id, code, reason) => self.become_(id, State::Closed(code, reason)),
                Effect::Drop(id) => self.become_(id, State::Dropped),
                Effect::Respond(id, response) => {
                    let before = self.responses.insert(id, response);
                    assert!(before.is_none(), "one answer to one request");
                }
            }
        }
    }

    fn become_(&mut self, id: ConnectionId, state: State) {
        self.states.insert(id, state);
    }

    /// Lets time pass, doing at the right moment what falls due.
    fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(at) = self.service.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.service.handle_timeout(self.now);
            self.drain();
            assert!(self.service.poll_timeout().is_none_or(|next| next > at), "what was due was done");
        }
        self.now = end;
        self.service.handle_timeout(end);
        self.drain();
    }

    fn connect_to(&mut self, target: &str, origin: Option<&str>) -> ConnectionId {
        self.upgrade(Upgrade { target: target.into(), origin: origin.map(str::to_owned), authorization: None })
    }

    fn upgrade(&mut self, upgrade: Upgrade) -> ConnectionId {
        self.made += 1;
        let id = ConnectionId(self.made);
        self.states.insert(id, State::Asking);
        self.service.handle_upgrade(self.now, id, upgrade);
        self.drain();
        id
    }

    fn connect(&mut self) -> ConnectionId {
        self.connect_to("/v1?deploymentId=demo", None)
    }

    fn send(&mut self, id: ConnectionId, frame: Value) {
        self.send_text(id, &frame.to_string());
    }

    fn send_text(&mut self, id: ConnectionId, text: &str) {
        self.service.handle_text(self.now, id, text);
        self.drain();
    }

    fn close(&mut self, id: ConnectionId) {
        self.service.handle_close(self.now, id, Some(1000));
        self.drain();
    }

    /// Everything that came since the last look.
    fn frames(&mut self, id: ConnectionId) -> Vec<Value> {
        self.inboxes.remove(&id).unwrap_or_default().iter().map(|text| serde_json::from_str(text).expect("frames are JSON")).collect()
    }

    /// The one frame that came since the last look.
    fn frame(&mut self, id: ConnectionId) -> Value {
        let frames = self.frames(id);
        assert_eq!(frames.len(), 1, "{frames:#?}");
        frames.into_iter().next().expect("one was counted")
    }

    /// Sends a request and gives the one frame that answers it.
    fn ask(&mut self, id: ConnectionId, frame: Value) -> Value {
        assert_eq!(self.frames(id), Vec::<Value>::new(), "nothing is left from before");
        self.send(id, frame);
        self.frame(id)
    }

    /// A connection configured for a token of deployment `demo`.
    fn guest(&mut self, token: &str) -> ConnectionId {
        let id = self.connect();
        let answer = self.ask(id, configure(token));
        assert_eq!(answer["class"], "SessionResponse", "{answer}");
        id
    }

    fn http(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> HttpResponse {
        let id = self.http_later(method, target, headers, body);
        self.responses.remove(&id).expect("an answer at once")
    }

    fn http_later(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> HttpId {
        self.made += 1;
        let id = HttpId(self.made);
        let request = HttpRequest {
            method: method.into(),
            target: target.into(),
            headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            body: body.to_vec(),
        };
        self.service.handle_http(self.now, id, request);
        self.drain();
        id
    }

    fn jwt(&mut self, id: ConnectionId, token: &str) -> String {
        let answer = self.ask(id, json!({ "action": "getJwt", "token": token }));
        answer["body"]["jwt"].as_str().expect("a JWT").to_owned()
    }

    /// A page of history, read with a fresh JWT.
    fn history(&mut self, id: ConnectionId, token: &str, query: &str) -> Value {
        let jwt = self.jwt(id, token);
        let response = self.http("GET", &format!("/api/v2/webmessaging/messages{query}"), &[("Authorization", &format!("bearer {jwt}"))], b"");
        assert_eq!(response.status, 200);
        serde_json::from_slice(&response.body).expect("history is JSON")
    }

    fn control(&mut self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (status, answer) = self.service.control(self.now, method, path, body);
        self.drain();
        (status, serde_json::from_str(&answer).expect("control answers JSON"))
    }

    fn post(&mut self, path: &str, body: Value) -> Value {
        let (status, answer) = self.control("POST", path, &body.to_string());
        assert_eq!(status, 200, "{answer}");
        answer
    }

    fn get(&mut self, path: &str) -> Value {
        let (status, answer) = self.control("GET", path, "");
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The log's records of one kind.
    fn log(&mut self, kind: &str) -> Vec<Value> {
        let log = self.get("/_sim/log?since=0");
        let records = log["records"].as_array().expect("records are a list");
        records.iter().filter(|record| record["kind"] == kind).cloned().collect()
    }

    /// The texts the service has stored for a token.
    fn stored(&mut self, token: &str) -> Vec<String> {
        self.log("stored").iter().filter(|record| record["token"] == token).filter_map(|record| record["text"].as_str().map(str::to_owned)).collect()
    }
}

fn configure(token: &str) -> Value {
    json!({
        "token": token,
        "deploymentId": "demo",
        "startNew": false,
        "tracingId": "conf",
        "action": "configureSession",
    })
}

fn text(token: &str, words: &str, tracing: &str) -> Value {
    json!({
        "token": token,
        "message": { "text": words, "type": "Text" },
        "tracingId": tracing,
        "action": "onMessage",
    })
}

fn presence(token: &str, kind: &str, tracing: &str) -> Value {
    json!({
        "token": token,
        "message": { "events": [{ "eventType": "Presence", "presence": { "type": kind } }], "type": "Event" },
        "tracingId": tracing,
        "action": "onMessage",
    })
}

fn typing(token: &str) -> Value {
    json!({
        "token": token,
        "tracingId": "typ",
        "action": "onMessage",
        "message": { "events": [{ "eventType": "Typing", "typing": { "type": "On" } }], "type": "Event" },
    })
}

fn echo(token: &str, tracing: &str) -> Value {
    json!({
        "token": token,
        "tracingId": tracing,
        "action": "echo",
        "message": { "text": "ping", "type": "Text" },
    })
}

/// The classes of frames, for what came in which order.
fn classes(frames: &[Value]) -> Vec<&str> {
    frames.iter().filter_map(|frame| frame["class"].as_str()).collect()
}

/// The texts of structured messages, likewise.
fn texts(frames: &[Value]) -> Vec<&str> {
    frames.iter().filter_map(|frame| frame["body"]["text"].as_str()).collect()
}
