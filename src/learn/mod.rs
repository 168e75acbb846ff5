//! Models: kernels, losses, optimisers, one file a model.
//!
//! Read in this order: model (the contract; carry takes it elsewhere), directory (ids, names, who is forgotten), history
//! (what users took), ratings (what theirs lie around), taught (which items taught something), standards (where their
//! numbers lie), content (what items are), negatives, kernels, best (of a catalogue); then the models: popularity;
//! transitions and item_knn (links); isgd; mf (newton) and fm (ftrl, too); bpr, item2vec and two_tower (embedding; noise);
//! ials (normal and gram); ncf (adam, products, dense, newton); fusion (ranks, others); registry builds them.

mod adam;
mod best;
mod bpr;
mod carry;
mod content;
mod counter;
mod dense;
mod directory;
mod embedding;
mod fm;
mod forgotten;
mod ftrl;
mod fusion;
mod gram;
mod history;
mod ials;
mod isgd;
mod item2vec;
mod item_knn;
pub mod kernels;
mod links;
mod mf;
mod model;
mod ncf;
mod negatives;
mod newton;
mod noise;
mod normal;
mod popularity;
mod products;
mod ranks;
mod ratings;
pub mod registry;
mod sightings;
mod standards;
mod taught;
mod transitions;
mod two_tower;

pub use best::Best;
pub use bpr::{Bpr, BprConfig};
pub use carry::{Column, Kind, LARGEST, Layout, Renumber, Rows};
pub use content::{BUCKETS, Feature, ItemContent, MAX_FEATURES};
pub use directory::{DEFAULT_CAPACITY, Directory, MAX_NAME};
pub use fm::{Fm, FmConfig};
pub use forgotten::Forgotten;
pub use fusion::{Fusion, FusionConfig};
pub use history::{DEFAULT_HISTORY, History};
pub use ials::{Ials, IalsConfig};
pub use isgd::{Isgd, IsgdConfig};
pub use item_knn::{ItemKnn, ItemKnnConfig};
pub use item2vec::{Item2vec, Item2vecConfig};
pub use mf::{Mf, MfConfig};
pub use model::{Context, Example, Learned, Model, NEGATIVES, RECENT, Slot};
pub use ncf::{Ncf, NcfConfig};
pub use popularity::{Popularity, PopularityConfig};
pub use ratings::Ratings;
pub use registry::ModelConfig;
pub use standards::{Standard, Standards};
pub use taught::Taught;
pub use transitions::{Transitions, TransitionsConfig};
pub use two_tower::{TwoTower, TwoTowerConfig};
