//! Events become examples: ids become slots, histories and negatives are fixed as of that event.
//!
//! Whatever an example needs of the directory is copied here, so that each model can work through the batch on a
//! thread of its own and sees the same, however the events were cut.

use super::state::State;
use super::step::Turn;
use super::teach::Lesson;
use crate::event::{Id, Interaction, Time};
use crate::learn::{Context, Example, Forgotten, ItemContent, NEGATIVES, RECENT, Slot, Taught};
use crate::rng::{Seed, unit_interval};
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// One example, resolved.
pub(super) struct Staged {
    user: Option<Slot>,
    user_id: Id,
    item: Slot,
    item_id: Id,
    time: Time,
    label: f32,
    weight: f32,
    recent: [Slot; RECENT],
    recent_len: u8,
    negatives: [Slot; NEGATIVES],
    negatives_len: u8,
    pub(super) ranking: Option<StagedRanking>,
}

/// How an example is ranked: against which items, leaving out what.
pub(super) struct StagedRanking {
    pub(super) taught: Taught,
    excluded: Range<usize>,
}

/// What models are told beside examples.
pub(super) enum Note {
    /// Slots that mean somebody else from now on.
    Forgotten(Forgotten),
    /// What is known of an item.
    Described(Slot, ItemContent),
}

/// The examples of one cut in log order, and what is told between them.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) examples: Vec<Staged>,
    /// What models are told, each before the example of that number: they follow in the order of the log.
    pub(super) notes: Vec<(usize, Note)>,
    /// Items that rankings leave out, one after another.
    excluded: Vec<Slot>,
}

impl Batch {
    /// Tells models something before the next example.
    pub(super) fn note(&mut self, note: Note) {
        self.notes.push((self.examples.len(), note));
    }

    /// Whether there is nothing to learn.
    pub(super) fn is_empty(&self) -> bool {
        self.examples.is_empty() && self.notes.is_empty()
    }

    /// An example as models see it.
    pub(super) fn example<'a>(&'a self, staged: &'a Staged) -> Example<'a> {
        Example {
            context: Context {
                user: staged.user,
                user_id: staged.user_id,
                recent: &staged.recent[..usize::from(staged.recent_len)],
                time: staged.time,
            },
            item: staged.item,
            item_id: staged.item_id,
            label: staged.label,
            weight: staged.weight,
            negatives: &staged.negatives[..usize::from(staged.negatives_len)],
        }
    }

    /// The items a ranking leaves out.
    pub(super) fn excluded(&self, ranking: &StagedRanking) -> &[Slot] {
        &self.excluded[ranking.excluded.clone()]
    }
}

/// Chance in staging: which negatives are drawn, which examples are ranked, which ignored items teach. Named, so nothing
/// else shifts it.
#[derive(Clone, Copy)]
pub(super) struct StageSeeds {
    pub(super) negatives: Seed,
    pub(super) ranked: Seed,
    pub(super) ignored: Seed,
}

impl StageSeeds {
    pub(super) fn of(root: Seed) -> Self {
        Self { negatives: root.named("negatives"), ranked: root.named("ranked"), ignored: root.named("ignored") }
    }
}

impl State {
    /// Stages what an interaction teaches: an example for each of its items.
    pub(super) fn stage(&mut self, turn: &mut Turn<'_>, event: &Interaction) {
        let rules = turn.rules;
        let Some(lesson) = rules.teaching.lesson(event) else { return };
        for touch in &event.items {
            if self.directory.is_full() {
                let forgotten = self.directory.make_room();
                self.forget(turn, forgotten);
            }
            let admitted = self.directory.admit_user(Id::of(&event.user_id));
            let item = self.directory.admit_item(Id::of(&touch.item_id), &touch.item_id);
            let (Some(user), Some(item)) = (admitted, item) else {
                turn.report.not_admitted += 1;
                continue;
            };
            let (label, weight) = match lesson {
                Lesson::Label(label, weight) => (label, weight),
                Lesson::Rated(rating, times) => {
                    let (label, weight) = self.ratings.centre(user, rating);
                    (label, weight * times)
                }
            };
            let mut staged = self.context_of(user, item, event.time, label);
            staged.weight = weight;
            if label > 0.0 {
                let consumed = self.directory.consumed(user);
                let mixed = xxh3_64_with_seed(event.event_id.as_bytes(), rules.seeds.ranked.0);
                if unit_interval(mixed) < turn.rank_share {
                    staged.ranking = ranking_of(turn.batch, &consumed, item, self.directory.taught_set());
                }
                self.draw_negatives(&mut staged, &consumed, item, rules.seeds.negatives, event);
                self.directory.mark_taught(item);
                self.directory.consume(user, item);
            }
            turn.report.examples += 1;
            turn.report.ranked += u64::from(staged.ranking.is_some());
            turn.batch.examples.push(staged);
        }
    }

    /// Tells all that hold slots: the joins now, the models when they have learned what came before.
    pub(super) fn forget(&mut self, turn: &mut Turn<'_>, forgotten: Forgotten) {
        if forgotten.is_empty() {
            return;
        }
        self.ratings.forget(&forgotten);
        self.pending.forget(|u| forgotten.has_user(u), |i| forgotten.has_item(i));
        turn.report.forgotten_users += forgotten.users.len() as u64;
        turn.report.forgotten_items += forgotten.items.len() as u64;
        turn.batch.note(Note::Forgotten(forgotten));
    }

    /// Stages what was shown and ignored: a chosen part of it, which weighs as all of it.
    pub(super) fn stage_ignored(&mut self, turn: &mut Turn<'_>, user: Slot, item: Slot, at: Time) {
        let share = turn.rules.teaching.ignored_share;
        let mut staged = self.context_of(user, item, at, 0.0);
        if share < 1.0 {
            let pair = staged.user_id.0 ^ staged.item_id.0.rotate_left(64);
            if unit_interval(turn.rules.seeds.ignored.keyed(pair).keyed(at.0 as u128).0) >= share {
                return;
            }
            staged.weight = (1.0 / share) as f32;
        }
        turn.report.examples += 1;
        turn.batch.examples.push(staged);
    }

    fn context_of(&self, user: Slot, item: Slot, time: Time, label: f32) -> Staged {
        let mut newest = Vec::with_capacity(RECENT);
        self.directory.recent(user, &mut newest);
        let mut recent = [0; RECENT];
        recent[..newest.len()].copy_from_slice(&newest);
        Staged {
            user: Some(user),
            user_id: self.directory.user_id(user),
            item,
            item_id: self.directory.item_id(item),
            time,
            label,
            weight: 1.0,
            recent,
            recent_len: newest.len() as u8,
            negatives: [0; NEGATIVES],
            negatives_len: 0,
            ranking: None,
        }
    }

    fn draw_negatives(&self, staged: &mut Staged, consumed: &[Slot], item: Slot, seed: Seed, event: &Interaction) {
        let mut drawn = Vec::with_capacity(NEGATIVES);
        let pair = staged.user_id.0 ^ staged.item_id.0.rotate_left(64);
        let key = seed.keyed(pair).keyed(event.time.0 as u128);
        self.directory.sample_negatives(consumed, item, key, &mut drawn);
        staged.negatives[..drawn.len()].copy_from_slice(&drawn);
        staged.negatives_len = drawn.len() as u8;
    }
}

/// Users with a history are ranked; an item consumed before has no rank among those not consumed.
fn ranking_of(batch: &mut Batch, consumed: &[Slot], item: Slot, taught: Taught) -> Option<StagedRanking> {
    if consumed.is_empty() || consumed.binary_search(&item).is_ok() {
        return None;
    }
    let start = batch.excluded.len();
    batch.excluded.extend_from_slice(consumed);
    Some(StagedRanking { taught, excluded: start..batch.excluded.len() })
}
