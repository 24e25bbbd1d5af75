//! HTTP: one request, one answer, one deadline.
//!
//! Answers are read by gloo-net. Requests are not built by it, since it panics over a header that the browser refuses,
//! and the service writes our bearer; nor are they sent by it: the page may have put a `fetch` of its own in the place
//! of the platform's, and what that gives back, gloo-net's `send` would answer with a panic.
//!
//! The deadline is not kept here: the driver has one timer for everything and gives a request up by dropping it.

use super::bag::{Bag, Host};
use super::callback::Callback;
use crate::core::http::{Authorization, Request};
use crate::core::machine::RequestId;
use gloo_net::http::Response;
use js_sys::{Reflect, Uint8Array};
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, Headers, ReadableStreamDefaultReader, RequestCredentials, RequestInit};

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
            Some(request) => host.fetch(&build(request, &abort)?),
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

fn build(request: &Request, abort: &AbortController) -> Option<web_sys::Request> {
    let headers = Headers::new().ok()?;
    let init = RequestInit::new();
    init.set_method(request.method.name());
    // The service knows the visitor by the token alone; the site's cookies are none of its business.
    init.set_credentials(if request.cookies { RequestCredentials::SameOrigin } else { RequestCredentials::Omit });
    init.set_signal(Some(&abort.signal()));
    if cfg!(any(feature = "session", feature = "streams")) {
        headers.set("accept", "application/json").ok()?;
    }
    if let Some(authorization) = &request.authorization {
        let (scheme, secret) = match authorization {
            Authorization::Bearer(token) => ("bearer ", token),
            #[cfg(feature = "streams")]
            Authorization::Basic(credentials) => ("basic ", credentials),
        };
        headers.set("authorization", &[scheme, secret.expose()].concat()).ok()?;
    }
    if let Some(body) = &request.body {
        headers.set("content-type", body.kind).ok()?;
        init.set_body(&JsValue::from_str(&body.text));
    }
    init.set_headers(&headers);
    web_sys::Request::new_with_str_and_init(&request.url, &init).ok()
}

async fn read(response: Response) -> Option<Answer> {
    let retry_after = response.headers().get("retry-after");
    let mut body = Vec::new();
    if let Some(stream) = response.body() {
        let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
        loop {
            let step = JsFuture::from(reader.read()).await.ok()?;
            let of = |name: &str| Reflect::get(&step, &JsValue::from_str(name)).unwrap_or_default();
            if of("done").is_truthy() {
                break;
            }
            let chunk: Uint8Array = of("value").dyn_into().ok()?;
            if body.len() + chunk.length() as usize > BODY_LIMIT {
                // The call that waits for this is dropped next, and aborts what is left.
                return None;
            }
            body.extend_from_slice(&chunk.to_vec());
        }
    }
    Some(Answer { status: response.status(), retry_after, body: String::from_utf8(body).unwrap_or_default() })
}
