//! Reading: what was written comes out, from where we say, and an end or a loss is told.

use crate::stage::{Haul, Stage, block, say};
use bytes::Bytes;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use reiver::adapter::kafka::SinkLimits;
use reiver::event::Time;
use reiver::port::{Outgoing, Sink, Source, SourceError, Start};
use std::collections::BTreeMap;
use std::time::Duration;

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[test]
fn keys_nulls_headers_and_times_come_back() {
    let stage = Stage::new(&[("a", 1)]);
    let sink = stage.sink(SinkLimits::default());
    let full = Outgoing {
        topic: stage.topic("a"),
        key: Some(bytes("k")),
        payload: Some(bytes("v")),
        headers: vec![("h".into(), Some(bytes("x"))), ("null".into(), None), ("h".into(), Some(Bytes::new()))],
        timestamp: Some(Time(1_700_000_000_123)),
    };
    let tombstone = Outgoing { payload: None, headers: vec![], ..full.clone() };
    let empty = Outgoing { key: Some(Bytes::new()), payload: Some(Bytes::new()), headers: vec![], ..full.clone() };
    let bare = Outgoing { topic: stage.topic("a"), payload: Some(bytes("bare")), ..Outgoing::default() };
    for record in [&full, &tombstone, &empty, &bare] {
        block(sink.send(record.clone())).unwrap();
    }
    let mut source = stage.source();
    assert_eq!(source.partitions(&stage.topic("a")).unwrap(), [0]);
    let partition = stage.partition("a", 0);
    assert_eq!(source.add(&[(partition.clone(), Start::Earliest)]).unwrap()[&partition], 0);
    let mut haul = Haul::default();
    assert!(haul.until(&mut source, |h| h.ends.get(&partition) == Some(&4)));
    let got = &haul.records[&partition];
    for (record, sent) in got.iter().zip([&full, &tombstone, &empty, &bare]) {
        assert_eq!((&record.key, &record.payload, &record.headers), (&sent.key, &sent.payload, &sent.headers));
        if let Some(time) = sent.timestamp {
            assert_eq!(record.timestamp, time);
        } else {
            assert!(record.timestamp.0 > 1_700_000_000_000);
        }
    }
    assert_eq!(source.ends().unwrap()[&partition], 4);
}

#[test]
fn a_missing_topic_is_named() {
    let stage = Stage::new(&[]);
    let mut source = stage.source();
    let topic = stage.topic("nowhere");
    match source.partitions(&topic) {
        Err(SourceError::NoTopic(name)) => assert_eq!(name, &*topic),
        other => panic!("expected NoTopic, got {other:?}"),
    }
}

#[test]
fn reading_resumes_exactly_and_misleading_commits_are_ignored() {
    let stage = Stage::new(&[("a", 3), ("b", 3)]);
    for number in 0..3 {
        stage.fill("a", number, 0, 1000);
        stage.fill("b", number, 0, 10);
    }
    // Somebody's commits, for the same group, far beyond what we hold.
    let liar: BaseConsumer = stage.plain().set("group.id", &stage.config.group).create().unwrap();
    let mut list = TopicPartitionList::new();
    for number in 0..3 {
        list.add_partition_offset(&stage.topic("a"), number, Offset::Offset(900)).unwrap();
    }
    liar.commit(&list, CommitMode::Sync).unwrap();
    drop(liar);

    let mut starts = Vec::new();
    for number in 0..3 {
        starts.push((stage.partition("a", number), Start::Offset(i64::from(number) * 100 + 7)));
        starts.push((stage.partition("b", number), Start::Latest));
    }
    let mut source = stage.source();
    let resolved = source.add(&starts).unwrap();
    assert_eq!(resolved[&stage.partition("b", 1)], 10);
    let mut haul = Haul::default();
    assert!(haul.until(&mut source, |h| h.ends.len() == 6), "ends: {:?}", haul.ends);
    for number in 0..3 {
        let expected: Vec<i64> = (i64::from(number) * 100 + 7..1000).collect();
        assert_eq!(haul.offsets(&stage.partition("a", number)), expected);
        assert_eq!(haul.ends[&stage.partition("a", number)], 1000);
        assert_eq!(haul.ends[&stage.partition("b", number)], 10);
    }
    // The same number in two topics: each end is told of the right one.
    stage.fill("b", 1, 10, 5);
    assert!(haul.until(&mut source, |h| h.ends[&stage.partition("b", 1)] == 15));
    assert_eq!(haul.ends[&stage.partition("a", 1)], 1000);
    assert_eq!(haul.offsets(&stage.partition("b", 1)), [10, 11, 12, 13, 14]);
}

#[test]
fn what_we_commit_is_there_for_lag_tools() {
    let stage = Stage::new(&[("a", 2)]);
    stage.fill("a", 0, 0, 50);
    let mut source = stage.source();
    source.add(&[(stage.partition("a", 0), Start::Earliest), (stage.partition("a", 1), Start::Earliest)]).unwrap();
    let mut haul = Haul::default();
    assert!(haul.until(&mut source, |h| h.ends.len() == 2));
    source.commit(&BTreeMap::from([(stage.partition("a", 0), 42), (stage.partition("a", 1), 0)]));
    let tool: BaseConsumer = stage.plain().set("group.id", &stage.config.group).create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition(&stage.topic("a"), 0);
    let seen = (0..100).any(|_| {
        drop(source.poll(crate::stage::TURN));
        let committed = tool.committed_offsets(list.clone(), Duration::from_secs(10)).unwrap();
        committed.find_partition(&stage.topic("a"), 0).unwrap().offset() == Offset::Offset(42)
    });
    assert!(seen);
}

#[test]
fn partitions_can_be_added_while_reading() {
    let stage = Stage::new(&[("a", 2), ("b", 1)]);
    stage.fill("a", 0, 0, 100);
    stage.fill("a", 1, 0, 100);
    stage.fill("b", 0, 0, 100);
    let mut source = stage.source();
    let mut haul = Haul::default();
    source.add(&[(stage.partition("a", 0), Start::Earliest)]).unwrap();
    assert!(haul.until(&mut source, |h| h.ends.len() == 1));
    source.add(&[(stage.partition("a", 1), Start::Offset(50)), (stage.partition("b", 0), Start::Offset(99))]).unwrap();
    assert!(haul.until(&mut source, |h| h.ends.len() == 3));
    assert_eq!(haul.offsets(&stage.partition("a", 0)), (0..100).collect::<Vec<_>>());
    assert_eq!(haul.offsets(&stage.partition("a", 1)), (50..100).collect::<Vec<_>>());
    assert_eq!(haul.offsets(&stage.partition("b", 0)), [99]);
}

#[test]
fn pausing_at_any_moment_loses_and_repeats_nothing() {
    let stage = Stage::new(&[("a", 2)]);
    for number in 0..2 {
        stage.fill("a", number, 0, 3000);
    }
    let parts = [stage.partition("a", 0), stage.partition("a", 1)];
    let mut source = stage.source();
    source.add(&parts.clone().map(|p| (p, Start::Earliest))).unwrap();
    // Right after the assignment: the moment at which librdkafka can lose the position.
    source.pause(&parts, true);
    let mut haul = Haul::default();
    haul.turns(&mut source, 10, |_| false);
    source.pause(&parts, false);
    for round in 0..10 {
        haul.turns(&mut source, 1, |_| false);
        source.pause(&parts[round % 2..=round % 2], round % 3 != 0);
    }
    source.pause(&parts, false);
    assert!(haul.until(&mut source, |h| parts.iter().all(|p| h.ends.get(p) == Some(&3000))));
    for part in &parts {
        assert_eq!(haul.offsets(part), (0..3000).collect::<Vec<_>>());
    }
    // A paused partition stays silent.
    source.pause(&parts, true);
    stage.fill("a", 0, 3000, 10);
    haul.turns(&mut source, 10, |_| false);
    let seen = haul.count();
    source.pause(&parts, false);
    assert!(haul.until(&mut source, |h| h.count() == 6010));
    assert_eq!(seen, 6000);
}

#[test]
fn a_lost_position_is_loud() {
    let stage = Stage::new(&[("a", 2)]);
    stage.fill("a", 0, 0, 10);
    stage.fill("a", 1, 0, 10);
    let mut source = stage.source();
    // A position that never was.
    source.add(&[(stage.partition("a", 0), Start::Earliest), (stage.partition("a", 1), Start::Offset(500))]).unwrap();
    let mut haul = Haul::default();
    let lost = |h: &Haul, number: i32| {
        h.troubles.iter().any(
            |t| matches!(t, SourceError::PositionLost { partition, .. } if *partition == stage.partition("a", number)),
        )
    };
    assert!(haul.until(&mut source, |h| lost(h, 1)), "{:?}", haul.troubles);
    assert!(!lost(&haul, 0));
    assert!(haul.until(&mut source, |h| h.offsets(&stage.partition("a", 0)).len() == 10), "the others go on");
}

#[test]
fn a_position_deleted_by_retention_is_loud() {
    let what = "a position lost after delete_records (its delete_records does nothing)";
    let Some(stage) = Stage::apache(&[("a", 1)], what) else { return };
    stage.fill("a", 0, 0, 100);
    let admin: AdminClient<DefaultClientContext> = stage.plain().create().unwrap();
    let mut upto = TopicPartitionList::new();
    upto.add_partition_offset(&stage.topic("a"), 0, Offset::Offset(60)).unwrap();
    block(admin.delete_records(&upto, &AdminOptions::new())).unwrap();
    let mut source = stage.source();
    source.add(&[(stage.partition("a", 0), Start::Offset(40))]).unwrap();
    let mut haul = Haul::default();
    assert!(haul.until(&mut source, |h| !h.troubles.is_empty()));
    match &haul.troubles[0] {
        SourceError::PositionLost { partition, detail } => {
            assert_eq!(*partition, stage.partition("a", 0));
            assert!(detail.contains("40") && detail.contains("60"), "{detail}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(haul.count(), 0);
    let mut source = stage.source();
    assert_eq!(source.add(&[(stage.partition("a", 0), Start::Earliest)]).unwrap()[&stage.partition("a", 0)], 60);
}

#[test]
fn times_are_looked_up() {
    let Some(stage) = Stage::apache(&[("a", 1)], "starting at a time (it cannot look times up)") else { return };
    stage.fill("a", 0, 0, 100);
    let partition = stage.partition("a", 0);
    for (time, offset) in [(1_000_000 + 33, 33), (0, 0), (9_000_000, 100)] {
        let mut source = stage.source();
        assert_eq!(source.add(&[(partition.clone(), Start::At(Time(time)))]).unwrap()[&partition], offset);
    }
}

#[test]
fn aborted_records_are_not_read() {
    let what = "read_committed hides aborted and open transactions (its transactions do nothing)";
    let Some(stage) = Stage::apache(&[("a", 1)], what) else { return };
    let producer: BaseProducer = stage.plain().set("transactional.id", &stage.config.prefix).create().unwrap();
    let limit = Duration::from_secs(20);
    producer.init_transactions(limit).unwrap();
    let topic = stage.topic("a");
    producer.begin_transaction().unwrap();
    crate::stage::write(&producer, &topic, 0, 100, 5);
    producer.flush(limit).unwrap();
    producer.abort_transaction(limit).unwrap();
    producer.begin_transaction().unwrap();
    crate::stage::write(&producer, &topic, 0, 200, 5);
    producer.commit_transaction(limit).unwrap();
    producer.begin_transaction().unwrap();
    crate::stage::write(&producer, &topic, 0, 300, 5);
    producer.flush(limit).unwrap();

    let partition = stage.partition("a", 0);
    let mut source = stage.source();
    source.add(&[(partition.clone(), Start::Earliest)]).unwrap();
    let mut haul = Haul::default();
    // 5 aborted and their mark, 5 committed and their mark; the open ones are beyond the end.
    assert!(haul.until(&mut source, |h| h.ends.get(&partition) == Some(&12)), "{:?}", haul.ends);
    assert_eq!(haul.offsets(&partition), [6, 7, 8, 9, 10]);
    assert_eq!(source.ends().unwrap()[&partition], 12);
    producer.commit_transaction(limit).unwrap();
    assert!(haul.until(&mut source, |h| h.count() == 10));
}

#[test]
fn ten_megabytes_pass() {
    let Some(mut stage) = Stage::apache(&[], "a 10 MB record (it empties the partition)") else { return };
    let topic = stage.config.topic("big");
    let settings = [("max.message.bytes", "12582912"), ("retention.ms", "-1")];
    crate::stage::create(&stage.config.brokers, &[(topic.clone(), 1)], &settings);
    let big: Vec<u8> = (0..10 << 20).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let record = Outgoing { topic: topic.into(), payload: Some(big.clone().into()), ..Outgoing::default() };
    // With the default limits our own producer refuses it.
    assert!(matches!(
        block(stage.sink(SinkLimits::default()).send(record.clone())),
        Err(reiver::port::SinkError::Refused(_))
    ));
    stage.config.client.insert("message.max.bytes".into(), "12582912".into());
    block(stage.sink(SinkLimits::default()).send(record)).unwrap();
    stage.fill("big", 0, 0, 3);
    let partition = stage.partition("big", 0);
    let mut source = stage.source();
    source.add(&[(partition.clone(), Start::Earliest)]).unwrap();
    let mut haul = Haul::default();
    assert!(haul.until(&mut source, |h| h.ends.get(&partition) == Some(&4)));
    assert!(haul.records[&partition][0].payload.as_deref() == Some(&big[..]));
}

#[test]
fn an_outage_is_told_and_reading_goes_on_by_itself() {
    let Some(mut stage) = Stage::alone(&[("a", 1), ("b", 1)]) else { return };
    if !stage.is_embedded() {
        // A stopped process keeps its connections: it counts as away when a request gets no answer.
        stage.config.client.insert("socket.timeout.ms".into(), "3000".into());
    }
    stage.fill("a", 0, 0, 10);
    let (a, b) = (stage.partition("a", 0), stage.partition("b", 0));
    let mut source = stage.source();
    source.add(&[(a.clone(), Start::Earliest), (b, Start::Earliest)]).unwrap();
    let mut haul = Haul::default();
    assert!(haul.until(&mut source, |h| h.ends.len() == 2));
    stage.down();
    let away = |t: &SourceError| matches!(t, SourceError::Away(_));
    assert!(haul.until(&mut source, |h| h.troubles.iter().any(away)), "{:?}", haul.troubles);
    assert!(haul.troubles.iter().all(away), "{:?}", haul.troubles);
    haul.ends.clear();
    stage.up();
    // The ends are told again although nothing new came, and what comes is read.
    assert!(haul.until(&mut source, |h| h.ends.len() == 2), "{:?}", haul.ends);
    stage.fill("a", 0, 10, 10);
    assert!(haul.until(&mut source, |h| h.count() == 20));
    assert_eq!(haul.offsets(&a), (0..20).collect::<Vec<_>>());
    if stage.is_embedded() {
        say("note: on the embedded broker an outage is a closed port, not a stopped process");
    }
}
