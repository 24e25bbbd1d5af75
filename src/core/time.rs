//! The service's times: ISO 8601 in UTC on the wire (guest-api.md §3.4.1), milliseconds here.

/// Reads `2022-08-22T19:24:26.704Z`, with any number of fractional digits and with an offset instead of `Z`.
/// `None` for anything else.
pub fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let part = |from: usize, to: usize| -> Option<i64> {
        let digits = bytes.get(from..to)?;
        digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
    };
    let mark = |at: usize, allowed: &[u8]| bytes.get(at).is_some_and(|byte| allowed.iter().any(|one| one == byte));
    if !(mark(4, b"-") && mark(7, b"-") && mark(10, b"Tt ") && mark(13, b":") && mark(16, b":")) {
        return None;
    }
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut at = 19;
    let mut millis = 0;
    if mark(at, b".,") {
        at += 1;
        let mut worth = 100;
        while let Some(digit) = bytes.get(at).filter(|byte| byte.is_ascii_digit()) {
            millis += i64::from(digit - b'0') * worth;
            worth /= 10;
            at += 1;
        }
    }
    let offset = match bytes.get(at)? {
        b'Z' | b'z' if at + 1 == bytes.len() => 0,
        sign @ (b'+' | b'-') => {
            let minutes = part(at + 1, at + 3)? * 60 + if mark(at + 3, b":") { part(at + 4, at + 6)? } else { part(at + 3, at + 5)? };
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    Some((((days(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 + second) * 1000 + millis)
}

/// What a JavaScript date can hold, and nothing before the epoch. A page that is told another time may throw over it.
#[cfg(feature = "guest")]
pub fn is_date(ms: &i64) -> bool {
    (0..=8_640_000_000_000_000).contains(ms)
}

/// Days since the Unix epoch of a date in the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Counted from a March, so that the leap day is a year's last.
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

/// Writes `2022-08-22T19:24:26.704Z`.
#[cfg(feature = "streams")]
pub fn format(millis: u64) -> String {
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let (days_since, of_day) = (seconds / 86_400, seconds % 86_400);
    // The other way round from `days`: eras of 400 years, years that begin in March.
    let era_days = days_since + 719_468;
    let (era, of_era) = (era_days / 146_097, era_days % 146_097);
    let of_year = |year: u64| of_era - (365 * year + year / 4 - year / 100);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let month = (5 * of_year(year) + 2) / 153;
    let day = of_year(year) - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let mut out = String::new();
    let parts = [
        (era * 400 + year + next, 4, "-"),
        (month, 2, "-"),
        (day, 2, "T"),
        (of_day / 3600, 2, ":"),
        (of_day / 60 % 60, 2, ":"),
        (of_day % 60, 2, "."),
        (millis, 3, "Z"),
    ];
    for (number, digits, mark) in parts {
        let text = super::json::decimal(number);
        for _ in text.len()..digits {
            out.push('0');
        }
        out.push_str(&text);
        out.push_str(mark);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "streams")]
    fn times_are_written_as_they_are_read() {
        assert_eq!(format(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(format(1_661_196_266_704), "2022-08-22T19:24:26.704Z");
        assert_eq!(format(951_782_400_001), "2000-02-29T00:00:00.001Z");
        assert_eq!(format(1_767_225_599_999), "2025-12-31T23:59:59.999Z");
        for millis in (0..4_000_000_000_000).step_by(86_399_987 * 7) {
            assert_eq!(parse(&format(millis)), Some(millis as i64));
        }
    }

    #[test]
    fn times_are_read_to_the_millisecond() {
        assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse("2022-08-22T19:24:26.704Z"), Some(1_661_196_266_704));
        assert_eq!(parse("2024-02-29T23:59:59.9Z"), Some(1_709_251_199_900));
        assert_eq!(parse("2000-03-01T00:00:00.1239Z"), Some(951_868_800_123));
        assert_eq!(parse("2022-08-22T21:24:26.704+02:00"), Some(1_661_196_266_704));
        assert_eq!(parse("2022-08-22T14:54:26.704-0430"), Some(1_661_196_266_704));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for bad in [
            "",
            "…",
            "yesterday",
            "2022-08-22",
            "2022-13-22T19:24:26Z",
            "2022-08-22T19:24:26",
            "2022-08-22T19:24:26.7Zx",
            "2022-0x-22T19:24:26Z",
            "1661196266704",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
