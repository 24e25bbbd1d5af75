//! What a page is told of a connection: `ConnectionState` and `Reason` of the JavaScript API.

use serde::Serialize;

/// Where a connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "name", rename_all = "camelCase", rename_all_fields = "camelCase")]
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
        #[serde(skip_serializing_if = "Option::is_none")]
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Pause {
    /// Too many requests.
    RateLimited,
    /// Another connection of the same visitor pushed this one out.
    Evicted,
    /// The service refuses this page.
    Refused,
}

/// Why a session is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
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
}
