//! What a connection of the session protocol needs before it opens, an access token and a session, and what follows
//! when either is refused.

use super::line::LIMIT_MS;
use super::{Asked, ConfigUse, Session, Timer};
use crate::core::error::{Code, Refusal};
use crate::core::http::{Authorization, Method, Reply, Request, Unreachable};
use crate::core::link::{Refused, Unprepared};
use crate::core::machine::{Act, RequestId, SocketId};
use crate::core::state::{End, Reason};
use crate::core::token;
use crate::guest::config::{self, Found};
use crate::guest::proof::Flight;
use crate::guest::stored::Remembered;
use crate::guest::transcript::Point;
use crate::guest::wire::{SessionResponse, session_api};

/// A frame that comes so much later than one behind it is not expected any more.
const OVERTAKEN_MS: i64 = 10_000;
/// How long the look into a refusal may take, milliseconds.
const LOOK_MS: u32 = 10_000;
/// A token that could not be replaced in time is tried again after this.
const RENEW_AGAIN_MS: u64 = 15_000;

impl Session {
    /// Gets ready what opening needs, step by step; called again whenever a step was taken.
    pub(super) fn admit(&mut self) {
        if !self.link.is_preparing() {
            return;
        }
        let Some(token) = self.tokens.good(self.now).cloned() else { return self.ask_token() };
        if self.remembered.is_some() {
            self.disown_outbox();
            return self.link.prepared(self.now);
        }
        let create = session_api::create(&self.options.api, &self.options.deployment, &token);
        self.request_admission(ConfigUse::Prepare, create);
    }

    fn request_admission(&mut self, why: ConfigUse, request: Request) {
        let id = self.request_id();
        if let Some((earlier, _)) = self.config_request.replace((id, why)) {
            self.act(Act::Abort(earlier));
        }
        self.act(Act::Fetch(id, request));
    }

    fn ask_token(&mut self) {
        let id = self.request_id();
        match self.tokens.ask(self.now, id) {
            Some(act) => self.act(act),
            None if self.tokens.is_asking() => {}
            None => {
                let wait = self.tokens.ready_at().saturating_sub(self.now.mono);
                self.link.unprepared(self.now, Unprepared::Later(Reason::Refused, Some(wait)));
            }
        }
    }

    /// An answer from where tokens come from; `false` if it is to another request.
    pub(super) fn token_reply(&mut self, request: RequestId, reply: Result<Reply<'_>, Unreachable>) -> bool {
        let Some(asked) = self.tokens.reply(self.now, request, reply) else { return false };
        self.timers.arm(Timer::Renew, self.now.mono + RENEW_AGAIN_MS);
        let why = match asked {
            token::Asked::Got => {
                self.admit();
                self.renew();
                return true;
            }
            token::Asked::Offline => Unprepared::Offline,
            token::Asked::Later(status, after) => Unprepared::Later(Reason::Service { code: status }, after.or((status == 429).then_some(LIMIT_MS))),
            token::Asked::Failed => Unprepared::Later(Reason::Refused, None),
            token::Asked::Late => Unprepared::Later(Reason::Timeout, None),
            token::Asked::Denied => Unprepared::AuthRequired,
        };
        self.link.unprepared(self.now, why);
        true
    }

    /// Sees to it that the line stands on a token that is good.
    pub(super) fn renew(&mut self) {
        if self.link.up().is_none() {
            return;
        }
        let renew_at = self.tokens.renew_at();
        let again = self.now.mono + RENEW_AGAIN_MS;
        if self.tokens.good(self.now).is_none() {
            self.timers.arm(Timer::Renew, again);
            self.ask_token();
        } else if self.line_renew_at == renew_at {
            self.timers.arm(Timer::Renew, renew_at.unwrap_or(again));
        } else {
            // Where a second socket cannot be opened now, it is tried again.
            self.link.replace(self.now);
            self.timers.arm(Timer::Renew, again);
        }
    }

    pub(super) fn open_session(&mut self, socket: SocketId) {
        let Some(token) = self.tokens.good(self.now) else { return self.link.fail(self.now, Reason::Refused, None) };
        let url = session_api::socket_url(&self.options.socket, self.token(), token);
        self.opening = (socket, self.tokens.renew_at());
        self.act(Act::Open(socket, url));
    }

    /// The socket is open, and with it the session.
    pub(super) fn admitted(&mut self, socket: SocketId) {
        if self.opening.0 == socket {
            self.line_renew_at = self.opening.1;
        }
        if let Some(before) = self.link.up() {
            if !self.has_hole {
                self.behind = Some((before, self.settled_point()));
            }
            self.link.established(self.now);
            self.asks.clear();
        } else {
            let new = self.remembered.as_ref().is_some_and(|remembered| !remembered.known);
            if new {
                self.note_visitors_time();
            }
            self.configured(SessionResponse::open(new));
        }
        // Whether this service answers pings is known before one is needed.
        self.ping(socket);
        self.renew();
    }

    /// The newest entry that nothing can be missing before. Reading begins behind it: one that was overtaken on the way, and
    /// lost with the line, lies before the newest of all. How long the line has been dead is not known, only that it was well
    /// when it answered last.
    fn settled_point(&self) -> Option<Point> {
        let newest = self.transcript.newest()?;
        let answered = self.link.heartbeat().answered_at() as i64;
        self.transcript.newest_until(self.offset.map_or(newest.time, |offset| answered.saturating_add(offset)) - OVERTAKEN_MS)
    }

    /// A socket that was replaced has ended. It may have been dead for a while, with what was sent over it since; and of what
    /// came after it was told to close, the browser delivers nothing.
    pub(super) fn replaced_gone(&mut self, socket: SocketId) {
        let behind = self.behind.take_if(|(replaced, _)| *replaced == socket);
        if let (Some((_, point)), true) = (behind, self.configured.is_some()) {
            (self.has_hole, self.reads_again, self.watermark) = (true, true, point);
            self.history.want_resync(self.watermark.clone());
        }
    }

    /// Up to where nothing can be missing, as the line in use is lost.
    pub(super) fn point_at_loss(&mut self) -> Option<Point> {
        let settled = self.settled_point();
        self.behind.take().map_or(settled, |(_, point)| point)
    }

    /// Lets go of a socket that was replaced, once nothing is waited for on it.
    pub(super) fn release_replaced(&mut self) {
        let flying = match self.flight {
            Flight::Waiting { socket, .. } => Some(socket),
            _ => None,
        };
        if self.replaced.is_some() && self.replaced != flying {
            self.replaced = None;
            self.link.release(self.now);
        }
    }

    /// This service tells no time but that of a message: where there is none, the visitor's clock has to do.
    pub(super) fn note_visitors_time(&mut self) {
        if self.offset.is_none() {
            self.note_time(None);
        }
    }

    pub(super) fn ping(&mut self, socket: SocketId) {
        self.ask(socket, Asked::Echo, session_api::PING_TRACING.into(), session_api::PING.into());
    }

    /// Asks for a sign of life; where pings are never answered, the history has to do. That is weaker: it tells that the
    /// service is there, not that this socket is.
    pub(super) fn probe_session(&mut self, socket: SocketId) {
        if self.ponged || !self.asks.iter().any(|ask| ask.what == Asked::Echo) {
            self.ping(socket);
        } else if self.history.can_read(self.now) {
            self.probed_at = Some(self.now.mono);
            self.history.want_resync(self.watermark.clone().filter(|_| self.has_hole).or_else(|| self.transcript.newest()));
        } else {
            self.link.unprobed(self.now);
        }
    }

    /// The upgrade was refused, and a page cannot see why: the history of the same session can be asked.
    pub(super) fn classify_session(&mut self) {
        let Some(token) = self.tokens.good(self.now).cloned() else {
            return self.link.classified(self.now, Refused::Again(Reason::Refused));
        };
        let newest = self.transcript.newest().map(|point| point.id).filter(|id| !id.is_empty());
        let url = session_api::history_url(&self.options.api, self.token(), newest.as_deref());
        self.request_admission(
            ConfigUse::Classify,
            Request { method: Method::Get, url, authorization: Some(Authorization::Bearer(token)), cookies: false, body: None, timeout_ms: LOOK_MS },
        );
    }

    pub(super) fn admission_reply(&mut self, why: ConfigUse, reply: Result<Reply<'_>, Unreachable>) {
        let status = reply.map_or(0, |reply| reply.status);
        match (why, status) {
            (_, 401) => {
                let again = self.tokens.refuse();
                if !again {
                    self.link.require_auth(self.now);
                } else if why == ConfigUse::Prepare {
                    self.admit();
                } else {
                    self.link.classified(self.now, Refused::Again(Reason::Service { code: 401 }));
                }
            }
            (ConfigUse::Prepare, 200..=299) => match reply.ok().and_then(|reply| session_api::created(reply.body)) {
                Some(id) => {
                    self.tokens.accept();
                    self.remembered = Some(Remembered::new(id));
                    self.remember();
                    self.admit();
                }
                None => self.prepared(Found::Malformed),
            },
            (ConfigUse::Prepare, 403) => {
                self.never(Code::NOT_ALLOWED);
                self.link.unprepared(self.now, Unprepared::End(End::NotAllowed));
            }
            (ConfigUse::Prepare, _) => self.prepared(config::read(reply)),
            (ConfigUse::Classify, 404 | 410) => self.session_over(),
            (ConfigUse::Classify, 200..=299 | 403) => {
                self.link.classified(self.now, Refused::Refused);
                self.hint_at_domains();
            }
            (ConfigUse::Classify, _) => self.classified(config::read(reply)),
        }
    }

    /// What the history's answer says of the token and of the session; `false` if there is nothing more to read.
    pub(super) fn is_admitted(&mut self, reply: Result<Reply<'_>, Unreachable>) -> bool {
        match reply.map_or(0, |reply| reply.status) {
            200..=299 => self.tokens.accept(),
            401 if !self.tokens.refuse() => {
                self.link.require_auth(self.now);
                return false;
            }
            404 | 410 => {
                self.session_over();
                return false;
            }
            _ => {}
        }
        true
    }

    /// The service does not know the session any more.
    fn session_over(&mut self) {
        self.end_conversation(End::SessionExpired);
        self.forget_identity();
    }

    /// What the session protocol does not know is refused by name.
    pub(super) fn needs_guest_api(&self, field: &'static str) -> Result<(), Refusal> {
        if self.options.wire.is_session() { Err(Refusal::field(Code::UNSUPPORTED, field)) } else { Ok(()) }
    }

    /// A token for reading the history, or it is asked for.
    pub(super) fn history_admission(&mut self) -> bool {
        let token = self.tokens.good(self.now).cloned();
        let is_there = token.is_some();
        match token {
            Some(token) => self.history.admit(self.now, token),
            None => self.ask_token(),
        }
        is_there
    }
}
