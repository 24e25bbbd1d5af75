//! What a run has met. Whatever should be met is named here, so that a zero shows.

use crate::common::WIRE;
pub use crate::tally::Coverage;
use guestwire::guest::wire::Wire;

/// What a run of some thousand seeds has to meet over every wire.
const EXPECTED: &[(&str, &[&str])] = &[
    (
        "fault",
        &[
            "reset",
            "black-hole",
            "deaf",
            "mute",
            "offline",
            "lose-echo",
            "lose-request",
            "late-store",
            "history-lag",
            "duplicate",
            "reorder",
            "delay",
            "garbage",
            "stall-up",
            "stall-down",
            "drop-before-store",
            "drop-after-store",
            "refuse",
            "accept-then-close",
            "blackhole-upgrade",
            "close",
            "history-status",
            "history-refused",
            "expired",
            "answer",
            "mend",
            "wait",
        ],
    ),
    (
        "page",
        &[
            "reload",
            "crash",
            "torn",
            "clock",
            "freeze",
            "thaw",
            "sleep",
            "wake",
            "hidden",
            "visible",
            "pagehide",
            "pageshow",
            "frozen",
            "open",
            "shut",
            "kill",
            "steal",
            "signal",
            "lead-lost",
            "take-over",
        ],
    ),
    ("visitor", &["say", "flood", "restart", "reconnect", "mark-read", "take-back", "again", "older"]),
    ("storage", &["disk-missing", "disk-throws", "disk-full", "disk-fails", "disk-works", "storage-cleared", "storage-thinned", "damage"]),
    ("tabs", &["2", "3", "4"]),
    ("damage", &["empty", "truncated", "garbage", "older", "newer"]),
    ("state", &["Connecting", "Ready", "Suspect", "Waiting", "Paused", "Offline", "Ended", "Idle"]),
    ("crash", &["BeforePersist", "AfterPersist", "AfterSend", "BeforeAckPersisted", "AfterAckPersisted", "Torn"]),
    ("proof", &["acknowledged", "acknowledgedByText", "foundAtFirstLook", "foundAtSecondLook", "resends", "unprovedResends", "deliveryUnknown"]),
    ("code", &["7010", "7011", "7012"]),
    ("warning", &["7050", "7051", "7052", "7053"]),
    ("refused", &["7004"]),
];

/// … over the guest API.
const EXPECTED_OF_GUEST: &[(&str, &[&str])] = &[
    ("fault", &["rate-limit", "rate-limit-uncorrelated", "reply-500", "poison", "config-status", "evicted", "read-only", "cleared"]),
    ("visitor", &["typing", "clear"]),
    ("code", &["4011", "5000"]),
    ("service", &["echoes-ids", "no-metadata", "no-tracing", "nothing", "4006", "new", "auto-start"]),
];

/// … and over the session protocol.
const EXPECTED_OF_SESSION: &[(&str, &[&str])] = &[
    ("fault", &["token-status", "token-refused", "token-expired", "upgrade-401", "history-401", "session-status"]),
    ("service", &["long-tokens", "short-tokens", "small-pages", "large-pages"]),
    ("state", &["AuthRequired"]),
];

/// What such a run has not met.
pub fn missing(coverage: &Coverage) -> Vec<String> {
    let of_wire = if WIRE == Wire::Guest { EXPECTED_OF_GUEST } else { EXPECTED_OF_SESSION };
    coverage.missing(EXPECTED.iter().chain(of_wire))
}
