//! The vectors that running epochs were drawn from: one for each slot, fixed one slot ahead.

use super::draw::{SLOTS, slot_length};
use crate::event::{AllocationVersion, Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A fixed vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SlotVector {
    /// Global slot number.
    pub(super) slot: i64,
    /// Version of the allocation it was taken from.
    pub(super) version: AllocationVersion,
    /// Share by arm index; arms added later are absent.
    pub(super) shares: Vec<f64>,
}

/// The newest vectors, oldest first, without gaps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SlotRing {
    vectors: VecDeque<SlotVector>,
}

/// All slots of one epoch, the one ahead, and one to spare.
const KEPT: usize = SLOTS as usize + 2;

impl SlotRing {
    /// Fixes every slot that log time has come within one slot of. Slots that passed without a tick (an outage) get
    /// the same vector. Returns the vectors fixed now.
    pub(super) fn fix(
        &mut self,
        log_time: Time,
        stick: Span,
        version: AllocationVersion,
        shares: &[f64],
    ) -> impl Iterator<Item = &SlotVector> {
        let newest = log_time.0.div_euclid(slot_length(stick)) + 1;
        let first = match self.vectors.back() {
            None => newest - 1,
            Some(last) => (last.slot + 1).max(newest - KEPT as i64 + 1),
        };
        let mut fixed = 0;
        for slot in first..=newest {
            self.vectors.push_back(SlotVector { slot, version, shares: shares.to_vec() });
            if self.vectors.len() > KEPT {
                self.vectors.pop_front();
            }
            fixed += 1;
        }
        self.vectors.range(self.vectors.len() - fixed..)
    }

    /// All vectors, oldest first.
    pub(super) fn vectors(&self) -> impl Iterator<Item = &SlotVector> {
        self.vectors.iter()
    }

    /// The vector of a slot; the oldest for earlier starts, the newest where the ring lags, `None` before the first.
    pub(super) fn of(&self, slot: i64) -> Option<&SlotVector> {
        let (first, last) = (self.vectors.front()?, self.vectors.back()?);
        if slot <= first.slot {
            return Some(first);
        }
        if slot >= last.slot {
            return Some(last);
        }
        let at = self.vectors.partition_point(|v| v.slot < slot);
        self.vectors.get(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixes_one_slot_ahead_and_serves_the_nearest() {
        let stick = Span(256_000);
        let mut ring = SlotRing::default();
        assert!(ring.of(0).is_none());
        let v = |tick| AllocationVersion { generation: 1, tick };
        let mut fix =
            |at, tick, share| -> Vec<i64> { ring.fix(Time(at), stick, v(tick), &[share]).map(|f| f.slot).collect() };
        assert_eq!(fix(10_500, 1, 1.0), [10, 11]);
        assert_eq!(fix(10_900, 2, 0.5), [0i64; 0]);
        assert_eq!(fix(11_000, 3, 0.5), [12]);
        assert_eq!(ring.of(3).expect("oldest").slot, 10);
        assert_eq!(ring.of(11).expect("exact").version.tick, 1);
        assert_eq!(ring.of(99).expect("newest").slot, 12);
        assert_eq!(ring.fix(Time(11_000 + 5_000_000), stick, v(4), &[0.1]).count(), KEPT, "after an outage");
        assert_eq!(ring.vectors.len(), KEPT);
    }
}
