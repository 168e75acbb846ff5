//! Models: kernels, losses, optimisers, one file a model.

mod model;

pub use model::{Context, Example, Learned, Model, NEGATIVES, RECENT, Slot};
