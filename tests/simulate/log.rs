//! Kafka as the driver sees it, in memory: partitions that only grow, a control log with one writer at a time, and a
//! place for checkpoints. What has been written is never lost; who may write changes.

use bytes::Bytes;
use reiver::event::{Partition, Record};
use reiver::port::{CheckpointStore, StoreError};
use std::collections::BTreeMap;
use std::io::{Cursor, Error, ErrorKind, Read, Write};
use std::sync::{Mutex, PoisonError};

/// All topics.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) inputs: BTreeMap<Partition, Vec<Record>>,
    pub(crate) control: Vec<Bytes>,
    /// The newest writer of the control log; older ones are fenced.
    pub(crate) writer: u64,
}

impl Log {
    /// Appends to the inputs.
    pub(crate) fn produce(&mut self, records: Vec<Record>) {
        for record in records {
            let partition = self.inputs.entry(record.partition.clone()).or_default();
            assert_eq!(record.offset, partition.len() as i64);
            partition.push(record);
        }
    }

    /// Up to `n` records from an offset, and whether they reach the end.
    pub(crate) fn fetch(&self, partition: &Partition, from: i64, n: usize) -> (Vec<Record>, bool) {
        let all = self.inputs.get(partition).map_or(&[][..], Vec::as_slice);
        let rest = &all[(from as usize).min(all.len())..];
        (rest.iter().take(n).cloned().collect(), n >= rest.len())
    }
}

/// Checkpoints in memory.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<BTreeMap<String, Vec<u8>>>);

impl CheckpointStore for Shelf {
    fn list(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect())
    }

    fn write(&self, name: &str, fill: &mut dyn FnMut(&mut dyn Write) -> std::io::Result<()>) -> Result<(), StoreError> {
        let mut blob = Vec::new();
        fill(&mut blob).map_err(|source| StoreError::Io { name: name.to_owned(), source })?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), blob);
        Ok(())
    }

    fn read(&self, name: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        let blob = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        let missing = || StoreError::Io { name: name.to_owned(), source: Error::from(ErrorKind::NotFound) };
        blob.map(|blob| Box::new(Cursor::new(blob)) as Box<dyn Read + Send>).ok_or_else(missing)
    }

    fn size(&self, name: &str) -> Result<u64, StoreError> {
        let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = || StoreError::Io { name: name.to_owned(), source: Error::from(ErrorKind::NotFound) };
        shelf.get(name).map(|blob| blob.len() as u64).ok_or_else(missing)
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(())
    }
}
