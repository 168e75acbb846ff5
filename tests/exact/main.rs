//! Exact counts and bytes on Apache Kafka: the binary, HTTP decisions, clicks by kcat in another process, kill -9 at
//! random moments; then an independent recount of what lies in the topics, and a replay with an equal digest.
//!
//! Needs a real broker (REIVER_TEST_BROKERS) and kcat: the embedded broker forgets records and fences nobody.
//! REIVER_TEST_DECISIONS sets the size (default 2,000; the full run is 20,000).

#[path = "../truth/mod.rs"]
mod truth;

mod outage;
mod process;
#[path = "../kafka/topics.rs"]
mod topics;

use process::{Process, Shown, kcat_consume, kcat_produce};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use topics::make_topics;
use truth::rules::Rules;
use truth::{chance, cuts, lines, recount, redecide};

const DAY: i64 = 86_400_000;

/// The broker, or `None` and a clear word where there is none.
fn brokers(test: &str) -> Option<String> {
    let brokers = std::env::var("REIVER_TEST_BROKERS").ok();
    if brokers.is_none() {
        eprintln!("{test}: skipped: needs Apache Kafka; set REIVER_TEST_BROKERS (see tests/kafka/broker.sh)");
    }
    brokers
}

fn decisions_wanted() -> usize {
    std::env::var("REIVER_TEST_DECISIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)
}

/// A unit of very unequal activity: the k-th most active is drawn in proportion to 1/k.
fn unit(turn: u64, units: u64) -> u64 {
    let u = ((turn.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    (((units as f64).powf(u)) as u64).min(units - 1)
}

struct Run {
    brokers: String,
    name: String,
    stick: Option<i64>,
    /// Attribution window, seconds.
    window: i64,
}

impl Run {
    fn config(&self, folder: &Path) -> String {
        let stick = if self.stick.is_some() { "1d" } else { "none" };
        format!(
            r#"
[kafka]
brokers = "{}"
group = "{name}"
prefix = "{name}"
[[source]]
topic = "clicks-{name}"
[state]
path = "{}"
every = "1s"
[http]
listen = "127.0.0.1:0"
token_file = "{token}"
[learn]
memory = "512MiB"
[[experiment]]
name = "home"
arms = ["popularity", "transitions", "mf", "ncf"]
baseline = "popularity"
reward = {{ click = 1.0 }}
window = "{window}s"
grace = "2s"
half_life = "1h"
ramp = "off"
stick = "{stick}"
"#,
            self.brokers,
            folder.join("state").display(),
            name = self.name,
            token = folder.join("token").display(),
            window = self.window,
        )
    }

    fn topic(&self, which: &str) -> String {
        if which == "clicks" { format!("clicks-{}", self.name) } else { format!("{}.{which}", self.name) }
    }

    fn rules(&self) -> Rules {
        Rules {
            experiment: "home".into(),
            window: self.window * 1000,
            grace: 2_000,
            wait: 2_000,
            reward: BTreeMap::from([("click".to_owned(), Some(1.0))]),
        }
    }

    /// Decides, clicks, kills; then waits until everything has closed. Returns what HTTP and Prometheus show then.
    fn drive(&self, kills: usize, config: &Path) -> Shown {
        let wanted = decisions_wanted();
        let mut process = Process::start(config);
        let batch = 200;
        let mut clicks = String::new();
        let kill_at: Vec<usize> = (1..=kills).map(|k| wanted * k / (kills + 1) + 37 * k).collect();
        for turn in 0..wanted {
            let unit = unit(turn as u64, 2_000);
            let decision = process.decide(&format!("u{unit}"));
            // A click rate that differs by arm, so that traffic moves.
            let rate = match decision["arm"].as_str() {
                Some("mf") => 4,
                Some("transitions") => 2,
                _ => 1,
            };
            if turn % 10 < rate {
                let id = decision["decision_id"].as_str().expect("an id");
                let time = process::now();
                for copy in 0..=u8::from(turn % 50 == 0) {
                    let _same_event_twice = copy;
                    clicks.push_str(&format!(
                        "u{unit}\t{{\"type\":\"interaction\",\"event_id\":\"c{turn}\",\"event_time\":\"{time}\",\
                         \"user_id\":\"u{unit}\",\"item_id\":\"i{}\",\"action\":\"click\",\"decision_id\":\"{id}\"}}\n",
                        turn % 97
                    ));
                }
            }
            if turn % batch == batch - 1 {
                kcat_produce(&self.brokers, &self.topic("clicks"), &clicks);
                clicks.clear();
            }
            if kill_at.contains(&turn) {
                process.kill();
                process = Process::start(config);
            }
        }
        kcat_produce(&self.brokers, &self.topic("clicks"), &clicks);
        let shown = process.until_closed(self.window);
        process.stop();
        shown
    }

    fn check(&self, kills: usize) {
        let folder = tempfile::tempdir().expect("a folder");
        let config = self.prepare(folder.path());
        let shown = self.drive(kills, &config);
        let p = self.holds(&shown, &config);
        eprintln!("{}: {} decisions, {kills} kills, chi-square p = {p:.3}", self.name, decisions_wanted());
    }

    /// Writes the configuration and makes the topic of clicks.
    fn prepare(&self, folder: &Path) -> PathBuf {
        let config = folder.join("reiver.toml");
        std::fs::write(&config, self.config(folder)).expect("writes");
        std::fs::write(folder.join("token"), process::TOKEN).expect("writes");
        make_topics(&self.brokers, &[(self.topic("clicks"), 4)]);
        config
    }

    /// What was shown is what lies in the topics, every decision follows from its line, and a replay agrees. Returns
    /// the probability of arms as unlike their propensities as these, or more.
    fn holds(&self, shown: &Shown, config: &Path) -> f64 {
        let decisions = kcat_consume(&self.brokers, &self.topic("decisions"));
        let clicks = kcat_consume(&self.brokers, &self.topic("clicks"));
        let events = kcat_consume(&self.brokers, &self.topic("events"));
        let control = lines::read(&kcat_consume(&self.brokers, &self.topic("control")));
        let inputs = lines::read(&format!("{decisions}{clicks}{events}"));
        for line in lines::read(&decisions) {
            let decision = line.event.as_ref().expect("a decision");
            redecide::redecide(decision, self.stick).unwrap_or_else(|error| panic!("{error}: {decision}"));
        }
        let cuts = cuts::cuts(&control, &inputs).expect("cuts cover the inputs");
        let account = recount::recount(&self.rules(), &cuts);
        shown.equals(&account);
        let p = chance::agreement(&account.drawn);
        assert!(p > 0.001, "arms do not match their propensities: p = {p}");

        let ran = Process::until_end(config);
        let replayed = Process::replay(config);
        assert_eq!(ran["digest"], replayed["digest"], "{ran}\n{replayed}");
        assert_eq!(ran["arms"], replayed["arms"]);
        eprintln!("{}: digest of the run and of its replay: {}", self.name, ran["digest"]);
        p
    }
}

fn run(test: &str, stick: Option<i64>, kills: usize) {
    let Some(brokers) = brokers(test) else { return };
    let name = format!("{test}-{}", std::process::id());
    Run { brokers, name, stick, window: 4 }.check(kills);
}

#[test]
fn sticky_decisions_are_counted_exactly() {
    run("sticky", Some(DAY), 0);
}

#[test]
fn free_decisions_are_counted_exactly_through_three_kills() {
    run("killed", None, 3);
}

#[test]
fn sticky_decisions_are_counted_exactly_through_three_kills() {
    run("killed-sticky", Some(DAY), 3);
}
