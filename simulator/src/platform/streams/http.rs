//! The streams' paths over HTTP: why an upgrade is refused, for a client that cannot see it.

use super::super::Platform;
use super::super::http::Answer;
use super::super::jwt;
use super::{Stream, channel_in};
use crate::exchange::HttpRequest;
use crate::url::Target;

/// The access token of a request: `Authorization: Bearer`, or the query's `access_token`.
pub(super) fn token_of(target: &Target, authorization: Option<&str>) -> Option<String> {
    jwt::bearer(authorization).map(str::to_owned).or_else(|| target.parameter("access_token"))
}

impl Platform {
    /// The answer to a request without an upgrade on a stream's path; `None` for every other path.
    pub(in super::super) fn stream_answer(&self, request: &HttpRequest, target: &Target) -> Option<Answer> {
        let stream = Stream::at(&target.path)?;
        if request.method != "GET" {
            return Some(Answer::error(405, "method.not.allowed", "Only GET is served here."));
        }
        if let Some(channel) = channel_in(&target.path) {
            return Some(match self.streams.channels.deployment_of(&channel) {
                Some(deployment) => upgrade_required().of(deployment),
                None => Answer::error(404, "not.found", "There is no such channel."),
            });
        }
        let token = token_of(target, request.header("authorization")).unwrap_or_default();
        let answer = match self.admit_token(&token) {
            Err(403) => Answer::error(403, "not.authorized", "This client may not listen here."),
            Err(_) => Answer::error(401, "bad.credentials", "Invalid login credentials."),
            Ok((deployment, _)) => match self.crowded(&deployment, stream) {
                Some(seconds) => Answer::too_many(seconds),
                None => upgrade_required(),
            },
        };
        Some(match self.access.deployment_of(&token) {
            Some(deployment) => answer.of(deployment),
            None => answer,
        })
    }
}

fn upgrade_required() -> Answer {
    Answer::error(426, "upgrade.required", "This is a WebSocket.").header("upgrade", "websocket".into())
}
