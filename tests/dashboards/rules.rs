//! The recording and alert rules: complete, and true to what is registered and documented.

use super::files::{list, read, registered, text, yaml};
use super::promql::selectors;
use reiver::observe::{Family, Shape};
use std::collections::BTreeSet;

/// One rule.
pub(crate) struct Rule {
    /// Whether it alerts; else it records.
    pub(crate) alert: bool,
    pub(crate) name: String,
    pub(crate) expr: String,
    severity: String,
    summary: String,
    description: String,
    runbook: String,
}

/// All rules in their order.
pub(crate) fn all() -> Vec<Rule> {
    let files = ["recording", "alerts"].map(|f| yaml(&format!("dashboards/prometheus/rules/{f}.yml")));
    let rules = files.iter().flat_map(|f| list(f, "/groups")).flat_map(|g| list(g, "/rules"));
    let rule = |r: &serde_json::Value| Rule {
        alert: r.get("alert").is_some(),
        name: [text(r, "/alert"), text(r, "/record")].concat(),
        expr: text(r, "/expr").to_owned(),
        severity: text(r, "/labels/severity").to_owned(),
        summary: text(r, "/annotations/summary").to_owned(),
        description: text(r, "/annotations/description").to_owned(),
        runbook: text(r, "/annotations/runbook_url").to_owned(),
    };
    rules.map(rule).collect()
}

/// Names of all alerts.
pub(crate) fn alerts() -> BTreeSet<String> {
    all().into_iter().filter(|r| r.alert).map(|r| r.name).collect()
}

/// Names of all recorded series.
pub(crate) fn recorded() -> BTreeSet<String> {
    all().into_iter().filter(|r| !r.alert).map(|r| r.name).collect()
}

/// Headings of a page as links reach them.
fn anchors(page: &str) -> BTreeSet<String> {
    let anchor =
        |l: &str| l.trim_start_matches('#').trim().to_lowercase().replace(' ', "-").replace(['`', ',', '.'], "");
    page.lines().filter(|l| l.starts_with('#')).map(anchor).collect()
}

#[test]
fn every_alert_says_what_where_and_what_to_do() {
    let anchors = anchors(&read("docs/operations.md"));
    let rules = all();
    let alerts: Vec<&Rule> = rules.iter().filter(|r| r.alert).collect();
    assert!(alerts.len() >= 15 && self::alerts().len() == alerts.len(), "names are unique");
    for a in alerts {
        assert!(a.name.starts_with("Reiver"), "{}", a.name);
        assert!(["page", "ticket"].contains(&a.severity.as_str()), "{}: severity {:?}", a.name, a.severity);
        assert!(a.summary.len() > 10 && a.description.len() > 20, "{} explains itself", a.name);
        let anchor =
            a.runbook.strip_prefix("docs/operations.md#").unwrap_or_else(|| panic!("{}: {}", a.name, a.runbook));
        assert_eq!(anchor, a.name.to_lowercase(), "an alert's section bears its name");
        assert!(anchors.contains(anchor), "docs/operations.md has no section {}", a.name);
    }
}

#[test]
fn every_section_is_of_an_alert() {
    let page = read("docs/operations.md");
    let known = alerts();
    for heading in page.lines().filter_map(|l| l.strip_prefix("### ")).filter(|h| h.starts_with("Reiver")) {
        assert!(known.contains(heading), "docs/operations.md explains {heading}, and no rule is called so");
    }
}

#[test]
fn recorded_names_tell_level_metric_and_operation() {
    for rule in all().iter().filter(|r| !r.alert) {
        let parts: Vec<&str> = rule.name.split(':').collect();
        assert_eq!(parts.len(), 3, "{}", rule.name);
        assert!(parts[1].starts_with("reiver_"), "{}", rule.name);
        for label in parts[0].split('_') {
            assert!(rule.expr.contains(label), "{} is not by {label}", rule.name);
        }
    }
}

#[test]
fn rules_name_what_is_registered() {
    let known: BTreeSet<String> = registered().into_iter().chain(recorded()).chain(["up".to_owned()]).collect();
    for rule in all() {
        let found = selectors(&rule.expr);
        assert!(!found.is_empty(), "{}", rule.name);
        for s in found {
            assert!(known.contains(&s.name), "{} asks for {}", rule.name, s.name);
            let counts = ["_total", "_bucket", "_count"].iter().any(|end| s.name.ends_with(end));
            let rated = ["rate", "increase"].contains(&s.function.as_str());
            assert_eq!(counts, rated, "{}: {} under {:?}", rule.name, s.name, s.function);
        }
    }
}

/// A rule that matches an edge which no histogram has would be silent for ever.
#[test]
fn matched_edges_are_bucket_edges() {
    let mut seen = 0;
    for rule in all() {
        for s in selectors(&rule.expr).into_iter().filter(|s| s.name.ends_with("_bucket")) {
            let family = s.name.trim_end_matches("_bucket");
            let family = Family::ALL.iter().find(|f| f.name() == family).expect("registered");
            let Shape::Histogram(edges) = family.shape() else { panic!("{} is no histogram", s.name) };
            let edge = s.matchers.split("le=\"").nth(1).and_then(|m| m.split('"').next()).expect("an edge");
            assert!(edges.contains(&edge.parse().expect("a number")), "{}: {} has no edge {edge}", rule.name, s.name);
            seen += 1;
        }
    }
    assert!(seen > 10);
}
