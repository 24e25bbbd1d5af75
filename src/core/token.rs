//! Access tokens: cached, asked for once at a time, and replaced before they run out.
//!
//! A token's life counts from the request that brought it. Two clocks watch it, because the monotonic one may stand still
//! while the machine sleeps and the visitor's may be set: the one that says less is believed.

#[cfg(feature = "streams")]
use super::http::Authorization;
#[cfg(any(feature = "session", feature = "streams"))]
use super::http::{Body, Method, Request};
use super::http::{Reply, Unreachable};
use super::json::Document;
use super::machine::{Act, Now, RequestId};
use super::secret::Secret;
#[cfg(any(feature = "session", feature = "streams"))]
use super::url;

/// How long a source may take, milliseconds.
pub const DEADLINE_MS: u32 = 10_000;
/// A token with less left is replaced, milliseconds.
const MARGIN_MS: u64 = 60_000;
/// So many wrong answers in a row, or so many tokens in a row that the service refuses, and the visitor has to sign in.
const TRIES: u32 = 3;
/// The wait after a wrong answer, doubling, milliseconds.
const RETRY_MS: u64 = 1_000;
/// How long before its end a token is replaced, and how long it may live whatever its source says, milliseconds.
#[cfg(feature = "streams")]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// A token with less left is replaced.
    pub margin: u64,
    /// Longer lives are not believed.
    pub longest: u64,
}

/// What a token lives whose source does not say it, milliseconds.
const LIFE_MS: u64 = 3_600_000;
/// Longer lives are not believed: a week.
const LONGEST_MS: u64 = 604_800_000;

/// Where tokens come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// The page gives them.
    Callback,
    /// A URL of the site's own backend gives them.
    #[cfg(any(feature = "session", feature = "streams"))]
    Url(String),
    /// The client-credentials grant, for trusted hosts only.
    #[cfg(any(feature = "session", feature = "streams"))]
    Grant {
        /// The token endpoint.
        url: String,
        /// `client_id`
        id: String,
        /// `client_secret`
        secret: Secret,
        /// The client says who it is by HTTP Basic (RFC 6749 §2.3.1), not in the form.
        #[cfg(feature = "streams")]
        basic: bool,
    },
}

#[cfg(any(feature = "session", feature = "streams"))]
impl Source {
    /// What is asked over HTTP; `None` where the page is asked.
    fn request(&self) -> Option<Request> {
        let form = |text: String| Some(Body { kind: "application/x-www-form-urlencoded", text });
        let (url, cookies, authorization, body) = match self {
            Source::Callback => return None,
            Source::Url(url) => (url, true, None, None),
            #[cfg(feature = "streams")]
            Source::Grant { url, id, secret, basic: true } => {
                let credentials = [&url::encode(id), ":", &url::encode(secret.expose())].concat();
                let basic = Authorization::Basic(Secret::new(url::base64(credentials.as_bytes())));
                (url, false, Some(basic), form("grant_type=client_credentials".into()))
            }
            Source::Grant { url, id, secret, .. } => {
                let parts = ["grant_type=client_credentials&client_id=", &url::encode(id), "&client_secret=", &url::encode(secret.expose())];
                (url, false, None, form(parts.concat()))
            }
        };
        Some(Request { method: Method::Post, url: url.clone(), authorization, cookies, body, timeout_ms: DEADLINE_MS })
    }
}

struct Token {
    value: Secret,
    asked: Now,
    life: u64,
}

impl Token {
    /// How long it is used, counted from the request.
    fn good_for(&self, margin: u64) -> u64 {
        // One that lives for less than twice the margin is good for half of its life.
        self.life - margin.min(self.life / 2)
    }

    fn is_good(&self, now: Now, margin: u64) -> bool {
        let age = (now.mono - self.asked.mono).max(now.unix.saturating_sub(self.asked.unix));
        age < self.good_for(margin)
    }
}

/// What came of asking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    /// A token is there.
    Got,
    /// The network is away.
    Offline,
    /// The source asks to come again: the HTTP status and the wait in milliseconds, where it said one.
    Later(u16, Option<u64>),
    /// It gave none, or none that is good.
    Failed,
    /// The source did not answer in time.
    Late,
    /// It failed too often in a row: only the page can help.
    Denied,
}

/// The token of one client and where it comes from.
pub struct Tokens {
    source: Source,
    #[cfg(feature = "streams")]
    terms: Terms,
    token: Option<Token>,
    request: Option<(RequestId, Now)>,
    failed: u32,
    refused: u32,
    not_before: u64,
}

impl Tokens {
    /// No token yet.
    pub fn new(source: Source) -> Tokens {
        Tokens {
            source,
            #[cfg(feature = "streams")]
            terms: Terms { margin: MARGIN_MS, longest: LONGEST_MS },
            token: None,
            request: None,
            failed: 0,
            refused: 0,
            not_before: 0,
        }
    }

    /// The same, replaced on other terms.
    #[cfg(feature = "streams")]
    pub fn with_terms(mut self, terms: Terms) -> Tokens {
        self.terms = terms;
        self
    }

    fn margin(&self) -> u64 {
        #[cfg(feature = "streams")]
        return self.terms.margin;
        #[cfg(not(feature = "streams"))]
        MARGIN_MS
    }

    fn longest(&self) -> u64 {
        #[cfg(feature = "streams")]
        return self.terms.longest;
        #[cfg(not(feature = "streams"))]
        LONGEST_MS
    }

    /// The token, if it is good for another minute.
    pub fn good(&self, now: Now) -> Option<&Secret> {
        self.token.as_ref().filter(|token| token.is_good(now, self.margin())).map(|token| &token.value)
    }

    /// The token, good for long or not.
    #[cfg(feature = "streams")]
    pub fn newest(&self) -> Option<&Secret> {
        self.token.as_ref().map(|token| &token.value)
    }

    /// When the token is to be replaced, monotonic milliseconds.
    pub fn renew_at(&self) -> Option<u64> {
        self.token.as_ref().map(|token| token.asked.mono + token.good_for(self.margin()))
    }

    /// When it may be asked again, monotonic milliseconds.
    pub fn ready_at(&self) -> u64 {
        self.not_before
    }

    /// Asks, unless that is under way or too soon; the answer comes to [`Tokens::reply`] under this id.
    pub fn ask(&mut self, now: Now, id: RequestId) -> Option<Act> {
        if self.request.is_some() || now.mono < self.not_before {
            return None;
        }
        self.request = Some((id, now));
        #[cfg(any(feature = "session", feature = "streams"))]
        if let Some(request) = self.source.request() {
            return Some(Act::Fetch(id, request));
        }
        Some(Act::Token(id))
    }

    /// Whether an answer is waited for.
    pub fn is_asking(&self) -> bool {
        self.request.is_some()
    }

    /// An answer; `None` if it is to another's request.
    pub fn reply(&mut self, now: Now, id: RequestId, reply: Result<Reply<'_>, Unreachable>) -> Option<Asked> {
        let (_, asked) = self.request.take_if(|(request, _)| *request == id)?;
        let is_page = self.source == Source::Callback;
        Some(match reply {
            Ok(reply) if (200..300).contains(&reply.status) => match read(reply.body) {
                Some((value, life)) => {
                    let token = Token { value, asked, life: life.min(self.longest()) };
                    let is_good = token.is_good(now, self.margin());
                    self.token = Some(token);
                    if is_good {
                        self.failed = 0;
                        Asked::Got
                    } else {
                        // It took longer to come than it lives.
                        self.fail(now, Asked::Failed)
                    }
                }
                None => self.fail(now, Asked::Failed),
            },
            Ok(Reply { status: status @ (408 | 429 | 500..), retry_after, .. }) => {
                let wait = Reply { status, retry_after, body: "" }.retry_after_ms();
                self.not_before = now.mono + wait.unwrap_or(RETRY_MS);
                Asked::Later(status, wait)
            }
            Ok(_) => self.fail(now, Asked::Failed),
            // A page that has no token to give does not say why.
            Err(why) if is_page => self.fail(now, if why == Unreachable::Timeout { Asked::Late } else { Asked::Failed }),
            Err(why) => {
                self.not_before = now.mono + RETRY_MS;
                if why == Unreachable::Timeout { Asked::Late } else { Asked::Offline }
            }
        })
    }

    fn fail(&mut self, now: Now, how: Asked) -> Asked {
        self.not_before = now.mono + (RETRY_MS << self.failed);
        self.failed += 1;
        if self.failed < TRIES {
            return how;
        }
        self.failed = 0;
        Asked::Denied
    }

    /// The service refused the token: it is not used again. `false` if it refused too many in a row.
    pub fn refuse(&mut self) -> bool {
        self.token = None;
        self.refused += 1;
        let once_more = self.refused < TRIES;
        if !once_more {
            self.refused = 0;
        }
        once_more
    }

    /// The service took the token.
    pub fn accept(&mut self) {
        self.refused = 0;
    }

    /// Whoever comes next is another visitor.
    pub fn forget(&mut self) {
        self.token = None;
    }

    /// Nobody waits for the answer any more; names the request that is under way.
    pub fn abort(&mut self) -> Option<RequestId> {
        self.request.take().map(|(id, _)| id)
    }
}

fn read(body: &str) -> Option<(Secret, u64)> {
    let document = Document::parse(body)?;
    let root = document.root();
    let value = root.string("access_token").filter(|value| !value.is_empty())?;
    let seconds = match root.get("expires_in") {
        Some(seconds) => u64::try_from(seconds.as_int()?).ok().filter(|seconds| *seconds > 0)?,
        None => LIFE_MS / 1000,
    };
    Some((Secret::new(value), seconds.saturating_mul(1000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono: u64) -> Now {
        Now { mono, unix: 1_700_000_000_000 + mono }
    }

    fn ok(body: &str) -> Result<Reply<'_>, Unreachable> {
        Ok(Reply { status: 200, retry_after: None, body })
    }

    fn with(life: u64) -> Tokens {
        let mut tokens = Tokens::new(Source::Callback);
        assert_eq!(tokens.ask(at(1_000), RequestId(1)), Some(Act::Token(RequestId(1))));
        assert_eq!(tokens.reply(at(4_000), RequestId(1), ok(&format!(r#"{{"access_token":"t","expires_in":{life}}}"#))), Some(Asked::Got));
        tokens
    }

    #[test]
    fn it_is_asked_for_once_at_a_time() {
        let mut tokens = Tokens::new(Source::Callback);
        assert!(tokens.ask(at(0), RequestId(1)).is_some());
        assert!((2..12).all(|id| tokens.ask(at(0), RequestId(id)).is_none()));
        assert_eq!(tokens.reply(at(1), RequestId(7), ok("")), None, "another's answer");
    }

    #[test]
    fn a_life_counts_from_the_request_and_its_last_minute_is_not_used() {
        let tokens = with(3600);
        assert_eq!(tokens.renew_at(), Some(1_000 + 3_540_000));
        assert!(tokens.good(at(1_000 + 3_539_999)).is_some());
        assert!(tokens.good(at(1_000 + 3_540_000)).is_none());
    }

    #[test]
    fn the_clock_that_says_less_is_believed() {
        let tokens = with(3600);
        let asleep = Now { mono: 2_000, unix: 1_700_000_000_000 + 3_541_000 };
        assert!(tokens.good(asleep).is_none(), "the monotonic clock stood still");
        let set_back = Now { mono: 3_541_000, unix: 1_700_000_000_000 - 600_000 };
        assert!(tokens.good(set_back).is_none(), "the visitor's clock was set back");
    }

    #[test]
    fn a_short_life_is_used_to_its_half() {
        let tokens = with(30);
        assert!(tokens.good(at(1_000 + 14_999)).is_some());
        assert!(tokens.good(at(1_000 + 15_000)).is_none());
    }

    #[test]
    fn three_wrong_answers_in_a_row_are_enough_each_after_a_longer_wait() {
        for answer in [ok(""), ok("{}"), ok(r#"{"access_token":""}"#), ok(r#"{"access_token":"t","expires_in":0}"#), Err(Unreachable::Network)] {
            let mut tokens = Tokens::new(Source::Callback);
            let mut now = 0;
            for (id, (wait, outcome)) in [(1_000, Asked::Failed), (2_000, Asked::Failed), (4_000, Asked::Denied)].into_iter().enumerate() {
                let id = RequestId(id as u32);
                assert!(tokens.ask(at(now), id).is_some());
                assert_eq!(tokens.reply(at(now), id, answer), Some(outcome), "{answer:?}");
                assert_eq!(tokens.ask(at(now + wait - 1), RequestId(99)), None);
                now += wait;
            }
        }
    }

    #[test]
    fn a_source_that_is_away_is_no_wrong_answer() {
        let mut tokens = Tokens::new(Source::Url("http://backend/token".into()));
        for now in (0..10).map(|n| n * 60_000) {
            assert!(matches!(tokens.ask(at(now), RequestId(1)), Some(Act::Fetch(..))));
            assert_eq!(tokens.reply(at(now), RequestId(1), Err(Unreachable::Network)), Some(Asked::Offline));
        }
        assert!(tokens.ask(at(600_000), RequestId(2)).is_some());
        let busy = Ok(Reply { status: 503, retry_after: Some("7"), body: "" });
        assert_eq!(tokens.reply(at(600_000), RequestId(2), busy), Some(Asked::Later(503, Some(7_000))));
        assert_eq!(tokens.ready_at(), 607_000);
    }

    #[test]
    fn a_token_that_is_over_when_it_comes_is_a_wrong_answer() {
        let mut tokens = Tokens::new(Source::Callback);
        assert!(tokens.ask(at(0), RequestId(1)).is_some());
        assert_eq!(tokens.reply(at(500), RequestId(1), ok(r#"{"access_token":"t","expires_in":1}"#)), Some(Asked::Failed));
        assert_eq!(tokens.ask(at(1_499), RequestId(2)), None);
        assert!(tokens.ask(at(1_500), RequestId(3)).is_some());
        assert_eq!(tokens.reply(at(1_999), RequestId(3), ok(r#"{"access_token":"t","expires_in":1}"#)), Some(Asked::Got));
    }

    #[test]
    fn a_refused_token_is_not_used_again() {
        let mut tokens = with(3600);
        assert!(tokens.refuse());
        assert_eq!(tokens.good(at(5_000)), None);
        assert!(tokens.refuse());
        assert!(!tokens.refuse());
    }

    #[test]
    fn the_grant_is_a_form_with_encoded_values() {
        let mut tokens =
            Tokens::new(Source::Grant { url: "https://api/oauth/token".into(), id: "a b".into(), secret: Secret::new("s&=".into()), basic: false });
        let Some(Act::Fetch(_, request)) = tokens.ask(at(0), RequestId(1)) else { panic!("a request") };
        assert_eq!((request.method, request.url.as_str(), request.timeout_ms), (Method::Post, "https://api/oauth/token", 10_000));
        let body = request.body.unwrap();
        assert_eq!(body.kind, "application/x-www-form-urlencoded");
        assert_eq!(body.text, "grant_type=client_credentials&client_id=a%20b&client_secret=s%26%3D");
    }
}
