//! Fault rules: when something matches, something goes wrong (simulator.md, `POST /_sim/faults`).

use serde_json::{Map, Value, json};

use crate::protocol::Protocol;

/// The largest number a fault's field takes, so that no sum of times can overflow.
const LARGEST: u64 = 10_000_000_000;

/// Where a rule listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum On {
    Connect,
    FrameIn,
    FrameOut,
    Http,
}

impl On {
    const NAMES: [(&'static str, On); 4] = [("connect", On::Connect), ("frame-in", On::FrameIn), ("frame-out", On::FrameOut), ("http", On::Http)];

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(_, on)| *on == self).map_or("", |(name, _)| name)
    }
}

/// What passes by: everything a rule may ask for, and what the log says about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// What is spoken there: how frames are to be read.
    pub(crate) protocol: Protocol,
    pub(crate) token: Option<String>,
    pub(crate) deployment: Option<String>,
    pub(crate) action: Option<String>,
    pub(crate) class: Option<String>,
    pub(crate) path: Option<String>,
    /// `Text`, `Structured` or `Event`, in the session protocol `text`: of the message in the frame.
    pub(crate) kind: Option<String>,
    pub(crate) code: Option<u16>,
    pub(crate) tracing: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) server_id: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Both,
    Up,
    Down,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Garbage {
    Text,
    Binary,
    Deep,
    Huge,
}

/// What goes wrong.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Deed {
    /// The upgrade, or the HTTP request, is answered with this status.
    Status {
        status: u16,
        retry_after: Option<u64>,
        body: Option<Value>,
    },
    /// Nothing is answered until the rule goes or the time is over.
    Blackhole {
        ms: Option<u64>,
    },
    AcceptThenClose {
        code: u16,
        reason: String,
    },
    /// The connection ends without a close frame, before the frame takes effect or after.
    Drop {
        after: bool,
    },
    /// The connection is closed instead of the frame taking effect, or after it.
    Close {
        code: u16,
        reason: String,
        after: bool,
    },
    /// Bytes are held until the rule goes or the time is over.
    Stall {
        direction: Direction,
        ms: Option<u64>,
    },
    /// This one is late; others overtake it.
    Delay {
        ms: u64,
    },
    /// Matching frames are gathered and let go newest first.
    Reorder {
        window: u64,
    },
    Duplicate,
    Lose,
    /// The whole effect of the frame comes late, even if its connection is gone by then.
    LateStore {
        ms: u64,
    },
    /// What is stored does not show in the history yet.
    HistoryLag {
        ms: u64,
    },
    Garbage(Garbage),
    /// This frame is the answer.
    Reply {
        frame: Value,
    },
}

impl Deed {
    /// Whether it goes together with other deeds; of the rest there is one at a time.
    fn is_modifier(&self) -> bool {
        matches!(self, Self::Delay { .. } | Self::Duplicate | Self::HistoryLag { .. } | Self::Garbage(_))
    }

    fn parse(name: &str, fields: &Map<String, Value>) -> Result<Self, String> {
        let number = |field: &str| Some(fields.get(field)?.as_u64()?.min(LARGEST));
        let needed = |field: &str| number(field).ok_or(format!("{name} needs a whole number {field}"));
        let status = |field: &str| -> Result<u16, String> { u16::try_from(needed(field)?).map_err(|_| format!("{field} is too large")) };
        let text = |field: &str| fields.get(field).and_then(Value::as_str);
        let after = fields.get("after") == Some(&Value::Bool(true));
        let reason = text("reason").unwrap_or_default().to_owned();
        Ok(match name {
            "refuse" | "status" => Self::Status {
                status: Some(status("status")?).filter(|status| (100..600).contains(status)).ok_or("status is an HTTP status")?,
                retry_after: number("retryAfter"),
                body: fields.get("body").cloned().filter(|body| !body.is_null()),
            },
            "blackhole" => Self::Blackhole { ms: number("ms") },
            "accept-then-close" => Self::AcceptThenClose { code: status("code")?, reason },
            "drop" => Self::Drop { after },
            "close" => Self::Close { code: status("code")?, reason, after },
            "stall" => Self::Stall {
                direction: match text("direction") {
                    Some("both") | None => Direction::Both,
                    Some("up") => Direction::Up,
                    Some("down") => Direction::Down,
                    Some(_) => return Err("direction is both, up or down".into()),
                },
                ms: number("ms"),
            },
            "delay" => Self::Delay { ms: needed("ms")? },
            "reorder" => Self::Reorder { window: number("window").unwrap_or(2).max(2) },
            "duplicate" => Self::Duplicate,
            "lose" => Self::Lose,
            "late-store" => Self::LateStore { ms: needed("ms")? },
            "history-lag" => Self::HistoryLag { ms: needed("ms")? },
            "garbage" => Self::Garbage(match text("as") {
                Some("text") | None => Garbage::Text,
                Some("binary") => Garbage::Binary,
                Some("deep") => Garbage::Deep,
                Some("huge") => Garbage::Huge,
                Some(_) => return Err("garbage is as text, binary, deep or huge".into()),
            }),
            "reply" => Self::Reply { frame: fields.get("frame").cloned().ok_or("reply needs a frame")? },
            _ => return Err(format!("there is no fault {name}")),
        })
    }

    /// Whether it means something there.
    fn fits(&self, on: On) -> bool {
        match self {
            Self::Status { .. } | Self::Blackhole { .. } => matches!(on, On::Connect | On::Http),
            Self::AcceptThenClose { .. } => on == On::Connect,
            Self::Close { .. } => on != On::Http,
            Self::Reorder { .. } => matches!(on, On::FrameIn | On::FrameOut),
            Self::Duplicate => matches!(on, On::FrameIn | On::FrameOut),
            Self::LateStore { .. } => on == On::FrameIn,
            Self::HistoryLag { .. } => on != On::Connect,
            Self::Drop { .. } | Self::Stall { .. } | Self::Delay { .. } | Self::Lose | Self::Garbage(_) | Self::Reply { .. } => true,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Match {
    token: Option<String>,
    deployment: Option<String>,
    action: Option<String>,
    class: Option<String>,
    path: Option<String>,
    kind: Option<String>,
}

impl Match {
    fn parse(value: Option<&Value>) -> Result<Self, String> {
        let mut wanted = Self::default();
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return Ok(wanted);
        };
        for (name, value) in value.as_object().ok_or("match is an object")? {
            let place = match name.as_str() {
                "token" => &mut wanted.token,
                "deploymentId" => &mut wanted.deployment,
                "action" => &mut wanted.action,
                "class" => &mut wanted.class,
                "path" => &mut wanted.path,
                "type" => &mut wanted.kind,
                _ => return Err(format!("there is nothing to match by {name}")),
            };
            *place = Some(value.as_str().ok_or(format!("match.{name} is text"))?.to_owned());
        }
        Ok(wanted)
    }

    fn admits(&self, facts: &Facts) -> bool {
        let same = |wanted: &Option<String>, fact: &Option<String>| wanted.is_none() || wanted == fact;
        let path = self.path.as_deref().is_none_or(|part| facts.path.as_deref().is_some_and(|path| path.contains(part)));
        path && same(&self.token, &facts.token)
            && same(&self.deployment, &facts.deployment)
            && same(&self.action, &facts.action)
            && same(&self.class, &facts.class)
            && same(&self.kind, &facts.kind)
    }
}

/// A rule's number, as `POST /_sim/faults` gives it.
pub(crate) type RuleId = u64;

struct Rule {
    id: RuleId,
    on: On,
    wanted: Match,
    nth: u64,
    count: u64,
    deed: Deed,
    name: String,
    seen: u64,
    hits: u64,
    shown: Map<String, Value>,
}

/// A deed that is due, with the rule that asked for it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Due {
    pub(crate) rule: RuleId,
    pub(crate) name: String,
    pub(crate) deed: Deed,
}

/// The rules, in the order in which they were laid down.
#[derive(Default)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
    made: RuleId,
}

impl Faults {
    /// Adds a rule or a list of rules, all or none.
    pub(crate) fn add(&mut self, body: &Value) -> Result<Vec<RuleId>, String> {
        let bodies = body.as_array().map_or(std::slice::from_ref(body), Vec::as_slice);
        let mut fresh = Vec::new();
        for (at, body) in bodies.iter().enumerate() {
            let id = self.made + 1 + at as u64;
            fresh.push(Rule::parse(id, body)?);
        }
        self.made += fresh.len() as u64;
        let ids = fresh.iter().map(|rule| rule.id).collect();
        self.rules.extend(fresh);
        Ok(ids)
    }

    /// Removes rules and gives their numbers: the named ones (none named: all), of one deployment only if asked.
    pub(crate) fn remove(&mut self, rules: &[RuleId], deployment: Option<&str>) -> Vec<RuleId> {
        let gone =
            |one: &Rule| (rules.is_empty() || rules.contains(&one.id)) && deployment.is_none_or(|id| one.wanted.deployment.as_deref() == Some(id));
        let ids = self.rules.iter().filter(|one| gone(one)).map(|one| one.id).collect();
        self.rules.retain(|one| !gone(one));
        ids
    }

    /// The rules as they were laid down, with their numbers, matches and hits.
    pub(crate) fn list(&self) -> Value {
        self.rules
            .iter()
            .map(|rule| {
                let mut shown = rule.shown.clone();
                shown.insert("id".into(), rule.id.into());
                shown.insert("seen".into(), rule.seen.into());
                shown.insert("hits".into(), rule.hits.into());
                Value::Object(shown)
            })
            .collect()
    }

    /// Whether a rule is still there and asks for this.
    pub(crate) fn wants(&self, rule: RuleId, facts: &Facts) -> bool {
        self.rules.iter().any(|one| one.id == rule && one.wanted.admits(facts))
    }

    /// What goes wrong now: any number of modifiers and at most one other deed, the earliest rule's.
    ///
    /// A rule whose turn is taken by an earlier one waits for its next match.
    pub(crate) fn judge(&mut self, on: On, facts: &Facts) -> Vec<Due> {
        let mut due = Vec::new();
        let mut taken = false;
        for rule in self.rules.iter_mut().filter(|rule| rule.on == on && rule.wanted.admits(facts)) {
            rule.seen += 1;
            let ready = rule.seen >= rule.nth && (rule.count == 0 || rule.hits < rule.count);
            let alone = !rule.deed.is_modifier();
            if !ready || (alone && taken) {
                continue;
            }
            taken |= alone;
            rule.hits += 1;
            due.push(Due { rule: rule.id, name: rule.name.clone(), deed: rule.deed.clone() });
        }
        due
    }
}

impl Rule {
    fn parse(id: RuleId, body: &Value) -> Result<Self, String> {
        let body = body.as_object().ok_or("a rule is an object")?;
        let name = body.get("on").and_then(Value::as_str).unwrap_or_default();
        let on = On::NAMES.into_iter().find(|(one, _)| *one == name).map(|(_, on)| on).ok_or("on is connect, frame-in, frame-out or http")?;
        // A deed's fields stand beside its name, or in an object under it.
        let (name, fields) = match body.get("do") {
            Some(Value::String(name)) => (name.as_str(), body.clone()),
            Some(Value::Object(nested)) if nested.len() == 1 => {
                let (name, fields) = nested.iter().next().expect("one member was counted");
                (name.as_str(), fields.as_object().cloned().unwrap_or_default())
            }
            _ => return Err("do names a fault".into()),
        };
        let deed = Deed::parse(name, &fields)?;
        if !deed.fits(on) {
            return Err(format!("{name} means nothing on {}", on.name()));
        }
        let number = |field: &str| match body.get(field) {
            None => Ok(1),
            Some(value) => value.as_u64().ok_or(format!("{field} is a whole number")),
        };
        Ok(Self {
            id,
            on,
            wanted: Match::parse(body.get("match"))?,
            nth: number("nth")?.max(1),
            count: number("count")?,
            deed,
            name: name.to_owned(),
            seen: 0,
            hits: 0,
            shown: body.clone(),
        })
    }
}

/// A text that is no frame of the protocol, for [`Garbage`]; binary is made of it too.
pub(crate) fn garbage(kind: Garbage) -> Vec<u8> {
    /// Deeper than any sound frame, and than a careless recursive reader can take.
    const DEPTH: usize = 20_000;
    /// A megabyte, as faults.md row 27 has it.
    const SIZE: usize = 1_048_576;
    match kind {
        Garbage::Text => b"this is {not a frame".to_vec(),
        Garbage::Binary => vec![0x00, 0xff, 0xfe, 0x80, 0x7b, 0x22, 0xc3, 0x28],
        Garbage::Deep => {
            let mut text = String::from(r#"{"type":"message","class":"StructuredMessage","code":200,"body":"#);
            text.push_str(&"[".repeat(DEPTH));
            text.push_str(&"]".repeat(DEPTH));
            text.push('}');
            text.into_bytes()
        }
        Garbage::Huge => json!({
            "type": "message",
            "class": "Gigantic",
            "code": 200,
            "body": { "text": "x".repeat(SIZE) },
        })
        .to_string()
        .into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(action: &str) -> Facts {
        Facts { action: Some(action.into()), ..Facts::default() }
    }

    #[test]
    fn a_rule_counts_its_matches_from_nth_for_count() {
        let mut faults = Faults::default();
        faults.add(&json!({ "on": "frame-in", "match": { "action": "echo" }, "nth": 2, "count": 2, "do": "lose" })).unwrap();
        let hit: Vec<bool> = (0..5).map(|_| !faults.judge(On::FrameIn, &facts("echo")).is_empty()).collect();
        assert_eq!(hit, [false, true, true, false, false]);
        assert!(faults.judge(On::FrameIn, &facts("getJwt")).is_empty());
        assert!(faults.judge(On::FrameOut, &facts("echo")).is_empty());
        assert_eq!(faults.list()[0]["hits"], 2);
        assert_eq!(faults.list()[0]["seen"], 5);
    }

    #[test]
    fn count_zero_is_always() {
        let mut faults = Faults::default();
        faults.add(&json!({ "on": "http", "count": 0, "do": "status", "status": 503 })).unwrap();
        for _ in 0..100 {
            assert_eq!(faults.judge(On::Http, &Facts::default()).len(), 1);
        }
    }

    #[test]
    fn two_deeds_take_turns_and_modifiers_come_along() {
        let mut faults = Faults::default();
        faults
            .add(&json!([
                { "on": "frame-in", "do": "lose" },
                { "on": "frame-in", "do": { "close": { "code": 1011 } } },
                { "on": "frame-in", "count": 0, "do": "delay", "ms": 5 },
            ]))
            .unwrap();
        let names = |due: Vec<Due>| due.into_iter().map(|one| one.name).collect::<Vec<_>>();
        assert_eq!(names(faults.judge(On::FrameIn, &Facts::default())), ["lose", "delay"]);
        assert_eq!(names(faults.judge(On::FrameIn, &Facts::default())), ["close", "delay"]);
        assert_eq!(names(faults.judge(On::FrameIn, &Facts::default())), ["delay"]);
    }

    #[test]
    fn a_bad_rule_is_refused_with_a_reason_and_none_of_its_list_is_kept() {
        let mut faults = Faults::default();
        for (rule, word) in [
            (json!({ "on": "sometimes", "do": "lose" }), "on is"),
            (json!({ "on": "http", "do": "explode" }), "explode"),
            (json!({ "on": "http", "do": "late-store", "ms": 1 }), "means nothing"),
            (json!({ "on": "connect", "do": "close" }), "code"),
            (json!({ "on": "frame-in", "do": "lose", "match": { "colour": "red" } }), "colour"),
        ] {
            let list = json!([{ "on": "frame-in", "do": "lose" }, rule]);
            assert!(faults.add(&list).unwrap_err().contains(word), "{list}");
        }
        assert_eq!(faults.list(), json!([]));
    }
}
