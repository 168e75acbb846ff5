//! What is under test: the files in `dashboards/`, and what the binary registers.

use reiver::observe::{Family, Shape};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A path from the repository's root.
pub(crate) fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file's text.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(at(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// A YAML file as plain data.
pub(crate) fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// One dashboard.
pub(crate) struct Dashboard {
    pub(crate) file: String,
    pub(crate) json: Value,
}

/// All dashboards, by file name.
pub(crate) fn dashboards() -> Vec<Dashboard> {
    let entries = std::fs::read_dir(at("dashboards/grafana")).expect("the folder is there");
    let mut files: Vec<String> = entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
    files.sort();
    let parse = |file: String| {
        let text = read(&format!("dashboards/grafana/{file}"));
        Dashboard { json: serde_json::from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}")), file }
    };
    files.into_iter().filter(|f| f.ends_with(".json")).map(parse).collect()
}

/// An array in a document; empty when there is none.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Text in a document; empty when there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// A query of a dashboard, with where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) place: String,
    pub(crate) expr: String,
}

impl Dashboard {
    /// Panels that are no rows.
    pub(crate) fn panels(&self) -> impl Iterator<Item = &Value> {
        list(&self.json, "/panels").iter().filter(|p| text(p, "/type") != "row")
    }

    /// Queries of panels.
    pub(crate) fn panel_queries(&self) -> Vec<Query> {
        let of = |p: &Value| -> Vec<Query> {
            let place = |t: &Value| format!("{} / {} / {}", self.file, text(p, "/title"), text(t, "/refId"));
            let query = |t: &Value| Query { place: place(t), expr: text(t, "/expr").to_owned() };
            list(p, "/targets").iter().map(query).collect()
        };
        self.panels().flat_map(of).collect()
    }

    /// Queries of annotations.
    pub(crate) fn annotation_queries(&self) -> Vec<Query> {
        let query = |a: &Value| Query {
            place: format!("{} / annotation {}", self.file, text(a, "/name")),
            expr: text(a, "/expr").to_owned(),
        };
        list(&self.json, "/annotations/list").iter().map(query).filter(|q| !q.expr.is_empty()).collect()
    }

    /// Variables that ask Prometheus: their name, the metric with its matchers, and the label.
    pub(crate) fn variable_queries(&self) -> Vec<(String, String, String)> {
        let of = |v: &Value| {
            let inner = text(v, "/query/query").strip_prefix("label_values(")?.strip_suffix(')')?;
            let (metric, label) = inner.rsplit_once(',')?;
            Some((text(v, "/name").to_owned(), metric.trim().to_owned(), label.trim().to_owned()))
        };
        let variables = list(&self.json, "/templating/list").iter().filter(|v| text(v, "/type") == "query");
        variables.map(|v| of(v).unwrap_or_else(|| panic!("{}: {v}", self.file))).collect()
    }
}

/// Every name that the binary exposes: families, and the three series of each histogram.
pub(crate) fn registered() -> BTreeSet<String> {
    let names = |f: &Family| match f.shape() {
        Shape::Histogram(_) => ["_bucket", "_sum", "_count"].map(|s| format!("{}{s}", f.name())).to_vec(),
        _ => vec![f.name().to_owned()],
    };
    Family::ALL.iter().flat_map(names).collect()
}
