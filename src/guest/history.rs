//! Reading the history: after every connect until the watermark, for proof until the anchor, and older pages on
//! request; within ten reads a minute (guest-api.md §4.4), page by page, each tried three times.
//!
//! The guest API's pages are numbered from the newest: it is read back to the point that is known. Those of the session
//! protocol follow one another from an entry on: there the point that is known is where reading begins.

use super::event::Ticket;
use super::outbox::Anchor;
use super::transcript::Point;
use super::wire::{Page, Wire, guest_api, session_api};
use crate::core::bucket::Bucket;
use crate::core::http::{Authorization, Method, Reply, Request, Unreachable};
use crate::core::machine::{Now, RequestId};
use crate::core::secret::Secret;

/// A page is given up after so many tries.
const TRIES: u32 = 3;
/// How long one read may take, milliseconds.
const READ_MS: u32 = 15_000;
/// A token for history is good for a minute (guest-api.md §2.8); not used in its last ten seconds.
const JWT_MS: u64 = 50_000;
/// Where a 429 does not say for how long: the minute that the limit counts over (§4.4).
const LIMIT_MS: u64 = 60_000;
/// The wait before a second try, doubling.
const RETRY_MS: u64 = 1_000;
/// In rapid reconnect cycles the session protocol's history is read at most so often, milliseconds (systems.md, G6).
pub const APART_MS: u64 = 30_000;

/// Why a job reads.
#[derive(Default)]
pub struct Goals {
    /// Read the newest page, and on until this point if there is one.
    pub resync: Option<Option<Point>>,
    /// Read until nothing newer than this is left unread.
    pub proof: Option<Option<Anchor>>,
    /// Read one older page, for these callers.
    pub scroll: Vec<Ticket>,
}

impl Goals {
    fn is_empty(&self) -> bool {
        self.resync.is_none() && self.proof.is_none() && self.scroll.is_empty()
    }

    /// The entry behind which everything asked for lies; `None` if that is the beginning.
    fn begin(&self) -> Option<String> {
        let resync = self.resync.as_ref().map(|point| point.as_ref().map(|point| (point.time, &point.id)));
        let proof = self.proof.as_ref().map(|anchor| anchor.as_ref().map(|anchor| (anchor.time, &anchor.id)));
        let (_, id) = [resync, proof].into_iter().flatten().min()??;
        Some(id.clone()).filter(|id| !id.is_empty())
    }
}

struct Job {
    goals: Goals,
    page: u32,
    /// The entry behind which the next page begins, where pages follow one another; from the beginning without one.
    after: Option<String>,
    tries: u32,
    started: u64,
    request: Option<RequestId>,
    loaded: u32,
    /// The oldest entry read so far.
    oldest: Option<(i64, Option<String>)>,
    met: bool,
    anchored: bool,
}

/// What the reading needs next.
pub enum Step {
    /// A token for history.
    Token,
    /// A page.
    Read(u32, Request),
}

/// How a job ended.
pub struct Finished {
    /// What it was for.
    pub goals: Goals,
    /// Whether it got there.
    pub ok: bool,
    /// It came to the point that it was to read to; false if the history ended before.
    pub met: bool,
    /// It came to the anchor of the proof; false if the history ended before, or there was none to come to.
    pub anchored: bool,
    /// Rows that were new.
    pub loaded: u32,
    /// How long it took, milliseconds.
    pub took: u64,
    /// The oldest id read, where it stopped short.
    pub reached: Option<String>,
}

/// The reader.
pub struct History {
    wire: Wire,
    bucket: Bucket,
    /// When a job last began to read.
    read_at: Option<Now>,
    token: Option<(Secret, Now)>,
    token_wanted: bool,
    job: Option<Job>,
    waiting: Goals,
    not_before: u64,
    wake_at: u64,
    /// Pages read so far, counted from the newest: the cursor for older ones.
    pages: u32,
    complete: bool,
}

impl History {
    /// A reader; `full` if no one has read for this guest lately.
    pub fn new(wire: Wire, full: bool) -> History {
        // Right after a reload the last life's reads still count: two are safe.
        History {
            wire,
            read_at: None,
            // Four at once and six a minute: never more than ten in any minute.
            bucket: Bucket::new(4, if full { 4 } else { 2 }, 6),
            token: None,
            token_wanted: false,
            job: None,
            waiting: Goals::default(),
            not_before: 0,
            wake_at: 0,
            pages: 0,
            // What pages follow one another is read to its end after every connect: there is nothing older.
            complete: wire.is_session(),
        }
    }

    /// Asks for the newest page, and on until a point.
    pub fn want_resync(&mut self, until: Option<Point>) {
        self.waiting.resync = Some(until);
    }

    /// Asks for all that is newer than an anchor.
    pub fn want_proof(&mut self, after: Option<Anchor>) {
        self.waiting.proof = Some(after);
    }

    /// Asks for an older page.
    pub fn want_older(&mut self, ticket: Ticket) {
        self.waiting.scroll.push(ticket);
    }

    /// Whether there is nothing older.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// A new conversation: nothing was read of it.
    pub fn forget(&mut self) {
        self.pages = 0;
        self.complete = self.wire.is_session();
        // The token belongs to the session that is over.
        self.token = None;
    }

    /// The line is lost, or the lead: what was asked for is dropped, and what was under way is named.
    pub fn abort(&mut self) -> (Option<RequestId>, Vec<Ticket>) {
        let waiting = std::mem::take(&mut self.waiting);
        let job = self.job.take();
        self.token_wanted = false;
        let mut tickets = waiting.scroll;
        let request = job.and_then(|job| {
            tickets.extend(job.goals.scroll);
            job.request
        });
        (request, tickets)
    }

    /// Whether there is something to read that a token is needed for.
    pub fn wants_token(&self) -> bool {
        self.job.as_ref().map_or(!self.waiting.is_empty(), |job| job.request.is_none())
    }

    /// A token that is good for reading now.
    pub fn admit(&mut self, now: Now, token: Secret) {
        self.token = Some((token, now));
    }

    /// The next read is not kept apart from the one before.
    pub fn hurry(&mut self) {
        self.read_at = None;
    }

    /// Whether a read that nothing waits for may begin now.
    pub fn can_read(&mut self, now: Now) -> bool {
        self.job.is_none() && now.mono >= self.not_before.max(self.apart_until(now)) && self.bucket.ready_at(now.mono, 0) <= now.mono
    }

    fn apart_until(&self, now: Now) -> u64 {
        // By either clock: the monotonic one may have stood still while the machine slept.
        let slept = |at: &Now| now.unix.saturating_sub(at.unix) >= APART_MS;
        self.read_at.filter(|at| self.wire.is_session() && !slept(at)).map_or(0, |at| at.mono + APART_MS)
    }

    /// What to do now, if anything; `me` is who the guest is on this wire. What is `urgent` is not kept apart from the read
    /// before.
    pub fn step(&mut self, at: Now, api: &str, me: &str, request: RequestId, urgent: bool) -> Option<Step> {
        let now = at.mono;
        if self.job.is_none() && !self.waiting.is_empty() {
            self.begin(now);
        }
        let apart = self.apart_until(at);
        let job = self.job.as_mut()?;
        if job.request.is_some() || self.token_wanted {
            return None;
        }
        let begins = job.page == 1 && job.tries == 0;
        self.wake_at = if begins && !urgent && job.goals.proof.is_none() { self.not_before.max(apart) } else { self.not_before };
        if now < self.wake_at {
            return None;
        }
        // By either clock: the monotonic one may have stood still while the machine slept.
        let is_fresh = |since: &Now| now - since.mono < JWT_MS && at.unix.saturating_sub(since.unix) < JWT_MS;
        let Some((token, _)) = self.token.as_ref().filter(|(_, since)| is_fresh(since)) else {
            self.token_wanted = true;
            return Some(Step::Token);
        };
        if !self.bucket.take(now, 0) {
            self.not_before = self.bucket.ready_at(now, 0);
            self.wake_at = self.not_before;
            return None;
        }
        if begins {
            self.read_at = Some(at);
        }
        job.request = Some(request);
        let read = Request {
            method: Method::Get,
            url: if self.wire.is_session() { session_api::history_url(api, me, job.after.as_deref()) } else { guest_api::history_url(api, job.page) },
            authorization: Some(Authorization::Bearer(token.clone())),
            cookies: false,
            body: None,
            timeout_ms: READ_MS,
        };
        Some(Step::Read(job.page, read))
    }

    /// When [`History::step`] wants to be asked again.
    pub fn wake_at(&self, now: u64) -> Option<u64> {
        let waits = self.job.as_ref().is_some_and(|job| job.request.is_none()) && !self.token_wanted;
        (waits && self.wake_at > now).then_some(self.wake_at)
    }

    /// Whether what is being read is to prove something.
    pub fn is_proving(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.goals.proof.is_some())
    }

    /// Whether a reply is this reader's.
    pub fn owns(&self, request: RequestId) -> bool {
        self.job.as_ref().is_some_and(|job| job.request == Some(request))
    }

    /// The token came.
    pub fn token(&mut self, now: Now, token: Secret) {
        if std::mem::take(&mut self.token_wanted) {
            self.token = Some((token, now));
        }
    }

    /// The token was refused, or did not come; whether a read waited for it.
    pub fn no_token(&mut self) -> bool {
        std::mem::take(&mut self.token_wanted)
    }

    /// When to read again after this answer, milliseconds from now, if that tells it.
    pub fn again_after(&mut self, reply: Result<Reply<'_>, Unreachable>) -> Option<u64> {
        let reply = reply.ok()?;
        let after = reply.retry_after_ms();
        match (reply.status, &mut self.job) {
            (429, _) => after.or(Some(LIMIT_MS)),
            (401, _) => {
                self.token = None;
                Some(0)
            }
            (400, Some(job)) => {
                // It does not know the entry: everything is read.
                job.after = None;
                after
            }
            _ => after,
        }
    }

    /// A page could not be read; the job's end, if that was the last try.
    pub fn failed(&mut self, now: u64, after: Option<u64>) -> Option<Finished> {
        let job = self.job.as_mut()?;
        job.request = None;
        job.tries += 1;
        self.not_before = now + after.unwrap_or(RETRY_MS << job.tries.min(6));
        if job.tries < TRIES { None } else { self.finish(now, false) }
    }

    /// A page was read and taken in, `loaded` of its rows new; the job's end, if it got there.
    pub fn read(&mut self, now: u64, page: &Page<'_>, loaded: u32) -> Option<Finished> {
        let job = self.job.as_mut()?;
        job.request = None;
        job.tries = 0;
        job.loaded += loaded;
        let follows = self.wire.is_session();
        let last = match page.next {
            _ if !follows => page.entries.is_empty() || page.page_count.is_some_and(|count| i64::from(job.page) >= count),
            // One that does not move on would be read for ever.
            Some(next) => job.after.as_deref() == Some(next),
            None => true,
        };
        job.after = page.next.map(str::to_string);
        for entry in &page.entries {
            if let Some(time) = entry.time.filter(|time| job.oldest.as_ref().is_none_or(|(oldest, _)| time < oldest)) {
                job.oldest = Some((time, entry.id.map(str::to_string)));
            }
        }
        let holds = |id: &str| page.entries.iter().any(|entry| entry.ids().any(|known| known == id));
        let oldest = job.oldest.as_ref().map(|(time, _)| *time);
        let is_past = |time: i64| oldest.is_some_and(|oldest| oldest < time);
        job.met |= match &job.goals.resync {
            // Its session is named by the address: what is read is of no other.
            _ if follows => true,
            // A point that is no entry is a moment only: the end of the history is as good.
            Some(Some(point)) => holds(&point.id) || is_past(point.time) || (last && point.id.is_empty()),
            Some(None) | None => true,
        };
        let proved = match &job.goals.proof {
            Some(Some(anchor)) => is_past(anchor.time),
            Some(None) => false,
            None => true,
        };
        job.anchored |= follows || proved || matches!(&job.goals.proof, Some(Some(anchor)) if holds(&anchor.id));
        // An older page that shows nothing new was shifted here by live messages: the next one is meant.
        let scrolled = job.goals.scroll.is_empty() || job.loaded > 0;
        self.pages = self.pages.max(job.page);
        self.complete |= last;
        if last || (!follows && job.met && proved && scrolled) {
            return self.finish(now, true);
        }
        job.page += 1;
        None
    }

    fn begin(&mut self, now: u64) {
        let mut goals = std::mem::take(&mut self.waiting);
        let mut page = 1;
        if goals.resync.is_some() || goals.proof.is_some() {
            self.waiting.scroll = std::mem::take(&mut goals.scroll);
        } else {
            page = self.pages + 1;
        }
        self.not_before = self.not_before.max(now);
        let after = if self.wire.is_session() { goals.begin() } else { None };
        self.job = Some(Job { goals, page, after, tries: 0, started: now, request: None, loaded: 0, oldest: None, met: false, anchored: false });
    }

    fn finish(&mut self, now: u64, ok: bool) -> Option<Finished> {
        let job = self.job.take()?;
        let reached = job.oldest.and_then(|(_, id)| id);
        Some(Finished {
            goals: job.goals,
            ok,
            met: ok && job.met,
            anchored: ok && job.anchored,
            loaded: job.loaded,
            took: now - job.started,
            reached,
        })
    }
}
