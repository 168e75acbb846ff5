//! The command line as a whole: what there is, and how its answer becomes an exit code.

use super::failure::{Failure, Outcome};
use super::{arm, check, demo, export, healthcheck, output, replay, run, simulate, top, topics, version};
use crate::observe::{LogFormat, init_logs};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

const AFTER: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a check did not hold.
Progress goes to stderr; with --json the last line of stdout is one document.

Examples:
  reiver demo
  reiver run --config reiver.toml";

/// A streaming, bandit-driven online learner: it moves live traffic to the recommender that earns most.
#[derive(Parser, Debug)]
#[command(name = "reiver", version, after_help = AFTER, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// Form of the log lines on stderr; what is logged is set by REIVER_LOG (such as `info` or `reiver=debug`).
    #[arg(long, global = true, value_enum, default_value_t = LogForm::Text, value_name = "FORM")]
    log: LogForm,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum LogForm {
    /// One line of text each.
    Text,
    /// One JSON object each.
    Json,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Brings up a simulated shop and the whole loop in this process.
    Demo(demo::DemoArgs),
    /// Learns from Kafka and serves decisions.
    Run(run::RunArgs),
    /// Sends the demo's shoppers to a running instance: HTTP and its Kafka, no embedded broker.
    Simulate(simulate::SimulateArgs),
    /// Tells what `run` would find: settings, brokers, topics, events, checkpoint.
    Check(check::CheckArgs),
    /// Runs the pipeline over a file, or again over the topics of a run.
    Replay(replay::ReplayArgs),
    /// Writes a model out of the newest checkpoint to a file.
    Export(export::ExportArgs),
    /// Pauses, resumes, retires or promotes an arm of a running instance.
    Arm(arm::ArmArgs),
    /// Follows a running instance on the terminal: who leads, how sure that is, and whether it keeps up.
    Top(top::TopArgs),
    /// Our own topics.
    Topics(topics::TopicsArgs),
    /// Asks a running instance whether it is ready (or alive).
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Tells the version.
    Version(version::VersionArgs),
}

/// Runs the command line of the process and tells its exit code: 0 done, 1 failed, 2 wrong usage, 3 a check did not
/// hold.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match logs(&arguments).and_then(|()| dispatch(&arguments.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

/// Only a long run tells what it does; the other commands speak when something is wrong.
fn logs(arguments: &Arguments) -> Outcome {
    let usual = if matches!(arguments.command, Command::Run(_) | Command::Simulate(_)) { "info" } else { "warn" };
    let filter = std::env::var("REIVER_LOG").ok().filter(|filter| !filter.is_empty());
    let format = match arguments.log {
        LogForm::Text => LogFormat::Text,
        LogForm::Json => LogFormat::Json,
    };
    init_logs(format, filter.as_deref().unwrap_or(usual)).map_err(|error| Failure::Usage(error.to_string()))
}

fn report(failure: &Failure) -> ExitCode {
    output::note(&failure.message());
    failure.code()
}

fn dispatch(command: &Command) -> Outcome {
    match command {
        Command::Demo(args) => demo::demo(args),
        Command::Run(args) => run::run(args),
        Command::Simulate(args) => simulate::simulate(args),
        Command::Check(args) => check::check(args),
        Command::Replay(args) => replay::replay(args),
        Command::Export(args) => export::export(args),
        Command::Arm(args) => arm::arm(args),
        Command::Top(args) => top::top(args),
        Command::Topics(args) => topics::topics(args),
        Command::Healthcheck(args) => healthcheck::healthcheck(args),
        Command::Version(args) => version::version(args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn clap_finds_no_contradiction() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_with_an_example() {
        let mut left = vec![Arguments::command()];
        while let Some(mut command) = left.pop() {
            let name = command.get_name().to_owned();
            let help = command.render_long_help().to_string();
            if command.get_subcommands().next().is_none() {
                assert!(help.contains("Examples:\n  reiver"), "{name} has no example:\n{help}");
            }
            assert!(command.get_about().is_some(), "{name} does not say what it does");
            left.extend(command.get_subcommands().filter(|c| c.get_name() != "help").cloned());
        }
    }

    /// A line of a help text that begins with `reiver` must be a valid command line.
    #[test]
    fn examples_parse() {
        let mut left = vec![Arguments::command()];
        let mut seen = 0;
        while let Some(mut command) = left.pop() {
            for line in command.render_long_help().to_string().lines().map(str::trim) {
                if line.starts_with("reiver ") {
                    let parsed = Arguments::try_parse_from(words(line));
                    assert!(parsed.is_ok(), "this example does not parse: {line}");
                    seen += 1;
                }
            }
            left.extend(command.get_subcommands().filter(|c| c.get_name() != "help").cloned());
        }
        assert!(seen >= 10, "only {seen} examples");
    }

    /// Splits as a shell would: quotes hold words together, `>` ends the command.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut quoted) = (vec![String::new()], false);
        for c in line.split('>').next().unwrap_or("").chars() {
            match c {
                '"' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                c => words.last_mut().expect("never empty").push(c),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }
}
