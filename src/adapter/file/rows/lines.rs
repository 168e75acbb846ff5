//! Lines of bounded length, from a file that may be gzipped.

use super::problem::FileError;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What every gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const BUFFER: usize = 128 << 10;

/// Counts the bytes that were read, for progress.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// The lines of a file.
pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
    /// The number of the line read last, from 1.
    pub(super) number: u64,
    read: Arc<AtomicU64>,
    size: u64,
}

impl Lines {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let open = || -> io::Result<Self> {
            let file = File::open(path)?;
            // A directory opens, but has no bytes; a pipe has, but no size.
            if file.metadata()?.is_dir() {
                return Err(io::Error::from(io::ErrorKind::IsADirectory));
            }
            let (size, read) = (file.metadata()?.len(), Arc::new(AtomicU64::new(0)));
            let mut plain = BufReader::with_capacity(BUFFER, Counted { inner: file, read: Arc::clone(&read) });
            let reader: Box<dyn BufRead + Send> = if plain.fill_buf()?.starts_with(&GZIP) {
                Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(plain)))
            } else {
                Box::new(plain)
            };
            Ok(Self { reader, number: 0, read, size })
        };
        open().map_err(|source| FileError::Open { path: path.to_owned(), source })
    }

    /// Lines of anything.
    pub(super) fn over(reader: Box<dyn BufRead + Send>) -> Self {
        Self { reader, number: 0, read: Arc::default(), size: 0 }
    }

    /// The part of the file that was read, 0 to 1; 0 where it has no size.
    pub(super) fn progress(&self) -> f64 {
        if self.size == 0 { 0.0 } else { (self.read.load(Ordering::Relaxed) as f64 / self.size as f64).min(1.0) }
    }

    /// Reads the next line into `line`, without its end (`\n` or `\r\n`); `false` at the end of the file. Of a line
    /// longer than `limit`, `limit + 1` bytes are kept and the rest is skipped, so that memory stays bounded.
    pub(super) fn next(&mut self, limit: usize, line: &mut Vec<u8>) -> Result<bool, FileError> {
        line.clear();
        self.number += 1;
        let failed = |number| move |source| FileError::Read { line: number, source };
        let mut any = false;
        loop {
            let buffer = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other.map_err(failed(self.number))?,
            };
            if buffer.is_empty() {
                break;
            }
            any = true;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let part = &buffer[..end.unwrap_or(buffer.len())];
            // One byte over the limit, and one for a `\r` that does not count.
            let room = (limit + 2).saturating_sub(line.len());
            line.extend_from_slice(&part[..part.len().min(room)]);
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        line.truncate(limit + 1);
        Ok(any)
    }
}
