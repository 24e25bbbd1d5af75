//! One connection's line between client and service, and what is held on it.

use std::collections::VecDeque;

use crate::exchange::Upgrade;
use crate::faults::{Facts, RuleId};
use crate::protocol::Protocol;

/// A reason to hold bytes back: a rule, until a time or until the rule is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) rule: RuleId,
    pub(crate) until: Option<u64>,
}

impl Hold {
    pub(crate) fn is_over(&self, now: u64) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

/// What travels to the service.
#[derive(Debug)]
pub(crate) enum Upward {
    /// A frame; `judged` once the rules have seen it.
    Text { text: String, judged: bool },
    /// The client's end of the connection.
    Close,
}

/// How a frame of the service is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Binary,
}

/// What travels to the client.
#[derive(Clone, Debug)]
pub(crate) enum Downward {
    Accept,
    Refuse { status: u16, retry_after: Option<u64> },
    Text { text: String, facts: Box<Facts> },
    Binary { bytes: Vec<u8>, facts: Box<Facts> },
    Close { code: u16, reason: String },
}

/// One direction.
#[derive(Debug)]
pub(crate) struct Way<T> {
    pub(crate) holds: Vec<Hold>,
    pub(crate) queue: VecDeque<T>,
}

impl<T> Way<T> {
    fn new() -> Self {
        Self { holds: Vec::new(), queue: VecDeque::new() }
    }

    pub(crate) fn is_held(&self) -> bool {
        !self.holds.is_empty()
    }

    /// Whether something new has to wait: behind a hold, or behind what waited and has not gone yet.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_held() || !self.queue.is_empty()
    }
}

/// How far a connection has come.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The upgrade is asked for; held while black-holed.
    Asking { hold: Option<Hold> },
    /// With the platform. The answer may still be on its way down.
    Open,
    /// The service has closed it, and the close frame may still be on its way down. Nothing else gets through.
    Closing,
}

/// A connection as the service sees it from outside.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) upgrade: Upgrade,
    /// Of the target, for the log: the query may hold a token.
    pub(crate) path: String,
    pub(crate) protocol: Protocol,
    pub(crate) deployment: Option<String>,
    /// The token of the last frame that had one; in the session protocol the session id, on a stream never the access token.
    pub(crate) token: Option<String>,
    pub(crate) stage: Stage,
    pub(crate) up: Way<Upward>,
    pub(crate) down: Way<Downward>,
    /// The client has closed; what it sent before may still be held.
    pub(crate) client_gone: bool,
    /// When the last thing sent down with latency departs: nothing undelayed may overtake it.
    pub(crate) down_free_at: u64,
}

impl Line {
    pub(crate) fn new(upgrade: Upgrade, path: &str, deployment: Option<String>) -> Self {
        Self {
            upgrade,
            path: path.to_owned(),
            protocol: Protocol::Guest,
            deployment,
            token: None,
            stage: Stage::Asking { hold: None },
            up: Way::new(),
            down: Way::new(),
            client_gone: false,
            down_free_at: 0,
        }
    }

    /// Facts every rule may ask for on this connection.
    pub(crate) fn facts(&self) -> Facts {
        // The streams are told apart by their paths.
        let path = (self.protocol == Protocol::Stream).then(|| self.path.clone());
        Facts { protocol: self.protocol, token: self.token.clone(), deployment: self.deployment.clone(), path, ..Facts::default() }
    }

    /// The holds of the line, whatever they hold.
    pub(crate) fn holds(&self) -> impl Iterator<Item = &Hold> {
        let asking = match &self.stage {
            Stage::Asking { hold } => hold.as_ref(),
            _ => None,
        };
        self.up.holds.iter().chain(&self.down.holds).chain(asking)
    }

    /// Takes away holds; tells whether a black hole was among them.
    pub(crate) fn lift(&mut self, over: impl Fn(&Hold) -> bool) -> bool {
        self.up.holds.retain(|hold| !over(hold));
        self.down.holds.retain(|hold| !over(hold));
        match &mut self.stage {
            Stage::Asking { hold } if hold.as_ref().is_some_and(&over) => {
                *hold = None;
                true
            }
            _ => false,
        }
    }
}
