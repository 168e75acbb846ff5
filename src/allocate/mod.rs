//! Posteriors, policies, shares with floor, caps and ramps, assignment.
//!
//! Read in this order: config, arms (and commands), evidence, posterior, best (probability of being best), policy,
//! shares (from wanted shares to bounded ones), slots (vectors of staggered epochs), draw (the hash), overlay, assign (who
//! gets which arm), experiment (the whole), stretch (what
//! means and intervals are over), saved (its state), lift (one arm over another), verdict.

mod arms;
mod assign;
mod best;
mod config;
mod draw;
mod evidence;
mod experiment;
mod lift;
mod overlay;
mod policy;
mod posterior;
mod saved;
mod shares;
mod slots;
mod stretch;
mod verdict;

pub use arms::{ArmInfo, ArmState, CommandRefused};
pub use assign::{AssignRequest, Choice};
pub use best::probability_best;
pub use config::{ConfigError, ExperimentConfig, PolicyKind};
pub use draw::{draw_hash, draw_number, epoch_of, held_out};
pub use evidence::Evidence;
pub use experiment::{Allocation, Experiment, FixedVector, PosteriorSummary};
pub use lift::Lift;
pub use overlay::Overlay;
pub use policy::{Fixed, Policy, Thompson};
pub use posterior::{Belief, Prior};
pub use shares::{Bounds, Relaxed, bounded_shares};
pub use verdict::Verdict;
