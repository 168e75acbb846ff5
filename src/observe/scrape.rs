//! What is taken from the published view, and from the kernel, at a scrape: gauges of the state as readers see it.

use super::catalogue::Family;
use super::declare::{ARM_STATES, UNKNOWN_TYPE};
use super::metrics::Metrics;
use super::process::ProcessFacts;
use crate::event::Kind;
use crate::pipeline::Facts;

/// State of one arm with changes that the view does not know yet, as its wire form.
pub type StateOf<'a> = &'a dyn Fn(&str, usize) -> &'static str;

impl Metrics {
    /// Sets everything that the view tells: exact totals, arms, models, times.
    pub fn scrape_view(&self, view: &dyn Facts, state_of: StateOf<'_>) {
        self.set(Family::LogTime, &[], view.log_time().0 as f64 / 1000.0);
        let published = view.published().0 as f64 / 1000.0;
        let totals = view.totals();
        for (kind, outcome, n) in totals.events {
            let kind = kind.map_or(UNKNOWN_TYPE, Kind::as_str);
            self.set(Family::StateEvents, &[kind, outcome.as_str()], n as f64);
        }
        for (code, n) in totals.rejected {
            self.set(Family::StateRejected, &[code.as_str()], n as f64);
        }
        self.set(Family::Entities, &["user"], totals.users as f64);
        self.set(Family::Entities, &["item"], totals.items as f64);
        for model in view.models() {
            let kind = model.kind.as_str();
            self.set(Family::ModelMemory, &[kind], model.bytes as f64);
            self.set(Family::ModelView, &[kind], published);
            let scores = [
                ("recall_at_10", Some(model.recall_at_10)),
                ("ndcg_at_10", Some(model.ndcg_at_10)),
                ("mrr", Some(model.mrr)),
                ("log_loss", model.log_loss),
                ("auc", model.auc),
            ];
            for (metric, value) in scores.into_iter().filter_map(|(m, v)| Some((m, v?))) {
                self.set(Family::ModelProgressive, &[kind, metric], value);
            }
        }
        for experiment in view.experiments() {
            self.set(Family::SampleRatio, &[experiment.name()], experiment.ratio_p_value());
            for arm in 0..experiment.arms().len() {
                self.scrape_arm(view, experiment.name(), arm, state_of);
            }
        }
    }

    fn scrape_arm(&self, view: &dyn Facts, name: &str, arm: usize, state_of: StateOf<'_>) {
        let Some(experiment) = view.experiment(name) else { return };
        let labels = [name, experiment.arms()[arm].name.as_str()];
        let tally = view.tally(labels[0], labels[1]);
        self.set(Family::StateDecisions, &labels, tally.decisions as f64);
        self.set(Family::StateAssignments, &labels, tally.assignments as f64);
        self.set(Family::StateRewards, &labels, tally.rewards as f64);
        self.set(Family::StateExpired, &labels, tally.expired as f64);
        self.set(Family::StatePending, &labels, tally.pending as f64);
        self.set(Family::StateReward, &labels, tally.reward_sum);
        let state = state_of(name, arm);
        for other in ARM_STATES {
            self.set(Family::ArmState, &[labels[0], labels[1], other], f64::from(u8::from(other == state)));
        }
        let summary = experiment.summary(arm);
        let share = experiment.allocation().shares.get(arm).copied().unwrap_or(0.0);
        let living = [
            (Family::ArmShare, Some(share)),
            (Family::ArmBest, Some(summary.probability_best)),
            (Family::ArmMean, Some(summary.posterior_mean)),
            (Family::ArmStddev, Some(summary.stddev)),
            (Family::ArmLower, summary.lower),
            (Family::ArmUpper, summary.upper),
        ];
        for (family, value) in living {
            match value.filter(|_| state != "retired") {
                Some(value) => self.set(family, &labels, value),
                // An arm that has left keeps its exact counts and loses what would only mislead.
                None => self.forget(family, &labels),
            }
        }
    }

    /// Sets the `process_*` numbers.
    pub fn scrape_process(&self) {
        let Some(facts) = ProcessFacts::read() else { return };
        self.raise(Family::ProcessCpu, &[], facts.cpu_seconds);
        self.set(Family::ProcessResident, &[], facts.resident_bytes);
        self.set(Family::ProcessVirtual, &[], facts.virtual_bytes);
        self.set(Family::ProcessOpenFds, &[], facts.open_fds);
        self.set(Family::ProcessMaxFds, &[], facts.max_fds);
        self.set(Family::ProcessThreads, &[], facts.threads);
        self.set(Family::ProcessStart, &[], facts.start_time_seconds);
    }
}
