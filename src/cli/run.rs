//! `reiver run`: the learner and the server against a team's Kafka.

use super::failure::Outcome;
use super::output;
use super::shared::{self, ConfigArg, JsonArg};
use crate::adapter::clock::SystemClock;
use crate::app::{self, RunSettings};
use std::sync::Arc;

const EXAMPLES: &str = "\
Examples:
  reiver run --config reiver.toml
  REIVER_HTTP__LISTEN=0.0.0.0:7878 reiver run --log json
  reiver run --until-end --json

SIGTERM or Ctrl-C: the spool is flushed, a last checkpoint is written, and the process is gone within 10 seconds.";

/// Arguments of `reiver run`.
#[derive(clap::Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) settings: ConfigArg,

    /// Stops at the ends of the inputs as they are at the start.
    #[arg(long)]
    pub(super) until_end: bool,

    /// Confirms that this checkpoint part may be reset because its parameters changed (see `reiver check`); may be
    /// given several times.
    #[arg(long, value_name = "PART")]
    pub(super) confirm_reset: Vec<String>,

    #[command(flatten)]
    pub(super) output: JsonArg,
}

/// Runs the command.
pub(super) fn run(args: &RunArgs) -> Outcome {
    let settings = args.settings.load()?;
    let mut settings = RunSettings::new(&settings, shared::cores());
    settings.until_end = args.until_end;
    settings.confirm_reset.clone_from(&args.confirm_reset);
    let running = app::start(settings, Arc::new(SystemClock))?;
    running.stop_at_signals();
    output::note(&format!("listening on http://{}", running.address));
    let document = running.wait()?;
    if args.output.json {
        output::document(&document)?;
    }
    Ok(())
}
