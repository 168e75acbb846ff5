//! Allocation: one assignment, one tick, and the probability of being best.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use reiver::allocate::{AssignRequest, Belief, Experiment, ExperimentConfig, Overlay, probability_best};
use reiver::event::{Command, CommandAction, Span, Time};
use reiver::reward::{RewardTable, RewardValue};
use std::collections::BTreeMap;
use std::hint::black_box;

const START: i64 = 1_764_000_000_000;

fn experiment(arms: usize, stick: Option<Span>, reward: RewardTable) -> Experiment {
    let names: Vec<String> = (0..arms).map(|i| format!("arm {i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut config = ExperimentConfig::new("home", &names, names[0]);
    (config.stick, config.reward) = (stick, reward);
    let mut e = Experiment::new(config);
    for t in 0..400 {
        for arm in 0..arms {
            for i in 0..50 {
                e.credit(arm, f64::from(u8::from(i % 10 == 0 || i < arm / 4)));
            }
        }
        e.tick(Time(START + 1000 * t), Span::seconds(1), 1);
    }
    e
}

fn assign(c: &mut Criterion) {
    let mut group = c.benchmark_group("assign");
    let day = Some(Span::seconds(86_400));
    let pause = Command {
        event_id: "1".to_owned(),
        event_time: 0,
        action: CommandAction::Paused,
        experiment: "home".to_owned(),
        arm: "arm 1".to_owned(),
        actor: String::new(),
        reason: String::new(),
    };
    for (name, arms, stick, overlay) in [
        ("4 arms, sticky", 4, day, Overlay::default()),
        ("4 arms, every decision", 4, None, Overlay::default()),
        ("4 arms, one paused here", 4, day, Overlay::of([&pause])),
        ("16 arms, sticky", 16, day, Overlay::default()),
    ] {
        let e = experiment(arms, stick, RewardTable::clicks());
        let request = AssignRequest {
            unit: "u4711",
            decision_id: "0197c3f2-8a51-7c3e-9b1d-3f6a5e2c4d10",
            now: Time(START + 400_000),
        };
        group.bench_function(name, |b| b.iter(|| black_box(e.assign(black_box(&request), &overlay))));
    }
    group.finish();
}

fn tick(c: &mut Criterion) {
    let mut group = c.benchmark_group("tick");
    let values = BTreeMap::from([("purchase".to_owned(), RewardValue::Value)]);
    let values = RewardTable::new(values, Some(100.0)).expect("a usable table");
    for (kind, table) in [("clicks", RewardTable::clicks()), ("values", values)] {
        for arms in [4, 16] {
            let mut e = experiment(arms, Some(Span::seconds(86_400)), table.clone());
            let mut now = START + 400_000;
            group.bench_function(BenchmarkId::new(kind, arms), |b| {
                b.iter(|| {
                    now += 1000;
                    black_box(e.tick(Time(now), Span::ZERO, 1))
                });
            });
        }
    }
    group.finish();
}

fn best(c: &mut Criterion) {
    let mut group = c.benchmark_group("probability_best");
    for arms in [4usize, 16, 32] {
        let overlapping: Vec<Belief> = (0..arms).map(|i| Belief::beta(1000.0 + 10.0 * i as f64, 9000.0, 1.0)).collect();
        group.bench_function(BenchmarkId::new("beta", arms), |b| b.iter(|| probability_best(black_box(&overlapping))));
        // Every arm's scale differs, so no panel is shared: the hardest case.
        let scattered: Vec<Belief> =
            (0..arms).map(|i| Belief::student(i as f64 * 0.01, 0.5f64.powi(i as i32 % 16), 22.0 + i as f64)).collect();
        group.bench_function(BenchmarkId::new("student, scattered", arms), |b| {
            b.iter(|| probability_best(black_box(&scattered)));
        });
    }
    group.finish();
}

criterion_group!(benches, assign, tick, best);
criterion_main!(benches);
