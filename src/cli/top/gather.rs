//! Asking a running instance for all there is to show.

use super::facts::{Decision, Experiment, Facts, Model};
use crate::cli::client::{Answer, Call, segment};
use crate::cli::failure::Failure;
use crate::cli::shared::InstanceArgs;
use hyper::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// One look. Addresses that have nothing to say yet leave their part empty.
///
/// # Errors
/// When nobody answers, or what answers is not Reiver.
pub(super) fn gather(instance: &InstanceArgs, only: Option<&str>) -> Result<Facts, Failure> {
    let ready = ask(instance, "/readyz")?.body;
    let word = |name: &str| ready[name].as_str().map(str::to_owned);
    let Some(phase) = word("phase") else {
        let at = instance.base_url()?;
        return Err(Failure::Failed(anyhow::anyhow!("what answers at {at} is not Reiver: its /readyz tells no phase")));
    };
    let all = ask(instance, "/v1/experiments")?;
    let mut experiments: Vec<Experiment> = list(&all, "experiments");
    if let Some(name) = only {
        let known = experiments.iter().map(|e| e.name.clone()).collect::<Vec<_>>().join(", ");
        experiments.retain(|e| e.name == name);
        if experiments.is_empty() && all.status.is_success() {
            return Err(Failure::Usage(format!("there is no experiment {name:?}; there are: {known}")));
        }
    }
    let scores = ask(instance, "/v1/models")?;
    // One moment of the first experiment has the counts of the whole instance, too.
    let of = experiments.first().map_or_else(String::new, |first| format!("?experiment={}", segment(&first.name)));
    let live = ask(instance, &format!("/v1/live{of}"))?;
    let count = |outcome: &str| live.body["pulse"][outcome].as_u64();
    let outcomes = ["accepted", "ignored", "rejected", "duplicates"];
    let decisions = (live.status.is_success() && !experiments.is_empty()).then(|| list::<Decision>(&live, "decisions"));
    Ok(Facts {
        phase,
        detail: word("detail_of_phase").unwrap_or_default(),
        progress: ready["progress"].as_f64().unwrap_or(0.0),
        lag: ready["lag"].as_u64().unwrap_or(0),
        log_time: scores.body["log_time"].as_str().map(str::to_owned),
        events: outcomes.map(count).into_iter().sum(),
        rejected: count("rejected"),
        models: list::<Model>(&scores, "models"),
        experiments,
        decisions,
        ..Facts::default()
    })
}

fn ask(instance: &InstanceArgs, path: &str) -> Result<Answer, Failure> {
    Call { method: Method::GET, path, token: None, body: None }.send(instance)
}

fn list<T: DeserializeOwned>(answer: &Answer, name: &str) -> Vec<T> {
    let found = answer.body.get(name).filter(|_| answer.status.is_success()).and_then(Value::as_array);
    found.into_iter().flatten().filter_map(|one| serde_json::from_value(one.clone()).ok()).collect()
}
