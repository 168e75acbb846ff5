//! Problems by what a handler does: each names them with one word, and every example is a problem that is really made.

use crate::serve::Problem;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoResponses, ToSchema};

/// A refusal, as RFC 9457 has it. Further members may follow.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document alone reads it; problems write themselves")]
pub(super) struct ProblemDocument {
    /// `urn:reiver:error:` and a stable code.
    #[schema(rename = "type", pattern = "^urn:reiver:error:[a-z_]+$")]
    kind: String,
    /// The kind of problem; the same for all of one code.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong here, and where.
    detail: String,
    /// What to do about it.
    hint: String,
    /// JSON pointer to the field, with status 422.
    #[schema(required = false, value_type = String)]
    pointer: Option<String>,
}

type Refusals = BTreeMap<String, RefOr<Response>>;

/// Whatever is asked: a fault of the server, or something needed is not there at the moment.
pub(in crate::serve) struct OfAny;

impl IntoResponses for OfAny {
    fn responses() -> Refusals {
        [refusal("A fault of the server.", &Problem::internal()), refusal("Not now.", &Problem::no_view())].into()
    }
}

/// What comes with a body: unreadable, from another site's page, too large, a bad field, or too much at a time.
pub(in crate::serve) struct OfBody;

impl IntoResponses for OfBody {
    fn responses() -> Refusals {
        let hint = "send it from a server, or from a page of this origin";
        let foreign = Problem::forbidden("cross_origin", "the request comes from a page of another origin", hint);
        [
            refusal("The body cannot be read.", &Problem::malformed("the body is not JSON")),
            refusal("The request comes from another site's page, or its token is wrong.", &foreign),
            refusal("The body is too large.", &Problem::too_large("the body has more than 1048576 bytes")),
            refusal("A field is not valid.", &Problem::field("missing_field", "/unit", "unit is missing")),
            refusal(
                "Too much at the same time.",
                &Problem::busy("busy", "the bodies of other requests fill the memory"),
            ),
        ]
        .into()
    }
}

/// What names something that may not be there.
pub(in crate::serve) struct OfName;

impl IntoResponses for OfName {
    fn responses() -> Refusals {
        let hint = "the experiments here are: home";
        let problem = Problem::unknown("unknown_experiment", "there is no experiment \"hom\"", hint);
        [refusal("It names something that is not here.", &problem)].into()
    }
}

/// What changes something: no token, or it contradicts what is.
pub(in crate::serve) struct OfToken;

impl IntoResponses for OfToken {
    fn responses() -> Refusals {
        let hint = "promote another arm first; it then is the baseline";
        let conflict = Problem::conflict("arm_is_baseline", "popularity is the baseline", hint);
        [
            refusal("A token is needed.", &Problem::token_missing()),
            refusal("It contradicts the present state.", &conflict),
        ]
        .into()
    }
}

fn refusal(about: &str, example: &Problem) -> (String, RefOr<Response>) {
    let body: Value = example.body();
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemDocument"))).example(Some(body));
    let mut response = ResponseBuilder::new().description(about).content("application/problem+json", content.build());
    let status = example.status().as_u16();
    if matches!(status, 429 | 503) {
        response = response.header("Retry-After", header(Type::Integer, "Seconds after which trying again may help."));
    }
    if status == 401 {
        response = response.header("WWW-Authenticate", header(Type::String, "`Bearer`"));
    }
    (status.to_string(), response.build().into())
}

fn header(kind: Type, about: &str) -> utoipa::openapi::Header {
    let schema = ObjectBuilder::new().schema_type(SchemaType::new(kind)).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some(about)).build()
}
