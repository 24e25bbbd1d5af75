//! Which tab leads: whoever holds the Web Lock of this name.
//!
//! Joining lasts until it is left: a tab that lost the lock waits in line for it again by itself. Where there are no
//! locks (Node) and where nothing is shared (storage "memory") everyone leads; on plain-http hosts, where browsers have no Web Locks,
//! the shim brings some of its own (`www/client/lease.ts`).

use super::bag::{Bag, Host, Lease, Thenable, member, put};
use super::callback::Callback;
use crate::core::machine::{Lead, Role};
use js_sys::Object;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::*;
use web_sys::AbortController;

#[wasm_bindgen]
extern "C" {
    type Locks;

    #[wasm_bindgen(method, catch)]
    fn query(this: &Locks) -> Result<Thenable, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn request(this: &Locks, name: &str, options: &Object, granted: &js_sys::Function) -> Result<Thenable, JsValue>;
}

/// This tab's place in the line.
pub struct Line(Rc<Inner>);

struct Inner {
    name: String,
    locks: Option<Locks>,
    bag: Bag,
    tell: Box<dyn Fn(Role)>,
    /// Counts the requests; what an older one brings is not ours any more.
    turn: Cell<u32>,
    place: RefCell<Option<Place>>,
    told: Cell<Option<Role>>,
    /// The last question whether the lock is held still.
    asked: RefCell<Option<Callback>>,
}

/// One request for the lock, waiting or granted.
struct Place {
    abort: Option<AbortController>,
    lease: Lease,
    bag: Bag,
    _granted: Callback,
    _settled: Callback,
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// Only when nobody holds it: the answer says at once which part this tab plays.
    IfFree,
    Wait,
    Steal,
}

impl Line {
    /// A place in the line of this name; an empty name means that there is nothing to share.
    pub fn new(bag: &Bag, host: &Host, name: String, tell: impl Fn(Role) + 'static) -> Line {
        let locks = member(host, "locks");
        let locks = (!name.is_empty() && locks.is_object()).then(|| locks.unchecked_into());
        Line(Rc::new(Inner {
            name,
            locks,
            bag: bag.clone(),
            tell: Box::new(tell),
            turn: Cell::new(0),
            place: RefCell::new(None),
            told: Cell::new(None),
            asked: RefCell::new(None),
        }))
    }

    /// Joins, steals or leaves. `Some` is a change to be told at once; the others come through `tell`.
    pub fn act(&self, lead: Lead) -> Option<Role> {
        let inner = &self.0;
        match lead {
            Lead::Leave => {
                inner.leave();
                None
            }
            Lead::Prove => inner.prove(),
            _ if inner.locks.is_none() => inner.told.replace(Some(Role::Leader)).is_none().then_some(Role::Leader),
            Lead::Join if inner.place.borrow().is_some() => None,
            Lead::Join => inner.ask(Way::IfFree),
            Lead::Steal if inner.told.get() == Some(Role::Leader) => None,
            Lead::Steal => inner.ask(Way::Steal),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lease.end();
        self.bag.release(&self.lease);
        if let Some(abort) = &self.abort {
            self.bag.release(abort);
            abort.abort();
        }
    }
}

impl Inner {
    fn leave(&self) {
        self.turn.set(self.turn.get() + 1);
        self.told.set(None);
        self.place.replace(None);
    }

    /// Asks for something that is answered behind the news that the lock was stolen, if there is such news: the news comes first,
    /// and this page may have stood still since. Without locks nothing can be stolen.
    fn prove(self: &Rc<Self>) -> Option<Role> {
        let leader = Some(Role::Leader);
        let Some(Ok(query)) = self.locks.as_ref().map(Locks::query) else { return leader };
        let line = Rc::downgrade(self);
        let answered = Callback::new(&self.bag, move |_| {
            if let Some(line) = line.upgrade().filter(|line| line.told.get() == leader) {
                (line.tell)(Role::Leader);
            }
        });
        query.when(answered.function(), answered.function());
        self.asked.replace(Some(answered));
        None
    }

    /// Makes a request in the place of the one before. Where the host forbids even asking (an opaque origin), nothing
    /// can be shared either, and this tab leads.
    fn ask(self: &Rc<Self>, way: Way) -> Option<Role> {
        let turn = self.turn.get() + 1;
        self.turn.set(turn);
        let abort = if way == Way::Wait { AbortController::new().ok() } else { None };
        let lease = self.bag.lease();
        let promise = member(&lease, "promise");
        let granted = {
            let line = Rc::downgrade(self);
            Callback::returning(&self.bag, move |lock| match current(&line, turn) {
                Some(line) if lock.is_object() => {
                    line.say(Role::Leader);
                    promise.clone()
                }
                // Held by another (asked for only if free), or granted after it was given up: let go of at once.
                _ => JsValue::UNDEFINED,
            })
        };
        let settled = {
            let line = Rc::downgrade(self);
            Callback::new(&self.bag, move |_| {
                if let Some(line) = current(&line, turn) {
                    line.settled(way);
                }
            })
        };
        let options = Object::new();
        let option = match way {
            Way::IfFree => ("ifAvailable", JsValue::TRUE),
            Way::Steal => ("steal", JsValue::TRUE),
            Way::Wait => ("signal", abort.as_ref().map_or(JsValue::UNDEFINED, |abort| abort.signal().into())),
        };
        put(&options, option.0, &option.1);
        let asked = self.locks.as_ref()?.request(&self.name, &options, granted.function());
        match asked {
            Ok(request) => {
                request.when(settled.function(), settled.function());
            }
            Err(_) => return self.told.replace(Some(Role::Leader)).is_none().then_some(Role::Leader),
        }
        if let Some(abort) = &abort {
            self.bag.hold(abort);
        }
        let bag = self.bag.clone();
        self.place.replace(Some(Place { abort, lease, bag, _granted: granted, _settled: settled }));
        None
    }

    /// The current request is over though nobody here gave it up: the lock was not free, or was stolen, or this host
    /// has locks and refuses to give any. In that case it shares nothing between its pages either, and each leads.
    fn settled(self: &Rc<Self>, way: Way) {
        if way == Way::Wait && self.told.get() != Some(Role::Leader) {
            return self.say(Role::Leader);
        }
        self.say(Role::Follower);
        // Whoever was just told may have left the line over it.
        if self.place.borrow().is_some()
            && let Some(role) = self.ask(Way::Wait)
        {
            (self.tell)(role);
        }
    }

    fn say(&self, role: Role) {
        if self.told.replace(Some(role)) != Some(role) {
            (self.tell)(role);
        }
    }
}

fn current(line: &Weak<Inner>, turn: u32) -> Option<Rc<Inner>> {
    line.upgrade().filter(|line| line.turn.get() == turn)
}
