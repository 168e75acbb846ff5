//! A process that saves without end is killed at random moments; every time its newest checkpoint is whole.

use crate::shop::{Shop, filled, newest, open, snapshot};
use reiver::event::Id;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "REIVER_TEST_KILLED_FOLDER";

/// Not a test of its own: what the killed process does. The digest in each manifest is that of the state saved.
#[test]
fn saves_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let mut checkpoints = open(&folder, 2);
    let mut shop = checkpoints.newest().unwrap().map_or_else(Shop::new, |mut r| filled(&mut r));
    for i in 0..1_000_000usize {
        for j in 0..200 {
            let row = (i * 7919 + j * 104_729) % 40_000;
            shop.rows.row_mut(row)[j % 3] = (i + j) as u32;
            shop.index.insert(Id::of(&row.to_string()), row as u32);
        }
        checkpoints.save(snapshot(&mut shop)).unwrap();
    }
}

#[test]
fn killed_at_random_moments_the_newest_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut last = String::new();
    for round in 0..8u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::saves_until_killed"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(150 + round * 37 % 100));
        child.kill().unwrap();
        child.wait().unwrap();
        let Some(mut restored) = newest(dir.path()).unwrap() else { continue };
        assert!(restored.skipped.is_empty(), "{:?}", restored.skipped);
        assert!(restored.name >= last, "{} after {last}", restored.name);
        last.clone_from(&restored.name);
        filled(&mut restored);
    }
    assert!(!last.is_empty(), "no process came as far as its first checkpoint");
}
