//! `/_sim/…`: reading the log and the sessions, speaking as the agent, laying down faults, setting switches.
//!
//! The paths and their bodies are simulator.md's. Beyond it: `log` and `sessions` take `token` and `deploymentId` as
//! query parameters, `DELETE faults` takes `id` (more than once) and `deploymentId`, `match` takes `type` (of the
//! message), `GET set` shows the switches that were set, and an agent can `kick` the oldest connection.
//!
//! What expires: `session`, as if its time had run out; `jwt`, the history JWTs of a token, or all; `token`, a
//! signed-in guest's sign-in JWTs (401 on configure), any other guest's token itself (4007 until a new start), in the
//! session protocol the access tokens of a session or deployment, or the one that is named.

use serde_json::{Map, Value, json};

use crate::exchange::{HttpRequest, HttpResponse};
use crate::faults::Facts;
use crate::platform::{AgentAct, Guest, Key, Whose, is_inbound};
use crate::protocol::Protocol;
use crate::service::Service;
use crate::url::Target;

/// Why a control request is refused.
struct Refused(u16, String);

impl From<String> for Refused {
    fn from(reason: String) -> Self {
        Self(400, reason)
    }
}

impl From<&str> for Refused {
    fn from(reason: &str) -> Self {
        Self(400, reason.to_owned())
    }
}

impl Service {
    /// The same as a request to `/_sim/…`, for tests in the same process: path such as `/_sim/faults`, body as JSON.
    /// Gives status and body; what it sets off is in [`Service::poll_effect`].
    pub fn control(&mut self, now: u64, method: &str, path: &str, body: &str) -> (u16, String) {
        self.catch_up(now);
        let (status, answer) = match self.dispatch(method, &Target::parse(path), body) {
            Ok(answer) => (200, answer),
            Err(Refused(status, reason)) => (status, json!({ "error": reason })),
        };
        self.catch_up(now);
        (status, answer.to_string())
    }

    pub(crate) fn control_http(&mut self, request: &HttpRequest) -> HttpResponse {
        let mut headers = vec![("access-control-allow-origin".to_owned(), "*".to_owned()), ("cache-control".to_owned(), "no-store".to_owned())];
        if request.method == "OPTIONS" {
            let allow = [
                ("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE"),
                ("access-control-allow-headers", "authorization,content-type,x-amz-tagging"),
            ];
            headers.extend(allow.map(|(name, value)| (name.to_owned(), value.to_owned())));
            return HttpResponse { status: 204, headers, body: Vec::new() };
        }
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let (status, answer) = self.control(self.now, &request.method, &request.target, &body);
        headers.push(("content-type".into(), "application/json".into()));
        HttpResponse { status, headers, body: answer.into_bytes() }
    }

    fn dispatch(&mut self, method: &str, target: &Target, body: &str) -> Result<Value, Refused> {
        let room = target.path.strip_prefix("/_sim/").unwrap_or_default();
        let parameter = |name: &str| target.parameter(name);
        let json = || -> Result<Value, Refused> {
            if body.trim().is_empty() {
                return Ok(json!({}));
            }
            serde_json::from_str(body).map_err(|error| Refused(400, format!("the body is not JSON: {error}")))
        };
        let object = || -> Result<Map<String, Value>, Refused> {
            match json()? {
                Value::Object(map) => Ok(map),
                _ => Err("the body is not an object".into()),
            }
        };
        let (token, deployment) = (parameter("token"), parameter("deploymentId"));
        match (method, room) {
            ("GET", "log") => {
                let since = match parameter("since") {
                    None => 0,
                    Some(text) => text.parse().map_err(|_| "since is a whole number")?,
                };
                Ok(self.log.since(since, token.as_deref(), deployment.as_deref()))
            }
            ("GET", "sessions") => Ok(self.describe_sessions(token.as_deref(), deployment.as_deref())),
            ("POST", "agent") => self.control_agent(&object()?),
            ("POST", "faults") => Ok(json!({ "ids": self.faults.add(&json()?)? })),
            ("GET", "faults") => Ok(self.faults.list()),
            ("DELETE", "faults") => {
                let ids: Result<Vec<u64>, _> = target.parameters("id").map(|text| text.parse()).collect();
                let ids = ids.map_err(|_| "id is a whole number")?;
                Ok(json!({ "removed": self.remove_faults(&ids, deployment.as_deref()) }))
            }
            ("POST", "set") => {
                self.platform.settings.set(&object()?)?;
                Ok(self.platform.settings.describe())
            }
            ("GET", "set") => Ok(self.platform.settings.describe()),
            ("POST", "stream") => self.control_stream(&object()?).map_err(Refused::from),
            ("POST", "scenario") => self.control_scenario(&object()?).map_err(Refused::from),
            ("GET", "scenario") => {
                self.platform.handle_timeout(self.now);
                let named = deployment.map(|id| ("deploymentId".to_owned(), Value::from(id)));
                let deployment = self.stream_deployment_meant(&named.into_iter().collect());
                Ok(self.platform.describe_scenario(&deployment))
            }
            ("GET", "streams") => Ok(self.platform.describe_streams(deployment.as_deref())),
            ("POST", "expire") => self.control_expire(&object()?),
            ("POST", "reset") => {
                let body = object()?;
                self.control_reset(body.get("deploymentId").and_then(Value::as_str));
                Ok(json!({}))
            }
            (_, "log" | "sessions" | "agent" | "faults" | "set" | "stream" | "streams" | "scenario" | "expire" | "reset") => {
                Err(Refused(405, format!("{method} is not served here")))
            }
            _ => Err(Refused(404, format!("there is no /_sim/{room}"))),
        }
    }

    /// Removes rules; what they held goes on its way.
    fn remove_faults(&mut self, rules: &[u64], deployment: Option<&str>) -> Vec<u64> {
        let removed = self.faults.remove(rules, deployment);
        self.finish_gatherings(|gathering| removed.contains(&gathering.rule));
        self.lift(|hold| removed.contains(&hold.rule));
        removed
    }

    fn control_reset(&mut self, deployment: Option<&str>) {
        self.remove_faults(&[], deployment);
        self.platform.reset(deployment);
        self.drain();
        self.log.reset(deployment);
    }

    /// The session that a request names by token and deployment; without a token the newest.
    fn named_session(&self, body: &Map<String, Value>) -> Result<Key, Refused> {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        self.platform.find_session(text("token"), text("deploymentId")).ok_or_else(|| Refused(404, "there is no such session".into()))
    }

    fn control_expire(&mut self, body: &Map<String, Value>) -> Result<Value, Refused> {
        let token = body.get("token").and_then(Value::as_str);
        match body.get("what").and_then(Value::as_str) {
            Some("session") => {
                let key = self.named_session(body)?;
                self.platform.expire_session(&key);
            }
            Some("token") if self.expires_access(body) => {}
            Some("token") => {
                let key = self.named_session(body)?;
                if self.platform.is_signed_in(&key) {
                    self.platform.expire_auth_jwts(&key.1);
                } else {
                    self.platform.forget_token(&key);
                }
            }
            Some("jwt") => self.platform.expire_jwts(token),
            _ => return Err("what is token, session or jwt".into()),
        }
        self.drain();
        Ok(json!({}))
    }

    /// Ends the access tokens that a request means, if it means any: the one it names, those of the session it names, or
    /// those of the deployment.
    fn expires_access(&mut self, body: &Map<String, Value>) -> bool {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        match (text("token"), text("deploymentId")) {
            (Some(token), _) if self.platform.expire_access(Whose::Token(token)) => true,
            (None, Some(deployment)) if self.platform.expire_access(Whose::Deployment(deployment)) => true,
            (token, deployment) => match self.platform.find_session(token, deployment) {
                Some(key) if self.platform.protocol_of(&key) == Protocol::Session => self.platform.expire_access(Whose::Session(&key)),
                _ => false,
            },
        }
    }

    fn control_agent(&mut self, body: &Map<String, Value>) -> Result<Value, Refused> {
        let key = self.named_session(body)?;
        let act = body.get("do").and_then(Value::as_str);
        let protocol = self.platform.protocol_of(&key);
        if let (Protocol::Session, Some(act @ ("typing" | "structured" | "event" | "disconnect"))) = (protocol, act) {
            return Err(format!("the session protocol has no {act}").into());
        }
        let text = body.get("text").and_then(Value::as_str).map(str::to_owned);
        let content = body.get("content").filter(|content| !content.is_null());
        let list = |value: &Value| match value {
            Value::Array(_) => value.clone(),
            other => json!([other]),
        };
        let act = match act {
            Some("text") => AgentAct::Text(text.ok_or("text is missing")?),
            Some("typing") => AgentAct::Typing(text.unwrap_or_else(|| "On".into())),
            Some("structured") => AgentAct::Structured { text, content: list(content.ok_or("content is missing")?) },
            Some("event") => AgentAct::Event(match (content, text) {
                (Some(events), _) => list(events),
                (None, Some(kind)) => json!([{ "eventType": "Presence", "presence": { "type": kind } }]),
                (None, None) => return Err("content (events) or text (a presence type) is missing".into()),
            }),
            Some("disconnect") => AgentAct::Disconnect(body.get("readOnly").and_then(Value::as_bool)),
            Some("raw") => {
                let frame = body.get("frame").ok_or("frame is missing")?;
                return self.control_raw(&key, frame, body.get("store") == Some(&Value::Bool(true)));
            }
            Some("kick") => {
                let kicked = self.platform.evict_oldest(&key);
                self.drain();
                return Ok(json!({ "connection": kicked.map(|id| id.0) }));
            }
            _ => return Err("do is text, typing, structured, event, disconnect, raw or kick".into()),
        };
        let id = self.platform.agent(self.now, &key, act)?;
        self.drain();
        Ok(json!({ "token": key.1, "serverId": id }))
    }

    /// Any frame to all connections of the session: an object, or a text as it stands.
    fn control_raw(&mut self, key: &Key, frame: &Value, store: bool) -> Result<Value, Refused> {
        let parsed = match frame {
            Value::String(text) => serde_json::from_str(text).ok().filter(Value::is_object),
            other => Some(other.clone()),
        };
        match (parsed, frame) {
            (Some(object), Value::Object(_)) => {
                if store && self.platform.protocol_of(key) == Protocol::Session && !object["id"].is_string() {
                    return Err("a message that is stored has an id".into());
                }
                self.platform.agent(self.now, key, AgentAct::Raw { frame: object, store })?;
                self.drain();
            }
            _ => {
                for id in self.platform.connections_of(key) {
                    let facts = self.lines.get(&id).map(|line| line.facts()).unwrap_or_default();
                    let downward = self.foreign_frame(frame, &Facts { ..facts });
                    self.ship(id, downward, 0);
                }
            }
        }
        Ok(json!({ "token": key.1 }))
    }

    fn describe_sessions(&self, token: Option<&str>, deployment: Option<&str>) -> Value {
        self.platform
            .guests()
            .filter(|(key, _)| token.is_none_or(|token| token == key.1))
            .filter(|(key, _)| deployment.is_none_or(|deployment| deployment == key.0))
            .filter_map(|(key, guest)| describe_session(key, guest, self.platform.protocol_of(key)))
            .collect()
    }
}

fn describe_session(key: &Key, guest: &Guest, protocol: Protocol) -> Option<Value> {
    let session = guest.session.as_ref().or(guest.past.as_ref())?;
    let ended = guest.session.is_none() || session.expired || session.closed;
    let mut messages = Vec::new();
    let mut events = Vec::new();
    for entry in &session.entries {
        let body = &entry.body;
        let direction = if is_inbound(key, body) { "Inbound" } else { "Outbound" };
        let mut shown = json!({ "serverId": body["id"], "direction": direction, "type": body["type"], "at": entry.at });
        for (name, value) in [
            ("text", body.get("text").cloned()),
            ("content", body.get("content").cloned()),
            ("tracingId", entry.tracing.clone().map(Value::from)),
            ("customAttributes", Some(Value::Object(entry.attributes.clone())).filter(|_| !entry.attributes.is_empty())),
            ("events", body.get("events").cloned()),
        ] {
            if let Some(value) = value {
                shown[name] = value;
            }
        }
        if body["type"] == "Event" { events.push(shown) } else { messages.push(shown) }
    }
    Some(json!({
        "token": key.1,
        "deploymentId": key.0,
        "protocol": protocol.name(),
        "connections": session.connections.len(),
        "readOnly": session.read_only,
        "ended": ended,
        "expired": session.expired,
        "joined": session.joined,
        "user": session.user,
        "typingAt": session.typing_at,
        "lastActivity": session.last_activity,
        "messages": messages,
        "events": events,
    }))
}
