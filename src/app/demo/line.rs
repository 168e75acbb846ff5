//! The living line: who gets how much traffic, how sure that is, and whether the machine keeps up.

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
    pub(super) fn of(view: &dyn Facts, experiment: &str) -> Self {
        let totals = view.totals();
        let arms = view.experiment(experiment).map_or(&[][..], |e| e.arms());
        Self {
            events: EventOutcome::ALL.into_iter().map(|o| totals.of(o)).sum(),
            decisions: arms.iter().map(|a| view.tally(experiment, &a.name).decisions).sum(),
        }
    }
}

/// The line. `before` was `span` ago; `colour` marks the arm with most traffic.
pub(super) fn line(
    view: &dyn Facts,
    experiment: &str,
    running: Span,
    before: (Moment, Span),
    lag: u64,
    colour: bool,
) -> String {
    let seconds = running.0 / 1000;
    let mut text = format!("{:02}:{:02}", seconds / 60, seconds % 60);
    let Some(e) = view.experiment(experiment) else { return text };
    let shares = &e.allocation().shares;
    let most = (0..shares.len()).max_by(|a, b| shares[*a].total_cmp(&shares[*b]));
    for (i, arm) in e.arms().iter().enumerate() {
        let share = shares.get(i).copied().unwrap_or(0.0);
        let bar = "█".repeat((share * CELLS).round() as usize);
        let (on, off) = if colour && most == Some(i) { ("\x1b[32m", "\x1b[0m") } else { ("", "") };
        let best = 100.0 * e.summary(i).probability_best;
        text.push_str(&format!("  {on}{} {bar} {:.0} %{off} (best {best:.0} %)", arm.name, 100.0 * share));
    }
    let now = Moment::of(view, experiment);
    let (then, span) = before;
    let rate = |n: u64, m: u64| (n.saturating_sub(m)) as f64 / span.as_seconds().max(1e-3);
    text.push_str(&format!(
        "  | {:.0} events/s, {:.0} decisions/s, lag {lag}",
        rate(now.events, then.events),
        rate(now.decisions, then.decisions)
    ));
    text
}
