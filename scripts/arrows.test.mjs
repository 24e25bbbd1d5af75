// The arrows check itself: each planted violation is found, and what only looks like one is not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { violations } from "./arrows.mjs";

const planted = [
  ["core names guest by crate::", "src/core/link.rs", "use crate::guest::Session;", ["src/core/link.rs:1: core names guest"]],
  ["core names browser inside a group", "src/core/link.rs", "use crate::{core::json,\n    browser::{driver, socket}};", ["src/core/link.rs:2: core names browser"]],
  ["core names streams by super::", "src/core/link.rs", "use super::super::streams;", ["src/core/link.rs:1: core names streams"]],
  ["a deeper room climbs further", "src/guest/wire/guest_api.rs", "fn f() { super::super::super::streams::run() }", ["src/guest/wire/guest_api.rs:1: guest names streams"]],
  ["super inside an inline module counts that module", "src/core/link.rs", "mod tests {\n    use super::super::super::guest::X;\n}", ["src/core/link.rs:2: core names guest"]],
  ["guest names browser in an expression", "src/guest/session.rs", "fn f() {\n    crate::browser::now();\n}", ["src/guest/session.rs:2: guest names browser"]],
  ["streams names guest", "src/streams/presence.rs", "pub(crate) use crate::guest::Session as S;", ["src/streams/presence.rs:1: streams names guest"]],
  ["the simulator names guestwire", "simulator/src/platform/mod.rs", "use guestwire::Config;", ["simulator/src/platform/mod.rs:1: the simulator names guestwire"]],
  ["the simulator depends on guestwire", "simulator/Cargo.toml", '[dependencies]\nguestwire = { path = ".." }', ["simulator/Cargo.toml:2: the simulator depends on guestwire"]],
  ["core names a browser crate", "src/core/timer.rs", "let t = js_sys::Date::now();", ["src/core/timer.rs:1: core names js_sys, which only browser may"]],
  ["guest names gloo", "src/guest/session.rs", "use gloo_timers::callback::Timeout;", ["src/guest/session.rs:1: guest names gloo_timers, which only browser may"]],
  ["the crate root names wasm-bindgen", "src/lib.rs", "#[wasm_bindgen::prelude::wasm_bindgen]\npub fn f() {}", ["src/lib.rs:1: the crate root names wasm_bindgen, which only browser may"]],
  ["core names the clock", "src/core/timer.rs", "use std::time::Instant;", ["src/core/timer.rs:1: core names std::time::Instant: it comes in as data"]],
  ["core names the clock inside a group", "src/core/timer.rs", "use std::{fmt, time::{Duration, SystemTime}};", ["src/core/timer.rs:1: core names std::time::Duration: it comes in as data", "src/core/timer.rs:1: core names std::time::SystemTime: it comes in as data"]],
  ["core names the clock from the root of all crates", "src/core/timer.rs", "use ::std::time::Instant;", ["src/core/timer.rs:1: core names std::time::Instant: it comes in as data"]],
  ["guest rolls dice", "src/guest/outbox.rs", "let x = rand::random::<u8>();", ["src/guest/outbox.rs:1: guest names rand::random: it comes in as data"]],
  ["core prints", "src/core/json.rs", '\n\nfn f() { println!("{}", 1) }', ["src/core/json.rs:3: core calls println!"]],
  ["core prints by std::", "src/core/json.rs", "fn f() { std::dbg!(1) }", ["src/core/json.rs:1: core calls dbg!"]],
];
for (const [name, path, text, expected] of planted) {
  test(name, () => assert.deepEqual(violations([[path, text]]), expected));
}

const innocent = [
  ["comments", "src/core/link.rs", "// crate::guest\n/* use crate::browser; /* nested */ web_sys */\n/// [`crate::guest::Session`]\nfn f() {}"],
  ["strings", "src/core/link.rs", 'const A: &str = "crate::guest \\" web_sys"; const B: &str = r#"std::time " js_sys"#; const C: char = \'"\'; const D: &str = "println!";'],
  ["the way the arrows run", "src/guest/session.rs", "use crate::core::{json, link::Link};\nuse super::outbox::Outbox;"],
  ["browser naming everything", "src/browser/driver.rs", "use crate::{core::link, guest::Session}; use web_sys::WebSocket; use wasm_bindgen::prelude::*; use std::time::Duration;"],
  ["words that only contain a name", "src/core/link.rs", "let guest = brand::rand_like(); struct Guest; fn streams() { self.browser.x() }"],
  ["a module of that name beneath its own room", "src/core/link.rs", "use crate::core::guest_like; use self::inner::browser;"],
  ["lifetimes and characters", "src/core/json.rs", "fn f<'a>(x: &'a str) -> char { 'x' } const Q: char = '\\''; const U: char = '\\u{1F600}';"],
  ["the simulator's own name", "simulator/Cargo.toml", '[package]\nname = "simulator"\nrepository = "https://github.com/guestwire/guestwire"'],
];
for (const [name, path, text] of innocent) {
  test(`not a violation: ${name}`, () => assert.deepEqual(violations([[path, text]]), []));
}
