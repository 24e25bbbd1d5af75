//! Webhooks: what is posted to them waits in a bounded queue of each target's own, goes one after another, is limited in
//! time and tried again after longer and longer waits. No target can hold up another, and none a frame.

use crate::core::backoff::Policy;
use crate::core::http::{Body, Method, Reply, Request, Unreachable};
use crate::core::machine::{Act, RequestId};
use crate::core::random::Random;

/// How long a target may take, milliseconds (tutorial E).
const TIMEOUT_MS: u32 = 5_000;
/// So often a post is tried in all.
const TRIES: u32 = 5;
/// So many wait for one target at most; over it the oldest goes.
const WAITING: usize = 1_000;
/// The waits between two tries.
const BACKOFF: Policy = Policy::Full { base_ms: 1_000, most_ms: 30_000 };

/// One target.
pub struct Target {
    /// What the page calls it.
    pub id: String,
    url: String,
    /// At most a thousand, oldest first.
    waiting: Vec<String>,
    request: Option<RequestId>,
    tries: u32,
    not_before: u64,
    /// Posted and taken, ever.
    pub delivered: u64,
    /// Given up or dropped, ever.
    pub lost: u64,
}

/// What an answer led to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Taken, after so many tries.
    Delivered,
    /// It will be tried again.
    Again,
    /// It was given up.
    Lost,
}

impl Target {
    /// A target without anything to post.
    pub fn new(id: String, url: String) -> Target {
        Target { id, url, waiting: Vec::new(), request: None, tries: 0, not_before: 0, delivered: 0, lost: 0 }
    }

    /// Something to post, JSON.
    pub fn push(&mut self, body: String) {
        if self.waiting.len() >= WAITING {
            // The one under way stands first and stays.
            self.waiting.remove(usize::from(self.request.is_some()));
            if self.request.is_none() {
                // The tries were those of the one that goes.
                self.tries = 0;
            }
            self.lost += 1;
        }
        self.waiting.push(body);
    }

    /// The next post, if one may go.
    pub fn poll(&mut self, now: u64, id: RequestId) -> Option<Act> {
        if self.request.is_some() || now < self.not_before {
            return None;
        }
        let text = self.waiting.first()?.clone();
        self.request = Some(id);
        self.tries += 1;
        let body = Some(Body { kind: "application/json", text });
        Some(Act::Fetch(
            id,
            Request { method: Method::Post, url: self.url.clone(), authorization: None, cookies: false, body, timeout_ms: TIMEOUT_MS },
        ))
    }

    /// An answer; `None` if it is to another's request.
    pub fn reply(&mut self, now: u64, id: RequestId, reply: Result<Reply<'_>, Unreachable>, random: &mut Random) -> Option<Outcome> {
        self.request.take_if(|request| *request == id)?;
        let (again, after) = match reply {
            Ok(reply) if (200..300).contains(&reply.status) => {
                self.next();
                self.delivered += 1;
                return Some(Outcome::Delivered);
            }
            // What it refuses now it will refuse again.
            Ok(reply) => (matches!(reply.status, 408 | 425 | 429 | 500..), reply.retry_after_ms()),
            Err(_) => (true, None),
        };
        if again && self.tries < TRIES {
            self.not_before = now + BACKOFF.wait(self.tries - 1, random).max(after.unwrap_or(0));
            return Some(Outcome::Again);
        }
        self.next();
        self.lost += 1;
        Some(Outcome::Lost)
    }

    /// The one that stood first is dealt with.
    fn next(&mut self) {
        if !self.waiting.is_empty() {
            self.waiting.remove(0);
        }
        self.tries = 0;
    }

    /// When the next post may go.
    pub fn poll_timeout(&self) -> Option<u64> {
        (self.request.is_none() && !self.waiting.is_empty()).then_some(self.not_before)
    }

    /// Nobody waits for the answer any more; names the request that is under way.
    pub fn abort(&mut self) -> Option<RequestId> {
        self.waiting.clear();
        self.request.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> Result<Reply<'static>, Unreachable> {
        Ok(Reply { status, retry_after: None, body: "" })
    }

    fn body(act: Option<Act>) -> Option<String> {
        match act {
            Some(Act::Fetch(_, request)) => request.body.map(|body| body.text),
            _ => None,
        }
    }

    #[test]
    fn posts_go_one_after_another_and_a_failed_one_is_tried_again_first() {
        let mut random = Random::new([1; 4]);
        let mut target = Target::new("t".into(), "http://hook".into());
        target.push("1".into());
        target.push("2".into());
        assert_eq!(body(target.poll(0, RequestId(1))).as_deref(), Some("1"));
        assert!(target.poll(0, RequestId(2)).is_none(), "one is under way");
        assert_eq!(target.reply(10, RequestId(1), status(503), &mut random), Some(Outcome::Again));
        let again = target.poll_timeout().unwrap();
        assert!((10 + 250..=10 + 1_000).contains(&again), "{again}");
        assert!(target.poll(again - 1, RequestId(3)).is_none());
        assert_eq!(body(target.poll(again, RequestId(4))).as_deref(), Some("1"));
        assert_eq!(target.reply(again, RequestId(4), status(204), &mut random), Some(Outcome::Delivered));
        assert_eq!(body(target.poll(again, RequestId(5))).as_deref(), Some("2"));
    }

    #[test]
    fn it_is_given_up_after_five_tries_or_a_refusal() {
        let mut random = Random::new([1; 4]);
        let mut target = Target::new("t".into(), "http://hook".into());
        target.push("1".into());
        target.push("2".into());
        let mut outcomes = Vec::new();
        for id in 0..5 {
            let now = target.poll_timeout().unwrap();
            assert_eq!(body(target.poll(now, RequestId(id))).as_deref(), Some("1"));
            outcomes.extend(target.reply(now, RequestId(id), Err(Unreachable::Timeout), &mut random));
        }
        assert_eq!(outcomes, [Outcome::Again, Outcome::Again, Outcome::Again, Outcome::Again, Outcome::Lost]);
        let now = target.poll_timeout().unwrap();
        assert_eq!(body(target.poll(now, RequestId(9))).as_deref(), Some("2"));
        assert_eq!(target.reply(now, RequestId(9), status(400), &mut random), Some(Outcome::Lost));
        assert_eq!((target.delivered, target.lost), (0, 2));
    }

    #[test]
    fn a_target_that_takes_nothing_holds_no_more_than_its_bound() {
        let mut target = Target::new("t".into(), "http://hook".into());
        target.push("first".into());
        assert_eq!(body(target.poll(0, RequestId(1))).as_deref(), Some("first"));
        for number in 0..(WAITING + 10) {
            target.push(number.to_string());
        }
        assert_eq!(target.waiting.len(), WAITING);
        assert_eq!(target.waiting[0], "first", "the one under way is still known");
        assert_eq!(target.lost, 11);
    }

    #[test]
    fn one_that_is_dropped_takes_its_tries_along() {
        let mut random = Random::new([1; 4]);
        let mut target = Target::new("t".into(), "http://hook".into());
        (0..WAITING).for_each(|number| target.push(number.to_string()));
        for id in 0..4 {
            let now = target.poll_timeout().unwrap();
            target.poll(now, RequestId(id));
            target.reply(now, RequestId(id), status(503), &mut random);
        }
        target.push("new".into());
        for id in 4..8 {
            let now = target.poll_timeout().unwrap();
            assert_eq!(body(target.poll(now, RequestId(id))).as_deref(), Some("1"));
            assert_eq!(target.reply(now, RequestId(id), status(503), &mut random), Some(Outcome::Again));
        }
        assert_eq!(target.lost, 1);
    }
}
