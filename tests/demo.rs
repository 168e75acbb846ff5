//! The demo as a process: one document at the end, a clean stop, a world that changes. `tests/demo_full.sh` holds it to
//! all it promises; that takes two minutes and a release build.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reiver"));
    command.args(["demo", "--listen", "127.0.0.1:0"]).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn a_short_demo_ends_with_one_document() {
    let output = demo(&["--duration", "20s", "--phase", "12s", "--json"]).output().expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("the shop is open: http://127.0.0.1:"), "{said}");
    assert!(said.contains("the shop changes"), "{said}");
    assert!(!said.contains('\u{1b}'), "no colours where there is no terminal: {said}");
    let lines = said.lines().filter(|line| line.contains("decisions/s")).count();
    assert!((2..=5).contains(&lines), "a plain line every five seconds: {said}");

    let stdout = String::from_utf8(output.stdout).expect("text");
    let document: Value = serde_json::from_str(stdout.lines().last().expect("a line")).expect("JSON");
    let count = |pointer: &str| document.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    for arm in ["popularity", "transitions", "mf", "ncf"] {
        assert!(count(&format!("/arms/{arm}/decisions")) > 0, "{arm}: {document}");
        assert!(count(&format!("/arms/{arm}/rewards")) > 0, "{arm}: {document}");
        assert!(count(&format!("/models/{arm}/examples")) > 500, "{arm}: {document}");
    }
    let shares: f64 = document["arms"].as_object().expect("arms").values().filter_map(|a| a["share"].as_f64()).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{document}");
    let rejected = document["rejected"].as_object().expect("reasons");
    assert!(rejected.len() >= 3, "broken records of several kinds: {document}");
    assert!(count("/duplicates") > 0 && count("/accepted") > 2000, "{document}");
}

#[test]
fn an_interrupt_stops_it_within_five_seconds() {
    let mut child = demo(&[]).spawn().expect("the binary runs");
    let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
    let open = said.by_ref().map_while(Result::ok).any(|line| line.contains("the shop is open"));
    assert!(open, "it never opened");
    let (tell, told) = mpsc::channel();
    // Goes on reading, so that the child never waits for us.
    std::thread::spawn(move || said.for_each(drop));
    std::thread::sleep(Duration::from_secs(3));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    assert!(sent.success());
    std::thread::spawn(move || tell.send(child.wait()));
    let status = told.recv_timeout(Duration::from_secs(5)).expect("gone within five seconds").expect("waited for");
    assert!(status.success(), "{status}");
}
