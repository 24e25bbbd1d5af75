//! The session protocol over HTTP: making a session and reading it (systems.md G2, G6; README "Session protocol").

use super::*;

pub(super) const SESSIONS: &str = "/api/v2/conversations/webmessaging/sessions";

pub(super) fn body(response: &HttpResponse) -> Value {
    serde_json::from_slice(&response.body).expect("the answer is JSON")
}

/// An access token, as a site's backend gets it for a deployment.
pub(super) fn token_for(world: &mut World, deployment: &str) -> String {
    let response = world.http("POST", &format!("/demo-backend/token?deploymentId={deployment}"), &[], b"");
    body(&response)["access_token"].as_str().expect("a token").to_owned()
}

pub(super) fn create(world: &mut World, token: &str, deployment: &str) -> HttpResponse {
    let sent = json!({ "deploymentId": deployment }).to_string();
    world.http("POST", SESSIONS, &[("Authorization", &format!("Bearer {token}"))], sent.as_bytes())
}

/// A session of deployment `demo`: its id, and the access token it was made with.
pub(super) fn session(world: &mut World) -> (String, String) {
    let token = token_for(world, "demo");
    let id = body(&create(world, &token, "demo"))["id"].as_str().expect("an id").to_owned();
    (id, token)
}

pub(super) fn read(world: &mut World, session: &str, token: &str, query: &str) -> HttpResponse {
    world.http("GET", &format!("{SESSIONS}/{session}/messages{query}"), &[("authorization", &format!("Bearer {token}"))], b"")
}

pub(super) fn join(world: &mut World, session: &str, token: &str) -> ConnectionId {
    world.connect_to(&format!("{SESSIONS}/{session}/messages?token={token}"), None)
}

pub(super) fn say(world: &mut World, id: ConnectionId, words: &str) {
    world.send(id, json!({ "text": words, "type": "text" }));
}

pub(super) fn words(frames: &[Value]) -> Vec<&str> {
    frames.iter().filter_map(|frame| frame["text"].as_str()).collect()
}

fn items(page: &Value) -> Vec<&str> {
    words(page["items"].as_array().expect("items are a list"))
}

#[test]
fn a_session_has_a_uuid_and_is_listed() {
    let mut world = World::new();
    let (id, _) = session(&mut world);
    assert_eq!(id.len(), 36);
    world.guest("t");
    let listed = world.get("/_sim/sessions");
    let of = |token: &str| listed.as_array().unwrap().iter().find(|one| one["token"] == token).unwrap();
    assert_eq!((&of(&id)["protocol"], &of(&id)["connections"], &of(&id)["readOnly"]), (&json!("session"), &json!(0), &json!(false)));
    assert_eq!((&of(&id)["deploymentId"], &of(&id)["messages"]), (&json!("demo"), &json!([])));
    assert_eq!(of("t")["protocol"], "guest");
}

#[test]
fn a_session_is_refused_with_the_status_of_the_reason() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let bearer = format!("bEaReR {token}");
    for (authorization, sent, status) in [
        (bearer.as_str(), r#"{"deploymentId":"demo"}"#, 200),
        ("", r#"{"deploymentId":"demo"}"#, 401),
        ("Bearer nonsense", r#"{"deploymentId":"demo"}"#, 401),
        (token.as_str(), r#"{"deploymentId":"demo"}"#, 401),
        (&bearer, r#"{"deploymentId":"missing-1"}"#, 404),
        (&bearer, r#"{"deploymentId":"inactive-1"}"#, 404),
        (&bearer, r#"{"deploymentId":"refused-1"}"#, 200),
        (&bearer, r#"{"deploymentId":""}"#, 400),
        (&bearer, r#"{"deploymentId":7}"#, 400),
        (&bearer, "[]", 400),
        (&bearer, "{", 400),
    ] {
        let response = world.http("POST", SESSIONS, &[("Authorization", authorization)], sent.as_bytes());
        assert_eq!(response.status, status, "{authorization} {sent}");
        if status != 200 {
            assert_eq!(body(&response)["status"], status);
        }
        if status == 401 {
            assert_eq!(body(&response)["code"], "bad.credentials");
        }
    }
    let malformed = create(&mut world, &token, "malformed-1");
    assert_eq!(malformed.status, 200);
    assert!(malformed.body.starts_with(b"<!doctype html>"));
    assert_eq!(world.http("GET", SESSIONS, &[("Authorization", &bearer)], b"").status, 405);
}

#[test]
fn what_was_said_is_read_oldest_first_page_by_page() {
    let mut world = World::with(json!({ "sessionPageSize": 2 }));
    let (id, token) = session(&mut world);
    let socket = join(&mut world, &id, &token);
    let mut ids = Vec::new();
    for words in ["1", "2", "3", "4", "5"] {
        say(&mut world, socket, words);
        ids.push(world.frame(socket)["id"].as_str().unwrap().to_owned());
    }
    let first = body(&read(&mut world, &id, &token, ""));
    assert_eq!((items(&first), &first["page"]), (vec!["1", "2"], &json!({ "after": ids[1] })));
    let second = body(&read(&mut world, &id, &token, &format!("?after={}", ids[1])));
    assert_eq!((items(&second), &second["page"]), (vec!["3", "4"], &json!({ "after": ids[3] })));
    let third = body(&read(&mut world, &id, &token, &format!("?after={}", ids[3])));
    assert_eq!((items(&third), &third["page"]), (vec!["5"], &json!({})));
    let none = body(&read(&mut world, &id, &token, &format!("?after={}", ids[4])));
    assert_eq!(none, json!({ "items": [], "page": {} }));
    // Exactly a page is the last one.
    let last = body(&read(&mut world, &id, &token, &format!("?after={}", ids[2])));
    assert_eq!((items(&last), &last["page"]), (vec!["4", "5"], &json!({})));
}

#[test]
fn an_item_is_the_frame_of_the_echo() {
    let mut world = World::new();
    let (id, token) = session(&mut world);
    let socket = join(&mut world, &id, &token);
    say(&mut world, socket, "hi");
    let echo = world.frame(socket);
    assert_eq!(body(&read(&mut world, &id, &token, ""))["items"], json!([echo]));
}

#[test]
fn a_page_is_refused_with_the_status_of_the_reason() {
    let mut world = World::new();
    let (id, token) = session(&mut world);
    let (other, _) = session(&mut world);
    let socket = join(&mut world, &other, &token);
    say(&mut world, socket, "elsewhere");
    let foreign = world.frame(socket)["id"].as_str().unwrap().to_owned();
    assert_eq!(read(&mut world, &id, "nonsense", "").status, 401);
    assert_eq!(read(&mut world, "nobody", &token, "").status, 404);
    assert_eq!(read(&mut world, &id, &token, "?after=nothing").status, 400);
    assert_eq!(read(&mut world, &id, &token, "?after=").status, 400);
    assert_eq!(read(&mut world, &id, &token, &format!("?after={foreign}")).status, 400, "another session's message");
    assert_eq!(world.http("DELETE", &format!("{SESSIONS}/{id}/messages"), &[], b"").status, 405);
    world.post("/_sim/expire", json!({ "what": "session", "token": id }));
    assert_eq!(read(&mut world, &id, &token, "").status, 404);
}

#[test]
fn ten_reads_a_minute_and_session() {
    let mut world = World::new();
    let (id, token) = session(&mut world);
    let (other, _) = session(&mut world);
    for _ in 0..10 {
        assert_eq!(read(&mut world, &id, &token, "").status, 200);
    }
    let refused = read(&mut world, &id, &token, "");
    assert_eq!(refused.status, 429);
    let names: Vec<&str> = refused.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"retry-after") && !names.contains(&"access-control-expose-headers"), "{names:?}");
    assert_eq!(world.log("limited")[0]["token"], id);
    assert_eq!(read(&mut world, &other, &token, "").status, 200);
    world.post("/_sim/set", json!({ "deploymentId": "demo", "exposeHeaders": true }));
    let refused = read(&mut world, &id, &token, "");
    assert!(refused.headers.contains(&("access-control-expose-headers".into(), "Retry-After, Date".into())));
    world.pass(60_000);
    assert_eq!(read(&mut world, &id, &token, "").status, 200);
    world.post("/_sim/set", json!({ "deploymentId": "demo", "limits": false }));
    for _ in 0..20 {
        assert_eq!(read(&mut world, &id, &token, "").status, 200);
    }
}

#[test]
fn a_session_s_id_is_no_guest_token() {
    let mut world = World::new();
    let (id, _) = session(&mut world);
    let line = world.connect();
    assert_eq!(world.ask(line, configure(&id))["code"], 4007);
}

#[test]
fn no_access_token_is_written_down() {
    let mut world = World::new();
    let (id, token) = session(&mut world);
    let socket = join(&mut world, &id, &token);
    join(&mut world, "nobody", &token);
    say(&mut world, socket, "hi");
    read(&mut world, &id, &token, "");
    // What a page does that wants to know why its upgrade was refused.
    read(&mut world, &id, &token, &format!("?token={token}"));
    world.post("/_sim/expire", json!({ "what": "token", "token": token }));
    join(&mut world, &id, &token);
    let log = world.get("/_sim/log?since=0").to_string();
    assert!(log.contains(&id) && !log.contains(&token));
    assert!(!world.get("/_sim/sessions").to_string().contains(&token));
    let tokens: Vec<Value> = world.log("open").iter().chain(&world.log("http")).filter_map(|record| record.get("token").cloned()).collect();
    assert!(tokens.iter().all(|one| *one == json!(id) || *one == "nobody"), "{tokens:?}");
}
