//! Score, then learn, told between examples who is gone and what items are: every model works through the same ordered
//! batch, on one thread, or in shards where it is set to.

use super::report::Report;
use super::shards;
use super::stage::{Batch, Note};
use super::state::Trained;
use super::step::Rules;
use crate::evaluate::{Comparisons, Rank, Ranking, Scratch, fake_negative_weight, run_example};
use crate::learn::{Learned, Model};

/// What a model did with a batch.
#[derive(Default)]
pub(super) struct Worked {
    /// Updates skipped because they were not finite.
    skipped: u64,
    /// Vectors cut back to their longest.
    clipped: u64,
    /// Whether the target was among the first ten, by ranked example.
    hits: Vec<bool>,
}

impl Worked {
    /// Counts one example.
    pub(super) fn count(&mut self, rank: Option<Rank>, learned: Learned) {
        self.skipped += u64::from(learned.non_finite);
        self.clipped += u64::from(learned.clipped);
        self.hits.extend(rank.map(|rank| rank.within(10)));
    }
}

/// Scores and learns a batch, then compares the models. The number of threads never changes a result: a model sees its
/// batch alone.
pub(super) fn train(
    models: &mut [Trained],
    comparisons: &mut Comparisons,
    batch: &Batch,
    rules: &Rules,
    report: &mut Report,
) {
    if batch.is_empty() {
        return;
    }
    let mut worked: Vec<Worked> = models.iter().map(|_| Worked::default()).collect();
    // The slowest so far first: so threads end together. The order is no part of any result.
    let mut jobs: Vec<_> = models.iter_mut().zip(&mut worked).collect();
    jobs.sort_by_key(|(model, _)| std::cmp::Reverse(model.nanos));
    let jobs = jobs.into_iter();
    match &rules.pool {
        None => jobs.for_each(|(model, done)| *done = work_through(model, batch, rules)),
        Some(pool) => pool.scope_fifo(|scope| {
            jobs.for_each(|(model, done)| scope.spawn_fifo(|_| *done = work_through(model, batch, rules)));
        }),
    }
    for (model, done) in models.iter().zip(&worked) {
        *report.non_finite.entry(model.kind.clone()).or_default() += done.skipped;
        *report.clipped.entry(model.kind.clone()).or_default() += done.clipped;
    }
    let ranked = worked.iter().map(|done| done.hits.len()).min().unwrap_or(0);
    let mut hits = Vec::with_capacity(worked.len());
    for n in 0..ranked {
        hits.clear();
        hits.extend(worked.iter().map(|done| done.hits[n]));
        comparisons.observe(&hits);
    }
}

/// One model through the batch.
fn work_through(trained: &mut Trained, batch: &Batch, rules: &Rules) -> Worked {
    if let Some(shards) = trained.config.shards.filter(|shards| *shards > 1)
        && trained.model.sharded().is_some()
    {
        return shards::work_through(trained, shards, batch, rules);
    }
    let begun = (rules.nanos)();
    let mut scratch = Scratch::default();
    let mut worked = Worked::default();
    let mut notes = batch.notes.iter().peekable();
    for (n, staged) in batch.examples.iter().enumerate() {
        while let Some((_, note)) = notes.next_if(|(before, _)| *before <= n) {
            tell(&mut *trained.model, note);
        }
        let mut example = batch.example(staged);
        if rules.teaching.at_once {
            example.weight *= fake_negative_weight(&*trained.model, &example);
        }
        let ranking = staged.ranking.as_ref().map(|r| Ranking { taught: &r.taught, excluded: batch.excluded(r) });
        let run = run_example(&mut *trained.model, &mut trained.scores, &example, ranking.as_ref(), &mut scratch);
        worked.count(run.rank, run.learned);
    }
    notes.for_each(|(_, note)| tell(&mut *trained.model, note));
    trained.nanos += (rules.nanos)().saturating_sub(begun);
    worked
}

/// Tells a model what is no example.
pub(super) fn tell(model: &mut dyn Model, note: &Note) {
    match note {
        Note::Forgotten(gone) => model.forget(gone),
        Note::Described(item, content) => model.describe(*item, content),
    }
}
