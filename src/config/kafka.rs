//! `[kafka]` and `[[source]]`.

use super::node::{Node, Table, Value};
use super::origin::Origin;
use super::secret::HIDDEN;
use super::section::{Notes, Section, name, text};
use super::settings::Place;
use crate::adapter::kafka::{KafkaConfig, KafkaConfigError, is_secret};
use crate::event::{Content, Time};
use crate::port::Start;
use std::collections::BTreeMap;

/// One topic that is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    /// The topic.
    pub topic: String,
    /// Where to begin where no position is held.
    pub start: Start,
    /// What it holds.
    pub content: Content,
}

/// Settings of Kafka clients.
pub type KafkaSettings = KafkaConfig;

/// What ends the name of a client setting whose value is a file's content.
const FILE: &str = "_file";

/// Reads `[kafka]`.
pub(super) fn kafka(node: Option<Node>, place: &Place<'_>, notes: &mut Notes) -> KafkaConfig {
    let mut section = Section::open("kafka", node, notes);
    let brokers = section.get("brokers", "\"localhost:9092\"", text);
    let group = section.get("group", "\"reiver\"", text);
    let prefix = section.get("prefix", "\"reiver\"", name);
    let client = section.take("client");
    let at = section.at.clone();
    section.close();
    let client = client.map(|node| client_settings(node, place, notes)).unwrap_or_default();
    let config = KafkaConfig { brokers, group, prefix, client };
    if let Err(error) = config.check() {
        let key = match &error {
            KafkaConfigError::Reserved { key, .. } => format!("kafka.client.{key}"),
            _ => String::new(),
        };
        let setting = notes.settings.iter().find(|setting| setting.path == key);
        let at = setting.map_or(at, |setting| setting.origin.clone());
        notes.problem(&at, error.to_string());
    }
    config
}

/// Reads `[kafka.client]`: any librdkafka setting; a key that ends in `_file` takes its value from that file.
fn client_settings(node: Node, place: &Place<'_>, notes: &mut Notes) -> BTreeMap<String, String> {
    let Value::Table(table) = node.value else {
        notes.problem(&node.at, format!("kafka.client is a table, [kafka.client], not {}", node.kind()));
        return BTreeMap::new();
    };
    let mut flat = Vec::new();
    flatten("", table, &mut flat);
    let mut client = BTreeMap::new();
    for (key, node) in flat {
        let path = format!("kafka.client.{key}");
        let value = match &node.value {
            Value::Text(text) | Value::Raw(text) => text.clone(),
            Value::Number(text, _) => text.clone(),
            Value::Flag(flag) => flag.to_string(),
            Value::List(_) | Value::Table(_) => {
                notes.problem(&node.at, format!("{path}: a client setting is a text, a number, true or false"));
                continue;
            }
        };
        let Some(stem) = key.strip_suffix(FILE) else {
            let shown = if is_secret(&key) { HIDDEN.to_owned() } else { node.shown() };
            notes.setting(&path, shown, &node.at);
            give(&mut client, &key, value, &node.at, notes);
            continue;
        };
        match place.secret(&value) {
            Ok(secret) => {
                notes.setting(&path, format!("{value:?}"), &node.at);
                give(&mut client, stem, secret.expose().to_owned(), &node.at, notes);
            }
            Err(what) => notes.problem(&node.at, format!("{path} = {value:?}: {what}")),
        }
    }
    client
}

fn give(client: &mut BTreeMap<String, String>, key: &str, value: String, at: &Origin, notes: &mut Notes) {
    if client.insert(key.to_owned(), value).is_some() {
        notes.problem(at, format!("kafka.client.{key} is given directly and by {key}{FILE}: keep one"));
    }
}

/// TOML reads `sasl.password = …` as tables within tables; the client wants the dots back.
fn flatten(prefix: &str, table: Table, flat: &mut Vec<(String, Node)>) {
    for (key, node) in table {
        let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
        match node.value {
            Value::Table(inner) => flatten(&key, inner, flat),
            _ => flat.push((key, node)),
        }
    }
}

/// Reads all `[[source]]`.
pub(super) fn sources(nodes: Vec<Node>, kafka: &KafkaConfig, notes: &mut Notes) -> Vec<SourceSettings> {
    let mut sources: Vec<SourceSettings> = Vec::new();
    for (number, node) in nodes.into_iter().enumerate() {
        let path = match &node.value {
            Value::Table(table) => table.get("topic").and_then(Node::text).map(|topic| format!("source.{topic}")),
            _ => None,
        };
        let mut section = Section::open(path.unwrap_or_else(|| format!("source.{number}")), Some(node), notes);
        let topic = section.need("topic", topic);
        let start = section.get("start", "\"earliest\"", start);
        let content = section.get("type", "\"any\"", content);
        let at = section.at.clone();
        section.close();
        let Some(topic) = topic else { continue };
        if sources.iter().any(|source| source.topic == topic) {
            notes.problem(&at, format!("source {topic} is given twice"));
        }
        if topic.strip_prefix(&kafka.prefix).is_some_and(|rest| rest.starts_with('.')) {
            let what =
                format!("{topic} is one of our own topics (prefix {}): it is read without being named", kafka.prefix);
            notes.problem(&at, what);
        }
        sources.push(SourceSettings { topic, start, content });
    }
    sources
}

fn topic(node: &Node) -> Result<String, String> {
    let text = text(node)?;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.len() <= 249 && text.chars().all(legal) && text != "." && text != ".." {
        Ok(text)
    } else {
        Err("a topic has 1 to 249 letters, digits, '.', '_' and '-'".to_owned())
    }
}

fn start(node: &Node) -> Result<Start, String> {
    let hint = "must be \"earliest\", \"latest\", a time such as \"2026-11-24T07:00:00Z\", or an offset from 0";
    if let Some(offset) = node.number() {
        let good = offset >= 0.0 && offset.fract() == 0.0 && offset < 9e15;
        return if good { Ok(Start::Offset(offset as i64)) } else { Err(hint.to_owned()) };
    }
    match node.text() {
        Some("earliest") => Ok(Start::Earliest),
        Some("latest") => Ok(Start::Latest),
        Some(text) => Time::parse(text).map(Start::At).map_err(|_| hint.to_owned()),
        None => Err(hint.to_owned()),
    }
}

fn content(node: &Node) -> Result<Content, String> {
    match node.text() {
        Some("any") => Ok(Content::Events),
        Some("item") => Ok(Content::Items),
        _ => Err("must be \"any\" (each event says its type) or \"item\" (every record is an item)".to_owned()),
    }
}
