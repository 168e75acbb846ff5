//! Outputs to Kafka: writes that are acknowledged, and a spool that sends again until delivered.

use super::config::{KafkaConfig, Role};
use super::context::Watch;
use super::counters::{KafkaCounters, Outcome};
use super::fault::{is_away, is_refusal, sink_error};
pub use super::spool::SinkLimits;
use super::spool::Spool;
use crate::port::{Delivery, Outgoing, Sink, SinkError};
use arc_swap::ArcSwapOption;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::statistics::Statistics;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// How often the tending thread looks after the spool when nothing waits there, and when something does.
const CALM: Duration = Duration::from_millis(50);
const BUSY: Duration = Duration::from_millis(2);
/// The pause after a failure, so that a record the broker refuses for now does not spin.
const BREATH: Duration = Duration::from_millis(250);

/// Who waits for a record.
enum Ticket {
    /// A client: told once.
    Client(oneshot::Sender<Result<(), SinkError>>),
    /// The spool: number of the record.
    Spool(u64),
}

/// What the producer's callbacks and the sink share.
struct Shared {
    spool: Mutex<Spool>,
    less: Condvar,
    counters: Arc<KafkaCounters>,
    away: AtomicBool,
    /// A spooled record failed: breathe before sending again.
    failed: AtomicBool,
}

impl Shared {
    fn spool(&self) -> MutexGuard<'_, Spool> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, number: u64, result: Result<(), &KafkaError>) {
        let mut spool = self.spool();
        match result {
            Ok(()) => spool.done(number),
            Err(error) if error.rdkafka_error_code().is_some_and(is_refusal) => {
                refuse(&mut spool, number, error, &self.counters);
            }
            Err(_) => {
                KafkaCounters::add(&self.counters.resent, 1);
                self.failed.store(true, Ordering::Relaxed);
                spool.again(number);
            }
        }
        drop(spool);
        self.less.notify_all();
    }
}

struct SinkContext {
    watch: Watch,
    shared: Arc<Shared>,
}

impl ClientContext for SinkContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.watch.log(level, facility, message);
    }

    fn stats(&self, _statistics: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code().is_some_and(is_away) {
            self.shared.away.store(true, Ordering::Relaxed);
        }
        self.watch.error(error, reason);
    }
}

impl ProducerContext for SinkContext {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let (topic, result) = match result {
            Ok(message) => (message.topic(), Ok(())),
            Err((error, message)) => (message.topic(), Err(error)),
        };
        if result.is_ok() {
            self.shared.away.store(false, Ordering::Relaxed);
        }
        let outcome = match result.map_err(sink_error) {
            Ok(()) => Outcome::Delivered,
            Err(SinkError::Refused(_)) => Outcome::Refused,
            Err(_) => Outcome::Unknown,
        };
        self.shared.counters.count_produced(topic, outcome);
        match *ticket {
            // A client that has gone away needs no answer.
            Ticket::Client(answer) => drop(answer.send(result.map_err(unacknowledged))),
            Ticket::Spool(number) => self.shared.settle(number, result),
        }
    }
}

/// After a record was under way, "not now" is "unknown".
fn unacknowledged(error: &KafkaError) -> SinkError {
    match sink_error(error) {
        SinkError::Full => SinkError::Unknown(error.to_string()),
        other => other,
    }
}

type Client = BaseProducer<SinkContext>;

/// Writes to Kafka; [`Sink`] tells how. One thread of its own serves it; dropping it ends the thread.
pub struct KafkaSink {
    shared: Arc<Shared>,
    producer: Arc<ArcSwapOption<Client>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl KafkaSink {
    /// A sink; connects by itself.
    ///
    /// # Errors
    /// When librdkafka refuses the settings.
    pub fn new(config: &KafkaConfig, limits: SinkLimits, counters: Arc<KafkaCounters>) -> Result<Self, SinkError> {
        let settings = config.client(Role::Writer);
        let shared = Arc::new(Shared {
            spool: Mutex::new(Spool::new(limits)),
            less: Condvar::new(),
            counters,
            away: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        });
        let first = make(&settings, &shared).map_err(|e| SinkError::Refused(e.to_string()))?;
        let producer = Arc::new(ArcSwapOption::from(Some(Arc::new(first))));
        let stop = Arc::new(AtomicBool::new(false));
        let tender = Tender { settings, shared: shared.clone(), producer: producer.clone(), stop: stop.clone() };
        let thread = std::thread::Builder::new()
            .name("kafka-sink".to_owned())
            .spawn(move || tender.run())
            .map_err(|e| SinkError::Refused(e.to_string()))?;
        Ok(Self { shared, producer, stop, thread: Some(thread) })
    }

    /// Whether the brokers were away when last heard of.
    #[must_use]
    pub fn away(&self) -> bool {
        self.shared.away.load(Ordering::Relaxed)
    }

    /// Bytes in the spool.
    #[must_use]
    pub fn spooled_bytes(&self) -> usize {
        self.shared.spool().bytes()
    }
}

impl Drop for KafkaSink {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        self.producer.store(None);
    }
}

impl Sink for KafkaSink {
    fn send(&self, record: Outgoing) -> Delivery {
        let (answer, waiting) = oneshot::channel();
        let refused = match self.producer.load_full() {
            None => Err(SinkError::Full),
            Some(producer) => hand_over(&producer, &record, Ticket::Client(answer)).map_err(|e| sink_error(&e)),
        };
        if let Err(error) = refused {
            let outcome = if error == SinkError::Full { Outcome::Full } else { Outcome::Refused };
            self.shared.counters.count_produced(&record.topic, outcome);
            return Box::pin(std::future::ready(Err(error)));
        }
        let gone = || SinkError::Unknown("the producer ended".to_owned());
        Box::pin(async move { waiting.await.unwrap_or_else(|_| Err(gone())) })
    }

    fn spool(&self, record: Outgoing) -> Result<(), Outgoing> {
        let mut spool = self.shared.spool();
        let in_turn = !spool.waits() && !self.shared.failed.load(Ordering::Relaxed);
        spool.push(record).inspect_err(|record| {
            self.shared.counters.count_produced(&record.topic, Outcome::Full);
        })?;
        // Nobody is before it: hand it over at once instead of waiting for the tending thread.
        if in_turn && let Some(producer) = self.producer.load_full() {
            feed(&producer, &mut spool, &self.shared.counters);
        }
        Ok(())
    }

    fn spooled(&self) -> usize {
        self.shared.spool().len()
    }

    fn flush(&self, limit: Duration) -> usize {
        let spool = self.shared.spool();
        let mark = spool.mark();
        let waited = self.shared.less.wait_timeout_while(spool, limit, |spool| spool.any_left(mark));
        waited.unwrap_or_else(PoisonError::into_inner).0.left(mark)
    }
}

/// The thread that serves callbacks, sends what waits and replaces a producer that failed.
struct Tender {
    settings: ClientConfig,
    shared: Arc<Shared>,
    producer: Arc<ArcSwapOption<Client>>,
    stop: Arc<AtomicBool>,
}

impl Tender {
    fn run(self) {
        while !self.stop.load(Ordering::Relaxed) {
            let Some(producer) = self.producer.load_full() else { break };
            if let Some((code, text)) = producer.client().fatal_error() {
                tracing::warn!("the producer failed for good ({code:?}: {text}); building a new one");
                self.rebuild();
                continue;
            }
            let waits = self.shared.spool().waits();
            producer.poll(if waits { BUSY } else { CALM });
            if self.shared.failed.load(Ordering::Relaxed) {
                producer.poll(BREATH);
                self.shared.failed.store(false, Ordering::Relaxed);
            }
            let mut spool = self.shared.spool();
            feed(&producer, &mut spool, &self.shared.counters);
            drop(spool);
            // What was refused on the way has left, too.
            self.shared.less.notify_all();
        }
    }

    fn rebuild(&self) {
        KafkaCounters::add(&self.shared.counters.producers_rebuilt, 1);
        match make(&self.settings, &self.shared) {
            // What was under way in the old one comes back as failed when it is dropped, and is sent again.
            Ok(fresh) => drop(self.producer.swap(Some(Arc::new(fresh)))),
            Err(error) => {
                tracing::error!("building a producer failed: {error}");
                std::thread::sleep(BREATH);
            }
        }
    }
}

fn make(settings: &ClientConfig, shared: &Arc<Shared>) -> KafkaResult<Client> {
    let watch = Watch::new("sink", shared.counters.clone());
    settings.create_with_context(SinkContext { watch, shared: shared.clone() })
}

/// Sends what waits in the spool, oldest first, until the client takes no more.
fn feed(producer: &Client, spool: &mut Spool, counters: &KafkaCounters) {
    while let Some((number, record)) = spool.take() {
        match hand_over(producer, &record, Ticket::Spool(number)) {
            Ok(()) => {}
            Err(error) if error.rdkafka_error_code().is_some_and(is_refusal) => {
                counters.count_produced(&record.topic, Outcome::Refused);
                refuse(spool, number, &error, counters);
            }
            Err(_) => {
                spool.again(number);
                return;
            }
        }
    }
}

/// A record that will never be taken must not hold up the others; it is never dropped silently.
fn refuse(spool: &mut Spool, number: u64, error: &KafkaError, counters: &KafkaCounters) {
    tracing::error!("Kafka refuses one of our records for good, it is dropped: {error}");
    KafkaCounters::add(&counters.spool_dropped, 1);
    spool.done(number);
}

fn hand_over(producer: &Client, record: &Outgoing, ticket: Ticket) -> KafkaResult<()> {
    let mut out = BaseRecord::<[u8], [u8], Box<Ticket>>::with_opaque_to(&record.topic, Box::new(ticket));
    out.key = record.key.as_deref();
    out.payload = record.payload.as_deref();
    out.timestamp = record.timestamp.map(|t| t.0);
    if !record.headers.is_empty() {
        let headers = OwnedHeaders::new_with_capacity(record.headers.len());
        out.headers = Some(
            record
                .headers
                .iter()
                .fold(headers, |headers, (key, value)| headers.insert(Header { key, value: value.as_deref() })),
        );
    }
    producer.send(out).map_err(|(error, _)| error)
}
