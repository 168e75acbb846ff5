//! What the instance tells of itself: metrics for Prometheus and logs.
//!
//! Read in this order: catalogue (every family), metrics (the registry and its budget), limits, declare (label sets known
//! at start), report (what a step did), scrape (what is taken from the view), process, logs.

mod catalogue;
mod declare;
mod limits;
mod logs;
mod metrics;
mod process;
mod report;
mod scrape;

pub use catalogue::{Family, Shape};
pub use declare::{ARM_STATES, ENTITIES, HTTP_CODES, INVARIANTS, Names, PROGRESSIVE, STAGES, UNKNOWN_TYPE, WRITES};
pub use limits::{MAX_ARMS, MAX_EXPERIMENTS};
pub use logs::{LogError, LogFormat, init_logs};
pub use metrics::{CONTENT_TYPE, Metrics, OTHER, SERIES_BUDGET};
pub use process::ProcessFacts;
pub use report::ReportNames;
pub use scrape::StateOf;
