//! HTTP with the faults that are laid over it.

use serde_json::{Value, json};

use crate::exchange::{Effect, HttpId, HttpRequest, HttpResponse};
use crate::faults::{Deed, Facts, Garbage, On, RuleId, garbage};
use crate::line::Hold;
use crate::log::{Kind, Record};
use crate::service::{Later, Service};
use crate::url::Target;

/// A request under way, and what is to become of its answer.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    facts: Facts,
    method: String,
    query: String,
    wait: u64,
    lost: bool,
    hold: Option<Hold>,
    garbage: Option<Garbage>,
}

/// A request or an answer that is held.
pub(crate) struct HeldHttp {
    pub(crate) hold: Hold,
    id: HttpId,
    what: What,
}

enum What {
    Request(HttpRequest),
    Response(HttpResponse),
}

impl Service {
    pub(crate) fn take_http(&mut self, id: HttpId, request: HttpRequest) {
        let target = Target::parse(&request.target);
        if target.path == "/_sim" || target.path.starts_with("/_sim/") {
            let response = self.control_http(&request);
            self.effects.push_back(Effect::Respond(id, response));
            return;
        }
        let facts = Facts {
            token: self.platform.token_asked(&request, &target),
            deployment: self.platform.deployment_asked(&request, &target),
            path: Some(target.path.clone()),
            ..Facts::default()
        };
        let mut asked = Asked { facts: facts.clone(), method: request.method.clone(), query: target.query_without_tokens(), ..Asked::default() };
        // A preflight is the browser's affair, not a request to break.
        if request.method == "OPTIONS" {
            self.asked.insert(id, asked);
            return self.serve_http(id, &request, 0);
        }
        let mut lag = 0;
        let mut deed = None;
        for one in self.judge(On::Http, None, &facts) {
            match one.deed {
                Deed::Delay { ms } => asked.wait = ms,
                Deed::HistoryLag { ms } => lag = ms,
                Deed::Garbage(kind) => asked.garbage = Some(kind),
                other => deed = Some((one.rule, other)),
            }
        }
        let hold = |rule: RuleId, ms: Option<u64>| Hold { rule, until: ms.map(|ms| self.now + ms) };
        match deed {
            Some((_, Deed::Status { status, retry_after, body })) => {
                let body = body.unwrap_or_else(|| error_body(status));
                let response = self.foreign_response(&facts, status, retry_after, &body);
                self.asked.insert(id, asked);
                return self.answer(id, response);
            }
            Some((_, Deed::Reply { frame })) => {
                let response = self.foreign_response(&facts, 200, None, &frame);
                self.asked.insert(id, asked);
                return self.answer(id, response);
            }
            Some((_, Deed::Drop { after })) => {
                if after {
                    self.asked.insert(id, Asked { lost: true, ..asked });
                    self.serve_http(id, &request, lag);
                }
                let record = Record::new(self.now, Kind::Http, None, &facts).status(0);
                self.log.write(record);
                self.effects.push_back(Effect::Respond(id, HttpResponse::cut()));
                return;
            }
            Some((rule, Deed::Blackhole { ms })) => {
                let hold = hold(rule, ms);
                self.asked.insert(id, asked);
                self.held_http.push(HeldHttp { hold, id, what: What::Request(request) });
                return;
            }
            Some((rule, Deed::Stall { ms, .. })) => asked.hold = Some(hold(rule, ms)),
            Some((_, Deed::Lose)) => asked.lost = true,
            _ => {}
        }
        self.asked.insert(id, asked);
        self.serve_http(id, &request, lag);
    }

    fn serve_http(&mut self, id: HttpId, request: &HttpRequest, lag: u64) {
        self.platform.handle_http_lagging(self.now, id, request, lag);
        self.drain();
    }

    /// The platform's answer, or a rule's, on its way out.
    pub(crate) fn answer(&mut self, id: HttpId, mut response: HttpResponse) {
        let Some(asked) = self.asked.get_mut(&id) else {
            return;
        };
        if asked.lost {
            self.asked.remove(&id);
            return;
        }
        if let Some(kind) = asked.garbage.take() {
            response.body = garbage(kind);
        }
        if let Some(hold) = asked.hold.take() {
            self.held_http.push(HeldHttp { hold, id, what: What::Response(response) });
            return;
        }
        let latency = match &asked.facts.deployment {
            Some(deployment) => self.platform.settings.of(deployment).latency,
            None => self.platform.settings.global().latency,
        };
        match latency + asked.wait {
            0 => self.emit_http(id, response),
            wait => self.schedule(self.now + wait, Later::Http(id, response)),
        }
    }

    pub(crate) fn emit_http(&mut self, id: HttpId, response: HttpResponse) {
        let Some(asked) = self.asked.remove(&id) else {
            return;
        };
        if asked.method != "OPTIONS" {
            let mut record = Record::new(self.now, Kind::Http, None, &asked.facts).status(response.status).with("method", asked.method);
            if !asked.query.is_empty() {
                record = record.with("query", asked.query);
            }
            self.log.write(record);
        }
        self.effects.push_back(Effect::Respond(id, response));
    }

    pub(crate) fn lift_http(&mut self, over: impl Fn(&Hold) -> bool) {
        while let Some(at) = self.held_http.iter().position(|held| over(&held.hold)) {
            let held = self.held_http.remove(at);
            match held.what {
                What::Request(request) => self.serve_http(held.id, &request, 0),
                What::Response(response) => self.answer(held.id, response),
            }
        }
    }

    fn foreign_response(&self, facts: &Facts, status: u16, retry_after: Option<u64>, body: &Value) -> HttpResponse {
        let body = match body {
            Value::String(text) => ("text/plain", text.clone().into_bytes()),
            other => ("application/json", other.to_string().into_bytes()),
        };
        self.platform.dress_foreign(facts.deployment.as_deref(), status, retry_after, body)
    }
}

/// The platform's `ErrorBody`, for a status that a rule gives.
fn error_body(status: u16) -> Value {
    json!({
        "message": "The simulator was told to answer this.",
        "code": "simulated",
        "status": status,
        "contextId": "00000000-0000-4000-8000-000000000000",
        "details": [],
        "errors": [],
    })
}
