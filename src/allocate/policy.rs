//! Policies: from beliefs to the shares they would like, before floor, caps and ramp.

use super::best::probability_best;
use super::config::PolicyKind;
use super::posterior::Belief;
use std::collections::BTreeMap;

/// Turns beliefs about the live arms into wanted shares that sum to one.
///
/// Evidence, forgetting and priors are the experiment's and the same for all policies; a policy is a pure function, so
/// another one can be tried on the same evidence at any time.
pub trait Policy {
    /// Wanted share of each live arm; `arms` names them, `beliefs` stands in the same order. At least one arm.
    fn wanted(&self, arms: &[&str], beliefs: &[Belief]) -> Vec<f64>;

    /// Whether the floor and the baseline's share apply to it.
    fn explores(&self) -> bool;
}

/// Thompson sampling as probability matching: the share is the probability of being best (Thompson 1933).
#[derive(Clone, Copy, Debug, Default)]
pub struct Thompson;

impl Policy for Thompson {
    fn wanted(&self, _arms: &[&str], beliefs: &[Belief]) -> Vec<f64> {
        probability_best(beliefs)
    }

    fn explores(&self) -> bool {
        true
    }
}

/// Shares that somebody set; what paused arms leave behind goes to the others in proportion. Floor and baseline share
/// do not apply: who sets shares means them.
#[derive(Clone, Debug, Default)]
pub struct Fixed(pub BTreeMap<String, f64>);

impl Policy for Fixed {
    fn wanted(&self, arms: &[&str], _beliefs: &[Belief]) -> Vec<f64> {
        let set: Vec<f64> = arms.iter().map(|a| self.0.get(*a).copied().unwrap_or(0.0)).collect();
        let sum: f64 = set.iter().sum();
        if sum > 0.0 { set.iter().map(|s| s / sum).collect() } else { vec![1.0 / arms.len() as f64; arms.len()] }
    }

    fn explores(&self) -> bool {
        false
    }
}

impl PolicyKind {
    /// The names of all policies, as in settings.
    pub const NAMES: [&str; 2] = ["thompson", "fixed"];

    /// The name in settings.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Thompson => Self::NAMES[0],
            Self::Fixed(_) => Self::NAMES[1],
        }
    }

    /// The policy of a name, with the shares that only `fixed` takes; `None` for an unknown name.
    #[must_use]
    pub fn named(name: &str, shares: BTreeMap<String, f64>) -> Option<Self> {
        match name {
            "thompson" => Some(Self::Thompson),
            "fixed" => Some(Self::Fixed(shares)),
            _ => None,
        }
    }

    /// The policy of this kind.
    #[must_use]
    pub fn build(&self) -> Box<dyn Policy> {
        match self {
            Self::Thompson => Box::new(Thompson),
            Self::Fixed(shares) => Box::new(Fixed(shares.clone())),
        }
    }
}
