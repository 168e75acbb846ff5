//! Models by name.

use super::bpr::{Bpr, BprConfig};
use super::fm::{Fm, FmConfig};
use super::fusion::{Fusion, FusionConfig};
use super::ials::{Ials, IalsConfig};
use super::isgd::{Isgd, IsgdConfig};
use super::item_knn::{ItemKnn, ItemKnnConfig};
use super::item2vec::{Item2vec, Item2vecConfig};
use super::mf::{Mf, MfConfig};
use super::model::Model;
use super::ncf::{Ncf, NcfConfig};
use super::popularity::{Popularity, PopularityConfig};
use super::transitions::{Transitions, TransitionsConfig};
use super::two_tower::{TwoTower, TwoTowerConfig};
use crate::event::Span;
use crate::rng::Seed;
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// All models and the parameters that each has, cheapest first.
const TABLE: [(&str, &[&str]); 12] = [
    ("popularity", &["half_life"]),
    ("transitions", &["half_life"]),
    ("item_knn", &["half_life"]),
    ("isgd", &["dimensions", "learning_rate", "regularisation"]),
    ("mf", &["dimensions", "learning_rate", "regularisation", SHARDS]),
    ("fm", &["dimensions", "learning_rate", "regularisation"]),
    ("bpr", &["dimensions", "learning_rate", "regularisation", SHARDS]),
    ("item2vec", &["dimensions", "learning_rate", "half_life"]),
    ("two_tower", &["dimensions", "learning_rate", "regularisation"]),
    ("ials", &["dimensions", "regularisation", "unobserved"]),
    ("fusion", &["dimensions", "half_life"]),
    ("ncf", &["dimensions", "learning_rate", "hidden"]),
];

/// No parameter of the model, but of how it is taught.
const SHARDS: &str = "shards";

/// All names, cheapest first.
pub const KINDS: [&str; TABLE.len()] = {
    let mut names = [""; TABLE.len()];
    let mut n = 0;
    while n < TABLE.len() {
        names[n] = TABLE[n].0;
        n += 1;
    }
    names
};

/// The models that run, and the arms of an experiment, where nobody names any.
pub const USUAL: [&str; 4] = ["popularity", "transitions", "mf", "ncf"];

/// Parameters that a user may set; what is not set has the model's own default. [`ModelConfig::check`] tells
/// which belong to which model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ModelConfig {
    /// Length of embeddings, 1 to 512.
    pub dimensions: Option<usize>,
    /// Step size, above 0, at most 1.
    pub learning_rate: Option<f64>,
    /// L2 regularisation, 0 to 1.
    pub regularisation: Option<f64>,
    /// After this long a count is worth half; at least a second.
    pub half_life: Option<Span>,
    /// Units of the hidden layer, 1 to 1,024.
    pub hidden: Option<usize>,
    /// Weight of a pair that was not observed beside one that was, 0 to 1.
    pub unobserved: Option<f64>,
    /// How many shards learn side by side, 1 to 64; 1 where it is not set.
    pub shards: Option<usize>,
}

/// A model's parameters, resolved: every one has a value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Resolved {
    Popularity(PopularityConfig),
    Transitions(TransitionsConfig),
    ItemKnn(ItemKnnConfig),
    Isgd(IsgdConfig),
    Mf(MfConfig),
    Fm(FmConfig),
    Bpr(BprConfig),
    Item2vec(Item2vecConfig),
    TwoTower(TwoTowerConfig),
    Ials(IalsConfig),
    Fusion(FusionConfig),
    Ncf(NcfConfig),
}

impl Resolved {
    fn of(kind: &str, config: &ModelConfig) -> Option<Self> {
        let c = config.bounded();
        let half_life = |d: Span| c.half_life.unwrap_or(d);
        Some(match kind {
            "popularity" => {
                Self::Popularity(PopularityConfig { half_life: half_life(PopularityConfig::default().half_life) })
            }
            "transitions" => {
                Self::Transitions(TransitionsConfig { half_life: half_life(TransitionsConfig::default().half_life) })
            }
            "item_knn" => Self::ItemKnn(ItemKnnConfig { half_life: half_life(ItemKnnConfig::default().half_life) }),
            "fusion" => {
                // The members' parameters, each by its own name.
                let d = FusionConfig::default();
                let dimensions = c.dimensions.unwrap_or(d.ials.dimensions);
                Self::Fusion(FusionConfig {
                    transitions: TransitionsConfig { half_life: half_life(d.transitions.half_life) },
                    ials: IalsConfig { dimensions, ..d.ials },
                })
            }
            _ => return Self::of_vectors(kind, &c),
        })
    }

    /// The same for models of vectors alone.
    fn of_vectors(kind: &str, c: &ModelConfig) -> Option<Self> {
        let dimensions = |d: usize| c.dimensions.unwrap_or(d);
        let rate = |d: f32| c.learning_rate.map_or(d, |x| x as f32);
        let ridge = |d: f32| c.regularisation.map_or(d, |x| x as f32);
        // Of most only these three can be set.
        macro_rules! usual {
            ($kind:ident, $config:ident) => {{
                let mut d = $config::default();
                d.dimensions = dimensions(d.dimensions);
                d.learning_rate = rate(d.learning_rate);
                d.regularisation = ridge(d.regularisation);
                Self::$kind(d)
            }};
        }
        Some(match kind {
            "isgd" => usual!(Isgd, IsgdConfig),
            "mf" => usual!(Mf, MfConfig),
            "fm" => usual!(Fm, FmConfig),
            "bpr" => usual!(Bpr, BprConfig),
            "two_tower" => usual!(TwoTower, TwoTowerConfig),
            "item2vec" => {
                let d = Item2vecConfig::default();
                let half_life = c.half_life.unwrap_or(d.half_life);
                let (dimensions, learning_rate) = (dimensions(d.dimensions), rate(d.learning_rate));
                Self::Item2vec(Item2vecConfig { dimensions, learning_rate, half_life })
            }
            "ials" => {
                let d = IalsConfig::default();
                let unobserved = c.unobserved.map_or(d.unobserved, |x| x as f32);
                let (dimensions, regularisation) = (dimensions(d.dimensions), ridge(d.regularisation));
                Self::Ials(IalsConfig { dimensions, regularisation, unobserved, ..d })
            }
            "ncf" => {
                let d = NcfConfig::default();
                let hidden = c.hidden.unwrap_or(d.hidden);
                let (dimensions, learning_rate) = (dimensions(d.dimensions), rate(d.learning_rate));
                Self::Ncf(NcfConfig { dimensions, hidden, learning_rate, ..d })
            }
            _ => return None,
        })
    }
}

impl Resolved {
    /// The parameters that can be set, in the order of [`TABLE`]'s names. Those of a fusion are its members'.
    fn values(&self) -> Vec<(&'static str, f64)> {
        // 0.9 as a 32-bit float is to be told as 0.9.
        let float = |x: f32| x.to_string().parse().unwrap_or(f64::from(x));
        let time = |span: Span| ("half_life", span.0 as f64);
        let usual = |n: usize, rate: f32, ridge: f32| {
            vec![("dimensions", n as f64), ("learning_rate", float(rate)), ("regularisation", float(ridge))]
        };
        match self {
            Self::Popularity(c) => vec![time(c.half_life)],
            Self::Transitions(c) => vec![time(c.half_life)],
            Self::ItemKnn(c) => vec![time(c.half_life)],
            Self::Isgd(c) => usual(c.dimensions, c.learning_rate, c.regularisation),
            Self::Mf(c) => usual(c.dimensions, c.learning_rate, c.regularisation),
            Self::Fm(c) => usual(c.dimensions, c.learning_rate, c.regularisation),
            Self::Bpr(c) => usual(c.dimensions, c.learning_rate, c.regularisation),
            Self::TwoTower(c) => usual(c.dimensions, c.learning_rate, c.regularisation),
            Self::Item2vec(c) => {
                let rate = float(c.learning_rate);
                vec![("dimensions", c.dimensions as f64), ("learning_rate", rate), time(c.half_life)]
            }
            Self::Ials(c) => vec![
                ("dimensions", c.dimensions as f64),
                ("regularisation", float(c.regularisation)),
                ("unobserved", float(c.unobserved)),
            ],
            Self::Fusion(c) => vec![("dimensions", c.ials.dimensions as f64), time(c.transitions.half_life)],
            Self::Ncf(c) => vec![
                ("dimensions", c.dimensions as f64),
                ("learning_rate", float(c.learning_rate)),
                ("hidden", c.hidden as f64),
            ],
        }
    }
}

/// All parameters of a model that can be set, with the values they have, set or not; times in milliseconds. Nothing of
/// a model that does not exist.
#[must_use]
pub fn parameters(kind: &str, config: &ModelConfig) -> BTreeMap<String, f64> {
    let mut values = Resolved::of(kind, config).map(|resolved| resolved.values()).unwrap_or_default();
    if TABLE.iter().any(|(name, its)| *name == kind && its.contains(&SHARDS)) {
        values.push((SHARDS, config.bounded().shards.unwrap_or(1) as f64));
    }
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl ModelConfig {
    /// Whether the parameters fit a kind: every one that is set belongs to it and lies in its range.
    ///
    /// # Errors
    /// With the name of the parameter and what is allowed.
    pub fn check(&self, kind: &str) -> Result<(), String> {
        let Some((_, its)) = TABLE.iter().find(|(name, _)| *name == kind) else {
            return Err(format!("no model is called {kind}; there are {}", KINDS.join(", ")));
        };
        let set = [
            ("dimensions", self.dimensions.is_some()),
            ("learning_rate", self.learning_rate.is_some()),
            ("regularisation", self.regularisation.is_some()),
            ("half_life", self.half_life.is_some()),
            ("hidden", self.hidden.is_some()),
            ("unobserved", self.unobserved.is_some()),
            (SHARDS, self.shards.is_some()),
        ];
        if let Some((name, _)) = set.iter().find(|(name, is_set)| *is_set && !its.contains(name)) {
            return Err(format!("{kind} has no {name}"));
        }
        let bounded = self.bounded();
        let cut = [
            ("dimensions must be 1 to 512", bounded.dimensions == self.dimensions),
            ("learning_rate must be above 0 and at most 1", bounded.learning_rate == self.learning_rate),
            ("regularisation must be 0 to 1", bounded.regularisation == self.regularisation),
            ("half_life must be at least a second", bounded.half_life == self.half_life),
            ("hidden must be 1 to 1024", bounded.hidden == self.hidden),
            ("unobserved must be 0 to 1", bounded.unobserved == self.unobserved),
            ("shards must be 1 to 64", bounded.shards == self.shards),
        ];
        cut.iter().find(|(_, fits)| !fits).map_or(Ok(()), |(must, _)| Err(format!("{kind}: {must}")))
    }

    /// The same with every value cut to its range (NaN to none), so that building never fails on a number.
    fn bounded(&self) -> Self {
        let number = |x: Option<f64>, low: f64| x.filter(|x| !x.is_nan()).map(|x| x.clamp(low, 1.0));
        Self {
            dimensions: self.dimensions.map(|n| n.clamp(1, 512)),
            learning_rate: number(self.learning_rate, 1e-9),
            regularisation: number(self.regularisation, 0.0),
            half_life: self.half_life.map(|s| s.max(Span::seconds(1))),
            hidden: self.hidden.map(|n| n.clamp(1, 1024)),
            unobserved: number(self.unobserved, 0.0),
            shards: self.shards.map(|n| n.clamp(1, 64)),
        }
    }

    /// A hash of what a saved model of this kind depends on: all its parameters, set or not. How many shards it learns
    /// in is not among them.
    #[must_use]
    pub fn params_hash(&self, kind: &str) -> u64 {
        xxh3_64(format!("{kind} {:?}", Resolved::of(kind, self)).as_bytes())
    }
}

/// Builds a model; `None` when no model has that name.
#[must_use]
pub fn build(kind: &str, config: &ModelConfig, seed: Seed) -> Option<Box<dyn Model>> {
    Some(match Resolved::of(kind, config)? {
        Resolved::Popularity(c) => Box::new(Popularity::new(c)),
        Resolved::Transitions(c) => Box::new(Transitions::new(c)),
        Resolved::ItemKnn(c) => Box::new(ItemKnn::new(c)),
        Resolved::Isgd(c) => Box::new(Isgd::new(c, seed)),
        Resolved::Mf(c) => Box::new(Mf::new(c, seed)),
        Resolved::Fm(c) => Box::new(Fm::new(c, seed)),
        Resolved::Bpr(c) => Box::new(Bpr::new(c, seed)),
        Resolved::Item2vec(c) => Box::new(Item2vec::new(c, seed)),
        Resolved::TwoTower(c) => Box::new(TwoTower::new(c, seed)),
        Resolved::Ials(c) => Box::new(Ials::new(c, seed)),
        Resolved::Fusion(c) => Box::new(Fusion::new(c, seed)),
        Resolved::Ncf(c) => Box::new(Ncf::new(c, seed)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_checked_and_hashed_as_resolved() {
        let none = ModelConfig::default();
        for (kind, its) in TABLE {
            assert_eq!(parameters(kind, &none).len(), its.len());
            assert!(its.iter().all(|name| parameters(kind, &none).contains_key(*name)), "{kind}");
            assert_eq!(none.check(kind), Ok(()));
            assert_eq!(build(kind, &none, Seed(1)).map(|m| m.kind()), Some(kind));
        }
        assert_eq!(parameters("mf", &none)["learning_rate"], 0.9);
        assert!(USUAL.iter().all(|kind| KINDS.contains(kind)));
        assert!(build("mff", &none, Seed(1)).is_none());
        assert!(none.check("mff").is_err_and(|e| e.contains("transitions")));
        let wrong = [
            ("mf", ModelConfig { dimensions: Some(0), ..none }),
            ("mf", ModelConfig { hidden: Some(10), ..none }),
            ("ncf", ModelConfig { learning_rate: Some(f64::NAN), ..none }),
            ("ncf", ModelConfig { learning_rate: Some(-0.1), ..none }),
            ("popularity", ModelConfig { half_life: Some(Span(0)), ..none }),
            ("popularity", ModelConfig { dimensions: Some(8), ..none }),
            ("ials", ModelConfig { unobserved: Some(1.5), ..none }),
            ("bpr", ModelConfig { unobserved: Some(0.5), ..none }),
        ];
        for (kind, config) in wrong {
            assert!(config.check(kind).is_err(), "{kind} {config:?}");
            assert!(build(kind, &config, Seed(1)).is_some());
        }
        let said = ModelConfig { dimensions: Some(32), ..none };
        assert_eq!(said.params_hash("mf"), none.params_hash("mf"));
        assert_ne!(said.params_hash("ncf"), none.params_hash("ncf"));
        let sharded = ModelConfig { shards: Some(4), ..none };
        assert_eq!(sharded.params_hash("mf"), none.params_hash("mf"));
        assert_eq!(parameters("mf", &sharded)["shards"], 4.0);
        assert!(sharded.check("fusion").is_err_and(|e| e.contains("no shards")));
        assert_ne!(none.params_hash("popularity"), none.params_hash("transitions"));
    }
}
