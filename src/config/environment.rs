//! Overrides: `REIVER_` + the path of a setting, its parts joined by `__`.
//!
//! `REIVER_HTTP__LISTEN`, `REIVER_KAFKA__CLIENT__SASL_PASSWORD` (a `_` of a client key stands for `.`),
//! `REIVER_EXPERIMENT__HOME__FLOOR` or `REIVER_EXPERIMENT__0__FLOOR` (tables of a list by name or number; the number after
//! the last one makes a new table). Variables without `__` are none of ours.

use super::node::{Node, Table, Value, parse_value};
use super::origin::Origin;
use super::problem::Problem;
use std::collections::BTreeMap;

const PREFIX: &str = "REIVER_";

/// Puts the environment's values over a file's.
pub(super) fn overlay(table: &mut Table, environment: &BTreeMap<String, String>, problems: &mut Vec<Problem>) {
    for (variable, text) in environment {
        let Some(path) = variable.strip_prefix(PREFIX).filter(|path| path.contains("__")) else {
            continue;
        };
        let parts: Vec<&str> = path.split("__").collect();
        if let Err(what) = set(table, &parts, variable, text) {
            problems.push(Problem { origin: Origin::Environment(variable.clone()), what });
        }
    }
}

fn set(table: &mut Table, parts: &[&str], variable: &str, text: &str) -> Result<(), String> {
    let origin = || Origin::Environment(variable.to_owned());
    let client = parts.len() == 3 && same("kafka", parts[0]) && same("client", parts[1]);
    let mut table = table;
    let (last, way) = parts.split_last().ok_or("the variable names no setting")?;
    let mut way = way.iter();
    while let Some(part) = way.next() {
        let key = key_of(table, part);
        let listed = matches!(key.as_str(), "source" | "model" | "experiment");
        let empty = if listed { Value::List(Vec::new()) } else { Value::Table(Table::new()) };
        let node = table.entry(key.clone()).or_insert_with(|| Node::new(origin(), empty));
        let kind = node.kind();
        table = match &mut node.value {
            Value::Table(table) => table,
            Value::List(list) if listed => {
                let which =
                    way.next().ok_or_else(|| format!("which {key}? Write its name or number before the setting"))?;
                member(list, &key, which, &origin())?
            }
            _ => return Err(format!("{key} is {kind}, it has no settings of its own")),
        };
    }
    let key = if client { client_key(table, last) } else { key_of(table, last) };
    let structured = text.trim_start().starts_with(['[', '{']).then(|| parse_value(variable, text)).flatten();
    table.insert(key, structured.unwrap_or_else(|| Node::new(origin(), Value::Raw(text.to_owned()))));
    Ok(())
}

/// The table of a list that a part of a path names.
fn member<'a>(list: &'a mut Vec<Node>, kind: &str, which: &str, origin: &Origin) -> Result<&'a mut Table, String> {
    let at = match which.parse::<usize>() {
        Ok(at) if at == list.len() && at < 64 => {
            list.push(Node::new(origin.clone(), Value::Table(Table::new())));
            at
        }
        Ok(at) => at,
        Err(_) => list
            .iter()
            .position(
                |node| matches!(&node.value, Value::Table(table) if named(table).is_some_and(|name| same(name, which))),
            )
            .ok_or_else(|| format!("no {kind} is named {}", which.to_lowercase()))?,
    };
    let count = list.len();
    match list.get_mut(at).map(|node| &mut node.value) {
        Some(Value::Table(table)) => Ok(table),
        Some(_) => Err(format!("{kind} number {at} is no table")),
        None => Err(format!("there is no {kind} number {at}, only {count}, counted from 0")),
    }
}

fn named(table: &Table) -> Option<&str> {
    table.get("name").or_else(|| table.get("topic")).and_then(Node::text)
}

/// Whether a key and a part of a variable mean the same: case does not count, and what a variable cannot hold is `_`.
fn same(key: &str, part: &str) -> bool {
    let fold = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
    };
    fold(key) == fold(part)
}

/// The key that is there already, or the part in lower case.
fn key_of(table: &Table, part: &str) -> String {
    table.keys().find(|key| same(key, part)).cloned().unwrap_or_else(|| part.to_lowercase())
}

/// A client key: `SASL_PASSWORD_FILE` is `sasl.password_file`.
fn client_key(table: &Table, part: &str) -> String {
    let known = table.keys().find(|key| same(key, part)).cloned();
    known.unwrap_or_else(|| {
        let lower = part.to_lowercase();
        match lower.strip_suffix("_file") {
            Some(stem) => stem.replace('_', ".") + "_file",
            None => lower.replace('_', "."),
        }
    })
}
