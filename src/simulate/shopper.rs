//! Shoppers over real HTTP: they ask for lists, look at them, and click; the shop's servers write it to its topic.

use super::street::{Ask, Sent, Served, Street};
use super::traffic::{Letter, Traffic};
use crate::event::Time;
use crate::port::{Clock, Outgoing, Sink};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// How busy the shop is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Browsing events a second, when nothing lags.
    pub browsing: f64,
    /// Lists asked for a second.
    pub asking: f64,
    /// Lag (records not yet learned) from which browsing slows down; at four times as much it stops.
    pub lag: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { browsing: 700.0, asking: 300.0, lag: 2_000 }
    }
}

/// What shoppers did so far.
#[derive(Debug, Default)]
pub struct Doings {
    /// Lists asked for.
    pub asked: AtomicU64,
    /// Lists received.
    pub served: AtomicU64,
    /// Requests that got no list.
    pub failed: AtomicU64,
    /// Requests not made because too many were open.
    pub skipped: AtomicU64,
    /// Records written to the shop's topic.
    pub written: AtomicU64,
    /// Records that the sink refused.
    pub refused: AtomicU64,
    /// Clicks told by HTTP.
    pub fed: AtomicU64,
}

/// Where the shop is, and what its tasks need.
pub struct Shoppers {
    /// The people.
    pub street: Arc<Street>,
    /// Where recommendations come from: host and port.
    pub address: String,
    /// Which experiment decides.
    pub experiment: String,
    /// The shop's topic.
    pub topic: Arc<str>,
    /// Writes to it.
    pub sink: Arc<dyn Sink>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How busy.
    pub pace: Pace,
    /// How many records are not yet learned.
    pub lag: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// What was done.
    pub doings: Arc<Doings>,
}

/// Requests that are open at a time.
const OPEN: usize = 64;
/// How often the tasks wake up.
const BEAT: Duration = Duration::from_millis(20);
/// The longest time that is caught up with after a pause, in milliseconds.
const CATCH_UP: i64 = 200;
/// Answers of more bytes than this are refused.
const ANSWER_LIMIT: usize = 1 << 18;
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(2);

type Http = Client<HttpConnector, Full<Bytes>>;

/// Turns a rate into a whole number of things per beat.
struct Ration {
    last: Time,
    rest: f64,
}

impl Ration {
    fn take(&mut self, now: Time, per_second: f64) -> usize {
        let passed = (now - self.last).0.clamp(0, CATCH_UP);
        self.last = now;
        self.rest += passed as f64 / 1000.0 * per_second;
        let whole = self.rest.floor();
        self.rest -= whole;
        whole as usize
    }
}

impl Shoppers {
    /// Opens the shop and lives in it until told to stop. Returns when everybody is out.
    pub async fn live(self: Arc<Self>, stop: CancellationToken) {
        let now = self.clock.now();
        for letter in self.street.open(now) {
            self.write(letter);
        }
        let http: Http = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(OPEN).build(HttpConnector::new());
        let open = Arc::new(Semaphore::new(OPEN));
        let (mut browsing, mut asking) = (Ration { last: now, rest: 0.0 }, Ration { last: now, rest: 0.0 });
        let mut beat = tokio::time::interval(BEAT);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = beat.tick() => {}
            }
            let now = self.clock.now();
            for _ in 0..browsing.take(now, self.pace.browsing * self.ease()) {
                for letter in self.street.browse(now) {
                    self.write(letter);
                }
            }
            for sent in self.street.due(now) {
                match sent {
                    Sent::Event(event) => self.write(Traffic::letter(&event)),
                    Sent::Feedback { decision_id, event_id } => {
                        let body = json!({ "decision_id": decision_id, "metric": "click", "value": 1,
                            "event_id": event_id });
                        self.spawn(&open, &http, |me, http| async move { me.feed(&http, &body).await });
                    }
                }
            }
            for _ in 0..asking.take(now, self.pace.asking) {
                self.spawn(&open, &http, |me, http| async move { me.shop(&http).await });
            }
        }
        // All permits back: nobody is inside any more. Open requests end by themselves within their patience.
        let _all_out = open.acquire_many(OPEN as u32).await;
    }

    fn spawn<F>(self: &Arc<Self>, open: &Arc<Semaphore>, http: &Http, act: impl FnOnce(Arc<Self>, Http) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Ok(permit) = Arc::clone(open).try_acquire_owned() else {
            self.doings.skipped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let act = act(Arc::clone(self), http.clone());
        tokio::spawn(async move {
            act.await;
            drop(permit);
        });
    }

    /// The part of full browsing that the lag allows.
    fn ease(&self) -> f64 {
        let bound = self.pace.lag.max(1) as f64;
        let over = ((self.lag)() as f64 / bound - 1.0) / 3.0;
        1.0 - over.clamp(0.0, 1.0)
    }

    fn write(&self, letter: Letter) {
        let record = Outgoing {
            topic: Arc::clone(&self.topic),
            key: Some(letter.key),
            payload: Some(letter.payload),
            ..Outgoing::default()
        };
        let count = if self.sink.spool(record).is_ok() { &self.doings.written } else { &self.doings.refused };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// One visit: ask, look, perhaps click later.
    async fn shop(&self, http: &Http) {
        let ask = self.street.ask();
        self.doings.asked.fetch_add(1, Ordering::Relaxed);
        match self.recommend(http, &ask).await {
            Some(served) => {
                self.doings.served.fetch_add(1, Ordering::Relaxed);
                self.street.see(&ask, &served, self.clock.now());
            }
            None => {
                self.doings.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    async fn recommend(&self, http: &Http, ask: &Ask) -> Option<Served> {
        let body = json!({ "experiment": self.experiment, "unit": ask.user_id, "k": 10, "recent": ask.recent,
            "repeat": true });
        let (status, bytes) = self.post(http, "/v1/recommend", &body).await?;
        if status != StatusCode::OK {
            tracing::debug!(%status, "no list: {}", String::from_utf8_lossy(&bytes));
            return None;
        }
        serde_json::from_slice(&bytes).ok()
    }

    async fn feed(&self, http: &Http, body: &serde_json::Value) {
        match self.post(http, "/v1/feedback", body).await {
            Some((StatusCode::OK, _)) => self.doings.fed.fetch_add(1, Ordering::Relaxed),
            _ => self.doings.failed.fetch_add(1, Ordering::Relaxed),
        };
    }

    async fn post(&self, http: &Http, path: &str, body: &serde_json::Value) -> Option<(StatusCode, Bytes)> {
        let request = Request::post(format!("http://{}{path}", self.address))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .ok()?;
        let exchange = async {
            let response = http.request(request).await.ok()?;
            let status = response.status();
            let bytes = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await.ok()?.to_bytes();
            Some((status, bytes))
        };
        tokio::time::timeout(PATIENCE, exchange).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rations_add_up_and_never_burst() {
        let mut ration = Ration { last: Time(0), rest: 0.0 };
        let sum: usize = (1..=1000).map(|n| ration.take(Time(n * 20), 333.0)).sum();
        assert!((6659..=6660).contains(&sum), "{sum}");
        assert!(ration.take(Time(1_000_000), 333.0) <= 67);
    }
}
