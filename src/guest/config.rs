//! The deployment's configuration, as far as the session acts on it (guest-api.md §1.4). Fetched before the first
//! connection, and again to find out why one was refused.

use crate::core::error::Code;
use crate::core::http::{Reply, Unreachable};
use crate::core::json::{Document, Value};

/// What the session goes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    /// A new session begins with a Join event.
    pub auto_start: bool,
    /// The guest's typing is passed on.
    pub shows_user_typing: bool,
    /// The guest may clear the conversation.
    pub clearable: bool,
}

/// What the look at the configuration found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// The deployment is active.
    Active(Config),
    /// It is gone, wrong or not active: no connection will ever be admitted.
    Never(Code),
    /// Something else answered: a captive portal, as a rule.
    Malformed,
    /// Nothing answered.
    Unreachable,
    /// The service asks to come again, perhaps after so many milliseconds.
    Later(u16, Option<u64>),
}

/// The configuration's URL.
pub fn url(cdn: &str, deployment: &str) -> String {
    [cdn, "/webdeployments/v1/deployments/", deployment, "/config.json"].concat()
}

/// Reads a reply.
pub fn read(reply: Result<Reply<'_>, Unreachable>) -> Found {
    let Ok(reply) = reply else { return Found::Unreachable };
    match reply.status {
        200..=299 => parse(reply.body),
        400 => Found::Never(Code::DEPLOYMENT_INVALID),
        404 => Found::Never(Code::DEPLOYMENT_NOT_FOUND),
        408 | 429 | 500..=599 => Found::Later(reply.status, reply.retry_after_ms()),
        _ => Found::Malformed,
    }
}

fn parse(body: &str) -> Found {
    let Some(document) = Document::parse(body) else { return Found::Malformed };
    let root = document.root();
    let Some(status) = root.text("status") else { return Found::Malformed };
    if status != "Active" {
        return Found::Never(Code::DEPLOYMENT_INACTIVE);
    }
    let chat = root.get("messenger").and_then(|messenger| messenger.get("apps")).and_then(|apps| apps.get("conversations"));
    let enabled = |name: &str| chat.and_then(|chat| chat.get(name)).is_some_and(|part| part.flag("enabled"));
    Found::Active(Config {
        auto_start: enabled("autoStart"),
        shows_user_typing: chat.is_some_and(|chat: Value<'_>| chat.flag("showUserTypingIndicator")),
        clearable: enabled("conversationClear"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> Found {
        read(Ok(Reply { status, retry_after: None, body }))
    }

    #[test]
    fn an_active_deployment_tells_what_it_allows() {
        let body = r#"{"status":"Active","messenger":{"apps":{"conversations":{"showUserTypingIndicator":true,"autoStart":{"enabled":true},"conversationClear":{"enabled":false}}}}}"#;
        assert_eq!(reply(200, body), Found::Active(Config { auto_start: true, shows_user_typing: true, clearable: false }));
        assert_eq!(reply(200, r#"{"status":"Active"}"#), Found::Active(Config { auto_start: false, shows_user_typing: false, clearable: false }));
    }

    #[test]
    fn what_will_never_do_is_told_from_what_may() {
        assert_eq!(reply(400, ""), Found::Never(Code::DEPLOYMENT_INVALID));
        assert_eq!(reply(404, ""), Found::Never(Code::DEPLOYMENT_NOT_FOUND));
        assert_eq!(reply(200, r#"{"status":"Inactive"}"#), Found::Never(Code::DEPLOYMENT_INACTIVE));
        assert_eq!(reply(200, "<html>Please log in"), Found::Malformed);
        assert_eq!(reply(200, "{}"), Found::Malformed);
        assert_eq!(reply(302, ""), Found::Malformed);
        assert_eq!(reply(503, ""), Found::Later(503, None));
        assert_eq!(read(Ok(Reply { status: 429, retry_after: Some("7"), body: "" })), Found::Later(429, Some(7_000)));
        assert_eq!(read(Err(Unreachable::Network)), Found::Unreachable);
    }
}
