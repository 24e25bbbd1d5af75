//! The way down: frames from the platform, through rules, latency and holds, to the client.

use serde_json::Value;

use crate::exchange::{ConnectionId, Effect};
use crate::faults::{Deed, Facts, Garbage, On, garbage};
use crate::line::{Downward, Form, Stage};
use crate::log::{Kind, Record};
use crate::protocol::facts_out;
use crate::service::{Later, Service};

/// Codes that no close frame may carry: there is no frame then (RFC 6455 §7.4.1).
const NEVER_SENT: [u16; 2] = [1006, 1015];

impl Service {
    /// A frame of the platform: the rules are asked, then it is on the line.
    pub(crate) fn deliver(&mut self, id: ConnectionId, frame: &Value, form: Form) {
        let Some(line) = self.lines.get(&id) else {
            return;
        };
        if line.client_gone || !matches!(line.stage, Stage::Open) {
            return;
        }
        let facts = Facts {
            token: self.platform.token_of(id).map(str::to_owned).or_else(|| line.token.clone()),
            deployment: line.deployment.clone(),
            action: self.cause.clone(),
            path: line.facts().path,
            ..facts_out(line.protocol, frame)
        };
        let (text, boxed) = (frame.to_string(), Box::new(facts.clone()));
        let downward = match form {
            Form::Text => Downward::Text { text, facts: boxed },
            Form::Binary => Downward::Binary { bytes: text.into_bytes(), facts: boxed },
        };
        if let Some(at) = self.gathering_for(id, false, &facts) {
            return self.gather_down(at, downward);
        }
        let mut copies = 1;
        let mut wait = 0;
        let mut deed = None;
        for one in self.judge(On::FrameOut, Some(id), &facts) {
            match one.deed {
                Deed::Delay { ms } => wait = ms,
                Deed::Duplicate => copies = 2,
                Deed::HistoryLag { ms } => self.lag(&facts, ms),
                Deed::Garbage(kind) => self.ship_garbage(id, kind, 0),
                other => deed = Some((one.rule, other)),
            }
        }
        match deed {
            Some((_, Deed::Lose)) => return,
            Some((_, Deed::Drop { after })) => {
                if after {
                    self.ship(id, downward, 0);
                }
                return self.cut(id);
            }
            Some((_, Deed::Close { code, reason, after })) => {
                if after {
                    self.ship(id, downward, 0);
                }
                self.platform.handle_close(self.now, id);
                return self.ship_close(id, code, reason);
            }
            Some((rule, Deed::Stall { direction, ms })) => {
                self.stall(id, rule, direction, ms);
            }
            Some((_, Deed::Reply { frame })) => {
                let downward = self.foreign_frame(&frame, &facts);
                return self.ship(id, downward, wait);
            }
            Some((rule, Deed::Reorder { window })) => {
                return self.begin_gathering_down(id, rule, window, downward);
            }
            _ => {}
        }
        for _ in 0..copies {
            self.ship(id, downward.clone(), wait);
        }
    }

    /// Puts something on the way down: after the latency, in order; a delayed one may be overtaken.
    pub(crate) fn ship(&mut self, id: ConnectionId, downward: Downward, wait: u64) {
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        let latency = match &line.deployment {
            Some(deployment) => self.platform.settings.of(deployment).latency,
            None => self.platform.settings.global().latency,
        };
        let mut due = self.now + latency + wait;
        if wait == 0 {
            due = due.max(line.down_free_at);
            line.down_free_at = due;
        }
        if due > self.now {
            self.schedule(due, Later::Down(id, downward));
        } else {
            self.depart(id, downward);
        }
    }

    /// Closes from our side. The platform has forgotten the connection, or is told here.
    pub(crate) fn ship_close(&mut self, id: ConnectionId, code: u16, reason: String) {
        self.ship(id, Downward::Close { code, reason }, 0);
        if let Some(line) = self.lines.get_mut(&id) {
            line.stage = Stage::Closing;
        }
    }

    pub(crate) fn ship_garbage(&mut self, id: ConnectionId, kind: Garbage, wait: u64) {
        let bytes = garbage(kind);
        let facts = Facts { class: Some("garbage".into()), ..self.lines.get(&id).map(|line| line.facts()).unwrap_or_default() };
        let facts = Box::new(facts);
        let downward = match kind {
            Garbage::Binary => Downward::Binary { bytes, facts },
            Garbage::Text | Garbage::Deep | Garbage::Huge => Downward::Text { text: String::from_utf8_lossy(&bytes).into_owned(), facts },
        };
        self.ship(id, downward, wait);
    }

    /// A frame given by a rule or by the control, with `$tracingId` filled in.
    pub(crate) fn foreign_frame(&self, frame: &Value, facts: &Facts) -> Downward {
        let text = match frame {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        // It stands inside a JSON string, so it is escaped as one.
        let tracing = Value::from(facts.tracing.as_deref().unwrap_or_default()).to_string();
        let text = text.replace("$tracingId", tracing.trim_matches('"'));
        let parsed: Value = serde_json::from_str(&text).unwrap_or_default();
        let said = facts_out(facts.protocol, &parsed);
        let facts = Facts {
            token: facts.token.clone(),
            deployment: facts.deployment.clone(),
            path: facts.path.clone(),
            class: said.class,
            code: said.code,
            tracing: said.tracing,
            ..Facts::default()
        };
        Downward::Text { facts: Box::new(facts), text }
    }

    /// Off the latency: onto the line, or behind what is held there.
    pub(crate) fn depart(&mut self, id: ConnectionId, downward: Downward) {
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        // The answer to an upgrade comes before there is a line to hold.
        let upgrade = matches!(downward, Downward::Accept | Downward::Refuse { .. });
        if line.down.is_busy() && !upgrade {
            line.down.queue.push_back(downward);
        } else {
            self.emit(id, downward);
        }
    }

    /// Lets go what was held on the way down.
    pub(crate) fn pump_down(&mut self, id: ConnectionId) {
        while let Some(line) = self.lines.get_mut(&id).filter(|line| !line.down.is_held()) {
            match line.down.queue.pop_front() {
                Some(downward) => self.emit(id, downward),
                None => {
                    // Only the way down kept this line: its client has closed long ago.
                    if line.client_gone && !line.up.is_busy() {
                        self.lines.remove(&id);
                    }
                    return;
                }
            }
        }
    }

    /// Out of our hands.
    fn emit(&mut self, id: ConnectionId, downward: Downward) {
        let Some(line) = self.lines.get(&id) else {
            return;
        };
        if line.client_gone {
            return;
        }
        let facts = line.facts();
        match downward {
            Downward::Accept => {
                let path = Facts { path: Some(line.path.clone()), ..facts };
                self.log.write(Record::new(self.now, Kind::Open, Some(id), &path));
                self.effects.push_back(Effect::Accept(id));
            }
            Downward::Refuse { status, retry_after } => {
                let path = Facts { path: Some(line.path.clone()), ..facts };
                let record = Record::new(self.now, Kind::Http, Some(id), &path).status(status).with("method", "GET");
                self.log.write(record);
                let headers = retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string()));
                self.effects.push_back(Effect::Refuse(id, status, headers.into_iter().collect()));
                self.lines.remove(&id);
            }
            Downward::Text { text, facts } => {
                self.log.write(Record::new(self.now, Kind::FrameOut, Some(id), &facts));
                self.effects.push_back(Effect::Text(id, text));
            }
            Downward::Binary { bytes, facts } => {
                let record = Record::new(self.now, Kind::FrameOut, Some(id), &facts).with("bytes", bytes.len());
                self.log.write(record);
                self.effects.push_back(Effect::Binary(id, bytes));
            }
            Downward::Close { code, .. } if NEVER_SENT.contains(&code) => self.cut(id),
            Downward::Close { code, reason } => {
                let facts = Facts { code: Some(code), ..facts };
                let record = Record::new(self.now, Kind::Close, Some(id), &facts).with("by", "service");
                self.log.write(record);
                self.effects.push_back(Effect::Close(id, code, reason));
                self.lines.remove(&id);
            }
        }
    }

    /// Ends the TCP connection: no close frame, and what was held is lost.
    pub(crate) fn cut(&mut self, id: ConnectionId) {
        let Some(line) = self.lines.remove(&id) else {
            return;
        };
        // A client that has closed already sees nothing of it: only what it sent is still under way.
        if !line.client_gone {
            let record = Record::new(self.now, Kind::Close, Some(id), &line.facts()).with("by", "service");
            self.log.write(record);
            self.effects.push_back(Effect::Drop(id));
        }
        self.platform.handle_close(self.now, id);
        self.drain();
    }

    /// What this frame shows as stored stays out of the history for a while.
    fn lag(&mut self, facts: &Facts, ms: u64) {
        if let (Some(token), Some(id)) = (&facts.token, &facts.server_id) {
            let (token, id) = (token.clone(), id.clone());
            self.platform.hide_until(&token, &id, self.now + ms);
        }
    }
}
