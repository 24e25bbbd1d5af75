//! Many clients at once, as links alone: faults.md rows 1 and 2.

#[path = "../common/herd.rs"]
mod world;

use guestwire::core::backoff::Policy;
use guestwire::core::link::Output;
use guestwire::core::machine::{Close, SocketId};
use world::{Config, Herd, Outage, at, link};

fn mass_restart(clients: usize, config: Config) -> Herd {
    world::mass_restart(Policy::default(), 0, Outage::row_1(clients), config)
}

/// The herd of 10 000 whose look at the configuration is answered; one run for two questions.
fn ten_thousand() -> &'static Herd {
    static HERD: std::sync::OnceLock<Herd> = std::sync::OnceLock::new();
    HERD.get_or_init(|| mass_restart(10_000, Config::Reachable))
}

fn assert_spread(herd: &Herd, clients: usize) {
    let (bucket, most) = herd.fullest(100, 30_000);
    assert!(most * 1_000 <= clients * 15, "{most} of {clients} clients in the 100 ms after {} ms", bucket * 100);
}

fn assert_back(herd: &Herd, clients: usize) {
    assert_eq!(herd.back.len(), clients);
    let p99 = herd.back(99);
    // 10 000 clients at 500 a second: the ideal p99 is 19.8 s.
    assert!(p99 * 10 <= 19_800 * 16, "p99 back after {p99} ms");
}

#[test]
fn row01_10_000_clients_are_admitted_500_a_second() {
    let outage = Outage::row_1(10_000);
    assert_eq!((outage.admitted_per_second, outage.away_ms, outage.lost_within_ms), (500, 60_000, 250));
    assert_eq!((outage.ideal(50), outage.ideal(99)), (10_000, 19_800));
    assert_eq!((outage.loss(0), outage.loss(9_999)), (0, 249));
}

#[test]
fn row01_10_000_clients_never_crowd_100_ms_after_30_s() {
    assert_spread(ten_thousand(), 10_000);
}

#[test]
fn row01_10_000_clients_are_back_within_1_6_of_the_ideal() {
    assert_back(ten_thousand(), 10_000);
}

#[test]
fn row01_the_same_holds_where_the_config_is_away_too() {
    let herd = mass_restart(10_000, Config::Away);
    assert_spread(&herd, 10_000);
    assert_back(&herd, 10_000);
}

/// How often a link connects within 20 s to a service that accepts and closes after so many milliseconds.
fn connects(seed: u64, after: u64, configured: bool) -> usize {
    let mut link = link(Policy::default(), seed);
    let mut connects = 0;
    let mut closes: Option<(u64, SocketId)> = None;
    link.start(at(0));
    let mut now = 0;
    loop {
        while let Some(output) = link.poll_output() {
            match output {
                Output::Prepare => link.prepared(at(now)),
                Output::Open(socket) => {
                    connects += 1;
                    assert!(link.opened(at(now), socket));
                    if configured {
                        link.established(at(now));
                    }
                    closes = Some((now + after, socket));
                }
                _ => {}
            }
        }
        let timer = link.poll_timeout().map(|due| due - at(0).mono);
        let next = [timer, closes.map(|(due, _)| due)].into_iter().flatten().min().unwrap();
        if next > 20_000 {
            return connects;
        }
        now = next;
        match closes.filter(|(due, _)| *due <= now) {
            Some((_, socket)) => {
                closes = None;
                link.closed(at(now), socket, Close { code: 1011, reason: "", clean: true });
            }
            None => link.handle_timeout(at(now)),
        }
    }
}

#[test]
fn row02_never_more_than_6_connects_in_20_s_over_10_000_seeds() {
    let most = (0..10_000).map(|seed| connects(seed, 0, false)).max().unwrap();
    assert!((5..=6).contains(&most), "{most}");
}

#[test]
fn row02_nor_where_the_session_was_configured_before_the_close() {
    for after in [0, 40, 1_000] {
        let most = (0..10_000).map(|seed| connects(seed, after, true)).max().unwrap();
        assert!((4..=6).contains(&most), "{most} after {after} ms");
    }
}
