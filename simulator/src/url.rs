//! The little of URLs that the service needs: path, query, base.

/// A request target taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// `http://host:port` where the target was an absolute URL.
    pub(crate) base: Option<String>,
    pub(crate) path: String,
    pub(crate) query: String,
}

impl Target {
    pub(crate) fn parse(target: &str) -> Self {
        let (base, rest) = match target.split_once("://") {
            Some((scheme, rest)) if !scheme.contains('/') => {
                let end = rest.find(['/', '?']).unwrap_or(rest.len());
                let scheme = match scheme {
                    "wss" | "https" => "https",
                    _ => "http",
                };
                (Some(format!("{scheme}://{}", &rest[..end])), &rest[end..])
            }
            _ => (None, target),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        Self { base, path: if path.is_empty() { "/".into() } else { path.into() }, query: query.into() }
    }

    /// The decoded value of a query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters(name).next()
    }

    /// The decoded values of a query parameter that may be given more than once.
    pub(crate) fn parameters(&self, name: &str) -> impl Iterator<Item = String> {
        parameters(&self.query, name)
    }

    /// The query without what must not be written down: tokens.
    pub(crate) fn query_without_tokens(&self) -> String {
        const SECRETS: [&str; 2] = ["token", "access_token"];
        let is_fine = |pair: &&str| !SECRETS.contains(&decode(pair.split('=').next().unwrap_or_default()).as_str());
        self.query.split('&').filter(is_fine).collect::<Vec<_>>().join("&")
    }
}

/// The decoded values of a parameter in a query or a form body.
pub(crate) fn parameters(encoded: &str, name: &str) -> impl Iterator<Item = String> {
    encoded.split('&').filter_map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key) == name).then(|| decode(value))
    })
}

/// Percent decoding, with `+` as a space.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten().and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (hex, bytes[at]) {
            (Some(byte), _) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (None, b'+') => out.push(b' '),
            (None, byte) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent encoding of everything that is not unreserved.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_comes_apart_with_or_without_its_base() {
        let target = Target::parse("/v1?deploymentId=a%20b&application=x");
        assert_eq!(target.path, "/v1");
        assert_eq!(target.base, None);
        assert_eq!(target.parameter("deploymentId").as_deref(), Some("a b"));
        assert_eq!(target.parameter("none"), None);

        let target = Target::parse("ws://127.0.0.1:8787/v1?deploymentId=d");
        assert_eq!(target.base.as_deref(), Some("http://127.0.0.1:8787"));
        assert_eq!(target.path, "/v1");
        assert_eq!(target.parameter("deploymentId").as_deref(), Some("d"));
    }

    #[test]
    fn a_query_may_hold_a_url() {
        let target = Target::parse("/x?next=http://a/b");
        assert_eq!(target.base, None);
        assert_eq!(target.parameter("next").as_deref(), Some("http://a/b"));
    }

    #[test]
    fn a_query_can_be_shown_without_its_tokens() {
        let shown = |target: &str| Target::parse(target).query_without_tokens();
        assert_eq!(shown("/x?after=m1&token=secret&to%6ben=secret"), "after=m1");
        assert_eq!(shown("/x?access_token=secret"), "");
    }

    #[test]
    fn broken_escapes_are_kept_as_they_are() {
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%41"), "%zzA");
        assert_eq!(decode("%€"), "%€");
        assert_eq!(decode(&encode("ä/ b+.png")), "ä/ b+.png");
    }
}
