//! Online implicit ALS: each event solves its user's and its item's vector anew.

use super::gram::{Gram, LARGEST};
use super::history::History;
use super::kernels::{dot, dots};
use super::model::{Context, Example, Learned, Model, Slot};
use super::normal::Normal;
use super::{Forgotten, Kind, Layout, Renumber, Rows};
use crate::rng::{Seed, unit_interval};
use crate::table::{Part, PartError, Table};
use rand::Rng;
use std::sync::Arc;

/// Parameters of [`Ials`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IalsConfig {
    /// Length of the vectors; a step costs about its cube.
    pub dimensions: usize,
    /// L2 regularisation.
    pub regularisation: f32,
    /// Weight of each pair that was not observed, beside 1 for one that was.
    pub unobserved: f32,
    /// What an item of a user weighs beside the next newer one.
    pub recency: f32,
}

impl Default for IalsConfig {
    fn default() -> Self {
        Self { dimensions: 32, regularisation: 0.3, unobserved: 0.2, recency: 0.95 }
    }
}

/// Newest items of a user that a solve takes; older ones weigh nothing any more.
const ITEMS_OF_USER: usize = 128;
/// Newest users of an item that a solve takes.
const USERS_OF_ITEM: usize = 400;
/// First entries of an item are uniform with this deviation.
const FIRST: f32 = 0.1;

/// Score of item i for user u = p_u·q_i. An event on (u, i) solves
///
/// p_u = (Σ_j w_j·q_j·q_jᵀ + a·G + λ_u·1)⁻¹ Σ_j w_j·q_j over the user's items j, newest first, w_j = 0.95^age,
///
/// and then q_i in the same way over its last 400 users, all weighing 1; G = Σ q·qᵀ over all items (Σ p·pᵀ over all
/// users) and λ_u = λ·√(Σ w_j + a·|items|). A user of whom nothing was learned gets one such solve from what the
/// context says that he took last; one without any gets the mean of all users, which ranks by what is popular.
///
/// Hu, Koren & Volinsky 2008, "Collaborative filtering for implicit feedback datasets"; Rendle et al. 2022, "Revisiting
/// the performance of iALS on item recommendation benchmarks", for the shape of λ. Doing it event by event, and the
/// ageing of a user's items, are our own. An example counts fully whatever it weighs; items that were shown and
/// ignored teach nothing beyond being unobserved.
///
/// ```
/// use reiver::event::{Id, Time};
/// use reiver::learn::{Context, Example, Ials, IalsConfig, Model};
/// use reiver::rng::Seed;
/// let mut ials = Ials::new(IalsConfig::default(), Seed(1));
/// let mut take = |user, item: u32| {
///     let context = Context { user: Some(user), user_id: Id(1), recent: &[], time: Time(0) };
///     let item_id = Id(u128::from(item));
///     ials.learn(&Example { context, item, item_id, label: 1.0, weight: 1.0, negatives: &[] });
/// };
/// // Users 0 to 4 take items 0 and 1, users 5 to 9 items 2 and 3; user 10 took item 0 only.
/// for user in 0..10 {
///     take(user, user / 5 * 2);
///     take(user, user / 5 * 2 + 1);
/// }
/// take(10, 0);
/// let context = Context { user: Some(10), user_id: Id(1), recent: &[0], time: Time(0) };
/// let mut scores = [0.0; 4];
/// ials.score_all(&context, &mut scores);
/// assert!(scores[1] > scores[2] && scores[1] > scores[3]);
/// ```
#[derive(Clone, Debug)]
pub struct Ials {
    config: IalsConfig,
    users: Side,
    items: Side,
    seed: Seed,
}

/// One side: its vectors, their sums, and what each row was observed with, in slots of the other side.
#[derive(Clone, Debug)]
struct Side {
    /// A row of zeros: never learned.
    vectors: Table,
    gram: Gram,
    observed: History,
}

impl Side {
    fn new(dimensions: usize, most: usize) -> Self {
        Self { vectors: Table::new(dimensions), gram: Gram::new(dimensions), observed: History::new(most) }
    }

    fn vector(&self, row: Slot) -> &[f32] {
        self.vectors.floats(row as usize)
    }

    fn learned(&self, row: Slot) -> bool {
        self.vector(row).iter().any(|x| *x != 0.0)
    }

    /// The vector that fits these rows of this side best, newest first; `None` if there is no finite one.
    fn fold_in(&self, rows: &[Slot], recency: f32, config: &IalsConfig) -> Option<Vec<f32>> {
        let mut weights = Vec::with_capacity(rows.len());
        let (mut weight, mut sum) = (1.0f32, 0.0f32);
        for _ in rows {
            weights.push(weight);
            sum += weight;
            weight *= recency;
        }
        let mut normal = Normal::new(config.dimensions);
        self.gram.add_to(config.unobserved, &mut normal);
        let all = sum + config.unobserved * self.gram.count() as f32;
        normal.add_ridge(config.regularisation * all.sqrt());
        normal.add_all(weights.iter().copied().zip(rows.iter().map(|row| self.vector(*row))));
        let mut vector = normal.solve()?.to_vec();
        let length = dot(&vector, &vector).sqrt();
        if length > LARGEST {
            vector.iter_mut().for_each(|x| *x *= LARGEST / length);
        }
        vector.iter().all(|x| x.abs() <= LARGEST).then_some(vector)
    }

    fn set(&mut self, row: Slot, vector: &[f32]) {
        let learned = self.learned(row);
        let old = self.vectors.floats_mut(row as usize);
        self.gram.replace(learned.then_some(&*old), vector);
        old.copy_from_slice(vector);
    }

    /// Forgets rows of this side, and in its lists those of the other.
    fn forget(&mut self, rows: &[Slot], others: &[Slot]) {
        for &row in rows {
            if self.learned(row) {
                self.gram.remove(self.vectors.floats(row as usize));
                self.vectors.zero_row(row as usize);
            }
        }
        self.observed.forget_all(rows, others);
    }

    fn tables(&self, name: &str) -> Vec<(String, &Table)> {
        let mut all = vec![(name.to_owned(), &self.vectors), (format!("{name}.sums"), &self.gram.sums)];
        all.extend(self.observed.tables().into_iter().map(|(part, table)| (format!("{name}.{part}"), table)));
        all
    }

    fn tables_mut(&mut self, name: &str) -> Vec<(String, &mut Table)> {
        let mut all = vec![(name.to_owned(), &mut self.vectors), (format!("{name}.sums"), &mut self.gram.sums)];
        all.extend(self.observed.tables_mut().into_iter().map(|(part, table)| (format!("{name}.{part}"), table)));
        all
    }

    fn layout(&self, name: &str, rows: Rows) -> Vec<Layout> {
        let vectors = [(&*format!("{name}.vectors"), self.vectors.width(), Kind::Weight)];
        let mut all = vec![Layout::new(name, rows, &vectors), self.gram.layout(&format!("{name}.sums"))];
        all.extend(History::layout(rows).into_iter().map(|layout| layout.within(name)));
        all
    }

    fn check(&self, dimensions: usize) -> Result<(), PartError> {
        if self.vectors.width() != dimensions || !self.gram.fits() {
            return Err(PartError("ials: vectors or sums of another shape".to_owned()));
        }
        self.observed.check()
    }
}

impl Ials {
    /// Nothing learned yet.
    #[must_use]
    pub fn new(config: IalsConfig, seed: Seed) -> Self {
        let side = |most| Side::new(config.dimensions, most);
        Self { config, users: side(ITEMS_OF_USER), items: side(USERS_OF_ITEM), seed: seed.named("items") }
    }

    /// The vector that answers for a context.
    fn of_user(&self, context: &Context<'_>) -> Vec<f32> {
        if let Some(user) = context.user.filter(|u| self.users.learned(*u)) {
            return self.users.vector(user).to_vec();
        }
        let known: Vec<Slot> = context.recent.iter().copied().filter(|i| self.items.learned(*i)).collect();
        let folded =
            if known.is_empty() { None } else { self.items.fold_in(&known, self.config.recency, &self.config) };
        folded.unwrap_or_else(|| self.users.gram.mean())
    }

    /// Draws an item's first vector from its id.
    fn awaken(&mut self, example: &Example<'_>) {
        if self.items.learned(example.item) {
            return;
        }
        let mut stream = self.seed.keyed(example.item_id.0).stream();
        let mut draw = || 1.732_050_8 * FIRST * (2.0 * unit_interval(stream.next_u64()) - 1.0) as f32;
        let first: Vec<f32> = (0..self.config.dimensions).map(|_| draw()).collect();
        self.items.set(example.item, &first);
    }
}

impl Part for Ials {
    fn tables(&self) -> Vec<(String, &Table)> {
        let mut all = self.users.tables("users");
        all.extend(self.items.tables("items"));
        all
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        let mut all = self.users.tables_mut("users");
        all.extend(self.items.tables_mut("items"));
        all
    }

    fn blob(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _blob: &[u8]) -> Result<(), PartError> {
        self.users.check(self.config.dimensions)?;
        self.items.check(self.config.dimensions)
    }
}

impl Model for Ials {
    fn kind(&self) -> &'static str {
        "ials"
    }

    fn score(&self, context: &Context<'_>, items: &[Slot], scores: &mut [f32]) {
        let user = self.of_user(context);
        for (item, score) in items.iter().zip(scores) {
            *score = dot(&user, self.items.vector(*item));
        }
    }

    fn score_all(&self, context: &Context<'_>, scores: &mut [f32]) {
        let user = self.of_user(context);
        scores.fill(0.0);
        for (first, rows) in self.items.vectors.float_blocks() {
            let Some(out) = scores.get_mut(first..) else { break };
            dots(rows, self.config.dimensions, &user, out);
        }
    }

    fn logit(&self, _score: f32) -> Option<f32> {
        None
    }

    fn learn(&mut self, example: &Example<'_>) -> Learned {
        let Some(user) = example.context.user else { return Learned::default() };
        if !(example.weight > 0.0 && example.weight.is_finite() && example.label.is_finite()) {
            return Learned::skipped(1);
        }
        if example.label <= 0.0 {
            return Learned::default();
        }
        let item = example.item;
        self.awaken(example);
        self.users.observed.touch(user, item);
        self.items.observed.touch(item, user);
        let mut learned = Learned::default();
        let mut rows = Vec::with_capacity(USERS_OF_ITEM);
        self.users.observed.newest(user, ITEMS_OF_USER, &mut rows);
        match self.items.fold_in(&rows, self.config.recency, &self.config) {
            Some(vector) => self.users.set(user, &vector),
            None => learned.non_finite += 1,
        }
        rows.clear();
        self.items.observed.newest(item, USERS_OF_ITEM, &mut rows);
        match self.users.fold_in(&rows, 1.0, &self.config) {
            Some(vector) => self.items.set(item, &vector),
            None => learned.non_finite += 1,
        }
        learned
    }

    fn forget(&mut self, forgotten: &Forgotten) {
        self.users.forget(&forgotten.users, &forgotten.items);
        self.items.forget(&forgotten.items, &forgotten.users);
    }

    fn layout(&self) -> Vec<Layout> {
        let mut all = self.users.layout("users", Rows::Users);
        all.extend(self.items.layout("items", Rows::Items));
        all
    }

    fn renumber(&mut self, to: &Renumber) {
        to.move_users(&mut [&mut self.users.vectors]);
        to.move_items(&mut [&mut self.items.vectors]);
        self.users.observed.renumber(&to.users(), |item| to.item(item));
        self.items.observed.renumber(&to.items(), |user| to.user(user));
        for side in [&mut self.users, &mut self.items] {
            side.gram = Gram::of(self.config.dimensions, &side.vectors);
        }
    }

    fn view(&self) -> Arc<dyn Model> {
        Arc::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Id, Time};

    fn take(model: &mut Ials, user: Slot, item: Slot) {
        let context = Context { user: Some(user), user_id: Id(u128::from(user)), recent: &[], time: Time(0) };
        let item_id = Id(u128::from(item));
        let example = Example { context, item, item_id, label: 1.0, weight: 1.0, negatives: &[] };
        assert_eq!(model.learn(&example), Learned::default());
    }

    fn played(events: u32) -> Ials {
        let mut model = Ials::new(IalsConfig { dimensions: 5, ..IalsConfig::default() }, Seed(1));
        for n in 0..events {
            take(&mut model, n * n % 13, n * 7 % 11 + n % 3);
        }
        model
    }

    /// What a fold-in gives satisfies the normal equations, written out over every row of the side.
    fn satisfies(vector: &[f32], side: &Side, taken: &[Slot], recency: f64, config: &IalsConfig) {
        let n = vector.len();
        let wide = |row: usize| side.vectors.floats(row).iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
        let learned: Vec<usize> = (0..side.vectors.len()).filter(|row| side.learned(*row as Slot)).collect();
        let weight = |age: usize| recency.powi(age as i32);
        let sum: f64 = (0..taken.len()).map(weight).sum();
        let all = sum + f64::from(config.unobserved) * learned.len() as f64;
        let ridge = f64::from(config.regularisation) * all.sqrt();
        for a in 0..n {
            let mut left = ridge * f64::from(vector[a]);
            let mut right = 0.0;
            let mut add = |weight: f64, row: &[f64]| {
                let product: f64 = row.iter().zip(vector).map(|(x, y)| x * f64::from(*y)).sum();
                left += weight * row[a] * product;
            };
            for row in &learned {
                add(f64::from(config.unobserved), &wide(*row));
            }
            for (age, row) in taken.iter().enumerate() {
                let row = wide(*row as usize);
                add(weight(age), &row);
                right += weight(age) * row[a];
            }
            assert!((left - right).abs() < 1e-4 * (1.0 + right.abs()), "{a}: {left} is not {right}");
        }
    }

    #[test]
    fn a_fold_in_is_the_direct_solution() {
        let model = played(400);
        let recent = [3, 1, 7];
        let context = Context { user: None, user_id: Id(99), recent: &recent, time: Time(0) };
        satisfies(&model.of_user(&context), &model.items, &recent, 0.95, &model.config);
        // The newest step of an item is one, too: no user moved since.
        let (user, item) = (399 * 399 % 13, (399 * 7) % 11);
        let mut rows = Vec::new();
        model.items.observed.newest(item, 400, &mut rows);
        assert_eq!(rows[0], user);
        satisfies(model.items.vector(item), &model.users, &rows, 1.0, &model.config);
    }

    #[test]
    fn sums_are_those_of_the_rows_and_lists_are_bounded() {
        let mut model = played(3000);
        for user in 0..USERS_OF_ITEM as Slot + 50 {
            take(&mut model, user, 0);
        }
        for item in 0..ITEMS_OF_USER as Slot + 50 {
            take(&mut model, 0, item);
        }
        assert_eq!(model.items.observed.count(0), USERS_OF_ITEM);
        assert_eq!(model.users.observed.count(0), ITEMS_OF_USER);
        for side in [&model.users, &model.items] {
            let mut anew = Gram::new(5);
            for row in (0..side.vectors.len()).rev().filter(|row| side.learned(*row as Slot)) {
                anew.replace(None, side.vectors.floats(row));
            }
            assert_eq!(anew.sums.row(0), side.gram.sums.row(0));
        }
    }

    #[test]
    fn another_shape_is_not_restored() {
        let from = played(50);
        let mut to = Ials::new(IalsConfig::default(), Seed(1));
        for ((_, table), (_, target)) in from.tables().into_iter().zip(to.tables_mut()) {
            *target = table.clone();
        }
        assert!(to.restore(&from.blob()).is_err());
    }
}
