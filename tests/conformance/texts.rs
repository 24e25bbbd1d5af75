//! Random texts that are JSON, nearly JSON, or were JSON before something happened to them.

/// A small generator with a seed (SplitMix64): the same seed makes the same texts everywhere.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// Characters of one to four bytes, and those that need care.
const CHARACTERS: &[char] =
    &['a', 'Z', '0', ' ', '/', '{', ']', ':', ',', '\u{7f}', 'é', 'ß', '\u{2028}', '€', '\u{fffd}', '\u{ffff}', '😀', '\u{10ffff}'];
/// Escapes as they stand in a text: short ones, units of one and of two, in either case.
const ESCAPES: &[&str] = &[
    "\\\"",
    "\\\\",
    "\\/",
    "\\b",
    "\\f",
    "\\n",
    "\\r",
    "\\t",
    "\\u0000",
    "\\u001f",
    "\\u0041",
    "\\u00e9",
    "\\uFFFF",
    "\\uffFd",
    "\\ud83d\\ude00",
    "\\uD83D\\uDE00",
    "\\ud800\\udc00",
    "\\udbff\\udfff",
];
/// Halves of pairs, alone or in the wrong order.
const HALVES: &[&str] = &["\\ud83d", "\\ude00", "\\uDBFFx", "\\ud83d\\ud83d", "\\ude00\\ud83d", "\\ud83d\\u0041", "\\ud83d\\n"];
/// Numbers in every form of the grammar.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "1",
    "-1",
    "10240.0",
    "0.5",
    "-0.0",
    "1e3",
    "1E+3",
    "2e-3",
    "0e0",
    "1.25e2",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "123456789012345678901234567890",
    "1791139139",
    "1e99",
    "0.00000001",
];
/// Numbers beyond what a double holds.
const HUGE: &[&str] = &["1e999", "-1E+400", "12.5e308000", "0.1e4000"];
/// What is nearly a value.
const NEARLY: &[&str] = &[
    "",
    "nul",
    "True",
    "tru",
    "falsey",
    "NaN",
    "-",
    "+1",
    "01",
    "-01",
    "1.",
    ".5",
    "1e",
    "1e+",
    "0x10",
    "'a'",
    "\"",
    "\"\\x\"",
    "\"\\u12g4\"",
    "\"\\u123\"",
    "\"\t\"",
    "\"\u{1}\"",
    "[1,]",
    "[,]",
    "{,}",
    "{\"a\"}",
    "{\"a\":}",
    "{a:1}",
    "{1:1}",
    "{\"a\":1,}",
    "[1 2]",
    "{\"a\":1 \"b\":2}",
    "/**/1",
    "\u{feff}1",
    "\u{a0}1",
    "\u{b}1",
    "undefined",
    "]",
    "}",
];
const SPACES: &[&str] = &["", "", "", "", " ", "\n", "\r\n\t", "  "];
const KEYS: &[&str] = &["\"a\"", "\"b\"", "\"class\"", "\"\"", "\"\\u0061\"", "\"body\"", "\"é\"", "\"\\ud83d\\ude00\""];

/// What was put into a text, for the tally.
#[derive(Default)]
pub struct Made {
    pub names: Vec<&'static str>,
}

impl Made {
    fn note(&mut self, name: &'static str) {
        self.names.push(name);
    }
}

/// A JSON text, as a rule of a few dozen values.
pub fn text(chance: &mut Chance, made: &mut Made) -> String {
    let mut out = String::new();
    space(chance, &mut out);
    if chance.one_in(30) {
        deep(chance, made, &mut out);
    } else {
        let depth = 1 + chance.below(5);
        value(chance, made, depth, &mut out);
    }
    space(chance, &mut out);
    out
}

/// Does up to three things to a text that a broken or hostile sender might.
pub fn mutate(chance: &mut Chance, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=chance.below(3) {
        let length = characters.len();
        let (from, to) = (chance.below(length + 1), chance.below(length + 1));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 12));
        match chance.below(8) {
            0 => characters.truncate(from),
            // Control characters are the ones a string may not hold as they are; a space is the first that it may.
            7 => characters.insert(from, char::from(chance.below(0x21) as u8)),
            1 => drop(characters.drain(from..to)),
            2 => {
                let again: Vec<char> = characters[from..to].to_vec();
                characters.splice(to..to, again);
            }
            3 => {
                let token =
                    chance.pick(&["{", "}", "[", "]", ",", ":", "\"", "\\", "null", "1e9", "-", ".", " ", "\n", "\u{0}", "\\u", "\\ud800", "0"]);
                characters.splice(from..from, token.chars());
            }
            4 => {
                let nearly: Vec<char> = chance.pick(NEARLY).chars().collect();
                characters.splice(from..to, nearly);
            }
            5 if from < length => characters[from] = CHARACTERS[chance.below(CHARACTERS.len())],
            _ if length > 1 => characters.swap(from.min(length - 1), to.min(length - 1)),
            _ => {}
        }
    }
    characters.into_iter().collect()
}

fn space(chance: &mut Chance, out: &mut String) {
    out.push_str(chance.pick(SPACES));
}

fn value(chance: &mut Chance, made: &mut Made, depth: usize, out: &mut String) {
    match chance.below(if depth == 0 { 6 } else { 10 }) {
        0 => out.push_str(chance.pick(&["null", "true", "false"])),
        1 | 2 => number(chance, made, out),
        3..=5 => string(chance, made, out),
        6 | 7 => {
            out.push('[');
            sequence(chance, out, |chance, out| value(chance, made, depth - 1, out));
            out.push(']');
        }
        _ => {
            let mut keys = Vec::new();
            out.push('{');
            sequence(chance, out, |chance, out| {
                let key = chance.pick(KEYS);
                if keys.contains(&key) {
                    made.note("duplicate key");
                }
                keys.push(key);
                out.push_str(key);
                space(chance, out);
                out.push(':');
                space(chance, out);
                value(chance, made, depth - 1, out);
            });
            out.push('}');
        }
    }
}

fn sequence(chance: &mut Chance, out: &mut String, mut each: impl FnMut(&mut Chance, &mut String)) {
    space(chance, out);
    for at in 0..chance.below(5) {
        if at > 0 {
            out.push(',');
            space(chance, out);
        }
        each(chance, out);
        space(chance, out);
    }
}

fn number(chance: &mut Chance, made: &mut Made, out: &mut String) {
    if chance.one_in(60) {
        made.note("huge number");
        out.push_str(chance.pick(HUGE));
    } else if chance.one_in(2) {
        out.push_str(chance.pick(NUMBERS));
    } else {
        let whole = chance.bits() >> chance.below(64);
        out.push_str(&format!("{}{whole}", if chance.one_in(3) { "-" } else { "" }));
        if chance.one_in(3) {
            made.note("fraction");
            out.push_str(&format!(".{:03}", chance.below(1000)));
        }
    }
}

fn string(chance: &mut Chance, made: &mut Made, out: &mut String) {
    out.push('"');
    for _ in 0..chance.below(8) {
        match chance.below(40) {
            0 => {
                made.note("lone surrogate");
                out.push_str(chance.pick(HALVES));
            }
            1..=10 => {
                made.note("escape");
                out.push_str(chance.pick(ESCAPES));
            }
            _ => out.push(CHARACTERS[chance.below(CHARACTERS.len())]),
        }
    }
    out.push('"');
}

/// Nested around the limit of sixty-four.
fn deep(chance: &mut Chance, made: &mut Made, out: &mut String) {
    made.note("nested around the limit");
    let levels = 60 + chance.below(9);
    let mut ends = Vec::new();
    for _ in 0..levels {
        let object = chance.one_in(2);
        out.push_str(if object { "{\"a\":" } else { "[" });
        ends.push(if object { '}' } else { ']' });
    }
    out.push_str(chance.pick(&["1", "\"x\"", "null"]));
    out.extend(ends.into_iter().rev());
}
