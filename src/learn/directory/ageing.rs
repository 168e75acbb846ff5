//! Who gives up a slot, and when: the idle after a year, and the longest untouched when a side is full.
//!
//! Slots are given back many at a time, so that one pass over what names them (histories, neighbours, the order of
//! teaching) is paid by many admissions.

use super::{Directory, FLAGS, ITEM, NAME, NAME_BYTES, NAME_ROW, TAUGHT, TOUCHED, USER_TOUCHED};
use crate::event::{Id, Span, Time};
use crate::learn::{Forgotten, Slot, Taught};
use crate::table::{Table, words};

/// What nobody touched for this long is forgotten. Long enough for a yearly season.
const IDLE: Span = Span::seconds(365 * 24 * 3600);
/// A full side gives up this part of its slots at once: 1 of 16.
const PART: usize = 16;
/// A touch is written when the last one lies this many seconds back: a page is not copied for less.
const GRAIN: u32 = 60;

/// One side as this file sees it: a table of ids, the word of the last touch, free slots.
struct Side<'a> {
    rows: &'a Table,
    touched: usize,
    free: &'a Table,
}

impl Side<'_> {
    /// Slots in use with the second of their last touch.
    fn in_use(&self) -> Vec<(u32, Slot)> {
        // A slot that was given back has no touch: the word is zero only there.
        let touched = |row: usize| self.rows.row(row)[self.touched];
        (0..self.rows.len()).map(|r| (touched(r), r as Slot)).filter(|(t, _)| *t != 0).collect()
    }

    fn used(&self) -> usize {
        self.rows.len() - self.free.len()
    }

    /// The longest untouched, of equals the lowest slots; sorted by slot.
    fn longest_untouched(&self, capacity: usize) -> Vec<Slot> {
        if self.used() < capacity {
            return Vec::new();
        }
        let mut all = self.in_use();
        let n = (capacity / PART).max(1).min(all.len());
        if n < all.len() {
            all.select_nth_unstable(n);
        }
        all.truncate(n);
        let mut slots: Vec<Slot> = all.into_iter().map(|(_, slot)| slot).collect();
        slots.sort_unstable();
        slots
    }

    fn untouched_since(&self, second: u32) -> Vec<Slot> {
        self.in_use().into_iter().filter(|(t, _)| *t < second).map(|(_, slot)| slot).collect()
    }
}

impl Directory {
    /// Tells what time it is: log time, which never runs backwards. Touches from now on bear it.
    pub fn set_now(&mut self, now: Time) {
        // Zero is "no touch", and no log is older than 1970.
        self.now = u32::try_from(now.0 / 1000).unwrap_or(u32::from(now.0 > 0) * u32::MAX).max(1);
    }

    /// Whether a side is so full that the next new id would not be taken.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.users_known() >= self.capacity.0 || self.items_known() >= self.capacity.1
    }

    /// Gives back slots of each side that is full: of every sixteenth id, the longest untouched first.
    ///
    /// Whoever holds slots must be told: the models in the order of the log, everything else at once.
    pub fn make_room(&mut self) -> Forgotten {
        let users = self.user_side().longest_untouched(self.capacity.0);
        let items = self.item_side().longest_untouched(self.capacity.1);
        self.give_back(Forgotten { users, items })
    }

    /// Gives back the slots of ids that nobody touched for a year. As [`Directory::make_room`] otherwise.
    pub fn forget_idle(&mut self) -> Forgotten {
        let since = self.now.saturating_sub((IDLE.0 / 1000) as u32);
        let users = self.user_side().untouched_since(since);
        let items = self.item_side().untouched_since(since);
        self.give_back(Forgotten { users, items })
    }

    const fn user_side(&self) -> Side<'_> {
        Side { rows: &self.users, touched: USER_TOUCHED, free: &self.free_users }
    }

    const fn item_side(&self) -> Side<'_> {
        Side { rows: &self.items, touched: TOUCHED, free: &self.free_items }
    }

    pub(super) fn touch_user(&mut self, user: Slot) {
        touch(&mut self.users, user, USER_TOUCHED, self.now);
    }

    pub(super) fn touch_item(&mut self, item: Slot) {
        touch(&mut self.items, item, TOUCHED, self.now);
    }

    fn give_back(&mut self, forgotten: Forgotten) -> Forgotten {
        for &user in &forgotten.users {
            self.user_index.remove(Id(words::get_u128(self.users.row(user as usize), 0)));
            self.users.zero_row(user as usize);
            self.history.forget(user);
            push(&mut self.free_users, user);
        }
        if forgotten.items.is_empty() {
            return forgotten;
        }
        for &item in &forgotten.items {
            self.item_index.remove(self.item_id(item));
            self.items.zero_row(item as usize);
            push(&mut self.free_items, item);
        }
        for user in 0..self.users.len() as Slot {
            self.history.remove_items(user, |item| forgotten.has_item(item));
        }
        self.renumber(&forgotten);
        self.repack_names();
        forgotten
    }

    /// The order of teaching without what was forgotten.
    fn renumber(&mut self, forgotten: &Forgotten) {
        let kept: Vec<Slot> =
            (0..self.order.len()).map(|n| self.taught_at(n)).filter(|i| !forgotten.has_item(*i)).collect();
        if kept.len() == self.order.len() {
            return;
        }
        self.order.set_len(0);
        self.taught = Taught::default();
        for (n, &item) in kept.iter().enumerate() {
            self.order.row_mut(n)[0] = item;
            self.items.row_mut(item as usize)[TAUGHT] = n as u32 + 1;
            self.taught.insert(item);
        }
    }

    /// Names one after another again, in the order in which they lie. A name only moves towards the front, over what was
    /// read already.
    fn repack_names(&mut self) {
        let mut all: Vec<(u32, Slot)> = (0..self.items.len())
            .filter(|&slot| self.items.row(slot)[TOUCHED] != 0)
            .map(|slot| (self.items.row(slot)[NAME_ROW], slot as Slot))
            .collect();
        all.sort_unstable();
        let mut next = 0;
        for (first, slot) in all {
            let rows = (self.items.row(slot as usize)[NAME_BYTES] as usize).div_ceil(NAME * 4);
            if first as usize != next {
                for n in 0..rows {
                    let words = self.names.row(first as usize + n).to_vec();
                    self.names.row_mut(next + n).copy_from_slice(&words);
                }
                self.items.row_mut(slot as usize)[NAME_ROW] = next as u32;
            }
            next += rows;
        }
        self.names.set_len(next);
    }
}

fn touch(rows: &mut Table, slot: Slot, word: usize, now: u32) {
    if now.saturating_sub(rows.row(slot as usize)[word]) >= GRAIN {
        rows.row_mut(slot as usize)[word] = now;
    }
}

fn push(free: &mut Table, slot: Slot) {
    let end = free.len();
    free.row_mut(end)[0] = slot;
}

/// The slot given back last.
pub(super) fn pop(free: &mut Table) -> Option<Slot> {
    let last = free.len().checked_sub(1)?;
    let slot = free.row(last)[0];
    free.set_len(last);
    Some(slot)
}

/// A row of items as it is while in use.
const _: () = assert!(TOUCHED < ITEM && FLAGS < ITEM);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Part;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn name(n: u32) -> String {
        format!("id {n} {}", "x".repeat(n as usize % 70))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Whatever is forgotten, who stays keeps name, history and place; nobody finds what is gone; slots are used
        /// again and nothing grows beyond the bounds.
        #[test]
        fn who_stays_keeps_everything(steps in proptest::collection::vec((0u32..60, 0u32..40, 0i64..400), 1..400)) {
            let (users, items) = (16, 12);
            let mut d = Directory::new(users, items, 10);
            let mut now = 1_000_000;
            let (mut histories, mut taught) = (BTreeMap::<u32, Vec<u32>>::new(), BTreeSet::new());
            for (u, i, pause) in steps {
                now += pause * 1000;
                d.set_now(Time(now));
                if d.is_full() {
                    let before: Vec<(u32, Option<Slot>)> = (0..60).map(|u| (u, d.user(Id::of(&name(u))))).collect();
                    let gone = d.make_room();
                    prop_assert!(!gone.is_empty() && gone.users.is_sorted() && gone.items.is_sorted());
                    for (u, slot) in before {
                        let stays = slot.filter(|s| gone.users.binary_search(s).is_err());
                        prop_assert_eq!(d.user(Id::of(&name(u))), stays);
                        if stays.is_none() {
                            histories.remove(&u);
                        }
                    }
                    let known: BTreeSet<u32> = (0..40).filter(|i| d.item(Id::of(&name(1000 + i))).is_some()).collect();
                    taught.retain(|i| known.contains(i));
                    histories.values_mut().for_each(|list| list.retain(|i| known.contains(i)));
                }
                // Once, twice, three times: a crowded directory takes only what it has seen often.
                let (mut user, mut item) = (None, None);
                for _ in 0..3 {
                    user = d.admit_user(Id::of(&name(u)));
                    item = d.admit_item(Id::of(&name(1000 + i)), &name(1000 + i));
                }
                let (user, item) = (user.expect("room was made"), item.expect("room was made"));
                d.mark_taught(item);
                d.consume(user, item);
                taught.insert(i);
                let list = histories.entry(u).or_default();
                list.retain(|x| *x != i);
                list.push(i);
                if list.len() > 10 {
                    list.remove(0);
                }
                prop_assert!(d.users() <= users && d.items() <= items);
            }
            for (u, list) in &histories {
                let user = d.user(Id::of(&name(*u))).expect("known");
                let mut slots: Vec<Slot> =
                    list.iter().map(|i| d.item(Id::of(&name(1000 + i))).expect("known")).collect();
                slots.sort_unstable();
                prop_assert_eq!(d.consumed(user), slots);
            }
            prop_assert_eq!(d.taught_count(), taught.len());
            for i in taught {
                let item = d.item(Id::of(&name(1000 + i))).expect("known");
                prop_assert_eq!(d.item_name(item), name(1000 + i));
                prop_assert!(d.taught(item) && d.taught_set().contains(item));
            }
            // And a restore of it is sound.
            let mut to = Directory::new(users, items, 10);
            for ((_, a), (_, b)) in d.tables().iter().zip(to.tables_mut()) {
                *b = (*a).clone();
            }
            prop_assert!(to.restore(&d.blob()).is_ok());
        }
    }

    #[test]
    fn the_longest_untouched_go_first_and_the_idle_after_a_year() {
        let mut d = Directory::new(32, 8, 10);
        for n in 0..16 {
            d.set_now(Time(n * 100_000));
            d.admit_user(Id(n as u128 + 1)).expect("room");
        }
        d.set_capacity(16, 8);
        d.set_now(Time(2_000_000));
        d.admit_user(Id(1)).expect("known");
        assert_eq!(d.make_room().users, [1]);
        assert_eq!((d.user(Id(2)), d.user(Id(1))), (None, Some(0)));
        assert!(d.make_room().is_empty());
        d.set_now(Time(IDLE.0 + 1_550_000));
        assert_eq!(d.forget_idle().users, (2..16).collect::<Vec<_>>());
        assert_eq!(d.users_known(), 1);
    }
}
