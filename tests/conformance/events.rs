//! Event messages (guest-api.md §3.4.5).

use crate::frames::{Read, Said, expect, expect_message, frame};
use guestwire::guest::event::{Direction, Kind};
use guestwire::guest::wire::Happening;

/// 2022-03-09T13:35:31.104Z
const MARCH: Option<i64> = Some(1_646_832_931_104);

/// An event that is no part of the conversation.
fn passing(id: &'static str, happening: Happening) -> Said {
    Said { id: Some(id), kind: None, happenings: vec![happening], ..Said::default() }
}

const fn typing(duration_ms: u64) -> Happening {
    Happening::Typing { on: true, duration_ms }
}

#[test]
fn typing_lasts_as_long_as_it_says() {
    expect_message(frame!("typing_on"), Said { message_id: Some("u"), time: MARCH, ..passing("e1", typing(5_000)) });
    expect_message(frame!("typing_duration_ms"), passing("e1d", typing(7_000)));
    expect_message(frame!("typing_float_duration"), passing("e1e", typing(3_000)));
}

#[test]
fn typing_without_a_duration_lasts_five_seconds() {
    expect_message(frame!("typing_without_duration"), passing("e1c", typing(5_000)));
    expect_message(frame!("typing_bare"), passing("e1f", typing(5_000)));
}

#[test]
fn typing_off_is_told_from_on() {
    expect_message(frame!("typing_off"), passing("e1b", Happening::Typing { on: false, duration_ms: 5_000 }));
}

#[test]
fn the_guest_s_own_typing_is_inbound() {
    expect_message(frame!("typing_of_the_guest"), Said { direction: Direction::Inbound, ..passing("e1g", typing(5_000)) });
}

#[test]
fn a_join_carries_the_tracing_id_of_the_request() {
    let expected = Said { direction: Direction::Inbound, time: MARCH, kind: Some(Kind::Event), ..passing("e2", Happening::Join) };
    expect(frame!("join"), Some("44444444-4444-4444-8444-444444444444"), Read::Message(expected));
}

#[test]
fn a_disconnect_tells_whether_it_is_read_only() {
    let disconnect = Said { time: MARCH, kind: Some(Kind::Event), ..passing("e4", Happening::Disconnect) };
    expect_message(frame!("disconnect"), disconnect.clone());
    expect_message(frame!("disconnect_read_only"), Said { id: Some("e3"), read_only: true, ..disconnect });
}

#[test]
fn clear_and_sign_in_are_read() {
    let inbound = Said { direction: Direction::Inbound, time: MARCH, ..Said::default() };
    expect_message(frame!("presence_clear"), Said { id: Some("e5"), kind: None, happenings: vec![Happening::Clear], ..inbound.clone() });
    expect_message(frame!("presence_sign_in"), Said { id: Some("e6"), kind: None, happenings: vec![Happening::Other], ..inbound });
}

#[test]
fn presence_of_the_model_alone_is_read_and_passes() {
    let inbound = |id| Said { direction: Direction::Inbound, time: MARCH, ..passing(id, Happening::Other) };
    expect_message(frame!("presence_session_expired"), inbound("e70"));
    expect_message(frame!("presence_authenticate"), inbound("e71"));
    expect_message(frame!("presence_authenticate_cancel"), inbound("e72"));
    expect_message(frame!("presence_authenticate_failure"), inbound("e73"));
}

#[test]
fn other_events_pass() {
    expect_message(frame!("co_browse"), passing("e8", Happening::Other));
    expect_message(frame!("video"), passing("e9", Happening::Other));
    expect_message(frame!("reactions"), passing("e10", Happening::Other));
    expect_message(frame!("event_without_events"), Said { happenings: vec![], ..passing("e13", Happening::Other) });
}

#[test]
fn several_events_keep_their_order() {
    let happenings = vec![Happening::Typing { on: false, duration_ms: 5_000 }, Happening::Join, typing(4_000)];
    expect_message(frame!("several_events"), Said { id: Some("e11"), time: MARCH, kind: Some(Kind::Event), happenings, ..Said::default() });
}

#[test]
fn an_odd_event_never_costs_the_others() {
    let mut happenings = vec![Happening::Other; 9];
    happenings.extend([typing(5_000), typing(5_000), Happening::Join]);
    expect_message(frame!("odd_events"), Said { id: Some("e12"), kind: Some(Kind::Event), happenings, ..Said::default() });
}
