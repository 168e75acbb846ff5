//! How a cut is formed: which records, and at which log time.

use super::tray::Tray;
use crate::event::{Cut, CutPart, Partition, Span, Time};
use std::collections::BTreeMap;

/// Records of one cut at most.
const RECORDS: usize = 20_000;
/// Bytes of one cut at most; one record more may pass it.
const BYTES: usize = 8 << 20;
/// How far, in record time, a partition may be cut ahead of the slowest.
const AHEAD: Span = Span::seconds(60);

/// Forms the cut of what is ready. `before` is the log time of the last cut, `now` the driver's clock.
pub(super) fn form(
    trays: &BTreeMap<Partition, Tray>,
    generation: u64,
    before: Time,
    now: Time,
    rank_share: f64,
) -> Cut {
    let ready = trays.values().filter(|t| !t.arrivals.is_empty()).count().max(1);
    let (records, bytes) = ((RECORDS / ready).max(1), BYTES / ready);
    let limit = slowest(trays).map(|t| t + AHEAD);
    let mut parts = Vec::new();
    let mut log_time = now;
    for (partition, tray) in trays {
        let taken = covered(tray, records, bytes, limit);
        let newest = taken.newest.max(tray.newest);
        let behind = tray.backlog || taken.count < tray.arrivals.len();
        if behind && (tray.reached_end || tray.holds) {
            log_time = log_time.min(newest.unwrap_or(before));
        }
        if taken.count > 0 || !tray.named {
            parts.push(CutPart {
                topic: partition.topic.to_string(),
                partition: partition.number,
                start: (!tray.named).then_some(tray.next),
                end: taken.end,
                count: taken.count as u64,
            });
        }
    }
    Cut { generation, log_time: before.max(log_time).0, rank_share, parts }
}

/// What of a tray goes into a cut.
struct Covered {
    count: usize,
    end: i64,
    newest: Option<Time>,
}

fn covered(tray: &Tray, records: usize, bytes: usize, limit: Option<Time>) -> Covered {
    let mut covered = Covered { count: 0, end: tray.next, newest: None };
    let mut size = 0;
    for arrival in tray.arrivals.iter().take(records) {
        let timestamp = arrival.record.timestamp;
        if size > bytes || limit.is_some_and(|l| timestamp > l) {
            break;
        }
        size += arrival.bytes();
        covered.count += 1;
        covered.end = arrival.record.offset + 1;
        covered.newest = covered.newest.max(Some(timestamp));
    }
    covered
}

/// Record time of the slowest partition that has a backlog and something to cut. One that has nothing ready yet
/// cannot tell its time: it holds back log time, but not the others' learning.
fn slowest(trays: &BTreeMap<Partition, Tray>) -> Option<Time> {
    trays
        .values()
        .filter(|t| t.backlog && (t.reached_end || t.holds))
        .filter_map(|t| t.arrivals.front().map(|a| a.record.timestamp))
        .min()
}
