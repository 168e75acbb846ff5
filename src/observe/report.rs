//! What a step did, as counters. The report speaks in numbers of experiments and arms; readers get names.

use super::catalogue::Family;
use super::declare::UNKNOWN_TYPE;
use super::metrics::{Metrics, OTHER};
use crate::event::Kind;
use crate::pipeline::Report;

/// Names for the numbers in a report.
pub trait ReportNames {
    /// An experiment's name.
    fn experiment(&self, experiment: u16) -> Option<&str>;

    /// An arm's name.
    fn arm(&self, experiment: u16, arm: u16) -> Option<&str>;

    /// The kinds of all models.
    fn models(&self) -> Vec<&str>;
}

impl Metrics {
    /// Counts a step. `replayed`: its records were processed before, by a process that is gone.
    pub fn step(&self, report: &Report, names: &dyn ReportNames, replayed: bool) {
        self.step_events(report);
        self.step_rewards(report, names);
        for model in names.models() {
            self.count(Family::ModelExamples, &[model], report.examples);
            self.count(Family::ModelUpdates, &[model], report.examples);
        }
        for (model, n) in &report.non_finite {
            self.count(Family::ModelNonfinite, &[model], *n);
        }
        for (model, n) in &report.clipped {
            self.count(Family::ModelClipped, &[model], *n);
        }
        for violation in &report.violations {
            self.count(Family::Violations, &[violation.invariant.number()], 1);
            tracing::error!(
                invariant = violation.invariant.number(),
                found = violation.detail,
                "an invariant is broken"
            );
        }
        if replayed {
            self.count(Family::Replayed, &[], report.records);
        }
    }

    fn step_events(&self, report: &Report) {
        for ((kind, outcome), n) in &report.events {
            self.count(Family::Events, &[kind.map_or(UNKNOWN_TYPE, Kind::as_str), outcome.as_str()], *n);
        }
        for (kind, delay) in &report.delays {
            self.observe(Family::EventDelay, &[kind.as_str()], delay.as_seconds());
        }
    }

    fn step_rewards(&self, report: &Report, names: &dyn ReportNames) {
        for ((experiment, outcome), n) in &report.feedback {
            // Without a known decision there is no experiment to count it under.
            let experiment = if experiment.is_empty() { OTHER } else { experiment };
            self.count(Family::Feedback, &[experiment, outcome.as_str()], *n);
        }
        for (&(experiment, arm), part) in &report.arms {
            let labels = [names.experiment(experiment).unwrap_or(OTHER), names.arm(experiment, arm).unwrap_or(OTHER)];
            self.count(Family::Rewards, &labels, part.rewards);
            self.count(Family::Overrides, &labels, part.overrides);
            self.count(Family::LeftOut, &labels, part.left_out);
        }
        for (experiment, delay) in &report.reward_delays {
            self.observe(Family::RewardDelay, &[names.experiment(*experiment).unwrap_or(OTHER)], delay.as_seconds());
        }
        self.count(Family::NotAdmitted, &[], report.not_admitted);
        self.count(Family::Forgotten, &["user"], report.forgotten_users);
        self.count(Family::Forgotten, &["item"], report.forgotten_items);
        self.count(Family::UnknownFields, &[], report.unknown_fields);
        if report.refused.is_some() {
            self.count(Family::CommandsRefused, &[], 1);
        }
    }

    /// Counts records that were read from a topic, with the bytes of their keys and values.
    pub fn consumed(&self, topic: &str, records: u64, bytes: u64) {
        self.count(Family::KafkaConsumed, &[topic], records);
        self.count(Family::KafkaConsumedBytes, &[topic], bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Span;
    use crate::pipeline::{ArmReport, EventOutcome, FeedbackOutcome, Invariant, Violation};

    struct Shop;

    impl ReportNames for Shop {
        fn experiment(&self, experiment: u16) -> Option<&str> {
            (experiment == 0).then_some("home")
        }
        fn arm(&self, experiment: u16, arm: u16) -> Option<&str> {
            ["popularity", "mf"].get(usize::from(arm)).copied().filter(|_| experiment == 0)
        }
        fn models(&self) -> Vec<&str> {
            vec!["mf"]
        }
    }

    #[test]
    fn every_number_of_a_report_is_counted_once() {
        let mut report = Report { records: 5, unknown_fields: 2, examples: 4, not_admitted: 1, ..Report::default() };
        report.events.insert((Some(Kind::Interaction), EventOutcome::Accepted), 4);
        report.events.insert((None, EventOutcome::Rejected), 1);
        report.feedback.insert((String::new(), FeedbackOutcome::Unmatched), 2);
        report.feedback.insert(("home".to_owned(), FeedbackOutcome::Credited), 3);
        report.arms.insert((0, 1), ArmReport { rewards: 3, overrides: 1, ..ArmReport::default() });
        report.arms.insert((7, 0), ArmReport { rewards: 1, ..ArmReport::default() });
        report.reward_delays.push((0, Span::seconds(2)));
        report.delays.push((Kind::Interaction, Span(20)));
        report.non_finite.insert("mf".to_owned(), 1);
        report.clipped.insert("mf".to_owned(), 3);
        report.refused = Some("no such arm".to_owned());
        report.violations.push(Violation { invariant: Invariant::Ob1, detail: "on purpose".to_owned() });
        let metrics = Metrics::default();
        metrics.step(&report, &Shop, false);
        metrics.step(&Report { records: 9, ..Report::default() }, &Shop, true);
        let text = metrics.render();
        for line in [
            "reiver_events_total{outcome=\"accepted\",type=\"interaction\"} 4",
            "reiver_events_total{outcome=\"rejected\",type=\"unknown\"} 1",
            "reiver_feedback_total{experiment=\"home\",outcome=\"credited\"} 3",
            "reiver_feedback_total{experiment=\"other\",outcome=\"unmatched\"} 2",
            "reiver_rewards_total{arm=\"mf\",experiment=\"home\"} 3",
            "reiver_rewards_total{arm=\"other\",experiment=\"other\"} 1",
            "reiver_decision_overrides_total{arm=\"mf\",experiment=\"home\"} 1",
            "reiver_reward_delay_seconds_count{experiment=\"home\"} 1",
            "reiver_event_delay_seconds_count{type=\"interaction\"} 1",
            "reiver_model_examples_total{model=\"mf\"} 4",
            "reiver_model_nonfinite_updates_total{model=\"mf\"} 1",
            "reiver_model_clipped_vectors_total{model=\"mf\"} 3",
            "reiver_unknown_fields_total 2",
            "reiver_entities_not_admitted_total 1",
            "reiver_commands_refused_total 1",
            "reiver_invariant_violations_total{invariant=\"OB-1\"} 1",
            "reiver_replayed_events_total 9",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}
