//! The directory: who gets a slot, what stays, what a restore brings back.

use super::*;

fn filled() -> Directory {
    // With room enough, so that every id is taken at its first sight.
    let mut d = Directory::new(200, 200, 20);
    for n in 0..50 {
        d.admit_user(Id::of(&format!("user {n}"))).expect("room");
    }
    for n in 0..30 {
        let name = format!("item {n} {}", "é".repeat(n * 7));
        d.admit_item(Id::of(&name), &name).expect("room");
    }
    for n in 0..1500u32 {
        d.consume(n % 50, n * 7 % 30);
    }
    for n in [5, 3, 5, 9] {
        d.mark_taught(n);
    }
    d.set_available(4, false);
    d.set_capacity(50, 30);
    d
}

#[test]
fn admits_until_full_and_keeps_names() {
    let mut d = filled();
    assert_eq!(d.admit_user(Id::of("one more")), None);
    assert_eq!(d.admit_item(Id::of("one more"), "one more"), None);
    assert_eq!(d.admit_user(Id::of("user 7")), Some(7));
    d.set_capacity(51, 30);
    for n in 0..3 {
        let taken = d.admit_user(Id::of("seen often"));
        assert_eq!(taken.is_some(), n == 2, "a crowded side takes what comes back");
    }
    d.set_capacity(200, 200);
    assert_eq!(d.admit_user(Id::of("one more")), Some(51));
    assert_eq!(d.admit_item(Id::of("long"), &"x".repeat(MAX_NAME + 1)), None);
    assert_eq!(d.admit_item(Id::of(""), ""), Some(30));
    assert_eq!(d.item_name(30), "");
    for n in 0..30usize {
        let name = format!("item {n} {}", "é".repeat(n * 7));
        assert_eq!(d.item_name(n as Slot), name);
        assert_eq!(d.item_id(n as Slot), Id::of(&name));
        assert_eq!(d.item(Id::of(&name)), Some(n as Slot));
    }
    assert!(!d.available(4) && d.available(5));
    d.set_available(4, true);
    d.set_available(4, true);
    assert!(d.available(4));
    assert_eq!((d.taught_count(), d.taught_at(1), d.taught(9), d.taught(0)), (3, 3, true, false));
}

#[test]
fn recent_is_the_newest_end_of_consumed() {
    let d = filled();
    let mut recent = vec![77];
    for user in 0..50 {
        d.recent(user, &mut recent);
        let walked: Vec<Slot> = d.history.walk(user).collect();
        assert_eq!(recent, walked.iter().rev().take(RECENT).copied().collect::<Vec<_>>());
        assert!(walked.len() <= 20 && d.consumed(user).is_sorted());
    }
}

#[test]
fn restore_brings_everything_back() {
    let from = filled();
    let mut to = Directory::new(50, 30, 20);
    for ((_, a), (_, b)) in from.tables().iter().zip(to.tables_mut()) {
        *b = (*a).clone();
    }
    to.restore(&from.blob()).expect("fits");
    assert_eq!(to.taught_set(), from.taught_set());
    assert_eq!(to.consumed(3), from.consumed(3));
    assert_eq!(to.admit_user(Id::of("user 9")), Some(9));
    assert!(Directory::new(50, 30, 21).restore(&from.blob()).is_err());
}
