//! Rank fusion: several models vote with their ranks, and the better they did so far the more they say.

use super::history::{DEFAULT_HISTORY, History};
use super::ials::{Ials, IalsConfig};
use super::model::{Context, Example, Learned, Model, Slot};
use super::ranks::Ranks;
use super::transitions::{Transitions, TransitionsConfig};
use super::{Forgotten, Kind, Layout, Renumber, Rows};
use crate::rng::{Seed, unit_interval};
use crate::table::{Part, PartError, Table, words};
use std::sync::Arc;

/// Parameters of [`Fusion`]: those of its members.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FusionConfig {
    /// The member that knows what follows what.
    pub transitions: TransitionsConfig,
    /// The member that knows what users like.
    pub ials: IalsConfig,
}

const MEMBERS: usize = 2;
/// Added to a rank: how much the very first places stand out.
const OFFSET: f32 = 20.0;
/// How sharply weights follow gains. On MovieLens-1M 30 is better than 10 (recall@10 0.2053 for 0.2034), and where a
/// member knows nothing, as ials of sessions that just began, its ranks hurt no more.
const SHARPNESS: f64 = 30.0;
/// A gain counts for about this many later ones.
const MEMORY: f64 = 2000.0;
/// Ranks up to this one gain.
const DEPTH: f64 = 10.0;
/// Items scored for validation per example and member, on average: with more than that in the catalogue, a share of
/// the examples is validated.
const VALIDATED: f64 = 4096.0;

/// Score of i = Σ_m w_m / (20 + rank_m(i)) (Cormack et al. 2009, "Reciprocal rank fusion outperforms Condorcet and
/// individual rank learning methods") over the members transitions and ials, which it owns and teaches. Ranks are
/// among the items that had a positive, without those the user took; equal scores share a rank; up to about the
/// thousandth they are exact.
///
/// w_m ∝ exp(30·g_m), with g_m the member's fading mean of 1/log2(rank + 1) within the first ten: the gain at the item
/// taken, before any member learned it. Members that do alike keep alike weights; one that fails is muted. With n
/// items, an example is validated with probability min(1, 4,096 / n), drawn from its ids and time.
///
/// ```
/// use reiver::event::{Id, Time};
/// use reiver::learn::{Context, Example, Fusion, FusionConfig, Model};
/// use reiver::rng::Seed;
/// let mut fusion = Fusion::new(FusionConfig::default(), Seed(1));
/// for user in 0..5 {
///     for item in [3, 4] {
///         let recent = if item == 4 { &[3][..] } else { &[] };
///         let context = Context { user: Some(user), user_id: Id(9), recent, time: Time(0) };
///         let item_id = Id(u128::from(item));
///         fusion.learn(&Example { context, item, item_id, label: 1.0, weight: 1.0, negatives: &[] });
///     }
/// }
/// let context = Context { user: None, user_id: Id(8), recent: &[3], time: Time(0) };
/// let mut scores = [0.0; 6];
/// fusion.score_all(&context, &mut scores);
/// assert!(scores[4] > scores[0]);
/// ```
#[derive(Clone, Debug)]
pub struct Fusion {
    transitions: Transitions,
    ials: Ials,
    /// Row by item: 1 once it had a positive.
    known: Table,
    /// Row 0: Σ of fading weights, then each member's Σ of fading gains.
    gains: Table,
    taken: History,
    seed: Seed,
}

impl Fusion {
    /// Nothing learned yet.
    #[must_use]
    pub fn new(config: FusionConfig, seed: Seed) -> Self {
        let mut gains = Table::new(2 * (1 + MEMBERS));
        gains.grow_to(1);
        Self {
            transitions: Transitions::new(config.transitions),
            ials: Ials::new(config.ials, seed.named("ials")),
            known: Table::new(1),
            gains,
            taken: History::new(DEFAULT_HISTORY),
            seed: seed.named("validate"),
        }
    }

    fn members(&self) -> [&dyn Model; MEMBERS] {
        [&self.transitions, &self.ials]
    }

    fn members_mut(&mut self) -> [&mut dyn Model; MEMBERS] {
        [&mut self.transitions, &mut self.ials]
    }

    /// Each member's say; they add to 1.
    fn weights(&self) -> [f32; MEMBERS] {
        let row = self.gains.row(0);
        let total = words::get_f64(row, 0).max(1.0);
        let mut says = [0.0; MEMBERS];
        for (m, say) in says.iter_mut().enumerate() {
            *say = libm::exp(SHARPNESS * words::get_f64(row, 2 + 2 * m) / total);
        }
        let sum: f64 = says.iter().sum();
        says.map(|say| (say / sum) as f32)
    }

    /// Which of the known slots may be ranked for a user: those that had a positive and that he did not take.
    fn pool(&self, context: &Context<'_>) -> Vec<bool> {
        let mut pool = Vec::with_capacity(self.known.len());
        for (_, block) in self.known.blocks() {
            pool.extend(block.iter().map(|known| *known == 1));
        }
        for item in context.user.iter().flat_map(|user| self.taken.walk(*user)) {
            if let Some(may) = pool.get_mut(item as usize) {
                *may = false;
            }
        }
        pool
    }

    /// Calls `each` with every member's weight, its scores of the first `slots`, and the ranks these have in the pool.
    fn ranked(&self, context: &Context<'_>, slots: usize, pool: &[bool], mut each: impl FnMut(f32, &[f32], &Ranks)) {
        let mut scores = vec![0.0; slots.max(pool.len())];
        for (member, weight) in self.members().into_iter().zip(self.weights()) {
            member.score_all(context, &mut scores);
            let in_pool = pool.iter().zip(&scores).enumerate().filter(|(_, (may, _))| **may);
            let ranks = Ranks::new(in_pool.map(|(slot, (_, score))| (slot as Slot, *score)));
            each(weight, &scores, &ranks);
        }
    }

    /// The rank of an item's score: one that never had a positive stands behind all that had.
    fn rank(&self, item: Slot, score: f32, ranks: &Ranks) -> f32 {
        if self.known.row(item as usize)[0] == 1 { ranks.of(score) } else { ranks.last() + 1.0 }
    }

    /// Whether an example's gains are taken: a draw from what it is, whatever came before.
    fn validates(&self, example: &Example<'_>, candidates: usize) -> bool {
        let what = example.context.user_id.0.rotate_left(64) ^ example.item_id.0;
        let drawn = self.seed.keyed(what).keyed(u128::from(example.context.time.0.cast_unsigned())).0;
        candidates > 0 && unit_interval(drawn) * candidates as f64 <= VALIDATED
    }

    /// Takes the members' gains at an item before they learn it.
    fn validate(&mut self, example: &Example<'_>) {
        let pool = self.pool(&example.context);
        let item = example.item as usize;
        if !pool.get(item).is_some_and(|may| *may) || !self.validates(example, pool.len()) {
            return;
        }
        let mut scores = vec![0.0; pool.len()];
        let mut gains = [0.0; MEMBERS];
        for (member, gain) in self.members().into_iter().zip(&mut gains) {
            member.score_all(&example.context, &mut scores);
            let mark = scores[item];
            let (mut better, mut equal) = (0u32, 0u32);
            for (score, may) in scores.iter().zip(&pool) {
                better += u32::from(*score > mark && *may);
                equal += u32::from(*score == mark && *may);
            }
            let rank = 1.0 + f64::from(better) + f64::from(equal.saturating_sub(1)) / 2.0;
            *gain = if rank <= DEPTH { 1.0 / libm::log2(rank + 1.0) } else { 0.0 };
        }
        self.gain(gains);
    }

    fn gain(&mut self, gains: [f64; MEMBERS]) {
        let row = self.gains.row_mut(0);
        for (n, new) in std::iter::once(1.0).chain(gains).enumerate() {
            let faded = words::get_f64(row, 2 * n) * (1.0 - 1.0 / MEMORY);
            words::put_f64(row, 2 * n, faded + new);
        }
    }
}

impl Part for Fusion {
    fn tables(&self) -> Vec<(String, &Table)> {
        let mut all = vec![("known".to_owned(), &self.known), ("gains".to_owned(), &self.gains)];
        all.extend(self.taken.tables());
        for member in self.members() {
            let named = |(name, table)| (format!("{}.{name}", member.kind()), table);
            all.extend(member.tables().into_iter().map(named));
        }
        all
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        let Self { transitions, ials, known, gains, taken, .. } = self;
        let mut all = vec![("known".to_owned(), known), ("gains".to_owned(), gains)];
        all.extend(taken.tables_mut());
        all.extend(transitions.tables_mut().into_iter().map(|(name, table)| (format!("transitions.{name}"), table)));
        all.extend(ials.tables_mut().into_iter().map(|(name, table)| (format!("ials.{name}"), table)));
        all
    }

    fn blob(&self) -> Vec<u8> {
        // Each member's blob behind its length.
        let mut all = Vec::new();
        for blob in self.members().map(Part::blob) {
            all.extend((blob.len() as u64).to_le_bytes());
            all.extend(blob);
        }
        all
    }

    fn restore(&mut self, mut blob: &[u8]) -> Result<(), PartError> {
        let broken = || PartError("fusion: the members' blobs are cut short".to_owned());
        for member in self.members_mut() {
            let (length, rest) = blob.split_first_chunk::<8>().ok_or_else(broken)?;
            let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| broken())?;
            let (its, rest) = rest.split_at_checked(length).ok_or_else(broken)?;
            member.restore(its)?;
            blob = rest;
        }
        if (self.gains.width(), self.gains.len(), self.known.width()) != (2 * (1 + MEMBERS), 1, 1) {
            return Err(PartError("fusion: tables of another shape".to_owned()));
        }
        let row = self.gains.row(0);
        let all = words::get_f64(row, 0);
        if !(1..=MEMBERS).all(|m| (0.0..=all).contains(&words::get_f64(row, 2 * m))) {
            return Err(PartError("fusion: a member gained more than there was to gain".to_owned()));
        }
        self.taken.check()
    }
}

impl Model for Fusion {
    fn kind(&self) -> &'static str {
        "fusion"
    }

    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        scores.fill(0.0);
        let slots = items.iter().max().map_or(0, |last| *last as usize + 1);
        let pool = self.pool(context);
        self.ranked(context, slots, &pool, |weight, all, ranks| {
            for (item, score) in items.iter().zip(scores.iter_mut()) {
                *score += weight / (OFFSET + self.rank(*item, all[*item as usize], ranks));
            }
        });
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        scores.fill(0.0);
        let pool = self.pool(context);
        self.ranked(context, scores.len(), &pool, |weight, all, ranks| {
            ranks.best(|slot, rank| {
                if let Some(score) = scores.get_mut(slot as usize) {
                    *score += weight / (OFFSET + rank);
                }
            });
            for (slot, (score, own)) in scores.iter_mut().zip(all).enumerate() {
                if !pool.get(slot).is_some_and(|may| *may) || !ranks.is_best(*own) {
                    *score += weight / (OFFSET + self.rank(slot as Slot, *own, ranks));
                }
            }
        });
    }

    fn logit(&self, _score: f32) -> Option<f32> {
        None
    }

    fn prepare(&mut self, items: usize) {
        self.members_mut().into_iter().for_each(|member| member.prepare(items));
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        if !(example.weight > 0.0 && example.weight.is_finite() && example.label.is_finite()) {
            return Learned::skipped(1);
        }
        if example.label > 0.0 {
            self.validate(example);
            self.known.row_mut(example.item as usize)[0] = 1;
            if let Some(user) = example.context.user {
                self.taken.touch(user, example.item);
            }
        }
        let learned = self.members_mut().map(|member| member.learn(example).non_finite);
        Learned::skipped(learned.iter().sum())
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        self.members_mut().into_iter().for_each(|member| member.forget(forgotten));
        forgotten.zero_items(&mut [&mut self.known]);
        self.taken.forget_all(&forgotten.users, &forgotten.items);
    }

    fn layout(&self) -> Vec<Layout> {
        let gains = Layout::single("gains", Rows::Own, 1 + MEMBERS, Kind::Double);
        let mut all = vec![Layout::single("known", Rows::Items, 1, Kind::Word), gains];
        all.extend(History::layout(Rows::Users));
        for member in self.members() {
            all.extend(member.layout().into_iter().map(|layout| layout.within(member.kind())));
        }
        all
    }

    fn renumber(&mut self, to: &Renumber) {
        self.members_mut().into_iter().for_each(|member| member.renumber(to));
        to.move_items(&mut [&mut self.known]);
        self.taken.renumber(&to.users(), |item| to.item(item));
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Id, Time};

    fn take(model: &mut Fusion, user: Slot, recent: &[Slot], item: Slot) {
        let context = Context { user: Some(user), user_id: Id(u128::from(user)), recent, time: Time(0) };
        let item_id = Id(u128::from(item));
        let example = Example { context, item, item_id, label: 1.0, weight: 1.0, negatives: &[] };
        assert_eq!(model.learn(&example), Learned::default());
    }

    #[test]
    fn weights_follow_faded_gains() {
        let mut model = Fusion::new(FusionConfig::default(), Seed(1));
        assert_eq!(model.weights(), [0.5, 0.5]);
        model.gain([1.0, 0.0]);
        model.gain([0.5, 0.25]);
        // Σ weights = 1.9995; gains 0.9995 + 0.5 and 0.25.
        let (a, b) = ((30.0 * 1.4995 / 1.9995f64).exp(), (30.0 * 0.25 / 1.9995f64).exp());
        let weights = model.weights();
        assert!((f64::from(weights[0]) - a / (a + b)).abs() < 1e-6, "{weights:?}");
        assert!((f64::from(weights[1]) - b / (a + b)).abs() < 1e-6, "{weights:?}");
    }

    #[test]
    fn scores_are_weighted_reciprocal_ranks_without_what_was_taken() {
        let mut model = Fusion::new(FusionConfig::default(), Seed(2));
        for user in 0..40 {
            let first = user % 7;
            take(&mut model, user, &[], first);
            take(&mut model, user, &[first], (first * 3 + user) % 11);
        }
        let context = Context { user: Some(3), user_id: Id(3), recent: &[2, 3], time: Time(0) };
        let mut scores = [0.0; 11];
        model.score_all(&context, &mut scores);
        let weights = model.weights();
        assert_ne!(weights[0], weights[1]);
        let taken: Vec<Slot> = model.taken.walk(3).collect();
        assert!(!taken.is_empty());
        let mut expected = [0.0f32; 11];
        for (member, weight) in model.members().into_iter().zip(weights) {
            let mut own = [0.0; 11];
            member.score_all(&context, &mut own);
            for item in (0..11).filter(|i| !taken.contains(&(*i as Slot))) {
                let others = || (0..11).filter(|i| *i != item && !taken.contains(&(*i as Slot)));
                let better = others().filter(|i| own[*i] > own[item]).count() as f32;
                let equal = others().filter(|i| own[*i] == own[item]).count() as f32;
                expected[item] += weight / (20.0 + 1.0 + better + equal / 2.0);
            }
        }
        for item in (0..11).filter(|i| !taken.contains(&(*i as Slot))) {
            assert!((scores[item] - expected[item]).abs() < 1e-7, "{item}: {} for {}", scores[item], expected[item]);
        }
    }

    #[test]
    fn members_keep_their_names_and_a_blob_cut_short_is_refused() {
        let mut model = Fusion::new(FusionConfig::default(), Seed(1));
        let names: Vec<String> = model.tables().into_iter().map(|(name, _)| name).collect();
        let same: Vec<String> = model.tables_mut().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, same);
        assert!(names.contains(&"transitions.rows".to_owned()) && names.contains(&"ials.items.sums".to_owned()));
        let blob = model.blob();
        assert!(model.restore(&blob).is_ok() && model.restore(&blob[..blob.len() - 1]).is_err());
    }
}
