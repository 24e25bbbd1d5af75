//! Budgets of requests: a bucket that refills, and a window of the last few.

/// One request in the bucket's own unit, so that refilling needs no fractions.
const ONE: u64 = 60_000;

/// A bucket that holds some requests and refills so many a minute.
pub struct Bucket {
    holds: u64,
    per_minute: u64,
    level: u64,
    at: u64,
}

impl Bucket {
    /// A bucket that holds `holds` requests, has `level` of them, and refills `per_minute`.
    pub fn new(holds: u64, level: u64, per_minute: u64) -> Bucket {
        Bucket { holds: holds * ONE, per_minute, level: level * ONE, at: 0 }
    }

    fn refill(&mut self, now: u64) {
        let passed = now.saturating_sub(self.at);
        self.at = self.at.max(now);
        self.level = self.holds.min(self.level.saturating_add(passed.saturating_mul(self.per_minute)));
    }

    /// Fills it up: the service counts anew.
    pub fn fill(&mut self, now: u64) {
        self.at = now;
        self.level = self.holds;
    }

    /// Takes one request if more than `keep` are there.
    pub fn take(&mut self, now: u64, keep: u64) -> bool {
        let granted = self.ready_at(now, keep) <= now;
        if granted {
            self.level -= ONE;
        }
        granted
    }

    /// When [`Bucket::take`] will grant.
    pub fn ready_at(&mut self, now: u64, keep: u64) -> u64 {
        self.refill(now);
        let missing = ((keep + 1) * ONE).saturating_sub(self.level);
        now + missing.div_ceil(self.per_minute)
    }
}

/// At most `N` in any second.
pub struct Window<const N: usize> {
    last: [Option<u64>; N],
}

impl<const N: usize> Default for Window<N> {
    fn default() -> Self {
        Window { last: [None; N] }
    }
}

impl<const N: usize> Window<N> {
    /// When the next one may go.
    pub fn ready_at(&self, now: u64) -> u64 {
        // The oldest of the last N has to be a full second away.
        self.last[0].map_or(now, |oldest| now.max(oldest + 1_001))
    }

    /// One went.
    pub fn note(&mut self, now: u64) {
        self.last.rotate_left(1);
        self.last[N - 1] = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_go_at_once_and_fifty_a_minute_after_that() {
        let mut bucket = Bucket::new(10, 10, 50);
        assert_eq!((0..20).filter(|_| bucket.take(1_000, 0)).count(), 10);
        assert_eq!(bucket.ready_at(1_000, 0), 2_200);
        assert!(!bucket.take(2_199, 0));
        let within_a_minute = (0..60_000).filter(|ms| bucket.take(1_000 + ms, 0)).count();
        assert_eq!(within_a_minute, 49);
    }

    #[test]
    fn what_is_kept_back_is_not_given() {
        let mut bucket = Bucket::new(10, 10, 50);
        assert_eq!((0..20).filter(|_| bucket.take(0, 3)).count(), 7);
        assert_eq!((0..20).filter(|_| bucket.take(0, 0)).count(), 3);
    }

    #[test]
    fn four_in_any_second() {
        let mut window = Window::<4>::default();
        let mut sent = Vec::new();
        for now in 0..10_000 {
            if window.ready_at(now) <= now {
                window.note(now);
                sent.push(now);
            }
        }
        assert!(sent.windows(5).all(|five| five[4] - five[0] > 1_000));
        assert!(sent.len() >= 36);
    }
}
