//! Broker, instance and shoppers of the demo, from opening to closing time.

use super::line::{Around, LEGEND, Moment, line};
use super::milestone::Milestones;
use super::settings::{ARMS, EXPERIMENT, experiment, models};
use crate::adapter::clock::{SystemClock, monotonic_nanos};
use crate::adapter::embedded::EmbeddedBroker;
use crate::adapter::entropy::entropy;
use crate::adapter::kafka::{KafkaConfig, Leading, names};
use crate::app::{Document, RunSettings, Running, SourceSettings, start};
use crate::event::{Span, Time};
use crate::pipeline::PipelineConfig;
use crate::port::{Clock, Start};
use crate::rng::Seed;
use crate::simulate::{Doings, Pace, Shoppers, Street};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a user may choose.
#[derive(Clone, Debug)]
pub struct DemoSettings {
    /// Where HTTP listens.
    pub listen: SocketAddr,
    /// Stops by itself after this time.
    pub duration: Option<Span>,
    /// Root of all chance in the shop.
    pub seed: u64,
    /// The first regime of the shop lasts this long; the best arm changes then.
    pub phase: Span,
    /// Whether the line may be rewritten in place, and coloured.
    pub living: bool,
}

/// The shop's topic.
const TOPIC: &str = "shop.events";
/// Between two looks at the view.
const LOOK: Duration = Duration::from_millis(200);
/// Between two lines where they cannot be rewritten.
const PLAIN: Span = Span::seconds(5);
/// Lists of each arm, lately, from which on it is known which one is truly best.
const LISTS: f64 = 5.0;
/// Records not yet learned from which browsing slows down: the embedded broker keeps few.
const LAG: u64 = 2_000;

/// Runs the demo. `say` gets a line and whether it replaces the one before.
///
/// # Errors
/// When broker or instance cannot start, or the instance stops by an error.
pub fn demo(settings: &DemoSettings, mut say: impl FnMut(&str, bool)) -> anyhow::Result<Document> {
    let ours = [names::EVENTS, names::DECISIONS, names::ALLOCATIONS, names::DEAD_LETTERS, names::CONTROL];
    let own: Vec<String> = ours.iter().map(|name| format!("reiver.{name}")).collect();
    let mut topics: Vec<(&str, i32)> = vec![(TOPIC, 4)];
    topics.extend(own.iter().map(|name| (name.as_str(), if name.ends_with(names::CONTROL) { 1 } else { 4 })));
    let broker = EmbeddedBroker::start(&topics)?;
    let folder = std::env::temp_dir().join(format!("reiver-demo-{:016x}", entropy()));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // The page's link carries it, so that arms can be paused there; it ends with the demo.
    let token = format!("{:016x}{:016x}", entropy(), entropy());
    let running = start(run_settings(settings, &broker, &folder, &token)?, Arc::clone(&clock))?;
    running.stop_at_signals();
    say(&format!("the shop is open: http://{}", running.address), false);
    say(&format!("the same page, where arms can be paused: http://{}/#token={token}", running.address), false);
    say(LEGEND, false);

    let opens = clock.now();
    let street = Arc::new(Street::usual(opens, settings.phase, experiment().window, Seed(settings.seed)));
    let closing = CancellationToken::new();
    let shoppers = Arc::new(Shoppers {
        street: Arc::clone(&street),
        address: running.address.to_string(),
        experiment: EXPERIMENT.to_owned(),
        topic: TOPIC.into(),
        sink: Arc::clone(&running.sink),
        clock: Arc::clone(&clock),
        pace: Pace { lag: LAG, ..Pace::default() },
        lag: {
            let status = Arc::clone(&running.status);
            Arc::new(move || status.lag())
        },
        doings: Arc::new(Doings::default()),
    });
    let living = running.runtime().spawn(shoppers.live(closing.clone()));
    watch(settings, &running, &street, &*clock, opens, &mut say);
    closing.cancel();
    let runtime = running.runtime();
    let _left = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(1), living).await });
    running.stop.cancel();
    let document = running.wait();
    drop(broker);
    // The shop was never real: nothing of it is kept.
    let _gone = std::fs::remove_dir_all(&folder);
    document
}

fn run_settings(
    settings: &DemoSettings,
    broker: &EmbeddedBroker,
    folder: &Path,
    token: &str,
) -> anyhow::Result<RunSettings> {
    Ok(RunSettings {
        kafka: KafkaConfig {
            brokers: broker.bootstrap()?,
            group: "demo".to_owned(),
            prefix: "reiver".to_owned(),
            client: EmbeddedBroker::client_settings(),
        },
        sources: vec![SourceSettings { topic: TOPIC.to_owned(), start: Start::Earliest, items: false }],
        state: folder.to_owned(),
        every: Span::seconds(10),
        keep: 2,
        listen: settings.listen,
        token: Some(token.to_owned()),
        pipeline: PipelineConfig {
            models: models(),
            experiments: vec![experiment()],
            memory: 1 << 30,
            nanos: monotonic_nanos,
            ..PipelineConfig::default()
        },
        rank: None,
        leading: Leading::Alone,
        partitions: 4,
        until_end: false,
        confirm_reset: Vec::new(),
        config_hash: "demo".to_owned(),
    })
}

/// Says what happens until closing time.
fn watch(
    settings: &DemoSettings,
    running: &Running,
    street: &Street,
    clock: &dyn Clock,
    opens: Time,
    say: &mut impl FnMut(&str, bool),
) {
    let mut milestones = Milestones::new(street.world());
    let (mut before, mut rates) = ((Moment::default(), opens), (0.0, 0.0));
    let mut said = opens;
    while !running.stop.is_cancelled() {
        std::thread::sleep(LOOK);
        let now = clock.now();
        if settings.duration.is_some_and(|d| now - opens >= d) {
            return;
        }
        if let Some(change) = milestones.change(street.world().regime(now), now) {
            say(change, false);
        }
        let Some(view) = running.view.load_full() else { continue };
        let best = street.best(ARMS.len(), LISTS, now);
        if let Some(reached) = best.as_ref().and_then(|best| milestones.reached(&*view, best, now)) {
            say(&reached, false);
        }
        if now - before.1 >= Span::seconds(1) {
            let moment = Moment::of(&*view);
            rates = moment.rates(before.0, now - before.1);
            before = (moment, now);
        }
        if settings.living || now - said >= PLAIN {
            said = now;
            let around = Around {
                running: now - opens,
                rates,
                lag: running.status.lag(),
                best: best.as_deref(),
                colour: settings.living,
            };
            say(&line(&*view, &around), settings.living);
        }
    }
}
