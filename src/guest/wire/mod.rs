//! What goes over the line. The session speaks to one [`Wire`] through the [`Frame`]s that it reads and the requests that
//! it writes; what the wires do not share are traits of theirs, as data. Sections (§) are those of guest-api.md.

pub mod guest_api;
pub mod session_api;

use crate::core::error::Code;
use crate::core::json::{Document, Value};
use crate::guest::event::{Direction, Kind};

/// History may lag behind by five seconds (faults.md row 32); one more for the reading of it.
pub const LAG_MS: u64 = 6_000;

/// Which protocol is spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wire {
    /// The platform's guest API.
    Guest,
    /// The session protocol.
    Session,
}

impl Wire {
    /// Whether it is the session protocol. Never, where that was left out of the build: what hangs on it goes with it.
    pub fn is_session(self) -> bool {
        cfg!(feature = "session") && self == Wire::Session
    }

    /// The one that this is not.
    pub fn other(self) -> Wire {
        if self == Wire::Guest { Wire::Session } else { Wire::Guest }
    }

    /// The key, behind the prefix, under which is stored what belongs to this wire's conversation alone.
    pub fn key(self) -> &'static str {
        if self.is_session() { "session-protocol" } else { "session" }
    }

    /// Idle for so long, the line is probed, milliseconds.
    pub fn idle_ms(self) -> u64 {
        // Two `echo` a minute are allowed (§4.4); of a `ping` nothing is said.
        if self.is_session() { 25_000 } else { 30_000 }
    }

    /// What was read is read once more after so many milliseconds: it may lag behind by five seconds (faults.md row 32).
    pub fn read_again_ms(self) -> u64 {
        // In rapid reconnect cycles this history is to be read every 30 s at most.
        if self.is_session() { crate::guest::history::APART_MS } else { LAG_MS }
    }

    /// Reads a frame; `me` is who the guest is on this wire. `None` where it has not the form of one.
    pub fn decode<'a>(self, document: &'a Document<'_>, me: &str) -> Option<Incoming<'a>> {
        if self.is_session() { session_api::decode(document, me) } else { guest_api::decode(document) }
    }

    /// Reads a history page; one odd entry never costs the rest. `None` where it is no page.
    pub fn page<'a>(self, document: &'a Document<'_>, me: &str) -> Option<Page<'a>> {
        if self.is_session() { session_api::page(document, me) } else { guest_api::page(document) }
    }

    /// A message.
    pub fn message(self, token: &str, id: &str, outgoing: &Outgoing<'_>) -> String {
        if self.is_session() { session_api::message(outgoing.text) } else { guest_api::message(token, id, outgoing) }
    }
}

/// A frame that was read.
pub struct Incoming<'a> {
    /// The request that it answers or echoes.
    pub tracing: Option<&'a str>,
    /// What it says.
    pub frame: Frame<'a>,
}

/// What a frame says.
pub enum Frame<'a> {
    /// `SessionResponse` (§3.3).
    Session(SessionResponse),
    /// A message or an event: `StructuredMessage` (§3.4); `response` is the envelope's type, which an `echo` reply has.
    Message {
        /// The envelope says that it answers a request.
        response: bool,
        /// The message.
        entry: Entry<'a>,
    },
    /// `JwtResponse` (§3.6): the token, and when it runs out, Unix milliseconds by the service's clock.
    Jwt(&'a str, Option<i64>),
    /// An error, in any of its forms (§3.7, §3.8).
    Error(Fault),
    /// `SessionExpiredEvent`.
    Expired,
    /// `SessionClearedEvent`.
    Cleared,
    /// `ConnectionClosedEvent`; whether the guest signed in elsewhere.
    Closed {
        /// `reason: "signedIn"`.
        signed_in: bool,
    },
    /// `LogoutEvent`.
    LoggedOut,
    /// The answer to a `ping` of the session protocol.
    Pong,
    /// A class that this version does not act on.
    Other,
    /// A class that the reference does not know.
    Unknown,
}

/// What configuring gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionResponse {
    /// False only on the way to a new session.
    pub connected: bool,
    /// There was none before for this token.
    pub new: bool,
    /// Ended; only reads are allowed.
    pub read_only: bool,
    /// No Join is owed.
    pub auto_started: bool,
    /// The budget of custom attributes.
    pub max_attribute_bytes: Option<usize>,
    /// The window of inactivity, milliseconds.
    pub duration_ms: Option<i64>,
    /// When it runs out, Unix milliseconds by the service's clock.
    pub expires_at: Option<i64>,
}

impl SessionResponse {
    /// Of a session that is simply open.
    pub fn open(new: bool) -> SessionResponse {
        SessionResponse { connected: true, new, read_only: false, auto_started: true, max_attribute_bytes: None, duration_ms: None, expires_at: None }
    }
}

/// An error of the service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Its code (§4); a plain 429 stands for 4029.
    pub code: Code,
    /// The wait asked for, milliseconds.
    pub retry_after: Option<u64>,
    /// The body says that the visitor has to sign in (§4.2, step 1).
    pub wants_auth: bool,
}

/// One message or event, live or from history.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// `body.id`.
    pub id: Option<&'a str>,
    /// `body.channel.messageId`.
    pub message_id: Option<&'a str>,
    /// The guest's own id as carried back in `body.metadata`.
    pub own_id: Option<&'a str>,
    /// The service's time, Unix milliseconds.
    pub time: Option<i64>,
    /// Who wrote it.
    pub direction: Direction,
    /// What it is; `None` for what is never shown (receipts, typing).
    pub kind: Option<Kind>,
    /// Its text.
    pub text: Option<&'a str>,
    /// The whole body as it came.
    pub body: &'a str,
    /// What happened, for events, as it came.
    events: Option<Value<'a>>,
    /// `metadata.readOnly`.
    pub read_only: bool,
    /// The expiry that an echo reply carries (§3.4.6), Unix milliseconds.
    pub expires_at: Option<i64>,
}

impl<'a> Entry<'a> {
    /// What happened, for events.
    pub fn happenings(&self) -> impl Iterator<Item = Happening> + 'a {
        guest_api::happenings(self.events)
    }

    /// The service's ids, the first of them its name for the entry.
    pub fn ids(&self) -> impl Iterator<Item = &'a str> {
        self.id.into_iter().chain(self.message_id)
    }

    /// The service's name for the entry.
    pub fn server_id(&self) -> Option<&'a str> {
        self.id.or(self.message_id)
    }
}

/// One part of an event message (§3.4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Happening {
    /// Someone types, for so many milliseconds; or stopped.
    Typing {
        /// `On`, or anything but `Off`.
        on: bool,
        /// How long it is good for.
        duration_ms: u64,
    },
    /// The guest joined.
    Join,
    /// The other side left.
    Disconnect,
    /// The conversation was cleared.
    Clear,
    /// Anything else.
    Other,
}

/// A history page (§5.7).
pub struct Page<'a> {
    /// The entries that could be read, in the page's order.
    pub entries: Vec<Entry<'a>>,
    /// How many pages there are in all, where pages are numbered.
    pub page_count: Option<i64>,
    /// Where the next page begins, where they follow one another.
    pub next: Option<&'a str>,
}

/// What a guest message is made of.
pub struct Outgoing<'a> {
    /// Its text.
    pub text: &'a str,
    /// `Structured` instead of `Text`.
    pub structured: bool,
    /// Raw content parts, a JSON array.
    pub content: Option<&'a str>,
    /// Custom attributes, a JSON object.
    pub attributes: Option<&'a str>,
}
