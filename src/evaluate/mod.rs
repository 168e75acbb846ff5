//! Progressive validation and confidence sequences. Read in this order: rank, calibrate, auc, progressive, clicks,
//! sequence, ratio.

mod auc;
mod calibrate;
mod clicks;
mod progressive;
mod rank;
mod ratio;
pub mod sequence;

pub use auc::Auc;
pub use calibrate::Calibration;
pub use clicks::{Click, ClickSummary, run_clicks};
pub use progressive::{Progressive, ProgressiveSummary, Run, Scratch, run_example};
pub use rank::{Rank, Ranking, rank_of};
pub use ratio::RatioTest;
pub use sequence::EmpiricalBernstein;
