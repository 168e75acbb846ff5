//! Everybody in the shop at once, behind one lock: what tasks share while shoppers are alive over real HTTP.

use super::crowd::Crowd;
use super::mind::Mind;
use super::post::{Faults, Post};
use super::shape::Shape;
use super::traffic::{Letter, Traffic, item_id, item_of, user_id};
use super::truth::{ArmValue, TruthBoard};
use super::world::{Regime, World};
use crate::event::{DecisionKey, Event, Span, Time};
use crate::rng::Seed;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How the street behaves beside the world's truth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Manners {
    /// Share of broken records beside browsing.
    pub malformed: f64,
    /// Share of clicks that are told by `POST /v1/feedback` instead of an event.
    pub by_http: f64,
    /// What happens to clicks on their way.
    pub faults: Faults,
    /// The experiment's window: what comes later is worth nothing.
    pub window: Span,
}

/// What a shopper asks the shop for.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Who.
    pub user: u32,
    /// Their id outside.
    pub user_id: String,
    /// Items of this session, newest first.
    pub recent: Vec<String>,
}

/// A list as it came back.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Served {
    /// The decision.
    pub decision_id: String,
    /// The arm that answered.
    pub arm: String,
    /// Why that arm.
    pub reason: String,
    /// The list, best first.
    pub items: Vec<ServedItem>,
}

/// One item of it.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct ServedItem {
    /// The item.
    pub item_id: String,
}

/// What a shopper sends when it is due.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    /// An event for the shop's topic.
    Event(Event),
    /// A click told by HTTP: decision and event id.
    Feedback {
        /// The decision.
        decision_id: String,
        /// For duplicates.
        event_id: String,
    },
}

struct Moving {
    crowd: Crowd,
    mind: Mind,
    traffic: Traffic,
    post: Post<Sent>,
    board: TruthBoard,
    told: Regime,
    fed: u64,
    rng: Pcg64Mcg,
}

impl Moving {
    /// Lists of another regime tell nothing about this one.
    fn turn(&mut self, regime: Regime) {
        if regime != self.told {
            self.told = regime;
            self.board.clear();
        }
    }
}

/// The shop's people and their traffic. Methods take a short lock and never wait inside it.
pub struct Street {
    world: World,
    manners: Manners,
    moving: Mutex<Moving>,
}

/// Late clicks that wait at most.
const WAITING: usize = 100_000;

impl Street {
    /// The street of the demo and of `reiver simulate`: some broken records, duplicates and delayed clicks. `opens` also
    /// tells its ids from those of another visit, `phase` is when the world's truth changes.
    #[must_use]
    pub fn usual(opens: Time, phase: Span, window: Span, seed: Seed) -> Self {
        let shape = Shape { opens, phase, ..Shape::default() };
        let faults = Faults { duplicates: 0.01, delay: Span(200) };
        let manners = Manners { malformed: 0.01, by_http: 0.2, faults, window };
        Self::new(World::new(shape, seed), manners, seed.named("street"), &format!("{:08x}", opens.0))
    }

    /// A street of a world. `opening` makes the ids of events of two runs distinct.
    #[must_use]
    pub fn new(world: World, manners: Manners, seed: Seed, opening: &str) -> Self {
        let moving = Moving {
            crowd: Crowd::new(&world, seed),
            mind: Mind::new(seed),
            traffic: Traffic::new(opening, manners.malformed, seed),
            post: Post::new(WAITING, manners.faults, seed),
            board: TruthBoard::new(Span::seconds(5)),
            told: world.regime(world.shape().opens),
            fed: 0,
            rng: seed.named("street").stream(),
        };
        Self { world, manners, moving: Mutex::new(moving) }
    }

    /// The truth.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    fn moving(&self) -> MutexGuard<'_, Moving> {
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All items, as records.
    #[must_use]
    pub fn open(&self, now: Time) -> Vec<Letter> {
        let mut m = self.moving();
        (0..self.world.shape().items).map(|item| Traffic::letter(&m.traffic.item(&self.world, item, now))).collect()
    }

    /// Somebody browses; a broken record may come with it.
    #[must_use]
    pub fn browse(&self, now: Time) -> Vec<Letter> {
        let m = &mut *self.moving();
        let event = m.traffic.browse(&self.world, &mut m.crowd, now);
        m.traffic.maybe_broken(&event, now)
    }

    /// Somebody wants a list.
    #[must_use]
    pub fn ask(&self) -> Ask {
        let mut m = self.moving();
        let user = m.crowd.next_user();
        Ask { user, user_id: user_id(user), recent: m.crowd.recent(user).map(item_id).collect() }
    }

    /// The list is there: what it is truly worth goes on the board, what the shopper does with it into the post.
    pub fn see(&self, ask: &Ask, served: &Served, now: Time) {
        let m = &mut *self.moving();
        let list: Vec<u32> = served.items.iter().filter_map(|i| item_of(&self.world, &i.item_id)).collect();
        m.turn(self.world.regime(now));
        let clicks = if m.crowd.is_bot(ask.user) {
            m.mind.click_all(&list)
        } else {
            let at = m.crowd.at(ask.user);
            if served.reason == "assigned" {
                let value = self.world.true_value(ask.user, at, &list, now, self.manners.window);
                m.board.saw(&served.arm, value, now);
            }
            let click = m.mind.look(&self.world, ask.user, at, &list, now);
            if let Some(click) = click {
                m.crowd.moved(ask.user, click.item);
            }
            click.into_iter().collect()
        };
        for click in clicks {
            let due = now + click.delay;
            let sent = if m.rng.random::<f64>() < self.manners.by_http {
                m.fed += 1;
                let event_id = format!("fed-{}-{}", served.decision_id, m.fed);
                Sent::Feedback { decision_id: served.decision_id.clone(), event_id }
            } else {
                Sent::Event(m.traffic.click(ask.user, click, DecisionKey::of(&served.decision_id), due))
            };
            m.post.put(due, sent);
        }
    }

    /// What is to be sent by now.
    #[must_use]
    pub fn due(&self, now: Time) -> Vec<Sent> {
        self.moving().post.due(now)
    }

    /// The truly best arm lately, once each of `arms` arms served `lists` lists; see [`TruthBoard::best`].
    #[must_use]
    pub fn best(&self, arms: usize, lists: f64, now: Time) -> Option<String> {
        let mut m = self.moving();
        m.turn(self.world.regime(now));
        m.board.best(arms, lists)
    }

    /// What the arms' lists are truly worth lately, the best first.
    #[must_use]
    pub fn truth(&self) -> Vec<ArmValue> {
        self.moving().board.arms()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Shape;
    use super::*;

    #[test]
    fn a_list_leads_to_clicks_and_a_true_value() {
        let world = World::new(Shape { bot_share: 0.1, ..Shape::default() }, Seed(1));
        let manners = Manners { malformed: 0.0, by_http: 0.2, faults: Faults::NONE, window: Span::seconds(3) };
        let items = world.on_sale(Time(0)).iter().map(|i| ServedItem { item_id: item_id(*i) }).collect();
        let street = Street::new(world, manners, Seed(1), "t");
        assert_eq!(street.open(Time(0)).len(), 400);
        let mut served = Served { decision_id: "d".into(), arm: "a".into(), reason: "assigned".into(), items };
        for n in 0..500 {
            served.decision_id = uuid::Uuid::from_u128(n).to_string();
            street.see(&street.ask(), &served, Time(0));
        }
        let sent = street.due(Time(60_000));
        let fed = sent.iter().filter(|s| matches!(s, Sent::Feedback { .. })).count();
        assert!(sent.len() > 400 && fed > sent.len() / 10, "{} sent, {fed} by HTTP", sent.len());
        let truth = street.truth();
        assert_eq!(truth.len(), 1);
        assert!((0.3..0.9).contains(&truth[0].value), "{truth:?}");
    }
}
