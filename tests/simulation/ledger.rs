//! What was promised: every message that `send` accepted, across reloads and crashes, and what may become of it.

use crate::common::World;
use std::collections::{BTreeMap, BTreeSet};

/// One accepted message.
pub struct Promise {
    pub text: String,
    /// The page said that it will survive a reload.
    pub durable: bool,
    /// The life of the page in which it was accepted.
    pub life: u64,
    /// The visitor took it back.
    pub cancelled: bool,
    /// … and the tab was killed in that moment.
    pub undecided: bool,
    /// The visitor asked for it again, so its place is another.
    pub retried: bool,
}

/// All of them, in the order of acceptance.
#[derive(Default)]
pub struct Ledger {
    pub order: Vec<String>,
    pub promises: BTreeMap<String, Promise>,
    /// Resends of all lives so far that were made without proof.
    pub unproved: u64,
    /// What the service was seen to hold, by the id it was sent under, in the order of storing.
    pub stored: Vec<String>,
    seen: BTreeSet<String>,
}

impl Ledger {
    pub fn accept(&mut self, id: &str, text: &str, durable: bool, life: u64) {
        self.order.push(id.to_string());
        self.promises.insert(id.to_string(), Promise { text: text.to_string(), durable, life, cancelled: false, undecided: false, retried: false });
    }

    /// Takes note of what the service holds by now. A session that is replaced twice is no longer shown, so this is done
    /// after every step.
    pub fn observe(&mut self, world: &mut World) {
        for (server_id, id) in stored(world) {
            if self.seen.insert(server_id) {
                self.stored.push(id);
            }
        }
    }

    /// Order and number at the service, by the ids that the guest's requests carried.
    /// A message whose record could not be rewritten when it was sent is not known to have been, after a crash.
    pub fn check_safety(&self, unproved_now: u64, unwritten: &BTreeSet<String>) {
        let mut once = BTreeSet::new();
        let mut last = 0;
        for id in &self.stored {
            let Some(promise) = self.promises.get(id) else { panic!("the service holds what was never accepted: {id}") };
            if !once.insert(id) {
                assert!(self.unproved + unproved_now > 0 || unwritten.contains(id), "doubled without a word: {:?} {id}", promise.text);
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

/// The guest's messages at the service in the order of their storing: server id, and the id they were sent under.
fn stored(world: &mut World) -> Vec<(String, String)> {
    let sessions = world.control("/_sim/sessions", serde_json::Value::Null);
    let mut messages: Vec<_> = sessions
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|session| session["messages"].as_array().cloned().unwrap_or_default())
        .filter(|message| message["direction"] == "Inbound")
        .collect();
    messages.sort_by_key(|message| message["at"].as_u64());
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
    messages.iter().map(|message| (text(&message["serverId"]), text(&message["tracingId"]))).collect()
}
