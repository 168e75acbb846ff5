//! Arguments that several commands share, and how their values are read.

use super::failure::Failure;
use crate::config::{ConfigError, Place, Settings};
use crate::event::Span;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where the settings are.
#[derive(clap::Args, Debug, Clone)]
pub(super) struct ConfigArg {
    /// The settings file; every key can also be set in the environment as REIVER_ + its path.
    #[arg(long, short, value_name = "FILE", default_value = "reiver.toml")]
    pub(super) config: PathBuf,
}

impl ConfigArg {
    /// The settings, with the environment over them.
    ///
    /// # Errors
    /// Everything that is wrong with them, each with its place.
    pub(super) fn load(&self) -> Result<Settings, ConfigError> {
        Settings::load(&self.config, &environment())
    }
}

/// The variables that settings are read from.
fn environment() -> BTreeMap<String, String> {
    let text = |(key, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((key.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).filter(|(key, _)| key.starts_with("REIVER_")).collect()
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

/// Processor cores: threads for the models.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl InstanceArgs {
    /// The address of the instance without a slash at its end: as given, else where the settings let it listen.
    ///
    /// # Errors
    /// When there are settings that cannot be used.
    pub(super) fn base_url(&self) -> Result<String, Failure> {
        if let Some(url) = &self.url {
            return Ok(url.trim_end_matches('/').to_owned());
        }
        let settings = if self.config.exists() {
            Settings::load(&self.config, &environment())?
        } else {
            Settings::parse("", Place { name: "environment", folder: Path::new("") }, &environment())?
        };
        let mut listen = settings.http.listen;
        if listen.ip().is_unspecified() {
            // What listens everywhere is asked on the loopback of the same family.
            listen.set_ip(if listen.is_ipv4() {
                std::net::Ipv4Addr::LOCALHOST.into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        Ok(format!("http://{listen}"))
    }
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
