//! `reiver topics ensure`: creates our own topics where they are missing. It never creates a team's.

use super::failure::{Failure, Outcome};
use super::shared::{ConfigArg, JsonArg};

const EXAMPLES: &str = "\
Examples:
  reiver topics ensure
  reiver topics ensure --config reiver.toml --partitions 12 --replication 3";

/// Arguments of `reiver topics`.
#[derive(clap::Args, Debug, Clone)]
pub(super) struct TopicsArgs {
    #[command(subcommand)]
    command: TopicsCommand,
}

#[derive(clap::Subcommand, Debug, Clone)]
enum TopicsCommand {
    /// Creates those of our topics that are missing, and checks the settings of those that are there.
    Ensure(EnsureArgs),
}

/// Arguments of `reiver topics ensure`.
#[derive(clap::Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
struct EnsureArgs {
    #[command(flatten)]
    settings: ConfigArg,
    /// Partitions of the topics that may have several (events, decisions, dead letters).
    #[arg(long, value_name = "N")]
    partitions: Option<std::num::NonZeroU16>,
    /// Replicas of each partition; without it, the brokers' default.
    #[arg(long, value_name = "N")]
    replication: Option<std::num::NonZeroU16>,
    #[command(flatten)]
    output: JsonArg,
}

/// Runs the command.
pub(super) fn topics(args: &TopicsArgs) -> Outcome {
    match &args.command {
        TopicsCommand::Ensure(args) => ensure(args),
    }
}

fn ensure(_args: &EnsureArgs) -> Outcome {
    Err(Failure::Failed(anyhow::anyhow!("topics ensure is not part of this build")))
}
