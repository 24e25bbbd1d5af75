//! The session protocol (systems.md, system G): frames in and out, history pages, and how a session is made.
//!
//! It carries no ids of ours and correlates nothing: the guest's own message comes back under the service's id alone. It
//! knows text and nothing else.

use super::{Entry, Frame, Incoming, Page};
use crate::core::http::{Authorization, Body, Method, Request};
use crate::core::json::{Document, Object, Value};
use crate::core::secret::Secret;
use crate::core::time;
use crate::core::url;
use crate::guest::event::{Direction, Kind};

const SESSIONS: &str = "/api/v2/conversations/webmessaging/sessions";
/// How long making a session may take, milliseconds.
const CREATE_MS: u32 = 10_000;
/// Asks the other side for a sign of life; the answer is [`Frame::Pong`].
pub const PING: &str = r#"{"type":"ping"}"#;
/// An answer to this names the ping that waited longest: it has no other name.
pub const PING_TRACING: &str = "ping";

/// Reads a frame that is JSON; `None` where it is neither a message nor an answer to a ping.
pub fn decode<'a>(document: &'a Document<'_>, me: &str) -> Option<Incoming<'a>> {
    let root = document.root();
    if root.is("type", "pong") {
        return Some(Incoming { tracing: Some(PING_TRACING), frame: Frame::Pong });
    }
    Some(Incoming { tracing: None, frame: Frame::Message { response: false, entry: entry(root, me)? } })
}

/// Reads a message; `None` where it has neither id nor text.
pub fn entry<'a>(body: Value<'a>, me: &str) -> Option<Entry<'a>> {
    let id = body.text("id").filter(|id| !id.is_empty())?;
    Some(Entry {
        id: Some(id),
        message_id: None,
        own_id: None,
        time: body.text("timestamp").and_then(time::parse),
        direction: if body.is("senderId", me) { Direction::Inbound } else { Direction::Outbound },
        kind: Some(Kind::Text),
        text: Some(body.text("text")?),
        body: body.raw(),
        events: None,
        read_only: false,
        expires_at: None,
    })
}

/// Reads a history page; one odd entry never costs the rest. `None` where it is no page.
pub fn page<'a>(document: &'a Document<'_>, me: &str) -> Option<Page<'a>> {
    let root = document.root();
    let items = root.get("items").filter(|items| items.is_array())?;
    let next = root.get("page").and_then(|page| page.text("after")).filter(|after| !after.is_empty());
    Some(Page { entries: items.items().filter_map(|item| entry(item, me)).collect(), page_count: None, next })
}

/// A message.
pub fn message(text: &str) -> String {
    Object::new().text("text", text).text("type", "text").end()
}

/// The request that makes a session.
pub fn create(api: &str, deployment: &str, token: &Secret) -> Request {
    let body = Object::new().text("deploymentId", deployment).end();
    Request {
        method: Method::Post,
        url: [api, SESSIONS].concat(),
        authorization: Some(Authorization::Bearer(token.clone())),
        cookies: false,
        body: Some(Body { kind: "application/json", text: body }),
        timeout_ms: CREATE_MS,
    }
}

/// The id of a session that was made.
pub fn created(body: &str) -> Option<String> {
    Document::parse(body)?.root().string("id").filter(|id| !id.is_empty())
}

/// The socket's URL. A page cannot set headers on an upgrade, so the token stands in the query.
pub fn socket_url(host: &str, session: &str, token: &Secret) -> String {
    [host, SESSIONS, "/", &url::encode(session), "/messages?token=", &url::encode(token.expose())].concat()
}

/// A history page's URL: what was stored after an entry, oldest first, or from the beginning.
pub fn history_url(api: &str, session: &str, after: Option<&str>) -> String {
    let after = after.map(|after| ["?after=", &url::encode(after)].concat()).unwrap_or_default();
    [api, SESSIONS, "/", &url::encode(session), "/messages", &after].concat()
}
