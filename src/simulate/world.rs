//! What is true in the shop: a pure function of seed and time. Nothing here is random once the seed is known.
//!
//! Two regimes take turns. In the *sale* shoppers want the few items on sale, and these change slowly: whoever shows
//! what is popular now wins; evergreens, which everybody looks at and nobody clicks in a list, lead astray whoever
//! learns from lists that were ignored only after showing them. On the *trails* each item leads to its successors: whoever knows where a shopper stands
//! wins. No arm is named here: which one is best follows from the lists that the arms make.

use super::shape::{SUCCESSORS, Shape};
use crate::event::{Span, Time};
use crate::rng::{Seed, unit_interval};
use rand::RngExt;
use rand::seq::SliceRandom;

/// What shoppers go by at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Regime {
    /// What is on sale.
    Sale,
    /// What comes after the item just seen.
    Trails,
}

impl Regime {
    /// A word for the terminal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Trails => "trails",
        }
    }
}

/// How often each successor is the next item of a trail.
const NEXT: [f64; SUCCESSORS] = [0.55, 0.3, 0.15];
/// The truth.
#[derive(Clone, Debug)]
pub struct World {
    shape: Shape,
    seed: Seed,
    /// Items in the order in which they go on sale.
    turns: Vec<u32>,
    /// Items that are never on sale and always looked at, sorted.
    evergreens: Vec<u32>,
    /// Where trails lead.
    successors: Vec<[u32; SUCCESSORS]>,
    /// Each item's category.
    category: Vec<u32>,
}

impl World {
    /// Builds the shop of a seed. Sizes below what the rules need are raised: at least one user and category, and
    /// four times as many items as are on sale.
    #[must_use]
    pub fn new(mut shape: Shape, seed: Seed) -> Self {
        shape.users = shape.users.max(1);
        shape.categories = shape.categories.max(1);
        shape.hot = shape.hot.max(1);
        shape.items = shape.items.max(4 * shape.hot).max(4 * SUCCESSORS as u32);
        let seed = seed.named("world");
        let mut rng = seed.named("turns").stream();
        let mut turns: Vec<u32> = (0..shape.items).collect();
        turns.shuffle(&mut rng);
        let evergreen = shape.evergreens.min(shape.items / 4);
        let mut evergreens = turns.split_off((shape.items - evergreen) as usize);
        evergreens.sort_unstable();
        let mut rng = seed.named("trails").stream();
        let successors = trails(shape.items, &mut rng);
        let mut rng = seed.named("categories").stream();
        let category = (0..shape.items).map(|_| rng.random_range(0..shape.categories)).collect();
        Self { shape, seed, turns, evergreens, successors, category }
    }

    /// The sizes.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The regime at a time. The first lasts one phase, each later one two.
    #[must_use]
    pub fn regime(&self, now: Time) -> Regime {
        let phases = (now - self.shape.opens).0.div_euclid(self.shape.phase.0.max(1));
        if (phases + 1).div_euclid(2) % 2 == 0 { Regime::Sale } else { Regime::Trails }
    }

    /// When the regime that rules at `now` ends.
    #[must_use]
    pub fn next_switch(&self, now: Time) -> Time {
        let phase = self.shape.phase.0.max(1);
        let phases = (now - self.shape.opens).0.div_euclid(phase);
        let end = (phases + 1).div_euclid(2) * 2 + 1;
        self.shape.opens + Span(end * phase)
    }

    /// The items on sale, one per place; places change hands in turn.
    #[must_use]
    pub fn on_sale(&self, now: Time) -> Vec<u32> {
        (0..self.shape.hot).map(|place| self.on_sale_at(place, now)).collect()
    }

    fn on_sale_at(&self, place: u32, now: Time) -> u32 {
        let life = self.shape.hot_life.0.max(1);
        let (hot, place) = (i64::from(self.shape.hot), i64::from(place));
        let round = ((now - self.shape.opens).0 + place * life / hot).div_euclid(life);
        let turn = (round * hot + place).rem_euclid(self.turns.len() as i64);
        self.turns[turn as usize]
    }

    /// Where trails lead from an item, the most travelled first.
    #[must_use]
    pub fn successors(&self, item: u32) -> &[u32] {
        &self.successors[item as usize]
    }

    /// Whether an item is looked at all the time, sale or not.
    #[must_use]
    pub fn evergreen(&self, item: u32) -> bool {
        self.evergreens.binary_search(&item).is_ok()
    }

    /// An item's category.
    #[must_use]
    pub fn category(&self, item: u32) -> u32 {
        self.category[item as usize]
    }

    /// A shopper's favourite category: a new one every `taste_life`, each shopper at another moment.
    #[must_use]
    pub fn favourite(&self, user: u32, now: Time) -> u32 {
        let seed = self.seed.named("taste").keyed(u128::from(user));
        let life = self.shape.taste_life.0.max(1);
        let shift = (unit_interval(seed.0) * life as f64) as i64;
        let round = ((now - self.shape.opens).0 + shift).div_euclid(life);
        let share = unit_interval(seed.keyed(round as u128).0);
        ((share * f64::from(self.shape.categories)) as u32).min(self.shape.categories - 1)
    }

    /// The probability that a shopper who examines this item clicks it. `at` is the item seen last.
    #[must_use]
    pub fn attraction(&self, user: u32, at: Option<u32>, item: u32, now: Time) -> f64 {
        let shape = &self.shape;
        let liked = self.category(item) == self.favourite(user, now);
        let plain = match liked {
            _ if self.evergreen(item) => shape.evergreen_attraction,
            true => shape.plain_attraction * shape.favourite_factor,
            false => shape.plain_attraction,
        };
        match self.regime(now) {
            Regime::Sale if self.on_sale(now).contains(&item) => shape.sale_attraction,
            Regime::Sale => plain,
            Regime::Trails => at
                .and_then(|from| self.successors(from).iter().position(|&next| next == item))
                .map_or(plain, |step| shape.trail_attraction[step]),
        }
    }

    /// The probability that a shopper looks at a rank (from 1).
    #[must_use]
    pub fn examination(rank: usize) -> f64 {
        1.0 / libm::log2(rank.max(1) as f64 + 1.0)
    }

    /// The exact probability that this shopper clicks something in this list, sooner or later. Shoppers scan from the
    /// top, examine each rank independently, and leave with their first click (the cascade of Craswell et al. 2008
    /// with independent examination).
    #[must_use]
    pub fn click_probability(&self, user: u32, at: Option<u32>, list: &[u32], now: Time) -> f64 {
        let stays: f64 = list
            .iter()
            .enumerate()
            .map(|(place, &item)| 1.0 - Self::examination(place + 1) * self.attraction(user, at, item, now))
            .product();
        1.0 - stays
    }

    /// The exact probability that the click comes within a window after the list.
    #[must_use]
    pub fn true_value(&self, user: u32, at: Option<u32>, list: &[u32], now: Time, window: Span) -> f64 {
        let mean = self.shape.click_delay.0.max(1) as f64;
        self.click_probability(user, at, list, now) * -libm::expm1(-(window.0 as f64) / mean)
    }

    /// Where a shopper who browses without being led goes next.
    #[must_use]
    pub fn browse(&self, user: u32, at: Option<u32>, now: Time, rng: &mut impl RngExt) -> u32 {
        let shares = match self.regime(now) {
            Regime::Sale => self.shape.sale_browsing,
            Regime::Trails => self.shape.trails_browsing,
        };
        let mut draw: f64 = rng.random();
        if draw < shares.sale {
            return self.on_sale_at(rng.random_range(0..self.shape.hot), now);
        }
        draw -= shares.sale;
        if draw < shares.evergreen && !self.evergreens.is_empty() {
            return self.evergreens[rng.random_range(0..self.evergreens.len())];
        }
        draw -= shares.evergreen;
        if let Some(from) = at.filter(|_| draw < shares.trail) {
            let step: f64 = rng.random();
            let which = if step < NEXT[0] { 0 } else { usize::from(step >= NEXT[0] + NEXT[1]) + 1 };
            return self.successors[from as usize][which];
        }
        self.by_taste(user, now, rng)
    }

    /// An item of the favourite category if a few looks at the shelves find one.
    fn by_taste(&self, user: u32, now: Time, rng: &mut impl RngExt) -> u32 {
        let favourite = self.favourite(user, now);
        let mut item = rng.random_range(0..self.shape.items);
        for _ in 0..8 {
            if self.category(item) == favourite {
                break;
            }
            item = rng.random_range(0..self.shape.items);
        }
        item
    }
}

/// Successors without loops: one permutation cycle per step, so that every item leads somewhere and is led to.
fn trails(items: u32, rng: &mut impl RngExt) -> Vec<[u32; SUCCESSORS]> {
    let next: [Vec<u32>; SUCCESSORS] = std::array::from_fn(|_| {
        let mut cycle: Vec<u32> = (0..items).collect();
        cycle.shuffle(rng);
        let mut next = vec![0; items as usize];
        for (place, &item) in cycle.iter().enumerate() {
            next[item as usize] = cycle[(place + 1) % cycle.len()];
        }
        next
    });
    (0..items as usize).map(|item| std::array::from_fn(|step| next[step][item])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        World::new(Shape::default(), Seed(7))
    }

    #[test]
    fn regimes_take_turns() {
        let world = world();
        let at = |s: i64| world.regime(Time(s * 1000));
        assert_eq!([at(0), at(59), at(60), at(179), at(180)], {
            use Regime::{Sale, Trails};
            [Sale, Sale, Trails, Trails, Sale]
        });
        for (now, next) in [(0, 60), (59, 60), (60, 180), (179, 180), (180, 300)] {
            assert_eq!(world.next_switch(Time(now * 1000)), Time(next * 1000), "after {now} s");
        }
    }

    #[test]
    fn the_sale_changes_one_item_at_a_time() {
        let world = world();
        let step = world.shape().hot_life.0 / i64::from(world.shape().hot);
        for n in 0..40 {
            let before = world.on_sale(Time(n * step));
            let after = world.on_sale(Time((n + 1) * step));
            let mut distinct = after.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), after.len());
            assert_eq!(before.iter().filter(|item| !after.contains(item)).count(), 1, "step {n}");
        }
    }

    #[test]
    fn the_value_of_a_list_is_its_click_rate() {
        let world = world();
        let mut mind = super::super::Mind::new(Seed(3));
        let now = Time(10_000);
        let mut list = world.on_sale(now);
        list.extend([1, 2, 3, 4]);
        let truth = world.click_probability(5, None, &list, now);
        let n = 40_000;
        let clicks = (0..n).filter(|_| mind.look(&world, 5, None, &list, now).is_some()).count();
        let rate = clicks as f64 / f64::from(n);
        assert!((rate - truth).abs() < 0.01, "{rate} against {truth}");
        let window = Span::seconds(3);
        let value = world.true_value(5, None, &list, now, window);
        let in_time = (0..n)
            .filter(|_| mind.look(&world, 5, None, &list, now).is_some_and(|click| click.delay.0 <= window.0))
            .count();
        assert!((in_time as f64 / f64::from(n) - value).abs() < 0.01);
    }

    #[test]
    fn one_seed_one_world() {
        let (a, b, c) = (world(), world(), World::new(Shape::default(), Seed(8)));
        assert_eq!(a.turns, b.turns);
        assert_eq!(a.successors, b.successors);
        assert_ne!(a.turns, c.turns);
    }
}
