//! The learner's thread: feeds the driver with what the world reports, and does what it asks for.

use super::drive::{Action, Drive, Stepped};
use super::outlet::Outlet;
use super::pauses::Pauses;
use super::reader::{Ask, Told};
use super::saver::SaveOutcome;
use super::settings::RunSettings;
use crate::event::{Partition, Span, Time};
use crate::pipeline::checkpoint::{Manifest, Snapshot};
use crate::pipeline::{Facts, View};
use crate::port::{Clock, ControlLog, Led, SourceError, Start};
use crate::serve::{Phase, Status};
use arc_swap::ArcSwapOption;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two views.
const PUBLISH: Span = Span(250);
/// Messages of the reader taken in one turn.
const TURN: usize = 64;
/// How long a stop may wait for the last cut to come back.
const LAST_CUT: Span = Span::seconds(3);
/// How long the brokers must be silent before the state says so.
const AWAY: Span = Span::seconds(3);

/// Is told of every step.
pub(super) type Observer = Box<dyn FnMut(&Stepped, &Drive) + Send>;

/// Everything the learner's thread holds.
pub(super) struct Learner {
    pub(super) settings: RunSettings,
    pub(super) drive: Drive,
    pub(super) control: Box<dyn ControlLog>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) asks: Sender<Ask>,
    pub(super) told: Receiver<Told>,
    pub(super) snapshots: SyncSender<Snapshot>,
    pub(super) saved: Receiver<SaveOutcome>,
    pub(super) outlet: Outlet,
    pub(super) view: Arc<ArcSwapOption<View>>,
    pub(super) pauses: Arc<Pauses>,
    pub(super) status: Arc<Status>,
    pub(super) stop: CancellationToken,
    /// Called with every step's report: metrics.
    pub(super) observe: Observer,
    pub(super) progress: Progress,
}

/// Where the learner stands in its own affairs.
#[derive(Debug, Default)]
pub(super) struct Progress {
    topics_asked: bool,
    topics_added: bool,
    caught_up: bool,
    /// Where the inputs ended when they were first seen: what lies before must be learned before the first view.
    ends: BTreeMap<Partition, i64>,
    published: Option<Time>,
    version: u64,
    saving: bool,
    last_save: Option<Time>,
    dirty: bool,
    trouble_since: Option<Time>,
    finished: Option<Time>,
}

impl Learner {
    /// Runs until stopped, until the ends (with `until_end`), or until nothing can be processed any more.
    ///
    /// # Errors
    /// The sentence that says why nothing can be processed.
    pub(super) fn run(mut self) -> Result<Drive, String> {
        self.control.start(self.drive.control_start());
        let starts = self.drive.starts();
        if !starts.is_empty() {
            self.ask(Ask::Read(starts));
        }
        self.status.enter(Phase::CatchingUp, "reading the control log");
        loop {
            let mut out = Vec::new();
            self.listen(&mut out);
            let now = self.clock.now();
            self.drive.on_timer(now, &mut out);
            self.perform(out)?;
            self.add_topics();
            self.publish(now);
            self.checkpoint(now, false);
            self.tell_status(now);
            if self.done(now)? {
                return Ok(self.drive);
            }
        }
    }

    /// Takes what came: control records first, since they say what to do with the rest.
    fn listen(&mut self, out: &mut Vec<Action>) {
        let busy = self.drive.waiting() > 0;
        let wait = Duration::from_millis(if busy { 1 } else { 10 });
        for led in self.control.poll(wait) {
            if let Led::Trouble(why) = &led {
                self.trouble(why);
            }
            if let Led::Lost(why) = &led {
                tracing::warn!(why, "the control partition went to another process: standing by, serving goes on");
            }
            self.drive.on_led(led, out);
        }
        for _ in 0..TURN {
            let Ok(told) = self.told.try_recv() else { break };
            self.take(told, out);
        }
        while let Ok(outcome) = self.saved.try_recv() {
            self.on_saved(outcome);
        }
    }

    fn take(&mut self, told: Told, out: &mut Vec<Action>) {
        match told {
            Told::Records(partition, arrivals) => self.drive.on_records(&partition, arrivals, out),
            Told::End(partition, offset) => self.drive.on_end(&partition, offset, out),
            Told::AllAdded => self.progress.topics_added = true,
            Told::Added(starts, ends) => {
                for (partition, end) in &ends {
                    if starts.get(partition).is_none_or(|start| start < end) {
                        self.progress.ends.entry(partition.clone()).or_insert(*end);
                    }
                }
                for (partition, next) in starts {
                    let limit = self.limit_of(&partition, &ends);
                    if !self.drive.reads(&partition) {
                        self.drive.add(partition, next, true, limit);
                    }
                }
                for (partition, end) in ends {
                    if self.settings.until_end && self.drive.reads(&partition) {
                        self.drive.limit(&partition, end);
                    }
                }
            }
            Told::Trouble(SourceError::PositionLost { partition, detail }) => out.push(Action::Stop(format!(
                "{} partition {} no longer holds the position we need: {detail}. Restore an older state folder, or \
                 remove the state to begin anew",
                partition.topic, partition.number
            ))),
            Told::Trouble(error) => self.trouble(&error.to_string()),
        }
    }

    fn limit_of(&self, partition: &Partition, ends: &BTreeMap<Partition, i64>) -> Option<i64> {
        ends.get(partition).copied().filter(|_| self.settings.until_end)
    }

    fn perform(&mut self, mut actions: Vec<Action>) -> Result<(), String> {
        while !actions.is_empty() {
            let mut more = Vec::new();
            for action in actions {
                self.act(action, &mut more)?;
            }
            actions = more;
        }
        Ok(())
    }

    fn act(&mut self, action: Action, more: &mut Vec<Action>) -> Result<(), String> {
        match action {
            Action::Read(parts) => self.ask(Ask::Read(parts)),
            Action::Pause(partition, paused) => self.ask(Ask::Pause(partition, paused)),
            Action::TakeOver => {
                let done = self.control.take_over();
                if let Err(error) = &done {
                    self.trouble(&error.to_string());
                }
                self.drive.on_taken_over(done.is_ok(), self.clock.now(), more);
            }
            Action::Append(control) => {
                let payload = serde_json::to_vec(&control).map_err(|e| e.to_string())?;
                match self.control.append(&payload) {
                    Ok(()) => {
                        self.progress.trouble_since = None;
                        self.drive.on_appended(true);
                    }
                    Err(error) => {
                        self.trouble(&error.to_string());
                        self.drive.on_appended(false);
                    }
                }
            }
            Action::Stepped(stepped) => self.on_step(*stepped),
            Action::Stop(why) => return Err(why),
        }
        Ok(())
    }

    fn on_step(&mut self, stepped: Stepped) {
        if let Some(refused) = &stepped.report.refused {
            tracing::warn!(refused, "a command changed nothing");
        }
        (self.observe)(&stepped, &self.drive);
        self.outlet.dead_letters(&stepped.rejected, &self.stop);
        if self.drive.leading() {
            self.outlet.allocations(&stepped.report.fixed);
        }
        self.progress.dirty = true;
    }

    /// Once the log has been followed to its end, partitions that it does not name yet are added.
    fn add_topics(&mut self) {
        if !self.progress.topics_asked && self.drive.leading() && self.drive.followed() {
            self.progress.topics_asked = true;
            let start = |topic: String| {
                let start = self.settings.start_of(&topic);
                (topic, start)
            };
            let topics: Vec<(String, Start)> = self.settings.contents().into_keys().map(start).collect();
            self.ask(Ask::Topics(topics));
        }
    }

    /// Whether everything that was there at the start is learned. Where records never stop coming the inputs are
    /// hardly ever drained, and where an input ends in markers its last offset is never reached: either will do.
    fn caught_up(&self) -> bool {
        let at = self.drive.positions().0;
        let reached = |(p, end): (&Partition, &i64)| at.get(p).is_some_and(|next| next >= end);
        self.progress.topics_added && (self.drive.drained() || self.progress.ends.iter().all(reached))
    }

    fn publish(&mut self, now: Time) {
        if !self.progress.caught_up {
            let stranded = self.progress.trouble_since.is_some_and(|t| now - t >= AWAY) && self.progress.dirty;
            self.progress.caught_up = stranded || self.caught_up();
        }
        let p = &mut self.progress;
        let due = p.published.is_none_or(|t| now - t >= PUBLISH);
        if p.caught_up && due && (p.dirty || p.published.is_none()) {
            p.version += 1;
            p.published = Some(now);
            p.dirty = false;
            self.view.store(Some(Arc::new(self.drive.pipeline().view(p.version, now))));
            // Only now: until a view that knows a command is out, the overlay has to say it.
            self.pauses.settle(self.drive.pipeline().state().counts());
        }
    }

    fn checkpoint(&mut self, now: Time, at_once: bool) {
        let due = self.progress.last_save.is_none_or(|t| now - t >= self.settings.every);
        let empty = self.drive.pipeline().log_time() == Time::NEVER;
        if self.progress.saving || empty || !(due || at_once) {
            return;
        }
        self.progress.last_save = Some(now);
        let (inputs, control) = self.drive.positions();
        let state = self.drive.pipeline_mut().state_mut();
        let manifest = Manifest {
            inputs,
            control,
            log_time: Time(state.counts().log_time),
            generation: state.counts().generation,
            digest: state.digest(),
            created: now,
        };
        let snapshot = Snapshot { manifest, parts: state.snapshot() };
        match self.snapshots.try_send(snapshot) {
            Ok(()) => self.progress.saving = true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                tracing::error!("the checkpoint writer does not take another one");
            }
        }
    }

    fn on_saved(&mut self, outcome: SaveOutcome) {
        self.progress.saving = false;
        match outcome {
            SaveOutcome::Saved(saved, positions) => {
                tracing::debug!(name = saved.name, bytes = saved.bytes, "checkpoint");
                if let Some(trouble) = saved.trouble {
                    tracing::warn!(trouble, "old checkpoints");
                }
                self.outlet.checkpointed(saved.bytes, self.progress.last_save, self.clock.now());
                self.ask(Ask::Commit(positions));
            }
            SaveOutcome::Failed(reason, why) => {
                tracing::error!(why, "no checkpoint could be written; learning goes on, and the next one is tried");
                self.outlet.checkpoint_failed(reason);
            }
        }
    }

    fn trouble(&mut self, why: &str) {
        if self.progress.trouble_since.is_none() {
            tracing::warn!(why, "Kafka");
            self.progress.trouble_since = Some(self.clock.now());
        }
    }

    fn tell_status(&mut self, now: Time) {
        self.status.set_lag(self.drive.waiting() as u64);
        let p = &self.progress;
        let (phase, detail) = match (p.trouble_since, p.caught_up, self.drive.leading()) {
            (Some(since), _, _) if now - since >= AWAY => {
                (Phase::KafkaAway, format!("since {}; deciding goes on, learning waits", since.to_rfc3339()))
            }
            (_, true, _) => (Phase::Live, String::new()),
            (_, false, false) => (Phase::CatchingUp, "following the control log".to_owned()),
            (_, false, true) => (Phase::CatchingUp, format!("log time {}", self.drive.pipeline().log_time())),
        };
        if self.status.phase() != phase {
            self.status.enter(phase, detail);
        }
    }

    /// Whether the loop is over: at the ends, or when stopped and the last cut is back.
    fn done(&mut self, now: Time) -> Result<bool, String> {
        let at_end = self.settings.until_end && self.progress.topics_added && self.drive.drained();
        if !(at_end || self.stop.is_cancelled()) {
            return Ok(false);
        }
        if self.progress.finished.is_none() {
            self.status.enter(Phase::Stopping, "");
            self.progress.finished = Some(now);
            let mut out = Vec::new();
            if !at_end {
                self.drive.finish(now, &mut out);
            }
            self.perform(out)?;
        }
        let waited = now - self.progress.finished.unwrap_or(now);
        let settled = self.drive.settled() || waited >= LAST_CUT;
        if !settled || self.progress.saving && waited < LAST_CUT + LAST_CUT {
            return Ok(false);
        }
        self.publish(now);
        self.last_checkpoint(now);
        Ok(true)
    }

    fn last_checkpoint(&mut self, now: Time) {
        self.checkpoint(now, true);
        if self.progress.saving
            && let Ok(outcome) = self.saved.recv_timeout(Duration::from_secs(6))
        {
            self.on_saved(outcome);
        }
        if let Some(view) = self.view.load_full() {
            tracing::info!(version = view.version(), "stopped");
        }
    }

    fn ask(&self, ask: Ask) {
        // The reader lives as long as this thread; should it have died, the next poll says so.
        if self.asks.send(ask).is_err() {
            tracing::error!("the reader's thread is gone");
        }
    }
}
