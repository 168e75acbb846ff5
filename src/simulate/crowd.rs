//! Who is in the shop and where they stand: the part of the world that moves with what happens.

use super::world::World;
use crate::event::Time;
use crate::rng::Seed;
use rand::RngExt;
use rand_distr::{Distribution, LogNormal};
use rand_pcg::Pcg64Mcg;
use std::collections::VecDeque;

/// How many items a shopper's session remembers.
const REMEMBERED: usize = 5;

/// The shoppers. Numbers from 0 are people, those from `shape.users` on are bots.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// Running sums of how active each person is.
    activity: Vec<f64>,
    /// What each person or bot looked at, newest first.
    sessions: Vec<VecDeque<u32>>,
    bots: u32,
    bot_share: f64,
    rng: Pcg64Mcg,
}

impl Crowd {
    /// Everybody, nobody has looked at anything yet.
    #[must_use]
    pub fn new(world: &World, seed: Seed) -> Self {
        let shape = world.shape();
        let mut rng = seed.named("crowd").stream();
        let spread = LogNormal::new(0.0, shape.activity_spread.max(0.0)).ok();
        let mut sum = 0.0;
        let activity = (0..shape.users)
            .map(|_| {
                sum += spread.map_or(1.0, |s| s.sample(&mut rng));
                sum
            })
            .collect();
        let sessions = vec![VecDeque::with_capacity(REMEMBERED); (shape.users + shape.bots) as usize];
        Self { activity, sessions, bots: shape.bots, bot_share: shape.bot_share, rng }
    }

    /// The next one to do something: people by their activity, bots by their share.
    pub fn next_user(&mut self) -> u32 {
        let people = self.activity.len() as u32;
        if self.bots > 0 && self.rng.random::<f64>() < self.bot_share {
            return people + self.rng.random_range(0..self.bots);
        }
        let all = self.activity.last().copied().unwrap_or(0.0);
        let draw = self.rng.random::<f64>() * all;
        (self.activity.partition_point(|&sum| sum <= draw) as u32).min(people - 1)
    }

    /// Whether a number is a bot's.
    #[must_use]
    pub fn is_bot(&self, user: u32) -> bool {
        user as usize >= self.activity.len()
    }

    /// The item a user saw last.
    #[must_use]
    pub fn at(&self, user: u32) -> Option<u32> {
        self.sessions[user as usize].front().copied()
    }

    /// What a user saw lately, newest first.
    pub fn recent(&self, user: u32) -> impl Iterator<Item = u32> + '_ {
        self.sessions[user as usize].iter().copied()
    }

    /// A user moved to an item.
    pub fn moved(&mut self, user: u32, item: u32) {
        let session = &mut self.sessions[user as usize];
        session.truncate(REMEMBERED - 1);
        session.push_front(item);
    }

    /// A user browses: people by the world's rules, bots item by item. Moves the user and returns the item.
    pub fn browse(&mut self, world: &World, user: u32, now: Time) -> u32 {
        let item = if self.is_bot(user) {
            self.at(user).map_or(0, |item| (item + 1) % world.shape().items)
        } else {
            let at = self.at(user);
            world.browse(user, at, now, &mut self.rng)
        };
        self.moved(user, item);
        item
    }
}
