//! The end of every schedule: all faults end, every tab is looked at, and time passes until everything has to have come right.

use super::{MINUTE, Run};
use guestwire::core::error::Code;
use guestwire::core::machine::Page;
use guestwire::core::state::State;

/// The healing after which everything has to have come right.
const HEALING: u64 = 10 * MINUTE;

impl Run {
    pub(super) fn heal(&mut self) {
        self.note("heals");
        // Ten reads a minute take their time where a page of the history has hardly an entry.
        let rounds = if self.has_tiny_pages { 18 } else { 2 };
        if self.world.now + rounds * HEALING + 4 * MINUTE * self.world.tabs() as u64 > 60 * MINUTE {
            // What is held, in a conversation that is read-only, is let go by a click that comes that late.
            self.excused.insert(Code::MESSAGE_EXPIRED.0);
        }
        self.mend();
        self.wake();
        if (0..self.world.tabs()).all(|tab| !self.at(tab)) {
            self.world.switch(0);
            self.load();
        }
        let blind = self.blind;
        for tab in 0..self.world.tabs() {
            if self.at(tab) {
                self.heal_tab(blind);
            }
        }
        if self.world.tabs() == 1 {
            // Whoever else had the lead is gone.
            self.take_over();
        } else {
            // What a tab could not store it tells when it leads: each does, one after the other.
            for _ in 0..self.world.tabs() {
                self.world.run(3 * MINUTE);
                if self.at_leader(0) {
                    let tab = self.world.tab;
                    self.world.signal(Page::Left);
                    self.world.run(1_000);
                    self.world.switch(tab);
                    self.world.signal(Page::Shown);
                }
            }
        }
        for _ in 0..rounds {
            self.world.run(HEALING);
            self.at_leader(0);
            self.restart();
            if self.world.state() == State::AuthRequired {
                // The visitor signs in and tries again.
                self.world.with(|session, now| session.reconnect(now));
            }
        }
        self.world.run(HEALING);
        self.after_step();
        self.at_leader(0);
    }

    fn heal_tab(&mut self, blind: bool) {
        (self.world.crash_at, self.world.tears_after) = (None, None);
        self.died();
        if self.world.frozen {
            self.world.thaw();
        }
        if self.away.contains(&self.world.tab) {
            self.come_back(Page::Shown);
        }
        if blind {
            // Only another life of the page looks into a storage that was not there.
            self.reload();
        }
        self.world.throttled = false;
        self.world.signal(Page::Visible);
    }
}
