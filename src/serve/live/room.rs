//! One experiment's past, as far as the page shows it.

use super::figures::Figures;
use super::glimpses::Glimpses;
use super::history::History;
use super::marks::{Mark, Marks};
use super::moment::{Around, Moment};
use super::notice::{Silence, notice};
use crate::allocate::{ArmState, Experiment};
use crate::event::Command;
use serde::Serialize;

/// What has been seen of one experiment.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    history: History,
    marks: Marks,
    glimpses: Glimpses,
    silence: Silence,
    /// The newest mark that the moment before had.
    told: u64,
}

/// Everything a page needs to begin with.
#[derive(Serialize)]
pub(super) struct Snapshot<'a> {
    /// The id of the newest delta in it: what follows has larger ones.
    pub(super) id: &'a str,
    #[serde(flatten)]
    pub(super) moment: &'a Moment,
    pub(super) marks: Vec<Mark>,
    /// Series of arms, a point a second.
    pub(super) history: &'a History,
    /// Series of models, a point a second.
    pub(super) scores: &'a History,
    pub(super) figures: Option<Figures>,
}

/// What one second brought. The page adds the moment's numbers to its series itself.
#[derive(Serialize)]
pub(super) struct Delta<'a> {
    pub(super) id: &'a str,
    #[serde(flatten)]
    pub(super) moment: &'a Moment,
    pub(super) marks: Vec<Mark>,
    /// The newest point of every model's series.
    pub(super) score: &'a [(String, Option<f64>)],
}

impl Room {
    /// Takes in a moment.
    pub(super) fn look(&mut self, around: &Around<'_>, experiment: &Experiment) -> Moment {
        let Some(view) = around.view else { return Moment::of(around, None, None) };
        let name = experiment.name();
        let arms = experiment.arms();
        let states: Vec<ArmState> =
            (0..arms.len()).map(|arm| super::super::dto::state_of(experiment, around.overlay, arm)).collect();
        self.told = self.marks.newest();
        self.marks.look(experiment, &states, view.generation(), around.now);
        let tallies: Vec<_> = arms.iter().map(|a| view.tally(name, &a.name)).collect();
        let decisions = tallies.iter().map(|t| t.decisions).sum();
        let rewards = tallies.iter().map(|t| t.rewards).sum();
        self.glimpses.look(view, name, decisions);
        let silent = self.silence.look(decisions, rewards, around.now);
        let said = notice(&around.doors.status, Some(view), Some(name), silent, around.now);
        let mut moment = Moment::of(around, Some(experiment), said);
        moment.decisions = self.glimpses.shown();
        moment.decisions_hidden = self.glimpses.hidden;
        self.history.push(around.now.0, &points(&moment, &states));
        moment
    }

    /// Remembers a change that was asked for over HTTP.
    pub(super) fn asked(&mut self, command: Command) {
        self.marks.asked(command);
    }

    pub(super) const fn history(&self) -> &History {
        &self.history
    }

    pub(super) fn marks(&self) -> Vec<Mark> {
        self.marks.after(0)
    }

    /// Marks that the newest moment brought.
    pub(super) fn fresh_marks(&self) -> Vec<Mark> {
        self.marks.after(self.told)
    }
}

/// The points of one moment: what the charts show of each arm.
fn points(moment: &Moment, states: &[ArmState]) -> Vec<(String, Option<f64>)> {
    let Some(experiment) = &moment.experiment else { return Vec::new() };
    let mut points = Vec::new();
    for (i, arm) in experiment.arms.iter().enumerate() {
        let here = states.get(i).is_some_and(|s| *s != ArmState::Retired);
        let some = arm.counted > 0 && here;
        points.push((format!("share/{i}"), here.then_some(arm.share)));
        points.push((format!("mean/{i}"), some.then_some(arm.mean)));
        points.push((format!("lower/{i}"), arm.lower.filter(|_| some)));
        points.push((format!("upper/{i}"), arm.upper.filter(|_| some)));
    }
    points
}
