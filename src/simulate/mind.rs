//! What one shopper does with one list.

use super::world::World;
use crate::event::{Span, Time};
use crate::rng::Seed;
use rand::RngExt;
use rand_distr::{Distribution, Exp1};
use rand_pcg::Pcg64Mcg;

/// A click on a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Click {
    /// The item.
    pub item: u32,
    /// Its rank from 1.
    pub rank: u32,
    /// How long after the list; mostly a second, sometimes longer than any window.
    pub delay: Span,
}

/// Draws what shoppers do, exactly as [`World::click_probability`] says.
#[derive(Clone, Debug)]
pub struct Mind {
    rng: Pcg64Mcg,
}

impl Mind {
    /// A stream of its own per seed.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self { rng: seed.named("mind").stream() }
    }

    /// A shopper scans the list and leaves with the first click, if any.
    pub fn look(&mut self, world: &World, user: u32, at: Option<u32>, list: &[u32], now: Time) -> Option<Click> {
        for (place, &item) in list.iter().enumerate() {
            let chance = World::examination(place + 1) * world.attraction(user, at, item, now);
            if self.rng.random::<f64>() < chance {
                let wait: f64 = Exp1.sample(&mut self.rng);
                let delay = Span((wait * world.shape().click_delay.0 as f64) as i64);
                return Some(Click { item, rank: place as u32 + 1, delay });
            }
        }
        None
    }

    /// A program clicks everything within a blink.
    pub fn click_all(&mut self, list: &[u32]) -> Vec<Click> {
        list.iter()
            .enumerate()
            .map(|(place, &item)| Click { item, rank: place as u32 + 1, delay: Span(self.rng.random_range(5..60)) })
            .collect()
    }
}
