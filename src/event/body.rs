//! Typed events: what a valid record means. Wire forms live in codec/; these are the domain's words.

use super::id::DecisionKey;
use super::time::Time;
use std::collections::BTreeMap;

/// Any valid event.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// What a user did.
    Interaction(Interaction),
    /// Items shown in a list.
    Impression(Impression),
    /// One answer given.
    Decision(Box<Decision>),
    /// An explicit reward for a decision.
    Feedback(Feedback),
    /// What is known of an item.
    Item(Item),
}

/// What a user did, to one or several items.
#[derive(Clone, Debug, PartialEq)]
pub struct Interaction {
    /// For duplicates.
    pub event_id: String,
    /// When it happened.
    pub time: Time,
    /// The user (`user_id`, else `anonymous_id`).
    pub user_id: String,
    /// What was done.
    pub action: Action,
    /// The items; at least one except for `search`.
    pub items: Vec<ItemTouch>,
    /// The decision that led here, if the sender knows it.
    pub decision: Option<DecisionKey>,
    /// The session, if the sender keeps sessions.
    pub session_id: Option<String>,
    /// Amount, rating, seconds …: what `value` in a reward table refers to.
    pub value: Option<f64>,
}

/// One item inside an interaction.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemTouch {
    /// The item.
    pub item_id: String,
    /// Its rank in the list it came from (from 1).
    pub rank: Option<u32>,
}

/// The action of an interaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Looked at the item.
    View,
    /// Clicked it in a list.
    Click,
    /// Put it in the cart.
    AddToCart,
    /// Bought it.
    Purchase,
    /// Said they like it.
    Like,
    /// Said they do not.
    Dislike,
    /// Rated it (`value`).
    Rating,
    /// Stayed on it (`value` seconds).
    Dwell,
    /// Searched.
    Search,
    /// Anything else: `custom:<name>`; holds the name.
    Custom(String),
}

impl Action {
    /// The wire form: `click`, `custom:save`.
    #[must_use]
    pub fn as_text(&self) -> std::borrow::Cow<'_, str> {
        use std::borrow::Cow;
        Cow::Borrowed(match self {
            Self::View => "view",
            Self::Click => "click",
            Self::AddToCart => "add_to_cart",
            Self::Purchase => "purchase",
            Self::Like => "like",
            Self::Dislike => "dislike",
            Self::Rating => "rating",
            Self::Dwell => "dwell",
            Self::Search => "search",
            Self::Custom(name) => return Cow::Owned(format!("custom:{name}")),
        })
    }

    /// Reads the wire form; `None` if it is no known action.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "view" => Self::View,
            "click" => Self::Click,
            "add_to_cart" => Self::AddToCart,
            "purchase" => Self::Purchase,
            "like" => Self::Like,
            "dislike" => Self::Dislike,
            "rating" => Self::Rating,
            "dwell" => Self::Dwell,
            "search" => Self::Search,
            other => {
                let name = other.strip_prefix("custom:")?;
                if name.is_empty() {
                    return None;
                }
                Self::Custom(name.to_owned())
            }
        })
    }
}

/// A list that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Impression {
    /// For duplicates.
    pub event_id: String,
    /// When it was seen.
    pub time: Time,
    /// The decision whose list it was.
    pub decision: DecisionKey,
    /// The user, if sent.
    pub user_id: Option<String>,
    /// The items with their ranks (from 1).
    pub items: Vec<ItemTouch>,
}

/// An explicit reward for a decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Feedback {
    /// For duplicates.
    pub event_id: String,
    /// When it happened.
    pub time: Time,
    /// The decision it rewards.
    pub decision: DecisionKey,
    /// The metric's name, looked up in the experiment's reward table.
    pub metric: String,
    /// The metric's value.
    pub value: f64,
}

/// What is known of an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// For duplicates.
    pub event_id: String,
    /// When it became true.
    pub time: Time,
    /// The item.
    pub item_id: String,
    /// `None`: the item is deleted.
    pub facts: Option<ItemFacts>,
}

/// The describing part of an item.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ItemFacts {
    /// Short name.
    pub title: Option<String>,
    /// Long text.
    pub text: Option<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Price in the shop's currency.
    pub price: Option<f64>,
    /// Facts of the shop's own, by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// A vector of the shop's own (of an image, a text …); empty where there is none.
    pub embedding: Vec<f32>,
    /// Whether it may be recommended (default true).
    pub available: bool,
}

/// A fact of the shop's own about an item.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// A number.
    Number(f64),
    /// One or several words; a flag is the word `true` or `false`.
    Words(Vec<String>),
}

/// One answer given, as logged: the log alone re-derives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Its id as text (a UUID v7 when it is ours).
    pub decision_id: String,
    /// When it was made.
    pub time: Time,
    /// The experiment.
    pub experiment: String,
    /// Who was randomised.
    pub unit: String,
    /// The part of traffic, `all` where scopes are not used.
    pub scope: String,
    /// The epoch of the assignment; `None` with `stick = "none"`.
    pub epoch: Option<i64>,
    /// Names the salt of the assignment hash.
    pub salt_id: String,
    /// The arm that answered.
    pub arm: String,
    /// The probability with which that arm was chosen: its entry in `arms`.
    pub propensity: f64,
    /// Version of the allocation that was drawn from.
    pub allocation: AllocationVersion,
    /// The whole vector after masking: the distribution that was drawn from.
    pub arms: Vec<ArmShare>,
    /// Why this arm.
    pub reason: Reason,
    /// `ours`, or `theirs` when somebody else decided and logged it.
    pub ours: bool,
    /// The user whose list it is, if a list was served.
    pub user_id: Option<String>,
    /// The list that was served, best first.
    pub items: Vec<ListedItem>,
}

/// Version of an allocation: unique over restarts and take-overs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct AllocationVersion {
    /// The learner's generation.
    pub generation: u64,
    /// The allocation tick within all generations (only grows).
    pub tick: u64,
}

/// One arm's entry in a decision's vector.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmShare {
    /// The arm.
    pub arm: String,
    /// Its probability in this draw, 0 when not eligible.
    pub propensity: f64,
    /// Whether it could be drawn.
    pub eligible: bool,
    /// Posterior mean reward per assignment at that moment.
    pub mean: Option<f64>,
    /// Posterior standard deviation of that mean.
    pub stddev: Option<f64>,
}

/// One item of a served list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedItem {
    /// The item.
    pub item_id: String,
    /// The model's score.
    pub score: f64,
    /// Its rank from 1.
    pub rank: u32,
}

/// Why a decision has its arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Drawn from the vector.
    Assigned,
    /// The unit is held out.
    Holdout,
    /// The assigned arm is paused: the baseline answered.
    Paused,
    /// The assigned arm is retired: the baseline answered.
    Retired,
    /// A guardrail tripped the assigned arm: the baseline answered.
    Tripped,
    /// No vector or no model could answer: the baseline, or the first arm, did.
    Fallback,
    /// The decision spool is full: the baseline answered, and the record is not logged.
    SpoolFull,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 7] =
        [Self::Assigned, Self::Holdout, Self::Paused, Self::Retired, Self::Tripped, Self::Fallback, Self::SpoolFull];

    /// The wire form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Holdout => "holdout",
            Self::Paused => "paused",
            Self::Retired => "retired",
            Self::Tripped => "tripped",
            Self::Fallback => "fallback",
            Self::SpoolFull => "spool_full",
        }
    }
}

impl Event {
    /// The wire name of its type.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Interaction(_) => Kind::Interaction,
            Self::Impression(_) => Kind::Impression,
            Self::Decision(_) => Kind::Decision,
            Self::Feedback(_) => Kind::Feedback,
            Self::Item(_) => Kind::Item,
        }
    }

    /// The id that makes duplicates recognisable.
    #[must_use]
    pub fn event_id(&self) -> &str {
        match self {
            Self::Interaction(e) => &e.event_id,
            Self::Impression(e) => &e.event_id,
            Self::Decision(e) => &e.decision_id,
            Self::Feedback(e) => &e.event_id,
            Self::Item(e) => &e.event_id,
        }
    }

    /// When it happened.
    #[must_use]
    pub const fn time(&self) -> Time {
        match self {
            Self::Interaction(e) => e.time,
            Self::Impression(e) => e.time,
            Self::Decision(e) => e.time,
            Self::Feedback(e) => e.time,
            Self::Item(e) => e.time,
        }
    }
}

/// The type of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// See [`Interaction`].
    Interaction,
    /// See [`Impression`].
    Impression,
    /// See [`Decision`].
    Decision,
    /// See [`Feedback`].
    Feedback,
    /// See [`Item`].
    Item,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Interaction, Self::Impression, Self::Decision, Self::Feedback, Self::Item];

    /// The wire name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interaction => "interaction",
            Self::Impression => "impression",
            Self::Decision => "decision",
            Self::Feedback => "feedback",
            Self::Item => "item",
        }
    }
}
