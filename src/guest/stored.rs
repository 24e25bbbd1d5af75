//! What one browser remembers of a conversation beside the outbox: the guest's token and what proof needs.

use super::outbox::Anchor;
use crate::core::json::{Document, Object};
use crate::core::secret::Secret;

/// The version of the stored form.
const VERSION: i64 = 1;
/// A longer token is none, bytes: the guest API's are UUIDs (guest-api.md §2.0), and sessions' ids go into an address.
const TOKEN_BYTES: usize = 1024;
/// What is put aside takes at most so many bytes of UTF-16, 32 KiB.
pub const QUARANTINE_BYTES: usize = 32 << 10;

/// The record under the key `session`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remembered {
    /// The guest's identity (guest-api.md §2.0).
    pub token: Secret,
    /// The service has configured a session for this token before.
    pub known: bool,
    /// No Join of this conversation was seen yet.
    pub join_owed: bool,
    /// The service was seen to carry our ids back: in live echoes …
    pub carries_live: bool,
    /// … and in history.
    pub carries_history: bool,
    /// The newest entry of the service known when a message was last acknowledged.
    pub newest: Option<Anchor>,
    /// What the visitor has seen.
    pub read: Option<Anchor>,
}

impl Remembered {
    /// A new guest.
    pub fn new(token: String) -> Remembered {
        Remembered { token: Secret::new(token), known: false, join_owed: true, carries_live: false, carries_history: false, newest: None, read: None }
    }

    /// What tells one token from another without telling it: 32 of the bits of its FNV-1a hash.
    pub fn mark(&self) -> u32 {
        self.token.expose().bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    }

    /// The stored form.
    pub fn write(&self) -> String {
        let mut object = Object::new();
        object
            .int("v", VERSION)
            .text("token", self.token.expose())
            .flag("known", self.known)
            .flag("joinOwed", self.join_owed)
            .flag("carriesLive", self.carries_live)
            .flag("carriesHistory", self.carries_history);
        for (anchor, time, id) in [(&self.newest, "newestTime", "newest"), (&self.read, "readTime", "read")] {
            if let Some(anchor) = anchor {
                anchor.write(&mut object, time, id);
            }
        }
        object.end()
    }

    /// Reads the stored form, and whether it is of a newer version: then it is used and never written over, so that
    /// the newer client finds its own again. `None` where it is damaged.
    pub fn read(value: &str) -> Option<(Remembered, bool)> {
        let document = Document::parse(value)?;
        let root = document.root();
        let version = root.int("v").filter(|version| *version >= VERSION)?;
        let token = root.text("token").filter(|token| (1..=TOKEN_BYTES).contains(&token.len()))?;
        let remembered = Remembered {
            token: Secret::new(token.to_string()),
            known: root.flag("known"),
            join_owed: root.flag("joinOwed"),
            carries_live: root.flag("carriesLive"),
            carries_history: root.flag("carriesHistory"),
            newest: Anchor::read(root, "newestTime", "newest"),
            read: Anchor::read(root, "readTime", "read"),
        };
        Some((remembered, version > VERSION))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_reads_back() {
        let mut before = Remembered::new("00000000-0000-4000-8000-000000000000".into());
        before.carries_history = true;
        before.newest = Some(Anchor { time: 3, id: "n".into() });
        assert_eq!(Remembered::read(&before.write()), Some((before, false)));
    }

    #[test]
    fn damage_and_a_newer_version_are_told_apart() {
        assert_eq!(Remembered::read("{"), None);
        assert_eq!(Remembered::read(r#"{"v":1}"#), None);
        assert_eq!(Remembered::read(r#"{"v":1,"token":""}"#), None);
        for (bytes, is_token) in [(1024, true), (1025, false)] {
            assert_eq!(Remembered::read(&Remembered::new("x".repeat(bytes)).write()).is_some(), is_token);
        }
        let (newer, is_newer) = Remembered::read(r#"{"v":2,"token":"00000000-0000-4000-8000-000000000000"}"#).unwrap();
        assert!(is_newer);
        assert_eq!(newer.token.expose(), "00000000-0000-4000-8000-000000000000");
    }
}
