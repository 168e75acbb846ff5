//! Models: kernels, losses, optimisers, one file a model.
//!
//! Read in this order: model (the contract), directory (ids, names, histories: shared by all models), history,
//! kernels, counter, then the models: popularity, transitions, mf, ncf; registry builds them by name.

mod counter;
mod directory;
mod history;
pub mod kernels;
mod mf;
mod model;
mod ncf;
mod popularity;
pub mod registry;
mod transitions;

pub use directory::Directory;
pub use mf::Mf;
pub use model::{Context, Example, Learned, Model, NEGATIVES, RECENT, Slot};
pub use ncf::Ncf;
pub use popularity::Popularity;
pub use registry::ModelConfig;
pub use transitions::Transitions;
