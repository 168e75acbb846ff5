//! The label sets that are known at start: each exists at zero from then on, so that `rate()` misses no increment.

use super::catalogue::Family;
use super::metrics::{Metrics, OTHER};
use crate::event::{Code, Kind, Reason};
use crate::pipeline::{EventOutcome, FeedbackOutcome};

/// The type label of a record that was rejected before its type was known.
pub const UNKNOWN_TYPE: &str = "unknown";

/// The stages whose queues are watched.
pub const STAGES: [&str; 2] = ["inputs", "spool"];

/// Kinds of things that models know.
pub const ENTITIES: [&str; 2] = ["user", "item"];

/// The numbered invariants of the architecture.
pub const INVARIANTS: [&str; 17] = [
    "OB-1", "JO-1", "JO-2", "JO-3", "RE-1", "LE-1", "LE-2", "LE-3", "AL-1", "AL-2", "AL-3", "AL-4", "AL-5", "CU-1",
    "CK-1", "CK-2", "VW-1",
];

/// States an arm can be in.
pub const ARM_STATES: [&str; 4] = ["live", "paused", "retired", "tripped"];

/// Status codes that our answers have.
pub const HTTP_CODES: [u16; 15] = [200, 304, 400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503, 504];

/// Progressive scores of a model.
pub const PROGRESSIVE: [&str; 5] = ["recall_at_10", "ndcg_at_10", "mrr", "log_loss", "auc"];

/// Outcomes of a write to Kafka.
pub const WRITES: [&str; 4] = ["delivered", "unknown", "refused", "full"];

/// Names of one instance that become label values. Every list is closed at start but arms, which may be added later.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Version of the program.
    pub version: String,
    /// Revision it was built from, empty if not known.
    pub revision: String,
    /// Hash of the configuration.
    pub config_hash: String,
    /// Topics that are read.
    pub inputs: Vec<String>,
    /// Topics that are written.
    pub outputs: Vec<String>,
    /// Kinds of models.
    pub models: Vec<String>,
    /// Experiments with their arms.
    pub experiments: Vec<(String, Vec<String>)>,
    /// HTTP route templates with their methods.
    pub routes: Vec<(String, String)>,
    /// Phases of an instance.
    pub phases: Vec<&'static str>,
}

impl Metrics {
    /// Creates every label set that the names and the closed sets make, at zero; the most needed ones first, since
    /// what is beyond the budget is dropped.
    pub fn declare(&self, names: &Names) {
        for phase in &names.phases {
            self.touch(Family::Phase, &[phase]);
        }
        self.set(Family::BuildInfo, &[&names.version, &names.revision], 1.0);
        self.set(Family::ConfigInfo, &[&names.config_hash], 1.0);
        self.declare_events();
        for model in &names.models {
            self.declare_model(model);
        }
        for topic in &names.inputs {
            self.declare_input(topic);
        }
        for topic in &names.outputs {
            for outcome in WRITES {
                self.touch(Family::KafkaProduced, &[topic, outcome]);
            }
        }
        for (route, method) in names.routes.iter().map(|(r, m)| (r.as_str(), m.as_str())).chain([(OTHER, OTHER)]) {
            self.touch(Family::HttpDuration, &[route, method]);
            for code in HTTP_CODES {
                self.touch(Family::HttpRequests, &[route, method, &code.to_string()]);
            }
        }
        for outcome in FeedbackOutcome::ALL {
            self.touch(Family::Feedback, &[OTHER, outcome.as_str()]);
        }
        for (experiment, arms) in &names.experiments {
            self.declare_experiment(experiment);
            for arm in arms {
                self.declare_arm(experiment, arm);
            }
        }
    }

    fn declare_events(&self) {
        for outcome in EventOutcome::ALL {
            for kind in Kind::ALL.map(Kind::as_str).into_iter().chain([UNKNOWN_TYPE]) {
                self.touch(Family::Events, &[kind, outcome.as_str()]);
                self.touch(Family::StateEvents, &[kind, outcome.as_str()]);
            }
        }
        for kind in Kind::ALL {
            self.touch(Family::EventDelay, &[kind.as_str()]);
        }
        for code in Code::ALL {
            self.touch(Family::StateRejected, &[code.as_str()]);
        }
        for invariant in INVARIANTS {
            self.touch(Family::Violations, &[invariant]);
        }
        for reason in Reason::ALL.into_iter().filter(|r| *r != Reason::Assigned) {
            self.touch(Family::Fallbacks, &[reason.as_str()]);
        }
        for stage in STAGES {
            self.touch(Family::QueueDepth, &[stage]);
            self.touch(Family::QueueCapacity, &[stage]);
            self.touch(Family::Backpressure, &[stage]);
        }
        for kind in ENTITIES {
            self.touch(Family::Entities, &[kind]);
            self.touch(Family::Forgotten, &[kind]);
        }
        for reason in ["disk_full", "unsent", "other"] {
            self.touch(Family::CheckpointFailures, &[reason]);
        }
        for kind in ["gained", "lost", "fenced"] {
            self.touch(Family::KafkaRebalances, &[kind]);
        }
        for outcome in ["sent", "failed"] {
            self.touch(Family::KafkaCommits, &[outcome]);
        }
        for code in ["all_brokers_down", "broker_transport_failure", "resolve", "fatal", OTHER] {
            self.touch(Family::KafkaErrors, &[code]);
        }
    }

    fn declare_model(&self, model: &str) {
        for family in [
            Family::Freshness,
            Family::ModelUpdates,
            Family::ModelUpdateDuration,
            Family::ModelExamples,
            Family::ModelClipped,
            Family::ModelNonfinite,
            Family::ModelMemory,
            Family::ModelView,
        ] {
            self.touch(family, &[model]);
        }
        for metric in PROGRESSIVE {
            self.touch(Family::ModelProgressive, &[model, metric]);
        }
    }

    fn declare_input(&self, topic: &str) {
        self.touch(Family::KafkaConsumed, &[topic]);
        self.touch(Family::KafkaConsumedBytes, &[topic]);
        self.touch(Family::KafkaAssigned, &[topic]);
        for code in Code::ALL {
            self.touch(Family::EventRejects, &[topic, code.as_str()]);
            self.touch(Family::DeadLetters, &[topic, code.as_str()]);
        }
    }

    fn declare_experiment(&self, experiment: &str) {
        self.touch(Family::DecisionPropensity, &[experiment]);
        self.touch(Family::RewardDelay, &[experiment]);
        // Nothing is suspected before the first draw.
        self.set(Family::SampleRatio, &[experiment], 1.0);
        for outcome in FeedbackOutcome::ALL {
            self.touch(Family::Feedback, &[experiment, outcome.as_str()]);
        }
    }

    /// Creates the series of one arm: at start, and when an arm is added.
    pub fn declare_arm(&self, experiment: &str, arm: &str) {
        for family in [
            Family::Decisions,
            Family::Rewards,
            Family::Overrides,
            Family::LeftOut,
            Family::StateDecisions,
            Family::StateAssignments,
            Family::StateRewards,
            Family::StateReward,
            Family::StateExpired,
            Family::StatePending,
            Family::ArmShare,
            Family::ArmBest,
            Family::ArmMean,
            Family::ArmStddev,
            Family::ArmLower,
            Family::ArmUpper,
        ] {
            self.touch(family, &[experiment, arm]);
        }
        for state in ARM_STATES {
            self.touch(Family::ArmState, &[experiment, arm, state]);
        }
    }
}
