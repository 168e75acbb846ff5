//! All that the handlers reach: the view, the sink, the clock, and what the shell reports. Nothing is global.

use super::ids::Ids;
use super::listen::Traffic;
use super::live::Live;
use super::problem::Problem;
use crate::allocate::Overlay;
use crate::event::{Command, Reason};
use crate::pipeline::Facts;
use crate::port::{Clock, Sink};
use arc_swap::{ArcSwap, ArcSwapOption};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Gives the newest view. Implemented for the swap through which the learner publishes.
pub trait Views: Send + Sync {
    /// The newest view; `None` before the first.
    fn newest(&self) -> Option<Arc<dyn Facts>>;
}

impl<V: Facts + 'static> Views for ArcSwapOption<V> {
    fn newest(&self) -> Option<Arc<dyn Facts>> {
        self.load_full().map(|view| view as Arc<dyn Facts>)
    }
}

/// Why a change to an arm did not take effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PauseError {
    /// It could not be made durable: nothing has changed.
    #[error("the change could not be written to the state folder: {0}")]
    NotDurable(String),
    /// It contradicts the experiment as it is.
    #[error("{0}")]
    Refused(String),
}

/// Takes changes to arms: makes them durable, applies them to the overlay at once, and appends them to the control
/// topic as soon as Kafka takes them.
pub trait PauseLog: Send + Sync {
    /// Returns once the change is durable and in the overlay. May wait for the disk.
    ///
    /// # Errors
    /// See [`PauseError`].
    fn request(&self, command: Command) -> Result<(), PauseError>;
}

/// What is measured while answering. Implemented where metrics are known.
pub trait Meter: Send + Sync {
    /// A moment on a clock that never runs backwards, in nanoseconds.
    fn nanos(&self) -> u64;

    /// A request begins.
    fn begun(&self);

    /// A request has its answer (or its client is gone: code 499). The route is the template, `other` if none matched.
    fn ended(&self, route: &str, method: &str, code: u16, nanos: u64);

    /// A decision was answered.
    fn decided(&self, experiment: &str, arm: &str, propensity: f64, reason: Reason);

    /// So many clients follow the stream of changes now.
    fn streams(&self, open: usize);

    /// The Prometheus exposition, with what the view tells.
    fn render(&self, doors: &Doors) -> String;
}

/// The topics that HTTP writes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// What HTTP accepted.
    pub events: Arc<str>,
    /// The decision log.
    pub decisions: Arc<str>,
}

/// Where the shell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Nothing is known yet.
    Starting = 0,
    /// Reading the checkpoint.
    Restoring = 1,
    /// Processing what came while it was down; nothing is published.
    CatchingUp = 2,
    /// Learning as it comes.
    Live = 3,
    /// No broker answers; deciding goes on from the newest view.
    KafkaAway = 4,
    /// Stopping.
    Stopping = 5,
}

impl Phase {
    /// All phases.
    pub const ALL: [Self; 6] =
        [Self::Starting, Self::Restoring, Self::CatchingUp, Self::Live, Self::KafkaAway, Self::Stopping];

    /// The wire form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Restoring => "restoring",
            Self::CatchingUp => "catching_up",
            Self::Live => "live",
            Self::KafkaAway => "kafka_away",
            Self::Stopping => "stopping",
        }
    }
}

/// What the shell reports to whoever asks for readiness. All atomics: written by the driver, read by anyone.
#[derive(Debug, Default)]
pub struct Status {
    phase: AtomicU8,
    progress: AtomicU64,
    lag: AtomicU64,
    detail: ArcSwap<String>,
}

impl Status {
    /// Enters a phase; the detail is one plain sentence, empty if there is nothing to add. Nothing of another phase is
    /// done yet.
    pub fn enter(&self, phase: Phase, detail: impl Into<String>) {
        if self.phase() != phase {
            self.set_progress(0.0);
        }
        self.detail.store(Arc::new(detail.into()));
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Where the shell stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        let number = self.phase.load(Ordering::Acquire);
        Phase::ALL.into_iter().find(|p| *p as u8 == number).unwrap_or(Phase::Starting)
    }

    /// The sentence beside the phase.
    #[must_use]
    pub fn detail(&self) -> Arc<String> {
        self.detail.load_full()
    }

    /// Sets how much of the phase is done, 0 to 1.
    pub fn set_progress(&self, part: f64) {
        let part = if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) };
        self.progress.store(part.to_bits(), Ordering::Relaxed);
    }

    /// How much of the phase is done, 0 to 1.
    #[must_use]
    pub fn progress(&self) -> f64 {
        f64::from_bits(self.progress.load(Ordering::Relaxed))
    }

    /// Sets how many records are in the log after the last one processed.
    pub fn set_lag(&self, records: u64) {
        self.lag.store(records, Ordering::Relaxed);
    }

    /// How many records are in the log after the last one processed.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.lag.load(Ordering::Relaxed)
    }
}

/// Bounds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of a body at most.
    pub body: usize,
    /// Bytes of a body of `/v1/events` at most.
    pub events_body: usize,
    /// Events in one request at most.
    pub events: usize,
    /// Bytes of all bodies that are being handled at the same time.
    pub bodies: usize,
    /// How long a request may take in all.
    pub request: Duration,
    /// How long an acknowledgement of Kafka is waited for.
    pub delivery: Duration,
    /// Lists computed at the same time; more wait.
    pub lists: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            events_body: 16 << 20,
            events: 20_000,
            bodies: 128 << 20,
            request: Duration::from_secs(10),
            delivery: Duration::from_secs(8),
            lists: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }
}

/// What is handed to the router.
#[derive(Clone)]
pub struct Doors {
    /// The newest view.
    pub view: Arc<dyn Views>,
    /// Tells decision times.
    pub clock: Arc<dyn Clock>,
    /// Writes to Kafka.
    pub sink: Arc<dyn Sink>,
    /// Where to.
    pub topics: Topics,
    /// Changes to arms that the view does not know yet.
    pub overlay: Arc<ArcSwap<Overlay>>,
    /// Takes such changes.
    pub pauses: Arc<dyn PauseLog>,
    /// What the shell reports.
    pub status: Arc<Status>,
    /// Measures.
    pub meter: Arc<dyn Meter>,
    /// Gives ids.
    pub ids: Arc<Ids>,
    /// The bearer token of actions; without one actions are refused.
    pub token: Option<String>,
    /// Bounds of requests.
    pub bounds: Bounds,
    /// What the listener counts.
    pub traffic: Arc<Traffic>,
    /// What the page shows.
    pub live: Arc<Live>,
}

impl Doors {
    /// The newest view, or why there is none.
    pub(super) fn view(&self) -> Result<Arc<dyn Facts>, Problem> {
        self.view.newest().ok_or_else(Problem::no_view)
    }

    /// What stands over the newest view, and that view. In this order: a command leaves the overlay only after a view
    /// that knows it was published, so a pause is in one of the two at every moment.
    pub(super) fn sight(&self) -> Result<(Arc<Overlay>, Arc<dyn Facts>), Problem> {
        let overlay = self.overlay.load_full();
        Ok((overlay, self.view()?))
    }

    /// The state of an arm, with changes that the view does not know yet, in its wire form.
    #[must_use]
    pub fn arm_state(&self, view: &dyn Facts, overlay: &Overlay, experiment: &str, arm: usize) -> &'static str {
        view.experiment(experiment).map_or("retired", |e| super::dto::state_of(e, overlay, arm).as_str())
    }
}

/// The doors with what the router adds to them.
pub(super) struct Hall {
    pub(super) doors: Doors,
    /// Bytes of bodies, in KiB.
    pub(super) bodies: Arc<Semaphore>,
    /// Lists being computed.
    pub(super) lists: Arc<Semaphore>,
}

impl Hall {
    pub(super) fn new(doors: Doors) -> Self {
        let bodies = Arc::new(Semaphore::new((doors.bounds.bodies / 1024).max(1)));
        let lists = Arc::new(Semaphore::new(doors.bounds.lists.max(1)));
        Self { doors, bodies, lists }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_tells_what_was_entered() {
        let status = Status::default();
        assert_eq!(status.phase(), Phase::Starting);
        for phase in Phase::ALL {
            status.enter(phase, phase.as_str());
            assert_eq!(status.phase(), phase);
            assert_eq!(*status.detail(), phase.as_str());
        }
        status.set_progress(7.0);
        assert_eq!(status.progress(), 1.0);
        status.set_progress(f64::NAN);
        assert_eq!(status.progress(), 0.0);
    }
}
