//! What tells one stream from another: addresses, frames, and what is made of them.

use super::hub::Hub;
use super::queue::Waits;
use crate::core::error::{Code, Refusal};
use crate::core::http::{Reply, Unreachable};
use crate::core::json::Value;
use crate::core::machine::{RequestId, SocketId};
use crate::core::plain::named;
use crate::core::state::State;
use crate::core::timer::NEVER;

/// Figures by name, for `metrics`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Figures(pub Vec<(&'static str, f64)>);

impl Figures {
    /// Adds some, their names one after another with a space between.
    pub fn add(&mut self, names: &'static str, numbers: &[f64]) {
        named(names, numbers, |name, number| self.0.push((name, number)));
    }
}

/// A call of the page that only some streams know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command<'a> {
    /// Ask for something else from now on: JSON.
    Subscribe(&'a str),
    /// One interaction's timeline.
    Timeline(&'a str),
    /// The ids of all interactions that are known.
    Timelines,
    /// A subscriber group: JSON.
    Register(&'a str),
    /// No longer.
    Unregister(&'a str),
    /// A round trip of another connection, milliseconds; `None` for a timeout.
    Sample(Option<u64>),
}

/// What a command gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Nothing.
    Done,
    /// JSON.
    Text(String),
    /// Whether it was so.
    Truth(bool),
}

/// One kind of stream.
pub trait Class {
    /// Where a socket of this line connects to.
    fn url(&self, hub: &Hub, line: usize) -> String;

    /// Gets ready what opening needs besides a token; `false` if that is under way, or failed and the link knows.
    fn prepare(&mut self, _hub: &mut Hub, _line: usize) -> bool {
        true
    }

    /// A socket is open.
    fn opened(&mut self, hub: &mut Hub, line: usize, socket: SocketId);

    /// A frame that is JSON came, on a socket that is being made ready, in use or leaving.
    fn frame(&mut self, hub: &mut Hub, line: usize, socket: SocketId, root: Value<'_>);

    /// A sign of life is wanted.
    fn probe(&mut self, hub: &mut Hub, line: usize, socket: SocketId) {
        hub.ping(line, socket);
    }

    /// A round trip was measured, milliseconds.
    fn measured(&mut self, _hub: &mut Hub, _rtt: u64) {}

    /// A line is no longer in use; whether it stood, and nobody here wanted its end.
    fn lost(&mut self, _hub: &mut Hub, _line: usize, _is_loss: bool) {}

    /// The state of all lines together is another.
    fn state_changed(&mut self, _hub: &mut Hub, _state: State) {}

    /// An answer to a request of its own; `false` if it is to another's.
    fn reply(&mut self, _hub: &mut Hub, _request: RequestId, _reply: Result<Reply<'_>, Unreachable>) -> bool {
        false
    }

    /// Does what is due.
    fn handle_timeout(&mut self, _hub: &mut Hub) {}

    /// When something is due; [`NEVER`] where nothing is.
    fn poll_timeout(&self) -> u64 {
        NEVER
    }

    /// A consumer took what had waited so long, or has not taken anything for so long.
    fn taken(&mut self, _hub: &mut Hub, _waits: Waits) {}

    /// No connection is wanted any more: nothing is waited for that one would need.
    fn give_up(&mut self, _hub: &mut Hub) {}

    /// Its own figures.
    fn figures(&self, hub: &Hub, figures: &mut Figures);

    /// So much of a thousand events was dropped lately.
    fn dropped(&mut self, hub: &mut Hub, share: u64) {
        if share > DROP_WARNING {
            hub.warn(Code::EVENTS_DROPPED, "");
        }
    }

    /// A call of the page.
    ///
    /// # Errors
    /// Refused, and nothing was changed.
    fn command(&mut self, _hub: &mut Hub, _command: Command<'_>) -> Result<Answer, Refusal> {
        Err(Refusal::new(Code::UNSUPPORTED))
    }
}

/// More dropped events than this, in thousandths, are worth a warning.
const DROP_WARNING: u64 = 50;
