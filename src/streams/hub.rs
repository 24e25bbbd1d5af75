//! What every stream stands on: its lines with their tokens and probes, what goes out to the host and to the page, the
//! queues to its consumers, its webhooks and its audit log. It knows no protocol; a [`Class`](super::class::Class) does.

use super::event::{Event, Ticket};
use super::options::{Options, Presets};
use super::queue::{Queue, Waits};
use super::webhook::{self, Target};
use crate::core::error::Code;
use crate::core::http::{Authorization, Method, Reply, Request, Unreachable};
use crate::core::json::{Object, Value, decimal};
use crate::core::link::{Link, Refused, Unprepared};
use crate::core::machine::{Act, Now, Output, RequestId, SocketId};
use crate::core::random::Random;
use crate::core::state::{End, Pause, Reason, State};
use crate::core::time;
use crate::core::timer::{Purpose, Timers};
use crate::core::token::{Asked, Tokens};
use std::collections::VecDeque;

/// How long the look into a refusal may take, milliseconds.
const LOOK_MS: u32 = 10_000;
/// A token that could not be replaced in time is tried again after this, milliseconds.
const RENEW_AGAIN_MS: u64 = 15_000;
/// A 429 that does not say for how long, milliseconds.
pub const LIMIT_MS: u64 = 60_000;
/// A frame that cannot be read is shown, without what it says, at most so often, milliseconds.
const SAMPLE_EVERY_MS: u64 = 60_000;
/// So many of a frame's characters are shown.
const SAMPLE_CHARS: usize = 80;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// When the access token is to be replaced.
    Renew,
    /// When figures are told.
    Metrics,
}

impl Purpose for Timer {
    const ALL: &'static [Timer] = &[Timer::Renew, Timer::Metrics];
    fn place(self) -> usize {
        self as usize
    }
}

/// One connection of a stream.
pub struct Line {
    /// Its life.
    pub link: Link,
    /// The socket that is being made ready, and how far that is.
    pub step: Option<(SocketId, u8)>,
    /// Until when the token of the socket that is being opened is good, and that of the one in use.
    opening: (Option<SocketId>, Option<u64>),
    renew_at: Option<u64>,
    probe: Option<(SocketId, u64, i64)>,
    /// Probes are answered here.
    ponged: bool,
    look: Option<RequestId>,
    /// The last look since the connection stood found no reason.
    unexplained: bool,
    /// Its last end came without notice: no close frame that says that all is well (1000) or that the service goes (1001).
    pub hard: bool,
}

/// A consumer and what waits for it; the stream's own has no name.
pub struct Consumer {
    /// What the page calls it.
    pub id: String,
    /// What waits.
    pub queue: Queue,
}

/// Counters that every stream has.
#[derive(Default)]
pub struct Counters {
    /// Frames that were read.
    pub frames: u64,
    /// Frames that could not be.
    pub unreadable: u64,
    /// Events that the class has taken in.
    pub events: u64,
    /// Connections that stood and were lost.
    pub losses: u64,
    /// Connections that came to stand again after one was lost.
    pub reconnects: u64,
    /// How long the last such gap was, milliseconds.
    pub gap: u64,
}

/// See the module.
pub struct Hub {
    /// The time of this mutation.
    pub now: Now,
    /// Chance.
    pub random: Random,
    /// What it was made with.
    pub options: Options,
    /// The connections.
    pub lines: Vec<Line>,
    /// Whom events wait for.
    pub consumers: Vec<Consumer>,
    /// Webhooks.
    pub targets: Vec<Target>,
    /// Counters.
    pub counters: Counters,
    pub(super) tokens: Tokens,
    pub(super) timers: Timers<Timer, 2>,
    pub(super) starts: Vec<Ticket>,
    /// The page wants it.
    pub(super) wanted: bool,
    /// So many of the lines are in use.
    used: usize,
    name: &'static str,
    presets: (crate::core::link::Deadlines, u64),
    shown: State,
    next_request: u32,
    sequence: i64,
    sampled: Option<u64>,
    dropped_told: u64,
    /// The same of consumers that are gone.
    gone: (u64, u64),
    /// What came and what was dropped when the share was last looked at.
    dropped_before: (u64, u64),
    out: VecDeque<Output<Event>>,
}

impl Hub {
    /// A hub with so many lines, at rest.
    pub fn new(name: &'static str, options: Options, presets: &Presets, random: Random, lines: usize) -> Hub {
        let tokens = Tokens::new(options.token.clone()).with_terms(presets.terms);
        let audit = options.audit_url.clone().map(|url| Target::new("audit".into(), url));
        let own = Consumer { id: String::new(), queue: Queue::new(options.shape) };
        let mut hub = Hub {
            now: Now::default(),
            random,
            options,
            lines: Vec::new(),
            consumers: vec![own],
            targets: audit.into_iter().collect(),
            counters: Counters::default(),
            tokens,
            timers: Timers::default(),
            starts: Vec::new(),
            wanted: false,
            used: 0,
            name,
            presets: (presets.deadlines, presets.idle),
            shown: State::Idle,
            next_request: 0,
            sequence: 0,
            sampled: None,
            dropped_told: 0,
            gone: (0, 0),
            dropped_before: (0, 0),
            out: VecDeque::new(),
        };
        hub.use_lines(lines);
        hub
    }

    /// So many lines are in use from now on; the others rest.
    pub fn use_lines(&mut self, lines: usize) {
        self.used = lines;
        let (now, wanted) = (self.now, self.wanted);
        for line in self.lines.iter_mut().skip(lines) {
            line.link.idle(now);
        }
        while self.lines.len() < lines {
            let (deadlines, idle) = self.presets;
            let place = self.lines.len() as u8;
            let random = Random::new(std::array::from_fn(|_| self.random.bits()));
            let link = Link::new(self.options.policy, random, self.options.hidden, idle).with_deadlines(deadlines, place);
            self.lines.push(Line {
                link,
                step: None,
                opening: (None, None),
                renew_at: None,
                probe: None,
                ponged: false,
                look: None,
                unexplained: false,
                hard: false,
            });
        }
        if wanted {
            self.start_lines();
        }
    }

    /// Begins with every line that is in use.
    pub(super) fn start_lines(&mut self) {
        let now = self.now;
        for line in self.lines.iter_mut().take(self.used) {
            line.link.start(now);
        }
    }

    // ---- out

    /// Something is to be done.
    pub fn act(&mut self, act: Act) {
        self.out.push_back(Output::Act(act));
    }

    /// Something is to be told.
    pub fn tell(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    pub(super) fn pop(&mut self) -> Option<Output<Event>> {
        self.out.pop_front()
    }

    pub(super) fn pending(&self) -> usize {
        self.out.len()
    }

    /// Sends a frame.
    pub fn send(&mut self, socket: SocketId, text: String) {
        self.act(Act::Send(socket, text));
    }

    /// A name for a request.
    pub fn request_id(&mut self) -> RequestId {
        self.next_request += 1;
        RequestId(self.next_request)
    }

    /// A line for the audit log. No value may be a token, and no URL has its query.
    pub fn audit(&mut self, action: &str, details: &[(&str, &str)]) {
        if !self.options.audit {
            return;
        }
        let mut object = Object::new();
        object.text("timestamp", &time::format(self.now.unix)).text("stream", self.name).text("action", action);
        for (name, value) in details.iter().filter(|(_, value)| !value.is_empty()) {
            // What the service says may be anything.
            object.text(name, if self.tells_token(value) { "(token)" } else { value });
        }
        let line = object.end();
        if self.options.audit_url.is_some()
            && let Some(target) = self.targets.first_mut()
        {
            target.push(line.clone());
        }
        self.tell(Event::Audit(line));
    }

    /// Whether a text, which may be the service's, holds the token.
    fn tells_token(&self, text: &str) -> bool {
        let token = self.token().as_bytes();
        !token.is_empty() && text.as_bytes().windows(token.len()).any(|part| part == token)
    }

    // ---- tokens

    /// The token that a connection is opened with.
    pub fn token(&self) -> &str {
        // It was good when opening began, and its margin is longer than that takes.
        self.tokens.newest().map_or("", |token| token.expose())
    }

    /// Whether a socket in use was opened with the token that is the newest.
    pub(super) fn has_current_token(&self, line: usize, socket: SocketId) -> bool {
        let line = &self.lines[line];
        let renew_at = if line.opening.0 == Some(socket) { line.opening.1 } else { line.renew_at };
        renew_at == self.tokens.renew_at()
    }

    /// Whether there is a token that is good; else it is asked for.
    pub(super) fn has_token(&mut self, line: usize) -> bool {
        if self.tokens.good(self.now).is_some() {
            return true;
        }
        if !self.ask_token() {
            let wait = self.tokens.ready_at().saturating_sub(self.now.mono);
            self.lines[line].link.unprepared(self.now, Unprepared::Paused(wait, false));
        }
        false
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
    pub(super) fn token_reply(&mut self, id: RequestId, reply: Result<Reply<'_>, Unreachable>) -> Option<bool> {
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
                    self.tell(Event::Error(Code::TOKEN_RATE_LIMITED, String::new()));
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
    pub(super) fn renew(&mut self) {
        if self.lines.iter().all(|line| line.link.up().is_none()) {
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

    // ---- lines

    /// A socket is opened at this URL.
    pub(super) fn open(&mut self, line: usize, socket: SocketId, url: String) {
        self.lines[line].opening = (Some(socket), self.tokens.renew_at());
        self.lines[line].step = Some((socket, 0));
        self.audit("CONNECTING", &[("url", without_query(&url)), ("line", &decimal(line as u64))]);
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
    pub(super) fn lost(&mut self, line: usize, socket: SocketId, reason: Reason) -> bool {
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
    pub(super) fn heard(&mut self, line: usize) {
        let now = self.now;
        let line = &mut self.lines[line];
        if !line.ponged && line.probe.take().is_some() {
            line.link.unprobed(now);
        }
    }

    /// Tells that the service refused something.
    pub fn tell_rejected(&mut self, status: i64, code: Code, detail: &str) {
        self.audit("REJECTED", &[("status", &decimal(status.unsigned_abs())), ("message", detail)]);
        self.tell(Event::Error(code, detail.to_string()));
    }

    /// The service refused what was sent on a line: by this status, if it says one, and with these words.
    pub fn rejected(&mut self, line: usize, status: i64, code: Code, detail: &str, after: Option<u64>) {
        let (now, reason) = (self.now, Reason::Service { code: status as u16 });
        self.tell_rejected(status, code, detail);
        if self.lines[line].link.up().is_some() {
            // It was the second socket, which the service closes: the first goes on.
            if status == 401 {
                self.tokens.refuse();
            }
            return;
        }
        match status {
            401 if self.tokens.refuse() => self.lines[line].link.fail(now, reason, None),
            401 => self.for_all(|link| link.require_auth(now)),
            400 | 403 | 404 => self.for_all(|link| link.end(now, End::NotAllowed)),
            429 => self.lines[line].link.rate_limited(now, after.unwrap_or(LIMIT_MS)),
            _ => self.lines[line].link.fail(now, reason, after),
        }
    }

    /// What opening needs was not given, as this answer says; `true` if it was.
    pub fn granted(&mut self, line: usize, reply: Result<Reply<'_>, Unreachable>) -> bool {
        let now = self.now;
        let why = match reply {
            Err(_) => Unprepared::Offline,
            Ok(reply) => match reply.status {
                200..300 => return true,
                401 if self.tokens.refuse() => Unprepared::Later(Reason::Service { code: 401 }, None),
                401 => Unprepared::AuthRequired,
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
    pub(super) fn look(&mut self, line: usize, url: &str) {
        let id = self.request_id();
        if let Some(earlier) = self.lines[line].look.replace(id) {
            self.act(Act::Abort(earlier));
        }
        let authorization = self.authorization();
        let url = ["http", without_query(url).strip_prefix("ws").unwrap_or_default()].concat();
        self.act(Act::Fetch(id, Request { method: Method::Get, url, authorization, cookies: false, body: None, timeout_ms: LOOK_MS }));
    }

    /// What the look found; `false` if the answer is to another request.
    pub(super) fn looked(&mut self, id: RequestId, reply: Result<Reply<'_>, Unreachable>) -> bool {
        let now = self.now;
        let Some(at) = self.lines.iter().position(|line| line.look == Some(id)) else { return false };
        self.lines[at].look = None;
        let verdict = match reply {
            Err(_) => Refused::Offline,
            Ok(reply) => match reply.status {
                401 if self.tokens.refuse() => Refused::Again(Reason::Service { code: 401 }),
                401 => {
                    self.for_all(|link| link.require_auth(now));
                    return true;
                }
                403 => {
                    self.tell(Event::Error(Code::REJECTED, "403".into()));
                    Refused::Ended(End::NotAllowed)
                }
                429 => Refused::Later(reply.retry_after_ms().unwrap_or(LIMIT_MS)),
                status @ 500.. => reply.retry_after_ms().map_or(Refused::Again(Reason::Service { code: status }), Refused::Later),
                // It may have been the network, which is back: only who is refused twice for no reason is not wanted.
                _ if !std::mem::replace(&mut self.lines[at].unexplained, true) => Refused::Again(Reason::Refused),
                _ => Refused::Refused,
            },
        };
        self.lines[at].link.classified(now, verdict);
        true
    }

    pub(super) fn state_changed(&mut self, line: usize, state: State) {
        let attempts = self.options.attempts;
        let link = &mut self.lines[line].link;
        let waits = matches!(state, State::Waiting { .. } | State::Offline | State::Paused { reason: Pause::Refused | Pause::RateLimited, .. });
        if waits && attempts > 0 && u64::from(link.failures()) > attempts {
            self.tell(Event::Error(Code::GAVE_UP, String::new()));
            let now = self.now;
            self.for_all(|link| link.end(now, End::GaveUp));
        }
    }

    /// Tells of the state of all lines together, if it is another; gives it back.
    pub(super) fn tell_state(&mut self) -> Option<State> {
        let state = self.lines.iter().take(self.used).map(|line| line.link.state()).max_by_key(weight)?;
        if state == self.shown {
            return None;
        }
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
            // Nothing that only a connection changes has to be told any more, and no timer keeps a host alive.
            self.timers.clear();
        }
        Some(state)
    }

    /// The state of all lines together, as it was told.
    pub fn state(&self) -> State {
        self.shown
    }

    // ---- frames and events

    /// A frame that cannot be read is counted and skipped; now and then one is shown, with its letters and digits blackened.
    pub fn unreadable(&mut self, text: &str) {
        self.counters.unreadable += 1;
        if self.sampled.is_none_or(|at| self.now.mono >= at + SAMPLE_EVERY_MS) {
            self.sampled = Some(self.now.mono);
            let shape = text.chars().take(SAMPLE_CHARS).map(|letter| if letter.is_ascii_punctuation() || letter == ' ' { letter } else { 'x' });
            self.tell(Event::Warning(Code::FRAME_UNREADABLE, shape.collect()));
        }
    }

    /// An event for a consumer, by its place; `came` is when, monotonic milliseconds.
    pub fn queue(&mut self, consumer: usize, came: u64, key: &str, body: String) {
        if let Some(consumer) = self.consumers.get_mut(consumer) {
            consumer.queue.push(came, key, body);
        }
    }

    /// A consumer is gone, with what waited for it; what it has dropped stays counted.
    pub fn remove_consumer(&mut self, id: &str) {
        if let Some(at) = self.consumers.iter().position(|consumer| consumer.id == id) {
            let queue = self.consumers.remove(at).queue;
            self.gone = (self.gone.0 + queue.total, self.gone.1 + queue.dropped);
        }
    }

    /// How long the consumer that is furthest behind has left something waiting.
    pub(super) fn waits(&self) -> Option<Waits> {
        let oldest = self.consumers.iter().filter_map(|consumer| consumer.queue.oldest()).min()?;
        Some(Waits { longest: self.now.mono.saturating_sub(oldest), sum: 0, count: 0 })
    }

    /// What came to the queues and what was dropped there, ever.
    pub fn dropped(&self) -> (u64, u64) {
        self.consumers.iter().fold(self.gone, |(total, dropped), consumer| (total + consumer.queue.total, dropped + consumer.queue.dropped))
    }

    /// Tells consumers that there is something for them, and the page what was dropped.
    pub(super) fn announce(&mut self) {
        for at in 0..self.consumers.len() {
            if self.consumers[at].queue.announce() {
                let id = self.consumers[at].id.clone();
                self.tell(Event::Available(id));
            }
        }
        let (_, dropped) = self.dropped();
        if dropped > self.dropped_told {
            self.tell(Event::Dropped(dropped - self.dropped_told, dropped));
            self.dropped_told = dropped;
        }
    }

    /// The share of what was dropped since this was last asked, in thousandths; `None` if too little came to say.
    pub(super) fn dropped_share(&mut self) -> Option<u64> {
        let (total, dropped) = self.dropped();
        let (total_before, dropped_before) = self.dropped_before;
        let came = total.saturating_sub(total_before);
        if came < 20 {
            // It counts together with what comes next.
            return None;
        }
        self.dropped_before = (total, dropped);
        Some(dropped.saturating_sub(dropped_before) * 1000 / came)
    }

    // ---- webhooks

    /// Posts what can be posted.
    pub(super) fn post(&mut self) {
        for at in 0..self.targets.len() {
            let id = self.request_id();
            if let Some(act) = self.targets[at].poll(self.now.mono, id) {
                self.act(act);
            }
        }
    }

    /// A webhook's answer; `false` if it is to another request.
    pub(super) fn posted(&mut self, id: RequestId, reply: Result<Reply<'_>, Unreachable>) -> bool {
        let (now, random) = (self.now.mono, &mut self.random);
        let answered = self.targets.iter_mut().find_map(|target| Some((target.reply(now, id, reply, random)?, target.id.clone())));
        if let Some((webhook::Outcome::Lost, target)) = &answered {
            self.tell(Event::Warning(Code::WEBHOOK_FAILED, target.clone()));
        }
        answered.is_some()
    }

    /// No connection is wanted: nothing is waited for that one would need.
    pub(super) fn give_up_lines(&mut self) {
        let looks = self.lines.iter_mut().filter_map(|line| line.look.take());
        let requests: Vec<RequestId> = looks.chain(self.tokens.abort()).collect();
        for request in requests {
            self.act(Act::Abort(request));
        }
        self.timers.clear();
    }

    /// What was to be posted is not any more.
    pub(super) fn give_up_posts(&mut self) {
        let requests: Vec<RequestId> = self.targets.iter_mut().filter_map(Target::abort).collect();
        for request in requests {
            self.act(Act::Abort(request));
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<u64> {
        let lines = self.lines.iter().filter_map(|line| line.link.poll_timeout());
        let targets = self.targets.iter().filter_map(Target::poll_timeout);
        lines.chain(targets).chain(self.timers.next()).min()
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
