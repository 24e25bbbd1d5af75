//! What an endpoint of the streams sets for its links.

use super::Link;

/// Where a socket's number holds its link's place. What is below is enough for an attempt a second for half a year.
pub const PLACE_SHIFT: u32 = 24;

/// Deadlines that an endpoint sets for itself, milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadlines {
    /// Opening, and all that is exchanged until the connection stands.
    pub connect: u64,
    /// The answer to a probe of a line that was not in doubt.
    pub probe: u64,
}

impl Link {
    /// A link of several that one machine composes: its sockets are told from theirs by what their numbers begin with.
    pub fn with_deadlines(mut self, deadlines: Deadlines, place: u8) -> Link {
        self.deadlines = deadlines;
        self.next_socket = u32::from(place) << PLACE_SHIFT;
        self
    }

    /// Attempts since the last connection that proved good.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}
