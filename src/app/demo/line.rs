//! The living line: who gets how much traffic, how sure that is, and whether the machine keeps up.

use super::settings::EXPERIMENT;
use crate::event::Span;
use crate::pipeline::{EventOutcome, Facts};

/// Cells of a full bar.
const CELLS: f64 = 12.0;

/// Counts at one moment, to make rates of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Moment {
    pub(super) events: u64,
    pub(super) decisions: u64,
}

impl Moment {
    pub(super) fn of(view: &dyn Facts) -> Self {
        let totals = view.totals();
        let arms = view.experiment(EXPERIMENT).map_or(&[][..], |e| e.arms());
        Self {
            events: EventOutcome::ALL.into_iter().map(|o| totals.of(o)).sum(),
            decisions: arms.iter().map(|a| view.tally(EXPERIMENT, &a.name).decisions).sum(),
        }
    }

    /// Events and decisions a second since a moment that was `span` ago.
    pub(super) fn rates(self, before: Self, span: Span) -> (f64, f64) {
        let seconds = span.as_seconds().max(1e-3);
        let rate = |n: u64, m: u64| n.saturating_sub(m) as f64 / seconds;
        (rate(self.events, before.events), rate(self.decisions, before.decisions))
    }
}

/// What the line tells beside the view.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// Time since the shop opened.
    pub(super) running: Span,
    /// Events and decisions a second.
    pub(super) rates: (f64, f64),
    /// Records not yet learned.
    pub(super) lag: u64,
    /// The truly best arm, once that is known.
    pub(super) best: Option<&'a str>,
    /// Whether the arm with most traffic is coloured.
    pub(super) colour: bool,
}

/// What the signs in the line mean.
pub(super) const LEGEND: &str =
    "each arm: its share of traffic, in brackets the chance that it is best; * is truly best";

/// The line: what matters most stands first, so that a narrow terminal cuts off the rest.
pub(super) fn line(view: &dyn Facts, around: &Around<'_>) -> String {
    let seconds = around.running.0 / 1000;
    let mut text = format!("{:02}:{:02}", seconds / 60, seconds % 60);
    let Some(e) = view.experiment(EXPERIMENT) else { return text };
    let shares = &e.allocation().shares;
    let most = (0..shares.len()).max_by(|a, b| shares[*a].total_cmp(&shares[*b]));
    for (i, arm) in e.arms().iter().enumerate() {
        let share = shares.get(i).copied().unwrap_or(0.0);
        let bar = "█".repeat((share * CELLS).round() as usize);
        let (on, off) = if around.colour && most == Some(i) { ("\x1b[32m", "\x1b[0m") } else { ("", "") };
        let star = if around.best == Some(&arm.name) { "*" } else { "" };
        let best = 100.0 * e.summary(i).probability_best;
        text.push_str(&format!("  {on}{}{star} {bar} {:.0}%{off} ({best:.0}%)", arm.name, 100.0 * share));
    }
    let (events, decisions) = around.rates;
    text.push_str(&format!("  {events:.0} events/s, {decisions:.0} decisions/s, lag {}", around.lag));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::demo::settings::{experiment, models};
    use crate::event::Time;
    use crate::pipeline::{Pipeline, PipelineConfig};

    #[test]
    fn a_new_shop_is_uniform() {
        let config = PipelineConfig { models: models(), experiments: vec![experiment()], ..PipelineConfig::default() };
        let view = Pipeline::new(&config).expect("valid").view(1, Time(0));
        let around = Around { running: Span::seconds(61), rates: (7.0, 3.0), lag: 5, best: Some("mf"), colour: false };
        let text = line(&view, &around);
        assert!(text.starts_with("01:01  popularity ███ 25% (25%)  transitions ███ 25%"), "{text}");
        assert!(text.contains("mf* ███") && text.ends_with("7 events/s, 3 decisions/s, lag 5"), "{text}");
        let before = Moment { events: 10, decisions: 4 };
        assert_eq!(Moment { events: 30, decisions: 4 }.rates(before, Span::seconds(2)), (10.0, 0.0));
    }
}
