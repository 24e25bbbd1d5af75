//! `configureSession`, `closeSession`, `getConfiguration`: the session's beginning and its asked-for end.

use serde_json::{Value, json};

use super::limits::{CONFIGURES_PER_MINUTE, MINUTE, OPEN_CONNECTIONS};
use super::session::Key;
use super::{Platform, Refusal, Request, frame};
use crate::protocol::Protocol;

/// How a session came to be the connection's own.
pub(super) struct Opening {
    pub(super) new_session: bool,
    pub(super) cleared_existing: bool,
}

impl Platform {
    /// A guest's session: started, resumed, read-only, or refused (guest-api.md §10).
    pub(super) fn configure(&mut self, request: &Request) -> Result<(), Refusal> {
        let key = self.admit_configure(request)?;
        let guest = self.guests.entry(key.clone()).or_default();
        if guest.authenticated {
            return Err(Refusal::new(4017, "Cannot downgrade to an unauthenticated session"));
        }
        if self.settings.of(&key.0).auth_required {
            return Err(Refusal::new(403, "Session authentication failed: this deployment asks for a signed-in user"));
        }
        let new_session = self.find_or_start(&key, request)?;
        self.register(&key, request);
        self.respond_session(&key, request, &Opening { new_session, cleared_existing: false });
        if new_session && self.settings.of(&key.0).auto_started == Some(true) {
            // The service joins on the guest's behalf: no request asked for it, so nothing correlates.
            let unasked = Request { tracing: None, ..request.clone() };
            self.join(&key, &unasked);
        }
        Ok(())
    }

    /// What both ways to configure ask first: deployment and limits. Gives the session's key.
    pub(super) fn admit_configure(&mut self, request: &Request) -> Result<Key, Refusal> {
        let Some(deployment) = request.text("deploymentId").filter(|id| !id.is_empty()) else {
            return Err(Refusal::new(4020, "Missing parameter: deploymentId"));
        };
        if !self.is_known(deployment) {
            return Err(Refusal::new(404, "Deployment not found"));
        }
        if !self.is_active(deployment) {
            return Err(Refusal::new(403, "Deployment is not active"));
        }
        let key = (deployment.to_owned(), request.token.clone());
        // A session of the session protocol is none that this protocol could resume.
        if self.protocol_of(&key) == Protocol::Session {
            return Err(Refusal::new(4007, "Session not found"));
        }
        if self.settings.of(deployment).limits {
            let window = &mut self.guests.entry(key.clone()).or_default().configures;
            if let Err(seconds) = window.admit(self.now, CONFIGURES_PER_MINUTE, MINUTE) {
                return Err(self.too_many(request, "configures per minute", seconds));
            }
        }
        Ok(key)
    }

    /// Whether a session had to be made: none yet, `startNew` after an end, or expired and the switch says so.
    pub(super) fn find_or_start(&mut self, key: &Key, request: &Request) -> Result<bool, Refusal> {
        let start_new = request.body.get("startNew") == Some(&Value::Bool(true));
        let renew = self.settings.of(&key.0).expired_configure_is_new;
        let guest = self.guests.entry(key.clone()).or_default();
        if guest.forgotten && !start_new {
            return Err(Refusal::new(4007, "Session not found"));
        }
        let start = match &guest.session {
            None => true,
            _ if guest.forgotten => true,
            Some(session) if session.expired => {
                if !start_new && !renew {
                    return Err(Refusal::new(4006, "Session has expired"));
                }
                true
            }
            Some(session) => session.read_only && start_new,
        };
        if start {
            let left = self.connections_of(key);
            let others: Vec<_> = left.into_iter().filter(|id| *id != request.connection).collect();
            self.send_off(key, &others, None);
            let base = self.connections[&request.connection].base.clone();
            self.start_session(key, base);
        }
        Ok(start)
    }

    /// Makes the connection one of the session's; the fourth pushes out the oldest.
    pub(super) fn register(&mut self, key: &Key, request: &Request) {
        let id = request.connection;
        let connection = self.connections.get_mut(&id).expect("requests come from connections that are here");
        let open = connection.open;
        let before = connection.session.take();
        if let Some((old, _)) = before.filter(|(old, _)| old != key) {
            self.leave_session(&old, id);
        }
        let Some(session) = self.session_mut(key) else {
            return;
        };
        let session_id = session.id;
        // A connection that ended while its configure was under way takes no place.
        if open && !session.connections.contains(&id) {
            session.connections.push(id);
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.session = Some((key.clone(), session_id));
        }
        while self.connections_of(key).len() > OPEN_CONNECTIONS {
            self.evict_oldest(key);
        }
    }

    /// `SessionResponse` (§3.3).
    pub(super) fn respond_session(&mut self, key: &Key, request: &Request, opening: &Opening) {
        let settings = self.settings.of(&key.0);
        let Some(session) = self.session(key) else {
            return;
        };
        let mut body = json!({
            "connected": true,
            "newSession": opening.new_session,
            "readOnly": session.read_only,
            "clearedExistingSession": opening.cleared_existing,
            "maxCustomDataBytes": settings.max_custom_data_bytes,
            "allowedMedia": self.allowed_media(&key.0),
            "blockedExtensions": settings.blocked_extensions,
            "durationSeconds": settings.session_seconds,
            "expirationDate": self.expiry(session) / 1000,
        });
        if let Some(started) = settings.auto_started {
            body["autoStarted"] = (started && opening.new_session).into();
        }
        self.send(request.connection, frame::response("SessionResponse", 200, body, request.tracing()));
    }

    /// Ends the session at the guest's wish (§2.7): read-only from now on, until `startNew`.
    pub(super) fn close_session(&mut self, request: &Request) -> Result<(), Refusal> {
        let key = self.session_key(request)?;
        let others: Vec<_> = self.connections_of(&key).into_iter().filter(|id| *id != request.connection).collect();
        self.send_off(&key, &others, None);
        if let Some(session) = self.session_mut(&key) {
            session.read_only = true;
            session.closed = true;
        }
        let body = json!({ "connected": false, "newSession": false, "readOnly": true });
        self.send(request.connection, frame::response("SessionResponse", 200, body, request.tracing()));
        Ok(())
    }

    /// The deployment's limits (§2.10). Names its deployment itself, so it needs no session.
    pub(super) fn get_configuration(&mut self, request: &Request) -> Result<(), Refusal> {
        let deployment = match request.text("deploymentId") {
            Some(id) => id.to_owned(),
            None => self.deployment_of(request.connection),
        };
        if !self.is_known(&deployment) {
            return Err(Refusal::new(404, "Deployment not found"));
        }
        let settings = self.settings.of(&deployment);
        let body = json!({
            "allowedMedia": self.allowed_media(&deployment),
            "blockedExtensions": settings.blocked_extensions,
            "maxCustomDataBytes": settings.max_custom_data_bytes,
            "messageRoutingEnabled": true,
            "sessionDurationSeconds": settings.session_seconds,
        });
        self.send(request.connection, frame::response("GetConfigurationResponse", 200, body, request.tracing()));
        Ok(())
    }
}
