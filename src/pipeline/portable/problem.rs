//! What may be wrong with a model's file.

use crate::table::PartError;
use std::fmt;

/// More rows than this that cannot be used, and the file is refused: it is not what it was said to be.
pub const MAX_BAD_ROWS: usize = 20;

/// A row that cannot be used: it is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Where: `row 3 of users.vectors` (from 0), or `line 7` (from 1, the header's).
    pub at: String,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.why)
    }
}

/// Why a model cannot be written to a file, or taken from one.
#[derive(Debug, thiserror::Error)]
pub enum PortableError {
    /// It is no safetensors file, or not all of one.
    #[error("it is no whole safetensors file ({0}): copy or export it again")]
    Damaged(String),
    /// A safetensors file of somebody else.
    #[error("it was not written by `reiver export`: {0}")]
    NotOurs(String),
    /// Another format.
    #[error("its format is {0}, this version reads {FORMAT}: export it again with this version", FORMAT = super::FORMAT)]
    Format(u32),
    /// Another model's.
    #[error("it holds a model {file}, not {wanted}: name it for [[model]] {file}, or export {wanted}")]
    Kind {
        /// The model in the file.
        file: String,
        /// The one asked for.
        wanted: String,
    },
    /// A parameter that the numbers stand on is another one.
    #[error(
        "the file's {kind} has {name} = {file}, the settings have {wanted}: set {name} to that under [[model]] {kind}, or \
         export a model that was trained with {wanted}"
    )]
    Parameter {
        /// The model.
        kind: String,
        /// The parameter.
        name: String,
        /// Its value in the file.
        file: String,
        /// Its value in the settings.
        wanted: String,
    },
    /// A tensor is missing, or of another type or shape.
    #[error("tensor {name} {why}: export the model again")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// Too many rows cannot be used.
    #[error("more than {MAX_BAD_ROWS} rows cannot be used, the first of them {}", list(.0))]
    TooManyBadRows(Vec<BadRow>),
    /// A CSV file cannot be read.
    #[error("{0}")]
    Csv(String),
    /// A model that does not run, or whose vectors cannot be given or taken as CSV.
    #[error("{0}")]
    Unfit(String),
    /// The model refuses the rest.
    #[error("the file does not hold together: {0}")]
    Part(#[from] PartError),
    /// It cannot be written.
    #[error("it cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

fn list(rows: &[BadRow]) -> String {
    rows.iter().take(3).map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Notes a row that is left out.
///
/// # Errors
/// When that is one too many.
pub(super) fn leave_out(bad: &mut Vec<BadRow>, at: String, why: impl Into<String>) -> Result<(), PortableError> {
    bad.push(BadRow { at, why: why.into() });
    if bad.len() > MAX_BAD_ROWS { Err(PortableError::TooManyBadRows(std::mem::take(bad))) } else { Ok(()) }
}
