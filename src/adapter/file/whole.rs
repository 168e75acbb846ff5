//! Files that are written whole or not at all: beside their name, made durable, renamed.

use safetensors::{SafeTensorError, View};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Writes a file of tensors with one entry of metadata. One tensor at a time is held in memory. It may be read by whom
/// the user's other new files may be read by, or whom the file that it replaces could be read by.
///
/// # Errors
/// When it cannot be written; a file that was there stays.
pub fn write_tensors<V: View>(path: &Path, tensors: Vec<(String, V)>, about: (String, String)) -> io::Result<()> {
    // Made for a moment, for the rights that the system gives to new files: those of temporary ones are narrower.
    let new = !path.exists();
    let rights = OpenOptions::new().append(true).create(true).open(path)?.metadata()?.permissions();
    let about = std::iter::once(about).collect();
    let written = safetensors::serialize_to_file(tensors, Some(about), path).map_err(|error| match error {
        SafeTensorError::IoError(error) => error,
        other => io::Error::other(other.to_string()),
    });
    if let (Err(_), true) = (&written, new) {
        let _made_for_a_moment = fs::remove_file(path);
    }
    written?;
    fs::set_permissions(path, rights)?;
    File::open(path)?.sync_all()
}

/// Writes a file that `fill` fills.
///
/// # Errors
/// When it cannot be written; a file that was there stays.
pub fn write_beside<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut io::BufWriter<File>) -> Result<(), E>,
) -> Result<(), E> {
    let unfinished = unfinished(path)?;
    let write = || {
        let mut to = io::BufWriter::with_capacity(1 << 20, File::create(&unfinished)?);
        fill(&mut to)?;
        to.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(fs::rename(&unfinished, path)?)
    };
    let done = write();
    if done.is_err() {
        let _half_written = fs::remove_file(&unfinished);
    }
    done
}

fn unfinished(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"))?;
    Ok(path.with_file_name(format!(".{}.tmp", name.to_string_lossy())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_was_there_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vectors.csv");
        write_beside(&path, |to| to.write_all(b"one")).unwrap();
        let failed = write_beside(&path, |to| {
            to.write_all(b"two")?;
            Err(io::Error::other("cable cut"))
        });
        assert!(failed.unwrap_err().to_string().contains("cable cut"));
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_beside::<io::Error>(Path::new("/"), |_| Ok(())).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_of_tensors_has_the_rights_of_other_files() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (plain, path) = (folder.path().join("plain"), folder.path().join("m.safetensors"));
        fs::write(&plain, "").unwrap();
        let none = Vec::<(String, safetensors::tensor::TensorView<'_>)>::new();
        write_tensors(&path, none, ("a".to_owned(), "b".to_owned())).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&plain));
        assert!(safetensors::SafeTensors::deserialize(&fs::read(&path).unwrap()).is_ok());
        let gone = folder.path().join("no/such/folder");
        assert!(
            write_tensors(&gone, Vec::<(String, safetensors::tensor::TensorView<'_>)>::new(), Default::default())
                .is_err()
        );
    }
}
