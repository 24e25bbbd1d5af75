//! Numbered codes. Service codes stand as on the wire (guest-api.md §4); our own begin at 7000.
//!
//! Here are numbers only: what a code means, whose fault it is and what to do about it stands in the JavaScript half
//! (`www/client/errors.ts`), where text costs nothing before it is shown. A test holds the two lists together.

/// One code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Code(pub u16);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Code = Code($number);)*
        }
        /// Every code of our own, by name: for the coverage of the tests and for the check against the documented list.
        pub const OWN_CODES: &[(&str, Code)] = &[$((stringify!($name), Code($number)),)*];
    };
}

codes! {
    /// An option is missing or wrong; the field is named.
    INVALID_OPTION = 7000,
    /// The client was stopped or disposed of.
    STOPPED = 7001,
    /// The text is empty.
    MESSAGE_EMPTY = 7002,
    /// The text is over 4096 bytes of UTF-8 (guest-api.md §4.4).
    MESSAGE_TOO_LONG = 7003,
    /// 200 messages or 192 KiB wait already.
    OUTBOX_FULL = 7004,
    /// Custom attributes are over the session's limit, 2048 bytes unless told (guest-api.md §5.8).
    ATTRIBUTES_TOO_LARGE = 7005,
    /// No message has this id.
    UNKNOWN_MESSAGE = 7006,
    /// The message is on its way, or has arrived: it can be neither retried nor taken back.
    NOT_RETRYABLE = 7007,
    /// The message was sent and nothing can tell whether it arrived. It is not sent again unasked.
    DELIVERY_UNKNOWN = 7010,
    /// The conversation that the message was written for has ended.
    SESSION_ENDED = 7011,
    /// The message waited for more than an hour. It is not sent unasked.
    MESSAGE_EXPIRED = 7012,
    /// The service closed the connection over the size of this message (close code 1009).
    MESSAGE_TOO_BIG = 7013,
    /// The service knows no such deployment (404).
    DEPLOYMENT_NOT_FOUND = 7020,
    /// The service does not take this deployment id (400).
    DEPLOYMENT_INVALID = 7021,
    /// The deployment is not active.
    DEPLOYMENT_INACTIVE = 7022,
    /// What came for the deployment's configuration is not one: a captive portal, as a rule.
    CONFIG_MALFORMED = 7023,
    /// The service refuses this page's connections, though the deployment is there: see its allowed domains.
    NOT_ALLOWED = 7024,
    /// History could not be read.
    HISTORY_UNAVAILABLE = 7030,
    /// This deployment does not let a guest clear the conversation.
    CLEAR_NOT_ALLOWED = 7031,
    /// The call needs a connection and there is none.
    NOT_CONNECTED = 7032,
    /// The service did not answer in time.
    NO_ANSWER = 7033,
    /// The conversation has not ended: there is nothing to restart.
    NOT_ENDED = 7034,
    /// The conversation is open in another tab.
    OTHER_TAB = 7035,
    /// Nothing connects before the visitor's consent.
    CONSENT_REQUIRED = 7036,
    /// The service asks the visitor to sign in.
    AUTH_REQUIRED = 7037,
    /// What is asked for is not part of this protocol or version.
    UNSUPPORTED = 7038,
    /// Storage is full: what is written now is kept in memory only.
    STORAGE_FULL = 7050,
    /// There is no storage: what is written is kept in memory only.
    STORAGE_UNAVAILABLE = 7051,
    /// A stored record could not be read and was put aside.
    STORAGE_QUARANTINED = 7052,
    /// A stored record is of a newer version and was left alone.
    STORAGE_NEWER = 7053,
    /// Frames that cannot be read keep coming, also over a new connection.
    GARBAGE = 7054,
    /// The service closed the connection as a matter of policy (close code 1008) three times within a minute.
    POLICY = 7055,
    /// The service refused the token or the first frame of a stream; what it says comes along.
    REJECTED = 7060,
    /// The service refused a subscription.
    SUBSCRIPTION_REFUSED = 7061,
    /// The service does not allow this channel; it is named.
    CHANNEL_FORBIDDEN = 7062,
    /// There are as many live connections as are allowed.
    TOO_MANY_CONNECTIONS = 7063,
    /// More channels or topics than the connections of a client can hold.
    TOO_MANY_CHANNELS = 7064,
    /// More than a few of the events are dropped because the consumer is slow.
    EVENTS_DROPPED = 7065,
    /// The consumer is behind.
    CONSUMER_LAG = 7066,
    /// An event's timestamp cannot be read; the event stands where it arrived.
    TIMESTAMP_UNREADABLE = 7067,
    /// As many attempts in a row as were allowed have failed.
    GAVE_UP = 7068,
    /// The source of tokens asks to come later.
    TOKEN_RATE_LIMITED = 7069,
    /// A webhook did not take what was posted; it is named.
    WEBHOOK_FAILED = 7070,
    /// A frame cannot be read; it was counted and skipped.
    FRAME_UNREADABLE = 7071,
    /// No subscriber group has this id.
    UNKNOWN_GROUP = 7072,
}

/// A refused call: nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// Which part of the call.
    pub field: Option<&'static str>,
}

impl Refusal {
    /// A refusal of the call as such.
    pub fn new(code: Code) -> Refusal {
        Refusal { code, field: None }
    }

    /// A refusal of one field.
    pub fn field(code: Code, field: &'static str) -> Refusal {
        Refusal { code, field: Some(field) }
    }
}
