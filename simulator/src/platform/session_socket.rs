//! The session protocol over its socket (systems.md G3, G7, G8): who is let in, what is heard, how it ends.
//!
//! Nothing is answered that is not understood, and nothing pushes a connection out: this protocol has no error frames
//! and no bound on sockets.

use serde_json::{Map, Value, json};

use super::agent::Speaker;
use super::limits::TEXT_BYTES;
use super::session::{Entry, Key};
use super::socket::Connection;
use super::{Output, Platform};
use crate::exchange::ConnectionId;
use crate::protocol::{Protocol, session_action};
use crate::url::Target;

/// The access token a socket came with.
pub(super) struct Access {
    pub(super) token: String,
    /// Unix milliseconds; the socket is closed then.
    pub(super) expires: u64,
}

impl Platform {
    /// The upgrade on `…/sessions/{session}/messages?token=…`.
    pub(super) fn connect_to_session(&mut self, id: ConnectionId, target: &Target, session: &str) {
        match self.admit_to_session(target, session) {
            Ok((key, access)) => {
                self.access.note_use(&access.token, &key);
                let now = self.now;
                if let Some(session) = self.session_mut(&key) {
                    session.last_activity = now;
                    session.connections.push(id);
                    let number = session.id;
                    let base = target.base.clone().unwrap_or_else(|| self.base.clone());
                    let mut connection = Connection::new(base, key.0.clone());
                    connection.session = Some((key, number));
                    connection.access = Some(access);
                    self.connections.insert(id, connection);
                    self.outputs.push_back(Output::Accept(id));
                }
            }
            Err(status) => self.outputs.push_back(Output::Refuse(id, status, None)),
        }
    }

    fn admit_to_session(&self, target: &Target, session: &str) -> Result<(Key, Access), u16> {
        let token = target.parameter("token").unwrap_or_default();
        let expires = self.access.good_until(&token, self.now).ok_or(401u16)?;
        let key = self.session_under(session).ok_or(404u16)?;
        if key.0.starts_with("refused") {
            return Err(403);
        }
        Ok((key, Access { token, expires }))
    }

    /// The deployment of the session that an upgrade names, or the one its token was asked for.
    pub(crate) fn session_deployment_of_upgrade(&self, session: &str, target: &Target) -> Option<String> {
        let by_token = || self.access.deployment_of(&target.parameter("token")?).map(str::to_owned);
        self.session_deployment(session).map(str::to_owned).or_else(by_token)
    }

    /// What a connection speaks, as long as it is remembered.
    pub(crate) fn protocol_on(&self, id: ConnectionId) -> Protocol {
        match self.connections.get(&id) {
            Some(Connection { access: Some(_), .. }) => Protocol::Session,
            Some(_) => Protocol::Guest,
            None => self.stream_protocol(id).unwrap_or_default(),
        }
    }

    /// A frame on a socket of this protocol. The socket may have ended: its bytes were under way.
    pub(super) fn hear(&mut self, id: ConnectionId, text: &str) {
        let frame: Value = serde_json::from_str(text).unwrap_or_default();
        match session_action(&frame) {
            Some("ping") => self.send(id, json!({ "type": "pong" })),
            Some(action) => self.take_words(id, frame["text"].as_str().unwrap_or_default(), action),
            None => {}
        }
    }

    fn take_words(&mut self, id: ConnectionId, words: &str, action: &str) {
        let key = self.connections.get(&id).and_then(|connection| connection.session.as_ref()).map(|(key, _)| key.clone());
        // An ended session is not there any more, and its id never comes back.
        let Some(key) = key.filter(|key| self.session(key).is_some()) else {
            return;
        };
        if words.is_empty() || words.len() > TEXT_BYTES {
            return;
        }
        let body = self.session_message(&key, &key.1, words);
        let entry = Entry { at: self.now, body: body.clone(), tracing: None, attributes: Map::new(), visible_from: self.now + self.storing_lag };
        self.store(&key, entry, Some(id), Some(action));
        self.broadcast(&key, &body);
        self.bot_hears(&key, words);
    }

    /// Agent or bot speaks: the text of it, for there is nothing else here. Gives the message's id.
    pub(super) fn say_in_session(&mut self, key: &Key, speaker: Speaker, said: &Value) -> Option<String> {
        let sender = match speaker {
            Speaker::Human => "agent",
            Speaker::Bot => "bot",
        };
        let body = self.session_message(key, sender, said["text"].as_str()?);
        self.keep(key, body.clone());
        self.broadcast(key, &body);
        body["id"].as_str().map(str::to_owned)
    }

    /// A message as both the socket and the history have it.
    fn session_message(&mut self, key: &Key, sender: &str, text: &str) -> Value {
        json!({ "id": self.seed.hex32(), "senderId": sender, "text": text, "timestamp": self.message_time(&key.0), "type": "text" })
    }

    /// When the next socket has to go because its access token expires.
    pub(super) fn next_socket_expiry(&self) -> Option<u64> {
        // Asked at every step: where nobody speaks this protocol, nothing is looked through.
        if self.session_ids.is_empty() {
            return None;
        }
        self.connections.values().filter(|connection| connection.open).filter_map(|connection| Some(connection.access.as_ref()?.expires)).min()
    }

    /// Closes the sockets whose access token is not good any more.
    pub(super) fn close_expired_sockets(&mut self) {
        let now = self.now;
        if self.next_socket_expiry().is_none_or(|at| at > now) {
            return;
        }
        let is_over = |connection: &Connection| connection.access.as_ref().is_some_and(|access| access.expires <= now);
        for id in self.open_where(is_over) {
            self.hang_up(id, 1008, "token expired");
        }
    }

    /// Closes the sockets of a deployment, or all.
    pub(super) fn close_session_sockets(&mut self, deployment: Option<&str>) {
        let is_meant = |connection: &Connection| connection.access.is_some() && deployment.is_none_or(|id| connection.deployment == id);
        for id in self.open_where(is_meant) {
            self.hang_up(id, 1000, "");
        }
    }

    /// The session is over: its sockets are closed, and nobody finds it any more.
    pub(super) fn end_session(&mut self, key: &Key) {
        for id in self.connections_of(key) {
            self.hang_up(id, 1000, "session ended");
        }
        if let Some(guest) = self.guests.get_mut(key) {
            guest.past = guest.session.take();
        }
    }

    fn open_where(&self, wanted: impl Fn(&Connection) -> bool) -> Vec<ConnectionId> {
        self.connections.iter().filter(|(_, connection)| connection.open && wanted(connection)).map(|(id, _)| *id).collect()
    }
}
