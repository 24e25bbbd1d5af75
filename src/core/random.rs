//! Chance from a seed: jitter, and ids. The same seed gives the same run.
//!
//! The generator is xoshiro256** (Blackman and Vigna, 2018). It is not a cipher: whoever sees enough of its output can
//! foretell it. What admits to a conversation is therefore drawn from a generator of its own that nothing else uses.

/// A seeded generator.
#[derive(Clone)]
pub struct Random([u64; 4]);

impl Random {
    /// From 256 bits; all zeros, which the generator cannot leave, are replaced.
    pub fn new(seed: [u64; 4]) -> Random {
        Random(if seed == [0; 4] { [0x9e37_79b9_7f4a_7c15, 1, 2, 3] } else { seed })
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        let state = &mut self.0;
        let result = state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        let span = high.saturating_sub(low).saturating_add(1);
        // The bias of a multiply-shift over a 64-bit draw is below 2⁻³² for every span used here.
        low + ((u128::from(self.bits()) * u128::from(span)) >> 64) as u64
    }

    /// A UUID, version 4 (RFC 9562 §5.4).
    pub fn uuid(&mut self) -> String {
        let high = (self.bits() & !0xf000) | 0x4000;
        let low = (self.bits() & !(0b11 << 62)) | (0b10 << 62);
        let mut out = String::with_capacity(36);
        for (at, shift) in (0..16).map(|digit| 60 - digit * 4).enumerate() {
            if at == 8 || at == 12 {
                out.push('-');
            }
            push_digit(&mut out, high >> shift);
        }
        for (at, shift) in (0..16).map(|digit| 60 - digit * 4).enumerate() {
            if at == 0 || at == 4 {
                out.push('-');
            }
            push_digit(&mut out, low >> shift);
        }
        out
    }
}

fn push_digit(out: &mut String, bits: u64) {
    out.push(char::from(b"0123456789abcdef"[(bits & 15) as usize]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_the_form_of_version_4() {
        let mut random = Random::new([1, 2, 3, 4]);
        for _ in 0..100 {
            let id = random.uuid();
            let groups: Vec<_> = id.split('-').map(str::len).collect();
            assert_eq!(groups, [8, 4, 4, 4, 12]);
            assert_eq!(id.as_bytes()[14], b'4');
            assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        }
    }

    #[test]
    fn numbers_stay_within_their_bounds_and_reach_both() {
        let mut random = Random::new([0; 4]);
        let draws: Vec<_> = (0..1000).map(|_| random.between(3, 7)).collect();
        for number in 3..=7 {
            assert!(draws.contains(&number));
        }
        assert!(draws.iter().all(|draw| (3..=7).contains(draw)));
    }
}
