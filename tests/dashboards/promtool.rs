//! promtool's own checks: configuration, rules, scenarios, and the exposition of the running binary.

use super::files::at;
use super::process::{has, run};
use reiver::observe::{Metrics, Names};
use reiver::serve::{Phase, ROUTES};
use std::io::Write;
use std::process::{Command, Stdio};

fn promtool(arguments: &[&str]) -> (bool, String) {
    run(Command::new("promtool").args(arguments).current_dir(at("dashboards/prometheus")))
}

#[test]
fn promtool_accepts_configuration_and_rules() {
    if !has("promtool") {
        return;
    }
    for config in ["prometheus.yml", "local.yml"] {
        let (accepted, said) = promtool(&["check", "config", config]);
        assert!(accepted && said.contains("2 rule files found"), "{said}");
    }
    let (accepted, said) = promtool(&["check", "rules", "rules/recording.yml", "rules/alerts.yml"]);
    assert!(accepted, "{said}");
}

#[test]
fn promtool_finds_every_alert_in_its_scenario_and_no_other() {
    if !has("promtool") {
        return;
    }
    let (held, said) = promtool(&["test", "rules", "tests/scenarios.yml", "tests/burn.yml"]);
    assert!(held, "{said}");
}

/// The lint of the exposition knows what names people and tools expect.
#[test]
fn promtool_finds_nothing_wrong_with_our_names() {
    if !has("promtool") {
        return;
    }
    let one = |s: &str| vec![s.to_owned()];
    let metrics = Metrics::default();
    metrics.declare(&Names {
        inputs: one("shop"),
        outputs: one("reiver.decisions"),
        models: one("mf"),
        experiments: vec![("home".to_owned(), one("mf"))],
        routes: ROUTES.iter().map(|(r, m)| ((*r).to_owned(), (*m).to_owned())).collect(),
        phases: Phase::ALL.map(Phase::as_str).to_vec(),
        ..Names::default()
    });
    let (clean, said) = check_metrics(&metrics.render());
    assert!(clean && said.is_empty(), "{said}");
    let (clean, said) = check_metrics("# HELP x_ms Waited.\n# TYPE x_ms counter\nx_ms 1\n");
    assert!(!clean && said.contains("_total"), "it would find something: {said}");
}

/// `promtool check metrics` over an exposition.
pub(crate) fn check_metrics(exposition: &str) -> (bool, String) {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it is there");
    child.stdin.take().expect("piped").write_all(exposition.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}
