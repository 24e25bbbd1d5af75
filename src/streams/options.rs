//! What all streams are made with, read from the JSON that the shim hands over; a wrong option is named.

use super::queue::{self, Shape};
use crate::core::backoff::Policy;
use crate::core::error::Refusal;
use crate::core::json::Value;
use crate::core::link::Deadlines;
use crate::core::option::{self, is_made_of, wrong};
use crate::core::token::{Source, Terms};

/// What a class of streams presets.
pub struct Presets {
    /// How its audit lines call it.
    pub name: &'static str,
    /// The option that names the platform's host, and what stands before and, where it has no dot, behind it.
    pub host: [&'static str; 3],
    /// The waits between attempts.
    pub policy: Policy,
    /// So many attempts in a row, 0 for no end.
    pub attempts: u64,
    /// Deadlines of its connections.
    pub deadlines: Deadlines,
    /// How long a line may go without an answer, milliseconds.
    pub idle: u64,
    /// When tokens are replaced.
    pub terms: Terms,
    /// The grant says who the client is by HTTP Basic.
    pub basic: bool,
    /// One may listen to another connection, and is told so by an option.
    pub attaches: bool,
}

/// What all streams are made with.
pub struct Options {
    /// Takes requests.
    pub api: String,
    /// Takes sockets.
    pub socket: String,
    /// Where access tokens come from.
    pub token: Source,
    /// The waits between attempts.
    pub policy: Policy,
    /// So many attempts in a row before it is given up, 0 for no end.
    pub attempts: u64,
    /// How queues are made.
    pub shape: Shape,
    /// How often figures are told, milliseconds.
    pub metrics_every: u64,
    /// Audit lines are wanted …
    pub audit: bool,
    /// … and posted here.
    pub audit_url: Option<String>,
    /// The page is hidden as it begins.
    pub hidden: bool,
}

impl Options {
    /// Reads what all streams have in common.
    pub fn read(root: Value<'_>, presets: &Presets) -> Result<Options, Refusal> {
        // What listens to another connection has none of its own.
        let [api, socket] = if presets.attaches && root.flag("attached") { Default::default() } else { hosts(root, presets.host)? };
        let mut token = option::source(root, &api)?;
        if let Source::Grant { basic, .. } = &mut token {
            *basic = presets.basic;
        }
        let policy = match root.get("backoff") {
            None => presets.policy,
            Some(word) if word.as_str() == Some("default") => presets.policy,
            Some(_) => match (option::backoff(root)?, presets.policy) {
                (Policy::Spread { base_ms, most_ms }, Policy::Full { .. }) => Policy::Full { base_ms, most_ms },
                (Policy::Spread { base_ms, most_ms }, Policy::Steps { .. }) => Policy::Steps { base_ms, most_ms },
                (other, _) => other,
            },
        };
        let audit = root.get("audit");
        let mut fields = Fields::of(root);
        let mut queue = fields.part("queue");
        let size = queue.whole("size", 1024, 1, 1_000_000) as usize;
        let policies = [queue::Policy::DropOldest, queue::Policy::DropNewest, queue::Policy::Coalesce];
        let kept = queue.choice("policy", &["drop-oldest", "drop-newest", "coalesce"]);
        fields.join(queue);
        let options = Options {
            api,
            socket,
            token,
            policy,
            attempts: fields.whole("attempts", presets.attempts, 0, 1_000_000),
            shape: Shape { size, policy: policies[kept] },
            metrics_every: fields.whole("metricsEveryMs", 10_000, 100, 3_600_000),
            audit: audit.is_some(),
            audit_url: audit.and_then(|audit| audit.string("url")),
            hidden: root.get("visible").and_then(Value::as_bool) == Some(false),
        };
        fields.end().map(|()| options)
    }
}

/// Where requests go and where sockets.
fn hosts(root: Value<'_>, [field, before, behind]: [&'static str; 3]) -> Result<[String; 2], Refusal> {
    match (root.text(field), root.text("endpoint")) {
        (Some(host), None) if is_made_of(host, ".-") => {
            let behind = if host.bytes().any(|byte| byte == b'.') { "" } else { behind };
            Ok(["https://", "wss://"].map(|scheme| [scheme, before, host, behind].concat()))
        }
        (None, Some(endpoint)) => option::endpoint(endpoint),
        (_, None) => Err(wrong(field)),
        (Some(_), Some(_)) => Err(wrong("endpoint")),
    }
}

/// Members that are read one after another. The first that is wrong is named in the end, and read as its preset until then.
#[derive(Clone, Copy)]
pub struct Fields<'d> {
    root: Option<Value<'d>>,
    /// What is named in the place of each of them.
    part: Option<&'static str>,
    wrong: Option<&'static str>,
}

impl<'d> Fields<'d> {
    /// Those of an object.
    pub fn of(root: Value<'d>) -> Fields<'d> {
        Fields { root: Some(root), part: None, wrong: None }
    }

    /// Those of an object in it, to be [joined](Fields::join). Where there is none, all of its members are absent.
    pub fn part(&self, name: &'static str) -> Fields<'d> {
        Fields { root: self.get(name), part: Some(name), wrong: self.wrong }
    }

    /// What was wrong in a part was wrong here.
    pub fn join(&mut self, part: Fields<'d>) {
        self.wrong = part.wrong;
    }

    fn get(&self, field: &str) -> Option<Value<'d>> {
        self.root?.get(field)
    }

    /// This one is wrong, and read as this.
    pub fn refuse<T>(&mut self, field: &'static str, preset: T) -> T {
        self.wrong = self.wrong.or(self.part).or(Some(field));
        preset
    }

    /// A whole number between bounds; `preset` where it is absent.
    pub fn whole(&mut self, field: &'static str, preset: u64, least: u64, most: u64) -> u64 {
        let Some(value) = self.get(field) else { return preset };
        // Neither a text nor with a point.
        let is_plain = !value.raw().bytes().any(|byte| matches!(byte, b'"' | b'.'));
        if let Some(number) = value.as_int().filter(|_| is_plain)
            && (least..=most).contains(&(number as u64))
        {
            return number as u64;
        }
        self.refuse(field, preset)
    }

    /// A number from 0 to 1 in thousandths; `preset` where it is absent.
    pub fn share(&mut self, field: &'static str, preset: u64) -> u64 {
        let Some(value) = self.get(field) else { return preset };
        let mut text = value.raw().bytes();
        let (whole, point) = (text.next(), text.next());
        let mut is_good = matches!(point, None | Some(b'.'));
        let mut thousandths = 0;
        // As much as counts; JSON has no digits but these behind a point.
        for _ in 0..3 {
            let digit = text.next().unwrap_or(b'0');
            is_good &= digit.is_ascii_digit();
            thousandths = thousandths * 10 + u64::from(digit & 15);
        }
        match whole {
            Some(b'0') if is_good => thousandths,
            Some(b'1') if is_good && thousandths == 0 => 1000,
            _ => self.refuse(field, preset),
        }
    }

    /// A truth value; `preset` where it is absent.
    pub fn truth(&mut self, field: &'static str, preset: bool) -> bool {
        let Some(value) = self.get(field) else { return preset };
        value.as_bool().unwrap_or_else(|| self.refuse(field, preset))
    }

    /// Which of these words it is; the first where it is absent.
    pub fn choice(&mut self, field: &'static str, words: &[&str]) -> usize {
        let Some(value) = self.get(field) else { return 0 };
        words.iter().position(|word| value.as_str() == Some(word)).unwrap_or_else(|| self.refuse(field, 0))
    }

    /// Whether all of them were good.
    pub fn end(self) -> Result<(), Refusal> {
        self.wrong.map_or(Ok(()), |field| Err(wrong(field)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::json::Document;

    const PRESETS: Presets = Presets {
        name: "test",
        host: ["region", "api.", ".mypurecloud.com"],
        policy: Policy::Full { base_ms: 1_000, most_ms: 30_000 },
        attempts: 5,
        deadlines: Deadlines { connect: 15_000, probe: 10_000 },
        idle: 30_000,
        terms: Terms { margin: 300_000, longest: 3_600_000 },
        basic: true,
        attaches: false,
    };

    fn read(text: &str) -> Result<Options, Refusal> {
        Options::read(Document::parse(text).unwrap().root(), &PRESETS)
    }

    #[test]
    fn a_region_without_a_dot_is_of_the_class_own_domain() {
        assert_eq!(read(r#"{"region":"us-east-1"}"#).unwrap().socket, "wss://api.us-east-1.mypurecloud.com");
        assert_eq!(read(r#"{"region":"mypurecloud.de"}"#).unwrap().api, "https://api.mypurecloud.de");
        assert_eq!(read(r#"{"endpoint":"http://127.0.0.1:8787"}"#).unwrap().socket, "ws://127.0.0.1:8787");
    }

    #[test]
    fn a_wrong_option_is_named() {
        for (text, field) in [
            ("{}", "region"),
            (r#"{"region":"a/b"}"#, "region"),
            (r#"{"region":"a","endpoint":"http://x"}"#, "endpoint"),
            (r#"{"region":"a","attempts":-1}"#, "attempts"),
            (r#"{"region":"a","attempts":1.5}"#, "attempts"),
            (r#"{"region":"a","attempts":"5"}"#, "attempts"),
            (r#"{"region":"a","queue":{"size":0}}"#, "queue"),
            (r#"{"region":"a","queue":{"policy":"drop"}}"#, "queue"),
            (r#"{"region":"a","metricsEveryMs":99}"#, "metricsEveryMs"),
            (r#"{"region":"a","backoff":{"baseMs":0,"maxMs":1}}"#, "backoff"),
            (r#"{"region":"a","token":{}}"#, "token"),
        ] {
            assert_eq!(read(text).err().and_then(|refusal| refusal.field), Some(field), "{text}");
        }
    }

    #[test]
    fn own_waits_keep_the_class_own_jitter() {
        let own = read(r#"{"region":"a","backoff":{"baseMs":7,"maxMs":9}}"#).unwrap();
        assert_eq!(own.policy, Policy::Full { base_ms: 7, most_ms: 9 });
        assert_eq!(read(r#"{"region":"a","backoff":"default"}"#).unwrap().policy, PRESETS.policy);
    }

    #[test]
    fn shares_are_read_in_thousandths() {
        let of = |text: &str| {
            let document = Document::parse(text).unwrap();
            let mut fields = Fields::of(document.root());
            let share = fields.share("s", 50);
            fields.end().map(|()| share).ok()
        };
        assert_eq!(
            [of("{}"), of(r#"{"s":0.95}"#), of(r#"{"s":1}"#), of(r#"{"s":0}"#), of(r#"{"s":0.12345}"#)],
            [Some(50), Some(950), Some(1000), Some(0), Some(123)]
        );
        for wrong in [r#"{"s":1.5}"#, r#"{"s":-0.5}"#, r#"{"s":"0.5"}"#, r#"{"s":1e-1}"#, r#"{"s":2}"#] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
