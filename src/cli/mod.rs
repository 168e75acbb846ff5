//! Words on the command line. Read in this order: entry (what there is and how it ends), then one file per command.

mod arm;
mod check;
mod client;
mod demo;
mod entry;
mod export;
mod failure;
mod healthcheck;
mod inspect;
mod output;
mod replay;
mod run;
mod shared;
mod simulate;
mod top;
mod topics;
mod version;

pub use entry::main;
