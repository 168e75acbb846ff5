//! The demo's shoppers, sent to an instance that runs elsewhere: they ask it over HTTP, and write to its Kafka.

use super::signals::asked_to_stop;
use crate::adapter::kafka::{KafkaConfig, KafkaCounters, KafkaSink, SinkLimits};
use crate::event::Span;
use crate::port::{Clock, Sink};
use crate::rng::Seed;
use crate::simulate::{Doings, Pace, Shoppers, Street};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long the last records may take to reach Kafka.
const LAST_FLUSH: Duration = Duration::from_secs(4);

/// What is visited, and how.
pub struct VisitSettings {
    /// Brokers of the shop's topic.
    pub kafka: KafkaConfig,
    /// The shop's topic.
    pub topic: String,
    /// The experiment that decides.
    pub experiment: String,
    /// Its window: later clicks are worth nothing.
    pub window: Span,
    /// Host and port of the instance.
    pub address: String,
    /// Root of all chance.
    pub seed: u64,
    /// The truth changes after this time.
    pub phase: Span,
    /// Lists asked for a second; browsing goes with it.
    pub rate: f64,
    /// Ends by itself after this time.
    pub duration: Option<Span>,
    /// Records that the instance has not learned yet: browsing eases off when they are many.
    pub lag: Arc<AtomicU64>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct VisitDocument {
    /// Lists asked for.
    pub asked: u64,
    /// Lists received.
    pub served: u64,
    /// Requests that got no answer, or a refusal.
    pub failed: u64,
    /// Requests not made because too many were open.
    pub skipped: u64,
    /// Records written to the shop's topic.
    pub written: u64,
    /// Records that could not be written.
    pub refused: u64,
    /// Clicks told by HTTP.
    pub fed: u64,
}

/// Browsing events beside each list that is asked for, as in the demo.
fn pace(rate: f64) -> Pace {
    let usual = Pace::default();
    Pace { browsing: usual.browsing / usual.asking * rate, asking: rate, ..usual }
}

/// Lets shoppers visit until the time is over or a signal ends it.
///
/// # Errors
/// When the Kafka settings are refused, or signals cannot be heard.
pub fn visit(settings: &VisitSettings, clock: Arc<dyn Clock>) -> anyhow::Result<VisitDocument> {
    let sink = KafkaSink::new(&settings.kafka, SinkLimits::default(), Arc::new(KafkaCounters::default()))?;
    let sink: Arc<dyn Sink> = Arc::new(sink);
    let opens = clock.now();
    let street = Street::usual(opens, settings.phase, settings.window, Seed(settings.seed));
    let doings = Arc::new(Doings::default());
    let lag = Arc::clone(&settings.lag);
    let shoppers = Arc::new(Shoppers {
        street: Arc::new(street),
        address: settings.address.clone(),
        experiment: settings.experiment.clone(),
        topic: settings.topic.as_str().into(),
        sink: Arc::clone(&sink),
        clock,
        pace: pace(settings.rate),
        lag: Arc::new(move || lag.load(Ordering::Relaxed)),
        doings: Arc::clone(&doings),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let closing = CancellationToken::new();
        let living = tokio::spawn(shoppers.live(closing.clone()));
        closing_time(settings.duration).await?;
        closing.cancel();
        living.await.map_err(|_| anyhow::anyhow!("the shoppers ended in a panic"))
    })?;
    let left = sink.flush(LAST_FLUSH);
    if left > 0 {
        tracing::warn!(left, "records were not acknowledged before the end");
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Ok(VisitDocument {
        asked: count(&doings.asked),
        served: count(&doings.served),
        failed: count(&doings.failed),
        skipped: count(&doings.skipped),
        written: count(&doings.written),
        refused: count(&doings.refused),
        fed: count(&doings.fed),
    })
}

/// The end of the duration, or a signal.
async fn closing_time(duration: Option<Span>) -> anyhow::Result<()> {
    let over = async {
        match duration {
            Some(span) => tokio::time::sleep(Duration::from_millis(span.0.unsigned_abs())).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        heard = asked_to_stop() => heard?,
        () = over => {}
    }
    Ok(())
}
