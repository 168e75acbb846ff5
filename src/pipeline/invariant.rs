//! Numbered truths. Simulation, tests and production check the same predicates; production counts what breaks.

use super::facts::EventOutcome;
use super::report::Report;
use super::state::State;

/// A truth of the system: its number here is its name everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// OB-1: records in = accepted + ignored + rejected + duplicate.
    Ob1,
    /// JO-1: every decision has exactly one outcome: decisions = rewards + expired + open without a reward.
    Jo1,
    /// JO-3: join memory stays under its bound.
    Jo3,
    /// RE-1: rewards are finite and in range.
    Re1,
    /// LE-1: parameters are finite: no update that is not may pass (skipped ones are counted apart).
    Le1,
    /// AL-1: shares sum to one.
    Al1,
    /// AL-2: live arms have at least the floor.
    Al2,
    /// AL-3: shares change within the ramp.
    Al3,
}

impl Invariant {
    /// All invariants that a step checks.
    pub const ALL: [Self; 8] = [Self::Ob1, Self::Jo1, Self::Jo3, Self::Re1, Self::Le1, Self::Al1, Self::Al2, Self::Al3];

    /// The number in docs, metrics and messages.
    #[must_use]
    pub const fn number(self) -> &'static str {
        match self {
            Self::Ob1 => "OB-1",
            Self::Jo1 => "JO-1",
            Self::Jo3 => "JO-3",
            Self::Re1 => "RE-1",
            Self::Le1 => "LE-1",
            Self::Al1 => "AL-1",
            Self::Al2 => "AL-2",
            Self::Al3 => "AL-3",
        }
    }
}

/// An invariant that does not hold, with what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// What was found.
    pub detail: String,
}

/// Checks a step's report and the state after it. Cheap: counts only, no walk over tables.
pub(super) fn check(state: &State, report: &mut Report) {
    let mut found = Vec::new();
    if let Some(detail) = ob1(report) {
        found.push(Violation { invariant: Invariant::Ob1, detail });
    }
    if let Some(detail) = jo1(state) {
        found.push(Violation { invariant: Invariant::Jo1, detail });
    }
    if state.pending.len() > state.pending.capacity() {
        let detail = format!("{} open decisions, room for {}", state.pending.len(), state.pending.capacity());
        found.push(Violation { invariant: Invariant::Jo3, detail });
    }
    for (&(experiment, arm), part) in &report.arms {
        if !part.reward_sum.is_finite() {
            let detail = format!("rewards of experiment {experiment}, arm {arm}: {}", part.reward_sum);
            found.push(Violation { invariant: Invariant::Re1, detail });
        }
    }
    if report.ticked {
        found.extend(state.experiments.iter().flat_map(al));
    }
    report.violations.extend(found);
}

/// OB-1 over one step.
fn ob1(report: &Report) -> Option<String> {
    let counted: u64 = report.events.values().sum();
    let rejected = report.events.get(&(None, EventOutcome::Rejected)).copied().unwrap_or(0);
    let whole = counted == report.records && rejected == report.rejections.len() as u64;
    (!whole).then(|| format!("{} records, {counted} counted, {rejected} rejected", report.records))
}

/// JO-1 over everything: what is open in the table is what the counts leave open.
fn jo1(state: &State) -> Option<String> {
    let sum = |f: fn(&super::ArmCounts) -> u64| state.counts.arms.values().map(f).sum::<u64>();
    let (decisions, rewards, expired) = (sum(|a| a.decisions), sum(|a| a.rewards), sum(|a| a.expired));
    // Rewarded decisions stay in the table until they close, so the table bounds the difference from above.
    let open = decisions.checked_sub(rewards + expired);
    let whole = open.is_some_and(|open| open <= state.pending.len() as u64);
    (!whole).then(|| {
        format!("{decisions} decisions, {rewards} rewarded, {expired} expired, {} in the table", state.pending.len())
    })
}

/// AL-1, AL-2 and AL-3: what the experiment itself finds after its tick.
fn al(experiment: &crate::allocate::Experiment) -> Vec<Violation> {
    let named = |number: &str| Invariant::ALL.into_iter().find(|i| i.number() == number);
    let found = experiment.breaches().into_iter();
    found.filter_map(|(number, detail)| Some(Violation { invariant: named(number)?, detail })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;

    #[test]
    fn ob1_is_broken_by_a_record_that_nobody_counted() {
        let mut report = Report { records: 2, ..Report::default() };
        report.count(Some(Kind::Item), EventOutcome::Accepted);
        assert!(ob1(&report).is_some());
        report.count(Some(Kind::Item), EventOutcome::Duplicate);
        assert!(ob1(&report).is_none());
    }
}
