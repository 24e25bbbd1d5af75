//! What happened, for `GET /_sim/log`: everything that crosses the service's edge, and what the service did with it.
//!
//! `frame-in` is a frame as it arrives (before any fault holds or loses it), `frame-out` one as it leaves; what a fault
//! keeps back has a `fault` record only. `http` is written with the answer; a refused upgrade is `http` on its path.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::exchange::ConnectionId;
use crate::faults::Facts;

/// How many records are kept; the oldest go first.
const KEPT: usize = 100_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Open,
    Close,
    FrameIn,
    FrameOut,
    Http,
    Stored,
    Evicted,
    Limited,
    Fault,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Close => "close",
            Self::FrameIn => "frame-in",
            Self::FrameOut => "frame-out",
            Self::Http => "http",
            Self::Stored => "stored",
            Self::Evicted => "evicted",
            Self::Limited => "limited",
            Self::Fault => "fault",
        }
    }
}

/// One line, still without its number.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) at: u64,
    pub(crate) kind: Kind,
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) facts: Facts,
    pub(crate) status: Option<u16>,
    /// Further members, each with its name.
    pub(crate) extra: Vec<(&'static str, Value)>,
}

impl Record {
    pub(crate) fn new(at: u64, kind: Kind, connection: Option<ConnectionId>, facts: &Facts) -> Self {
        Self { at, kind, connection, facts: facts.clone(), status: None, extra: Vec::new() }
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.extra.push((name, value.into()));
        self
    }

    fn json(&self, seq: u64) -> Value {
        let mut json = json!({ "seq": seq, "at": self.at, "kind": self.kind.name() });
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                json[name] = value;
            }
        };
        let text = |value: &Option<String>| value.clone().map(Value::from);
        put("connection", self.connection.map(|id| id.0.into()));
        put("deploymentId", text(&self.facts.deployment));
        put("token", text(&self.facts.token));
        put("action", text(&self.facts.action));
        put("class", text(&self.facts.class));
        put("path", text(&self.facts.path));
        put("status", self.status.map(Value::from));
        put("code", self.facts.code.map(Value::from));
        put("tracingId", text(&self.facts.tracing));
        put("text", text(&self.facts.text));
        put("serverId", text(&self.facts.server_id));
        for (name, value) in &self.extra {
            put(name, Some(value.clone()));
        }
        json
    }
}

/// The records, numbered from 1.
#[derive(Default)]
pub(crate) struct Log {
    records: VecDeque<(u64, Record)>,
    written: u64,
}

impl Log {
    pub(crate) fn write(&mut self, record: Record) {
        self.written += 1;
        if self.records.len() == KEPT {
            self.records.pop_front();
        }
        self.records.push_back((self.written, record));
    }

    /// `{"next", "records"}` from a number on, of one token or deployment if asked.
    pub(crate) fn since(&self, since: u64, token: Option<&str>, deployment: Option<&str>) -> Value {
        let first = self.records.partition_point(|(seq, _)| *seq < since);
        let wanted = |wanted: Option<&str>, fact: &Option<String>| wanted.is_none_or(|wanted| fact.as_deref() == Some(wanted));
        let records: Vec<Value> = self
            .records
            .range(first..)
            .filter(|(_, record)| wanted(token, &record.facts.token))
            .filter(|(_, record)| wanted(deployment, &record.facts.deployment))
            .map(|(seq, record)| record.json(*seq))
            .collect();
        json!({ "next": self.written + 1, "records": records })
    }

    /// Forgets a deployment's records, or all; numbers go on.
    pub(crate) fn reset(&mut self, deployment: Option<&str>) {
        self.records.retain(|(_, record)| deployment.is_some_and(|id| record.facts.deployment.as_deref() != Some(id)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_is_where_to_go_on_reading() {
        let mut log = Log::default();
        let record = |deployment: &str| {
            let facts = Facts { deployment: Some(deployment.into()), ..Facts::default() };
            Record::new(5, Kind::Open, Some(ConnectionId(3)), &facts)
        };
        log.write(record("a"));
        log.write(record("b"));
        let all = log.since(0, None, None);
        assert_eq!(all["next"], 3);
        assert_eq!(all["records"][0], json!({ "seq": 1, "at": 5, "kind": "open", "connection": 3, "deploymentId": "a" }));
        assert_eq!(log.since(3, None, None), json!({ "next": 3, "records": [] }));
        log.reset(Some("a"));
        log.write(record("c").with("rule", 9).status(101));
        let rest = log.since(0, None, None);
        assert_eq!(rest["records"][0]["seq"], 2);
        assert_eq!(rest["records"][1]["seq"], 3);
        assert_eq!(rest["records"][1]["rule"], 9);
        assert_eq!(log.since(0, None, Some("c"))["records"].as_array().map(Vec::len), Some(1));
    }
}
