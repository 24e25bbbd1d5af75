//! The streams as JavaScript sees them: texts in, plain objects and JSON out. The classes of the page are the shim's
//! (`www/streams/`); this one is their inside.

use super::bag::{Bag, Host};
use super::driver::{Driver, Scope, plain};
use super::refused;
use crate::core::plain::Members;
use crate::streams::class::{Answer, Command};
use crate::streams::{self, Stream};
use wasm_bindgen::prelude::*;

/// One stream on the host's sockets and clocks.
#[wasm_bindgen]
pub struct StreamCore {
    driver: Driver<Stream>,
}

#[wasm_bindgen]
impl StreamCore {
    /// `options`: the plain members of the class's options and `visible`, as JSON. `seed`: 64 random bytes.
    ///
    /// # Errors
    /// Thrown as `[code, field?]`, as by every refused call here.
    #[wasm_bindgen(constructor)]
    pub fn new(kind: Kind, options: &str, seed: &[u8], bag: Bag, host: Host) -> Result<StreamCore, JsValue> {
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(seed.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let kind = match kind {
            Kind::Latency => streams::Kind::Latency,
            Kind::Conversations => streams::Kind::Conversations,
            Kind::Interactions => streams::Kind::Interactions,
            Kind::Presence => streams::Kind::Presence,
        };
        let stream = Stream::new(kind, options, words).map_err(refused)?;
        Ok(StreamCore { driver: Driver::new(stream, Scope::default(), bag, host) })
    }

    /// Every call. `text` and `number` are for those that say so.
    ///
    /// # Errors
    /// `[code, field?]`: refused, and nothing was changed.
    pub fn call(&self, what: StreamCall, text: &str, number: f64) -> Result<JsValue, JsValue> {
        // A cast from a float saturates.
        let ticket = number as u32;
        let answer = self.driver.turn(|stream, now| {
            let command = match what {
                StreamCall::Start => {
                    stream.start(now, ticket);
                    return Ok(JsValue::UNDEFINED);
                }
                StreamCall::Stop => {
                    stream.stop(now, ticket);
                    return Ok(JsValue::UNDEFINED);
                }
                StreamCall::Reconnect => {
                    stream.reconnect(now);
                    return Ok(JsValue::UNDEFINED);
                }
                StreamCall::Take => return Ok(stream.take(now, text, ticket as usize).map_or(JsValue::UNDEFINED, JsValue::from)),
                StreamCall::Metrics => {
                    let mut members = Members::default();
                    stream.figures_at(now).into_iter().for_each(|(name, figure)| members.number(name, figure));
                    return Ok(plain(&members));
                }
                StreamCall::Sample => Command::Sample((number >= 0.0).then_some(number as u64)),
                StreamCall::Subscribe => Command::Subscribe(text),
                StreamCall::Timeline => Command::Timeline(text),
                StreamCall::Timelines => Command::Timelines,
                StreamCall::Register => Command::Register(text),
                StreamCall::Unregister => Command::Unregister(text),
            };
            stream.command(now, command).map(|answer| match answer {
                Answer::Done => JsValue::UNDEFINED,
                Answer::Text(text) => text.into(),
                Answer::Truth(truth) => truth.into(),
            })
        });
        answer.map_err(refused)
    }

    /// Gives everything up at once. The object is inert afterwards.
    pub fn dispose(&self) {
        self.driver.turn(|stream, now| stream.dispose(now));
        self.driver.end();
    }
}

/// Which stream.
#[wasm_bindgen]
#[derive(Clone, Copy)]
pub enum Kind {
    /// The latency monitor.
    Latency,
    /// Conversation events.
    Conversations,
    /// The interaction stream.
    Interactions,
    /// The presence multiplexer.
    Presence,
}

/// See [`StreamCore::call`]. One export that takes a number: each of its own would cost 100 bytes, brotli.
#[wasm_bindgen]
#[derive(Clone, Copy)]
pub enum StreamCall {
    /// Begin; ends by an event `done` that bears `number` as its ticket, when first ready.
    Start,
    /// End the connections; ends by an event `done` that bears `number` as its ticket.
    Stop,
    /// What would be tried later is to be tried now.
    Reconnect,
    /// Gives all figures, by name.
    Metrics,
    /// Gives at most `number` events for the consumer `text` as a JSON array, or nothing.
    Take,
    /// A round trip of another connection: `number` milliseconds, negative for a timeout.
    Sample,
    /// Ask for something else from now on: `text` is JSON.
    Subscribe,
    /// Gives the timeline of the interaction `text` as JSON.
    Timeline,
    /// Gives the ids of all interactions that are known as a JSON array.
    Timelines,
    /// A group of subscribers: `text` is JSON.
    Register,
    /// No longer: `text` is its id. Gives whether it was known.
    Unregister,
}
