//! `reiver top`: what the page shows, on a terminal of 40 columns or more.
//!
//! Read in this order: facts (what there is to show), gather (asking a running instance for it), paint (text and
//! style), screen (facts laid out as lines), terminal (the second screen, keys, its restoration), command.

mod command;
mod facts;
mod gather;
mod paint;
mod screen;
mod terminal;

pub(super) use command::{TopArgs, top};
