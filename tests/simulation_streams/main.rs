//! Random schedules against what the streams promise: no event is lost beyond the declared policy, none comes twice, order is
//! kept within the window, and after any fault what is subscribed to is what was asked for. Safety is checked after every
//! step, liveness after healing. A failing seed prints the line that replays it.
//!
//! `GUESTWIRE_SEEDS=n` sets how many seeds run (2000 by default), `GUESTWIRE_SEED=s` replays one. The run prints how often
//! each fault, state and outcome was met; a zero fails it.
#![cfg(not(target_arch = "wasm32"))]

#[path = "../simulation/chance.rs"]
mod chance;
mod coverage;
mod ledger;
#[path = "../common/network.rs"]
#[allow(dead_code)]
mod network;
#[path = "../simulation/run.rs"]
mod run;
mod schedule;
#[path = "../simulation/tally.rs"]
mod tally;
#[path = "../behaviour_streams/world.rs"]
#[allow(dead_code)]
mod world;

use world::Arrival;
