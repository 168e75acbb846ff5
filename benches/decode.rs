//! Decoding: each event type, beside what serde_json alone costs on the same bytes.
//!
//! `parse` is `serde_json::from_slice` into an ignoring visitor (syntax only); `value` builds `serde_json::Value`.

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use reiver::codec::{decode, encode};
use reiver::event::{Content, Partition, Record, Time};
use serde::de::IgnoredAny;
use std::hint::black_box;

const DECISION: &str = r#"{"type":"decision","decision_id":"0197a000-0000-7000-8000-000000000001","event_time":"2026-11-24T07:00:00.123Z","source":"ours","experiment":"home","unit":"u42","scope":"all","epoch":20781,"salt_id":"s1","arm":"transitions","propensity":0.713,"allocation":{"generation":3,"tick":18231},"arms":[{"arm":"popularity","propensity":0.087,"eligible":true,"mean":0.31,"stddev":0.02},{"arm":"transitions","propensity":0.713,"eligible":true,"mean":0.38,"stddev":0.03},{"arm":"mf","propensity":0.1,"eligible":true,"mean":0.32,"stddev":0.03},{"arm":"ncf","propensity":0.1,"eligible":true,"mean":0.33,"stddev":0.05}],"reason":"assigned"}"#;

const EVENTS: [(&str, &str); 7] = [
    (
        "interaction",
        r#"{"type":"interaction","event_id":"e1","event_time":"2026-11-24T07:00:00.123Z","user_id":"u42","item_id":"i7","action":"click","decision_id":"0197a000-0000-7000-8000-000000000001","rank":3,"value":19.9}"#,
    ),
    (
        "rating",
        r#"{"type":"interaction","event_id":"17","event_time":"1997-09-20T03:05:10.000Z","user_id":"259","item_id":"255","action":"rating","value":4.0}"#,
    ),
    (
        "interaction, type last",
        r#"{"event_id":"e1","event_time":"2026-11-24T07:00:00.123Z","user_id":"u42","item_id":"i7","action":"click","decision_id":"0197a000-0000-7000-8000-000000000001","rank":3,"value":19.9,"type":"interaction"}"#,
    ),
    (
        "impression",
        r#"{"type":"impression","event_id":"e2","event_time":"2026-11-24T07:00:00.123Z","decision_id":"0197a000-0000-7000-8000-000000000001","user_id":"u42","items":[{"item_id":"i7","rank":1},{"item_id":"i9","rank":2},{"item_id":"i12","rank":3}]}"#,
    ),
    (
        "feedback",
        r#"{"type":"feedback","event_id":"e3","event_time":"2026-11-24T07:00:00.123Z","decision_id":"0197a000-0000-7000-8000-000000000001","metric":"click","value":1}"#,
    ),
    (
        "item",
        r#"{"type":"item","event_id":"e4","event_time":"2026-11-24T07:00:00.123Z","item_id":"i7","title":"Trail shoe","text":"Light, with a firm sole.","categories":["shoes"],"price":89.0,"available":true}"#,
    ),
    ("decision", DECISION),
];

fn bench(c: &mut Criterion) {
    for (name, text) in EVENTS {
        let record = Record {
            partition: Partition { topic: "shop.events".into(), number: 0 },
            offset: 0,
            timestamp: Time(1_795_507_200_000),
            key: None,
            payload: Some(Bytes::from_static(text.as_bytes())),
            headers: Vec::new(),
        };
        let event = decode(&record, Content::Events).expect("valid").event;
        let mut group = c.benchmark_group(format!("codec/{name}"));
        group.throughput(Throughput::Elements(1));
        group.bench_function("decode", |b| b.iter(|| decode(black_box(&record), Content::Events)));
        group.bench_function("encode", |b| b.iter(|| encode(black_box(&event))));
        group.bench_function("parse", |b| b.iter(|| serde_json::from_str::<IgnoredAny>(black_box(text))));
        group.bench_function("value", |b| b.iter(|| serde_json::from_str::<serde_json::Value>(black_box(text))));
        group.finish();
    }
    let bad = Record {
        partition: Partition { topic: "shop.events".into(), number: 0 },
        offset: 0,
        timestamp: Time(1_795_507_200_000),
        key: None,
        payload: Some(Bytes::from_static(br#"{"type":"interaction","event_id":"e1","event_time":"2026-11-24T07:00:00.123Z","user_id":42,"item_id":"i7","action":"click"}"#)),
        headers: Vec::new(),
    };
    let mut group = c.benchmark_group("codec/rejected");
    group.throughput(Throughput::Elements(1));
    group.bench_function("decode", |b| b.iter(|| decode(black_box(&bad), Content::Events)));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
