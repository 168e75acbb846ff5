//! Folders and files on local disks.

mod store;

pub use store::{FolderError, FolderStore};
