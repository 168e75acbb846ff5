//! The binary as a script sees it: exit codes, stdout for results, stderr for everything else.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn reiver(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reiver"));
    command.args(arguments).current_dir(folder).env_remove("REIVER_TOKEN").env_remove("REIVER_LOG");
    command.output().expect("the binary runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The last line of stdout as JSON.
fn document(output: &Output) -> Value {
    let stdout = text(&output.stdout);
    let last = stdout.lines().last().unwrap_or_else(|| panic!("nothing on stdout; stderr: {}", text(&output.stderr)));
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}"))
}

#[test]
fn every_command_helps() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in
        ["demo", "run", "check", "replay", "export", "arm", "simulate", "top", "topics", "healthcheck", "version"]
    {
        let help = reiver(&[command, "--help"], folder.path());
        assert_eq!(code(&help), 0, "{command}");
        assert!(text(&help.stdout).contains("reiver "), "{command}: {}", text(&help.stdout));
    }
}

#[test]
fn wrong_usage_is_two() {
    let folder = tempfile::tempdir().expect("a folder");
    let wrong: [&[&str]; 9] = [
        &["export", "--model", "mff", "--out", "m.csv"],
        &["export", "--model", "mf", "--out", "m.parquet"],
        &["replay", "x.csv", "--format", "csv", "--warm-start", "mf"],
        &["replay", "x.csv", "--format", "csv", "--models", "mf", "--warm-start", "bpr=x"],
        &["nonsense"],
        &["replay"],
        &["replay", "x.csv"],
        &["arm", "pause", "home", "ncf"],
        &["healthcheck", "--url", "https://127.0.0.1:1"],
    ];
    for arguments in wrong {
        let output = reiver(arguments, folder.path());
        assert_eq!(code(&output), 2, "{arguments:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn nobody_there_is_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = reiver(&["healthcheck", "--url", "http://127.0.0.1:1"], folder.path());
    assert_eq!(code(&output), 1, "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("127.0.0.1:1"));
}

#[test]
fn version_is_one_document() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = reiver(&["version", "--json"], folder.path());
    assert_eq!(document(&output)["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn check_shows_each_setting_with_its_source_and_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("token"), "very-secret-token\n").expect("written");
    let settings = "[http]\ntoken_file = \"token\"\n[kafka.client]\n\"sasl.password\" = \"another-secret\"\n";
    std::fs::write(folder.path().join("reiver.toml"), settings).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_reiver"));
    command.args(["check", "--offline", "--json"]).current_dir(folder.path());
    let output = command.env("REIVER_STATE__KEEP", "7").output().expect("the binary runs");
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let found = document(&output);
    let setting = |path: &str| {
        let all = found["settings"].as_array().expect("settings");
        all.iter().find(|one| one[0] == path).unwrap_or_else(|| panic!("{path} is not told: {all:?}")).clone()
    };
    // What the environment says is text, and shown as such.
    assert_eq!(setting("state.keep")[1].as_str().map(|v| v.trim_matches('"')), Some("7"));
    assert_eq!(setting("state.keep")[2], "environment REIVER_STATE__KEEP");
    assert_eq!(setting("kafka.brokers")[2], "default");
    let all = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(!all.contains("very-secret") && !all.contains("another-secret"), "{all}");
    let shown = reiver(&["check", "--offline"], folder.path());
    assert!(text(&shown.stdout).contains("kafka.brokers") && !text(&shown.stdout).contains("secret-token"));
}

#[test]
fn check_of_a_typo_or_of_absent_brokers_is_three() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("reiver.toml"), "[kafka]\nbroker = \"a:1\"\n").expect("written");
    let output = reiver(&["check", "--offline", "--json"], folder.path());
    assert_eq!(code(&output), 3, "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("brokers"), "no suggestion: {}", text(&output.stderr));
    assert!(document(&output)["problems"][0].as_str().is_some_and(|problem| problem.contains("reiver.toml:2")));
    std::fs::write(folder.path().join("reiver.toml"), "[kafka]\nbrokers = \"127.0.0.1:1\"\n").expect("written");
    let output = reiver(&["check", "--json"], folder.path());
    assert_eq!(code(&output), 3, "{}", text(&output.stderr));
    assert!(document(&output)["problems"][0].as_str().is_some_and(|problem| problem.contains("127.0.0.1:1")));
}

#[test]
fn a_replay_ends_with_one_document() {
    let folder = tempfile::tempdir().expect("a folder");
    let event = |n: u32| {
        format!(
            r#"{{"type":"interaction","event_id":"e{n}","event_time":"2026-11-24T07:00:{:02}Z","user_id":"u{}","item_id":"i{}","action":"click"}}"#,
            n % 60,
            n % 5,
            n % 7
        )
    };
    let lines: Vec<String> = (0..59).map(event).chain(["not json".to_owned()]).collect();
    std::fs::write(folder.path().join("events.jsonl"), lines.join("\n")).expect("written");
    let arguments = ["replay", "events.jsonl", "--format", "jsonl", "--models", "popularity", "--json"];
    let output = reiver(&arguments, folder.path());
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let found = document(&output);
    assert_eq!(text(&output.stdout).lines().count(), 1, "one line only");
    assert_eq!(found["accepted"], 59);
    assert_eq!(found["rejected"]["malformed_json"], 1, "{found}");
    assert_eq!(document(&reiver(&arguments, folder.path()))["digest"], found["digest"]);
}

#[test]
fn a_replay_takes_settings_and_counts_rows_that_are_no_events() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = "[[experiment]]\nname = \"home\"\narms = [\"popularity\", \"mf\"]\nbaseline = \"popularity\"\n";
    std::fs::write(folder.path().join("reiver.toml"), settings).expect("written");
    std::fs::write(folder.path().join("u.data"), "1\t1\t5\t881250949\n1\tonly\n2\t1\t4\t881250950\n").expect("written");
    let arguments = ["replay", "u.data", "--format", "movielens", "--json", "--config", "reiver.toml"];
    let output = reiver(&arguments, folder.path());
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let found = document(&output);
    let models: Vec<&String> = found["models"].as_object().expect("models").keys().collect();
    assert_eq!(models, ["mf", "popularity"], "{found}");
    assert!(found["arms"]["mf"].is_object(), "{found}");
    let rejected: u64 = found["rejected"].as_object().expect("reasons").values().filter_map(|n| n.as_u64()).sum();
    assert_eq!((found["events"].as_u64(), found["accepted"].as_u64(), rejected), (Some(3), Some(2), 1), "{found}");
}

#[test]
fn leave_one_out_asks_about_what_was_held_out() {
    let folder = tempfile::tempdir().expect("a folder");
    // Two kinds of users, each with items of their own; the held-out one is of their kind, the others are not.
    let mut train = "user,item\n".to_owned();
    let mut held = "user,item,negatives\n".to_owned();
    for user in 0..40 {
        let own = |n: usize| 20 * (user % 2) + (user / 2 + n) % 20;
        (0..12).for_each(|n| train.push_str(&format!("u{user},i{}\n", own(n))));
        let others: Vec<String> = (0..20).map(|n| format!("i{}", 20 * ((user + 1) % 2) + n)).collect();
        held.push_str(&format!("u{user},i{},{}\n", own(13), others.join(" ")));
    }
    held.push_str("nobody,i1,i2\n");
    std::fs::write(folder.path().join("train.csv"), train).expect("written");
    std::fs::write(folder.path().join("held.csv"), held).expect("written");
    let arguments = ["replay", "train.csv", "--format", "csv", "--columns", "user=user,item=item", "--protocol"];
    let rest = ["leave-one-out", "--held-out", "held.csv", "--passes", "8", "--models", "mf,popularity", "--json"];
    let all: Vec<&str> = arguments.into_iter().chain(rest).collect();
    let output = reiver(&all, folder.path());
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let found = document(&output);
    assert_eq!((found["examples"].as_u64(), found["users"].as_u64()), (Some(480), Some(40)), "{found}");
    assert_eq!(found["unknown"], 1, "{found}");
    let rate = |model: &str| found["models"][model]["hit_rate_at_10"].as_f64().expect("a rate");
    assert!(rate("mf") > 0.95 && rate("popularity") < 0.9, "{found}");
    assert_eq!(found["models"]["mf"]["passes"].as_array().map(Vec::len), Some(8), "{found}");
    assert_eq!(code(&reiver(&all[..8], folder.path())), 2, "there is no file of what was held out");
    let mistaken = ["replay", "train.csv", "--format", "csv", "--passes", "2"];
    assert_eq!(code(&reiver(&mistaken, folder.path())), 2, "a progressive run makes one pass");
}

#[test]
fn what_items_are_reaches_the_models_of_a_replay() {
    let folder = tempfile::tempdir().expect("a folder");
    let ratings: String = (0..300).map(|n| format!("{}\t{}\t5\t{}\n", n % 7, n % 11, 881_250_949 + n)).collect();
    std::fs::write(folder.path().join("u.data"), ratings).expect("written");
    let arguments = ["replay", "u.data", "--format", "movielens", "--models", "two_tower,mf", "--json"];
    let without = document(&reiver(&arguments, folder.path()));
    let movies: String = (0..11).map(|n| format!("{n}::Film {n}::{}\n", ["War", "Love"][n % 2])).collect();
    std::fs::write(folder.path().join("movies.dat"), movies).expect("written");
    let with = document(&reiver(&arguments, folder.path()));
    assert_eq!((without["events"].as_u64(), with["events"].as_u64()), (Some(300), Some(311)), "{with}");
    assert_ne!(without["models"]["two_tower"]["log_loss"], with["models"]["two_tower"]["log_loss"]);
    assert_eq!(without["models"]["mf"]["log_loss"], with["models"]["mf"]["log_loss"], "it reads no content");
    assert_eq!(document(&reiver(&arguments, folder.path()))["digest"], with["digest"]);
    assert_eq!(with["models"]["mf"]["by_history"].as_array().map(Vec::len), Some(4), "{with}");
}
