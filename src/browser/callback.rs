//! A Rust closure that JavaScript may call: guarded, and silent from the moment it is dropped.

use super::bag::Bag;
use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;

/// Dropping it takes the callback back. One signature for all of them, since each costs its own glue.
pub struct Callback {
    _closure: Closure<dyn FnMut(JsValue) -> JsValue>,
    function: Function,
    bag: Bag,
}

impl Callback {
    /// Wraps a closure that returns nothing.
    pub fn new(bag: &Bag, mut run: impl FnMut(JsValue) + 'static) -> Callback {
        Callback::returning(bag, move |value| {
            run(value);
            JsValue::UNDEFINED
        })
    }

    /// Wraps a closure that returns something.
    pub fn returning(bag: &Bag, run: impl FnMut(JsValue) -> JsValue + 'static) -> Callback {
        let boxed: Box<dyn FnMut(JsValue) -> JsValue> = Box::new(run);
        let closure = Closure::wrap(boxed);
        let function = bag.guard(closure.as_ref());
        Callback { _closure: closure, function, bag: bag.clone() }
    }

    /// What JavaScript calls.
    pub fn function(&self) -> &Function {
        &self.function
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.bag.release(&self.function);
    }
}
