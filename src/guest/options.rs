//! The options of one client, read from the JSON that the shim hands over; a wrong one is named.

use super::wire::Wire;
use crate::core::backoff::Policy;
use crate::core::error::{Code, Refusal};
use crate::core::json::{Document, Value};
use crate::core::option::{self, wrong};
use crate::core::token::Source;

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

    /// Reads options and looks at every one of them.
    pub fn parse(text: &str) -> Result<Options, Refusal> {
        let document = Document::parse(text).filter(|document| document.root().is_object()).ok_or(wrong("options"))?;
        check(document.root())?;
        Ok(Options::read(document.root()))
    }

    /// Reads options that were looked at before (the shim does that when a client is made: `www/client/options.ts`). `None` where
    /// this module does not speak the protocol.
    pub fn trusted(text: &str) -> Option<Options> {
        let document = Document::parse(text).filter(|document| cfg!(feature = "session") || !document.root().is("protocol", "session"))?;
        Some(Options::read(document.root()))
    }

    fn read(root: Value<'_>) -> Options {
        let [cdn, api, socket] = hosts(root);
        let wire = if cfg!(feature = "session") && root.is("protocol", "session") { Wire::Session } else { Wire::Guest };
        #[cfg(feature = "session")]
        let (token, has_token) = (option::source(root, &api).unwrap_or(Source::Callback), wire.is_session() || root.get("token").is_some());
        #[cfg(not(feature = "session"))]
        let (token, has_token) = (Source::Callback, false);
        Options {
            deployment: root.string("deploymentId").unwrap_or_default(),
            cdn,
            api,
            socket,
            needs_consent: root.is("consent", "required"),
            attributes: root.get("attributes").map(|value| value.raw().to_string()),
            wire,
            token,
            has_token,
            backoff: option::backoff(root).unwrap_or_default(),
            hidden: root.get("visible").and_then(Value::as_bool) == Some(false),
        }
    }
}

/// Refuses what is wrong, by field.
fn check(root: Value<'_>) -> Result<(), Refusal> {
    root.text("deploymentId").filter(|id| id.len() <= 128 && option::is_made_of(id, "-_")).ok_or(wrong("deploymentId"))?;
    let is_session = option::choice(root, "protocol", &["guest", "session"])? == 1;
    if is_session && cfg!(not(feature = "session")) {
        return Err(Refusal::field(Code::UNSUPPORTED, "protocol"));
    }
    match (root.text("region"), root.text("endpoint")) {
        (Some(region), None) if option::is_made_of(region, ".-") && region.bytes().any(|byte| byte == b'.') => {}
        (None, Some(endpoint)) => drop(option::endpoint(endpoint)?),
        (_, None) => return Err(wrong("region")),
        (Some(_), Some(_)) => return Err(wrong("endpoint")),
    }
    if is_session && root.get("endpoint").is_none() {
        return Err(wrong("endpoint"));
    }
    option::choice(root, "storage", &["local", "session", "memory"])?;
    option::choice(root, "consent", &["granted", "required"])?;
    let custom = root.get("attributes");
    custom.map_or(Ok(()), attributes)?;
    if is_session && custom.is_some() {
        return Err(Refusal::field(Code::UNSUPPORTED, "attributes"));
    }
    #[cfg(feature = "session")]
    option::source(root, "")?;
    option::backoff(root).map(drop)
}

/// Checks that a value is an object of strings.
pub fn attributes(value: Value<'_>) -> Result<(), Refusal> {
    if value.is_object() && value.members().all(|(_, value)| value.as_str().is_some()) { Ok(()) } else { Err(wrong("attributes")) }
}

/// The hosts of guest-api.md §1.1 (configuration, history, socket), or the one origin that serves them all.
fn hosts(root: Value<'_>) -> [String; 3] {
    match root.text("region") {
        Some(region) => ["https://api-cdn.", "https://api.", "wss://webmessaging."].map(|host| [host, region].concat()),
        None => {
            let http = root.text("endpoint").unwrap_or_default().trim_end_matches('/');
            [http.to_string(), http.to_string(), option::socket_of(http)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::secret::Secret;

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
        let grant = Source::Grant { url: "http://h/oauth/token".into(), id: "a".into(), secret: Secret::new("b".into()), basic: false };
        assert_eq!(source(r#"{"clientId":"a","clientSecret":"b"}"#), grant);
        let refusal = Options::parse(&session(r#""endpoint":"http://h","attributes":{"a":"b"}"#)).unwrap_err();
        assert_eq!((refusal.code, refusal.field), (Code::UNSUPPORTED, Some("attributes")));
    }
}
