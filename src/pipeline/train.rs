//! Score, then learn, told of items in between: every model works through the same ordered batch, one thread a model at most.

use super::report::Report;
use super::stage::{Batch, Notice};
use super::state::Trained;
use super::step::Rules;
use crate::evaluate::{Ranking, Scratch, run_example};
use std::sync::Mutex;

/// Scores and learns a batch. The number of threads never changes a result: a model sees its batch alone.
pub(super) fn train(models: &mut [Trained], batch: &Batch, rules: &Rules, report: &mut Report) {
    if batch.is_empty() {
        return;
    }
    let threads = rules.threads.clamp(1, models.len().max(1));
    let skipped: Vec<(String, u64)> = if threads == 1 {
        models.iter_mut().map(|m| (m.kind.clone(), work_through(m, batch, rules.nanos))).collect()
    } else {
        // Slow models first would balance better; order is left as configured, the queue balances itself.
        let queue = Mutex::new(models.iter_mut());
        let done = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let next = queue.lock().map_or(None, |mut q| q.next());
                        let Some(model) = next else { break };
                        let n = work_through(model, batch, rules.nanos);
                        if let Ok(mut done) = done.lock() {
                            done.push((model.kind.clone(), n));
                        }
                    }
                });
            }
        });
        done.into_inner().unwrap_or_default()
    };
    for (kind, n) in skipped {
        *report.non_finite.entry(kind).or_default() += n;
    }
}

/// One model through the batch; returns updates skipped because they were not finite.
fn work_through(trained: &mut Trained, batch: &Batch, nanos: fn() -> u64) -> u64 {
    let begun = nanos();
    let mut scratch = Scratch::default();
    let mut skipped = 0;
    let mut told = 0;
    for (at, staged) in batch.examples.iter().enumerate() {
        told += tell(trained, &batch.notices[told..], at);
        let example = batch.example(staged);
        let ranking = staged.ranking.as_ref().map(|r| Ranking { taught: &r.taught, excluded: batch.excluded(r) });
        let run = run_example(&mut *trained.model, &mut trained.scores, &example, ranking.as_ref(), &mut scratch);
        skipped += u64::from(run.learned.non_finite);
    }
    tell(trained, &batch.notices[told..], batch.examples.len());
    trained.nanos += nanos().saturating_sub(begun);
    skipped
}

/// Tells a model what was said of items before an example; returns how much that was.
fn tell(trained: &mut Trained, notices: &[(usize, Notice)], example: usize) -> usize {
    let due = notices.iter().take_while(|(before, _)| *before <= example);
    due.map(|(_, notice)| match notice {
        Notice::Described(item, content) => trained.model.describe(*item, content),
        Notice::Forgotten(forgotten) => trained.model.forget(forgotten),
    })
    .count()
}
