//! The agent-side streams against the simulator, one test for each requirement of systems.md, named for it.
#![cfg(not(target_arch = "wasm32"))]

mod latency;
#[path = "../common/network.rs"]
#[allow(dead_code)]
mod network;
mod world;

use world::Arrival;
