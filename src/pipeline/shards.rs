//! One model's batch in rounds, each over several shards side by side.

use super::stage::Batch;
use super::state::Trained;
use super::step::Rules;
use super::train::{Worked, tell};
use crate::evaluate::{Measured, Ranking, Scratch, fake_negative_weight, measure};
use crate::learn::{Learned, ROUND, ShardDelta, Sharded};
use rayon::prelude::*;
use std::ops::Range;

/// What a shard did in a round.
struct Done {
    /// By the number of the example.
    examples: Vec<(usize, Measured, Learned)>,
    nanos: u64,
}

/// One model through the batch, in as many shards as it is set to have. Rounds end after [`ROUND`] examples a shard,
/// where models are told something, and with the cut; the number of threads changes nothing.
pub(super) fn work_through(trained: &mut Trained, shards: usize, batch: &Batch, rules: &Rules) -> Worked {
    let mut worked = Worked::default();
    let mut notes = batch.notes.iter().peekable();
    let mut deltas: Vec<ShardDelta> = (0..shards).map(|_| ShardDelta::default()).collect();
    let (mut next, mut begun) = (0, (rules.nanos)());
    while next < batch.examples.len() {
        while let Some((_, note)) = notes.next_if(|(before, _)| *before <= next) {
            tell(&mut *trained.model, note);
        }
        let until = notes.peek().map_or(batch.examples.len(), |(before, _)| *before);
        let round = next..until.min(next + ROUND * shards);
        next = round.end;
        let model = trained.model.sharded().expect("train asks whether it can");
        model.wake(&mut batch.examples[round.clone()].iter().map(|staged| batch.example(staged)));
        trained.nanos += (rules.nanos)().saturating_sub(begun);
        let done = learn_round(model, &mut deltas, round, batch, rules);
        // What the shards spent is the model's cost, not how long they were waited for.
        trained.nanos += done.iter().map(|done| done.nanos).sum::<u64>();
        begun = (rules.nanos)();
        model.settle(&mut deltas);
        let mut examples: Vec<_> = done.into_iter().flat_map(|done| done.examples).collect();
        examples.sort_unstable_by_key(|(n, ..)| *n);
        for (_, measured, learned) in examples {
            trained.scores.take(&*trained.model, &measured);
            worked.count(measured.rank.map(|(rank, _)| rank), learned);
        }
    }
    notes.for_each(|(_, note)| tell(&mut *trained.model, note));
    trained.nanos += (rules.nanos)().saturating_sub(begun);
    worked
}

/// Scores and learns a round's examples, each in its user's shard.
fn learn_round(
    model: &dyn Sharded,
    deltas: &mut [ShardDelta],
    round: Range<usize>,
    batch: &Batch,
    rules: &Rules,
) -> Vec<Done> {
    let shards = deltas.len();
    let mut of_shard: Vec<(Vec<usize>, &mut ShardDelta)> = deltas.iter_mut().map(|delta| (Vec::new(), delta)).collect();
    for n in round {
        let user = batch.example(&batch.examples[n]).context.user_id;
        of_shard[(user.0 % shards as u128) as usize].0.push(n);
    }
    let learn = |(own, delta): (Vec<usize>, &mut ShardDelta)| learn_shard(model, &own, delta, batch, rules);
    if rules.pool.is_some() {
        of_shard.into_par_iter().map(learn).collect()
    } else {
        of_shard.into_iter().map(learn).collect()
    }
}

/// One shard through its examples of a round.
fn learn_shard(model: &dyn Sharded, own: &[usize], delta: &mut ShardDelta, batch: &Batch, rules: &Rules) -> Done {
    let begun = (rules.nanos)();
    let mut shard = model.shard(std::mem::take(delta));
    let mut scratch = Scratch::default();
    let mut examples = Vec::with_capacity(own.len());
    for &n in own {
        let staged = &batch.examples[n];
        let mut example = batch.example(staged);
        if rules.teaching.at_once {
            example.weight *= fake_negative_weight(&*shard, &example);
        }
        let ranking = staged.ranking.as_ref().map(|r| Ranking { taught: &r.taught, excluded: batch.excluded(r) });
        let measured = measure(&mut *shard, &example, ranking.as_ref(), &mut scratch);
        examples.push((n, measured, shard.learn(&example)));
    }
    *delta = shard.finish();
    Done { examples, nanos: (rules.nanos)().saturating_sub(begun) }
}

#[cfg(test)]
mod tests {
    use crate::event::{Content, Partition, Record, Span, Time};
    use crate::learn::ModelConfig;
    use crate::pipeline::{Arrival, CutInput, Input, Pipeline, PipelineConfig};

    /// Interactions of many users, with something said of an item now and then.
    fn arrivals(first: u64, count: u64, begin: Time) -> Vec<Arrival> {
        let one = |n: u64| {
            let time = (begin + Span(n as i64)).to_rfc3339();
            let (user, item) = (n * n % 97, (n * 31 + n * n % 7) % 61);
            let payload = if n % 150 == 149 {
                format!(
                    r#"{{"type":"item","event_id":"e{n}","event_time":"{time}","item_id":"i{item}","title":"cup"}}"#
                )
            } else {
                format!(
                    r#"{{"type":"interaction","event_id":"e{n}","event_time":"{time}","user_id":"u{user}","item_id":"i{item}","action":"click"}}"#
                )
            };
            let partition = Partition { topic: "shop".into(), number: 0 };
            let payload = Some(payload.into());
            let (offset, timestamp, key, headers) = (n as i64, begin, None, Vec::new());
            Arrival::decode(Record { partition, offset, timestamp, key, payload, headers }, Content::Events)
        };
        (first..first + count).map(one).collect()
    }

    /// Digests of all parts after some cuts, and how many examples there were.
    fn learned(shards: Option<usize>, threads: usize) -> (Vec<(String, u128)>, u64) {
        let model = ModelConfig { shards, ..ModelConfig::default() };
        let models = ["mf", "bpr", "popularity"]
            .map(|kind| (kind.to_owned(), if kind == "popularity" { ModelConfig::default() } else { model }));
        let config = PipelineConfig { models: models.into(), threads, ..PipelineConfig::default() };
        let mut pipeline = Pipeline::new(&config).expect("valid");
        let (mut now, mut next) = (Time(1_800_000_000_000), 0);
        let mut examples = 0;
        for count in [700, 1, 350, 1_200] {
            let arrivals = arrivals(next, count, now);
            assert!(arrivals.iter().all(|arrival| arrival.event.is_ok()));
            (now, next) = (now + Span(5_000), next + count);
            let report = pipeline.step(Input::Cut(CutInput { log_time: now, rank_share: 0.5, arrivals: &arrivals }));
            assert!(report.violations.is_empty(), "{:?}", report.violations);
            examples += report.examples;
        }
        (pipeline.state().digests(), examples)
    }

    #[test]
    fn shards_are_part_of_the_result_and_threads_are_not() {
        let (whole, all) = learned(None, 1);
        assert!(all > 2_000);
        assert_eq!(learned(Some(1), 3), (whole.clone(), all));
        let (sharded, same) = learned(Some(3), 1);
        assert_eq!(same, all);
        for threads in [2, 5] {
            assert_eq!(learned(Some(3), threads), (sharded.clone(), all), "{threads} threads");
        }
        for ((part, whole), (_, sharded)) in whole.iter().zip(&sharded) {
            let touched = ["mf", "bpr"].iter().any(|kind| part.ends_with(kind)) || part == "comparisons";
            assert_eq!(whole != sharded, touched, "{part}");
        }
    }
}
