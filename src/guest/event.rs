//! What the guest session tells the page. The shim turns these into the events of `api.d.ts`: the session keeps ids,
//! times, direction and status; bodies go out as the service's own text and are kept on the JavaScript side.

use crate::core::error::Code;
use crate::core::state::State;
use serde::Serialize;

/// A number the shim chose for a promise; it is settled by [`Event::Done`].
pub type Ticket = u32;

/// From the platform's side (guest-api.md): inbound is the guest's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Written by the guest.
    Inbound,
    /// Written by an agent, a bot or the platform.
    Outbound,
}

/// What a row is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Plain text, perhaps with an attachment.
    Text,
    /// Cards, choices and other rich parts.
    Structured,
    /// Something that happened in the conversation: someone joined, or left.
    Event,
}

/// How far a message has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
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
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Stable for the life of the row.
    pub id: String,
    /// The service's id, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// The guest's own text as accepted (rows of this browser); absent when only the service's body is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The body as the service sent it (guest-api.md §3.4.1), JSON; sent along when it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// One thing to tell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
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
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_at: Option<i64>,
        /// How long it lasts without activity, milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        duration_ms: Option<i64>,
    },
    /// A row was inserted at this index.
    Message {
        /// Where.
        index: u32,
        /// The row.
        message: Row,
    },
    /// The row at this index changed.
    Updated {
        /// Where.
        index: u32,
        /// The row as it is now; without a new body the old one stays.
        message: Row,
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
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// The oldest id above it.
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        /// It has been filled.
        filled: bool,
    },
    /// The other side writes, or stopped.
    Typing {
        /// Whether it does.
        active: bool,
        /// Until when, Unix milliseconds, unless told otherwise.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<u64>,
        /// The event's body (for the sender), JSON.
        #[serde(skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
    /// An accepted message got on.
    Receipt {
        /// The row's id.
        id: String,
        /// How far.
        status: Status,
        /// The service's id, once sent.
        #[serde(skip_serializing_if = "Option::is_none")]
        server_id: Option<String>,
        /// The service's time, once sent; Unix milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        time: Option<i64>,
        /// Why it failed or expired.
        #[serde(skip_serializing_if = "Option::is_none")]
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
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<Code>,
        /// For `history`: rows that were new.
        #[serde(skip_serializing_if = "Option::is_none")]
        loaded: Option<u32>,
        /// For `history`: there is nothing older.
        #[serde(skip_serializing_if = "Option::is_none")]
        complete: Option<bool>,
    },
}
