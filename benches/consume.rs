//! Events per second out of Kafka: a bare consumer that touches each payload, serde_json alone on the same bytes,
//! [`KafkaSource`], and the whole machine (decode, validate, duplicates, history, score, learn, checkpoint), all on one
//! topic in one run.
//!
//! `cargo bench --bench consume` fills a topic of the embedded broker; with `REIVER_TEST_BROKERS=host:port` it makes one
//! on that broker. `RECORDS` (default 200000) and `PARTITIONS` (default 4) change its size. No criterion: one pass over
//! a topic is the measure, the median of three is printed. The whole machine is timed from its start to its end, the
//! last checkpoint included.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "../tests/loop/instance.rs"]
#[expect(dead_code, reason = "of an instance's helpers only some are needed here")]
mod instance;
#[path = "../tests/kafka/topics.rs"]
mod topics;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use reiver::adapter::clock::{SystemClock, monotonic_nanos};
use reiver::adapter::embedded::EmbeddedBroker;
use reiver::adapter::kafka::{KafkaConfig, KafkaControl, KafkaCounters, KafkaSource, Leading};
use reiver::app::RunSettings;
use reiver::event::{Partition, Span};
use reiver::port::{ControlLog, Fetched, Source, Start};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use topics::make_topics;

const WAIT: Duration = Duration::from_millis(50);

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// About 200 bytes, as a shop would send them.
fn event(i: usize) -> String {
    format!(
        r#"{{"type":"interaction","event_id":"e{i}","event_time":"2026-11-24T07:{:02}:{:02}.{:03}Z","user_id":"u{}","item_id":"i{}","action":"click","rank":{},"value":{}.5,"session_id":"s{}"}}"#,
        i / 60_000 % 60,
        i / 1000 % 60,
        i % 1000,
        i * 7919 % 100_003,
        i * 104_729 % 5003,
        i % 10 + 1,
        i % 97,
        i / 20,
    )
}

fn fill(brokers: &str, topic: &str, records: usize, partitions: usize) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("compression.type", "zstd")
        .set("linger.ms", "20")
        .create()
        .expect("a producer");
    for i in 0..records {
        let (key, value) = (format!("u{}", i * 7919 % 100_003), event(i));
        let partition = i32::try_from(i % partitions).expect("few partitions");
        let mut record = BaseRecord::to(topic).partition(partition).key(&key).payload(&value);
        while let Err((_, back)) = producer.send(record) {
            producer.poll(Duration::from_millis(10));
            record = back;
        }
    }
    producer.flush(Duration::from_secs(60)).expect("all delivered");
}

fn bare(config: &KafkaConfig, topic: &str, records: usize, partitions: usize) -> f64 {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &config.brokers)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .set("fetch.queue.backoff.ms", "10")
        .set("fetch.wait.max.ms", "10");
    let consumer: BaseConsumer = client.create().expect("a consumer");
    let mut list = TopicPartitionList::new();
    for number in 0..i32::try_from(partitions).expect("few partitions") {
        list.add_partition_offset(topic, number, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&list).expect("assigned");
    let (mut seen, mut sum, mut begun) = (0, 0u64, Instant::now());
    while seen < records {
        let Some(message) = consumer.poll(WAIT) else { continue };
        let message = message.expect("a message");
        if seen == 0 {
            begun = Instant::now();
        }
        seen += 1;
        sum += message.payload().map_or(0, |p| p.iter().map(|b| u64::from(*b)).sum());
    }
    black_box(sum);
    records as f64 / begun.elapsed().as_secs_f64()
}

fn ours(config: &KafkaConfig, topic: &str, records: usize, partitions: usize) -> f64 {
    let mut source = KafkaSource::new(config.clone(), Arc::new(KafkaCounters::default()));
    let topic: Arc<str> = topic.into();
    let parts: Vec<_> = (0..i32::try_from(partitions).expect("few partitions"))
        .map(|number| (Partition { topic: topic.clone(), number }, Start::Earliest))
        .collect();
    source.add(&parts).expect("assigned");
    let (mut seen, mut sum, mut begun) = (0, 0u64, Instant::now());
    while seen < records {
        for fetched in source.poll(WAIT) {
            let Fetched::Records(batch) = fetched else { continue };
            if seen == 0 {
                begun = Instant::now();
            }
            seen += batch.len();
            for record in &batch {
                sum += record.payload.as_ref().map_or(0, |p| p.iter().map(|b| u64::from(*b)).sum());
            }
        }
    }
    black_box(sum);
    records as f64 / begun.elapsed().as_secs_f64()
}

/// serde_json alone, on one core: syntax only, and into a `Value`.
fn parsed(records: usize) -> (f64, f64) {
    let payloads: Vec<String> = (0..records).map(event).collect();
    let begun = Instant::now();
    for payload in &payloads {
        black_box(serde_json::from_slice::<serde::de::IgnoredAny>(payload.as_bytes()).expect("JSON"));
    }
    let syntax = records as f64 / begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    for payload in &payloads {
        black_box(serde_json::from_slice::<serde_json::Value>(payload.as_bytes()).expect("JSON"));
    }
    (syntax, records as f64 / begun.elapsed().as_secs_f64())
}

/// The whole machine over the topic, with these models: from the start of the process's work to its end.
fn machine(broker: &EmbeddedBroker, config: &KafkaConfig, topic: &str, models: &[&str], records: usize) -> f64 {
    let state = tempfile::tempdir().expect("a folder");
    let mut settings = instance::settings(broker, state.path(), Vec::new());
    settings.sources[0].topic = topic.to_owned();
    settings.pipeline.models.retain(|(kind, _)| models.contains(&kind.as_str()));
    settings.pipeline.memory = 2 << 30;
    settings.pipeline.threads = 2;
    settings.pipeline.nanos = monotonic_nanos;
    let every = Span::seconds(10);
    let settings = RunSettings { kafka: config.clone(), every, token: None, rank: None, until_end: true, ..settings };
    let begun = Instant::now();
    let document = reiver::app::start(settings, Arc::new(SystemClock)).expect("starts").wait().expect("ends well");
    assert!(document.events >= records as u64, "{} of {records} events", document.events);
    records as f64 / begun.elapsed().as_secs_f64()
}

/// A run's own topics, on a broker that makes none by itself.
fn own_topics(config: &KafkaConfig) -> Vec<(String, i32)> {
    let ours = ["events", "decisions", "allocations", "dead-letters"].map(|name| (config.topic(name), 2));
    ours.into_iter().chain([(config.topic("control"), 1)]).collect()
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

/// Milliseconds from an append to its acknowledged commit: the median and the slowest of a hundred.
fn appends(config: &KafkaConfig) -> (f64, f64) {
    let counters = Arc::new(KafkaCounters::default());
    let mut control = KafkaControl::new(config, counters, Leading::Alone).expect("a control log");
    control.take_over().expect("the pen");
    let mut took: Vec<f64> = (0..100)
        .map(|_| {
            let begun = Instant::now();
            control.append(&[b'x'; 300]).expect("appended");
            begun.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    took.sort_by(f64::total_cmp);
    (took[50], took[99])
}

const MODELS: [(&str, &[&str]); 2] = [
    ("popularity, transitions", &["popularity", "transitions"]),
    ("all four models", &["popularity", "transitions", "mf", "ncf"]),
];
const TURNS: usize = 3;

/// The settings of each run of the machine: each has topics and a group of its own.
fn runs(base: &KafkaConfig) -> Vec<Vec<KafkaConfig>> {
    let one = |m: usize, turn: usize| {
        let prefix = format!("{}-{m}-{turn}", base.prefix);
        KafkaConfig { group: prefix.clone(), prefix, ..base.clone() }
    };
    (0..MODELS.len()).map(|m| (0..TURNS).map(|turn| one(m, turn)).collect()).collect()
}

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn main() {
    let (records, partitions) = (setting("RECORDS", 200_000), setting("PARTITIONS", 4));
    let topic = format!("consume-{}", std::process::id());
    let count = i32::try_from(partitions).expect("few partitions");
    let mut config = KafkaConfig { prefix: topic.clone(), ..KafkaConfig::default() };
    let mut topics = vec![(topic.clone(), count), (config.topic("control"), 1)];
    topics.extend(runs(&config).iter().flatten().flat_map(own_topics));
    let named: Vec<(&str, i32)> = topics.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    let real = std::env::var("REIVER_TEST_BROKERS").ok();
    let broker = EmbeddedBroker::start(&named).expect("the embedded broker");
    match &real {
        Some(brokers) => {
            config.brokers.clone_from(brokers);
            make_topics(brokers, &topics);
        }
        None => {
            config.brokers = broker.bootstrap().expect("an address");
            config.client = EmbeddedBroker::client_settings();
        }
    }
    fill(&config.brokers, &topic, records, partitions);
    let place = if real.is_some() { "Kafka" } else { "embedded broker" };
    println!("consume/{place}: {records} records of ~200 bytes, {partitions} partitions, medians of {TURNS}");
    let (mut bares, mut sources, mut syntaxes, mut values) = (vec![], vec![], vec![], vec![]);
    let mut machines = vec![vec![]; MODELS.len()];
    for turn in 0..TURNS {
        bares.push(bare(&config, &topic, records, partitions));
        sources.push(ours(&config, &topic, records, partitions));
        let (syntax, value) = parsed(records);
        syntaxes.push(syntax);
        values.push(value);
        for (m, (_, models)) in MODELS.iter().enumerate() {
            machines[m].push(machine(&broker, &runs(&config)[m][turn], &topic, models, records));
        }
    }
    println!("  bare rdkafka consumer, payload touched   {:>12.0} events/s", median(bares));
    println!("  KafkaSource, payload touched             {:>12.0} events/s", median(sources));
    println!("  serde_json alone, syntax                 {:>12.0} events/s", median(syntaxes));
    println!("  serde_json alone, into Value             {:>12.0} events/s", median(values));
    for ((name, _), rates) in MODELS.iter().zip(machines) {
        println!("  whole machine, {name:<25} {:>12.0} events/s", median(rates));
    }
    let (middle, slowest) = appends(&config);
    println!("  control append, committed                {middle:>12.2} ms median, {slowest:.2} ms slowest of 100");
}
