//! Which streams there are, and where.

use crate::url::decode;

/// The sockets of the Notifications service, by channel.
const CHANNELS: &str = "/channels/";

/// The channel id of `/channels/{id}`.
pub(crate) fn channel_in(path: &str) -> Option<String> {
    path.strip_prefix(CHANNELS).filter(|id| !id.is_empty() && !id.contains('/')).map(decode)
}

/// Which stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Stream {
    /// L: probes and their answers.
    Realtime,
    /// E: conversation events.
    Conversations,
    /// I: interaction events.
    Interactions,
    /// P: presence, routing and message updates on channels.
    Presence,
    /// The Notifications service's channels.
    Notifications,
}

impl Stream {
    const ALL: [Self; 5] = [Self::Realtime, Self::Conversations, Self::Interactions, Self::Presence, Self::Notifications];

    /// The stream at a path.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let is_channel = channel_in(path).is_some();
        Self::ALL.into_iter().find(|stream| if *stream == Self::Notifications { is_channel } else { stream.path() == path })
    }

    /// The stream of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.name() == name)
    }

    /// Where its sockets are; of a channel's, the beginning.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Realtime => "/v2/analytics/events/realtime",
            Self::Conversations => "/api/v2/analytics/conversations/events",
            Self::Interactions => "/api/v2/analytics/conversations/stream",
            Self::Presence => "/api/v2/user/websocket",
            Self::Notifications => CHANNELS,
        }
    }

    /// As `to` of `/_sim/stream` has it.
    fn name(self) -> &'static str {
        match self {
            Self::Realtime => "realtime",
            Self::Conversations => "conversations",
            Self::Interactions => "interactions",
            Self::Presence => "presence",
            Self::Notifications => "notifications",
        }
    }

    /// Whether the access token comes in a frame, not with the upgrade.
    pub(crate) fn has_token_in_frame(self) -> bool {
        matches!(self, Self::Realtime | Self::Interactions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_stream_or_none() {
        assert_eq!(Stream::at("/channels/a-b"), Some(Stream::Notifications));
        assert_eq!(channel_in("/channels/a-b").as_deref(), Some("a-b"));
        assert_eq!(Stream::at("/api/v2/user/websocket"), Some(Stream::Presence));
        for path in ["/v1", "/channels", "/channels/", "/channels/a/b", "/api/v2/user/websocket/"] {
            assert_eq!(Stream::at(path), None, "{path}");
        }
    }
}
