//! `reiver healthcheck`: asks a running instance whether it is ready, for container probes and scripts.

use super::client::Call;
use super::failure::{Failure, Outcome};
use super::output;
use super::shared::{InstanceArgs, JsonArg};
use hyper::Method;

const EXAMPLES: &str = "\
Examples:
  reiver healthcheck
  reiver healthcheck --live --url http://127.0.0.1:7878

Exit codes: 0 ready (or alive), 3 it answered that it is not, 1 it did not answer.";

/// Arguments of `reiver healthcheck`.
#[derive(clap::Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
pub(super) struct HealthcheckArgs {
    /// Asks whether the process is alive, not whether it is ready.
    #[arg(long)]
    live: bool,
    #[command(flatten)]
    instance: InstanceArgs,
    #[command(flatten)]
    output: JsonArg,
}

/// Runs the command.
pub(super) fn healthcheck(args: &HealthcheckArgs) -> Outcome {
    let path = if args.live { "/healthz" } else { "/readyz" };
    let answer = Call { method: Method::GET, path, token: None, body: None }.send(&args.instance)?;
    let good = answer.status.is_success();
    if args.output.json {
        let status = answer.status.as_u16();
        output::document(&serde_json::json!({ "ok": good, "status": status, "answer": answer.body }))?;
    } else if good {
        output::line(if args.live { "alive" } else { "ready" });
    }
    if good { Ok(()) } else { Err(Failure::Check(answer.problem())) }
}
