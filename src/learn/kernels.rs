//! Small loops with fixed lanes: the compiler vectorises them, and the bits do not depend on how.
//!
//! Products and sums are rounded one by one (Rust never fuses them by itself) and in the order of the source, so
//! that every processor gives the same bits; `exp` and `ln` are libm's in Rust or our own polynomial.

use multiversion::multiversion;

/// Lanes of a sum: fixed in the source, so that every machine adds in the same order.
const LANES: usize = 16;

/// Σ aᵢ·bᵢ. Slices of different length are multiplied up to the shorter one.
#[must_use]
#[inline]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    product(a, b)
}

/// The product of each row of `width` floats with `query`, whose length says how many of a row's floats count: the bits
/// of [`dot`], in the registers that the processor has.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub fn dots(rows: &[f32], width: usize, query: &[f32], out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(width).zip(out) {
        *out = product(&row[..query.len()], query);
    }
}

/// Adds the product of each row of `width` floats with `query` to what is there: [`dots`] on top of a bias.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub fn add_dots(rows: &[f32], width: usize, query: &[f32], out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(width).zip(out) {
        *out += product(&row[..query.len()], query);
    }
}

/// [`dot`], always a part of the caller: for loops in the registers that the processor has.
#[inline(always)]
pub(super) fn product(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len());
    // A vector of just eight: the sums of the loop below, without the lanes that stay empty.
    if let (&[a0, a1, a2, a3, a4, a5, a6, a7], &[b0, b1, b2, b3, b4, b5, b6, b7]) = (&a[..n], &b[..n]) {
        let low = four([a0, a1, a2, a3], [b0, b1, b2, b3], |x, y| x * y);
        let high = four([a4, a5, a6, a7], [b4, b5, b6, b7], |x, y| x * y);
        let sums = four(low, high, |x, y| x + y);
        return (sums[0] + sums[2]) + (sums[1] + sums[3]);
    }
    let mut sums = [0.0f32; LANES];
    let (whole_a, rest_a) = a[..n].as_chunks::<LANES>();
    let (whole_b, rest_b) = b[..n].as_chunks::<LANES>();
    for (x, y) in whole_a.iter().zip(whole_b) {
        for k in 0..LANES {
            sums[k] += x[k] * y[k];
        }
    }
    for (sum, (x, y)) in sums.iter_mut().zip(rest_a.iter().zip(rest_b)) {
        *sum += x * y;
    }
    reduce(&sums)
}

/// Four lanes at once.
#[inline(always)]
fn four(a: [f32; 4], b: [f32; 4], of: impl Fn(f32, f32) -> f32) -> [f32; 4] {
    [of(a[0], b[0]), of(a[1], b[1]), of(a[2], b[2]), of(a[3], b[3])]
}

/// Σ wᵢ·max(0, aᵢ + bᵢ): a hidden layer whose two halves were multiplied before.
#[must_use]
#[inline]
pub fn relu_dot(weights: &[f32], a: &[f32], b: &[f32]) -> f32 {
    let n = weights.len().min(a.len()).min(b.len());
    let mut sums = [0.0f32; LANES];
    let (whole_w, rest_w) = weights[..n].as_chunks::<LANES>();
    let (whole_a, rest_a) = a[..n].as_chunks::<LANES>();
    let (whole_b, rest_b) = b[..n].as_chunks::<LANES>();
    for ((w, x), y) in whole_w.iter().zip(whole_a).zip(whole_b) {
        for k in 0..LANES {
            sums[k] += w[k] * positive(x[k] + y[k]);
        }
    }
    for (sum, ((w, x), y)) in sums.iter_mut().zip(rest_w.iter().zip(rest_a).zip(rest_b)) {
        *sum += w * positive(x + y);
    }
    reduce(&sums)
}

/// max(0, x) as one instruction; `f32::max` has to look after NaN on both sides.
#[inline]
const fn positive(x: f32) -> f32 {
    if x > 0.0 { x } else { 0.0 }
}

/// The lanes added pairwise, in one fixed order.
#[inline(always)]
fn reduce(lanes: &[f32; LANES]) -> f32 {
    let mut sums = *lanes;
    let mut half = LANES / 2;
    while half > 0 {
        for k in 0..half {
            sums[k] += sums[k + half];
        }
        half /= 2;
    }
    sums[0]
}

/// y += a·x.
#[inline]
pub fn axpy(a: f32, x: &[f32], y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// 1 / (1 + e^−x) within some 3·10⁻⁶ of the value, the same bits on every machine; never quite 0.
#[must_use]
#[inline]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp2(-std::f32::consts::LOG2_E * x.clamp(-30.0, 30.0)))
}

/// ln(1 + e^x): the logistic loss of a negative with logit x; of a positive with logit −x.
#[must_use]
#[inline]
pub fn softplus(x: f64) -> f64 {
    if x > 30.0 { x } else { libm::log1p(libm::exp(x)) }
}

/// 2^x within some 2·10⁻⁷ of the value, for loops over the catalogue; x is cut at ±126.
#[must_use]
#[inline]
pub fn exp2(x: f32) -> f32 {
    // Adding 1.5·2^23 rounds to a whole number without a call, and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let shifted = x.clamp(-126.0, 126.0) + ROUND;
    let t = (x.clamp(-126.0, 126.0) - (shifted - ROUND)) * std::f32::consts::LN_2;
    // Taylor's series of e^t on |t| ≤ ln2 / 2, in pairs: three short chains instead of a long one.
    let square = t * t;
    let low = (1.0 + t) + square * (0.5 + t * (1.0 / 6.0));
    let high = (1.0 / 24.0 + t * (1.0 / 120.0)) + square * (1.0 / 720.0);
    let p = low + square * square * high;
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
    p * f32::from_bits(exponent << 23)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn floats(len: usize) -> impl Strategy<Value = Vec<f32>> {
        proptest::collection::vec(-10f32..10.0, len)
    }

    proptest! {
        #[test]
        fn sums_agree_with_plain_ones((w, a, b) in (0usize..70).prop_flat_map(|n| (floats(n), floats(n), floats(n)))) {
            let pairs = || a.iter().zip(&b).map(|(x, y)| (f64::from(*x), f64::from(*y)));
            let exact: f64 = pairs().map(|(x, y)| x * y).sum();
            prop_assert!((f64::from(dot(&a, &b)) - exact).abs() < 1e-2);
            let exact: f64 = pairs().zip(&w).map(|((x, y), w)| f64::from(*w) * (x + y).max(0.0)).sum();
            prop_assert!((f64::from(relu_dot(&w, &a, &b)) - exact).abs() < 1e-2);
        }

        #[test]
        fn sigmoid_is_close(x in -29f32..29.0) {
            let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
            prop_assert!((f64::from(sigmoid(x)) / exact - 1.0).abs() < 3e-6, "{x}");
        }

        #[test]
        fn exp2_is_close(x in -140f32..140.0) {
            let exact = f64::from(x.clamp(-126.0, 126.0)).exp2();
            prop_assert!((f64::from(exp2(x)) / exact - 1.0).abs() < 4e-7, "{x}");
        }
    }

    #[test]
    fn sigmoid_and_softplus_at_the_edges() {
        assert!(sigmoid(f32::MAX) < 1.0 + 1e-6 && sigmoid(f32::MIN) > 0.0);
        assert!((softplus(0.0) - std::f64::consts::LN_2).abs() < 1e-15);
        assert_eq!(softplus(1e6), 1e6);
    }

    proptest! {
        #[test]
        fn many_rows_have_the_bits_of_one(
            (width, used, rows) in (1usize..80).prop_flat_map(|w| (Just(w), 0..=w, 0usize..9)),
            seed: u64,
        ) {
            let float = |n: usize| (xxhash_rust::xxh3::xxh3_64_with_seed(&n.to_le_bytes(), seed) % 2001) as f32 / 700.0 - 1.4;
            let all: Vec<f32> = (0..rows * width).map(float).collect();
            let query: Vec<f32> = (0..used).map(|n| float(n + 1_000_000)).collect();
            let mut found = vec![0.0; rows];
            dots(&all, width, &query, &mut found);
            let mut added = vec![0.25; found.len()];
            add_dots(&all, width, &query, &mut added);
            let sums: Vec<f32> = found.iter().map(|product| 0.25 + product).collect();
            prop_assert_eq!(&added, &sums);
            for (row, found) in all.chunks_exact(width).zip(found) {
                prop_assert_eq!(dot(&row[..used], &query).to_bits(), found.to_bits());
            }
        }
    }
}
