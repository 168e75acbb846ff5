//! The live page's data: what it shows at one moment, what was before, and the stream that keeps it up to date.
//!
//! Read in this order: history (bounded series), marks (what happened to arms), glimpses (recent decisions), pulse
//! (rates), notice (honest states), curves (posteriors), moment (all of one moment), figures (the charts, typed),
//! scores (models lately), room (one experiment's past), board (the whole, ticked once a second), stream (server-sent events).

mod board;
mod curves;
mod figures;
mod glimpses;
mod history;
mod marks;
mod moment;
mod notice;
mod palette;
mod pulse;
mod room;
mod scores;
mod stream;

pub use board::{Live, LiveLimits, watch};
pub(super) use stream::{__path_snapshot, __path_stream, snapshot, stream};
