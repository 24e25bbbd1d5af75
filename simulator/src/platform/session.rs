//! A guest's session: who is connected, what was said, how it ends.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::attachment::Attachment;
use super::limits::Window;
use super::settings::EchoTracing;
use super::{Note, NoteKind, Platform, Refusal, Request, frame};
use crate::calendar;
use crate::exchange::ConnectionId;
use crate::protocol::Protocol;

/// Deployment id and guest token; in the session protocol, the session's id.
pub(crate) type Key = (String, String);
/// Sessions are numbered in the order in which they were made.
pub(crate) type SessionId = u64;

/// What is kept of a guest token beyond one session.
#[derive(Default)]
pub(crate) struct Guest {
    pub(crate) session: Option<Session>,
    /// The one before, for showing when there is no other.
    pub(crate) past: Option<Session>,
    /// The service claims not to know the token any more (4007), until a new start.
    pub(crate) forgotten: bool,
    /// The token has signed in: a plain configure is a downgrade (4017).
    pub(crate) authenticated: bool,
    pub(super) configures: Window,
    pub(super) reads: Window,
}

/// Whether the guest said it: guest-api.md writes a direction, the session protocol the session's id as sender.
pub(crate) fn is_inbound(key: &Key, body: &Value) -> bool {
    body["direction"] == "Inbound" || body["senderId"] == key.1
}

/// One session of a token.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(super) deployment: String,
    pub(crate) last_activity: u64,
    pub(crate) read_only: bool,
    pub(crate) expired: bool,
    /// Closed by the guest.
    pub(crate) closed: bool,
    pub(crate) joined: bool,
    /// The signed-in user, if any.
    pub(crate) user: Option<String>,
    /// Oldest first.
    pub(crate) connections: Vec<ConnectionId>,
    /// In the order in which they were stored.
    pub(crate) entries: Vec<Entry>,
    pub(super) attachments: BTreeMap<String, Attachment>,
    pub(super) messages: Window,
    pub(super) typing: Window,
    /// When the guest last said that they are typing.
    pub(crate) typing_at: Option<u64>,
    /// The base of URLs given out in this session.
    pub(super) base: String,
}

impl Session {
    /// Whether it can still run out of time.
    pub(super) fn is_live(&self) -> bool {
        !self.expired && !self.read_only
    }
}

/// A message or presence event of the conversation.
pub(crate) struct Entry {
    pub(crate) at: u64,
    /// The `StructuredMessage` body, or the session protocol's message, as history shows it.
    pub(crate) body: Value,
    pub(crate) tracing: Option<String>,
    pub(crate) attributes: Map<String, Value>,
    /// History leaves it out until then.
    pub(crate) visible_from: u64,
}

impl Platform {
    pub(crate) fn session(&self, key: &Key) -> Option<&Session> {
        self.guests.get(key)?.session.as_ref()
    }

    pub(crate) fn session_mut(&mut self, key: &Key) -> Option<&mut Session> {
        self.guests.get_mut(key)?.session.as_mut()
    }

    /// Every guest token with its state.
    pub(crate) fn guests(&self) -> impl Iterator<Item = (&Key, &Guest)> {
        self.guests.iter()
    }

    /// The newest session, of a token if one is given.
    pub(crate) fn find_session(&self, token: Option<&str>, deployment: Option<&str>) -> Option<Key> {
        self.guests
            .iter()
            .filter(|(key, _)| token.is_none_or(|token| key.1 == token))
            .filter(|(key, _)| deployment.is_none_or(|deployment| key.0 == deployment))
            .filter_map(|(key, guest)| Some((guest.session.as_ref()?.id, key)))
            .max()
            .map(|(_, key)| key.clone())
    }

    /// The token a connection was configured with.
    pub(crate) fn token_of(&self, id: ConnectionId) -> Option<&str> {
        let (key, _) = self.connections.get(&id)?.session.as_ref()?;
        Some(&key.1)
    }

    /// The session this request belongs to: configured on this connection, with this token, and still there.
    pub(super) fn session_key(&mut self, request: &Request) -> Result<Key, Refusal> {
        let connection = self.connections.get(&request.connection).expect("requests come from connections that are here");
        let Some((key, id)) = connection.session.clone().filter(|(key, _)| key.1 == request.token) else {
            return Err(match self.settings.of(&connection.deployment).unconfigured {
                403 => Refusal::new(403, "HTTP authorization error"),
                code => Refusal::new(code, "Session not found"),
            });
        };
        match self.guests.get(&key) {
            Some(guest) if guest.forgotten => Err(Refusal::new(4007, "Session not found")),
            Some(Guest { session: Some(session), .. }) if session.id == id => {
                if session.expired {
                    return Err(Refusal::new(4006, "Session has expired"));
                }
                Ok(key)
            }
            _ => Err(Refusal::new(4007, "Session not found")),
        }
    }

    /// When the session runs out, in unix milliseconds.
    pub(super) fn expiry(&self, session: &Session) -> u64 {
        session.last_activity + self.settings.of(&session.deployment).session_seconds * 1000
    }

    /// Puts a new session in place of whatever the token had.
    pub(super) fn start_session(&mut self, key: &Key, base: String) -> SessionId {
        self.sessions_made += 1;
        let id = self.sessions_made;
        let guest = self.guests.entry(key.clone()).or_default();
        guest.forgotten = false;
        guest.past = guest.session.replace(Session {
            id,
            deployment: key.0.clone(),
            last_activity: self.now,
            read_only: false,
            expired: false,
            closed: false,
            joined: false,
            user: None,
            connections: Vec::new(),
            entries: Vec::new(),
            attachments: BTreeMap::new(),
            messages: Window::default(),
            typing: Window::default(),
            typing_at: None,
            base,
        });
        id
    }

    pub(super) fn leave_session(&mut self, key: &Key, id: ConnectionId) {
        if let Some(session) = self.session_mut(key) {
            session.connections.retain(|one| *one != id);
        }
    }

    /// The time for a new message: the present, or the frozen moment of the switch `sameMillisecond`.
    pub(super) fn message_time(&mut self, deployment: &str) -> String {
        let time = if self.settings.of(deployment).same_millisecond {
            *self.frozen.get_or_insert(self.now)
        } else {
            self.frozen = None;
            self.now
        };
        calendar::iso(time)
    }

    /// Appends to the conversation and says so.
    pub(super) fn store(&mut self, key: &Key, entry: Entry, connection: Option<ConnectionId>, action: Option<&str>) {
        let direction = if is_inbound(key, &entry.body) { "Inbound" } else { "Outbound" };
        let note = Note {
            kind: NoteKind::Stored,
            deployment: key.0.clone(),
            token: Some(key.1.clone()),
            connection,
            action: action.map(str::to_owned),
            tracing: entry.tracing.clone(),
            text: entry.body["text"].as_str().map(str::to_owned),
            server_id: entry.body["id"].as_str().map(str::to_owned),
            direction: Some(direction),
        };
        let now = self.now;
        if let Some(session) = self.session_mut(key) {
            session.last_activity = now;
            session.entries.push(entry);
            self.note(note);
        }
    }

    /// Keeps an entry out of the history until a time (fault `history-lag`).
    pub(crate) fn hide_until(&mut self, token: &str, server_id: &str, until: u64) {
        let entries = self
            .guests
            .iter_mut()
            .filter(|(key, _)| key.1 == token)
            .filter_map(|(_, guest)| guest.session.as_mut())
            .flat_map(|session| session.entries.iter_mut());
        for entry in entries.filter(|entry| entry.body["id"] == server_id) {
            entry.visible_from = entry.visible_from.max(until);
        }
    }

    /// Sends a guest's own message or event back to all connections of the session (§3.4.2).
    ///
    /// Who of them sees the tracing id is for the switch `echoTracingId` to say.
    pub(super) fn broadcast_echo(&mut self, key: &Key, body: &Value, request: &Request) {
        let mode = self.settings.of(&key.0).echo_tracing;
        for id in self.connections_of(key) {
            let tracing = match mode {
                EchoTracing::All => request.tracing(),
                EchoTracing::Sender if id == request.connection => request.tracing(),
                EchoTracing::Sender | EchoTracing::None => None,
            };
            self.send(id, frame::message("StructuredMessage", body.clone(), tracing));
        }
    }

    /// Sends a push to all connections of the session.
    pub(super) fn broadcast(&mut self, key: &Key, frame: &Value) {
        for id in self.connections_of(key) {
            self.send(id, frame.clone());
        }
    }

    pub(crate) fn connections_of(&self, key: &Key) -> Vec<ConnectionId> {
        self.session(key).map(|session| session.connections.clone()).unwrap_or_default()
    }

    /// `ConnectionClosedEvent` (§3.9), with a reason or without.
    pub(super) fn closed_event(&self, deployment: &str, reason: Option<&str>) -> Value {
        let member = if self.settings.of(deployment).reason_code { "reasonCode" } else { "reason" };
        let body = reason.map_or_else(|| json!({}), |reason| json!({ member: reason }));
        frame::message("ConnectionClosedEvent", body, None)
    }

    /// Tells connections that their session is over for them, and takes them out of it.
    pub(super) fn send_off(&mut self, key: &Key, ids: &[ConnectionId], reason: Option<&str>) {
        let frame = self.closed_event(&key.0, reason);
        for id in ids {
            self.send(*id, frame.clone());
            self.leave_session(key, *id);
            if let Some(connection) = self.connections.get_mut(id) {
                connection.session = None;
            }
        }
    }

    /// Pushes the oldest connection out: `ConnectionClosedEvent` without reason (guest API), then a close.
    pub(crate) fn evict_oldest(&mut self, key: &Key) -> Option<ConnectionId> {
        let oldest = *self.session(key)?.connections.first()?;
        let protocol = self.protocol_of(key);
        if protocol == Protocol::Guest {
            self.send_off(key, &[oldest], None);
        }
        self.note(Note {
            kind: NoteKind::Evicted,
            deployment: key.0.clone(),
            token: Some(key.1.clone()),
            connection: Some(oldest),
            action: None,
            tracing: None,
            text: None,
            server_id: None,
            direction: None,
        });
        match protocol {
            Protocol::Guest => self.close_connection(oldest, 1000, ""),
            Protocol::Session | Protocol::Stream => self.hang_up(oldest, 1000, ""),
        }
        Some(oldest)
    }

    /// Ends the sessions whose time has run out.
    pub(super) fn expire_sessions(&mut self) {
        let due: Vec<Key> = self
            .guests
            .iter()
            .filter(|(_, guest)| guest.session.as_ref().is_some_and(|session| session.is_live() && self.expiry(session) <= self.now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            self.expire_session(&key);
        }
    }

    /// Ends a session now, as if its time had run out: `SessionExpiredEvent` to all its connections, in the session
    /// protocol a close.
    pub(crate) fn expire_session(&mut self, key: &Key) {
        if self.protocol_of(key) == Protocol::Session {
            return self.end_session(key);
        }
        let Some(session) = self.session_mut(key) else {
            return;
        };
        session.expired = true;
        self.broadcast(key, &frame::response("SessionExpiredEvent", 200, json!({}), None));
    }

    /// Forgets a token: its requests and its next configure are answered by 4007, until a new start.
    pub(crate) fn forget_token(&mut self, key: &Key) {
        if let Some(guest) = self.guests.get_mut(key) {
            guest.forgotten = true;
        }
    }
}
