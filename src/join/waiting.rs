//! Rewards that were read before the decision they name: two topics have no common order.

use crate::event::{DecisionKey, Time};
use crate::table::{Part, PartError, Table};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One early arrival, with what is needed to handle it later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Early {
    /// When it happened, milliseconds.
    pub time: i64,
    /// The user of an interaction; `None` for feedback.
    pub user_id: Option<String>,
    /// Metric of a feedback, or action of an interaction.
    pub metric: String,
    /// Value, if any.
    pub value: Option<f64>,
    /// Items of an interaction.
    pub items: Vec<String>,
}

/// Number of an arrival: keeps the order.
type Turn = u64;

/// Early arrivals by decision, bounded by count; each waits at most a grace of log time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Waiting {
    turn: Turn,
    /// (due, turn) → decision.
    due: BTreeMap<Turn, (i64, u128)>,
    /// Decision → (turn, arrival) in order.
    by_decision: BTreeMap<u128, Vec<(Turn, Early)>>,
}

impl Waiting {
    /// How many may wait; the next one is handled as if its time were up.
    pub const CAPACITY: usize = 65_536;

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.due.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// Lets an arrival wait until log time `due`.
    ///
    /// # Errors
    /// Gives it back when too many wait.
    pub fn wait(&mut self, decision: DecisionKey, due: Time, early: Early) -> Result<(), Early> {
        if self.len() >= Self::CAPACITY {
            return Err(early);
        }
        self.turn += 1;
        self.due.insert(self.turn, (due.0, decision.0));
        self.by_decision.entry(decision.0).or_default().push((self.turn, early));
        Ok(())
    }

    /// Everything that waited for this decision, in order of arrival.
    pub fn take(&mut self, decision: DecisionKey) -> Vec<Early> {
        let all = self.by_decision.remove(&decision.0).unwrap_or_default();
        for (turn, _) in &all {
            self.due.remove(turn);
        }
        all.into_iter().map(|(_, early)| early).collect()
    }

    /// The oldest arrival whose time is up, if any.
    ///
    /// Every arrival waits equally long within one log, so the order of arrival is that of being due, but for
    /// experiments with a longer grace; these hold back the ones behind them for no longer than that.
    pub fn next_due(&mut self, log_time: Time) -> Option<Early> {
        let (&turn, &(due, decision)) = self.due.first_key_value()?;
        if due > log_time.0 {
            return None;
        }
        self.due.remove(&turn);
        let of_decision = self.by_decision.get_mut(&decision)?;
        let at = of_decision.iter().position(|(t, _)| *t == turn)?;
        let (_, early) = of_decision.remove(at);
        if of_decision.is_empty() {
            self.by_decision.remove(&decision);
        }
        Some(early)
    }
}

impl Part for Waiting {
    fn tables(&self) -> Vec<(String, &Table)> {
        Vec::new()
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        Vec::new()
    }

    fn blob(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("maps of numbers and texts have a JSON form")
    }

    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError> {
        *self = serde_json::from_slice(blob).map_err(|e| PartError(format!("waiting arrivals: {e}")))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn early(n: i64) -> Early {
        Early { time: n, user_id: None, metric: "click".into(), value: None, items: vec![] }
    }

    #[test]
    fn waits_until_its_decision_comes_or_its_time_is_up() {
        let mut w = Waiting::default();
        w.wait(DecisionKey(1), Time(10), early(1)).expect("room");
        w.wait(DecisionKey(2), Time(10), early(2)).expect("room");
        w.wait(DecisionKey(1), Time(11), early(3)).expect("room");
        let mut again = Waiting::default();
        again.restore(&w.blob()).expect("own blob");
        assert_eq!(again.take(DecisionKey(1)), [early(1), early(3)]);
        assert_eq!(again.next_due(Time(9)), None);
        assert_eq!(again.next_due(Time(10)), Some(early(2)));
        assert!(again.is_empty());
        assert_eq!(again.next_due(Time(99)), None);
    }
}
