//! What happens to a line, to the service and to the page; and how all of it ends.

use super::{Run, Subject};
use crate::network::Line;
use crate::world::DEPLOYMENT;
use guestwire::core::machine::Page;
use guestwire::core::state::State;
use serde_json::json;

impl Run {
    pub(super) fn step(&mut self) {
        match self.chance.below(10) {
            // Mostly the service has something to tell.
            0..=4 => {
                for _ in 0..self.chance.between(1, 6) {
                    self.emit();
                    let apart = self.chance.below(120);
                    self.pass(apart);
                }
            }
            5 | 6 => self.break_network(),
            7 => self.break_service(),
            8 => self.disturb_page(),
            _ => self.use_page(),
        }
    }

    fn hit(&mut self, fault: &str) {
        self.note(fault);
        self.coverage.hit("fault", fault);
    }

    /// From now on what is sent may go nowhere, and nobody says so.
    fn go_blind(&mut self) {
        let now = self.world.now;
        self.blind = self.blind.or(Some(now));
    }

    /// A line that ends as soon as it stands takes along what the service repeated on it.
    fn excuse_replay(&mut self) {
        let has_just_begun = self.unready.is_some() || self.world.now < self.stood.0 + 1_000;
        if self.subject == Subject::Conversations && has_just_begun {
            self.ledger.excuse_since(0);
        }
    }

    fn break_network(&mut self) {
        self.excuse_replay();
        let now = self.world.now;
        match self.chance.below(8) {
            0 => {
                self.hit("reset");
                // The bytes under way go with the line.
                let excused = self.ledger.excuse_since(now.saturating_sub(2 * self.world.network.latency + 10));
                self.coverage.count("outcome", "excused", excused);
                self.world.network.reset(now);
                // The service hears of it at once, and puts nothing more on that line.
                self.world.pass(0);
            }
            1 => {
                self.hit("strand");
                self.go_blind();
                self.world.network.strand();
            }
            2 => self.cut("black-hole", Line::BlackHole),
            3 => self.cut("deaf", Line::DeafClient),
            4 => self.cut("mute", Line::MuteClient),
            5 => self.cut("offline", Line::Offline),
            _ => {
                self.go_blind();
                self.world.network.heal(now);
            }
        }
    }

    fn cut(&mut self, name: &str, line: Line) {
        self.hit(name);
        self.go_blind();
        self.world.network.line = line;
    }

    /// A rule for the frames of this stream; it comes and goes with its count.
    fn rule(&mut self, on: &str, deed: serde_json::Value) {
        let mut rule = json!({"on": on, "match": {"path": self.subject.path()}, "count": self.chance.between(1, 3)});
        if self.subject.is_notified() {
            // A channel's path has its id in it.
            rule["match"] = json!({"deploymentId": DEPLOYMENT});
        }
        for (name, value) in deed.as_object().into_iter().flatten() {
            rule[name] = value.clone();
        }
        self.world.fault(rule);
    }

    fn break_service(&mut self) {
        self.excuse_replay();
        match self.chance.below(14) {
            0 => {
                self.hit("drop");
                self.excuse_all_under_way();
                self.rule("frame-in", json!({"do": "drop"}));
            }
            1 => {
                self.hit("close");
                self.excuse_all_under_way();
                let code = *self.chance.pick(&[1000, 1001, 1008, 1011, 1012, 4000]);
                self.rule("frame-in", json!({"do": "close", "code": code}));
            }
            2 => {
                self.hit("stall");
                self.held_back = true;
                self.go_lossy();
                let ms = self.chance.between(100, 20_000);
                let direction = *self.chance.pick(&["up", "down", "both"]);
                self.rule("frame-out", json!({"do": "stall", "direction": direction, "ms": ms}));
            }
            3 => {
                self.hit("delay");
                self.held_back = true;
                self.go_lossy();
                let ms = self.chance.between(10, 3_000);
                self.rule("frame-out", json!({"do": "delay", "ms": ms}));
            }
            4 => {
                self.hit("reorder");
                self.held_back = true;
                self.go_lossy();
                self.rule("frame-out", json!({"do": "reorder", "window": 3}));
            }
            5 => {
                self.hit("duplicate");
                self.rule("frame-out", json!({"do": "duplicate"}));
            }
            6 => {
                self.hit("lose");
                self.go_lossy();
                self.rule("frame-out", json!({"do": "lose"}));
            }
            7 => {
                self.hit("garbage");
                self.go_lossy();
                let kind = *self.chance.pick(&["text", "binary", "deep", "huge"]);
                self.rule("frame-out", json!({"do": "garbage", "as": kind}));
            }
            8 => {
                self.hit("refuse");
                let status = *self.chance.pick(&[401, 429, 500, 503]);
                self.rule("connect", json!({"do": "refuse", "status": status, "retryAfter": 3}));
            }
            9 => {
                self.hit("blackhole-upgrade");
                self.rule("connect", json!({"do": "blackhole"}));
            }
            10 => {
                self.hit("accept-then-close");
                self.rule("connect", json!({"do": "accept-then-close", "code": 1011}));
            }
            11 => {
                self.hit("token-status");
                let status = *self.chance.pick(&[400, 429, 500, 503]);
                let count = self.chance.between(1, 4);
                self.world.fault(json!({"on": "http", "match": {"path": "/demo-backend/token"}, "count": count, "do": "status", "status": status, "retryAfter": 2}));
            }
            12 => {
                self.hit("token-expired");
                self.excuse_all_under_way();
                // There may be none to expire.
                let body = json!({"what": "token", "deploymentId": DEPLOYMENT}).to_string();
                let _ = self.world.service.control(crate::world::EPOCH + self.world.now, "POST", "/_sim/expire", &body);
                self.world.pass(0);
            }
            _ => {
                self.hit("request-status");
                let status = *self.chance.pick(&[401, 404, 429, 500]);
                let count = self.chance.between(1, 3);
                self.world.fault(
                    json!({"on": "http", "match": {"path": "/api/v2/notifications/channels"}, "count": count, "do": "status", "status": status}),
                );
            }
        }
    }

    /// From now on frames may be eaten, spoilt or held back, those too that repeat what was lost before.
    fn go_lossy(&mut self) {
        self.lossy = true;
        let excused = self.ledger.excuse_since(0);
        self.coverage.count("outcome", "excused", excused);
    }

    /// The service closes; what it has put on the line before arrives, what stands behind a window is given later.
    fn excuse_all_under_way(&mut self) {
        if self.subject == Subject::Interactions || self.subject == Subject::Conversations {
            return;
        }
        self.go_blind();
    }

    fn disturb_page(&mut self) {
        self.excuse_replay();
        match self.chance.below(5) {
            0 => {
                self.hit("clock");
                self.world.ahead = self.chance.below(200_000) as i64 - 100_000;
            }
            1 => {
                self.hit("freeze");
                let ms = self.chance.between(100, 60_000);
                self.go_blind();
                self.world.frozen = true;
                self.world.pass(ms);
                self.world.thaw();
                self.follow();
            }
            2 => {
                self.hit("hidden");
                self.world.page(Page::Hidden);
                let ms = self.chance.below(90_000);
                self.pass(ms);
                self.world.page(Page::Visible);
            }
            3 => {
                self.hit("pagehide");
                self.go_blind();
                self.world.page(Page::Left);
                let ms = self.chance.below(90_000);
                self.pass(ms);
                self.world.page(Page::Shown);
            }
            _ => {
                self.hit("stop");
                self.go_blind();
                let ticket = self.world.stop();
                assert_eq!(self.world.done(ticket), Some(None), "stop ends");
                assert_eq!(self.world.state(), State::Stopped);
                let ms = self.chance.below(30_000);
                self.pass(ms);
                self.world.start();
            }
        }
    }

    fn use_page(&mut self) {
        match self.chance.below(5) {
            0 | 1 => {
                self.hit("slow-consumer");
                self.world.takes = false;
                for _ in 0..self.chance.between(1, 12) {
                    self.emit();
                    let apart = self.chance.below(60);
                    self.pass(apart);
                }
                self.world.takes = true;
                self.take_what_waits();
            }
            2 => self.resubscribe(),
            3 => self.change_group(),
            _ if self.subject.is_notified() && self.is_ready() => {
                self.hit("drain");
                let ms = self.chance.between(20_000, 60_000);
                self.world.emit("notifications", json!({"do": "drain", "inMs": ms}));
            }
            _ => self.emit(),
        }
    }

    /// The consumer is back at its work.
    pub(super) fn take_what_waits(&mut self) {
        loop {
            let items = self.world.take("", 64);
            if items.is_empty() {
                break;
            }
            self.world.taken.extend(items);
        }
        for id in self.groups.clone() {
            while !self.world.take(&id, 64).is_empty() {}
        }
        self.follow();
    }

    /// Whatever was broken works again.
    pub(super) fn lift(&mut self) {
        let now = self.world.now;
        self.world.lift_faults();
        self.go_blind();
        self.world.network.heal(now);
        self.world.ahead = 0;
        self.lossy = false;
    }
}
