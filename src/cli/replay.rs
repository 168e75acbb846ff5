//! `reiver replay`: the same pipeline over a file or over the topics of a finished run.

use super::failure::{Failure, Outcome};
use super::output;
use super::shared::{self, ConfigArg, JsonArg};
use crate::adapter::clock::monotonic_nanos;
use crate::adapter::file::{BadRows, Columns, Format, Rows, RowsConfig, movies_beside, read_held_out};
use crate::app::{self, RunSettings};
use crate::codec;
use crate::config::warm_start;
use crate::learn::ModelConfig;
use crate::learn::registry::KINDS;
use crate::pipeline::{Comparison, PipelineConfig};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  reiver replay u.data --format movielens --min-rating 5
  reiver replay clicks.csv.gz --format csv --columns session=session_id,item=item_id
  reiver replay loo_train.csv.gz --format csv --columns user=user_id,item=movie_id --protocol leave-one-out --held-out loo_test.csv.gz --passes 12 --models popularity,mf
  reiver replay events.jsonl.gz --format jsonl --models popularity,transitions --json
  reiver replay history.jsonl.gz --format jsonl --models mf,transitions --export models
  reiver replay lately.jsonl --format jsonl --models mf --warm-start mf=models/mf.safetensors
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

    /// Which columns of a CSV file mean what: user=…,item=…,time=…,rating=…,session=…
    #[arg(long, value_name = "MEANING=COLUMN,…", requires = "file")]
    pub(super) columns: Option<String>,

    /// What the items are: MovieLens' u.item or movies.dat. With --format movielens the one beside FILE is read anyway.
    #[arg(long, value_name = "FILE", requires = "file")]
    pub(super) items: Option<PathBuf>,

    /// How models are scored.
    #[arg(long, value_enum, default_value_t = Protocol::Progressive)]
    pub(super) protocol: Protocol,

    /// For leave-one-out: a CSV file with each user's held-out item and, in the column `negatives`, the items to rank it
    /// among; the other columns are named as those of FILE.
    #[arg(long, value_name = "FILE", requires = "file", required_if_eq("protocol", "leave-one-out"))]
    pub(super) held_out: Option<PathBuf>,

    /// For leave-one-out: how often each model goes over FILE.
    #[arg(long, value_name = "N", default_value_t = std::num::NonZeroU32::MIN)]
    pub(super) passes: std::num::NonZeroU32,

    /// Reads the input topics and the control topic of the settings file from their beginning, cut by cut.
    #[arg(long, requires = "config")]
    pub(super) topics: bool,

    /// The settings file; for a file input its models and experiments replace the defaults.
    #[arg(long, short, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Goes on where records that a cut counted are no longer in the topic, and names them.
    #[arg(long, requires = "topics")]
    pub(super) allow_gaps: bool,

    /// Ratings below this teach nothing as positives.
    #[arg(long, value_name = "R")]
    pub(super) min_rating: Option<f64>,

    /// Only these models, by name and separated by commas, and no experiment; without it, all.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(super) models: Vec<String>,

    /// Writes every model, when all is read, as DIR/<model>.safetensors.
    #[arg(long, value_name = "DIR")]
    pub(super) export: Option<PathBuf>,

    /// A file of `reiver export` or `--export` that a model begins from; may be given several times.
    #[arg(long, value_name = "MODEL=FILE")]
    pub(super) warm_start: Vec<String>,

    /// Threads for the models; changes the speed, never the result.
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<std::num::NonZeroUsize>,

    #[command(flatten)]
    pub(super) output: JsonArg,
}

/// How models are scored.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Each event is ranked against the whole catalogue, then learned; once over the file.
    Progressive,
    /// All of FILE is learned, then each user's held-out item is ranked among given ones.
    LeaveOneOut,
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
pub(super) fn replay(args: &ReplayArgs) -> Outcome {
    let Some((path, format)) = args.file.as_ref().zip(args.format) else {
        return of_topics(args);
    };
    if args.protocol == Protocol::Progressive && (args.held_out.is_some() || args.passes.get() > 1) {
        return Err(Failure::Usage("--held-out and --passes belong to --protocol leave-one-out".to_owned()));
    }
    if args.protocol == Protocol::LeaveOneOut && (args.export.is_some() || !args.warm_start.is_empty()) {
        return Err(Failure::Usage("--export and --warm-start belong to --protocol progressive".to_owned()));
    }
    let config = pipeline_config(args)?;
    let columns = Columns::parse(args.columns.as_deref().unwrap_or_default())?;
    let format = match format {
        FileFormat::Movielens => Format::MovieLens,
        FileFormat::Csv => Format::Csv,
        FileFormat::Jsonl => Format::JsonLines,
    };
    let topic = "file".into();
    let beside = || if format == Format::MovieLens { movies_beside(path) } else { None };
    let items = args.items.clone().or_else(beside);
    let settings = RowsConfig { topic, format, columns, time_of: codec::event_time, items };
    let rows = &mut Rows::open(path, &settings)?;
    if let (Protocol::LeaveOneOut, Some(held_out)) = (args.protocol, &args.held_out) {
        return leave_one_out(args, &config, rows, held_out, &settings.columns);
    }
    let bar = ProgressBar::new(1000).with_style(
        ProgressStyle::with_template("{bar:30} {percent:>3} %  {msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let mut document = app::replay_file(&config, rows, args.export.as_deref(), |part, handled| {
        bar.set_position((part * 1000.0) as u64);
        bar.set_message(format!("{handled} events"));
    })?;
    bar.finish_and_clear();
    // A row that is no event was read and rejected like any other record.
    document.events += rows.bad().count;
    for (code, count) in &rows.bad().by_code {
        *document.rejected.entry((*code).to_owned()).or_default() += count;
    }
    left_out(rows.bad());
    tell(args, &document)
}

fn left_out(bad: &BadRows) {
    for row in &bad.first {
        output::note(&format!("left out: {row}"));
    }
}

fn leave_one_out(
    args: &ReplayArgs,
    config: &PipelineConfig,
    rows: &mut Rows,
    held_out: &Path,
    columns: &Columns,
) -> Outcome {
    let (questions, bad) = read_held_out(held_out, columns)?;
    let bar = ProgressBar::new_spinner();
    let document = app::leave_one_out(config, rows, &questions, args.passes.get(), |model, pass| {
        bar.set_message(format!("{model}: pass {pass}"));
        bar.tick();
    })?;
    bar.finish_and_clear();
    left_out(rows.bad());
    left_out(&bad);
    if args.output.json {
        output::document(&document)?;
    } else {
        output::line(&passes_table(&document, args.passes.get()));
    }
    Ok(())
}

/// The scores of all models after the last pass.
fn passes_table(document: &app::LeaveOneOutDocument, passes: u32) -> String {
    let row = |(name, m): (&String, &app::PassesDocument)| {
        let (hits, gain) = (format!("{:.4}", m.last.hit_rate_at_10), format!("{:.4}", m.last.ndcg_at_10));
        vec![name.clone(), m.last.users.to_string(), hits, gain, format!("{:.1}", m.seconds)]
    };
    let rows: Vec<Vec<String>> = document.models.iter().map(row).collect();
    format!(
        "{}\n\n{} interactions of {} users with {} items, {passes} passes; {:.1} s",
        output::table(&["model", "users", "hr@10", "ndcg@10", "seconds"], &rows),
        document.examples,
        document.users,
        document.items,
        document.seconds,
    )
}

fn of_topics(args: &ReplayArgs) -> Outcome {
    let Some(config) = args.config.clone() else {
        return Err(Failure::Usage("replay of topics needs --config".to_owned()));
    };
    let threads = args.threads.map_or_else(shared::cores, std::num::NonZero::get);
    let mut settings = RunSettings::new(&ConfigArg { config }.load()?, threads);
    begin_from(&mut settings.pipeline, &args.warm_start)?;
    let bar = ProgressBar::new_spinner();
    let document = app::replay_topics(&settings, args.allow_gaps, args.export.as_deref(), |handled| {
        bar.set_message(format!("{handled} records"));
        bar.tick();
    })?;
    bar.finish_and_clear();
    tell(args, &document)
}

fn tell(args: &ReplayArgs, document: &app::Document) -> Outcome {
    if args.output.json {
        output::document(document)?;
    } else {
        output::line(&models_table(document));
    }
    Ok(())
}

/// The settings file's models and experiments, or the defaults; then what the command line says.
fn pipeline_config(args: &ReplayArgs) -> Result<PipelineConfig, Failure> {
    let threads = args.threads.map_or_else(shared::cores, std::num::NonZero::get);
    if let Some(unknown) = args.models.iter().find(|k| !KINDS.contains(&k.as_str())) {
        return Err(Failure::Usage(format!("no model is called {unknown}; there are {}", KINDS.join(", "))));
    }
    let mut config = match args.config.clone() {
        Some(config) => RunSettings::new(&ConfigArg { config }.load()?, threads).pipeline,
        None => PipelineConfig {
            models: KINDS.iter().map(|k| ((*k).to_owned(), ModelConfig::default())).collect(),
            threads,
            nanos: monotonic_nanos,
            ..PipelineConfig::default()
        },
    };
    if !args.models.is_empty() {
        let set = |name: &String| config.models.iter().find(|(known, _)| known == name).map(|(_, set)| *set);
        config.models = args.models.iter().map(|k| (k.clone(), set(k).unwrap_or_default())).collect();
        config.experiments.clear();
        config.warm.retain(|warm| args.models.contains(&warm.kind));
    }
    begin_from(&mut config, &args.warm_start)?;
    if let Some(min_rating) = args.min_rating {
        config.teaching.min_rating = min_rating;
    }
    Ok(config)
}

/// Adds `MODEL=FILE`s to the files that models begin from, in the place of what the settings say.
fn begin_from(config: &mut PipelineConfig, files: &[String]) -> Outcome {
    for pair in files {
        let Some((kind, path)) = pair.split_once('=') else {
            return Err(Failure::Usage(format!("--warm-start {pair} is not MODEL=FILE, such as mf=mf.safetensors")));
        };
        if !config.models.iter().any(|(known, _)| known == kind) {
            let known: Vec<&str> = config.models.iter().map(|(known, _)| known.as_str()).collect();
            let what = format!("--warm-start {pair}: no model {kind} runs; there are {}", known.join(", "));
            return Err(Failure::Usage(what));
        }
        let warm = warm_start(kind, Path::new(path)).map_err(|why| Failure::Usage(format!("{path}: {why}")))?;
        config.warm.retain(|other| other.kind != kind);
        config.warm.push(warm);
    }
    Ok(())
}

/// The scores of all models as a table for people.
fn models_table(document: &app::Document) -> String {
    let optional = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.4}"));
    let row = |(name, m): (&String, &app::ModelDocument)| {
        vec![
            name.clone(),
            m.examples.to_string(),
            format!("{:.4}", m.recall_at_10),
            format!("{:.4}", m.ndcg_at_10),
            format!("{:.4}", m.mrr),
            format!("{:.4}", m.recall_at_20),
            format!("{:.4}", m.mrr_at_20),
            optional(m.log_loss),
            optional(m.auc),
            format!("{:.1}", m.seconds),
        ]
    };
    let rows: Vec<Vec<String>> = document.models.iter().map(row).collect();
    let head =
        ["model", "examples", "recall@10", "ndcg@10", "mrr", "recall@20", "mrr@20", "log loss", "auc", "seconds"];
    let rejected: u64 = document.rejected.values().sum();
    format!(
        "{}\n{}\n{} events: {} accepted, {} duplicates, {rejected} rejected; {} scored; {:.1} s",
        output::table(&head, &rows),
        best_table(document),
        document.events,
        document.accepted,
        document.duplicates,
        document.scored,
        document.seconds,
    )
}

/// How far every other model is behind the best at recall@10, with bounds; empty for one model.
fn best_table(document: &app::Document) -> String {
    let by_recall = |a: &(&String, &app::ModelDocument), b: &(&String, &app::ModelDocument)| {
        a.1.recall_at_10.total_cmp(&b.1.recall_at_10)
    };
    let Some((best, _)) = document.models.iter().max_by(by_recall) else { return String::new() };
    let mut pairs: Vec<_> = document.comparisons.iter().filter(|c| c.first == *best || c.second == *best).collect();
    if pairs.is_empty() {
        return String::new();
    }
    pairs.sort_by(|a, b| a.difference.abs().total_cmp(&b.difference.abs()));
    let row = |c: &&Comparison| {
        let (other, only_it, only_best, (lower, upper)) = if c.first == *best {
            (&c.second, c.only_second, c.only_first, (-c.upper, -c.lower))
        } else {
            (&c.first, c.only_first, c.only_second, (c.lower, c.upper))
        };
        let cells = [format!("{:+.4}", -c.difference.abs()), format!("{lower:+.4}"), format!("{upper:+.4}")];
        let counts = [only_it.to_string(), only_best.to_string()];
        [vec![other.clone()], cells.to_vec(), counts.to_vec()].concat()
    };
    let head = [format!("beside {best}"), format!("only {best}")];
    let head = [&head[0], "recall@10", "at least", "at most", "hits only it", &head[1]];
    let rows: Vec<Vec<String>> = pairs.iter().map(row).collect();
    format!("\n{}\n(bounds hold for all pairs together, whenever you look: 95 %)\n", output::table(&head, &rows))
}
