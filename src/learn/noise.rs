//! Negatives in proportion to a power of frequency: word2vec's table, filled while items come.

use super::model::Slot;
use super::{Forgotten, Kind, Layout, Renumber, Rows};
use crate::rng::Seed;
use crate::table::{PartError, Table, words};
use rand::Rng;
use rand_pcg::Pcg64Mcg;

/// Places of the table. All are held from the start, so that memory does not grow with events.
const PLACES: usize = 16_384;
/// Draws before giving up: a catalogue of one item gives no negatives, not a hang.
const DRAWS: usize = 16;

/// An item whose count reaches n is put into the table when n^power passes a whole number, so that the table holds
/// items in proportion to count^power (Mikolov et al. 2013 fill theirs once, from all counts); when it is full, what
/// has been there longest gives way. The table is in the order of the log, so that slots have no part in what is
/// drawn.
#[derive(Clone, Debug)]
pub(super) struct Noise {
    /// Slots, one a row.
    places: Table,
    /// Row: how often an item came.
    counts: Table,
    /// Row 0: how often a place was filled.
    filled: Table,
    power: f64,
}

impl Noise {
    /// An empty table; `power` is 0 to 1.
    pub(super) fn new(power: f64) -> Self {
        let (mut places, mut filled) = (Table::new(1), Table::new(2));
        for place in 0..PLACES {
            places.row_mut(place)[0] = 0;
        }
        filled.grow_to(1);
        Self { places, counts: Table::new(1), filled, power: power.clamp(0.0, 1.0) }
    }

    fn filled(&self) -> u64 {
        words::get_u64(self.filled.row(0), 0)
    }

    /// Counts an item.
    pub(super) fn add(&mut self, item: Slot) {
        let count = &mut self.counts.row_mut(item as usize)[0];
        let before = *count;
        *count = before.saturating_add(1);
        let steps = |n: u32| if n == 0 { 0.0 } else { libm::floor(libm::pow(f64::from(n), self.power)) };
        // A power of at most one passes one whole number at most.
        if steps(*count) > steps(before) {
            let filled = self.filled();
            self.places.row_mut((filled % PLACES as u64) as usize)[0] = item;
            words::put_u64(self.filled.row_mut(0), 0, filled + 1);
        }
    }

    /// Takes items out that are gone; the others keep their order.
    pub(super) fn forget(&mut self, forgotten: &Forgotten) {
        if forgotten.items.is_empty() {
            return;
        }
        let filled = self.filled();
        let oldest = filled.saturating_sub(PLACES as u64);
        let slots = (oldest..filled).map(|n| self.places.row((n % PLACES as u64) as usize)[0]);
        let kept: Vec<Slot> = slots.filter(|slot| !forgotten.has_item(*slot)).collect();
        for place in 0..PLACES {
            self.places.row_mut(place)[0] = kept.get(place).copied().unwrap_or(0);
        }
        words::put_u64(self.filled.row_mut(0), 0, kept.len() as u64);
        forgotten.zero_items(&mut [&mut self.counts]);
    }

    /// Gives items new slots. Where all in the table have one, it keeps its order and its places; who has none is
    /// forgotten.
    pub(super) fn renumber(&mut self, to: &Renumber) {
        let filled = self.filled().min(PLACES as u64) as usize;
        let mut gone: Vec<Slot> =
            (0..filled).map(|place| self.places.row(place)[0]).filter(|slot| to.item(*slot).is_none()).collect();
        if !gone.is_empty() {
            gone.sort_unstable();
            gone.dedup();
            self.forget(&Forgotten { users: Vec::new(), items: gone });
        }
        for place in 0..self.filled().min(PLACES as u64) as usize {
            let slot = self.places.row(place)[0];
            self.places.row_mut(place)[0] = to.item(slot).unwrap_or(slot);
        }
        to.move_items(&mut [&mut self.counts]);
    }

    /// What the words of its tables are.
    pub(super) fn layout() -> [Layout; 3] {
        [
            Layout::single("noise.places", Rows::Own, 1, Kind::Word),
            Layout::single("noise.counts", Rows::Items, 1, Kind::Word),
            Layout::single("noise.filled", Rows::Own, 1, Kind::Long),
        ]
    }

    /// Chance for the draws of one example.
    pub(super) fn draws(&self, seed: Seed) -> Draws {
        Draws { stream: seed.stream(), filled: self.filled().min(PLACES as u64) }
    }

    pub(super) fn tables(&self) -> [(String, &Table); 3] {
        let named = [("places", &self.places), ("counts", &self.counts), ("filled", &self.filled)];
        named.map(|(name, table)| (format!("noise.{name}"), table))
    }

    pub(super) fn tables_mut(&mut self) -> [(String, &mut Table); 3] {
        let named = [("places", &mut self.places), ("counts", &mut self.counts), ("filled", &mut self.filled)];
        named.map(|(name, table)| (format!("noise.{name}"), table))
    }

    /// Whether a restored table draws only items that were counted.
    pub(super) fn check(&self) -> Result<(), PartError> {
        let shaped = self.places.width() == 1 && self.counts.width() == 1 && self.filled.width() == 2;
        let filled = self.filled().min(PLACES as u64) as usize;
        let items = self.counts.len();
        if shaped && (0..filled).all(|place| (self.places.row(place)[0] as usize) < items) {
            return Ok(());
        }
        Err(PartError("noise: a place holds an item that was never counted".to_owned()))
    }
}

/// See [`Noise::draws`].
pub(super) struct Draws {
    stream: Pcg64Mcg,
    filled: u64,
}

impl Draws {
    /// The next item that is not left out; `None` if none was found.
    #[inline]
    pub(super) fn next(&mut self, noise: &Noise, left_out: impl Fn(Slot) -> bool) -> Option<Slot> {
        if self.filled == 0 {
            return None;
        }
        for _ in 0..DRAWS {
            let place = ((u128::from(self.stream.next_u64()) * u128::from(self.filled)) >> 64) as usize;
            let item = noise.places.row(place)[0];
            if !left_out(item) {
                return Some(item);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_power_of_the_count() {
        let mut noise = Noise::new(0.5);
        for n in 0..4_000u32 {
            // Item i comes in proportion to 1, 4, 9, 16.
            noise.add(
                [3, 2, 3, 1, 3, 2, 3, 0, 3, 2, 3, 3, 2, 3, 1, 3, 2, 3, 3, 2, 3, 1, 3, 2, 3, 2, 3, 1, 3, 2]
                    [n as usize % 30],
            );
        }
        let mut draws = noise.draws(Seed(1));
        let mut counts = [0.0f64; 4];
        for _ in 0..40_000 {
            counts[draws.next(&noise, |_| false).expect("items") as usize] += 1.0;
        }
        // The stream has 1, 4, 9 and 16 of thirty: roots 1, 2, 3, 4 of ten.
        for (item, count) in counts.into_iter().enumerate() {
            assert!((count / 4_000.0 - (item + 1) as f64).abs() < 0.25, "{counts:?}");
        }
        assert!((0..1_000).all(|_| draws.next(&noise, |i| i > 1).is_none_or(|i| i <= 1)));
    }

    #[test]
    fn who_is_gone_is_never_drawn_and_the_newest_stay() {
        let mut noise = Noise::new(1.0);
        for n in 0..PLACES as u32 + 100 {
            noise.add(if n < 200 { 9 } else { n % 3 });
        }
        noise.forget(&Forgotten { users: Vec::new(), items: vec![1, 9] });
        assert!((noise.filled() as f64 / (PLACES as f64 * 2.0 / 3.0) - 1.0).abs() < 0.02, "{}", noise.filled());
        let mut draws = noise.draws(Seed(3));
        assert!((0..2_000).all(|_| matches!(draws.next(&noise, |_| false), Some(0 | 2))));
        assert_eq!((noise.counts.row(1)[0], noise.counts.row(9)[0]), (0, 0));
        assert!(noise.check().is_ok());
    }

    #[test]
    fn nobody_to_draw_ends_and_memory_stays() {
        let mut noise = Noise::new(1.0);
        assert_eq!(noise.draws(Seed(1)).next(&noise, |_| false), None);
        noise.add(0);
        let bytes = |noise: &Noise| noise.tables().iter().map(|(_, t)| t.bytes()).sum::<usize>();
        let before = bytes(&noise);
        for _ in 0..3 * PLACES {
            noise.add(0);
        }
        assert_eq!((noise.draws(Seed(1)).next(&noise, |i| i == 0), bytes(&noise)), (None, before));
        assert!(noise.check().is_ok());
        noise.places.row_mut(7)[0] = 9;
        assert!(noise.check().is_err());
    }
}
