//! What was accepted and is not yet known to have arrived, in the order of acceptance, each under a key of its own.

use crate::core::error::{Code, Refusal};
use crate::core::json::{Document, Object, Value, decimal, whole_number};
use crate::core::time;

/// At most so many messages wait.
pub const MAX_MESSAGES: usize = 200;
/// At most so many bytes of UTF-16 in storage: keys and values, 192 KiB.
pub const MAX_BYTES: usize = 192 << 10;
/// Within which every record may still grow by what becomes of it: whose it is, that it was sent, its anchor, why it failed.
const GROWTH_BYTES: usize = 320;
/// After this long unsent a message is not sent unasked, milliseconds.
pub const MAX_AGE_MS: u64 = 3_600_000;
/// The version of the stored form.
const VERSION: i64 = 1;

/// Where an accepted message stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Waiting for its turn.
    Queued,
    /// Given up, with the reason; a click sends it again.
    Failed(Code),
    /// Too old; a click sends it.
    Expired,
}

/// The newest entry of the service known when a message was first sent: only what comes after it can be that message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Anchor {
    /// Its time by the service's clock, Unix milliseconds.
    pub time: i64,
    /// Its id.
    pub id: String,
}

impl Anchor {
    /// Behind everything: of a message whose conversation is over.
    pub fn end() -> Anchor {
        Anchor { time: i64::MAX, id: String::new() }
    }

    /// Reads one that stands in two members.
    pub fn read(from: Value<'_>, time: &str, id: &str) -> Option<Anchor> {
        Some(Anchor { time: from.int(time)?, id: from.string(id)? })
    }

    /// Writes it as two members.
    pub fn write(&self, into: &mut Object, time: &str, id: &str) {
        into.int(time, self.time).text(id, &self.id);
    }
}

/// One accepted message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The order of acceptance.
    pub n: u64,
    /// Its id, on the wire and on the page.
    pub id: String,
    /// When it was accepted, Unix milliseconds.
    pub at: u64,
    /// That time is the service's; else it is by the visitor's clock.
    pub by_service: bool,
    /// Its text.
    pub text: String,
    /// Raw custom attributes, a JSON object.
    pub attributes: Option<String>,
    /// Raw content parts, a JSON array.
    pub content: Option<String>,
    /// `Structured` instead of `Text`.
    pub structured: bool,
    /// Whose it is: a mark of the guest's token at the time; `None` where the service had not seen one yet.
    pub owner: Option<u32>,
    /// It was given to a socket at least once, so it may have arrived.
    pub sent: bool,
    /// What was known when it was first sent; `None` if nothing was.
    pub anchor: Option<Anchor>,
    /// The visitor asked for it again: should nothing prove it, it is sent.
    pub asked: bool,
    /// Where it stands.
    pub standing: Standing,
    /// It is in storage.
    pub durable: bool,
    /// When it becomes too old, monotonic milliseconds; not known for one of an earlier life of the page before the
    /// service has told its time.
    pub due: Option<u64>,
    /// It was found in storage, which may have lost a later word of it: that it was sent.
    pub found: bool,
    /// It was sent and not proved to be absent: it may still arrive.
    pub doubtful: bool,
    /// How often the service answered that it could not take it now.
    pub tries: u32,
}

impl Record {
    /// The key under a prefix.
    pub fn key(&self, prefix: &str) -> String {
        [prefix, "m:", &decimal(self.n), ":", &self.id].concat()
    }

    /// The stored form.
    pub fn write(&self) -> String {
        let mut object = Object::new();
        object
            .int("v", VERSION)
            .text("id", &self.id)
            .int("at", self.at as i64)
            .text("text", &self.text)
            .maybe_raw("attributes", self.attributes.as_deref())
            .maybe_raw("content", self.content.as_deref())
            .maybe("type", self.structured.then_some("Structured"))
            .flag("byService", self.by_service)
            .flag("sent", self.sent)
            .flag("asked", self.asked)
            .flag("expired", self.standing == Standing::Expired);
        if let Some(owner) = self.owner {
            object.int("owner", owner.into());
        }
        if let Some(anchor) = &self.anchor {
            anchor.write(&mut object, "anchorTime", "anchor");
        }
        if let Standing::Failed(code) = self.standing {
            object.int("failed", code.0.into());
        }
        object.end()
    }

    /// It waits for its turn, or is on its way.
    pub fn is_queued(&self) -> bool {
        self.standing == Standing::Queued
    }

    /// It waits, and is not with the service. Of one that was sent, also in an earlier life of the page, that is found out first.
    pub fn may_expire(&self) -> bool {
        self.is_queued() && !self.sent
    }

    /// It was sent and is not known to be absent.
    pub fn may_arrive(&self) -> bool {
        self.sent || self.doubtful
    }

    /// It was sent in a conversation that is over.
    pub fn was_left(&self) -> bool {
        self.anchor.as_ref().is_some_and(|anchor| anchor.time == i64::MAX)
    }

    /// The service does not have it, and will not.
    pub fn forget_sending(&mut self) {
        (self.sent, self.doubtful, self.anchor) = (false, false, None);
    }

    /// Bytes of UTF-16 that it takes in storage.
    pub fn bytes(&self, prefix: &str) -> usize {
        2 * (utf16(&self.key(prefix)) + utf16(&self.write()))
    }
}

fn utf16(text: &str) -> usize {
    // Every character but those of four bytes is one unit.
    text.bytes().map(|byte| usize::from(byte & 0xc0 != 0x80) + usize::from(byte >= 0xf0)).sum()
}

/// What a stored record turned out to be.
pub enum Stored {
    /// A message.
    Record(Box<Record>),
    /// Of a newer version: not ours to touch.
    Newer,
    /// Not readable.
    Bad,
}

/// Reads what follows `m:` in a key, and its value.
pub fn read(name: &str, value: &str) -> Stored {
    read_record(name, value).unwrap_or(Stored::Bad)
}

fn read_record(name: &str, value: &str) -> Option<Stored> {
    let (n, id) = name.split_at(name.bytes().position(|byte| byte == b':')?);
    let id = &id[1..];
    // Within what a JavaScript number holds: the shim counts on from it.
    let n: u64 = whole_number(n).filter(|n| *n < 1 << 53)?;
    let document = Document::parse(value)?;
    let root = document.root();
    match root.int("v")? {
        VERSION => {}
        newer if newer > VERSION => return Some(Stored::Newer),
        _ => return None,
    }
    if root.text("id")? != id || id.is_empty() {
        return None;
    }
    let raw = |name: &str| root.get(name).map(|value| value.raw().to_string());
    let standing = match root.int("failed").and_then(|code| u16::try_from(code).ok()) {
        Some(code) => Standing::Failed(Code(code)),
        None if root.flag("expired") => Standing::Expired,
        None => Standing::Queued,
    };
    Some(Stored::Record(Box::new(Record {
        n,
        id: id.to_string(),
        at: root.int("at").filter(time::is_date)? as u64,
        by_service: root.flag("byService"),
        text: root.string("text")?,
        attributes: raw("attributes"),
        content: raw("content"),
        structured: root.is("type", "Structured"),
        owner: root.int("owner").and_then(|owner| u32::try_from(owner).ok()),
        sent: root.flag("sent"),
        anchor: Anchor::read(root, "anchorTime", "anchor"),
        asked: root.flag("asked"),
        standing,
        durable: true,
        due: None,
        found: true,
        doubtful: false,
        tries: 0,
    })))
}

/// The accepted messages, in order.
#[derive(Default)]
pub struct Outbox {
    records: Vec<Record>,
    last_n: u64,
    /// What stands beside them, for it is not ours to touch or storage does not let go of it, bytes of UTF-16.
    pub beside: usize,
}

impl Outbox {
    /// Whether another message has room.
    pub fn admits(&self, prefix: &str, record: &Record) -> Result<(), Refusal> {
        let bytes = self.beside + self.bytes(prefix) + record.bytes(prefix) + (self.records.len() + 1) * GROWTH_BYTES;
        let full = self.records.len() >= MAX_MESSAGES || bytes > MAX_BYTES;
        if full { Err(Refusal::field(Code::OUTBOX_FULL, "text")) } else { Ok(()) }
    }

    /// The number for the next message.
    pub fn next_n(&mut self) -> u64 {
        self.last_n += 1;
        self.last_n
    }

    /// Numbers in use elsewhere: the next one is larger.
    pub fn skip(&mut self, n: u64) {
        self.last_n = self.last_n.max(n);
    }

    /// Puts a record in its place; one that is there already stays.
    pub fn insert(&mut self, record: Record) {
        self.skip(record.n);
        if self.get(&record.id).is_none() {
            let at = self.records.partition_point(|other| (other.n, &other.id) < (record.n, &record.id));
            self.records.insert(at, record);
        }
    }

    /// Takes a record out.
    pub fn remove(&mut self, id: &str) -> Option<Record> {
        let at = self.records.iter().position(|record| record.id == id)?;
        Some(self.records.remove(at))
    }

    /// A record.
    pub fn get(&self, id: &str) -> Option<&Record> {
        self.records.iter().find(|record| record.id == id)
    }

    /// A record, to be changed; its number stays.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Record> {
        self.records.iter_mut().find(|record| record.id == id)
    }

    /// The ids of those that a question is true of, in order.
    // Not generic: it is asked in many ways, and each would be compiled.
    pub fn ids(&self, which: &dyn Fn(&Record) -> bool) -> Vec<String> {
        self.records.iter().filter(|record| which(record)).map(|record| record.id.clone()).collect()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    /// All of them, in order, to be changed; their numbers stay.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.records.iter_mut()
    }

    /// The next to go.
    pub fn head(&self) -> Option<&Record> {
        self.records.iter().find(|record| record.is_queued())
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of UTF-16 that they take.
    pub fn bytes(&self, prefix: &str) -> usize {
        self.records.iter().map(|record| record.bytes(prefix)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: u64) -> Record {
        Record {
            n,
            id: format!("id-{n}"),
            at: 1_700_000_000_000,
            by_service: true,
            text: "héllo \"😀\"".into(),
            attributes: Some(r#"{"a":"b"}"#.into()),
            content: None,
            structured: false,
            owner: Some(0x8421),
            sent: true,
            anchor: Some(Anchor { time: 5, id: "x".into() }),
            asked: false,
            standing: Standing::Failed(Code(4011)),
            durable: true,
            due: None,
            found: true,
            doubtful: false,
            tries: 0,
        }
    }

    #[test]
    fn what_is_stored_reads_back() {
        let before = record(7);
        let key = before.key("gw1:d:");
        assert_eq!(key, "gw1:d:m:7:id-7");
        let Stored::Record(after) = read(key.strip_prefix("gw1:d:m:").unwrap(), &before.write()) else { panic!() };
        assert_eq!(*after, before);
    }

    #[test]
    fn bad_and_newer_records_are_told_apart() {
        let good = record(1).write();
        assert!(matches!(read("1:id-1", &good[..good.len() / 2]), Stored::Bad));
        assert!(matches!(read("1:other", &good), Stored::Bad));
        assert!(matches!(read("x:id-1", &good), Stored::Bad));
        assert!(matches!(read("1:id-1", &good.replace("\"v\":1", "\"v\":0")), Stored::Bad));
        assert!(matches!(read("1:id-1", &good.replace("\"v\":1", "\"v\":2")), Stored::Newer));
        // A time that no date can hold: a page would throw over it.
        for at in ["-1", "8640000000000001", "9223372036854775807"] {
            assert!(matches!(read("1:id-1", &good.replace("1700000000000", at)), Stored::Bad), "{at}");
        }
        assert!(matches!(read("1:id-1", &good.replace("1700000000000", "8640000000000000")), Stored::Record(_)));
    }

    #[test]
    fn records_keep_their_order_whatever_order_they_are_read_in() {
        let mut outbox = Outbox::default();
        for n in [10, 2, 7] {
            outbox.insert(record(n));
        }
        assert_eq!(outbox.iter().map(|record| record.n).collect::<Vec<_>>(), [2, 7, 10]);
        assert_eq!(outbox.next_n(), 11);
    }
}
