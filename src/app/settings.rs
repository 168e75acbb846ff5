//! Everything that a running instance needs to know, typed.

use crate::adapter::clock::monotonic_nanos;
use crate::adapter::kafka::{KafkaConfig, Leading, names};
use crate::config::{RankShare, Secret, Settings};
use crate::event::{Content, Span};
use crate::pipeline::PipelineConfig;
use crate::port::Start;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Partitions of our own topics when they are made: enough for several producers, few enough for a small cluster.
const OUR_PARTITIONS: i32 = 4;

/// One input topic of the team's.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// Its name.
    pub topic: String,
    /// Where to begin where no position is held.
    pub start: Start,
    /// Whether every record is an item.
    pub items: bool,
}

/// Settings of a running instance.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// Brokers, group, prefix and client settings.
    pub kafka: KafkaConfig,
    /// Input topics.
    pub sources: Vec<SourceSettings>,
    /// Folder of checkpoints.
    pub state: PathBuf,
    /// Time between checkpoints.
    pub every: Span,
    /// Restore points kept.
    pub keep: usize,
    /// Where HTTP listens.
    pub listen: SocketAddr,
    /// Bearer token of actions.
    pub token: Option<String>,
    /// Models, experiments, memory.
    pub pipeline: PipelineConfig,
    /// Share of live events ranked against the full catalogue; `None`: follows the load.
    pub rank: Option<f64>,
    /// How leadership is decided.
    pub leading: Leading,
    /// Partitions of our own topics when they are made.
    pub partitions: i32,
    /// Stop at the ends as they are at the start.
    pub until_end: bool,
    /// Parts of a checkpoint that may start empty, by name.
    pub confirm_reset: Vec<String>,
    /// Hash of the configuration, for metrics.
    pub config_hash: String,
}

impl RunSettings {
    /// What `settings` say, for an elected learner that runs until it is stopped. `threads` never changes a result.
    #[must_use]
    pub fn new(settings: &Settings, threads: usize) -> Self {
        let source = |s: &crate::config::SourceSettings| SourceSettings {
            topic: s.topic.clone(),
            start: s.start,
            items: s.content == Content::Items,
        };
        Self {
            kafka: settings.kafka.clone(),
            sources: settings.sources.iter().map(source).collect(),
            state: settings.state.path.clone(),
            every: settings.state.every,
            keep: settings.state.keep,
            listen: settings.http.listen,
            token: settings.http.token.as_ref().map(|token| Secret::expose(token).to_owned()),
            pipeline: PipelineConfig { nanos: monotonic_nanos, ..settings.pipeline(threads) },
            rank: match settings.learn.rank {
                RankShare::Auto => None,
                RankShare::Fixed(share) => Some(share),
            },
            leading: Leading::Elected,
            partitions: OUR_PARTITIONS,
            until_end: false,
            confirm_reset: Vec::new(),
            config_hash: settings.hash(),
        }
    }

    /// What every topic that is read holds.
    #[must_use]
    pub fn contents(&self) -> BTreeMap<String, Content> {
        let content = |s: &SourceSettings| if s.items { Content::Items } else { Content::Events };
        let mut all: BTreeMap<String, Content> = self.sources.iter().map(|s| (s.topic.clone(), content(s))).collect();
        all.insert(self.kafka.topic(names::EVENTS), Content::Events);
        all.insert(self.kafka.topic(names::DECISIONS), Content::Decisions);
        all
    }

    /// Where to begin in a topic where no position is held: ours are read from their oldest record.
    #[must_use]
    pub fn start_of(&self, topic: &str) -> Start {
        self.sources.iter().find(|s| s.topic == topic).map_or(Start::Earliest, |s| s.start)
    }
}
