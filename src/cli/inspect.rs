//! What `reiver check` looks at: the settings, the brokers and their topics, the newest records, the checkpoint.
//! It changes nothing: no topic is made, no position committed, no file written.

use crate::adapter::file::FolderStore;
use crate::adapter::kafka::{TopicFacts, TopicPlan, describe, sample};
use crate::app;
use crate::codec;
use crate::config::{Settings, SourceSettings};
use crate::pipeline::Pipeline;
use crate::pipeline::checkpoint::{Checkpoints, Verdict, compare};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(super) struct Inspection {
    /// Each setting: its path, its value (secrets hidden), where it came from.
    settings: Vec<[String; 3]>,
    /// What is allowed, and may not be meant.
    pub(super) doubts: Vec<String>,
    /// The sources' topics and ours.
    pub(super) topics: Vec<Topic>,
    /// The newest records of each source.
    pub(super) samples: Vec<Sample>,
    /// The newest whole checkpoint.
    pub(super) checkpoint: Option<Checkpoint>,
    /// What does not hold.
    pub(super) problems: Vec<String>,
}

/// One topic.
#[derive(Debug, Serialize)]
pub(super) struct Topic {
    pub(super) name: String,
    /// `source` or `ours`.
    pub(super) role: &'static str,
    /// `None` where it is not there.
    pub(super) facts: Option<Facts>,
}

/// What a topic is.
#[derive(Debug, Serialize)]
pub(super) struct Facts {
    pub(super) partitions: usize,
    pub(super) replicas: usize,
    pub(super) leaderless: usize,
}

/// What the newest records of a source decode to.
#[derive(Debug, Serialize)]
pub(super) struct Sample {
    pub(super) topic: String,
    pub(super) records: usize,
    pub(super) decoded: BTreeMap<&'static str, u64>,
    pub(super) rejected: BTreeMap<&'static str, Rejected>,
    pub(super) unknown_fields: u64,
}

/// Records rejected for one reason.
#[derive(Debug, Serialize)]
pub(super) struct Rejected {
    pub(super) count: u64,
    /// The first of them: where it stands and what is wrong.
    pub(super) first: String,
}

/// A checkpoint against the settings.
#[derive(Debug, Serialize)]
pub(super) struct Checkpoint {
    pub(super) name: String,
    pub(super) log_time: String,
    /// Newer ones that are damaged.
    pub(super) skipped: Vec<String>,
    /// What becomes of each part.
    pub(super) parts: Vec<(String, String)>,
}

impl Inspection {
    /// Begins with the settings.
    pub(super) fn of_settings(settings: &Settings) -> Self {
        let row = |s: &crate::config::Setting| [s.path.clone(), s.value.clone(), s.origin.to_string()];
        Self {
            settings: settings.values.iter().map(row).collect(),
            doubts: settings.doubts.clone(),
            topics: Vec::new(),
            samples: Vec::new(),
            checkpoint: None,
            problems: Vec::new(),
        }
    }
}

/// Looks at topics and at the newest records of each source.
pub(super) fn brokers(found: &mut Inspection, settings: &Settings, samples: usize) {
    let ours = TopicPlan::ours(&settings.kafka, 1);
    let sources = settings.sources.iter().map(|source| (source.topic.clone(), "source"));
    let roles: Vec<(String, &'static str)> = sources.chain(ours.into_iter().map(|plan| (plan.name, "ours"))).collect();
    let names: Vec<String> = roles.iter().map(|(name, _)| name.clone()).collect();
    let mut facts = match describe(&settings.kafka, &names) {
        Ok(facts) => facts,
        Err(error) => return found.problems.push(error.to_string()),
    };
    for (name, role) in roles {
        let facts: Option<TopicFacts> = facts.remove(&name).flatten();
        match &facts {
            None if role == "source" => found.problems.push(format!("topic {name} does not exist")),
            Some(facts) if facts.leaderless > 0 => {
                found.problems.push(format!("topic {name} has {} partitions without a leader", facts.leaderless));
            }
            _ => {}
        }
        let facts =
            facts.map(|f| Facts { partitions: f.partitions, replicas: f.replication, leaderless: f.leaderless });
        found.topics.push(Topic { name, role, facts });
    }
    for source in &settings.sources {
        let there = found.topics.iter().any(|topic| topic.name == source.topic && topic.facts.is_some());
        if there && samples > 0 {
            sample_of(found, settings, source, samples);
        }
    }
}

/// Decodes the newest records of a source.
fn sample_of(found: &mut Inspection, settings: &Settings, source: &SourceSettings, samples: usize) {
    let records = match sample(&settings.kafka, &source.topic, samples) {
        Ok(records) => records,
        Err(error) => return found.problems.push(format!("topic {}: {error}", source.topic)),
    };
    let mut seen = Sample {
        topic: source.topic.clone(),
        records: records.len(),
        decoded: BTreeMap::new(),
        rejected: BTreeMap::new(),
        unknown_fields: 0,
    };
    for record in &records {
        match codec::decode(record, source.content) {
            Ok(decoded) => {
                *seen.decoded.entry(decoded.event.kind().as_str()).or_default() += 1;
                seen.unknown_fields += u64::from(decoded.unknown_fields);
            }
            Err(rejection) => {
                let place = format!("partition {} offset {}: {rejection}", record.partition.number, record.offset);
                let bad = seen.rejected.entry(rejection.code.as_str());
                bad.or_insert(Rejected { count: 0, first: place }).count += 1;
            }
        }
    }
    let bad: u64 = seen.rejected.values().map(|rejected| rejected.count).sum();
    // A few bad records are what dead letters are for; most of them bad is a wrong topic or a wrong format.
    if bad * 2 > seen.records as u64 {
        found
            .problems
            .push(format!("topic {}: {bad} of the {} newest records do not decode", source.topic, seen.records));
    }
    found.samples.push(seen);
}

/// Compares the newest whole checkpoint with the settings.
pub(super) fn checkpoint(found: &mut Inspection, settings: &Settings) {
    if !settings.state.path.exists() {
        return;
    }
    let store = Arc::new(FolderStore::read_only(&settings.state.path));
    let newest = Checkpoints::open(store, settings.state.keep).and_then(|mut checkpoints| checkpoints.newest());
    let restored = match newest {
        Ok(Some(restored)) => restored,
        Ok(None) => return,
        Err(error) => return found.problems.push(error.to_string()),
    };
    let pipeline = match Pipeline::new(&settings.pipeline(1)) {
        Ok(pipeline) => pipeline,
        Err(error) => return found.problems.push(error),
    };
    let verdicts = compare(&restored.parts, &pipeline.state().expected());
    for (part, verdict) in &verdicts {
        if matches!(verdict, Verdict::Reset { .. } | Verdict::Dropped) {
            found.problems.push(format!("checkpoint part {part}: {verdict}; run asks for --confirm-reset {part}"));
        }
    }
    found.checkpoint = Some(Checkpoint {
        name: restored.name,
        log_time: restored.manifest.log_time.to_rfc3339(),
        skipped: restored.skipped.iter().map(|skipped| format!("{}: {}", skipped.name, skipped.why)).collect(),
        parts: verdicts.into_iter().map(|(part, verdict)| (part, verdict.to_string())).collect(),
    });
}

/// Tries the files that models would begin from.
pub(super) fn files(found: &mut Inspection, settings: &Settings) {
    let settings = settings.pipeline(1);
    let kept = |kind: &str| {
        let parts = found.checkpoint.iter().flat_map(|checkpoint| &checkpoint.parts);
        parts
            .into_iter()
            .any(|(part, verdict)| *part == format!("model:{kind}") && *verdict == Verdict::Keep.to_string())
    };
    let begun = Pipeline::new(&settings).and_then(|mut pipeline| app::warm_start(&mut pipeline, &settings, kept));
    match begun {
        Ok(begun) => found.doubts.extend(begun.iter().filter(|it| !it.bad.is_empty()).map(|it| {
            format!(
                "model {}: {} rows of its file cannot be used, the first of them {}",
                it.kind,
                it.bad.len(),
                it.bad[0]
            )
        })),
        Err(why) => found.problems.push(why),
    }
}
