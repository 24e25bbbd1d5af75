//! The words of a schedule. A step holds all its parameters, so that taking one out changes no other, and has a text form,
//! so that a schedule can be printed and performed again: `latency:20 say:0:1 reset wait:300`.

use std::fmt;
use std::str::FromStr;

/// Enums that are one word each.
macro_rules! words {
    ($($(#[$doc:meta])* $kind:ident { $($variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $kind { $($variant,)* }

        impl $kind {
            #[allow(dead_code, reason = "not all of them are drawn from")]
            pub const ALL: &'static [$kind] = &[$($kind::$variant,)*];

            pub fn word(self) -> &'static str {
                match self { $($kind::$variant => $word,)* }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }

        impl FromStr for $kind {
            type Err = ();
            fn from_str(text: &str) -> Result<$kind, ()> {
                match text { $($word => Ok($kind::$variant),)* _ => Err(()) }
            }
        }
    )*};
}

words! {
    /// Where in a message's life the tab is killed.
    Point {
        BeforePersist = "before-persist",
        AfterPersist = "after-persist",
        AfterSend = "after-send",
        BeforeAckPersisted = "before-ack-persisted",
        AfterAckPersisted = "after-ack-persisted",
    }
    /// What the service does with the id of a request.
    Tracing { Sender = "sender", All = "all", None = "none", }
    /// What the service answers to a session that ran out.
    Expiry { Refuses = "4006", New = "new", }
    /// What no frame should look like.
    Garbage { Text = "text", Binary = "binary", Deep = "deep", }
    /// What the page hears of its own life, beside what has a step of its own.
    Signal { Resumed = "resumed", Focused = "focused", Input = "input", Online = "online", Offline = "offline", }
    /// What is wrong with a value in storage.
    Damage {
        Empty = "empty",
        Truncated = "truncated",
        Garbage = "garbage",
        Older = "older",
        Newer = "newer",
    }
    /// Which keys are cleared away.
    Cleared { All = "all", Ours = "ours", Messages = "messages", Conversation = "conversation", }
}

/// The steps: a word, then its parameters, colons between.
macro_rules! steps {
    ($($(#[$doc:meta])* $word:literal $variant:ident { $($field:ident: $kind:ty),* })*) => {
        #[derive(Clone, PartialEq, Debug)]
        pub enum Step { $($(#[$doc])* $variant { $($field: $kind),* },)* }

        impl Step {
            /// Its word.
            pub fn name(&self) -> &'static str {
                match self { $(Step::$variant { .. } => $word,)* }
            }
        }

        impl fmt::Display for Step {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())?;
                match self { $(Step::$variant { $($field),* } => { $(write!(f, ":{}", $field)?;)* })* }
                Ok(())
            }
        }

        impl FromStr for Step {
            type Err = String;
            fn from_str(text: &str) -> Result<Step, String> {
                let mut words = text.split(':');
                let name = words.next().unwrap_or_default();
                let step = match name {
                    $($word => Step::$variant { $($field: parameter(&mut words, text)?),* },)*
                    _ => return Err(format!("no such step: {text}")),
                };
                words.next().map_or(Ok(step), |_| Err(format!("too many parameters: {text}")))
            }
        }
    };
}

fn parameter<'a, T: FromStr>(words: &mut impl Iterator<Item = &'a str>, step: &str) -> Result<T, String> {
    words.next().and_then(|word| word.parse().ok()).ok_or_else(|| format!("a parameter is missing or wrong: {step}"))
}

steps! {
    // What there is, before anything happens.
    /// So many tabs, of which the first is open, and how long a word among them is under way.
    "tabs" Tabs { count: usize, delay: u64 }
    /// One way through the network, milliseconds.
    "latency" Latency { ms: u64 }
    "echoes" Echoes { metadata: bool, tracing: Tracing }
    "expiry" Expiry { how: Expiry }
    "auto-start" AutoStart {}
    /// How long access tokens live.
    "tokens-live" TokensLive { seconds: u64 }
    "pages-of" PagesOf { size: u64 }

    "wait" Wait { ms: u64 }

    // What the visitor does. Which row is meant is seen when it is done.
    /// The number tells a text from every other; 0 is what is said more than once.
    "say" Say { tab: usize, number: u64 }
    /// So many texts of so many characters at once.
    "flood" Flood { tab: usize, number: u64, count: u64, chars: u64 }
    "typing" Typing { tab: usize }
    "reconnect" Reconnect { tab: usize }
    "mark-read" MarkRead { tab: usize }
    "take-back" TakeBack { tab: usize }
    "again" Again { tab: usize }
    "older" Older { tab: usize }
    "clear" Clear { tab: usize }
    "restart" Restart { tab: usize }

    // The network.
    "reset" Reset {}
    "black-hole" BlackHole {}
    "deaf" Deaf {}
    "mute" Mute {}
    "offline" Offline {}
    "mend" Mend {}

    // The service.
    "lose-echo" LoseEcho { count: u64 }
    "lose-request" LoseRequest {}
    "late-store" LateStore { ms: u64 }
    "history-lag" HistoryLag { ms: u64, count: u64 }
    "duplicate" Duplicate { count: u64 }
    "reorder" Reorder {}
    "delay" Delay { ms: u64, count: u64 }
    "garbage" Garbage { form: Garbage, count: u64 }
    "stall-up" StallUp { ms: u64 }
    "stall-down" StallDown { ms: u64 }
    "drop-before-store" DropBeforeStore {}
    "drop-after-store" DropAfterStore {}
    "refuse" Refuse { count: u64 }
    "accept-then-close" AcceptThenClose { count: u64 }
    "blackhole-upgrade" BlackholeUpgrade {}
    "close" Close { code: u64 }
    "rate-limit" RateLimit {}
    "rate-limit-uncorrelated" RateLimitUncorrelated {}
    "reply-500" Reply500 {}
    "poison" Poison { code: u16 }
    "history-status" HistoryStatus { status: u64, count: u64 }
    "history-refused" HistoryRefused {}
    "config-status" ConfigStatus { count: u64 }
    "evicted" Evicted {}
    "token-status" TokenStatus { status: u64, count: u64 }
    "token-refused" TokenRefused { count: u64 }
    "token-expired" TokenExpired {}
    "upgrade-401" Upgrade401 { count: u64 }
    "history-401" History401 { count: u64 }
    "session-status" SessionStatus { status: u64, count: u64 }
    "expired" Expired {}
    "read-only" ReadOnly {}
    "cleared" ClearedElsewhere {}
    /// The agent says something.
    "answer" Answer { number: u64 }

    // The page's life.
    "reload" Reload { tab: usize }
    "crash" Crash { tab: usize, point: Point }
    /// Killed when it has written so many keys more.
    "torn" Torn { tab: usize, writes: u64 }
    /// The visitor's clock is set, by so many milliseconds.
    "clock" Clock { by: i64 }
    "freeze" Freeze { tab: usize }
    "thaw" Thaw { tab: usize }
    /// The machine sleeps; the monotonic clock may go on, or stand still with it.
    "sleep" Sleep { ticking: bool }
    "wake" Wake {}
    /// Timers fire once a minute, or as before.
    "hidden" Hidden { tab: usize, throttled: bool }
    "visible" Visible { tab: usize }
    "pagehide" Left { tab: usize }
    "pageshow" Shown { tab: usize }
    "signal" Signal { tab: usize, signal: Signal }
    /// Frozen with notice.
    "frozen" Frozen { tab: usize }
    "open" Open { tab: usize }
    "shut" Shut { tab: usize }
    "kill" Kill { tab: usize }
    /// The lock is taken from a tab that does not answer.
    "steal" Steal { tab: usize }
    "lead-lost" LeadLost { tab: usize }
    "take-over" TakeOver { tab: usize }

    // Storage.
    "disk-missing" DiskMissing {}
    "disk-throws" DiskThrows {}
    "disk-full" DiskFull { bytes: usize }
    /// Of 64 writes in turn those fail whose bit is set.
    "disk-fails" DiskFails { writes: u64 }
    "disk-works" DiskWorks {}
    "storage-cleared" StorageCleared { what: Cleared }
    /// Of our keys those go whose bit is set, in the order of their names.
    "storage-thinned" StorageThinned { keys: u64 }
    /// The key at this place, modulo their number, is damaged at a byte, modulo its length.
    "damage" DamageKey { key: usize, how: Damage, at: usize }
}

impl Step {
    /// What there is before anything happens.
    pub fn is_habit(&self) -> bool {
        use Step::{AutoStart, Echoes, Expiry, Latency, PagesOf, Tabs, TokensLive};
        matches!(self, Tabs { .. } | Latency { .. } | Echoes { .. } | Expiry { .. } | AutoStart {} | TokensLive { .. } | PagesOf { .. })
    }

    /// Of the visitor's, who sees the page.
    pub fn is_of_the_visitor(&self) -> bool {
        use Step::{Again, Clear, Flood, MarkRead, Older, Reconnect, Restart, Say, TakeBack, Typing};
        let speaks = matches!(self, Say { .. } | Flood { .. } | Typing { .. } | TakeBack { .. } | Again { .. });
        speaks || matches!(self, Reconnect { .. } | MarkRead { .. } | Older { .. } | Clear { .. } | Restart { .. })
    }

    /// Of the tabs among each other.
    pub fn is_of_the_tabs(&self) -> bool {
        use Step::{Kill, LeadLost, Open, Shut, Steal, TakeOver};
        matches!(self, Open { .. } | Shut { .. } | Kill { .. } | Steal { .. } | LeadLost { .. } | TakeOver { .. })
    }

    /// Of the page's life.
    pub fn is_of_the_page(&self) -> bool {
        use Step::{Clock, Crash, Freeze, Frozen, Hidden, Left, Reload, Shown, Signal, Sleep, Thaw, Torn, Visible, Wake};
        let ends = matches!(self, Reload { .. } | Crash { .. } | Torn { .. } | Left { .. } | Shown { .. });
        let stands_still = matches!(self, Clock { .. } | Freeze { .. } | Frozen { .. } | Thaw { .. } | Sleep { .. } | Wake {});
        ends || stands_still || matches!(self, Hidden { .. } | Visible { .. } | Signal { .. })
    }

    /// Of storage.
    pub fn is_of_storage(&self) -> bool {
        use Step::{DamageKey, DiskFails, DiskFull, DiskMissing, DiskThrows, DiskWorks, StorageCleared, StorageThinned};
        let disk = matches!(self, DiskMissing {} | DiskThrows {} | DiskFull { .. } | DiskFails { .. } | DiskWorks {});
        disk || matches!(self, StorageCleared { .. } | StorageThinned { .. } | DamageKey { .. })
    }
}

/// What is performed: the seed of all that is not a step (ids, jitter, the service's own), and the steps.
#[derive(Clone, PartialEq, Debug)]
pub struct Schedule {
    pub seed: u64,
    pub steps: Vec<Step>,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "world:{}", self.seed)?;
        self.steps.iter().try_for_each(|step| write!(f, " {step}"))
    }
}

impl FromStr for Schedule {
    type Err = String;
    fn from_str(text: &str) -> Result<Schedule, String> {
        let mut words = text.split_whitespace();
        let world = words.next().and_then(|word| word.strip_prefix("world:")).and_then(|seed| seed.parse().ok());
        let seed = world.ok_or("a schedule begins with world: and a number")?;
        Ok(Schedule { seed, steps: words.map(Step::from_str).collect::<Result<_, _>>()? })
    }
}
