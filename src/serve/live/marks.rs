//! What happened to the arms, as marks on the charts.

use crate::allocate::{ArmState, Experiment};
use crate::event::{Command, CommandAction, Time};
use serde::Serialize;
use std::collections::VecDeque;

/// Marks kept.
const KEPT: usize = 60;
/// The arm with most traffic is another one only once it is ahead by this share: no flutter.
const AHEAD: f64 = 0.05;
/// Changes asked for over HTTP that wait to be seen in the view.
const WAITING: usize = 32;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MarkKind {
    Added,
    Paused,
    Resumed,
    Retired,
    Tripped,
    Promoted,
    /// Another arm has most of the traffic.
    Switched,
    /// Another process, or this one anew, took over learning.
    TakenOver,
}

impl MarkKind {
    const fn of(state: ArmState) -> Self {
        match state {
            ArmState::Live => Self::Resumed,
            ArmState::Paused => Self::Paused,
            ArmState::Retired => Self::Retired,
            ArmState::Tripped => Self::Tripped,
        }
    }

    const fn asked(action: CommandAction) -> Option<Self> {
        match action {
            CommandAction::Paused => Some(Self::Paused),
            CommandAction::Resumed => Some(Self::Resumed),
            CommandAction::ArmRetired => Some(Self::Retired),
            CommandAction::Promoted => Some(Self::Promoted),
            CommandAction::ArmAdded => Some(Self::Added),
            CommandAction::Reset => None,
        }
    }
}

/// One mark.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Mark {
    /// Grows with every mark of an experiment.
    pub(super) number: u64,
    /// Milliseconds.
    pub(super) time: i64,
    pub(super) kind: MarkKind,
    pub(super) arm: String,
    /// One plain sentence.
    pub(super) text: String,
    /// Who asked for it here, and why, where that is known.
    pub(super) actor: Option<String>,
    pub(super) reason: Option<String>,
}

/// Notices changes by comparing one moment with the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    kept: VecDeque<Mark>,
    made: u64,
    arms: Vec<ArmState>,
    baseline: usize,
    leader: Option<usize>,
    generation: Option<u64>,
    asked: VecDeque<Command>,
}

impl Marks {
    /// Remembers who asked for a change and why, until it is seen.
    pub(super) fn asked(&mut self, command: Command) {
        self.asked.push_back(command);
        if self.asked.len() > WAITING {
            self.asked.pop_front();
        }
    }

    /// Compares with the moment before; `states` has what changes to arms give at once.
    pub(super) fn look(&mut self, experiment: &Experiment, states: &[ArmState], generation: u64, now: Time) {
        let name = |arm: usize| experiment.arms()[arm].name.clone();
        let first = self.arms.is_empty();
        for (arm, state) in states.iter().enumerate() {
            match self.arms.get(arm).copied() {
                None if !first => self.make(MarkKind::Added, name(arm), now),
                Some(before) if before != *state => self.make(MarkKind::of(*state), name(arm), now),
                _ => {}
            }
        }
        self.arms = states.to_vec();
        if !first && self.baseline != experiment.baseline() {
            self.make(MarkKind::Promoted, name(experiment.baseline()), now);
        }
        self.baseline = experiment.baseline();
        if self.generation.is_some_and(|before| before != generation) {
            self.make(MarkKind::TakenOver, String::new(), now);
        }
        self.generation = Some(generation);
        if let Some(leader) = ahead(&experiment.allocation().shares)
            && self.leader != Some(leader)
        {
            if self.leader.is_some() {
                self.make(MarkKind::Switched, name(leader), now);
            }
            self.leader = Some(leader);
        }
    }

    fn make(&mut self, kind: MarkKind, arm: String, now: Time) {
        let at = self.asked.iter().position(|c| c.arm == arm && MarkKind::asked(c.action) == Some(kind));
        let command = at.and_then(|at| self.asked.remove(at));
        let text = match kind {
            MarkKind::Added => format!("{arm} was added"),
            MarkKind::Paused => format!("{arm} was paused"),
            MarkKind::Resumed => format!("{arm} was resumed"),
            MarkKind::Retired => format!("{arm} was retired"),
            MarkKind::Tripped => format!("a guardrail took {arm} out"),
            MarkKind::Promoted => format!("{arm} is the baseline now"),
            MarkKind::Switched => format!("{arm} has the largest share now"),
            MarkKind::TakenOver => "a learner took over from the log".to_owned(),
        };
        let (actor, reason) = command.map_or((None, None), |c| (Some(c.actor), Some(c.reason)));
        self.made += 1;
        self.kept.push_back(Mark { number: self.made, time: now.0, kind, arm, text, actor, reason });
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }

    /// Marks with a number above `after`, oldest first.
    pub(super) fn after(&self, after: u64) -> Vec<Mark> {
        self.kept.iter().filter(|m| m.number > after).cloned().collect()
    }

    /// The number of the newest mark; 0 before the first.
    pub(super) const fn newest(&self) -> u64 {
        self.made
    }
}

/// The arm that has clearly more than every other.
fn ahead(shares: &[f64]) -> Option<usize> {
    let most = (0..shares.len()).max_by(|a, b| shares[*a].total_cmp(&shares[*b]))?;
    let clear = |(arm, share): (usize, &f64)| arm == most || shares[most] >= share + AHEAD;
    shares.iter().enumerate().all(clear).then_some(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocate::ExperimentConfig;
    use crate::event::Span;

    fn command(action: CommandAction, arm: &str) -> Command {
        Command {
            event_id: "1".to_owned(),
            event_time: 0,
            action,
            experiment: "home".to_owned(),
            arm: arm.to_owned(),
            actor: "ann".to_owned(),
            reason: "slow".to_owned(),
        }
    }

    fn states(e: &Experiment) -> Vec<ArmState> {
        e.arms().iter().map(|a| a.state).collect()
    }

    #[test]
    fn what_happens_to_arms_is_marked_once_with_its_reason() {
        let mut config = ExperimentConfig::new("home", &["a", "b"], "a");
        (config.ramp, config.stick, config.half_life) = (None, None, None);
        let mut e = Experiment::new(config);
        let mut marks = Marks::default();
        let look = |e: &Experiment, marks: &mut Marks, generation| {
            marks.look(e, &states(e), generation, Time(5));
            marks.after(0).iter().map(|m| m.kind).collect::<Vec<_>>()
        };
        assert_eq!(look(&e, &mut marks, 1), [], "what was there is no news");
        marks.asked(command(CommandAction::Paused, "b"));
        e.apply(&command(CommandAction::Paused, "b")).expect("live");
        look(&e, &mut marks, 1);
        assert_eq!(look(&e, &mut marks, 1), [MarkKind::Paused]);
        let mark = marks.after(0).remove(0);
        assert_eq!((mark.text.as_str(), mark.reason.as_deref()), ("b was paused", Some("slow")));
        e.apply(&command(CommandAction::Resumed, "b")).expect("paused");
        e.apply(&command(CommandAction::ArmAdded, "c")).expect("new");
        assert_eq!(
            look(&e, &mut marks, 2),
            [MarkKind::Paused, MarkKind::Resumed, MarkKind::Added, MarkKind::TakenOver]
        );
        let newest = marks.newest();
        e.apply(&command(CommandAction::Promoted, "b")).expect("not the baseline");
        // First a earns more, then b.
        for (assignments, of_a, of_b) in [(4_000, 6, 1), (40_000, 0, 10)] {
            for i in 0..assignments {
                e.credit(0, f64::from(u8::from(i % 10 < of_a)));
                e.credit(1, f64::from(u8::from(i % 10 < of_b)));
            }
            e.tick(Time(1), Span::seconds(1), 1);
            look(&e, &mut marks, 2);
        }
        let kinds: Vec<_> = marks.after(newest).iter().map(|m| (m.kind, m.arm.clone())).collect();
        assert!(kinds.contains(&(MarkKind::Promoted, "b".to_owned())), "{kinds:?}");
        assert!(kinds.contains(&(MarkKind::Switched, "b".to_owned())), "{kinds:?}");
        for i in 0..200 {
            let action = if i % 2 == 0 { CommandAction::Paused } else { CommandAction::Resumed };
            marks.asked(command(CommandAction::Reset, "a"));
            e.apply(&command(action, "a")).expect("in turn");
            look(&e, &mut marks, 2);
        }
        assert!(marks.after(0).len() == KEPT && marks.asked.len() == WAITING);
    }
}
