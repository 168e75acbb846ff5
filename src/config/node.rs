//! Values with their origins, as the TOML file and the environment give them.

use super::origin::Origin;
use super::problem::ConfigError;
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table's entries by key.
pub(super) type Table = BTreeMap<String, Node>;

/// One value, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Where its key stands (what an unknown key is blamed on).
    pub(super) key_at: Origin,
    /// Where the value stands.
    pub(super) at: Origin,
    pub(super) value: Value,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    /// A number as it was written.
    Number(String, f64),
    Flag(bool),
    List(Vec<Node>),
    Table(Table),
    /// Text of an environment variable: what it means depends on what is expected.
    Raw(String),
}

impl Node {
    pub(super) fn new(at: Origin, value: Value) -> Self {
        Self { key_at: at.clone(), at, value }
    }

    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) | Value::Raw(_) => "a text",
            Value::Number(..) => "a number",
            Value::Flag(_) => "true or false",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// The text it is.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Raw(text) => Some(text),
            _ => None,
        }
    }

    /// The number it is; finite.
    pub(super) fn number(&self) -> Option<f64> {
        let number = match &self.value {
            Value::Number(_, number) => *number,
            Value::Raw(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    /// The entries it has, if it is a list. The environment may also write `a,b`.
    pub(super) fn list(&self) -> Option<Vec<Self>> {
        match &self.value {
            Value::List(entries) => Some(entries.clone()),
            Value::Raw(text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                Some(parts.map(|part| Self::new(self.at.clone(), Value::Raw(part.to_owned()))).collect())
            }
            _ => None,
        }
    }

    /// As TOML would write it.
    pub(super) fn shown(&self) -> String {
        match &self.value {
            Value::Text(text) | Value::Raw(text) => format!("{text:?}"),
            Value::Number(text, _) => text.clone(),
            Value::Flag(flag) => flag.to_string(),
            Value::List(entries) => {
                format!("[{}]", entries.iter().map(Self::shown).collect::<Vec<_>>().join(", "))
            }
            Value::Table(table) if table.is_empty() => "{}".to_owned(),
            Value::Table(table) => {
                let entries: Vec<String> =
                    table.iter().map(|(key, node)| format!("{key} = {}", node.shown())).collect();
                format!("{{ {} }}", entries.join(", "))
            }
        }
    }
}

/// Reads a TOML document.
pub(super) fn parse(name: &str, text: &str) -> Result<Table, ConfigError> {
    let name: Arc<str> = name.into();
    match DeTable::parse(text) {
        Ok(table) => Ok(entries(table.get_ref(), &|byte| Origin::at(&name, text, byte))),
        Err(error) => {
            let at = Origin::at(&name, text, error.span().map_or(0, |span| span.start));
            Err(ConfigError::one(at, format!("this is not TOML: {}", error.message())))
        }
    }
}

/// Reads one TOML value that an environment variable holds.
pub(super) fn parse_value(variable: &str, text: &str) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    Some(node(&value, &|_| Origin::Environment(variable.to_owned())))
}

fn entries(table: &DeTable<'_>, place: &dyn Fn(usize) -> Origin) -> Table {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<toml::de::DeString<'_>> = key;
        let mut node = node(value, place);
        node.key_at = place(key.span().start);
        (key.get_ref().to_string(), node)
    };
    table.iter().map(entry).collect()
}

fn node(value: &Spanned<DeValue<'_>>, place: &dyn Fn(usize) -> Origin) -> Node {
    let at = place(value.span().start);
    let read = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(it) => {
            let number = i128::from_str_radix(it.as_str(), it.radix()).map_or(f64::NAN, |n| n as f64);
            Value::Number(it.to_string(), number)
        }
        DeValue::Float(it) => Value::Number(it.to_string(), it.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        // TOML has times of its own; where one may stand, its text is read as any other.
        DeValue::Datetime(time) => Value::Text(time.to_string()),
        DeValue::Array(list) => Value::List(list.iter().map(|entry| node(entry, place)).collect()),
        DeValue::Table(table) => Value::Table(entries(table, place)),
    };
    Node::new(at, read)
}
