//! Users and items that come and go for ever, in a directory with room for a part of them: memory does not grow, and
//! those who are there are served as well as if there were room for all.

use rand::Rng;
use reiver::evaluate::{Progressive, Ranking, Scratch, run_example};
use reiver::event::{Id, Time};
use reiver::learn::registry::build;
use reiver::learn::{Context, Directory, Example, ModelConfig};
use reiver::rng::Seed;
use reiver::table::Part;

const EVENTS: usize = 40_000;
/// Tastes; an item is of one, and so is a user.
const TASTES: u64 = 8;
/// Items for sale at a time, and events after which one is replaced by a new one.
const FOR_SALE: u64 = 400;
const REPLACED: u64 = 25;
/// Users at a time, and events after which one is replaced.
const PRESENT: u64 = 200;
const LEAVES: u64 = 20;

/// The stream: in one of four events somebody who never comes back takes anything; otherwise a present user takes a
/// thing of his taste that is for sale, the newer the likelier.
fn event(n: u64, draw: &mut impl Rng) -> (String, String) {
    let mut below = |n: u64| ((u128::from(draw.next_u64()) * u128::from(n)) >> 64) as u64;
    let newest = FOR_SALE + n / REPLACED;
    if below(4) == 0 {
        return (format!("once {n}"), format!("item {}", newest - below(FOR_SALE)));
    }
    let user = PRESENT + n / LEAVES - below(PRESENT);
    let age = below(FOR_SALE / TASTES).min(below(FOR_SALE / TASTES));
    // The newest item of the user's taste, and so many of that taste before it.
    let taste = user * 7 % TASTES;
    let of_taste = newest - (newest + TASTES - taste) % TASTES;
    (format!("user {user}"), format!("item {}", of_taste - age * TASTES))
}

struct Outcome {
    recall: f64,
    /// Bytes of directory and model, at their most in each half.
    most: [usize; 2],
    forgotten: usize,
}

fn run(kind: &str, capacity: (usize, usize)) -> Outcome {
    let mut model = build(kind, &ModelConfig::default(), Seed(5)).expect("known");
    let (mut directory, mut scores) = (Directory::new(capacity.0, capacity.1, 64), Progressive::default());
    let (mut scratch, mut recent, mut negatives) = (Scratch::default(), Vec::new(), Vec::new());
    let mut draw = Seed(11).named("churn").stream();
    let mut outcome = Outcome { recall: 0.0, most: [0; 2], forgotten: 0 };
    for n in 0..EVENTS {
        let time = Time(1_700_000_000_000 + n as i64 * 120_000);
        directory.set_now(time);
        if directory.is_full() {
            let forgotten = directory.make_room();
            outcome.forgotten += forgotten.users.len() + forgotten.items.len();
            model.forget(&forgotten);
        }
        let (user, name) = event(n as u64, &mut draw);
        let (user_id, item_id) = (Id::of(&user), Id::of(&name));
        let item = directory.admit_item(item_id, &name);
        let (Some(user), Some(item)) = (directory.admit_user(user_id), item) else { continue };
        let (consumed, taught) = (directory.consumed(user), directory.taught_set());
        directory.recent(user, &mut recent);
        directory.sample_negatives(&consumed, item, Seed(1).keyed(n as u128), &mut negatives);
        let context = Context { user: Some(user), user_id, recent: &recent, time };
        let example = Example { context, item, item_id, label: 1.0, weight: 1.0, negatives: &negatives };
        let ranking = Ranking { taught: &taught, excluded: &consumed };
        run_example(&mut *model, &mut scores, &example, Some(&ranking), &mut scratch);
        directory.mark_taught(item);
        directory.consume(user, item);
        let most = &mut outcome.most[n * 2 / EVENTS];
        *most = (*most).max(directory.bytes() + model.bytes());
    }
    outcome.recall = scores.summary().recall_at_10;
    outcome
}

#[test]
fn memory_stays_and_so_does_recall() {
    // 10,000 one-time users and 2,200 others, 2,000 items come by in all.
    for kind in ["transitions", "mf"] {
        let all = run(kind, (1 << 20, 1 << 20));
        let few = run(kind, (1000, 1000));
        eprintln!(
            "{kind}: recall@10 {:.4} with room for all ({} bytes), {:.4} with room for 1,000 users and 1,000 items ({} \
             bytes; {} forgotten)",
            all.recall, all.most[1], few.recall, few.most[1], few.forgotten
        );
        assert!(few.recall >= 0.97 * all.recall, "{kind}");
        assert!(few.most[1] <= few.most[0], "{kind}: {:?} grew", few.most);
        assert!(few.forgotten > 2000 && all.forgotten == 0, "{kind}");
    }
}
