//! Several tabs of one visitor: each with a page, a session, sockets and a network of its own; one storage, one Web Lock, one
//! machine. A [`World`] is in one of them at a time, and [`World::switch`] goes into another.
//!
//! The lock is modelled after the Web Locks API as `src/browser/lead.rs` uses it: asked for if free, then waited for in line;
//! stolen, of which the holder is told only when it runs; released with the page. What a page's JavaScript does about its role
//! (`www/client`) is done here too.

use super::{Arrival, CrashPoint, Network, Page, World, utf16};
use guestwire::core::error::{Code, Refusal};
use guestwire::core::machine::{Input, Lead, Machine, Role, SocketId};
use guestwire::guest::Session;
use guestwire::guest::outbox::{MAX_BYTES, MAX_MESSAGES};
use guestwire::guest::wire::Wire;
use simulator::{ConnectionId, HttpId};
use std::collections::{BTreeMap, VecDeque};
use std::mem::swap;

/// A tab that is asked and does not answer for so long may be robbed of the lock: two questions of 2 s (design.md "Tabs").
pub const STEAL_AFTER_MS: u64 = 4_000;

/// Within which every record may still grow.
const GROWTH_BYTES: usize = 320;

/// What a world keeps of a tab that it is not in.
macro_rules! of_a_tab {
    ($($field:ident: $kind:ty,)*) => {
        #[derive(Default)]
        pub struct Tab { $($field: $kind,)* }

        impl World {
            fn swap_with(&mut self, tab: usize) {
                let tab = &mut self.others[tab];
                $(swap(&mut self.$field, &mut tab.$field);)*
            }
        }
    };
}

of_a_tab! {
    network: Network,
    session: Option<Box<Session>>,
    page: Page,
    memory: BTreeMap<String, String>,
    early_n: u64,
    frozen: bool,
    still_since: u64,
    throttled: bool,
    in_line: bool,
    held: VecDeque<Arrival>,
    crash_at: Option<CrashPoint>,
    tears_after: Option<u64>,
    crashed: Option<CrashPoint>,
    sent: Vec<(SocketId, String)>,
    opens: Vec<u64>,
    forgotten: Vec<(u64, SocketId)>,
    session_id: String,
    fetched: Vec<String>,
    shuts: Vec<(u64, SocketId)>,
    line: Line,
}

/// A tab's place in the line for the lock.
#[derive(Default)]
pub struct Line {
    /// Counts the requests; what an older one brings is not meant any more.
    turn: u64,
    /// A request waits or was granted.
    place: bool,
    told: Option<Role>,
    /// What the browser has to say, and when it is due.
    news: VecDeque<(u64, News)>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum News {
    Granted(u64),
    Taken(u64),
    /// The lock was stolen from this request.
    Stolen(u64),
    /// The answer to the question whether the lock is held still.
    Answered,
    /// Another tab has stored something.
    Added,
}

/// The browser's lock: who holds it and who waits, tab and turn each.
#[derive(Default)]
pub struct Lock {
    holder: Option<(usize, u64)>,
    waiting: VecDeque<(usize, u64)>,
    /// How long a word between page and browser, or page and page, is under way, milliseconds.
    pub delay: u64,
    /// The list that the leader showed last, as every tab's page mirrors it: bodies.
    mirror: Vec<String>,
}

impl World {
    /// How many tabs there are, open or not.
    pub fn tabs(&self) -> usize {
        self.others.len().max(1)
    }

    /// Whether a key could not be written in one of the tabs, and is in its memory alone.
    pub fn is_unwritten(&self, key: &str) -> bool {
        self.memory.contains_key(key) || self.others.iter().any(|tab| tab.memory.contains_key(key))
    }

    /// So many tabs from now on, of which the first is the one that is there. The lock counts, and nobody may take the lead otherwise.
    pub fn make_tabs(&mut self, count: usize, delay: u64) {
        self.others.resize_with(count, Tab::default);
        for tab in &mut self.others {
            (tab.network.latency, tab.network.line) = (self.network.latency, self.network.line);
        }
        self.lock.delay = delay;
    }

    /// The lock among the tabs counts; else a test says who leads.
    pub(super) fn has_lock(&self) -> bool {
        !self.others.is_empty()
    }

    /// Goes into another tab.
    pub fn switch(&mut self, to: usize) {
        if to != self.tab {
            self.swap_with(self.tab);
            self.swap_with(to);
            self.tab = to;
        }
    }

    /// For every tab's network.
    pub fn each_network(&mut self, mut change: impl FnMut(&mut Network)) {
        change(&mut self.network);
        for (_, tab) in self.others.iter_mut().enumerate().filter(|(at, _)| *at != self.tab) {
            change(&mut tab.network);
        }
    }

    pub(super) fn network_of(&mut self, id: ConnectionId) -> &mut Network {
        match self.others.iter_mut().map(|tab| &mut tab.network).find(|network| network.has(id)) {
            Some(network) => network,
            None => &mut self.network,
        }
    }

    pub(super) fn network_of_request(&mut self, id: HttpId) -> &mut Network {
        match self.others.iter_mut().map(|tab| &mut tab.network).find(|network| network.asked(id)) {
            Some(network) => network,
            None => &mut self.network,
        }
    }

    /// The page stands still: it is frozen, or the machine sleeps.
    pub fn stands_still(&self) -> bool {
        self.frozen || self.asleep
    }

    /// The page stands still from now on.
    pub fn freeze(&mut self) {
        self.mirror();
        if !std::mem::replace(&mut self.frozen, true) && !self.asleep {
            self.still_since = self.now;
        }
    }

    /// The machine sleeps, with every tab.
    pub fn sleep(&mut self) {
        for tab in 0..self.tabs() {
            self.switch(tab);
            self.mirror();
        }
        let now = self.now;
        self.asleep = true;
        let asleep_since = |frozen: bool, since: &mut u64| {
            if !frozen {
                *since = now
            }
        };
        asleep_since(self.frozen, &mut self.still_since);
        for tab in &mut self.others {
            asleep_since(tab.frozen, &mut tab.still_since);
        }
        self.each_network(Network::strand);
    }

    /// The machine wakes; `stood`: its monotonic clock stood still for so long.
    pub fn wake(&mut self, stood: u64) {
        self.slept += stood;
        self.asleep = false;
        for tab in 0..self.tabs() {
            self.switch(tab);
            if !self.frozen {
                self.thaw();
            }
        }
    }

    /// Whether this tab holds the lock, by the browser's account.
    pub fn holds_lock(&self) -> bool {
        self.lock.holder.is_some_and(|(tab, _)| tab == self.tab)
    }

    /// … and has been told so since it joined the line last.
    pub fn knows_that_it_leads(&self) -> bool {
        self.line.told == Some(Role::Leader) && self.holds_lock()
    }

    /// Whether a tab that asks the holder of the lock has gone without an answer for long enough.
    pub fn may_steal(&mut self) -> bool {
        let (asking, Some((holder, _))) = (self.tab, self.lock.holder) else { return false };
        self.switch(holder);
        let silent = self.stands_still() && self.now - self.still_since > STEAL_AFTER_MS;
        self.switch(asking);
        silent && holder != asking
    }

    /// What the page does about the lock.
    pub(super) fn act_on_lock(&mut self, lead: Lead) {
        match lead {
            Lead::Join if self.line.place => {}
            Lead::Join => {
                let request = self.request();
                let news = if self.lock.holder.is_none() && self.lock.waiting.is_empty() {
                    self.lock.holder = Some(request);
                    News::Granted(request.1)
                } else {
                    News::Taken(request.1)
                };
                self.post(self.tab, news);
            }
            Lead::Steal if self.line.told == Some(Role::Leader) => {}
            Lead::Steal => {
                let request = self.request();
                if let Some((robbed, turn)) = self.lock.holder.replace(request) {
                    self.post(robbed, News::Stolen(turn));
                }
                self.post(self.tab, News::Granted(request.1));
            }
            Lead::Prove => {
                // The driver listens for the answer to its last question only.
                self.line.news.retain(|(_, news)| *news != News::Answered);
                self.post(self.tab, News::Answered);
            }
            Lead::Leave => self.leave_lock(),
        }
    }

    /// A new request in the place of the one before.
    fn request(&mut self) -> (usize, u64) {
        let told = self.line.told;
        self.leave_lock();
        self.line.told = told;
        self.line.place = true;
        (self.tab, self.line.turn)
    }

    /// Nothing is to be told to this life of the page any more.
    pub(super) fn forget_news(&mut self) {
        self.line.news.clear();
    }

    /// The page gives up the lock and its place in line, or is gone.
    pub(super) fn leave_lock(&mut self) {
        self.mirror();
        let own = self.tab;
        self.line.turn += 1;
        (self.line.place, self.line.told) = (false, None);
        self.lock.waiting.retain(|(tab, _)| *tab != own);
        if self.holds_lock() {
            self.lock.holder = None;
            self.grant();
        }
    }

    fn grant(&mut self) {
        if self.lock.holder.is_none()
            && let Some(next) = self.lock.waiting.pop_front()
        {
            self.lock.holder = Some(next);
            self.post(next.0, News::Granted(next.1));
        }
    }

    fn post(&mut self, to: usize, news: News) {
        let due = self.now + self.lock.delay;
        if self.verbose {
            println!("{:>8}   to tab {to}: {news:?}", self.now);
        }
        if to == self.tab {
            self.line.news.push_back((due, news));
        } else {
            self.others[to].line.news.push_back((due, news));
        }
    }

    /// A tab tells the others that it has stored something.
    pub fn post_added(&mut self) {
        let own = self.tab;
        for tab in (0..self.tabs()).filter(|tab| *tab != own) {
            self.post(tab, News::Added);
        }
    }

    /// What the page of a tab that follows accepts, it stores, and tells the tab that leads (`www/client/early.ts`). Gives the id;
    /// what cannot be stored is not accepted here.
    pub fn add_early(&mut self, text: &str) -> Result<String, Refusal> {
        const PREFIX: &str = "gw1:world:m:";
        let full = || Refusal::new(Code::OUTBOX_FULL);
        let number = |key: &String| key[PREFIX.len()..].split(':').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        let records = self.read(PREFIX);
        self.early_n = records.iter().map(|(key, _)| number(key)).fold(self.early_n, u64::max) + 1;
        let n = self.early_n;
        self.early += 1;
        let id = format!("00000000-0000-4000-8000-{:012x}", self.early);
        let key = format!("{PREFIX}{n}:{id}");
        let value = serde_json::json!({"v": 1, "id": id, "at": self.clock().unix, "text": text}).to_string();
        let bytes = |key: &str, value: &str| utf16(key) + utf16(value) + GROWTH_BYTES;
        let all = records.iter().map(|(key, value)| bytes(key, value)).sum::<usize>() + bytes(&key, &value);
        if records.len() >= MAX_MESSAGES || all > MAX_BYTES || self.write(key.clone(), Some(value)).is_err() {
            self.memory.remove(&key);
            return Err(full());
        }
        self.post_added();
        Ok(id)
    }

    fn news_due(&self) -> Option<u64> {
        self.line.news.front().map(|(due, _)| *due).filter(|_| self.session.is_some() && !self.stands_still())
    }

    /// The page runs again: what it was to be told comes behind its first turn.
    pub(super) fn delay_news(&mut self) {
        let due = self.now + self.lock.delay;
        for news in &mut self.line.news {
            news.0 = news.0.max(due);
        }
    }

    fn hear(&mut self) {
        while self.news_due().is_some_and(|due| due <= self.now) {
            let Some((_, news)) = self.line.news.pop_front() else { return };
            match news {
                News::Granted(turn) if turn == self.line.turn => self.say_role(Role::Leader),
                News::Taken(turn) | News::Stolen(turn) if turn == self.line.turn => {
                    self.say_role(Role::Follower);
                    // Whoever was just told may have left the line over it.
                    if self.line.place && turn == self.line.turn {
                        self.lock.waiting.push_back((self.tab, turn));
                        self.grant();
                    }
                }
                News::Answered if self.line.told == Some(Role::Leader) => self.input(Input::Role(Role::Leader)),
                News::Added => self.hear_added(),
                _ => {}
            }
        }
    }

    fn say_role(&mut self, role: Role) {
        if self.line.told.replace(role) == Some(role) {
            return;
        }
        self.input(Input::Role(role));
        match role {
            Role::Leader => {
                let page = self.mirrored();
                if self.session.is_some() {
                    self.with(|session, now| session.adopt(now, &page));
                    self.taken_up.push(self.now);
                }
            }
            // What it has accepted before it knew is in storage.
            Role::Follower => self.post_added(),
        }
    }

    fn hear_added(&mut self) {
        if self.session.is_some() {
            self.with(|session, now| session.added(now));
            // One that was frozen takes itself for the leader until it hears that it is none.
            if self.page.leader == Some(true) && self.holds_lock() {
                self.taken_up.push(self.now);
            }
        }
    }

    /// What the leader shows, every tab's page shows.
    fn mirror(&mut self) {
        if self.line.told == Some(Role::Leader) && !self.stands_still() {
            self.lock.mirror = self.page.rows.iter().filter_map(|row| self.page.bodies.get(&row.id).cloned()).collect();
        }
    }

    /// … as a page of the history.
    fn mirrored(&self) -> String {
        let bodies = self.lock.mirror.join(",");
        if self.wire == Wire::Guest { format!("{{\"entities\":[{bodies}]}}") } else { format!("{{\"items\":[{bodies}]}}") }
    }

    /// Lets time pass over all tabs.
    pub(super) fn run_tabs(&mut self, until: u64) {
        loop {
            let mut next = self.service_due();
            for tab in 0..self.tabs() {
                self.switch(tab);
                next = [next, self.timer_due(), self.network.next(), self.news_due()].into_iter().flatten().min();
            }
            let Some(next) = next.filter(|at| *at <= until) else {
                self.now = self.now.max(until);
                return;
            };
            self.now = self.now.max(next);
            self.serve();
            for tab in 0..self.tabs() {
                self.switch(tab);
                self.deliver();
                self.hear();
                if self.timer_due().is_some_and(|at| at <= self.now) {
                    self.input(Input::Timeout);
                }
            }
        }
    }
}
