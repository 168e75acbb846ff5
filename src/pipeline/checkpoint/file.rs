//! One checkpoint as bytes: a header that names parts and tables, then blobs and pages in the header's order.

use super::restored::RestoredPart;
use super::section::{SectionReader, SectionWriter, Tag, Unusable, damaged};
use super::snapshot::{Manifest, PartSnapshot, Snapshot, hex_in, hex_out};
use crate::table::{Table, little_endian};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// Pages are gathered into sections of about this many bytes.
const SECTION_BYTES: usize = 1 << 20;

/// The checkpoint that a delta builds on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parent {
    /// Its name in the store.
    pub(super) name: String,
    /// Its fingerprint: another file under the same name is not it.
    #[serde(serialize_with = "hex_out", deserialize_with = "hex_in")]
    pub(super) fingerprint: u128,
}

/// The first section.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Header {
    /// What a delta builds on; `None` in a base.
    pub(super) parent: Option<Parent>,
    pub(super) manifest: Manifest,
    pub(super) parts: Vec<PartHeader>,
}

/// A part in the header.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PartHeader {
    name: String,
    params_hash: u64,
    version: u32,
    tables: Vec<TableHeader>,
}

/// A table in the header.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct TableHeader {
    name: String,
    width: usize,
    len: usize,
    /// Whether all its pages follow, or only those changed since the parent.
    whole: bool,
    /// How many pages follow.
    pages: usize,
}

/// Which pages of a table a file takes: all, or those with a later stamp.
pub(super) type Since<'a> = dyn Fn(&str, &str, &Table) -> Option<u64> + 'a;

/// The pages to be written: in whole tables those that are not zeros, else those changed, zeros or not.
fn selected(table: &Table, since: Option<u64>) -> impl Iterator<Item = (usize, &[u32])> {
    table.pages().filter_map(move |(no, stamp, words)| {
        let taken = match since {
            Some(saved) => stamp > saved,
            None => words.iter().any(|w| *w != 0),
        };
        taken.then_some((no, words))
    })
}

/// Writes a snapshot; returns the file's fingerprint and size. `since` tells, by part and table, the stamp up to
/// which the parent has the pages.
///
/// # Errors
/// When the bytes cannot be written.
pub(super) fn write(
    to: &mut dyn Write,
    snapshot: &Snapshot,
    parent: Option<Parent>,
    since: &Since<'_>,
) -> io::Result<(u128, u64)> {
    let part_header = |part: &PartSnapshot| PartHeader {
        name: part.name.clone(),
        params_hash: part.params_hash,
        version: part.version,
        tables: (part.tables.iter().map(|(name, table)| {
            let from = since(&part.name, name, table);
            TableHeader {
                name: name.clone(),
                width: table.width(),
                len: table.len(),
                whole: from.is_none(),
                pages: selected(table, from).count(),
            }
        }))
        .collect(),
    };
    let parts = snapshot.parts.iter().map(part_header).collect();
    let header = Header { parent, manifest: snapshot.manifest.clone(), parts };
    let mut out = SectionWriter::new(to)?;
    out.put(Tag::Header, &serde_json::to_vec(&header)?)?;
    for part in &snapshot.parts {
        out.put(Tag::Blob, &part.blob)?;
        for (name, table) in &part.tables {
            write_pages(&mut out, table, since(&part.name, name, table))?;
        }
    }
    out.end()
}

fn write_pages(out: &mut SectionWriter<'_>, table: &Table, since: Option<u64>) -> io::Result<()> {
    let mut content = Vec::new();
    for (page, words) in selected(table, since) {
        content.extend((page as u64).to_le_bytes());
        content.extend_from_slice(&little_endian(words));
        if content.len() >= SECTION_BYTES {
            out.put(Tag::Pages, &content)?;
            content.clear();
        }
    }
    if content.is_empty() { Ok(()) } else { out.put(Tag::Pages, &content) }
}

/// Reads a file's header only.
///
/// # Errors
/// When it is not there or damaged.
pub(super) fn read_header(from: impl Read) -> Result<Header, Unusable> {
    header(&mut SectionReader::new(from)?)
}

fn header<R: Read>(sections: &mut SectionReader<R>) -> Result<Header, Unusable> {
    serde_json::from_slice(&sections.take(Tag::Header)?).or_else(|e| damaged(format!("its header: {e}")))
}

/// Reads a whole file on top of its parent, given with its parts (nothing for a base); returns manifest, parts and
/// fingerprint.
///
/// # Errors
/// When anything in it is not as written. The parts are gone then: start over from another file.
pub(super) fn read_onto(
    from: impl Read,
    parent: Option<&Parent>,
    below: Vec<RestoredPart>,
) -> Result<(Manifest, Vec<RestoredPart>, u128), Unusable> {
    let mut sections = SectionReader::new(from)?;
    let header = header(&mut sections)?;
    if header.parent.as_ref() != parent {
        return damaged("it was written on another checkpoint than the one under its parent's name");
    }
    let mut known: BTreeMap<(String, String), Table> = BTreeMap::new();
    for part in below {
        for (name, table) in part.tables {
            known.insert((part.name.clone(), name), table);
        }
    }
    let mut parts = Vec::with_capacity(header.parts.len());
    for part in header.parts {
        let blob = sections.take(Tag::Blob)?;
        let mut tables = Vec::with_capacity(part.tables.len());
        for table in part.tables {
            let before = known.remove(&(part.name.clone(), table.name.clone()));
            let filled = read_table(&mut sections, &table, before)?;
            tables.push((table.name, filled));
        }
        let PartHeader { name, params_hash, version, .. } = part;
        parts.push(RestoredPart { name, params_hash, version, tables, blob });
    }
    Ok((header.manifest, parts, sections.end()?))
}

fn read_table<R: Read>(
    sections: &mut SectionReader<R>,
    header: &TableHeader,
    before: Option<Table>,
) -> Result<Table, Unusable> {
    let name = &header.name;
    let mut table = match before {
        _ if header.whole => Table::new(header.width),
        Some(table) if table.width() == header.width => table,
        _ => return damaged(format!("changes of table {name}, which its parent does not have")),
    };
    table.set_len(header.len);
    let record = size_of::<u64>() + table.page_words() * size_of::<u32>();
    let mut left = header.pages;
    let mut words = Vec::with_capacity(table.page_words());
    while left > 0 {
        let content = sections.take(Tag::Pages)?;
        let pages = content.len() / record;
        if content.len() % record != 0 || pages == 0 || pages > left {
            return damaged(format!("{} bytes of pages of table {name}", content.len()));
        }
        for page in content.chunks_exact(record) {
            let (no, bytes) = page.split_at(size_of::<u64>());
            let no = no.iter().rev().fold(0, |n, b| (n << 8) | u64::from(*b));
            words.clear();
            words.extend(bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])));
            let no = usize::try_from(no).unwrap_or(usize::MAX);
            table.load_page(no, &words).or_else(|e| damaged(format!("table {name}: {e}")))?;
        }
        left -= pages;
    }
    Ok(table)
}
