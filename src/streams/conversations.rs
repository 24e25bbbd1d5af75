//! Conversation events (systems.md, E): each once, in the order of their time, late ones marked.

use super::class::{Class, Figures};
use super::event::Event;
use super::hub::Hub;
use super::options::{Fields, Presets};
use super::seen::Seen;
use super::webhook::Target;
use super::window::{Item, Window};
use crate::core::backoff::Policy;
use crate::core::error::{Code, Refusal};
use crate::core::json::{Object, Value, decimal};
use crate::core::link::Deadlines;
use crate::core::machine::SocketId;
use crate::core::option::wrong;
use crate::core::state::State;
use crate::core::time;
use crate::core::timer::NEVER;
use crate::core::token::Terms;
use crate::core::url::encode;

pub(super) const PRESETS: Presets = Presets {
    name: "conversations",
    host: ["domain", "", ""],
    policy: Policy::Full { base_ms: 1_000, most_ms: 30_000 },
    attempts: 0,
    deadlines: Deadlines { connect: 10_000, probe: 3_000 },
    idle: 30_000,
    // E1: a safety margin of 30 s, and refreshed before a connection when 60 s or less are left of the rest.
    terms: Terms { margin: 90_000, longest: 604_800_000 },
    basic: false,
    attaches: false,
};
/// Longer filters are refused, bytes: they stand in a URL.
const LONGEST_FILTER: usize = 4_096;
/// The health target's place among the webhooks, by name.
const HEALTH: &str = "health";

/// See the module.
pub struct Conversations {
    session: String,
    filter: String,
    seen: Seen,
    window: Window<Item>,
    duplicates: u64,
    late: u64,
    out_of_order: u64,
    /// Of the newest event, milliseconds.
    latency: i64,
}

/// Reads the options of a stream.
pub fn new(root: Value<'_>, hub: &mut Hub) -> Result<Box<dyn Class>, Refusal> {
    let filter = match root.get("filter") {
        Some(filter) => filter.as_str().filter(|filter| filter.len() <= LONGEST_FILTER).ok_or(wrong("filter"))?,
        None => "",
    };
    let mut fields = Fields::of(root);
    let hold = fields.whole("holdMs", 250, 0, 60_000);
    let class = Conversations {
        session: hub.random.uuid(),
        filter: filter.to_string(),
        seen: Seen::new(fields.whole("seenIds", 10_000, 1, 1_000_000) as usize),
        window: Window::new(hold, 1),
        duplicates: 0,
        late: 0,
        out_of_order: 0,
        latency: 0,
    };
    fields.end()?;
    hub.use_lines(1);
    if let Some(health) = root.get("health") {
        let url = health.string("url").filter(|url| !url.is_empty()).ok_or(wrong("health"))?;
        hub.targets.push(Target::new(HEALTH.into(), url));
    }
    Ok(Box::new(class))
}

impl Conversations {
    fn take_in(&mut self, hub: &mut Hub, event: Value<'_>) {
        if !event.is_object() {
            return hub.unreadable(event.raw());
        }
        // Without an id nothing can be told from its double but by all that it says.
        let id = event.text("id").filter(|id| !id.is_empty()).unwrap_or(event.raw());
        if !self.seen.note(id) {
            self.duplicates += 1;
            return;
        }
        hub.counters.events += 1;
        let read = event.text("timestamp").and_then(time::parse);
        let time = read.unwrap_or_else(|| {
            // It stands behind what came before it.
            hub.warn(Code::TIMESTAMP_UNREADABLE, "");
            self.window.newest(0).unwrap_or_default()
        });
        let latency = read.map(|time| (hub.now.unix as i64).saturating_sub(time).max(0));
        self.latency = latency.unwrap_or(self.latency);
        let key = event.get("data").and_then(|data| data.text("conversationId")).unwrap_or(id).to_string();
        let item = Item { came: hub.now.mono, key, text: event.raw().to_string(), latency };
        self.out_of_order += u64::from(self.window.push(hub.now.mono, 0, time, item));
    }

    fn let_go(&mut self, hub: &mut Hub) {
        for released in self.window.take() {
            self.late += u64::from(released.late);
            let mut body = Object::new();
            body.raw("event", &released.item.text).truth("late", released.late);
            if let Some(latency) = released.item.latency {
                body.int("latencyMs", latency);
            }
            hub.queue(0, released.item.came, &released.item.key, body.end());
        }
    }

    fn tell_health(&mut self, hub: &mut Hub, status: &str) {
        let counters = &hub.counters;
        let (_, dropped) = hub.dropped();
        // What is known to be missing, of all that came: frames that nobody could read, events that nobody took in time, and
        // for each loss of the connection one.
        let missing = counters.unreadable + dropped + counters.losses;
        let thousandths = (missing * 1000).checked_div(missing + counters.events).unwrap_or(0);
        let rate = [if thousandths >= 1000 { "1." } else { "0." }, &decimal(1000 + thousandths % 1000)[1..]].concat();
        let body = Object::new()
            .text("sessionId", &self.session)
            .text("status", status)
            .int("reconnectionLatencyMs", counters.gap as i64)
            .raw("packetLossRate", &rate)
            .int("eventLatencyMs", self.latency)
            .text("timestamp", &time::format(hub.now.unix))
            .end();
        if let Some(target) = hub.targets.iter_mut().find(|target| target.id == HEALTH) {
            target.push(body.clone());
        }
        hub.tell(Event::Health(body));
    }
}

impl Class for Conversations {
    fn url(&self, hub: &Hub, _line: usize) -> String {
        let parts = ["/api/v2/analytics/conversations/events?access_token=", &encode(hub.token()), "&session_id=", &self.session];
        [&hub.options.socket, &parts.concat(), "&filter=", &encode(&self.filter)].concat()
    }

    fn opened(&mut self, hub: &mut Hub, line: usize, _socket: SocketId) {
        hub.established(line);
    }

    fn frame(&mut self, hub: &mut Hub, line: usize, _socket: SocketId, root: Value<'_>) {
        if hub.pong(line, root) {
            return;
        }
        if root.is_array() {
            root.items().for_each(|event| self.take_in(hub, event));
        } else {
            self.take_in(hub, root);
        }
        self.let_go(hub);
    }

    fn state_changed(&mut self, hub: &mut Hub, state: State) {
        let status = match state {
            State::Ready => "connected",
            State::Waiting { .. } | State::Offline | State::Paused { .. } => "reconnecting",
            State::Ended { .. } | State::AuthRequired | State::Stopped => {
                // Nothing that would have to come before them will come.
                self.window.flush();
                self.let_go(hub);
                "disconnected"
            }
            _ => return,
        };
        self.tell_health(hub, status);
    }

    fn handle_timeout(&mut self, hub: &mut Hub) {
        self.window.handle_timeout(hub.now.mono);
        self.let_go(hub);
    }

    fn poll_timeout(&self) -> u64 {
        self.window.poll_timeout().unwrap_or(NEVER)
    }

    fn figures(&self, _hub: &Hub, figures: &mut Figures) {
        let (held, seen, latency) = (self.window.len() as u64, self.seen.len() as u64, self.latency as u64);
        let numbers = [self.duplicates, self.out_of_order, self.late, held, seen, latency].map(|number| number as f64);
        figures.add("duplicates outOfOrder late held seenIds eventLatencyMs", &numbers);
    }
}
