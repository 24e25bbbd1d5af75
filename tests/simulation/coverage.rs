//! What a run has met. Whatever should be met is named here, so that a zero shows.

use crate::common::WIRE;
use guestwire::guest::wire::Wire;
use std::collections::BTreeMap;
use std::fmt;

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

#[derive(Default, Clone)]
pub struct Coverage(BTreeMap<(String, String), u64>);

impl Coverage {
    pub fn hit(&mut self, kind: &str, name: &str) {
        self.count(kind, name, 1);
    }

    pub fn count(&mut self, kind: &str, name: &str, times: u64) {
        *self.0.entry((kind.to_string(), name.to_string())).or_default() += times;
    }

    pub fn add(&mut self, other: &Coverage) {
        for ((kind, name), times) in &other.0 {
            self.count(kind, name, *times);
        }
    }

    pub fn missing(&self) -> Vec<String> {
        let met = |kind: &str, name: &str| self.0.get(&(kind.to_string(), name.to_string())).is_some_and(|times| *times > 0);
        let of_wire = if WIRE == Wire::Guest { EXPECTED_OF_GUEST } else { EXPECTED_OF_SESSION };
        EXPECTED
            .iter()
            .chain(of_wire)
            .flat_map(|(kind, names)| names.iter().filter(|name| !met(kind, name)).map(move |name| format!("{kind} {name}")))
            .collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kind = "";
        for ((of, name), times) in &self.0 {
            if of != kind {
                write!(f, "\n{of:>9}:")?;
                kind = of;
            }
            write!(f, " {name} {times}")?;
        }
        writeln!(f)
    }
}
