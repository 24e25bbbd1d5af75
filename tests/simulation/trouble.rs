//! What goes wrong in the network and at the service, and what the service does of its own.

use super::Run;
use crate::common::{DEPLOYMENT, EPOCH, Line, WIRE};
use crate::step::Step;
use guestwire::guest::wire::Wire;
use serde_json::{Value, json};

const HISTORY: &str = "/api/v2/webmessaging/messages";

impl Run {
    pub(super) fn trouble(&mut self, step: &Step) -> bool {
        let now = self.world.now;
        match *step {
            Step::Reset {} => self.world.each_network(|network| network.reset(now)),
            Step::BlackHole {} => self.world.each_network(|network| network.line = Line::BlackHole),
            Step::Deaf {} => self.world.each_network(|network| network.line = Line::DeafClient),
            Step::Mute {} => self.world.each_network(|network| network.line = Line::MuteClient),
            Step::Offline {} => self.world.each_network(|network| network.line = Line::Offline),
            Step::Answer { number } => self.answer(number),
            Step::Evicted {} => {
                let frame = json!({"type": "message", "class": "ConnectionClosedEvent", "code": 200, "body": {}});
                self.agent(&json!({"do": "raw", "frame": frame}));
            }
            Step::TokenExpired {} => {
                let body = json!({"what": "token", "deploymentId": DEPLOYMENT}).to_string();
                let _ = self.world.service.control(EPOCH + now, "POST", "/_sim/expire", &body);
            }
            Step::Expired {} => {
                self.end_excuses();
                let _ = self.world.service.control(EPOCH + now, "POST", "/_sim/expire", r#"{"what":"session"}"#);
            }
            Step::ReadOnly {} => {
                self.end_excuses();
                self.agent(&json!({"do": "disconnect", "readOnly": true}));
            }
            Step::ClearedElsewhere {} => {
                self.end_excuses();
                self.world.clear_elsewhere();
            }
            _ => {
                if let Step::Poison { code } = *step {
                    self.excused.insert(code);
                }
                if matches!(step, Step::HistoryRefused {}) {
                    self.excused.insert(7010);
                }
                self.held_back |= matches!(step, Step::Reorder {} | Step::Delay { .. } | Step::StallDown { .. });
                self.world.fault(rule(step));
            }
        }
        true
    }

    fn answer(&mut self, number: u64) {
        // There may be no session yet to answer in.
        self.agent(&json!({"do": "text", "text": format!("a{number}")}));
        if !self.former.is_empty() {
            // The new conversation may not have begun at the service.
            self.remember_held();
        }
    }

    fn agent(&mut self, body: &Value) {
        let _ = self.world.service.control(EPOCH + self.world.now, "POST", "/_sim/agent", &body.to_string());
    }
}

/// The rule for the simulator, in the words of the guest API.
fn rule(step: &Step) -> Value {
    let message = json!({"action": "onMessage"});
    let echo = json!({"class": "StructuredMessage"});
    let token = json!({"path": "/demo-backend/token"});
    let history = json!({"path": HISTORY});
    let config = if WIRE == Wire::Session { "/config.json".to_string() } else { format!("/webdeployments/v1/deployments/{DEPLOYMENT}/config.json") };
    match *step {
        // Only answers: a line that loses what the agent says and stays up is no line.
        Step::LoseEcho { count } => json!({"on": "frame-out", "match": message, "do": "lose", "count": count}),
        Step::LoseRequest {} => json!({"on": "frame-in", "match": message, "do": "lose"}),
        Step::LateStore { ms } => json!({"on": "frame-in", "match": message, "do": "late-store", "ms": ms}),
        Step::HistoryLag { ms, count } => json!({"on": "http", "match": history, "do": "history-lag", "ms": ms, "count": count}),
        Step::Duplicate { count } => json!({"on": "frame-out", "match": echo, "do": "duplicate", "count": count}),
        Step::Reorder {} => json!({"on": "frame-out", "match": echo, "do": "reorder", "window": 2, "count": 2}),
        Step::Delay { ms, count } => json!({"on": "frame-out", "do": "delay", "ms": ms, "count": count}),
        Step::Garbage { form, count } => json!({"on": "frame-out", "do": "garbage", "as": form.word(), "count": count}),
        Step::StallUp { ms } => json!({"on": "frame-in", "do": "stall", "direction": "up", "ms": ms}),
        Step::StallDown { ms } => json!({"on": "frame-out", "do": "stall", "direction": "down", "ms": ms}),
        Step::DropBeforeStore {} => json!({"on": "frame-in", "match": message, "do": "drop"}),
        Step::DropAfterStore {} => json!({"on": "frame-in", "match": message, "do": "drop", "after": true}),
        Step::Refuse { count } => json!({"on": "connect", "do": "refuse", "status": 503, "count": count}),
        Step::AcceptThenClose { count } => json!({"on": "connect", "do": "accept-then-close", "code": 1011, "count": count}),
        Step::BlackholeUpgrade {} => json!({"on": "connect", "do": "blackhole"}),
        Step::Close { code } => json!({"on": "frame-in", "do": "close", "code": code}),
        Step::RateLimit {} => reply(json!({"class": "TooManyRequestsErrorMessage", "code": 429, "body": {"retryAfter": 3, "errorCode": 4029}}), true),
        Step::RateLimitUncorrelated {} => reply(json!({"class": "string", "code": 429, "body": "Too many requests"}), false),
        Step::Reply500 {} => reply(json!({"class": "string", "code": 500, "body": "Request failed."}), true),
        Step::Poison { code } => reply(json!({"class": "string", "code": code, "body": "no"}), true),
        Step::HistoryStatus { status, count } => json!({"on": "http", "match": history, "do": "status", "status": status, "count": count}),
        Step::HistoryRefused {} => json!({"on": "http", "match": history, "do": "status", "status": 403, "count": 0}),
        Step::ConfigStatus { count } => json!({"on": "http", "match": {"path": config}, "do": "status", "status": 503, "count": count}),
        Step::TokenStatus { status, count } => json!({"on": "http", "match": token, "do": "status", "status": status, "count": count}),
        Step::TokenRefused { count } => json!({"on": "http", "match": token, "do": "status", "status": 403, "count": count}),
        Step::Upgrade401 { count } => json!({"on": "connect", "do": "refuse", "status": 401, "count": count}),
        Step::History401 { count } => json!({"on": "http", "match": {"path": "/messages"}, "do": "status", "status": 401, "count": count}),
        Step::SessionStatus { status, count } => json!({"on": "http", "match": {"path": config}, "do": "status", "status": status, "count": count}),
        ref other => unreachable!("no rule of the service's: {other}"),
    }
}

/// The next message is answered by this frame instead of being processed.
fn reply(mut frame: Value, correlated: bool) -> Value {
    frame["type"] = "response".into();
    if correlated {
        frame["tracingId"] = "$tracingId".into();
    }
    json!({"on": "frame-in", "match": {"action": "onMessage"}, "do": "reply", "frame": frame})
}
