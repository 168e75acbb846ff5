//! Normal equations of ridge regression: sums of outer products, and their solution by Cholesky in a fixed order.

use super::kernels::{axpy, dot};

/// A symmetric n × n matrix, of which the upper half counts, and the right side of M·x = b.
#[derive(Clone, Debug)]
pub(super) struct Normal {
    n: usize,
    /// Row-major; what lies left of the diagonal is scratch.
    matrix: Vec<f32>,
    right: Vec<f32>,
}

/// Vectors added at a time: a row of the matrix is read and written once for all of them.
const TOGETHER: usize = 4;

impl Normal {
    /// M = 0, b = 0.
    pub(super) fn new(n: usize) -> Self {
        Self { n, matrix: vec![0.0; n * n], right: vec![0.0; n] }
    }

    /// The row of an entry of the diagonal and what stands right of it.
    pub(super) fn rows_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        self.matrix.chunks_exact_mut(self.n).enumerate().map(|(a, row)| &mut row[a..])
    }

    /// M += λ·1.
    pub(super) fn add_ridge(&mut self, lambda: f32) {
        self.rows_mut().for_each(|row| row[0] += lambda);
    }

    /// M += Σ w·x·xᵀ and b += Σ w·x over weights w and vectors x of length n.
    pub(super) fn add_all<'a>(&mut self, weighted: impl Iterator<Item = (f32, &'a [f32])>) {
        let mut held = [(0.0, &[][..]); TOGETHER];
        let mut count = 0;
        for (w, x) in weighted {
            axpy(w, x, &mut self.right);
            held[count] = (w, x);
            count += 1;
            if count == TOGETHER {
                self.add_four(held);
                count = 0;
            }
        }
        for (w, x) in &held[..count] {
            for (a, row) in self.matrix.chunks_exact_mut(self.n).enumerate() {
                axpy(w * x[a], &x[a..], &mut row[a..]);
            }
        }
    }

    fn add_four(&mut self, [(s, w), (t, x), (u, y), (v, z)]: [(f32, &[f32]); TOGETHER]) {
        let n = self.n;
        let (w, x, y, z) = (&w[..n], &x[..n], &y[..n], &z[..n]);
        for (a, row) in self.matrix.chunks_exact_mut(n).enumerate() {
            // From the start of the diagonal's block of eight, so that no short ends are left.
            let from = a & !7;
            let (s, t, u, v) = (s * w[a], t * x[a], u * y[a], v * z[a]);
            let right = w[from..].iter().zip(&x[from..]).zip(&y[from..]).zip(&z[from..]);
            for (m, (((w, x), y), z)) in row[from..].iter_mut().zip(right) {
                *m += (s * w + t * x) + (u * y + v * z);
            }
        }
    }

    /// x with M·x = b, in place of b; `None` when M is not positive definite in this precision.
    pub(super) fn solve(&mut self) -> Option<&[f32]> {
        let n = self.n;
        // M = Uᵀ·U, row by row; each finished row is taken out of those below it.
        for a in 0..n {
            let (done, below) = self.matrix.split_at_mut((a + 1) * n);
            let row = &mut done[a * n..];
            let pivot = row[a];
            if !(pivot > f32::MIN_POSITIVE && pivot < f32::INFINITY) {
                return None;
            }
            let scale = 1.0 / pivot.sqrt();
            row[a..].iter_mut().for_each(|m| *m *= scale);
            for (b, under) in (a + 1..n).zip(below.chunks_exact_mut(n)) {
                axpy(-row[b], &row[b..], &mut under[b..]);
            }
        }
        // Uᵀ·y = b downwards, then U·x = y upwards.
        for a in 0..n {
            let row = &self.matrix[a * n..(a + 1) * n];
            let (head, tail) = self.right.split_at_mut(a + 1);
            head[a] /= row[a];
            axpy(-head[a], &row[a + 1..], tail);
        }
        for a in (0..n).rev() {
            let row = &self.matrix[a * n..(a + 1) * n];
            let known = dot(&row[a + 1..], &self.right[a + 1..]);
            self.right[a] = (self.right[a] - known) / row[a];
        }
        self.right.iter().all(|x| x.is_finite()).then_some(&self.right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gauss with pivots, in double precision.
    fn exact(mut m: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
        let n = b.len();
        for a in 0..n {
            let pivot = (a..n).max_by(|x, y| m[*x][a].abs().total_cmp(&m[*y][a].abs())).expect("rows left");
            m.swap(a, pivot);
            b.swap(a, pivot);
            for r in a + 1..n {
                let f = m[r][a] / m[a][a];
                let pivot = m[a].clone();
                m[r].iter_mut().zip(&pivot).skip(a).for_each(|(x, y)| *x -= f * y);
                b[r] -= f * b[a];
            }
        }
        for a in (0..n).rev() {
            let known: f64 = (a + 1..n).map(|c| m[a][c] * b[c]).sum();
            b[a] = (b[a] - known) / m[a][a];
        }
        b
    }

    proptest! {
        #[test]
        fn solves_what_gauss_solves(
            vectors in (1usize..40).prop_flat_map(|n| proptest::collection::vec(proptest::collection::vec(-1f32..1.0, n), 1..60)),
            lambda in 0.5f32..3.0,
        ) {
            let n = vectors[0].len();
            let mut normal = Normal::new(n);
            normal.add_ridge(lambda);
            normal.add_all(vectors.iter().map(|x| (1.0, x.as_slice())));
            let (mut m, mut b) = (vec![vec![0.0; n]; n], vec![0.0; n]);
            for x in vectors.iter().map(|x| x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>()) {
                for ((row, b), own) in m.iter_mut().zip(&mut b).zip(&x) {
                    *b += own;
                    row.iter_mut().zip(&x).for_each(|(m, other)| *m += own * other);
                }
            }
            (0..n).for_each(|a| m[a][a] += f64::from(lambda));
            let right = exact(m, b);
            let found = normal.solve().expect("positive definite");
            for (x, y) in found.iter().zip(&right) {
                prop_assert!((f64::from(*x) - y).abs() < 3e-3 * (1.0 + y.abs()), "{x} for {y}");
            }
        }
    }

    #[test]
    fn what_has_no_solution_is_refused() {
        let mut normal = Normal::new(3);
        assert!(normal.solve().is_none());
        let mut normal = Normal::new(2);
        normal.add_ridge(-1.0);
        normal.add_all(std::iter::once((1.0, &[0.5, 0.5][..])));
        assert!(normal.solve().is_none());
        let mut normal = Normal::new(2);
        normal.add_all(std::iter::once((1.0, &[f32::NAN, 0.5][..])));
        assert!(normal.solve().is_none());
    }
}
