//! The interaction event stream (systems.md, I): every event to the page, joins and leaves into timelines.

use super::class::{Answer, Class, Command, Figures};
use super::event::Event;
use super::hub::Hub;
use super::notifications::{Notifications, Outcome, add_topic, joins_and_leaves};
use super::options::{Fields, Presets};
use super::queue::Waits;
use super::seen::Seen;
use super::timeline::{Timelines, is_join, push_element};
use crate::core::backoff::Policy;
use crate::core::error::{Code, Refusal};
use crate::core::http::{Reply, Unreachable};
use crate::core::json::{Document, Object, Value, push_string};
use crate::core::link::Deadlines;
use crate::core::machine::{RequestId, SocketId};
use crate::core::option::{is_made_of, wrong};
use crate::core::time;
use crate::core::timer::NEVER;
use crate::core::token::Terms;

pub(super) const PRESETS: Presets = Presets {
    name: "interactions",
    host: ["region", "api.", ".mypurecloud.com"],
    policy: Policy::Steps { base_ms: 1_000, most_ms: 30_000 },
    attempts: 5,
    deadlines: Deadlines { connect: 15_000, probe: 10_000 },
    idle: 30_000,
    terms: Terms { margin: 300_000, longest: 604_800_000 },
    basic: true,
    attaches: false,
};
/// A replay begins so long before the newest event that was taken in: one that it overtook may have been lost with the line.
const OVERLAP_MS: i64 = 5_000;
/// So much ahead of the service's a visitor's clock may be, where no event has told the service's time yet, milliseconds.
const SKEW_MS: i64 = 60_000;
/// What an interaction can be held over.
const CHANNELS: [&str; 4] = ["voice", "chat", "video", "sms"];

/// So many channels of the notifications service at most.
const CONNECTIONS: usize = 5;
/// The length of an array without elements, which means all.
const EMPTY: usize = "[]".len();

/// Stands between the parts of a key.
const APART: &str = "\u{1f}";

/// The token was sent.
const GREETED: u8 = 1;
/// The filter was sent.
const ASKED: u8 = 2;

/// What is asked for.
#[derive(Clone, Default)]
struct Filter {
    interaction: Option<String>,
    /// A JSON array.
    channels: Option<String>,
}

/// See the module.
pub struct Interactions {
    /// The platform's notifications service in the place of the stream.
    wire: Option<Notifications>,
    /// What the page wants.
    filter: Filter,
    /// What the service has granted last, or what was wanted first.
    granted: Filter,
    /// What was asked for, on which socket, and was not answered yet; in order.
    asked: Vec<(SocketId, Filter)>,
    drop_warning: u64,
    lag: u64,
    seen: Seen,
    timelines: Timelines,
    duplicates: u64,
    /// The newest event that was taken in, milliseconds since the epoch.
    newest: Option<i64>,
    /// The first subscription by the visitor's clock, for as long as no event has come.
    begun: Option<i64>,
}

/// Reads the options of a stream.
pub fn new(root: Value<'_>, hub: &mut Hub) -> Result<Box<dyn Class>, Refusal> {
    let mut fields = Fields::of(root);
    let wire = Notifications::new(root, || topics(root), CONNECTIONS)?;
    let lines = wire.as_ref().map_or(1, Notifications::lines);
    let filter = filter(root)?;
    let class = Interactions {
        wire,
        granted: filter.clone(),
        filter,
        asked: Vec::new(),
        drop_warning: fields.share("dropWarning", 50),
        lag: fields.whole("lagMs", 500, 1, 3_600_000),
        seen: Seen::new(fields.whole("seenEvents", 10_000, 1, 1_000_000) as usize),
        timelines: Timelines::default(),
        duplicates: 0,
        newest: None,
        begun: None,
    };
    fields.end()?;
    hub.use_lines(lines);
    Ok(Box::new(class))
}

/// The conversations of these users and queues.
fn topics(root: Value<'_>) -> Result<Vec<String>, Refusal> {
    let mut topics = Vec::new();
    for (field, before) in [("users", "v2.users."), ("queues", "v2.routing.queues.")] {
        let Some(list) = root.get(field) else { continue };
        for id in list.is_array().then(|| list.items()).ok_or(wrong(field))? {
            let id = id.as_str().filter(|id| is_made_of(id, "-_")).ok_or(wrong(field))?;
            add_topic(&mut topics, [before, id, ".conversations"].concat());
        }
    }
    if topics.is_empty() { Err(wrong("users")) } else { Ok(topics) }
}

fn filter(root: Value<'_>) -> Result<Filter, Refusal> {
    let interaction = match root.get("interaction") {
        Some(id) => Some(id.as_str().filter(|id| !id.is_empty()).ok_or(wrong("interaction"))?.to_string()),
        None => None,
    };
    let channels = match root.get("channels") {
        Some(list) if list.is_array() => {
            let mut array = String::from("[");
            for item in list.items() {
                let channel = item.as_str().filter(|channel| CHANNELS.contains(channel)).ok_or(wrong("channels"))?;
                let mut quoted = String::new();
                push_string(&mut quoted, channel);
                push_element(&mut array, &quoted);
            }
            array.push(']');
            Some(array)
        }
        Some(_) => return Err(wrong("channels")),
        None => None,
    };
    Ok(Filter { interaction, channels })
}

impl Filter {
    /// Whether it lets an event pass. (On the stream the service sees to that.)
    fn admits(&self, event: Value<'_>) -> bool {
        let mut channel = String::new();
        push_string(&mut channel, event.text("channel").unwrap_or_default());
        self.interaction.as_ref().is_none_or(|id| event.is("interaction", id))
            && self.channels.as_ref().is_none_or(|wanted| wanted.len() == EMPTY || wanted.contains(&channel))
    }
}

impl Interactions {
    /// Asks for what the page wants; after a loss also for what came meanwhile.
    fn ask(&mut self, hub: &mut Hub, socket: SocketId) {
        let since = self.newest.or(self.begun).map(|newest| time::format(u64::try_from(newest - OVERLAP_MS).unwrap_or(0)));
        let filter = Object::new()
            .maybe("id", self.filter.interaction.as_deref())
            .maybe_raw("channels", self.filter.channels.as_deref())
            .maybe("since", since.as_deref())
            .end();
        hub.send(socket, Object::new().raw("filter", &filter).end());
        let line = hub.lines.first();
        let in_use = line.map(|line| [line.link.up(), line.step.map(|(socket, _)| socket)]);
        self.asked.retain(|(other, _)| in_use.is_some_and(|sockets| sockets.contains(&Some(*other))));
        self.asked.push((socket, self.filter.clone()));
    }

    /// What was asked for on this socket first has an answer.
    fn answer(&mut self, socket: SocketId) -> Option<Filter> {
        let at = self.asked.iter().position(|(other, _)| *other == socket)?;
        Some(self.asked.remove(at).1)
    }

    fn status(&mut self, hub: &mut Hub, line: usize, socket: SocketId, status: &str, message: &str) {
        match (hub.step(line, socket), status) {
            (Some(GREETED), "connected") => {
                hub.set_step(line, socket, ASKED);
                self.ask(hub, socket);
            }
            (Some(GREETED), _) => hub.rejected(line, 401, Code::REJECTED, message, None),
            // The same once more.
            (_, "connected") => {}
            (step, "subscribed") => {
                if let Some(filter) = self.answer(socket) {
                    self.granted = filter;
                }
                if step == Some(ASKED) {
                    self.begun = self.begun.or(Some(hub.now.unix as i64 - SKEW_MS));
                    hub.established(line);
                }
            }
            (Some(ASKED), _) => hub.rejected(line, 400, Code::SUBSCRIPTION_REFUSED, message, None),
            _ => {
                // Another filter, which the page asked for meanwhile: what was granted before is still in force.
                if self.answer(socket).is_some() && self.asked.is_empty() {
                    self.filter = self.granted.clone();
                }
                hub.fail(Code::SUBSCRIPTION_REFUSED, message);
            }
        }
    }

    fn events(&mut self, hub: &mut Hub, events: Value<'_>) {
        let mut changed = Vec::new();
        for event in events.items() {
            self.take_in(hub, event, &mut changed);
        }
        for interaction in changed {
            hub.tell(Event::Timeline(interaction));
        }
    }

    /// The joins and leaves that a conversation of the notifications service tells of, as far as they are wanted and new.
    fn conversation(&mut self, hub: &mut Hub, body: Value<'_>) {
        let mut changed = Vec::new();
        for event in joins_and_leaves(body) {
            if let Some(document) = Document::parse(&event)
                && self.filter.admits(document.root())
            {
                self.take_in(hub, document.root(), &mut changed);
            }
        }
        changed.into_iter().for_each(|interaction| hub.tell(Event::Timeline(interaction)));
    }

    fn take_in(&mut self, hub: &mut Hub, event: Value<'_>, changed: &mut Vec<String>) {
        if !event.is_object() {
            return hub.unreadable(event.raw());
        }
        let of = |name| event.text(name).unwrap_or_default();
        let (interaction, participant) = (of("interaction"), of("participant"));
        let time = time::parse(of("timestamp"));
        // There are no ids on this wire. One thing happens to one participant in one millisecond once; whatever else is told from
        // its double by all that it says.
        let identity = match (time, is_join(event)) {
            (Some(_), Some(_)) => {
                [of("timestamp"), APART, of("type"), APART, participant, APART, interaction, APART, of("channel"), APART, of("reason")].concat()
            }
            _ => event.raw().to_string(),
        };
        if !self.seen.note(&identity) {
            self.duplicates += 1;
            return;
        }
        hub.counters.events += 1;
        // What is yet to come has not been taken in, whatever an event says.
        self.newest = self.newest.max(time.map(|time| time.min(hub.now.unix as i64)));
        match self.timelines.note(event) {
            Some(read) => {
                if !read {
                    hub.warn(Code::TIMESTAMP_UNREADABLE, interaction);
                }
                if !changed.iter().any(|known| known == interaction) {
                    changed.push(interaction.to_string());
                }
            }
            None if time.is_none() => hub.warn(Code::TIMESTAMP_UNREADABLE, interaction),
            None => {}
        }
        let key = [interaction, APART, participant].concat();
        hub.queue(0, hub.now.mono, &key, event.raw().to_string());
    }
}

impl Class for Interactions {
    fn url(&self, hub: &Hub, line: usize) -> String {
        if let Some(wire) = &self.wire {
            return wire.url(line);
        }
        [&hub.options.socket, "/api/v2/analytics/conversations/stream"].concat()
    }

    fn prepare(&mut self, hub: &mut Hub, line: usize) -> bool {
        self.wire.as_mut().is_none_or(|wire| wire.prepare(hub, line))
    }

    fn opened(&mut self, hub: &mut Hub, line: usize, socket: SocketId) {
        if let Some(wire) = &mut self.wire {
            return wire.stands(hub, line);
        }
        hub.set_step(line, socket, GREETED);
        let greeting = Object::new().text("token", hub.token()).end();
        hub.send(socket, greeting);
    }

    fn frame(&mut self, hub: &mut Hub, line: usize, socket: SocketId, root: Value<'_>) {
        if let Some(wire) = &mut self.wire {
            let Some((_, body)) = wire.read(hub, line, socket, root) else { return };
            return self.conversation(hub, body);
        }
        if hub.pong(line, root) {
            return;
        }
        if let Some(status) = root.text("status") {
            if !hub.late {
                self.status(hub, line, socket, status, root.text("message").unwrap_or_default());
            }
            return;
        }
        if hub.step(line, socket) == Some(GREETED) {
            // I2: what comes first must be the status.
            hub.rejected(line, 401, Code::REJECTED, "", None);
        } else if let Some(events) = root.get("events").filter(|events| events.is_array()) {
            self.events(hub, events);
        } else {
            hub.unreadable(root.raw());
        }
    }

    fn probe(&mut self, hub: &mut Hub, line: usize, socket: SocketId) {
        match &self.wire {
            Some(wire) => wire.probe(hub, line, socket),
            None => hub.ping(line, socket),
        }
    }

    fn lost(&mut self, _hub: &mut Hub, line: usize, _is_loss: bool) {
        if let Some(wire) = &mut self.wire {
            wire.lost(line);
        }
    }

    fn give_up(&mut self, hub: &mut Hub) {
        if let Some(wire) = &mut self.wire {
            wire.give_up(hub);
        }
    }

    fn handle_timeout(&mut self, hub: &mut Hub) {
        if let Some(wire) = &mut self.wire {
            wire.handle_timeout(hub);
        }
    }

    fn poll_timeout(&self) -> u64 {
        self.wire.as_ref().map_or(NEVER, |wire| wire.poll_timeout())
    }

    fn reply(&mut self, hub: &mut Hub, request: RequestId, reply: Result<Reply<'_>, Unreachable>) -> bool {
        let Some(wire) = &mut self.wire else { return false };
        let Some(outcome) = wire.reply(hub, request, reply) else { return false };
        match outcome {
            Outcome::Reverted => self.filter = self.granted.clone(),
            Outcome::Granted => self.granted = self.filter.clone(),
            Outcome::Pending => {}
        }
        true
    }

    fn taken(&mut self, hub: &mut Hub, waits: Waits) {
        if waits.longest > self.lag {
            hub.tell(Event::Lag(waits.longest));
        }
    }

    fn dropped(&mut self, hub: &mut Hub, share: u64) {
        if share > self.drop_warning {
            hub.warn(Code::EVENTS_DROPPED, "");
        }
    }

    fn figures(&self, _hub: &Hub, figures: &mut Figures) {
        let numbers = [self.duplicates, self.timelines.len() as u64, self.seen.len() as u64].map(|number| number as f64);
        figures.add("duplicates interactions seenEvents", &numbers);
    }

    fn command(&mut self, hub: &mut Hub, command: Command<'_>) -> Result<Answer, Refusal> {
        match command {
            Command::Subscribe(text) => {
                let document = Document::parse(text).filter(|document| document.root().is_object()).ok_or(wrong("filter"))?;
                let (root, filter) = (document.root(), filter(document.root())?);
                if let Some(wire) = &mut self.wire {
                    // Whose conversations is asked of the service, and stays where it is not said; the rest is ours.
                    if root.get("users").or(root.get("queues")).is_some() {
                        wire.replace(hub, topics(root)?)?;
                    } else {
                        self.granted = filter.clone();
                    }
                    self.filter = filter;
                    return Ok(Answer::Done);
                }
                self.filter = filter;
                let line = hub.lines.first();
                // Where the token is being looked at still, the filter is yet to be sent.
                let asked = line.and_then(|line| line.step).filter(|(_, step)| *step == ASKED).map(|(socket, _)| socket);
                let up = line.and_then(|line| line.link.up());
                if let Some(socket) = up {
                    self.ask(hub, socket);
                }
                if let Some(socket) = asked {
                    self.ask(hub, socket);
                }
                Ok(Answer::Done)
            }
            Command::Timeline(interaction) => Ok(Answer::Text(self.timelines.json(interaction))),
            Command::Timelines => Ok(Answer::Text(self.timelines.ids())),
            _ => Err(Refusal::new(Code::UNSUPPORTED)),
        }
    }
}
