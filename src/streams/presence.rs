//! The presence multiplexer (systems.md, P): up to fifty channels over up to five connections, each update in the order of
//! its channel, to every group of subscribers that wants it.

use super::class::{Answer, Class, Command, Figures};
use super::hub::{Consumer, Hub};
use super::notifications::{Notifications, Outcome, add_topic, parts, presence};
use super::options::{Fields, Presets};
use super::queue::{Queue, Waits};
use super::seen::Seen;
use super::timeline::push_element;
use super::webhook::Target;
use super::window::{Item, Window};
use crate::core::backoff::Policy;
use crate::core::error::{Code, Refusal};
use crate::core::http::{Reply, Unreachable};
use crate::core::json::{Document, Object, Value, push_string};
use crate::core::link::Deadlines;
use crate::core::machine::{RequestId, SocketId};
use crate::core::option::{is_made_of, wrong};
use crate::core::state::State;
use crate::core::time;
use crate::core::timer::NEVER;
use crate::core::token::Terms;
use crate::core::url::encode;

pub(super) const PRESETS: Presets = Presets {
    name: "presence",
    host: ["region", "api.", ".genesyscloud.com"],
    policy: Policy::Steps { base_ms: 1_000, most_ms: 30_000 },
    attempts: 0,
    deadlines: Deadlines { connect: 15_000, probe: 3_000 },
    idle: 30_000,
    terms: Terms { margin: 60_000, longest: 604_800_000 },
    basic: false,
    attaches: false,
};
/// So many channels on one connection (P2).
const CHANNELS: usize = 10;
/// So many connections of one client (P3).
const CONNECTIONS: u64 = 5;
/// Two subscribes on one connection are at least so far apart, milliseconds (P7).
const APART_MS: u64 = 2_000;
/// What a channel can tell of.
const TYPES: [&str; 3] = ["presence", "routing", "message"];
/// The same as the notifications service calls it, of a user.
const TOPICS: [&str; 3] = ["presence", "routingStatus", "conversations"];
/// So many topics of that service, a thousand on each of five channels.
const MOST_TOPICS: usize = 5_000;
/// What a presence can be (P2).
const PRESENCES: [&str; 9] = ["online", "offline", "busy", "away", "meeting", "lunch", "training", "other", "do-not-disturb"];
/// The share that is left of the stability after a hard drop, and of what it misses after so long without one (P6).
const DECAY: f64 = 0.95;
const HEALS_MS: u64 = 10_000;
/// So long, milliseconds, and so many at most, are remembered what bears no time, to tell what comes over two sockets.
const ECHO_MS: u64 = 15_000;
const ECHOES: usize = 100;
/// So many updates are remembered, to tell a double.
const REMEMBERS: usize = 10_000;

/// The subscribe was sent.
const ASKED: u8 = 1;

struct Channel {
    id: String,
    /// What it tells of, by its place in `TYPES`.
    kind: usize,
    /// Whose.
    user: Option<String>,
    /// Which presences, a JSON array.
    presences: Option<String>,
    /// As it is subscribed to.
    json: String,
}

/// A group of subscribers: a consumer of the page's, or a webhook, by its id.
struct Group {
    id: String,
    channels: Option<Vec<String>>,
    is_webhook: bool,
}

/// What one line asked for last.
#[derive(Clone, Copy, Default)]
struct Asked {
    /// It may not ask sooner: two seconds have to pass, or what the service told.
    not_before: u64,
    /// When it is asked again.
    due: Option<u64>,
    /// On which socket, and for which version of the channels.
    sent: Option<(SocketId, u32)>,
    /// The answer has not come.
    pending: bool,
}

/// See the module.
pub struct Presence {
    /// The platform's notifications service in the place of the multiplexer's own wire.
    wire: Option<Notifications>,
    channels: Vec<Channel>,
    /// Which channels these are: counted up each time that others are wanted.
    version: u32,
    /// Those that were there before, for as long as the service has not granted the present ones.
    before: Option<Vec<Channel>>,
    connections: usize,
    groups: Vec<Group>,
    window: Window<Item>,
    seen: Seen,
    echoes: Vec<(u64, SocketId, String)>,
    asked: [Asked; CONNECTIONS as usize],
    updates: u64,
    out_of_order: u64,
    duplicates: u64,
    unknown: u64,
    dispatched: (u64, u64),
    /// What is missing from full stability, and when it was last looked at.
    instability: (f64, u64),
    /// All lines stand.
    is_stable: bool,
}

/// Reads the options of a multiplexer.
pub fn new(root: Value<'_>, hub: &mut Hub) -> Result<Box<dyn Class>, Refusal> {
    let mut fields = Fields::of(root);
    let connections = fields.whole("maxConnections", CONNECTIONS, 1, CONNECTIONS) as usize;
    let most = if Notifications::are_wanted(root)? { MOST_TOPICS } else { connections * CHANNELS };
    let channels = channels(root.get("channels").ok_or(wrong("channels"))?, most)?;
    let wire = Notifications::new(root, || topics(&channels), connections)?;
    let reorder = fields.whole("reorderMs", 500, 0, 60_000);
    fields.end()?;
    let lines = wire.as_ref().map_or(channels.len().div_ceil(CHANNELS), Notifications::lines);
    let class = Presence {
        wire,
        window: Window::new(reorder, channels.len()),
        channels,
        version: 0,
        before: None,
        connections,
        groups: Vec::new(),
        seen: Seen::new(REMEMBERS),
        echoes: Vec::new(),
        asked: Default::default(),
        updates: 0,
        out_of_order: 0,
        duplicates: 0,
        unknown: 0,
        dispatched: (0, 0),
        instability: (0.0, 0),
        is_stable: false,
    };
    hub.use_lines(lines);
    Ok(Box::new(class))
}

/// Reads channels; the shim has named index and value of a wrong one before.
fn channels(list: Value<'_>, most: usize) -> Result<Vec<Channel>, Refusal> {
    let mut channels: Vec<Channel> = Vec::new();
    for item in list.items() {
        let id = item.string("id").filter(|id| !id.is_empty() && channels.iter().all(|known| known.id != *id)).ok_or(wrong("channels"))?;
        let kind = TYPES.iter().position(|kind| item.is("type", kind)).ok_or(wrong("channels"))?;
        let config = item.get("config");
        let (types, user) = (config.and_then(|config| config.get("presenceTypes")), config.and_then(|config| config.get("userId")));
        let good = types.is_none_or(|types| types.is_array() && types.items().all(|one| one.as_str().is_some_and(|one| PRESENCES.contains(&one))));
        if config.is_some_and(|config| !config.is_object()) || user.is_some_and(|user| user.as_str().is_none()) || !good {
            return Err(wrong("channels"));
        }
        let json = Object::new().text("id", &id).text("type", TYPES[kind]).raw("config", config.map_or("{}", Value::raw)).end();
        let user = user.and_then(Value::as_str).map(str::to_string);
        // An empty list means all, as on the wire.
        let presences = types.filter(|types| types.items().next().is_some()).map(|types| types.raw().to_string());
        channels.push(Channel { id, kind, user, presences, json });
    }
    match channels.len() {
        0 => Err(wrong("channels")),
        count if count > most => Err(Refusal::field(Code::TOO_MANY_CHANNELS, "channels")),
        _ => Ok(channels),
    }
}

/// The place of a group's webhook. The audit log's target comes first and may have the same name.
fn target(hub: &Hub, id: &str) -> Option<usize> {
    let first = usize::from(hub.options.audit_url.is_some());
    hub.targets.iter().skip(first).position(|target| target.id == id).map(|at| first + at)
}

/// What the notifications service calls what the channels tell of; it knows no channel of all users.
fn topics(channels: &[Channel]) -> Result<Vec<String>, Refusal> {
    let mut topics = Vec::new();
    for channel in channels {
        let user = channel.user.as_ref().filter(|user| is_made_of(user, "-_")).ok_or(wrong("channels"))?;
        add_topic(&mut topics, ["v2.users.", user, ".", TOPICS[channel.kind]].concat());
    }
    Ok(topics)
}

impl Presence {
    /// An event of the notifications service, as an update of each channel that it is for.
    fn translate(&mut self, hub: &mut Hub, socket: SocketId, topic: &str, body: Value<'_>) {
        let Some((_, user, what)) = parts(topic) else { return self.unknown += 1 };
        let word = presence(body.get("presenceDefinition").and_then(|definition| definition.text("systemPresence")).unwrap_or_default());
        let timestamp = body.text("modifiedDate").or_else(|| body.get("routingStatus")?.text("startTime"));
        if timestamp.is_none() && self.is_echo(hub.now.mono, socket, [topic, body.raw()].concat()) {
            self.duplicates += 1;
            return;
        }
        let timestamp = timestamp.map_or_else(|| time::format(hub.now.unix), str::to_string);
        let mut quoted = String::new();
        push_string(&mut quoted, word);
        let mut updates = Vec::new();
        for channel in self.channels.iter().filter(|channel| channel.user.as_deref() == Some(user) && TOPICS[channel.kind] == what) {
            if channel.kind == 0 && channel.presences.as_ref().is_some_and(|wanted| !wanted.contains(&quoted)) {
                continue;
            }
            let mut payload = Object::new();
            payload.text("userId", user).maybe("presence", Some(word).filter(|_| channel.kind == 0)).raw("body", body.raw());
            let mut update = Object::new();
            update.text("type", TYPES[channel.kind]).text("channelId", &channel.id).text("timestamp", &timestamp);
            updates.push(update.text("eventType", what).raw("payload", &payload.end()).end());
        }
        for update in updates {
            if let Some(document) = Document::parse(&update) {
                self.take_in(hub, document.root());
            }
        }
    }

    /// Whether the same came over another socket a moment ago: where two stand on a channel it comes over both. What bears a time
    /// is told from its double by that.
    fn is_echo(&mut self, now: u64, socket: SocketId, text: String) -> bool {
        self.echoes.retain(|(at, ..)| at + ECHO_MS > now);
        let echo = self.echoes.iter().position(|(_, other, known)| *other != socket && *known == text);
        match echo {
            Some(at) => drop(self.echoes.remove(at)),
            None => {
                self.echoes.truncate(ECHOES);
                self.echoes.insert(0, (now, socket, text));
            }
        }
        echo.is_some()
    }

    /// Everything that a line is for, at once (P2, P8); not sooner than two seconds after the last time.
    fn subscribe(&mut self, hub: &mut Hub, line: usize, socket: SocketId) {
        let now = hub.now.mono;
        let Some(asked) = self.asked.get_mut(line) else { return };
        if asked.not_before > now {
            asked.due = Some(asked.not_before);
            return;
        }
        (asked.not_before, asked.due) = (now + APART_MS, None);
        (asked.sent, asked.pending) = (Some((socket, self.version)), true);
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
            return self.granted(hub, line, socket, is_new);
        }
        let status = root.int("code").unwrap_or(400);
        let after = root.int("retryAfter").and_then(|seconds| u64::try_from(seconds).ok()).map_or(APART_MS, |seconds| seconds.min(3_600) * 1000);
        let message = root.text("message").unwrap_or_default();
        let is_refused = matches!(status, 400 | 403);
        if let Some(asked) = self.asked.get_mut(line).filter(|_| status == 429 || !(is_new || is_refused)) {
            asked.not_before = asked.not_before.max(hub.now.mono + after.max(APART_MS));
            if !is_new {
                // The connection stands; only the new channels have to wait.
                asked.due = Some(asked.not_before);
                if status == 429 {
                    return hub.warn(Code::SUBSCRIPTION_REFUSED, message);
                }
            }
        }
        let (code, detail) = match root.text("channelId").filter(|_| status == 403) {
            Some(channel) => (Code::CHANNEL_FORBIDDEN, channel),
            None => (Code::SUBSCRIPTION_REFUSED, message),
        };
        match self.before.take_if(|_| is_refused) {
            Some(before) => {
                // Nothing was changed on this connection, so nothing is on any.
                hub.tell_rejected(status, code, detail);
                self.set(hub, before);
                if is_new {
                    self.subscribe(hub, line, socket);
                }
            }
            None => hub.rejected(line, status, code, detail, Some(after.max(APART_MS))),
        }
    }

    /// A line has what it asked for.
    fn granted(&mut self, hub: &mut Hub, line: usize, socket: SocketId, is_new: bool) {
        if is_new {
            hub.established(line);
        }
        let Some(asked) = self.asked.get_mut(line) else { return };
        asked.pending &= asked.sent.is_none_or(|(asked, _)| asked != socket);
        if is_new && asked.sent != Some((socket, self.version)) {
            // Others are wanted meanwhile.
            self.subscribe(hub, line, socket);
        }
        let lines = self.channels.len().div_ceil(CHANNELS);
        let has_all = |asked: &Asked| !asked.pending && asked.due.is_none() && asked.sent.is_some_and(|(_, version)| version == self.version);
        if self.asked.iter().take(lines).all(has_all) {
            self.before = None;
        }
    }

    fn take_in(&mut self, hub: &mut Hub, update: Value<'_>) {
        let id = update.text("channelId").unwrap_or_default();
        let Some(channel) = self.channels.iter().position(|channel| channel.id == id) else {
            // Of a channel that is not asked for any more, or no update at all.
            return if id.is_empty() { hub.unreadable(update.raw()) } else { self.unknown += 1 };
        };
        if !self.seen.note(update.raw()) {
            self.duplicates += 1;
            return;
        }
        self.updates += 1;
        hub.counters.events += 1;
        let time = update.text("timestamp").and_then(time::parse).unwrap_or_else(|| {
            hub.warn(Code::TIMESTAMP_UNREADABLE, id);
            // It stands where it came.
            self.window.newest(channel).unwrap_or(i64::MIN)
        });
        let item = Item { came: hub.now.mono, key: id.to_string(), text: update.raw().to_string(), latency: None };
        self.out_of_order += u64::from(self.window.push(hub.now.mono, channel, time, item));
    }

    fn let_go(&mut self, hub: &mut Hub) {
        for released in self.window.take() {
            let Item { came, key: channel, text: update, .. } = released.item;
            let body = Object::new().raw("update", &update).truth("outOfOrder", released.late).end();
            for group in self.groups.iter().filter(|group| group.channels.as_ref().is_none_or(|wanted| wanted.contains(&channel))) {
                if group.is_webhook {
                    if let Some(at) = target(hub, &group.id) {
                        hub.targets[at].push(update.clone());
                    }
                } else if let Some(at) = hub.consumers.iter().position(|consumer| consumer.id == group.id) {
                    hub.queue(at, came, &channel, body.clone());
                }
            }
            hub.queue(0, came, &channel, body);
        }
    }

    fn register(&mut self, hub: &mut Hub, text: &str) -> Result<Answer, Refusal> {
        let document = Document::parse(text).ok_or(wrong("id"))?;
        let root = document.root();
        let id = root.string("id").filter(|id| !id.is_empty()).ok_or(wrong("id"))?;
        let channels = match root.get("channels") {
            Some(list) if list.is_array() => {
                let mut channels = Vec::new();
                for item in list.items() {
                    channels.push(item.as_str().ok_or(wrong("channels"))?.to_string());
                }
                Some(channels)
            }
            Some(_) => return Err(wrong("channels")),
            None => None,
        };
        let url = match root.get("url") {
            Some(url) => Some(url.as_str().filter(|url| !url.is_empty()).ok_or(wrong("url"))?.to_string()),
            None => None,
        };
        self.unregister(hub, &id);
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
            if let Some(at) = target(hub, id) {
                let request = hub.targets.remove(at).abort();
                hub.abort(request);
            }
        } else {
            hub.remove_consumer(id);
        }
        hub.audit("GROUP_UNREGISTERED", &[("group", id)]);
        true
    }

    /// Other channels from now on.
    fn replace(&mut self, hub: &mut Hub, text: &str) -> Result<Answer, Refusal> {
        let document = Document::parse(text).ok_or(wrong("channels"))?;
        let most = if self.wire.is_some() { MOST_TOPICS } else { self.connections * CHANNELS };
        let channels = channels(document.root(), most)?;
        let stands = hub.stands();
        if let Some(wire) = &mut self.wire {
            wire.replace(hub, topics(&channels)?)?;
        }
        let before = self.set(hub, channels);
        if stands {
            self.before.get_or_insert(before);
        }
        Ok(Answer::Done)
    }

    /// These channels from now on; gives back those before. What is held is let go.
    fn set(&mut self, hub: &mut Hub, channels: Vec<Channel>) -> Vec<Channel> {
        let mut places = Vec::new();
        for channel in &channels {
            places.push(self.channels.iter().position(|known| known.id == channel.id));
        }
        self.window.regroup(&places);
        self.let_go(hub);
        let before = std::mem::replace(&mut self.channels, channels);
        self.version += 1;
        let lines = self.wire.as_ref().map_or(self.channels.len().div_ceil(CHANNELS), Notifications::lines);
        hub.use_lines(lines);
        for line in 0..lines {
            // Where a socket is being made ready still, they are asked for when it is.
            if let (Some(socket), None) = (hub.lines[line].link.up(), &self.wire) {
                self.subscribe(hub, line, socket);
            }
        }
        before
    }

    /// Stability now: each hard drop costs a twentieth, and each ten seconds on which all lines stand give back a twentieth of
    /// what is missing.
    fn heal(&mut self, now: u64) {
        let (missing, since) = &mut self.instability;
        if !self.is_stable {
            *since = now;
        }
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
    fn url(&self, hub: &Hub, line: usize) -> String {
        if let Some(wire) = &self.wire {
            return wire.url(line);
        }
        [&*hub.options.socket, "/api/v2/user/websocket?access_token=", &encode(hub.token())].concat()
    }

    fn prepare(&mut self, hub: &mut Hub, line: usize) -> bool {
        if let Some(wire) = &mut self.wire {
            return wire.prepare(hub, line);
        }
        let until = self.asked.get(line).map_or(0, |asked| asked.not_before);
        // What is only too soon after the last time is over before a socket opens, or soon after.
        let waits = until > hub.now.mono + APART_MS;
        if waits {
            hub.pause(line, until);
        }
        !waits
    }

    fn opened(&mut self, hub: &mut Hub, line: usize, socket: SocketId) {
        if let Some(wire) = &mut self.wire {
            return wire.stands(hub, line);
        }
        hub.set_step(line, socket, ASKED);
        self.subscribe(hub, line, socket);
    }

    fn frame(&mut self, hub: &mut Hub, line: usize, socket: SocketId, root: Value<'_>) {
        if let Some(wire) = &mut self.wire {
            if let Some((topic, body)) = wire.read(hub, line, socket, root) {
                self.translate(hub, socket, topic, body);
                self.let_go(hub);
            }
        } else if hub.pong(line, root) {
        } else if root.text("status").is_some() {
            if !hub.late {
                self.answered(hub, line, socket, root);
            }
        } else {
            self.take_in(hub, root);
            self.let_go(hub);
        }
    }

    fn probe(&mut self, hub: &mut Hub, line: usize, socket: SocketId) {
        match &self.wire {
            Some(wire) => wire.probe(hub, line, socket),
            None => hub.ping(line, socket),
        }
    }

    fn reply(&mut self, hub: &mut Hub, request: RequestId, reply: Result<Reply<'_>, Unreachable>) -> bool {
        let Some(wire) = &mut self.wire else { return false };
        let Some(outcome) = wire.reply(hub, request, reply) else { return false };
        if outcome != Outcome::Pending
            && let Some(before) = self.before.take()
            && outcome == Outcome::Reverted
        {
            self.set(hub, before);
        }
        true
    }

    fn lost(&mut self, hub: &mut Hub, line: usize, is_loss: bool) {
        if let Some(wire) = &mut self.wire {
            wire.lost(line);
        }
        self.heal(hub.now.mono);
        let Some(lost) = hub.lines.get(line) else { return };
        if is_loss && lost.hard {
            self.instability = (1.0 - (1.0 - self.instability.0) * DECAY, hub.now.mono);
        }
        if let Some(asked) = self.asked.get_mut(line).filter(|_| lost.step.is_none()) {
            // Nobody has what was granted over it.
            *asked = Asked { not_before: asked.not_before, ..Asked::default() };
        }
    }

    fn state_changed(&mut self, hub: &mut Hub, state: State) {
        self.heal(hub.now.mono);
        self.is_stable = state == State::Ready;
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
        self.heal(hub.now.mono);
        self.window.handle_timeout(hub.now.mono);
        self.let_go(hub);
        for line in 0..hub.lines.len().min(self.asked.len()) {
            if self.asked[line].due.is_some_and(|due| due <= hub.now.mono) {
                self.asked[line].due = None;
                if let Some(socket) = hub.asked(line, ASKED) {
                    self.subscribe(hub, line, socket);
                }
            }
        }
    }

    fn poll_timeout(&self) -> u64 {
        let wire = self.wire.as_ref().map_or(NEVER, |wire| wire.poll_timeout());
        let mut next = self.window.poll_timeout().unwrap_or(NEVER).min(wire);
        for asked in &self.asked {
            next = next.min(asked.due.unwrap_or(NEVER));
        }
        next
    }

    fn taken(&mut self, _hub: &mut Hub, waits: Waits) {
        self.dispatched.0 += waits.sum;
        self.dispatched.1 += waits.count;
    }

    fn figures(&self, hub: &Hub, figures: &mut Figures) {
        let (sum, taken) = self.dispatched;
        let up = hub.lines.iter().filter(|line| line.link.up().is_some()).count();
        figures.add(
            "total outOfOrder duplicates unknownChannel averageDispatchMs stability connections groups",
            &[
                self.updates as f64,
                self.out_of_order as f64,
                self.duplicates as f64,
                self.unknown as f64,
                if taken == 0 { 0.0 } else { sum as f64 / taken as f64 },
                1.0 - self.instability.0,
                up as f64,
                self.groups.len() as f64,
            ],
        );
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
