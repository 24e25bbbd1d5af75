//! What storage may hold as the page loads (faults.md rows 20 and 23), written by hand.

use crate::common::World;
use guestwire::guest::event::Status;

const SESSION: &str = r#"{"v":1,"token":"00000000-0000-4000-8000-000000000000","known":true}"#;

fn world(records: &[(&str, &str)]) -> World {
    let mut world = World::new(1);
    world.kill();
    world.storage.clear();
    world.storage.insert("gw1:world:session".into(), SESSION.into());
    for (name, value) in records {
        world.storage.insert(format!("gw1:world:{name}"), value.to_string());
    }
    world.load_page();
    world.start();
    world.run_until_ready();
    world.run(30_000);
    world
}

#[test]
fn bad_records_are_put_aside_and_good_ones_sent() {
    let mut world = world(&[
        ("m:1:good", r#"{"v":1,"id":"good","at":1767225590000,"text":"good"}"#),
        ("m:2:torn", r#"{"v":1,"id":"torn","at":17672255"#),
        ("m:3:other", r#"{"v":1,"id":"not other","at":1767225590000,"text":"bad"}"#),
        ("m:x:y", r#"{"v":1,"id":"y","at":1767225590000,"text":"bad"}"#),
        ("m:4:untimed", r#"{"v":1,"id":"untimed","text":"bad"}"#),
        ("m:18446744073709551615:last", r#"{"v":1,"id":"last","at":1767225590000,"text":"bad"}"#),
        ("m:5:newer", r#"{"v":2,"id":"newer","novelty":[]}"#),
        ("m:6:also", r#"{"v":1,"id":"also","at":1767225590000,"text":"also good"}"#),
    ]);
    assert_eq!(world.stored(), ["good", "also good"]);
    assert_eq!(world.metric("quarantined"), 5);
    assert_eq!(world.storage.get("gw1:world:m:5:newer").map(String::as_str), Some(r#"{"v":2,"id":"newer","novelty":[]}"#), "not ours to touch");
    let aside = world.storage.keys().filter(|key| key.starts_with("gw1:world:q:")).count();
    assert_eq!(aside, 5);
    let id = world.send("one more");
    world.wait_sent(10_000);
    assert_eq!(world.status(&id), Status::Sent);
}

/// A tab killed in the middle of `retry` leaves the message under two numbers: it is one message, the later of the two.
#[test]
fn one_message_under_two_numbers_is_one_message() {
    let mut world = world(&[
        ("m:1:a", r#"{"v":1,"id":"a","at":1767225590000,"text":"again","failed":503}"#),
        ("m:2:a", r#"{"v":1,"id":"a","at":1767225590000,"text":"again","asked":true}"#),
    ]);
    assert_eq!(world.stored(), ["again"]);
    assert_eq!(world.status("a"), Status::Sent);
    let left: Vec<_> = world.storage.keys().filter(|key| key.contains(":m:")).collect();
    assert!(left.is_empty(), "{left:?}");
}
