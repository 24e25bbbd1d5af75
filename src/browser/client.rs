//! The guest chat as JavaScript sees it: texts in, plain objects out. The class of `api.d.ts` is the shim's
//! (`www/client/client.ts`); this one is its inside.

use super::bag::{Bag, Host};
use super::driver::{Driver, Scope, plain};
use super::refused;
use crate::core::error::{Code, Refusal};
use crate::core::machine::{Input, Machine};
use crate::guest::Session;
use crate::guest::event::Ticket;
use crate::guest::options::Options;
use wasm_bindgen::prelude::*;

/// One guest session on the host's sockets, storage and clocks.
#[wasm_bindgen]
pub struct Core {
    driver: Driver<Session>,
}

#[wasm_bindgen]
impl Core {
    /// `options`: the plain members of `GuestOptions` and `visible`, as JSON, looked at by the shim. `seed`: 64 random bytes. `storage`:
    /// "local", "session" or "memory". `lock`: the name of the tabs' lock, empty where nothing is shared.
    ///
    /// # Errors
    /// Thrown as `[code, field?]`, as by every refused call here.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &str, seed: &[u8], storage: String, lock: String, bag: Bag, host: Host) -> Result<Core, JsValue> {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(seed.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let options = Options::trusted(options).ok_or_else(|| refused(Refusal::field(Code::UNSUPPORTED, "protocol")))?;
        let session = Session::of(options, words);
        let driver = Driver::new(session, Scope { storage, lock }, bag, host);
        // What the session asked for as it was made.
        driver.turn(|_, _| ());
        Ok(Core { driver })
    }

    /// Every call. `text` and `ticket` are for those that say so.
    ///
    /// # Errors
    /// `[code, field?]`: refused, and nothing was changed.
    pub fn call(&self, what: Call, text: &str, ticket: Ticket, flush_ms: u32) -> Result<JsValue, JsValue> {
        // A page that stood still looks into storage whether another tab leads, before it is asked for anything.
        self.driver.turn(|session, now| session.handle_input(now, Input::Timeout));
        let answer = self.driver.turn(|session, now| {
            match what {
                Call::Send => return session.send(now, text).map(JsValue::from),
                Call::Retry => session.retry(now, text)?,
                Call::Attributes => session.set_attributes(now, text)?,
                Call::Cancel => return Ok(session.cancel(now, text).into()),
                Call::Durable => return Ok(session.is_durable(text).into()),
                Call::Metrics => return Ok(plain(&session.metrics())),
                Call::Diagnostics => return Ok(plain(&session.diagnostics())),
                // What a wire does not have, the shim has refused.
                Call::Typing => drop(session.typing(now)),
                Call::Read => session.mark_read(now),
                Call::Reconnect => session.reconnect(now),
                Call::TakeOver => session.take_over(now),
                Call::Added => session.added(now),
                Call::Adopt => session.adopt(now, text),
                Call::Dispose => session.dispose(now),
                Call::Consent => session.grant_consent(now),
                Call::Start => session.start(now, ticket),
                Call::History => session.history(now, ticket),
                Call::Clear => session.clear(now, ticket),
                Call::RestartAndSend => session.restart(now, true, ticket),
                Call::RestartAndDiscard => session.restart(now, false, ticket),
                Call::Stop => session.stop(now, flush_ms, ticket),
                Call::Forget => session.forget(now, flush_ms > 0, ticket),
            }
            Ok(JsValue::UNDEFINED)
        });
        if matches!(what, Call::Dispose) {
            self.driver.end();
        }
        answer.map_err(refused)
    }
}

/// See [`Core::call`]. Tabs tell each other these numbers (`www/client/tabs.ts`): a new one goes behind the last. One export that
/// takes a number: each of its own would cost 100 bytes, brotli.
#[wasm_bindgen]
#[derive(Clone, Copy)]
pub enum Call {
    /// Accept a message: `text` is a draft as JSON. Gives the row's id.
    Send,
    /// Send a failed or expired message again: `text` is its id.
    Retry,
    /// Take a message back that was not sent yet: `text` is its id. Gives whether it was taken back.
    Cancel,
    /// Gives whether the message whose id is `text` is in storage and outlives a reload.
    Durable,
    /// Custom attributes for the next message: `text` is JSON.
    Attributes,
    /// Gives the counters, by name.
    Metrics,
    /// Gives what a support ticket needs: no text, no token.
    Diagnostics,
    /// The guest is writing.
    Typing,
    /// The guest has seen all there is.
    Read,
    /// What would be tried later is to be tried now.
    Reconnect,
    /// The lead is to be taken from the tab that has it and does not answer.
    TakeOver,
    /// The visitor agrees to being stored and connected.
    Consent,
    /// Begin. This and all that follow end later, by an event `done` that bears the `ticket`: here when first ready.
    Start,
    /// One older page.
    History,
    /// Clear the conversation at the service.
    Clear,
    /// A new conversation after an end; what was unsent is sent into it.
    RestartAndSend,
    /// A new conversation after an end; what was unsent is thrown away.
    RestartAndDiscard,
    /// End the connection after what is under way, or after `flush_ms`.
    Stop,
    /// Remove everything from this browser; with `flush_ms`, another tab has.
    Forget,
    /// Another tab has accepted something and stored it.
    Added,
    /// Take over the list of the tab that led before: `text` is a page of the history, as JSON.
    Adopt,
    /// Give everything up at once. The object is inert afterwards.
    Dispose,
}
