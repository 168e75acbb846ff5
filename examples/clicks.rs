//! Click prediction over a file of ratings: cargo run --release --example clicks -- FILE [MODEL] [PREDICTIONS]
//!
//! A rating of 4 or 5 is a click; by time, user, item; one pass; predict, then learn. Prints log loss, AUC and
//! calibration error, and writes `label probability` a line to PREDICTIONS (to compare models on the same examples).

use anyhow::{Context, bail};
use reiver::adapter::clock::monotonic_nanos;
use reiver::adapter::file::ratings;
use reiver::evaluate::{Click, run_clicks};
use reiver::event::Time;
use reiver::learn::kernels::sigmoid;
use reiver::learn::registry::{KINDS, build};
use reiver::learn::{Directory, ModelConfig};
use reiver::rng::Seed;
use std::fmt::Write;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, rest @ ..] = &arguments[..] else { bail!("usage: clicks FILE [MODEL] [PREDICTIONS]") };
    let kind = rest.first().map_or("fm", String::as_str);
    let begun = monotonic_nanos();
    let text = std::fs::read(file).with_context(|| format!("reading {file}"))?;
    let clicks: Vec<Click> = ratings(&text)?
        .into_iter()
        .map(|r| Click {
            time: Time(i64::try_from(r.seconds).unwrap_or(i64::MAX).saturating_mul(1000)),
            user: r.user,
            item: r.item,
            clicked: r.rating >= 4,
        })
        .collect();
    // Eight dimensions, as the peers have them; one seed.
    let config = ModelConfig { dimensions: matches!(kind, "mf" | "fm").then_some(8), ..ModelConfig::default() };
    let model = build(kind, &config, Seed(0).named(kind));
    let mut model = model.with_context(|| format!("no model is called {kind}; there are {}", KINDS.join(", ")))?;
    let mut logits = Vec::with_capacity(clicks.len());
    let summary = run_clicks(&mut *model, &mut Directory::default(), &clicks, kind != "mf", |logit| logits.push(logit));
    let seconds = monotonic_nanos().saturating_sub(begun) as f64 / 1e9;
    let auc = summary.auc.map_or_else(|| "-".to_owned(), |auc| format!("{auc:.4}"));
    eprintln!(
        "{kind}: {} examples, log loss {:.4}, auc {auc}, calibration error {:.4}; {:.2} M events/s, file to result",
        summary.examples,
        summary.log_loss,
        summary.calibration_error,
        summary.examples as f64 / seconds / 1e6,
    );
    if let Some(path) = rest.get(1) {
        let mut lines = String::new();
        for (click, logit) in clicks.iter().zip(&logits) {
            writeln!(lines, "{} {}", u8::from(click.clicked), sigmoid(*logit))?;
        }
        std::fs::write(path, lines).with_context(|| format!("writing {path}"))?;
    }
    Ok(())
}
