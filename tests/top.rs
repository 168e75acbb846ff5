//! `reiver top` against a real demo: in a pipe, on a terminal of two widths, with the server gone and back again.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_reiver");
const ARMS: [&str; 4] = ["popularity", "transitions", "mf", "ncf"];

/// A demo that ends with the test.
struct Demo(Child);

impl Demo {
    fn open(port: u16) -> Self {
        let mut command = Command::new(BINARY);
        command.args(["demo", "--listen", &format!("127.0.0.1:{port}")]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary runs");
        let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
        let open = said.by_ref().map_while(Result::ok).any(|line| line.contains("the shop is open"));
        assert!(open, "it never opened");
        // Goes on reading, so that the child never waits for us.
        std::thread::spawn(move || said.for_each(drop));
        Self(child)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

/// A terminal of our own tmux server, which ends with the test.
struct Pane(String);

impl Pane {
    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux").args(["-L", &self.0]).args(arguments).output().expect("tmux runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn open(command: &str, columns: u16, rows: u16) -> Self {
        let pane = Self(format!("reiver-{}-{columns}x{rows}", std::process::id()));
        let (columns, rows) = (columns.to_string(), rows.to_string());
        pane.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", &rows, command]);
        pane
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Waits for a screen of which something holds; gives it, or fails with the last one.
    #[track_caller]
    fn until(&self, what: &str, seconds: u64, holds: impl Fn(&str) -> bool) -> String {
        let begun = reiver::adapter::clock::Stopwatch::start();
        loop {
            let screen = self.screen();
            if holds(&screen) {
                return screen;
            }
            assert!(begun.elapsed() < Duration::from_secs(seconds), "no {what} within {seconds} s:\n{screen}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

fn there(program: &str) -> bool {
    let found = Command::new(program).arg("-V").output().is_ok();
    if !found {
        eprintln!("SKIPPED: {program} is not here, so nothing drives a terminal");
    }
    found
}

fn top(port: u16, more: &[&str]) -> std::process::Output {
    let url = format!("http://127.0.0.1:{port}");
    Command::new(BINARY).args(["top", "--url", &url]).args(more).output().expect("the binary runs")
}

/// All arms with a share, and rates that were measured.
fn lives(screen: &str) -> bool {
    let rated = screen.lines().any(|l| l.contains(" decisions/s") && !l.contains("– decisions/s"));
    rated && ARMS.iter().all(|arm| screen.lines().any(|l| l.starts_with(arm) && l.contains('%')))
}

#[test]
fn a_pipe_gets_one_plain_look_and_json_one_document() {
    let port = free_port();
    let nobody = top(port, &["--once"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nobody.stderr).contains(&format!("127.0.0.1:{port}")));
    let _demo = Demo::open(port);
    let look = || serde_json::from_slice::<Value>(&top(port, &["--json"]).stdout).unwrap_or_default();
    let decides = |document: &Value| document["decisions_per_second"].as_f64().is_some_and(|rate| rate > 0.0);
    assert!((0..20).any(|_| decides(&look())), "nothing is decided: {}", look());
    let piped = top(port, &[]);
    let text = String::from_utf8(piped.stdout).expect("text");
    assert!(piped.status.success() && lives(&text), "{text}{}", String::from_utf8_lossy(&piped.stderr));
    assert!(!text.contains('\u{1b}'), "{text}");
    let output = top(port, &["--json"]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(text.lines().count(), 1, "{text}");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let arms = document["experiments"][0]["arms"].as_array().expect("arms");
    let sum: f64 = arms.iter().filter_map(|arm| arm["share"].as_f64()).sum();
    assert!(arms.len() == 4 && (sum - 1.0).abs() < 1e-9, "{document}");
    assert!(document["decisions_per_second"].is_number(), "{document}");
    assert_eq!(document["models"].as_array().map(Vec::len), Some(4), "{document}");
    let wrong = top(port, &["--once", "--experiment", "none"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", String::from_utf8_lossy(&wrong.stderr));
}

#[test]
fn a_terminal_follows_the_demo_and_is_given_back() {
    if !there("tmux") {
        return;
    }
    let port = free_port();
    let demo = Demo::open(port);
    let command = format!(
        "sh -c 'echo it was here before; \"{BINARY}\" top --url http://127.0.0.1:{port} --interval 300ms; \
         echo it ended with $?; stty -a; sleep 100'"
    );
    let pane = Pane::open(&command, 80, 24);
    let screen = pane.until("living screen", 30, lives);
    assert!(screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
    assert!(
        screen.contains("live") && screen.contains("q quits") && !screen.contains("it was here before"),
        "{screen}"
    );

    pane.tmux(&["resize-window", "-x", "40", "-y", "30"]);
    let narrow = pane.until("narrow screen", 10, |s| s.contains("reward ") && lives(s));
    assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");

    drop(demo);
    let gone = pane.until("word of the server", 15, |s| s.contains("trying again"));
    assert!(ARMS.iter().all(|arm| gone.contains(arm)), "what was known stays: {gone}");
    let _demo = Demo::open(port);
    pane.until("recovery", 30, |s| lives(s) && !s.contains("trying again"));

    pane.tmux(&["send-keys", "q"]);
    let after = pane.until("end", 5, |s| s.contains("it ended with 0") && s.contains("icanon"));
    assert!(after.contains("it was here before"), "the first screen is back: {after}");
    assert!(!after.contains("-icanon") && !after.contains("-echo "), "keys are as before: {after}");
}

#[test]
fn without_colours_nothing_is_coloured_and_a_signal_gives_the_terminal_back() {
    if !there("tmux") {
        return;
    }
    let port = free_port();
    let _demo = Demo::open(port);
    let command = |colour: &str| {
        format!(
            "sh -c 'echo it was here before; env {colour} \"{BINARY}\" top --url http://127.0.0.1:{port}; \
             echo it ended with $?; stty -a; sleep 100'"
        )
    };
    let coloured = Pane::open(&command("NO_COLOR="), 82, 24);
    coloured.until("living screen", 30, lives);
    assert!(coloured.tmux(&["capture-pane", "-p", "-e"]).contains("\u{1b}["));
    drop(coloured);

    let plain = Pane::open(&command("NO_COLOR=1"), 81, 24);
    plain.until("living screen", 30, lives);
    let styled = plain.tmux(&["capture-pane", "-p", "-e"]);
    assert!(!styled.contains("\u{1b}["), "{styled:?}");
    let shell = plain.tmux(&["list-panes", "-F", "#{pane_pid}"]);
    let sent = Command::new("pkill").args(["-TERM", "-P", shell.trim()]).status().expect("pkill is there");
    assert!(sent.success());
    let after = plain.until("end", 5, |s| s.contains("it ended with 0") && s.contains("icanon"));
    assert!(after.contains("it was here before") && !after.contains("-icanon"), "{after}");
}

/// Where the terminal goes away, the process does, too.
#[test]
fn nothing_stays_behind_a_terminal_that_is_gone() {
    if !there("tmux") {
        return;
    }
    let pane = Pane::open(&format!("{BINARY} top --url http://127.0.0.1:{}", free_port()), 70, 20);
    pane.until("a screen", 15, |screen| screen.contains("trying again"));
    let process = pane.tmux(&["display-message", "-p", "#{pane_pid}"]).trim().to_owned();
    let alive = || std::fs::read_to_string(format!("/proc/{process}/cmdline")).is_ok_and(|line| line.contains("top"));
    assert!(alive(), "{process}");
    drop(pane);
    let begun = reiver::adapter::clock::Stopwatch::start();
    while alive() {
        assert!(begun.elapsed() < Duration::from_secs(10), "process {process} stays");
        std::thread::sleep(Duration::from_millis(100));
    }
}
