//! What a pipeline is built from, and how one memory limit is shared out.

use super::teach::Teaching;
use super::warm::WarmStart;
use crate::allocate::ExperimentConfig;
use crate::learn::ModelConfig;
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
    /// A user costs about 1 KiB over all built-in models, an item about 4 KiB (200 neighbours in transitions).
    pub(super) fn of(memory: u64) -> Self {
        let state = (memory / 2).max(1 << 20);
        let eighth = (state / 8) as usize;
        Self {
            users: (eighth * 3 / 1024).min(u32::MAX as usize / 2),
            items: (eighth * 2 / 4096).min(u32::MAX as usize / 2),
            pending_bytes: eighth,
            assignment_bytes: eighth,
            journal_bytes: (eighth / 2).min(128 << 20),
            duplicate_ids: (eighth / 4 / 48).clamp(1024, 1 << 20) as u32,
        }
    }
}

/// Decisions that the journal keeps for explanations.
pub(super) const JOURNAL_DECISIONS: u32 = 100_000;
