//! Messages in: faults.md rows 25 to 27.

use crate::common::{Line, World, agent_body, iso};
use guestwire::core::error::Code;
use guestwire::core::state::State;
use guestwire::guest::event::{Event, Status};
use serde_json::{Value, json};

const MESSAGES: &str = "/webmessaging/messages";

fn lines(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|n| format!("line {n}")).collect()
}

fn gaps(world: &World) -> Vec<bool> {
    world.page.events.iter().filter_map(|event| if let Event::Gap { filled, .. } = event { Some(*filled) } else { None }).collect()
}

// Row 25: a long gap.

/// Twenty lines seen, then away while sixty more are said; pages hold ten.
fn gap(seed: u64) -> World {
    let mut world = World::new(seed);
    world.set(json!({"maxPageSize": 10, "sessionPageSize": 10}));
    world.start();
    world.run_until_ready();
    for text in lines(0, 20) {
        world.agent(&text);
        world.run(50);
    }
    world.run(70_000);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(1_000);
    for text in lines(20, 80) {
        world.agent(&text);
        world.run(50);
    }
    world
}

fn reads_per_minute(world: &mut World) -> usize {
    let at: Vec<u64> = world.history_reads().iter().map(|(_, at)| *at).collect();
    at.iter().map(|from| at.iter().filter(|other| (*from..*from + 60_000).contains(other)).count()).max().unwrap_or(0)
}

guest_only! {
    #[test]
    fn row25_a_gap_over_several_pages_is_read_until_the_watermark() {
        let mut world = gap(1);
        world.heal();
        world.run_until_ready();
        let before = world.history_reads().len();
        let resyncs = |world: &World| world.events(|event| matches!(event, Event::Metric { kind: "resync", .. }));
        let done = resyncs(&world);
        world.wait("resynced", 120_000, |world| resyncs(world) > done);
        assert!((6..=7).contains(&(world.history_reads().len() - before)), "{:?}", world.history_reads());
        assert_eq!(world.page.texts(), lines(0, 80));
        world.run(180_000);
        assert_eq!(world.page.texts(), lines(0, 80));
        assert_eq!(gaps(&world), [] as [bool; 0]);
        // Sixty new entries are six pages; the seventh holds the watermark. The rest of the history is not read, though what
        // a lagging history may have hidden is looked for a second time.
        let reads = world.history_reads().len() - before;
        assert!((6..=14).contains(&reads), "{:?}", world.history_reads());
    }
}

#[test]
fn row25_live_messages_that_shift_the_pages_leave_no_hole_and_no_double() {
    let mut world = gap(2);
    world.heal();
    world.run_until_ready();
    for text in lines(80, 110) {
        world.agent(&text);
        world.run(30);
    }
    world.run(180_000);
    assert_eq!(world.page.texts(), lines(0, 110));
}

#[test]
fn row25_live_frames_show_at_once_while_pages_are_missing() {
    let mut world = gap(3);
    world.heal();
    world.fault(json!({"on": "http", "match": {"path": MESSAGES}, "count": 0, "do": "status", "status": 500}));
    world.run_until_ready();
    world.agent("live");
    world.run(100);
    assert_eq!(world.page.texts().last().unwrap(), "live");
}

guest_only! {
    #[test]
    fn row25_a_page_that_answers_500_and_then_429_is_read_all_the_same() {
        let mut world = gap(4);
        world.heal();
        world.fault(json!([
            {"on": "http", "match": {"path": MESSAGES}, "nth": 2, "do": "status", "status": 500},
            {"on": "http", "match": {"path": MESSAGES}, "nth": 2, "do": "status", "status": 429},
        ]));
        world.run_until_ready();
        world.run(240_000);
        let statuses: Vec<u16> = world.history_reads().iter().map(|(status, _)| *status).collect();
        assert!(statuses.windows(2).any(|pair| pair == [500, 429]), "{statuses:?}");
        assert_eq!(world.page.texts(), lines(0, 80));
    }
}

#[test]
fn row25_at_most_ten_reads_a_minute() {
    let mut world = World::new(5);
    world.set(json!({"maxPageSize": 5, "sessionPageSize": 5}));
    world.start();
    world.run_until_ready();
    world.agent("seen");
    world.run(70_000);
    world.network.line = Line::Offline;
    world.break_line();
    world.run(1_000);
    for text in lines(0, 100) {
        world.agent(&text);
    }
    world.heal();
    world.run_until_ready();
    world.run(300_000);
    assert_eq!(world.log("limited").len(), 0);
    // The limit was come to: 101 entries are 21 pages.
    assert!((8..=10).contains(&reads_per_minute(&mut world)), "{}", reads_per_minute(&mut world));
    assert_eq!(world.page.texts().len(), 101);
}

#[test]
fn row25_after_three_failures_a_gap_is_told_until_it_is_filled() {
    let mut world = gap(6);
    world.heal();
    world.fault(json!({"on": "http", "match": {"path": MESSAGES}, "nth": 2, "count": 3, "do": "status", "status": 500}));
    world.run_until_ready();
    world.run(30_000);
    assert_eq!(gaps(&world), [false]);
    assert!(world.page.texts().len() < 80);
    world.run(240_000);
    assert_eq!(gaps(&world), [false, true]);
    assert_eq!(world.page.texts(), lines(0, 80));
}

#[test]
fn row25_a_gap_that_outlives_the_connection_is_filled_on_the_next() {
    let mut world = gap(7);
    world.heal();
    world.fault(json!({"on": "http", "match": {"path": MESSAGES}, "nth": 2, "count": 3, "do": "status", "status": 500}));
    world.run_until_ready();
    world.run(20_000);
    assert_eq!(gaps(&world), [false]);
    world.agent("above the gap");
    world.run(1_000);
    world.break_line();
    world.run(240_000);
    let mut expected = lines(0, 80);
    expected.push("above the gap".into());
    assert_eq!(world.page.texts(), expected, "the watermark stays below the gap");
    assert_eq!(gaps(&world).last(), Some(&true));
}

#[test]
fn row25_a_live_message_before_the_resync_is_done_does_not_move_the_watermark() {
    let mut world = gap(8);
    world.heal();
    world.fault(json!({"on": "http", "match": {"path": MESSAGES}, "count": 0, "do": "blackhole"}));
    world.run_until_ready();
    world.agent("live");
    world.run(1_000);
    world.break_line();
    world.heal();
    world.run(240_000);
    let mut expected = lines(0, 80);
    expected.push("live".into());
    assert_eq!(world.page.texts(), expected);
}

// Row 26: duplicates, order, ties.

fn quiet(seed: u64) -> World {
    let mut world = World::ready(seed);
    world.run(1_000);
    world
}

#[test]
fn row26_a_frame_that_comes_twice_is_one_row() {
    let mut world = quiet(1);
    world.fault(json!({"on": "frame-out", "match": {"class": "StructuredMessage"}, "count": 0, "do": "duplicate"}));
    world.agent("twice");
    world.send("mine");
    world.run(2_000);
    assert_eq!(world.page.texts(), ["twice", "mine"]);
    assert_eq!(world.metric("doubles"), 0);
}

#[test]
fn row26_a_message_by_live_and_by_history_is_one_row() {
    let mut world = quiet(2);
    world.agent("seen");
    world.send("mine");
    world.run(2_000);
    world.break_line();
    world.run_until_ready();
    world.run(30_000);
    assert_eq!(world.page.texts(), ["seen", "mine"]);
}

guest_only! {
    #[test]
    fn row26_a_message_of_another_tab_by_live_and_by_history_is_one_row() {
        let mut world = quiet(3);
        let at = world.now;
        let frame = json!({"type": "message", "class": "StructuredMessage", "code": 200, "tracingId": "00000000-0000-4000-8000-0000000000aa",
            "body": {"id": "0123456789abcdef0123456789abcdef", "type": "Text", "text": "from my other tab", "direction": "Inbound",
                "channel": {"time": iso(at), "messageId": "00000000-0000-4000-8000-0000000000bb"}, "metadata": {"correlationId": "c"}}});
        world.control("/_sim/agent", json!({"do": "raw", "store": true, "frame": frame}));
        world.run(1_000);
        world.break_line();
        world.run_until_ready();
        world.run(30_000);
        assert_eq!(world.page.texts(), ["from my other tab"]);
        assert_eq!(
            world.page.rows.iter().filter(|row| row.status == Status::Sent && row.text.is_none() && row.server_id.is_some()).count(),
            world.page.rows.len()
        );
    }
}

guest_only! {
    #[test]
    fn row26_rows_are_joined_by_any_shared_id() {
        let mut world = quiet(4);
        let body = |id: Option<&str>, message_id: Option<&str>| {
            let mut body = agent_body("", "one and the same", 2_000);
            body.as_object_mut().unwrap().remove("id");
            if let Some(id) = id {
                body["id"] = json!(id);
            }
            if let Some(message_id) = message_id {
                body["channel"]["messageId"] = json!(message_id);
            }
            body
        };
        world.raw_body(body(Some("a"), Some("m")));
        world.raw_body(body(None, Some("m")));
        world.raw_body(body(Some("b"), Some("m")));
        world.raw_body(body(Some("b"), None));
        world.raw_body(body(Some("a"), None));
        world.run(1_000);
        assert_eq!(world.page.texts(), ["one and the same"]);
    }
}

guest_only! {
    #[test]
    fn row26_two_different_messages_with_equal_text_and_equal_time_are_two_rows() {
        let mut world = quiet(5);
        world.raw_body(agent_body("b", "ok", 2_000));
        world.raw_body(agent_body("a", "ok", 2_000));
        world.run(1_000);
        assert_eq!(world.page.texts(), ["ok", "ok"]);
        let ids: Vec<_> = world.page.rows.iter().filter_map(|row| row.server_id.clone()).filter(|id| id.len() == 1).collect();
        assert_eq!(ids, ["a", "b"], "a tie is ordered by id");
    }
}

#[test]
fn row26_ties_in_history_are_all_kept() {
    let mut world = quiet(6);
    world.set(json!({"sameMillisecond": true}));
    for text in ["one", "two", "three"] {
        world.agent(text);
    }
    world.run(1_000);
    world.reload();
    world.run_until_ready();
    world.run(2_000);
    let mut texts = world.page.texts();
    texts.sort();
    assert_eq!(texts, ["one", "three", "two"]);
}

guest_only! {
    #[test]
    fn row26_messages_without_a_time_stand_where_they_arrived() {
        let mut world = quiet(7);
        let untimed = |id: &str, text: &str| json!({"id": id, "type": "Text", "text": text, "direction": "Outbound"});
        world.raw_body(agent_body("a", "first", 2_000));
        world.raw_body(untimed("b", "second"));
        world.raw_body(untimed("c", "third"));
        world.raw_body(agent_body("d", "fourth", 2_500));
        world.run(1_000);
        assert_eq!(world.page.texts(), ["first", "second", "third", "fourth"]);
    }
}

guest_only! {
    #[test]
    fn row26_a_time_that_cannot_be_read_costs_nothing_but_the_time() {
        let mut world = quiet(8);
        let mut body = agent_body("a", "when?", 2_000);
        body["channel"]["time"] = json!("yesterday at noon");
        world.raw_body(body);
        world.run(1_000);
        assert_eq!(world.page.texts(), ["when?"]);
    }
}

guest_only! {
    #[test]
    fn row26_one_that_comes_late_is_inserted_where_it_belongs() {
        let mut world = quiet(9);
        world.raw_body(agent_body("a", "first", 2_000));
        world.raw_body(agent_body("c", "third", 5_000));
        world.run(100);
        world.raw_body(agent_body("b", "second", 3_500));
        world.run(100);
        assert_eq!(world.page.texts(), ["first", "second", "third"]);
        let index =
            world.page.events.iter().rev().find_map(|event| if let Event::Message { index, .. } = event { Some(*index as usize) } else { None }).unwrap();
        assert!(index < world.page.rows.len() - 1, "told as inserted before the last");
    }
}

#[test]
fn row26_reordered_frames_are_put_in_order() {
    let mut world = quiet(10);
    world.fault(json!({"on": "frame-out", "match": {"class": "StructuredMessage"}, "do": "reorder", "window": 4}));
    for text in lines(0, 4) {
        world.agent(&text);
        world.run(50);
    }
    world.run(2_000);
    assert_eq!(world.page.texts(), lines(0, 4));
}

#[test]
fn row26_the_unsent_stand_last_and_a_settled_one_is_reported_as_moved() {
    let mut world = quiet(11);
    world.fault(json!({"on": "frame-out", "match": {"action": "onMessage", "type": "Text"}, "do": "delay", "ms": 1_500}));
    let id = world.send("mine");
    world.run(500);
    world.agent("said after it");
    world.run(200);
    assert_eq!(world.page.texts(), ["said after it", "mine"], "unsent last");
    world.run(2_000);
    assert_eq!(world.page.texts(), ["mine", "said after it"], "by the service's time");
    assert_eq!(world.events(|event| matches!(event, Event::Moved { id: moved, .. } if *moved == id)), 1);
}

guest_only! {
    #[test]
    fn row26_a_double_of_the_service_is_one_row_and_counted() {
        let mut world = quiet(12);
        world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "duplicate"}));
        world.send("twice at the service");
        world.run(5_000);
        assert_eq!(world.times_stored("twice at the service"), 2);
        assert_eq!(world.page.texts(), ["twice at the service"]);
        assert_eq!(world.metric("doubles"), 1);
    }
}

// Row 27: garbage.

fn structured(body: Value) -> Value {
    json!({"type": "message", "class": "StructuredMessage", "code": 200, "body": body})
}

/// Sends frames as they stand, says something afterwards, and asserts that the connection and the list are well.
fn survives(frames: &[Value]) -> World {
    let mut world = quiet(27);
    for frame in frames {
        world.raw(frame.clone());
    }
    world.run(100);
    world.agent("after it");
    world.send("mine");
    world.run(5_000);
    assert_eq!((world.opens.len(), world.state()), (1, State::Ready));
    let texts = world.page.texts();
    assert_eq!(texts[texts.len() - 2..], ["after it", "mine"]);
    world
}

#[test]
fn row27_what_is_not_json_is_skipped_and_counted() {
    let world = survives(&[json!("this is {not a frame"), json!(""), json!("[]"), json!("\"text\""), json!("{\"class\":"), json!("{}}")]);
    assert_eq!(world.metric("garbage"), 6);
    assert_eq!(world.page.texts().len(), 2);
}

#[test]
fn row27_garbage_of_every_kind_is_skipped_and_the_socket_stays() {
    for (kind, counted) in [("text", 1), ("binary", 1), ("deep", 1), ("huge", 0)] {
        let mut world = quiet(1);
        world.fault(json!({"on": "frame-out", "match": {"class": "StructuredMessage"}, "do": "garbage", "as": kind}));
        world.agent("after it");
        world.run(5_000);
        assert_eq!((world.page.texts(), world.opens.len()), (vec!["after it".to_string()], 1), "{kind}");
        assert!(world.metric("garbage") >= counted, "{kind}");
    }
}

#[test]
fn row27_an_unknown_class_is_skipped() {
    let world = survives(&[
        json!({"type": "message", "class": "HologramEvent", "code": 200, "body": {"id": "x"}}),
        json!({"type": "surprise", "class": "HologramEvent"}),
    ]);
    assert_eq!(world.page.texts().len(), 2);
}

guest_only! {
    #[test]
    fn row27_missing_fields_are_stood() {
        survives(&[
            json!({"class": "StructuredMessage"}),
            json!({"type": "message", "code": 200, "body": {}}),
            json!({"class": "SessionResponse", "code": 200}),
            json!({"class": "JwtResponse", "body": {}}),
            json!({"class": "TooManyRequestsErrorMessage", "code": 429}),
            structured(json!({})),
            structured(json!([])),
            structured(json!(null)),
        ]);
    }
}

guest_only! {
    #[test]
    fn row27_null_maps_do_not_cost_the_message() {
        let world = survives(&[structured(
            json!({"id": "n", "type": "Text", "text": "with nulls", "direction": "Outbound", "channel": {"time": iso(500), "from": null},
            "metadata": null, "content": null, "events": null}),
        )]);
        assert_eq!(world.page.texts(), ["with nulls", "after it", "mine"]);
    }
}

guest_only! {
    #[test]
    fn row27_unknown_enum_values_do_not_cost_the_message() {
        let world = survives(&[
            structured(
                json!({"id": "u1", "type": "Message", "text": "a type of the model", "direction": "Outbound", "channel": {"time": iso(500), "type": "Secret"}}),
            ),
            structured(json!({"id": "u2", "type": "Structured", "text": "unknown part", "direction": "Sideways", "channel": {"time": iso(600)},
                "content": [{"contentType": "Hologram", "hologram": {"depth": 3}}], "originatingEntity": "Ghost"})),
            structured(json!({"id": "u3", "type": "Event", "direction": "Outbound", "channel": {"time": iso(700)},
                "events": [{"eventType": "Presence", "presence": {"type": "Levitate"}}, {"eventType": "Teleport"}]})),
            structured(json!({"id": "u4", "type": "Receipt", "direction": "Outbound", "channel": {"time": iso(800)}, "status": "Read"})),
        ]);
        assert_eq!(world.page.texts(), ["a type of the model", "unknown part", "after it", "mine"]);
    }
}

#[test]
fn row27_lone_surrogates_and_deep_nesting_are_stood() {
    let surrogate = r#"{"type":"message","class":"StructuredMessage","code":200,"body":{"id":"s","type":"Text","text":"\ud800 alone","direction":"Outbound","channel":{"time":"2026-01-01T00:00:00.500Z"}}}"#;
    let deep = format!(r#"{{"type":"message","class":"StructuredMessage","code":200,"body":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    survives(&[json!(surrogate), json!(deep)]);
}

guest_only! {
    #[test]
    fn row27_a_float_where_a_count_is_meant_does_not_cost_the_session() {
        let mut world = World::new(2);
        let odd = json!({"type": "response", "class": "SessionResponse", "code": 200, "tracingId": "$tracingId",
            "body": {"connected": true, "newSession": false, "maxCustomDataBytes": 2048.0, "durationSeconds": 259200.0, "allowedMedia": null,
                "blockedExtensions": null, "expirationDate": 1.7674e9}});
        world.fault(json!({"on": "frame-out", "match": {"class": "SessionResponse"}, "do": "reply", "frame": odd}));
        world.start();
        world.run(2_000);
        assert_eq!(world.state(), State::Ready);
    }
}

guest_only! {
    #[test]
    fn row27_one_odd_entry_of_a_history_page_costs_only_itself() {
        let mut world = quiet(3);
        world.agent("good");
        world.set(json!({"oddHistory": true}));
        world.run(500);
        world.reload();
        world.run_until_ready();
        world.run(2_000);
        assert!(world.page.texts().contains(&"good".to_string()));
        assert_eq!(gaps(&world), [] as [bool; 0]);
    }
}

fn rain(world: &mut World, frames: usize) {
    for _ in 0..frames {
        world.raw(json!("garbage"));
        world.run(100);
    }
}

#[test]
fn row27_twenty_in_a_minute_are_stood_and_more_replace_the_connection_once() {
    let mut world = quiet(4);
    rain(&mut world, 20);
    world.run(20_000);
    assert_eq!(world.opens.len(), 1);
    // In a minute of its own.
    world.run(120_000 - world.now);
    rain(&mut world, 21);
    world.run(10_000);
    assert_eq!((world.opens.len(), world.state()), (2, State::Ready));
    assert!(!world.page.warned(Code::GARBAGE));
    world.run(180_000 - world.now);
    rain(&mut world, 25);
    world.run(10_000);
    assert_eq!(world.opens.len(), 2, "once");
    assert!(world.page.warned(Code::GARBAGE), "then a warning");
}

#[test]
fn row27_garbage_never_reaches_diagnostics_as_it_stood() {
    let mut world = quiet(5);
    world.raw(json!("my secret is 4711"));
    world.run(100);
    let session = world.session.as_ref().unwrap();
    let diagnostics = serde_json::to_value(session.diagnostics()).unwrap();
    assert_eq!(diagnostics["garbage"], 1.0);
    assert_eq!(diagnostics["garbageSample"], "xx xxxxxx xx 0000", "its form, and nothing that it said");
}
