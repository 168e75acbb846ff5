//! What one input partition holds ready between its last cut and its newest fetched record.

use crate::event::{CutPart, Time};
use crate::pipeline::Arrival;
use std::collections::VecDeque;

/// Bytes that a partition may hold ready before fetching is paused: twice the largest cut.
const FULL_BYTES: usize = 16 << 20;
/// Records likewise.
pub(in crate::app) const FULL_RECORDS: usize = 40_000;

/// One partition's records that no processed cut has covered yet.
#[derive(Debug)]
pub(super) struct Tray {
    /// The offset after the last processed cut.
    pub(super) next: i64,
    /// Whether a cut has named this partition; the first one also names where reading began.
    pub(super) named: bool,
    pub(super) arrivals: VecDeque<Arrival>,
    bytes: usize,
    /// The offset after the newest fetched record.
    pub(super) fetched: i64,
    /// No end was reported since the newest record or (re)connection.
    pub(super) backlog: bool,
    /// Has reached its end at least once: before that, a partition added later does not hold back log time.
    pub(super) reached_end: bool,
    /// Whether this partition may hold back log time before it has reached its end.
    pub(super) holds: bool,
    /// Timestamp of the newest record that a cut covered.
    pub(super) newest: Option<Time>,
    /// Records from this offset on are not wanted.
    pub(super) limit: Option<i64>,
    pub(super) paused: bool,
}

/// Whether a tray has what a cut counts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// All of it.
    Whole,
    /// Not yet.
    Waiting,
    /// It never will: the log holds fewer records than were counted.
    Gap {
        /// How many there are.
        found: u64,
    },
}

impl Tray {
    pub(super) fn new(next: i64, holds: bool) -> Self {
        Self {
            next,
            named: false,
            arrivals: VecDeque::new(),
            bytes: 0,
            fetched: next,
            backlog: true,
            reached_end: false,
            holds,
            newest: None,
            limit: None,
            paused: false,
        }
    }

    /// Takes fetched records; what was fetched before (after a reconnection) is passed over.
    pub(super) fn put(&mut self, arrivals: Vec<Arrival>) {
        for arrival in arrivals {
            let offset = arrival.record.offset;
            if offset < self.fetched || self.limit.is_some_and(|limit| offset >= limit) {
                continue;
            }
            self.fetched = offset + 1;
            self.backlog = true;
            self.bytes += arrival.bytes();
            self.arrivals.push_back(arrival);
        }
    }

    /// The partition was read to its end.
    pub(super) fn end(&mut self, offset: i64) {
        if offset >= self.fetched {
            self.fetched = offset;
            self.backlog = false;
            self.reached_end = true;
        }
    }

    /// After an outage nobody knows what is behind the newest fetched record.
    pub(super) fn reconnect(&mut self) {
        self.backlog = true;
    }

    /// Whether fetching should pause, or may go on; `None`: as it is.
    pub(super) fn wants_pause(&self) -> Option<bool> {
        let (bytes, records) = (self.bytes, self.arrivals.len());
        if !self.paused && (bytes > FULL_BYTES || records > FULL_RECORDS) {
            Some(true)
        } else if self.paused && bytes < FULL_BYTES / 2 && records < FULL_RECORDS / 2 {
            Some(false)
        } else {
            None
        }
    }

    /// Whether the tray has what a part of a cut counts.
    pub(super) fn fill(&self, part: &CutPart) -> Fill {
        let found = self.arrivals.partition_point(|a| a.record.offset < part.end) as u64;
        if found >= part.count {
            return Fill::Whole;
        }
        if self.fetched >= part.end { Fill::Gap { found } } else { Fill::Waiting }
    }

    /// Takes out what a part of a cut covers.
    pub(super) fn take(&mut self, part: &CutPart, into: &mut Vec<Arrival>) {
        while self.arrivals.front().is_some_and(|a| a.record.offset < part.end) {
            if let Some(arrival) = self.arrivals.pop_front() {
                self.bytes -= arrival.bytes();
                self.newest = self.newest.max(Some(arrival.record.timestamp));
                into.push(arrival);
            }
        }
        self.next = part.end;
        self.fetched = self.fetched.max(part.end);
        self.named = true;
    }
}
