//! Frames in: each is read once, by class, and told on.

use super::{Ask, Asked, Call, Session, Timer};
use crate::core::error::Code;
use crate::core::json::Document;
use crate::core::machine::SocketId;
use crate::core::secret::Secret;
use crate::core::state::{End, Reason};
use crate::guest::event::{Direction, Event, Kind};
use crate::guest::outbox::{Anchor, MAX_AGE_MS, Record, Standing};
use crate::guest::proof;
use crate::guest::wire::{Entry, Fault, Frame, Happening, Incoming};

/// More unreadable frames than this within a minute and the line is replaced once (faults.md row 27).
const GARBAGE_PER_MINUTE: usize = 20;
const MINUTE_MS: u64 = 60_000;
/// So much of an unreadable frame's form is kept for diagnostics.
const SAMPLE_CHARS: usize = 80;
/// A token for history is good for a minute from its making (guest-api.md §2.8).
const JWT_LIFE_MS: i64 = 60_000;
/// The service's clock is known to this, milliseconds: it is told in whole seconds, and takes a while to arrive.
pub(super) const CLOCK_ERROR_MS: i64 = 3_000;

impl Session {
    pub(super) fn frame(&mut self, socket: SocketId, text: &str) {
        let current = self.link.heard(self.now, socket);
        if !current && !self.link.is_leaving(socket) {
            return;
        }
        let document = Document::parse(text);
        let Some(incoming) = document.as_ref().and_then(|document| self.wire.decode(document, self.token())) else {
            return self.garbage(socket, text);
        };
        if current {
            self.incoming(socket, incoming, text);
        } else if let Frame::Message { response: false, entry } = incoming.frame {
            // What a socket still delivers after it was given up is as true as before; nothing else of it counts.
            self.take_in(&entry, incoming.tracing, true);
        }
    }

    fn incoming(&mut self, socket: SocketId, incoming: Incoming<'_>, text: &str) {
        let tracing = incoming.tracing;
        let ask = tracing.and_then(|tracing| self.take_ask(&|ask| ask.tracing == tracing));
        match incoming.frame {
            Frame::Session(response) => {
                let what = if response.connected { Asked::Configure } else { Asked::CloseSession };
                // Without a tracing id that is known it can only be the answer that is waited for.
                if ask.is_some_and(|ask| ask.what == what) || self.take_ask(&|ask| ask.what == what).is_some() {
                    if response.connected {
                        self.configured(response);
                    } else {
                        self.start_new = true;
                        self.configure(socket);
                    }
                }
            }
            Frame::Message { response, entry } => {
                if matches!(ask, Some(Ask { what: Asked::Clear, .. })) {
                    self.finish(Call::Clear, None);
                }
                if let Some(expires) = entry.expires_at {
                    self.note_expiry(expires);
                }
                if !(response && tracing.is_some_and(Session::is_echo)) {
                    self.take_in(&entry, tracing, true);
                }
            }
            Frame::Jwt(token, expires) if tracing.is_none() || matches!(ask, Some(Ask { what: Asked::Token, .. })) => {
                self.history.token(self.now, Secret::new(token.to_string()));
                if let Some(expires) = expires {
                    self.note_service_time(expires - JWT_LIFE_MS);
                }
            }
            // The answer to a request that was given up.
            Frame::Jwt(..) => {}
            Frame::Error(fault) => self.fault(fault, tracing, ask),
            Frame::Expired => self.end_conversation(End::SessionExpired),
            Frame::Cleared => self.cleared(),
            Frame::Closed { signed_in: true } => self.rotate(Code(0)),
            Frame::Closed { signed_in: false } => self.link.evicted(self.now),
            Frame::LoggedOut => self.logged_out(),
            Frame::Pong if self.wire.is_session() => {
                self.ponged = true;
                self.vouched_from = ask.map_or(0, |ask| ask.at);
            }
            Frame::Pong => {}
            Frame::Other => {}
            Frame::Unknown => self.garbage(socket, text),
        }
    }

    /// The request that a frame answers; its round trip is measured.
    fn take_ask(&mut self, which: &dyn Fn(&Ask) -> bool) -> Option<Ask> {
        let at = self.asks.iter().position(which)?;
        let ask = self.asks.remove(at);
        self.arm_asks();
        self.link.answered(self.now, self.now.mono - ask.at);
        Some(ask)
    }

    /// Takes in a message, live or from history: it is joined to what it is known to be, or shown. True if it was new.
    pub(super) fn take_in(&mut self, entry: &Entry<'_>, tracing: Option<&str>, live: bool) -> bool {
        let inbound = entry.direction == Direction::Inbound;
        for happening in entry.happenings() {
            self.happened(happening, entry, inbound, live);
        }
        let Some(kind) = entry.kind else { return false };
        let carried = tracing.or(entry.own_id).filter(|_| inbound);
        let named = [tracing, entry.own_id].into_iter().flatten();
        let own = named.filter(|_| inbound).find(|id| self.outbox.get(id).is_some());
        if own.is_some() {
            self.note_carried(live);
        }
        let own = own.map(str::to_string).or_else(|| {
            let same = self.same_text(entry, carried.is_some(), live);
            self.metrics.by_text += u64::from(same.is_some());
            same
        });
        let placed = self.transcript.place(entry, kind, own.as_deref().or(carried));
        self.metrics.doubles += u64::from(placed.doubled);
        if let Some(id) = own {
            self.acknowledged(&id, entry, live);
        }
        if let (true, Some(time)) = (live, entry.time) {
            self.note_service_time(time);
        }
        if live && !inbound {
            // A message ends the typing before it; an event says for itself what it does.
            if kind != Kind::Event {
                self.end_typing();
            }
        }
        self.count_unread();
        placed.fresh
    }

    /// Nothing that the service has from now on can be one of these.
    pub(super) fn give_up_proof(&mut self, which: &dyn Fn(&Record) -> bool) {
        for id in self.outbox.ids(which) {
            if let Some(record) = self.outbox.get_mut(&id) {
                record.anchor = Some(Anchor::end());
            }
            self.rewrite(&id);
        }
    }

    /// The message in flight, if an entry without an id of ours can only be that.
    fn same_text(&self, entry: &Entry<'_>, carried: bool, live: bool) -> Option<String> {
        let record = self.outbox.get(self.flight.id().filter(|_| self.flight.is_out())?)?;
        let remembered = self.remembered.as_ref()?;
        let carries = carried || if live { remembered.carries_live } else { remembered.carries_history };
        proof::is_same_text(record, entry, carries, self.transcript.is_claimed(entry), live).then(|| record.id.clone())
    }

    /// The service was seen to carry our ids: from now on their absence proves something.
    fn note_carried(&mut self, live: bool) {
        let Some(remembered) = &mut self.remembered else { return };
        let seen = if live { &mut remembered.carries_live } else { &mut remembered.carries_history };
        if !std::mem::replace(seen, true) {
            self.remember();
        }
    }

    fn happened(&mut self, happening: Happening, entry: &Entry<'_>, inbound: bool, live: bool) {
        match happening {
            Happening::Typing { on, duration_ms } if live && !inbound => {
                if on {
                    self.is_typing = true;
                    self.timers.arm(Timer::Typing, self.now.mono + duration_ms);
                    let until = Some(self.now.unix + duration_ms);
                    self.tell(Event::Typing { active: true, until, body: Some(entry.body.to_string()) });
                } else {
                    self.end_typing();
                }
            }
            Happening::Join if inbound => {
                if let Some(remembered) = &mut self.remembered
                    && std::mem::take(&mut remembered.join_owed)
                {
                    self.remember();
                }
            }
            Happening::Disconnect if live && !inbound => {
                self.end_typing();
                if entry.read_only {
                    self.now_read_only();
                }
            }
            _ => {}
        }
    }

    /// From now on only reads are allowed; what waits is kept for a new conversation.
    pub(super) fn now_read_only(&mut self) {
        if let Some(configured) = &mut self.configured
            && !std::mem::replace(&mut configured.read_only, true)
        {
            self.tell_session();
        }
    }

    pub(super) fn end_typing(&mut self) {
        self.timers.disarm(Timer::Typing);
        if std::mem::take(&mut self.is_typing) {
            self.tell(Event::Typing { active: false, until: None, body: None });
        }
    }

    fn note_expiry(&mut self, expires: i64) {
        if let Some(configured) = &mut self.configured
            && configured.expires_at != Some(expires)
        {
            configured.expires_at = Some(expires);
            self.tell_session();
        }
    }

    /// The service told its time: the age of what an earlier life of the page accepted is known now.
    pub(super) fn note_service_time(&mut self, time: i64) {
        let offset = time.saturating_sub(self.now.mono as i64);
        if self.offset.is_some_and(|known| known.abs_diff(offset) < CLOCK_ERROR_MS as u64) {
            return;
        }
        self.offset = Some(offset);
        self.note_time(Some(time));
    }

    /// Dates what waits, by the service's time or else by the visitor's clock.
    pub(super) fn note_time(&mut self, of_service: Option<i64>) {
        let (mono, unix) = (self.now.mono, self.now.unix as i64);
        let time = of_service.unwrap_or(unix);
        let mut redated = Vec::new();
        for record in self.outbox.iter_mut() {
            if record.due.is_none() {
                // The visitor's clock may have been wrong then or now; by it, a message is only as old as both say.
                let by_service = time.saturating_sub(record.at as i64);
                let age = if record.by_service { by_service } else { by_service.min(unix.saturating_sub(record.at as i64)) };
                record.due = Some(mono + MAX_AGE_MS.saturating_sub(age.max(0) as u64));
            } else if !record.by_service && of_service.is_some() {
                // Accepted in this life of the page: how long ago is known whatever the visitor's clock did meanwhile.
                let ago = (mono + MAX_AGE_MS).saturating_sub(record.due.unwrap_or(0));
                (record.at, record.by_service) = (time.saturating_sub(ago as i64).max(0) as u64, true);
                redated.push(record.id.clone());
            }
        }
        for id in redated {
            self.rewrite(&id);
        }
        self.arm_expiry();
    }

    /// The service's time, Unix milliseconds, once it was told.
    pub(super) fn service_now(&self) -> Option<u64> {
        self.offset.map(|offset| self.now.mono.saturating_add_signed(offset))
    }

    fn fault(&mut self, fault: Fault, tracing: Option<&str>, ask: Option<Ask>) {
        match ask.map(|ask| ask.what) {
            Some(Asked::Configure) => self.configure_refused(fault),
            Some(Asked::Token) => self.no_history_token(fault.retry_after),
            Some(Asked::Clear) => {
                let code = if fault.code.0 == 403 { Code::CLEAR_NOT_ALLOWED } else { fault.code };
                self.finish(Call::Clear, Some(code));
            }
            Some(Asked::CloseSession) => {
                self.finish(Call::Restart, Some(fault.code));
            }
            // A probe is answered by any reply; a Join that is refused is tried with the next session, and at once where it was for the
            // page's attributes.
            Some(what @ (Asked::Echo | Asked::Join)) => {
                if !self.session_fault(fault) && what == Asked::Join && fault.code.0 == 4013 {
                    self.drop_attributes();
                    self.join();
                }
            }
            None if tracing.is_some() && tracing == self.flight.id() => self.refused(fault),
            // Typing that was too much costs nothing but itself.
            None if tracing.is_some() && tracing == self.typing_tracing.as_deref() => {}
            None if self.configured.is_none() => self.configure_refused(fault),
            None if tracing.is_some() => {
                self.session_fault(fault);
            }
            None => self.uncorrelated(fault),
        }
    }

    /// What a fault means for the session as such, whoever's request it answers.
    pub(super) fn session_fault(&mut self, fault: Fault) -> bool {
        match fault.code.0 {
            _ if fault.wants_auth => self.link.require_auth(self.now),
            4006 | 4007 => self.end_conversation(End::SessionExpired),
            4017 => self.rotate(fault.code),
            4029 => self.hold_back(fault.retry_after),
            1001 => self.link.fail(self.now, Reason::Service { code: 1001 }, None),
            _ => return false,
        }
        true
    }

    /// An unreadable frame: counted and skipped; a line that brings nothing else is replaced, once.
    pub(super) fn garbage(&mut self, socket: SocketId, frame: &str) {
        if !self.link.heard(self.now, socket) {
            return;
        }
        self.metrics.garbage += 1;
        self.garbage_sample = Some(redacted(frame));
        let now = self.now.mono;
        self.garbage.push(now);
        self.garbage.retain(|at| now - at < MINUTE_MS);
        if self.garbage.len() > GARBAGE_PER_MINUTE {
            self.garbage.clear();
            self.garbage_strikes += 1;
            match self.garbage_strikes {
                1 => self.link.fail(self.now, Reason::Service { code: Code::GARBAGE.0 }, None),
                _ => self.tell(Event::Warning { code: Code::GARBAGE }),
            }
        }
    }

    /// Counts what the visitor has not seen; everything that was there before the first visit counts as seen.
    pub(super) fn count_unread(&mut self) {
        let read = self.remembered.as_ref().and_then(|remembered| remembered.read.as_ref());
        let count = read.map_or(0, |read| self.transcript.newer_than(&crate::guest::transcript::Point { time: read.time, id: read.id.clone() }));
        if count != self.unread {
            self.unread = count;
            self.tell(Event::Unread { count });
        }
    }

    /// The newest row as an anchor.
    pub(super) fn newest_anchor(&self) -> Option<Anchor> {
        self.transcript.newest().map(|point| Anchor { time: point.time, id: point.id })
    }

    /// What waits and became too old is not sent unasked.
    pub(super) fn expire(&mut self) {
        if !self.leading {
            return;
        }
        let now = self.now.mono;
        for id in self.outbox.ids(&|record| record.may_expire() && record.due.is_some_and(|due| due <= now)) {
            self.settle_record(&id, Standing::Expired);
        }
        self.arm_expiry();
    }

    pub(super) fn arm_expiry(&mut self) {
        let due = self.outbox.iter().filter(|record| record.may_expire()).filter_map(|record| record.due).min();
        match due {
            Some(due) => self.timers.arm(Timer::Expire, due),
            None => self.timers.disarm(Timer::Expire),
        }
    }
}

/// The form of a frame's beginning: marks stay, letters become `x`, digits `0`. Nothing of what it said is left.
fn redacted(frame: &str) -> String {
    let form = |character: char| match character {
        '0'..='9' => '0',
        ' '..='~' if !character.is_ascii_alphabetic() => character,
        _ => 'x',
    };
    frame.chars().take(SAMPLE_CHARS).map(form).collect()
}
