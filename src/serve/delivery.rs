//! Acknowledged writes: what `feedback` and `events` share.

use super::doors::Hall;
use super::problem::Problem;
use crate::event::{DecisionKey, Event, Time};
use crate::port::{Delivery, Outgoing, SinkError};
use bytes::Bytes;
use uuid::Uuid;

/// Begins to write an event to the events topic, keyed by user or unit. The client may already be sending it.
pub(super) fn send(hall: &Hall, event: &Event, body: Bytes, received: Time) -> Delivery {
    hall.doors.sink.send(Outgoing {
        topic: hall.doors.topics.events.clone(),
        key: Some(key(event)),
        payload: Some(body),
        headers: Vec::new(),
        timestamp: Some(received),
    })
}

/// Joins go by unit inside the learner, so the key only spreads the load and keeps one user's events in order. It is
/// text, which every tool prints.
fn key(event: &Event) -> Bytes {
    let named = |decision: &DecisionKey| Bytes::from(Uuid::from_u128(decision.0).to_string());
    match event {
        Event::Interaction(e) => Bytes::copy_from_slice(e.user_id.as_bytes()),
        Event::Impression(e) => match &e.user_id {
            Some(user) => Bytes::copy_from_slice(user.as_bytes()),
            None => named(&e.decision),
        },
        Event::Decision(e) => Bytes::copy_from_slice(e.unit.as_bytes()),
        Event::Feedback(e) => named(&e.decision),
        Event::Item(e) => Bytes::copy_from_slice(e.item_id.as_bytes()),
    }
}

/// Waits until all replicas have every record; the first failure is told after all were waited for, within the
/// bound for a delivery.
pub(super) async fn acknowledged(hall: &Hall, deliveries: Vec<Delivery>) -> Result<(), Problem> {
    let all = async {
        let mut failed = None;
        for delivery in deliveries {
            if let Err(error) = delivery.await {
                failed.get_or_insert(error);
            }
        }
        failed
    };
    match tokio::time::timeout(hall.doors.bounds.delivery, all).await {
        Ok(None) => Ok(()),
        Ok(Some(error)) => Err(refusal(&error)),
        Err(_) => Err(refusal(&SinkError::Unknown("no answer within the time of a request".to_owned()))),
    }
}

fn refusal(error: &SinkError) -> Problem {
    match error {
        SinkError::Full => Problem::busy("queue_full", error.to_string()),
        SinkError::Unknown(_) => Problem::unavailable(
            "delivery_unknown",
            error.to_string(),
            "send the same events again under the same event_id: what had arrived is recognised and not counted twice",
        )
        .retry(2),
        SinkError::Refused(_) => {
            Problem::unavailable("kafka_refuses", error.to_string(), "see the log: topic settings or rights are wrong")
                .retry(10)
        }
    }
}
