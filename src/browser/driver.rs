//! Drives a machine: does what it asks for, in order, and tells it what came of it.
//!
//! One mutation at a time. All that a mutation brings about is drained before the first act is performed, so the
//! machine is never borrowed while anything outside runs, and a factory of the page that calls back into the client
//! meets a machine at rest. A result that is there at once (storage) is fed back before the next act is performed. Events
//! are handed to the host after that; it queues them, and its listeners run when no frame of this memory is on the
//! stack.

use super::bag::{Bag, Host};
use super::callback::Callback;
use super::clock::Clock;
use super::fetch::{Answer, Call};
#[cfg(feature = "guest")]
use super::lead::Line;
use super::lifecycle;
use super::socket::{self, News, Socket};
#[cfg(feature = "guest")]
use super::storage::Storage;
use crate::core::http::{Reply, Request, Unreachable};
use crate::core::machine::{Act, Close, Input, Machine, Now, Output, Page, Payload, RequestId, SocketId};
use crate::core::token;
use gloo_timers::callback::Timeout;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use wasm_bindgen::JsValue;
use web_sys::WebSocket;

/// The longest time a timer is set for: an hour, far below the 2^31 ms above which browsers fire at once, and short
/// enough that a clock that jumped is noticed.
const LONGEST_MS: u64 = 3_600_000;

/// How the outside names what is shared with the other tabs. Streams share nothing.
#[derive(Default)]
pub struct Scope {
    /// `local`, `session` or `memory`.
    pub storage: String,
    /// The name of the lock that makes a tab the leader; empty where nothing is shared.
    pub lock: String,
}

/// A machine and everything it runs on. Dropping it leaves nothing behind but listeners to the page, which go with the bag.
pub struct Driver<M: Machine>(Rc<Rig<M>>);

struct Rig<M: Machine> {
    bag: Bag,
    host: Host,
    clock: Clock,
    #[cfg(feature = "guest")]
    storage: Storage,
    machine: RefCell<M>,
    acts: RefCell<Vec<Act>>,
    events: RefCell<Vec<M::Event>>,
    sockets: RefCell<Vec<Socket>>,
    calls: RefCell<Vec<Call>>,
    #[cfg(feature = "guest")]
    line: Line,
    timer: RefCell<Option<Timeout>>,
    /// What the timer calls.
    on_time: Callback,
    _lifecycle: Callback,
    /// What the timer is set to, in `mono` milliseconds.
    armed: Cell<Option<u64>>,
    /// Nested turns: a factory of the page called back.
    depth: Cell<u32>,
    over: Cell<bool>,
}

impl<M> Driver<M>
where
    M: Machine + 'static,
    M::Event: Serialize,
{
    /// Takes a machine over.
    pub fn new(machine: M, scope: Scope, bag: Bag, host: Host) -> Driver<M> {
        #[cfg(not(feature = "guest"))]
        let _ = scope;
        Driver(Rc::new_cyclic(|rig: &Weak<Rig<M>>| {
            let (to_timer, to_page) = (rig.clone(), rig.clone());
            #[cfg(feature = "guest")]
            let to_role = rig.clone();
            Rig {
                clock: Clock::default(),
                #[cfg(feature = "guest")]
                storage: Storage::new(&bag, &host, &scope.storage),
                machine: RefCell::new(machine),
                acts: RefCell::default(),
                events: RefCell::default(),
                sockets: RefCell::default(),
                calls: RefCell::default(),
                #[cfg(feature = "guest")]
                line: Line::new(&bag, &host, scope.lock, move |role| with(&to_role, |rig| rig.input(Input::Role(role)))),
                timer: RefCell::default(),
                on_time: Callback::new(&bag, move |_| with(&to_timer, Rig::on_time)),
                _lifecycle: lifecycle::listen(&bag, &host, move |page| with(&to_page, |rig| rig.on_page(page))),
                armed: Cell::new(None),
                depth: Cell::new(0),
                over: Cell::new(false),
                bag,
                host,
            }
        }))
    }

    /// One command: a mutation of the machine, and everything that follows from it.
    pub fn turn<R>(&self, command: impl FnOnce(&mut M, Now) -> R) -> R {
        self.0.turn(command)
    }

    /// Looks at the machine.
    pub fn look<R>(&self, at: impl FnOnce(&M) -> R) -> R {
        at(&self.0.machine.borrow())
    }

    /// Inputs and acts are inert from here on. What there is outside, the shim ends with the bag, and the rest with this.
    pub fn end(&self) {
        self.0.over.set(true);
    }
}

impl<M> Rig<M>
where
    M: Machine + 'static,
    M::Event: Serialize,
{
    // The generic part is kept small: it is compiled once for every command.
    fn turn<R>(self: &Rc<Self>, change: impl FnOnce(&mut M, Now) -> R) -> R {
        let now = self.clock.now();
        let result = change(&mut self.machine.borrow_mut(), now);
        self.follow();
        result
    }

    /// All that follows from a mutation.
    #[inline(never)]
    fn follow(self: &Rc<Self>) {
        self.drain();
        self.depth.set(self.depth.get() + 1);
        self.settle();
        self.depth.set(self.depth.get() - 1);
        for event in self.events.take() {
            self.host.event(plain(&event));
        }
        if self.depth.get() == 0 {
            self.arm();
        }
    }

    #[inline(never)]
    fn input(self: &Rc<Self>, input: Input<'_>) {
        if !self.over.get() {
            self.turn(|machine, now| machine.handle_input(now, input));
        }
    }

    fn drain(&self) {
        let mut machine = self.machine.borrow_mut();
        while let Some(output) = machine.poll_output() {
            match output {
                Output::Act(act) => self.acts.borrow_mut().push(act),
                Output::Event(event) => self.events.borrow_mut().push(event),
            }
        }
    }

    /// Performs until there is nothing left to perform.
    fn settle(self: &Rc<Self>) {
        while let (false, Some(act)) = (self.over.get(), take(&self.acts, |_| true)) {
            self.perform(act);
        }
    }

    #[inline(never)]
    fn feed(&self, input: Input<'_>) {
        if self.over.get() {
            return;
        }
        let now = self.clock.now();
        self.machine.borrow_mut().handle_input(now, input);
        self.drain();
    }

    fn perform(self: &Rc<Self>, act: Act) {
        match act {
            Act::Open(id, url) => {
                let rig = Rc::downgrade(self);
                let tell = move |id, news| with(&rig, |rig| rig.on_socket(id, news));
                match Socket::open(&self.bag, &self.host, id, &url, tell) {
                    // The factory is the page's: it may have ended everything meanwhile.
                    Some(socket) if !self.over.get() => self.sockets.borrow_mut().push(socket),
                    _ => self.feed(Input::Closed(id, Close { code: 1006, reason: "", clean: false })),
                }
            }
            Act::Send(id, text) => socket::send(self.socket(id), &text),
            Act::Shut(id, code) => socket::shut(self.socket(id), code),
            Act::Forget(id) => drop(take(&self.sockets, |socket| socket.id == id)),
            Act::Fetch(id, request) => self.fetch(id, Some(&request), request.timeout_ms),
            Act::Token(id) => {
                // No machine asks for one where this was left out.
                if cfg!(any(feature = "session", feature = "streams")) {
                    self.fetch(id, None, token::DEADLINE_MS);
                }
            }
            Act::Abort(id) => drop(take(&self.calls, |call| call.id == id)),
            #[cfg(feature = "guest")]
            Act::Store(id, key, value) => self.feed(Input::Stored(id, self.storage.write(&key, value.as_deref()))),
            #[cfg(feature = "guest")]
            Act::Load(prefix) => {
                let entries = self.storage.read(&prefix);
                let entries: Vec<(&str, &str)> = entries.iter().map(|(key, value)| (&**key, &**value)).collect();
                self.feed(Input::Loaded(&entries));
            }
            #[cfg(feature = "guest")]
            Act::Lead(lead) => {
                if let Some(role) = self.line.act(lead) {
                    self.feed(Input::Role(role));
                }
            }
            #[cfg(not(feature = "guest"))]
            Act::Store(..) | Act::Load(_) | Act::Lead(_) => {}
        }
    }

    fn fetch(self: &Rc<Self>, id: RequestId, request: Option<&Request>, timeout_ms: u32) {
        let deadline = self.clock.now().mono + u64::from(timeout_ms);
        let rig = Rc::downgrade(self);
        let tell = move |id, answer| with(&rig, |rig| rig.on_answer(id, answer));
        match Call::start(&self.bag, &self.host, id, request, deadline, tell) {
            Some(call) if !self.over.get() => self.calls.borrow_mut().push(call),
            _ => self.feed(Input::Reply(id, Err(Unreachable::Network))),
        }
    }

    /// The socket itself: one of the page's own making may tell its end from within the call.
    fn socket(&self, id: SocketId) -> Option<WebSocket> {
        self.sockets.borrow().iter().find(|socket| socket.id == id).map(Socket::handle)
    }

    fn on_socket(self: &Rc<Self>, id: SocketId, news: News) {
        match news {
            News::Opened => self.input(Input::Opened(id)),
            News::Text(text) => self.input(Input::Frame(id, Payload::Text(&text))),
            News::Binary(bytes) => self.input(Input::Frame(id, Payload::Binary(bytes))),
            News::Closed { code, reason, clean } => {
                drop(take(&self.sockets, |socket| socket.id == id));
                self.input(Input::Closed(id, Close { code, reason: &reason, clean }));
            }
        }
    }

    fn on_answer(self: &Rc<Self>, id: RequestId, answer: Option<Answer>) {
        drop(take(&self.calls, |call| call.id == id));
        match answer {
            Some(answer) => {
                let reply = Reply { status: answer.status, retry_after: answer.retry_after.as_deref(), body: &answer.body };
                self.input(Input::Reply(id, Ok(reply)));
            }
            None => self.input(Input::Reply(id, Err(Unreachable::Network))),
        }
    }

    fn on_page(self: &Rc<Self>, page: Page) {
        self.input(Input::Page(page));
    }

    fn on_time(self: &Rc<Self>) {
        self.armed.set(None);
        let now = self.clock.now().mono;
        while let Some(call) = take(&self.calls, |call| call.deadline <= now) {
            let id = call.id;
            drop(call);
            self.input(Input::Reply(id, Err(Unreachable::Timeout)));
        }
        // A timer may fire a little early, and one clamped to an hour fires for nothing.
        let due = self.machine.borrow().poll_timeout().is_some_and(|at| at <= now);
        if due { self.input(Input::Timeout) } else { self.arm() }
    }

    /// Sets the one timer to what is due first.
    fn arm(&self) {
        let of_machine = self.machine.borrow().poll_timeout();
        let of_calls = self.calls.borrow().iter().map(|call| call.deadline).min();
        let next = of_machine.into_iter().chain(of_calls).min();
        let now = self.clock.now().mono;
        if self.over.get() || next == self.armed.get() {
            return;
        }
        self.armed.set(next);
        let timer = next.map(|at| {
            // Rounded up by one: the host's clock is finer than ours.
            let ms = (at.saturating_sub(now) + 1).min(LONGEST_MS) as u32;
            let (bag, on_time) = (self.bag.clone(), self.on_time.function().clone());
            // Not from in here: a panic must be met where the shim stands below it.
            Timeout::new(ms, move || bag.soon(&on_time))
        });
        self.timer.replace(timer);
    }
}

impl<M: Machine> Drop for Driver<M> {
    fn drop(&mut self) {
        self.0.over.set(true);
    }
}

/// A plain object. What we serialize holds nothing that the serializer could refuse.
pub fn plain(value: &impl Serialize) -> JsValue {
    value.serialize(&Serializer::json_compatible()).unwrap_or_default()
}

fn with<M: Machine>(rig: &Weak<Rig<M>>, then: impl FnOnce(&Rc<Rig<M>>)) {
    if let Some(rig) = rig.upgrade() {
        then(&rig);
    }
}

/// Takes the first such thing out, so that it is dropped where nothing is borrowed.
fn take<T>(from: &RefCell<Vec<T>>, which: impl FnMut(&T) -> bool) -> Option<T> {
    let mut from = from.borrow_mut();
    let at = from.iter().position(which)?;
    Some(from.remove(at))
}
