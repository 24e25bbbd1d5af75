//! The tolerant reader of everything that comes in as text, and the small writer of what goes out.
//!
//! A frame is read into a tape of `{kind, start, end}` over its own text: nothing is copied but strings with escapes,
//! which are written out once, so that every string is a slice; numbers stay text, depth and size are limited. `null`
//! reads as absent. Reading is tolerant where the service is loose (a whole number written `10240.0`, a lone
//! surrogate) and strict in the grammar (RFC 8259), so that garbage is told from frames. Rich content leaves as its
//! [raw](Value::raw) slice.

/// Deeper nesting is refused: no frame of the service comes near it.
pub const MAX_DEPTH: usize = 64;
/// Longer texts are refused, bytes: a history page of a hundred longest messages is an eighth of it.
pub const MAX_LENGTH: usize = 4 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Null,
    True,
    False,
    Number,
    /// Without escapes: the slice is the value.
    Plain,
    Escaped,
    Array,
    Object,
}

#[derive(Clone, Copy)]
struct Node {
    token: Token,
    start: u32,
    end: u32,
    /// Of a container: the tape index behind its last descendant. Of an escaped string: its place among those written out.
    link: u32,
}

/// A text that is JSON, read.
pub struct Document<'a> {
    text: &'a str,
    tape: Vec<Node>,
    unescaped: Vec<String>,
}

impl<'a> Document<'a> {
    /// Reads a text; `None` where it is not JSON, too deep or too long.
    pub fn parse(text: &'a str) -> Option<Document<'a>> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let mut reader = Reader { text, at: 0, tape: Vec::new(), unescaped: Vec::new() };
        reader.space();
        reader.value(0)?;
        reader.space();
        (reader.at == text.len()).then_some(Document { text, tape: reader.tape, unescaped: reader.unescaped })
    }

    /// The outermost value.
    pub fn root(&self) -> Value<'_> {
        Value { document: self, at: 0 }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    tape: Vec<Node>,
    unescaped: Vec<String>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn word(&mut self, word: &[u8], token: Token) -> Option<()> {
        let end = self.at + word.len();
        if self.text.as_bytes().get(self.at..end)? != word {
            return None;
        }
        self.leaf(token, self.at, end);
        self.at = end;
        Some(())
    }

    fn leaf(&mut self, token: Token, start: usize, end: usize) {
        self.tape.push(Node { token, start: start as u32, end: end as u32, link: self.unescaped.len() as u32 });
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'{' => self.container(depth, Token::Object, b'}'),
            b'[' => self.container(depth, Token::Array, b']'),
            b'"' => self.string(),
            b'n' => self.word(b"null", Token::Null),
            b't' => self.word(b"true", Token::True),
            b'f' => self.word(b"false", Token::False),
            _ => self.number(),
        }
    }

    fn container(&mut self, depth: usize, token: Token, close: u8) -> Option<()> {
        if depth == MAX_DEPTH {
            return None;
        }
        let node = self.tape.len();
        self.leaf(token, self.at, 0);
        self.at += 1;
        self.space();
        if self.peek()? != close {
            loop {
                if token == Token::Object {
                    (self.peek()? == b'"').then_some(())?;
                    self.string()?;
                    self.space();
                    self.eat(b':')?;
                    self.space();
                }
                self.value(depth + 1)?;
                self.space();
                if self.peek()? != b',' {
                    break;
                }
                self.at += 1;
                self.space();
            }
        }
        self.eat(close)?;
        let link = self.tape.len() as u32;
        self.tape[node] = Node { end: self.at as u32, link, ..self.tape[node] };
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        let start = self.at + 1;
        self.at = start;
        let mut token = Token::Plain;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    token = Token::Escaped;
                    self.at += 1;
                    match self.peek()? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                        b'u' => {
                            let digits = self.text.as_bytes().get(self.at + 1..self.at + 5)?;
                            digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                            self.at += 5;
                        }
                        _ => return None,
                    }
                }
                0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
        self.leaf(token, start, self.at);
        if token == Token::Escaped {
            self.unescaped.push(unescape(&self.text[start..self.at]));
        }
        self.at += 1;
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        (self.at > from).then_some(())
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        let _ = self.eat(b'-');
        if self.eat(b'0').is_none() {
            self.digits()?;
        }
        if self.eat(b'.').is_some() {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.leaf(Token::Number, start, self.at);
        Some(())
    }
}

/// One value of a document.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    document: &'d Document<'d>,
    at: u32,
}

impl<'d> Value<'d> {
    fn node(self) -> Node {
        self.document.tape[self.at as usize]
    }

    fn slice(self) -> &'d str {
        let node = self.node();
        &self.document.text[node.start as usize..node.end as usize]
    }

    /// The value as it stands in the text, quotes included.
    pub fn raw(self) -> &'d str {
        let node = self.node();
        let quote = u32::from(matches!(node.token, Token::Plain | Token::Escaped));
        &self.document.text[(node.start - quote) as usize..(node.end + quote) as usize]
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.node().token == Token::Object
    }

    /// Whether it is an array.
    pub fn is_array(self) -> bool {
        self.node().token == Token::Array
    }

    /// A member of an object; `null` is absent, and of members with one name the last counts.
    pub fn get(self, name: &str) -> Option<Value<'d>> {
        let mut found = None;
        for (key, value) in self.members() {
            if key == name {
                found = Some(value);
            }
        }
        found.filter(|value| value.node().token != Token::Null)
    }

    /// A string member.
    pub fn text(self, name: &str) -> Option<&'d str> {
        self.get(name)?.as_str()
    }

    /// A string member, to be kept.
    pub fn string(self, name: &str) -> Option<String> {
        self.text(name).map(str::to_string)
    }

    /// Whether a member is this string.
    pub fn is(self, name: &str, text: &str) -> bool {
        self.text(name) == Some(text)
    }

    /// A whole-number member.
    pub fn int(self, name: &str) -> Option<i64> {
        self.get(name)?.as_int()
    }

    /// A truth member; absent or of another type is `false`.
    pub fn flag(self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.node().token == Token::True)
    }

    /// The string; lone surrogates become U+FFFD.
    pub fn as_str(self) -> Option<&'d str> {
        let node = self.node();
        match node.token {
            Token::Plain => Some(self.slice()),
            Token::Escaped => Some(&self.document.unescaped[node.link as usize]),
            _ => None,
        }
    }

    /// The truth value.
    pub fn as_bool(self) -> Option<bool> {
        match self.node().token {
            Token::True => Some(true),
            Token::False => Some(false),
            _ => None,
        }
    }

    /// The whole part of a number without exponent, or of a string that holds one (guest-api.md §3.4.6).
    pub fn as_int(self) -> Option<i64> {
        if !matches!(self.node().token, Token::Number | Token::Plain) {
            return None;
        }
        let text = self.slice();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let whole = digits.bytes().position(|byte| byte == b'.').unwrap_or(digits.len());
        if !digits[whole..].bytes().skip(1).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number = whole_number(&digits[..whole])?;
        if negative { 0i64.checked_sub_unsigned(number) } else { i64::try_from(number).ok() }
    }

    /// The place behind this value on the tape.
    fn behind(self) -> u32 {
        let node = self.node();
        if matches!(node.token, Token::Array | Token::Object) { node.link } else { self.at + 1 }
    }

    fn children(self, of: Token) -> std::ops::Range<u32> {
        let from = self.at + 1;
        from..if self.node().token == of { self.behind() } else { from }
    }

    /// The elements of an array; nothing for anything else.
    pub fn items(self) -> impl Iterator<Item = Value<'d>> {
        let mut left = self.children(Token::Array);
        std::iter::from_fn(move || {
            let at = left.start;
            (at < left.end).then(|| {
                let value = Value { at, ..self };
                left.start = value.behind();
                value
            })
        })
    }

    /// The members of an object in their order; nothing for anything else.
    pub fn members(self) -> impl Iterator<Item = (&'d str, Value<'d>)> {
        let mut left = self.children(Token::Object);
        std::iter::from_fn(move || {
            let at = left.start;
            (at < left.end).then(|| {
                let (key, value) = (Value { at, ..self }, Value { at: at + 1, ..self });
                left.start = value.behind();
                (key.as_str().unwrap_or_default(), value)
            })
        })
    }
}

/// A number in digits and nothing else. The standard library's way costs more, and takes a sign.
pub fn whole_number(digits: &str) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.bytes().try_fold(0u64, |sum, byte| match byte {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// Writes out a string whose escapes the reader has checked.
fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        out.push_str(&text[from..at]);
        let escape = bytes[at + 1];
        at += 2;
        out.push(match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = hex4(bytes, at);
                at += 4;
                let low = if bytes[at..].starts_with(b"\\u") { hex4(bytes, at + 2) } else { 0 };
                if (0xd800..0xdc00).contains(&unit) && (0xdc00..0xe000).contains(&low) {
                    at += 6;
                    char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
                } else {
                    char::from_u32(unit)
                }
                .unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => other as char,
        });
        from = at;
    }
    out.push_str(&text[from..]);
    out
}

/// Four hexadecimal digits that the reader has checked.
fn hex4(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |sum, digit| sum << 4 | u32::from(if *digit <= b'9' { digit - b'0' } else { (digit | 0x20) - b'a' + 10 }))
}

/// Appends a quoted string.
pub fn push_string(out: &mut String, value: &str) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in value.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f => "",
            _ => continue,
        };
        out.push_str(&value[from..at]);
        from = at + 1;
        if escape.is_empty() {
            out.push_str("\\u00");
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&value[from..]);
    out.push('"');
}

/// A number in digits. The standard library's way brings its formatting machinery along.
pub fn decimal(mut number: u64) -> String {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits[at..].iter().map(|digit| char::from(*digit)).collect()
}

/// Writes one object; members that are `None` are omitted, never `null` (guest-api.md §2.0).
pub struct Object(String);

impl Default for Object {
    fn default() -> Object {
        Object::new()
    }
}

impl Object {
    /// An empty object.
    pub fn new() -> Object {
        Object(String::from("{"))
    }

    /// A member whose value is JSON already.
    pub fn raw(&mut self, name: &str, json: &str) -> &mut Object {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_string(&mut self.0, name);
        self.0.push(':');
        self.0.push_str(json);
        self
    }

    /// A string member.
    pub fn text(&mut self, name: &str, value: &str) -> &mut Object {
        self.raw(name, "");
        push_string(&mut self.0, value);
        self
    }

    /// A number member.
    pub fn int(&mut self, name: &str, value: i64) -> &mut Object {
        self.raw(name, if value < 0 { "-" } else { "" });
        self.0.push_str(&decimal(value.unsigned_abs()));
        self
    }

    /// A truth member.
    #[cfg(feature = "streams")]
    pub fn truth(&mut self, name: &str, value: bool) -> &mut Object {
        self.raw(name, if value { "true" } else { "false" })
    }

    /// A truth member, written only when it is true.
    pub fn flag(&mut self, name: &str, value: bool) -> &mut Object {
        self.maybe_raw(name, value.then_some("true"))
    }

    /// A member that is JSON already and may be absent.
    pub fn maybe_raw(&mut self, name: &str, json: Option<&str>) -> &mut Object {
        match json {
            Some(json) => self.raw(name, json),
            None => self,
        }
    }

    /// A string member that may be absent.
    pub fn maybe(&mut self, name: &str, value: Option<&str>) -> &mut Object {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// The text; the object is used up.
    pub fn end(&mut self) -> String {
        self.0.push('}');
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_items_and_leaves_are_read_where_they_stand() {
        let document = Document::parse(r#" {"a":[1,{"b":"x"},null],"c":true,"a2":"\u00e9\n"} "#).unwrap();
        let root = document.root();
        let items: Vec<_> = root.get("a").unwrap().items().collect();
        assert_eq!(items.len(), 3);
        assert_eq!(items[0].as_int(), Some(1));
        assert_eq!(items[1].text("b"), Some("x"));
        assert!(root.flag("c"));
        assert_eq!(root.text("a2"), Some("é\n"));
        assert_eq!(root.get("a").unwrap().raw(), r#"[1,{"b":"x"},null]"#);
    }

    #[test]
    fn null_is_absent_and_the_last_of_two_members_counts() {
        let document = Document::parse(r#"{"a":null,"b":1,"b":2}"#).unwrap();
        assert!(document.root().get("a").is_none());
        assert_eq!(document.root().int("b"), Some(2));
    }

    #[test]
    fn whole_numbers_are_read_also_as_floats_and_from_strings() {
        let document = Document::parse(r#"{"a":10240.0,"b":"259200","c":-5,"d":1e3,"e":99999999999999999999}"#).unwrap();
        let root = document.root();
        assert_eq!(root.int("a"), Some(10240));
        assert_eq!(root.int("b"), Some(259_200));
        assert_eq!(root.int("c"), Some(-5));
        assert_eq!(root.int("d"), None);
        assert_eq!(root.int("e"), None);
    }

    #[test]
    fn surrogate_pairs_join_and_lone_ones_are_replaced() {
        let document = Document::parse(r#"["\ud83d\ude00","\ud83dx","\ude00"]"#).unwrap();
        let texts: Vec<_> = document.root().items().map(|value| value.as_str().unwrap().to_string()).collect();
        assert_eq!(texts, ["😀", "\u{fffd}x", "\u{fffd}"]);
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for bad in ["", "{", "[1,]", "{\"a\"}", "01", "1.", "\"\u{1}\"", "\"\\x\"", "nul", "[1] 2", "{a:1}", "'a'", "\"\\u12g4\""] {
            assert!(Document::parse(bad).is_none(), "{bad}");
        }
        assert!(Document::parse(&"[".repeat(MAX_DEPTH + 1)).is_none());
        let deep = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
        assert!(Document::parse(&deep).is_some());
        assert!(Document::parse(&format!("[{deep}]")).is_none());
    }

    #[test]
    fn numbers_are_written_in_digits() {
        for number in [0, 7, 10, 4096, u64::MAX] {
            assert_eq!(decimal(number), number.to_string());
        }
        assert_eq!(Object::new().int("n", i64::MIN).end(), "{\"n\":-9223372036854775808}");
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = Object::new().text("a\"", "x\u{1}\n\\\"é😀").int("n", -3).flag("no", false).flag("yes", true).maybe("m", None).end();
        assert_eq!(text, "{\"a\\\"\":\"x\\u0001\\n\\\\\\\"é😀\",\"n\":-3,\"yes\":true}");
        let document = Document::parse(&text).unwrap();
        assert_eq!(document.root().text("a\""), Some("x\u{1}\n\\\"é😀"));
    }
}
