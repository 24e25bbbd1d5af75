//! The guest chat as JavaScript sees it: texts in, plain objects out. The class of `api.d.ts` is the shim's
//! (`www/client/client.ts`); this one is its inside.

use super::bag::{Bag, Host};
use super::driver::{Driver, Scope};
use crate::core::error::Refusal;
use crate::guest::Session;
use crate::guest::event::Ticket;
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::prelude::*;

/// One guest session on the host's sockets, storage and clocks.
#[wasm_bindgen]
pub struct Core {
    driver: Driver<Session>,
}

#[wasm_bindgen]
impl Core {
    /// `options`: the plain members of `GuestOptions` and `visible`, as JSON. `seed`: 64 random bytes. `storage`:
    /// "local", "session" or "memory". `lock`: the name of the tabs' lock, empty where nothing is shared.
    ///
    /// Throws, as every refused call here, `[code, field?]`.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &str, seed: &[u8], storage: String, lock: String, bag: Bag, host: Host) -> Result<Core, JsValue> {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(seed.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let session = Session::new(options, words).map_err(refused)?;
        let driver = Driver::new(session, Scope { storage, lock }, bag, host);
        // What the session asked for as it was made.
        driver.turn(|_, _| ());
        Ok(Core { driver })
    }

    /// Accepts a message, a draft as JSON. Gives the row's id.
    pub fn send(&self, draft: &str) -> Result<String, JsValue> {
        self.driver.turn(|session, now| session.send(now, draft)).map_err(refused)
    }

    /// The message is in storage and outlives a reload.
    #[wasm_bindgen(js_name = isDurable)]
    pub fn is_durable(&self, id: &str) -> bool {
        self.driver.look(|session| session.is_durable(id))
    }

    /// Sends a failed or expired message again.
    pub fn retry(&self, id: &str) -> Result<(), JsValue> {
        self.driver.turn(|session, now| session.retry(now, id)).map_err(refused)
    }

    /// Takes a message back that was not sent yet.
    pub fn cancel(&self, id: &str) -> bool {
        self.driver.turn(|session, now| session.cancel(now, id))
    }

    /// What needs no answer.
    pub fn tell(&self, news: News) {
        self.driver.turn(|session, now| match news {
            News::Typing => session.typing(now),
            News::Read => session.mark_read(now),
            News::Reconnect => session.reconnect(now),
            News::TakeOver => session.take_over(now),
            News::Consent => session.grant_consent(now),
        });
    }

    /// What comes to its end later, by an event `done` that bears the ticket. `flush_ms` is for `Stop`.
    pub fn ask(&self, wish: Wish, flush_ms: u32, ticket: Ticket) {
        self.driver.turn(|session, now| match wish {
            Wish::Start => session.start(now, ticket),
            Wish::History => session.history(now, ticket),
            Wish::Clear => session.clear(now, ticket),
            Wish::RestartAndSend => session.restart(now, true, ticket),
            Wish::RestartAndDiscard => session.restart(now, false, ticket),
            Wish::Stop => session.stop(now, flush_ms, ticket),
            Wish::Forget => session.forget(now, ticket),
        });
    }

    /// Custom attributes for the next messages, as JSON.
    #[wasm_bindgen(js_name = setAttributes)]
    pub fn set_attributes(&self, attributes: &str) -> Result<(), JsValue> {
        self.driver.turn(|session, now| session.set_attributes(now, attributes)).map_err(refused)
    }

    /// Gives everything up at once. The object is inert afterwards.
    pub fn dispose(&self) {
        self.driver.turn(|session, now| session.dispose(now));
        self.driver.dispose();
    }

    /// The counters, by name.
    pub fn metrics(&self) -> Object {
        let object = Object::new();
        for (name, value) in self.driver.look(|session| session.metrics()) {
            // On a plain object of our own this cannot fail.
            let _ = Reflect::set(&object, &name.into(), &JsValue::from_f64(value as f64));
        }
        object
    }

    /// For a support ticket, as JSON: no text, no token.
    pub fn diagnostics(&self) -> String {
        self.driver.look(|session| session.diagnostics())
    }
}

/// See [`Core::tell`]. Few exports that take a number: each of its own would cost 60 bytes, brotli.
#[wasm_bindgen]
#[derive(Clone, Copy)]
pub enum News {
    /// The guest is writing.
    Typing,
    /// The guest has seen all there is.
    Read,
    /// What would be tried later is to be tried now.
    Reconnect,
    /// The lead is to be taken from the other tab.
    TakeOver,
    /// The visitor agrees to being stored and connected.
    Consent,
}

/// See [`Core::ask`].
#[wasm_bindgen]
#[derive(Clone, Copy)]
pub enum Wish {
    /// Begin; done when first ready.
    Start,
    /// One older page.
    History,
    /// Clear the conversation at the service.
    Clear,
    /// A new conversation after an end; what was unsent is sent into it.
    RestartAndSend,
    /// A new conversation after an end; what was unsent is thrown away.
    RestartAndDiscard,
    /// End the connection after what is under way.
    Stop,
    /// Remove everything from this browser.
    Forget,
}

fn refused(refusal: Refusal) -> JsValue {
    let thrown = Array::of1(&JsValue::from_f64(refusal.code.0.into()));
    if let Some(field) = refusal.field {
        thrown.push(&field.into());
    }
    thrown.into()
}
