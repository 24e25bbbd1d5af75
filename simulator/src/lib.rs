//! A local stand-in for the Genesys Cloud web messaging service, with fault switches.
//!
//! It is for developing and testing guest clients without an account: it speaks the guest API as written down in the
//! protocol reference, enforces its limits, and breaks in every way that can be asked for; beside it the session
//! protocol with its OAuth tokens, and the agent-side streams: latency probes, conversation events, interaction events,
//! presence, and the Notifications service. It is not the real service and proves nothing about it.
//!
//! Two layers, neither of which knows a socket or a clock:
//!
//! - [`platform::Platform`] is the service's behaviour alone,
//! - [`Service`] lays the faults, the control under `/_sim` and the log over it; the server and in-process tests
//!   drive this one.
//!
//! ```
//! use simulator::{ConnectionId, Effect, Service};
//!
//! let mut service = Service::new(1);
//! let line = ConnectionId(1);
//! service.handle_connect(1_000, line, "/v1?deploymentId=demo", None);
//! assert_eq!(service.poll_effect(), Some(Effect::Accept(line)));
//! service.handle_text(1_010, line, r#"{"action":"configureSession","deploymentId":"demo","token":"t","tracingId":"c"}"#);
//! let Some(Effect::Text(_, frame)) = service.poll_effect() else { panic!("no answer") };
//! assert!(frame.contains("SessionResponse"));
//! ```
//!
//! Events on the streams come from `/_sim/stream`, or all together from `/_sim/scenario`, which plays the days of a contact
//! centre, one story on every stream:
//!
//! ```
//! use simulator::{ConnectionId, Effect, Service};
//!
//! let mut service = Service::new(1);
//! service.control(1_000, "POST", "/_sim/scenario", r#"{"deploymentId":"demo","do":"play","ratePerSecond":5000}"#);
//! service.handle_timeout(2_000);
//! let (_, state) = service.control(2_000, "GET", "/_sim/scenario?deploymentId=demo", "");
//! assert!(state.contains(r#""events":5000"#));
//! ```

mod calendar;
mod control;
mod downlink;
mod exchange;
mod faults;
mod line;
mod log;
pub mod platform;
mod protocol;
mod seed;
#[cfg(feature = "server")]
pub mod server;
mod service;
mod stream_control;
#[cfg(test)]
mod tests;
mod uplink;
mod url;
mod web;

pub use exchange::{ConnectionId, Effect, HttpId, HttpRequest, HttpResponse, Upgrade};
pub use service::Service;
