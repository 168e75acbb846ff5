//! What a file says of itself: the metadata `reiver` of a safetensors file, as JSON.

use super::problem::PortableError;
use crate::event::Time;
use crate::learn::{ModelConfig, registry};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format written, and the only one read.
pub const FORMAT: u32 = 1;
/// Parameters that the numbers of a model stand on: where they differ, a file cannot be taken over.
const BASE: [(&str, &str); 3] = [("dimensions", ""), ("hidden", ""), ("half_life", " ms")];

/// Which model a file holds, and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The format of the file.
    pub format: u32,
    /// The model's registry name.
    pub kind: String,
    /// All its parameters, also those that were not set; times in milliseconds.
    pub parameters: BTreeMap<String, f64>,
    /// The hash of the parameters, 16 hexadecimal digits: the same as in checkpoints.
    pub params_hash: String,
    /// The version that wrote it.
    pub reiver: String,
    /// XXH3-128 of all tensors, names and bytes in the order of names, 32 hexadecimal digits: tells damage. A file that
    /// somebody made anew may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Log time up to which the model learned, milliseconds; of a model that read nothing, the least number.
    pub log_time: i64,
}

impl About {
    /// Of a model of this program.
    #[must_use]
    pub fn of(kind: &str, config: &ModelConfig, log_time: Time) -> Self {
        Self {
            format: FORMAT,
            kind: kind.to_owned(),
            parameters: registry::parameters(kind, config),
            params_hash: format!("{:016x}", config.params_hash(kind)),
            reiver: env!("CARGO_PKG_VERSION").to_owned(),
            digest: None,
            log_time: log_time.0,
        }
    }

    /// Reads what a file says.
    ///
    /// # Errors
    /// When it is not what this version writes; a newer format is told apart.
    pub(super) fn read(text: &str) -> Result<Self, PortableError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let broken = |e: serde_json::Error| PortableError::NotOurs(format!("its metadata cannot be read: {e}"));
        let Format { format } = serde_json::from_str(text).map_err(broken)?;
        if format != FORMAT {
            return Err(PortableError::Format(format));
        }
        serde_json::from_str(text).map_err(broken)
    }

    /// Whether a model of this kind and these parameters can take the file over.
    ///
    /// # Errors
    /// [`PortableError::Kind`] or [`PortableError::Parameter`].
    pub(super) fn fits(&self, kind: &str, config: &ModelConfig) -> Result<(), PortableError> {
        if self.kind != kind {
            return Err(PortableError::Kind { file: self.kind.clone(), wanted: kind.to_owned() });
        }
        let ours = registry::parameters(kind, config);
        for (name, unit) in BASE {
            let (file, wanted) = (self.parameters.get(name), ours.get(name));
            if file != wanted {
                let told = |x: Option<&f64>| x.map_or_else(|| "none".to_owned(), |x| format!("{x}{unit}"));
                let (name, kind) = (name.to_owned(), kind.to_owned());
                return Err(PortableError::Parameter { kind, name, file: told(file), wanted: told(wanted) });
            }
        }
        Ok(())
    }
}
