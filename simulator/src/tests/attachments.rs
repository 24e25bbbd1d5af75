//! Files: an address to put them, what follows, how they are sent and fetched (§6, §10).

use super::*;

fn on_attachment(name: &str, kind: &str, size: u64) -> Value {
    json!({
        "token": "t",
        "attachmentId": "a1",
        "fileName": name,
        "fileType": kind,
        "fileSize": size,
        "errorsAsJson": true,
        "tracingId": "att",
        "action": "onAttachment",
    })
}

fn with_attachment(id: &str) -> Value {
    json!({
        "token": "t",
        "message": { "type": "Text", "text": "", "content": [{ "contentType": "Attachment", "attachment": { "id": id } }] },
        "tracingId": "m1",
        "action": "onMessage",
    })
}

fn about(action: &str, id: &str) -> Value {
    json!({ "token": "t", "attachmentId": id, "tracingId": action, "action": action })
}

const TAGS: (&str, &str) = ("x-amz-tagging", "organizationId=1&originPlatform=PureCloud");

/// A guest with a file that is up; gives what followed the upload.
fn uploaded(world: &mut World) -> (ConnectionId, Vec<Value>) {
    let id = world.guest("t");
    let answer = world.ask(id, on_attachment("foo bar.png", "image/png", 3));
    let url = answer["body"]["url"].as_str().expect("a url").to_owned();
    assert_eq!(world.http("PUT", &url, &[TAGS], b"png").status, 200);
    let frames = world.frames(id);
    (id, frames)
}

#[test]
fn a_file_gets_an_address_and_the_header_its_put_must_carry() {
    let mut world = World::new();
    let id = world.guest("t");
    let answer = world.ask(id, on_attachment("foo.png", "image/png", 424_242));
    assert_eq!((&answer["type"], &answer["class"]), (&json!("response"), &json!("PresignedUrlResponse")));
    assert_eq!((&answer["code"], &answer["tracingId"]), (&json!(200), &json!("att")));
    let body = &answer["body"];
    assert_eq!(body["attachmentId"], "a1");
    assert_eq!(body["headers"], json!({ TAGS.0: TAGS.1 }));
    assert_eq!((&body["fileName"], &body["fileSize"], &body["fileType"]), (&json!("foo.png"), &json!(424_242), &json!("image/png")));
    let url = body["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("http://localhost:8787/uploads/"), "{url}");
    assert_eq!(world.http("PUT", &url, &[], b"x").status, 403);
    assert_eq!(world.frames(id), Vec::<Value>::new());
    assert_eq!(world.http("PUT", &url, &[TAGS], b"x").status, 200);
}

#[test]
fn an_id_is_made_up_where_none_was_given() {
    let mut world = World::new();
    let id = world.guest("t");
    let mut request = on_attachment("foo.png", "image/png", 1);
    request.as_object_mut().unwrap().remove("attachmentId");
    assert_eq!(world.ask(id, request)["body"]["attachmentId"].as_str().unwrap().len(), 36);
}

#[test]
fn a_put_is_followed_by_its_success_on_every_connection() {
    let mut world = World::new();
    let (_, frames) = uploaded(&mut world);
    assert_eq!(classes(&frames), ["UploadSuccessEvent"]);
    assert_eq!(frames[0]["type"], "message");
    assert_eq!(frames[0]["body"]["attachmentId"], "a1");
    assert_eq!(frames[0]["body"]["timestamp"], "2026-01-01T00:00:00.000Z");
    let url = frames[0]["body"]["downloadUrl"].as_str().unwrap().to_owned();
    let file = world.http("GET", &url, &[], b"");
    assert_eq!((file.status, file.body.as_slice()), (200, b"png".as_slice()));
    assert!(file.headers.contains(&("content-type".into(), "image/png".into())));
    world.pass(10 * 60_000);
    assert_eq!(world.http("GET", &url, &[], b"").status, 403);
}

#[test]
fn an_upload_fails_or_falls_silent_when_told_to() {
    let mut world = World::with(json!({ "upload": "failure" }));
    let (id, frames) = uploaded(&mut world);
    assert_eq!(classes(&frames), ["UploadFailureEvent"]);
    assert_eq!(frames[0]["body"]["errorCode"], 4003);
    assert_eq!(world.ask(id, with_attachment("a1"))["code"], 4010);
    let mut world = World::with(json!({ "upload": "silent" }));
    assert_eq!(uploaded(&mut world).1, Vec::<Value>::new());
}

#[test]
fn a_sent_file_comes_back_with_address_name_and_size() {
    let mut world = World::new();
    let (id, _) = uploaded(&mut world);
    let frame = world.ask(id, with_attachment("a1"));
    assert_eq!(frame["body"]["type"], "Text");
    assert!(frame["body"].get("text").is_none());
    let part = &frame["body"]["content"][0];
    assert_eq!(part["contentType"], "Attachment");
    let attachment = &part["attachment"];
    assert_eq!((&attachment["id"], &attachment["filename"]), (&json!("a1"), &json!("foo bar.png")));
    assert_eq!((&attachment["fileSize"], &attachment["mime"], &attachment["mediaType"]), (&json!(3), &json!("image/png"), &json!("Image")));
    assert!(attachment["url"].is_string());
    assert_eq!(world.history(id, "t", "")["entities"][0]["content"], frame["body"]["content"]);
}

#[test]
fn a_message_of_content_alone_is_a_text_without_text() {
    let mut world = World::new();
    let (id, _) = uploaded(&mut world);
    let mut request = with_attachment("a1");
    let message = request["message"].as_object_mut().unwrap();
    message.remove("type");
    message.remove("text");
    let frame = world.ask(id, request);
    assert_eq!(frame["body"]["type"], "Text");
    assert!(frame["body"].get("text").is_none());
}

#[test]
fn only_what_is_known_and_uploaded_can_be_sent() {
    let mut world = World::new();
    let id = world.guest("t");
    let answer = world.ask(id, with_attachment("nosuch"));
    assert_eq!((&answer["class"], &answer["code"], &answer["tracingId"]), (&json!("string"), &json!(4009), &json!("m1")));
    world.ask(id, on_attachment("foo.png", "image/png", 3));
    assert_eq!(world.ask(id, with_attachment("a1"))["code"], 4010);
    assert_eq!(world.stored("t"), Vec::<String>::new());
}

#[test]
fn every_fault_of_a_file_has_its_code_in_both_forms() {
    let mut world = World::with(json!({ "fileTypes": ["image/*"] }));
    let id = world.guest("t");
    let long = format!("{}.png", "n".repeat(1_020));
    for (name, kind, size, code) in [
        (long.as_str(), "image/png", 3, 4005),
        ("noextension", "image/png", 3, 4001),
        ("trailing.", "image/png", 3, 4001),
        ("virus.EXE", "image/png", 3, 4001),
        ("doc.pdf", "application/pdf", 3, 4001),
        ("empty.png", "image/png", 0, 4102),
        ("huge.png", "image/png", 10_240 * 1024 + 1, 4002),
    ] {
        let answer = world.ask(id, on_attachment(name, kind, size));
        assert_eq!((&answer["type"], &answer["class"], &answer["code"]), (&json!("response"), &json!("GenerateUrlError"), &json!(400)));
        assert_eq!(answer["body"]["errorCode"], code, "{name}");
        assert_eq!(answer["body"]["attachmentId"], "a1");
        assert_eq!(answer["tracingId"], "att");
        let mut request = on_attachment(name, kind, size);
        request["errorsAsJson"] = false.into();
        let answer = world.ask(id, request);
        assert_eq!((&answer["class"], &answer["code"]), (&json!("string"), &json!(code)), "{name}");
    }
    for (name, size) in [(format!("{}.png", "n".repeat(1_019)), 3), ("max.png".to_owned(), 10_240 * 1024)] {
        assert_eq!(world.ask(id, on_attachment(&name, "image/png", size))["class"], "PresignedUrlResponse");
    }
}

#[test]
fn the_error_has_a_second_envelope() {
    let mut world = World::with(json!({ "generateUrlError": "message" }));
    let id = world.guest("t");
    let answer = world.ask(id, on_attachment("a.exe", "image/png", 3));
    assert_eq!((&answer["type"], &answer["class"], &answer["code"]), (&json!("message"), &json!("GenerateUrlError"), &json!(200)));
}

#[test]
fn a_refresh_has_empty_headers_and_a_new_address() {
    let mut world = World::new();
    let (id, frames) = uploaded(&mut world);
    let answer = world.ask(id, about("getAttachment", "a1"));
    assert_eq!(answer["class"], "PresignedUrlResponse");
    assert_eq!(answer["body"]["headers"], json!({}));
    assert_eq!(answer["body"]["fileSize"], 3);
    assert_eq!(answer["body"]["fileName"], "foo bar.png");
    assert_ne!(answer["body"]["url"], frames[0]["body"]["downloadUrl"]);
    assert_eq!(world.ask(id, about("getAttachment", "nosuch"))["code"], 4009);
}

#[test]
fn a_file_can_be_taken_back_until_it_is_sent() {
    let mut world = World::new();
    let (id, _) = uploaded(&mut world);
    let answer = world.ask(id, about("deleteAttachment", "a1"));
    assert_eq!(
        (&answer["type"], &answer["class"], &answer["body"]),
        (&json!("message"), &json!("AttachmentDeletedResponse"), &json!({ "attachmentId": "a1" }))
    );
    assert_eq!(world.ask(id, with_attachment("a1"))["code"], 4009);
    let mut world = World::new();
    let (id, _) = uploaded(&mut world);
    world.ask(id, with_attachment("a1"));
    assert_eq!(world.ask(id, about("deleteAttachment", "a1"))["code"], 4009);
}

#[test]
fn a_deployment_without_attachments_says_so_everywhere() {
    let mut world = World::with(json!({ "attachments": false }));
    let id = world.connect();
    let answer = world.ask(id, configure("t"));
    assert_eq!(answer["body"]["allowedMedia"]["inbound"]["fileTypes"], json!([]));
    assert_eq!(world.ask(id, on_attachment("a.png", "image/png", 3))["body"]["errorCode"], 4000);
}
