//! The session protocol (systems.md, system G; simulator.md): every frame, page, answer and request, good and odd.

use crate::common::World;
use crate::frames::{Said, said};
use crate::texts::Chance;
use guestwire::core::http::{Authorization, Method, Request};
use guestwire::core::json::Document;
use guestwire::core::secret::Secret;
use guestwire::core::state::State;
use guestwire::guest::event::{Direction, Status};
use guestwire::guest::wire::{Frame, Outgoing, Wire, session_api};
use serde_json::{Value, json};

/// The session of these tests.
const ME: &str = "0f5c2f1e-0000-4000-8000-000000000001";
/// 2026-01-06T13:26:15.174Z
const JANUARY: Option<i64> = Some(1_767_705_975_174);
/// Each of these characters needs care in a URL, and the last two are of more than one byte.
pub const AWKWARD: &str = "a/b c?d#e%f&g=h+é😀";
pub const AWKWARD_ENCODED: &str = "a%2Fb%20c%3Fd%23e%25f%26g%3Dh%2B%C3%A9%F0%9F%98%80";

#[derive(Clone, PartialEq, Eq, Debug)]
enum Read {
    Message(Said),
    Pong,
}

/// Reads a frame; `None` where it is none. The body of a message must leave as it came.
fn read(text: &str) -> Option<Read> {
    let document = Document::parse(text)?;
    let incoming = Wire::Session.decode(&document, ME)?;
    Some(match incoming.frame {
        Frame::Message { response, entry } => {
            assert_eq!(incoming.tracing, None, "this wire names no request");
            assert_eq!(entry.body, text.trim_ascii(), "the body is the whole frame");
            Read::Message(said(response, &entry))
        }
        Frame::Pong => Read::Pong,
        _ => panic!("the session protocol has messages and pongs alone: {text}"),
    })
}

#[track_caller]
fn expect(text: &str, expected: Said) {
    assert_eq!(read(text), Some(Read::Message(expected)), "{text}");
}

/// An outbound text at that moment of January.
fn text(id: &'static str, text: &'static str) -> Said {
    Said { id: Some(id), text: Some(text), time: JANUARY, ..Said::default() }
}

// ---- frames in

#[test]
fn the_session_s_own_id_as_the_sender_means_inbound() {
    let frame = |sender: &str| format!(r#"{{"id":"m1","senderId":"{sender}","text":"Hi","timestamp":"2026-01-06T13:26:15.174Z","type":"text"}}"#);
    expect(&frame(ME), Said { direction: Direction::Inbound, ..text("m1", "Hi") });
    // simulator/README.md: "`senderId` is the session's id, `agent` or `bot`".
    for other in ["agent", "bot", "", "0f5c2f1e-0000-4000-8000-000000000002", "0F5C2F1E-0000-4000-8000-000000000001"] {
        expect(&frame(other), text("m1", "Hi"));
    }
}

#[test]
fn who_has_no_session_yet_sent_nothing() {
    // Without a session, no sender can be the guest, and one that is missing is not an empty one.
    let document = Document::parse(r#"{"id":"m1","text":"Hi","type":"text"}"#).expect("JSON");
    let incoming = Wire::Session.decode(&document, "").expect("a message");
    assert!(matches!(incoming.frame, Frame::Message { entry, .. } if entry.direction == Direction::Outbound));
}

#[test]
fn what_is_missing_costs_only_itself() {
    expect(r#"{"id":"m2","text":"No sender","timestamp":"2026-01-06T13:26:15.174Z","type":"text"}"#, text("m2", "No sender"));
    expect(r#"{"id":"m3","senderId":"agent","text":"No time","type":"text"}"#, Said { time: None, ..text("m3", "No time") });
    expect(r#"{"id":"m4","senderId":"agent","text":"No type","timestamp":"2026-01-06T13:26:15.174Z"}"#, text("m4", "No type"));
    expect(r#"{"id":"m5","text":"Bare"}"#, Said { time: None, ..text("m5", "Bare") });
    expect(r#"{"id":"m6","text":""}"#, Said { time: None, ..text("m6", "") });
}

#[test]
fn without_an_id_or_a_text_it_is_no_message() {
    for frame in [
        r#"{"senderId":"agent","text":"Hi","timestamp":"2026-01-06T13:26:15.174Z","type":"text"}"#,
        r#"{"id":"","senderId":"agent","text":"Hi","timestamp":"2026-01-06T13:26:15.174Z","type":"text"}"#,
        r#"{"id":null,"text":"Hi","type":"text"}"#,
        r#"{"id":17,"text":"Hi","type":"text"}"#,
        r#"{"id":["m"],"text":"Hi","type":"text"}"#,
        r#"{"id":"m","senderId":"agent","timestamp":"2026-01-06T13:26:15.174Z","type":"text"}"#,
        r#"{"id":"m","text":null,"type":"text"}"#,
        r#"{"id":"m","text":17,"type":"text"}"#,
        r#"{"id":"m","text":{"text":"Hi"},"type":"text"}"#,
    ] {
        assert_eq!(read(frame), None, "{frame}");
    }
}

#[test]
fn numbers_where_texts_belong_are_absent() {
    let frame = r#"{"id":"m7","senderId":17,"text":"Numbers","timestamp":1767705975174,"type":1}"#;
    expect(frame, Said { time: None, ..text("m7", "Numbers") });
}

#[test]
fn a_time_that_cannot_be_read_is_none() {
    for time in ["yesterday", "", "2026-13-06T13:26:15.174Z", "2026-01-06", "1767705975174"] {
        let frame = format!(r#"{{"id":"m8","senderId":"agent","text":"When","timestamp":"{time}","type":"text"}}"#);
        expect(&frame, Said { time: None, ..text("m8", "When") });
    }
    // RFC 3339, as the tutorial's client writes and reads times: without a fraction, with an offset.
    for (time, ms) in [("2026-01-06T13:26:15Z", 1_767_705_975_000), ("2026-01-06T15:26:15.174+02:00", 1_767_705_975_174)] {
        let frame = format!(r#"{{"id":"m8","senderId":"agent","text":"When","timestamp":"{time}","type":"text"}}"#);
        expect(&frame, Said { time: Some(ms), ..text("m8", "When") });
    }
}

#[test]
fn a_message_of_another_type_is_shown_by_its_text() {
    expect(
        r#"{"id":"m9","senderId":"agent","text":"Seen","timestamp":"2026-01-06T13:26:15.174Z","type":"image","url":"http://x/"}"#,
        text("m9", "Seen"),
    );
    assert_eq!(read(r#"{"id":"m9","senderId":"agent","timestamp":"2026-01-06T13:26:15.174Z","type":"image","url":"http://x/"}"#), None);
}

#[test]
fn more_members_are_ignored_and_of_two_with_one_name_the_last_counts() {
    let frame = r#" {"channel":{"time":"2020-01-01T00:00:00.000Z","messageId":"other"},"metadata":{"id":"not ours"},"direction":"Inbound",
        "class":"SessionExpiredEvent","events":[{"eventType":"Presence","presence":{"type":"Disconnect"}}],"readOnly":true,
        "id":"one","id":"m10","senderId":"agent","text":"More","timestamp":"2026-01-06T13:26:15.174Z","type":"text"}
"#;
    expect(frame, text("m10", "More"));
}

#[test]
fn escapes_are_undone_and_lone_surrogates_replaced() {
    let frame = r#"{"id":"m\u00311","senderId":"agent","text":"\ud83d\ude00 \"q\" \\ \/ \b\f\n\r\t \u00e9 \ud800 \u0000","timestamp":"2026-01-06T13:26:15.174Z","type":"text"}"#;
    expect(frame, text("m11", "😀 \"q\" \\ / \u{8}\u{c}\n\r\t é \u{fffd} \0"));
}

#[test]
fn a_pong_answers_a_ping_and_says_nothing_else() {
    for frame in [r#"{"type":"pong"}"#, r#" { "type" : "pong" } "#, r#"{"at":5,"type":"\u0070ong"}"#, r#"{"type":"pong","id":"m","text":"Hi"}"#] {
        assert_eq!(read(frame), Some(Read::Pong), "{frame}");
    }
    let document = Document::parse(r#"{"type":"pong"}"#).expect("JSON");
    assert!(Wire::Session.decode(&document, ME).is_some_and(|incoming| incoming.tracing == Some(session_api::PING_TRACING)));
    // Another case or another type is another word.
    for frame in [r#"{"type":"PONG"}"#, r#"{"type":"ping"}"#, r#"{"type":["pong"]}"#, r#"{"pong":true}"#] {
        assert_eq!(read(frame), None, "{frame}");
    }
}

#[test]
fn garbage_is_no_frame() {
    let deep = |levels: usize| format!(r#"{{"id":"m12","text":"Deep","more":{}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
    expect(&deep(64), Said { time: None, ..text("m12", "Deep") });
    assert_eq!(read(&deep(65)), None);
    for frame in [
        "",
        " ",
        "null",
        "17",
        "\"text\"",
        "[]",
        "{}",
        "this is {not a frame",
        r#"[{"id":"m","text":"Hi"}]"#,
        r#"{"id":"m","text":"Hi""#,
        r#"{"id":"m","text":"Hi"}{"id":"n","text":"Hi"}"#,
        "{\"id\":\"m\",\"text\":\"a\nb\"}",
        "\u{feff}{\"id\":\"m\",\"text\":\"Hi\"}",
        // Frames of the guest API are none of this wire.
        r#"{"type":"response","class":"SessionResponse","code":200,"body":{"connected":true}}"#,
        r#"{"type":"message","class":"StructuredMessage","code":200,"body":{"id":"m","type":"Text","text":"Hi"}}"#,
    ] {
        assert_eq!(read(frame), None, "{frame}");
    }
}

/// Whatever stands in one member of a message, the others are read as before.
#[test]
fn an_odd_member_never_costs_the_others() {
    let sound = [
        ("senderId", format!("\"{ME}\"")),
        ("timestamp", "\"2026-01-06T13:26:15.174Z\"".into()),
        ("type", "\"text\"".into()),
        ("more", "{\"a\":[1]}".to_string()),
    ];
    let odd = ["null", "true", "0", "-1", "1.5", "1e400", "99999999999999999999", "\"\"", "\"x\"", "\"\\ud800\"", "[]", "[[[]]]", "{}", "{\"id\":7}"];
    let before = Said { direction: Direction::Inbound, ..text("m13", "Sound") };
    let mut tried = 0;
    for (name, _) in &sound {
        for value in odd {
            let members = sound.iter().map(|(key, sound)| format!(",\"{key}\":{}", if key == name { value } else { sound }));
            let frame = format!(r#"{{"id":"m13","text":"Sound"{}}}"#, members.collect::<String>());
            let expected = match *name {
                "senderId" => Said { direction: Direction::Outbound, ..before.clone() },
                "timestamp" => Said { time: None, ..before.clone() },
                _ => before.clone(),
            };
            expect(&frame, expected);
            tried += 1;
        }
    }
    assert_eq!(tried, 4 * 14);
}

// ---- history pages

/// What a page says: its entries and where the next one begins; `None` where it is no page.
fn read_page(text: &str) -> Option<(Vec<Said>, Option<String>)> {
    let document = Document::parse(text)?;
    let page = Wire::Session.page(&document, ME)?;
    assert_eq!(page.page_count, None, "these pages are not counted");
    Some((page.entries.iter().map(|entry| said(false, entry)).collect(), page.next.map(str::to_string)))
}

#[test]
fn a_page_has_its_items_in_their_order_and_says_where_the_next_begins() {
    let page = json!({
        "items": [
            {"id": "h1", "senderId": ME, "text": "Hello", "timestamp": "2026-01-06T13:26:15.174Z", "type": "text"},
            {"id": "h2", "senderId": "agent", "text": "Hi", "timestamp": "2026-01-06T13:26:15.174Z", "type": "text"},
        ],
        "page": {"after": "h2"},
    });
    let items = vec![Said { direction: Direction::Inbound, ..text("h1", "Hello") }, text("h2", "Hi")];
    assert_eq!(read_page(&page.to_string()), Some((items, Some("h2".into()))));
}

#[test]
fn a_page_that_names_no_next_one_is_the_last() {
    for page in ["{}", r#"{"after":""}"#, r#"{"after":null}"#, r#"{"after":17}"#, r#"{"before":"h"}"#, "[]", r#""h9""#, "17", "true", "null"] {
        let item = r#"{"id":"h3","senderId":"bot","text":"Last","timestamp":"2026-01-06T13:26:15.174Z","type":"text"}"#;
        let read = read_page(&format!(r#"{{"items":[{item}],"page":{page}}}"#));
        assert_eq!(read, Some((vec![text("h3", "Last")], None)), "{page}");
    }
    assert_eq!(read_page(r#"{"items":[]}"#), Some((vec![], None)));
    assert_eq!(read_page(r#"{"items":[],"page":{}}"#), Some((vec![], None)));
    // Nothing on this one, and still one after it.
    assert_eq!(read_page(r#"{"items":[],"page":{"after":"h4"}}"#), Some((vec![], Some("h4".into()))));
}

#[test]
fn odd_items_cost_only_themselves() {
    let page = json!({
        "items": [
            null,
            {"id": "h5", "senderId": "agent", "text": "first", "timestamp": "2026-01-06T13:26:15.174Z", "type": "text"},
            {"id": "", "senderId": "agent", "text": "no id", "timestamp": "2026-01-06T13:26:15.174Z", "type": "text"},
            {"id": "h6", "senderId": "agent", "timestamp": "2026-01-06T13:26:15.174Z", "type": "text"},
            "h7", 17, [], {}, [{"id": "h8", "text": "inside"}],
            {"id": "h9", "senderId": ME, "text": "no time", "timestamp": "soon", "type": "text", "more": {"deep": [[[]]]}},
            {"type": "pong"},
            {"id": "h10", "text": "last", "timestamp": "2026-01-06T13:26:15.174Z"},
        ],
        "page": {"after": "h10", "size": 12},
        "total": 12,
    });
    let expected = vec![text("h5", "first"), Said { direction: Direction::Inbound, time: None, ..text("h9", "no time") }, text("h10", "last")];
    assert_eq!(read_page(&page.to_string()), Some((expected, Some("h10".into()))));
}

#[test]
fn what_has_no_items_is_no_page() {
    for page in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"items":null,"page":{"after":"h"}}"#,
        r#"{"items":{},"page":{}}"#,
        r#"{"items":"h","page":{}}"#,
        r#"{"items":[{"id":"h","text":"Hi"}"#,
        r#"[{"id":"h","text":"Hi"}]"#,
        r#"{"entities":[],"pageCount":1}"#,
        r#"{"message":"unauthorized","code":"bad.credentials","status":401}"#,
        "<html>Please log in</html>",
    ] {
        assert_eq!(read_page(page), None, "{page}");
    }
}

// ---- sessions

#[test]
fn a_session_that_was_made_has_an_id() {
    let made = |body: &str| session_api::created(body);
    assert_eq!(made(r#"{"id":"s-1"}"#).as_deref(), Some("s-1"));
    assert_eq!(made(r#" {"selfUri":"/x","id":"s\u002f1","expires":null} "#).as_deref(), Some("s/1"));
    for body in [
        "",
        "{}",
        "null",
        "[]",
        "\"s-1\"",
        r#"["s-1"]"#,
        r#"{"id":""}"#,
        r#"{"id":null}"#,
        r#"{"id":17}"#,
        r#"{"id":{"id":"s-1"}}"#,
        r#"{"id":"s-1""#,
        "<html>",
    ] {
        assert_eq!(made(body), None, "{body}");
    }
}

// ---- requests

fn parse(frame: &str) -> Value {
    serde_json::from_str(frame).expect("a request is JSON")
}

/// The members of a frame in the order in which they were written.
fn outgoing(text: &str) -> Value {
    let outgoing = Outgoing { text, structured: false, content: None, attributes: None };
    // Neither the token nor the id of the guest API goes out on this wire.
    parse(&Wire::Session.message("the-token", "the-id", &outgoing))
}

#[test]
fn a_ping() {
    assert_eq!(parse(session_api::PING), json!({"type": "ping"}));
}

#[test]
fn a_message_is_its_text_and_its_type() {
    assert_eq!(outgoing("Hello world"), json!({"text": "Hello world", "type": "text"}));
}

#[test]
fn a_text_of_any_characters_arrives_as_it_was_written() {
    for text in [
        "",
        " ",
        "a\"b\\c/d\u{0}\u{1}\u{1f}\u{7f}\u{8}\u{c}\n\r\t é \u{2028}\u{2029} 😀 \u{ffff}",
        r#"","type":"ping","x":""#,
        "\\u0041 \\n \\",
        "👩‍👩‍👧‍👦🏳️‍🌈",
        "\u{fffd}\u{feff}\u{10ffff}",
        "</script><!--",
    ] {
        assert_eq!(outgoing(text), json!({"text": text, "type": "text"}));
    }
    let mut chance = Chance::new(17);
    for _ in 0..2_000 {
        let text: String = (0..chance.below(40)).filter_map(|_| char::from_u32((chance.bits() >> chance.below(53)) as u32 & 0x1f_ffff)).collect();
        assert_eq!(outgoing(&text), json!({"text": text, "type": "text"}));
    }
}

#[test]
fn a_half_of_a_pair_in_a_draft_goes_out_as_a_replacement() {
    let mut world = World::of_wire(Wire::Session, 21, "");
    world.start();
    world.run_until_ready();
    let id = world.with(|session, now| session.send(now, r#"{"text":"a\ud800b\ude00\ud83d\ude00"}"#)).expect("accepted");
    world.wait("sent", 5_000, |world| world.page.row(&id).is_some_and(|row| row.status == Status::Sent));
    assert_eq!(world.requests("onMessage"), [json!({"text": "a\u{fffd}b\u{fffd}😀", "type": "text"})]);
    assert_eq!(world.stored(), ["a\u{fffd}b\u{fffd}😀"]);
}

#[test]
fn a_session_is_made_by_a_post_with_the_bearer_and_the_deployment_as_json() {
    let Request { method, url, authorization, body, .. } = session_api::create("https://api.example", "d-\"1\\", &Secret::new("t/+=".into()));
    assert_eq!((method, url.as_str()), (Method::Post, "https://api.example/api/v2/conversations/webmessaging/sessions"));
    // In a header a token stands as it is.
    assert_eq!(authorization, Some(Authorization::Bearer(Secret::new("t/+=".into()))));
    let body = body.expect("a body");
    assert_eq!((body.kind, parse(&body.text)), ("application/json", json!({"deploymentId": "d-\"1\\"})));
}

#[test]
fn the_addresses_of_a_session() {
    let base = "api/v2/conversations/webmessaging/sessions";
    assert_eq!(
        session_api::socket_url("wss://api.example", ME, &Secret::new("t-1".into())),
        format!("wss://api.example/{base}/{ME}/messages?token=t-1")
    );
    assert_eq!(session_api::history_url("https://api.example", ME, None), format!("https://api.example/{base}/{ME}/messages"));
    assert_eq!(session_api::history_url("https://api.example", ME, Some("m-1")), format!("https://api.example/{base}/{ME}/messages?after=m-1"));
}

#[test]
fn ids_and_tokens_are_encoded_where_they_stand_in_an_address() {
    let base = "api/v2/conversations/webmessaging/sessions";
    assert_eq!(
        session_api::socket_url("ws://h:1", AWKWARD, &Secret::new(AWKWARD.into())),
        format!("ws://h:1/{base}/{AWKWARD_ENCODED}/messages?token={AWKWARD_ENCODED}")
    );
    assert_eq!(
        session_api::history_url("http://h:1", AWKWARD, Some(AWKWARD)),
        format!("http://h:1/{base}/{AWKWARD_ENCODED}/messages?after={AWKWARD_ENCODED}")
    );
    // RFC 3986 §2.3: what needs no encoding stands as it is.
    assert_eq!(session_api::history_url("http://h", "aZ09-._~", None), format!("http://h/{base}/aZ09-._~/messages"));
    // What is encoded already is encoded once more: it is a value, not an address.
    assert_eq!(session_api::socket_url("ws://h", "a%2Fb", &Secret::new("t".into())), format!("ws://h/{base}/a%252Fb/messages?token=t"));
}

/// A whole conversation: nothing but what systems.md G names goes out.
#[test]
fn a_conversation_writes_nothing_else() {
    let mut world = World::of_wire(Wire::Session, 22, r#","token":{"clientId":"a b","clientSecret":"s&="}"#);
    world.start();
    world.run_until_ready();
    world.send("plain \"text\" 😀");
    world.wait_sent(5_000);
    world.agent("answer");
    world.run(70_000);
    world.break_line();
    world.run_until_ready();
    world.send("and on");
    world.wait_sent(5_000);
    world.run(40_000);
    let session = world.stored_token().expect("a session");
    let frames = world.sent_json();
    let (ping, texts): (Vec<_>, Vec<_>) = frames.into_iter().partition(|frame| *frame == json!({"type": "ping"}));
    assert!(ping.len() > 2, "it was probed");
    assert_eq!(texts, ["plain \"text\" 😀", "and on"].map(|text| json!({"text": text, "type": "text"})));
    let base = format!("/api/v2/conversations/webmessaging/sessions/{session}/messages");
    let ids: Vec<String> = world.held_messages().into_iter().map(|(_, _, id)| id).collect();
    let allowed: Vec<String> = [base.clone()].into_iter().chain(ids.iter().map(|id| format!("{base}?after={id}"))).collect();
    assert_eq!(world.fetched[..2], ["/oauth/token", "/api/v2/conversations/webmessaging/sessions"]);
    assert!(world.fetched.len() > 3, "the history was read: {:?}", world.fetched);
    assert!(world.fetched[2..].iter().all(|target| allowed.contains(target)), "{:?}", world.fetched);
}

// ---- what frames and pages do to a conversation

fn ready(seed: u64) -> World {
    let mut world = World::of_wire(Wire::Session, seed, "");
    world.start();
    world.run_until_ready();
    world
}

#[test]
fn what_is_no_frame_is_counted_and_costs_nothing_else() {
    let mut world = ready(23);
    let bad =
        ["this is {not a frame", "", "[]", r#"{"type":"text"}"#, r#"{"id":"","text":"x"}"#, r#"{"id":"m","text":5}"#, r#"{"class":"LogoutEvent"}"#];
    for (count, frame) in bad.into_iter().enumerate() {
        assert_eq!(world.metric("garbage"), count as u64, "before {frame}");
        world.raw(json!(frame));
        world.run(100);
    }
    assert_eq!(world.metric("garbage"), bad.len() as u64);
    world.agent("after it");
    let id = world.send("and back");
    world.wait_sent(5_000);
    world.run(1_000);
    assert_eq!(world.page.texts(), ["after it", "and back"]);
    assert_eq!((world.state(), world.opens.len(), world.status(&id)), (State::Ready, 1, Status::Sent));
}

#[test]
fn what_is_only_odd_is_shown_with_its_body_untouched() {
    let mut world = ready(24);
    let odd = [
        json!({"id": "o1", "text": "one", "timestamp": "soon", "type": "text"}),
        json!({"id": "o2", "senderId": 7, "text": "two", "type": "image", "url": "http://x/", "n": [1.50, null]}),
        json!({"id": "o3", "text": "", "more": {"a": "\u{ffff}"}}),
    ];
    for frame in &odd {
        world.raw(frame.clone());
        world.run(100);
    }
    assert_eq!((world.metric("garbage"), world.page.rows.len()), (0, 3));
    for (row, frame) in world.page.rows.iter().zip(&odd) {
        assert_eq!((row.server_id.as_deref(), row.direction), (frame["id"].as_str(), Direction::Outbound));
        assert_eq!(parse(&world.page.bodies[&row.id]), *frame);
    }
}

#[test]
fn a_page_that_is_none_is_a_read_that_failed_and_a_page_of_odd_items_is_not() {
    let mut world = ready(25);
    world.run(1_000);
    world.agent("known");
    world.run(65_000);
    world.fault(json!({"on": "http", "match": {"path": "/messages"}, "do": "status", "status": 200, "body": "<html>Please log in</html>"}));
    world.break_line();
    world.run(10);
    world.agent("missed");
    world.run_until_ready();
    world.run(10_000);
    assert_eq!(world.page.texts(), ["known", "missed"], "read again, and then it was one");
    // Until it was read for the second time, and the next read may come at once.
    world.run(70_000);
    let odd = r#"{"items":[null,{"id":"p1","text":"of the page"},{"id":"p2"},17],"page":"none"}"#;
    world.fault(json!({"on": "http", "match": {"path": "/messages"}, "do": "status", "status": 200, "body": odd}));
    let before = world.history_reads().len();
    world.break_line();
    world.run_until_ready();
    world.run(10_000);
    assert!(world.page.texts().contains(&"of the page".to_string()), "{:?}", world.page.texts());
    assert_eq!((world.page.rows.len(), world.history_reads().len() - before), (3, 1));
}
