//! The one paged store under every model, view, checkpoint and digest.

mod part;

pub use part::{Part, PartError};

/// Placeholder until the paged table lands.
#[derive(Clone, Debug, Default)]
pub struct Table;
impl Table {
    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        0
    }
}
