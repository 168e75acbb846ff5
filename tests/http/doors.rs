//! Doors whose view, sink and clock a test holds in its hands.

use arc_swap::{ArcSwap, ArcSwapOption};
use reiver::adapter::clock::ManualClock;
use reiver::allocate::{Experiment, ExperimentConfig, Overlay};
use reiver::app::HttpMeter;
use reiver::event::{Code, Command, DecisionKey, Kind, ListedItem, Time};
use reiver::observe::{Metrics, Names};
use reiver::pipeline::{ArmTally, DecisionTrace, EventOutcome, Facts, ModelFacts, RecommendRequest, Totals};
use reiver::port::{Delivery, Outgoing, Sink, SinkError};
use reiver::rng::Seed;
use reiver::serve::{
    Bounds, Doors, Ids, Live, LiveLimits, PauseError, PauseLog, Phase, ROUTES, Status, Topics, Traffic,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// 2026-11-24T07:00:00.123Z.
pub(crate) const NOW: Time = Time(1_795_503_600_123);

/// A view made of plain data.
#[derive(Default)]
pub(crate) struct FakeView {
    pub(crate) version: u64,
    pub(crate) experiments: Vec<Experiment>,
    pub(crate) tallies: BTreeMap<(String, String), ArmTally>,
    pub(crate) decisions: BTreeMap<DecisionKey, DecisionTrace>,
    pub(crate) lists: BTreeMap<String, Vec<ListedItem>>,
    pub(crate) models: Vec<ModelFacts>,
    pub(crate) panics: bool,
}

impl Facts for FakeView {
    fn version(&self) -> u64 {
        self.version
    }
    fn log_time(&self) -> Time {
        NOW
    }
    fn published(&self) -> Time {
        NOW
    }
    fn generation(&self) -> u64 {
        3
    }
    fn experiments(&self) -> &[Experiment] {
        &self.experiments
    }
    fn tally(&self, experiment: &str, arm: &str) -> ArmTally {
        self.tallies.get(&(experiment.to_owned(), arm.to_owned())).copied().unwrap_or_default()
    }
    fn totals(&self) -> Totals {
        Totals {
            events: vec![(Some(Kind::Interaction), EventOutcome::Accepted, 12), (None, EventOutcome::Rejected, 2)],
            rejected: vec![(Code::MalformedJson, 2)],
            users: 5,
            items: 7,
        }
    }
    fn models(&self) -> Vec<ModelFacts> {
        assert!(!self.panics, "a fault on purpose");
        self.models.clone()
    }
    fn recommend(&self, request: &RecommendRequest<'_>) -> Vec<ListedItem> {
        let list = self.lists.get(request.arm).cloned().unwrap_or_default();
        let mut list: Vec<_> = list
            .into_iter()
            .filter(|i| !request.exclude.contains(&i.item_id))
            .filter(|i| request.candidates.is_none_or(|c| c.contains(&i.item_id)))
            .take(request.k)
            .collect();
        for (i, item) in list.iter_mut().enumerate() {
            item.rank = i as u32 + 1;
        }
        list
    }
    fn decision(&self, key: DecisionKey) -> Option<DecisionTrace> {
        self.decisions.get(&key).cloned()
    }
}

/// How a write ends.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    Delivered,
    Fails(SinkError),
    Never,
}

/// A sink that keeps what it got.
pub(crate) struct FakeSink {
    pub(crate) sent: Mutex<Vec<Outgoing>>,
    pub(crate) spool: Mutex<Vec<Outgoing>>,
    pub(crate) room: AtomicUsize,
    pub(crate) ending: Mutex<Ending>,
    /// Whether to keep records at all: benchmarks do not.
    pub(crate) keeps: bool,
}

impl FakeSink {
    pub(crate) fn new(keeps: bool) -> Self {
        Self {
            sent: Mutex::default(),
            spool: Mutex::default(),
            room: AtomicUsize::new(usize::MAX),
            ending: Mutex::new(Ending::Delivered),
            keeps,
        }
    }
}

impl Sink for FakeSink {
    fn send(&self, record: Outgoing) -> Delivery {
        if self.keeps {
            self.sent.lock().expect("alive").push(record);
        }
        let ending = self.ending.lock().expect("alive").clone();
        Box::pin(async move {
            match ending {
                Ending::Delivered => Ok(()),
                Ending::Fails(error) => Err(error),
                Ending::Never => std::future::pending().await,
            }
        })
    }
    fn spool(&self, record: Outgoing) -> Result<(), Outgoing> {
        if self.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_err() {
            return Err(record);
        }
        if self.keeps {
            self.spool.lock().expect("alive").push(record);
        }
        Ok(())
    }
    fn spooled(&self) -> usize {
        self.spool.lock().expect("alive").len()
    }
    fn flush(&self, _limit: Duration) -> usize {
        0
    }
}

/// Takes changes to arms as the shell does: into the overlay at once.
pub(crate) struct FakePauses {
    pub(crate) overlay: Arc<ArcSwap<Overlay>>,
    pub(crate) taken: Mutex<Vec<Command>>,
    pub(crate) fails: Mutex<Option<PauseError>>,
}

impl PauseLog for FakePauses {
    fn request(&self, command: Command) -> Result<(), PauseError> {
        if let Some(error) = self.fails.lock().expect("alive").clone() {
            return Err(error);
        }
        let mut taken = self.taken.lock().expect("alive");
        taken.push(command);
        self.overlay.store(Arc::new(Overlay::of(taken.iter())));
        Ok(())
    }
}

/// Everything a test holds.
pub(crate) struct House {
    pub(crate) doors: Doors,
    pub(crate) view: Arc<ArcSwapOption<FakeView>>,
    pub(crate) sink: Arc<FakeSink>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) pauses: Arc<FakePauses>,
    pub(crate) status: Arc<Status>,
}

/// The experiment of the tests: three arms, each decision drawn anew.
pub(crate) fn home() -> Experiment {
    let mut config = ExperimentConfig::new("home", &["popularity", "transitions", "ncf"], "popularity");
    config.stick = None;
    Experiment::new(config)
}

/// One entry of a list.
pub(crate) fn listed(item_id: &str, score: f64) -> ListedItem {
    ListedItem { item_id: item_id.to_owned(), score, rank: 0 }
}

/// A view with the experiment, lists for two of its arms, and a model.
pub(crate) fn view() -> FakeView {
    let mut view = FakeView { version: 1, experiments: vec![home()], ..FakeView::default() };
    view.lists.insert("popularity".to_owned(), vec![listed("i1", 3.0), listed("i2", 2.0), listed("i3", 1.0)]);
    view.lists.insert("transitions".to_owned(), vec![listed("i2", 0.9), listed("i1", 0.8), listed("i3", 0.1)]);
    let tally = ArmTally { decisions: 10, assignments: 6, rewards: 4, expired: 3, pending: 3, reward_sum: 4.0 };
    view.tallies.insert(("home".to_owned(), "ncf".to_owned()), tally);
    view.models.push(ModelFacts { kind: "mf".to_owned(), examples: 7, auc: Some(0.7), ..ModelFacts::default() });
    view
}

/// A house that is live, with a token, whose clock stands at [`NOW`].
pub(crate) fn house(keeps: bool) -> House {
    let swap = Arc::new(ArcSwapOption::from_pointee(view()));
    let sink = Arc::new(FakeSink::new(keeps));
    let clock = Arc::new(ManualClock::at(NOW));
    let overlay = Arc::new(ArcSwap::from_pointee(Overlay::default()));
    let pauses =
        Arc::new(FakePauses { overlay: Arc::clone(&overlay), taken: Mutex::default(), fails: Mutex::default() });
    let status = Arc::new(Status::default());
    status.enter(Phase::Live, "");
    let metrics = Metrics::default();
    metrics.declare(&Names {
        version: "0".to_owned(),
        routes: ROUTES.iter().map(|(r, m)| ((*r).to_owned(), (*m).to_owned())).collect(),
        phases: Phase::ALL.map(Phase::as_str).to_vec(),
        models: vec!["mf".to_owned()],
        experiments: vec![("home".to_owned(), ["popularity", "transitions", "ncf"].map(str::to_owned).to_vec())],
        ..Names::default()
    });
    let doors = Doors {
        view: swap.clone(),
        clock: clock.clone(),
        sink: sink.clone(),
        topics: Topics { events: "reiver.events".into(), decisions: "reiver.decisions".into() },
        overlay,
        pauses: pauses.clone(),
        status: status.clone(),
        meter: Arc::new(HttpMeter::new(metrics)),
        ids: Arc::new(Ids::new(Seed(42))),
        token: Some("s3cret".to_owned()),
        bounds: Bounds::default(),
        traffic: Arc::new(Traffic::default()),
        live: Arc::new(Live::new(7, LiveLimits { clients: 4, backlog: 2, spool: 1000 })),
    };
    House { doors, view: swap, sink, clock, pauses, status }
}
