//! `reiver check`: tells what `run` would find, before it does.

use super::failure::{Failure, Outcome};
use super::inspect::{self, Inspection};
use super::output;
use super::shared::{ConfigArg, JsonArg};
use crate::config::Settings;

const EXAMPLES: &str = "\
Examples:
  reiver check --config reiver.toml
  reiver check --samples 1000 --json
  reiver check --offline

Exit codes: 0 all holds, 3 something does not.";

/// Arguments of `reiver check`.
#[derive(clap::Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    settings: ConfigArg,
    /// How many of the newest records of each source to decode.
    #[arg(long, value_name = "N", default_value_t = 200)]
    samples: usize,
    /// Settings and checkpoint only; asks no broker.
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    output: JsonArg,
}

/// Runs the command.
pub(super) fn check(args: &CheckArgs) -> Outcome {
    let settings = match args.settings.load() {
        Ok(settings) => settings,
        Err(error) => {
            if args.output.json {
                let problems: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
                output::document(&serde_json::json!({ "problems": problems }))?;
            }
            return Err(Failure::Check(error.to_string()));
        }
    };
    let mut found = Inspection::of_settings(&settings);
    if !args.offline {
        output::note(&format!("asking {} …", settings.kafka.brokers));
        inspect::brokers(&mut found, &settings, args.samples.min(100_000));
    }
    inspect::checkpoint(&mut found, &settings);
    inspect::files(&mut found, &settings);
    if args.output.json {
        output::document(&found)?;
    } else {
        output::line(&told(&settings, &found));
    }
    match found.problems.len() {
        0 => Ok(()),
        1 => Err(Failure::Check(found.problems.remove(0))),
        n => Err(Failure::Check(format!("{n} things:\n  {}", found.problems.join("\n  ")))),
    }
}

/// The findings for people.
fn told(settings: &Settings, found: &Inspection) -> String {
    let mut lines = vec!["Settings".to_owned()];
    let width = |text: fn(&crate::config::Setting) -> usize| settings.values.iter().map(text).max().unwrap_or(0);
    let (path, value) = (width(|s| s.path.chars().count()), width(|s| s.value.chars().count()).min(48));
    for one in &settings.values {
        lines.push(format!("  {:path$}  {:value$}  {}", one.path, one.value, one.origin));
    }
    if !found.topics.is_empty() {
        lines.push("\nTopics".to_owned());
    }
    for topic in &found.topics {
        let state = match &topic.facts {
            None => "is not there".to_owned(),
            Some(f) => format!("{} partitions, {} replicas, {} without leader", f.partitions, f.replicas, f.leaderless),
        };
        lines.push(format!("  {} ({}): {state}", topic.name, topic.role));
    }
    if !found.samples.is_empty() {
        lines.push("\nNewest records".to_owned());
    }
    for sample in &found.samples {
        lines.push(format!("  {}: {} read", sample.topic, sample.records));
        lines.extend(sample.decoded.iter().map(|(kind, n)| format!("    {n} {kind}")));
        lines.extend(
            sample.rejected.iter().map(|(code, bad)| format!("    {} {code}, such as {}", bad.count, bad.first)),
        );
        if sample.unknown_fields > 0 {
            lines.push(format!("    {} fields that are not read", sample.unknown_fields));
        }
    }
    lines.push("\nCheckpoint".to_owned());
    match &found.checkpoint {
        None => lines.push(format!("  none in {}: every part starts empty", settings.state.path.display())),
        Some(checkpoint) => {
            lines.push(format!("  {}, log time {}", checkpoint.name, checkpoint.log_time));
            lines.extend(checkpoint.skipped.iter().map(|text| format!("  passed over: {text}")));
            lines.extend(checkpoint.parts.iter().map(|(part, verdict)| format!("  {part}: {verdict}")));
        }
    }
    lines.extend(found.doubts.iter().map(|doubt| format!("\nIs this meant? {doubt}")));
    lines.join("\n")
}
