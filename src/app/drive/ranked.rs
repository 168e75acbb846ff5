//! Which part of examples is ranked against the full catalogue: fixed, or as much as the load allows.

/// The least part, and the first: the first cut may be a large one of a backlog.
const LEAST: f64 = 0.001;

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

    /// Takes the load of a step, 1 where it took just as long as it should. Down at once and in proportion, since ranking
    /// is most of a step's work; up slowly.
    pub(super) fn on_busy(&mut self, load: f64) {
        if self.adapts {
            let factor = if load > 1.0 { load.recip() } else { 1.05 };
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
        fixed.on_busy(100.0);
        assert_eq!(fixed.share(), 0.5);
        let mut ranked = Ranked::new(None);
        assert_eq!(ranked.share(), LEAST);
        (0..200).for_each(|_| ranked.on_busy(0.1));
        assert_eq!(ranked.share(), 1.0);
        ranked.on_busy(20.0);
        assert_eq!(ranked.share(), 0.05);
        ranked.on_busy(1e9);
        assert_eq!(ranked.share(), LEAST);
    }
}
