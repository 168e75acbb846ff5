//! Recent decisions, as few a second as an eye can follow; each opens into its explanation.

use super::super::decision::time_text;
use crate::event::{DecisionKey, Time};
use crate::pipeline::{DecisionState, Facts};
use serde::Serialize;
use serde_json::Value;
use std::collections::VecDeque;

/// Decisions shown.
const SHOWN: usize = 12;
/// New ones a second at most.
const NEW: usize = 3;

/// One decision in one line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Glimpse {
    pub(super) decision_id: String,
    pub(super) time: String,
    pub(super) unit: String,
    pub(super) arm: String,
    pub(super) propensity: f64,
    pub(super) reason: String,
    /// Items in its list.
    pub(super) items: usize,
    pub(super) state: &'static str,
    pub(super) reward: f64,
    /// When it closes, or has closed.
    pub(super) closes: Option<String>,
    #[serde(skip)]
    key: DecisionKey,
}

/// The decisions shown for one experiment.
#[derive(Clone, Debug, Default)]
pub(super) struct Glimpses {
    shown: VecDeque<Glimpse>,
    read: u64,
    /// Decisions since the last look that are not shown.
    pub(super) hidden: u64,
}

impl Glimpses {
    /// Takes in some of the newest decisions of an experiment, and what became of those that are shown.
    pub(super) fn look(&mut self, view: &dyn Facts, experiment: &str, read: u64) {
        for glimpse in &mut self.shown {
            if glimpse.state == DecisionState::Pending.as_str() {
                glimpse.follow(view);
            }
        }
        let mut fresh = Vec::new();
        for key in view.newest(SHOWN) {
            if self.shown.iter().any(|g| g.key == key) {
                break;
            }
            fresh.extend(Glimpse::of(view, key, experiment));
            if fresh.len() == NEW {
                break;
            }
        }
        let came = read.saturating_sub(self.read);
        self.hidden = if self.read == 0 { 0 } else { came.saturating_sub(fresh.len() as u64) };
        self.read = read;
        for glimpse in fresh.into_iter().rev() {
            self.shown.push_front(glimpse);
        }
        self.shown.truncate(SHOWN);
    }

    /// Newest first.
    pub(super) fn shown(&self) -> Vec<Glimpse> {
        self.shown.iter().cloned().collect()
    }
}

impl Glimpse {
    /// A decision of this experiment; `None` for another's, or one whose record is gone.
    fn of(view: &dyn Facts, key: DecisionKey, experiment: &str) -> Option<Self> {
        let trace = view.decision(key)?;
        let logged: Value = serde_json::from_slice(&trace.logged).ok()?;
        let text = |name: &str| logged[name].as_str().unwrap_or_default().to_owned();
        (text("experiment") == experiment).then(|| Self {
            decision_id: text("decision_id"),
            time: text("event_time"),
            unit: text("unit"),
            arm: text("arm"),
            propensity: logged["propensity"].as_f64().unwrap_or(0.0),
            reason: text("reason"),
            items: logged["items"].as_array().map_or(0, Vec::len),
            state: trace.state.as_str(),
            reward: trace.reward,
            closes: trace.closes.and_then(time_text),
            key,
        })
    }

    fn follow(&mut self, view: &dyn Facts) {
        if let Some(trace) = view.decision(self.key) {
            self.state = trace.state.as_str();
            self.reward = trace.reward;
            self.closes = trace.closes.filter(|t| *t != Time::NEVER).and_then(time_text);
        }
    }
}
