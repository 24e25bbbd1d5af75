//! The rest of the conversation: typing, Join, custom attributes, retry and cancel.

use crate::common::{Line, World, refusal, too_many};
use guestwire::core::error::Code;
use guestwire::core::state::State;
use guestwire::guest::event::{Event, Kind, Status};
use serde_json::{Value, json};

fn type_now(world: &mut World) {
    world.typing();
}

fn typings(world: &World) -> usize {
    world.sent_events().iter().filter(|event| *event == "Typing").count()
}

// The guest types.

#[test]
fn the_guests_typing_is_sent_at_most_every_five_seconds() {
    let mut world = World::settled(1);
    for _ in 0..110 {
        type_now(&mut world);
        world.run(100);
    }
    // Eleven seconds: at 0, after 5 and after 10.
    assert_eq!(typings(&world), 3);
    assert_eq!(world.log("limited").len(), 0);
}

#[test]
fn the_guests_typing_has_the_form_of_2_6() {
    let mut world = World::settled(2);
    type_now(&mut world);
    let frame = world.requests("onMessage").pop().unwrap();
    assert_eq!(frame["message"], json!({"type": "Event", "events": [{"eventType": "Typing", "typing": {"type": "On"}}]}));
}

#[test]
fn the_guests_typing_is_not_sent_where_the_deployment_does_not_show_it() {
    let mut world = World::new(3);
    world.set(json!({"typing": false}));
    world.start();
    world.run_until_ready();
    type_now(&mut world);
    world.run(1_000);
    assert_eq!(typings(&world), 0);
}

#[test]
fn the_guests_typing_is_never_queued() {
    let mut world = World::settled(4);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(100);
    type_now(&mut world);
    world.heal();
    world.run_until_ready();
    world.run(10_000);
    assert_eq!(typings(&world), 0);
}

#[test]
fn the_guests_typing_around_a_message_stays_within_the_service_limit() {
    let mut world = World::settled(5);
    type_now(&mut world);
    world.run(500);
    world.send("typed");
    world.wait_sent(5_000);
    type_now(&mut world);
    world.run(500);
    world.send("typed again");
    world.wait_sent(5_000);
    assert_eq!(world.log("limited").len(), 0, "one typing event in five seconds (guest-api.md §4.4)");
}

#[test]
fn a_limited_typing_event_does_not_hold_messages_back() {
    let mut world = World::settled(6);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Event"}, "do": "reply", "frame": too_many(30)}));
    type_now(&mut world);
    world.run(500);
    let id = world.send("not limited");
    world.run(5_000);
    assert_eq!(world.status(&id), Status::Sent);
}

// The other side types.

fn typing_event(kind: &str, duration: Option<u64>) -> Value {
    let mut typing = json!({"type": kind});
    if let Some(duration) = duration {
        typing["duration"] = json!(duration);
    }
    json!({"id": "e", "type": "Event", "direction": "Outbound", "channel": {"time": "2026-01-01T00:00:13.000Z", "from": {"nickname": "Ada"}},
        "events": [{"eventType": "Typing", "typing": typing}]})
}

fn types(world: &mut World, kind: &str, duration: Option<u64>) {
    world.raw_body(typing_event(kind, duration));
    world.run(100);
}

#[test]
fn the_agents_typing_is_shown_and_ends_by_off() {
    let mut world = World::settled(1);
    types(&mut world, "On", Some(5_000));
    assert!(world.page.typing);
    types(&mut world, "Off", None);
    assert!(!world.page.typing);
}

#[test]
fn the_agents_typing_ends_after_its_duration() {
    let mut world = World::settled(2);
    types(&mut world, "On", Some(3_000));
    world.run(2_800);
    assert!(world.page.typing);
    world.run(300);
    assert!(!world.page.typing);
}

#[test]
fn the_agents_typing_without_a_duration_lasts_five_seconds() {
    let mut world = World::settled(3);
    types(&mut world, "On", None);
    world.run(4_800);
    assert!(world.page.typing);
    world.run(300);
    assert!(!world.page.typing);
}

#[test]
fn the_agents_typing_ends_with_the_next_message() {
    let mut world = World::settled(4);
    types(&mut world, "On", Some(60_000));
    assert!(world.page.typing);
    world.agent("here it is");
    world.run(100);
    assert!(!world.page.typing);
}

#[test]
fn the_agents_typing_tells_who_and_until_when() {
    let mut world = World::settled(5);
    types(&mut world, "On", Some(4_000));
    let (told, body) =
        world
            .page
            .events
            .iter()
            .find_map(|event| {
                if let Event::Typing { active: true, until: Some(until), body: Some(body) } = event { Some((*until, body.clone())) } else { None }
            })
            .unwrap();
    // Told 20 ms after the service said so, which was 100 ms ago.
    assert_eq!(told, world.clock().unix - 80 + 4_000);
    assert!(body.contains("Ada"));
}

#[test]
fn the_agents_typing_renewed_goes_on() {
    let mut world = World::settled(6);
    types(&mut world, "On", Some(3_000));
    world.run(2_000);
    types(&mut world, "On", Some(3_000));
    world.run(2_500);
    assert!(world.page.typing);
}

#[test]
fn the_agents_typing_ends_with_the_connection() {
    let mut world = World::settled(7);
    types(&mut world, "On", Some(60_000));
    world.break_line();
    world.run(10);
    assert!(!world.page.typing);
}

#[test]
fn an_echo_of_the_guests_own_typing_is_ignored() {
    let mut world = World::settled(8);
    let mut body = typing_event("On", Some(5_000));
    body["direction"] = json!("Inbound");
    world.raw_body(body);
    world.run(100);
    assert!(!world.page.typing);
    assert!(world.page.texts().is_empty());
}

// Join.

fn joins(world: &World) -> usize {
    world.sent_events().iter().filter(|event| *event == "Join").count()
}

#[test]
fn a_new_session_is_joined_once() {
    let mut world = World::settled(1);
    assert_eq!(joins(&world), 1);
    world.break_line();
    world.run_until_ready();
    world.run(5_000);
    world.reload();
    world.run_until_ready();
    world.run(5_000);
    assert_eq!(joins(&world), 1);
}

#[test]
fn a_join_has_the_form_of_2_6() {
    let world = World::settled(2);
    let frame = world.requests("onMessage").remove(0);
    assert_eq!(frame["message"], json!({"type": "Event", "events": [{"eventType": "Presence", "presence": {"type": "Join"}}]}));
    assert!(frame["tracingId"].is_string());
}

#[test]
fn a_join_lost_in_a_drop_is_still_owed() {
    let mut world = World::new(3);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Event"}, "do": "drop"}));
    world.start();
    world.wait("dropped", 5_000, |world| world.was(|state| matches!(state, State::Waiting { .. })));
    world.run_until_ready();
    assert!(!world.page.new_session, "the service says that the session is not new");
    world.run(5_000);
    assert_eq!(joins(&world), 2);
    assert_eq!(world.control("/_sim/sessions", Value::Null)[0]["joined"], true);
}

#[test]
fn a_join_lost_with_the_page_is_still_owed() {
    let mut world = World::new(4);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Event"}, "do": "drop"}));
    world.start();
    world.wait("joining", 5_000, |world| joins(world) == 1);
    world.run(30);
    world.reload();
    world.run_until_ready();
    world.run(5_000);
    assert_eq!(world.control("/_sim/sessions", Value::Null)[0]["joined"], true);
}

#[test]
fn a_join_whose_echo_was_lost_is_found_in_history_and_not_owed() {
    let mut world = World::new(5);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Event"}, "do": "drop", "after": true}));
    world.set(json!({"joinAgain": "store"}));
    world.start();
    world.wait("dropped", 5_000, |world| world.was(|state| matches!(state, State::Waiting { .. })));
    world.run_until_ready();
    world.run(5_000);
    world.break_line();
    world.run_until_ready();
    world.run(5_000);
    // It may go once more before history was read, and not with every connection.
    assert!(joins(&world) <= 2, "{}", joins(&world));
}

#[test]
fn a_limited_join_is_sent_again_on_the_same_connection() {
    let mut world = World::new(6);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Event"}, "do": "reply", "frame": too_many(3)}));
    world.start();
    world.run_until_ready();
    world.run(15_000);
    assert_eq!(joins(&world), 2);
    assert_eq!(world.opens.len(), 1);
    assert_eq!(world.control("/_sim/sessions", Value::Null)[0]["joined"], true);
}

#[test]
fn no_join_is_owed_where_the_service_started_by_itself() {
    let mut world = World::new(7);
    world.set(json!({"autoStarted": true}));
    world.start();
    world.run_until_ready();
    world.run(5_000);
    assert_eq!(joins(&world), 0);
}

#[test]
fn no_join_is_sent_without_auto_start() {
    let mut world = World::new(8);
    world.set(json!({"autoStart": false}));
    world.start();
    world.run_until_ready();
    world.run(5_000);
    assert_eq!(joins(&world), 0);
}

#[test]
fn a_join_goes_before_what_waits() {
    let mut world = World::new(9);
    world.send("typed before the session stood");
    world.start();
    world.run_until_ready();
    world.wait_sent(5_000);
    let kinds: Vec<String> = world.requests("onMessage").iter().map(|frame| frame["message"]["type"].as_str().unwrap().to_string()).collect();
    assert_eq!(kinds, ["Event", "Text"]);
}

// Custom attributes.

fn attributes(frame: &Value) -> &Value {
    &frame["message"]["channel"]["metadata"]["customAttributes"]
}

#[test]
fn attributes_are_part_of_the_message_and_survive_a_reload() {
    let mut world = World::new(1);
    world.network.line = Line::Offline;
    world.start();
    let draft = json!({"text": "with attributes", "attributes": {"plan": "gold", "city": "Zürich"}}).to_string();
    world.with(|session, now| session.send(now, &draft)).unwrap();
    world.send("without");
    world.kill();
    world.load_page();
    world.heal();
    world.start();
    world.run_until_ready();
    world.run(5_000);
    let sent = world.sent_messages();
    assert_eq!(attributes(&sent[0]), &json!({"plan": "gold", "city": "Zürich"}));
    assert_eq!(attributes(&sent[1]), &Value::Null);
}

#[test]
fn attributes_go_again_with_the_message_after_a_drop() {
    let mut world = World::settled(2);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "drop"}));
    let draft = json!({"text": "lost at first", "attributes": {"plan": "gold"}}).to_string();
    world.with(|session, now| session.send(now, &draft)).unwrap();
    world.run(30_000);
    let sent = world.sent_messages();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|frame| attributes(frame) == &json!({"plan": "gold"})));
}

#[test]
fn attributes_set_before_go_with_the_next_message_and_the_messages_own_win() {
    let mut world = World::settled(3);
    world.with(|session, now| session.set_attributes(now, r#"{"plan":"silver","city":"Bern"}"#)).unwrap();
    world.with(|session, now| session.send(now, r#"{"text":"one","attributes":{"plan":"gold"}}"#)).unwrap();
    world.send("two");
    world.wait_sent(5_000);
    world.run(1_000);
    let sent = world.sent_messages();
    assert_eq!(attributes(&sent[0]), &json!({"city": "Bern", "plan": "gold"}));
    assert_eq!(attributes(&sent[1]), &Value::Null, "once");
}

#[test]
fn attributes_of_the_options_go_with_the_join() {
    let mut world = World::with_options(4, r#","attributes":{"page":"pricing"}"#);
    world.start();
    world.run_until_ready();
    assert_eq!(attributes(&world.requests("onMessage")[0]), &json!({"page": "pricing"}));
}

#[test]
fn attributes_over_the_budget_are_refused_before_anything_is_accepted() {
    let mut world = World::settled(5);
    // Keys and values without the JSON around them: 2048 bytes (guest-api.md §5.8).
    let fits = json!({"text": "x", "attributes": {"abcd": "é".repeat(1_022)}}).to_string();
    let over = json!({"text": "x", "attributes": {"abcde": "é".repeat(1_022)}}).to_string();
    let refused = world.with(|session, now| session.send(now, &over)).unwrap_err();
    assert_eq!((refused.code, refused.field), (Code::ATTRIBUTES_TOO_LARGE, Some("attributes")));
    assert_eq!(world.page.outbox.0, 0);
    world.with(|session, now| session.send(now, &fits)).unwrap();
    world.run(5_000);
    assert_eq!(world.stored(), ["x"]);
    let set = json!({"abcde": "é".repeat(1_022)}).to_string();
    assert!(world.with(|session, now| session.set_attributes(now, &set)).is_err());
}

#[test]
fn attributes_of_the_page_over_the_budget_hold_up_no_message() {
    // By the documented limit before there is a session, by the session's own, and by one that nobody told.
    for (bytes, limit, early) in [(2_049, 2_048, true), (2_049, 2_048, false), (20, 10, false), (20, 2_048, false)] {
        let mut world = World::with_options(7, &format!(r#","attributes":{{"p":"{}"}}"#, "x".repeat(bytes - 1)));
        world.set(json!({"maxCustomDataBytes": limit}));
        if bytes < limit {
            world.answer("onMessage", refusal(4013, "Custom Attributes in channel metadata is larger than 10 bytes"));
        }
        if early {
            world.send("x");
        }
        world.start();
        world.run_until_ready();
        world.run(70_000);
        if !early {
            world.send("x");
        }
        world.run(5_000);
        assert_eq!(world.stored(), ["x"], "{bytes} of {limit}");
        assert!(world.page.warned(Code::ATTRIBUTES_TOO_LARGE), "{bytes} of {limit}");
        assert_eq!(world.control("/_sim/sessions", Value::Null)[0]["joined"], true, "{bytes} of {limit}");
    }
}

#[test]
fn the_budget_of_attributes_is_what_the_session_says() {
    let mut world = World::new(6);
    world.set(json!({"maxCustomDataBytes": 10}));
    world.start();
    world.run_until_ready();
    assert!(world.with(|session, now| session.send(now, r#"{"text":"x","attributes":{"abcde":"fghij"}}"#)).is_ok());
    assert!(world.with(|session, now| session.send(now, r#"{"text":"x","attributes":{"abcde":"fghijk"}}"#)).is_err());
}

#[test]
fn a_structured_reply_goes_out_as_it_was_made() {
    let mut world = World::settled(7);
    let content = json!([{"contentType": "ButtonResponse", "buttonResponse": {"type": "QuickReply", "text": "Yes", "payload": "cookie1"}}]);
    let draft = json!({"text": "Yes", "type": "Structured", "content": content}).to_string();
    let id = world.with(|session, now| session.send(now, &draft)).unwrap();
    world.run(2_000);
    let sent = world.sent_messages();
    assert_eq!((&sent[0]["message"]["type"], &sent[0]["message"]["content"]), (&json!("Structured"), &content));
    assert_eq!(world.status(&id), Status::Sent);
    assert_eq!(world.page.row(&id).unwrap().kind, Kind::Structured);
}

// Retry and cancel.

#[test]
fn a_failed_message_that_is_retried_goes_behind_what_waits() {
    let mut world = World::settled(1);
    world.answer_message(refusal(4011, "too long"));
    let failed = world.send("failed");
    world.run(1_000);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(100);
    world.send("waits");
    world.with(|session, now| session.retry(now, &failed)).unwrap();
    assert_eq!(world.page.texts(), ["waits", "failed"]);
    assert_eq!((world.status(&failed), world.code(&failed)), (Status::Queued, None));
    world.heal();
    world.run_until_ready();
    world.run(20_000);
    assert_eq!(world.stored(), ["waits", "failed"]);
}

#[test]
fn what_waits_is_on_its_way_or_is_unknown_cannot_be_retried() {
    let mut world = World::settled(2);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(100);
    let id = world.send("waits");
    assert_eq!(world.with(|session, now| session.retry(now, &id)).unwrap_err().code, Code::NOT_RETRYABLE);
    assert_eq!(world.with(|session, now| session.retry(now, "nobody")).unwrap_err().code, Code::UNKNOWN_MESSAGE);
}

#[test]
fn a_waiting_message_can_be_taken_back() {
    let mut world = World::settled(3);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(100);
    let id = world.send("never mind");
    assert!(world.with(|session, now| session.cancel(now, &id)));
    assert!(world.page.row(&id).is_none());
    assert_eq!(world.message_keys().len(), 0);
    world.page.accepted.clear();
    world.heal();
    world.run_until_ready();
    world.run(10_000);
    assert_eq!(world.stored().len(), 0);
}

#[test]
fn a_message_on_its_way_cannot_be_taken_back() {
    let mut world = World::settled(4);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "delay", "ms": 1_000}));
    let id = world.send("on its way");
    world.run(100);
    assert!(!world.with(|session, now| session.cancel(now, &id)));
    world.wait_sent(5_000);
    assert!(!world.with(|session, now| session.cancel(now, &id)), "nor one that was sent");
}

#[test]
fn a_failed_message_can_be_taken_away() {
    let mut world = World::settled(5);
    world.answer_message(refusal(4011, "too long"));
    let id = world.send("failed");
    world.run(1_000);
    assert!(world.with(|session, now| session.cancel(now, &id)));
    assert!(world.page.row(&id).is_none());
    world.reload();
    assert!(world.page.row(&id).is_none());
}
