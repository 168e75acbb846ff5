//! Worlds with known truth under virtual time: no sockets, no clock; a failure names the seed that repeats it.

mod disorder;
mod log;
mod process;
mod shop;
mod world;
