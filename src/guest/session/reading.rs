//! The history: after every connect, for proof, and for older pages on request.

use super::{Asked, Session, Timer};
use crate::core::error::Code;
use crate::core::http::{Reply, Unreachable};
use crate::core::json::Document;
use crate::core::machine::{Act, RequestId};
use crate::guest::event::Event;
use crate::guest::history::{Finished, Step};
use crate::guest::outbox::Anchor;
use crate::guest::proof::Flight;
use crate::guest::transcript::Point;
use crate::guest::wire::{LAG_MS, Page, guest_api};

/// A gap is tried again after this, milliseconds.
const GAP_MS: u64 = 60_000;

impl Session {
    /// Takes the next step of reading, if one can be taken now.
    pub(super) fn read_on(&mut self) {
        let (Some(socket), true) = (self.link.up(), self.configured.is_some()) else { return };
        if self.wire.is_session() && self.history.wants_token() && !self.history_admission() {
            return;
        }
        let request = self.request_id();
        let urgent = self.outbox.head().is_some();
        let me = self.remembered.as_ref().map_or("", |remembered| remembered.token.expose());
        match self.history.step(self.now, &self.options.api, me, request, urgent) {
            Some(Step::Token) => {
                let tracing = self.random.uuid();
                let frame = guest_api::get_jwt(self.token(), &tracing);
                self.ask(socket, Asked::Token, tracing, frame);
            }
            Some(Step::Read(_, read)) => self.act(Act::Fetch(request, read)),
            None => {}
        }
        match self.history.wake_at(self.now.mono) {
            Some(at) => self.timers.arm(Timer::History, at),
            None => self.timers.disarm(Timer::History),
        }
    }

    pub(super) fn history_reply(&mut self, request: RequestId, reply: Result<Reply<'_>, Unreachable>) {
        if !self.history.owns(request) {
            return;
        }
        if self.wire.is_session() && !self.is_admitted(reply) {
            return;
        }
        let document = reply.ok().filter(|reply| (200..300).contains(&reply.status)).and_then(|reply| Document::parse(reply.body));
        let page = document.as_ref().and_then(|document| self.wire.page(document, self.token()));
        let Some(page) = page else {
            let after = self.history.again_after(reply);
            return self.read_failed(after);
        };
        if self.wire.is_session()
            && let Some(since) = self.probed_at.take()
        {
            self.link.answered(self.now, self.now.mono - since);
        }
        let loaded = self.take_page(&page);
        let finished = self.history.read(self.now.mono, &page, loaded);
        self.finished(finished);
    }

    /// Takes the entries of a page in; how many rows were new.
    pub(super) fn take_page(&mut self, page: &Page<'_>) -> u32 {
        page.entries.iter().map(|entry| u32::from(self.take_in(entry, None, false))).sum()
    }

    /// No token for the history: refused, or not answered. The pings of the line ask for one as well.
    pub(super) fn no_history_token(&mut self, after: Option<u64>) {
        if self.history.no_token() {
            self.read_failed(after);
        }
    }

    /// A read failed; where it was to prove something, that counts against the proof.
    fn read_failed(&mut self, after: Option<u64>) {
        let proving = self.history.is_proving();
        let finished = self.history.failed(self.now.mono, after);
        if proving {
            self.look_failed();
        }
        self.finished(finished);
    }

    fn finished(&mut self, finished: Option<Finished>) {
        let Some(Finished { goals, ok, met, anchored, loaded, took, reached }) = finished else { return };
        if goals.resync.is_some() {
            self.resynced(ok, met, took, reached);
        }
        if goals.proof.is_some() {
            if ok {
                self.looked(anchored);
            } else {
                self.look_was_cut_short();
            }
        }
        let complete = self.history.is_complete();
        for ticket in goals.scroll {
            match ok {
                true => self.tell(Event::Done { ticket, code: None, loaded: Some(loaded), complete: Some(complete) }),
                false => self.done(ticket, Some(Code::HISTORY_UNAVAILABLE)),
            }
        }
    }

    fn resynced(&mut self, ok: bool, met: bool, took: u64, reached: Option<String>) {
        let from = self.watermark.as_ref().map(|point| point.id.clone());
        if ok {
            if std::mem::replace(&mut self.reads_again, false) {
                // What was stored just before may not have been shown yet.
                let recent = self.service_now().filter(|_| met && !self.wire.is_session());
                self.read_down_to = recent.map(|now| Point { time: now.saturating_sub(took + LAG_MS) as i64, id: String::new() });
                self.timers.arm(Timer::Gap, self.now.mono + self.wire.read_again_ms());
            } else if met {
                self.has_hole = false;
            } else {
                // The whole history, twice, and not what was known: the service has begun a new session, and the answer
                // that said so was lost. What of it came live and is not in the history yet is read a little later.
                self.begin_anew();
                (self.has_hole, self.reads_again) = (true, true);
                self.history.want_resync(None);
            }
            if self.wire.is_session() {
                self.note_visitors_time();
            }
            self.tell(Event::Metric { kind: "resync", ms: took });
            if std::mem::take(&mut self.has_gap) {
                self.tell(Event::Gap { from, to: None, filled: true });
            }
            // Whatever was there before the first visit was seen, as far as this browser can know.
            let newest = self.newest_anchor();
            self.begin_reading_marker(newest);
            return;
        }
        if !std::mem::replace(&mut self.has_gap, true) {
            self.tell(Event::Gap { from, to: reached, filled: false });
        }
        self.timers.arm(Timer::Gap, self.now.mono + GAP_MS);
    }

    /// Sets the mark behind which rows count as unread, where there is none yet.
    pub(super) fn begin_reading_marker(&mut self, seen: Option<Anchor>) {
        if let Some(remembered) = &mut self.remembered
            && remembered.read.is_none()
        {
            remembered.read = Some(seen.unwrap_or(Anchor { time: 0, id: String::new() }));
            self.remember();
        }
    }

    /// Reads again what was not read through.
    pub(super) fn retry_gap(&mut self) {
        if self.has_hole && self.configured.is_some() {
            let until = self.read_down_to.take().or_else(|| self.watermark.clone());
            self.history.want_resync(until);
        }
    }

    /// The line is lost: what was being read is read again after the next connect; what a caller waits for is not.
    pub(super) fn stop_reading(&mut self) {
        let (request, tickets) = self.history.abort();
        if let Some(request) = request {
            self.act(Act::Abort(request));
        }
        for ticket in tickets {
            self.done(ticket, Some(Code::NOT_CONNECTED));
        }
        self.probed_at = None;
        self.timers.disarm(Timer::History);
        self.timers.disarm(Timer::Gap);
    }

    fn look_was_cut_short(&mut self) {
        if let Flight::Unsure(doubt) = &mut self.flight {
            doubt.looking = false;
        }
    }
}
