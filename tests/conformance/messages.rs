//! `StructuredMessage` as guest-api.md §3.4 shows it: echoes, agents' and bots' messages, rich parts, echo replies.

use crate::frames::{Read, Said, expect, expect_message, frame};
use guestwire::core::json::Document;
use guestwire::guest::event::{Direction, Kind};
use guestwire::guest::wire::Frame;
use guestwire::guest::wire::guest_api::decode;

/// 2022-08-22T19:24:26.704Z
const AUGUST: Option<i64> = Some(1_661_196_266_704);
/// 2026-01-06T13:26:15.174Z
const JANUARY: Option<i64> = Some(1_767_705_975_174);

#[test]
fn a_body_with_everything() {
    let expected = Said {
        id: Some("5befde6373a23f32f20b59b4e1cba0e6"),
        message_id: Some("7b1c0000-0000-4000-8000-000000000001"),
        time: AUGUST,
        text: Some("Hi"),
        ..Said::default()
    };
    expect_message(frame!("message_full"), expected);
}

fn echo() -> Said {
    Said {
        direction: Direction::Inbound,
        id: Some("0123456789abcdef0123456789abcdef"),
        message_id: Some("7b1c0000-0000-4000-8000-000000000003"),
        time: AUGUST,
        text: Some("Hello world!"),
        ..Said::default()
    }
}

#[test]
fn the_echo_of_a_guest_message_carries_three_ids() {
    expect(frame!("message_echo"), Some("33333333-3333-4333-8333-333333333333"), Read::Message(echo()));
}

#[test]
fn an_echo_may_come_as_a_response_and_with_metadata() {
    let expected = Said { response: true, own_id: Some("33333333-3333-4333-8333-333333333333"), ..echo() };
    expect(frame!("message_echo_as_response"), Some("33333333-3333-4333-8333-333333333333"), Read::Message(expected));
}

#[test]
fn the_legacy_id_is_the_guest_s_own() {
    expect_message(frame!("message_echo_legacy_id"), Said { message_id: None, own_id: Some("33333333-3333-4333-8333-333333333333"), ..echo() });
}

#[test]
fn the_echo_of_an_attachment_alone_has_no_text() {
    let expected = Said { direction: Direction::Inbound, id: Some("m-att"), own_id: Some("t-att"), time: AUGUST, text: None, ..Said::default() };
    expect(frame!("message_echo_of_attachment_alone"), Some("t-att"), Read::Message(expected));
}

#[test]
fn a_reply_to_echo_tells_the_expiry_in_strings() {
    let reply = Said { response: true, direction: Direction::Inbound, id: Some("echo_id"), text: Some("ping"), ..Said::default() };
    let tracing = Some("SGVhbHRoQ2hlY2tNZXNzYWdlSWQ=");
    expect(frame!("echo_reply"), tracing, Read::Message(Said { expires_at: Some(1_791_139_139_000), ..reply.clone() }));
    expect(frame!("echo_reply_without_metadata"), tracing, Read::Message(reply));
}

#[test]
fn structured_messages_keep_their_parts_in_the_body() {
    let structured = Said { kind: Some(Kind::Structured), ..Said::default() };
    expect_message(
        frame!("quick_replies"),
        Said { id: Some("msg_id"), time: JANUARY, text: Some("What would you like to do?"), ..structured.clone() },
    );
    expect_message(frame!("carousel"), Said { id: Some("carousel-id"), text: Some("Pick"), ..structured.clone() });
    expect_message(frame!("date_picker"), Said { id: Some("dp1"), time: JANUARY, text: Some("Pick a time"), ..structured.clone() });
    expect_message(frame!("every_part"), Said { id: Some("parts-1"), time: JANUARY, text: Some("Everything"), ..structured });
}

#[test]
fn a_text_with_an_attachment_is_a_text() {
    expect_message(frame!("attachment"), Said { id: Some("m1"), time: JANUARY, text: Some("Hi"), ..Said::default() });
}

#[test]
fn every_kind_of_part_arrives_untouched() {
    // The names of §3.4.4, in its order.
    let kinds = [
        "Attachment",
        "QuickReply",
        "ButtonResponse",
        "Card",
        "Carousel",
        "DatePicker",
        "ListPicker",
        "Form",
        "GenericTemplate",
        "QuickReplyV2",
        "Text",
        "Mention",
        "Notification",
        "Story",
        "Reactions",
        "Location",
        "ListTemplate",
        "Postback",
        "RichLink",
        "InteractiveApplication",
        "PaymentRequest",
        "PaymentResponse",
        "Push",
        "RoadsideAssistance",
    ];
    let text = frame!("every_part");
    let document = Document::parse(text).expect("JSON");
    let Some(Frame::Message { entry, .. }) = decode(&document).map(|incoming| incoming.frame) else { panic!("a message") };
    let body: serde_json::Value = serde_json::from_str(entry.body).expect("JSON");
    let found: Vec<_> = body["content"].as_array().expect("parts").iter().map(|part| part["contentType"].as_str().expect("a name")).collect();
    assert_eq!(found, kinds);
    assert_eq!(body["content"][15]["location"]["latitude"], 52.5);
    assert_eq!(body["content"][0]["attachment"]["fileSize"], 7);
}
