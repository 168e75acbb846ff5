//! All state of the pipeline but positions: what a checkpoint holds, a digest covers and a view clones.

use super::checkpoint::{Expected, PartSnapshot, RestoredPart, Verdict, compare};
use super::config::{Budget, JOURNAL_DECISIONS, PipelineConfig};
use super::counts::Counts;
use crate::allocate::Experiment;
use crate::evaluate::{Comparison, Comparisons, Progressive, ProgressiveSummary};
use crate::event::Time;
use crate::join::{Assignments, Dedupe, Journal, Pending, Waiting};
use crate::learn::{Directory, Model, ModelConfig, Ratings, Standards, registry};
use crate::rng::Seed;
use crate::table::{Part, PartError};
use xxhash_rust::xxh3::Xxh3;

/// A model with its progressive scores.
pub(super) struct Trained {
    pub(super) kind: String,
    pub(super) config: ModelConfig,
    /// What it draws from.
    pub(super) seed: Seed,
    /// Of its parameters and of the file it began from, if any.
    pub(super) params_hash: u64,
    pub(super) model: Box<dyn Model>,
    pub(super) scores: Progressive,
    /// Nanoseconds spent; measured, so no part of the state.
    pub(super) nanos: u64,
}

/// All state of a pipeline but positions.
pub struct State {
    pub(super) counts: Counts,
    pub(super) directory: Directory,
    pub(super) ratings: Ratings,
    pub(super) standards: Standards,
    pub(super) dedupe: Dedupe,
    pub(super) pending: Pending,
    pub(super) assignments: Assignments,
    pub(super) waiting: Waiting,
    pub(super) journal: Journal,
    pub(super) experiments: Vec<Experiment>,
    pub(super) models: Vec<Trained>,
    pub(super) comparisons: Comparisons,
}

/// Version of the state's layout; a part saved under another one is not taken.
const LAYOUT: u32 = 2;

impl State {
    pub(super) fn new(config: &PipelineConfig) -> Result<Self, String> {
        let seed = Seed(config.seed);
        let mut models = Vec::new();
        for (kind, model) in &config.models {
            models.push(Trained {
                kind: kind.clone(),
                config: *model,
                seed: seed.named(kind),
                params_hash: config.params_hash(kind, model),
                model: registry::build(kind, model, seed.named(kind))
                    .ok_or_else(|| format!("no model is called {kind}; there are {}", registry::KINDS.join(", ")))?,
                scores: Progressive::default(),
                nanos: 0,
            });
        }
        let budget = Budget::of(config.memory, models.iter().map(|t: &Trained| &*t.model));
        let mut directory = Directory::default();
        directory.set_capacity(budget.users, budget.items);
        let state = Self {
            counts: Counts { log_time: Time::NEVER.0, ..Counts::default() },
            directory,
            ratings: Ratings::default(),
            standards: Standards::default(),
            dedupe: Dedupe::new(budget.duplicate_ids),
            pending: Pending::new(budget.pending_bytes),
            assignments: Assignments::new(budget.assignment_bytes),
            waiting: Waiting::default(),
            journal: Journal::new(JOURNAL_DECISIONS, budget.journal_bytes),
            experiments: config.experiments.iter().cloned().map(Experiment::new).collect(),
            comparisons: Comparisons::new(models.iter().map(|t| (t.kind.clone(), t.params_hash)).collect()),
            models,
        };
        Ok(state)
    }

    /// All parts under their names, in one order for ever.
    fn parts(&self) -> Vec<(String, u64, &dyn Part)> {
        let mut all: Vec<(String, u64, &dyn Part)> = vec![
            ("counts".into(), 0, &self.counts),
            ("directory".into(), 0, &self.directory),
            ("ratings".into(), 0, &self.ratings),
            ("standards".into(), 0, &self.standards),
            ("duplicates".into(), 0, &self.dedupe),
            ("pending".into(), 0, &self.pending),
            ("assignments".into(), 0, &self.assignments),
            ("waiting".into(), 0, &self.waiting),
            ("journal".into(), 0, &self.journal),
        ];
        for e in &self.experiments {
            all.push((format!("experiment:{}", e.name()), e.config().params_hash(), e));
        }
        for t in &self.models {
            all.push((format!("model:{}", t.kind), t.params_hash, &*t.model));
            all.push((format!("scores:{}", t.kind), t.params_hash, &t.scores));
        }
        all.push(("comparisons".into(), 0, &self.comparisons));
        all
    }

    fn part_mut(&mut self, name: &str) -> Option<&mut dyn Part> {
        Some(match name {
            "counts" => &mut self.counts,
            "directory" => &mut self.directory,
            "ratings" => &mut self.ratings,
            "standards" => &mut self.standards,
            "duplicates" => &mut self.dedupe,
            "pending" => &mut self.pending,
            "assignments" => &mut self.assignments,
            "waiting" => &mut self.waiting,
            "journal" => &mut self.journal,
            "comparisons" => &mut self.comparisons,
            other => {
                if let Some(e) = other.strip_prefix("experiment:") {
                    return self.experiments.iter_mut().find(|x| x.name() == e).map(|x| x as &mut dyn Part);
                }
                if let Some(kind) = other.strip_prefix("model:") {
                    let found = self.models.iter_mut().find(|t| t.kind == kind);
                    return found.map(|t| &mut *t.model as &mut dyn Part);
                }
                let kind = other.strip_prefix("scores:")?;
                return self.models.iter_mut().find(|t| t.kind == kind).map(|t| &mut t.scores as &mut dyn Part);
            }
        })
    }

    /// Names and parameter hashes of all parts: what a checkpoint is compared with.
    #[must_use]
    pub fn expected(&self) -> Vec<Expected> {
        let expect = |(name, params_hash, _)| Expected { name, params_hash, version: LAYOUT, oldest: LAYOUT };
        self.parts().into_iter().map(expect).collect()
    }

    /// Clones of all parts for a checkpoint; cheap, and marks the point from which pages count as changed.
    pub fn snapshot(&mut self) -> Vec<PartSnapshot> {
        let names: Vec<(String, u64)> = self.parts().into_iter().map(|(n, h, _)| (n, h)).collect();
        let mut all = Vec::with_capacity(names.len());
        for (name, params_hash) in names {
            if let Some(part) = self.part_mut(&name) {
                all.push(PartSnapshot::take(&name, params_hash, LAYOUT, part));
            }
        }
        all
    }

    /// Takes back the parts that fit today's settings; the others keep their fresh state.
    ///
    /// # Errors
    /// When a part does not fit although its parameters do: the checkpoint is not sound.
    pub fn restore(&mut self, parts: Vec<RestoredPart>) -> Result<(), PartError> {
        let verdicts = compare(&parts, &self.expected());
        for saved in parts {
            let kept = verdicts.iter().any(|(n, v)| *n == saved.name && *v == Verdict::Keep);
            if let (true, Some(part)) = (kept, self.part_mut(&saved.name.clone())) {
                saved.fill(part)?;
            }
        }
        Ok(())
    }

    /// A digest over all state but positions: equal digests mean equal futures.
    #[must_use]
    pub fn digest(&self) -> u128 {
        digest_of(&self.parts())
    }

    /// A digest over models and progressive scores alone.
    #[must_use]
    pub fn models_digest(&self) -> u128 {
        let parts: Vec<_> = self
            .parts()
            .into_iter()
            .filter(|(name, _, _)| name.starts_with("model:") || name.starts_with("scores:"))
            .collect();
        digest_of(&parts)
    }

    /// Digest of every part: tells which one differs.
    #[must_use]
    pub fn digests(&self) -> Vec<(String, u128)> {
        self.parts().into_iter().map(|p| (p.0.clone(), digest_of(&[p]))).collect()
    }

    /// Exact totals and the clockwork.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The experiments.
    #[must_use]
    pub fn experiments(&self) -> &[Experiment] {
        &self.experiments
    }

    /// Name, progressive scores and nanoseconds spent, by model.
    pub fn scores(&self) -> impl Iterator<Item = (&str, ProgressiveSummary, u64)> {
        self.models.iter().map(|t| (t.kind.as_str(), t.scores.summary(), t.nanos))
    }

    /// Every model against every other.
    #[must_use]
    pub fn comparisons(&self) -> Vec<Comparison> {
        self.comparisons.all()
    }

    /// Bytes held by all tables.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.parts().iter().map(|(_, _, p)| p.bytes()).sum()
    }
}

fn digest_of(parts: &[(String, u64, &dyn Part)]) -> u128 {
    let mut digest = Xxh3::new();
    for (name, params_hash, part) in parts {
        digest.update(name.as_bytes());
        digest.update(&params_hash.to_le_bytes());
        for (table_name, table) in part.tables() {
            digest.update(table_name.as_bytes());
            table.digest_into(&mut digest);
        }
        let blob = part.blob();
        digest.update(&(blob.len() as u64).to_le_bytes());
        digest.update(&blob);
    }
    digest.digest128()
}
