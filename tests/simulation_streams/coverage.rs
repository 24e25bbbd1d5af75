//! What a run has met. Whatever should be met is named here, so that a zero shows.

pub use crate::tally::Coverage;

/// What a run of some thousand seeds has to meet.
const EXPECTED: &[(&str, &[&str])] = &[
    ("stream", &["latency", "conversations", "interactions", "presence", "interactions-notified", "presence-notified"]),
    (
        "fault",
        &[
            "reset",
            "black-hole",
            "deaf",
            "mute",
            "offline",
            "strand",
            "drop",
            "close",
            "stall",
            "delay",
            "reorder",
            "duplicate",
            "lose",
            "garbage",
            "refuse",
            "blackhole-upgrade",
            "accept-then-close",
            "token-status",
            "token-expired",
            "clock",
            "freeze",
            "hidden",
            "pagehide",
            "stop",
            "slow-consumer",
            "resubscribe",
            "group",
            "drain",
            "request-status",
        ],
    ),
    ("state", &["Connecting", "Ready", "Waiting", "Paused", "Offline", "Ended", "Stopped", "AuthRequired"]),
    ("policy", &["drop-oldest", "drop-newest", "coalesce"]),
    (
        "outcome",
        &[
            "delivered",
            "late",
            "duplicate-refused",
            "replayed",
            "dropped",
            "coalesced",
            "excused",
            "timeout",
            "answered",
            "subscribed-again",
            "replaced",
        ],
    ),
];

/// What such a run has not met.
pub fn missing(coverage: &Coverage) -> Vec<String> {
    coverage.missing(EXPECTED.iter())
}
