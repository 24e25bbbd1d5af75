//! Client and service in one process, in virtual time, with a network between them that can be broken.
//!
//! A [`World`] holds one visitor: a [`Session`], the browser storage it leaves behind, and the simulator's [`Service`]
//! in the same process. Nothing sleeps: [`World::run`] moves the clock from one due event to the next. What the page
//! would show is rebuilt from the events alone ([`Page`]), so that the events themselves are under test.
#![allow(dead_code, unused_imports, reason = "every test file uses its own part of the harness")]

mod disk;
mod host;
mod network;
mod page;
mod tabs;
mod watch;
mod wire;

pub use disk::{Disk, utf16};
pub use network::{Line, Network};
pub use page::Page;
pub use watch::*;
use wire::of_session;
pub use wire::{CALLBACK, WIRE};

use guestwire::core::http::{Method, Unreachable};
use guestwire::core::machine::{
    Act, Close, Input, Lead, Machine, Now, Output, Page as PageSignal, Payload, RequestId, Role, SocketId, StoreFault, WriteId,
};
use guestwire::core::state::State;
use guestwire::guest::Session;
use guestwire::guest::event::{Event, Status, Ticket};
use guestwire::guest::wire::Wire;
use simulator::{ConnectionId, Effect, HttpId, HttpRequest, Service};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The Unix time at which every world begins, milliseconds.
pub const EPOCH: u64 = 1_767_225_600_000;
/// The deployment of every world.
pub const DEPLOYMENT: &str = "world";

/// Timers of a hidden page fire so seldom, milliseconds.
const THROTTLE_MS: u64 = 60_000;

/// What the page does when it is asked for an access token.
#[derive(Clone, PartialEq, Debug)]
pub enum Giver {
    /// It gets one from the site's own backend.
    Backend,
    /// It gives this, as JSON.
    Gives(String),
    /// Its promise is rejected, or it throws.
    Rejects,
    /// Its promise never settles.
    Hangs,
}

/// What is on its way to the client.
#[derive(Clone, Debug)]
pub enum Arrival {
    Opened(SocketId),
    Frame(SocketId, String),
    Binary(SocketId, usize),
    Closed(SocketId, u16, bool),
    Reply(RequestId, Result<(u16, Option<String>, String), Unreachable>),
}

/// Where in a message's life the tab was killed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CrashPoint {
    BeforePersist,
    AfterPersist,
    AfterSend,
    BeforeAckPersisted,
    AfterAckPersisted,
    /// Behind any write.
    Torn,
}

/// A message as the service holds it.
pub struct Held {
    /// The service's id.
    pub id: String,
    /// The id that it was sent under, where the wire has one.
    pub own: Option<String>,
    /// When it was stored, Unix milliseconds.
    pub at: u64,
    /// So many entries of its history, events among them, are newer.
    pub newer: usize,
}

/// One visitor, one service, and what is between them.
pub struct World {
    pub now: u64,
    /// What the visitor's clock shows beyond the true time, milliseconds.
    pub skew: i64,
    pub service: Service,
    pub network: Network,
    /// What is spoken.
    pub wire: Wire,
    pub session: Option<Box<Session>>,
    pub page: Page,
    pub storage: BTreeMap<String, String>,
    pub disk: Disk,
    /// What this life of the page could not write.
    pub memory: BTreeMap<String, String>,
    /// The last number that it gave a message before a tab that leads had it.
    early_n: u64,
    /// How often something was written or removed.
    pub writes: u64,
    /// The page stands still: nothing reaches the client and no timer of it fires.
    pub frozen: bool,
    /// The page is hidden and its timers fire once a minute.
    pub throttled: bool,
    /// How long the monotonic clock stood still while the machine slept, milliseconds.
    pub slept: u64,
    /// A listener of the page that calls back into the client, after the drain as the driver does it.
    pub listener: Option<fn(&Event, &mut Session, Now)>,
    /// The lock among the tabs is held or waited for by this page.
    pub in_line: bool,
    held: VecDeque<Arrival>,
    /// Which of the visitor's tabs this is, what is kept of the others, and the lock that is among them.
    pub tab: usize,
    others: Vec<tabs::Tab>,
    lock: tabs::Lock,
    line: tabs::Line,
    /// Since when the page stands still, if it does.
    still_since: u64,
    /// The machine sleeps.
    asleep: bool,
    /// So many messages were accepted by tabs that follow.
    early: u64,
    /// When a leading tab looked what others have stored.
    pub taken_up: Vec<u64>,
    /// Messages sent by a tab that did not hold the lock: when and which.
    pub strays: Vec<(u64, usize)>,
    /// Kill the tab when it comes to this point.
    pub crash_at: Option<CrashPoint>,
    /// … or when it has written so often.
    pub tears_after: Option<u64>,
    pub crashed: Option<CrashPoint>,
    /// Reads of the history that brought none.
    pub failed_reads: u32,
    /// Resends without proof that earlier lives of the page counted.
    pub unproved_before: u64,
    pub options: String,
    seed: u64,
    lives: u64,
    next_connection: u64,
    next_http: u64,
    next_ticket: Ticket,
    /// Where the page's access tokens come from.
    pub giver: Giver,
    /// When the page was asked for one.
    pub token_asks: Vec<u64>,
    /// The lock is held by another tab.
    pub lead_taken: bool,
    /// Whether it is so still is not answered.
    pub holds_proof: bool,
    /// Every frame the client sent: socket and text.
    pub sent: Vec<(SocketId, String)>,
    /// Messages of which a write was refused: what storage holds of them is older than the truth.
    pub unwritten: BTreeSet<String>,
    /// Print what passes between session and browser.
    pub verbose: bool,
    /// When each connection attempt was made.
    pub opens: Vec<u64>,
    /// Which sockets the client let go of, and when.
    pub forgotten: Vec<(u64, SocketId)>,
    /// The session that the client connected to last, on the session protocol.
    pub session_id: String,
    /// What the client asked over HTTP: paths and queries.
    pub fetched: Vec<String>,
    /// Which sockets the client closed, and when.
    pub shuts: Vec<(u64, SocketId)>,
}

impl World {
    /// A world in which everything works and the bot is silent.
    pub fn new(seed: u64) -> World {
        World::with_options(seed, "")
    }

    /// The same with more options: JSON members, each led by a comma.
    pub fn with_options(seed: u64, more: &str) -> World {
        World::of_wire(WIRE, seed, more)
    }

    /// The same over a wire of the test's own choice.
    pub fn of_wire(wire: Wire, seed: u64, more: &str) -> World {
        let protocol = match wire {
            Wire::Guest => "",
            Wire::Session if more.contains(r#""token""#) || more == CALLBACK => r#","protocol":"session""#,
            Wire::Session => r#","protocol":"session","token":{"url":"http://service/demo-backend/token?deploymentId=world"}"#,
        };
        let mut world = World {
            now: 0,
            skew: 0,
            service: Service::new(seed),
            network: Network::new(),
            session: None,
            page: Page::default(),
            storage: BTreeMap::new(),
            disk: Disk::Works,
            memory: BTreeMap::new(),
            early_n: 0,
            writes: 0,
            throttled: false,
            tears_after: None,
            frozen: false,
            slept: 0,
            listener: None,
            in_line: false,
            held: VecDeque::new(),
            tab: 0,
            others: Vec::new(),
            lock: tabs::Lock::default(),
            line: tabs::Line::default(),
            still_since: 0,
            asleep: false,
            early: 0,
            taken_up: Vec::new(),
            strays: Vec::new(),
            crash_at: None,
            crashed: None,
            failed_reads: 0,
            unproved_before: 0,
            options: format!(r#"{{"deploymentId":"{DEPLOYMENT}","endpoint":"http://service"{protocol}{more}}}"#),
            wire,
            seed,
            lives: 0,
            next_connection: 1,
            next_http: 1,
            next_ticket: 1,
            giver: Giver::Backend,
            token_asks: Vec::new(),
            lead_taken: false,
            holds_proof: false,
            sent: Vec::new(),
            opens: Vec::new(),
            unwritten: BTreeSet::new(),
            verbose: false,
            shuts: Vec::new(),
            forgotten: Vec::new(),
            session_id: String::new(),
            fetched: Vec::new(),
        };
        world.load_page();
        world
    }

    /// A world whose session stands.
    pub fn ready(seed: u64) -> World {
        let mut world = World::new(seed);
        world.start();
        world.run_until_ready();
        world
    }

    /// A session that has been up for long enough to be a good one, and whose history was read.
    pub fn settled(seed: u64) -> World {
        let mut world = World::ready(seed);
        world.run(12_000);
        world
    }

    /// A fresh page load: a new session over what storage holds.
    pub fn load_page(&mut self) {
        self.lives += 1;
        let seed = std::array::from_fn(|at| (self.seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add((self.lives << 8) + at as u64));
        let session = Session::new(&self.options, seed).expect("the options of the harness are valid");
        self.session = Some(Box::new(session));
        self.page = Page::default();
        self.held.clear();
        self.forget_news();
        self.memory.clear();
        self.early_n = 0;
        (self.frozen, self.throttled) = (false, false);
        self.drain();
    }

    /// The tab is gone in this moment, with its sockets and everything that was on its way to it.
    pub fn kill(&mut self) {
        if self.session.is_some() {
            self.unproved_before += self.metric("unprovedResends");
        }
        self.session = None;
        self.held.clear();
        self.leave_lock();
        self.forget_news();
        for line in self.network.leave_page() {
            // The machine's TCP stack says goodbye for it, behind what was sent.
            self.network.send_end(self.now, line, None);
        }
    }

    /// Killed and loaded again, and started.
    pub fn reload(&mut self) {
        self.kill();
        self.load_page();
        self.start();
    }

    pub fn start(&mut self) -> Ticket {
        self.command(|session, now, ticket| session.start(now, ticket))
    }

    /// Runs a command that settles a ticket.
    pub fn command(&mut self, run: impl FnOnce(&mut Session, Now, Ticket)) -> Ticket {
        self.look_around();
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let now = self.clock();
        if let Some(session) = &mut self.session {
            run(session, now, ticket);
        }
        self.drain();
        ticket
    }

    /// Runs a command that does not.
    pub fn with<T>(&mut self, run: impl FnOnce(&mut Session, Now) -> T) -> T {
        self.look_around();
        let now = self.clock();
        let result = run(self.session.as_mut().expect("the page is loaded"), now);
        self.drain();
        result
    }

    /// What the driver does before every command: a page that stood still finds in storage whether another tab leads.
    fn look_around(&mut self) {
        if self.session.is_some() {
            // Killed it is by the command, which would else have no page to be asked of.
            let kills = (self.crash_at.take(), self.tears_after.take());
            self.input(Input::Timeout);
            (self.crash_at, self.tears_after) = kills;
        }
    }

    /// Sends a text that is accepted; gives its id.
    pub fn send(&mut self, text: &str) -> String {
        self.try_send(text).expect("the message is accepted")
    }

    pub fn try_send(&mut self, text: &str) -> Result<String, guestwire::core::error::Refusal> {
        let draft = serde_json::json!({ "text": text }).to_string();
        let id = self.with(|session, now| session.send(now, &draft));
        if let Ok(id) = &id {
            self.page.accepted.push((id.clone(), text.to_string()));
        }
        id
    }

    pub fn typing(&mut self) {
        self.with(|session, now| session.typing(now)).expect("the guest API has typing");
    }

    pub fn signal(&mut self, signal: PageSignal) {
        self.input(Input::Page(signal));
    }

    fn input(&mut self, input: Input<'_>) {
        let now = self.clock();
        if let Some(session) = &mut self.session {
            session.handle_input(now, input);
        }
        self.drain();
    }

    /// The time as the client sees it.
    pub fn clock(&self) -> Now {
        Now { mono: self.now - self.slept, unix: (EPOCH + self.now).saturating_add_signed(self.skew) }
    }

    /// The control of the simulator, as over HTTP.
    pub fn control(&mut self, path: &str, body: serde_json::Value) -> serde_json::Value {
        let method = if body.is_null() { "GET" } else { "POST" };
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let (status, reply) = self.service.control(EPOCH + self.now, method, path, &text);
        assert!((200..300).contains(&status), "{method} {path} {text}: {status} {reply}");
        self.collect();
        serde_json::from_str(&reply).unwrap_or(serde_json::Value::Null)
    }

    /// Asks the simulator for something, the query in the path.
    pub fn get(&mut self, path: &str) -> serde_json::Value {
        self.control(path, serde_json::Value::Null)
    }

    /// The guest clears the conversation in another browser.
    pub fn clear_elsewhere(&mut self) {
        let sessions = self.get("/_sim/sessions");
        let Some(token) = sessions.as_array().and_then(|sessions| sessions.last()).and_then(|session| session["token"].as_str()) else { return };
        let now = EPOCH + self.now;
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.service.handle_connect(now, id, &format!("/v1?deploymentId={DEPLOYMENT}"), None);
        let clear = serde_json::json!({"type": "Event", "events": [{"eventType": "Presence", "presence": {"type": "Clear"}}]});
        for frame in [
            serde_json::json!({"action": "configureSession", "token": token, "deploymentId": DEPLOYMENT, "tracingId": "elsewhere"}),
            serde_json::json!({"action": "onMessage", "token": token, "tracingId": "elsewhere", "message": clear}),
        ] {
            self.service.handle_text(now, id, &frame.to_string());
        }
        self.service.handle_close(now, id, Some(1000));
        self.collect();
    }

    /// Adds a fault rule, in the words of the guest API.
    pub fn fault(&mut self, rule: serde_json::Value) {
        let rule = if self.wire == Wire::Session { of_session(rule) } else { rule };
        self.control("/_sim/faults", rule);
    }

    /// Removes every fault rule.
    pub fn heal(&mut self) {
        let (status, _) = self.service.control(EPOCH + self.now, "DELETE", "/_sim/faults", "");
        assert!((200..300).contains(&status));
        self.collect();
        self.heal_line();
    }

    /// New lines work again; what broke stays broken, and the service's faults stay.
    pub fn heal_line(&mut self) {
        let now = self.now;
        self.each_network(|network| network.heal(now));
    }

    /// The agent says something.
    pub fn agent(&mut self, text: &str) {
        self.control("/_sim/agent", serde_json::json!({"do": "text", "text": text}));
    }

    /// What the service holds of the guest's texts, in its order.
    pub fn stored(&mut self) -> Vec<String> {
        self.held_messages().into_iter().filter(|(direction, _, _)| direction == "Inbound").map(|(_, text, _)| text).collect()
    }

    /// What the service holds: direction, text, server id.
    pub fn held_messages(&mut self) -> Vec<(String, String, String)> {
        let sessions = self.control("/_sim/sessions", serde_json::Value::Null);
        let sessions = sessions.as_array().or_else(|| sessions["sessions"].as_array()).cloned().unwrap_or_default();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
        sessions
            .iter()
            .flat_map(|session| session["messages"].as_array().cloned().unwrap_or_default())
            .filter(|message| !message["text"].is_null())
            .map(|message| (text(&message["direction"]), text(&message["text"]), text(&message["serverId"])))
            .collect()
    }

    /// What the conversation that goes on holds.
    pub fn current_messages(&mut self) -> Vec<Held> {
        let sessions = self.control("/_sim/sessions", serde_json::Value::Null);
        let live = sessions.as_array().into_iter().flatten().filter(|session| session["ended"] == false);
        // One whose name could not be stored goes on without the visitor.
        let own = if self.wire == Wire::Guest { self.configured_token() } else { self.session_id.clone() };
        let live = live.filter(|session| session["token"] == own.as_str());
        let text = |value: &serde_json::Value| value.as_str().map(str::to_string);
        let at = |entry: &serde_json::Value| entry["at"].as_u64().expect("what is stored has a time");
        let list = |session: &serde_json::Value, name: &str| session[name].as_array().cloned().unwrap_or_default();
        live.flat_map(|session| {
            let (messages, events) = (list(session, "messages"), list(session, "events"));
            let count = messages.len();
            messages.into_iter().enumerate().map(move |(index, message)| Held {
                id: text(&message["serverId"]).expect("what is stored has an id"),
                own: text(&message["tracingId"]),
                at: at(&message),
                newer: count - 1 - index + events.iter().filter(|event| at(event) >= at(&message)).count(),
            })
        })
        .collect()
    }

    pub fn state(&self) -> State {
        self.page.state
    }

    pub fn metric(&self, name: &str) -> u64 {
        let metrics = serde_json::to_value(self.session.as_ref().expect("the page is loaded").metrics()).expect("metrics are plain");
        metrics[name].as_f64().unwrap_or_else(|| panic!("no metric {name}")) as u64
    }

    pub fn status(&self, id: &str) -> Status {
        self.page.row(id).unwrap_or_else(|| panic!("no row {id}")).status
    }

    pub fn code(&self, id: &str) -> Option<u16> {
        self.page.row(id).and_then(|row| row.code).map(|code| code.0)
    }

    /// Lets so much time pass.
    pub fn run(&mut self, ms: u64) {
        let until = self.now + ms;
        self.run_until(until, |_| false);
        self.now = until;
    }

    /// Lets time pass until something is so, for at most so long.
    pub fn wait(&mut self, what: &str, most: u64, so: impl Fn(&World) -> bool) {
        let until = self.now + most;
        assert!(so(self) || self.run_until(until, so), "{what}: not within {most} ms; state {:?}", self.page.state);
    }

    pub fn run_until_ready(&mut self) {
        self.wait("ready", 60_000, |world| world.page.state == State::Ready);
    }

    /// Lets time pass until everything accepted is sent.
    pub fn wait_sent(&mut self, most: u64) {
        self.wait("all sent", most, |world| {
            world.page.accepted.iter().all(|(id, _)| world.page.row(id).is_some_and(|row| row.status == Status::Sent))
        });
    }

    fn run_until(&mut self, until: u64, so: impl Fn(&World) -> bool) -> bool {
        if !self.others.is_empty() {
            self.run_tabs(until);
            return so(self);
        }
        loop {
            let Some(next) = [self.timer_due(), self.service_due(), self.network.next()].into_iter().flatten().min().filter(|at| *at <= until) else {
                self.now = self.now.max(until);
                return false;
            };
            self.now = self.now.max(next);
            self.serve();
            self.deliver();
            if self.timer_due().is_some_and(|at| at <= self.now) {
                self.input(Input::Timeout);
            }
            if so(self) {
                return true;
            }
        }
    }

    fn service_due(&self) -> Option<u64> {
        self.service.poll_timeout().map(|at| at.saturating_sub(EPOCH))
    }

    fn serve(&mut self) {
        if self.service_due().is_some_and(|at| at <= self.now) {
            self.service.handle_timeout(EPOCH + self.now);
            self.collect();
        }
    }

    /// Ends a freeze: the overdue timer first, as a browser does it, then what was held.
    pub fn thaw(&mut self) {
        self.frozen = false;
        self.delay_news();
        if self.timer_due().is_some_and(|at| at <= self.now) {
            self.input(Input::Timeout);
        }
        while let Some(arrival) = self.held.pop_front() {
            self.arrive(arrival);
        }
    }

    /// Brings what is due over the network to either end.
    fn deliver(&mut self) {
        while let Some(due) = self.network.take_due(self.now) {
            let now = EPOCH + self.now;
            match due {
                network::Due::Connect(id, target) => self.service.handle_connect(now, id, &target, None),
                network::Due::Text(id, text) => self.service.handle_text(now, id, &text),
                network::Due::End(id, code) => {
                    self.service.handle_close(now, id, code);
                    if self.service.holds(id) {
                        self.network.leave_unanswered(self.now, id);
                    }
                }
                network::Due::Http(id, request) => self.service.handle_http(now, id, request),
                network::Due::Client(arrival) => {
                    if self.stands_still() {
                        self.held.push_back(arrival);
                    } else {
                        self.arrive(arrival);
                    }
                }
            }
            self.collect();
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        if self.verbose {
            println!("{:>8}   {arrival:?}", self.now);
        }
        match &arrival {
            Arrival::Opened(socket) => self.input(Input::Opened(*socket)),
            Arrival::Frame(socket, text) => self.input(Input::Frame(*socket, Payload::Text(text))),
            Arrival::Binary(socket, bytes) => self.input(Input::Frame(*socket, Payload::Binary(*bytes))),
            Arrival::Closed(socket, code, clean) => self.input(Input::Closed(*socket, Close { code: *code, reason: "", clean: *clean })),
            Arrival::Reply(request, reply) => {
                let reply = match reply {
                    Ok((status, retry_after, body)) => {
                        Ok(guestwire::core::http::Reply { status: *status, retry_after: retry_after.as_deref(), body: body.as_str() })
                    }
                    Err(why) => Err(*why),
                };
                // The configuration is asked for before there is a session, the history in it.
                let is_history = matches!(self.page.state, State::Ready | State::Suspect);
                if is_history && reply.map_or(true, |reply| reply.status != 200) {
                    self.failed_reads += 1;
                }
                self.input(Input::Reply(*request, reply));
            }
        }
    }

    /// Puts what the service wants done on the network.
    fn collect(&mut self) {
        while let Some(effect) = self.service.poll_effect() {
            let now = self.now;
            match effect {
                Effect::Accept(id) => self.network_of(id).accept(now, id),
                Effect::Refuse(id, _, _) => self.network_of(id).end(now, id, 1006, false),
                Effect::Text(id, text) => self.network_of(id).down(now, id, text),
                Effect::Binary(id, bytes) => self.network_of(id).down_binary(now, id, bytes),
                Effect::Close(id, code, _) => self.network_of(id).end(now, id, code, true),
                Effect::Drop(id) => self.network_of(id).end(now, id, 1006, false),
                Effect::Respond(id, response) => {
                    let retry = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after")).map(|(_, value)| value.clone());
                    let exposed =
                        response.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("access-control-expose-headers") && !value.is_empty());
                    let body = String::from_utf8_lossy(&response.body).into_owned();
                    self.network_of_request(id).respond(now, id, (response.status, retry.filter(|_| exposed), body));
                }
            }
        }
    }

    /// When the client's timer is due, in true time, unless the page stands still.
    fn timer_due(&self) -> Option<u64> {
        let due = self.session.as_deref().filter(|_| !self.stands_still()).and_then(Machine::poll_timeout).map(|at| at + self.slept);
        if self.throttled { due.map(|at| at.next_multiple_of(THROTTLE_MS)) } else { due }
    }

    /// Performs what the session wants done, in order, and feeds the results back, as the browser's driver does.
    fn drain(&mut self) {
        let mut events = Vec::new();
        while let Some(output) = self.session.as_deref_mut().and_then(Machine::poll_output) {
            match output {
                Output::Event(event) => events.push(event),
                Output::Act(act) => {
                    if !self.perform(act) {
                        return;
                    }
                }
            }
        }
        for event in &events {
            if self.verbose {
                println!("{:>8}     {event:?}", self.now);
            }
            self.page.take(event.clone());
        }
        if let Some(listener) = self.listener {
            for event in &events {
                let now = self.clock();
                if let Some(session) = &mut self.session {
                    listener(event, session, now);
                }
                self.drain();
            }
        }
    }

    /// The page is told which part it plays.
    pub fn tell(&mut self, role: Role) {
        self.input(Input::Role(role));
    }

    /// The question whether this tab leads still is answered, and from now on at once.
    pub fn prove(&mut self, role: Role) {
        self.holds_proof = false;
        self.tell(role);
    }

    /// Another tab takes the lead.
    pub fn lose_lead(&mut self) {
        self.lead_taken = true;
        self.input(Input::Role(Role::Follower));
    }

    /// Events of one kind, in order.
    pub fn events(&self, pick: impl Fn(&Event) -> bool) -> usize {
        self.page.events.iter().filter(|event| pick(event)).count()
    }
}
