//! HTTP: one request, one answer, one deadline.
//!
//! Answers are read by gloo-net. Requests are not built by it, since it panics over a header that the browser refuses,
//! and the service writes our bearer; nor are they sent by it: the page may have put a `fetch` of its own in the place
//! of the platform's, and what that gives back, gloo-net's `send` would answer with a panic.
//!
//! The deadline is not kept here: the driver has one timer for everything and gives a request up by dropping it.

use super::bag::{Bag, Host, TextDecoder, byte_length, member, put};
use super::callback::Callback;
use super::driver::plain;
use crate::core::http::{Authorization, Request};
use crate::core::machine::RequestId;
use crate::core::plain::Members;
use gloo_net::http::Response;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, ReadableStreamDefaultReader};

/// Longer bodies are not read, bytes. A page of history is 100 entries of 4 KB of text at most, with room for rich parts.
const BODY_LIMIT: usize = 4 << 20;

/// A request under way. Dropping it aborts it, and nothing of it is told.
pub struct Call {
    /// Its name.
    pub id: RequestId,
    /// When it is given up, in [`Now::mono`](crate::core::machine::Now::mono) milliseconds.
    pub deadline: u64,
    abort: AbortController,
    bag: Bag,
    _done: Callback,
}

/// What came back.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, where a page may read it.
    pub retry_after: Option<String>,
    /// The body; empty where it is no UTF-8.
    pub body: String,
}

impl Call {
    /// Starts a request, or without one asks the page for an access token. `tell` is called once, later, unless the call is
    /// dropped before; `None` says that the network is away, or the browser forbids the request, or its answer was over the
    /// limit.
    pub fn start(
        bag: &Bag,
        host: &Host,
        id: RequestId,
        request: Option<&Request>,
        deadline: u64,
        mut tell: impl FnMut(RequestId, Option<Answer>) + 'static,
    ) -> Option<Call> {
        let abort = AbortController::new().ok()?;
        let sent = match request {
            Some(request) => host.fetch(&request.url, &build(request, &abort)),
            None => host.token(),
        };
        let sent = JsFuture::from(sent.ok()?);
        let slot: Rc<Cell<Option<Answer>>> = Rc::default();
        let done = {
            let slot = slot.clone();
            Callback::new(bag, move |_| tell(id, slot.take()))
        };
        let (soon, to_be_told) = (bag.clone(), done.function().clone());
        spawn_local(async move {
            if let Ok(response) = sent.await {
                slot.set(read(response.unchecked_into::<web_sys::Response>().into()).await);
            }
            // Not from in here: a panic must be met where the shim stands below it.
            soon.soon(&to_be_told);
        });
        bag.hold(&abort);
        Some(Call { id, deadline, abort, bag: bag.clone(), _done: done })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.bag.release(&self.abort);
        // Of no effect on one that is over.
        self.abort.abort();
    }
}

/// What `Request` is made of.
fn build(request: &Request, abort: &AbortController) -> JsValue {
    let authorization = request.authorization.as_ref().map(|authorization| {
        let (scheme, secret) = match authorization {
            Authorization::Bearer(token) => ("bearer ", token),
            #[cfg(feature = "streams")]
            Authorization::Basic(credentials) => ("basic ", credentials),
        };
        [scheme, secret.expose()].concat()
    });
    let mut headers = Members::default();
    if cfg!(any(feature = "session", feature = "streams")) {
        headers.text("accept", "application/json");
    }
    headers.maybe_text("authorization", authorization.as_deref());
    headers.maybe_text("content-type", request.body.as_ref().map(|body| body.kind));
    let mut init = Members::default();
    init.text("method", request.method.name());
    // The service knows the visitor by the token alone; the site's cookies are none of its business.
    init.text("credentials", if request.cookies { "same-origin" } else { "omit" });
    init.maybe_text("body", request.body.as_ref().map(|body| &*body.text));
    init.object("headers", headers);
    // Member by member: the classes of headers and options are 150 bytes more of every module, brotli.
    let init = plain(&init);
    put(&init, "signal", &abort.signal());
    init
}

async fn read(response: Response) -> Option<Answer> {
    let retry_after = response.headers().get("retry-after");
    let decoder = TextDecoder::strict();
    let mut length = 0;
    let mut body = Some(String::new());
    if let Some(stream) = response.body() {
        let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
        loop {
            let step = JsFuture::from(reader.read()).await.ok()?;
            let is_last = member(&step, "done").is_truthy();
            let chunk = member(&step, "value");
            length += byte_length(&chunk);
            if length > BODY_LIMIT {
                // The call that waits for this is dropped next, and aborts what is left.
                return None;
            }
            body = body.zip(decoder.read(&chunk, !is_last)).map(|(body, part)| body + &part);
            if is_last {
                break;
            }
        }
    }
    Some(Answer { status: response.status(), retry_after, body: body.unwrap_or_default() })
}
