//! A small stream of examples in ids, and a player who turns them into a model's slots.

use reiver::event::{Id, Time};
use reiver::learn::{Context, Example, Learned, Model, NEGATIVES, RECENT, Slot};
use reiver::rng::{Seed, unit_interval};
use std::collections::{BTreeMap, BTreeSet};
use xxhash_rust::xxh3::xxh3_64_with_seed;

pub(crate) const USERS: u32 = 24;
pub(crate) const ITEMS: u32 = 40;

/// One example in ids.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    user: u32,
    item: u32,
    label: f32,
    negatives: Vec<u32>,
    pub(crate) weight: f32,
    pub(crate) time: i64,
}

/// Numbers from 0 to below `n`, one after another.
struct Draws(Seed, u64);

impl Draws {
    fn below(&mut self, n: u32) -> u32 {
        self.1 += 1;
        (unit_interval(xxh3_64_with_seed(&self.1.to_le_bytes(), self.0.0)) * f64::from(n)) as u32
    }
}

/// Users take small item numbers more often, and items of their own parity four times of five. Negatives are items
/// that were positives before.
pub(crate) fn stream(seed: u64, events: usize) -> Vec<Event> {
    let mut draws = Draws(Seed(seed), 0);
    let mut seen = BTreeSet::new();
    let mut all = Vec::with_capacity(events);
    for n in 0..events {
        let user = draws.below(USERS);
        let own = draws.below(5) > 0;
        let half = draws.below(ITEMS / 2).min(draws.below(ITEMS / 2));
        let item = 2 * half + (if own { user } else { user + 1 }) % 2;
        let label = if n % 11 == 10 { 0.0 } else { 1.0 };
        let mut negatives = Vec::new();
        let known: Vec<u32> = seen.iter().copied().filter(|i| *i != item).collect();
        while label > 0.0 && negatives.len() < NEGATIVES.min(known.len()) {
            let drawn = known[draws.below(known.len() as u32) as usize];
            if !negatives.contains(&drawn) {
                negatives.push(drawn);
            }
        }
        if label > 0.0 {
            seen.insert(item);
        }
        let time = 1_700_000_000_000 + n as i64 * 60_000;
        all.push(Event { user, item, label, negatives, weight: 1.0, time });
    }
    all
}

/// Which slots ids have: in the order of their numbers, or in any other.
#[derive(Clone)]
pub(crate) struct Slots {
    users: Vec<Slot>,
    items: Vec<Slot>,
}

impl Slots {
    pub(crate) fn plain() -> Self {
        Self { users: (0..USERS).collect(), items: (0..ITEMS).collect() }
    }

    pub(crate) fn shuffled(seed: u64) -> Self {
        let shuffle = |n: u32, what: &str| {
            let key = |i: &u32| xxh3_64_with_seed(&i.to_le_bytes(), Seed(seed).named(what).0);
            let mut order: Vec<u32> = (0..n).collect();
            order.sort_by_key(key);
            order
        };
        Self { users: shuffle(USERS, "users"), items: shuffle(ITEMS, "items") }
    }

    /// A user's slot.
    pub(crate) fn user(&self, user: u32) -> Slot {
        self.users[user as usize]
    }

    /// An item's slot; what is not in the stream comes behind.
    pub(crate) fn item(&self, item: u32) -> Slot {
        self.items.get(item as usize).copied().unwrap_or(item)
    }
}

/// Plays events to a model and keeps users' recent items.
#[derive(Clone)]
pub(crate) struct Player {
    pub(crate) slots: Slots,
    recent: BTreeMap<u32, Vec<u32>>,
    now: i64,
}

impl Player {
    pub(crate) const fn new(slots: Slots) -> Self {
        Self { slots, recent: BTreeMap::new(), now: 1_700_000_000_000 }
    }

    pub(crate) const fn now(&self) -> Time {
        Time(self.now)
    }

    /// The slots of what a user took last, newest first.
    pub(crate) fn recent(&self, user: u32) -> Vec<Slot> {
        let items = self.recent.get(&user).map(Vec::as_slice).unwrap_or_default();
        items.iter().rev().take(RECENT).map(|i| self.slots.item(*i)).collect()
    }

    /// The context of a user; number [`USERS`] is one that was never seen.
    pub(crate) fn context<'a>(&self, user: u32, recent: &'a [Slot]) -> Context<'a> {
        let slot = self.slots.users.get(user as usize).copied();
        Context { user: slot, user_id: Id(u128::from(user)), recent, time: self.now() }
    }

    pub(crate) fn play(&mut self, model: &mut dyn Model, events: &[Event]) {
        for event in events {
            assert_eq!(self.learn(model, event), Learned::default());
        }
    }

    pub(crate) fn learn(&mut self, model: &mut dyn Model, event: &Event) -> Learned {
        let staged = self.stage(event);
        model.learn(&staged.example())
    }

    /// The example of an event, with what the user took before it; the event counts as played.
    pub(crate) fn stage(&mut self, event: &Event) -> Staged {
        self.now = event.time;
        let recent = self.recent(event.user);
        if event.label > 0.0 {
            self.recent.entry(event.user).or_default().push(event.item);
        }
        Staged {
            user: self.slots.users.get(event.user as usize).copied(),
            user_id: Id(u128::from(event.user)),
            recent,
            time: self.now(),
            item: self.slots.item(event.item),
            item_id: Id(1000 + u128::from(event.item)),
            negatives: event.negatives.iter().map(|n| self.slots.item(*n)).collect(),
            label: event.label,
            weight: event.weight,
        }
    }
}

/// An example that holds what it is made of.
pub(crate) struct Staged {
    user: Option<Slot>,
    pub(crate) user_id: Id,
    recent: Vec<Slot>,
    time: Time,
    item: Slot,
    item_id: Id,
    negatives: Vec<Slot>,
    label: f32,
    weight: f32,
}

impl Staged {
    pub(crate) fn example(&self) -> Example<'_> {
        let Self { user, user_id, ref recent, time, item, item_id, ref negatives, label, weight } = *self;
        Example { context: Context { user, user_id, recent, time }, item, item_id, label, weight, negatives }
    }
}
