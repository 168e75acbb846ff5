//! `reiver simulate`: the demo's shoppers against a running instance and its Kafka.

use super::client::Call;
use super::failure::{Failure, Outcome};
use super::output;
use super::shared::{ConfigArg, InstanceArgs, JsonArg, span};
use crate::adapter::clock::SystemClock;
use crate::app::{VisitSettings, visit};
use crate::config::Settings;
use crate::event::{Content, Span};
use hyper::Method;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  reiver simulate --config reiver.toml --duration 60s
  reiver simulate --url http://reiver:7878 --rate 50 --seed 7 --json

Never against a shop with real users: what simulated shoppers do is learned like anything else.";

/// Arguments of `reiver simulate`.
#[derive(clap::Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
pub(super) struct SimulateArgs {
    /// The instance's settings: its brokers, the topic that is written, the experiment that decides.
    #[command(flatten)]
    settings: ConfigArg,

    /// Address of the running instance; without it, `http.listen` of the settings.
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// The experiment that is asked; without it, the first of the settings.
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,

    /// Lists asked for a second; 7 browsing events come with every 3.
    #[arg(long, value_name = "N", default_value_t = 50.0)]
    rate: f64,

    /// Ends by itself after this time; without it, at Ctrl-C.
    #[arg(long, value_name = "TIME", value_parser = span)]
    duration: Option<Span>,

    /// After this time the shop's truth changes, and with it the best arm.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = span)]
    phase: Span,

    /// The root of all chance in the simulated world.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    #[command(flatten)]
    output: JsonArg,
}

/// Between two looks at the instance.
const LOOK: Duration = Duration::from_secs(1);

/// Runs the command.
pub(super) fn simulate(args: &SimulateArgs) -> Outcome {
    if !(args.rate > 0.0 && args.rate <= 10_000.0) {
        return Err(Failure::Usage(format!("--rate is {}, allowed is above 0 up to 10000", args.rate)));
    }
    let settings = args.settings.load()?;
    let instance =
        InstanceArgs { url: args.url.clone(), config: args.settings.config.clone(), timeout: Span::seconds(5) };
    let base = instance.base_url()?;
    let address = base
        .strip_prefix("http://")
        .ok_or_else(|| Failure::Usage(format!("{base}: only http:// can be asked; put a proxy before it for TLS")))?;
    let mut visits = plan(args, &settings)?;
    address.clone_into(&mut visits.address);
    ready(&instance, &base)?;
    let lag = Arc::clone(&visits.lag);
    // Ends with the process.
    std::thread::spawn(move || {
        loop {
            if let Some(records) = look(&instance).ok().and_then(|(_, lag)| lag) {
                lag.store(records, Ordering::Relaxed);
            }
            std::thread::sleep(LOOK);
        }
    });
    output::note(&format!("shoppers visit {base}, experiment {}, and write to {}", visits.experiment, visits.topic));
    let document = visit(&visits, Arc::new(SystemClock))?;
    if args.output.json {
        output::document(&document)?;
    } else {
        let told = [
            (document.served, "lists"),
            (document.written, "records"),
            (document.fed, "clicks by HTTP"),
            (document.failed + document.skipped, "requests without an answer"),
        ];
        output::line(&told.map(|(n, what)| format!("{n} {what}")).join(", "));
    }
    if document.asked > 0 && document.served == 0 {
        return Err(Failure::Failed(anyhow::anyhow!("no list was served: see the log of the instance")));
    }
    Ok(())
}

/// Which experiment and topic, out of the settings.
fn plan(args: &SimulateArgs, settings: &Settings) -> Result<VisitSettings, Failure> {
    let names = || settings.experiments.iter().map(|e| e.name.as_str()).collect::<Vec<_>>().join(", ");
    let experiment = match &args.experiment {
        Some(name) => settings.experiments.iter().find(|e| e.name == *name),
        None => settings.experiments.first(),
    };
    let experiment = experiment
        .ok_or_else(|| Failure::Usage(format!("there is no such experiment; the settings have: {}", names())))?;
    let source = settings.sources.iter().find(|s| s.content == Content::Events);
    let source = source.ok_or_else(|| {
        Failure::Usage("the settings read no topic of events: add a [[source]], the shoppers write to it".to_owned())
    })?;
    Ok(VisitSettings {
        kafka: settings.kafka.clone(),
        topic: source.topic.clone(),
        experiment: experiment.name.clone(),
        window: experiment.window,
        address: String::new(),
        seed: args.seed,
        phase: args.phase,
        rate: args.rate,
        duration: args.duration,
        lag: Arc::new(AtomicU64::new(0)),
    })
}

/// Whether it is ready, and how many records it has not learned yet.
fn look(instance: &InstanceArgs) -> Result<(bool, Option<u64>), Failure> {
    let answer = Call { method: Method::GET, path: "/readyz", token: None, body: None }.send(instance)?;
    Ok((answer.status.is_success(), answer.body["lag"].as_u64()))
}

/// Waits a minute for the instance to be ready.
fn ready(instance: &InstanceArgs, base: &str) -> Outcome {
    let mut last = String::from("it never answered");
    for _ in 0..60 {
        match look(instance) {
            Ok((true, _)) => return Ok(()),
            Ok((false, _)) => "it answers that it is not ready".clone_into(&mut last),
            Err(usage @ Failure::Usage(_)) => return Err(usage),
            Err(failure) => last = failure.message(),
        }
        std::thread::sleep(LOOK);
    }
    Err(Failure::Failed(anyhow::anyhow!("{base} was not ready within a minute: {last}")))
}
