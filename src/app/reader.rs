//! The thread that reads inputs and decodes them. It owns the source; everything else asks it.

use crate::event::{Content, Partition};
use crate::pipeline::Arrival;
use crate::port::{Fetched, Source, SourceError, Start};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::time::Duration;

/// What the reader is asked to do.
#[derive(Debug)]
pub(super) enum Ask {
    /// Read these partitions.
    Read(Vec<(Partition, Start)>),
    /// Read all partitions of these topics that are not read yet, each topic from its start.
    Topics(Vec<(String, Start)>),
    /// Pause or go on.
    Pause(Partition, bool),
    /// Commit for lag tools.
    Commit(BTreeMap<Partition, i64>),
}

/// What the reader tells.
#[derive(Debug)]
pub(super) enum Told {
    /// Reading begins at these offsets; the ends as they were seen at that moment.
    Added(BTreeMap<Partition, i64>, BTreeMap<Partition, i64>),
    /// All topics of [`Ask::Topics`] are being read.
    AllAdded,
    /// Records of one partition, decoded.
    Records(Partition, Vec<Arrival>),
    /// A partition was read to its end.
    End(Partition, i64),
    /// Trouble that passes, or does not.
    Trouble(SourceError),
}

/// The reader's loop; ends when the learner has gone.
pub(super) fn read(
    source: &mut dyn Source,
    contents: &BTreeMap<String, Content>,
    asks: &Receiver<Ask>,
    told: &SyncSender<Told>,
) {
    let mut known: BTreeMap<Partition, i64> = BTreeMap::new();
    // What could not be done because the brokers were away is asked again, in order.
    let mut undone: Vec<Ask> = Vec::new();
    loop {
        let mut asked = std::mem::take(&mut undone);
        loop {
            match asks.try_recv() {
                Ok(ask) => asked.push(ask),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        for ask in asked {
            if !undone.is_empty() {
                undone.push(ask);
                continue;
            }
            match handle(source, &mut known, ask) {
                Ok(answers) => {
                    for answer in answers {
                        if told.send(answer).is_err() {
                            return;
                        }
                    }
                }
                Err((ask, error)) => {
                    undone.push(ask);
                    if told.send(Told::Trouble(error)).is_err() {
                        return;
                    }
                }
            }
        }
        let wait = if undone.is_empty() { Duration::from_millis(20) } else { Duration::from_millis(500) };
        for fetched in source.poll(wait) {
            if told.send(tell(fetched, contents)).is_err() {
                return;
            }
        }
    }
}

fn tell(fetched: Fetched, contents: &BTreeMap<String, Content>) -> Told {
    match fetched {
        Fetched::Records(records) => {
            let partition = records.first().map(|r| r.partition.clone());
            let Some(partition) = partition else {
                return Told::Trouble(SourceError::Other("an empty batch".to_owned()));
            };
            let content = contents.get(&*partition.topic).copied().unwrap_or(Content::Events);
            Told::Records(partition, records.into_iter().map(|r| Arrival::decode(r, content)).collect())
        }
        Fetched::End(partition, offset) => Told::End(partition, offset),
        Fetched::Trouble(error) => Told::Trouble(error),
    }
}

type Handled = Result<Vec<Told>, (Ask, SourceError)>;

fn handle(source: &mut dyn Source, known: &mut BTreeMap<Partition, i64>, ask: Ask) -> Handled {
    match ask {
        Ask::Pause(partition, paused) => {
            source.pause(&[partition], paused);
            Ok(Vec::new())
        }
        Ask::Commit(positions) => {
            source.commit(&positions);
            Ok(Vec::new())
        }
        Ask::Read(parts) => match add(source, known, &parts) {
            Ok(added) => Ok(vec![added]),
            Err(error) => Err((Ask::Read(parts), error)),
        },
        Ask::Topics(topics) => match missing(source, known, &topics).and_then(|parts| add(source, known, &parts)) {
            Ok(added) => Ok(vec![added, Told::AllAdded]),
            Err(error) => Err((Ask::Topics(topics), error)),
        },
    }
}

fn missing(
    source: &mut dyn Source,
    known: &BTreeMap<Partition, i64>,
    topics: &[(String, Start)],
) -> Result<Vec<(Partition, Start)>, SourceError> {
    let mut parts = Vec::new();
    for (topic, start) in topics {
        for number in source.partitions(topic)? {
            let partition = Partition { topic: topic.as_str().into(), number };
            if !known.contains_key(&partition) {
                parts.push((partition, *start));
            }
        }
    }
    Ok(parts)
}

fn add(
    source: &mut dyn Source,
    known: &mut BTreeMap<Partition, i64>,
    parts: &[(Partition, Start)],
) -> Result<Told, SourceError> {
    let starts = source.add(parts)?;
    known.extend(starts.clone());
    let ends = source.ends()?;
    Ok(Told::Added(starts, ends))
}
