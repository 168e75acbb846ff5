//! Ids that come from elsewhere, many at a time: taken while there is much room, and touched when the log begins.

use super::{CROWDED, Directory, TOUCHED, USER_TOUCHED};
use crate::event::Id;
use crate::learn::Slot;

impl Directory {
    /// The slot of a user who is brought from elsewhere: known, or taken while the side is not crowded. `None` leaves
    /// him out; that is no sighting.
    pub fn bring_user(&mut self, id: Id) -> Option<Slot> {
        let taken = self.user(id).is_some() || self.users_known() < self.capacity.0 / CROWDED;
        if taken { self.admit_user(id) } else { None }
    }

    /// The slot of an item that is brought from elsewhere; as [`Directory::bring_user`]. A new one's name must fit, as in
    /// [`Directory::admit_item`].
    pub fn bring_item(&mut self, id: Id, name: &str) -> Option<Slot> {
        let taken = self.item(id).is_some() || self.items_known() < self.capacity.1 / CROWDED;
        if taken { self.admit_item(id, name) } else { None }
    }

    /// Touches everybody now. For the first cut of a log: who was brought before had no time to be touched at.
    pub fn touch_all(&mut self) {
        for (rows, word) in [(&mut self.users, USER_TOUCHED), (&mut self.items, TOUCHED)] {
            for row in 0..rows.len() {
                if rows.row(row)[word] != 0 {
                    rows.row_mut(row)[word] = self.now;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Time;

    #[test]
    fn who_is_brought_takes_half_and_is_not_idle_when_the_log_begins() {
        let mut d = Directory::new(8, 6, 10);
        let users = (0..10).filter_map(|n| d.bring_user(Id(n))).count();
        let items = (0..10).filter_map(|n| d.bring_item(Id(n), "name")).count();
        assert_eq!((users, items, d.bring_user(Id(2))), (4, 3, Some(2)));
        // Left out thrice, and still a newcomer to the log.
        (0..3).for_each(|_| assert_eq!(d.bring_user(Id(9)), None));
        assert_eq!(d.admit_user(Id(9)), None);
        d.set_now(Time(1_700_000_000_000));
        d.touch_all();
        assert!(d.forget_idle().is_empty());
        assert_eq!((d.users_known(), d.items_known()), (4, 3));
    }
}
