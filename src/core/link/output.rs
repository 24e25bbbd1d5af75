//! What a link and the machine that composes it say to each other.

#[cfg(doc)]
use super::Link;
use crate::core::machine::SocketId;
use crate::core::state::{End, Reason, State};

/// What the link asks for, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// Get ready what opening needs; answer with [`Link::prepared`] or [`Link::unprepared`].
    Prepare,
    /// Open a socket.
    Open(SocketId),
    /// Close a socket.
    Shut(SocketId, u16),
    /// Let go of a socket whose close never came.
    Forget(SocketId),
    /// Ask the other side anything cheap; answer with [`Link::answered`].
    Probe(SocketId),
    /// The service refused: find out why; answer with [`Link::classified`].
    Classify,
    /// The established or connecting socket is no longer in use; it may still deliver what was sent.
    Lost(SocketId, Reason),
    /// A socket was replaced by its successor. It still delivers what was sent over it; [`Link::release`] ends that.
    Replaced(SocketId),
    /// A lost socket's close has come (clean or not), or was given up.
    Gone(SocketId, Gone),
    /// The state changed.
    State(State),
    /// A measurement: its name and milliseconds.
    Metric(&'static str, u64),
}

/// How a lost socket went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gone {
    /// Both sides exchanged close frames: nothing of it is under way any more.
    Clean,
    /// It broke, or its end never came.
    Unclean,
}

/// Why preparing did not work out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unprepared {
    /// The network is away.
    Offline,
    /// Not now; perhaps after so many milliseconds.
    Later(Reason, Option<u64>),
    /// Not before so many milliseconds, for the sake of whoever asks for it; whether it was tried at all.
    #[cfg(feature = "streams")]
    Paused(u64, bool),
    /// Never.
    End(End),
    /// The visitor has to sign in.
    AuthRequired,
}

/// Why a connection was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// It was not: the network is away.
    Offline,
    /// The same, and what is looked at may be another thing the next time: a token that ran out meanwhile.
    #[cfg(feature = "streams")]
    Away,
    /// The deployment is gone or not active.
    Ended(End),
    /// The service is well and does not want this page.
    Refused,
    /// The service asks to come again, after so many milliseconds.
    Later(u64),
    /// What was refused has been replaced: the next attempt is another.
    Again(Reason),
}
