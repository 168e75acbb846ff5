//! The experiment as state: what a checkpoint holds, and how it meets a configuration that may have changed.

use super::arms::{ArmInfo, ArmState, Origin};
use super::config::ExperimentConfig;
use super::evidence::Evidence;
use super::experiment::{Allocation, Experiment};
use super::slots::SlotRing;
use super::stretch::Stretches;
use crate::evaluate::RatioTest;
use crate::table::{Part, PartError, Table};
use serde::{Deserialize, Serialize};

/// Everything that outlives a restart; vectors by arm index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) arms: Vec<ArmInfo>,
    pub(super) origins: Vec<Origin>,
    pub(super) evidence: Vec<Evidence>,
    pub(super) baseline: usize,
    /// The baseline that the configuration named: a promotion holds until another is named there.
    pub(super) named_baseline: String,
    pub(super) allocation: Allocation,
    pub(super) slots: SlotRing,
    /// Whether arms come as often as was logged.
    #[serde(default)]
    pub(super) ratio: RatioTest,
    #[serde(default)]
    pub(super) stretches: Stretches,
}

impl Saved {
    pub(super) fn new(config: &ExperimentConfig) -> Self {
        let mut saved = Self {
            arms: Vec::new(),
            origins: Vec::new(),
            evidence: Vec::new(),
            baseline: config.arms.iter().position(|a| *a == config.baseline).unwrap_or(0),
            named_baseline: config.baseline.clone(),
            allocation: Allocation::default(),
            slots: SlotRing::default(),
            ratio: RatioTest::default(),
            stretches: Stretches::default(),
        };
        for arm in &config.arms {
            saved.push(arm, Origin::Config);
        }
        saved
    }

    /// A new arm: live, without evidence, and without a share until the next tick.
    pub(super) fn push(&mut self, name: &str, origin: Origin) {
        self.arms.push(ArmInfo { name: name.to_owned(), state: ArmState::Live });
        self.origins.push(origin);
        self.evidence.push(Evidence::default());
        self.allocation.shares.push(0.0);
        self.allocation.best.push(0.0);
        self.allocation.moments.push((0.0, 0.0));
    }

    /// What does not fit together in a blob; a damaged or foreign one must not be served from.
    fn misfit(&self) -> Option<String> {
        let n = self.arms.len();
        let a = &self.allocation;
        let lengths = [self.origins.len(), self.evidence.len(), a.shares.len(), a.best.len(), a.moments.len()];
        if n == 0 || n > ExperimentConfig::MAX_ARMS || lengths.iter().any(|l| *l != n) {
            return Some(format!("{n} arms with vectors of {lengths:?}"));
        }
        if self.baseline >= n {
            return Some(format!("baseline {} of {n} arms", self.baseline));
        }
        let sums_to_one = |shares: &[f64]| {
            shares.len() <= n
                && shares.iter().all(|s| (0.0..=1.0).contains(s))
                && (shares.iter().sum::<f64>() - 1.0).abs() < 1e-6
        };
        if !sums_to_one(&a.shares) || !self.slots.vectors().all(|v| sums_to_one(&v.shares)) {
            return Some("shares that do not sum to one".to_owned());
        }
        if self.evidence.iter().any(|e| !(e.weight >= 0.0 && e.sum.is_finite() && e.deviations.is_finite())) {
            return Some("evidence that is no number".to_owned());
        }
        None
    }

    /// Brings in what the configuration gained, retires what it lost, and heeds a newly named baseline.
    fn meet(&mut self, config: &ExperimentConfig) -> Result<(), PartError> {
        for i in 0..self.arms.len() {
            let named = config.arms.contains(&self.arms[i].name);
            let (arm, origin) = (&mut self.arms[i], &mut self.origins[i]);
            match (*origin, named) {
                (Origin::Config, false) if arm.state == ArmState::Retired => *origin = Origin::Command,
                (Origin::Config, false) => (*origin, arm.state) = (Origin::Withdrawn, ArmState::Retired),
                (Origin::Withdrawn, true) => (*origin, arm.state) = (Origin::Config, ArmState::Live),
                (Origin::Command, true) => *origin = Origin::Config,
                _ => {}
            }
        }
        for name in &config.arms {
            if self.arms.iter().any(|a| a.name == *name) {
                continue;
            }
            if self.arms.len() >= ExperimentConfig::MAX_ARMS {
                let most = ExperimentConfig::MAX_ARMS;
                return Err(PartError(format!(
                    "experiment {}: no room for arm {name}: {most} were there",
                    config.name
                )));
            }
            self.push(name, Origin::Config);
        }
        if self.named_baseline != config.baseline {
            self.named_baseline.clone_from(&config.baseline);
            if let Some(baseline) = self.arms.iter().position(|a| a.name == config.baseline) {
                self.baseline = baseline;
            }
        }
        Ok(())
    }
}

/// The blob is JSON whose floats come back bit for bit; there are no tables.
impl Part for Experiment {
    fn tables(&self) -> Vec<(String, &Table)> {
        Vec::new()
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        Vec::new()
    }

    fn blob(&self) -> Vec<u8> {
        serde_json::to_vec(&self.saved).expect("finite numbers and names have a JSON form")
    }

    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError> {
        let name = self.name().to_owned();
        let wrong = |what: String| PartError(format!("experiment {name}: {what}"));
        let mut saved: Saved = serde_json::from_slice(blob).map_err(|e| wrong(e.to_string()))?;
        if let Some(what) = saved.misfit() {
            return Err(wrong(what));
        }
        let before = saved.arms.len();
        saved.meet(self.config())?;
        let gained: Vec<String> = saved.arms[before..].iter().map(|a| a.name.clone()).collect();
        self.replace(saved);
        for arm in gained {
            self.remember_moments(&arm);
        }
        Ok(())
    }
}
