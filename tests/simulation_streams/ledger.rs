//! What the service sent, what reached the page, and what the page was given: the account that the checks are made on.

use std::collections::BTreeMap;

/// One event or update that the service emitted.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// When it was emitted, milliseconds.
    pub at: u64,
    /// Its timestamp, milliseconds after the beginning.
    pub time: i64,
    /// What order is kept within: a channel, or all.
    pub group: String,
    /// It has to be given to the page, once.
    pub owed: bool,
    /// When it was first on a frame that reached the page.
    pub arrived: Option<u64>,
    /// How often it was on one.
    pub arrivals: u32,
    /// How often the page was given it.
    pub given: u32,
}

/// See the module.
#[derive(Default)]
pub struct Ledger {
    /// By number, which every event carries.
    pub emitted: BTreeMap<u64, Emitted>,
    /// In the order in which the page was given them: the number, and whether it was marked late.
    pub given: Vec<(u64, bool)>,
    /// Frames that were looked at for arrivals.
    pub frames_seen: usize,
}

impl Ledger {
    /// What was emitted from then on until now and has not been given is not owed: what happened may have lost it.
    pub fn excuse_since(&mut self, from: u64) -> u64 {
        let mut excused = 0;
        for event in self.emitted.values_mut().filter(|event| event.at >= from && event.given == 0 && event.owed) {
            event.owed = false;
            excused += 1;
        }
        excused
    }

    /// Notes the numbers of a frame that reached the page.
    pub fn arrived(&mut self, now: u64, frame: &str) {
        for number in numbers(frame) {
            if let Some(event) = self.emitted.get_mut(&number) {
                event.arrivals += 1;
                event.arrived = event.arrived.or(Some(now));
            }
        }
    }
}

/// The numbers that a text carries, each as `#number#`.
pub fn numbers(text: &str) -> Vec<u64> {
    text.split('#').skip(1).step_by(2).filter_map(|number| number.parse().ok()).collect()
}
