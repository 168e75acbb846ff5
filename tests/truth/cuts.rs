//! The control topic, read as the learner must read it: which record was handled in which cut, at which log time.

use super::lines::Line;
use serde_json::Value;
use std::collections::BTreeMap;

/// A cut: its log time, and the records it covers in (topic, partition, offset) order.
#[derive(Debug)]
pub(crate) struct Handled<'a> {
    /// Log time after the cut, milliseconds.
    pub(crate) log_time: i64,
    /// Its records.
    pub(crate) lines: Vec<&'a Line>,
}

/// The cuts of a run in order, and the newest generation.
///
/// # Errors
/// When a cut covers records that are not among the inputs, or counts others than are there.
pub(crate) fn cuts<'a>(control: &[Line], inputs: &'a [Line]) -> Result<Vec<Handled<'a>>, String> {
    let mut by_partition: BTreeMap<(&str, i64), BTreeMap<i64, &'a Line>> = BTreeMap::new();
    for line in inputs {
        by_partition.entry((&line.topic, line.partition)).or_default().insert(line.offset, line);
    }
    let mut order: Vec<&Line> = control.iter().collect();
    order.sort_by_key(|line| line.offset);
    let (mut generation, mut log_time) = (0, i64::MIN);
    let mut positions: BTreeMap<(String, i64), i64> = BTreeMap::new();
    let mut handled = Vec::new();
    for record in order.into_iter().filter_map(|line| line.event.as_ref()) {
        let of = record["generation"].as_i64().unwrap_or(0);
        match record["type"].as_str() {
            Some("generation") => generation = of.max(generation),
            Some("cut") if of >= generation => {
                log_time = log_time.max(record["log_time"].as_i64().ok_or("a cut without log time")?);
                let mut parts: Vec<&Value> = record["parts"].as_array().ok_or("a cut without parts")?.iter().collect();
                parts.sort_by_key(|part| (part["topic"].as_str(), part["partition"].as_i64()));
                let mut lines = Vec::new();
                for part in parts {
                    lines.extend(covered(part, &by_partition, &mut positions)?);
                }
                handled.push(Handled { log_time, lines });
            }
            _ => {}
        }
    }
    Ok(handled)
}

/// The records of one part of a cut.
fn covered<'a>(
    part: &Value,
    inputs: &BTreeMap<(&str, i64), BTreeMap<i64, &'a Line>>,
    positions: &mut BTreeMap<(String, i64), i64>,
) -> Result<Vec<&'a Line>, String> {
    let topic = part["topic"].as_str().ok_or("a part without a topic")?;
    let number = part["partition"].as_i64().ok_or("a part without a partition")?;
    let end = part["end"].as_i64().ok_or("a part without an end")?;
    let first = part["start"].as_i64().unwrap_or(0);
    let begin = positions.insert((topic.to_owned(), number), end).unwrap_or(first);
    let empty = BTreeMap::new();
    let records = inputs.get(&(topic, number)).unwrap_or(&empty);
    let found: Vec<&Line> = records.range(begin..end.max(begin)).map(|(_, line)| *line).collect();
    if found.len() as u64 != part["count"].as_u64().unwrap_or(0) {
        return Err(format!("{topic}/{number} {begin}..{end}: {} records are there, the cut says {part}", found.len()));
    }
    Ok(found)
}
