//! Errors in all their forms (guest-api.md §3.7, §3.8, §4, §12).

use crate::frames::{Read, expect, frame};
use guestwire::core::error::Code;
use guestwire::guest::wire::Fault;

const fn plain(code: u16) -> Read {
    Read::Error(Fault { code: Code(code), retry_after: None, wants_auth: false })
}

const T: Option<&str> = Some("t-err");

#[test]
fn too_many_requests_tells_the_wait_in_seconds() {
    let three = || Read::Error(Fault { code: Code(4029), retry_after: Some(3_000), wants_auth: false });
    expect(frame!("too_many_requests"), T, three());
    expect(frame!("too_many_requests_float"), None, three());
    expect(frame!("too_many_requests_bare"), None, plain(4029));
}

#[test]
fn a_plain_429_is_the_same_as_4029() {
    expect(frame!("string_429"), T, plain(4029));
}

#[test]
fn a_string_frame_is_an_error_of_its_code() {
    expect(frame!("string_4006"), T, plain(4006));
    expect(frame!("string_4011"), T, plain(4011));
    expect(frame!("string_4013"), T, plain(4013));
    expect(frame!("string_400"), T, plain(400));
    expect(frame!("string_401"), T, plain(401));
    expect(frame!("string_403"), T, plain(403));
    expect(frame!("string_403_clear"), T, plain(403));
}

#[test]
fn a_403_that_asks_to_authenticate_is_told_from_others() {
    let auth = || Read::Error(Fault { code: Code(403), retry_after: None, wants_auth: true });
    expect(frame!("string_403_authenticate"), T, auth());
    expect(frame!("string_403_session_authentication"), T, auth());
    expect(frame!("string_400_authenticate"), T, plain(400));
    expect(frame!("string_umlauts"), T, plain(403));
}

#[test]
fn every_unknown_number_is_5000() {
    expect(frame!("string_unknown_code"), T, plain(5000));
    expect(frame!("string_negative_code"), None, plain(5000));
}

#[test]
fn an_odd_body_leaves_the_code() {
    expect(frame!("string_body_is_object"), None, plain(4009));
    expect(frame!("string_body_is_null"), None, plain(503));
}

#[test]
fn the_structured_error_has_two_names() {
    expect(frame!("error_of_the_model"), Some("t-inner"), plain(4020));
    expect(frame!("error_of_the_docs"), T, plain(4009));
    expect(frame!("error_without_error_code"), T, plain(404));
    expect(frame!("error_null_body"), None, plain(500));
    expect(frame!("error_429_with_retry"), T, Read::Error(Fault { code: Code(4029), retry_after: Some(7_000), wants_auth: false }));
}
