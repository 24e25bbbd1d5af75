//! Conformance: every frame of guest-api.md, good and odd, against values written by hand from it. There is no way to
//! accept what the code happens to do: a changed expectation is an edit beside the frame.
#![cfg(not(target_arch = "wasm32"))]

#[path = "../common/mod.rs"]
mod common;

mod configuration;
mod conversation;
mod ends;
mod errors;
mod events;
mod frames;
mod history;
mod json;
mod messages;
mod odd;
mod other;
mod regressions;
mod requests;
mod session;
mod session_api;
mod storage;
mod texts;
mod tokens;
