//! How a link goes from one phase to the next. Everything here is reached through what [`Link`] is told.

use super::*;

impl Link {
    /// Clamps the clock and notices when the two clocks part: the machine slept.
    pub(super) fn observe(&mut self, now: Now) {
        let before = self.now;
        self.now = Now { mono: now.mono.max(before.mono), unix: now.unix };
        let slept = now.unix.saturating_sub(before.unix) > self.now.mono - before.mono + GAP_MS;
        if slept && before != Now::default() {
            if self.up().is_some() && !self.probing {
                // However lately the line answered: that clock may have stood still.
                self.probe(WAKE_PROBE_MS);
            } else {
                self.wake(self.now);
            }
        }
    }

    pub(super) fn connect_ms(&self) -> u64 {
        #[cfg(feature = "streams")]
        return self.deadlines.connect;
        #[cfg(not(feature = "streams"))]
        CONNECT_MS
    }

    pub(super) fn probe_ms(&self) -> u64 {
        #[cfg(feature = "streams")]
        return self.deadlines.probe;
        #[cfg(not(feature = "streams"))]
        PROBE_MS
    }

    pub(super) fn wake(&mut self, now: Now) {
        match self.phase {
            // What was answered a moment ago is not doubted for a signal.
            Phase::Up(_) if !self.probing && now.mono - self.heartbeat.answered_at() >= FRESH_MS => self.probe(WAKE_PROBE_MS),
            Phase::Waiting(State::Paused { reason: Pause::RateLimited, .. }) => {}
            Phase::Waiting(State::Paused { .. }) if self.hidden => {}
            Phase::Waiting(_) => {
                let soon = now.mono + self.random.between(0, HURRY_MS);
                let apart = self.last_attempt.map_or(soon, |last| soon.max(last + HURRY_APART_MS));
                let at = self.timers.get(Timer::Retry).map_or(apart, |due| due.min(apart));
                self.timers.arm(Timer::Retry, at);
            }
            _ => {}
        }
    }

    pub(super) fn probe(&mut self, deadline: u64) {
        let Phase::Up(socket) = self.phase else { return };
        self.probing = true;
        self.timers.arm(Timer::Probe, self.now.mono + deadline);
        self.out.push(Output::Probe(socket));
    }

    pub(super) fn unanswered(&mut self) {
        self.probing = false;
        self.missed += 1;
        if self.hidden && !self.suspect && self.missed < 2 {
            self.probe(HIDDEN_PROBE_MS);
            return;
        }
        self.out.push(Output::Metric("detect", self.now.mono.saturating_sub(self.heartbeat.answered_at())));
        let was_good = self.failures == 0;
        self.fail(self.now, Reason::Timeout, None);
        if was_good {
            // It is our own verdict over a line that had been good, so nobody else comes back in the same moment.
            let at = self.now.mono + self.random.between(0, HURRY_MS);
            self.timers.arm(Timer::Retry, at);
        }
    }

    pub(super) fn attempt(&mut self) {
        self.timers.disarm(Timer::Retry);
        self.last_attempt = Some(self.now.mono);
        self.phase = Phase::Preparing;
        self.show(State::Connecting { attempt: self.failures + 1 });
        self.out.push(Output::Prepare);
    }

    /// The socket in use, if any, is no longer: told to the composing machine.
    pub(super) fn lose(&mut self, reason: Reason) -> Option<SocketId> {
        let socket = self.socket()?;
        if self.up().is_some() {
            self.lost_at = Some(self.now.mono);
        }
        self.phase = Phase::Idle;
        self.drop_successor();
        self.suspect = false;
        self.probing = false;
        for timer in [Timer::Connect, Timer::ConnectGrace, Timer::Stable, Timer::Idle, Timer::Suspect, Timer::Probe, Timer::ProbeGrace] {
            self.timers.disarm(timer);
        }
        self.out.push(Output::Lost(socket, reason));
        Some(socket)
    }

    /// The second socket is of no use, or will not come.
    pub(super) fn drop_successor(&mut self) {
        if let Some((socket, _)) = self.take_successor() {
            self.timers.disarm(Timer::Connect);
            self.timers.disarm(Timer::ConnectGrace);
            self.out.push(Output::Forget(socket));
        }
    }

    pub(super) fn take_successor(&mut self) -> Option<(SocketId, u64)> {
        if REPLACES { self.successor.take() } else { None }
    }

    pub(super) fn next_socket(&mut self) -> SocketId {
        self.next_socket += 1;
        SocketId(self.next_socket)
    }

    /// Closes what is open and stops what is under way; `false` if there was nothing.
    pub(super) fn abandon(&mut self, reason: Reason) -> bool {
        let under_way = !matches!(self.phase, Phase::Idle | Phase::Final(_));
        if let Some(socket) = self.lose(reason) {
            if let Some(older) = self.leaving {
                // Two sockets at most: the one that has not closed by now is let go of.
                self.out.push(Output::Forget(older));
                self.gone(Gone::Unclean);
            }
            self.leaving = Some(socket);
            self.timers.arm(Timer::Forget, self.now.mono + FORGET_MS);
            self.out.push(Output::Shut(socket, NORMAL));
        }
        under_way
    }

    pub(super) fn gone(&mut self, how: Gone) {
        if let Some(socket) = self.leaving.take() {
            self.timers.disarm(Timer::Forget);
            self.out.push(Output::Gone(socket, how));
        }
    }

    pub(super) fn retry_later(&mut self, reason: Reason, after: Option<u64>) {
        let wait = self.backoff().max(after.unwrap_or(0));
        let retry_at = self.now.unix + wait;
        self.wait(State::Waiting { attempt: self.failures + 1, retry_at, reason }, Some(wait));
    }

    pub(super) fn backoff(&mut self) -> u64 {
        let wait = self.policy.wait(self.failures, &mut self.random);
        self.failures += 1;
        wait
    }

    pub(super) fn wait(&mut self, shown: State, wait: Option<u64>) {
        let wait = wait.unwrap_or_else(|| self.backoff());
        let mut at = self.now.mono + wait;
        if self.hidden {
            at = at.max(self.last_attempt.unwrap_or(0) + HIDDEN_ATTEMPT_MS);
        }
        self.timers.arm(Timer::Retry, at);
        let shown = match shown {
            State::Waiting { attempt, reason, .. } => State::Waiting { attempt, reason, retry_at: self.now.unix + (at - self.now.mono) },
            other => other,
        };
        self.set_phase(Phase::Waiting(shown));
    }

    pub(super) fn classify(&mut self) {
        match self.classified {
            Some((at, verdict @ (Refused::Offline | Refused::Refused))) if self.now.mono - at < CLASSIFY_EVERY_MS => self.refuse(verdict),
            _ => {
                self.phase = Phase::Classifying;
                self.out.push(Output::Classify);
            }
        }
    }

    pub(super) fn refuse(&mut self, verdict: Refused) {
        match verdict {
            Refused::Offline => self.wait(State::Offline, None),
            #[cfg(feature = "streams")]
            Refused::Away => self.wait(State::Offline, None),
            Refused::Ended(reason) => self.end(self.now, reason),
            Refused::Later(after) => {
                let wait = self.backoff().max(after);
                self.wait(State::Paused { until: Some(self.now.unix + wait), reason: Pause::RateLimited }, Some(wait));
            }
            Refused::Again(reason) => self.retry_later(reason, None),
            Refused::Refused => {
                let stretch = self.refusals.saturating_sub(REFUSALS_BEFORE_STRETCH).min(8);
                self.refusals += 1;
                let wait = (self.backoff() << stretch).min(STRETCHED_MS);
                self.wait(State::Paused { until: Some(self.now.unix + wait), reason: Pause::Refused }, Some(wait));
            }
        }
    }

    pub(super) fn closed_by_policy(&mut self) -> bool {
        self.policy_closes.rotate_left(1);
        self.policy_closes[2] = Some(self.now.mono);
        self.policy_closes[0].is_some_and(|first| self.now.mono - first <= POLICY_WINDOW_MS)
    }

    pub(super) fn rest(&mut self, state: State) {
        // What the page or the visitor takes from here on is no time that a connection took to come back.
        self.lost_at = None;
        self.timers.disarm(Timer::Retry);
        self.set_phase(Phase::Final(state));
    }

    pub(super) fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
        if let Phase::Waiting(state) | Phase::Final(state) = phase {
            self.show(state);
        }
    }

    pub(super) fn show(&mut self, state: State) {
        if self.shown != state {
            self.shown = state;
            self.out.push(Output::State(state));
        }
    }
}
