//! Random schedules against the promise: seeds drive commands, frames, faults, reloads, crashes and clock jumps, and draw
//! which proofs the service offers. Safety is checked after every step, liveness after healing (the fault table's
//! invariants I1-I7). A failing seed prints the line that replays it.
//!
//! A seed draws a schedule, which is a list of steps that stand by themselves ([`step`]). That of a failing seed is shrunk to
//! a short one that fails in the same way, and is printed with the line that replays it.
//!
//! `GUESTWIRE_SEEDS=n` sets how many seeds run (2000 by default), `GUESTWIRE_FROM=s` with which they begin, `GUESTWIRE_MINUTES=m`
//! when they end at the latest, `GUESTWIRE_SEED=s` replays one, `GUESTWIRE_SCHEDULE='…'` performs a schedule. The run prints how often each fault, state, error code, rung of
//! proof, crash point and case of storage was met; a zero fails it.
#![cfg(not(target_arch = "wasm32"))]

#[path = "../common/mod.rs"]
mod common;

mod chance;
mod coverage;
mod draw;
mod ledger;
mod run;
mod schedule;
mod shrink;
mod step;
mod tally;
