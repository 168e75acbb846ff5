//! Products of many rows at once, for dense layers: blocks of rows and columns that are held in registers.
//!
//! Every output adds its terms one by one in the order of the source, each product rounded before it is added, however
//! many rows and columns are worked on together and however wide the processor's registers are. So a row has the same
//! bits alone and among others, and on every machine; what is chosen at run time is only the width.

use multiversion::multiversion;
use ndarray::{ArrayView2, ArrayViewMut2};

/// Rows of a block: as many sums as registers hold.
const ROWS: usize = 4;
/// Columns of a block.
const COLUMNS: usize = 16;

/// Floats as rows of `width`: the shape of a block, whatever it lies in.
pub(super) fn shaped(floats: &[f32], width: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((floats.len() / width, width), floats).expect(WHOLE)
}

/// The same, to be written.
pub(super) fn shaped_mut(floats: &mut [f32], width: usize) -> ArrayViewMut2<'_, f32> {
    ArrayViewMut2::from_shape((floats.len() / width, width), floats).expect(WHOLE)
}

/// Why shapes fit and views are slices: blocks are cut to whole rows before they get here.
const WHOLE: &str = "a block of whole rows, one after another";

/// out[r] += `Σ_d x[r][d] · matrix[d]` for every row of `out`, which has rows as long as those of the matrix.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn add_products(x: ArrayView2<'_, f32>, matrix: ArrayView2<'_, f32>, mut out: ArrayViewMut2<'_, f32>) {
    let (depth, width) = matrix.dim();
    let (floats, matrix) = (x.to_slice().expect(WHOLE), matrix.to_slice().expect(WHOLE));
    let row = |row| &floats[row * depth..][..depth];
    let mut at = 0;
    let mut blocks = out.as_slice_mut().expect(WHOLE).chunks_exact_mut(ROWS * width);
    for block in &mut blocks {
        products_of::<ROWS, COLUMNS>(std::array::from_fn(|r| row(at + r)), matrix, width, block);
        at += ROWS;
    }
    // Fewer rows take more columns at once, so that as many sums are under way.
    let rest = blocks.into_remainder();
    match rest.len() / width {
        1 => products_of::<1, { 4 * COLUMNS }>([row(at)], matrix, width, rest),
        2 => products_of::<2, { 2 * COLUMNS }>([row(at), row(at + 1)], matrix, width, rest),
        3 => products_of::<3, COLUMNS>([row(at), row(at + 1), row(at + 2)], matrix, width, rest),
        _ => {}
    }
}

#[inline(always)]
fn products_of<const R: usize, const N: usize>(x: [&[f32]; R], matrix: &[f32], width: usize, out: &mut [f32]) {
    let mut at = 0;
    while width - at >= N {
        product_block::<R, N>(x, matrix, width, at, out);
        at += N;
    }
    while width - at >= COLUMNS {
        product_block::<R, COLUMNS>(x, matrix, width, at, out);
        at += COLUMNS;
    }
    while width - at >= 4 {
        product_block::<R, 4>(x, matrix, width, at, out);
        at += 4;
    }
    while width - at >= 2 {
        product_block::<R, 2>(x, matrix, width, at, out);
        at += 2;
    }
    if width > at {
        product_block::<R, 1>(x, matrix, width, at, out);
    }
}

#[inline(always)]
fn product_block<const R: usize, const N: usize>(
    x: [&[f32]; R],
    matrix: &[f32],
    width: usize,
    at: usize,
    out: &mut [f32],
) {
    let mut sums: [[f32; N]; R] = std::array::from_fn(|r| load(out, r * width + at));
    for (d, row) in matrix.chunks_exact(width).enumerate() {
        let row: [f32; N] = load(row, at);
        for r in 0..R {
            let factor = x[r][d];
            for k in 0..N {
                sums[r][k] += factor * row[k];
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        out[r * width + at..][..N].copy_from_slice(sums);
    }
}

#[inline(always)]
fn load<const N: usize>(floats: &[f32], at: usize) -> [f32; N] {
    let mut loaded = [0.0; N];
    loaded.copy_from_slice(&floats[at..][..N]);
    loaded
}

/// Rows of inputs, one after another.
#[derive(Clone, Copy)]
struct Inputs<'a> {
    floats: &'a [f32],
    depth: usize,
}

/// matrix[d] += `Σ_r x[r][d] · y[r]` for every row d of the matrix: the gradient of a layer with inputs x, whose outputs
/// have the gradients y.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(super) fn add_outer(x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>, mut matrix: ArrayViewMut2<'_, f32>) {
    let width = y.ncols();
    let (x, y) = (Inputs { floats: x.to_slice().expect(WHOLE), depth: x.ncols() }, y.to_slice().expect(WHOLE));
    let mut d = 0;
    let mut blocks = matrix.as_slice_mut().expect(WHOLE).chunks_exact_mut(ROWS * width);
    for block in &mut blocks {
        outer_of::<ROWS>(x, d, y, width, block);
        d += ROWS;
    }
    let rest = blocks.into_remainder();
    match rest.len() / width {
        1 => outer_of::<1>(x, d, y, width, rest),
        2 => outer_of::<2>(x, d, y, width, rest),
        3 => outer_of::<3>(x, d, y, width, rest),
        _ => {}
    }
}

#[inline(always)]
fn outer_of<const R: usize>(x: Inputs<'_>, d: usize, y: &[f32], width: usize, out: &mut [f32]) {
    let mut at = 0;
    while width - at >= COLUMNS {
        outer_block::<R, COLUMNS>(x, d, y, width, at, out);
        at += COLUMNS;
    }
    while width - at >= 4 {
        outer_block::<R, 4>(x, d, y, width, at, out);
        at += 4;
    }
    while width > at {
        outer_block::<R, 1>(x, d, y, width, at, out);
        at += 1;
    }
}

#[inline(always)]
fn outer_block<const R: usize, const N: usize>(
    x: Inputs<'_>,
    d: usize,
    y: &[f32],
    width: usize,
    at: usize,
    out: &mut [f32],
) {
    let mut sums: [[f32; N]; R] = std::array::from_fn(|r| load(out, r * width + at));
    for (n, row) in y.chunks_exact(width).enumerate() {
        let row: [f32; N] = load(row, at);
        let factors: [f32; R] = load(x.floats, n * x.depth + d);
        for r in 0..R {
            for k in 0..N {
                sums[r][k] += factors[r] * row[k];
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        out[r * width + at..][..N].copy_from_slice(sums);
    }
}

/// Rows become columns: `to` gets the matrix the other way round.
pub(super) fn transpose(matrix: ArrayView2<'_, f32>, to: &mut [f32]) {
    const BLOCK: usize = 16;
    let (height, width) = matrix.dim();
    let matrix = matrix.to_slice().expect(WHOLE);
    for first in (0..height).step_by(BLOCK) {
        let last = height.min(first + BLOCK);
        for column in 0..width {
            for row in first..last {
                to[column * height + row] = matrix[row * width + column];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::kernels::axpy;
    use proptest::prelude::*;

    fn floats(len: usize) -> impl Strategy<Value = Vec<f32>> {
        proptest::collection::vec(-10f32..10.0, len)
    }

    proptest! {
        #[test]
        fn blocks_have_the_bits_of_plain_loops(
            (rows, depth, width, x, matrix, out) in (0usize..11, 1usize..9, 1usize..40)
                .prop_flat_map(|(r, d, w)| (Just(r), Just(d), Just(w), floats(r * d), floats(d * w), floats(r * w))),
        ) {
            let (mut blocked, mut plain) = (out.clone(), out.clone());
            add_products(shaped(&x, depth), shaped(&matrix, width), shaped_mut(&mut blocked, width));
            for (r, out) in plain.chunks_exact_mut(width).enumerate() {
                for (d, row) in matrix.chunks_exact(width).enumerate() {
                    axpy(x[r * depth + d], row, out);
                }
            }
            prop_assert_eq!(&blocked, &plain);
            // The same rows as gradients of the layer's outputs.
            let (mut blocked, mut plain) = (matrix.clone(), matrix);
            add_outer(shaped(&x, depth), shaped(&out, width), shaped_mut(&mut blocked, width));
            for r in 0..rows {
                for (d, row) in plain.chunks_exact_mut(width).enumerate() {
                    axpy(x[r * depth + d], &out[r * width..(r + 1) * width], row);
                }
            }
            prop_assert_eq!(blocked, plain);
        }

        #[test]
        fn transposing_twice_changes_nothing(
            (height, width, matrix) in (1usize..40, 1usize..40).prop_flat_map(|(h, w)| (Just(h), Just(w), floats(h * w))),
        ) {
            let (mut once, mut twice) = (vec![0.0; height * width], vec![0.0; height * width]);
            transpose(shaped(&matrix, width), &mut once);
            prop_assert_eq!(matrix.get(width), once.get(1).filter(|_| height > 1));
            transpose(shaped(&once, height), &mut twice);
            prop_assert_eq!(twice, matrix);
        }
    }
}
