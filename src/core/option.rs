//! Options that every client has, read from the JSON that the shim hands over; a wrong one is named.

use super::backoff::Policy;
use super::error::{Code, Refusal};
use super::json::Value;
#[cfg(any(feature = "session", feature = "streams"))]
use super::secret::Secret;
#[cfg(any(feature = "session", feature = "streams"))]
use super::token::Source;

/// An option is wrong.
pub fn wrong(field: &'static str) -> Refusal {
    Refusal::field(Code::INVALID_OPTION, field)
}

/// Which of these words a member is; the first where it is absent.
pub fn choice(root: Value<'_>, field: &'static str, words: &[&str]) -> Result<usize, Refusal> {
    let Some(value) = root.get(field) else { return Ok(0) };
    words.iter().position(|word| value.as_str() == Some(word)).ok_or(wrong(field))
}

/// Whether a text is not empty and has letters, digits and these marks only.
pub fn is_made_of(text: &str, marks: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || marks.bytes().any(|mark| mark == byte))
}

/// One origin that serves everything: where it takes requests and where sockets.
pub fn endpoint(endpoint: &str) -> Result<[String; 2], Refusal> {
    let endpoint = endpoint.trim_end_matches('/');
    let scheme = endpoint.strip_prefix("http").filter(|rest| rest.strip_prefix('s').unwrap_or(rest).starts_with("://"));
    let plain = !endpoint.bytes().any(|byte| matches!(byte, b'?' | b'#' | b'@' | b' '));
    if scheme.is_some() && plain { Ok([endpoint.to_string(), socket_of(endpoint)]) } else { Err(wrong("endpoint")) }
}

/// The origin of sockets: the scheme is the other's with `ws` in the place of `http`.
pub fn socket_of(http: &str) -> String {
    ["ws", http.strip_prefix("http").unwrap_or_default()].concat()
}

/// `{"url"}`, `{"clientId", "clientSecret"}`, or nothing: then the page is asked.
#[cfg(any(feature = "session", feature = "streams"))]
pub fn source(root: Value<'_>, api: &str) -> Result<Source, Refusal> {
    let Some(token) = root.get("token") else { return Ok(Source::Callback) };
    let text = |name| token.string(name).filter(|value| !value.is_empty());
    match (text("url"), text("clientId"), text("clientSecret")) {
        (Some(url), None, None) => Ok(Source::Url(url)),
        (None, Some(id), Some(secret)) => Ok(Source::Grant {
            url: [api, "/oauth/token"].concat(),
            id,
            secret: Secret::new(secret),
            #[cfg(feature = "streams")]
            basic: false,
        }),
        _ => Err(wrong("token")),
    }
}

/// `"default"`, `"tutorial"`, or `{"baseMs", "maxMs"}`.
pub fn backoff(root: Value<'_>) -> Result<Policy, Refusal> {
    let Some(value) = root.get("backoff").filter(|value| value.as_str() != Some("default")) else { return Ok(Policy::default()) };
    if value.as_str() == Some("tutorial") {
        return Ok(Policy::Tutorial);
    }
    match (value.int("baseMs"), value.int("maxMs")) {
        (Some(base), Some(most)) if 1 <= base && base <= most && most <= 3_600_000 => {
            Ok(Policy::Spread { base_ms: base as u64, most_ms: most as u64 })
        }
        _ => Err(wrong("backoff")),
    }
}
