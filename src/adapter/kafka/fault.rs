//! librdkafka's errors in our words.

use crate::port::{SinkError, SourceError};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// Whether an error says that no broker can be reached, which passes by itself.
pub(super) fn is_away(code: Code) -> bool {
    matches!(
        code,
        Code::AllBrokersDown
            | Code::BrokerTransportFailure
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::WaitingForCoordinator
            | Code::BrokerNotAvailable
            | Code::NetworkException
            | Code::RequestTimedOut
    )
}

/// Whether the broker will never take this record, however often it is sent.
pub(super) fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::MessageSizeTooLarge
            | Code::InvalidMessageSize
            | Code::InvalidMessage
            | Code::InvalidRecord
            | Code::InvalidTimestamp
            | Code::InvalidTopic
            | Code::PolicyViolation
            | Code::InvalidArgument
    )
}

/// An error while reading a topic.
pub(super) fn source_error(topic: &str, error: &KafkaError, said: &str) -> SourceError {
    let text = || if said.is_empty() { error.to_string() } else { said.to_owned() };
    match error.rdkafka_error_code() {
        Some(code) if is_away(code) => SourceError::Away(text()),
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition | Code::UnknownTopicId) => {
            SourceError::NoTopic(topic.to_owned())
        }
        _ => SourceError::Other(format!("{topic}: {}", text())),
    }
}

/// An error of an acknowledged write.
pub(super) fn sink_error(error: &KafkaError) -> SinkError {
    match error.rdkafka_error_code() {
        // A producer that failed for good takes nothing; the one built in its place does.
        Some(Code::QueueFull | Code::Fatal) => SinkError::Full,
        Some(code) if is_refusal(code) => SinkError::Refused(error.to_string()),
        Some(
            Code::UnknownTopicOrPartition
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed,
        ) => SinkError::Refused(error.to_string()),
        _ => SinkError::Unknown(error.to_string()),
    }
}
