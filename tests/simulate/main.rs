//! The simulated shop under virtual time: the demo's claims, over several seeds.

mod shop;
mod world;
