//! Assignments that outlive one decision: a unit that keeps its arm for an epoch.
//!
//! The first decision read is the assignment; it matures, once, when that decision closes. It is remembered until
//! its epoch is over, so that later decisions of the same epoch are recognised and not counted again.

use crate::event::{Id, Time};
use crate::table::{Index, Part, PartError, Table, words};
use std::collections::BTreeSet;

const KEY: usize = 0;
const WINDOW_END: usize = 4;
const FORGET: usize = 6;
const REWARD: usize = 8;
const ARM: usize = 10;
const STATE: usize = 11;
const WIDTH: usize = 12;
const ROW_BYTES: usize = WIDTH * 4 + 32 + 48;

const KNOWN: u32 = 1;
const MATURED: u32 = 2;

/// What is remembered of an assignment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assignment {
    /// Hash of experiment, scope, unit and epoch.
    pub key: Id,
    /// Rewards after this moment do not enter it.
    pub window_end: Time,
    /// Log time after which it may be forgotten.
    pub forget: Time,
    /// Sum of rewards within the window, not capped yet.
    pub reward: f64,
    /// Number of its arm.
    pub arm: u16,
    /// Whether it has entered the posterior.
    pub matured: bool,
}

/// What meeting a decision's assignment found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assigned {
    /// This decision is the assignment.
    First(u32),
    /// The unit already has it; the arm agrees.
    Again(u32),
    /// The unit already has it, with another arm: a counted override.
    Override,
    /// The table is full: left out of inference, counted.
    Full,
}

/// Assignments by key. Bounded in bytes.
#[derive(Clone, Debug)]
pub struct Assignments {
    capacity: usize,
    rows: Table,
    index: Index,
    /// Derived: (forget, key, row).
    ends: BTreeSet<(Time, Id, u32)>,
    /// Derived: free rows.
    free: BTreeSet<u32>,
}

impl Assignments {
    /// An empty table for as many assignments as `bytes` hold.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self {
            capacity: (bytes / ROW_BYTES).clamp(16, u32::MAX as usize - 1),
            rows: Table::new(WIDTH),
            index: Index::new(),
            ends: BTreeSet::new(),
            free: BTreeSet::new(),
        }
    }

    /// Known assignments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// What is remembered in a row.
    #[must_use]
    pub fn get(&self, row: u32) -> Assignment {
        let w = self.rows.row(row as usize);
        Assignment {
            key: Id(words::get_u128(w, KEY)),
            window_end: Time(words::get_i64(w, WINDOW_END)),
            forget: Time(words::get_i64(w, FORGET)),
            reward: words::get_f64(w, REWARD),
            arm: w[ARM] as u16,
            matured: w[STATE] & MATURED != 0,
        }
    }

    /// Finds the assignment of a decision that was drawn, or makes the decision the assignment.
    pub fn meet(&mut self, new: &Assignment) -> Assigned {
        if let Some(row) = self.index.get(new.key) {
            return if self.get(row).arm == new.arm { Assigned::Again(row) } else { Assigned::Override };
        }
        if self.index.len() >= self.capacity {
            return Assigned::Full;
        }
        let row = self.free.pop_first().unwrap_or_else(|| {
            let row = self.rows.len() as u32;
            self.rows.grow_to(row as usize + 1);
            row
        });
        let w = self.rows.row_mut(row as usize);
        words::put_u128(w, KEY, new.key.0);
        words::put_i64(w, WINDOW_END, new.window_end.0);
        words::put_i64(w, FORGET, new.forget.0);
        words::put_f64(w, REWARD, 0.0);
        w[ARM] = u32::from(new.arm);
        w[STATE] = KNOWN;
        self.index.insert(new.key, row);
        self.ends.insert((new.forget, new.key, row));
        Assigned::First(row)
    }

    /// Adds a reward that happened at `time`, while the assignment is open and its window includes it.
    pub fn credit(&mut self, row: u32, time: Time, reward: f64) {
        let a = self.get(row);
        if !a.matured && time <= a.window_end {
            words::put_f64(self.rows.row_mut(row as usize), REWARD, a.reward + reward);
        }
    }

    /// Closes an assignment and returns its reward; `None` if it has matured before.
    pub fn mature(&mut self, row: u32) -> Option<f64> {
        let a = self.get(row);
        if a.matured {
            return None;
        }
        self.rows.row_mut(row as usize)[STATE] |= MATURED;
        Some(a.reward)
    }

    /// Forgets matured assignments whose epoch has been over long enough.
    pub fn forget(&mut self, log_time: Time) {
        while let Some(&(end, key, row)) = self.ends.first() {
            if end > log_time || !self.get(row).matured {
                break;
            }
            self.ends.pop_first();
            self.index.remove(key);
            self.rows.row_mut(row as usize).fill(0);
            self.free.insert(row);
        }
    }
}

impl Part for Assignments {
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
        self.ends.clear();
        self.free.clear();
        for row in 0..self.rows.len() as u32 {
            if self.rows.row(row as usize)[STATE] & KNOWN == 0 {
                self.free.insert(row);
            } else {
                let a = self.get(row);
                if self.index.get(a.key) != Some(row) {
                    return Err(PartError(format!("assignments: row {row} is not in the index")));
                }
                self.ends.insert((a.forget, a.key, row));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(key: u128, arm: u16) -> Assignment {
        Assignment { key: Id(key), window_end: Time(100), forget: Time(1000), reward: 0.0, arm, matured: false }
    }

    #[test]
    fn the_first_decision_is_the_assignment_and_matures_once() {
        let mut all = Assignments::new(1 << 16);
        let Assigned::First(row) = all.meet(&assignment(7, 2)) else { panic!("first") };
        assert_eq!(all.meet(&assignment(7, 2)), Assigned::Again(row));
        assert_eq!(all.meet(&assignment(7, 1)), Assigned::Override);
        all.credit(row, Time(100), 1.0);
        all.credit(row, Time(101), 5.0);
        assert_eq!(all.mature(row), Some(1.0));
        assert_eq!(all.mature(row), None);
        all.credit(row, Time(50), 9.0);
        assert_eq!(all.get(row).reward, 1.0, "nothing enters after it closed");
    }

    #[test]
    fn it_is_forgotten_only_after_its_epoch_and_only_when_matured() {
        let mut all = Assignments::new(1 << 16);
        let Assigned::First(row) = all.meet(&assignment(7, 2)) else { panic!("first") };
        all.forget(Time(2000));
        assert_eq!(all.len(), 1, "still open");
        all.mature(row);
        all.forget(Time(999));
        assert_eq!(all.len(), 1, "epoch not over");
        all.forget(Time(1000));
        assert!(all.is_empty());
    }
}
