//! Many streams at once, as links alone: faults.md row 1 with the waits of systems.md.

#[path = "../common/herd.rs"]
#[allow(dead_code)]
mod herd;

use guestwire::core::backoff::Policy;
use herd::{Config, Herd, Linked, Outage};

const CLIENTS: usize = 10_000;

fn mass_restart(policy: Policy) -> Herd {
    let outage = Outage::row_1(CLIENTS);
    herd::run(outage, (0..CLIENTS).map(|n| Linked::waiting(policy, n, 0, outage, Config::Reachable)).collect())
}

/// The most attempts of any 100 ms after 30 s, in thousandths of the crowd.
fn crowded(herd: &Herd) -> usize {
    herd.fullest(100, 30_000).1 * 1_000 / CLIENTS
}

#[test]
fn row01_10_000_latency_monitors_or_conversation_streams_never_crowd_100_ms_after_30_s() {
    let herd = mass_restart(Policy::Full { base_ms: 1_000, most_ms: 30_000 });
    println!("{} in a thousand, p99 back after {} ms", crowded(&herd), herd.back(99));
    assert!(crowded(&herd) <= 15, "{} in a thousand within 100 ms", crowded(&herd));
    // A wait of nearly nothing up to 30 s: some are refused often before all are in, and then there is room.
    assert!(herd.back(99) <= 60_000, "p99 back after {} ms", herd.back(99));
}

/// 1, 2, 4 … 30 s (I8) and up to a tenth more, which interactions have as well until they give up: a crowd comes in a stretch of three seconds out of thirty-three.
#[test]
fn row01_10_000_presence_streams_come_in_waves_of_a_tenth_of_their_waits() {
    let herd = mass_restart(Policy::Steps { base_ms: 1_000, most_ms: 30_000 });
    println!("{} in a thousand, p99 back after {} ms", crowded(&herd), herd.back(99));
    assert!(crowded(&herd) <= 70, "{} in a thousand within 100 ms", crowded(&herd));
    assert!(herd.back(99) <= 150_000, "p99 back after {} ms", herd.back(99));
}
