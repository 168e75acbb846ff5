//! Damaged, missing and foreign files: the newest state that is whole is found, and the rest is named.

use crate::shop::{Shop, chain, files, filled, newest, open, snapshot};
use reiver::pipeline::checkpoint::CheckpointError;
use std::fs;
use std::path::Path;

/// Damages one file of a chain of four in some way; the restore must give the newest state before it, and name
/// everything newer.
fn after_damage(at: usize, damage: impl Fn(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let (held, _, saved) = chain(dir.path(), 10);
    drop(held);
    damage(&dir.path().join(&saved[at].0.name));
    if at == 0 {
        let failed = newest(dir.path()).unwrap_err();
        assert!(matches!(&failed, CheckpointError::NoneUsable(all) if all.len() >= 3), "{failed}");
        return;
    }
    let mut restored = newest(dir.path()).unwrap().unwrap();
    assert_eq!(restored.manifest.digest, saved[at - 1].1);
    assert!(restored.skipped.len() >= 3 - at);
    let newer: Vec<&String> = saved[at..].iter().rev().map(|s| &s.0.name).collect();
    assert!(restored.skipped.iter().all(|s| newer.contains(&&s.name)), "{:?}", restored.skipped);
    let mut shop = filled(&mut restored);
    // What is written after falling back stands on its own, and rules.
    let mut checkpoints = open(dir.path(), 1);
    checkpoints.newest().unwrap();
    shop.rows.row_mut(1)[0] = 1234;
    let next = checkpoints.save(snapshot(&mut shop)).unwrap();
    assert!(next.base && next.name > saved[3].0.name);
    assert_eq!(files(dir.path()), [next.name], "the damaged ones go with the old chain");
    assert_eq!(newest(dir.path()).unwrap().unwrap().manifest.digest, shop.digest());
}

#[test]
fn any_flipped_byte_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (held, _, saved) = chain(dir.path(), 10);
    drop(held);
    // The newest delta is small: every byte of it, then some of each file.
    let path = dir.path().join(&saved[3].0.name);
    let good = fs::read(&path).unwrap();
    for i in (0..good.len()).step_by(1 + good.len() / 400) {
        let mut bad = good.clone();
        bad[i] ^= 1 << (i % 8);
        fs::write(&path, bad).unwrap();
        let restored = newest(dir.path()).unwrap().unwrap();
        assert_eq!(restored.manifest.digest, saved[2].1, "byte {i}");
        assert_eq!(restored.skipped.len(), 1, "byte {i}");
    }
    for at in 0..4 {
        for part in [0.0, 0.3, 0.9] {
            after_damage(at, |path| {
                let mut bytes = fs::read(path).unwrap();
                let i = (bytes.len() as f64 * part) as usize;
                bytes[i] ^= 0x10;
                fs::write(path, bytes).unwrap();
            });
        }
    }
}

#[test]
fn a_file_that_is_cut_off_extended_or_missing_is_found() {
    for at in 0..4 {
        for part in [0.0, 0.001, 0.5, 0.99] {
            after_damage(at, |path| {
                let bytes = fs::read(path).unwrap();
                fs::write(path, &bytes[..(bytes.len() as f64 * part) as usize]).unwrap();
            });
        }
        after_damage(at, |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes.push(0);
            fs::write(path, bytes).unwrap();
        });
    }
    after_damage(0, |path| fs::remove_file(path).unwrap());
    after_damage(2, |path| fs::remove_file(path).unwrap());
}

#[test]
fn a_delta_on_another_base_under_the_same_name_is_refused() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_a, _, saved) = chain(one.path(), 10);
    let name = &saved[0].0.name;
    // A base of the same name with other content.
    let mut shop = Shop::new();
    let mut b = open(two.path(), 10);
    shop.rows.row_mut(5)[2] = 1;
    assert_eq!(&b.save(snapshot(&mut shop)).unwrap().name, name);
    fs::copy(two.path().join(name), one.path().join(name)).unwrap();
    let restored = newest(one.path()).unwrap().unwrap();
    assert_eq!((&restored.name, restored.manifest.digest), (name, shop.digest()));
    assert_eq!(restored.skipped.len(), 3);
    assert!(restored.skipped[2].why.contains("another checkpoint"), "{:?}", restored.skipped);
}

#[test]
fn a_kill_between_write_and_rename_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (held, _, saved) = chain(dir.path(), 10);
    drop(held);
    // All bytes are there, the name is not.
    let name = "checkpoint-000000000005-delta";
    fs::copy(dir.path().join(&saved[3].0.name), dir.path().join(format!(".{name}.tmp"))).unwrap();
    let mut checkpoints = open(dir.path(), 10);
    let mut restored = checkpoints.newest().unwrap().unwrap();
    assert!(restored.skipped.is_empty());
    assert_eq!(restored.manifest.digest, saved[3].1);
    let mut shop = filled(&mut restored);
    assert_eq!(checkpoints.save(snapshot(&mut shop)).unwrap().name, "checkpoint-000000000005-base");
}

#[test]
fn foreign_files_are_left_alone_and_another_format_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("notes.txt"), b"mine").unwrap();
    assert!(newest(dir.path()).unwrap().is_none());
    let (held, _, saved) = chain(dir.path(), 1);
    drop(held);
    let path = dir.path().join(&saved[3].0.name);
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 2;
    fs::write(&path, bytes).unwrap();
    let restored = newest(dir.path()).unwrap().unwrap();
    assert_eq!(restored.skipped[0].why, "its format 2 is not 1, the one this version reads");
    assert!(dir.path().join("notes.txt").exists());
}
