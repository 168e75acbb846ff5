//! What users' ratings lie around: a three may be praise from one and blame from another.

use super::spread::Spread;
use super::{Forgotten, Slot};
use crate::table::{Part, PartError, Table, words};

/// A user's mean counts the mean of all this many times beside their own ratings.
const PRIOR: f64 = 5.0;
/// Before this many ratings nothing is known of their spread.
const ENOUGH: f64 = 10.0;
/// Least weight of a rating, and the most: a rating at the mean says little, one far out is said once.
const WEIGHTS: (f64, f64) = (0.1, 3.0);

/// Running means of ratings: of every user, drawn towards that of all; 16 bytes a user.
///
/// ```
/// use reiver::learn::Ratings;
/// let mut ratings = Ratings::default();
/// for stars in [5.0, 5.0, 5.0, 4.0, 5.0, 5.0, 5.0, 5.0, 4.0, 5.0] {
///     ratings.centre(0, stars);
/// }
/// for stars in [1.0, 2.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0, 2.0, 1.0] {
///     ratings.centre(1, stars);
/// }
/// assert_eq!(ratings.centre(0, 3.0).0, 0.0, "little, from one who gives five");
/// assert_eq!(ratings.centre(1, 3.0).0, 1.0, "much, from one who gives one");
/// ```
#[derive(Clone, Debug)]
pub struct Ratings {
    /// Row: number of ratings and their sum, as doubles.
    users: Table,
    all: Spread,
}

impl Default for Ratings {
    fn default() -> Self {
        Self { users: Table::new(4), all: Spread::default() }
    }
}

impl Ratings {
    /// What a rating teaches, against the mean of this user from before it: 1 at it or above and 0 below, with the
    /// distance in standard deviations of all ratings as the weight (0.1 to 3). Then the rating joins the means.
    pub fn centre(&mut self, user: Slot, rating: f64) -> (f32, f32) {
        let row = self.users.row_mut(user as usize);
        let (n, sum) = (words::get_f64(row, 0), words::get_f64(row, 2));
        let prior = if self.all.n > 0.0 { self.all.mean } else { rating };
        let distance = rating - (sum + PRIOR * prior) / (n + PRIOR);
        words::put_f64(row, 0, n + 1.0);
        words::put_f64(row, 2, sum + rating);
        let spread = if self.all.n < ENOUGH { 1.0 } else { self.all.deviation().max(1e-9) };
        self.all.join(rating);
        let weight = (distance.abs() / spread).clamp(WEIGHTS.0, WEIGHTS.1);
        (f32::from(u8::from(distance >= 0.0)), weight as f32)
    }

    /// Forgets users whose slots mean somebody else from now on.
    pub fn forget(&mut self, forgotten: &Forgotten) {
        forgotten.zero_users(&mut [&mut self.users]);
    }
}

impl Part for Ratings {
    fn tables(&self) -> Vec<(String, &Table)> {
        vec![("users".into(), &self.users)]
    }

    fn tables_mut(&mut self) -> Vec<(String, &mut Table)> {
        vec![("users".into(), &mut self.users)]
    }

    fn blob(&self) -> Vec<u8> {
        serde_json::to_vec(&self.all).expect("finite sums have a JSON form")
    }

    fn restore(&mut self, blob: &[u8]) -> Result<(), PartError> {
        self.all = serde_json::from_slice(blob).map_err(|e| PartError(format!("ratings: {e}")))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_rating_of_all_is_at_its_own_mean_and_a_forgotten_user_is_new() {
        let mut ratings = Ratings::default();
        assert_eq!(ratings.centre(3, 2.0), (1.0, 0.1));
        (0..20).for_each(|_| _ = ratings.centre(3, 5.0));
        assert_eq!(ratings.centre(3, 4.0).0, 0.0);
        ratings.forget(&Forgotten { users: vec![3], items: Vec::new() });
        // Around the mean of all, which is a little below 5.
        assert_eq!(ratings.centre(3, 4.9).0, 1.0);
    }

    proptest! {
        /// Whatever is rated, weights stay in their range and no shift of all ratings changes what they teach.
        #[test]
        fn a_shift_of_the_scale_changes_nothing(
            stars in proptest::collection::vec((0u32..5, 0i32..10), 1..200),
            shift in -100i32..100,
        ) {
            let (mut a, mut b) = (Ratings::default(), Ratings::default());
            for (user, stars) in stars {
                let (x, y) = (a.centre(user, f64::from(stars)), b.centre(user, f64::from(stars + shift)));
                prop_assert!((0.1..=3.0).contains(&x.1));
                prop_assert!((x.1 - y.1).abs() < 1e-4, "{x:?} {y:?}");
                // At the very mean, rounding decides.
                prop_assert!(x.0 == y.0 || x.1 <= 0.100_1, "{x:?} {y:?}");
            }
        }
    }
}
