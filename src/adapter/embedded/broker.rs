//! librdkafka's own mock cluster: one broker, started in a tenth of a second, on a free port of 127.0.0.1.
//!
//! Limits, all measured: 5 MiB of batches (or 100,000 batches) a partition, then the oldest batch goes silently; a
//! 10 MB record empties its partition; transactions answer Ok and do nothing: aborted and open records are read, and
//! nobody is fenced; no compaction, no retention by time, no topic administration (topics are given at the start, or
//! appear with 4 partitions when somebody writes to them); times cannot be looked up. Any process of this machine may
//! connect. Good for trying and testing; anything that shall last needs Apache Kafka.

use rdkafka::ClientContext;
use rdkafka::bindings;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};
use std::collections::BTreeMap;
use std::time::Duration;

/// Why the embedded broker did not start or did not obey.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the embedded broker: {0}")]
pub struct EmbeddedError(String);

impl From<KafkaError> for EmbeddedError {
    fn from(error: KafkaError) -> Self {
        Self(error.to_string())
    }
}

/// Its own client only keeps it alive; what it logs is of use to nobody but a debugger.
struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", client = "embedded", facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", client = "embedded", "{error}: {reason}");
    }
}

impl ProducerContext for Quiet {
    type DeliveryOpaque = ();

    fn delivery(&self, _result: &DeliveryResult<'_>, _opaque: ()) {}
}

/// A broker that lives as long as this value.
pub struct EmbeddedBroker {
    client: ThreadedProducer<Quiet>,
}

impl EmbeddedBroker {
    /// Starts it with these topics and numbers of partitions.
    ///
    /// # Errors
    /// When no port can be had or a topic is refused.
    pub fn start(topics: &[(&str, i32)]) -> Result<Self, EmbeddedError> {
        let client: ThreadedProducer<Quiet> = ClientConfig::new()
            .set("client.id", "embedded")
            .set("test.mock.num.brokers", "1")
            .set_log_level(RDKafkaLogLevel::Info)
            .create_with_context(Quiet)?;
        let broker = Self { client };
        broker.join_at_once()?;
        for (name, partitions) in topics {
            broker.cluster()?.create_topic(name, *partitions, 1)?;
        }
        Ok(broker)
    }

    fn cluster(&self) -> Result<MockCluster<'_, Quiet>, EmbeddedError> {
        self.client.client().mock_cluster().ok_or_else(|| EmbeddedError("no mock cluster in this build".to_owned()))
    }

    /// Without this the first member of each group waits three seconds for others.
    #[expect(unsafe_code, reason = "no safe call sets the delay; the client that owns the cluster is alive")]
    fn join_at_once(&self) -> Result<(), EmbeddedError> {
        // Only to know that there is a cluster: the pointer below is null otherwise.
        self.cluster()?;
        // SAFETY: `native_ptr` is the live client; its cluster was just seen and lives as long as the client.
        unsafe {
            let cluster = bindings::rd_kafka_handle_mock_cluster(self.client.client().native_ptr());
            bindings::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0);
        }
        Ok(())
    }

    /// Where it listens: `127.0.0.1:port`.
    ///
    /// # Errors
    /// Never while the value lives.
    pub fn bootstrap(&self) -> Result<String, EmbeddedError> {
        Ok(self.cluster()?.bootstrap_servers())
    }

    /// Client settings that suit it: an empty fetch waits its whole time there (new data does not wake it), and a
    /// consumer that lags behind the 5 MiB loses records.
    #[must_use]
    pub fn client_settings() -> BTreeMap<String, String> {
        [
            ("fetch.wait.max.ms", "10"),
            ("compression.type", "zstd"),
            ("session.timeout.ms", "2000"),
            ("heartbeat.interval.ms", "200"),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
    }

    /// Closes its port and its connections, as a broker that went away; data stays.
    ///
    /// # Errors
    /// When the cluster does not obey.
    pub fn down(&self) -> Result<(), EmbeddedError> {
        Ok(self.cluster()?.broker_down(1)?)
    }

    /// Opens its port again.
    ///
    /// # Errors
    /// When the cluster does not obey.
    pub fn up(&self) -> Result<(), EmbeddedError> {
        Ok(self.cluster()?.broker_up(1)?)
    }

    /// Answers every request this much later.
    ///
    /// # Errors
    /// When the cluster does not obey.
    pub fn slow(&self, delay: Duration) -> Result<(), EmbeddedError> {
        Ok(self.cluster()?.broker_round_trip_time(1, delay)?)
    }
}
