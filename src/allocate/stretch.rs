//! Over which stretch of log time the numbers shown to people are.
//!
//! Posteriors forget; an interval over everything ever seen would go on telling of a world that is gone. So the sums
//! behind means and intervals begin anew at moments fixed in advance: every half-life, and what is shown is never
//! younger than one half-life (apart from an experiment's beginning) nor older than two. A sequence that begins at a
//! moment fixed in advance keeps its promise from there on, however often somebody looks.

use crate::evaluate::EmpiricalBernstein;
use crate::event::{Span, Time};
use serde::{Deserialize, Serialize};

/// What one arm earned over one stretch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Earned {
    /// Matured assignments.
    pub(super) count: u64,
    /// Sum of their rewards.
    pub(super) total: f64,
    pub(super) low: EmpiricalBernstein,
    pub(super) high: EmpiricalBernstein,
}

impl Earned {
    /// Mean reward of an assignment; 0 before the first.
    pub(super) fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.total / self.count as f64 }
    }
}

/// When the two stretches that are kept began: the one shown, and the one that will take its place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stretches {
    shown: Option<i64>,
    next: Option<i64>,
    now: i64,
}

/// What a tick means for the sums of the two stretches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing: both go on.
    Stay,
    /// The next stretch begins.
    Begin,
    /// The next stretch is shown from now on, and another begins.
    Swap,
    /// So much time has passed that both begin anew.
    Both,
}

impl Stretches {
    /// Moves on to a tick at `log_time`, `elapsed` after the one before; `length` is that of a stretch.
    pub(super) fn advance(&mut self, log_time: Time, elapsed: Span, length: Option<Span>) -> Turn {
        self.now = log_time.0;
        let Some(began) = self.next.or(self.shown) else {
            self.shown = Some((log_time - elapsed).0);
            return Turn::Stay;
        };
        let Some(length) = length.map(|l| l.0.max(1)) else { return Turn::Stay };
        let passed = log_time.0.saturating_sub(began) / length;
        if passed < 1 {
            return Turn::Stay;
        }
        let boundary = |n: i64| Some(began.saturating_add(length.saturating_mul(n)));
        let begins = self.next.is_none();
        self.next = boundary(passed);
        if passed == 1 && begins {
            return Turn::Begin;
        }
        self.shown = boundary(passed - 1);
        if passed == 1 { Turn::Swap } else { Turn::Both }
    }

    /// How long the stretch is that is shown; `None` before the first tick.
    pub(super) fn shown(&self) -> Option<Span> {
        self.shown.map(|since| Span(self.now.saturating_sub(since)))
    }

    /// Log time at which the shown stretch began.
    pub(super) fn since(&self) -> Option<Time> {
        self.shown.map(Time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stretch_is_between_one_and_two_lengths_old() {
        let (mut s, length, second) = (Stretches::default(), Some(Span::seconds(20)), Span::seconds(1));
        let mut turns = Vec::new();
        for t in 1..=65 {
            let turn = s.advance(Time(t * 1000), second, length);
            if turn != Turn::Stay {
                turns.push((t, turn, s.shown().expect("ticked").0 / 1000));
            }
        }
        assert_eq!(turns, [(20, Turn::Begin, 20), (40, Turn::Swap, 20), (60, Turn::Swap, 20)]);
        assert_eq!(s.since(), Some(Time(40_000)));
        assert_eq!(s.advance(Time(500_000), second, length), Turn::Both);
        assert_eq!((s.since(), s.shown()), (Some(Time(480_000)), Some(Span::seconds(20))));
    }

    #[test]
    fn without_a_length_it_is_all_time() {
        let mut s = Stretches::default();
        for t in [10, 1_000_000, i64::MAX] {
            assert_eq!(s.advance(Time(t), Span(10), None), Turn::Stay);
        }
        assert_eq!(s.since(), Some(Time(0)));
    }

    proptest! {
        #[test]
        fn bounds_hold_for_any_steps(steps in proptest::collection::vec(1i64..50_000, 1..200), length in 1i64..30_000) {
            let (mut s, mut now) = (Stretches::default(), 0i64);
            for (i, step) in steps.iter().enumerate() {
                now += step;
                s.advance(Time(now), Span(*step), Some(Span(length)));
                let shown = s.shown().expect("ticked").0;
                prop_assert!(i == 0 || shown < 2 * length + step, "{shown} of {length}");
                prop_assert!(i == 0 || now < 2 * length || shown >= length, "{shown} of {length}");
            }
        }
    }
}
