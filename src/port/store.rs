//! Where checkpoints lie: named blobs, written whole or not at all.

use std::io::{Read, Write};

/// Why a checkpoint file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error("no space left for {name}")]
    Full {
        /// The blob.
        name: String,
    },
    /// Any other failure.
    #[error("{name}: {source}")]
    Io {
        /// The blob.
        name: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// Holds named blobs.
pub trait CheckpointStore: Send + Sync {
    /// Names of all complete blobs, sorted.
    ///
    /// # Errors
    /// When the place cannot be listed.
    fn list(&self) -> Result<Vec<String>, StoreError>;

    /// Writes a blob beside its name, makes it durable, then renames it.
    ///
    /// # Errors
    /// When it cannot be written; nothing is left under the name.
    fn write(&self, name: &str, fill: &mut dyn FnMut(&mut dyn Write) -> std::io::Result<()>) -> Result<(), StoreError>;

    /// Opens a blob.
    ///
    /// # Errors
    /// When it is not there.
    fn read(&self, name: &str) -> Result<Box<dyn Read + Send>, StoreError>;

    /// How many bytes a blob has.
    ///
    /// # Errors
    /// When it is not there.
    fn size(&self, name: &str) -> Result<u64, StoreError>;

    /// Removes a blob; one that is not there is no error.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn remove(&self, name: &str) -> Result<(), StoreError>;
}
