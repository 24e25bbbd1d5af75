//! P, the presence socket (systems.md P1, P2, P7): channels, replaced as a whole, and the updates on them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::limits::SECOND;
use super::super::{Output, Platform};
use super::{Role, Socket, Stream, http};
use crate::calendar;
use crate::exchange::{ConnectionId, Upgrade};
use crate::url::Target;

/// Channels on one socket (P2).
const CHANNELS: usize = 10;
/// The least time between two subscriptions on one socket, in milliseconds, and in seconds for the answer (P7).
const SUBSCRIBE_EVERY: u64 = RETRY_AFTER * SECOND;
const RETRY_AFTER: u64 = 2;
const TYPES: [&str; 3] = ["presence", "routing", "message"];
const PRESENCES: [&str; 9] = ["online", "offline", "busy", "away", "meeting", "lunch", "training", "other", "do-not-disturb"];

/// A channel that a socket has subscribed to.
struct Channel {
    id: String,
    kind: String,
    /// None: of everyone.
    user: Option<String>,
    /// None: whatever it is.
    presences: Option<Vec<String>>,
    shown: Value,
}

impl Channel {
    fn parse(at: usize, channel: &Value) -> Result<Self, String> {
        let id = channel["id"].as_str().filter(|id| !id.is_empty()).ok_or(format!("channels[{at}].id is missing"))?;
        let kind = channel["type"].as_str().unwrap_or_default();
        if !TYPES.contains(&kind) {
            return Err(format!("channels[{at}].type {} is none of {}", channel["type"], TYPES.join(", ")));
        }
        let config = channel.get("config").unwrap_or(&Value::Null);
        let mut presences = None;
        if let Some(listed) = config.get("presenceTypes").filter(|listed| !listed.is_null()).filter(|_| kind == "presence") {
            let listed = listed.as_array().ok_or(format!("channels[{at}].config.presenceTypes is no list"))?;
            let known = |one: &Value| one.as_str().filter(|name| PRESENCES.contains(name)).map(str::to_owned);
            let unknown = |one: &Value| format!("channels[{at}].config.presenceTypes {one} is none of {}", PRESENCES.join(", "));
            let listed: Result<Vec<String>, String> = listed.iter().map(|one| known(one).ok_or_else(|| unknown(one))).collect();
            presences = Some(listed?).filter(|listed| !listed.is_empty());
        }
        let user = config.get("userId").and_then(Value::as_str).map(str::to_owned);
        Ok(Self { id: id.to_owned(), kind: kind.to_owned(), user, presences, shown: channel.clone() })
    }

    /// Whether an update that names no channel belongs here.
    fn admits(&self, update: &Update) -> bool {
        update.kind() == self.kind
            && self.user.as_deref().is_none_or(|user| update.user() == Some(user))
            && self.presences.as_ref().is_none_or(|listed| update.presence().is_some_and(|presence| listed.iter().any(|one| one == presence)))
    }

    /// Whether an update is for this channel.
    fn gets(&self, update: &Update) -> bool {
        match &update.channel {
            Some(id) => *id == self.id,
            None => self.admits(update),
        }
    }

    fn frame(&self, update: &Update) -> Value {
        json!({
            "type": self.kind,
            "channelId": self.id,
            "timestamp": update.timestamp,
            "eventType": update.event,
            "payload": update.payload,
        })
    }
}

/// An update, before it is known which channels get it.
#[derive(Clone)]
pub(crate) struct Update {
    /// The one channel that it is for; without, it is for all that it fits.
    pub(crate) channel: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) timestamp: String,
    pub(crate) event: Value,
    pub(crate) payload: Value,
}

impl Update {
    fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or("presence")
    }

    fn user(&self) -> Option<&str> {
        self.payload.get("userId").and_then(Value::as_str)
    }

    fn presence(&self) -> Option<&str> {
        self.payload.get("presence").and_then(Value::as_str)
    }

    /// Under what the newest of its like is kept.
    fn place(&self) -> Place {
        let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
        match &self.channel {
            Some(id) => Place::Channel(id.clone()),
            None => Place::Fitting(self.kind().to_owned(), owned(self.user()), owned(self.presence())),
        }
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Channel(String),
    /// By type, user and presence: what a channel can tell apart.
    Fitting(String, String, String),
}

/// The newest updates of one deployment.
#[derive(Default)]
pub(super) struct Feed {
    newest: BTreeMap<Place, Newest>,
    sent: u64,
}

struct Newest {
    /// The time it bears, and its number among those of the same time.
    rank: (u64, u64),
    update: Update,
}

impl Feed {
    fn keep(&mut self, now: u64, update: &Update) {
        self.sent += 1;
        let rank = (calendar::parse(&update.timestamp).unwrap_or(now), self.sent);
        let place = update.place();
        if self.newest.get(&place).is_none_or(|newest| newest.rank <= rank) {
            self.newest.insert(place, Newest { rank, update: update.clone() });
        }
    }

    fn newest_of(&self, channel: &Channel) -> Option<&Update> {
        self.newest.values().filter(|newest| channel.gets(&newest.update)).max_by_key(|newest| newest.rank).map(|newest| &newest.update)
    }
}

/// What is particular to a socket of this stream.
#[derive(Default)]
pub(super) struct Subscriber {
    channels: Vec<Channel>,
    /// When it last asked for channels and was not too early.
    asked: Option<u64>,
}

impl Subscriber {
    pub(super) fn describe(&self, shown: &mut Value) {
        shown["channels"] = self.channels.iter().map(|channel| channel.shown.clone()).collect();
    }
}

impl Platform {
    /// Who is let in: 401 and 403 by the token, 429 beyond the sockets.
    pub(super) fn admit_subscriber(&self, target: &Target, upgrade: &Upgrade) -> Result<Socket, (u16, Option<u64>)> {
        let token = http::token_of(target, upgrade.authorization.as_deref()).unwrap_or_default();
        let (deployment, access) = self.admit_token(&token).map_err(|status| (status, None))?;
        if let Some(seconds) = self.crowded(&deployment, Stream::Presence) {
            return Err((429, Some(seconds)));
        }
        Ok(Self::authorized(deployment, access, Role::Presence(Subscriber::default())))
    }

    pub(super) fn hear_subscriber(&mut self, id: ConnectionId, frame: &Value) {
        if frame["type"] == "subscribe" {
            let answer = match self.subscribe_channels(id, frame) {
                Ok(channels) => {
                    self.stream_frame(id, json!({ "status": "success" }));
                    return self.take_channels(id, channels);
                }
                Err(answer) => answer,
            };
            self.stream_frame(id, answer);
        }
    }

    /// The channels that are asked for, all or none.
    fn subscribe_channels(&mut self, id: ConnectionId, frame: &Value) -> Result<Vec<Channel>, Value> {
        let Some(Socket { deployment, role: Role::Presence(subscriber), .. }) = self.streams.sockets.get_mut(&id) else {
            return Ok(Vec::new());
        };
        let settings = self.settings.of(deployment);
        if settings.limits && subscriber.asked.is_some_and(|at| at + SUBSCRIBE_EVERY > self.now) {
            let message = format!("one subscribe in {RETRY_AFTER} seconds");
            return Err(json!({ "status": "error", "code": 429, "message": message, "retryAfter": RETRY_AFTER }));
        }
        subscriber.asked = Some(self.now);
        let wrong = |message: String| json!({ "status": "error", "code": 400, "message": message });
        let listed = frame["channels"].as_array().ok_or_else(|| wrong("channels is no list".into()))?;
        if listed.len() > CHANNELS {
            return Err(wrong(format!("{} channels are more than {CHANNELS}", listed.len())));
        }
        let channels: Result<Vec<Channel>, String> = listed.iter().enumerate().map(|(at, channel)| Channel::parse(at, channel)).collect();
        let channels = channels.map_err(wrong)?;
        match channels.iter().find(|channel| settings.forbidden_channels.contains(&channel.id)) {
            Some(channel) => {
                let message = format!("channel {} may not be listened to", channel.id);
                Err(json!({ "status": "error", "code": 403, "message": message, "channelId": channel.id }))
            }
            None => Ok(channels),
        }
    }

    /// The new channels take the place of the old ones; the newest update of each comes again.
    fn take_channels(&mut self, id: ConnectionId, channels: Vec<Channel>) {
        let Some(Socket { deployment, role: Role::Presence(subscriber), .. }) = self.streams.sockets.get_mut(&id) else {
            return;
        };
        if let (true, Some(feed)) = (self.settings.of(deployment).stream_replay, self.streams.feeds.get(deployment)) {
            for channel in &channels {
                if let Some(update) = feed.presence.newest_of(channel) {
                    self.outputs.push_back(Output::Frame(id, channel.frame(update)));
                }
            }
        }
        subscriber.channels = channels;
    }

    /// Sends updates to the channels that they are for, in this order. Gives the frames.
    pub(crate) fn emit_updates(&mut self, deployment: &str, updates: &[Update]) -> usize {
        let feed = self.streams.feeds.entry(deployment.to_owned()).or_default();
        let mut frames = 0;
        for update in updates {
            for id in feed.listeners.get(&Stream::Presence).map_or(&[][..], Vec::as_slice) {
                let Some(Socket { role: Role::Presence(subscriber), .. }) = self.streams.sockets.get(id) else {
                    continue;
                };
                for channel in subscriber.channels.iter().filter(|channel| channel.gets(update)) {
                    frames += 1;
                    self.outputs.push_back(Output::Frame(*id, channel.frame(update)));
                }
            }
            feed.presence.keep(self.now, update);
        }
        frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(channel: Value) -> Channel {
        Channel::parse(0, &channel).unwrap_or_else(|reason| panic!("{reason}"))
    }

    fn update(channel: Option<&str>, kind: Option<&str>, payload: Value) -> Update {
        let owned = |text: &str| text.to_owned();
        Update { channel: channel.map(owned), kind: kind.map(owned), timestamp: String::new(), event: Value::Null, payload }
    }

    #[test]
    fn an_update_finds_its_channels_by_user_and_presence() {
        let busy = update(None, None, json!({ "userId": "u1", "presence": "busy" }));
        for (config, gets) in [
            (json!({}), true),
            (json!(null), true),
            (json!({ "userId": "u1" }), true),
            (json!({ "userId": "u2" }), false),
            (json!({ "presenceTypes": ["away", "busy"] }), true),
            (json!({ "presenceTypes": ["away"] }), false),
            (json!({ "presenceTypes": [] }), true),
        ] {
            assert_eq!(channel(json!({ "id": "c", "type": "presence", "config": config })).gets(&busy), gets, "{config}");
        }
        assert!(!channel(json!({ "id": "c", "type": "routing" })).gets(&busy));
        assert!(channel(json!({ "id": "c", "type": "routing" })).gets(&update(None, Some("routing"), json!({}))));
    }

    #[test]
    fn a_named_channel_gets_its_update_whatever_it_says() {
        let named = update(Some("c"), Some("message"), json!({ "userId": "u2" }));
        assert!(channel(json!({ "id": "c", "type": "presence", "config": { "userId": "u1", "presenceTypes": ["busy"] } })).gets(&named));
        assert!(!channel(json!({ "id": "d", "type": "presence" })).gets(&named));
    }

    #[test]
    fn a_bad_channel_is_named_by_its_place_and_value() {
        let reason = |channel: Value| Channel::parse(3, &channel).err().unwrap_or_default();
        assert!(reason(json!({ "id": "c", "type": "fax" })).contains("channels[3].type \"fax\""));
        assert!(reason(json!({ "id": "c", "type": "presence", "config": { "presenceTypes": ["busy", "asleep"] } })).contains("\"asleep\""));
        assert!(reason(json!({ "type": "presence" })).contains("channels[3].id"));
        assert!(reason(json!("c")).contains("channels[3].id"));
    }
}
