//! Every address of the HTTP interface, every refusal, and the bounds of the socket.

mod actions;
mod client;
mod decide;
mod doors;
mod events;
mod experiments;
mod health;
mod live;
mod metrics;
mod openapi;
mod recommend;
mod socket;
