//! Access tokens: who gets one, how long it is good, how it can be made to end (systems.md G1; README "Session protocol").

use super::session_api::{body, create, token_for};
use super::*;

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn grant(world: &mut World, headers: &[(&str, &str)], form: &str) -> HttpResponse {
    world.http("POST", "/oauth/token", headers, form.as_bytes())
}

fn header<'a>(response: &'a HttpResponse, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[test]
fn credentials_in_the_form_or_as_basic_get_a_bearer_token_for_a_day() {
    let mut world = World::new();
    // "id:s3cret"
    for (headers, form) in [
        (vec![FORM], "grant_type=client_credentials&client_id=id&client_secret=s3cret"),
        (vec![FORM, ("Authorization", "Basic aWQ6czNjcmV0")], "grant_type=client_credentials"),
    ] {
        let response = grant(&mut world, &headers, form);
        assert_eq!(response.status, 200);
        assert_eq!(header(&response, "cache-control"), Some("no-store"));
        let answer = body(&response);
        assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("bearer"), &json!(86_400)));
        let token = answer["access_token"].as_str().unwrap().to_owned();
        assert_eq!(create(&mut world, &token, "demo").status, 200);
    }
}

#[test]
fn each_refusal_of_a_grant_has_its_error() {
    let mut world = World::new();
    // "id:wrong"
    let basic = ("Authorization", "Basic aWQ6d3Jvbmc=");
    for (headers, form, status, error) in [
        (vec![], "grant_type=client_credentials&client_id=id&client_secret=wrong", 401, "invalid_client"),
        (vec![basic], "grant_type=client_credentials", 401, "invalid_client"),
        (vec![], "grant_type=client_credentials", 401, "invalid_client"),
        (vec![], "grant_type=client_credentials&client_id=id&client_secret=", 401, "invalid_client"),
        (vec![], "grant_type=password&client_id=id&client_secret=s", 400, "unsupported_grant_type"),
        (vec![], "client_id=id&client_secret=s", 400, "invalid_request"),
        (vec![], "", 400, "invalid_request"),
    ] {
        let response = grant(&mut world, &headers, form);
        assert_eq!((response.status, body(&response)), (status, json!({ "error": error })), "{form}");
    }
    assert_eq!(world.http("GET", "/oauth/token", &[], b"").status, 405);
}

#[test]
fn the_values_are_url_decoded_wherever_they_stand() {
    let mut world = World::new();
    assert_eq!(grant(&mut world, &[], "grant_type=client_credentials&client_id=i&client_secret=wr%6Fng").status, 401);
    // "i:wr%6Fng"
    assert_eq!(grant(&mut world, &[("Authorization", "Basic aTp3ciU2Rm5n")], "grant_type=client_credentials").status, 401);
}

#[test]
fn a_token_is_good_for_as_long_as_the_switch_says() {
    let mut world = World::with(json!({ "accessTokenSeconds": 60 }));
    world.post("/_sim/set", json!({ "deploymentId": "short", "accessTokenSeconds": 5 }));
    let seconds = |world: &mut World, client: &str| {
        body(&grant(world, &[], &format!("grant_type=client_credentials&client_id={client}&client_secret=s")))["expires_in"].clone()
    };
    assert_eq!(seconds(&mut world, "anyone"), 60);
    assert_eq!(seconds(&mut world, "short"), 5);
    let token = token_for(&mut world, "demo");
    world.pass(59_999);
    assert_eq!(create(&mut world, &token, "demo").status, 200);
    world.pass(1);
    assert_eq!(create(&mut world, &token, "demo").status, 401);
}

#[test]
fn a_token_can_be_worthless_from_the_start() {
    let mut world = World::with(json!({ "accessTokenSeconds": 0 }));
    let token = token_for(&mut world, "demo");
    assert_eq!(create(&mut world, &token, "demo").status, 401);
}

#[test]
fn a_site_s_backend_asks_for_one_deployment_whatever_is_posted() {
    let mut world = World::new();
    world.post("/_sim/set", json!({ "deploymentId": "short", "accessTokenSeconds": 5, "exposeHeaders": true }));
    let response = world.http("POST", "/demo-backend/token?deploymentId=short", &[], b"{ not read");
    assert_eq!((response.status, &body(&response)["expires_in"]), (200, &json!(5)));
    assert_eq!(header(&response, "access-control-expose-headers"), Some("Retry-After, Date"));
    assert_eq!(body(&world.http("POST", "/demo-backend/token", &[], b""))["expires_in"], 86_400);
    assert_eq!(world.http("GET", "/demo-backend/token", &[], b"").status, 405);
    let preflight = world.http("OPTIONS", "/demo-backend/token", &[], b"");
    assert_eq!((preflight.status, header(&preflight, "access-control-allow-origin")), (204, Some("*")));
    let record = &world.log("http")[0];
    assert_eq!((&record["path"], &record["deploymentId"]), (&json!("/demo-backend/token"), &json!("short")));
}

#[test]
fn expire_takes_a_token_a_session_or_a_deployment() {
    for by in ["token", "session", "deployment"] {
        let mut world = World::new();
        let token = token_for(&mut world, "demo");
        let unused = token_for(&mut world, "demo");
        let other = token_for(&mut world, "other");
        let session = body(&create(&mut world, &token, "demo"))["id"].as_str().unwrap().to_owned();
        world.post(
            "/_sim/expire",
            match by {
                "token" => json!({ "what": "token", "token": token }),
                "session" => json!({ "what": "token", "token": session }),
                _ => json!({ "what": "token", "deploymentId": "demo" }),
            },
        );
        assert_eq!(create(&mut world, &token, "demo").status, 401, "{by}");
        let status = if by == "deployment" { 401 } else { 200 };
        assert_eq!(create(&mut world, &unused, "demo").status, status, "{by}");
        assert_eq!(create(&mut world, &other, "other").status, 200, "{by}");
    }
}

#[test]
fn a_guest_token_still_expires_as_before() {
    let mut world = World::new();
    let id = world.guest("t");
    world.post("/_sim/expire", json!({ "what": "token", "deploymentId": "demo" }));
    assert_eq!(world.ask(id, text("t", "hi", "m"))["code"], 4007);
    let (status, _) = world.control("POST", "/_sim/expire", r#"{"what":"token","deploymentId":"nobody"}"#);
    assert_eq!(status, 404);
}

#[test]
fn a_reset_forgets_a_deployment_s_tokens_and_leaves_the_others() {
    let mut world = World::new();
    let token = token_for(&mut world, "demo");
    let other = token_for(&mut world, "other");
    let form = "grant_type=client_credentials&client_id=free&client_secret=s";
    let mut free = || body(&grant(&mut world, &[], form))["access_token"].as_str().unwrap().to_owned();
    let (shared, own) = (free(), free());
    for (token, deployment) in [(&shared, "demo"), (&shared, "other"), (&own, "demo")] {
        assert_eq!(create(&mut world, token, deployment).status, 200);
    }
    world.post("/_sim/reset", json!({ "deploymentId": "demo" }));
    assert_eq!(create(&mut world, &token, "demo").status, 401);
    assert_eq!(create(&mut world, &own, "demo").status, 401, "only that deployment had used it");
    assert_eq!(create(&mut world, &other, "other").status, 200);
    assert_eq!(create(&mut world, &shared, "other").status, 200);
    world.post("/_sim/reset", json!({}));
    assert_eq!(create(&mut world, &other, "other").status, 401);
}
