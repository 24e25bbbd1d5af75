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
    /// Its record in storage was cleared away or damaged.
    pub damaged: bool,
    /// The visitor took it back.
    pub cancelled: bool,
    /// … and the tab was killed in that moment.
    pub undecided: bool,
    /// The visitor asked for it again, or it had failed and arrived all the same: its place is another.
    pub retried: bool,
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
    /// The log's next number.
    read_to: u64,
}

impl Ledger {
    pub fn accept(&mut self, id: &str, text: &str, durable: bool, life: u64) {
        self.order.push(id.to_string());
        self.promises.insert(
            id.to_string(),
            Promise { text: text.to_string(), durable, life, damaged: false, cancelled: false, undecided: false, retried: false },
        );
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

    /// Whether a text does not tell which message it is.
    pub fn is_ambiguous(&self, text: &str) -> bool {
        WIRE == Wire::Session && text == AGAIN
    }

    fn only(&self, text: &str) -> Option<String> {
        self.promises.iter().find(|(_, promise)| promise.text == text).map(|(id, _)| id.clone())
    }

    /// Order and number at the service, by the ids that the guest's requests carried.
    /// A message whose record could not be rewritten when it was sent is not known to have been, after a crash.
    pub fn check_safety(&self, unproved: u64, unwritten: &BTreeSet<String>) {
        for (text, stored) in &self.ambiguous {
            let accepted = self.promises.values().filter(|promise| promise.text == *text).count();
            assert!(*stored <= accepted || unproved > 0 || !unwritten.is_empty(), "{stored} times {text:?}, of {accepted}");
        }
        let mut once = BTreeSet::new();
        let mut last = 0;
        for id in &self.stored {
            let Some(promise) = self.promises.get(id) else { panic!("the service holds what was never accepted: {id}") };
            if !once.insert(id) {
                assert!(unproved > 0 || unwritten.contains(id), "doubled without a word: {:?} {id}", promise.text);
                continue;
            }
            if promise.retried || unwritten.contains(id) {
                continue;
            }
            let place = self.order.iter().position(|known| known == id).expect("promises and order hold the same ids");
            assert!(place >= last, "reordered: {:?} came behind a later one", promise.text);
            last = place;
        }
    }
}
