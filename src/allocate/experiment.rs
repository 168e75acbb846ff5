//! An experiment: arms, evidence, allocation. All of it is state, and a clone of it is what readers see.

use super::config::{ExperimentConfig, PolicyKind};
use super::posterior::{Belief, Evidence, Prior};
use super::shares::{Bounds, bounded_shares};
use super::slots::SlotRing;
use crate::event::{AllocationVersion, Command, CommandAction, Span, Time};
use crate::table::{Part, PartError, Table};
use serde::{Deserialize, Serialize};

/// What an arm may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArmState {
    /// Gets traffic.
    Live,
    /// Gets none until it is resumed.
    Paused,
    /// Gets none for good.
    Retired,
    /// A guardrail took it out.
    Tripped,
}

impl ArmState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Live, Self::Paused, Self::Retired, Self::Tripped];

    /// The wire form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Retired => "retired",
            Self::Tripped => "tripped",
        }
    }
}

/// An arm; its index is its own for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmInfo {
    /// Its name: of a built-in model, or of one served elsewhere.
    pub name: String,
    /// What it may do.
    pub state: ArmState,
}

/// Shares of all arms in one version.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Allocation {
    /// Its version.
    pub version: AllocationVersion,
    /// Share by arm index; sums to one (AL-1).
    pub shares: Vec<f64>,
    /// Probability of being best by arm index, among live arms.
    pub best: Vec<f64>,
}

/// A slot's vector, fixed now: goes to the allocations topic.
#[derive(Clone, Debug, PartialEq)]
pub struct FixedVector {
    /// The scope.
    pub scope: String,
    /// Global slot number; `None`: the newest allocation of an experiment where nothing sticks.
    pub slot: Option<i64>,
    /// Version of the allocation.
    pub version: AllocationVersion,
    /// Arm and share.
    pub shares: Vec<(String, f64)>,
}

/// Why a command was not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandRefused {
    /// No such arm.
    #[error("experiment {0} has no arm {1}")]
    UnknownArm(String, String),
    /// An arm of that name is there, or was.
    #[error("experiment {0} has or had an arm {1}; names are not used again")]
    ArmExists(String, String),
    /// No room for another arm.
    #[error("experiment {0} has had {1} arms, the most it can")]
    TooManyArms(String, usize),
    /// A retired arm does not come back.
    #[error("arm {1} of experiment {0} is retired; add it again under another name")]
    IsRetired(String, String),
}

/// What people are told of an arm's evidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PosteriorSummary {
    /// Mean capped reward of all matured assignments.
    pub mean: f64,
    /// Lower end of the interval around `mean`, valid at all times at once; `None` where rewards have no bound.
    pub lower: Option<f64>,
    /// Upper end.
    pub upper: Option<f64>,
    /// Mean of the posterior, from discounted evidence.
    pub posterior_mean: f64,
    /// Standard deviation of the posterior.
    pub stddev: f64,
    /// Probability of being the best live arm, at the newest tick.
    pub probability_best: f64,
    /// Discounted number of assignments behind the posterior.
    pub weight: f64,
    /// Matured assignments.
    pub matured: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Saved {
    arms: Vec<ArmInfo>,
    evidence: Vec<Evidence>,
    baseline: usize,
    allocation: Allocation,
    slots: SlotRing,
}

/// One experiment.
#[derive(Clone, Debug)]
pub struct Experiment {
    config: ExperimentConfig,
    saved: Saved,
    /// Derived at each tick: posterior mean and deviation by arm, for the log.
    moments: Vec<(f64, f64)>,
}

impl Experiment {
    /// An experiment without evidence: shares as even as its bounds allow.
    #[must_use]
    pub fn new(config: ExperimentConfig) -> Self {
        let arms: Vec<ArmInfo> =
            config.arms.iter().map(|name| ArmInfo { name: name.clone(), state: ArmState::Live }).collect();
        let baseline = config.arms.iter().position(|a| *a == config.baseline).unwrap_or(0);
        let saved = Saved {
            evidence: vec![Evidence::default(); arms.len()],
            arms,
            baseline,
            allocation: Allocation::default(),
            slots: SlotRing::default(),
        };
        let mut experiment = Self { config, saved, moments: Vec::new() };
        experiment.reallocate(None);
        experiment
    }

    /// Its settings.
    #[must_use]
    pub const fn config(&self) -> &ExperimentConfig {
        &self.config
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// All arms that ever were, by index.
    #[must_use]
    pub fn arms(&self) -> &[ArmInfo] {
        &self.saved.arms
    }

    /// Index of an arm.
    #[must_use]
    pub fn arm_index(&self, name: &str) -> Option<usize> {
        self.saved.arms.iter().position(|a| a.name == name)
    }

    /// Index of the baseline.
    #[must_use]
    pub const fn baseline(&self) -> usize {
        self.saved.baseline
    }

    /// The newest allocation.
    #[must_use]
    pub const fn allocation(&self) -> &Allocation {
        &self.saved.allocation
    }

    pub(super) const fn slots(&self) -> &SlotRing {
        &self.saved.slots
    }

    pub(super) fn salt(&self) -> &str {
        &self.config.salt
    }

    pub(super) fn posterior_moments(&self, arm: usize) -> (f64, f64) {
        self.moments.get(arm).copied().unwrap_or_default()
    }

    /// Takes one matured assignment: the sum of its rewards, which is capped here.
    pub fn credit(&mut self, arm: usize, reward: f64) {
        let cap = self.config.reward.cap();
        if let Some(evidence) = self.saved.evidence.get_mut(arm) {
            evidence.credit(reward.min(cap), cap);
        }
    }

    /// An allocation tick: evidence fades by the elapsed log time, shares are computed anew, slots are fixed.
    pub fn tick(&mut self, log_time: Time, elapsed: Span, generation: u64) -> Vec<FixedVector> {
        for evidence in &mut self.saved.evidence {
            evidence.forget(elapsed, self.config.half_life);
        }
        let tick = self.saved.allocation.version.tick + 1;
        let first = tick == 1;
        self.saved.allocation.version = AllocationVersion { generation, tick };
        self.reallocate((!first).then_some(elapsed));
        self.fix(log_time)
    }

    fn fix(&mut self, log_time: Time) -> Vec<FixedVector> {
        let Allocation { version, shares, .. } = self.saved.allocation.clone();
        let named = |shares: &[f64]| -> Vec<(String, f64)> {
            self.saved.arms.iter().zip(shares).map(|(a, s)| (a.name.clone(), *s)).collect()
        };
        let scope = || super::assign::SCOPE.to_owned();
        let Some(stick) = self.config.stick else {
            return vec![FixedVector { scope: scope(), slot: None, version, shares: named(&shares) }];
        };
        let fixed = self.saved.slots.fix(log_time, stick, version, &shares);
        let publish = |v: super::slots::SlotVector| FixedVector {
            scope: scope(),
            slot: Some(v.slot),
            version: v.version,
            shares: self.saved.arms.iter().zip(&v.shares).map(|(a, s)| (a.name.clone(), *s)).collect(),
        };
        fixed.into_iter().map(publish).collect()
    }

    fn beliefs(&self) -> Vec<Belief> {
        let reward = &self.config.reward;
        let prior = Prior::pooled(&self.saved.evidence, reward.cap());
        let belief = |e: &Evidence| {
            if reward.binary() { Belief::bernoulli(e, &prior, reward.cap()) } else { Belief::normal(e, &prior) }
        };
        self.saved.evidence.iter().map(belief).collect()
    }

    fn live(&self) -> Vec<usize> {
        (0..self.saved.arms.len()).filter(|&i| self.saved.arms[i].state == ArmState::Live).collect()
    }

    /// Shares of live arms: wanted by the policy, mixed with the floor, bounded. `elapsed` limits the ramp.
    fn reallocate(&mut self, elapsed: Option<Span>) {
        let beliefs = self.beliefs();
        self.moments = beliefs.iter().map(|b| (b.mean(), b.stddev())).collect();
        let live = self.live();
        let n = self.saved.arms.len();
        let (mut shares, mut best) = (vec![0.0; n], vec![0.0; n]);
        if !live.is_empty() {
            let names: Vec<&str> = live.iter().map(|&i| self.saved.arms[i].name.as_str()).collect();
            let of_live: Vec<Belief> = live.iter().map(|&i| beliefs[i].clone()).collect();
            let probability = super::best::probability_best(&of_live);
            let wanted = match &self.config.policy {
                PolicyKind::Thompson => probability.clone(),
                fixed @ PolicyKind::Fixed(_) => fixed.build().wanted(&names, &of_live),
            };
            let even = 1.0 / live.len() as f64;
            let floor = if matches!(self.config.policy, PolicyKind::Thompson) { self.config.floor } else { 0.0 };
            let mixed: Vec<f64> = wanted.iter().map(|w| (1.0 - floor) * w + floor * even).collect();
            let bounds = self.bounds(&live, floor * even, elapsed);
            for ((&i, s), p) in live.iter().zip(bounded_shares(&mixed, &bounds)).zip(probability) {
                shares[i] = s;
                best[i] = p;
            }
        } else if let Some(share) = shares.get_mut(self.saved.baseline) {
            // Nobody may serve: the vector still sums to one, and the decider answers with a fallback.
            *share = 1.0;
        }
        self.saved.allocation.shares = shares;
        self.saved.allocation.best = best;
    }

    fn bounds(&self, live: &[usize], floor: f64, elapsed: Option<Span>) -> Vec<Bounds> {
        let before = |i: usize| self.saved.allocation.shares.get(i).copied().unwrap_or(0.0);
        let kept: f64 = live.iter().map(|&i| before(i)).sum();
        let step = self.config.ramp.zip(elapsed).map(|(r, e)| r * e.as_seconds().max(0.0) / 60.0);
        let thompson = matches!(self.config.policy, PolicyKind::Thompson);
        let bound = |&i: &usize| {
            let is_baseline = i == self.saved.baseline && thompson && live.len() > 1;
            let least = if is_baseline { floor.max(self.config.baseline_share) } else { floor };
            let most = self.config.max_share.get(&self.saved.arms[i].name).copied().unwrap_or(1.0);
            // What paused arms left is spread first: that shift is the pause's, not the ramp's.
            let ramp = step.filter(|_| kept > 0.0).map(|s| (before(i) / kept, s));
            Bounds { least, most: if live.len() == 1 { 1.0 } else { most }, ramp }
        };
        live.iter().map(bound).collect()
    }

    /// Applies a command that was read from the log.
    ///
    /// # Errors
    /// See [`CommandRefused`]; a command that changes nothing is none.
    pub fn apply(&mut self, command: &Command) -> Result<(), CommandRefused> {
        let name = || self.config.name.clone();
        if command.action == CommandAction::ArmAdded {
            return self.add(&command.arm);
        }
        let Some(arm) = self.arm_index(&command.arm) else {
            return Err(CommandRefused::UnknownArm(name(), command.arm.clone()));
        };
        let retired = self.saved.arms[arm].state == ArmState::Retired;
        if retired && command.action != CommandAction::ArmRetired {
            return Err(CommandRefused::IsRetired(name(), command.arm.clone()));
        }
        match command.action {
            CommandAction::Paused => self.saved.arms[arm].state = ArmState::Paused,
            CommandAction::Resumed => self.saved.arms[arm].state = ArmState::Live,
            CommandAction::ArmRetired => self.saved.arms[arm].state = ArmState::Retired,
            CommandAction::Promoted => self.saved.baseline = arm,
            CommandAction::Reset => self.saved.evidence[arm] = Evidence::default(),
            CommandAction::ArmAdded => {}
        }
        Ok(())
    }

    fn add(&mut self, arm: &str) -> Result<(), CommandRefused> {
        let name = || self.config.name.clone();
        if self.arm_index(arm).is_some() {
            return Err(CommandRefused::ArmExists(name(), arm.to_owned()));
        }
        if self.saved.arms.len() >= ExperimentConfig::MAX_ARMS {
            return Err(CommandRefused::TooManyArms(name(), ExperimentConfig::MAX_ARMS));
        }
        self.saved.arms.push(ArmInfo { name: arm.to_owned(), state: ArmState::Live });
        self.saved.evidence.push(Evidence::default());
        self.saved.allocation.shares.push(0.0);
        self.saved.allocation.best.push(0.0);
        Ok(())
    }

    /// What people are told of an arm.
    #[must_use]
    pub fn summary(&self, arm: usize) -> PosteriorSummary {
        let e = self.saved.evidence[arm];
        let reward = &self.config.reward;
        let interval = e.interval(reward.binary(), reward.cap(), reward.bounded());
        let (posterior_mean, stddev) = self.posterior_moments(arm);
        PosteriorSummary {
            mean: e.mean(),
            lower: interval.map(|i| i.0),
            upper: interval.map(|i| i.1),
            posterior_mean,
            stddev,
            probability_best: self.saved.allocation.best.get(arm).copied().unwrap_or(0.0),
            weight: e.weight,
            matured: e.count,
        }
    }
}

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
        let mut saved: Saved = serde_json::from_slice(blob).map_err(|e| PartError(format!("experiment: {e}")))?;
        // Arms that the configuration gained since are added; those it lost stay, for their evidence.
        for arm in &self.config.arms {
            if saved.arms.iter().all(|a| a.name != *arm) && saved.arms.len() < ExperimentConfig::MAX_ARMS {
                saved.arms.push(ArmInfo { name: arm.clone(), state: ArmState::Live });
                saved.evidence.push(Evidence::default());
                saved.allocation.shares.push(0.0);
                saved.allocation.best.push(0.0);
            }
        }
        self.saved = saved;
        self.moments = self.beliefs().iter().map(|b| (b.mean(), b.stddev())).collect();
        Ok(())
    }
}
