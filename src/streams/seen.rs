//! Which events were seen before, in bounded memory.
//!
//! Two generations of texts: once the younger is full it becomes the older one, and what the older one held is forgotten.
//! So the last `remembers` at the least, and twice as many at the most, are known. Texts are compared in full: an event
//! is never taken for another because their hashes are the same.

/// A set that forgets the oldest.
pub struct Seen {
    remembers: usize,
    young: Table,
    old: Table,
}

impl Seen {
    /// Knows at least the last `remembers`.
    pub fn new(remembers: usize) -> Seen {
        Seen { remembers: remembers.max(1), young: Table::default(), old: Table::default() }
    }

    /// Notes a text; `false` if it was known.
    pub fn note(&mut self, text: &str) -> bool {
        let hash = hash(text);
        if self.young.has(hash, text) || self.old.has(hash, text) {
            return false;
        }
        if self.young.count >= self.remembers {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.put(hash, text.into());
        true
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.young.count + self.old.count
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Seen::new(self.remembers);
    }
}

/// Open addressing with linear probing; nothing is taken out one by one. (A `HashMap` is 2.6 KB of brotli.)
#[derive(Default)]
struct Table {
    slots: Vec<Option<(u32, Box<str>)>>,
    count: usize,
}

impl Table {
    /// The slot of a text, or the one where it would stand.
    fn slot(&self, hash: u32, text: &str) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while let Some((other, known)) = &self.slots[at]
            && !(*other == hash && **known == *text)
        {
            at = (at + 1) & mask;
        }
        at
    }

    fn has(&self, hash: u32, text: &str) -> bool {
        !self.slots.is_empty() && self.slots[self.slot(hash, text)].is_some()
    }

    fn put(&mut self, hash: u32, text: Box<str>) {
        // Never more than half full, so that a free slot is near.
        if self.count * 2 >= self.slots.len() {
            let larger = vec![None; (self.slots.len() * 2).max(16)];
            for slot in std::mem::replace(&mut self.slots, larger) {
                if let Some((hash, text)) = &slot {
                    let at = self.slot(*hash, text);
                    self.slots[at] = slot;
                }
            }
        }
        let at = self.slot(hash, &text);
        self.slots[at] = Some((hash, text));
        self.count += 1;
    }
}

/// FNV-1a, 32 bits, with its bits mixed once more so that the low ones depend on all.
fn hash(text: &str) -> u32 {
    let hash = text.bytes().fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash ^ hash >> 15).wrapping_mul(0x2c1b_3c6d) ^ hash >> 13
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_known_and_the_memory_is_bounded() {
        let mut seen = Seen::new(100);
        for number in 0..10_000 {
            assert!(seen.note(&format!("id-{number}")));
            assert!(!seen.note(&format!("id-{number}")), "just noted");
            assert!(!seen.note(&format!("id-{}", number - number.min(99))), "the last hundred are known");
            assert!(seen.len() <= 200);
        }
        assert!(seen.note("id-0"), "long forgotten");
    }

    #[test]
    fn texts_of_one_hash_are_two_texts() {
        let mut table = Table::default();
        for text in ["a", "b", "c"] {
            assert!(!table.has(7, text));
            table.put(7, text.into());
        }
        assert!(["a", "b", "c"].iter().all(|text| table.has(7, text)));
        assert!(!table.has(7, "d"));
    }
}
