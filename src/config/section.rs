//! Typed reading of one table: every value is noted with its origin, every mistake is collected, and what nobody asked
//! for is an unknown key.

use super::node::{Node, Table, Value, parse_value};
use super::origin::Origin;
use super::problem::Problem;
use std::collections::BTreeMap;

/// One setting as `reiver check` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its path: `http.listen`, `experiment.home.floor`.
    pub path: String,
    /// Its value as TOML would write it; secrets hidden; `(not set)` where it has none.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// What reading settings leaves behind beside them.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) settings: Vec<Setting>,
    pub(super) problems: Vec<Problem>,
    /// What is allowed, and may not be meant.
    pub(super) doubts: Vec<String>,
}

impl Notes {
    pub(super) fn problem(&mut self, origin: &Origin, what: impl Into<String>) {
        self.problems.push(Problem { origin: origin.clone(), what: what.into() });
    }

    pub(super) fn setting(&mut self, path: &str, value: impl Into<String>, origin: &Origin) {
        self.settings.push(Setting { path: path.to_owned(), value: value.into(), origin: origin.clone() });
    }
}

/// One table while it is read.
pub(super) struct Section<'n> {
    /// Its path: `http`, `experiment.home`.
    pub(super) path: String,
    /// Where it stands.
    pub(super) at: Origin,
    table: Table,
    known: Vec<&'static str>,
    pub(super) notes: &'n mut Notes,
}

impl<'n> Section<'n> {
    /// Begins to read a table; one that is not there is empty.
    pub(super) fn open(path: impl Into<String>, node: Option<Node>, notes: &'n mut Notes) -> Self {
        let path = path.into();
        let (at, table) = match node {
            None => (Origin::Default, Table::new()),
            Some(Node { value: Value::Table(table), at, .. }) => (at, table),
            Some(node) => {
                notes.problem(&node.at, format!("{path} is a table, [{path}], not {}", node.kind()));
                (node.at, Table::new())
            }
        };
        Self { path, at, table, known: Vec::new(), notes }
    }

    /// The node of a key, without a note.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        self.table.remove(key)
    }

    /// A value, or the default (a TOML literal).
    pub(super) fn get<T>(
        &mut self,
        key: &'static str,
        default: &'static str,
        read: impl Fn(&Node) -> Result<T, String>,
    ) -> T {
        if let Some(value) = self.maybe_noted(key, default, &read) {
            return value;
        }
        let default = parse_value("", default).expect("defaults in the source are TOML");
        read(&default).expect("defaults in the source are allowed values")
    }

    /// A value that may be absent.
    pub(super) fn maybe<T>(&mut self, key: &'static str, read: impl Fn(&Node) -> Result<T, String>) -> Option<T> {
        self.maybe_noted(key, "(not set)", &read)
    }

    /// A value that must be there.
    pub(super) fn need<T>(&mut self, key: &'static str, read: impl Fn(&Node) -> Result<T, String>) -> Option<T> {
        if !self.table.contains_key(key) {
            self.known.push(key);
            let what = format!("{} needs {key}", self.path);
            self.notes.problem(&self.at, what);
            return None;
        }
        self.maybe_noted(key, "", &read)
    }

    fn maybe_noted<T>(
        &mut self,
        key: &'static str,
        absent: &str,
        read: &impl Fn(&Node) -> Result<T, String>,
    ) -> Option<T> {
        let path = format!("{}.{key}", self.path);
        let Some(node) = self.take(key) else {
            self.notes.setting(&path, absent, &Origin::Default);
            return None;
        };
        match read(&node) {
            Ok(value) => {
                self.notes.setting(&path, node.shown(), &node.at);
                Some(value)
            }
            Err(what) => {
                self.notes.problem(&node.at, format!("{path} = {}: {what}", node.shown()));
                None
            }
        }
    }

    /// Ends reading: what is left over is unknown.
    pub(super) fn close(mut self) {
        for (key, node) in std::mem::take(&mut self.table) {
            let what = unknown(&format!("[{}]", self.path), &key, &self.known);
            self.notes.problem(&node.key_at, what);
        }
    }
}

/// The message about an unknown key, with the nearest known one.
pub(super) fn unknown(place: &str, key: &str, known: &[&str]) -> String {
    match nearest(key, known) {
        Some(near) => format!("{place} has no setting \"{key}\"; did you mean \"{near}\"?"),
        None => format!("{place} has no setting \"{key}\"; it has {}", known.join(", ")),
    }
}

/// The nearest of some names, if one is near: a third of its letters, and at least two, may differ.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&name, &known.to_lowercase());
    let (far, near) = known.iter().map(|known| (distance(known), *known)).min()?;
    (far <= (near.len() / 3).max(2) && far < near.len()).then_some(near)
}

/// Reads a text.
pub(super) fn text(node: &Node) -> Result<String, String> {
    match node.text() {
        Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
        Some(_) => Err("must not be empty".to_owned()),
        None => Err(format!("must be a text, this is {}", node.kind())),
    }
}

/// Reads a name that can stand in a path, a topic, a metric.
pub(super) fn name(node: &Node) -> Result<String, String> {
    let text = text(node)?;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.len() <= 64 && text.chars().all(legal) {
        Ok(text)
    } else {
        Err("a name has 1 to 64 letters, digits, '.', '_' and '-'".to_owned())
    }
}

/// Reads a list of names.
pub(super) fn names(node: &Node) -> Result<Vec<String>, String> {
    let list = node.list().ok_or_else(|| format!("must be a list of names, this is {}", node.kind()))?;
    list.iter().map(name).collect()
}

/// Reads a number within bounds.
pub(super) fn number(low: f64, high: f64) -> impl Fn(&Node) -> Result<f64, String> {
    move |node| match node.number() {
        Some(x) if (low..=high).contains(&x) => Ok(x),
        Some(_) => Err(format!("must lie between {low} and {high}")),
        None => Err(format!("must be a number, this is {}", node.kind())),
    }
}

/// Reads a whole number within bounds.
pub(super) fn whole(low: usize, high: usize) -> impl Fn(&Node) -> Result<usize, String> {
    move |node| match number(low as f64, high as f64)(node)? {
        x if x.fract() == 0.0 => Ok(x as usize),
        _ => Err("must be a whole number".to_owned()),
    }
}

/// Reads what `amount` reads from a text.
pub(super) fn amount<T>(read: impl Fn(&str) -> Result<T, String>) -> impl Fn(&Node) -> Result<T, String> {
    move |node| match node.text() {
        Some(text) => read(text),
        None => Err(format!("{}; this is {}", read("").err().unwrap_or_default(), node.kind())),
    }
}

/// Reads what `read` reads, or one word that means none.
pub(super) fn unless<T>(
    word: &'static str,
    read: impl Fn(&Node) -> Result<T, String>,
) -> impl Fn(&Node) -> Result<Option<T>, String> {
    move |node| {
        if node.text().is_some_and(|text| text.trim() == word) {
            return Ok(None);
        }
        read(node).map(Some).map_err(|what| format!("{what}, or \"{word}\""))
    }
}

/// Reads a table of numbers by name.
pub(super) fn shares(node: &Node) -> Result<BTreeMap<String, f64>, String> {
    numbers(node, 1.0, "popularity = 0.5")
}

/// Reads a table of numbers from 0 to `most`.
pub(super) fn numbers(node: &Node, most: f64, example: &str) -> Result<BTreeMap<String, f64>, String> {
    let Value::Table(table) = &node.value else {
        return Err(format!("must be a table such as {{ {example} }}, this is {}", node.kind()));
    };
    let entry = |(key, node): (&String, &Node)| {
        let value = number(0.0, most)(node).map_err(|what| format!("{key} {what}"))?;
        Ok((key.clone(), value))
    };
    table.iter().map(entry).collect()
}
