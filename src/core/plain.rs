//! What goes out to a page as plain objects: a list of members, whatever it describes.
//!
//! A derived `Serialize` writes the serializer's calls out again for every variant and every optional member, and whole
//! numbers of 64 bits bring number formatting along (design.md "Size"). This is one loop, and numbers leave as what
//! JavaScript has.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// Names that stand one after another with a space between, each with its number: a table of them would be three times as long.
pub fn named<T: Copy>(mut names: &'static str, numbers: &[T], mut each: impl FnMut(&'static str, T)) {
    for number in numbers {
        let end = names.bytes().position(|byte| byte == b' ').unwrap_or(names.len());
        each(&names[..end], *number);
        names = names.get(end + 1..).unwrap_or_default();
    }
}

/// One value.
#[derive(Debug)]
enum Plain<'a> {
    Text(&'a str),
    Number(f64),
    Truth(bool),
    Object(Members<'a>),
}

/// The members of one object, in order.
#[derive(Debug, Default)]
pub struct Members<'a>(Vec<(&'static str, Plain<'a>)>);

impl<'a> Members<'a> {
    fn put(&mut self, name: &'static str, value: Plain<'a>) {
        self.0.push((name, value));
    }

    /// Adds a text.
    pub fn text(&mut self, name: &'static str, text: &'a str) {
        self.put(name, Plain::Text(text));
    }

    /// Adds a number, exact up to 2^53.
    pub fn number(&mut self, name: &'static str, number: f64) {
        self.put(name, Plain::Number(number));
    }

    /// Adds a truth value.
    pub fn truth(&mut self, name: &'static str, truth: bool) {
        self.put(name, Plain::Truth(truth));
    }

    /// Adds an object.
    pub fn object(&mut self, name: &'static str, members: Members<'a>) {
        self.put(name, Plain::Object(members));
    }

    /// Adds a text if there is one.
    pub fn maybe_text(&mut self, name: &'static str, text: Option<&'a str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// Adds a number if there is one.
    pub fn maybe_number(&mut self, name: &'static str, number: Option<i64>) {
        if let Some(number) = number {
            self.number(name, number as f64);
        }
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(*name, value)?;
        }
        map.end()
    }
}

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Plain::Text(text) => serializer.serialize_str(text),
            Plain::Number(number) => serializer.serialize_f64(*number),
            Plain::Truth(truth) => serializer.serialize_bool(*truth),
            Plain::Object(members) => members.serialize(serializer),
        }
    }
}
