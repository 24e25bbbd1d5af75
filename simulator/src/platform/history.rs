//! `getJwt` and the history call (guest-api.md §5.7): newest first, by page number.

use serde_json::{Value, json};

use super::http::Answer;
use super::limits::{HISTORY_READS_PER_MINUTE, HISTORY_RETENTION, MINUTE};
use super::session::{Key, SessionId};
use super::{Note, NoteKind, Platform, Refusal, Request, frame, jwt};
use crate::calendar;
use crate::exchange::HttpRequest;
use crate::url::Target;

/// How long a history JWT is good for, in milliseconds.
const JWT_LIFE: u64 = MINUTE;
const DEFAULT_PAGE_SIZE: u64 = 25;

/// What a history JWT lets its bearer read.
pub(super) struct Grant {
    pub(super) key: Key,
    session: SessionId,
    expires: u64,
}

impl Platform {
    pub(super) fn get_jwt(&mut self, request: &Request) -> Result<(), Refusal> {
        let key = self.session_key(request)?;
        let session = self.session(&key).map(|session| session.id).unwrap_or_default();
        let expires = self.now + JWT_LIFE;
        let claims = json!({ "exp": expires / 1000, "deploymentId": key.0 });
        let token = jwt::mint(&mut self.seed, &claims);
        let now = self.now;
        self.jwts.retain(|_, grant| grant.expires > now);
        self.jwts.insert(token.clone(), Grant { key, session, expires });
        let body = json!({ "jwt": token, "exp": expires / 1000 });
        self.send(request.connection, frame::response("JwtResponse", 200, body, request.tracing()));
        Ok(())
    }

    /// Whose history a request asks for, if its JWT was ever good.
    pub(crate) fn history_reader(&self, request: &HttpRequest) -> Option<&Key> {
        let token = jwt::bearer(request.header("authorization"))?;
        self.jwts.get(token).map(|grant| &grant.key)
    }

    /// Ends the history JWTs of a token, or all.
    pub(crate) fn expire_jwts(&mut self, token: Option<&str>) {
        self.jwts.retain(|_, grant| token.is_some_and(|token| grant.key.1 != token));
    }

    /// One page. `lag` leaves out what is younger than so many milliseconds (fault `history-lag`).
    pub(super) fn history(&mut self, request: &HttpRequest, target: &Target, lag: u64) -> Answer {
        let token = jwt::bearer(request.header("authorization"));
        let grant = token.and_then(|token| self.jwts.get(token));
        let Some(grant) = grant.filter(|grant| grant.expires > self.now) else {
            return Answer::error(401, "bad.credentials", "Invalid login credentials.");
        };
        let (key, session_id) = (grant.key.clone(), grant.session);
        let answer = self.history_page(&key, session_id, target, lag);
        answer.of(&key.0)
    }

    fn history_page(&mut self, key: &Key, session: SessionId, target: &Target, lag: u64) -> Answer {
        let number = |name: &str, default: u64| match target.parameter(name) {
            None => Some(default),
            Some(text) => text.parse().ok().filter(|number| *number > 0),
        };
        let (Some(page), Some(size)) = (number("pageNumber", 1), number("pageSize", DEFAULT_PAGE_SIZE)) else {
            return Answer::error(400, "bad.request", "pageNumber and pageSize are whole numbers from 1 on.");
        };
        if let Err(seconds) = self.admit_read(key) {
            return Answer::too_many(seconds);
        }
        let settings = self.settings.of(&key.0);
        let size = size.min(settings.max_page_size);
        let Some(session) = self.session(key).filter(|one| one.id == session) else {
            return Answer::error(404, "not.found", "The conversation is not there any more.");
        };
        let kept = if session.user.is_some() { u64::MAX } else { HISTORY_RETENTION };
        let shown: Vec<&Value> = session
            .entries
            .iter()
            .rev()
            .filter(|entry| entry.visible_from <= self.now && entry.at + lag <= self.now)
            .filter(|entry| self.now - entry.at < kept)
            .map(|entry| &entry.body)
            .collect();
        let total = shown.len() as u64;
        let from = page.saturating_sub(1).saturating_mul(size).min(total) as usize;
        let to = (from as u64).saturating_add(size).min(total) as usize;
        let mut entities: Vec<Value> = shown[from..to].iter().map(|body| (*body).clone()).collect();
        if settings.odd_history {
            entities.extend(self.oddities());
        }
        Answer::json(
            200,
            &json!({
                "entities": entities,
                "pageSize": size,
                "pageNumber": page,
                "total": total,
                "pageCount": total.div_ceil(size),
            }),
        )
    }

    /// Counts a read towards the session's minute, of whichever protocol.
    pub(super) fn admit_read(&mut self, key: &Key) -> Result<(), u64> {
        if !self.settings.of(&key.0).limits {
            return Ok(());
        }
        let now = self.now;
        let reads = &mut self.guests.entry(key.clone()).or_default().reads;
        let admitted = reads.admit(now, HISTORY_READS_PER_MINUTE, MINUTE);
        if admitted.is_err() {
            self.note(Note {
                kind: NoteKind::Limited,
                deployment: key.0.clone(),
                token: Some(key.1.clone()),
                connection: None,
                action: None,
                tracing: None,
                text: Some("history reads per minute".into()),
                server_id: None,
                direction: None,
            });
        }
        admitted
    }

    /// What the model allows and strict readers stumble over (switch `oddHistory`).
    fn oddities(&self) -> [Value; 2] {
        let time = calendar::iso(self.now);
        [
            json!({
                "id": "0000000000000000000000000000ece1",
                "type": "Receipt",
                "status": "Read",
                "direction": "Outbound",
                "channel": { "time": time },
            }),
            json!({
                "id": "000000000000000000000000000000dd",
                "type": "Structured",
                "direction": "Outbound",
                "channel": { "time": time },
                "content": [{ "contentType": "Hologram", "hologram": { "depth": 3 } }, { "content": 1 }],
            }),
        ]
    }
}
