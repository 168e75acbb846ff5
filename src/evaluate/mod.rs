//! Progressive validation, leave one out, comparisons, and confidence sequences. Read in this order: rank, ranks,
//! calibrate, auc, progressive, clicks, late, leave_one_out and mean, sequence, compare, ratio.

mod auc;
mod calibrate;
mod clicks;
mod compare;
mod late;
mod leave_one_out;
mod mean;
mod progressive;
mod rank;
mod ranks;
mod ratio;
pub mod sequence;

pub use auc::Auc;
pub use calibrate::Calibration;
pub use clicks::{Click, ClickSummary, run_clicks};
pub use compare::{Comparison, Comparisons, mcnemar};
pub use late::fake_negative_weight;
pub use leave_one_out::{HeldOut, LeaveOneOut, LeaveOneOutSummary};
pub use mean::WeightMean;
pub use progressive::{Measured, Progressive, ProgressiveSummary, Run, Scratch, measure, run_example};
pub use rank::{Rank, Ranking, rank_of};
pub use ranks::{BucketSummary, HISTORY_BUCKETS};
pub use ratio::RatioTest;
pub use sequence::{EmpiricalBernstein, RunningMean};
