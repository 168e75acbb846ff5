//! Settings of an experiment.

use crate::event::Span;
use crate::reward::RewardTable;
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// How shares come from evidence.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyKind {
    /// Thompson sampling as probability matching.
    Thompson,
    /// Given shares; arms that are not named share nothing.
    Fixed(BTreeMap<String, f64>),
}

/// Settings of one experiment. Names and defaults as in the user's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentConfig {
    /// Its name.
    pub name: String,
    /// What is randomised: tells readers of the log, changes nothing here.
    pub unit: String,
    /// The arms, at most [`ExperimentConfig::MAX_ARMS`].
    pub arms: Vec<String>,
    /// The arm that keeps a share and takes over in trouble.
    pub baseline: String,
    /// What is worth how much.
    pub reward: RewardTable,
    /// Attribution window.
    pub window: Span,
    /// How long a unit keeps its arm; `None`: every decision is drawn anew.
    pub stick: Option<Span>,
    /// How shares come from evidence.
    pub policy: PolicyKind,
    /// After this long, evidence counts half; `None`: for ever.
    pub half_life: Option<Span>,
    /// Share that is spread evenly over live arms, in total.
    pub floor: f64,
    /// Least share of the baseline.
    pub baseline_share: f64,
    /// Part of units that always get the baseline and stay out of inference.
    pub holdout: f64,
    /// Largest share by arm.
    pub max_share: BTreeMap<String, f64>,
    /// Largest change of a share per minute; `None`: any.
    pub ramp: Option<f64>,
    /// How long after its window an outcome stays open.
    pub grace: Span,
    /// Names the salt of the assignment hash; another salt draws everything anew.
    pub salt: String,
}

/// Why an experiment's settings cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("experiment {experiment}: {what}")]
pub struct ConfigError {
    /// The experiment.
    pub experiment: String,
    /// What is wrong and what to do.
    pub what: String,
}

impl ExperimentConfig {
    /// Arms an experiment may ever have; retired ones count.
    pub const MAX_ARMS: usize = 32;

    /// An experiment with default settings.
    #[must_use]
    pub fn new(name: &str, arms: &[&str], baseline: &str) -> Self {
        Self {
            name: name.to_owned(),
            unit: "user_id".to_owned(),
            arms: arms.iter().map(|a| (*a).to_owned()).collect(),
            baseline: baseline.to_owned(),
            reward: RewardTable::clicks(),
            window: Span::seconds(30 * 60),
            stick: Some(Span::seconds(24 * 3600)),
            policy: PolicyKind::Thompson,
            half_life: Some(Span::seconds(7 * 24 * 3600)),
            floor: 0.02,
            baseline_share: 0.05,
            holdout: 0.0,
            max_share: BTreeMap::new(),
            ramp: Some(0.10),
            grace: Span::seconds(10),
            salt: "1".to_owned(),
        }
    }

    /// Whether the settings can be used together.
    ///
    /// # Errors
    /// The first thing that is wrong, in plain words.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let fail = |what: String| Err(ConfigError { experiment: self.name.clone(), what });
        if self.arms.is_empty() || self.arms.len() > Self::MAX_ARMS {
            return fail(format!("needs 1 to {} arms, has {}", Self::MAX_ARMS, self.arms.len()));
        }
        if let Some(twice) = self.arms.iter().enumerate().find(|(i, a)| self.arms[..*i].contains(a)) {
            return fail(format!("arm {} is named twice", twice.1));
        }
        if !self.arms.contains(&self.baseline) {
            return fail(format!("baseline {} is none of its arms ({})", self.baseline, self.arms.join(", ")));
        }
        if let Some(bad) = self.unknown_arm() {
            return fail(format!("{bad} is none of its arms ({})", self.arms.join(", ")));
        }
        for (name, value) in [
            ("floor", self.floor),
            ("baseline_share", self.baseline_share),
            ("holdout", self.holdout),
            ("ramp", self.ramp.unwrap_or(1.0)),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return fail(format!("{name} = {value} must lie between 0 and 1"));
            }
        }
        if self.floor + self.baseline_share > 1.0 {
            return fail(format!("floor {} and baseline_share {} sum to more than 1", self.floor, self.baseline_share));
        }
        let caps: f64 = self.arms.iter().map(|a| self.max_share.get(a).copied().unwrap_or(1.0)).sum();
        if caps < 1.0 {
            return fail(format!("max_share lets all arms together have {caps}, less than 1"));
        }
        if let PolicyKind::Fixed(shares) = &self.policy {
            let sum: f64 = shares.values().sum();
            if (sum - 1.0).abs() > 1e-6 || shares.values().any(|s| *s < 0.0) {
                return fail(format!("fixed shares must be positive and sum to 1, they sum to {sum}"));
            }
        }
        let short = self.stick.is_some_and(|s| s < Span::seconds(60)) || self.window.0 <= 0 || self.grace.0 < 0;
        if short || self.half_life.is_some_and(|h| h.0 <= 0) {
            return fail("window and half_life must be above zero, stick at least 1m or \"none\"".to_owned());
        }
        Ok(())
    }

    fn unknown_arm(&self) -> Option<&String> {
        let fixed = match &self.policy {
            PolicyKind::Fixed(shares) => Some(shares.keys()),
            PolicyKind::Thompson => None,
        };
        self.max_share.keys().chain(fixed.into_iter().flatten()).find(|a| !self.arms.contains(a))
    }

    /// Hash of what saved evidence depends on: other rewards, windows or units make it evidence of something else.
    #[must_use]
    pub fn params_hash(&self) -> u64 {
        let text = format!("{:?}", (&self.name, &self.reward, self.window, self.stick, &self.salt));
        xxh3_64(text.as_bytes())
    }
}
