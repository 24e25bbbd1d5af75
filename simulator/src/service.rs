//! The service as it is met from outside: the platform, the faults laid over it, the control, the log.
//!
//! One thing goes in, then [`Service::poll_effect`] is drained until `None`, then the next. Faults stand between the
//! line and the platform: on the way up `line -> rules -> platform`, on the way down `platform -> rules -> line`.

use std::collections::{BTreeMap, VecDeque};

use crate::exchange::{ConnectionId, Effect, HttpId, HttpRequest, HttpResponse, Upgrade};
use crate::faults::{Deed, Due, Facts, Faults, On};
use crate::line::{Downward, Form, Hold, Line, Stage};
use crate::log::{Kind, Log, Record};
use crate::platform::{NoteKind, Output, Platform, Stream, channel_in, session_in};
use crate::protocol::Protocol;
use crate::uplink::Gathering;
use crate::url::Target;
use crate::web::{Asked, HeldHttp};

/// Something that happens later.
#[derive(Debug)]
pub(crate) enum Later {
    /// The upgrade request reaches the platform.
    Connect(ConnectionId),
    /// A frame reaches the platform, whatever has become of its connection.
    Up { id: ConnectionId, text: String, lag: u64 },
    /// Something departs towards the client.
    Down(ConnectionId, Downward),
    /// An answer departs.
    Http(HttpId, HttpResponse),
}

/// Platform, faults, control and log as one sans-IO machine.
pub struct Service {
    pub(crate) now: u64,
    pub(crate) platform: Platform,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) lines: BTreeMap<ConnectionId, Line>,
    pub(crate) gatherings: Vec<Gathering>,
    pub(crate) asked: BTreeMap<HttpId, Asked>,
    pub(crate) held_http: Vec<HeldHttp>,
    later: BTreeMap<(u64, u64), Later>,
    scheduled: u64,
    /// The action of the frame that the platform is working on: what its frames answer.
    pub(crate) cause: Option<String>,
    pub(crate) effects: VecDeque<Effect>,
}

impl Service {
    /// A service that has seen nothing yet. The same seed and the same inputs give the same effects.
    pub fn new(seed: u64) -> Self {
        Self {
            now: 0,
            platform: Platform::new(seed),
            faults: Faults::default(),
            log: Log::default(),
            lines: BTreeMap::new(),
            gatherings: Vec::new(),
            asked: BTreeMap::new(),
            held_http: Vec::new(),
            later: BTreeMap::new(),
            scheduled: 0,
            cause: None,
            effects: VecDeque::new(),
        }
    }

    /// The base of the URLs that the service gives out (`http://host:port`), where a request does not tell by its
    /// `Host` header or an absolute target.
    pub fn set_base(&mut self, base: &str) {
        self.platform.base = base.to_owned();
    }

    /// Switches of `/_sim/set` that a reset goes back to.
    ///
    /// # Errors
    ///
    /// The reason, when the text is no JSON object or names an unknown switch.
    pub fn set_defaults(&mut self, switches: &str) -> Result<(), String> {
        let switches = serde_json::from_str(switches).map_err(|error| error.to_string())?;
        self.platform.settings.set_defaults(&switches)
    }

    /// An upgrade request without an `Authorization` header; `target` is `/v1?deploymentId=…`, the session protocol's
    /// `…/sessions/{id}/messages?token=…` or a stream's path, with or without scheme and host in front.
    pub fn handle_connect(&mut self, now: u64, id: ConnectionId, target: &str, origin: Option<&str>) {
        let upgrade = Upgrade { target: target.to_owned(), origin: origin.map(str::to_owned), authorization: None };
        self.handle_upgrade(now, id, upgrade);
    }

    /// An upgrade request.
    pub fn handle_upgrade(&mut self, now: u64, id: ConnectionId, upgrade: Upgrade) {
        self.catch_up(now);
        let parsed = Target::parse(&upgrade.target);
        let (line, token) = match (session_in(&parsed.path), Stream::at(&parsed.path)) {
            // The token of a rule or a record is the session's id, never the access token in the query.
            (Some(session), _) => {
                let deployment = self.platform.session_deployment_of_upgrade(&session, &parsed);
                let line = Line::new(upgrade, &parsed.path, deployment);
                (Line { protocol: Protocol::Session, token: Some(session.clone()), ..line }, Some(session))
            }
            (None, Some(stream)) => {
                let known = self.platform.stream_deployment(&parsed, upgrade.authorization.as_deref());
                let token = match stream {
                    Stream::Conversations => parsed.parameter("session_id"),
                    Stream::Notifications => channel_in(&parsed.path),
                    _ => None,
                };
                let line = Line::new(upgrade, &parsed.path, known.or_else(|| parsed.parameter("deploymentId")));
                (Line { protocol: Protocol::Stream, token: token.clone(), ..line }, token)
            }
            (None, None) => {
                let token = parsed.parameter("token").filter(|_| parsed.path == "/v1");
                (Line::new(upgrade, &parsed.path, parsed.parameter("deploymentId")), token)
            }
        };
        let facts = Facts { token, path: Some(parsed.path), ..line.facts() };
        self.lines.insert(id, line);
        let due = self.judge(On::Connect, Some(id), &facts);
        self.connect_under(id, &facts, due);
        self.catch_up(now);
    }

    /// A text frame from the client.
    pub fn handle_text(&mut self, now: u64, id: ConnectionId, text: &str) {
        self.catch_up(now);
        self.take_up(id, text);
        self.catch_up(now);
    }

    /// The client has closed (`Some`: with a close frame of this code), or its line has dropped (`None`).
    ///
    /// It travels up the line like everything else: held bytes are processed before it.
    pub fn handle_close(&mut self, now: u64, id: ConnectionId, code: Option<u16>) {
        self.catch_up(now);
        self.take_close(id, code);
        self.catch_up(now);
    }

    /// An HTTP request of any path, `/_sim/…` included.
    pub fn handle_http(&mut self, now: u64, id: HttpId, request: HttpRequest) {
        self.catch_up(now);
        self.take_http(id, request);
        self.catch_up(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: u64) {
        self.catch_up(now);
    }

    /// When [`Service::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<u64> {
        let later = self.later.keys().next().map(|(at, _)| *at);
        let lines = self.lines.values().flat_map(|line| line.holds());
        let held = self.held_http.iter().map(|held| &held.hold);
        let holds = lines.chain(held).filter_map(|hold| hold.until).min();
        let gathered = self.gatherings.iter().map(|gathering| gathering.until).min();
        [later, holds, gathered, self.platform.poll_timeout()].into_iter().flatten().min()
    }

    /// What has to be done, in order, until `None`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Whether something of this connection is still held or under way, so that its closing handshake cannot be
    /// answered yet.
    pub fn holds(&self, id: ConnectionId) -> bool {
        self.lines.contains_key(&id)
    }

    /// Brings everything up to a time; time never goes back.
    pub(crate) fn catch_up(&mut self, now: u64) {
        self.now = self.now.max(now);
        self.drain();
        while self.poll_timeout().is_some_and(|at| at <= self.now) {
            while let Some(entry) = self.later.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let later = entry.remove();
                self.perform(later);
            }
            let now = self.now;
            self.lift(|hold| hold.is_over(now));
            self.finish_gatherings(|gathering| gathering.until <= now);
            self.platform.handle_timeout(self.now);
            self.drain();
        }
    }

    pub(crate) fn schedule(&mut self, at: u64, later: Later) {
        self.scheduled += 1;
        self.later.insert((at, self.scheduled), later);
    }

    fn perform(&mut self, later: Later) {
        match later {
            Later::Connect(id) => self.connect(id),
            Later::Up { id, text, lag } => self.process(id, &text, lag),
            Later::Down(id, downward) => self.depart(id, downward),
            Later::Http(id, response) => self.emit_http(id, response),
        }
    }

    /// Lets go what was held for reasons that are over.
    pub(crate) fn lift(&mut self, over: impl Fn(&Hold) -> bool) {
        let ids: Vec<ConnectionId> = self.lines.keys().copied().collect();
        for id in ids {
            let Some(line) = self.lines.get_mut(&id) else {
                continue;
            };
            if line.lift(&over) {
                self.connect(id);
            }
            self.pump_up(id);
            self.pump_down(id);
        }
        self.lift_http(over);
    }

    /// Asks the rules, and writes down what they answer.
    pub(crate) fn judge(&mut self, on: On, id: Option<ConnectionId>, facts: &Facts) -> Vec<Due> {
        let due = self.faults.judge(on, facts);
        for one in &due {
            let record = Record::new(self.now, Kind::Fault, id, facts).with("on", on.name()).with("do", one.name.as_str()).with("rule", one.rule);
            self.log.write(record);
        }
        due
    }

    /// Hands on what the platform has put out.
    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.platform.poll_output() {
            match output {
                Output::Accept(id) => self.ship(id, Downward::Accept, 0),
                Output::Refuse(id, status, retry_after) => {
                    self.ship(id, Downward::Refuse { status, retry_after }, 0);
                }
                Output::Frame(id, frame) => self.deliver(id, &frame, Form::Text),
                Output::Binary(id, frame) => self.deliver(id, &frame, Form::Binary),
                Output::Close(id, code, reason) => self.ship_close(id, code, reason),
                Output::Respond(id, response) => self.answer(id, response),
                Output::Note(note) => {
                    let kind = match note.kind {
                        NoteKind::Stored => Kind::Stored,
                        NoteKind::Evicted => Kind::Evicted,
                        NoteKind::Limited => Kind::Limited,
                    };
                    let facts = Facts {
                        token: note.token,
                        deployment: Some(note.deployment),
                        action: note.action,
                        tracing: note.tracing,
                        text: note.text,
                        server_id: note.server_id,
                        ..Facts::default()
                    };
                    let mut record = Record::new(self.now, kind, note.connection, &facts);
                    if let Some(direction) = note.direction {
                        record = record.with("direction", direction);
                    }
                    self.log.write(record);
                }
            }
        }
    }

    fn connect_under(&mut self, id: ConnectionId, facts: &Facts, due: Vec<Due>) {
        let mut wait = 0;
        let mut junk = Vec::new();
        let mut deed = None;
        for one in due {
            match one.deed {
                Deed::Delay { ms } => wait = ms,
                Deed::Garbage(kind) => junk.push(kind),
                other => deed = Some((one.rule, other)),
            }
        }
        match deed {
            Some((_, Deed::Status { status, retry_after, .. })) => {
                self.ship(id, Downward::Refuse { status, retry_after }, wait);
                return;
            }
            Some((rule, Deed::Blackhole { ms })) => return self.hold_upgrade(id, rule, ms),
            Some((rule, Deed::Lose)) => return self.hold_upgrade(id, rule, None),
            Some((_, Deed::Drop { .. })) => return self.cut(id),
            Some((_, Deed::AcceptThenClose { code, reason } | Deed::Close { code, reason, .. })) => {
                self.ship(id, Downward::Accept, wait);
                self.ship_close(id, code, reason);
                return;
            }
            Some((rule, Deed::Stall { direction, ms })) => {
                self.connect(id);
                self.stall(id, rule, direction, ms);
            }
            Some((_, Deed::Reply { frame })) => {
                self.connect(id);
                let downward = self.foreign_frame(&frame, facts);
                self.ship(id, downward, 0);
            }
            _ if wait > 0 => self.schedule(self.now + wait, Later::Connect(id)),
            _ => self.connect(id),
        }
        for kind in junk {
            self.ship_garbage(id, kind, wait);
        }
    }

    fn hold_upgrade(&mut self, id: ConnectionId, rule: u64, ms: Option<u64>) {
        if let Some(line) = self.lines.get_mut(&id) {
            let until = ms.map(|ms| self.now + ms);
            line.stage = Stage::Asking { hold: Some(Hold { rule, until }) };
        }
    }

    /// Lets the upgrade request through to the platform.
    fn connect(&mut self, id: ConnectionId) {
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        line.stage = Stage::Open;
        let upgrade = line.upgrade.clone();
        self.platform.handle_upgrade(self.now, id, &upgrade);
        self.drain();
    }
}
