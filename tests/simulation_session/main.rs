//! The simulation over the session protocol: the same schedules and promises, with the faults that this wire can have and the
//! proof that it offers, which is text.
#![cfg(not(target_arch = "wasm32"))]

#[path = "../common/mod.rs"]
mod common;

#[path = "../simulation/chance.rs"]
mod chance;
#[path = "../simulation/coverage.rs"]
mod coverage;
#[path = "../simulation/draw.rs"]
mod draw;
#[path = "../simulation/ledger.rs"]
mod ledger;
#[path = "../simulation/run.rs"]
mod run;
#[path = "../simulation/schedule.rs"]
mod schedule;
#[path = "../simulation/shrink.rs"]
mod shrink;
#[path = "../simulation/step.rs"]
mod step;
#[path = "../simulation/tally.rs"]
mod tally;
