//! What carries a model elsewhere. Read in this order: layout (what the words of its tables are), renumber (slots given
//! anew).

mod layout;
mod renumber;

pub use layout::{Column, Kind, LARGEST, Layout, Rows};
pub use renumber::Renumber;
