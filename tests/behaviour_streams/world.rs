//! A stream, the simulator's service and a lossy network between them, in one process and in virtual time.

use crate::network::{self, Network};
use guestwire::core::http::{Authorization, Reply, Request, Unreachable};
use guestwire::core::machine::{Act, Close, Input, Machine, Now, Output, Page, Payload, RequestId, SocketId};
use guestwire::core::state::State;
use guestwire::core::time;
use guestwire::streams::class::{Answer, Command};
use guestwire::streams::event::{Event, Sample};
use guestwire::streams::{Kind, Stream};
use serde_json::{Value, json};
use simulator::{ConnectionId, Effect, HttpId, HttpRequest, Service};
use std::collections::{BTreeMap, VecDeque};

/// When the tests begin, Unix milliseconds: 2026-01-06T13:00:00Z.
pub const EPOCH: u64 = 1_767_704_400_000;
/// The deployment whose tokens are used.
pub const DEPLOYMENT: &str = "streams";

/// What reaches the page.
pub enum Arrival {
    Opened(SocketId),
    Frame(SocketId, String),
    Binary(SocketId, usize),
    Closed(SocketId, u16, bool),
    Reply(RequestId, Result<(u16, Option<String>, String), Unreachable>),
}

/// What a webhook's target does with a post.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hook {
    /// Answers with this status after so many milliseconds.
    Answers(u16, u64),
    /// Never answers.
    Hangs,
    /// Cannot be reached.
    Away,
}

/// See the module.
pub struct World {
    pub now: u64,
    /// What the visitor's clock is ahead of the service's, milliseconds.
    pub ahead: i64,
    pub service: Service,
    pub network: Network,
    pub stream: Stream,
    /// Everything told, with when.
    pub told: Vec<(u64, Event)>,
    /// Everything taken by the stream's own consumer.
    pub taken: Vec<Value>,
    /// Everything taken by groups, by their ids.
    pub groups: BTreeMap<String, Vec<Value>>,
    /// Whether consumers take what they are told of at once.
    pub takes: bool,
    /// Frames sent by the stream, with when.
    pub sent: Vec<(u64, SocketId, String)>,
    /// Frames that reached the page, with when.
    pub frames: Vec<(u64, String)>,
    /// Sockets opened, with when and where to.
    pub opens: Vec<(u64, SocketId, String)>,
    /// Requests made, with when.
    pub asked: Vec<(u64, Request)>,
    /// The page stands still: nothing arrives and no timer fires.
    pub frozen: bool,
    pub hooks: BTreeMap<String, Hook>,
    /// What webhooks were posted: when, which, what.
    pub posted: Vec<(u64, String, String)>,
    held: VecDeque<Arrival>,
    next_id: u64,
    tickets: u32,
}

impl World {
    /// A world whose stream is made with these options; `endpoint` and a token URL are put in.
    pub fn new(kind: Kind, options: Value) -> World {
        World::try_new(kind, options).unwrap_or_else(|refusal| panic!("refused: {refusal:?}"))
    }

    /// The same, for options that may be refused.
    pub fn try_new(kind: Kind, options: Value) -> Result<World, guestwire::core::error::Refusal> {
        let mut all = json!({"endpoint": "http://service", "token": {"url": format!("http://service/demo-backend/token?deploymentId={DEPLOYMENT}")}, "audit": true});
        for (name, value) in options.as_object().into_iter().flatten() {
            all[name] = value.clone();
        }
        let mut service = Service::new(7);
        service.set_base("http://service");
        Ok(World {
            now: 0,
            ahead: 0,
            service,
            network: Network::new(),
            stream: Stream::new(kind, &all.to_string(), [1, 2, 3, 4])?,
            told: Vec::new(),
            taken: Vec::new(),
            groups: BTreeMap::new(),
            takes: true,
            sent: Vec::new(),
            frames: Vec::new(),
            opens: Vec::new(),
            asked: Vec::new(),
            frozen: false,
            hooks: BTreeMap::new(),
            posted: Vec::new(),
            held: VecDeque::new(),
            next_id: 0,
            tickets: 0,
        })
    }

    /// Started and ready.
    pub fn ready(kind: Kind, options: Value) -> World {
        let mut world = World::new(kind, options);
        world.start();
        world.wait_for(State::Ready, 60_000);
        world
    }

    // ---- the page

    pub fn clock(&self) -> Now {
        Now { mono: 1_000 + self.now, unix: (EPOCH + self.now).saturating_add_signed(self.ahead) }
    }

    pub fn start(&mut self) -> u32 {
        self.tickets += 1;
        self.stream.start(self.clock(), self.tickets);
        self.drain();
        self.tickets
    }

    pub fn stop(&mut self) -> u32 {
        self.tickets += 1;
        self.stream.stop(self.clock(), self.tickets);
        self.drain();
        self.tickets
    }

    pub fn page(&mut self, page: Page) {
        self.input(Input::Page(page));
    }

    pub fn command(&mut self, command: Command<'_>) -> Result<Answer, guestwire::core::error::Refusal> {
        let answer = self.stream.command(self.clock(), command);
        self.drain();
        answer
    }

    /// The timeline of an interaction.
    pub fn timeline(&mut self, interaction: &str) -> Value {
        match self.command(Command::Timeline(interaction)) {
            Ok(Answer::Text(text)) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("no timeline: {other:?}"),
        }
    }

    /// Takes all that waits for a consumer, at most `most` of it.
    pub fn take(&mut self, consumer: &str, most: usize) -> Vec<Value> {
        let text = self.stream.take(self.clock(), consumer, most);
        self.drain();
        text.map_or(Vec::new(), |text| serde_json::from_str(&text).expect("a JSON array"))
    }

    pub fn figure(&self, name: &str) -> f64 {
        let figures = self.stream.figures();
        figures.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no figure {name}: {figures:?}")).1
    }

    pub fn state(&self) -> State {
        self.states().last().map_or(State::Idle, |(_, state)| *state)
    }

    pub fn states(&self) -> Vec<(u64, State)> {
        self.told.iter().filter_map(|(at, event)| if let Event::State(state) = event { Some((*at, *state)) } else { None }).collect()
    }

    pub fn samples(&self) -> Vec<(u64, Sample)> {
        self.told.iter().filter_map(|(at, event)| if let Event::Probe(sample) = event { Some((*at, *sample)) } else { None }).collect()
    }

    /// The audit log as it was told, read.
    pub fn audit(&self) -> Vec<Value> {
        self.told.iter().filter_map(|(_, event)| if let Event::Audit(line) = event { serde_json::from_str(line).ok() } else { None }).collect()
    }

    /// What was told that the filter finds.
    pub fn find<T>(&self, filter: impl Fn(&Event) -> Option<T>) -> Vec<(u64, T)> {
        self.told.iter().filter_map(|(at, event)| Some((*at, filter(event)?))).collect()
    }

    /// How an ended call ended; `None` if it has not.
    pub fn done(&self, ticket: u32) -> Option<Option<guestwire::core::error::Code>> {
        self.told.iter().find_map(|(_, event)| match event {
            Event::Done(known, code) if *known == ticket => Some(*code),
            _ => None,
        })
    }

    // ---- the service

    /// A call of the control, which must go well.
    pub fn control(&mut self, method: &str, path: &str, body: Value) -> Value {
        let (status, text) = self.service.control(EPOCH + self.now, method, path, &body.to_string());
        assert!((200..300).contains(&status), "{path}: {status} {text}");
        self.collect();
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Lays a fault over the service.
    pub fn fault(&mut self, rule: Value) {
        self.control("POST", "/_sim/faults", rule);
    }

    pub fn lift_faults(&mut self) {
        self.control("DELETE", "/_sim/faults", Value::Null);
    }

    /// Sets switches.
    pub fn set(&mut self, switches: Value) {
        self.control("POST", "/_sim/set", switches);
    }

    /// Events or updates from the service: `to` and the members of `/_sim/stream`.
    pub fn emit(&mut self, to: &str, mut what: Value) {
        what["to"] = to.into();
        what["deploymentId"] = DEPLOYMENT.into();
        self.control("POST", "/_sim/stream", what);
    }

    /// What the open sockets are subscribed to.
    pub fn subscriptions(&mut self) -> Vec<Value> {
        self.control("GET", "/_sim/streams", Value::Null).as_array().cloned().unwrap_or_default()
    }

    /// The service notices at last that lines are dead whose end never reached it.
    pub fn bury(&mut self) {
        let live = self.network.live();
        for socket in self.subscriptions() {
            let id = ConnectionId(socket["connection"].as_u64().expect("a number"));
            if !live.contains(&id) {
                self.service.handle_close(EPOCH + self.now, id, None);
                self.collect();
            }
        }
    }

    /// A time so many milliseconds after the beginning, as the service writes it.
    pub fn at(ms: i64) -> String {
        time::format(EPOCH.saturating_add_signed(ms))
    }

    // ---- time

    /// Lets time pass.
    pub fn pass(&mut self, ms: u64) {
        self.run_until(self.now + ms, |_| false);
    }

    /// Lets time pass until it is so; panics if that takes longer than `most`.
    pub fn wait(&mut self, what: &str, most: u64, so: impl Fn(&World) -> bool) {
        let begun = self.now;
        assert!(
            so(self) || self.run_until(begun + most, so),
            "not {what} within {most} ms; told: {:#?}",
            self.told.iter().rev().take(12).collect::<Vec<_>>()
        );
    }

    pub fn wait_for(&mut self, state: State, most: u64) {
        self.wait(&format!("{state:?}"), most, |world| world.state() == state);
    }

    fn run_until(&mut self, until: u64, so: impl Fn(&World) -> bool) -> bool {
        loop {
            let client = self.timeout().filter(|_| !self.frozen);
            let service = self.service.poll_timeout().map(|at| at.saturating_sub(EPOCH));
            let Some(next) = [client, service, self.network.next()].into_iter().flatten().min().filter(|at| *at <= until) else {
                self.now = self.now.max(until);
                return so(self);
            };
            self.now = self.now.max(next);
            if service.is_some_and(|at| at <= self.now) {
                self.service.handle_timeout(EPOCH + self.now);
                self.collect();
            }
            self.deliver();
            if !self.frozen && self.timeout().is_some_and(|at| at <= self.now) {
                self.input(Input::Timeout);
            }
            if so(self) {
                return true;
            }
        }
    }

    fn timeout(&self) -> Option<u64> {
        self.stream.poll_timeout().map(|at| at.saturating_sub(1_000))
    }

    /// Ends a freeze: the overdue timer first, as a browser does it, then what was held.
    pub fn thaw(&mut self) {
        self.frozen = false;
        if self.timeout().is_some_and(|at| at <= self.now) {
            self.input(Input::Timeout);
        }
        while let Some(arrival) = self.held.pop_front() {
            self.arrive(arrival);
        }
    }

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
                network::Due::Client(arrival) if self.frozen => self.held.push_back(arrival),
                network::Due::Client(arrival) => self.arrive(arrival),
            }
            self.collect();
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        match &arrival {
            Arrival::Opened(socket) => self.input(Input::Opened(*socket)),
            Arrival::Frame(socket, text) => {
                self.frames.push((self.now, text.clone()));
                self.input(Input::Frame(*socket, Payload::Text(text)));
            }
            Arrival::Binary(socket, bytes) => self.input(Input::Frame(*socket, Payload::Binary(*bytes))),
            Arrival::Closed(socket, code, clean) => self.input(Input::Closed(*socket, Close { code: *code, reason: "", clean: *clean })),
            Arrival::Reply(request, reply) => {
                let reply = reply.as_ref().map(|(status, retry_after, body)| Reply { status: *status, retry_after: retry_after.as_deref(), body });
                self.input(Input::Reply(*request, reply.map_err(|why| *why)));
            }
        }
    }

    /// Carries on what the service has put out.
    fn collect(&mut self) {
        while let Some(effect) = self.service.poll_effect() {
            match effect {
                Effect::Accept(id) => self.network.accept(self.now, id),
                Effect::Refuse(id, ..) => self.network.end(self.now, id, 1006, false),
                Effect::Text(id, text) => self.network.down(self.now, id, text),
                Effect::Binary(id, bytes) => self.network.down_binary(self.now, id, bytes),
                Effect::Close(id, code, _) => self.network.end(self.now, id, code, true),
                Effect::Drop(id) => self.network.end(self.now, id, 1006, false),
                Effect::Respond(id, response) => {
                    if response.status != 0 {
                        let retry_after = response.headers.iter().find(|(name, _)| name == "retry-after").map(|(_, value)| value.clone());
                        self.network.respond(self.now, id, (response.status, retry_after, String::from_utf8(response.body).expect("text")));
                    }
                }
            }
        }
    }

    // ---- the host

    pub fn input(&mut self, input: Input<'_>) {
        self.stream.handle_input(self.clock(), input);
        self.drain();
    }

    fn drain(&mut self) {
        let mut outputs = VecDeque::new();
        while let Some(output) = self.stream.poll_output() {
            outputs.push_back(output);
        }
        let mut available = Vec::new();
        for output in outputs {
            match output {
                Output::Act(act) => self.perform(act),
                Output::Event(event) => {
                    if let Event::Available(consumer) = &event {
                        available.push(consumer.clone());
                    }
                    self.told.push((self.now, event));
                }
            }
        }
        if !self.takes {
            return;
        }
        for consumer in available {
            loop {
                let items = self.take(&consumer, 64);
                if items.is_empty() {
                    break;
                }
                if consumer.is_empty() { self.taken.extend(items) } else { self.groups.entry(consumer.clone()).or_default().extend(items) }
            }
        }
    }

    fn perform(&mut self, act: Act) {
        match act {
            Act::Open(socket, url) => {
                self.opens.push((self.now, socket, url.clone()));
                self.next_id += 1;
                let target = url.strip_prefix("ws://service").expect("the endpoint's socket").to_string();
                self.network.connect(self.now, socket, ConnectionId(self.next_id), target);
            }
            Act::Send(socket, text) => {
                self.sent.push((self.now, socket, text.clone()));
                self.network.up(self.now, socket, text);
            }
            Act::Shut(socket, code) => self.network.shut(self.now, socket, code),
            Act::Forget(socket) => self.network.forget(socket),
            Act::Fetch(id, request) => self.fetch(id, request),
            Act::Abort(id) => self.network.abort(id),
            Act::Token(_) | Act::Store(..) | Act::Load(_) | Act::Lead(_) => panic!("not a stream's: {act:?}"),
        }
    }

    fn fetch(&mut self, id: RequestId, request: Request) {
        self.asked.push((self.now, request.clone()));
        let body = request.body.as_ref().map(|body| body.text.clone()).unwrap_or_default();
        let Some(target) = request.url.strip_prefix("http://service") else {
            self.posted.push((self.now, request.url.clone(), body));
            let (at, reply) = match self.hooks.get(&request.url).copied().unwrap_or(Hook::Answers(200, 5)) {
                Hook::Answers(status, after) => (self.now + after, Ok((status, None, String::new()))),
                Hook::Hangs => (self.now + u64::from(request.timeout_ms), Err(Unreachable::Timeout)),
                Hook::Away => (self.now + 5, Err(Unreachable::Network)),
            };
            return self.network.answer(at, id, reply);
        };
        self.next_id += 1;
        let authorization = request.authorization.iter().map(|who| match who {
            Authorization::Bearer(token) => ("authorization".to_string(), format!("bearer {}", token.expose())),
            Authorization::Basic(credentials) => ("authorization".to_string(), format!("basic {}", credentials.expose())),
        });
        let kind = request.body.iter().map(|body| ("content-type".to_string(), body.kind.to_string()));
        let headers = authorization.chain(kind).collect();
        let what = HttpRequest { method: request.method.name().into(), target: target.to_string(), headers, body: body.into_bytes() };
        self.network.fetch(self.now, id, HttpId(self.next_id), what, u64::from(request.timeout_ms));
    }
}
