//! `GET /openapi.json`: the addresses, as OpenAPI 3.1, out of the attributes at the handlers and the types they answer
//! with. Events are described by the schemas of the codec, so there is one description of each.
//!
//! Read in this order: words (closed sets of words), shapes (what is sent, and answers that are not one type), refusals
//! (problems, by what a handler does), pages (what a browser fetches), document (all of it together).

mod document;
mod pages;
mod refusals;
mod shapes;
mod words;

pub(super) use document::openapi;
pub(super) use refusals::{OfAny, OfBody, OfName, OfToken};
pub(super) use shapes::{Change, DecideAsk, Event, Events, Explained, FeedbackAsk, RecommendAsk};
pub(super) use words::{allocation_version, arm_state, command_action, experiment_state, phase, reason};
