//! Checkpoints on a real folder: what is restored is what was saved, damage falls back and says so, a full disk
//! loses nothing, and no more is kept than was asked for.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod damage;
mod killed;
mod shop;

use proptest::prelude::*;
use reiver::event::{Id, Time};
use reiver::pipeline::checkpoint::{CheckpointError, Expected, Manifest, PartSnapshot, Snapshot, Verdict, compare};
use reiver::table::{Part, PartError, Table};
use shop::{Shop, chain, files, filled, newest, open, snapshot};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[derive(Clone, Debug)]
enum Edit {
    Row(usize, u32),
    Wide(usize, u32),
    Id(u16),
    Forget(u16),
    Push(usize),
    Len(usize),
    Remade,
    Save,
    FailedSave,
    Restart,
}

fn apply(shop: &mut Shop, edit: &Edit) {
    match *edit {
        Edit::Row(r, v) => shop.rows.row_mut(r)[1] = v,
        Edit::Wide(r, v) => shop.wide.row_mut(r)[1499] = v,
        Edit::Id(i) => {
            shop.index.insert(Id::of(&i.to_string()), u32::from(i));
        }
        Edit::Forget(i) => {
            shop.index.remove(Id::of(&i.to_string()));
        }
        Edit::Push(n) => {
            shop.ring.push(&vec![n as u8; n]);
            shop.note = format!("{n} bytes");
        }
        Edit::Len(n) => shop.rows.set_len(n),
        Edit::Remade => {
            shop.rows = Table::new(3);
            shop.rows.row_mut(1)[0] = 5;
        }
        Edit::Save | Edit::FailedSave | Edit::Restart => {}
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        12 => (0..5000usize, any::<u32>()).prop_map(|(r, v)| Edit::Row(r, v)),
        3 => (0..40usize, any::<u32>()).prop_map(|(r, v)| Edit::Wide(r, v)),
        12 => any::<u16>().prop_map(|i| Edit::Id(i % 2000)),
        4 => any::<u16>().prop_map(|i| Edit::Forget(i % 2000)),
        4 => (0..2000usize).prop_map(Edit::Push),
        2 => (0..5000usize).prop_map(Edit::Len),
        1 => Just(Edit::Remade),
        6 => Just(Edit::Save),
        2 => Just(Edit::FailedSave),
        1 => Just(Edit::Restart),
    ]
}

/// Makes the next write meet a full disk: the unfinished file leads to a device that is one.
fn fill_disk(dir: &Path, number: u64) {
    for kind in ["base", "delta"] {
        let name = dir.join(format!(".checkpoint-{number:012}-{kind}.tmp"));
        std::os::unix::fs::symlink("/dev/full", name).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_restore_is_what_was_last_saved(edits in proptest::collection::vec(edit(), 1..120)) {
        let dir = tempfile::tempdir().unwrap();
        let mut checkpoints = open(dir.path(), 2);
        let mut shop = Shop::new();
        let (mut saved, mut number) = (None, 0);
        for e in edits {
            apply(&mut shop, &e);
            match e {
                Edit::Save => {
                    let now = shop.digest();
                    let done = checkpoints.save(snapshot(&mut shop)).unwrap();
                    number += 1;
                    prop_assert_eq!(done.trouble, None);
                    saved = Some(now);
                }
                Edit::FailedSave if cfg!(target_os = "linux") => {
                    number += 1;
                    fill_disk(dir.path(), number);
                    let failed = checkpoints.save(snapshot(&mut shop));
                    prop_assert!(matches!(failed, Err(CheckpointError::Full(_))));
                }
                Edit::Restart => {
                    drop(checkpoints);
                    checkpoints = open(dir.path(), 2);
                    shop = match checkpoints.newest().unwrap() {
                        Some(mut restored) => filled(&mut restored),
                        None => Shop::new(),
                    };
                    prop_assert_eq!(shop.digest(), saved.unwrap_or_else(|| Shop::new().digest()));
                    // Numbers of failures are only remembered by the process that failed.
                    number = files(dir.path()).iter().filter_map(|n| n.get(11..23)?.parse().ok()).max().unwrap_or(0);
                }
                _ => {}
            }
        }
        match (newest(dir.path()).unwrap(), saved) {
            (Some(mut restored), Some(digest)) => {
                prop_assert_eq!(restored.manifest.digest, digest);
                prop_assert_eq!(restored.skipped.len(), 0);
                filled(&mut restored);
            }
            (None, None) => {}
            (restored, saved) => prop_assert!(false, "{restored:?} for {saved:?}"),
        }
    }
}

#[test]
fn deltas_hold_what_changed_and_positions_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let (_held, _, saved) = chain(dir.path(), 10);
    assert!(saved[0].0.base && saved[1..].iter().all(|s| !s.0.base));
    assert!(saved[3].0.bytes * 10 < saved[0].0.bytes, "{} of {}", saved[3].0.bytes, saved[0].0.bytes);
    let on_disk = fs::metadata(dir.path().join(&saved[3].0.name)).unwrap().len();
    assert_eq!(on_disk, saved[3].0.bytes);
    let restored = newest(dir.path()).unwrap().unwrap();
    assert_eq!(
        restored.manifest.inputs.iter().map(|(p, o)| (&*p.topic, p.number, *o)).collect::<Vec<_>>(),
        [("shop.events", 3, 42)]
    );
    assert_eq!((restored.manifest.control, restored.manifest.generation), (Some(7), u64::MAX));
    assert_eq!((restored.manifest.log_time, restored.manifest.created), (Time(9), Time(-1)));
}

#[test]
fn the_n_newest_points_stay_and_all_can_be_restored() {
    let dir = tempfile::tempdir().unwrap();
    let mut checkpoints = open(dir.path(), 3);
    let mut shop = Shop::new();
    for r in 0..20_000 {
        shop.rows.row_mut(r).fill(xxhash_rust::xxh3::xxh3_64(&r.to_le_bytes()) as u32);
    }
    let mut digests = BTreeMap::new();
    let (mut bases, mut removed, mut most) = (0, 0, 0);
    for i in 0..50 {
        shop.rows.row_mut(i)[0] = i as u32;
        let digest = shop.digest();
        let saved = checkpoints.save(snapshot(&mut shop)).unwrap();
        bases += u32::from(saved.base);
        removed += saved.removed.len();
        digests.insert(saved.name, digest);
        most = most.max(files(dir.path()).len());
    }
    assert_eq!(bases, 3, "one after 20 deltas each");
    assert_eq!(most, 23, "a chain of 21 and the two points after it, at most");
    assert_eq!(removed + files(dir.path()).len(), 50);
    let newest_three: Vec<(String, u128)> = digests.into_iter().rev().take(3).collect();
    for (name, digest) in newest_three {
        let restored = newest(dir.path()).unwrap().unwrap();
        assert_eq!((&restored.name, restored.manifest.digest), (&name, digest));
        fs::remove_file(dir.path().join(&name)).unwrap();
    }
}

#[test]
fn a_base_comes_when_the_deltas_outgrow_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut checkpoints = open(dir.path(), 1);
    let mut shop = Shop::new();
    let (mut base, mut deltas, mut bases) = (0, 0, 0);
    for i in 0..8u64 {
        for r in 0..4000u64 {
            let noise = xxhash_rust::xxh3::xxh3_64_with_seed(&r.to_le_bytes(), i);
            shop.rows.row_mut(r as usize).fill(noise as u32);
        }
        let saved = checkpoints.save(snapshot(&mut shop)).unwrap();
        assert_eq!(saved.base, i == 0 || deltas >= base, "save {i}: {deltas} bytes on {base}");
        if saved.base {
            (base, deltas, bases) = (saved.bytes, 0, bases + 1);
        } else {
            deltas += saved.bytes;
        }
    }
    assert!((3..=4).contains(&bases), "{bases}");
}

#[test]
fn every_part_gets_its_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let mut shop = Shop::new();
    let part = |name: &str, shop: &mut Shop| PartSnapshot::take(name, 1, 2, shop);
    let parts = ["a", "b", "c", "d", "gone"].map(|n| part(n, &mut shop)).to_vec();
    let mut checkpoints = open(dir.path(), 1);
    checkpoints.save(Snapshot { manifest: Manifest::default(), parts }).unwrap();
    let mut restored = newest(dir.path()).unwrap().unwrap();
    let want = |name: &str, params_hash, version, oldest| Expected { name: name.into(), params_hash, version, oldest };
    let expected = [want("a", 1, 2, 1), want("b", 1, 3, 2), want("c", 9, 2, 1), want("d", 1, 4, 3), want("e", 1, 2, 1)];
    let verdicts: Vec<String> =
        compare(&restored.parts, &expected).into_iter().map(|(name, v)| format!("{name}: {v}")).collect();
    assert_eq!(
        verdicts,
        [
            "a: keep",
            "b: migrate (from version 2)",
            "c: reset (parameters changed: 0000000000000001 to 0000000000000009)",
            "d: reset (version 2 is older than 3, the oldest read)",
            "e: new",
            "gone: dropped (no longer configured)",
        ]
    );
    assert_eq!(compare(&restored.parts, &[want("a", 1, 1, 1)])[0].1.to_string().get(..5), Some("reset"));
    assert!(matches!(compare(&[], &expected)[0].1, Verdict::New));
    // A part of another shape is refused, not half filled in silence.
    struct Other(Table);
    impl Part for Other {
        fn tables(&self) -> Vec<(String, &Table)> {
            vec![("rows".into(), &self.0)]
        }
        fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
            vec![("rows".into(), &mut self.0)]
        }
        fn blob(&self) -> Vec<u8> {
            Vec::new()
        }
        fn restore(&mut self, _: &[u8]) -> Result<(), PartError> {
            Ok(())
        }
    }
    assert!(restored.take("a").unwrap().fill(&mut Other(Table::new(4))).is_err());
    assert!(restored.take("b").unwrap().fill(&mut Other(Table::new(3))).is_err());
}
