use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn digest(table: &Table) -> u128 {
    let mut d = Xxh3::new();
    table.digest_into(&mut d);
    d.digest128()
}

#[test]
fn rows_per_page_is_the_power_of_two_that_fits() {
    for (width, rows) in [(1, 1024), (3, 256), (16, 64), (50, 16), (1024, 1), (1025, 1), (5000, 1)] {
        let mut t = Table::new(width);
        assert_eq!(t.rows_per_page(), rows, "width {width}");
        t.row_mut(rows * 200 + 1)[width - 1] = 7;
        assert_eq!(t.row(rows * 200 + 1)[width - 1], 7);
        assert_eq!(t.row(rows * 200), vec![0; width]);
        assert_eq!(t.len(), rows * 200 + 2);
    }
}

#[test]
fn absent_rows_are_zeros_and_cost_nothing() {
    let mut t = Table::new(8);
    assert_eq!(t.row(123_456), [0; 8]);
    t.grow_to(1_000_000);
    let empty = t.bytes();
    assert!(empty < 1_000_000, "{empty} bytes for a directory of a million absent rows");
    t.floats_mut(999_999)[0] = 1.5;
    assert_eq!(t.bytes() - empty, 4096);
    assert_eq!(t.floats(999_999)[0], 1.5);
    assert_eq!(t.blocks().map(|(_, w)| w.len() / 8).sum::<usize>(), 1_000_000);
}

#[test]
fn digest_ignores_stamps_and_pages_of_zeros_but_not_content_or_length() {
    let mut a = Table::new(4);
    a.grow_to(3000);
    let mut b = a.clone();
    a.row_mut(5)[0] = 9;
    b.advance_stamp();
    b.row_mut(2999)[0] = 1;
    b.row_mut(2999)[0] = 0;
    b.row_mut(5)[0] = 9;
    assert_eq!(digest(&a), digest(&b));
    b.row_mut(6)[0] = 1;
    assert_ne!(digest(&a), digest(&b));
    let mut c = a.clone();
    c.grow_to(3001);
    assert_ne!(digest(&a), digest(&c));
}

#[test]
fn pages_changed_after_a_stamp_are_exactly_those_written() {
    let mut t = Table::new(1024);
    t.grow_to(600);
    t.row_mut(3)[0] = 1;
    let saved = t.advance_stamp();
    t.row_mut(7)[0] = 1;
    t.row_mut(300)[0] = 0;
    let changed: Vec<usize> = t.pages().filter(|p| p.1 > saved).map(|p| p.0).collect();
    assert_eq!(changed, [7, 300]);
}

#[test]
fn loading_refuses_what_does_not_fit() {
    let mut t = Table::new(1000);
    t.set_len(2);
    assert!(t.load_page(2, &[0; 1000]).is_err());
    assert!(t.load_page(1, &[0; 1024]).is_err());
    assert!(t.load_page(1, &[3; 1000]).is_ok());
    assert_eq!(t.row(1), [3; 1000]);
    assert_eq!(t.pages().map(|p| (p.0, p.1)).collect::<Vec<_>>(), [(1, 0)]);
}

#[derive(Clone, Debug)]
enum Edit {
    Set(usize, usize, u32),
    Len(usize),
    View,
    Clear,
    Stamp,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        30 => (0..3000usize, 0..5usize, any::<u32>()).prop_map(|(r, c, v)| Edit::Set(r, c, v)),
        4 => (0..3000usize).prop_map(Edit::Len),
        4 => Just(Edit::View),
        1 => Just(Edit::Clear),
        2 => Just(Edit::Stamp),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn equals_a_plain_map_and_views_never_change(edits in proptest::collection::vec(edit(), 1..200)) {
        let width = 5;
        let mut table = Table::new(width);
        let mut map: BTreeMap<(usize, usize), u32> = BTreeMap::new();
        let mut len = 0;
        let mut views = Vec::new();
        for e in edits {
            match e {
                Edit::Set(r, c, v) => {
                    table.row_mut(r)[c] = v;
                    map.insert((r, c), v);
                    len = len.max(r + 1);
                }
                Edit::Len(n) => {
                    table.set_len(n);
                    map.retain(|k, _| k.0 < n);
                    len = n;
                }
                Edit::View => views.push((table.clone(), map.clone(), len, digest(&table))),
                Edit::Clear => {
                    table.clear();
                    map.clear();
                }
                Edit::Stamp => {
                    table.advance_stamp();
                }
            }
        }
        let now = digest(&table);
        views.push((table, map, len, now));
        for (t, m, n, d) in views {
            prop_assert_eq!(t.len(), n);
            prop_assert_eq!(digest(&t), d);
            for r in 0..3000 {
                let want: Vec<u32> = (0..width).map(|c| m.get(&(r, c)).copied().unwrap_or(0)).collect();
                prop_assert_eq!(t.row(r), &want[..]);
            }
            let flat: Vec<u32> = t.blocks().flat_map(|b| b.1.to_vec()).collect();
            prop_assert_eq!(flat.len(), n * width);
            // A fresh table with the same content has the same digest.
            let mut fresh = Table::new(width);
            fresh.set_len(n);
            for ((r, c), v) in &m {
                fresh.row_mut(*r)[*c] = *v;
            }
            prop_assert_eq!(digest(&fresh), d);
            let owned = t.pages().filter(|p| !std::ptr::eq(p.2, &*t.zero)).count();
            prop_assert_eq!(owned, t.owned);
        }
    }
}
