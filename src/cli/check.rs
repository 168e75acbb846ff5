//! `reiver check`: tells what `run` would find, before it does.

use super::failure::{Failure, Outcome};
use super::shared::{ConfigArg, JsonArg, span};
use crate::event::Span;

const EXAMPLES: &str = "\
Examples:
  reiver check --config reiver.toml
  reiver check --samples 1000 --json
  reiver check --offline

Exit codes: 0 all holds, 3 something does not, 1 it could not be found out.";

/// Arguments of `reiver check`.
#[derive(clap::Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    pub(super) settings: ConfigArg,
    /// How many of the newest records of each source to decode.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(super) samples: usize,
    /// Settings and checkpoint only; asks no broker.
    #[arg(long)]
    pub(super) offline: bool,
    /// How long to wait for the brokers.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = span)]
    pub(super) timeout: Span,
    #[command(flatten)]
    pub(super) output: JsonArg,
}

/// Runs the command.
pub(super) fn check(_args: &CheckArgs) -> Outcome {
    Err(Failure::Failed(anyhow::anyhow!("check is not part of this build")))
}
