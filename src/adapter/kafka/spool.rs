//! The spool: our own records until they are delivered, bounded in records and bytes, oldest first.

use crate::port::Outgoing;
use std::collections::BTreeMap;

/// How much the spool and the producer under it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkLimits {
    /// Records in the spool.
    pub records: usize,
    /// Bytes in the spool (payload, key, headers and 200 a record for what surrounds them).
    pub bytes: usize,
    /// Of these, how many may be under way in the client at once (it copies them).
    pub flying_records: usize,
    /// And how many bytes.
    pub flying_bytes: usize,
}

impl Default for SinkLimits {
    fn default() -> Self {
        Self { records: 200_000, bytes: 128 << 20, flying_records: 20_000, flying_bytes: 16 << 20 }
    }
}

/// What one record costs.
fn weight(record: &Outgoing) -> usize {
    let headers: usize = record.headers.iter().map(|(k, v)| k.len() + v.as_ref().map_or(0, |v| v.len()) + 48).sum();
    200 + headers + record.payload.as_ref().map_or(0, |p| p.len()) + record.key.as_ref().map_or(0, |k| k.len())
}

/// Records by number: the number is the order in which they came.
#[derive(Debug)]
pub(super) struct Spool {
    limits: SinkLimits,
    next: u64,
    waiting: BTreeMap<u64, Outgoing>,
    flying: BTreeMap<u64, Outgoing>,
    bytes: usize,
    flying_bytes: usize,
}

impl Spool {
    pub(super) fn new(limits: SinkLimits) -> Self {
        Self { limits, next: 0, waiting: BTreeMap::new(), flying: BTreeMap::new(), bytes: 0, flying_bytes: 0 }
    }

    /// Takes a record, or gives it back when full.
    pub(super) fn push(&mut self, record: Outgoing) -> Result<(), Outgoing> {
        let weight = weight(&record);
        if self.len() >= self.limits.records || self.bytes + weight > self.limits.bytes {
            return Err(record);
        }
        self.bytes += weight;
        self.waiting.insert(self.next, record);
        self.next += 1;
        Ok(())
    }

    /// The oldest record that waits, now under way; `None` when none waits or enough are under way.
    pub(super) fn take(&mut self) -> Option<(u64, Outgoing)> {
        // One may always fly, however large.
        let room = self.flying.len() < self.limits.flying_records && self.flying_bytes < self.limits.flying_bytes;
        if !room && !self.flying.is_empty() {
            return None;
        }
        let (number, record) = self.waiting.pop_first()?;
        self.flying_bytes += weight(&record);
        self.flying.insert(number, record.clone());
        Some((number, record))
    }

    fn land(&mut self, number: u64) -> Option<Outgoing> {
        let record = self.flying.remove(&number)?;
        self.flying_bytes -= weight(&record);
        Some(record)
    }

    /// The record needs us no more: it is delivered, or refused for good.
    pub(super) fn done(&mut self, number: u64) {
        if let Some(record) = self.land(number) {
            self.bytes -= weight(&record);
        }
    }

    /// The record is to be sent again, before all younger ones.
    pub(super) fn again(&mut self, number: u64) {
        if let Some(record) = self.land(number) {
            self.waiting.insert(number, record);
        }
    }

    /// Records that are not delivered yet.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.flying.len()
    }

    /// The number that the next record gets: all that came so far are below it.
    pub(super) fn mark(&self) -> u64 {
        self.next
    }

    /// Records below a mark that are not delivered yet.
    pub(super) fn left(&self, mark: u64) -> usize {
        self.waiting.range(..mark).count() + self.flying.range(..mark).count()
    }

    /// Whether any record below a mark is not delivered yet.
    pub(super) fn any_left(&self, mark: u64) -> bool {
        let below = |held: &BTreeMap<u64, Outgoing>| held.first_key_value().is_some_and(|(number, _)| *number < mark);
        below(&self.waiting) || below(&self.flying)
    }

    /// Whether records wait for their turn.
    pub(super) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(size: usize) -> Outgoing {
        Outgoing { topic: "t".into(), payload: Some(vec![0; size].into()), ..Outgoing::default() }
    }

    #[test]
    fn gives_back_what_does_not_fit() {
        let mut spool = Spool::new(SinkLimits { records: 2, ..SinkLimits::default() });
        spool.push(record(1)).unwrap();
        spool.push(record(2)).unwrap();
        assert_eq!(spool.push(record(3)).unwrap_err().payload.unwrap().len(), 3);
        let mut spool = Spool::new(SinkLimits { bytes: 1000, ..SinkLimits::default() });
        assert!(spool.push(record(900)).is_err());
        spool.push(record(700)).unwrap();
        assert!(spool.push(record(0)).is_err());
        let (number, _) = spool.take().unwrap();
        spool.done(number);
        spool.push(record(700)).unwrap();
    }

    #[test]
    fn what_failed_goes_before_what_is_younger() {
        let mut spool = Spool::new(SinkLimits::default());
        for size in 0..3 {
            spool.push(record(size)).unwrap();
        }
        let (first, _) = spool.take().unwrap();
        let (second, _) = spool.take().unwrap();
        spool.again(second);
        spool.again(first);
        let sizes: Vec<usize> = std::iter::from_fn(|| spool.take()).map(|(_, r)| r.payload.unwrap().len()).collect();
        assert_eq!(sizes, [0, 1, 2]);
    }

    #[test]
    fn a_mark_does_not_wait_for_what_comes_later() {
        let mut spool = Spool::new(SinkLimits::default());
        spool.push(record(1)).unwrap();
        spool.push(record(2)).unwrap();
        let mark = spool.mark();
        spool.push(record(3)).unwrap();
        assert_eq!((spool.left(mark), spool.any_left(mark)), (2, true));
        let (first, _) = spool.take().unwrap();
        let (second, _) = spool.take().unwrap();
        spool.done(second);
        assert_eq!((spool.left(mark), spool.any_left(mark)), (1, true));
        spool.done(first);
        assert_eq!((spool.left(mark), spool.any_left(mark), spool.len()), (0, false, 1));
    }

    proptest! {
        /// Whatever happens in whatever order, nothing is lost, nothing is held twice, and the bytes add up.
        #[test]
        fn nothing_is_lost(steps in prop::collection::vec((0u8..4, 0usize..300), 1..200)) {
            let mut spool = Spool::new(SinkLimits { records: 20, bytes: 5000, flying_records: 5, flying_bytes: 1500 });
            let (mut flying, mut accepted, mut delivered) = (Vec::new(), 0usize, 0usize);
            for (step, n) in steps {
                match step {
                    0 => accepted += usize::from(spool.push(record(n)).is_ok()),
                    1 => flying.extend(spool.take().map(|(number, _)| number)),
                    2 if !flying.is_empty() => { spool.done(flying.swap_remove(n % flying.len())); delivered += 1; }
                    3 if !flying.is_empty() => spool.again(flying.swap_remove(n % flying.len())),
                    _ => {}
                }
                prop_assert!(spool.len() <= 20 && spool.bytes() <= 5000);
                prop_assert_eq!(spool.len(), accepted - delivered);
                prop_assert_eq!(spool.flying.len(), flying.len());
                let sum: usize = spool.waiting.values().chain(spool.flying.values()).map(weight).sum();
                prop_assert_eq!(spool.bytes(), sum);
            }
        }
    }
}
