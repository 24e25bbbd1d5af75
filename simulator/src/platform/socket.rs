//! A connection: the upgrade, the frames as they come, the end. Which action goes to which room.

use serde_json::{Value, json};

use super::limits::{CONNECTIONS_PER_MINUTE, ECHOES_PER_MINUTE, MINUTE, REQUESTS_PER_MINUTE, Window};
use super::session::{Key, SessionId};
use super::session_api::session_in;
use super::session_socket::Access;
use super::{Note, NoteKind, Output, Platform, Refusal, Request, Stream, frame};
use crate::exchange::{ConnectionId, Upgrade};
use crate::url::Target;

/// How many ended connections are remembered, for frames of theirs that were still under way.
const ENDED_KEPT: usize = 64;

/// What the platform knows of a connection.
pub(crate) struct Connection {
    pub(crate) open: bool,
    /// `http://host:port` as the client reached us.
    pub(super) base: String,
    pub(super) deployment: String,
    /// Whose connection this is: set by the configure request, in the session protocol by the upgrade.
    pub(super) session: Option<(Key, SessionId)>,
    /// Makes it a connection of the session protocol.
    pub(super) access: Option<Access>,
    requests: Window,
    echoes: Window,
}

impl Connection {
    pub(super) fn new(base: String, deployment: String) -> Self {
        Self { open: true, base, deployment, session: None, access: None, requests: Window::default(), echoes: Window::default() }
    }

    pub(super) fn forget(&mut self) {
        self.session = None;
        self.requests = Window::default();
        self.echoes = Window::default();
    }
}

impl Platform {
    /// An upgrade request without an `Authorization` header; `target` is as in [`Upgrade`].
    pub fn handle_connect(&mut self, now: u64, id: ConnectionId, target: &str, origin: Option<&str>) {
        let upgrade = Upgrade { target: target.to_owned(), origin: origin.map(str::to_owned), authorization: None };
        self.handle_upgrade(now, id, &upgrade);
    }

    /// An upgrade request: to `/v1?deploymentId=…`, `…/sessions/{id}/messages?token=…` or a stream's path.
    pub fn handle_upgrade(&mut self, now: u64, id: ConnectionId, upgrade: &Upgrade) {
        self.advance(now);
        let target = Target::parse(&upgrade.target);
        if let Some(session) = session_in(&target.path) {
            return self.connect_to_session(id, &target, &session);
        }
        if let Some(stream) = Stream::at(&target.path) {
            return self.connect_to_stream(id, stream, &target, upgrade);
        }
        let deployment = target.parameter("deploymentId").unwrap_or_default();
        if let Err((status, retry_after)) = self.admit_connection(&target, &deployment, upgrade.origin.as_deref()) {
            self.outputs.push_back(Output::Refuse(id, status, retry_after));
            return;
        }
        let base = target.base.unwrap_or_else(|| self.base.clone());
        self.connections.insert(id, Connection::new(base, deployment));
        self.outputs.push_back(Output::Accept(id));
    }

    /// A refused upgrade is 403 (guest-api.md §1.3); beyond the connections of a minute, 429.
    fn admit_connection(&mut self, target: &Target, deployment: &str, origin: Option<&str>) -> Result<(), (u16, Option<u64>)> {
        if target.path != "/v1" {
            return Err((404, None));
        }
        if deployment.is_empty() {
            return Err((400, None));
        }
        if !self.is_known(deployment) || deployment.starts_with("refused") || !self.is_active(deployment) {
            return Err((403, None));
        }
        if !self.admits_origin(deployment, origin) {
            return Err((403, None));
        }
        if self.settings.of(deployment).limits {
            let window = self.deployments.entry(deployment.to_owned()).or_default();
            if let Err(seconds) = window.admit(self.now, CONNECTIONS_PER_MINUTE, MINUTE) {
                self.note(Note {
                    kind: NoteKind::Limited,
                    deployment: deployment.to_owned(),
                    token: None,
                    connection: None,
                    action: None,
                    tracing: None,
                    text: Some("connections per minute".into()),
                    server_id: None,
                    direction: None,
                });
                return Err((429, Some(seconds)));
            }
        }
        Ok(())
    }

    /// A text frame. A frame of a connection that has ended still counts: its bytes were under way.
    pub fn handle_text(&mut self, now: u64, id: ConnectionId, text: &str) {
        self.advance(now);
        if self.hear_stream(id, text) {
            return;
        }
        match self.connections.get(&id) {
            Some(Connection { access: Some(_), .. }) => return self.hear(id, text),
            Some(_) => {}
            None => return,
        }
        let parsed: Option<Value> = serde_json::from_str(text).ok();
        let member = |name: &str| parsed.as_ref().and_then(|value| value.get(name)).and_then(Value::as_str).map(str::to_owned);
        let mut request = Request {
            connection: id,
            token: member("token").unwrap_or_default(),
            action: member("action").unwrap_or_default(),
            tracing: member("tracingId"),
            body: serde_json::Map::new(),
        };
        if let Some(Value::Object(body)) = parsed {
            request.body = body;
        }
        let outcome = self.admit_request(&request).and_then(|()| self.perform(&request));
        if let Err(refusal) = outcome {
            let frame = match refusal.retry_after {
                Some(seconds) => frame::response(
                    "TooManyRequestsErrorMessage",
                    429,
                    json!({
                        "retryAfter": seconds,
                        "errorCode": 4029,
                        "errorMessage": refusal.text,
                    }),
                    request.tracing(),
                ),
                None => frame::string(refusal.code, &refusal.text, request.tracing()),
            };
            self.send(id, frame);
        }
    }

    /// The connection's end, as far as it has reached us.
    pub fn handle_close(&mut self, now: u64, id: ConnectionId) {
        self.advance(now);
        if !self.streams.remove(now, id) {
            self.end_connection(id);
        }
    }

    fn perform(&mut self, request: &Request) -> Result<(), Refusal> {
        if request.token.is_empty() {
            return Err(Refusal::failed());
        }
        match request.action.as_str() {
            "configureSession" => self.configure(request),
            "configureAuthenticatedSession" => self.configure_authenticated(request),
            "echo" => self.echo(request),
            "onMessage" => self.on_message(request),
            "closeSession" => self.close_session(request),
            "getJwt" => self.get_jwt(request),
            "onAttachment" => self.on_attachment(request),
            "getAttachment" => self.get_attachment(request),
            "deleteAttachment" => self.delete_attachment(request),
            "getConfiguration" => self.get_configuration(request),
            _ => Err(Refusal::failed()),
        }
    }

    /// Counts the request towards the connection's minute. Too many are answered and end here.
    fn admit_request(&mut self, request: &Request) -> Result<(), Refusal> {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&request.connection) else {
            return Ok(());
        };
        if !self.settings.of(&connection.deployment).limits {
            return Ok(());
        }
        match connection.requests.admit(now, REQUESTS_PER_MINUTE, MINUTE) {
            Ok(()) => Ok(()),
            Err(seconds) => Err(self.too_many(request, "requests per minute", seconds)),
        }
    }

    /// The rate limit, in the form the switch `tooManyRequests` names; noted for the log.
    pub(super) fn too_many(&mut self, request: &Request, limit: &str, seconds: u64) -> Refusal {
        self.note_limited(request, limit);
        let deployment = self.deployment_of(request.connection);
        let as_string = self.settings.of(&deployment).too_many_as_string;
        Refusal { retry_after: (!as_string).then_some(seconds), ..Refusal::new(429, "Message rate too high for this session") }
    }

    /// The health check (§2.3): two a minute and connection.
    fn echo(&mut self, request: &Request) -> Result<(), Refusal> {
        let key = self.session_key(request)?;
        let now = self.now;
        if self.settings.of(&key.0).limits {
            let window = &mut self.connections.get_mut(&request.connection).expect("a session key comes from a connection that is here").echoes;
            if let Err(seconds) = window.admit(now, ECHOES_PER_MINUTE, MINUTE) {
                return Err(self.too_many(request, "echoes per minute", seconds));
            }
        }
        let text = request.body.get("message").and_then(|message| message.get("text")).and_then(Value::as_str).unwrap_or_default();
        let seconds = self.settings.of(&key.0).session_seconds;
        let expiry = self.session(&key).map(|session| self.expiry(session)).unwrap_or(now);
        let body = json!({
            "text": text,
            "type": "Text",
            "direction": "Inbound",
            "id": self.seed.hex32(),
            "metadata": {
                "durationSeconds": seconds.to_string(),
                "expirationDate": (expiry / 1000).to_string(),
            },
        });
        self.send(request.connection, frame::response("StructuredMessage", 200, body, request.tracing()));
        Ok(())
    }

    /// Marks a connection as ended and takes it out of its session.
    pub(super) fn end_connection(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.open = false;
            if let Some((key, _)) = connection.session.clone() {
                self.leave_session(&key, id);
            }
        }
        let ended: Vec<ConnectionId> = self.connections.iter().filter(|(_, connection)| !connection.open).map(|(id, _)| *id).collect();
        for id in ended.iter().take(ended.len().saturating_sub(ENDED_KEPT)) {
            self.connections.remove(id);
        }
    }

    /// Closes a connection from our side, after what was sent on it.
    pub(super) fn close_connection(&mut self, id: ConnectionId, code: u16, reason: &str) {
        if let Some(connection) = self.connections.get_mut(&id).filter(|one| one.open) {
            connection.session = None;
            self.hang_up(id, code, reason);
        }
    }

    /// Likewise, but what is still under way on it belongs to its session.
    pub(super) fn hang_up(&mut self, id: ConnectionId, code: u16, reason: &str) {
        if self.connections.get(&id).is_some_and(|connection| connection.open) {
            self.end_connection(id);
            self.outputs.push_back(Output::Close(id, code, reason.to_owned()));
        }
    }
}
