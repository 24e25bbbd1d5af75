//! The platform's guest API, version 1 (guest-api.md): frames in and out, and history pages.

use super::{Entry, Fault, Frame, Happening, Incoming, Outgoing, Page, SessionResponse};
use crate::core::error::Code;
use crate::core::json::{Document, Object, Value, decimal};
use crate::core::time;
use crate::guest::event::{Direction, Kind};

/// The largest text of a guest message, bytes of UTF-8 (§4.4).
pub const MAX_TEXT_BYTES: usize = 4096;
/// Custom attributes together, bytes, until the session tells otherwise (§4.4).
pub const MAX_ATTRIBUTE_BYTES: usize = 2048;
/// One history page (the Java client's size; §5.7).
pub const PAGE_SIZE: u32 = 100;

/// Typing without a duration is shown for this long (§5.4).
const TYPING_MS: i64 = 5_000;
/// No typing is shown for longer than this, whatever it says.
const TYPING_MOST_MS: i64 = 60_000;

/// Reads a frame that is JSON; `None` where it has not the form of an envelope.
pub fn decode<'a>(document: &'a Document<'_>) -> Option<Incoming<'a>> {
    let root = document.root();
    let class = root.text("class")?;
    let code = root.int("code").unwrap_or(200);
    let body = root.get("body");
    let object = body.filter(|body| body.is_object());
    let frame = match class {
        "SessionResponse" => Frame::Session(session(object?)),
        "StructuredMessage" => Frame::Message { response: root.is("type", "response"), entry: entry(object?)? },
        "JwtResponse" => Frame::Jwt(object?.text("jwt")?, object?.int("exp").and_then(epoch_ms)),
        "string" => {
            let text = body.and_then(Value::as_str).unwrap_or_default();
            Frame::Error(fault(code, None, text))
        }
        "TooManyRequestsErrorMessage" => {
            let seconds = object.and_then(|body| body.int("retryAfter"));
            Frame::Error(fault(429, seconds, ""))
        }
        "Error" | "ErrorMessage" => {
            let inner = object.and_then(|body| body.int("errorCode")).unwrap_or(code);
            let seconds = object.and_then(|body| body.int("retryAfter"));
            let text = object.and_then(|body| body.text("errorMessage").or_else(|| body.text("message"))).unwrap_or_default();
            Frame::Error(fault(inner, seconds, text))
        }
        "SessionExpiredEvent" => Frame::Expired,
        "SessionClearedEvent" => Frame::Cleared,
        "ConnectionClosedEvent" => {
            let reason = object.and_then(|body| body.text("reason").or_else(|| body.text("reasonCode")));
            Frame::Closed { signed_in: reason == Some("signedIn") }
        }
        "LogoutEvent" => Frame::LoggedOut,
        "PresignedUrlResponse" | "UploadSuccessEvent" | "UploadFailureEvent" | "GenerateUrlError" | "AttachmentDeletedResponse" => Frame::Other,
        "GetConfigurationResponse" | "ResumeTokenResponse" | "Unknown" => Frame::Other,
        _ => Frame::Unknown,
    };
    // An inner tracing id is the model's other place for it (§3.2, `Error`).
    let tracing = root.text("tracingId").or_else(|| object?.text("tracingId"));
    Some(Incoming { tracing, frame })
}

fn session(body: Value<'_>) -> SessionResponse {
    SessionResponse {
        connected: body.get("connected").and_then(Value::as_bool) != Some(false),
        new: body.flag("newSession"),
        read_only: body.flag("readOnly"),
        auto_started: body.flag("autoStarted"),
        max_attribute_bytes: body.int("maxCustomDataBytes").and_then(|bytes| usize::try_from(bytes).ok()),
        duration_ms: body.int("durationSeconds").map(|seconds| seconds.saturating_mul(1000)).filter(time::is_date),
        expires_at: body.int("expirationDate").and_then(epoch_ms),
    }
}

/// Epoch seconds, or milliseconds where they can only be that (§12).
fn epoch_ms(value: i64) -> Option<i64> {
    let ms = if value > 100_000_000_000 { value } else { value.saturating_mul(1000) };
    Some(ms).filter(time::is_date)
}

fn fault(code: i64, retry_after: Option<i64>, text: &str) -> Fault {
    let code = if code == 429 { 4029 } else { code };
    let starts = |prefix: &str| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    Fault {
        code: Code(u16::try_from(code).unwrap_or(5000)),
        retry_after: retry_after.and_then(|seconds| u64::try_from(seconds).ok()).map(|seconds| seconds.min(3600) * 1000),
        wants_auth: code == 403 && (starts("Session authentication failed") || starts("Try to authenticate again")),
    }
}

/// Reads the body of a message; `None` where it is none at all.
pub fn entry(body: Value<'_>) -> Option<Entry<'_>> {
    body.is_object().then_some(())?;
    let channel = body.get("channel");
    let metadata = body.get("metadata");
    let named = |name: &str| metadata.and_then(|metadata| metadata.text(name)).filter(|id| !id.is_empty());
    let events = body.get("events");
    let kind = match body.text("type") {
        Some("Text" | "Message") | None => Some(Kind::Text),
        Some("Structured") => Some(Kind::Structured),
        // Only presence is part of the conversation; typing and the rest passes.
        Some("Event") => happenings(events).any(|what| matches!(what, Happening::Join | Happening::Disconnect)).then_some(Kind::Event),
        Some("Receipt") => None,
        Some(_) => Some(Kind::Structured),
    };
    Some(Entry {
        id: body.text("id").filter(|id| !id.is_empty()),
        message_id: channel.and_then(|channel| channel.text("messageId")).filter(|id| !id.is_empty()),
        own_id: named("id").or_else(|| named("customMessageId")),
        time: channel.and_then(|channel| channel.text("time")).and_then(time::parse),
        direction: if body.is("direction", "Inbound") { Direction::Inbound } else { Direction::Outbound },
        kind,
        text: body.text("text"),
        body: body.raw(),
        events,
        read_only: metadata.is_some_and(|metadata| metadata.is("readOnly", "true")),
        expires_at: metadata.and_then(|metadata| metadata.int("expirationDate")).and_then(epoch_ms),
    })
}

pub(super) fn happenings<'a>(events: Option<Value<'a>>) -> impl Iterator<Item = Happening> + 'a {
    events.into_iter().flat_map(Value::items).map(happening)
}

fn happening(part: Value<'_>) -> Happening {
    match part.text("eventType") {
        Some("Typing") => {
            let typing = part.get("typing");
            let off = typing.and_then(|typing| typing.text("type")).is_some_and(|kind| kind.eq_ignore_ascii_case("off"));
            let duration = typing.and_then(|typing| typing.int("duration").or_else(|| typing.int("durationMs"))).unwrap_or(TYPING_MS);
            Happening::Typing { on: !off, duration_ms: duration.clamp(0, TYPING_MOST_MS) as u64 }
        }
        Some("Presence") => match part.get("presence").and_then(|presence| presence.text("type")) {
            Some("Join") => Happening::Join,
            Some("Disconnect") => Happening::Disconnect,
            Some("Clear") => Happening::Clear,
            _ => Happening::Other,
        },
        _ => Happening::Other,
    }
}

/// Reads a history page; one odd entry never costs the rest. `None` where it is no page.
pub fn page<'a>(document: &'a Document<'_>) -> Option<Page<'a>> {
    let root = document.root();
    let entities = root.get("entities").filter(|entities| entities.is_array())?;
    Some(Page { entries: entities.items().filter_map(entry).collect(), page_count: root.int("pageCount"), next: None })
}

/// The socket's URL (§1.3).
pub fn socket_url(host: &str, deployment: &str) -> String {
    [host, "/v1?deploymentId=", deployment, "&application=guestwire-", env!("CARGO_PKG_VERSION")].concat()
}

/// A history page's URL (§5.7); pages count from 1, newest first.
pub fn history_url(api: &str, page: u32) -> String {
    [api, "/api/v2/webmessaging/messages?pageNumber=", &decimal(page.into()), "&pageSize=", &decimal(PAGE_SIZE.into())].concat()
}

fn request(token: &str, action: &str, tracing: &str) -> Object {
    let mut request = Object::new();
    request.text("token", token).text("tracingId", tracing).text("action", action);
    request
}

/// `configureSession` (§2.1).
pub fn configure(token: &str, tracing: &str, deployment: &str, start_new: bool) -> String {
    let customer = Object::new().text("id", token).text("idType", "cookie").end();
    let session = Object::new().text("id", "").text("type", "web").end();
    let journey = Object::new().raw("customer", &customer).raw("customerSession", &session).end();
    request(token, "configureSession", tracing)
        .text("deploymentId", deployment)
        .raw("startNew", if start_new { "true" } else { "false" })
        .raw("journeyContext", &journey)
        .end()
}

/// `echo` (§2.3).
pub fn echo(token: &str, tracing: &str) -> String {
    request(token, "echo", tracing).raw("message", r#"{"text":"ping","type":"Text"}"#).end()
}

/// `getJwt` (§2.8).
pub fn get_jwt(token: &str, tracing: &str) -> String {
    request(token, "getJwt", tracing).end()
}

/// `closeSession` (§2.7).
pub fn close_session(token: &str, tracing: &str) -> String {
    request(token, "closeSession", tracing).raw("closeAllConnections", "true").end()
}

/// `onMessage` with text (§2.4). The id goes out twice: as `tracingId` and as `message.metadata.id`; the echo carries
/// the one, history the other, where the service carries them.
pub fn message(token: &str, id: &str, outgoing: &Outgoing<'_>) -> String {
    let mut message = Object::new();
    message.text("type", if outgoing.structured { "Structured" } else { "Text" }).text("text", outgoing.text);
    message.maybe_raw("content", outgoing.content).maybe_raw("channel", outgoing.attributes.map(custom).as_deref());
    let metadata = Object::new().text("id", id).end();
    request(token, "onMessage", id).raw("message", &message.raw("metadata", &metadata).end()).end()
}

fn custom(attributes: &str) -> String {
    Object::new().raw("metadata", &Object::new().raw("customAttributes", attributes).end()).end()
}

/// `onMessage` with one event (§2.6).
fn event(token: &str, tracing: &str, event: &str, attributes: Option<&str>) -> String {
    let mut message = Object::new();
    message.text("type", "Event").raw("events", &["[", event, "]"].concat());
    message.maybe_raw("channel", attributes.map(custom).as_deref());
    request(token, "onMessage", tracing).raw("message", &message.end()).end()
}

/// The guest types (§2.6).
pub fn typing(token: &str, tracing: &str) -> String {
    event(token, tracing, r#"{"eventType":"Typing","typing":{"type":"On"}}"#, None)
}

/// The guest joins (§2.6).
pub fn join(token: &str, tracing: &str, attributes: Option<&str>) -> String {
    event(token, tracing, r#"{"eventType":"Presence","presence":{"type":"Join"}}"#, attributes)
}

/// The guest clears the conversation (§2.6).
pub fn clear(token: &str, tracing: &str) -> String {
    event(token, tracing, r#"{"eventType":"Presence","presence":{"type":"Clear"}}"#, None)
}
