//! What a checkpoint holds: the parts of the state at one moment, and where the inputs stood.

use crate::event::{Partition, Time};
use crate::table::{Part, Table};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where everything stood. Positions are those of the next record to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The next offset of every input partition.
    #[serde(serialize_with = "inputs_out", deserialize_with = "inputs_in")]
    pub inputs: BTreeMap<Partition, i64>,
    /// The next offset of the control topic; `None` before its first record.
    pub control: Option<i64>,
    /// Log time, milliseconds.
    #[serde(serialize_with = "time_out", deserialize_with = "time_in")]
    pub log_time: Time,
    /// The newest generation read.
    pub generation: u64,
    /// The digest of the state, to be compared after a restore.
    #[serde(serialize_with = "hex_out", deserialize_with = "hex_in")]
    pub digest: u128,
    /// When the snapshot was taken, by the driver's clock, milliseconds.
    #[serde(serialize_with = "time_out", deserialize_with = "time_in")]
    pub created: Time,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            inputs: BTreeMap::new(),
            control: None,
            log_time: Time::NEVER,
            generation: 0,
            digest: 0,
            created: Time::NEVER,
        }
    }
}

/// One part of the state at one moment. Holds clones of its tables, so that it can be written on another thread.
#[derive(Clone, Debug)]
pub struct PartSnapshot {
    /// The part's name, unique in a snapshot.
    pub name: String,
    /// A hash of the parameters that the part's content depends on.
    pub params_hash: u64,
    /// The version of the part's layout.
    pub version: u32,
    /// Its tables.
    pub tables: Vec<(String, Table)>,
    /// Everything else.
    pub blob: Vec<u8>,
}

impl PartSnapshot {
    /// Takes a part as it is now, and begins a new stamp in each of its tables: what is written from here on
    /// belongs to the next snapshot.
    pub fn take<P: Part + ?Sized>(name: &str, params_hash: u64, version: u32, part: &mut P) -> Self {
        let blob = part.blob();
        let mut tables = Vec::new();
        for (table_name, table) in part.tables_mut() {
            tables.push((table_name, table.clone()));
            table.advance_stamp();
        }
        Self { name: name.to_owned(), params_hash, version, tables, blob }
    }
}

/// All state between two cuts.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Where everything stood.
    pub manifest: Manifest,
    /// The parts.
    pub parts: Vec<PartSnapshot>,
}

#[derive(Serialize, Deserialize)]
struct Position {
    topic: String,
    partition: i32,
    offset: i64,
}

fn inputs_out<S: Serializer>(inputs: &BTreeMap<Partition, i64>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(inputs.iter().map(|(at, offset)| Position {
        topic: at.topic.to_string(),
        partition: at.number,
        offset: *offset,
    }))
}

fn inputs_in<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Partition, i64>, D::Error> {
    let list = Vec::<Position>::deserialize(from)?;
    let key = |p: &Position| Partition { topic: Arc::from(p.topic.as_str()), number: p.partition };
    Ok(list.iter().map(|p| (key(p), p.offset)).collect())
}

fn time_out<S: Serializer>(time: &Time, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_i64(time.0)
}

fn time_in<'de, D: Deserializer<'de>>(from: D) -> Result<Time, D::Error> {
    i64::deserialize(from).map(Time)
}

pub(super) fn hex_out<S: Serializer>(number: &u128, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{number:032x}"))
}

pub(super) fn hex_in<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
    let text = String::deserialize(from)?;
    u128::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
}
