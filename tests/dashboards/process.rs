//! Programs that may be missing, children that never outlive their test, and free ports.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// Whether a program is to be used: with `REIVER_TEST_FACES` it has to be there; without it the test is skipped, and
/// says so, since these take minutes.
pub(crate) fn has(program: &str) -> bool {
    if std::env::var_os("REIVER_TEST_FACES").is_none() {
        eprintln!("skipped: what needs {program} runs with REIVER_TEST_FACES=1");
        return false;
    }
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    assert!(found, "REIVER_TEST_FACES is set, and {program} is not installed");
    true
}

/// A child that is killed when its test ends, however it ends.
pub(crate) struct Kept(pub(crate) Child);

impl Kept {
    /// Starts it.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self(command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}")))
    }

    /// Kills it now, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("it was running");
        self.0.wait().expect("it is ours");
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _may_be_gone = self.0.kill();
        let _may_be_gone = self.0.wait();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}

/// Runs a program to its end: whether it succeeded, and all it said.
pub(crate) fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}
