//! `POST /_sim/stream` and `/_sim/scenario`: events on the agent-side streams, as a test or a developer wants them.

use serde_json::{Map, Value, json};

use crate::platform::{Stream, Update};
use crate::service::Service;

/// Events in one request: no more than a stream keeps.
const EVENTS: usize = 10_000;

impl Service {
    /// Sends what the body says. Gives the deployment and how many frames that made.
    pub(crate) fn control_stream(&mut self, body: &Map<String, Value>) -> Result<Value, String> {
        self.platform.handle_timeout(self.now);
        let deployment = self.stream_deployment_meant(body);
        let to = body.get("to").and_then(Value::as_str).and_then(Stream::named);
        let to = to.ok_or("to is conversations, interactions, presence, notifications or realtime")?;
        let frames = match (body.get("frame"), to) {
            (Some(frame), _) => self.send_raw(&deployment, to, frame),
            (None, Stream::Conversations) => self.platform.emit_conversations(&deployment, objects(body, "events")?, together(body)),
            (None, Stream::Interactions) => self.platform.emit_interactions(&deployment, objects(body, "events")?, together(body)),
            (None, Stream::Presence) => {
                let updates: Result<Vec<Update>, String> = objects(body, "updates")?.iter().map(update).collect();
                self.platform.emit_updates(&deployment, &updates?)
            }
            (None, Stream::Notifications) => self.notify(&deployment, body)?,
            (None, Stream::Realtime) => return Err("frame is missing: there are no events on that stream".into()),
        };
        self.drain();
        Ok(json!({ "deploymentId": deployment, "frames": frames }))
    }

    /// Plays a scenario or stops it, and tells how far it is.
    pub(crate) fn control_scenario(&mut self, body: &Map<String, Value>) -> Result<Value, String> {
        self.platform.handle_timeout(self.now);
        let deployment = self.stream_deployment_meant(body);
        match body.get("do").and_then(Value::as_str) {
            Some("play") => self.platform.play_scenario(&deployment, body)?,
            Some("stop") => self.platform.stop_scenario(&deployment),
            _ => return Err("do is play or stop".into()),
        }
        self.drain();
        Ok(self.platform.describe_scenario(&deployment))
    }

    /// An event of a topic, or the notice that the sockets are about to be closed.
    fn notify(&mut self, deployment: &str, body: &Map<String, Value>) -> Result<usize, String> {
        match body.get("do").and_then(Value::as_str) {
            Some("drain") => {
                let wait = body.get("inMs").map(|ms| ms.as_u64().ok_or("inMs is a whole number")).transpose()?;
                Ok(self.platform.drain_channels(deployment, wait))
            }
            Some(_) => Err("do is drain".into()),
            None => {
                let topic = body.get("topic").and_then(Value::as_str).ok_or("topic is missing")?;
                let event = body.get("body").ok_or("body is missing")?;
                Ok(self.platform.notify(deployment, topic, event))
            }
        }
    }

    /// The deployment that a request names; without, the newest token's. Empty for tokens that belong to none.
    pub(crate) fn stream_deployment_meant(&self, body: &Map<String, Value>) -> String {
        let named = body.get("deploymentId").and_then(Value::as_str);
        named.or_else(|| self.platform.newest_token_deployment()).unwrap_or_default().to_owned()
    }

    /// A frame as it stands to every open socket of the stream. The rules do not see it.
    fn send_raw(&mut self, deployment: &str, to: Stream, frame: &Value) -> usize {
        let sockets = self.platform.stream_sockets(deployment, to);
        for id in &sockets {
            let facts = self.lines.get(id).map(|line| line.facts()).unwrap_or_default();
            let downward = self.foreign_frame(frame, &facts);
            self.ship(*id, downward, 0);
        }
        sockets.len()
    }
}

fn together(body: &Map<String, Value>) -> bool {
    body.get("batch") == Some(&Value::Bool(true))
}

/// A list of objects.
fn objects(body: &Map<String, Value>, name: &str) -> Result<Vec<Value>, String> {
    let listed = body.get(name).and_then(Value::as_array).ok_or(format!("{name} is a list"))?;
    if listed.len() > EVENTS {
        return Err(format!("{name} are {EVENTS} at most"));
    }
    match listed.iter().position(|one| !one.is_object()) {
        Some(at) => Err(format!("{name}[{at}] is not an object")),
        None => Ok(listed.clone()),
    }
}

fn update(update: &Value) -> Result<Update, String> {
    let text = |name: &str| update.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(Update {
        channel: text("channelId"),
        kind: text("type"),
        timestamp: text("timestamp").ok_or("an update has a timestamp")?,
        event: update.get("eventType").cloned().ok_or("an update has an eventType")?,
        payload: update.get("payload").cloned().ok_or("an update has a payload")?,
    })
}
