//! The guest session: one link, one outbox, one transcript, and the order in which they act.
//!
//! `commands` is what the page asks for; `line` follows the link from the deployment's configuration to the configured
//! session and back into waiting; `receive` takes frames in; `send` lets messages out one at a time and proves what became
//! of them; `reading` reads the history; `ending` is every way in which a conversation ends and begins anew; `keeping` is
//! storage, and `lead` which of the tabs may do all that. On the session protocol `admission` gets the token and the session that a
//! connection needs, and `moving` settles what the other protocol left behind.

mod admission;
mod commands;
mod ending;
mod keeping;
mod lead;
mod line;
mod moving;
mod reading;
mod receive;
mod send;

use super::config::Config;
use super::event::{Event, Ticket};
use super::history::History;
use super::options::Options;
use super::outbox::{Outbox, Record};
use super::proof::Flight;
use super::stored::Remembered;
use super::transcript::{Point, Transcript};
use super::wire::{Wire, guest_api};
use crate::core::bucket::{Bucket, Window};
use crate::core::error::{Code, Refusal};
use crate::core::link::Link;
use crate::core::machine::{Act, Input, Machine, Now, Output, Payload, RequestId, Role, SocketId, WriteId};
use crate::core::random::Random;
use crate::core::timer::{Purpose, Timers};
use crate::core::token::Tokens;
use std::collections::VecDeque;

/// Clocks that went on by amounts this far apart: the machine slept, or one of them was set. Milliseconds.
const CLOCKS_PART_MS: u64 = 2_000;
/// After so long without a sign of life in here the page may have stood still, and another tab may lead, milliseconds. (One that
/// is to take the lead asks this one first, and waits twice as long for an answer.)
const STILL_MS: u64 = 2_000;
/// A request over the socket is given up after this, milliseconds.
const ASK_MS: u64 = 10_000;
/// A timer that fires this late was held up by this page, and what it judges is given as long again, milliseconds.
const LATE_MS: u64 = 1_000;
/// Requests that control the session keep these back from messages.
const KEPT_FOR_CONTROL: u64 = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Timer {
    /// When the oldest request over the socket is given up.
    Ask,
    /// When a missing acknowledgement is looked for.
    Ack,
    /// When to look for the second time.
    Look,
    /// When sending may go on.
    Pace,
    /// When the history may be read on.
    History,
    /// When the history since the watermark is read again.
    Gap,
    /// When the other side's typing is over.
    Typing,
    /// When the oldest waiting message is too old.
    Expire,
    /// When a stop no longer waits for the outbox.
    Flush,
    /// When the access token is to be replaced.
    Renew,
}

const TIMERS: usize = 10;

impl Purpose for Timer {
    const ALL: &'static [Timer] =
        &[Timer::Ask, Timer::Ack, Timer::Look, Timer::Pace, Timer::History, Timer::Gap, Timer::Typing, Timer::Expire, Timer::Flush, Timer::Renew];
    fn place(self) -> usize {
        self as usize
    }
}

/// A request over the socket that will be answered.
struct Ask {
    tracing: String,
    what: Asked,
    at: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Configure,
    Token,
    Echo,
    Join,
    Clear,
    CloseSession,
}

/// A call of the page that ends later, apart from those for history.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Start,
    Restart,
    Clear,
    Stop,
    Forget,
}

/// Why the deployment's configuration is being fetched, or on the session protocol what admits in its place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ConfigUse {
    Prepare,
    Classify,
}

/// Why something is being written.
enum Write {
    Other,
    /// A record of so many bytes goes.
    Removed(usize),
    /// The record of this message.
    Record(String),
    /// A message got a new key; its old record goes when it is written.
    Moved(Record),
}

/// What the current connection was told of the session.
#[derive(Clone, Copy)]
struct Configured {
    read_only: bool,
    new: bool,
    duration_ms: Option<i64>,
    expires_at: Option<i64>,
}

/// Figures for `metrics`.
#[derive(Default)]
struct Metrics {
    acknowledged: u64,
    /// Acknowledged by text, where the service carries no ids.
    by_text: u64,
    found_first: u64,
    found_second: u64,
    resends: u64,
    unproved_resends: u64,
    doubles: u64,
    rate_limited: u64,
    garbage: u64,
    connects: u64,
    quarantined: u64,
}

/// The guest session.
pub struct Session {
    options: Options,
    /// What is spoken now.
    wire: Wire,
    tokens: Tokens,
    /// The socket that was opened last, and when the token that it was opened with is to be replaced.
    opening: (SocketId, Option<u64>),
    /// When the token of the line in use is to be replaced.
    line_renew_at: Option<u64>,
    /// The link is started once storage was read: another tab may have begun the conversation, or another one.
    starts_when_loaded: bool,
    /// A socket that was replaced and not let go of yet.
    replaced: Option<SocketId>,
    /// One whose end is still to come, and up to where nothing of it can be missing.
    behind: Option<(SocketId, Option<Point>)>,
    /// When the ping was sent that was answered last: whatever went out before it, on the same socket, has arrived.
    vouched_from: u64,
    /// The service was seen to answer a ping.
    ponged: bool,
    /// Since when the history is read in the place of a ping.
    probed_at: Option<u64>,
    /// Every key of this deployment begins with it.
    prefix: String,
    random: Random,
    /// Only tokens are drawn from it: see [`Random`].
    secrets: Random,
    link: Link,
    now: Now,
    out: VecDeque<Output<Event>>,
    timers: Timers<Timer, TIMERS>,
    next_request: u32,
    next_write: u32,
    writes: Vec<(WriteId, Write)>,

    /// The page wants a conversation.
    wanted: bool,
    consent: bool,
    /// The lead was asked for, and not given up since.
    in_line: bool,
    leading: bool,
    /// … and is known to, also after the page may have stood still.
    proved: bool,
    /// This very input is the first after it may have stood still.
    stood_still: bool,
    /// What is remembered, or a record, changed while that was in doubt.
    rewrites_when_proved: bool,
    /// Records that go then.
    discarded: Vec<Record>,
    /// What this tab wrote into storage when it took the lead: another value there is another tab's.
    fence: String,
    /// The next that storage holds is the answer to whether that is so still.
    looks_at_fence: bool,
    away: bool,
    disposed: bool,
    stopped: bool,
    /// Calls that have not come to their end.
    calls: Vec<(Call, Ticket)>,

    config: Option<Config>,
    config_request: Option<(RequestId, ConfigUse)>,
    asks: Vec<Ask>,
    configured: Option<Configured>,
    /// The next configure begins a new conversation.
    start_new: bool,
    remembered: Option<Remembered>,
    /// The stored session is of a newer version: it is read and never written.
    frozen: bool,

    outbox: Outbox,
    flight: Flight,
    transcript: Transcript,
    history: History,
    /// The newest entry known without a hole before the last loss.
    watermark: Option<Point>,
    /// The history since the watermark was not read through yet.
    has_hole: bool,
    has_gap: bool,
    /// The history is to be read once more, because it may lag behind.
    reads_again: bool,
    /// … and no further than this.
    read_down_to: Option<Point>,
    attributes: Option<String>,
    attribute_budget: usize,

    paused_until: u64,
    pace: Window<4>,
    requests: Bucket,
    echoes: Bucket,
    /// What the service's clock is ahead of the monotonic one, milliseconds; unknown again once the machine slept.
    offset: Option<i64>,
    typed_at: Option<u64>,
    typing_tracing: Option<String>,
    is_typing: bool,
    unread: u32,
    /// When the unreadable frames of the last minute came.
    garbage: Vec<u64>,
    garbage_strikes: u32,
    /// The form of the last unreadable frame.
    garbage_sample: Option<String>,
    metrics: Metrics,
    outbox_told: (u32, u32),
}

impl Session {
    /// A session that has not begun, from the options' JSON and 512 bits of chance that no one can foretell.
    pub fn new(options: &str, seed: [u64; 8]) -> Result<Session, Refusal> {
        Ok(Session::of(Options::parse(options)?, seed))
    }

    /// The same from options that were looked at.
    pub fn of(options: Options, seed: [u64; 8]) -> Session {
        let mut random = Random::new([seed[0], seed[1], seed[2], seed[3]]);
        let for_link = Random::new([random.bits(), random.bits(), random.bits(), random.bits()]);
        let mut session = Session {
            prefix: ["gw1:", &options.deployment, ":"].concat(),
            link: Link::new(options.backoff, for_link, options.hidden, options.wire.idle_ms()),
            wire: options.wire,
            tokens: Tokens::new(options.token.clone()),
            opening: (SocketId(0), None),
            line_renew_at: None,
            starts_when_loaded: false,
            replaced: None,
            behind: None,
            vouched_from: 0,
            ponged: false,
            probed_at: None,
            random,
            secrets: Random::new([seed[4], seed[5], seed[6], seed[7]]),
            now: Now::default(),
            out: VecDeque::new(),
            timers: Timers::default(),
            next_request: 1,
            next_write: 1,
            writes: Vec::new(),
            wanted: false,
            consent: !options.needs_consent,
            in_line: false,
            leading: false,
            proved: false,
            stood_still: false,
            rewrites_when_proved: false,
            discarded: Vec::new(),
            fence: String::new(),
            looks_at_fence: false,
            away: false,
            disposed: false,
            stopped: false,
            calls: Vec::new(),
            config: None,
            config_request: None,
            asks: Vec::new(),
            configured: None,
            start_new: false,
            remembered: None,
            frozen: false,
            outbox: Outbox::default(),
            flight: Flight::Idle,
            transcript: Transcript::default(),
            history: History::new(options.wire, true),
            watermark: None,
            has_hole: false,
            has_gap: false,
            reads_again: false,
            read_down_to: None,
            attributes: options.attributes.clone(),
            attribute_budget: guest_api::MAX_ATTRIBUTE_BYTES,
            paused_until: 0,
            pace: Window::default(),
            requests: Bucket::new(10, 10, 50),
            // One at once and one a minute: never more than the two that are allowed in any minute.
            echoes: Bucket::new(1, 1, 1),
            offset: None,
            typed_at: None,
            typing_tracing: None,
            is_typing: false,
            unread: 0,
            garbage: Vec::new(),
            garbage_strikes: 0,
            garbage_sample: None,
            metrics: Metrics::default(),
            outbox_told: (0, 0),
            options,
        };
        if session.consent {
            session.load();
        }
        session
    }

    fn act(&mut self, act: Act) {
        self.out.push_back(Output::Act(act));
    }

    fn tell(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    fn done(&mut self, ticket: Ticket, code: Option<Code>) {
        self.tell(Event::Done { ticket, code, loaded: None, complete: None });
    }

    fn awaits(&self, call: Call) -> bool {
        self.calls.iter().any(|(waiting, _)| *waiting == call)
    }

    /// Ends every call of a kind.
    fn finish(&mut self, call: Call, code: Option<Code>) {
        while let Some(at) = self.calls.iter().position(|(waiting, _)| *waiting == call) {
            let (_, ticket) = self.calls.remove(at);
            self.done(ticket, code);
        }
    }

    fn request_id(&mut self) -> RequestId {
        self.next_request += 1;
        RequestId(self.next_request)
    }

    /// Whether anything may be kept: the host keeps it where the options say, be it only in memory.
    fn keeps(&self) -> bool {
        self.consent
    }

    fn token(&self) -> &str {
        self.remembered.as_ref().map_or("", |remembered| remembered.token.expose())
    }

    /// Sends a request over the socket and remembers to wait for the answer.
    fn ask(&mut self, socket: SocketId, what: Asked, tracing: String, frame: String) {
        // Control is never held back; what it takes is missing to the messages.
        let _ = self.requests.take(self.now.mono, 0);
        self.asks.push(Ask { tracing, what, at: self.now.mono });
        self.act(Act::Send(socket, frame));
        self.arm_asks();
    }

    /// Whether a request is given up by age. What the link's own deadlines judge goes with the socket instead: a page that stood
    /// still has to know the answer that was buffered meanwhile. Of a line that is configured already they do not.
    fn is_timed(&self, ask: &Ask) -> bool {
        match ask.what {
            Asked::Echo => false,
            Asked::Configure => self.configured.is_some(),
            _ => true,
        }
    }

    fn arm_asks(&mut self) {
        match self.asks.iter().filter(|ask| self.is_timed(ask)).map(|ask| ask.at + ASK_MS).min() {
            Some(at) => self.timers.arm(Timer::Ask, at),
            None => self.timers.disarm(Timer::Ask),
        }
    }

    /// Lets everything that can go on go on; the end of every mutation.
    fn settle(&mut self) {
        loop {
            let before = self.out.len();
            if !self.is_doubtful() {
                self.follow_link();
                if self.wire.is_session() {
                    self.release_replaced();
                }
                if self.is_moving() {
                    self.move_on();
                }
                self.pump();
                self.read_on();
            }
            for event in self.transcript.drain() {
                self.tell(event);
            }
            if self.out.len() == before {
                break;
            }
        }
        // Whatever changes what waits says so, or stores it; to count it takes longer than to look.
        if !self.out.is_empty() {
            self.tell_outbox();
        }
        self.finish_stop();
    }

    fn begin(&mut self, now: Now) -> bool {
        let now = Now { mono: now.mono.max(self.now.mono), unix: now.unix };
        let passed = now.mono - self.now.mono;
        let parted = (now.unix.abs_diff(self.now.unix)).abs_diff(passed) > CLOCKS_PART_MS;
        if parted {
            self.offset = None;
            if !self.wire.is_session() {
                // The monotonic clock may have stood still: how old it is now, the service's time has to say.
                self.outbox.iter_mut().filter(|record| record.may_expire()).for_each(|record| record.due = None);
            }
        }
        self.now = now;
        self.stood_still = self.leading && (parted || passed > STILL_MS);
        if self.stood_still {
            self.doubt_lead();
        }
        !self.disposed
    }

    /// It leads, as far as it knows, and waits to be told whether that is so: nothing goes out, and nothing is judged by time.
    fn is_doubtful(&self) -> bool {
        self.leading && !self.proved
    }

    fn handle_timers(&mut self) {
        self.link.handle_timeout(self.now);
        while let Some((timer, due)) = self.timers.expire(self.now.mono) {
            match timer {
                // This page stood still: what came meanwhile is still queued behind the timer. Once: behind other tabs each is late.
                Timer::Ack if self.wire.is_session() && self.now.mono - due > LATE_MS && self.is_ack_of(due) => {
                    self.timers.arm(Timer::Ack, self.now.mono + LATE_MS)
                }
                Timer::Ask => self.give_up_asks(),
                Timer::Ack => self.ack_overdue(),
                Timer::Look => self.look_again(),
                Timer::Pace => self.join(),
                Timer::History => {}
                Timer::Gap => self.retry_gap(),
                Timer::Typing => self.end_typing(),
                Timer::Expire => self.expire(),
                Timer::Flush => self.flush_over(),
                Timer::Renew if self.wire.is_session() => self.renew(),
                Timer::Renew => {}
            }
        }
    }

    fn give_up_asks(&mut self) {
        let now = self.now.mono;
        let asks = std::mem::take(&mut self.asks);
        let (overdue, asks): (Vec<Ask>, _) = asks.into_iter().partition(|ask| self.is_timed(ask) && ask.at + ASK_MS <= now);
        self.asks = asks;
        self.arm_asks();
        for ask in overdue {
            self.unanswered(ask.what);
        }
    }
}

impl Machine for Session {
    type Event = Event;

    fn handle_input(&mut self, now: Now, input: Input<'_>) {
        if !self.begin(now) {
            return;
        }
        match input {
            Input::Opened(socket) => self.opened(socket),
            Input::Frame(socket, Payload::Text(text)) => self.frame(socket, text),
            Input::Frame(socket, Payload::Binary(_)) => self.garbage(socket, "(binary)"),
            Input::Closed(socket, close) => self.closed(socket, close),
            Input::Reply(request, reply) => self.reply(request, reply),
            Input::Loaded(entries) => self.loaded(entries),
            Input::Stored(write, result) => self.stored(write, result),
            Input::Page(page) => self.page(page),
            // What was asked before the page stood still was answered before as well, and proves nothing.
            Input::Role(Role::Leader) if self.stood_still => {}
            Input::Role(role) => self.role(role),
            Input::Timeout if self.is_doubtful() => {}
            Input::Timeout => self.handle_timers(),
        }
        self.settle();
    }

    fn poll_output(&mut self) -> Option<Output<Event>> {
        self.out.pop_front()
    }

    fn poll_timeout(&self) -> Option<u64> {
        if self.disposed || self.is_doubtful() {
            return None;
        }
        [self.link.poll_timeout(), self.timers.next()].into_iter().flatten().min()
    }
}
