//! One seed: a service with its habits, a schedule of what people and networks do, and the checks around it.

#[path = "checks.rs"]
mod checks;

use crate::chance::Chance;
use crate::common::{CrashPoint, Disk, Line, WIRE, World};
use crate::coverage::Coverage;
use crate::ledger::{AGAIN, Ledger};
use guestwire::core::error::Code;
use guestwire::core::machine::Page as Signal;
use guestwire::core::state::State;
use guestwire::guest::event::{Event, Status};
use guestwire::guest::wire::Wire;
use serde_json::json;
use std::collections::BTreeSet;

const MINUTE: u64 = 60_000;
/// The healing after which everything has to have come right.
const HEALING: u64 = 10 * MINUTE;

struct Run {
    world: World,
    chance: Chance,
    ledger: Ledger,
    coverage: Coverage,
    life: u64,
    said: u64,
    answered: u64,
    /// Codes that this schedule gave the service a reason for.
    excused: BTreeSet<u16>,
    /// What the service held of conversations that were left by a new one on the same socket.
    former: BTreeSet<String>,
    /// Frames were held back.
    held_back: bool,
    verbose: bool,
}

/// Runs one seed; panics where an invariant breaks.
pub fn run(seed: u64, verbose: bool) -> Coverage {
    let mut run = Run::new(seed, verbose);
    run.offer();
    run.world.start();
    let steps = run.chance.between(20, 60);
    for _ in 0..steps {
        run.step();
        let pause = match run.chance.below(4) {
            0 => 0,
            1 => run.chance.below(400),
            2 => run.chance.below(4_000),
            _ => run.chance.below(20_000),
        };
        run.world.run(pause);
        run.after_step();
    }
    run.heal();
    run.check_liveness();
    run.end_life();
    run.coverage
}

impl Run {
    fn new(seed: u64, verbose: bool) -> Run {
        let mut chance = Chance::new(seed);
        let mut world = World::new(chance.bits());
        world.verbose = verbose;
        Run {
            world,
            chance,
            ledger: Ledger::default(),
            coverage: Coverage::default(),
            life: 0,
            said: 0,
            answered: 0,
            excused: BTreeSet::new(),
            former: BTreeSet::new(),
            held_back: false,
            verbose,
        }
    }

    fn note(&mut self, what: &str) {
        if self.verbose {
            println!("{:>8} {what}", self.world.now);
        }
    }

    /// Draws which proofs this service offers.
    fn offer(&mut self) {
        self.world.network.latency = self.chance.between(1, 300);
        if WIRE == Wire::Session {
            return self.offer_session();
        }
        let (metadata, tracing, name) = match self.chance.below(5) {
            0 => (false, "sender", "no-metadata"),
            1 => (true, "none", "no-tracing"),
            2 => (false, "none", "nothing"),
            3 => (true, "all", "echoes-ids"),
            _ => (true, "sender", "echoes-ids"),
        };
        let expired = if self.chance.one_in(2) { "4006" } else { "new" };
        let auto_start = self.chance.one_in(2);
        self.world
            .control("/_sim/set", json!({"echoMetadata": metadata, "echoTracingId": tracing, "expiredConfigure": expired, "autoStart": auto_start}));
        self.coverage.hit("service", name);
        self.coverage.hit("service", expired);
        self.note(&format!("the service: {name}, {expired}, autoStart {auto_start}"));
    }

    /// The session protocol offers text alone; what differs is how long tokens live and how the history is cut.
    fn offer_session(&mut self) {
        let short = self.chance.one_in(2);
        let seconds = if short { self.chance.between(20, 300) } else { 86_400 };
        let page = if self.chance.one_in(2) { self.chance.between(1, 5) } else { 25 };
        self.world.control("/_sim/set", json!({"accessTokenSeconds": seconds, "sessionPageSize": page}));
        self.coverage.hit("service", if short { "short-tokens" } else { "long-tokens" });
        if page < 25 {
            self.coverage.hit("service", "small-pages");
        }
        self.note(&format!("the service: tokens live {seconds} s, {page} on a page"));
    }

    fn step(&mut self) {
        match self.chance.below(21) {
            20 => self.speak_into_the_void(),
            0..=8 => self.speak(),
            9..=10 => self.answer(),
            11..=12 => self.break_network(),
            13..=15 => self.break_service(),
            16 => self.disturb_page(),
            17 => self.visitor(),
            18 => self.end_or_begin(),
            _ => self.mend(),
        }
    }

    fn speak(&mut self) {
        for _ in 0..self.chance.between(1, 3) {
            self.said += 1;
            // Now and then the same words again: they are two messages.
            let text = if self.chance.one_in(8) { AGAIN.to_string() } else { format!("m{}", self.said) };
            if let Ok(id) = self.world.try_send(&text) {
                let durable = self.world.session.as_ref().is_some_and(|session| session.is_durable(&id));
                self.note(&format!("says {text:?} {id} durable {durable}"));
                self.ledger.accept(&id, &text, durable, self.life);
            }
            if self.died() {
                return;
            }
        }
    }

    /// The connection breaks while a message is under way, and its bytes are stored later than the read-back.
    fn speak_into_the_void(&mut self) {
        self.hit("late-store");
        let ms = self.chance.between(500, 2_900);
        self.world.fault(json!({"on": "frame-in", "match": {"action": "onMessage"}, "do": "late-store", "ms": ms}));
        if self.chance.one_in(2) {
            self.hit("history-lag");
            self.world.fault(json!({"on": "http", "match": {"path": "/api/v2/webmessaging/messages"}, "do": "history-lag", "ms": 2_900, "count": 1}));
        }
        self.speak();
        self.world.run(2 * self.world.network.latency + 50);
        let now = self.world.now;
        self.world.network.reset(now);
    }

    fn answer(&mut self) {
        self.answered += 1;
        let text = format!("a{}", self.answered);
        let body = json!({"do": "text", "text": text}).to_string();
        // There may be no session yet to answer in.
        let _ = self.world.service.control(crate::common::EPOCH + self.world.now, "POST", "/_sim/agent", &body);
        if !self.former.is_empty() {
            // The new conversation may not have begun at the service.
            self.remember_held();
        }
    }

    fn remember_held(&mut self) {
        let held = self.world.held_messages();
        self.former.extend(held.into_iter().map(|(_, _, id)| id));
    }

    fn break_network(&mut self) {
        let name = *self.chance.pick(&["reset", "reset", "black-hole", "deaf", "mute", "offline"]);
        self.hit(name);
        let now = self.world.now;
        match name {
            "reset" => return self.world.network.reset(now),
            "black-hole" => self.world.network.line = Line::BlackHole,
            "deaf" => self.world.network.line = Line::DeafClient,
            "mute" => self.world.network.line = Line::MuteClient,
            _ => self.world.network.line = Line::Offline,
        }
        if self.chance.one_in(2) {
            self.world.network.reset(now);
        }
    }

    fn break_service(&mut self) {
        let message = json!({"action": "onMessage"});
        let echo = json!({"class": "StructuredMessage"});
        let count = self.chance.between(1, 3);
        let kinds = if WIRE == Wire::Session { 26 } else { 24 };
        let (name, rule) = match self.chance.below(kinds) {
            kind @ (16..=19 | 22..=25) if WIRE == Wire::Session => return self.break_admission(kind, count),
            // Only answers: a line that loses what the agent says and stays up is no line.
            0 => ("lose-echo", json!({"on": "frame-out", "match": message, "do": "lose", "count": count})),
            1 => ("lose-request", json!({"on": "frame-in", "match": message, "do": "lose"})),
            2 => ("late-store", json!({"on": "frame-in", "match": message, "do": "late-store", "ms": self.chance.between(1, 2_500)})),
            3 => ("history-lag", json!({"on": "http", "match": {"path": "/api/v2/webmessaging/messages"}, "do": "history-lag", "ms": self.chance.between(1, 5_000), "count": 4})),
            4 => ("duplicate", json!({"on": "frame-out", "match": echo, "do": "duplicate", "count": count})),
            5 => ("reorder", json!({"on": "frame-out", "match": echo, "do": "reorder", "window": 2, "count": 2})),
            6 => ("delay", json!({"on": "frame-out", "do": "delay", "ms": self.chance.between(1, 6_000), "count": count})),
            7 => ("garbage", json!({"on": "frame-out", "do": "garbage", "as": self.chance.pick(&["text", "binary", "deep"]), "count": count})),
            8 => ("stall-up", json!({"on": "frame-in", "do": "stall", "direction": "up", "ms": self.chance.between(1, 9_000)})),
            9 => ("stall-down", json!({"on": "frame-out", "do": "stall", "direction": "down", "ms": self.chance.between(1, 9_000)})),
            10 => ("drop-before-store", json!({"on": "frame-in", "match": message, "do": "drop"})),
            11 => ("drop-after-store", json!({"on": "frame-in", "match": message, "do": "drop", "after": true})),
            12 => ("refuse", json!({"on": "connect", "do": "refuse", "status": 503, "count": count})),
            13 => ("accept-then-close", json!({"on": "connect", "do": "accept-then-close", "code": 1011, "count": count})),
            14 => ("blackhole-upgrade", json!({"on": "connect", "do": "blackhole"})),
            15 => ("close", json!({"on": "frame-in", "do": "close", "code": self.chance.pick(&[1001, 1006, 1011, 1012, 1013, 4999])})),
            16 => ("rate-limit", self.reply(json!({"type": "response", "class": "TooManyRequestsErrorMessage", "code": 429, "body": {"retryAfter": 3, "errorCode": 4029}, "tracingId": "$tracingId"}))),
            17 => ("rate-limit-uncorrelated", self.reply(json!({"type": "response", "class": "string", "code": 429, "body": "Too many requests"}))),
            18 => ("reply-500", self.reply(json!({"type": "response", "class": "string", "code": 500, "body": "Request failed.", "tracingId": "$tracingId"}))),
            19 => {
                let code = *self.chance.pick(&[4011_u16, 5000]);
                self.excused.insert(code);
                ("poison", self.reply(json!({"type": "response", "class": "string", "code": code, "body": "no", "tracingId": "$tracingId"})))
            }
            20 => ("history-status", json!({"on": "http", "match": {"path": "/api/v2/webmessaging/messages"}, "do": "status", "status": self.chance.pick(&[401, 429, 500, 503]), "count": count})),
            21 => {
                self.excused.insert(7010);
                ("history-refused", json!({"on": "http", "match": {"path": "/api/v2/webmessaging/messages"}, "do": "status", "status": 403, "count": 0}))
            }
            22 => ("config-status", json!({"on": "http", "match": {"path": format!("/webdeployments/v1/deployments/{}/config.json", crate::common::DEPLOYMENT)}, "do": "status", "status": 503, "count": count})),
            _ => {
                self.hit("evicted");
                let frame = json!({"type": "message", "class": "ConnectionClosedEvent", "code": 200, "body": {}});
                return self.agent(&json!({"do": "raw", "frame": frame}));
            }
        };
        self.hit(name);
        self.held_back |= matches!(name, "reorder" | "delay" | "stall-down");
        self.world.fault(rule);
    }

    /// What admits to the session protocol: tokens and sessions.
    fn break_admission(&mut self, kind: u64, count: u64) {
        let token = json!({"path": "/demo-backend/token"});
        let (name, rule) = match kind {
            16 => {
                ("token-status", json!({"on": "http", "match": token, "do": "status", "status": self.chance.pick(&[429, 500, 503]), "count": count}))
            }
            17 => ("token-refused", json!({"on": "http", "match": token, "do": "status", "status": 403, "count": self.chance.between(1, 6)})),
            18 | 22 => {
                self.hit("token-expired");
                let body = json!({"what": "token", "deploymentId": crate::common::DEPLOYMENT}).to_string();
                let _ = self.world.service.control(crate::common::EPOCH + self.world.now, "POST", "/_sim/expire", &body);
                return;
            }
            19 | 23 => ("upgrade-401", json!({"on": "connect", "do": "refuse", "status": 401, "count": count})),
            24 => ("history-401", json!({"on": "http", "match": {"path": "/messages"}, "do": "status", "status": 401, "count": count})),
            _ => (
                "session-status",
                json!({"on": "http", "match": {"path": "/config.json"}, "do": "status", "status": self.chance.pick(&[401, 429, 503]), "count": count}),
            ),
        };
        self.hit(name);
        self.world.fault(rule);
    }

    fn reply(&self, frame: serde_json::Value) -> serde_json::Value {
        json!({"on": "frame-in", "match": {"action": "onMessage"}, "do": "reply", "frame": frame})
    }

    fn agent(&mut self, body: &serde_json::Value) {
        let _ = self.world.service.control(crate::common::EPOCH + self.world.now, "POST", "/_sim/agent", &body.to_string());
    }

    fn disturb_page(&mut self) {
        match self.chance.below(10) {
            0..=1 => self.reload(),
            2..=3 => {
                let point = *self.chance.pick(&[
                    CrashPoint::BeforePersist,
                    CrashPoint::AfterPersist,
                    CrashPoint::AfterSend,
                    CrashPoint::BeforeAckPersisted,
                    CrashPoint::AfterAckPersisted,
                ]);
                self.hit("crash");
                self.world.crash_at = Some(point);
            }
            4 => {
                self.hit("storage");
                self.world.disk = *self.chance.pick(&[Disk::Unavailable, Disk::Quota(1_500)]);
                if WIRE == Wire::Session {
                    // The service names the session; where that cannot be stored, a reload is another guest.
                    self.end_excuses();
                }
            }
            5 => {
                self.hit("clock");
                let by = *self.chance.pick(&[-600_000_i64, 600_000, 7_200_000]);
                self.world.skew += by;
                if WIRE == Wire::Session && by > 3_600_000 {
                    // This wire tells no time before a message: until then the visitor's clock has to do.
                    self.excused.insert(Code::MESSAGE_EXPIRED.0);
                }
            }
            6 => {
                self.hit("freeze");
                self.world.frozen = true;
                let ms = self.chance.between(500, 90_000);
                self.world.run(ms);
                self.world.thaw();
            }
            7 => {
                self.hit("hidden");
                self.world.signal(Signal::Hidden);
            }
            8 => {
                self.hit("pagehide");
                self.world.signal(Signal::Left);
                let ms = self.chance.below(30_000);
                self.world.run(ms);
                self.world.signal(Signal::Shown);
            }
            _ => {
                self.hit("lead-lost");
                self.world.lose_lead();
                let ms = self.chance.below(5_000);
                self.world.run(ms);
                if self.world.session.is_some() {
                    self.world.with(|session, now| session.take_over(now));
                }
            }
        }
    }

    fn visitor(&mut self) {
        match self.chance.below(5) {
            0 => drop(self.world.with(|session, now| session.typing(now))),
            1 => self.world.with(|session, now| session.reconnect(now)),
            2 => self.world.with(|session, now| session.mark_read(now)),
            3 => {
                let waiting: Vec<String> = self.world.page.rows.iter().filter(|row| row.status == Status::Queued).map(|row| row.id.clone()).collect();
                if let Some(id) = waiting.last().cloned()
                    && self.world.with(|session, now| session.cancel(now, &id))
                {
                    self.note(&format!("takes back {id}"));
                    let promise = self.ledger.promises.get_mut(&id).expect("what waits was accepted");
                    // Killed in the middle of it, the visitor may find it waiting again.
                    (promise.cancelled, promise.undecided) = (true, self.world.crashed.is_some() || self.world.disk != Disk::Works);
                }
            }
            _ => {
                let failed: Vec<String> = self
                    .world
                    .page
                    .rows
                    .iter()
                    .filter(|row| matches!(row.status, Status::Failed | Status::Expired))
                    .map(|row| row.id.clone())
                    .collect();
                if let Some(id) = failed.first().cloned()
                    && self.world.with(|session, now| session.retry(now, &id)).is_ok()
                {
                    self.note(&format!("asks again for {id}"));
                    self.ledger.promises.get_mut(&id).expect("what failed was accepted").retried = true;
                }
            }
        }
    }

    fn end_or_begin(&mut self) {
        match self.chance.below(8) {
            1..=3 if WIRE == Wire::Session => self.restart(),
            0 => {
                self.hit("expired");
                self.end_excuses();
                let _ = self.world.service.control(crate::common::EPOCH + self.world.now, "POST", "/_sim/expire", r#"{"what":"session"}"#);
            }
            1 => {
                self.hit("read-only");
                self.end_excuses();
                self.agent(&json!({"do": "disconnect", "readOnly": true}));
            }
            2 => {
                self.hit("cleared");
                self.end_excuses();
                self.world.clear_elsewhere();
            }
            3 => {
                self.hit("clear");
                self.end_excuses();
                self.world.command(|session, now, ticket| session.clear(now, ticket));
            }
            4 => {
                // An hour and more without a network.
                self.hit("offline");
                self.excused.insert(7012);
                let now = self.world.now;
                self.world.network.line = Line::Offline;
                self.world.network.reset(now);
                self.world.run(65 * MINUTE);
            }
            _ => self.restart(),
        }
    }

    /// The conversation ends for a reason of its own: what was out cannot be proved, what waited was meant for it.
    fn end_excuses(&mut self) {
        self.excused.extend([7010, 7011]);
    }

    fn restart(&mut self) {
        let ended = self.world.page.read_only || matches!(self.world.state(), State::Ended { .. });
        if ended {
            self.hit("restart");
            self.end_excuses();
            self.remember_held();
            // What is offered again comes behind what was sent meanwhile.
            for row in self.world.page.rows.iter().filter(|row| row.code == Some(Code::SESSION_ENDED)) {
                self.ledger.promises.get_mut(&row.id).expect("what failed was accepted").retried = true;
            }
            self.world.command(|session, now, ticket| session.restart(now, true, ticket));
        }
    }

    fn mend(&mut self) {
        self.note("heals");
        self.world.heal();
        self.world.disk = Disk::Works;
    }

    fn reload(&mut self) {
        self.hit("reload");
        self.end_life();
        self.world.reload();
        self.life += 1;
    }

    fn hit(&mut self, name: &str) {
        self.note(name);
        self.coverage.hit("fault", name);
    }

    /// If the tab was killed on the way, it is loaded again.
    fn died(&mut self) -> bool {
        let Some(point) = self.world.crashed.take() else { return false };
        self.note(&format!("killed {point:?}"));
        self.coverage.hit("crash", &format!("{point:?}"));
        self.world.load_page();
        self.world.start();
        self.life += 1;
        true
    }

    /// Counts what this life of the page has met, before it is gone.
    fn end_life(&mut self) {
        if self.world.session.is_none() {
            return;
        }
        for name in ["acknowledged", "acknowledgedByText", "foundAtFirstLook", "foundAtSecondLook", "resends", "unprovedResends"] {
            let times = self.world.metric(name);
            self.coverage.count("proof", name, times);
        }
        let states = std::mem::take(&mut self.world.page.states);
        for state in states {
            let name = format!("{state:?}");
            let name = name.split([' ', '{']).next().unwrap_or_default().to_string();
            self.coverage.hit("state", &name);
        }
        for event in std::mem::take(&mut self.world.page.events) {
            match event {
                Event::Receipt { code: Some(code), .. } => {
                    self.coverage.hit("code", &code.0.to_string());
                    if code.0 == 7010 {
                        self.coverage.hit("proof", "deliveryUnknown");
                    }
                }
                Event::Warning { code } => self.coverage.hit("warning", &code.0.to_string()),
                _ => {}
            }
        }
    }

    fn after_step(&mut self) {
        self.died();
        self.ledger.observe(&mut self.world);
        let unproved = self.world.unproved_before + self.world.metric("unprovedResends");
        for event in &self.world.page.events {
            if let Event::Receipt { id, status: Status::Failed, .. } = event
                && let Some(promise) = self.ledger.promises.get_mut(id)
            {
                promise.retried = true;
            }
        }
        self.ledger.check_safety(unproved, &self.world.unwritten);
        assert!(self.world.network.most_sockets <= 2, "{} sockets at once", self.world.network.most_sockets);
        self.check_list();
    }

    /// No row twice: neither by its own id nor by the service's.
    fn check_list(&self) {
        let mut ids = BTreeSet::new();
        for row in &self.world.page.rows {
            assert!(ids.insert(row.id.clone()), "two rows {}", row.id);
            if let Some(server_id) = row.server_id.as_ref().filter(|server_id| **server_id != row.id) {
                assert!(ids.insert(server_id.clone()), "two rows of {server_id}");
            }
        }
    }

    fn heal(&mut self) {
        self.mend();
        self.world.crash_at = None;
        self.world.signal(Signal::Visible);
        // Whoever else had the lead is gone.
        self.world.with(|session, now| session.take_over(now));
        for _ in 0..2 {
            self.world.run(HEALING);
            self.restart();
            if self.world.state() == State::AuthRequired {
                // The visitor signs in and tries again.
                self.world.with(|session, now| session.reconnect(now));
            }
        }
        self.world.run(HEALING);
        self.ledger.observe(&mut self.world);
        let unproved = self.world.unproved_before + self.world.metric("unprovedResends");
        self.ledger.check_safety(unproved, &self.world.unwritten);
        self.check_list();
    }
}
