//! The experiment in one plain sentence that is true whenever it is read.

use super::arms::ArmState;
use super::config::PolicyKind;
use super::experiment::Experiment;
use super::lift::Lift;
use crate::event::Span;
use crate::reward::RewardValue;
use std::fmt;

/// Matured assignments for each live arm before anything is said of them: at rates of some percent, about what it takes
/// to tell a tenth of a difference from none.
const ENOUGH: u64 = 750;

/// What can be said of an experiment: a sentence, and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Who leads, how sure that is and by how much; or why it is too early to say.
    pub headline: String,
    /// How to read it, and what else one has to know.
    pub notes: Vec<String>,
}

/// All of it as one sentence.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline)?;
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}

impl Verdict {
    fn plain(headline: impl Into<String>) -> Self {
        Self { headline: headline.into(), notes: Vec::new() }
    }
}

impl Experiment {
    /// Who leads and how sure that is, or why it is too early to say.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let live: Vec<usize> = (0..self.arms().len()).filter(|&i| self.arms()[i].state == ArmState::Live).collect();
        let by_chance = |&&a: &&usize, &&b: &&usize| self.chance(a).total_cmp(&self.chance(b)).then(b.cmp(&a));
        let Some(&leader) = live.iter().max_by(by_chance) else {
            return Verdict::plain("no arm may serve: all are paused, tripped or retired");
        };
        let second = live.iter().filter(|&&i| i != leader).max_by(by_chance);
        let name = &self.arms()[leader].name;
        let Some(&second) = second else {
            return Verdict::plain(format!("{name} has all traffic: it is the only live arm"));
        };
        let matured: u64 = live.iter().map(|&i| self.summary(i).counted).sum();
        let needed = ENOUGH * live.len() as u64;
        let mut verdict = if matured < needed {
            Verdict::plain(format!("too early to say: {} of about {} assignments", grouped(matured), grouped(needed)))
        } else {
            self.leads(leader, second)
        };
        if matches!(self.config().policy, PolicyKind::Fixed(_)) {
            verdict.notes.push("shares are fixed".to_owned());
        }
        let relaxed = self.allocation().relaxed;
        if relaxed.caps || relaxed.floor {
            let what = if relaxed.caps { "max_share" } else { "floor" };
            verdict.notes.push(format!("{what} cannot be kept with the arms that are live"));
        }
        verdict
    }

    /// Posteriors are models: one arm among several is never called certainly the best.
    fn chance(&self, arm: usize) -> f64 {
        self.allocation().best.get(arm).copied().unwrap_or(0.0).min(0.999)
    }

    /// The leader over the baseline; the baseline itself over the next best arm.
    fn leads(&self, leader: usize, second: usize) -> Verdict {
        let name = |arm: usize| self.arms()[arm].name.as_str();
        let is_baseline = leader == self.baseline();
        let other = if is_baseline { second } else { self.baseline() };
        let share = percent(self.allocation().shares[leader]);
        let role = if is_baseline { ", the baseline," } else { "" };
        let leads = format!("{}{role} has {share} of traffic", name(leader));
        let likely = format!("{leads}; {} likely best", percent(self.chance(leader)));
        let Some(lift) = self.lift(leader, other) else {
            let why = if self.config().reward.bounded() {
                format!("{} has no matured assignment to compare with", name(other))
            } else {
                "no interval: these rewards have no stated bound".to_owned()
            };
            return Verdict { headline: likely, notes: vec![why] };
        };
        // Just after a change the interval, which begins anew, knows more than the posterior, which forgets slowly.
        let begin = if worse(&lift) { format!("{leads}, but") } else { format!("{likely};") };
        let headline = format!("{begin} {} over {}", lifted(&lift, &self.earns()), name(other));
        let over =
            self.counted_since().map_or(String::new(), |(_, span)| format!(" over the last {}", span_text(span)));
        Verdict { headline, notes: vec![format!("95 % interval{over}, valid whenever you look")] }
    }

    /// What an arm earns, in one word or two: `clicks`, `purchase value`, or `reward` where several things count.
    #[must_use]
    pub fn earns(&self) -> String {
        let mut entries = self.config().reward.entries().iter();
        match (entries.next(), entries.next()) {
            (Some((name, RewardValue::Constant(_))), None) => format!("{name}s"),
            (Some((name, RewardValue::Value)), None) => format!("{name} value"),
            _ => "reward".to_owned(),
        }
    }
}

/// Whether the whole interval speaks against it.
fn worse(lift: &Lift) -> bool {
    lift.upper.is_some_and(|upper| upper < 0.0)
}

/// `+4.1 % clicks (2.0 to 6.3)`.
fn lifted(lift: &Lift, earns: &str) -> String {
    let number = |x: f64| {
        let text = if lift.relative { format!("{:.1}", 100.0 * x) } else { format!("{x:.3}") };
        if text.trim_start_matches('-').bytes().all(|b| b == b'0' || b == b'.') {
            text.trim_start_matches('-').to_owned()
        } else {
            text.replace('-', "\u{2212}")
        }
    };
    let sign = if lift.value >= 0.0 { "+" } else { "" };
    let unit = if lift.relative { " %" } else { "" };
    let to = lift.upper.map_or_else(|| "or more".to_owned(), |u| format!("to {}", number(u)));
    format!("{sign}{}{unit} {earns} ({} {to})", number(lift.value), number(lift.lower))
}

/// `38 s`, `14 min`, `26 h`, `9 days`.
fn span_text(span: Span) -> String {
    let seconds = span.0.max(0) / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
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
        assert_eq!(e.verdict().to_string(), "too early to say: 212 of about 3,000 assignments");
        feed(&mut e, [5, 5, 5, 10], 1000);
        let verdict = e.verdict();
        assert!(verdict.headline.starts_with("d has 94 % of traffic; more than 99 % likely best"), "{verdict}");
        assert!(verdict.headline.contains("; +90.9 % clicks (\u{2212}8.3 to 312.8) over a"), "{verdict}");
        assert_eq!(verdict.notes, ["95 % interval over the last 1 s, valid whenever you look"]);
        feed(&mut e, [12, 5, 5, 5], 2000);
        let verdict = e.verdict().to_string();
        assert!(verdict.starts_with("a, the baseline, has 9"), "{verdict}");
        assert!(verdict.contains(" of traffic; more than 99 % likely best; +43.9 % clicks ("), "{verdict}");
        assert!(verdict.ends_with("over d; 95 % interval over the last 1 s, valid whenever you look"), "{verdict}");
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
                assert_eq!(e.verdict().to_string(), "d has all traffic: it is the only live arm");
            }
        }
        assert_eq!(e.verdict().to_string(), "no arm may serve: all are paused, tripped or retired");
    }

    #[test]
    fn a_lift_reads_like_a_sentence() {
        let relative = Lift { relative: true, value: 0.041, lower: 0.02, upper: Some(0.063) };
        assert_eq!(lifted(&relative, "clicks"), "+4.1 % clicks (2.0 to 6.3)");
        assert!(!worse(&relative) && worse(&Lift { value: -0.5, lower: -0.7, upper: Some(-0.1), ..relative }));
        let unsure = Lift { relative: true, value: -0.024, lower: -0.0001, upper: None };
        assert_eq!(lifted(&unsure, "clicks"), "\u{2212}2.4 % clicks (0.0 or more)");
        let difference = Lift { relative: false, value: 1.5, lower: -0.25, upper: Some(3.0) };
        assert_eq!(lifted(&difference, "reward"), "+1.500 reward (\u{2212}0.250 to 3.000)");
        let spans = [38, 840, 93_600, 800_000].map(|s| span_text(Span::seconds(s)));
        assert_eq!(spans, ["38 s", "14 min", "26 h", "9 days"]);
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
