//! All that the page shows at one moment. `/v1/experiments` shows the same experiment out of the same view.

use super::super::doors::Doors;
use super::super::dto::{ExperimentView, ModelView};
use super::curves::Curves;
use super::figures::{self, is_rate};
use super::glimpses::Glimpse;
use super::notice::Notice;
use super::pulse::Pulse;
use crate::allocate::{Experiment, Overlay};
use crate::event::Time;
use crate::pipeline::Facts;
use serde::Serialize;

/// One moment of one experiment and the instance around it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Moment {
    /// When it was taken, milliseconds.
    pub(super) time: i64,
    pub(super) phase: &'static str,
    /// What has to be said before any number.
    pub(super) notice: Option<Notice>,
    pub(super) pulse: Pulse,
    /// All experiments by name, in the order of the configuration.
    pub(super) experiments: Vec<String>,
    /// The experiment shown; exactly what `/v1/experiments/{name}` answers.
    pub(super) experiment: Option<ExperimentView>,
    /// How rewards are written: `percent` or `number`.
    pub(super) unit: &'static str,
    /// How long means and intervals have been counted, in seconds.
    pub(super) counted_seconds: f64,
    pub(super) curves: Curves,
    /// Exactly what `/v1/models` answers.
    pub(super) models: Vec<ModelView>,
    /// The newest decisions, and how many came since the moment before that are not shown.
    pub(super) decisions: Vec<Glimpse>,
    pub(super) decisions_hidden: u64,
    /// Another value: fetch the charts anew.
    pub(super) figures_key: u64,
    /// Whether this server takes actions at all.
    pub(super) actions: bool,
}

/// What a moment is made of, beside the view.
pub(super) struct Around<'a> {
    pub(super) doors: &'a Doors,
    /// Taken before the view: a change to an arm is in one of the two at every moment.
    pub(super) overlay: &'a Overlay,
    pub(super) view: Option<&'a dyn Facts>,
    pub(super) now: Time,
    pub(super) pulse: &'a Pulse,
}

impl Moment {
    /// The moment of an experiment; of the instance alone where there is none.
    pub(super) fn of(around: &Around<'_>, experiment: Option<&Experiment>, notice: Option<Notice>) -> Self {
        let Around { doors, overlay, view, now, pulse } = around;
        let models: Vec<ModelView> =
            view.map(|v| v.models().into_iter().map(ModelView::from).collect()).unwrap_or_default();
        let kinds: Vec<String> = models.iter().map(|m| m.model.clone()).collect();
        let shown = view.zip(experiment).map(|(v, e)| ExperimentView::of(v, e, overlay));
        Self {
            time: now.0,
            phase: doors.status.phase().as_str(),
            notice,
            pulse: (*pulse).clone(),
            experiments: view.map_or_else(Vec::new, |v| v.experiments().iter().map(|e| e.name().to_owned()).collect()),
            experiment: shown,
            unit: if experiment.is_some_and(is_rate) { "percent" } else { "number" },
            counted_seconds: experiment.and_then(Experiment::counted_since).map_or(0.0, |(_, span)| span.as_seconds()),
            curves: experiment.map(Curves::of).unwrap_or_default(),
            figures_key: experiment.map_or(0, |e| figures::key(e, &kinds)),
            models,
            decisions: Vec::new(),
            decisions_hidden: 0,
            actions: doors.token.as_ref().is_some_and(|t| !t.is_empty()),
        }
    }
}
