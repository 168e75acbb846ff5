//! Score, then learn, told between examples who is gone and what items are: every model works through the same ordered
//! batch, one thread a model at most.

use super::report::Report;
use super::stage::{Batch, Note};
use super::state::Trained;
use super::step::Rules;
use crate::evaluate::{Ranking, Scratch, run_example};
use crate::learn::Model;
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
    let mut notes = batch.notes.iter().peekable();
    for (n, staged) in batch.examples.iter().enumerate() {
        while let Some((_, note)) = notes.next_if(|(before, _)| *before <= n) {
            tell(&mut *trained.model, note);
        }
        let example = batch.example(staged);
        let ranking = staged.ranking.as_ref().map(|r| Ranking { taught: &r.taught, excluded: batch.excluded(r) });
        let run = run_example(&mut *trained.model, &mut trained.scores, &example, ranking.as_ref(), &mut scratch);
        skipped += u64::from(run.learned.non_finite);
    }
    notes.for_each(|(_, note)| tell(&mut *trained.model, note));
    trained.nanos += nanos().saturating_sub(begun);
    skipped
}

fn tell(model: &mut dyn Model, note: &Note) {
    match note {
        Note::Forgotten(gone) => model.forget(gone),
        Note::Described(item, content) => model.describe(*item, content),
    }
}
