//! Settings of every Kafka client: our defaults, the user's `[kafka.client]`, and what nobody may change.

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use std::collections::BTreeMap;
use std::fmt;

/// Where Kafka is and under which names we appear there.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// `host:port`, several separated by commas.
    pub brokers: String,
    /// Consumer group of committed positions (lag tools); `<group>.learner` is the group that elects the learner.
    pub group: String,
    /// Prefix of our own topics and of the transactional id.
    pub prefix: String,
    /// Any librdkafka setting; wins over our defaults, except for those that [`KafkaConfig::check`] refuses.
    pub client: BTreeMap<String, String>,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: "localhost:9092".to_owned(),
            group: "reiver".to_owned(),
            prefix: "reiver".to_owned(),
            client: BTreeMap::new(),
        }
    }
}

/// Passwords and keys never reach a log.
impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: BTreeMap<&str, &str> = self
            .client
            .iter()
            .map(|(key, value)| (key.as_str(), if is_secret(key) { "(hidden)" } else { value.as_str() }))
            .collect();
        f.debug_struct("KafkaConfig")
            .field("brokers", &self.brokers)
            .field("group", &self.group)
            .field("prefix", &self.prefix)
            .field("client", &shown)
            .finish()
    }
}

/// What is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KafkaConfigError {
    /// A required text is empty.
    #[error("kafka.{0} is empty")]
    Empty(&'static str),
    /// The prefix cannot stand in a topic name.
    #[error("kafka.prefix {0:?} may hold only letters, digits, '.', '_' and '-', at most 200")]
    Prefix(String),
    /// A setting on which exactness rests.
    #[error("kafka.client.{key} is not yours to set: {reason}")]
    Reserved {
        /// The setting.
        key: String,
        /// Why.
        reason: &'static str,
    },
    /// librdkafka does not know the setting or its value.
    #[error("kafka.client: {0}")]
    Refused(String),
}

/// Whether the value of a client setting must not be printed.
#[must_use]
pub fn is_secret(key: &str) -> bool {
    ["password", "secret", "ssl.key", "key.pem", "oauthbearer.config", "token", "jaas", "keystore"]
        .iter()
        .any(|part| key.contains(part))
}

/// What a client is for; decides its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Reads assigned partitions from given positions.
    Reader,
    /// Member of the group that elects the learner.
    Member,
    /// Writes with acknowledgements.
    Writer,
    /// Writes the control log in transactions.
    Ledger,
    /// Asks and creates.
    Admin,
}

const EVERY: &[(&str, &str)] = &[
    ("client.id", "reiver"),
    // A broker that is there and silent counts as away after this long, not after a minute.
    ("socket.timeout.ms", "20000"),
    ("socket.keepalive.enable", "true"),
    // Back within a second or so once the broker is; the default waits up to ten.
    ("reconnect.backoff.ms", "100"),
    ("reconnect.backoff.max.ms", "1000"),
];
const CONSUMER: &[(&str, &str)] = &[
    ("check.crcs", "true"),
    // The default of a second made a consumer six times slower.
    ("fetch.queue.backoff.ms", "10"),
    ("fetch.wait.max.ms", "50"),
    // The bound of memory for records read ahead, per topic.
    ("queued.max.messages.kbytes", "65536"),
];
const MEMBER: &[(&str, &str)] = &[
    // Sticky: a standby that joins does not move the partition.
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("max.poll.interval.ms", "300000"),
    // How long a killed learner keeps its place.
    ("session.timeout.ms", "6000"),
    ("heartbeat.interval.ms", "1000"),
    ("queued.max.messages.kbytes", "1024"),
    ("queued.min.messages", "1"),
];
const PRODUCER: &[(&str, &str)] = &[
    ("compression.type", "zstd"),
    ("linger.ms", "5"),
    ("delivery.timeout.ms", "30000"),
    ("queue.buffering.max.kbytes", "65536"),
    ("queue.buffering.max.messages", "100000"),
];
const LEDGER: &[(&str, &str)] = &[
    ("linger.ms", "0"),
    ("delivery.timeout.ms", "10000"),
    ("transaction.timeout.ms", "20000"),
    ("queue.buffering.max.kbytes", "16384"),
];

/// Settings on which exactness rests, with the reason that the user reads.
const RESERVED: &[(&str, &str)] = &[
    ("bootstrap.servers", "write kafka.brokers"),
    ("metadata.broker.list", "write kafka.brokers"),
    ("group.id", "write kafka.group"),
    ("transactional.id", "it follows from kafka.prefix"),
    ("enable.auto.commit", "only what a checkpoint covers is committed"),
    ("enable.auto.offset.store", "only what a checkpoint covers is committed"),
    ("auto.offset.reset", "a lost position must stop loudly"),
    ("auto.commit.enable", "only what a checkpoint covers is committed"),
    ("isolation.level", "aborted records must not be read"),
    ("enable.partition.eof", "log time needs to know where a partition ends"),
    ("enable.idempotence", "a retry must not write twice"),
    ("acks", "acknowledged means on all replicas"),
    ("request.required.acks", "acknowledged means on all replicas"),
    ("partitioner", "keys must go where Java's clients send them"),
];

/// Settings of the elected group alone: a reader without a group would be refused with them.
const MEMBER_ONLY: &[&str] = &["group.", "session.", "heartbeat.", "partition.assignment", "max.poll."];
const CONSUMER_ONLY: &[&str] =
    &["fetch.", "queued.", "check.crcs", "max.partition.fetch", "client.rack", "allow.auto", "coordinator.query"];
const PRODUCER_ONLY: &[&str] = &[
    "queue.buffering",
    "linger.ms",
    "batch.",
    "compression",
    "request.timeout.ms",
    "message.timeout.ms",
    "delivery.",
    "transaction.",
    "message.send.max.retries",
    "retries",
    "sticky.partitioning",
    "queuing.strategy",
];

fn suits(key: &str, role: Role) -> bool {
    let starts = |list: &[&str]| list.iter().any(|part| key.starts_with(part));
    match role {
        Role::Member => !starts(PRODUCER_ONLY),
        Role::Reader => !starts(PRODUCER_ONLY) && !starts(MEMBER_ONLY),
        Role::Writer | Role::Ledger => !starts(CONSUMER_ONLY) && !starts(MEMBER_ONLY),
        Role::Admin => !starts(CONSUMER_ONLY) && !starts(MEMBER_ONLY) && !starts(PRODUCER_ONLY),
    }
}

impl KafkaConfig {
    /// The name of one of our own topics: `<prefix>.<name>`.
    #[must_use]
    pub fn topic(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// The transactional id of the learner.
    #[must_use]
    pub fn transactional_id(&self) -> String {
        format!("{}.learner", self.prefix)
    }

    /// The group whose owner of the control partition is the learner.
    #[must_use]
    pub fn learner_group(&self) -> String {
        format!("{}.learner", self.group)
    }

    /// Checks the settings without connecting.
    ///
    /// # Errors
    /// See [`KafkaConfigError`]; the message never holds a secret.
    pub fn check(&self) -> Result<(), KafkaConfigError> {
        for (name, value) in [("brokers", &self.brokers), ("group", &self.group), ("prefix", &self.prefix)] {
            if value.trim().is_empty() {
                return Err(KafkaConfigError::Empty(name));
            }
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if self.prefix.len() > 200 || !self.prefix.chars().all(legal) {
            return Err(KafkaConfigError::Prefix(self.prefix.clone()));
        }
        for key in self.client.keys() {
            if let Some((_, reason)) = RESERVED.iter().find(|(reserved, _)| reserved == key) {
                return Err(KafkaConfigError::Reserved { key: key.clone(), reason });
            }
        }
        // One by one, so that the answer names the setting.
        for (key, value) in &self.client {
            let mut one = ClientConfig::new();
            one.set(key, value);
            if one.create_native_config().is_err() {
                let shown = if is_secret(key) { "(hidden)" } else { value.as_str() };
                return Err(KafkaConfigError::Refused(format!("librdkafka refuses {key} = {shown:?}")));
            }
        }
        Ok(())
    }

    /// The settings of a client.
    pub(super) fn client(&self, role: Role) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set_log_level(RDKafkaLogLevel::Info);
        let mut defaults = |list: &[(&str, &str)]| {
            for (key, value) in list {
                config.set(*key, *value);
            }
        };
        defaults(EVERY);
        match role {
            Role::Reader => {
                defaults(CONSUMER);
                defaults(&[("statistics.interval.ms", "1000")]);
            }
            Role::Member => {
                defaults(CONSUMER);
                defaults(MEMBER);
            }
            Role::Writer => defaults(PRODUCER),
            Role::Ledger => {
                defaults(PRODUCER);
                defaults(LEDGER);
            }
            Role::Admin => {}
        }
        for (key, value) in self.client.iter().filter(|(key, _)| suits(key, role)) {
            config.set(key, value);
        }
        self.fixed(&mut config, role);
        config
    }

    fn fixed(&self, config: &mut ClientConfig, role: Role) {
        config.set("bootstrap.servers", &self.brokers);
        match role {
            Role::Reader | Role::Member => {
                config
                    .set("enable.auto.commit", "false")
                    .set("enable.auto.offset.store", "false")
                    .set("auto.offset.reset", "error")
                    .set("isolation.level", "read_committed")
                    .set("enable.partition.eof", if role == Role::Reader { "true" } else { "false" })
                    .set("group.id", if role == Role::Reader { self.group.clone() } else { self.learner_group() });
                if self.client.get("group.protocol").is_some_and(|p| p == "consumer") && role == Role::Member {
                    // The new protocol keeps these on the broker and refuses them here.
                    for key in ["partition.assignment.strategy", "session.timeout.ms", "heartbeat.interval.ms"] {
                        config.remove(key);
                    }
                }
            }
            Role::Writer | Role::Ledger => {
                config.set("enable.idempotence", "true").set("partitioner", "murmur2_random");
                if role == Role::Ledger {
                    config.set("transactional.id", self.transactional_id());
                }
            }
            Role::Admin => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let mut config = KafkaConfig::default();
        config.client.insert("sasl.password".into(), "hunter2".into());
        config.client.insert("ssl.key.pem".into(), "KEY".into());
        config.client.insert("sasl.username".into(), "reiver".into());
        let shown = format!("{config:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("KEY"));
        assert!(shown.contains("sasl.username"));
    }

    #[test]
    fn the_user_overrides_defaults_but_not_exactness() {
        let mut config = KafkaConfig::default();
        config.client.insert("linger.ms".into(), "1".into());
        config.client.insert("fetch.wait.max.ms".into(), "10".into());
        config.check().unwrap();
        assert_eq!(config.client(Role::Writer).get("linger.ms"), Some("1"));
        assert_eq!(config.client(Role::Writer).get("fetch.wait.max.ms"), None);
        assert_eq!(config.client(Role::Reader).get("fetch.wait.max.ms"), Some("10"));
        config.client.insert("auto.offset.reset".into(), "latest".into());
        assert!(matches!(config.check(), Err(KafkaConfigError::Reserved { .. })));
        assert_eq!(config.client(Role::Reader).get("auto.offset.reset"), Some("error"));
    }

    #[test]
    fn a_typo_and_a_bad_value_are_refused_by_name() {
        let mut config = KafkaConfig::default();
        config.client.insert("fetch.wait.maxms".into(), "10".into());
        assert!(config.check().unwrap_err().to_string().contains("fetch.wait.maxms"));
        let mut config = KafkaConfig::default();
        config.client.insert("sasl.password.typo".into(), "hunter2".into());
        assert!(!config.check().unwrap_err().to_string().contains("hunter2"));
    }

    #[test]
    fn every_role_is_accepted_by_librdkafka() {
        let mut config = KafkaConfig::default();
        config.client.insert("group.protocol".into(), "consumer".into());
        for role in [Role::Reader, Role::Member, Role::Writer, Role::Ledger, Role::Admin] {
            config.client(role).create_native_config().unwrap();
        }
        assert!(config.client(Role::Member).get("session.timeout.ms").is_none());
    }

    #[test]
    fn a_prefix_must_fit_a_topic_name() {
        let config = KafkaConfig { prefix: "a b".into(), ..KafkaConfig::default() };
        assert_eq!(config.check(), Err(KafkaConfigError::Prefix("a b".into())));
        let config = KafkaConfig { brokers: " ".into(), ..KafkaConfig::default() };
        assert_eq!(config.check(), Err(KafkaConfigError::Empty("brokers")));
    }
}
