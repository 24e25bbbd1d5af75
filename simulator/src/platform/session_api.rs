//! The session protocol over HTTP (systems.md G1, G2, G6): tokens, making a session, reading what was said.
//!
//! Its sessions are kept like the guest API's, under the deployment and the session id in place of a guest token; what
//! an entry of theirs holds is the message as this protocol writes it.

use serde_json::{Value, json};

use super::Platform;
use super::http::{Answer, json_body};
use super::jwt;
use super::session::Key;
use crate::exchange::HttpRequest;
use crate::protocol::Protocol;
use crate::url::{Target, decode};

const SESSIONS: &str = "/api/v2/conversations/webmessaging/sessions";

/// The session id of `…/sessions/{id}/messages`.
pub(crate) fn session_in(path: &str) -> Option<String> {
    let id = path.strip_prefix(SESSIONS)?.strip_prefix('/')?.strip_suffix("/messages")?;
    (!id.is_empty() && !id.contains('/')).then(|| decode(id))
}

impl Platform {
    /// The answer to a request of the session protocol; `None` for every other path.
    pub(super) fn session_answer(&mut self, request: &HttpRequest, target: &Target, lag: u64) -> Option<Answer> {
        let reading = session_in(&target.path);
        Some(match (request.method.as_str(), target.path.as_str()) {
            ("POST", "/oauth/token") => self.oauth_token(request),
            ("POST", "/demo-backend/token") => self.backend_token(target),
            ("POST", SESSIONS) => self.create_session(request, target),
            (_, "/oauth/token" | "/demo-backend/token" | SESSIONS) => Answer::error(405, "method.not.allowed", "Only POST is served here."),
            (method, _) => {
                let id = reading?;
                if method != "GET" {
                    return Some(Answer::error(405, "method.not.allowed", "Only GET is served here."));
                }
                let answer = self.read_messages(request, target, &id, lag);
                match self.session_deployment(&id) {
                    Some(deployment) => answer.of(deployment),
                    None => answer,
                }
            }
        })
    }

    /// The deployment that a request of the session protocol is about, as far as it tells.
    pub(super) fn session_deployment_asked(&self, request: &HttpRequest, target: &Target) -> Option<String> {
        let named = match (session_in(&target.path), target.path.as_str()) {
            (Some(id), _) => self.session_deployment(&id).map(str::to_owned),
            (None, SESSIONS) => json_body(request).ok().and_then(|body| body["deploymentId"].as_str().map(str::to_owned)),
            (None, "/oauth/token") => return self.deployment_of_client(request),
            _ => return None,
        };
        named.or_else(|| self.access.deployment_of(jwt::bearer(request.header("authorization"))?).map(str::to_owned))
    }

    /// The deployment a session of this protocol belongs to, ended or not.
    pub(crate) fn session_deployment(&self, id: &str) -> Option<&str> {
        self.session_ids.get(id).map(String::as_str)
    }

    /// What the session under a key speaks.
    pub(crate) fn protocol_of(&self, key: &Key) -> Protocol {
        match self.session_ids.get(&key.1) {
            Some(deployment) if *deployment == key.0 => Protocol::Session,
            _ => Protocol::Guest,
        }
    }

    fn create_session(&mut self, request: &HttpRequest, target: &Target) -> Answer {
        let Some(access) = self.good_bearer(request) else {
            return bad_credentials();
        };
        let body = match json_body(request) {
            Ok(body) => body,
            Err(answer) => return answer,
        };
        let Some(deployment) = body["deploymentId"].as_str().filter(|id| !id.is_empty()) else {
            return Answer::error(400, "bad.request", "deploymentId is missing.");
        };
        if !self.is_known(deployment) || !self.is_active(deployment) {
            return Answer::error(404, "not.found", "There is no such deployment.").of(deployment);
        }
        if deployment.starts_with("malformed") {
            return Answer::captive_portal().of(deployment);
        }
        let key = (deployment.to_owned(), self.seed.uuid());
        let base = self.base_of(request, target);
        self.session_ids.insert(key.1.clone(), key.0.clone());
        self.start_session(&key, base);
        self.access.note_use(&access, &key);
        Answer::json(200, &json!({ "id": key.1 })).of(deployment)
    }

    /// What was said after a message, oldest first. `lag` leaves out what is younger than so many milliseconds (fault
    /// `history-lag`).
    fn read_messages(&mut self, request: &HttpRequest, target: &Target, id: &str, lag: u64) -> Answer {
        let Some(access) = self.good_bearer(request) else {
            return bad_credentials();
        };
        let Some(key) = self.session_under(id) else {
            return Answer::error(404, "not.found", "There is no such session.");
        };
        self.access.note_use(&access, &key);
        if let Err(seconds) = self.admit_read(&key) {
            return Answer::too_many(seconds);
        }
        let size = self.settings.of(&key.0).session_page_size as usize;
        let entries = self.session(&key).map_or(&[][..], |session| &session.entries);
        let from = match target.parameter("after") {
            None => 0,
            // An id that the history does not show yet is known all the same: its sender has it from the echo.
            Some(after) => match entries.iter().position(|entry| entry.body["id"] == after) {
                Some(at) => at + 1,
                None => return Answer::error(400, "bad.request", "after is not the id of a message of this session."),
            },
        };
        let mut shown = entries[from..].iter().filter(|entry| entry.visible_from <= self.now && entry.at + lag <= self.now).map(|entry| &entry.body);
        let items: Vec<&Value> = shown.by_ref().take(size).collect();
        let page = match (items.last(), shown.next()) {
            (Some(last), Some(_)) => json!({ "after": last["id"] }),
            _ => json!({}),
        };
        Answer::json(200, &json!({ "items": items, "page": page }))
    }

    /// The key of a session of this protocol that has not ended.
    pub(super) fn session_under(&self, id: &str) -> Option<Key> {
        let key = (self.session_deployment(id)?.to_owned(), id.to_owned());
        self.session(&key).is_some().then_some(key)
    }
}

fn bad_credentials() -> Answer {
    Answer::error(401, "bad.credentials", "Invalid login credentials.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_by_its_messages_path_only() {
        assert_eq!(session_in(&format!("{SESSIONS}/a-b/messages")).as_deref(), Some("a-b"));
        for path in ["/v1", SESSIONS, &format!("{SESSIONS}//messages"), &format!("{SESSIONS}/a/b/messages"), &format!("{SESSIONS}/a/members")] {
            assert_eq!(session_in(path), None, "{path}");
        }
    }
}
