//! The house against the independent account of `tests/truth`: a small run with late and early records, duplicates and
//! strangers, decided by the house and counted twice.

#[path = "../truth/mod.rs"]
mod truth;

mod stage;
mod teaching;

use stage::{Stage, experiment};
use truth::{chance, cuts, lines, recount, redecide, rules};

const HOUR: i64 = 3_600_000;

fn both_ways(stick: Option<i64>, seed: u64) {
    let mut stage = Stage::new(experiment(stick), seed);
    stage.run(600);
    let decisions = lines::read(&stage.printed("decisions"));
    let inputs = lines::read(&format!("{}{}", stage.printed("decisions"), stage.printed("clicks")));
    let control = lines::read(&stage.printed("control"));
    for line in &decisions {
        let decision = line.event.as_ref().expect("a decision");
        redecide::redecide(decision, stick).unwrap_or_else(|error| panic!("{error}: {decision}"));
    }
    let cuts = cuts::cuts(&control, &inputs).expect("cuts cover the inputs");
    let account = recount::recount(&stage.rules(), &cuts);
    for (arm, count) in &account.arms {
        let house = stage.pipeline.state().counts().arms[&format!("home/{arm}")];
        assert_eq!(house.decisions, count.decisions, "{arm}: decisions");
        assert_eq!(house.assignments, count.assignments, "{arm}: assignments");
        assert_eq!(house.rewards, count.rewards, "{arm}: rewards");
        assert_eq!(house.expired, count.expired, "{arm}: expired");
        assert_eq!(house.overrides, count.overrides, "{arm}: overrides");
        assert!((house.reward_sum - count.reward_sum).abs() < 1e-6, "{arm}: sum");
        assert_eq!(count.decisions, count.rewards + count.expired + count.pending, "{arm}: JO-1");
    }
    let outcome = |names: [&str; 2]| -> u64 {
        names.iter().filter_map(|name| stage.pipeline.state().counts().feedback.get(*name)).sum()
    };
    let found = account.feedbacks;
    assert_eq!(outcome(["home/credited", "/credited"]), found.credited, "credited");
    assert_eq!(outcome(["home/late", "/late"]), found.late, "late");
    assert_eq!(outcome(["home/unmatched", "/unmatched"]), found.unmatched, "unmatched");
    assert_eq!(outcome(["home/outside_window", "/outside_window"]), found.outside, "outside");
    assert_eq!(outcome(["home/unrewarded", "/unrewarded"]), found.unrewarded, "unrewarded");
    for (what, n) in [("credited", found.credited), ("late", found.late), ("unmatched", found.unmatched)] {
        assert!(n > 0, "the run shows no {what} reward: {found:?}");
    }
    assert!(found.outside > 0 && found.unrewarded > 0 && found.duplicates > 0, "{found:?}");
    assert!(chance::agreement(&account.drawn) > 0.001, "arms do not match their propensities");
}

#[test]
fn the_house_counts_as_the_account_does_where_units_keep_their_arm() {
    both_ways(Some(24 * HOUR), 1);
    both_ways(Some(60_000), 2);
}

#[test]
fn the_house_counts_as_the_account_does_where_nothing_sticks() {
    both_ways(None, 3);
}

/// The account can fail: a line that was changed in any way that matters is found.
#[test]
fn a_forged_decision_is_found() {
    let mut stage = Stage::new(experiment(Some(24 * HOUR)), 4);
    stage.run(20);
    let decisions = lines::read(&stage.printed("decisions"));
    let honest = decisions.iter().filter_map(|line| line.event.clone()).find(|event| event["reason"] == "assigned");
    let honest = honest.expect("an assigned decision");
    let stick = Some(24 * HOUR);
    assert_eq!(redecide::redecide(&honest, stick), Ok(()));
    let other = honest["arms"].as_array().expect("arms").iter().find(|arm| arm["arm"] != honest["arm"]);
    let mut forged = honest.clone();
    forged["arm"] = other.expect("another arm")["arm"].clone();
    forged["propensity"] = other.expect("another arm")["propensity"].clone();
    assert!(redecide::redecide(&forged, stick).is_err());
    for (field, value) in [("propensity", 0.5.into()), ("epoch", 7.into()), ("epoch", serde_json::Value::Null)] {
        let mut forged = honest.clone();
        forged[field] = value;
        assert!(redecide::redecide(&forged, stick).is_err(), "{field}");
    }
    let mut forged = honest.clone();
    forged["arms"][0]["propensity"] = 0.9.into();
    assert!(redecide::redecide(&forged, stick).is_err());
}

#[test]
fn arms_that_do_not_match_their_propensities_are_found() {
    let vector: std::collections::BTreeMap<String, f64> = [("a".to_owned(), 0.5), ("b".to_owned(), 0.5)].into();
    let drawn = |a: usize| -> Vec<_> {
        (0..1000).map(|i| (vector.clone(), if i < a { "a".to_owned() } else { "b".to_owned() })).collect()
    };
    assert!(chance::agreement(&drawn(510)) > 0.001);
    assert!(chance::agreement(&drawn(600)) < 0.001);
}

#[test]
fn a_cut_that_counts_other_records_is_found() {
    let input = r#"{"topic":"a","partition":0,"offset":0,"payload":"{}"}"#;
    let control = |count: u64| {
        let cut = format!(
            r#"{{"type":"cut","generation":1,"log_time":5,"parts":[{{"topic":"a","partition":0,"end":2,"count":{count}}}]}}"#
        );
        serde_json::json!({ "topic": "control", "partition": 0, "offset": 0, "payload": cut }).to_string()
    };
    let inputs = lines::read(input);
    assert!(cuts::cuts(&lines::read(&control(1)), &inputs).is_ok());
    assert!(cuts::cuts(&lines::read(&control(2)), &inputs).is_err());
    let _used = rules::SKEW;
}
