//! What a stream tells the page.

use crate::core::error::Code;
use crate::core::plain::Members;
use crate::core::state::State;
use serde::{Serialize, Serializer};

/// Names a call of the page that ends later.
pub type Ticket = u32;

/// One thing told.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// The connection's state changed.
    State(State),
    /// A call of the page has ended, well or with this code.
    Done(Ticket, Option<Code>),
    /// A measurement: its name and milliseconds.
    Metric(&'static str, u64),
    /// All figures, every so often.
    Metrics(Vec<(&'static str, f64)>),
    /// There is something to take for this consumer; told once until it was emptied.
    Available(String),
    /// Something that nobody has to act upon at once.
    Warning(Code, String),
    /// Something went wrong that nobody asked for; what the service says about it, if it does.
    Error(Code, String),
    /// A line for the audit log: JSON.
    Audit(String),
    /// How the stream is, as JSON.
    Health(String),
    /// A probe was answered, or was not.
    Probe(Sample),
    /// A limit was crossed.
    Threshold {
        /// Of the round-trip time, or of its jitter.
        latency: bool,
        /// The value, milliseconds.
        value: u64,
        /// The limit, milliseconds.
        limit: u64,
        /// From below, or back.
        over: bool,
    },
    /// An interaction's timeline changed.
    Timeline(String),
    /// The consumer is behind by so many milliseconds.
    Lag(u64),
    /// So many events were dropped since this was last told, and so many in all.
    Dropped(u64, u64),
}

/// One probe of the latency monitor.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sample {
    /// Which probe; none where another connection is listened to.
    pub sequence: Option<u64>,
    /// The round trip, milliseconds; none where the probe was not answered in time.
    pub latency: Option<u64>,
    /// Difference to the round trip before, milliseconds.
    pub jitter: u64,
    /// The same, smoothed (RFC 3550 §6.4.1).
    pub smoothed: u64,
    /// The share of the window within the limit, 0 to 1.
    pub stability: f64,
    /// The server's clock less the visitor's, milliseconds.
    pub offset: Option<i64>,
    /// When, Unix milliseconds.
    pub at: u64,
}

impl Event {
    fn members(&self) -> Members<'_> {
        let mut members = Members::default();
        let name = match self {
            Event::State(_) => "state",
            Event::Done(..) => "done",
            Event::Metric(..) => "metric",
            Event::Metrics(_) => "metrics",
            Event::Available(_) => "available",
            Event::Warning(..) => "warning",
            Event::Error(..) => "error",
            Event::Audit(_) => "audit",
            Event::Health(_) => "health",
            Event::Probe(_) => "probe",
            Event::Threshold { .. } => "threshold",
            Event::Timeline(_) => "timeline",
            Event::Lag(_) => "lag",
            Event::Dropped(..) => "dropped",
        };
        members.text("type", name);
        match self {
            Event::State(state) => members.object("state", state.members()),
            Event::Done(ticket, code) => {
                members.number("ticket", f64::from(*ticket));
                members.maybe_number("code", code.map(|code| i64::from(code.0)));
            }
            Event::Metric(kind, ms) => {
                members.text("kind", kind);
                members.number("ms", *ms as f64);
            }
            Event::Metrics(figures) => figures.iter().for_each(|(name, figure)| members.number(name, *figure)),
            Event::Available(consumer) => members.text("consumer", consumer),
            Event::Warning(code, detail) | Event::Error(code, detail) => {
                members.number("code", f64::from(code.0));
                members.maybe_text("detail", Some(&**detail).filter(|detail| !detail.is_empty()));
            }
            Event::Audit(line) => members.text("line", line),
            Event::Health(body) => members.text("body", body),
            Event::Probe(sample) => {
                let number = |value: u64| value as i64;
                members.maybe_number("sequence", sample.sequence.map(number));
                members.maybe_number("latencyMs", sample.latency.map(number));
                members.number("jitterMs", sample.jitter as f64);
                members.number("smoothedJitterMs", sample.smoothed as f64);
                members.number("stability", sample.stability);
                members.truth("timedOut", sample.latency.is_none());
                members.maybe_number("offsetMs", sample.offset);
                members.number("at", sample.at as f64);
            }
            Event::Threshold { latency, value, limit, over } => {
                members.truth("latency", *latency);
                members.number("value", *value as f64);
                members.number("limit", *limit as f64);
                members.truth("over", *over);
            }
            Event::Timeline(interaction) => members.text("interaction", interaction),
            Event::Lag(ms) => members.number("ms", *ms as f64),
            Event::Dropped(count, total) => {
                members.number("count", *count as f64);
                members.number("total", *total as f64);
            }
        }
        members
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members().serialize(serializer)
    }
}
