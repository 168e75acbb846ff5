//! `reiver topics ensure`: creates our own topics where they are missing. It never creates a team's.

use super::failure::Outcome;
use super::output;
use super::shared::{ConfigArg, JsonArg};
use crate::adapter::kafka::{Ensured, TopicPlan, ensure};
use std::collections::BTreeMap;

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
    #[arg(long, value_name = "N", default_value = "4")]
    partitions: std::num::NonZeroU16,
    /// Replicas of each partition; without it, the brokers' default.
    #[arg(long, value_name = "N")]
    replication: Option<std::num::NonZeroU16>,
    #[command(flatten)]
    output: JsonArg,
}

/// Runs the command.
pub(super) fn topics(args: &TopicsArgs) -> Outcome {
    match &args.command {
        TopicsCommand::Ensure(args) => ensure_ours(args),
    }
}

fn ensure_ours(args: &EnsureArgs) -> Outcome {
    let kafka = args.settings.load()?.kafka;
    let plans = TopicPlan::ours(&kafka, i32::from(args.partitions.get()));
    let replication = args.replication.map_or(-1, |n| i32::from(n.get()));
    let done = ensure(&kafka, &plans, replication)?;
    let word = |ensured: &Ensured| if *ensured == Ensured::Created { "created" } else { "present" };
    if args.output.json {
        let words: BTreeMap<&str, &str> = done.iter().map(|(name, ensured)| (name.as_str(), word(ensured))).collect();
        output::document(&serde_json::json!({ "topics": words }))?;
    } else {
        for (name, ensured) in &done {
            output::line(&format!("{name}: {}", word(ensured)));
        }
    }
    Ok(())
}
