//! The whole of the live data: ticked once a second, written once for all who watch, bounded everywhere.

use super::super::doors::Doors;
use super::figures::Figures;
use super::history::History;
use super::moment::{Around, Moment};
use super::notice::notice;
use super::pulse::PulseMeter;
use super::room::{Delta, Room, Snapshot};
use super::scores::ScoreMeter;
use crate::event::{Command, Time};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Deltas kept for those who come back: a minute.
const RING: usize = 60;
/// Where there is no experiment (yet), the instance alone is shown under this name.
const NONE: &str = "";

/// Bounds of the live data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveLimits {
    /// Streams at most.
    pub clients: usize,
    /// Deltas that wait for a slow client; one more, and it is dropped.
    pub backlog: usize,
    /// How many records may wait to be written to Kafka: to show how full that queue is.
    pub spool: usize,
}

impl Default for LiveLimits {
    fn default() -> Self {
        Self { clients: 64, backlog: 8, spool: 0 }
    }
}

/// Why nobody can watch now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// As many watch as may.
    Full,
    /// The server stops.
    Stopping,
    /// No experiment of this name.
    Unknown,
}

/// The live data of one instance.
pub struct Live {
    /// Tells this process's deltas from those of the one before.
    boot: u64,
    limits: LiveLimits,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    tick: u64,
    closed: bool,
    pulse: PulseMeter,
    scores: ScoreMeter,
    score_history: History,
    rooms: BTreeMap<String, Room>,
    moments: BTreeMap<String, Moment>,
    /// The first experiment, or [`NONE`].
    first: String,
    rings: BTreeMap<String, Ring>,
    clients: Vec<Client>,
}

/// The newest deltas of one experiment, written out; nobody may have asked for them for a while.
#[derive(Default)]
struct Ring {
    frames: VecDeque<(u64, Bytes)>,
    wanted: u64,
}

struct Client {
    asked: Option<String>,
    key: String,
    sender: mpsc::Sender<Bytes>,
}

/// Ticks once a second until stopped; then lets all streams end.
pub async fn watch(doors: Doors, stop: CancellationToken) {
    let mut beat = tokio::time::interval(Duration::from_secs(1));
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = beat.tick() => doors.live.tick(&doors, doors.clock.now()),
        }
    }
    let mut inner = doors.live.inner();
    inner.closed = true;
    inner.clients.clear();
}

impl Live {
    /// Live data of a process; `boot` is another number for every process.
    #[must_use]
    pub fn new(boot: u64, limits: LiveLimits) -> Self {
        Self { boot, limits, inner: Mutex::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self, tick: u64) -> String {
        format!("{:x}-{tick}", self.boot)
    }

    /// Takes the newest view in and tells all who watch.
    pub fn tick(&self, doors: &Doors, now: Time) {
        let mut inner = self.inner();
        inner.clients.retain(|c| !c.sender.is_closed());
        inner.take(doors, now, self.limits);
        self.tell(&mut inner, doors);
        doors.meter.streams(inner.clients.len());
    }

    /// Remembers who asked for a change to an arm, and why: it becomes a mark once it is seen.
    pub(in super::super) fn asked(&self, command: &Command) {
        if let Some(room) = self.inner().rooms.get_mut(&command.experiment) {
            room.asked(command.clone());
        }
    }

    /// Everything a page of this experiment begins with, as JSON.
    pub(super) fn snapshot(&self, doors: &Doors, asked: Option<&str>) -> Result<Bytes, Refused> {
        let inner = self.ready(doors);
        let key = inner.resolve(asked)?;
        Ok(self.written(&inner, doors, &key))
    }

    /// Begins a stream: what it starts with, and what follows. `last` is the id of the newest delta that the client
    /// has; where the ring still holds all after it the stream goes on there, otherwise it begins with a snapshot.
    pub(super) fn subscribe(
        &self,
        doors: &Doors,
        asked: Option<&str>,
        last: Option<&str>,
    ) -> Result<(Bytes, mpsc::Receiver<Bytes>), Refused> {
        let mut inner = self.ready(doors);
        if inner.closed {
            return Err(Refused::Stopping);
        }
        // Who has gone makes room at once, not at the next tick.
        inner.clients.retain(|c| !c.sender.is_closed());
        if inner.clients.len() >= self.limits.clients {
            return Err(Refused::Full);
        }
        let key = inner.resolve(asked)?;
        let missed = last.and_then(|last| inner.rings.get(&key)?.after(self.tick_of(last)?, inner.tick));
        let begin = match missed {
            Some(missed) => missed,
            None => {
                let json = self.written(&inner, doors, &key);
                frame(&self.id(inner.tick), "snapshot", &json)
            }
        };
        let (sender, receiver) = mpsc::channel(self.limits.backlog.max(1));
        inner.rings.entry(key.clone()).or_default().wanted = inner.tick;
        inner.clients.push(Client { asked: asked.map(str::to_owned), key, sender });
        doors.meter.streams(inner.clients.len());
        Ok((begin, receiver))
    }

    /// The data, with at least one tick in it.
    fn ready(&self, doors: &Doors) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner();
        if inner.tick == 0 {
            inner.take(doors, doors.clock.now(), self.limits);
        }
        inner
    }

    /// The tick of an id, if it is one of this process.
    fn tick_of(&self, id: &str) -> Option<u64> {
        let (boot, tick) = id.split_once('-')?;
        (u64::from_str_radix(boot, 16).ok()? == self.boot).then(|| tick.parse().ok())?
    }

    fn written(&self, inner: &Inner, doors: &Doors, key: &str) -> Bytes {
        let id = self.id(inner.tick);
        let empty = Room::default();
        let room = inner.rooms.get(key).unwrap_or(&empty);
        let Some(moment) = inner.moments.get(key) else { return Bytes::from_static(b"{}") };
        let models: Vec<String> = moment.models.iter().map(|m| m.model.clone()).collect();
        let view = doors.view.newest();
        let figures = view.as_ref().and_then(|v| v.experiment(key)).map(|e| Figures::of(e, &models));
        let (marks, history, scores) = (room.marks(), room.history(), &inner.score_history);
        written(&Snapshot { id: &id, moment, marks, history, scores, figures })
    }

    /// Writes each delta once and hands it to all who wait for it; who has not taken enough is dropped.
    fn tell(&self, inner: &mut Inner, doors: &Doors) {
        let id = self.id(inner.tick);
        let tick = inner.tick;
        let keys: Vec<String> =
            inner.clients.iter().map(|c| inner.resolve(c.asked.as_deref()).unwrap_or_default()).collect();
        for key in &keys {
            inner.rings.entry(key.clone()).or_default().wanted = tick;
        }
        inner.rings.retain(|_, ring| tick - ring.wanted <= RING as u64);
        let Inner { rings, rooms, moments, scores, .. } = inner;
        for (key, ring) in rings.iter_mut() {
            let Some(moment) = moments.get(key) else { continue };
            let marks = rooms.get(key).map_or_else(Vec::new, Room::fresh_marks);
            let json = written(&Delta { id: &id, moment, marks, score: scores.newest() });
            ring.push(tick, frame(&id, "delta", &json));
        }
        let mut snapshots: BTreeMap<String, Bytes> = BTreeMap::new();
        let mut clients = std::mem::take(&mut inner.clients);
        let mut keys = keys.into_iter();
        clients.retain_mut(|client| {
            let Some(key) = keys.next() else { return false };
            let bytes = if client.key == key {
                inner.rings.get(&key).and_then(Ring::newest)
            } else {
                // Experiments are known now, or this one is gone: another begins with all it needs.
                client.key.clone_from(&key);
                if !snapshots.contains_key(&key) {
                    snapshots.insert(key.clone(), frame(&id, "snapshot", &self.written(inner, doors, &key)));
                }
                snapshots.get(&key).cloned()
            };
            bytes.is_none_or(|bytes| client.sender.try_send(bytes).is_ok())
        });
        inner.clients = clients;
    }
}

impl Inner {
    fn take(&mut self, doors: &Doors, now: Time, limits: LiveLimits) {
        self.tick += 1;
        let overlay = doors.overlay.load_full();
        let view = doors.view.newest();
        let view = view.as_deref();
        let pulse = self.pulse.take(doors, view, now, (limits.spool, self.clients.len()));
        let points = self.scores.take(view);
        self.score_history.push(now.0, points);
        let around = Around { doors, overlay: &overlay, view, now, pulse: &pulse };
        let experiments = view.map_or(&[][..], |v| v.experiments());
        self.rooms.retain(|name, _| experiments.iter().any(|e| e.name() == name));
        self.moments.clear();
        for experiment in experiments {
            let room = self.rooms.entry(experiment.name().to_owned()).or_default();
            self.moments.insert(experiment.name().to_owned(), room.look(&around, experiment));
        }
        self.first = experiments.first().map_or(NONE, |e| e.name()).to_owned();
        if experiments.is_empty() {
            let said = notice(&doors.status, view, None, None, now);
            self.moments.insert(NONE.to_owned(), Moment::of(&around, None, said));
        }
    }

    /// The experiment that is shown to who asked for this one.
    fn resolve(&self, asked: Option<&str>) -> Result<String, Refused> {
        match asked {
            Some(name) if self.moments.contains_key(name) => Ok(name.to_owned()),
            // Before the first view nobody knows which there are.
            Some(_) if self.first != NONE => Err(Refused::Unknown),
            _ => Ok(self.first.clone()),
        }
    }
}

impl Ring {
    fn push(&mut self, tick: u64, frame: Bytes) {
        self.frames.push_back((tick, frame));
        if self.frames.len() > RING {
            self.frames.pop_front();
        }
    }

    fn newest(&self) -> Option<Bytes> {
        self.frames.back().map(|(_, frame)| frame.clone())
    }

    /// All deltas after `tick` up to `now`, if none is missing.
    fn after(&self, tick: u64, now: u64) -> Option<Bytes> {
        if tick > now {
            return None;
        }
        let missed: Vec<&(u64, Bytes)> = self.frames.iter().filter(|(t, _)| *t > tick).collect();
        (missed.len() as u64 == now - tick).then(|| {
            let bytes: Vec<u8> = missed.iter().flat_map(|(_, frame)| frame.iter().copied()).collect();
            Bytes::from(bytes)
        })
    }
}

fn written<T: serde::Serialize>(value: &T) -> Bytes {
    // Numbers that are no numbers become null; there is nothing in it that has no JSON form.
    Bytes::from(serde_json::to_vec(value).unwrap_or_else(|_| b"{}".to_vec()))
}

/// One server-sent event; JSON has no line breaks.
fn frame(id: &str, event: &str, json: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(json.len() + 64);
    bytes.extend_from_slice(format!("id: {id}\nevent: {event}\ndata: ").as_bytes());
    bytes.extend_from_slice(json);
    bytes.extend_from_slice(b"\n\n");
    Bytes::from(bytes)
}
