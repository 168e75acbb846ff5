//! Requests a second and their latency over loopback, one process: `decide` beside an empty handler of the same HTTP
//! stack (same listener, same limits). Keep-alive connections, each with one request under way at a time.
//!
//! `cargo bench --bench loopback -- [--connections 16] [--seconds 5]`; the last line of stdout is one JSON document.

#[path = "../tests/http/doors.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod doors;

use axum::Router;
use axum::routing::{get, post};
use doors::house;
use reiver::adapter::clock::Stopwatch;
use reiver::serve::{Limits, Traffic, bind, router, serve};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const DECIDE: &str = r#"{"experiment":"home","unit":"u42","context":{"device":"phone"}}"#;

/// What one run measured.
struct Measured {
    name: &'static str,
    per_second: f64,
    p50: Duration,
    p99: Duration,
    worst: Duration,
}

fn argument(name: &str, default: u64) -> u64 {
    let all: Vec<String> = std::env::args().collect();
    all.iter().position(|a| a == name).and_then(|i| all.get(i + 1)?.parse().ok()).unwrap_or(default)
}

/// One connection: asks until the time is over; latencies in nanoseconds.
fn ask(address: SocketAddr, request: &str, warm: Duration, time: Duration) -> std::io::Result<Vec<u64>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let (mut latencies, mut buffer) = (Vec::with_capacity(1 << 18), [0u8; 4096]);
    let whole = Stopwatch::start();
    while whole.elapsed() < warm + time {
        let one = Stopwatch::start();
        stream.write_all(request.as_bytes())?;
        let mut read = 0;
        while !complete(&buffer[..read]) {
            let n = stream.read(&mut buffer[read..])?;
            assert!(n > 0, "the server closed the connection");
            read += n;
        }
        assert!(buffer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..read]));
        if whole.elapsed() > warm {
            latencies.push(u64::try_from(one.elapsed().as_nanos()).unwrap_or(u64::MAX));
        }
    }
    Ok(latencies)
}

/// Whether head and body of one answer are there.
fn complete(bytes: &[u8]) -> bool {
    let Some(head) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { return false };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse::<usize>().ok());
    bytes.len() >= head + 4 + length.unwrap_or(0)
}

fn measure(name: &'static str, address: SocketAddr, request: &str, connections: u64, time: Duration) -> Measured {
    let warm = Duration::from_millis(500);
    let mut all: Vec<u64> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..connections).map(|_| scope.spawn(move || ask(address, request, warm, time))).collect();
        asking.into_iter().flat_map(|t| t.join().expect("no panic").expect("answered")).collect()
    });
    all.sort_unstable();
    let at = |q: f64| Duration::from_nanos(all[((all.len() - 1) as f64 * q) as usize]);
    Measured { name, per_second: all.len() as f64 / time.as_secs_f64(), p50: at(0.5), p99: at(0.99), worst: at(1.0) }
}

/// Serves a router on a free port of loopback.
fn start(runtime: &tokio::runtime::Runtime, router: Router, stop: &CancellationToken) -> SocketAddr {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = runtime.block_on(bind(any)).expect("a free port");
    let address = listener.local_addr().expect("bound");
    runtime.spawn(serve(listener, router, Limits::default(), Arc::new(Traffic::default()), stop.clone()));
    address
}

#[expect(clippy::print_stdout, reason = "the table and the document are what this program is for")]
fn main() {
    let connections = argument("--connections", 16);
    let time = Duration::from_secs(argument("--seconds", 5));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let stop = CancellationToken::new();
    let empty = Router::new().route("/", get(|| async { "ok" })).route("/v1/decide", post(|| async { "ok" }));
    let empty = start(&runtime, empty, &stop);
    let ours = start(&runtime, router(house(false).doors), &stop);
    let decide = format!(
        "POST /v1/decide HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{DECIDE}",
        DECIDE.len()
    );
    let runs = [
        measure("empty handler", empty, &decide, connections, time),
        measure("decide", ours, &decide, connections, time),
        measure("empty handler, one connection", empty, &decide, 1, time),
        measure("decide, one connection", ours, &decide, 1, time),
    ];
    stop.cancel();
    println!("{:32} {:>10} {:>10} {:>10} {:>10}", "", "per second", "p50", "p99", "worst");
    let mut document = serde_json::Map::new();
    for run in runs {
        let micros = |d: Duration| d.as_secs_f64() * 1e6;
        let (p50, p99, worst) = (micros(run.p50), micros(run.p99), micros(run.worst));
        println!("{:32} {:>10.0} {p50:>7.0} us {p99:>7.0} us {worst:>7.0} us", run.name, run.per_second);
        let figures = serde_json::json!({"per_second": run.per_second, "p50_us": p50, "p99_us": p99});
        document.insert(run.name.replace([',', ' '], "_").replace("__", "_"), figures);
    }
    println!("{}", serde_json::json!({"connections": connections, "runs": document}));
}
