//! Bounds that only a real connection shows. Clients block the test's own thread; the server runs on another.

use super::doors::{Ending, House, house};
use reiver::serve::{Limits, bind, router, serve};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

struct Served {
    house: House,
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<usize>,
}

async fn served(limits: Limits) -> Served {
    let house = house(true);
    let listener = bind("127.0.0.1:0".parse().expect("an address")).await.expect("free");
    let address = listener.local_addr().expect("bound");
    let stop = CancellationToken::new();
    let traffic = house.doors.traffic.clone();
    let task = tokio::spawn(serve(listener, router(house.doors.clone()), limits, traffic, stop.clone()));
    Served { house, address, stop, task }
}

fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    Ok(stream)
}

/// Sends, and reads one answer; empty where the server closed instead.
fn exchange(stream: &mut TcpStream, request: &str) -> String {
    // A server that has seen enough closes before all is sent.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = vec![0; 1 << 16];
    match stream.read(&mut answer) {
        Ok(n) => String::from_utf8_lossy(&answer[..n]).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => String::new(),
        Err(error) => panic!("{error}"),
    }
}

/// Reads until the server closes; what came.
fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        // A reset is a close as well.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        Err(error) => panic!("not closed in time: {error}"),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_connection_is_kept_for_the_next_request() {
    let served = served(Limits::default()).await;
    let mut stream = connect(served.address).expect("served");
    for _ in 0..3 {
        assert!(exchange(&mut stream, HEALTH).starts_with("HTTP/1.1 200"));
    }
    assert_eq!(served.house.doors.traffic.open(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn heads_are_bounded_in_bytes_and_in_fields() {
    let served = served(Limits { header_bytes: 64 * 1024, ..Limits::default() }).await;
    let mut stream = connect(served.address).expect("served");
    let field = format!("x-long: {}\r\n", "y".repeat(80 * 1024));
    let answer = exchange(&mut stream, &format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{field}\r\n"));
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");

    let mut stream = connect(served.address).expect("served");
    let fields: String = (0..150).map(|n| format!("x-{n}: y\r\n")).collect();
    let answer = exchange(&mut stream, &format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{fields}\r\n"));
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");

    let mut stream = connect(served.address).expect("served");
    let field = format!("x-long: {}\r\n", "y".repeat(30 * 1024));
    let answer = exchange(&mut stream, &format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{field}\r\n"));
    assert!(answer.starts_with("HTTP/1.1 200"), "within the bound: {answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nonsense_is_refused_and_the_server_lives_on() {
    let served = served(Limits::default()).await;
    for nonsense in ["\0\0\0\0\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n"] {
        let mut stream = connect(served.address).expect("served");
        let answer = exchange(&mut stream, nonsense);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{nonsense:?}: {answer}");
    }
    let mut stream = connect(served.address).expect("served");
    assert!(exchange(&mut stream, HEALTH).starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_head_that_trickles_is_cut_off_while_others_are_served() {
    let served = served(Limits { header_wait: Duration::from_millis(300), ..Limits::default() }).await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut stream = connect(served.address).expect("served");
        stream.write_all(b"GET /healthz HT").expect("open");
        slow.push(stream);
    }
    let mut quick = connect(served.address).expect("served");
    assert!(exchange(&mut quick, HEALTH).starts_with("HTTP/1.1 200"));
    for round in 0..3 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        for stream in &mut slow {
            // One byte at a time does not buy more time.
            let _ = stream.write_all(if round == 0 { b"T" } else { b"P" });
        }
    }
    for stream in &mut slow {
        let answer = rest(stream);
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_that_trickles_ends_with_the_request() {
    let mut house = house(true);
    house.doors.bounds.request = Duration::from_millis(200);
    let listener = bind("127.0.0.1:0".parse().expect("an address")).await.expect("free");
    let address = listener.local_addr().expect("bound");
    let traffic = house.doors.traffic.clone();
    tokio::spawn(serve(listener, router(house.doors.clone()), Limits::default(), traffic, CancellationToken::new()));
    let mut stream = connect(address).expect("served");
    let head = "POST /v1/decide HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
    let answer = exchange(&mut stream, head);
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("request_timeout"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn connections_beyond_the_bound_are_told_so() {
    let served = served(Limits { connections: 3, ..Limits::default() }).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(served.address).expect("served");
        assert!(exchange(&mut stream, HEALTH).starts_with("HTTP/1.1 200"));
        open.push(stream);
    }
    let mut fourth = connect(served.address).expect("accepted, then refused");
    let answer = rest(&mut fourth);
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("too_many_connections"), "{answer}");
    assert_eq!(served.house.doors.traffic.refused(), 1);
    assert!(served.house.get("/metrics").await.text().contains("reiver_http_connections_refused_total 1\n"));
    open.pop();
    // The place is free once the server has seen the close.
    for _ in 0..100 {
        let mut again = connect(served.address).expect("served");
        if exchange(&mut again, HEALTH).starts_with("HTTP/1.1 200") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a closed connection never gave its place back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_stop_closes_idle_connections_and_lets_answers_finish() {
    let served = served(Limits { stop_wait: Duration::from_secs(2), ..Limits::default() }).await;
    let mut idle = connect(served.address).expect("served");
    assert!(exchange(&mut idle, HEALTH).starts_with("HTTP/1.1 200"));
    served.stop.cancel();
    assert_eq!(rest(&mut idle), "");
    assert_eq!(served.task.await.expect("no panic"), 0, "nothing had to be cut off");
    assert!(connect(served.address).is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_stop_cuts_off_what_does_not_finish() {
    let served = served(Limits { stop_wait: Duration::from_millis(200), ..Limits::default() }).await;
    *served.house.sink.ending.lock().expect("alive") = Ending::Never;
    let body = json!({"decision_id": "d", "metric": "click", "value": 1}).to_string();
    let mut stuck = connect(served.address).expect("served");
    let head = format!("POST /v1/feedback HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stuck.write_all(head.as_bytes()).expect("open");
    tokio::time::sleep(Duration::from_millis(100)).await;
    served.stop.cancel();
    assert_eq!(served.task.await.expect("no panic"), 1);
    assert_eq!(served.house.doors.traffic.open(), 0);
}
