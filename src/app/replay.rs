//! Replay of a file: the same pipeline, a cut per thousand rows, log time from the rows.

use super::document::Document;
use super::export::{ExportError, export_all};
use super::warm::warm_start;
use crate::adapter::clock::Stopwatch;
use crate::adapter::file::{FileError, Rows};
use crate::event::{Content, Time};
use crate::pipeline::{Arrival, CutInput, Input, Pipeline, PipelineConfig};
use std::path::Path;

/// Rows of one cut.
const CUT: usize = 1000;

/// Why a replay could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The settings do not fit.
    #[error("{0}")]
    Settings(String),
    /// The models cannot be written.
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// Replays rows, from the files that models are to begin from, and at the end writes all models to `export`, if given.
/// Calls `progress` with the part that is done and the rows so far, once a cut.
///
/// # Errors
/// See [`ReplayError`].
pub fn replay_file(
    config: &PipelineConfig,
    rows: &mut Rows,
    export: Option<&Path>,
    mut progress: impl FnMut(f64, u64),
) -> Result<Document, ReplayError> {
    let watch = Stopwatch::start();
    let mut pipeline = Pipeline::new(config).map_err(ReplayError::Settings)?;
    warm_start(&mut pipeline, config, |_| false).map_err(ReplayError::Settings)?;
    let mut cut: Vec<Arrival> = Vec::with_capacity(CUT);
    let mut handled = 0;
    loop {
        let row = rows.next().transpose()?;
        let last = row.is_none();
        cut.extend(row.map(|record| Arrival::decode(record, Content::Events)));
        if cut.len() == CUT || last {
            handled += cut.len() as u64;
            step(&mut pipeline, &cut);
            cut.clear();
            progress(rows.progress(), handled);
        }
        if last {
            break;
        }
    }
    if let Some(folder) = export {
        export_all(&pipeline, folder)?;
    }
    Ok(Document::of(&pipeline, watch.elapsed().as_secs_f64()))
}

fn step(pipeline: &mut Pipeline, arrivals: &[Arrival]) {
    let Some(last) = arrivals.last() else { return };
    let log_time: Time = last.record.timestamp;
    pipeline.step(Input::Cut(CutInput { log_time, rank_share: 1.0, arrivals }));
}
