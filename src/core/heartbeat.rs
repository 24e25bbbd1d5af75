//! Liveness by what is *answered*, a reply to a request of ours: a line on which only the way up died still brings frames.

/// Round-trip times and the clock of the line in use.
#[derive(Default)]
pub struct Heartbeat {
    answered: u64,
    /// Smoothed round-trip time in eighths of a millisecond, as RFC 6298 §2 smooths it.
    smoothed: Option<u64>,
    jitter: u64,
    last: Option<u64>,
}

impl Heartbeat {
    /// A new line: the clock starts now, what was learnt of the round trip stays.
    pub fn reset(&mut self, now: u64) {
        self.answered = now;
    }

    /// A request of ours was answered after so many milliseconds.
    pub fn answer(&mut self, now: u64, rtt: u64) {
        self.answered = now;
        if let Some(last) = self.last {
            // RFC 3550 §6.4.1: J += (|D| − J) / 16, in sixteenths.
            self.jitter = self.jitter + last.abs_diff(rtt) - self.jitter / 16;
        }
        self.last = Some(rtt);
        self.smoothed = Some(match self.smoothed {
            None => rtt * 8,
            Some(smoothed) => smoothed - smoothed / 8 + rtt,
        });
    }

    /// When a request was last answered.
    pub fn answered_at(&self) -> u64 {
        self.answered
    }

    /// The smoothed round-trip time, milliseconds.
    pub fn rtt(&self) -> Option<u64> {
        self.smoothed.map(|smoothed| smoothed / 8)
    }

    /// The smoothed difference between one round trip and the next, milliseconds.
    pub fn jitter(&self) -> u64 {
        self.jitter / 16
    }

    /// How long an answer may take before the line is suspect: four round trips, from 3 to 5 s.
    pub fn suspect_after(&self) -> u64 {
        (self.rtt().unwrap_or(0) * 4).clamp(3_000, 5_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suspicion_follows_the_round_trip_between_its_bounds() {
        let mut heartbeat = Heartbeat::default();
        assert_eq!(heartbeat.suspect_after(), 3_000);
        for _ in 0..50 {
            heartbeat.answer(0, 1_000);
        }
        assert_eq!(heartbeat.rtt(), Some(1_000));
        assert_eq!(heartbeat.suspect_after(), 4_000);
        for _ in 0..50 {
            heartbeat.answer(0, 9_000);
        }
        assert_eq!(heartbeat.suspect_after(), 5_000);
    }

    #[test]
    fn a_steady_line_has_no_jitter_and_a_swinging_one_has() {
        let mut heartbeat = Heartbeat::default();
        for _ in 0..100 {
            heartbeat.answer(0, 80);
        }
        assert_eq!(heartbeat.jitter(), 0);
        for turn in 0..200 {
            heartbeat.answer(0, 80 + 40 * (turn % 2));
        }
        assert!((35..=40).contains(&heartbeat.jitter()), "{}", heartbeat.jitter());
    }
}
