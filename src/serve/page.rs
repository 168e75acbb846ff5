//! `GET /`: the page. Its first sentence is written here, so that it is there before any script.

use super::assets;
use super::doors::Hall;
use axum::extract::{Query, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;

const PAGE: &str = include_str!("page/page.html");
/// Styles may stand in elements because plotly writes them there; scripts may not.
const POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; \
                      style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// What the address may say; the rest of it is for the page's own script.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Address {
    experiment: Option<String>,
}

/// The page.
pub(super) async fn page(State(hall): State<Arc<Hall>>, Query(address): Query<Address>) -> Response {
    let view = hall.doors.view.newest();
    let named = address.experiment.as_deref();
    let experiment = view.as_ref().and_then(|v| match named {
        Some(name) => v.experiment(name),
        None => v.experiments().first(),
    });
    let sentence = match (&view, experiment) {
        (_, Some(experiment)) => experiment.verdict().headline,
        (None, _) => "Nothing has been published yet.".to_owned(),
        (Some(_), None) => "There is no experiment to show.".to_owned(),
    };
    let html = PAGE
        .replace("{version}", assets::version())
        .replace("{plotly}", assets::plotly_version())
        .replace("{sentence}", &escape(&sentence));
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, html).into_response()
}

/// Names come from configurations and events: no markup of theirs reaches the page.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_page_has_a_place_for_everything_that_is_put_in() {
        for place in ["{version}", "{plotly}", "{sentence}"] {
            assert!(PAGE.contains(place), "{place}");
        }
    }

    proptest! {
        #[test]
        fn no_markup_survives(text in ".*") {
            let safe = escape(&text);
            prop_assert!(!safe.contains(['<', '>', '"', '\'']));
            let back = safe.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
            prop_assert_eq!(back.replace("&amp;", "&"), text);
        }
    }
}
