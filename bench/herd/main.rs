//! `npm run herd`: the herd of faults.md row 1 under our link and under what other clients do, each in the same world. Prints what
//! they did as JSON; `scripts/herd.mjs` draws it.

#[path = "../../tests/common/herd.rs"]
mod world;

mod others;

use guestwire::core::backoff::Policy;
use serde_json::{Value, json};
use world::{Config, Herd, Outage};

/// Attempts are counted in stretches of so many milliseconds.
const BUCKET_MS: u64 = 100;
/// Until then the fullest one says how the loss itself was spread, and no policy can help that (faults.md row 1).
const FROM_MS: u64 = 30_000;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>().expect("a number"));
    let [Some(clients), Some(seed), None] = [arguments.next(), arguments.next(), arguments.next()] else {
        panic!("two numbers are needed: how many clients, and a seed");
    };
    let outage = Outage::row_1(clients as usize);
    let ours = world::mass_restart(Policy::default(), seed * clients, outage, Config::Reachable);
    let mut policies = vec![figures("guestwire", "rand(cap/4, cap), cap = min(30 s, 2 s · 2ⁿ)", outage, &ours)];
    for policy in others::ALL {
        let member = |n: usize| others::Member::new(policy, outage.loss(n), world::chance(seed * clients + n as u64));
        let herd = world::run(outage, (0..outage.clients).map(member).collect());
        policies.push(figures(policy.name, policy.formula, outage, &herd));
    }
    let told = json!({
        "clients": clients,
        "seed": seed,
        "admittedPerSecond": outage.admitted_per_second,
        "awayMs": outage.away_ms,
        "lostWithinMs": outage.lost_within_ms,
        "bucketMs": BUCKET_MS,
        "fromMs": FROM_MS,
        "ideal": { "p50": outage.ideal(50), "p99": outage.ideal(99) },
        "policies": policies,
    });
    println!("{told}");
}

fn figures(name: &str, formula: &str, outage: Outage, herd: &Herd) -> Value {
    let buckets = herd.buckets(BUCKET_MS);
    let (fullest, most) = herd.fullest(BUCKET_MS, FROM_MS);
    let last = buckets.last_key_value().map_or(0, |(last, _)| *last);
    json!({
        "name": name,
        "formula": formula,
        "attempts": herd.attempts.len(),
        "back": { "p50": herd.back(50), "p99": herd.back(99) },
        "fullest": { "atMs": fullest * BUCKET_MS, "attempts": most, "percent": most as f64 * 100.0 / outage.clients as f64 },
        "buckets": (0..=last).map(|bucket| buckets.get(&bucket).copied().unwrap_or(0)).collect::<Vec<_>>(),
    })
}
