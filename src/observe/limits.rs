//! How many experiments and arms get label values of their own, whatever the budget still allows.

use super::catalogue::Family;
use super::metrics::OTHER;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// Experiments that are told apart.
pub const MAX_EXPERIMENTS: usize = 64;
/// Arms of one experiment that are told apart; an experiment takes no more.
pub const MAX_ARMS: usize = 32;

/// Experiments and arms that have label values.
#[derive(Debug, Default)]
pub(super) struct Limits {
    known: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

impl Limits {
    /// Whether a new series with these labels may be made.
    pub(super) fn admit(&self, family: Family, labels: &[&str]) -> bool {
        let value = |name: &str| {
            let place = family.labels().iter().position(|l| *l == name)?;
            labels.get(place).copied().filter(|v| *v != OTHER)
        };
        let Some(experiment) = value("experiment") else { return true };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains_key(experiment) {
            if known.len() >= MAX_EXPERIMENTS {
                return false;
            }
            known.insert(experiment.to_owned(), BTreeSet::new());
        }
        let (Some(arm), Some(arms)) = (value("arm"), known.get_mut(experiment)) else { return true };
        if !arms.contains(arm) {
            if arms.len() >= MAX_ARMS {
                return false;
            }
            arms.insert(arm.to_owned());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn experiments_and_arms_beyond_their_number_are_not_told_apart() {
        let limits = Limits::default();
        for e in 0..MAX_EXPERIMENTS {
            for a in 0..MAX_ARMS {
                assert!(limits.admit(Family::Decisions, &[&format!("e{e}"), &format!("a{a}")]));
            }
        }
        assert!(!limits.admit(Family::Decisions, &["e0", "one more"]));
        assert!(!limits.admit(Family::Decisions, &["one more", "a0"]));
        assert!(!limits.admit(Family::RewardDelay, &["one more"]));
        assert!(limits.admit(Family::Decisions, &["e0", "a31"]), "known ones stay");
        assert!(limits.admit(Family::Decisions, &[OTHER, OTHER]));
        assert!(limits.admit(Family::KafkaConsumed, &["topic"]));
    }
}
