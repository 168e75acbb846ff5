//! A part with every kind of table, and chains of its checkpoints on a real folder.

use reiver::adapter::file::FolderStore;
use reiver::event::{Id, Partition, Time};
use reiver::pipeline::checkpoint::{CheckpointError, Checkpoints, Manifest, PartSnapshot, Restored, Saved, Snapshot};
use reiver::port::CheckpointStore;
use reiver::table::{ByteRing, Index, Part, PartError, Table};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// A part with every kind of table.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    pub(crate) rows: Table,
    pub(crate) wide: Table,
    pub(crate) index: Index,
    pub(crate) ring: ByteRing,
    pub(crate) note: String,
}

impl Shop {
    pub(crate) fn new() -> Self {
        let (rows, wide) = (Table::new(3), Table::new(1500));
        Self { rows, wide, index: Index::new(), ring: ByteRing::new(8192), note: String::new() }
    }

    pub(crate) fn digest(&self) -> u128 {
        let mut d = Xxh3::new();
        for (name, table) in self.tables() {
            d.update(name.as_bytes());
            table.digest_into(&mut d);
        }
        d.update(&self.blob());
        d.digest128()
    }
}

impl Part for Shop {
    fn tables(&self) -> Vec<(String, &Table)> {
        let mut all = vec![("rows".to_owned(), &self.rows), ("wide".to_owned(), &self.wide)];
        all.extend(self.index.tables("ids"));
        all.push(("ring".to_owned(), self.ring.table()));
        all
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        let mut all = vec![("rows".to_owned(), &mut self.rows), ("wide".to_owned(), &mut self.wide)];
        all.extend(self.index.tables_mut("ids"));
        all.push(("ring".to_owned(), self.ring.table_mut()));
        all
    }

    fn blob(&self) -> Vec<u8> {
        self.note.clone().into_bytes()
    }

    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError> {
        self.note = String::from_utf8(blob.to_vec()).map_err(|e| PartError(e.to_string()))?;
        self.index.check()?;
        self.ring.check()
    }
}

pub(crate) fn snapshot(shop: &mut Shop) -> Snapshot {
    let digest = shop.digest();
    let inputs = BTreeMap::from([(Partition { topic: Arc::from("shop.events"), number: 3 }, 42)]);
    let manifest =
        Manifest { inputs, control: Some(7), log_time: Time(9), generation: u64::MAX, digest, created: Time(-1) };
    Snapshot { manifest, parts: vec![PartSnapshot::take("shop", 0xfeed_beef_feed_beef, 2, shop)] }
}

pub(crate) fn filled(restored: &mut Restored) -> Shop {
    let mut shop = Shop::new();
    restored.take("shop").expect("the part was saved").fill(&mut shop).expect("it fits");
    assert_eq!(shop.digest(), restored.manifest.digest, "restored from {}", restored.name);
    shop
}

pub(crate) fn open(dir: &Path, keep: usize) -> Checkpoints {
    Checkpoints::open(Arc::new(FolderStore::open(dir).unwrap()), keep).unwrap()
}

pub(crate) fn newest(dir: &Path) -> Result<Option<Restored>, CheckpointError> {
    Checkpoints::open(Arc::new(FolderStore::read_only(dir)), 1).unwrap().newest()
}

pub(crate) fn files(dir: &Path) -> Vec<String> {
    FolderStore::read_only(dir).list().unwrap()
}

/// A base and three deltas, each with a change of its own; the digests in order.
pub(crate) fn chain(dir: &Path, keep: usize) -> (Checkpoints, Shop, Vec<(Saved, u128)>) {
    let mut checkpoints = open(dir, keep);
    let mut shop = Shop::new();
    for r in 0..3000 {
        shop.rows.row_mut(r).fill(xxhash_rust::xxh3::xxh3_64(&r.to_le_bytes()) as u32);
        shop.index.insert(Id::of(&r.to_string()), r as u32);
    }
    let mut all = Vec::new();
    for i in 0..4 {
        shop.rows.row_mut(i * 400)[0] = 77 + i as u32;
        let digest = shop.digest();
        all.push((checkpoints.save(snapshot(&mut shop)).unwrap(), digest));
    }
    (checkpoints, shop, all)
}
