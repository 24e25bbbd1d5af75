//! Odd messages: guest-api.md §9 row 16, §10 "Never send", §12. One odd part never costs the rest of a frame.

use crate::frames::{Read, Said, expect, expect_message, frame, read};
use guestwire::guest::event::{Direction, Kind};

/// 2026-01-06T13:26:15.174Z
const JANUARY: Option<i64> = Some(1_767_705_975_174);

fn text(id: &'static str, text: &'static str) -> Said {
    Said { id: Some(id), text: Some(text), time: JANUARY, ..Said::default() }
}

#[test]
fn odd_attachments_stay_in_their_message() {
    expect_message(frame!("attachment_without_url"), text("o1", "Look"));
    expect_message(frame!("attachment_float_size"), text("o2", "Look"));
}

#[test]
fn odd_parts_stay_in_their_message() {
    expect_message(frame!("card_without_description"), Said { kind: Some(Kind::Structured), ..text("o3", "Card") });
    expect_message(frame!("part_without_content_type"), Said { kind: Some(Kind::Structured), ..text("o4", "Odd") });
}

#[test]
fn null_is_absent() {
    expect_message(frame!("null_maps"), text("o5", "Nulls"));
    expect_message(frame!("null_metadata_values"), Said { time: None, ..text("o6", "Nulls") });
    expect_message(frame!("null_channel"), Said { time: None, text: None, ..text("o7", "") });
    expect_message(frame!("code_null"), text("o23", "Null code"));
}

#[test]
fn what_is_missing_costs_only_itself() {
    expect_message(frame!("missing_id"), Said { id: None, ..text("", "No id") });
    expect_message(frame!("missing_type"), text("o8", "No type"));
    expect_message(frame!("missing_direction"), text("o9", "No direction"));
    expect_message(frame!("missing_time"), Said { time: None, ..text("o10", "No time") });
    expect_message(frame!("empty_body"), Said::default());
    expect_message(frame!("without_envelope_type_and_code"), text("o22", "Bare"));
}

#[test]
fn a_time_that_cannot_be_read_is_none() {
    expect_message(frame!("unparsable_time"), Said { time: None, ..text("o11", "Bad time") });
    expect_message(frame!("number_for_time"), Said { time: None, ..text("o12", "Number") });
}

#[test]
fn anything_but_inbound_is_outbound() {
    expect_message(frame!("unknown_direction"), Said { direction: Direction::Outbound, ..text("o13", "Sideways") });
}

#[test]
fn messages_of_another_type_are_kept() {
    // What is unknown is opaque: a structured message whose parts nobody knows.
    expect_message(frame!("unknown_message_type"), Said { kind: Some(Kind::Structured), ..text("o14", "Seen") });
    expect_message(frame!("message_of_type_message"), text("o15", "Seen"));
}

#[test]
fn receipts_are_ignored_safely() {
    expect_message(frame!("receipt"), Said { id: Some("o16"), kind: None, time: JANUARY, ..Said::default() });
}

#[test]
fn unknown_members_are_ignored() {
    expect_message(frame!("unknown_members"), text("o17", "More"));
}

#[test]
fn of_members_with_one_name_the_last_counts() {
    expect_message(frame!("duplicate_members"), text("o26", "two"));
}

#[test]
fn escapes_are_undone_and_lone_surrogates_replaced() {
    expect_message(frame!("escapes"), text("o19", "😀 \"q\" \\ / \u{8}\u{c}\n\r\t é"));
    expect_message(frame!("lone_surrogate"), text("o18", "a\u{fffd}b"));
}

#[test]
fn nesting_is_limited_to_sixty_four() {
    // Two levels are the envelope and the body.
    expect_message(frame!("nested_sixty_four"), text("o20", "Deep"));
    assert_eq!(read(frame!("nested_sixty_five")), None);
}

#[test]
fn values_of_a_wrong_type_are_absent() {
    expect_message(frame!("numbers_for_strings"), Said { time: JANUARY, ..Said::default() });
    expect_message(frame!("scalars_for_objects"), Said { time: None, ..text("o24", "Scalars") });
}

#[test]
fn a_guest_s_id_on_an_outbound_message_is_read_as_it_stands() {
    let expected = Said { own_id: Some("$tracingId"), ..text("o25", "Copied") };
    expect(frame!("outbound_with_guest_id"), Some("$tracingId"), Read::Message(expected));
}

#[test]
fn what_has_no_class_or_no_body_is_no_frame() {
    for text in [
        frame!("no_class"),
        frame!("class_is_number"),
        frame!("root_is_array"),
        frame!("structured_message_body_is_string"),
        frame!("structured_message_without_body"),
    ] {
        assert_eq!(read(text), None, "{text}");
    }
    for text in ["", " ", "null", "17", "\"class\"", "this is {not a frame", "{\"class\":\"LogoutEvent\"", "\u{feff}{\"class\":\"LogoutEvent\"}"] {
        assert_eq!(read(text), None, "{text}");
    }
}

/// Whatever stands in one member of a body, the others are read as before.
#[test]
fn an_odd_member_never_costs_the_others() {
    let sound = r#"{"id":"i","type":"Text","text":"t","direction":"Inbound",
        "channel":{"time":"2026-01-06T13:26:15.174Z","messageId":"m"},"content":[],
        "events":[{"eventType":"Presence","presence":{"type":"Join"}}],
        "metadata":{"id":"own","readOnly":"true","expirationDate":"1791139139"},"originatingEntity":"Human"}"#;
    let odd = [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "1.5",
        "1e400",
        "99999999999999999999",
        "\"\"",
        "\"x\"",
        "\"\\ud800\"",
        "[]",
        "[null]",
        "[[[]]]",
        "{}",
        "{\"id\":7}",
        "{\"time\":[],\"messageId\":{}}",
    ];
    let body: serde_json::Value = serde_json::from_str(sound).expect("JSON");
    let whole = |body: &str| match read(&format!(r#"{{"type":"message","class":"StructuredMessage","code":200,"body":{body}}}"#)) {
        Some((None, Read::Message(said))) => said,
        other => panic!("{body}: {other:?}"),
    };
    let before = whole(sound);
    let mut tried = 0;
    for name in body.as_object().expect("an object").keys() {
        for value in odd {
            let members: Vec<String> = body
                .as_object()
                .expect("an object")
                .iter()
                .map(|(key, sound)| if key == name { format!("\"{key}\":{value}") } else { format!("\"{key}\":{sound}") })
                .collect();
            let mut after = whole(&format!("{{{}}}", members.join(",")));
            // What the member itself tells may be anything.
            match name.as_str() {
                "id" => after.id = before.id,
                "type" => after.kind = before.kind,
                "text" => after.text = before.text,
                "direction" => after.direction = before.direction,
                "channel" => (after.time, after.message_id) = (before.time, before.message_id),
                "events" => after.happenings.clone_from(&before.happenings),
                "metadata" => (after.own_id, after.read_only, after.expires_at) = (before.own_id, before.read_only, before.expires_at),
                _ => {}
            }
            assert_eq!(after, before, "{name} = {value}");
            tried += 1;
        }
    }
    assert_eq!(tried, 9 * odd.len());
}
