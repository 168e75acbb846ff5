//! Models as files of their own: out of one state, into another one, or into other tools.
//!
//! Read in this order: about (what a file says of itself), problem (what may be wrong with one), model (a model with
//! its ids and without its slots), write and read (safetensors), table and vectors (CSV).

mod about;
mod model;
mod problem;
mod read;
mod table;
mod vectors;
mod write;

pub use about::{About, FORMAT};
pub use model::{Portable, PortableItem};
pub use problem::{BadRow, MAX_BAD_ROWS, PortableError};
pub use write::{Contents, Tensor};
