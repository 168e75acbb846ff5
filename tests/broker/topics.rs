//! Topics: made when missing, never changed, looked at, sampled.

use crate::stage::{Stage, block};
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use reiver::adapter::kafka::{Ensured, TopicError, TopicPlan, describe, ensure, sample};

#[test]
fn ours_are_made_once_with_their_settings() {
    let Some(stage) = Stage::apache(&[], "making topics (it has no topic administration)") else { return };
    let plans = TopicPlan::ours(&stage.config, 3);
    let made = ensure(&stage.config, &plans, -1).unwrap();
    assert!(made.len() == 5 && made.values().all(|e| *e == Ensured::Created), "{made:?}");
    let again = ensure(&stage.config, &plans, -1).unwrap();
    assert!(again.values().all(|e| *e == Ensured::Present), "{again:?}");
    let names: Vec<String> = plans.iter().map(|p| p.name.clone()).collect();
    let facts = describe(&stage.config, &names).unwrap();
    for plan in &plans {
        let facts = facts[&plan.name].clone().unwrap();
        assert_eq!((facts.partitions, facts.replication, facts.leaderless), (plan.partitions as usize, 1, 0));
    }
    let admin: AdminClient<DefaultClientContext> = stage.plain().create().unwrap();
    let setting = |topic: &str, key: &str| {
        let name = stage.config.topic(topic);
        let answer = block(admin.describe_configs([&ResourceSpecifier::Topic(&name)], &AdminOptions::new())).unwrap();
        answer.into_iter().next().unwrap().unwrap().get(key).unwrap().value.clone().unwrap()
    };
    assert_eq!(setting("control", "retention.ms"), "2592000000");
    assert_eq!(setting("control", "cleanup.policy"), "delete");
    assert_eq!(setting("allocations", "cleanup.policy"), "compact");
}

#[test]
fn a_control_topic_with_two_partitions_is_refused() {
    let Some(stage) = Stage::apache(&[("control", 2)], "refusing a control topic with two partitions") else { return };
    let refused = ensure(&stage.config, &TopicPlan::ours(&stage.config, 1), -1);
    assert!(matches!(refused, Err(TopicError::Partitions { found: 2, .. })), "{refused:?}");
}

#[test]
fn looking_makes_nothing() {
    let stage = Stage::new(&[("a", 3)]);
    let names = [stage.config.topic("a"), stage.config.topic("nowhere")];
    for _ in 0..2 {
        let facts = describe(&stage.config, &names).unwrap();
        assert_eq!(facts[&names[0]].as_ref().unwrap().partitions, 3);
        assert_eq!(facts[&names[1]], None);
    }
}

#[test]
fn a_sample_is_the_newest_records() {
    let stage = Stage::new(&[("a", 2), ("empty", 1)]);
    stage.fill("a", 0, 0, 100);
    stage.fill("a", 1, 95, 10);
    let newest = sample(&stage.config, &stage.topic("a"), 8).unwrap();
    let times: Vec<i64> = newest.iter().map(|r| r.timestamp.0 - 1_000_000).collect();
    assert_eq!(times, [98, 99, 99, 100, 101, 102, 103, 104].map(i64::from));
    assert!(sample(&stage.config, &stage.topic("empty"), 8).unwrap().is_empty());
    assert!(sample(&stage.config, &stage.topic("nowhere"), 8).is_err());
}
