//! Leave one out over files: every model makes passes over all interactions but the held-out ones, and is asked about
//! those after each pass. Who is asked from the middle on is the mean of what the model was since.

use super::replay::ReplayError;
use crate::adapter::clock::Stopwatch;
use crate::adapter::file::{HeldOutRow, Rows};
use crate::codec::decode;
use crate::evaluate::{HeldOut, LeaveOneOut, LeaveOneOutSummary, WeightMean};
use crate::event::{Action, Content, Event, Id, Interaction, Time};
use crate::learn::{Context, Directory, Example, ItemContent, Model, RECENT, Slot, Standards, registry};
use crate::pipeline::PipelineConfig;
use crate::rng::Seed;
use rand::Rng;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Items drawn beside every positive, anew in every pass (Rendle et al. 2020 draw 8 for matrix factorisation).
const DRAWN: usize = 6;
/// Draws for one of them before giving up: a user may have taken nearly everything.
const DRAWS: usize = 64;
/// Events have no time here: a pass is in no order of time, and passes repeat.
const NO_TIME: Time = Time(0);

/// What a leave-one-out run ends with. Field order is that of the documentation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeaveOneOutDocument {
    /// Interactions in a pass.
    pub examples: u64,
    /// Users among them.
    pub users: usize,
    /// Items among them.
    pub items: usize,
    /// Held-out items that nobody else took: they have no candidates' place and are left out.
    pub unknown: u64,
    /// Rows that are no interactions, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Seconds it took.
    pub seconds: f64,
    /// By model.
    pub models: BTreeMap<String, PassesDocument>,
}

/// One model's part: the last pass, and every one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PassesDocument {
    /// After the last pass.
    #[serde(flatten)]
    pub last: LeaveOneOutSummary,
    /// After each pass.
    pub passes: Vec<LeaveOneOutSummary>,
    /// Seconds this model learned and was asked.
    pub seconds: f64,
}

/// All interactions by user, and the questions.
struct Data {
    directory: Directory,
    content: Vec<(Slot, ItemContent)>,
    /// By user: items in their order, and the same sorted.
    taken: Vec<(Vec<Slot>, Vec<Slot>)>,
    /// All items with an interaction.
    items: Vec<Slot>,
    questions: Vec<(Slot, HeldOut)>,
}

/// Trains and asks every model of the settings. `progress` is called with model and pass whenever one is done.
///
/// # Errors
/// See [`ReplayError`].
pub fn leave_one_out(
    config: &PipelineConfig,
    rows: &mut Rows,
    held_out: &[HeldOutRow],
    passes: u32,
    progress: impl Fn(&str, u32) + Sync,
) -> Result<LeaveOneOutDocument, ReplayError> {
    let watch = Stopwatch::start();
    let mut rejected = BTreeMap::new();
    let mut data = read(config, rows, &mut rejected)?;
    let unknown = ask_about(&mut data, held_out);
    let seed = Seed(config.seed);
    let mut models = Vec::new();
    for (kind, model) in &config.models {
        let fresh = || registry::build(kind, model, seed.named(kind));
        let built = fresh().zip(fresh());
        models.push((kind, built.ok_or_else(|| ReplayError::Settings(format!("no model is called {kind}")))?));
    }
    let queue = Mutex::new(models.into_iter());
    let done = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..config.threads.clamp(1, config.models.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().map_or(None, |mut queue| queue.next());
                    let Some((kind, (mut model, twin))) = next else { break };
                    let seed = seed.named("leave one out");
                    let mean = WeightMean::new(twin);
                    let part = run(&mut *model, mean, &data, passes, seed, |pass| progress(kind, pass));
                    if let Ok(mut done) = done.lock() {
                        done.insert(kind.clone(), part);
                    }
                }
            });
        }
    });
    Ok(LeaveOneOutDocument {
        examples: data.taken.iter().map(|(items, _)| items.len() as u64).sum(),
        users: data.taken.iter().filter(|(items, _)| !items.is_empty()).count(),
        items: data.items.len(),
        unknown,
        rejected,
        seconds: watch.elapsed().as_secs_f64(),
        models: done.into_inner().unwrap_or_default(),
    })
}

/// Whether an interaction is a positive.
fn positive(event: &Interaction, min_rating: f64) -> bool {
    match event.action {
        Action::Search | Action::Dislike => false,
        Action::Rating => event.value.unwrap_or(0.0) >= min_rating,
        _ => true,
    }
}

fn read(config: &PipelineConfig, rows: &mut Rows, rejected: &mut BTreeMap<String, u64>) -> Result<Data, ReplayError> {
    let mut data = Data {
        directory: Directory::default(),
        content: Vec::new(),
        taken: Vec::new(),
        items: Vec::new(),
        questions: Vec::new(),
    };
    let mut standards = Standards::default();
    for record in rows.by_ref() {
        match decode(&record?, Content::Events).map(|decoded| decoded.event) {
            Ok(Event::Interaction(event)) if positive(&event, config.teaching.min_rating) => data.take(&event),
            Ok(Event::Item(event)) => {
                let slot = data.directory.admit_item(Id::of(&event.item_id), &event.item_id);
                let content = event.facts.as_ref().map(|f| ItemContent::measured(f, &standards.take(f)));
                data.content.extend(slot.zip(content));
            }
            Ok(_) => {}
            Err(why) => *rejected.entry(why.code.as_str().to_owned()).or_default() += 1,
        }
    }
    for (code, count) in &rows.bad().by_code {
        *rejected.entry((*code).to_owned()).or_default() += count;
    }
    for (items, sorted) in &mut data.taken {
        sorted.clone_from(items);
        sorted.sort_unstable();
        sorted.dedup();
    }
    Ok(data)
}

impl Data {
    fn take(&mut self, event: &Interaction) {
        for touch in &event.items {
            let user = self.directory.admit_user(Id::of(&event.user_id));
            let item = self.directory.admit_item(Id::of(&touch.item_id), &touch.item_id);
            let (Some(user), Some(item)) = (user, item) else { continue };
            if self.taken.len() <= user as usize {
                self.taken.resize_with(user as usize + 1, Default::default);
            }
            self.taken[user as usize].0.push(item);
            if !self.directory.taught(item) {
                self.directory.mark_taught(item);
                self.items.push(item);
            }
        }
    }

    /// A user with the items before their n-th, newest first.
    fn context<'a>(&self, user: Slot, n: usize, recent: &'a mut Vec<Slot>) -> Context<'a> {
        recent.clear();
        recent.extend(self.taken[user as usize].0[..n].iter().rev().take(RECENT));
        Context { user: Some(user), user_id: self.directory.user_id(user), recent, time: NO_TIME }
    }
}

/// Questions whose user and item are known; returns how many are not.
fn ask_about(data: &mut Data, held_out: &[HeldOutRow]) -> u64 {
    let mut unknown = 0;
    for row in held_out {
        let known = |id: &String| data.directory.item(Id::of(id)).filter(|item| data.directory.taught(*item));
        let (Some(user), Some(item)) = (data.directory.user(Id::of(&row.user)), known(&row.item)) else {
            unknown += 1;
            continue;
        };
        let others = row.others.iter().filter_map(known).collect();
        data.questions.push((user, HeldOut { item, others }));
    }
    unknown
}

/// One model through all passes.
fn run(
    model: &mut dyn Model,
    mut mean: WeightMean,
    data: &Data,
    passes: u32,
    seed: Seed,
    mut done: impl FnMut(u32),
) -> PassesDocument {
    let watch = Stopwatch::start();
    for (item, content) in &data.content {
        model.describe(*item, content);
    }
    let users = data.taken.iter().enumerate();
    let mut order: Vec<(Slot, u32)> =
        users.flat_map(|(user, (items, _))| (0..items.len() as u32).map(move |n| (user as Slot, n))).collect();
    let mut all = Vec::new();
    for pass in 0..passes {
        learn_all(model, data, &mut order, seed.keyed(u128::from(pass)));
        // What early passes made of it has no part in the mean.
        all.push(if pass < passes / 2 {
            ask(model, data)
        } else {
            ask(mean.take(model).expect("a twin takes what its twin is"), data)
        });
        done(pass + 1);
    }
    PassesDocument {
        last: all.last().copied().unwrap_or_default(),
        passes: all,
        seconds: watch.elapsed().as_secs_f64(),
    }
}

/// A pass: every interaction once, in an order and beside negatives of its own.
fn learn_all(model: &mut dyn Model, data: &Data, order: &mut [(Slot, u32)], seed: Seed) {
    let mut stream = seed.stream();
    let mut below = |n: usize| ((u128::from(stream.next_u64()) * n as u128) >> 64) as usize;
    for last in (1..order.len()).rev() {
        order.swap(last, below(last + 1));
    }
    let (mut recent, mut negatives) = (Vec::with_capacity(RECENT), Vec::with_capacity(DRAWN));
    for &(user, n) in order.iter() {
        let (items, sorted) = &data.taken[user as usize];
        negatives.clear();
        for _ in 0..DRAWN {
            let mut drawn = (0..DRAWS).map(|_| data.items[below(data.items.len())]);
            negatives.extend(drawn.find(|item| sorted.binary_search(item).is_err()));
        }
        let item = items[n as usize];
        model.learn(&Example {
            context: data.context(user, n as usize, &mut recent),
            item,
            item_id: data.directory.item_id(item),
            label: 1.0,
            weight: 1.0,
            negatives: &negatives,
        });
    }
}

fn ask(model: &mut dyn Model, data: &Data) -> LeaveOneOutSummary {
    model.prepare(data.directory.items());
    let (mut scores, mut recent) = (LeaveOneOut::default(), Vec::with_capacity(RECENT));
    for (user, question) in &data.questions {
        let known = data.taken.get(*user as usize).map_or(0, |(items, _)| items.len());
        if known > 0 {
            scores.ask(model, &data.context(*user, known, &mut recent), question);
        }
    }
    scores.summary()
}
