//! WebSockets, made by the host's factory.

use super::bag::{Bag, Host, TextDecoder, byte_length, member, put};
use super::callback::Callback;
use crate::core::machine::SocketId;
use js_sys::ArrayBuffer;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::WebSocket;

/// One socket. Dropping it forgets it: it is closed where it still stands and says nothing more.
pub struct Socket {
    /// Its name.
    pub id: SocketId,
    socket: WebSocket,
    callback: Callback,
    bag: Bag,
}

/// What a socket tells.
pub enum News {
    /// It is open.
    Opened,
    /// A text frame, or bytes that hold text.
    Text(String),
    /// Bytes that hold none; how many.
    Binary(usize),
    /// It is closed.
    Closed {
        /// The close code, 1006 without a close frame.
        code: u16,
        /// The reason, often empty.
        reason: String,
        /// Both sides exchanged close frames.
        clean: bool,
    },
}

impl Socket {
    /// Opens a socket. `None` where the factory throws: no socket came to be, so nothing of it will be told.
    pub fn open(bag: &Bag, host: &Host, id: SocketId, url: &str, mut tell: impl FnMut(SocketId, News) + 'static) -> Option<Socket> {
        let socket = host.socket(url).ok()?;
        put(&socket, "binaryType", &"arraybuffer".into());
        // One callback hears everything; `error` says nothing that the `close` behind it does not.
        let callback = Callback::new(bag, move |event| {
            if let Some(news) = read(&event) {
                tell(id, news);
            }
        });
        hear(&socket, callback.function());
        bag.hold(&socket);
        Some(Socket { id, socket, callback, bag: bag.clone() })
    }

    /// What JavaScript knows.
    pub fn handle(&self) -> WebSocket {
        self.socket.clone()
    }
}

/// Sends a text frame. A socket that is not open loses it, as one that breaks a moment later would.
pub fn send(socket: Option<WebSocket>, text: &str) {
    let _ = socket.map(|socket| socket.send_with_str(text));
}

/// Begins the closing handshake; the end is still told.
pub fn shut(socket: Option<WebSocket>, code: u16) {
    // A page may give 1000 and 3000-4999 only.
    if let Some(socket) = socket
        && socket.close_with_code(code).is_err()
    {
        let _ = socket.close();
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.bag.release(self.callback.function());
        self.bag.release(&self.socket);
        hear(&self.socket, &JsValue::NULL);
        let _ = self.socket.close();
    }
}

fn hear(socket: &WebSocket, heard: &JsValue) {
    for name in ["onopen", "onmessage", "onclose", "onerror"] {
        put(socket, name, heard);
    }
}

/// Reads an event by its members: the socket may be of the page's own making.
fn read(event: &JsValue) -> Option<News> {
    let text = |name| member(event, name).as_string().unwrap_or_default();
    Some(match text("type").as_str() {
        "open" => News::Opened,
        "message" => frame(member(event, "data")),
        // A cast from a float saturates.
        "close" => News::Closed {
            code: member(event, "code").as_f64().map_or(1006, |code| code as u16),
            reason: text("reason"),
            clean: member(event, "wasClean").is_truthy(),
        },
        _ => return None,
    })
}

/// Bytes are read as UTF-8 to the letter: what is not is counted, never guessed at.
fn frame(data: JsValue) -> News {
    if let Some(text) = data.as_string() {
        return News::Text(text);
    }
    let Some(buffer) = data.dyn_ref::<ArrayBuffer>() else { return News::Binary(0) };
    match TextDecoder::strict().read(buffer, false) {
        Some(text) => News::Text(text),
        None => News::Binary(byte_length(buffer)),
    }
}
