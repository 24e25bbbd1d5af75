//! `/_sim/scenario`: a day of a contact centre on all streams, as fast as is wanted.
//!
//! The centre runs in its own time, `speed` times as fast as the service's. With a rate, each event has its turn at an even
//! pace: where the story has more to tell it goes slower, where it has less the turns are filled with what matters little.

mod centre;
#[cfg(test)]
mod centre_tests;
mod telling;

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value, json};

use super::Platform;
use crate::seed::Seed;
use centre::Centre;
use telling::{Emission, Teller};

/// How long an event that is to come late is held back, in milliseconds.
const HELD_BACK: (u64, u64) = (50, 400);
/// Names are told apart up to this many.
const MOST_AGENTS: u64 = 132;
const MOST_PER_SECOND: u64 = 5_000;

/// What a scenario is to be like.
struct Plan {
    speed: f64,
    agents: u64,
    calls_per_hour: u64,
    seed: u64,
    rate: Option<u64>,
    out_of_order: f64,
    duplicate: f64,
}

impl Plan {
    fn parse(body: &Map<String, Value>) -> Result<Self, String> {
        let member = |name: &str| body.get(name).filter(|value| !value.is_null());
        let whole = |name: &str, least: u64, most: u64| -> Result<Option<u64>, String> {
            let Some(value) = member(name) else {
                return Ok(None);
            };
            let number = value.as_u64().filter(|number| (least..=most).contains(number));
            number.map(Some).ok_or(format!("{name} is a whole number from {least} to {most}"))
        };
        let real = |name: &str, default: f64, least: f64, most: f64| -> Result<f64, String> {
            let Some(value) = member(name) else {
                return Ok(default);
            };
            value.as_f64().filter(|number| (least..=most).contains(number)).ok_or(format!("{name} is a number from {least} to {most}"))
        };
        Ok(Self {
            speed: real("speed", 60.0, 0.01, 10_000.0)?,
            agents: whole("agents", 1, MOST_AGENTS)?.unwrap_or(24),
            calls_per_hour: whole("callsPerHour", 1, 1_000_000)?.unwrap_or(240),
            seed: whole("seed", 0, u64::MAX)?.unwrap_or(1),
            rate: whole("ratePerSecond", 1, MOST_PER_SECOND)?,
            out_of_order: real("outOfOrder", 0.05, 0.0, 1.0)?,
            duplicate: real("duplicate", 0.02, 0.0, 1.0)?,
        })
    }
}

/// A scenario under way.
struct Player {
    plan: Plan,
    centre: Centre,
    teller: Teller,
    /// For what happens on the way to the client, so that the story is the same whatever that is.
    chance: Seed,
    began: u64,
    /// Events so far, without what came twice.
    events: u64,
    /// With a rate: what waits for its turn, and how many turns the story had no backlog.
    backlog: VecDeque<Emission>,
    free_turns: u64,
    held: BTreeMap<(u64, u64), Emission>,
    held_back: u64,
}

impl Player {
    fn new(plan: Plan, now: u64) -> Self {
        Self {
            centre: Centre::new(plan.seed, plan.agents as usize, plan.calls_per_hour),
            // A story told twice is the same, but its events are new ones.
            teller: Teller::new(plan.seed ^ now.rotate_left(32)),
            chance: Seed::new(!plan.seed),
            plan,
            began: now,
            events: 0,
            backlog: VecDeque::new(),
            free_turns: 0,
            held: BTreeMap::new(),
            held_back: 0,
        }
    }

    /// When the story goes on.
    fn next_turn(&self) -> u64 {
        match self.plan.rate {
            Some(rate) => self.began + ((self.events + 1) * 1_000).div_ceil(rate),
            None => self.began + (self.centre.next() as f64 / self.plan.speed).ceil() as u64,
        }
    }

    fn next(&self) -> u64 {
        self.held.keys().next().map_or(u64::MAX, |(at, _)| *at).min(self.next_turn())
    }

    /// The centre's time.
    fn story_time(&self, now: u64) -> u64 {
        match self.plan.rate {
            Some(rate) => (self.free_turns as f64 * 1_000.0 * self.plan.speed / rate as f64) as u64,
            None => (now.saturating_sub(self.began) as f64 * self.plan.speed) as u64,
        }
    }

    /// Everything that is sent up to a time.
    fn play(&mut self, now: u64) -> Vec<Emission> {
        let mut sent = Vec::new();
        while self.next() <= now {
            let at = self.next_turn();
            if let Some(entry) = self.held.first_entry().filter(|entry| entry.key().0 <= now.min(at)) {
                sent.push(entry.remove());
                continue;
            }
            let told = match self.plan.rate {
                Some(_) => self.take_turn(at),
                None => self.step(at),
            };
            for emission in told {
                self.put_out(at, emission, &mut sent);
            }
        }
        sent
    }

    fn step(&mut self, at: u64) -> Vec<Emission> {
        let happened = self.centre.step(at);
        let told = self.teller.tell(&mut self.centre, &happened, at);
        self.events += told.iter().filter(|emission| emission.counts()).count() as u64;
        told
    }

    /// One event, and what comes on top of it.
    fn take_turn(&mut self, at: u64) -> Vec<Emission> {
        if !self.backlog.iter().any(Emission::counts) {
            self.free_turns += 1;
            while self.centre.next() <= self.story_time(at) && !self.backlog.iter().any(Emission::counts) {
                let happened = self.centre.step(at);
                self.backlog.extend(self.teller.tell(&mut self.centre, &happened, at));
            }
        }
        self.events += 1;
        let mut told = Vec::new();
        while let Some(mut emission) = self.backlog.pop_front() {
            let is_event = emission.counts();
            emission.stamp(at);
            told.push(emission);
            if is_event {
                return told;
            }
        }
        told.push(self.teller.fill(&mut self.centre, self.events, at));
        told
    }

    /// On its way, late or twice as it may happen.
    fn put_out(&mut self, at: u64, emission: Emission, sent: &mut Vec<Emission>) {
        let copies = if self.chance.fraction() < self.plan.duplicate { 2 } else { 1 };
        let is_late = self.chance.fraction() < self.plan.out_of_order;
        let wait = if is_late { self.chance.between(HELD_BACK.0, HELD_BACK.1) } else { 0 };
        for emission in std::iter::repeat_n(emission, copies) {
            if wait > 0 {
                self.held_back += 1;
                self.held.insert((at + wait, self.held_back), emission);
            } else {
                sent.push(emission);
            }
        }
    }
}

/// The scenarios of all deployments.
#[derive(Default)]
pub(super) struct Scenarios {
    playing: BTreeMap<String, Player>,
    /// How far those that were stopped had come: their events and the centre's time.
    stopped: BTreeMap<String, (u64, u64)>,
}

impl Scenarios {
    /// When the next event comes.
    pub(super) fn poll_timeout(&self) -> Option<u64> {
        self.playing.values().map(Player::next).min()
    }

    pub(super) fn reset(&mut self, deployment: Option<&str>) {
        let is_meant = |id: &str| deployment.is_none_or(|wanted| wanted == id);
        self.playing.retain(|id, _| !is_meant(id));
        self.stopped.retain(|id, _| !is_meant(id));
    }
}

impl Platform {
    /// Begins a scenario; one that is under way in that deployment ends.
    pub(crate) fn play_scenario(&mut self, deployment: &str, body: &Map<String, Value>) -> Result<(), String> {
        let plan = Plan::parse(body)?;
        self.stop_scenario(deployment);
        self.scenarios.playing.insert(deployment.to_owned(), Player::new(plan, self.now));
        self.run_scenarios();
        Ok(())
    }

    /// Ends a scenario. What was held back comes at once.
    pub(crate) fn stop_scenario(&mut self, deployment: &str) {
        if let Some(player) = self.scenarios.playing.remove(deployment) {
            self.scenarios.stopped.insert(deployment.to_owned(), (player.events, player.story_time(self.now)));
            for emission in player.held.into_values() {
                self.emit(deployment, emission);
            }
        }
    }

    /// `{"playing","events","at"}`: whether, how many events so far, how far the centre's time is (milliseconds).
    pub(crate) fn describe_scenario(&self, deployment: &str) -> Value {
        let (events, at) = match self.scenarios.playing.get(deployment) {
            Some(player) => (player.events, player.story_time(self.now)),
            None => self.scenarios.stopped.get(deployment).copied().unwrap_or_default(),
        };
        json!({ "playing": self.scenarios.playing.contains_key(deployment), "events": events, "at": at })
    }

    /// Sends what is due.
    pub(super) fn run_scenarios(&mut self) {
        if self.scenarios.poll_timeout().is_none_or(|at| at > self.now) {
            return;
        }
        let due: Vec<(String, Vec<Emission>)> = self.scenarios.playing.iter_mut().map(|(id, player)| (id.clone(), player.play(self.now))).collect();
        for (deployment, sent) in due {
            for emission in sent {
                self.emit(&deployment, emission);
            }
        }
    }

    fn emit(&mut self, deployment: &str, emission: Emission) {
        match emission {
            Emission::Conversation(event) => self.emit_conversations(deployment, vec![event], false),
            Emission::Interaction(event) => self.emit_interactions(deployment, vec![event], false),
            Emission::Update(update) => self.emit_updates(deployment, &[update]),
            Emission::Topic(topic, body) => self.notify(deployment, &topic, &body),
        };
    }
}
