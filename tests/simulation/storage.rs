//! What goes wrong in storage, what that excuses, and the bounds that hold all the same (faults.md row 23).

use super::Run;
use crate::common::{Disk, WIRE, utf16};
use crate::step::{Cleared, Damage, Step};
use guestwire::guest::wire::Wire;
use std::collections::BTreeSet;

const OURS: &str = "gw1:world:";
pub(super) const FENCE: &str = "gw1:world:e";
/// Keys of others, which stay as they are.
const OTHERS: [(&str, &str); 3] = [("cart", "{"), ("gw1:other:session", "{"), ("gw1:worldwide:m:1:x", "{")];
/// Our bounds, bytes of UTF-16: messages, quarantine, everything.
const OUTBOX_BYTES: usize = 192 << 10;
const QUARANTINE_BYTES: usize = 32 << 10;
const ALL_BYTES: usize = 256 << 10;
/// With less than this the conversation may not find room, so that a later life of the page is another guest.
const ROOM_FOR_THE_CONVERSATION: usize = 1_500;

impl Run {
    pub(super) fn place_what_others_keep(&mut self) {
        for (key, value) in OTHERS {
            self.world.storage.insert(key.into(), value.into());
        }
    }

    pub(super) fn disturb_storage(&mut self, step: &Step) -> bool {
        match *step {
            Step::DiskWorks {} => self.world.disk = Disk::Works,
            Step::DiskThrows {} => self.change_disk(Disk::Unavailable, WIRE == Wire::Session),
            Step::DiskMissing {} => self.change_disk(Disk::Missing, true),
            Step::DiskFull { bytes } => self.change_disk(Disk::Quota(bytes), WIRE == Wire::Session || bytes < ROOM_FOR_THE_CONVERSATION),
            Step::DiskFails { writes } => self.change_disk(Disk::Fails(writes), true),
            Step::StorageCleared { what } => {
                let conversation = self.world.session_key();
                let goes = |key: &str| match what {
                    Cleared::All => true,
                    Cleared::Ours => key.starts_with(OURS),
                    Cleared::Messages => key.starts_with("gw1:world:m:"),
                    Cleared::Conversation => key == conversation,
                };
                self.clear(&goes);
                if what == Cleared::All {
                    self.place_what_others_keep();
                }
            }
            Step::StorageThinned { keys } => {
                let ours: Vec<String> = self.world.storage.keys().filter(|key| key.starts_with(OURS)).cloned().collect();
                let goes = |key: &str| ours.iter().position(|known| known == key).is_some_and(|at| keys >> (at % 64) & 1 == 1);
                self.clear(&goes);
            }
            Step::DamageKey { key, how, at } => return self.damage(key, how, at),
            _ => unreachable!("no step of storage"),
        }
        true
    }

    fn change_disk(&mut self, disk: Disk, costs_the_conversation: bool) {
        self.world.disk = disk;
        if disk == Disk::Missing && self.world.tabs() > 1 {
            // Whichever leads next sees nothing of it.
            self.see_storage();
        }
        if costs_the_conversation || !self.world.storage.contains_key(&self.world.session_key()) {
            self.storage_hurt = true;
            // Where what names the session cannot be stored, a reload is another guest.
            self.end_excuses();
        }
    }

    fn clear(&mut self, goes: &dyn Fn(&str) -> bool) {
        self.storage_hurt = true;
        self.end_excuses();
        let gone: Vec<String> = self.world.storage.keys().filter(|key| goes(key)).cloned().collect();
        for key in gone {
            self.world.storage.remove(&key);
            self.ledger.excuse_loss(&key);
        }
    }

    /// A value becomes another one that nobody wrote, or of another version.
    fn damage(&mut self, place: usize, how: Damage, at: usize) -> bool {
        let ours: Vec<&String> = self.world.storage.keys().filter(|key| key.starts_with(OURS)).collect();
        if ours.is_empty() {
            return false;
        }
        let key = ours[place % ours.len()].clone();
        let value = &self.world.storage[&key];
        let cut = (0..=at % (value.len() + 1)).rev().find(|cut| value.is_char_boundary(*cut)).unwrap_or(0);
        let damaged = match how {
            Damage::Empty => String::new(),
            Damage::Truncated if cut < value.len() => value[..cut].to_string(),
            Damage::Truncated => return false,
            Damage::Garbage => format!("{}\u{0}\u{fffd}}}\u{1}{}", &value[..cut], &value[cut..]).replacen('{', "[", 1),
            Damage::Older => value.replace("\"v\":1", "\"v\":0"),
            Damage::Newer => value.replace("\"v\":1", "\"v\":2"),
        };
        self.note(&format!("{key}: {damaged:?}"));
        self.coverage.hit("damage", how.word());
        self.world.storage.insert(key.clone(), damaged);
        self.ledger.excuse_loss(&key);
        self.storage_hurt = true;
        self.fence_damaged |= key == FENCE;
        self.end_excuses();
        true
    }

    /// The page is about to read storage. Where nothing can be seen of it, what waits there waits for another life of the
    /// page, and comes behind what is sent meanwhile.
    pub(super) fn see_storage(&mut self) {
        self.blind |= self.world.disk == Disk::Missing;
        self.was_blind |= self.blind;
        if self.blind {
            for promise in self.ledger.promises.values_mut() {
                promise.retried = true;
            }
        }
    }

    /// What a tab that follows has stored it does not hold; and one whose fence is not its own any more takes what is stored for
    /// all there is.
    pub(super) fn lose_what_nobody_holds(&mut self) {
        if self.world.tabs() > 1 || self.fence_damaged || self.world.page.leader == Some(false) {
            self.ledger.lose_damaged();
        }
    }

    /// Another tab's lead ends, and storage is read again.
    pub(super) fn see_storage_again(&mut self) {
        if self.world.page.leader == Some(false) {
            self.see_storage();
        }
    }

    /// What is told to be durable is.
    pub(super) fn check_durable(&self, id: &str, durable: bool) {
        if self.world.session.is_some() {
            let stored = self.world.storage.keys().any(|key| key.starts_with(OURS) && key.ends_with(id));
            // That a later write of the same message went well is not told.
            assert!(stored || !durable, "told to be durable, and not in storage: {id}");
        }
    }

    /// Whether storage has what another tab has accepted and this one has not heard of yet.
    pub(super) fn has_news(&self) -> bool {
        if self.world.tabs() == 1 {
            return false;
        }
        let known: BTreeSet<&str> = self.world.page.rows.iter().map(|row| row.id.as_str()).collect();
        let mut ids = self.world.storage.keys().filter_map(|key| key.strip_prefix(OURS)?.strip_prefix("m:")?.split(':').nth(1));
        ids.any(|id| !known.contains(id))
    }

    /// Our keys keep within their bounds, and those of others are left alone.
    pub(super) fn check_storage(&self) {
        let (mut messages, mut aside, mut all) = (0, 0, 0);
        for (key, value) in &self.world.storage {
            let Some(name) = key.strip_prefix(OURS) else { continue };
            let id = name.rsplit(':').next().unwrap_or_default();
            // Nor does what was cleared away count, and stored again beside what was accepted since.
            if name.starts_with("m:") && self.ledger.promises.get(id).is_some_and(|promise| promise.apart || promise.damaged) {
                continue;
            }
            let bytes = utf16(key) + utf16(value);
            all += bytes;
            if name.starts_with("m:") {
                messages += bytes;
            } else if name.starts_with("q:") {
                aside += bytes;
            }
        }
        // A page that could not see what there is may have added as much again.
        assert!(self.was_blind || messages <= OUTBOX_BYTES, "{messages} bytes of messages in storage");
        assert!(aside <= QUARANTINE_BYTES, "{aside} bytes put aside");
        assert!(self.was_blind || all <= ALL_BYTES, "{all} bytes in storage");
        for (key, value) in OTHERS {
            assert_eq!(self.world.storage.get(key).map(String::as_str), Some(value), "a key of others was touched: {key}");
        }
    }
}
