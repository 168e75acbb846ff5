//! The demo's claim, under virtual time: the best arm emerges from the lists, wins its share, and loses it after the
//! switch. `REIVER_SEEDS=10` tries that many worlds instead of one.

use super::shop::{Busy, OPENS, Run};
use reiver::event::Span;
use reiver::simulate::Regime;

/// What happened in one world.
struct Story {
    /// Second at which every arm had rewards, and the truly best arm 1.25 times a uniform share.
    won: i64,
    /// The truly best arm then, and its share.
    first: (String, f64),
    /// Seconds from the switch until the new truly best arm had the largest share, for good.
    lost: i64,
    /// The truly best arm at the end.
    second: String,
}

/// Lives through a world until thirty seconds after its switch.
fn live(seed: u64) -> Story {
    let mut run = Run::new(seed, Busy::default());
    let switch = run.shop.world.next_switch(OPENS);
    let at = (switch - OPENS).0 / 1000;
    let mut won = None;
    run.until(at, |run| {
        let Some(best) = run.shop.board.best(4, 5.0) else { return };
        let share = run.share(&best);
        if won.is_none() && run.all_rewarded() && share >= 1.25 / 4.0 && run.shop.now - OPENS <= Span::seconds(20) {
            won = Some(((run.shop.now - OPENS).0 / 1000, (best, share)));
        }
    });
    let (won, first) = won.unwrap_or_else(|| panic!("seed {seed}: no arm won within 20 s: {:?}", run.shares()));
    assert_eq!(run.shop.world.regime(run.shop.now - Span(1)), Regime::Sale);
    run.shop.board.clear();
    let mut leads_since = None;
    run.until(at + 30, |run| {
        let Some(best) = run.shop.board.best(4, 2.0) else { return };
        let largest = run.shares().into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(arm, _)| arm);
        if largest.as_deref() == Some(&best) {
            leads_since.get_or_insert((run.shop.now - switch).0 / 1000);
        } else {
            leads_since = None;
        }
    });
    let second = run.shop.board.best(4, 2.0).expect("every arm still serves a little");
    let lost = leads_since.unwrap_or_else(|| panic!("seed {seed}: {second} does not lead: {:?}", run.shares()));
    Story { won, first, lost, second }
}

#[test]
fn the_best_arm_wins_and_loses_its_share() {
    let seeds = std::env::var("REIVER_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    for seed in 1..=seeds {
        let Story { won, first: (first, share), lost, second } = live(seed);
        eprintln!("seed {seed}: {first} had {share:.2} after {won} s, {second} led {lost} s after the switch");
        assert_ne!(first, second, "seed {seed}: the switch changed nothing");
    }
}
