//! The independent account of a run: what must have come out, from nothing but the records that went in.
//!
//! It shares no code with the house: plain JSON, the documented hash, the rules of docs/ARCHITECTURE.md. Read in this
//! order: lines (records as kcat prints them), rules (what an experiment is), redecide (every decision again from its
//! line), cuts (which record was handled when), recount (outcomes and counts), chance (do arms match propensities).
//!
//! Use it from a test by `#[path = "../truth/mod.rs"] mod truth;`.

pub(crate) mod chance;
pub(crate) mod cuts;
pub(crate) mod lines;
pub(crate) mod recount;
pub(crate) mod redecide;
pub(crate) mod rules;
