//! How well each model predicted lately: totals over all time would hide what changes now.

use crate::pipeline::Facts;
use std::collections::{BTreeMap, VecDeque};

/// Over how many seconds.
const OVER: usize = 30;

/// Remembers every model's totals of the last half minute.
#[derive(Debug, Default)]
pub(super) struct ScoreMeter {
    past: VecDeque<BTreeMap<String, (u64, f64)>>,
    newest: Vec<(String, Option<f64>)>,
}

impl ScoreMeter {
    /// `recent/<model>`: recall@10 of what was scored in the last half minute; `None` where nothing was.
    pub(super) fn take(&mut self, view: Option<&dyn Facts>) -> &[(String, Option<f64>)] {
        let models = view.map(Facts::models).unwrap_or_default();
        let now: BTreeMap<String, (u64, f64)> =
            models.iter().map(|m| (m.kind.clone(), (m.scored, m.recall_at_10 * m.scored as f64))).collect();
        let recent = |(model, (scored, hits)): (&String, &(u64, f64))| {
            let before = self.past.front().and_then(|p| p.get(model)).copied().unwrap_or_default();
            let fresh = scored.checked_sub(before.0).filter(|n| *n > 0);
            (format!("recent/{model}"), fresh.map(|n| ((hits - before.1) / n as f64).clamp(0.0, 1.0)))
        };
        self.newest = now.iter().map(recent).collect();
        self.past.push_back(now);
        if self.past.len() > OVER {
            self.past.pop_front();
        }
        &self.newest
    }

    /// What the newest call gave.
    pub(super) fn newest(&self) -> &[(String, Option<f64>)] {
        &self.newest
    }
}
