//! I, the interaction events' socket (systems.md I2 to I4): a token, then a filter, which may be replaced; text and binary frames.

use serde_json::{Value, json};

use super::super::limits::{MINUTE, SECOND};
use super::super::{Output, Platform};
use super::kept::{Kept, Sent};
use super::{Role, Socket, Stream};
use crate::calendar;
use crate::exchange::ConnectionId;

/// How long the token may take to come, in milliseconds (I2).
pub(super) const PATIENCE: u64 = 15 * SECOND;
/// How far back a subscription can reach, in milliseconds.
const RETENTION: u64 = 10 * MINUTE;
/// How many events of the past come in one frame.
const TOGETHER: usize = 100;
/// What a filter can name (I3).
const CHANNELS: [&str; 4] = ["voice", "chat", "video", "sms"];

/// What a subscription asks for.
struct Filter {
    interaction: Option<String>,
    /// None: all.
    channels: Vec<String>,
    /// Unix milliseconds.
    since: Option<u64>,
    shown: Value,
}

impl Filter {
    fn parse(filter: &Value) -> Result<Self, String> {
        if !filter.is_object() {
            return Err("filter is an object".into());
        }
        let member = |name: &str| filter.get(name).filter(|value| !value.is_null());
        let text = |name: &str| member(name).map(|value| value.as_str().ok_or(format!("filter.{name} is text"))).transpose();
        let mut channels = Vec::new();
        if let Some(value) = member("channels") {
            for (at, channel) in value.as_array().ok_or("filter.channels is a list")?.iter().enumerate() {
                let known = channel.as_str().filter(|name| CHANNELS.contains(name));
                channels.push(known.ok_or_else(|| format!("filter.channels[{at}] {channel} is none of {}", CHANNELS.join(", ")))?.to_owned());
            }
        }
        let since = match text("since")? {
            Some(time) => Some(calendar::parse(time).ok_or("filter.since is no timestamp")?),
            None => None,
        };
        Ok(Self { interaction: text("id")?.map(str::to_owned), channels, since, shown: filter.clone() })
    }

    fn admits(&self, event: &Value) -> bool {
        let is = |name: &str, wanted: &str| event.get(name).and_then(Value::as_str) == Some(wanted);
        self.interaction.as_deref().is_none_or(|id| is("interaction", id))
            && (self.channels.is_empty() || self.channels.iter().any(|channel| is("channel", channel)))
    }
}

/// What is particular to a socket of this stream.
#[derive(Default)]
pub(super) struct Reader {
    /// None until it has subscribed.
    filter: Option<Filter>,
    /// Frames with events so far.
    frames: u64,
}

impl Reader {
    pub(super) fn describe(&self, shown: &mut Value) {
        if let Some(filter) = &self.filter {
            shown["filter"] = filter.shown.clone();
        }
    }

    /// A frame with events; every so many is a binary one.
    fn frame(&mut self, id: ConnectionId, events: Vec<Value>, binary_every: u64) -> Output {
        self.frames += 1;
        let frame = json!({ "events": events });
        if binary_every > 0 && self.frames.is_multiple_of(binary_every) { Output::Binary(id, frame) } else { Output::Frame(id, frame) }
    }
}

/// What was sent in one deployment.
#[derive(Default)]
pub(super) struct Feed {
    kept: Kept,
}

/// The time that an event bears, or where that cannot be read, the one at which it was sent.
fn time_of(sent: &Sent) -> u64 {
    sent.event.get("timestamp").and_then(Value::as_str).and_then(calendar::parse).unwrap_or(sent.at)
}

impl Platform {
    /// The first frame, which holds the token.
    pub(super) fn hear_stranger(&mut self, id: ConnectionId, frame: Option<Value>) {
        match frame.as_ref().and_then(|frame| frame.get("token")).and_then(Value::as_str) {
            Some(token) => self.authorize_reader(id, token),
            None => self.reject_reader(id, "the first frame has a token"),
        }
    }

    fn authorize_reader(&mut self, id: ConnectionId, token: &str) {
        match self.admit_token(token) {
            Ok((deployment, access)) => {
                self.streams.authorize(id, deployment, access);
                self.stream_frame(id, json!({ "status": "connected" }));
            }
            Err(403) => self.reject_reader(id, "this client may not listen here"),
            Err(_) => self.reject_reader(id, "the token is unknown or has expired"),
        }
    }

    pub(super) fn reject_reader(&mut self, id: ConnectionId, message: &str) {
        self.stream_frame(id, json!({ "status": "error", "message": message }));
        self.close_stream(id, 1008, message);
    }

    pub(super) fn hear_reader(&mut self, id: ConnectionId, frame: &Value) {
        if let Some(token) = frame.get("token").and_then(Value::as_str) {
            return self.authorize_reader(id, token);
        }
        let Some(filter) = frame.get("filter") else {
            return;
        };
        match Filter::parse(filter) {
            Ok(filter) => self.subscribe_reader(id, filter),
            Err(message) => self.stream_frame(id, json!({ "status": "error", "message": message })),
        }
    }

    /// The new filter takes the place of the old one. What has been comes again, if that is asked for.
    fn subscribe_reader(&mut self, id: ConnectionId, filter: Filter) {
        let Some(Socket { deployment, role: Role::Interactions(reader), .. }) = self.streams.sockets.get_mut(&id) else {
            return;
        };
        self.outputs.push_back(Output::Frame(id, json!({ "status": "subscribed" })));
        let settings = self.settings.of(deployment);
        if let (Some(since), true, Some(feed)) = (filter.since, settings.stream_replay, self.streams.feeds.get(deployment)) {
            let is_meant = |sent: &Sent| sent.at + RETENTION >= self.now && time_of(sent) >= since && filter.admits(&sent.event);
            let past: Vec<Value> = feed.interactions.kept.since(0).filter(|(_, sent)| is_meant(sent)).map(|(_, sent)| sent.event.clone()).collect();
            for part in past.chunks(TOGETHER) {
                self.outputs.push_back(reader.frame(id, part.to_vec(), settings.binary_every));
            }
        }
        reader.filter = Some(filter);
    }

    /// Sends events through each socket's filter: each in a frame of its own, or all in one. Gives the frames.
    pub(crate) fn emit_interactions(&mut self, deployment: &str, events: Vec<Value>, together: bool) -> usize {
        let binary_every = self.settings.of(deployment).binary_every;
        let feed = self.streams.feeds.entry(deployment.to_owned()).or_default();
        let mut frames = 0;
        for id in feed.listeners.get(&Stream::Interactions).map_or(&[][..], Vec::as_slice) {
            let Some(Socket { role: Role::Interactions(reader), .. }) = self.streams.sockets.get_mut(id) else {
                continue;
            };
            let Some(filter) = &reader.filter else {
                continue;
            };
            let admitted: Vec<Value> = events.iter().filter(|event| filter.admits(event)).cloned().collect();
            let size = if together { admitted.len().max(1) } else { 1 };
            for part in admitted.chunks(size) {
                frames += 1;
                self.outputs.push_back(reader.frame(*id, part.to_vec(), binary_every));
            }
        }
        for event in events {
            feed.interactions.kept.push(self.now, event);
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_an_interaction_channels_or_nothing() {
        let event = json!({ "type": "ParticipantJoined", "interaction": "i1", "channel": "voice" });
        for (filter, admitted) in [
            (json!({}), true),
            (json!({ "id": null, "channels": [] }), true),
            (json!({ "id": "i1" }), true),
            (json!({ "id": "i2" }), false),
            (json!({ "channels": ["chat", "voice"] }), true),
            (json!({ "channels": ["chat"] }), false),
            (json!({ "id": "i1", "channels": ["chat"] }), false),
        ] {
            assert_eq!(Filter::parse(&filter).unwrap().admits(&event), admitted, "{filter}");
        }
        assert!(!Filter::parse(&json!({ "channels": ["voice"] })).unwrap().admits(&json!({ "type": "x" })));
    }

    #[test]
    fn a_bad_filter_is_told_what_is_wrong_with_it() {
        let reason = |filter: Value| Filter::parse(&filter).err().unwrap_or_default();
        assert!(reason(json!({ "channels": ["voice", "fax"] })).contains("channels[1] \"fax\""));
        assert!(reason(json!({ "channels": "voice" })).contains("list"));
        assert!(reason(json!({ "id": 7 })).contains("id"));
        assert!(reason(json!({ "since": "yesterday" })).contains("since"));
        assert!(reason(json!([])).contains("object"));
    }
}
