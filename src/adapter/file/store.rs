//! Checkpoints in a folder: written beside their name, made durable, renamed; one process at a time.

use crate::port::{CheckpointStore, StoreError};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The file that is locked while a process uses the folder.
const LOCK: &str = "lock";
/// What a blob's name ends with while it is not complete.
const UNFINISHED: &str = ".tmp";

/// Why a state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process has it.
    #[error(
        "the state folder {} is in use by another reiver{holder}: stop that one, or give this one a folder of its own \
         ([state] path)", .folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// " (process 123)" where known.
        holder: String,
    },
    /// It cannot be made, opened or listed.
    #[error("the state folder {}: {source}; it must be a folder that this user may write to", .folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A folder of named blobs. While it is held, no other process gets it; the lock ends with the process, however it
/// ends. Names must not begin with a dot.
#[derive(Debug)]
pub struct FolderStore {
    folder: PathBuf,
    /// `None`: for reading only.
    lock: Option<File>,
}

impl FolderStore {
    /// Makes the folder where needed, locks it, and removes what a killed process left unfinished.
    ///
    /// # Errors
    /// When another process has it, or it cannot be written to.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, FolderError> {
        let folder = folder.into();
        let fail = |source| FolderError::Io { folder: folder.clone(), source };
        fs::create_dir_all(&folder).map_err(fail)?;
        let path = folder.join(LOCK);
        let mut lock =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let text = fs::read_to_string(&path).unwrap_or_default();
                let holder = text.trim().parse().map(|id: u32| format!(" (process {id})")).unwrap_or_default();
                return Err(FolderError::InUse { folder, holder });
            }
            Err(TryLockError::Error(source)) => return Err(fail(source)),
        }
        // Only helps a person to find us; a full disk must not keep us from starting.
        let _ = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
        let store = Self { folder: folder.clone(), lock: Some(lock) };
        for name in store.names().map_err(fail)? {
            if name.starts_with('.') && name.ends_with(UNFINISHED) {
                fs::remove_file(folder.join(name)).map_err(fail)?;
            }
        }
        Ok(store)
    }

    /// For looking only, also while another process has the folder. Writing and removing fail.
    #[must_use]
    pub fn read_only(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), lock: None }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            // Names that are not text are not ours.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The paths of a blob: complete and unfinished.
    fn paths(&self, name: &str) -> io::Result<(PathBuf, PathBuf)> {
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) || name == LOCK {
            return Err(io::Error::new(ErrorKind::InvalidInput, "not a name for a blob"));
        }
        Ok((self.folder.join(name), self.folder.join(format!(".{name}{UNFINISHED}"))))
    }

    fn writable(&self) -> io::Result<()> {
        match self.lock {
            Some(_) => Ok(()),
            None => Err(io::Error::new(ErrorKind::PermissionDenied, "the folder was opened for reading only")),
        }
    }

    /// Makes a rename or a removal durable.
    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn try_write(&self, name: &str, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        self.writable()?;
        let (path, unfinished) = self.paths(name)?;
        let done = write_durably(&unfinished, fill).and_then(|()| fs::rename(&unfinished, &path));
        if done.is_err() {
            // What is half written must not take the space that the next attempt needs.
            let _ = fs::remove_file(&unfinished);
        }
        done.and_then(|()| self.sync_folder())
    }

    fn try_remove(&self, name: &str) -> io::Result<()> {
        self.writable()?;
        match fs::remove_file(self.paths(name)?.0) {
            Ok(()) => self.sync_folder(),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(e),
        }
    }
}

fn write_durably(path: &Path, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut to = BufWriter::with_capacity(1 << 20, File::create(path)?);
    fill(&mut to)?;
    to.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn store_error(name: &str, source: io::Error) -> StoreError {
    let name = name.to_owned();
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full { name },
        _ => StoreError::Io { name, source },
    }
}

impl CheckpointStore for FolderStore {
    fn list(&self) -> Result<Vec<String>, StoreError> {
        let names = match self.names() {
            Ok(names) => names,
            // Looking at a folder that was never made: nothing there.
            Err(e) if e.kind() == ErrorKind::NotFound && self.lock.is_none() => Vec::new(),
            Err(e) => return Err(store_error(&self.folder.display().to_string(), e)),
        };
        Ok(names.into_iter().filter(|n| !n.starts_with('.') && n != LOCK).collect())
    }

    fn write(&self, name: &str, fill: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> Result<(), StoreError> {
        self.try_write(name, fill).map_err(|e| store_error(name, e))
    }

    fn read(&self, name: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        let open = || File::open(self.paths(name)?.0);
        Ok(Box::new(open().map_err(|e| store_error(name, e))?))
    }

    fn size(&self, name: &str) -> Result<u64, StoreError> {
        let size = || Ok(fs::metadata(self.paths(name)?.0)?.len());
        size().map_err(|e| store_error(name, e))
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.try_remove(name).map_err(|e| store_error(name, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(store: &FolderStore, name: &str) -> String {
        let mut s = String::new();
        store.read(name).unwrap().read_to_string(&mut s).unwrap();
        s
    }

    #[test]
    fn one_process_at_a_time_and_lookers_at_any() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("deep/state");
        let looker = FolderStore::read_only(&folder);
        assert!(looker.list().unwrap().is_empty());
        let store = FolderStore::open(&folder).unwrap();
        let why = FolderStore::open(&folder).unwrap_err().to_string();
        let me = format!("in use by another reiver (process {})", std::process::id());
        assert!(why.contains(&me) && why.contains("deep/state") && why.contains("[state] path"), "{why}");
        store.write("a", &mut |to| to.write_all(b"one")).unwrap();
        assert_eq!(text(&looker, "a"), "one");
        assert!(matches!(looker.remove("a"), Err(StoreError::Io { .. })));
        assert!(looker.write("b", &mut |_| Ok(())).is_err());
        drop(store);
        FolderStore::open(&folder).unwrap();
    }

    #[test]
    fn whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let store = FolderStore::open(dir.path()).unwrap();
        store.write("a", &mut |to| to.write_all(b"one")).unwrap();
        let failed = store.write("a", &mut |to| {
            to.write_all(&[b'x'; 5_000_000])?;
            Err(io::Error::other("cable cut"))
        });
        assert!(failed.unwrap_err().to_string().contains("cable cut"));
        assert_eq!(text(&store, "a"), "one");
        assert_eq!(store.list().unwrap(), ["a"]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "only the blob and the lock");
        store.write("a", &mut |to| to.write_all(b"two")).unwrap();
        assert_eq!(text(&store, "a"), "two");
        store.remove("a").unwrap();
        store.remove("a").unwrap();
        assert!(matches!(store.read("a"), Err(StoreError::Io { .. })));
        for bad in ["", ".a", "../a", "a/b", "lock"] {
            assert!(store.write(bad, &mut |_| Ok(())).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_killed_process_left_is_never_listed_and_goes() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".a.tmp"), b"half").unwrap();
        assert!(FolderStore::read_only(dir.path()).list().unwrap().is_empty());
        let store = FolderStore::open(dir.path()).unwrap();
        assert!(store.list().unwrap().is_empty());
        assert!(!dir.path().join(".a.tmp").exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_has_its_own_error() {
        let dir = tempfile::tempdir().unwrap();
        let store = FolderStore::open(dir.path()).unwrap();
        std::os::unix::fs::symlink("/dev/full", dir.path().join(".a.tmp")).unwrap();
        let failed = store.write("a", &mut |to| to.write_all(b"one"));
        assert!(matches!(failed, Err(StoreError::Full { name }) if name == "a"));
        store.write("a", &mut |to| to.write_all(b"one")).unwrap();
        assert_eq!(text(&store, "a"), "one");
    }
}
