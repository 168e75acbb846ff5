//! Posteriors, policies, shares with floor, caps and ramps, assignment.
//!
//! Read in this order: config, posterior, best (probability of being best), policy, shares (from probabilities to
//! shares), slots (vectors of staggered epochs), draw (the hash), assign (who gets which arm), experiment (the whole),
//! verdict.

mod assign;
mod best;
mod config;
mod draw;
mod experiment;
mod overlay;
mod policy;
mod posterior;
mod shares;
mod slots;
mod verdict;

pub use assign::{AssignRequest, Choice};
pub use best::probability_best;
pub use config::{ConfigError, ExperimentConfig, PolicyKind};
pub use draw::{draw_hash, epoch_of};
pub use experiment::{Allocation, ArmInfo, ArmState, CommandRefused, Experiment, FixedVector, PosteriorSummary};
pub use overlay::Overlay;
pub use policy::{Fixed, Policy, Thompson};
pub use posterior::{Belief, Evidence, Prior};
pub use shares::{Bounds, bounded_shares};
