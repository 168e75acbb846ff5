//! `reiver export`: a model as a file, out of the newest checkpoint.

use super::failure::{Failure, Outcome};
use super::output;
use super::shared::{ConfigArg, JsonArg};
use crate::app::{self, ExportForm, RunSettings};
use crate::learn::registry::KINDS;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  reiver export --model mf --out mf.safetensors
  reiver export --config reiver.toml --model item2vec --out vectors.csv
  reiver export --model ncf --out ncf.safetensors --json

The .safetensors file holds everything: another instance can begin from it ([[model]] warm_start, or
`reiver replay --warm-start`), and numpy or PyTorch can read it. The .csv file holds the vectors.
docs/models.md tells what is in them.";

/// Arguments of `reiver export`.
#[derive(clap::Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    settings: ConfigArg,
    /// The model, by name.
    #[arg(long, value_name = "NAME")]
    model: String,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What to write; without it the end of FILE decides.
    #[arg(long, value_enum)]
    format: Option<ModelFormat>,
    #[command(flatten)]
    output: JsonArg,
}

/// How a model is written.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ModelFormat {
    /// Everything, as tensors.
    Safetensors,
    /// The vectors: side, id, bias, v0, v1, …
    Csv,
}

/// Runs the command. Reads the state folder only, also beside a running learner.
pub(super) fn export(args: &ExportArgs) -> Outcome {
    if !KINDS.contains(&args.model.as_str()) {
        return Err(Failure::Usage(format!("no model is called {}; there are {}", args.model, KINDS.join(", "))));
    }
    let ending = args.out.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
    let form = match (args.format, ending.as_str()) {
        (Some(ModelFormat::Safetensors), _) | (None, "safetensors") => ExportForm::Safetensors,
        (Some(ModelFormat::Csv), _) | (None, "csv") => ExportForm::Csv,
        (None, _) => {
            return Err(Failure::Usage(format!(
                "{}: give the file the ending .safetensors or .csv, or say --format",
                args.out.display()
            )));
        }
    };
    let settings = RunSettings::new(&args.settings.load()?, 1);
    let done = app::export(&settings, &args.model, &args.out, form)?;
    if args.output.json {
        output::document(&done)?;
    } else {
        output::line(&format!(
            "{}: {} of {} users and {} items, {} bytes; from {}, log time {}",
            done.file.display(),
            done.model,
            done.users,
            done.items,
            done.bytes,
            done.checkpoint,
            done.log_time,
        ));
    }
    Ok(())
}
