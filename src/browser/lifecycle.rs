//! What the page tells of its own life. Outside of a page there is nothing to hear but `online` and `offline`.

use super::bag::{Bag, Host, member};
use super::callback::Callback;
use crate::core::machine::Page;
use std::cell::Cell;
use wasm_bindgen::JsValue;

/// An input counts as the first one after a pause when so much time lies before it.
const PAUSE_MS: f64 = 30_000.0;

const OF_WINDOW: [&str; 7] = ["pagehide", "pageshow", "focus", "online", "offline", "pointerdown", "keydown"];
const OF_DOCUMENT: [&str; 3] = ["visibilitychange", "freeze", "resume"];

/// Listens for as long as the bag lives, and no longer than the returned callback.
pub fn listen(bag: &Bag, host: &Host, mut tell: impl FnMut(Page) + 'static) -> Callback {
    let window = host.global();
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
    for (target, names) in [(&window, &OF_WINDOW[..]), (&document, &OF_DOCUMENT[..])] {
        for name in names {
            bag.listen(target, name, callback.function());
        }
    }
    callback
}

fn read(event: &JsValue, document: &JsValue, last_input: &Cell<f64>) -> Option<Page> {
    Some(match member(event, "type").as_string()?.as_str() {
        "visibilitychange" if member(document, "hidden").is_truthy() => Page::Hidden,
        "visibilitychange" => Page::Visible,
        "freeze" => Page::Frozen,
        "resume" => Page::Resumed,
        "pagehide" => Page::Left,
        // Every page is shown once; only one that comes back has something to make up for.
        "pageshow" if member(event, "persisted").is_truthy() => Page::Shown,
        "focus" => Page::Focused,
        "online" => Page::Online,
        "offline" => Page::Offline,
        "pointerdown" | "keydown" => {
            let now = member(event, "timeStamp").as_f64()?;
            if now - last_input.replace(now) < PAUSE_MS {
                return None;
            }
            Page::Input
        }
        _ => return None,
    })
}
