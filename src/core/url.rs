//! Parts of URLs and of forms.

/// Percent-encodes what is not unreserved (RFC 3986 §2.3); good for a path's segment, a query and a form's value.
pub fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_is_encoded_byte_by_byte() {
        assert_eq!(encode("aZ09-._~"), "aZ09-._~");
        assert_eq!(encode("a+b/c=d&e f%"), "a%2Bb%2Fc%3Dd%26e%20f%25");
        assert_eq!(encode("\u{e9}\u{1f600}"), "%C3%A9%F0%9F%98%80");
    }
}
