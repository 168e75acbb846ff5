//! What a browser fetches. These addresses serve the page and may change with it.

use super::refusals::OfAny;
use utoipa::IntoResponses;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem, Paths};
use utoipa::openapi::response::{ResponseBuilder, Responses};

/// Address, what it gives, media type.
const PAGES: [(&str, &str, &str); 4] = [
    ("/", "The page.", "text/html"),
    ("/page.js", "Its script.", "text/javascript"),
    ("/page.css", "Its style sheet.", "text/css"),
    ("/page.json", "What it shows now, for its script.", "application/json"),
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
            .build();
        paths.paths.insert(address.to_owned(), PathItem::new(HttpMethod::Get, operation));
    }
}
