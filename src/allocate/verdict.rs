//! The experiment in one plain sentence that is true whenever it is read.

use super::arms::ArmState;
use super::config::PolicyKind;
use super::evidence::ALPHA;
use super::experiment::Experiment;

/// Matured assignments for each live arm before anything is said of them: at rates of some percent, about what it takes
/// to tell a tenth of a difference from none.
const ENOUGH: u64 = 750;

impl Experiment {
    /// Who leads and how sure that is, or why it is too early to say.
    #[must_use]
    pub fn verdict(&self) -> String {
        let live: Vec<usize> = (0..self.arms().len()).filter(|&i| self.arms()[i].state == ArmState::Live).collect();
        let best = |i: usize| self.allocation().best[i];
        let Some(&leader) = live.iter().max_by(|&&a, &&b| best(a).total_cmp(&best(b)).then(b.cmp(&a))) else {
            return "no arm may serve: all are paused, tripped or retired".to_owned();
        };
        let name = &self.arms()[leader].name;
        if live.len() == 1 {
            return format!("{name} has all traffic: it is the only live arm");
        }
        let matured: u64 = live.iter().map(|&i| self.summary(i).matured).sum();
        let needed = ENOUGH * live.len() as u64;
        let mut sentence = if matured < needed {
            format!("too early to say: {} of about {} assignments", grouped(matured), grouped(needed))
        } else {
            let share = percent(self.allocation().shares[leader]);
            let mut sentence = format!("{name} has {share} of traffic; {} likely best", percent(best(leader)));
            if self.stands_out(leader, &live) {
                sentence.push_str("; its mean is above every other's, 95 % sure at any time one looks");
            }
            sentence
        };
        if matches!(self.config().policy, PolicyKind::Fixed(_)) {
            sentence.push_str("; shares are fixed");
        }
        let relaxed = self.allocation().relaxed;
        if relaxed.caps || relaxed.floor {
            let what = if relaxed.caps { "max_share" } else { "floor" };
            sentence.push_str(&format!("; {what} cannot be kept with the arms that are live"));
        }
        sentence
    }

    /// Whether one arm's interval lies above all others', with the error shared out over all intervals that are looked at.
    fn stands_out(&self, leader: usize, live: &[usize]) -> bool {
        let alpha = ALPHA / live.len() as f64;
        let Some((lower, _)) = self.interval(leader, alpha) else { return false };
        let below = |&i: &usize| self.interval(i, alpha).is_some_and(|(_, upper)| upper < lower);
        live.iter().filter(|i| **i != leader).all(below)
    }
}

/// `71 %`; never rounded to certainty, because posteriors are models.
fn percent(share: f64) -> String {
    match 100.0 * share {
        p if p > 99.5 && p < 100.0 => "more than 99 %".to_owned(),
        p if p < 0.5 && p > 0.0 => "less than 1 %".to_owned(),
        p => format!("{p:.0} %"),
    }
}

/// `12,345`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocate::ExperimentConfig;
    use crate::event::{Command, CommandAction, Span, Time};

    fn experiment() -> Experiment {
        let mut config = ExperimentConfig::new("home", &["a", "b", "c", "d"], "a");
        (config.half_life, config.ramp, config.stick) = (None, None, None);
        Experiment::new(config)
    }

    fn feed(e: &mut Experiment, rates: [u32; 4], rounds: u32) {
        for i in 0..rounds {
            for (arm, rate) in rates.into_iter().enumerate() {
                e.credit(arm, f64::from(u8::from(i % 100 < rate)));
            }
        }
        e.tick(Time(1), Span::seconds(1), 1);
    }

    #[test]
    fn sentences() {
        let mut e = experiment();
        feed(&mut e, [5, 5, 5, 5], 53);
        assert_eq!(e.verdict(), "too early to say: 212 of about 3,000 assignments");
        feed(&mut e, [5, 5, 5, 10], 1000);
        assert!(e.verdict().starts_with("d has 94 % of traffic; more than 99 % likely best"), "{}", e.verdict());
        feed(&mut e, [5, 5, 5, 20], 20_000);
        assert!(e.verdict().ends_with("95 % sure at any time one looks"), "{}", e.verdict());
        for arm in ["a", "b", "c", "d"] {
            let command = Command {
                event_id: arm.to_owned(),
                event_time: 0,
                action: CommandAction::Paused,
                experiment: "home".to_owned(),
                arm: arm.to_owned(),
                actor: String::new(),
                reason: String::new(),
            };
            e.apply(&command).expect("live");
            if arm == "c" {
                assert_eq!(e.verdict(), "d has all traffic: it is the only live arm");
            }
        }
        assert_eq!(e.verdict(), "no arm may serve: all are paused, tripped or retired");
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, 0.001, 0.71, 0.999, 1.0].map(percent),
            ["0 %", "less than 1 %", "71 %", "more than 99 %", "100 %"]
        );
    }
}
