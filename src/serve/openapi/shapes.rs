//! What is sent to the addresses, and answers that are put together. The handlers read bodies member by member, so that
//! every refusal has its pointer; what they read is written down here, and a test holds the two to each other.
#![expect(dead_code, reason = "these types are read by the document alone")]

use super::words;
use serde_json::json;
use std::borrow::Cow;
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// Which unit wants an arm.
#[derive(ToSchema)]
#[schema(examples(json!({"experiment": "home", "unit": "u42", "context": {"device": "phone"}})))]
pub(in crate::serve) struct DecideAsk {
    /// The experiment.
    #[schema(min_length = 1)]
    experiment: String,
    /// Who is randomised: at most 256 bytes.
    #[schema(min_length = 1)]
    unit: String,
    /// Anything about the moment; not read.
    #[schema(required = false, value_type = Object)]
    context: Option<()>,
}

/// Who wants a list.
#[derive(ToSchema)]
#[schema(examples(json!({"experiment": "home", "unit": "u42", "k": 3, "recent": ["i7"], "exclude": ["i9"]})))]
pub(in crate::serve) struct RecommendAsk {
    /// The experiment.
    #[schema(min_length = 1)]
    experiment: String,
    /// Who is randomised.
    #[schema(min_length = 1)]
    unit: String,
    /// Anything about the moment; not read.
    #[schema(required = false, value_type = Object)]
    context: Option<()>,
    /// Whose list it is; the unit where it is not given.
    #[schema(min_length = 1)]
    user_id: Option<String>,
    /// How many items.
    #[schema(minimum = 1, maximum = 500, default = 10)]
    k: Option<u32>,
    /// Only these may be listed; the whole catalogue where it is not given.
    #[schema(max_items = 10000)]
    candidates: Option<Vec<String>>,
    /// These are left out.
    #[schema(max_items = 10000)]
    exclude: Option<Vec<String>>,
    /// Items of this session, newest first; they stand before what the log tells of the user.
    #[schema(max_items = 100)]
    recent: Option<Vec<String>>,
    /// Whether items that the user consumed may be listed again.
    #[schema(default = false)]
    repeat: Option<bool>,
}

/// A reward for a decision: a feedback event whose type, id and time may be left out.
#[derive(ToSchema)]
#[schema(examples(json!({"decision_id": "0197a000-0000-7000-8000-000000000001", "metric": "click", "value": 1})))]
pub(in crate::serve) struct FeedbackAsk {
    /// The decision it rewards.
    #[schema(min_length = 1)]
    decision_id: String,
    /// What happened, as the experiment's reward table names it.
    #[schema(min_length = 1)]
    metric: String,
    /// How much of it.
    value: f64,
    /// Recognises duplicates; given where it is missing.
    #[schema(min_length = 1)]
    event_id: Option<String>,
    /// When it happened, RFC 3339 or epoch milliseconds; now where it is missing.
    #[schema(required = false, schema_with = words::moment)]
    event_time: Option<String>,
}

/// Why an arm is changed.
#[derive(ToSchema)]
#[schema(examples(json!({"reason": "answers are slow", "actor": "ann"})))]
pub(in crate::serve) struct Change {
    /// Why; it is kept in the control topic.
    #[schema(min_length = 1)]
    reason: String,
    /// Who; `http` where it is not given.
    #[schema(min_length = 1)]
    actor: Option<String>,
}

/// The race that a draw was: the smallest key among eligible arms wins.
#[derive(ToSchema)]
pub(super) struct Draw {
    /// Names the salt of the hash.
    salt_id: String,
    /// What is hashed, and how.
    hashed: String,
    /// How the arm follows from it.
    rule: String,
    /// Every arm in the race.
    arms: Vec<Runner>,
}

/// One arm in the race.
#[derive(ToSchema)]
pub(super) struct Runner {
    /// The arm.
    arm: String,
    /// XXH3-64, 16 hexadecimal digits.
    #[schema(min_length = 16, max_length = 16)]
    hash: String,
    /// The hash as a number between 0 and 1.
    u: f64,
    /// `-ln(u)/propensity`; null where the propensity is 0.
    #[schema(required)]
    key: Option<f64>,
}

/// What has become of a decision.
#[derive(ToSchema)]
pub(super) struct Outcome {
    /// Where it stands.
    #[schema(schema_with = words::decision_state)]
    state: String,
    /// Sum of its rewards, once it is closed or rewarded.
    #[schema(required = false, value_type = f64)]
    reward: Option<f64>,
    /// Sum of its rewards so far, while it is pending.
    #[schema(required = false, value_type = f64)]
    reward_so_far: Option<f64>,
    /// Log time at which it closes; null where that is not known.
    closes: Option<String>,
    /// Log time at which it closed; null where that is not known.
    closed: Option<String>,
    /// What is still awaited, while it is pending.
    #[schema(required = false, value_type = String)]
    waits_for: Option<String>,
}

/// One event of any type that may be sent. Its schema is put together of the codec's.
pub(in crate::serve) struct Event;

impl PartialSchema for Event {
    fn schema() -> RefOr<Schema> {
        let types = ["Interaction", "Impression", "Feedback", "Item"];
        let one = types.into_iter().fold(OneOfBuilder::new(), |one, name| one.item(Ref::from_schema_name(name)));
        let about = "One event; see schemas/ in the repository for examples of each type.";
        Schema::from(one.description(Some(about)).build()).into()
    }
}

impl ToSchema for Event {
    fn name() -> Cow<'static, str> {
        "Event".into()
    }
}

/// One event or an array of them.
pub(in crate::serve) struct Events;

impl PartialSchema for Events {
    fn schema() -> RefOr<Schema> {
        let event = || Ref::from_schema_name("Event");
        let many = ArrayBuilder::new().items(event()).build();
        let good = json!([{"type": "feedback", "event_id": "e3", "event_time": "2026-11-24T07:00:05Z",
            "decision_id": "0197a000-0000-7000-8000-000000000001", "metric": "click", "value": 1}]);
        Schema::from(OneOfBuilder::new().item(event()).item(many).examples([good]).build()).into()
    }
}

impl ToSchema for Events {
    fn name() -> Cow<'static, str> {
        "Events".into()
    }
}

/// A decision as logged, its draw and its outcome. The document puts it together; see there.
pub(in crate::serve) struct Explained;

impl PartialSchema for Explained {
    fn schema() -> RefOr<Schema> {
        Ref::from_schema_name("Explained").into()
    }
}

impl ToSchema for Explained {
    fn name() -> Cow<'static, str> {
        "Explained".into()
    }
}
