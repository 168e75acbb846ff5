//! Durations and sizes, written with their units.

use crate::event::Span;

/// Reads `250ms`, `10s`, `5m`, `1.5h`, `7d`.
pub(super) fn span(text: &str) -> Result<Span, String> {
    let hint = "a time is a number and a unit, such as 250ms, 10s, 30m, 12h or 7d";
    let (number, unit) = split(text).ok_or(hint)?;
    let factor = match unit {
        "ms" => 1.0,
        "s" => 1e3,
        "m" => 60e3,
        "h" => 3_600e3,
        "d" => 86_400e3,
        _ => return Err(hint.to_owned()),
    };
    let ms = (number * factor).round();
    // A hundred years: beyond that nothing here has a meaning, and sums of times stay far from overflow.
    if ms <= 36_525.0 * 86_400e3 { Ok(Span(ms as i64)) } else { Err("that is over a hundred years".to_owned()) }
}

/// Reads `64KiB`, `512MiB`, `4GiB`, `1TiB`, and `KB`, `MB`, `GB`, `TB` in thousands.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let hint = "a size is a number and a unit, such as 512MiB or 4GiB";
    let (number, unit) = split(text).ok_or(hint)?;
    let factor = match unit {
        "B" => 1.0,
        "KiB" => 1_024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        "TiB" => 1_099_511_627_776.0,
        "KB" | "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        _ => return Err(hint.to_owned()),
    };
    let bytes = (number * factor).round();
    if bytes <= 1e15 { Ok(bytes as u64) } else { Err("that is over a thousand terabytes".to_owned()) }
}

fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_need_their_unit() {
        for (text, ms) in [("250ms", 250), ("10s", 10_000), ("1.5m", 90_000), ("12 h", 43_200_000), ("7d", 604_800_000)]
        {
            assert_eq!(span(text), Ok(Span(ms)), "{text}");
        }
        for text in ["", "10", "s", "-1s", "1w", "1e3s", "1.2.3s", "99999999d", "10 seconds"] {
            assert!(span(text).is_err(), "{text}");
        }
        for (text, bytes) in [("4GiB", 4 << 30), ("1.5 MiB", 3 << 19), ("10MB", 10_000_000), ("7B", 7)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "4", "4G", "-1GiB", "4gib", "9999TiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
