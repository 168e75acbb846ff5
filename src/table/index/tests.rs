use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn digest(index: &Index) -> u128 {
    let mut d = Xxh3::new();
    index.digest_into(&mut d);
    d.digest128()
}

/// Keys that all mix to the same hash: the high half makes the second factor zero.
fn same_hash(i: u64) -> u128 {
    (0xE703_7ED1_A0B4_28DB_u128 << 64) | u128::from(i)
}

#[test]
fn many_entries_take_about_32_bytes_each_and_splits_keep_them() {
    let mut index = Index::new();
    let n = 200_000u32;
    for i in 0..n {
        assert_eq!(index.insert(Id::of(&i.to_string()), i), None);
    }
    assert_eq!(index.len(), n as usize);
    for i in 0..n {
        assert_eq!(index.get(Id::of(&i.to_string())), Some(i));
        assert_eq!(index.get(Id::of(&format!("-{i}"))), None);
    }
    let each = index.bytes() as f64 / f64::from(n);
    assert!((20.0..40.0).contains(&each), "{each} bytes an entry");
    assert!(index.check().is_ok());
}

#[test]
fn uuids_of_one_moment_spread() {
    let mut index = Index::new();
    for i in 0..100_000u128 {
        // Same time in the high half, a counter in the low: the worst that version 7 makers do.
        index.insert((0x0199_0000_0000_7000_u128 << 64) | (0x8000_0000_0000_0000 + i), i as u32);
    }
    let each = index.bytes() as f64 / 100_000.0;
    assert!(each < 45.0, "{each} bytes an entry");
    assert!(index.check().is_ok());
}

#[test]
fn keys_built_to_collide_are_chained_not_lost() {
    let mut index = Index::new();
    for i in 0..2_000 {
        index.insert(same_hash(i), i as u32);
    }
    for i in 0..2_000u32 {
        assert_eq!(index.get(same_hash(u64::from(i))), Some(i));
    }
    assert!(index.bytes() < 500_000, "{} bytes", index.bytes());
    assert!(index.check().is_ok());
    for i in (0..2_000u64).step_by(2) {
        assert_eq!(index.remove(same_hash(i)), Some(i as u32));
    }
    for i in 0..2_000 {
        assert_eq!(index.get(same_hash(i)), (i % 2 == 1).then_some(i as u32));
    }
    assert_eq!(index.len(), 1_000);
    assert!(index.check().is_ok());
}

#[test]
fn a_window_of_ids_that_come_and_go_stays_bounded() {
    let mut index = Index::new();
    let mut full = 0;
    for i in 0..300_000u64 {
        index.insert(u128::from(xxhash_rust::xxh3::xxh3_64(&i.to_le_bytes())) << 17, i as u32);
        if i >= 10_000 {
            let old = i - 10_000;
            let key = u128::from(xxhash_rust::xxh3::xxh3_64(&old.to_le_bytes())) << 17;
            assert_eq!(index.remove(key), Some(old as u32));
        }
        if i == 30_000 {
            full = index.bytes();
        }
    }
    assert_eq!(index.len(), 10_000);
    assert!(index.bytes() < full * 2, "{} after {full}", index.bytes());
}

#[test]
fn broken_tables_are_refused() {
    let mut good = Index::new();
    for i in 0..3_000u32 {
        good.insert(Id::of(&i.to_string()), i);
    }
    let breaks: [fn(&mut Index); 6] = [
        |i| i.directory.row_mut(0)[0] = 0,
        |i| i.directory.row_mut(0)[0] = 1_000_000,
        |i| i.directory.set_len(3),
        |i| i.buckets.row_mut(1)[NEXT] = 1,
        |i| i.buckets.row_mut(0)[0] += 1,
        |i| i.buckets.row_mut(1)[DEPTH] = 60,
    ];
    for b in breaks {
        let mut bad = good.clone();
        b(&mut bad);
        assert!(bad.check().is_err());
    }
    assert!(good.check().is_ok());
}

#[derive(Clone, Debug)]
enum Edit {
    Insert(u64, u32),
    Remove(u64),
    View,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn equals_a_map_and_views_never_change(
        edits in proptest::collection::vec(prop_oneof![
            8 => (0..900u64, any::<u32>()).prop_map(|(k, v)| Edit::Insert(k, v)),
            4 => (0..900u64).prop_map(Edit::Remove),
            1 => Just(Edit::View),
        ], 1..2500),
        bad in 0..3u64,
    ) {
        // A third of the keys, in some runs, share one hash.
        let key = |k: u64| if k % 3 < bad { same_hash(k) } else { Id::of(&k.to_string()).0 };
        let mut index = Index::new();
        let mut map: BTreeMap<u128, u32> = BTreeMap::new();
        let mut views = Vec::new();
        for e in edits {
            match e {
                Edit::Insert(k, v) => {
                    let v = v.min(u32::MAX - 1);
                    prop_assert_eq!(index.insert(key(k), v), map.insert(key(k), v));
                }
                Edit::Remove(k) => prop_assert_eq!(index.remove(key(k)), map.remove(&key(k))),
                Edit::View if views.len() < 8 => views.push((index.clone(), map.clone())),
                Edit::View => {}
            }
        }
        views.push((index, map));
        for (i, m) in views {
            prop_assert_eq!(i.len(), m.len());
            prop_assert!(i.iter().eq(m.iter().map(|(k, v)| (*k, *v))));
            prop_assert!(i.check().is_ok());
            // The same content in another order has the same digest.
            let mut other = Index::new();
            for (k, v) in m.iter().rev() {
                other.insert(*k, *v);
            }
            prop_assert_eq!(digest(&i), digest(&other));
            if let Some((k, v)) = m.first_key_value() {
                other.insert(*k, v ^ 1);
                prop_assert_ne!(digest(&i), digest(&other));
            }
            for k in 0..900 {
                prop_assert_eq!(i.get(key(k)), m.get(&key(k)).copied());
            }
        }
    }
}
