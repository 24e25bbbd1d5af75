//! The bounded queue between a socket and a consumer, which takes when it can.

use super::timeline::push_element;

/// What goes when the queue is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// The one that waited longest.
    DropOldest,
    /// The one that comes.
    DropNewest,
    /// The one that the newcomer makes out of date (of the same key); where there is none, the one that waited longest.
    Coalesce,
}

/// How a queue is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// How many it holds, 1 to 1 000 000.
    pub size: usize,
    /// What goes when it is full.
    pub policy: Policy,
}

/// How long events have waited, from the socket on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waits {
    /// The longest, milliseconds.
    pub longest: u64,
    /// All together, milliseconds …
    pub sum: u64,
    /// … of so many that were taken.
    pub count: u64,
}

/// What a consumer takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// A JSON array.
    pub array: String,
    /// How long it has waited.
    pub waits: Waits,
}

#[derive(Default)]
struct Item {
    at: u64,
    key: Box<str>,
    body: String,
}

/// One consumer's queue.
pub struct Queue {
    shape: Shape,
    /// Those that wait, behind as many that are gone already.
    items: Vec<Item>,
    gone: usize,
    /// The consumer knows that there is something to take.
    told: bool,
    /// What came, ever.
    pub total: u64,
    /// What was dropped, ever.
    pub dropped: u64,
    /// What was replaced by something newer of the same key, ever.
    pub coalesced: u64,
}

impl Queue {
    /// An empty queue.
    pub fn new(shape: Shape) -> Queue {
        Queue { shape, items: Vec::new(), gone: 0, told: false, total: 0, dropped: 0, coalesced: 0 }
    }

    /// Puts an item in: when it came, the key by which it makes others out of date, and JSON.
    pub fn push(&mut self, at: u64, key: &str, body: String) {
        self.total += 1;
        if self.len() >= self.shape.size {
            let same = match self.shape.policy {
                Policy::Coalesce => self.items.iter().skip(self.gone).position(|item| *item.key == *key),
                _ => None,
            };
            if same.is_some() {
                self.coalesced += 1;
            } else {
                self.dropped += 1;
            }
            if self.shape.policy == Policy::DropNewest {
                return;
            }
            match same {
                Some(at) => drop(self.items.remove(self.gone + at)),
                None => drop(self.pop()),
            }
        }
        // Only a queue that coalesces has a use for keys.
        let key = if self.shape.policy == Policy::Coalesce { key.into() } else { Box::default() };
        self.items.push(Item { at, key, body });
    }

    /// The one that waited longest. (A ring of the standard library's is 500 bytes more, brotli.)
    fn pop(&mut self) -> Option<Item> {
        let item = std::mem::take(self.items.get_mut(self.gone)?);
        self.gone += 1;
        if self.gone * 2 > self.items.len() {
            self.items = self.items.split_off(self.gone);
            self.gone = 0;
        }
        Some(item)
    }

    /// Whether the consumer is to be told that there is something; once, until it has taken all.
    pub fn announce(&mut self) -> bool {
        let news = !self.told && !self.is_empty();
        self.told |= news;
        news
    }

    /// At most so many items.
    pub fn take(&mut self, now: u64, most: usize) -> Option<Taken> {
        if self.is_empty() {
            return None;
        }
        let count = most.clamp(1, self.len());
        let mut waits = Waits { longest: 0, sum: 0, count: count as u64 };
        let mut array = String::from("[");
        for _ in 0..count {
            let Some(item) = self.pop() else { break };
            let waited = now.saturating_sub(item.at);
            waits.longest = waits.longest.max(waited);
            waits.sum += waited;
            push_element(&mut array, &item.body);
        }
        array.push(']');
        self.told = !self.is_empty();
        Some(Taken { array, waits })
    }

    /// When what waits longest has come.
    pub fn oldest(&self) -> Option<u64> {
        self.items.get(self.gone).map(|item| item.at)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.items.len() - self.gone
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(policy: Policy) -> Queue {
        let mut queue = Queue::new(Shape { size: 3, policy });
        for (key, body) in [("a", "1"), ("b", "2"), ("a", "3"), ("b", "4"), ("c", "5")] {
            queue.push(0, key, body.into());
        }
        queue
    }

    fn taken(queue: &mut Queue) -> Option<String> {
        queue.take(0, 100).map(|taken| taken.array)
    }

    #[test]
    fn each_policy_keeps_what_it_says() {
        for (policy, kept, dropped, coalesced) in
            [(Policy::DropOldest, "[3,4,5]", 2, 0), (Policy::DropNewest, "[1,2,3]", 2, 0), (Policy::Coalesce, "[3,4,5]", 1, 1)]
        {
            let mut queue = filled(policy);
            assert_eq!(taken(&mut queue).as_deref(), Some(kept), "{policy:?}");
            assert_eq!((queue.total, queue.dropped, queue.coalesced), (5, dropped, coalesced), "{policy:?}");
        }
    }

    #[test]
    fn the_consumer_is_told_once_until_it_has_taken_all() {
        let mut queue = filled(Policy::DropOldest);
        assert!(queue.announce());
        queue.push(0, "", "6".into());
        assert!(!queue.announce(), "it knows");
        assert_eq!(queue.take(700, 2), Some(Taken { array: "[4,5]".into(), waits: Waits { longest: 700, sum: 1400, count: 2 } }));
        queue.push(0, "", "7".into());
        assert!(!queue.announce(), "it has not taken all");
        assert_eq!(taken(&mut queue).as_deref(), Some("[6,7]"));
        assert_eq!(taken(&mut queue), None);
        queue.push(0, "", "8".into());
        assert!(queue.announce());
    }
}
