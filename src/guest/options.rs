//! The options of one client, read from the JSON that the shim hands over; a wrong one is named.

use crate::core::backoff::Policy;
use crate::core::error::{Code, Refusal};
use crate::core::json::{Document, Value};

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
    /// How to wait between attempts.
    pub backoff: Policy,
    /// The page is hidden as it begins.
    pub hidden: bool,
}

impl Options {
    /// Reads options.
    pub fn parse(text: &str) -> Result<Options, Refusal> {
        let document = Document::parse(text).filter(|document| document.root().is_object()).ok_or(wrong("options"))?;
        let root = document.root();
        let deployment = root.text("deploymentId").filter(|id| !id.is_empty() && id.len() <= 128).ok_or(wrong("deploymentId"))?.into_owned();
        if !deployment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
            return Err(wrong("deploymentId"));
        }
        match root.text("protocol").as_deref() {
            None | Some("guest") => {}
            Some("session") => return Err(Refusal::field(Code::UNSUPPORTED, "protocol")),
            Some(_) => return Err(wrong("protocol")),
        }
        let (cdn, api, socket) = hosts(root)?;
        let storage = match root.text("storage").as_deref() {
            None | Some("local") => Storage::Local,
            Some("session") => Storage::Session,
            Some("memory") => Storage::Memory,
            Some(_) => return Err(wrong("storage")),
        };
        let needs_consent = match root.text("consent").as_deref() {
            None | Some("granted") => false,
            Some("required") => true,
            Some(_) => return Err(wrong("consent")),
        };
        let attributes = root.get("attributes").map(|value| attributes(value).map(|()| value.raw().to_string())).transpose()?;
        Ok(Options {
            deployment,
            cdn,
            api,
            socket,
            storage,
            needs_consent,
            attributes,
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

/// The hosts of guest-api.md §1.1, or the one origin that serves them all.
fn hosts(root: Value<'_>) -> Result<(String, String, String), Refusal> {
    match (root.text("region"), root.text("endpoint")) {
        (Some(region), None) => {
            let valid = region.contains('.') && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-');
            if !valid {
                return Err(wrong("region"));
            }
            Ok((["https://api-cdn.", &region].concat(), ["https://api.", &region].concat(), ["wss://webmessaging.", &region].concat()))
        }
        (None, Some(endpoint)) => {
            let endpoint = endpoint.trim_end_matches('/');
            let (socket, rest) = match (endpoint.strip_prefix("http://"), endpoint.strip_prefix("https://")) {
                (Some(rest), _) => ("ws://", rest),
                (_, Some(rest)) => ("wss://", rest),
                _ => return Err(wrong("endpoint")),
            };
            if rest.is_empty() || rest.contains(['?', '#', '@', ' ']) {
                return Err(wrong("endpoint"));
            }
            Ok((endpoint.to_string(), endpoint.to_string(), [socket, rest].concat()))
        }
        (None, None) => Err(wrong("region")),
        (Some(_), Some(_)) => Err(wrong("endpoint")),
    }
}

fn backoff(root: Value<'_>) -> Result<Policy, Refusal> {
    let Some(value) = root.get("backoff") else { return Ok(Policy::default()) };
    match value.as_str().as_deref() {
        Some("default") => return Ok(Policy::default()),
        Some("tutorial") => return Ok(Policy::Tutorial),
        _ => {}
    }
    match (value.int("baseMs"), value.int("maxMs")) {
        (Some(base), Some(most)) if (1..=3_600_000).contains(&base) && (base..=3_600_000).contains(&most) => {
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
        assert_eq!(field(r#"{"deploymentId":"d","endpoint":"ftp://x"}"#), Some("endpoint"));
        assert_eq!(field(r#"{"deploymentId":"d","region":"a.b","storage":"disk"}"#), Some("storage"));
        assert_eq!(field(r#"{"deploymentId":"d","region":"a.b","consent":"maybe"}"#), Some("consent"));
        assert_eq!(field(r#"{"deploymentId":"d","region":"a.b","attributes":{"a":1}}"#), Some("attributes"));
        assert_eq!(field(r#"{"deploymentId":"d","region":"a.b","backoff":{"baseMs":0,"maxMs":1}}"#), Some("backoff"));
        assert_eq!(field(r#"{"deploymentId":"d","region":"a.b","protocol":"xmpp"}"#), Some("protocol"));
    }
}
