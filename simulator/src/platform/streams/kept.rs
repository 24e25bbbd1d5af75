//! What was sent on a stream lately, in the order in which it was sent, numbered from 0.

use std::collections::VecDeque;

use serde_json::Value;

/// How many events of a stream are kept; the oldest go first.
const MOST: usize = 10_000;

/// One that was sent.
pub(super) struct Sent {
    /// Unix milliseconds.
    pub(super) at: u64,
    pub(super) event: Value,
}

/// The newest events.
#[derive(Default)]
pub(super) struct Kept {
    forgotten: u64,
    events: VecDeque<Sent>,
}

impl Kept {
    /// Keeps an event and gives its number.
    pub(super) fn push(&mut self, at: u64, event: Value) -> u64 {
        if self.events.len() == MOST {
            self.events.pop_front();
            self.forgotten += 1;
        }
        self.events.push_back(Sent { at, event });
        self.next() - 1
    }

    /// The number of the next event.
    pub(super) fn next(&self) -> u64 {
        self.forgotten + self.events.len() as u64
    }

    pub(super) fn get(&self, number: u64) -> Option<&Sent> {
        self.events.get(usize::try_from(number.checked_sub(self.forgotten)?).ok()?)
    }

    /// From a number on, oldest first.
    pub(super) fn since(&self, number: u64) -> impl DoubleEndedIterator<Item = (u64, &Sent)> {
        let from = number.max(self.forgotten);
        let skipped = usize::try_from(from - self.forgotten).unwrap_or(usize::MAX).min(self.events.len());
        self.events.range(skipped..).enumerate().map(move |(at, sent)| (from + at as u64, sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_under_their_numbers() {
        let mut kept = Kept::default();
        for number in 0..MOST as u64 + 2 {
            assert_eq!(kept.push(number, number.into()), number);
        }
        assert!(kept.get(1).is_none());
        assert_eq!(kept.get(2).map(|sent| &sent.event), Some(&Value::from(2)));
        assert_eq!(kept.next(), MOST as u64 + 2);
        assert_eq!(kept.since(0).next().map(|(number, sent)| (number, sent.at)), Some((2, 2)));
        assert_eq!(kept.since(MOST as u64 + 1).map(|(number, _)| number).collect::<Vec<_>>(), [MOST as u64 + 1]);
        assert_eq!(kept.since(MOST as u64 + 9).count(), 0);
    }
}
