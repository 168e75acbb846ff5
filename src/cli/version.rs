//! `reiver version`: what this binary is.

use super::failure::Outcome;
use super::output;
use super::shared::JsonArg;

const EXAMPLES: &str = "\
Examples:
  reiver version
  reiver version --json";

/// Arguments of `reiver version`.
#[derive(clap::Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
pub(super) struct VersionArgs {
    #[command(flatten)]
    output: JsonArg,
}

/// Prints the version, and that of the Kafka client inside.
pub(super) fn version(args: &VersionArgs) -> Outcome {
    let (_, kafka) = rdkafka::util::get_rdkafka_version();
    if args.output.json {
        output::document(&serde_json::json!({ "version": env!("CARGO_PKG_VERSION"), "librdkafka": kafka }))?;
    } else {
        output::line(&format!("reiver {} (librdkafka {kafka})", env!("CARGO_PKG_VERSION")));
    }
    Ok(())
}
