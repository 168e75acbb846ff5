//! JSON Schema of the wire types; `schemas/` holds what this generates, and a test compares.

use super::wire;
use crate::event::Kind;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The JSON Schema (draft 2020-12) of version 1 of a type's canonical JSON. It describes the canonical names; input may
/// use camelCase and the aliases, and fields that it does not name are ignored.
#[must_use]
pub fn schema(kind: Kind) -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let root = match kind {
        Kind::Interaction => generator.into_root_schema_for::<wire::Interaction<'_>>(),
        Kind::Impression => generator.into_root_schema_for::<wire::Impression<'_>>(),
        Kind::Decision => generator.into_root_schema_for::<wire::Decision<'_>>(),
        Kind::Feedback => generator.into_root_schema_for::<wire::Feedback<'_>>(),
        Kind::Item => generator.into_root_schema_for::<wire::Item<'_>>(),
    };
    let mut schema = root.to_value();
    schema["$id"] = json!(format!("urn:reiver:schema:{}:v1", kind.as_str()));
    schema
}
