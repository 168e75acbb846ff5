//! What is added to the layers' logit: products of factors, and biases, which learn by steps of second order.

use crate::event::Id;
use crate::learn::kernels::dot;
use crate::learn::model::Slot;
use crate::learn::newton::{self, SIDE, Slope, Step, awaken, bias, learn_pair, learned};
use crate::learn::{Layout, Rows};
use crate::rng::Seed;
use crate::table::Table;

/// Part of a full second-order step that is taken.
const RATE: f32 = 0.9;

/// Rows as those of `mf`: factors, bias, their precisions. Without factors there are none, and nothing is added.
#[derive(Clone, Debug)]
pub(super) struct Factors {
    k: usize,
    pub(super) users: Table,
    pub(super) items: Table,
    step: Step,
    seeds: [Seed; 2],
}

impl Factors {
    pub(super) fn new(k: usize, seed: Seed) -> Self {
        let table = || Table::new(k + SIDE);
        let seeds = [seed.named("users"), seed.named("items")];
        Self { k, users: table(), items: table(), step: Step::new(RATE, 0.0), seeds }
    }

    /// What the words of its tables are.
    pub(super) fn layout(&self) -> [Layout; 2] {
        let of = |name, rows| newton::layout(name, rows, self.k);
        [of("users.factors", Rows::Users), of("items.factors", Rows::Items)]
    }

    /// A user's row; `None` for one that adds nothing.
    pub(super) fn user(&self, user: Option<Slot>) -> Option<&[f32]> {
        user.filter(|_| self.k > 0).map(|user| self.users.floats(user as usize))
    }

    /// What a user alone adds.
    pub(super) fn bias(&self, user: Option<&[f32]>) -> f32 {
        user.map_or(0.0, |row| bias(row, self.k))
    }

    /// What a user and an item add.
    #[inline]
    pub(super) fn logit(&self, user: Option<&[f32]>, item: Slot) -> f32 {
        if self.k == 0 {
            return 0.0;
        }
        let item = self.items.floats(item as usize);
        let product = user.map_or(0.0, |user| dot(&user[..self.k], &item[..self.k]));
        self.bias(user) + (bias(item, self.k) + product)
    }

    /// Draws the first factors of whoever has none.
    pub(super) fn awaken(&mut self, user: (Slot, Id), item: (Slot, Id)) {
        if self.k == 0 {
            return;
        }
        let rows = [self.users.floats_mut(user.0 as usize), self.items.floats_mut(item.0 as usize)];
        let priors = [self.step.user, self.step.item];
        for (n, (row, id)) in rows.into_iter().zip([user.1, item.1]).enumerate() {
            if !learned(row, self.k) {
                awaken(row, self.k, self.seeds[n], id, &priors[n]);
            }
        }
    }

    /// One step of a pair.
    pub(super) fn learn(&mut self, user: Slot, item: Slot, slope: Slope) {
        if self.k > 0 {
            let (user, item) = (self.users.floats_mut(user as usize), self.items.floats_mut(item as usize));
            learn_pair(user, item, self.k, slope, &self.step);
        }
    }
}
