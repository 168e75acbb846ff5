//! Bases, and deltas on top of them: which to write, which to trust, which to remove.

use super::file::{self, Parent};
use super::progress::{Counting, Progress};
use super::restored::{Restored, RestoredPart, Skipped};
use super::section::Unusable;
use super::snapshot::{Manifest, Snapshot};
use crate::port::{CheckpointStore, StoreError};
use crate::table::{Lineage, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read};
use std::sync::Arc;

/// How the names of checkpoints begin.
const PREFIX: &str = "checkpoint-";
/// After this many deltas comes a base: a restore reads them all.
const DELTAS: usize = 20;

/// Why a checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The disk is full. Nothing is lost: the next one holds all changes since the last that was written.
    #[error("the disk is full: checkpoint {0} is not written")]
    Full(String),
    /// The store failed otherwise.
    #[error("checkpoints: {0}")]
    Store(#[from] StoreError),
    /// There are checkpoints, and none can be used. Starting empty instead is for a person to decide.
    #[error("no checkpoint can be used: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NoneUsable(Vec<Skipped>),
}

/// A checkpoint that is durable now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Whether it stands alone.
    pub base: bool,
    /// Checkpoints that were removed since newer ones replace them.
    pub removed: Vec<String>,
    /// Why some could not be removed; the checkpoint itself is safe.
    pub trouble: Option<String>,
}

/// The chain that this process writes.
#[derive(Debug)]
struct Chain {
    newest: Parent,
    base_bytes: u64,
    delta_bytes: u64,
    deltas: usize,
    /// By part and table: which table the newest durable checkpoint holds, up to which stamp.
    durable: BTreeMap<(String, String), (Lineage, u64)>,
}

/// Reads the newest state from a store and writes further ones, on whatever thread owns it.
///
/// The first checkpoint of a process is a base, and so is one after 20 deltas or when the deltas outgrow their base.
pub struct Checkpoints {
    store: Arc<dyn CheckpointStore>,
    keep: usize,
    /// The number of the next checkpoint. Numbers are never used twice, also after a failure.
    next: u64,
    chain: Option<Chain>,
    /// By name: the name that a usable checkpoint builds on.
    parents: BTreeMap<String, Option<String>>,
    /// Found damaged.
    bad: BTreeMap<String, String>,
}

impl Checkpoints {
    /// Looks at what a store holds. `keep` (at least 1) is how many restore points stay when newer ones are written.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub fn open(store: Arc<dyn CheckpointStore>, keep: usize) -> Result<Self, CheckpointError> {
        let names: Vec<String> = store.list()?.into_iter().filter(|n| number(n).is_some()).collect();
        let next = names.iter().filter_map(|n| number(n)).max().map_or(1, |n| n + 1);
        let mut parents = BTreeMap::new();
        let mut bad = BTreeMap::new();
        for name in names {
            match read(&*store, &name, file::read_header) {
                Ok(header) => {
                    parents.insert(name, header.parent.map(|p| p.name));
                }
                Err(why) => {
                    bad.insert(name, why);
                }
            }
        }
        Ok(Self { store, keep: keep.max(1), next, chain: None, parents, bad })
    }

    /// Reads the newest state that is whole: all of it checked, parents included. What had to be passed over is
    /// named in the answer. `None`: there is no checkpoint at all.
    ///
    /// # Errors
    /// [`CheckpointError::NoneUsable`] when there are checkpoints and all are damaged.
    pub fn newest(&mut self) -> Result<Option<Restored>, CheckpointError> {
        self.newest_told(&mut |_, _| {})
    }

    /// The same, and tells while it reads: bytes read, and bytes there are to read.
    ///
    /// # Errors
    /// [`CheckpointError::NoneUsable`] when there are checkpoints and all are damaged.
    pub fn newest_told(&mut self, told: &mut dyn FnMut(u64, u64)) -> Result<Option<Restored>, CheckpointError> {
        let names: BTreeSet<String> = self.parents.keys().chain(self.bad.keys()).cloned().collect();
        let mut skipped = Vec::new();
        for name in names.into_iter().rev() {
            match self.restore(&name, told) {
                Ok((manifest, parts)) => return Ok(Some(Restored { name, manifest, parts, skipped })),
                Err(why) => skipped.push(Skipped { name, why }),
            }
        }
        if skipped.is_empty() { Ok(None) } else { Err(CheckpointError::NoneUsable(skipped)) }
    }

    /// Reads one state, from its base on. Files found damaged are remembered.
    fn restore(&mut self, name: &str, told: &mut dyn FnMut(u64, u64)) -> Result<(Manifest, Vec<RestoredPart>), String> {
        let mut below: Option<(Parent, Manifest)> = None;
        let mut parts = Vec::new();
        let links = self.links(name)?;
        // What has no size has a reason, which reading it tells.
        let all = links.iter().map(|link| self.store.size(link).unwrap_or_default()).sum();
        let mut progress = Progress::new(all, told);
        for link in links {
            let parent = below.as_ref().map(|b| &b.0);
            let lower = std::mem::take(&mut parts);
            match read(&*self.store, &link, |from| file::read_onto(Counting::new(from, &mut progress), parent, lower)) {
                Ok((manifest, restored, fingerprint)) => {
                    parts = restored;
                    below = Some((Parent { name: link, fingerprint }, manifest));
                }
                Err(why) => {
                    self.parents.remove(&link);
                    let told = if link == name { why.clone() } else { format!("it builds on {link}: {why}") };
                    self.bad.insert(link, why);
                    return Err(told);
                }
            }
        }
        below.map(|(_, manifest)| (manifest, parts)).ok_or_else(|| "it is missing".to_owned())
    }

    /// The names from base to `name`.
    fn links(&self, name: &str) -> Result<Vec<String>, String> {
        let mut links = vec![name.to_owned()];
        let mut at = name.to_owned();
        loop {
            if let Some(why) = self.bad.get(&at) {
                return Err(if at == name { why.clone() } else { format!("it builds on {at}: {why}") });
            }
            match self.parents.get(&at) {
                None => return Err(format!("it builds on {at}, which is missing")),
                Some(None) => break,
                // Parents are older: names that lead in circles are damage.
                Some(Some(parent)) if number(parent) < number(&at) => at.clone_from(parent),
                Some(Some(parent)) => return Err(format!("{at} builds on {parent}, which is newer")),
            }
            links.push(at.clone());
        }
        links.reverse();
        Ok(links)
    }

    /// Writes a snapshot durably, as a base or as what changed since the last durable one, then removes what `keep`
    /// allows to remove.
    ///
    /// # Errors
    /// When it cannot be written. The next one then holds all changes since the last that was.
    pub fn save(&mut self, snapshot: Snapshot) -> Result<Saved, CheckpointError> {
        let rebase = |c: &Chain| c.deltas >= DELTAS || c.delta_bytes >= c.base_bytes;
        let chain = self.chain.as_ref().filter(|c| !rebase(c));
        let base = chain.is_none();
        let name = format!("{PREFIX}{:012}-{}", self.next, if base { "base" } else { "delta" });
        self.next += 1;
        let parent = chain.map(|c| c.newest.clone());
        let since = |part: &str, table_name: &str, table: &Table| {
            let (lineage, stamp) = chain?.durable.get(&(part.to_owned(), table_name.to_owned()))?;
            // A table made anew, or one whose stamp did not move, is taken whole.
            (*lineage == table.lineage() && table.stamp() > *stamp).then_some(*stamp)
        };
        let mut written = (0, 0);
        let result = self.store.write(&name, &mut |to| {
            written = file::write(to, &snapshot, parent.clone(), &since)?;
            Ok(())
        });
        if let Err(e) = result {
            // The durable chain is what it was: the next delta holds what this one would have.
            return Err(match e {
                StoreError::Full { name } => CheckpointError::Full(name),
                other => CheckpointError::Store(other),
            });
        }
        let (fingerprint, bytes) = written;
        self.parents.insert(name.clone(), parent.map(|p| p.name));
        self.chain = Some(Chain {
            newest: Parent { name: name.clone(), fingerprint },
            base_bytes: chain.map_or(bytes, |c| c.base_bytes),
            delta_bytes: chain.map_or(0, |c| c.delta_bytes + bytes),
            deltas: chain.map_or(0, |c| c.deltas + 1),
            durable: stamps(&snapshot),
        });
        let (removed, trouble) = self.prune();
        Ok(Saved { name, bytes, base, removed, trouble })
    }

    /// Removes what none of the `keep` newest restore points needs. Damaged files do not count as restore points.
    fn prune(&mut self) -> (Vec<String>, Option<String>) {
        let mut needed = BTreeSet::new();
        let mut points = 0;
        let mut oldest = String::new();
        for name in self.parents.keys().rev() {
            if points == self.keep {
                break;
            }
            if let Ok(links) = self.links(name) {
                needed.extend(links);
                points += 1;
                oldest.clone_from(name);
            }
        }
        if points < self.keep {
            return (Vec::new(), None);
        }
        let known = self.parents.keys().chain(self.bad.keys());
        let mut spare: Vec<String> = known.filter(|n| **n < oldest && !needed.contains(*n)).cloned().collect();
        // Children before their parents: a crash in between leaves nothing that builds on nothing.
        spare.sort_unstable_by(|a, b| b.cmp(a));
        let mut removed = Vec::new();
        for name in spare {
            if let Err(e) = self.store.remove(&name) {
                return (removed, Some(e.to_string()));
            }
            self.parents.remove(&name);
            self.bad.remove(&name);
            removed.push(name);
        }
        (removed, None)
    }
}

/// Up to which stamp a snapshot holds each table.
fn stamps(snapshot: &Snapshot) -> BTreeMap<(String, String), (Lineage, u64)> {
    let tables = snapshot.parts.iter().flat_map(|p| p.tables.iter().map(|(name, t)| (p.name.clone(), name, t)));
    tables.map(|(part, name, t)| ((part, name.clone()), (t.lineage(), t.stamp()))).collect()
}

/// The number in a checkpoint's name; `None` for the name of something else. Names sort by it.
fn number(name: &str) -> Option<u64> {
    let rest = name.strip_prefix(PREFIX)?;
    let digits = rest.strip_suffix("-base").or_else(|| rest.strip_suffix("-delta"))?;
    (digits.len() == 12).then(|| digits.parse().ok())?
}

/// Opens a blob and reads it; failures as text for the one who has to judge them.
fn read<T>(
    store: &dyn CheckpointStore,
    name: &str,
    with: impl FnOnce(BufReader<Box<dyn Read + Send>>) -> Result<T, Unusable>,
) -> Result<T, String> {
    let from = store.read(name).map_err(|e| e.to_string())?;
    with(BufReader::with_capacity(1 << 18, from)).map_err(|e| e.to_string())
}
