//! Whether the message in flight has arrived. Nothing is sent twice before the service was asked (design: "Proof").
//!
//! One message is in flight at a time. Its acknowledgement is the echo that carries its id. Without one — the socket
//! is lost, or ten seconds have passed on a line that answers — the history is read, twice: at once, and again when
//! whatever the old socket still held must have arrived. Only then is it sent again, under the same id.

use super::event::Direction;
use super::outbox::{Anchor, Record};
use super::wire::{Entry, LAG_MS};
use crate::core::link::Gone;
use crate::core::machine::{SocketId, WriteId};

/// An acknowledgement that takes longer is looked for, milliseconds.
pub const ACK_MS: u64 = 10_000;
/// What a closed socket's bytes may still take to be stored.
const LATE_MS: u64 = 3_000;
/// The second look comes at the latest after this.
const SECOND_LOOK_MOST_MS: u64 = 10_000;
/// So many reads have to fail …
pub const READS: u32 = 3;
/// … over so long, before the proof is given up.
pub const GIVE_UP_MS: u64 = 60_000;

/// The message in flight.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Flight {
    /// None is.
    Idle,
    /// What proof will need is being stored; nothing was sent.
    Storing {
        /// Which message.
        id: String,
        /// The write that is waited for.
        write: WriteId,
        /// It had been sent before.
        again: bool,
    },
    /// Sent; the echo is waited for.
    Waiting {
        /// Which message.
        id: String,
        /// When it was sent, monotonic milliseconds.
        at: u64,
        /// On which socket.
        socket: SocketId,
    },
    /// Sent, and no echo came.
    Unsure(Doubt),
}

impl Flight {
    /// The message in flight.
    pub fn id(&self) -> Option<&str> {
        match self {
            Flight::Idle => None,
            Flight::Storing { id, .. } | Flight::Waiting { id, .. } => Some(id),
            Flight::Unsure(doubt) => Some(&doubt.id),
        }
    }

    /// Whether it may have reached the service.
    pub fn is_out(&self) -> bool {
        matches!(self, Flight::Waiting { .. } | Flight::Unsure(_))
    }
}

/// Which look comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// At once.
    First,
    /// After the wait.
    Second,
}

/// What is known of a message without an acknowledgement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Doubt {
    /// Which message.
    pub id: String,
    /// Since when, or since which look that told nothing, monotonic milliseconds.
    pub since: u64,
    /// The socket it went over, if that was lost.
    lost: Option<SocketId>,
    /// When and how that socket's end came.
    gone: Option<(u64, Gone)>,
    /// The look that comes next.
    pub look: Look,
    /// A look is under way.
    pub looking: bool,
    failed: u32,
    failing_since: u64,
    /// When the line answered last before a read failed.
    heard_at: u64,
}

impl Doubt {
    fn new(id: String, since: u64, lost: Option<SocketId>, gone: Option<(u64, Gone)>) -> Doubt {
        Doubt { id, since, lost, gone, look: Look::First, looking: false, failed: 0, failing_since: 0, heard_at: since }
    }

    /// The socket it went over was lost.
    pub fn lost(id: String, now: u64, socket: SocketId) -> Doubt {
        Doubt::new(id, now, Some(socket), None)
    }

    /// It was sent in an earlier life of the page, whose socket is gone with it.
    pub fn inherited(id: String, now: u64) -> Doubt {
        Doubt::new(id, now, Some(SocketId(0)), Some((now, Gone::Unclean)))
    }

    /// The line is well, only the echo is missing.
    pub fn unanswered(id: String, now: u64) -> Doubt {
        Doubt::new(id, now, None, None)
    }

    /// A socket's end has come.
    pub fn note_gone(&mut self, socket: SocketId, now: u64, how: Gone) {
        if self.lost == Some(socket) && self.gone.is_none() {
            self.gone = Some((now, how));
        }
    }

    /// When the second look is due: whatever was under way has been stored by then, and history shows it.
    pub fn second_look_at(&self) -> u64 {
        match (self.lost, self.gone) {
            (None, _) => self.since + LATE_MS,
            (_, Some((at, _))) => (self.since + LAG_MS).max(at + LATE_MS).min(self.since + SECOND_LOOK_MOST_MS),
            (_, None) => self.since + SECOND_LOOK_MOST_MS,
        }
    }

    /// The socket that the echo was missed on is lost as well.
    pub fn note_lost(&mut self, socket: SocketId) {
        self.lost.get_or_insert(socket);
        self.looking = false;
    }

    /// Whether absence at the second look leaves no doubt: nothing can be under way any more, and the history is that of
    /// the conversation that the message was sent in, since it reaches back to the anchor or the line is still the same.
    pub fn is_conclusive(&self, anchored: bool) -> bool {
        self.lost.is_none() || (anchored && matches!(self.gone, Some((_, Gone::Clean))))
    }

    /// A read failed; whether the proof is to be given up. It counts where the line has answered since the one before, and it is by
    /// the last answer that the time counts: where the line is silent as well, it is the line that is lost, and the service can be
    /// asked over the next one.
    pub fn note_failure(&mut self, now: u64, answered_at: u64) -> bool {
        if answered_at > self.heard_at {
            self.heard_at = answered_at;
            if self.failed == 0 {
                self.failing_since = now;
            }
            self.failed += 1;
        }
        self.failed >= READS && answered_at >= self.failing_since + GIVE_UP_MS
    }
}

/// Whether an entry without our id is the message in flight, by its text. Only where the service was never seen to
/// carry ids, only a guest's entry behind the anchor, and only one that belongs to no other message.
pub fn is_same_text(record: &Record, entry: &Entry<'_>, carries_ids: bool, claimed: bool, live: bool) -> bool {
    !carries_ids
        && !claimed
        && entry.direction == Direction::Inbound
        && entry.own_id.is_none()
        && entry.text == Some(&record.text)
        && is_behind(record.anchor.as_ref(), entry, live)
}

/// What the history has of the anchor's own millisecond was there before the message was sent; what only comes now need not.
fn is_behind(anchor: Option<&Anchor>, entry: &Entry<'_>, live: bool) -> bool {
    match (anchor, entry.time) {
        (Some(anchor), Some(time)) => time - i64::from(!live) >= anchor.time && entry.id != Some(&anchor.id),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_look_waits_for_the_old_socket_and_for_history() {
        let mut doubt = Doubt::lost("a".into(), 1_000, SocketId(1));
        assert_eq!(doubt.second_look_at(), 11_000);
        doubt.note_gone(SocketId(2), 1_500, Gone::Clean);
        assert_eq!(doubt.second_look_at(), 11_000);
        doubt.note_gone(SocketId(1), 5_000, Gone::Clean);
        assert_eq!(doubt.second_look_at(), 8_000);
        assert!(doubt.is_conclusive(true));
        assert!(!doubt.is_conclusive(false));
        let mut quick = Doubt::lost("a".into(), 1_000, SocketId(1));
        quick.note_gone(SocketId(1), 1_000, Gone::Unclean);
        assert_eq!(quick.second_look_at(), 7_000);
        assert!(!quick.is_conclusive(true));
        let mut unanswered = Doubt::unanswered("a".into(), 1_000);
        assert_eq!(unanswered.second_look_at(), 4_000);
        assert!(unanswered.is_conclusive(false), "the line is the same");
        unanswered.note_lost(SocketId(3));
        assert_eq!(unanswered.second_look_at(), 11_000);
        assert!(!unanswered.is_conclusive(true));
    }

    #[test]
    fn the_proof_is_given_up_after_three_reads_and_a_minute() {
        let mut doubt = Doubt::unanswered("a".into(), 0);
        assert!(!doubt.note_failure(1_000, 1_000));
        assert!(!doubt.note_failure(2_000, 2_000));
        assert!(!doubt.note_failure(3_000, 3_000));
        assert!(!doubt.note_failure(90_000, 60_999), "the line is silent as well");
        assert!(doubt.note_failure(90_001, 61_000));
        let mut slow = Doubt::unanswered("a".into(), 0);
        assert!(!slow.note_failure(1_000, 1_000));
        assert!(!slow.note_failure(90_000, 90_000));
        assert!(!slow.note_failure(90_001, 90_000), "nothing was heard since");
        assert!(slow.note_failure(90_002, 90_001));
    }

    #[test]
    fn a_read_over_a_silent_line_counts_against_the_line() {
        let mut doubt = Doubt::unanswered("a".into(), 10_000);
        assert!(!doubt.note_failure(20_000, 9_000));
        assert!(!doubt.note_failure(80_000, 80_000), "the first");
        assert!(!doubt.note_failure(120_000, 120_000), "the second");
        assert!(!doubt.note_failure(139_999, 139_999), "the third, too soon");
        assert!(doubt.note_failure(140_001, 140_000));
    }
}
