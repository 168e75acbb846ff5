//! Which part of examples is ranked against the full catalogue: fixed, or as much as the load allows.

/// The least part, and the first: the first cut may be a large one of a backlog.
const LEAST: f64 = 0.001;
/// The part of the time between two cuts that a step should take.
const WORK: f64 = 0.25;

/// The part of examples that is ranked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranked {
    share: f64,
    adapts: bool,
}

impl Ranked {
    /// A fixed part; `None` follows the load.
    pub(super) fn new(fixed: Option<f64>) -> Self {
        Self { share: fixed.unwrap_or(LEAST), adapts: fixed.is_none() }
    }

    /// The part, for a cut. Six digits are enough, and keep the record short.
    pub(super) fn share(self) -> f64 {
        (self.share * 1e6).round() / 1e6
    }

    /// Takes how long a step took, in cadences; 0 where nobody measures. Down at once and in proportion, since ranking is
    /// most of a long step's work, but at most to a quarter: one step may have had to wait for a core. Up slowly.
    pub(super) fn on_step(&mut self, cadences: f64) {
        if self.adapts && cadences > 0.0 {
            let factor = if cadences > WORK { (WORK / cadences).max(0.25) } else { 1.05 };
            self.share = (self.share * factor).clamp(LEAST, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_part_stays_and_another_follows_the_load() {
        let mut fixed = Ranked::new(Some(0.5));
        fixed.on_step(100.0);
        assert_eq!(fixed.share(), 0.5);
        let mut ranked = Ranked::new(None);
        assert_eq!(ranked.share(), LEAST);
        (0..200).for_each(|_| ranked.on_step(0.0));
        assert_eq!(ranked.share(), LEAST, "nobody measures");
        (0..200).for_each(|_| ranked.on_step(0.1));
        assert_eq!(ranked.share(), 1.0);
        ranked.on_step(0.5);
        assert_eq!(ranked.share(), 0.5);
        ranked.on_step(1e9);
        assert_eq!(ranked.share(), 0.125);
        (0..9).for_each(|_| ranked.on_step(1e9));
        assert_eq!(ranked.share(), LEAST);
    }
}
