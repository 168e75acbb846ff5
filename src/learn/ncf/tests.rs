//! Tests of the neural collaborative filter.

use super::*;
use crate::learn::kernels::softplus;

#[test]
fn gradients_agree_with_finite_differences() {
    let mut ncf = Ncf::new(NcfConfig { dimensions: 3, hidden: 7, learning_rate: 1e-3 }, Seed(5));
    ncf.users.awaken(0, Id(1), Seed(1));
    for item in 0..3 {
        ncf.items.awaken(item, Id(10 + u128::from(item)), Seed(2));
    }
    // Far from the ReLU's kink, where a difference would straddle two slopes.
    for item in 0..3 {
        ncf.items.rows.floats_mut(item)[VECTOR..].iter_mut().for_each(|w| *w *= 20.0);
    }
    ncf.users.rows.floats_mut(0)[VECTOR..].iter_mut().for_each(|w| *w *= 20.0);
    let samples = [(0, 1.0), (1, 0.0), (2, 0.0)];
    let loss = |n: &Ncf| -> f64 {
        let part = n.user_part(Some(0));
        let (mut sum, mut scratch) = (vec![0.0; 7], vec![0.0; 7]);
        let one = |&(item, label): &(Slot, f32)| {
            let x = f64::from(n.item_logit(&part, n.items.vector(item), &mut sum, &mut scratch));
            if label > 0.0 { softplus(-x) } else { softplus(x) }
        };
        samples.iter().map(one).sum()
    };
    let g = ncf.gradients(0, &samples, 1.0);
    let h = 1e-3f32;
    let numeric = |nudge: &dyn Fn(&mut Ncf, f32)| {
        let at = |delta| {
            let mut moved = ncf.clone();
            nudge(&mut moved, delta);
            loss(&moved)
        };
        (at(h) - at(-h)) / f64::from(2.0 * h)
    };
    for part in 0..4 {
        for k in 0..g.dense[part].len() {
            let found = numeric(&|n, d| n.dense.slices_mut()[part][k] += d);
            assert!((found - f64::from(g.dense[part][k])).abs() < 2e-3, "dense {part} {k}: {found}");
        }
    }
    for k in 0..3 {
        let found = numeric(&|n, d| n.users.rows.floats_mut(0)[VECTOR + k] += d);
        assert!((found - f64::from(g.user[k])).abs() < 2e-3, "user {k}: {found} {}", g.user[k]);
        let found = numeric(&|n, d| n.items.rows.floats_mut(1)[VECTOR + k] += d);
        assert!((found - f64::from(g.items[1].1[k])).abs() < 2e-3, "item {k}: {found}");
    }
}
