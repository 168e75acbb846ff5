//! Policies: from beliefs to the shares they would like, before floors, caps and ramps.

use super::best::probability_best;
use super::config::PolicyKind;
use super::posterior::Belief;

/// Turns beliefs of the live arms into wanted shares that sum to one.
pub trait Policy {
    /// Wanted share of each live arm; `arms` names them, `beliefs` stands in the same order.
    fn wanted(&self, arms: &[&str], beliefs: &[Belief]) -> Vec<f64>;
}

/// Thompson sampling as probability matching: the share is the probability of being best (Thompson 1933).
#[derive(Clone, Copy, Debug, Default)]
pub struct Thompson;

impl Policy for Thompson {
    fn wanted(&self, _arms: &[&str], beliefs: &[Belief]) -> Vec<f64> {
        probability_best(beliefs)
    }
}

/// Shares that somebody set; what paused arms leave behind goes to the others in proportion.
#[derive(Clone, Debug, Default)]
pub struct Fixed(pub std::collections::BTreeMap<String, f64>);

impl Policy for Fixed {
    fn wanted(&self, arms: &[&str], _beliefs: &[Belief]) -> Vec<f64> {
        let set: Vec<f64> = arms.iter().map(|a| self.0.get(*a).copied().unwrap_or(0.0)).collect();
        let sum: f64 = set.iter().sum();
        if sum > 0.0 { set.iter().map(|s| s / sum).collect() } else { vec![1.0 / arms.len() as f64; arms.len()] }
    }
}

impl PolicyKind {
    /// The policy of this kind.
    #[must_use]
    pub fn build(&self) -> Box<dyn Policy> {
        match self {
            Self::Thompson => Box::new(Thompson),
            Self::Fixed(shares) => Box::new(Fixed(shares.clone())),
        }
    }
}
