//! The page in a real browser: Debian's Chromium, driven by playwright-core, read by axe-core. It takes minutes, so it
//! runs with `REIVER_TEST_FACES=1`, after `tests/page/tools.sh` has installed what it needs; `.ci/run` does both.

#[path = "../loop/instance.rs"]
#[expect(dead_code, reason = "of an instance's helpers only some are needed here")]
mod instance;

use instance::{broker, settings, up};
use reiver::adapter::embedded::EmbeddedBroker;
use reiver::allocate::ExperimentConfig;
use reiver::app::Running;
use reiver::event::Span;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/page")
}

/// Node of version 20 or newer, as `REIVER_NODE` names it or as it is found.
fn node() -> Option<String> {
    let node = std::env::var("REIVER_NODE").unwrap_or_else(|_| "node".to_owned());
    let said = Command::new(&node).arg("--version").output().ok()?;
    let version = String::from_utf8(said.stdout).ok()?;
    let major: u32 = version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()?;
    (major >= 20).then_some(node)
}

/// One browser at a time: it needs a core to itself, and what it costs is measured. `None`, and a word, where the suite
/// is not wanted.
fn alone() -> Option<MutexGuard<'static, ()>> {
    static ALONE: Mutex<()> = Mutex::new(());
    if std::env::var_os("REIVER_TEST_FACES").is_none() {
        eprintln!("skipped: the page in a browser runs with REIVER_TEST_FACES=1, after tests/page/tools.sh");
        return None;
    }
    Some(ALONE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Runs a script of this folder.
fn script(name: &str, settings: &[(&str, String)]) {
    let named = std::env::var("CHROMIUM").ok();
    let usual = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"].map(str::to_owned);
    let browser = named.into_iter().chain(usual).any(|path| PathBuf::from(path).exists());
    let there = browser && folder().join("node_modules/playwright-core").exists();
    assert!(there, "{name} needs Chromium and tests/page/node_modules: tests/page/tools.sh installs them");
    let node = node().expect("node 20 or newer, as tests/page/tools.sh prints it for REIVER_NODE");
    let mut command = Command::new(node);
    command.arg(folder().join(name)).current_dir(folder());
    command.env("REIVER_BIN", std::env::var("REIVER_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_reiver").to_owned()));
    // What it finds is written as it is found: a script that hangs has said where.
    let log = tempfile::NamedTempFile::new().expect("a file");
    eprintln!("{name} writes to {}", log.path().display());
    command.stdout(log.reopen().expect("the same file")).stderr(log.reopen().expect("the same file"));
    let status = command.envs(settings.iter().map(|(k, v)| (k, v.as_str()))).status().expect("node runs");
    let said = std::fs::read_to_string(log.path()).expect("text");
    eprintln!("{said}");
    assert!(status.success(), "{name}:\n{said}");
}

/// A whole instance on a broker of its own, stopped at the end.
struct Instance {
    running: Option<Running>,
    _broker: EmbeddedBroker,
    _state: tempfile::TempDir,
}

impl Instance {
    fn new(experiments: Vec<ExperimentConfig>) -> Self {
        let (broker, state) = (broker(), tempfile::tempdir().expect("a folder"));
        let running = up(settings(&broker, state.path(), experiments));
        Self { running: Some(running), _broker: broker, _state: state }
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let address = self.running.as_ref().expect("it runs").address;
        vec![("REIVER_URL", format!("http://{address}")), ("REIVER_TOKEN", "secret".to_owned())]
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop.cancel();
            let _document = running.wait();
        }
    }
}

fn experiment(name: &str, arms: &[&str]) -> ExperimentConfig {
    ExperimentConfig {
        stick: None,
        window: Span::seconds(2),
        grace: Span::seconds(1),
        half_life: Some(Span::seconds(20)),
        ramp: None,
        ..ExperimentConfig::new(name, arms, arms[0])
    }
}

const ARMS: [&str; 4] = ["popularity", "transitions", "mf", "ncf"];

/// Both themes with no data, with the demo's data and with a stopped server.
#[test]
fn it_looks_as_it_should_in_every_state() {
    let Some(_alone) = alone() else { return };
    let empty = Instance::new(vec![experiment("home", &ARMS)]);
    script("looks.mjs", &empty.settings());
}

/// Tokens, reasons, the keyboard, names with markup, an experiment whose arms are all out.
#[test]
fn it_can_be_used_with_the_keyboard_and_takes_actions_with_a_token_only() {
    let Some(_alone) = alone() else { return };
    let arms = ["popularity", "<img src=x onerror=alert(1)>", "a\"b'c&d", "ncf"];
    let instance = Instance::new(vec![experiment("home", &ARMS), experiment("<b>shop</b>", &arms)]);
    script("use.mjs", &instance.settings());
}

/// A cut stream, ten tabs, what they cost.
#[test]
fn it_survives_a_cut_line_and_ten_tabs_cost_little() {
    let Some(_alone) = alone() else { return };
    let idle = Instance::new(vec![experiment("home", &ARMS)]);
    script("lines.mjs", &idle.settings());
}

/// The same numbers in the page, the API and Prometheus' exposition; an event on the page in time.
#[test]
fn its_numbers_are_those_of_the_api_and_in_time() {
    let Some(_alone) = alone() else { return };
    let instance = Instance::new(vec![experiment("home", &ARMS)]);
    script("numbers.mjs", &instance.settings());
}
