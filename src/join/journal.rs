//! The newest decisions as they were logged, with what became of them: answers "why", and tells late from unknown.

use crate::event::{DecisionKey, Time};
use crate::table::{ByteRing, Index, Part, PartError, Table, words};

const KEY: usize = 0;
const LOGGED: usize = 4;
const REWARD: usize = 6;
const CLOSED: usize = 8;
const STATE: usize = 10;
const WIDTH: usize = 12;

/// What became of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceState {
    /// Still open.
    Pending,
    /// Closed with a reward.
    Rewarded,
    /// Closed without one.
    Expired,
    /// Not admitted: the table of open decisions was full.
    LeftOut,
}

/// One decision of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The record's bytes as logged; `None` once newer ones took their room.
    pub logged: Option<Vec<u8>>,
    /// What became of it.
    pub state: TraceState,
    /// Sum of its rewards when it closed.
    pub reward: f64,
    /// Log time at which it closed; [`Time::NEVER`] while open.
    pub closed: Time,
}

/// The newest `rows` decisions.
#[derive(Clone, Debug)]
pub struct Journal {
    capacity: u64,
    ring: Table,
    index: Index,
    logged: ByteRing,
    written: u64,
}

impl Journal {
    /// An empty journal for `rows` decisions and `bytes` of their records.
    #[must_use]
    pub fn new(rows: u32, bytes: usize) -> Self {
        Self {
            capacity: u64::from(rows.max(1)),
            ring: Table::new(WIDTH),
            index: Index::new(),
            logged: ByteRing::new(bytes),
            written: 0,
        }
    }

    /// Writes a decision down.
    pub fn write(&mut self, key: DecisionKey, logged: &[u8], state: TraceState) {
        let row = (self.written % self.capacity) as usize;
        if self.written >= self.capacity {
            let oldest = DecisionKey(words::get_u128(self.ring.row(row), KEY));
            if self.index.get(oldest) == Some(row as u32) {
                self.index.remove(oldest);
            }
        } else {
            self.ring.grow_to(row + 1);
        }
        let position = self.logged.push(logged);
        let w = self.ring.row_mut(row);
        words::put_u128(w, KEY, key.0);
        words::put_u64(w, LOGGED, position);
        words::put_f64(w, REWARD, 0.0);
        words::put_i64(w, CLOSED, Time::NEVER.0);
        w[STATE] = state as u32;
        self.index.insert(key, row as u32);
        self.written += 1;
    }

    /// Notes the outcome of a decision, if it is still in the journal.
    pub fn close(&mut self, key: DecisionKey, state: TraceState, reward: f64, log_time: Time) {
        if let Some(row) = self.index.get(key) {
            let w = self.ring.row_mut(row as usize);
            words::put_f64(w, REWARD, reward);
            words::put_i64(w, CLOSED, log_time.0);
            w[STATE] = state as u32;
        }
    }

    /// What is known of a decision.
    #[must_use]
    pub fn find(&self, key: DecisionKey) -> Option<Trace> {
        let row = self.index.get(key)?;
        let w = self.ring.row(row as usize);
        Some(Trace {
            logged: self.logged.get(words::get_u64(w, LOGGED)),
            state: match w[STATE] {
                1 => TraceState::Rewarded,
                2 => TraceState::Expired,
                3 => TraceState::LeftOut,
                _ => TraceState::Pending,
            },
            reward: words::get_f64(w, REWARD),
            closed: Time(words::get_i64(w, CLOSED)),
        })
    }

    /// Whether a decision was read, as far as the journal remembers.
    #[must_use]
    pub fn knows(&self, key: DecisionKey) -> bool {
        self.index.contains(key)
    }

    /// The newest decisions, newest first, at most `n`.
    #[must_use]
    pub fn newest(&self, n: usize) -> Vec<DecisionKey> {
        let n = (n as u64).min(self.written).min(self.capacity);
        (1..=n)
            .map(|back| {
                let row = ((self.written - back) % self.capacity) as usize;
                DecisionKey(words::get_u128(self.ring.row(row), KEY))
            })
            .collect()
    }
}

impl Part for Journal {
    fn tables(&self) -> Vec<(String, &Table)> {
        let mut all = vec![("ring".to_owned(), &self.ring), ("logged".to_owned(), self.logged.table())];
        all.extend(self.index.tables("index"));
        all
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        let mut all = vec![("ring".to_owned(), &mut self.ring), ("logged".to_owned(), self.logged.table_mut())];
        all.extend(self.index.tables_mut("index"));
        all
    }

    fn blob(&self) -> Vec<u8> {
        self.written.to_le_bytes().to_vec()
    }

    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError> {
        let bytes = blob.try_into().map_err(|_| PartError("journal: a count of 8 bytes is missing".into()))?;
        self.written = u64::from_le_bytes(bytes);
        self.index.check()?;
        self.logged.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_and_their_outcome() {
        let mut j = Journal::new(2, 4096);
        for key in 1..=3u128 {
            j.write(DecisionKey(key), format!("d{key}").as_bytes(), TraceState::Pending);
        }
        assert!(!j.knows(DecisionKey(1)));
        j.close(DecisionKey(2), TraceState::Rewarded, 2.5, Time(7));
        let trace = j.find(DecisionKey(2)).expect("kept");
        assert_eq!(trace.logged.as_deref(), Some(b"d2".as_slice()));
        assert_eq!((trace.state, trace.reward, trace.closed), (TraceState::Rewarded, 2.5, Time(7)));
        assert_eq!(j.newest(9), [DecisionKey(3), DecisionKey(2)]);
    }
}
