//! L: the latency monitor.

use crate::world::World;
use guestwire::core::state::State;
use guestwire::streams::Kind;
use serde_json::{Value, json};

fn options(more: Value) -> Value {
    let mut all = json!({"connectionId": "monitor-001"});
    for (name, value) in more.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    all
}

#[test]
fn l1_the_first_frame_subscribes_with_the_token_and_the_settings() {
    let world = World::ready(
        Kind::Latency,
        options(json!({"pingIntervalMs": 1500, "driftCompensation": {"enabled": true, "maxDriftMs": 10, "adjustFactor": 0.95}})),
    );
    assert!(world.opens[0].2.ends_with("/v2/analytics/events/realtime"));
    let first: Value = serde_json::from_str(&world.sent[0].2).unwrap();
    assert_eq!(first["type"], "subscribe");
    assert_eq!(first["connectionId"], "monitor-001");
    assert_eq!(first["settings"], json!({"pingInterval": "1.5s", "driftCompensation": {"enabled": true, "maxDriftMs": 10, "adjustFactor": 0.95}}));
    assert!(first["token"].as_str().is_some_and(|token| token.len() > 16));
}

#[test]
fn l3_each_answer_gives_a_round_trip_time() {
    let mut world = World::ready(Kind::Latency, options(json!({})));
    world.pass(10_000);
    let samples = world.samples();
    assert!(samples.len() >= 5, "{samples:?}");
    assert!(samples.iter().all(|(_, sample)| sample.latency == Some(40)));
    let sequences: Vec<_> = samples.iter().filter_map(|(_, sample)| sample.sequence).collect();
    assert_eq!(sequences, (1..=samples.len() as u64).collect::<Vec<_>>());
}

#[test]
fn l5_three_probes_without_an_answer_replace_the_connection() {
    let mut world = World::ready(Kind::Latency, options(json!({})));
    world.network.strand();
    world.wait("three timeouts", 20_000, |world| world.samples().iter().filter(|(_, sample)| sample.latency.is_none()).count() == 3);
    assert_ne!(world.state(), State::Ready);
    world.wait_for(State::Ready, 5_000);
    assert_eq!(world.opens.len(), 2);
}
