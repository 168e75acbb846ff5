//! A part of the state: tables and a small blob. Checkpoint, digest, view and size all walk the same parts.

use super::Table;

/// What is restored and does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PartError(pub String);

/// State that is checkpointed, digested and cloned for readers.
///
/// `tables` and `tables_mut` list the same tables under the same names in the same order.
pub trait Part {
    /// The tables with their names, which are unique within the part.
    fn tables(&self) -> Vec<(String, &Table)>;

    /// The same, to be filled by a restore.
    fn tables_mut(&mut self) -> Vec<(String, &mut Table)>;

    /// Everything else that belongs to the state, as bytes that depend on the state alone (no map order, no addresses).
    fn blob(&self) -> Vec<u8>;

    /// Takes a blob back after the tables are filled, and rebuilds what is derived from them.
    ///
    /// # Errors
    /// When blob or tables do not fit this part's parameters.
    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError>;

    /// Bytes held by the tables.
    fn bytes(&self) -> usize {
        self.tables().iter().map(|(_, t)| t.bytes()).sum()
    }
}
