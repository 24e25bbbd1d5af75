//! The behaviour suite over the session protocol: the files of `tests/behaviour` once more, without the tests in them that are
//! of the guest API alone, and what this wire does in its own way. The harness knows by the name of this crate what to speak.
#![cfg(not(target_arch = "wasm32"))]
#![allow(unused_imports, dead_code, reason = "what only the tests of the guest API use")]

#[path = "../common/mod.rs"]
mod common;

/// The session protocol carries neither ids nor errors nor events, and its sessions are made by the service.
macro_rules! guest_only {
    ($($test:item)*) => {};
}

#[path = "../behaviour/chat.rs"]
mod chat;
#[path = "../behaviour/connection.rs"]
mod connection;
#[path = "../behaviour/crowd.rs"]
mod crowd;
#[path = "../behaviour/damage.rs"]
mod damage;
#[path = "../behaviour/handover.rs"]
mod handover;
#[path = "../behaviour/incoming.rs"]
mod incoming;
#[path = "../behaviour/lifecycle.rs"]
mod lifecycle;
#[path = "../behaviour/listener.rs"]
mod listener;
#[path = "../behaviour/liveness.rs"]
mod liveness;
mod moving;
mod mutants;
#[path = "../behaviour/outgoing.rs"]
mod outgoing;
#[path = "../behaviour/page_life.rs"]
mod page_life;
#[path = "../behaviour/proof.rs"]
mod proof;
mod rows;
mod session_protocol;
#[path = "../behaviour/soak.rs"]
mod soak;
#[path = "../behaviour/storage.rs"]
mod storage;
#[path = "../behaviour/tabs.rs"]
mod tabs;
mod tokens;
#[path = "../behaviour/unprovable.rs"]
mod unprovable;
