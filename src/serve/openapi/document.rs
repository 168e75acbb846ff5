//! The document: made once, out of the attributes at the handlers, the types of the answers and the codec's schemas.

use super::pages;
use super::refusals::{OfAny, ProblemDocument};
use super::shapes::{Draw, Event, Events, Outcome};
use crate::codec;
use crate::event::Kind;
use crate::serve::problem::Problem;
use crate::serve::router::json;
use crate::serve::{actions, decide, decisions, events, experiments, feedback, health, live, models, recommend};
use axum::response::Response;
use serde_json::{Map, Value};
use std::sync::LazyLock;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(title = "Reiver", description = "Learns from events and moves traffic to the recommender that earns most."),
    servers((url = "/", description = "the instance that serves this document")),
    paths(
        decide::decide,
        recommend::recommend,
        feedback::feedback,
        events::events,
        experiments::all,
        experiments::one,
        actions::act,
        decisions::explain,
        models::all,
        live::snapshot,
        live::stream,
        health::alive,
        health::ready,
        health::metrics,
        openapi,
    ),
    components(schemas(ProblemDocument, Event, Events, Draw, Outcome)),
    tags(
        (name = "serving", description = "What a shop asks and tells while it serves its users."),
        (name = "results", description = "How the arms stand, and why a decision has its arm."),
        (name = "actions", description = "Changes to arms. They need the token of the configuration."),
        (name = "health", description = "For the platform; never needs a token."),
        (name = "page", description = "What a browser fetches; it may change with the page."),
    ),
    modifiers(&Addition)
)]
struct Interface;

/// What no attribute can say.
struct Addition;

impl Modify for Addition {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        pages::add(&mut document.paths);
        let token = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("token", token);
    }
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(make);

/// This document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "health", operation_id = "openapi",
    responses((status = 200, description = "The interface as OpenAPI 3.1.", body = Object), OfAny)
)]
pub(in crate::serve) async fn openapi() -> Result<Response, Problem> {
    json(&*DOCUMENT)
}

fn make() -> Value {
    let mut document = serde_json::to_value(Interface::openapi()).unwrap_or_default();
    let schemas = codec_schemas();
    if let Some(known) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        known.insert("Explained".to_owned(), explained(&schemas));
        known.extend(schemas);
    }
    document
}

/// The codec's schemas and their parts, as components. OpenAPI 3.1 speaks the same JSON Schema.
fn codec_schemas() -> Map<String, Value> {
    let mut all = Map::new();
    for kind in Kind::ALL {
        let Value::Object(mut schema) = moved(codec::schema(kind)) else { continue };
        schema.remove("$schema");
        schema.remove("$id");
        if let Some(Value::Object(parts)) = schema.remove("$defs") {
            all.extend(parts);
        }
        let title = schema.get("title").and_then(Value::as_str).unwrap_or_else(|| kind.as_str()).to_owned();
        all.insert(title, Value::Object(schema));
    }
    all
}

/// References into `$defs` become references to components.
fn moved(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(members.into_iter().map(|(name, v)| (name, moved(v))).collect()),
        Value::Array(entries) => entries.into_iter().map(moved).collect(),
        Value::String(text) => match text.strip_prefix("#/$defs/") {
            Some(name) => format!("#/components/schemas/{name}").into(),
            None => text.into(),
        },
        other => other,
    }
}

/// A decision as it stands in the log, with its draw and its outcome beside it.
fn explained(schemas: &Map<String, Value>) -> Value {
    let mut decision = schemas.get("Decision").cloned().unwrap_or_default();
    decision["title"] = "Explained".into();
    decision["description"] = "A decision as logged, the race that its draw was, and what has become of it.".into();
    for (name, schema) in [("draw", "Draw"), ("outcome", "Outcome")] {
        decision["properties"][name] = serde_json::json!({ "$ref": format!("#/components/schemas/{schema}") });
        if let Some(required) = decision["required"].as_array_mut() {
            required.push(name.into());
        }
    }
    decision
}
