//! Files that models begin from: found, and known again by a hash.

use crate::pipeline::WarmStart;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// Bytes of a safetensors file that say how long its header is.
const LENGTH: usize = 8;
/// A header that is longer is none.
const LONGEST: u64 = 100_000_000;
/// A header that says this holds a digest of everything behind it.
const DIGEST: &[u8] = br#"\"digest\":\""#;

/// A file for a model to begin from. Of a file whose header tells the digest of its content only the header is read: a
/// command that merely needs the settings shall not read gigabytes.
///
/// # Errors
/// When it cannot be read; with what to do.
pub fn warm_start(kind: &str, path: &Path) -> Result<WarmStart, String> {
    let hash = hash(path).map_err(|error| {
        format!("{error}; `reiver export --model {kind} --out {}` writes such a file", path.display())
    })?;
    Ok(WarmStart { kind: kind.to_owned(), path: path.to_owned(), hash })
}

fn hash(path: &Path) -> std::io::Result<u64> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut hash = Xxh3::new();
    hash.update(&size.to_le_bytes());
    let mut begin = Vec::new();
    file.by_ref().take(LENGTH as u64).read_to_end(&mut begin)?;
    let length = begin.first_chunk::<LENGTH>().map_or(u64::MAX, |bytes| u64::from_le_bytes(*bytes));
    if length <= LONGEST.min(size) {
        let mut header = Vec::new();
        file.by_ref().take(length).read_to_end(&mut header)?;
        if header.windows(DIGEST.len()).any(|part| part == DIGEST) {
            hash.update(&header);
            return Ok(hash.digest());
        }
    }
    file.seek(SeekFrom::Start(0))?;
    let mut part = vec![0; 1 << 20];
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hash.digest()),
            n => hash.update(&part[..n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_is_another_hash_and_a_digest_speaks_for_what_is_behind_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m");
        let of = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("written");
            warm_start("mf", &path).expect("read").hash
        };
        assert_ne!(of(b"id,v0\na,1\n"), of(b"id,v0\na,2\n"));
        assert_ne!(of(b""), of(b"1"));
        let with =
            |header: &str, data: &[u8]| [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat();
        let digest = r#"{"__metadata__":{"reiver":"{\"digest\":\"12\"}"}}"#;
        assert_eq!(of(&with(digest, b"ab")), of(&with(digest, b"cd")));
        assert_ne!(of(&with("{}", b"ab")), of(&with("{}", b"cd")));
        let gone = warm_start("mf", &folder.path().join("none")).expect_err("not there");
        assert!(gone.contains("reiver export --model mf"), "{gone}");
    }
}
