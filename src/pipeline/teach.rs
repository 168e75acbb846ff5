//! What interactions teach: positive or negative, and how much.

use crate::event::{Action, Interaction};
use std::collections::BTreeMap;

/// How interactions become labels and weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Teaching {
    /// Ratings below this teach nothing as positives.
    pub min_rating: f64,
    /// Ratings teach against their user's mean instead: below it they are negatives.
    pub centred: bool,
    /// What an example of an action weighs; 1 where it is not named, and 0 teaches nothing.
    pub weights: BTreeMap<String, f64>,
    /// The part of shown and ignored items that teaches; those weigh one over it, which keeps probabilities true.
    pub ignored_share: f64,
    /// Shown items teach as ignored when they are seen, and not when their decision closes; a positive that comes later
    /// teaches besides, and logistic models weigh both so that their probabilities stay true.
    pub at_once: bool,
}

impl Default for Teaching {
    fn default() -> Self {
        Self { min_rating: 0.0, centred: false, weights: BTreeMap::new(), ignored_share: 1.0, at_once: false }
    }
}

/// What an interaction teaches of its items.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lesson {
    /// A label with a weight.
    Label(f32, f32),
    /// A rating against the user's mean, with a weight.
    Rated(f64, f32),
}

impl Teaching {
    /// What an interaction teaches; `None` for nothing.
    pub(super) fn lesson(&self, event: &Interaction) -> Option<Lesson> {
        let weight = self.weights.get(&*event.action.as_text()).copied().unwrap_or(1.0) as f32;
        if weight <= 0.0 {
            return None;
        }
        match event.action {
            Action::Search => None,
            Action::Dislike => Some(Lesson::Label(0.0, weight)),
            Action::Rating if self.centred => event.value.map(|rating| Lesson::Rated(rating, weight)),
            Action::Rating => (event.value.unwrap_or(0.0) >= self.min_rating).then_some(Lesson::Label(1.0, weight)),
            _ => Some(Lesson::Label(1.0, weight)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Time;

    #[test]
    fn actions_weigh_what_they_are_said_to() {
        let act = |text: &str, value| Interaction {
            event_id: String::new(),
            time: Time(0),
            user_id: String::new(),
            action: Action::parse(text).unwrap(),
            items: Vec::new(),
            decision: None,
            session_id: None,
            value,
        };
        let weights = [("purchase", 5.0), ("view", 0.0), ("custom:save", 2.0), ("rating", 0.5)];
        let weights = weights.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        let mut teaching = Teaching { min_rating: 4.0, weights, ..Teaching::default() };
        for (action, value, lesson) in [
            ("click", None, Some(Lesson::Label(1.0, 1.0))),
            ("purchase", Some(3.0), Some(Lesson::Label(1.0, 5.0))),
            ("custom:save", None, Some(Lesson::Label(1.0, 2.0))),
            ("dislike", None, Some(Lesson::Label(0.0, 1.0))),
            ("view", None, None),
            ("search", None, None),
            ("rating", Some(4.0), Some(Lesson::Label(1.0, 0.5))),
            ("rating", Some(3.9), None),
            ("rating", None, None),
        ] {
            assert_eq!(teaching.lesson(&act(action, value)), lesson, "{action}");
        }
        teaching.centred = true;
        assert_eq!(teaching.lesson(&act("rating", Some(2.0))), Some(Lesson::Rated(2.0, 0.5)));
        assert_eq!(teaching.lesson(&act("rating", None)), None);
    }
}
