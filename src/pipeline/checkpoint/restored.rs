//! What comes back from checkpoints, and whether it fits the program and settings of today.

use super::snapshot::Manifest;
use crate::table::{Part, PartError, Table};
use std::collections::BTreeMap;
use std::fmt;

/// A checkpoint that was passed over, and why: to be shown, never swallowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its name.
    pub name: String,
    /// Why it cannot be used.
    pub why: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "checkpoint {} cannot be used: {}", self.name, self.why)
    }
}

/// The newest state that could be read whole.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The name of its checkpoint.
    pub name: String,
    /// Where everything stood.
    pub manifest: Manifest,
    /// The parts.
    pub parts: Vec<RestoredPart>,
    /// Newer checkpoints that are damaged, newest first. Not empty means: this is older than it should be.
    pub skipped: Vec<Skipped>,
}

impl Restored {
    /// Takes a part out.
    pub fn take(&mut self, name: &str) -> Option<RestoredPart> {
        let at = self.parts.iter().position(|p| p.name == name)?;
        Some(self.parts.swap_remove(at))
    }
}

/// A part as it was saved.
#[derive(Clone, Debug)]
pub struct RestoredPart {
    /// The part's name.
    pub name: String,
    /// The hash of the parameters it was saved under.
    pub params_hash: u64,
    /// The version of its layout.
    pub version: u32,
    /// Its tables.
    pub tables: Vec<(String, Table)>,
    /// Everything else.
    pub blob: Vec<u8>,
}

impl RestoredPart {
    /// Moves tables and blob into a part that was made with the same parameters.
    ///
    /// # Errors
    /// When tables are missing, left over, or of another width, or the part refuses the blob. The part is of no
    /// use then: make a new one.
    pub fn fill<P: Part + ?Sized>(self, part: &mut P) -> Result<(), PartError> {
        let name = &self.name;
        let mut saved: BTreeMap<String, Table> = self.tables.into_iter().collect();
        for (table_name, table) in part.tables_mut() {
            match saved.remove(&table_name) {
                Some(t) if t.width() == table.width() => *table = t,
                Some(t) => {
                    let (was, is) = (t.width(), table.width());
                    return Err(PartError(format!("{name}: rows of {table_name} had {was} words, now {is}")));
                }
                None => return Err(PartError(format!("{name}: table {table_name} was not saved"))),
            }
        }
        if let Some((left, _)) = saved.first_key_value() {
            return Err(PartError(format!("{name}: table {left} has no place any more")));
        }
        part.restore(&self.blob).map_err(|e| PartError(format!("{name}: {e}")))
    }
}

/// A part that the settings of today ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its name.
    pub name: String,
    /// The hash of its parameters.
    pub params_hash: u64,
    /// The version of its layout.
    pub version: u32,
    /// The oldest version that it can still take over.
    pub oldest: u32,
}

/// What becomes of a part at a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on as it was.
    Keep,
    /// It is taken over from an older layout.
    Migrate {
        /// The version it was saved under.
        from: u32,
    },
    /// It starts empty although something was saved: needs somebody's consent.
    Reset {
        /// Why.
        why: String,
    },
    /// It was not there before.
    New,
    /// It was saved, and nothing asks for it any more: needs somebody's consent.
    Dropped,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep => f.write_str("keep"),
            Self::Migrate { from } => write!(f, "migrate (from version {from})"),
            Self::Reset { why } => write!(f, "reset ({why})"),
            Self::New => f.write_str("new"),
            Self::Dropped => f.write_str("dropped (no longer configured)"),
        }
    }
}

/// What becomes of every part, in the order expected, then what is dropped.
#[must_use]
pub fn compare(saved: &[RestoredPart], expected: &[Expected]) -> Vec<(String, Verdict)> {
    let verdict = |e: &Expected| match saved.iter().find(|s| s.name == e.name) {
        None => Verdict::New,
        Some(s) if s.params_hash != e.params_hash => {
            Verdict::Reset { why: format!("parameters changed: {:016x} to {:016x}", s.params_hash, e.params_hash) }
        }
        Some(s) if s.version == e.version => Verdict::Keep,
        Some(s) if s.version > e.version => {
            Verdict::Reset { why: format!("saved by a newer program: version {}, ours {}", s.version, e.version) }
        }
        Some(s) if s.version >= e.oldest => Verdict::Migrate { from: s.version },
        Some(s) => Verdict::Reset { why: format!("version {} is older than {}, the oldest read", s.version, e.oldest) },
    };
    let dropped = saved.iter().filter(|s| expected.iter().all(|e| e.name != s.name));
    let known = expected.iter().map(|e| (e.name.clone(), verdict(e)));
    known.chain(dropped.map(|s| (s.name.clone(), Verdict::Dropped))).collect()
}
