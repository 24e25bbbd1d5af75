//! Every limit of §4.4 that is about how often, each at its edge.

use super::*;

/// The rate limit's frame (§3.7).
fn too_many(frame: &Value, seconds: u64, tracing: &str) {
    assert_eq!(
        *frame,
        json!({
            "type": "response",
            "class": "TooManyRequestsErrorMessage",
            "code": 429,
            "body": { "retryAfter": seconds, "errorCode": 4029, "errorMessage": "Message rate too high for this session" },
            "tracingId": tracing,
        })
    );
}

#[test]
fn five_messages_in_a_second_and_the_sixth_waits() {
    let mut world = World::new();
    let id = world.guest("t");
    let other = world.guest("t");
    for number in 0..5 {
        let from = if number % 2 == 0 { id } else { other };
        world.send(from, text("t", "hi", "m"));
    }
    world.frames(id);
    too_many(&world.ask(id, text("t", "one too many", "m6")), 1, "m6");
    assert_eq!(world.stored("t").len(), 5);
    let limited = &world.log("limited")[0];
    assert_eq!((&limited["token"], &limited["text"]), (&json!("t"), &json!("messages per second")));
    world.pass(1_000);
    assert_eq!(world.ask(id, text("t", "now", "m7"))["class"], "StructuredMessage");
}

#[test]
fn events_do_not_count_as_messages() {
    let mut world = World::new();
    let id = world.guest("t");
    world.send(id, presence("t", "Join", "j"));
    world.send(id, typing("t"));
    for _ in 0..5 {
        world.send(id, text("t", "hi", "m"));
    }
    assert_eq!(world.stored("t").len(), 5);
}

#[test]
fn sixty_requests_in_a_minute_on_a_connection() {
    let mut world = World::new();
    let id = world.guest("t");
    for _ in 0..59 {
        world.send(id, json!({ "token": "t", "action": "getJwt" }));
    }
    assert_eq!(world.frames(id).len(), 59);
    world.pass(10_000);
    too_many(&world.ask(id, json!({ "token": "t", "action": "getJwt", "tracingId": "j" })), 50, "j");
    let other = world.guest("t");
    assert_eq!(world.ask(other, json!({ "token": "t", "action": "getJwt" }))["class"], "JwtResponse");
    world.pass(50_000);
    assert_eq!(world.ask(id, json!({ "token": "t", "action": "getJwt" }))["class"], "JwtResponse");
}

#[test]
fn nonsense_counts_as_a_request() {
    let mut world = World::new();
    let id = world.connect();
    for _ in 0..60 {
        world.send_text(id, "{");
    }
    world.frames(id);
    world.send_text(id, "{");
    assert_eq!(world.frame(id)["code"], 429);
}

#[test]
fn two_echoes_in_a_minute_on_a_connection() {
    let mut world = World::new();
    let id = world.guest("t");
    world.ask(id, echo("t", "e1"));
    world.pass(29_999);
    world.ask(id, echo("t", "e2"));
    too_many(&world.ask(id, echo("t", "e3")), 31, "e3");
    let other = world.guest("t");
    assert_eq!(world.ask(other, echo("t", "e4"))["class"], "StructuredMessage");
    world.pass(30_001);
    assert_eq!(world.ask(id, echo("t", "e5"))["class"], "StructuredMessage");
}

#[test]
fn sixty_configures_in_a_minute_for_a_token() {
    let mut world = World::new();
    for _ in 0..60 {
        let id = world.connect();
        assert_eq!(world.ask(id, configure("t"))["class"], "SessionResponse");
        world.close(id);
    }
    let id = world.connect();
    too_many(&world.ask(id, configure("t")), 60, "conf");
    assert_eq!(world.ask(id, configure("u"))["class"], "SessionResponse");
}

#[test]
fn a_thousand_connections_in_a_minute_for_a_deployment() {
    let mut world = World::new();
    for _ in 0..1_000 {
        let id = world.connect();
        assert_eq!(world.states[&id], State::Open);
        world.close(id);
    }
    let id = world.connect();
    assert_eq!(world.states[&id], State::Refused(429, vec![("retry-after".into(), "60".into())]));
    let other = world.connect_to("/v1?deploymentId=other", None);
    assert_eq!(world.states[&other], State::Open);
    world.pass(60_000);
    let id = world.connect();
    assert_eq!(world.states[&id], State::Open);
}

#[test]
fn typing_once_in_five_seconds() {
    let mut world = World::new();
    let id = world.guest("t");
    world.send(id, typing("t"));
    world.pass(4_999);
    too_many(&world.ask(id, typing("t")), 1, "typ");
    world.pass(1);
    world.send(id, typing("t"));
    assert_eq!(world.frames(id), Vec::<Value>::new());
}

#[test]
fn ten_history_reads_in_a_minute_for_a_token() {
    let mut world = World::new();
    let id = world.guest("t");
    let jwt = world.jwt(id, "t");
    let read = |world: &mut World| {
        let bearer = format!("bearer {jwt}");
        world.http("GET", "/api/v2/webmessaging/messages", &[("authorization", &bearer)], b"")
    };
    for _ in 0..10 {
        assert_eq!(read(&mut world).status, 200);
    }
    world.pass(20_000);
    let refused = read(&mut world);
    assert_eq!(refused.status, 429);
    assert!(refused.headers.contains(&("retry-after".into(), "40".into())));
    let body: Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(body["status"], 429);
}

#[test]
fn an_agent_s_text_has_four_thousand_characters() {
    let mut world = World::new();
    let id = world.guest("t");
    world.post("/_sim/agent", json!({ "do": "text", "text": "ä".repeat(4_000) }));
    world.frame(id);
    let body = json!({ "do": "text", "text": "ä".repeat(4_001) }).to_string();
    assert_eq!(world.control("POST", "/_sim/agent", &body).0, 400);
    assert_eq!(world.frames(id), Vec::<Value>::new());
}

#[test]
fn without_limits_nothing_waits() {
    let mut world = World::with(json!({ "limits": false }));
    let id = world.guest("t");
    for _ in 0..100 {
        world.send(id, text("t", "hi", "m"));
        world.send(id, echo("t", "e"));
        world.send(id, typing("t"));
    }
    assert_eq!(world.stored("t").len(), 100);
    assert_eq!(world.frames(id).len(), 200);
}

#[test]
fn the_rate_limit_has_a_second_form() {
    let mut world = World::with(json!({ "tooManyRequests": "string" }));
    let id = world.guest("t");
    for _ in 0..5 {
        world.send(id, text("t", "hi", "m"));
    }
    world.frames(id);
    let answer = world.ask(id, text("t", "hi", "m6"));
    assert_eq!((&answer["class"], &answer["code"], &answer["tracingId"]), (&json!("string"), &json!(429), &json!("m6")));
    assert!(answer["body"].is_string());
}
