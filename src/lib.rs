//! Reiver: a streaming, bandit-driven online learner.
//!
//! A deterministic state machine over an ordered event log, with thin shells around it. A record climbs the rooms
//! in the order in which they are listed here, once; a room imports only what stands above it in this list
//! (`docs/ARCHITECTURE.md` has the table, `tests/architecture.rs` holds the code to it).

pub mod rng;
pub mod event;
pub mod codec;
pub mod table;
pub mod join;
pub mod learn;
pub mod reward;
pub mod evaluate;
pub mod allocate;
pub mod pipeline;
pub mod port;
pub mod adapter;
pub mod serve;
pub mod observe;
pub mod simulate;
pub mod config;
pub mod app;
pub mod cli;
