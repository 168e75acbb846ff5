//! The outside: one file or folder per system.

pub mod clock;
pub mod entropy;
pub mod embedded;
pub mod file;
pub mod kafka;
