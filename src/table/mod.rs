//! The one paged store under every model, view, checkpoint and digest.
//!
//! Read in this order: page (4 KiB of words, shared until written), rows (the table: rows over pages), writer (many
//! writes in one go), words (numbers wider
//! than a word), index (id to slot), bytering (the newest byte strings), part (what a checkpoint walks).

mod bytering;
mod index;
mod page;
mod part;
mod rows;
pub mod words;
mod writer;

pub use bytering::ByteRing;
pub use index::{Index, Key};
pub use page::PAGE_WORDS;
pub use part::{Part, PartError};
pub(crate) use rows::little_endian;
pub use rows::{Lineage, Table};
pub use writer::{RowsMut, Writer};
