//! `reiver demo`: a simulated shop, an embedded broker and the whole loop in one process.

use super::failure::{Failure, Outcome};
use super::shared::{JsonArg, span};
use crate::event::Span;
use std::net::SocketAddr;

const EXAMPLES: &str = "\
Examples:
  reiver demo
  reiver demo --duration 60s --json > demo.json

Open the printed address to watch. Ctrl-C stops it within 5 seconds.";

/// Arguments of `reiver demo`.
#[derive(clap::Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
pub(super) struct DemoArgs {
    /// Stops by itself after this time; without it, at Ctrl-C.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(super) duration: Option<Span>,

    /// Where to listen for HTTP; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7878")]
    pub(super) listen: SocketAddr,

    /// The root of all chance in the simulated world.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,

    #[command(flatten)]
    pub(super) output: JsonArg,
}

/// Runs the command.
pub(super) fn demo(_args: &DemoArgs) -> Outcome {
    Err(Failure::Failed(anyhow::anyhow!("the demo is not part of this build")))
}
