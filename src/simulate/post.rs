//! Late and doubled: things that are sent now and arrive when they are due.

use crate::event::{Span, Time};
use crate::rng::Seed;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use std::collections::BTreeMap;

/// What goes wrong on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// Share of things that arrive twice.
    pub duplicates: f64,
    /// The longest time that a thing is held up, beyond when it was due.
    pub delay: Span,
}

impl Faults {
    /// All arrives once, when it is due.
    pub const NONE: Self = Self { duplicates: 0.0, delay: Span::ZERO };
}

/// Holds things until they are due, in one order for one seed. Bounded: beyond `capacity` nothing is taken.
#[derive(Clone, Debug)]
pub struct Post<T> {
    waiting: BTreeMap<(Time, u64), T>,
    taken: u64,
    capacity: usize,
    faults: Faults,
    rng: Pcg64Mcg,
}

impl<T: Clone> Post<T> {
    /// An empty post.
    #[must_use]
    pub fn new(capacity: usize, faults: Faults, seed: Seed) -> Self {
        Self { waiting: BTreeMap::new(), taken: 0, capacity, faults, rng: seed.named("post").stream() }
    }

    /// Takes a thing that is due at a time; `false` when full.
    pub fn put(&mut self, due: Time, thing: T) -> bool {
        if self.waiting.len() >= self.capacity {
            return false;
        }
        if self.rng.random::<f64>() < self.faults.duplicates {
            self.keep(due, thing.clone());
        }
        self.keep(due, thing);
        true
    }

    fn keep(&mut self, due: Time, thing: T) {
        let held = self.rng.random_range(0..=self.faults.delay.0.max(0));
        self.taken += 1;
        self.waiting.insert((due + Span(held), self.taken), thing);
    }

    /// All that is due by now, in order of its due time.
    pub fn due(&mut self, now: Time) -> Vec<T> {
        let later = self.waiting.split_off(&(Time(now.0.saturating_add(1)), 0));
        std::mem::replace(&mut self.waiting, later).into_values().collect()
    }

    /// How many things wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_when_due_and_in_order() {
        let mut post = Post::new(10, Faults::NONE, Seed(1));
        for (due, thing) in [(30, 'c'), (10, 'a'), (20, 'b')] {
            assert!(post.put(Time(due), thing));
        }
        assert_eq!(post.due(Time(9)), vec![]);
        assert_eq!(post.due(Time(20)), vec!['a', 'b']);
        assert_eq!(post.due(Time(90)), vec!['c']);
        assert!(post.is_empty());
    }

    #[test]
    fn duplicates_and_delays_have_their_share_and_bound() {
        let mut post = Post::new(10_000, Faults { duplicates: 0.2, delay: Span(500) }, Seed(2));
        for n in 0..1000 {
            post.put(Time(0), n);
        }
        assert!((1150..1250).contains(&post.len()), "{}", post.len());
        assert!(post.due(Time(-1)).is_empty());
        post.due(Time(500));
        assert!(post.is_empty());
    }

    #[test]
    fn a_full_post_takes_nothing() {
        let mut post = Post::new(1, Faults::NONE, Seed(1));
        assert!(post.put(Time(0), 1));
        assert!(!post.put(Time(0), 2));
    }
}
