//! The options of one client, read from the JSON that the shim hands over; a wrong one is named.

use super::wire::Wire;
use crate::core::backoff::Policy;
use crate::core::error::{Code, Refusal};
use crate::core::json::{Document, Value};
#[cfg(feature = "session")]
use crate::core::secret::Secret;
use crate::core::token::Source;

/// Where what must survive a reload is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Storage {
    /// For all tabs and visits.
    Local,
    /// For this tab.
    Session,
    /// Not at all.
    Memory,
}

/// What a client was made with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The deployment.
    pub deployment: String,
    /// Serves the deployment's configuration: `https://api-cdn.D`, or the one endpoint.
    pub cdn: String,
    /// Serves history: `https://api.D`, or the one endpoint.
    pub api: String,
    /// Serves the socket: `wss://webmessaging.D`, or the one endpoint with its scheme changed.
    pub socket: String,
    /// Where things are kept.
    pub storage: Storage,
    /// Nothing is stored and nothing connects before consent.
    pub needs_consent: bool,
    /// Custom attributes for the first message: raw JSON of an object of strings.
    pub attributes: Option<String>,
    /// Which protocol is spoken.
    pub wire: Wire,
    /// Where access tokens come from, for the session protocol.
    pub token: Source,
    /// Tokens can be had.
    pub has_token: bool,
    /// How to wait between attempts.
    pub backoff: Policy,
    /// The page is hidden as it begins.
    pub hidden: bool,
}

impl Options {
    /// Whether what the other protocol left behind can be settled over it.
    pub fn can_speak(&self, wire: Wire) -> bool {
        // One origin serves both; the session protocol needs tokens besides.
        self.cdn == self.api && (!wire.is_session() || self.has_token)
    }

    /// Reads options.
    pub fn parse(text: &str) -> Result<Options, Refusal> {
        let document = Document::parse(text).filter(|document| document.root().is_object()).ok_or(wrong("options"))?;
        let root = document.root();
        let deployment = root.text("deploymentId").filter(|id| id.len() <= 128 && is_made_of(id, "-_")).ok_or(wrong("deploymentId"))?;
        let wire = match choice(root, "protocol", &["guest", "session"])? {
            0 => Wire::Guest,
            _ if cfg!(feature = "session") => Wire::Session,
            _ => return Err(Refusal::field(Code::UNSUPPORTED, "protocol")),
        };
        let [cdn, api, socket] = hosts(root)?;
        if wire.is_session() && root.get("endpoint").is_none() {
            return Err(wrong("endpoint"));
        }
        let storage = [Storage::Local, Storage::Session, Storage::Memory][choice(root, "storage", &["local", "session", "memory"])?];
        let needs_consent = choice(root, "consent", &["granted", "required"])? == 1;
        let custom = root.get("attributes");
        custom.map_or(Ok(()), attributes)?;
        if wire.is_session() && custom.is_some() {
            return Err(Refusal::field(Code::UNSUPPORTED, "attributes"));
        }
        #[cfg(feature = "session")]
        let (token, has_token) = (source(root, &api)?, wire.is_session() || root.get("token").is_some());
        #[cfg(not(feature = "session"))]
        let (token, has_token) = (Source::Callback, false);
        Ok(Options {
            deployment: deployment.to_string(),
            cdn,
            api,
            socket,
            storage,
            needs_consent,
            attributes: custom.map(|value| value.raw().to_string()),
            wire,
            token,
            has_token,
            backoff: backoff(root)?,
            hidden: root.get("visible").and_then(Value::as_bool) == Some(false),
        })
    }
}

/// Checks that a value is an object of strings.
pub fn attributes(value: Value<'_>) -> Result<(), Refusal> {
    if value.is_object() && value.members().all(|(_, value)| value.as_str().is_some()) { Ok(()) } else { Err(wrong("attributes")) }
}

fn wrong(field: &'static str) -> Refusal {
    Refusal::field(Code::INVALID_OPTION, field)
}

/// Which of these words a member is; the first where it is absent.
fn choice(root: Value<'_>, field: &'static str, words: &[&str]) -> Result<usize, Refusal> {
    let Some(value) = root.get(field) else { return Ok(0) };
    words.iter().position(|word| value.as_str() == Some(word)).ok_or(wrong(field))
}

/// Whether a text is not empty and has letters, digits and these marks only.
fn is_made_of(text: &str, marks: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || marks.bytes().any(|mark| mark == byte))
}

/// The hosts of guest-api.md §1.1 (configuration, history, socket), or the one origin that serves them all.
fn hosts(root: Value<'_>) -> Result<[String; 3], Refusal> {
    match (root.text("region"), root.text("endpoint")) {
        (Some(region), None) if is_made_of(region, ".-") && region.bytes().any(|byte| byte == b'.') => {
            Ok(["https://api-cdn.", "https://api.", "wss://webmessaging."].map(|host| [host, region].concat()))
        }
        (None, Some(mut endpoint)) => {
            while let Some(shorter) = endpoint.strip_suffix('/') {
                endpoint = shorter;
            }
            // The socket's scheme is the other's with `ws` in the place of `http`.
            let scheme = endpoint.strip_prefix("http").filter(|rest| rest.strip_prefix('s').unwrap_or(rest).starts_with("://"));
            let plain = !endpoint.bytes().any(|byte| matches!(byte, b'?' | b'#' | b'@' | b' '));
            match scheme {
                Some(rest) if plain => Ok([endpoint.to_string(), endpoint.to_string(), ["ws", rest].concat()]),
                _ => Err(wrong("endpoint")),
            }
        }
        (_, None) => Err(wrong("region")),
        (Some(_), Some(_)) => Err(wrong("endpoint")),
    }
}

/// `{"url"}`, `{"clientId", "clientSecret"}`, or nothing: then the page is asked.
#[cfg(feature = "session")]
fn source(root: Value<'_>, api: &str) -> Result<Source, Refusal> {
    let Some(token) = root.get("token") else { return Ok(Source::Callback) };
    let text = |name| token.string(name).filter(|value| !value.is_empty());
    match (text("url"), text("clientId"), text("clientSecret")) {
        (Some(url), None, None) => Ok(Source::Url(url)),
        (None, Some(id), Some(secret)) => Ok(Source::Grant { url: [api, "/oauth/token"].concat(), id, secret: Secret::new(secret) }),
        _ => Err(wrong("token")),
    }
}

fn backoff(root: Value<'_>) -> Result<Policy, Refusal> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn field(text: &str) -> Option<&'static str> {
        Options::parse(text).err().and_then(|refusal| refusal.field)
    }

    #[test]
    fn a_region_gives_the_three_hosts_of_the_platform() {
        let options = Options::parse(r#"{"deploymentId":"d","region":"mypurecloud.de"}"#).unwrap();
        assert_eq!(options.cdn, "https://api-cdn.mypurecloud.de");
        assert_eq!(options.api, "https://api.mypurecloud.de");
        assert_eq!(options.socket, "wss://webmessaging.mypurecloud.de");
    }

    #[test]
    fn an_endpoint_serves_everything_from_one_origin() {
        let options = Options::parse(r#"{"deploymentId":"d","endpoint":"http://127.0.0.1:8787/"}"#).unwrap();
        assert_eq!(options.cdn, "http://127.0.0.1:8787");
        assert_eq!(options.socket, "ws://127.0.0.1:8787");
    }

    #[test]
    fn a_wrong_option_is_named() {
        assert_eq!(field("nonsense"), Some("options"));
        assert_eq!(field(r#"{"region":"a.b"}"#), Some("deploymentId"));
        assert_eq!(field(r#"{"deploymentId":"a/b","region":"a.b"}"#), Some("deploymentId"));
        assert_eq!(field(r#"{"deploymentId":"d"}"#), Some("region"));
        assert_eq!(field(r#"{"deploymentId":"d","region":"evil.com/x"}"#), Some("region"));
        assert_eq!(field(r#"{"deploymentId":"d","region":"a.b","endpoint":"http://x"}"#), Some("endpoint"));
        for endpoint in ["ftp://x", "http:/x", "http://", "https:///", "httpx://y", "http://a b", "http://x?y", "http://u@x"] {
            assert_eq!(field(&format!(r#"{{"deploymentId":"d","endpoint":"{endpoint}"}}"#)), Some("endpoint"), "{endpoint}");
        }
        assert_eq!(field(r#"{"deploymentId":"d","region":"a.b","storage":"disk"}"#), Some("storage"));
        assert_eq!(field(r#"{"deploymentId":"d","region":"a.b","consent":"maybe"}"#), Some("consent"));
        assert_eq!(field(r#"{"deploymentId":"d","region":"a.b","attributes":{"a":1}}"#), Some("attributes"));
        assert_eq!(field(r#"{"deploymentId":"d","region":"a.b","backoff":{"baseMs":0,"maxMs":1}}"#), Some("backoff"));
        assert_eq!(field(r#"{"deploymentId":"d","region":"a.b","protocol":"xmpp"}"#), Some("protocol"));
    }

    #[test]
    fn the_session_protocol_needs_an_endpoint_and_a_token_source() {
        let session = |more: &str| format!(r#"{{"deploymentId":"d","protocol":"session",{more}}}"#);
        let token = |source: &str| session(&format!(r#""endpoint":"http://h","token":{source}"#));
        assert_eq!(field(&session(r#""region":"a.b""#)), Some("endpoint"));
        for wrong in ["1", "{}", r#"{"url":""}"#, r#"{"clientId":"a"}"#, r#"{"url":"http://t","clientId":"a","clientSecret":"b"}"#] {
            assert_eq!(field(&token(wrong)), Some("token"), "{wrong}");
        }
        let source = |text: &str| Options::parse(&token(text)).unwrap().token;
        assert_eq!(Options::parse(&session(r#""endpoint":"http://h""#)).unwrap().token, Source::Callback);
        assert_eq!(source(r#"{"url":"http://t"}"#), Source::Url("http://t".into()));
        let grant = Source::Grant { url: "http://h/oauth/token".into(), id: "a".into(), secret: Secret::new("b".into()) };
        assert_eq!(source(r#"{"clientId":"a","clientSecret":"b"}"#), grant);
        let refusal = Options::parse(&session(r#""endpoint":"http://h","attributes":{"a":"b"}"#)).unwrap_err();
        assert_eq!((refusal.code, refusal.field), (Code::UNSUPPORTED, Some("attributes")));
    }
}
