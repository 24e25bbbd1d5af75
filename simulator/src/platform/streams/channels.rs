//! The channels of the Notifications service over HTTP: making one, and the topics it is subscribed to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::Platform;
use super::super::http::{Answer, json_body};
use super::super::jwt;
use super::super::limits::DAY;
use crate::calendar;
use crate::exchange::HttpRequest;
use crate::url::{Target, decode, encode};

const CALL: &str = "/api/v2/notifications/channels";
/// Channels of a deployment; one more closes the oldest.
const CHANNELS: usize = 20;
/// Topics of a channel.
const TOPICS: usize = 1_000;
/// How long a channel is good, in milliseconds.
const LIFE: u64 = DAY;

/// Whether a path is the service's.
pub(super) fn is_call(path: &str) -> bool {
    path.strip_prefix(CALL).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

struct Channel {
    /// In the order in which they were made.
    number: u64,
    deployment: String,
    topics: BTreeSet<String>,
    /// Unix milliseconds.
    expires: u64,
}

/// The channels of all deployments.
#[derive(Default)]
pub(super) struct Channels {
    made: u64,
    channels: BTreeMap<String, Channel>,
}

impl Channels {
    pub(super) fn deployment_of(&self, id: &str) -> Option<&str> {
        self.channels.get(id).map(|channel| channel.deployment.as_str())
    }

    pub(super) fn expires(&self, id: &str) -> Option<u64> {
        self.channels.get(id).map(|channel| channel.expires)
    }

    pub(super) fn has_topic(&self, id: &str, topic: &str) -> bool {
        self.channels.get(id).is_some_and(|channel| channel.topics.contains(topic))
    }

    pub(super) fn topics_of(&self, id: &str) -> Value {
        self.channels.get(id).map(|channel| channel.topics.iter().map(String::as_str).collect()).unwrap_or_default()
    }

    fn add(&mut self, id: &str, deployment: String, expires: u64) {
        self.made += 1;
        self.channels.insert(id.to_owned(), Channel { number: self.made, deployment, topics: BTreeSet::new(), expires });
    }

    /// Those whose time is up, and the oldest of a deployment that has more than it may have.
    fn surplus(&self, now: u64, deployment: &str) -> Vec<String> {
        let is_over = |channel: &Channel| channel.expires <= now;
        let mut gone: Vec<String> = self.channels.iter().filter(|(_, channel)| is_over(channel)).map(|(id, _)| id.clone()).collect();
        let mut own: Vec<(u64, &String)> = self
            .channels
            .iter()
            .filter(|(_, channel)| !is_over(channel) && channel.deployment == deployment)
            .map(|(id, channel)| (channel.number, id))
            .collect();
        own.sort_unstable();
        gone.extend(own.iter().take(own.len().saturating_sub(CHANNELS)).map(|(_, id)| (*id).clone()));
        gone
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.channels.remove(id);
    }

    pub(super) fn reset(&mut self, deployment: Option<&str>) {
        self.channels.retain(|_, channel| deployment.is_some_and(|id| channel.deployment != id));
    }
}

impl Platform {
    /// The answer to a call of the service; `None` for every other path.
    pub(in super::super) fn notifications_answer(&mut self, request: &HttpRequest, target: &Target) -> Option<Answer> {
        let rest = target.path.strip_prefix(CALL).filter(|_| is_call(&target.path))?;
        let deployment = match jwt::bearer(request.header("authorization")).map(|token| self.admit_token(token)) {
            Some(Ok((deployment, _))) => deployment,
            Some(Err(403)) => return Some(Answer::error(403, "not.authorized", "This client may not listen here.")),
            _ => return Some(Answer::error(401, "bad.credentials", "Invalid login credentials.")),
        };
        let answer = match (request.method.as_str(), rest.strip_prefix('/').and_then(|rest| rest.strip_suffix("/subscriptions"))) {
            ("POST", None) if rest.is_empty() => self.create_channel(request, target, &deployment),
            (_, None) if rest.is_empty() => Answer::error(405, "method.not.allowed", "Only POST is served here."),
            (method, Some(id)) => self.subscriptions(method, request, &deployment, &decode(id)),
            _ => Answer::error(404, "not.found", "There is nothing at this address."),
        };
        Some(answer.of(&deployment))
    }

    fn create_channel(&mut self, request: &HttpRequest, target: &Target, deployment: &str) -> Answer {
        let id = self.seed.uuid();
        let expires = self.now + LIFE;
        self.streams.channels.add(&id, deployment.to_owned(), expires);
        for gone in self.streams.channels.surplus(self.now, deployment) {
            self.close_channel(&gone);
        }
        let socket = format!("{}/channels/{}", self.base_of(request, target).replacen("http", "ws", 1), encode(&id));
        Answer::json(200, &json!({ "id": id, "connectUri": socket, "expires": calendar::iso(expires) }))
    }

    fn subscriptions(&mut self, method: &str, request: &HttpRequest, deployment: &str, id: &str) -> Answer {
        let now = self.now;
        let channel = self.streams.channels.channels.get_mut(id).filter(|channel| channel.deployment == deployment && channel.expires > now);
        let Some(channel) = channel else {
            return Answer::error(404, "not.found", "There is no such channel.");
        };
        match method {
            "GET" => {}
            "DELETE" => channel.topics.clear(),
            "POST" | "PUT" => {
                let named = match json_body(request).map(|body| topics_in(&body)) {
                    Ok(Some(named)) => named,
                    Ok(None) => return Answer::error(400, "bad.request", "The body is a list of topics: [{\"id\"}]."),
                    Err(answer) => return answer,
                };
                let mut topics = if method == "POST" { channel.topics.clone() } else { BTreeSet::new() };
                topics.extend(named);
                if topics.len() > TOPICS {
                    return Answer::error(400, "too.many.topics", &format!("A channel has {TOPICS} topics at most."));
                }
                channel.topics = topics;
            }
            _ => return Answer::error(405, "method.not.allowed", "Only GET, POST, PUT and DELETE are served here."),
        }
        let entities: Vec<Value> = channel.topics.iter().map(|topic| json!({ "id": topic })).collect();
        Answer::json(200, &json!({ "entities": entities }))
    }
}

/// The topics of `[{"id":"topic"}]`.
fn topics_in(body: &Value) -> Option<Vec<String>> {
    body.as_array()?.iter().map(|entry| entry["id"].as_str().filter(|topic| !topic.is_empty()).map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_named_or_the_body_is_none() {
        assert_eq!(topics_in(&json!([{ "id": "a" }, { "id": "b", "more": 1 }])), Some(vec!["a".into(), "b".into()]));
        assert_eq!(topics_in(&json!([])), Some(vec![]));
        for body in [json!({ "id": "a" }), json!(["a"]), json!([{ "id": "" }]), json!([{}]), json!(null)] {
            assert_eq!(topics_in(&body), None, "{body}");
        }
    }

    #[test]
    fn the_services_paths_are_its_own() {
        assert!(is_call("/api/v2/notifications/channels") && is_call("/api/v2/notifications/channels/a/subscriptions"));
        assert!(!is_call("/api/v2/notifications/channelsmore") && !is_call("/api/v2/notifications"));
    }
}
