//! From a schedule that fails to a short one that fails in the same way: steps are taken out, by halves, quarters and so on
//! down to single ones (delta debugging: Zeller and Hildebrandt, 2002), then pauses are shortened.

use crate::step::{Schedule, Step};
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::time::{Duration, Instant};

/// Shrinking ends after so long, whatever it has come to.
const PATIENCE: Duration = Duration::from_secs(60);

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static FAILURE: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

/// How a schedule failed. The place tells one kind from another; what was said there names ids and times.
#[derive(Clone)]
struct Failure {
    place: String,
    said: String,
}

/// Runs it quietly; how it failed, if it did.
fn failure(schedule: &Schedule, perform: &dyn Fn(&Schedule)) -> Option<Failure> {
    QUIET.set(true);
    let failed = panic::catch_unwind(AssertUnwindSafe(|| perform(schedule))).is_err();
    QUIET.set(false);
    FAILURE.take().filter(|_| failed)
}

/// Panics are noted, and printed unless this thread is shrinking.
pub fn listen() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let payload = info.payload();
        let said = payload.downcast_ref::<String>().cloned().or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string));
        let said = said.unwrap_or_default();
        FAILURE.set(Some(Failure { place, said }));
        if !QUIET.get() {
            print(info);
        }
    }));
}

/// What a failing schedule comes down to, as text.
pub fn explain(schedule: &Schedule, perform: &dyn Fn(&Schedule)) -> String {
    let Some(first) = failure(schedule, perform) else { return "it does not fail again".into() };
    let mut shrinking = Shrinking { best: schedule.clone(), first, until: Instant::now() + PATIENCE, perform };
    shrinking.drop_steps();
    shrinking.shorten();
    shrinking.drop_steps();
    let Shrinking { best, first, .. } = shrinking;
    format!(
        "{}: {}\n{} steps of {} do the same: GUESTWIRE_SCHEDULE='{best}' cargo test --test {} -- --nocapture",
        first.place,
        first.said,
        best.steps.len(),
        schedule.steps.len(),
        env!("CARGO_CRATE_NAME")
    )
}

struct Shrinking<'a> {
    best: Schedule,
    first: Failure,
    until: Instant,
    perform: &'a dyn Fn(&Schedule),
}

impl Shrinking<'_> {
    /// Whether these steps fail in the same way; then they are the best so far.
    fn tries(&mut self, steps: Vec<Step>) -> bool {
        if Instant::now() > self.until {
            return false;
        }
        let schedule = Schedule { seed: self.best.seed, steps };
        let same = failure(&schedule, self.perform).is_some_and(|failure| failure.place == self.first.place);
        if same {
            self.best = schedule;
        }
        same
    }

    fn drop_steps(&mut self) {
        let mut size = self.best.steps.len().next_power_of_two() / 2;
        while size > 0 {
            let mut at = 0;
            let mut dropped = false;
            while at < self.best.steps.len() {
                let steps = &self.best.steps;
                let rest = [&steps[..at], &steps[(at + size).min(steps.len())..]].concat();
                if self.tries(rest) {
                    dropped = true;
                } else {
                    at += size;
                }
            }
            // What one step was needed for may have gone with a later one.
            if !dropped || size > 1 {
                size /= 2;
            }
        }
    }

    fn shorten(&mut self) {
        for at in 0..self.best.steps.len() {
            while let Step::Wait { ms } = self.best.steps[at] {
                let shorter = [ms / 10, ms / 2].into_iter().filter(|shorter| *shorter < ms);
                let done = shorter.into_iter().any(|ms| {
                    let mut steps = self.best.steps.clone();
                    steps[at] = Step::Wait { ms };
                    self.tries(steps)
                });
                if !done {
                    break;
                }
            }
        }
    }
}
