//! What each class does to a conversation: the frames of `frames/` given to a session that stands, through the
//! simulator's raw frames. A frame goes out as the text that it is.

use crate::common::World;
use crate::frames::{all, frame};
use guestwire::core::error::Code;
use guestwire::core::state::{End, Pause, State};
use guestwire::guest::event::{Direction, Event, Kind, Status};
use serde_json::{Value, json};

/// Frames after which the conversation or the connection is another.
const ENDING: &[&str] = &[
    "connection_closed",
    "connection_closed_null_reason",
    "connection_closed_other_reason",
    "connection_closed_reason_code",
    "connection_closed_signed_in",
    "connection_closed_without_body",
    "disconnect_read_only",
    "logout",
    "logout_null_body",
    "session_cleared",
    "session_expired",
    "string_403_authenticate",
    "string_403_session_authentication",
    "string_4006",
];

/// The service says this, word for word.
fn says(world: &mut World, frame: &str) {
    world.control("/_sim/agent", json!({"do": "raw", "frame": frame}));
    world.run(500);
}

/// The row of the service's entry with this id.
fn row<'w>(world: &'w World, id: &str) -> &'w guestwire::guest::event::Row {
    world.page.rows.iter().find(|row| row.server_id.as_deref() == Some(id)).unwrap_or_else(|| panic!("no row {id}: {:?}", world.page.rows))
}

fn token(world: &World) -> Option<String> {
    let stored = world.storage.iter().find(|(key, _)| key.ends_with(":session"))?;
    let stored: Value = serde_json::from_str(stored.1).expect("JSON");
    stored["token"].as_str().map(str::to_string)
}

#[test]
fn no_frame_costs_the_next_one() {
    let mut seen = 0;
    for (name, text) in all() {
        if ENDING.contains(&name.as_str()) {
            continue;
        }
        let mut world = World::ready(1);
        says(&mut world, &text);
        world.agent("after it");
        world.run(1_000);
        assert_eq!(world.state(), State::Ready, "{name}");
        assert!(world.page.texts().contains(&"after it".to_string()), "{name}: {:?}", world.page.texts());
        let id = world.send("and back");
        // A 429 that does not say for how long means a minute (§4.4).
        world.run(62_000);
        assert_eq!(world.status(&id), Status::Sent, "{name}");
        assert_eq!(world.opens.len(), 1, "{name} cost the connection");
        seen += 1;
    }
    assert!(seen > 100, "{seen} frames");
}

#[test]
fn what_is_no_frame_is_counted_and_the_socket_stays() {
    let mut world = World::ready(2);
    let bad = [
        "this is {not a frame",
        "",
        "[]",
        "null",
        frame!("no_class"),
        frame!("class_is_number"),
        frame!("nested_sixty_five"),
        frame!("structured_message_body_is_string"),
        frame!("session_response_without_body"),
        frame!("jwt_response_without_jwt"),
    ];
    for (count, text) in bad.into_iter().enumerate() {
        assert_eq!(world.metric("garbage"), count as u64, "before {text}");
        says(&mut world, text);
    }
    assert_eq!(world.metric("garbage"), bad.len() as u64);
    assert_eq!((world.state(), world.opens.len()), (State::Ready, 1));
}

#[test]
fn what_is_only_odd_is_no_garbage() {
    let mut world = World::ready(3);
    for text in [
        frame!("null_maps"),
        frame!("lone_surrogate"),
        frame!("attachment_float_size"),
        frame!("receipt"),
        frame!("upload_success"),
        frame!("get_configuration_response"),
        frame!("presence_authenticate"),
        frame!("typing_bare"),
    ] {
        says(&mut world, text);
        assert_eq!(world.metric("garbage"), 0, "{text}");
    }
}

/// faults.md row 27: "unknown class … -> skipped and counted".
#[test]
fn an_unknown_class_is_skipped_and_counted() {
    let mut world = World::ready(4);
    says(&mut world, frame!("class_of_tomorrow"));
    assert_eq!((world.state(), world.opens.len()), (State::Ready, 1));
    assert_eq!(world.metric("garbage"), 1);
}

#[test]
fn a_message_arrives_with_its_body_untouched() {
    let mut world = World::ready(5);
    for (text, id, kind) in [
        (frame!("message_full"), "5befde6373a23f32f20b59b4e1cba0e6", Kind::Text),
        (frame!("quick_replies"), "msg_id", Kind::Structured),
        (frame!("carousel"), "carousel-id", Kind::Structured),
        (frame!("date_picker"), "dp1", Kind::Structured),
        (frame!("attachment"), "m1", Kind::Text),
        (frame!("every_part"), "parts-1", Kind::Structured),
        (frame!("attachment_without_url"), "o1", Kind::Text),
        (frame!("card_without_description"), "o3", Kind::Structured),
        (frame!("part_without_content_type"), "o4", Kind::Structured),
        (frame!("null_maps"), "o5", Kind::Text),
        (frame!("unknown_message_type"), "o14", Kind::Structured),
    ] {
        says(&mut world, text);
        let row = row(&world, id);
        assert_eq!((row.direction, row.kind, row.status), (Direction::Outbound, kind, Status::Sent), "{id}");
        let body: Value = serde_json::from_str(&world.page.bodies[&row.id]).expect("JSON");
        assert_eq!(body, serde_json::from_str::<Value>(text).expect("JSON")["body"], "{id}");
    }
}

#[test]
fn rows_stand_in_the_order_of_their_time() {
    let mut world = World::ready(6);
    says(&mut world, frame!("quick_replies"));
    says(&mut world, frame!("message_full"));
    let texts: Vec<_> = world.page.texts();
    assert_eq!(texts, ["Hi", "What would you like to do?"]);
}

#[test]
fn one_message_twice_is_one_row() {
    let mut world = World::ready(7);
    says(&mut world, frame!("message_full"));
    says(&mut world, frame!("message_full"));
    let by_other_id = frame!("message_full").replace("5befde6373a23f32f20b59b4e1cba0e6", "another-id");
    says(&mut world, &by_other_id);
    assert_eq!(world.page.texts(), ["Hi"]);
}

#[test]
fn receipts_and_presence_of_the_model_show_nothing() {
    let mut world = World::ready(8);
    // The guest's own Join is a row.
    world.run(1_000);
    let before = world.page.rows.len();
    for text in [frame!("receipt"), frame!("presence_session_expired"), frame!("presence_authenticate"), frame!("co_browse"), frame!("reactions")] {
        says(&mut world, text);
    }
    assert_eq!(world.page.rows.len(), before);
}

#[test]
fn the_other_side_types_and_stops() {
    let mut world = World::ready(9);
    says(&mut world, frame!("typing_on"));
    assert!(world.page.typing);
    says(&mut world, frame!("typing_off"));
    assert!(!world.page.typing);
    says(&mut world, frame!("typing_on"));
    world.run(4_000);
    assert!(world.page.typing, "five seconds are not over");
    world.run(1_000);
    assert!(!world.page.typing, "five seconds are over");
    says(&mut world, frame!("typing_duration_ms"));
    world.run(6_000);
    assert!(world.page.typing, "seven seconds are not over");
    says(&mut world, frame!("message_full"));
    assert!(!world.page.typing, "a message ends it");
}

#[test]
fn the_guest_s_own_typing_shows_nothing() {
    let mut world = World::ready(10);
    says(&mut world, frame!("typing_of_the_guest"));
    assert!(!world.page.typing);
    assert_eq!(world.events(|event| matches!(event, Event::Typing { .. })), 0);
}

/// §3.4.5: "Several events may be in one message; they are handled in order."
#[test]
fn several_events_are_handled_in_order() {
    let mut world = World::ready(11);
    says(&mut world, frame!("several_events"));
    assert!(world.page.typing, "typing is the last of them");
}

#[test]
fn a_disconnect_ends_writing_only_where_it_says_so() {
    let mut world = World::ready(12);
    says(&mut world, frame!("disconnect"));
    assert_eq!((world.page.read_only, row(&world, "e4").kind), (false, Kind::Event));
    says(&mut world, frame!("disconnect_read_only"));
    assert!(world.page.read_only);
    assert_eq!(world.state(), State::Ready);
    let held = world.send("kept for later");
    world.run(5_000);
    assert_eq!(world.status(&held), Status::Queued);
}

#[test]
fn a_clear_event_alone_changes_nothing() {
    let mut world = World::ready(13);
    world.agent("still here");
    world.run(500);
    says(&mut world, frame!("presence_clear"));
    assert_eq!(world.state(), State::Ready);
    assert_eq!(world.page.texts(), ["still here"]);
}

#[test]
fn a_join_is_owed_until_it_is_seen() {
    let mut world = World::new(14);
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Event"}, "count": 0, "do": "lose"}));
    world.start();
    world.run_until_ready();
    world.run(1_000);
    let owes = |world: &World| world.storage.iter().any(|(key, value)| key.ends_with(":session") && value.contains(r#""joinOwed":true"#));
    assert!(owes(&world));
    says(&mut world, frame!("join"));
    assert!(!owes(&world));
}

#[test]
fn an_expired_session_is_over_and_its_socket_closed() {
    for text in [frame!("session_expired"), frame!("string_4006")] {
        let mut world = World::ready(15);
        says(&mut world, text);
        assert_eq!(world.state(), State::Ended { reason: End::SessionExpired }, "{text}");
        world.run(120_000);
        assert_eq!(world.opens.len(), 1, "nothing connects again by itself: {text}");
        assert_eq!(world.network.most_sockets, 1);
    }
}

#[test]
fn a_cleared_conversation_is_emptied() {
    let mut world = World::ready(16);
    world.agent("gone soon");
    world.run(500);
    let before = token(&world);
    says(&mut world, frame!("session_cleared"));
    says(&mut world, frame!("connection_closed"));
    assert_eq!(world.state(), State::Ended { reason: End::SessionCleared });
    assert!(world.page.rows.is_empty());
    // The same token comes back to a new conversation (§5.2).
    assert_eq!(token(&world), before);
}

#[test]
fn a_connection_pushed_out_rests_for_a_minute() {
    for text in [frame!("connection_closed"), frame!("connection_closed_without_body"), frame!("connection_closed_other_reason")] {
        let mut world = World::ready(17);
        says(&mut world, text);
        assert!(matches!(world.state(), State::Paused { reason: Pause::Evicted, .. }), "{text}: {:?}", world.state());
        world.run(55_000);
        assert_eq!(world.opens.len(), 1, "{text}");
        world.run(10_000);
        assert_eq!(world.state(), State::Ready, "{text}");
    }
}

#[test]
fn who_signed_in_elsewhere_is_another_guest() {
    for text in [frame!("connection_closed_signed_in"), frame!("connection_closed_reason_code"), frame!("connection_closed_null_reason")] {
        let mut world = World::ready(18);
        let before = token(&world).expect("a token");
        says(&mut world, text);
        assert!(matches!(world.state(), State::Ended { .. }), "{text}: {:?}", world.state());
        assert_ne!(token(&world), Some(before.clone()), "{text}");
        world.command(|session, now, ticket| session.restart(now, false, ticket));
        world.run_until_ready();
        assert_ne!(token(&world).expect("a new token"), before, "{text}");
    }
}

#[test]
fn a_logout_leaves_nothing_behind() {
    for text in [frame!("logout"), frame!("logout_null_body")] {
        let mut world = World::ready(19);
        let before = token(&world).expect("a token");
        world.agent("private");
        world.run(500);
        // Held back by the service, so that it waits when the logout comes.
        says(&mut world, frame!("too_many_requests_bare"));
        world.send("unsent and private");
        says(&mut world, text);
        assert_eq!(world.state(), State::Ended { reason: End::LoggedOut }, "{text}");
        assert!(world.page.rows.is_empty(), "{:?}", world.page.rows);
        let left: String = world.storage.values().cloned().collect();
        assert!(!left.contains("private") && !left.contains(&before), "{left}");
    }
}

#[test]
fn a_403_that_asks_to_authenticate_waits_for_the_visitor() {
    for text in [frame!("string_403_authenticate"), frame!("string_403_session_authentication")] {
        let mut world = World::ready(20);
        says(&mut world, text);
        assert_eq!(world.state(), State::AuthRequired, "{text}");
        world.run(120_000);
        assert_eq!(world.opens.len(), 1, "{text}");
    }
}

#[test]
fn an_error_about_nothing_is_told_and_changes_nothing() {
    for (text, code) in [
        (frame!("string_401"), 401),
        (frame!("string_400"), 400),
        (frame!("string_403"), 403),
        (frame!("string_unknown_code"), 5000),
        (frame!("string_body_is_object"), 4009),
        (frame!("string_body_is_null"), 503),
        (frame!("error_of_the_model"), 4020),
        (frame!("error_of_the_docs"), 4009),
    ] {
        let mut world = World::ready(21);
        // Without a request to belong to.
        let mut frame: Value = serde_json::from_str(text).expect("JSON");
        frame.as_object_mut().expect("an object").remove("tracingId");
        if let Some(body) = frame["body"].as_object_mut() {
            body.remove("tracingId");
        }
        says(&mut world, &frame.to_string());
        assert_eq!((world.state(), world.opens.len()), (State::Ready, 1), "{text}");
        assert_eq!(world.events(|event| *event == Event::Error { code: Code(code) }), 1, "{text}");
    }
}

#[test]
fn too_many_requests_hold_the_next_message_back_for_as_long_as_they_say() {
    for text in [frame!("too_many_requests"), frame!("too_many_requests_float")] {
        let mut world = World::ready(22);
        says(&mut world, text);
        let since = world.now;
        let id = world.send("patient");
        world.run(2_400);
        assert_eq!(world.status(&id), Status::Queued, "{text}");
        world.wait_sent(10_000);
        assert!((2_400..4_600).contains(&(world.now - since)), "{} ms", world.now - since);
        assert_eq!((world.state(), world.opens.len()), (State::Ready, 1));
    }
}

/// §3.4.2: an acknowledgement is *inbound*; what a bot copies back is not one.
#[test]
fn an_outbound_message_with_our_id_acknowledges_nothing() {
    let mut world = World::ready(23);
    let rule = json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "reply", "frame": frame!("outbound_with_guest_id")});
    world.fault(rule);
    let id = world.send("mine");
    world.run(1_000);
    assert_ne!(world.status(&id), Status::Sent, "the service never took it");
    assert!(world.page.rows.iter().any(|row| row.direction == Direction::Outbound), "what came is a message of the other side");
    world.wait_sent(60_000);
    assert_eq!(world.stored(), ["mine"]);
}

/// §12: an echo's envelope may be `response` as well as `message`.
#[test]
fn an_echo_in_a_response_acknowledges() {
    let mut world = World::ready(24);
    let echo = frame!("message_echo_as_response").replace("33333333-3333-4333-8333-333333333333", "$tracingId").replace("Hello world!", "mine");
    world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "reply", "frame": echo}));
    let id = world.send("mine");
    world.run(1_000);
    assert_eq!(world.status(&id), Status::Sent);
    assert_eq!(world.page.texts(), ["mine"]);
}

#[test]
fn an_error_in_every_form_fails_the_message_that_it_names() {
    for (text, code) in [
        (frame!("string_4011"), 4011),
        (frame!("string_400"), 400),
        (frame!("string_unknown_code"), 5000),
        (frame!("error_of_the_docs"), 4009),
        (frame!("error_without_error_code"), 404),
    ] {
        let mut world = World::ready(25);
        let error = text.replace("t-err", "$tracingId");
        world.fault(json!({"on": "frame-in", "match": {"action": "onMessage", "type": "Text"}, "do": "reply", "frame": error}));
        let first = world.send("named");
        let second = world.send("not named");
        world.run(5_000);
        assert_eq!((world.status(&first), world.code(&first)), (Status::Failed, Some(code)), "{text}");
        assert_eq!(world.status(&second), Status::Sent, "{text}");
    }
}

#[test]
fn a_reply_to_echo_prolongs_the_session_and_is_no_message() {
    let mut world = World::ready(26);
    let reply = frame!("echo_reply").replace("SGVhbHRoQ2hlY2tNZXNzYWdlSWQ=", "$tracingId");
    world.fault(json!({"on": "frame-in", "match": {"action": "echo"}, "do": "reply", "frame": reply}));
    world.run(40_000);
    assert!(world.sent.iter().any(|(_, text)| text.contains(r#""action":"echo""#)), "an idle line is probed");
    let told = world.page.events.iter().rev().find_map(|event| match event {
        Event::Session { expires_at, .. } => *expires_at,
        _ => None,
    });
    assert_eq!(told, Some(1_791_139_139_000));
    assert!(world.page.texts().is_empty(), "{:?}", world.page.texts());
}

#[test]
fn an_odd_history_page_costs_only_its_odd_entries() {
    let mut world = World::new(27);
    let page: Value = serde_json::from_str(frame!("page_odd")).expect("JSON");
    world.fault(json!({"on": "http", "match": {"path": "/api/v2/webmessaging/messages"}, "count": 0, "do": "status", "status": 200, "body": page}));
    world.start();
    world.run_until_ready();
    world.run(5_000);
    let expected = ["oldest", "float", "unknown part", "unknown type", "nulls", "no description", "no url", "of the model", "newest"];
    assert_eq!(world.page.texts(), expected);
    assert!(!world.page.warned(Code::HISTORY_UNAVAILABLE));
    assert_eq!(world.events(|event| matches!(event, Event::Gap { .. })), 0);
}

/// The simulator's own odd pages: what it mixes in costs nothing of what was said.
#[test]
fn odd_entries_of_the_service_cost_nothing() {
    let mut world = World::ready(28);
    world.control("/_sim/set", json!({"oddHistory": true}));
    for text in ["one", "two", "three"] {
        world.agent(text);
        world.run(1_000);
    }
    world.reload();
    world.run_until_ready();
    world.run(5_000);
    let texts = world.page.texts();
    let said: Vec<_> = texts.iter().filter(|text| ["one", "two", "three"].contains(&text.as_str())).collect();
    assert_eq!(said, ["one", "two", "three"]);
}

/// §9 row 17: a token for history is taken by the request that asked for it, not by whoever waits.
#[test]
fn a_late_token_of_another_request_is_not_taken() {
    let mut world = World::new(29);
    world.fault(json!({"on": "frame-in", "match": {"action": "getJwt"}, "do": "reply", "frame": frame!("jwt_response")}));
    world.start();
    world.run_until_ready();
    world.run(2_000);
    let log = world.control("/_sim/log", Value::Null);
    let reads = log["records"]
        .as_array()
        .expect("records")
        .iter()
        .filter(|record| record["path"].as_str().is_some_and(|path| path.contains("/messages")))
        .count();
    assert_eq!(reads, 0, "history was asked for with a token that answers another request: {log}");
}

#[test]
fn numbers_at_the_edge_break_nothing() {
    let mut world = World::new(30);
    world.fault(json!({"on": "frame-out", "match": {"class": "SessionResponse"}, "do": "reply", "frame": frame!("session_response_far_expiry")}));
    world.start();
    world.run_until_ready();
    world.run(5_000);
    assert_eq!(world.state(), State::Ready);
}

#[test]
fn every_form_of_a_session_response_configures() {
    for (text, read_only, expires) in [
        (frame!("session_response"), false, Some(1_791_139_139_000)),
        (frame!("session_response_minimal"), false, None),
        (frame!("session_response_auto_started"), false, None),
        (frame!("session_response_read_only"), true, None),
        (frame!("session_response_milliseconds"), false, Some(1_791_139_139_000)),
        (frame!("session_response_floats"), false, Some(1_791_139_139_000)),
        (frame!("session_response_nulls"), false, None),
        (frame!("session_response_plain_file_types"), false, None),
        (frame!("session_response_empty_body"), false, None),
        (frame!("session_response_unset_budget"), false, None),
    ] {
        // With the request's tracing id and without one.
        for with_tracing in [true, false] {
            let mut world = World::new(31);
            let mut frame: Value = serde_json::from_str(text).expect("JSON");
            frame["tracingId"] = if with_tracing { json!("$tracingId") } else { Value::Null };
            world.fault(json!({"on": "frame-out", "match": {"class": "SessionResponse"}, "do": "reply", "frame": frame}));
            world.start();
            world.run(1_000);
            assert_eq!(world.state(), State::Ready, "{text}");
            let told = world.page.events.iter().find_map(|event| match event {
                Event::Session { read_only, expires_at, .. } => Some((*read_only, *expires_at)),
                _ => None,
            });
            assert_eq!(told, Some((read_only, expires)), "{text}");
        }
    }
}

#[test]
fn an_auto_started_session_is_owed_no_join() {
    let mut world = World::new(32);
    let frame = frame!("session_response_auto_started").replace("t-conf", "$tracingId");
    world.fault(json!({"on": "frame-out", "match": {"class": "SessionResponse"}, "do": "reply", "frame": frame}));
    world.start();
    world.run(5_000);
    assert!(!world.sent.iter().any(|(_, text)| text.contains("Join")), "{:?}", world.sent);
}

/// An entry without any id (§10 "Never send") cannot be joined to itself by one; read again it is still one row.
#[test]
fn an_entry_without_an_id_is_one_row_however_often_it_is_read() {
    let mut world = World::new(33);
    let entry: Value = serde_json::from_str::<Value>(frame!("missing_id")).expect("JSON")["body"].take();
    let page = json!({"entities": [entry], "pageSize": 100, "pageNumber": 1, "total": 1, "pageCount": 1});
    world.fault(json!({"on": "http", "match": {"path": "/api/v2/webmessaging/messages"}, "count": 0, "do": "status", "status": 200, "body": page}));
    world.start();
    world.run(5_000);
    assert_eq!(world.page.texts(), ["No id"]);
    let before = world.opens.len();
    world.network.reset(world.now);
    world.wait("connected again", 30_000, |world| world.opens.len() > before && world.state() == State::Ready);
    world.run(5_000);
    assert_eq!(world.page.texts(), ["No id"]);
}
