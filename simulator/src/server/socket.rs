//! One WebSocket connection: its upgrade, held until the service decides, and its frames both ways.

use axum::body::Body;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use axum::response::IntoResponse;
use tokio::sync::mpsc;

use super::desk::{Arrival, Order};
use super::{Shell, cut, into_response};
use crate::exchange::{ConnectionId, HttpResponse, Upgrade};

/// No status code in the close frame (RFC 6455 §7.1.5).
const NO_STATUS: u16 = 1005;

/// A connection on our side. Dropping it tells the desk that the line has ended, unless a close was told already.
struct Line {
    id: ConnectionId,
    desk: mpsc::UnboundedSender<Arrival>,
    closed: bool,
}

impl Line {
    fn close(&mut self, code: Option<u16>) {
        if !std::mem::replace(&mut self.closed, true) {
            let _ = self.desk.send(Arrival::Close(self.id, code));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.close(None);
    }
}

/// An upgrade: asks the service, and waits for as long as it takes.
pub(super) async fn upgrade(
    State(shell): State<Shell>,
    uri: Uri,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response<Body> {
    let socket = match socket {
        Ok(socket) => socket,
        Err(_) => {
            let mut response = (StatusCode::UPGRADE_REQUIRED, "This is a WebSocket.").into_response();
            response.headers_mut().insert("upgrade", axum::http::HeaderValue::from_static("websocket"));
            return response;
        }
    };
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    // The absolute form tells the service under which address its client knows it.
    let scheme = match header("x-forwarded-proto").as_deref() {
        Some("https") => "https",
        _ => "http",
    };
    let target = match header("host") {
        Some(host) => format!("{scheme}://{host}{uri}"),
        None => uri.to_string(),
    };
    let id = ConnectionId(shell.next_id());
    let (orders, mut ordered) = mpsc::unbounded_channel();
    let line = Line { id, desk: shell.desk.clone(), closed: false };
    let upgrade = Upgrade { target, origin: header("origin"), authorization: header("authorization") };
    let _ = shell.desk.send(Arrival::Connect { id, upgrade, orders });
    match ordered.recv().await {
        Some(Order::Accept) => socket.on_upgrade(move |socket| carry(socket, line, ordered)),
        Some(Order::Refuse(status, headers)) => into_response(HttpResponse { status, headers, body: Vec::new() }),
        _ => cut(),
    }
}

/// Carries frames until one side ends the connection.
async fn carry(mut socket: WebSocket, mut line: Line, mut orders: mpsc::UnboundedReceiver<Order>) {
    // After the client's close frame nothing is read: reading on would answer it, and that waits for `Farewell`.
    let mut reading = true;
    loop {
        tokio::select! {
            biased;
            order = orders.recv() => match order {
                Some(Order::Text(text)) => {
                    if socket.send(Message::Text(text.into())).await.is_err() {
                        return;
                    }
                }
                Some(Order::Binary(bytes)) => {
                    if socket.send(Message::Binary(bytes.into())).await.is_err() {
                        return;
                    }
                }
                Some(Order::Close(code, reason)) => {
                    let frame = (code != NO_STATUS).then(|| CloseFrame { code, reason: reason.into() });
                    if socket.send(Message::Close(frame)).await.is_ok() {
                        finish(&mut socket).await;
                    }
                    return;
                }
                Some(Order::Farewell) => {
                    finish(&mut socket).await;
                    return;
                }
                Some(Order::Accept | Order::Refuse(..) | Order::Drop) | None => return,
            },
            message = socket.recv(), if reading => match message {
                Some(Ok(Message::Text(text))) => {
                    let _ = line.desk.send(Arrival::Text(line.id, text.to_string()));
                }
                // No client has to send binary frames: one is read as text, whatever it is.
                Some(Ok(Message::Binary(bytes))) => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    let _ = line.desk.send(Arrival::Text(line.id, text));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    line.close(Some(frame.map_or(NO_STATUS, |frame| frame.code)));
                    reading = false;
                }
                Some(Err(_)) | None => return,
            },
        }
    }
}

/// Completes the closing handshake: what is left is read, which writes what is owed, until the client has closed.
async fn finish(socket: &mut WebSocket) {
    /// How long a client may take, in seconds.
    const PATIENCE: u64 = 5;
    let rest = async { while let Some(Ok(_)) = socket.recv().await {} };
    let _ = tokio::time::timeout(std::time::Duration::from_secs(PATIENCE), rest).await;
}
