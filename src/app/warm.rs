//! Models that begin from files, where they have nothing yet.

use crate::config;
use crate::pipeline::{Pipeline, PipelineConfig, WarmStart, Warmed};

/// Lets every model begin from its file, but those that `held` tells went on from a checkpoint. Before the first cut
/// this is the state that a log begins with; so a replay of that log does the same.
///
/// # Errors
/// The sentence that says which file cannot be used, why, and what to do.
pub fn warm_start(
    pipeline: &mut Pipeline,
    settings: &PipelineConfig,
    held: impl Fn(&str) -> bool,
) -> Result<Vec<Warmed>, String> {
    let mut all = Vec::new();
    for warm in settings.warm.iter().filter(|warm| !held(&warm.kind)) {
        let warmed = begin(pipeline, warm)
            .map_err(|why| format!("{} cannot begin from {}: {why}", warm.kind, warm.path.display()))?;
        told(warm, &warmed);
        all.push(warmed);
    }
    Ok(all)
}

fn begin(pipeline: &mut Pipeline, warm: &WarmStart) -> Result<Warmed, String> {
    let file = std::fs::read(&warm.path).map_err(|error| error.to_string())?;
    if config::warm_start(&warm.kind, &warm.path)?.hash != warm.hash {
        return Err("it changed since the settings were read: start again".to_owned());
    }
    pipeline.state_mut().warm_start(&warm.kind, &file).map_err(|error| error.to_string())
}

fn told(warm: &WarmStart, warmed: &Warmed) {
    let (model, file) = (&warm.kind, warm.path.display());
    tracing::info!(model, %file, users = warmed.users, items = warmed.items, "a model begins from a file");
    if warmed.users_left_out + warmed.items_left_out > 0 {
        let (users, items) = (warmed.users_left_out, warmed.items_left_out);
        tracing::warn!(model, %file, users, items, "no room for these: a larger [learn] memory takes more");
    }
    for row in &warmed.bad {
        tracing::warn!(model, %file, row = %row, "left out");
    }
}
