//! The envelopes of guest-api.md §3, built as JSON values.

use serde_json::{Map, Value, json};

/// A reply or push: `{type, class, code, body, tracingId?}`.
pub(crate) fn envelope(kind: &str, class: &str, code: u16, body: Value, tracing: Option<&str>) -> Value {
    let mut frame = json!({ "type": kind, "class": class, "code": code, "body": body });
    if let Some(tracing) = tracing {
        frame["tracingId"] = tracing.into();
    }
    frame
}

/// An answer to a request.
pub(crate) fn response(class: &str, code: u16, body: Value, tracing: Option<&str>) -> Value {
    envelope("response", class, code, body, tracing)
}

/// A push, or the echo of a guest's message.
pub(crate) fn message(class: &str, body: Value, tracing: Option<&str>) -> Value {
    envelope("message", class, 200, body, tracing)
}

/// An error whose body is plain text (§3.8).
pub(crate) fn string(code: u16, text: &str, tracing: Option<&str>) -> Value {
    response("string", code, text.into(), tracing)
}

/// One presence event as the content of `events`.
pub(crate) fn presence(kind: &str) -> Value {
    json!([{ "eventType": "Presence", "presence": { "type": kind } }])
}

/// Keeps the string members of an object: maps on this wire are string to string.
pub(crate) fn string_map(value: Option<&Value>) -> Map<String, Value> {
    value
        .and_then(Value::as_object)
        .map(|map| map.iter().filter(|(_, value)| value.is_string()).map(|(key, value)| (key.clone(), value.clone())).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tracing_id_is_there_or_absent_but_never_null() {
        let frame = string(400, "Request failed.", None);
        assert!(frame.get("tracingId").is_none());
        let frame = string(400, "Request failed.", Some("t1"));
        assert_eq!(frame["tracingId"], "t1");
        assert_eq!(frame["class"], "string");
        assert_eq!(frame["type"], "response");
    }

    #[test]
    fn a_string_map_keeps_strings_only() {
        let map = string_map(Some(&json!({ "id": "a", "n": 1, "none": null })));
        assert_eq!(Value::Object(map), json!({ "id": "a" }));
    }
}
