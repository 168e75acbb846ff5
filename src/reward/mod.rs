//! Outcome → reward: what an experiment counts as worth something, and how much.

mod table;

pub use table::{RewardError, RewardTable, RewardValue};
