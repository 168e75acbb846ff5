//! HTTP: decide, recommend, feedback, events, experiments, changes to arms, explanations, health, the page and its stream.
//!
//! Read in this order: problem (how errors look), doors (what the handlers reach), ids, body (bounded reading), guard
//! (what stands before every handler), router (the addresses), listen (the socket); then one file an address:
//! decision and dto are what they share.

mod problem;
mod doors;
mod ids;
mod body;
mod guard;
mod router;
mod listen;
mod dto;
mod decision;
mod decide;
mod recommend;
mod delivery;
mod feedback;
mod events;
mod experiments;
mod actions;
mod decisions;
mod models;
mod health;
mod live;
mod assets;
mod page;
mod openapi;

pub use doors::{Bounds, Doors, Meter, PauseError, PauseLog, Phase, Status, Topics, Views};
pub use ids::Ids;
pub use listen::{Limits, ListenError, Traffic, bind, serve};
pub use live::{Live, LiveLimits, watch};
pub use problem::Problem;
pub use router::{ROUTES, router};
