//! What Grafana's own linter asks for, and what we ask beside it. Each rule is shown to fail on a bad dashboard.

use super::files::{Dashboard, dashboards, list, registered, text};
use super::promql::{Selector, selectors};
use super::rules;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Everything wrong with one dashboard.
fn findings(dashboard: &Dashboard, known: &BTreeSet<String>) -> Vec<String> {
    let mut found = head(&dashboard.json);
    found.extend(grid(&dashboard.json));
    for panel in dashboard.panels() {
        let title = text(panel, "/title");
        found.extend(panel_findings(panel).into_iter().map(|f| format!("panel {title:?}: {f}")));
    }
    for query in dashboard.panel_queries().into_iter().chain(dashboard.annotation_queries()) {
        let all = selectors(&query.expr);
        if all.is_empty() {
            found.push(format!("{}: asks for no metric", query.place));
        }
        for selector in all {
            found.extend(selector_findings(&selector, known).into_iter().map(|f| format!("{}: {f}", query.place)));
        }
    }
    for (name, metric, _) in dashboard.variable_queries() {
        for selector in selectors(&metric).iter().filter(|s| !known.contains(&s.name)) {
            found.push(format!("variable {name}: {} is not registered", selector.name));
        }
    }
    found
}

fn head(json: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned());
        }
    };
    must(json["schemaVersion"] == 39, "schemaVersion is 39");
    must(json["editable"] == false, "editable is false");
    must(json["graphTooltip"] == 1, "the crosshair is shared");
    must(json["refresh"] == "10s", "refresh is 10s");
    must(text(json, "/uid").starts_with("reiver-"), "the uid is stable and ours");
    must(json.get("id").is_none(), "the id is left to Grafana");
    must(text(json, "/description").len() > 20, "the dashboard has a description");
    must(list(json, "/tags").iter().any(|t| t == "reiver"), "the tag that links them");
    must(
        list(json, "/links").iter().any(|l| l["type"] == "dashboards" && l["includeVars"] == true),
        "links to the others",
    );
    must(list(json, "/links").iter().any(|l| l["type"] == "link"), "a link to the live page");
    must(list(json, "/annotations/list").len() > 1, "annotations of changes");
    let variables: Vec<&str> = list(json, "/templating/list").iter().map(|v| text(v, "/name")).collect();
    must(variables.starts_with(&["datasource", "job", "instance"]), "variables datasource, job, instance");
    for variable in list(json, "/templating/list") {
        must(text(variable, "/label").len() > 1, "every variable has a label");
        must(text(variable, "/type") != "query" || variable["refresh"] == 2, "variables follow the time range");
    }
    let ids: Vec<i64> = list(json, "/panels").iter().filter_map(|p| p["id"].as_i64()).collect();
    let unique = ids.iter().collect::<BTreeSet<_>>().len() == list(json, "/panels").len();
    must(unique, "panel ids are unique");
    found
}

/// Panels that lie over one another, or beside the grid.
fn grid(json: &Value) -> Vec<String> {
    let place = |p: &Value| ["x", "y", "w", "h"].map(|k| p["gridPos"][k].as_i64().unwrap_or(-1));
    let panels: Vec<(&str, [i64; 4])> = list(json, "/panels").iter().map(|p| (text(p, "/title"), place(p))).collect();
    let mut found = Vec::new();
    for (i, (title, [x, y, w, h])) in panels.iter().enumerate() {
        if *x < 0 || *y < 0 || *w < 1 || *h < 1 || x + w > 24 {
            found.push(format!("panel {title:?} lies outside of the grid"));
        }
        for (other, [ox, oy, ow, oh]) in &panels[..i] {
            if x < &(ox + ow) && ox < &(x + w) && y < &(oy + oh) && oy < &(y + h) {
                found.push(format!("panels {title:?} and {other:?} overlap"));
            }
        }
    }
    found
}

fn panel_findings(panel: &Value) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut must = |holds: bool, what: &'static str| {
        if !holds {
            found.push(what);
        }
    };
    must(!text(panel, "/title").is_empty(), "has no title");
    must(text(panel, "/description").len() >= 15, "has no description");
    must(!text(panel, "/fieldConfig/defaults/unit").is_empty(), "has no unit");
    must(!text(panel, "/fieldConfig/defaults/noValue").is_empty(), "says nothing when there is no value");
    must(!list(panel, "/targets").is_empty(), "asks for nothing");
    let ours = |v: &Value| text(v, "/datasource/uid") == "${datasource}";
    must(ours(panel) && list(panel, "/targets").iter().all(ours), "has a data source of its own");
    let refs: BTreeSet<&str> = list(panel, "/targets").iter().map(|t| text(t, "/refId")).collect();
    must(refs.len() == list(panel, "/targets").len(), "two queries have one refId");
    found
}

fn selector_findings(s: &Selector, known: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    if !known.contains(&s.name) {
        found.push(format!("{} is neither registered nor recorded", s.name));
    }
    let recorded = s.name.contains(':') || s.name == "ALERTS";
    for label in if recorded { &["job"][..] } else { &["job", "instance"] } {
        if !s.matchers.contains(&format!("{label}=~\"${label}\"")) {
            found.push(format!("{} has no matcher for {label}", s.name));
        }
    }
    let counts = ["_total", "_bucket", "_count", "_sum"].iter().any(|end| s.name.ends_with(end)) && !recorded;
    let rated = ["rate", "increase"].contains(&s.function.as_str());
    if counts && !rated {
        found.push(format!("{} only grows and is not under rate()", s.name));
    }
    if !counts && rated {
        found.push(format!("{} is under {}() and is no counter", s.name, s.function));
    }
    // A fixed window is right where a thing happens seldom; it must then be far longer than any scrape interval.
    if !s.range.is_empty() && !["$__rate_interval", "1m", "5m"].contains(&s.range.as_str()) {
        found.push(format!("{} over [{}]", s.name, s.range));
    }
    found
}

/// What queries may name.
fn known() -> BTreeSet<String> {
    let made = ["up", "ALERTS"].map(str::to_owned);
    registered().into_iter().chain(rules::recorded()).chain(made).collect()
}

#[test]
fn dashboards_hold_every_rule() {
    let known = known();
    let all = dashboards();
    let uids: Vec<&str> = all.iter().map(|d| text(&d.json, "/uid")).collect();
    assert_eq!(uids, ["reiver-experiment", "reiver-overview", "reiver-pipeline"]);
    let findings: Vec<String> =
        all.iter().flat_map(|d| findings(d, &known).into_iter().map(|f| format!("{}: {f}", d.file))).collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// Most of what is measured is shown somewhere or alerted on; what is not is named here.
#[test]
fn every_family_is_used() {
    let all = dashboards();
    let shown = all.iter().flat_map(|d| d.panel_queries().into_iter().chain(d.annotation_queries()));
    let mut used: BTreeSet<String> = shown.flat_map(|q| selectors(&q.expr)).map(|s| s.name).collect();
    used.extend(rules::all().iter().flat_map(|r| selectors(&r.expr)).map(|s| s.name));
    let unused: Vec<&str> = reiver::observe::Family::ALL
        .iter()
        .map(|f| f.name())
        .filter(|name| !used.iter().any(|u| u == name || u.strip_suffix("_bucket") == Some(name)))
        .collect();
    // Exact totals by type are for checks against the API; the limit of files is for people.
    assert_eq!(unused, ["reiver_state_events", "reiver_state_rejected", "process_max_fds"]);
}

#[test]
fn each_rule_finds_what_is_wrong() {
    let good = || dashboards().into_iter().find(|d| d.file == "overview.json").expect("there");
    let known = known();
    assert_eq!(findings(&good(), &known), [""; 0]);
    let spoilt = |pointer: &str, value: Value, what: &str| {
        let mut dashboard = good();
        *dashboard.json.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        let found = findings(&dashboard, &known);
        assert!(found.iter().any(|f| f.contains(what)), "{pointer}: {found:?}");
    };
    spoilt("/schemaVersion", json!(40), "schemaVersion");
    spoilt("/editable", json!(true), "editable");
    spoilt("/graphTooltip", json!(0), "crosshair");
    spoilt("/panels/1/id", json!(3), "unique");
    spoilt("/panels/1/gridPos/w", json!(9), "overlap");
    spoilt("/panels/1/gridPos/x", json!(22), "outside");
    spoilt("/panels/1/title", json!(""), "title");
    spoilt("/panels/1/description", json!(""), "description");
    spoilt("/panels/1/fieldConfig/defaults/unit", json!(""), "unit");
    spoilt("/panels/1/fieldConfig/defaults/noValue", json!(""), "no value");
    spoilt("/panels/1/datasource/uid", json!("prometheus"), "data source");
    let query = |expr: &str, what: &str| spoilt("/panels/1/targets/0/expr", json!(expr), what);
    query("vector(1)", "asks for no metric");
    query(r#"reiver_made_up{job=~"$job",instance=~"$instance"}"#, "registered");
    query(r#"reiver_ready{job=~"$job"}"#, "matcher for instance");
    query(r#"sum(reiver_decisions_total{job=~"$job",instance=~"$instance"})"#, "only grows");
    query(r#"rate(reiver_queue_depth{job=~"$job",instance=~"$instance"}[$__rate_interval])"#, "no counter");
    query(r#"rate(reiver_decisions_total{job=~"$job",instance=~"$instance"}[30s])"#, "over [30s]");
}
