//! What a browser fetches. These addresses serve the page and may change with it.

use super::refusals::OfAny;
use utoipa::IntoResponses;
use utoipa::openapi::Required;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, Paths};
use utoipa::openapi::response::{ResponseBuilder, Responses};
use utoipa::openapi::schema::{ObjectBuilder, Type};

/// Address, what it gives, media type.
const PAGES: [(&str, &str, &str); 2] = [
    ("/", "The page.", "text/html"),
    ("/assets/{version}/{file}", "What the page is made of, cached for ever.", "text/javascript"),
];

/// Adds the page's addresses.
pub(super) fn add(paths: &mut Paths) {
    for (address, about, media) in PAGES {
        let content = ContentBuilder::new().build();
        let found = ResponseBuilder::new().description(about).content(media, content).build();
        let name: String = address.chars().filter(char::is_ascii_alphabetic).collect();
        let mut responses = Responses::new();
        responses.responses.extend(OfAny::responses());
        responses.responses.insert("200".to_owned(), found.into());
        let operation = OperationBuilder::new()
            .tag("page")
            .summary(Some(about))
            .operation_id(Some(format!("browse_{name}")))
            .responses(responses)
            .parameters(parameters(address))
            .build();
        paths.paths.insert(address.to_owned(), PathItem::new(HttpMethod::Get, operation));
    }
}

/// The parts of an address that stand in braces. Those of assets are named by the page, not made up.
fn parameters(address: &str) -> Option<Vec<Parameter>> {
    let named: Vec<Parameter> = address
        .split('{')
        .skip(1)
        .filter_map(|part| part.split('}').next())
        .map(|name| {
            let one = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
            let text = ObjectBuilder::new().schema_type(Type::String);
            one.description(Some("as the page names it")).schema(Some(text)).build()
        })
        .collect();
    (!named.is_empty()).then_some(named)
}
