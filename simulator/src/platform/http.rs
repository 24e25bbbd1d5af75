//! The HTTP surface of all protocols: which path goes to which room, and the headers every answer carries.

use serde_json::{Value, json};

use super::session_api::session_in;
use super::{Output, Platform};
use crate::calendar;
use crate::exchange::{HttpId, HttpRequest, HttpResponse};
use crate::url::Target;

/// JSON bodies are small; uploads have their own bound.
const JSON_BODY_BYTES: usize = 256 * 1024;

/// An answer before the headers that depend on the deployment are on it.
pub(super) struct Answer {
    status: u16,
    content_type: &'static str,
    body: Vec<u8>,
    headers: Vec<(String, String)>,
    deployment: Option<String>,
}

impl Answer {
    pub(super) fn bytes(status: u16, content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status, content_type, body, headers: Vec::new(), deployment: None }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::bytes(status, "application/json", body.to_string().into_bytes())
    }

    pub(super) fn empty(status: u16) -> Self {
        Self::bytes(status, "", Vec::new())
    }

    /// The platform's `ErrorBody` (guest-api.md §4.3).
    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(
            status,
            &json!({
                "message": message,
                "code": code,
                "status": status,
                "contextId": "00000000-0000-4000-8000-000000000000",
                "details": [],
                "errors": [],
            }),
        )
    }

    pub(super) fn too_many(seconds: u64) -> Self {
        let mut answer = Self::error(429, "too.many.requests", &format!("Rate limit exceeded. Retry the request in {seconds} seconds."));
        answer.headers.push(("retry-after".into(), seconds.to_string()));
        answer
    }

    /// A page instead of JSON, as a network gives that asks to be signed in to.
    pub(super) fn captive_portal() -> Self {
        let page = "<!doctype html><title>Sign in to the network</title><p>Accept the terms to go online.";
        Self::bytes(200, "text/html", page.as_bytes().to_vec())
    }

    pub(super) fn header(mut self, name: &str, value: String) -> Self {
        self.headers.push((name.into(), value));
        self
    }

    /// Whose switches hold for the headers.
    pub(super) fn of(mut self, deployment: &str) -> Self {
        self.deployment = Some(deployment.to_owned());
        self
    }
}

impl Platform {
    /// A request to the platform's HTTP side. `lag` is the fault `history-lag`, otherwise 0.
    pub(crate) fn handle_http_lagging(&mut self, now: u64, id: HttpId, request: &HttpRequest, lag: u64) {
        self.advance(now);
        let target = Target::parse(&request.target);
        let answer = if request.method == "OPTIONS" {
            Answer::empty(204)
                .header("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE".into())
                .header("access-control-allow-headers", "authorization,content-type,x-amz-tagging".into())
        } else {
            self.route(request, &target, lag)
        };
        let response = self.dress(answer);
        // What an upload sets off comes after the answer to it.
        let sequel = std::mem::take(&mut self.files.sequel);
        self.outputs.push_back(Output::Respond(id, response));
        for (key, frame) in sequel {
            self.broadcast(&key, &frame);
        }
    }

    /// A request to the platform's HTTP side.
    pub fn handle_http(&mut self, now: u64, id: HttpId, request: &HttpRequest) {
        self.handle_http_lagging(now, id, request, 0);
    }

    /// The deployment a request is about, as far as it tells.
    pub(crate) fn deployment_asked(&self, request: &HttpRequest, target: &Target) -> Option<String> {
        deployment_file(&target.path)
            .map(|(id, _)| id)
            .or_else(|| target.parameter("deploymentId"))
            .or_else(|| self.history_reader(request).map(|key| key.0.clone()))
            .or_else(|| self.file_owner(&target.path).map(|key| key.0.clone()))
            .or_else(|| self.session_deployment_asked(request, target))
            .or_else(|| self.stream_deployment_asked(request, target))
    }

    /// The guest token a request is about; in the session protocol the session's id.
    pub(crate) fn token_asked(&self, request: &HttpRequest, target: &Target) -> Option<String> {
        session_in(&target.path).or_else(|| self.history_reader(request).or_else(|| self.file_owner(&target.path)).map(|key| key.1.clone()))
    }

    /// `http://host` as this request reached us.
    pub(super) fn base_of(&self, request: &HttpRequest, target: &Target) -> String {
        let scheme = match request.header("x-forwarded-proto") {
            Some("https") => "https",
            _ => "http",
        };
        target.base.clone().or_else(|| Some(format!("{scheme}://{}", request.header("host")?))).unwrap_or_else(|| self.base.clone())
    }

    fn route(&mut self, request: &HttpRequest, target: &Target, lag: u64) -> Answer {
        let method = request.method.as_str();
        let path = target.path.as_str();
        if let Some((deployment, file)) = deployment_file(path) {
            if method != "GET" && method != "HEAD" {
                return Answer::error(405, "method.not.allowed", "Only GET is served here.");
            }
            let base = self.base_of(request, target);
            return self.deployment_answer(&deployment, file, &base).of(&deployment);
        }
        let answer = self.session_answer(request, target, lag).or_else(|| self.stream_answer(request, target));
        if let Some(answer) = answer.or_else(|| self.notifications_answer(request, target)) {
            return answer;
        }
        const TOKENS: &str = "/api/v2/webdeployments/token/";
        let token_call = path.strip_prefix(TOKENS);
        match (method, path) {
            ("GET", "/api/v2/webmessaging/messages") => self.history(request, target, lag),
            (_, "/api/v2/webmessaging/messages") => Answer::error(405, "method.not.allowed", "Only GET is served here."),
            ("POST", _) if token_call == Some("oauthcodegrantjwtexchange") => match json_body(request) {
                Ok(body) => self.exchange(&body),
                Err(answer) => answer,
            },
            ("POST", _) if token_call == Some("refresh") => match json_body(request) {
                Ok(body) => self.refresh(&body),
                Err(answer) => answer,
            },
            ("DELETE", _) if token_call == Some("revoke") => self.revoke(request),
            ("PUT", _) if path.starts_with("/uploads/") => self.upload(request, path),
            ("GET", _) if path.starts_with("/api/v2/downloads/") => self.download(path),
            _ => Answer::error(404, "not.found", "There is nothing at this address."),
        }
    }

    fn deployment_answer(&self, deployment: &str, file: &str, base: &str) -> Answer {
        if !self.is_known(deployment) {
            return Answer::error(404, "not.found", "There is no such deployment.");
        }
        if file == "domains.json" {
            return Answer::json(200, &self.domains(deployment));
        }
        if deployment.starts_with("malformed") {
            return Answer::captive_portal();
        }
        Answer::json(200, &self.config(deployment, base))
    }

    /// CORS as the real service: any origin, nothing exposed (unless the switch `exposeHeaders` says so).
    fn dress(&self, answer: Answer) -> HttpResponse {
        let settings = match &answer.deployment {
            Some(deployment) => self.settings.of(deployment),
            None => self.settings.global(),
        };
        let mut headers = vec![("access-control-allow-origin".to_owned(), "*".to_owned()), ("date".to_owned(), calendar::http(self.now))];
        if settings.expose_headers {
            headers.push(("access-control-expose-headers".into(), "Retry-After, Date".into()));
        }
        if !answer.content_type.is_empty() {
            headers.push(("content-type".into(), answer.content_type.into()));
        }
        if !answer.content_type.is_empty() && !answer.headers.iter().any(|(name, _)| name == "cache-control") {
            headers.push(("cache-control".into(), "no-cache".into()));
        }
        headers.extend(answer.headers);
        HttpResponse { status: answer.status, headers, body: answer.body }
    }

    /// An answer that a fault gives in the platform's place, with the headers the platform would put on it.
    pub(crate) fn dress_foreign(
        &self,
        deployment: Option<&str>,
        status: u16,
        retry_after: Option<u64>,
        body: (&'static str, Vec<u8>),
    ) -> HttpResponse {
        let mut answer = Answer::bytes(status, body.0, body.1);
        if let Some(seconds) = retry_after {
            answer = answer.header("retry-after", seconds.to_string());
        }
        if let Some(deployment) = deployment {
            answer = answer.of(deployment);
        }
        self.dress(answer)
    }
}

/// The id and file of `/webdeployments/v1/deployments/{id}/{config,domains}.json`.
fn deployment_file(path: &str) -> Option<(String, &'static str)> {
    let rest = path.strip_prefix("/webdeployments/v1/deployments/")?;
    let (id, file) = rest.split_once('/')?;
    let file = ["config.json", "domains.json"].into_iter().find(|name| *name == file)?;
    Some((crate::url::decode(id), file))
}

pub(super) fn json_body(request: &HttpRequest) -> Result<Value, Answer> {
    if request.body.len() > JSON_BODY_BYTES {
        return Err(Answer::error(413, "request.too.large", "The body is too large."));
    }
    serde_json::from_slice(&request.body).map_err(|_| Answer::error(400, "bad.request", "The body is not JSON."))
}
