//! `reiver arm`: changes the state of one arm of a running instance.

use super::client::{Call, segment};
use super::failure::{Failure, Outcome};
use super::output;
use super::shared::{InstanceArgs, JsonArg};
use anyhow::Context;
use hyper::Method;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  reiver arm pause home ncf --reason \"answers are slow\"
  reiver arm promote home transitions --reason \"won for two weeks\" --token-file secrets/token

The token is read from --token-file, else from REIVER_TOKEN; it is never printed.";

/// Arguments of `reiver arm`.
#[derive(clap::Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
pub(super) struct ArmArgs {
    /// What to do: pause (no traffic until resumed), resume, retire (for good), promote (make it the baseline).
    #[arg(value_enum)]
    action: Action,
    /// The experiment.
    experiment: String,
    /// The arm.
    arm: String,
    /// Why; it is kept in the control topic.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// A file whose first line is the token.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    instance: InstanceArgs,
    #[command(flatten)]
    output: JsonArg,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy)]
enum Action {
    /// No traffic until resumed.
    Pause,
    /// Ends a pause.
    Resume,
    /// Leaves for good.
    Retire,
    /// Becomes the baseline.
    Promote,
}

impl Action {
    const fn verb(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Retire => "retire",
            Self::Promote => "promote",
        }
    }
}

/// Runs the command.
pub(super) fn arm(args: &ArmArgs) -> Outcome {
    let token = token(args)?;
    let path =
        format!("/v1/experiments/{}/arms/{}:{}", segment(&args.experiment), segment(&args.arm), args.action.verb());
    let body = serde_json::json!({ "reason": args.reason });
    let call = Call { method: Method::POST, path: &path, token: token.as_deref(), body: Some(body) };
    let answer = call.send(&args.instance)?;
    if !answer.status.is_success() {
        return Err(Failure::Failed(anyhow::anyhow!("{}", answer.problem())));
    }
    if args.output.json {
        output::document(&answer.body)?;
    } else {
        output::line(&format!("{} {} {}: done", args.action.verb(), args.experiment, args.arm));
    }
    Ok(())
}

/// The token from its file, else from the environment; `None` where there is neither.
fn token(args: &ArmArgs) -> Result<Option<String>, Failure> {
    let Some(path) = &args.token_file else {
        return Ok(std::env::var("REIVER_TOKEN").ok().filter(|token| !token.is_empty()));
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("reading the token from {}", path.display()))?;
    let first = text.lines().next().unwrap_or("").trim();
    if first.is_empty() {
        return Err(Failure::Usage(format!("{} holds no token on its first line", path.display())));
    }
    Ok(Some(first.to_owned()))
}
