//! Signing in, stepping up, logging out (§7, §10).

use super::*;

const TOKENS: &str = "/api/v2/webdeployments/token";

fn exchange(world: &mut World, oauth: Value) -> HttpResponse {
    let body = json!({ "deploymentId": "demo", "oauth": oauth });
    let target = format!("{TOKENS}/oauthcodegrantjwtexchange");
    world.http("POST", &target, &[("Content-Type", "application/json")], body.to_string().as_bytes())
}

fn body(response: &HttpResponse) -> Value {
    serde_json::from_slice(&response.body).expect("JSON")
}

/// The JWT and refresh token of a sign-in.
fn sign_in(world: &mut World, code: &str) -> (String, String) {
    let answer = body(&exchange(world, json!({ "code": code, "redirectUri": "https://app.test/cb" })));
    let text = |name: &str| answer[name].as_str().expect("text").to_owned();
    (text("jwt"), text("refreshToken"))
}

fn configure_as(token: &str, jwt: &str) -> Value {
    json!({
        "token": token,
        "deploymentId": "demo",
        "data": { "code": jwt },
        "tracingId": "auth",
        "action": "configureAuthenticatedSession",
    })
}

fn refresh(world: &mut World, token: &str) -> HttpResponse {
    let request = json!({ "refreshToken": token }).to_string();
    world.http("POST", &format!("{TOKENS}/refresh"), &[], request.as_bytes())
}

fn revoke(world: &mut World, jwt: &str) -> HttpResponse {
    world.http("DELETE", &format!("{TOKENS}/revoke"), &[("authorization", &format!("bearer {jwt}"))], b"")
}

fn refused(frame: &Value, code: u16) {
    assert_eq!((&frame["class"], &frame["code"]), (&json!("string"), &json!(code)), "{frame}");
}

#[test]
fn a_code_gives_a_jwt_and_a_refresh_token_and_an_id_token_gives_a_jwt_alone() {
    let mut world = World::new();
    let (jwt, refresh) = sign_in(&mut world, "ann");
    assert_eq!(jwt.split('.').count(), 3);
    assert!(!refresh.is_empty());
    let implicit = body(&exchange(&mut world, json!({ "idToken": "ann", "nonce": "n" })));
    assert!(implicit["jwt"].is_string());
    assert!(implicit.get("refreshToken").is_none());
    assert_eq!(exchange(&mut world, json!({ "code": "bad-code" })).status, 401);
    assert_eq!(exchange(&mut world, json!({})).status, 400);
}

#[test]
fn a_refresh_gives_a_new_jwt_and_keeps_its_token() {
    let mut world = World::new();
    let (jwt, token) = sign_in(&mut world, "ann");
    for _ in 0..2 {
        let answer = refresh(&mut world, &token);
        assert_eq!(answer.status, 200);
        assert_ne!(body(&answer)["jwt"], json!(jwt));
        assert!(body(&answer).get("refreshToken").is_none());
    }
    assert_eq!(refresh(&mut world, "nosuch").status, 401);
}

#[test]
fn a_signed_in_user_configures_and_cannot_go_back_to_a_guest() {
    let mut world = World::new();
    let (jwt, _) = sign_in(&mut world, "ann");
    let id = world.connect();
    let answer = world.ask(id, configure_as("t", &jwt));
    assert_eq!(answer["class"], "SessionResponse");
    assert_eq!(answer["body"]["newSession"], true);
    refused(&world.ask(id, configure("t")), 4017);
}

#[test]
fn a_jwt_that_is_unknown_or_has_expired_is_refused_each_in_its_way() {
    let mut world = World::with(json!({ "authJwtSeconds": 60 }));
    let (jwt, token) = sign_in(&mut world, "ann");
    let id = world.connect();
    let answer = world.ask(id, configure_as("t", "nosuch"));
    refused(&answer, 403);
    assert_eq!(answer["body"], "Try to authenticate again");
    assert_eq!(world.ask(id, configure_as("t", &jwt))["class"], "SessionResponse");
    world.pass(60_000);
    refused(&world.ask(id, configure_as("t", &jwt)), 401);
    let fresh = body(&refresh(&mut world, &token))["jwt"].as_str().unwrap().to_owned();
    assert_eq!(world.ask(id, configure_as("t", &fresh))["class"], "SessionResponse");
}

#[test]
fn expire_token_ends_the_sign_in_of_the_session_s_user_only() {
    let mut world = World::new();
    let (ann, _) = sign_in(&mut world, "ann");
    let (ben, _) = sign_in(&mut world, "ben");
    let id = world.connect();
    world.ask(id, configure_as("t", &ann));
    world.close(id);
    world.pass(5_000);
    world.post("/_sim/expire", json!({ "what": "token", "token": "t" }));
    let id = world.connect();
    refused(&world.ask(id, configure_as("t", &ann)), 401);
    assert_eq!(world.ask(id, configure_as("u", &ben))["class"], "SessionResponse");
}

#[test]
fn a_deployment_that_asks_for_users_refuses_guests() {
    let mut world = World::with(json!({ "authRequired": true }));
    let (jwt, _) = sign_in(&mut world, "ann");
    let id = world.connect();
    refused(&world.ask(id, configure("t")), 403);
    assert_eq!(world.ask(id, configure_as("t", &jwt))["class"], "SessionResponse");
}

#[test]
fn a_step_up_keeps_the_conversation_and_tells_everyone() {
    let mut world = World::new();
    let (jwt, _) = sign_in(&mut world, "Ann");
    let id = world.guest("t");
    let other = world.guest("t");
    world.send(id, text("t", "as a guest", "m1"));
    world.frames(id);
    world.frames(other);
    world.send(id, configure_as("t", &jwt));
    let frames = world.frames(id);
    assert_eq!(classes(&frames), ["SessionResponse", "StructuredMessage"]);
    assert_eq!(frames[0]["tracingId"], "auth");
    assert_eq!(frames[0]["body"]["newSession"], false);
    assert_eq!(frames[0]["body"]["clearedExistingSession"], false);
    assert_eq!(frames[1]["body"]["direction"], "Inbound");
    assert_eq!(frames[1]["body"]["events"][0]["presence"]["type"], "SignIn");
    assert_eq!(frames[1]["body"]["channel"]["from"]["firstName"], "Ann");
    let told = world.frame(other);
    assert_eq!(told["class"], "ConnectionClosedEvent");
    assert_eq!(told["body"], json!({ "reason": "signedIn" }));
    assert_eq!(world.history(id, "t", "")["total"], 2);
    refused(&world.ask(id, configure("t")), 4017);
}

#[test]
fn a_step_up_closes_the_user_s_other_session() {
    let mut world = World::new();
    let (jwt, _) = sign_in(&mut world, "ann:1");
    let elsewhere = world.connect();
    world.ask(elsewhere, configure_as("old", &jwt));
    let id = world.guest("t");
    let (jwt, _) = sign_in(&mut world, "ann:2");
    world.send(id, configure_as("t", &jwt));
    assert_eq!(world.frames(id)[0]["body"]["clearedExistingSession"], true);
    assert_eq!(world.frame(elsewhere)["class"], "ConnectionClosedEvent");
    refused(&world.ask(elsewhere, text("old", "hello?", "m")), 4007);
}

#[test]
fn a_step_up_has_to_be_allowed() {
    let mut world = World::with(json!({ "allowSessionUpgrade": false }));
    let (jwt, _) = sign_in(&mut world, "ann");
    let id = world.guest("t");
    refused(&world.ask(id, configure_as("t", &jwt)), 403);
    assert_eq!(world.ask(id, text("t", "still a guest", "m"))["class"], "StructuredMessage");
}

#[test]
fn the_reason_of_a_closed_connection_has_two_names() {
    let mut world = World::with(json!({ "closedReason": "reasonCode" }));
    let (jwt, _) = sign_in(&mut world, "ann");
    let id = world.guest("t");
    let other = world.guest("t");
    world.send(id, configure_as("t", &jwt));
    assert_eq!(world.frame(other)["body"], json!({ "reasonCode": "signedIn" }));
}

#[test]
fn a_logout_reaches_every_connection_and_ends_the_tokens() {
    let mut world = World::new();
    let (jwt, token) = sign_in(&mut world, "ann");
    let id = world.connect();
    world.ask(id, configure_as("t", &jwt));
    let other = world.connect();
    world.ask(other, configure_as("t", &jwt));
    assert_eq!(revoke(&mut world, &jwt).status, 204);
    for connection in [id, other] {
        let frame = world.frame(connection);
        assert_eq!(frame, json!({ "type": "message", "class": "LogoutEvent", "code": 200, "body": {} }));
    }
    assert_eq!(revoke(&mut world, &jwt).status, 401);
    assert_eq!(refresh(&mut world, &token).status, 401);
    refused(&world.ask(id, configure_as("t", &jwt)), 403);
}
