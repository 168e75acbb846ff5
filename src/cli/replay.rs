//! `reiver replay`: the same pipeline over a file or over the topics of a finished run.

use super::failure::{Failure, Outcome};
use super::shared::JsonArg;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  reiver replay u.data --format movielens --min-rating 5
  reiver replay events.jsonl.gz --format jsonl --models popularity,transitions --json
  reiver replay --topics --config reiver.toml --json";

/// Arguments of `reiver replay`.
#[derive(clap::Args, Debug, Clone)]
#[command(after_help = EXAMPLES, group = clap::ArgGroup::new("input").required(true).args(["file", "topics"]))]
pub(super) struct ReplayArgs {
    /// The file to read; `.gz` is unpacked.
    #[arg(value_name = "FILE", requires = "format")]
    pub(super) file: Option<PathBuf>,

    /// What the file holds.
    #[arg(long, value_enum, requires = "file")]
    pub(super) format: Option<FileFormat>,

    /// Reads the input topics and the control topic of the settings file from their beginning, cut by cut.
    #[arg(long, requires = "config")]
    pub(super) topics: bool,

    /// The settings file; for a file input, its experiments and models are used where given.
    #[arg(long, short, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Goes on where records that a cut counted are no longer in the topic, and names them.
    #[arg(long, requires = "topics")]
    pub(super) allow_gaps: bool,

    /// Ratings below this teach nothing as positives.
    #[arg(long, value_name = "R")]
    pub(super) min_rating: Option<f64>,

    /// Only these models, by name and separated by commas; without it, all.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(super) models: Vec<String>,

    /// Threads for the models; changes the speed, never the result.
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<std::num::NonZeroUsize>,

    #[command(flatten)]
    pub(super) output: JsonArg,
}

/// What a replayed file holds.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileFormat {
    /// MovieLens ratings: `u.data` (tabs) or `ratings.dat` (`::`); sorted by time, user, item.
    Movielens,
    /// CSV with a header line that names columns as events name fields.
    Csv,
    /// One canonical JSON event a line, taken in file order.
    Jsonl,
}

/// Runs the command.
pub(super) fn replay(_args: &ReplayArgs) -> Outcome {
    Err(Failure::Failed(anyhow::anyhow!("replay is not part of this build")))
}
