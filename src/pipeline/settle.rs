//! Decisions and rewards become outcomes: opening, crediting, closing.

use super::facts::EventOutcome;
use super::report::{FeedbackOutcome, Report};
use super::state::State;
use super::step::Turn;
use crate::event::{
    Action, Decision, DecisionKey, Feedback, Id, Impression, Interaction, ItemTouch, Reason, Span, Time,
};
use crate::join::{Assigned, Assignment, Credit, Early, NONE, Opened, PendingDecision, SHOWN, TraceState};

/// How long after its epoch an assignment is remembered, beside window and grace: decisions may be read late.
const REMEMBER: Span = Span::seconds(600);

impl State {
    /// Opens a decision that was read, and hands it what waited for it.
    pub(super) fn open_decision(&mut self, turn: &mut Turn<'_>, decision: &Decision, logged: &[u8]) -> EventOutcome {
        let Some((number, arm)) = self.place_of(decision) else {
            return EventOutcome::Ignored;
        };
        let key = DecisionKey::of(&decision.decision_id);
        let experiment = &self.experiments[usize::from(number)];
        let (window, grace) = (experiment.config().window, experiment.config().grace);
        let (name, arm_name) = (experiment.name().to_owned(), decision.arm.clone());
        let window_end = decision.time + window;
        let closes = window_end.max(turn.log_time) + grace;
        let (counts, assignment) = self.meet_assignment(turn.report, decision, number, arm, window_end, closes);
        if counts {
            self.experiments[usize::from(number)].drawn(usize::from(arm), &decision.arms);
        }
        let pending = PendingDecision {
            key,
            time: decision.time,
            window_end,
            closes,
            experiment: number,
            arm,
            counts,
            assignment,
            user: decision.user_id.as_deref().and_then(|u| self.directory.user(Id::of(u))).unwrap_or(NONE),
            items: self.shown(decision.items.iter().map(|i| i.item_id.as_str())),
            taken: 0,
            reward: 0.0,
            rewarded: false,
        };
        let opened = self.pending.open(&pending);
        let tally = self.counts.arm(&name, &arm_name);
        if opened == Opened::Full {
            tally.left_out += 1;
            turn.report.arm(number, arm).left_out += 1;
            self.journal.write(key, logged, TraceState::LeftOut);
        } else {
            tally.decisions += 1;
            tally.assignments += u64::from(counts);
            turn.report.arm(number, arm).decisions += 1;
            self.journal.write(key, logged, TraceState::Pending);
        }
        for early in self.waiting.take(key) {
            self.settle_early(turn, Some(key), early);
        }
        EventOutcome::Accepted
    }

    /// Numbers of experiment and arm, if both are ours.
    fn place_of(&self, decision: &Decision) -> Option<(u16, u16)> {
        let number = self.experiments.iter().position(|e| e.name() == decision.experiment)?;
        let arm = self.experiments[number].arm_index(&decision.arm)?;
        Some((number as u16, arm as u16))
    }

    /// Whether this decision is an assignment, and the row of the one it belongs to.
    ///
    /// Only what was drawn counts: a paused arm's stand-in, a held-out unit and a fallback are left out of inference.
    fn meet_assignment(
        &mut self,
        report: &mut Report,
        decision: &Decision,
        number: u16,
        arm: u16,
        window_end: Time,
        closes: Time,
    ) -> (bool, u32) {
        if decision.reason != Reason::Assigned {
            return (false, NONE);
        }
        let Some(epoch) = decision.epoch else { return (true, NONE) };
        let stick = self.experiments[usize::from(number)].config().stick.unwrap_or(Span::ZERO);
        let text = format!("{}\0{}\0{}\0{epoch}", decision.experiment, decision.scope, decision.unit);
        let new = Assignment {
            key: Id::of(&text),
            window_end,
            forget: closes.max(decision.time + stick + stick) + REMEMBER,
            reward: 0.0,
            arm,
            matured: false,
        };
        match self.assignments.meet(&new) {
            Assigned::First(row) => (true, row),
            Assigned::Again(row) => (false, row),
            Assigned::Override => {
                report.arm(number, arm).overrides += 1;
                self.counts.arm(&decision.experiment, &decision.arm).overrides += 1;
                (false, NONE)
            }
            Assigned::Full => (false, NONE),
        }
    }

    fn shown<'a>(&self, ids: impl Iterator<Item = &'a str>) -> [u32; SHOWN] {
        let mut items = [NONE; SHOWN];
        for (place, id) in items.iter_mut().zip(ids) {
            *place = self.directory.item(Id::of(id)).unwrap_or(NONE);
        }
        items
    }

    /// An impression tells what was really shown; one that names no open decision changes nothing.
    pub(super) fn see_impression(&mut self, turn: &mut Turn<'_>, event: &Impression) {
        let Some(row) = self.pending.find(event.decision) else { return };
        let mut ranked: Vec<&ItemTouch> = event.items.iter().collect();
        ranked.sort_by_key(|t| t.rank.unwrap_or(u32::MAX));
        let shown = self.shown(ranked.iter().map(|t| t.item_id.as_str()));
        self.pending.set_shown(row, &shown);
        if turn.rules.teaching.at_once {
            let d = self.pending.get(row);
            self.ignore(turn, &d, event.time);
            // Nothing of it is left to teach when the decision closes.
            d.items.iter().filter(|item| **item != NONE).for_each(|item| self.pending.take(row, *item));
        }
    }

    /// Stages what was shown and not taken.
    fn ignore(&mut self, turn: &mut Turn<'_>, d: &PendingDecision, at: Time) {
        if d.user == NONE {
            return;
        }
        for (i, &item) in d.items.iter().enumerate() {
            if item != NONE && d.taken & (1 << i) == 0 {
                self.stage_ignored(turn, d.user, item, at);
            }
        }
    }

    /// Credits an explicit reward, or lets it wait for its decision.
    pub(super) fn feed(&mut self, turn: &mut Turn<'_>, event: &Feedback) {
        let early = Early {
            time: event.time.0,
            user_id: None,
            metric: event.metric.clone(),
            value: Some(event.value),
            items: Vec::new(),
        };
        self.settle_or_wait(turn, event.decision, early);
    }

    /// Learns from an interaction; one that names a decision credits it first, or waits for it.
    pub(super) fn interact(&mut self, turn: &mut Turn<'_>, event: &Interaction) {
        let Some(decision) = event.decision else {
            self.stage(turn, event);
            return;
        };
        let early = Early {
            time: event.time.0,
            user_id: Some(event.user_id.clone()),
            metric: event.action.as_text().into_owned(),
            value: event.value,
            items: event.items.iter().map(|t| t.item_id.clone()).collect(),
        };
        self.settle_or_wait(turn, decision, early);
    }

    fn settle_or_wait(&mut self, turn: &mut Turn<'_>, decision: DecisionKey, early: Early) {
        if self.pending.find(decision).is_some() || self.journal.knows(decision) {
            self.settle_early(turn, Some(decision), early);
            return;
        }
        if let Err(early) = self.waiting.wait(decision, turn.log_time + turn.rules.grace, early) {
            self.settle_early(turn, None, early);
        }
    }

    /// Handles a reward whose decision is known, or will not be (`None`).
    fn settle_early(&mut self, turn: &mut Turn<'_>, decision: Option<DecisionKey>, early: Early) {
        let row = decision.and_then(|key| self.pending.find(key));
        match (row, decision) {
            (Some(row), _) => self.credit(turn.report, row, &early),
            (None, Some(_)) => turn.report.fed("", FeedbackOutcome::Late),
            (None, None) => turn.report.fed("", FeedbackOutcome::Unmatched),
        }
        let Some(user_id) = early.user_id else { return };
        let event = Interaction {
            event_id: format!("{}\0{}\0{}", user_id, early.time, early.metric),
            time: Time(early.time),
            user_id,
            action: Action::parse(&early.metric).unwrap_or(Action::Custom(early.metric)),
            items: early.items.into_iter().map(|item_id| ItemTouch { item_id, rank: None }).collect(),
            decision,
            session_id: None,
            value: early.value,
        };
        if let Some(row) = row {
            for touch in &event.items {
                if let Some(slot) = self.directory.item(Id::of(&touch.item_id)) {
                    self.pending.take(row, slot);
                }
            }
        }
        self.stage(turn, &event);
    }

    fn credit(&mut self, report: &mut Report, row: u32, early: &Early) {
        let d = self.pending.get(row);
        let experiment = &self.experiments[usize::from(d.experiment)];
        let name = experiment.name().to_owned();
        let arm_name = experiment.arms()[usize::from(d.arm)].name.clone();
        let Some(reward) = experiment.config().reward.reward(&early.metric, early.value) else {
            report.fed(&name, FeedbackOutcome::Unrewarded);
            return;
        };
        let credit = self.pending.credit(row, Time(early.time), reward);
        if credit == Credit::OutsideWindow {
            report.fed(&name, FeedbackOutcome::OutsideWindow);
            return;
        }
        report.fed(&name, FeedbackOutcome::Credited);
        report.reward_delays.push((d.experiment, Time(early.time) - d.time));
        let first = u64::from(credit == Credit::First);
        let part = report.arm(d.experiment, d.arm);
        part.rewards += first;
        part.reward_sum += reward;
        let tally = self.counts.arm(&name, &arm_name);
        tally.rewards += first;
        tally.reward_sum += reward;
        if d.assignment != NONE {
            self.assignments.credit(d.assignment, Time(early.time), reward);
        }
    }

    /// Ends what is due at this log time: early arrivals first, then decisions in order of closing.
    pub(super) fn close_due(&mut self, turn: &mut Turn<'_>) {
        let log_time = turn.log_time;
        while let Some(early) = self.waiting.next_due(log_time) {
            self.settle_early(turn, None, early);
        }
        while let Some(d) = self.pending.close_next(log_time) {
            self.close(turn, &d);
        }
        self.assignments.forget(log_time);
    }

    fn close(&mut self, turn: &mut Turn<'_>, d: &PendingDecision) {
        let experiment = &mut self.experiments[usize::from(d.experiment)];
        if d.counts {
            let reward = if d.assignment == NONE { Some(d.reward) } else { self.assignments.mature(d.assignment) };
            if let Some(reward) = reward {
                experiment.credit(usize::from(d.arm), reward);
            }
        }
        let (name, arm_name) = (experiment.name().to_owned(), experiment.arms()[usize::from(d.arm)].name.clone());
        if !d.rewarded {
            self.counts.arm(&name, &arm_name).expired += 1;
            turn.report.arm(d.experiment, d.arm).expired += 1;
        }
        let state = if d.rewarded { TraceState::Rewarded } else { TraceState::Expired };
        self.journal.close(d.key, state, d.reward, turn.log_time);
        self.ignore(turn, d, d.time);
    }
}
