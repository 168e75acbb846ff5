//! From a state folder to a pipeline with its positions, or the reason why not.

use super::settings::RunSettings;
use super::warm::warm_start;
use crate::pipeline::Pipeline;
use crate::pipeline::checkpoint::{Checkpoints, Manifest, Verdict, compare};

/// A pipeline as the newest whole checkpoint left it, or an empty one at no position; models that lie in no checkpoint
/// begin from their files. `told` hears how far it is: bytes
/// read, and bytes there are.
///
/// # Errors
/// When a part would be reset without consent, or a checkpoint or a model's file does not fit: the sentence says what to do.
pub fn restore(
    settings: &RunSettings,
    checkpoints: &mut Checkpoints,
    told: &mut dyn FnMut(u64, u64),
) -> Result<(Pipeline, Manifest), String> {
    let mut pipeline = Pipeline::new(&settings.pipeline)?;
    let Some(restored) = checkpoints.newest_told(told).map_err(|e| e.to_string())? else {
        warm_start(&mut pipeline, &settings.pipeline, |_| false)?;
        return Ok((pipeline, Manifest::default()));
    };
    for skipped in &restored.skipped {
        tracing::error!(name = skipped.name, why = skipped.why, "a checkpoint is damaged: an older one is taken");
    }
    let (mut resets, mut kept) = (Vec::new(), Vec::new());
    for (part, verdict) in compare(&restored.parts, &pipeline.state().expected()) {
        let harmful = matches!(verdict, Verdict::Reset { .. } | Verdict::Dropped);
        if harmful && !settings.confirm_reset.contains(&part) {
            resets.push(format!("{part}: {verdict}"));
        } else if verdict != Verdict::Keep {
            tracing::warn!(part, %verdict, "checkpoint");
        } else {
            kept.push(part);
        }
    }
    if !resets.is_empty() {
        return Err(format!(
            "the checkpoint {} holds state that the settings no longer fit: {}. Take the settings back, or confirm \
             each with --confirm-reset PART (see `reiver check`)",
            restored.name,
            resets.join("; ")
        ));
    }
    pipeline.state_mut().restore(restored.parts).map_err(|e| e.to_string())?;
    warm_start(&mut pipeline, &settings.pipeline, |kind| kept.iter().any(|part| *part == format!("model:{kind}")))?;
    tracing::info!(name = restored.name, log_time = %restored.manifest.log_time, "restored");
    Ok((pipeline, restored.manifest))
}
