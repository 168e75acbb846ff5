//! Outcomes and counts of one experiment, from the handled records: architecture 4 and 5, written anew.
//!
//! Where the house keeps bounded state and closes things one after another, this holds everything and asks of each
//! reward where it must have ended.

use super::cuts::Handled;
use super::lines::Line;
use super::rules::{Rules, SKEW};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Counts of one arm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ArmCount {
    /// Distinct decisions read.
    pub(crate) decisions: u64,
    /// Distinct assignments among them.
    pub(crate) assignments: u64,
    /// Decisions with at least one reward.
    pub(crate) rewards: u64,
    /// Decisions that closed without.
    pub(crate) expired: u64,
    /// Decisions still open without a reward.
    pub(crate) pending: u64,
    /// Decisions of a known assignment with another arm.
    pub(crate) overrides: u64,
    /// Sum of all rewards credited.
    pub(crate) reward_sum: f64,
}

/// Where rewards that named a decision ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Feedbacks {
    /// Credited to their decision.
    pub(crate) credited: u64,
    /// Worth nothing in this experiment.
    pub(crate) unrewarded: u64,
    /// Outside of the decision's window by their own time.
    pub(crate) outside: u64,
    /// Read after the decision had closed.
    pub(crate) late: u64,
    /// Their decision was not read in time.
    pub(crate) unmatched: u64,
    /// Seen before under the same id.
    pub(crate) duplicates: u64,
}

/// The whole account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// By arm.
    pub(crate) arms: BTreeMap<String, ArmCount>,
    /// All rewards.
    pub(crate) feedbacks: Feedbacks,
    /// For each distinct assignment that was drawn: its vector and its arm.
    pub(crate) drawn: Vec<(BTreeMap<String, f64>, String)>,
}

/// A decision as the account holds it.
struct Known {
    arm: String,
    time: i64,
    /// The cut in which it was read, and the one that closed it.
    read: usize,
    closed: Option<usize>,
    rewarded: bool,
}

/// A reward on its way.
struct Reward<'a> {
    decision: String,
    metric: String,
    value: Option<&'a Value>,
    time: i64,
    cut: usize,
}

/// Counts one experiment again.
pub(crate) fn recount(rules: &Rules, cuts: &[Handled<'_>]) -> Account {
    let mut account = Account::default();
    let (mut known, mut seen) = (BTreeMap::new(), BTreeSet::new());
    let mut rewards = Vec::new();
    let mut assigned: BTreeMap<(String, String, i64), String> = BTreeMap::new();
    for (number, cut) in cuts.iter().enumerate() {
        for line in &cut.lines {
            let Some(kind) = line.text("type").map(str::to_owned) else { continue };
            let id = line.text(if kind == "decision" { "decision_id" } else { "event_id" }).unwrap_or_default();
            let fresh = seen.insert((kind.clone(), id.to_owned()));
            if kind != "decision" {
                if let Some(reward) = reward_of(line, number) {
                    if fresh { rewards.push(reward) } else { account.feedbacks.duplicates += 1 }
                }
            } else if fresh && line.text("experiment") == Some(&rules.experiment) {
                let decision = meet(rules, &mut account, &mut assigned, line, number, cuts);
                known.insert(key(id), decision);
            }
        }
    }
    for reward in &rewards {
        settle(rules, &mut account, &mut known, reward, cuts);
    }
    for decision in known.values().filter(|decision| !decision.rewarded) {
        let count = account.arms.entry(decision.arm.clone()).or_default();
        *(if decision.closed.is_some() { &mut count.expired } else { &mut count.pending }) += 1;
    }
    account
}

/// A decision id in one form, however a UUID is written.
fn key(id: &str) -> String {
    id.replace('-', "").to_ascii_lowercase()
}

fn reward_of(line: &Line, cut: usize) -> Option<Reward<'_>> {
    let metric = match line.text("type")? {
        "feedback" => line.text("metric")?,
        "interaction" => line.text("action")?,
        _ => return None,
    };
    Some(Reward {
        decision: key(line.text("decision_id")?),
        metric: metric.to_owned(),
        value: line.event.as_ref()?.get("value"),
        time: line.time()?,
        cut,
    })
}

/// Takes a decision in: whether it is an assignment, and when it closes.
fn meet(
    rules: &Rules,
    account: &mut Account,
    assigned: &mut BTreeMap<(String, String, i64), String>,
    line: &Line,
    read: usize,
    cuts: &[Handled<'_>],
) -> Known {
    let arm = line.text("arm").unwrap_or_default().to_owned();
    let time = line.time().unwrap_or_default();
    let count = account.arms.entry(arm.clone()).or_default();
    count.decisions += 1;
    let epoch = line.event.as_ref().and_then(|event| event["epoch"].as_i64());
    let first = match (line.text("reason"), epoch) {
        (Some("assigned"), None) => true,
        (Some("assigned"), Some(epoch)) => {
            let unit = line.text("unit").unwrap_or_default().to_owned();
            let scope = line.text("scope").unwrap_or_default().to_owned();
            match assigned.get(&(scope.clone(), unit.clone(), epoch)) {
                None => assigned.insert((scope, unit, epoch), arm.clone()).is_none(),
                Some(before) => {
                    count.overrides += u64::from(*before != arm);
                    false
                }
            }
        }
        _ => false,
    };
    if first {
        count.assignments += 1;
        account.drawn.push((vector(line), arm.clone()));
    }
    let closes = (time + rules.window).max(cuts[read].log_time) + rules.grace;
    let closed = (read..cuts.len()).find(|&cut| cuts[cut].log_time >= closes);
    Known { arm, time, read, closed, rewarded: false }
}

fn vector(line: &Line) -> BTreeMap<String, f64> {
    let arms = line.event.as_ref().and_then(|event| event["arms"].as_array()).into_iter().flatten();
    arms.filter_map(|arm| Some((arm["arm"].as_str()?.to_owned(), arm["propensity"].as_f64()?))).collect()
}

/// Says where a reward must have ended.
fn settle(
    rules: &Rules,
    account: &mut Account,
    known: &mut BTreeMap<String, Known>,
    reward: &Reward<'_>,
    cuts: &[Handled<'_>],
) {
    let Some(decision) = known.get_mut(&reward.decision) else {
        // Still waiting at the end of the log, or given up: nobody's either way.
        let due = cuts[reward.cut].log_time + rules.wait;
        account.feedbacks.unmatched += u64::from(cuts.last().is_some_and(|last| last.log_time >= due));
        return;
    };
    if reward.cut < decision.read {
        let due = cuts[reward.cut].log_time + rules.wait;
        if (reward.cut..decision.read).any(|cut| cuts[cut].log_time >= due) {
            account.feedbacks.unmatched += 1;
            return;
        }
    } else if decision.closed.is_some_and(|closed| closed < reward.cut) {
        account.feedbacks.late += 1;
        return;
    }
    let Some(worth) = rules.worth(&reward.metric, reward.value) else {
        account.feedbacks.unrewarded += 1;
        return;
    };
    if reward.time < decision.time - SKEW || reward.time > decision.time + rules.window {
        account.feedbacks.outside += 1;
        return;
    }
    account.feedbacks.credited += 1;
    let count = account.arms.entry(decision.arm.clone()).or_default();
    count.rewards += u64::from(!decision.rewarded);
    count.reward_sum += worth;
    decision.rewarded = true;
}
