//! Decayed links from item to item: for each item its strongest neighbours (transitions, item_knn).

use super::{Forgotten, Kind, Layout, Renumber, Rows, Slot};
use crate::event::{Span, Time};
use crate::table::{PartError, Table, words};

/// Neighbours kept per item.
pub(super) const NEIGHBOURS: usize = 200;
// Words of an item's row: reference time, number of neighbours, one unused; then their slots, then their weights.
const REFERENCE: usize = 0;
const LEN: usize = 2;
const SLOTS: usize = 4;
const WEIGHTS: usize = SLOTS + NEIGHBOURS;
/// Heaviest weight of a link.
const FULLEST: f32 = 1e30;

/// Rows of neighbours with weights that halve in a half-life of event time. A full row gives up its weakest for a
/// new one.
#[derive(Clone, Debug)]
pub(super) struct Links {
    rows: Table,
    half_life: f64,
}

impl Links {
    pub(super) fn new(half_life: Span) -> Self {
        Self { rows: Table::new(SLOTS + 2 * NEIGHBOURS), half_life: half_life.0.max(1) as f64 }
    }

    /// How many half-lives lie between two times.
    fn half_lives(&self, from: i64, to: i64) -> f64 {
        (to as f64 - from as f64) / self.half_life
    }

    /// Adds to T[from, to]. Weights of a row are worth what they were at its reference time, which moves rarely.
    pub(super) fn add(&mut self, from: Slot, to: Slot, time: Time, weight: f32) {
        let row = self.rows.row(from as usize);
        let len = (row[LEN] as usize).min(NEIGHBOURS);
        let reference = if len == 0 { time.0 } else { words::get_i64(row, REFERENCE) };
        let ages = self.half_lives(reference, time.0);
        let row = self.rows.row_mut(from as usize);
        // Far ahead of the reference a new weight would grow large: bring the row to today.
        let moves = len == 0 || ages > 16.0;
        if moves {
            words::put_i64(row, REFERENCE, time.0);
        }
        let (head, weights) = row.split_at_mut(WEIGHTS);
        let weights: &mut [f32] = bytemuck::cast_slice_mut(weights);
        if moves {
            let shrink = libm::exp2(-ages) as f32;
            weights[..len].iter_mut().for_each(|w| *w *= shrink);
        }
        let weight = if moves { weight } else { weight * libm::exp2(ages.max(-120.0)) as f32 };
        let place = match position(&head[SLOTS..SLOTS + len], to) {
            Some(place) => place,
            None if len < NEIGHBOURS => {
                head[LEN] = len as u32 + 1;
                weights[len] = 0.0;
                len
            }
            None => {
                let place = weakest(weights);
                weights[place] = 0.0;
                place
            }
        };
        head[SLOTS + place] = to;
        weights[place] = (weights[place] + weight).min(FULLEST);
    }

    /// An item's neighbours, what each weighed at the row's reference time, and what that is worth at `time`.
    pub(super) fn of(&self, from: Slot, time: Time) -> (&[Slot], &[f32], f32) {
        let row = self.rows.row(from as usize);
        let len = (row[LEN] as usize).min(NEIGHBOURS);
        let ages = self.half_lives(words::get_i64(row, REFERENCE), time.0);
        let factor = libm::exp2(-ages.clamp(-16.0, 120.0)) as f32;
        (&row[SLOTS..SLOTS + len], bytemuck::cast_slice(&row[WEIGHTS..WEIGHTS + len]), factor)
    }

    /// Forgets items: their rows, and they as neighbours. Those that stay move up, so that of equal ones the oldest
    /// stays first.
    pub(super) fn forget(&mut self, forgotten: &Forgotten) {
        if forgotten.items.is_empty() {
            return;
        }
        forgotten.zero_items(&mut [&mut self.rows]);
        for row in 0..self.rows.len() {
            let words = self.rows.row(row);
            let len = (words[LEN] as usize).min(NEIGHBOURS);
            if words[SLOTS..SLOTS + len].iter().any(|s| forgotten.has_item(*s)) {
                drop_neighbours(self.rows.row_mut(row), len, forgotten);
            }
        }
    }

    /// Gives items new slots; neighbours that have none are left out, the others keep their order.
    pub(super) fn renumber(&mut self, to: &Renumber) {
        to.move_items(&mut [&mut self.rows]);
        for row in 0..self.rows.len() {
            let len = (self.rows.row(row)[LEN] as usize).min(NEIGHBOURS);
            if len == 0 {
                continue;
            }
            let row = self.rows.row_mut(row);
            let mut kept = 0;
            for place in 0..len {
                if let Some(slot) = to.item(row[SLOTS + place]) {
                    row[SLOTS + kept] = slot;
                    let weight = words::get_f32(row, WEIGHTS + place).min(FULLEST);
                    words::put_f32(row, WEIGHTS + kept, weight);
                    kept += 1;
                }
            }
            row[SLOTS + kept..SLOTS + NEIGHBOURS].fill(0);
            row[WEIGHTS + kept..WEIGHTS + NEIGHBOURS].fill(0);
            row[LEN] = kept as u32;
        }
    }

    /// What its table's words are.
    pub(super) fn layout(name: &str) -> Layout {
        let called = |what: &str| format!("{name}.{what}");
        Layout::new(
            name,
            Rows::Items,
            &[
                (&called("reference"), 1, Kind::Long),
                (&called("length"), 1, Kind::Word),
                (&called("unused"), SLOTS - LEN - 1, Kind::Unused),
                (&called("neighbours"), NEIGHBOURS, Kind::Word),
                (&called("weights"), NEIGHBOURS, Kind::Amount),
            ],
        )
    }

    pub(super) const fn table(&self) -> &Table {
        &self.rows
    }

    pub(super) const fn table_mut(&mut self) -> &mut Table {
        &mut self.rows
    }

    /// Whether restored rows can be read.
    pub(super) fn check(&self) -> Result<(), PartError> {
        match (0..self.rows.len()).find(|&i| self.rows.row(i)[LEN] as usize > NEIGHBOURS) {
            None => Ok(()),
            Some(i) => Err(PartError(format!("row {i} claims more than {NEIGHBOURS} neighbours"))),
        }
    }

    /// The weight of a link at its row's reference time.
    #[cfg(test)]
    pub(super) fn stored(&self, from: Slot, to: Slot) -> f32 {
        let (slots, weights, _) = self.of(from, Time(0));
        position(slots, to).map_or(0.0, |place| weights[place])
    }
}

fn drop_neighbours(row: &mut [u32], len: usize, forgotten: &Forgotten) {
    let mut kept = 0;
    for place in 0..len {
        if !forgotten.has_item(row[SLOTS + place]) {
            row[SLOTS + kept] = row[SLOTS + place];
            row[WEIGHTS + kept] = row[WEIGHTS + place];
            kept += 1;
        }
    }
    row[SLOTS + kept..SLOTS + len].fill(0);
    row[WEIGHTS + kept..WEIGHTS + len].fill(0);
    row[LEN] = kept as u32;
}

/// Where a slot stands in a row.
pub(super) fn position(slots: &[Slot], wanted: Slot) -> Option<usize> {
    // Blocks first, so that the comparison uses wide registers.
    let block = slots.chunks(16).position(|c| c.iter().fold(false, |hit, s| hit | (*s == wanted)))?;
    let within = slots[block * 16..].iter().position(|s| *s == wanted)?;
    Some(block * 16 + within)
}

/// The place of the smallest weight; of equals the one that has been there longest.
fn weakest(weights: &[f32]) -> usize {
    // The smallest first, in lanes, so that the comparison uses wide registers; then where it stands.
    let mut lanes = [f32::INFINITY; 8];
    let blocks = weights.chunks_exact(8);
    let rest = blocks.remainder();
    for block in blocks {
        for (least, weight) in lanes.iter_mut().zip(block) {
            *least = if *weight < *least { *weight } else { *least };
        }
    }
    let least = lanes.iter().chain(rest).fold(f32::INFINITY, |least, w| if *w < least { *w } else { least });
    let block = weights.chunks(16).position(|c| c.iter().fold(false, |hit, w| hit | (*w == least))).unwrap_or(0);
    let within = weights[block * 16..].iter().position(|w| *w == least).unwrap_or(0);
    block * 16 + within
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn the_weakest_is_the_first_of_the_smallest(weights in proptest::collection::vec(0u8..9, 1..200)) {
            let weights: Vec<f32> = weights.into_iter().map(f32::from).collect();
            let smallest = weights.iter().copied().fold(f32::INFINITY, f32::min);
            proptest::prop_assert_eq!(Some(weakest(&weights)), weights.iter().position(|w| *w == smallest));
        }
    }
}
