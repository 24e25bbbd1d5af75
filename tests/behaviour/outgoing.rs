//! Messages out: faults.md rows 18, 21, 22 and 24.

use crate::common::{EPOCH, Line, World, loose_refusal, refusal};
use guestwire::core::error::Code;
use guestwire::core::state::State;
use guestwire::guest::event::Status;
use serde_json::json;

const HOUR: u64 = 3_600_000;

fn offline(seed: u64) -> World {
    let mut world = World::new(seed);
    world.network.line = Line::Offline;
    world.start();
    world
}

fn numbered(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|n| format!("message {n}")).collect()
}

// Row 18: a hundred messages offline.

/// A hundred messages typed offline with two reloads on the way, then the network comes back.
fn hundred_offline() -> World {
    let mut world = offline(1);
    for text in &numbered(0, 40) {
        world.send(text);
    }
    world.run(30_000);
    world.reload();
    for text in &numbered(40, 70) {
        world.send(text);
    }
    world.reload();
    for text in &numbered(70, 100) {
        world.send(text);
    }
    world.run(5_000);
    world.heal();
    world.run_until_ready();
    world
}

#[test]
fn row18_100_messages_offline_over_two_reloads_arrive_once_and_in_order() {
    let mut world = hundred_offline();
    world.run(180_000);
    assert_eq!(world.stored(), numbered(0, 100));
    assert_eq!(world.page.texts(), numbered(0, 100));
    assert!(world.page.rows.iter().all(|row| row.status == Status::Sent));
    assert_eq!(world.message_keys().len(), 0);
}

#[test]
fn row18_the_service_limits_are_kept_and_it_takes_about_two_minutes() {
    let mut world = hundred_offline();
    let began = world.now;
    world.wait("all sent", 150_000, |world| world.page.outbox.0 == 0);
    assert!(world.now - began > 60_000, "100 requests in {} ms cannot keep to 60 a minute", world.now - began);
    assert_eq!(world.log("limited").len(), 0);
    let frames = world.log("frame-in");
    let messages: Vec<u64> =
        frames.iter().filter(|r| r["text"].as_str().is_some_and(|t| t.starts_with("message"))).map(|r| r["at"].as_u64().unwrap()).collect();
    assert_eq!(messages.len(), 100);
    assert!(messages.windows(5).all(|five| five[4] - five[0] >= 1_000), "more than 4 in a second");
    let requests: Vec<u64> = frames.iter().map(|r| r["at"].as_u64().unwrap()).collect();
    assert!(requests.windows(61).all(|many| many[60] - many[0] >= 60_000), "more than 60 requests in a minute");
}

#[test]
fn row18_a_message_sent_meanwhile_goes_behind() {
    let mut world = hundred_offline();
    world.run(10_000);
    let sent = world.sent_texts().len();
    assert!(sent > 0 && sent < 100, "{sent}");
    world.send("one more");
    world.run(180_000);
    let mut expected = numbered(0, 100);
    expected.push("one more".into());
    assert_eq!(world.stored(), expected);
}

#[test]
fn row18_a_reload_in_the_middle_of_the_flush_neither_loses_nor_doubles() {
    let mut world = hundred_offline();
    for _ in 0..3 {
        world.run(15_000);
        world.reload();
    }
    world.run(240_000);
    assert_eq!(world.stored(), numbered(0, 100));
    assert_eq!(world.log("limited").len(), 0);
}

// Row 21: errors without correlation.

guest_only! {
    #[test]
    fn row21_an_error_without_correlation_touches_only_the_one_in_flight() {
        let mut world = World::ready(1);
        world.answer_message(loose_refusal(4011, "message too long"));
        let ids = ["one", "two", "three"].map(|text| world.send(text));
        world.run(5_000);
        assert_eq!((world.status(&ids[0]), world.code(&ids[0])), (Status::Failed, Some(4011)));
        assert_eq!([world.status(&ids[1]), world.status(&ids[2])], [Status::Sent; 2]);
        assert!(ids[1..].iter().all(|id| world.receipts(id, Status::Failed) == 0));
        assert_eq!(world.stored(), ["two", "three"]);
    }
}

guest_only! {
    #[test]
    fn row21_the_oldest_failed_message_is_not_the_one_in_flight() {
        let mut world = World::ready(2);
        world.answer_message(refusal(4011, "message too long"));
        let old = world.send("poison");
        world.run(1_000);
        world.answer_message(loose_refusal(400, "Request failed."));
        let flying = world.send("in flight");
        let behind = world.send("behind");
        world.run(20_000);
        assert_eq!((world.status(&old), world.code(&old)), (Status::Failed, Some(4011)), "the older one keeps its own error");
        assert_eq!((world.status(&flying), world.code(&flying)), (Status::Failed, Some(400)));
        assert_eq!(world.status(&behind), Status::Sent);
    }
}

guest_only! {
    #[test]
    fn row21_an_error_without_correlation_and_nothing_in_flight_touches_nothing() {
        let mut world = World::new(3);
        let id = world.send("waits");
        world.fault(json!({"on": "frame-in", "match": {"action": "configureSession"}, "do": "delay", "ms": 3_000}));
        world.start();
        world.run(1_000);
        assert_eq!(world.requests("configureSession").len(), 1);
        assert_eq!(world.status(&id), Status::Queued);
        world.run_until_ready();
        world.wait_sent(10_000);
        world.raw(loose_refusal(4011, "message too long"));
        world.run(1_000);
        assert_eq!(world.status(&id), Status::Sent);
    }
}

guest_only! {
    #[test]
    fn row21_a_correlated_error_of_another_request_leaves_the_message_alone() {
        let mut world = World::ready(4);
        // The echo of the message is slow, and meanwhile something else is refused.
        world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "delay", "ms": 1_000}));
        let id = world.send("slow");
        world.run(100);
        let mut frame = refusal(4011, "message too long");
        frame["tracingId"] = json!("00000000-0000-4000-8000-00000000beef");
        world.raw(frame);
        world.run(100);
        assert_eq!(world.status(&id), Status::Sending);
        world.wait_sent(5_000);
        assert_eq!(world.receipts(&id, Status::Failed), 0);
    }
}

// Row 22: poison.

guest_only! {
    #[test]
    fn row22_a_poisoned_message_fails_and_the_rest_goes_on() {
        for code in [4011, 4013] {
            let mut world = World::ready(code.into());
            world.answer_message(refusal(code, "too large"));
            let poison = world.send("poison");
            let next = world.send("fine");
            world.run(5_000);
            assert_eq!((world.status(&poison), world.code(&poison)), (Status::Failed, Some(code)));
            assert_eq!(world.status(&next), Status::Sent);
            assert_eq!(world.stored(), ["fine"]);
        }
    }
}

guest_only! {
    #[test]
    fn row22_a_poisoned_message_is_never_retried_over_reloads() {
        for code in [4011, 4013] {
            let mut world = World::ready(code.into());
            world.answer_message(refusal(code, "too large"));
            let poison = world.send("poison");
            world.run(5_000);
            for _ in 0..2 {
                world.reload();
                world.run_until_ready();
                world.run(90_000);
                assert_eq!((world.status(&poison), world.code(&poison)), (Status::Failed, Some(code)), "still shown, with its reason");
            }
            assert_eq!(world.sent_texts(), ["poison"]);
            world.with(|session, now| session.retry(now, &poison)).unwrap();
            world.run(20_000);
            assert_eq!(world.stored(), ["poison"], "a click sends it");
        }
    }
}

#[test]
fn row22_a_message_over_which_the_service_closed_is_never_sent_again_over_reloads() {
    let mut world = World::ready(22);
    // The one refusal of a message that both protocols have.
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "close", "code": 1009}));
    let poison = world.send("poison");
    let next = world.send("fine");
    world.wait("the rest sent", 60_000, |world| world.page.row(&next).is_some_and(|row| row.status == Status::Sent));
    for _ in 0..2 {
        world.reload();
        world.run_until_ready();
        world.run(90_000);
        assert_eq!((world.status(&poison), world.code(&poison)), (Status::Failed, Some(Code::MESSAGE_TOO_BIG.0)), "still shown, with its reason");
    }
    assert_eq!(world.sent_texts(), ["poison", "fine"]);
    world.with(|session, now| session.retry(now, &poison)).unwrap();
    world.run(20_000);
    assert_eq!(world.stored(), ["fine", "poison"], "a click sends it");
}

guest_only! {
    #[test]
    fn row22_attributes_that_are_too_large_go_and_the_text_is_sent_without_them() {
        let mut world = World::ready(1);
        world.answer_message(refusal(4013, "Custom Attributes in channel metadata is larger than 2048 bytes"));
        let draft = json!({"text": "with attributes", "attributes": {"plan": "gold"}}).to_string();
        let id = world.with(|session, now| session.send(now, &draft)).unwrap();
        world.run(5_000);
        assert_eq!(world.status(&id), Status::Sent);
        let sent = world.sent_messages();
        assert_eq!(sent.len(), 2);
        assert_eq!(sent[0]["message"]["channel"]["metadata"]["customAttributes"], json!({"plan": "gold"}));
        assert_eq!(sent[1]["message"].get("channel"), None);
        assert_eq!(sent[1]["tracingId"], sent[0]["tracingId"]);
    }
}

// Row 24: overflow and age.

#[test]
fn row24_the_201st_message_is_refused_by_type_and_the_others_are_kept() {
    let mut world = offline(1);
    for text in &numbered(0, 200) {
        world.send(text);
    }
    let refused = world.try_send("one too many").unwrap_err();
    assert_eq!(refused.code, Code::OUTBOX_FULL);
    assert_eq!(world.page.texts(), numbered(0, 200));
    assert_eq!((world.page.outbox.0, world.message_keys().len()), (200, 200));
    world.heal();
    world.run_until_ready();
    world.wait("room again", 20_000, |world| world.page.outbox.0 < 200);
    world.send("now it fits");
}

#[test]
fn row24_192_kib_of_utf16_is_the_most_that_waits() {
    let mut world = offline(2);
    let text = "x".repeat(4_096);
    let mut accepted = 0;
    let refused = loop {
        match world.try_send(&text) {
            Ok(_) => accepted += 1,
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refused.code, Code::OUTBOX_FULL);
    // A record is at least its 8192 bytes of text, and not twice that.
    assert!((13..=24).contains(&accepted), "{accepted}");
    let kept: usize =
        world.storage.iter().filter(|(key, _)| key.contains(":m:")).map(|(k, v)| 2 * (k.encode_utf16().count() + v.encode_utf16().count())).sum();
    assert!(kept <= 192 * 1024, "{kept}");
    // Every record may grow by 320 bytes, by what becomes of it.
    assert!(kept + 2 * 4_096 + 1_000 + 320 * (accepted + 1) > 192 * 1024, "{kept}: there was room for another");
    assert_eq!(world.page.outbox.1 as usize, kept);
}

#[test]
fn row24_after_an_hour_a_message_expires_and_is_not_sent_unasked() {
    let mut world = offline(3);
    let id = world.send("too old");
    world.run(HOUR - 1_000);
    assert_eq!(world.status(&id), Status::Queued);
    world.run(2_000);
    assert_eq!((world.status(&id), world.code(&id)), (Status::Expired, Some(Code::MESSAGE_EXPIRED.0)));
    world.heal();
    world.run_until_ready();
    world.run(60_000);
    assert_eq!(world.sent_texts().len(), 0);
}

#[test]
fn row24_one_click_sends_an_expired_message() {
    let mut world = offline(4);
    let id = world.send("too old");
    world.run(HOUR + 1_000);
    world.heal();
    world.run_until_ready();
    world.with(|session, now| session.retry(now, &id)).unwrap();
    world.wait_sent(5_000);
    assert_eq!(world.stored(), ["too old"]);
}

#[test]
fn row24_what_was_sent_is_looked_for_before_it_is_too_old_also_by_who_takes_the_lead() {
    let mut world = World::settled(61);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "drop", "after": true}));
    let id = world.send("it arrived");
    world.run(100);
    world.network.line = Line::Offline;
    world.run(2 * HOUR);
    world.lose_lead();
    world.with(|session, now| session.take_over(now));
    world.run(60_000);
    assert_eq!(world.status(&id), Status::Queued);
    world.heal();
    world.wait("found", 120_000, |world| world.page.row(&id).is_some_and(|row| row.status == Status::Sent));
    assert_eq!((world.receipts(&id, Status::Expired), world.times_stored("it arrived")), (0, 1));
}

#[test]
fn row24_a_message_that_aged_while_the_page_was_closed_expires() {
    let mut world = offline(5);
    let id = world.send("from this morning");
    world.kill();
    world.run(2 * HOUR);
    world.heal();
    world.load_page();
    world.start();
    world.run_until_ready();
    world.run(60_000);
    assert_eq!(world.status(&id), Status::Expired);
    assert_eq!(world.sent_texts().len(), 0);
}

#[test]
fn row24_a_jump_of_the_visitors_clock_expires_nothing() {
    let mut world = offline(6);
    let id = world.send("young");
    world.skew = 2 * HOUR as i64;
    world.run(60_000);
    assert_eq!(world.status(&id), Status::Queued);
    world.heal();
    world.run_until_ready();
    world.wait_sent(10_000);
}

guest_only! {
    #[test]
    fn row24_after_a_jump_and_a_reload_nothing_expires_before_the_service_has_told_its_time() {
        let mut world = offline(7);
        let id = world.send("young");
        world.skew = 2 * HOUR as i64;
        world.kill();
        world.load_page();
        world.start();
        world.run(600_000);
        assert_eq!(world.status(&id), Status::Queued);
        world.heal();
        world.run_until_ready();
        world.run(10_000);
        assert_eq!(world.status(&id), Status::Sent, "ten minutes old by the service's clock");
    }
}

#[test]
fn row24_age_counts_by_the_service_where_the_visitors_clock_was_slow_and_is_set_right() {
    let mut world = World::new(8);
    world.skew = -2 * HOUR as i64;
    world.start();
    world.run_until_ready();
    // Over the session protocol only a message tells it.
    world.agent("the time of the service");
    world.run(1_000);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(1_000);
    let id = world.send("young");
    world.kill();
    world.skew = 0;
    world.run(60_000);
    world.heal();
    world.load_page();
    world.start();
    world.run_until_ready();
    world.run(10_000);
    assert_eq!(world.status(&id), Status::Sent, "a minute old by the service's clock");
}

guest_only! {
    #[test]
    fn row24_age_counts_by_the_service_where_the_visitors_clock_was_set_back() {
        let mut world = World::ready(9);
        world.network.line = Line::Offline;
        world.break_line();
        world.run(1_000);
        let id = world.send("old");
        world.kill();
        world.run(2 * HOUR);
        world.skew = -3 * HOUR as i64;
        world.heal();
        world.load_page();
        world.start();
        world.run_until_ready();
        world.run(30_000);
        assert_eq!(world.status(&id), Status::Expired, "two hours old by the service's clock");
        assert_eq!(world.sent_texts().len(), 0);
    }
}

#[test]
fn row24_a_session_that_was_idle_for_hours_does_not_make_a_new_message_old() {
    let mut world = World::ready(12);
    world.send("the last activity");
    world.wait_sent(5_000);
    world.kill();
    world.run(2 * HOUR);
    world.load_page();
    world.start();
    world.run_until_ready();
    world.network.line = Line::Offline;
    world.break_line();
    let id = world.send("young");
    world.kill();
    world.agent("activity by the agent");
    world.run(60_000);
    world.heal();
    world.load_page();
    world.start();
    world.run_until_ready();
    world.run(20_000);
    assert_eq!(world.status(&id), Status::Sent, "a minute old by the service's clock");
}

guest_only! {
    #[test]
    fn a_text_is_measured_in_bytes_of_utf8_before_it_is_accepted() {
        let mut world = World::ready(10);
        assert_eq!(world.try_send(&"é".repeat(2_049)).unwrap_err().code, Code::MESSAGE_TOO_LONG);
        assert_eq!(world.try_send(&"x".repeat(4_097)).unwrap_err().code, Code::MESSAGE_TOO_LONG);
        world.send(&"é".repeat(2_048));
        world.wait_sent(5_000);
        assert_eq!(world.stored(), ["é".repeat(2_048)]);
        assert_eq!(world.requests("onMessage").len(), 2, "the Join and the one that fits");
    }
}

#[test]
fn at_most_one_message_is_in_flight() {
    let mut world = World::ready(11);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "count": 0, "do": "delay", "ms": 500}));
    for text in ["one", "two", "three"] {
        world.send(text);
    }
    world.run(400);
    assert_eq!(world.sent_texts(), ["one"]);
    world.run(5_000);
    assert_eq!(world.stored(), ["one", "two", "three"]);
    let at: Vec<u64> = world
        .log("stored")
        .iter()
        .filter(|r| r["action"] == "onMessage" && r["text"].is_string())
        .map(|r| r["at"].as_u64().unwrap() - EPOCH)
        .collect();
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= 540), "{at:?}");
    assert_eq!(world.state(), State::Ready);
}
