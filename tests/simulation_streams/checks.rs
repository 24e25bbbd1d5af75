//! The invariants.

use super::{Run, Subject};
use guestwire::core::state::State;
use guestwire::streams::Kind;
use serde_json::Value;

impl Run {
    /// What must hold at every moment.
    pub(super) fn check_safety(&mut self) {
        self.check_order();
        let live = self.world.network.open_lines();
        let lines = if self.subject == Subject::Presence { self.channels.div_ceil(10).max(3) } else { 1 };
        // Each line has one socket, a second one while it is renewed, and one that is still closing.
        assert!(live <= 2 * lines, "{live} sockets for {lines} lines");
        assert!(self.world.figure("queued") <= self.size as f64 * (1 + self.groups.len()) as f64, "no queue is longer than it may be");
    }

    /// Within a group the order is that of the time, but for what is marked late; and only what came behind its window is.
    fn check_order(&mut self) {
        if !matches!(self.subject, Subject::Conversations | Subject::Presence | Subject::PresenceNotified) {
            return;
        }
        let mut newest: std::collections::BTreeMap<&str, (i64, u64)> = Default::default();
        for (number, late) in &self.ledger.given {
            let event = &self.ledger.emitted[number];
            let (time, of) = newest.get(event.group.as_str()).copied().unwrap_or((i64::MIN, 0));
            if *late {
                // What went before it may have been dropped by a full queue.
                assert!(event.time < time || self.size < 100, "{number} is marked late and nothing newer went before it");
                // Whatever newer of its group came, came so long before it that its window was over. A stop ends every window, and
                // other channels begin another.
                let newer = self.ledger.emitted.values().filter(|other| other.group == event.group && other.time > event.time);
                let first = newer.filter_map(|other| other.arrived).min();
                let (arrived, first) = (event.arrived.expect("given, so it came"), first.expect("something newer came"));
                assert!(
                    arrived >= first + self.hold || self.was_flushed(first, arrived),
                    "{number} came {} ms behind something newer, within the window of {}",
                    arrived - first.min(arrived),
                    self.hold
                );
            } else {
                assert!(event.time >= time, "{number} ({}) was given behind {of} ({time}) and is not marked late", event.time);
                newest.insert(event.group.as_str(), (event.time, *number));
            }
        }
    }

    /// The window was ended before its time: by a stop or an end, or by other channels.
    fn was_flushed(&self, from: u64, to: u64) -> bool {
        let ends = |state: State| matches!(state, State::Stopped | State::Ended { .. } | State::AuthRequired);
        self.coverage.has("fault", "resubscribe") || self.world.states().iter().any(|(at, state)| (from..=to).contains(at) && ends(*state))
    }

    /// What must hold once everything works again.
    pub(super) fn check_liveness(&mut self) {
        assert_eq!(self.world.state(), State::Ready, "everything works, and it is not ready");
        self.check_subscriptions();
        // What is told now is given now.
        let before = self.number;
        for _ in 0..30 {
            self.emit();
        }
        let settle = 2 * self.world.network.latency + self.hold + 3_000;
        self.world.takes = true;
        self.pass(settle);
        self.take_what_waits();
        let bounded = self.size < 100;
        let (mut dropped, mut owed) = (0, 0);
        for (number, event) in &self.ledger.emitted {
            if !event.owed {
                continue;
            }
            owed += 1;
            if event.given == 0 {
                let is_excused = *number <= before && self.held_back;
                assert!(is_excused || bounded && event.arrived.is_some(), "{number} was never given: {event:?} of {}", self.subject.name());
                dropped += 1;
            }
        }
        let declared = self.world.figure("dropped") + self.world.figure("coalesced");
        if !self.held_back {
            assert!(dropped as f64 <= declared, "{dropped} of {owed} are missing, {declared} were said to be dropped");
        }
        self.coverage.count("outcome", "dropped", self.world.figure("dropped") as u64);
        self.coverage.count("outcome", "coalesced", self.world.figure("coalesced") as u64);
        if self.subject == Subject::Latency {
            let answered = self.world.samples().iter().filter(|(at, sample)| *at + 60_000 > self.world.now && sample.latency.is_some()).count();
            assert!(answered >= 5, "probes are answered");
            self.check_probes();
        }
        let ticket = self.world.stop();
        self.world.pass(60_000);
        assert_eq!(self.world.done(ticket), Some(None));
        assert_eq!(self.world.network.open_lines(), 0, "a stop leaves no socket");
    }

    /// Every probe is told of once at most, as answered or as timed out.
    fn check_probes(&self) {
        let sequences: Vec<u64> = self.world.samples().iter().filter_map(|(_, sample)| sample.sequence).collect();
        let mut unique = sequences.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), sequences.len(), "a probe was told of twice");
        assert_eq!(self.world.figure("answered") + self.world.figure("timeouts"), sequences.len() as f64);
    }

    /// The service holds what was asked for, on as many sockets as it takes, and nothing else.
    fn check_subscriptions(&mut self) {
        self.world.bury();
        let held: Vec<Value> = self.world.subscriptions();
        let paths: Vec<&str> = held.iter().filter_map(|socket| socket["path"].as_str()).collect();
        match self.subject {
            Subject::Presence => {
                let mut channels: Vec<String> = Vec::new();
                for socket in &held {
                    let of_it = socket["channels"].as_array().cloned().unwrap_or_default();
                    assert!(of_it.len() <= 10, "{socket}");
                    channels.extend(of_it.iter().map(|channel| channel["id"].as_str().or(channel.as_str()).unwrap_or_default().to_string()));
                }
                channels.sort();
                let mut wanted: Vec<String> = (0..self.channels).map(|n| format!("ch{n}")).collect();
                wanted.sort();
                assert_eq!(channels, wanted, "{held:?}");
                assert_eq!(held.len(), self.channels.div_ceil(10));
            }
            Subject::Interactions => {
                assert_eq!(paths.len(), 1, "{held:?}");
                let filter = &held[0]["filter"];
                assert_eq!(filter["id"].as_str(), self.interaction.as_deref(), "{held:?}");
            }
            Subject::InteractionsNotified | Subject::PresenceNotified => {
                let mut topics: Vec<String> = held
                    .iter()
                    .flat_map(|socket| socket["topics"].as_array().cloned().unwrap_or_default())
                    .map(|topic| topic.as_str().or(topic["id"].as_str()).unwrap_or_default().to_string())
                    .collect();
                topics.sort();
                let mut wanted: Vec<String> = match self.subject.kind() {
                    Kind::Presence => (0..self.channels).map(|n| format!("v2.users.u{n}.presence")).collect(),
                    _ => vec!["v2.routing.queues.q1.conversations".to_string()],
                };
                wanted.sort();
                assert_eq!(topics, wanted, "{held:?}");
            }
            _ => assert_eq!(paths.len(), 1, "{held:?}"),
        }
    }
}
