//! MovieLens' files of movies, `u.item` and `movies.dat`, as item events: they say what the rated items are.

use super::lines::Lines;
use super::problem::{BadRows, FileError, RowProblem};
use super::{Row, Shown};
use bytes::Bytes;
use std::path::{Path, PathBuf};

/// The longest row.
const MAX_ROW: usize = 16 << 10;
/// Fields of a row of `u.item` before its flags, and the genre that each flag stands for, in the set's order.
const BEFORE_FLAGS: usize = 5;
const GENRES: [&str; 19] = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
];

/// The file of movies that lies beside a file of ratings: `u.item` or `movies.dat`, whichever there is.
#[must_use]
pub fn movies_beside(ratings: &Path) -> Option<PathBuf> {
    let folder = ratings.parent()?;
    ["u.item", "movies.dat"].into_iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// Movies in the file's order.
pub(super) struct Movies {
    lines: Lines,
    line: Vec<u8>,
    rows: u64,
}

impl Movies {
    pub(super) fn new(lines: Lines) -> Self {
        Self { lines, line: Vec::new(), rows: 0 }
    }

    pub(super) fn next(&mut self, bad: &mut BadRows) -> Result<Option<Row>, FileError> {
        while self.lines.next(MAX_ROW, &mut self.line)? {
            if self.line.is_empty() {
                continue;
            }
            let place = self.rows;
            self.rows += 1;
            match movie(&self.line, place) {
                Ok(row) => return Ok(Some(row)),
                Err(problem) => bad.add(self.lines.number, RowProblem::OfItem(Box::new(problem)))?,
            }
        }
        Ok(None)
    }
}

fn movie(line: &[u8], place: u64) -> Result<Row, RowProblem> {
    if line.len() > MAX_ROW {
        return Err(RowProblem::TooLong { limit: MAX_ROW });
    }
    // Both files are Latin-1, in which every byte is the character of that number.
    let text: String = line.iter().copied().map(char::from).collect();
    let (fields, categories) = if text.contains("::") { of_dat(&text)? } else { of_item(&text)? };
    let [id, title] = fields;
    if id.is_empty() {
        return Err(RowProblem::Empty { column: "movie".to_owned() });
    }
    let shown = Shown {
        kind: "item",
        event_id: &format!("item {id}"),
        item_id: id,
        title: Some(title).filter(|title| !title.is_empty()),
        categories,
    };
    let payload = serde_json::to_vec(&shown).expect("texts always have a JSON form");
    Ok(Row { place, time: None, payload: Bytes::from(payload) })
}

/// `movies.dat`: id, title and genres between `::`, genres between `|`.
fn of_dat(text: &str) -> Result<([&str; 2], Vec<&str>), RowProblem> {
    let fields: Vec<&str> = text.split("::").map(str::trim).collect();
    let &[id, title, genres] = fields.as_slice() else {
        return Err(RowProblem::Fields { found: fields.len(), expected: 3 });
    };
    Ok(([id, title], genres.split('|').filter(|genre| !genre.is_empty()).collect()))
}

/// `u.item`: id, title, two dates, a link, then a flag for each genre, between `|`.
fn of_item(text: &str) -> Result<([&str; 2], Vec<&str>), RowProblem> {
    let fields: Vec<&str> = text.split('|').map(str::trim).collect();
    if fields.len() != BEFORE_FLAGS + GENRES.len() {
        return Err(RowProblem::Fields { found: fields.len(), expected: BEFORE_FLAGS + GENRES.len() });
    }
    let flagged = GENRES.into_iter().zip(&fields[BEFORE_FLAGS..]).filter(|(_, flag)| **flag == "1");
    Ok(([fields[0], fields[1]], flagged.map(|(genre, _)| genre).collect()))
}
