//! The presence multiplexer (systems.md, P): up to fifty channels over up to five connections, each update in the order of
//! its channel, to every group of subscribers that wants it.

use super::class::{Answer, Class, Command, Figures};
use super::event::Event;
use super::hub::{Consumer, Hub};
use super::options::{Options, Presets, whole};
use super::queue::{Queue, Waits};
use super::seen::Seen;
use super::timeline::push_element;
use super::webhook::Target;
use super::window::Window;
use crate::core::backoff::Policy;
use crate::core::error::{Code, Refusal};
use crate::core::json::{Document, Object, Value};
use crate::core::link::Deadlines;
use crate::core::machine::{Act, SocketId};
use crate::core::option::wrong;
use crate::core::random::Random;
use crate::core::time;
use crate::core::token::Terms;
use crate::core::url::encode;

const PRESETS: Presets = Presets {
    host: ["region", "api.", ".genesyscloud.com"],
    policy: Policy::Steps { base_ms: 1_000, most_ms: 30_000 },
    attempts: 0,
    deadlines: Deadlines { connect: 15_000, probe: 3_000 },
    idle: 30_000,
    terms: Terms { margin: 60_000, longest: 604_800_000 },
    basic: false,
};
/// So many channels on one connection (P2).
const CHANNELS: usize = 10;
/// So many connections of one client (P3).
const CONNECTIONS: u64 = 5;
/// Two subscribes on one connection are at least so far apart, milliseconds (P7).
const APART_MS: u64 = 2_000;
/// What a channel can tell of.
const TYPES: [&str; 3] = ["presence", "routing", "message"];
/// What a presence can be (P2).
const PRESENCES: [&str; 9] = ["online", "offline", "busy", "away", "meeting", "lunch", "training", "other", "do-not-disturb"];
/// The share that is left of the stability after a hard drop, and of what it misses after so long without one (P6).
const DECAY: f64 = 0.95;
const HEALS_MS: u64 = 10_000;
/// So many updates are remembered, to tell a double.
const REMEMBERS: usize = 10_000;

/// The subscribe was sent.
const ASKED: u8 = 1;

struct Channel {
    id: String,
    /// As it is subscribed to.
    json: String,
}

/// A group of subscribers: a consumer of the page's, or a webhook, by its id.
struct Group {
    id: String,
    channels: Option<Vec<String>>,
    is_webhook: bool,
}

struct Item {
    came: u64,
    channel: usize,
    update: String,
}

/// What one line asked for last.
#[derive(Clone, Copy, Default)]
struct Asked {
    at: Option<u64>,
    /// When it is asked again.
    due: Option<u64>,
}

/// See the module.
pub struct Presence {
    channels: Vec<Channel>,
    connections: usize,
    reorder: u64,
    groups: Vec<Group>,
    window: Window<Item>,
    seen: Seen,
    asked: [Asked; CONNECTIONS as usize],
    updates: u64,
    out_of_order: u64,
    duplicates: u64,
    dispatched: (u64, u64),
    /// What is missing from full stability, and when it was last looked at.
    instability: (f64, u64),
}

/// Reads the options of a multiplexer.
pub fn new(root: Value<'_>, random: Random) -> Result<(Hub, Box<dyn Class>), Refusal> {
    let connections = whole(root, "maxConnections", CONNECTIONS, 1, CONNECTIONS)? as usize;
    let channels = channels(root.get("channels").ok_or(wrong("channels"))?, connections)?;
    let reorder = whole(root, "reorderMs", 500, 0, 60_000)?;
    let lines = channels.len().div_ceil(CHANNELS);
    let class = Presence {
        window: Window::new(reorder, channels.len()),
        channels,
        connections,
        reorder,
        groups: Vec::new(),
        seen: Seen::new(REMEMBERS),
        asked: Default::default(),
        updates: 0,
        out_of_order: 0,
        duplicates: 0,
        dispatched: (0, 0),
        instability: (0.0, 0),
    };
    Ok((Hub::new("presence", Options::read(root, &PRESETS)?, &PRESETS, random, lines), Box::new(class)))
}

/// Reads channels; the shim has named index and value of a wrong one before.
fn channels(list: Value<'_>, connections: usize) -> Result<Vec<Channel>, Refusal> {
    let mut channels: Vec<Channel> = Vec::new();
    for item in list.items() {
        let id = item.string("id").filter(|id| !id.is_empty() && channels.iter().all(|known| known.id != *id)).ok_or(wrong("channels"))?;
        let kind = item.text("type").filter(|kind| TYPES.contains(kind)).ok_or(wrong("channels"))?;
        let config = item.get("config");
        let types = config.and_then(|config| config.get("presenceTypes"));
        let good = types.is_none_or(|types| types.is_array() && types.items().all(|one| one.as_str().is_some_and(|one| PRESENCES.contains(&one))));
        if config.is_some_and(|config| !config.is_object()) || !good {
            return Err(wrong("channels"));
        }
        let json = Object::new().text("id", &id).text("type", kind).raw("config", config.map_or("{}", Value::raw)).end();
        channels.push(Channel { id, json });
    }
    match channels.len() {
        0 => Err(wrong("channels")),
        count if count > connections * CHANNELS => Err(Refusal::field(Code::TOO_MANY_CHANNELS, "channels")),
        _ => Ok(channels),
    }
}

impl Presence {
    /// Everything that a line is for, at once (P2, P8); not sooner than two seconds after the last time.
    fn subscribe(&mut self, hub: &mut Hub, line: usize, socket: SocketId) {
        let now = hub.now.mono;
        let Some(asked) = self.asked.get_mut(line) else { return };
        if let Some(at) = asked.at.map(|at| at + APART_MS).filter(|at| *at > now) {
            asked.due = Some(asked.due.map_or(at, |due| due.max(at)));
            return;
        }
        *asked = Asked { at: Some(now), due: None };
        let mut list = String::from("[");
        for channel in self.channels.iter().skip(line * CHANNELS).take(CHANNELS) {
            push_element(&mut list, &channel.json);
        }
        list.push(']');
        hub.send(socket, Object::new().text("type", "subscribe").raw("channels", &list).end());
    }

    fn answered(&mut self, hub: &mut Hub, line: usize, socket: SocketId, root: Value<'_>) {
        let is_new = hub.step(line, socket).is_some();
        if root.is("status", "success") {
            if is_new {
                hub.established(line);
            }
            return;
        }
        let status = root.int("code").unwrap_or(400);
        let after = root.int("retryAfter").and_then(|seconds| u64::try_from(seconds).ok()).map_or(APART_MS, |seconds| seconds.min(3_600) * 1000);
        let message = root.text("message").unwrap_or_default();
        if status == 429 && !is_new {
            // The connection stands; only the new channels have to wait.
            if let Some(asked) = self.asked.get_mut(line) {
                asked.due = Some(hub.now.mono + after.max(APART_MS));
            }
            return hub.tell(Event::Warning(Code::SUBSCRIPTION_REFUSED, message.to_string()));
        }
        match root.text("channelId").filter(|_| status == 403) {
            Some(channel) => hub.rejected(line, status, Code::CHANNEL_FORBIDDEN, channel, None),
            None => hub.rejected(line, status, Code::SUBSCRIPTION_REFUSED, message, Some(after.max(APART_MS))),
        }
    }

    fn take_in(&mut self, hub: &mut Hub, update: Value<'_>) {
        let id = update.text("channelId").unwrap_or_default();
        let Some(channel) = self.channels.iter().position(|channel| channel.id == id) else {
            // Of a channel that is not asked for any more, or no update at all.
            return if id.is_empty() { hub.unreadable(update.raw()) } else { self.duplicates += 1 };
        };
        if !self.seen.note(update.raw()) {
            self.duplicates += 1;
            return;
        }
        self.updates += 1;
        hub.counters.events += 1;
        let time = update.text("timestamp").and_then(time::parse).unwrap_or_else(|| {
            hub.tell(Event::Warning(Code::TIMESTAMP_UNREADABLE, id.to_string()));
            hub.now.unix as i64
        });
        let item = Item { came: hub.now.mono, channel, update: update.raw().to_string() };
        self.out_of_order += u64::from(self.window.push(hub.now.mono, channel, time, item));
    }

    fn let_go(&mut self, hub: &mut Hub) {
        while let Some(released) = self.window.pop() {
            let item = released.item;
            let Some(channel) = self.channels.get(item.channel) else { continue };
            let body = Object::new().raw("update", &item.update).raw("outOfOrder", if released.late { "true" } else { "false" }).end();
            for group in self.groups.iter().filter(|group| group.channels.as_ref().is_none_or(|wanted| wanted.contains(&channel.id))) {
                if group.is_webhook {
                    if let Some(target) = hub.targets.iter_mut().find(|target| target.id == group.id) {
                        target.push(item.update.clone());
                    }
                } else if let Some(at) = hub.consumers.iter().position(|consumer| consumer.id == group.id) {
                    hub.queue(at, item.came, &channel.id, body.clone());
                }
            }
            hub.queue(0, item.came, &channel.id, body);
        }
    }

    fn register(&mut self, hub: &mut Hub, text: &str) -> Result<Answer, Refusal> {
        let document = Document::parse(text).ok_or(wrong("id"))?;
        let root = document.root();
        let id = root.string("id").filter(|id| !id.is_empty()).ok_or(wrong("id"))?;
        let channels = match root.get("channels") {
            Some(list) if list.is_array() && list.items().all(|item| item.as_str().is_some()) => {
                Some(list.items().filter_map(Value::as_str).map(str::to_string).collect())
            }
            Some(_) => return Err(wrong("channels")),
            None => None,
        };
        self.unregister(hub, &id);
        let url = root.string("url");
        let is_webhook = url.is_some();
        match url {
            Some(url) => hub.targets.push(Target::new(id.clone(), url)),
            None => hub.consumers.push(Consumer { id: id.clone(), queue: Queue::new(hub.options.shape) }),
        }
        hub.audit("GROUP_REGISTERED", &[("group", &id)]);
        self.groups.push(Group { id, channels, is_webhook });
        Ok(Answer::Done)
    }

    fn unregister(&mut self, hub: &mut Hub, id: &str) -> bool {
        let Some(at) = self.groups.iter().position(|group| group.id == id) else { return false };
        let group = self.groups.remove(at);
        if group.is_webhook {
            // The audit log's target comes first and may have any name.
            let first = usize::from(hub.options.audit_url.is_some());
            if let Some(at) = hub.targets.iter().skip(first).position(|target| target.id == id) {
                let request = hub.targets.remove(first + at).abort();
                request.into_iter().for_each(|request| hub.act(Act::Abort(request)));
            }
        } else {
            hub.consumers.retain(|consumer| consumer.id != id);
        }
        hub.audit("GROUP_UNREGISTERED", &[("group", id)]);
        true
    }

    /// Other channels from now on.
    fn replace(&mut self, hub: &mut Hub, text: &str) -> Result<Answer, Refusal> {
        let document = Document::parse(text).ok_or(wrong("channels"))?;
        let channels = channels(document.root(), self.connections)?;
        self.window.flush();
        self.let_go(hub);
        self.window = Window::new(self.reorder, channels.len());
        self.channels = channels;
        let lines = self.channels.len().div_ceil(CHANNELS);
        hub.grow(lines);
        let now = hub.now;
        for line in 0..hub.lines.len() {
            let link = &mut hub.lines[line].link;
            if line >= lines {
                link.idle(now);
            } else if let Some(socket) = link.up() {
                self.subscribe(hub, line, socket);
            } else if hub.wanted {
                link.start(now);
            }
        }
        Ok(Answer::Done)
    }

    /// Stability now: each hard drop costs a twentieth, and each ten seconds without one give back a twentieth of what is missing.
    fn heal(&mut self, now: u64) {
        let (missing, since) = &mut self.instability;
        while *since + HEALS_MS <= now {
            if *missing < 0.0001 {
                (*missing, *since) = (0.0, now);
                break;
            }
            *missing *= DECAY;
            *since += HEALS_MS;
        }
    }
}

impl Class for Presence {
    fn url(&self, hub: &Hub, _line: usize) -> String {
        [&*hub.options.socket, "/api/v2/user/websocket?access_token=", &encode(hub.token())].concat()
    }

    fn opened(&mut self, hub: &mut Hub, line: usize, socket: SocketId) {
        hub.set_step(line, socket, ASKED);
        self.subscribe(hub, line, socket);
    }

    fn frame(&mut self, hub: &mut Hub, line: usize, socket: SocketId, root: Value<'_>) {
        if hub.pong(line, root) {
        } else if root.text("status").is_some() {
            self.answered(hub, line, socket, root);
        } else {
            self.take_in(hub, root);
            self.let_go(hub);
        }
    }

    fn lost(&mut self, hub: &mut Hub, line: usize, is_loss: bool) {
        self.heal(hub.now.mono);
        if is_loss {
            self.instability = (1.0 - (1.0 - self.instability.0) * DECAY, hub.now.mono);
        }
        if let Some(asked) = self.asked.get_mut(line) {
            asked.due = None;
        }
    }

    fn handle_timeout(&mut self, hub: &mut Hub) {
        self.heal(hub.now.mono);
        self.window.handle_timeout(hub.now.mono);
        self.let_go(hub);
        for line in 0..hub.lines.len().min(self.asked.len()) {
            if self.asked[line].due.is_some_and(|due| due <= hub.now.mono) {
                self.asked[line].due = None;
                let waiting = hub.lines[line].step.map(|(socket, _)| socket).or(hub.lines[line].link.up());
                if let Some(socket) = waiting {
                    self.subscribe(hub, line, socket);
                }
            }
        }
    }

    fn poll_timeout(&self) -> Option<u64> {
        self.asked.iter().filter_map(|asked| asked.due).chain(self.window.poll_timeout()).min()
    }

    fn taken(&mut self, _hub: &mut Hub, waits: Waits) {
        self.dispatched.0 += waits.sum;
        self.dispatched.1 += waits.count;
    }

    fn figures(&self, hub: &Hub, figures: &mut Figures) {
        let count = |number: u64| number as f64;
        let (sum, taken) = self.dispatched;
        figures.extend([
            ("total", count(self.updates)),
            ("outOfOrder", count(self.out_of_order)),
            ("duplicates", count(self.duplicates)),
            ("averageDispatchMs", if taken == 0 { 0.0 } else { sum as f64 / taken as f64 }),
            ("stability", 1.0 - self.instability.0),
            ("connections", hub.lines.iter().filter(|line| line.link.up().is_some()).count() as f64),
            ("groups", self.groups.len() as f64),
        ]);
    }

    fn command(&mut self, hub: &mut Hub, command: Command<'_>) -> Result<Answer, Refusal> {
        match command {
            Command::Subscribe(text) => self.replace(hub, text),
            Command::Register(text) => self.register(hub, text),
            Command::Unregister(id) => Ok(Answer::Truth(self.unregister(hub, id))),
            _ => Err(Refusal::new(Code::UNSUPPORTED)),
        }
    }
}
