//! The way up: frames from the client, through holds and rules, to the platform.

use crate::exchange::ConnectionId;
use crate::faults::{Deed, Direction, Facts, On, RuleId};
use crate::line::Downward;
use crate::line::{Hold, Stage, Upward};
use crate::log::{Kind, Record};
use crate::platform::Stream;
use crate::protocol::facts_in;
use crate::service::{Later, Service};

/// The least time for which frames are gathered, in milliseconds.
const GATHERING_TIME: u64 = 250;

/// What a `reorder` has gathered on one connection in one direction.
pub(crate) struct Gathering {
    pub(crate) connection: ConnectionId,
    pub(crate) rule: RuleId,
    pub(crate) until: u64,
    window: u64,
    gathered: Gathered,
}

enum Gathered {
    Up(Vec<String>),
    Down(Vec<Downward>),
}

impl Gathered {
    fn len(&self) -> usize {
        match self {
            Self::Up(texts) => texts.len(),
            Self::Down(frames) => frames.len(),
        }
    }
}

impl Service {
    /// A frame arrives at our edge.
    pub(crate) fn take_up(&mut self, id: ConnectionId, text: &str) {
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        if line.client_gone || matches!(line.stage, Stage::Asking { .. }) {
            return;
        }
        // On some streams the token, and with it the deployment, comes in a frame.
        if Stream::at(&line.path).is_some_and(Stream::has_token_in_frame)
            && let Some(deployment) = self.platform.stream_deployment_in(text)
        {
            line.deployment = Some(deployment);
        }
        let facts = facts_in(line.facts(), text);
        line.token.clone_from(&facts.token);
        let busy = line.up.is_busy();
        self.log.write(Record::new(self.now, Kind::FrameIn, Some(id), &facts));
        if busy {
            let line = self.lines.get_mut(&id).expect("the line was here a moment ago");
            line.up.queue.push_back(Upward::Text { text: text.to_owned(), judged: false });
        } else {
            self.arrive(id, text.to_owned(), false);
        }
    }

    /// The client's end arrives at our edge.
    pub(crate) fn take_close(&mut self, id: ConnectionId, code: Option<u16>) {
        let Some(line) = self.lines.get_mut(&id).filter(|line| !line.client_gone) else {
            return;
        };
        let facts = Facts { code, ..line.facts() };
        line.client_gone = true;
        if let Stage::Asking { .. } = line.stage {
            self.lines.remove(&id);
            return;
        }
        let busy = line.up.is_busy();
        if busy {
            line.up.queue.push_back(Upward::Close);
        }
        let record = Record::new(self.now, Kind::Close, Some(id), &facts).with("by", "client");
        self.log.write(record);
        if !busy {
            self.finish_close(id);
        }
    }

    /// Processes what was held, as far as nothing holds it again.
    pub(crate) fn pump_up(&mut self, id: ConnectionId) {
        while let Some(line) = self.lines.get_mut(&id).filter(|line| !line.up.is_held()) {
            match line.up.queue.pop_front() {
                Some(Upward::Text { text, judged }) => self.arrive(id, text, judged),
                Some(Upward::Close) => self.finish_close(id),
                None => return,
            }
        }
    }

    /// The client's end reaches the platform. The line stays while its way down is held: no handshake gets through.
    fn finish_close(&mut self, id: ConnectionId) {
        self.platform.handle_close(self.now, id);
        if let Some(line) = self.lines.get_mut(&id) {
            line.stage = Stage::Closing;
            line.down.queue.clear();
            if !line.down.is_held() {
                self.lines.remove(&id);
            }
        }
        self.drain();
    }

    /// A frame comes off the line: the rules are asked, then it is the platform's.
    fn arrive(&mut self, id: ConnectionId, text: String, judged: bool) {
        let Some(line) = self.lines.get(&id).filter(|line| matches!(line.stage, Stage::Open)) else {
            return;
        };
        if judged {
            return self.process(id, &text, 0);
        }
        let facts = facts_in(line.facts(), &text);
        if let Some(at) = self.gathering_for(id, true, &facts) {
            return self.gather_up(at, text);
        }
        let mut copies = 1;
        let mut wait = 0;
        let mut lag = 0;
        let mut deed = None;
        for one in self.judge(On::FrameIn, Some(id), &facts) {
            match one.deed {
                Deed::Delay { ms } => wait = ms,
                Deed::Duplicate => copies = 2,
                Deed::HistoryLag { ms } => lag = ms,
                Deed::Garbage(kind) => self.ship_garbage(id, kind, 0),
                other => deed = Some((one.rule, other)),
            }
        }
        match deed {
            Some((_, Deed::Lose)) => return,
            Some((_, Deed::Drop { after })) => {
                if after {
                    self.process_unheard(id, &text, lag);
                }
                return self.cut(id);
            }
            Some((_, Deed::Close { code, reason, after })) => {
                if after {
                    self.process(id, &text, lag);
                }
                self.platform.handle_close(self.now, id);
                return self.ship_close(id, code, reason);
            }
            Some((rule, Deed::Stall { direction, ms })) => {
                self.stall(id, rule, direction, ms);
                if direction != Direction::Down {
                    if let Some(line) = self.lines.get_mut(&id) {
                        line.up.queue.push_front(Upward::Text { text, judged: true });
                    }
                    return;
                }
            }
            Some((_, Deed::Reply { frame })) => {
                let downward = self.foreign_frame(&frame, &facts);
                return self.ship(id, downward, wait);
            }
            Some((_, Deed::LateStore { ms })) => wait += ms,
            Some((rule, Deed::Reorder { window })) => {
                self.gatherings.push(Gathering {
                    connection: id,
                    rule,
                    until: self.now + window.max(GATHERING_TIME),
                    window,
                    gathered: Gathered::Up(vec![text]),
                });
                return;
            }
            _ => {}
        }
        for _ in 0..copies {
            if wait == 0 {
                self.process(id, &text, lag);
            } else {
                self.schedule(self.now + wait, Later::Up { id, text: text.clone(), lag });
            }
        }
    }

    /// The platform's turn. The connection may be gone by now: its bytes were under way. What is stored now shows in the
    /// history after `lag` milliseconds.
    pub(crate) fn process(&mut self, id: ConnectionId, text: &str, lag: u64) {
        self.platform.storing_lag = lag;
        let unknown = Facts { protocol: self.platform.protocol_on(id), ..Facts::default() };
        self.cause = facts_in(unknown, text).action;
        self.platform.handle_text(self.now, id, text);
        self.drain();
        self.cause = None;
        self.platform.storing_lag = 0;
    }

    /// The platform's turn, with nothing of its answer reaching this client.
    fn process_unheard(&mut self, id: ConnectionId, text: &str, lag: u64) {
        if let Some(line) = self.lines.get_mut(&id) {
            line.stage = Stage::Closing;
        }
        self.process(id, text, lag);
    }

    /// Starts to hold bytes.
    pub(crate) fn stall(&mut self, id: ConnectionId, rule: RuleId, direction: Direction, ms: Option<u64>) {
        let hold = Hold { rule, until: ms.map(|ms| self.now + ms) };
        if let Some(line) = self.lines.get_mut(&id) {
            if direction != Direction::Down {
                line.up.holds.push(hold);
            }
            if direction != Direction::Up {
                line.down.holds.push(hold);
            }
        }
    }

    /// The gathering that a frame joins, if one is open there.
    pub(crate) fn gathering_for(&self, id: ConnectionId, up: bool, facts: &Facts) -> Option<usize> {
        self.gatherings.iter().position(|gathering| {
            gathering.connection == id && matches!(gathering.gathered, Gathered::Up(_)) == up && self.faults.wants(gathering.rule, facts)
        })
    }

    fn gather_up(&mut self, at: usize, text: String) {
        if let Gathered::Up(texts) = &mut self.gatherings[at].gathered {
            texts.push(text);
        }
        self.finish_gatherings(|gathering| gathering.gathered.len() as u64 >= gathering.window);
    }

    pub(crate) fn gather_down(&mut self, at: usize, frame: Downward) {
        if let Gathered::Down(frames) = &mut self.gatherings[at].gathered {
            frames.push(frame);
        }
        self.finish_gatherings(|gathering| gathering.gathered.len() as u64 >= gathering.window);
    }

    pub(crate) fn begin_gathering_down(&mut self, id: ConnectionId, rule: RuleId, window: u64, frame: Downward) {
        self.gatherings.push(Gathering {
            connection: id,
            rule,
            until: self.now + window.max(GATHERING_TIME),
            window,
            gathered: Gathered::Down(vec![frame]),
        });
    }

    /// Lets gathered frames go, newest first.
    pub(crate) fn finish_gatherings(&mut self, done: impl Fn(&Gathering) -> bool) {
        while let Some(at) = self.gatherings.iter().position(&done) {
            let gathering = self.gatherings.remove(at);
            let id = gathering.connection;
            match gathering.gathered {
                Gathered::Up(texts) => {
                    for text in texts.iter().rev() {
                        self.process(id, text, 0);
                    }
                }
                Gathered::Down(frames) => {
                    for frame in frames.into_iter().rev() {
                        self.ship(id, frame, 0);
                    }
                }
            }
        }
    }
}
