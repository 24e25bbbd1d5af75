//! Values that never reach a log: tokens and whatever else admits to a conversation.

use std::fmt;

/// A secret text. It has no `Display`, and its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: String) -> Secret {
        Secret(value)
    }

    /// The value, for the wire and for storage only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        let request = crate::core::http::Request {
            method: crate::core::http::Method::Get,
            url: "https://api.example".into(),
            authorization: Some(crate::core::http::Authorization::Bearer(Secret::new("hunter2".into()))),
            cookies: false,
            body: None,
            timeout_ms: 1,
        };
        assert!(!format!("{request:?}").contains("hunter2"));
    }
}
