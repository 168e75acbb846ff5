//! Slots given anew: how a model moves from one directory to another.

use crate::learn::Slot;
use crate::table::Table;

/// For every old slot of both sides its new one, or none: then what is known of it is left behind.
///
/// ```
/// use reiver::learn::Renumber;
/// let to = Renumber::new(vec![Some(4), None], vec![Some(0)]);
/// assert_eq!((to.user(0), to.user(1), to.user(2), to.item(0)), (Some(4), None, None, Some(0)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renumber {
    users: Vec<Option<Slot>>,
    items: Vec<Option<Slot>>,
}

impl Renumber {
    /// New slots by old ones. No two old slots may have the same new one.
    #[must_use]
    pub const fn new(users: Vec<Option<Slot>>, items: Vec<Option<Slot>>) -> Self {
        Self { users, items }
    }

    /// The new slot of a user.
    #[must_use]
    pub fn user(&self, old: Slot) -> Option<Slot> {
        self.users.get(old as usize).copied().flatten()
    }

    /// The new slot of an item.
    #[must_use]
    pub fn item(&self, old: Slot) -> Option<Slot> {
        self.items.get(old as usize).copied().flatten()
    }

    /// Moves the users' rows of tables.
    pub fn move_users(&self, tables: &mut [&mut Table]) {
        tables.iter_mut().for_each(|table| **table = moved(table, &self.users));
    }

    /// Moves the items' rows of tables.
    pub fn move_items(&self, tables: &mut [&mut Table]) {
        tables.iter_mut().for_each(|table| **table = moved(table, &self.items));
    }

    /// Users that stay, as (new, old) slots in the order of the new ones.
    pub(in crate::learn) fn users(&self) -> Vec<(Slot, Slot)> {
        staying(&self.users)
    }

    /// Items that stay, as (new, old) slots in the order of the new ones.
    pub(in crate::learn) fn items(&self) -> Vec<(Slot, Slot)> {
        staying(&self.items)
    }
}

fn staying(slots: &[Option<Slot>]) -> Vec<(Slot, Slot)> {
    let mut all: Vec<(Slot, Slot)> = (0..).zip(slots).filter_map(|(old, new)| Some(((*new)?, old))).collect();
    all.sort_unstable();
    all
}

/// The rows of a table under their new numbers; a new table, since every page of it is another one.
fn moved(table: &Table, slots: &[Option<Slot>]) -> Table {
    let mut to = Table::new(table.width());
    for (old, new) in slots.iter().enumerate().take(table.len()) {
        let row = table.row(old);
        if let Some(new) = new.filter(|_| row.iter().any(|word| *word != 0)) {
            to.row_mut(new as usize).copy_from_slice(row);
        }
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_their_slots_and_who_has_none_stays_behind() {
        let mut table = Table::new(2);
        for row in 0..5 {
            table.row_mut(row).copy_from_slice(&[row as u32, 7]);
        }
        let to = Renumber::new(vec![Some(900), None, Some(0)], Vec::new());
        to.move_users(&mut [&mut table]);
        assert_eq!((table.row(900), table.row(0), table.row(2)), (&[0, 7][..], &[2, 7][..], &[0, 0][..]));
        assert_eq!((table.len(), to.users()), (901, vec![(0, 2), (900, 0)]));
    }
}
