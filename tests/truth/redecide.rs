//! Every decision again, from its log line alone: docs/assignment.md, written anew.

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

/// What is wrong with a decision's line; `Ok` where it says what it must. `stick` in milliseconds.
pub(crate) fn redecide(decision: &Value, stick: Option<i64>) -> Result<(), String> {
    let text = |key: &str| decision[key].as_str().ok_or_else(|| format!("no {key}"));
    let vector = vector(decision)?;
    let arm = text("arm")?;
    let propensity = decision["propensity"].as_f64().ok_or("no propensity")?;
    let entry = vector.iter().find(|(name, _)| name == arm).ok_or_else(|| format!("{arm} is not in the vector"))?;
    if entry.1.to_bits() != propensity.to_bits() || propensity <= 0.0 {
        return Err(format!("propensity {propensity}, and {} in the vector", entry.1));
    }
    let epoch = decision["epoch"].as_i64();
    if epoch.is_some() != stick.is_some() {
        return Err(format!("epoch {epoch:?} with stick {stick:?}"));
    }
    if let (Some(epoch), Some(stick)) = (epoch, stick) {
        let time = super::lines::milliseconds(text("event_time")?).ok_or("no time")?;
        let derived = epoch_at(text("experiment")?, text("unit")?, stick, time);
        if derived != epoch {
            return Err(format!("epoch {epoch}; its time lies in {derived}"));
        }
    }
    if text("reason")? != "assigned" {
        return if propensity == 1.0 { Ok(()) } else { Err("nothing was drawn, and yet it is not certain".into()) };
    }
    let unit = if epoch.is_some() { text("unit")? } else { text("decision_id")? };
    let epoch = epoch.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let draw = |name: &str| hash(&[text("experiment")?, text("scope")?, unit, &epoch, name, text("salt_id")?]);
    let mut best: Option<(f64, &str)> = None;
    for (name, share) in vector.iter().filter(|(_, share)| *share > 0.0) {
        let cost = -uniform(draw(name)?).ln() / share;
        if best.is_none_or(|(least, _)| cost < least) {
            best = Some((cost, name));
        }
    }
    match best {
        Some((_, drawn)) if drawn == arm => Ok(()),
        drawn => Err(format!("{arm} answered; the draw gives {drawn:?}")),
    }
}

/// The distribution that a decision was drawn from.
fn vector(decision: &Value) -> Result<Vec<(String, f64)>, String> {
    let arms = decision["arms"].as_array().ok_or("no arms")?;
    let entry = |arm: &Value| {
        let share =
            arm["propensity"].as_f64().filter(|p| (0.0..=1.0).contains(p)).ok_or("a propensity out of range")?;
        if arm["eligible"].as_bool() != Some(share > 0.0) {
            return Err(format!("eligible contradicts propensity {share}"));
        }
        Ok((arm["arm"].as_str().ok_or("an arm without a name")?.to_owned(), share))
    };
    let vector: Vec<(String, f64)> = arms.iter().map(entry).collect::<Result<_, String>>()?;
    let sum: f64 = vector.iter().map(|(_, share)| share).sum();
    if (sum - 1.0).abs() > 1e-9 { Err(format!("the vector sums to {sum}")) } else { Ok(vector) }
}

/// The epoch of a unit at a moment.
fn epoch_at(experiment: &str, unit: &str, stick: i64, time: i64) -> i64 {
    let length = (stick / 256).max(1);
    let slot = (xxh3_64(format!("{experiment}\0{unit}").as_bytes()) % 256) as i64;
    (time - slot * length).div_euclid(256 * length)
}

fn hash(texts: &[&str]) -> Result<u64, String> {
    Ok(xxh3_64(texts.join("\0").as_bytes()))
}

fn uniform(hash: u64) -> f64 {
    (hash as f64 + 0.5) / 2f64.powi(64)
}
