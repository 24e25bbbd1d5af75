//! Attachment frames (guest-api.md §3.5) and the classes that this version does not act on (§3.2): read, and passed
//! over with their tracing id, so that nothing of them is taken for garbage.

use crate::frames::{Read, expect, frame};

#[test]
fn attachment_frames_are_frames() {
    expect(frame!("presigned_url"), Some("t-presign"), Read::Other);
    expect(frame!("presigned_url_for_download"), Some("t-presign"), Read::Other);
    expect(frame!("upload_success"), None, Read::Other);
    expect(frame!("upload_failure"), None, Read::Other);
    expect(frame!("attachment_deleted"), None, Read::Other);
}

#[test]
fn an_error_of_an_upload_is_read_in_both_envelopes() {
    expect(frame!("generate_url_error"), Some("t-presign"), Read::Other);
    expect(frame!("generate_url_error_as_message"), Some("t-presign"), Read::Other);
}

#[test]
fn classes_without_a_meaning_here_are_frames() {
    expect(frame!("get_configuration_response"), Some("t-config"), Read::Other);
    expect(frame!("resume_token_response"), Some("t-resume"), Read::Other);
    expect(frame!("class_unknown"), None, Read::Other);
}

/// What no reference names is told from what only this version has no use for (faults.md row 27 counts it).
#[test]
fn an_unknown_class_is_read_as_one() {
    expect(frame!("class_of_tomorrow"), Some("t-new"), Read::Unknown);
}
