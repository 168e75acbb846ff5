//! Folders and files on local disks: where checkpoints lie (store), and data sets read row by row (rows) or whole
//! (ratings); files written whole or not at all (whole).

mod ratings;
mod rows;
mod store;
mod whole;

pub use ratings::{BadRating, Rating, ratings};
pub use rows::{
    BadRow, BadRows, Columns, ColumnsError, FileError, Format, HeldOutRow, MAX_BAD_ROWS, RowProblem, Rows, RowsConfig,
    movies_beside, read_held_out, write_json_lines,
};
pub use store::{FolderError, FolderStore};
pub use whole::{write_beside, write_tensors};
