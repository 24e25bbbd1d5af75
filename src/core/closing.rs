//! What follows from a close code: retry, as a rule; end, where the service means it (RFC 6455 §7.4, faults.md row 6).

/// What to do about a closed socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Try again after a wait.
    Retry,
    /// Closed as a matter of policy: try again, but not for ever.
    Policy,
    /// The frame just sent was too big.
    TooBig,
    /// The close carries one of the service's own codes (guest-api.md §4.1).
    Service(u16),
}

/// Reads a close code.
pub fn verdict(code: u16) -> Verdict {
    match code {
        1008 => Verdict::Policy,
        1009 => Verdict::TooBig,
        4000..=4999 => Verdict::Service(code),
        _ => Verdict::Retry,
    }
}
