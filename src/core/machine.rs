//! The driver's one seam: what goes into a connection's machine and what comes out of it.
//!
//! One mutation, then drain [`Machine::poll_output`] until it is empty, then ask [`Machine::poll_timeout`], then the
//! next mutation. Acts are performed in the order in which they are drained; their results come back as inputs. A
//! machine never calls out, so nothing it causes can re-enter it.

use super::http::{Reply, Request, Unreachable};

/// The time as the host tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// Milliseconds of a clock that never goes back; its zero means nothing.
    pub mono: u64,
    /// Milliseconds since the Unix epoch by the visitor's clock, which may be wrong and may jump.
    pub unix: u64,
}

/// Names one socket for as long as the machine lives; never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SocketId(pub u32);

/// Names one HTTP request; never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RequestId(pub u32);

/// Names one write to storage; never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct WriteId(pub u32);

/// What a frame brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Payload<'a> {
    /// A text frame, or bytes that held UTF-8 text.
    Text(&'a str),
    /// Bytes that are not text; how many.
    Binary(usize),
}

/// What a storage write met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreFault {
    /// The quota is used up.
    Full,
    /// There is no storage, or it throws.
    Unavailable,
}

/// What the page tells of its own life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Page {
    /// `visibilitychange` to visible.
    Visible,
    /// `visibilitychange` to hidden: timers are throttled from here on.
    Hidden,
    /// `freeze`: the page is put to sleep, and may be thrown away without another word.
    Frozen,
    /// `resume`, after a freeze.
    Resumed,
    /// `pageshow` of a page that came back from the back/forward cache.
    Shown,
    /// `pagehide`: the page may be kept or thrown away; everything is given up at once.
    Left,
    /// `focus`.
    Focused,
    /// The first input of the visitor after a pause.
    Input,
    /// `online`: a hint.
    Online,
    /// `offline`: a hint, which may lie.
    Offline,
}

/// Which part this tab plays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It alone connects and sends.
    Leader,
    /// Another tab does.
    Follower,
}

/// What is asked of the lock that makes one tab the leader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lead {
    /// Wait in line for it.
    Join,
    /// Take it from the tab that holds it.
    Steal,
    /// Find out whether this tab holds it still; answered by [`Input::Role`] in any case.
    Prove,
    /// Give it up, or stop waiting.
    Leave,
}

/// What happened outside.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// The socket is open.
    Opened(SocketId),
    /// A frame came.
    Frame(SocketId, Payload<'a>),
    /// The socket is closed: code, reason, and whether the other side took part in it.
    Closed(SocketId, Close<'a>),
    /// A request was answered, or could not be.
    Reply(RequestId, Result<Reply<'a>, Unreachable>),
    /// All that storage holds under the prefix asked for by [`Act::Load`].
    Loaded(&'a [(&'a str, &'a str)]),
    /// A write was done, or not.
    Stored(WriteId, Result<(), StoreFault>),
    /// The page's life.
    Page(Page),
    /// This tab's part changed.
    Role(Role),
    /// The time asked for by [`Machine::poll_timeout`] has come.
    Timeout,
}

/// How a socket ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Close<'a> {
    /// The close code as the host reports it; 1006 where there was no close frame.
    pub code: u16,
    /// The reason given, often empty.
    pub reason: &'a str,
    /// Both sides exchanged close frames, so nothing sent before is still under way.
    pub clean: bool,
}

/// What is to be done outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// Open a socket to this URL.
    Open(SocketId, String),
    /// Send one text frame.
    Send(SocketId, String),
    /// Close the socket; its `Closed` is still reported.
    Shut(SocketId, u16),
    /// Forget the socket: nothing of it is to be reported any more.
    Forget(SocketId),
    /// Make an HTTP request.
    Fetch(RequestId, Request),
    /// Ask the page for an access token; what it gives comes as a reply with status 200 and the token response as JSON, what
    /// it refuses as [`Unreachable::Network`], and nothing within [`token::DEADLINE_MS`](super::token::DEADLINE_MS) as
    /// [`Unreachable::Timeout`].
    Token(RequestId),
    /// Give a request up; nothing is reported.
    Abort(RequestId),
    /// Write (or with `None` remove) one key; answered by [`Input::Stored`].
    Store(WriteId, String, Option<String>),
    /// Read every key that starts with this prefix; answered by [`Input::Loaded`].
    Load(String),
    /// Ask for, take or leave the lead among the tabs; changes are told by [`Input::Role`].
    Lead(Lead),
}

/// One thing that leaves a machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output<E> {
    /// To be performed, in order.
    Act(Act),
    /// To be told to the page once the drain is over.
    Event(E),
}

/// A connection's whole behaviour, driven from outside.
pub trait Machine {
    /// What the page is told.
    type Event;
    /// Takes in one thing that happened.
    fn handle_input(&mut self, now: Now, input: Input<'_>);
    /// The next thing to do or to tell; `None` once all is drained.
    fn poll_output(&mut self) -> Option<Output<Self::Event>>;
    /// When [`Input::Timeout`] is wanted, in [`Now::mono`] milliseconds.
    fn poll_timeout(&self) -> Option<u64>;
}
