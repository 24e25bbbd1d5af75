//! The browser: the only rooms that name web-sys, js-sys, gloo or wasm-bindgen.
//!
//! The [`driver`] takes a [`Machine`](crate::core::machine::Machine) and does what it asks for: [`socket`],
//! [`fetch`], [`storage`], one timer, the [`lead`] among the tabs; [`lifecycle`] and [`clock`] tell it of the page and
//! of time. [`client`] exports the guest chat to JavaScript. The same code runs in a page, in a worker and in Node:
//! what a host lacks is not looked for (no window: no lifecycle, no storage, no lock).
//!
//! **Nothing here outlives a panic.** Whatever reaches from JavaScript into this memory or holds something of the
//! page (callbacks, listeners, the timer, sockets, requests, the lock) is entered in one [`bag`] on the JavaScript
//! side. After a panic nobody can be asked to clean up in here: the shim empties the bag, brings up fresh memory and
//! starts the clients again. `dispose()` takes the same road, so it is travelled every day.

pub mod bag;
pub mod callback;
#[cfg(feature = "guest")]
pub mod client;
pub mod clock;
pub mod driver;
pub mod fetch;
#[cfg(feature = "guest")]
pub mod lead;
pub mod lifecycle;
pub mod socket;
#[cfg(feature = "guest")]
pub mod storage;
#[cfg(feature = "streams")]
pub mod streams;

use crate::core::error::Refusal;
use js_sys::Array;
use wasm_bindgen::JsValue;

/// A refused call, as it is thrown: `[code, field?]`.
fn refused(refusal: Refusal) -> JsValue {
    let thrown = Array::of1(&JsValue::from_f64(refusal.code.0.into()));
    if let Some(field) = refusal.field {
        thrown.push(&field.into());
    }
    thrown.into()
}

/// Constant-time and, at 1.8 KB brotli less than the standard library's, the smallest allocator that gives memory back in
/// order: it joins neighbouring blocks and grows in place.
#[global_allocator]
static ALLOCATOR: rlsf::GlobalTlsf = rlsf::GlobalTlsf::new();
