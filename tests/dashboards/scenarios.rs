//! Which alerts go together: one table, from which promtool's scenarios and the table in docs/operations.md are made.
//! `REIVER_BLESS=1` writes the files in dashboards/prometheus/tests anew.

use super::files::{at, read};
use super::rules;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A fault: what differs from a healthy hour and a half (values by the minute), and what must fire at its end.
struct Scenario {
    /// What happened, in words of the operations page.
    fault: &'static str,
    /// Series that differ, or come in addition.
    changes: &'static [(&'static str, &'static str)],
    /// The alerts that fire, and no other.
    alerts: &'static [&'static str],
}

/// An instance and its shop in good health; one sample a minute.
const HEALTHY: &[(&str, &str)] = &[
    (r#"up{job="reiver"}"#, "1x90"),
    (r#"process_start_time_seconds{job="reiver"}"#, "1x90"),
    (r#"reiver_phase{job="reiver",phase="live"}"#, "1x90"),
    (r#"reiver_phase{job="reiver",phase="kafka_away"}"#, "0x90"),
    (r#"reiver_http_requests_total{job="reiver",route="/v1/decide",method="POST",code="200"}"#, "0+6000x90"),
    (r#"reiver_http_requests_total{job="reiver",route="/v1/decide",method="POST",code="500"}"#, "0x90"),
    (r#"reiver_http_requests_total{job="reiver",route="/v1/feedback",method="POST",code="200"}"#, "0+600x90"),
    (r#"reiver_http_requests_total{job="reiver",route="/v1/feedback",method="POST",code="503"}"#, "0x90"),
    (r#"reiver_http_requests_total{job="reiver",route="/readyz",method="GET",code="503"}"#, "0+60x90"),
    (r#"reiver_http_request_duration_seconds_bucket{job="reiver",route="/v1/decide",le="0.025"}"#, "0+5990x90"),
    (r#"reiver_http_request_duration_seconds_count{job="reiver",route="/v1/decide"}"#, "0+6000x90"),
    (r#"reiver_freshness_seconds_bucket{job="reiver",model="mf",le="5.001"}"#, "0+1199x90"),
    (r#"reiver_freshness_seconds_count{job="reiver",model="mf"}"#, "0+1200x90"),
    (r#"reiver_feedback_total{job="reiver",experiment="home",outcome="credited"}"#, "0+600x90"),
    (r#"reiver_feedback_total{job="reiver",experiment="other",outcome="unmatched"}"#, "0+3x90"),
    (r#"reiver_kafka_consumer_lag_messages{job="reiver",topic="shop",partition="0"}"#, "20 40 10 30 20x86"),
    (r#"reiver_log_time_timestamp_seconds{job="reiver"}"#, "0+60x90"),
    (r#"reiver_model_view_timestamp_seconds{job="reiver",model="mf"}"#, "0+60x90"),
    (r#"reiver_checkpoint_last_success_timestamp_seconds{job="reiver"}"#, "0+60x90"),
    (r#"reiver_checkpoint_failures_total{job="reiver",reason="disk_full"}"#, "0x90"),
    (r#"reiver_checkpoint_failures_total{job="reiver",reason="other"}"#, "0x90"),
    (r#"reiver_kafka_messages_consumed_total{job="reiver",topic="shop"}"#, "0+6000x90"),
    (r#"reiver_dead_letters_total{job="reiver",topic="shop",code="malformed_json"}"#, "0+60x90"),
    (r#"reiver_model_nonfinite_updates_total{job="reiver",model="mf"}"#, "0x90"),
    (r#"reiver_decisions_total{job="reiver",experiment="home",arm="mf"}"#, "0+4000x90"),
    (r#"reiver_decisions_total{job="reiver",experiment="home",arm="ncf"}"#, "0+2000x90"),
    (r#"reiver_rewards_total{job="reiver",experiment="home",arm="mf"}"#, "0+400x90"),
    (r#"reiver_rewards_total{job="reiver",experiment="home",arm="ncf"}"#, "0+100x90"),
    (r#"reiver_sample_ratio_mismatch_pvalue{job="reiver",experiment="home"}"#, "1x90"),
    (r#"reiver_arm_traffic_share_ratio{job="reiver",experiment="home",arm="mf"}"#, "0.98x90"),
    (r#"reiver_arm_traffic_share_ratio{job="reiver",experiment="home",arm="ncf"}"#, "0.02x90"),
    (r#"reiver_arm_state{job="reiver",experiment="home",arm="mf",state="live"}"#, "1x90"),
    (r#"reiver_arm_state{job="reiver",experiment="home",arm="ncf",state="live"}"#, "1x90"),
    (r#"reiver_arm_state{job="reiver",experiment="home",arm="ncf",state="tripped"}"#, "0x90"),
    (r#"reiver_invariant_violations_total{job="reiver",invariant="JO-1"}"#, "0x90"),
    (r#"reiver_queue_depth{job="reiver",stage="spool"}"#, "20x90"),
    (r#"reiver_queue_capacity{job="reiver",stage="spool"}"#, "200000x90"),
    (r#"reiver_kafka_messages_produced_total{job="reiver",topic="reiver.decisions",outcome="delivered"}"#, "0+6000x90"),
    (r#"reiver_kafka_messages_produced_total{job="reiver",topic="reiver.decisions",outcome="full"}"#, "0x90"),
    (r#"reiver_fallbacks_total{job="reiver",reason="spool_full"}"#, "0x90"),
    (r#"reiver_fallbacks_total{job="reiver",reason="holdout"}"#, "0+600x90"),
    (r#"reiver_metrics_series_dropped_total{job="reiver",family="reiver_decisions_total"}"#, "0x90"),
];

const UP: &str = r#"up{job="reiver"}"#;
const PHASE_LIVE: &str = r#"reiver_phase{job="reiver",phase="live"}"#;
const LOG_TIME: &str = r#"reiver_log_time_timestamp_seconds{job="reiver"}"#;
const VIEW: &str = r#"reiver_model_view_timestamp_seconds{job="reiver",model="mf"}"#;
const CHECKPOINT: &str = r#"reiver_checkpoint_last_success_timestamp_seconds{job="reiver"}"#;
const REWARDS_MF: &str = r#"reiver_rewards_total{job="reiver",experiment="home",arm="mf"}"#;
const REWARDS_NCF: &str = r#"reiver_rewards_total{job="reiver",experiment="home",arm="ncf"}"#;
const LAG: &str = r#"reiver_kafka_consumer_lag_messages{job="reiver",topic="shop",partition="0"}"#;
const SPOOL: &str = r#"reiver_queue_depth{job="reiver",stage="spool"}"#;
const FULL: &str = r#"reiver_kafka_messages_produced_total{job="reiver",topic="reiver.decisions",outcome="full"}"#;
const FALLBACK: &str = r#"reiver_fallbacks_total{job="reiver",reason="spool_full"}"#;
const FAILED_500: &str = r#"reiver_http_requests_total{job="reiver",route="/v1/decide",method="POST",code="500"}"#;
const FAILED_503: &str = r#"reiver_http_requests_total{job="reiver",route="/v1/feedback",method="POST",code="503"}"#;
const DISK: &str = r#"reiver_checkpoint_failures_total{job="reiver",reason="disk_full"}"#;
const OTHER: &str = r#"reiver_checkpoint_failures_total{job="reiver",reason="other"}"#;
const FAST: &str = r#"reiver_http_request_duration_seconds_bucket{job="reiver",route="/v1/decide",le="0.025"}"#;
const FRESH: &str = r#"reiver_freshness_seconds_bucket{job="reiver",model="mf",le="5.001"}"#;
const UNMATCHED: &str = r#"reiver_feedback_total{job="reiver",experiment="other",outcome="unmatched"}"#;
const BAD: &str = r#"reiver_dead_letters_total{job="reiver",topic="shop",code="malformed_json"}"#;
const STARTED: &str = r#"process_start_time_seconds{job="reiver"}"#;

const SCENARIOS: &[Scenario] = &[
    Scenario { fault: "all is well", changes: &[], alerts: &[] },
    Scenario {
        fault: "the process is gone",
        changes: &[
            (UP, "1x86 0x4"),
            (STARTED, "1x86 stale"),
            (LOG_TIME, "0+60x86 stale"),
            (VIEW, "0+60x86 stale"),
            (CHECKPOINT, "0+60x86 stale"),
        ],
        alerts: &["ReiverTargetDown"],
    },
    Scenario {
        fault: "the process crashes again and again",
        changes: &[(STARTED, "1x80 4810 4810 4930 4930 5050 5050 5170 5170 5290 5290")],
        alerts: &["ReiverRestartLoop"],
    },
    Scenario {
        fault: "the start takes too long",
        changes: &[
            (PHASE_LIVE, "1x70 0x20"),
            (r#"reiver_phase{job="reiver",phase="catching_up"}"#, "0x70 1x20"),
            (VIEW, "0+60x70 0x20"),
        ],
        alerts: &["ReiverNotLive"],
    },
    Scenario {
        fault: "Kafka is away",
        changes: &[
            (PHASE_LIVE, "1x70 0x20"),
            (r#"reiver_phase{job="reiver",phase="kafka_away"}"#, "0x70 1x20"),
            (LOG_TIME, "0+60x70 4200x20"),
            (VIEW, "0+60x70 4200x20"),
            (CHECKPOINT, "0+60x70 4200x20"),
            (OTHER, "0x70 0+6x20"),
            (REWARDS_MF, "0+400x70 28000x20"),
            (REWARDS_NCF, "0+100x70 7000x20"),
            (SPOOL, "20x70 6000+6000x20"),
            (FAILED_503, "0x70 0+600x20"),
        ],
        alerts: &[
            "ReiverAvailabilityFastBurn",
            "ReiverAvailabilitySlowBurn",
            "ReiverCheckpointFailing",
            "ReiverCheckpointStale",
            "ReiverKafkaAway",
            "ReiverLogTimeStuck",
            "ReiverNoFeedback",
            "ReiverSpoolFilling",
            "ReiverViewStale",
        ],
    },
    Scenario {
        fault: "Kafka takes writes too slowly",
        changes: &[(SPOOL, "20x70 180000 200000x19"), (FULL, "0x70 0+3000x20"), (FALLBACK, "0x70 0+3000x20")],
        alerts: &["ReiverFallbacks", "ReiverSpoolFilling", "ReiverWritesFailing"],
    },
    Scenario {
        fault: "the learner hangs",
        changes: &[
            (LOG_TIME, "0+60x70 4200x20"),
            (VIEW, "0+60x70 4200x20"),
            (CHECKPOINT, "0+60x70 4200x20"),
            (REWARDS_MF, "0+400x70 28000x20"),
            (REWARDS_NCF, "0+100x70 7000x20"),
            (LAG, "20x70 6000+6000x20"),
        ],
        alerts: &[
            "ReiverCheckpointStale",
            "ReiverLagGrowing",
            "ReiverLogTimeStuck",
            "ReiverNoFeedback",
            "ReiverViewStale",
        ],
    },
    Scenario {
        fault: "more comes than can be learned",
        changes: &[(LAG, "20x70 6000+3000x20"), (FRESH, "0+1199x60 71940+600x30")],
        alerts: &["ReiverFreshnessFastBurn", "ReiverFreshnessSlowBurn", "ReiverLagGrowing"],
    },
    Scenario {
        fault: "the disk is full",
        changes: &[(CHECKPOINT, "0+60x70 4200x20"), (DISK, "0x70 0+6x20")],
        alerts: &["ReiverCheckpointFailing", "ReiverCheckpointStale"],
    },
    Scenario {
        fault: "rewards stop coming",
        changes: &[(REWARDS_MF, "0+400x60 24000x30"), (REWARDS_NCF, "0+100x60 6000x30")],
        alerts: &["ReiverNoFeedback"],
    },
    Scenario {
        fault: "rewards name decisions nobody knows",
        changes: &[(UNMATCHED, "0+3x40 120+300x50")],
        alerts: &["ReiverFeedbackFastBurn", "ReiverFeedbackSlowBurn"],
    },
    Scenario {
        fault: "a producer writes what no schema allows",
        changes: &[(BAD, "0+60x70 4200+1200x20")],
        alerts: &["ReiverDeadLetterSpike"],
    },
    Scenario {
        fault: "answers fail",
        changes: &[(FAILED_500, "0x60 0+300x30")],
        alerts: &["ReiverAvailabilityFastBurn", "ReiverAvailabilitySlowBurn"],
    },
    Scenario {
        fault: "answers are slow",
        changes: &[(FAST, "0+5990x50 299500+4000x40")],
        alerts: &["ReiverLatencyFastBurn", "ReiverLatencySlowBurn"],
    },
    Scenario {
        fault: "a model meets numbers that are none",
        changes: &[(r#"reiver_model_nonfinite_updates_total{job="reiver",model="mf"}"#, "0x80 1x10")],
        alerts: &["ReiverNonfiniteUpdates"],
    },
    Scenario {
        fault: "decisions of one arm are lost",
        changes: &[(r#"reiver_sample_ratio_mismatch_pvalue{job="reiver",experiment="home"}"#, "1x70 0.0001x20")],
        alerts: &["ReiverSampleRatioMismatch"],
    },
    Scenario {
        fault: "one arm has all traffic",
        changes: &[
            (r#"reiver_arm_traffic_share_ratio{job="reiver",experiment="home",arm="mf"}"#, "0.98x60 0.995x30"),
            (r#"reiver_arm_traffic_share_ratio{job="reiver",experiment="home",arm="ncf"}"#, "0.02x60 0.005x30"),
        ],
        alerts: &["ReiverTrafficCollapse"],
    },
    Scenario {
        fault: "the only other arm is paused",
        changes: &[
            (r#"reiver_arm_traffic_share_ratio{job="reiver",experiment="home",arm="mf"}"#, "0.98x60 1x30"),
            (r#"reiver_arm_traffic_share_ratio{job="reiver",experiment="home",arm="ncf"}"#, "0.02x60 0x30"),
            (r#"reiver_arm_state{job="reiver",experiment="home",arm="ncf",state="live"}"#, "1x60 0x30"),
        ],
        alerts: &[],
    },
    Scenario {
        fault: "an arm is tripped",
        changes: &[(r#"reiver_arm_state{job="reiver",experiment="home",arm="ncf",state="tripped"}"#, "0x80 1x10")],
        alerts: &["ReiverGuardrailTripped"],
    },
    Scenario {
        fault: "an invariant breaks",
        changes: &[(r#"reiver_invariant_violations_total{job="reiver",invariant="JO-1"}"#, "0x80 1x10")],
        alerts: &["ReiverInvariantBroken"],
    },
    Scenario {
        fault: "there are more label sets than the budget allows",
        changes: &[(
            r#"reiver_metrics_series_dropped_total{job="reiver",family="reiver_decisions_total"}"#,
            "0x80 8x10",
        )],
        alerts: &["ReiverSeriesDropped"],
    },
];

/// Errors that are short and steep, or long and flat, after three good days: each burns the budget in its own way.
const BURNS: &[Scenario] = &[
    Scenario {
        fault: "answers are slow for ten minutes",
        changes: &[(FAST, "0+5990x4360 26116400+3000x40"), (COUNT, "0+6000x4400")],
        alerts: &["ReiverLatencyFastBurn"],
    },
    Scenario {
        fault: "some answers are slow for a day",
        changes: &[(FAST, "0+5990x2960 17730400+5760x1440"), (COUNT, "0+6000x4400")],
        alerts: &["ReiverLatencySlowBurn"],
    },
];
const COUNT: &str = r#"reiver_http_request_duration_seconds_count{job="reiver",route="/v1/decide"}"#;

const HEAD: &str = "\
# Made from tests/dashboards/scenarios.rs by REIVER_BLESS=1 cargo test --test dashboards; run with promtool test rules.
# Each scenario says which alerts fire at its end: exactly these.
rule_files:
  - ../rules/recording.yml
  - ../rules/alerts.yml
";

fn write_scenario(out: &mut String, name: &str, series: &[(&str, &str)], alerts: &[&str], eval: &str) {
    let _ = write!(out, "  - name: {name}\n    interval: 1m\n    input_series:\n");
    for (series, values) in series {
        // A label that every scrape has.
        let series = series.replacen("job=\"reiver\"", "job=\"reiver\",instance=\"a\"", 1);
        let _ = writeln!(out, "      - {{series: '{series}', values: '{values}'}}");
    }
    out.push_str("    promql_expr_test:\n      - expr: count by (alertname) (ALERTS{alertstate=\"firing\"})\n");
    let _ = writeln!(out, "        eval_time: {eval}");
    if alerts.is_empty() {
        out.push_str("        exp_samples: []\n");
    } else {
        out.push_str("        exp_samples:\n");
    }
    for alert in alerts {
        let _ = writeln!(out, "          - {{labels: '{{alertname=\"{alert}\"}}', value: 1}}");
    }
}

fn scenarios() -> String {
    let mut out = format!("{HEAD}evaluation_interval: 1m\n\ntests:\n");
    for s in SCENARIOS {
        let changed = |key: &str| s.changes.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
        let mut series: Vec<(&str, &str)> = HEALTHY.iter().map(|(k, v)| (*k, changed(k).unwrap_or(v))).collect();
        series.extend(s.changes.iter().filter(|(k, _)| !HEALTHY.iter().any(|(h, _)| h == k)));
        write_scenario(&mut out, s.fault, &series, s.alerts, "90m");
    }
    out
}

fn burns() -> String {
    let mut out = format!("{HEAD}evaluation_interval: 5m\n\ntests:\n");
    for s in BURNS {
        let up = (UP, "1x4400");
        let series: Vec<(&str, &str)> = [up].into_iter().chain(s.changes.iter().copied()).collect();
        write_scenario(&mut out, s.fault, &series, s.alerts, "4400m");
    }
    out
}

#[test]
fn committed_scenarios_are_those_of_the_table() {
    for (file, text) in [("scenarios", scenarios()), ("burn", burns())] {
        let path = format!("dashboards/prometheus/tests/{file}.yml");
        if std::env::var_os("REIVER_BLESS").is_some() {
            std::fs::write(at(&path), &text).expect("written");
        }
        assert_eq!(read(&path), text, "REIVER_BLESS=1 writes {path}");
    }
}

#[test]
fn every_alert_fires_in_a_scenario() {
    let fire: BTreeSet<String> = SCENARIOS.iter().flat_map(|s| s.alerts).map(|a| (*a).to_owned()).collect();
    assert_eq!(fire, rules::alerts());
}

#[test]
fn the_operations_page_has_the_same_table() {
    let page = read("docs/operations.md");
    for s in SCENARIOS {
        let alerts: Vec<&str> = s.alerts.iter().map(|a| a.trim_start_matches("Reiver")).collect();
        let alerts = if alerts.is_empty() { "none".to_owned() } else { alerts.join(", ") };
        let row = format!("| {} | {alerts} |", s.fault);
        assert!(page.lines().any(|l| l == row), "docs/operations.md needs the row\n{row}");
    }
}
