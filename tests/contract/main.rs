//! What every model must keep, whatever it is: one suite over all kinds.

mod carry;
mod shards;
mod stream;

use proptest::prelude::*;
use reiver::event::{Id, ItemFacts, Time};
use reiver::learn::registry::{KINDS, build};
use reiver::learn::{Context, Example, Forgotten, ItemContent, Learned, Model, ModelConfig};
use reiver::rng::Seed;
use std::sync::Arc;
use stream::{ITEMS, Player, Slots, USERS, stream};
use xxhash_rust::xxh3::Xxh3;

fn fresh(kind: &str, seed: u64) -> Box<dyn Model> {
    build(kind, &ModelConfig::default(), Seed(seed)).expect("a kind of the registry")
}

/// Tells a model what the stream's items are; every seventh is said to be gone.
fn describe(model: &mut dyn Model, slots: &Slots) {
    for item in 0..ITEMS {
        let facts = ItemFacts {
            title: Some(format!("number {item}")),
            categories: vec![["even", "odd"][item as usize % 2].to_owned()],
            ..ItemFacts::default()
        };
        let content = if item % 7 == 6 { ItemContent::default() } else { ItemContent::of(&facts) };
        model.describe(slots.item(item), &content);
    }
}

/// A digest of all state, as the pipeline takes it.
fn digest(model: &dyn Model) -> u128 {
    let mut digest = Xxh3::new();
    for (name, table) in model.tables() {
        digest.update(name.as_bytes());
        table.digest_into(&mut digest);
    }
    digest.update(&model.blob());
    digest.digest128()
}

/// Scores of all items (and three that nobody knows) for every user (and one that nobody knows), by id.
fn answers(model: &dyn Model, player: &Player) -> Vec<u32> {
    let mut all = Vec::new();
    for user in 0..=USERS {
        let recent = player.recent(user);
        let context = player.context(user, &recent);
        let mut scores = vec![f32::NAN; ITEMS as usize + 3];
        model.score_all(&context, &mut scores);
        all.extend((0..ITEMS + 3).map(|item| scores[player.slots.item(item) as usize].to_bits()));
    }
    all
}

fn finite(answers: &[u32]) -> bool {
    answers.iter().all(|bits| f32::from_bits(*bits).is_finite())
}

#[test]
fn predicts_before_it_learned_anything() {
    for kind in KINDS {
        let answers = answers(&*fresh(kind, 1), &Player::new(Slots::plain()));
        assert!(finite(&answers), "{kind}");
        assert_eq!(fresh(kind, 1).kind(), kind);
    }
}

#[test]
fn same_seed_same_bits() {
    for kind in KINDS {
        let run = |seed| {
            let (mut model, mut player) = (fresh(kind, seed), Player::new(Slots::plain()));
            player.play(&mut *model, &stream(7, 600));
            (digest(&*model), answers(&*model, &player))
        };
        let first = run(1);
        assert_eq!(first, run(1), "{kind}");
        assert!(finite(&first.1), "{kind}");
        let drawn = !matches!(kind, "popularity" | "transitions" | "item_knn");
        assert_eq!(first == run(2), !drawn, "{kind}: only what draws first values may depend on the seed");
    }
}

#[test]
fn save_and_load_continue_with_the_same_bits() {
    for kind in KINDS {
        // An odd place, so that whatever is collected over several examples is under way.
        let events = stream(3, 905);
        let (before, after) = events.split_at(453);
        let (mut model, mut player) = (fresh(kind, 4), Player::new(Slots::plain()));
        describe(&mut *model, &player.slots);
        player.play(&mut *model, before);
        // What was kept for speed must not leak into a restored model, nor be missed by it.
        model.prepare(usize::MAX);
        let mut loaded = fresh(kind, 4);
        for ((name, table), (same, target)) in model.tables().into_iter().zip(loaded.tables_mut()) {
            assert_eq!(name, same);
            *target = table.clone();
        }
        loaded.restore(&model.blob()).expect("the same parameters");
        assert_eq!(digest(&*model), digest(&*loaded), "{kind}");
        assert_eq!(answers(&*model, &player), answers(&*loaded, &player), "{kind}");
        let mut other = player.clone();
        player.play(&mut *model, after);
        other.play(&mut *loaded, after);
        assert_eq!(digest(&*model), digest(&*loaded), "{kind}");
        assert_eq!(answers(&*model, &player), answers(&*loaded, &other), "{kind}");
    }
}

#[test]
fn what_does_not_fit_is_not_restored() {
    let mut ncf = fresh("ncf", 1);
    assert!(ncf.restore(b"{").is_err());
    let small = ModelConfig { hidden: Some(7), ..ModelConfig::default() };
    let other = build("ncf", &small, Seed(1)).expect("known");
    for ((_, table), (_, target)) in other.tables().into_iter().zip(ncf.tables_mut()) {
        *target = table.clone();
    }
    assert!(ncf.restore(&other.blob()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn the_order_of_first_appearance_changes_nothing(seed: u64, shuffle: u64) {
        let events = stream(seed, 300);
        for kind in KINDS {
            let run = |slots| {
                let (mut model, mut player) = (fresh(kind, 9), Player::new(slots));
                describe(&mut *model, &player.slots);
                player.play(&mut *model, &events);
                answers(&*model, &player)
            };
            prop_assert_eq!(run(Slots::plain()), run(Slots::shuffled(shuffle)), "{}", kind);
        }
    }

    #[test]
    fn one_item_and_the_whole_catalogue_get_the_same_scores(seed: u64, events in 0usize..400, prepared in 0u32..400) {
        for kind in KINDS {
            let (mut model, mut player) = (fresh(kind, 5), Player::new(Slots::plain()));
            let all = stream(seed, events);
            let (before, after) = all.split_at((prepared as usize).min(events));
            player.play(&mut *model, before);
            describe(&mut *model, &player.slots);
            model.prepare(usize::MAX);
            player.play(&mut *model, after);
            let view = model.view();
            for user in [0, 1, USERS] {
                let recent = player.recent(user);
                let context = player.context(user, &recent);
                let (mut one, mut whole, mut seen) = ([0.0], vec![0.0; ITEMS as usize + 3], vec![0.0; ITEMS as usize + 3]);
                model.score_all(&context, &mut whole);
                view.score_all(&context, &mut seen);
                prop_assert_eq!(&whole, &seen, "{} and its view", kind);
                for item in 0..ITEMS + 3 {
                    model.score(&context, &[item], &mut one);
                    prop_assert_eq!(one[0].to_bits(), whole[item as usize].to_bits(), "{} item {}", kind, item);
                }
                // Fewer than are known, and a list with repetitions.
                let mut few = vec![0.0; 5];
                model.score_all(&context, &mut few);
                prop_assert_eq!(&few[..], &whole[..5]);
                let mut list = [0.0; 4];
                view.score(&context, &[3, 1, 3, 200], &mut list);
                prop_assert_eq!([list[0], list[1], list[2]], [whole[3], whole[1], whole[3]]);
            }
        }
    }
}

#[test]
fn a_view_never_changes() {
    for kind in KINDS {
        let (mut model, mut player) = (fresh(kind, 6), Player::new(Slots::plain()));
        let events = stream(8, 700);
        player.play(&mut *model, &events[..350]);
        let then = player.clone();
        let view: Arc<dyn Model> = model.view();
        let before = answers(&*view, &then);
        assert_eq!(before, answers(&*model, &then), "{kind}");
        describe(&mut *model, &player.slots);
        player.play(&mut *model, &events[350..]);
        assert_eq!(before, answers(&*view, &then), "{kind}");
        assert_ne!(before, answers(&*model, &then), "{kind} learned nothing");
    }
}

/// A batch in one go gives the bits of scoring and learning in turns, also with examples that teach nothing.
#[test]
fn a_batch_is_its_examples_in_turns() {
    for kind in KINDS {
        let (mut single, mut batch) = (fresh(kind, 9), fresh(kind, 9));
        let ids: Vec<(u32, u32)> = (0..900u32).map(|n| (n * 7 % 31, n * n % 45)).collect();
        let examples: Vec<Example<'_>> = (0u16..)
            .zip(&ids)
            .map(|(n, (user, item))| Example {
                context: Context {
                    user: (n % 50 != 7).then_some(*user),
                    user_id: Id(u128::from(*user)),
                    recent: &[3, 1],
                    time: Time(i64::from(n) * 1000),
                },
                item: *item,
                item_id: Id(500 + u128::from(*item)),
                label: f32::from(n % 3 / 2),
                weight: if n % 40 == 9 { f32::NAN } else { 1.0 + f32::from(n % 5) },
                negatives: if n % 4 == 0 { &[2, 40, 90] } else { &[] },
            })
            .collect();
        for part in examples.chunks(77) {
            let (mut learned, mut scores) = (0, Vec::new());
            for example in part {
                let mut score = [0.0];
                single.score(&example.context, &[example.item], &mut score);
                scores.push(score[0].to_bits());
                learned += single.learn(example).non_finite;
            }
            let mut together = vec![0.0; part.len()];
            assert_eq!(batch.learn_all(part, &mut together).non_finite, learned, "{kind}");
            assert_eq!(together.iter().map(|s| s.to_bits()).collect::<Vec<_>>(), scores, "{kind}");
        }
        assert_eq!(digest(&*single), digest(&*batch), "{kind}");
        let view = batch.view();
        let mut last = [0.0; 2];
        batch.learn_all(&examples[..2], &mut last);
        let mut one = [0.0];
        view.score(&examples[0].context, &[examples[0].item], &mut one);
        assert_eq!(one[0].to_bits(), last[0].to_bits(), "{kind}: a view saw the batch");
    }
}

#[test]
fn memory_is_bounded_by_users_and_items() {
    for kind in KINDS {
        let (mut model, mut player) = (fresh(kind, 1), Player::new(Slots::plain()));
        describe(&mut *model, &player.slots);
        // Long enough for nearly every pair to have been seen: lists of what users took are full then.
        player.play(&mut *model, &stream(1, 6000));
        model.prepare(usize::MAX);
        let once = model.bytes();
        describe(&mut *model, &player.slots);
        player.play(&mut *model, &stream(2, 6000));
        model.prepare(usize::MAX);
        assert_eq!(model.bytes(), once, "{kind} grew with events");
        // A page a table more or less: well under 4 KiB a user or item and the dense layers.
        assert!(once < 4096 * (USERS + ITEMS) as usize + 400_000, "{kind}: {once} bytes");
    }
}

#[test]
fn extreme_input_leaves_everything_finite() {
    let times = [0, 1_000_000_000_000_000, -1_000_000_000_000_000, i64::MAX, i64::MIN, 1_700_000_000_000];
    let weights = [1e6, f32::NAN, f32::INFINITY, -1.0, 0.0, f32::MIN_POSITIVE, f32::MAX, 1.0];
    for kind in KINDS {
        let (mut model, mut player) = (fresh(kind, 2), Player::new(Slots::plain()));
        let mut skipped = 0;
        for (n, mut event) in stream(5, 4000).into_iter().enumerate() {
            event.time = times[n % times.len()];
            event.weight = weights[n % weights.len()];
            skipped += player.learn(&mut *model, &event).non_finite;
        }
        assert!(finite(&answers(&*model, &player)), "{kind}");
        assert!(skipped >= 2000, "{kind}: weights that are no weights are counted, {skipped} were");
        for (time, context_time) in times.into_iter().flat_map(|a| times.map(|b| (a, b))) {
            let recent = [1, 2];
            let context = Context { user: Some(0), user_id: Id(0), recent: &recent, time: Time(time) };
            let item_id = Id(1000);
            let example = Example { context, item: 0, item_id, label: 1.0, weight: 1.0, negatives: &[] };
            model.learn(&example);
            let mut scores = [0.0; 4];
            model.score_all(&Context { time: Time(context_time), ..context }, &mut scores);
            assert!(scores.iter().all(|s| s.is_finite()), "{kind} at {time}, {context_time}: {scores:?}");
        }
    }
}

#[test]
fn one_pair_for_ever_and_nothing_but_positives_stay_finite() {
    for kind in KINDS {
        let mut model = fresh(kind, 3);
        let context = Context { user: Some(0), user_id: Id(0), recent: &[1, 2], time: Time(1_700_000_000_000) };
        let example = Example { context, item: 0, item_id: Id(1000), label: 1.0, weight: 1e6, negatives: &[] };
        for _ in 0..100_000 {
            assert_eq!(model.learn(&example), Learned::default(), "{kind}");
        }
        let mut scores = [0.0; 3];
        model.score_all(&context, &mut scores);
        assert!(scores.iter().all(|s| s.is_finite() && s.abs() <= 1e6), "{kind}: {scores:?}");
        // bpr learns from pairs only: without negatives there is nothing to prefer to.
        assert!(kind == "bpr" || scores[0] > scores[1], "{kind}: {scores:?}");
        let logit = model.logit(scores[0]);
        assert!(logit.is_none_or(f32::is_finite), "{kind}");
    }
}

#[test]
fn whoever_is_unknown_gets_what_is_popular() {
    for kind in KINDS {
        let (mut model, mut player) = (fresh(kind, 11), Player::new(Slots::plain()));
        player.play(&mut *model, &stream(12, 3000));
        let context = Context { user: None, user_id: Id(77), recent: &[], time: player.now() };
        let mut scores = vec![0.0; ITEMS as usize + 1];
        model.score_all(&context, &mut scores);
        // The stream favours small item numbers.
        let mean = |from: usize, to: usize| scores[from..to].iter().sum::<f32>() / (to - from) as f32;
        assert!(mean(0, 4) > mean(30, 40), "{kind}: {scores:?}");
        assert!(scores[ITEMS as usize] < mean(0, 4), "{kind}: an unknown item beats the most popular ones");
    }
}

#[test]
fn what_is_said_of_items_reaches_the_model_that_reads_it() {
    for kind in KINDS {
        let (mut told, mut untold) = (fresh(kind, 21), fresh(kind, 21));
        let (mut player, mut other) = (Player::new(Slots::plain()), Player::new(Slots::plain()));
        describe(&mut *told, &player.slots);
        player.play(&mut *told, &stream(22, 2000));
        other.play(&mut *untold, &stream(22, 2000));
        assert_eq!(answers(&*told, &player) != answers(&*untold, &other), kind == "two_tower", "{kind}");
    }
}

#[test]
fn learns_what_a_user_likes() {
    // Not ials: here everybody took everything, and it knows who took what, not how often.
    for kind in ["mf", "fm", "bpr", "two_tower", "ncf"] {
        let (mut model, mut player) = (fresh(kind, 21), Player::new(Slots::plain()));
        player.play(&mut *model, &stream(22, 6000));
        // Users like items of their own parity (see the stream): odd minus even must follow.
        let mut right = 0;
        for user in 0..USERS {
            let recent = player.recent(user);
            let mut scores = vec![0.0; ITEMS as usize];
            model.score_all(&player.context(user, &recent), &mut scores);
            let sum = |parity: u32| (0..ITEMS).filter(|i| i % 2 == parity).map(|i| scores[i as usize]).sum::<f32>();
            right += u32::from(sum(user % 2) > sum(1 - user % 2));
        }
        assert!(right * 10 >= USERS * 9, "{kind}: {right} of {USERS}");
    }
}

#[test]
fn who_is_forgotten_is_as_if_never_seen() {
    for kind in KINDS {
        let (mut model, mut player) = (fresh(kind, 2), Player::new(Slots::plain()));
        describe(&mut *model, &player.slots);
        player.play(&mut *model, &stream(5, 900));
        model.forget(&Forgotten { users: vec![1, 3], items: vec![2, 7] });
        let ask = |user: Option<u32>, recent: &[u32]| {
            let context = Context { user, recent, ..player.context(1, &[]) };
            let mut scores = vec![f32::NAN; ITEMS as usize + 3];
            model.score_all(&context, &mut scores);
            scores
        };
        assert_eq!(ask(Some(1), &[]), ask(None, &[]), "{kind}: a forgotten user is an unknown one");
        assert_eq!(ask(Some(0), &[2, 7]), ask(Some(0), &[]), "{kind}: forgotten items lead nowhere");
        let scores = ask(Some(0), &[4, 5]);
        assert_eq!([scores[2], scores[7]], [scores[ITEMS as usize + 1]; 2], "{kind}: forgotten items are unknown ones");
        player.play(&mut *model, &stream(6, 300));
        assert!(finite(&answers(&*model, &player)), "{kind}");
    }
}
