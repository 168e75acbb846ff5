//! Models as files: out of the newest checkpoint, or of a pipeline that is done.

use super::settings::RunSettings;
use crate::adapter::file::{FolderStore, write_beside, write_tensors};
use crate::pipeline::Pipeline;
use crate::pipeline::checkpoint::{CheckpointError, Checkpoints, Restored, Verdict, compare};
use crate::pipeline::portable::{Contents, Portable, PortableError};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A running learner removes old checkpoints while we read: then the newest is read again.
const ATTEMPTS: usize = 3;

/// How a model is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportForm {
    /// Everything, to begin from: safetensors.
    Safetensors,
    /// The vectors, to look at: CSV.
    Csv,
}

/// What was written. Field order is that of the documentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExportDocument {
    /// The model.
    pub model: String,
    /// The checkpoint it comes from.
    pub checkpoint: String,
    /// Log time up to which it learned.
    pub log_time: String,
    /// Users of whom it knows something.
    pub users: usize,
    /// Items of which it knows something.
    pub items: usize,
    /// The file.
    pub file: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Why a model cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// No checkpoint can be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// There is nothing to export, or not under these settings.
    #[error("{0}")]
    Nothing(String),
    /// It cannot be written.
    #[error("{}: {source}", .file.display())]
    Portable {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        #[source]
        source: PortableError,
    },
}

/// Writes a model out of the newest whole checkpoint. Reads only, beside a running learner, too.
///
/// # Errors
/// See [`ExportError`].
pub fn export(
    settings: &RunSettings,
    kind: &str,
    file: &Path,
    form: ExportForm,
) -> Result<ExportDocument, ExportError> {
    let mut restored = newest(&settings.state)?;
    let mut pipeline = Pipeline::new(&settings.pipeline).map_err(ExportError::Nothing)?;
    let part = format!("model:{kind}");
    let others: Vec<&str> = restored.parts.iter().filter_map(|part| part.name.strip_prefix("model:")).collect();
    let verdicts = compare(&restored.parts, &pipeline.state().expected());
    match verdicts.iter().find(|(name, _)| *name == part).map(|(_, verdict)| verdict) {
        Some(Verdict::Keep) => {}
        Some(Verdict::Reset { why }) => {
            return Err(ExportError::Nothing(format!(
                "the checkpoint {} holds a {kind} that the settings do not fit ({why}): use the settings it ran with",
                restored.name
            )));
        }
        _ => {
            return Err(ExportError::Nothing(format!(
                "no {kind} runs by the settings and lies in the checkpoint {}, which holds {}",
                restored.name,
                others.join(", ")
            )));
        }
    }
    restored.parts.retain(|saved| saved.name == part || matches!(saved.name.as_str(), "directory" | "counts"));
    let unsound = |e: crate::table::PartError| ExportError::Nothing(e.to_string());
    pipeline.state_mut().restore(restored.parts).map_err(unsound)?;
    let (users, items, bytes) = write(&pipeline, kind, file, form)?;
    Ok(ExportDocument {
        model: kind.to_owned(),
        checkpoint: restored.name,
        log_time: restored.manifest.log_time.to_rfc3339(),
        users,
        items,
        file: file.to_owned(),
        bytes,
    })
}

fn newest(folder: &Path) -> Result<Restored, ExportError> {
    let mut attempt = 1;
    loop {
        let store = Arc::new(FolderStore::read_only(folder));
        match Checkpoints::open(store, 1).and_then(|mut checkpoints| checkpoints.newest()) {
            Ok(Some(restored)) => return Ok(restored),
            Ok(None) => {
                let what = format!("no checkpoint lies in {}: `reiver run` writes them", folder.display());
                return Err(ExportError::Nothing(what));
            }
            Err(_) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Writes every model of a pipeline as `FOLDER/<model>.safetensors`; makes the folder.
///
/// # Errors
/// See [`ExportError`].
pub fn export_all(pipeline: &Pipeline, folder: &Path) -> Result<(), ExportError> {
    std::fs::create_dir_all(folder)
        .map_err(|error| ExportError::Portable { file: folder.to_owned(), source: error.into() })?;
    let kinds: Vec<String> = pipeline.state().kinds().map(str::to_owned).collect();
    for kind in kinds {
        write(pipeline, &kind, &folder.join(format!("{kind}.safetensors")), ExportForm::Safetensors)?;
    }
    Ok(())
}

/// Users, items and bytes written.
fn write(pipeline: &Pipeline, kind: &str, file: &Path, form: ExportForm) -> Result<(usize, usize, u64), ExportError> {
    let fail = |source| ExportError::Portable { file: file.to_owned(), source };
    let portable = pipeline.state().portable(kind);
    let portable: Portable =
        portable.ok_or_else(|| ExportError::Nothing(format!("no model {kind} runs")))?.map_err(fail)?;
    match form {
        ExportForm::Safetensors => {
            let Contents { tensors, about } = portable.contents().map_err(fail)?;
            write_tensors(file, tensors, about).map_err(|error| fail(error.into()))?;
        }
        ExportForm::Csv => write_beside(file, |to| portable.write_csv(to)).map_err(fail)?,
    }
    let bytes = std::fs::metadata(file).map_err(|error| fail(error.into()))?.len();
    Ok((portable.users.len(), portable.items.len(), bytes))
}
