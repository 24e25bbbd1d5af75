//! Timers as an enum of purposes over a fixed table: arming one replaces it, the earliest is what the host waits for.

use std::marker::PhantomData;

/// A purpose that a timer can have; the numbers are the places in the table.
pub trait Purpose: Copy + 'static {
    /// Every purpose, in the order of their places.
    const ALL: &'static [Self];
    /// This one's place.
    fn place(self) -> usize;
}

/// What is not armed is due at the end of time.
pub const NEVER: u64 = u64::MAX;

/// The table for one enum of `N` purposes.
pub struct Timers<P, const N: usize> {
    due: [u64; N],
    purposes: PhantomData<P>,
}

impl<P: Purpose, const N: usize> Default for Timers<P, N> {
    fn default() -> Self {
        Timers { due: [NEVER; N], purposes: PhantomData }
    }
}

impl<P: Purpose, const N: usize> Timers<P, N> {
    /// Arms a timer for a moment on the monotonic clock, replacing what was armed.
    pub fn arm(&mut self, purpose: P, at: u64) {
        self.due[purpose.place()] = at;
    }

    /// Disarms a timer.
    pub fn disarm(&mut self, purpose: P) {
        self.due[purpose.place()] = NEVER;
    }

    /// Disarms them all.
    pub fn clear(&mut self) {
        self.due = [NEVER; N];
    }

    /// When a timer is due.
    pub fn get(&self, purpose: P) -> Option<u64> {
        Some(self.due[purpose.place()]).filter(|at| *at != NEVER)
    }

    /// The earliest moment.
    pub fn next(&self) -> Option<u64> {
        self.due.iter().min().copied().filter(|at| *at != NEVER)
    }

    /// Takes one timer that is due, the earliest first, with the moment it was due at.
    pub fn expire(&mut self, now: u64) -> Option<(P, u64)> {
        let at = self.next().filter(|at| *at <= now)?;
        let purpose = *P::ALL.iter().find(|purpose| self.due[purpose.place()] == at)?;
        self.disarm(purpose);
        Some((purpose, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Test {
        One,
        Two,
    }
    impl Purpose for Test {
        const ALL: &'static [Test] = &[Test::One, Test::Two];
        fn place(self) -> usize {
            self as usize
        }
    }

    #[test]
    fn timers_expire_once_and_the_earliest_first() {
        let mut timers = Timers::<Test, 2>::default();
        timers.arm(Test::One, 20);
        timers.arm(Test::Two, 10);
        assert_eq!(timers.next(), Some(10));
        assert_eq!(timers.expire(9), None);
        assert_eq!(timers.expire(30), Some((Test::Two, 10)));
        assert_eq!(timers.expire(30), Some((Test::One, 20)));
        assert_eq!(timers.expire(30), None);
    }
}
