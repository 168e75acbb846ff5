//! Dashboards, rules and alerts: linted, type-checked, and run against a real Prometheus that scrapes the real binary.
//!
//! Where prometheus, promtool or npm are missing, the tests that need them say so and pass; with `REIVER_REQUIRE_TOOLS`
//! set they fail instead.

mod faults;
mod files;
mod lint;
mod live;
mod process;
mod prometheus;
mod promql;
mod promtool;
mod rules;
mod scenarios;
mod types;
