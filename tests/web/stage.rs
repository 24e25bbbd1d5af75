//! A driver with a machine that does what the test says and writes down what it hears, and a chat on the real session.

use guestwire::browser::bag::{Bag, Host};
use guestwire::browser::client::{Call, Core};
use guestwire::browser::driver::{Driver, Scope};
use guestwire::browser::streams::{Kind, StreamCall, StreamCore};
use guestwire::core::http::Unreachable;
use guestwire::core::machine::{Act, Input, Machine, Now, Output, Page, Payload, Role, StoreFault};
use js_sys::{Function, Promise, Reflect};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen(module = "/tests/web/outside.js")]
extern "C" {
    #[wasm_bindgen(js_name = newBag)]
    fn new_bag() -> JsValue;
    #[wasm_bindgen(js_name = bagSize)]
    fn bag_size(bag: &JsValue) -> u32;
    #[wasm_bindgen(js_name = emptyBag)]
    fn empty_bag(bag: &JsValue);
    #[wasm_bindgen(js_name = newHost)]
    fn new_host(event: &Function, global: &JsValue, gives: &str) -> JsValue;
    #[wasm_bindgen(js_name = globalWithout)]
    fn global_without(name: &str) -> JsValue;
    #[wasm_bindgen(js_name = globalWithForbiddenStorage)]
    fn global_with_forbidden_storage() -> JsValue;
    #[wasm_bindgen(js_name = control)]
    fn control_promise(url: &str, path: &str, body: &str) -> Promise;
    #[wasm_bindgen(js_name = wasHit)]
    fn was_hit(url: &str, deployment: &str) -> Promise;
    fn sessions(url: &str, deployment: &str) -> Promise;
    #[wasm_bindgen(js_name = lockIsHeld)]
    fn lock_is_held_promise(name: &str) -> Promise;
    /// Fires an event at `window` or `document`, with members given as JSON.
    pub fn dispatch(target: &str, event: &str, members: &str);
    #[wasm_bindgen(js_name = pretendHidden)]
    pub fn pretend_hidden(hidden: bool);
    /// Fills localStorage but for so many letters.
    pub fn fill(free: u32);
    pub fn unfill();
    /// Whether the last request took cookies along, in the words of `Request.credentials`.
    #[wasm_bindgen(js_name = lastCredentials)]
    pub fn last_credentials() -> String;
    /// Sets the monotonic clock ahead by so many milliseconds.
    pub fn skip(ms: u32);
    pub fn unskip();
    #[wasm_bindgen(js_name = bigBlob)]
    pub fn big_blob(bytes: u32) -> String;
}

/// The simulator.
pub fn url() -> &'static str {
    option_env!("GUESTWIRE_SIM_URL").unwrap_or("http://127.0.0.1:8787")
}

pub fn ws() -> String {
    url().replacen("http", "ws", 1)
}

/// A deployment that no other test knows. The simulator goes by how it begins.
pub fn deployment(begins: &str) -> String {
    let chance = (js_sys::Math::random() * 1e9) as u32;
    [begins, "-", &chance.to_string()].concat()
}

pub async fn control(path: &str, body: &str) {
    JsFuture::from(control_promise(url(), path, body)).await.expect("the simulator takes it");
}

pub async fn lock_is_held(name: &str) -> bool {
    JsFuture::from(lock_is_held_promise(name)).await.expect("there are locks").is_truthy()
}

async fn sessions_of(deployment: &str) -> Vec<JsValue> {
    let text = JsFuture::from(sessions(url(), deployment)).await.expect("the simulator answers");
    let sessions = js_sys::JSON::parse(&text.as_string().unwrap()).unwrap();
    let all = js_sys::Array::from(&sessions).to_vec();
    all.into_iter().filter(|session| get(session, "deploymentId").as_string().as_deref() == Some(deployment)).collect()
}

/// The guests of a deployment, by what the service calls them.
pub async fn guests(deployment: &str) -> Vec<String> {
    sessions_of(deployment).await.iter().filter_map(|session| get(session, "token").as_string()).collect()
}

/// What the service holds of a deployment's guests, in order.
pub async fn stored_texts(deployment: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for session in sessions_of(deployment).await {
        let messages = js_sys::Array::from(&get(&session, "messages")).to_vec();
        let own = messages.iter().filter(|message| get(message, "direction").as_string().as_deref() == Some("Inbound"));
        texts.extend(own.filter_map(|message| get(message, "text").as_string()));
    }
    texts
}

/// Waits until the service has no connection of a deployment.
pub async fn until_closed(deployment: &str) {
    for _ in 0..200 {
        let open: f64 = sessions_of(deployment).await.iter().filter_map(|session| get(session, "connections").as_f64()).sum();
        if open == 0.0 {
            return;
        }
    }
    panic!("the service still has a connection");
}

/// Waits until a fault of a deployment was met.
pub async fn until_hit(deployment: &str) {
    while !JsFuture::from(was_hit(url(), deployment)).await.expect("the simulator answers").is_truthy() {}
}

fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &JsValue::from_str(name)).unwrap_or_default()
}

/// What a machine was told.
#[derive(Clone, PartialEq, Debug)]
pub enum Heard {
    Opened(u32),
    Text(u32, String),
    Binary(u32, usize),
    Closed(u32, u16, bool),
    Reply(u32, Result<(u16, String), Unreachable>),
    Loaded(Vec<(String, String)>),
    Stored(u32, Result<(), StoreFault>),
    Page(Page),
    Role(Role),
    Timeout,
}

#[derive(Default)]
struct Notes {
    heard: VecDeque<Heard>,
    waker: Option<Waker>,
    now: u64,
}

#[derive(Default)]
struct Script {
    notes: Rc<RefCell<Notes>>,
    acts: VecDeque<Act>,
    when_left: Vec<Act>,
    wake_at: Option<u64>,
}

impl Machine for Script {
    type Event = ();

    fn handle_input(&mut self, now: Now, input: Input<'_>) {
        let heard = match input {
            Input::Opened(id) => Heard::Opened(id.0),
            Input::Frame(id, Payload::Text(text)) => Heard::Text(id.0, text.into()),
            Input::Frame(id, Payload::Binary(bytes)) => Heard::Binary(id.0, bytes),
            Input::Closed(id, close) => Heard::Closed(id.0, close.code, close.clean),
            Input::Reply(id, reply) => Heard::Reply(id.0, reply.map(|reply| (reply.status, reply.body.into()))),
            Input::Loaded(entries) => Heard::Loaded(entries.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()),
            Input::Stored(id, result) => Heard::Stored(id.0, result),
            Input::Page(page) => {
                if page == Page::Left {
                    self.acts.extend(self.when_left.drain(..));
                }
                Heard::Page(page)
            }
            Input::Role(role) => Heard::Role(role),
            Input::Timeout => {
                self.wake_at = None;
                Heard::Timeout
            }
        };
        let mut notes = self.notes.borrow_mut();
        notes.now = now.mono;
        notes.heard.push_back(heard);
        if let Some(waker) = notes.waker.take() {
            waker.wake();
        }
    }

    fn poll_output(&mut self) -> Option<Output<()>> {
        self.acts.pop_front().map(Output::Act)
    }

    fn poll_timeout(&self) -> Option<u64> {
        self.wake_at
    }
}

/// A driver and its script.
pub struct Stage {
    driver: Driver<Script>,
    notes: Rc<RefCell<Notes>>,
    bag: JsValue,
}

/// What is left of a driver that is gone.
pub struct Left(JsValue);

impl Left {
    pub fn size(&self) -> u32 {
        bag_size(&self.0)
    }
}

impl Stage {
    pub fn new() -> Stage {
        Stage::with("memory", "")
    }

    pub fn with(storage: &str, lock: &str) -> Stage {
        Stage::on(storage, lock, JsValue::UNDEFINED, "nothing")
    }

    /// On a page that gives this when it is asked for an access token.
    pub fn giving(gives: &str) -> Stage {
        Stage::on("memory", "", JsValue::UNDEFINED, gives)
    }

    pub fn without_storage() -> Stage {
        Stage::on("local", "", global_without("localStorage"), "nothing")
    }

    pub fn with_forbidden_storage() -> Stage {
        Stage::on("local", "", global_with_forbidden_storage(), "nothing")
    }

    pub fn without_locks() -> Stage {
        Stage::on("local", "guestwire:lockless:local", global_without("navigator"), "nothing")
    }

    fn on(storage: &str, lock: &str, global: JsValue, gives: &str) -> Stage {
        let notes: Rc<RefCell<Notes>> = Rc::default();
        let script = Script { notes: notes.clone(), ..Script::default() };
        let bag = new_bag();
        let host = new_host(&Function::new_no_args(""), &global, gives).unchecked_into::<Host>();
        let scope = Scope { storage: storage.into(), lock: lock.into() };
        Stage { driver: Driver::new(script, scope, bag.clone().unchecked_into::<Bag>(), host), notes, bag }
    }

    pub fn act(&self, act: Act) {
        self.driver.turn(|script, _| script.acts.push_back(act));
    }

    /// What is done when the page leaves.
    pub fn on_page_left(&self, acts: Vec<Act>) {
        self.driver.turn(|script, _| script.when_left = acts);
    }

    pub fn wake_in(&self, ms: u64) {
        self.driver.turn(|script, now| script.wake_at = Some(now.mono + ms));
    }

    pub fn now(&self) -> u64 {
        self.driver.turn(|_, now| now.mono)
    }

    /// The next thing told, in order.
    pub async fn next(&self) -> Heard {
        poll_fn(|context| {
            let mut notes = self.notes.borrow_mut();
            match notes.heard.pop_front() {
                Some(heard) => Poll::Ready(heard),
                None => {
                    notes.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    pub fn bag_size(&self) -> u32 {
        bag_size(&self.bag)
    }

    /// Ends the driver.
    pub fn end(self) -> Left {
        self.driver.end();
        empty_bag(&self.bag);
        Left(self.bag)
    }
}

/// The real session as the shim drives it.
pub struct Chat {
    core: Core,
    told: Told,
    bag: JsValue,
    _event: Closure<dyn FnMut(JsValue)>,
}

impl Chat {
    pub fn new(deployment: &str) -> Chat {
        Chat::with(deployment, "", "nothing")
    }

    /// Over the session protocol, on a page that gives this when it is asked for an access token.
    pub fn of_session(deployment: &str, gives: &str) -> Chat {
        Chat::with(deployment, r#","protocol":"session""#, gives)
    }

    fn with(deployment: &str, more: &str, gives: &str) -> Chat {
        let (told, event) = listener();
        let host = new_host(event.as_ref().unchecked_ref(), &JsValue::UNDEFINED, gives).unchecked_into();
        let options = [r#"{"deploymentId":""#, deployment, r#"","endpoint":""#, url(), r#"","visible":true"#, more, "}"].concat();
        let lock = ["guestwire:", deployment, ":local"].concat();
        let bag = new_bag();
        let core = Core::new(&options, &seed(), "local".into(), lock, bag.clone().unchecked_into(), host);
        Chat { core: core.expect("the options are good"), told, bag, _event: event }
    }

    fn call(&self, what: Call, text: &str, ticket: u32) -> JsValue {
        self.core.call(what, text, ticket, 0).expect("it is accepted")
    }

    pub fn start(&self) {
        self.call(Call::Start, "", 1);
    }

    /// Sends; true if it will outlive the page.
    pub fn send(&self, text: &str) -> bool {
        let draft = [r#"{"text":""#, text, r#""}"#].concat();
        let id = self.call(Call::Send, &draft, 0).as_string().expect("it has an id");
        self.call(Call::Durable, &id, 0).is_truthy()
    }

    pub async fn until_sent(&self, count: usize) {
        let is_sent = |event: &JsValue| {
            get(event, "type").as_string().as_deref() == Some("receipt") && get(event, "status").as_string().as_deref() == Some("sent")
        };
        self.until(|told| told.iter().filter(|event| is_sent(event)).count() == count).await;
    }

    pub async fn forget(&self) {
        self.call(Call::Forget, "", 2);
        let is_done = |event: &JsValue| get(event, "type").as_string().as_deref() == Some("done") && get(event, "ticket").as_f64() == Some(2.0);
        self.until(|told| told.iter().any(is_done)).await;
    }

    pub fn end(self) {
        self.call(Call::Dispose, "", 0);
        empty_bag(&self.bag);
    }

    async fn until(&self, holds: impl Fn(&[JsValue]) -> bool) {
        until(&self.told, holds).await;
    }
}

type Told = Rc<RefCell<(Vec<JsValue>, Option<Waker>)>>;

/// Waits until what was told is so.
async fn until(told: &Told, holds: impl Fn(&[JsValue]) -> bool) {
    poll_fn(|context| {
        let mut told = told.borrow_mut();
        if holds(&told.0) {
            return Poll::Ready(());
        }
        told.1 = Some(context.waker().clone());
        Poll::Pending
    })
    .await;
}

/// A place for what a core tells, and the callback that puts it there.
fn listener() -> (Told, Closure<dyn FnMut(JsValue)>) {
    let told = Told::default();
    let into = told.clone();
    let event = Closure::<dyn FnMut(JsValue)>::new(move |event: JsValue| {
        let mut told = into.borrow_mut();
        told.0.push(event);
        if let Some(waker) = told.1.take() {
            waker.wake();
        }
    });
    (told, event)
}

/// A real stream as the shim drives it.
pub struct Flow {
    core: StreamCore,
    told: Told,
    bag: JsValue,
    _event: Closure<dyn FnMut(JsValue)>,
}

impl Flow {
    /// With the class's own options, JSON without the braces.
    pub fn new(kind: Kind, deployment: &str, more: &str) -> Flow {
        let (told, event) = listener();
        let host = new_host(event.as_ref().unchecked_ref(), &JsValue::UNDEFINED, "nothing").unchecked_into();
        let token = [r#"{"url":""#, url(), "/demo-backend/token?deploymentId=", deployment, r#""}"#].concat();
        let options = [r#"{"endpoint":""#, url(), r#"","visible":true,"token":"#, &token, more, "}"].concat();
        let bag = new_bag();
        let core = StreamCore::new(kind, &options, &seed(), bag.clone().unchecked_into(), host).expect("the options are good");
        Flow { core, told, bag, _event: event }
    }

    pub fn call(&self, what: StreamCall, text: &str, number: f64) -> JsValue {
        self.core.call(what, text, number).expect("it is accepted")
    }

    pub async fn start(&self) {
        self.call(StreamCall::Start, "", 1.0);
        self.until_told("done").await;
    }

    /// Waits until something of this type was told.
    pub async fn until_told(&self, kind: &str) {
        self.until_told_times(kind, 1).await;
    }

    pub async fn until_told_times(&self, kind: &str, times: usize) {
        let is_it = |event: &JsValue| get(event, "type").as_string().as_deref() == Some(kind);
        until(&self.told, |told| told.iter().filter(|event| is_it(event)).count() >= times).await;
    }

    /// Waits until there is something to take, and takes it: JSON.
    pub async fn take(&self) -> String {
        loop {
            if let Some(text) = self.call(StreamCall::Take, "", 100.0).as_string() {
                return text;
            }
            let before = self.told.borrow().0.len();
            until(&self.told, |told| told.len() > before).await;
        }
    }

    pub fn figure(&self, name: &str) -> Option<f64> {
        get(&self.call(StreamCall::Metrics, "", 0.0), name).as_f64()
    }

    /// Ends it; how much of it is left.
    pub fn end(self) -> u32 {
        self.core.dispose();
        empty_bag(&self.bag);
        bag_size(&self.bag)
    }
}

fn seed() -> Vec<u8> {
    (0..64).map(|_| (js_sys::Math::random() * 256.0) as u8).collect()
}
