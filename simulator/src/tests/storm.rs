//! A storm of everything at once: whatever comes in, the service stands, and no dead connection is spoken to.

use std::collections::BTreeSet;

use super::*;
use crate::seed::Seed;

const TOKENS: [&str; 3] = ["t", "u", "v"];

fn pick<'a, T>(dice: &mut Seed, choices: &'a [T]) -> &'a T {
    &choices[(dice.next() % choices.len() as u64) as usize]
}

fn frame(dice: &mut Seed) -> String {
    let token = *pick(dice, &TOKENS);
    let number = (dice.next() % 1_000).to_string();
    let mut start_new = configure(token);
    start_new["startNew"] = true.into();
    let about = |action: &str| json!({ "token": token, "attachmentId": "a", "action": action });
    let frames = [
        configure(token),
        start_new,
        text(token, &number, &number),
        text(token, &number, &number),
        text(token, &"x".repeat(5_000), &number),
        presence(token, "Join", &number),
        presence(token, "Clear", &number),
        typing(token),
        echo(token, &number),
        json!({ "token": token, "action": "getJwt" }),
        json!({ "token": token, "action": "closeSession" }),
        json!({ "token": token, "deploymentId": "demo", "action": "getConfiguration" }),
        json!({ "token": token, "attachmentId": "a", "fileName": "a.png", "fileType": "image/png", "fileSize": 3, "action": "onAttachment" }),
        about("getAttachment"),
        about("deleteAttachment"),
        json!({ "token": token, "deploymentId": "demo", "action": "configureAuthenticatedSession", "data": { "code": "x" } }),
        json!([1, { "token": null }]),
    ];
    let text = pick(dice, &frames).to_string();
    if dice.next().is_multiple_of(20) { text[..text.len() / 2].to_owned() } else { text }
}

fn fault(dice: &mut Seed) -> Value {
    let on = *pick(dice, &["connect", "frame-in", "frame-out", "http"]);
    let name = *pick(
        dice,
        &[
            "refuse",
            "blackhole",
            "accept-then-close",
            "drop",
            "close",
            "stall",
            "delay",
            "reorder",
            "duplicate",
            "lose",
            "late-store",
            "history-lag",
            "garbage",
            "reply",
            "status",
        ],
    );
    let mut rule = json!({
        "on": on,
        "do": name,
        "count": dice.next() % 3,
        "nth": 1 + dice.next() % 3,
        "status": 503,
        "code": pick(dice, &[1000, 1005, 1006, 1011, 4000]),
        "direction": pick(dice, &["both", "up", "down"]),
        "as": pick(dice, &["text", "binary"]),
        "window": 2 + dice.next() % 3,
        "after": dice.next().is_multiple_of(2),
        "frame": { "class": "string", "code": 500, "tracingId": "$tracingId" },
    });
    if name.contains('-') || name == "delay" || dice.next().is_multiple_of(2) {
        rule["ms"] = (dice.next() % 5_000).into();
    }
    rule
}

/// Who is connected, and that nobody else is spoken to.
#[derive(Default)]
struct Watch {
    seed: u64,
    alive: Vec<ConnectionId>,
    gone: BTreeSet<ConnectionId>,
    answered: BTreeSet<HttpId>,
    /// What the session protocol gave out: access tokens and session ids.
    tokens: Vec<String>,
    sessions: Vec<String>,
    /// How often somebody's words went out on the session protocol.
    heard: u32,
}

impl Watch {
    fn drain(&mut self, service: &mut Service) {
        while let Some(effect) = service.poll_effect() {
            let seed = self.seed;
            if let Effect::Text(_, text) = &effect {
                self.heard += u32::from(text.contains("senderId"));
            }
            let (id, last) = match effect {
                Effect::Accept(id) | Effect::Text(id, _) | Effect::Binary(id, _) => (id, false),
                Effect::Refuse(id, ..) | Effect::Close(id, ..) | Effect::Drop(id) => (id, true),
                Effect::Respond(id, response) => {
                    assert!(self.answered.insert(id), "seed {seed}: one answer to one request");
                    let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
                    self.tokens.extend(body["access_token"].as_str().map(str::to_owned));
                    self.sessions.extend(body["id"].as_str().map(str::to_owned));
                    continue;
                }
            };
            assert!(!self.gone.contains(&id), "seed {seed}: {id:?} had gone");
            if last {
                self.leave(id);
            }
        }
    }

    fn leave(&mut self, id: ConnectionId) {
        self.alive.retain(|one| *one != id);
        self.gone.insert(id);
    }
}

#[test]
fn whatever_comes_in_the_service_stands() {
    for seed in 0..100 {
        let mut dice = Seed::new(seed);
        let mut service = Service::new(seed);
        let mut now = START;
        let mut made = 0;
        let mut watch = Watch { seed, ..Watch::default() };
        for _ in 0..200 {
            now += dice.next() % 700;
            // What was due before this moment comes first.
            service.handle_timeout(now);
            watch.drain(&mut service);
            match dice.next() % 16 {
                0 | 1 => {
                    made += 1;
                    let id = ConnectionId(made);
                    service.handle_connect(now, id, "/v1?deploymentId=demo", None);
                    watch.alive.push(id);
                }
                2 if !watch.alive.is_empty() => {
                    let id = *pick(&mut dice, &watch.alive);
                    let code = dice.next().is_multiple_of(2).then_some(1000);
                    service.handle_close(now, id, code);
                    watch.leave(id);
                }
                3 => {
                    made += 1;
                    let target = *pick(
                        &mut dice,
                        &["/api/v2/webmessaging/messages", "/webdeployments/v1/deployments/demo/config.json", "/_sim/log", "/uploads/x/y"],
                    );
                    let request = HttpRequest { method: "GET".into(), target: target.into(), ..HttpRequest::default() };
                    service.handle_http(now, HttpId(made), request);
                }
                4 => {
                    let rule = fault(&mut dice).to_string();
                    let (status, answer) = service.control(now, "POST", "/_sim/faults", &rule);
                    assert!(status == 200 || answer.contains("means nothing"), "{rule} {answer}");
                }
                5 => {
                    let (method, path, body) = *pick(
                        &mut dice,
                        &[
                            ("DELETE", "/_sim/faults", ""),
                            ("POST", "/_sim/agent", r#"{"do":"text","text":"hi"}"#),
                            ("POST", "/_sim/agent", r#"{"do":"disconnect"}"#),
                            ("POST", "/_sim/agent", r#"{"do":"kick"}"#),
                            ("POST", "/_sim/agent", r#"{"do":"raw","frame":"x"}"#),
                            ("POST", "/_sim/expire", r#"{"what":"session"}"#),
                            ("POST", "/_sim/expire", r#"{"what":"token"}"#),
                            ("POST", "/_sim/expire", r#"{"what":"jwt"}"#),
                            ("POST", "/_sim/set", r#"{"bot":"script","latencyMs":40}"#),
                            ("POST", "/_sim/set", r#"{"expiredConfigure":"new","latencyMs":0,"sessionDurationSeconds":20}"#),
                            ("POST", "/_sim/reset", r#"{"deploymentId":"demo"}"#),
                            ("GET", "/_sim/sessions", ""),
                        ],
                    );
                    service.control(now, method, path, body);
                }
                6 => {
                    if let Some(at) = service.poll_timeout().filter(|at| *at < now + 60_000) {
                        now = now.max(at);
                    }
                    service.handle_timeout(now);
                }
                _ if !watch.alive.is_empty() => {
                    let id = *pick(&mut dice, &watch.alive);
                    let text = frame(&mut dice);
                    service.handle_text(now, id, &text);
                }
                _ => {}
            }
            watch.drain(&mut service);
            assert!(service.poll_timeout().is_none_or(|at| at > now), "seed {seed}: what is due is done");
        }
    }
}

/// A request or, with a socket, an upgrade of the session protocol, with a token and a session that may be good or not.
fn session_request(dice: &mut Seed, watch: &Watch) -> (String, HttpRequest) {
    // Mostly the newest: those from before a reset are good for nothing.
    let late = |given: &[String]| given[given.len().saturating_sub(3)..].to_vec();
    let token = pick(dice, &[late(&watch.tokens), vec!["nothing".into()]].concat()).clone();
    let session = pick(dice, &[late(&watch.sessions), vec!["nothing".into()]].concat()).clone();
    let base = "/api/v2/conversations/webmessaging/sessions";
    let form = "grant_type=client_credentials&client_id=demo&client_secret=s";
    let (method, target, body) = match dice.next() % 5 {
        0 => ("POST", "/oauth/token".to_owned(), form.to_owned()),
        1 => ("POST", "/demo-backend/token?deploymentId=demo".to_owned(), String::new()),
        2 | 3 => ("POST", base.to_owned(), json!({ "deploymentId": "demo" }).to_string()),
        _ => ("GET", format!("{base}/{session}/messages"), String::new()),
    };
    let headers = vec![("Authorization".to_owned(), format!("Bearer {token}"))];
    (format!("{base}/{session}/messages?token={token}"), HttpRequest { method: method.into(), target, headers, body: body.into_bytes() })
}

#[test]
fn and_so_it_does_with_both_protocols_at_once() {
    let mut heard = 0;
    for seed in 0..100 {
        let mut dice = Seed::new(seed);
        let mut service = Service::new(seed);
        let mut now = START;
        let mut made = 0;
        let mut watch = Watch { seed, ..Watch::default() };
        for _ in 0..200 {
            now += dice.next() % 700;
            service.handle_timeout(now);
            watch.drain(&mut service);
            made += 1;
            match dice.next() % 16 {
                0..=2 => {
                    let (target, _) = session_request(&mut dice, &watch);
                    service.handle_connect(now, ConnectionId(made), &target, None);
                    watch.alive.push(ConnectionId(made));
                }
                3 => {
                    service.handle_connect(now, ConnectionId(made), "/v1?deploymentId=demo", None);
                    watch.alive.push(ConnectionId(made));
                }
                4..=7 => {
                    let (_, request) = session_request(&mut dice, &watch);
                    service.handle_http(now, HttpId(made), request);
                }
                8 => {
                    service.control(now, "POST", "/_sim/faults", &fault(&mut dice).to_string());
                }
                9 => {
                    let (method, path, body) = *pick(
                        &mut dice,
                        &[
                            ("DELETE", "/_sim/faults", ""),
                            ("POST", "/_sim/agent", r#"{"do":"text","text":"hi"}"#),
                            ("POST", "/_sim/agent", r#"{"do":"kick"}"#),
                            ("POST", "/_sim/expire", r#"{"what":"session"}"#),
                            ("POST", "/_sim/expire", r#"{"what":"token"}"#),
                            ("POST", "/_sim/expire", r#"{"what":"token","deploymentId":"demo"}"#),
                            ("POST", "/_sim/set", r#"{"bot":"script","accessTokenSeconds":5}"#),
                            ("POST", "/_sim/set", r#"{"latencyMs":40,"accessTokenSeconds":60,"sessionDurationSeconds":20}"#),
                            ("POST", "/_sim/reset", r#"{"deploymentId":"demo"}"#),
                        ],
                    );
                    service.control(now, method, path, body);
                }
                _ if !watch.alive.is_empty() => {
                    let id = *pick(&mut dice, &watch.alive);
                    let words = json!({ "text": made.to_string(), "type": "text" }).to_string();
                    let text = if dice.next().is_multiple_of(4) { frame(&mut dice) } else { words };
                    service.handle_text(now, id, &text);
                }
                _ => {}
            }
            watch.drain(&mut service);
            assert!(service.poll_timeout().is_none_or(|at| at > now), "seed {seed}: what is due is done");
        }
        heard += watch.heard;
        let (_, log) = service.control(now, "GET", "/_sim/log", "");
        assert!(watch.tokens.iter().all(|token| !log.contains(token)), "seed {seed}: a token was written down");
    }
    assert!(heard > 1_000, "{heard} texts went out: the storm did not reach the sessions");
}
