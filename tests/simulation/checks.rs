//! What has to be true once all is healed.

use super::Run;
use crate::common::{Held, WIRE};
use guestwire::core::error::Code;
use guestwire::core::state::{End, State};
use guestwire::guest::event::{Kind, Status};
use guestwire::guest::wire::Wire;
use std::collections::{BTreeMap, BTreeSet};

/// So many entries are on a page of the guest API's history.
const PAGE: usize = 100;

impl Run {
    /// What holds after every step.
    pub(super) fn check_safety(&mut self) {
        self.ledger.observe(&mut self.world);
        let mut unproved = self.world.unproved_before;
        for tab in 0..self.world.tabs() {
            if self.at(tab) {
                unproved += self.world.metric("unprovedResends");
                self.check_list();
            }
            assert!(self.world.network.most_sockets <= 2, "{} sockets at once", self.world.network.most_sockets);
        }
        if !self.has_ids && (self.storage_hurt || !self.world.unwritten.is_empty()) {
            // What became of the first "yes" was not kept, and nothing tells it from the second.
            self.ledger.blur();
        }
        self.ledger.check_safety(unproved, &self.world.unwritten);
        assert!(self.world.strays.is_empty(), "sent by a tab that does not lead: {:?}", self.world.strays);
        self.check_storage();
    }

    /// No row twice: neither by its own id nor by the service's.
    fn check_list(&self) {
        let mut ids = BTreeSet::new();
        for row in &self.world.page.rows {
            assert!(ids.insert(row.id.as_str()), "two rows {}", row.id);
            if let Some(server_id) = row.server_id.as_ref().filter(|server_id| **server_id != row.id) {
                assert!(ids.insert(server_id), "two rows of {server_id}");
            }
        }
    }

    /// Every accepted message stands in one of its three ends, and in a good one unless there was a reason.
    pub(super) fn check_liveness(&mut self) {
        let state = self.world.state();
        assert!(matches!(state, State::Ready) || matches!(state, State::Ended { reason: End::Policy }), "did not come back: {state:?}");
        let held: BTreeSet<&String> = self.ledger.stored.iter().collect();
        if self.world.failed_reads >= 3 {
            // They may have lain a minute apart, and then the proof was given up.
            self.excused.insert(Code::DELIVERY_UNKNOWN.0);
        }
        for (id, promise) in &self.ledger.promises {
            if promise.undecided || self.ledger.is_ambiguous(&promise.text) {
                continue;
            }
            if promise.cancelled {
                assert!(!held.contains(id), "taken back and sent: {:?}", promise.text);
                continue;
            }
            // What storage could not keep is gone with its life of the page; the page was told.
            let kept = (promise.durable && !promise.damaged) || self.lives.contains(&promise.life);
            let row = self.world.page.row(id);
            match row.map(|row| (row.status, row.code)) {
                Some((Status::Sent, _)) => assert!(held.contains(id), "shown as sent and not at the service: {:?} {id}", promise.text),
                Some((Status::Failed, Some(code))) => {
                    assert!(self.excused.contains(&code.0), "failed with {} for no reason: {:?} {id}", code.0, promise.text);
                }
                Some((Status::Expired, _)) => assert!(self.excused.contains(&7012), "expired for no reason: {:?}", promise.text),
                Some((status, _)) => panic!("still {status:?}: {:?} {id}", promise.text),
                None => assert!(held.contains(id) || !kept, "lost: {:?} {id}", promise.text),
            }
        }
        self.check_ambiguous();
        self.check_list_equals_history();
    }

    /// Of the same words said twice nobody can tell which is which where nothing carries ids: they are counted.
    fn check_ambiguous(&self) {
        let is_sent = |id: &String| self.world.page.row(id).is_some_and(|row| row.status == Status::Sent);
        for (text, stored) in &self.ledger.ambiguous {
            let shown = self.ledger.promises.iter().filter(|(id, promise)| promise.text == *text && is_sent(id)).count();
            assert!(shown <= *stored, "{shown} times {text:?} shown as sent, {stored} at the service");
        }
        for (id, promise) in &self.ledger.promises {
            let row = self.world.page.row(id).map(|row| row.status);
            assert!(!matches!(row, Some(Status::Queued | Status::Sending)), "still {row:?}: {:?} {id}", promise.text);
        }
    }

    fn check_list_equals_history(&mut self) {
        let held = self.world.current_messages();
        let page = &self.world.page;
        let shown: BTreeSet<&str> = page
            .rows
            .iter()
            .filter(|row| row.status == Status::Sent && row.kind != Kind::Event)
            .map(|row| row.server_id.as_deref().unwrap_or_default())
            .collect();
        // A second copy of a message is one row; that there may be one is for the ledger to say.
        let is_shown = |own: &Option<String>| own.as_ref().and_then(|id| page.row(id)).is_some_and(|row| row.status == Status::Sent);
        // A fresh page reads the newest page of the history; older ones are asked for.
        let is_read = |one: &&Held| WIRE == Wire::Session || one.newer < PAGE;
        let missing: Vec<_> =
            held.iter().filter(is_read).filter(|one| !shown.contains(one.id.as_str()) && !is_shown(&one.own)).map(|one| &one.id).collect();
        let times: BTreeMap<&str, u64> = held.iter().map(|one| (one.id.as_str(), one.at)).collect();
        let held: BTreeSet<&str> = times.keys().copied().collect();
        // What the service delivers of an old conversation behind the answer that began the new one on the same socket, no
        // one can tell from the new one's.
        let is_late = |id: &str| self.held_back && self.former.contains(id);
        // Where the conversation ended, or what names it is gone from storage, a tab that takes over goes on with the list of the
        // one before, which may have been killed before it told that.
        let is_anothers = self.world.tabs() > 1 && (self.storage_hurt || self.excused.contains(&Code::SESSION_ENDED.0));
        let extra: Vec<_> = shown.difference(&held).filter(|id| !is_late(id) && !is_anothers).collect();
        assert!(missing.is_empty(), "not on the list: {missing:?}");
        assert!(extra.is_empty(), "on the list and not at the service: {extra:?}");
        // In the service's order: by its time, and by its id where that is the same.
        let points: Vec<_> = page.rows.iter().filter_map(|row| row.server_id.as_deref()).filter_map(|id| times.get(id).map(|at| (at, id))).collect();
        for pair in points.windows(2) {
            assert!(pair[0] < pair[1], "out of order on the list: {:?} before {:?}", pair[0], pair[1]);
        }
    }
}
