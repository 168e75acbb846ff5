//! Topics on a real broker, for tests and benchmarks.

use reiver::adapter::kafka::{KafkaConfig, TopicPlan, ensure};
use std::collections::BTreeMap;

/// Makes topics with these names and numbers of partitions.
pub(crate) fn make_topics(brokers: &str, topics: &[(String, i32)]) {
    let config = KafkaConfig { brokers: brokers.to_owned(), ..KafkaConfig::default() };
    let plan = |(name, partitions): &(String, i32)| TopicPlan {
        name: name.clone(),
        partitions: *partitions,
        config: BTreeMap::new(),
    };
    ensure(&config, &topics.iter().map(plan).collect::<Vec<_>>(), 1).expect("topics are made");
}
