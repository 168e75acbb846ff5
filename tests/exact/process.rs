//! The binary as a process, kcat, and topics.

use reiver::adapter::kafka::{KafkaConfig, TopicPlan, ensure};
use reiver::port::Clock;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The time, as events say it.
pub(crate) fn now() -> String {
    reiver::adapter::clock::SystemClock.now().to_rfc3339()
}

/// Makes a topic.
pub(crate) fn topic(brokers: &str, name: &str, partitions: i32) {
    let config = KafkaConfig { brokers: brokers.to_owned(), ..KafkaConfig::default() };
    let plan = TopicPlan { name: name.to_owned(), partitions, config: BTreeMap::new() };
    ensure(&config, &[plan], 1).expect("the topic is made");
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
    address: String,
    connection: Option<BufReader<TcpStream>>,
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
        let mut process = Self { child, address, connection: None };
        for _ in 0..600 {
            if process.request("GET", "/readyz", "").0 == 200 {
                return process;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("not ready within a minute: {:?}", process.request("GET", "/readyz", ""));
    }

    fn request(&mut self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let address = self.address.clone();
        let connection = self.connection.get_or_insert_with(|| {
            let stream = TcpStream::connect(&address).expect("connects");
            stream.set_nodelay(true).expect("an option");
            stream.set_read_timeout(Some(Duration::from_secs(20))).expect("an option");
            BufReader::new(stream)
        });
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        connection.get_mut().write_all((head + body).as_bytes()).expect("writes");
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            connection.read_line(&mut line).expect("reads");
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
        connection.read_exact(&mut body).expect("reads");
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// One decision.
    pub(crate) fn decide(&mut self, unit: &str) -> Value {
        let (status, answer) =
            self.request("POST", "/v1/decide", &format!("{{\"experiment\":\"home\",\"unit\":\"{unit}\"}}"));
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Waits until no decision is open, and nothing has changed for a while; returns the experiment.
    pub(crate) fn until_closed(&mut self) -> Value {
        let mut before = Value::Null;
        for _ in 0..120 {
            std::thread::sleep(Duration::from_millis(1_000));
            let (_, shown) = self.request("GET", "/v1/experiments/home", "");
            let open: u64 = shown["arms"].as_array().into_iter().flatten().filter_map(|a| a["pending"].as_u64()).sum();
            let counts = |e: &Value| -> Vec<Value> {
                let arms = e["arms"].as_array().cloned().unwrap_or_default();
                arms.iter().map(|a| serde_json::json!([a["decisions"], a["rewards"], a["expired"]])).collect()
            };
            if open == 0 && !before.is_null() && counts(&before) == counts(&shown) {
                return shown;
            }
            before = shown;
        }
        panic!("decisions stay open: {before}");
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("kills");
        self.child.wait().expect("ends");
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

fn document(mut command: Command) -> Value {
    let out = command.stderr(Stdio::inherit()).output().expect("runs");
    assert!(out.status.success(), "{}", out.status);
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    serde_json::from_str(text.lines().last().expect("a line")).expect("a document")
}
