//! Randomness from a seed, so that the same inputs give the same outputs.

/// SplitMix64: small, fast, and good enough for identifiers nobody attacks.
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` to `most`, both among them.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    /// One of several.
    pub(crate) fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.between(0, among.len() as u64 - 1) as usize]
    }

    /// At least 0, less than 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        /// The bits that a double holds exactly.
        const BITS: u32 = 53;
        (self.next() >> (u64::BITS - BITS)) as f64 / (1u64 << BITS) as f64
    }

    /// 32 hexadecimal digits, the form of the service's message ids (guest-api.md §3.4.1).
    pub(crate) fn hex32(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }

    /// A UUID of version 4.
    pub(crate) fn uuid(&mut self) -> String {
        let high = (self.next() & 0xFFFF_FFFF_FFFF_0FFF) | 0x4000;
        let low = (self.next() & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000;
        format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xFFFF, high & 0xFFFF, low >> 48, low & 0xFFFF_FFFF_FFFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        let (mut one, mut two) = (Seed::new(7), Seed::new(7));
        assert_eq!(one.hex32(), two.hex32());
        assert_eq!(one.uuid(), two.uuid());
        assert_ne!(one.uuid(), Seed::new(8).uuid());
    }

    #[test]
    fn a_range_has_both_its_ends() {
        let mut seed = Seed::new(1);
        let drawn: Vec<u64> = (0..100).map(|_| seed.between(3, 5)).collect();
        assert!([3, 4, 5].iter().all(|number| drawn.contains(number)) && drawn.iter().all(|number| (3..=5).contains(number)));
        assert!((0..1_000).map(|_| seed.fraction()).all(|fraction| (0.0..1.0).contains(&fraction)));
    }

    #[test]
    fn a_uuid_says_version_four_and_the_right_variant() {
        let mut seed = Seed::new(1);
        for _ in 0..100 {
            let uuid = seed.uuid();
            assert_eq!(uuid.len(), 36);
            assert_eq!(&uuid[14..15], "4");
            assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"), "{uuid}");
        }
    }
}
