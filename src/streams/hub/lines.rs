//! How lines come to stand, are probed, refused and lost, and what the page is told of them.

use super::{Event, Hub, LIMIT_MS};
use crate::core::error::Code;
use crate::core::http::{Authorization, Method, Reply, Request, Unreachable};
use crate::core::json::{Object, Value, decimal};
use crate::core::link::{Link, Refused, Unprepared};
use crate::core::machine::{Act, RequestId, SocketId};
use crate::core::state::{End, Reason, State};

/// How long the look into a refusal may take, milliseconds.
const LOOK_MS: u32 = 10_000;

impl Hub {
    /// A socket is opened at this URL.
    pub(in crate::streams) fn open(&mut self, line: usize, socket: SocketId, url: String) {
        self.lines[line].opening = (Some(socket), self.tokens.renew_at());
        self.lines[line].step = Some((socket, 0));
        let mut shown = without_query(&url);
        if cfg!(feature = "notifications") {
            // A channel's id admits to it.
            shown = shown.split("channels").next().unwrap_or_default();
        }
        self.audit("CONNECTING", &[("url", shown), ("line", &decimal(line as u64))]);
        self.act(Act::Open(socket, url));
    }

    /// The connection stands.
    pub fn established(&mut self, line: usize) {
        self.tokens.accept();
        let now = self.now;
        let Some(line) = self.lines.get_mut(line) else { return };
        if line.opening.0 == line.step.map(|(socket, _)| socket) {
            line.renew_at = line.opening.1;
        }
        line.step = None;
        line.probe = None;
        line.unexplained = false;
        line.link.established(now);
        self.renew();
    }

    /// Whether a socket is being made ready still, and how far that is.
    pub fn step(&self, line: usize, socket: SocketId) -> Option<u8> {
        self.lines.get(line)?.step.filter(|(stepping, _)| *stepping == socket).map(|(_, step)| step)
    }

    /// Whether any line stands.
    pub fn stands(&self) -> bool {
        self.lines.iter().any(|line| line.link.up().is_some())
    }

    /// The socket of a line that was asked for something over it: the one that stands, or one that is so far on the way to it.
    pub fn asked(&self, line: usize, step: u8) -> Option<SocketId> {
        let line = self.lines.get(line)?;
        line.step.filter(|(_, at)| *at == step).map(|(socket, _)| socket).or(line.link.up())
    }

    /// A socket has got so far.
    pub fn set_step(&mut self, line: usize, socket: SocketId, step: u8) {
        if let Some(line) = self.lines.get_mut(line) {
            line.step = Some((socket, step));
        }
    }

    /// A socket is no longer in use; whether it stood, and nobody here wanted its end.
    pub(in crate::streams) fn lost(&mut self, line: usize, socket: SocketId, reason: Reason) -> bool {
        let is_wanted = self.wanted && line < self.used;
        let line = &mut self.lines[line];
        line.probe = None;
        let is_loss = line.step.take_if(|(stepping, _)| *stepping == socket).is_none() && is_wanted;
        line.hard = is_loss && !matches!(reason, Reason::Closed { code: 1000 | 1001 });
        self.counters.losses += u64::from(is_loss);
        is_loss
    }

    /// Asks the other side for a sign of life.
    pub fn ping(&mut self, line: usize, socket: SocketId) {
        self.sequence += 1;
        let frame = Object::new().text("type", "ping").int("sequence", self.sequence).end();
        self.ask(line, socket, frame);
    }

    /// Sends what will be answered.
    pub fn ask(&mut self, line: usize, socket: SocketId, frame: String) {
        self.lines[line].probe = Some((socket, self.now.mono, self.sequence));
        self.send(socket, frame);
    }

    /// Takes the answer to a ping; `false` if the frame is none.
    pub fn pong(&mut self, line: usize, root: Value<'_>) -> bool {
        let is_pong = root.is("type", "pong");
        if is_pong {
            self.answered(line, root.int("sequence"));
        }
        is_pong
    }

    /// What was asked is answered. A service that does not give the number back answers the only one that is out.
    pub fn answered(&mut self, line: usize, answer: Option<i64>) {
        let now = self.now;
        let line = &mut self.lines[line];
        line.ponged = true;
        if let Some((_, sent, _)) = line.probe.take_if(|(_, _, sequence)| answer.is_none_or(|answer| answer == *sequence)) {
            line.link.answered(now, now.mono - sent);
        }
    }

    /// A frame came and was read. Where pings were never answered it is all the life there is to see.
    pub(in crate::streams) fn heard(&mut self, line: usize) {
        let now = self.now;
        let line = &mut self.lines[line];
        if !line.ponged && line.probe.take().is_some() {
            line.link.unprobed(now);
        }
    }

    /// Tells that the service refused something.
    pub fn tell_rejected(&mut self, status: i64, code: Code, detail: &str) {
        self.audit("REJECTED", &[("status", &decimal(status.unsigned_abs())), ("message", detail)]);
        self.fail(code, detail);
    }

    /// The service refused what was sent on a line: by this status, if it says one, and with these words.
    pub fn rejected(&mut self, line: usize, status: i64, code: Code, detail: &str, after: Option<u64>) {
        let (now, reason) = (self.now, Reason::Service { code: status as u16 });
        self.tell_rejected(status, code, detail);
        let socket = self.lines[line].step.map(|(socket, _)| socket);
        let is_last = status == 401 && !self.refuse_token(line, socket);
        let link = &mut self.lines[line].link;
        if link.up().is_some() {
            // It was the second socket, which the service closes, or only what was asked for last: the line goes on.
            return;
        }
        match status {
            401 if is_last => link.require_auth(now),
            400 | 403 | 404 => link.end(now, End::NotAllowed),
            429 => link.rate_limited(now, after.unwrap_or(LIMIT_MS)),
            _ => link.fail(now, reason, after),
        }
    }

    /// What opening needs was not given, as the answer says to who asked with this token; `true` if it was.
    pub fn granted(&mut self, line: usize, token: Option<u64>, reply: Result<Reply<'_>, Unreachable>) -> bool {
        let now = self.now;
        let why = match reply {
            Err(_) => Unprepared::Offline,
            Ok(reply) => match reply.status {
                200..300 => return true,
                401 if !self.refuse(token) => Unprepared::AuthRequired,
                status @ (400 | 403) => {
                    self.rejected(line, status.into(), Code::SUBSCRIPTION_REFUSED, reply.body, None);
                    return false;
                }
                status => Unprepared::Later(Reason::Service { code: status }, reply.retry_after_ms().or((status == 429).then_some(LIMIT_MS))),
            },
        };
        self.lines[line].link.unprepared(now, why);
        false
    }

    /// The token as it goes into a request.
    pub fn authorization(&self) -> Option<Authorization> {
        self.tokens.good(self.now).cloned().map(Authorization::Bearer)
    }

    /// The same to every line.
    pub fn for_all(&mut self, mut to: impl FnMut(&mut Link)) {
        for line in &mut self.lines {
            to(&mut line.link);
        }
    }

    /// The upgrade was refused, and a page cannot see why: the same address can be asked without one.
    pub(in crate::streams) fn look(&mut self, line: usize, url: &str) {
        let id = self.request_id();
        let earlier = self.lines[line].look.replace(id);
        self.abort(earlier);
        let authorization = self.authorization();
        let url = ["http", without_query(url).strip_prefix("ws").unwrap_or_default()].concat();
        self.act(Act::Fetch(id, Request { method: Method::Get, url, authorization, cookies: false, body: None, timeout_ms: LOOK_MS }));
    }

    /// What the look found; `false` if the answer is to another request.
    pub(in crate::streams) fn looked(&mut self, id: RequestId, reply: Result<Reply<'_>, Unreachable>) -> bool {
        let now = self.now;
        let Some(at) = self.lines.iter().position(|line| line.look == Some(id)) else { return false };
        let (socket, _) = self.lines[at].opening;
        self.lines[at].look = None;
        let verdict = match reply {
            Err(_) => Refused::Away,
            Ok(reply) => match reply.status {
                401 if !self.refuse_token(at, socket) => {
                    self.lines[at].link.require_auth(now);
                    // That is over already.
                    Refused::Refused
                }
                403 => {
                    self.fail(Code::REJECTED, "403");
                    Refused::Ended(End::NotAllowed)
                }
                429 => Refused::Later(reply.retry_after_ms().unwrap_or(LIMIT_MS)),
                status @ (401 | 500..) => reply.retry_after_ms().map_or(Refused::Again(Reason::Service { code: status }), Refused::Later),
                // It may have been the network, which is back: only who is refused twice for no reason is not wanted.
                _ if !std::mem::replace(&mut self.lines[at].unexplained, true) => Refused::Again(Reason::Refused),
                _ => Refused::Refused,
            },
        };
        self.lines[at].link.classified(now, verdict);
        true
    }

    pub(in crate::streams) fn state_changed(&mut self, line: usize, state: State) {
        let attempts = self.options.attempts;
        let link = &mut self.lines[line].link;
        let waits = matches!(state, State::Waiting { .. } | State::Offline | State::Paused { .. });
        if waits && attempts > 0 && u64::from(link.failures()) > attempts {
            link.end(self.now, End::GaveUp);
            self.fail(Code::GAVE_UP, "");
        }
    }

    /// Tells of the state of all lines together, if it is another; gives it back.
    pub(in crate::streams) fn tell_state(&mut self) -> Option<State> {
        let mut state = None;
        for line in self.lines.iter().take(self.used) {
            let other = line.link.state();
            // Of two that weigh the same the last one counts.
            state = state.filter(|state| weight(state) > weight(&other)).or(Some(other));
        }
        let state = state.filter(|state| *state != self.shown)?;
        self.shown = state;
        let detail = match state {
            State::Waiting { reason: Reason::Closed { code } | Reason::Service { code }, .. } => decimal(code.into()),
            State::Waiting { attempt, .. } | State::Connecting { attempt } => ["attempt ", &decimal(attempt.into())].concat(),
            _ => String::new(),
        };
        self.audit(name(state), &[("detail", &detail)]);
        self.tell(Event::State(state));
        let code = match state {
            State::Ready => None,
            State::Ended { reason: End::GaveUp } => Some(Code::GAVE_UP),
            State::Ended { reason: End::Policy } => Some(Code::POLICY),
            State::Ended { .. } => Some(Code::REJECTED),
            State::AuthRequired => Some(Code::AUTH_REQUIRED),
            State::Stopped => Some(Code::STOPPED),
            _ => return Some(state),
        };
        for ticket in std::mem::take(&mut self.starts) {
            self.tell(Event::Done(ticket, code));
        }
        if code.is_some() {
            self.wanted = false;
            // Nothing that only a connection changes has to be told any more, and no timer keeps a host alive.
            self.timers.clear();
        }
        // What ends one line ends them all.
        for line in self.lines.iter_mut().take(self.used) {
            match state {
                State::AuthRequired => line.link.require_auth(self.now),
                State::Ended { reason } => line.link.end(self.now, reason),
                _ => {}
            }
        }
        Some(state)
    }

    /// The state of all lines together, as it was told.
    pub fn state(&self) -> State {
        self.shown
    }
}

/// How much a line's state weighs in that of all: the worst counts.
fn weight(state: &State) -> u8 {
    match state {
        State::Idle => 0,
        State::Ready => 1,
        State::Suspect => 2,
        State::Connecting { .. } => 3,
        State::Waiting { .. } => 4,
        State::Offline => 5,
        State::Paused { .. } => 6,
        State::Stopped => 7,
        State::AuthRequired => 8,
        State::Ended { .. } => 9,
    }
}

fn name(state: State) -> &'static str {
    match state {
        State::Idle => "IDLE",
        State::Ready => "CONNECTED",
        State::Suspect => "SUSPECT",
        State::Connecting { .. } => "RECONNECTING",
        State::Waiting { .. } => "SCHEDULING_RECONNECT",
        State::Offline => "OFFLINE",
        State::Paused { .. } => "PAUSED",
        State::Stopped => "STOPPED",
        State::AuthRequired => "AUTH_REQUIRED",
        State::Ended { .. } => "ENDED",
    }
}

fn without_query(url: &str) -> &str {
    let end = url.bytes().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(url.len());
    &url[..end]
}
