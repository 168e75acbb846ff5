//! The strip of rates: how much comes in, how far behind learning is, what is refused, how full the queue is.

use super::super::doors::Doors;
use crate::event::Time;
use crate::pipeline::{EventOutcome, Facts, Totals};
use serde::Serialize;
use std::collections::VecDeque;

/// Over how many seconds rates are taken: one second alone would jump.
const OVER: usize = 5;

/// Numbers of the whole instance at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Pulse {
    /// Records read a second, over the last seconds.
    pub(super) events_per_second: f64,
    /// Decisions read a second, over the last seconds.
    pub(super) decisions_per_second: f64,
    /// Records in the log after the last one processed.
    pub(super) lag: u64,
    /// From the newest cut's log time to the view that shows it, in seconds.
    pub(super) freshness_seconds: Option<f64>,
    /// Exact counts of records read, by outcome.
    pub(super) accepted: u64,
    pub(super) ignored: u64,
    pub(super) rejected: u64,
    pub(super) duplicates: u64,
    /// Rejected records by reason, most first.
    pub(super) reasons: Vec<(&'static str, u64)>,
    /// Records that wait to be written to Kafka, and how many may.
    pub(super) spooled: usize,
    pub(super) spool_capacity: usize,
    /// Bytes held by all models' tables.
    pub(super) model_bytes: usize,
    /// Pages that are watching.
    pub(super) clients: usize,
}

/// Remembers the last seconds' counts.
#[derive(Debug, Default)]
pub(super) struct PulseMeter {
    past: VecDeque<(Time, u64, u64)>,
}

impl PulseMeter {
    /// The pulse at `now`. Counts that fell (another learner's state came in) begin anew.
    pub(super) fn take(&mut self, doors: &Doors, view: Option<&dyn Facts>, now: Time, limits: (usize, usize)) -> Pulse {
        let totals = view.map(Facts::totals).unwrap_or_default();
        let (events, decisions) = (all(&totals), view.map_or(0, decisions));
        if self.past.back().is_some_and(|(_, e, d)| *e > events || *d > decisions) {
            self.past.clear();
        }
        let rates = self.past.front().map(|(then, e, d)| {
            let seconds = (now - *then).as_seconds().max(1e-3);
            ((events - e) as f64 / seconds, (decisions - d) as f64 / seconds)
        });
        if view.is_some() {
            self.past.push_back((now, events, decisions));
        }
        if self.past.len() > OVER {
            self.past.pop_front();
        }
        let mut reasons: Vec<(&'static str, u64)> = totals.rejected.iter().map(|(c, n)| (c.as_str(), *n)).collect();
        reasons.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let fresh = |v: &dyn Facts| (v.log_time() != Time::NEVER).then(|| (v.published() - v.log_time()).as_seconds());
        Pulse {
            events_per_second: rates.map_or(0.0, |r| r.0),
            decisions_per_second: rates.map_or(0.0, |r| r.1),
            lag: doors.status.lag(),
            freshness_seconds: view.and_then(fresh).map(|s| s.max(0.0)),
            accepted: totals.of(EventOutcome::Accepted),
            ignored: totals.of(EventOutcome::Ignored),
            rejected: totals.of(EventOutcome::Rejected),
            duplicates: totals.of(EventOutcome::Duplicate),
            reasons,
            spooled: doors.sink.spooled(),
            spool_capacity: limits.0,
            model_bytes: view.map_or(0, |v| v.models().iter().map(|m| m.bytes).sum()),
            clients: limits.1,
        }
    }
}

fn all(totals: &Totals) -> u64 {
    EventOutcome::ALL.into_iter().map(|o| totals.of(o)).sum()
}

fn decisions(view: &dyn Facts) -> u64 {
    let of = |e: &crate::allocate::Experiment| -> u64 {
        e.arms().iter().map(|a| view.tally(e.name(), &a.name).decisions).sum()
    };
    view.experiments().iter().map(of).sum()
}
