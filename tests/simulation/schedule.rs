//! A schedule performed: a service with its habits, what people and networks do, and the checks around it.

#[path = "checks.rs"]
mod checks;
#[path = "healing.rs"]
mod healing;
#[path = "storage.rs"]
mod storage;
#[path = "trouble.rs"]
mod trouble;

use crate::common::{CrashPoint, Disk, WIRE, World};
use crate::coverage::Coverage;
use crate::draw;
use crate::ledger::{AGAIN, Ledger, Promise};
use crate::shrink;
use crate::step::{Expiry, Point, Schedule, Signal, Step, Tracing};
use guestwire::core::error::Code;
use guestwire::core::machine::Page;
use guestwire::core::state::State;
use guestwire::guest::event::{Event, Status};
use guestwire::guest::wire::Wire;
use serde_json::json;
use std::collections::BTreeSet;

const MINUTE: u64 = 60_000;

/// The life of a page that is not there.
const NOT_OPEN: u64 = 0;

struct Run {
    world: World,
    ledger: Ledger,
    coverage: Coverage,
    /// The life of the page of each tab, of all that there have been.
    lives: Vec<u64>,
    lived: u64,
    /// Codes that this schedule gave the service a reason for.
    excused: BTreeSet<u16>,
    /// What the service held of conversations that were left by a new one on the same socket.
    former: BTreeSet<String>,
    /// Frames were held back.
    held_back: bool,
    /// The pages that stand in the back/forward cache, are on their way out, or were frozen with notice.
    away: BTreeSet<usize>,
    /// When the machine fell asleep, and whether its monotonic clock goes on.
    asleep: Option<(u64, bool)>,
    /// This life of the page has not seen what storage held.
    blind: bool,
    /// … or one of them has not.
    was_blind: bool,
    /// Storage was cleared or damaged.
    storage_hurt: bool,
    /// What the leader has written to know that no other has led since is not what it was.
    fence_damaged: bool,
    /// A page of the history has less than four entries.
    has_tiny_pages: bool,
    /// The history carries the ids of the guest's messages.
    has_ids: bool,
    verbose: bool,
}

/// Performs the schedule of a seed; panics where an invariant breaks.
pub fn run(seed: u64, verbose: bool) -> Coverage {
    perform(&draw::schedule(seed), verbose)
}

/// Performs a schedule that is given as text.
pub fn replay(text: &str) -> Coverage {
    let schedule: Schedule = text.parse().unwrap_or_else(|why| panic!("GUESTWIRE_SCHEDULE: {why}"));
    perform(&schedule, true)
}

/// Before the first seed.
pub fn prepare() {
    shrink::listen();
}

/// What a failing seed comes down to: a schedule that fails in the same way, as short as could be found.
pub fn explain(seed: u64) -> String {
    shrink::explain(&draw::schedule(seed), &|schedule| drop(perform(schedule, false)))
}

/// Performs a schedule.
fn perform(schedule: &Schedule, verbose: bool) -> Coverage {
    let mut run = Run::new(schedule.seed, verbose);
    let (habits, steps): (Vec<&Step>, Vec<&Step>) = schedule.steps.iter().partition(|step| step.is_habit());
    for step in habits {
        run.offer(step);
    }
    run.place_what_others_keep();
    run.world.start();
    for step in steps {
        run.step(step);
        run.after_step();
    }
    run.heal();
    run.check_liveness();
    run.end_life();
    run.coverage
}

impl Run {
    fn new(seed: u64, verbose: bool) -> Run {
        let mut world = World::new(seed);
        world.verbose = verbose;
        let mut run = Run {
            world,
            ledger: Ledger::default(),
            coverage: Coverage::default(),
            lives: vec![1],
            lived: 1,
            excused: BTreeSet::new(),
            former: BTreeSet::new(),
            held_back: false,
            away: BTreeSet::new(),
            asleep: None,
            blind: false,
            was_blind: false,
            storage_hurt: false,
            fence_damaged: false,
            has_tiny_pages: false,
            has_ids: true,
            verbose,
        };
        let habits = if WIRE == Wire::Session {
            json!({"accessTokenSeconds": 86_400, "sessionPageSize": 25})
        } else {
            json!({"expiredConfigure": "new", "autoStart": false})
        };
        run.world.control("/_sim/set", habits);
        run
    }

    fn note(&self, what: &str) {
        if self.verbose {
            println!("{:>8} {what}", self.world.now);
        }
    }

    /// What the service and the network are like, before anything happens.
    fn offer(&mut self, habit: &Step) {
        self.note(&habit.to_string());
        let (name, switches) = match *habit {
            Step::Latency { ms } => {
                self.world.each_network(|network| network.latency = ms);
                return;
            }
            Step::Tabs { count, delay } => {
                self.world.make_tabs(count, delay);
                self.lives.resize(count, NOT_OPEN);
                return self.coverage.hit("tabs", &count.to_string());
            }
            Step::Echoes { metadata, tracing } => {
                self.has_ids = metadata;
                let name = match (metadata, tracing) {
                    (false, Tracing::None) => "nothing",
                    (false, _) => "no-metadata",
                    (true, Tracing::None) => "no-tracing",
                    (true, _) => "echoes-ids",
                };
                (name, json!({"echoMetadata": metadata, "echoTracingId": tracing.word()}))
            }
            Step::Expiry { how } => (if how == Expiry::New { "new" } else { "4006" }, json!({"expiredConfigure": how.word()})),
            Step::AutoStart {} => ("auto-start", json!({"autoStart": true})),
            Step::TokensLive { seconds } => (if seconds > 300 { "long-tokens" } else { "short-tokens" }, json!({"accessTokenSeconds": seconds})),
            Step::PagesOf { size } => {
                self.has_tiny_pages = size < 4;
                (if size < 25 { "small-pages" } else { "large-pages" }, json!({"sessionPageSize": size}))
            }
            _ => return,
        };
        self.world.control("/_sim/set", switches);
        self.coverage.hit("service", name);
    }

    /// A step that has no sense where it stands is left out.
    fn step(&mut self, step: &Step) {
        self.note(&format!("> {step}"));
        let done = match *step {
            Step::Wait { ms } => {
                self.world.run(ms);
                true
            }
            Step::Mend {} => {
                self.mend();
                true
            }
            _ if step.is_of_the_visitor() => self.visit(step),
            _ if step.is_of_the_tabs() => self.change_tabs(step),
            _ if step.is_of_the_page() => self.disturb_page(step),
            _ if step.is_of_storage() => self.disturb_storage(step),
            _ => self.trouble(step),
        };
        if done {
            let kind = if step.is_of_the_visitor() {
                "visitor"
            } else if step.is_of_the_page() || step.is_of_the_tabs() {
                "page"
            } else if step.is_of_storage() {
                "storage"
            } else {
                "fault"
            };
            self.coverage.hit(kind, step.name());
        }
        if self.world.now > 60 * MINUTE {
            // So old can something be by now.
            self.excused.insert(Code::MESSAGE_EXPIRED.0);
        }
    }

    /// Goes into a tab, if it is there.
    fn at(&mut self, tab: usize) -> bool {
        let is = tab < self.world.tabs();
        if is {
            self.world.switch(tab);
        }
        is && self.world.session.is_some()
    }

    /// There is a page, it runs, and the visitor can see it.
    fn runs(&self) -> bool {
        self.world.session.is_some() && !self.world.stands_still() && !self.away.contains(&self.world.tab)
    }

    /// Goes to the tab that leads, as far as it knows itself: what the visitor asks for in another is handed to it.
    fn at_leader(&mut self, tab: usize) -> bool {
        let tabs = self.world.tabs();
        let leads = (0..tabs).map(|other| (tab + other) % tabs).find(|tab| {
            self.world.switch(*tab);
            self.runs() && self.world.page.leader != Some(false)
        });
        leads.is_some()
    }

    fn visit(&mut self, step: &Step) -> bool {
        match *step {
            Step::Say { tab, number } => {
                self.at(tab) && self.runs() && {
                    self.say(&if number == 0 { AGAIN.to_string() } else { format!("m{number}") });
                    true
                }
            }
            Step::Flood { tab, number, count, chars } => {
                self.at(tab) && self.runs() && {
                    for n in 0..count {
                        self.say(&format!("m{number}.{n} {}", "x".repeat(chars as usize)));
                    }
                    true
                }
            }
            Step::Typing { tab }
            | Step::Reconnect { tab }
            | Step::MarkRead { tab }
            | Step::Older { tab }
            | Step::TakeBack { tab }
            | Step::Again { tab }
            | Step::Clear { tab }
            | Step::Restart { tab } => {
                let has_lead = if self.world.tabs() > 1 { self.at_leader(tab) } else { self.runs() };
                has_lead && self.ask(step)
            }
            _ => unreachable!("no step of the visitor's"),
        }
    }

    /// What the visitor asks of the tab that leads.
    fn ask(&mut self, step: &Step) -> bool {
        match *step {
            Step::Typing { .. } => drop(self.world.with(|session, now| session.typing(now))),
            Step::Reconnect { .. } => self.world.with(|session, now| session.reconnect(now)),
            Step::MarkRead { .. } => self.world.with(|session, now| session.mark_read(now)),
            Step::Older { .. } => drop(self.world.command(|session, now, ticket| session.history(now, ticket))),
            Step::TakeBack { .. } => return self.take_back(),
            Step::Again { .. } => return self.ask_again(),
            Step::Clear { .. } => {
                self.end_excuses();
                self.world.command(|session, now, ticket| session.clear(now, ticket));
            }
            _ => return self.restart(),
        }
        true
    }

    fn say(&mut self, text: &str) {
        if !self.runs() {
            return;
        }
        let follows = self.world.tabs() > 1 && self.world.page.leader == Some(false);
        let apart = !follows && self.has_news();
        let accepted = if follows { self.world.add_early(text) } else { self.world.try_send(text) };
        match accepted {
            Ok(id) => {
                let session = self.world.session.as_ref();
                let durable = follows || session.is_some_and(|session| session.is_durable(&id));
                self.note(&format!("says {text:?} {id} durable {durable}"));
                self.check_durable(&id, durable);
                let (tab, at) = (self.world.tab, self.world.now);
                let leads = self.world.tabs() == 1 || self.world.knows_that_it_leads();
                let life = self.lives[tab];
                let promise = Promise { durable, life, tab, at, known: leads.then_some(at), loose: !leads && !follows, apart, ..Promise::of(text) };
                self.ledger.accept(&id, promise);
            }
            Err(refusal) => self.coverage.hit("refused", &refusal.code.0.to_string()),
        }
        self.died();
    }

    fn take_back(&mut self) -> bool {
        let waiting: Vec<String> = self.world.page.rows.iter().filter(|row| row.status == Status::Queued).map(|row| row.id.clone()).collect();
        let Some(id) = waiting.last().cloned() else { return false };
        if self.world.with(|session, now| session.cancel(now, &id)) {
            self.note(&format!("takes back {id}"));
            let promise = self.ledger.promises.get_mut(&id).expect("what waits was accepted");
            // Killed in the middle of it, the visitor may find it waiting again; and what storage has may be older than the truth.
            // … or may not show that another tab leads.
            let is_unfenced = self.storage_hurt || self.world.is_unwritten(storage::FENCE);
            let stale = self.world.unwritten.contains(&id) || (is_unfenced && self.world.tabs() > 1);
            let undecided = self.world.crashed.is_some() || self.world.disk != Disk::Works || stale;
            (promise.cancelled, promise.undecided) = (true, undecided);
            promise.retried |= undecided;
        }
        true
    }

    fn ask_again(&mut self) -> bool {
        let failed = self.world.page.rows.iter().find(|row| matches!(row.status, Status::Failed | Status::Expired)).map(|row| row.id.clone());
        let Some(id) = failed else { return false };
        if self.world.with(|session, now| session.retry(now, &id)).is_ok() {
            self.note(&format!("asks again for {id}"));
            self.ledger.promises.get_mut(&id).expect("what failed was accepted").retried = true;
        }
        true
    }

    /// The conversation ends for a reason of its own: what was out cannot be proved, what waited was meant for it.
    fn end_excuses(&mut self) {
        self.excused.extend([7010, 7011]);
    }

    fn restart(&mut self) -> bool {
        let ended = self.world.page.read_only || matches!(self.world.state(), State::Ended { .. });
        if !ended {
            return false;
        }
        self.end_excuses();
        self.remember_held();
        // What is offered again comes behind what was sent meanwhile.
        for row in self.world.page.rows.iter().filter(|row| row.code == Some(Code::SESSION_ENDED)) {
            self.ledger.promises.get_mut(&row.id).expect("what failed was accepted").retried = true;
        }
        self.world.command(|session, now, ticket| session.restart(now, true, ticket));
        true
    }

    fn remember_held(&mut self) {
        let held = self.world.held_messages();
        self.former.extend(held.into_iter().map(|(_, _, id)| id));
    }

    fn disturb_page(&mut self, step: &Step) -> bool {
        match *step {
            Step::Clock { by } => {
                self.world.skew += by;
                // Until the service has told its time the visitor's clock has to do: one that was set back makes what is accepted
                // look old later on. The session protocol tells no time before a message, so there it is any that was set forward.
                let hour = 60 * MINUTE as i64;
                if self.world.skew <= -hour || (WIRE == Wire::Session && by > hour) {
                    self.excused.insert(Code::MESSAGE_EXPIRED.0);
                }
                true
            }
            Step::Sleep { ticking } if self.asleep.is_none() => {
                self.asleep = Some((self.world.now, ticking));
                self.world.sleep();
                true
            }
            Step::Wake {} => self.wake(),
            Step::Reload { tab }
            | Step::Crash { tab, .. }
            | Step::Torn { tab, .. }
            | Step::Freeze { tab }
            | Step::Frozen { tab }
            | Step::Thaw { tab }
            | Step::Hidden { tab, .. }
            | Step::Visible { tab }
            | Step::Left { tab }
            | Step::Shown { tab }
            | Step::Signal { tab, .. } => self.at(tab) && self.disturb(step),
            _ => false,
        }
    }

    /// What happens to the page of one tab.
    fn disturb(&mut self, step: &Step) -> bool {
        let tab = self.world.tab;
        match *step {
            Step::Reload { .. } => {
                self.wake();
                self.world.switch(tab);
                self.reload();
            }
            Step::Crash { point, .. } => self.world.crash_at = Some(crash_point(point)),
            Step::Torn { writes, .. } => self.world.tears_after = Some(writes),
            Step::Freeze { .. } if !self.world.frozen => self.world.freeze(),
            Step::Frozen { .. } if self.runs() => {
                self.away.insert(tab);
                self.world.signal(Page::Frozen);
                self.world.freeze();
            }
            Step::Thaw { .. } if self.world.frozen && self.asleep.is_none() => self.world.thaw(),
            Step::Hidden { throttled, .. } if self.runs() => {
                self.world.signal(Page::Hidden);
                self.world.throttled = throttled;
            }
            Step::Visible { .. } if self.runs() => {
                self.world.throttled = false;
                self.world.signal(Page::Visible);
            }
            Step::Left { .. } if self.runs() => {
                self.away.insert(tab);
                self.world.signal(Page::Left);
            }
            Step::Shown { .. } if self.away.contains(&tab) && !self.world.stands_still() => self.come_back(Page::Shown),
            Step::Signal { signal: Signal::Resumed, .. } if !self.world.stands_still() => self.come_back(Page::Resumed),
            Step::Signal { signal, .. } if self.runs() => self.world.signal(match signal {
                Signal::Resumed => Page::Resumed,
                Signal::Focused => Page::Focused,
                Signal::Input => Page::Input,
                Signal::Online => Page::Online,
                Signal::Offline => Page::Offline,
            }),
            _ => return false,
        }
        true
    }

    /// What happens among the tabs.
    fn change_tabs(&mut self, step: &Step) -> bool {
        match *step {
            Step::Open { tab } if tab < self.world.tabs() && !self.at(tab) => {
                self.wake();
                self.world.switch(tab);
                self.load();
            }
            Step::Shut { tab } if self.at(tab) && self.runs() => {
                self.world.signal(Page::Left);
                self.close();
            }
            Step::Kill { tab } if self.at(tab) => self.close(),
            Step::Steal { tab }
                if self.at(tab) && self.runs() && !self.world.throttled && self.world.page.leader == Some(false) && self.world.may_steal() =>
            {
                self.take_over();
            }
            // A test of one tab says itself who leads.
            Step::LeadLost { tab } if self.world.tabs() == 1 && self.at(tab) && self.runs() => self.world.lose_lead(),
            Step::TakeOver { tab } if self.world.tabs() == 1 && self.at(tab) && self.runs() => self.take_over(),
            _ => return false,
        }
        true
    }

    fn close(&mut self) {
        self.end_life();
        self.world.kill();
        (self.world.crash_at, self.world.tears_after, self.world.crashed) = (None, None, None);
        self.lives[self.world.tab] = NOT_OPEN;
    }

    fn come_back(&mut self, page: Page) {
        self.away.remove(&self.world.tab);
        self.world.throttled = false;
        self.world.signal(page);
    }

    fn take_over(&mut self) {
        self.see_storage_again();
        self.world.with(|session, now| session.take_over(now));
    }

    fn wake(&mut self) -> bool {
        let Some((since, ticking)) = self.asleep.take() else { return false };
        self.world.wake(if ticking { 0 } else { self.world.now - since });
        true
    }

    fn mend(&mut self) {
        self.world.heal();
        self.world.disk = Disk::Works;
    }

    fn reload(&mut self) {
        self.end_life();
        self.world.kill();
        self.load();
    }

    /// The page is loaded, over what storage holds.
    fn load(&mut self) {
        let tab = self.world.tab;
        self.away.remove(&tab);
        self.lived += 1;
        self.lives[tab] = self.lived;
        self.blind &= self.world.tabs() > 1;
        self.ledger.lose_damaged();
        self.see_storage();
        self.world.load_page();
        self.world.start();
    }

    /// If the tab was killed on the way, it is loaded again.
    fn died(&mut self) -> bool {
        let mut died = false;
        // It may be killed again while it is loaded.
        while let Some(point) = self.world.crashed.take() {
            self.note(&format!("killed {point:?}"));
            self.coverage.hit("crash", &format!("{point:?}"));
            self.load();
            died = true;
        }
        died
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
        for tab in 0..self.world.tabs() {
            self.world.switch(tab);
            self.died();
            self.lose_what_nobody_holds();
            let told = self.world.page.events.iter().filter_map(|event| match event {
                Event::Receipt { id, status: Status::Failed, .. } => Some(id),
                _ => None,
            });
            // A life of the page that ended within the step has left it to the next one.
            let shown = self.world.page.rows.iter().filter(|row| row.status == Status::Failed).map(|row| &row.id);
            for id in told.chain(shown) {
                if let Some(promise) = self.ledger.promises.get_mut(id) {
                    promise.retried = true;
                }
            }
        }
        for at in std::mem::take(&mut self.world.taken_up) {
            self.ledger.take_up(at);
        }
        self.check_safety();
    }
}

fn crash_point(point: Point) -> CrashPoint {
    match point {
        Point::BeforePersist => CrashPoint::BeforePersist,
        Point::AfterPersist => CrashPoint::AfterPersist,
        Point::AfterSend => CrashPoint::AfterSend,
        Point::BeforeAckPersisted => CrashPoint::BeforeAckPersisted,
        Point::AfterAckPersisted => CrashPoint::AfterAckPersisted,
    }
}
