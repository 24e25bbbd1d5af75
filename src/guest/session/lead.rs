//! Which of the visitor's tabs leads: it alone connects, sends, and changes what is stored.
//!
//! The lock is joined once the page wants a conversation and has consent. A tab that follows holds nothing that storage has:
//! what it accepts it stores, and the leader, or whoever leads next, takes it up from there. A tab that led and may have stood
//! still sends nothing before it knows that it leads still (faults.md row 29).

use super::{Call, Session};
use crate::core::error::Code;
use crate::core::json::Document;
use crate::core::machine::{Act, Lead, Now, Role};
use crate::guest::event::Event;
use crate::guest::history::History;
use crate::guest::proof::Flight;

/// The name of the fence in storage.
pub(super) const FENCE: &str = "e";

impl Session {
    pub(super) fn seek_lead(&mut self, how: Lead) {
        if self.wanted && self.consent && !self.away {
            self.in_line = true;
            self.act(Act::Lead(how));
        }
    }

    /// Gives the lead up, or stops waiting for it. What was asked before is still answered, and not meant any more.
    pub(super) fn leave_line(&mut self) {
        (self.leading, self.in_line) = (false, false);
        self.act(Act::Lead(Lead::Leave));
    }

    /// Takes the lead from the tab that has it, which no longer answers.
    pub fn take_over(&mut self, now: Now) {
        if self.begin(now) && !self.leading {
            self.seek_lead(Lead::Steal);
            self.settle();
        }
    }

    /// The page may have stood still: the lock is asked for, and storage is looked at, which is only a tripwire.
    pub(super) fn doubt_lead(&mut self) {
        self.proved = false;
        self.looks_at_fence = true;
        self.act(Act::Load([&self.prefix, FENCE].concat()));
        self.act(Act::Lead(Lead::Prove));
    }

    /// What stands in the place of this tab's fence.
    pub(super) fn look_at_fence(&mut self, entries: &[(&str, &str)]) {
        let is_anothers = |(key, fence): &(&str, &str)| key.strip_prefix(&*self.prefix) == Some(FENCE) && *fence != self.fence;
        if self.leading && entries.iter().any(is_anothers) {
            self.role(Role::Follower);
            self.leave_line();
            self.seek_lead(Lead::Join);
        }
    }

    pub(super) fn role(&mut self, role: Role) {
        let leads = role == Role::Leader;
        if !self.in_line {
            return;
        }
        if leads && self.leading {
            if !std::mem::replace(&mut self.proved, true) {
                self.catch_up();
                // What fell due meanwhile.
                self.handle_timers();
            }
            return;
        }
        if self.leading {
            self.finish(Call::Restart, Some(Code::NOT_CONNECTED));
            self.give_up_line();
            self.link.idle(self.now);
        }
        (self.leading, self.proved) = (leads, leads);
        self.tell(Event::Tab { leader: leads });
        if leads {
            self.starts_when_loaded = self.wanted;
            self.load();
        } else {
            self.put_away();
        }
    }

    /// Writes what waited for the proof that this tab leads.
    pub(super) fn catch_up(&mut self) {
        if self.is_doubtful() || !std::mem::take(&mut self.rewrites_when_proved) {
            return;
        }
        self.remember();
        for id in self.outbox.ids(&|_| true) {
            self.rewrite(&id);
        }
        for record in std::mem::take(&mut self.discarded) {
            self.erase(&record);
        }
    }

    /// Another tab leads: what storage has is its to change, and what it makes of the conversation is what counts.
    pub(super) fn put_away(&mut self) {
        self.rewrites_when_proved = false;
        self.discarded.clear();
        self.remembered = None;
        self.follow_link();
        // Its last frames are told by the tab that leads.
        self.link.disown();
        self.start_new = false;
        self.flight = Flight::Idle;
        self.drop_settled_elsewhere(&[]);
        self.transcript.empty();
        self.history = History::new(self.wire, false);
        self.watermark = None;
        (self.has_hole, self.has_gap) = (false, false);
        self.arm_expiry();
    }

    /// Another tab has accepted something, and stored it. Of no effect in a tab that does not lead.
    pub fn added(&mut self, now: Now) {
        if self.begin(now) && self.leading {
            self.load();
            self.settle();
        }
    }

    /// Takes up what was on the list of the tab that led before: the bodies as a page of the history. Of a session that the service
    /// has not seen yet there can be none: its record is gone from storage, and that list was of another conversation.
    pub fn adopt(&mut self, now: Now, page: &str) {
        if !self.begin(now) || self.remembered.as_ref().is_none_or(|remembered| !remembered.known) {
            return;
        }
        let document = Document::parse(page);
        if let Some(page) = document.as_ref().and_then(|document| self.wire.page(document, self.token())) {
            self.take_page(&page);
        }
        // It may not have been read through: all that is shown is read again.
        self.has_hole = true;
        self.settle();
    }
}
