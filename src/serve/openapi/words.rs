//! Closed sets of words, each taken from the type that has them.

use crate::allocate::ArmState;
use crate::event::{CommandAction, Reason};
use crate::serve::Phase;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Object, Ref};

fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> Object {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).enum_values(Some(words)).build()
}

/// Why a decision has its arm.
pub(in crate::serve) fn reason() -> Object {
    one_of(Reason::ALL.map(Reason::as_str))
}

/// The state of an arm.
pub(in crate::serve) fn arm_state() -> Object {
    one_of(ArmState::ALL.map(ArmState::as_str))
}

/// The state of an experiment.
pub(in crate::serve) fn experiment_state() -> Object {
    one_of(["running", "held"])
}

/// Where the shell stands.
pub(in crate::serve) fn phase() -> Object {
    one_of(Phase::ALL.map(Phase::as_str))
}

/// What a change to an arm does.
pub(in crate::serve) fn command_action() -> Object {
    use CommandAction::{ArmRetired, Paused, Promoted, Resumed};
    let word = |action: CommandAction| serde_json::to_value(action).unwrap_or_default();
    let words = [Paused, Resumed, ArmRetired, Promoted].map(word);
    ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).enum_values(Some(words)).build()
}

/// The version of an allocation, as the codec describes it.
pub(in crate::serve) fn allocation_version() -> Ref {
    Ref::from_schema_name("AllocationVersion")
}

/// What has become of a decision.
pub(super) fn decision_state() -> Object {
    use crate::pipeline::DecisionState::{Expired, LeftOut, Pending, Rewarded};
    one_of([Pending, Rewarded, Expired, LeftOut].map(crate::pipeline::DecisionState::as_str))
}

/// A time as it may be sent: RFC 3339, or milliseconds since 1970.
pub(super) fn moment() -> Object {
    ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Integer])).build()
}
