//! Arguments that several commands share, and how their values are read.

use crate::config::{ConfigError, Settings};
use crate::event::Span;
use std::path::PathBuf;

/// Where the settings are.
#[derive(clap::Args, Debug, Clone)]
pub(super) struct ConfigArg {
    /// The settings file; every key can also be set in the environment as REIVER_ + its path.
    #[arg(long, short, value_name = "FILE", default_value = "reiver.toml")]
    pub(super) config: PathBuf,
}

/// How the result is told.
#[derive(clap::Args, Debug, Clone, Copy)]
pub(super) struct JsonArg {
    /// Prints one JSON document, on one line, as the last line of stdout.
    #[arg(long)]
    pub(super) json: bool,
}

/// Where a running instance listens, and what it accepts as a token.
#[derive(clap::Args, Debug, Clone)]
pub(super) struct InstanceArgs {
    /// Address of the running instance; without it, `http.listen` of the settings file, or 127.0.0.1:7878.
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,

    /// The settings file to take the address from, if it exists.
    #[arg(long, short, value_name = "FILE", default_value = "reiver.toml")]
    pub(super) config: PathBuf,

    /// How long to wait for the answer.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = span)]
    pub(super) timeout: Span,
}

/// The settings of a file with the environment over it.
///
/// # Errors
/// What is wrong in the file, where, and what to do.
pub(super) fn settings(arg: &ConfigArg) -> Result<Settings, ConfigError> {
    let environment = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
    Settings::load(&arg.config, &environment.collect())
}

/// Processor cores: threads for the models.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Reads a span of time with its unit: `250ms`, `10s`, `5m`, `1h`, `7d`.
pub(super) fn span(text: &str) -> Result<Span, String> {
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "ms" => 1.0,
        "s" => 1_000.0,
        "m" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return Err("a time needs a number and a unit: 250ms, 10s, 5m, 1h or 7d".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| format!("'{number}' is not a number"))?;
    let milliseconds = (number * factor).round();
    if milliseconds > 3_650.0 * 86_400_000.0 {
        return Err("that is over ten years".to_owned());
    }
    Ok(Span(milliseconds as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_carry_their_unit() {
        assert_eq!(span("250ms"), Ok(Span(250)));
        assert_eq!(span("1.5s"), Ok(Span(1_500)));
        assert_eq!(span("7d"), Ok(Span(604_800_000)));
        assert!(span("10").is_err());
        assert!(span("s").is_err());
        assert!(span("-1s").is_err());
        assert!(span("99999999d").is_err());
    }
}
