//! The world of faults.md row 1, for whoever is in it: so many clients lose the service within a moment, it refuses for a
//! while, then admits so many a second and refuses the rest. The behaviour tests put links into it, `npm run herd` also
//! other policies.

use guestwire::core::backoff::Policy;
use guestwire::core::link::{Link, Output, Refused};
use guestwire::core::machine::{Close, Now, SocketId};
use guestwire::core::random::Random;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

const EPOCH: u64 = 1_767_225_600_000;
/// A herd that is not back by then never will be, milliseconds since the loss.
const LOST_FOR_GOOD_MS: u64 = 1_000_000;

/// A moment of the world's time.
pub fn at(mono: u64) -> Now {
    Now { mono: 1_000_000 + mono, unix: EPOCH + mono }
}

/// Chance of a client's own. Seeds that lie side by side are spread first (SplitMix64): the generator's first draws would else be
/// alike, and a crowd that draws alike is what all of this is about.
pub fn chance(seed: u64) -> Random {
    let word = |n: u64| {
        let mut word = seed.wrapping_mul(4).wrapping_add(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    };
    Random::new([word(0), word(1), word(2), word(3)])
}

/// A link that waits by this policy between its attempts; the guest client's own is the default.
pub fn link(policy: Policy, seed: u64) -> Link {
    Link::new(policy, chance(seed), false, 30_000)
}

/// A connection's end without a goodbye.
pub fn broke(code: u16) -> Close<'static> {
    Close { code, reason: "", clean: false }
}

/// What happens to the service.
#[derive(Clone, Copy)]
pub struct Outage {
    /// So many lose it.
    pub clients: usize,
    /// Within this time, one after the other, milliseconds.
    pub lost_within_ms: u64,
    /// It refuses everybody for so long after the first loss, milliseconds.
    pub away_ms: u64,
    /// Then it takes so many in each second, and refuses the rest.
    pub admitted_per_second: usize,
}

impl Outage {
    /// Row 1 with so many clients. It takes 20 s to admit them all, however many they are, so that the ideal is the same.
    pub fn row_1(clients: usize) -> Outage {
        Outage { clients, lost_within_ms: 250, away_ms: 60_000, admitted_per_second: (clients / 20).max(1) }
    }

    /// When client `n` loses the service, milliseconds.
    pub fn loss(&self, n: usize) -> u64 {
        n as u64 * self.lost_within_ms / self.clients as u64
    }

    /// When this share of a herd that is admitted without a pause is back, milliseconds since the service was.
    pub fn ideal(&self, percent: usize) -> u64 {
        (self.clients * percent / 100 * 1_000 / self.admitted_per_second) as u64
    }
}

/// One of the herd.
pub trait Member {
    /// When it has to be woken next, milliseconds since the first loss.
    fn due(&self) -> u64;
    /// It is woken. Every attempt it makes is put to `knock`, which says whether it is let in; whether it is in at the end.
    fn wake(&mut self, since: u64, knock: &mut dyn FnMut() -> bool) -> bool;
}

/// What a herd did.
pub struct Herd {
    /// When attempts were made, milliseconds since the first loss.
    pub attempts: Vec<u64>,
    /// When each was back, in order, milliseconds since the service was.
    pub back: Vec<u64>,
}

impl Herd {
    /// When this share of the herd was back, milliseconds since the service was.
    pub fn back(&self, percent: usize) -> u64 {
        self.back[(self.back.len() * percent / 100).min(self.back.len() - 1)]
    }

    /// Attempts in each stretch of so many milliseconds, by its number.
    pub fn buckets(&self, ms: u64) -> BTreeMap<u64, usize> {
        let mut buckets = BTreeMap::new();
        for attempt in &self.attempts {
            *buckets.entry(attempt / ms).or_default() += 1;
        }
        buckets
    }

    /// The fullest of them that begins at or after `from` milliseconds: its number and its attempts.
    pub fn fullest(&self, ms: u64, from: u64) -> (u64, usize) {
        let late = self.buckets(ms).into_iter().filter(|(bucket, _)| bucket * ms >= from);
        late.max_by_key(|(_, count)| *count).expect("there were attempts after that")
    }
}

/// Runs a herd until all are back. What each does comes from what it is told alone.
pub fn run<M: Member>(outage: Outage, mut members: Vec<M>) -> Herd {
    let mut herd = Herd { attempts: Vec::new(), back: Vec::new() };
    let mut queue: BinaryHeap<_> = members.iter().enumerate().map(|(n, member)| Reverse((member.due(), n))).collect();
    let mut admitted = BTreeMap::<u64, usize>::new();
    while let Some(Reverse((since, n))) = queue.pop() {
        assert!(since < LOST_FOR_GOOD_MS, "client {n} is not back after {since} ms");
        let is_back = members[n].wake(since, &mut || {
            herd.attempts.push(since);
            let second = admitted.entry(since / 1_000).or_default();
            let is_let_in = since >= outage.away_ms && *second < outage.admitted_per_second;
            *second += usize::from(is_let_in);
            is_let_in
        });
        if is_back {
            herd.back.push(since - outage.away_ms);
        } else {
            queue.push(Reverse((members[n].due(), n)));
        }
    }
    herd.back.sort_unstable();
    herd
}

/// What real links do in an outage that wait by this policy between their attempts.
pub fn mass_restart(policy: Policy, seed: u64, outage: Outage, config: Config) -> Herd {
    run(outage, (0..outage.clients).map(|n| Linked::new(policy, n, seed, outage, config)).collect())
}

/// What a link meets when its look at the deployment's configuration is answered.
#[derive(Clone, Copy, PartialEq)]
pub enum Config {
    /// It is served from elsewhere and always well.
    Reachable,
    /// It is gone with the service.
    Away,
}

/// The real link. The world's first loss is a minute after it connected.
struct Linked {
    link: Link,
    outage: Outage,
    config: Config,
}

/// A connection that is lost had stood for so long, milliseconds.
const STOOD_MS: u64 = 60_000;

impl Linked {
    /// Client `n` of an outage, which has just lost its good connection and waits by this policy between its attempts.
    fn new(policy: Policy, n: usize, seed: u64, outage: Outage, config: Config) -> Linked {
        let mut link = link(policy, seed.wrapping_add(n as u64));
        link.start(at(0));
        link.prepared(at(0));
        while link.poll_output().is_some() {}
        assert!(link.opened(at(0), SocketId(1)));
        link.established(at(0));
        let lost = at(STOOD_MS + outage.loss(n));
        link.handle_timeout(lost);
        link.answered(lost, 40);
        link.closed(lost, SocketId(1), broke(1006));
        while link.poll_output().is_some() {}
        Linked { link, outage, config }
    }
}

impl Member for Linked {
    fn due(&self) -> u64 {
        self.link.poll_timeout().expect("a retry is waited for") - at(STOOD_MS).mono
    }

    fn wake(&mut self, since: u64, knock: &mut dyn FnMut() -> bool) -> bool {
        let (link, now) = (&mut self.link, at(STOOD_MS + since));
        link.handle_timeout(now);
        let mut is_back = false;
        while let Some(output) = link.poll_output() {
            match output {
                Output::Prepare => link.prepared(now),
                Output::Open(socket) if knock() => {
                    assert!(link.opened(now, socket));
                    link.established(now);
                    is_back = true;
                }
                Output::Open(socket) => {
                    link.closed(now, socket, broke(1006));
                }
                Output::Classify => {
                    let is_away = self.config == Config::Away && since < self.outage.away_ms;
                    link.classified(now, if is_away { Refused::Offline } else { Refused::Refused });
                }
                _ => {}
            }
        }
        is_back
    }
}
