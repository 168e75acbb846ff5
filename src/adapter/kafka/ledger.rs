//! The learner's pen: a transactional producer, one record a transaction, that fences the learner before.

use super::config::{KafkaConfig, Role};
use super::context::Watch;
use super::counters::KafkaCounters;
use crate::port::AppendError;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::statistics::Statistics;
use std::sync::Arc;
use std::time::Duration;

/// One try to commit; together the tries outlast a passing leader change.
const TRY: Duration = Duration::from_secs(3);
const TRIES: u32 = 4;
/// One look for the acknowledgement of the record.
const LOOK: Duration = Duration::from_millis(1);
/// How long a take-over may wait for the coordinator (it aborts what the predecessor left open).
const TAKE_OVER: Duration = Duration::from_secs(20);

struct LedgerContext(Watch);

impl ClientContext for LedgerContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log(level, facility, message);
    }

    fn stats(&self, _statistics: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }
}

impl ProducerContext for LedgerContext {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _opaque: ()) {
        // The commit tells the same; this only names the cause.
        if let Err((error, _)) = result {
            tracing::debug!("a control record was not delivered: {error}");
        }
    }
}

/// How the open transaction has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Commit,
    Abort,
}

/// Writes the control log.
pub(super) struct Ledger {
    config: KafkaConfig,
    topic: String,
    counters: Arc<KafkaCounters>,
    producer: Option<BaseProducer<LedgerContext>>,
    open: Option<Ending>,
}

impl Ledger {
    pub(super) fn new(config: &KafkaConfig, counters: Arc<KafkaCounters>) -> Self {
        let topic = config.topic(super::topics::names::CONTROL);
        Self { config: config.clone(), topic, counters, producer: None, open: None }
    }

    /// Lays the pen down; [`Ledger::append`] answers `Fenced` until the next take-over.
    pub(super) fn lay_down(&mut self) {
        self.producer = None;
        self.open = None;
    }

    /// A fresh producer under the same id: the one before can write nothing from now on.
    pub(super) fn take_over(&mut self) -> Result<(), AppendError> {
        self.lay_down();
        let context = LedgerContext(Watch::new("ledger", self.counters.clone()));
        let made: Result<BaseProducer<LedgerContext>, _> =
            self.config.client(Role::Ledger).create_with_context(context);
        let producer = made.map_err(|e| AppendError::Fenced(e.to_string()))?;
        match producer.init_transactions(TAKE_OVER) {
            Ok(()) => {
                self.producer = Some(producer);
                Ok(())
            }
            Err(KafkaError::Transaction(error)) if error.is_fatal() => {
                KafkaCounters::add(&self.counters.fenced, 1);
                Err(AppendError::Fenced(error.string()))
            }
            Err(error) => Err(AppendError::Away(error.to_string())),
        }
    }

    /// Serves logs and errors between appends.
    pub(super) fn serve(&self) {
        if let Some(producer) = &self.producer {
            producer.poll(Duration::ZERO);
        }
    }

    /// One record, one transaction; returns when it is committed.
    pub(super) fn append(&mut self, payload: &[u8]) -> Result<(), AppendError> {
        // A transaction that an outage left open ends first: committed if it can be.
        self.finish()?;
        let Some(producer) = &self.producer else {
            return Err(AppendError::Fenced("not taken over".to_owned()));
        };
        if let Err(error) = producer.begin_transaction() {
            return Err(self.fail(&error));
        }
        self.open = Some(Ending::Commit);
        let record = BaseRecord::<(), [u8], ()>::to(&self.topic).partition(0).payload(payload);
        if let Err((error, _)) = producer.send(record) {
            self.open = Some(Ending::Abort);
            let failed = self.fail(&error);
            return Err(self.finish().err().unwrap_or(failed));
        }
        self.finish()?;
        KafkaCounters::add(&self.counters.appended, 1);
        Ok(())
    }

    /// Brings the open transaction to its end.
    fn finish(&mut self) -> Result<(), AppendError> {
        let mut last = String::new();
        let mut aborted = None;
        for attempt in 0..TRIES {
            let Some(ending) = self.open else { break };
            let Some(producer) = &self.producer else {
                return Err(AppendError::Fenced("not taken over".to_owned()));
            };
            if attempt > 0 {
                KafkaCounters::add(&self.counters.append_retries, 1);
            }
            let done = match ending {
                Ending::Commit => {
                    acknowledged(producer);
                    producer.commit_transaction(TRY)
                }
                Ending::Abort => producer.abort_transaction(TRY),
            };
            match done {
                Ok(()) => self.open = None,
                Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => {
                    aborted = Some(error.string());
                    self.open = Some(Ending::Abort);
                }
                Err(KafkaError::Transaction(error)) if error.is_fatal() || !error.is_retriable() => {
                    return Err(self.fail(&KafkaError::Transaction(error)));
                }
                Err(error) => last = error.to_string(),
            }
        }
        if self.open.is_some() {
            return Err(AppendError::Away(last));
        }
        aborted.map_or(Ok(()), |why| Err(AppendError::Away(format!("aborted: {why}"))))
    }

    /// What cannot be retried ends this producer.
    fn fail(&mut self, error: &KafkaError) -> AppendError {
        let fatal = self.producer.as_ref().and_then(|p| p.client().fatal_error());
        let state = matches!(error, KafkaError::Transaction(e) if !e.is_retriable());
        if fatal.is_some() || state {
            KafkaCounters::add(&self.counters.fenced, 1);
            self.lay_down();
            let why = fatal.map_or_else(|| error.to_string(), |(code, text)| format!("{code:?}: {text}"));
            return AppendError::Fenced(why);
        }
        AppendError::Away(error.to_string())
    }
}

/// Waits for the record's acknowledgement, at most one try long. The wrapper's own flush, inside the commit, would look
/// only every 100 ms.
fn acknowledged(producer: &BaseProducer<LedgerContext>) {
    let mut left = TRY;
    while producer.in_flight_count() > 0 && !left.is_zero() {
        producer.poll(LOOK);
        left = left.saturating_sub(LOOK);
    }
}
