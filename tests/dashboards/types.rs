//! Grafana's own types: every dashboard, and every panel's options, must fit the published schema package.

use super::files::{at, dashboards};
use super::process::{has, run};
use serde_json::json;
use std::process::Command;

/// Installs the two packages that the check needs, where they are not there already.
fn installed() -> bool {
    if !has("npm") || !has("node") {
        return false;
    }
    let folder = at("tests/dashboards/types");
    if folder.join("node_modules/typescript/bin/tsc").exists() && folder.join("node_modules/@grafana/schema").exists() {
        return true;
    }
    let (done, said) = run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder));
    if !done {
        panic!("npm could not install Grafana's types: {said}");
    }
    done
}

fn check(folder: &std::path::Path) -> (bool, String) {
    run(Command::new("node").arg(at("tests/dashboards/types/check.mjs")).arg(folder))
}

#[test]
fn dashboards_fit_grafanas_types() {
    if !installed() {
        return;
    }
    let (fits, said) = check(&at("dashboards/grafana"));
    assert!(fits, "{said}");

    // A check that accepts everything would be worth nothing.
    for (pointer, name, what) in [
        ("", "titel", "a field that no dashboard has"),
        ("/panels/1", "descripton", "a field that no panel has"),
        ("/panels/1/options", "graphmode", "an option that the plugin does not have"),
        ("/templating/list/1", "lable", "a field that no variable has"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut dashboard = dashboards().into_iter().find(|d| d.file == "overview.json").expect("there");
        dashboard.json.pointer_mut(pointer).expect("there")[name] = json!("x");
        std::fs::write(folder.path().join("overview.json"), dashboard.json.to_string()).expect("written");
        let (fits, said) = check(folder.path());
        assert!(!fits && said.contains(name), "{what}: {said}");
    }
}
