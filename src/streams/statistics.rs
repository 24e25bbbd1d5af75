//! Round trips seen together: jitter, percentiles, stability, over a bounded window.

use crate::core::heartbeat::Heartbeat;

/// What a page wants a line to keep to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Round-trip time, milliseconds.
    pub latency: u64,
    /// Difference from one round trip to the next, milliseconds.
    pub jitter: u64,
    /// How many samples are looked at together, 2 to 10 000.
    pub window: usize,
}

/// The last round trips.
pub struct Statistics {
    limits: Limits,
    /// `None` for a probe that was not answered in time.
    samples: Vec<Option<u64>>,
    /// Where the oldest of them stands, once the window is full.
    oldest: usize,
    /// Those that were answered, smallest first: kept so, since sorting is 3 KB of code.
    sorted: Vec<u64>,
    within: usize,
    heartbeat: Heartbeat,
    last: Option<u64>,
    /// Difference of the last round trip to the one before, milliseconds.
    pub jitter: u64,
    /// Probes that were answered, ever.
    pub answered: u64,
    /// Probes that were not, ever.
    pub timeouts: u64,
}

impl Statistics {
    /// Nothing was measured yet.
    pub fn new(limits: Limits) -> Statistics {
        Statistics {
            limits,
            samples: Vec::new(),
            oldest: 0,
            sorted: Vec::new(),
            within: 0,
            heartbeat: Heartbeat::default(),
            last: None,
            jitter: 0,
            answered: 0,
            timeouts: 0,
        }
    }

    /// A round trip, milliseconds.
    pub fn answer(&mut self, now: u64, rtt: u64) {
        self.answered += 1;
        self.heartbeat.answer(now, rtt);
        self.jitter = self.last.map_or(0, |last| last.abs_diff(rtt));
        self.last = Some(rtt);
        self.note(Some(rtt));
    }

    /// A probe was not answered in time.
    pub fn time_out(&mut self) {
        self.timeouts += 1;
        self.note(None);
    }

    fn note(&mut self, sample: Option<u64>) {
        let is_within = |sample: Option<u64>| usize::from(sample.is_some_and(|rtt| rtt <= self.limits.latency));
        self.within += is_within(sample);
        if let Some(rtt) = sample {
            let at = self.sorted.partition_point(|known| *known < rtt);
            self.sorted.insert(at, rtt);
        }
        if self.samples.len() < self.limits.window {
            return self.samples.push(sample);
        }
        let oldest = std::mem::replace(&mut self.samples[self.oldest], sample);
        self.oldest = (self.oldest + 1) % self.limits.window;
        self.within -= is_within(oldest);
        if let Some(at) = oldest.and_then(|rtt| self.sorted.iter().position(|known| *known == rtt)) {
            self.sorted.remove(at);
        }
    }

    /// The last round trip, milliseconds.
    pub fn last(&self) -> Option<u64> {
        self.last
    }

    /// The smoothed difference between one round trip and the next (RFC 3550 §6.4.1), milliseconds.
    pub fn smoothed_jitter(&self) -> u64 {
        self.heartbeat.jitter()
    }

    /// The share of the window within the latency limit, 0 to 1; 1 before anything was measured.
    pub fn stability(&self) -> f64 {
        if self.samples.is_empty() { 1.0 } else { self.within as f64 / self.samples.len() as f64 }
    }

    /// The 50th, 95th and 99th percentile of the window by nearest rank, milliseconds.
    pub fn percentiles(&self) -> Option<[u64; 3]> {
        let sorted = &self.sorted;
        let rank = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Some([rank(50)?, rank(95)?, rank(99)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(rtts: impl IntoIterator<Item = u64>, window: usize) -> Statistics {
        let mut statistics = Statistics::new(Limits { latency: 300, jitter: 50, window });
        for rtt in rtts {
            statistics.answer(0, rtt);
        }
        statistics
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        assert_eq!(measured(1..=100, 256).percentiles(), Some([50, 95, 99]));
        assert_eq!(measured([7], 256).percentiles(), Some([7, 7, 7]));
        assert_eq!(measured([], 256).percentiles(), None);
    }

    #[test]
    fn only_the_window_counts_and_memory_is_constant() {
        let mut statistics = measured((0..100_000).map(|turn| turn % 7), 10);
        assert_eq!(statistics.samples.len(), 10);
        for _ in 0..5 {
            statistics.answer(0, 301);
        }
        assert_eq!(statistics.stability(), 0.5);
        for _ in 0..5 {
            statistics.time_out();
        }
        assert_eq!(statistics.stability(), 0.0);
        assert_eq!(statistics.percentiles(), Some([301, 301, 301]));
    }

    #[test]
    fn jitter_is_the_difference_to_the_round_trip_before() {
        let statistics = measured([100, 130, 90], 10);
        assert_eq!((statistics.jitter, statistics.last()), (40, Some(90)));
        // RFC 3550, in sixteenths: 0 + 30 = 30; 30 + 40 - 30/16 = 69; 69/16 = 4.
        assert_eq!(statistics.smoothed_jitter(), 4);
    }
}
