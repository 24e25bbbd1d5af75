//! A contact centre as it works: agents come and go, customers call and write, wait, are helped, held and passed on.
//!
//! It runs in its own time, in milliseconds from the beginning of the first day, and says what happens; how that looks on
//! a stream is not its affair. Nobody waits for a number that is not drawn from the seed.

use std::collections::{BTreeMap, VecDeque};

use super::super::limits::{MINUTE, SECOND};
use crate::seed::Seed;

const HOUR: u64 = 60 * MINUTE;
/// From opening to closing, and to the next opening: nobody wants to watch the night.
pub(super) const OPEN: u64 = 10 * HOUR;
pub(super) const NIGHT: u64 = 10 * MINUTE;

const QUEUES: [&str; 3] = ["sales", "support", "billing"];
const BREAKS: [&str; 5] = ["lunch", "meeting", "away", "training", "other"];

// How often of a thousand times.
const HOLDS: u64 = 350;
const TRANSFERS: u64 = 120;
const PAUSES: u64 = 80;
const MISSES: u64 = 30;
const CUSTOMER_ENDS: u64 = 700;

/// A conversation's number.
pub(super) type Number = u64;

/// Who takes part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Who {
    Customer,
    /// By place on the list of agents.
    Agent(usize),
}

/// Something that happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Happening {
    Presence(usize, &'static str),
    Routing(usize, &'static str),
    Started(Number),
    Queued(Number),
    Joined(Number, Who),
    HoldStarted(Number, usize),
    HoldEnded(Number, usize),
    /// The customer has written to this agent.
    Message(Number, usize),
    Left(Number, Who, &'static str),
    Ended(Number, &'static str),
}

/// One stay of a participant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stay {
    pub(super) who: Who,
    /// The caller's time, as given to [`Centre::step`].
    pub(super) joined: u64,
    pub(super) left: Option<(u64, &'static str)>,
}

/// A conversation, as it stands.
pub(super) struct Conversation {
    pub(super) channel: &'static str,
    pub(super) queue: &'static str,
    pub(super) stays: Vec<Stay>,
    pub(super) agent: Option<usize>,
    pub(super) is_over: bool,
    is_held: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doing {
    /// Not there, on a break, or with a customer.
    Other,
    Idle,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Open,
    Close,
    /// An agent is ready for the next customer, or begins a break.
    Ready(usize),
    /// An agent comes to work or back from a break.
    Back(usize),
    Arrive,
    Answer(Number, usize),
    Abandon(Number),
    Hold(Number, usize, u64),
    Resume(Number),
    Transfer(Number, usize),
    Write(Number),
    End(Number),
}

/// The centre.
pub(super) struct Centre {
    seed: Seed,
    agents: Vec<Doing>,
    /// The agent who has been idle longest comes first.
    idle: VecDeque<usize>,
    conversations: BTreeMap<Number, Conversation>,
    /// Those that are not over.
    running: Vec<Number>,
    waiting: VecDeque<Number>,
    made: Number,
    per_hour: u64,
    is_closed: bool,
    steps: BTreeMap<(u64, u64), Step>,
    planned: u64,
    /// The time of the step that is under way, its own and the caller's.
    now: u64,
    outside: u64,
    happened: Vec<Happening>,
}

impl Centre {
    pub(super) fn new(seed: u64, agents: usize, per_hour: u64) -> Self {
        let mut centre = Self {
            seed: Seed::new(seed),
            agents: vec![Doing::Other; agents],
            idle: VecDeque::new(),
            conversations: BTreeMap::new(),
            running: Vec::new(),
            waiting: VecDeque::new(),
            made: 0,
            per_hour,
            is_closed: false,
            steps: BTreeMap::new(),
            planned: 0,
            now: 0,
            outside: 0,
            happened: Vec::new(),
        };
        centre.plan(0, Step::Open);
        centre
    }

    /// When the next step is. There always is one: after a day comes the next.
    pub(super) fn next(&self) -> u64 {
        self.steps.keys().next().map_or(u64::MAX, |(at, _)| *at)
    }

    /// Takes the next step and says what happened. `outside` is the caller's time of it.
    pub(super) fn step(&mut self, outside: u64) -> Vec<Happening> {
        if let Some(((at, _), step)) = self.steps.pop_first() {
            self.now = at;
            self.outside = outside;
            self.perform(step);
        }
        std::mem::take(&mut self.happened)
    }

    pub(super) fn conversation(&self, number: Number) -> Option<&Conversation> {
        self.conversations.get(&number)
    }

    /// A conversation is over and was told of.
    pub(super) fn forget(&mut self, number: Number) {
        self.conversations.remove(&number);
    }

    /// One that is going on.
    pub(super) fn any_running(&mut self) -> Option<Number> {
        let last = self.running.len().checked_sub(1)?;
        Some(self.running[self.seed.between(0, last as u64) as usize])
    }

    pub(super) fn any_agent(&mut self) -> usize {
        self.seed.between(0, self.agents.len() as u64 - 1) as usize
    }

    pub(super) fn any_queue(&mut self) -> &'static str {
        self.seed.pick(&QUEUES)
    }

    /// How many customers wait, and how many conversations go on.
    pub(super) fn load(&self) -> (usize, usize) {
        (self.waiting.len(), self.running.len() - self.waiting.len())
    }

    fn plan(&mut self, after: u64, step: Step) {
        self.planned += 1;
        self.steps.insert((self.now + after, self.planned), step);
    }

    fn seconds(&mut self, least: u64, most: u64) -> u64 {
        self.seed.between(least * SECOND, most * SECOND)
    }

    /// True so often of a thousand times.
    fn happens(&mut self, of_thousand: u64) -> bool {
        self.seed.between(1, 1_000) <= of_thousand
    }

    fn perform(&mut self, step: Step) {
        match step {
            Step::Open => self.open(),
            Step::Close => self.close(),
            Step::Ready(agent) if !self.is_closed && self.happens(PAUSES) => self.pause(agent),
            Step::Ready(agent) | Step::Back(agent) => self.be_idle(agent),
            Step::Arrive => self.arrive(),
            Step::Answer(number, agent) => self.answer(number, agent),
            Step::Abandon(number) => self.abandon(number),
            Step::Hold(number, agent, ms) => self.hold(number, agent, ms),
            Step::Resume(number) => self.resume(number),
            Step::Transfer(number, agent) => self.transfer(number, agent),
            Step::Write(number) => self.write(number),
            Step::End(number) => self.end(number),
        }
    }

    fn open(&mut self) {
        self.is_closed = false;
        for agent in 0..self.agents.len() {
            // The first ones are there at once, so that customers are helped from the beginning.
            let late = if agent < 2 { 0 } else { self.seconds(0, 120) };
            self.plan(late, Step::Back(agent));
        }
        self.plan(SECOND, Step::Arrive);
        self.plan(OPEN, Step::Close);
    }

    fn close(&mut self) {
        self.is_closed = true;
        while let Some(agent) = self.idle.pop_front() {
            self.go_home(agent);
        }
        self.plan(NIGHT, Step::Open);
    }

    fn go_home(&mut self, agent: usize) {
        self.agents[agent] = Doing::Other;
        self.happened.extend([Happening::Routing(agent, "OFF_QUEUE"), Happening::Presence(agent, "offline")]);
    }

    fn pause(&mut self, agent: usize) {
        let presence = self.seed.pick(&BREAKS);
        self.happened.extend([Happening::Routing(agent, "OFF_QUEUE"), Happening::Presence(agent, presence)]);
        let length = self.seconds(180, 900);
        self.plan(length, Step::Back(agent));
    }

    fn be_idle(&mut self, agent: usize) {
        // One who comes twice, as from a break that outlasts the night, is there once.
        if self.agents[agent] == Doing::Idle {
            return;
        }
        if self.is_closed && self.waiting.is_empty() {
            return self.go_home(agent);
        }
        self.agents[agent] = Doing::Idle;
        self.idle.push_back(agent);
        self.happened.extend([Happening::Presence(agent, "online"), Happening::Routing(agent, "IDLE")]);
        self.assign();
    }

    fn arrive(&mut self) {
        if self.is_closed {
            return;
        }
        let mean = HOUR as f64 / self.per_hour as f64;
        let next = -(1.0 - self.seed.fraction()).ln() * mean;
        self.plan((next as u64).max(1), Step::Arrive);
        self.made += 1;
        let number = self.made;
        let channel = match self.seed.between(1, 100) {
            1..=60 => "voice",
            61..=80 => "chat",
            81..=92 => "sms",
            _ => "video",
        };
        let queue = self.any_queue();
        let conversation = Conversation { channel, queue, stays: Vec::new(), agent: None, is_over: false, is_held: false };
        self.conversations.insert(number, conversation);
        self.running.push(number);
        self.happened.push(Happening::Started(number));
        self.join(number, Who::Customer);
        self.happened.push(Happening::Queued(number));
        self.waiting.push_back(number);
        let patience = self.seconds(60, 240);
        self.plan(patience, Step::Abandon(number));
        self.assign();
    }

    /// Brings those who wait and those who are idle together.
    fn assign(&mut self) {
        while let (Some(agent), Some(number)) = (self.idle.front().copied(), self.waiting.front().copied()) {
            self.idle.pop_front();
            self.waiting.pop_front();
            self.agents[agent] = Doing::Other;
            let ringing = self.seconds(2, 8);
            self.plan(ringing, Step::Answer(number, agent));
        }
    }

    fn running(&mut self, number: Number) -> Option<&mut Conversation> {
        self.conversations.get_mut(&number).filter(|conversation| !conversation.is_over)
    }

    fn answer(&mut self, number: Number, agent: usize) {
        if self.running(number).is_none() {
            return self.be_idle(agent);
        }
        if self.happens(MISSES) {
            self.happened.extend([Happening::Routing(agent, "NOT_RESPONDING"), Happening::Presence(agent, "away")]);
            let absence = self.seconds(60, 180);
            self.plan(absence, Step::Back(agent));
            self.waiting.push_front(number);
            return self.assign();
        }
        self.take(number, agent);
        let is_spoken = self.running(number).is_some_and(|conversation| matches!(conversation.channel, "voice" | "video"));
        let length = if is_spoken { self.seconds(60, 360) } else { self.seconds(90, 480) };
        self.plan(length, Step::End(number));
        if is_spoken && self.happens(HOLDS) {
            let begin = self.seed.between(length / 5, length / 2);
            let held = self.seconds(10, 45);
            self.plan(begin, Step::Hold(number, agent, held));
        }
        if self.happens(TRANSFERS) {
            let moment = self.seed.between(length / 2, length * 4 / 5);
            self.plan(moment, Step::Transfer(number, agent));
        }
        if !is_spoken {
            self.plan(5 * SECOND, Step::Write(number));
        }
    }

    fn take(&mut self, number: Number, agent: usize) {
        if let Some(conversation) = self.running(number) {
            conversation.agent = Some(agent);
        }
        self.join(number, Who::Agent(agent));
        self.happened.extend([Happening::Presence(agent, "busy"), Happening::Routing(agent, "INTERACTING")]);
    }

    fn join(&mut self, number: Number, who: Who) {
        let joined = self.outside;
        if let Some(conversation) = self.running(number) {
            conversation.stays.push(Stay { who, joined, left: None });
            self.happened.push(Happening::Joined(number, who));
        }
    }

    fn leave(&mut self, number: Number, who: Who, reason: &'static str) {
        let left = self.outside;
        if let Some(stay) = self.running(number).and_then(|one| one.stays.iter_mut().rev().find(|stay| stay.who == who && stay.left.is_none())) {
            stay.left = Some((left, reason));
            self.happened.push(Happening::Left(number, who, reason));
        }
    }

    fn wrap_up(&mut self, agent: usize) {
        let length = self.seconds(5, 30);
        self.plan(length, Step::Ready(agent));
    }

    fn hold(&mut self, number: Number, agent: usize, ms: u64) {
        if let Some(conversation) = self.running(number).filter(|conversation| conversation.agent == Some(agent)) {
            conversation.is_held = true;
            self.happened.push(Happening::HoldStarted(number, agent));
            self.plan(ms, Step::Resume(number));
        }
    }

    fn resume(&mut self, number: Number) {
        if let Some(conversation) = self.running(number).filter(|conversation| conversation.is_held) {
            conversation.is_held = false;
            if let Some(agent) = conversation.agent {
                self.happened.push(Happening::HoldEnded(number, agent));
            }
        }
    }

    fn transfer(&mut self, number: Number, agent: usize) {
        if self.running(number).is_none_or(|conversation| conversation.agent != Some(agent)) {
            return;
        }
        if let Some(next) = self.idle.pop_front() {
            self.agents[next] = Doing::Other;
            self.resume(number);
            self.leave(number, Who::Agent(agent), "transfer");
            self.wrap_up(agent);
            self.take(number, next);
        }
    }

    fn write(&mut self, number: Number) {
        if let Some(agent) = self.running(number).and_then(|conversation| conversation.agent) {
            self.happened.push(Happening::Message(number, agent));
            let pause = self.seconds(10, 40);
            self.plan(pause, Step::Write(number));
        }
    }

    fn end(&mut self, number: Number) {
        let Some(agent) = self.running(number).and_then(|conversation| conversation.agent) else {
            return;
        };
        self.resume(number);
        let (first, second) = match self.happens(CUSTOMER_ENDS) {
            true => (Who::Customer, Who::Agent(agent)),
            false => (Who::Agent(agent), Who::Customer),
        };
        self.leave(number, first, "hangup");
        self.leave(number, second, "peer");
        self.finish(number, "completed");
        self.wrap_up(agent);
    }

    /// A customer who is still not helped gives up.
    fn abandon(&mut self, number: Number) {
        if self.running(number).is_some_and(|conversation| conversation.agent.is_none()) {
            self.waiting.retain(|one| *one != number);
            self.leave(number, Who::Customer, "abandoned");
            self.finish(number, "abandoned");
        }
    }

    fn finish(&mut self, number: Number, reason: &'static str) {
        if let Some(conversation) = self.running(number) {
            conversation.is_over = true;
            self.running.retain(|one| *one != number);
            self.happened.push(Happening::Ended(number, reason));
        }
    }
}
