//! The listener: bounded headers, connections and waiting times; a stop that lets answers finish.

use super::problem::Problem;
use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What one listener allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections at most; more get a 503 and are closed.
    pub connections: usize,
    /// Bytes of a request's head that are always refused beyond; half as many are always taken.
    pub header_bytes: usize,
    /// Header fields of a request at most.
    pub headers: usize,
    /// How long a request's head may take, from the end of the answer before: so also how long a connection may idle.
    pub header_wait: Duration,
    /// How long answers may take to finish once the listener stops.
    pub stop_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            header_bytes: 64 * 1024,
            headers: 100,
            header_wait: Duration::from_secs(15),
            stop_wait: Duration::from_secs(3),
        }
    }
}

/// What a listener counts; read at a scrape.
#[derive(Debug, Default)]
pub struct Traffic {
    open: AtomicUsize,
    refused: AtomicU64,
}

impl Traffic {
    /// Open connections.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Connections refused because too many were open.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Why nothing can be served at an address.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// What the system said.
    #[source]
    pub source: std::io::Error,
}

/// Binds an address.
///
/// # Errors
/// When it is taken or not ours.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { address, source })
}

/// Counts one open connection for as long as it lives.
struct Open(Arc<Traffic>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves until `stop` is cancelled; then takes no more connections, closes idle ones, lets answers finish within
/// the limit and cuts off what is left. Returns how many connections were cut off.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    traffic: Arc<Traffic>,
    stop: CancellationToken,
) -> usize {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() >= limits.connections => {
                    traffic.refused.fetch_add(1, Ordering::Relaxed);
                    refuse(&stream);
                }
                Ok((stream, _)) => {
                    traffic.open.fetch_add(1, Ordering::Relaxed);
                    let open = Open(Arc::clone(&traffic));
                    connections.spawn(connection(stream, router.clone(), limits, stop.clone(), open));
                }
                Err(error) => {
                    // Out of file descriptors, most likely: connections that close will help.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.stop_wait, rest).await.is_ok() {
        return 0;
    }
    let left = connections.len();
    tracing::warn!(left, "connections did not finish in time and are cut off");
    connections.shutdown().await;
    left
}

/// Says why in one write that cannot block: a fresh connection's send buffer is empty.
fn refuse(stream: &TcpStream) {
    let problem = Problem::unavailable(
        "too_many_connections",
        "as many connections are open as this server allows",
        "use fewer connections and keep them open",
    );
    let body = problem.body().to_string();
    let text = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    // The client may be gone; there is nobody to tell then.
    let _ = stream.try_write(text.as_bytes());
}

async fn connection(stream: TcpStream, router: Router, limits: Limits, stop: CancellationToken, open: Open) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "small answers may be delayed");
    }
    let service = TowerToHyperService::new(
        tower::ServiceBuilder::new()
            .map_request(|request: hyper::Request<hyper::body::Incoming>| request.map(Body::new))
            .service(router),
    );
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_wait)
        // hyper looks at the length between reads, and a read may fill as much again.
        .max_buf_size((limits.header_bytes / 2).max(8 * 1024))
        .max_headers(limits.headers)
        .keep_alive(true);
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let done = tokio::select! {
        done = serving.as_mut() => done,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = done {
        tracing::debug!(%error, "a connection ended early");
    }
    drop(open);
}
