//! An experiment: arms, evidence, allocation. All of it is state, and a clone of it is what readers see.

use super::arms::{ArmInfo, ArmState};
use super::best::probability_best;
use super::config::{ExperimentConfig, PolicyKind};
use super::evidence::ALPHA;
use super::posterior::{Belief, Prior};
use super::saved::Saved;
use super::shares::{Bounds, Relaxed, bounded_shares};
use super::slots::{SlotRing, SlotVector};
use crate::event::{AllocationVersion, ArmShare, Span, Time};
use serde::{Deserialize, Serialize};

/// Shares of all arms in one version; all vectors by arm index.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Allocation {
    /// Its version.
    pub version: AllocationVersion,
    /// Share; sums to one (AL-1).
    pub shares: Vec<f64>,
    /// Probability of being best among live arms; 0 for others.
    pub best: Vec<f64>,
    /// Posterior mean and standard deviation of an assignment's reward, at this tick.
    pub moments: Vec<(f64, f64)>,
    /// Which bounds had to yield to others.
    pub relaxed: Relaxed,
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

/// What people are told of an arm's evidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PosteriorSummary {
    /// Mean capped reward of the assignments that matured over the stretch shown.
    pub mean: f64,
    /// How many these are.
    pub counted: u64,
    /// Lower end of the 95 % interval around `mean`, valid at all times at once; `None` where rewards have no bound.
    pub lower: Option<f64>,
    /// Upper end.
    pub upper: Option<f64>,
    /// Mean of the posterior, from discounted evidence, at the newest tick.
    pub posterior_mean: f64,
    /// Standard deviation of the posterior.
    pub stddev: f64,
    /// Probability of being the best live arm, at the newest tick.
    pub probability_best: f64,
    /// Discounted number of assignments behind the posterior.
    pub weight: f64,
    /// Their effective number, `(Σ w)² / Σ w²`.
    pub effective: f64,
    /// All matured assignments.
    pub matured: u64,
}

/// One experiment.
#[derive(Clone, Debug)]
pub struct Experiment {
    config: ExperimentConfig,
    pub(super) saved: Saved,
    /// What the newest tick had to keep to, by live arm: for the invariants only.
    bounds: Vec<(usize, Bounds)>,
}

impl Experiment {
    /// An experiment without evidence: shares as even as its bounds allow.
    #[must_use]
    pub fn new(config: ExperimentConfig) -> Self {
        let saved = Saved::new(&config);
        let mut experiment = Self { config, saved, bounds: Vec::new() };
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

    /// Takes one matured assignment: the sum of its rewards, which is brought into the table's range here (RE-1).
    pub fn credit(&mut self, arm: usize, reward: f64) {
        let table = &self.config.reward;
        if let Some(evidence) = self.saved.evidence.get_mut(arm) {
            evidence.credit(table.earned(reward), table);
        }
    }

    /// Takes one assignment as logged: its arm, and the vector it was drawn from. An arm that may not serve now has
    /// stand-ins instead of assignments, so the others are looked at among themselves.
    pub fn drawn(&mut self, arm: usize, vector: &[ArmShare]) {
        let logged = |a: &ArmInfo| vector.iter().find(|v| v.arm == a.name).map_or(0.0, |v| v.propensity);
        let share = |a: &ArmInfo| if a.state == ArmState::Live { logged(a) } else { 0.0 };
        let shares: Vec<f64> = self.saved.arms.iter().map(share).collect();
        self.saved.ratio.draw(arm, &shares);
    }

    /// How well assignments agree with their logged propensities: a p-value that holds at all times at once.
    #[must_use]
    pub fn ratio_p_value(&self) -> f64 {
        self.saved.ratio.p_value()
    }

    /// An allocation tick: evidence fades by the elapsed log time, shares are computed anew, slots are fixed.
    pub fn tick(&mut self, log_time: Time, elapsed: Span, generation: u64) -> Vec<FixedVector> {
        let turn = self.saved.stretches.advance(log_time, elapsed, self.config.half_life);
        for evidence in &mut self.saved.evidence {
            evidence.forget(elapsed, self.config.half_life);
            evidence.turn(turn);
        }
        let tick = self.saved.allocation.version.tick + 1;
        let first = tick == 1;
        self.saved.allocation.version = AllocationVersion { generation, tick };
        self.reallocate((!first).then_some(elapsed));
        self.fix(log_time)
    }

    fn fix(&mut self, log_time: Time) -> Vec<FixedVector> {
        let Saved { allocation, slots, arms, .. } = &mut self.saved;
        let publish = |slot: Option<i64>, version: AllocationVersion, shares: &[f64]| FixedVector {
            scope: super::assign::SCOPE.to_owned(),
            slot,
            version,
            shares: arms.iter().zip(shares).map(|(a, s)| (a.name.clone(), *s)).collect(),
        };
        match self.config.stick {
            None => vec![publish(None, allocation.version, &allocation.shares)],
            Some(stick) => {
                let fixed = slots.fix(log_time, stick, allocation.version, &allocation.shares);
                fixed.map(|v: &SlotVector| publish(Some(v.slot), v.version, &v.shares)).collect()
            }
        }
    }

    fn beliefs(&self) -> Vec<Belief> {
        let prior = Prior::pooled(&self.saved.evidence, &self.config.reward);
        self.saved.evidence.iter().map(|e| Belief::of(e, &prior, &self.config.reward)).collect()
    }

    /// Notes what is believed of a new arm before any tick has seen it.
    pub(super) fn remember_moments(&mut self, arm: &str) {
        if let Some(index) = self.arm_index(arm) {
            let belief = self.beliefs()[index];
            self.saved.allocation.moments[index] = (belief.mean(), belief.stddev());
        }
    }

    pub(super) fn replace(&mut self, saved: Saved) {
        self.saved = saved;
        self.bounds.clear();
    }

    /// Shares of live arms: wanted by the policy, mixed with the floor, bounded. `elapsed` limits the ramp.
    fn reallocate(&mut self, elapsed: Option<Span>) {
        let beliefs = self.beliefs();
        let live = self.live();
        let n = self.saved.arms.len();
        let (mut shares, mut best) = (vec![0.0; n], vec![0.0; n]);
        let mut relaxed = Relaxed::default();
        self.bounds.clear();
        if live.is_empty() {
            // Nobody may serve: the vector still sums to one, and the decider answers with a fallback.
            shares[self.saved.baseline] = 1.0;
        } else {
            let policy = self.config.policy.build();
            let of_live: Vec<Belief> = live.iter().map(|&i| beliefs[i]).collect();
            let probability = probability_best(&of_live);
            let wanted = if self.config.policy == PolicyKind::Thompson {
                probability.clone()
            } else {
                let names: Vec<&str> = live.iter().map(|&i| self.saved.arms[i].name.as_str()).collect();
                policy.wanted(&names, &of_live)
            };
            let floor = if policy.explores() { self.config.floor } else { 0.0 };
            let each = floor / live.len() as f64;
            let mixed: Vec<f64> = wanted.iter().map(|w| (1.0 - floor) * w + each).collect();
            let bounds = self.bounds_of(&live, each, policy.explores(), elapsed);
            let bounded = bounded_shares(&mixed, &bounds);
            relaxed = bounded.1;
            for ((&i, s), p) in live.iter().zip(bounded.0).zip(probability) {
                (shares[i], best[i]) = (s, p);
            }
            self.bounds = live.into_iter().zip(bounds).collect();
        }
        let moments = beliefs.iter().map(|b| (b.mean(), b.stddev())).collect();
        let version = self.saved.allocation.version;
        self.saved.allocation = Allocation { version, shares, best, moments, relaxed };
    }

    fn live(&self) -> Vec<usize> {
        (0..self.saved.arms.len()).filter(|&i| self.saved.arms[i].state == ArmState::Live).collect()
    }

    fn bounds_of(&self, live: &[usize], floor: f64, explores: bool, elapsed: Option<Span>) -> Vec<Bounds> {
        let before = |i: usize| self.saved.allocation.shares[i];
        let kept: f64 = live.iter().map(|&i| before(i)).sum();
        let step = self.config.ramp.zip(elapsed).map(|(r, e)| r * e.as_seconds().max(0.0) / 60.0);
        let bound = |&i: &usize| {
            let is_baseline = i == self.saved.baseline && explores;
            let least = if is_baseline { floor.max(self.config.baseline_share) } else { floor };
            let most = self.config.max_share.get(&self.saved.arms[i].name).copied().unwrap_or(1.0);
            // What paused arms left is spread first: that shift is the pause's, not the ramp's.
            let ramp = step.filter(|_| kept > 0.0).map(|s| (before(i) / kept, s));
            Bounds { least, most, ramp }
        };
        live.iter().map(bound).collect()
    }

    /// Which of AL-1 (shares sum to one), AL-2 (live arms at or above the floor) and AL-3 (change within the ramp) the
    /// newest tick broke: none, unless there is a fault in this room. What yields to something stronger is no breach.
    #[must_use]
    pub fn breaches(&self) -> Vec<(&'static str, String)> {
        let a = self.allocation();
        let sum: f64 = a.shares.iter().sum();
        let mut found = Vec::new();
        if sum.is_nan() || (sum - 1.0).abs() >= 1e-9 {
            found.push(("AL-1", format!("shares of {} sum to {sum}", self.name())));
        }
        for (arm, b) in &self.bounds {
            let (share, name) = (a.shares[*arm], &self.saved.arms[*arm].name);
            if !a.relaxed.floor && share < b.least - 1e-9 {
                found.push(("AL-2", format!("{name} in {} has {share}, its floor is {}", self.name(), b.least)));
            }
            let Some((before, step)) = b.ramp else { continue };
            let may = (step + a.relaxed.ramp).max(b.least - before).max(before - b.most) + 1e-9;
            if !a.relaxed.floor && !a.relaxed.caps && (share - before).abs() > may {
                found.push(("AL-3", format!("{name} in {} moved from {before} to {share}", self.name())));
            }
        }
        found
    }

    /// What people are told of an arm.
    #[must_use]
    pub fn summary(&self, arm: usize) -> PosteriorSummary {
        let e = self.saved.evidence[arm];
        let interval = self.interval(arm, ALPHA);
        let a = self.allocation();
        PosteriorSummary {
            mean: e.mean(),
            counted: e.shown.count,
            lower: interval.map(|i| i.0),
            upper: interval.map(|i| i.1),
            posterior_mean: a.moments[arm].0,
            stddev: a.moments[arm].1,
            probability_best: a.best[arm],
            weight: e.weight,
            effective: e.effective(),
            matured: e.count,
        }
    }

    /// Log time since which means and intervals are counted, and how long that is; `None` before the first tick. It
    /// moves on with the half-life, at moments fixed in advance.
    #[must_use]
    pub fn counted_since(&self) -> Option<(Time, Span)> {
        Some((self.saved.stretches.since()?, self.saved.stretches.shown()?))
    }

    /// What is believed of an arm's mean reward, as of the newest tick.
    #[must_use]
    pub fn belief(&self, arm: usize) -> Belief {
        let (mean, stddev) = self.allocation().moments[arm];
        let binary = self.config.reward.binary();
        Belief::of_moments(mean, stddev, binary.then(|| self.config.reward.cap()), self.saved.evidence[arm].weight)
    }

    pub(super) fn interval(&self, arm: usize, alpha: f64) -> Option<(f64, f64)> {
        self.saved.evidence[arm].interval(&self.config.reward, alpha)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each invariant is broken on purpose, and found.
    #[test]
    fn what_is_broken_is_found() {
        let mut e = Experiment::new(ExperimentConfig::new("home", &["a", "b"], "a"));
        let tick = |e: &mut Experiment| e.tick(Time(1000), Span::seconds(1), 1);
        tick(&mut e);
        tick(&mut e);
        assert_eq!(e.breaches(), []);
        let mut broken = |shares: [f64; 2]| -> Vec<&str> {
            e.saved.allocation.shares = shares.to_vec();
            e.breaches().into_iter().map(|(number, _)| number).collect()
        };
        assert_eq!(broken([0.5, 0.6]), ["AL-1", "AL-3"]);
        assert_eq!(broken([0.04, 0.96]), ["AL-2", "AL-3", "AL-3"]);
        assert_eq!(broken([f64::NAN, 1.0]), ["AL-1", "AL-3"]);
        assert_eq!(broken([0.501, 0.499]), [""; 0], "a ramp of ten points a minute allows that in a second");
    }

    /// A sticky vector keeps the share of a paused arm, whose stand-ins are no assignments: that is no loss.
    #[test]
    fn a_paused_arm_is_not_missed_and_a_lost_one_is() {
        let p_value = |state: ArmState| {
            let mut e = Experiment::new(ExperimentConfig::new("home", &["a", "b", "c"], "a"));
            e.saved.arms[2].state = state;
            let share = |(arm, propensity): (&str, f64)| ArmShare {
                arm: arm.to_owned(),
                propensity,
                eligible: true,
                mean: None,
                stddev: None,
            };
            let vector = [("a", 0.5), ("b", 0.3), ("c", 0.2)].map(share);
            (0..2_000).for_each(|n| e.drawn(usize::from(n % 8 >= 5), &vector));
            e.ratio_p_value()
        };
        assert!(p_value(ArmState::Paused) > 0.5);
        assert!(p_value(ArmState::Live) < 1e-6);
    }

    /// RE-1: whatever is credited, evidence stays within the table's range.
    #[test]
    fn what_is_no_number_earns_nothing() {
        let mut e = Experiment::new(ExperimentConfig::new("home", &["a", "b"], "a"));
        for reward in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -3.0, 1e300] {
            e.credit(0, reward);
        }
        e.credit(9, 1.0);
        let summary = e.summary(0);
        assert_eq!((summary.matured, summary.mean), (5, 0.4));
    }
}
