//! Models: kernels, losses, optimisers, one file a model.
//!
//! Read in this order: model (the contract), directory (ids, names, who is forgotten: shared by all models), history (what
//! users took), taught (which items taught something), content (what items are), negatives, kernels, counter, embedding
//! (rows of vectors), noise (frequent negatives), then the models: popularity, transitions, mf, item2vec, two_tower, ncf;
//! registry builds them by name.

mod adam;
mod content;
mod counter;
mod dense;
mod directory;
mod embedding;
mod forgotten;
mod history;
mod item2vec;
pub mod kernels;
mod mf;
mod model;
mod ncf;
mod negatives;
mod noise;
mod popularity;
pub mod registry;
mod sightings;
mod taught;
mod transitions;
mod two_tower;

pub use content::{BUCKETS, Feature, ItemContent, MAX_FEATURES};
pub use directory::{DEFAULT_CAPACITY, Directory, MAX_NAME};
pub use forgotten::Forgotten;
pub use history::{DEFAULT_HISTORY, History};
pub use item2vec::{Item2vec, Item2vecConfig};
pub use mf::{Mf, MfConfig};
pub use model::{Context, Example, Learned, Model, NEGATIVES, RECENT, Slot};
pub use ncf::{Ncf, NcfConfig};
pub use popularity::{Popularity, PopularityConfig};
pub use registry::ModelConfig;
pub use taught::Taught;
pub use transitions::{Transitions, TransitionsConfig};
pub use two_tower::{TwoTower, TwoTowerConfig};
