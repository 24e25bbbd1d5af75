//! L, the latency monitor's socket (systems.md L1, L2): one subscription, then probes and their answers.

use serde_json::{Value, json};

use super::super::Platform;
use super::super::limits::{SECOND, Window};
use super::{Role, Socket, pong};
use crate::calendar;
use crate::exchange::ConnectionId;

/// How long the subscription may take to come, in milliseconds.
pub(super) const PATIENCE: u64 = 10 * SECOND;
/// The largest frame, in bytes (L1).
const FRAME_BYTES: usize = 65_536;
/// The least interval between probes that may be asked for, in milliseconds (L2).
const LEAST_INTERVAL: f64 = 100.0;
/// Probes within a second.
const PINGS_PER_SECOND: usize = 20;

/// What is particular to a socket of this stream.
#[derive(Default)]
pub(super) struct Prober {
    /// Named by the subscription.
    connection: Option<String>,
    pings: Window,
}

impl Prober {
    pub(super) fn describe(&self, shown: &mut Value) {
        if let Some(connection) = &self.connection {
            shown["connectionId"] = connection.as_str().into();
        }
    }
}

impl Platform {
    pub(super) fn hear_prober(&mut self, id: ConnectionId, bytes: usize, frame: Option<Value>) {
        if bytes > FRAME_BYTES {
            return self.close_stream(id, 1009, "the frame is too large");
        }
        let is_subscribed = self.streams.sockets.get(&id).is_some_and(|socket| socket.access.is_some());
        match frame {
            Some(frame) if frame["type"] == "subscribe" => self.subscribe_prober(id, &frame),
            Some(frame) if is_subscribed && frame["type"] == "ping" => self.answer_probe(id, &frame),
            _ if is_subscribed => {}
            Some(_) => self.reject_prober(id, Some("type"), "the first frame is a subscribe"),
            None => self.reject_prober(id, None, "the frame is not a JSON object"),
        }
    }

    fn subscribe_prober(&mut self, id: ConnectionId, frame: &Value) {
        let connection = frame["connectionId"].as_str().unwrap_or_default();
        if !is_connection_id(connection) {
            return self.reject_prober(id, Some("connectionId"), "connectionId is 8 to 36 of A-Z, a-z, 0-9, _ and -");
        }
        let interval = frame["settings"]["pingInterval"].as_str().and_then(milliseconds);
        if interval.is_none_or(|interval| interval < LEAST_INTERVAL) {
            return self.reject_prober(id, Some("settings.pingInterval"), "settings.pingInterval is a duration of at least 100ms");
        }
        match self.admit_token(frame["token"].as_str().unwrap_or_default()) {
            Ok((deployment, access)) => {
                self.streams.authorize(id, deployment, access);
                if let Some(Socket { role: Role::Realtime(prober), .. }) = self.streams.sockets.get_mut(&id) {
                    prober.connection = Some(connection.to_owned());
                }
                self.stream_frame(id, json!({ "type": "subscribed", "connectionId": connection }));
            }
            Err(status) => {
                let message = if status == 403 { "this client may not listen here" } else { "the token is unknown or has expired" };
                self.stream_frame(id, json!({ "type": "error", "status": status, "message": message }));
                self.close_stream(id, 1008, message);
            }
        }
    }

    fn reject_prober(&mut self, id: ConnectionId, field: Option<&str>, message: &str) {
        let mut error = json!({ "type": "error", "status": 400, "message": message });
        if let Some(field) = field {
            error["field"] = field.into();
        }
        self.stream_frame(id, error);
        self.close_stream(id, 1002, message);
    }

    fn answer_probe(&mut self, id: ConnectionId, ping: &Value) {
        let now = self.now;
        let Some(socket) = self.streams.sockets.get_mut(&id) else {
            return;
        };
        let settings = self.settings.of(&socket.deployment);
        if let Role::Realtime(prober) = &mut socket.role
            && settings.limits
            && prober.pings.admit(now, PINGS_PER_SECOND, SECOND).is_err()
        {
            return self.close_stream(id, 1002, "too many pings");
        }
        let clock = now.saturating_add_signed(settings.clock_offset);
        let mut answer = pong(ping);
        answer["timestamp"] = calendar::iso(clock).into();
        self.stream_frame(id, answer);
    }
}

fn is_connection_id(text: &str) -> bool {
    (8..=36).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// A Go duration (`1m30s`, `1.5s`, `100ms`) in milliseconds.
fn milliseconds(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 7] = [("ns", 1e-6), ("us", 1e-3), ("µs", 1e-3), ("ms", 1.0), ("s", 1e3), ("m", 6e4), ("h", 3.6e6)];
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0.0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|one: char| !one.is_ascii_digit() && one != '.')?;
        let unit = rest[number..].find(|one: char| one.is_ascii_digit() || one == '.').map_or(rest.len(), |length| number + length);
        let (_, size) = UNITS.into_iter().find(|(name, _)| *name == &rest[number..unit])?;
        sum += rest[..number].parse::<f64>().ok()? * size;
        rest = &rest[unit..];
    }
    Some(sign * sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, expected) in [
            ("2s", Some(2_000.0)),
            ("100ms", Some(100.0)),
            ("1.5s", Some(1_500.0)),
            ("1m30s", Some(90_000.0)),
            ("1h0m0.5s", Some(3_600_500.0)),
            (".5s", Some(500.0)),
            ("0", Some(0.0)),
            ("-1s", Some(-1_000.0)),
            ("250us", Some(0.25)),
            ("250µs", Some(0.25)),
            ("", None),
            ("2", None),
            ("s", None),
            ("2 s", None),
            ("2x", None),
            ("1..5s", None),
            ("-", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }

    #[test]
    fn a_connection_id_has_8_to_36_plain_characters() {
        for good in ["12345678", "Az_09-xyz", &"a".repeat(36)] {
            assert!(is_connection_id(good), "{good}");
        }
        for bad in ["1234567", "with space", "öööööööö", &"a".repeat(37), ""] {
            assert!(!is_connection_id(bad), "{bad}");
        }
    }
}
