//! `SessionResponse` (guest-api.md §3.3) and `JwtResponse` (§3.6).

use crate::frames::{Read, expect, frame, read};
use guestwire::guest::wire::SessionResponse;

/// What `{"connected":true}` says: every other member has its default.
const PLAIN: SessionResponse = SessionResponse {
    connected: true,
    new: false,
    read_only: false,
    auto_started: false,
    max_attribute_bytes: None,
    duration_ms: None,
    expires_at: None,
};

#[test]
fn the_example_is_read_whole() {
    let expected = SessionResponse {
        connected: true,
        new: true,
        read_only: false,
        auto_started: false,
        max_attribute_bytes: Some(2048),
        duration_ms: Some(259_200_000),
        expires_at: Some(1_791_139_139_000),
    };
    expect(frame!("session_response"), Some("22222222-2222-4222-8222-222222222222"), Read::Session(expected));
}

#[test]
fn the_minimal_body_is_enough() {
    expect(frame!("session_response_minimal"), None, Read::Session(SessionResponse { new: true, ..PLAIN }));
}

#[test]
fn closed_and_read_only_are_told_apart() {
    expect(frame!("session_response_closed"), Some("t-close"), Read::Session(SessionResponse { connected: false, read_only: true, ..PLAIN }));
    expect(frame!("session_response_read_only"), Some("t-conf"), Read::Session(SessionResponse { read_only: true, ..PLAIN }));
}

#[test]
fn auto_started_is_read() {
    expect(frame!("session_response_auto_started"), Some("t-conf"), Read::Session(SessionResponse { new: true, auto_started: true, ..PLAIN }));
}

#[test]
fn an_expiry_beyond_ten_to_the_eleven_is_in_milliseconds() {
    let expected = SessionResponse { duration_ms: Some(259_200_000), expires_at: Some(1_791_139_139_000), ..PLAIN };
    expect(frame!("session_response_milliseconds"), Some("t-conf"), Read::Session(expected));
}

#[test]
fn floats_stand_for_whole_numbers() {
    let expected = SessionResponse { max_attribute_bytes: Some(2048), duration_ms: Some(259_200_000), expires_at: Some(1_791_139_139_000), ..PLAIN };
    expect(frame!("session_response_floats"), Some("t-conf"), Read::Session(expected));
}

#[test]
fn nulls_are_what_is_absent() {
    expect(frame!("session_response_nulls"), None, Read::Session(PLAIN));
}

#[test]
fn file_types_may_be_plain_strings() {
    let expected = SessionResponse { new: true, max_attribute_bytes: Some(1000), ..PLAIN };
    expect(frame!("session_response_plain_file_types"), Some("t-conf"), Read::Session(expected));
}

#[test]
fn an_unset_budget_is_none() {
    expect(frame!("session_response_unset_budget"), Some("t-conf"), Read::Session(PLAIN));
}

#[test]
fn an_empty_body_costs_nothing_but_what_it_lacks() {
    // `connected` is false only in the flow of closing and starting anew.
    expect(frame!("session_response_empty_body"), Some("t-conf"), Read::Session(PLAIN));
    assert_eq!(read(frame!("session_response_without_body")), None);
}

#[test]
fn times_beyond_any_date_are_absent() {
    // A date of a page ends at 8 640 000 000 000 000 ms.
    expect(frame!("session_response_far_expiry"), Some("$tracingId"), Read::Session(PLAIN));
}

#[test]
fn a_token_for_history_is_read_whatever_its_expiry_is_in() {
    let token = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln";
    expect(frame!("jwt_response"), Some("t-jwt"), Read::Jwt(token));
    expect(frame!("jwt_response_milliseconds"), Some("t-jwt"), Read::Jwt(token));
    expect(frame!("jwt_response_float"), Some("t-jwt"), Read::Jwt(token));
    assert_eq!(read(frame!("jwt_response_without_jwt")), None);
}
