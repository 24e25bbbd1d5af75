//! How long to wait before the next attempt.

use super::random::Random;

/// A wait is never shorter than this, so that a loop that fails at once stays slow, milliseconds.
const FLOOR_MS: u64 = 250;

/// A truncated exponential wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// Uniform between a quarter of a cap and the cap, which doubles from twice the base to the most. The wide jitter
    /// is what spreads a crowd that lost the service in the same moment.
    Spread {
        /// Half of the first cap, milliseconds.
        base_ms: u64,
        /// The largest cap, milliseconds.
        most_ms: u64,
    },
    /// The tutorial's numbers: 5 s doubling to 60 s, plus up to a tenth.
    Tutorial,
    /// Uniform between nothing and a cap that doubles from the base to the most ("full jitter").
    #[cfg(feature = "streams")]
    Full {
        /// The first cap, milliseconds.
        base_ms: u64,
        /// The largest cap, milliseconds.
        most_ms: u64,
    },
    /// The base doubling to the most, plus up to a tenth.
    #[cfg(feature = "streams")]
    Steps {
        /// The first wait, milliseconds.
        base_ms: u64,
        /// The longest, milliseconds.
        most_ms: u64,
    },
}

impl Default for Policy {
    fn default() -> Policy {
        Policy::Spread { base_ms: 1_000, most_ms: 30_000 }
    }
}

impl Policy {
    /// The wait before attempt `n` after a loss, counted from 0, in milliseconds.
    pub fn wait(self, n: u32, random: &mut Random) -> u64 {
        match self {
            Policy::Spread { base_ms, most_ms } => {
                let cap = doubled(base_ms, n + 1).min(most_ms).max(FLOOR_MS);
                random.between((cap / 4).max(FLOOR_MS), cap)
            }
            Policy::Tutorial => steps(5_000, 60_000, n, random),
            #[cfg(feature = "streams")]
            Policy::Full { base_ms, most_ms } => random.between(FLOOR_MS, doubled(base_ms, n).min(most_ms).max(FLOOR_MS)),
            #[cfg(feature = "streams")]
            Policy::Steps { base_ms, most_ms } => steps(base_ms, most_ms, n, random),
        }
    }
}

fn steps(base: u64, most: u64, n: u32, random: &mut Random) -> u64 {
    let wait = doubled(base, n).min(most);
    wait + random.between(0, wait / 10)
}

fn doubled(base: u64, times: u32) -> u64 {
    base.saturating_mul(1 << times.min(20))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(policy: Policy, n: u32) -> (u64, u64) {
        let mut random = Random::new([n.into(), 1, 2, 3]);
        let draws: Vec<_> = (0..20_000).map(|_| policy.wait(n, &mut random)).collect();
        (*draws.iter().min().unwrap(), *draws.iter().max().unwrap())
    }

    #[test]
    fn the_default_spreads_between_a_quarter_and_a_cap_that_doubles_to_30_s() {
        for (n, low, high) in [(0, 500, 2_000), (1, 1_000, 4_000), (2, 2_000, 8_000), (3, 4_000, 16_000), (4, 7_500, 30_000), (40, 7_500, 30_000)] {
            let (least, most) = range(Policy::default(), n);
            assert!(least >= low && least < low + low / 10, "{n}: {least}");
            assert!(most <= high && most > high - high / 10, "{n}: {most}");
        }
    }

    #[test]
    fn the_tutorial_adds_up_to_a_tenth_to_5_s_doubling_to_60() {
        for (n, low, high) in [(0, 5_000, 5_500), (1, 10_000, 11_000), (3, 40_000, 44_000), (4, 60_000, 66_000), (9, 60_000, 66_000)] {
            let (least, most) = range(Policy::Tutorial, n);
            assert!(least >= low && most <= high && most > high - 100, "{n}: {least} {most}");
        }
    }

    #[test]
    fn a_tiny_policy_still_waits_a_quarter_of_a_second() {
        assert_eq!(range(Policy::Spread { base_ms: 1, most_ms: 10 }, 0), (250, 250));
    }
}
