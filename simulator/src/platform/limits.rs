//! The service's limits (guest-api.md §4.4), and the sliding windows that count towards them.

use std::collections::VecDeque;

pub(crate) const SECOND: u64 = 1_000;
pub(crate) const MINUTE: u64 = 60_000;
pub(crate) const DAY: u64 = 86_400_000;

/// Guest messages per session in any second.
pub(crate) const MESSAGES_PER_SECOND: usize = 5;
/// Requests of every kind per connection in any minute.
pub(crate) const REQUESTS_PER_MINUTE: usize = 60;
/// Configure requests per session in any minute.
pub(crate) const CONFIGURES_PER_MINUTE: usize = 60;
/// New connections per deployment in any minute.
pub(crate) const CONNECTIONS_PER_MINUTE: usize = 1_000;
/// History reads per session in any minute.
pub(crate) const HISTORY_READS_PER_MINUTE: usize = 10;
/// Echo requests per connection in any minute.
pub(crate) const ECHOES_PER_MINUTE: usize = 2;
/// Typing events per session in any five seconds.
pub(crate) const TYPING_PER_WINDOW: usize = 1;
/// The window of the typing limit, in milliseconds.
pub(crate) const TYPING_WINDOW: u64 = 5 * SECOND;
/// Open connections per token; the next one pushes out the oldest.
pub(crate) const OPEN_CONNECTIONS: usize = 3;
/// UTF-8 bytes of a guest message's text.
pub(crate) const TEXT_BYTES: usize = 4_096;
/// Characters of an agent's text.
pub(crate) const AGENT_TEXT_CHARACTERS: usize = 4_000;
/// A file name is shorter than this many characters.
pub(crate) const FILE_NAME_CHARACTERS: usize = 1_024;
/// How long an anonymous guest's messages stay readable, in milliseconds.
pub(crate) const HISTORY_RETENTION: u64 = 15 * DAY;

/// What was admitted lately. What is turned away does not count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window(VecDeque<u64>);

impl Window {
    /// Admits one more, or tells in how many whole seconds there is room again (at least 1).
    pub(crate) fn admit(&mut self, now: u64, limit: usize, span: u64) -> Result<(), u64> {
        while self.0.front().is_some_and(|at| at + span <= now) {
            self.0.pop_front();
        }
        if self.0.len() < limit {
            self.0.push_back(now);
            return Ok(());
        }
        let oldest = self.0.front().copied().unwrap_or(now);
        Err((oldest + span - now).div_ceil(SECOND).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides() {
        let mut window = Window::default();
        for at in [0, 100, 200, 300, 400] {
            assert_eq!(window.admit(at, MESSAGES_PER_SECOND, SECOND), Ok(()));
        }
        assert_eq!(window.admit(999, MESSAGES_PER_SECOND, SECOND), Err(1));
        assert_eq!(window.admit(1_000, MESSAGES_PER_SECOND, SECOND), Ok(()));
        assert_eq!(window.admit(1_050, MESSAGES_PER_SECOND, SECOND), Err(1));
    }

    #[test]
    fn the_wait_is_told_in_whole_seconds() {
        let mut window = Window::default();
        assert_eq!(window.admit(0, ECHOES_PER_MINUTE, MINUTE), Ok(()));
        assert_eq!(window.admit(500, ECHOES_PER_MINUTE, MINUTE), Ok(()));
        assert_eq!(window.admit(1_500, ECHOES_PER_MINUTE, MINUTE), Err(59));
        assert_eq!(window.admit(59_999, ECHOES_PER_MINUTE, MINUTE), Err(1));
        assert_eq!(window.admit(60_000, ECHOES_PER_MINUTE, MINUTE), Ok(()));
    }
}
