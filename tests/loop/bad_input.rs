//! Bad records among good ones: exactly the bad ones are dead letters, each with its reason, and every good one counts.
//!
//! On the embedded broker, or on Apache Kafka with REIVER_TEST_BROKERS (then with 10,000 good events and payloads of
//! 10 MB, which the embedded broker loses).

use crate::instance::{broker, settings, up, wait_for};
use reiver::adapter::kafka::{KafkaConfig, Leading, TopicPlan, ensure, sample};
use reiver::app::{RunSettings, Running};
use reiver::event::Code;
use reiver::pipeline::EventOutcome;
use reiver::port::Outgoing;
use std::collections::{BTreeMap, BTreeSet};

/// Of each kind.
const EACH: usize = 50;

/// Kinds of bad records with the code each must get. `n` makes them distinct.
fn bad(n: usize, huge: bool) -> Vec<(Code, Option<String>)> {
    let event = |rest: &str| {
        Some(format!(
            r#"{{"type":"interaction","event_id":"bad-{n}","event_time":"2026-01-01T00:00:00Z","user_id":"u","item_id":"i","action":"click"{rest}}}"#
        ))
    };
    let timed = |time: &str| {
        Some(format!(
            r#"{{"type":"interaction","event_id":"bad-{n}","event_time":"{time}","user_id":"u","item_id":"i","action":"click"}}"#
        ))
    };
    let long = "x".repeat(300);
    let mut all = vec![
        (Code::MalformedJson, Some(format!(r#"{{"type":"interaction","event_id":"bad-{n}""#))),
        (Code::MalformedJson, event(r#","value":NaN"#)),
        (Code::MalformedJson, event(r#","value":Infinity"#)),
        (Code::NumberOutOfRange, event(r#","value":1e308"#)),
        (Code::WrongType, event(r#","value":"many""#)),
        (Code::MissingField, Some(format!(r#"{{"type":"interaction","event_id":"bad-{n}"}}"#))),
        (Code::ZeroByte, event(r#","session_id":"s\u0000t""#)),
        (Code::TooLong, event(&format!(r#","session_id":"{long}""#))),
        (Code::TimeOutOfRange, timed("1900-01-01T00:00:00Z")),
        (Code::TimeOutOfRange, timed("2200-01-01T00:00:00Z")),
        (Code::UnknownVersion, event(r#","schema_version":99"#)),
        (Code::UnknownType, Some(format!(r#"{{"type":"riddle","event_id":"bad-{n}"}}"#))),
        (Code::EmptyPayload, Some(String::new())),
    ];
    if huge {
        all.push((Code::TooLarge, Some("y".repeat(10 << 20))));
    }
    all
}

/// Where the test runs: settings, topic names, and whether the broker is a real one.
fn stage(folder: &std::path::Path) -> (RunSettings, Option<reiver::adapter::embedded::EmbeddedBroker>) {
    let Ok(brokers) = std::env::var("REIVER_TEST_BROKERS") else {
        eprintln!("on the embedded broker: payloads of 10 MB are skipped, set REIVER_TEST_BROKERS for them");
        let broker = broker();
        return (settings(&broker, folder, Vec::new()), Some(broker));
    };
    let name = format!("bad{}", std::process::id());
    let client = BTreeMap::from([
        ("message.max.bytes".to_owned(), "16000000".to_owned()),
        ("fetch.message.max.bytes".to_owned(), "16000000".to_owned()),
    ]);
    let kafka = KafkaConfig { brokers, group: name.clone(), prefix: name.clone(), client };
    let config = BTreeMap::from([("max.message.bytes".to_owned(), "16000000".to_owned())]);
    let topic = TopicPlan { name: format!("shop-{name}"), partitions: 4, config };
    ensure(&kafka, std::slice::from_ref(&topic), 1).expect("the topic is made");
    let embedded = broker();
    let mut settings = settings(&embedded, folder, Vec::new());
    settings.kafka = kafka;
    settings.sources[0].topic = topic.name;
    settings.leading = Leading::Elected;
    (settings, None)
}

fn write(running: &Running, topic: &str, n: usize, payload: Option<String>) {
    let key = Some(format!("k{n}").into());
    let record = Outgoing { topic: topic.into(), key, payload: payload.map(Into::into), ..Outgoing::default() };
    let mut record = Some(record);
    while let Some(r) = record.take() {
        record = running.sink.spool(r).err();
        if record.is_some() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

#[test]
fn exactly_the_bad_records_are_dead_letters_with_their_reasons() {
    let folder = tempfile::tempdir().expect("a folder");
    let (settings, embedded) = stage(folder.path());
    let real = embedded.is_none();
    let good: usize = if real { 10_000 } else { 1_000 };
    let topic = settings.sources[0].topic.clone();
    let kafka = settings.kafka.clone();
    let running = up(settings);
    let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
    let mut written = 0;
    for n in 0..good {
        let event = format!(
            r#"{{"type":"interaction","event_id":"good-{n}","event_time":"2026-01-01T00:00:00Z","user_id":"u{}","item_id":"i{}","action":"click"}}"#,
            n % 100,
            n % 37
        );
        write(&running, &topic, n, Some(event));
        if n % (good / EACH) == 0 {
            for (code, payload) in bad(n, real) {
                *wanted.entry(code.as_str()).or_default() += 1;
                written += 1;
                write(&running, &topic, written, payload);
            }
        }
    }
    let all = (good + written) as u64;
    wait_for("all records", || running.view.load().as_ref().is_some_and(|v| v.counts().records >= all));
    assert_eq!(running.sink.flush(std::time::Duration::from_secs(20)), 0);
    let view = running.view.load_full().expect("a view");
    assert_eq!(view.counts().records, all);
    assert_eq!(view.counts().outcome(EventOutcome::Accepted), good as u64);
    for (code, n) in &wanted {
        assert_eq!(view.counts().rejected.get(*code), Some(n), "{code}");
    }

    let letters = sample(&kafka, &kafka.topic("dead-letters"), written + 100).expect("dead letters are read");
    let text = |r: &reiver::event::Record, name: &str| -> String {
        let found = r.headers.iter().find(|(k, _)| k == name).and_then(|(_, v)| v.clone());
        found.map(|v| String::from_utf8_lossy(&v).into_owned()).unwrap_or_default()
    };
    let mut distinct: BTreeSet<(String, String)> = BTreeSet::new();
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for letter in &letters {
        let place = (text(letter, "__connect.errors.partition"), text(letter, "__connect.errors.offset"));
        if distinct.insert(place) {
            *found.entry(text(letter, "reiver.error.code")).or_default() += 1;
        }
    }
    let wanted: BTreeMap<String, u64> = wanted.into_iter().map(|(c, n)| (c.to_owned(), n)).collect();
    assert_eq!(found, wanted);
    running.stop.cancel();
    running.wait().expect("stops well");
}
