//! What all streams have in common, on the latency monitor (its token goes in the first frame) and on conversation events (its token
//! stands in the address).

mod page;
mod told;
mod troubles;

use crate::network::Line;
use crate::world::{DEPLOYMENT, EPOCH, Hook, World};
use guestwire::core::error::Code;
use guestwire::core::http::{Authorization, Reply, Unreachable};
use guestwire::core::machine::{Close, Input, Machine, Now, Page, Payload, RequestId, Role, SocketId, WriteId};
use guestwire::core::random::Random;
use guestwire::core::state::{End, Pause, Reason, State};
use guestwire::streams::Kind;
use guestwire::streams::class::Command;
use guestwire::streams::event::Event;
use serde_json::{Value, json};

const TOKEN: &str = "/demo-backend/token";
const KINDS: [Kind; 2] = [Kind::Latency, Kind::Conversations];

fn path(kind: Kind) -> &'static str {
    if kind == Kind::Latency { "/v2/analytics/events/realtime" } else { "/api/v2/analytics/conversations/events" }
}

fn made(kind: Kind, more: Value) -> World {
    let mut options = json!({"connectionId": "monitor-001"});
    options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    World::new(kind, options)
}

fn ready(kind: Kind, more: Value) -> World {
    let mut world = made(kind, more);
    world.start();
    world.wait_for(State::Ready, 5_000);
    world
}

fn refuse(kind: Kind, status: u16, count: u64) -> Value {
    json!({"on": "connect", "match": {"path": path(kind)}, "count": count, "do": "refuse", "status": status})
}

/// What a plain GET on the socket's path is answered.
fn answer_get(kind: Kind, count: u64, more: Value) -> Value {
    let mut rule = json!({"on": "http", "match": {"path": path(kind)}, "count": count, "do": "status"});
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    rule
}

fn answer_token(count: u64, more: Value) -> Value {
    let mut rule = json!({"on": "http", "match": {"path": TOKEN}, "count": count});
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    rule
}

/// When tokens were asked for.
fn token_requests(world: &World) -> Vec<u64> {
    world.asked.iter().filter(|(_, request)| request.url.contains("token")).map(|(at, _)| *at).collect()
}

/// When refusals were looked into.
fn looks(world: &World) -> Vec<u64> {
    world.asked.iter().filter(|(_, request)| request.url.contains("analytics")).map(|(at, _)| *at).collect()
}

fn errors(world: &World) -> Vec<Code> {
    let found = world.find(|event| if let Event::Error(code, _) = event { Some(*code) } else { None });
    found.into_iter().map(|(_, code)| code).collect()
}

/// The page's call, and an input that means nothing, after which everything is drained.
fn reconnect(world: &mut World) {
    let now = world.clock();
    world.stream.reconnect(now);
    world.input(Input::Role(Role::Follower));
}

fn dispose(world: &mut World) {
    let now = world.clock();
    world.stream.dispose(now);
    world.input(Input::Role(Role::Follower));
}

fn break_line(world: &mut World) {
    let now = world.now;
    world.network.reset(now);
}

fn event(id: &str, ms: i64) -> Value {
    json!({"id": id, "timestamp": World::at(ms), "type": "CallStarted", "data": {}})
}

/// Nothing is open, waited for or due.
fn assert_nothing_is_left(world: &mut World, of: &str) {
    assert_eq!(world.network.open_lines(), 0, "{of}: a line is open");
    assert_eq!(world.stream.poll_timeout(), None, "{of}: a timer runs");
    let (opens, asked, sent, told) = (world.opens.len(), world.asked.len(), world.sent.len(), world.told.len());
    world.pass(600_000);
    assert_eq!(
        (world.opens.len(), world.asked.len(), world.sent.len(), world.told.len()),
        (opens, asked, sent, told),
        "{of}: {:?}",
        world.told.last()
    );
}

// ---- tokens

#[test]
fn a_token_is_asked_for_once_however_often_a_connection_is_wanted() {
    for kind in KINDS {
        let mut world = made(kind, json!({}));
        world.fault(answer_token(1, json!({"do": "delay", "ms": 3_000})));
        let tickets = [world.start(), world.start()];
        for signal in [Page::Visible, Page::Focused, Page::Online, Page::Resumed] {
            world.page(signal);
            reconnect(&mut world);
            world.pass(500);
        }
        world.wait_for(State::Ready, 5_000);
        assert_eq!((token_requests(&world).len(), world.opens.len()), (1, 1), "{kind:?}");
        assert_eq!(tickets.map(|ticket| world.done(ticket)), [Some(None); 2]);
    }
}

#[test]
fn a_token_url_of_the_site_is_asked_with_its_cookies_and_without_credentials() {
    let world = ready(Kind::Latency, json!({}));
    let request = &world.asked[0].1;
    assert_eq!(request.method.name(), "POST");
    assert!(request.cookies && request.authorization.is_none() && request.body.is_none());
    assert_eq!(request.timeout_ms, 10_000);
}

#[test]
fn the_grant_of_the_monitor_says_who_it_is_by_http_basic() {
    let world = ready(Kind::Latency, json!({"token": {"clientId": "monitor 1", "clientSecret": "s:&=ä"}}));
    let request = &world.asked[0].1;
    assert_eq!(
        (request.method.name(), request.url.as_str(), request.timeout_ms, request.cookies),
        ("POST", "http://service/oauth/token", 10_000, false)
    );
    // Base64 of monitor%201:s%3A%26%3D%C3%A4 (RFC 6749 §2.3.1).
    let Some(Authorization::Basic(credentials)) = &request.authorization else { panic!("no Basic") };
    assert_eq!(credentials.expose(), "bW9uaXRvciUyMDE6cyUzQSUyNiUzRCVDMyVBNA==");
    let body = request.body.as_ref().unwrap();
    assert_eq!((body.kind, body.text.as_str()), ("application/x-www-form-urlencoded", "grant_type=client_credentials"));
}

#[test]
fn the_grant_of_conversation_events_is_a_form() {
    let world = ready(Kind::Conversations, json!({"token": {"clientId": "events 1", "clientSecret": "s:&=ä"}}));
    let request = &world.asked[0].1;
    assert_eq!((request.method.name(), request.url.as_str(), request.cookies), ("POST", "http://service/oauth/token", false));
    assert!(request.authorization.is_none());
    let body = request.body.as_ref().unwrap();
    assert_eq!(body.kind, "application/x-www-form-urlencoded");
    assert_eq!(body.text, "grant_type=client_credentials&client_id=events%201&client_secret=s%3A%26%3D%C3%A4");
}

#[test]
fn credentials_that_are_wrong_are_tried_three_times_and_then_the_page_is_asked() {
    for kind in KINDS {
        let mut world = made(kind, json!({"token": {"clientId": "id", "clientSecret": "wrong"}}));
        let ticket = world.start();
        world.wait_for(State::AuthRequired, 60_000);
        world.pass(600_000);
        assert_eq!((token_requests(&world).len(), world.opens.len()), (3, 0), "{kind:?}");
        assert_eq!(world.done(ticket), Some(Some(Code::AUTH_REQUIRED)));
    }
}

#[test]
fn a_token_source_that_is_busy_is_an_error_with_a_name_and_waited_for() {
    for kind in KINDS {
        let mut world = made(kind, json!({}));
        world.fault(answer_token(1, json!({"do": "status", "status": 429, "retryAfter": 7})));
        world.start();
        world.wait("told", 1_000, |world| !errors(world).is_empty());
        assert_eq!(errors(&world), [Code::TOKEN_RATE_LIMITED]);
        let told = world.now;
        // No sign of the page makes it come earlier.
        for _ in 0..6 {
            world.pass(1_000);
            world.page(Page::Online);
            reconnect(&mut world);
        }
        world.wait_for(State::Ready, 5_000);
        let asked = token_requests(&world);
        assert_eq!(asked.len(), 2, "{kind:?}");
        assert!((told + 7_000..told + 8_000).contains(&asked[1]), "{asked:?}");
    }
}

#[test]
fn signs_of_the_page_are_no_attempts_while_the_token_source_is_busy() {
    let mut world = made(Kind::Latency, json!({"attempts": 3}));
    world.fault(answer_token(1, json!({"do": "status", "status": 503, "retryAfter": 60})));
    world.start();
    for _ in 0..20 {
        world.pass(2_500);
        world.page(Page::Focused);
        reconnect(&mut world);
        world.page(Page::Online);
    }
    world.wait_for(State::Ready, 15_000);
    assert_eq!((errors(&world), token_requests(&world).len()), (vec![], 2));
}

#[test]
fn a_token_source_that_does_not_say_for_how_long_it_is_busy_is_given_a_minute() {
    let mut world = made(Kind::Conversations, json!({}));
    world.fault(answer_token(1, json!({"do": "status", "status": 429})));
    world.start();
    world.wait_for(State::Ready, 70_000);
    let asked = token_requests(&world);
    assert_eq!(asked.len(), 2);
    assert!(asked[1] >= 60_000, "{asked:?}");
}

#[test]
fn a_token_source_that_fails_for_a_while_is_waited_out() {
    for fault in [json!({"do": "status", "status": 500}), json!({"do": "status", "status": 503}), json!({"do": "drop"}), json!({"do": "blackhole"})] {
        let mut world = made(Kind::Latency, json!({}));
        world.fault(answer_token(0, fault.clone()));
        world.start();
        world.pass(600_000);
        assert!(matches!(world.state(), State::Waiting { .. } | State::Offline | State::Connecting { .. }), "{fault}: {:?}", world.state());
        // Waits of up to 30 s.
        assert!((15..=60).contains(&token_requests(&world).len()), "{fault}: {}", token_requests(&world).len());
        world.lift_faults();
        world.wait_for(State::Ready, 45_000);
    }
}

#[test]
fn token_answers_that_are_none_are_no_tokens() {
    for frame in [
        "",
        "<html>",
        "{}",
        "null",
        "[]",
        "5",
        r#"{"access_token":""}"#,
        r#"{"access_token":5}"#,
        r#"{"access_token":null,"expires_in":5}"#,
        r#"{"access_token":"t","expires_in":0}"#,
        r#"{"access_token":"t","expires_in":-5}"#,
        r#"{"access_token":"t","expires_in":1e999}"#,
        r#"{"access_token":"t","expires_in":true}"#,
    ] {
        let mut world = made(Kind::Latency, json!({}));
        world.fault(answer_token(0, json!({"do": "reply", "frame": frame})));
        world.start();
        world.pass(60_000);
        assert_eq!((world.opens.len(), world.state()), (0, State::AuthRequired), "{frame}");
    }
}

#[test]
fn a_token_that_lives_for_ever_is_believed_within_bounds() {
    for life in ["9223372036854775807", "18446744073709551615", "\"3600\"", "3600.0", "null"] {
        let mut world = ready(Kind::Conversations, json!({}));
        let frame = format!(r#"{{"access_token":"t","expires_in":{life}}}"#);
        world.fault(answer_token(1, json!({"do": "reply", "frame": frame})));
        world.control("POST", "/_sim/expire", json!({"what": "token", "deploymentId": DEPLOYMENT}));
        world.pass(60_000);
        // The service does not know that one, so that there is a third.
        assert_eq!(world.state(), State::Ready, "{life}");
    }
}

#[test]
fn a_token_that_is_over_when_it_arrives_is_not_asked_for_again_at_once() {
    let mut world = made(Kind::Latency, json!({}));
    world.set(json!({"accessTokenSeconds": 1}));
    world.network.latency = 400;
    world.start();
    world.pass(60_000);
    assert!(token_requests(&world).len() <= 20, "{}", token_requests(&world).len());
}

// ---- a refused upgrade, and why

#[test]
fn refused_for_its_token_it_gets_another_and_comes_back() {
    let mut world = made(Kind::Conversations, json!({}));
    world.start();
    world.pass(50);
    world.control("POST", "/_sim/expire", json!({"what": "token", "deploymentId": DEPLOYMENT}));
    world.wait_for(State::Ready, 5_000);
    assert_eq!((token_requests(&world).len(), looks(&world).len(), world.opens.len()), (2, 1, 2));
    let look = &world.asked.iter().find(|(_, request)| request.url.contains("analytics")).unwrap().1;
    assert_eq!((look.method.name(), look.url.as_str()), ("GET", "http://service/api/v2/analytics/conversations/events"), "no query");
    assert!(matches!(look.authorization, Some(Authorization::Bearer(_))));
    assert!(!look.cookies);
}

#[test]
fn refused_for_three_tokens_in_a_row_the_page_is_asked() {
    for kind in KINDS {
        let mut world = made(kind, json!({}));
        world.fault(refuse(kind, 401, 0));
        world.fault(answer_get(kind, 0, json!({"status": 401})));
        let ticket = world.start();
        world.wait_for(State::AuthRequired, 60_000);
        assert_eq!((token_requests(&world).len(), world.done(ticket)), (3, Some(Some(Code::AUTH_REQUIRED))), "{kind:?}");
        world.pass(600_000);
        assert_eq!(world.opens.len(), 3);
        world.lift_faults();
        let again = world.start();
        world.wait_for(State::Ready, 5_000);
        assert_eq!(world.done(again), Some(None));
    }
}

#[test]
fn figures_are_told_again_when_it_goes_on_after_signing_in() {
    for kind in KINDS {
        let mut world = made(kind, json!({}));
        world.fault(refuse(kind, 401, 0));
        world.fault(answer_get(kind, 0, json!({"status": 401})));
        world.start();
        world.wait_for(State::AuthRequired, 60_000);
        world.pass(60_000);
        world.lift_faults();
        let told = |world: &World| world.find(|event| matches!(event, Event::Metrics(_)).then_some(())).len();
        let before = told(&world);
        reconnect(&mut world);
        world.wait_for(State::Ready, 5_000);
        world.pass(60_000);
        assert_eq!(told(&world) - before, 6, "{kind:?}");
    }
}

#[test]
fn refused_as_forbidden_it_ends_and_says_so() {
    for kind in KINDS {
        let mut world = made(kind, json!({}));
        world.fault(refuse(kind, 403, 0));
        world.fault(answer_get(kind, 0, json!({"status": 403})));
        let ticket = world.start();
        world.wait_for(State::Ended { reason: End::NotAllowed }, 5_000);
        assert_eq!((errors(&world), world.done(ticket)), (vec![Code::REJECTED], Some(Some(Code::REJECTED))));
        world.pass(600_000);
        assert_eq!(world.opens.len(), 1, "{kind:?}");
    }
}

#[test]
fn refused_for_too_many_requests_it_waits_as_told() {
    for (retry_after, least, most) in [(json!(7), 7_000, 7_700), (json!(90), 90_000, 90_700), (Value::Null, 60_000, 60_700)] {
        for kind in KINDS {
            let mut world = made(kind, json!({}));
            world.fault(refuse(kind, 429, 1));
            world.fault(answer_get(kind, 1, json!({"status": 429, "retryAfter": retry_after})));
            world.start();
            world.wait("paused", 5_000, |world| matches!(world.state(), State::Paused { reason: Pause::RateLimited, .. }));
            let State::Paused { until: Some(until), .. } = world.state() else { panic!("no end") };
            let paused = world.now;
            assert_eq!(until - EPOCH, paused + least);
            for signal in [Page::Online, Page::Visible, Page::Focused, Page::Input, Page::Resumed] {
                world.page(signal);
            }
            world.wait_for(State::Ready, most);
            assert!(world.opens[1].0 >= paused + least, "{kind:?}");
        }
    }
}

#[test]
fn refused_by_a_service_that_is_down_it_is_tried_again() {
    for kind in KINDS {
        let mut world = made(kind, json!({}));
        world.fault(refuse(kind, 503, 2));
        world.fault(answer_get(kind, 1, json!({"status": 503})));
        world.fault(answer_get(kind, 1, json!({"status": 503, "retryAfter": 20})));
        world.start();
        world.wait("waiting", 5_000, |world| matches!(world.state(), State::Waiting { reason: Reason::Service { code: 503 }, .. }));
        world.wait("told to wait", 5_000, |world| matches!(world.state(), State::Paused { .. }));
        let paused = world.now;
        world.wait_for(State::Ready, 21_000);
        assert!(world.opens[2].0 >= paused + 20_000, "{kind:?}");
    }
}

#[test]
fn where_the_network_is_away_it_says_so_and_comes_back_with_it() {
    for kind in KINDS {
        let mut world = ready(kind, json!({}));
        world.network.line = Line::Offline;
        break_line(&mut world);
        world.wait_for(State::Offline, 5_000);
        world.pass(120_000);
        assert_eq!(world.state(), State::Offline, "{kind:?}");
        let now = world.now;
        world.network.heal(now);
        world.page(Page::Online);
        world.wait_for(State::Ready, 2_500);
    }
}

#[test]
fn a_token_that_ran_out_while_the_network_was_away_is_found_out_when_it_is_back() {
    for away in [5_000, 20_000, 45_000, 100_000] {
        let mut world = ready(Kind::Conversations, json!({}));
        world.network.line = Line::Offline;
        break_line(&mut world);
        world.pass(away);
        world.control("POST", "/_sim/expire", json!({"what": "token", "deploymentId": DEPLOYMENT}));
        let now = world.now;
        world.network.heal(now);
        world.page(Page::Online);
        world.wait("looked into", 2_500, |world| looks(world).last().is_some_and(|at| *at > now));
        world.wait_for(State::Ready, 31_000);
        assert_eq!(token_requests(&world).len(), 2);
    }
}

#[test]
fn a_network_that_comes_back_during_the_look_makes_no_refusal() {
    for kind in KINDS {
        let mut world = ready(kind, json!({}));
        world.pass(20_000);
        world.network.line = Line::Offline;
        break_line(&mut world);
        world.wait("tried", 5_000, |world| world.opens.len() == 2);
        // The attempt has failed by then, and the look goes out over a network that works.
        world.network.line = Line::Works;
        world.wait("looked into", 1_000, |world| looks(world).len() == 1);
        world.wait("waiting", 1_000, |world| matches!(world.state(), State::Waiting { reason: Reason::Refused, .. }));
        world.page(Page::Online);
        world.wait_for(State::Ready, 2_500);
    }
}

#[test]
fn refused_without_a_reason_it_is_looked_into_twice_and_then_once_a_minute_and_tried_ever_more_seldom() {
    for kind in KINDS {
        let mut world = made(kind, json!({}));
        world.fault(refuse(kind, 400, 0));
        world.start();
        world.pass(3_600_000);
        assert!(matches!(world.state(), State::Paused { reason: Pause::Refused, .. } | State::Connecting { .. }));
        let looks = looks(&world);
        assert!(looks[1..].windows(2).all(|two| two[1] - two[0] >= 60_000), "{looks:?}");
        let late = world.opens.iter().filter(|(at, ..)| *at > 1_800_000).count();
        assert!((5..=40).contains(&late), "{kind:?}: {late}");
        world.lift_faults();
        world.wait_for(State::Ready, 300_000);
    }
}

#[test]
fn a_look_that_finds_anything_at_all_does_no_harm() {
    for status in [100, 199, 204, 206, 301, 304, 400, 402, 404, 408, 410, 418, 426, 451, 499, 599] {
        let mut world = made(Kind::Conversations, json!({}));
        world.fault(refuse(Kind::Conversations, 500, 1));
        world.fault(answer_get(Kind::Conversations, 1, json!({"status": status, "body": "{"})));
        world.start();
        world.wait_for(State::Ready, 5_000);
    }
    for fault in
        [json!({"do": "drop"}), json!({"do": "lose"}), json!({"do": "blackhole"}), json!({"do": "garbage"}), json!({"do": "garbage", "as": "huge"})]
    {
        let mut world = made(Kind::Conversations, json!({}));
        world.fault(refuse(Kind::Conversations, 500, 1));
        world.fault(answer_get(Kind::Conversations, 1, fault));
        world.start();
        world.wait_for(State::Ready, 15_000);
    }
}

#[test]
fn a_connection_that_is_never_answered_is_given_up_after_ten_seconds() {
    for kind in KINDS {
        let mut world = made(kind, json!({}));
        world.fault(json!({"on": "connect", "match": {"path": path(kind)}, "do": "blackhole"}));
        world.start();
        world.wait("opened", 1_000, |world| world.opens.len() == 1);
        let opened = world.opens[0].0;
        world.wait("waiting", 10_001, |world| matches!(world.state(), State::Waiting { reason: Reason::Timeout, .. }));
        assert_eq!(world.now, opened + 10_000);
        world.wait_for(State::Ready, 2_000);
        assert_eq!(world.network.open_lines(), 1, "{kind:?}");
    }
}

// ---- closes

#[test]
fn close_codes_are_told_as_they_came_and_none_but_policy_ends_it() {
    for kind in KINDS {
        for code in [1000, 1001, 1002, 1003, 1006, 1007, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4000, 4007, 4999] {
            let mut world = ready(kind, json!({}));
            world.pass(20_000);
            let socket = world.opens[0].1;
            world.input(Input::Closed(socket, Close { code, reason: "why \"not\"", clean: code != 1006 }));
            let State::Waiting { attempt: 2, reason, .. } = world.state() else { panic!("{kind:?} {code}: {:?}", world.state()) };
            assert_eq!(reason, Reason::Closed { code });
            let line = world.audit().into_iter().rfind(|line| line["action"] == "SCHEDULING_RECONNECT").unwrap();
            assert_eq!(line["detail"], code.to_string());
            world.wait_for(State::Ready, 2_000);
        }
    }
}

#[test]
fn closed_as_a_matter_of_policy_three_times_within_a_minute_it_ends() {
    for kind in KINDS {
        let mut world = made(kind, json!({}));
        world.fault(json!({"on": "connect", "match": {"path": path(kind)}, "count": 0, "do": "accept-then-close", "code": 1008}));
        let ticket = world.start();
        world.wait_for(State::Ended { reason: End::Policy }, 60_000);
        world.pass(600_000);
        assert_eq!(world.opens.len(), 3, "{kind:?}");
        // The conversation events stand as soon as their socket is open, the monitor never stood.
        assert_eq!(world.done(ticket), Some(if kind == Kind::Latency { Some(Code::POLICY) } else { None }));
    }
}

#[test]
fn a_socket_that_is_closed_for_its_token_gets_another_token() {
    for kind in KINDS {
        let mut world = ready(kind, json!({}));
        world.pass(20_000);
        world.control("POST", "/_sim/expire", json!({"what": "token", "deploymentId": DEPLOYMENT}));
        world.pass(100);
        assert!(matches!(world.state(), State::Waiting { reason: Reason::Closed { code: 1008 }, .. }), "{:?}", world.state());
        world.wait_for(State::Ready, 5_000);
        assert_eq!((token_requests(&world).len(), looks(&world).len(), world.opens.len()), (2, 0, 2), "{kind:?}");
    }
}

#[test]
fn after_as_many_attempts_as_are_allowed_it_is_given_up() {
    for kind in KINDS {
        let mut world = ready(kind, json!({"attempts": 3}));
        world.pass(20_000);
        world.fault(json!({"on": "connect", "match": {"path": path(kind)}, "count": 0, "do": "drop"}));
        break_line(&mut world);
        world.wait_for(State::Ended { reason: End::GaveUp }, 600_000);
        assert_eq!((world.opens.len(), errors(&world)), (4, vec![Code::GAVE_UP]), "{kind:?}");
        world.pass(600_000);
        assert_eq!(world.opens.len(), 4);
        world.lift_faults();
        let again = world.start();
        world.wait_for(State::Ready, 5_000);
        assert_eq!(world.done(again), Some(None));
    }
}

#[test]
fn a_stable_connection_gives_all_attempts_back() {
    let mut world = ready(Kind::Conversations, json!({"attempts": 2}));
    for _ in 0..10 {
        world.pass(11_000);
        break_line(&mut world);
        world.pass(100);
        world.wait_for(State::Ready, 5_000);
    }
    assert_eq!(errors(&world), []);
}

#[test]
fn a_start_that_never_gets_there_says_so() {
    let mut world = made(Kind::Latency, json!({"attempts": 1}));
    world.fault(answer_token(0, json!({"do": "status", "status": 503})));
    let ticket = world.start();
    world.wait_for(State::Ended { reason: End::GaveUp }, 60_000);
    assert_eq!(world.done(ticket), Some(Some(Code::GAVE_UP)));
}
