//! Messages out: one at a time, each stored before it is sent, each proved before it is sent again.

use super::line::LIMIT_MS;
use super::receive::CLOCK_ERROR_MS;
use super::{KEPT_FOR_CONTROL, Session, Timer};
use crate::core::error::Code;
use crate::core::machine::{Act, WriteId};
use crate::core::state::Reason;
use crate::guest::event::{Event, Status};
use crate::guest::outbox::{Anchor, Standing};
use crate::guest::proof::{ACK_MS, Doubt, Flight, Look};
use crate::guest::wire::{Entry, Fault, Outgoing};

/// So often may the service say that it cannot take a message now, before it is given up.
const TRIES: u32 = 5;
/// The wait after the first such answer, doubling, milliseconds.
const TROUBLE_MS: u64 = 1_000;
/// A wait that the service asks for is stretched by up to this, so that many guests do not come back at once.
const JITTER_MS: u64 = 1_000;

impl Session {
    /// Whether messages may go out on this line.
    pub(super) fn can_talk(&self) -> bool {
        self.leading && self.proved && self.link.is_trusted() && self.configured.is_some_and(|configured| !configured.read_only)
    }

    /// Brings the message in flight on, or lets the next one go.
    pub(super) fn pump(&mut self) {
        match &self.flight {
            Flight::Unsure(doubt) if !doubt.looking => self.look(),
            Flight::Idle if self.can_talk() => self.send_next(),
            _ => {}
        }
    }

    fn send_next(&mut self) {
        let next = if self.is_moving() { self.next_unknown() } else { self.outbox.head() };
        let Some(record) = next else { return };
        let id = record.id.clone();
        if record.sent {
            // Sent in an earlier life of the page, or before a click asked for it again: it is looked for first.
            self.flight = Flight::Unsure(Doubt::inherited(id.clone(), self.now.mono));
            self.transcript.mark(&id, Status::Sending, None);
            return self.look();
        }
        if record.due.is_some_and(|due| due <= self.now.mono) {
            return self.expire();
        }
        let is_undated = record.due.is_none() && self.offset.is_none();
        if self.is_reading() && (is_undated || record.found && self.reads_again) {
            // Of an earlier life of the page: how old is not known before the service tells its time, and that it was sent may not
            // have come to the disk any more. The history is read once.
            return;
        }
        let now = self.now.mono;
        let ready = self.paused_until.max(self.pace.ready_at(now)).max(self.requests.ready_at(now, KEPT_FOR_CONTROL));
        if ready > now {
            return self.timers.arm(Timer::Pace, ready);
        }
        let newest = self.anchor();
        if newest.is_none() && self.is_reading() && !self.configured.is_some_and(|configured| configured.new) {
            // There may be an older message of the same words: what is there is read first.
            return;
        }
        let owner = self.mark();
        let Some(record) = self.outbox.get_mut(&id) else { return };
        let again = record.anchor.is_some();
        if !again {
            record.anchor = newest;
        }
        record.owner = owner;
        record.sent = true;
        let Some(write) = self.store(&id) else { return };
        self.flight = Flight::Storing { id, write, again };
    }

    /// The history was not read through yet. On the session protocol once has to do: it is read again much later.
    fn is_reading(&self) -> bool {
        self.has_hole && !self.has_gap && (self.reads_again || !self.wire.is_session())
    }

    /// The newest entry known, or else the moment: only what is newer can be a message that is sent now. A list that was taken over
    /// from another tab may be older than what was acknowledged last.
    fn anchor(&self) -> Option<Anchor> {
        let newest = self.newest_anchor();
        let remembered = self.remembered.as_ref().and_then(|remembered| remembered.newest.as_ref());
        if let Some(later) = remembered.filter(|remembered| newest.as_ref().is_none_or(|newest| newest.time < remembered.time)) {
            return Some(later.clone());
        }
        newest.or_else(|| self.service_now().map(|now| Anchor { time: now as i64 - CLOCK_ERROR_MS, id: String::new() }))
    }

    /// What proof will need is stored (or cannot be, then memory has to do): now it goes.
    pub(super) fn flight_stored(&mut self, stored: WriteId) {
        let Flight::Storing { id, write, again } = &self.flight else { return };
        if *write != stored {
            return;
        }
        let (id, again) = (id.clone(), *again);
        self.flight = Flight::Idle;
        let (true, Some(socket)) = (self.can_talk(), self.link.up()) else {
            // It did not go after all.
            if let Some(record) = self.outbox.get_mut(&id) {
                record.sent = again;
            }
            return;
        };
        let Some(record) = self.outbox.get(&id) else { return };
        let outgoing = Outgoing {
            text: &record.text,
            structured: record.structured,
            content: record.content.as_deref(),
            attributes: record.attributes.as_deref(),
        };
        let frame = self.wire.message(self.token(), &id, &outgoing);
        let now = self.now.mono;
        self.pace.note(now);
        let _ = self.requests.take(now, 0);
        self.act(Act::Send(socket, frame));
        self.link.awaiting(self.now, true);
        self.timers.arm(Timer::Ack, now + ACK_MS);
        self.transcript.mark(&id, Status::Sending, None);
        self.receipt(&id, Status::Sending, None);
        self.flight = Flight::Waiting { id, at: now, socket };
    }

    /// The service has it: the echo came, or history shows it.
    pub(super) fn acknowledged(&mut self, id: &str, entry: &Entry<'_>, live: bool) {
        let Some(record) = self.outbox.remove(id) else { return };
        self.metrics.acknowledged += 1;
        if self.flight.id() == Some(id) {
            match (live, &self.flight) {
                (true, Flight::Waiting { at, .. }) => {
                    let rtt = self.now.mono - at;
                    self.link.answered(self.now, rtt);
                }
                (false, Flight::Unsure(Doubt { look: Look::First, .. })) => self.metrics.found_first += 1,
                (false, Flight::Unsure(_)) => self.metrics.found_second += 1,
                _ => {}
            }
            self.end_flight();
        }
        // The anchor before the record goes: a crash between the two finds the message in history, not lost.
        if let Some(anchor) = self.newest_anchor()
            && let Some(remembered) = &mut self.remembered
        {
            remembered.newest = Some(anchor);
            self.remember();
        }
        // In another life of the page nothing would tell that this entry is not theirs.
        self.give_up_proof(&|other| other.may_arrive() && other.text == record.text);
        self.discard(record);
        let server_id = entry.server_id().map(str::to_string);
        self.tell(Event::Receipt { id: id.to_string(), status: Status::Sent, server_id, time: entry.time, code: None });
        self.arm_expiry();
    }

    fn end_flight(&mut self) {
        self.flight = Flight::Idle;
        self.link.awaiting(self.now, false);
        self.timers.disarm(Timer::Ack);
        self.timers.disarm(Timer::Look);
    }

    /// Whether the message in flight is overdue from this moment on.
    pub(super) fn is_ack_of(&self, due: u64) -> bool {
        matches!(self.flight, Flight::Waiting { at, .. } if at + ACK_MS == due)
    }

    /// Ten seconds without an echo on a line that answers: it is looked for on the same connection.
    pub(super) fn ack_overdue(&mut self) {
        if let Flight::Waiting { id, at, socket } = &self.flight {
            let (id, at, socket, now) = (id.clone(), *at, *socket, self.now.mono);
            if self.wire.is_session() && self.link.up() == Some(socket) && self.vouched_from <= at {
                // No ping that went out behind it was answered either: it may still be under way.
                return self.link.fail(self.now, Reason::Timeout, None);
            }
            self.link.awaiting(self.now, false);
            // What went over a socket that was replaced meanwhile may be under way for as long as that one's end has not come.
            let replaced = self.wire.is_session() && self.link.up() != Some(socket);
            self.flight = Flight::Unsure(if replaced { Doubt::lost(id, now, socket) } else { Doubt::unanswered(id, now) });
        }
    }

    /// Takes the look that is next, once it is due and the session can be asked.
    fn look(&mut self) {
        let now = self.now.mono;
        let can_ask = self.configured.is_some() && self.link.up().is_some();
        let Flight::Unsure(doubt) = &mut self.flight else { return };
        if doubt.looking || !can_ask {
            return;
        }
        let at = doubt.second_look_at();
        if doubt.look == Look::Second && at > now {
            return self.timers.arm(Timer::Look, at);
        }
        doubt.looking = true;
        let anchor = self.outbox.get(&doubt.id).and_then(|record| record.anchor.clone());
        self.history.want_proof(anchor);
    }

    pub(super) fn look_again(&mut self) {
        self.look();
    }

    /// A look was taken and did not find the message in flight. Where it did not find the anchor either, this may be
    /// another conversation than the one it was sent in: reading on shows that.
    pub(super) fn looked(&mut self, anchored: bool) {
        let record = self.flight.id().and_then(|id| self.outbox.get(id));
        // An anchor that is no entry is a moment only: to read on would show nothing.
        let is_moment = record.is_none_or(|record| record.anchor.as_ref().is_none_or(|anchor| anchor.id.is_empty()));
        let is_known = anchored || is_moment || !self.has_hole || self.has_gap;
        let now = self.now.mono;
        let Flight::Unsure(doubt) = &mut self.flight else { return };
        if !std::mem::take(&mut doubt.looking) {
            return;
        }
        match doubt.look {
            Look::First => {
                doubt.look = Look::Second;
                self.look();
            }
            Look::Second if !is_known => {
                doubt.since = now;
                self.look();
            }
            Look::Second => {
                let (id, conclusive) = (doubt.id.clone(), doubt.is_conclusive(anchored));
                self.resend(&id, conclusive);
            }
        }
    }

    /// It did not arrive, as far as can be known: it goes again, under the same id.
    fn resend(&mut self, id: &str, conclusive: bool) {
        self.metrics.resends += 1;
        self.metrics.unproved_resends += u64::from(!conclusive);
        if let Some(record) = self.outbox.get_mut(id) {
            record.doubtful |= !conclusive;
        }
        self.unsend(id);
    }

    /// A look failed.
    pub(super) fn look_failed(&mut self) {
        let now = self.now.mono;
        let Flight::Unsure(doubt) = &mut self.flight else { return };
        if !doubt.looking {
            return;
        }
        // Where pings are never answered, the line's answers tell nothing.
        let is_mute = self.wire.is_session() && !self.ponged;
        if !doubt.note_failure(now, if is_mute { now } else { self.link.heartbeat().answered_at() }) {
            return;
        }
        let id = doubt.id.clone();
        // Asked for once, it goes once: with that it is not asked for any more.
        if self.outbox.get(&id).is_some_and(|record| record.asked) {
            self.resend(&id, false);
        } else {
            self.settle_record(&id, Standing::Failed(Code::DELIVERY_UNKNOWN));
        }
    }

    /// The service refused the message in flight, by name.
    pub(super) fn refused(&mut self, fault: Fault) {
        let Some(id) = self.flight.id().map(str::to_string) else { return };
        if self.session_refused(fault, &id) {
            return;
        }
        let Some(record) = self.outbox.get_mut(&id) else { return };
        match fault.code.0 {
            409 => {
                self.unsend(&id);
                self.now_read_only();
            }
            // The text goes without the attributes that were too much (guest-api.md §4.1).
            4013 if record.attributes.is_some() => {
                record.attributes = None;
                self.unsend(&id);
                self.tell(Event::Warning { code: Code::ATTRIBUTES_TOO_LARGE });
            }
            408 | 500..=599 if record.tries < TRIES => {
                // It may have been stored all the same, or may yet be.
                record.tries += 1;
                self.paused_until = self.now.mono + (TROUBLE_MS << record.tries);
                self.end_flight();
                self.flight = Flight::Unsure(Doubt::unanswered(id, self.now.mono + ACK_MS));
            }
            code => {
                if !matches!(code, 408 | 500..=599) {
                    // A refusal is an answer: the service does not have it, and should it be asked for again, it just goes.
                    record.forget_sending();
                }
                self.settle_record(&id, Standing::Failed(fault.code));
            }
        }
    }

    /// Refusals that stand for the session rather than for the message, which waits on.
    fn session_refused(&mut self, fault: Fault, id: &str) -> bool {
        if fault.wants_auth || matches!(fault.code.0, 4006 | 4007 | 4017 | 4029) {
            self.unsend(id);
        }
        self.session_fault(fault)
    }

    /// The message in flight is not at the service, as far as can be known: it waits again, in its place.
    fn unsend(&mut self, id: &str) {
        if let Some(record) = self.outbox.get_mut(id) {
            record.sent = false;
            if !record.doubtful || record.was_left() {
                record.anchor = None;
            }
        }
        self.settle_record(id, Standing::Queued);
    }

    /// An error that names no request: only the one in flight can be meant, if anything is.
    pub(super) fn uncorrelated(&mut self, fault: Fault) {
        let Flight::Waiting { id, at, .. } = &self.flight else {
            if !self.session_fault(fault) {
                self.tell(Event::Error { code: fault.code });
            }
            return;
        };
        // These speak of a message's own content, and 409 of writing as such; anything else may mean another request,
        // so the message is looked for before it is sent again.
        let is_about_a_message = matches!(fault.code.0, 409 | 4008..=4013);
        if is_about_a_message || (self.asks.is_empty() && fault.code.0 != 4029) {
            return self.refused(fault);
        }
        // If it means another request, this one may be under way for as long as any.
        let (id, since) = (id.clone(), at + ACK_MS);
        if !self.session_fault(fault) {
            self.tell(Event::Error { code: fault.code });
        }
        if self.flight.id() == Some(&id) && matches!(self.flight, Flight::Waiting { .. }) {
            self.end_flight();
            self.flight = Flight::Unsure(Doubt::unanswered(id, since));
        }
    }

    /// The frame just sent was too big for the service (close code 1009).
    pub(super) fn too_big(&mut self) {
        if let Flight::Waiting { id, .. } = &self.flight {
            let id = id.clone();
            self.settle_record(&id, Standing::Failed(Code::MESSAGE_TOO_BIG));
        }
    }

    /// The service asks for a pause in sending.
    pub(super) fn hold_back(&mut self, after: Option<u64>) {
        self.metrics.rate_limited += 1;
        let wait = after.unwrap_or(LIMIT_MS) + self.random.between(0, JITTER_MS);
        self.paused_until = self.paused_until.max(self.now.mono + wait);
        self.timers.arm(Timer::Pace, self.paused_until);
    }

    /// A message will not be sent unasked: persisted, shown, told.
    pub(super) fn settle_record(&mut self, id: &str, standing: Standing) {
        if self.flight.id() == Some(id) {
            self.end_flight();
        }
        let Some(record) = self.outbox.get_mut(id) else { return };
        record.standing = standing;
        record.asked = false;
        self.rewrite(id);
        let (status, code) = match standing {
            Standing::Queued => (Status::Queued, None),
            Standing::Failed(code) => (Status::Failed, Some(code)),
            Standing::Expired => (Status::Expired, Some(Code::MESSAGE_EXPIRED)),
        };
        self.transcript.mark(id, status, code);
        self.receipt(id, status, code);
        self.arm_expiry();
    }

    pub(super) fn receipt(&mut self, id: &str, status: Status, code: Option<Code>) {
        self.tell(Event::Receipt { id: id.to_string(), status, server_id: None, time: None, code });
    }
}
