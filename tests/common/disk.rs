//! The browser's storage, and every way in which it is none. What a write could not store is kept in this life of the page
//! and read back from there, as `src/browser/storage.rs` does it.

use super::World;
use guestwire::core::machine::StoreFault;

/// How the browser's storage behaves.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Disk {
    Works,
    /// There is none: nothing is found either.
    Missing,
    /// Every write throws.
    Unavailable,
    /// It takes so many bytes of UTF-16 in all.
    Quota(usize),
    /// It takes everything and lets go of nothing.
    Keeps,
    /// Of 64 writes in turn those throw whose bit is set.
    Fails(u64),
}

/// Bytes of UTF-16.
pub fn utf16(text: &str) -> usize {
    2 * text.encode_utf16().count()
}

impl World {
    /// Writes, or with `None` removes, one key.
    pub(super) fn write(&mut self, key: String, value: Option<String>) -> Result<(), StoreFault> {
        self.writes += 1;
        let result = self.try_write(&key, value.as_deref());
        if result.is_err() {
            // Of a message whose record is not as it should be, storage tells a later life something else.
            self.unwritten.extend(key.split(":m:").nth(1).and_then(|name| name.split(':').nth(1)).map(str::to_string));
        }
        match value {
            Some(value) if result.is_err() => drop(self.memory.insert(key, value)),
            _ => drop(self.memory.remove(&key)),
        }
        result
    }

    fn try_write(&mut self, key: &str, value: Option<&str>) -> Result<(), StoreFault> {
        match (self.disk, value) {
            (Disk::Missing, None) => return Ok(()),
            (Disk::Missing | Disk::Unavailable, _) | (Disk::Keeps, None) => return Err(StoreFault::Unavailable),
            (Disk::Fails(writes), _) if writes >> (self.writes % 64) & 1 == 1 => {
                return Err(if value.is_some() { StoreFault::Full } else { StoreFault::Unavailable });
            }
            (Disk::Quota(most), Some(value)) => {
                let others: usize = self.storage.iter().filter(|(other, _)| *other != key).map(|(key, value)| utf16(key) + utf16(value)).sum();
                if others + utf16(key) + utf16(value) > most {
                    return Err(StoreFault::Full);
                }
            }
            _ => {}
        }
        match value {
            Some(value) => drop(self.storage.insert(key.to_string(), value.to_string())),
            None => drop(self.storage.remove(key)),
        }
        Ok(())
    }

    /// Everything under a prefix.
    pub fn read(&self, prefix: &str) -> Vec<(String, String)> {
        let stored = self.storage.iter().filter(|(key, _)| self.disk != Disk::Missing && !self.memory.contains_key(*key));
        stored.chain(&self.memory).filter(|(key, _)| key.starts_with(prefix)).map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}
