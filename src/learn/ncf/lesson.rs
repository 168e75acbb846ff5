//! Several examples learned together, with the bits of one after another.

use super::Ncf;
use crate::learn::adam::Embeddings;
use crate::learn::dense::Batch;
use crate::learn::kernels::sigmoid;
use crate::learn::model::{Example, Learned, NEGATIVES, Slot};
use crate::learn::newton::Slope;

/// What the layers are told beside every positive: an item that never learned (a zero vector) is taken with this
/// probability. Without it nothing would hold the score of unknown items down.
const NEWCOMER: f32 = 0.05;
/// Heaviest weight that an example has.
const HEAVIEST: f32 = 100.0;

/// Examples that share no user and no item, while the dense layers stand still: nothing that one of them changes is
/// looked at by another, so they may go through the layers together. Buffers are used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Lesson {
    batch: Batch,
    students: Vec<Student>,
    /// The item's row and its label: those of the first student, then those of the next.
    samples: Vec<(Slot, f32)>,
    /// All items that were looked at, also those that teach nothing.
    items: Vec<Slot>,
    logits: Vec<f32>,
    newcomers: Vec<f32>,
}

/// The user of an example.
#[derive(Clone, Copy, Debug)]
struct Student {
    row: Slot,
    weight: f32,
    /// The score from before, where the vectors were drawn only afterwards.
    score: Option<f32>,
    fine: bool,
}

/// Whether weight and label are numbers that can teach.
fn teaches(example: &Example<'_>) -> bool {
    example.weight > 0.0 && example.weight.is_finite() && example.label.is_finite()
}

fn negatives<'a>(example: &Example<'a>) -> &'a [Slot] {
    &example.negatives[..example.negatives.len().min(NEGATIVES)]
}

impl Lesson {
    /// Whether an example shares a row with one that is in already.
    fn has(&self, user: Slot, example: &Example<'_>) -> bool {
        let met = |item: &Slot| self.items.contains(item);
        self.students.iter().any(|s| s.row == user) || met(&example.item) || negatives(example).iter().any(met)
    }

    fn take(&mut self, student: Student, example: &Example<'_>, items: &Embeddings) {
        let before = self.samples.len();
        self.samples.push((example.item, example.label.clamp(0.0, 1.0)));
        // A negative that never learned here has no id to draw its first vector from: it is left out.
        let known = negatives(example).iter().filter(|n| items.learned(**n));
        self.samples.extend(known.map(|n| (*n, 0.0)));
        self.items.push(example.item);
        self.items.extend(negatives(example));
        self.students.push(student);
        self.batch.counts.push(self.samples.len() - before);
    }

    fn clear(&mut self) {
        self.batch.clear();
        self.students.clear();
        self.samples.clear();
        self.items.clear();
    }

    /// Derivatives of the losses by the logits. Examples with one that is no number teach nothing.
    fn judge(&mut self, newcomer_weight: f32) {
        let mut samples = self.samples.iter().zip(&self.logits);
        for (n, (student, count)) in self.students.iter_mut().zip(&self.batch.counts).enumerate() {
            let begin = self.batch.errors.len();
            let own = samples.by_ref().take(*count);
            self.batch.errors.extend(own.map(|((_, label), logit)| student.weight * (sigmoid(*logit) - label)));
            if newcomer_weight > 0.0 {
                let weight = newcomer_weight * student.weight;
                self.batch.newcomers.push(weight * (sigmoid(self.newcomers[n]) - NEWCOMER));
            }
            let newcomer = self.batch.newcomers.get(n);
            student.fine = self.batch.errors[begin..].iter().chain(newcomer).all(|error| error.is_finite());
            if !student.fine {
                self.batch.errors[begin..].fill(0.0);
                self.batch.newcomers.iter_mut().skip(n).for_each(|error| *error = 0.0);
            }
        }
    }
}

impl Ncf {
    /// Learns the first of some examples, and those behind it that can be learned together with it; returns how many.
    /// `scores` gets the score of each from before.
    pub(super) fn learn_some(&mut self, examples: &[Example<'_>], scores: &mut [f32], learned: &mut Learned) -> usize {
        let mut lesson = std::mem::take(&mut self.lesson);
        lesson.clear();
        let room = self.config.batch.saturating_sub(self.progress.collected).max(1) as usize;
        for example in examples.iter().take(room) {
            let Some(user) = example.context.user.filter(|_| teaches(example)) else { break };
            if lesson.has(user, example) {
                break;
            }
            let mut student = Student { row: user, weight: example.weight.min(HEAVIEST), score: None, fine: true };
            if !(self.users.learned(user) && self.items.learned(example.item)) {
                student.score = Some(self.score_one(&example.context, example.item));
                self.users.awaken(user, example.context.user_id);
                self.items.awaken(example.item, example.item_id);
                self.factors.awaken((user, example.context.user_id), (example.item, example.item_id));
            }
            lesson.take(student, example, &self.items);
        }
        let taken = lesson.students.len();
        if taken > 0 {
            self.study(&mut lesson, scores, learned);
        } else if let (Some(example), Some(score)) = (examples.first(), scores.first_mut()) {
            // Teaches nothing.
            *score = self.score_one(&example.context, example.item);
            learned.non_finite += u32::from(example.context.user.is_some());
        }
        self.lesson = lesson;
        taken.max(1)
    }

    /// Forward and backward, a step of all rows, and one of the layers when their batch is full.
    fn study(&mut self, lesson: &mut Lesson, scores: &mut [f32], learned: &mut Learned) {
        for student in &lesson.students {
            lesson.batch.users.extend_from_slice(self.users.vector(student.row));
        }
        for (item, _) in &lesson.samples {
            lesson.batch.items.extend_from_slice(self.items.vector(*item));
        }
        let newcomers = (self.config.newcomers > 0.0).then_some(&mut lesson.newcomers);
        self.dense.forward(&mut lesson.batch, &mut lesson.logits, newcomers);
        let mut first = 0;
        for (at, (student, count)) in lesson.students.iter().zip(&lesson.batch.counts).enumerate() {
            let user = self.factors.user(Some(student.row));
            for sample in first..first + count {
                lesson.logits[sample] += self.factors.logit(user, lesson.samples[sample].0);
            }
            if let Some(logit) = lesson.newcomers.get_mut(at) {
                *logit += self.factors.bias(user);
            }
            scores[at] = student.score.unwrap_or(lesson.logits[first]);
            first += count;
        }
        lesson.judge(self.config.newcomers);
        self.dense.backward(&mut lesson.batch);
        self.step_rows(lesson, learned);
        if self.progress.collected >= self.config.batch {
            self.progress.steps += 1;
            self.dense.step(self.progress.collected, self.config.learning_rate, self.progress.steps);
            self.progress.collected = 0;
        }
    }

    /// A step of every row that took part.
    fn step_rows(&mut self, lesson: &mut Lesson, learned: &mut Learned) {
        let (n, rate) = (self.config.dimensions, self.config.learning_rate);
        let Lesson { batch, students, samples, logits, .. } = lesson;
        let mut samples = samples.iter().zip(logits).zip(batch.by_items.chunks_exact(n));
        for (at, (student, by_user)) in students.iter().zip(batch.by_users.chunks_exact(n)).enumerate() {
            let own = samples.by_ref().take(batch.counts[at]);
            if !student.fine {
                own.for_each(drop);
                learned.non_finite += 1;
                continue;
            }
            self.progress.collected += 1;
            for (((item, label), logit), by_item) in own {
                self.items.step(*item, by_item, rate);
                self.factors.learn(student.row, *item, Slope::at(*logit, *label, student.weight));
                self.parts.made_at.row_mut(*item as usize)[0] = 0;
            }
            self.users.step(student.row, by_user, rate);
        }
    }
}
