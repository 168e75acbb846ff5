//! Times of the wire: RFC 3339 text or epoch milliseconds, within plausible bounds.

use super::limits::EARLIEST;
use super::trace::{Field, Trace};
use crate::event::{Code, Time};
use serde::de::{Deserializer, Visitor};
use std::fmt;

/// A plausible time: RFC 3339 text or epoch milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct When(pub(super) Time);

impl<'de> Field<'de> for When {
    fn read<D: Deserializer<'de>>(deserializer: D, trace: &mut Trace) -> Result<Self, D::Error> {
        let time = deserializer.deserialize_any(Moment)?.ok_or_else(|| {
            trace.fail(Code::WrongType, "the text is no RFC 3339 time such as 2026-11-24T07:00:00.123Z")
        })?;
        if time < EARLIEST || time > trace.latest {
            let (low, high) = (EARLIEST, trace.latest);
            return Err(trace.fail(Code::TimeOutOfRange, format_args!("{time} is not between {low} and {high}")));
        }
        Ok(Self(time))
    }
}

/// Reads a time; `None` for a text that is none.
pub(super) struct Moment;
impl Visitor<'_> for Moment {
    type Value = Option<Time>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time: RFC 3339 text or epoch milliseconds")
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(quick_time(text.as_bytes()).or_else(|| Time::parse(text).ok()))
    }
    fn visit_u64<E>(self, n: u64) -> Result<Self::Value, E> {
        Ok(Some(Time(i64::try_from(n).unwrap_or(i64::MAX))))
    }
    fn visit_i64<E>(self, n: i64) -> Result<Self::Value, E> {
        Ok(Some(Time(n)))
    }
    fn visit_f64<E>(self, x: f64) -> Result<Self::Value, E> {
        // `as` saturates: what lies beyond an i64 is implausible and stays so.
        Ok(Some(Time(x.floor() as i64)))
    }
}

/// The canonical form `2026-11-24T07:00:00.123Z`, five times as fast as a general parser; `None` for anything else,
/// which then goes to that parser. A property test holds the two together.
fn quick_time(text: &[u8]) -> Option<Time> {
    let text: &[u8; 24] = text.try_into().ok()?;
    if (text[4], text[7], text[10], text[13], text[16], text[19], text[23])
        != (b'-', b'-', b'T', b':', b':', b'.', b'Z')
    {
        return None;
    }
    let number = |from: usize, to: usize| {
        text[from..to].iter().try_fold(0_i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second, ms) = (number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 23)?);
    // Days to 28 are right in every month; the last days, and leap seconds, go the long way.
    if year < 1970 || !(1..=12).contains(&month) || !(1..=28).contains(&day) || hour > 23 || minute > 59 || second > 59
    {
        return None;
    }
    // Days since 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms"): years begin in March.
    let y = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719_468;
    Some(Time((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quick_time_agrees_with_the_library(ms in 0_i64..253_402_300_799_999) {
            let text = Time(ms).to_rfc3339();
            prop_assert_eq!(Time::parse(&text).expect("own form"), Time(ms));
            if let Some(time) = quick_time(text.as_bytes()) {
                prop_assert_eq!(time, Time(ms));
            } else {
                prop_assert!(&text[8..10] > "28", "{} went the long way", text);
            }
        }

        #[test]
        fn quick_time_accepts_nothing_the_library_refuses(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z") {
            if let Some(time) = quick_time(text.as_bytes()) {
                prop_assert_eq!(Time::parse(&text).ok(), Some(time));
            }
        }
    }
}
