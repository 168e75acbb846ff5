//! A real Prometheus on loopback, scraping every second, and its HTTP API.

use super::process::{Kept, free_port};
use reiver::adapter::clock::Stopwatch;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// One stage at a time: two of them on a small machine would measure each other.
static STAGE: Mutex<()> = Mutex::new(());

/// A running Prometheus; gone when dropped.
pub(crate) struct Prometheus {
    address: String,
    child: Kept,
    _folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

/// The answer to a request, `None` where nobody listens.
pub(crate) fn ask(address: &str, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    // HTTP/1.0: the answer comes in one piece and ends with the connection.
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Waits for something for so many seconds.
pub(crate) fn wait_for<T>(seconds: u64, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Stopwatch::start();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(seconds), "waited {seconds} s for {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn encoded(text: &str) -> String {
    let one = |b: u8| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(one).collect()
}

impl Prometheus {
    /// Starts one that scrapes these addresses as job `reiver` and evaluates these rules, all once a second.
    pub(crate) fn start(targets: &[String], rules: &[(&str, String)]) -> Self {
        let alone = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in rules {
            std::fs::write(folder.path().join(name), text).expect("written");
        }
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\nrule_files: ['*.rules.yml']\n\
             scrape_configs:\n  - job_name: reiver\n    static_configs: [{{targets: {targets:?}}}]\n"
        );
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config).expect("written");
        let address = format!("127.0.0.1:{}", free_port());
        let log = folder.path().join("log");
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).expect("written"));
        let mut prometheus = Self { address, child: Kept::spawn(&mut command), _folder: folder, _alone: alone };
        wait_for(60, "Prometheus", || {
            let ended = prometheus.child.0.try_wait().expect("it is ours");
            assert!(ended.is_none(), "{}", std::fs::read_to_string(&log).unwrap_or_default());
            ask(&prometheus.address, "GET", "/-/ready", "").filter(|(code, _)| *code == 200)
        });
        prometheus
    }

    /// `data` of an API answer, or why there is none.
    fn api(&self, path: &str) -> Result<Value, String> {
        let (_, body) = ask(&self.address, "GET", &format!("/api/v1/{path}"), "").ok_or("Prometheus is gone")?;
        let answer: Value = serde_json::from_str(&body).map_err(|e| format!("{e}: {body}"))?;
        if answer["status"] == "success" { Ok(answer["data"].clone()) } else { Err(answer["error"].to_string()) }
    }

    /// The last seconds of a query, once a second: all values of each series.
    pub(crate) fn range(&self, expr: &str, seconds: u64) -> Result<Vec<(Value, Vec<f64>)>, String> {
        let now = self.now();
        let from = now - seconds as f64;
        let data = self.api(&format!("query_range?query={}&start={from}&end={now}&step=1", encoded(expr)))?;
        let number = |pair: &Value| pair[1].as_str().and_then(|s| s.parse().ok()).unwrap_or(f64::NAN);
        let series = |s: &Value| {
            (s["metric"].clone(), s["values"].as_array().into_iter().flatten().map(number).collect::<Vec<f64>>())
        };
        Ok(data["result"].as_array().into_iter().flatten().map(series).collect())
    }

    /// Prometheus' own time.
    fn now(&self) -> f64 {
        let data = self.api("query?query=time()").expect("it knows the time");
        data["result"][0].as_f64().expect("seconds")
    }

    /// All alerts that are pending or firing: name and whole.
    pub(crate) fn alerts(&self) -> Vec<(String, Value)> {
        let data = self.api("alerts").expect("answered");
        let named = |a: &Value| (a["labels"]["alertname"].as_str().unwrap_or("").to_owned(), a.clone());
        data["alerts"].as_array().into_iter().flatten().map(named).collect()
    }

    /// Rules that could not be evaluated, with the reason.
    pub(crate) fn broken_rules(&self) -> Vec<String> {
        let data = self.api("rules").expect("answered");
        let groups = data["groups"].as_array().cloned().unwrap_or_default();
        let rules: Vec<&Value> = groups.iter().flat_map(|g| g["rules"].as_array().into_iter().flatten()).collect();
        assert!(rules.len() > 50, "the rules were loaded");
        rules
            .into_iter()
            .filter(|r| r["health"] != "ok")
            .map(|r| format!("{}: {}", r["name"], r["lastError"]))
            .collect()
    }
}
