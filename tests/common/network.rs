//! The network between client and service: latency, and every way to break it. In order in each direction of a line;
//! what breaks the order is a fault of the service.

use super::Arrival;
use guestwire::core::http::Unreachable;
use guestwire::core::machine::{RequestId, SocketId};
use simulator::{ConnectionId, HttpId, HttpRequest};
use std::collections::{BTreeMap, BTreeSet};

/// A browser waits about this long for the other side's close frame.
const CLOSE_MS: u64 = 30_000;
/// A connection that cannot be made fails after this, milliseconds.
const FAIL_MS: u64 = 50;

/// How the network is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Line {
    Works,
    /// Nothing passes either way, and nothing says so.
    BlackHole,
    /// Nothing passes from the service to the client.
    DeafClient,
    /// Nothing passes from the client to the service.
    MuteClient,
    /// Open lines are dead, and new ones fail at once.
    Offline,
}

pub(crate) enum Due {
    Connect(ConnectionId, String),
    Text(ConnectionId, String),
    End(ConnectionId, Option<u16>),
    Http(HttpId, HttpRequest),
    Client(Arrival),
}

struct Socket {
    id: SocketId,
    connection: ConnectionId,
    open: bool,
    closed: bool,
    /// The client asked for the close with this code.
    closing: Option<u16>,
    /// The line is dead for good and nothing says so.
    stranded: bool,
    /// Until then nothing of this line reaches the service; then all of it does, in order.
    stalled_until: u64,
}

/// The network.
pub struct Network {
    pub line: Line,
    /// One way, milliseconds.
    pub latency: u64,
    sockets: Vec<Socket>,
    forgotten: BTreeSet<SocketId>,
    requests: BTreeMap<HttpId, RequestId>,
    queue: BTreeMap<(u64, u64), Due>,
    next: u64,
    /// Frames that a broken line swallowed.
    pub swallowed: u64,
    /// The most sockets that were open or opening at once.
    pub most_sockets: usize,
}

impl Default for Network {
    fn default() -> Network {
        Network::new()
    }
}

impl Network {
    pub(crate) fn new() -> Network {
        Network {
            line: Line::Works,
            latency: 20,
            sockets: Vec::new(),
            forgotten: BTreeSet::new(),
            requests: BTreeMap::new(),
            queue: BTreeMap::new(),
            next: 0,
            swallowed: 0,
            most_sockets: 0,
        }
    }

    fn push(&mut self, at: u64, due: Due) {
        self.next += 1;
        self.queue.insert((at, self.next), due);
    }

    pub(crate) fn next(&self) -> Option<u64> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn take_due(&mut self, now: u64) -> Option<Due> {
        let key = *self.queue.keys().next().filter(|(at, _)| *at <= now)?;
        let due = self.queue.remove(&key)?;
        match &due {
            Due::Client(Arrival::Closed(id, ..)) => {
                let id = *id;
                let socket = self.sockets.iter_mut().find(|socket| socket.id == id)?;
                if std::mem::replace(&mut socket.closed, true) {
                    return self.take_due(now);
                }
            }
            Due::Client(Arrival::Opened(id)) => {
                let id = *id;
                match self.sockets.iter_mut().find(|socket| socket.id == id && !socket.closed) {
                    Some(socket) => socket.open = true,
                    None => return self.take_due(now),
                }
            }
            Due::Client(Arrival::Frame(id, _) | Arrival::Binary(id, _)) => {
                let id = *id;
                // A browser delivers no frame once close() was called… but it may; the client has to stand both. Before it is open none comes.
                if !self.sockets.iter().any(|socket| socket.id == id && socket.open && !socket.closed) {
                    return self.take_due(now);
                }
            }
            _ => {}
        }
        if let Due::Client(Arrival::Opened(id) | Arrival::Frame(id, _) | Arrival::Binary(id, _) | Arrival::Closed(id, ..)) = &due
            && self.forgotten.contains(id)
        {
            return self.take_due(now);
        }
        Some(due)
    }

    fn passes_up(&self) -> bool {
        matches!(self.line, Line::Works | Line::DeafClient)
    }

    fn passes_down(&self) -> bool {
        matches!(self.line, Line::Works | Line::MuteClient)
    }

    fn is_stranded(&self, id: SocketId) -> bool {
        self.sockets.iter().any(|socket| socket.id == id && socket.stranded)
    }

    /// When something sent now over this line reaches the service.
    fn up_at(&self, now: u64, connection: ConnectionId) -> u64 {
        let stalled = self.sockets.iter().find(|socket| socket.connection == connection).map_or(0, |socket| socket.stalled_until);
        now.max(stalled) + self.latency
    }

    /// A line that lost bytes delivers nothing any more: what comes behind them has to wait for them for ever.
    fn swallow(&mut self, id: SocketId) {
        self.swallowed += 1;
        if let Some(socket) = self.sockets.iter_mut().find(|socket| socket.id == id) {
            socket.stranded = true;
        }
    }

    /// How many sockets of the page are open or opening.
    pub fn open_lines(&self) -> usize {
        self.sockets.iter().filter(|socket| !socket.closed && socket.closing.is_none() && !self.forgotten.contains(&socket.id)).count()
    }

    /// How many requests have been made and neither answered nor aborted.
    pub fn open_requests(&self) -> usize {
        self.requests.len()
    }

    /// The connections of lines that work, or may be on their way to it.
    pub fn live(&self) -> Vec<ConnectionId> {
        let is_live = |socket: &&Socket| !socket.closed && !socket.stranded && socket.closing.is_none() && !self.forgotten.contains(&socket.id);
        self.sockets.iter().filter(is_live).map(|socket| socket.connection).collect()
    }

    /// Every line that is there now is dead for good, and neither end is told. New ones work.
    pub fn strand(&mut self) {
        for socket in &mut self.sockets {
            socket.stranded = true;
        }
    }

    /// What goes up on the lines that are there now arrives only after this moment, even if they are closed meanwhile.
    pub fn stall_up(&mut self, until: u64) {
        for socket in &mut self.sockets {
            socket.stalled_until = until;
        }
    }

    /// Whether this page has the connection.
    pub(crate) fn has(&self, id: ConnectionId) -> bool {
        self.socket(id).is_some()
    }

    /// Whether this page waits for the answer.
    pub(crate) fn asked(&self, id: HttpId) -> bool {
        self.requests.contains_key(&id)
    }

    fn connection(&self, id: SocketId) -> Option<ConnectionId> {
        self.sockets.iter().find(|socket| socket.id == id && !socket.closed).map(|socket| socket.connection)
    }

    fn socket(&self, id: ConnectionId) -> Option<SocketId> {
        self.sockets.iter().find(|socket| socket.connection == id && !socket.closed).map(|socket| socket.id)
    }

    pub(crate) fn connect(&mut self, now: u64, id: SocketId, connection: ConnectionId, target: String) {
        self.sockets.retain(|socket| !socket.closed);
        self.sockets.push(Socket { id, connection, open: false, closed: false, closing: None, stranded: false, stalled_until: 0 });
        let live = self.sockets.iter().filter(|socket| !self.forgotten.contains(&socket.id)).count();
        self.most_sockets = self.most_sockets.max(live);
        match self.line {
            Line::Works => self.push(now + self.latency, Due::Connect(connection, target)),
            Line::Offline => self.push(now + FAIL_MS, Due::Client(Arrival::Closed(id, 1006, false))),
            _ => self.swallowed += 1,
        }
    }

    pub(crate) fn accept(&mut self, now: u64, id: ConnectionId) {
        if let Some(socket) = self.socket(id) {
            if self.passes_down() {
                self.push(now + self.latency, Due::Client(Arrival::Opened(socket)));
            } else {
                self.swallowed += 1;
            }
        }
    }

    pub(crate) fn up(&mut self, now: u64, id: SocketId, text: String) {
        let Some(connection) = self.connection(id) else { return };
        if self.passes_up() && !self.is_stranded(id) {
            self.push(self.up_at(now, connection), Due::Text(connection, text));
        } else {
            self.swallow(id);
        }
    }

    pub(crate) fn down(&mut self, now: u64, id: ConnectionId, text: String) {
        let Some(socket) = self.socket(id) else { return };
        if self.passes_down() && !self.is_stranded(socket) {
            self.push(now + self.latency, Due::Client(Arrival::Frame(socket, text)));
        } else {
            self.swallow(socket);
        }
    }

    pub(crate) fn down_binary(&mut self, now: u64, id: ConnectionId, bytes: Vec<u8>) {
        let Some(socket) = self.socket(id) else { return };
        if !self.passes_down() || self.is_stranded(socket) {
            self.swallow(socket);
        } else {
            let arrival = match String::from_utf8(bytes) {
                Ok(text) => Arrival::Frame(socket, text),
                Err(error) => Arrival::Binary(socket, error.as_bytes().len()),
            };
            self.push(now + self.latency, Due::Client(arrival));
        }
    }

    /// The service ends a connection.
    pub(crate) fn end(&mut self, now: u64, id: ConnectionId, code: u16, clean: bool) {
        let Some(socket) = self.socket(id) else { return };
        if self.passes_down() && !self.is_stranded(socket) {
            let asked = self.sockets.iter().find(|known| known.id == socket).and_then(|known| known.closing);
            self.push(now + self.latency, Due::Client(Arrival::Closed(socket, asked.unwrap_or(code), clean)));
        }
    }

    /// The client closes: a close frame behind what it sent, and the other side's answer to it.
    pub(crate) fn shut(&mut self, now: u64, id: SocketId, code: u16) {
        let Some(connection) = self.connection(id) else { return };
        let socket = self.sockets.iter_mut().find(|socket| socket.id == id);
        if let Some(socket) = socket {
            socket.closing = Some(code);
            if !socket.open {
                // Not open yet: the browser fails it at once.
                self.push(now, Due::Client(Arrival::Closed(id, 1006, false)));
                self.send_end(now, connection, None);
                return;
            }
        }
        self.send_end(now, connection, Some(code));
        // The other side's close frame answers ours, which travels behind what is held.
        let answered = self.up_at(now, connection) + self.latency;
        if self.passes_up() && self.passes_down() && !self.is_stranded(id) && answered < now + CLOSE_MS {
            self.push(answered, Due::Client(Arrival::Closed(id, code, true)));
        } else {
            self.push(now + CLOSE_MS, Due::Client(Arrival::Closed(id, 1006, false)));
        }
    }

    /// The service still holds what came before the close frame, so it cannot have answered that.
    pub(crate) fn leave_unanswered(&mut self, now: u64, connection: ConnectionId) {
        let Some(id) = self.socket(connection) else { return };
        let before = self.queue.len();
        self.queue.retain(|_, due| !matches!(due, Due::Client(Arrival::Closed(socket, _, true)) if *socket == id));
        if self.queue.len() < before {
            self.push(now + CLOSE_MS, Due::Client(Arrival::Closed(id, 1006, false)));
        }
    }

    /// The end of a connection travels to the service, if it can.
    pub(crate) fn send_end(&mut self, now: u64, connection: ConnectionId, code: Option<u16>) {
        let stranded = self.sockets.iter().any(|socket| socket.connection == connection && socket.stranded);
        if self.passes_up() && !stranded {
            self.push(self.up_at(now, connection), Due::End(connection, code));
        }
    }

    pub(crate) fn forget(&mut self, id: SocketId) {
        self.forgotten.insert(id);
    }

    /// The page is gone: nothing is on its way to it any more. Gives the connections that it leaves behind.
    pub(crate) fn leave_page(&mut self) -> Vec<ConnectionId> {
        self.queue.retain(|_, due| !matches!(due, Due::Client(_)));
        self.requests.clear();
        self.forgotten.clear();
        std::mem::take(&mut self.sockets).into_iter().filter(|socket| !socket.closed).map(|socket| socket.connection).collect()
    }

    pub(crate) fn fetch(&mut self, now: u64, request: RequestId, id: HttpId, what: HttpRequest, timeout: u64) {
        self.requests.insert(id, request);
        match self.line {
            Line::Works => {
                self.push(now + self.latency, Due::Http(id, what));
                self.push(now + timeout, Due::Client(Arrival::Reply(request, Err(Unreachable::Timeout))));
            }
            Line::Offline => self.push(now + FAIL_MS, Due::Client(Arrival::Reply(request, Err(Unreachable::Network)))),
            _ => self.push(now + timeout, Due::Client(Arrival::Reply(request, Err(Unreachable::Timeout)))),
        }
    }

    pub(crate) fn respond(&mut self, now: u64, id: HttpId, reply: (u16, Option<String>, String)) {
        if let (Some(request), true) = (self.requests.remove(&id), self.passes_down()) {
            // What comes after the answer is a reply to nothing.
            self.queue.retain(|_, due| !matches!(due, Due::Client(Arrival::Reply(waiting, Err(Unreachable::Timeout))) if *waiting == request));
            self.push(now + self.latency, Due::Client(Arrival::Reply(request, Ok(reply))));
        }
    }

    /// What the page itself answers to a request, at this moment.
    pub(crate) fn answer(&mut self, at: u64, request: RequestId, reply: Result<(u16, Option<String>, String), Unreachable>) {
        self.push(at, Due::Client(Arrival::Reply(request, reply)));
    }

    pub(crate) fn abort(&mut self, request: RequestId) {
        self.requests.retain(|_, known| *known != request);
        self.queue.retain(|_, due| !matches!(due, Due::Client(Arrival::Reply(waiting, _)) if *waiting == request));
    }

    /// Every open line breaks, and both ends are told.
    pub fn reset(&mut self, now: u64) {
        let open: Vec<_> = self.sockets.iter().filter(|socket| !socket.closed).map(|socket| (socket.id, socket.connection)).collect();
        for (id, connection) in open {
            // Whatever was under way is lost.
            self.queue.retain(|_, due| !matches!(due, Due::Text(line, _) if *line == connection));
            self.queue.retain(|_, due| !matches!(due, Due::Client(Arrival::Frame(socket, _) | Arrival::Opened(socket)) if *socket == id));
            self.push(now, Due::Client(Arrival::Closed(id, 1006, false)));
            self.push(now, Due::End(connection, None));
        }
    }

    /// The network works again; lines that died meanwhile stay dead.
    pub(crate) fn heal(&mut self, now: u64) {
        if self.line == Line::Offline {
            self.line = Line::Works;
            self.reset(now);
        }
        self.line = Line::Works;
    }
}
