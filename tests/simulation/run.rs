//! The seeds, over all cores, and the account of what they met.

use crate::coverage::{self, Coverage};
use crate::schedule;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const SEEDS: u64 = 2_000;
/// Fewer seeds than this cannot be expected to meet everything.
const SEEDS_FOR_COVERAGE: u64 = 1_000;
/// So many failing seeds are shrunk, unless `GUESTWIRE_SHRINK` says otherwise.
const SHRUNK: usize = 3;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is a number, not {value}")))
}

fn replay(seed: u64) -> String {
    format!("replay: GUESTWIRE_SEED={seed} cargo test --test {} -- --nocapture", env!("CARGO_CRATE_NAME"))
}

#[test]
fn nothing_is_lost_reordered_or_doubled_whatever_happens() {
    if let Ok(text) = std::env::var("GUESTWIRE_SCHEDULE") {
        println!("{}", schedule::replay(&text));
        return;
    }
    if let Some(seed) = setting("GUESTWIRE_SEED") {
        println!("{}", schedule::run(seed, true));
        return;
    }
    schedule::prepare();
    let (first, seeds) = (setting("GUESTWIRE_FROM").unwrap_or(0), setting("GUESTWIRE_SEEDS").unwrap_or(SEEDS));
    let next = AtomicU64::new(first);
    let until = setting("GUESTWIRE_MINUTES").map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let begun = Instant::now();
    let workers = thread::available_parallelism().map_or(1, |cores| cores.get());
    let parts: Vec<(Coverage, Vec<u64>)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|_| {
                scope.spawn(|| {
                    let mut coverage = Coverage::default();
                    let mut failed = Vec::new();
                    while until.is_none_or(|until| Instant::now() < until) {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= first + seeds {
                            break;
                        }
                        match catch_unwind(AssertUnwindSafe(|| schedule::run(seed, false))) {
                            Ok(met) => coverage.add(&met),
                            Err(_) => {
                                // At once: the run may have long to go.
                                eprintln!("{}", replay(seed));
                                failed.push(seed);
                            }
                        }
                        if failed.len() >= 5 {
                            break;
                        }
                    }
                    (coverage, failed)
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker catches what a seed does")).collect()
    });
    let mut coverage = Coverage::default();
    let mut failed = Vec::new();
    for (part, failures) in parts {
        coverage.add(&part);
        failed.extend(failures);
    }
    let seeds = next.into_inner().min(first + seeds) - first;
    println!("{seeds} seeds, {:.0} a second\n{coverage}", seeds as f64 / begun.elapsed().as_secs_f64());
    for seed in &failed {
        println!("{}", replay(*seed));
    }
    for seed in failed.iter().take(setting("GUESTWIRE_SHRINK").map_or(SHRUNK, |most| most as usize)) {
        println!("{}", schedule::explain(*seed));
    }
    assert!(failed.is_empty(), "{} seeds failed, the first: {:?}", failed.len(), failed.first());
    if seeds >= SEEDS_FOR_COVERAGE {
        let missing = coverage::missing(&coverage);
        assert!(missing.is_empty(), "never met: {missing:?}");
    }
}
