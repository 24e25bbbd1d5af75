//! From a seed to a schedule. Nothing is looked at but chance: what a step finds is for the performance to see.

use crate::chance::Chance;
use crate::common::WIRE;
use crate::step::{Cleared, Damage, Expiry, Garbage, Point, Schedule, Signal, Step, Tracing};
use guestwire::guest::wire::Wire;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

struct Draw {
    chance: Chance,
    steps: Vec<Step>,
    latency: u64,
    tabs: usize,
    said: u64,
    answered: u64,
}

/// The schedule of a seed.
pub fn schedule(seed: u64) -> Schedule {
    let mut chance = Chance::new(seed);
    let world = chance.bits();
    let mut draw = Draw { chance, steps: Vec::new(), latency: 0, tabs: 1, said: 0, answered: 0 };
    draw.offer();
    for _ in 0..draw.chance.between(20, 60) {
        draw.step();
        let ms = match draw.chance.below(4) {
            0 => continue,
            1 => draw.chance.below(400),
            2 => draw.chance.below(4_000),
            _ => draw.chance.below(20_000),
        };
        draw.add(Step::Wait { ms });
    }
    Schedule { seed: world, steps: draw.steps }
}

impl Draw {
    fn add(&mut self, step: Step) {
        self.steps.push(step);
    }

    fn wait(&mut self, low: u64, high: u64) {
        let ms = self.chance.between(low, high);
        self.add(Step::Wait { ms });
    }

    /// Which proofs this service offers.
    fn offer(&mut self) {
        self.latency = self.chance.between(1, 300);
        self.add(Step::Latency { ms: self.latency });
        if self.chance.one_in(2) {
            self.tabs = self.chance.between(2, 4) as usize;
            let delay = *self.chance.pick(&[0, 1, 5, 50, 400]);
            self.add(Step::Tabs { count: self.tabs, delay });
        }
        if WIRE == Wire::Session {
            // The session protocol offers text alone; what differs is how long tokens live and how the history is cut.
            let seconds = if self.chance.one_in(2) { self.chance.between(20, 300) } else { 86_400 };
            self.add(Step::TokensLive { seconds });
            let size = if self.chance.one_in(2) { self.chance.between(1, 5) } else { 25 };
            return self.add(Step::PagesOf { size });
        }
        let (metadata, tracing) = match self.chance.below(5) {
            0 => (false, Tracing::Sender),
            1 => (true, Tracing::None),
            2 => (false, Tracing::None),
            3 => (true, Tracing::All),
            _ => (true, Tracing::Sender),
        };
        self.add(Step::Echoes { metadata, tracing });
        let how = *self.chance.pick(Expiry::ALL);
        self.add(Step::Expiry { how });
        if self.chance.one_in(2) {
            self.add(Step::AutoStart {});
        }
    }

    fn step(&mut self) {
        if self.tabs > 1 && self.chance.one_in(4) {
            return self.change_tabs();
        }
        match self.chance.below(24) {
            0..=8 => self.speak(),
            9..=10 => self.answer(),
            11..=12 => self.break_network(),
            13..=15 => self.break_service(),
            16..=17 => self.disturb_page(),
            18 => self.visitor(),
            19 => self.end_or_begin(),
            20 => self.speak_into_the_void(),
            21 => self.break_storage(),
            _ => self.add(Step::Mend {}),
        }
    }

    fn tab(&mut self) -> usize {
        if self.tabs == 1 { 0 } else { self.chance.below(self.tabs as u64) as usize }
    }

    fn change_tabs(&mut self) {
        let tab = self.tab();
        match self.chance.below(12) {
            0..=4 => self.add(Step::Open { tab }),
            5 => self.add(Step::Shut { tab }),
            6 => self.add(Step::Kill { tab }),
            7 => {
                // Given up with notice, as browsers freeze hidden tabs.
                self.extend(&[Step::Hidden { tab, throttled: true }, Step::Frozen { tab }]);
                self.wait(0, 20_000);
                let back = if self.chance.one_in(2) { Step::Shown { tab } } else { Step::Signal { tab, signal: Signal::Resumed } };
                self.extend(&[Step::Thaw { tab }, back]);
            }
            _ => self.rob(tab),
        }
    }

    /// A tab stands still for so long that another may take the lock from it, and runs again before it has heard of that.
    fn rob(&mut self, tab: usize) {
        if self.chance.one_in(2) {
            let number = self.next_number();
            self.add(Step::Say { tab, number });
            self.wait(0, 300);
        }
        self.add(Step::Freeze { tab });
        self.wait(3_500, 9_000);
        let other = self.tab();
        self.add(Step::Steal { tab: other });
        if self.chance.one_in(2) {
            let number = self.next_number();
            self.add(Step::Say { tab: other, number });
        }
        self.wait(0, 3_000);
        self.add(Step::Thaw { tab });
        if self.chance.one_in(2) {
            let number = self.next_number();
            let step = match self.chance.below(4) {
                0 => Step::TakeBack { tab },
                1 => Step::Again { tab },
                _ => Step::Say { tab, number },
            };
            self.add(step);
        }
    }

    fn next_number(&mut self) -> u64 {
        self.said += 1;
        self.said
    }

    fn speak(&mut self) {
        let tab = self.tab();
        if self.chance.one_in(400) {
            // More than fits: the outbox and the storage have their bounds.
            self.said += 1;
            let (count, chars) = (self.chance.between(20, 220), *self.chance.pick(&[10, 600, 4_000]));
            return self.add(Step::Flood { tab, number: self.said, count, chars });
        }
        for _ in 0..self.chance.between(1, 3) {
            self.said += 1;
            // Now and then the same words again: they are two messages.
            let number = if self.chance.one_in(8) { 0 } else { self.said };
            self.add(Step::Say { tab, number });
        }
    }

    /// The connection breaks while a message is under way, and its bytes are stored later than the read-back.
    fn speak_into_the_void(&mut self) {
        let ms = self.chance.between(500, 2_900);
        self.add(Step::LateStore { ms });
        if self.chance.one_in(2) {
            self.add(Step::HistoryLag { ms: 2_900, count: 1 });
        }
        self.speak();
        self.add(Step::Wait { ms: 2 * self.latency + 50 });
        self.add(Step::Reset {});
    }

    fn answer(&mut self) {
        self.answered += 1;
        self.add(Step::Answer { number: self.answered });
    }

    fn break_network(&mut self) {
        let step = match self.chance.below(6) {
            0..=1 => return self.add(Step::Reset {}),
            2 => Step::BlackHole {},
            3 => Step::Deaf {},
            4 => Step::Mute {},
            _ => Step::Offline {},
        };
        self.add(step);
        if self.chance.one_in(2) {
            self.add(Step::Reset {});
        }
        if self.chance.one_in(4) {
            // What the browser says of it is a hint, and may lie.
            let (tab, signal) = (self.tab(), *self.chance.pick(&[Signal::Offline, Signal::Online]));
            self.add(Step::Signal { tab, signal });
        }
    }

    fn break_service(&mut self) {
        let count = self.chance.between(1, 3);
        let kinds = if WIRE == Wire::Session { 26 } else { 24 };
        let kind = self.chance.below(kinds);
        let step = match kind {
            0 => Step::LoseEcho { count },
            1 => Step::LoseRequest {},
            2 => Step::LateStore { ms: self.chance.between(1, 2_500) },
            3 => Step::HistoryLag { ms: self.chance.between(1, 5_000), count: 4 },
            4 => Step::Duplicate { count },
            5 => Step::Reorder {},
            6 => Step::Delay { ms: self.chance.between(1, 6_000), count },
            7 => Step::Garbage { form: *self.chance.pick(Garbage::ALL), count },
            8 => Step::StallUp { ms: self.chance.between(1, 9_000) },
            9 => Step::StallDown { ms: self.chance.between(1, 9_000) },
            10 => Step::DropBeforeStore {},
            11 => Step::DropAfterStore {},
            12 => Step::Refuse { count },
            13 => Step::AcceptThenClose { count },
            14 => Step::BlackholeUpgrade {},
            15 => Step::Close { code: *self.chance.pick(&[1001, 1006, 1011, 1012, 1013, 4999]) },
            20 => Step::HistoryStatus { status: *self.chance.pick(&[401, 429, 500, 503]), count },
            21 => Step::HistoryRefused {},
            _ if WIRE == Wire::Session => self.break_admission(kind, count),
            16 => Step::RateLimit {},
            17 => Step::RateLimitUncorrelated {},
            18 => Step::Reply500 {},
            19 => Step::Poison { code: *self.chance.pick(&[4011, 5000]) },
            22 => Step::ConfigStatus { count },
            _ => Step::Evicted {},
        };
        self.add(step);
    }

    /// What admits to the session protocol: tokens and sessions.
    fn break_admission(&mut self, kind: u64, count: u64) -> Step {
        match kind {
            16 => Step::TokenStatus { status: *self.chance.pick(&[429, 500, 503]), count },
            17 => Step::TokenRefused { count: self.chance.between(1, 6) },
            18 | 22 => Step::TokenExpired {},
            19 | 23 => Step::Upgrade401 { count },
            24 => Step::History401 { count },
            _ => Step::SessionStatus { status: *self.chance.pick(&[401, 429, 503]), count },
        }
    }

    fn disturb_page(&mut self) {
        let tab = self.tab();
        match self.chance.below(14) {
            0..=1 => self.add(Step::Reload { tab }),
            2..=3 => {
                let point = *self.chance.pick(Point::ALL);
                self.add(Step::Crash { tab, point });
            }
            4 => {
                let writes = self.chance.between(1, 12);
                self.add(Step::Torn { tab, writes });
            }
            5 => {
                let by = *self.chance.pick(&[-7_200_000, -600_000, -2_500, 2_500, 600_000, 7_200_000]);
                self.add(Step::Clock { by });
            }
            6 => self.freeze(tab),
            7 => self.sleep(tab),
            8..=9 => {
                let throttled = self.chance.one_in(2);
                self.add(Step::Hidden { tab, throttled });
                if self.chance.one_in(4) {
                    self.freeze(tab);
                }
            }
            10 => self.add(Step::Visible { tab }),
            11 => {
                self.add(Step::Left { tab });
                let frozen = self.chance.one_in(2);
                if frozen {
                    self.add(Step::Freeze { tab });
                }
                self.wait(0, 30_000);
                if frozen {
                    self.add(Step::Thaw { tab });
                }
                self.add(Step::Shown { tab });
            }
            12 => {
                let signal = *self.chance.pick(Signal::ALL);
                self.add(Step::Signal { tab, signal });
            }
            _ => {
                self.add(Step::LeadLost { tab });
                self.wait(0, 5_000);
                self.add(Step::TakeOver { tab });
            }
        }
    }

    /// For a moment, or for as long as a browser leaves a tab alone.
    fn freeze(&mut self, tab: usize) {
        self.add(Step::Freeze { tab });
        let most = *self.chance.pick(&[3_000, 90_000, 90_000, 900_000]);
        self.wait(500, most);
        self.add(Step::Thaw { tab });
        if self.chance.one_in(2) {
            self.add(Step::Signal { tab, signal: Signal::Resumed });
        }
    }

    fn sleep(&mut self, tab: usize) {
        let ticking = self.chance.one_in(2);
        self.add(Step::Sleep { ticking });
        let most = *self.chance.pick(&[2_500, MINUTE, MINUTE, 20 * MINUTE, 8 * HOUR]);
        self.wait(1_000, most);
        self.add(Step::Wake {});
        if self.chance.one_in(2) {
            let signal = *self.chance.pick(Signal::ALL);
            self.add(Step::Signal { tab, signal });
        }
    }

    fn visitor(&mut self) {
        let tab = self.tab();
        let step = match self.chance.below(6) {
            0 => Step::Typing { tab },
            1 => Step::Reconnect { tab },
            2 => Step::MarkRead { tab },
            3 => Step::TakeBack { tab },
            4 => Step::Older { tab },
            _ => Step::Again { tab },
        };
        self.add(step);
    }

    fn end_or_begin(&mut self) {
        let tab = self.tab();
        let step = match self.chance.below(8) {
            0 => Step::Expired {},
            1 if WIRE == Wire::Guest => Step::ReadOnly {},
            2 if WIRE == Wire::Guest => Step::ClearedElsewhere {},
            3 if WIRE == Wire::Guest => Step::Clear { tab },
            4 => {
                // An hour and more without a network.
                self.add(Step::Offline {});
                self.add(Step::Reset {});
                Step::Wait { ms: 65 * MINUTE }
            }
            _ => Step::Restart { tab },
        };
        self.add(step);
    }

    fn break_storage(&mut self) {
        let step = match self.chance.below(12) {
            0 => Step::DiskThrows {},
            1 => Step::DiskMissing {},
            2..=3 => Step::DiskFull { bytes: self.chance.below(6_000) as usize },
            4..=5 => Step::DiskFails { writes: self.chance.bits() & self.chance.bits() },
            6 => Step::StorageCleared { what: *self.chance.pick(Cleared::ALL) },
            7 => Step::StorageThinned { keys: self.chance.bits() },
            8 => Step::DiskWorks {},
            _ => {
                let (key, how, at) = (self.chance.below(64) as usize, *self.chance.pick(Damage::ALL), self.chance.below(1_000) as usize);
                Step::DamageKey { key, how, at }
            }
        };
        self.add(step);
        if self.chance.one_in(2) {
            // What was done to storage is found at the next load.
            let tab = self.tab();
            let step = match self.chance.below(4) {
                0 => Step::Reload { tab },
                1 => Step::Torn { tab, writes: self.chance.between(1, 4) },
                2 => return self.extend(&[Step::Left { tab }, Step::Shown { tab }]),
                _ => return self.extend(&[Step::LeadLost { tab }, Step::TakeOver { tab }]),
            };
            self.add(step);
        }
    }

    fn extend(&mut self, steps: &[Step]) {
        self.steps.extend_from_slice(steps);
    }
}
