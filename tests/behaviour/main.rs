//! Behaviour in virtual time, one file a behaviour; a test that stands for a row of the fault table is named `rowNN_…`.
#![cfg(not(target_arch = "wasm32"))]

#[path = "../common/mod.rs"]
mod common;

mod chat;
mod connection;
mod liveness;
mod outgoing;
mod proof;
mod incoming;
mod storage;
mod lifecycle;
mod ending;
mod conversation;
mod herd;
mod codes;
