//! What is large, and what goes on at the same time: bytes of ten million rows, models on two threads, learning while
//! others read.
//!
//! `cargo bench --bench scale` does all; `-- memory`, `-- threads` or `-- readers` one of them. No criterion: each is a
//! measurement of seconds, taken five times in turns, of which the median counts.

#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

use reiver::adapter::clock::Stopwatch;
use reiver::event::{Id, Time};
use reiver::learn::registry::build;
use reiver::learn::{Context, Example, Model, ModelConfig};
use reiver::rng::Seed;
use reiver::table::{Index, Table};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TURNS: usize = 5;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    if wants("memory") {
        memory();
    }
    if wants("threads") {
        threads();
    }
    if wants("readers") {
        readers();
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Resident bytes of this process.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// Ten million ids, each with 32 floats and its Adagrad accumulator.
fn memory() {
    const IDS: usize = 10_000_000;
    let before = resident();
    let (mut index, mut rows) = (Index::new(), Table::new(33));
    let watch = Stopwatch::start();
    for n in 0..IDS as u32 {
        index.insert(Id::of(&n.to_string()), n);
        rows.floats_mut(n as usize).fill(0.5);
    }
    let seconds = watch.seconds();
    let (tables, held) = (index.bytes() + rows.bytes(), resident().saturating_sub(before));
    let plain = IDS * (132 + 24);
    println!("memory: {IDS} ids of 32 floats with an accumulator, filled in {seconds:.1} s");
    let share = |bytes: usize| bytes as f64 / plain as f64;
    println!("  rows × 132 + ids × 24    {plain:>13} bytes");
    println!("  index and rows           {tables:>13} bytes  {:.3}", share(tables));
    println!("  resident memory          {held:>13} bytes  {:.3}", share(held));
}

/// Examples of a synthetic shop, in memory.
struct Stream {
    users: u64,
    items: u64,
    drawn: Vec<[u32; 16]>,
}

impl Stream {
    fn new(users: u64, items: u64, events: usize) -> Self {
        let seed = Seed(3);
        let draw = |n: u64, below: u64| ((u128::from(seed.keyed(u128::from(n)).0) * u128::from(below)) >> 64) as u32;
        let row = |e: u64| std::array::from_fn(|k| draw(e * 16 + k as u64, if k == 0 { users } else { items }));
        Self { users, items, drawn: (0..events as u64).map(row).collect() }
    }

    fn example<'a>(&'a self, n: usize) -> Example<'a> {
        let row = &self.drawn[n % self.drawn.len()];
        let (user, item) = (row[0], row[1]);
        let user_id = Id(u128::from(user) << 64 | u128::from(self.users));
        let context = Context { user: Some(user), user_id, recent: &row[6..], time: Time(n as i64 * 1000) };
        let item_id = Id(u128::from(item) << 64 | u128::from(self.items));
        Example { context, item, item_id, label: 1.0, weight: 1.0, negatives: &row[2..6] }
    }
}

fn fresh(kind: &str) -> Box<dyn Model> {
    build(kind, &ModelConfig::default(), Seed(1)).expect("a kind of the registry")
}

/// Four models of like cost, each a whole batch at a time, on one thread and on two; the slowest first, as in a pipeline.
fn threads() {
    const EVENTS: usize = 40_000;
    let stream = Stream::new(2000, 2000, EVENTS);
    let run = |threads: usize| {
        let mut models: Vec<Box<dyn Model>> = ["item2vec", "bpr", "fm", "mf"].map(fresh).into();
        let watch = Stopwatch::start();
        let queue = Mutex::new(models.iter_mut());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(model) = queue.lock().ok().and_then(|mut q| q.next()) {
                        (0..EVENTS).for_each(|n| {
                            model.learn(&stream.example(n));
                        });
                    }
                });
            }
        });
        let seconds = watch.seconds();
        (EVENTS as f64 / seconds, models.iter().map(|m| bits(&**m)).collect::<Vec<_>>())
    };
    let (mut ratios, mut one, mut two) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let (a, b) = (run(1), run(2));
        assert_eq!(a.1, b.1, "the number of threads changed a result");
        ratios.push(b.0 / a.0);
        one.push(a.0);
        two.push(b.0);
    }
    println!("threads: mf, bpr, fm, item2vec over {EVENTS} examples with 4 negatives, the same bits");
    println!("  one thread   {:>10.0} events/s", median(one));
    println!("  two threads  {:>10.0} events/s", median(two));
    println!("  ratio, median of {TURNS} pairs: {:.2}", median(ratios));
}

fn bits(model: &dyn Model) -> u64 {
    let mut sum = 0u64;
    for (_, table) in model.tables() {
        for (first, words) in table.blocks() {
            let block = words.iter().fold(first as u64, |sum, w| sum.wrapping_mul(31).wrapping_add(u64::from(*w)));
            sum = sum.wrapping_mul(1_000_003).wrapping_add(block);
        }
    }
    sum
}

/// Learning alone, beside a reader that reads a thousand rows a second from a view, and with a new view every 250 ms.
fn readers() {
    for (name, users, items) in [("MovieLens-sized", 6000, 3700), ("a million rows", 900_000, 100_000)] {
        let stream = Stream::new(users, items, 1 << 20);
        let mut model = fresh("mf");
        // Every row is there before the first measurement.
        (0..stream.drawn.len()).for_each(|n| {
            model.learn(&stream.example(n));
        });
        let (mut alone, mut beside, mut published) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..TURNS {
            let plain = rate(&mut *model, &stream, |_| {});
            let view = Mutex::new(model.view());
            let stop = AtomicBool::new(false);
            let reads = AtomicU64::new(0);
            let read = std::thread::scope(|scope| {
                scope.spawn(|| read_rows(&view, &stop, &reads, users, items));
                let found = rate(&mut *model, &stream, |_| {});
                stop.store(true, Ordering::Relaxed);
                found
            });
            let mut last = Stopwatch::start();
            let current = Mutex::new(model.view());
            let often = rate(&mut *model, &stream, |model| {
                if last.elapsed() >= Duration::from_millis(250) {
                    last = Stopwatch::start();
                    if let Ok(mut held) = current.lock() {
                        *held = model.view();
                    }
                }
            });
            alone.push(plain);
            beside.push(read / plain);
            published.push(often / plain);
        }
        println!("readers: mf, {name} ({users} users, {items} items)");
        println!("  alone                              {:>10.0} events/s", median(alone));
        println!("  beside a reader of 1,000 rows/s    {:>10.1} %", 100.0 * median(beside));
        println!("  with a view every 250 ms           {:>10.1} %", 100.0 * median(published));
    }
}

/// Events learned a second, over two seconds.
fn rate(model: &mut dyn Model, stream: &Stream, mut between: impl FnMut(&mut dyn Model)) -> f64 {
    let watch = Stopwatch::start();
    let mut n = 0;
    while watch.elapsed() < Duration::from_secs(2) {
        for _ in 0..256 {
            model.learn(&stream.example(n));
            n += 1;
        }
        between(model);
    }
    n as f64 / watch.seconds()
}

/// One row each millisecond; the view is taken anew each time, as a request does.
fn read_rows(view: &Mutex<Arc<dyn Model>>, stop: &AtomicBool, reads: &AtomicU64, users: u64, items: u64) {
    let mut score = [0.0];
    while !stop.load(Ordering::Relaxed) {
        let n = reads.fetch_add(1, Ordering::Relaxed);
        let Ok(held) = view.lock().map(|v| Arc::clone(&v)) else { return };
        let user = (n * 7919 % users) as u32;
        let context = Context { user: Some(user), user_id: Id(0), recent: &[], time: Time(0) };
        held.score(&context, &[(n * 104_729 % items) as u32], &mut score);
        std::thread::sleep(Duration::from_millis(1));
    }
}
