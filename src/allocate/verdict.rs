//! The experiment in one plain sentence that is true whenever it is read.

use super::experiment::{ArmState, Experiment};

/// Matured assignments an arm needs before anything is said of it.
const ENOUGH: u64 = 750;

impl Experiment {
    /// Who leads, how sure that is, or why it is too early to say.
    #[must_use]
    pub fn verdict(&self) -> String {
        let live: Vec<usize> = (0..self.arms().len()).filter(|&i| self.arms()[i].state == ArmState::Live).collect();
        let Some(&leader) = live.iter().max_by(|&&a, &&b| {
            let best = |i: usize| self.summary(i).probability_best;
            best(a).total_cmp(&best(b)).then(b.cmp(&a))
        }) else {
            return "no arm may serve: all are paused or retired".to_owned();
        };
        if live.len() == 1 {
            return format!("{} has all traffic: it is the only live arm", self.arms()[leader].name);
        }
        let matured: u64 = live.iter().map(|&i| self.summary(i).matured).sum();
        let needed = ENOUGH * live.len() as u64;
        if matured < needed {
            return format!("too early to say: {matured} of about {needed} assignments");
        }
        let (name, summary) = (&self.arms()[leader].name, self.summary(leader));
        let share = 100.0 * self.allocation().shares[leader];
        let sure = 100.0 * summary.probability_best;
        // Never "100 %": the posterior is a model, and models are not certain.
        let sure = if sure >= 99.5 { "more than 99".to_owned() } else { format!("{sure:.0}") };
        format!("{name} has {share:.0} % of traffic; {sure} % likely best of {} arms", live.len())
    }
}
