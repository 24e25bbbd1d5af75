//! The interaction event stream (systems.md, I): every event to the page, joins and leaves into timelines.

use super::class::{Answer, Class, Command, Figures};
use super::event::Event;
use super::hub::Hub;
use super::notifications::{Notifications, joins_and_leaves};
use super::options::{Options, Presets, share, whole};
use super::queue::Waits;
use super::seen::Seen;
use super::timeline::{Timelines, push_element};
use crate::core::backoff::Policy;
use crate::core::error::{Code, Refusal};
use crate::core::http::{Reply, Unreachable};
use crate::core::json::{Document, Object, Value, push_string};
use crate::core::link::Deadlines;
use crate::core::machine::{RequestId, SocketId};
use crate::core::option::{choice, is_made_of, wrong};
use crate::core::random::Random;
use crate::core::time;
use crate::core::token::Terms;

const PRESETS: Presets = Presets {
    host: ["region", "api.", ".mypurecloud.com"],
    policy: Policy::Steps { base_ms: 1_000, most_ms: 30_000 },
    attempts: 5,
    deadlines: Deadlines { connect: 15_000, probe: 10_000 },
    idle: 30_000,
    terms: Terms { margin: 300_000, longest: 604_800_000 },
    basic: true,
};
/// A replay begins so long before the newest event that was taken in: one that it overtook may have been lost with the line.
const OVERLAP_MS: i64 = 5_000;
/// What an interaction can be held over.
const CHANNELS: [&str; 4] = ["voice", "chat", "video", "sms"];

/// So many channels of the notifications service at most.
const CONNECTIONS: usize = 5;

/// The token was sent.
const GREETED: u8 = 1;
/// The filter was sent.
const ASKED: u8 = 2;

/// What is asked for.
#[derive(Default)]
struct Filter {
    interaction: Option<String>,
    /// A JSON array.
    channels: Option<String>,
}

/// See the module.
pub struct Interactions {
    /// The platform's notifications service in the place of the stream.
    wire: Option<Notifications>,
    filter: Filter,
    drop_warning: u64,
    lag: u64,
    seen: Seen,
    timelines: Timelines,
    duplicates: u64,
    /// The newest event that was taken in, milliseconds since the epoch.
    newest: Option<i64>,
    /// When the stream first stood, by the visitor's clock: where a replay begins as long as nothing was taken in.
    begun: Option<i64>,
}

/// Reads the options of a stream.
pub fn new(root: Value<'_>, random: Random) -> Result<(Hub, Box<dyn Class>), Refusal> {
    let wire = match choice(root, "dialect", &["stream", "notifications"])? {
        0 => None,
        _ => Some(Notifications::new(topics(root)?, CONNECTIONS)?),
    };
    let lines = wire.as_ref().map_or(1, Notifications::lines);
    let class = Interactions {
        wire,
        filter: filter(root)?,
        drop_warning: share(root, "dropWarning", 50)?,
        lag: whole(root, "lagMs", 500, 1, 3_600_000)?,
        seen: Seen::new(whole(root, "seenEvents", 10_000, 1, 1_000_000)? as usize),
        timelines: Timelines::default(),
        duplicates: 0,
        newest: None,
        begun: None,
    };
    Ok((Hub::new("interactions", Options::read(root, &PRESETS)?, &PRESETS, random, lines), Box::new(class)))
}

/// The conversations of these users and queues.
fn topics(root: Value<'_>) -> Result<Vec<String>, Refusal> {
    let mut topics = Vec::new();
    for (field, before) in [("users", "v2.users."), ("queues", "v2.routing.queues.")] {
        for id in root.get(field).iter().flat_map(|list| list.items()) {
            let id = id.as_str().filter(|id| is_made_of(id, "-_")).ok_or(wrong(field))?;
            topics.push([before, id, ".conversations"].concat());
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

impl Interactions {
    /// What is asked for; after a loss also what came meanwhile.
    fn subscribe(&self) -> String {
        let since = self.newest.or(self.begun).and_then(|newest| u64::try_from(newest - OVERLAP_MS).ok()).map(time::format);
        let filter = Object::new()
            .maybe("id", self.filter.interaction.as_deref())
            .maybe_raw("channels", self.filter.channels.as_deref())
            .maybe("since", since.as_deref())
            .end();
        Object::new().raw("filter", &filter).end()
    }

    fn status(&mut self, hub: &mut Hub, line: usize, socket: SocketId, status: &str, message: &str) {
        match (hub.step(line, socket), status) {
            (Some(GREETED), "connected") => {
                hub.set_step(line, socket, ASKED);
                hub.send(socket, self.subscribe());
            }
            (Some(GREETED), _) => hub.rejected(line, 401, Code::REJECTED, message, None),
            (Some(ASKED), "subscribed") => {
                self.begun = self.begun.or(i64::try_from(hub.now.unix).ok());
                hub.established(line);
            }
            (Some(ASKED), _) => hub.rejected(line, 400, Code::SUBSCRIPTION_REFUSED, message, None),
            // The answer to another filter, which the page asked for meanwhile.
            (_, "subscribed") => {}
            _ => hub.tell(Event::Error(Code::SUBSCRIPTION_REFUSED, message.to_string())),
        }
    }

    fn events(&mut self, hub: &mut Hub, root: Value<'_>) {
        let mut changed = Vec::new();
        for event in root.get("events").iter().flat_map(|events| events.items()) {
            self.take_in(hub, event, &mut changed);
        }
        changed.into_iter().for_each(|interaction| hub.tell(Event::Timeline(interaction)));
    }

    fn take_in(&mut self, hub: &mut Hub, event: Value<'_>, changed: &mut Vec<String>) {
        if !event.is_object() {
            return hub.unreadable(event.raw());
        }
        let of = |name| event.text(name).unwrap_or_default();
        let (interaction, participant) = (of("interaction"), of("participant"));
        // There are no ids on this wire. One thing happens to one participant in one millisecond once.
        let identity = [of("timestamp"), of("type"), participant, interaction, of("channel"), of("reason")].join("\u{1f}");
        if !self.seen.note(&identity) {
            self.duplicates += 1;
            return;
        }
        hub.counters.events += 1;
        let time = time::parse(of("timestamp"));
        self.newest = self.newest.max(time);
        match self.timelines.note(event) {
            Some(read) => {
                if !read {
                    hub.tell(Event::Warning(Code::TIMESTAMP_UNREADABLE, interaction.to_string()));
                }
                if !changed.iter().any(|known| known == interaction) {
                    changed.push(interaction.to_string());
                }
            }
            None if time.is_none() => hub.tell(Event::Warning(Code::TIMESTAMP_UNREADABLE, interaction.to_string())),
            None => {}
        }
        let key = [interaction, participant].join("\u{1f}");
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
        if self.wire.is_some() {
            return hub.established(line);
        }
        hub.set_step(line, socket, GREETED);
        let greeting = Object::new().text("token", hub.token()).end();
        hub.send(socket, greeting);
    }

    fn frame(&mut self, hub: &mut Hub, line: usize, socket: SocketId, root: Value<'_>) {
        if let Some(wire) = &self.wire {
            let Some((_, body)) = wire.read(hub, line, root) else { return };
            let events = [r#"{"events":["#, &joins_and_leaves(body).join(","), "]}"].concat();
            let document = Document::parse(&events);
            return document.into_iter().for_each(|document| self.events(hub, document.root()));
        }
        if hub.pong(line, root) {
            return;
        }
        if let Some(status) = root.text("status") {
            return self.status(hub, line, socket, status, root.text("message").unwrap_or_default());
        }
        if root.get("events").is_some_and(|events| events.is_array()) {
            self.events(hub, root);
        } else if hub.step(line, socket) == Some(GREETED) {
            // I2: what comes first must be the status.
            hub.rejected(line, 401, Code::REJECTED, "", None);
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

    fn lost(&mut self, _hub: &mut Hub, line: usize, is_loss: bool) {
        if let Some(wire) = &mut self.wire {
            wire.lost(line, is_loss);
        }
    }

    fn reply(&mut self, hub: &mut Hub, request: RequestId, reply: Result<Reply<'_>, Unreachable>) -> bool {
        self.wire.as_mut().is_some_and(|wire| wire.reply(hub, request, reply))
    }

    fn taken(&mut self, hub: &mut Hub, waits: Waits) {
        if waits.longest > self.lag {
            hub.tell(Event::Lag(waits.longest));
        }
    }

    fn dropped(&mut self, hub: &mut Hub, share: u64) {
        if share > self.drop_warning {
            hub.tell(Event::Warning(Code::EVENTS_DROPPED, String::new()));
        }
    }

    fn figures(&self, _hub: &Hub, figures: &mut Figures) {
        figures.extend([
            ("duplicates", self.duplicates as f64),
            ("interactions", self.timelines.len() as f64),
            ("seenEvents", self.seen.len() as f64),
        ]);
    }

    fn command(&mut self, hub: &mut Hub, command: Command<'_>) -> Result<Answer, Refusal> {
        match command {
            Command::Subscribe(text) => {
                let document = Document::parse(text).ok_or(wrong("filter"))?;
                if let Some(wire) = &mut self.wire {
                    wire.replace(hub, topics(document.root())?)?;
                    hub.use_lines(wire.lines());
                    return Ok(Answer::Done);
                }
                self.filter = filter(document.root())?;
                if let Some(socket) = hub.asked(0, ASKED) {
                    hub.send(socket, self.subscribe());
                }
                Ok(Answer::Done)
            }
            Command::Timeline(interaction) => Ok(Answer::Text(self.timelines.json(interaction))),
            Command::Timelines => Ok(Answer::Text(self.timelines.ids())),
            _ => Err(Refusal::new(Code::UNSUPPORTED)),
        }
    }
}
