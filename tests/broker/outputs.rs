//! Writing: acknowledged, or spooled until delivered.

use crate::stage::{Haul, Stage, block, restart, say};
use bytes::Bytes;
use reiver::adapter::kafka::{Outcome, SinkLimits};
use reiver::port::{Outgoing, Sink, SinkError, Source, Start};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

fn numbered(topic: &Arc<str>, i: usize) -> Outgoing {
    let payload = Some(Bytes::from(i.to_string()));
    Outgoing { topic: topic.clone(), key: payload.clone(), payload, ..Outgoing::default() }
}

/// Distinct numbers in a topic, and how many records hold them.
fn recount(stage: &Stage, topic: &str) -> (BTreeSet<usize>, usize) {
    let mut source = stage.source();
    let numbers = source.partitions(&stage.topic(topic)).unwrap();
    let starts: Vec<_> = numbers.iter().map(|n| (stage.partition(topic, *n), Start::Earliest)).collect();
    source.add(&starts).unwrap();
    let mut haul = Haul::default();
    assert!(haul.until(&mut source, |h| h.ends.len() == numbers.len()));
    let text = |r: &reiver::event::Record| String::from_utf8(r.payload.clone().unwrap().to_vec()).unwrap();
    (haul.records.values().flatten().map(|r| text(r).parse().unwrap()).collect(), haul.count())
}

#[test]
fn keys_go_where_java_sends_them() {
    // Hashes from Apache Kafka's own UtilsTest.
    let golden: [(&str, i32); 6] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ];
    let stage = Stage::new(&[("a", 12)]);
    let sink = stage.sink(SinkLimits::default());
    for (key, _) in golden {
        let key = Some(Bytes::from_static(key.as_bytes()));
        let record = Outgoing { topic: stage.topic("a"), key: key.clone(), payload: key, ..Outgoing::default() };
        block(sink.send(record)).unwrap();
    }
    let mut source = stage.source();
    let starts: Vec<_> = (0..12).map(|n| (stage.partition("a", n), Start::Earliest)).collect();
    source.add(&starts).unwrap();
    let mut haul = Haul::default();
    assert!(haul.until(&mut source, |h| h.count() == golden.len()));
    for record in haul.records.values().flatten() {
        let hash = golden.iter().find(|(key, _)| record.key.as_deref() == Some(key.as_bytes())).unwrap().1;
        assert_eq!(record.partition.number, (hash & 0x7fff_ffff) % 12);
    }
}

#[test]
fn a_spool_delivers_everything_once() {
    let stage = Stage::new(&[("a", 4)]);
    let sink = stage.sink(SinkLimits::default());
    for i in 0..5000 {
        sink.spool(numbered(&stage.topic("a"), i)).unwrap();
    }
    assert_eq!(sink.flush(Duration::from_secs(30)), 0);
    assert_eq!((sink.spooled(), sink.spooled_bytes()), (0, 0));
    assert_eq!(recount(&stage, "a"), ((0..5000).collect(), 5000));
    let delivered = (stage.config.topic("a"), Outcome::Delivered);
    assert_eq!(stage.counters.counts().produced[&delivered], 5000);
}

#[test]
fn an_outage_delays_the_spool_and_answers_clients_unknown() {
    let Some(mut stage) = Stage::alone(&[("a", 4)]) else { return };
    stage.config.client.insert("delivery.timeout.ms".into(), "2000".into());
    stage.config.client.insert("socket.timeout.ms".into(), "1500".into());
    let sink = stage.sink(SinkLimits { records: 1000, ..SinkLimits::default() });
    let topic = stage.topic("a");
    for i in 0..300 {
        sink.spool(numbered(&topic, i)).unwrap();
    }
    block(sink.send(numbered(&topic, 300))).unwrap();
    assert_eq!(sink.flush(Duration::from_secs(20)), 0);
    stage.down();
    for i in 301..1301 {
        sink.spool(numbered(&topic, i)).unwrap();
    }
    // Full: the record comes back, at once.
    assert_eq!(sink.spool(numbered(&topic, 9999)).unwrap_err().key, Some(Bytes::from("9999")));
    let answer = block(sink.send(numbered(&topic, 301)));
    assert!(matches!(answer, Err(SinkError::Unknown(_))), "{answer:?}");
    assert_eq!(sink.flush(Duration::from_secs(4)), 1000, "what timed out stays in the spool");
    assert!(stage.counters.resent.load(Ordering::Relaxed) > 0);
    stage.up();
    assert_eq!(sink.flush(Duration::from_secs(60)), 0);
    let (distinct, records) = recount(&stage, "a");
    assert_eq!(distinct, (0..1301).collect());
    say(&format!("after the outage: {} distinct of {records} records", distinct.len()));
    assert_eq!(stage.counters.counts().produced[&(stage.config.topic("a"), Outcome::Full)], 1);
}

#[test]
fn a_restart_of_the_broker_loses_nothing_of_the_spool() {
    let what = "a restart of the broker process";
    if crate::stage::real().is_none() {
        return say(&format!("skipped on the embedded broker: {what}"));
    }
    let Some(mut stage) = Stage::alone(&[("a", 4)]) else { return };
    stage.config.client.insert("delivery.timeout.ms".into(), "3000".into());
    let sink = stage.sink(SinkLimits::default());
    let topic = stage.topic("a");
    std::thread::scope(|scope| {
        scope.spawn(restart);
        for i in 0..3000 {
            sink.spool(numbered(&topic, i)).unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    assert_eq!(sink.flush(Duration::from_secs(60)), 0);
    assert_eq!(recount(&stage, "a").0, (0..3000).collect());
}

#[test]
fn a_record_that_is_never_taken_is_dropped_and_counted() {
    let stage = Stage::new(&[("a", 1)]);
    let sink = stage.sink(SinkLimits::default());
    let big = Outgoing { payload: Some(vec![7; 2 << 20].into()), ..numbered(&stage.topic("a"), 0) };
    let answer = block(sink.send(big.clone()));
    assert!(matches!(answer, Err(SinkError::Refused(_))), "{answer:?}");
    sink.spool(big).unwrap();
    sink.spool(numbered(&stage.topic("a"), 1)).unwrap();
    assert_eq!(sink.flush(Duration::from_secs(20)), 0, "one bad record does not hold up the others");
    assert_eq!(stage.counters.spool_dropped.load(Ordering::Relaxed), 1);
    assert_eq!(recount(&stage, "a"), (BTreeSet::from([1]), 1));
}

#[test]
fn nobody_at_home_is_not_a_panic() {
    let mut stage = Stage::new(&[]);
    stage.config.brokers = "127.0.0.1:1".into();
    stage.config.client.insert("delivery.timeout.ms".into(), "1000".into());
    let sink = stage.sink(SinkLimits::default());
    let answer = block(sink.send(numbered(&stage.topic("a"), 1)));
    assert!(matches!(answer, Err(SinkError::Unknown(_))), "{answer:?}");
    assert!(sink.away());
    sink.spool(numbered(&stage.topic("a"), 2)).unwrap();
    assert_eq!(sink.flush(Duration::from_millis(200)), 1);
    assert!(reiver::adapter::kafka::describe(&stage.config, &[]).is_err());
    assert!(stage.counters.counts().errors.contains_key("all_brokers_down"));
}
