//! Files of ratings, read whole and quickly: user, item, rating, seconds, separated by tabs, commas or `::`.

use std::fmt;

/// One rating. Ordered by time, user, item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rating {
    /// Seconds since 1970.
    pub seconds: u64,
    /// The user's number.
    pub user: u32,
    /// The item's number.
    pub item: u32,
    /// The rating.
    pub rating: u32,
}

/// A line that is no rating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRating {
    /// Its number, from 1.
    pub line: usize,
}

impl fmt::Display for BadRating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: expected user, item, rating and seconds, whole numbers", self.line)
    }
}

impl std::error::Error for BadRating {}

/// All ratings of a text, in the order of time, user, item.
///
/// ```
/// use reiver::adapter::file::ratings;
/// let read = ratings(b"7\t1\t3\t20\n5\t2\t4\t10\n")?;
/// assert_eq!((read[0].user, read[0].rating), (5, 4));
/// assert_eq!((read[1].seconds, read[1].rating), (20, 3));
/// # Ok::<(), reiver::adapter::file::BadRating>(())
/// ```
///
/// # Errors
/// At the first line that is no rating; empty lines are passed over.
pub fn ratings(text: &[u8]) -> Result<Vec<Rating>, BadRating> {
    let mut all = Vec::with_capacity(text.len() / 16);
    let mut rest = text;
    let mut line = 0;
    while !rest.is_empty() {
        line += 1;
        let mut numbers = [0u64; 4];
        let mut found = 0;
        while let Some((&first, _)) = rest.split_first() {
            if first == b'\n' || first == b'\r' {
                break;
            }
            let (number, length) = number(rest).filter(|_| found < 4).ok_or(BadRating { line })?;
            numbers[found] = number;
            found += 1;
            rest = &rest[length..];
            let separators = rest.iter().take(2).take_while(|byte| matches!(byte, b'\t' | b',' | b':')).count();
            rest = &rest[separators..];
        }
        let end = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        line += rest[..end].iter().filter(|byte| **byte == b'\n').count().saturating_sub(1);
        rest = &rest[end..];
        let small = |n: u64| u32::try_from(n).map_err(|_| BadRating { line });
        match (found, numbers) {
            (4, [user, item, rating, seconds]) => {
                all.push(Rating { seconds, user: small(user)?, item: small(item)?, rating: small(rating)? });
            }
            (0, _) => {}
            _ => return Err(BadRating { line }),
        }
    }
    all.sort_unstable();
    Ok(all)
}

/// The whole number that a text begins with, and its length.
#[inline]
fn number(text: &[u8]) -> Option<(u64, usize)> {
    let (mut value, mut length) = (0u64, 0);
    for digit in text.iter().map(|byte| byte.wrapping_sub(b'0')).take_while(|digit| *digit < 10) {
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
        length += 1;
    }
    (length > 0).then_some((value, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_line_ends_do_not_matter() {
        let expected = ratings(b"1\t2\t3\t4\n5\t6\t4\t7\n").expect("ratings");
        assert_eq!(expected.len(), 2);
        for text in ["1::2::3::4\n5::6::4::7", "5,6,4,7\r\n1,2,3,4\r\n\r\n", "\n\n1\t2\t3\t4\n\n5\t6\t4\t7\n"] {
            assert_eq!(ratings(text.as_bytes()).as_ref(), Ok(&expected), "{text:?}");
        }
        assert_eq!(ratings(b""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_rating_is_named() {
        for (text, line) in [
            ("1\t2\t3\n", 1),
            ("1\t2\t3\t4\t5\n", 1),
            ("1\t2\t3\t4\n\nx\t2\t3\t4\n", 3),
            ("1\t2\t3\t4\n1\t-2\t3\t4\n", 2),
            ("99999999999\t2\t3\t4", 1),
            ("99999999999999999999999\t2\t3\t4", 1),
        ] {
            assert_eq!(ratings(text.as_bytes()), Err(BadRating { line }), "{text:?}");
        }
    }
}
