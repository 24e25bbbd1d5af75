//! guestwire: a guest web-messaging client for Genesys Cloud.
//!
//! What a visitor types is never lost, never reordered, and doubled only where the service cannot be asked, which is
//! counted. This crate is the client's whole behaviour and, compiled to WebAssembly, the npm package `guestwire`. It is
//! not affiliated with Genesys, and it is not the widget: that is TypeScript over this, in `www/`.
//!
//! # The house
//!
//! | room | what it is for |
//! | --- | --- |
//! | [`core`] | what everything that holds a connection shares: the link and its liveness, backoff, access tokens, budgets, timers, the JSON reader, the seam to the host |
//! | [`guest`] | the guest chat: outbox, proof of delivery, transcript, history, the session that composes them, and the two wires that it speaks |
//! | [`streams`] | the agent-side streams: latency, conversation events, interactions, presence |
//! | `browser` | the only place that knows a browser: it drives a [`Machine`](core::machine::Machine) and exports classes (WebAssembly only) |
//!
//! Arrows run one way: `core` ← `guest`, `streams` ← `browser`; the two in the middle do not know each other.
//!
//! # Driving a session
//!
//! The session is sans-IO: time and whatever happened go in, acts and events come out. One mutation, then drain to the
//! timeout.
//!
//! ```
//! use guestwire::core::machine::{Input, Machine, Now, Output, Role};
//! use guestwire::guest::Session;
//!
//! let options = r#"{"deploymentId":"demo","endpoint":"http://127.0.0.1:8787","storage":"memory"}"#;
//! let mut session = Session::new(options, [1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
//! let now = Now { mono: 0, unix: 1_700_000_000_000 };
//! session.start(now, 1);
//! session.handle_input(now, Input::Role(Role::Leader));
//! while let Some(output) = session.poll_output() {
//!     match output {
//!         Output::Act(act) => println!("do {act:?}"),
//!         Output::Event(event) => println!("tell {event:?}"),
//!     }
//! }
//! let _wait_until = session.poll_timeout();
//! ```

pub mod core;

#[cfg(feature = "guest")]
pub mod guest;

#[cfg(feature = "streams")]
pub mod streams;

#[cfg(target_arch = "wasm32")]
pub mod browser;
