//! The time, as the host tells it.

use crate::core::machine::Now;
use std::cell::Cell;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn date_now() -> f64;
}

/// Reads both clocks. `mono` never goes back, whatever the host says.
#[derive(Default)]
pub struct Clock {
    last: Cell<u64>,
}

impl Clock {
    /// The time now.
    pub fn now(&self) -> Now {
        // A cast from a float saturates: no reading can panic.
        let mono = (performance_now() as u64).max(self.last.get());
        self.last.set(mono);
        Now { mono, unix: date_now() as u64 }
    }
}
