//! Our own topics: made when missing, looked at for `reiver check`. A team's topics are never made or changed.

use super::config::{KafkaConfig, Role};
use super::context::Watch;
use super::counters::KafkaCounters;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Names of our topics, after the prefix and a dot.
pub mod names {
    /// What came by HTTP.
    pub const EVENTS: &str = "events";
    /// The decision log.
    pub const DECISIONS: &str = "decisions";
    /// Commands, generations, cuts.
    pub const CONTROL: &str = "control";
    /// Fixed vectors by experiment, scope and slot.
    pub const ALLOCATIONS: &str = "allocations";
    /// Rejected records.
    pub const DEAD_LETTERS: &str = "dead-letters";
}

const LIMIT: Duration = Duration::from_secs(20);

/// A topic as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPlan {
    /// Full name.
    pub name: String,
    /// Number of partitions.
    pub partitions: i32,
    /// Settings.
    pub config: BTreeMap<String, String>,
}

impl TopicPlan {
    /// The plan of all our topics: control has one partition and keeps 30 days, allocations are compacted.
    #[must_use]
    pub fn ours(config: &KafkaConfig, partitions: i32) -> Vec<Self> {
        let plan = |name: &str, partitions, settings: &[(&str, &str)]| Self {
            name: config.topic(name),
            partitions,
            config: settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        };
        vec![
            plan(names::EVENTS, partitions, &[]),
            plan(names::DECISIONS, partitions, &[]),
            plan(names::CONTROL, 1, &[("cleanup.policy", "delete"), ("retention.ms", "2592000000")]),
            plan(names::ALLOCATIONS, 1, &[("cleanup.policy", "compact")]),
            plan(names::DEAD_LETTERS, partitions, &[]),
        ]
    }
}

/// What [`ensure`] found or did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ensured {
    /// Made now.
    Created,
    /// Was there.
    Present,
}

/// What a topic is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicFacts {
    /// Number of partitions.
    pub partitions: usize,
    /// The smallest number of replicas of any partition.
    pub replication: usize,
    /// Partitions without a leader.
    pub leaderless: usize,
}

/// Why topics could not be looked at or made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// No broker answers.
    #[error("no broker answers at {brokers}: {detail}")]
    Away {
        /// Who was asked.
        brokers: String,
        /// What librdkafka said.
        detail: String,
    },
    /// The broker refuses to make it.
    #[error("topic {name} could not be made: {detail}")]
    Refused {
        /// The topic.
        name: String,
        /// What the broker said.
        detail: String,
    },
    /// It is there, and not as it must be.
    #[error("topic {name} has {found} partitions and must have {wanted}: an existing topic is never changed")]
    Partitions {
        /// The topic.
        name: String,
        /// Its partitions.
        found: usize,
        /// What it must have.
        wanted: i32,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

fn admin(config: &KafkaConfig) -> Result<AdminClient<Watch>, TopicError> {
    config
        .client(Role::Admin)
        .create_with_context(Watch::new("admin", Arc::new(KafkaCounters::default())))
        .map_err(|e| TopicError::Other(e.to_string()))
}

fn away(config: &KafkaConfig, error: &KafkaError) -> TopicError {
    TopicError::Away { brokers: config.brokers.clone(), detail: error.to_string() }
}

/// What the named topics are; `None` where there is none. Makes nothing.
///
/// # Errors
/// [`TopicError::Away`] when no broker answers within 10 s.
pub fn describe(config: &KafkaConfig, names: &[String]) -> Result<BTreeMap<String, Option<TopicFacts>>, TopicError> {
    let admin = admin(config)?;
    look(&admin, config, names)
}

fn look(
    admin: &AdminClient<Watch>,
    config: &KafkaConfig,
    names: &[String],
) -> Result<BTreeMap<String, Option<TopicFacts>>, TopicError> {
    // All at once: asking for one topic by name may make it, where a broker allows that.
    let metadata = admin.inner().fetch_metadata(None, Duration::from_secs(10)).map_err(|e| away(config, &e))?;
    let mut found = BTreeMap::new();
    for name in names {
        let topic = metadata.topics().iter().find(|t| t.name() == name && t.error().is_none());
        let facts = topic.map(|topic| TopicFacts {
            partitions: topic.partitions().len(),
            replication: topic.partitions().iter().map(|p| p.replicas().len()).min().unwrap_or(0),
            leaderless: topic.partitions().iter().filter(|p| p.leader() < 0).count(),
        });
        found.insert(name.clone(), facts);
    }
    Ok(found)
}

/// Makes those of our topics that are missing; `replication` −1 is the broker's default. Existing topics stay as they
/// are, but the control topic must have exactly one partition.
///
/// # Errors
/// When no broker answers, when a topic is refused, or when one that is there cannot serve.
pub fn ensure(
    config: &KafkaConfig,
    plans: &[TopicPlan],
    replication: i32,
) -> Result<BTreeMap<String, Ensured>, TopicError> {
    let admin = admin(config)?;
    let names: Vec<String> = plans.iter().map(|p| p.name.clone()).collect();
    let there = look(&admin, config, &names)?;
    serves(config, &there)?;
    let missing: Vec<&TopicPlan> = plans.iter().filter(|p| there.get(&p.name).is_none_or(Option::is_none)).collect();
    let mut done: BTreeMap<String, Ensured> =
        plans.iter().filter(|p| !missing.contains(p)).map(|p| (p.name.clone(), Ensured::Present)).collect();
    create(&admin, config, &missing, replication, &mut done)?;
    // Looked at again: what somebody else made a moment ago was not in the first answer.
    serves(config, &settle(&admin, config, &missing)?)?;
    Ok(done)
}

/// The control topic orders everything: one partition, or none of it holds.
fn serves(config: &KafkaConfig, there: &BTreeMap<String, Option<TopicFacts>>) -> Result<(), TopicError> {
    let name = config.topic(names::CONTROL);
    match there.get(&name) {
        Some(Some(facts)) if facts.partitions != 1 => {
            Err(TopicError::Partitions { name, found: facts.partitions, wanted: 1 })
        }
        _ => Ok(()),
    }
}

fn create(
    admin: &AdminClient<Watch>,
    config: &KafkaConfig,
    missing: &[&TopicPlan],
    replication: i32,
    done: &mut BTreeMap<String, Ensured>,
) -> Result<(), TopicError> {
    if missing.is_empty() {
        return Ok(());
    }
    let new: Vec<NewTopic<'_>> = missing
        .iter()
        .map(|plan| {
            let topic = NewTopic::new(&plan.name, plan.partitions, TopicReplication::Fixed(replication));
            plan.config.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
        })
        .collect();
    let options = AdminOptions::new().request_timeout(Some(LIMIT)).operation_timeout(Some(LIMIT));
    let results = wait_for(admin.create_topics(&new, &options))?.map_err(|e| away(config, &e))?;
    for result in results {
        match result {
            Ok(name) => done.insert(name, Ensured::Created),
            // Somebody else made it in between.
            Err((name, RDKafkaErrorCode::TopicAlreadyExists)) => done.insert(name, Ensured::Present),
            Err((name, code)) => return Err(TopicError::Refused { name, detail: code.to_string() }),
        };
    }
    Ok(())
}

/// A topic is of use when its partitions have leaders, a moment after it was made.
fn settle(
    admin: &AdminClient<Watch>,
    config: &KafkaConfig,
    made: &[&TopicPlan],
) -> Result<BTreeMap<String, Option<TopicFacts>>, TopicError> {
    let names: Vec<String> = made.iter().map(|p| p.name.clone()).collect();
    for _ in 0..100 {
        let facts = look(admin, config, &names)?;
        if facts.values().all(|f| f.as_ref().is_some_and(|f| f.leaderless == 0 && f.partitions > 0)) {
            return Ok(facts);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(TopicError::Other(format!("topics without leaders after 10 s: {}", names.join(", "))))
}

/// Waits for an admin request on a thread of its own: callers may or may not be inside an async runtime.
fn wait_for<T: Send>(request: impl Future<Output = T> + Send) -> Result<T, TopicError> {
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            runtime.map(|runtime| runtime.block_on(request)).map_err(|e| TopicError::Other(e.to_string()))
        });
        waiting.join().unwrap_or_else(|_| Err(TopicError::Other("the admin request panicked".to_owned())))
    })
}
