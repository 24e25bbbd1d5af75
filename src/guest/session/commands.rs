//! What the page asks for. Every command is one mutation; a refused one changes nothing.

use super::{Asked, Call, Session, Timer, Write};
use crate::core::error::{Code, Refusal};
use crate::core::json::{Document, Object, Value};
use crate::core::machine::{Act, Lead, Now};
use crate::core::plain::{Members, named};
use crate::core::state::State;
use crate::guest::event::{Event, Status, Ticket};
use crate::guest::options;
use crate::guest::outbox::{Anchor, MAX_AGE_MS, Record, Standing};
use crate::guest::proof::Flight;
use crate::guest::stored::Remembered;
use crate::guest::wire::guest_api;

/// The guest's typing is passed on at most so often, milliseconds (guest-api.md §4.4).
const TYPING_EVERY_MS: u64 = 5_000;

impl Session {
    /// Begins; [`Event::Done`] follows when the session stands, or can not.
    pub fn start(&mut self, now: Now, ticket: Ticket) {
        if !self.begin(now) {
            return self.done(ticket, Some(Code::STOPPED));
        }
        self.stopped = false;
        self.timers.disarm(Timer::Flush);
        self.finish(Call::Stop, None);
        match self.link.state() {
            State::Ready | State::Suspect if self.configured.is_some() => self.done(ticket, None),
            State::Ended { .. } if self.wanted => self.done(ticket, Some(Code::SESSION_ENDED)),
            State::AuthRequired if self.wanted => self.done(ticket, Some(Code::AUTH_REQUIRED)),
            _ => {
                self.calls.push((Call::Start, ticket));
                if !self.wanted {
                    self.wanted = true;
                    self.seek_lead(Lead::Join);
                }
                if self.leading {
                    self.link.start(self.now);
                }
            }
        }
        self.settle();
    }

    /// Accepts a message: from here on it is never lost. `draft` is JSON:
    /// `{"text", "attributes"?: {}, "content"?: [], "type"?: "Structured"}`. Gives the row's id.
    ///
    /// # Errors
    /// Stopped, no text, too long a text, too many attributes, outbox full: nothing was accepted.
    pub fn send(&mut self, now: Now, draft: &str) -> Result<String, Refusal> {
        if !self.begin(now) || self.stopped {
            return Err(Refusal::new(Code::STOPPED));
        }
        let document = Document::parse(draft).filter(|document| document.root().is_object()).ok_or(Refusal::field(Code::INVALID_OPTION, "draft"))?;
        let root = document.root();
        let text = root.text("text").unwrap_or_default();
        let content = root.get("content").filter(|content| content.is_array());
        for field in ["content", "attributes"] {
            if self.options.wire.is_session() && root.get(field).is_some() {
                return Err(Refusal::field(Code::UNSUPPORTED, field));
            }
        }
        if text.trim().is_empty() && content.is_none() {
            return Err(Refusal::field(Code::MESSAGE_EMPTY, "text"));
        }
        if text.len() > guest_api::MAX_TEXT_BYTES {
            return Err(Refusal::field(Code::MESSAGE_TOO_LONG, "text"));
        }
        let own = root.get("attributes");
        own.map(options::attributes).transpose()?;
        self.limit_attributes();
        let attributes = merged(self.attributes.as_deref(), own.map(Value::raw));
        self.check_attributes(attributes.as_deref())?;
        let n = self.outbox.next_n();
        let record = Record {
            n,
            id: self.random.uuid(),
            at: self.service_now().unwrap_or(self.now.unix),
            by_service: self.offset.is_some(),
            text: text.to_string(),
            attributes,
            content: content.map(|content| content.raw().to_string()),
            structured: root.is("type", "Structured"),
            owner: self.mark(),
            sent: false,
            anchor: None,
            asked: false,
            standing: Standing::Queued,
            durable: false,
            due: Some(self.now.mono + MAX_AGE_MS),
            found: false,
            doubtful: false,
            tries: 0,
        };
        self.outbox.admits(&self.prefix, &record)?;
        self.attributes = None;
        let id = record.id.clone();
        self.show_record(&record);
        self.outbox.insert(record);
        self.store(&id);
        self.arm_expiry();
        self.settle();
        Ok(id)
    }

    /// Whether an accepted message will survive a reload; to be asked after the drain.
    pub fn is_durable(&self, id: &str) -> bool {
        self.outbox.get(id).is_none_or(|record| record.durable)
    }

    /// Sends a failed or expired message again, behind what waits.
    ///
    /// # Errors
    /// No such message, or one that is on its way.
    pub fn retry(&mut self, now: Now, id: &str) -> Result<(), Refusal> {
        if !self.begin(now) || self.stopped {
            return Err(Refusal::new(Code::STOPPED));
        }
        let n = self.outbox.next_n();
        let (at, by_service) = (self.service_now().unwrap_or(self.now.unix), self.offset.is_some());
        let record = self.outbox.get(id).ok_or(Refusal::field(Code::UNKNOWN_MESSAGE, "id"))?;
        if record.standing == Standing::Queued {
            return Err(Refusal::field(Code::NOT_RETRYABLE, "id"));
        }
        if self.is_anothers(record) {
            return Err(Refusal::new(Code::OTHER_TAB));
        }
        let owner = self.mark();
        let Some(old) = self.outbox.remove(id) else { return Ok(()) };
        let mut record = old.clone();
        record.n = n;
        record.durable = false;
        record.standing = Standing::Queued;
        if record.sent && record.owner != owner {
            // Nothing in this conversation can be it.
            record.anchor = Some(Anchor::end());
        }
        record.owner = owner;
        record.asked = true;
        (record.at, record.by_service) = (at, by_service);
        record.due = Some(self.now.mono + MAX_AGE_MS);
        record.tries = 0;
        self.outbox.insert(record);
        // The old key goes once the new one is there: a crash or a full storage between the two leaves it twice, never not at all.
        self.store_as(id, Write::Moved(old));
        self.transcript.rerank(id, n);
        self.transcript.mark(id, Status::Queued, None);
        self.receipt(id, Status::Queued, None);
        self.arm_expiry();
        self.settle();
        Ok(())
    }

    /// Takes a message back that was not sent; false if it is unknown, on its way, or may still arrive.
    pub fn cancel(&mut self, now: Now, id: &str) -> bool {
        let may_arrive = |record: &Record| record.is_queued() && record.may_arrive();
        if !self.begin(now) || self.flight.id() == Some(id) {
            return false;
        }
        if self.outbox.get(id).is_some_and(|record| may_arrive(record) || self.is_anothers(record)) {
            return false;
        }
        let removed = self.drop_record(id);
        self.settle();
        removed
    }

    /// The guest is writing; passed on at most every five seconds, where the deployment shows it.
    ///
    /// # Errors
    /// The session protocol has no typing.
    pub fn typing(&mut self, now: Now) -> Result<(), Refusal> {
        self.needs_guest_api("protocol")?;
        if !self.begin(now) {
            return Ok(());
        }
        let allowed = self.config.is_some_and(|config| config.shows_user_typing) && self.can_talk();
        let rested = self.typed_at.is_none_or(|at| self.now.mono - at > TYPING_EVERY_MS);
        if let (true, true, Some(socket)) = (allowed, rested, self.link.up())
            && self.requests.take(self.now.mono, super::KEPT_FOR_CONTROL)
        {
            self.typed_at = Some(self.now.mono);
            let tracing = self.random.uuid();
            let frame = guest_api::typing(self.token(), &tracing);
            self.typing_tracing = Some(tracing);
            self.act(Act::Send(socket, frame));
        }
        self.settle();
        Ok(())
    }

    /// The visitor has seen everything there is.
    pub fn mark_read(&mut self, now: Now) {
        if !self.begin(now) {
            return;
        }
        let newest = self.transcript.newest().map(|point| Anchor { time: point.time, id: point.id });
        if let (Some(newest), Some(remembered)) = (newest, &mut self.remembered)
            && remembered.read.as_ref() != Some(&newest)
        {
            remembered.read = Some(newest);
            if self.leading {
                self.remember();
            }
        }
        self.count_unread();
        self.settle();
    }

    /// Custom attributes (a JSON object of strings) for the next message.
    ///
    /// # Errors
    /// Not an object of strings, or over the session's limit.
    pub fn set_attributes(&mut self, now: Now, attributes: &str) -> Result<(), Refusal> {
        self.needs_guest_api("attributes")?;
        if !self.begin(now) {
            return Err(Refusal::new(Code::STOPPED));
        }
        let document = Document::parse(attributes).ok_or(Refusal::field(Code::INVALID_OPTION, "attributes"))?;
        options::attributes(document.root())?;
        let merged = merged(self.attributes.as_deref(), Some(attributes));
        self.check_attributes(merged.as_deref())?;
        self.attributes = merged;
        Ok(())
    }

    /// Loads one older page.
    pub fn history(&mut self, now: Now, ticket: Ticket) {
        if !self.begin(now) || self.link.up().is_none() {
            return self.done(ticket, Some(Code::NOT_CONNECTED));
        }
        if self.history.is_complete() {
            self.tell(Event::Done { ticket, code: None, loaded: Some(0), complete: Some(true) });
        } else {
            self.history.want_older(ticket);
        }
        self.settle();
    }

    /// Clears the conversation at the service.
    pub fn clear(&mut self, now: Now, ticket: Ticket) {
        if !self.begin(now) {
            return self.done(ticket, Some(Code::STOPPED));
        }
        match (self.link.up(), self.config) {
            _ if self.options.wire.is_session() => self.done(ticket, Some(Code::UNSUPPORTED)),
            (Some(_), Some(config)) if !config.clearable => self.done(ticket, Some(Code::CLEAR_NOT_ALLOWED)),
            (Some(socket), Some(_)) if self.configured.is_some() => {
                let tracing = self.random.uuid();
                let frame = guest_api::clear(self.token(), &tracing);
                self.calls.push((Call::Clear, ticket));
                self.ask(socket, Asked::Clear, tracing, frame);
            }
            _ => self.done(ticket, Some(Code::NOT_CONNECTED)),
        }
        self.settle();
    }

    /// Begins a new conversation after an end.
    pub fn restart(&mut self, now: Now, keep_outbox: bool, ticket: Ticket) {
        if !self.begin(now) {
            return self.done(ticket, Some(Code::STOPPED));
        }
        self.restart_now(keep_outbox, ticket);
        self.settle();
    }

    /// Tries at once instead of waiting.
    pub fn reconnect(&mut self, now: Now) {
        if self.begin(now) {
            self.link.reconnect(self.now);
            self.settle();
        }
    }

    /// The visitor agrees: from now on things are stored, and what waited is.
    pub fn grant_consent(&mut self, now: Now) {
        if !self.begin(now) || self.consent {
            return;
        }
        self.consent = true;
        self.load();
        self.seek_lead(Lead::Join);
        self.settle();
    }

    /// Ends politely: what waits may still go out for so many milliseconds.
    pub fn stop(&mut self, now: Now, flush_ms: u32, ticket: Ticket) {
        if !self.begin(now) {
            return self.done(ticket, None);
        }
        self.stopped = true;
        self.finish(Call::Stop, None);
        self.calls.push((Call::Stop, ticket));
        self.timers.arm(Timer::Flush, self.now.mono + u64::from(flush_ms));
        if flush_ms == 0 {
            self.flush_over();
        }
        self.settle();
    }

    /// Removes the conversation, the token and the outbox from this browser; with `elsewhere` another tab has, and this one is to know
    /// nothing of it any more.
    pub fn forget(&mut self, now: Now, elsewhere: bool, ticket: Ticket) {
        if !self.begin(now) {
            return self.done(ticket, Some(Code::STOPPED));
        }
        self.forget_now(elsewhere, ticket);
        self.settle();
    }

    /// Gives everything up at once; inert afterwards.
    pub fn dispose(&mut self, now: Now) {
        if !self.begin(now) {
            return;
        }
        self.wanted = false;
        self.give_up_line();
        self.link.leave(self.now);
        self.link.stop(self.now);
        self.follow_link();
        self.leave_line();
        for (_, ticket) in std::mem::take(&mut self.calls) {
            self.done(ticket, Some(Code::STOPPED));
        }
        self.timers.clear();
        self.disposed = true;
    }

    /// Figures since the session began; times in milliseconds.
    pub fn metrics(&self) -> Members<'_> {
        let mut members = Members::default();
        self.count_into(&mut members);
        members
    }

    fn count_into(&self, members: &mut Members<'_>) {
        let heartbeat = self.link.heartbeat();
        let metrics = &self.metrics;
        named(
            "acknowledged acknowledgedByText foundAtFirstLook foundAtSecondLook resends unprovedResends doubles rateLimited garbage connects quarantined rtt jitter rows outbox",
            &[
                metrics.acknowledged,
                metrics.by_text,
                metrics.found_first,
                metrics.found_second,
                metrics.resends,
                metrics.unproved_resends,
                metrics.doubles,
                metrics.rate_limited,
                metrics.garbage,
                metrics.connects,
                metrics.quarantined,
                heartbeat.rtt().unwrap_or(0),
                heartbeat.jitter(),
                self.transcript.len() as u64,
                self.outbox.len() as u64,
            ],
            |name, number| members.number(name, number as f64),
        );
    }

    /// For a support ticket: what stands where beyond what events have told, without a text and without a token.
    pub fn diagnostics(&self) -> Members<'_> {
        let mut members = Members::default();
        members.text("version", env!("CARGO_PKG_VERSION"));
        members.truth("inFlight", self.flight != Flight::Idle);
        members.truth("gap", self.has_gap);
        members.maybe_text("garbageSample", self.garbage_sample.as_deref());
        self.count_into(&mut members);
        members
    }

    /// Whose messages these are. A guest that the service has not seen yet may not have been stored either.
    pub(super) fn mark(&self) -> Option<u32> {
        self.remembered.as_ref().filter(|remembered| remembered.known).map(Remembered::mark)
    }

    /// What is stored is changed and removed by the leading tab only: it may have sent it by now.
    fn is_anothers(&self, record: &Record) -> bool {
        self.wanted && !self.leading && record.durable
    }

    /// Attributes of the page's that are more than the service takes would hold up every message: they are left out.
    pub(super) fn limit_attributes(&mut self) {
        if self.check_attributes(self.attributes.as_deref()).is_err() {
            self.drop_attributes();
        }
    }

    pub(super) fn drop_attributes(&mut self) {
        self.attributes = None;
        self.tell(Event::Warning { code: Code::ATTRIBUTES_TOO_LARGE });
    }

    fn check_attributes(&self, attributes: Option<&str>) -> Result<(), Refusal> {
        let Some(document) = attributes.and_then(Document::parse) else { return Ok(()) };
        // Keys and values without the JSON around them (guest-api.md §5.8).
        let bytes: usize = document.root().members().map(|(key, value)| key.len() + value.as_str().map_or(0, |value| value.len())).sum();
        if bytes > self.attribute_budget { Err(Refusal::field(Code::ATTRIBUTES_TOO_LARGE, "attributes")) } else { Ok(()) }
    }
}

/// Two JSON objects of strings as one; the second's members win.
fn merged(first: Option<&str>, second: Option<&str>) -> Option<String> {
    let (Some(first), Some(second)) = (first, second) else { return first.or(second).map(str::to_string) };
    let (Some(old), Some(new)) = (Document::parse(first), Document::parse(second)) else { return Some(second.to_string()) };
    let mut object = Object::new();
    for (key, value) in old.root().members().filter(|(key, _)| new.root().get(key).is_none()) {
        object.raw(key, value.raw());
    }
    for (key, value) in new.root().members() {
        object.raw(key, value.raw());
    }
    Some(object.end())
}
