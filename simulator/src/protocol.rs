//! The protocols that are spoken here, and what a frame of each says about itself to the rules and to the log.

use serde_json::Value;

use crate::faults::Facts;

/// How much of a frame that is not JSON the log shows.
const SHOWN: usize = 200;

/// What a connection and its session speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Protocol {
    /// The guest API (guest-api.md).
    #[default]
    Guest,
    /// The session protocol (systems.md G).
    Session,
    /// The agent-side streams (systems.md L, E, I, P).
    Stream,
}

impl Protocol {
    /// As `/_sim/sessions` shows it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Session => "session",
            Self::Stream => "stream",
        }
    }
}

/// What a frame of the client says about itself, on top of what its line says.
pub(crate) fn facts_in(line: Facts, text: &str) -> Facts {
    let Ok(frame @ Value::Object(_)) = serde_json::from_str(text) else {
        // A stream's broken frame may hold an access token, which is written nowhere.
        if line.protocol == Protocol::Stream {
            return line;
        }
        return Facts { text: Some(text.chars().take(SHOWN).collect()), ..line };
    };
    match line.protocol {
        Protocol::Guest => {
            let in_message = |name: &str| owned(frame.get("message")?.get(name)?);
            Facts {
                token: owned(&frame["token"]).or(line.token),
                deployment: line.deployment.or_else(|| owned(&frame["deploymentId"])),
                action: owned(&frame["action"]),
                tracing: owned(&frame["tracingId"]),
                text: in_message("text"),
                kind: in_message("type"),
                ..Facts::default()
            }
        }
        Protocol::Session => {
            Facts { action: session_action(&frame).map(str::to_owned), text: owned(&frame["text"]), kind: owned(&frame["type"]), ..line }
        }
        Protocol::Stream => Facts { action: stream_action(&frame), kind: owned(&frame["type"]), ..line },
    }
}

/// What a frame of the service says about itself, without what its line says.
pub(crate) fn facts_out(protocol: Protocol, frame: &Value) -> Facts {
    match protocol {
        Protocol::Guest => Facts {
            class: owned(&frame["class"]),
            kind: owned(&frame["body"]["type"]),
            code: frame["code"].as_u64().and_then(|code| u16::try_from(code).ok()),
            tracing: owned(&frame["tracingId"]),
            text: owned(&frame["body"]).or_else(|| owned(&frame["body"]["text"])),
            server_id: owned(&frame["body"]["id"]),
            ..Facts::default()
        },
        Protocol::Session => Facts {
            protocol,
            class: match frame["type"].as_str() {
                Some("pong") => Some("pong".into()),
                Some("text") => Some("message".into()),
                _ => None,
            },
            kind: owned(&frame["type"]),
            text: owned(&frame["text"]),
            server_id: owned(&frame["id"]),
            ..Facts::default()
        },
        Protocol::Stream => Facts {
            protocol,
            class: stream_class(frame),
            kind: owned(&frame["type"]),
            code: [&frame["code"], &frame["status"]].iter().find_map(|code| u16::try_from(code.as_u64()?).ok()),
            server_id: owned(&frame["id"]),
            ..Facts::default()
        },
    }
}

/// What a frame to a stream asks for: its `type`, or where it has none, the member that it is about; on a channel, its `message`.
fn stream_action(frame: &Value) -> Option<String> {
    let about = || ["token", "filter"].into_iter().find(|name| frame.get(name).is_some()).map(str::to_owned);
    owned(&frame["type"]).or_else(about).or_else(|| owned(&frame["message"]))
}

/// What a frame of a stream is: its `type`, its `status`, its topic, `events` or (a list of events) `batch`.
fn stream_class(frame: &Value) -> Option<String> {
    match frame {
        Value::Array(_) => Some("batch".into()),
        _ if frame.get("events").is_some() => Some("events".into()),
        _ => ["type", "status", "topicName"].iter().find_map(|name| owned(&frame[*name])),
    }
}

/// What a frame of the session protocol asks for. Frames have no `action` there: their form tells.
pub(crate) fn session_action(frame: &Value) -> Option<&'static str> {
    match frame.get("type")?.as_str()? {
        "ping" => Some("ping"),
        "text" if frame.get("text").is_some_and(Value::is_string) => Some("message"),
        _ => None,
    }
}

fn owned(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_form_of_a_frame_tells_what_it_asks_for() {
        assert_eq!(session_action(&json!({ "text": "hi", "type": "text" })), Some("message"));
        assert_eq!(session_action(&json!({ "type": "ping" })), Some("ping"));
        for frame in [json!({ "type": "text" }), json!({ "text": "hi" }), json!({ "text": 1, "type": "text" }), json!(["ping"]), json!(null)] {
            assert_eq!(session_action(&frame), None, "{frame}");
        }
    }

    #[test]
    fn a_frame_of_a_stream_says_what_it_is_and_never_the_token() {
        let line = Facts { protocol: Protocol::Stream, ..Facts::default() };
        for (frame, action) in [
            (r#"{"token":"secret"}"#, Some("token")),
            (r#"{"filter":{"id":"i"}}"#, Some("filter")),
            (r#"{"type":"subscribe","token":"secret"}"#, Some("subscribe")),
            (r#"{"type":"ping","sequence":1}"#, Some("ping")),
            (r#"{"message":"ping"}"#, Some("ping")),
            (r#"{"token":"secret""#, None),
            (r#"["secret"]"#, None),
        ] {
            let facts = facts_in(line.clone(), frame);
            assert_eq!(facts.action.as_deref(), action, "{frame}");
            assert_eq!((&facts.token, &facts.text), (&None, &None), "{frame}");
        }
        for (frame, class) in [
            (json!({ "type": "pong" }), "pong"),
            (json!({ "status": "connected" }), "connected"),
            (json!({ "events": [] }), "events"),
            (json!([{ "id": "1", "type": "CallStarted" }]), "batch"),
            (json!({ "topicName": "v2.users.u.presence", "eventBody": {} }), "v2.users.u.presence"),
            (json!({ "id": "1", "type": "CallStarted" }), "CallStarted"),
        ] {
            assert_eq!(facts_out(Protocol::Stream, &frame).class.as_deref(), Some(class), "{frame}");
        }
        assert_eq!(facts_out(Protocol::Stream, &json!({ "type": "error", "status": 401 })).code, Some(401));
        assert_eq!(facts_out(Protocol::Stream, &json!({ "status": "error", "code": 403 })).code, Some(403));
    }

    #[test]
    fn a_token_inside_a_session_frame_is_not_the_session_s() {
        let line = Facts { protocol: Protocol::Session, token: Some("s".into()), ..Facts::default() };
        let facts = facts_in(line, r#"{"text":"hi","type":"text","token":"secret"}"#);
        assert_eq!(facts.token.as_deref(), Some("s"));
        assert_eq!(facts.action.as_deref(), Some("message"));
    }
}
