//! Where a test plays: a broker of its own in the process, or a corner of a real one.

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use reiver::adapter::embedded::EmbeddedBroker;
use reiver::adapter::kafka::{KafkaConfig, KafkaControl, KafkaCounters, KafkaSink, KafkaSource, Leading, SinkLimits};
use reiver::event::{Partition, Record};
use reiver::port::{ControlLog, Fetched, Led, Source, SourceError};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;
use std::sync::{Arc, Once, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// One turn of waiting.
pub(crate) const TURN: Duration = Duration::from_millis(50);
/// A real broker is shared: a test that stops it runs alone.
static SHARED: RwLock<()> = RwLock::new(());
static TOLD: Once = Once::new();

enum Hold {
    Shared(#[expect(dead_code, reason = "held, not read")] RwLockReadGuard<'static, ()>),
    Alone(#[expect(dead_code, reason = "held, not read")] RwLockWriteGuard<'static, ()>),
}

/// A broker with the topics of one test.
pub(crate) struct Stage {
    embedded: Option<EmbeddedBroker>,
    pub(crate) config: KafkaConfig,
    pub(crate) counters: Arc<KafkaCounters>,
    _hold: Hold,
}

/// Says something that the test runner does not swallow.
pub(crate) fn say(text: &str) {
    // The macros would be captured; a person running the suite must see what did not run.
    let mut err = std::io::stderr().lock();
    drop(writeln!(err, "{text}"));
}

pub(crate) fn real() -> Option<String> {
    std::env::var("REIVER_TEST_BROKERS").ok().filter(|b| !b.is_empty())
}

pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

impl Stage {
    /// A stage with these topics (after the prefix) and numbers of partitions.
    pub(crate) fn new(topics: &[(&str, i32)]) -> Self {
        Self::with(topics, Hold::Shared(SHARED.read().unwrap_or_else(|e| e.into_inner())))
    }

    /// The same for a test that takes the broker away.
    pub(crate) fn alone(topics: &[(&str, i32)]) -> Option<Self> {
        if real().is_some() && std::env::var("REIVER_TEST_BROKER_SCRIPT").is_err() {
            say("skipped: REIVER_TEST_BROKER_SCRIPT is not set, so the broker cannot be taken away");
            return None;
        }
        Some(Self::with(topics, Hold::Alone(SHARED.write().unwrap_or_else(|e| e.into_inner()))))
    }

    /// A stage only where the broker is a real one.
    pub(crate) fn apache(topics: &[(&str, i32)], what: &str) -> Option<Self> {
        if real().is_none() {
            say(&format!("skipped on the embedded broker: {what}"));
            return None;
        }
        Some(Self::new(topics))
    }

    fn with(topics: &[(&str, i32)], hold: Hold) -> Self {
        let prefix = format!("t{}", uuid::Uuid::now_v7().simple());
        let names: Vec<(String, i32)> = topics.iter().map(|(t, n)| (format!("{prefix}.{t}"), *n)).collect();
        let mut config = KafkaConfig { prefix: prefix.clone(), group: format!("{prefix}.g"), ..KafkaConfig::default() };
        let embedded = match real() {
            Some(brokers) => {
                config.brokers = brokers;
                config.client.insert("session.timeout.ms".into(), "2000".into());
                config.client.insert("heartbeat.interval.ms".into(), "200".into());
                // The tests' records are of 1970: retention would delete them at once.
                create(&config.brokers, &names, &[("retention.ms", "-1")]);
                None
            }
            None => {
                TOLD.call_once(|| say("the Apache Kafka suite was skipped: REIVER_TEST_BROKERS is not set"));
                let plain: Vec<(&str, i32)> = names.iter().map(|(n, p)| (n.as_str(), *p)).collect();
                let broker = EmbeddedBroker::start(&plain).unwrap();
                config.brokers = broker.bootstrap().unwrap();
                config.client = EmbeddedBroker::client_settings();
                Some(broker)
            }
        };
        Self { embedded, config, counters: Arc::default(), _hold: hold }
    }

    pub(crate) fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    pub(crate) fn topic(&self, name: &str) -> Arc<str> {
        self.config.topic(name).into()
    }

    pub(crate) fn partition(&self, name: &str, number: i32) -> Partition {
        Partition { topic: self.topic(name), number }
    }

    pub(crate) fn source(&self) -> KafkaSource {
        KafkaSource::new(self.config.clone(), self.counters.clone())
    }

    pub(crate) fn sink(&self, limits: SinkLimits) -> KafkaSink {
        KafkaSink::new(&self.config, limits, self.counters.clone()).unwrap()
    }

    pub(crate) fn control(&self, leading: Leading) -> KafkaControl {
        KafkaControl::new(&self.config, self.counters.clone(), leading).unwrap()
    }

    /// The broker goes away without a word.
    pub(crate) fn down(&self) {
        match &self.embedded {
            Some(broker) => broker.down().unwrap(),
            None => script("pause"),
        }
    }

    /// And is back.
    pub(crate) fn up(&self) {
        match &self.embedded {
            Some(broker) => broker.up().unwrap(),
            None => script("resume"),
        }
    }

    /// A plain client, independent of the code under test.
    pub(crate) fn plain(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.config.brokers);
        config
    }

    /// Writes `n` records with values "0", "1", … to one partition.
    pub(crate) fn fill(&self, topic: &str, partition: i32, from: i64, n: i64) {
        let producer: BaseProducer = self.plain().create().unwrap();
        write(&producer, &self.topic(topic), partition, from, n);
        producer.flush(Duration::from_secs(20)).unwrap();
    }
}

pub(crate) fn write(producer: &BaseProducer<DefaultProducerContext>, topic: &str, partition: i32, from: i64, n: i64) {
    for i in from..from + n {
        let value = i.to_string();
        let headers = OwnedHeaders::new().insert(Header { key: "i", value: Some(&value) });
        let record = BaseRecord::<str, str>::to(topic).partition(partition).payload(&value).timestamp(1_000_000 + i);
        producer.send(record.headers(headers)).map_err(|(e, _)| e).unwrap();
        if i % 500 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
}

fn script(command: &str) {
    let path = std::env::var("REIVER_TEST_BROKER_SCRIPT").unwrap();
    assert!(Command::new(path).arg(command).status().unwrap().success(), "the broker script failed: {command}");
}

/// The broker ends and starts again on the same data (a real one only).
pub(crate) fn restart() {
    script("restart");
}

pub(crate) fn create(brokers: &str, topics: &[(String, i32)], settings: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let new: Vec<NewTopic<'_>> = topics
        .iter()
        .map(|(name, n)| {
            let topic = NewTopic::new(name, *n, TopicReplication::Fixed(1));
            settings.iter().fold(topic, |topic, (k, v)| topic.set(k, v))
        })
        .collect();
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
    if !new.is_empty() {
        for result in block(admin.create_topics(&new, &options)).unwrap() {
            result.unwrap();
        }
    }
}

/// What a source brought.
#[derive(Default)]
pub(crate) struct Haul {
    pub(crate) records: BTreeMap<Partition, Vec<Record>>,
    pub(crate) ends: BTreeMap<Partition, i64>,
    pub(crate) troubles: Vec<SourceError>,
}

impl Haul {
    /// Polls until this holds, at most about 30 s.
    pub(crate) fn until(&mut self, source: &mut KafkaSource, enough: impl Fn(&Self) -> bool) -> bool {
        self.turns(source, 600, enough)
    }

    /// Polls for this many turns of 50 ms, or until it is enough.
    pub(crate) fn turns(&mut self, source: &mut KafkaSource, turns: usize, enough: impl Fn(&Self) -> bool) -> bool {
        for _ in 0..turns {
            for fetched in source.poll(TURN) {
                match fetched {
                    Fetched::Records(records) => {
                        let partition = records[0].partition.clone();
                        self.records.entry(partition).or_default().extend(records);
                    }
                    Fetched::End(partition, next) => drop(self.ends.insert(partition, next)),
                    Fetched::Trouble(error) => self.troubles.push(error),
                }
            }
            if enough(self) {
                return true;
            }
        }
        false
    }

    pub(crate) fn count(&self) -> usize {
        self.records.values().map(Vec::len).sum()
    }

    pub(crate) fn offsets(&self, partition: &Partition) -> Vec<i64> {
        self.records.get(partition).map_or_else(Vec::new, |r| r.iter().map(|r| r.offset).collect())
    }
}

/// Polls a control log until this holds, at most about 30 s; returns all that came.
pub(crate) fn led(control: &mut KafkaControl, enough: impl Fn(&[Led]) -> bool) -> Vec<Led> {
    let mut all = Vec::new();
    for _ in 0..600 {
        all.extend(control.poll(TURN));
        if enough(&all) {
            return all;
        }
    }
    panic!("it did not happen; came: {all:?}");
}

pub(crate) fn payloads(led: &[Led]) -> Vec<String> {
    led.iter()
        .filter_map(|one| match one {
            Led::Record { payload, .. } => Some(String::from_utf8_lossy(payload).into_owned()),
            _ => None,
        })
        .collect()
}
