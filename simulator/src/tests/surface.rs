//! HTTP and the upgrade: configuration, domains, CORS, who is let in (§1, §10).

use super::*;

fn header<'a>(response: &'a HttpResponse, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn config_of(world: &mut World, deployment: &str) -> HttpResponse {
    let target = format!("/webdeployments/v1/deployments/{deployment}/config.json");
    world.http("GET", &target, &[("Host", "127.0.0.1:9")], b"")
}

#[test]
fn a_configuration_has_every_field_the_strictest_client_needs() {
    let mut world = World::new();
    let response = config_of(&mut world, "demo");
    assert_eq!(response.status, 200);
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    assert_eq!(header(&response, "access-control-allow-origin"), Some("*"));
    let config: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(config["id"], "demo");
    assert_eq!(config["status"], "Active");
    assert_eq!(config["apiEndpoint"], "http://127.0.0.1:9");
    let conversations = &config["messenger"]["apps"]["conversations"];
    assert_eq!(conversations["messagingEndpoint"], "ws://127.0.0.1:9");
    assert_eq!(conversations["autoStart"]["enabled"], true);
    assert_eq!(conversations["conversationDisconnect"], json!({ "enabled": true, "type": "ReadOnly" }));
    for pointer in [
        "/version",
        "/languages/0",
        "/defaultLanguage",
        "/auth/enabled",
        "/journeyEvents/enabled",
        "/messenger/enabled",
        "/messenger/styles/primaryColor",
        "/messenger/launcherButton/visibility",
        "/messenger/fileUpload/modes/0/maxFileSizeKB",
    ] {
        assert!(config.pointer(pointer).is_some_and(|value| !value.is_null()), "{pointer}");
    }
}

#[test]
fn what_a_deployment_s_id_begins_with_decides_what_is_wrong_with_it() {
    let mut world = World::new();
    assert_eq!(config_of(&mut world, "missing-1").status, 404);
    let inactive: Value = serde_json::from_slice(&config_of(&mut world, "inactive-1").body).unwrap();
    assert_eq!(inactive["status"], "Inactive");
    let malformed = config_of(&mut world, "malformed-1");
    assert_eq!((malformed.status, header(&malformed, "content-type")), (200, Some("text/html")));
    assert!(serde_json::from_slice::<Value>(&malformed.body).is_err());
    assert_eq!(config_of(&mut world, "refused-1").status, 200);
    for deployment in ["missing-1", "inactive-1", "refused-1"] {
        let id = world.connect_to(&format!("/v1?deploymentId={deployment}"), None);
        assert_eq!(world.states[&id], State::Refused(403, vec![]), "{deployment}");
    }
    let id = world.connect_to("/v1?deploymentId=malformed-1", None);
    assert_eq!(world.states[&id], State::Open);
}

#[test]
fn an_upgrade_without_a_deployment_is_a_bad_request() {
    let mut world = World::new();
    let id = world.connect_to("/v1", None);
    assert_eq!(world.states[&id], State::Refused(400, vec![]));
    assert_eq!(world.log("http")[0]["status"], 400);
    assert_eq!(world.log("open"), Vec::<Value>::new());
}

#[test]
fn allowed_domains_are_told_and_enforced() {
    let mut world = World::new();
    let domains = "/webdeployments/v1/deployments/demo/domains.json";
    let read = |world: &mut World| -> Value {
        let response = world.http("GET", domains, &[], b"");
        serde_json::from_slice(&response.body).unwrap()
    };
    assert_eq!(read(&mut world), json!({ "allowAllDomains": true, "allowedDomains": [] }));
    world.post("/_sim/set", json!({ "deploymentId": "demo", "allowedDomains": ["example.com"] }));
    assert_eq!(read(&mut world), json!({ "allowAllDomains": false, "allowedDomains": ["example.com"] }));
    for (origin, let_in) in [
        (Some("https://example.com"), true),
        (Some("https://www.Example.com:8443"), true),
        (Some("https://notexample.com"), false),
        (Some("https://example.com.evil.test"), false),
        (None, false),
    ] {
        let id = world.connect_to("/v1?deploymentId=demo", origin);
        assert_eq!(world.states[&id] == State::Open, let_in, "{origin:?}");
    }
}

#[test]
fn a_preflight_allows_what_the_protocol_needs_and_exposes_nothing() {
    let mut world = World::new();
    for path in ["/api/v2/webmessaging/messages", "/uploads/x/y.png", "/_sim/set"] {
        let response = world.http("OPTIONS", path, &[("Origin", "https://a.test")], b"");
        assert_eq!(response.status, 204);
        assert_eq!(header(&response, "access-control-allow-origin"), Some("*"));
        assert_eq!(header(&response, "access-control-allow-headers"), Some("authorization,content-type,x-amz-tagging"));
        assert_eq!(header(&response, "access-control-allow-methods"), Some("GET, POST, PUT, PATCH, DELETE"));
        assert_eq!(header(&response, "access-control-expose-headers"), None);
    }
}

#[test]
fn headers_are_exposed_when_the_switch_says_so() {
    let mut world = World::with(json!({ "exposeHeaders": true }));
    let response = config_of(&mut world, "demo");
    assert_eq!(header(&response, "access-control-expose-headers"), Some("Retry-After, Date"));
    assert_eq!(header(&response, "date"), Some("Thu, 01 Jan 2026 00:00:00 GMT"));
}

#[test]
fn other_paths_are_not_there_and_other_methods_are_not_allowed() {
    let mut world = World::new();
    for (method, path, status) in [
        ("GET", "/api/v2/nothing", 404),
        ("POST", "/api/v2/webmessaging/messages", 405),
        ("DELETE", "/webdeployments/v1/deployments/demo/config.json", 405),
        ("GET", "/webdeployments/v1/deployments/demo/other.json", 404),
    ] {
        let response = world.http(method, path, &[], b"");
        assert_eq!(response.status, status, "{method} {path}");
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(body["status"], status);
        assert!(body["message"].is_string() && body["code"].is_string());
    }
}

#[test]
fn a_body_that_is_too_large_or_no_json_is_refused() {
    let mut world = World::new();
    let refresh = "/api/v2/webdeployments/token/refresh";
    assert_eq!(world.http("POST", refresh, &[], b"{").status, 400);
    assert_eq!(world.http("POST", refresh, &[], &vec![b' '; 300_000]).status, 413);
}

#[test]
fn a_deployment_can_be_switched_off_while_it_runs() {
    let mut world = World::new();
    let id = world.guest("t");
    world.post("/_sim/set", json!({ "deploymentId": "demo", "status": "Inactive" }));
    let config: Value = serde_json::from_slice(&config_of(&mut world, "demo").body).unwrap();
    assert_eq!(config["status"], "Inactive");
    assert_eq!(world.ask(id, configure("t"))["code"], 403);
    let late = world.connect();
    assert_eq!(world.states[&late], State::Refused(403, vec![]));
}

#[test]
fn the_same_seed_and_the_same_inputs_give_the_same_frames() {
    let run = || {
        let mut world = World::with(json!({ "bot": "echo" }));
        let id = world.guest("t");
        world.send(id, text("t", "hello", "m1"));
        world.pass(1_000);
        (world.frames(id), world.history(id, "t", ""))
    };
    assert_eq!(run(), run());
}
