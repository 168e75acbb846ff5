//! The towers: gradients, content, restoring.

use super::*;
use crate::event::{Id, ItemFacts, Time};
use crate::learn::kernels::softplus;

fn described(dimensions: usize) -> TwoTower {
    let mut model = TwoTower::new(TwoTowerConfig { dimensions, ..TwoTowerConfig::default() }, Seed(2));
    for item in 0..6u32 {
        // Words of their own, so that no two items of an example share a row of an adapter.
        let facts = ItemFacts { title: Some(format!("one{item} two{item}")), ..ItemFacts::default() };
        model.describe(item, &ItemContent::of(&facts));
    }
    model
}

fn context(recent: &[Slot]) -> Context<'_> {
    Context { user: Some(3), user_id: Id(3), recent, time: Time(0) }
}

fn example<'a>(recent: &'a [Slot], item: Slot, label: f32, negatives: &'a [Slot]) -> Example<'a> {
    Example { context: context(recent), item, item_id: Id(u128::from(item)), label, weight: 1.0, negatives }
}

/// Every row of every table that one pair moves goes down the slope of loss + regularisation, by finite
/// differences through `score`.
#[test]
fn steps_follow_finite_differences() {
    let mut model = described(5);
    for n in 0..60u32 {
        model.learn(&example(&[n % 3, 3 + (n / 2) % 3], (n + 1) % 6, 1.0, &[(n + 4) % 6]));
    }
    for label in [1.0, 0.0] {
        let before = model.clone();
        model.learn(&example(&[1, 4], 2, label, &[]));
        let loss = |model: &TwoTower| {
            let mut score = [0.0];
            model.score(&context(&[1, 4]), &[2], &mut score);
            softplus(f64::from(if label > 0.5 { -score[0] } else { score[0] }))
        };
        let rows_of = |bucket_of: Slot| before.features(bucket_of).map(|f| f.bucket).collect::<Vec<u32>>();
        let mut places: Vec<(&str, u32)> = vec![("users", 3), ("items", 2), ("seen", 1), ("seen", 4)];
        places.extend(rows_of(2).into_iter().map(|b| ("item_adapter", b)));
        places.extend([1, 4].into_iter().flat_map(rows_of).map(|b| ("user_adapter", b)));
        assert_eq!(places.len(), 10, "two words an item, none shared");
        for (name, row) in places {
            let floats = |model: &TwoTower| {
                let table = model.tables().into_iter().find(|(n, _)| n == name).expect("a table").1;
                table.floats(row as usize).to_vec()
            };
            let (old, new) = (floats(&before), floats(&model));
            let step: Vec<f64> = new.iter().zip(&old).map(|(a, b)| f64::from(a - b)).collect();
            let slope: Vec<f64> = (0..old.len())
                .map(|k| {
                    let at = |h: f32| {
                        let mut moved = before.clone();
                        let mut tables = moved.tables_mut();
                        let table = &mut tables.iter_mut().find(|(n, _)| n == name).expect("a table").1;
                        table.floats_mut(row as usize)[k] += h;
                        loss(&moved)
                    };
                    (at(0.02) - at(-0.02)) / 0.04 + 0.002 * f64::from(old[k])
                })
                .collect();
            let product: f64 = step.iter().zip(&slope).map(|(a, b)| a * b).sum();
            let length = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
            let cosine = product / (length(&step) * length(&slope));
            assert!(cosine < -0.99, "label {label}, {name} {row}: {cosine} {step:?} {slope:?}");
        }
    }
}

#[test]
fn content_is_replaced_and_forgotten() {
    let mut model = described(8);
    let first: Vec<Feature> = model.features(1).collect();
    assert_eq!(first.len(), 2);
    let long = ItemFacts { text: Some((0..500).map(|n| format!("w{n} ")).collect()), ..ItemFacts::default() };
    model.describe(1, &ItemContent::of(&long));
    let n = model.features(1).count();
    assert!((40..=MAX_FEATURES).contains(&n), "{n}");
    let bytes = model.bytes();
    model.describe(1, &ItemContent::default());
    model.describe(4_000_000, &ItemContent::default());
    assert_eq!((model.features(1).count(), model.bytes()), (0, bytes), "nothing to say takes no row");
}

#[test]
fn what_does_not_fit_is_not_restored() {
    let mut model = described(8);
    assert!(model.restore(&[]).is_ok());
    model.content.row_mut(2)[1] = BUCKETS as u32;
    assert!(model.restore(&[]).is_err_and(|e| e.0.contains("item 2")));
    let mut other = TwoTower::new(TwoTowerConfig::default(), Seed(2));
    for ((_, a), (_, b)) in described(8).tables().iter().zip(other.tables_mut()) {
        *b = (*a).clone();
    }
    assert!(other.restore(&[]).is_err_and(|e| e.0.contains("users")));
}
