//! Session-level events (guest-api.md §3.9).

use crate::frames::{Read, expect, frame};

#[test]
fn a_session_expires_or_is_cleared() {
    expect(frame!("session_expired"), None, Read::Expired);
    expect(frame!("session_cleared"), None, Read::Cleared);
}

#[test]
fn a_connection_is_closed_with_a_reason_or_without() {
    expect(frame!("connection_closed"), None, Read::Closed { signed_in: false });
    expect(frame!("connection_closed_without_body"), None, Read::Closed { signed_in: false });
    expect(frame!("connection_closed_other_reason"), None, Read::Closed { signed_in: false });
    expect(frame!("connection_closed_signed_in"), None, Read::Closed { signed_in: true });
}

#[test]
fn the_reason_has_two_names() {
    expect(frame!("connection_closed_reason_code"), None, Read::Closed { signed_in: true });
    expect(frame!("connection_closed_null_reason"), None, Read::Closed { signed_in: true });
}

#[test]
fn a_logout_needs_no_body() {
    expect(frame!("logout"), None, Read::LoggedOut);
    expect(frame!("logout_null_body"), None, Read::LoggedOut);
}
