//! Checksummed pieces of a checkpoint file.
//!
//! A file is `REIVERCP`, the format as u32, then sections. A section is a head of 24 bytes (tag u32, size u64,
//! packed size u64, CRC-32 of those 20 bytes and of what follows, u32) and its content packed by zstd. The last
//! section has the tag [`Tag::End`]; its content is the number of sections before it (u64) and the XXH3-128 of
//! their heads: the file's fingerprint, by which a delta knows its parent. All numbers are little-endian.

use std::io::{self, Read, Write};
use xxhash_rust::xxh3::Xxh3;

/// The format written, and the only one read.
pub const FORMAT: u32 = 1;

const MAGIC: &[u8; 8] = b"REIVERCP";
const HEAD: usize = 24;
/// Content that no section of ours reaches; a larger size is damage, and nothing is allocated for it.
const LARGEST: u64 = 4 << 30;
/// zstd's fastest level: embeddings hardly shrink at any.
const LEVEL: i32 = 1;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// JSON: manifest and parts; the first section.
    Header = 1,
    /// The blob of a part.
    Blob = 2,
    /// Pages of one table.
    Pages = 3,
    /// Ends the file.
    End = 4,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// Not a checkpoint of ours.
    #[error("it is not a checkpoint")]
    Magic,
    /// Another program version wrote it.
    #[error("its format {0} is not {FORMAT}, the one this version reads")]
    Format(u32),
    /// The bytes are not what was written.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It ends too early.
    #[error("it is cut off")]
    CutOff,
    /// The system failed to read it.
    #[error("it cannot be read: {0}")]
    Io(io::Error),
}

impl From<io::Error> for Unusable {
    fn from(e: io::Error) -> Self {
        if e.kind() == io::ErrorKind::UnexpectedEof { Self::CutOff } else { Self::Io(e) }
    }
}

/// Shorthand for damage.
pub(super) fn damaged<T>(what: impl Into<String>) -> Result<T, Unusable> {
    Err(Unusable::Damaged(what.into()))
}

/// Writes a file's sections.
pub(super) struct SectionWriter<'a> {
    to: &'a mut dyn Write,
    heads: Xxh3,
    sections: u64,
    /// Bytes written.
    pub(super) bytes: u64,
}

impl<'a> SectionWriter<'a> {
    /// Begins a file.
    pub(super) fn new(to: &'a mut dyn Write) -> io::Result<Self> {
        to.write_all(MAGIC)?;
        to.write_all(&FORMAT.to_le_bytes())?;
        Ok(Self { to, heads: Xxh3::new(), sections: 0, bytes: (MAGIC.len() + 4) as u64 })
    }

    /// Writes a section.
    pub(super) fn put(&mut self, tag: Tag, content: &[u8]) -> io::Result<()> {
        let packed = zstd::bulk::compress(content, LEVEL)?;
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&(tag as u32).to_le_bytes());
        head[4..12].copy_from_slice(&(content.len() as u64).to_le_bytes());
        head[12..20].copy_from_slice(&(packed.len() as u64).to_le_bytes());
        let crc = checksum(&head[..20], &packed);
        head[20..].copy_from_slice(&crc.to_le_bytes());
        self.to.write_all(&head)?;
        self.to.write_all(&packed)?;
        self.heads.update(&head);
        self.sections += 1;
        self.bytes += (HEAD + packed.len()) as u64;
        Ok(())
    }

    /// Ends the file; returns its fingerprint and its bytes.
    pub(super) fn end(mut self) -> io::Result<(u128, u64)> {
        let fingerprint = self.heads.digest128();
        let mut content = self.sections.to_le_bytes().to_vec();
        content.extend(fingerprint.to_le_bytes());
        self.put(Tag::End, &content)?;
        Ok((fingerprint, self.bytes))
    }
}

/// Reads a file's sections, each checked before it is given out.
pub(super) struct SectionReader<R> {
    from: R,
    heads: Xxh3,
    sections: u64,
}

impl<R: Read> SectionReader<R> {
    /// Begins a file.
    pub(super) fn new(mut from: R) -> Result<Self, Unusable> {
        let mut magic = [0; 8];
        from.read_exact(&mut magic)?;
        if &magic != MAGIC {
            return Err(Unusable::Magic);
        }
        let mut format = [0; 4];
        from.read_exact(&mut format)?;
        match u32::from_le_bytes(format) {
            FORMAT => Ok(Self { from, heads: Xxh3::new(), sections: 0 }),
            other => Err(Unusable::Format(other)),
        }
    }

    /// The content of the next section, which must have this tag.
    pub(super) fn take(&mut self, tag: Tag) -> Result<Vec<u8>, Unusable> {
        let mut head = [0; HEAD];
        self.from.read_exact(&mut head)?;
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let long = |at: usize| u64::from(word(at)) | (u64::from(word(at + 4)) << 32);
        let (size, packed_size) = (long(4), long(12));
        if size > LARGEST || packed_size > LARGEST {
            return damaged(format!("section {} claims {size} bytes", self.sections));
        }
        // Grows with what is there, so that a wrong size cannot claim memory.
        let mut packed = Vec::new();
        (&mut self.from).take(packed_size).read_to_end(&mut packed)?;
        if (packed.len() as u64) < packed_size {
            return Err(Unusable::CutOff);
        }
        if checksum(&head[..20], &packed) != word(20) {
            return damaged(format!("checksum of section {}", self.sections));
        }
        if word(0) != tag as u32 {
            return damaged(format!("section {} has tag {}, not {tag:?}", self.sections, word(0)));
        }
        if tag != Tag::End {
            self.heads.update(&head);
            self.sections += 1;
        }
        let content = zstd::bulk::decompress(&packed, size as usize)?;
        if content.len() as u64 != size {
            return damaged(format!("size of section {}", self.sections));
        }
        Ok(content)
    }

    /// Reads the end and what must not follow it; returns the fingerprint.
    pub(super) fn end(mut self) -> Result<u128, Unusable> {
        let fingerprint = self.heads.digest128();
        let mut want = self.sections.to_le_bytes().to_vec();
        want.extend(fingerprint.to_le_bytes());
        if self.take(Tag::End)? != want {
            return damaged("its sections are not those that were written");
        }
        if self.from.read(&mut [0])? != 0 {
            return damaged("bytes after its end");
        }
        Ok(fingerprint)
    }
}

fn checksum(head: &[u8], packed: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(head);
    crc.update(packed);
    crc.finalize()
}
