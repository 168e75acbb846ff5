//! The shop's own traffic, as its web servers would produce it: items when it opens, browsing all the time, clicks on
//! lists, and now and then something broken.

use super::crowd::Crowd;
use super::malformed::Malformed;
use super::mind::Click;
use super::world::World;
use crate::codec::encode;
use crate::event::{Action, DecisionKey, Event, Interaction, Item, ItemFacts, ItemTouch, Time};
use crate::rng::Seed;
use bytes::Bytes;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

/// One record on its way: key and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The record's key.
    pub key: Bytes,
    /// The record's value.
    pub payload: Bytes,
}

/// Writes what happens in the shop. Event ids are numbered: one stream, one id each.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Makes ids of two streams distinct.
    name: String,
    numbered: u64,
    /// Share of browsing events that are broken instead.
    malformed: f64,
    rng: Pcg64Mcg,
}

/// What things are called in each category, round and round.
const CATEGORIES: [&str; 10] =
    ["shoes", "jackets", "tents", "packs", "lamps", "stoves", "maps", "ropes", "bottles", "hats"];
/// How models of a thing are called.
const WORDS: [&str; 8] = ["Ridge", "River", "Dune", "Alpine", "Forest", "Coast", "Storm", "Summit"];

/// The id under which item `n` is known outside.
#[must_use]
pub fn item_id(item: u32) -> String {
    format!("i{item}")
}

/// The item of an id; `None` if the shop has no such item.
#[must_use]
pub fn item_of(world: &World, id: &str) -> Option<u32> {
    id.strip_prefix('i')?.parse().ok().filter(|n| *n < world.shape().items)
}

/// The id under which user `n` is known outside; bots look like anybody.
#[must_use]
pub fn user_id(user: u32) -> String {
    format!("u{user}")
}

impl Traffic {
    /// A stream of events with ids that begin with `name`.
    #[must_use]
    pub fn new(name: &str, malformed: f64, seed: Seed) -> Self {
        Self { name: name.to_owned(), numbered: 0, malformed, rng: seed.named("traffic").named(name).stream() }
    }

    fn next_id(&mut self) -> String {
        self.numbered += 1;
        format!("{}-{}", self.name, self.numbered)
    }

    /// An item as the shop describes it.
    pub fn item(&mut self, world: &World, item: u32, now: Time) -> Event {
        let category = CATEGORIES[world.category(item) as usize % CATEGORIES.len()];
        let word = WORDS[item as usize % WORDS.len()];
        let title = format!("{word} {} {item}", category.trim_end_matches('s'));
        let price = 9.0 + f64::from(item % 37) * 5.0;
        Event::Item(Item {
            event_id: self.next_id(),
            time: now,
            item_id: item_id(item),
            facts: Some(ItemFacts {
                title: Some(title),
                categories: vec![category.to_owned()],
                price: Some(price),
                available: true,
                ..ItemFacts::default()
            }),
        })
    }

    /// Somebody browses: an interaction without a decision. Moves that user.
    pub fn browse(&mut self, world: &World, crowd: &mut Crowd, now: Time) -> Event {
        let user = crowd.next_user();
        let item = crowd.browse(world, user, now);
        let draw: f64 = self.rng.random();
        let (action, value) = match draw {
            d if d < 0.9 => (Action::View, None),
            d if d < 0.97 => (Action::AddToCart, None),
            _ => (Action::Purchase, Some(9.0 + f64::from(item % 37) * 5.0)),
        };
        Event::Interaction(Interaction {
            event_id: self.next_id(),
            time: now,
            user_id: user_id(user),
            action,
            items: vec![ItemTouch { item_id: item_id(item), rank: None }],
            decision: None,
            session_id: None,
            value,
        })
    }

    /// A click on a list that was served.
    pub fn click(&mut self, user: u32, click: Click, decision: DecisionKey, now: Time) -> Event {
        Event::Interaction(Interaction {
            event_id: self.next_id(),
            time: now,
            user_id: user_id(user),
            action: Action::Click,
            items: vec![ItemTouch { item_id: item_id(click.item), rank: Some(click.rank) }],
            decision: Some(decision),
            session_id: None,
            value: None,
        })
    }

    /// An event as a record; browsing goes through [`Traffic::maybe_broken`] instead.
    #[must_use]
    pub fn letter(event: &Event) -> Letter {
        let key = match event {
            Event::Interaction(it) => it.user_id.as_str(),
            Event::Item(it) => it.item_id.as_str(),
            other => other.event_id(),
        };
        Letter { key: Bytes::copy_from_slice(key.as_bytes()), payload: Bytes::from(encode(event)) }
    }

    /// An event as a record, preceded by a broken one now and then.
    pub fn maybe_broken(&mut self, event: &Event, now: Time) -> Vec<Letter> {
        let mut letters = Vec::with_capacity(2);
        if self.rng.random::<f64>() < self.malformed {
            let kind = Malformed::SMALL[self.rng.random_range(0..Malformed::SMALL.len())];
            self.numbered += 1;
            letters.push(Letter { key: Bytes::from_static(b"broken"), payload: kind.payload(self.numbered, now) });
        }
        letters.push(Self::letter(event));
        letters
    }
}

#[cfg(test)]
mod tests {
    use super::super::Shape;
    use super::*;
    use crate::codec::decode_body;

    #[test]
    fn what_the_shop_writes_is_read() {
        let now = Time(1_764_000_000_000);
        let world = World::new(Shape { opens: now, ..Shape::default() }, Seed(1));
        let mut crowd = Crowd::new(&world, Seed(1));
        let mut traffic = Traffic::new("web", 0.05, Seed(1));
        let mut broken = 0;
        for n in 0..2000 {
            let event = if n % 4 == 0 {
                traffic.item(&world, n / 4 % world.shape().items, now)
            } else {
                traffic.browse(&world, &mut crowd, now)
            };
            let mut letters = traffic.maybe_broken(&event, now);
            let good = letters.pop().expect("the event itself comes last");
            assert_eq!(decode_body(&good.payload, now).expect("is valid").event, event);
            broken += letters.len();
            for letter in letters {
                assert!(decode_body(&letter.payload, now).is_err());
            }
        }
        assert!((60..150).contains(&broken), "{broken}");
    }

    #[test]
    fn ids_go_there_and_back() {
        let world = World::new(Shape::default(), Seed(1));
        assert_eq!(item_of(&world, &item_id(17)), Some(17));
        assert_eq!(item_of(&world, "i400"), None);
        assert_eq!(item_of(&world, "x"), None);
    }
}
