//! How often a run has met what.

use std::collections::BTreeMap;
use std::fmt;

#[derive(Default, Clone)]
pub struct Coverage(BTreeMap<(String, String), u64>);

impl Coverage {
    pub fn hit(&mut self, kind: &str, name: &str) {
        self.count(kind, name, 1);
    }

    pub fn count(&mut self, kind: &str, name: &str, times: u64) {
        *self.0.entry((kind.to_string(), name.to_string())).or_default() += times;
    }

    pub fn add(&mut self, other: &Coverage) {
        for ((kind, name), times) in &other.0 {
            self.count(kind, name, *times);
        }
    }

    pub fn has(&self, kind: &str, name: &str) -> bool {
        self.0.get(&(kind.to_string(), name.to_string())).is_some_and(|times| *times > 0)
    }

    /// What was not met of what is expected.
    pub fn missing<'a>(&self, expected: impl Iterator<Item = &'a (&'a str, &'a [&'a str])>) -> Vec<String> {
        expected.flat_map(|(kind, names)| names.iter().filter(|name| !self.has(kind, name)).map(move |name| format!("{kind} {name}"))).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kind = "";
        for ((of, name), times) in &self.0 {
            if of != kind {
                write!(f, "\n{of:>9}:")?;
                kind = of;
            }
            write!(f, " {name} {times}")?;
        }
        writeln!(f)
    }
}
