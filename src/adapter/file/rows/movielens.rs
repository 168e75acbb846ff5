//! MovieLens ratings: read whole, sorted by (time, user, item), since the files are in no order.

use super::lines::Lines;
use super::problem::{BadRows, FileError, RowProblem, shown};
use super::{Row, touch};
use crate::event::Time;

/// The longest row: four numbers.
const MAX_ROW: usize = 1_024;
/// The most rows, 32 bytes each: twice the largest MovieLens set.
const MAX_ROWS: usize = 70_000_000;
/// The names of the four fields.
const FIELDS: [&str; 4] = ["user", "item", "rating", "timestamp"];

#[derive(Clone, Copy)]
struct Rating {
    seconds: i64,
    user: u64,
    item: u64,
    rating: f64,
}

/// Ratings in order of (time, user, item).
pub(super) struct Sorted {
    ratings: Vec<Rating>,
    at: usize,
}

impl Sorted {
    /// Reads and sorts all ratings.
    pub(super) fn read(mut lines: Lines, bad: &mut BadRows) -> Result<Self, FileError> {
        let mut ratings = Vec::new();
        let mut line = Vec::new();
        while lines.next(MAX_ROW, &mut line)? {
            if line.is_empty() {
                continue;
            }
            match rating(&line) {
                Ok(_) if ratings.len() == MAX_ROWS => return Err(FileError::TooManyRows { limit: MAX_ROWS }),
                Ok(rating) => ratings.push(rating),
                Err(problem) => bad.add(lines.number, problem)?,
            }
        }
        // Stable: rows that agree in all three keep the file's order.
        ratings.sort_by_key(|it| (it.seconds, it.user, it.item));
        Ok(Self { ratings, at: 0 })
    }

    pub(super) fn next(&mut self) -> Option<Row> {
        let it = self.ratings.get(self.at)?;
        let place = self.at as u64;
        self.at += 1;
        let time = Time(it.seconds.saturating_mul(1_000));
        Some(touch(place, time, &it.user.to_string(), &it.item.to_string(), Some(it.rating), None))
    }

    pub(super) fn progress(&self) -> f64 {
        if self.ratings.is_empty() { 1.0 } else { self.at as f64 / self.ratings.len() as f64 }
    }
}

fn rating(line: &[u8]) -> Result<Rating, RowProblem> {
    if line.len() > MAX_ROW {
        return Err(RowProblem::TooLong { limit: MAX_ROW });
    }
    let text = std::str::from_utf8(line).map_err(|_| RowProblem::NotText)?;
    let separator = if text.contains("::") { "::" } else { "\t" };
    let fields: Vec<&str> = text.split(separator).map(str::trim).collect();
    let &[user, item, rating, seconds] = fields.as_slice() else {
        return Err(RowProblem::Fields { found: fields.len(), expected: FIELDS.len() });
    };
    let no_number = |at: usize| RowProblem::Number { column: FIELDS[at].to_owned(), text: shown(fields[at]) };
    let rating: f64 = rating.parse().map_err(|_| no_number(2))?;
    if !rating.is_finite() {
        return Err(no_number(2));
    }
    Ok(Rating {
        user: user.parse().map_err(|_| no_number(0))?,
        item: item.parse().map_err(|_| no_number(1))?,
        rating,
        seconds: seconds.parse().map_err(|_| no_number(3))?,
    })
}
