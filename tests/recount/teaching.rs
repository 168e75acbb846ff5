//! What records teach, counted by hand: actions, ratings, and what was shown and left.

use crate::stage::experiment;
use reiver::event::{Content, Partition, Record, Time};
use reiver::pipeline::{Arrival, CutInput, Input, Pipeline, PipelineConfig, Teaching};
use serde_json::{Value, json};

const BEGIN: i64 = 1_800_000_000_000;

struct Lessons {
    pipeline: Pipeline,
    now: i64,
    records: i64,
}

impl Lessons {
    fn new(teaching: Teaching) -> Self {
        let settings =
            PipelineConfig { experiments: vec![experiment(None)], teaching, memory: 64 << 20, ..Default::default() };
        Self { pipeline: Pipeline::new(&settings).expect("valid"), now: BEGIN, records: 0 }
    }

    /// Examples that come of these records, a cut each.
    fn teach(&mut self, records: &[Value]) -> u64 {
        records.iter().map(|record| self.cut(Some(record))).sum()
    }

    /// Examples that come of time passing until all windows have closed.
    fn wait(&mut self) -> u64 {
        self.now += 40_000;
        self.cut(None)
    }

    fn cut(&mut self, record: Option<&Value>) -> u64 {
        self.now += 10;
        let arrival = record.map(|value| {
            self.records += 1;
            let mut value = value.clone();
            value["event_time"] = json!(self.now);
            if value["type"] != "decision" {
                value["event_id"] = json!(format!("e{}", self.records));
            }
            let record = Record {
                partition: Partition { topic: "shop".into(), number: 0 },
                offset: self.records,
                timestamp: Time(self.now),
                key: None,
                payload: Some(value.to_string().into()),
                headers: Vec::new(),
            };
            let content = if value["type"] == "decision" { Content::Decisions } else { Content::Events };
            let arrival = Arrival::decode(record, content);
            assert!(arrival.event.is_ok(), "{:?}", arrival.event);
            arrival
        });
        let arrivals: Vec<Arrival> = arrival.into_iter().collect();
        let input = CutInput { log_time: Time(self.now), rank_share: 0.0, arrivals: &arrivals };
        self.pipeline.step(Input::Cut(input)).examples
    }
}

fn click(user: &str, item: &str) -> Value {
    json!({ "type": "interaction", "user_id": user, "item_id": item, "action": "click" })
}

/// A decision that lists i1, i2, i3.
fn decision(n: u32) -> Value {
    let items: Vec<Value> = (1..=3).map(|i| json!({ "item_id": format!("i{i}") })).collect();
    let arms: Vec<Value> = ["popularity", "transitions", "mf", "ncf"]
        .iter()
        .map(|arm| json!({ "arm": arm, "propensity": 0.25, "eligible": true }))
        .collect();
    json!({
        "type": "decision", "decision_id": id(n), "experiment": "home", "unit": "u", "user_id": "u", "scope": "all",
        "salt_id": "s", "arm": "mf", "propensity": 0.25, "allocation": { "generation": 1, "tick": 1 },
        "arms": arms, "reason": "assigned", "items": items,
    })
}

fn id(n: u32) -> String {
    format!("0197a000-0000-7000-8000-{n:012}")
}

/// The list as it was seen, in another order than it was decided.
fn impression(n: u32) -> Value {
    let items: Vec<Value> =
        [3, 1, 2].iter().enumerate().map(|(at, i)| json!({ "item_id": format!("i{i}"), "rank": at + 1 })).collect();
    json!({ "type": "impression", "decision_id": id(n), "user_id": "u", "items": items })
}

fn taken(n: u32, item: &str) -> Value {
    json!({ "type": "interaction", "user_id": "u", "item_id": item, "action": "click", "decision_id": id(n) })
}

/// Items and user are known: what nobody ever took cannot be ignored.
fn shop(teaching: Teaching) -> Lessons {
    let mut lessons = Lessons::new(teaching);
    assert_eq!(lessons.teach(&[click("u", "i1"), click("v", "i2"), click("v", "i3")]), 3);
    lessons
}

#[test]
fn what_is_left_teaches_as_the_decision_closes_or_as_it_is_seen() {
    let mut at_close = shop(Teaching::default());
    assert_eq!(at_close.teach(&[decision(1), impression(1)]), 0);
    assert_eq!(at_close.teach(&[taken(1, "i2")]), 1);
    assert_eq!(at_close.wait(), 2, "i1 and i3");

    let mut at_once = shop(Teaching { at_once: true, ..Teaching::default() });
    assert_eq!(at_once.teach(&[decision(1), impression(1)]), 3);
    assert_eq!(at_once.teach(&[taken(1, "i2")]), 1, "and it teaches besides");
    assert_eq!(at_once.wait(), 0);
    assert_eq!(at_once.teach(&[decision(2)]), 0);
    assert_eq!(at_once.wait(), 3, "where nobody says what was seen, at the end");
}

#[test]
fn a_click_before_the_impression_is_still_no_ignored_item() {
    for at_once in [false, true] {
        let mut lessons = shop(Teaching { at_once, ..Teaching::default() });
        assert_eq!(lessons.teach(&[decision(1), taken(1, "i1")]), 1);
        // The impression lists the items in another order.
        assert_eq!(lessons.teach(&[impression(1)]) + lessons.wait(), 2, "i2 and i3; at once: {at_once}");
    }
}

#[test]
fn a_part_of_what_is_left_teaches() {
    let mut lessons = shop(Teaching { ignored_share: 0.25, ..Teaching::default() });
    let mut seen = 0;
    for n in 1..=400 {
        lessons.teach(&[decision(n)]);
        seen += lessons.wait();
    }
    // 1,200 draws at a quarter: mean 300, standard deviation 15.
    assert!((240..=360).contains(&seen), "{seen}");
}

#[test]
fn actions_and_ratings_teach_what_the_settings_say() {
    let rating = |user: &str, value: f64| json!({ "type": "interaction", "user_id": user, "item_id": "i1", "action": "rating", "value": value });
    let view = json!({ "type": "interaction", "user_id": "u", "item_id": "i2", "action": "view" });
    let weights = [("view".to_owned(), 0.0)].into();
    let mut lessons = shop(Teaching { weights, min_rating: 4.0, ..Teaching::default() });
    assert_eq!(lessons.teach(&[view]), 0);
    assert_eq!(lessons.teach(&[rating("u", 4.0), rating("u", 3.0)]), 1);
    let mut centred = shop(Teaching { centred: true, min_rating: 4.0, ..Teaching::default() });
    assert_eq!(centred.teach(&[rating("u", 4.0), rating("u", 1.0)]), 2, "a bad one is a negative");
}
