//! What every stream stands on: its lines with their tokens and probes, what goes out to the host and to the page, the
//! queues to its consumers, its webhooks and its audit log. It knows no protocol; a [`Class`](super::class::Class) does.

mod lines;
mod tokens;

use super::event::{Event, Ticket};
use super::options::{Options, Presets};
use super::queue::{Queue, Waits};
use super::webhook::{self, Target};
use crate::core::error::Code;
use crate::core::http::{Reply, Unreachable};
use crate::core::json::Object;
use crate::core::link::Link;
use crate::core::machine::{Act, Now, Output, RequestId, SocketId};
use crate::core::random::Random;
use crate::core::state::State;
use crate::core::time;
use crate::core::timer::{NEVER, Purpose, Timers};
use crate::core::token::{Source, Tokens};

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
    /// When sockets that were replaced are closed.
    Release,
}

impl Purpose for Timer {
    const ALL: &'static [Timer] = &[Timer::Renew, Timer::Metrics, Timer::Release];
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
    pub(super) timers: Timers<Timer, 3>,
    pub(super) starts: Vec<Ticket>,
    /// The frame that is being read came over a socket that was given up: what it answers is about something that is over.
    pub late: bool,
    /// The page wants it, and it has not ended.
    pub(super) wanted: bool,
    /// So many of the lines are in use.
    used: usize,
    presets: &'static Presets,
    shown: State,
    next_request: u32,
    sequence: i64,
    sampled: Option<u64>,
    dropped_told: u64,
    /// The same of consumers that are gone.
    gone: (u64, u64),
    /// What came and what was dropped when the share was last looked at.
    dropped_before: (u64, u64),
    out: Vec<Output<Event>>,
    /// What goes out next, the first of it last.
    leaving: Vec<Output<Event>>,
}

impl Hub {
    /// A hub at rest, without lines.
    pub fn new(mut options: Options, presets: &'static Presets, random: Random) -> Hub {
        let tokens = Tokens::new(std::mem::replace(&mut options.token, Source::Callback)).with_terms(presets.terms);
        let audit = options.audit_url.clone().map(|url| Target::new("audit".into(), url));
        let own = Consumer { id: String::new(), queue: Queue::new(options.shape) };
        Hub {
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
            late: false,
            wanted: false,
            used: 0,
            presets,
            shown: State::Idle,
            next_request: 0,
            sequence: 0,
            sampled: None,
            dropped_told: 0,
            gone: (0, 0),
            dropped_before: (0, 0),
            out: Vec::new(),
            leaving: Vec::new(),
        }
    }

    /// So many lines are in use from now on; the others rest.
    pub fn use_lines(&mut self, lines: usize) {
        self.used = lines;
        let now = self.now;
        for line in self.lines.iter_mut().skip(lines) {
            line.link.idle(now);
        }
        while self.lines.len() < lines {
            let Presets { deadlines, idle, .. } = *self.presets;
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
        if self.wanted {
            self.start_lines();
        }
    }

    /// Begins with every line that is in use.
    pub(super) fn start_lines(&mut self) {
        self.wanted = true;
        let now = self.now;
        if self.timers.get(Timer::Metrics).is_none() {
            self.timers.arm(Timer::Metrics, now.mono + self.options.metrics_every);
        }
        for line in self.lines.iter_mut().take(self.used) {
            line.link.start(now);
        }
    }

    // ---- out

    /// Something is to be done.
    pub fn act(&mut self, act: Act) {
        self.out.push(Output::Act(act));
    }

    /// Something is to be told.
    pub fn tell(&mut self, event: Event) {
        self.out.push(Output::Event(event));
    }

    /// Something that nobody has to act upon at once.
    pub fn warn(&mut self, code: Code, detail: &str) {
        self.tell(Event::Warning(code, self.clean(detail)));
    }

    /// Something went wrong that nobody asked for.
    pub fn fail(&mut self, code: Code, detail: &str) {
        self.tell(Event::Error(code, self.clean(detail)));
    }

    pub(super) fn pop(&mut self) -> Option<Output<Event>> {
        if self.leaving.is_empty() {
            std::mem::swap(&mut self.leaving, &mut self.out);
            self.leaving.reverse();
        }
        self.leaving.pop()
    }

    pub(super) fn pending(&self) -> usize {
        self.out.len()
    }

    /// Sends a frame.
    pub fn send(&mut self, socket: SocketId, text: String) {
        self.act(Act::Send(socket, text));
    }

    /// A request is given up, if there is one.
    pub fn abort(&mut self, request: Option<RequestId>) {
        if let Some(request) = request {
            self.act(Act::Abort(request));
        }
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
        object.text("timestamp", &time::format(self.now.unix)).text("stream", self.presets.name).text("action", action);
        for (name, value) in details.iter().filter(|(_, value)| !value.is_empty()) {
            object.text(name, &self.clean(value));
        }
        let line = object.end();
        if self.options.audit_url.is_some()
            && let Some(target) = self.targets.first_mut()
        {
            target.push(line.clone());
        }
        self.tell(Event::Audit(line));
    }

    /// A text that may be the service's, who may say anything: as it is where it holds no token.
    fn clean(&self, text: &str) -> String {
        let token = self.token().as_bytes();
        let tells = !token.is_empty() && text.as_bytes().windows(token.len()).any(|part| part == token);
        if tells { "(token)" } else { text }.to_string()
    }

    // ---- frames and events

    /// A frame that cannot be read is counted and skipped; now and then one is shown, with its letters and digits blackened.
    pub fn unreadable(&mut self, text: &str) {
        self.counters.unreadable += 1;
        if self.sampled.is_none_or(|at| self.now.mono >= at + SAMPLE_EVERY_MS) {
            self.sampled = Some(self.now.mono);
            let shape = text.chars().take(SAMPLE_CHARS).map(|letter| if letter.is_ascii_punctuation() || letter == ' ' { letter } else { 'x' });
            let shape: String = shape.collect();
            self.warn(Code::FRAME_UNREADABLE, &shape);
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
        let mut oldest = NEVER;
        for consumer in &self.consumers {
            oldest = oldest.min(consumer.queue.oldest().unwrap_or(NEVER));
        }
        (oldest != NEVER).then(|| Waits { longest: self.now.mono.saturating_sub(oldest), sum: 0, count: 0 })
    }

    /// What came to the queues and what was dropped there, ever.
    pub fn dropped(&self) -> (u64, u64) {
        let (mut total, mut dropped) = self.gone;
        for Consumer { queue, .. } in &self.consumers {
            total += queue.total;
            dropped += queue.dropped;
        }
        (total, dropped)
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
        for at in 0..self.targets.len() {
            let target = &mut self.targets[at];
            if let Some(outcome) = target.reply(self.now.mono, id, reply, &mut self.random) {
                if outcome == webhook::Outcome::Lost {
                    let target = target.id.clone();
                    self.warn(Code::WEBHOOK_FAILED, &target);
                }
                return true;
            }
        }
        false
    }

    /// No connection is wanted: nothing is waited for that one would need.
    pub(super) fn give_up_lines(&mut self) {
        for at in 0..self.lines.len() {
            let look = self.lines[at].look.take();
            self.abort(look);
        }
        let asked = self.tokens.abort();
        self.abort(asked);
        self.timers.clear();
    }

    /// What was to be posted is not any more.
    pub(super) fn give_up_posts(&mut self) {
        for at in 0..self.targets.len() {
            let posted = self.targets[at].abort();
            self.abort(posted);
        }
    }

    pub(super) fn poll_timeout(&self) -> u64 {
        let mut next = self.timers.next().unwrap_or(NEVER);
        for line in &self.lines {
            next = next.min(line.link.poll_timeout().unwrap_or(NEVER));
        }
        for target in &self.targets {
            next = next.min(target.poll_timeout().unwrap_or(NEVER));
        }
        next
    }
}
