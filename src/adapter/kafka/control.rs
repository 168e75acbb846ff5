//! The control log on Kafka: who leads, reading it back, and writing to it as the leader.

use super::config::KafkaConfig;
use super::counters::KafkaCounters;
use super::ledger::Ledger;
use super::member::{Change, Member};
use super::reader::TopicReader;
use super::topics::names;
use crate::port::{AppendError, ControlLog, Fetched, Led, SourceError, Start};
use std::sync::Arc;
use std::time::Duration;

/// How leadership is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leading {
    /// By the group `<group>.learner`: whoever owns the control partition.
    Elected,
    /// We are the only process (the embedded broker, a single-process test): no group, no waiting, no election.
    Alone,
}

/// [`ControlLog`] on the topic `<prefix>.control`.
///
/// On the embedded broker transactions do nothing and fence nobody: there two writers are told apart only by the
/// generations in their records.
pub struct KafkaControl {
    reader: TopicReader,
    member: Option<Member>,
    ledger: Ledger,
    /// Whether we own the partition.
    ours: bool,
    /// Told to begin; `None` until then, the inner `None` is "at the oldest record".
    wanted: Option<Option<i64>>,
    reading: bool,
    /// The first gain of [`Leading::Alone`] has been told.
    told: bool,
}

impl KafkaControl {
    /// Joins the group (or does not, when alone). The topic must exist.
    ///
    /// # Errors
    /// When librdkafka refuses the settings.
    pub fn new(config: &KafkaConfig, counters: Arc<KafkaCounters>, leading: Leading) -> Result<Self, SourceError> {
        let topic = config.topic(names::CONTROL);
        let member = match leading {
            Leading::Alone => None,
            Leading::Elected => {
                Some(Member::join(config, &topic, counters.clone()).map_err(|e| SourceError::Other(e.to_string()))?)
            }
        };
        Ok(Self {
            reader: TopicReader::new(config, &topic, counters.clone(), || {})?,
            ledger: Ledger::new(config, counters),
            ours: member.is_none(),
            member,
            wanted: None,
            reading: false,
            told: false,
        })
    }

    /// Leadership first: what is lost must be known before more is read.
    fn membership(&mut self, wait: Duration, out: &mut Vec<Led>) {
        let Some(member) = self.member.as_mut() else {
            if !self.told {
                self.told = true;
                out.push(Led::Gained);
            }
            return;
        };
        for change in member.serve(wait) {
            match change {
                Change::Gained => {
                    self.ours = true;
                    out.push(Led::Gained);
                }
                Change::Lost(why) => {
                    self.ours = false;
                    // The successor fences it anyway; without it nothing can be appended by mistake.
                    self.ledger.lay_down();
                    out.push(Led::Lost(why));
                }
            }
        }
    }

    /// Begins reading when we own the partition and were told where from.
    fn begin(&mut self, out: &mut Vec<Led>) {
        let (true, Some(at)) = (self.ours && !self.reading, self.wanted) else { return };
        match self.reader.add(&[(0, at.map_or(Start::Earliest, Start::Offset))]) {
            Ok(_) => self.reading = true,
            Err(error) => out.push(Led::Trouble(error.to_string())),
        }
    }

    fn translate(fetched: Vec<Fetched>, out: &mut Vec<Led>) {
        for one in fetched {
            match one {
                Fetched::Records(records) => out.extend(
                    records
                        .into_iter()
                        .map(|r| Led::Record { offset: r.offset, payload: r.payload.unwrap_or_default() }),
                ),
                Fetched::End(_, next) => out.push(Led::End(next)),
                Fetched::Trouble(SourceError::PositionLost { detail, .. }) => out.push(Led::PositionLost(detail)),
                Fetched::Trouble(error) => out.push(Led::Trouble(error.to_string())),
            }
        }
    }
}

impl ControlLog for KafkaControl {
    fn start(&mut self, offset: Option<i64>) {
        if self.wanted.is_none() {
            self.wanted = Some(offset);
        }
    }

    fn poll(&mut self, wait: Duration) -> Vec<Led> {
        let mut out = Vec::new();
        self.ledger.serve();
        let idle = !self.ours || (self.wanted.is_none() && !self.reading);
        self.membership(if idle { wait } else { Duration::ZERO }, &mut out);
        self.begin(&mut out);
        if !self.ours || !self.reading {
            if self.member.is_none() && out.is_empty() {
                std::thread::sleep(wait);
            }
            return out;
        }
        let wait = if out.is_empty() { wait } else { Duration::ZERO };
        let mut fetched = Vec::new();
        self.reader.poll(wait, wait, &mut fetched);
        Self::translate(fetched, &mut out);
        out
    }

    fn take_over(&mut self) -> Result<(), AppendError> {
        self.ledger.take_over()
    }

    fn append(&mut self, payload: &[u8]) -> Result<(), AppendError> {
        self.ledger.append(payload)
    }
}
