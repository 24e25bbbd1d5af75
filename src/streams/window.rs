//! A reorder window: what comes is held for a moment and let go in the order of its time.
//!
//! An item is let go `hold` milliseconds after it came, and with it all of its group that is older than it. One that is
//! older than what was let go already is late: it goes at once, and says so. Order is kept within a group (a channel, or
//! all of a stream); items of one time keep the order in which they came.

/// Holds at most so many; over it the oldest goes before its time.
const MOST: usize = 10_000;
/// Where times are this far apart one of them is wrong, milliseconds: a day.
const APART_MS: i64 = 86_400_000;

/// An event that a class puts through its window.
pub struct Item {
    /// When it came, monotonic milliseconds.
    pub came: u64,
    /// By which it makes others out of date.
    pub key: String,
    /// As it came: JSON.
    pub text: String,
    /// How old it was then, milliseconds.
    pub latency: Option<i64>,
}

/// One item on its way out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Released<T> {
    /// What was put in.
    pub item: T,
    /// Something newer of its group went before it.
    pub late: bool,
}

struct Held<T> {
    time: i64,
    due: u64,
    group: usize,
    item: T,
}

#[derive(Clone, Copy, Default)]
struct Group {
    /// The newest time that came.
    newest: Option<i64>,
    /// The newest time that was let go.
    released: Option<i64>,
    /// The newest time that is due.
    due: Option<i64>,
}

/// The window of one stream.
pub struct Window<T> {
    hold: u64,
    /// By time, oldest first.
    held: Vec<Held<T>>,
    groups: Vec<Group>,
    next_due: Option<u64>,
    out: Vec<Released<T>>,
}

impl<T> Window<T> {
    /// Holds everything for so many milliseconds; of `groups` groups.
    pub fn new(hold: u64, groups: usize) -> Window<T> {
        let mut window = Window { hold, held: Vec::new(), groups: Vec::new(), next_due: None, out: Vec::new() };
        window.groups.resize_with(groups, Group::default);
        window
    }

    /// Takes an item in; `true` if it is out of order: something newer of its group came before it.
    pub fn push(&mut self, now: u64, group: usize, time: i64, item: T) -> bool {
        let Some(known) = self.groups.get_mut(group) else { return false };
        let out_of_order = known.newest.is_some_and(|newest| time < newest);
        known.newest = known.newest.max(Some(time));
        if self.hold == 0 || known.released.is_some_and(|released| time < released) {
            self.release(Held { time, due: now, group, item });
            if let Some(known) = self.groups.get_mut(group)
                && known.released.is_some_and(|released| released.saturating_sub(time) > APART_MS)
            {
                // One time in the far future must not make late all that follow.
                *known = Group { newest: Some(time), released: Some(time), due: None };
            }
            return out_of_order;
        }
        let at = self.held.partition_point(|held| held.time <= time);
        self.held.insert(at, Held { time, due: now + self.hold, group, item });
        if self.next_due.is_none() {
            self.next_due = Some(now + self.hold);
        }
        if self.held.len() > MOST {
            // Its time may have been the next; then nothing is due when that comes.
            let oldest = self.held.remove(0);
            self.release(oldest);
        }
        out_of_order
    }

    fn release(&mut self, held: Held<T>) {
        let Some(group) = self.groups.get_mut(held.group) else { return };
        let late = group.released.is_some_and(|released| held.time < released);
        group.released = group.released.max(Some(held.time));
        self.out.push(Released { item: held.item, late });
    }

    fn hold(&mut self, held: Held<T>) {
        self.next_due = Some(self.next_due.map_or(held.due, |due| due.min(held.due)));
        self.held.push(held);
    }

    /// Lets go what is due.
    pub fn handle_timeout(&mut self, now: u64) {
        if self.next_due.is_none_or(|due| due > now) {
            return;
        }
        // The newest of a group that is due takes all older ones of that group along.
        for group in &mut self.groups {
            group.due = None;
        }
        for held in &self.held {
            if let Some(group) = self.groups.get_mut(held.group)
                && held.due <= now
            {
                group.due = group.due.max(Some(held.time));
            }
        }
        self.next_due = None;
        for held in std::mem::take(&mut self.held) {
            if self.groups.get(held.group).is_some_and(|group| Some(held.time) <= group.due) {
                self.release(held);
            } else {
                self.hold(held);
            }
        }
    }

    /// Lets go everything.
    pub fn flush(&mut self) {
        for held in std::mem::take(&mut self.held) {
            self.release(held);
        }
        self.next_due = None;
    }

    /// The newest time that came of a group.
    pub fn newest(&self, group: usize) -> Option<i64> {
        self.groups.get(group)?.newest
    }

    /// Other groups from now on, each of which goes on where the one of the place `from` was, or begins anew. Nothing is held
    /// any more.
    pub fn regroup(&mut self, from: &[Option<usize>]) {
        self.flush();
        let mut groups = Vec::new();
        for before in from {
            groups.push(before.and_then(|at| self.groups.get(at).copied()).unwrap_or_default());
        }
        self.groups = groups;
    }

    /// When something is due.
    pub fn poll_timeout(&self) -> Option<u64> {
        self.next_due
    }

    /// What was let go, in order.
    pub fn take(&mut self) -> Vec<Released<T>> {
        std::mem::take(&mut self.out)
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(window: &mut Window<&'static str>) -> Vec<(&'static str, bool)> {
        window.take().into_iter().map(|released| (released.item, released.late)).collect()
    }

    #[test]
    fn what_comes_within_the_window_goes_in_the_order_of_its_time() {
        let mut window = Window::new(100, 1);
        assert!(!window.push(0, 0, 30, "c"));
        assert!(window.push(10, 0, 10, "a"), "older than what came before");
        assert!(window.push(20, 0, 20, "b"));
        window.handle_timeout(99);
        assert_eq!(all(&mut window), []);
        assert_eq!(window.poll_timeout(), Some(100));
        window.handle_timeout(100);
        assert_eq!(all(&mut window), [("a", false), ("b", false), ("c", false)]);
        assert_eq!(window.poll_timeout(), None);
    }

    #[test]
    fn the_newest_waits_for_its_own_time() {
        let mut window = Window::new(100, 1);
        window.push(0, 0, 10, "a");
        window.push(50, 0, 20, "b");
        window.handle_timeout(100);
        assert_eq!(all(&mut window), [("a", false)]);
        assert_eq!(window.poll_timeout(), Some(150));
    }

    #[test]
    fn a_late_one_goes_at_once_and_says_so() {
        let mut window = Window::new(100, 2);
        window.push(0, 0, 20, "b");
        window.handle_timeout(100);
        assert!(window.push(101, 0, 10, "a"));
        assert!(!window.push(101, 1, 10, "of another group"));
        assert_eq!(all(&mut window), [("b", false), ("a", true)]);
        window.flush();
        assert_eq!(all(&mut window), [("of another group", false)]);
    }

    #[test]
    fn a_group_does_not_take_another_along() {
        let mut window = Window::new(100, 2);
        window.push(0, 0, 20, "newer, of one group");
        window.push(50, 1, 10, "older, of another");
        window.handle_timeout(100);
        assert_eq!(all(&mut window), [("newer, of one group", false)]);
        assert!(window.push(120, 1, 5, "older still"));
        window.handle_timeout(150);
        assert_eq!(all(&mut window), [("older still", false), ("older, of another", false)]);
    }

    #[test]
    fn a_group_that_stays_knows_what_it_has_let_go() {
        let mut window = Window::new(100, 2);
        window.push(0, 0, 20, "gone");
        window.push(0, 1, 20, "stays");
        window.regroup(&[None, Some(1), Some(7)]);
        assert_eq!(all(&mut window), [("gone", false), ("stays", false)]);
        assert!(!window.push(0, 0, 10, "new") && window.push(0, 1, 10, "late"));
        assert_eq!(all(&mut window), [("late", true)]);
        assert_eq!([window.newest(0), window.newest(1), window.newest(2), window.newest(3)], [Some(10), Some(20), None, None]);
    }

    #[test]
    fn of_one_time_the_first_comes_first() {
        let mut window = Window::new(10, 1);
        for item in ["1", "2", "3"] {
            assert!(!window.push(0, 0, 5, item));
        }
        window.handle_timeout(10);
        assert_eq!(all(&mut window), [("1", false), ("2", false), ("3", false)]);
    }

    #[test]
    fn one_from_the_far_future_makes_late_only_the_next() {
        let mut window = Window::new(100, 1);
        window.push(0, 0, i64::MAX, "wrong");
        window.handle_timeout(100);
        for (item, time) in [("b", 20), ("d", 40), ("c", 30)] {
            window.push(200, 0, time, item);
        }
        assert_eq!(window.newest(0), Some(40));
        window.handle_timeout(300);
        window.push(400, 0, i64::MIN, "also wrong");
        window.push(400, 0, 50, "e");
        window.handle_timeout(500);
        assert_eq!(all(&mut window), [("wrong", false), ("b", true), ("c", false), ("d", false), ("also wrong", true), ("e", false)]);
    }

    #[test]
    fn it_never_holds_more_than_its_bound() {
        let mut window = Window::new(1_000_000, 1);
        for time in 0..(MOST as i64 + 50) {
            window.push(0, 0, time, ());
        }
        assert_eq!(window.len(), MOST);
        assert_eq!(window.take().len(), 50);
    }
}
