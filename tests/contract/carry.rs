//! What carries a model's state elsewhere: what its tables say they are, and slots given anew.

use super::stream::{ITEMS, Player, Slots, USERS, stream};
use super::{answers, describe, fresh};
use proptest::prelude::*;
use reiver::event::Id;
use reiver::learn::registry::KINDS;
use reiver::learn::{Context, Directory, Forgotten, Model, ModelConfig, Renumber, Rows, Slot};
use reiver::pipeline::portable::Portable;
use reiver::rng::Seed;
use std::collections::BTreeSet;

/// Renumbers from one way of giving slots to another.
fn between(from: &Slots, to: &Slots) -> Renumber {
    let (mut users, mut items) = (vec![None; USERS as usize], vec![None; ITEMS as usize]);
    (0..USERS).for_each(|user| users[from.user(user) as usize] = Some(to.user(user)));
    (0..ITEMS).for_each(|item| items[from.item(item) as usize] = Some(to.item(item)));
    Renumber::new(users, items)
}

fn taught(kind: &str, slots: Slots, seed: u64, events: usize) -> (Box<dyn Model>, Player) {
    let (mut model, mut player) = (fresh(kind, 9), Player::new(slots));
    describe(&mut *model, &player.slots);
    player.play(&mut *model, &stream(seed, events));
    (model, player)
}

#[test]
fn a_layout_tells_of_every_table_and_every_word() {
    for kind in KINDS {
        let (model, _) = taught(kind, Slots::plain(), 3, 700);
        let layout = model.layout();
        let tables: Vec<(String, usize)> = model.tables().into_iter().map(|(name, t)| (name, t.width())).collect();
        let told: Vec<(String, usize)> = layout.iter().map(|it| (it.table.clone(), it.words())).collect();
        assert_eq!(told, tables, "{kind}");
        let names: Vec<&str> = layout.iter().flat_map(|it| it.columns.iter().map(|c| c.name.as_str())).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{kind}: {names:?}");
        for (layout, (name, table)) in layout.iter().zip(model.tables()) {
            assert!(layout.columns.iter().all(|column| column.width > 0), "{kind} {name}");
            for row in 0..table.len() {
                let mut rest = table.row(row);
                for column in &layout.columns {
                    let (words, behind) = rest.split_at(column.width * column.kind.words());
                    let fit = words.chunks_exact(column.kind.words()).all(|number| column.kind.may_be(number));
                    assert!(fit, "{kind} {} row {row}: {words:?}", column.name);
                    rest = behind;
                }
            }
            let bound = match layout.rows {
                Rows::Users => USERS as usize,
                Rows::Items => ITEMS as usize,
                Rows::Own => usize::MAX,
            };
            assert!(table.len() <= bound, "{kind} {name}: rows that are nobody's");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn with_other_slots_a_model_answers_and_learns_the_same(seed: u64, shuffle: u64) {
        for kind in KINDS {
            let (mut here, mut player) = taught(kind, Slots::shuffled(shuffle ^ 1), seed, 400);
            let (mut there, mut other) = (fresh(kind, 9), player.clone());
            for ((_, table), (_, target)) in here.tables().into_iter().zip(there.tables_mut()) {
                *target = table.clone();
            }
            there.restore(&here.blob()).expect("the same parameters");
            there.prepare(usize::MAX);
            other.slots = Slots::shuffled(shuffle);
            there.renumber(&between(&player.slots, &other.slots));
            prop_assert_eq!(answers(&*here, &player), answers(&*there, &other), "{}", kind);
            let later = stream(seed ^ 2, 200);
            player.play(&mut *here, &later);
            other.play(&mut *there, &later);
            prop_assert_eq!(answers(&*here, &player), answers(&*there, &other), "{} afterwards", kind);
        }
    }
}

/// Who has no slot any more is as forgotten.
#[test]
fn who_is_left_behind_is_as_if_never_seen() {
    for kind in KINDS {
        let (mut left, player) = taught(kind, Slots::plain(), 5, 900);
        let (mut forgot, _) = taught(kind, Slots::plain(), 5, 900);
        let gone = Forgotten { users: vec![1, 3], items: vec![2, 7] };
        forgot.forget(&gone);
        let users = (0..USERS).map(|user| Some(user).filter(|user| !gone.has_user(*user))).collect();
        let items = (0..ITEMS).map(|item| Some(item).filter(|item| !gone.has_item(*item))).collect();
        left.renumber(&Renumber::new(users, items));
        let ask = |model: &dyn Model, user: Option<Slot>, recent: &[Slot]| {
            let mut scores = vec![f32::NAN; ITEMS as usize + 3];
            model.score_all(&Context { user, recent, ..player.context(1, &[]) }, &mut scores);
            scores
        };
        for (user, recent) in [(None, &[][..]), (Some(1), &[2, 7]), (Some(0), &[4, 5]), (Some(5), &[7, 4])] {
            assert_eq!(ask(&*left, user, recent), ask(&*forgot, user, recent), "{kind} {user:?}");
        }
    }
}

/// A directory that gives the slots of `slots`, and knows nobody else.
fn directory(slots: &Slots) -> Directory {
    let mut directory = Directory::default();
    for slot in 0..USERS {
        let user = (0..USERS).find(|user| slots.user(*user) == slot).expect("every slot has a user");
        directory.admit_user(Id(u128::from(user)));
    }
    for slot in 0..ITEMS {
        let item = (0..ITEMS).find(|item| slots.item(*item) == slot).expect("every slot has an item");
        let name = format!("item {item}");
        directory.admit_item(Id::of(&name), &name);
    }
    directory
}

/// Through a file into a directory with other slots: the same answers, and the same learning afterwards.
#[test]
fn through_a_file_a_model_answers_and_learns_the_same() {
    for kind in KINDS {
        let config = ModelConfig::default();
        let (mut here, mut player) = taught(kind, Slots::shuffled(4), 8, 900);
        let file = |model: &dyn Model, slots: &Slots| {
            Portable::of(model, &config, &directory(slots), player.now()).and_then(|it| it.to_bytes()).expect("fits")
        };
        let bytes = file(&*here, &player.slots);
        let (same, _) = taught(kind, Slots::shuffled(5), 8, 900);
        assert_eq!(bytes, file(&*same, &Slots::shuffled(5)), "{kind}: slots show in its file");
        let (read, bad) = Portable::read(&bytes, kind, &config, Seed(9)).expect("just written");
        assert!(bad.is_empty(), "{kind}: {bad:?}");
        assert_eq!(read.to_bytes().expect("again"), bytes, "{kind}");
        let mut other = player.clone();
        other.slots = Slots::shuffled(6);
        let there = directory(&other.slots);
        let users = read.users.iter().map(|id| there.user(*id)).collect();
        let items = read.items.iter().map(|item| there.item(item.id)).collect();
        let mut there = read.settle(users, items);
        assert_eq!(answers(&*here, &player), answers(&*there, &other), "{kind}");
        let later = stream(18, 300);
        player.play(&mut *here, &later);
        other.play(&mut *there, &later);
        assert_eq!(answers(&*here, &player), answers(&*there, &other), "{kind} afterwards");
    }
}
