//! Data sets read row by row, each row as the record that a producer would have written: canonical JSON, the row's
//! place as offset, the event's time as timestamp. `replay` decodes them as it decodes Kafka's.
//!
//! Read in this order: this file, rows/lines (bounded lines, gzip), rows/movielens, rows/table (CSV), rows/json_lines,
//! rows/movies (what the rated items are), rows/held_out (the second file of leave one out), rows/problem (bad rows).

mod held_out;
mod json_lines;
mod lines;
mod movielens;
mod movies;
mod problem;
mod table;
#[cfg(test)]
mod tests;

pub use held_out::{HeldOutRow, read_held_out};
pub use movies::movies_beside;
pub use problem::{BadRow, BadRows, FileError, MAX_BAD_ROWS, RowProblem};
pub use table::{Columns, ColumnsError};

use crate::event::{Partition, Record, Time};
use bytes::Bytes;
use lines::Lines;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the rows of a file are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `u.data` (user, item, rating, unix seconds, between tabs) or `ratings.dat` (between `::`). Read whole and sorted
    /// by (time, user, item); a row becomes an interaction with action `rating` and its place in that order, from 1, as
    /// event id.
    MovieLens,
    /// Comma-separated with a header, in the file's order; see [`Columns`].
    Csv,
    /// One event a line, in the file's order, as a producer would have sent it.
    JsonLines,
}

/// How to read a file.
#[derive(Clone)]
pub struct RowsConfig {
    /// The topic its records say they come from.
    pub topic: Arc<str>,
    /// How its rows are written.
    pub format: Format,
    /// Which columns of a CSV file mean what.
    pub columns: Columns,
    /// The time a JSON line's event says it happened (the codec's `event_time`).
    pub time_of: fn(&[u8]) -> Option<Time>,
    /// A MovieLens file of movies (`u.item` or `movies.dat`, Latin-1): its rows come first, as item events; see
    /// [`movies_beside`].
    pub items: Option<PathBuf>,
}

/// One good row.
struct Row {
    /// Its place among all rows, from 0.
    place: u64,
    /// When it happened; `None`: when the row before it did.
    time: Option<Time>,
    /// Its canonical JSON.
    payload: Bytes,
}

enum Reader {
    MovieLens(movielens::Sorted),
    Csv(table::Table),
    JsonLines(json_lines::JsonLines),
}

/// The records of a file. Bad rows are left out and counted, up to [`MAX_BAD_ROWS`].
pub struct Rows {
    partition: Partition,
    /// The items that come first, under a partition of their own; `None` when they have come.
    movies: Option<(Partition, movies::Movies)>,
    reader: Reader,
    bad: BadRows,
    /// The newest time so far: the timestamp of a record that has none.
    newest: Time,
    failed: bool,
}

impl Rows {
    /// Opens a file, gzipped or not (its first bytes tell).
    ///
    /// # Errors
    /// When it cannot be read, a named column is not in its header, or (MovieLens, which is read here) it has too many
    /// rows or bad rows.
    pub fn open(path: &Path, config: &RowsConfig) -> Result<Self, FileError> {
        Self::over(Lines::open(path)?, config)
    }

    /// Reads rows from memory or a pipe.
    ///
    /// # Errors
    /// As [`Rows::open`].
    pub fn from_reader(reader: impl BufRead + Send + 'static, config: &RowsConfig) -> Result<Self, FileError> {
        Self::over(Lines::over(Box::new(reader)), config)
    }

    fn over(lines: Lines, config: &RowsConfig) -> Result<Self, FileError> {
        let mut bad = BadRows::default();
        let reader = match config.format {
            Format::MovieLens => Reader::MovieLens(movielens::Sorted::read(lines, &mut bad)?),
            Format::Csv => Reader::Csv(table::Table::open(lines, &config.columns)?),
            Format::JsonLines => Reader::JsonLines(json_lines::JsonLines::new(lines, config.time_of)),
        };
        let partition = Partition { topic: Arc::clone(&config.topic), number: 0 };
        let movies = config.items.as_deref().map(Lines::open).transpose()?.map(movies::Movies::new);
        let movies = movies.map(|movies| (Partition { topic: "items".into(), number: 0 }, movies));
        Ok(Self { partition, movies, reader, bad, newest: Time(0), failed: false })
    }

    /// The rows that could not be read, so far.
    #[must_use]
    pub const fn bad(&self) -> &BadRows {
        &self.bad
    }

    /// How much of the file is read, 0 to 1.
    #[must_use]
    pub fn progress(&self) -> f64 {
        match &self.reader {
            Reader::MovieLens(rows) => rows.progress(),
            Reader::Csv(rows) => rows.progress(),
            Reader::JsonLines(rows) => rows.progress(),
        }
    }

    fn row(&mut self) -> Result<Option<(Partition, Row)>, FileError> {
        if let Some((partition, movies)) = &mut self.movies {
            if let Some(row) = movies.next(&mut self.bad)? {
                return Ok(Some((partition.clone(), row)));
            }
            self.movies = None;
        }
        let row = match &mut self.reader {
            Reader::MovieLens(rows) => rows.next(),
            Reader::Csv(rows) => rows.next(&mut self.bad)?,
            Reader::JsonLines(rows) => rows.next()?,
        };
        Ok(row.map(|row| (self.partition.clone(), row)))
    }
}

impl Iterator for Rows {
    type Item = Result<Record, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        match self.row() {
            Ok(None) => None,
            Ok(Some((partition, row))) => {
                let timestamp = row.time.unwrap_or(self.newest);
                self.newest = self.newest.max(timestamp);
                Some(Ok(Record {
                    partition,
                    offset: i64::try_from(row.place).unwrap_or(i64::MAX),
                    timestamp,
                    key: None,
                    payload: Some(row.payload),
                    headers: Vec::new(),
                }))
            }
            Err(error) => {
                self.failed = true;
                Some(Err(error))
            }
        }
    }
}

/// Writes rows as JSON lines, such as a producer reads them: replaying the result gives the very same events.
///
/// # Errors
/// When rows cannot be read or written.
pub fn write_json_lines(rows: &mut Rows, out: &mut dyn Write) -> Result<u64, FileError> {
    let mut written = 0;
    for record in rows {
        let payload = record?.payload.unwrap_or_default();
        out.write_all(&payload).and_then(|()| out.write_all(b"\n")).map_err(|source| FileError::Write { source })?;
        written += 1;
    }
    out.flush().map_err(|source| FileError::Write { source })?;
    Ok(written)
}

/// An interaction that a row means.
#[derive(serde::Serialize)]
struct Touch<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    event_id: &'a str,
    event_time: &'a str,
    user_id: &'a str,
    item_id: &'a str,
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
}

/// What a row says of an item; true since ever, so that no time is given.
#[derive(serde::Serialize)]
struct Shown<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    event_id: &'a str,
    item_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    categories: Vec<&'a str>,
}

/// The row at `place`: its event id is the place counted from 1, as people count rows.
fn touch(place: u64, time: Time, user: &str, item: &str, value: Option<f64>, session: Option<&str>) -> Row {
    let touch = Touch {
        kind: "interaction",
        event_id: &(place + 1).to_string(),
        event_time: &time.to_rfc3339(),
        user_id: user,
        item_id: item,
        action: if value.is_some() { "rating" } else { "click" },
        value,
        session_id: session,
    };
    let payload = serde_json::to_vec(&touch).expect("texts and finite numbers always have a JSON form");
    Row { place, time: Some(time), payload: Bytes::from(payload) }
}
