//! The driver itself. Everything it knows comes in through `on_…`; everything it wants goes out as an [`Action`].
//!
//! It acts on control records only as read back, in order, and processes only what a cut covers: one loop for run,
//! recovery and replay (architecture 4).

use super::action::{Action, DriveConfig, Stepped};
use super::cutting::form;
use super::lead::Lead;
use super::ranked::Ranked;
use super::tray::{Fill, Tray};
use crate::event::{Content, Control, Cut, CutPart, Generation, Partition, Rejection, Span, Time};
use crate::pipeline::checkpoint::Manifest;
use crate::pipeline::{Arrival, CutInput, Input, Pipeline};
use crate::port::{Led, Start};
use std::collections::{BTreeMap, VecDeque};

/// A cut while there is input.
const CADENCE: Span = Span(50);
/// A cut when there is none.
const IDLE: Span = Span::seconds(1);
/// Between attempts to take over.
const RETRY: Span = Span::seconds(1);

/// The driver.
pub struct Drive {
    pipeline: Pipeline,
    config: DriveConfig,
    trays: BTreeMap<Partition, Tray>,
    /// The offset after the last processed control record.
    control_next: Option<i64>,
    queue: VecDeque<(i64, Control)>,
    lead: Lead,
    newest_generation: u64,
    /// A cut of ours is appended and not read back yet.
    in_flight: bool,
    last_cut: Time,
    next_try: Time,
    /// The control log was read to its end at least once.
    control_ended: bool,
    ranked: Ranked,
}

impl Drive {
    /// A driver over a pipeline, at the positions that belong to its state.
    #[must_use]
    pub fn new(pipeline: Pipeline, config: DriveConfig, at: &Manifest) -> Self {
        let newest_generation = pipeline.state().counts().generation;
        let mut trays = BTreeMap::new();
        for (partition, next) in &at.inputs {
            let content = config.contents.get(&*partition.topic).copied().unwrap_or(Content::Events);
            let mut tray = Tray::new(*next, content != Content::Items);
            tray.named = true;
            trays.insert(partition.clone(), tray);
        }
        Self {
            pipeline,
            ranked: Ranked::new(config.rank),
            config,
            trays,
            control_next: at.control,
            queue: VecDeque::new(),
            lead: Lead::Standby,
            newest_generation,
            in_flight: false,
            last_cut: Time::NEVER,
            next_try: Time::NEVER,
            control_ended: false,
        }
    }

    /// The pipeline.
    #[must_use]
    pub const fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The pipeline, to take a snapshot.
    pub const fn pipeline_mut(&mut self) -> &mut Pipeline {
        &mut self.pipeline
    }

    /// Where the control log is to be read from; `None`: from its oldest record.
    #[must_use]
    pub const fn control_start(&self) -> Option<i64> {
        self.control_next
    }

    /// What is to be read at the start: the partitions of the checkpoint.
    #[must_use]
    pub fn starts(&self) -> Vec<(Partition, Start)> {
        self.trays.iter().map(|(p, t)| (p.clone(), Start::Offset(t.next))).collect()
    }

    /// Positions that belong to the state as it is now. A partition that no cut has named yet has none: after a
    /// restart it is added anew, and the cut that names it says where reading began.
    #[must_use]
    pub fn positions(&self) -> (BTreeMap<Partition, i64>, Option<i64>) {
        let named = self.trays.iter().filter(|(_, t)| t.named);
        (named.map(|(p, t)| (p.clone(), t.next)).collect(), self.control_next)
    }

    /// Whether a partition is known.
    #[must_use]
    pub fn reads(&self, partition: &Partition) -> bool {
        self.trays.contains_key(partition)
    }

    /// Adds a partition that is read from `next`. `holds`: whether it may hold back log time before its first end.
    pub fn add(&mut self, partition: Partition, next: i64, holds: bool, limit: Option<i64>) {
        let content = self.config.contents.get(&*partition.topic).copied().unwrap_or(Content::Events);
        let mut tray = Tray::new(next, holds && content != Content::Items);
        tray.limit = limit;
        if limit.is_some_and(|l| l <= next) {
            tray.end(next);
        }
        self.trays.insert(partition, tray);
    }

    /// Limits a partition that is known already: nothing from this offset on is wanted.
    pub fn limit(&mut self, partition: &Partition, end: i64) {
        if let Some(tray) = self.trays.get_mut(partition) {
            tray.limit = Some(end);
            if end <= tray.fetched {
                tray.end(tray.fetched);
            }
        }
    }

    /// What a topic holds.
    #[must_use]
    pub fn content(&self, partition: &Partition) -> Content {
        self.config.contents.get(&*partition.topic).copied().unwrap_or(Content::Events)
    }

    /// Whether this process cuts.
    #[must_use]
    pub const fn leading(&self) -> bool {
        self.lead.generation().is_some()
    }

    /// Whether the control log was read to its end and nothing of it waits.
    #[must_use]
    pub fn followed(&self) -> bool {
        self.control_ended && self.queue.is_empty()
    }

    /// Whether everything that was fetched is processed and every partition has reached its end.
    #[must_use]
    pub fn drained(&self) -> bool {
        let done = |t: &Tray| t.arrivals.is_empty() && (!t.backlog || t.limit.is_some_and(|l| t.fetched >= l));
        self.followed() && !self.in_flight && self.trays.values().all(done)
    }

    /// Whether no cut of ours is on its way and no control record waits.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.queue.is_empty() && !self.in_flight
    }

    /// Records fetched and not processed.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.trays.values().map(|t| t.arrivals.len()).sum()
    }

    /// Takes records of one partition.
    pub fn on_records(&mut self, partition: &Partition, arrivals: Vec<Arrival>, out: &mut Vec<Action>) {
        if let Some(tray) = self.trays.get_mut(partition) {
            tray.put(arrivals);
            if let Some(pause) = tray.wants_pause() {
                tray.paused = pause;
                out.push(Action::Pause(partition.clone(), pause));
            }
        }
        self.advance(out);
    }

    /// A partition was read to its end.
    pub fn on_end(&mut self, partition: &Partition, offset: i64, out: &mut Vec<Action>) {
        if let Some(tray) = self.trays.get_mut(partition) {
            tray.end(offset);
        }
        self.advance(out);
    }

    /// Takes what the control log brings.
    pub fn on_led(&mut self, led: Led, out: &mut Vec<Action>) {
        match led {
            Led::Gained if self.config.follow_only => {}
            Led::Gained => self.lead = if self.control_ended { Lead::Fencing } else { Lead::Reading },
            Led::Lost(_) => self.lead = Lead::Standby,
            Led::Record { offset, payload } => match serde_json::from_slice(&payload) {
                Ok(control) => self.queue.push_back((offset, control)),
                // Anyone may append here: what is no control record is passed over by every reader alike.
                Err(error) => tracing::warn!(offset, %error, "a control record cannot be read and is passed over"),
            },
            Led::End(offset) => {
                self.control_ended = true;
                // Only where nothing was read at all does the end tell where to go on.
                if self.queue.is_empty() {
                    self.control_next.get_or_insert(offset);
                }
                if self.lead == Lead::Reading {
                    self.lead = Lead::Fencing;
                }
            }
            Led::Trouble(_) => {}
            Led::PositionLost(why) => out.push(Action::Stop(format!(
                "the control log no longer holds the record that comes next: {why}; restore an older state folder or \
                 start with an empty one"
            ))),
        }
        self.advance(out);
    }

    /// The outcome of [`Action::TakeOver`].
    pub fn on_taken_over(&mut self, done: bool, now: Time, out: &mut Vec<Action>) {
        if !done {
            self.next_try = now + RETRY;
            return;
        }
        if self.lead == Lead::Fencing {
            self.lead = Lead::Fenced;
            // After an outage nobody knows what lies behind what was fetched: read on from there, and learn the ends.
            let again = |(p, t): (&Partition, &mut Tray)| {
                t.reconnect();
                (p.clone(), Start::Offset(t.fetched))
            };
            let parts: Vec<_> = self.trays.iter_mut().map(again).collect();
            if !parts.is_empty() {
                out.push(Action::Read(parts));
            }
        }
    }

    /// The outcome of [`Action::Append`].
    pub fn on_appended(&mut self, done: bool) {
        if !done {
            // Whether the record is in the log is unknown: a new producer settles it, and the log tells.
            self.lead = Lead::Fencing;
        }
    }

    /// Time passes.
    pub fn on_timer(&mut self, now: Time, out: &mut Vec<Action>) {
        match self.lead {
            Lead::Fencing if self.queue.is_empty() && now >= self.next_try => {
                self.next_try = now + RETRY;
                out.push(Action::TakeOver);
            }
            Lead::Fenced => {
                let generation = self.newest_generation + 1;
                self.lead = Lead::Announced(generation);
                let learner = self.config.learner.clone();
                out.push(Action::Append(Control::Generation(Generation { generation, time: now.0, learner })));
            }
            Lead::Leading(generation) => self.cut(generation, now, false, out),
            _ => {}
        }
        self.advance(out);
    }

    /// Cuts what is ready, whatever the cadence says: the last cut before stopping.
    pub fn finish(&mut self, now: Time, out: &mut Vec<Action>) {
        if let Some(generation) = self.lead.generation() {
            self.cut(generation, now, true, out);
        }
    }

    fn cut(&mut self, generation: u64, now: Time, at_once: bool, out: &mut Vec<Action>) {
        if self.in_flight || !self.queue.is_empty() {
            return;
        }
        let since = now - self.last_cut;
        let ready = self.trays.values().any(|t| !t.arrivals.is_empty());
        if !(since >= IDLE || (ready && (since >= CADENCE || at_once))) {
            return;
        }
        let cut = form(&self.trays, generation, self.pipeline.log_time(), now, self.ranked.share());
        self.in_flight = true;
        self.last_cut = now;
        out.push(Action::Append(Control::Cut(cut)));
    }

    /// Processes control records in order, as far as the records they cover are here.
    fn advance(&mut self, out: &mut Vec<Action>) {
        while let Some((offset, control)) = self.queue.front() {
            let offset = *offset;
            let stepped = match control.clone() {
                Control::Generation(g) => self.generation(&g),
                Control::Command(command) => Some(self.step_of(Input::Command(&command))),
                Control::Cut(cut) if cut.generation < self.newest_generation => None,
                Control::Cut(cut) => match self.gather(&cut, out) {
                    None => return,
                    Some(arrivals) => Some(self.process(&cut, arrivals)),
                },
            };
            self.queue.pop_front();
            self.control_next = Some(offset + 1);
            out.extend(stepped.map(|s| Action::Stepped(Box::new(s))));
        }
        for (partition, tray) in &mut self.trays {
            if let Some(pause) = tray.wants_pause() {
                tray.paused = pause;
                out.push(Action::Pause(partition.clone(), pause));
            }
        }
    }

    fn generation(&mut self, g: &Generation) -> Option<Stepped> {
        let ours = g.learner == self.config.learner;
        let newer = g.generation > self.newest_generation;
        if let Lead::Announced(n) = self.lead
            && ours
            && n == g.generation
        {
            // Where another learner's number came between, ours is not the newest: announce a larger one.
            self.lead = if newer { Lead::Leading(n) } else { Lead::Fenced };
            self.in_flight = false;
        } else if !ours && self.leading() && newer {
            self.lead = Lead::Standby;
        }
        if !newer {
            return None;
        }
        self.newest_generation = g.generation;
        Some(self.step_of(Input::Generation(g.generation)))
    }

    fn step_of(&mut self, input: Input<'_>) -> Stepped {
        Stepped { report: self.pipeline.step(input), rejected: Vec::new(), log_time: None }
    }

    /// The records of a cut in order; `None` while some are not here yet, or never will be.
    fn gather(&mut self, cut: &Cut, out: &mut Vec<Action>) -> Option<Vec<Arrival>> {
        let mut missing = false;
        for part in &cut.parts {
            missing |= !self.whole(part, out);
        }
        if missing {
            return None;
        }
        let mut arrivals = Vec::new();
        for part in &cut.parts {
            if let Some(tray) = self.trays.get_mut(&partition_of(part)) {
                tray.take(part, &mut arrivals);
            }
        }
        Some(arrivals)
    }

    fn whole(&mut self, part: &CutPart, out: &mut Vec<Action>) -> bool {
        let partition = partition_of(part);
        let Some(tray) = self.trays.get(&partition) else {
            let start = part.start.unwrap_or(part.end - part.count as i64);
            out.push(Action::Read(vec![(partition.clone(), Start::Offset(start))]));
            self.add(partition, start, true, None);
            return part.count == 0;
        };
        match tray.fill(part) {
            Fill::Whole => true,
            Fill::Waiting => false,
            Fill::Gap { .. } if self.config.allow_gaps => true,
            Fill::Gap { found } => {
                out.push(Action::Stop(format!(
                    "{} partition {} holds {found} records before offset {}, and a cut counted {}: retention or \
                     compaction took them. Restore from a newer checkpoint, or use `reiver replay --topics \
                     --allow-gaps` to look at what is left",
                    part.topic, part.partition, part.end, part.count
                )));
                false
            }
        }
    }

    fn process(&mut self, cut: &Cut, arrivals: Vec<Arrival>) -> Stepped {
        let input = CutInput { log_time: cut.time(), rank_share: cut.rank_share, arrivals: &arrivals };
        let report = self.pipeline.step(Input::Cut(input));
        self.ranked.on_step(report.nanos as f64 / (CADENCE.0 as f64 * 1e6));
        if self.lead.generation() == Some(cut.generation) {
            self.in_flight = false;
        }
        let reject = |(i, r): &(usize, Rejection)| arrivals.get(*i).map(|a| (a.record.clone(), r.clone()));
        let rejected = report.rejections.iter().filter_map(reject).collect();
        Stepped { report, rejected, log_time: Some(self.pipeline.log_time()) }
    }
}

fn partition_of(part: &CutPart) -> Partition {
    Partition { topic: part.topic.as_str().into(), number: part.partition }
}
