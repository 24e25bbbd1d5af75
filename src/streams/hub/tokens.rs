//! The access token of all lines: asked for, renewed, refused.

use super::{Hub, LIMIT_MS, Timer};
use crate::core::error::Code;
use crate::core::http::{Reply, Unreachable};
use crate::core::link::Unprepared;
use crate::core::machine::{RequestId, SocketId};
use crate::core::state::Reason;
use crate::core::token::Asked;

/// A token that could not be replaced in time is tried again after this, milliseconds.
const RENEW_AGAIN_MS: u64 = 15_000;

impl Hub {
    /// The token that a connection is opened with.
    pub fn token(&self) -> &str {
        // It was good when opening began, and its margin is longer than that takes.
        self.tokens.newest().map_or("", |token| token.expose())
    }

    /// The service refused the token of the newest socket of a line, or of the one in use. `false` if it refused too many in a row.
    pub(in crate::streams) fn refuse_token(&mut self, line: usize, socket: Option<SocketId>) -> bool {
        let line = &self.lines[line];
        self.refuse(if line.opening.0 == socket { line.opening.1 } else { line.renew_at })
    }

    /// The same of a token that is named by when it was to be replaced. One that several lines have counts once.
    pub(in crate::streams) fn refuse(&mut self, renew_at: Option<u64>) -> bool {
        renew_at != self.tokens.renew_at() || self.tokens.refuse()
    }

    /// Whether there is a token that is good; else it is asked for.
    pub(in crate::streams) fn has_token(&mut self, line: usize) -> bool {
        if self.tokens.good(self.now).is_some() {
            return true;
        }
        if !self.ask_token() {
            self.pause(line, self.tokens.ready_at());
        }
        false
    }

    /// A line may not be opened before this moment, monotonic milliseconds.
    pub(in crate::streams) fn pause(&mut self, line: usize, until: u64) {
        let wait = until.saturating_sub(self.now.mono);
        self.lines[line].link.unprepared(self.now, Unprepared::Paused(wait, false));
    }

    /// `false` if it may not be asked for yet.
    fn ask_token(&mut self) -> bool {
        let id = self.request_id();
        match self.tokens.ask(self.now, id) {
            Some(act) => {
                self.act(act);
                true
            }
            None => self.tokens.is_asking(),
        }
    }

    /// An answer from where tokens come from; `None` if it is to another request, else whether there is a token now.
    pub(in crate::streams) fn token_reply(&mut self, id: RequestId, reply: Result<Reply<'_>, Unreachable>) -> Option<bool> {
        let asked = self.tokens.reply(self.now, id, reply)?;
        self.timers.arm(Timer::Renew, self.now.mono + RENEW_AGAIN_MS);
        let why = match asked {
            Asked::Got => {
                self.audit("TOKEN_REFRESHED", &[]);
                return Some(true);
            }
            Asked::Offline => Unprepared::Offline,
            Asked::Later(status, after) => {
                if status == 429 {
                    self.fail(Code::TOKEN_RATE_LIMITED, "");
                }
                match after.or((status == 429).then_some(LIMIT_MS)) {
                    Some(after) => Unprepared::Paused(after, true),
                    None => Unprepared::Later(Reason::Service { code: status }, None),
                }
            }
            Asked::Failed => Unprepared::Later(Reason::Refused, None),
            Asked::Late => Unprepared::Later(Reason::Timeout, None),
            Asked::Denied => Unprepared::AuthRequired,
        };
        self.audit("TOKEN_FAILED", &[]);
        for line in &mut self.lines {
            line.link.unprepared(self.now, why);
        }
        Some(false)
    }

    /// Sees to it that every line stands on a token that is good.
    pub(in crate::streams) fn renew(&mut self) {
        if !self.stands() {
            return;
        }
        let again = self.now.mono + RENEW_AGAIN_MS;
        if self.tokens.good(self.now).is_none() {
            self.timers.arm(Timer::Renew, again);
            self.audit("TOKEN_EXPIRING", &[]);
            self.ask_token();
            return;
        }
        let renew_at = self.tokens.renew_at();
        let mut all = true;
        for line in self.lines.iter_mut().filter(|line| line.link.up().is_some() && line.renew_at != renew_at) {
            // Where a second socket cannot be opened now, it is tried again.
            line.link.replace(self.now);
            all = false;
        }
        self.timers.arm(Timer::Renew, renew_at.filter(|_| all).unwrap_or(again));
    }
}
