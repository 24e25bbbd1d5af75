//! The platform's notifications service, the second wire of interactions and presence: channels made by requests, topics
//! subscribed to by requests, and a socket for each channel on which everything comes.

use super::hub::Hub;
use super::options::Fields;
use super::timeline::push_element;
use crate::core::error::{Code, Refusal};
use crate::core::http::{Body, Method, Reply, Request, Unreachable};
use crate::core::json::{Document, Object, Value};
use crate::core::link::Unprepared;
use crate::core::machine::{Act, RequestId, SocketId};
use crate::core::state::Reason;
use crate::core::timer::NEVER;
use crate::core::url::encode;
use std::ops::{Deref, DerefMut};

/// So many topics of one channel.
const TOPICS: usize = 1_000;
/// How long a request may take, milliseconds.
const REQUEST_MS: u32 = 10_000;
const CHANNELS: &str = "/api/v2/notifications/channels";

/// A request that failed while the socket stands is made again after this, doubling, milliseconds …
const AGAIN_MS: u64 = 2_000;
/// … so often.
const DOUBLINGS: u32 = 5;
/// Where a second socket did not come up before a drain, another is tried after this, milliseconds. (A drain leaves a minute.)
const REPLACE_AGAIN_MS: u64 = 5_000;

/// What is under way for a channel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It is being made.
    Create,
    /// Its topics are being set.
    Subscribe,
}

/// What an answer led to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There is more to come.
    Pending,
    /// All topics that are wanted are set.
    Granted,
    /// The service refused some: those before are wanted again.
    Reverted,
}

/// One channel, that of the line with the same place.
#[derive(Default)]
struct Channel {
    topics: Vec<String>,
    /// Its id and the address of its socket.
    made: Option<(String, String)>,
    /// The request, and the token that it was made with, named by when it was to be replaced.
    request: Option<(RequestId, Step, Option<u64>)>,
    /// Its topics are to be set: others are wanted, or nobody knows whether it is there still.
    is_stale: bool,
    /// A socket of it has stood.
    is_proven: bool,
    /// When its topics are set again, and how often that has failed.
    again: Option<u64>,
    failures: u32,
    /// The socket that the service is about to close, and when another second socket is tried.
    drained: Option<(SocketId, u64)>,
}

/// The channels of one stream. Where this wire was left out there can be none, and what would be done with them goes with it.
pub struct Notifications(Permitted);

#[cfg(feature = "notifications")]
type Permitted = Channels;
#[cfg(not(feature = "notifications"))]
type Permitted = std::convert::Infallible;

/// What [`Notifications`] is where it can be.
pub struct Channels {
    channels: Vec<Channel>,
    most: usize,
    /// The topics that were there before, for as long as the service has not granted the present ones.
    before: Option<Vec<String>>,
}

impl Deref for Notifications {
    type Target = Channels;
    fn deref(&self) -> &Channels {
        #[cfg(feature = "notifications")]
        return &self.0;
        #[cfg(not(feature = "notifications"))]
        match self.0 {}
    }
}

impl DerefMut for Notifications {
    fn deref_mut(&mut self) -> &mut Channels {
        #[cfg(feature = "notifications")]
        return &mut self.0;
        #[cfg(not(feature = "notifications"))]
        match self.0 {}
    }
}

impl Channels {
    #[cfg(feature = "notifications")]
    fn with(mut self, topics: Vec<String>) -> Result<Notifications, Refusal> {
        self.spread(topics)?;
        Ok(Notifications(self))
    }

    fn spread(&mut self, topics: Vec<String>) -> Result<(), Refusal> {
        let needed = topics.len().div_ceil(TOPICS);
        if needed > self.most {
            return Err(Refusal::field(Code::TOO_MANY_CHANNELS, "channels"));
        }
        self.channels.resize_with(needed.max(self.channels.len()), Channel::default);
        let mut topics = topics.into_iter();
        for channel in &mut self.channels {
            channel.topics = topics.by_ref().take(TOPICS).collect();
            channel.is_stale = true;
        }
        Ok(())
    }
}

impl Notifications {
    /// Whether the options ask for this wire. Where it was left out that is refused.
    pub fn are_wanted(root: Value<'_>) -> Result<bool, Refusal> {
        let mut fields = Fields::of(root);
        match fields.choice("dialect", &["stream", "notifications"]) {
            0 => fields.end().map(|()| false),
            _ if cfg!(feature = "notifications") => Ok(true),
            _ => Err(Refusal::field(Code::UNSUPPORTED, "dialect")),
        }
    }

    /// Channels for these topics, so many at most, if the options ask for them.
    pub fn new(root: Value<'_>, topics: impl FnOnce() -> Result<Vec<String>, Refusal>, most: usize) -> Result<Option<Notifications>, Refusal> {
        #[cfg(feature = "notifications")]
        if Notifications::are_wanted(root)? {
            return Channels { channels: Vec::new(), most, before: None }.with(topics()?).map(Some);
        }
        let _ = (topics, most);
        Notifications::are_wanted(root).map(|_| None)
    }

    /// How many lines that takes.
    pub fn lines(&self) -> usize {
        self.channels.iter().filter(|channel| !channel.topics.is_empty()).count()
    }

    /// The address of a line's socket.
    pub fn url(&self, line: usize) -> String {
        self.channels.get(line).and_then(|channel| channel.made.as_ref()).map_or(String::new(), |(_, url)| url.clone())
    }

    /// Other topics from now on. Where no socket stands they are set before one does.
    pub fn replace(&mut self, hub: &mut Hub, topics: Vec<String>) -> Result<(), Refusal> {
        let before = self.channels.iter().flat_map(|channel| channel.topics.clone()).collect();
        self.spread(topics)?;
        if hub.stands() {
            self.before.get_or_insert(before);
        }
        hub.use_lines(self.lines());
        for line in 0..self.lines() {
            self.refresh(hub, line);
        }
        Ok(())
    }

    /// Sees to it that the line's channel is there and has its topics.
    pub fn prepare(&mut self, hub: &mut Hub, line: usize) -> bool {
        let Some(channel) = self.channels.get(line) else { return false };
        match (&channel.made, channel.request) {
            (_, Some(_)) => false,
            (Some(_), None) if !channel.is_stale => true,
            (Some(_), None) => {
                self.subscribe(hub, line);
                false
            }
            (None, None) => {
                let url = [&hub.options.api, CHANNELS].concat();
                self.fetch(hub, line, Step::Create, Method::Post, url, "{}".into());
                false
            }
        }
    }

    /// The line's socket stands.
    pub fn stands(&mut self, hub: &mut Hub, line: usize) {
        hub.established(line);
        if let Some(channel) = self.channels.get_mut(line) {
            channel.is_proven = true;
        }
        self.refresh(hub, line);
    }

    /// Sets the topics of a channel whose socket stands, if they are others.
    fn refresh(&mut self, hub: &mut Hub, line: usize) {
        let stands = hub.lines.get(line).is_some_and(|line| line.link.up().is_some());
        let Some(channel) = self.channels.get_mut(line).filter(|channel| stands && channel.is_stale) else { return };
        channel.again = None;
        if hub.has_token(line) {
            self.subscribe(hub, line);
        } else {
            channel.again = Some(hub.now.mono + AGAIN_MS);
        }
    }

    fn subscribe(&mut self, hub: &mut Hub, line: usize) {
        let Some(channel) = self.channels.get_mut(line) else { return };
        let Some((id, _)) = &channel.made else { return };
        let url = [&*hub.options.api, CHANNELS, "/", &encode(id), "/subscriptions"].concat();
        let mut body = String::from("[");
        for topic in &channel.topics {
            push_element(&mut body, &Object::new().text("id", topic).end());
        }
        body.push(']');
        channel.is_stale = false;
        self.fetch(hub, line, Step::Subscribe, Method::Put, url, body);
    }

    fn fetch(&mut self, hub: &mut Hub, line: usize, step: Step, method: Method, url: String, text: String) {
        let id = hub.request_id();
        let Some(channel) = self.channels.get_mut(line) else { return };
        if let Some((earlier, ..)) = channel.request.replace((id, step, hub.tokens.renew_at())) {
            hub.act(Act::Abort(earlier));
        }
        let body = Some(Body { kind: "application/json", text });
        let authorization = hub.authorization();
        hub.act(Act::Fetch(id, Request { method, url, authorization, cookies: false, body, timeout_ms: REQUEST_MS }));
    }

    /// An answer; `None` if it is to another's request.
    pub fn reply(&mut self, hub: &mut Hub, id: RequestId, reply: Result<Reply<'_>, Unreachable>) -> Option<Outcome> {
        let waits = |channel: &Channel| channel.request.is_some_and(|(request, ..)| request == id);
        let line = self.channels.iter().position(waits)?;
        let may_revert = self.before.is_some();
        let (channel, up) = (self.channels.get_mut(line)?, hub.lines.get(line)?.link.up());
        let (_, step, token) = channel.request.take()?;
        match (step, reply) {
            (Step::Subscribe, Ok(Reply { status: 404, .. })) => {
                self.make_anew(hub, line);
                return Some(Outcome::Pending);
            }
            (Step::Subscribe, Ok(Reply { status: status @ (400 | 403), body, .. })) if may_revert => {
                hub.tell_rejected(status.into(), Code::SUBSCRIPTION_REFUSED, body);
                self.revert(hub, line);
                return Some(Outcome::Reverted);
            }
            _ => {}
        }
        if !hub.granted(line, token, reply) {
            channel.is_stale = true;
            // What is refused now will be refused again.
            if up.is_some() && !matches!(reply, Ok(Reply { status: 400 | 403, .. })) {
                let told = reply.ok().and_then(|reply| reply.retry_after_ms());
                channel.again = Some(hub.now.mono + (AGAIN_MS << channel.failures.min(DOUBLINGS)).max(told.unwrap_or(0)));
                channel.failures += 1;
            }
            return Some(Outcome::Pending);
        }
        channel.failures = 0;
        if step == Step::Create {
            let body = reply.map_or("", |reply| reply.body);
            channel.made = Document::parse(body).and_then(|document| {
                let root = document.root();
                let url = root.string("connectUri").filter(|url| url.starts_with("ws"))?;
                Some((root.string("id")?, url))
            });
            channel.is_stale = true;
        }
        if channel.made.is_none() {
            hub.lines[line].link.unprepared(hub.now, Unprepared::Later(Reason::Refused, None));
        } else if self.prepare(hub, line) {
            hub.lines[line].link.prepared(hub.now);
        }
        if self.channels.iter().any(|channel| !channel.topics.is_empty() && (channel.is_stale || channel.request.is_some())) {
            return Some(Outcome::Pending);
        }
        self.before = None;
        Some(Outcome::Granted)
    }

    /// The topics before are set again, everywhere: what was refused to one channel may have been granted to another.
    fn revert(&mut self, hub: &mut Hub, refused: usize) {
        let Some(before) = self.before.take() else { return };
        // They have fitted before.
        let _ = self.replace(hub, before);
        self.before = None;
        for line in 0..self.lines() {
            let is_asking = self.channels[line].request.is_some_and(|(_, step, _)| step == Step::Subscribe);
            if (line == refused || is_asking) && hub.lines[line].link.is_preparing() {
                self.subscribe(hub, line);
            }
        }
    }

    /// The service does not know the channel any more.
    fn make_anew(&mut self, hub: &mut Hub, line: usize) {
        let Some(channel) = self.channels.get_mut(line) else { return };
        (channel.made, channel.is_stale) = (None, true);
        // One that was there and is gone is made anew at once; where none ever comes to stand that would not end.
        let was_there = std::mem::take(&mut channel.is_proven);
        let (now, link) = (hub.now, &mut hub.lines[line].link);
        if link.up().is_some() {
            link.fail(now, Reason::Service { code: 404 }, None);
        } else if link.is_preparing() && was_there {
            self.prepare(hub, line);
        } else {
            link.unprepared(now, Unprepared::Later(Reason::Refused, None));
        }
    }

    /// A line is no longer in use. Setting the topics again tells whether its channel is there still.
    pub fn lost(&mut self, line: usize) {
        if let Some(channel) = self.channels.get_mut(line) {
            (channel.is_stale, channel.again, channel.drained) = (true, None, None);
        }
    }

    /// Nobody waits for an answer any more.
    pub fn give_up(&mut self, hub: &mut Hub) {
        for channel in &mut self.channels {
            (channel.is_stale, channel.again, channel.drained) = (true, None, None);
            if let Some((request, ..)) = channel.request.take() {
                hub.act(Act::Abort(request));
            }
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, hub: &mut Hub) {
        let now = hub.now;
        for line in 0..self.channels.len().min(hub.lines.len()) {
            if self.channels[line].again.is_some_and(|at| at <= now.mono) {
                self.refresh(hub, line);
            }
            let (channel, link) = (&mut self.channels[line], &mut hub.lines[line].link);
            if let Some((socket, _)) = channel.drained.take_if(|(_, at)| *at <= now.mono)
                && link.up() == Some(socket)
            {
                channel.drained = Some((socket, now.mono + REPLACE_AGAIN_MS));
                link.replace(now);
            }
        }
    }

    /// When something is due; [`NEVER`] where nothing is.
    pub fn poll_timeout(&self) -> u64 {
        let mut next = NEVER;
        for channel in &self.channels {
            next = next.min(channel.again.unwrap_or(NEVER)).min(channel.drained.map_or(NEVER, |(_, at)| at));
        }
        next
    }

    /// Asks for a sign of life.
    pub fn probe(&self, hub: &mut Hub, line: usize, socket: SocketId) {
        hub.ask(line, socket, r#"{"message":"ping"}"#.into());
    }

    /// The topic and the body of a frame; `None` for one that is about the channel itself.
    pub fn read<'a>(&mut self, hub: &mut Hub, line: usize, socket: SocketId, root: Value<'a>) -> Option<(&'a str, Value<'a>)> {
        let (Some(topic), Some(body)) = (root.text("topicName"), root.get("eventBody")) else {
            hub.unreadable(root.raw());
            return None;
        };
        match topic {
            "channel.metadata" if body.is("message", "pong") => hub.answered(line, None),
            "channel.metadata" => {}
            // A minute before it goes: a second socket on the same channel takes its place.
            "v2.system.socket_closing" => {
                let (now, link) = (hub.now, &mut hub.lines[line].link);
                if let Some(channel) = self.channels.get_mut(line).filter(|_| link.up() == Some(socket)) {
                    channel.drained = Some((socket, now.mono + REPLACE_AGAIN_MS));
                    link.replace(now);
                }
            }
            _ => return Some((topic, body)),
        }
        None
    }
}

/// Puts a topic in its place, once. (They are kept in order, not sorted: sorting is more code.)
pub fn add_topic(topics: &mut Vec<String>, topic: String) {
    if let Err(at) = topics.binary_search(&topic) {
        topics.insert(at, topic);
    }
}

/// `v2.users.{id}.{what}` and the like, taken apart: the kind of thing, its id, what is told of it.
pub fn parts(topic: &str) -> Option<(&str, &str, &str)> {
    let rest = topic.strip_prefix("v2.")?;
    let (before, what) = rest.rsplit_once('.')?;
    let (kind, id) = before.rsplit_once('.')?;
    Some((kind, id, what))
}

/// A presence of the platform as the multiplexer's own wire names it.
pub fn presence(system: &str) -> &'static str {
    match system {
        "AVAILABLE" | "ON_QUEUE" => "online",
        "OFFLINE" => "offline",
        "BUSY" => "busy",
        "AWAY" | "IDLE" | "BREAK" => "away",
        "MEETING" => "meeting",
        "MEAL" => "lunch",
        "TRAINING" => "training",
        _ => "other",
    }
}

/// The joins and leaves that a conversation, as it stands, tells of, as events of the interaction stream.
pub fn joins_and_leaves(conversation: Value<'_>) -> Vec<String> {
    const MEDIA: [(&str, &str); 4] = [("calls", "voice"), ("chats", "chat"), ("videos", "video"), ("messages", "sms")];
    let mut events = Vec::new();
    let interaction = conversation.text("id").unwrap_or_default();
    for participant in conversation.get("participants").iter().flat_map(|list| list.items()) {
        for (media, channel) in MEDIA {
            for leg in participant.get(media).iter().flat_map(|list| list.items()) {
                for (time, kind, reason) in
                    [("connectedTime", "ParticipantJoined", None), ("disconnectedTime", "ParticipantLeft", leg.text("disconnectType"))]
                {
                    if let Some(timestamp) = leg.text(time) {
                        let mut event = Object::new();
                        event.text("timestamp", timestamp).text("type", kind).text("participant", participant.text("id").unwrap_or_default());
                        event.text("interaction", interaction).text("channel", channel).maybe("reason", reason);
                        events.push(event.end());
                    }
                }
            }
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_says_what_of_whom() {
        assert_eq!(parts("v2.users.u-1.presence"), Some(("users", "u-1", "presence")));
        assert_eq!(parts("v2.routing.queues.q-1.conversations"), Some(("routing.queues", "q-1", "conversations")));
        assert_eq!(parts("channel.metadata"), None);
    }

    #[test]
    fn a_conversation_as_it_stands_tells_who_joined_and_left() {
        let text = r#"{"id":"c","participants":[
            {"id":"p1","purpose":"customer","calls":[{"id":"l1","state":"connected","connectedTime":"2026-01-01T10:00:00.000Z"}]},
            {"id":"p2","purpose":"agent","chats":[{"id":"l2","state":"disconnected","connectedTime":"2026-01-01T10:00:05.000Z",
              "disconnectedTime":"2026-01-01T10:01:00.000Z","disconnectType":"transfer"}]}]}"#;
        let events = joins_and_leaves(Document::parse(text).unwrap().root());
        let expected = [
            r#"{"timestamp":"2026-01-01T10:00:00.000Z","type":"ParticipantJoined","participant":"p1","interaction":"c","channel":"voice"}"#,
            r#"{"timestamp":"2026-01-01T10:00:05.000Z","type":"ParticipantJoined","participant":"p2","interaction":"c","channel":"chat"}"#,
            r#"{"timestamp":"2026-01-01T10:01:00.000Z","type":"ParticipantLeft","participant":"p2","interaction":"c","channel":"chat","reason":"transfer"}"#,
        ];
        assert_eq!(events, expected);
    }
}
