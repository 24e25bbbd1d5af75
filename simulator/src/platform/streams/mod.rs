//! The agent-side streams (systems.md L, E, I, P, and the Notifications service): their sockets, from the upgrade to the end, and what they have in common.
//!
//! A socket belongs to the deployment of its access token, known from the upgrade (E, P) or from the first frame (L, I), or to
//! that of its channel.
//! What is sent on a stream is kept per deployment, so that a client that comes back gets what it has missed.

mod channels;
mod conversations;
mod http;
mod interactions;
mod kept;
mod notifications;
mod presence;
mod realtime;
mod stream;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::session_socket::Access;
use super::{Output, Platform};
use crate::exchange::{ConnectionId, HttpRequest, Upgrade};
use crate::protocol::Protocol;
use crate::url::Target;

pub(crate) use presence::Update;
pub(crate) use stream::{Stream, channel_in};

/// Open sockets of one deployment on P.
const PRESENCE_SOCKETS: usize = 5;
/// What a client that has too many sockets is told to wait, in seconds.
const CROWDED_RETRY: u64 = 5;

/// An open socket.
struct Socket {
    deployment: String,
    /// None until the frame with the token has come, and on a channel.
    access: Option<Access>,
    /// When time does something to it: no token has come until then, the token runs out, or something is due on the channel.
    alarm: u64,
    role: Role,
}

/// What is particular to a stream.
enum Role {
    Realtime(realtime::Prober),
    Conversations(conversations::Listener),
    Interactions(interactions::Reader),
    Presence(presence::Subscriber),
    Channel(notifications::Receiver),
}

impl Role {
    fn stream(&self) -> Stream {
        match self {
            Self::Realtime(_) => Stream::Realtime,
            Self::Conversations(_) => Stream::Conversations,
            Self::Interactions(_) => Stream::Interactions,
            Self::Presence(_) => Stream::Presence,
            Self::Channel(_) => Stream::Notifications,
        }
    }
}

/// What one deployment's streams are: who listens, and what was sent.
#[derive(Default)]
struct Feed {
    listeners: BTreeMap<Stream, Vec<ConnectionId>>,
    conversations: conversations::Feed,
    interactions: interactions::Feed,
    presence: presence::Feed,
}

/// All sockets, and every deployment's feed; the empty name stands for tokens that belong to no deployment.
#[derive(Default)]
pub(super) struct Streams {
    sockets: BTreeMap<ConnectionId, Socket>,
    feeds: BTreeMap<String, Feed>,
    channels: channels::Channels,
    alarms: BTreeSet<(u64, ConnectionId)>,
}

impl Streams {
    /// When the next alarm goes off.
    pub(super) fn poll_timeout(&self) -> Option<u64> {
        self.alarms.first().map(|(at, _)| *at)
    }

    fn add(&mut self, id: ConnectionId, socket: Socket) {
        self.alarms.insert((socket.alarm, id));
        if socket.access.is_some() || matches!(socket.role, Role::Channel(_)) {
            self.enlist(id, &socket.deployment, socket.role.stream());
        }
        self.sockets.insert(id, socket);
    }

    fn enlist(&mut self, id: ConnectionId, deployment: &str, stream: Stream) {
        self.feeds.entry(deployment.to_owned()).or_default().listeners.entry(stream).or_default().push(id);
    }

    /// The token of an open socket, again or for the first time.
    fn authorize(&mut self, id: ConnectionId, deployment: String, access: Access) {
        self.unlist(id);
        self.set_alarm(id, access.expires);
        let Some(socket) = self.sockets.get_mut(&id) else {
            return;
        };
        socket.access = Some(access);
        socket.deployment.clone_from(&deployment);
        let stream = socket.role.stream();
        self.enlist(id, &deployment, stream);
    }

    fn set_alarm(&mut self, id: ConnectionId, at: u64) {
        if let Some(socket) = self.sockets.get_mut(&id) {
            self.alarms.remove(&(socket.alarm, id));
            self.alarms.insert((at, id));
            socket.alarm = at;
        }
    }

    fn unlist(&mut self, id: ConnectionId) {
        let Some(socket) = self.sockets.get(&id) else {
            return;
        };
        let listeners = self.feeds.get_mut(&socket.deployment).and_then(|feed| feed.listeners.get_mut(&socket.role.stream()));
        if let Some(listeners) = listeners {
            listeners.retain(|one| *one != id);
        }
    }

    /// Takes a socket out. Its session may come back.
    pub(super) fn remove(&mut self, now: u64, id: ConnectionId) -> bool {
        self.unlist(id);
        let Some(socket) = self.sockets.remove(&id) else {
            return false;
        };
        self.alarms.remove(&(socket.alarm, id));
        if let (Role::Conversations(listener), Some(feed)) = (&socket.role, self.feeds.get_mut(&socket.deployment)) {
            feed.conversations.leave(listener, now);
        }
        true
    }

    /// The open sockets of a deployment on a stream, in the order in which they came.
    fn listeners(&self, deployment: &str, stream: Stream) -> &[ConnectionId] {
        self.feeds.get(deployment).and_then(|feed| feed.listeners.get(&stream)).map_or(&[], Vec::as_slice)
    }

    /// Makes the sockets with one of these tokens go at the next alarm.
    pub(super) fn expire(&mut self, is_meant: impl Fn(&str) -> bool) {
        for (id, socket) in &mut self.sockets {
            if let Some(access) = socket.access.as_mut().filter(|access| is_meant(&access.token)) {
                access.expires = 0;
                self.alarms.remove(&(socket.alarm, *id));
                socket.alarm = 0;
                self.alarms.insert((0, *id));
            }
        }
    }
}

impl Platform {
    /// The upgrade on a stream's path.
    pub(super) fn connect_to_stream(&mut self, id: ConnectionId, stream: Stream, target: &Target, upgrade: &Upgrade) {
        let asked = match stream {
            Stream::Realtime => Ok(self.unauthorized(realtime::PATIENCE, Role::Realtime(realtime::Prober::default()))),
            Stream::Interactions => Ok(self.unauthorized(interactions::PATIENCE, Role::Interactions(interactions::Reader::default()))),
            Stream::Conversations => self.admit_listener(target),
            Stream::Presence => self.admit_subscriber(target, upgrade),
            Stream::Notifications => self.admit_receiver(target),
        };
        match asked {
            Ok(socket) => {
                self.outputs.push_back(Output::Accept(id));
                self.streams.add(id, socket);
                if stream == Stream::Conversations {
                    self.resume_conversations(id);
                }
            }
            Err((status, retry_after)) => self.outputs.push_back(Output::Refuse(id, status, retry_after)),
        }
    }

    fn unauthorized(&self, patience: u64, role: Role) -> Socket {
        Socket { deployment: String::new(), access: None, alarm: self.now + patience, role }
    }

    fn authorized(deployment: String, access: Access, role: Role) -> Socket {
        Socket { deployment, alarm: access.expires, access: Some(access), role }
    }

    /// The deployment of a token, or the status that says what is wrong with it.
    fn admit_token(&self, token: &str) -> Result<(String, Access), u16> {
        let expires = self.access.good_until(token, self.now).ok_or(401u16)?;
        let deployment = self.access.deployment_of(token).unwrap_or_default().to_owned();
        if deployment.starts_with("refused") {
            return Err(403);
        }
        Ok((deployment, Access { token: token.to_owned(), expires }))
    }

    /// Whether one more socket of a deployment on a stream would be one too many: the seconds to wait.
    fn crowded(&self, deployment: &str, stream: Stream) -> Option<u64> {
        let settings = self.settings.of(deployment);
        let most = match stream {
            Stream::Conversations => settings.stream_connections as usize,
            Stream::Presence if settings.limits => PRESENCE_SOCKETS,
            _ => return None,
        };
        (self.streams.listeners(deployment, stream).len() >= most).then_some(CROWDED_RETRY)
    }

    /// The deployment that an upgrade or a request on a stream's path belongs to, as far as its token tells.
    pub(crate) fn stream_deployment(&self, target: &Target, authorization: Option<&str>) -> Option<String> {
        if let Some(channel) = channel_in(&target.path) {
            return self.streams.channels.deployment_of(&channel).filter(|id| !id.is_empty()).map(str::to_owned);
        }
        let token = http::token_of(target, authorization)?;
        self.access.deployment_of(&token).map(str::to_owned)
    }

    /// The deployment of the access token that was given out last.
    pub(crate) fn newest_token_deployment(&self) -> Option<&str> {
        self.access.newest_deployment()
    }

    /// The deployment that a request without an upgrade on a stream's path is about.
    pub(super) fn stream_deployment_asked(&self, request: &HttpRequest, target: &Target) -> Option<String> {
        let is_meant = Stream::at(&target.path).is_some() || channels::is_call(&target.path);
        is_meant.then(|| self.stream_deployment(target, request.header("authorization"))).flatten()
    }

    /// The deployment of the token in a frame.
    pub(crate) fn stream_deployment_in(&self, frame: &str) -> Option<String> {
        let frame: Value = serde_json::from_str(frame).ok()?;
        self.access.deployment_of(frame.get("token")?.as_str()?).map(str::to_owned)
    }

    /// A frame on a stream's socket; `false` if it is none. What comes of one that has ended is not heard any more.
    pub(super) fn hear_stream(&mut self, id: ConnectionId, text: &str) -> bool {
        let Some(socket) = self.streams.sockets.get(&id) else {
            return false;
        };
        let frame: Option<Value> = serde_json::from_str(text).ok().filter(Value::is_object);
        let stream = socket.role.stream();
        if stream == Stream::Realtime {
            self.hear_prober(id, text.len(), frame);
            return true;
        }
        if stream == Stream::Interactions && socket.access.is_none() {
            self.hear_stranger(id, frame);
            return true;
        }
        self.note_heard(id);
        match frame {
            Some(frame) if stream == Stream::Notifications => self.hear_receiver(id, &frame),
            Some(frame) if frame["type"] == "ping" => self.stream_frame(id, pong(&frame)),
            Some(frame) if stream == Stream::Interactions => self.hear_reader(id, &frame),
            Some(frame) if stream == Stream::Presence => self.hear_subscriber(id, &frame),
            _ => {}
        }
        true
    }

    fn stream_frame(&mut self, id: ConnectionId, frame: Value) {
        self.outputs.push_back(Output::Frame(id, frame));
    }

    /// Closes a socket from our side, after what was sent on it.
    fn close_stream(&mut self, id: ConnectionId, code: u16, reason: &str) {
        if self.streams.remove(self.now, id) {
            self.outputs.push_back(Output::Close(id, code, reason.to_owned()));
        }
    }

    /// Closes the sockets whose time is up: their token has not come, or has expired. Does what is due on channels.
    pub(super) fn ring_alarms(&mut self) {
        while self.streams.poll_timeout().is_some_and(|at| at <= self.now) {
            let Some((_, id)) = self.streams.alarms.pop_first() else {
                return;
            };
            match self.streams.sockets.get(&id) {
                Some(Socket { role: Role::Channel(_), .. }) => self.attend_receiver(id),
                Some(Socket { access: Some(_), .. }) => self.close_stream(id, 1008, "token expired"),
                Some(Socket { role: Role::Interactions(_), .. }) => self.reject_reader(id, "no token came in time"),
                _ => self.close_stream(id, 1008, "no subscription came in time"),
            }
        }
    }

    /// Closes the sockets of a deployment, or all, and forgets what was sent.
    pub(super) fn reset_streams(&mut self, deployment: Option<&str>) {
        let is_meant = |one: &str| deployment.is_none_or(|id| one == id);
        let meant: Vec<ConnectionId> = self.streams.sockets.iter().filter(|(_, socket)| is_meant(&socket.deployment)).map(|(id, _)| *id).collect();
        for id in meant {
            self.close_stream(id, 1000, "");
        }
        self.streams.feeds.retain(|id, _| !is_meant(id));
        self.streams.channels.reset(deployment);
    }

    /// Whether a connection is an open socket of a stream.
    pub(crate) fn stream_protocol(&self, id: ConnectionId) -> Option<Protocol> {
        self.streams.sockets.contains_key(&id).then_some(Protocol::Stream)
    }

    /// The open sockets of a deployment on a stream.
    pub(crate) fn stream_sockets(&self, deployment: &str, stream: Stream) -> Vec<ConnectionId> {
        self.streams.listeners(deployment, stream).to_vec()
    }

    /// What every open socket is subscribed to now.
    pub(crate) fn describe_streams(&self, deployment: Option<&str>) -> Value {
        let meant = self.streams.sockets.iter().filter(|(_, socket)| deployment.is_none_or(|id| socket.deployment == id));
        meant
            .map(|(id, socket)| {
                let path = match &socket.role {
                    Role::Channel(receiver) => receiver.path(),
                    role => role.stream().path().to_owned(),
                };
                let mut shown = json!({ "connection": id.0, "path": path });
                if !socket.deployment.is_empty() {
                    shown["deploymentId"] = socket.deployment.as_str().into();
                }
                match &socket.role {
                    Role::Realtime(prober) => prober.describe(&mut shown),
                    Role::Conversations(listener) => listener.describe(&mut shown),
                    Role::Interactions(reader) => reader.describe(&mut shown),
                    Role::Presence(subscriber) => subscriber.describe(&mut shown),
                    Role::Channel(receiver) => shown["topics"] = self.streams.channels.topics_of(&receiver.channel),
                }
                shown
            })
            .collect()
    }
}

/// The answer to `{"type":"ping"}`; a sequence number comes back.
fn pong(ping: &Value) -> Value {
    let mut pong = json!({ "type": "pong" });
    if let Some(sequence) = ping.get("sequence") {
        pong["sequence"] = sequence.clone();
    }
    pong
}
