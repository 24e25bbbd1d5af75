//! Unix milliseconds as the two texts the protocol uses for time.

/// `2022-08-22T19:24:26.704Z`, the form of `channel.time`.
pub(crate) fn iso(unix_ms: u64) -> String {
    let (year, month, day) = date(unix_ms);
    let (hour, minute, second) = clock(unix_ms);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", unix_ms % 1000)
}

/// `Mon, 22 Aug 2022 19:24:26 GMT`, the form of the HTTP `Date` header.
pub(crate) fn http(unix_ms: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = date(unix_ms);
    let (hour, minute, second) = clock(unix_ms);
    let weekday = DAYS[(unix_ms / 86_400_000 % 7) as usize];
    let month = MONTHS[month as usize - 1];
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Unix milliseconds of a time in that form: the fraction of a second may be absent or finer, an offset may stand for `Z`.
/// None for what is no time, or before 1970.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't'])?;
    let zone = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(zone);
    let number =
        |text: &str, digits: usize| text.parse::<u64>().ok().filter(|_| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()));
    let three = |text: &str, mark: char, first: usize| -> Option<[u64; 3]> {
        let mut parts = text.split(mark);
        let found = [number(parts.next()?, first)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?];
        parts.next().is_none().then_some(found)
    };
    let [year, month, day] = three(date, '-', 4)?;
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = three(whole, ':', 2)?;
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let ms = fraction.bytes().chain(*b"000").take(3).fold(0, |ms, digit| ms * 10 + u64::from(digit - b'0'));
    let sound = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    let minutes_east = match zone.split_at(1) {
        ("Z" | "z", "") => 0,
        (sign, offset) => {
            let (hours, minutes) = offset.split_once(':')?;
            let minutes = i64::try_from(number(hours, 2)? * 60 + number(minutes, 2)?).ok()?;
            if sign == "+" { minutes } else { -minutes }
        }
    };
    let of_day = ((hour * 60 + minute) * 60 + second) * 1000 + ms;
    let local = days(year, month, day).filter(|_| sound)?.checked_mul(86_400_000)?.checked_add(of_day)?;
    local.checked_add_signed(-minutes_east * 60_000)
}

fn clock(unix_ms: u64) -> (u64, u64, u64) {
    let second = unix_ms / 1000 % 86_400;
    (second / 3600, second / 60 % 60, second % 60)
}

/// Days to a date, after Howard Hinnant's `civil_from_days`, for days since 1970 only.
fn date(unix_ms: u64) -> (u64, u64, u64) {
    let days = unix_ms / 86_400_000 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

/// A date to days since 1970, after Howard Hinnant's `days_from_civil`.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let era = year / 400;
    let year_of_era = year % 400;
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_as_the_protocol_writes_it() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(1_661_196_266_704), "2022-08-22T19:24:26.704Z");
        assert_eq!(iso(951_782_400_000), "2000-02-29T00:00:00.000Z");
    }

    #[test]
    fn a_moment_is_read_in_every_form_it_comes_in() {
        for ms in [0, 1_661_196_266_704, 951_782_400_000, 1_767_225_599_999, 4_102_444_800_000] {
            assert_eq!(parse(&iso(ms)), Some(ms));
        }
        assert_eq!(parse("2022-08-22T19:24:26Z"), Some(1_661_196_266_000));
        assert_eq!(parse("2022-08-22T19:24:26.7Z"), Some(1_661_196_266_700));
        assert_eq!(parse("2022-08-22T19:24:26.704999Z"), Some(1_661_196_266_704));
        assert_eq!(parse("2022-08-22T21:24:26.704+02:00"), Some(1_661_196_266_704));
        assert_eq!(parse("2022-08-22T13:54:26.704-05:30"), Some(1_661_196_266_704));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "soon",
            "2022-08-22",
            "2022-08-22T19:24:26",
            "2022-13-22T19:24:26Z",
            "2022-08-00T19:24:26Z",
            "2022-08-22T24:24:26Z",
            "2022-08-22T19:24Z",
            "2022-8-22T19:24:26Z",
            "2022-08-22T19:24:26.Z",
            "2022-08-22T19:24:26Zebra",
            "1969-12-31T23:59:59Z",
            "+022-08-22T19:24:26Z",
            "2022-08-22Té19:24:26Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_header_names_the_weekday() {
        assert_eq!(http(1_661_196_266_704), "Mon, 22 Aug 2022 19:24:26 GMT");
        assert_eq!(http(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
