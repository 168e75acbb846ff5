//! One life of the driver, between a restore and a kill: what it asks for is done here, well or badly.

use super::log::{Log, Shelf};
use super::shop::{arrivals, config, contents};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use reiver::app::{Action, Drive, DriveConfig};
use reiver::event::{Partition, Time};
use reiver::pipeline::checkpoint::{Checkpoints, Manifest, Snapshot};
use reiver::pipeline::{Pipeline, PipelineConfig, View};
use reiver::port::{Led, Start};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Settings that learn fast: the order of things is under test, not the models' quality.
pub(crate) fn small(seed: u64) -> PipelineConfig {
    let mut config = config(seed);
    for (_, model) in &mut config.models {
        model.dimensions = Some(4);
        model.hidden = Some(4);
    }
    config
}

/// A driver and what lies between it and the log.
pub(crate) struct Process {
    pub(crate) drive: Drive,
    name: String,
    /// Where each partition is read next.
    reading: BTreeMap<Partition, i64>,
    /// The next control record to be delivered.
    control: usize,
    /// As whom it writes to the control log.
    writer: u64,
    checkpoints: Checkpoints,
}

impl Process {
    /// Starts from the newest checkpoint, if there is one.
    pub(crate) fn start(name: &str, seed: u64, shelf: &Arc<Shelf>, follow_only: bool) -> Self {
        let mut checkpoints = Checkpoints::open(Arc::<Shelf>::clone(shelf), 3).expect("the shelf can be read");
        let mut pipeline = Pipeline::new(&small(seed)).expect("the settings are valid");
        let mut manifest = Manifest::default();
        if let Some(restored) = checkpoints.newest().expect("the shelf can be read") {
            assert!(restored.skipped.is_empty());
            manifest = restored.manifest;
            pipeline.state_mut().restore(restored.parts).expect("it fits");
            assert_eq!(pipeline.state().digest(), manifest.digest, "CK-1, {name}");
        }
        let config = DriveConfig {
            contents: contents(),
            learner: name.to_owned(),
            rank: Some(0.3),
            follow_only,
            allow_gaps: false,
        };
        let drive = Drive::new(pipeline, config, &manifest);
        let offset = |(p, s): (Partition, Start)| match s {
            Start::Offset(o) => (p, o),
            other => panic!("a restart knows its positions: {other:?}"),
        };
        let reading = drive.starts().into_iter().map(offset).collect();
        let control = usize::try_from(drive.control_start().unwrap_or(0)).expect("an offset");
        Self { drive, name: name.to_owned(), reading, control, writer: 0, checkpoints }
    }

    /// Delivers up to `n` control records; at the end says so.
    pub(crate) fn follow(&mut self, log: &mut Log, n: usize, chance: &mut Pcg64Mcg, now: Time) {
        let mut out = Vec::new();
        for _ in 0..n {
            let Some(payload) = log.control.get(self.control).cloned() else {
                self.drive.on_led(Led::End(self.control as i64), &mut out);
                break;
            };
            self.drive.on_led(Led::Record { offset: self.control as i64, payload }, &mut out);
            self.control += 1;
        }
        self.perform(out, log, chance, now);
    }

    /// Delivers up to `n` records of a partition; at the end says so.
    pub(crate) fn fetch(&mut self, log: &mut Log, at: &Partition, n: usize, chance: &mut Pcg64Mcg, now: Time) {
        let Some(next) = self.reading.get_mut(at) else { return };
        let (records, end) = log.fetch(at, *next, n);
        *next += records.len() as i64;
        let next = *next;
        let mut out = Vec::new();
        if !records.is_empty() {
            self.drive.on_records(at, arrivals(records), &mut out);
        }
        if end {
            self.drive.on_end(at, next, &mut out);
        }
        self.perform(out, log, chance, now);
    }

    /// Time passes; once it leads and has followed the log, partitions that the log does not name are read too.
    pub(crate) fn timer(&mut self, log: &mut Log, chance: &mut Pcg64Mcg, now: Time) {
        let mut out = Vec::new();
        self.drive.on_timer(now, &mut out);
        self.perform(out, log, chance, now);
        if self.drive.leading() && self.drive.followed() {
            for partition in log.inputs.keys().filter(|p| !self.drive.reads(p)).cloned().collect::<Vec<_>>() {
                self.drive.add(partition.clone(), 0, true, None);
                self.reading.insert(partition, 0);
            }
        }
    }

    /// The control partition is its own now.
    pub(crate) fn gain(&mut self, log: &mut Log, chance: &mut Pcg64Mcg, now: Time) {
        let mut out = Vec::new();
        self.drive.on_led(Led::Gained, &mut out);
        self.perform(out, log, chance, now);
    }

    fn perform(&mut self, mut actions: Vec<Action>, log: &mut Log, chance: &mut Pcg64Mcg, now: Time) {
        while !actions.is_empty() {
            let mut more = Vec::new();
            for action in actions {
                self.act(action, log, chance, now, &mut more);
            }
            actions = more;
        }
    }

    fn act(&mut self, action: Action, log: &mut Log, chance: &mut Pcg64Mcg, now: Time, more: &mut Vec<Action>) {
        match action {
            Action::Read(parts) => {
                for (partition, start) in parts {
                    let Start::Offset(offset) = start else { panic!("{}: reads from {start:?}", self.name) };
                    self.reading.insert(partition, offset);
                }
            }
            Action::TakeOver => {
                let done = chance.random::<f64>() < 0.8;
                if done {
                    log.writer += 1;
                    self.writer = log.writer;
                }
                self.drive.on_taken_over(done, now, more);
            }
            Action::Append(control) => {
                let fenced = self.writer != log.writer;
                let luck: f64 = chance.random();
                // Written and known; written and not known; not written.
                let (written, known) = (!fenced && luck < 0.97, !fenced && luck < 0.94);
                if written {
                    log.control.push(serde_json::to_vec(&control).expect("a control record has a JSON form").into());
                }
                self.drive.on_appended(known);
            }
            Action::Stepped(stepped) => {
                assert!(stepped.report.violations.is_empty(), "{}: {:?}", self.name, stepped.report.violations);
            }
            Action::Pause(..) => {}
            Action::Stop(why) => panic!("{}: {why}", self.name),
        }
    }

    /// Writes a checkpoint of now.
    pub(crate) fn save(&mut self, now: Time) {
        let (inputs, control) = self.drive.positions();
        let state = self.drive.pipeline_mut().state_mut();
        let log_time = Time(state.counts().log_time);
        if log_time == Time::NEVER {
            return;
        }
        let generation = state.counts().generation;
        let manifest = Manifest { inputs, control, log_time, generation, digest: state.digest(), created: now };
        self.checkpoints.save(Snapshot { manifest, parts: state.snapshot() }).expect("the shelf takes it");
    }

    /// A view of now.
    pub(crate) fn view(&self, version: u64, now: Time) -> View {
        self.drive.pipeline().view(version, now)
    }

    /// The digest of its state.
    pub(crate) fn digest(&self) -> u128 {
        self.drive.pipeline().state().digest()
    }
}
