//! One seed: a stream with its options, a schedule of what the service and the network do, and the checks around it.

#[path = "checks.rs"]
mod checks;
#[path = "faults.rs"]
mod faults;

use crate::chance::Chance;
use crate::coverage::Coverage;
use crate::ledger::{Emitted, Ledger, numbers};
use crate::network::Line;
use crate::world::World;
use guestwire::core::state::State;
use guestwire::streams::Kind;
use guestwire::streams::class::Command;
use guestwire::streams::event::Event;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const MINUTE: u64 = 60_000;
/// The healing after which everything has to have come right.
const HEALING: u64 = 10 * MINUTE;
/// The service keeps a conversations session that broke for a minute (wire); a little less is certain.
const KEPT_MS: u64 = 50_000;

/// What is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Subject {
    Latency,
    Conversations,
    Interactions,
    Presence,
    InteractionsNotified,
    PresenceNotified,
}

impl Subject {
    const ALL: [Subject; 6] = [
        Subject::Latency,
        Subject::Conversations,
        Subject::Interactions,
        Subject::Presence,
        Subject::InteractionsNotified,
        Subject::PresenceNotified,
    ];

    fn name(self) -> &'static str {
        match self {
            Subject::Latency => "latency",
            Subject::Conversations => "conversations",
            Subject::Interactions => "interactions",
            Subject::Presence => "presence",
            Subject::InteractionsNotified => "interactions-notified",
            Subject::PresenceNotified => "presence-notified",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Subject::Latency => Kind::Latency,
            Subject::Conversations => Kind::Conversations,
            Subject::Interactions | Subject::InteractionsNotified => Kind::Interactions,
            Subject::Presence | Subject::PresenceNotified => Kind::Presence,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Subject::Latency => "/v2/analytics/events/realtime",
            Subject::Conversations => "/api/v2/analytics/conversations/events",
            Subject::Interactions => "/api/v2/analytics/conversations/stream",
            Subject::Presence => "/api/v2/user/websocket",
            Subject::InteractionsNotified | Subject::PresenceNotified => "/channels/",
        }
    }

    fn is_notified(self) -> bool {
        matches!(self, Subject::InteractionsNotified | Subject::PresenceNotified)
    }
}

struct Run {
    subject: Subject,
    world: World,
    chance: Chance,
    ledger: Ledger,
    coverage: Coverage,
    number: u64,
    /// What is subscribed to: channel ids of a multiplexer, one interaction of a stream.
    channels: usize,
    interaction: Option<String>,
    /// The window of the stream, milliseconds.
    hold: u64,
    size: u64,
    /// Since when what is emitted may be lost on the way, and nobody would know.
    blind: Option<u64>,
    /// When the connection was last not as it should be.
    unready: Option<u64>,
    /// When the connection last came to stand, and since when it had not.
    stood: (u64, Option<u64>),
    /// How far ahead the visitor's clock was as the stream first stood.
    began_ahead: i64,
    /// It was ready before: what came before the first time is nobody's.
    begun: bool,
    /// A rule may eat or spoil frames.
    lossy: bool,
    /// Frames may be held back by the service.
    held_back: bool,
    groups: BTreeSet<String>,
    told_seen: usize,
    opens_seen: usize,
    verbose: bool,
}

/// Nothing is prepared, and no schedule is data here: a failing seed is replayed as a whole.
pub fn prepare() {}

/// A schedule has no text form here.
pub fn replay(_: &str) -> Coverage {
    panic!("GUESTWIRE_SCHEDULE is for the guest's simulations")
}

/// Nothing is shrunk.
pub fn explain(seed: u64) -> String {
    format!("seed {seed} is as short as it gets")
}

/// Runs one seed; panics where an invariant breaks.
pub fn run(seed: u64, verbose: bool) -> Coverage {
    let mut run = Run::new(seed, verbose);
    run.world.start();
    let steps = run.chance.between(15, 50);
    for _ in 0..steps {
        run.step();
        let pause = match run.chance.below(4) {
            0 => 0,
            1 => run.chance.below(300),
            2 => run.chance.below(3_000),
            _ => run.chance.below(20_000),
        };
        run.pass(pause);
    }
    run.heal();
    run.check_liveness();
    run.coverage
}

impl Run {
    fn new(seed: u64, verbose: bool) -> Run {
        let mut chance = Chance::new(seed);
        let subject = *chance.pick(&Subject::ALL);
        let policy = *chance.pick(&["drop-oldest", "drop-newest", "coalesce"]);
        let size = if chance.one_in(3) { chance.between(1, 8) } else { 1024 };
        let hold = if chance.one_in(4) { 0 } else { chance.between(50, 1_000) };
        let mut options = json!({"queue": {"size": size, "policy": policy}, "backoff": {"baseMs": 500, "maxMs": 8000}});
        let mut channels = 0;
        let mut interaction = None;
        match subject {
            Subject::Latency => {
                options["connectionId"] = "monitor-001".into();
                options["pingIntervalMs"] = chance.between(500, 5_000).into();
            }
            Subject::Conversations => options["holdMs"] = hold.into(),
            Subject::Interactions => {
                options["attempts"] = 0.into();
                if chance.one_in(2) {
                    interaction = Some("i1".to_string());
                    options["interaction"] = "i1".into();
                }
            }
            Subject::InteractionsNotified => {
                options["attempts"] = 0.into();
                options["dialect"] = "notifications".into();
                options["queues"] = json!(["q1"]);
            }
            Subject::Presence | Subject::PresenceNotified => {
                channels = if subject == Subject::Presence { chance.between(1, 24) as usize } else { 6 };
                options["reorderMs"] = hold.into();
                options["channels"] = channel_list(channels);
                if subject == Subject::PresenceNotified {
                    options["dialect"] = "notifications".into();
                }
            }
        }
        let mut world = World::new(subject.kind(), options);
        world.network.latency = chance.between(1, 200);
        let mut coverage = Coverage::default();
        coverage.hit("stream", subject.name());
        if subject != Subject::Latency {
            coverage.hit("policy", policy);
        }
        if verbose {
            println!("{subject:?} {policy} {size} hold {hold} latency {}", world.network.latency);
        }
        Run {
            subject,
            world,
            chance,
            ledger: Ledger::default(),
            coverage,
            number: 0,
            channels,
            interaction,
            hold,
            size,
            blind: None,
            unready: Some(0),
            stood: (0, None),
            began_ahead: 0,
            begun: false,
            lossy: false,
            held_back: false,
            groups: BTreeSet::new(),
            told_seen: 0,
            opens_seen: 0,
            verbose,
        }
    }

    fn note(&mut self, what: &str) {
        if self.verbose {
            println!("{:>8} {what}", self.world.now);
        }
    }

    fn is_ready(&self) -> bool {
        matches!(self.world.state(), State::Ready | State::Suspect)
    }

    /// Lets time pass in small pieces, so that what happens is seen when it does.
    fn pass(&mut self, ms: u64) {
        let until = self.world.now + ms;
        while self.world.now < until {
            let piece = (until - self.world.now).min(50);
            self.world.pass(piece);
            self.follow();
        }
        self.follow();
        self.check_safety();
    }

    /// Takes account of what was told, opened, delivered and given since the last look.
    fn follow(&mut self) {
        let now = self.world.now;
        let told: Vec<Event> = self.world.told[self.told_seen..].iter().map(|(_, event)| event.clone()).collect();
        self.told_seen = self.world.told.len();
        for event in told {
            match event {
                Event::State(state) => {
                    self.coverage.hit("state", state_name(state));
                    self.note(&format!("state {state:?}"));
                    if state == State::Ready {
                        self.back();
                    } else if self.unready.is_none() && state != State::Suspect {
                        // A socket that is closed as soon as it opens never reached the service.
                        let (ready, before) = self.stood;
                        self.unready = if now < ready + 1_000 { before.or(Some(now)) } else { Some(now) };
                    }
                }
                Event::Metric("detect", _) => self.coverage.hit("outcome", "replaced"),
                Event::Probe(sample) => self.coverage.hit("outcome", if sample.latency.is_some() { "answered" } else { "timeout" }),
                _ => {}
            }
        }
        if self.world.opens.len() > self.opens_seen {
            if self.opens_seen > 0 {
                self.coverage.hit("outcome", "subscribed-again");
            }
            self.opens_seen = self.world.opens.len();
        }
        while let Some((at, frame)) = self.world.frames.get(self.ledger.frames_seen).cloned() {
            self.ledger.frames_seen += 1;
            self.note(&format!("< {frame}"));
            self.ledger.arrived(at, &frame);
        }
        // A socket that is closed as soon as it opens never reached the service.
        self.begun |= self.unready.is_none() && now > self.stood.0 + 500;
        for item in std::mem::take(&mut self.world.taken) {
            self.given(&item);
        }
    }

    /// The connection stands again. What the wire itself cannot bring back is not owed.
    fn back(&mut self) {
        let now = self.world.now;
        if self.stood.0 == 0 {
            self.began_ahead = self.world.ahead;
        }
        let since = self.unready.take();
        self.stood = (now, since);
        let network = &self.world.network;
        // A line may come to stand that is dead already.
        let works = network.line == Line::Works && network.live().len() == network.open_lines();
        let blind = self.blind.filter(|_| works);
        let mut lost_from = None;
        match self.subject {
            // The replay begins at the newest event that was taken in: nothing of ten minutes is lost.
            Subject::Interactions => {}
            Subject::Conversations => {
                // The service cannot know of what it sent into a dead line.
                lost_from = blind;
                if since.is_some_and(|since| now - since > KEPT_MS) {
                    lost_from = since.into_iter().chain(lost_from).min();
                }
            }
            // Only the newest of each channel comes again, or nothing at all.
            _ => lost_from = since.into_iter().chain(blind).min(),
        }
        if let Some(from) = lost_from {
            // What was on its way as it broke went with it.
            let excused = self.ledger.excuse_since(from.saturating_sub(2 * self.world.network.latency + 10));
            self.coverage.count("outcome", "excused", excused);
        }
        if blind.is_some() {
            self.blind = None;
        }
    }

    fn given(&mut self, item: &Value) {
        let text = item.to_string();
        let late = item.get("late").or(item.get("outOfOrder")).and_then(Value::as_bool).unwrap_or(false);
        for number in numbers(&text) {
            self.note(&format!("given {number} late {late}"));
            let event = self.ledger.emitted.get_mut(&number).unwrap_or_else(|| panic!("{number} was never emitted"));
            event.given += 1;
            assert_eq!(event.given, 1, "{number} was given twice: {event:?}");
            self.ledger.given.push((number, late));
            self.coverage.hit("outcome", if late { "late" } else { "delivered" });
            if event.arrivals > 1 {
                self.coverage.hit("outcome", "duplicate-refused");
            }
            let first = self.ledger.emitted[&number].at;
            if self.world.opens.last().is_some_and(|(at, ..)| *at > first) {
                self.coverage.hit("outcome", "replayed");
            }
        }
    }

    /// The service tells of something; the page is owed it unless what is laid over the line may eat it.
    fn emit(&mut self) {
        self.number += 1;
        let number = self.number;
        let mark = format!("#{number}#");
        let now = self.world.now;
        // Up to two seconds out of order, and now and then of the same millisecond.
        let time = if self.chance.one_in(3) { now as i64 - self.chance.below(2_000) as i64 } else { now as i64 };
        let timestamp = World::at(time);
        let mut owed = !self.lossy && (self.blind.is_none() || self.subject == Subject::Interactions);
        owed &= self.begun;
        if self.ledger.given.is_empty() && self.began_ahead > 0 {
            // Until something came, a replay begins by the visitor's clock, which is wrong.
            owed &= self.is_ready() && self.blind.is_none();
        }
        let mut group = String::new();
        match self.subject {
            Subject::Latency => return,
            Subject::Conversations => {
                let event = json!({"id": mark, "timestamp": timestamp, "type": "Changed", "data": {"conversationId": format!("c{}", number % 3)}});
                self.world.emit("conversations", json!({"events": [event]}));
            }
            Subject::Interactions => {
                let interaction = format!("i{}", 1 + self.chance.below(2));
                owed &= self.interaction.as_ref().is_none_or(|wanted| *wanted == interaction);
                let kind = *self.chance.pick(&["ParticipantJoined", "ParticipantLeft", "HoldStarted"]);
                let event = json!({"timestamp": timestamp, "type": kind, "participant": mark, "interaction": interaction, "channel": "voice"});
                self.world.emit("interactions", json!({"events": [event]}));
            }
            Subject::InteractionsNotified => {
                owed &= self.is_ready();
                let leg = json!([{"id": "l", "state": "connected", "connectedTime": timestamp}]);
                let body = json!({"id": "i1", "participants": [{"id": mark, "purpose": "agent", "calls": leg}]});
                self.world.emit("notifications", json!({"topic": "v2.routing.queues.q1.conversations", "body": body}));
            }
            Subject::Presence => {
                let channel = self.chance.below(self.channels.max(1) as u64);
                group = format!("ch{channel}");
                owed &= self.is_ready();
                let update = json!({"channelId": group, "type": "presence", "timestamp": timestamp, "eventType": "changed",
                    "payload": {"userId": format!("u{channel}"), "presence": "busy", "mark": mark}});
                self.world.emit("presence", json!({"updates": [update]}));
            }
            Subject::PresenceNotified => {
                let channel = self.chance.below(self.channels.max(1) as u64);
                group = format!("ch{channel}");
                owed &= self.is_ready();
                let body = json!({"presenceDefinition": {"id": "p", "systemPresence": "BUSY"}, "message": mark, "modifiedDate": timestamp});
                self.world.emit("notifications", json!({"topic": format!("v2.users.u{channel}.presence"), "body": body}));
            }
        }
        self.ledger.emitted.insert(number, Emitted { at: now, time, group, owed, arrived: None, arrivals: 0, given: 0 });
    }

    /// Asks for something else from now on. What was not given yet is not owed: it may not be wanted any more.
    fn resubscribe(&mut self) {
        if !matches!(self.subject, Subject::Interactions | Subject::Presence) {
            return;
        }
        self.note("resubscribe");
        self.coverage.hit("fault", "resubscribe");
        self.ledger.excuse_since(0);
        match self.subject {
            Subject::Interactions => {
                self.interaction = if self.chance.one_in(2) { Some("i1".into()) } else { None };
                let filter = self.interaction.as_ref().map_or(json!({}), |id| json!({"interaction": id}));
                self.world.command(Command::Subscribe(&filter.to_string())).expect("a good filter");
                // Until the service has read it, the old filter holds.
                let settle = 3 * self.world.network.latency + 20;
                self.pass(settle);
                self.ledger.excuse_since(0);
            }
            Subject::Presence => {
                self.channels = self.chance.between(1, 24) as usize;
                self.world.command(Command::Subscribe(&channel_list(self.channels).to_string())).expect("good channels");
                self.pass(3_000);
                self.ledger.excuse_since(0);
            }
            _ => {}
        }
    }

    /// Registers or takes away a group; a group's consumer takes like the stream's own.
    fn change_group(&mut self) {
        if self.subject.kind() != Kind::Presence {
            return;
        }
        let id = format!("g{}", self.chance.below(3));
        if self.groups.remove(&id) {
            self.world.command(Command::Unregister(&id)).expect("known");
            self.world.groups.remove(&id);
        } else {
            let group = if self.chance.one_in(3) { json!({"id": id, "url": "http://hook/x"}) } else { json!({"id": id}) };
            self.world.command(Command::Register(&group.to_string())).expect("a good group");
            self.groups.insert(id);
        }
        self.coverage.hit("fault", "group");
    }

    fn heal(&mut self) {
        self.note("healing");
        self.lift();
        self.pass(2 * MINUTE);
        self.world.bury();
        // The page's own remedy where only the page can help.
        if matches!(self.world.state(), State::Ended { .. } | State::AuthRequired | State::Stopped | State::Idle) {
            self.world.start();
        }
        self.pass(HEALING);
    }
}

fn channel_list(count: usize) -> Value {
    Value::Array((0..count).map(|n| json!({"id": format!("ch{n}"), "type": "presence", "config": {"userId": format!("u{n}")}})).collect())
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Idle => "Idle",
        State::Connecting { .. } => "Connecting",
        State::Ready => "Ready",
        State::Suspect => "Suspect",
        State::Waiting { .. } => "Waiting",
        State::Paused { .. } => "Paused",
        State::Offline => "Offline",
        State::AuthRequired => "AuthRequired",
        State::Ended { .. } => "Ended",
        State::Stopped => "Stopped",
    }
}
