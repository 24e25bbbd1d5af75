//! A program of operations: bytes that say what the visitor, the page, the browser and the service do next.

use super::client::{Client, ME, PREFIX};
use guestwire::core::json::push_string;
use guestwire::core::machine::{Close, Input, Machine, Page, Payload, Role, StoreFault};
use guestwire::guest::wire::Wire;

/// A program may have so many operations: what matters happens in the first few dozen.
const MOST: usize = 300;

struct Tape<'a> {
    bytes: &'a [u8],
}

impl<'a> Tape<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn number(&mut self) -> usize {
        usize::from(self.byte().unwrap_or(0))
    }

    fn coin(&mut self) -> bool {
        self.number().is_multiple_of(2)
    }

    /// Up to 255 bytes as text.
    fn text(&mut self) -> String {
        let length = self.number().min(self.bytes.len());
        let (text, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        String::from_utf8_lossy(text).into_owned()
    }
}

/// Runs a program.
pub fn program(data: &[u8]) {
    let mut tape = Tape { bytes: data };
    let beginning = tape.number();
    let wire = if beginning & 2 == 0 { Wire::Guest } else { Wire::Session };
    let mut client = Client::idle(wire, beginning & 1 == 0, beginning & 4 != 0);
    for _ in 0..MOST {
        let Some(operation) = tape.byte() else { break };
        run(&mut client, &mut tape, operation);
    }
    // Whatever happened, the end leaves nothing running.
    client.dispose();
    client.input(Input::Timeout);
}

fn run(client: &mut Client, tape: &mut Tape<'_>, operation: u8) {
    let now = client.now;
    match operation % 38 {
        0 => client.connect(),
        1 => client.send(&tape.text()),
        2 => client.send_draft(&tape.text()),
        3 => client.send("x"),
        4 => {
            if let Some(id) = id(client, tape) {
                let _ = client.session.retry(now, &id);
            }
        }
        5 => {
            if let Some(id) = id(client, tape) {
                client.session.cancel(now, &id);
            }
        }
        6 => drop(client.session.typing(now)),
        7 => client.session.mark_read(now),
        8 => drop(client.session.set_attributes(now, &tape.text())),
        9 => client.history(),
        10 => {
            let ticket = client.ticket();
            client.session.clear(now, ticket);
        }
        11 => {
            let ticket = client.ticket();
            client.session.restart(now, tape.coin(), ticket);
        }
        12 => client.session.reconnect(now),
        13 => client.session.take_over(now),
        14 => {
            let ticket = client.ticket();
            client.session.stop(now, tape.number() as u32 * 100, ticket);
        }
        15 => {
            let ticket = client.ticket();
            client.session.forget(now, false, ticket);
        }
        16 => client.input(Input::Role(if tape.coin() { Role::Leader } else { Role::Follower })),
        17 => {
            if let Some(socket) = socket(client, tape) {
                client.input(Input::Opened(socket));
            }
        }
        18 => {
            let codes = [1000, 1001, 1006, 1008, 1009, 1011, 1012, 4006, 4017, 4999];
            if let Some(socket) = socket(client, tape) {
                client.sockets.retain(|known| *known != socket);
                let close = Close { code: codes[tape.number() % codes.len()], reason: "", clean: tape.coin() };
                client.input(Input::Closed(socket, close));
            }
        }
        19 | 20 => {
            if let Some(asked) = asked(client, tape) {
                client.answer(&asked);
            }
        }
        21 => {
            if let Some(asked) = asked(client, tape) {
                let text = match client.wire {
                    Wire::Guest => echo(&asked.tracing, tape.number()),
                    Wire::Session => session_message(Some(&asked.tracing), tape.number(), tape.number()),
                };
                client.input(Input::Frame(asked.socket, Payload::Text(&text)));
            }
        }
        22 => {
            let tracing = asked(client, tape).map(|asked| asked.tracing).unwrap_or_default();
            let text = match client.wire {
                Wire::Guest => error(&tracing, tape.number()),
                Wire::Session => r#"{"type":"pong"}"#.to_string(),
            };
            client.frame(&text);
        }
        23 => {
            let text = match client.wire {
                Wire::Guest => said(tape.number(), tape.number()),
                Wire::Session => session_message(None, tape.number(), tape.number()),
            };
            client.frame(&text);
        }
        24 if client.wire == Wire::Session => give(client, tape),
        24 => client.frame(event(tape.number())),
        25 => client.frame(&tape.text()),
        26 => {
            if let Some(socket) = socket(client, tape) {
                client.input(Input::Frame(socket, Payload::Binary(tape.number())));
            }
        }
        27 => {
            if !client.fetches.is_empty() {
                let (request, url) = client.fetches.remove(0);
                match tape.number() % 6 {
                    0 => client.unreachable(request),
                    1 => client.reply(request, [400, 401, 404, 429, 500, 503, 403, 410][tape.number() % 8], ""),
                    2 => client.reply(request, 200, &tape.text()),
                    _ => client.fetched(request, &url),
                }
            }
        }
        28 => client.page = Some(if client.wire == Wire::Session { session_page(tape) } else { page(tape) }),
        29 => {
            client.disk = [None, Some(StoreFault::Full), Some(StoreFault::Unavailable)][tape.number() % 3];
            for (write, key, value) in std::mem::take(&mut client.writes) {
                client.stored(write, &key, value);
            }
        }
        30 => {
            let (name, value) = (tape.text(), tape.text());
            client.storage.insert([PREFIX, &name].concat(), value);
            client.added("");
        }
        31 => {
            let signals =
                [Page::Visible, Page::Hidden, Page::Resumed, Page::Shown, Page::Left, Page::Focused, Page::Input, Page::Online, Page::Offline];
            client.input(Input::Page(signals[tape.number() % signals.len()]));
        }
        32 => client.pass((tape.number() as u64) << (tape.number() % 16)),
        33 => {
            if let Some(at) = client.session.poll_timeout() {
                client.pass(at.saturating_sub(client.now.mono));
                client.input(Input::Timeout);
            }
        }
        34 => client.now.unix = (tape.number() as u64) << (tape.number() % 44),
        36 => {
            let page = if client.wire == Wire::Session { session_page(tape) } else { page(tape) };
            client.adopt(&page);
        }
        37 => {
            let record = record(tape);
            client.added(&record);
        }
        _ => {
            client.willing = !client.willing;
            client.run(tape.number() as u64 * 1_000);
        }
    }
    client.drain();
}

fn id(client: &Client, tape: &mut Tape<'_>) -> Option<String> {
    let at = tape.number();
    client.ids.get(at % client.ids.len().max(1)).cloned()
}

fn socket(client: &Client, tape: &mut Tape<'_>) -> Option<guestwire::core::machine::SocketId> {
    let at = tape.number();
    client.sockets.get(at % client.sockets.len().max(1)).copied()
}

fn asked(client: &mut Client, tape: &mut Tape<'_>) -> Option<super::client::Asked> {
    let at = tape.number();
    client.asked.get(at % client.asked.len().max(1)).cloned()
}

/// The echo of a message of ours; a number chooses what of its ids is carried, and under which the service holds it.
fn echo(tracing: &str, choice: usize) -> String {
    let envelope = if choice & 1 == 0 { format!(r#","tracingId":"{tracing}""#) } else { String::new() };
    let metadata = if choice & 2 == 0 { format!(r#","metadata":{{"id":"{tracing}"}}"#) } else { String::new() };
    let id = if choice & 4 == 0 { format!("s-{tracing}") } else { format!("s-{}", choice >> 4) };
    let text = if choice & 8 == 0 { "x" } else { "y" };
    format!(
        r#"{{"type":"message","class":"StructuredMessage","code":200{envelope},"body":{{"id":"{id}","type":"Text","text":"{text}","direction":"Inbound","channel":{{"time":"2026-01-01T00:00:{:02}.000Z","messageId":"m-{id}"}}{metadata}}}}}"#,
        choice % 60
    )
}

fn error(tracing: &str, choice: usize) -> String {
    let codes = [400, 401, 403, 404, 408, 409, 429, 500, 503, 1001, 4006, 4007, 4009, 4010, 4011, 4013, 4017, 4029, 5000];
    let (code, with) = (codes[choice % codes.len()], choice / codes.len());
    let tracing = if with % 2 == 0 { format!(r#","tracingId":"{tracing}""#) } else { String::new() };
    let body = if with % 4 < 2 { r#""Try to authenticate again""# } else { r#"{"retryAfter":2,"errorCode":4029}"# };
    let class = if with % 4 < 2 { "string" } else { "TooManyRequestsErrorMessage" };
    format!(r#"{{"type":"response","class":"{class}","code":{code},"body":{body}{tracing}}}"#)
}

fn body(id: usize, time: usize) -> String {
    let kinds = [r#""Text","text":"x""#, r#""Structured","content":[]"#, r#""Event","events":[{"eventType":"Presence","presence":{"type":"Join"}}]"#];
    let direction = if id & 1 == 0 { "Outbound" } else { "Inbound" };
    let ids = match id % 5 {
        0 => format!(r#""id":"a-{id}","#),
        1 => format!(r#""id":"a-{id}","channel":{{"time":"2026-01-01T00:00:{:02}.000Z","messageId":"b-{}"}},"#, time % 60, id / 2),
        2 => format!(r#""channel":{{"time":"2026-01-01T00:00:{:02}.000Z","messageId":"b-{}"}},"#, time % 60, id / 2),
        3 => String::new(),
        _ => format!(r#""id":"b-{}","channel":{{"time":"2026-01-01T00:00:{:02}.000Z"}},"#, id / 2, time % 60),
    };
    format!(r#"{{{ids}"direction":"{direction}","type":{}}}"#, kinds[time % 3])
}

fn said(id: usize, time: usize) -> String {
    format!(r#"{{"type":"message","class":"StructuredMessage","code":200,"body":{}}}"#, body(id, time))
}

fn page(tape: &mut Tape<'_>) -> String {
    let entries: Vec<String> = (0..tape.number() % 12).map(|_| body(tape.number(), tape.number())).collect();
    format!(r#"{{"entities":[{}],"pageCount":{}}}"#, entries.join(","), tape.number() % 4)
}

fn event(choice: usize) -> &'static str {
    let events = [
        r#"{"type":"response","class":"SessionExpiredEvent","code":200,"body":{}}"#,
        r#"{"type":"message","class":"SessionClearedEvent","code":200,"body":{}}"#,
        r#"{"type":"message","class":"ConnectionClosedEvent","code":200,"body":{}}"#,
        r#"{"type":"message","class":"ConnectionClosedEvent","code":200,"body":{"reason":"signedIn"}}"#,
        r#"{"type":"message","class":"LogoutEvent","code":200,"body":{}}"#,
        r#"{"type":"message","class":"StructuredMessage","code":200,"body":{"id":"t","direction":"Outbound","type":"Event","events":[{"eventType":"Typing","typing":{"type":"On"}}]}}"#,
        r#"{"type":"message","class":"StructuredMessage","code":200,"body":{"id":"d","direction":"Outbound","type":"Event","metadata":{"readOnly":"true"},"events":[{"eventType":"Presence","presence":{"type":"Disconnect"}}]}}"#,
        r#"{"type":"response","class":"SessionResponse","code":200,"body":{"connected":true,"newSession":true,"readOnly":false,"durationSeconds":10,"expirationDate":1767225700}}"#,
        r#"{"type":"response","class":"SessionResponse","code":200,"body":{"connected":true,"readOnly":true}}"#,
    ];
    events[choice % events.len()]
}

/// What another tab accepts, as it puts it into storage: its number, and its id twice.
fn record(tape: &mut Tape<'_>) -> String {
    let (n, id) = (tape.number(), format!("00000000-0000-4000-8000-0000000000{:02x}", tape.number()));
    format!(r#"m:{n}:{id}={{"v":1,"id":"{id}","at":1767225600000,"text":"x"}}"#)
}

/// What is given for a token, or for a session, from now on.
fn give(client: &mut Client, tape: &mut Tape<'_>) {
    let token = |life: u64| format!(r#"{{"access_token":"access","expires_in":{life}}}"#);
    match tape.number() % 10 {
        0 => client.gives = None,
        1 => client.gives = Some(token(0)),
        2 => client.gives = Some(token((tape.number() as u64) << (tape.number() % 56))),
        3 => client.gives = Some(token(2 * tape.number() as u64)),
        4 => client.gives = Some("{}".into()),
        5 => client.gives = Some(tape.text()),
        6 => client.makes = None,
        7 => client.makes = Some(format!(r#"{{"id":"another-session-{}"}}"#, tape.number())),
        8 => client.makes = Some(r#"{"id":""}"#.into()),
        _ => client.makes = Some(tape.text()),
    }
}

/// A message of the session protocol: the guest's with this text, or some other.
fn session_message(own: Option<&str>, id: usize, time: usize) -> String {
    let mut text = String::new();
    push_string(&mut text, own.unwrap_or(if id & 2 == 0 { "x" } else { "y" }));
    let sender = if own.is_some() || id & 1 == 0 { ME } else { "agent" };
    let when = if time.is_multiple_of(16) { String::new() } else { format!(r#","timestamp":"2026-01-01T00:00:{:02}.000Z""#, time % 60) };
    format!(r#"{{"id":"s-{id}","senderId":"{sender}","text":{text}{when},"type":"text"}}"#)
}

fn session_page(tape: &mut Tape<'_>) -> String {
    let items: Vec<String> = (0..tape.number() % 12).map(|_| session_message(None, tape.number(), tape.number())).collect();
    let after = tape.number();
    let after = if after & 1 == 0 { String::new() } else { format!(r#""after":"s-{}""#, after >> 1) };
    format!(r#"{{"items":[{}],"page":{{{after}}}}}"#, items.join(","))
}
