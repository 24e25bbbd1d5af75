//! `onMessage`: what a guest says (guest-api.md §2.4, §2.5), checked, stored and echoed.

use serde_json::{Map, Value, json};

use super::frame::string_map;
use super::limits::{MESSAGES_PER_SECOND, SECOND, TEXT_BYTES};
use super::session::{Entry, Key};
use super::{Platform, Refusal, Request};

impl Platform {
    pub(super) fn on_message(&mut self, request: &Request) -> Result<(), Refusal> {
        let key = self.session_key(request)?;
        let Some(message) = request.body.get("message").and_then(Value::as_object) else {
            return Err(Refusal::failed());
        };
        match message.get("type").and_then(Value::as_str) {
            Some("Event") => self.on_events(&key, request, message),
            Some("Text" | "Structured") | None => self.on_words(&key, request, message),
            Some(_) => Err(Refusal::failed()),
        }
    }

    fn on_words(&mut self, key: &Key, request: &Request, message: &Map<String, Value>) -> Result<(), Refusal> {
        let text = message.get("text").and_then(Value::as_str).unwrap_or_default();
        let parts: &[Value] = message.get("content").and_then(Value::as_array).map_or(&[], Vec::as_slice);
        if text.is_empty() && parts.is_empty() {
            return Err(Refusal::failed());
        }
        self.refuse_read_only(key)?;
        if text.len() > TEXT_BYTES {
            return Err(Refusal::new(4011, format!("Message length {} is larger than {TEXT_BYTES}", text.len())));
        }
        let attributes = self.attributes(key, request, message)?;
        if self.settings.of(&key.0).limits {
            let now = self.now;
            let window = &mut self.session_mut(key).ok_or_else(Refusal::failed)?.messages;
            if let Err(seconds) = window.admit(now, MESSAGES_PER_SECOND, SECOND) {
                return Err(self.too_many(request, "messages per second", seconds));
            }
        }
        let content = self.resolve_content(key, parts)?;

        let kind = match message.get("type").and_then(Value::as_str) {
            Some(kind) => kind,
            None if parts.iter().all(|part| part["contentType"] == "Attachment") => "Text",
            None => "Structured",
        };
        let mut body = self.inbound(key, kind, message.get("metadata"));
        if !text.is_empty() {
            body["text"] = text.into();
        }
        if !content.is_empty() {
            body["content"] = content.into();
        }
        let entry =
            Entry { at: self.now, body: body.clone(), tracing: request.tracing.clone(), attributes, visible_from: self.now + self.storing_lag };
        self.store(key, entry, Some(request.connection), Some("onMessage"));
        self.broadcast_echo(key, &body, request);
        if let Some(session) = self.session_mut(key) {
            session.typing_at = None;
        }
        self.bot_hears(key, &spoken(&body));
        Ok(())
    }

    /// A session that has ended can only be read.
    pub(super) fn refuse_read_only(&self, key: &Key) -> Result<(), Refusal> {
        match self.session(key) {
            Some(session) if session.read_only => Err(Refusal::new(409, "The conversation is read-only")),
            _ => Ok(()),
        }
    }

    /// The body of a guest's own message or event, without its content.
    pub(super) fn inbound(&mut self, key: &Key, kind: &str, metadata: Option<&Value>) -> Value {
        let mut echoed = if self.settings.of(&key.0).echo_metadata { string_map(metadata) } else { Map::new() };
        echoed.insert("correlationId".into(), self.seed.uuid().into());
        json!({
            "id": self.seed.hex32(),
            "type": kind,
            "direction": "Inbound",
            "channel": { "time": self.message_time(&key.0), "messageId": self.seed.uuid() },
            "metadata": echoed,
        })
    }

    /// Custom attributes, from inside the message or from the top of the request (§12); counted without JSON around
    /// them.
    pub(super) fn attributes(&self, key: &Key, request: &Request, message: &Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
        let attributes = message
            .get("channel")
            .into_iter()
            .chain(request.body.get("channel"))
            .find_map(|channel| channel.get("metadata")?.get("customAttributes")?.as_object().cloned())
            .unwrap_or_default();
        let bytes: usize = attributes.iter().map(|(name, value)| name.len() + value.as_str().map_or_else(|| value.to_string().len(), str::len)).sum();
        let limit = self.settings.of(&key.0).max_custom_data_bytes;
        if bytes as u64 > limit {
            return Err(Refusal::new(4013, format!("Custom Attributes in channel metadata is larger than {limit} bytes")));
        }
        Ok(attributes)
    }

    /// Attachments by id become attachments with address, name and size; everything else stays as it is.
    fn resolve_content(&mut self, key: &Key, parts: &[Value]) -> Result<Vec<Value>, Refusal> {
        let ids: Vec<&str> = parts
            .iter()
            .filter(|part| part["contentType"] == "Attachment")
            .map(|part| part["attachment"]["id"].as_str().unwrap_or_default())
            .collect();
        for id in &ids {
            self.sendable_attachment(key, id)?;
        }
        Ok(parts
            .iter()
            .map(|part| {
                if part["contentType"] == "Attachment" {
                    let id = part["attachment"]["id"].as_str().unwrap_or_default();
                    self.sent_attachment(key, id)
                } else {
                    part.clone()
                }
            })
            .collect())
    }
}

/// What a bot takes a message to say: its text, or the label of the button pressed.
fn spoken(body: &Value) -> String {
    let label = |part: &Value| part["buttonResponse"]["text"].as_str().map(str::to_owned);
    body["text"].as_str().map(str::to_owned).or_else(|| body["content"].as_array()?.iter().find_map(label)).unwrap_or_default()
}
