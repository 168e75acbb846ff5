//! How often an id was seen that has no slot yet: a small sketch, so that a crowd of ids seen once costs nothing.

use crate::event::Id;
use crate::table::{PartError, Table};

/// Independent counters of an id.
const DEPTH: usize = 4;
/// Counters in each of them: 64 Ki bytes.
const COUNTERS: usize = 1 << 16;
/// Bytes in a row of the table.
const ROW: usize = 4096;
/// After so many sightings all counters are halved: what was seen long ago counts less.
const HALVE_AFTER: u32 = 4 * COUNTERS as u32;

/// A count-min sketch with conservative update (Cormode & Muthukrishnan 2005; Estan & Varghese 2002): never tells less
/// than the truth since the last halving, seldom more.
#[derive(Clone, Debug)]
pub(super) struct Sightings {
    /// Bytes, 4 × 65,536 of them; the last row's first word holds the sightings since the last halving.
    counters: Table,
}

impl Sightings {
    pub(super) fn new() -> Self {
        Self { counters: Table::new(ROW / 4) }
    }

    /// Counts an id once more; tells how often it was seen, at most 255.
    pub(super) fn see(&mut self, id: Id) -> u8 {
        let places: [(usize, usize); DEPTH] = std::array::from_fn(|d| {
            let at = (id.0 >> (32 * d)) as usize % COUNTERS;
            ((d * COUNTERS + at) / ROW, at % ROW)
        });
        let least = places.iter().map(|p| self.bytes(p.0)[p.1]).min().unwrap_or(0).saturating_add(1);
        for (row, at) in places {
            let row = bytemuck::cast_slice_mut::<u32, u8>(self.counters.row_mut(row));
            row[at] = row[at].max(least);
        }
        let seen = &mut self.counters.row_mut(DEPTH * COUNTERS / ROW)[0];
        *seen += 1;
        if *seen >= HALVE_AFTER {
            *seen = 0;
            self.halve();
        }
        least
    }

    fn bytes(&self, row: usize) -> &[u8] {
        bytemuck::cast_slice(self.counters.row(row))
    }

    fn halve(&mut self) {
        for row in 0..DEPTH * COUNTERS / ROW {
            let bytes = bytemuck::cast_slice_mut::<u32, u8>(self.counters.row_mut(row));
            bytes.iter_mut().for_each(|b| *b /= 2);
        }
    }

    pub(super) const fn table(&self) -> &Table {
        &self.counters
    }

    pub(super) const fn table_mut(&mut self) -> &mut Table {
        &mut self.counters
    }

    pub(super) fn check(&self) -> Result<(), PartError> {
        let fits = self.counters.width() == ROW / 4 && self.counters.len() <= DEPTH * COUNTERS / ROW + 1;
        if fits { Ok(()) } else { Err(PartError("sightings: a sketch of another shape".to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_less_than_the_truth_and_seldom_more() {
        let mut sketch = Sightings::new();
        let mut more = 0;
        for n in 0..20_000u32 {
            let id = Id::of(&n.to_string());
            for times in 1..=(n % 3 + 1) as u8 {
                let seen = sketch.see(id);
                assert!(seen >= times);
                more += u32::from(seen > times);
            }
        }
        // 20,000 ids in 65,536 counters: all four collide with probability (1 - e^-0.31)^4 = 0.5 % at the end.
        assert!(more < 200, "{more} of 40,000 told more than the truth");
        assert!(sketch.check().is_ok());
    }

    #[test]
    fn what_was_seen_long_ago_counts_half() {
        let mut sketch = Sightings::new();
        let old = Id::of("old");
        (0..8).for_each(|_| {
            sketch.see(old);
        });
        for n in 8..HALVE_AFTER {
            sketch.see(Id(u128::from(n % 3) * 0x0001_0001_0001_0001));
        }
        assert_eq!(sketch.see(old), 5);
    }
}
