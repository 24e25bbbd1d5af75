//! Behaviour in virtual time, one file a behaviour; a test that stands for a row of the fault table is named `rowNN_…`.
#![cfg(not(target_arch = "wasm32"))]

#[path = "../common/mod.rs"]
mod common;

/// Left out where the suite is run over another wire (`tests/behaviour_session`).
macro_rules! guest_only {
    ($($test:item)*) => { $($test)* };
}

mod chat;
mod codes;
mod connection;
mod conversation;
mod crowd;
mod damage;
mod ending;
mod handover;
mod herd;
mod incoming;
mod lifecycle;
mod listener;
mod liveness;
mod mutants;
mod outgoing;
mod page_life;
mod proof;
mod refused;
mod scrollback;
mod soak;
mod storage;
mod tabs;
mod unprovable;
