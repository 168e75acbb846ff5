//! Decayed item-to-item transitions: what comes after what, explainable and quick to learn.

use super::counter::{Counter, UNSEEN};
use super::model::{Context, Example, Learned, Model, Slot};
use crate::event::{Span, Time};
use crate::table::{Part, PartError, Table, words};
use std::sync::Arc;

/// Neighbours kept per item.
const NEIGHBOURS: usize = 200;
// Words of an item's row: reference time, number of neighbours, one unused, then pairs of (slot, weight).
const REFERENCE: usize = 0;
const LEN: usize = 2;
const PAIRS: usize = 4;
/// How many recent items predict, and how fast their say falls with age.
const PREDICTING: usize = 5;
const PREDICT_DECAY: f32 = 0.7;
/// How fast the evidence of an older item falls when learning, and the weight of the way back.
const LEARN_DECAY: f32 = 0.8;
const BACK: f32 = 0.5;
/// Popularity's part in the score: decides only where no transition speaks.
const PRIOR: f32 = 1e-5;

/// For an event on item i after items j (newest first, age d = 0..9): `T[j,i] += 0.8^d` and `T[i,j] += 0.5·0.8^d`, all
/// decayed by event time (half-life 90 days by default). Score of i = `Σ_d 0.7^d · T[j_d,i] / √(n_i + 5)` over the
/// last five items j_d, plus a touch of popularity. The 200 strongest neighbours of an item are kept.
///
/// The family is item-based session neighbours (Kersbergen et al. 2022, VMIS-kNN).
#[derive(Clone, Debug)]
pub struct Transitions {
    rows: Table,
    counts: Counter,
    half_life: f64,
}

impl Transitions {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(half_life: Span) -> Self {
        Self {
            rows: Table::new(PAIRS + 2 * NEIGHBOURS),
            counts: Counter::new(half_life),
            half_life: half_life.0.max(1) as f64,
        }
    }

    /// Adds to T[from, to]. Weights are kept in units of the row's reference time, which moves rarely.
    fn add(&mut self, from: Slot, to: Slot, time: Time, weight: f32) {
        let half_life = self.half_life;
        self.rows.grow_to(from as usize + 1);
        let row = self.rows.row_mut(from as usize);
        let mut len = row[LEN] as usize;
        if len == 0 {
            words::put_i64(row, REFERENCE, time.0);
        }
        let mut ages = time.0.saturating_sub(words::get_i64(row, REFERENCE)) as f64 / half_life;
        if ages > 16.0 {
            let shrink = libm::exp2(-ages) as f32;
            for k in 0..len {
                let w = words::get_f32(row, PAIRS + 2 * k + 1) * shrink;
                words::put_f32(row, PAIRS + 2 * k + 1, w);
            }
            words::put_i64(row, REFERENCE, time.0);
            ages = 0.0;
        }
        let weight = weight * libm::exp2(ages.max(-120.0)) as f32;
        let found = (0..len).find(|&k| row[PAIRS + 2 * k] == to);
        let place = match found {
            Some(k) => k,
            None if len < NEIGHBOURS => {
                len += 1;
                row[LEN] = len as u32;
                words::put_f32(row, PAIRS + 2 * len - 1, 0.0);
                len - 1
            }
            None => {
                let weakest = weakest(row);
                words::put_f32(row, PAIRS + 2 * weakest + 1, 0.0);
                weakest
            }
        };
        row[PAIRS + 2 * place] = to;
        let old = words::get_f32(row, PAIRS + 2 * place + 1);
        words::put_f32(row, PAIRS + 2 * place + 1, (old + weight).min(1e30));
    }

    /// Calls `each` with (item, Σ_d 0.7^d T[j_d, item]) for every transition of the recent items.
    fn reached(&self, context: &Context<'_>, mut each: impl FnMut(Slot, f32)) {
        let mut say = 1.0;
        for &from in context.recent.iter().take(PREDICTING) {
            let row = self.rows.row(from as usize);
            let ages = context.time.0.saturating_sub(words::get_i64(row, REFERENCE)) as f64 / self.half_life;
            let factor = say * libm::exp2(-ages.clamp(-16.0, 120.0)) as f32;
            for pair in row[PAIRS..PAIRS + 2 * row[LEN] as usize].chunks_exact(2) {
                each(pair[0], factor * f32::from_bits(pair[1]));
            }
            say *= PREDICT_DECAY;
        }
    }

    fn prior(&self, log2_count: f32) -> f32 {
        PRIOR * ((log2_count + 64.0) / 64.0).clamp(UNSEEN, 4.0).max(0.0)
    }
}

/// The place of the smallest weight; of equals the largest slot's.
fn weakest(row: &[u32]) -> usize {
    let weight = |k: usize| f32::from_bits(row[PAIRS + 2 * k + 1]);
    let order = |a: &usize, b: &usize| weight(*a).total_cmp(&weight(*b));
    (0..NEIGHBOURS).min_by(order).unwrap_or(0)
}

impl Part for Transitions {
    fn tables(&self) -> Vec<(String, &Table)> {
        vec![("rows".into(), &self.rows), ("counts".into(), self.counts.table())]
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        vec![("rows".into(), &mut self.rows), ("counts".into(), self.counts.table_mut())]
    }

    fn blob(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _blob: &[u8]) -> Result<(), PartError> {
        match (0..self.rows.len()).find(|&i| self.rows.row(i)[LEN] as usize > NEIGHBOURS) {
            None => Ok(()),
            Some(i) => Err(PartError(format!("transitions: row {i} claims more than {NEIGHBOURS} neighbours"))),
        }
    }
}

impl Model for Transitions {
    fn kind(&self) -> &'static str {
        "transitions"
    }

    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        let mut order: Vec<(Slot, usize)> = items.iter().copied().zip(0..).collect();
        order.sort_unstable();
        scores.fill(0.0);
        self.reached(context, |item, weight| {
            let mut at = order.partition_point(|(slot, _)| *slot < item);
            while let Some((_, k)) = order.get(at).filter(|(slot, _)| *slot == item) {
                scores[*k] += weight;
                at += 1;
            }
        });
        for (item, score) in items.iter().zip(scores) {
            let log2 = self.counts.log2_at(*item, context.time);
            *score = *score / (libm::exp2f(log2.min(120.0)) + 5.0).sqrt() + self.prior(log2);
        }
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        let known = scores.len();
        let mut reached = vec![0.0f32; known];
        self.reached(context, |item, weight| {
            if let Some(sum) = reached.get_mut(item as usize) {
                *sum += weight;
            }
        });
        self.counts.log2_all(context.time, scores);
        for (score, sum) in scores.iter_mut().zip(reached) {
            let prior = self.prior(*score);
            *score = if sum > 0.0 { sum / (libm::exp2f(score.min(120.0)) + 5.0).sqrt() + prior } else { prior };
        }
    }

    fn logit(&self, _score: f32) -> Option<f32> {
        None
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        if example.label > 0.0 && example.weight > 0.0 && example.weight.is_finite() {
            let time = example.context.time;
            let mut weight = example.weight.min(1e6);
            for &before in example.context.recent {
                if before != example.item {
                    self.add(before, example.item, time, weight);
                    self.add(example.item, before, time, BACK * weight);
                }
                weight *= LEARN_DECAY;
            }
            self.counts.add(example.item, time, example.weight);
        }
        Learned::default()
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}
