//! What there is to show. Members that a server does not tell are absent, so an older or newer server can be watched.

use serde::{Deserialize, Serialize};

/// One look at a running instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Facts {
    /// Where the instance stands.
    pub(super) phase: String,
    /// One plain sentence beside it.
    pub(super) detail: String,
    /// How much of the phase is done, 0 to 1.
    pub(super) progress: f64,
    /// Records in the log after the last one processed.
    pub(super) lag: u64,
    /// Log time of the newest view.
    pub(super) log_time: Option<String>,
    /// Records read so far; `None` where the server does not tell.
    pub(super) events: Option<u64>,
    /// Those that were rejected.
    pub(super) rejected: Option<u64>,
    /// Events a second, measured between two looks.
    pub(super) events_per_second: Option<f64>,
    /// Decisions a second, measured between two looks.
    pub(super) decisions_per_second: Option<f64>,
    /// The experiments, in the order of the configuration.
    pub(super) experiments: Vec<Experiment>,
    /// The models.
    pub(super) models: Vec<Model>,
    /// The newest decisions, newest first; `None` where the server does not tell.
    pub(super) decisions: Option<Vec<Decision>>,
}

/// One experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Experiment {
    pub(super) name: String,
    pub(super) verdict: String,
    pub(super) baseline: String,
    pub(super) arms: Vec<Arm>,
}

/// One arm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Arm {
    pub(super) arm: String,
    pub(super) state: String,
    pub(super) share: f64,
    pub(super) probability_best: f64,
    pub(super) mean: f64,
    pub(super) lower: Option<f64>,
    pub(super) upper: Option<f64>,
    pub(super) decisions: u64,
}

/// One model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Model {
    pub(super) model: String,
    pub(super) scored: u64,
    pub(super) recall_at_10: f64,
    pub(super) log_loss: Option<f64>,
    pub(super) auc: Option<f64>,
}

/// One decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Decision {
    pub(super) time: String,
    pub(super) unit: String,
    pub(super) arm: String,
    pub(super) propensity: f64,
    pub(super) reason: String,
    pub(super) state: String,
}

impl Facts {
    /// Decisions of all arms so far.
    pub(super) fn decided(&self) -> u64 {
        self.experiments.iter().flat_map(|e| &e.arms).map(|arm| arm.decisions).sum()
    }

    /// Fills in the rates from an earlier look, `seconds` ago. A server that was started anew counts anew: no rate then.
    pub(super) fn rates_since(&mut self, before: &Self, seconds: f64) {
        let rate = |now: u64, then: u64| now.checked_sub(then).map(|n| n as f64 / seconds);
        if seconds > 0.0 {
            self.events_per_second = self.events.zip(before.events).and_then(|(now, then)| rate(now, then));
            let known = !self.experiments.is_empty() && !before.experiments.is_empty();
            self.decisions_per_second = known.then(|| rate(self.decided(), before.decided())).flatten();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(events: u64, decisions: u64) -> Facts {
        let arms = vec![Arm { decisions, ..Arm::default() }];
        Facts {
            events: Some(events),
            experiments: vec![Experiment { arms, ..Experiment::default() }],
            ..Facts::default()
        }
    }

    #[test]
    fn rates_are_of_the_time_between() {
        let mut now = at(500, 40);
        now.rates_since(&at(100, 10), 2.0);
        assert_eq!((now.events_per_second, now.decisions_per_second), (Some(200.0), Some(15.0)));
        now.rates_since(&at(900, 10), 2.0);
        assert_eq!(now.events_per_second, None, "it was started anew");
        let mut first = at(1, 1);
        first.rates_since(&Facts::default(), 1.0);
        assert_eq!((first.events_per_second, first.decisions_per_second), (None, None));
    }
}
