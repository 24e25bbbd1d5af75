//! A channel's sockets: heartbeats, the answer to a ping, events of topics, and the notice before a drain.

use serde_json::{Value, json};

use super::super::limits::{MINUTE, SECOND};
use super::super::{Output, Platform};
use super::{Role, Socket, Stream, channel_in};
use crate::exchange::ConnectionId;
use crate::url::{Target, encode};

const HEARTBEAT_EVERY: u64 = 30 * SECOND;
/// From the notice of a drain to the close, in milliseconds.
const DRAIN: u64 = MINUTE;

/// What is particular to a socket of a channel.
pub(super) struct Receiver {
    pub(super) channel: String,
    heartbeat: u64,
    /// When a drain closes it.
    closes: Option<u64>,
    /// When the channel's time is up.
    expires: u64,
}

impl Receiver {
    pub(super) fn path(&self) -> String {
        format!("{}{}", Stream::Notifications.path(), encode(&self.channel))
    }

    fn alarm(&self) -> u64 {
        self.closes.unwrap_or(u64::MAX).min(self.heartbeat).min(self.expires)
    }
}

/// A frame about the channel itself.
fn about(topic: &str, message: &str) -> Value {
    json!({ "topicName": topic, "eventBody": { "message": message } })
}

impl Platform {
    /// Who is let in: whoever knows the channel.
    pub(super) fn admit_receiver(&self, target: &Target) -> Result<Socket, (u16, Option<u64>)> {
        let channel = channel_in(&target.path).unwrap_or_default();
        let expires = self.streams.channels.expires(&channel).filter(|expires| *expires > self.now).ok_or((404, None))?;
        let deployment = self.streams.channels.deployment_of(&channel).unwrap_or_default().to_owned();
        let receiver = Receiver { channel, heartbeat: self.now + HEARTBEAT_EVERY, closes: None, expires };
        Ok(Socket { deployment, access: None, alarm: receiver.alarm(), role: Role::Channel(receiver) })
    }

    pub(super) fn hear_receiver(&mut self, id: ConnectionId, frame: &Value) {
        if frame["message"] == "ping" {
            self.stream_frame(id, about("channel.metadata", "pong"));
        }
    }

    /// Does what is due on a socket: a heartbeat, or its end.
    pub(super) fn attend_receiver(&mut self, id: ConnectionId) {
        let now = self.now;
        let Some(Socket { role: Role::Channel(receiver), .. }) = self.streams.sockets.get_mut(&id) else {
            return;
        };
        if receiver.expires <= now {
            let channel = receiver.channel.clone();
            return self.close_channel(&channel);
        }
        if receiver.closes.is_some_and(|at| at <= now) {
            return self.close_stream(id, 1001, "the socket is drained");
        }
        if receiver.heartbeat <= now {
            receiver.heartbeat = now + HEARTBEAT_EVERY;
            self.outputs.push_back(Output::Frame(id, about("channel.metadata", "WebSocket Heartbeat")));
        }
        let next = receiver.alarm();
        self.streams.set_alarm(id, next);
    }

    /// A channel is no more.
    pub(super) fn close_channel(&mut self, channel: &str) {
        let deployment = self.streams.channels.deployment_of(channel).unwrap_or_default().to_owned();
        self.streams.channels.remove(channel);
        for id in self.stream_sockets(&deployment, Stream::Notifications) {
            let is_meant = |socket: &Socket| matches!(&socket.role, Role::Channel(receiver) if receiver.channel == channel);
            if self.streams.sockets.get(&id).is_some_and(is_meant) {
                self.close_stream(id, 1000, "the channel is closed");
            }
        }
    }

    /// Sends an event to the sockets whose channel has its topic. Gives the frames.
    pub(crate) fn notify(&mut self, deployment: &str, topic: &str, event: &Value) -> usize {
        let mut frames = 0;
        for id in self.streams.listeners(deployment, Stream::Notifications) {
            let Some(Socket { role: Role::Channel(receiver), .. }) = self.streams.sockets.get(id) else {
                continue;
            };
            if self.streams.channels.has_topic(&receiver.channel, topic) {
                frames += 1;
                let metadata = json!({ "CorrelationId": self.seed.uuid() });
                let frame = json!({ "topicName": topic, "version": "2", "eventBody": event, "metadata": metadata });
                self.outputs.push_back(Output::Frame(*id, frame));
            }
        }
        frames
    }

    /// Tells the open sockets that they are about to be closed, and closes them after `wait` milliseconds. Gives the frames.
    pub(crate) fn drain_channels(&mut self, deployment: &str, wait: Option<u64>) -> usize {
        let closes = self.now.saturating_add(wait.unwrap_or(DRAIN));
        let sockets = self.stream_sockets(deployment, Stream::Notifications);
        for id in &sockets {
            let Some(Socket { role: Role::Channel(receiver), .. }) = self.streams.sockets.get_mut(id) else {
                continue;
            };
            receiver.closes = Some(closes);
            let next = receiver.alarm();
            self.streams.set_alarm(*id, next);
            self.stream_frame(*id, about("v2.system.socket_closing", "This socket will be closed soon. Connect again."));
        }
        sockets.len()
    }
}
