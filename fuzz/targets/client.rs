//! One session with a browser around it that does what it is told, and a service that says what it is made to say.
//! What the page would show is rebuilt from the events, and checked after every one of them.

use guestwire::core::http::{Reply, Unreachable};
use guestwire::core::json::Document;
use guestwire::core::machine::{Act, Close, Input, Lead, Machine, Now, Output, Payload, RequestId, Role, SocketId, StoreFault, WriteId};
use guestwire::guest::Session;
use guestwire::guest::event::{Event, Ticket};
use guestwire::guest::outbox;
use guestwire::guest::wire::Wire;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub const PREFIX: &str = "gw1:fuzz:";
/// The session of the session protocol.
pub const ME: &str = "5e551011-0000-4000-8000-000000000000";
const GUEST: &str = r#"{"deploymentId":"fuzz","endpoint":"http://service"}"#;
const SESSION: &str = r#"{"deploymentId":"fuzz","endpoint":"http://service","protocol":"session"}"#;
const SESSION_BY_URL: &str = r#"{"deploymentId":"fuzz","endpoint":"http://service","protocol":"session","token":{"url":"http://service/token"}}"#;
const CONFIG: &str = r#"{"status":"Active","messenger":{"apps":{"conversations":{"showUserTypingIndicator":true,"autoStart":{"enabled":true},"conversationClear":{"enabled":true}}}}}"#;
/// What asking for an access token looks like, whoever is asked.
const TOKEN: &str = "http://service/token";
/// The time of every beginning, Unix milliseconds.
const EPOCH: u64 = 1_767_225_600_000;

/// A request over the socket that was written and not answered.
#[derive(Clone)]
pub struct Asked {
    pub socket: SocketId,
    pub action: String,
    pub tracing: String,
}

pub struct Client {
    pub session: Session,
    pub wire: Wire,
    pub now: Now,
    /// Answers config and history, configures, and stores by itself.
    pub willing: bool,
    /// The service says nothing over the socket.
    pub mute: bool,
    /// The body of every history page; `None` is an empty page.
    pub page: Option<String>,
    /// What whoever is asked for an access token gives; `None` is a good one.
    pub gives: Option<String>,
    /// The answer to making a session; `None` is a good one.
    pub makes: Option<String>,
    pub storage: BTreeMap<String, String>,
    pub disk: Option<StoreFault>,
    pub asked: Vec<Asked>,
    pub sockets: Vec<SocketId>,
    pub fetches: Vec<(RequestId, String)>,
    pub writes: Vec<(WriteId, String, Option<String>)>,
    pub ids: Vec<String>,
    rows: Vec<String>,
    stored: BTreeSet<String>,
    /// The texts of what was stored: the session protocol sends no ids.
    stored_texts: BTreeSet<String>,
    settled: BTreeSet<Ticket>,
    tickets: Ticket,
    acts: VecDeque<Act>,
    performing: bool,
    disposed: bool,
}

impl Client {
    fn new(wire: Wire, token_by_url: bool) -> Client {
        let options = match wire {
            Wire::Guest => GUEST,
            Wire::Session if token_by_url => SESSION_BY_URL,
            Wire::Session => SESSION,
        };
        Client {
            session: Session::new(options, [1, 2, 3, 4, 5, 6, 7, 8]).expect("the options are valid"),
            wire,
            now: Now { mono: 1_000, unix: EPOCH },
            willing: true,
            mute: false,
            page: None,
            gives: None,
            makes: None,
            storage: BTreeMap::new(),
            disk: None,
            asked: Vec::new(),
            sockets: Vec::new(),
            fetches: Vec::new(),
            writes: Vec::new(),
            ids: Vec::new(),
            rows: Vec::new(),
            stored: BTreeSet::new(),
            stored_texts: BTreeSet::new(),
            settled: BTreeSet::new(),
            tickets: 0,
            acts: VecDeque::new(),
            performing: false,
            disposed: false,
        }
    }

    /// A session at rest, in a browser whose storage answers only when told to.
    pub fn idle(wire: Wire, willing: bool, token_by_url: bool) -> Client {
        let mut client = Client::new(wire, token_by_url);
        client.willing = willing;
        client.drain();
        client
    }

    /// A session that stands.
    pub fn ready(wire: Wire) -> Client {
        let mut client = Client::idle(wire, true, false);
        client.connect();
        client
    }

    /// A session of the guest API whose socket is open and which waits to be configured.
    pub fn configuring() -> Client {
        let mut client = Client::idle(Wire::Guest, true, false);
        client.mute = true;
        client.connect();
        client
    }

    /// A page that loads over a storage of lines `name=value`.
    pub fn with_storage(wire: Wire, lines: &str) -> Client {
        let mut client = Client::new(wire, false);
        client.keep(lines);
        client.drain();
        client
    }

    pub fn connect(&mut self) {
        let ticket = self.ticket();
        self.session.start(self.now, ticket);
        self.drain();
    }

    pub fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        self.tickets
    }

    pub fn send(&mut self, text: &str) {
        let mut draft = String::from("{\"text\":");
        guestwire::core::json::push_string(&mut draft, text);
        draft.push('}');
        self.send_draft(&draft);
    }

    pub fn send_draft(&mut self, draft: &str) {
        if let Ok(id) = self.session.send(self.now, draft) {
            self.ids.push(id);
        }
        self.drain();
    }

    pub fn history(&mut self) {
        let ticket = self.ticket();
        self.session.history(self.now, ticket);
        self.drain();
    }

    /// Takes up what the tab that led before had on its list.
    pub fn adopt(&mut self, page: &str) {
        self.session.adopt(self.now, page);
        self.drain();
    }

    /// Another tab has put these into storage, and says so.
    pub fn added(&mut self, lines: &str) {
        self.keep(lines);
        self.session.added(self.now);
        self.drain();
    }

    /// Lines `name=value` stand in storage.
    fn keep(&mut self, lines: &str) {
        for (name, value) in lines.lines().filter_map(|line| line.split_once('=')) {
            self.storage.insert([PREFIX, name].concat(), value.to_string());
        }
    }

    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    pub fn input(&mut self, input: Input<'_>) {
        self.session.handle_input(self.now, input);
        self.drain();
    }

    /// A text over the newest socket.
    pub fn frame(&mut self, text: &str) {
        if let Some(socket) = self.sockets.last().copied() {
            self.input(Input::Frame(socket, Payload::Text(text)));
        }
    }

    pub fn drop_line(&mut self) {
        if let Some(socket) = self.sockets.pop() {
            self.input(Input::Closed(socket, Close { code: 1006, reason: "", clean: false }));
        }
    }

    /// Lets time pass, from one wish of the session to the next.
    pub fn run(&mut self, ms: u64) {
        let until = self.now.mono + ms;
        for _ in 0..200 {
            let Some(at) = self.session.poll_timeout().filter(|at| *at <= until) else { break };
            self.pass(at.saturating_sub(self.now.mono));
            self.input(Input::Timeout);
        }
        self.pass(until.saturating_sub(self.now.mono));
    }

    pub fn pass(&mut self, ms: u64) {
        self.now.mono += ms;
        self.now.unix = self.now.unix.saturating_add(ms).min(8_640_000_000_000_000);
    }

    pub fn reply(&mut self, request: RequestId, status: u16, body: &str) {
        self.input(Input::Reply(request, Ok(Reply { status, retry_after: None, body })));
    }

    pub fn unreachable(&mut self, request: RequestId) {
        self.input(Input::Reply(request, Err(Unreachable::Network)));
    }

    /// The answer that a well-meaning service gives.
    pub fn answer(&mut self, asked: &Asked) {
        let Asked { socket, action, tracing } = asked;
        let text = match action.as_str() {
            "configureSession" => format!(
                r#"{{"type":"response","class":"SessionResponse","code":200,"body":{{"connected":true,"newSession":false}},"tracingId":"{tracing}"}}"#
            ),
            "closeSession" => format!(
                r#"{{"type":"response","class":"SessionResponse","code":200,"body":{{"connected":false,"readOnly":true}},"tracingId":"{tracing}"}}"#
            ),
            "getJwt" => format!(r#"{{"type":"response","class":"JwtResponse","code":200,"body":{{"jwt":"j","exp":1}},"tracingId":"{tracing}"}}"#),
            "echo" => format!(
                r#"{{"type":"response","class":"StructuredMessage","code":200,"body":{{"type":"Text","text":"ping","direction":"Inbound","id":"echo"}},"tracingId":"{tracing}"}}"#
            ),
            "ping" => r#"{"type":"pong"}"#.to_string(),
            _ => return,
        };
        self.input(Input::Frame(*socket, Payload::Text(&text)));
    }

    pub fn fetched(&mut self, request: RequestId, url: &str) {
        let or = |given: &Option<String>, usual: &str| given.clone().unwrap_or_else(|| usual.to_string());
        let body = if url.contains("config.json") {
            CONFIG.to_string()
        } else if url == TOKEN {
            or(&self.gives, r#"{"access_token":"access","expires_in":3600}"#)
        } else if url.ends_with("/sessions") {
            or(&self.makes, &format!(r#"{{"id":"{ME}"}}"#))
        } else if self.wire == Wire::Session {
            or(&self.page, r#"{"items":[],"page":{}}"#)
        } else {
            or(&self.page, r#"{"entities":[],"pageCount":1}"#)
        };
        self.reply(request, 200, &body);
    }

    /// Somebody is asked for something over HTTP, or the page for a token.
    fn ask(&mut self, request: RequestId, url: String) {
        let is_token = url == TOKEN;
        assert!(!(is_token && self.fetches.iter().any(|(_, asked)| *asked == url)), "two requests for a token at once");
        if self.willing {
            self.fetched(request, &url);
        } else {
            self.fetches.push((request, url));
        }
    }

    /// Tells the session what became of a write.
    pub fn stored(&mut self, write: WriteId, key: &str, value: Option<String>) {
        self.note_text(key, value.as_deref());
        match (self.disk, value) {
            (None, Some(value)) => drop(self.storage.insert(key.to_string(), value)),
            (_, None) => drop(self.storage.remove(key)),
            _ => {}
        }
        if let Some((_, id)) = key.split_once(":m:").and_then(|(_, name)| name.split_once(':')) {
            self.stored.insert(id.to_string());
        }
        self.input(Input::Stored(write, self.disk.map_or(Ok(()), Err)));
    }

    fn note_text(&mut self, key: &str, value: Option<&str>) {
        let name = key.split_once(":m:").map(|(_, name)| name);
        if let (Some(name), Some(value)) = (name, value)
            && let outbox::Stored::Record(record) = outbox::read(name, value)
        {
            self.stored_texts.insert(record.text.clone());
        }
    }

    fn load(&mut self, entries: &[(String, String)]) {
        for (key, value) in entries {
            self.note_text(key, Some(value));
            if let Some((_, id)) = key.split_once(":m:").and_then(|(_, name)| name.split_once(':')) {
                self.stored.insert(id.to_string());
            }
        }
        let entries: Vec<(&str, &str)> = entries.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        self.input(Input::Loaded(&entries));
    }

    /// Takes what the session wants, and performs it in its order, as the driver does: what comes of one act is wanted behind those
    /// that were wanted before.
    pub fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Event(event) => self.told(event),
                Output::Act(act) => self.acts.push_back(act),
            }
        }
        if !std::mem::replace(&mut self.performing, true) {
            while let Some(act) = self.acts.pop_front() {
                self.perform(act);
            }
            self.performing = false;
        }
    }

    pub fn dispose(&mut self) {
        self.session.dispose(self.now);
        self.drain();
        self.disposed = true;
        assert_eq!(self.session.poll_timeout(), None, "nothing is waited for after the end");
    }

    fn perform(&mut self, act: Act) {
        assert!(!self.disposed, "after the end: {act:?}");
        match act {
            Act::Open(socket, _) => {
                self.sockets.push(socket);
                assert!(self.sockets.len() <= 2, "more than two sockets: {:?}", self.sockets);
                if self.willing {
                    self.input(Input::Opened(socket));
                }
            }
            Act::Shut(socket, code) => {
                if self.willing {
                    self.sockets.retain(|known| *known != socket);
                    self.input(Input::Closed(socket, Close { code, reason: "", clean: true }));
                }
            }
            Act::Forget(socket) => self.sockets.retain(|known| *known != socket),
            Act::Send(socket, text) => self.sent(socket, &text),
            Act::Fetch(request, what) => self.ask(request, what.url),
            Act::Token(request) => {
                assert_eq!(self.wire, Wire::Session, "the guest API needs no access token");
                self.ask(request, TOKEN.to_string());
            }
            Act::Abort(request) => self.fetches.retain(|(known, _)| *known != request),
            Act::Store(write, key, value) => {
                if self.willing {
                    self.stored(write, &key, value);
                } else {
                    self.writes.push((write, key, value));
                }
            }
            Act::Load(prefix) => {
                let entries: Vec<_> =
                    self.storage.iter().filter(|(key, _)| key.starts_with(&prefix)).map(|(key, value)| (key.clone(), value.clone())).collect();
                self.load(&entries);
            }
            Act::Lead(Lead::Join | Lead::Steal | Lead::Prove) => self.input(Input::Role(Role::Leader)),
            Act::Lead(Lead::Leave) => {}
        }
    }

    fn sent(&mut self, socket: SocketId, text: &str) {
        let member = |name: &str| {
            let from = text.find(&format!("\"{name}\":\""))? + name.len() + 4;
            Some(text[from..].split('"').next()?.to_string())
        };
        let (action, tracing) = match self.wire {
            Wire::Guest => (member("action"), member("tracingId")),
            // What the session protocol sends has no name but its text.
            Wire::Session => {
                let document = Document::parse(text).expect("a frame is JSON");
                (document.root().string("type"), document.root().string("text"))
            }
        };
        if let (Wire::Session, Some(text)) = (self.wire, &tracing) {
            assert!(self.stored_texts.contains(text), "sent before its store was answered: {text}");
        }
        let asked = Asked { socket, action: action.unwrap_or_default(), tracing: tracing.unwrap_or_default() };
        if text.contains(r#""metadata":{"id":"#) {
            assert!(self.stored.contains(&asked.tracing), "sent before its store was answered: {text}");
        }
        if self.willing && !self.mute {
            self.answer(&asked);
        } else {
            self.asked.push(asked);
        }
    }

    /// The list as a page keeps it.
    fn told(&mut self, event: Event) {
        match event {
            Event::Message { index, message } => {
                assert!(!self.rows.contains(&message.id), "inserted twice: {}", message.id);
                assert!(index as usize <= self.rows.len(), "inserted beyond the end");
                self.rows.insert(index as usize, message.id);
            }
            Event::Updated { index, message } => assert_eq!(self.rows[index as usize], message.id, "updated another row"),
            Event::Moved { id, from, to } => {
                assert_eq!(self.rows.remove(from as usize), id, "moved another row");
                self.rows.insert(to as usize, id);
            }
            Event::Removed { id, index } => assert_eq!(self.rows.remove(index as usize), id, "removed another row"),
            Event::Emptied => self.rows.clear(),
            Event::Done { ticket, .. } => assert!(self.settled.insert(ticket), "settled twice: {ticket}"),
            _ => {}
        }
    }
}
