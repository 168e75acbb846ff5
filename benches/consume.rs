//! Events per second out of Kafka: a bare consumer that touches each payload, beside [`KafkaSource`] on the same topic.
//!
//! `cargo bench --bench consume` fills a topic of the embedded broker; with `REIVER_TEST_BROKERS=host:port` it makes one
//! on that broker. `RECORDS` (default 200000) and `PARTITIONS` (default 4) change its size. No criterion: one pass over
//! a topic is the measure, the best of three is printed.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use reiver::adapter::embedded::EmbeddedBroker;
use reiver::adapter::kafka::{KafkaConfig, KafkaControl, KafkaCounters, KafkaSource, Leading};
use reiver::event::Partition;
use reiver::port::{ControlLog, Fetched, Source, Start};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_millis(50);

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn create(brokers: &str, topic: &str, partitions: i32) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().expect("an admin client");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
    let made = runtime.block_on(admin.create_topics([&new], &options)).expect("an answer");
    assert!(made.iter().all(Result::is_ok), "{made:?}");
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

#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn main() {
    let (records, partitions) = (setting("RECORDS", 200_000), setting("PARTITIONS", 4));
    let topic = format!("consume-{}", std::process::id());
    let count = i32::try_from(partitions).expect("few partitions");
    let mut config = KafkaConfig { prefix: topic.clone(), ..KafkaConfig::default() };
    let control = config.topic("control");
    let real = std::env::var("REIVER_TEST_BROKERS").ok();
    let broker = EmbeddedBroker::start(&[(topic.as_str(), count), (control.as_str(), 1)]).expect("the embedded broker");
    match &real {
        Some(brokers) => {
            config.brokers.clone_from(brokers);
            create(brokers, &topic, count);
            create(brokers, &control, 1);
        }
        None => {
            config.brokers = broker.bootstrap().expect("an address");
            config.client = EmbeddedBroker::client_settings();
        }
    }
    fill(&config.brokers, &topic, records, partitions);
    let (mut best_bare, mut best_ours) = (0.0f64, 0.0f64);
    for _ in 0..3 {
        best_bare = best_bare.max(bare(&config, &topic, records, partitions));
        best_ours = best_ours.max(ours(&config, &topic, records, partitions));
    }
    let (median, slowest) = appends(&config);
    let place = if real.is_some() { "Kafka" } else { "embedded broker" };
    println!("consume/{place}: {records} records of ~200 bytes, {partitions} partitions, best of 3");
    println!("  bare consumer, payload touched   {best_bare:>12.0} events/s");
    println!("  KafkaSource, payload touched     {best_ours:>12.0} events/s");
    println!("  control append, committed        {median:>12.2} ms median, {slowest:.2} ms slowest of 100");
}
