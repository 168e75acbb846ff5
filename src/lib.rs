//! Reiver: a streaming, bandit-driven online learner.
//!
//! A deterministic state machine over an ordered event log, with thin shells around it. A record climbs the rooms
//! in the order in which they are listed here, once; a room imports only what stands above it in this list
//! (`docs/ARCHITECTURE.md` has the table, `tests/architecture.rs` holds the code to it).

pub mod adapter;
pub mod allocate;
pub mod app;
pub mod cli;
pub mod codec;
pub mod config;
pub mod evaluate;
pub mod event;
pub mod join;
pub mod learn;
pub mod observe;
pub mod pipeline;
pub mod port;
pub mod reward;
pub mod rng;
pub mod serve;
pub mod simulate;
pub mod table;
