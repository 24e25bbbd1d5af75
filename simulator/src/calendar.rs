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
    fn a_date_header_names_the_weekday() {
        assert_eq!(http(1_661_196_266_704), "Mon, 22 Aug 2022 19:24:26 GMT");
        assert_eq!(http(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
