//! Settings of an experiment.

use crate::event::Span;
use crate::reward::{RewardTable, RewardValue};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// How shares come from evidence.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyKind {
    /// Thompson sampling as probability matching.
    Thompson,
    /// Given shares; arms that are not named get nothing.
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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("experiment {experiment}: {what}")]
pub struct ConfigError {
    /// The experiment.
    pub experiment: String,
    /// The setting, by its name in the user's configuration.
    pub key: &'static str,
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
        let found = self.wrong_names().or_else(|| self.wrong_numbers()).or_else(|| self.contradiction());
        found.map_or(Ok(()), |(key, what)| Err(ConfigError { experiment: self.name.clone(), key, what }))
    }

    /// Whether a name can stand in a log, a hash and an address: 1 to 128 bytes, no control characters.
    #[must_use]
    pub fn usable_name(name: &str) -> bool {
        !name.is_empty() && name.len() <= 128 && !name.chars().any(char::is_control)
    }

    fn wrong_names(&self) -> Option<(&'static str, String)> {
        let arms = || self.arms.join(", ");
        let not_usable = |name: &str| format!("{name:?} is no name: 1 to 128 bytes without control characters are");
        if !Self::usable_name(&self.name) {
            return Some(("name", not_usable(&self.name)));
        }
        if self.arms.is_empty() || self.arms.len() > Self::MAX_ARMS {
            return Some(("arms", format!("needs 1 to {} arms, has {}", Self::MAX_ARMS, self.arms.len())));
        }
        if let Some(bad) = self.arms.iter().find(|a| !Self::usable_name(a)) {
            return Some(("arms", not_usable(bad)));
        }
        if let Some((_, twice)) = self.arms.iter().enumerate().find(|(i, a)| self.arms[..*i].contains(a)) {
            return Some(("arms", format!("arm {twice} is named twice")));
        }
        if !self.arms.contains(&self.baseline) {
            return Some(("baseline", format!("baseline {} is none of its arms ({})", self.baseline, arms())));
        }
        if let Some(bad) = self.max_share.keys().find(|a| !self.arms.contains(a)) {
            return Some(("max_share", format!("max_share: {bad} is none of its arms ({})", arms())));
        }
        if let PolicyKind::Fixed(shares) = &self.policy
            && let Some(bad) = shares.keys().find(|a| !self.arms.contains(a))
        {
            return Some(("shares", format!("shares: {bad} is none of its arms ({})", arms())));
        }
        None
    }

    fn wrong_numbers(&self) -> Option<(&'static str, String)> {
        let caps = self.max_share.values().map(|v| ("max_share", *v));
        let shares = match &self.policy {
            PolicyKind::Fixed(shares) => shares.values().map(|v| ("shares", *v)).collect(),
            PolicyKind::Thompson => Vec::new(),
        };
        let parts = [("floor", self.floor), ("baseline_share", self.baseline_share), ("holdout", self.holdout)];
        let mut all = parts.into_iter().chain(caps).chain(shares);
        if let Some((key, value)) = all.find(|(_, v)| !(0.0..=1.0).contains(v)) {
            return Some((key, format!("{key} = {value} must lie between 0 and 1")));
        }
        if let Some(bad) = self.ramp.filter(|r| !(*r > 0.0 && *r <= 1.0)) {
            return Some(("ramp", format!("ramp = {bad} must lie above 0 and up to 1 (per minute), or be \"off\"")));
        }
        if self.window.0 <= 0 {
            return Some(("window", "window must be above zero".to_owned()));
        }
        if self.grace.0 < 0 {
            return Some(("grace", "grace must not be negative".to_owned()));
        }
        if self.half_life.is_some_and(|h| h.0 <= 0) {
            return Some(("half_life", "half_life must be above zero".to_owned()));
        }
        if self.stick.is_some_and(|s| s < Span::seconds(60)) {
            return Some(("stick", "stick must be at least 1m, or \"none\"".to_owned()));
        }
        None
    }

    fn contradiction(&self) -> Option<(&'static str, String)> {
        let cap = |arm: &String| self.max_share.get(arm).copied().unwrap_or(1.0);
        let caps: f64 = self.arms.iter().map(cap).sum();
        if caps < 1.0 {
            return Some(("max_share", format!("max_share lets all arms together have {caps}, less than 1")));
        }
        if let PolicyKind::Fixed(shares) = &self.policy {
            let sum: f64 = shares.values().sum();
            if (sum - 1.0).abs() > 1e-6 {
                return Some(("shares", format!("fixed shares must be positive and sum to 1, they sum to {sum}")));
            }
            let above = shares.iter().find(|(arm, share)| **share > cap(arm));
            return above
                .map(|(arm, share)| ("shares", format!("fixed shares: {arm} has {share}, more than its max_share")));
        }
        if self.floor + self.baseline_share > 1.0 {
            let what = format!("floor {} and baseline_share {} sum to more than 1", self.floor, self.baseline_share);
            return Some(("floor", what));
        }
        if self.baseline_share > cap(&self.baseline) {
            return Some((
                "baseline_share",
                format!("baseline_share {} is more than the baseline's max_share", self.baseline_share),
            ));
        }
        let each = self.floor / self.arms.len() as f64;
        let under = self.arms.iter().find(|arm| cap(arm) < each);
        under.map(|arm| {
            ("max_share", format!("max_share: {arm} may have less than its part of the floor, {each}; lower the floor"))
        })
    }

    /// Hash of what saved evidence depends on: with another reward, window, stick or salt it is evidence of something
    /// else. Everything else may change and the evidence stays.
    #[must_use]
    pub fn params_hash(&self) -> u64 {
        let mut text = format!("experiment 1\0{}\0{}\0{}\0", self.name, self.unit, self.salt);
        for (name, value) in self.reward.entries() {
            let worth = match value {
                RewardValue::Constant(c) => format!("{:016x}", c.to_bits()),
                RewardValue::Value => "value".to_owned(),
            };
            text.push_str(&format!("{name}={worth}\0"));
        }
        let stick = self.stick.map_or(-1, |s| s.0);
        text.push_str(&format!("{:016x}\0{}\0{stick}", self.reward.cap().to_bits(), self.window.0));
        xxh3_64(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut ExperimentConfig)) -> &'static str {
        let mut config = ExperimentConfig::new("home", &["a", "b", "c"], "a");
        change(&mut config);
        config.validate().map_or_else(|e| e.key, |()| "")
    }

    #[test]
    fn defaults_can_be_used() {
        assert_eq!(refused(|_| {}), "");
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key() {
        let map = |arm: &str, value: f64| BTreeMap::from([(arm.to_owned(), value)]);
        assert_eq!(refused(|c| c.name = "a\0b".to_owned()), "name");
        assert_eq!(refused(|c| c.arms.clear()), "arms");
        assert_eq!(refused(|c| c.arms = (0..33).map(|i| i.to_string()).collect()), "arms");
        assert_eq!(refused(|c| c.arms.push("b".to_owned())), "arms");
        assert_eq!(refused(|c| c.arms.push(String::new())), "arms");
        assert_eq!(refused(|c| c.baseline = "popularity".to_owned()), "baseline");
        assert_eq!(refused(|c| c.max_share = map("z", 0.5)), "max_share");
        assert_eq!(refused(|c| c.max_share = map("b", f64::NAN)), "max_share");
        assert_eq!(refused(|c| c.floor = f64::NAN), "floor");
        assert_eq!(refused(|c| c.floor = 0.97), "floor");
        assert_eq!(refused(|c| c.holdout = -0.1), "holdout");
        assert_eq!(refused(|c| c.ramp = Some(0.0)), "ramp");
        assert_eq!(refused(|c| c.window = Span::ZERO), "window");
        assert_eq!(refused(|c| c.grace = Span(-1)), "grace");
        assert_eq!(refused(|c| c.half_life = Some(Span::ZERO)), "half_life");
        assert_eq!(refused(|c| c.stick = Some(Span::seconds(59))), "stick");
        assert_eq!(refused(|c| c.policy = PolicyKind::Fixed(map("z", 1.0))), "shares");
        assert_eq!(refused(|c| c.policy = PolicyKind::Fixed(map("a", f64::NAN))), "shares");
        assert_eq!(refused(|c| c.policy = PolicyKind::Fixed(map("a", 0.9))), "shares");
        assert_eq!(refused(|c| c.max_share = map("a", 0.01)), "baseline_share");
        assert_eq!(refused(|c| c.max_share = map("b", 0.0)), "max_share");
        let few = |c: &mut ExperimentConfig| {
            c.max_share = ["a", "b", "c"].iter().map(|a| ((*a).to_owned(), 0.3)).collect();
        };
        assert_eq!(refused(few), "max_share");
    }

    #[test]
    fn the_hash_changes_with_what_evidence_depends_on_and_nothing_else() {
        let base = ExperimentConfig::new("home", &["a", "b"], "a");
        let with = |change: fn(&mut ExperimentConfig)| {
            let mut config = base.clone();
            change(&mut config);
            config.params_hash() == base.params_hash()
        };
        assert!(with(|c| c.floor = 0.1) && with(|c| c.arms.push("c".to_owned())) && with(|c| c.half_life = None));
        assert!(!with(|c| c.window = Span::seconds(1)) && !with(|c| c.stick = None));
        assert!(!with(|c| c.salt = "2".to_owned()) && !with(|c| c.unit = "session".to_owned()));
        let two = RewardTable::parse(&BTreeMap::from([("click".to_owned(), RewardValue::Constant(2.0))]));
        let other = ExperimentConfig { reward: two.expect("valid"), ..base.clone() };
        assert_ne!(other.params_hash(), base.params_hash());
    }
}
