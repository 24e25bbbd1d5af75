//! What a page is told of a connection: `ConnectionState` and `Reason` of the JavaScript API.

use super::plain::Members;

/// Where a connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Nothing was asked for yet.
    Idle,
    /// On the way to a session; attempts count from 1.
    Connecting {
        /// Which attempt this is.
        attempt: u32,
    },
    /// The session stands.
    Ready,
    /// A reply is overdue; the line is being probed.
    Suspect,
    /// The next attempt is waited for.
    Waiting {
        /// The attempt that follows.
        attempt: u32,
        /// When, in Unix milliseconds.
        retry_at: u64,
        /// What ended the last one.
        reason: Reason,
    },
    /// Nothing is tried for a while, for the service's sake.
    Paused {
        /// Until when, in Unix milliseconds.
        until: Option<u64>,
        /// Why.
        reason: Pause,
    },
    /// The network is away.
    Offline,
    /// The visitor has to sign in.
    AuthRequired,
    /// The session is over.
    Ended {
        /// Why.
        reason: End,
    },
    /// Stopped by the page.
    Stopped,
}

/// Why a connection or an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// The socket closed with this code.
    Closed {
        /// The close code.
        code: u16,
    },
    /// No answer in time.
    Timeout,
    /// The service refused the connection.
    Refused,
    /// The service said so.
    Service {
        /// Its code (guest-api.md §4).
        code: u16,
    },
    /// The network is away.
    Network,
}

/// Why nothing is tried for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pause {
    /// Too many requests.
    RateLimited,
    /// Another connection of the same visitor pushed this one out.
    Evicted,
    /// The service refuses this page.
    Refused,
}

/// Why a session is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It ran out of time.
    SessionExpired,
    /// It was cleared.
    SessionCleared,
    /// The visitor logged out.
    LoggedOut,
    /// The service does not admit this page.
    NotAllowed,
    /// The deployment is gone or not active.
    Inactive,
    /// Closed three times as a matter of policy.
    Policy,
    /// As many attempts in a row as were allowed have failed.
    #[cfg(feature = "streams")]
    GaveUp,
}

impl State {
    /// `ConnectionState` of the JavaScript API.
    pub fn members(&self) -> Members<'static> {
        let mut members = Members::default();
        let name = match self {
            State::Idle => "idle",
            State::Connecting { .. } => "connecting",
            State::Ready => "ready",
            State::Suspect => "suspect",
            State::Waiting { .. } => "waiting",
            State::Paused { .. } => "paused",
            State::Offline => "offline",
            State::AuthRequired => "authRequired",
            State::Ended { .. } => "ended",
            State::Stopped => "stopped",
        };
        members.text("name", name);
        match self {
            State::Connecting { attempt } => members.number("attempt", f64::from(*attempt)),
            State::Waiting { attempt, retry_at, reason } => {
                members.number("attempt", f64::from(*attempt));
                members.number("retryAt", *retry_at as f64);
                members.object("reason", reason.members());
            }
            State::Paused { until, reason } => {
                members.maybe_number("until", until.map(|until| until as i64));
                members.text("reason", reason.name());
            }
            State::Ended { reason } => members.text("reason", reason.name()),
            _ => {}
        }
        members
    }
}

impl Reason {
    fn members(self) -> Members<'static> {
        let mut members = Members::default();
        let (kind, code) = match self {
            Reason::Closed { code } => ("closed", Some(code)),
            Reason::Timeout => ("timeout", None),
            Reason::Refused => ("refused", None),
            Reason::Service { code } => ("service", Some(code)),
            Reason::Network => ("network", None),
        };
        members.text("kind", kind);
        members.maybe_number("code", code.map(i64::from));
        members
    }
}

impl Pause {
    fn name(self) -> &'static str {
        match self {
            Pause::RateLimited => "rateLimited",
            Pause::Evicted => "evicted",
            Pause::Refused => "refused",
        }
    }
}

impl End {
    fn name(self) -> &'static str {
        match self {
            End::SessionExpired => "sessionExpired",
            End::SessionCleared => "sessionCleared",
            End::LoggedOut => "loggedOut",
            End::NotAllowed => "notAllowed",
            End::Inactive => "inactive",
            End::Policy => "policy",
            #[cfg(feature = "streams")]
            End::GaveUp => "gaveUp",
        }
    }
}
