//! What a pipeline is built from, and how one memory limit is shared out.

use super::teach::Teaching;
use super::warm::WarmStart;
use crate::allocate::ExperimentConfig;
use crate::learn::{Model, ModelConfig, Rows};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Settings of one pipeline.
#[derive(Clone, Debug)]
pub struct PipelineConfig {
    /// The models that learn, each under its registry name.
    pub models: Vec<(String, ModelConfig)>,
    /// Files that models begin from where they have nothing yet; at most one a model.
    pub warm: Vec<WarmStart>,
    /// The experiments.
    pub experiments: Vec<ExperimentConfig>,
    /// How interactions become labels and weights.
    pub teaching: Teaching,
    /// Bytes over tables, joins and views.
    pub memory: u64,
    /// Root of all chance in learning.
    pub seed: u64,
    /// How many threads learn; never changes a result.
    pub threads: usize,
    /// Nanoseconds on a clock that never runs backwards, to measure what models cost. Never part of a result.
    pub nanos: fn() -> u64,
}

impl Default for PipelineConfig {
    fn default() -> Self {
        Self {
            models: Vec::new(),
            warm: Vec::new(),
            experiments: Vec::new(),
            teaching: Teaching::default(),
            memory: 4 << 30,
            seed: 0,
            threads: 1,
            nanos: || 0,
        }
    }
}

impl PipelineConfig {
    /// What a saved model of this kind depends on: its parameters, and the file it began from.
    pub(super) fn params_hash(&self, kind: &str, model: &ModelConfig) -> u64 {
        let own = model.params_hash(kind);
        let began = self.warm.iter().find(|warm| warm.kind == kind);
        began.map_or(own, |warm| xxh3_64_with_seed(&warm.hash.to_le_bytes(), own))
    }
}

/// Shares of the memory limit. Half belongs to views: the worst view holds an old copy of every page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) users: usize,
    pub(super) items: usize,
    pub(super) pending_bytes: usize,
    pub(super) assignment_bytes: usize,
    pub(super) journal_bytes: usize,
    pub(super) duplicate_ids: u32,
}

impl Budget {
    /// Three eighths of the state are for users and two for items, at what one costs in these models.
    pub(super) fn of<'a>(memory: u64, models: impl Iterator<Item = &'a dyn Model>) -> Self {
        let state = (memory / 2).max(1 << 20);
        let eighth = (state / 8) as usize;
        let (mut user, mut item) = (OF_USER, OF_ITEM);
        for layout in models.flat_map(Model::layout) {
            match layout.rows {
                Rows::Users => user += layout.bytes(),
                Rows::Items => item += layout.bytes(),
                // Lists of users grow with them.
                Rows::Own if layout.table.ends_with(LISTS) => user += BLOCKS * layout.bytes(),
                Rows::Own => {}
            }
        }
        Self {
            users: (eighth * 3 / user).min(u32::MAX as usize / 2),
            items: (eighth * 2 / item).min(u32::MAX as usize / 2),
            pending_bytes: eighth,
            assignment_bytes: eighth,
            journal_bytes: (eighth / 2).min(128 << 20),
            duplicate_ids: (eighth / 4 / 48).clamp(1024, 1 << 20) as u32,
        }
    }
}

/// Bytes of a user outside of models: id, index, rating, and a history of a hundred or so items.
const OF_USER: usize = 640;
/// Bytes of an item outside of models: id, index, name; and what some models derive from its rows.
const OF_ITEM: usize = 640;
/// How tables of linked lists are called, and how many of their rows a user's list takes.
const LISTS: &str = "history.blocks";
const BLOCKS: usize = 4;

/// Decisions that the journal keeps for explanations.
pub(super) const JOURNAL_DECISIONS: u32 = 100_000;

#[cfg(test)]
mod tests {
    use crate::codec;
    use crate::event::{Action, Span};
    use crate::event::{Content, Event, Interaction, ItemTouch, Partition, Record, Time};
    use crate::learn::{ModelConfig, registry};
    use crate::pipeline::{Arrival, CutInput, Input, Pipeline, PipelineConfig};

    /// Far more users and items than there is room for, each of which comes several times.
    fn crowd(models: &[&str], memory: u64) -> Pipeline {
        let models = models.iter().map(|kind| ((*kind).to_owned(), ModelConfig::default())).collect();
        let config = PipelineConfig { models, memory, ..PipelineConfig::default() };
        let mut pipeline = Pipeline::new(&config).expect("valid");
        let (mut now, mut n) = (Time(1_800_000_000_000), 0_u64);
        for cut in 0..24 {
            let mut arrivals = Vec::new();
            for turn in 0..1_000 {
                n += 1;
                now = now + Span(10);
                // A window of ids that moves on, so that nobody is crowded out before their third sight.
                let of = |all: u64, seed: u64| cut * all / 8 + (turn * seed + n) % all;
                let event = Event::Interaction(Interaction {
                    event_id: format!("e{n}"),
                    time: now,
                    user_id: format!("u{}", of(3_000, 7)),
                    action: Action::Click,
                    items: vec![ItemTouch { item_id: format!("i{}", of(1_000, 13)), rank: None }],
                    decision: None,
                    session_id: None,
                    value: None,
                });
                let record = Record {
                    partition: Partition { topic: "shop".into(), number: 0 },
                    offset: n as i64,
                    timestamp: now,
                    key: None,
                    payload: Some(codec::encode(&event).into()),
                    headers: Vec::new(),
                };
                arrivals.push(Arrival::decode(record, Content::Events));
            }
            pipeline.step(Input::Cut(CutInput { log_time: now, rank_share: 0.0, arrivals: &arrivals }));
        }
        pipeline
    }

    #[test]
    fn the_state_stays_within_its_half_whatever_models_run() {
        for models in [&registry::USUAL[..], &["two_tower", "fusion", "item_knn"][..], &registry::KINDS[..]] {
            let memory = 32 << 20;
            let pipeline = crowd(models, memory);
            let state = pipeline.state();
            let (known, bytes) = (state.directory.users_known(), state.bytes() as u64);
            assert!(known >= 300, "{models:?}: {known} users");
            assert!(
                bytes <= memory / 2,
                "{models:?}: {bytes} bytes, {known} users, {} items",
                state.directory.items_known()
            );
        }
    }
}
