//! What goes over the line. The session speaks to one wire through the [`Frame`](guest_api::Frame)s it decodes and the
//! requests it writes.

pub mod guest_api;
