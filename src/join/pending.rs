//! Decisions whose outcome is open. Each closes exactly once (JO-1), and no reward counts twice (JO-2).

use crate::event::{DecisionKey, Span, Time};
use crate::table::{Index, Part, PartError, Table, words};
use std::collections::BTreeSet;

/// No row.
pub const NONE: u32 = u32::MAX;

/// How many shown items a pending decision remembers, for teaching what was shown and ignored.
pub const SHOWN: usize = 12;

/// How much earlier than its decision a reward may claim to be: clocks of two hosts differ.
pub const SKEW: Span = Span::seconds(10);

// Words of a row.
const KEY: usize = 0;
const TIME: usize = 4;
const WINDOW_END: usize = 6;
const CLOSES: usize = 8;
const REWARD: usize = 10;
const EXPERIMENT: usize = 12;
const ARM: usize = 13;
const STATE: usize = 14;
const ASSIGNMENT: usize = 15;
const USER: usize = 16;
const TAKEN: usize = 17;
const ITEMS: usize = 18;
/// Words of a row in all: 120 bytes, 32 in the index and about 48 in the queue of deadlines.
const WIDTH: usize = ITEMS + SHOWN;
/// Bytes that one pending decision may cost in all.
const ROW_BYTES: usize = WIDTH * 4 + 32 + 48;

const OPEN: u32 = 1;
const REWARDED: u32 = 2;
const COUNTS: u32 = 4;

/// What is remembered of an open decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PendingDecision {
    /// Its key.
    pub key: DecisionKey,
    /// When it was made.
    pub time: Time,
    /// The last moment at which a reward belongs to it.
    pub window_end: Time,
    /// Log time at which it closes.
    pub closes: Time,
    /// Number of its experiment.
    pub experiment: u16,
    /// Number of its arm.
    pub arm: u16,
    /// Whether it may enter inference (its reason is `assigned`).
    pub counts: bool,
    /// Row of its assignment, [`NONE`] when it is its own or belongs to none.
    pub assignment: u32,
    /// Slot of the user, [`NONE`] when unknown.
    pub user: u32,
    /// Slots of the items shown, in rank order; [`NONE`] fills up.
    pub items: [u32; SHOWN],
    /// Bit i: item i was taken.
    pub taken: u32,
    /// Sum of the rewards so far.
    pub reward: f64,
    /// Whether any reward came.
    pub rewarded: bool,
}

/// What opening a decision did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is open now, in this row.
    Row(u32),
    /// The table is full: the decision has no outcome and is left out of everything, counted.
    Full,
}

/// What a reward did to a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credit {
    /// The decision's first reward.
    First,
    /// A further one.
    Further,
    /// Outside the window: not credited.
    OutsideWindow,
}

/// Open decisions by key, and in the order in which they close. Bounded in bytes (JO-3).
#[derive(Clone, Debug)]
pub struct Pending {
    capacity: usize,
    rows: Table,
    index: Index,
    /// Derived from the rows: (closes, key, row), so that closing order never depends on row numbers.
    deadlines: BTreeSet<(Time, DecisionKey, u32)>,
    /// Derived from the rows: free ones, the smallest first.
    free: BTreeSet<u32>,
}

impl Pending {
    /// An empty table for as many decisions as `bytes` hold.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self {
            capacity: (bytes / ROW_BYTES).clamp(16, NONE as usize - 1),
            rows: Table::new(WIDTH),
            index: Index::new(),
            deadlines: BTreeSet::new(),
            free: BTreeSet::new(),
        }
    }

    /// Open decisions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// How many may be open.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// The row of an open decision.
    #[must_use]
    pub fn find(&self, key: DecisionKey) -> Option<u32> {
        self.index.get(key)
    }

    /// What is remembered in a row.
    #[must_use]
    pub fn get(&self, row: u32) -> PendingDecision {
        let w = self.rows.row(row as usize);
        let mut items = [NONE; SHOWN];
        items.copy_from_slice(&w[ITEMS..ITEMS + SHOWN]);
        PendingDecision {
            key: DecisionKey(words::get_u128(w, KEY)),
            time: Time(words::get_i64(w, TIME)),
            window_end: Time(words::get_i64(w, WINDOW_END)),
            closes: Time(words::get_i64(w, CLOSES)),
            experiment: w[EXPERIMENT] as u16,
            arm: w[ARM] as u16,
            counts: w[STATE] & COUNTS != 0,
            assignment: w[ASSIGNMENT],
            user: w[USER],
            items,
            taken: w[TAKEN],
            reward: words::get_f64(w, REWARD),
            rewarded: w[STATE] & REWARDED != 0,
        }
    }

    /// Opens a decision whose key is not open yet.
    pub fn open(&mut self, d: &PendingDecision) -> Opened {
        if self.index.len() >= self.capacity {
            return Opened::Full;
        }
        let row = self.free.pop_first().unwrap_or_else(|| {
            let row = self.rows.len() as u32;
            self.rows.grow_to(row as usize + 1);
            row
        });
        let w = self.rows.row_mut(row as usize);
        words::put_u128(w, KEY, d.key.0);
        words::put_i64(w, TIME, d.time.0);
        words::put_i64(w, WINDOW_END, d.window_end.0);
        words::put_i64(w, CLOSES, d.closes.0);
        words::put_f64(w, REWARD, d.reward);
        w[EXPERIMENT] = u32::from(d.experiment);
        w[ARM] = u32::from(d.arm);
        w[STATE] = OPEN | if d.counts { COUNTS } else { 0 } | if d.rewarded { REWARDED } else { 0 };
        w[ASSIGNMENT] = d.assignment;
        w[USER] = d.user;
        w[TAKEN] = d.taken;
        w[ITEMS..ITEMS + SHOWN].copy_from_slice(&d.items);
        self.index.insert(d.key, row);
        self.deadlines.insert((d.closes, d.key, row));
        Opened::Row(row)
    }

    /// Credits a reward that happened at `time`, if it belongs to the decision by content.
    pub fn credit(&mut self, row: u32, time: Time, reward: f64) -> Credit {
        let d = self.get(row);
        if time < d.time - SKEW || time > d.window_end {
            return Credit::OutsideWindow;
        }
        let w = self.rows.row_mut(row as usize);
        words::put_f64(w, REWARD, d.reward + reward);
        w[STATE] |= REWARDED;
        if d.rewarded { Credit::Further } else { Credit::First }
    }

    /// Ties a decision to its assignment.
    pub fn set_assignment(&mut self, row: u32, assignment: u32) {
        self.rows.row_mut(row as usize)[ASSIGNMENT] = assignment;
    }

    /// Replaces the items shown: an impression tells better than the list that was sent.
    pub fn set_shown(&mut self, row: u32, items: &[u32; SHOWN]) {
        let before = self.get(row);
        let w = self.rows.row_mut(row as usize);
        w[ITEMS..ITEMS + SHOWN].copy_from_slice(items);
        w[TAKEN] = 0;
        // A click may be read before the impression, which may list items in another order.
        let taken = before.items.iter().enumerate().filter(|(i, _)| before.taken & (1 << i) != 0);
        taken.for_each(|(_, item)| self.take(row, *item));
    }

    /// Takes users and items out whose slots mean somebody else from now on.
    pub fn forget(&mut self, user: impl Fn(u32) -> bool, item: impl Fn(u32) -> bool) {
        let gone = |slot: u32, is: &dyn Fn(u32) -> bool| slot != NONE && is(slot);
        for row in 0..self.rows.len() {
            let w = self.rows.row(row);
            let hit = gone(w[USER], &user) || w[ITEMS..ITEMS + SHOWN].iter().any(|i| gone(*i, &item));
            if w[STATE] & OPEN == 0 || !hit {
                continue;
            }
            let w = self.rows.row_mut(row);
            if gone(w[USER], &user) {
                w[USER] = NONE;
            }
            w[ITEMS..ITEMS + SHOWN].iter_mut().filter(|i| gone(**i, &item)).for_each(|i| *i = NONE);
        }
    }

    /// Marks an item as taken, so that it does not teach as ignored.
    pub fn take(&mut self, row: u32, item: u32) {
        let d = self.get(row);
        if let Some(i) = d.items.iter().position(|&x| x == item) {
            self.rows.row_mut(row as usize)[TAKEN] = d.taken | 1 << i;
        }
    }

    /// The next decision that closes at `log_time` or before, taken out: each closes once.
    pub fn close_next(&mut self, log_time: Time) -> Option<PendingDecision> {
        let &(closes, key, row) = self.deadlines.first()?;
        if closes > log_time {
            return None;
        }
        self.deadlines.pop_first();
        let decision = self.get(row);
        self.index.remove(key);
        self.rows.row_mut(row as usize).fill(0);
        self.free.insert(row);
        Some(decision)
    }
}

impl Part for Pending {
    fn tables(&self) -> Vec<(String, &Table)> {
        let mut all = vec![("rows".to_owned(), &self.rows)];
        all.extend(self.index.tables("index"));
        all
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        let mut all = vec![("rows".to_owned(), &mut self.rows)];
        all.extend(self.index.tables_mut("index"));
        all
    }

    fn blob(&self) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _blob: &[u8]) -> Result<(), PartError> {
        self.index.check()?;
        self.deadlines.clear();
        self.free.clear();
        for row in 0..self.rows.len() as u32 {
            if self.rows.row(row as usize)[STATE] & OPEN == 0 {
                self.free.insert(row);
            } else {
                let d = self.get(row);
                if self.index.get(d.key) != Some(row) {
                    return Err(PartError(format!("pending decisions: row {row} is not in the index")));
                }
                self.deadlines.insert((d.closes, d.key, row));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A decision for tests.
    pub(crate) fn decision(key: u128, time: i64, closes: i64) -> PendingDecision {
        PendingDecision {
            key: DecisionKey(key),
            time: Time(time),
            window_end: Time(closes),
            closes: Time(closes),
            experiment: 0,
            arm: 1,
            counts: true,
            assignment: NONE,
            user: NONE,
            items: [NONE; SHOWN],
            taken: 0,
            reward: 0.0,
            rewarded: false,
        }
    }

    #[test]
    fn closes_once_in_order_of_time_then_key() {
        let mut p = Pending::new(1 << 20);
        for (key, closes) in [(3, 50), (1, 70), (2, 50)] {
            assert!(matches!(p.open(&decision(key, 0, closes)), Opened::Row(_)));
        }
        assert_eq!(p.close_next(Time(49)), None);
        let keys: Vec<u128> = std::iter::from_fn(|| p.close_next(Time(70))).map(|d| d.key.0).collect();
        assert_eq!(keys, [2, 3, 1]);
        assert!(p.is_empty());
    }

    #[test]
    fn a_reward_belongs_by_content_and_counts_once_as_first() {
        let mut p = Pending::new(1 << 20);
        let Opened::Row(row) = p.open(&decision(9, 100_000, 130_000)) else { panic!("full") };
        assert_eq!(p.credit(row, Time(89_999), 1.0), Credit::OutsideWindow);
        assert_eq!(p.credit(row, Time(130_001), 1.0), Credit::OutsideWindow);
        assert_eq!(p.credit(row, Time(90_000), 1.0), Credit::First);
        assert_eq!(p.credit(row, Time(130_000), 2.0), Credit::Further);
        assert_eq!(p.get(row).reward, 3.0);
    }

    #[test]
    fn a_full_table_says_so_and_a_restore_continues() {
        let mut p = Pending::new(0);
        for key in 0..p.capacity() as u128 {
            assert!(matches!(p.open(&decision(key, 0, 10 + key as i64)), Opened::Row(_)));
        }
        assert_eq!(p.open(&decision(99, 0, 5)), Opened::Full);
        p.close_next(Time(10)).expect("one is due");
        let mut q = Pending::new(0);
        q.rows = p.rows.clone();
        q.index = p.index.clone();
        q.restore(&[]).expect("sound");
        assert_eq!((q.deadlines.clone(), q.free.clone()), (p.deadlines.clone(), p.free.clone()));
        assert!(matches!(q.open(&decision(99, 0, 5)), Opened::Row(0)));
    }
}
