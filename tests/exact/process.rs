//! The binary as a process, kcat, and topics.

use crate::truth::recount::Account;
use reiver::port::Clock;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The token of actions in these tests.
pub(crate) const TOKEN: &str = "exact-token";

/// The time, as events say it.
pub(crate) fn now() -> String {
    reiver::adapter::clock::SystemClock.now().to_rfc3339()
}

/// Produces tab-keyed lines.
pub(crate) fn kcat_produce(brokers: &str, topic: &str, lines: &str) {
    if lines.is_empty() {
        return;
    }
    let mut kcat = Command::new("kcat")
        .args(["-b", brokers, "-P", "-t", topic, "-K", "\t", "-X", "acks=all", "-X", "partitioner=murmur2_random"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("kcat is there");
    kcat.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("writes");
    assert!(kcat.wait().expect("ends").success());
}

/// All records of a topic as JSON lines.
pub(crate) fn kcat_consume(brokers: &str, topic: &str) -> String {
    let out = Command::new("kcat")
        .args(["-b", brokers, "-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J"])
        .output()
        .expect("kcat is there");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("UTF-8")
}

/// `reiver run`.
pub(crate) struct Process {
    child: Child,
    client: Client,
}

fn reiver(arguments: &[&str], config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reiver"));
    command.args(arguments).arg("--config").arg(config).env("REIVER_LOG", "warn");
    command
}

impl Process {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(config: &Path) -> Self {
        let mut child = reiver(&["run"], config).stderr(Stdio::piped()).spawn().expect("starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let address = loop {
            let line = lines.next().expect("it says where it listens").expect("UTF-8");
            if let Some((_, address)) = line.split_once("listening on http://") {
                break address.trim().to_owned();
            }
            eprintln!("reiver: {line}");
        };
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("reiver: {line}")));
        let mut process = Self { child, client: Client { address, connection: None } };
        process.until_ready();
        process
    }

    /// Waits until it may be asked.
    pub(crate) fn until_ready(&mut self) {
        for _ in 0..600 {
            if self.client.request("GET", "/readyz", "").0 == 200 {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("not ready within a minute: {:?}", self.client.request("GET", "/readyz", ""));
    }

    /// Another connection to it.
    pub(crate) fn client(&self) -> Client {
        Client { address: self.client.address.clone(), connection: None }
    }

    /// One decision.
    pub(crate) fn decide(&mut self, unit: &str) -> Value {
        let (status, answer) =
            self.client.request("POST", "/v1/decide", &format!("{{\"experiment\":\"home\",\"unit\":\"{unit}\"}}"));
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Waits until no decision is open, and nothing has changed for a while: with a window of that many seconds.
    pub(crate) fn until_closed(&mut self, window: i64) -> Shown {
        let mut before = Value::Null;
        for _ in 0..window + 120 {
            std::thread::sleep(Duration::from_millis(1_000));
            let (_, shown) = self.client.request("GET", "/v1/experiments/home", "");
            let open: u64 = shown["arms"].as_array().into_iter().flatten().filter_map(|a| a["pending"].as_u64()).sum();
            let counts = |e: &Value| -> Vec<Value> {
                let arms = e["arms"].as_array().cloned().unwrap_or_default();
                arms.iter().map(|a| serde_json::json!([a["decisions"], a["rewards"], a["expired"]])).collect()
            };
            if open == 0 && !before.is_null() && counts(&before) == counts(&shown) {
                return Shown { experiment: shown, metrics: self.client.metrics() };
            }
            before = shown;
        }
        panic!("decisions stay open: {before}");
    }

    /// SIGKILL.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// SIGTERM; must be gone within 10 s.
    pub(crate) fn stop(mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill");
        assert!(asked.success());
        for _ in 0..100 {
            if let Some(status) = self.child.try_wait().expect("a state") {
                assert!(status.success(), "{status}");
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("still there 10 s after SIGTERM");
    }

    /// `reiver run --until-end --json`.
    pub(crate) fn until_end(config: &Path) -> Value {
        document(reiver(&["run", "--until-end", "--json"], config))
    }

    /// `reiver replay --topics --json`.
    pub(crate) fn replay(config: &Path) -> Value {
        document(reiver(&["replay", "--topics", "--json"], config))
    }
}

impl Drop for Process {
    /// Also when a test fails: no process is left behind.
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A connection that is kept.
pub(crate) struct Client {
    address: String,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    /// One request: the status and the answer in JSON.
    pub(crate) fn request(&mut self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (status, body) = self.exchange(method, path, body);
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// What Prometheus would scrape: the value of every series.
    pub(crate) fn metrics(&mut self) -> BTreeMap<String, f64> {
        let (status, body) = self.exchange("GET", "/metrics", "");
        assert_eq!(status, 200);
        let text = String::from_utf8(body).expect("UTF-8");
        let series = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
        series.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect()
    }

    /// Over a connection that has been idle for long the server may have hung up: then over a new one.
    fn exchange(&mut self, method: &str, path: &str, body: &str) -> (u16, Vec<u8>) {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             authorization: Bearer {TOKEN}\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let kept = self.connection.take().and_then(|connection| answer(connection, &request).ok());
        let (connection, status, body) = kept.unwrap_or_else(|| {
            let stream = TcpStream::connect(&self.address).expect("connects");
            stream.set_nodelay(true).expect("an option");
            stream.set_read_timeout(Some(Duration::from_secs(20))).expect("an option");
            answer(BufReader::new(stream), &request).expect("answers")
        });
        self.connection = Some(connection);
        (status, body)
    }
}

/// Sends a request and reads the answer: the connection, the status, the body.
fn answer(
    mut connection: BufReader<TcpStream>,
    request: &str,
) -> std::io::Result<(BufReader<TcpStream>, u16, Vec<u8>)> {
    connection.get_mut().write_all(request.as_bytes())?;
    let (mut status, mut length) = (0, 0);
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.starts_with("http/1.1 ") {
            status = line[9..12].parse().expect("a status");
        } else if let Some(n) = line.strip_prefix("content-length:") {
            length = n.trim().parse().expect("a length");
        } else if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok((connection, status, body))
}

/// What is shown once everything has closed.
pub(crate) struct Shown {
    pub(crate) experiment: Value,
    pub(crate) metrics: BTreeMap<String, f64>,
}

impl Shown {
    /// Every count of every arm is the account's, in the API and in Prometheus.
    pub(crate) fn equals(&self, account: &Account) {
        for arm in self.experiment["arms"].as_array().expect("arms") {
            let name = arm["arm"].as_str().expect("a name");
            let wanted = account.arms.get(name).cloned().unwrap_or_default();
            for (field, count) in [
                ("decisions", wanted.decisions),
                ("assignments", wanted.assignments),
                ("rewards", wanted.rewards),
                ("expired", wanted.expired),
                ("pending", 0),
            ] {
                assert_eq!(arm[field].as_u64(), Some(count), "{name} {field}");
                let series = format!("reiver_state_{field}{{arm=\"{name}\",experiment=\"home\"}}");
                assert_eq!(self.metrics.get(&series), Some(&(count as f64)), "{series}");
            }
        }
    }
}

fn document(mut command: Command) -> Value {
    let out = command.stderr(Stdio::inherit()).output().expect("runs");
    assert!(out.status.success(), "{}", out.status);
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    serde_json::from_str(text.lines().last().expect("a line")).expect("a document")
}
