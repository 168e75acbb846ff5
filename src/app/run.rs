//! The wiring of a running instance: which adapters, which threads, in which order they start and stop.

use super::document::Document;
use super::drive::{Drive, DriveConfig};
use super::learner::{Learner, Progress};
use super::meter::HttpMeter;
use super::outlet::Outlet;
use super::pauses::Pauses;
use super::reader::read;
use super::restore::restore;
use super::saver::save;
use super::settings::RunSettings;
use super::signals::asked_to_stop;
use super::watch::{Counted, CountedControl, Watcher};
use crate::adapter::clock::Stopwatch;
use crate::adapter::entropy::entropy;
use crate::adapter::file::FolderStore;
use crate::adapter::kafka::{
    KafkaControl, KafkaCounters, KafkaSink, KafkaSource, SinkLimits, TopicPlan, describe, ensure, names,
};
use crate::observe::{Family, Metrics, Names, SERIES_BUDGET};
use crate::pipeline::View;
use crate::pipeline::checkpoint::Checkpoints;
use crate::port::{CheckpointStore, Clock, Sink};
use crate::rng::Seed;
use crate::serve::{self, Bounds, Doors, Ids, Limits, Live, LiveLimits, Phase, Status, Topics, Traffic};
use anyhow::Context;
use arc_swap::{ArcSwap, ArcSwapOption};
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long the spool may take to empty at the end.
const LAST_FLUSH: Duration = Duration::from_secs(4);
/// How long a stop waits for the reader to leave the brokers.
const READER_ENDS: Duration = Duration::from_secs(1);
/// Batches between the reader and the learner.
const BATCHES: usize = 64;

/// A running instance.
pub struct Running {
    /// Where HTTP listens.
    pub address: SocketAddr,
    /// The newest view.
    pub view: Arc<ArcSwapOption<View>>,
    /// Its phase, lag and progress.
    pub status: Arc<Status>,
    /// Writes to Kafka.
    pub sink: Arc<dyn Sink>,
    /// Cancelled: the instance stops.
    pub stop: CancellationToken,
    runtime: tokio::runtime::Runtime,
    learner: JoinHandle<Result<Drive, String>>,
    reader: JoinHandle<()>,
    served: tokio::task::JoinHandle<usize>,
    since: Stopwatch,
}

/// Starts an instance and returns once its state is restored; catching up goes on behind it. HTTP listens before that,
/// and tells how far the restore is.
///
/// # Errors
/// When the state folder is locked or does not fit the settings, a topic is missing, the brokers do not answer, or
/// the address is taken: the message says which and what to do.
pub fn start(settings: RunSettings, clock: Arc<dyn Clock>) -> anyhow::Result<Running> {
    let store = Arc::new(FolderStore::open(&settings.state)?);
    start_from(store, settings, clock)
}

/// The same, with checkpoints elsewhere than in the state folder.
///
/// # Errors
/// See [`start`].
pub fn start_from(
    store: Arc<dyn CheckpointStore>,
    settings: RunSettings,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Running> {
    let since = Stopwatch::start();
    let overlay = Arc::new(ArcSwap::default());
    let pauses = Arc::new(Pauses::open(&settings.state, Arc::clone(&overlay)).context("commands beside the state")?);
    let status = Arc::new(Status::default());
    status.enter(Phase::Restoring, "reading the newest checkpoint");
    let mut checkpoints = Checkpoints::open(store, settings.keep)?;
    prepare_topics(&settings)?;
    let counters = Arc::new(KafkaCounters::default());
    let sink: Arc<dyn Sink> = Arc::new(KafkaSink::new(&settings.kafka, SinkLimits::default(), Arc::clone(&counters))?);
    let control = KafkaControl::new(&settings.kafka, Arc::clone(&counters), settings.leading)?;
    let source = KafkaSource::new(settings.kafka.clone(), Arc::clone(&counters));

    let metrics = Metrics::new(SERIES_BUDGET);
    metrics.declare(&names_of(&settings));
    metrics.set(Family::QueueCapacity, &["spool"], SinkLimits::default().records as f64);
    let view: Arc<ArcSwapOption<View>> = Arc::new(ArcSwapOption::empty());
    let stop = CancellationToken::new();
    let topics = |name: &str| -> Arc<str> { settings.kafka.topic(name).into() };
    let doors = Doors {
        view: Arc::<ArcSwapOption<View>>::clone(&view),
        clock: Arc::clone(&clock),
        sink: Arc::clone(&sink),
        topics: Topics { events: topics(names::EVENTS), decisions: topics(names::DECISIONS) },
        overlay,
        pauses: Arc::<Pauses>::clone(&pauses),
        status: Arc::clone(&status),
        meter: Arc::new(HttpMeter::new(metrics.clone()).with_kafka(Arc::clone(&counters))),
        ids: Arc::new(Ids::new(Seed(entropy()))),
        token: settings.token.clone(),
        bounds: Bounds::default(),
        traffic: Arc::new(Traffic::default()),
        live: Arc::new(Live::new(
            entropy(),
            LiveLimits { spool: SinkLimits::default().records, ..LiveLimits::default() },
        )),
    };

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let listener = runtime.block_on(serve::bind(settings.listen))?;
    let address = listener.local_addr()?;
    let traffic = Arc::clone(&doors.traffic);
    runtime.spawn(serve::watch(doors.clone(), stop.clone()));
    let served = runtime.spawn(serve::serve(listener, serve::router(doors), Limits::default(), traffic, stop.clone()));

    let mut told = |read, all| progress(&status, read, all);
    let (pipeline, manifest) = restore(&settings, &mut checkpoints, &mut told).map_err(anyhow::Error::msg)?;
    runtime.spawn(send_commands(Arc::clone(&pauses), Arc::clone(&sink), topics(names::CONTROL), stop.clone()));

    let outlet = Outlet::new(Arc::clone(&sink), &settings.kafka, metrics.clone());
    let learner = Parts {
        drive: Drive::new(pipeline, leading(&settings), &manifest),
        checkpoints,
        control,
        source,
        outlet,
        pauses,
        clock,
        metrics,
        counters,
    };
    let (learner, reader) = learner.spawn(settings, &view, &status, &stop);
    Ok(Running { address, view, status, sink, stop, runtime, learner, reader, served, since })
}

/// Says how far a restore is.
fn progress(status: &Status, read: u64, all: u64) {
    if all == 0 {
        return;
    }
    if status.progress() == 0.0 {
        let of = match all {
            0..1_000_000 => format!("of {} kB", all.div_ceil(1000)),
            1_000_000..1_000_000_000 => format!("of {:.1} MB", all as f64 / 1e6),
            _ => format!("of {:.1} GB", all as f64 / 1e9),
        };
        status.enter(Phase::Restoring, of);
    }
    status.set_progress(read as f64 / all as f64);
}

/// How a driver leads.
fn leading(settings: &RunSettings) -> DriveConfig {
    DriveConfig {
        contents: settings.contents(),
        learner: format!("{:016x}", entropy()),
        rank: settings.rank,
        follow_only: false,
        allow_gaps: false,
    }
}

/// What the learner's threads are made of.
struct Parts {
    drive: Drive,
    checkpoints: Checkpoints,
    control: KafkaControl,
    source: KafkaSource,
    outlet: Outlet,
    pauses: Arc<Pauses>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    counters: Arc<KafkaCounters>,
}

impl Parts {
    fn spawn(
        self,
        settings: RunSettings,
        view: &Arc<ArcSwapOption<View>>,
        status: &Arc<Status>,
        stop: &CancellationToken,
    ) -> (JoinHandle<Result<Drive, String>>, JoinHandle<()>) {
        let (asks, asked) = mpsc::channel();
        let (tell, told) = mpsc::sync_channel(BATCHES);
        let (snapshots, to_save) = mpsc::sync_channel(1);
        let (outcomes, saved) = mpsc::channel();
        let contents = settings.contents();
        let mut source = Counted::new(self.source, self.metrics.clone());
        let (checkpoints, sink) = (self.checkpoints, Arc::clone(&self.outlet.sink));
        let reader = std::thread::spawn(move || read(&mut source, &contents, &asked, &tell));
        std::thread::spawn(move || save(checkpoints, &sink, &to_save, &outcomes));
        let control = CountedControl::new(self.control, self.metrics.clone());
        let mut watcher = Watcher::new(self.metrics, self.counters, Arc::clone(view));
        let learner = Learner {
            settings,
            drive: self.drive,
            control: Box::new(control),
            clock: self.clock,
            asks,
            told,
            snapshots,
            saved,
            outlet: self.outlet,
            view: Arc::clone(view),
            pauses: self.pauses,
            status: Arc::clone(status),
            stop: stop.clone(),
            observe: Box::new(move |stepped, drive| watcher.step(stepped, drive)),
            progress: Progress::default(),
        };
        let stop = stop.clone();
        let learner = std::thread::spawn(move || {
            let ended = learner.run();
            stop.cancel();
            ended
        });
        (learner, reader)
    }
}

/// Makes our own topics; a team's topics must be there, and are only looked at.
fn prepare_topics(settings: &RunSettings) -> anyhow::Result<()> {
    settings.kafka.check()?;
    ensure(&settings.kafka, &TopicPlan::ours(&settings.kafka, settings.partitions), -1)?;
    let wanted: Vec<String> = settings.sources.iter().map(|s| s.topic.clone()).collect();
    let there = describe(&settings.kafka, &wanted)?;
    let missing: Vec<String> = wanted.into_iter().filter(|t| there.get(t).is_none_or(Option::is_none)).collect();
    anyhow::ensure!(
        missing.is_empty(),
        "these input topics are not on {}: {}. Reiver makes only its own topics: make these, or correct [[source]]",
        settings.kafka.brokers,
        missing.join(", ")
    );
    Ok(())
}

async fn send_commands(pauses: Arc<Pauses>, sink: Arc<dyn Sink>, control: Arc<str>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if pauses.unsent() {
            pauses.send(&*sink, &control).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn names_of(settings: &RunSettings) -> Names {
    let own = [names::EVENTS, names::DECISIONS, names::CONTROL, names::ALLOCATIONS, names::DEAD_LETTERS];
    Names {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: option_env!("REIVER_REVISION").unwrap_or_default().to_owned(),
        config_hash: settings.config_hash.clone(),
        inputs: settings.contents().into_keys().collect(),
        outputs: own.map(|n| settings.kafka.topic(n)).to_vec(),
        models: settings.pipeline.models.iter().map(|(kind, _)| kind.clone()).collect(),
        experiments: settings.pipeline.experiments.iter().map(|e| (e.name.clone(), e.arms.clone())).collect(),
        routes: serve::ROUTES.iter().map(|(r, m)| ((*r).to_owned(), (*m).to_owned())).collect(),
        phases: Phase::ALL.map(Phase::as_str).to_vec(),
    }
}

impl Running {
    /// Stops at SIGTERM or SIGINT from here on.
    pub fn stop_at_signals(&self) {
        let stop = self.stop.clone();
        self.runtime.spawn(async move {
            match asked_to_stop().await {
                Ok(()) => stop.cancel(),
                Err(error) => {
                    tracing::error!(%error, "signals cannot be heard; stop with SIGKILL, nothing is lost by it");
                }
            }
        });
    }

    /// Where tasks of this instance run.
    #[must_use]
    pub fn runtime(&self) -> tokio::runtime::Handle {
        self.runtime.handle().clone()
    }

    /// Waits until the instance has stopped, by itself or because it was told to.
    ///
    /// # Errors
    /// The sentence that says why nothing could be processed any more.
    pub fn wait(self) -> anyhow::Result<Document> {
        let drive = self.learner.join().map_err(|_| anyhow::anyhow!("the learner's thread ended in a panic"))?;
        let left = self.sink.flush(LAST_FLUSH);
        if left > 0 {
            tracing::warn!(left, "records were not acknowledged before the end");
        }
        let _cut_off = self.runtime.block_on(self.served);
        // It leaves the brokers by itself; where they are away that may take for ever.
        for _ in 0..READER_ENDS.as_millis() / 20 {
            if self.reader.is_finished() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.runtime.shutdown_timeout(Duration::from_secs(1));
        let drive = drive.map_err(anyhow::Error::msg)?;
        Ok(Document::of(drive.pipeline(), self.since.seconds()))
    }
}
