//! Chance from the operating system: tells processes apart. Nothing that is replayed depends on it.

use std::io::Read;

/// Eight random bytes; where the system gives none, the process id stands in.
#[must_use]
pub fn entropy() -> u64 {
    let mut bytes = [0; 8];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut bytes));
    if read.is_err() { u64::from(std::process::id()) } else { u64::from_le_bytes(bytes) }
}
