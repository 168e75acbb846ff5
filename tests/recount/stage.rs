//! A run without a broker: topics in memory, decisions by the house, and shoppers with bad clocks.

use crate::truth::rules::Rules;
use reiver::allocate::{AssignRequest, ExperimentConfig, Overlay};
use reiver::codec;
use reiver::event::{Content, Control, Cut, CutPart, Event, Generation, Partition, Record, Span, Time};
use reiver::pipeline::{Arrival, CutInput, Input, Pipeline, PipelineConfig};
use reiver::reward::{RewardTable, RewardValue};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

const ARMS: [&str; 4] = ["popularity", "transitions", "mf", "ncf"];
const BEGIN: i64 = 1_800_000_000_000;

/// An experiment with a short window, so that everything happens within minutes.
pub(crate) fn experiment(stick: Option<i64>) -> ExperimentConfig {
    let worth = [("click".to_owned(), RewardValue::Constant(1.0)), ("purchase".to_owned(), RewardValue::Value)];
    ExperimentConfig {
        reward: RewardTable::new(worth.into(), None).expect("a reward table"),
        window: Span::seconds(30),
        grace: Span::seconds(5),
        stick: stick.map(Span),
        half_life: Some(Span::seconds(60)),
        ramp: None,
        holdout: 0.05,
        ..ExperimentConfig::new("home", &ARMS, "popularity")
    }
}

/// Records on their way, by the cut in which they arrive.
type Later = BTreeMap<usize, Vec<(&'static str, Value)>>;

/// The run.
pub(crate) struct Stage {
    pub(crate) pipeline: Pipeline,
    config: ExperimentConfig,
    topics: BTreeMap<(&'static str, i32), Vec<Record>>,
    control: Vec<String>,
    /// The end of the newest cut in each partition.
    done: BTreeMap<(&'static str, i32), usize>,
    later: Later,
    dice: u64,
    now: i64,
    cut: usize,
}

impl Stage {
    pub(crate) fn new(config: ExperimentConfig, seed: u64) -> Self {
        let settings =
            PipelineConfig { experiments: vec![config.clone()], memory: 64 << 20, ..PipelineConfig::default() };
        let mut pipeline = Pipeline::new(&settings).expect("a pipeline");
        pipeline.step(Input::Generation(1));
        let generation = Control::Generation(Generation { generation: 1, time: BEGIN, learner: String::new() });
        let control = vec![serde_json::to_string(&generation).expect("JSON")];
        let (topics, done, later) = (BTreeMap::new(), BTreeMap::new(), Later::new());
        Self { pipeline, config, topics, control, done, later, dice: seed << 32, now: BEGIN, cut: 0 }
    }

    /// What the account must know.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            experiment: "home".to_owned(),
            window: self.config.window.0,
            grace: self.config.grace.0,
            wait: self.config.grace.0,
            reward: [("click".to_owned(), Some(1.0)), ("purchase".to_owned(), None)].into(),
        }
    }

    /// A number in [0, 1), the same in every run.
    fn chance(&mut self) -> f64 {
        self.dice += 1;
        (xxh3_64(&self.dice.to_le_bytes()) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// That many cuts: requests come in, records arrive, and what arrived is handled.
    pub(crate) fn run(&mut self, cuts: usize) {
        for _ in 0..cuts {
            self.now += (self.chance() * 1_000.0) as i64;
            for _ in 0..(self.chance() * 8.0) as usize {
                self.request();
            }
            for (topic, event) in self.later.remove(&self.cut).unwrap_or_default() {
                self.arrive(topic, &event);
            }
            self.handle();
            self.cut += 1;
        }
    }

    /// One decision, its log record (read later, sometimes twice) and what its shopper does.
    fn request(&mut self) {
        let unit = format!("u{}", (self.chance().powi(3) * 300.0) as u64);
        self.dice += 1;
        let id = uuid::Uuid::from_u128(u128::from(xxh3_64(&self.dice.to_be_bytes())) << 64 | 7).to_string();
        let request = AssignRequest { unit: &unit, decision_id: &id, now: Time(self.now) };
        let choice = self.pipeline.state().experiments()[0].assign(&request, &Overlay::default());
        let decision = choice.into_decision("home", &request);
        let logged: Value = serde_json::from_slice(&codec::encode(&Event::Decision(Box::new(decision)))).expect("JSON");
        let read = self.cut + (self.chance() * 12.0) as usize;
        self.later.entry(read).or_default().push(("decisions", logged.clone()));
        if self.chance() < 0.05 {
            self.later.entry(read + 3).or_default().push(("decisions", logged));
        }
        self.shopper(&id, &unit);
    }

    /// Clicks: in time, before the decision is read, too late, twice, for nobody's decision, and worth nothing.
    fn shopper(&mut self, id: &str, unit: &str) {
        for _ in 0..(self.chance() * 2.5) as usize {
            let time = self.now + (self.chance() * 36_000.0) as i64;
            let cut = self.cut + (self.chance() * 90.0) as usize;
            let roll = self.chance();
            let (action, decision) = match roll {
                r if r < 0.1 => ("view", id.to_owned()),
                r if r < 0.15 => ("click", format!("nobody-{}", self.dice)),
                r if r < 0.3 => ("purchase", id.to_owned()),
                _ => ("click", id.to_owned()),
            };
            let event_id = format!("e{}", self.dice);
            let event_time = Time(time.min(self.now + 30_000 * i64::from(roll < 0.9) + 36_000)).to_rfc3339();
            let event = if self.chance() < 0.5 {
                json!({"type": "feedback", "event_id": event_id, "event_time": event_time, "decision_id": decision,
                    "metric": action, "value": 2.5})
            } else {
                json!({"type": "interaction", "event_id": event_id, "event_time": event_time, "user_id": unit,
                    "item_id": "i1", "action": action, "decision_id": decision, "value": 19.9})
            };
            self.later.entry(cut).or_default().push(("clicks", event.clone()));
            if self.chance() < 0.1 {
                self.later.entry(cut + 5).or_default().push(("clicks", event));
            }
        }
    }

    fn arrive(&mut self, topic: &'static str, event: &Value) {
        let number = i32::from(self.chance() < 0.5);
        // Events may be from the future of this record: the account does not care, the codec allows an hour.
        let records = self.topics.entry((topic, number)).or_default();
        records.push(Record {
            partition: Partition { topic: topic.into(), number },
            offset: records.len() as i64,
            timestamp: Time(self.now),
            key: None,
            payload: Some(event.to_string().into()),
            headers: Vec::new(),
        });
    }

    /// Cuts at a random place of what has arrived, writes it down, and handles it.
    fn handle(&mut self) {
        let mut parts = Vec::new();
        let mut arrivals = Vec::new();
        for (&(topic, number), records) in &self.topics {
            let done = self.done.insert((topic, number), records.len()).unwrap_or(0);
            let content = if topic == "decisions" { Content::Decisions } else { Content::Events };
            arrivals.extend(records[done..].iter().map(|record| Arrival::decode(record.clone(), content)));
            if done < records.len() {
                let (end, count) = (records.len() as i64, (records.len() - done) as u64);
                let start = (done == 0).then_some(0);
                parts.push(CutPart { topic: topic.to_owned(), partition: number, start, end, count });
            }
        }
        let cut = Cut { generation: 1, log_time: self.now, rank_share: 0.0, parts };
        self.control.push(serde_json::to_string(&Control::Cut(cut)).expect("JSON"));
        self.pipeline.step(Input::Cut(CutInput { log_time: Time(self.now), rank_share: 0.0, arrivals: &arrivals }));
    }

    /// A topic as kcat would print it.
    pub(crate) fn printed(&self, topic: &str) -> String {
        let print = |partition: i32, offset: i64, payload: &str| {
            let line = json!({"topic": topic, "partition": partition, "offset": offset, "payload": payload});
            format!("{line}\n")
        };
        if topic == "control" {
            return self.control.iter().enumerate().map(|(i, text)| print(0, i as i64, text)).collect();
        }
        let records = self.topics.iter().filter(|((name, _), _)| *name == topic).flat_map(|(_, records)| records);
        let text =
            |record: &Record| String::from_utf8_lossy(record.payload.as_deref().unwrap_or_default()).into_owned();
        records.map(|record| print(record.partition.number, record.offset, &text(record))).collect()
    }
}
