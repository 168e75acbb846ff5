//! CSV with a header, in the file's order.

use super::lines::Lines;
use super::problem::{BadRows, FileError, RowProblem, shown};
use super::{Row, touch};
use crate::event::Time;
use csv::{ReaderBuilder, StringRecord};

/// The longest row.
const MAX_ROW: usize = 64 << 10;
/// Where time begins for rows without one, 2000-01-01T00:00:00Z; each row is a second later than the one before.
const FIRST: i64 = 946_684_800_000;
/// Numbers below this are seconds, from it on milliseconds: 5138-11-16 in seconds, 1973-03-03 in milliseconds.
const MILLISECONDS: f64 = 1e11;

/// Which columns mean what. Where `user` is not named, the session stands for it. Where nothing is named, these names are
/// tried: user_id, item_id, timestamp or event_time, rating or value, session_id.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Columns {
    /// The user's column.
    pub user: Option<String>,
    /// The item's column (`item_id` where it is not named).
    pub item: Option<String>,
    /// The time's: unix seconds, milliseconds or RFC 3339. Without one, rows are a second apart, in their order.
    pub time: Option<String>,
    /// The rating's: rows become `rating` interactions with this value, else `click`.
    pub rating: Option<String>,
    /// The session's.
    pub session: Option<String>,
}

/// Why `--columns` cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    /// A part is not `meaning=column`.
    #[error("\"{0}\" is not meaning=column, such as user=user_id")]
    NoPair(String),
    /// A meaning is not known.
    #[error("\"{0}\" is none of user, item, time, rating, session")]
    Unknown(String),
    /// A meaning is given twice.
    #[error("{0} is given twice")]
    Twice(String),
}

impl Columns {
    /// Reads `user=user_id,item=movie_id,time=timestamp,rating=rating,session=…`.
    ///
    /// # Errors
    /// See [`ColumnsError`].
    pub fn parse(text: &str) -> Result<Self, ColumnsError> {
        let mut columns = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((meaning, column)) = part.split_once('=') else {
                return Err(ColumnsError::NoPair(part.to_owned()));
            };
            let place = match meaning.trim() {
                "user" => &mut columns.user,
                "item" => &mut columns.item,
                "time" => &mut columns.time,
                "rating" => &mut columns.rating,
                "session" => &mut columns.session,
                other => return Err(ColumnsError::Unknown(other.to_owned())),
            };
            if place.replace(column.trim().to_owned()).is_some() {
                return Err(ColumnsError::Twice(meaning.trim().to_owned()));
            }
        }
        Ok(columns)
    }
}

/// Positions of the columns in a row, each with its name.
struct Places {
    user: (usize, String),
    item: (usize, String),
    time: Option<(usize, String)>,
    rating: Option<(usize, String)>,
    session: Option<(usize, String)>,
}

impl Places {
    /// Finds named columns; where nothing is named at all, the usual names are tried.
    fn find(header: &StringRecord, columns: &Columns) -> Result<Self, FileError> {
        let usual = |name: &str| header.iter().any(|it| it == name).then(|| name.to_owned());
        let columns = if *columns == Columns::default() {
            Columns {
                user: usual("user_id"),
                item: None,
                time: usual("timestamp").or_else(|| usual("event_time")),
                rating: usual("rating").or_else(|| usual("value")),
                session: usual("session_id"),
            }
        } else {
            columns.clone()
        };
        let maybe = |name: &Option<String>| name.as_deref().map(|name| place(header, name)).transpose();
        let user = columns.user.as_deref().or(columns.session.as_deref()).unwrap_or("user_id");
        Ok(Self {
            user: place(header, user)?,
            item: place(header, columns.item.as_deref().unwrap_or("item_id"))?,
            time: maybe(&columns.time)?,
            rating: maybe(&columns.rating)?,
            session: maybe(&columns.session)?,
        })
    }
}

/// Where a column stands, with its name.
pub(super) fn place(header: &StringRecord, name: &str) -> Result<(usize, String), FileError> {
    match header.iter().position(|it| it == name) {
        Some(at) => Ok((at, name.to_owned())),
        None => Err(FileError::NoColumn { name: name.to_owned(), header: header.iter().take(50).map(shown).collect() }),
    }
}

/// Reads the header line.
pub(super) fn header(lines: &mut Lines, line: &mut Vec<u8>) -> Result<StringRecord, FileError> {
    if !lines.next(MAX_ROW, line)? {
        return Err(FileError::NoHeader("it is empty".to_owned()));
    }
    let text = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    split(text).map_err(|problem| FileError::NoHeader(problem.to_string()))
}

/// The rows of a CSV file.
pub(super) struct Table {
    lines: Lines,
    line: Vec<u8>,
    width: usize,
    places: Places,
    /// Rows read so far, bad ones included.
    rows: u64,
}

impl Table {
    pub(super) fn open(mut lines: Lines, columns: &Columns) -> Result<Self, FileError> {
        let mut line = Vec::new();
        let header = header(&mut lines, &mut line)?;
        let places = Places::find(&header, columns)?;
        Ok(Self { lines, line, width: header.len(), places, rows: 0 })
    }

    pub(super) fn progress(&self) -> f64 {
        self.lines.progress()
    }

    pub(super) fn next(&mut self, bad: &mut BadRows) -> Result<Option<Row>, FileError> {
        while self.lines.next(MAX_ROW, &mut self.line)? {
            if self.line.is_empty() {
                continue;
            }
            let place = self.rows;
            self.rows += 1;
            match row(&self.line, self.width, &self.places, place) {
                Ok(row) => return Ok(Some(row)),
                Err(problem) => bad.add(self.lines.number, problem)?,
            }
        }
        Ok(None)
    }
}

/// Splits one line. A quoted field may hold commas and quotes, but no line end: that bounds what one stray quote does.
pub(super) fn split(line: &[u8]) -> Result<StringRecord, RowProblem> {
    if line.len() > MAX_ROW {
        return Err(RowProblem::TooLong { limit: MAX_ROW });
    }
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(1 << 10).from_reader(line);
    let mut record = StringRecord::new();
    reader.read_record(&mut record).map_err(|_| RowProblem::NotText)?;
    record.trim();
    Ok(record)
}

fn row(line: &[u8], width: usize, places: &Places, place: u64) -> Result<Row, RowProblem> {
    let fields = split(line)?;
    if fields.len() != width {
        return Err(RowProblem::Fields { found: fields.len(), expected: width });
    }
    let user = filled(&fields, &places.user)?;
    let item = filled(&fields, &places.item)?;
    let session = places.session.as_ref().map(|at| filled(&fields, at)).transpose()?;
    let rating = places.rating.as_ref().map(|at| number(&fields, at)).transpose()?;
    let second = i64::try_from(place).unwrap_or(i64::MAX).saturating_mul(1_000);
    let time = match &places.time {
        None => Time(FIRST.saturating_add(second)),
        Some(at) => moment(fields.get(at.0).unwrap_or_default()).ok_or_else(|| RowProblem::Time {
            column: at.1.clone(),
            text: shown(fields.get(at.0).unwrap_or_default()),
        })?,
    };
    Ok(touch(place, time, user, item, rating, session))
}

pub(super) fn filled<'a>(fields: &'a StringRecord, (at, column): &(usize, String)) -> Result<&'a str, RowProblem> {
    match fields.get(*at) {
        None | Some("") => Err(RowProblem::Empty { column: column.clone() }),
        Some(text) => Ok(text),
    }
}

fn number(fields: &StringRecord, (at, column): &(usize, String)) -> Result<f64, RowProblem> {
    let text = fields.get(*at).unwrap_or_default();
    match text.parse::<f64>() {
        Ok(x) if x.is_finite() => Ok(x),
        _ => Err(RowProblem::Number { column: column.clone(), text: shown(text) }),
    }
}

fn moment(text: &str) -> Option<Time> {
    match text.parse::<f64>() {
        Ok(x) if x.is_finite() => {
            let ms = if x.abs() < MILLISECONDS { x * 1_000.0 } else { x };
            Some(Time(ms.floor() as i64))
        }
        Ok(_) => None,
        Err(_) => Time::parse(text).ok(),
    }
}
