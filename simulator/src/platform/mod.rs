//! The platform's side of the guest API (guest-api.md §10), of the session protocol (systems.md G) and of the agent-side
//! streams (systems.md L, E, I, P), without sockets and without a clock.
//!
//! Frames and requests go in with the time at which they arrive; what the platform does about them comes out of
//! [`Platform::poll_output`], in order. Nothing here knows about faults: they are laid over it by [`crate::Service`].

mod agent;
mod attachment;
mod auth;
mod bot;
mod configure;
mod deployment;
mod event;
mod frame;
mod history;
mod http;
mod jwt;
mod limits;
mod message;
mod oauth;
mod scenario;
mod session;
mod session_api;
mod session_socket;
mod settings;
mod socket;
mod streams;

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value};

use crate::exchange::{ConnectionId, HttpId, HttpResponse};
use crate::seed::Seed;

pub(crate) use agent::AgentAct;
pub(crate) use oauth::Whose;
pub(crate) use session::{Guest, Key, is_inbound};
pub(crate) use session_api::session_in;
pub(crate) use settings::SettingsBook;
pub(crate) use socket::Connection;
pub(crate) use streams::{Stream, Update, channel_in};

/// What the platform does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Answer the upgrade with 101.
    Accept(ConnectionId),
    /// Answer the upgrade with this status; the seconds of `Retry-After`, if any.
    Refuse(ConnectionId, u16, Option<u64>),
    /// Send a frame.
    Frame(ConnectionId, Value),
    /// Send it as a binary frame.
    Binary(ConnectionId, Value),
    /// Close the connection with this code and reason; it is forgotten already.
    Close(ConnectionId, u16, String),
    /// Answer a request.
    Respond(HttpId, HttpResponse),
    /// Something worth a line in the log.
    Note(Note),
}

/// What happened inside the platform, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What kind of thing happened.
    pub kind: NoteKind,
    /// The deployment it belongs to.
    pub deployment: String,
    /// The guest token, when one is known.
    pub token: Option<String>,
    /// The connection it concerns.
    pub connection: Option<ConnectionId>,
    /// The action that led to it.
    pub action: Option<String>,
    /// The client's correlation id.
    pub tracing: Option<String>,
    /// The text of a stored message, or the name of the limit that was hit.
    pub text: Option<String>,
    /// The service's id of a stored message.
    pub server_id: Option<String>,
    /// `Inbound` or `Outbound`, for a stored message.
    pub direction: Option<&'static str>,
}

/// The kinds of [`Note`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// A message or presence event entered the conversation.
    Stored,
    /// A connection was pushed out by a newer one.
    Evicted,
    /// A request was turned away because a limit was reached.
    Limited,
}

/// The service as a guest sees it: deployments, sessions, messages, history, files, sign-in; and as an agent's page sees it: the
/// streams.
///
/// All times are unix milliseconds handed in; all randomness comes from the seed.
pub struct Platform {
    pub(crate) now: u64,
    pub(crate) settings: SettingsBook,
    seed: Seed,
    /// The base of URLs given out to connections that did not say how they reached us.
    pub(crate) base: String,
    connections: BTreeMap<ConnectionId, Connection>,
    guests: BTreeMap<Key, Guest>,
    /// Sessions are numbered as they are made, so that the newest is known.
    sessions_made: u64,
    deployments: BTreeMap<String, limits::Window>,
    jwts: BTreeMap<String, history::Grant>,
    /// The sessions of the session protocol, ended ones too, and the deployment of each.
    session_ids: BTreeMap<String, String>,
    access: oauth::AccessTokens,
    files: attachment::Files,
    sign_in: auth::SignIn,
    streams: streams::Streams,
    scenarios: scenario::Scenarios,
    bot: BTreeMap<(u64, u64), bot::Step>,
    bot_steps: u64,
    /// Entries stored while this is set stay out of the history for so many milliseconds (fault `history-lag`).
    pub(crate) storing_lag: u64,
    /// The time that all messages get while `sameMillisecond` is on.
    frozen: Option<u64>,
    outputs: VecDeque<Output>,
}

impl Platform {
    /// A platform that has seen nothing yet.
    pub fn new(seed: u64) -> Self {
        Self {
            now: 0,
            settings: SettingsBook::new(),
            seed: Seed::new(seed),
            base: "http://localhost:8787".into(),
            connections: BTreeMap::new(),
            guests: BTreeMap::new(),
            sessions_made: 0,
            deployments: BTreeMap::new(),
            jwts: BTreeMap::new(),
            session_ids: BTreeMap::new(),
            access: oauth::AccessTokens::default(),
            files: attachment::Files::default(),
            sign_in: auth::SignIn::default(),
            streams: streams::Streams::default(),
            scenarios: scenario::Scenarios::default(),
            bot: BTreeMap::new(),
            bot_steps: 0,
            storing_lag: 0,
            frozen: None,
            outputs: VecDeque::new(),
        }
    }

    /// The next thing to do, until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Platform::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<u64> {
        let bot = self.bot.keys().next().map(|(at, _)| *at);
        let expiry = self
            .guests
            .values()
            .filter_map(|guest| guest.session.as_ref())
            .filter(|session| session.is_live())
            .map(|session| self.expiry(session))
            .min();
        let streams = self.streams.poll_timeout().into_iter().chain(self.scenarios.poll_timeout());
        bot.into_iter().chain(expiry).chain(self.next_socket_expiry()).chain(streams).min()
    }

    /// Does what is due: the bot's next words, sessions and access tokens running out.
    pub fn handle_timeout(&mut self, now: u64) {
        self.advance(now);
    }

    /// Forgets a deployment's sessions, files, tokens and streams, or all of them. Open connections stay open, unconfigured;
    /// those of the session protocol and of the streams, which have no such state, are closed.
    pub(crate) fn reset(&mut self, deployment: Option<&str>) {
        let gone = |id: &str| deployment.is_none_or(|wanted| wanted == id);
        self.close_session_sockets(deployment);
        self.scenarios.reset(deployment);
        self.reset_streams(deployment);
        self.session_ids.retain(|_, id| !gone(id));
        self.access.reset(deployment);
        self.guests.retain(|key, _| !gone(&key.0));
        self.jwts.retain(|_, grant| !gone(&grant.key.0));
        self.files.retain(|key| !gone(&key.0));
        self.sign_in.reset(deployment);
        self.deployments.retain(|id, _| !gone(id));
        self.bot.retain(|_, step| !gone(&step.key.0));
        self.settings.reset(deployment);
        self.frozen = None;
        for connection in self.connections.values_mut().filter(|one| gone(&one.deployment)) {
            connection.forget();
        }
    }

    /// Moves the time on, never back, doing what falls due.
    fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
        self.expire_sessions();
        self.close_expired_sockets();
        self.ring_alarms();
        self.run_scenarios();
        while let Some(entry) = self.bot.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let step = entry.remove();
            self.bot_step(step);
        }
    }

    fn send(&mut self, id: ConnectionId, frame: Value) {
        if self.connections.get(&id).is_some_and(|connection| connection.open) {
            self.outputs.push_back(Output::Frame(id, frame));
        }
    }

    fn note(&mut self, note: Note) {
        self.outputs.push_back(Output::Note(note));
    }

    /// Notes that a limit turned a request away.
    fn note_limited(&mut self, request: &Request, limit: &str) {
        let deployment = self.deployment_of(request.connection);
        self.note(Note {
            kind: NoteKind::Limited,
            deployment,
            token: Some(request.token.clone()).filter(|token| !token.is_empty()),
            connection: Some(request.connection),
            action: Some(request.action.clone()).filter(|action| !action.is_empty()),
            tracing: request.tracing.clone(),
            text: Some(limit.to_owned()),
            server_id: None,
            direction: None,
        });
    }

    fn deployment_of(&self, id: ConnectionId) -> String {
        self.connections.get(&id).map(|connection| connection.deployment.clone()).unwrap_or_default()
    }
}

/// A request frame taken apart.
#[derive(Clone, Debug)]
struct Request {
    connection: ConnectionId,
    token: String,
    action: String,
    tracing: Option<String>,
    body: Map<String, Value>,
}

impl Request {
    fn tracing(&self) -> Option<&str> {
        self.tracing.as_deref()
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.body.get(member).and_then(Value::as_str)
    }
}

/// Why a request is refused: a `string` frame (guest-api.md §3.8), or the rate limit's own frame (§3.7).
struct Refusal {
    code: u16,
    text: String,
    /// Seconds; makes it a `TooManyRequestsErrorMessage`.
    retry_after: Option<u64>,
}

impl Refusal {
    fn new(code: u16, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), retry_after: None }
    }

    fn failed() -> Self {
        Self::new(400, "Request failed.")
    }
}
