//! Whatever stands in a file: it is refused, or the model that comes out of it scores and learns.

use super::remade::{Remade, learned, teach, tiny};
use proptest::prelude::*;
use reiver::event::{Id, Time};
use reiver::learn::registry::KINDS;
use reiver::learn::{Context, Directory};
use reiver::pipeline::portable::Portable;
use reiver::rng::Seed;

/// Reads a file into a directory that knows everybody, then scores and learns.
fn use_of(file: &[u8], kind: &str) {
    let Ok((read, _)) = Portable::read(file, kind, &tiny(kind), Seed(1)) else { return };
    let mut directory = Directory::default();
    (0..6).for_each(|user| {
        directory.admit_user(Id::of(&format!("user {user}")));
    });
    (0..8).map(|item| format!("item {item}")).for_each(|name| {
        directory.admit_item(Id::of(&name), &name);
    });
    let users = read.users.iter().map(|id| directory.user(*id)).collect();
    let items = read.items.iter().map(|item| directory.item(item.id)).collect();
    let mut model = read.settle(users, items);
    for n in 0..20 {
        teach(&mut *model, &directory, n % 6, n % 8, i64::from(n));
        let user_id = directory.user_id(n % 6);
        let context = Context { user: Some(n % 6), user_id, recent: &[1, 2], time: Time(1_700_000_000_000) };
        let mut scores = [0.0; 10];
        model.score_all(&context, &mut scores);
        assert!(scores.iter().all(|score| score.is_finite()), "{kind}: {scores:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn changed_tensors_are_refused_or_harmless(
        kind in prop::sample::select(KINDS.to_vec()),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut remade = Remade::of(&learned(kind).0);
        let names: Vec<String> = remade.tensors.keys().cloned().collect();
        for (name, at, byte) in changes {
            let data = &mut remade.tensor(name.get::<String>(&names)).data;
            if !data.is_empty() {
                let at = at.index(data.len());
                data[at] = byte;
            }
        }
        use_of(&remade.bytes(), kind);
    }

    #[test]
    fn changed_bytes_are_refused_or_harmless(
        kind in prop::sample::select(KINDS.to_vec()),
        changes in proptest::collection::vec((0usize..4096, any::<u8>()), 1..6),
    ) {
        let mut file = learned(kind).0;
        for (at, byte) in changes {
            let at = at % file.len();
            file[at] = byte;
        }
        use_of(&file, kind);
    }

    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Portable::read(&bytes, "mf", &tiny("mf"), Seed(1)).is_err());
    }
}

/// What was written is read: nothing that a model learns lies outside what a file may hold.
#[test]
fn what_is_written_is_read_whole() {
    for kind in KINDS {
        let (file, ..) = learned(kind);
        let (read, bad) = Portable::read(&file, kind, &tiny(kind), Seed(1)).expect("just written");
        assert!(bad.is_empty(), "{kind}: {bad:?}");
        assert_eq!(read.to_bytes().expect("again"), file, "{kind}");
        use_of(&file, kind);
    }
}
