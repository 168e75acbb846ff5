//! Every metric family there is: one list, from which the registry, the inventory test and the dashboards' test read.
//!
//! Naming: prefix `reiver_`, base units, `_total` on counters, timestamps instead of ages. Labels never hold ids of
//! users, items, sessions or decisions. `state_*` gauges are exact totals out of the state (the same after a restart);
//! counters tell what this process did.

/// What a family measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution over these bucket edges (an infinite one is added).
    Histogram(&'static [f64]),
}

/// HTTP latency: the 25 ms objective is an edge.
const LATENCY: &[f64] =
    &[0.00005, 0.0001, 0.00025, 0.0005, 0.0015, 0.0025, 0.005, 0.0125, 0.025, 0.05, 0.25, 1.5, 10.5];
/// From event to log, and from record to served model: the 5 s objective is the edge 5.001.
const DELAY: &[f64] = &[0.005, 0.025, 0.05, 0.1, 0.25, 0.5, 1.001, 5.001, 15.001, 60.001, 300.001, 3600.001, 86400.001];
/// From decision to reward.
const REWARD_DELAY: &[f64] = &[0.1, 0.5, 1.5, 5.5, 15.5, 60.5, 300.5, 900.5, 1800.5, 3600.5, 21600.5, 86400.5];
/// One model through one cut.
const UPDATE: &[f64] = &[0.0001, 0.00025, 0.0005, 0.0015, 0.0025, 0.005, 0.0125, 0.025, 0.05, 0.25, 1.5, 10.5];
/// Propensities.
const SHARE: &[f64] = &[0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95];
/// Checkpoints.
const CHECKPOINT: &[f64] = &[0.005, 0.025, 0.1, 0.25, 0.5, 1.5, 2.5, 5.5, 10.5, 30.5];

macro_rules! families {
    ($($variant:ident $name:literal $shape:expr, [$($label:literal),*], $help:literal;)*) => {
        /// A metric family.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Family {
            $(#[doc = $help] $variant,)*
        }

        impl Family {
            /// All families, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The full name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it measures.
            #[must_use]
            pub const fn shape(self) -> Shape {
                match self { $(Self::$variant => $shape,)* }
            }

            /// Its labels.
            #[must_use]
            pub const fn labels(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($label,)*],)* }
            }

            /// The sentence beside it.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }
        }
    };
}

use Shape::{Counter, Gauge, Histogram};

families! {
    KafkaConsumed "reiver_kafka_messages_consumed_total" Counter, ["topic"], "Records read from Kafka, also those read again.";
    KafkaConsumedBytes "reiver_kafka_consumed_bytes_total" Counter, ["topic"], "Bytes of keys and values read from Kafka.";
    KafkaLag "reiver_kafka_consumer_lag_messages" Gauge, ["topic", "partition"], "Records in the log after the last one processed.";
    KafkaAssigned "reiver_kafka_assigned_partitions" Gauge, ["topic"], "Partitions being read.";
    KafkaRebalances "reiver_kafka_rebalances_total" Counter, ["kind"], "Changes of ownership of the control partition.";
    KafkaCommits "reiver_kafka_commits_total" Counter, ["outcome"], "Commits of positions, after a durable checkpoint.";
    KafkaProduced "reiver_kafka_messages_produced_total" Counter, ["topic", "outcome"], "Records written to Kafka.";
    KafkaErrors "reiver_kafka_errors_total" Counter, ["code"], "Errors that the Kafka client reported.";
    KafkaResent "reiver_kafka_spool_resent_total" Counter, [], "Spooled records that were sent again.";
    KafkaDropped "reiver_kafka_spool_dropped_total" Counter, [], "Spooled records that the brokers refuse for good.";
    KafkaRebuilt "reiver_kafka_producers_rebuilt_total" Counter, [], "Producers built anew after a fatal error.";
    KafkaAppended "reiver_kafka_control_appended_total" Counter, [], "Control records committed.";
    KafkaAppendRetries "reiver_kafka_control_retries_total" Counter, [], "Commits of control records that had to be tried again.";
    Events "reiver_events_total" Counter, ["type", "outcome"], "Records processed by this process.";
    EventRejects "reiver_event_rejects_total" Counter, ["source", "code"], "Records rejected, by source and reason.";
    DeadLetters "reiver_dead_letters_total" Counter, ["topic", "code"], "Records copied to the dead letters, by source topic.";
    EventDelay "reiver_event_delay_seconds" Histogram(DELAY), ["type"], "Log time at which an event was read, less event time.";
    Freshness "reiver_freshness_seconds" Histogram(DELAY), ["model"], "From a cut's log time to the published view that learned it.";
    Phase "reiver_phase" Gauge, ["phase"], "1 for the phase the instance is in.";
    LogTime "reiver_log_time_timestamp_seconds" Gauge, [], "Log time of the published view.";
    QueueDepth "reiver_queue_depth" Gauge, ["stage"], "Entries waiting in a bounded queue.";
    QueueCapacity "reiver_queue_capacity" Gauge, ["stage"], "Bound of that queue.";
    Backpressure "reiver_backpressure_seconds_total" Counter, ["stage"], "Time for which a full queue held something up: reading (inputs), or learning (spool).";
    ModelUpdates "reiver_model_updates_total" Counter, ["model"], "Updates that changed a model.";
    ModelUpdateDuration "reiver_model_update_duration_seconds" Histogram(UPDATE), ["model"], "Time in which a model scored and learned one cut.";
    ModelProgressive "reiver_model_progressive_loss" Gauge, ["model", "metric"], "Progressive validation: predicted first, learned after.";
    ModelExamples "reiver_model_examples_total" Counter, ["model"], "Examples learned by this process.";
    ModelClipped "reiver_model_clipped_vectors_total" Counter, ["model"], "Vectors that grew too long and were cut back.";
    ModelNonfinite "reiver_model_nonfinite_updates_total" Counter, ["model"], "Updates skipped because a gradient was not finite.";
    Entities "reiver_entities" Gauge, ["kind"], "Users and items known to all models.";
    ModelMemory "reiver_model_memory_bytes" Gauge, ["model"], "Bytes held by a model's tables.";
    ModelView "reiver_model_view_timestamp_seconds" Gauge, ["model"], "When the view that serves was published.";
    Decisions "reiver_decisions_total" Counter, ["experiment", "arm"], "Decisions answered by this process.";
    DecisionPropensity "reiver_decision_propensity" Histogram(SHARE), ["experiment"], "Propensity of the arm that answered.";
    ArmShare "reiver_arm_traffic_share_ratio" Gauge, ["experiment", "arm"], "Share in the newest allocation.";
    ArmBest "reiver_arm_probability_best_ratio" Gauge, ["experiment", "arm"], "Probability of being the best arm.";
    ArmMean "reiver_arm_posterior_mean" Gauge, ["experiment", "arm"], "Posterior mean of the capped reward per assignment.";
    ArmStddev "reiver_arm_posterior_stddev" Gauge, ["experiment", "arm"], "Standard deviation of that posterior.";
    ArmLower "reiver_arm_reward_lower" Gauge, ["experiment", "arm"], "Lower end of the interval around the mean reward, valid at all times at once.";
    ArmUpper "reiver_arm_reward_upper" Gauge, ["experiment", "arm"], "Upper end of the interval around the mean reward, valid at all times at once.";
    Rewards "reiver_rewards_total" Counter, ["experiment", "arm"], "Rewards credited by this process.";
    Feedback "reiver_feedback_total" Counter, ["experiment", "outcome"], "Rewards and feedback read, by what became of them.";
    Overrides "reiver_decision_overrides_total" Counter, ["experiment", "arm"], "Decisions of a unit that already had another arm in the epoch.";
    LeftOut "reiver_decisions_left_out_total" Counter, ["experiment", "arm"], "Decisions read when the table of open ones was full.";
    NotAdmitted "reiver_entities_not_admitted_total" Counter, [], "Users or items that were not taken: the directory is crowded and they are seldom seen.";
    Forgotten "reiver_entities_forgotten_total" Counter, ["kind"], "Users and items whose slot was given back: idle for a year, or longest untouched when the directory was full.";
    UnknownFields "reiver_unknown_fields_total" Counter, [], "Fields of events that no schema names.";
    CommandsRefused "reiver_commands_refused_total" Counter, [], "Commands read from the control topic that could not be applied.";
    RewardDelay "reiver_reward_delay_seconds" Histogram(REWARD_DELAY), ["experiment"], "From a decision to its first reward.";
    SampleRatio "reiver_sample_ratio_mismatch_pvalue" Gauge, ["experiment"], "How well assignments agree with their logged propensities: a p-value, valid at all times at once.";
    ArmState "reiver_arm_state" Gauge, ["experiment", "arm", "state"], "1 for the state an arm is in.";
    StateDecisions "reiver_state_decisions" Gauge, ["experiment", "arm"], "Exact: decisions read.";
    StateAssignments "reiver_state_assignments" Gauge, ["experiment", "arm"], "Exact: assignments matured.";
    StateRewards "reiver_state_rewards" Gauge, ["experiment", "arm"], "Exact: decisions with a reward.";
    StateReward "reiver_state_reward" Gauge, ["experiment", "arm"], "Exact: sum of rewards credited, in reward units.";
    StateExpired "reiver_state_expired" Gauge, ["experiment", "arm"], "Exact: decisions closed without a reward.";
    StatePending "reiver_state_pending" Gauge, ["experiment", "arm"], "Exact: decisions still open.";
    StateEvents "reiver_state_events" Gauge, ["type", "outcome"], "Exact: records read.";
    StateRejected "reiver_state_rejected" Gauge, ["code"], "Exact: records rejected, by reason.";
    HttpRequests "reiver_http_requests_total" Counter, ["route", "method", "code"], "HTTP requests answered.";
    HttpDuration "reiver_http_request_duration_seconds" Histogram(LATENCY), ["route", "method"], "From the request's head to its answer.";
    HttpInFlight "reiver_http_requests_in_flight" Gauge, [], "HTTP requests being answered.";
    HttpConnections "reiver_http_connections" Gauge, [], "Open HTTP connections.";
    SseClients "reiver_sse_clients" Gauge, [], "Clients that follow the stream of changes.";
    HttpRefused "reiver_http_connections_refused_total" Counter, [], "Connections refused because too many were open.";
    Fallbacks "reiver_fallbacks_total" Counter, ["reason"], "Decisions that the draw did not make, by reason.";
    CheckpointDuration "reiver_checkpoint_duration_seconds" Histogram(CHECKPOINT), [], "Time a checkpoint took.";
    CheckpointBytes "reiver_checkpoint_bytes" Gauge, [], "Size of the newest checkpoint.";
    CheckpointLast "reiver_checkpoint_last_success_timestamp_seconds" Gauge, [], "When the newest checkpoint was durable.";
    CheckpointFailures "reiver_checkpoint_failures_total" Counter, ["reason"], "Checkpoints that failed.";
    Replayed "reiver_replayed_events_total" Counter, [], "Records processed again after a restart.";
    Violations "reiver_invariant_violations_total" Counter, ["invariant"], "Breaches of a numbered invariant: always 0.";
    SeriesDropped "reiver_metrics_series_dropped_total" Counter, ["family"], "Updates to series beyond the budget.";
    BuildInfo "reiver_build_info" Gauge, ["version", "revision"], "1, with the build in its labels.";
    ConfigInfo "reiver_config_info" Gauge, ["hash"], "1, with the hash of the configuration.";
    ProcessCpu "process_cpu_seconds_total" Counter, [], "CPU time, user and system.";
    ProcessResident "process_resident_memory_bytes" Gauge, [], "Resident memory.";
    ProcessVirtual "process_virtual_memory_bytes" Gauge, [], "Virtual memory.";
    ProcessOpenFds "process_open_fds" Gauge, [], "Open file descriptors.";
    ProcessMaxFds "process_max_fds" Gauge, [], "Limit of open file descriptors.";
    ProcessThreads "process_threads" Gauge, [], "Threads.";
    ProcessStart "process_start_time_seconds" Gauge, [], "When the process started.";
}

impl Family {
    /// Exposed series that one label set of this family costs.
    #[must_use]
    pub const fn cost(self) -> usize {
        match self.shape() {
            Counter | Gauge => 1,
            Histogram(edges) => edges.len() + 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules() {
        let mut seen = std::collections::BTreeSet::new();
        for family in Family::ALL {
            let name = family.name();
            assert!(seen.insert(name), "{name} stands twice");
            assert!(name.starts_with("reiver_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), family.shape() == Counter, "{name}: _total is for counters");
            for unit in ["_ms", "_millis", "_percent", "_kb", "_mb", "_minutes"] {
                assert!(!name.contains(unit), "{name}: base units only");
            }
            assert!(family.help().ends_with('.'), "{name}");
            for label in family.labels() {
                assert!(!["user", "user_id", "item_id", "session_id", "decision_id", "unit", "le"].contains(label));
            }
        }
    }

    #[test]
    fn bucket_edges_grow_and_are_not_whole_numbers() {
        for family in Family::ALL {
            if let Histogram(edges) = family.shape() {
                assert!(edges.windows(2).all(|w| w[0] < w[1]), "{}", family.name());
                assert!((10..=14).contains(&edges.len()), "{}", family.name());
                // Newer Prometheus rewrites "1" to "1.0" in `le`; rules that match edges need fractional ones.
                assert!(edges.iter().all(|e| e.fract() != 0.0), "{}", family.name());
            }
        }
    }
}
