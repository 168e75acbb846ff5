//! `GET /`: a plain page that shows what moves. It refreshes itself from the same origin; no third party, no inline
//! script. The whole of it works without the script, too: reloading shows the newest numbers.

use super::doors::Hall;
use super::dto::{ArmView, ExperimentView};
use super::problem::Problem;
use super::router::json;
use crate::pipeline::EventOutcome;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::fmt::Write as _;
use std::sync::Arc;

const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the page shows, also for its script.
#[derive(Serialize)]
struct PageFacts {
    phase: &'static str,
    detail: String,
    lag: u64,
    view: Option<u64>,
    log_time: Option<String>,
    accepted: u64,
    rejected: u64,
    duplicates: u64,
    /// The body of the page, ready to be put in place.
    html: String,
}

fn gather(hall: &Hall) -> PageFacts {
    let view = hall.doors.view.newest();
    let status = &hall.doors.status;
    let overlay = hall.doors.overlay.load();
    let totals = view.as_ref().map(|v| v.totals()).unwrap_or_default();
    let experiments: Vec<ExperimentView> = view
        .as_ref()
        .map(|v| v.experiments().iter().map(|e| ExperimentView::of(&**v, e, &overlay)).collect())
        .unwrap_or_default();
    let mut facts = PageFacts {
        phase: status.phase().as_str(),
        detail: status.detail().to_string(),
        lag: status.lag(),
        view: view.as_ref().map(|v| v.version()),
        log_time: view.as_ref().and_then(|v| super::decision::time_text(v.log_time())),
        accepted: totals.of(EventOutcome::Accepted),
        rejected: totals.of(EventOutcome::Rejected),
        duplicates: totals.of(EventOutcome::Duplicate),
        html: String::new(),
    };
    facts.html = body(&facts, &experiments);
    facts
}

/// The page.
pub(super) async fn page(State(hall): State<Arc<Hall>>) -> Response {
    let body = gather(&hall).html;
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Reiver</title>\n\
         <link rel=\"stylesheet\" href=\"/page.css\">\n<script src=\"/page.js\" defer></script>\n</head>\n<body>\n\
         <h1>Reiver</h1>\n<p id=\"stale\" role=\"status\" hidden></p>\n<main id=\"live\">\n{body}</main>\n</body>\n</html>\n"
    );
    asset("text/html; charset=utf-8", html)
}

/// The same numbers for the script.
pub(super) async fn facts(State(hall): State<Arc<Hall>>) -> Result<Response, Problem> {
    json(&gather(&hall))
}

/// The script.
pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

/// The style sheet.
pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE)
}

fn asset(kind: &'static str, body: impl IntoResponse) -> Response {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, body).into_response()
}

fn body(facts: &PageFacts, experiments: &[ExperimentView]) -> String {
    let mut html = String::new();
    let log_time = facts.log_time.as_deref().unwrap_or("none yet");
    let _ = writeln!(
        html,
        "<dl class=\"facts\"><div><dt>State</dt><dd>{}</dd></div><div><dt>Records behind</dt><dd>{}</dd></div>\
         <div><dt>Events accepted</dt><dd>{}</dd></div><div><dt>rejected</dt><dd>{}</dd></div>\
         <div><dt>duplicates</dt><dd>{}</dd></div><div><dt>Log time</dt><dd>{}</dd></div></dl>",
        escape(&facts.phase.replace('_', " ")),
        facts.lag,
        facts.accepted,
        facts.rejected,
        facts.duplicates,
        escape(log_time)
    );
    if !facts.detail.is_empty() {
        let _ = writeln!(html, "<p>{}</p>", escape(&facts.detail));
    }
    if experiments.is_empty() {
        html.push_str("<p>There is no experiment to show yet.</p>\n");
    }
    for experiment in experiments {
        table(&mut html, experiment);
    }
    html
}

fn table(html: &mut String, experiment: &ExperimentView) {
    let _ = writeln!(
        html,
        "<section><h2>{}</h2>\n<p>{}</p>\n<table><thead><tr><th scope=\"col\">Arm</th><th scope=\"col\">State</th>\
         <th scope=\"col\">Share of traffic</th><th scope=\"col\">Chance to be best</th>\
         <th scope=\"col\">Reward per assignment</th><th scope=\"col\">Decisions</th><th scope=\"col\">Rewards</th>\
         <th scope=\"col\">Expired</th><th scope=\"col\">Pending</th></tr></thead><tbody>",
        escape(&experiment.name),
        escape(&experiment.verdict)
    );
    for arm in &experiment.arms {
        row(html, arm, arm.arm == experiment.baseline);
    }
    html.push_str("</tbody></table></section>\n");
}

fn row(html: &mut String, arm: &ArmView, baseline: bool) {
    let mark = if baseline { " (baseline)" } else { "" };
    let share = arm.share * 100.0;
    let interval = arm.lower.zip(arm.upper).map_or(String::new(), |(low, high)| format!(" ({low:.4} to {high:.4})"));
    let _ = writeln!(
        html,
        "<tr><th scope=\"row\">{}{mark}</th><td>{}</td><td><meter min=\"0\" max=\"100\" value=\"{share:.1}\"></meter> \
         {share:.1} %</td><td>{:.1} %</td><td>{:.4}{interval}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        escape(&arm.arm),
        arm.state,
        arm.probability_best * 100.0,
        arm.mean,
        arm.decisions,
        arm.rewards,
        arm.expired,
        arm.pending
    );
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
