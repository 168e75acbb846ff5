//! The click predictor's features, and that a context speaks for a stranger.

use super::*;
use crate::event::Time;

#[test]
fn buckets_are_powers_of_two_and_time_is_utc() {
    let counts = [0.0, 1.0, 2.0, 3.0, 4.0, 7.0, 8.0, 1e9];
    assert_eq!(counts.map(bucket), [0, 1, 2, 2, 3, 3, 4, BUCKETS - 1]);
    let at = |time| of_time(&Context { user: None, user_id: crate::event::Id(0), recent: &[], time: Time(time) });
    assert_eq!(at(0), [OF_HOUR, OF_WEEKDAY]);
    assert_eq!(at(-1), [OF_HOUR + 23, OF_WEEKDAY + 6]);
    assert_eq!(at(25 * 3_600_000), [OF_HOUR + 1, OF_WEEKDAY + 1]);
    for time in [i64::MIN, i64::MAX] {
        assert!(at(time).iter().all(|f| *f < FEATURES));
    }
}

#[test]
fn what_recent_items_say_has_length_one() {
    for n in 1..=RECENT + 3 {
        let recent: Vec<Slot> = (0..n as Slot).collect();
        let all: Vec<(usize, f32)> = says(&recent).collect();
        assert_eq!(all.len(), n.min(RECENT));
        let squares: f32 = all.iter().map(|(_, say)| say * say).sum();
        assert!((squares - 1.0).abs() < 1e-5 && all.is_sorted_by(|a, b| a.1 > b.1));
    }
    assert_eq!(says(&[]).count(), 0);
}

/// A user without a row is told apart by what was taken before.
#[test]
fn the_context_speaks_for_a_stranger() {
    let mut fm = Fm::new(FmConfig::default(), Seed(1));
    let context = |user: Slot, recent| Context {
        user: Some(user),
        user_id: crate::event::Id(u128::from(user)),
        recent,
        time: Time(0),
    };
    for n in 0..4000u32 {
        let (recent, item) = (if n % 2 == 0 { &[0] } else { &[1] }, 2 + n / 2 % 2);
        let label = if (n % 2) + 2 == item { 1.0 } else { 0.0 };
        let item_id = crate::event::Id(u128::from(item));
        let context = context(n % 97, recent);
        fm.learn(&Example { context, item, item_id, label, weight: 1.0, negatives: &[] });
    }
    for (recent, likes) in [(&[0], 0), (&[1], 1)] {
        let mut scores = [0.0; 4];
        fm.score_all(&context(1000, recent), &mut scores);
        assert!(scores[2 + likes] > scores[3 - likes] + 0.5, "{recent:?}: {scores:?}");
    }
}
