//! Making and logging one decision: what `decide` and `recommend` share.

use super::doors::{Doors, Hall};
use super::openapi::{allocation_version, reason};
use super::problem::Problem;
use crate::allocate::{AssignRequest, Experiment, Overlay};
use crate::codec;
use crate::event::{AllocationVersion, Decision, Event, ListedItem, Reason, Time};
use crate::pipeline::Facts;
use crate::port::Outgoing;
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

/// The answer to `decide`, and the beginning of the answer to `recommend`.
#[derive(Serialize, ToSchema)]
#[schema(examples(json!({"decision_id": "0197a000-0000-7000-8000-000000000001", "experiment": "home", "unit": "u42",
    "arm": "transitions", "propensity": 0.713, "scope": "all", "epoch": 20781,
    "allocation": {"generation": 3, "tick": 18231}, "reason": "assigned",
    "items": [{"item_id": "i7", "score": 0.93, "rank": 1}]})))]
pub(super) struct Answer<'a> {
    /// A UUID of version 7; feedback and interactions name it.
    decision_id: &'a str,
    /// The experiment.
    experiment: &'a str,
    /// Who was randomised.
    unit: &'a str,
    /// The arm that answers.
    arm: &'a str,
    /// The probability with which it was chosen.
    #[schema(minimum = 0, maximum = 1)]
    propensity: f64,
    /// The part of traffic.
    scope: &'a str,
    /// The epoch of the assignment; null where every decision is one.
    #[schema(required)]
    epoch: Option<i64>,
    /// The allocation that was drawn from.
    #[schema(schema_with = allocation_version)]
    allocation: AllocationVersion,
    /// Why this arm.
    #[schema(schema_with = reason)]
    reason: Reason,
    /// The list, best first, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = Vec<Entry>)]
    items: Option<Vec<Entry<'a>>>,
}

/// One item of a list.
#[derive(Serialize, ToSchema)]
struct Entry<'a> {
    /// The item.
    item_id: &'a str,
    /// The model's score; comparable within one list.
    score: f64,
    /// From 1.
    #[schema(minimum = 1)]
    rank: u32,
}

impl<'a> Answer<'a> {
    /// The wire form of a decision; with its list if one was asked for.
    pub(super) fn of(decision: &'a Decision, list: bool) -> Self {
        let entry = |i: &'a ListedItem| Entry { item_id: &i.item_id, score: i.score, rank: i.rank };
        Self {
            decision_id: &decision.decision_id,
            experiment: &decision.experiment,
            unit: &decision.unit,
            arm: &decision.arm,
            propensity: decision.propensity,
            scope: &decision.scope,
            epoch: decision.epoch,
            allocation: decision.allocation,
            reason: decision.reason,
            items: list.then(|| decision.items.iter().map(entry).collect()),
        }
    }
}

/// Finds an experiment, or says which there are.
pub(super) fn experiment<'v>(view: &'v dyn Facts, name: &str) -> Result<&'v Experiment, Problem> {
    view.experiment(name).ok_or_else(|| {
        let names: Vec<&str> = view.experiments().iter().map(Experiment::name).collect();
        let hint = format!("the experiments here are: {}", names.join(", "));
        Problem::unknown("unknown_experiment", format!("there is no experiment {name:?}"), &hint)
    })
}

/// Draws the arm of a unit: id, time, the vector that was drawn from, and the posterior at this moment.
pub(super) fn draw(doors: &Doors, overlay: &Overlay, experiment: &Experiment, unit: &str) -> Decision {
    let now = doors.clock.now();
    let mut text = uuid::Uuid::encode_buffer();
    let id = &*doors.ids.next(now).hyphenated().encode_lower(&mut text);
    let request = AssignRequest { unit, decision_id: id, now };
    experiment.assign(&request, overlay).into_decision(experiment.name(), &request)
}

/// Lets the baseline answer instead, for a reason; it is no draw, so its propensity is 1.
pub(super) fn to_baseline(overlay: &Overlay, decision: &mut Decision, experiment: &Experiment, reason: Reason) {
    let choice = experiment.unlogged(overlay);
    decision.arm = choice.arm_name;
    decision.propensity = choice.propensity;
    decision.arms = choice.vector;
    decision.reason = reason;
}

/// Puts the decision into the spool to the decision log. False when the spool is full: then it is not logged.
#[must_use]
pub(super) fn log(doors: &Doors, decision: &Decision) -> bool {
    let event = Event::Decision(Box::new(decision.clone()));
    let record = Outgoing {
        topic: doors.topics.decisions.clone(),
        key: Some(Bytes::copy_from_slice(decision.unit.as_bytes())),
        payload: Some(Bytes::from(codec::encode(&event))),
        headers: Vec::new(),
        timestamp: Some(decision.time),
    };
    doors.sink.spool(record).is_ok()
}

/// Counts an answered decision.
pub(super) fn count(hall: &Hall, decision: &Decision) {
    hall.doors.meter.decided(&decision.experiment, &decision.arm, decision.propensity, decision.reason);
}

/// The time at which something is read, as the wire has it.
pub(super) fn time_text(time: Time) -> Option<String> {
    (time != Time::NEVER).then(|| time.to_rfc3339())
}
