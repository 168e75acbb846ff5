//! A shop whose truth is known: what shoppers like, how it drifts, what they do, and what goes wrong on the way.
//!
//! Read in this order: shape (how large), world (what is true), crowd (who is where), shopper's mind (mind),
//! post (late things), malformed (broken things), traffic (all of it as records), truth (what the lists are worth),
//! street (everybody at once), shopper (real HTTP on loopback).

mod crowd;
mod malformed;
mod mind;
mod post;
mod shape;
mod shopper;
mod street;
mod traffic;
mod truth;
mod world;

pub use crowd::Crowd;
pub use malformed::Malformed;
pub use mind::{Click, Mind};
pub use post::{Faults, Post};
pub use shape::{Browsing, Shape};
pub use shopper::{Doings, Pace, Shoppers};
pub use street::{Ask, Manners, Sent, Served, ServedItem, Street};
pub use traffic::{Letter, Traffic, item_id, item_of, user_id};
pub use truth::{ArmValue, TruthBoard};
pub use world::{Regime, World};
