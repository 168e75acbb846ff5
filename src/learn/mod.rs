//! Models: kernels, losses, optimisers, one file a model.
//!
//! Read in this order: model (the contract), directory (ids, names: shared by all models), history (what users took),
//! taught (which items taught something), negatives, kernels, best
//! (the best of a catalogue), counter, then the models: popularity, transitions, mf (newton: its
//! rows), fm (ftrl: its linear part), ncf; registry builds them by name.

mod adam;
mod best;
mod counter;
mod dense;
mod directory;
mod fm;
mod ftrl;
mod history;
pub mod kernels;
mod mf;
mod model;
mod ncf;
mod negatives;
mod newton;
mod popularity;
pub mod registry;
mod taught;
mod transitions;

pub use best::Best;
pub use directory::{DEFAULT_CAPACITY, Directory, MAX_NAME};
pub use fm::{Fm, FmConfig};
pub use history::{DEFAULT_HISTORY, History};
pub use mf::{Mf, MfConfig};
pub use model::{Context, Example, Learned, Model, NEGATIVES, RECENT, Slot};
pub use ncf::{Ncf, NcfConfig};
pub use popularity::{Popularity, PopularityConfig};
pub use registry::ModelConfig;
pub use taught::Taught;
pub use transitions::{Transitions, TransitionsConfig};
