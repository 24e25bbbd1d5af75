//! The JavaScript side of a client, as handed in by the shim (`www/client/bag.ts`, `www/client/host.ts`).

use super::driver::plain;
use crate::core::plain::Members;
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use web_sys::WebSocket;

#[wasm_bindgen]
extern "C" {
    /// Everything that a dead instance would leave behind; the shim ends all of it by emptying it. Its member `memory` has what storage
    /// could not keep, by key: it outlives a panic, but not the page.
    #[derive(Clone)]
    pub type Bag;

    /// Wraps a closure for use as a callback: the wrapper does nothing once it was dropped or the bag emptied, and a
    /// panic under it is noticed by the shim.
    #[wasm_bindgen(method)]
    pub fn guard(this: &Bag, closure: &JsValue) -> Function;

    /// Calls a guarded callback once nothing is on the stack.
    #[wasm_bindgen(method)]
    pub fn soon(this: &Bag, callback: &Function);

    /// Listens for as long as the bag lives. A missing target is no target.
    #[wasm_bindgen(method)]
    pub fn listen(this: &Bag, target: &JsValue, event: &str, callback: &Function);

    /// Takes in a socket (to be closed), an abort controller (to be aborted) or a lease (to be ended).
    #[wasm_bindgen(method)]
    pub fn hold(this: &Bag, thing: &JsValue);

    /// Takes something out again, unharmed; a wrapper made by `guard` falls silent.
    #[wasm_bindgen(method, js_name = drop)]
    pub fn release(this: &Bag, thing: &JsValue);

    /// A promise that settles when the lease is ended, held in the bag.
    #[wasm_bindgen(method)]
    pub fn lease(this: &Bag) -> Lease;

    /// What a held lock waits for; its member `promise` settles at the end.
    pub type Lease;

    /// Ends it.
    #[wasm_bindgen(method)]
    pub fn end(this: &Lease);

    /// What the page's options put in the place of the platform's own. Its members: `global` is `globalThis`, `locks` what the
    /// visitor's tabs share (a `LockManager`), if there is any.
    #[derive(Clone)]
    pub type Host;

    /// Makes a socket, or throws.
    #[wasm_bindgen(method, catch)]
    pub fn socket(this: &Host, url: &str) -> Result<WebSocket, JsValue>;

    /// Makes a request of a `RequestInit`: a promise of a `Response`; or throws.
    #[wasm_bindgen(method, catch)]
    pub fn fetch(this: &Host, url: &str, init: &JsValue) -> Result<Promise, JsValue>;

    /// Asks the page for an access token: a promise of a `Response` that holds it; or throws.
    #[wasm_bindgen(method, catch)]
    pub fn token(this: &Host) -> Result<Promise, JsValue>;

    /// Takes one event in, a plain object. It must only be queued: listeners run after the call into this memory has
    /// returned.
    #[wasm_bindgen(method)]
    pub fn event(this: &Host, event: JsValue);

    /// Reads UTF-8.
    pub type TextDecoder;

    /// One for this encoding.
    #[wasm_bindgen(constructor)]
    fn new(encoding: &str, options: &JsValue) -> TextDecoder;

    /// Reads a part of a text, or its end where there are no bytes; throws for what is none.
    #[wasm_bindgen(method, catch)]
    fn decode(this: &TextDecoder, bytes: &JsValue, options: &JsValue) -> Result<String, JsValue>;

    /// Something with a `then`.
    pub type Thenable;

    /// Waits for it.
    #[wasm_bindgen(method, js_name = then)]
    pub fn when(this: &Thenable, done: &Function, failed: &Function) -> JsValue;
}

impl TextDecoder {
    /// One that reads UTF-8 to the letter: what is none is refused, never guessed at. (The standard library's check is 250 bytes
    /// more, brotli.)
    pub fn strict() -> TextDecoder {
        let mut options = Members::default();
        options.truth("fatal", true);
        TextDecoder::new("utf-8", &plain(&options))
    }

    /// Reads a part of a text, the last one if there is no `more` to come. `None` for what is none.
    pub fn read(&self, bytes: &JsValue, more: bool) -> Option<String> {
        let mut how = Members::default();
        how.truth("stream", more);
        self.decode(bytes, &plain(&how)).ok()
    }
}

/// Sets a member of an object; one that takes none stays as it is.
pub fn put(object: &JsValue, name: &str, value: &JsValue) {
    let _ = js_sys::Reflect::set(object, &JsValue::from_str(name), value);
}

/// How long bytes are; 0 for what is none.
pub fn byte_length(of: &JsValue) -> usize {
    member(of, "byteLength").as_f64().unwrap_or_default() as usize
}

/// A member of an object, `undefined` where there is none or where the access throws.
pub fn member(object: &JsValue, name: &str) -> JsValue {
    js_sys::Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}
