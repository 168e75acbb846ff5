//! All settings of one process.

use super::environment::overlay;
use super::experiments::{self, ModelSettings};
use super::kafka::{self, SourceSettings};
use super::node::{self, Node, Table, Value};
use super::origin::Origin;
use super::problem::{ConfigError, Problem};
use super::secret::Secret;
use super::section::{Notes, Setting, unknown};
use super::server::{self, HttpSettings, LearnSettings, StateSettings};
use crate::adapter::kafka::KafkaConfig;
use crate::allocate::ExperimentConfig;
use crate::learn::registry::{KINDS, USUAL};
use crate::pipeline::{PipelineConfig, WarmStart};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of a settings file, or of a file with a secret.
const MAX_FILE: u64 = 1 << 20;
/// The tables there are.
const TABLES: [&str; 7] = ["kafka", "source", "state", "http", "learn", "model", "experiment"];

/// All settings, and where each came from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[kafka]`.
    pub kafka: KafkaConfig,
    /// `[[source]]`.
    pub sources: Vec<SourceSettings>,
    /// `[state]`.
    pub state: StateSettings,
    /// `[http]`.
    pub http: HttpSettings,
    /// `[learn]`.
    pub learn: LearnSettings,
    /// `[[model]]`: those with parameters of their own. See [`Settings::models`].
    pub tuned: Vec<ModelSettings>,
    /// Files that models begin from: `warm_start` of `[[model]]`.
    pub warm: Vec<WarmStart>,
    /// `[[experiment]]`.
    pub experiments: Vec<ExperimentConfig>,
    /// Every value with its origin, in the order of the file's tables.
    pub values: Vec<Setting>,
    /// What is allowed, and may not be meant.
    pub doubts: Vec<String>,
}

/// Where settings are read.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The file's name in messages.
    pub name: &'a str,
    /// What relative paths are relative to: the folder of the file.
    pub folder: &'a Path,
}

impl Place<'_> {
    /// Reads a secret from a file; line ends at its end do not belong to it.
    pub(super) fn secret(&self, path: &str) -> Result<Secret, String> {
        let text = read(&self.folder.join(path)).map_err(|error| error.to_string())?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() { Err("the file is empty".to_owned()) } else { Ok(Secret::new(text)) }
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    if file.take(MAX_FILE + 1).read_to_string(&mut text)? as u64 > MAX_FILE {
        return Err(std::io::Error::other(format!("larger than {MAX_FILE} bytes")));
    }
    Ok(text)
}

impl Settings {
    /// Reads a settings file and puts the environment's `REIVER_…__…` over it.
    ///
    /// # Errors
    /// Everything that is wrong, each with file, line and column or with its variable.
    pub fn load(path: &Path, environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let text = read(path).map_err(|error| {
            let what =
                format!("{name}: {error}; --config FILE names another, docs/reiver.example.toml is one to begin with");
            ConfigError::one(Origin::Default, what)
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, Place { name: &name, folder }, environment)
    }

    /// Reads settings from a text; an empty one gives the defaults.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn parse(text: &str, place: Place<'_>, environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let mut root = node::parse(place.name, text)?;
        let mut notes = Notes::default();
        overlay(&mut root, environment, &mut notes.problems);
        let kafka = kafka::kafka(root.remove("kafka"), &place, &mut notes);
        let nodes = list(&mut root, "source", &mut notes);
        let sources = kafka::sources(nodes, &kafka, &mut notes);
        let state = server::state(root.remove("state"), &place, &mut notes);
        let http = server::http(root.remove("http"), &place, &mut notes);
        let learn = server::learn(root.remove("learn"), &mut notes);
        let nodes = list(&mut root, "model", &mut notes);
        let (tuned, warm) = experiments::models(nodes, &place, &mut notes);
        let nodes = list(&mut root, "experiment", &mut notes);
        let experiments = experiments::experiments(nodes, &mut notes);
        for (key, node) in root {
            notes.problem(&node.key_at, unknown("the file", &key, &TABLES));
        }
        if notes.problems.is_empty() {
            let (values, doubts) = (notes.settings, notes.doubts);
            Ok(Self { kafka, sources, state, http, learn, tuned, warm, experiments, values, doubts })
        } else {
            Err(ConfigError { problems: in_order(notes.problems) })
        }
    }

    /// The models that run: those that are arms and those with parameters of their own; the usual
    /// ones, if there is neither.
    #[must_use]
    pub fn models(&self) -> Vec<ModelSettings> {
        let tuned = |kind: &str| self.tuned.iter().find(|(name, _)| name == kind).map(|(_, config)| *config);
        let wanted = |kind: &str| {
            tuned(kind).is_some() || self.experiments.iter().any(|it| it.arms.iter().any(|arm| arm == kind))
        };
        let none = !KINDS.iter().any(|kind| wanted(kind));
        let kinds = KINDS.iter().filter(|kind| if none { USUAL.contains(kind) } else { wanted(kind) });
        kinds.map(|kind| ((*kind).to_owned(), tuned(kind).unwrap_or_default())).collect()
    }

    /// A hash of all values, 16 hex digits: tells two configurations apart in metrics. Secrets do not enter it.
    #[must_use]
    pub fn hash(&self) -> String {
        let values: String = self.values.iter().map(|it| format!("{}={}\n", it.path, it.value)).collect();
        format!("{:016x}", xxh3_64(values.as_bytes()))
    }

    /// What the pipeline is built from. `threads` never changes a result.
    #[must_use]
    pub fn pipeline(&self, threads: usize) -> PipelineConfig {
        PipelineConfig {
            models: self.models(),
            warm: self.warm.clone(),
            experiments: self.experiments.clone(),
            teaching: self.learn.teaching.clone(),
            memory: self.learn.memory,
            threads,
            ..PipelineConfig::default()
        }
    }
}

/// The tables of a list such as `[[source]]`.
fn list(root: &mut Table, key: &'static str, notes: &mut Notes) -> Vec<Node> {
    match root.remove(key) {
        None => Vec::new(),
        Some(Node { value: Value::List(nodes), .. }) => nodes,
        Some(node) => {
            notes.problem(&node.key_at, format!("write [[{key}]], with two brackets: there may be several"));
            Vec::new()
        }
    }
}

/// Problems as one reads the file: by line, then what the environment says.
fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| match &problem.origin {
        Origin::File { line, column, .. } => (0, *line, *column),
        Origin::Environment(_) => (1, 0, 0),
        Origin::Default => (2, 0, 0),
    });
    problems
}
