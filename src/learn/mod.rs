//! Models: kernels, losses, optimisers, one file a model.
//!
//! Read in this order: model (the contract), directory (ids, names: shared by all models), history (what users took),
//! taught (which items taught something), negatives, kernels, counter, then the models: popularity; transitions and
//! item_knn (over links); isgd; mf and bpr (over factors); ials (over normal and gram); ncf (over adam and dense);
//! fusion (over ranks, and owning others); registry builds them by name.

mod adam;
mod bpr;
mod counter;
mod dense;
mod directory;
mod factors;
mod fusion;
mod gram;
mod history;
mod ials;
mod isgd;
mod item_knn;
pub mod kernels;
mod links;
mod mf;
mod model;
mod ncf;
mod negatives;
mod normal;
mod popularity;
mod ranks;
pub mod registry;
mod taught;
mod transitions;

pub use bpr::{Bpr, BprConfig};
pub use directory::{DEFAULT_CAPACITY, Directory, MAX_NAME};
pub use fusion::{Fusion, FusionConfig};
pub use history::{DEFAULT_HISTORY, History};
pub use ials::{Ials, IalsConfig};
pub use isgd::{Isgd, IsgdConfig};
pub use item_knn::{ItemKnn, ItemKnnConfig};
pub use mf::{Mf, MfConfig};
pub use model::{Context, Example, Learned, Model, NEGATIVES, RECENT, Slot};
pub use ncf::{Ncf, NcfConfig};
pub use popularity::{Popularity, PopularityConfig};
pub use registry::ModelConfig;
pub use taught::Taught;
pub use transitions::{Transitions, TransitionsConfig};
