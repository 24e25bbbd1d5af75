//! The one place that reads the time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Unix milliseconds that only go forward, whatever is done to the machine's clock.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    unix: u64,
    since: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { unix: unix.as_millis() as u64, since: Instant::now() }
    }

    pub(super) fn now(&self) -> u64 {
        self.unix + self.since.elapsed().as_millis() as u64
    }
}
