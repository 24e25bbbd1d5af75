//! What outlives a reload: `localStorage`, `sessionStorage`, or nothing but memory.
//!
//! Whatever the storage refuses is kept in the bag's memory, from where it is read back after a panic; the caller is
//! told, so that nobody takes it for durable. No exception leaves this room. Other tabs write here too, and the
//! visitor may clear it under our hands: nothing is remembered of what was written before.

use super::bag::{Bag, Host, member, put};
use crate::core::machine::StoreFault;
use js_sys::{Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// A store of texts by key.
pub struct Storage {
    area: Area,
    memory: Object,
}

enum Area {
    /// `storage: "memory"`: the page wants it so, and it is no fault.
    Memory,
    /// The page wants storage and the host has none, or forbids it.
    Missing,
    Web(web_sys::Storage),
}

impl Storage {
    /// By the option's word: `local`, `session` or `memory`.
    pub fn new(bag: &Bag, host: &Host, kind: &str) -> Storage {
        let global = member(host, "global");
        let area = match kind {
            "memory" => Area::Memory,
            // Outside of a page there may be a global of that name, which is another thing (Node 22 has one).
            _ if member(&global, "document").is_undefined() => Area::Missing,
            _ => match member(&global, if kind == "session" { "sessionStorage" } else { "localStorage" }) {
                storage if storage.is_object() => Area::Web(storage.unchecked_into()),
                _ => Area::Missing,
            },
        };
        Storage { area, memory: member(bag, "memory").unchecked_into() }
    }

    /// Writes, or with `None` removes, one key.
    pub fn write(&self, key: &str, value: Option<&str>) -> Result<(), StoreFault> {
        let result = match &self.area {
            Area::Memory => Ok(()),
            // What cannot be stored needs no removing.
            Area::Missing => value.map_or(Ok(()), |_| Err(StoreFault::Unavailable)),
            Area::Web(storage) => match value {
                Some(value) => storage.set_item(key, value),
                None => storage.remove_item(key),
            }
            .map_err(|fault| reason(&fault)),
        };
        match value {
            Some(value) if result.is_err() || matches!(self.area, Area::Memory) => put(&self.memory, key, &value.into()),
            _ => drop(Reflect::delete_property(&self.memory, &key.into())),
        }
        result
    }

    /// Everything under a prefix, in no order; what is in memory comes first.
    pub fn read(&self, prefix: &str) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        let mut look = |area: &JsValue| {
            // The keys first: another tab may write between two looks.
            for key in Reflect::own_keys(area).unwrap_or_default() {
                if let Some(name) = key.as_string().filter(|name| name.starts_with(prefix) && !found.iter().any(|(known, _)| known == name))
                    && let Some(value) = member(area, &name).as_string()
                {
                    found.push((name, value));
                }
            }
        };
        look(&self.memory);
        if let Area::Web(storage) = &self.area {
            look(storage);
        }
        found
    }
}

fn reason(fault: &JsValue) -> StoreFault {
    match member(fault, "name").as_string().as_deref() {
        Some("QuotaExceededError" | "NS_ERROR_DOM_QUOTA_REACHED") => StoreFault::Full,
        _ => StoreFault::Unavailable,
    }
}
