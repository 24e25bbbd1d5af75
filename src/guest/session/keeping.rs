//! Storage: what is read at the beginning, what is written when, and what is put aside.

use super::lead::FENCE;
use super::{Call, Session, Write};
use crate::core::error::Code;
use crate::core::machine::{Act, StoreFault, WriteId};
use crate::core::state::State;
use crate::guest::event::{Event, Status};
use crate::guest::history::History;
use crate::guest::outbox::{self, Record, Standing, Stored};
use crate::guest::proof::Flight;
use crate::guest::stored::{QUARANTINE_BYTES, Remembered};

impl Session {
    pub(super) fn load(&mut self) {
        if self.keeps() {
            let prefix = self.prefix.clone();
            self.act(Act::Load(prefix));
        }
    }

    /// All that storage holds for this deployment. Read at the beginning and whenever this tab becomes the leader:
    /// another one may have sent, added or begun anew meanwhile.
    pub(super) fn loaded(&mut self, entries: &[(&str, &str)]) {
        if self.awaits(Call::Forget) {
            for (key, _) in entries {
                self.write(key.to_string(), None, Write::Other);
            }
            // All that stays: a tab that is asleep will find that it is to forget as well.
            let nobody = self.random.uuid();
            self.write([&self.prefix, FENCE].concat(), Some(nobody), Write::Other);
            self.finish(Call::Forget, None);
            return;
        }
        if std::mem::take(&mut self.looks_at_fence) {
            return self.look_at_fence(entries);
        }
        let prefix = self.prefix.clone();
        let fence = [&prefix, FENCE].concat();
        let found = entries.iter().find(|(key, _)| **key == fence).map(|(_, value)| *value);
        // What this tab never wrote is not its own, however it was damaged.
        let is_fenced = !self.fence.is_empty() && found == Some(&*self.fence);
        if !self.fence.is_empty() && found.is_some() && !is_fenced {
            if self.leading && !self.starts_when_loaded {
                // It leads already, or so it thought.
                return self.look_at_fence(entries);
            }
            // Another tab has led since this one did, or has forgotten everything: what is stored is all there is.
            self.link.idle(self.now);
            self.put_away();
        }
        let mut quarantined: usize = 0;
        let mut newer = 0;
        let mut bad = Vec::new();
        let mut seen = Vec::new();
        let mut has_session = false;
        for (key, value) in entries {
            let Some(name) = key.strip_prefix(prefix.as_str()) else { continue };
            if name == self.wire.key() {
                match Remembered::read(value) {
                    Some((remembered, newer)) => {
                        has_session = true;
                        self.frozen = newer;
                        self.recall(remembered);
                        if newer {
                            self.tell(Event::Warning { code: Code::STORAGE_NEWER });
                        }
                    }
                    None => bad.push((name, *value)),
                }
            } else if let Some(name_of_record) = name.strip_prefix("m:") {
                match outbox::read(name_of_record, value) {
                    Stored::Record(record) => {
                        seen.push(record.id.clone());
                        self.take_up(*record);
                    }
                    Stored::Newer => {
                        newer += 2 * (key.len() + value.len());
                        self.tell(Event::Warning { code: Code::STORAGE_NEWER });
                    }
                    Stored::Bad => match self.outbox.ids(&|record| record.key(&prefix) == *key).pop() {
                        // This life of the page knows better than what is left of its record.
                        Some(id) => {
                            self.rewrite(&id);
                            seen.push(id);
                        }
                        None => bad.push((name, *value)),
                    },
                }
            } else if name.starts_with("q:") {
                quarantined += 2 * (key.len() + value.len());
            }
        }
        self.outbox.beside = newer;
        for (name, value) in bad {
            self.put_aside(name, value, &mut quarantined);
        }
        if self.fence.is_empty() && has_session {
            // Read a moment ago, before this tab knew whether it leads.
            self.drop_settled_elsewhere(&seen);
        } else if !self.is_doubtful() {
            // In doubt, what is not there any more another tab may have sent.
            self.store_again(&seen, has_session);
        }
        // The one that was found may be this page's alone, for storage had refused it.
        if self.leading && (self.starts_when_loaded || !is_fenced) {
            self.fence = self.random.uuid();
            self.write(fence, Some(self.fence.clone()), Write::Other);
        }
        if cfg!(feature = "session") {
            self.look_for_other_wire(entries);
        }
        if self.leading {
            self.catch_up();
            self.disown_outbox();
        }
        // What was accepted before it could be stored is stored now.
        for id in self.outbox.ids(&|record| !record.durable) {
            self.store(&id);
        }
        match self.service_now() {
            Some(time) => self.note_time(Some(time as i64)),
            None => self.arm_expiry(),
        }
        // What has ended begins anew when it is asked for, not because the page was asleep.
        let has_ended = matches!(self.link.state(), State::Ended { .. });
        if std::mem::take(&mut self.starts_when_loaded) && self.wanted && self.leading && !has_ended {
            self.link.start(self.now);
            self.link.reconnect(self.now);
        }
    }

    fn recall(&mut self, remembered: Remembered) {
        if self.rewrites_when_proved || (self.leading && !self.starts_when_loaded) {
            // What this life of the page knows is newer, and waits to be written; or it is what its line was made with.
            return;
        }
        let changed = self.remembered.as_ref().is_none_or(|known| known.token != remembered.token);
        if changed {
            // The last life's reads still count against the service's limit.
            self.history = History::new(self.wire, !remembered.known);
        }
        self.remembered = Some(remembered);
    }

    fn take_up(&mut self, record: Record) {
        if self.transcript.is_sent(&record.id) {
            // Its removal had failed, or another tab's had not come to pass.
            self.outbox.skip(record.n);
            return self.discard(record);
        }
        // Killed between the two writes of a retry, a message stands under two numbers: the later one is meant.
        let earlier = match self.outbox.get(&record.id).map(|known| known.n) {
            None => None,
            Some(n) if n == record.n => return,
            Some(n) if n < record.n => {
                self.transcript.remove(&record.id);
                self.outbox.remove(&record.id)
            }
            Some(_) => {
                if self.is_durable(&record.id) {
                    self.erase(&record);
                } else {
                    // The later one could not be written then: until it is, this is all that storage has of the message.
                    self.store_as(&record.id.clone(), Write::Moved(record));
                }
                return;
            }
        };
        self.show_record(&record);
        self.outbox.insert(record);
        if let Some(earlier) = earlier {
            self.erase(&earlier);
        }
    }

    /// Records that another tab took out of storage are settled there.
    pub(super) fn drop_settled_elsewhere(&mut self, seen: &[String]) {
        for id in self.outbox.ids(&|record| record.durable && !seen.contains(&record.id)) {
            if self.flight.id() == Some(&id) {
                self.flight = Flight::Idle;
            }
            self.outbox.remove(&id);
            self.transcript.remove(&id);
        }
    }

    /// What of ours is not there any more was cleared under way, and memory is what there is.
    fn store_again(&mut self, seen: &[String], has_session: bool) {
        for record in self.outbox.iter_mut() {
            record.durable &= seen.contains(&record.id);
        }
        if !has_session && self.remembered.is_some() {
            self.remember();
        }
    }

    /// A record that cannot be read is kept under another key, as far as there is room; the good ones are not touched.
    fn put_aside(&mut self, name: &str, value: &str, quarantined: &mut usize) {
        let key = [&self.prefix, "q:", name].concat();
        let bytes = 2 * (key.len() + value.len());
        if *quarantined + bytes <= QUARANTINE_BYTES {
            *quarantined += bytes;
            self.write(key, Some(value.to_string()), Write::Other);
        }
        self.metrics.quarantined += 1;
        self.tell(Event::Warning { code: Code::STORAGE_QUARANTINED });
        let original = [&self.prefix, name].concat();
        self.write(original, None, Write::Removed(bytes));
    }

    /// Shows an accepted message as a row.
    pub(super) fn show_record(&mut self, record: &Record) {
        let (status, code) = match record.standing {
            Standing::Queued => (Status::Queued, None),
            Standing::Failed(code) => (Status::Failed, Some(code)),
            Standing::Expired => (Status::Expired, Some(Code::MESSAGE_EXPIRED)),
        };
        self.transcript.accept(record, status, code);
    }

    /// The guest's identity, made when it is first needed.
    pub(super) fn ensure_token(&mut self) {
        if self.remembered.is_none() {
            self.remembered = Some(Remembered::new(self.secrets.uuid()));
            self.remember();
        }
        self.disown_outbox();
    }

    /// What was written for another guest than the one who is here now goes nowhere unasked.
    pub(super) fn disown_outbox(&mut self) {
        if self.is_moving() {
            return;
        }
        let Some(mark) = self.remembered.as_ref().map(Remembered::mark) else { return };
        for id in self.outbox.ids(&|record| record.is_queued() && record.owner.is_some_and(|owner| owner != mark)) {
            self.give_up(&id, Code::SESSION_ENDED);
        }
    }

    /// Writes what is remembered beside the outbox, or removes it.
    pub(super) fn remember(&mut self) {
        if self.frozen {
            return;
        }
        if self.is_doubtful() {
            // Another tab may have begun another conversation.
            self.rewrites_when_proved = true;
            return;
        }
        let key = [&self.prefix, self.wire.key()].concat();
        self.write(key, self.remembered.as_ref().map(Remembered::write), Write::Other);
    }

    /// Writes or removes a key. Where nothing may be kept it is as if the write had failed.
    pub(super) fn write(&mut self, key: String, value: Option<String>, why: Write) -> WriteId {
        self.next_write += 1;
        let id = WriteId(self.next_write);
        if self.keeps() {
            self.writes.push((id, why));
            self.act(Act::Store(id, key, value));
        }
        id
    }

    /// Removes the record of a message that the service has.
    pub(super) fn discard(&mut self, record: Record) {
        if self.is_doubtful() {
            // The anchor goes before it, and is not written yet.
            self.discarded.push(record);
            self.rewrites_when_proved = true;
        } else {
            self.erase(&record);
        }
    }

    /// Takes a message's record out of storage.
    pub(super) fn erase(&mut self, record: &Record) {
        let bytes = if record.durable { record.bytes(&self.prefix) } else { 0 };
        self.write(record.key(&self.prefix), None, Write::Removed(bytes));
    }

    /// Rewrites a message's record after a change.
    pub(super) fn rewrite(&mut self, id: &str) {
        if self.is_doubtful() {
            // Another tab may have sent it, and removed the record.
            self.rewrites_when_proved = true;
        } else {
            self.store(id);
        }
    }

    /// Writes a message's record.
    pub(super) fn store(&mut self, id: &str) -> Option<WriteId> {
        self.store_as(id, Write::Record(id.to_string()))
    }

    pub(super) fn store_as(&mut self, id: &str, why: Write) -> Option<WriteId> {
        let (key, value) = self.outbox.get(id).map(|record| (record.key(&self.prefix), record.write()))?;
        Some(self.write(key, Some(value), why))
    }

    pub(super) fn stored(&mut self, id: WriteId, result: Result<(), StoreFault>) {
        let Some(at) = self.writes.iter().position(|(write, _)| *write == id) else { return };
        let (_, why) = self.writes.remove(at);
        if let Err(fault) = result {
            let code = match fault {
                StoreFault::Full => Code::STORAGE_FULL,
                StoreFault::Unavailable => Code::STORAGE_UNAVAILABLE,
            };
            self.tell(Event::Warning { code });
            if let Write::Removed(bytes) = why {
                self.outbox.beside += bytes;
            }
        }
        match why {
            Write::Record(message) => {
                if let Some(record) = self.outbox.get_mut(&message) {
                    record.durable |= result.is_ok();
                }
                self.flight_stored(id);
            }
            Write::Moved(old) => {
                if result.is_ok() {
                    if let Some(record) = self.outbox.get_mut(&old.id) {
                        record.durable = true;
                    }
                    self.erase(&old);
                } else if let Some(mut record) = self.outbox.remove(&old.id) {
                    // It keeps its key, and with that its place: of two records one would stay behind.
                    self.erase(&record);
                    record.n = old.n;
                    self.transcript.rerank(&old.id, old.n);
                    self.outbox.insert(record);
                }
            }
            Write::Removed(_) | Write::Other => {}
        }
    }

    /// Takes a message out for good: outbox, storage and list.
    pub(super) fn drop_record(&mut self, id: &str) -> bool {
        let Some(record) = self.outbox.remove(id) else { return false };
        self.erase(&record);
        self.transcript.remove(id);
        true
    }

    /// Tells the outbox's size when it changed.
    pub(super) fn tell_outbox(&mut self) {
        let told = (self.outbox.len() as u32, self.outbox.bytes(&self.prefix) as u32);
        if told != self.outbox_told {
            self.outbox_told = told;
            self.tell(Event::Outbox { length: told.0, bytes: told.1 });
        }
    }
}
