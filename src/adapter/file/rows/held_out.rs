//! The second file of leave one out: for each user the item that was held out, and items to rank it among.

use super::lines::Lines;
use super::problem::{BadRows, FileError, RowProblem};
use super::table::{Columns, filled, header, place, split};
use std::path::Path;

/// The longest row: some thousands of items.
const MAX_ROW: usize = 64 << 10;
/// The column of the other items, which are separated by spaces.
const OTHERS: &str = "negatives";

/// One user's question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldOutRow {
    /// The user.
    pub user: String,
    /// The item held out.
    pub item: String,
    /// The others, each once and without the held-out one (in the published files it is among them for some users).
    pub others: Vec<String>,
}

/// Reads a CSV file with a header: the user's and the item's column as `columns` names them (`user_id` and `item_id`
/// where it does not), and `negatives`. `.gz` is unpacked.
///
/// # Errors
/// When it cannot be read, lacks a column, or has more than [`super::MAX_BAD_ROWS`] bad rows.
pub fn read_held_out(path: &Path, columns: &Columns) -> Result<(Vec<HeldOutRow>, BadRows), FileError> {
    let (mut lines, mut line, mut bad) = (Lines::open(path)?, Vec::new(), BadRows::default());
    let head = header(&mut lines, &mut line)?;
    let user = place(&head, columns.user.as_deref().unwrap_or("user_id"))?;
    let item = place(&head, columns.item.as_deref().unwrap_or("item_id"))?;
    let others = place(&head, OTHERS)?;
    let mut rows = Vec::new();
    while lines.next(MAX_ROW, &mut line)? {
        if line.is_empty() {
            continue;
        }
        let row = || -> Result<HeldOutRow, RowProblem> {
            let fields = split(&line)?;
            if fields.len() != head.len() {
                return Err(RowProblem::Fields { found: fields.len(), expected: head.len() });
            }
            let (user, item) = (filled(&fields, &user)?.to_owned(), filled(&fields, &item)?.to_owned());
            let mut all: Vec<String> = filled(&fields, &others)?.split_whitespace().map(str::to_owned).collect();
            all.sort_unstable();
            all.dedup();
            all.retain(|other| *other != item);
            Ok(HeldOutRow { user, item, others: all })
        };
        match row() {
            Ok(row) => rows.push(row),
            Err(problem) => bad.add(lines.number, problem)?,
        }
    }
    Ok((rows, bad))
}
