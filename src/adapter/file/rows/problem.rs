//! What may be wrong with a row, and with a file.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// More bad rows than this, and the file is refused: it is not what it was said to be.
pub const MAX_BAD_ROWS: u64 = 1_000;
/// How many bad rows are kept to be shown.
const SHOWN: usize = 10;

/// Why a row cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowProblem {
    /// It has another number of fields than it should.
    #[error("{found} fields, expected {expected}")]
    Fields {
        /// How many it has.
        found: usize,
        /// How many it should have.
        expected: usize,
    },
    /// A field must be a number and is none.
    #[error("{column} is no number: \"{text}\"")]
    Number {
        /// The field.
        column: String,
        /// What it holds, cut.
        text: String,
    },
    /// A field must be a time and is none.
    #[error("{column} is no time (unix seconds or milliseconds, or RFC 3339): \"{text}\"")]
    Time {
        /// The field.
        column: String,
        /// What it holds, cut.
        text: String,
    },
    /// A field must not be empty and is.
    #[error("{column} is empty")]
    Empty {
        /// The field.
        column: String,
    },
    /// It is longer than a row may be.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// It is not UTF-8.
    #[error("not UTF-8")]
    NotText,
    /// The row is one of the file of items beside.
    #[error("(of the items) {0}")]
    OfItem(Box<Self>),
}

impl RowProblem {
    /// The stable name, for counts; the same names as the codec's where they mean the same.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Fields { .. } => "missing_field",
            Self::Number { .. } | Self::Time { .. } | Self::NotText => "wrong_type",
            Self::Empty { .. } => "empty_field",
            Self::TooLong { .. } => "too_large",
            Self::OfItem(problem) => problem.code(),
        }
    }
}

/// One row that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Its line in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub problem: RowProblem,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

/// The rows of a file that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BadRows {
    /// How many.
    pub count: u64,
    /// How many of each [`RowProblem::code`].
    pub by_code: std::collections::BTreeMap<&'static str, u64>,
    /// The first of them.
    pub first: Vec<BadRow>,
}

impl BadRows {
    /// Counts one more.
    pub(super) fn add(&mut self, line: u64, problem: RowProblem) -> Result<(), FileError> {
        self.count += 1;
        *self.by_code.entry(problem.code()).or_default() += 1;
        if self.first.len() < SHOWN {
            self.first.push(BadRow { line, problem });
        }
        if self.count > MAX_BAD_ROWS { Err(FileError::TooManyBadRows { first: self.first[0].clone() }) } else { Ok(()) }
    }
}

/// Why a file cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be opened.
    #[error("{}: {source}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Reading broke off (a damaged gzip file, a disk).
    #[error("line {line}: {source}")]
    Read {
        /// The line that was not read whole, from 1.
        line: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The rows could not be written.
    #[error("writing JSON lines: {source}")]
    Write {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A named column is not in the header.
    #[error("there is no column \"{name}\"; the header has {}", .header.join(", "))]
    NoColumn {
        /// The name that was asked for.
        name: String,
        /// The columns there are.
        header: Vec<String>,
    },
    /// The file has no header.
    #[error("the file has no header line: {0}")]
    NoHeader(String),
    /// Too many bad rows.
    #[error(
        "more than {MAX_BAD_ROWS} rows cannot be read, so this is not the format it was said to be; the first is {first}"
    )]
    TooManyBadRows {
        /// The first bad row.
        first: BadRow,
    },
    /// More rows than can be sorted in memory.
    #[error("more than {limit} rows: too many to sort in memory; sort the file by time and replay it as csv")]
    TooManyRows {
        /// The limit.
        limit: usize,
    },
}

/// A field's text for a message: cut, and without control characters.
pub(super) fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '·' } else { c }).take(40).collect()
}
