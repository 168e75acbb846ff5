//! One step of the state machine. It only calls; it never fails: what is wrong with an input stands in the report.

use super::arrival::Arrival;
use super::config::PipelineConfig;
use super::facts::EventOutcome;
use super::invariant;
use super::report::Report;
use super::stage::{Batch, Note, StageSeeds};
use super::state::State;
use super::teach::Teaching;
use super::train::train;
use crate::event::{Command, Event, Id, Item, Span, Time};
use crate::learn::ItemContent;
use crate::rng::Seed;

/// What a step works on.
#[derive(Debug)]
pub enum Input<'a> {
    /// A learner took over.
    Generation(u64),
    /// Somebody asks for a change.
    Command(&'a Command),
    /// Records up to a cut.
    Cut(CutInput<'a>),
}

/// A cut with its records in (topic, partition, offset) order.
#[derive(Clone, Copy, Debug)]
pub struct CutInput<'a> {
    /// Log time after the cut.
    pub log_time: Time,
    /// The part of examples that is ranked against the full catalogue.
    pub rank_share: f64,
    /// The records.
    pub arrivals: &'a [Arrival],
}

/// Settings that steps need.
pub(super) struct Rules {
    pub(super) teaching: Teaching,
    pub(super) seeds: StageSeeds,
    /// How long an arrival waits for a decision not yet read: the longest grace of all experiments.
    pub(super) grace: Span,
    /// What models learn on, and shards; none where one thread does it all.
    pub(super) pool: Option<rayon::ThreadPool>,
    pub(super) nanos: fn() -> u64,
}

/// What the handling of one cut shares: the batch and the report that it fills, and what it goes by.
pub(super) struct Turn<'a> {
    pub(super) batch: &'a mut Batch,
    pub(super) report: &'a mut Report,
    pub(super) rules: &'a Rules,
    /// The part of examples that is ranked.
    pub(super) rank_share: f64,
    /// Log time of this cut.
    pub(super) log_time: Time,
}

/// How often the idle are looked for, in log time.
const SWEEP: Span = Span::seconds(3600);

/// An allocation tick fires when at least this much log time has passed.
const TICK: Span = Span::seconds(1);

/// The deterministic state machine: same inputs, same state, byte for byte.
pub struct Pipeline {
    pub(super) state: State,
    pub(super) rules: Rules,
}

impl Pipeline {
    /// A pipeline with empty state.
    ///
    /// # Errors
    /// When the settings name a model that does not exist, or there are no threads to be had.
    pub fn new(config: &PipelineConfig) -> Result<Self, String> {
        let grace = config.experiments.iter().map(|e| e.grace).max().unwrap_or(Span::seconds(10));
        let rules = Rules {
            teaching: config.teaching.clone(),
            seeds: StageSeeds::of(Seed(config.seed)),
            grace,
            pool: pool(config.threads)?,
            nanos: config.nanos,
        };
        Ok(Self { state: State::new(config)?, rules })
    }

    /// The state, to look at.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The state, to take a snapshot of or to restore.
    pub const fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// Log time; [`Time::NEVER`] before the first cut.
    #[must_use]
    pub const fn log_time(&self) -> Time {
        Time(self.state.counts.log_time)
    }

    /// Handles one input.
    pub fn step(&mut self, input: Input<'_>) -> Report {
        let begun = (self.rules.nanos)();
        let mut report = Report::default();
        match input {
            Input::Generation(n) => self.state.counts.generation = n.max(self.state.counts.generation),
            Input::Command(command) => self.command(&mut report, command),
            Input::Cut(cut) => self.cut(&mut report, &cut),
        }
        report.nanos = (self.rules.nanos)().saturating_sub(begun);
        report
    }

    fn command(&mut self, report: &mut Report, command: &Command) {
        let counts = &mut self.state.counts;
        if counts.commands.contains(&command.event_id) {
            report.refused = Some(format!("command {} was handled before", command.event_id));
            return;
        }
        if counts.commands.len() >= super::Counts::COMMANDS {
            counts.commands.pop_front();
        }
        counts.commands.push_back(command.event_id.clone());
        let found = self.state.experiments.iter_mut().find(|e| e.name() == command.experiment);
        report.refused = match found.map(|e| e.apply(command)) {
            None => Some(format!("there is no experiment {}", command.experiment)),
            Some(Err(why)) => Some(why.to_string()),
            Some(Ok(())) => None,
        };
    }

    fn cut(&mut self, report: &mut Report, cut: &CutInput<'_>) {
        let before = self.log_time();
        let log_time = cut.log_time.max(before);
        self.state.counts.log_time = log_time.0;
        self.state.directory.set_now(log_time);
        if before == Time::NEVER {
            // Only who was brought from elsewhere is known before the first cut.
            self.state.directory.touch_all();
        }
        let mut batch = Batch::default();
        let (rules, rank_share) = (&self.rules, cut.rank_share);
        let turn = &mut Turn { batch: &mut batch, report: &mut *report, rules, rank_share, log_time };
        if log_time.0.div_euclid(SWEEP.0) != before.0.div_euclid(SWEEP.0) {
            let idle = self.state.directory.forget_idle();
            self.state.forget(turn, idle);
        }
        for (i, arrival) in cut.arrivals.iter().enumerate() {
            self.state.admit(turn, i, arrival);
        }
        self.state.close_due(turn);
        report.records = cut.arrivals.len() as u64;
        let State { models, comparisons, .. } = &mut self.state;
        train(models, comparisons, &batch, &self.rules, report);
        self.tick(report, log_time);
        self.state.counts.add(report);
        invariant::check(&self.state, report);
    }

    /// At most one allocation tick a cut, with the time that passed as its argument.
    fn tick(&mut self, report: &mut Report, log_time: Time) {
        let counts = &mut self.state.counts;
        let elapsed = counts.last_tick.map_or(Span::ZERO, |last| log_time - Time(last));
        if counts.last_tick.is_some() && elapsed < TICK {
            return;
        }
        counts.last_tick = Some(log_time.0);
        report.ticked = true;
        for experiment in &mut self.state.experiments {
            let name = experiment.name().to_owned();
            for fixed in experiment.tick(log_time, elapsed, counts.generation) {
                report.fixed.push((name.clone(), fixed));
            }
        }
    }
}

/// Threads that learn. The step that hands out the work waits for it, so it is none of them.
fn pool(threads: usize) -> Result<Option<rayon::ThreadPool>, String> {
    let named = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|n| format!("learn-{n}"));
    (threads > 1).then(|| named.build()).transpose().map_err(|e| format!("threads to learn on: {e}"))
}

impl State {
    /// One record: rejected, duplicate, ignored or accepted, exactly one of them (OB-1).
    fn admit(&mut self, turn: &mut Turn<'_>, index: usize, arrival: &Arrival) {
        let decoded = match &arrival.event {
            Ok(decoded) => decoded,
            Err(rejection) => {
                turn.report.count(None, EventOutcome::Rejected);
                turn.report.rejections.push((index, rejection.clone()));
                return;
            }
        };
        turn.report.unknown_fields += u64::from(decoded.unknown_fields);
        let event = &decoded.event;
        let kind = event.kind();
        // An id is unique within its type: a feedback may bear the id of its decision.
        let id = Id(Id::of(event.event_id()).0 ^ Id::of(kind.as_str()).0);
        if !self.dedupe.is_new(id) {
            turn.report.count(Some(kind), EventOutcome::Duplicate);
            return;
        }
        let outcome = self.handle(turn, arrival, event);
        turn.report.count(Some(kind), outcome);
        if outcome == EventOutcome::Accepted {
            turn.report.delays.push((kind, turn.log_time - event.time()));
        }
    }

    fn handle(&mut self, turn: &mut Turn<'_>, arrival: &Arrival, event: &Event) -> EventOutcome {
        match event {
            Event::Interaction(e) => self.interact(turn, e),
            Event::Feedback(e) => self.feed(turn, e),
            Event::Impression(e) => self.see_impression(turn, e),
            Event::Item(e) => self.describe(turn, e),
            Event::Decision(e) => {
                return self.open_decision(turn, e, arrival.record.payload.as_deref().unwrap_or_default());
            }
        }
        EventOutcome::Accepted
    }

    /// What is known of an item: its name, whether it may be recommended, and its content, which models get in the order
    /// of the log.
    fn describe(&mut self, turn: &mut Turn<'_>, event: &Item) {
        let id = Id::of(&event.item_id);
        let available = event.facts.as_ref().is_some_and(|f| f.available);
        match self.directory.item(id).or_else(|| self.directory.admit_item(id, &event.item_id)) {
            Some(slot) => {
                self.directory.set_available(slot, available);
                let content = event.facts.as_ref().map_or_else(ItemContent::default, |facts| {
                    ItemContent::measured(facts, &self.standards.take(facts))
                });
                turn.batch.note(Note::Described(slot, content));
            }
            None => turn.report.not_admitted += 1,
        }
    }
}
