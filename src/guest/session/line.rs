//! From the deployment's configuration to the configured session, and back into waiting.

use super::{Asked, Call, ConfigUse, Configured, Session, Timer};
use crate::core::closing::{self, Verdict};
use crate::core::error::Code;
use crate::core::http::{Method, Reply, Request, Unreachable};
use crate::core::link::{self, Gone, Refused, Unprepared};
use crate::core::machine::{Act, Close, Lead, Page, RequestId, SocketId};
use crate::core::state::{End, Pause, Reason, State};
use crate::guest::config::{self, Found};
use crate::guest::event::Event;
use crate::guest::proof::{Doubt, Flight};
use crate::guest::wire::{Fault, SessionResponse, guest_api};

/// How long the configuration may take, milliseconds.
const CONFIG_MS: u32 = 10_000;
/// A 429 that does not say for how long means the minute that the limits count over (guest-api.md §4.4).
pub(super) const LIMIT_MS: u64 = 60_000;
/// The four digits that mark an `echo` of ours, so that a late reply to it is never taken for a message.
const ECHO_MARK: &str = "ec40";

impl Session {
    /// Does what the link asks for.
    pub(super) fn follow_link(&mut self) {
        while let Some(output) = self.link.poll_output() {
            match output {
                link::Output::Prepare => self.prepare(),
                link::Output::Open(socket) => {
                    self.metrics.connects += 1;
                    self.requests.fill(self.now.mono);
                    self.echoes.fill(self.now.mono);
                    if self.wire.is_session() {
                        self.open_session(socket);
                        continue;
                    }
                    let url = guest_api::socket_url(&self.options.socket, &self.options.deployment);
                    self.act(Act::Open(socket, url));
                }
                link::Output::Shut(socket, code) => self.act(Act::Shut(socket, code)),
                link::Output::Forget(socket) => self.act(Act::Forget(socket)),
                link::Output::Probe(socket) => self.probe(socket),
                link::Output::Classify if self.wire.is_session() => self.classify_session(),
                link::Output::Classify => self.fetch_config(ConfigUse::Classify),
                link::Output::Replaced(socket) if self.wire.is_session() => self.replaced = Some(socket),
                link::Output::Replaced(_) => {}
                link::Output::Lost(socket, _) => self.lost(socket),
                link::Output::Gone(socket, how) => self.gone(socket, how),
                link::Output::Metric(kind, ms) => self.tell(Event::Metric { kind, ms }),
                link::Output::State(state) => self.state_changed(state),
            }
        }
    }

    fn state_changed(&mut self, state: State) {
        if self.is_moving() && matches!(state, State::Ended { .. } | State::AuthRequired) {
            return;
        }
        self.tell(Event::State { state });
        let code = match state {
            State::Ended { .. } => Code::SESSION_ENDED,
            State::AuthRequired => Code::AUTH_REQUIRED,
            State::Stopped => Code::STOPPED,
            _ => return,
        };
        self.refuse_beginning(code);
    }

    /// Whoever waits for a conversation to begin waits in vain.
    pub(super) fn refuse_beginning(&mut self, code: Code) {
        self.finish(Call::Start, Some(code));
        self.finish(Call::Restart, Some(code));
    }

    fn prepare(&mut self) {
        if !self.link.is_preparing() {
            // Given up since: this tab does not lead any more, or is being put away.
            return;
        }
        if self.wire.is_session() {
            return self.admit();
        }
        self.ensure_token();
        match self.config {
            Some(_) => self.link.prepared(self.now),
            None => self.fetch_config(ConfigUse::Prepare),
        }
    }

    fn fetch_config(&mut self, why: ConfigUse) {
        let request = self.request_id();
        if let Some((earlier, _)) = self.config_request.replace((request, why)) {
            self.act(Act::Abort(earlier));
        }
        let url = config::url(&self.options.cdn, &self.options.deployment);
        self.act(Act::Fetch(request, Request { method: Method::Get, url, authorization: None, cookies: false, body: None, timeout_ms: CONFIG_MS }));
    }

    pub(super) fn reply(&mut self, request: RequestId, reply: Result<Reply<'_>, Unreachable>) {
        match self.config_request {
            Some((waited, why)) if waited == request => {
                self.config_request = None;
                if self.wire.is_session() {
                    return self.admission_reply(why, reply);
                }
                let found = config::read(reply);
                if let Found::Active(config) = found {
                    self.config = Some(config);
                }
                match why {
                    ConfigUse::Prepare => self.prepared(found),
                    ConfigUse::Classify => self.classified(found),
                }
            }
            _ => {
                if !(self.wire.is_session() && self.token_reply(request, reply)) {
                    self.history_reply(request, reply);
                }
            }
        }
    }

    pub(super) fn prepared(&mut self, found: Found) {
        match found {
            Found::Active(_) => self.link.prepared(self.now),
            Found::Never(code) => {
                self.never(code);
                self.link.unprepared(self.now, Unprepared::End(End::Inactive));
            }
            Found::Malformed => {
                self.tell(Event::Warning { code: Code::CONFIG_MALFORMED });
                self.link.unprepared(self.now, Unprepared::Offline);
            }
            Found::Unreachable => self.link.unprepared(self.now, Unprepared::Offline),
            Found::Later(status, after) => {
                let after = after.or((status == 429).then_some(LIMIT_MS));
                self.link.unprepared(self.now, Unprepared::Later(Reason::Service { code: status }, after));
            }
        }
    }

    pub(super) fn classified(&mut self, found: Found) {
        let verdict = match found {
            Found::Active(_) => Refused::Refused,
            Found::Never(code) => {
                self.never(code);
                Refused::Ended(End::Inactive)
            }
            Found::Malformed | Found::Unreachable => Refused::Offline,
            Found::Later(status, after) => match after.or((status == 429).then_some(LIMIT_MS)) {
                Some(after) => Refused::Later(after),
                None => Refused::Refused,
            },
        };
        self.link.classified(self.now, verdict);
        if matches!(found, Found::Active(_)) {
            self.hint_at_domains();
        }
    }

    /// The deployment is well, so it is this page that is not wanted: a hint at its allowed domains.
    pub(super) fn hint_at_domains(&mut self) {
        if matches!(self.link.state(), State::Paused { reason: Pause::Refused, .. }) {
            self.tell(Event::Warning { code: Code::NOT_ALLOWED });
        }
    }

    pub(super) fn never(&mut self, code: Code) {
        self.tell(Event::Error { code });
        if !self.is_moving() {
            self.finish(Call::Start, Some(code));
        }
    }

    pub(super) fn opened(&mut self, socket: SocketId) {
        if self.link.opened(self.now, socket) {
            if self.wire.is_session() { self.admitted(socket) } else { self.configure(socket) }
        }
    }

    pub(super) fn configure(&mut self, socket: SocketId) {
        let tracing = self.random.uuid();
        let frame = guest_api::configure(self.token(), &tracing, &self.options.deployment, self.start_new);
        self.ask(socket, Asked::Configure, tracing, frame);
    }

    /// The service answered to configuring.
    pub(super) fn configured(&mut self, response: SessionResponse) {
        let began_anew = response.new && self.remembered.as_ref().is_some_and(|remembered| remembered.known);
        // Asked for a new one, a session that can be written to is it, also where the answer that said so was lost.
        let anew = began_anew || (self.start_new && !response.read_only);
        if anew {
            self.begin_anew();
        }
        self.start_new = false;
        if let Some(bytes) = response.max_attribute_bytes {
            self.attribute_budget = bytes;
            self.limit_attributes();
        }
        // Only a new session was active just now; of another it is the time of its last activity.
        if let (true, Some(expires), Some(duration)) = (response.new, response.expires_at, response.duration_ms) {
            self.note_service_time(expires.saturating_sub(duration));
        }
        if let Some(remembered) = &mut self.remembered {
            remembered.known = true;
            remembered.join_owed = (remembered.join_owed || response.new) && !response.auto_started;
        }
        self.remember();
        if response.new {
            self.begin_reading_marker(None);
        }
        self.configured =
            Some(Configured { read_only: response.read_only, new: response.new, duration_ms: response.duration_ms, expires_at: response.expires_at });
        self.link.established(self.now);
        if !self.is_moving() {
            self.tell_session();
            self.finish(Call::Start, None);
            self.finish(Call::Restart, response.read_only.then_some(Code::NOT_ENDED));
        }
        self.has_hole = true;
        // What came before this answer was of the new conversation, and went with the old one.
        // On the session protocol it was made before the line was there.
        self.reads_again = anew || !response.new || self.wire.is_session();
        self.read_down_to = None;
        if self.watermark.is_none() && !self.wire.is_session() {
            // Never read through, or shown since by a line that was being left or by another tab: all that is shown is read again, down
            // to its oldest row. Should that be gone by then, so is the conversation. Where it is read from a point on, that is the
            // beginning.
            self.watermark = self.transcript.oldest();
        }
        self.history.want_resync(self.watermark.clone());
        self.join();
    }

    /// The other side is told that the guest is there, until it has been seen to know (guest-api.md §9, row 22).
    pub(super) fn join(&mut self) {
        let owed = self.remembered.as_ref().is_some_and(|remembered| remembered.join_owed);
        let starts = self.config.is_some_and(|config| config.auto_start);
        let open = self.configured.is_some_and(|configured| !configured.read_only);
        let asked = self.asks.iter().any(|ask| ask.what == Asked::Join);
        let may = self.now.mono >= self.paused_until;
        if let (true, true, true, true, false, Some(socket)) = (owed, starts, open, may, asked, self.link.up()) {
            let tracing = self.random.uuid();
            let frame = guest_api::join(self.token(), &tracing, self.attributes.as_deref());
            self.ask(socket, Asked::Join, tracing, frame);
        }
    }

    pub(super) fn tell_session(&mut self) {
        if let Some(Configured { read_only, new, duration_ms, expires_at }) = self.configured {
            self.tell(Event::Session { new_session: new, read_only, expires_at, duration_ms });
        }
    }

    /// The service refused to configure the session.
    pub(super) fn configure_refused(&mut self, fault: Fault) {
        if fault.wants_auth {
            return self.link.require_auth(self.now);
        }
        match fault.code.0 {
            4006 | 4007 => self.end_conversation(End::SessionExpired),
            4017 => self.rotate(fault.code),
            4029 => self.link.rate_limited(self.now, fault.retry_after.unwrap_or(LIMIT_MS)),
            401 | 403 => self.link.require_auth(self.now),
            400 | 404 | 1002 | 4020 => {
                self.tell(Event::Error { code: fault.code });
                self.end_conversation(End::NotAllowed);
            }
            code => self.link.fail(self.now, Reason::Service { code }, fault.retry_after),
        }
    }

    pub(super) fn closed(&mut self, socket: SocketId, close: Close<'_>) {
        if self.link.socket() == Some(socket) {
            match closing::verdict(close.code) {
                Verdict::TooBig => self.too_big(),
                // A token that has run out, as a rule; what refused it does not say so.
                Verdict::Policy if self.wire.is_session() => drop(self.tokens.refuse()),
                Verdict::Service(4006 | 4007) => self.end_conversation(End::SessionExpired),
                Verdict::Service(4017) => self.rotate(Code(4017)),
                _ => {}
            }
        }
        self.link.closed(self.now, socket, close);
    }

    /// A socket is no longer in use: what was asked over it will not be answered.
    fn lost(&mut self, socket: SocketId) {
        let was_configured = self.configured.take().is_some();
        self.asks.clear();
        self.finish(Call::Clear, Some(Code::NOT_CONNECTED));
        self.timers.disarm(Timer::Ask);
        self.timers.disarm(Timer::Ack);
        self.stop_reading();
        self.end_typing();
        // What was begun by closing the session is ended by the next connection.
        self.start_new |= self.awaits(Call::Restart);
        // What came over a line whose session was never told may be of another conversation.
        if was_configured && !self.has_hole {
            self.watermark = if self.wire.is_session() { self.point_at_loss() } else { self.transcript.newest() };
        }
        self.flight = match std::mem::replace(&mut self.flight, Flight::Idle) {
            Flight::Waiting { id, socket: over, .. } if over == socket || !self.wire.is_session() => {
                Flight::Unsure(Doubt::lost(id, self.now.mono, socket))
            }
            Flight::Unsure(mut doubt) => {
                doubt.note_lost(socket);
                Flight::Unsure(doubt)
            }
            other => other,
        };
    }

    fn gone(&mut self, socket: SocketId, how: Gone) {
        let now = self.now.mono;
        match &mut self.flight {
            // It went over a socket that was replaced meanwhile.
            Flight::Waiting { id, socket: over, .. } if self.wire.is_session() && *over == socket => {
                let mut doubt = Doubt::lost(std::mem::take(id), now, socket);
                doubt.note_gone(socket, now, how);
                self.flight = Flight::Unsure(doubt);
            }
            Flight::Unsure(doubt) => doubt.note_gone(socket, now, how),
            _ => {}
        }
        if self.wire.is_session() {
            self.replaced_gone(socket);
        }
    }

    /// Asks anything cheap: an `echo` while its budget lasts, else a token for the history.
    fn probe(&mut self, socket: SocketId) {
        if self.wire.is_session() {
            return self.probe_session(socket);
        }
        let tracing = self.random.uuid();
        if self.echoes.take(self.now.mono, 0) {
            let tracing = [ECHO_MARK, &tracing[ECHO_MARK.len()..]].concat();
            let frame = guest_api::echo(self.token(), &tracing);
            self.ask(socket, Asked::Echo, tracing, frame);
        } else if self.requests.take(self.now.mono, 0) {
            let frame = guest_api::get_jwt(self.token(), &tracing);
            self.ask(socket, Asked::Token, tracing, frame);
        } else {
            // Nothing may be asked now; what was answered a moment ago has to do.
            self.link.unprobed(self.now);
        }
    }

    pub(super) fn is_echo(tracing: &str) -> bool {
        tracing.starts_with(ECHO_MARK)
    }

    /// A request over the socket was never answered.
    pub(super) fn unanswered(&mut self, what: Asked) {
        match what {
            Asked::Echo => {}
            Asked::Configure => self.link.fail(self.now, Reason::Timeout, None),
            Asked::Join => self.join(),
            Asked::Token => self.no_history_token(None),
            Asked::Clear => self.finish(Call::Clear, Some(Code::NO_ANSWER)),
            Asked::CloseSession => self.finish(Call::Restart, Some(Code::NO_ANSWER)),
        }
    }

    pub(super) fn page(&mut self, page: Page) {
        match page {
            Page::Left | Page::Frozen => {
                self.away = true;
                self.give_up_line();
                self.leave_line();
            }
            Page::Hidden | Page::Offline => {}
            // Any sign of life: the event that says so may be missing.
            _ if self.away => {
                self.away = false;
                if self.wire.is_session() {
                    self.history.hurry();
                }
                if !self.leading {
                    self.seek_lead(Lead::Join);
                }
            }
            _ => {}
        }
        self.link.page(self.now, page);
        if self.away && matches!(self.link.state(), State::Waiting { .. } | State::AuthRequired) {
            // Another tab may lead by the time this page is back: it connects when it is told that it leads.
            self.link.idle(self.now);
        }
        if self.leading
            && self.wire.is_session()
            && matches!(page, Page::Online | Page::Visible | Page::Shown)
            && self.link.state() == State::AuthRequired
        {
            // Where tokens come from may have been away, and the page did not say so.
            self.link.reconnect(self.now);
        }
    }

    /// Requests under way are given up; the link does the same with its socket.
    pub(super) fn give_up_line(&mut self) {
        if let Some((request, _)) = self.config_request.take() {
            self.act(Act::Abort(request));
        }
        if self.wire.is_session() {
            self.timers.disarm(Timer::Renew);
            if let Some(request) = self.tokens.abort() {
                self.act(Act::Abort(request));
            }
        }
        self.stop_reading();
    }
}
