//! From one protocol to the other with unsent messages. What may have arrived is settled on the protocol that it was sent
//! over; what was never sent moves.
//!
//! While the old protocol is spoken for that, the page is told of the connection but not that anything began or ended:
//! its calls wait for the protocol that it asked for.

use super::Session;
use crate::core::error::Code;
use crate::core::state::{Pause, State};
use crate::guest::history::History;
use crate::guest::outbox::{Record, Standing};
use crate::guest::proof::Flight;
use crate::guest::stored::Remembered;
use crate::guest::wire::Wire;

impl Session {
    /// The old protocol is spoken, for the sake of what is unknown there.
    pub(super) fn is_moving(&self) -> bool {
        cfg!(feature = "session") && self.wire != self.options.wire
    }

    /// Storage was read; it may hold a conversation of the other protocol.
    pub(super) fn look_for_other_wire(&mut self, entries: &[(&str, &str)]) {
        let wire = self.wire.other();
        let key = [&self.prefix, wire.key()].concat();
        let other = entries.iter().find(|(name, _)| *name == key).and_then(|(_, value)| Remembered::read(value));
        if let (false, Some((other, _))) = (self.is_moving(), other) {
            self.take_over_from(wire, other);
        }
    }

    fn take_over_from(&mut self, wire: Wire, other: Remembered) {
        let mark = other.mark();
        let theirs = self.outbox.ids(&|record| record.is_queued() && record.owner == Some(mark));
        let is_unknown = |id: &String| self.outbox.get(id).is_some_and(Record::may_arrive);
        if self.options.can_speak(wire) && theirs.iter().any(is_unknown) {
            self.speak(wire);
            self.remembered = Some(other);
        } else {
            self.bring_along(&theirs);
        }
    }

    /// Messages of a protocol that is not spoken any more: what was never sent is of no conversation yet.
    fn bring_along(&mut self, ids: &[String]) {
        for id in ids {
            match self.outbox.get_mut(id) {
                Some(record) if record.may_arrive() => self.settle_record(id, Standing::Failed(Code::DELIVERY_UNKNOWN)),
                Some(record) => {
                    (record.owner, record.anchor) = (None, None);
                    self.rewrite(id);
                }
                None => {}
            }
        }
    }

    /// The next message whose fate is to be found out on the old protocol. One that is looked for no more, or cannot be sent
    /// again without doubt, is not sent there.
    pub(super) fn next_unknown(&self) -> Option<&Record> {
        self.outbox.iter().find(|record| record.is_queued() && record.sent)
    }

    /// Leaves the old protocol once nothing can be found out on it any more.
    pub(super) fn move_on(&mut self) {
        let is_over = matches!(self.link.state(), State::Ended { .. } | State::AuthRequired | State::Paused { reason: Pause::Refused, .. });
        if !self.is_moving() || !(is_over || (self.flight == Flight::Idle && self.next_unknown().is_none())) {
            return;
        }
        let wire = self.options.wire;
        let queued = self.outbox.ids(&Record::is_queued);
        self.speak(wire);
        self.bring_along(&queued);
        self.remembered = None;
        // What is stored of the protocol that was asked for comes first.
        self.starts_when_loaded = true;
        self.load();
    }

    fn speak(&mut self, wire: Wire) {
        self.give_up_line();
        self.link.idle(self.now);
        self.follow_link();
        self.flight = Flight::Idle;
        self.wire = wire;
        self.link.set_idle(wire.idle_ms());
        self.transcript.empty();
        self.history = History::new(wire, false);
        (self.watermark, self.has_hole, self.has_gap) = (None, false, false);
    }
}
