//! How large the shop is, and how fast its truth moves.

use crate::event::{Span, Time};

/// How many successors an item has on the trails.
pub(super) const SUCCESSORS: usize = 3;

/// The plain numbers of a simulated shop. Defaults are those of the demo; `tests/world.rs` holds them to its claims.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Shoppers.
    pub users: u32,
    /// Accounts run by programs: they look at everything and click everything at once.
    pub bots: u32,
    /// Items.
    pub items: u32,
    /// Categories; every item has one.
    pub categories: u32,
    /// How many items are on sale at a time.
    pub hot: u32,
    /// How long an item stays on sale; the items take turns, one leaves every `hot_life / hot`.
    pub hot_life: Span,
    /// How long a shopper's favourite category stays the same.
    pub taste_life: Span,
    /// When the shop opens.
    pub opens: Time,
    /// How long the first regime lasts; later ones last twice as long.
    pub phase: Span,
    /// Spread (sd of the logarithm) of how active shoppers are.
    pub activity_spread: f64,
    /// Share of browsing and of requests that bots make.
    pub bot_share: f64,
    /// Mean time from a list to the click on it.
    pub click_delay: Span,
    /// How attractive an item on sale is during the sale: the probability that it is clicked once examined.
    pub sale_attraction: f64,
    /// How attractive each successor of the item seen last is on the trails.
    pub trail_attraction: [f64; SUCCESSORS],
    /// How attractive anything else is.
    pub plain_attraction: f64,
    /// How many times as attractive a plain item is in the shopper's favourite category.
    pub favourite_factor: f64,
    /// How many items are evergreens: looked at all the time, and nobody needs them in a list.
    pub evergreens: u32,
    /// How attractive an evergreen is.
    pub evergreen_attraction: f64,
    /// Where shoppers go by themselves during the sale.
    pub sale_browsing: Browsing,
    /// Where they go on the trails.
    pub trails_browsing: Browsing,
}

/// Shares of browsing; what is left over follows the shopper's taste.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Browsing {
    /// To items on sale.
    pub sale: f64,
    /// To a successor of the item seen last.
    pub trail: f64,
    /// To evergreens.
    pub evergreen: f64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            users: 4000,
            bots: 4,
            items: 400,
            categories: 10,
            hot: 8,
            hot_life: Span::seconds(40),
            taste_life: Span::seconds(90),
            opens: Time(0),
            phase: Span::seconds(60),
            activity_spread: 1.0,
            bot_share: 0.02,
            click_delay: Span(900),
            sale_attraction: 0.17,
            trail_attraction: [0.8, 0.6, 0.5],
            plain_attraction: 0.012,
            favourite_factor: 2.5,
            evergreens: 80,
            evergreen_attraction: 0.004,
            sale_browsing: Browsing { sale: 0.26, trail: 0.40, evergreen: 0.28 },
            trails_browsing: Browsing { sale: 0.03, trail: 0.80, evergreen: 0.10 },
        }
    }
}
