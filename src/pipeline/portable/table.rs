//! The vectors of a portable model as CSV, for people and for other tools.

use super::model::Portable;
use super::problem::PortableError;
use crate::learn::Rows;
use crate::table::Table;
use std::io::Write;

/// What a user's id begins with when it is the hash of his id.
pub(super) const HASHED: &str = "xxh3:";
/// The columns before the vector's own, `v0` and on.
pub(super) const HEAD: [&str; 3] = ["side", "id", "bias"];

/// Vectors of one kind: their side's name, whose they are, where they stand, where the biases do.
struct Group<'a> {
    side: &'static str,
    rows: Rows,
    vectors: (&'a Table, usize, usize),
    bias: Option<(&'a Table, usize)>,
}

/// What a side of this name is called in a row; `None` for what is not shown.
pub(super) fn side(name: &str) -> Option<&'static str> {
    match name {
        "users" => Some("user"),
        "items" => Some("item"),
        "sources" => Some("source"),
        "targets" => Some("target"),
        _ => None,
    }
}

impl Portable {
    /// Writes `side,id,bias,v0,v1,…`: a row for every vector of a user or an item. An item's id is its name, as events
    /// say it; a user's is `xxh3:` and the XXH3-128 hash of his, 32 hexadecimal digits, since names of users are not
    /// kept. Models without biases have 0.
    ///
    /// # Errors
    /// When it cannot be written, or the model has no vectors.
    pub fn write_csv(&self, to: impl Write) -> Result<(), PortableError> {
        let groups = self.groups();
        let Some(width) = groups.first().map(|group| group.vectors.2) else {
            let kind = &self.about.kind;
            return Err(PortableError::Unfit(format!(
                "{kind} has no vectors to write as CSV: write it as .safetensors"
            )));
        };
        let mut out = csv::Writer::from_writer(to);
        let failed = |e: csv::Error| PortableError::Write(e.into());
        let head = HEAD.iter().map(|name| (*name).to_owned()).chain((0..width).map(|n| format!("v{n}")));
        out.write_record(head).map_err(failed)?;
        for group in groups {
            let rows = if group.rows == Rows::Users { self.users.len() } else { self.items.len() };
            for row in 0..rows {
                let (table, at, width) = group.vectors;
                let vector = &table.floats(row)[at..at + width];
                if vector.iter().all(|x| *x == 0.0) {
                    continue;
                }
                let id = match group.rows {
                    Rows::Users => format!("{HASHED}{:032x}", self.users[row].0),
                    Rows::Items | Rows::Own => self.items[row].name.clone(),
                };
                let bias = group.bias.map_or(0.0, |(table, at)| table.floats(row)[at]);
                let numbers = std::iter::once(&bias).chain(vector).map(ToString::to_string);
                let fields = [group.side.to_owned(), id].into_iter().chain(numbers);
                out.write_record(fields).map_err(failed)?;
            }
        }
        Ok(out.flush()?)
    }

    fn groups(&self) -> Vec<Group<'_>> {
        let mut all: Vec<Group<'_>> = Vec::new();
        let layouts = self.model.layout();
        let tables = self.model.tables();
        let place = |name: &str| {
            layouts.iter().zip(&tables).find_map(|(layout, (_, table))| {
                let mut at = 0;
                for column in &layout.columns {
                    if column.name == name {
                        return Some((*table, at, column.width));
                    }
                    at += column.width * column.kind.words();
                }
                None
            })
        };
        for layout in layouts.iter().filter(|layout| layout.rows != Rows::Own) {
            let vectors = place(&format!("{}.vectors", layout.table));
            if let (Some(side), Some(vectors)) = (side(&layout.table), vectors) {
                let bias = place(&format!("{}.bias", layout.table)).map(|(table, at, _)| (table, at));
                all.push(Group { side, rows: layout.rows, vectors, bias });
            }
        }
        all
    }
}
