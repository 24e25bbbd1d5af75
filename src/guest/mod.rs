//! The guest chat: what a visitor types is accepted, persisted, sent once and proved; what the other side says is
//! shown once and in order.
//!
//! [`Session`] is the machine; it composes the rooms beside it and one [`Link`](crate::core::link::Link).

pub mod config;
pub mod event;
pub mod history;
pub mod options;
pub mod outbox;
pub mod proof;
pub mod session;
pub mod stored;
pub mod transcript;
pub mod wire;

pub use session::Session;
