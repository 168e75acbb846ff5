//! JSON lines: each line is the payload of a record, whatever it holds. The codec says what is wrong with a bad one, as
//! it would had a producer sent it; so there are no bad rows here.

use super::Row;
use super::lines::Lines;
use super::problem::FileError;
use crate::event::Time;
use bytes::Bytes;

/// More than the codec accepts, so that the codec refuses what is longer.
const MAX_LINE: usize = 1 << 20;

pub(super) struct JsonLines {
    lines: Lines,
    time_of: fn(&[u8]) -> Option<Time>,
}

impl JsonLines {
    pub(super) fn new(lines: Lines, time_of: fn(&[u8]) -> Option<Time>) -> Self {
        Self { lines, time_of }
    }

    pub(super) fn next(&mut self) -> Result<Option<Row>, FileError> {
        let mut line = Vec::new();
        if !self.lines.next(MAX_LINE, &mut line)? {
            return Ok(None);
        }
        let time = if line.len() <= MAX_LINE { (self.time_of)(&line) } else { None };
        Ok(Some(Row { place: self.lines.number - 1, time, payload: Bytes::from(line) }))
    }

    pub(super) fn progress(&self) -> f64 {
        self.lines.progress()
    }
}
