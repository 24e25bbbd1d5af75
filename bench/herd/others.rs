//! What other clients wait for, as formulas of how many attempts have failed since the loss, from 0. Each was read in the published
//! package of the version named, with its defaults.

use crate::world;
use guestwire::core::random::Random;

/// A client's waiting.
#[derive(Clone, Copy)]
pub struct Policy {
    /// Whose.
    pub name: &'static str,
    /// In words.
    pub formula: &'static str,
    /// The wait before attempt `n`, milliseconds.
    wait: fn(n: u32, random: &mut Random) -> u64,
}

/// All of them, in the order of the picture.
pub const ALL: [Policy; 5] = [
    // centrifuge 5.8.0, `backoff()`.
    Policy { name: "centrifuge", formula: "min(20 s, 0.5 s + rand(0, min(20 s, 0.5 s · 2ⁿ)))", wait: centrifuge },
    // partysocket 1.3.0, `_getNextDelay()`.
    Policy { name: "partysocket", formula: "min(10 s, 3 s · 1.3ⁿ), no jitter", wait: partysocket },
    // phoenix 1.8.16, `reconnectAfterMs`.
    Policy { name: "phoenix", formula: "0.01 s … 2 s by a table, then 5 s, no jitter", wait: phoenix },
    // socket.io-client 4.8.4, `contrib/backo2`: the jitter comes first and the bound after it, so that from the fifth wait on
    // all are the bound itself.
    Policy { name: "socket.io", formula: "min(5 s, 1 s · 2ⁿ ± rand(0, half of it))", wait: socket_io },
    Policy { name: "fixed", formula: "5 s, as hand-written loops do", wait: |_, _| 5_000 },
];

fn centrifuge(n: u32, random: &mut Random) -> u64 {
    let most = (500 << n.min(31)).min(20_000);
    (500 + random.between(0, most)).min(20_000)
}

fn partysocket(n: u32, _: &mut Random) -> u64 {
    (3_000.0 * 1.3_f64.powi(n as i32)).min(10_000.0) as u64
}

fn phoenix(n: u32, _: &mut Random) -> u64 {
    let table = [10, 50, 100, 150, 200, 250, 500, 1_000, 2_000];
    table.get(n as usize).copied().unwrap_or(5_000)
}

fn socket_io(n: u32, random: &mut Random) -> u64 {
    // Beyond that every wait is the bound, whatever is drawn.
    let wait = 1_000 << n.min(4);
    // One draw says how far, and its first decimal in which direction.
    let draw = random.between(0, 999_999_999);
    let deviation = draw * wait / 2 / 1_000_000_000;
    let is_shorter = (draw / 100_000_000).is_multiple_of(2);
    (if is_shorter { wait - deviation } else { wait + deviation }).min(5_000)
}

/// A client that waits by a formula and does nothing else.
pub struct Member {
    policy: Policy,
    random: Random,
    failed: u32,
    due: u64,
}

impl Member {
    /// One that lost the service at `loss`.
    pub fn new(policy: Policy, loss: u64, random: Random) -> Member {
        let mut member = Member { policy, random, failed: 0, due: loss };
        member.wait(loss);
        member
    }

    fn wait(&mut self, since: u64) {
        self.due = since + (self.policy.wait)(self.failed, &mut self.random);
        self.failed += 1;
    }
}

impl world::Member for Member {
    fn due(&self) -> u64 {
        self.due
    }

    fn wake(&mut self, since: u64, knock: &mut dyn FnMut() -> bool) -> bool {
        let is_in = knock();
        if !is_in {
            self.wait(since);
        }
        is_in
    }
}
