//! Joining, and the whole step as the learner runs it on one cut: duplicates, history, join, score, learn, allocate.
//!
//! Records are decoded beforehand (`decode` has that cost). Every cut is new: ids never repeat.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use reiver::adapter::clock::monotonic_nanos;
use reiver::allocate::{AssignRequest, ExperimentConfig, Overlay};
use reiver::codec;
use reiver::event::{Content, DecisionKey, Event, Partition, Record, Span, Time};
use reiver::join::{NONE, Pending, PendingDecision, SHOWN};
use reiver::learn::ModelConfig;
use reiver::pipeline::{Arrival, CutInput, Input, Pipeline, PipelineConfig};
use std::hint::black_box;
use std::time::{Duration, Instant};
use xxhash_rust::xxh3::xxh3_64;

const BEGIN: i64 = 1_800_000_000_000;
const CUT: usize = 500;
const ARMS: [&str; 4] = ["popularity", "transitions", "mf", "ncf"];

fn hash(n: u64) -> u64 {
    xxh3_64(&n.to_le_bytes())
}

/// A pipeline and the stream that feeds it.
struct Stream {
    pipeline: Pipeline,
    /// The part of examples that is ranked.
    rank_share: f64,
    now: i64,
    next: u64,
}

impl Stream {
    fn new(models: &[&str], experiments: Vec<ExperimentConfig>) -> Self {
        let models = models.iter().map(|k| ((*k).to_owned(), ModelConfig::default())).collect();
        Self::of(PipelineConfig { models, experiments, ..PipelineConfig::default() })
    }

    fn of(config: PipelineConfig) -> Self {
        let config = PipelineConfig { memory: 1 << 30, nanos: monotonic_nanos, ..config };
        let mut pipeline = Pipeline::new(&config).expect("a pipeline");
        pipeline.step(Input::Generation(1));
        Self { pipeline, rank_share: 0.0, now: BEGIN, next: 0 }
    }

    fn arrival(&self, topic: &str, content: Content, payload: String) -> Arrival {
        let record = Record {
            partition: Partition { topic: topic.into(), number: 0 },
            offset: self.next as i64,
            timestamp: Time(self.now),
            key: None,
            payload: Some(payload.into()),
            headers: Vec::new(),
        };
        let arrival = Arrival::decode(record, content);
        assert!(arrival.event.is_ok());
        arrival
    }

    fn click(&mut self, decision: &str) -> Arrival {
        self.next += 1;
        let n = self.next;
        let time = Time(self.now).to_rfc3339();
        let (user, item) = (hash(n) % 20_000, (hash(n ^ 7) % 3_000).min(hash(n ^ 9) % 3_000));
        let payload = format!(
            r#"{{"type":"interaction","event_id":"e{n}","event_time":"{time}","user_id":"u{user}","item_id":"i{item}","action":"click"{decision}}}"#
        );
        self.arrival("clicks", Content::Events, payload)
    }

    fn decision(&mut self) -> (String, Arrival) {
        self.next += 1;
        let id = uuid::Uuid::from_u128(u128::from(hash(self.next)) << 64 | u128::from(self.next)).to_string();
        let unit = format!("u{}", hash(self.next ^ 3) % 20_000);
        let request = AssignRequest { unit: &unit, decision_id: &id, now: Time(self.now) };
        let choice = self.pipeline.state().experiments()[0].assign(&request, &Overlay::default());
        let decision = choice.into_decision("home", &request);
        let payload = codec::encode(&Event::Decision(Box::new(decision)));
        let payload = String::from_utf8(payload).expect("UTF-8");
        (id, self.arrival("decisions", Content::Decisions, payload))
    }

    /// One cut of these arrivals, a hundred milliseconds later; the time that its step took.
    fn step(&mut self, arrivals: &[Arrival]) -> Duration {
        self.now += 100;
        let cut = CutInput { log_time: Time(self.now), rank_share: self.rank_share, arrivals };
        let begun = Instant::now();
        black_box(self.pipeline.step(Input::Cut(cut)));
        begun.elapsed()
    }

    /// The time that so many cuts took, each of this many clicks.
    fn clicks(&mut self, cuts: u64, size: usize) -> Duration {
        let mut took = Duration::ZERO;
        for _ in 0..cuts {
            let arrivals: Vec<Arrival> = (0..size).map(|_| self.click("")).collect();
            took += self.step(&arrivals);
        }
        took
    }
}

fn step(c: &mut Criterion) {
    let mut group = c.benchmark_group("step");
    group.throughput(Throughput::Elements(CUT as u64)).sample_size(20);
    for (name, models) in [("clicks/popularity+transitions", &ARMS[..2]), ("clicks/four models", &ARMS[..])] {
        let mut stream = Stream::new(models, Vec::new());
        group.bench_function(name, |b| {
            b.iter_custom(|cuts| stream.clicks(cuts, CUT));
        });
    }
    // Half decisions, half rewards for them; the four models learn from the rewards.
    let home = ExperimentConfig {
        window: Span::seconds(10),
        grace: Span::seconds(1),
        ..ExperimentConfig::new("home", &ARMS, "popularity")
    };
    let mut stream = Stream::new(&ARMS, vec![home]);
    group.bench_function("decisions and rewards/four models", |b| {
        b.iter_custom(|cuts| {
            let mut took = Duration::ZERO;
            for _ in 0..cuts {
                let mut arrivals = Vec::with_capacity(CUT);
                let made: Vec<(String, Arrival)> = (0..CUT / 2).map(|_| stream.decision()).collect();
                let ids: Vec<String> = made.iter().map(|(id, _)| format!(r#","decision_id":"{id}""#)).collect();
                let clicks: Vec<Arrival> = ids.iter().map(|id| stream.click(id)).collect();
                arrivals.extend(clicks);
                arrivals.extend(made.into_iter().map(|(_, arrival)| arrival));
                took += stream.step(&arrivals);
            }
            took
        });
    });
    group.finish();
}

/// One model on two threads, as a whole and in four shards: large cuts, as a replay makes them; some examples ranked.
fn shards(c: &mut Criterion) {
    const LARGE: usize = 8_000;
    let mut group = c.benchmark_group("shards");
    group.throughput(Throughput::Elements(LARGE as u64)).sample_size(20);
    let cases =
        [("mf", 32, 0.0), ("mf", 256, 0.0), ("mf", 256, 0.05), ("bpr", 32, 0.0), ("bpr", 256, 0.0), ("bpr", 256, 0.05)];
    for (kind, dimensions, rank_share) in cases {
        for shards in [1, 4] {
            let model = ModelConfig { shards: Some(shards), dimensions: Some(dimensions), ..ModelConfig::default() };
            let config =
                PipelineConfig { models: vec![(kind.to_owned(), model)], threads: 2, ..PipelineConfig::default() };
            let mut stream = Stream { rank_share, ..Stream::of(config) };
            group.bench_function(format!("{kind}/{dimensions} dimensions, {rank_share} ranked/{shards}"), |b| {
                b.iter_custom(|cuts| stream.clicks(cuts, LARGE));
            });
        }
    }
    group.finish();
}

/// A decision's life in the table of open ones: open, credit, close; a hundred thousand are open beside it.
fn join(c: &mut Criterion) {
    let mut pending = Pending::new(64 << 20);
    let open = |n: u64| PendingDecision {
        key: DecisionKey(u128::from(hash(n)) << 64 | u128::from(n)),
        time: Time(BEGIN + n as i64),
        window_end: Time(BEGIN + n as i64 + 100_000),
        closes: Time(BEGIN + n as i64 + 100_000),
        experiment: 0,
        arm: (n % 4) as u16,
        counts: true,
        assignment: NONE,
        user: NONE,
        items: [NONE; SHOWN],
        taken: 0,
        reward: 0.0,
        rewarded: false,
    };
    let mut next = 0;
    while next < 100_000 {
        pending.open(&open(next));
        next += 1;
    }
    let mut group = c.benchmark_group("join");
    group.throughput(Throughput::Elements(1));
    group.bench_function("open, credit, close", |b| {
        b.iter(|| {
            let decision = open(next);
            pending.open(&decision);
            if let Some(row) = pending.find(open(next - 50_000).key) {
                black_box(pending.credit(row, decision.time, 1.0));
            }
            next += 1;
            black_box(pending.close_next(decision.time));
        });
    });
    group.finish();
}

criterion_group!(benches, join, step, shards);
criterion_main!(benches);
