//! Dashboards, rules and alerts: linted, type-checked, and run against a real Prometheus that scrapes the real binary.
//!
//! What needs prometheus, promtool or npm takes minutes, and runs with `REIVER_TEST_FACES=1`; `.ci/run` installs them.

mod faults;
mod files;
#[path = "../loop/instance.rs"]
#[expect(dead_code, reason = "of an instance's helpers only some are needed here")]
mod instance;
mod lint;
mod live;
mod process;
mod prometheus;
mod promql;
mod promtool;
mod rules;
mod scenarios;
mod types;
