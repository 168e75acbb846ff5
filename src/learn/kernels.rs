//! Small loops with fixed lanes: the compiler vectorises them, and the bits do not depend on how.

/// Lanes of a sum: fixed in the source, so that every machine adds in the same order.
const LANES: usize = 8;

/// Σ aᵢ·bᵢ. Slices of different length are compared up to the shorter one.
#[must_use]
#[inline]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (whole_a, rest_a) = a.as_chunks::<LANES>();
    let (whole_b, rest_b) = b.as_chunks::<LANES>();
    for (x, y) in whole_a.iter().zip(whole_b) {
        for k in 0..LANES {
            sums[k] += x[k] * y[k];
        }
    }
    let rest: f32 = rest_a.iter().zip(rest_b).map(|(x, y)| x * y).sum();
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest
}

/// y += a·x.
#[inline]
pub fn axpy(a: f32, x: &[f32], y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// 1 / (1 + e^−x), the same bits on every machine; never quite 0 or 1.
#[must_use]
#[inline]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-x.clamp(-30.0, 30.0)))
}

/// ln(1 + e^x): the logistic loss of a negative with logit x; of a positive with logit −x.
#[must_use]
#[inline]
pub fn softplus(x: f64) -> f64 {
    if x > 30.0 { x } else { libm::log1p(libm::exp(x)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn dot_agrees_with_the_plain_sum(pairs in proptest::collection::vec((-10f32..10.0, -10f32..10.0), 0..70)) {
            let (a, b): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let exact: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            prop_assert!((f64::from(dot(&a, &b)) - exact).abs() < 1e-3);
        }
    }

    #[test]
    fn sigmoid_and_softplus_at_the_edges() {
        assert!(sigmoid(f32::MAX) < 1.0 + 1e-6 && sigmoid(f32::MIN) > 0.0);
        assert!((softplus(0.0) - std::f64::consts::LN_2).abs() < 1e-15);
        assert_eq!(softplus(1e6), 1e6);
    }
}
