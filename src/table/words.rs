//! Numbers wider than a word inside rows: low word first, on every machine.

/// Reads a 64-bit number from two words at `at`.
#[must_use]
#[inline]
pub fn get_u64(words: &[u32], at: usize) -> u64 {
    u64::from(words[at]) | (u64::from(words[at + 1]) << 32)
}

/// Writes a 64-bit number to two words at `at`.
#[inline]
pub fn put_u64(words: &mut [u32], at: usize, value: u64) {
    words[at] = value as u32;
    words[at + 1] = (value >> 32) as u32;
}

/// Reads a signed 64-bit number from two words at `at`.
#[must_use]
#[inline]
pub fn get_i64(words: &[u32], at: usize) -> i64 {
    get_u64(words, at).cast_signed()
}

/// Writes a signed 64-bit number to two words at `at`.
#[inline]
pub fn put_i64(words: &mut [u32], at: usize, value: i64) {
    put_u64(words, at, value.cast_unsigned());
}

/// Reads a double from two words at `at`.
#[must_use]
#[inline]
pub fn get_f64(words: &[u32], at: usize) -> f64 {
    f64::from_bits(get_u64(words, at))
}

/// Writes a double to two words at `at`, bit for bit.
#[inline]
pub fn put_f64(words: &mut [u32], at: usize, value: f64) {
    put_u64(words, at, value.to_bits());
}

/// Reads a float from the word at `at`.
#[must_use]
#[inline]
pub fn get_f32(words: &[u32], at: usize) -> f32 {
    f32::from_bits(words[at])
}

/// Writes a float to the word at `at`, bit for bit.
#[inline]
pub fn put_f32(words: &mut [u32], at: usize, value: f32) {
    words[at] = value.to_bits();
}

/// Reads a 128-bit number from four words at `at`.
#[must_use]
#[inline]
pub fn get_u128(words: &[u32], at: usize) -> u128 {
    u128::from(get_u64(words, at)) | (u128::from(get_u64(words, at + 2)) << 64)
}

/// Writes a 128-bit number to four words at `at`.
#[inline]
pub fn put_u128(words: &mut [u32], at: usize, value: u128) {
    put_u64(words, at, value as u64);
    put_u64(words, at + 2, (value >> 64) as u64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_is_got(a: u64, b: i64, c: f64, d: f32, e: u128) {
            let mut w = [u32::MAX; 13];
            put_u64(&mut w, 1, a);
            put_i64(&mut w, 3, b);
            put_f64(&mut w, 5, c);
            put_f32(&mut w, 7, d);
            put_u128(&mut w, 8, e);
            prop_assert_eq!((w[0], w[12]), (u32::MAX, u32::MAX));
            prop_assert_eq!(get_u64(&w, 1), a);
            prop_assert_eq!(get_i64(&w, 3), b);
            prop_assert_eq!(get_f64(&w, 5).to_bits(), c.to_bits());
            prop_assert_eq!(get_f32(&w, 7).to_bits(), d.to_bits());
            prop_assert_eq!(get_u128(&w, 8), e);
        }
    }
}
