//! What the page tells of its own life. Outside of a page there is nothing to hear but `online` and `offline`.

use super::bag::{Bag, Host, member};
use super::callback::Callback;
use crate::core::machine::Page;
use std::cell::Cell;
use wasm_bindgen::JsValue;

/// An input counts as the first one after a pause when so much time lies before it.
const PAUSE_MS: f64 = 30_000.0;

/// What is heard, those of the window first …
const EVENTS: [(&str, Page); 10] = [
    ("pagehide", Page::Left),
    ("pageshow", Page::Shown),
    ("focus", Page::Focused),
    ("online", Page::Online),
    ("offline", Page::Offline),
    ("pointerdown", Page::Input),
    ("keydown", Page::Input),
    ("visibilitychange", Page::Visible),
    ("freeze", Page::Frozen),
    ("resume", Page::Resumed),
];
/// … and so many of them.
const OF_WINDOW: usize = 7;

/// Listens for as long as the bag lives, and no longer than the returned callback.
pub fn listen(bag: &Bag, host: &Host, mut tell: impl FnMut(Page) + 'static) -> Callback {
    let window = member(host, "global");
    let document = member(&window, "document");
    let last_input = Cell::new(f64::NEG_INFINITY);
    let callback = {
        let document = document.clone();
        Callback::new(bag, move |event| {
            if let Some(page) = read(&event, &document, &last_input) {
                tell(page);
            }
        })
    };
    for (at, (name, _)) in EVENTS.iter().enumerate() {
        bag.listen(if at < OF_WINDOW { &window } else { &document }, name, callback.function());
    }
    callback
}

fn read(event: &JsValue, document: &JsValue, last_input: &Cell<f64>) -> Option<Page> {
    let name = member(event, "type").as_string()?;
    let (_, page) = EVENTS.iter().find(|(known, _)| **known == name)?;
    match page {
        Page::Visible if member(document, "hidden").is_truthy() => return Some(Page::Hidden),
        // Every page is shown once; only one that comes back has something to make up for.
        Page::Shown if !member(event, "persisted").is_truthy() => return None,
        Page::Input => {
            let now = member(event, "timeStamp").as_f64()?;
            if now - last_input.replace(now) < PAUSE_MS {
                return None;
            }
        }
        _ => {}
    }
    Some(*page)
}
