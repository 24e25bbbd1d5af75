//! HTTP requests as data: the machine says what to ask, the host asks it and brings the reply.

use super::json::whole_number;
use super::secret::Secret;
use std::fmt;

/// The methods in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    #[cfg(feature = "streams")]
    Put,
}

impl Method {
    /// As it stands in the request.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            #[cfg(feature = "streams")]
            Method::Put => "PUT",
        }
    }
}

/// What a request's `Authorization` says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Authorization {
    /// An access token (RFC 6750).
    Bearer(Secret),
    /// Base64 of a client's id and secret (RFC 7617).
    #[cfg(feature = "streams")]
    Basic(Secret),
}

/// One request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The absolute URL.
    pub url: String,
    /// Who asks.
    pub authorization: Option<Authorization>,
    /// It goes to the site's own backend, which may know the visitor by a cookie.
    pub cookies: bool,
    /// The body.
    pub body: Option<Body>,
    /// After so many milliseconds the host gives up with [`Unreachable::Timeout`].
    pub timeout_ms: u32,
}

/// What is sent along.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// The content type.
    pub kind: &'static str,
    /// The text. It may hold a secret, so `Debug` shows nothing of it.
    pub text: String,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind)
    }
}

/// What came back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reply<'a> {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, where the service lets a page read it.
    pub retry_after: Option<&'a str>,
    /// The body as text.
    pub body: &'a str,
}

impl Reply<'_> {
    /// The wait asked for in milliseconds; only the form in seconds is read (RFC 9110 §10.2.3), bounded to an hour.
    pub fn retry_after_ms(&self) -> Option<u64> {
        let seconds = whole_number(self.retry_after?.trim_ascii())?;
        Some(seconds.min(3600) * 1000)
    }
}

/// Why there is no reply. A browser does not tell more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreachable {
    /// No connection, a refused one, or one the browser forbids.
    Network,
    /// No answer in time.
    Timeout,
}
