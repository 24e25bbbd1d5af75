//! One connection's life: prepare, connect, establish, doubt, replace, wait; and the end of it. It knows no protocol.
//!
//! The machine that composes a link tells it what happened (`opened`, `established`, `heard`, `answered`, `closed` …)
//! and performs what it [asks for](Output). The attempts of one link are told apart by [`SocketId`]: whatever comes
//! from a socket that is no longer the current one is answered with `false` and must be left alone.
//!
//! Deadlines judge only when they fire in time. One that fires late means that this page stood still, not the other
//! side: what was heard meanwhile is still queued behind the timer, so it waits one second more.

#[cfg(feature = "streams")]
mod deadlines;
mod output;
mod turns;

#[cfg(feature = "streams")]
pub use deadlines::{Deadlines, PLACE_SHIFT};
pub use output::{Gone, Output, Refused, Unprepared};

use super::backoff::Policy;
use super::closing::{self, Verdict};
use super::heartbeat::Heartbeat;
use super::machine::{Close, Now, Page, SocketId};
use super::random::Random;
use super::state::{End, Pause, Reason, State};
use super::timer::{Purpose, Timers};

/// Covers opening and the session's answer, milliseconds (faults.md row 3).
const CONNECT_MS: u64 = 10_000;
/// A connection that stayed up this long after it was established was a good one (faults.md row 2).
const STABLE_MS: u64 = 10_000;
/// How long a probe may take.
const PROBE_MS: u64 = 3_000;
/// How long a probe may take after a wake-up, when a dead socket is the likely case.
const WAKE_PROBE_MS: u64 = 2_000;
/// A hidden page's second probe may take longer: its timers are throttled.
const HIDDEN_PROBE_MS: u64 = 10_000;
/// A timer that fires this late was held up by this page.
const LATE_MS: u64 = 1_000;
/// What a late deadline is given on top.
const GRACE_MS: u64 = 1_000;
/// A clock that gained this much on the other means that the machine slept.
const GAP_MS: u64 = 2_000;
/// An abandoned socket is forgotten after this long at the latest.
const FORGET_MS: u64 = 15_000;
/// How long the socket in use and its successor may stand side by side.
const OVERLAP_MS: u64 = 15_000;
/// A line that answered this lately is not probed again on a signal.
const FRESH_MS: u64 = 5_000;
/// After `online` and the like the next attempt comes within this time.
const HURRY_MS: u64 = 500;
/// Two hurried attempts are at least this far apart.
const HURRY_APART_MS: u64 = 2_000;
/// A refused connection is looked into at most so often.
const CLASSIFY_EVERY_MS: u64 = 60_000;
/// Refusals in a row before the waits stretch beyond the policy's own.
const REFUSALS_BEFORE_STRETCH: u32 = 8;
/// The longest stretched wait.
const STRETCHED_MS: u64 = 300_000;
/// An evicted connection comes back by itself after this, doubling …
const EVICTED_MS: u64 = 60_000;
/// … up to this.
const EVICTED_MOST_MS: u64 = 600_000;
/// A hidden page tries at most so often.
const HIDDEN_ATTEMPT_MS: u64 = 60_000;
/// Three policy closes within this end the connection for good (faults.md row 6).
const POLICY_WINDOW_MS: u64 = 60_000;
/// Whether any protocol of this build replaces sockets; where none does, what hangs on it is left out.
const REPLACES: bool = cfg!(any(feature = "session", feature = "streams"));
/// Close code of every shutdown of ours: normal closure.
const NORMAL: u16 = 1000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Preparing,
    Connecting {
        socket: SocketId,
        opened: bool,
    },
    Up(SocketId),
    Classifying,
    /// A wait that ends by itself; what is shown meanwhile.
    Waiting(State),
    /// An end that only the page can undo.
    Final(State),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Timer {
    /// When to give up an attempt.
    Connect,
    /// When to give up an attempt whose deadline fired late.
    ConnectGrace,
    /// When to try again.
    Retry,
    /// When the connection has proved good.
    Stable,
    /// When to probe a line that was not used.
    Idle,
    /// When to doubt an overdue answer.
    Suspect,
    /// When to give up on a probe.
    Probe,
    /// When to give up on a probe whose deadline fired late.
    ProbeGrace,
    /// When to forget an abandoned socket.
    Forget,
}

const TIMERS: usize = 9;

impl Purpose for Timer {
    const ALL: &'static [Timer] = &[
        Timer::Connect,
        Timer::ConnectGrace,
        Timer::Retry,
        Timer::Stable,
        Timer::Idle,
        Timer::Suspect,
        Timer::Probe,
        Timer::ProbeGrace,
        Timer::Forget,
    ];
    fn place(self) -> usize {
        self as usize
    }
}

/// One connection's life.
pub struct Link {
    policy: Policy,
    random: Random,
    phase: Phase,
    shown: State,
    timers: Timers<Timer, TIMERS>,
    heartbeat: Heartbeat,
    next_socket: u32,
    /// Attempts since the last good connection.
    failures: u32,
    refusals: u32,
    evictions: u32,
    policy_closes: [Option<u64>; 3],
    #[cfg(feature = "streams")]
    deadlines: Deadlines,
    /// How long the line may go without an answer before it is probed, milliseconds.
    idle: u64,
    /// A second socket that is being made ready while the first is in use, and since when.
    successor: Option<(SocketId, u64)>,
    /// The abandoned socket whose close is still to come.
    leaving: Option<SocketId>,
    /// One whose last words do not count.
    disowned: Option<SocketId>,
    probing: bool,
    missed: u32,
    suspect: bool,
    hidden: bool,
    last_attempt: Option<u64>,
    classified: Option<(u64, Refused)>,
    lost_at: Option<u64>,
    now: Now,
    out: Vec<Output>,
}

impl Link {
    /// A link at rest.
    pub fn new(policy: Policy, random: Random, hidden: bool, idle: u64) -> Link {
        Link {
            policy,
            random,
            phase: Phase::Idle,
            shown: State::Idle,
            timers: Timers::default(),
            heartbeat: Heartbeat::default(),
            next_socket: 0,
            failures: 0,
            refusals: 0,
            evictions: 0,
            policy_closes: [None; 3],
            #[cfg(feature = "streams")]
            deadlines: Deadlines { connect: CONNECT_MS, probe: PROBE_MS },
            idle,
            successor: None,
            leaving: None,
            disowned: None,
            probing: false,
            missed: 0,
            suspect: false,
            hidden,
            last_attempt: None,
            classified: None,
            lost_at: None,
            now: Now::default(),
            out: Vec::new(),
        }
    }

    /// How long the line may go without an answer from now on, milliseconds.
    pub fn set_idle(&mut self, idle: u64) {
        self.idle = idle;
    }

    /// What is asked for next.
    pub fn poll_output(&mut self) -> Option<Output> {
        (!self.out.is_empty()).then(|| self.out.remove(0))
    }

    /// When [`Link::handle_timeout`] is due, monotonic milliseconds.
    pub fn poll_timeout(&self) -> Option<u64> {
        self.timers.next()
    }

    /// The state as the page sees it.
    pub fn state(&self) -> State {
        self.shown
    }

    /// Whether [`Link::prepared`] is waited for.
    pub fn is_preparing(&self) -> bool {
        self.phase == Phase::Preparing
    }

    /// The established socket.
    pub fn up(&self) -> Option<SocketId> {
        match self.phase {
            Phase::Up(socket) => Some(socket),
            _ => None,
        }
    }

    /// The socket in use, established or on the way to it.
    pub fn socket(&self) -> Option<SocketId> {
        match self.phase {
            Phase::Up(socket) | Phase::Connecting { socket, .. } => Some(socket),
            _ => None,
        }
    }

    /// Whether the line answers as far as is known.
    pub fn is_trusted(&self) -> bool {
        self.up().is_some() && !self.suspect
    }

    /// Whether an abandoned socket may still deliver something that counts.
    pub fn is_leaving(&self, socket: SocketId) -> bool {
        self.leaving == Some(socket) && self.disowned != self.leaving
    }

    /// What the abandoned socket still delivers does not count any more: it is of something that is over.
    pub fn disown(&mut self) {
        self.disowned = self.leaving;
    }

    /// Round trips and liveness of the line.
    pub fn heartbeat(&self) -> &Heartbeat {
        &self.heartbeat
    }

    /// Begins, or begins again after an end.
    pub fn start(&mut self, now: Now) {
        self.observe(now);
        if matches!(self.phase, Phase::Idle | Phase::Final(_)) {
            self.failures = 0;
            self.refusals = 0;
            self.attempt();
        }
    }

    /// The visitor or the site wants it now.
    pub fn reconnect(&mut self, now: Now) {
        self.observe(now);
        self.evictions = 0;
        match self.phase {
            Phase::Waiting(_) => self.attempt(),
            Phase::Up(_) => self.wake(now),
            Phase::Final(State::AuthRequired) => self.start(now),
            _ => {}
        }
    }

    /// A second socket is made ready in the background and then takes the place of the first. Nothing happens while another is
    /// on its way, or the one before is still leaving.
    pub fn replace(&mut self, now: Now) {
        self.observe(now);
        if self.up().is_none() || self.successor.is_some() || self.leaving.is_some() {
            return;
        }
        let socket = self.next_socket();
        self.successor = Some((socket, now.mono));
        self.timers.arm(Timer::Connect, now.mono + self.connect_ms());
        self.out.push(Output::Open(socket));
    }

    /// Nothing is waited for any more on a socket that was replaced.
    pub fn release(&mut self, now: Now) {
        self.observe(now);
        if let Some(socket) = self.leaving {
            self.out.push(Output::Shut(socket, NORMAL));
        }
    }

    /// What opening needs is there.
    pub fn prepared(&mut self, now: Now) {
        self.observe(now);
        if self.phase != Phase::Preparing {
            return;
        }
        let socket = self.next_socket();
        self.phase = Phase::Connecting { socket, opened: false };
        self.timers.arm(Timer::Connect, now.mono + self.connect_ms());
        self.out.push(Output::Open(socket));
    }

    /// What opening needs is not there.
    pub fn unprepared(&mut self, now: Now, why: Unprepared) {
        self.observe(now);
        if self.phase != Phase::Preparing {
            return;
        }
        match why {
            Unprepared::Offline => self.wait(State::Offline, None),
            Unprepared::Later(reason, after) => self.retry_later(reason, after),
            #[cfg(feature = "streams")]
            Unprepared::Paused(after, tried) => {
                self.failures += u32::from(tried);
                let wait = after + self.random.between(0, 1_000);
                self.wait(State::Paused { until: Some(now.unix + wait), reason: Pause::RateLimited }, Some(wait));
            }
            Unprepared::End(reason) => self.end(now, reason),
            Unprepared::AuthRequired => self.rest(State::AuthRequired),
        }
    }

    /// A socket opened; `false` if it is not the one waited for.
    pub fn opened(&mut self, now: Now, id: SocketId) -> bool {
        self.observe(now);
        match &mut self.phase {
            Phase::Connecting { socket, opened } if *socket == id => {
                *opened = true;
                true
            }
            _ => REPLACES && self.successor.is_some_and(|(socket, _)| socket == id),
        }
    }

    /// The session stands.
    pub fn established(&mut self, now: Now) {
        self.observe(now);
        let socket = match (self.phase, self.take_successor()) {
            (Phase::Connecting { socket, .. }, _) => socket,
            (Phase::Up(before), Some((socket, since))) => {
                for timer in [Timer::Suspect, Timer::Probe, Timer::ProbeGrace] {
                    self.timers.disarm(timer);
                }
                self.leaving = Some(before);
                self.timers.arm(Timer::Forget, since + OVERLAP_MS);
                self.out.push(Output::Replaced(before));
                socket
            }
            _ => return,
        };
        self.phase = Phase::Up(socket);
        self.timers.disarm(Timer::Connect);
        self.timers.disarm(Timer::ConnectGrace);
        self.timers.arm(Timer::Stable, now.mono + STABLE_MS);
        self.timers.arm(Timer::Idle, now.mono + self.idle);
        self.heartbeat.reset(now.mono);
        self.probing = false;
        self.missed = 0;
        self.suspect = false;
        self.refusals = 0;
        if let Some(lost) = self.lost_at.take() {
            self.out.push(Output::Metric("reconnect", now.mono.saturating_sub(lost)));
        }
        self.show(State::Ready);
    }

    /// A frame came; whether those of this socket count.
    pub fn heard(&mut self, now: Now, id: SocketId) -> bool {
        self.observe(now);
        self.socket() == Some(id)
    }

    /// A request of ours on the current socket was answered after so many milliseconds.
    pub fn answered(&mut self, now: Now, rtt: u64) {
        self.observe(now);
        self.heartbeat.answer(now.mono, rtt);
        self.out.push(Output::Metric("rtt", rtt));
        if self.up().is_none() {
            return;
        }
        self.probing = false;
        self.missed = 0;
        self.timers.disarm(Timer::Probe);
        self.timers.disarm(Timer::ProbeGrace);
        self.timers.arm(Timer::Idle, now.mono + self.idle);
        if self.suspect {
            self.suspect = false;
            self.show(State::Ready);
        }
    }

    /// An answer is waited for that must not be late, or no longer.
    pub fn awaiting(&mut self, now: Now, waiting: bool) {
        self.observe(now);
        if waiting && self.up().is_some() {
            self.timers.arm(Timer::Suspect, now.mono + self.heartbeat.suspect_after());
        } else {
            self.timers.disarm(Timer::Suspect);
        }
    }

    /// The probe that was asked for could not be sent: the line is as good as it was, and probed later.
    pub fn unprobed(&mut self, now: Now) {
        self.observe(now);
        self.probing = false;
        self.timers.disarm(Timer::Probe);
        self.timers.disarm(Timer::ProbeGrace);
        self.timers.arm(Timer::Idle, now.mono + FRESH_MS);
    }

    /// A socket closed; `false` if it was neither in use nor leaving.
    pub fn closed(&mut self, now: Now, id: SocketId, close: Close<'_>) -> bool {
        self.observe(now);
        if self.leaving == Some(id) {
            self.gone(if close.clean { Gone::Clean } else { Gone::Unclean });
            return true;
        }
        if REPLACES && self.successor.take_if(|(socket, _)| *socket == id).is_some() {
            self.timers.disarm(Timer::Connect);
            self.timers.disarm(Timer::ConnectGrace);
            return true;
        }
        if self.socket() != Some(id) {
            return false;
        }
        let opened = !matches!(self.phase, Phase::Connecting { opened: false, .. });
        let reason = Reason::Closed { code: close.code };
        let successor = self.take_successor();
        self.lose(reason);
        self.out.push(Output::Gone(id, if close.clean { Gone::Clean } else { Gone::Unclean }));
        if let Some((socket, since)) = successor {
            // It is on its way already.
            self.phase = Phase::Connecting { socket, opened: false };
            self.timers.arm(Timer::Connect, since + self.connect_ms());
            self.show(State::Connecting { attempt: self.failures + 1 });
            return true;
        }
        match closing::verdict(close.code) {
            Verdict::Policy if self.closed_by_policy() => self.end(now, End::Policy),
            _ if opened => self.retry_later(reason, None),
            _ => self.classify(),
        }
        true
    }

    /// The current connection is of no use: it is closed and tried again, at the earliest after `after` milliseconds.
    pub fn fail(&mut self, now: Now, reason: Reason, after: Option<u64>) {
        self.observe(now);
        if self.abandon(reason) {
            self.retry_later(reason, after);
        }
    }

    /// The service asks for a pause of so many milliseconds.
    pub fn rate_limited(&mut self, now: Now, after: u64) {
        self.observe(now);
        if self.abandon(Reason::Service { code: 429 }) {
            self.failures += 1;
            let wait = after + self.random.between(0, 1_000);
            self.wait(State::Paused { until: Some(now.unix + wait), reason: Pause::RateLimited }, Some(wait));
        }
    }

    /// Another connection of the same visitor pushed this one out.
    pub fn evicted(&mut self, now: Now) {
        self.observe(now);
        if self.abandon(Reason::Closed { code: NORMAL }) {
            let wait = (EVICTED_MS << self.evictions.min(4)).min(EVICTED_MOST_MS);
            self.evictions += 1;
            self.wait(State::Paused { until: Some(now.unix + wait), reason: Pause::Evicted }, Some(wait));
        }
    }

    /// What the look at a refusal found.
    pub fn classified(&mut self, now: Now, verdict: Refused) {
        self.observe(now);
        if self.phase == Phase::Classifying {
            self.classified = Some((now.mono, verdict));
            self.refuse(verdict);
        }
    }

    /// The session is over; only [`Link::start`] leads out of it.
    pub fn end(&mut self, now: Now, reason: End) {
        self.observe(now);
        self.abandon(Reason::Closed { code: NORMAL });
        self.rest(State::Ended { reason });
    }

    /// The visitor has to sign in first.
    pub fn require_auth(&mut self, now: Now) {
        self.observe(now);
        self.abandon(Reason::Service { code: 403 });
        self.rest(State::AuthRequired);
    }

    /// The page wants no connection any more.
    pub fn stop(&mut self, now: Now) {
        self.observe(now);
        self.abandon(Reason::Closed { code: NORMAL });
        self.rest(State::Stopped);
    }

    /// Back to the beginning, as if never started.
    pub fn idle(&mut self, now: Now) {
        self.observe(now);
        self.abandon(Reason::Closed { code: NORMAL });
        self.rest(State::Idle);
        self.phase = Phase::Idle;
    }

    /// The page is being put away or thrown away: what is open is given up at once, and the attempt comes with the
    /// page's return.
    pub fn leave(&mut self, now: Now) {
        self.observe(now);
        let busy = !matches!(self.phase, Phase::Idle | Phase::Final(_));
        self.abandon(Reason::Network);
        if let Some(socket) = self.leaving {
            self.out.push(Output::Forget(socket));
            self.gone(Gone::Unclean);
        }
        if busy {
            self.timers.clear();
            self.set_phase(Phase::Waiting(State::Waiting { attempt: self.failures + 1, retry_at: now.unix, reason: Reason::Network }));
        }
    }

    /// What the page tells of itself; every sign of a wake-up leads to one probe or one early attempt.
    pub fn page(&mut self, now: Now, page: Page) {
        self.observe(now);
        match page {
            Page::Hidden => self.hidden = true,
            Page::Left | Page::Frozen => self.leave(now),
            Page::Visible => {
                self.hidden = false;
                self.wake(now);
            }
            Page::Offline => {
                // It may lie: a socket that answers stays.
                if self.up().is_some() && !self.probing {
                    self.probe(self.probe_ms());
                }
            }
            Page::Resumed | Page::Shown | Page::Focused | Page::Input | Page::Online => self.wake(now),
        }
    }

    /// The moment of [`Link::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Now) {
        self.observe(now);
        while let Some((timer, due)) = self.timers.expire(now.mono) {
            let late = now.mono - due > LATE_MS;
            match timer {
                Timer::Connect if late => self.timers.arm(Timer::ConnectGrace, now.mono + GRACE_MS),
                Timer::Connect | Timer::ConnectGrace if REPLACES && self.up().is_some() => self.drop_successor(),
                Timer::Connect | Timer::ConnectGrace => self.fail(now, Reason::Timeout, None),
                Timer::Retry => self.attempt(),
                Timer::Stable => self.failures = 0,
                Timer::Idle if late => self.wake(now),
                Timer::Idle => self.probe(self.probe_ms()),
                Timer::Suspect if late => self.wake(now),
                Timer::Suspect => {
                    self.suspect = true;
                    self.show(State::Suspect);
                    self.probe(PROBE_MS - HURRY_MS);
                }
                Timer::Probe if late => self.timers.arm(Timer::ProbeGrace, now.mono + GRACE_MS),
                Timer::Probe | Timer::ProbeGrace => self.unanswered(),
                Timer::Forget => {
                    if let Some(socket) = self.leaving {
                        self.out.push(Output::Forget(socket));
                        self.gone(Gone::Unclean);
                    }
                }
            }
        }
    }
}
