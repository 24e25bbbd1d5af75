//! What everything that holds a connection shares: pure, without a clock, without randomness, without a browser.
//!
//! Nothing here knows a protocol. [`guest`](crate::guest) and the streams compose these rooms; the browser drives
//! them through [`Machine`](machine::Machine).

pub mod backoff;
pub mod bucket;
pub mod closing;
pub mod error;
pub mod heartbeat;
pub mod http;
pub mod json;
pub mod link;
pub mod machine;
pub mod option;
pub mod plain;
pub mod random;
pub mod secret;
pub mod state;
pub mod time;
pub mod timer;
pub mod token;
pub mod url;
