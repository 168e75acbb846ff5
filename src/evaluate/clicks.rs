//! Click prediction in one pass: predict, score, then learn, over shown items with labels 0 and 1.

use super::auc::Auc;
use crate::event::{Id, Time};
use crate::learn::kernels::{sigmoid, softplus};
use crate::learn::{Context, Directory, Example, Model, RECENT, Slot};
use std::fmt::Write;
use std::ops::Range;

/// An item that was shown to a user: clicked or not. Users and items are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Click {
    /// When.
    pub time: Time,
    /// The user's number.
    pub user: u32,
    /// The item's number.
    pub item: u32,
    /// Whether it was clicked.
    pub clicked: bool,
}

/// Scores over all examples of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClickSummary {
    /// Examples predicted and learned; less than were given if a directory was full.
    pub examples: u64,
    /// Mean logarithmic loss, in nats.
    pub log_loss: f64,
    /// Area under the ROC curve; `None` without both labels.
    pub auc: Option<f64>,
    /// Mean distance between predicted and observed click rates, over twenty equally wide bins of the prediction and
    /// weighted by their examples.
    pub calibration_error: f64,
}

/// Examples that are handed to the model at once.
const BATCH: usize = 512;
const BINS: usize = 20;

/// Runs a model over clicks in their order. `each` gets every predicted logit.
///
/// A context's recent items are those that the user clicked last. Without need of them (`recent` false) they are left
/// out, which is quicker.
pub fn run_clicks(
    model: &mut dyn Model,
    directory: &mut Directory,
    clicks: &[Click],
    recent: bool,
    mut each: impl FnMut(f32),
) -> ClickSummary {
    let mut scores = Scores::default();
    let mut batch = Batch::default();
    for part in clicks.chunks(BATCH) {
        batch.fill(directory, part, recent);
        let examples = batch.examples();
        let mut logits = [0.0; BATCH];
        let logits = &mut logits[..examples.len()];
        model.learn_all(&examples, logits);
        for (example, logit) in examples.iter().zip(logits) {
            scores.observe(*logit, example.label > 0.5);
            each(*logit);
        }
    }
    scores.summary()
}

/// A part of the stream with slots and recent items.
#[derive(Default)]
struct Batch {
    staged: Vec<Staged>,
    recent: Vec<Slot>,
    name: String,
    newest: Vec<Slot>,
    /// Slots and ids of numbers met before, so that a number is spelled and hashed once.
    users: Known,
    items: Known,
}

/// What is known of small numbers, by number.
#[derive(Default)]
struct Known(Vec<Option<(Slot, Id)>>);

/// Numbers from here on are looked up anew every time: memory stays bounded.
const KNOWN: usize = 1 << 20;

impl Known {
    fn get(&self, number: u32) -> Option<(Slot, Id)> {
        self.0.get(number as usize).copied().flatten()
    }

    fn put(&mut self, number: u32, known: (Slot, Id)) {
        let number = number as usize;
        if number < KNOWN {
            if number >= self.0.len() {
                self.0.resize(number + 1, None);
            }
            self.0[number] = Some(known);
        }
    }
}

struct Staged {
    click: Click,
    user: (Slot, Id),
    item: (Slot, Id),
    recent: Range<usize>,
}

impl Batch {
    fn fill(&mut self, directory: &mut Directory, clicks: &[Click], recent: bool) {
        self.staged.clear();
        self.recent.clear();
        for &click in clicks {
            let Some((user, user_id)) = self.user(directory, click.user) else { continue };
            let Some((item, item_id)) = self.item(directory, click.item) else { continue };
            let begin = self.recent.len();
            if recent {
                directory.recent(user, &mut self.newest);
                self.recent.extend(self.newest.iter().take(RECENT));
                if click.clicked {
                    directory.consume(user, item);
                }
            }
            let recent = begin..self.recent.len();
            self.staged.push(Staged { click, user: (user, user_id), item: (item, item_id), recent });
        }
    }

    fn user(&mut self, directory: &mut Directory, number: u32) -> Option<(Slot, Id)> {
        if let Some(known) = self.users.get(number) {
            return Some(known);
        }
        let id = Id::of(self.spell(number));
        let known = (directory.admit_user(id)?, id);
        self.users.put(number, known);
        Some(known)
    }

    fn item(&mut self, directory: &mut Directory, number: u32) -> Option<(Slot, Id)> {
        if let Some(known) = self.items.get(number) {
            return Some(known);
        }
        let id = Id::of(self.spell(number));
        let known = (directory.admit_item(id, &self.name)?, id);
        self.items.put(number, known);
        Some(known)
    }

    fn spell(&mut self, number: u32) -> &str {
        self.name.clear();
        // Writing to a string does not fail.
        let _ = write!(self.name, "{number}");
        &self.name
    }

    fn examples(&self) -> Vec<Example<'_>> {
        let example = |staged: &Staged| Example {
            context: Context {
                user: Some(staged.user.0),
                user_id: staged.user.1,
                recent: self.recent.get(staged.recent.clone()).unwrap_or_default(),
                time: staged.click.time,
            },
            item: staged.item.0,
            item_id: staged.item.1,
            label: f32::from(u8::from(staged.click.clicked)),
            weight: 1.0,
            negatives: &[],
        };
        self.staged.iter().map(example).collect()
    }
}

#[derive(Default)]
struct Scores {
    examples: u64,
    loss: f64,
    auc: Auc,
    /// By bin: examples, predicted clicks, clicks.
    bins: [(u64, f64, u64); BINS],
}

impl Scores {
    fn observe(&mut self, logit: f32, clicked: bool) {
        self.examples += 1;
        self.loss += softplus(f64::from(if clicked { -logit } else { logit }));
        self.auc.observe(logit, clicked);
        let p = sigmoid(logit);
        let bin = &mut self.bins[((p * BINS as f32) as usize).min(BINS - 1)];
        bin.0 += 1;
        bin.1 += f64::from(p);
        bin.2 += u64::from(clicked);
    }

    fn summary(&self) -> ClickSummary {
        let count = self.examples.max(1) as f64;
        let off: f64 = self.bins.iter().map(|(_, predicted, clicks)| (predicted - *clicks as f64).abs()).sum();
        ClickSummary {
            examples: self.examples,
            log_loss: self.loss / count,
            auc: self.auc.value(),
            calibration_error: off / count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::registry::build;
    use crate::learn::{Fm, FmConfig, ModelConfig};
    use crate::rng::{Seed, unit_interval};
    use xxhash_rust::xxh3::xxh3_64;

    /// Users of one kind click an item with probability .9, the others with .2.
    fn stream(n: u64) -> Vec<Click> {
        let draw = |n: u64, what: u64| unit_interval(xxh3_64(&[n.to_le_bytes(), what.to_le_bytes()].concat()));
        let click = |n| {
            let (user, item) = ((draw(n, 0) * 40.0) as u32, (draw(n, 1) * 30.0) as u32);
            let rate = if user % 2 == item % 2 { 0.9 } else { 0.2 };
            Click { time: Time(n as i64 * 1000), user, item, clicked: draw(n, 2) < rate }
        };
        (0..n).map(click).collect()
    }

    #[test]
    fn click_predictors_come_near_the_truth_and_are_calibrated() {
        let truth = -0.5 * (0.9f64.ln() * 0.9 + 0.1f64.ln() * 0.1 + 0.2f64.ln() * 0.2 + 0.8f64.ln() * 0.8);
        for kind in ["mf", "fm"] {
            let mut model = build(kind, &ModelConfig::default(), Seed(1)).expect("a kind");
            let mut seen = 0;
            let clicks = stream(20_000);
            run_clicks(&mut *model, &mut Directory::default(), &clicks[..10_000], true, |_| seen += 1);
            let s = run_clicks(&mut *model, &mut Directory::default(), &clicks[10_000..], true, |_| seen += 1);
            assert_eq!((s.examples, seen), (10_000, 20_000));
            // Nearer to the truth than to knowing the share of clicks alone, which is .55 and ranks nothing.
            let base = -(0.55f64.ln() * 0.55 + 0.45f64.ln() * 0.45);
            assert!(s.log_loss < f64::midpoint(truth, base) && s.calibration_error < 0.1, "{kind} {truth}: {s:?}");
            assert!(s.auc > Some(0.8), "{kind}: {s:?}");
        }
    }

    #[test]
    fn a_full_directory_leaves_examples_out() {
        let mut directory = Directory::new(5, 30, 10);
        let mut fm = Fm::new(FmConfig::default(), Seed(1));
        let s = run_clicks(&mut fm, &mut directory, &stream(1000), true, |_| ());
        assert!(s.examples > 50 && s.examples < 300, "{s:?}");
        assert_eq!(run_clicks(&mut fm, &mut directory, &[], true, |_| ()), ClickSummary::default());
    }
}
