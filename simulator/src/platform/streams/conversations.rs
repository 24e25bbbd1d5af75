//! E, the conversation events' socket (systems.md E3): a filter, a session id, and what is missed while a socket is gone.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::super::{Output, Platform};
use super::kept::Kept;
use super::{Role, Socket, Stream};
use crate::exchange::ConnectionId;
use crate::url::Target;

/// How long a session can come back after its socket has gone, in milliseconds.
const RESUMED_WITHIN: u64 = 60_000;
/// How many of the missed events come again: the newest.
const RESUMED: usize = 1_000;
/// How many events come in one frame then.
const RESUMED_TOGETHER: usize = 50;
/// How many come again although they had been sent already.
const DOUBLES: usize = 2;

/// Pairs that all have to hold; none admits everything.
#[derive(Default)]
pub(super) struct Filter {
    text: String,
    pairs: Vec<(String, String)>,
}

impl Filter {
    /// `name=value`, joined by commas.
    fn parse(text: &str) -> Option<Self> {
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        let pairs: Option<Vec<(String, String)>> = pairs
            .map(|pair| pair.split_once('=').filter(|(name, _)| !name.is_empty()).map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect();
        Some(Self { text: text.to_owned(), pairs: pairs? })
    }

    fn admits(&self, event: &Value) -> bool {
        self.pairs.iter().all(|(name, wanted)| {
            let value = if name == "type" { event.get("type") } else { event.get("data").and_then(|data| data.get(name)) };
            match value {
                Some(Value::String(text)) => text == wanted,
                // A number or a flag is written as JSON writes it.
                Some(other) => wanted.parse::<Value>().is_ok_and(|wanted| wanted == *other),
                None => false,
            }
        })
    }
}

/// What is particular to a socket of this stream.
pub(super) struct Listener {
    session: String,
    filter: Filter,
}

impl Listener {
    pub(super) fn describe(&self, shown: &mut Value) {
        shown["sessionId"] = self.session.as_str().into();
        shown["filter"] = self.filter.text.as_str().into();
    }
}

/// A session id and how far its client has come. Positions are numbers of events.
#[derive(Default)]
struct Session {
    sockets: usize,
    /// The last ones that were sent.
    sent: VecDeque<u64>,
    /// The next event at the moment of the last sign of life.
    heard: u64,
    /// The next event at the moment at which the last socket went, and that moment.
    left: Option<(u64, u64)>,
}

impl Session {
    fn note(&mut self, number: u64) {
        self.sent.push_back(number);
        if self.sent.len() > DOUBLES {
            self.sent.pop_front();
        }
    }
}

/// What was sent in one deployment, and who may have missed some of it.
#[derive(Default)]
pub(super) struct Feed {
    kept: Kept,
    sessions: BTreeMap<String, Session>,
}

impl Feed {
    /// A socket comes. What it has missed: in their order, the last that had been sent, and what was sent after that.
    fn enter(&mut self, listener: &Listener, now: u64) -> Vec<u64> {
        self.sessions.retain(|_, session| session.sockets > 0 || session.left.is_some_and(|(_, at)| at + RESUMED_WITHIN >= now));
        let next = self.kept.next();
        let session = self.sessions.entry(listener.session.clone()).or_insert_with(|| Session { heard: next, ..Session::default() });
        session.sockets += 1;
        // Where an older socket still stands, its line may have been dead since its client was last heard.
        let from = match session.left.take() {
            Some((position, _)) => position,
            None => session.heard,
        };
        session.heard = next;
        let admitted = self.kept.since(from).filter(|(_, sent)| listener.filter.admits(&sent.event)).map(|(number, _)| number);
        let mut missed: Vec<u64> = admitted.rev().take(RESUMED).collect();
        missed.extend(session.sent.iter().rev().filter(|number| **number < from));
        missed.reverse();
        for number in &missed {
            session.note(*number);
        }
        missed
    }

    /// A socket goes.
    pub(super) fn leave(&mut self, listener: &Listener, now: u64) {
        let next = self.kept.next();
        if let Some(session) = self.sessions.get_mut(&listener.session) {
            session.sockets = session.sockets.saturating_sub(1);
            if session.sockets == 0 {
                session.left = Some((next, now));
            }
        }
    }
}

impl Platform {
    /// Who is let in: 401 and 403 by the token, 400 by what else is asked for, 429 beyond the connections.
    pub(super) fn admit_listener(&self, target: &Target) -> Result<Socket, (u16, Option<u64>)> {
        let (deployment, access) = self.admit_token(&target.parameter("access_token").unwrap_or_default()).map_err(|status| (status, None))?;
        let session = target.parameter("session_id").filter(|id| is_uuid(id)).ok_or((400, None))?;
        let filter = Filter::parse(&target.parameter("filter").unwrap_or_default()).ok_or((400, None))?;
        if let Some(seconds) = self.crowded(&deployment, Stream::Conversations) {
            return Err((429, Some(seconds)));
        }
        Ok(Self::authorized(deployment, access, Role::Conversations(Listener { session, filter })))
    }

    /// What a session that comes back has missed.
    pub(super) fn resume_conversations(&mut self, id: ConnectionId) {
        let Some(Socket { deployment, role: Role::Conversations(listener), .. }) = self.streams.sockets.get(&id) else {
            return;
        };
        let feed = &mut self.streams.feeds.entry(deployment.clone()).or_default().conversations;
        let missed = feed.enter(listener, self.now);
        if !self.settings.of(deployment).stream_replay {
            return;
        }
        for part in missed.chunks(RESUMED_TOGETHER) {
            let events: Value = part.iter().filter_map(|number| feed.kept.get(*number)).map(|sent| sent.event.clone()).collect();
            self.outputs.push_back(Output::Frame(id, events));
        }
    }

    /// A sign of life on a socket of this stream.
    pub(super) fn note_heard(&mut self, id: ConnectionId) {
        if let Some(Socket { deployment, role: Role::Conversations(listener), .. }) = self.streams.sockets.get(&id)
            && let Some(feed) = self.streams.feeds.get_mut(deployment)
        {
            let next = feed.conversations.kept.next();
            if let Some(session) = feed.conversations.sessions.get_mut(&listener.session) {
                session.heard = next;
            }
        }
    }

    /// Sends events through each socket's filter: each in a frame of its own, or all in one. Gives the frames.
    pub(crate) fn emit_conversations(&mut self, deployment: &str, events: Vec<Value>, together: bool) -> usize {
        let now = self.now;
        let feed = self.streams.feeds.entry(deployment.to_owned()).or_default();
        let numbers: Vec<u64> = events.into_iter().map(|event| feed.conversations.kept.push(now, event)).collect();
        let listeners = feed.listeners.get(&Stream::Conversations).map_or(&[][..], Vec::as_slice);
        let mut frames = 0;
        for id in listeners {
            let Some(Socket { role: Role::Conversations(listener), .. }) = self.streams.sockets.get(id) else {
                continue;
            };
            let mut admitted = Vec::new();
            for number in &numbers {
                if let Some(sent) = feed.conversations.kept.get(*number).filter(|sent| listener.filter.admits(&sent.event)) {
                    admitted.push(sent.event.clone());
                    if let Some(session) = feed.conversations.sessions.get_mut(&listener.session) {
                        session.note(*number);
                    }
                }
            }
            if together && !admitted.is_empty() {
                admitted = vec![Value::Array(admitted)];
            }
            frames += admitted.len();
            self.outputs.extend(admitted.into_iter().map(|frame| Output::Frame(*id, frame)));
        }
        frames
    }
}

/// A UUID of version 4 (RFC 9562 §5.4).
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            14 => byte == b'4',
            19 => matches!(byte.to_ascii_lowercase(), b'8' | b'9' | b'a' | b'b'),
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_filter_holds_when_every_pair_does() {
        let event = json!({ "id": "1", "type": "CallStarted", "data": { "queue": "sales", "priority": 2, "vip": true } });
        for (text, admitted) in [
            ("", true),
            ("type=CallStarted", true),
            ("queue=sales,priority=2, vip=true", true),
            ("type=CallStarted,queue=support", false),
            ("type=CallEnded", false),
            ("id=1", false),
            ("queue=", false),
        ] {
            assert_eq!(Filter::parse(text).unwrap().admits(&event), admitted, "{text}");
        }
        assert!(Filter::parse("queue").is_none());
        assert!(Filter::parse("=sales").is_none());
    }

    #[test]
    fn a_session_id_is_a_uuid_of_version_four() {
        assert!(is_uuid("6f9619ff-8b86-4d01-b42d-00cf4fc964ff"));
        assert!(is_uuid("6F9619FF-8B86-4D01-B42D-00CF4FC964FF"));
        for bad in ["", "6f9619ff-8b86-1d01-b42d-00cf4fc964ff", "6f9619ff-8b86-4d01-c42d-00cf4fc964ff", "6f9619ff8b864d01b42d00cf4fc964ff", "x"] {
            assert!(!is_uuid(bad), "{bad}");
        }
    }
}
