//! What was promised: every message that `send` accepted, across reloads and crashes, and what may become of it.

use crate::common::{WIRE, World};
use guestwire::guest::wire::Wire;
use std::collections::{BTreeMap, BTreeSet};

/// What is said more than once.
pub const AGAIN: &str = "yes";

/// One accepted message.
pub struct Promise {
    pub text: String,
    /// The page said that it will survive a reload.
    pub durable: bool,
    /// The life of the page in which it was accepted.
    pub life: u64,
    /// The tab in which it was accepted, and when.
    pub tab: usize,
    pub at: u64,
    /// When a tab that leads had it before it; there it takes its place.
    pub known: Option<u64>,
    /// Accepted by a tab that did not know its part yet, or not any more: it has no place among what other tabs accept.
    pub loose: bool,
    /// Accepted while this tab had not heard yet of what another one had accepted: it could not be counted with that.
    pub apart: bool,
    /// Its record in storage was cleared away or damaged.
    pub damaged: bool,
    /// The visitor took it back.
    pub cancelled: bool,
    /// … and the tab was killed in that moment.
    pub undecided: bool,
    /// The visitor asked for it again, or it had failed and arrived all the same: its place is another.
    pub retried: bool,
}

impl Promise {
    pub fn of(text: &str) -> Promise {
        Promise {
            text: text.to_string(),
            durable: false,
            life: 0,
            tab: 0,
            at: 0,
            known: None,
            loose: false,
            apart: false,
            damaged: false,
            cancelled: false,
            undecided: false,
            retried: false,
        }
    }
}

/// All of them, in the order of acceptance.
#[derive(Default)]
pub struct Ledger {
    pub order: Vec<String>,
    pub promises: BTreeMap<String, Promise>,
    /// What the service was seen to hold, by the id it was sent under, in the order of storing.
    pub stored: Vec<String>,
    /// How often the service holds texts that were said more than once, where it carries no ids.
    pub ambiguous: BTreeMap<String, usize>,
    /// … or where it does, but not in what the client reads.
    blurred: bool,
    /// So many of them have been looked at, and these came once more.
    checked: usize,
    doubled: Vec<String>,
    /// The log's next number.
    read_to: u64,
}

impl Ledger {
    pub fn accept(&mut self, id: &str, promise: Promise) {
        self.order.push(id.to_string());
        self.promises.insert(id.to_string(), promise);
    }

    /// A leading tab has looked into storage.
    pub fn take_up(&mut self, at: u64) {
        for promise in self.promises.values_mut() {
            promise.known.get_or_insert(at);
        }
    }

    /// A key is not what it was: the message under it, if any, may be lost with its life of the page.
    pub fn excuse_loss(&mut self, key: &str) {
        let id = key.rsplit(':').next().unwrap_or_default();
        if let Some(promise) = self.promises.get_mut(id) {
            promise.damaged = true;
        }
    }

    /// No life of the page needs to know any more what was cleared away or damaged.
    pub fn lose_damaged(&mut self) {
        for promise in self.promises.values_mut().filter(|promise| promise.damaged) {
            // It may still be under way.
            (promise.life, promise.retried) = (u64::MAX, true);
        }
    }

    /// Takes note of what the service has stored since the last time. From its log: a session that is cleared or replaced
    /// takes its messages with it, also within one step.
    pub fn observe(&mut self, world: &mut World) {
        let log = world.get(&format!("/_sim/log?since={}", self.read_to));
        self.read_to = log["next"].as_u64().expect("the log says where to read on");
        let records = log["records"].as_array().expect("the log has records");
        let texts = records.iter().filter(|record| record["kind"] == "stored" && record["direction"] == "Inbound" && record["text"].is_string());
        for record in texts {
            let text = record["text"].as_str().expect("it is a text");
            match record["tracingId"].as_str() {
                Some(id) => self.stored.push(id.to_string()),
                None if self.is_ambiguous(text) => *self.ambiguous.entry(text.to_string()).or_default() += 1,
                None => self.stored.push(self.only(text).unwrap_or_else(|| panic!("the service holds what was never accepted: {text:?}"))),
            }
        }
    }

    /// What was said more than once is counted only from here on.
    pub fn blur(&mut self) {
        self.blurred = true;
        let is_it = |id: &&String| self.promises.get(*id).is_some_and(|promise| promise.text == AGAIN);
        self.ambiguous.insert(AGAIN.to_string(), self.stored.iter().filter(is_it).count());
    }

    /// Whether a text does not tell which message it is.
    pub fn is_ambiguous(&self, text: &str) -> bool {
        (WIRE == Wire::Session || self.blurred) && text == AGAIN
    }

    fn only(&self, text: &str) -> Option<String> {
        self.promises.iter().find(|(_, promise)| promise.text == text).map(|(id, _)| id.clone())
    }

    /// Order and number at the service, by the ids that the guest's requests carried.
    /// A message whose record could not be rewritten when it was sent is not known to have been, after a crash.
    pub fn check_safety(&mut self, unproved: u64, unwritten: &BTreeSet<String>) {
        for (text, stored) in &self.ambiguous {
            let accepted = self.promises.values().filter(|promise| promise.text == *text).count();
            assert!(*stored <= accepted || unproved > 0 || !unwritten.is_empty(), "{stored} times {text:?}, of {accepted}");
        }
        for at in self.checked..self.stored.len() {
            self.check_stored(at, unwritten);
        }
        self.checked = self.stored.len();
        assert!(self.doubled.len() as u64 <= unproved, "doubled without a word: {:?}, {unproved} resends without proof", self.doubled);
    }

    fn check_stored(&mut self, at: usize, unwritten: &BTreeSet<String>) {
        let id = self.stored[at].as_str();
        let Some(promise) = self.promises.get(id) else { panic!("the service holds what was never accepted: {id}") };
        let before = &self.stored[..at];
        if before.iter().any(|earlier| earlier == id) {
            if !unwritten.contains(id) {
                self.doubled.push(id.to_string());
            }
            return;
        }
        let has_place = |id: &str, promise: &Promise| !(promise.retried || unwritten.contains(id) || self.blurred && promise.text == AGAIN);
        if !has_place(id, promise) {
            return;
        }
        let place = |id: &str| self.order.iter().position(|known| known == id);
        for earlier in before {
            let Some(other) = self.promises.get(earlier).filter(|other| has_place(earlier, other)) else { continue };
            // Of another tab's it counts from when there was one that could have sent it.
            let loose = other.loose || promise.loose;
            let counts = other.tab == promise.tab || !loose && promise.known.is_some_and(|known| known < other.at);
            assert!(!counts || place(earlier) <= place(id), "reordered: {:?} came behind {:?}", promise.text, other.text);
        }
    }
}
