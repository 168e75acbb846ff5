//! Models by name.

use super::mf::{Mf, MfConfig};
use super::model::Model;
use super::ncf::{Ncf, NcfConfig};
use super::popularity::Popularity;
use super::transitions::Transitions;
use crate::event::Span;
use crate::rng::Seed;
use xxhash_rust::xxh3::xxh3_64;

/// All names, cheapest first.
pub const KINDS: [&str; 4] = ["popularity", "transitions", "mf", "ncf"];

/// Parameters that a user may set; what is not set has the model's own default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ModelConfig {
    /// Length of embeddings.
    pub dimensions: Option<usize>,
    /// Step size.
    pub learning_rate: Option<f64>,
    /// L2 regularisation.
    pub regularisation: Option<f64>,
    /// After this long a count is worth half.
    pub half_life: Option<Span>,
    /// Units of the hidden layer.
    pub hidden: Option<usize>,
}

/// Half-life of popularity: a month.
const POPULARITY: Span = Span::seconds(30 * 24 * 3600);
/// Half-life of transitions: three months; a fortnight would lose a third of the recall on MovieLens.
const TRANSITIONS: Span = Span::seconds(90 * 24 * 3600);

impl ModelConfig {
    /// A hash of what a saved model of this kind depends on.
    #[must_use]
    pub fn params_hash(&self, kind: &str) -> u64 {
        xxh3_64(format!("{kind} {self:?}").as_bytes())
    }

    fn mf(&self) -> MfConfig {
        let d = MfConfig::default();
        MfConfig {
            dimensions: self.dimensions.unwrap_or(d.dimensions).clamp(1, 1024),
            learning_rate: self.learning_rate.map_or(d.learning_rate, |x| x as f32),
            regularisation: self.regularisation.map_or(d.regularisation, |x| x as f32),
            init: d.init,
        }
    }

    fn ncf(&self) -> NcfConfig {
        let d = NcfConfig::default();
        NcfConfig {
            dimensions: self.dimensions.unwrap_or(d.dimensions).clamp(1, 1024),
            hidden: self.hidden.unwrap_or(d.hidden).clamp(1, 4096),
            learning_rate: self.learning_rate.map_or(d.learning_rate, |x| x as f32),
        }
    }
}

/// Builds a model; `None` when no model has that name.
#[must_use]
pub fn build(kind: &str, config: &ModelConfig, seed: Seed) -> Option<Box<dyn Model>> {
    Some(match kind {
        "popularity" => Box::new(Popularity::new(config.half_life.unwrap_or(POPULARITY))),
        "transitions" => Box::new(Transitions::new(config.half_life.unwrap_or(TRANSITIONS))),
        "mf" => Box::new(Mf::new(config.mf(), seed)),
        "ncf" => Box::new(Ncf::new(config.ncf(), seed)),
        _ => return None,
    })
}
