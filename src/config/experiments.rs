//! `[[model]]` and `[[experiment]]`.

use super::amount::span;
use super::node::{Node, Value};
use super::section::{Notes, Section, amount, name, names, nearest, number, shares, text, unless, whole};
use super::settings::Place;
use super::warm::warm_start;
use crate::allocate::{ExperimentConfig, PolicyKind};
use crate::event::Span;
use crate::learn::ModelConfig;
use crate::learn::registry::KINDS;
use crate::pipeline::WarmStart;
use crate::reward::{RewardTable, RewardValue};
use std::collections::BTreeMap;

/// One model with its parameters, under the name of its kind.
pub type ModelSettings = (String, ModelConfig);

/// The path of a table in a list: by its name, else by its number.
fn path(kind: &str, number: usize, node: &Node) -> String {
    let named = match &node.value {
        Value::Table(table) => table.get("name").and_then(Node::text),
        _ => None,
    };
    named.map_or_else(|| format!("{kind}.{number}"), |name| format!("{kind}.{name}"))
}

/// Reads all `[[model]]`, and which files they begin from.
pub(super) fn models(nodes: Vec<Node>, place: &Place<'_>, notes: &mut Notes) -> (Vec<ModelSettings>, Vec<WarmStart>) {
    let (mut models, mut warm): (Vec<ModelSettings>, Vec<WarmStart>) = (Vec::new(), Vec::new());
    for (at, node) in nodes.into_iter().enumerate() {
        let mut section = Section::open(path("model", at, &node), Some(node), notes);
        let name = section.need("name", model_name);
        let kind = section.maybe("kind", model_name);
        let config = ModelConfig {
            dimensions: section.maybe("dimensions", whole(1, 1_024)),
            learning_rate: section.maybe("learning_rate", number(1e-9, 10.0)),
            regularisation: section.maybe("regularisation", number(0.0, 10.0)),
            half_life: section.maybe("half_life", positive),
            hidden: section.maybe("hidden", whole(1, 4_096)),
            unobserved: section.maybe("unobserved", number(0.0, 1.0)),
            shards: section.maybe("shards", whole(1, 64)),
        };
        let began = section
            .maybe("warm_start", |node| warm_start(name.as_deref().unwrap_or("NAME"), &place.folder.join(text(node)?)));
        let origin = section.at.clone();
        section.close();
        let Some(name) = name else { continue };
        warm.extend(began);
        if kind.is_some_and(|kind| kind != name) {
            notes.problem(&origin, format!("model {name}: its kind must be its name; one model of a kind can run"));
        }
        if models.iter().any(|(other, _)| *other == name) {
            notes.problem(&origin, format!("model {name} is given twice"));
        }
        models.push((name, config));
    }
    (models, warm)
}

fn model_name(node: &Node) -> Result<String, String> {
    let text = text(node)?;
    if KINDS.contains(&text.as_str()) {
        return Ok(text);
    }
    match nearest(&text, &KINDS) {
        Some(near) => Err(format!("there is no such model; did you mean \"{near}\"?")),
        None => Err(format!("there is no such model; there are {}", KINDS.join(", "))),
    }
}

fn positive(node: &Node) -> Result<Span, String> {
    match amount(span)(node)? {
        span if span.0 > 0 => Ok(span),
        _ => Err("must be longer than nothing".to_owned()),
    }
}

/// Reads all `[[experiment]]`.
pub(super) fn experiments(nodes: Vec<Node>, notes: &mut Notes) -> Vec<ExperimentConfig> {
    let mut experiments: Vec<ExperimentConfig> = Vec::new();
    for (at, node) in nodes.into_iter().enumerate() {
        let mut section = Section::open(path("experiment", at, &node), Some(node), notes);
        let before = section.notes.problems.len();
        let config = experiment(&mut section);
        let origin = section.at.clone();
        section.close();
        let Some(config) = config else { continue };
        if experiments.iter().any(|other| other.name == config.name) {
            notes.problem(&origin, format!("experiment {} is given twice", config.name));
        }
        // What spans several settings is judged once each of them is right.
        if notes.problems.len() == before
            && let Err(error) = config.validate()
        {
            notes.problem(&origin, error.to_string());
        }
        experiments.push(config);
    }
    if experiments.len() > 64 {
        notes.problem(&super::origin::Origin::Default, "there can be at most 64 experiments");
    }
    experiments
}

fn experiment(section: &mut Section<'_>) -> Option<ExperimentConfig> {
    let name = section.need("name", name);
    let unit = section.get("unit", "\"user_id\"", text);
    let arms = section.get("arms", "[\"popularity\", \"transitions\", \"mf\", \"ncf\"]", names);
    let baseline = baseline(section, &arms);
    let config = ExperimentConfig {
        name: name.clone().unwrap_or_default(),
        unit,
        baseline,
        reward: reward(section),
        window: section.get("window", "\"30m\"", positive),
        stick: section.get("stick", "\"1d\"", unless("none", stick)),
        policy: policy(section, &arms),
        half_life: section.get("half_life", "\"7d\"", unless("none", positive)),
        floor: section.get("floor", "0.02", number(0.0, 1.0)),
        baseline_share: section.get("baseline_share", "0.05", number(0.0, 1.0)),
        holdout: section.get("holdout", "0.0", number(0.0, 1.0)),
        max_share: section.get("max_share", "{}", |node| arm_shares(node, &arms)),
        ramp: section.get("ramp", "0.10", unless("off", number(0.0, 1.0))),
        grace: section.get("grace", "\"10s\"", amount(span)),
        salt: section.get("salt", "\"1\"", text),
        arms,
    };
    for arm in &config.arms {
        if !KINDS.contains(&arm.as_str())
            && let Some(near) = nearest(arm, &KINDS)
        {
            let name = &config.name;
            section.notes.doubts.push(format!(
                "experiment {name}: arm \"{arm}\" is no model here, so it is taken to be served elsewhere; did you mean \
                 \"{near}\"?"
            ));
        }
    }
    name.map(|_| config)
}

/// The arm that is named, or popularity, or the first.
fn baseline(section: &mut Section<'_>, arms: &[String]) -> String {
    let named = section.maybe("baseline", |node| {
        let arm = name(node)?;
        if arms.contains(&arm) { Ok(arm) } else { Err(no_arm(&arm, arms)) }
    });
    named.unwrap_or_else(|| {
        let usual = arms.iter().find(|arm| *arm == "popularity");
        usual.or(arms.first()).cloned().unwrap_or_default()
    })
}

fn no_arm(arm: &str, arms: &[String]) -> String {
    let known: Vec<&str> = arms.iter().map(String::as_str).collect();
    match nearest(arm, &known) {
        Some(near) => format!("\"{arm}\" is none of the arms; did you mean \"{near}\"?"),
        None => format!("\"{arm}\" is none of the arms ({})", arms.join(", ")),
    }
}

fn arm_shares(node: &Node, arms: &[String]) -> Result<BTreeMap<String, f64>, String> {
    let shares = shares(node)?;
    match shares.keys().find(|arm| !arms.contains(arm)) {
        Some(arm) => Err(no_arm(arm, arms)),
        None => Ok(shares),
    }
}

fn stick(node: &Node) -> Result<Span, String> {
    match amount(span)(node)? {
        span if span >= Span::seconds(60) => Ok(span),
        _ => Err("must be 1m or longer".to_owned()),
    }
}

/// `policy` and the `shares` it may need.
fn policy(section: &mut Section<'_>, arms: &[String]) -> PolicyKind {
    let fixed = section.get("policy", "\"thompson\"", |node| match node.text() {
        Some("thompson") => Ok(false),
        Some("fixed") => Ok(true),
        _ => Err("must be \"thompson\", or \"fixed\" with shares".to_owned()),
    });
    let shares = section.maybe("shares", |node| arm_shares(node, arms));
    match (fixed, shares) {
        (false, None) => PolicyKind::Thompson,
        (true, Some(shares)) => PolicyKind::Fixed(shares),
        (true, None) => {
            let what =
                format!("{}: policy = \"fixed\" needs shares, such as {{ popularity = 0.5, ncf = 0.5 }}", section.path);
            section.notes.problem(&section.at, what);
            PolicyKind::Thompson
        }
        (false, Some(_)) => {
            let what = format!("{}: shares are for policy = \"fixed\"; thompson finds its own", section.path);
            section.notes.problem(&section.at, what);
            PolicyKind::Thompson
        }
    }
}

/// `reward` and `cap`.
fn reward(section: &mut Section<'_>) -> RewardTable {
    let cap = section.maybe("cap", number(1e-9, 1e9));
    section.get("reward", "{ click = 1.0 }", |node| {
        let Value::Table(table) = &node.value else {
            return Err(format!(
                "must be a table such as {{ click = 1.0, purchase = \"value\" }}, this is {}",
                node.kind()
            ));
        };
        let entry = |(metric, node): (&String, &Node)| match (node.number(), node.text()) {
            (Some(worth), _) => Ok((metric.clone(), RewardValue::Constant(worth))),
            (None, Some("value")) => Ok((metric.clone(), RewardValue::Value)),
            _ => Err(format!("{metric} must be a number, or \"value\" for the event's own")),
        };
        let entries = table.iter().map(entry).collect::<Result<_, _>>()?;
        RewardTable::new(entries, cap).map_err(|error| error.to_string())
    })
}
