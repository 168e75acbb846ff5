//! `reiver demo`: a simulated shop, an embedded broker and the whole loop in one process.

use super::failure::Outcome;
use super::output;
use super::shared::{JsonArg, span};
use crate::app::{self, demo::DemoSettings};
use crate::event::Span;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
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

    /// After this time the shop's truth changes, and with it the best arm.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = span)]
    pub(super) phase: Span,

    /// The root of all chance in the simulated world.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,

    #[command(flatten)]
    pub(super) output: JsonArg,
}

/// Runs the command.
pub(super) fn demo(args: &DemoArgs) -> Outcome {
    let terminal = std::io::stderr().is_terminal();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let settings = DemoSettings {
        listen: args.listen,
        duration: args.duration,
        seed: args.seed,
        phase: args.phase,
        living: terminal && !plain,
    };
    // A bar without a bar: it knows the terminal's width, and keeps the line at the bottom.
    let line = settings.living.then(ProgressBar::no_length);
    if let Some(line) = &line {
        line.set_style(ProgressStyle::with_template("{wide_msg}")?);
    }
    let document = app::demo::demo(&settings, |text, replaces| match &line {
        Some(line) if replaces => line.set_message(text.to_owned()),
        Some(line) => line.println(text),
        None => output::note(text),
    })?;
    if let Some(line) = &line {
        line.abandon();
    }
    if args.output.json {
        output::document(&document)?;
    }
    Ok(())
}
