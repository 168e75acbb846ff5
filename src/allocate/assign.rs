//! Who gets which arm: a pure function of the experiment's state and the request, about a microsecond.

use super::arms::{ArmInfo, ArmState};
use super::draw::{Draw, epoch_of, held_out};
use super::experiment::Experiment;
use super::overlay::Overlay;
use crate::event::{AllocationVersion, ArmShare, Decision, Reason, Time};

/// The only scope of the first form.
pub(super) const SCOPE: &str = "all";

/// Who asks, and when.
#[derive(Clone, Copy, Debug)]
pub struct AssignRequest<'a> {
    /// The unit.
    pub unit: &'a str,
    /// The decision's id; it stands for the unit where nothing sticks.
    pub decision_id: &'a str,
    /// The driver's clock.
    pub now: Time,
}

/// An arm, and everything that tells why.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Index of the arm.
    pub arm: usize,
    /// Its name.
    pub arm_name: String,
    /// The probability with which it was drawn from `vector` (AL-4: above zero).
    pub propensity: f64,
    /// Why this arm.
    pub reason: Reason,
    /// The distribution that was drawn from, after masking.
    pub vector: Vec<ArmShare>,
    /// Version of the allocation behind it.
    pub version: AllocationVersion,
    /// The epoch; `None` where nothing sticks.
    pub epoch: Option<i64>,
    /// The scope.
    pub scope: String,
    /// Names the salt.
    pub salt_id: String,
}

impl Choice {
    /// The decision that answers a request, as the log has it; without a user and a list, which belong to who asks.
    #[must_use]
    pub fn into_decision(self, experiment: &str, request: &AssignRequest<'_>) -> Decision {
        Decision {
            decision_id: request.decision_id.to_owned(),
            time: request.now,
            experiment: experiment.to_owned(),
            unit: request.unit.to_owned(),
            scope: self.scope,
            epoch: self.epoch,
            salt_id: self.salt_id,
            arm: self.arm_name,
            propensity: self.propensity,
            allocation: self.version,
            arms: self.vector,
            reason: self.reason,
            ours: true,
            user_id: None,
            items: Vec::new(),
        }
    }
}

impl Experiment {
    /// Decides. Always answers: without a baseline that may serve, the best live arm does; without any, the first.
    #[must_use]
    pub fn assign(&self, request: &AssignRequest<'_>, overlay: &Overlay) -> Choice {
        let stick = self.config().stick;
        let epoch = stick.map(|s| epoch_of(self.name(), request.unit, s, request.now));
        let newest = self.allocation();
        let slot = epoch.and_then(|(_, slot)| self.slots().of(slot));
        let (version, shares) = slot.map_or((newest.version, &newest.shares), |v| (v.version, &v.shares));
        let epoch = epoch.map(|(number, _)| number);
        if held_out(self.name(), request.unit, self.salt(), self.config().holdout) {
            return self.stand_in(overlay, Reason::Holdout, version, epoch);
        }
        let state = |i: usize| self.state_of(i, overlay);
        // Where nothing sticks an arm that may not serve is masked at once; a sticky unit keeps its draw, and the
        // baseline stands in: so nobody else's assignment moves.
        let masked = |i: usize| stick.is_none() && state(i) != ArmState::Live;
        let share = |i: usize| if masked(i) { 0.0 } else { shares.get(i).copied().unwrap_or(0.0) };
        let sum: f64 = (0..self.arms().len()).map(share).sum();
        let unit = if stick.is_some() { request.unit } else { request.decision_id };
        let mut draw = Draw::new(self.name(), SCOPE, unit, epoch);
        let entries = self.arms().iter().enumerate().map(|(i, a)| (i, a.name.as_str(), share(i) / sum));
        let chosen = if sum > 0.0 { draw.choose(self.salt(), entries) } else { None };
        match chosen {
            None => self.stand_in(overlay, Reason::Fallback, version, epoch),
            Some(arm) => match state(arm) {
                ArmState::Live => self.choice(arm, Reason::Assigned, version, epoch, |i| share(i) / sum),
                ArmState::Paused => self.stand_in(overlay, Reason::Paused, version, epoch),
                ArmState::Retired => self.stand_in(overlay, Reason::Retired, version, epoch),
                ArmState::Tripped => self.stand_in(overlay, Reason::Tripped, version, epoch),
            },
        }
    }

    /// The answer when the decision cannot be logged: the baseline, outside of everything that counts.
    #[must_use]
    pub fn unlogged(&self, overlay: &Overlay) -> Choice {
        self.stand_in(overlay, Reason::SpoolFull, self.allocation().version, None)
    }

    /// The baseline with certainty; another arm where the baseline may not serve.
    fn stand_in(&self, overlay: &Overlay, reason: Reason, version: AllocationVersion, epoch: Option<i64>) -> Choice {
        let live = |i: &usize| self.state_of(*i, overlay) == ArmState::Live;
        let by_share = |a: &usize, b: &usize| {
            let share = |i: usize| self.allocation().shares.get(i).copied().unwrap_or(0.0);
            share(*a).total_cmp(&share(*b)).then(b.cmp(a))
        };
        let baseline = Some(self.baseline()).filter(live);
        let reason = if baseline.is_none() && reason != Reason::SpoolFull { Reason::Fallback } else { reason };
        let arm = baseline.or_else(|| (0..self.arms().len()).filter(live).max_by(by_share)).unwrap_or(0);
        self.choice(arm, reason, version, epoch, |i| f64::from(u8::from(i == arm)))
    }

    fn choice(
        &self,
        arm: usize,
        reason: Reason,
        version: AllocationVersion,
        epoch: Option<i64>,
        share: impl Fn(usize) -> f64,
    ) -> Choice {
        let entry = |(i, info): (usize, &ArmInfo)| {
            let propensity = share(i);
            let (mean, stddev) = self.allocation().moments[i];
            ArmShare {
                arm: info.name.clone(),
                propensity,
                eligible: propensity > 0.0,
                mean: Some(mean),
                stddev: Some(stddev),
            }
        };
        Choice {
            arm,
            arm_name: self.arms()[arm].name.clone(),
            propensity: share(arm),
            reason,
            vector: self.arms().iter().enumerate().map(entry).collect(),
            version,
            epoch,
            scope: SCOPE.to_owned(),
            salt_id: self.salt().to_owned(),
        }
    }

    fn state_of(&self, arm: usize, overlay: &Overlay) -> ArmState {
        let info = &self.arms()[arm];
        // Retirement is for good: no command given here takes it back.
        if info.state == ArmState::Retired {
            return ArmState::Retired;
        }
        overlay.state(self.name(), &info.name).unwrap_or(info.state)
    }
}
