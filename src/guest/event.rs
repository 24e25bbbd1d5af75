//! What the guest session tells the page. The shim turns these into the events of `api.d.ts`: the session keeps ids,
//! times, direction and status; bodies go out as the service's own text and are kept on the JavaScript side.

use crate::core::error::Code;
use crate::core::plain::Members;
use crate::core::state::State;
use serde::{Serialize, Serializer};

/// A number the shim chose for a promise; it is settled by [`Event::Done`].
pub type Ticket = u32;

/// From the platform's side (guest-api.md): inbound is the guest's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Written by the guest.
    Inbound,
    /// Written by an agent, a bot or the platform.
    Outbound,
}

/// What a row is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Plain text, perhaps with an attachment.
    Text,
    /// Cards, choices and other rich parts.
    Structured,
    /// Something that happened in the conversation: someone joined, or left.
    Event,
}

/// How far a message has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Accepted and waiting.
    Queued,
    /// On its way, or being looked for in the history.
    Sending,
    /// The service has it.
    Sent,
    /// It will not be sent unasked.
    Failed,
    /// It waited too long and will not be sent unasked.
    Expired,
}

/// One row of the transcript, as far as the session knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Stable for the life of the row.
    pub id: String,
    /// The service's id, once known.
    pub server_id: Option<String>,
    /// Who wrote it.
    pub direction: Direction,
    /// What it is.
    pub kind: Kind,
    /// The service's time where known, else the time of acceptance; Unix milliseconds.
    pub time: i64,
    /// How far it has come.
    pub status: Status,
    /// Why it failed or expired.
    pub code: Option<Code>,
    /// The guest's own text as accepted (rows of this browser); absent when only the service's body is known.
    pub text: Option<String>,
    /// The body as the service sent it (guest-api.md §3.4.1), JSON; sent along when it is new.
    pub body: Option<String>,
}

/// One thing to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The connection's state changed.
    State {
        /// Where it stands now.
        state: State,
    },
    /// The session was configured, or what is known of it changed.
    Session {
        /// The service began a new one for us.
        new_session: bool,
        /// Nothing can be sent any more; a new one can be started.
        read_only: bool,
        /// When it runs out, Unix milliseconds.
        expires_at: Option<i64>,
        /// How long it lasts without activity, milliseconds.
        duration_ms: Option<i64>,
    },
    /// A row was inserted at this index.
    Message {
        /// Where.
        index: u32,
        /// The row.
        message: Box<Row>,
    },
    /// The row at this index changed.
    Updated {
        /// Where.
        index: u32,
        /// The row as it is now; without a new body the old one stays.
        message: Box<Row>,
    },
    /// A row went from one place to another; an `Updated` may follow.
    Moved {
        /// The row.
        id: String,
        /// Its old index.
        from: u32,
        /// Its new index, counted after it was taken out.
        to: u32,
    },
    /// A row is gone.
    Removed {
        /// The row.
        id: String,
        /// Where it was.
        index: u32,
    },
    /// Part of the history could not be read, or has been since.
    Gap {
        /// The newest id below it.
        from: Option<String>,
        /// The oldest id above it.
        to: Option<String>,
        /// It has been filled.
        filled: bool,
    },
    /// The other side writes, or stopped.
    Typing {
        /// Whether it does.
        active: bool,
        /// Until when, Unix milliseconds, unless told otherwise.
        until: Option<u64>,
        /// The event's body (for the sender), JSON.
        body: Option<String>,
    },
    /// An accepted message got on.
    Receipt {
        /// The row's id.
        id: String,
        /// How far.
        status: Status,
        /// The service's id, once sent.
        server_id: Option<String>,
        /// The service's time, once sent; Unix milliseconds.
        time: Option<i64>,
        /// Why it failed or expired.
        code: Option<Code>,
    },
    /// The outgoing buffer changed.
    Outbox {
        /// Messages not yet sent.
        length: u32,
        /// What they take in storage, bytes of UTF-16.
        bytes: u32,
    },
    /// Messages that the visitor has not seen.
    Unread {
        /// How many.
        count: u32,
    },
    /// This tab's part changed.
    Tab {
        /// It alone connects and sends.
        leader: bool,
    },
    /// A measurement.
    Metric {
        /// What was measured: `rtt`, `detect`, `reconnect`, `resync`.
        kind: &'static str,
        /// How long it took, milliseconds.
        ms: u64,
    },
    /// Something the developer should know of; nothing was lost.
    Warning {
        /// Which.
        code: Code,
    },
    /// Something went wrong that no call and no message stands for.
    Error {
        /// Which.
        code: Code,
    },
    /// The whole transcript was taken away (after a clear, a logout, `forget`, a new conversation).
    Emptied,
    /// A call came to its end.
    Done {
        /// The call's number.
        ticket: Ticket,
        /// Why it failed; absent when it did not.
        code: Option<Code>,
        /// For `history`: rows that were new.
        loaded: Option<u32>,
        /// For `history`: there is nothing older.
        complete: Option<bool>,
    },
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        }
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Structured => "structured",
            Kind::Event => "event",
        }
    }
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Sending => "sending",
            Status::Sent => "sent",
            Status::Failed => "failed",
            Status::Expired => "expired",
        }
    }
}

impl Row {
    fn members(&self) -> Members<'_> {
        let mut members = Members::default();
        members.text("id", &self.id);
        members.maybe_text("serverId", self.server_id.as_deref());
        members.text("direction", self.direction.name());
        members.text("kind", self.kind.name());
        members.number("time", self.time as f64);
        members.text("status", self.status.name());
        members.maybe_number("code", number_of(self.code));
        members.maybe_text("text", self.text.as_deref());
        members.maybe_text("body", self.body.as_deref());
        members
    }
}

fn number_of(code: Option<Code>) -> Option<i64> {
    code.map(|code| code.0.into())
}

impl Event {
    fn name(&self) -> &'static str {
        match self {
            Event::State { .. } => "state",
            Event::Session { .. } => "session",
            Event::Message { .. } => "message",
            Event::Updated { .. } => "updated",
            Event::Moved { .. } => "moved",
            Event::Removed { .. } => "removed",
            Event::Gap { .. } => "gap",
            Event::Typing { .. } => "typing",
            Event::Receipt { .. } => "receipt",
            Event::Outbox { .. } => "outbox",
            Event::Unread { .. } => "unread",
            Event::Tab { .. } => "tab",
            Event::Metric { .. } => "metric",
            Event::Warning { .. } => "warning",
            Event::Error { .. } => "error",
            Event::Emptied => "emptied",
            Event::Done { .. } => "done",
        }
    }

    fn members(&self) -> Members<'_> {
        let mut members = Members::default();
        members.text("type", self.name());
        match self {
            Event::State { state } => members.object("state", state.members()),
            Event::Session { new_session, read_only, expires_at, duration_ms } => {
                members.truth("newSession", *new_session);
                members.truth("readOnly", *read_only);
                members.maybe_number("expiresAt", *expires_at);
                members.maybe_number("durationMs", *duration_ms);
            }
            Event::Message { index, message } | Event::Updated { index, message } => {
                members.number("index", f64::from(*index));
                members.object("message", message.members());
            }
            Event::Moved { id, from, to } => {
                members.text("id", id);
                members.number("from", f64::from(*from));
                members.number("to", f64::from(*to));
            }
            Event::Removed { id, index } => {
                members.text("id", id);
                members.number("index", f64::from(*index));
            }
            Event::Gap { from, to, filled } => {
                members.maybe_text("from", from.as_deref());
                members.maybe_text("to", to.as_deref());
                members.truth("filled", *filled);
            }
            Event::Typing { active, until, body } => {
                members.truth("active", *active);
                members.maybe_number("until", until.map(|until| until as i64));
                members.maybe_text("body", body.as_deref());
            }
            Event::Receipt { id, status, server_id, time, code } => {
                members.text("id", id);
                members.text("status", status.name());
                members.maybe_text("serverId", server_id.as_deref());
                members.maybe_number("time", *time);
                members.maybe_number("code", number_of(*code));
            }
            Event::Outbox { length, bytes } => {
                members.number("length", f64::from(*length));
                members.number("bytes", f64::from(*bytes));
            }
            Event::Unread { count } => members.number("count", f64::from(*count)),
            Event::Tab { leader } => members.truth("leader", *leader),
            Event::Metric { kind, ms } => {
                members.text("kind", kind);
                members.number("ms", *ms as f64);
            }
            Event::Warning { code } | Event::Error { code } => members.number("code", code.0.into()),
            Event::Emptied => {}
            Event::Done { ticket, code, loaded, complete } => {
                members.number("ticket", f64::from(*ticket));
                members.maybe_number("code", number_of(*code));
                members.maybe_number("loaded", loaded.map(i64::from));
                if let Some(complete) = complete {
                    members.truth("complete", *complete);
                }
            }
        }
        members
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members().serialize(serializer)
    }
}

// The names are those of `www/client/core-event.ts` and `api.d.ts`.
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::core::state::{End, Pause, Reason};
    use serde_json::{Value, json};

    fn told(event: Event) -> Value {
        serde_json::to_value(&event).unwrap()
    }

    fn state(state: State) -> Value {
        told(Event::State { state })["state"].clone()
    }

    #[test]
    fn every_state_has_the_form_of_connection_state() {
        assert_eq!(told(Event::State { state: State::Idle }), json!({"type": "state", "state": {"name": "idle"}}));
        assert_eq!(state(State::Connecting { attempt: 3 }), json!({"name": "connecting", "attempt": 3.0}));
        assert_eq!(state(State::Ready), json!({"name": "ready"}));
        assert_eq!(state(State::Suspect), json!({"name": "suspect"}));
        for (reason, form) in [
            (Reason::Closed { code: 1006 }, json!({"kind": "closed", "code": 1006.0})),
            (Reason::Timeout, json!({"kind": "timeout"})),
            (Reason::Refused, json!({"kind": "refused"})),
            (Reason::Service { code: 503 }, json!({"kind": "service", "code": 503.0})),
            (Reason::Network, json!({"kind": "network"})),
        ] {
            let waiting = state(State::Waiting { attempt: 2, retry_at: 1_700_000_000_123, reason });
            assert_eq!(waiting, json!({"name": "waiting", "attempt": 2.0, "retryAt": 1_700_000_000_123.0_f64, "reason": form}));
        }
        assert_eq!(state(State::Paused { until: None, reason: Pause::Evicted }), json!({"name": "paused", "reason": "evicted"}));
        assert_eq!(
            state(State::Paused { until: Some(5), reason: Pause::RateLimited }),
            json!({"name": "paused", "until": 5.0, "reason": "rateLimited"})
        );
        assert_eq!(state(State::Paused { until: None, reason: Pause::Refused })["reason"], "refused");
        assert_eq!(state(State::Offline), json!({"name": "offline"}));
        assert_eq!(state(State::AuthRequired), json!({"name": "authRequired"}));
        assert_eq!(state(State::Stopped), json!({"name": "stopped"}));
        for (reason, name) in [
            (End::SessionExpired, "sessionExpired"),
            (End::SessionCleared, "sessionCleared"),
            (End::LoggedOut, "loggedOut"),
            (End::NotAllowed, "notAllowed"),
            (End::Inactive, "inactive"),
            (End::Policy, "policy"),
        ] {
            assert_eq!(state(State::Ended { reason }), json!({"name": "ended", "reason": name}));
        }
    }

    #[test]
    fn rows_have_what_is_known_of_them_and_nothing_else() {
        let row = Row {
            id: "a".into(),
            server_id: None,
            direction: Direction::Inbound,
            kind: Kind::Text,
            time: 7,
            status: Status::Queued,
            code: None,
            text: Some("hi".into()),
            body: None,
        };
        let inserted = told(Event::Message { index: 4, message: Box::new(row.clone()) });
        let form = json!({"id": "a", "direction": "inbound", "kind": "text", "time": 7.0, "status": "queued", "text": "hi"});
        assert_eq!(inserted, json!({"type": "message", "index": 4.0, "message": form}));
        let row = Row { server_id: Some("s".into()), code: Some(Code(7010)), status: Status::Failed, text: None, body: Some("{}".into()), ..row };
        let row = Row { direction: Direction::Outbound, kind: Kind::Structured, ..row };
        let updated = told(Event::Updated { index: 0, message: Box::new(row) });
        assert_eq!(updated["type"], "updated");
        let form = json!({"id": "a", "serverId": "s", "direction": "outbound", "kind": "structured", "time": 7.0, "status": "failed", "code": 7010.0, "body": "{}"});
        assert_eq!(updated["message"], form);
    }

    #[test]
    fn the_other_events_have_their_members() {
        for (event, form) in [
            (
                Event::Session { new_session: true, read_only: false, expires_at: Some(9), duration_ms: None },
                json!({"type": "session", "newSession": true, "readOnly": false, "expiresAt": 9.0}),
            ),
            (Event::Moved { id: "a".into(), from: 1, to: 2 }, json!({"type": "moved", "id": "a", "from": 1.0, "to": 2.0})),
            (Event::Removed { id: "a".into(), index: 3 }, json!({"type": "removed", "id": "a", "index": 3.0})),
            (Event::Gap { from: Some("f".into()), to: None, filled: true }, json!({"type": "gap", "from": "f", "filled": true})),
            (Event::Typing { active: true, until: Some(8), body: None }, json!({"type": "typing", "active": true, "until": 8.0})),
            (
                Event::Receipt { id: "a".into(), status: Status::Sent, server_id: Some("s".into()), time: Some(6), code: None },
                json!({"type": "receipt", "id": "a", "status": "sent", "serverId": "s", "time": 6.0}),
            ),
            (Event::Outbox { length: 2, bytes: 300 }, json!({"type": "outbox", "length": 2.0, "bytes": 300.0})),
            (Event::Unread { count: 1 }, json!({"type": "unread", "count": 1.0})),
            (Event::Tab { leader: false }, json!({"type": "tab", "leader": false})),
            (Event::Metric { kind: "rtt", ms: 40 }, json!({"type": "metric", "kind": "rtt", "ms": 40.0})),
            (Event::Warning { code: Code(7024) }, json!({"type": "warning", "code": 7024.0})),
            (Event::Error { code: Code(7022) }, json!({"type": "error", "code": 7022.0})),
            (Event::Emptied, json!({"type": "emptied"})),
            (
                Event::Done { ticket: 5, code: Some(Code(7033)), loaded: Some(0), complete: Some(true) },
                json!({"type": "done", "ticket": 5.0, "code": 7033.0, "loaded": 0.0, "complete": true}),
            ),
        ] {
            assert_eq!(told(event), form);
        }
    }
}
