//! Slots that were given back: what models must forget before the slots mean somebody else.

use super::Slot;
use crate::table::Table;

/// Users and items that are forgotten together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Slots of users, ascending.
    pub users: Vec<Slot>,
    /// Slots of items, ascending.
    pub items: Vec<Slot>,
}

impl Forgotten {
    /// Whether nobody is forgotten.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.users.is_empty() && self.items.is_empty()
    }

    /// Whether an item is among them.
    #[must_use]
    pub fn has_item(&self, item: Slot) -> bool {
        self.items.binary_search(&item).is_ok()
    }

    /// Whether a user is among them.
    #[must_use]
    pub fn has_user(&self, user: Slot) -> bool {
        self.users.binary_search(&user).is_ok()
    }

    /// Makes the users' rows of tables zero.
    pub fn zero_users(&self, tables: &mut [&mut Table]) {
        zero(&self.users, tables);
    }

    /// Makes the items' rows of tables zero.
    pub fn zero_items(&self, tables: &mut [&mut Table]) {
        zero(&self.items, tables);
    }
}

fn zero(slots: &[Slot], tables: &mut [&mut Table]) {
    for table in tables {
        slots.iter().for_each(|slot| table.zero_row(*slot as usize));
    }
}
