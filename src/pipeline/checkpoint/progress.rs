//! How far a restore is: the bytes read so far of all that its chain holds.

use std::io::{self, Read};

/// Counts over all files of a chain.
pub(super) struct Progress<'a> {
    read: u64,
    all: u64,
    told: &'a mut dyn FnMut(u64, u64),
}

impl<'a> Progress<'a> {
    /// Tells `told` after every read: bytes read, and bytes there are.
    pub(super) fn new(all: u64, told: &'a mut dyn FnMut(u64, u64)) -> Self {
        Self { read: 0, all, told }
    }

    fn take(&mut self, bytes: usize) {
        self.read += bytes as u64;
        // A file that grew while it was read is damage, and told as such; here it is never more than all.
        (self.told)(self.read.min(self.all), self.all);
    }
}

/// A reader that counts.
pub(super) struct Counting<'p, 'a, R> {
    from: R,
    progress: &'p mut Progress<'a>,
}

impl<'p, 'a, R> Counting<'p, 'a, R> {
    pub(super) const fn new(from: R, progress: &'p mut Progress<'a>) -> Self {
        Self { from, progress }
    }
}

impl<R: Read> Read for Counting<'_, '_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.from.read(into)?;
        self.progress.take(bytes);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_read_is_told_over_all_files() {
        let mut seen = Vec::new();
        let mut told = |read, all| seen.push((read, all));
        let mut progress = Progress::new(10, &mut told);
        for file in [&b"abcdef"[..], b"ghij"] {
            let mut from = Counting::new(file, &mut progress);
            let mut four = [0; 4];
            while from.read(&mut four).expect("memory") > 0 {}
        }
        assert_eq!(seen, [(4, 10), (6, 10), (6, 10), (10, 10), (10, 10)]);
    }
}
