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
            "reload",
            "crash",
            "storage",
            "clock",
            "freeze",
            "hidden",
            "pagehide",
            "lead-lost",
            "restart",
        ],
    ),
    ("state", &["Connecting", "Ready", "Suspect", "Waiting", "Paused", "Offline", "Ended", "Idle"]),
    ("crash", &["BeforePersist", "AfterPersist", "AfterSend", "BeforeAckPersisted", "AfterAckPersisted"]),
    ("proof", &["acknowledged", "acknowledgedByText", "foundAtFirstLook", "foundAtSecondLook", "resends", "unprovedResends", "deliveryUnknown"]),
    ("code", &["7010", "7011", "7012"]),
    ("warning", &["7050", "7051"]),
];

/// … over the guest API.
const EXPECTED_OF_GUEST: &[(&str, &[&str])] = &[
    ("fault", &["rate-limit", "rate-limit-uncorrelated", "reply-500", "poison", "config-status", "evicted", "read-only", "cleared", "clear"]),
    ("code", &["4011", "5000"]),
    ("service", &["echoes-ids", "no-metadata", "no-tracing", "nothing", "4006", "new"]),
];

/// … and over the session protocol.
const EXPECTED_OF_SESSION: &[(&str, &[&str])] = &[
    ("fault", &["token-status", "token-refused", "token-expired", "upgrade-401", "history-401", "session-status"]),
    ("service", &["long-tokens", "short-tokens", "small-pages"]),
    ("state", &["AuthRequired"]),
];

/// What such a run has not met.
pub fn missing(coverage: &Coverage) -> Vec<String> {
    let of_wire = if WIRE == Wire::Guest { EXPECTED_OF_GUEST } else { EXPECTED_OF_SESSION };
    coverage.missing(EXPECTED.iter().chain(of_wire))
}
