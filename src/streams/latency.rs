//! The latency monitor (systems.md, L): probes on a connection of its own, or the round trips of another.

use super::class::{Answer, Class, Command, Figures};
use super::event::{Event, Sample};
use super::hub::Hub;
use super::options::{Fields, Presets};
use super::statistics::{Limits, Statistics};
use crate::core::backoff::Policy;
use crate::core::error::{Code, Refusal};
use crate::core::json::{Object, Value, decimal};
use crate::core::link::Deadlines;
use crate::core::machine::SocketId;
use crate::core::option::is_made_of;
use crate::core::state::Reason;
use crate::core::time;
use crate::core::timer::NEVER;
use crate::core::token::Terms;

/// A token is replaced when it is so old, milliseconds (L7).
const TOKEN_AGE_MS: u64 = 3_000_000;
/// What is left of it then.
const TOKEN_MARGIN_MS: u64 = 60_000;
/// The first frame is no longer than this, bytes (L1).
const LONGEST_FRAME: usize = 65_536;
/// So many probes in a row without an answer, and the connection is replaced (L5).
const TIMEOUTS: u32 = 3;
/// A timer that fires so late was held up by this page, and what it judges is given as long again, milliseconds.
const LATE_MS: u64 = 1_000;
/// Longer round trips of another connection are not believed, milliseconds.
const LONGEST_SAMPLE_MS: u64 = 3_600_000;
/// Clocks that went on by amounts this far apart during a probe tell nothing of the server's, milliseconds.
const CLOCKS_PART_MS: u64 = 50;

pub(super) const PRESETS: Presets = Presets {
    name: "latency",
    host: ["environment", "api.", ""],
    policy: Policy::Full { base_ms: 1_000, most_ms: 30_000 },
    attempts: 0,
    deadlines: Deadlines { connect: 10_000, probe: 3_000 },
    // Its own probes go more often; this is for a line on which none could.
    idle: 60_000,
    terms: Terms { margin: TOKEN_MARGIN_MS, longest: TOKEN_AGE_MS + TOKEN_MARGIN_MS },
    basic: true,
    attaches: true,
};

/// How the server's clock is followed (L4).
struct Drift {
    enabled: bool,
    /// Milliseconds.
    most: i64,
    /// Thousandths.
    factor: u64,
    /// The factor as the page wrote it.
    written: String,
}

struct Probe {
    sequence: u64,
    sent: (u64, u64),
    due: u64,
    /// Its deadline fired late once, and it was given more time.
    graced: bool,
}

/// See the module.
pub struct Latency {
    connection: String,
    interval: u64,
    /// No two probes of one connection are closer than this, milliseconds.
    apart: u64,
    timeout: u64,
    limits: Limits,
    drift: Drift,
    statistics: Statistics,
    sequence: u64,
    /// Oldest first.
    waiting: Vec<Probe>,
    missed: u32,
    socket: Option<SocketId>,
    next: Option<u64>,
    /// When the last probe of this connection was sent.
    last: Option<u64>,
    answered: Option<u64>,
    offset: Option<i64>,
    over: (bool, bool),
}

/// Reads the options of a monitor.
pub fn new(root: Value<'_>, hub: &mut Hub) -> Result<Box<dyn Class>, Refusal> {
    let mut fields = Fields::of(root);
    let limits = Limits {
        latency: fields.whole("maxLatencyMs", 300, 1, 3_600_000),
        jitter: fields.whole("maxJitterMs", 50, 1, 3_600_000),
        window: fields.whole("window", 256, 2, 10_000) as usize,
    };
    // One that listens to another connection has none of its own.
    let attached = fields.truth("attached", false);
    let connection = match root.text("connectionId") {
        Some(id) if (8..=36).contains(&id.len()) && is_made_of(id, "_-") => id,
        _ if attached => "",
        _ => fields.refuse("connectionId", ""),
    };
    let interval = fields.whole("pingIntervalMs", 2_000, 100, 3_600_000);
    let apart = fields.whole("probeFrequencyLimitMs", 1_000.min(interval), 0, 5_000);
    let timeout = fields.whole("timeoutMs", 5_000, 100, 60_000);
    let given = root.get("driftCompensation");
    let mut part = fields.part("driftCompensation");
    if given.is_some_and(|given| !given.is_object()) {
        part.refuse("", ());
    }
    let drift = Drift {
        enabled: part.truth("enabled", true),
        most: part.whole("maxDriftMs", 10, 0, 86_400_000) as i64,
        factor: part.share("adjustFactor", 950),
        written: given.and_then(|given| given.get("adjustFactor")).map_or("0.95", Value::raw).to_string(),
    };
    fields.join(part);
    fields.end()?;
    let interval = interval.max(apart);
    let class = Latency {
        connection: connection.to_string(),
        interval,
        apart,
        timeout,
        limits,
        drift,
        statistics: Statistics::new(limits),
        sequence: 0,
        waiting: Vec::new(),
        missed: 0,
        socket: None,
        next: None,
        last: None,
        answered: None,
        offset: None,
        over: (false, false),
    };
    hub.use_lines(usize::from(!attached));
    // Where probes are far apart, the line is not doubted before three of them could have been missed.
    hub.for_all(|link| link.set_idle(PRESETS.idle.max(interval * (u64::from(TIMEOUTS) + 1) + timeout)));
    Ok(Box::new(class))
}

impl Latency {
    fn subscribe(&self, hub: &Hub) -> String {
        let drift =
            Object::new().truth("enabled", self.drift.enabled).int("maxDriftMs", self.drift.most).raw("adjustFactor", &self.drift.written).end();
        let settings = Object::new().text("pingInterval", &go_duration(self.interval)).raw("driftCompensation", &drift).end();
        Object::new().text("type", "subscribe").text("token", hub.token()).text("connectionId", &self.connection).raw("settings", &settings).end()
    }

    fn send_probe(&mut self, hub: &mut Hub, socket: SocketId) {
        self.sequence += 1;
        let now = hub.now;
        self.waiting.push(Probe { sequence: self.sequence, sent: (now.mono, now.unix), due: now.mono + self.timeout, graced: false });
        (self.last, self.next) = (Some(now.mono), Some(now.mono + self.interval));
        hub.send(socket, Object::new().text("type", "ping").int("sequence", self.sequence as i64).end());
    }

    fn pong(&mut self, hub: &mut Hub, root: Value<'_>) {
        let sequence = root.int("sequence");
        // One that was counted as a timeout, or is of a connection before this one, is not waited for any more.
        let Some(at) = self.waiting.iter().position(|probe| sequence == Some(probe.sequence as i64)) else { return };
        let probe = self.waiting.remove(at);
        self.missed = 0;
        self.answered = Some(probe.sequence);
        let (mono, unix) = probe.sent;
        let (rtt, back) = (hub.now.mono - mono, hub.now.unix);
        if back.abs_diff(unix + rtt) <= CLOCKS_PART_MS
            && let Some(server) = root.get("timestamp").and_then(|time| time.as_str().map_or_else(|| time.as_int(), time::parse))
        {
            // The midpoint of the two readings is when the server read its own.
            self.offset = Some(server.saturating_sub(unix.midpoint(back) as i64));
        }
        if let Some(line) = hub.lines.first_mut() {
            line.link.answered(hub.now, rtt);
        }
    }

    /// What the clock is corrected by (L4): so much of the offset as the factor says, and no more than is allowed.
    fn correction(&self) -> Option<i64> {
        let offset = self.offset.filter(|_| self.drift.enabled)?;
        Some((offset.saturating_mul(self.drift.factor as i64) / 1000).clamp(-self.drift.most, self.drift.most))
    }

    fn tell_sample(&mut self, hub: &mut Hub, sequence: Option<u64>, latency: Option<u64>) {
        let statistics = &self.statistics;
        let jitter = statistics.jitter;
        hub.tell(Event::Probe(Sample {
            sequence,
            latency,
            jitter,
            smoothed: statistics.smoothed_jitter(),
            stability: statistics.stability(),
            offset: self.offset,
            at: hub.now.unix,
        }));
        let Some(rtt) = latency else { return };
        let over = (rtt > self.limits.latency, jitter > self.limits.jitter);
        let before = std::mem::replace(&mut self.over, over);
        if over.0 != before.0 {
            hub.tell(Event::Threshold { latency: true, value: rtt, limit: self.limits.latency, over: over.0 });
        }
        if over.1 != before.1 {
            hub.tell(Event::Threshold { latency: false, value: jitter, limit: self.limits.jitter, over: over.1 });
        }
    }

    fn time_out(&mut self, hub: &mut Hub, sequence: Option<u64>) {
        self.statistics.time_out();
        self.tell_sample(hub, sequence, None);
    }
}

impl Class for Latency {
    fn url(&self, hub: &Hub, _line: usize) -> String {
        [&hub.options.socket, "/v2/analytics/events/realtime"].concat()
    }

    fn opened(&mut self, hub: &mut Hub, line: usize, socket: SocketId) {
        let frame = self.subscribe(hub);
        if frame.len() > LONGEST_FRAME {
            return hub.rejected(line, 400, Code::REJECTED, "the token is too long", None);
        }
        hub.send(socket, frame);
    }

    fn frame(&mut self, hub: &mut Hub, line: usize, socket: SocketId, root: Value<'_>) {
        match root.text("type") {
            Some("subscribed") if hub.step(line, socket).is_some() => {
                hub.established(line);
                self.socket = Some(socket);
                self.send_probe(hub, socket);
            }
            Some("pong") => self.pong(hub, root),
            // What a socket that was given up still says is not about the next attempt.
            Some("error") if hub.step(line, socket).is_some() || self.socket == Some(socket) => {
                let after = root.int("retryAfter").and_then(|seconds| u64::try_from(seconds).ok()).map(|seconds| seconds.min(3_600) * 1000);
                let message = root.text("message").unwrap_or_default();
                let message = match root.text("field") {
                    Some(field) => [message, " (", field, ")"].concat(),
                    None => message.to_string(),
                };
                hub.rejected(line, root.int("status").unwrap_or(401), Code::REJECTED, &message, after);
            }
            // Whatever else it tells is not about latency.
            _ => hub.counters.events += 1,
        }
    }

    fn probe(&mut self, hub: &mut Hub, line: usize, socket: SocketId) {
        let too_soon = |sent: u64| hub.now.mono < sent + self.apart;
        if self.waiting.last().is_some_and(|probe| too_soon(probe.sent.0)) {
            // The answer to that one will do.
            return;
        }
        if self.last.is_some_and(too_soon) {
            return hub.lines[line].link.unprobed(hub.now);
        }
        self.send_probe(hub, socket);
    }

    fn measured(&mut self, hub: &mut Hub, rtt: u64) {
        self.statistics.answer(hub.now.mono, rtt);
        let sequence = self.answered.take();
        self.tell_sample(hub, sequence, Some(rtt));
    }

    fn lost(&mut self, _hub: &mut Hub, _line: usize, _is_loss: bool) {
        // What was asked over it will not be answered, and that is no timeout.
        self.waiting.clear();
        (self.missed, self.next, self.last, self.socket) = (0, None, None, None);
    }

    fn handle_timeout(&mut self, hub: &mut Hub) {
        let now = hub.now.mono;
        while let Some(probe) = self.waiting.first().filter(|probe| probe.due <= now) {
            if now - probe.due > LATE_MS && !probe.graced {
                // This page stood still: the answer may be queued behind the timer. Where timers are throttled they are all late.
                for probe in self.waiting.iter_mut().filter(|probe| probe.due <= now) {
                    (probe.due, probe.graced) = (now + LATE_MS, true);
                }
                break;
            }
            let sequence = probe.sequence;
            self.waiting.remove(0);
            self.missed += 1;
            self.time_out(hub, Some(sequence));
        }
        if self.missed >= TIMEOUTS
            && let Some(line) = hub.lines.first_mut()
        {
            self.missed = 0;
            line.link.fail(hub.now, Reason::Timeout, None);
        } else if let (Some(socket), true) = (self.socket, self.next.is_some_and(|next| next <= now)) {
            self.send_probe(hub, socket);
        }
    }

    fn poll_timeout(&self) -> u64 {
        self.waiting.first().map_or(NEVER, |probe| probe.due).min(self.next.unwrap_or(NEVER))
    }

    fn figures(&self, _hub: &Hub, figures: &mut Figures) {
        let statistics = &self.statistics;
        figures.add(
            "probes answered timeouts jitterMs smoothedJitterMs stability",
            &[
                self.sequence as f64,
                statistics.answered as f64,
                statistics.timeouts as f64,
                statistics.jitter as f64,
                statistics.smoothed_jitter() as f64,
                statistics.stability(),
            ],
        );
        if let Some(last) = statistics.last() {
            figures.add("latencyMs", &[last as f64]);
        }
        if let Some(percentiles) = statistics.percentiles() {
            figures.add("p50Ms p95Ms p99Ms", &percentiles.map(|ms| ms as f64));
        }
        if let Some(offset) = self.offset {
            figures.add("offsetMs", &[offset as f64]);
        }
        if let Some(correction) = self.correction() {
            figures.add("correctionMs", &[correction as f64]);
        }
    }

    fn command(&mut self, hub: &mut Hub, command: Command<'_>) -> Result<Answer, Refusal> {
        match command {
            Command::Sample(Some(rtt)) => self.measured(hub, rtt.min(LONGEST_SAMPLE_MS)),
            Command::Sample(None) => self.time_out(hub, None),
            _ => return Err(Refusal::new(Code::UNSUPPORTED)),
        }
        Ok(Answer::Done)
    }
}

/// A duration as Go writes it: `100ms`, `2s`, `1.5s` (tutorial L). Longer ones are given in seconds, which Go reads too.
fn go_duration(ms: u64) -> String {
    if ms < 1000 {
        return [&decimal(ms), "ms"].concat();
    }
    let thousandths = decimal(1000 + ms % 1000);
    let fraction = thousandths[1..].trim_end_matches('0');
    [&*decimal(ms / 1000), if fraction.is_empty() { "" } else { "." }, fraction, "s"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (ms, text) in [(100, "100ms"), (1_000, "1s"), (1_500, "1.5s"), (2_050, "2.05s"), (60_000, "60s")] {
            assert_eq!(go_duration(ms), text);
        }
    }
}
