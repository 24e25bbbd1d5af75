//! Many clients at once, whole ones: faults.md row 1 over either protocol, what they ask over HTTP included. `herd.rs` has links
//! alone, and more of them.

use crate::common::{Line, World};
use guestwire::core::state::State;

const CLIENTS: usize = 4_000;
const LOST_WITHIN_MS: u64 = 250;
const AWAY_MS: u64 = 60_000;
/// When the first waits, which are short, are behind everybody.
const SPREAD_FROM_MS: u64 = 30_000;
/// The row's 1.5 % of them. A wait is 18.75 s on average, so that 0.5 % are expected; of fewer clients chance alone would go over it.
const MOST: usize = CLIENTS * 15 / 1_000;

/// What a crowd does after a loss, in tenths of a second: clients that try to connect, and requests.
struct Crowd {
    attempts: Vec<usize>,
    requests: Vec<usize>,
}

/// Each loses the service within a moment of the others, and cannot reach it for so long.
fn crowd() -> Crowd {
    let steps = (AWAY_MS / 100) as usize;
    let mut crowd = Crowd { attempts: vec![0; steps], requests: vec![0; steps] };
    for n in 0..CLIENTS {
        let mut world = World::settled(n as u64);
        let loss = world.now;
        world.run(n as u64 * LOST_WITHIN_MS / CLIENTS as u64);
        world.network.line = Line::Offline;
        world.break_line();
        for step in 0..steps {
            let before = (world.opens.len(), world.fetched.len());
            let until = loss + (step as u64 + 1) * 100;
            world.run(until.saturating_sub(world.now));
            crowd.attempts[step] += world.opens.len() - before.0;
            crowd.requests[step] += world.fetched.len() - before.1;
        }
        world.network.line = Line::Works;
        world.wait("back", 31_000, |world| world.state() == State::Ready);
    }
    crowd
}

#[test]
fn row01_4_000_whole_clients_never_crowd_100_ms_after_30_s_nor_does_what_they_ask() {
    let crowd = crowd();
    let from = (SPREAD_FROM_MS / 100) as usize;
    for (what, counts) in [("attempts", &crowd.attempts), ("requests", &crowd.requests)] {
        let most = counts[from..].iter().max().unwrap();
        println!("{what}: {} in all, at most {most} in 100 ms after 30 s", counts.iter().sum::<usize>());
        assert!(*most <= MOST, "{what}: {most} within 100 ms");
    }
    let late: usize = crowd.attempts[from..].iter().sum();
    assert!(late > CLIENTS, "everybody goes on trying: {late} attempts in the second half of the minute");
}
