//! What the words of a model's tables are: so that they can be read and written without knowing the model.

use crate::table::PAGE_WORDS;
use serde::{Deserialize, Serialize};

/// What the rows of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rows {
    /// One a user, by slot.
    Users,
    /// One an item, by slot.
    Items,
    /// The model's own: layers, features, sums, lists.
    Own,
}

/// What a number is, and which values it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A 32-bit float that a score is made of: within ±[`LARGEST`].
    Weight,
    /// A 32-bit float, not negative: a precision, a sum of squares, a count.
    Amount,
    /// A 32-bit float, finite.
    Float,
    /// A 64-bit float, finite; two words.
    Double,
    /// A signed 64-bit number; two words.
    Long,
    /// A 32-bit number: a count, a place, the number of another row.
    Word,
    /// A word that is always zero: not worth writing.
    Unused,
}

/// No model lets a weight grow beyond 16; a little more, since lengths are cut with rounding.
pub const LARGEST: f32 = 16.5;

impl Kind {
    /// Words that a number of this kind takes.
    #[must_use]
    pub const fn words(self) -> usize {
        match self {
            Self::Double | Self::Long => 2,
            Self::Weight | Self::Amount | Self::Float | Self::Word | Self::Unused => 1,
        }
    }

    /// Whether the words of one number hold a value that it may have.
    #[must_use]
    pub fn may_be(self, words: &[u32]) -> bool {
        let float = words.first().map_or(0.0, |word| f32::from_bits(*word));
        match self {
            Self::Weight => float.abs() <= LARGEST,
            Self::Amount => float.is_finite() && float >= 0.0,
            Self::Float => float.is_finite(),
            Self::Double => crate::table::words::get_f64(words, 0).is_finite(),
            Self::Long | Self::Word | Self::Unused => true,
        }
    }
}

/// Numbers of one kind that lie side by side in every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, unique in the model: `users.vectors`.
    pub name: String,
    /// Numbers in a row, at least one.
    pub width: usize,
    /// What they are.
    pub kind: Kind,
}

/// One table of a model: all words of its rows, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The table's name, as `Part::tables` gives it.
    pub table: String,
    /// What its rows are.
    pub rows: Rows,
    /// Its columns; together as wide as a row.
    pub columns: Vec<Column>,
}

impl Layout {
    /// A table of one column, which has the table's name.
    #[must_use]
    pub fn single(table: &str, rows: Rows, width: usize, kind: Kind) -> Self {
        Self::new(table, rows, &[(table, width, kind)])
    }

    /// A table of several columns.
    #[must_use]
    pub fn new(table: &str, rows: Rows, columns: &[(&str, usize, Kind)]) -> Self {
        let column = |&(name, width, kind): &(&str, usize, Kind)| Column { name: name.to_owned(), width, kind };
        Self { table: table.to_owned(), rows, columns: columns.iter().map(column).collect() }
    }

    /// The same under longer names, for a model that owns another.
    #[must_use]
    pub fn within(mut self, owner: &str) -> Self {
        self.table = format!("{owner}.{}", self.table);
        self.columns.iter_mut().for_each(|column| column.name = format!("{owner}.{}", column.name));
        self
    }

    /// Bytes that a row takes in its page, with what is left of the page where no further row fits.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let words = self.words().max(1);
        size_of::<u32>() * if words > PAGE_WORDS { words } else { PAGE_WORDS.div_ceil(PAGE_WORDS / words) }
    }

    /// Words in a row.
    #[must_use]
    pub fn words(&self) -> usize {
        self.columns.iter().map(|column| column.width * column.kind.words()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_held_to_their_kind() {
        let float = |x: f32| [x.to_bits()];
        assert!(Kind::Weight.may_be(&float(-16.0)) && !Kind::Weight.may_be(&float(17.0)));
        assert!(!Kind::Weight.may_be(&float(f32::NAN)) && !Kind::Float.may_be(&float(f32::INFINITY)));
        assert!(Kind::Amount.may_be(&float(1e9)) && !Kind::Amount.may_be(&float(-1e-9)));
        let double = f64::NAN.to_bits();
        assert!(!Kind::Double.may_be(&[double as u32, (double >> 32) as u32]) && Kind::Long.may_be(&[1, 2]));
    }

    #[test]
    fn a_member_bears_its_owners_name() {
        let layout =
            Layout::new("users", Rows::Users, &[("users.vectors", 8, Kind::Weight), ("users.n", 1, Kind::Long)]);
        assert_eq!(layout.words(), 10);
        let within = layout.within("plain");
        assert_eq!((within.table.as_str(), within.columns[0].name.as_str()), ("plain.users", "plain.users.vectors"));
    }
}
