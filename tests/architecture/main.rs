//! Holds the house to its plan: `docs/ARCHITECTURE.md` has the table of rooms, this reads the code against it.
//! Every checker is itself shown to fail on a bad snippet.

mod imports;
mod source;
mod tree;

use imports::Plan;
use std::fmt::Write as _;
use tree::{Tracked, tracked};

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 70;
const INTRODUCTION_LINES: usize = 70;

/// All findings in one message, so that one run shows everything there is to mend.
fn none(findings: Vec<String>) {
    let mut text = String::new();
    for finding in &findings {
        let _never_fails = writeln!(text, "  {finding}");
    }
    assert!(findings.is_empty(), "{} findings:\n{text}", findings.len());
}

fn rust_files() -> impl Iterator<Item = Tracked> {
    tracked().into_iter().filter(|file| file.path.ends_with(".rs"))
}

fn plan() -> Plan {
    let files = tracked();
    let page = files.iter().find(|file| file.path == "docs/ARCHITECTURE.md").expect("docs/ARCHITECTURE.md is there");
    Plan::parse(&page.text).expect("the table of rooms can be read")
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    let plan = plan();
    none(rust_files().filter(|f| f.path.starts_with("src/")).flat_map(|f| plan.breaches(&f.path, &f.text)).collect());
}

#[test]
fn table_and_lib_name_the_same_rooms_in_the_same_order() {
    let files = tracked();
    let lib = files.iter().find(|file| file.path == "src/lib.rs").expect("src/lib.rs is there");
    let declared: Vec<&str> = lib.text.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(plan().names(), declared, "docs/ARCHITECTURE.md (left) and src/lib.rs (right)");
}

#[test]
fn files_and_functions_fit() {
    none(rust_files().flat_map(|f| source::sizes(&f.path, &f.text, FILE_LINES, FUNCTION_LINES)).collect());
}

#[test]
fn mod_rs_only_introduces_its_room() {
    let introductions = rust_files().filter(|f| f.path.starts_with("src/") && f.path.ends_with("/mod.rs"));
    none(introductions.flat_map(|f| source::introduction(&f.path, &f.text, INTRODUCTION_LINES)).collect());
}

#[test]
fn main_hands_over() {
    let main = rust_files().find(|f| f.path == "src/main.rs").expect("src/main.rs is there");
    assert!(main.text.lines().count() < 60, "src/main.rs only hands over");
}

#[test]
fn nothing_is_left_for_later() {
    none(rust_files().flat_map(|f| source::left_overs(&f.path, &f.text)).collect());
}

#[test]
fn one_adapter_reads_the_clock() {
    let readers = rust_files().filter(|f| f.path.starts_with("src/") && !f.path.starts_with("src/adapter/clock"));
    none(readers.flat_map(|f| source::clocks(&f.path, &f.text)).collect());
}

#[test]
fn files_name_no_machine_and_no_registry_host() {
    none(tracked().iter().filter(|f| f.path != "Cargo.lock").flat_map(|f| tree::places(&f.path, &f.text)).collect());
}

#[test]
fn every_dependency_says_why() {
    let files = tracked();
    let manifest = files.iter().find(|f| f.path == "Cargo.toml").expect("Cargo.toml is there");
    none(tree::unexplained(&manifest.text));
}

#[test]
fn the_continuous_run_takes_the_test_command_from_the_readme() {
    let files = tracked();
    let find = |path: &str| files.iter().find(|f| f.path == path).unwrap_or_else(|| panic!("{path} is there"));
    let commands = tree::commands(&find("README.md").text);
    assert_eq!(commands, ["cargo run --release -- demo", "cargo test"], "the two commands of README.md");
    assert!(find(".ci/run").text.contains("README.md"), ".ci/run reads the command from README.md");
}
