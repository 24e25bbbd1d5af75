//! The network shell: moves bytes between sockets and the [`Service`], and owns the clock.

mod clock;
mod desk;
mod files;
mod options;
mod socket;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use axum::routing::{any, get};
use tokio::sync::{mpsc, oneshot};

use crate::exchange::{HttpId, HttpRequest, HttpResponse};
use crate::service::Service;
use desk::{Arrival, Desk};
use files::Files;
pub use options::{HELP, Options, Usage};

/// The largest body taken: an upload of 10 MB and a little.
const BODY_BYTES: usize = 12 * 1024 * 1024;
/// What belongs to the service; every other path is a static file.
const SERVICE_PATHS: [&str; 8] = ["/_sim", "/api/", "/v2/", "/channels/", "/webdeployments/", "/uploads/", "/oauth/", "/demo-backend/"];

/// What every connection's task shares.
#[derive(Clone)]
struct Shell {
    desk: mpsc::UnboundedSender<Arrival>,
    files: Arc<Files>,
    made: Arc<AtomicU64>,
}

impl Shell {
    fn next_id(&self) -> u64 {
        self.made.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Listens and serves until the process ends.
///
/// # Errors
///
/// When the address cannot be listened on.
pub fn run(options: Options) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(options))
}

async fn serve(options: Options) -> std::io::Result<()> {
    let clock = clock::Clock::new();
    let mut service = Service::new(options.seed.unwrap_or_else(|| clock.now()));
    service.set_defaults(&format!(r#"{{"bot":"{}"}}"#, options.bot)).map_err(std::io::Error::other)?;
    let listener = tokio::net::TcpListener::bind(&options.listen)
        .await
        .map_err(|error| std::io::Error::new(error.kind(), format!("cannot listen on {}: {error}", options.listen)))?;
    let url = format!("http://{}", listener.local_addr()?);
    service.set_base(&url);

    let (desk, arrivals) = mpsc::unbounded_channel();
    tokio::spawn(Desk::new(service, clock).run(arrivals));
    let shell = Shell { desk, files: Arc::new(Files::new(options.www, options.csp)), made: Arc::new(AtomicU64::new(0)) };
    let router = Router::new()
        .route("/v1", get(socket::upgrade))
        .route("/api/v2/conversations/webmessaging/sessions/{id}/messages", any(socket_or_request))
        .route("/v2/analytics/events/realtime", any(socket_or_request))
        .route("/api/v2/analytics/conversations/events", any(socket_or_request))
        .route("/api/v2/analytics/conversations/stream", any(socket_or_request))
        .route("/api/v2/user/websocket", any(socket_or_request))
        .route("/channels/{id}", any(socket_or_request))
        .fallback(any(request))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(shell);

    let mut out = std::io::stdout();
    writeln!(out, r#"{{"url":"{url}"}}"#)?;
    out.flush()?;
    axum::serve(listener, router).await
}

/// A socket that has its address in common with requests: the session protocol's with its history, a stream's with the
/// answer that says why it cannot be had.
async fn socket_or_request(
    shell: State<Shell>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    body: Bytes,
) -> Response<Body> {
    match socket {
        Ok(socket) => socket::upgrade(shell, uri, headers, Ok(socket)).await,
        Err(_) => request(shell, method, uri, headers, body).await,
    }
}

/// Any request but an upgrade.
async fn request(State(shell): State<Shell>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let path = uri.path();
    let ours = path == "/v1" || SERVICE_PATHS.iter().any(|prefix| path.starts_with(prefix));
    if !ours {
        let response = match method {
            Method::GET | Method::HEAD => shell.files.serve(path).await,
            _ => HttpResponse { status: 405, ..HttpResponse::default() },
        };
        return into_response(response);
    }
    let id = HttpId(shell.next_id());
    let request = HttpRequest {
        method: method.to_string(),
        target: uri.to_string(),
        headers: headers.iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect(),
        body: body.to_vec(),
    };
    let (answer, answered) = oneshot::channel();
    let mut leaving = Leaving { id, desk: shell.desk.clone(), answered: false };
    let _ = shell.desk.send(Arrival::Http { id, request, answer });
    let response = answered.await;
    leaving.answered = true;
    match response {
        Ok(HttpResponse { status: 0, .. }) | Err(_) => cut(),
        Ok(response) => into_response(response),
    }
}

/// Tells the desk when a client gives up waiting: its request is dropped with the task.
struct Leaving {
    id: HttpId,
    desk: mpsc::UnboundedSender<Arrival>,
    answered: bool,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if !self.answered {
            let _ = self.desk.send(Arrival::Abandoned(self.id));
        }
    }
}

/// Ends this TCP connection without an answer. Unwinding the connection's task is the one way the server offers;
/// no panic hook runs, and the runtime catches it.
fn cut() -> ! {
    std::panic::resume_unwind(Box::new("the connection is cut, as a fault rule asked"))
}

fn into_response(response: HttpResponse) -> Response<Body> {
    let mut built = Response::builder().status(response.status);
    for (name, value) in &response.headers {
        built = built.header(name, value);
    }
    built.body(Body::from(response.body)).unwrap_or_else(|_| {
        let mut failed = Response::new(Body::from("a header of the answer is not valid"));
        *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        failed
    })
}
