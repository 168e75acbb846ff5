//! Settings: one TOML file, overridden by the environment, every value with where it came from.
//!
//! Read in this order: origin (where a value stands), problem (what is wrong with it), node (values with their origins,
//! from TOML), environment (overrides), amount (durations and sizes), secret, section (typed reading of one table, with
//! unknown keys found), kafka, server, experiments (what each table means), warm (files that models begin from), settings (all of it).

mod amount;
mod environment;
mod experiments;
mod kafka;
mod node;
mod origin;
mod problem;
mod secret;
mod section;
mod server;
mod settings;
mod warm;

#[cfg(test)]
mod tests;

pub use experiments::ModelSettings;
pub use kafka::{KafkaSettings, SourceSettings};
pub use origin::Origin;
pub use problem::{ConfigError, Problem};
pub use secret::Secret;
pub use section::Setting;
pub use server::{HttpSettings, LearnSettings, RankShare, StateSettings};
pub use settings::{Place, Settings};
pub use warm::warm_start;
