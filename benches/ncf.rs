//! The textbook network of neural collaborative filtering: 50 + 50 → 100 ReLU → 1, over a thousand users and a thousand
//! items, 60,000 samples of synthetic logistic data.
//!
//! `cargo bench --bench ncf` prints medians of five turns; `-- once` one turn, as `benches/peers/ncf.py` takes them in
//! alternation with PyTorch and Keras; `-- data DIR` writes the samples for them. No criterion: a turn takes a while,
//! and the losses count as much as the time.

#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

use reiver::adapter::clock::Stopwatch;
use reiver::event::{Id, Time};
use reiver::learn::kernels::softplus;
use reiver::learn::{Context, Example, Model, Ncf, NcfConfig};
use reiver::rng::Seed;
use std::fmt::Write;
use std::path::Path;

const TURNS: usize = 5;
const EPOCHS: usize = 2;
const SIDE: u64 = 1000;
const LATENT: usize = 8;
const TEXTBOOK: NcfConfig =
    NcfConfig { dimensions: 50, factors: 0, hidden: 100, learning_rate: 1e-3, batch: 64, newcomers: 0.0 };

fn main() -> std::io::Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let (training, validation) = samples(42);
    match &wanted[..] {
        [what] if what == "once" => {
            let (rate, loss) = batches(&training, &validation);
            println!("batch {rate:.0} {loss:.4}");
            let (rate, loss) = singles(&training);
            println!("single {rate:.0} {loss:.4}");
        }
        [what, to] if what == "data" => {
            std::fs::create_dir_all(to)?;
            write(&Path::new(to).join("training.csv"), &training)?;
            write(&Path::new(to).join("validation.csv"), &validation)?;
        }
        _ => {
            let (rate, loss) = medians(|| batches(&training, &validation));
            println!("in batches of 64, {EPOCHS} epochs   {rate:>9.0} samples/s  validation log loss {loss:.4}");
            let (rate, loss) = medians(|| singles(&training));
            println!("one at a time             {rate:>9.0} samples/s  progressive log loss {loss:.4}");
        }
    }
    Ok(())
}

fn medians(one: impl Fn() -> (f64, f64)) -> (f64, f64) {
    let mut turns: Vec<_> = (0..TURNS).map(|_| one()).collect();
    turns.sort_by(|a, b| a.0.total_cmp(&b.0));
    turns[TURNS / 2]
}

/// User, item and label.
type Sample = (u32, u32, bool);

/// SplitMix64, and what is drawn from it.
struct Draws(u64);

impl Draws {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 * 2f64.powi(-53)
    }

    fn normal(&mut self) -> f64 {
        let (a, b) = (self.uniform(), self.uniform());
        libm::sqrt(-2.0 * libm::log(1.0 - a)) * libm::cos(2.0 * std::f64::consts::PI * b)
    }
}

/// Samples for training and for validation: logit = u·v / √8 + 2 (b_u + b_i), everything standard normal.
fn samples(seed: u64) -> (Vec<Sample>, Vec<Sample>) {
    let mut draws = Draws(seed);
    let mut vectors = || -> Vec<[f64; LATENT]> { (0..SIDE).map(|_| std::array::from_fn(|_| draws.normal())).collect() };
    let (users, items) = (vectors(), vectors());
    let mut biases = || -> Vec<f64> { (0..SIDE).map(|_| draws.normal()).collect() };
    let (of_users, of_items) = (biases(), biases());
    let mut draw = |count: usize| -> Vec<Sample> {
        let one = |_| {
            let (user, item) = ((draws.next() % SIDE) as usize, (draws.next() % SIDE) as usize);
            let product: f64 = users[user].iter().zip(&items[item]).map(|(a, b)| a * b).sum();
            let logit = product / (LATENT as f64).sqrt() + 2.0 * (of_users[user] + of_items[item]);
            (user as u32, item as u32, draws.uniform() < 1.0 / (1.0 + libm::exp(-logit)))
        };
        (0..count).map(one).collect()
    };
    (draw(60_000), draw(10_000))
}

fn write(path: &Path, samples: &[Sample]) -> std::io::Result<()> {
    let mut text = String::from("user,item,label\n");
    for (user, item, label) in samples {
        let _ = writeln!(text, "{user},{item},{}", u8::from(*label));
    }
    std::fs::write(path, text)
}

fn examples(samples: &[Sample]) -> Vec<Example<'static>> {
    let one = |&(user, item, label): &Sample| Example {
        context: Context { user: Some(user), user_id: Id(u128::from(user)), recent: &[], time: Time(0) },
        item,
        item_id: Id(u128::from(item)),
        label: f32::from(u8::from(label)),
        weight: 1.0,
        negatives: &[],
    };
    samples.iter().map(one).collect()
}

fn loss(score: f32, example: &Example<'_>) -> f64 {
    softplus(f64::from(if example.label > 0.5 { -score } else { score }))
}

/// Samples a second in batches of 64, and the validation log loss after all epochs.
fn batches(training: &[Sample], validation: &[Sample]) -> (f64, f64) {
    let (training, validation) = (examples(training), examples(validation));
    let mut ncf = Ncf::new(TEXTBOOK, Seed(42));
    let mut scores = [0.0; 64];
    let watch = Stopwatch::start();
    for _ in 0..EPOCHS {
        for batch in training.chunks(scores.len()) {
            ncf.learn_all(batch, &mut scores[..batch.len()]);
        }
    }
    let seconds = watch.seconds();
    let sum: f64 = validation
        .iter()
        .map(|example| {
            let mut score = [0.0];
            ncf.score(&example.context, &[example.item], &mut score);
            loss(score[0], example)
        })
        .sum();
    ((EPOCHS * training.len()) as f64 / seconds, sum / validation.len() as f64)
}

/// Samples a second, each predicted and learned by itself, and their log loss. The dense layers step once in 16, and
/// further: one pass has no time for small steps.
fn singles(training: &[Sample]) -> (f64, f64) {
    let training = examples(training);
    let mut ncf = Ncf::new(NcfConfig { learning_rate: 7e-3, batch: 16, ..TEXTBOOK }, Seed(42));
    let mut scores = vec![0.0; training.len()];
    let watch = Stopwatch::start();
    for (example, score) in training.chunks_exact(1).zip(scores.chunks_exact_mut(1)) {
        ncf.learn_all(example, score);
    }
    let seconds = watch.seconds();
    let sum: f64 = scores.iter().zip(&training).map(|(score, example)| loss(*score, example)).sum();
    (training.len() as f64 / seconds, sum / training.len() as f64)
}
