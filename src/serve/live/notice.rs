//! What must be said before any number: no events, no rewards, restoring, catching up, Kafka away.

use super::super::doors::{Phase, Status};
use crate::event::{Span, Time};
use crate::pipeline::{EventOutcome, Facts};
use serde::Serialize;

/// Decisions flow and no reward came for so long: shares rest on what came before.
const SILENT: Span = Span::seconds(300);

/// The view may be so much older than the clock while records wait, before that is said.
const BEHIND: Span = Span::seconds(15);

/// One honest sentence, how grave it is, and a command where one helps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Notice {
    pub(super) kind: &'static str,
    pub(super) text: String,
    /// To be copied; the page puts its own address in the place of `{origin}`.
    pub(super) command: Option<String>,
    /// How much is done, 0 to 1, where that is known.
    pub(super) progress: Option<f64>,
}

impl Notice {
    fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), command: None, progress: None }
    }
}

/// Notices when rewards stop while decisions flow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Silence {
    rewards: u64,
    decisions: u64,
    rewarded: Option<Time>,
    decided: Option<Time>,
}

impl Silence {
    /// Takes an experiment's exact counts at a moment; how long rewards have been silent while decisions flowed.
    pub(super) fn look(&mut self, decisions: u64, rewards: u64, now: Time) -> Option<Span> {
        if rewards != self.rewards || self.rewarded.is_none() {
            (self.rewards, self.rewarded) = (rewards, Some(now));
        }
        if decisions != self.decisions {
            (self.decisions, self.decided) = (decisions, Some(now));
        }
        let flows = self.decided.is_some_and(|t| now - t < Span::seconds(60));
        self.rewarded.map(|t| now - t).filter(|silent| flows && *silent >= SILENT)
    }
}

/// The sentence for where the instance and one of its experiments stand; `None` when all is as it should be.
pub(super) fn notice(
    status: &Status,
    view: Option<&dyn Facts>,
    experiment: Option<&str>,
    silent: Option<Span>,
    now: Time,
) -> Option<Notice> {
    let detail = status.detail();
    let done = 100.0 * status.progress();
    let behind = status.lag();
    match (status.phase(), view) {
        (Phase::Starting, _) => return Some(Notice::new("starting", "Starting.")),
        (Phase::Restoring, _) => {
            let what = if done > 0.0 { format!("Restoring: {done:.0} %") } else { "Restoring".to_owned() };
            let progress = (done > 0.0).then_some(status.progress());
            return Some(Notice { progress, ..Notice::new("restoring", sentence(&what, &detail)) });
        }
        (Phase::CatchingUp, _) => {
            let what = format!("Catching up: {behind} records read and not yet learned, nothing is published");
            return Some(Notice::new("catching_up", sentence(&what, &detail)));
        }
        (Phase::KafkaAway, _) => {
            return Some(Notice::new("kafka_away", sentence("Kafka is away", &detail)));
        }
        (Phase::Stopping, _) => return Some(Notice::new("stopping", "This server is stopping.")),
        (Phase::Live, None) => return Some(Notice::new("starting", "No view has been published yet.")),
        (Phase::Live, Some(_)) => {}
    }
    let view = view?;
    let Some(name) = experiment else {
        return Some(Notice::new("no_experiment", "There is no experiment to show. Name one in the configuration."));
    };
    let late = now - view.log_time();
    if behind > 0 && view.log_time() != Time::NEVER && late >= BEHIND {
        let text =
            format!("Learning is {} s behind: {behind} records wait, shares rest on what came before.", late.0 / 1000);
        return Some(Notice::new("behind", text));
    }
    let totals = view.totals();
    if EventOutcome::ALL.into_iter().all(|o| totals.of(o) == 0) {
        let body = serde_json::json!({ "experiment": name, "unit": "u1" });
        // Inside single quotes a shell takes everything but a single quote as it is.
        let body = body.to_string().replace('\'', "'\\''");
        let command = format!("curl {{origin}}/v1/decide -d '{body}'");
        let first = Notice::new("no_events", "No events yet. Send one:");
        return Some(Notice { command: Some(command), ..first });
    }
    let arms = view.experiment(name).map_or(&[][..], |e| e.arms());
    let rewards: u64 = arms.iter().map(|a| view.tally(name, &a.name).rewards).sum();
    if rewards == 0 {
        return Some(Notice::new("no_rewards", "No rewards yet: shares are even until some come."));
    }
    silent.map(|s| {
        let minutes = s.0 / 60_000;
        Notice::new(
            "no_feedback",
            format!("No feedback for {minutes} minutes while decisions flow: shares rest on what came before."),
        )
    })
}

fn sentence(what: &str, detail: &str) -> String {
    let joined = if detail.is_empty() { what.to_owned() } else { format!("{what} {detail}") };
    if joined.ends_with('.') { joined } else { joined + "." }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_has_its_sentence() {
        let status = Status::default();
        let said = |status: &Status| notice(status, None, None, None, Time(0)).expect("not well").text;
        assert_eq!(said(&status), "Starting.");
        status.enter(Phase::Restoring, "of 1.2 GB");
        status.set_progress(0.61);
        assert_eq!(said(&status), "Restoring: 61 % of 1.2 GB.");
        assert_eq!(notice(&status, None, None, None, Time(0)).and_then(|n| n.progress), Some(0.61));
        status.enter(Phase::CatchingUp, "");
        status.set_lag(7);
        assert!(said(&status).starts_with("Catching up: 7 records"));
        status.enter(Phase::KafkaAway, "since 07:12; deciding goes on, learning waits");
        assert_eq!(said(&status), "Kafka is away since 07:12; deciding goes on, learning waits.");
        status.enter(Phase::Live, "");
        assert_eq!(said(&status), "No view has been published yet.");
    }

    #[test]
    fn silence_counts_only_while_decisions_flow() {
        let mut s = Silence::default();
        assert_eq!(s.look(1, 1, Time(0)), None);
        for t in 1..400 {
            let silent = s.look(1 + t as u64, 1, Time(t * 1000));
            assert_eq!(silent.is_some(), t >= 300, "{t}");
        }
        assert_eq!(s.look(400, 2, Time(400_000)), None, "a reward ends it");
        assert_eq!(s.look(400, 2, Time(900_000)), None, "nothing is decided, so nothing is missed");
    }
}
