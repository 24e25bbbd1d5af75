//! The agent-side streams against the simulator, one test for each requirement of systems.md, named for it.
#![cfg(not(target_arch = "wasm32"))]

mod common;
mod conversations;
mod crowd;
mod interactions;
mod latency;
#[path = "../common/network.rs"]
#[allow(dead_code)]
mod network;
mod notifications;
mod presence;
#[allow(dead_code)]
mod world;

use world::Arrival;
