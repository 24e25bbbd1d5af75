//! Every way in which a conversation ends, and how a new one begins.

use super::{Asked, Call, Session, Timer};
use crate::core::error::Code;
use crate::core::state::{End, State};
use crate::guest::event::Ticket;
use crate::guest::outbox::{Record, Standing};
use crate::guest::proof::Flight;
use crate::guest::wire::guest_api;

impl Session {
    /// The session is over: what is out may have arrived, what waits was meant for it.
    pub(super) fn end_conversation(&mut self, reason: End) {
        self.give_up_outbox(Code::SESSION_ENDED);
        self.link.end(self.now, reason);
    }

    /// The message in flight cannot be proved any more; the rest was not sent and will not be, unasked.
    fn give_up_outbox(&mut self, code: Code) {
        self.lose_flight();
        if self.is_moving() {
            // What was never sent goes on to the other protocol, and the rest is settled on the way.
            return;
        }
        for id in self.outbox.ids(&Record::is_queued) {
            // One that was sent before this life of the page is as unknown as the one in flight.
            self.give_up(&id, code);
        }
    }

    /// The message in flight, if it may have reached the service, cannot be proved any more.
    fn lose_flight(&mut self) {
        if let (true, Some(id)) = (self.flight.is_out(), self.flight.id().map(str::to_string)) {
            self.settle_record(&id, Standing::Failed(Code::DELIVERY_UNKNOWN));
        }
        self.flight = Flight::Idle;
    }

    /// A waiting message will not be sent unasked; if it may have arrived, that is the reason.
    pub(super) fn give_up(&mut self, id: &str, code: Code) {
        let may_arrive = self.outbox.get(id).is_some_and(Record::may_arrive);
        self.settle_record(id, Standing::Failed(if may_arrive { Code::DELIVERY_UNKNOWN } else { code }));
    }

    /// The conversation was cleared, here or elsewhere.
    pub(super) fn cleared(&mut self) {
        self.asks.clear();
        self.finish(Call::Clear, None);
        self.end_conversation(End::SessionCleared);
        self.forget_conversation(false);
    }

    /// The guest's identity is used up: signed in elsewhere, or known as signed in.
    pub(super) fn rotate(&mut self, code: Code) {
        if code.0 != 0 {
            self.tell(crate::guest::event::Event::Error { code });
        }
        self.end_conversation(End::LoggedOut);
        self.forget_identity();
    }

    /// Whoever comes next is another guest, in another conversation.
    pub(super) fn forget_identity(&mut self) {
        self.forget_conversation(false);
        self.forget_token();
    }

    /// Logged out: nothing of it stays in this browser.
    pub(super) fn logged_out(&mut self) {
        self.wipe_outbox();
        self.link.end(self.now, End::LoggedOut);
        self.transcript.wipe();
        self.forget_identity();
    }

    fn wipe_outbox(&mut self) {
        self.flight = Flight::Idle;
        for id in self.outbox.ids(&|_| true) {
            self.drop_record(&id);
        }
    }

    fn forget_token(&mut self) {
        if self.remembered.take().is_some() {
            self.remember();
        }
    }

    /// The rows of the conversation that is over go; the unsent stay. `known`: the next one has begun.
    fn forget_conversation(&mut self, known: bool) {
        self.link.disown();
        // What is being read is of the conversation that is over.
        self.stop_reading();
        self.transcript.empty();
        self.history.forget();
        // Whatever became of these there, nothing in the next conversation can be them.
        self.give_up_proof(&Record::may_arrive);
        self.watermark = None;
        self.has_hole = false;
        self.has_gap = false;
        if let Some(remembered) = &mut self.remembered {
            remembered.newest = None;
            remembered.read = None;
            remembered.known = known;
            remembered.join_owed = true;
            self.remember();
        }
        self.count_unread();
    }

    /// The service has begun a new session for us, asked or not: what was out belonged to the old one.
    pub(super) fn begin_anew(&mut self) {
        for id in self.outbox.ids(&|record| record.is_queued() && record.may_arrive()) {
            self.settle_record(&id, Standing::Failed(Code::DELIVERY_UNKNOWN));
        }
        self.flight = Flight::Idle;
        self.forget_conversation(true);
    }

    pub(super) fn restart_now(&mut self, keep_outbox: bool, ticket: Ticket) {
        let read_only = self.configured.is_some_and(|configured| configured.read_only);
        if !read_only && !matches!(self.link.state(), State::Ended { .. }) {
            return self.done(ticket, Some(Code::NOT_ENDED));
        }
        if !self.leading {
            // Back from sleep, and not told its part yet: what it knows of may be sent or taken back elsewhere by now.
            return self.done(ticket, Some(Code::OTHER_TAB));
        }
        self.finish(Call::Restart, Some(Code::STOPPED));
        self.calls.push((Call::Restart, ticket));
        self.lose_flight();
        for id in self.outbox.ids(&|record| matches!(record.standing, Standing::Queued | Standing::Failed(Code::SESSION_ENDED))) {
            if self.outbox.get(&id).is_some_and(Record::may_arrive) {
                // The conversation that it would have to be looked for in is being left.
                self.settle_record(&id, Standing::Failed(Code::DELIVERY_UNKNOWN));
            } else if keep_outbox {
                self.offer_again(&id);
            } else {
                self.drop_record(&id);
            }
        }
        match self.link.up() {
            Some(socket) => {
                let tracing = self.random.uuid();
                let frame = guest_api::close_session(self.token(), &tracing);
                self.ask(socket, Asked::CloseSession, tracing, frame);
            }
            None => {
                if self.wire.is_session() {
                    self.forget_identity();
                }
                self.start_new = self.remembered.is_some();
                self.wanted = true;
                self.link.start(self.now);
            }
        }
    }

    /// A message that was never sent goes into the new conversation.
    fn offer_again(&mut self, id: &str) {
        let due = self.now.mono + crate::guest::outbox::MAX_AGE_MS;
        let Some(record) = self.outbox.get_mut(id) else { return };
        record.owner = None;
        record.forget_sending();
        record.due = Some(due);
        self.settle_record(id, Standing::Queued);
    }

    /// The outbox is empty, or was waited for long enough.
    pub(super) fn flush_over(&mut self) {
        if !self.awaits(Call::Stop) {
            return;
        }
        self.timers.disarm(Timer::Flush);
        self.wanted = false;
        self.give_up_line();
        self.link.stop(self.now);
        self.follow_link();
        self.start_new = false;
        self.leave_line();
        self.finish(Call::Stop, None);
    }

    /// Ends a stop early, once nothing waits any more.
    pub(super) fn finish_stop(&mut self) {
        if self.awaits(Call::Stop) && self.flight == Flight::Idle && self.outbox.head().is_none() {
            self.flush_over();
        }
    }

    pub(super) fn forget_now(&mut self, elsewhere: bool, ticket: Ticket) {
        if elsewhere && self.leading {
            // What it has written since, or knows of. What else is there may be of the conversation that was begun after.
            self.wipe_outbox();
            self.forget_token();
        }
        let keeps = self.keeps() && !elsewhere;
        self.refuse_beginning(Code::STOPPED);
        self.give_up_line();
        self.link.idle(self.now);
        self.outbox = crate::guest::outbox::Outbox::default();
        self.transcript.wipe();
        self.put_away();
        self.count_unread();
        if self.wire.is_session() {
            self.tokens.forget();
        }
        self.frozen = false;
        self.wanted = false;
        self.leave_line();
        self.timers.clear();
        if keeps {
            self.finish(Call::Forget, None);
            self.calls.push((Call::Forget, ticket));
            self.load();
        } else {
            self.done(ticket, None);
        }
    }
}
