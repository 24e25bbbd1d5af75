//! What goes into the service and what comes out of it, as plain data.

/// A WebSocket connection, named by whoever carries the bytes. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u64);

/// An HTTP request under way, named by whoever carries the bytes. Never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HttpId(pub u64);

/// An upgrade request as it reaches the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upgrade {
    /// Path and query, with or without scheme and host in front.
    pub target: String,
    /// The `Origin` header.
    pub origin: Option<String>,
    /// The `Authorization` header, which no browser can set here.
    pub authorization: Option<String>,
}

/// An HTTP request as it reaches the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method, in capitals.
    pub method: String,
    /// Path and query; an absolute URL is understood too.
    pub target: String,
    /// Header names and values; names are compared without regard to case.
    pub headers: Vec<(String, String)>,
    /// The body, empty when there is none.
    pub body: Vec<u8>,
}

impl HttpRequest {
    /// The value of a header, whatever the case of its name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// An HTTP response of the service.
///
/// A `status` of 0 is no answer at all: the fault `drop` ends the TCP connection instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status code, or 0 for a connection that is cut before it answers.
    pub status: u16,
    /// Header names (lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// No answer: the connection ends.
    pub(crate) fn cut() -> Self {
        Self::default()
    }
}

/// What the carrier of the bytes has to do next, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Answer the upgrade with 101.
    Accept(ConnectionId),
    /// Answer the upgrade with this status and these headers.
    Refuse(ConnectionId, u16, Vec<(String, String)>),
    /// Send a text frame.
    Text(ConnectionId, String),
    /// Send a binary frame.
    Binary(ConnectionId, Vec<u8>),
    /// Send a close frame with this code (1005: without one) and reason, then end the connection.
    Close(ConnectionId, u16, String),
    /// End the TCP connection without a close frame.
    Drop(ConnectionId),
    /// Answer an HTTP request.
    Respond(HttpId, HttpResponse),
}
