//! The centre's day holds together, whatever the seed.

use std::collections::{BTreeMap, BTreeSet};

use super::centre::{Centre, Happening, NIGHT, Number, OPEN, Who};

/// What happens until a time, each with its time.
fn told(centre: &mut Centre, until: u64) -> Vec<(u64, Happening)> {
    let mut told = Vec::new();
    while centre.next() <= until {
        let at = centre.next();
        let happened = centre.step(at);
        for happening in &happened {
            if let Happening::Ended(number, _) = happening {
                centre.forget(*number);
            }
        }
        told.extend(happened.into_iter().map(|happening| (at, happening)));
    }
    told
}

#[test]
fn the_same_seed_tells_the_same_day_and_another_seed_another() {
    let day = |seed| told(&mut Centre::new(seed, 24, 240), OPEN);
    assert_eq!(day(1), day(1));
    assert_ne!(day(1), day(2));
}

#[test]
fn whoever_leaves_has_joined_and_whoever_joins_leaves() {
    let mut centre = Centre::new(3, 24, 240);
    let mut present: BTreeMap<Number, Vec<Who>> = BTreeMap::new();
    let mut held = BTreeSet::new();
    let mut reasons = BTreeSet::new();
    // The day, and the night in which the last ones are helped.
    for (_, happening) in told(&mut centre, OPEN + NIGHT - 1) {
        match happening {
            Happening::Started(number) => assert_eq!(present.insert(number, Vec::new()), None),
            Happening::Joined(number, who) => {
                let there = present.get_mut(&number).expect("it goes on");
                assert!(!there.contains(&who));
                there.push(who);
            }
            Happening::Left(number, who, reason) => {
                reasons.insert(reason);
                let there = present.get_mut(&number).expect("it goes on");
                let at = there.iter().position(|one| *one == who).expect("who leaves is there");
                there.remove(at);
            }
            Happening::HoldStarted(number, agent) => {
                assert!(present[&number].contains(&Who::Agent(agent)) && held.insert(number));
            }
            Happening::HoldEnded(number, _) => assert!(held.remove(&number)),
            Happening::Ended(number, _) => assert_eq!(present.remove(&number), Some(Vec::new())),
            _ => {}
        }
    }
    assert!(reasons.is_superset(&BTreeSet::from(["hangup", "peer", "transfer", "abandoned"])), "{reasons:?}");
    assert!(present.len() < 24, "{} conversations never end", present.len());
}

#[test]
fn an_agent_has_one_customer_at_a_time_and_is_busy_meanwhile() {
    let mut talking = BTreeMap::new();
    let mut presence = [""; 8];
    for (_, happening) in told(&mut Centre::new(5, 8, 120), OPEN) {
        match happening {
            Happening::Joined(number, Who::Agent(agent)) => {
                assert_eq!(talking.insert(agent, number), None);
                assert_eq!(presence[agent], "online");
            }
            Happening::Left(number, Who::Agent(agent), _) => assert_eq!(talking.remove(&agent), Some(number)),
            Happening::Presence(agent, now) => {
                assert!(now == "busy" || !talking.contains_key(&agent), "{now} while talking");
                presence[agent] = now;
            }
            _ => {}
        }
    }
}

#[test]
fn everyone_goes_home_and_comes_back_the_next_day() {
    let mut centre = Centre::new(1, 6, 60);
    let last = |told: &[(u64, Happening)], agent: usize| {
        told.iter().rev().find_map(|(_, happening)| match happening {
            Happening::Presence(one, presence) if *one == agent => Some(*presence),
            _ => None,
        })
    };
    let day = told(&mut centre, OPEN + NIGHT - 1);
    let home = (0..6).filter(|agent| last(&day, *agent) == Some("offline")).count();
    assert!(home >= 4, "{home}");
    let next = told(&mut centre, OPEN + NIGHT + OPEN / 10);
    assert!(next.iter().any(|(_, happening)| matches!(happening, Happening::Started(_))));
    assert!((0..6).all(|agent| last(&next, agent).is_some()));
}
