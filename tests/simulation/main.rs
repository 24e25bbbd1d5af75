//! Random schedules against the promise: seeds drive commands, frames, faults, reloads, crashes and clock jumps, and draw
//! which proofs the service offers. Safety is checked after every step, liveness after healing (the fault table's
//! invariants I1-I7). A failing seed prints the line that replays it.
//!
//! `GUESTWIRE_SEEDS=n` sets how many seeds run (2000 by default), `GUESTWIRE_SEED=s` replays one. The run prints how often
//! each fault, state, error code, rung of proof and crash point was met; a zero fails it.
#![cfg(not(target_arch = "wasm32"))]

#[path = "../common/mod.rs"]
mod common;

mod chance;
mod coverage;
mod ledger;
mod run;
mod schedule;
mod tally;
