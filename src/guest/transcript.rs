//! The conversation as rows: joined by any id they share, ordered by the service's time, the unsent last.
//!
//! Rows are never joined by time or by text. A row that arrives late is inserted where it belongs; one whose time
//! becomes known later is moved, and said to be.

use super::event::{Direction, Event, Kind, Row, Status};
use super::outbox;
use super::wire::Entry;
use crate::core::error::Code;
use crate::core::json::decimal;
use std::cmp::Ordering;

/// A point in the service's order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Point {
    /// The service's time, Unix milliseconds.
    pub time: i64,
    /// The id that breaks a tie.
    pub id: String,
}

struct Record {
    id: String,
    server_id: Option<String>,
    direction: Direction,
    kind: Kind,
    time: i64,
    status: Status,
    code: Option<Code>,
    /// Accepted in this browser, with its text and its place among the unsent.
    own: Option<(String, u64)>,
    has_body: bool,
}

impl Record {
    fn is_settled(&self) -> bool {
        self.status == Status::Sent
    }

    fn tie(&self) -> &str {
        self.server_id.as_deref().unwrap_or(&self.id)
    }

    fn point(&self) -> Point {
        Point { time: self.time, id: self.tie().to_string() }
    }

    fn rank(&self) -> u64 {
        self.own.as_ref().map_or(u64::MAX, |(_, rank)| *rank)
    }

    fn order(&self, other: &Record) -> Ordering {
        match (self.is_settled(), other.is_settled()) {
            (true, true) => self.time.cmp(&other.time).then_with(|| self.tie().cmp(other.tie())),
            (false, false) => self.rank().cmp(&other.rank()),
            (settled, _) => {
                if settled {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
        }
    }
}

/// What placing an entry came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placed {
    /// It was not known before.
    pub fresh: bool,
    /// The service holds a message of ours a second time, under another id.
    pub doubled: bool,
}

/// The rows.
#[derive(Default)]
pub struct Transcript {
    records: Vec<Option<Record>>,
    /// Keys into `records`, in the order of the list.
    order: Vec<u32>,
    /// Hashes of ids and the keys they lead to, sorted.
    ids: Vec<(u64, u32)>,
    /// Ids by which a key is known, beyond the row's own two.
    aliases: Vec<(u32, String)>,
    out: Vec<Event>,
}

impl Transcript {
    /// What changed since the last call, in order.
    pub fn drain(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.out)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Adds an accepted message behind everything, among the unsent in the order of acceptance.
    pub fn accept(&mut self, accepted: &outbox::Record, status: Status, code: Option<Code>) {
        if self.find(&accepted.id).is_some() {
            return;
        }
        self.insert(
            Record {
                id: accepted.id.clone(),
                server_id: None,
                direction: Direction::Inbound,
                kind: if accepted.structured { Kind::Structured } else { Kind::Text },
                time: accepted.at as i64,
                status,
                code,
                own: Some((accepted.text.clone(), accepted.n)),
                has_body: false,
            },
            None,
        );
    }

    /// Takes in an entry of the service. `own` is the id of a message of ours that it is known to be.
    pub fn place(&mut self, entry: &Entry<'_>, kind: Kind, own: Option<&str>) -> Placed {
        let nameless = is_nameless(entry, own).then(|| name_of(entry));
        let own = own.or(nameless.as_deref());
        let keys: Vec<u32> = entry.ids().chain(own).filter_map(|id| self.find(id)).collect();
        // A message of ours keeps its row; whatever else turned out to be the same goes.
        let ours = keys.iter().find(|key| self.get(**key).own.is_some());
        let Some(&key) = ours.or(keys.first()) else {
            self.place_new(entry, kind, own);
            return Placed { fresh: true, doubled: false };
        };
        for other in keys {
            if other != key && self.records[other as usize].is_some() {
                self.take_out(other);
            }
        }
        let doubled = self.join(key, entry, kind);
        Placed { fresh: false, doubled }
    }

    fn place_new(&mut self, entry: &Entry<'_>, kind: Kind, own: Option<&str>) {
        let server_id = entry.server_id();
        let id = own.or(server_id).unwrap_or_default().to_string();
        // Without a time it stands where it arrived.
        let time = entry.time.or_else(|| self.newest().map(|point| point.time)).unwrap_or(0);
        let record = Record {
            id,
            server_id: server_id.map(str::to_string),
            direction: entry.direction,
            kind,
            time,
            status: Status::Sent,
            code: None,
            own: None,
            has_body: true,
        };
        let key = self.insert(record, Some(entry.body));
        self.know(entry, key);
    }

    /// Joins an entry to a row; true if the row is ours and stood under another id of the service.
    fn join(&mut self, key: u32, entry: &Entry<'_>, kind: Kind) -> bool {
        let server_id = entry.server_id();
        let record = self.get(key);
        let known = server_id.is_some_and(|id| self.find(id) == Some(key));
        let doubled = record.own.is_some() && record.server_id.is_some() && server_id.is_some() && !known;
        let from = self.position(key);
        let record = self.get_mut(key);
        let before = (record.status, record.code, record.server_id.is_some(), record.time, record.has_body);
        record.status = Status::Sent;
        record.code = None;
        record.kind = kind;
        if record.server_id.is_none() {
            record.server_id = server_id.map(str::to_string);
        }
        // A second copy does not move the row.
        if let Some(time) = entry.time.filter(|_| record.server_id.as_deref() == server_id) {
            record.time = time;
        }
        let body = (!record.has_body).then_some(entry.body);
        record.has_body = true;
        let changed = before != (record.status, record.code, record.server_id.is_some(), record.time, true);
        self.know(entry, key);
        if changed {
            self.settle_at(key, from);
            self.tell_updated(key, body);
        }
        doubled
    }

    /// Changes how far a message of ours has come.
    pub fn mark(&mut self, id: &str, status: Status, code: Option<Code>) {
        let Some(key) = self.find(id) else { return };
        let record = self.get_mut(key);
        if (record.status, record.code) != (status, code) {
            (record.status, record.code) = (status, code);
            self.tell_updated(key, None);
        }
    }

    /// Gives an unsent message a new place among the unsent.
    pub fn rerank(&mut self, id: &str, rank: u64) {
        let Some(key) = self.find(id) else { return };
        let from = self.position(key);
        if let Some(own) = &mut self.get_mut(key).own {
            own.1 = rank;
        }
        self.settle_at(key, from);
    }

    /// Takes a row away.
    pub fn remove(&mut self, id: &str) {
        if let Some(key) = self.find(id) {
            self.take_out(key);
        }
    }

    /// Takes everything away but the unsent, which are told again.
    pub fn empty(&mut self) {
        let order = std::mem::take(&mut self.order);
        if !order.is_empty() {
            self.out.push(Event::Emptied);
        }
        let unsent: Vec<Record> =
            order.into_iter().filter_map(|key| self.records[key as usize].take()).filter(|record| !record.is_settled()).collect();
        self.wipe();
        for record in unsent {
            self.insert(record, None);
        }
    }

    /// Takes everything away.
    pub fn wipe(&mut self) {
        if !self.order.is_empty() {
            self.out.push(Event::Emptied);
        }
        let out = std::mem::take(&mut self.out);
        *self = Transcript { out, ..Transcript::default() };
    }

    /// The newest of the service's rows.
    pub fn newest(&self) -> Option<Point> {
        self.settled().next().map(Record::point)
    }

    /// The newest of the service's rows that is no newer than this.
    pub fn newest_until(&self, time: i64) -> Option<Point> {
        self.settled().find(|record| record.time <= time).map(Record::point)
    }

    /// The oldest of the service's rows.
    pub fn oldest(&self) -> Option<Point> {
        self.settled().last().map(Record::point)
    }

    /// Whether an id leads to a row that the service holds.
    pub fn is_sent(&self, id: &str) -> bool {
        self.find(id).is_some_and(|key| self.get(key).is_settled())
    }

    /// Whether an entry is a message of ours already.
    pub fn is_claimed(&self, entry: &Entry<'_>) -> bool {
        entry.ids().filter_map(|id| self.find(id)).any(|key| self.get(key).own.is_some())
    }

    /// How many rows of the other side are newer than a point; none of them without one.
    pub fn newer_than(&self, point: &Point) -> u32 {
        let newer = self.settled().take_while(|record| (record.time, record.tie()) > (point.time, point.id.as_str()));
        newer.filter(|record| record.direction == Direction::Outbound && record.kind != Kind::Event).count() as u32
    }

    /// The service's id and time of a row.
    pub fn service_side(&self, id: &str) -> Option<(Option<String>, i64)> {
        self.find(id).map(|key| (self.get(key).server_id.clone(), self.get(key).time))
    }

    /// The service's rows, the newest first.
    fn settled(&self) -> impl Iterator<Item = &Record> {
        self.order.iter().rev().map(|key| self.get(*key)).filter(|record| record.is_settled())
    }

    fn get(&self, key: u32) -> &Record {
        self.records[key as usize].as_ref().expect("keys in the order and the index lead to records: take_out removes them together")
    }

    fn get_mut(&mut self, key: u32) -> &mut Record {
        self.records[key as usize].as_mut().expect("keys in the order and the index lead to records: take_out removes them together")
    }

    fn insert(&mut self, record: Record, body: Option<&str>) -> u32 {
        let key = self.records.len() as u32;
        let id = record.id.clone();
        let server_id = record.server_id.clone();
        self.records.push(Some(record));
        self.learn(&id, key);
        if let Some(server_id) = server_id {
            self.learn(&server_id, key);
        }
        let at = self.place_of(key);
        self.order.insert(at, key);
        let message = self.row(key, body);
        self.out.push(Event::Message { index: at as u32, message });
        key
    }

    fn take_out(&mut self, key: u32) {
        let at = self.position(key);
        self.order.remove(at);
        self.ids.retain(|(_, known)| *known != key);
        self.aliases.retain(|(known, _)| *known != key);
        if let Some(record) = self.records[key as usize].take() {
            self.out.push(Event::Removed { id: record.id, index: at as u32 });
        }
    }

    /// Puts a changed row where it belongs now.
    fn settle_at(&mut self, key: u32, from: usize) {
        self.order.remove(from);
        let to = self.place_of(key);
        self.order.insert(to, key);
        if from != to {
            let id = self.get(key).id.clone();
            self.out.push(Event::Moved { id, from: from as u32, to: to as u32 });
        }
    }

    /// Where a key belongs among the others.
    fn place_of(&self, key: u32) -> usize {
        let record = self.get(key);
        self.order.partition_point(|other| self.get(*other).order(record) == Ordering::Less)
    }

    fn position(&self, key: u32) -> usize {
        let near = self.place_of(key);
        if self.order.get(near) == Some(&key) {
            return near;
        }
        self.order.iter().position(|other| *other == key).expect("a record that lives is in the order: insert put it there")
    }

    fn tell_updated(&mut self, key: u32, body: Option<&str>) {
        let index = self.position(key) as u32;
        let message = self.row(key, body);
        self.out.push(Event::Updated { index, message });
    }

    fn row(&self, key: u32, body: Option<&str>) -> Box<Row> {
        let record = self.get(key);
        Box::new(Row {
            id: record.id.clone(),
            server_id: record.server_id.clone(),
            direction: record.direction,
            kind: record.kind,
            time: record.time,
            status: record.status,
            code: record.code,
            text: record.own.as_ref().map(|(text, _)| text.clone()),
            body: body.map(str::to_string),
        })
    }

    fn know(&mut self, entry: &Entry<'_>, key: u32) {
        for id in entry.ids() {
            if self.find(id).is_none() {
                self.learn(id, key);
                self.aliases.push((key, id.to_string()));
            }
        }
    }

    fn learn(&mut self, id: &str, key: u32) {
        let entry = (hash(id), key);
        if let Err(at) = self.ids.binary_search(&entry) {
            self.ids.insert(at, entry);
        }
    }

    fn find(&self, id: &str) -> Option<u32> {
        let hash = hash(id);
        let from = self.ids.partition_point(|(known, _)| *known < hash);
        let same = self.ids[from..].iter().take_while(|(known, _)| *known == hash).map(|(_, key)| *key);
        same.into_iter().find(|key| {
            let record = self.get(*key);
            record.id == id || record.server_id.as_deref() == Some(id) || self.aliases.iter().any(|(known, alias)| known == key && alias == id)
        })
    }
}

/// An entry without any id, which the service should never send.
fn is_nameless(entry: &Entry<'_>, own: Option<&str>) -> bool {
    entry.id.is_none() && entry.message_id.is_none() && own.is_none()
}

/// Such an entry is known by its content: read again, it is the same.
fn name_of(entry: &Entry<'_>) -> String {
    ["unnamed-", &decimal(hash(entry.body))].concat()
}

/// FNV-1a, 64 bits.
fn hash(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
