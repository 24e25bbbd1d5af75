//! Many streams at once, as links alone: faults.md row 1 with the waits of systems.md.

#[path = "../common/herd.rs"]
#[allow(dead_code)]
mod herd;

use guestwire::core::backoff::Policy;
use herd::{Config, Outage};

const CLIENTS: usize = 10_000;

/// No 100 ms after 30 s has more than so many in a thousand of the crowd, and 99 % are back within so many milliseconds.
fn assert_crowd(policy: Policy, in_a_thousand: usize, back_ms: u64) {
    let herd = herd::mass_restart(policy, 0, Outage::row_1(CLIENTS), Config::Reachable);
    let ((bucket, most), p99) = (herd.fullest(100, 30_000), herd.back(99));
    println!("{most} of {CLIENTS} in the 100 ms after {} ms, p99 back after {p99} ms", bucket * 100);
    assert!(most * 1_000 <= CLIENTS * in_a_thousand, "{most} of {CLIENTS} in the 100 ms after {} ms", bucket * 100);
    assert!(p99 <= back_ms, "p99 back after {p99} ms");
}

/// A wait of nearly nothing up to 30 s: some are refused often before all are in, and then there is room.
#[test]
fn row01_10_000_latency_monitors_or_conversation_streams_never_crowd_100_ms_after_30_s() {
    assert_crowd(Policy::Full { base_ms: 1_000, most_ms: 30_000 }, 15, 60_000);
}

/// 1, 2, 4 … 30 s (I8) and up to a tenth more, which interactions have as well until they give up: a crowd comes in a stretch of three seconds out of thirty-three.
#[test]
fn row01_10_000_presence_streams_come_in_waves_of_a_tenth_of_their_waits() {
    assert_crowd(Policy::Steps { base_ms: 1_000, most_ms: 30_000 }, 70, 150_000);
}
